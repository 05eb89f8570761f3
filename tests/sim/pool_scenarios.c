/* SPDX-License-Identifier: MIT
 *
 * Worker pools: every pair of operations, with one worker and two, a queue of 0, 1 or 2 tasks, from
 * every state: workers that sleep, that have just been started, a queue that is full before workers
 * that work or that are held up, closed (how_many() says which schedules of them).  Starting with
 * too little memory or too few threads; larger plays.
 *
 * Checked in each: an accepted task runs once or is handed back once, another one never (P3); one
 * worker runs them in the order of acceptance (P1); what was accepted before a drain has finished
 * when it returns CCP_OK (P4), and what it wrote can be read (P6: otherwise a data race); after a
 * shutdown no task runs; every call returns once nothing holds up the workers; threads are joined
 * and memory is given back.
 */
#include "pool_alone.h"
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

/* ---- Operations ---- */

typedef enum operation {
    SUBMIT,
    SUBMIT_NOWAIT,
    SUBMIT_TIMED,
    SUBMIT_CTX,   /* under the pool's parent */
    SUBMIT_MORE,  /* a task that submits another */
    SUBMIT_DRAIN, /* and wait until it has run */
    DRAIN,
    DRAIN_NOWAIT,
    DRAIN_TIMED,
    DRAIN_CTX,
    CLOSE,
    SHUTDOWN,
    SHUTDOWN_NOWAIT,
    SHUTDOWN_TIMED,
    ABORT,
    GET_INFO,
    CTX_CANCEL, /* of the parent */
    WAIT,
    MORE,       /* one worker more */
    FEWER,      /* one worker only */
    SUBMIT_NEST, /* a task that submits another, for as long as that takes */
    BLOCK,       /* and one in a blocking section */
    OPERATIONS,
    OPEN = OPERATIONS /* the gate: in plays by hand only */
} operation;

static const char *const operation_names[OPERATIONS + 1] = {
    "submit", "submit_nowait", "submit_timed", "submit_ctx", "submit_more", "submit_drain",
    "drain", "drain_nowait", "drain_timed", "drain_ctx", "close", "shutdown", "shutdown_nowait",
    "shutdown_timed", "abort", "get_info", "ctx_cancel", "wait", "more", "fewer",
    "submit_nest", "block", "open",
};

typedef enum state {
    IDLE,     /* all workers sleep */
    STARTING, /* they have just been started */
    FULL,     /* as many tasks as workers and queue hold: the workers begin with them */
    HELD,     /* the same, but each worker has a task that does not end */
    CLOSED,   /* closed with one task in it */
    STATES
} state;

static const char *const state_names[STATES] = { "idle", "starting", "full", "held", "closed" };

#define MOST_OPS 6

typedef struct play {
    unsigned workers;
    size_t queue;
    state state;
    bool free_at_once; /* by ccp_pool_free() alone, with tasks in it if there are any */
    bool elastic;      /* workers come and go as they are needed, and one is to spare */
    ccp_pool_full full;
    int ops;
    operation op[MOST_OPS];
} play;

/* ---- The stage ---- */

typedef struct job {
    bool accepted;
    bool more;      /* submits another one */
    bool nests;     /* waits for room, to do so */
    bool blocks;    /* meanwhile there may be a worker more */
    bool held;      /* waits until the gate opens, or its context ends */
    int ran, handed_back;
    bool finished;
    struct job *other;
} job;

enum { MOST_JOBS = 24 };

static const play *now;
static ccp_pool *pool;
static ccp_ctx *ctx;
static ccp_chan *gate;
static job jobs[MOST_JOBS];  /* first those of the set-up, then two for each operation */
static int set_up;           /* jobs of the set-up */
static int order[MOST_JOBS]; /* with one worker: who ran, one after the other */
static int run_count;
static int inside[SIM_THREADS]; /* 1 + operation under way */
static atomic_uint running;     /* tasks */

static ccp_status run_job(ccp_ctx *c, void *arg);

static bool submit(job *j, ccp_wait w)
{
    ccp_status st = ccp_pool_submit(pool, run_job, j, w);
    j->accepted = st == CCP_OK;
    bool limited = w.ns_ != INT64_MAX;
    sim_assert(st == CCP_OK || st == CCP_CLOSED || (w.ctx_ && st == CCP_CANCELED) ||
               (limited && !now->full && st == (w.ns_ == 0 ? CCP_AGAIN : CCP_TIMEOUT)));
    return st == CCP_OK;
}

/* With two that resize at once there may be one of each. */
static unsigned most_workers(void)
{
    bool more = false;
    for (int i = 0; i < now->ops; i++)
        more |= now->op[i] == MORE;
    return now->workers + more + now->elastic;
}

static ccp_status run_job(ccp_ctx *c, void *arg)
{
    job *j = arg;
    sim_assert(++j->ran == 1 && !j->handed_back);
    int worker = ccp_pool_worker(c);
    bool here = worker < 0; /* P16 */
    sim_assert(here ? now->full == CCP_FULL_RUNS : worker < MOST_JOBS);
    unsigned before = atomic_fetch_add_explicit(&running, !here, memory_order_relaxed);
    sim_assert(here || before < most_workers()); /* P2 */
    if (most_workers() == 1 && !here)
        order[run_count++] = (int)(j - jobs);
    if (j->more) {
        sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_DEADLOCK);
        sim_assert(ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER) == CCP_DEADLOCK);
        sim_assert(ccp_pool_free(pool) == CCP_DEADLOCK);
        sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == CCP_DEADLOCK);
        (void)submit(j->other, CCP_NOWAIT);
    }
    if (j->nests) {
        ccp_status got = ccp_pool_submit(pool, run_job, j->other, CCP_FOREVER);
        j->other->accepted = got == CCP_OK;
        sim_assert(got == CCP_OK || got == CCP_CLOSED || got == CCP_DEADLOCK ||
                   (got == CCP_NOMEM && now->elastic));
    }
    if (j->blocks)
        sim_assert(ccp_pool_block(pool) == CCP_OK && ccp_pool_unblock(pool) == CCP_OK);
    ccp_status st = CCP_OK;
    if (j->held) {
        st = ccp_chan_recv(gate, NULL, ccp_with(c));
        sim_assert(st == CCP_CLOSED || (st == CCP_CANCELED && ccp_ctx_status(c) == st));
    }
    j->finished = true;
    atomic_fetch_sub_explicit(&running, !here, memory_order_relaxed);
    return st;
}

static void take_back(ccp_task fn, void *arg, void *unrun_arg)
{
    job *j = arg;
    sim_assert(fn == run_job && unrun_arg == jobs);
    sim_assert(++j->handed_back == 1 && !j->ran);
}

static void check_set_up_finished(bool or_back)
{
    for (int i = 0; i < set_up; i++)
        sim_assert(!jobs[i].accepted || jobs[i].finished || now->full || /* or dropped */
                   (or_back && jobs[i].handed_back));
}

static void drain(job *own, ccp_wait w)
{
    ccp_status st = ccp_pool_drain(pool, w);
    if (st == CCP_OK) { /* P4, P6 */
        check_set_up_finished(false);
        sim_assert(!own || own->finished);
    } else if (st != CCP_CLOSED) {
        sim_assert(st == (w.ctx_ ? CCP_CANCELED : w.ns_ == 0 ? CCP_AGAIN : CCP_TIMEOUT));
    }
}

/* Is it one of the operations? */
static bool has(operation op)
{
    bool is = false;
    for (int i = 0; i < now->ops; i++)
        is |= now->op[i] == op;
    return is;
}

static bool resized(void)
{
    return has(MORE) || has(FEWER);
}

static void abort_it(void)
{
    sim_assert(ccp_pool_abort(pool, take_back, jobs) == CCP_OK);
    sim_assert(ccp_pool_submit(pool, run_job, NULL, CCP_FOREVER) == CCP_CLOSED);
}

static void shut_down(ccp_wait w)
{
    ccp_status st = ccp_pool_shutdown(pool, take_back, jobs, w);
    sim_assert(st == CCP_OK || st == (w.ns_ == 0 ? CCP_AGAIN : CCP_TIMEOUT) ||
               (st == CCP_CLOSED && has(ABORT)));
    if (st == CCP_OK || !has(ABORT)) /* another may be about to hand them back */
        check_set_up_finished(st != CCP_OK);
    sim_assert(ccp_pool_shutdown(pool, NULL, NULL, w) == CCP_CLOSED);
    sim_assert(ccp_pool_submit(pool, run_job, NULL, CCP_FOREVER) == CCP_CLOSED);
}

static void resize(unsigned workers)
{
    ccp_status st = ccp_pool_resize(pool, workers);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
}

static void wait_for_all(void)
{
    ccp_status st = ccp_pool_wait(pool, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    if (st == CCP_OK) /* P12 */
        check_set_up_finished(false);
}

static void look(void)
{
    ccp_pool_info a, b;
    sim_assert(ccp_pool_get_info(pool, &a) == CCP_OK && ccp_pool_get_info(pool, &b) == CCP_OK);
    sim_assert(a.workers <= most_workers() && a.queue_cap == now->queue && a.queued <= a.queue_cap);
    sim_assert(a.workers == now->workers || now->elastic || resized());
    sim_assert(a.queue_high_water <= a.queue_cap && a.finished <= b.finished);
    sim_assert(a.finished <= (uint64_t)(set_up + 2 * now->ops));
}

static void act_out(void *arg)
{
    const operation *op = arg;
    job *own = &jobs[set_up + 2 * (int)(op - now->op)];
    inside[sim_self()] = 1 + (int)*op;
    switch (*op) {
    case SUBMIT: (void)submit(own, CCP_FOREVER); break;
    case SUBMIT_NOWAIT: (void)submit(own, CCP_NOWAIT); break;
    case SUBMIT_TIMED: (void)submit(own, ccp_within(100)); break;
    case SUBMIT_CTX: (void)submit(own, ccp_with(ctx)); break;
    case SUBMIT_MORE:
        own->more = true;
        own->other = own + 1;
        (void)submit(own, CCP_FOREVER);
        break;
    case SUBMIT_DRAIN:
        if (submit(own, CCP_FOREVER))
            drain(own, CCP_FOREVER);
        break;
    case DRAIN: drain(NULL, CCP_FOREVER); break;
    case DRAIN_NOWAIT: drain(NULL, CCP_NOWAIT); break;
    case DRAIN_TIMED: drain(NULL, ccp_within(100)); break;
    case DRAIN_CTX: drain(NULL, ccp_with(ctx)); break;
    case CLOSE:
        (void)ccp_pool_close(pool);
        sim_assert(ccp_pool_submit(pool, run_job, NULL, CCP_FOREVER) == CCP_CLOSED);
        sim_assert(ccp_pool_close(pool) == CCP_CLOSED);
        break;
    case SHUTDOWN: shut_down(CCP_FOREVER); break;
    case SHUTDOWN_NOWAIT: shut_down(CCP_NOWAIT); break;
    case SHUTDOWN_TIMED: shut_down(ccp_within(100)); break;
    case ABORT: abort_it(); break;
    case GET_INFO: look(); break;
    case WAIT: wait_for_all(); break;
    case MORE: resize(now->workers + 1); break;
    case FEWER: resize(1); break;
    case SUBMIT_NEST:
        own->nests = true;
        own->other = own + 1;
        (void)submit(own, CCP_FOREVER);
        break;
    case BLOCK:
        own->blocks = true;
        (void)submit(own, CCP_FOREVER);
        break;
    case OPEN: (void)ccp_chan_close(gate); break;
    default: ccp_ctx_cancel(ctx); break;
    }
    inside[sim_self()] = 0;
}

/* ---- Beginning and end ---- */

static void fill(bool held)
{
    for (unsigned i = 0; i < now->workers; i++) {
        jobs[set_up].held = held;
        sim_assert(submit(&jobs[set_up++], CCP_FOREVER));
        if (held)
            sim_settle(); /* a worker has it */
    }
    for (size_t i = 0; i < now->queue; i++)
        (void)submit(&jobs[set_up++], CCP_NOWAIT);
}

static void begin(const play *p)
{
    now = p;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = p->workers, .queue = p->queue, .parent = ctx,
                                          .unrun = take_back, .unrun_arg = jobs,
                                          .idle = p->elastic ? 50 : 0,
                                          .spare = p->elastic,
                                          .full = p->full });
    sim_assert(ctx && pool && scene_threads() == (p->elastic ? 0 : (int)p->workers));
    if (p->state != STARTING)
        sim_settle();
    if (p->state == FULL || p->state == HELD)
        fill(p->state == HELD);
    if (p->state == CLOSED) {
        (void)submit(&jobs[set_up++], CCP_FOREVER);
        sim_assert(ccp_pool_close(pool) == CCP_OK);
    }
}

static void check_jobs(void)
{
    for (int i = 0; i < MOST_JOBS; i++) {
        const job *j = &jobs[i];
        sim_assert(j->ran + j->handed_back == j->accepted && j->finished == j->ran); /* P3 */
    }
    int last = -1;
    for (int i = 0; i < run_count && !(now->elastic && now->queue == 0); i++)
        if (order[i] < set_up) { /* P1 */
            sim_assert(order[i] > last && i < set_up);
            last = order[i];
        }
}

/* Everybody has come to rest: in a pool that was not closed there are as many workers as may be. */
static void check_size(void)
{
    ccp_pool_info info;
    sim_assert(ccp_pool_get_info(pool, &info) == CCP_OK && info.most <= most_workers());
    bool closed = now->state == CLOSED;
    for (int i = 0; i < now->ops; i++)
        closed |= now->op[i] >= CLOSE && now->op[i] <= ABORT;
    sim_assert(closed || info.workers <= info.limit); /* P10 */
    sim_assert(closed || now->elastic || info.workers == info.limit);
}

static void finish(void)
{
    sim_settle();
    if (!now->free_at_once || scene_any(inside)) {
        (void)ccp_chan_close(gate);
        sim_settle();
        sim_assert(!scene_any(inside));
        check_size();
        ccp_status st = ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER);
        sim_assert(st == CCP_OK || st == CCP_CLOSED);
    }
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    check_jobs();
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

/* ---- The table ---- */

static bool shuts(operation op)
{
    return op >= SHUTDOWN && op <= SHUTDOWN_TIMED;
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[100] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.workers%u%s.queue%zu.%s.%s", how,
              p->workers, p->elastic ? "idle" : "", p->queue, state_names[p->state], ops);
}

/* Workers are threads, too: all schedules are too many but where nothing is submitted; then those
 * with two preemptions, or one; and with two workers that are busy these are too many, too. */
static const char *how_many(const play *p)
{
    operation a = p->op[0], b = p->op[1];
    bool again = a == SUBMIT_DRAIN && b == SUBMIT_DRAIN;
    if (p->elastic || a == MORE || b == MORE || (b == FEWER && p->workers == 2) ||
        b >= SUBMIT_NEST)
        return "some";
    if (p->workers == 2)
        return p->state == IDLE && b != SUBMIT_MORE ? "one" : "some";
    if (p->state == FULL && (again || (p->queue == 1 && b <= SUBMIT_DRAIN)))
        return "some";
    if (p->state != IDLE)
        return "one";
    if (a >= DRAIN)
        return "pair";
    bool much = b == SUBMIT_MORE || b == SUBMIT_DRAIN || (a == SUBMIT_DRAIN && shuts(b));
    return much ? "one" : "two";
}

/* An idle worker whose limits always run out at once is, to schedules by priority, a livelock. */
static const sim_options at_random = { .mode = SIM_RANDOM, .n = 200 };

static void add_pair(const play *p)
{
    const char *how = how_many(p);
    sim_options o = { .mode = SIM_DFS };
    if (how[0] == 's')
        o = p->elastic ? at_random : (sim_options){ .mode = SIM_PCT, .depth = 4, .n = 120 };
    else if (how[0] == 'p')
        o.mode = SIM_DPOR;
    else
        o.preemptions = how[0] == 't' ? 2 : 1;
    if (!shuts(p->op[0]) || !shuts(p->op[1])) /* one thread may */
        add_play(p, &o, how);
}

static void pairs(void)
{
    for (unsigned workers = 1; workers <= 2; workers++)
        for (size_t queue = 0; queue <= 2; queue++)
            for (int s = 0; s < STATES; s++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++)
                        add_pair(&(play){ workers, queue, (state)s, (a + b) % 2, false,
                                          CCP_FULL_FAILS, 2, { (operation)a, (operation)b } });
}

/* Of workers that come and go. */
static void elastic_pairs(void)
{
    static const state states[] = { IDLE, FULL, CLOSED };
    for (size_t queue = 0; queue <= 1; queue++)
        for (size_t s = 0; s < sizeof states / sizeof *states; s++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++)
                    add_pair(&(play){ 1 + (unsigned)(a + b + (int)s) % 2, queue, states[s],
                                      (a + b) % 2, true, CCP_FULL_FAILS, 2,
                                      { (operation)a, (operation)b } });
}

/* Four to six operations at once. */
static void crowds(void)
{
    static const operation op[][MOST_OPS] = {
        { SUBMIT_DRAIN, SUBMIT_DRAIN, SUBMIT_MORE, SUBMIT_TIMED, CLOSE, GET_INFO },
        { SUBMIT_DRAIN, SUBMIT_MORE, SUBMIT, SUBMIT_CTX, SHUTDOWN, CTX_CANCEL },
        { SUBMIT_DRAIN, SUBMIT_MORE, DRAIN, SUBMIT_NOWAIT, SHUTDOWN_NOWAIT, DRAIN_TIMED },
        { SUBMIT, SUBMIT_DRAIN, DRAIN_CTX, SUBMIT_TIMED, SHUTDOWN_TIMED, CTX_CANCEL },
        { SUBMIT, SUBMIT, SUBMIT, SUBMIT, DRAIN, DRAIN },
        { SUBMIT, SUBMIT_MORE, FEWER, MORE, WAIT, SUBMIT_NOWAIT },
        { SUBMIT_DRAIN, FEWER, SUBMIT, MORE, SHUTDOWN, FEWER },
        { SUBMIT_NEST, SUBMIT_NEST, BLOCK, SUBMIT_NEST, WAIT, FEWER },
    };
    static const char *const names[] = { "crowd_close", "crowd_cancel", "crowd_nowait",
                                         "crowd_timed", "crowd_drain", "crowd_resize",
                                         "crowd_resize_shutdown", "crowd_nest" };
    for (size_t i = 0; i < sizeof op / sizeof *op; i++)
        for (unsigned workers = 1; workers <= 2; workers++)
            for (size_t queue = 0; queue <= 2; queue++)
                for (int s = 0; s < 2 * STATES; s++) {
                    play p = { workers, queue, (state)(s / 2), s / 2 % 2, s % 2, CCP_FULL_FAILS,
                               MOST_OPS, { SUBMIT } };
                    for (int k = 0; k < MOST_OPS; k++)
                        p.op[k] = op[i][k];
                    sim_options o = { .mode = SIM_PCT, .depth = 4, .n = 500, .spurious = 1 };
                    add_play(&p, p.elastic ? &at_random : &o, names[i]);
                }
}

/* A worker is busy, and the queue is full, if there is one. */
static void no_room(void)
{
    static const operation op[][3] = {
        { SUBMIT_NOWAIT, SUBMIT_NOWAIT, OPEN },
        { SUBMIT_NOWAIT, CLOSE, OPEN },
        { SUBMIT_NOWAIT, DRAIN, OPEN },
        { SUBMIT_TIMED, SHUTDOWN_NOWAIT, OPEN },
    };
    static const char *const names[] = { "one_fails", "one_runs", "one_drops_it",
                                         "one_drops_oldest" };
    static const sim_options o = { .mode = SIM_DFS, .preemptions = 1 };
    for (int full = CCP_FULL_FAILS; full <= CCP_FULL_DROPS_OLDEST; full++)
        for (size_t queue = 0; queue <= 1; queue++)
            for (size_t i = 0; i < sizeof op / sizeof *op; i++)
                add_play(&(play){ 1, queue, HELD, false, false, (ccp_pool_full)full, 3,
                                  { op[i][0], op[i][1], op[i][2] } },
                         &o, names[full]);
}

/* What waits in the queue is taken back, not by a worker: a drain must not take it for finished
 * because a worker has finished something since. */
static void hands_back(void)
{
    static const sim_options o = { .mode = SIM_DFS, .preemptions = 2 };
    add_play(&(play){ 1, 1, HELD, false, false, CCP_FULL_FAILS, 3,
                      { DRAIN, SHUTDOWN_NOWAIT, OPEN } },
             &o, "two_hands_back");
}

/* The last element is taken out, and nothing runs after it: a drain that comes just then must see
 * it noted, or be seen, also where loads may be stale. */
static void notes_the_last(void)
{
    static const sim_options o = { .mode = SIM_PCT, .depth = 2, .weak = true, .stale = 20,
                                   .n = 10000 };
    add_play(&(play){ 1, 1, STARTING, false, false, CCP_FULL_FAILS, 2, { SUBMIT_DRAIN, ABORT } },
             &o, "weak_hands_back");
    add_play(&(play){ 1, 1, FULL, false, false, CCP_FULL_DROPS_OLDEST, 3,
                      { SUBMIT_NOWAIT, CLOSE, DRAIN } },
             &o, "weak_drops");
    add_play(&(play){ 2, 1, IDLE, false, false, CCP_FULL_FAILS, 2, { DRAIN, FEWER } }, &o,
             "weak_resized");
}

int main(int argc, char **argv)
{
    pool_alone_scenes();
    pairs();
    elastic_pairs();
    crowds();
    no_room();
    hands_back();
    notes_the_last();
    return scene_main(argc, argv);
}
