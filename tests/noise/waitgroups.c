/* SPDX-License-Identifier: MIT
 *
 * Wait groups: counted and waited for by many, used again at once, and given up as soon as the
 * promises allow.
 */
#include "harness.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

typedef struct round {
    ccp_wg *wg;
    unsigned tasks;     /* per generation */
    unsigned generations;
    unsigned doers, waiters;
    _Atomic unsigned done;             /* tasks done in this generation */
    _Atomic unsigned generation;       /* number of the one that runs */
    _Atomic unsigned returned;         /* waiters back from this generation */
    ccp_chan *closes;
} round;

static void pause_for(worker *w, const _Atomic unsigned *what, unsigned value, const char *doing)
{
    enter(w, doing, NULL);
    while (atomic_load(what) < value)
        sched_yield();
    leave(w);
}

/* Each doer does every doers-th task of each generation. */
static void be_doer(worker *w)
{
    round *r = w->round;
    for (unsigned g = 1; g <= r->generations; g++) {
        pause_for(w, &r->generation, g, "the next generation");
        for (unsigned i = w->id; i < r->tasks; i += r->doers) {
            if (below(&w->dice, 4) == 0)
                EXPECT(ccp_wg_add(r->wg, 1) == CCP_OK && ccp_wg_add(r->wg, -1) == CCP_OK);
            atomic_fetch_add(&r->done, 1);
            EXPECT(ccp_wg_done(r->wg) == CCP_OK);
        }
    }
}

static ccp_status wait_somehow(worker *w, ccp_wg *wg, ccp_ctx *ctx)
{
    dice *d = &w->dice;
    switch (below(d, 4)) {
    case 0:
        return ccp_wg_wait(wg, CCP_NOWAIT);
    case 1:
        return ccp_wg_wait(wg, ccp_within(below(d, 50000)));
    case 2:
        return ccp_wg_wait(wg, ccp_with(ctx));
    default:
        return ccp_wg_wait(wg, CCP_FOREVER);
    }
}

static void be_waiter(worker *w)
{
    round *r = w->round;
    for (unsigned g = 1; g <= r->generations; g++) {
        pause_for(w, &r->generation, g, "the next generation");
        ccp_status st;
        do {
            ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(below(&w->dice, 50000)));
            enter(w, "ccp_wg_wait", r->wg);
            st = wait_somehow(w, r->wg, ctx);
            leave(w);
            EXPECT(st == CCP_OK || st == CCP_AGAIN || st == CCP_TIMEOUT);
            EXPECT(ccp_ctx_free(ctx) == CCP_OK);
        } while (st != CCP_OK);
        EXPECT(atomic_load(&r->done) == r->tasks); /* A1 */
        atomic_fetch_add(&r->returned, 1);
    }
}

/* Starts each generation as soon as all waiters are back from the last one (A4). */
static void be_boss(worker *w)
{
    round *r = w->round;
    for (unsigned g = 1; g <= r->generations; g++) {
        atomic_store(&r->done, 0);
        atomic_store(&r->returned, 0);
        EXPECT(ccp_wg_add(r->wg, (int)r->tasks) == CCP_OK);
        if (g == r->generations && r->closes)
            EXPECT(ccp_wg_close_when_done(r->wg, r->closes) == CCP_OK);
        atomic_store(&r->generation, g);
        pause_for(w, &r->returned, r->waiters, "all waiters to return");
        EXPECT(ccp_wg_done(r->wg) == CCP_MISUSE); /* A3 */
    }
}

static void round_of_generations(const setup *s, uint64_t number, uint64_t seed)
{
    dice d = dice_of(seed, 97);
    unsigned people = s->threads < 3 ? 3 : s->threads;
    round r = { .tasks = 1 + below(&d, 40), .generations = 1 + below(&d, 30) };
    r.doers = 1 + below(&d, people - 1);
    r.waiters = people - r.doers;
    r.closes = below(&d, 2) ? ccp_chan_new(0, 1) : NULL;
    r.wg = calloc(1, sizeof *r.wg);
    round_begin(s, number, "wait group, %u doers, %u waiters, %u tasks", r.doers, r.waiters,
                r.tasks);
    for (unsigned i = 0; i < people; i++)
        crew_add(i, seed, i < r.doers ? be_doer : be_waiter, &r);
    crew_add(people, seed, be_boss, &r);
    crew_join();
    EXPECT(!r.closes || ccp_chan_is_closed(r.closes)); /* A5 */
    EXPECT(ccp_chan_free(r.closes) == CCP_OK && ccp_live_blocks() == 0);
    free(r.wg);
}

/* ---- One waiter that gives the memory up as soon as its wait returns ---- */

typedef struct brief {
    ccp_wg wg;
    _Atomic unsigned left;
} brief;

static _Atomic(brief *) offered;

static void be_helper(worker *w)
{
    (void)w;
    for (brief *b; (b = atomic_load(&offered)) != (brief *)1;) {
        unsigned left = b ? atomic_load(&b->left) : 0;
        if (left == 0)
            sched_yield();
        else if (atomic_compare_exchange_strong(&b->left, &left, left - 1))
            (void)ccp_wg_done(&b->wg); /* the last access is inside this call */
    }
}

static void be_giver(worker *w)
{
    enum { TIMES = 300 };
    static brief space[TIMES]; /* never freed: a helper may look at `left` late */
    static unsigned char trace[sizeof(ccp_wg)];
    memset(trace, 0xA5, sizeof trace);
    memset((void *)space, 0, sizeof space);
    for (int i = 0; i < TIMES; i++) {
        brief *b = &space[i];
        unsigned tasks = 1 + below(&w->dice, 4);
        EXPECT(ccp_wg_add(&b->wg, (int)tasks) == CCP_OK);
        atomic_store(&b->left, tasks);
        atomic_store(&offered, b);
        enter(w, "ccp_wg_wait", &b->wg);
        EXPECT(ccp_wg_wait(&b->wg, CCP_FOREVER) == CCP_OK);
        leave(w);
        memcpy(&b->wg, trace, sizeof trace); /* ours again: a write from now on is a fault */
    }
    atomic_store(&offered, (brief *)1);
    for (int i = 0; i < TIMES; i++)
        if (memcmp(&space[i].wg, trace, sizeof trace) != 0)
            fail("wait group %d was written to after its wait had returned", i);
}

static void round_of_brief(const setup *s, uint64_t number, uint64_t seed)
{
    round_begin(s, number, "wait groups that are given up at once");
    atomic_store(&offered, NULL);
    unsigned helpers = s->threads > 4 ? 4 : 2;
    for (unsigned i = 0; i < helpers; i++)
        crew_add(i, seed, be_helper, NULL);
    crew_add(helpers, seed, be_giver, NULL);
    crew_join();
}

/* ---- Threads ---- */

static _Atomic unsigned ran;

static void task(void *arg)
{
    ccp_wg *wg = arg;
    if (atomic_fetch_add(&ran, 1) % 3 == 0 && ccp_wg_go(wg, task, wg) == CCP_NOMEM)
        atomic_fetch_add(&ran, 1);
}

static void round_of_threads(const setup *s, uint64_t number, uint64_t seed)
{
    dice d = dice_of(seed, 96);
    round_begin(s, number, "threads of wait groups");
    ccp_wg wg = CCP_WG_INIT;
    for (int i = 0; i < 20; i++) {
        unsigned n = 1 + below(&d, s->threads), started = 0;
        for (unsigned k = 0; k < n; k++)
            started += ccp_wg_go(&wg, task, &wg) == CCP_OK;
        EXPECT(started > 0 && ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
        EXPECT(atomic_load(&ran) >= started);
        EXPECT(ccp_live_blocks() == 0); /* A6 */
    }
}

void round_of_waitgroups(const setup *s, uint64_t number, uint64_t seed)
{
    if (number % 4 == 0)
        round_of_brief(s, number, seed);
    else if (number % 8 == 1)
        round_of_threads(s, number, seed);
    else
        round_of_generations(s, number, seed);
}
