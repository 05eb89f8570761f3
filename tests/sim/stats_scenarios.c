/* SPDX-License-Identifier: MIT
 *
 * Looks at a worker pool, beside every pair of operations: what they tell must have been so.  Time
 * moves between two looks.
 *
 * Checked in each look: a task that called as long ago as is told waited when the look began, or
 * has begun since (MT6); the same of tasks that run; a pool that is said to be stuck has tasks that
 * wait, and so many that run as it has workers, each for so long (MT7).  At the end nothing waits
 * or runs, and with `measure` each task is in the histograms once (MT5).
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    SUBMIT,
    OWNED,  /* submits a task that has an owner */
    CANCEL, /* of that owner */
    TWO,    /* submits two tasks */
    FEWER,  /* one worker only */
    MORE,   /* one worker more */
    OPEN,   /* the gate */
    TICK,   /* time goes on */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "submit", "owned", "cancel", "two", "fewer", "more", "open", "tick",
};

typedef struct play {
    unsigned workers;
    size_t queue;
    bool held, measure; /* held: every worker is at the gate, and a task waits for them */
    operation op[2];
} play;

#define A_TICK 10

enum { MOST_TASKS = 12 };

/* What is true of a task. */
typedef struct task {
    _Atomic int64_t called;  /* by the clock; 0: not yet */
    atomic_int taken, gone;  /* has begun; has ended, or will not run */
    bool held;
} task;

static const play *now;
static ccp_pool *pool;
static ccp_chan *gate;
static task tasks[MOST_TASKS];
static atomic_int count;
static const char owner;

static int64_t time_of(task *t)
{
    return atomic_fetch_add_explicit(&t->called, 0, memory_order_relaxed); /* never stale */
}

static bool is_so(atomic_int *what)
{
    return atomic_fetch_add_explicit(what, 0, memory_order_relaxed) != 0;
}

static void mark(atomic_int *what)
{
    atomic_fetch_add_explicit(what, 1, memory_order_relaxed);
}

static ccp_status run_task(ccp_ctx *ctx, void *arg)
{
    task *t = arg;
    (void)ctx;
    mark(&t->taken);
    if (t->held)
        sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    mark(&t->gone);
    return CCP_OK;
}

static void take_back(ccp_task fn, void *arg, void *unused)
{
    (void)fn, (void)unused;
    mark(&((task *)arg)->gone);
}

static void submit(const void *whose, bool held)
{
    task *t = &tasks[atomic_fetch_add_explicit(&count, 1, memory_order_relaxed)];
    const ccp_task_opts o = { .owner = whose };
    t->held = held;
    atomic_fetch_add_explicit(&t->called, sim_now(), memory_order_relaxed);
    ccp_status st = whose ? ccp_pool_submit_with(pool, run_task, t, &o, CCP_FOREVER)
                          : ccp_pool_submit(pool, run_task, t, CCP_FOREVER);
    sim_assert(st == CCP_OK);
}

/* ---- Looks ---- */

/* What was so before the look. */
typedef struct view {
    uint64_t finished;
    bool taken[MOST_TASKS], gone[MOST_TASKS];
} view;

static void see(view *v)
{
    ccp_pool_info i;
    sim_assert(ccp_pool_get_info(pool, &i) == CCP_OK);
    v->finished = i.finished;
    for (int k = 0; k < MOST_TASKS; k++) {
        v->gone[k] = is_so(&tasks[k].gone);
        v->taken[k] = is_so(&tasks[k].taken);
    }
}

/* Tasks that called ns ago or earlier and had not begun, or not ended. */
static unsigned find(const view *v, bool running, int64_t ns)
{
    unsigned n = 0;
    for (int k = 0; k < MOST_TASKS; k++) {
        int64_t called = time_of(&tasks[k]);
        n += called != 0 && called <= sim_now() - ns && !v->gone[k] && (running || !v->taken[k]);
    }
    return n;
}

/* Had a task returned, and its worker did not know it yet?  It is said to run then. */
static bool one_returns(const view *v)
{
    uint64_t n = 0;
    for (int k = 0; k < MOST_TASKS; k++)
        n += v->taken[k] && v->gone[k];
    return n != v->finished;
}

static void look(void)
{
    static const ccp_health_limits limits = { .task_ns = A_TICK, .queue_ns = A_TICK };
    ccp_pool_stats s;
    ccp_pool_health h;
    view v;
    see(&v);
    sim_assert(ccp_pool_get_stats(pool, &s) == CCP_OK);
    sim_assert(s.waited_ns == 0 || find(&v, false, s.waited_ns) > 0);
    sim_assert(s.task_ns == 0 || one_returns(&v) || find(&v, true, s.task_ns) > 0);
    see(&v);
    sim_assert(ccp_pool_get_health(pool, &limits, &h) == CCP_OK);
    if (h.state == CCP_HEALTH_STUCK) {
        sim_assert(find(&v, false, 0) > 0);
        sim_assert(h.stuck > 0 && (one_returns(&v) || find(&v, true, A_TICK) >= h.stuck));
    }
    sim_outcome((uint64_t)h.state * 64 + (uint64_t)s.waited_ns / A_TICK * 8 +
                (uint64_t)s.task_ns / A_TICK);
}

/* ---- Plays ---- */

static void act(void *arg)
{
    switch (now->op[(intptr_t)arg]) {
    case SUBMIT: submit(NULL, false); break;
    case OWNED: submit(&owner, false); break;
    case CANCEL: sim_assert(ccp_pool_cancel(pool, &owner, NULL) == CCP_OK); break;
    case TWO:
        submit(NULL, false);
        submit(&owner, false);
        break;
    case FEWER: sim_assert(ccp_pool_resize(pool, 1) == CCP_OK); break;
    case MORE: sim_assert(ccp_pool_resize(pool, now->workers + 1) == CCP_OK); break;
    case OPEN: (void)ccp_chan_close(gate); break;
    default: sim_advance(A_TICK); break;
    }
}

static void run_play(void *arg)
{
    ccp_pool_stats s;
    now = arg;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = now->workers, .queue = now->queue,
                                          .unrun = take_back, .measure = now->measure });
    sim_assert(pool);
    for (unsigned i = 0; now->held && i < now->workers; i++) {
        submit(NULL, true);
        sim_settle(); /* a worker has it */
    }
    if (now->held && now->queue)
        submit(&owner, false);
    sim_spawn(act, (void *)0);
    sim_spawn(act, (void *)1);
    look();
    sim_advance(A_TICK);
    look();
    sim_advance(A_TICK);
    look();
    (void)ccp_chan_close(gate);
    sim_settle(); /* the operations have ended, and workers that are too many have gone */
    sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_get_stats(pool, &s) == CCP_OK);
    sim_assert(s.waited_ns == 0 && s.task_ns == 0 && s.info.queued == 0);
    uint64_t measured = now->measure ? s.info.finished : 0;
    sim_assert(s.run.count == measured && s.queue.count == measured);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

/* A worker that has had a task a tick ago gets another during the look. */
static void run_again(void *arg)
{
    ccp_pool_stats s;
    view v;
    now = arg;
    scene_tune(STILL);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .measure = now->measure });
    sim_assert(pool);
    submit(NULL, false);
    sim_settle();
    sim_advance(A_TICK);
    sim_spawn(act, (void *)0);
    see(&v);
    sim_assert(ccp_pool_get_stats(pool, &s) == CCP_OK);
    sim_assert(s.task_ns == 0 || one_returns(&v) || find(&v, true, s.task_ns) > 0);
    sim_assert(s.waited_ns == 0);
    sim_settle();
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
}

/* A worker is asked to leave, by an element that is no task, while all of them have one. */
static void run_asked_to_leave(void *arg)
{
    static const ccp_health_limits limits = { .task_ns = A_TICK, .queue_ns = A_TICK };
    ccp_pool_health h;
    now = arg;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2 });
    sim_assert(pool);
    for (int i = 0; i < 2; i++) {
        submit(NULL, true);
        sim_settle();
    }
    sim_assert(ccp_pool_get_health(pool, &limits, &h) == CCP_OK);
    sim_advance(A_TICK);
    sim_spawn(act, (void *)0);
    sim_assert(ccp_pool_get_health(pool, &limits, &h) == CCP_OK);
    sim_assert(h.stuck == 2 && h.state == CCP_HEALTH_DEGRADED); /* MT7: no task waits */
    (void)ccp_chan_close(gate);
    sim_settle();
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
}

static void cancel(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_cancel(pool, &owner, NULL) == CCP_OK);
}

static ccp_status pass_gate(ccp_ctx *ctx, void *arg)
{
    task *t = arg;
    (void)ctx;
    mark(&t->taken);
    ccp_status st = ccp_chan_recv(gate, NULL, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    mark(&t->gone);
    return CCP_OK;
}

static void let_one_pass(void *arg)
{
    (void)arg;
    ccp_status st = ccp_chan_send(gate, NULL, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
}

/* Submits a task as submit() does. */
static void put(ccp_task fn, const ccp_task_opts *o)
{
    task *t = &tasks[atomic_fetch_add_explicit(&count, 1, memory_order_relaxed)];
    atomic_fetch_add_explicit(&t->called, sim_now(), memory_order_relaxed);
    sim_assert(ccp_pool_submit_with(pool, fn, t, o, CCP_FOREVER) == CCP_OK);
}

/* Each worker has a task, the queue is full, and one whose time has come waits for a place. */
static void begin_with_one_due(const play *p)
{
    now = p;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(
        &(ccp_pool_opts){ .workers = p->workers, .queue = p->queue, .unrun = take_back });
    sim_assert(pool);
    for (size_t i = 0; i < p->workers + p->queue; i++) {
        put(pass_gate, NULL);
        sim_settle();
    }
    put(run_task, &(ccp_task_opts){ .owner = &owner, .after = 1 });
    sim_settle();
}

static void end_after_due(void)
{
    (void)ccp_chan_close(gate);
    sim_settle();
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

/* The workers have tasks that do not end: do others wait? */
static void assert_stuck(bool stuck)
{
    static const ccp_health_limits limits = { .task_ns = A_TICK, .queue_ns = A_TICK };
    ccp_pool_health h;
    sim_assert(ccp_pool_get_health(pool, &limits, &h) == CCP_OK);
    sim_advance(A_TICK);
    sim_assert(ccp_pool_get_health(pool, &limits, &h) == CCP_OK);
    sim_assert(h.stuck == now->workers);
    sim_assert(h.state == (stuck ? CCP_HEALTH_STUCK : CCP_HEALTH_DEGRADED)); /* MT7 */
}

/* It is canceled, but its ticket is offered on, and may be accepted while somebody looks. */
static void run_canceled_when_due(void *arg)
{
    begin_with_one_due(arg);
    sim_spawn(cancel, NULL);
    sim_spawn(let_one_pass, NULL);
    look();
    sim_advance(A_TICK);
    look();
    sim_settle();
    for (size_t i = 0; i < now->queue; i++)
        let_one_pass(NULL);
    sim_assert(ccp_pool_wait(pool, CCP_FOREVER) == CCP_OK);
    for (size_t i = 0; i < now->workers + now->queue; i++) {
        put(pass_gate, NULL);
        sim_settle();
    }
    assert_stuck(now->queue > 0); /* nothing is left of the ticket */
    end_after_due();
}

/* It is handed back when the pool is closed, and its ticket refused. */
static void run_closed_when_due(void *arg)
{
    begin_with_one_due(arg);
    sim_assert(ccp_pool_close(pool) == CCP_OK);
    sim_settle();
    assert_stuck(now->queue > 0);
    end_after_due();
}

int main(int argc, char **argv)
{
    const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    for (int measure = 0; measure < 2; measure++) {
        play p = { .workers = 1, .queue = 1, .measure = measure, .op = { SUBMIT } };
        scene_add(run_again, scene_keep(&p, sizeof p), &one, "one.again%s",
                  measure ? ".measured" : "");
    }
    static const play fewer = { .workers = 2, .op = { FEWER } };
    scene_add(run_asked_to_leave, (void *)(uintptr_t)&fewer,
              &(sim_options){ .mode = SIM_PCT, .depth = 4, .n = 20000 }, "some.asked_to_leave");
    sim_options due = { .mode = SIM_PCT, .depth = 4, .n = 20 };
    for (size_t queue = 0; queue <= 1; queue++) {
        play p = { .workers = 1, .queue = queue };
        scene_add(run_closed_when_due, scene_keep(&p, sizeof p), &due, "one.closed_when_due%zu",
                  queue);
    }
    for (size_t queue = 0; queue <= 1; queue++) {
        play p = { .workers = 1, .queue = queue };
        due.n = queue ? 4000 : 500;
        scene_add(run_canceled_when_due, scene_keep(&p, sizeof p), &due,
                  "one.canceled_when_due%zu", queue);
    }
    sim_options o = { .mode = SIM_PCT, .depth = 4, .max_steps = 20000 };
    for (unsigned workers = 1; workers <= 2; workers++)
        for (size_t queue = 0; queue <= 4; queue += 4)
            for (int how = 0; how < 4; how++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++) {
                        play p = { workers, queue, how / 2, how % 2,
                                   { (operation)a, (operation)b } };
                        o.n = b == TICK ? 600 : 60; /* time goes on in the midst of a look */
                        scene_add(run_play, scene_keep(&p, sizeof p), &o,
                                  "some.workers%u.queue%zu.%s%s.%s+%s", workers, queue,
                                  p.held ? "held" : "idle", p.measure ? ".measured" : "",
                                  operation_names[a], operation_names[b]);
                    }
    return scene_main(argc, argv);
}
