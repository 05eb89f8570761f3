/* SPDX-License-Identifier: MIT
 *
 * Rate limiters: every pair of operations on a bucket that is new, has one token, is empty, or owes
 * two, every schedule, and what was owed given back meanwhile or afterwards; triples; waits that
 * end by time or by their context.
 *
 * At the end the grants are held against R1 (in every stretch of time not more than the burst and
 * what the rate gives), with more reserved after them; and what is in the bucket against what was
 * taken and given back (R2, R4, R6).
 */
#include "scene.h"

#include <stdio.h>

enum { BURST = 2, UNIT = 1000, GRANTS = 24 };

typedef enum operation {
    TAKE_1,
    TAKE_2,
    RESERVE_1,
    RESERVE_2,
    RESERVE_CANCEL, /* one of its own */
    CANCEL_OLD,     /* one of two that was reserved before, if there is one */
    WAIT_1,
    WAIT_2_SHORT,   /* in vain, if it has to wait for two */
    WAIT_1_CTX,
    CTX_CANCEL,
    SET_BURST,      /* to the same */
    SET_TWICE,      /* there and back, by plans with other units */
    TOKENS,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "take_1", "take_2", "reserve_1", "reserve_2", "reserve_cancel", "cancel_old", "wait_1",
    "wait_2_short", "wait_1_ctx", "ctx_cancel", "set_burst", "set_twice", "tokens",
};

typedef enum start { NEW, ONE_LEFT, EMPTY, OWING, STARTS } start;
static const char *const start_names[STARTS] = { "new", "one", "empty", "owing" };

typedef struct play {
    start start;
    int ops;
    operation op[3];
    bool then_cancels; /* the old one, when all are done */
} play;

typedef struct grant {
    int64_t at;
    uint64_t n;
    bool is_slept; /* it came by a sleep: later than it might have */
} grant;

static ccp_rate *rate;
static ccp_ctx *ctx;
static ccp_reservation old;
static int64_t begun;
static grant grants[SIM_THREADS][GRANTS]; /* by thread: none is shared */
static int counts[SIM_THREADS];
static uint64_t canceled[SIM_THREADS];
static bool is_sole; /* nobody else takes: what is there must be given */

static void note(int64_t at, uint64_t n, bool is_slept)
{
    int me = sim_self();
    sim_assert(counts[me] < GRANTS);
    grants[me][counts[me]++] = (grant){ at, n, is_slept };
}

static void take(uint64_t n)
{
    int64_t t = sim_now();
    ccp_status st = ccp_rate_take_at(rate, n, t);
    sim_assert(st == CCP_OK || st == CCP_AGAIN);
    sim_assert(!is_sole || st == CCP_OK);
    if (st == CCP_OK)
        note(t, n, false);
}

static void take_now(uint64_t n)
{
    ccp_status st = ccp_rate_take(rate, n, CCP_NOWAIT);
    sim_assert(st == CCP_OK || st == CCP_AGAIN);
    sim_assert(!is_sole || st == CCP_OK);
    if (st == CCP_OK)
        note(sim_now(), n, true);
}

static ccp_reservation reserve(uint64_t n)
{
    ccp_reservation res;
    sim_assert(ccp_rate_reserve(rate, n, &res) == CCP_OK);
    note(res.at, n, false);
    return res;
}

static void give_back(ccp_reservation *res, uint64_t n)
{
    sim_assert(ccp_rate_cancel(res) == CCP_OK);
    canceled[sim_self()] += n;
}

static void reserve_and_cancel(void)
{
    ccp_reservation res = reserve(2);
    if (res.at < sim_now())
        return;
    counts[sim_self()]--;
    give_back(&res, 2);
}

static void wait_for(uint64_t n, ccp_wait w, ccp_status other)
{
    ccp_status st = ccp_rate_take(rate, n, w);
    sim_assert(st == CCP_OK || st == other);
    if (st == CCP_OK)
        note(sim_now(), n, true);
    else
        canceled[sim_self()] += n;
}

static void set_twice(void)
{
    sim_assert(ccp_rate_set(rate, ccp_every(UNIT) * 64, BURST) == CCP_OK);
    sim_assert(ccp_rate_set(rate, ccp_every(UNIT) / 1024, BURST) == CCP_OK);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case TAKE_1: take(1); break;
    case TAKE_2: take_now(2); break;
    case RESERVE_1: (void)reserve(1); break;
    case RESERVE_2: (void)reserve(2); break;
    case RESERVE_CANCEL: reserve_and_cancel(); break;
    case CANCEL_OLD:
        if (old.rate_ && old.at >= sim_now())
            give_back(&old, 2);
        break;
    case WAIT_1: wait_for(1, CCP_FOREVER, CCP_OK); break;
    case WAIT_2_SHORT: wait_for(2, ccp_within(UNIT), CCP_TIMEOUT); break;
    case WAIT_1_CTX: wait_for(1, ccp_with(ctx), CCP_CANCELED); break;
    case CTX_CANCEL: ccp_ctx_cancel(ctx); break;
    case SET_BURST:
        sim_assert(ccp_rate_set(rate, ccp_every(UNIT), BURST) == CCP_OK);
        break;
    case SET_TWICE: set_twice(); break;
    default: {
        double tokens = ccp_rate_tokens(rate);
        sim_assert(tokens <= BURST && tokens >= -20);
    }
    }
}

static bool is_taking(operation op)
{
    return op <= RESERVE_CANCEL || (op >= WAIT_1 && op <= WAIT_1_CTX);
}

static bool is_in(const play *p, operation op)
{
    for (int i = 0; i < p->ops; i++)
        if (p->op[i] == op)
            return true;
    return false;
}

static int taking(const play *p)
{
    int n = 0;
    for (int i = 0; i < p->ops; i++)
        n += is_taking(p->op[i]);
    return n;
}

static void set_up(const play *p)
{
    scene_tune(STILL);
    begun = sim_now();
    rate = sim_alloc(sizeof *rate);
    sim_assert(ccp_rate_init(rate, ccp_every(UNIT), BURST) == CCP_OK);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    if (p->start == ONE_LEFT)
        take(1);
    else if (p->start != NEW)
        take(2);
    if (p->start == OWING) {
        old = reserve(2);
        counts[0]--; /* noted when it is clear what became of it */
    }
    is_sole = p->start == NEW && taking(p) <= 1;
}

static const grant *grant_at(int i)
{
    for (int t = 0; t < SIM_THREADS; i -= counts[t++])
        if (i < counts[t])
            return &grants[t][i];
    return NULL;
}

/* R1: from the time of one grant to that of another. */
static void hold_against_rate(void)
{
    const grant *from, *to, *g;
    for (int i = 0; (from = grant_at(i)); i++)
        for (int j = 0; (to = grant_at(j)); j++) {
            uint64_t sum = 0;
            for (int k = 0; (g = grant_at(k)); k++)
                if (!g->is_slept && g->at >= from->at && g->at <= to->at)
                    sum += g->n;
            if (from->at <= to->at)
                sim_assert(sum <= BURST + (uint64_t)((to->at - from->at + 2) / UNIT));
        }
}

/* What should be there: not more, and less only by what those who gave back did not get back. */
static void hold_against_sum(void)
{
    double left = BURST + (double)(sim_now() - begun) / UNIT, back = 0, slack = 0.01;
    double tokens = ccp_rate_tokens(rate);
    const grant *g;
    for (int i = 0; (g = grant_at(i)); i++)
        left -= (double)g->n;
    for (int t = 0; t < SIM_THREADS; t++)
        back += (double)canceled[t];
    sim_assert(tokens <= left + slack);
    sim_assert(tokens >= left - back - slack || tokens >= BURST - slack);
}

static void finish(const play *p)
{
    sim_join();
    if (p->then_cancels)
        act_out(&(operation){ CANCEL_OLD });
    if (old.rate_)
        note(old.at, 2, false);
    if (!is_in(p, SET_TWICE)) {
        hold_against_sum();
        for (int i = 0; i < 3; i++)
            (void)reserve(BURST);
        hold_against_rate();
    }
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(rate);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish(p);
}

/* ---- Plans that are replaced twice while one who takes reads them ---- */

static void slow_down_twice(void *arg)
{
    (void)arg;
    sim_assert(ccp_rate_set(rate, 5e7, 1) == CCP_OK);
    sim_assert(ccp_rate_set(rate, 1e7, 1) == CCP_OK);
}

/* There is a token by each of the plans, so it is given. */
static void is_not_denied(void *arg)
{
    (void)arg;
    scene_tune(STILL);
    rate = sim_alloc(sizeof *rate);
    sim_assert(rate && ccp_rate_init(rate, 1e8, 1) == CCP_OK);
    sim_advance(100);
    sim_assert(ccp_rate_take(rate, 1, CCP_NOWAIT) == CCP_OK);
    sim_advance(10000);
    sim_spawn(slow_down_twice, NULL);
    sim_assert(ccp_rate_take(rate, 1, CCP_NOWAIT) == CCP_OK);
    sim_join();
    sim_free(rate);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.%s", how, start_names[p->start], ops);
}

static void pairs(void)
{
    for (int s = 0; s < STARTS; s++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { (start)s, 2, { (operation)a, (operation)b }, false };
                if (a == CANCEL_OLD && b == CANCEL_OLD)
                    continue; /* one thread has it */
                add_play(&p, NULL, "pair");
                p.then_cancels = true;
                if (s == OWING && b != CANCEL_OLD && a != CANCEL_OLD)
                    add_play(&p, NULL, "then");
            }
}

static void triples(void)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { OWING, 3, { (operation)a, (operation)b, (operation)c }, false };
                if (is_in(&p, CANCEL_OLD) && !(b == CANCEL_OLD && (a == b || b == c)))
                    add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one");
            }
}

int main(int argc, char **argv)
{
    static const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    pairs();
    triples();
    scene_add(is_not_denied, NULL, &two, "then_is_not_denied");
    return scene_main(argc, argv);
}
