/* SPDX-License-Identifier: MIT
 *
 * Groups: every pair of operations, with a limit of 1, 2 or none, from every state: no thread yet,
 * one that sleeps, as many tasks under way as the limit allows.  Threads and memory that cannot be
 * had.
 *
 * Checked in each: an accepted task runs once, another one never (E4); never more at once than the
 * limit (E1); when a wait returns that no task is under way, those accepted before have finished,
 * and what they wrote can be read (E2: otherwise a data race), as can what one wrote whose failure
 * is told; the first failure ends the context and is its cause, and it is among the errors (E3); a
 * task that starts a task never waits (E5); threads are joined and memory is given back.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    GO,
    GO_NOWAIT,
    GO_TIMED,
    GO_CTX,    /* under a context of its own */
    GO_FAIL,
    GO_NEST,   /* a task that starts another */
    WAIT,
    WAIT_NOWAIT,
    WAIT_TIMED,
    CANCEL,    /* the context of the group */
    CTX_CANCEL,
    ERRORS,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "go", "go_nowait", "go_timed", "go_ctx", "go_fail", "go_nest",
    "wait", "wait_nowait", "wait_timed", "cancel", "ctx_cancel", "errors",
};

typedef enum state { NEW, IDLE, BUSY, STATES } state;
static const char *const state_names[STATES] = { "new", "idle", "busy" };

typedef struct play {
    unsigned limit;
    bool keep_going;
    state state;
    int ops;
    operation op[2];
} play;

typedef struct job {
    bool accepted, nests, fails, held;
    int ran;
    bool finished;
    struct job *other;
} job;

enum { MOST_JOBS = 8 };

static const play *now;
static ccp_group *group;
static ccp_ctx *ctx;
static ccp_chan *gate;
static job jobs[MOST_JOBS]; /* first those of the set-up, then two for each operation */
static int set_up_jobs;
static _Atomic int running;
static bool canceled;

static ccp_status run_job(ccp_ctx *c, void *arg);

static void go(job *j, ccp_wait w, ccp_status other)
{
    ccp_status st = ccp_group_go(group, run_job, j, w);
    j->accepted = st == CCP_OK;
    sim_assert(st == CCP_OK || st == other || st == CCP_NOMEM);
}

static ccp_status run_job(ccp_ctx *c, void *arg)
{
    job *j = arg;
    sim_assert(++j->ran == 1);
    int n = atomic_fetch_add(&running, 1) + 1;
    sim_assert(!now->limit || n <= (int)now->limit); /* E1; a nested one stands for its parent */
    if (j->held)
        sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    atomic_fetch_sub(&running, 1);
    if (j->nests) {
        sim_assert(ccp_group_wait(group, CCP_FOREVER) == CCP_DEADLOCK);
        go(j->other, CCP_FOREVER, CCP_OK);
    }
    j->finished = true;
    (void)ccp_ctx_status(c);
    return j->fails ? CCP_BUSY : CCP_OK;
}

static void check_set_up_finished(void)
{
    for (int i = 0; i < set_up_jobs; i++)
        sim_assert(!jobs[i].accepted || jobs[i].finished); /* E2 */
}

static job *job_of(const operation *op)
{
    return &jobs[set_up_jobs + 2 * (op - now->op)];
}

/* Started beside the wait: it may have failed after the moment for which that has waited. */
static void check_failed_finished(void)
{
    sim_assert(now->op[0] == GO_FAIL && job_of(&now->op[0])->finished); /* E2 */
}

static void wait_for(ccp_wait w, ccp_status other)
{
    ccp_status st = ccp_group_wait(group, w);
    sim_assert(st == CCP_OK || st == CCP_FAILED || st == other);
    if (st == CCP_OK || st == CCP_FAILED)
        check_set_up_finished();
    if (st == CCP_FAILED)
        check_failed_finished();
}

static void list_errors(void)
{
    ccp_group_error e[2] = { { .status = CCP_OK }, { .status = CCP_OK } };
    size_t n = ccp_group_errors(group, e, 2);
    sim_assert(n <= (now->keep_going ? 2 : 1));
    for (size_t i = 0; i < n; i++)
        sim_assert(e[i].status == CCP_BUSY && ((job *)e[i].arg)->finished);
}

static void act_out(void *arg)
{
    const operation *op = arg;
    job *j = job_of(op);
    switch (*op) {
    case GO_FAIL:
        j->fails = true;
        go(j, CCP_FOREVER, CCP_OK);
        break;
    case GO_NEST:
        j->nests = true;
        j->other = j + 1;
        go(j, CCP_FOREVER, CCP_OK);
        break;
    case GO: go(j, CCP_FOREVER, CCP_OK); break;
    case GO_NOWAIT: go(j, CCP_NOWAIT, CCP_AGAIN); break;
    case GO_TIMED: go(j, ccp_within(100), CCP_TIMEOUT); break;
    case GO_CTX: go(j, ccp_with(ctx), CCP_CANCELED); break;
    case WAIT: wait_for(CCP_FOREVER, CCP_OK); break;
    case WAIT_NOWAIT: wait_for(CCP_NOWAIT, CCP_AGAIN); break;
    case WAIT_TIMED: wait_for(ccp_within(100), CCP_TIMEOUT); break;
    case CANCEL: ccp_ctx_cancel(ccp_group_ctx(group)); break;
    case CTX_CANCEL: ccp_ctx_cancel(ctx); break;
    default: list_errors(); break;
    }
}

/* ---- Beginning and end ---- */

static void set_up(const play *p)
{
    now = p;
    scene_tune(STILL);
    group = ccp_group_make(
        &(ccp_group_opts){ .limit = p->limit, .keep_going = p->keep_going });
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    gate = scene_chan(0, 0);
    sim_assert(group && ctx);
    set_up_jobs = 0;
    if (p->state == IDLE) {
        go(&jobs[set_up_jobs++], CCP_FOREVER, CCP_OK);
        wait_for(CCP_FOREVER, CCP_OK);
    }
    for (unsigned i = 0; p->state == BUSY && i < (p->limit ? p->limit : 1); i++) {
        jobs[set_up_jobs].held = true;
        go(&jobs[set_up_jobs++], CCP_FOREVER, CCP_OK);
    }
    if (p->state == IDLE)
        sim_settle();
    for (int i = 0; i < p->ops; i++)
        canceled |= p->op[i] == CANCEL;
}

static void check_failures(ccp_status st)
{
    size_t failed = 0;
    for (int i = 0; i < MOST_JOBS; i++)
        failed += jobs[i].ran && jobs[i].fails;
    sim_assert(st == (failed ? CCP_FAILED : CCP_OK));
    sim_assert(ccp_group_errors(group, NULL, 0) == (now->keep_going || !failed ? failed : 1));
    const ccp_group_error *cause = ccp_ctx_cause(ccp_group_ctx(group));
    bool ended = ccp_ctx_status(ccp_group_ctx(group)) != CCP_OK;
    sim_assert(ended == (canceled || (failed && !now->keep_going))); /* E3 */
    sim_assert(!cause || (cause->status == CCP_BUSY && failed && !now->keep_going));
    sim_assert(cause || canceled || !failed || now->keep_going);
}

static void finish(void)
{
    sim_assert(ccp_chan_close(gate) == CCP_OK);
    sim_settle(); /* the operations have ended, and the group's threads sleep */
    ccp_status st = ccp_group_wait(group, CCP_FOREVER);
    for (int i = 0; i < MOST_JOBS; i++)
        sim_assert(jobs[i].ran == jobs[i].accepted && jobs[i].finished == jobs[i].accepted);
    check_failures(st);
    sim_assert(ccp_group_wait(group, CCP_NOWAIT) == st);
    sim_assert(ccp_group_free(group) == CCP_OK);
    sim_assert(scene_threads() == 0);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- Threads and memory that cannot be had ---- */

static void run_short(void *arg)
{
    const play *p = arg;
    now = p;
    scene_tune(STILL);
    group = ccp_group_make(
        &(ccp_group_opts){ .limit = p->limit, .keep_going = p->keep_going });
    if (group) {
        for (int i = 0; i < 3; i++)
            go(&jobs[i], CCP_FOREVER, CCP_OK);
        sim_assert(ccp_group_wait(group, CCP_FOREVER) == CCP_OK);
        for (int i = 0; i < 3; i++)
            sim_assert(jobs[i].ran == jobs[i].accepted);
        sim_assert(ccp_group_free(group) == CCP_OK);
    }
    sim_assert(scene_threads() == 0 && ccp_live_blocks() == 0);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.limit%u%s.%s.%s+%s", how, p->limit,
              p->keep_going ? ".all" : "", state_names[p->state], operation_names[p->op[0]],
              operation_names[p->op[1]]);
}

int main(int argc, char **argv)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    const sim_options random = { .mode = SIM_PCT, .n = 200 };
    const play told = { 1, false, NEW, 2, { GO_FAIL, ERRORS } }; /* of the first failure alone */
    add_play(&told, &few, "one");
    add_play(&told, &random, "some");
    for (unsigned limit = 0; limit <= 2; limit++)
        for (int s = 0; s < STATES; s++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { limit, b == ERRORS, (state)s, 2, { (operation)a, (operation)b } };
                    add_play(&p, &few, "one");
                    add_play(&p, &random, "some");
                }
    const sim_options short_of = { .mode = SIM_DFS, .preemptions = 1, .fail_alloc = 1,
                                   .fail_thread = 1 };
    for (unsigned limit = 0; limit <= 2; limit++)
        for (int keep = 0; keep < 2; keep++) {
            play p = { limit, keep, NEW, 0, { GO, GO } };
            scene_add(run_short, scene_keep(&p, sizeof p), &short_of, "short.limit%u%s", limit,
                      keep ? ".all" : "");
        }
    return scene_main(argc, argv);
}
