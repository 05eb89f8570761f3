/* SPDX-License-Identifier: MIT
 *
 * Limiters by a window of two: every pair of operations on one that is empty, has one place left,
 * or is full, every schedule; the same beside a thread that waits for one or for both, and triples.
 *
 * Each call is known to have counted at a moment while it ran, and those for a given time at that:
 * of those that certainly were within a window there must not be more than two (R12).  When all is
 * over, there is as much as if those that failed had never been (R13).
 */
#include "scene.h"

#include <stdio.h>

enum { SIZE = 2, WINDOW = 1000, GRANTS = 8 };

typedef enum operation {
    TAKE_1,
    TAKE_2,
    TAKE_NOW,
    WAIT_1,
    WAIT_2,
    WAIT_1_SHORT,
    WAIT_1_LONG,
    WAIT_2_CTX,
    WHEN,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "take_1",      "take_2",     "take_now", "wait_1", "wait_2", "wait_1_short",
    "wait_1_long", "wait_2_ctx", "when",     "ctx_cancel",
};

typedef struct play {
    int taken;
    int waits; /* for so many a thread waits from the beginning; 0: none */
    int ops;
    operation op[3];
} play;

typedef struct grant {
    int64_t from, to; /* it counted at a moment between them */
    unsigned n;
} grant;

static ccp_window *window;
static ccp_ctx *ctx;
static grant grants[SIM_THREADS][GRANTS]; /* by thread: none is shared */
static int counts[SIM_THREADS];

static void note(int64_t from, unsigned n)
{
    int me = sim_self();
    sim_assert(counts[me] < GRANTS);
    grants[me][counts[me]++] = (grant){ from, sim_now(), n };
}

static void take(unsigned n)
{
    int64_t t = sim_now();
    ccp_status st = ccp_window_take_at(window, n, t);
    sim_assert(st == CCP_OK || st == CCP_AGAIN);
    if (st == CCP_OK)
        note(t, n);
}

static void wait_for(unsigned n, ccp_wait w, ccp_status other)
{
    int64_t t = sim_now();
    ccp_status st = ccp_window_take(window, n, w);
    sim_assert(st == CCP_OK || st == other);
    if (st == CCP_OK)
        note(t, n);
}

static void act_out(void *arg)
{
    int64_t t = sim_now();
    switch (*(const operation *)arg) {
    case TAKE_1: take(1); break;
    case TAKE_2: take(2); break;
    case TAKE_NOW: wait_for(1, CCP_NOWAIT, CCP_AGAIN); break;
    case WAIT_1: wait_for(1, CCP_FOREVER, CCP_OK); break;
    case WAIT_2: wait_for(2, CCP_FOREVER, CCP_OK); break;
    case WAIT_1_SHORT: wait_for(1, ccp_within(WINDOW / 4), CCP_TIMEOUT); break;
    case WAIT_1_LONG: wait_for(1, ccp_within(WINDOW / 2), CCP_TIMEOUT); break;
    case WAIT_2_CTX: wait_for(2, ccp_with(ctx), CCP_CANCELED); break;
    case WHEN: sim_assert(ccp_window_when(window, 1) >= t); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void set_up(const play *p)
{
    static const operation first[] = { WAIT_1, WAIT_2 };
    scene_tune(STILL);
    window = ccp_window_new(SIZE, WINDOW);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(window && ctx);
    for (int i = 0; i < p->taken; i++) {
        take(1);
        sim_advance(WINDOW / 4);
    }
    if (p->waits)
        sim_spawn(act_out, (void *)(uintptr_t)&first[p->waits - 1]);
}

static const grant *grant_at(int i)
{
    for (int t = 0; t < SIM_THREADS; i -= counts[t++])
        if (i < counts[t])
            return &grants[t][i];
    return NULL;
}

/* How many were taken that certainly count from `from` on, and before `to`. */
static unsigned taken_within(int64_t from, int64_t to)
{
    const grant *g;
    unsigned sum = 0;
    for (int i = 0; (g = grant_at(i)); i++)
        if (g->from >= from && g->to < to)
            sum += g->n;
    return sum;
}

static void finish(void)
{
    const grant *g;
    sim_join();
    for (int i = 0; (g = grant_at(i)); i++)
        sim_assert(taken_within(g->from, g->from + WINDOW) <= SIZE);
    /* Once what was taken is old, all is there: nobody waits, and nothing failed left a trace. */
    int64_t newest = 0;
    for (int i = 0; (g = grant_at(i)); i++)
        newest = g->to > newest ? g->to : newest;
    sim_assert(ccp_window_when(window, SIZE) <= newest + WINDOW || newest == 0);
    sim_assert(ccp_window_when(window, 0) <= sim_now());
    sim_assert(ccp_window_take_at(window, SIZE, newest + WINDOW) == CCP_OK);
    sim_assert(ccp_window_free(window) == CCP_OK);
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

/* ---- Who waits for both is not overtaken by who wants one, and could have it before (R14) ---- */

static void wait_for_both(void *arg)
{
    (void)arg;
    wait_for(2, CCP_FOREVER, CCP_OK);
}

static void in_turn(void *arg)
{
    int64_t begun = sim_now(), second = begun + WINDOW / 4;
    (void)arg;
    set_up(&(play){ .taken = SIZE });
    sim_spawn(wait_for_both, NULL);
    bool is_behind = ccp_window_when(window, 1) > begun + WINDOW;
    wait_for(1, CCP_FOREVER, CCP_OK);
    if (is_behind)
        sim_assert(sim_now() >= second + 2 * WINDOW);
    finish();
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%d.waits%d.%s", how, p->taken, p->waits,
              ops);
}

static void pairs(int taken, int waits)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++) {
            play p = { taken, waits, 2, { (operation)a, (operation)b } };
            if (waits)
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one");
            else
                add_play(&p, NULL, "pair");
            if (!waits)
                add_play(&p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
        }
}

static void triples(int taken)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { taken, 0, 3, { (operation)a, (operation)b, (operation)c } };
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one");
            }
}

int main(int argc, char **argv)
{
    for (int taken = 0; taken <= SIZE; taken++) {
        for (int waits = 0; waits <= SIZE; waits++)
            pairs(taken, waits);
        triples(taken);
    }
    scene_add(in_turn, NULL, NULL, "in_turn");
    return scene_main(argc, argv);
}
