/* SPDX-License-Identifier: MIT
 *
 * Everything that makes something: what cannot be had is reported, nothing is left behind, and what
 * stands before and beside it is as good as new.
 */
#include "fault.h"

#include "base/quota.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* ---- Channels ---- */

static unsigned dropped;

static void count_drop(void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    dropped++;
}

/* What every channel can do without a partner. */
static void use_chan(ccp_chan *ch)
{
    ccp_chan_info info;
    CHECK(ccp_chan_get_info(ch, &info) == CCP_OK);
    uint64_t e[4] = { 1, 2, 3, 4 }, got[4];
    size_t n = 0;
    if (info.capacity == 0) {
        CHECK(ccp_chan_send(ch, e, CCP_NOWAIT) == CCP_AGAIN);
        CHECK(ccp_chan_recv(ch, got, CCP_NOWAIT) == CCP_AGAIN);
    } else {
        CHECK(ccp_chan_send(ch, e, CCP_NOWAIT) == CCP_OK);
        CHECK(ccp_chan_recv(ch, got, CCP_FOREVER) == CCP_OK);
        CHECK(info.elem_size == 0 || memcmp(e, got, info.elem_size) == 0);
        CHECK(ccp_chan_send_n(ch, e, 1, &n, CCP_FOREVER) == CCP_OK && n == 1);
    }
    CHECK(ccp_chan_cancel(ch) == CCP_OK);
}

static unsigned make_chan(const ccp_chan_opts *o)
{
    ccp_chan *ch = ccp_chan_make(o);
    if (!ch)
        return 1;
    use_chan(ch);
    CHECK(ccp_chan_free(ch) == CCP_OK);
    return 0;
}

static unsigned ring(void)
{
    return make_chan(&(ccp_chan_opts){ .elem_size = 8, .capacity = 4, .drop = count_drop }) +
           make_chan(&(ccp_chan_opts){ .elem_size = 16, .capacity = 1, .name = "one" });
}

static unsigned spread_ring(void)
{
    return make_chan(&(ccp_chan_opts){ .elem_size = 8, .capacity = 3, .spread = true });
}

static unsigned counter(void)
{
    return make_chan(&(ccp_chan_opts){ .capacity = 4, .drop = count_drop });
}

static unsigned rendezvous(void)
{
    return make_chan(&(ccp_chan_opts){ .elem_size = 24 }) + make_chan(&(ccp_chan_opts){ 0 });
}

static unsigned in_own_memory(void)
{
    static unsigned char memory[4096];
    ccp_chan_opts o = { .elem_size = 8, .capacity = 8, .memory = memory, .memory_size = 4096 };
    CHECK(ccp_chan_memory(&o) <= sizeof memory);
    CHECK(make_chan(&o) == 0);
    return 0;
}

static unsigned two_channels(void) /* the second fails, the first is unharmed */
{
    ccp_chan *first = ccp_chan_new(8, 2), *second = ccp_chan_new(8, 2);
    unsigned failed = !first + !second;
    if (first)
        use_chan(first);
    if (second)
        use_chan(second);
    CHECK(ccp_chan_free(first) == CCP_OK && ccp_chan_free(second) == CCP_OK);
    return failed;
}

/* Without a descriptor the channel is as good as before. */
static unsigned descriptors(void)
{
    ccp_chan *ch = ccp_chan_new(8, 2);
    if (!ch)
        return 1;
    unsigned failed = 0;
    for (int i = 0; i < 4; i++) {
        int fd = -7;
        ccp_status st = ccp_chan_fd(ch, i % 2 ? CCP_POLL_SEND : CCP_POLL_RECV, &fd);
        CHECK(st == CCP_OK ? fd >= 0 : st == CCP_NOMEM && fd == -7);
        failed += st != CCP_OK;
    }
    use_chan(ch);
    CHECK(ccp_chan_free(ch) == CCP_OK);
    return failed;
}

/* With more descriptors than fit on the stack. */
static unsigned selects_with_descriptors(void)
{
    enum { CASES = 20 };
    int ends[2];
    ccp_case k[CASES];
    size_t chosen = 99;
    unsigned failed = 0;
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < CASES; i++)
        k[i] = CCP_CASE_FD(ends[0], POLLIN, NULL);
    for (size_t n = 1; n <= CASES; n += CASES - 1) {
        ccp_status st = ccp_select(k, n, &chosen, ccp_within(CCP_US(100)));
        CHECK((st == CCP_TIMEOUT || st == CCP_NOMEM) && chosen == 99);
        failed += st == CCP_NOMEM;
    }
    CHECK(write(ends[1], "x", 1) == 1);
    ccp_status st = ccp_select(k, CASES, &chosen, CCP_FOREVER);
    CHECK(st == CCP_OK ? chosen < CASES : st == CCP_NOMEM && chosen == 99);
    close(ends[0]);
    close(ends[1]);
    return failed + (st == CCP_NOMEM);
}

static unsigned descriptors_of_ends(void)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_future *f = NULL;
    ccp_promise *p = ccp_promise_new(NULL, &f);
    unsigned failed = !ctx + !p;
    int fd = -7;
    if (ctx)
        failed += ccp_ctx_fd(ctx, &fd) != CCP_OK;
    if (p)
        failed += ccp_future_fd(f, &fd) != CCP_OK;
    ccp_ctx_cancel(ctx);
    ccp_promise_free(p);
    CHECK(!p || ccp_future_is_done(f));
    ccp_future_free(f);
    CHECK(ccp_ctx_free(ctx) == CCP_OK);
    return failed;
}

static unsigned timers(void)
{
    ccp_chan *after = ccp_chan_after(0), *tick = ccp_chan_tick(CCP_SEC(1000));
    int64_t t;
    CHECK(!after || ccp_chan_recv(after, &t, CCP_NOWAIT) == CCP_OK);
    CHECK(!tick || ccp_chan_recv(tick, &t, CCP_NOWAIT) == CCP_AGAIN);
    unsigned failed = !after + !tick;
    CHECK(ccp_chan_free(after) == CCP_OK && ccp_chan_free(tick) == CCP_OK);
    return failed;
}

/* ---- Contexts ---- */

static unsigned contexts(void)
{
    static const char key = 0;
    int value = 3;
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *below = ccp_ctx_new(root, ccp_within(CCP_SEC(1000)));
    ccp_ctx *with = ccp_ctx_new_value(below, &key, &value);
    ccp_ctx *apart = ccp_ctx_new_detached(with);
    unsigned failed = !root + !below + !with + !apart;
    CHECK(!with || ccp_ctx_value(with, &key) == &value);
    CHECK(!with || !apart || ccp_ctx_value(apart, &key) == &value);
    ccp_ctx_cancel(root);
    CHECK(!root || ccp_ctx_status(root) == CCP_CANCELED);
    CHECK(!root || !below || ccp_ctx_status(below) == CCP_CANCELED);
    CHECK(!apart || ccp_ctx_status(apart) == CCP_OK);
    CHECK(ccp_ctx_free(root) == CCP_OK && ccp_ctx_free(below) == CCP_OK);
    CHECK(ccp_ctx_free(with) == CCP_OK && ccp_ctx_free(apart) == CCP_OK);
    return failed;
}

/* ---- Wait groups ---- */

static atomic_uint ran;

static void run(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

static unsigned threads_of_a_group(void)
{
    ccp_wg wg = CCP_WG_INIT;
    unsigned failed = 0, started = 0;
    atomic_store(&ran, 0);
    for (int i = 0; i < 3; i++) {
        ccp_status st = ccp_wg_go(&wg, run, NULL);
        CHECK(st == CCP_OK || st == CCP_NOMEM);
        failed += st == CCP_NOMEM;
        started += st == CCP_OK;
    }
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == started);
    CHECK(ccp_wg_done(&wg) == CCP_MISUSE); /* a failed start is not counted */
    return failed;
}

static unsigned threads_that_close(void)
{
    ccp_chan *ch = ccp_chan_new(0, 1);
    if (!ch)
        return 1;
    ccp_wg wg = CCP_WG_INIT;
    unsigned failed = 0;
    for (int i = 0; i < 2; i++)
        failed += ccp_wg_go(&wg, run, NULL) != CCP_OK;
    CHECK(ccp_wg_close_when_done(&wg, ch) == CCP_OK);
    CHECK(ccp_chan_recv(ch, NULL, CCP_FOREVER) == CCP_CLOSED);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_chan_free(ch) == CCP_OK);
    return failed;
}

/* ---- Processors ---- */

/* What cannot be found out limits nothing. */
static unsigned processors(void)
{
    uint32_t quota = ccpi_cpu_quota("");
    unsigned n = ccp_cpu_count();
    CHECK(quota >= 1 && n >= 1 && n <= 65536);
    return 0;
}

/* ---- Pools ---- */

static ccp_status work(ccp_ctx *ctx, void *arg)
{
    CHECK(ccp_pool_worker(ctx) >= 0 && arg == &ran);
    atomic_fetch_add(&ran, 1);
    return CCP_OK;
}

static unsigned make_pool(const ccp_pool_opts *o)
{
    ccp_pool *p = ccp_pool_new(o);
    if (!p)
        return 1;
    ccp_pool_info info;
    CHECK(ccp_pool_get_info(p, &info) == CCP_OK && info.workers >= 1);
    atomic_store(&ran, 0);
    for (int i = 0; i < 5; i++)
        CHECK(ccp_pool_submit(p, work, &ran, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_pool_drain(p, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == 5);
    CHECK(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_pool_free(p) == CCP_OK);
    return 0;
}

static unsigned plain_pool(void)
{
    return make_pool(NULL);
}

static unsigned pool_with_everything(void)
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    if (!parent)
        return 1;
    unsigned failed = make_pool(&(ccp_pool_opts){ .workers = 3,
                                                  .queue = 4,
                                                  .name = "a-name-that-is-too-long",
                                                  .stack_size = 1,
                                                  .parent = parent });
    CHECK(ccp_ctx_status(parent) == CCP_OK);
    CHECK(ccp_ctx_free(parent) == CCP_OK);
    return failed;
}

/* With a thread that looks for stalls. */
static unsigned watched_pool(void)
{
    return make_pool(
        &(ccp_pool_opts){ .workers = 2, .queue = 2, .spare = 1, .stall = CCP_SEC(100) });
}

/* With one that looks how many workers are right. */
static unsigned tuned_pool(void)
{
    return make_pool(&(ccp_pool_opts){
        .workers = 3, .min = 2, .queue = 2, .tune = CCP_SEC(100), .measure = true });
}

static unsigned pool_without_queue(void)
{
    return make_pool(&(ccp_pool_opts){ .workers = 2 });
}

/* With a worker that the first task starts. */
static unsigned elastic_pool(size_t queue)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = queue, .idle = CCP_SEC(100) });
    if (!p)
        return 1;
    unsigned failed = 0, accepted = 0;
    atomic_store(&ran, 0);
    for (int i = 0; i < 5; i++) {
        ccp_status st = ccp_pool_submit(p, work, &ran, CCP_FOREVER);
        CHECK(st == CCP_OK || (st == CCP_NOMEM && accepted == 0));
        failed += st != CCP_OK;
        accepted += st == CCP_OK;
    }
    CHECK(ccp_pool_wait(p, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == accepted);
    CHECK(ccp_pool_free(p) == CCP_OK);
    return failed;
}

static unsigned elastic_pool_with_queue(void)
{
    return elastic_pool(2);
}

static unsigned elastic_pool_without_queue(void)
{
    return elastic_pool(0);
}

/* As many workers as can be had, but one at least; and a resize that works or changes nothing. */
static unsigned partial_and_resized_pool(void)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 3, .queue = 1, .partial = true });
    if (!p)
        return 1;
    ccp_pool_info info;
    CHECK(ccp_pool_get_info(p, &info) == CCP_OK && info.workers >= 1 && info.workers <= 3);
    CHECK(ccp_pool_resize(p, 1) == CCP_OK);
    unsigned failed = 3 - info.workers;
    CHECK(ccp_pool_free(p) == CCP_OK);
    p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    if (!p)
        return failed + 1;
    ccp_status st = ccp_pool_resize(p, 3);
    CHECK(ccp_pool_get_info(p, &info) == CCP_OK);
    CHECK(st == CCP_OK ? info.workers == 3 : st == CCP_NOMEM && info.limit == 1);
    CHECK(ccp_pool_free(p) == CCP_OK);
    return failed + (st != CCP_OK);
}

static unsigned limiters_by_key(void)
{
    const ccp_rate_map_opts o = { .per_second = 0.001, .burst = 2, .keys = 3 };
    ccp_rate_map *m = ccp_rate_map_new(&o);
    if (!m)
        return 1;
    for (int i = 0; i < 3; i++) {
        CHECK(ccp_rate_map_take(m, &i, sizeof i, 2, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_rate_map_take(m, &i, sizeof i, 1, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
    }
    CHECK(ccp_rate_map_take(m, "d", 1, 1, CCP_FOREVER) == CCP_BUSY);
    CHECK(ccp_rate_map_free(m) == CCP_OK);
    return 0;
}

static unsigned limiters_by_window(void)
{
    ccp_window *x = ccp_window_new(3, CCP_SEC(1000));
    if (!x)
        return 1;
    CHECK(ccp_window_take(x, 3, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_window_take(x, 1, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
    CHECK(ccp_window_free(x) == CCP_OK);
    return 0;
}

/* ---- What never needs memory: C6, S6, P8; to be run with allocation failing for ever ---- */

static unsigned nothing_is_allocated(void)
{
    ccp_chan *ring_ch = ccp_chan_new(8, 2), *meet_ch = ccp_chan_new(8, 0);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    unsigned failed = !ring_ch + !meet_ch + !ctx + !pool;
    if (!failed) {
        fault_arm(FAULT_ALLOC, 1, true);
        ccp_case cases[40];
        uint64_t v = 7;
        size_t chosen;
        for (int i = 0; i < 40; i++)
            cases[i] = CCP_CASE_RECV(i % 2 ? ring_ch : meet_ch, &v);
        CHECK(ccp_select(cases, 40, &chosen, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
        CHECK(ccp_chan_recv(meet_ch, &v, ccp_under(ctx, ccp_within(CCP_MS(1)))) == CCP_TIMEOUT);
        CHECK(ccp_chan_send(ring_ch, &v, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_select(cases, 40, &chosen, CCP_FOREVER) == CCP_OK);
        for (int i = 0; i < 20; i++)
            CHECK(ccp_pool_submit(pool, work, &ran, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
        ccp_rate rate = CCP_RATE_INIT(1000, 1);
        CHECK(ccp_rate_take(&rate, 1, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_rate_set(&rate, 500, 2) == CCP_OK);
        CHECK(ccp_rate_take(&rate, 2, ccp_with(ctx)) == CCP_OK);
        ccp_hook hook = { 0 };
        CHECK(ccp_ctx_hook(ctx, &hook, run, NULL) == CCP_OK);
        ccp_ctx_cancel(ctx);
        CHECK(ccp_ctx_unhook(&hook, CCP_FOREVER) == CCP_CLOSED);
        CHECK(!fault_disarm());
    }
    CHECK(ccp_pool_free(pool) == CCP_OK && ccp_ctx_free(ctx) == CCP_OK);
    CHECK(ccp_chan_free(ring_ch) == CCP_OK && ccp_chan_free(meet_ch) == CCP_OK);
    return failed;
}

const fault_site making_sites[] = {
    { "ring", ring },
    { "spread_ring", spread_ring },
    { "counter", counter },
    { "rendezvous", rendezvous },
    { "in_own_memory", in_own_memory },
    { "two_channels", two_channels },
    { "descriptors", descriptors },
    { "descriptors_of_ends", descriptors_of_ends },
    { "selects_with_descriptors", selects_with_descriptors },
    { "timers", timers },
    { "contexts", contexts },
    { "threads_of_a_group", threads_of_a_group },
    { "threads_that_close", threads_that_close },
    { "processors", processors },
    { "plain_pool", plain_pool },
    { "pool_with_everything", pool_with_everything },
    { "pool_without_queue", pool_without_queue },
    { "watched_pool", watched_pool },
    { "tuned_pool", tuned_pool },
    { "elastic_pool_with_queue", elastic_pool_with_queue },
    { "elastic_pool_without_queue", elastic_pool_without_queue },
    { "partial_and_resized_pool", partial_and_resized_pool },
    { "limiters_by_key", limiters_by_key },
    { "limiters_by_window", limiters_by_window },
    { "nothing_is_allocated", nothing_is_allocated },
};
const size_t making_count = sizeof making_sites / sizeof *making_sites;
