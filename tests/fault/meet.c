/* SPDX-License-Identifier: MIT
 *
 * Barriers, phasers, futures, groups and single-flights: whatever ends a sleep, nobody goes on
 * before it is time, nobody is forgotten, and who leaves leaves nothing behind.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdint.h>

enum { ROUNDS = 12, THREADS = 3 };
static const int64_t brief = CCP_MS(2);

typedef struct shared {
    ccp_barrier b;
    ccp_phaser *ph;
    ccp_ctx *ctx;
    ccp_flight *flight;
    ccp_future *f;
    ccp_promise *p;
    atomic_uint leaders, turn, ran;
    unsigned at[THREADS]; /* plain: ordered by what is tested */
    unsigned phases;      /* plain, too */
} shared;

static void in_threads(ccp_wg *wg, void (*fn)(void *), shared *s, int n)
{
    while (n-- > 0)
        CHECK(ccp_wg_go(wg, fn, s) == CCP_OK);
}

static void pause_for(int64_t ns)
{
    CHECK(ccp_sleep(ccp_within(ns)) == CCP_OK);
}

/* Now and then for so long that the others go to sleep. */
static void hold(unsigned i)
{
    if (i % 4 == 0)
        pause_for(CCP_US(200));
}

/* ---- Barriers ---- */

static void meet_again_and_again(void *arg)
{
    shared *s = arg;
    unsigned me = atomic_fetch_add(&s->turn, 1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        ccp_barrier_pass pass;
        hold(i + me);
        s->at[me] = i;
        CHECK(ccp_barrier_wait(&s->b, &pass, ccp_within(CCP_SEC(100))) == CCP_OK);
        CHECK(pass.generation == 2 * (uint64_t)i - 2);
        for (unsigned k = 0; k < THREADS; k++)
            CHECK(s->at[k] == i); /* B1, B2 */
        atomic_fetch_add(&s->leaders, pass.leader);
        CHECK(ccp_barrier_wait(&s->b, NULL, CCP_FOREVER) == CCP_OK);
    }
}

static unsigned at_a_barrier(void)
{
    shared s = { .b = CCP_BARRIER_INIT(THREADS) };
    ccp_wg wg = CCP_WG_INIT;
    in_threads(&wg, meet_again_and_again, &s, THREADS);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(atomic_load(&s.leaders) == ROUNDS);
    return 0;
}

static void break_it_soon(void *arg)
{
    shared *s = arg;
    pause_for(brief);
    CHECK(ccp_barrier_break(&s->b) == CCP_OK);
}

static void cancel_soon(void *arg)
{
    shared *s = arg;
    pause_for(brief);
    ccp_ctx_cancel(s->ctx);
}

static unsigned a_barrier_is_left(void)
{
    shared s = { .b = CCP_BARRIER_INIT(2), .ctx = ccp_ctx_new(NULL, CCP_FOREVER) };
    ccp_barrier fragile = CCP_BARRIER_INIT_FRAGILE(2);
    ccp_barrier_info info;
    ccp_wg wg = CCP_WG_INIT;
    int64_t end = ccp_now() + brief;
    CHECK(ccp_barrier_wait(&s.b, NULL, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end); /* W6 */
    CHECK(ccp_barrier_wait(&fragile, NULL, ccp_within(brief)) == CCP_TIMEOUT);
    CHECK(ccp_barrier_wait(&fragile, NULL, CCP_FOREVER) == CCP_CLOSED); /* B7 */
    in_threads(&wg, break_it_soon, &s, 1);
    CHECK(ccp_barrier_wait(&s.b, NULL, CCP_FOREVER) == CCP_CLOSED);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && ccp_barrier_reset(&s.b) == CCP_OK);
    in_threads(&wg, cancel_soon, &s, 1);
    CHECK(ccp_barrier_wait(&s.b, NULL, ccp_with(s.ctx)) == CCP_CANCELED);
    CHECK(ccp_barrier_get_info(&s.b, &info) == CCP_OK);
    CHECK(info.arrived == 0 && !info.broken && info.generation == 0); /* W4 */
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && ccp_ctx_free(s.ctx) == CCP_OK);
    return 0;
}

/* ---- Phasers ---- */

static ccp_status count_phase(uint64_t phase, unsigned parties, void *arg)
{
    shared *s = arg;
    CHECK(phase == s->phases && parties == THREADS); /* H2 */
    hold(s->phases);
    s->phases++;
    return CCP_OK;
}

static void go_through_phases(void *arg)
{
    shared *s = arg;
    unsigned me = atomic_fetch_add(&s->turn, 1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        uint64_t phase;
        hold(i + me);
        if (i % 2)
            CHECK(ccp_phaser_arrive_and_wait(s->ph, &phase, CCP_FOREVER) == CCP_OK);
        else
            CHECK(ccp_phaser_arrive(s->ph, &phase) == CCP_OK &&
                  ccp_phaser_wait(s->ph, phase, ccp_within(CCP_SEC(100))) == CCP_OK);
        CHECK(phase == i - 1 && s->phases >= i); /* H1, H3 */
    }
}

static unsigned at_a_phaser(void)
{
    shared s = { .phases = 0 };
    ccp_wg wg = CCP_WG_INIT;
    s.ph = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = THREADS, .action = count_phase, .arg = &s });
    CHECK(s.ph != NULL);
    in_threads(&wg, go_through_phases, &s, THREADS);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && s.phases == ROUNDS);
    CHECK(ccp_phaser_free(s.ph) == CCP_OK);
    return 0;
}

static void close_it_soon(void *arg)
{
    shared *s = arg;
    pause_for(brief);
    CHECK(ccp_phaser_close(s->ph) == CCP_OK);
}

static unsigned a_phaser_is_left(void)
{
    shared s = { .ph = ccp_phaser_new(2) };
    ccp_phaser_info info;
    ccp_wg wg = CCP_WG_INIT;
    int64_t end = ccp_now() + brief;
    CHECK(ccp_phaser_arrive_and_wait(s.ph, NULL, ccp_until(end)) == CCP_TIMEOUT);
    CHECK(ccp_now() >= end && ccp_phaser_get_info(s.ph, &info) == CCP_OK);
    CHECK(info.arrived == 0 && info.waiting == 0); /* H4, W4 */
    in_threads(&wg, close_it_soon, &s, 1);
    CHECK(ccp_phaser_wait(s.ph, 0, CCP_FOREVER) == CCP_CLOSED); /* H6 */
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && ccp_phaser_free(s.ph) == CCP_OK);
    return 0;
}

/* ---- Futures ---- */

static const ccp_promise_opts a_word = { .size = sizeof(unsigned) };

static void make(shared *s)
{
    s->p = ccp_promise_new(&a_word, &s->f);
    CHECK(s->p != NULL);
}

static void keep_it_soon(void *arg)
{
    shared *s = arg;
    hold(0);
    CHECK(ccp_promise_set(s->p, &(unsigned){ 42 }) == CCP_OK);
    ccp_promise_free(s->p);
}

static void get_it(void *arg)
{
    shared *s = arg;
    unsigned v = 0;
    CHECK(ccp_future_get(s->f, &v, ccp_within(CCP_SEC(100))) == CCP_OK && v == 42);
    atomic_fetch_add(&s->ran, 1);
}

static unsigned a_value_comes_to_all(void)
{
    for (unsigned i = 0; i < ROUNDS / 2; i++) {
        shared s = { .phases = 0 };
        ccp_wg wg = CCP_WG_INIT;
        make(&s);
        in_threads(&wg, get_it, &s, THREADS);
        hold(i);
        in_threads(&wg, keep_it_soon, &s, 1);
        CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && atomic_load(&s.ran) == THREADS);
        ccp_future_free(s.f);
    }
    return 0;
}

static ccp_status one_more(ccp_status error, const void *value, void *result, void *arg)
{
    CHECK(error == CCP_OK && arg == NULL);
    *(unsigned *)result = *(const unsigned *)value + 1;
    return CCP_OK;
}

static unsigned what_is_made_of_a_value_comes(void)
{
    shared s = { .phases = 0 };
    ccp_wg wg = CCP_WG_INIT;
    unsigned v = 0;
    size_t which = 7;
    make(&s);
    ccp_future *then = ccp_future_then(s.f, &a_word, one_more, NULL);
    ccp_future *first = ccp_future_any((ccp_future *[]){ s.f, then }, 2);
    CHECK(then && first);
    in_threads(&wg, keep_it_soon, &s, 1);
    CHECK(ccp_future_get(first, &which, CCP_FOREVER) == CCP_OK && which < 2);
    CHECK(ccp_future_get(then, &v, CCP_FOREVER) == CCP_OK && v == 43);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    ccp_future_free(first);
    ccp_future_free(then);
    ccp_future_free(s.f);
    return 0;
}

static void cancel_it_soon(void *arg)
{
    shared *s = arg;
    pause_for(brief);
    CHECK(ccp_future_cancel(s->f) == CCP_OK);
}

static unsigned a_value_does_not_come(void)
{
    shared s = { .phases = 0 };
    ccp_wg wg = CCP_WG_INIT;
    unsigned v = 7;
    int64_t end = ccp_now() + brief;
    make(&s);
    CHECK(ccp_future_get(s.f, &v, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end && v == 7);
    in_threads(&wg, cancel_it_soon, &s, 1);
    CHECK(ccp_future_get(s.f, &v, CCP_FOREVER) == CCP_FAILED && v == 7);
    CHECK(ccp_future_error(s.f) == CCP_CANCELED && ccp_promise_canceled(s.p)); /* F5 */
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    ccp_promise_free(s.p);
    ccp_future_free(s.f);
    return 0;
}

static ccp_status count_up(ccp_ctx *ctx, void *arg, void *result)
{
    CHECK(ctx != NULL);
    *(unsigned *)result = atomic_fetch_add((atomic_uint *)arg, 1) + 1;
    return CCP_OK;
}

static unsigned a_pool_is_asked(void)
{
    atomic_uint calls;
    atomic_init(&calls, 0);
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2 });
    for (unsigned i = 1, v = 0; i <= ROUNDS; i++) {
        ccp_future *f;
        CHECK(ccp_pool_call(pool, &a_word, count_up, &calls, &f, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == i);
        ccp_future_free(f);
    }
    CHECK(ccp_pool_free(pool) == CCP_OK);
    return 0;
}

/* ---- Groups ---- */

static ccp_status work(ccp_ctx *ctx, void *arg)
{
    shared *s = arg;
    CHECK(ctx && atomic_fetch_add(&s->turn, 1) < 2); /* E1 */
    hold(atomic_fetch_add(&s->ran, 1));
    atomic_fetch_sub(&s->turn, 1);
    return CCP_OK;
}

static unsigned a_group_works(void)
{
    shared s = { .phases = 0 };
    ccp_group *g = ccp_group_new(NULL, 2);
    CHECK(g != NULL);
    for (unsigned i = 1; i <= 2 * ROUNDS; i++) {
        CHECK(ccp_group_go(g, work, &s, CCP_FOREVER) == CCP_OK);
        if (i % 4 == 0)
            CHECK(ccp_group_wait(g, CCP_FOREVER) == CCP_OK && atomic_load(&s.ran) == i); /* E2 */
    }
    CHECK(ccp_group_free(g) == CCP_OK);
    return 0;
}

static ccp_status until_it_is_over(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    return ccp_sleep(ccp_with(ctx));
}

static unsigned a_group_is_not_done_in_time(void)
{
    ccp_group *g = ccp_group_new(NULL, 1);
    int64_t end = ccp_now() + brief;
    CHECK(ccp_group_go(g, until_it_is_over, NULL, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_group_wait(g, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
    CHECK(ccp_group_go(g, until_it_is_over, NULL, ccp_within(brief)) == CCP_TIMEOUT);
    ccp_ctx_cancel(ccp_group_ctx(g));
    CHECK(ccp_group_wait(g, CCP_FOREVER) == CCP_FAILED && ccp_group_free(g) == CCP_OK);
    return 0;
}

/* ---- Single-flights ---- */

static ccp_status compute(void *result, void *arg)
{
    shared *s = arg;
    pause_for(CCP_MS(1));
    *(unsigned *)result = atomic_fetch_add(&s->ran, 1) + 1;
    return CCP_OK;
}

static ccp_flight_call computing(shared *s)
{
    return (ccp_flight_call){ .key = "key", .len = 3, .fn = compute, .arg = s };
}

static void share_a_flight(void *arg)
{
    shared *s = arg;
    ccp_flight_call c = computing(s);
    unsigned v = 0;
    CHECK(ccp_flight_do(s->flight, &c, &v, NULL, CCP_FOREVER) == CCP_OK);
    CHECK(v >= 1 && v <= atomic_load(&s->ran));
}

static unsigned a_flight_is_shared(void)
{
    shared s = { .flight = ccp_flight_new(sizeof(unsigned)) };
    ccp_flight_call c = computing(&s);
    CCP_FLIGHT_RESULT(unsigned) r;
    ccp_flight_info info;
    for (unsigned i = 0; i < ROUNDS / 3; i++) {
        ccp_wg wg = CCP_WG_INIT;
        ccp_chan *ch;
        in_threads(&wg, share_a_flight, &s, THREADS);
        CHECK(ccp_flight_do_chan(s.flight, &c, &ch) == CCP_OK);
        ccp_status st = ccp_flight_do(s.flight, &c, NULL, NULL, ccp_within(CCP_US(100)));
        CHECK(st == CCP_TIMEOUT || st == CCP_OK); /* leaves, or has to run it itself */
        CHECK(ccp_chan_recv(ch, &r, CCP_FOREVER) == CCP_OK && r.status == CCP_OK && r.value);
        CHECK(ccp_flight_leave(s.flight, ch) == CCP_OK);
        CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    }
    CHECK(ccp_flight_get_info(s.flight, &info) == CCP_OK);
    CHECK(info.calls == 0 && info.waiting == 0 && info.chans == 0);
    CHECK(ccp_flight_free(s.flight) == CCP_OK);
    return 0;
}

const fault_site meet_sites[] = {
    { "at_a_barrier", at_a_barrier },
    { "a_barrier_is_left", a_barrier_is_left },
    { "at_a_phaser", at_a_phaser },
    { "a_phaser_is_left", a_phaser_is_left },
    { "a_value_comes_to_all", a_value_comes_to_all },
    { "what_is_made_of_a_value_comes", what_is_made_of_a_value_comes },
    { "a_value_does_not_come", a_value_does_not_come },
    { "a_pool_is_asked", a_pool_is_asked },
    { "a_group_works", a_group_works },
    { "a_group_is_not_done_in_time", a_group_is_not_done_in_time },
    { "a_flight_is_shared", a_flight_is_shared },
};
const size_t meet_count = sizeof meet_sites / sizeof *meet_sites;
