/* SPDX-License-Identifier: MIT
 *
 * Everything that waits: whatever wakes it, nothing is lost, nothing is early, nothing comes twice.
 */
#include "fault.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

enum { ROUNDS = 30 };
static const int64_t brief = CCP_MS(2);

typedef struct pair {
    ccp_chan *there, *back;
} pair;

static void echo(void *arg)
{
    pair *p = arg;
    uint64_t v;
    while (ccp_chan_recv(p->there, &v, CCP_FOREVER) == CCP_OK)
        CHECK(ccp_chan_send(p->back, &v, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_chan_close(p->back) == CCP_OK);
}

static unsigned ping_pong(size_t size, size_t capacity)
{
    pair p = { ccp_chan_new(size, capacity), ccp_chan_new(size, capacity) };
    ccp_wg wg = CCP_WG_INIT;
    CHECK(p.there && p.back && ccp_wg_go(&wg, echo, &p) == CCP_OK);
    for (uint64_t i = 0, v; i < ROUNDS; i++) {
        CHECK(ccp_chan_send(p.there, &i, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_chan_recv(p.back, &v, ccp_within(CCP_SEC(100))) == CCP_OK);
        CHECK(size == 0 || v == i);
    }
    CHECK(ccp_chan_close(p.there) == CCP_OK);
    CHECK(ccp_chan_recv(p.back, NULL, CCP_FOREVER) == CCP_CLOSED);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_chan_free(p.there) == CCP_OK && ccp_chan_free(p.back) == CCP_OK);
    return 0;
}

static unsigned over_ring(void)
{
    return ping_pong(8, 1);
}

static unsigned over_counter(void)
{
    return ping_pong(0, 1);
}

static unsigned over_rendezvous(void)
{
    return ping_pong(8, 0);
}

/* ---- Time ---- */

static unsigned time_runs_out(void) /* W6 */
{
    ccp_chan *chans[] = { ccp_chan_new(8, 1), ccp_chan_new(0, 1), ccp_chan_new(8, 0) };
    for (int i = 0; i < 3; i++) {
        uint64_t v = 5;
        int64_t end = ccp_now() + brief;
        CHECK(ccp_chan_recv(chans[i], &v, ccp_within(brief)) == CCP_TIMEOUT);
        CHECK(v == 5 && ccp_now() >= end);
        size_t chosen;
        ccp_case cases[] = { CCP_CASE_RECV(chans[i], &v), CCP_CASE_RECV(chans[(i + 1) % 3], &v) };
        end = ccp_now() + brief;
        CHECK(ccp_select(cases, 2, &chosen, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
        int ends[2];
        CHECK(pipe(ends) == 0);
        ccp_case fd[] = { CCP_CASE_RECV(chans[i], &v), CCP_CASE_FD(ends[0], POLLIN, NULL) };
        end = ccp_now() + brief;
        CHECK(ccp_select(fd, 2, &chosen, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
        close(ends[0]);
        close(ends[1]);
        ccp_chan_info info;
        CHECK(ccp_chan_get_info(chans[i], &info) == CCP_OK && info.waiting_receivers == 0); /* W4 */
    }
    int64_t end = ccp_now() + brief;
    CHECK(ccp_sleep(ccp_within(brief)) == CCP_OK && ccp_now() >= end);
    for (int i = 0; i < 3; i++)
        CHECK(ccp_chan_free(chans[i]) == CCP_OK);
    return 0;
}

static unsigned a_timer_is_due(void) /* T1 */
{
    int64_t end = ccp_now() + brief, t, u;
    ccp_chan *after = ccp_chan_after(brief), *tick = ccp_chan_tick(brief);
    CHECK(ccp_chan_recv(after, &t, CCP_FOREVER) == CCP_OK && t >= end && ccp_now() >= t);
    CHECK(ccp_chan_recv(tick, &t, CCP_FOREVER) == CCP_OK && ccp_now() >= t);
    CHECK(ccp_chan_recv(tick, &u, ccp_within(CCP_SEC(100))) == CCP_OK && u >= t + brief);
    CHECK(ccp_chan_free(after) == CCP_OK && ccp_chan_free(tick) == CCP_OK);
    return 0;
}

/* ---- Contexts, hooks ---- */

static void cancel_soon(void *arg)
{
    CHECK(ccp_sleep(ccp_within(brief)) == CCP_OK);
    ccp_ctx_cancel(arg);
}

static unsigned a_context_is_canceled(void) /* X1 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER), *below = ccp_ctx_new(ctx, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(8, 0);
    ccp_wg wg = CCP_WG_INIT;
    CHECK(ccp_wg_go(&wg, cancel_soon, ctx) == CCP_OK);
    CHECK(ccp_chan_recv(ch, NULL, ccp_with(below)) == CCP_CANCELED);
    CHECK(ccp_sleep(ccp_with(below)) == CCP_CANCELED);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_ctx_free(ctx) == CCP_OK && ccp_ctx_free(below) == CCP_OK);
    CHECK(ccp_chan_free(ch) == CCP_OK);
    return 0;
}

static atomic_uint stage;

static void slow_hook(void *arg)
{
    (void)arg;
    atomic_store(&stage, 1);
    CHECK(ccp_sleep(ccp_within(brief)) == CCP_OK);
    atomic_store(&stage, 2);
}

static void cancel_now(void *arg)
{
    ccp_ctx_cancel(arg);
}

static unsigned a_hook_is_waited_for(void) /* X5 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_hook hook = { 0 };
    ccp_wg wg = CCP_WG_INIT;
    atomic_store(&stage, 0);
    CHECK(ccp_ctx_hook(ctx, &hook, slow_hook, NULL) == CCP_OK);
    CHECK(ccp_wg_go(&wg, cancel_now, ctx) == CCP_OK);
    while (atomic_load(&stage) == 0)
        (void)ccp_sleep(ccp_within(CCP_US(50)));
    CHECK(ccp_ctx_unhook(&hook, CCP_FOREVER) == CCP_CLOSED && atomic_load(&stage) == 2);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_ctx_free(ctx) == CCP_OK);
    return 0;
}

/* ---- Select, groups, pools ---- */

static void feed(void *arg)
{
    ccp_chan **chans = arg;
    for (uint64_t i = 0; i < 3 * ROUNDS; i++)
        CHECK(ccp_chan_send(chans[i % 3], &i, CCP_FOREVER) == CCP_OK);
    for (int i = 0; i < 3; i++)
        CHECK(ccp_chan_close(chans[i]) == CCP_OK);
}

static unsigned select_serves_all(void)
{
    ccp_chan *chans[] = { ccp_chan_new(8, 1), ccp_chan_new(8, 0), ccp_chan_new(8, 2) };
    ccp_wg wg = CCP_WG_INIT;
    uint64_t v = 0, count = 0, sum = 0;
    ccp_case cases[3];
    for (int i = 0; i < 3; i++)
        cases[i] = CCP_CASE_RECV(chans[i], &v);
    CHECK(ccp_wg_go(&wg, feed, chans) == CCP_OK);
    for (int open = 3; open > 0;) {
        size_t i;
        ccp_status st = ccp_select(cases, 3, &i, CCP_FOREVER);
        CHECK(st == CCP_OK || st == CCP_CLOSED);
        if (st == CCP_CLOSED) {
            cases[i] = CCP_CASE_RECV(NULL, &v);
            open--;
        } else {
            count++;
            sum += v;
        }
    }
    CHECK(count == 3 * ROUNDS && sum == count * (count - 1) / 2);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    for (int i = 0; i < 3; i++)
        CHECK(ccp_chan_free(chans[i]) == CCP_OK);
    return 0;
}

/* Bytes in a pipe, and elements. */
typedef struct stream {
    ccp_chan *ch;
    int ends[2];
} stream;

static void feed_both(void *arg)
{
    const stream *s = arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        CHECK(ccp_chan_send(s->ch, &i, CCP_FOREVER) == CCP_OK);
        CHECK(write(s->ends[1], "x", 1) == 1);
    }
    close(s->ends[1]);
    CHECK(ccp_chan_close(s->ch) == CCP_OK);
}

static unsigned select_serves_descriptors(void)
{
    stream s = { .ch = ccp_chan_new(8, 1) };
    ccp_wg wg = CCP_WG_INIT;
    uint64_t v = 0, elements = 0, bytes = 0;
    short got = 0;
    char byte;
    CHECK(s.ch && pipe(s.ends) == 0 && ccp_wg_go(&wg, feed_both, &s) == CCP_OK);
    ccp_case k[] = { CCP_CASE_FD(s.ends[0], POLLIN, &got), CCP_CASE_RECV(s.ch, &v) };
    for (int open = 2; open > 0;) {
        size_t i;
        ccp_status st = ccp_select(k, 2, &i, CCP_FOREVER);
        if (st == CCP_CLOSED) {
            k[1] = CCP_CASE_RECV(NULL, &v);
            open--;
        } else if (i == 1) {
            CHECK(st == CCP_OK && v == elements++);
        } else if (read(s.ends[0], &byte, 1) == 1) {
            bytes++;
        } else {
            k[0] = CCP_CASE_FD(-1, POLLIN, NULL);
            open--;
        }
    }
    CHECK(elements == ROUNDS && bytes == ROUNDS);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_chan_free(s.ch) == CCP_OK);
    close(s.ends[0]);
    return 0;
}

static ccp_status count_up(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    atomic_fetch_add((atomic_uint *)arg, 1);
    return CCP_OK;
}

static unsigned a_pool_works(size_t queue)
{
    atomic_uint done;
    atomic_init(&done, 0);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = queue });
    for (unsigned i = 1; i <= ROUNDS; i++) {
        CHECK(ccp_pool_submit(p, count_up, &done, CCP_FOREVER) == CCP_OK);
        if (i % 10 == 0)
            CHECK(ccp_pool_drain(p, CCP_FOREVER) == CCP_OK && atomic_load(&done) == i);
    }
    CHECK(ccp_pool_free(p) == CCP_OK);
    return 0;
}

static unsigned a_pool_with_a_queue(void)
{
    return a_pool_works(2);
}

static unsigned a_pool_without_a_queue(void)
{
    return a_pool_works(0);
}

/* Nobody acts too early, however often the sleep ends for no reason. */
static unsigned a_limiter_paces(void)
{
    ccp_rate rate = CCP_RATE_INIT(1000, 1);
    int64_t begin = ccp_now();
    CHECK(ccp_rate_take(&rate, 1, CCP_FOREVER) == CCP_OK);
    for (int i = 1; i <= 3; i++) {
        CHECK(ccp_rate_take(&rate, 1, ccp_within(CCP_SEC(100))) == CCP_OK);
        CHECK(ccp_now() - begin >= CCP_MS(i) - 1);
    }
    return 0;
}

const fault_site waiting_sites[] = {
    { "over_ring", over_ring },
    { "over_counter", over_counter },
    { "over_rendezvous", over_rendezvous },
    { "time_runs_out", time_runs_out },
    { "a_timer_is_due", a_timer_is_due },
    { "a_limiter_paces", a_limiter_paces },
    { "a_context_is_canceled", a_context_is_canceled },
    { "a_hook_is_waited_for", a_hook_is_waited_for },
    { "select_serves_all", select_serves_all },
    { "select_serves_descriptors", select_serves_descriptors },
    { "a_pool_with_a_queue", a_pool_with_a_queue },
    { "a_pool_without_a_queue", a_pool_without_a_queue },
};
const size_t waiting_count = sizeof waiting_sites / sizeof *waiting_sites;
