/* SPDX-License-Identifier: MIT
 *
 * Timers that call functions: every pair of operations on one that is set, runs, has run or was
 * stopped, once or with a period, with functions that leave their timer alone, stop it or reset it;
 * time passes whenever the explorer lets the thread of the timers wake.
 *
 * Checked in each: no function is called before its time (I1), or after a stop that has returned
 * (I3; what it wrote can be read then: otherwise a data race), or for a time from which the timer
 * was put off (I4); the number of calls fits what was set; every call returns once the gate is
 * open; the thread ends, and memory is given back.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

#define FIRST 100 /* when the timer is due */
#define EARLY 20
#define LATE 300

/* ---- Operations ---- */

typedef enum operation {
    STOP,
    STOP_NOWAIT,
    STOP_SHORT,
    STOP_CTX,
    RESET_EARLY,
    RESET_LATE,
    START_EARLY, /* another timer */
    START_LATE,
    OPEN,        /* the gate at which the function waits */
    PASS,        /* time passes */
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "stop", "stop_nowait", "stop_short", "stop_ctx", "reset_early", "reset_late",
    "start_early", "start_late", "open", "pass", "ctx_cancel",
};

typedef enum state { COLD, SET, RUNNING, RAN, STOPPED, STATES } state;
static const char *const state_names[STATES] = { "cold", "set", "running", "ran", "stopped" };

typedef enum kind { LEAVES, STOPS, RESETS, KINDS } kind;
static const char *const kind_names[KINDS] = { "leaves", "stops", "resets" };

enum { MOST_OPS = 3, MOST_CALLS = 3 };

typedef struct play {
    state state;
    kind kind;
    bool periodic;
    int ops;
    operation op[MOST_OPS];
} play;

/* ---- The stage ---- */

static const play *now;
static ccp_timers *timers;
static ccp_timer timer, never, others[MOST_OPS];
static ccp_chan *gate;
static ccp_ctx *ctx;
static int64_t began;
static int calls, other_calls;
static long data;                     /* what the function writes */
static atomic_int stopped;            /* 1 + whether a call was taken back */
static atomic_llong put_off_at, put_off_to;
static int inside[SIM_THREADS]; /* 1 + operation */

static bool has(operation a)
{
    for (int i = 0; i < now->ops; i++)
        if (now->op[i] == a)
            return true;
    return false;
}

static int resets(void)
{
    int n = 0;
    for (int i = 0; i < now->ops; i++)
        n += now->op[i] == RESET_EARLY || now->op[i] == RESET_LATE;
    return n;
}

static void check_time(void)
{
    int64_t at = sim_now();
    if (!has(RESET_EARLY) && (now->state == SET || now->state == COLD))
        sim_assert(at >= began + FIRST);
    if (now->periodic && !resets() && now->kind != RESETS && now->state == SET)
        sim_assert(at >= began + FIRST * (calls + 1)); /* I5 */
    int64_t seen = atomic_load(&put_off_at), to = atomic_load(&put_off_to);
    if (seen && seen < began + FIRST && calls == 0 && resets() == 1 && now->state == SET)
        sim_assert(at >= to); /* I4 */
}

static void act_itself(void)
{
    if (now->kind == STOPS)
        sim_assert(ccp_timer_stop(&timer, CCP_FOREVER) == CCP_CLOSED);
    else if (now->periodic && calls >= MOST_CALLS)
        sim_assert(ccp_timer_reset(&timer, INT64_MAX) == CCP_OK);
    else if (now->kind == RESETS && calls == 1)
        sim_assert(ccp_timer_reset(&timer, EARLY) == CCP_OK);
    sim_assert(ccp_timers_free(timers) == CCP_BUSY);
}

static void called(void *arg)
{
    sim_assert(arg == &timer);
    sim_assert(!atomic_load(&stopped) || resets()); /* I3 */
    check_time();
    data++;
    calls++;
    if (now->state == RUNNING && calls == 1)
        sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    act_itself();
    data++;
}

static void called_other(void *arg)
{
    (void)arg;
    other_calls++;
}

static void called_never(void *arg)
{
    (void)arg;
    sim_assert(!"the time that never comes has come");
}

static void stop(ccp_wait w)
{
    ccp_status st = ccp_timer_stop(&timer, w);
    bool ended = st == CCP_OK || st == CCP_CLOSED;
    if (ended && !resets()) {
        sim_assert(now->kind == STOPS || data % 2 == 0); /* I3 */
        atomic_store(&stopped, 1 + (st == CCP_OK));
    }
    sim_assert(ended || (st == CCP_AGAIN && w.ns_ == 0) ||
               (st == CCP_TIMEOUT && w.ns_ < 0) || (st == CCP_CANCELED && w.ctx_));
}

static void reset(int64_t ns)
{
    int64_t to = sim_now() + ns;
    sim_assert(ccp_timer_reset(&timer, ns) == CCP_OK);
    atomic_store(&put_off_to, to);
    atomic_store(&put_off_at, sim_now());
}

static void start_other(ccp_timer *t, int64_t ns)
{
    const ccp_timer_opts o = { .fn = called_other, .after = ns };
    sim_assert(ccp_timer_start(timers, t, &o) == CCP_OK);
}

static void act_out(void *arg)
{
    const operation *op = arg;
    inside[sim_self()] = 1 + (int)*op;
    switch (*op) {
    case STOP: stop(CCP_FOREVER); break;
    case STOP_NOWAIT: stop(CCP_NOWAIT); break;
    case STOP_SHORT: stop(ccp_within(50)); break;
    case STOP_CTX: stop(ccp_with(ctx)); break;
    case RESET_EARLY: reset(EARLY); break;
    case RESET_LATE: reset(LATE); break;
    case START_EARLY: start_other(&others[op - now->op], EARLY); break;
    case START_LATE: start_other(&others[op - now->op], LATE); break;
    case OPEN: (void)ccp_chan_close(gate); break;
    case PASS: sim_advance(FIRST + EARLY); break;
    default: ccp_ctx_cancel(ctx); break;
    }
    inside[sim_self()] = 0;
}

/* ---- Beginning and end ---- */

static int first_calls; /* of the set-up */

static void begin(const play *p)
{
    now = p;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    timers = ccp_timers_new(NULL);
    sim_assert(ctx && timers);
    if (p->state != COLD) { /* the thread sleeps, and wakes for nothing */
        const ccp_timer_opts o = { .fn = called_never, .at = INT64_MAX };
        sim_assert(ccp_timer_start(timers, &never, &o) == CCP_OK);
        sim_settle();
    }
    began = sim_now();
    bool at_once = p->state == RUNNING || p->state == RAN;
    const ccp_timer_opts o = { .fn = called, .arg = &timer, .after = at_once ? 0 : FIRST,
                               .every = p->periodic ? FIRST : 0 };
    sim_assert(ccp_timer_start(timers, &timer, &o) == CCP_OK);
    if (at_once)
        sim_settle();
    if (p->state == STOPPED) {
        ccp_status st = ccp_timer_stop(&timer, CCP_FOREVER);
        sim_assert(st == CCP_OK || st == CCP_CLOSED);
    }
    if (at_once || p->state == STOPPED)
        first_calls = calls;
}

/* How many calls came, of those that were set? */
static void check_count(void)
{
    bool over = now->state == RAN || now->state == STOPPED;
    int set = over ? 0 : 1, may_reset = resets(), back = 0, n = calls - (over ? first_calls : 0);
    for (int i = 0; i < now->ops; i++)
        back += now->op[i] <= STOP_CTX;
    if (now->kind == RESETS && set && !back && now->state != COLD) /* I4 */
        sim_assert(calls >= 2);
    if (now->periodic || now->kind == RESETS) {
        sim_assert(calls <= MOST_CALLS * (1 + may_reset) + may_reset + 1);
        return;
    }
    sim_assert(n <= set + may_reset);
    sim_assert(n + back >= (set || may_reset));
    if (set && back == 1 && !may_reset && now->state != RUNNING && atomic_load(&stopped)) /* I1 */
        sim_assert(n == (atomic_load(&stopped) == 1));
}

static void finish(void)
{
    sim_settle();
    (void)ccp_chan_close(gate);
    sim_settle();
    sim_assert(!scene_any(inside)); /* every call has returned */
    check_count();
    ccp_status st = ccp_timer_stop(&timer, CCP_FOREVER);
    sim_assert(st == CCP_CLOSED || now->periodic);
    int starts = 0;
    for (int i = 0; i < now->ops; i++)
        starts += now->op[i] == START_EARLY || now->op[i] == START_LATE;
    sim_assert(other_calls == starts); /* I1 */
    if (now->state != COLD) {
        sim_assert(ccp_timers_free(timers) == CCP_BUSY);
        sim_assert(ccp_timer_stop(&never, CCP_NOWAIT) == CCP_OK);
    }
    sim_assert(ccp_timers_free(timers) == CCP_OK);
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

enum { SOME = 3 };
static ccp_timer several[SOME];
static int order[SOME], ordered;

static void enlist(void *arg)
{
    order[ordered++] = (int)((ccp_timer *)arg - several);
}

static void make_timers(void)
{
    scene_tune(STILL);
    timers = ccp_timers_new(NULL);
    sim_assert(timers != NULL);
    began = sim_now();
}

static void end_timers(void)
{
    sim_assert(ccp_timers_free(timers) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

/* I2: of equal times the first set comes first, also while the thread is being started. */
static void in_order(void *arg)
{
    (void)arg;
    make_timers();
    for (int i = 0; i < SOME; i++) {
        const ccp_timer_opts o = { .fn = enlist, .arg = &several[i], .at = began + FIRST };
        sim_assert(ccp_timer_start(timers, &several[i], &o) == CCP_OK);
    }
    sim_settle();
    sim_assert(ordered == SOME);
    for (int i = 0; i < SOME; i++)
        sim_assert(order[i] == i && ccp_timer_stop(&several[i], CCP_NOWAIT) == CCP_CLOSED);
    end_timers();
}

/* The second call takes two periods and a half. */
static void take_long(void *arg)
{
    static const int64_t at[] = { FIRST, 2 * FIRST, 5 * FIRST, 6 * FIRST };
    (void)arg;
    sim_assert(sim_now() == began + at[calls]); /* I5 */
    if (++calls == 2)
        sim_advance(2 * FIRST + FIRST / 2);
    if (calls == 4)
        sim_assert(ccp_timer_stop(&timer, CCP_FOREVER) == CCP_CLOSED);
}

static void does_not_drift(void *arg)
{
    (void)arg;
    make_timers();
    const ccp_timer_opts o = { .fn = take_long, .at = began + FIRST, .every = FIRST };
    sim_assert(ccp_timer_start(timers, &timer, &o) == CCP_OK);
    sim_settle();
    sim_assert(calls == 4);
    end_timers();
}

static void call_three_times(void *t)
{
    if (++other_calls == 3)
        sim_assert(ccp_timer_reset(t, INT64_MAX) == CCP_OK);
}

/* The timer's memory goes as soon as stop has returned (I3), and then the timers. */
static void stop_and_forget(void *arg)
{
    const bool *periodic = arg;
    make_timers();
    ccp_timer *t = sim_alloc(sizeof *t);
    const ccp_timer_opts o = { .fn = call_three_times, .arg = t, .after = FIRST,
                               .every = *periodic ? FIRST : 0 };
    *t = (ccp_timer){ 0 };
    sim_assert(ccp_timer_start(timers, t, &o) == CCP_OK);
    if (sim_choose(2))
        sim_advance(FIRST);
    ccp_status st = ccp_timer_stop(t, CCP_FOREVER);
    sim_free(t);
    sim_assert(st == CCP_CLOSED || st == CCP_OK);
    sim_assert(*periodic || other_calls == (st == CCP_CLOSED)); /* I1 */
    end_timers();
}

static void start_first(void *arg)
{
    ccp_timer *t = arg;
    const ccp_timer_opts o = { .fn = enlist, .arg = t };
    ccp_status st = ccp_timer_start(timers, t, &o);
    sim_assert(st == CCP_OK || st == CCP_NOMEM);
    atomic_fetch_add(&stopped, st == CCP_OK);
}

/* Two threads start the first timer, and the thread may not be had (I1). */
static void start_at_once(void *arg)
{
    (void)arg;
    make_timers();
    sim_spawn(start_first, &several[0]);
    sim_spawn(start_first, &several[1]);
    sim_settle();
    sim_assert(ordered == atomic_load(&stopped));
    sim_join();
    end_timers();
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s%s.%s.%s", how, state_names[p->state],
              p->periodic ? ".periodic" : "", kind_names[p->kind], ops);
}

static void pairs(void)
{
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    static const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    for (int s = 0; s < STATES; s++)
        for (int k = 0; k < KINDS; k++)
            for (int periodic = 0; periodic < 2; periodic++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++) {
                        bool more = s == SET && k == LEAVES && !periodic && a <= RESET_LATE;
                        play p = { (state)s, (kind)k, periodic, 2,
                                   { (operation)a, (operation)b } };
                        add_play(&p, more ? &two : &one, more ? "two" : "one");
                    }
}

static void crowds(void)
{
    static const operation op[][MOST_OPS] = {
        { STOP, RESET_EARLY, PASS },       { STOP, STOP_SHORT, OPEN },
        { STOP, START_EARLY, RESET_LATE }, { STOP_CTX, CTX_CANCEL, OPEN },
        { RESET_EARLY, RESET_LATE, STOP },
    };
    static const sim_options o = { .mode = SIM_PCT, .depth = 4, .n = 2000, .spurious = 1 };
    for (size_t i = 0; i < sizeof op / sizeof *op; i++)
        for (int s = 0; s < STATES; s++)
            for (int k = 0; k < KINDS; k++)
                for (int periodic = 0; periodic < 2; periodic++) {
                    play p = { (state)s, (kind)k, periodic, MOST_OPS, { STOP } };
                    for (int j = 0; j < MOST_OPS; j++)
                        p.op[j] = op[i][j];
                    add_play(&p, &o, "crowd");
                }
}

int main(int argc, char **argv)
{
    static const bool yes = true, no = false;
    static const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    static const sim_options few = { .mode = SIM_DFS, .preemptions = 2, .fail_thread = 1 };
    pairs();
    crowds();
    scene_add(in_order, NULL, &two, "hand.in_order");
    scene_add(does_not_drift, NULL, &two, "hand.does_not_drift");
    scene_add(stop_and_forget, (void *)(uintptr_t)&no, NULL, "hand.stop_and_forget.once");
    scene_add(stop_and_forget, (void *)(uintptr_t)&yes, &two, "hand.stop_and_forget.periodic");
    scene_add(start_at_once, NULL, &few, "hand.start_at_once");
    return scene_main(argc, argv);
}
