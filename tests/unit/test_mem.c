/* SPDX-License-Identifier: MIT
 *
 * Memory and threads that cannot be had: every call that needs one fails cleanly, whichever of
 * its allocations or threads it is that fails.
 */
#include "support.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>

/* Linked with --wrap=pthread_create: the n-th thread from now cannot be had. */
static atomic_long threads_until_failure;
typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg)
{
    if (atomic_load(&threads_until_failure) > 0 &&
        atomic_fetch_sub(&threads_until_failure, 1) == 1)
        return EAGAIN;
    return __real_pthread_create(t, a, fn, arg);
}

#if defined(__linux__)
static size_t thread_count(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}
#else
static size_t thread_count(void)
{
    return 0;
}
#endif

/* --- the allocator --- */

static void *no_memory(size_t n, void *arg)
{
    (void)n;
    (void)arg;
    return NULL;
}

static void no_free(void *p, void *arg)
{
    (void)p;
    (void)arg;
}

TEST(an_allocator_needs_both_functions) /* G2 */
{
    ASSERT_STATUS(ccp_set_allocator(&(ccp_allocator){ no_memory, NULL, NULL }), CCP_INVAL);
    ASSERT_STATUS(ccp_set_allocator(&(ccp_allocator){ NULL, no_free, NULL }), CCP_INVAL);
    ccp_chan *ch = ccp_chan_new(8, 8); /* still malloc */
    assert_non_null(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(the_allocator_cannot_change_while_its_memory_is_in_use)
{
    const ccp_allocator a = { no_memory, no_free, NULL };
    ccp_chan *ch = ccp_chan_new(8, 8);
    assert_true(ccp_live_blocks() > 0);
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_BUSY);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    assert_null(ccp_chan_new(8, 8));
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
    ch = ccp_chan_new(8, 8);
    assert_non_null(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static int expected_arg;

static void *alloc_with_arg(size_t n, void *arg)
{
    MUST(arg == &expected_arg);
    return malloc(n);
}

static void free_with_arg(void *p, void *arg)
{
    MUST(arg == &expected_arg && p);
    free(p);
}

TEST(the_allocator_gets_its_argument_and_all_memory_back) /* G4 */
{
    const ccp_allocator a = { alloc_with_arg, free_with_arg, &expected_arg };
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ccp_chan *ch = ccp_chan_new(300, 64);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2 });
    assert_true(ch && ctx && p);
    assert_true(ccp_live_blocks() >= 3);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(ccp_live_blocks(), 0);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

TEST(to_give_back_null_does_nothing) /* G4 */
{
    memory_watch(); /* its free() is not called with NULL */
    size_t blocks = ccp_live_blocks();
    ccpi_free(NULL);
    ccpi_free_lines(NULL);
    assert_int_equal(ccp_live_blocks(), blocks);
    memory_unwatch();
}

/* --- the n-th allocation fails, for every n --- */

/* Makes something; true if it could.  Undoes it again. */
typedef bool (*maker)(ccp_ctx *parent);

static bool free_chan(ccp_chan *ch)
{
    return ch && ccp_chan_free(ch) == CCP_OK;
}

static bool make_ring(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(ccp_chan_new(24, 64));
}

static bool make_spread_ring(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(
        ccp_chan_make(&(ccp_chan_opts){ .elem_size = 8, .capacity = 4, .spread = true }));
}

static bool make_rendezvous(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(ccp_chan_new(24, 0));
}

static bool make_counter(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(ccp_chan_new(0, 5));
}

static bool make_after(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(ccp_chan_after(CCP_SEC(1)));
}

static bool make_tick(ccp_ctx *parent)
{
    (void)parent;
    return free_chan(ccp_chan_tick(CCP_SEC(1)));
}

static bool free_ctx(ccp_ctx *ctx)
{
    return ctx && ccp_ctx_free(ctx) == CCP_OK;
}

static bool make_ctx(ccp_ctx *parent)
{
    return free_ctx(ccp_ctx_new(parent, ccp_within(CCP_SEC(1))));
}

static bool make_value(ccp_ctx *parent)
{
    return free_ctx(ccp_ctx_new_value(parent, &expected_arg, NULL));
}

static bool make_detached(ccp_ctx *parent)
{
    return free_ctx(ccp_ctx_new_detached(parent));
}

static bool make_pool(ccp_ctx *parent)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 5, .queue = 3, .parent = parent });
    return p && ccp_pool_free(p) == CCP_OK;
}

static bool make_rendezvous_pool(ccp_ctx *parent)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .parent = parent });
    return p && ccp_pool_free(p) == CCP_OK;
}

static void run_nothing(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static bool make_thread(ccp_ctx *parent)
{
    (void)parent;
    atomic_int runs = 0;
    ccp_wg wg = CCP_WG_INIT;
    ccp_status rc = ccp_wg_go(&wg, run_nothing, &runs);
    ASSERT_STATUS(ccp_wg_wait(&wg, rc == CCP_OK ? CCP_FOREVER : CCP_NOWAIT), CCP_OK);
    assert_int_equal(runs, rc == CCP_OK);
    if (rc != CCP_OK)
        ASSERT_STATUS(rc, CCP_NOMEM);
    return rc == CCP_OK;
}

static const struct {
    const char *name;
    maker make;
    bool threads;
} makers[] = {
    { "ring", make_ring, false },
    { "spread ring", make_spread_ring, false },
    { "rendezvous", make_rendezvous, false },
    { "counter", make_counter, false },
    { "after", make_after, false },
    { "tick", make_tick, false },
    { "context", make_ctx, false },
    { "value", make_value, false },
    { "detached", make_detached, false },
    { "pool", make_pool, true },
    { "rendezvous pool", make_rendezvous_pool, true },
    { "thread of a group", make_thread, true },
};

static void fail_each_allocation(maker make, const char *name, void (*break_at)(size_t n))
{
    memory_watch();
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    assert_non_null(parent);
    size_t before = atomic_load(&memory_live), threads = thread_count(), failures = 0;
    for (size_t n = 1;; n++) {
        size_t calls = atomic_load(&memory_calls);
        break_at(n);
        bool made = make(parent);
        break_at(0);
        bool reached = atomic_load(&memory_calls) - calls >= n;
        assert_int_equal(made, !reached);
        assert_int_equal(atomic_load(&memory_live), before);
        WAIT_UNTIL(thread_count() == threads);
        if (!reached)
            break;
        failures++;
        assert_true(make(parent)); /* and afterwards all is well */
    }
    if (failures == 0)
        fail_msg("%s asked for no memory", name);
    ASSERT_STATUS(ccp_ctx_status(parent), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK); /* nothing hangs on it */
    memory_unwatch();
}

TEST(each_allocation_may_fail_once) /* G4 */
{
    for (size_t i = 0; i < LENGTH(makers); i++)
        fail_each_allocation(makers[i].make, makers[i].name, memory_fail_at);
}

TEST(all_allocations_may_fail_from_some_moment) /* G4 */
{
    for (size_t i = 0; i < LENGTH(makers); i++)
        fail_each_allocation(makers[i].make, makers[i].name, memory_fail_from);
}

TEST(each_thread_may_fail_to_start) /* G4 */
{
    for (size_t i = 0; i < LENGTH(makers); i++) {
        if (!makers[i].threads)
            continue;
        memory_watch();
        ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
        size_t before = atomic_load(&memory_live), threads = thread_count();
        long failures = 0;
        for (long n = 1;; n++) {
            atomic_store(&threads_until_failure, n);
            bool made = makers[i].make(parent);
            bool reached = atomic_exchange(&threads_until_failure, 0) <= 0;
            assert_int_equal(made, !reached);
            assert_int_equal(atomic_load(&memory_live), before);
            WAIT_UNTIL(thread_count() == threads);
            if (!reached)
                break;
            failures++;
        }
        assert_true(failures >= 1);
        ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
        memory_unwatch();
    }
}

TEST(a_thread_that_cannot_be_had_leaves_the_group_as_it_was)
{
    atomic_int runs = 0;
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(0, 0);
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, ch), CCP_OK);
    atomic_store(&threads_until_failure, 1);
    ASSERT_STATUS(ccp_wg_go(&wg, run_nothing, &runs), CCP_NOMEM);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_wg_go(&wg, run_nothing, &runs), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- what needs no memory --- */

static ccp_status do_nothing(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    atomic_fetch_add((atomic_int *)arg, 1);
    return CCP_OK;
}

static void wait_in_many_ways(ccp_chan *ch, ccp_ctx *ctx, ccp_wg *wg)
{
    long v[4] = { 0 };
    size_t i, n;
    const ccp_case cases[] = { CCP_CASE_RECV(ch, v), CCP_CASE_DONE(ctx) };
    ccp_wait brief = ccp_under(ctx, ccp_within(CCP_US(50)));
    bool meets = ccp_chan_cap(ch) == 0;
    ASSERT_STATUS(ccp_chan_recv(ch, v, brief), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_select(cases, 2, &i, brief), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_chan_send(ch, v, brief), meets ? CCP_TIMEOUT : CCP_OK);
    if (!meets) {
        ASSERT_STATUS(ccp_chan_send_n(ch, v, 4, &n, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_chan_send(ch, v, brief), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_chan_recv_n(ch, v, 4, &n, CCP_NOWAIT), CCP_OK);
    }
    ASSERT_STATUS(ccp_wg_add(wg, 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(wg, brief), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_wg_done(wg), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_within(CCP_US(10))), CCP_OK);
}

TEST(no_call_but_the_constructors_needs_memory) /* C6 S6 P8 G4 */
{
    atomic_int runs = 0;
    memory_watch();
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *chans[] = { ccp_chan_new(8, 0), ccp_chan_new(8, 2), ccp_chan_new(0, 2) };
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 2 });
    ccp_hook h = { 0 };
    ccp_wg wg = CCP_WG_INIT;
    size_t calls = atomic_load(&memory_calls);
    memory_fail_from(1);
    for (size_t i = 0; i < LENGTH(chans); i++)
        wait_in_many_ways(chans[i], ctx, &wg);
    for (int i = 0; i < 20; i++)
        ASSERT_STATUS(ccp_pool_submit(p, do_nothing, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, run_nothing, &runs), CCP_OK);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(runs, 21);
    ASSERT_STATUS(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    for (size_t i = 0; i < LENGTH(chans); i++) {
        ASSERT_STATUS(ccp_chan_cancel(chans[i]), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(chans[i]), CCP_OK);
    }
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    assert_int_equal(atomic_load(&memory_calls), calls);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(an_allocator_needs_both_functions),
        ENTRY(the_allocator_cannot_change_while_its_memory_is_in_use),
        ENTRY(the_allocator_gets_its_argument_and_all_memory_back),
        ENTRY(to_give_back_null_does_nothing),
        ENTRY(each_allocation_may_fail_once),
        ENTRY(all_allocations_may_fail_from_some_moment),
        ENTRY(each_thread_may_fail_to_start),
        ENTRY(a_thread_that_cannot_be_had_leaves_the_group_as_it_was),
        ENTRY(no_call_but_the_constructors_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
