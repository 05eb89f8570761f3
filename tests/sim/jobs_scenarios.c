/* SPDX-License-Identifier: MIT
 *
 * Tasks of a worker pool that have options: every pair of operations, with one worker, a queue of
 * 0, 1 or 2 tasks, and a gate that the worker may be held up at; larger plays with two workers.
 *
 * Checked in each: an accepted task runs once or is handed back once, another one never (P3); what
 * it wrote can be read after a drain (P6: otherwise a data race); what waits before a cancel is
 * handed back by it (P20); the end of each task is counted once (P21); every call returns once the
 * gate is open; the figures add up; memory is given back.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

/* ---- Operations ---- */

typedef enum operation {
    LOW,        /* submits a task of priority 0, which has an owner */
    HIGH,       /* of priority 1 */
    PLAIN,      /* without options */
    LATE,       /* that may come too late */
    UNDER,      /* with a context */
    DELAYED,    /* that waits for its time, and has the owner */
    SOON,       /* that waits less, of priority 1 */
    NOWAIT,     /* of priority 2, and does not wait */
    BATCH,      /* two by one call, without options */
    BATCH_WITH, /* with the owner */
    CANCEL,     /* of that owner */
    DRAIN,
    WAIT,
    CLOSE,
    SHUTDOWN_NOWAIT,
    CTX_CANCEL, /* of that context */
    OPEN,       /* the gate */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "low", "high", "plain", "late", "under", "delayed", "soon", "nowait", "batch",
    "batch_with", "cancel", "drain", "wait", "close", "shutdown_nowait", "ctx_cancel", "open",
};

typedef enum state {
    IDLE, /* the worker sleeps */
    HELD, /* it has a task that does not end before the gate is open; one with an owner waits */
    LEFT, /* the same, but what waited was withdrawn: its place is left */
    LATER, /* the worker sleeps; a task of the owner waits for its time */
    STATES
} state;

static const char *const state_names[STATES] = { "idle", "held", "left", "later" };

#define MOST_OPS 6

typedef struct play {
    unsigned workers;
    size_t queue;
    state state;
    ccp_pool_full full;
    unsigned aging;
    int ops;
    operation op[MOST_OPS];
} play;

/* ---- The stage ---- */

typedef struct job {
    bool accepted, owned, held;
    int64_t not_before;
    int ran, handed_back;
    bool finished;
} job;

enum { MOST_JOBS = 20 };

static const play *now;
static ccp_pool *pool;
static ccp_ctx *ctx;
static ccp_chan *gate;
static ccp_wg wg;
static job jobs[MOST_JOBS]; /* those of the set-up, then two for each operation */
static int set_up;
static int inside[SIM_THREADS]; /* 1 + operation under way */
static atomic_int canceling;    /* jobs of the owner in the set-up need not run */
static bool may_be_short;       /* of threads */

static ccp_status run_job(ccp_ctx *c, void *arg)
{
    job *j = arg;
    sim_assert(++j->ran == 1 && !j->handed_back);
    sim_assert(sim_now() >= j->not_before); /* P24 */
    if (j->held) {
        ccp_status st = ccp_chan_recv(gate, NULL, ccp_with(c));
        sim_assert(st == CCP_CLOSED || (st == CCP_CANCELED && ccp_ctx_status(c) == st));
    }
    j->finished = true;
    return CCP_OK;
}

static void take_back(ccp_task fn, void *arg, void *unrun_arg)
{
    job *j = arg;
    sim_assert(fn == run_job && unrun_arg == jobs);
    sim_assert(++j->handed_back == 1 && !j->ran);
}

static void note(job *j, ccp_status st, ccp_wait w)
{
    j->accepted = st == CCP_OK;
    sim_assert(st == CCP_OK || st == CCP_CLOSED || (st == CCP_NOMEM && may_be_short) ||
               (st == CCP_AGAIN && w.ns_ == 0 && now->full == CCP_FULL_FAILS));
}

static void submit(job *j, ccp_task_opts o, ccp_wait w)
{
    o.done = &wg;
    j->owned = o.owner != NULL;
    j->not_before = o.after ? sim_now() + o.after : 0;
    ccp_status st = ccp_pool_submit_with(pool, run_job, j, &o, w);
    if (o.ctx && st == CCP_CANCELED)
        return;
    note(j, st, w);
}

static void submit_plain(job *j, ccp_wait w)
{
    note(j, ccp_pool_submit(pool, run_job, j, w), w);
}

static void submit_two(job *two, const ccp_task_opts *o)
{
    const ccp_pool_task tasks[2] = { { run_job, &two[0] }, { run_job, &two[1] } };
    size_t n = 0;
    two[0].owned = two[1].owned = o != NULL;
    ccp_status st = ccp_pool_submit_n(pool, tasks, 2, o, &n, CCP_FOREVER);
    sim_assert(st == CCP_OK ? n == 1 || n == 2 : st == CCP_CLOSED && n == 0);
    for (size_t i = 0; i < n; i++)
        two[i].accepted = true;
}

static void check_set_up_ended(bool all)
{
    for (int i = 0; i < set_up; i++)
        sim_assert((jobs[i].not_before && !all) || !jobs[i].accepted || /* P24 */
                   jobs[i].finished ||                                  /* P4 */
                   (jobs[i].owned && (atomic_load(&canceling) || now->full)));
}

static void drain(bool all)
{
    ccp_status st = all ? ccp_pool_wait(pool, CCP_FOREVER) : ccp_pool_drain(pool, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    if (st == CCP_OK)
        check_set_up_ended(all);
}

/* Does nobody else take tasks out of the queue? */
static bool stays_put(void)
{
    int cancels = 0;
    for (int i = 0; i < now->ops; i++) {
        cancels += now->op[i] == CANCEL;
        if (now->op[i] == OPEN || now->op[i] == SHUTDOWN_NOWAIT)
            return false;
    }
    return now->state == HELD && now->full == CCP_FULL_FAILS && cancels == 1;
}

static void cancel(void)
{
    size_t n = MOST_JOBS;
    atomic_store(&canceling, 1);
    sim_assert(ccp_pool_cancel(pool, jobs, &n) == CCP_OK && n < MOST_JOBS);
    if (stays_put() && now->queue) /* P20 */
        sim_assert(n >= 1 && jobs[set_up - 1].handed_back == 1);
}

static void act_out(void *arg)
{
    const operation *op = arg;
    job *own = &jobs[set_up + 2 * (int)(op - now->op)];
    inside[sim_self()] = 1 + (int)*op;
    switch (*op) {
    case LOW: submit(own, (ccp_task_opts){ .owner = jobs }, CCP_FOREVER); break;
    case HIGH: submit(own, (ccp_task_opts){ .priority = 1 }, CCP_FOREVER); break;
    case PLAIN: submit_plain(own, CCP_FOREVER); break;
    case LATE: submit(own, (ccp_task_opts){ .within = 100 }, CCP_FOREVER); break;
    case UNDER: submit(own, (ccp_task_opts){ .ctx = ctx }, CCP_FOREVER); break;
    case DELAYED:
        submit(own, (ccp_task_opts){ .after = 100, .owner = jobs }, CCP_NOWAIT);
        break;
    case SOON: submit(own, (ccp_task_opts){ .after = 50, .priority = 1 }, CCP_NOWAIT); break;
    case NOWAIT: submit(own, (ccp_task_opts){ .priority = 2 }, CCP_NOWAIT); break;
    case BATCH: submit_two(own, NULL); break;
    case BATCH_WITH: submit_two(own, &(ccp_task_opts){ .owner = jobs, .done = &wg }); break;
    case CANCEL: cancel(); break;
    case DRAIN: drain(false); break;
    case WAIT: drain(true); break;
    case CLOSE: (void)ccp_pool_close(pool); break;
    case SHUTDOWN_NOWAIT: {
        ccp_status st = ccp_pool_shutdown(pool, NULL, NULL, CCP_NOWAIT);
        sim_assert(st == CCP_OK || st == CCP_AGAIN);
        break;
    }
    case CTX_CANCEL: ccp_ctx_cancel(ctx); break;
    default: (void)ccp_chan_close(gate); break;
    }
    inside[sim_self()] = 0;
}

/* ---- Beginning and end ---- */

static void hold_up(void)
{
    for (unsigned i = 0; i < now->workers; i++) {
        jobs[set_up].held = true;
        submit_plain(&jobs[set_up++], CCP_FOREVER);
        sim_settle(); /* a worker has it */
    }
    if (now->queue)
        submit(&jobs[set_up++], (ccp_task_opts){ .owner = jobs }, CCP_NOWAIT);
    if (now->state == LEFT) {
        atomic_store(&canceling, 1);
        sim_assert(ccp_pool_cancel(pool, jobs, NULL) == CCP_OK);
        sim_assert(jobs[set_up - 1].handed_back == (now->queue > 0));
    }
}

static void begin(const play *p)
{
    now = p;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = p->workers, .queue = p->queue,
                                          .unrun = take_back, .unrun_arg = jobs,
                                          .full = p->full, .aging = p->aging });
    sim_assert(ctx && pool);
    sim_settle();
    if (p->state == LATER)
        submit(&jobs[set_up++], (ccp_task_opts){ .after = 100, .owner = jobs }, CCP_NOWAIT);
    else if (p->state != IDLE)
        hold_up();
}

static void finish(void)
{
    sim_settle();
    (void)ccp_chan_close(gate);
    sim_settle();
    sim_assert(!scene_any(inside)); /* every call has returned */
    ccp_pool_info info;
    sim_assert(ccp_pool_get_info(pool, &info) == CCP_OK && info.queued == 0 && info.busy == 0 &&
               info.delayed == 0);
    sim_assert(ccp_wg_wait(&wg, CCP_NOWAIT) == CCP_OK); /* P21 */
    uint64_t ran = 0, back = 0;
    for (int i = 0; i < MOST_JOBS; i++) {
        const job *j = &jobs[i];
        sim_assert(j->ran + j->handed_back == j->accepted && j->finished == j->ran); /* P3 */
        ran += (unsigned)j->ran;
        back += (unsigned)j->handed_back;
    }
    sim_assert(info.finished == ran && info.handed_back == back);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    begin(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- By hand ---- */

/* Lets the worker go on to the next task that is held up. */
static void go_on(void)
{
    ccp_chan *before = gate;
    gate = scene_chan(0, 1);
    sim_assert(ccp_chan_close(before) == CCP_OK);
    sim_settle();
    (void)scene_chan_end(before);
}

/* A task that a later one has overtaken is withdrawn while a drain waits for it. */
static void overtaken(void *arg)
{
    begin(arg);
    for (int i = 0; i < 4; i++)
        jobs[i].held = i != 1;
    submit_plain(&jobs[0], CCP_FOREVER);
    sim_settle();
    submit(&jobs[1], (ccp_task_opts){ .owner = jobs }, CCP_NOWAIT);
    set_up = 2;
    sim_spawn(act_out, (void *)(uintptr_t)&now->op[0]);
    sim_settle();
    submit_plain(&jobs[2], CCP_NOWAIT);
    submit(&jobs[3], (ccp_task_opts){ .priority = 1 }, CCP_NOWAIT);
    go_on();
    sim_assert(jobs[3].ran && !jobs[1].ran); /* P18 */
    go_on();
    sim_assert(jobs[3].finished && jobs[2].ran && !jobs[1].ran && scene_any(inside)); /* P4 */
    cancel();
    sim_settle();
    sim_assert(jobs[1].handed_back); /* P20 */
    finish();
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[100] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.workers%u.queue%zu.full%d.%s.%s", how,
              p->workers, p->queue, (int)p->full, state_names[p->state], ops);
}

/* Too many schedules? */
static bool are_many(size_t queue, int s, int a, int b)
{
    bool late = a == DELAYED || a == SOON || b == DELAYED || b == SOON || s == LATER;
    return late || ((a == BATCH_WITH || b == BATCH_WITH) && queue == 1);
}

static void pairs(void)
{
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    static const sim_options some = { .mode = SIM_PCT, .depth = 4, .n = 200 };
    for (size_t queue = 0; queue <= 2; queue++)
        for (int s = 0; s < STATES; s++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    bool twice = a == SHUTDOWN_NOWAIT && b == a; /* one thread may */
                    bool many = are_many(queue, s, a, b);
                    if (!twice && !(queue == 0 && s == LEFT))
                        add_play(&(play){ 1, queue, (state)s, CCP_FULL_FAILS, 0, 2,
                                          { (operation)a, (operation)b } },
                                 many ? &some : &one, many ? "some" : "one");
                }
}

static void crowds(void)
{
    static const operation op[][MOST_OPS] = {
        { LOW, HIGH, PLAIN, CANCEL, DRAIN, OPEN },
        { LOW, LATE, UNDER, CTX_CANCEL, WAIT, OPEN },
        { LOW, HIGH, NOWAIT, CANCEL, SHUTDOWN_NOWAIT, OPEN },
        { LOW, LOW, CANCEL, CANCEL, HIGH, CLOSE },
        { NOWAIT, NOWAIT, NOWAIT, CANCEL, DRAIN, OPEN },
        { LOW, DRAIN, HIGH, HIGH, DRAIN, OPEN },
        { BATCH, BATCH_WITH, DRAIN, CANCEL, BATCH_WITH, OPEN },
        { DELAYED, SOON, CANCEL, WAIT, LOW, OPEN },
        { DELAYED, SOON, DELAYED, SHUTDOWN_NOWAIT, CANCEL, OPEN },
        { DELAYED, SOON, HIGH, CLOSE, DRAIN, OPEN },
    };
    static const char *const names[] = { "crowd_drain", "crowd_late", "crowd_shutdown",
                                         "crowd_close", "crowd_full", "crowd_overtake",
                                         "crowd_batch", "crowd_delayed", "crowd_delayed_shutdown",
                                         "crowd_delayed_close" };
    static const sim_options o = { .mode = SIM_PCT, .depth = 4, .n = 500, .spurious = 1 };
    for (size_t i = 0; i < sizeof op / sizeof *op; i++)
        for (unsigned workers = 1; workers <= 2; workers++)
            for (size_t queue = 0; queue <= 2; queue++)
                for (int s = 0; s < STATES; s++)
                    for (int full = 0; full <= CCP_FULL_DROPS_OLDEST; full++) {
                        bool fits = i == 4 ? s != IDLE : full == CCP_FULL_FAILS;
                        play p = { workers, queue, (state)s, (ccp_pool_full)full,
                                   (unsigned)queue, MOST_OPS, { LOW } };
                        for (int k = 0; k < MOST_OPS; k++)
                            p.op[k] = op[i][k];
                        if (fits && !(queue == 0 && s == LEFT))
                            add_play(&p, &o, names[i]);
                    }
}

int main(int argc, char **argv)
{
    static const play alone = { .workers = 1, .queue = 4, .op = { DRAIN } };
    static const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    pairs();
    crowds();
    scene_add(overtaken, scene_keep(&alone, sizeof alone), &two, "two_overtaken");
    return scene_main(argc, argv);
}
