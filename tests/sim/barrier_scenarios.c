/* SPDX-License-Identifier: MIT
 *
 * Barriers: every pair of operations on barriers of two and three, fragile or not, broken or not,
 * with and without threads that wait, every schedule; triples; rounds; memory that goes.
 *
 * Looked at: as many calls as there are parties passed in each generation, one of them as the
 * leader (B1, B3), and all had begun before one of them returned (B1); what they wrote before is
 * read after without a race (B2); who is left waits for a reason (B6); a fragile barrier is broken
 * when somebody gave up (B7).  What was done before a break or a reset is read by those for whom it
 * made the difference.
 */
#include "scene.h"

#include "base/machine.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    WAIT,
    WAIT_TWICE,
    WAIT_TIMED,
    WAIT_CTX,
    WAIT_NOWAIT,
    BREAK,
    RESET,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "wait", "wait_twice", "wait_timed", "wait_ctx", "wait_nowait", "break", "reset", "ctx_cancel",
};

typedef struct play {
    int parties, parked;
    bool fragile, broken;
    int ops;
    operation op[3];
    tuning tuned;
} play;

/* One call that has ended, or, until it has, one that waits. */
typedef struct call {
    uint64_t begin, end;
    ccp_barrier_pass pass;
    ccp_status rc;
    bool ended;
} call;

enum { CALLS = 16 };

static const play *now;
static ccp_barrier *b;
static ccp_ctx *ctx;
static call calls[SIM_THREADS][2];
static int called[SIM_THREADS];
static long work[SIM_THREADS]; /* plain: a race is a failure (B2) */

/* ---- Operations ---- */

static void read_the_others(uint64_t generation)
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++)
            if (calls[t][i].ended && calls[t][i].rc == CCP_OK &&
                calls[t][i].pass.generation == generation)
                sim_assert(work[t] > 0);
}

static ccp_status pass(ccp_wait w, ccp_status a, ccp_status or_b)
{
    int t = sim_self();
    call *c = &calls[t][called[t]++];
    work[t]++;
    c->begin = sim_begin(false);
    ccp_status rc = ccp_barrier_wait(b, &c->pass, w);
    c->end = sim_end(false);
    c->rc = rc;
    c->ended = true;
    sim_assert(rc == CCP_OK || rc == CCP_CLOSED || rc == a || rc == or_b);
    return rc;
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case WAIT: (void)pass(CCP_FOREVER, CCP_OK, CCP_OK); break;
    case WAIT_TWICE:
        if (pass(CCP_FOREVER, CCP_OK, CCP_OK) == CCP_OK)
            (void)pass(CCP_FOREVER, CCP_OK, CCP_OK);
        break;
    case WAIT_TIMED: (void)pass(ccp_within(100), CCP_TIMEOUT, CCP_TIMEOUT); break;
    case WAIT_CTX: (void)pass(ccp_with(ctx), CCP_CANCELED, CCP_CANCELED); break;
    case WAIT_NOWAIT: (void)pass(CCP_NOWAIT, CCP_AGAIN, CCP_AGAIN); break;
    case BREAK: {
        ccp_status rc = ccp_barrier_break(b);
        sim_assert(rc == CCP_OK || rc == CCP_CLOSED);
        break;
    }
    case RESET: sim_assert(ccp_barrier_reset(b) == CCP_OK); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

/* ---- What must hold ---- */

static bool has(operation op)
{
    for (int i = 0; i < now->ops; i++)
        if (now->op[i] == op)
            return true;
    return false;
}

static int waiting(void)
{
    int n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++)
            n += !calls[t][i].ended;
    return n;
}

static bool gave_up(void)
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++) {
            const call *c = &calls[t][i];
            if (c->ended && (c->rc == CCP_TIMEOUT || c->rc == CCP_CANCELED))
                return true;
        }
    return false;
}

static void check_generation(uint64_t generation) /* B1 B3 */
{
    int passed = 0, leaders = 0;
    uint64_t last_begin = 0, first_end = UINT64_MAX;
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++) {
            const call *c = &calls[t][i];
            if (!c->ended || c->rc != CCP_OK || c->pass.generation != generation)
                continue;
            passed++;
            leaders += c->pass.leader;
            last_begin = c->begin > last_begin ? c->begin : last_begin;
            first_end = c->end < first_end ? c->end : first_end;
        }
    sim_assert(passed == now->parties);
    sim_assert(leaders == 1);
    sim_assert(last_begin < first_end);
}

static void check_calls(uint64_t generations)
{
    int passed = 0;
    for (uint64_t g = 0; g < generations; g++)
        check_generation(g);
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++) {
            const call *c = &calls[t][i];
            passed += c->ended && c->rc == CCP_OK;
            if (c->ended && c->rc == CCP_CLOSED) /* B6 */
                sim_assert(now->broken || has(BREAK) || has(RESET) ||
                           (now->fragile && gave_up()));
        }
    sim_assert((uint64_t)passed == generations * (uint64_t)now->parties);
}

static void check_rest(void)
{
    ccp_barrier_info info;
    sim_assert(ccp_barrier_get_info(b, &info) == CCP_OK);
    sim_assert((int)info.arrived == waiting());
    sim_assert(info.arrived < info.parties);
    sim_assert(!info.broken || info.arrived == 0);                          /* B6 */
    sim_assert(!(now->fragile && gave_up()) || info.broken || has(RESET));  /* B7 */
    sim_assert(!info.broken || now->broken || has(BREAK) || now->fragile);
    check_calls(info.generation);
}

/* ---- Beginning and end ---- */

static void set_up(const play *p)
{
    static const operation parked = WAIT;
    now = p;
    scene_tune(p->tuned);
    b = sim_alloc(sizeof *b);
    *b = p->fragile ? (ccp_barrier)CCP_BARRIER_INIT_FRAGILE(p->parties)
                    : (ccp_barrier)CCP_BARRIER_INIT(p->parties);
    sim_hint(&b->pace_, sizeof b->pace_);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    if (p->broken)
        sim_assert(ccp_barrier_break(b) == CCP_OK);
    for (int i = 0; i < p->parked; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&parked);
    sim_settle();
}

static void finish(void)
{
    sim_settle();
    check_rest();
    (void)ccp_barrier_break(b);
    sim_join();
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < called[t]; i++)
            if (calls[t][i].rc == CCP_OK)
                read_the_others(calls[t][i].pass.generation);
    sim_assert(b->first_ == NULL && b->last_ == NULL);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(b);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- What was written before is read after (B2); memory that goes (B8) ---- */

typedef struct circle {
    int threads, rounds;
    ccp_wait w;
    tuning tuned;
} circle;

static const circle *ring;
static _Atomic int users;

/* With `mine`, writes there each time before it comes. */
static ccp_status pass_somehow(long *mine, long value)
{
    ccp_status rc;
    ccp_wait w = ring->w;
    do {
        if (mine)
            *mine = value;
        rc = ccp_barrier_wait(b, NULL, w);
        w = CCP_FOREVER;
    } while (rc == CCP_TIMEOUT);
    return rc;
}

static void go_round(void *arg)
{
    int me = *(const int *)arg;
    for (int i = 0; i < ring->rounds; i++) {
        sim_assert(pass_somehow(&work[me], i + 1) == CCP_OK);
        for (int k = 0; k < ring->threads; k++)
            sim_assert(work[k] == i + 1);
        sim_assert(i + 1 == ring->rounds || pass_somehow(NULL, 0) == CCP_OK);
    }
    if (atomic_fetch_sub(&users, 1) == 1)
        sim_free(b);
}

static void run_circle(void *arg)
{
    static const int ids[] = { 0, 1, 2, 3 };
    ring = arg;
    scene_tune(ring->tuned);
    b = sim_alloc(sizeof *b);
    *b = (ccp_barrier)CCP_BARRIER_INIT(ring->threads);
    sim_hint(&b->pace_, sizeof b->pace_);
    atomic_store(&users, ring->threads);
    for (int i = 0; i < ring->threads; i++)
        sim_spawn(go_round, (void *)(uintptr_t)&ids[i]);
    sim_join();
}

/* ---- Breaks and resets happen before what they cause ---- */

static long before; /* plain: written before the break, or the reset */

static void make_for_two(tuning t)
{
    scene_tune(t);
    b = sim_alloc(sizeof *b);
    *b = (ccp_barrier)CCP_BARRIER_INIT(2);
    sim_hint(&b->pace_, sizeof b->pace_);
}

static void write_and_break(void *arg)
{
    (void)arg;
    before = 1;
    sim_assert(ccp_barrier_break(b) == CCP_OK);
}

static void read_if_closed(void *arg)
{
    (void)arg;
    if (ccp_barrier_wait(b, NULL, CCP_FOREVER) == CCP_CLOSED)
        sim_assert(before == 1);
}

static void run_broken(void *arg)
{
    make_for_two(*(const tuning *)arg);
    sim_spawn(read_if_closed, NULL);
    sim_spawn(read_if_closed, NULL);
    sim_spawn(write_and_break, NULL);
    sim_join();
    sim_free(b);
}

/* Two that come until they have passed, beside a reset.  The last one may have looked before the
 * reset, and find the state as it was then, although the other one has left and come again (B2). */
static void come_until_passed(void *arg)
{
    int me = sim_self();
    ccp_status rc;
    for (;;) {
        work[me]++;
        rc = ccp_barrier_wait(b, NULL, CCP_FOREVER);
        if (rc == CCP_OK)
            break;
        sim_assert(rc == CCP_CLOSED);
        ccpi_relax();
    }
    sim_assert(work[1] > 0 && work[2] > 0);
    if (arg) /* it was broken, so only the reset let them pass */
        sim_assert(before == 1);
}

static void write_and_reset(void *arg)
{
    (void)arg;
    before = 1;
    sim_assert(ccp_barrier_reset(b) == CCP_OK);
}

static void run_come_again(void *arg)
{
    make_for_two(STILL);
    if (arg)
        sim_assert(ccp_barrier_break(b) == CCP_OK);
    sim_spawn(come_until_passed, arg);
    sim_spawn(come_until_passed, arg);
    sim_spawn(write_and_reset, NULL);
    sim_join();
    sim_free(b);
}

/* ---- Somebody who waits awake, and does not look for long ---- */

/* A thread arrives and is broken; reset, and the others pass: it must learn of the break. */
static void reset_once(void *arg)
{
    (void)arg;
    sim_assert(ccp_barrier_reset(b) == CCP_OK);
    (void)pass(CCP_FOREVER, CCP_OK, CCP_OK);
}

static void run_reset(void *arg)
{
    static const operation wait = WAIT;
    now = arg;
    scene_tune(now->tuned);
    b = sim_alloc(sizeof *b);
    *b = (ccp_barrier)CCP_BARRIER_INIT(2);
    sim_hint(&b->pace_, sizeof b->pace_);
    ctx = NULL;
    for (int i = 0; i < now->parked; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&wait);
    sim_spawn(reset_once, NULL);
    sim_settle();
    check_rest();
    (void)ccp_barrier_break(b);
    sim_join();
    sim_free(b);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.of%d%s%s%s.%s.%s", how, p->parties,
              p->parked == 2 ? ".waiters" : p->parked ? ".waiter" : "",
              p->fragile ? ".fragile" : "", p->broken ? ".broken" : "", tuning_names[p->tuned],
              ops);
}

static bool is_wait(operation op)
{
    return op <= WAIT_CTX;
}

/* Three or four threads that wait: few preemptions then, instead of all schedules. */
static void add_pair(play p)
{
    bool large = p.parked > 0 && is_wait(p.op[0]) && p.op[1] <= RESET;
    if (large)
        add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2 }, "two");
    else
        add_play(&p, NULL, "pair");
    if (!p.broken && p.parties == 2 && !large)
        add_play(&p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
    if (p.broken)
        return;
    p.tuned = QUICK;
    add_play(&p, &(sim_options){ .mode = SIM_PCT, .n = 300 }, "some");
    p.tuned = EVERYTHING;
    add_play(&p, &(sim_options){ .mode = SIM_PCT, .n = 300 }, "some");
}

static void pairs(void)
{
    for (int parties = 2; parties <= 3; parties++)
        for (int parked = 0; parked < parties; parked++)
            for (int how = 0; how < 3; how++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int c = a; c < OPERATIONS; c++) {
                        play p = { .parties = parties, .parked = how == 2 ? 0 : parked,
                                   .fragile = how == 1, .broken = how == 2, .ops = 2,
                                   .op = { (operation)a, (operation)c } };
                        if (how < 2 || (parked == 0 && parties == 2))
                            add_pair(p);
                    }
}

static void triples(void)
{
    for (int fragile = 0; fragile < 2; fragile++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int c = a; c < OPERATIONS; c++)
                for (int d = c; d < OPERATIONS; d++) {
                    play p = { .parties = 2, .fragile = fragile, .ops = 3,
                               .op = { (operation)a, (operation)c, (operation)d } };
                    bool large = is_wait((operation)a) && is_wait((operation)c);
                    add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = large ? 1 : 2 },
                             large ? "one" : "two");
                }
}

static void circles(void)
{
    static const char *const names[] = { "forever", "timed" };
    const ccp_wait w[] = { CCP_FOREVER, ccp_within(100) };
    for (int i = 0; i < 2; i++)
        for (int threads = 2; threads <= 4; threads++)
            for (int t = 0; t < 2; t++) {
                circle c = { threads, 2, w[i], t ? EVERYTHING : STILL };
                sim_options some = { .mode = SIM_PCT, .n = 2000 };
                sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
                scene_add(run_circle, scene_keep(&c, sizeof c),
                          t || threads > 2 ? &some : &few, "%s.%d.%s.%s",
                          t || threads > 2 ? "some_circle" : "two_circle", threads, names[i],
                          tuning_names[c.tuned]);
            }
}

static void resets(void)
{
    for (int waiters = 1; waiters <= 3; waiters++)
        for (int t = 0; t < 2; t++) {
            play p = { .parties = 2, .parked = waiters, .ops = 1, .op = { RESET },
                       .tuned = t ? QUICK : STILL };
            sim_options some = { .mode = SIM_PCT, .n = 3000 };
            sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
            bool large = t || waiters > 2;
            scene_add(run_reset, scene_keep(&p, sizeof p), large ? &some : &two,
                      "%s.%d.%s", large ? "some_reset" : "two_reset", waiters,
                      tuning_names[p.tuned]);
        }
}

static void orders(void)
{
    static const tuning tunings[] = { STILL, QUICK };
    const sim_options some = { .mode = SIM_PCT, .n = 3000 };
    const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    for (int t = 0; t < 2; t++)
        scene_add(run_broken, (void *)(uintptr_t)&tunings[t], t ? &some : &two, "%s.broken.%s",
                  t ? "some_order" : "two_order", tuning_names[tunings[t]]);
    for (int broken = 0; broken < 2; broken++)
        for (int t = 0; t < 2; t++)
            scene_add(run_come_again, broken ? (void *)(uintptr_t)&tunings[0] : NULL,
                      t ? &some : &two, "%s.come_again%s", t ? "some_order" : "two_order",
                      broken ? ".broken" : "");
}

int main(int argc, char **argv)
{
    pairs();
    triples();
    circles();
    resets();
    orders();
    return scene_main(argc, argv);
}
