/* SPDX-License-Identifier: MIT
 *
 * Phasers: every pair of operations at one to three parties, with and without one that has arrived,
 * a thread that waits, an action; every schedule; triples; phases one after the other.
 *
 * Looked at: the action ran once for each phase, in order (H2), told of as many parties as arrived
 * there and stayed (H1); a wait returns when all of them had begun (H1); who is left waits for a
 * reason (H6); nobody counts who failed (H4).
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    REGISTER,
    REGISTER_ARRIVE,
    ARRIVE,
    ARRIVE_TWICE,
    DEREGISTER,
    MEET, /* arrive and wait */
    MEET_TIMED,
    MEET_CTX,
    MEET_NOWAIT,
    WAIT_0, /* for the end of phase 0 */
    WAIT_0_NOWAIT,
    WAIT_1_TIMED,
    CLOSE,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "register", "register_arrive", "arrive", "arrive_twice", "deregister", "meet", "meet_timed",
    "meet_ctx", "meet_nowait", "wait_0", "wait_0_nowait", "wait_1_timed", "close", "ctx_cancel",
};

typedef struct play {
    unsigned parties, arrived;
    bool parked, acts;
    int ops;
    operation op[3];
    tuning tuned;
} play;

enum { PHASES = 8, CALLS = 3 };

/* An arrival that succeeded, or a wait that did. */
typedef struct event {
    uint64_t begin, end, phase;
    bool arrived, waited, left;
} event;

static const play *now;
static ccp_phaser *p;
static ccp_ctx *ctx;
static event events[SIM_THREADS][CALLS];
static int n_events[SIM_THREADS];
static int waiting[SIM_THREADS]; /* 1: has arrived; 2: only waits */
static unsigned told[PHASES];    /* by the action */
static uint64_t acted;
static bool closing, running;

static ccp_status act(uint64_t phase, unsigned parties, void *arg)
{
    (void)arg;
    sim_assert(!running && phase == acted && phase < PHASES);
    running = true;
    told[phase] = parties;
    acted++;
    running = false;
    return CCP_OK;
}

/* ---- Operations ---- */

static void note(event e)
{
    int t = sim_self();
    sim_assert(n_events[t] < CALLS);
    events[t][n_events[t]++] = e;
}

static void arrive(bool leaves)
{
    event e = { .begin = sim_begin(false), .arrived = true, .left = leaves };
    ccp_status rc = leaves ? ccp_phaser_deregister(p, &e.phase) : ccp_phaser_arrive(p, &e.phase);
    e.end = sim_end(false);
    sim_assert(rc == CCP_OK || rc == CCP_CLOSED || rc == CCP_MISUSE);
    if (rc == CCP_OK)
        note(e);
}

static void meet(ccp_wait w, ccp_status a)
{
    event e = { .begin = sim_begin(false), .arrived = true, .waited = true };
    waiting[sim_self()] = 1;
    ccp_status rc = ccp_phaser_arrive_and_wait(p, &e.phase, w);
    waiting[sim_self()] = 0;
    e.end = sim_end(false);
    sim_assert(rc == CCP_OK || rc == CCP_CLOSED || rc == CCP_MISUSE || rc == a);
    if (rc == CCP_OK)
        note(e);
}

static void wait_for(uint64_t phase, ccp_wait w, ccp_status a)
{
    event e = { .begin = sim_begin(false), .waited = true, .phase = phase };
    waiting[sim_self()] = 2;
    ccp_status rc = ccp_phaser_wait(p, phase, w);
    waiting[sim_self()] = 0;
    e.end = sim_end(false);
    sim_assert(rc == CCP_OK || rc == CCP_CLOSED || rc == a);
    if (rc == CCP_OK)
        note(e);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case REGISTER:
    case REGISTER_ARRIVE: {
        ccp_status rc = ccp_phaser_register(p, 1, NULL);
        sim_assert(rc == CCP_OK || rc == CCP_CLOSED);
        if (*(const operation *)arg == REGISTER_ARRIVE)
            arrive(false);
        break;
    }
    case ARRIVE_TWICE:
        arrive(false);
        arrive(false);
        break;
    case ARRIVE: arrive(false); break;
    case DEREGISTER: arrive(true); break;
    case MEET: meet(CCP_FOREVER, CCP_OK); break;
    case MEET_TIMED: meet(ccp_within(100), CCP_TIMEOUT); break;
    case MEET_CTX: meet(ccp_with(ctx), CCP_CANCELED); break;
    case MEET_NOWAIT: meet(CCP_NOWAIT, CCP_AGAIN); break;
    case WAIT_0: wait_for(0, CCP_FOREVER, CCP_OK); break;
    case WAIT_0_NOWAIT: wait_for(0, CCP_NOWAIT, CCP_AGAIN); break;
    case WAIT_1_TIMED: wait_for(1, ccp_within(100), CCP_TIMEOUT); break;
    case CLOSE: {
        ccp_status rc = ccp_phaser_close(p);
        sim_assert(rc == CCP_OK || rc == CCP_CLOSED);
        break;
    }
    default: ccp_ctx_cancel(ctx); break;
    }
}

/* ---- What must hold ---- */

static unsigned stayed(uint64_t phase)
{
    unsigned n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < n_events[t]; i++) {
            const event *e = &events[t][i];
            n += e->arrived && !e->left && e->phase == phase;
        }
    return n;
}

static void check_order(const event *w) /* H1 */
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < n_events[t]; i++) {
            const event *e = &events[t][i];
            sim_assert(!e->arrived || e->phase > w->phase || e->begin < w->end);
        }
}

static void check_rest(void)
{
    ccp_phaser_info info;
    unsigned arrived = 0;
    size_t sleepers = 0;
    sim_assert(ccp_phaser_get_info(p, &info) == CCP_OK);
    for (int t = 0; t < SIM_THREADS; t++) {
        arrived += waiting[t] == 1;
        sleepers += waiting[t] != 0;
        for (int i = 0; i < n_events[t]; i++)
            if (events[t][i].waited)
                check_order(&events[t][i]);
    }
    sim_assert(!info.advancing);
    sim_assert(info.waiting == sleepers);
    sim_assert(!info.closed || sleepers == 0); /* H6 */
    sim_assert(stayed(info.phase) + arrived == info.arrived); /* H4 */
    sim_assert(info.closed || info.arrived < info.parties || info.parties == 0);
    sim_assert(!now->acts || acted == info.phase); /* H2 */
    for (uint64_t k = 0; now->acts && k < acted; k++)
        sim_assert(stayed(k) == told[k]); /* H1 */
    sim_assert(!now->acts || closing || !info.closed); /* H5 */
}

/* ---- Beginning and end ---- */

static void set_up(const play *what)
{
    static const operation parked = WAIT_0;
    now = what;
    scene_tune(now->tuned);
    ccp_set_misuse_hook(NULL); /* the counts say whether it was misuse */
    p = ccp_phaser_make(&(ccp_phaser_opts){ .parties = now->parties,
                                            .action = now->acts ? act : NULL });
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(p && ctx);
    for (unsigned i = 0; i < now->arrived; i++)
        arrive(false);
    for (int i = 0; i < now->ops; i++)
        closing |= now->op[i] == CLOSE;
    if (now->parked) {
        sim_spawn(act_out, (void *)(uintptr_t)&parked);
        sim_settle();
    }
}

static void run_play(void *arg)
{
    const play *what = arg;
    set_up(what);
    for (int i = 0; i < what->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&what->op[i]);
    sim_settle();
    check_rest();
    (void)ccp_phaser_close(p);
    sim_join();
    sim_assert(ccp_phaser_free(p) == CCP_OK);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

/* ---- Phase after phase: what was written before is read after (H3) ---- */

typedef struct circle {
    unsigned parties;
    uint64_t phases;
    bool apart; /* arrive, then wait */
    ccp_wait w;
    tuning tuned;
} circle;

static const circle *ring;
static long work[4], sum; /* plain: a race is a failure */

static ccp_status add_up(uint64_t phase, unsigned parties, void *arg)
{
    (void)arg;
    (void)phase;
    sum = 0;
    for (unsigned i = 0; i < parties; i++)
        sum += work[i];
    return CCP_OK;
}

static void pass_somehow(ccp_wait w)
{
    uint64_t phase;
    if (ring->apart) {
        sim_assert(ccp_phaser_arrive(p, &phase) == CCP_OK);
        while (ccp_phaser_wait(p, phase, w) != CCP_OK)
            w = CCP_FOREVER;
        return;
    }
    while (ccp_phaser_arrive_and_wait(p, &phase, w) != CCP_OK)
        w = CCP_FOREVER;
}

static void go_round(void *arg)
{
    int me = *(const int *)arg;
    for (uint64_t i = 0; i < ring->phases; i++) {
        work[me] = (long)i + 1;
        pass_somehow(ring->w);
        if (i + 1 == ring->phases)
            sim_assert(sum == (long)ring->parties * ((long)i + 1));
    }
}

static void run_circle(void *arg)
{
    static const int ids[] = { 0, 1, 2, 3 };
    ring = arg;
    scene_tune(ring->tuned);
    p = ccp_phaser_make(&(ccp_phaser_opts){ .parties = ring->parties, .action = add_up });
    sim_assert(p);
    for (unsigned i = 0; i < ring->parties; i++)
        sim_spawn(go_round, (void *)(uintptr_t)&ids[i]);
    sim_join();
    sim_assert(ccp_phaser_free(p) == CCP_OK);
}

/* ---- The table ---- */

static void add_play(const play *what, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < what->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[what->op[i]]);
    scene_add(run_play, scene_keep(what, sizeof *what), o, "%s.of%u.%u%s%s.%s.%s", how,
              what->parties, what->arrived, what->parked ? ".waiter" : "",
              what->acts ? ".acts" : "", tuning_names[what->tuned], ops);
}

static void add_pair(play what)
{
    add_play(&what, NULL, "pair");
    if (what.parties == 2 && !what.parked)
        add_play(&what, &(sim_options){ .spurious = 1 }, "odd");
    what.tuned = EVERYTHING;
    if (what.acts)
        add_play(&what, &(sim_options){ .mode = SIM_PCT, .n = 200 }, "some");
}

static void pairs(void)
{
    for (unsigned parties = 1; parties <= 3; parties++)
        for (unsigned arrived = 0; arrived < parties && arrived < 2; arrived++)
            for (int more = 0; more < 4; more++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++) {
                        play what = { .parties = parties, .arrived = arrived, .parked = more & 1,
                                      .acts = more & 2, .ops = 2,
                                      .op = { (operation)a, (operation)b } };
                        if (parties < 3 || (arrived && more != 1))
                            add_pair(what);
                    }
}

static void triples(void)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play what = { .parties = 2, .acts = true, .ops = 3,
                              .op = { (operation)a, (operation)b, (operation)c } };
                add_play(&what, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one");
            }
}

static void circles(void)
{
    static const char *const names[] = { "forever", "timed" };
    const ccp_wait w[] = { CCP_FOREVER, ccp_within(100) };
    for (int i = 0; i < 2; i++)
        for (unsigned parties = 2; parties <= 3; parties++)
            for (int t = 0; t < 4; t++) {
                circle c = { parties, 2, t & 1, w[i], t & 2 ? EVERYTHING : STILL };
                sim_options some = { .mode = SIM_PCT, .n = 2000 };
                sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
                bool large = (t & 2) || parties > 2;
                scene_add(run_circle, scene_keep(&c, sizeof c), large ? &some : &few,
                          "%s.%u%s.%s.%s", large ? "some_circle" : "two_circle", parties,
                          c.apart ? ".apart" : "", names[i], tuning_names[c.tuned]);
            }
}

int main(int argc, char **argv)
{
    pairs();
    triples();
    circles();
    return scene_main(argc, argv);
}
