/* SPDX-License-Identifier: MIT
 *
 * Threads as coroutines, who is next, the run of one schedule, and the driver.
 *
 *   H1  A thread that is about to do something that others can notice says what (state, access),
 *       then calls sim_reschedule(), which returns when it is its turn; then it does it.
 *   H2  What a thread does between two such points concerns nobody else, or is a data race, which
 *       memory.c reports.  So a thread in state LOCAL is run at once, and that is no decision.
 */
#define _GNU_SOURCE
#include "sim_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

sim_state sim;

/* ---- The end of a schedule ---- */

static void *driver_sp;

void sim_leave(void)
{
    void *nowhere;
    sim.active = false;
    sim_switch(&nowhere, driver_sp);
    abort();
}

void sim_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(sim.message, sizeof sim.message, format, args);
    va_end(args);
    if (!sim.active) {
        fprintf(stderr, "sim: %s\n", sim.message);
        abort();
    }
    TRACE("FAILURE", 0, 0, PC());
    sim.failed = true;
    sim_leave();
}

void sim_skip(void)
{
    sim.skipped = true;
    sim_leave();
}

/* ---- Decisions ---- */

uint64_t sim_random(void)
{
    uint64_t x = sim.rng;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    sim.rng = x;
    return x * 0x2545F4914F6CDD1Du >> 16;
}

bool searching(void)
{
    return sim.o.mode == SIM_DFS || sim.o.mode == SIM_DPOR;
}

/* One of 0 .. n - 1.  At random, 0 in all but one of `likely` cases. */
int sim_decide(int n, int likely)
{
    if (n <= 1)
        return 0;
    if (n > 255)
        sim_fail("sim_choose(%d): at most 255", n);
    int c = record_replayed(false);
    if (c >= n)
        sim_fail("this is not a replay of this scenario: choice %d of %d", c, n);
    if (c < 0) {
        if (searching())
            c = tree_choose(n);
        else if (likely > 1 && sim_random() % (unsigned)likely != 0)
            c = 0;
        else
            c = (int)(sim_random() % (unsigned)n);
    }
    record_choice(false, c);
    return c;
}

int sim_choose(int n)
{
    return sim_decide(n, 1);
}

static int pct_change[16]; /* steps at which the running thread becomes the least important */
static int pct_length;     /* the longest schedule so far */
static uint32_t lowest;    /* priority; yielding gets a lower one, or spinning would never end */

static void pct_begin(void)
{
    lowest = 1u << 20;
    for (int i = 0; i + 1 < sim.o.depth; i++)
        pct_change[i] = 1 + (int)(sim_random() % (unsigned)pct_length);
}

static int pick_by_priority(uint16_t enabled)
{
    for (int i = 0; i + 1 < sim.o.depth; i++)
        if (sim.steps == pct_change[i])
            sim.self->priority = --lowest;
    int best = __builtin_ctz(enabled);
    for (unsigned rest = enabled & (enabled - 1u); rest; rest &= rest - 1)
        if (sim.thread[__builtin_ctz(rest)].priority > sim.thread[best].priority)
            best = __builtin_ctz(rest);
    return best;
}

static int pick_at_random(uint16_t enabled)
{
    unsigned skip = (unsigned)(sim_random() % (unsigned)__builtin_popcount(enabled));
    while (skip--)
        enabled = (uint16_t)(enabled & (enabled - 1));
    return __builtin_ctz(enabled);
}

/* Whom another one preempts.  See sim_options.by_step. */
int on_turn(void)
{
    return sim.o.by_step ? sim.stepped : sim.self->id;
}

/* ready: can go on; timed: sleeps, and could time out. */
static int decide(uint16_t ready, uint16_t timed)
{
    uint16_t enabled = ready | timed;
    int t = -1;
    if (enabled & (enabled - 1)) {
        t = record_replayed(true);
        if (t >= 0 && !(enabled & BIT(t)))
            sim_fail("this is not a replay of this scenario: T%d cannot run", t);
    }
    int self = on_turn();
    bool self_ready = ready & BIT(self);
    if (searching() && !sim.o.replay) {
        t = tree_pick(enabled, self_ready);
    } else if (t < 0 && searching()) {
        t = self_ready ? self : __builtin_ctz(enabled);
    } else if (t < 0) {
        if (ready && timed && sim_random() % 4 != 0)
            timed = 0;
        uint16_t from = ready | timed;
        t = sim.o.mode == SIM_PCT ? pick_by_priority(from) : pick_at_random(from);
    }
    if (enabled & (enabled - 1))
        record_choice(true, t);
    sim.stepped = t;
    return t;
}

static _Noreturn void deadlock(void)
{
    char text[400] = "";
    size_t n = 0;
    sim.deadlock = true;
    for (int i = 0; i < sim.threads && n + 80 < sizeof text; i++) {
        const thread *t = &sim.thread[i];
        char where[64] = "";
        if (t->state == SLEEP || t->state == LOCK)
            trace_describe(t->address, where, sizeof where);
        if (t->state == SLEEP)
            n += (size_t)snprintf(text + n, sizeof text - n, " T%d sleeps on %s;", i, where);
        else if (t->state == LOCK)
            n += (size_t)snprintf(text + n, sizeof text - n, " T%d waits for lock %s;", i, where);
        else if (t->state == JOIN)
            n += (size_t)snprintf(text + n, sizeof text - n, " T%d joins;", i);
    }
    sim_fail("deadlock or lost wake-up:%s", text);
}

/* Of threads that could time out, those that are the first to. */
static uint16_t first_of(uint16_t timed)
{
    int64_t first = INT64_MAX;
    uint16_t which = 0;
    for (unsigned rest = timed; rest; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        if (sim.thread[i].deadline > first)
            continue;
        which = sim.thread[i].deadline < first ? BIT(i) : (uint16_t)(which | BIT(i));
        first = sim.thread[i].deadline;
    }
    return which;
}

static int pick(void)
{
    if (sim.self->state == LOCAL)
        return sim.self->id;
    if (sim.in[LOCAL])
        return __builtin_ctz(sim.in[LOCAL]);
    uint16_t ready = sim.in[OP], timed = 0;
    int relaxed = -1, settling = sim.in[SETTLE] ? __builtin_ctz(sim.in[SETTLE]) : -1;
    for (unsigned rest = sim.in[LOCK]; rest; rest &= rest - 1)
        if (raw_load(sim.thread[__builtin_ctz(rest)].address, 4) == 0)
            ready |= (uint16_t)(rest & -rest);
    for (unsigned rest = sim.in[SLEEP]; rest; rest &= rest - 1)
        if (sim.thread[__builtin_ctz(rest)].deadline != INT64_MAX)
            timed |= (uint16_t)(rest & -rest);
    if (!searching())
        ready |= sim.in[RELAX];
    for (unsigned rest = searching() ? sim.in[RELAX] : 0; rest; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        if (sim.thread[i].relaxed < sim.writes)
            return i;
        if (relaxed < 0 || sim.thread[i].slept < sim.thread[relaxed].slept)
            relaxed = i;
    }
    if (sim.o.patient && settling >= 0 && !ready && relaxed < 0)
        return settling;
    if (settling >= 0 && !(ready | timed) && relaxed < 0)
        return settling;
    if (sim.o.patient && timed)
        timed = ready || relaxed >= 0 ? 0 : first_of(timed);
    if (++sim.steps > sim.o.max_steps)
        sim_fail("livelock, or max_steps is too small: %d steps", sim.o.max_steps);
    if (!ready && relaxed >= 0)
        ready = BIT(relaxed); /* nobody else can: spinning may have an end of its own */
    if (!(ready | timed))
        deadlock();
    return decide(ready, timed);
}

void sim_reschedule(void)
{
    thread *me = sim.self;
    thread *next = &sim.thread[pick()];
    if (next != me) {
        sim.self = next;
        sim_switch(&me->sp, next->sp);
    }
}

void sim_point_of(thread *t, place *a, meet how_a, place *b, meet how_b)
{
    t->accesses = b ? 2 : 1;
    t->access[0] = (meeting){ a, how_a };
    t->access[1] = (meeting){ b, how_b };
}

void sim_point(place *a, meet how)
{
    thread *me = sim.self;
    if (sim.alone) {
        if (++sim.steps > sim.o.max_steps)
            sim_fail("livelock, or max_steps is too small: %d steps", sim.o.max_steps);
    } else {
        set_state(me, OP);
        me->accesses = 1;
        me->access[0] = (meeting){ a, how };
        sim_reschedule();
        set_state(me, LOCAL);
    }
}

void sim_relax(void)
{
    thread *me = sim.self;
    TRACE("relax", 0, 0, PC());
    set_state(me, RELAX);
    me->accesses = 0;
    me->relaxed = sim.writes;
    me->slept = ++sim.order;
    if (sim.o.mode == SIM_PCT)
        me->priority = --lowest;
    sim_reschedule();
    set_state(me, LOCAL);
}

/* ---- Threads ---- */

static void thread_main(void)
{
    thread *me = sim.self;
    me->fn(me->arg);
    sim_locals_end();
    if (me->locks)
        sim_fail("T%d ends holding a lock", me->id);
    memory_pop(me, me->stack_top + 256);
    set_state(me, DEAD);
    sim.alive--;
    TRACE("ends", 0, 0, 0);
    if (me->id == 0) {
        if (sim.alive)
            sim_fail("the scenario ended before its threads");
        if (!sim.forked)
            heap_check_leaks();
        sim_leave();
    }
    for (int i = 0; i < sim.threads; i++) {
        thread *t = &sim.thread[i];
        if (t->state != JOIN)
            continue;
        bool over = true;
        for (int k = 1; k < sim.threads; k++)
            if (t->target >= 0 ? k == t->target : sim.thread[k].parent == i)
                over &= sim.thread[k].state == DEAD;
        if (over)
            set_state(t, LOCAL);
    }
    sim_reschedule();
    abort();
}

static int new_thread(void (*fn)(void *), void *arg)
{
    int id = sim.threads;
    if (id == SIM_THREADS)
        sim_fail("more than %d threads", SIM_THREADS);
    thread *t = &sim.thread[id];
    t->id = id;
    t->state = DEAD;
    set_state(t, LOCAL);
    t->parent = sim.self ? sim.self->id : 0;
    t->accesses = 0;
    t->locks = 0;
    t->cas_size = 0;
    t->ticks = 0;
    memset(&t->acquire, 0, sizeof t->acquire);
    t->late = false;
    memset(t->cells, 0, sizeof t->cells);
    t->lowest = STACK_CELLS / 64;
    t->priority = (1u << 20) + (uint32_t)(sim.o.mode == SIM_PCT ? sim_random() >> 26 : 0);
    memset(&t->now, 0, sizeof t->now);
    memset(&t->order, 0, sizeof t->order);
    if (sim.self) {
        t->now = sim.self->now;
        t->order = sim.self->order;
        sim.self->now.hb.c[t->parent]++;
        sim.self->now.coh.c[t->parent]++;
    }
    t->now.hb.c[id] = t->now.coh.c[id] = 1;
    memset(&t->release, 0, sizeof t->release);
    t->fn = fn;
    t->arg = arg;
    sim_prepare(t, thread_main);
    sim.threads++;
    sim.alone = ++sim.alive == 1;
    return id;
}

int sim_start(void (*fn)(void *), void *arg)
{
    if (sim.self->id != 0) /* numbers depend on the order: the scenario's own come first */
        sim_point(&sim.spawn_place, MEET_WRITE);
    int id = new_thread(fn, arg);
    TRACE("spawns", 0, (unsigned)id, PC());
    return id;
}

void sim_await(int target)
{
    thread *me = sim.self;
    bool over = true;
    for (int k = 1; k < sim.threads; k++)
        if (target >= 0 ? k == target : sim.thread[k].parent == me->id)
            over &= sim.thread[k].state == DEAD;
    if (!over) {
        set_state(me, JOIN);
        me->target = target;
        me->accesses = 0;
        sim_reschedule();
    }
    for (int k = 1; k < sim.threads; k++)
        if (target >= 0 ? k == target : sim.thread[k].parent == me->id) {
            view_join(&me->now, &sim.thread[k].now);
            vclock_join(&me->order, &sim.thread[k].order);
        }
}

void sim_spawn(void (*fn)(void *), void *arg)
{
    sim_start(fn, arg);
}

void sim_join(void)
{
    sim_await(-1);
    sim.alone = sim.alive == 1;
    TRACE("joined", 0, 0, 0);
}

void sim_settle(void)
{
    thread *me = sim.self;
    set_state(me, SETTLE);
    me->accesses = 0;
    sim_reschedule();
    set_state(me, LOCAL);
    for (int i = 0; i < sim.threads; i++) {
        view_join(&me->now, &sim.thread[i].now);
        vclock_join(&me->order, &sim.thread[i].order);
    }
    sim.alone = sim.alive == 1;
    TRACE("settled", 0, 0, PC());
}

int sim_self(void)
{
    return sim.self ? sim.self->id : 0;
}

/* The other threads stop where they are, and are not there any more; what they have written is. */
void sim_end_others(void)
{
    thread *me = sim.self;
    if (me->id != 0 || sim.o.mode == SIM_DPOR)
        sim_fail("T%d forks: only the scenario itself can, and not with SIM_DPOR", me->id);
    sim_point(&sim.spawn_place, MEET_WRITE);
    for (int i = 1; i < sim.threads; i++) {
        thread *t = &sim.thread[i];
        view_join(&me->now, &t->now);
        vclock_join(&me->order, &t->order);
        if (t->state == DEAD)
            continue;
        set_state(t, DEAD); /* to touch its stack is a failure from now on */
        sim.alive--;
        sim.forked = true;
    }
    me->locks = 0;
    sim.alone = true;
    TRACE("forks", 0, 0, PC());
}

bool sim_is_weak(void)
{
    return sim.o.weak;
}

/* ---- The driver ---- */

/* Of the processor, so that a run means the same on a busy machine. */
static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_once(void (*fn)(void *), void *arg)
{
    sim.gen++;
    sim.threads = sim.alive = sim.steps = sim.stepped = 0;
    memset(sim.in, 0, sizeof sim.in);
    sim.writes = sim.order = sim.history = 0;
    sim.clock = 1000000000;
    sim.self = NULL;
    sim.stale = sim.preemptions = sim.spurious = 0;
    sim.fail_alloc = sim.fail_thread = sim.fail_cas = 0;
    sim.failed = sim.deadlock = sim.cut = sim.skipped = sim.merged = sim.forked = false;
    memset(&sim.sc_fences, 0, sizeof sim.sc_fences);
    place_reset(&sim.clock_place);
    place_reset(&sim.history_place);
    place_reset(&sim.spawn_place);
    heap_begin();
    memory_begin();
    atomics_begin();
    tree_begin();
    trace_begin();
    record_begin();
    if (sim.o.mode == SIM_PCT)
        pct_begin();
    new_thread(fn, arg);
    sim.self = &sim.thread[0];
    sim.active = true;
    sim_switch(&driver_sp, sim.self->sp);
    sim.active = false;
    if (sim.failed && sim.o.on_failure)
        sim.o.on_failure();
    memory_end();
    if (sim.steps > pct_length)
        pct_length = sim.steps;
}

static void set_options(const sim_options *o)
{
    sim.o = *o;
    if (!sim.o.stale)
        sim.o.stale = 2;
    if (!sim.o.depth)
        sim.o.depth = 3;
    if (sim.o.depth > 16)
        sim.o.depth = 16;
    if (!sim.o.max_steps)
        sim.o.max_steps = 5000;
    if (sim.o.max_steps > TICK_MAX / 2)
        sim.o.max_steps = TICK_MAX / 2;
    if (!sim.o.n && !searching())
        sim.o.n = 100000;
    if (sim.o.weak && sim.o.mode == SIM_DPOR)
        sim_fail("SIM_DPOR is for sequential consistency only");
    sim.tracing = sim.o.trace || sim.o.replay;
}

static void start_once(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    heap_start();
    memory_start();
    for (int i = 0; i < SIM_THREADS; i++) {
        thread *t = &sim.thread[i];
        t->stack = arena + HEAP_SIZE + (size_t)i * STACK_SIZE;
        t->stack_top = t->stack + STACK_SIZE - 256; /* what is above: seam.c's ccpi_self */
    }
}

static bool next_schedule(const sim_result *r)
{
    if (sim.o.replay || (sim.o.n && r->schedules >= sim.o.n))
        return false;
    return searching() ? tree_next() : true;
}

sim_result sim_run(const sim_options *o, void (*fn)(void *), void *arg)
{
    sim_result r = { 0 };
    set_options(o);
    start_once();
    tree_start();
    record_load(sim.o.replay);
    sim_outcomes_clear();
    pct_length = sim.o.length ? sim.o.length : 50;
    double began = seconds_now();
    do {
        r.seed = sim.o.seed + (uint64_t)(searching() ? 0 : r.schedules);
        sim.rng = (r.seed + 1) * 0x9E3779B97F4A7C15u | 1;
        run_once(fn, arg);
        if (sim.o.trace && !sim.cut)
            trace_print();
        r.steps += (uint64_t)sim.steps;
        if (sim.cut)
            r.redundant++;
        else
            r.schedules++;
        r.merged += sim.merged;
        if ((r.schedules & 127) == 0 && sim.o.seconds > 0 &&
            seconds_now() - began > sim.o.seconds)
            break;
    } while (!sim.failed && (r.complete = !next_schedule(&r), !r.complete));
    r.complete &=
        searching() && !sim.failed && !sim.o.replay && !(sim.o.n && r.schedules >= sim.o.n);
    r.seconds = seconds_now() - began;
    r.failed = sim.failed;
    if (r.failed) {
        trace_expand(sim.message, sizeof sim.message);
        memcpy(r.message, sim.message, sizeof r.message);
        r.replay = record_string();
    }
    return r;
}

void sim_explain(const sim_options *o, const sim_result *r, void (*fn)(void *), void *arg)
{
    sim_options again = *o;
    char *replay = strdup(r->replay);
    again.replay = replay;
    again.trace = true;
    again.seed = r->seed;
    sim_run(&again, fn, arg);
    free(replay);
}
