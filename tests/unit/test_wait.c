/* SPDX-License-Identifier: MIT
 *
 * The constructors of ccp_wait, ccp_start(), ccp_sleep() and the clock.  What each waiting call
 * makes of each kind of wait is the business of test_wait_matrix.
 */
#define _GNU_SOURCE
#include "support.h"

#include <signal.h>
#include <time.h>

/* Linked with --wrap=clock_gettime: counts how often the library reads a clock, and does something
 * first, once. */
static atomic_long clock_reads;
static void (*_Atomic before_next_read)(void);
int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    void (*first)(void) = atomic_exchange(&before_next_read, NULL);
    if (first)
        first();
    atomic_fetch_add(&clock_reads, 1);
    return __real_clock_gettime(id, t);
}

TEST(now_is_positive_and_never_goes_back) /* W6 */
{
    int64_t last = ccp_now();
    assert_true(last > 0);
    for (int i = 0; i < 10000; i++) {
        int64_t t = ccp_now();
        assert_true(t >= last);
        last = t;
    }
}

TEST(now_is_the_monotonic_clock) /* W6 */
{
    struct timespec before, after;
    __real_clock_gettime(CLOCK_MONOTONIC, &before);
    int64_t t = ccp_now();
    __real_clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(t >= (int64_t)before.tv_sec * 1000000000 + before.tv_nsec);
    assert_true(t <= (int64_t)after.tv_sec * 1000000000 + after.tv_nsec + 1);
}

TEST(the_units_are_nanoseconds)
{
    assert_true(CCP_US(3) == 3000);
    assert_true(CCP_MS(3) == 3000000);
    assert_true(CCP_SEC(3) == 3000000000);
    assert_true(CCP_SEC(10000000) == INT64_C(10000000000000000));
}

TEST(a_wait_takes_sixteen_bytes)
{
    assert_true(sizeof(ccp_wait) == 16 || sizeof(void *) < 8);
}

TEST(start_leaves_waits_alone_that_are_not_relative)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    const ccp_wait fixed[] = { CCP_FOREVER, CCP_NOWAIT, ccp_until(12345), ccp_with(ctx) };
    for (size_t i = 0; i < LENGTH(fixed); i++) {
        ccp_wait w = ccp_start(fixed[i]);
        assert_ptr_equal(w.ctx_, fixed[i].ctx_);
        assert_true(w.ns_ == fixed[i].ns_);
    }
    assert_int_equal(ccp_ctx_free(ctx), CCP_OK);
}

TEST(start_gives_a_relative_wait_a_fixed_end)
{
    int64_t before = ccp_now();
    ccp_wait w = ccp_start(ccp_within(CCP_SEC(7)));
    int64_t after = ccp_now();
    assert_true(w.ns_ >= before + CCP_SEC(7) && w.ns_ <= after + CCP_SEC(7));
    assert_true(ccp_start(w).ns_ == w.ns_);
}

TEST(start_keeps_the_context)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_wait w = ccp_start(ccp_under(ctx, ccp_within(CCP_SEC(1))));
    assert_ptr_equal(w.ctx_, ctx);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_sleep(w), CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(start_of_the_longest_wait_does_not_overflow)
{
    static const int64_t longest[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX / 2 };
    ccp_chan *ch = ccp_chan_new(0, 1);
    for (size_t i = 0; i < LENGTH(longest); i++) {
        ccp_wait w = ccp_start(ccp_within(longest[i]));
        assert_true(w.ns_ > ccp_now() + CCP_SEC(1000000));
        actor a = { .ch = ch, .w = ccp_within(longest[i]) };
        actor_start(&a, actor_recv_long);
        WAIT_UNTIL(waiting_receivers(ch) == 1);
        ASSERT_STATUS(ccp_chan_send(ch, NULL, w), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(under_replaces_the_context_of_a_wait)
{
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_ctx *alive = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_wait w = ccp_under(alive, ccp_under(ended, CCP_NOWAIT));
    ASSERT_STATUS(ccp_sleep(w), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_under(ended, w)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_sleep(ccp_under(NULL, ccp_under(ended, CCP_NOWAIT))), CCP_OK);
    ccp_ctx_free(ended);
    ccp_ctx_free(alive);
}

TEST(calls_that_share_a_started_wait_share_one_budget)
{
    enum { CALLS = 50, TRIES = 20 }; /* tries for a machine that does something else meanwhile */
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    long v;
    int64_t took = INT64_MAX;
    for (int i = 0; i < TRIES && took >= CCP_MS(20) * CALLS; i++) {
        int64_t begin = ccp_now();
        ccp_wait w = ccp_start(ccp_within(CCP_MS(20)));
        int64_t end_of_w = w.ns_;
        for (int k = 0; k < CALLS; k++) {
            ASSERT_STATUS(ccp_chan_recv(ch, &v, w), CCP_TIMEOUT);
            assert_true(ccp_now() >= end_of_w); /* W6 */
        }
        took = ccp_now() - begin;
    }
    assert_true(took < CCP_MS(20) * CALLS); /* so long it takes if each has a budget of its own */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_relative_wait_counts_from_each_call)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    long v;
    ccp_wait w = ccp_within(CCP_MS(3));
    for (int i = 0; i < 5; i++) {
        int64_t begin = ccp_now();
        ASSERT_STATUS(ccp_chan_recv(ch, &v, w), CCP_TIMEOUT);
        assert_true(ccp_now() - begin >= CCP_MS(3)); /* W6 */
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(sleep_ends_in_success_when_its_time_has_come_and_not_before) /* W6 */
{
    static const int64_t naps[] = { 1, CCP_US(50), CCP_MS(1), CCP_MS(7) };
    for (size_t i = 0; i < LENGTH(naps); i++) {
        int64_t t = ccp_now() + naps[i];
        ASSERT_STATUS(ccp_sleep(ccp_until(t)), CCP_OK);
        assert_true(ccp_now() >= t);
        t = ccp_now() + naps[i];
        ASSERT_STATUS(ccp_sleep(ccp_within(naps[i])), CCP_OK);
        assert_true(ccp_now() >= t);
    }
}

TEST(sleep_without_time_is_over_at_once)
{
    ASSERT_STATUS(ccp_sleep(CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_within(0)), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_within(-CCP_SEC(5))), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_within(INT64_MIN)), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_until(0)), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_until(INT64_MIN)), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_until(ccp_now() - 1)), CCP_OK);
}

TEST(sleep_that_could_never_end_is_refused)
{
    ASSERT_STATUS(ccp_sleep(CCP_FOREVER), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_sleep(ccp_with(NULL)), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_sleep(ccp_under(NULL, CCP_FOREVER)), CCP_DEADLOCK);
}

TEST(sleep_ends_when_the_deadline_of_its_context_passes)
{
    int64_t t = ccp_now() + CCP_MS(5);
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_until(t));
    ASSERT_STATUS(ccp_sleep(ccp_with(ctx)), CCP_TIMEOUT);
    assert_true(ccp_now() >= t); /* W6 */
    ASSERT_STATUS(ccp_sleep(CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_under(ctx, CCP_NOWAIT)), CCP_TIMEOUT); /* W2 */
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_deadline_that_nobody_has_noticed_ends_the_next_call) /* W2 */
{
    long v = 1;
    ccp_chan *ch = ccp_chan_new(sizeof v, 2);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    for (int sends = 0; sends < 2; sends++) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(1)));
        ccp_wait w = ccp_under(ctx, CCP_NOWAIT);
        wait_past(ccp_ctx_deadline(ctx));
        ASSERT_STATUS(sends ? ccp_chan_send(ch, &v, w) : ccp_chan_recv(ch, &v, w), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_int_equal(ccp_chan_len(ch), 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- between the beginning of a call and its sleep --- */

static ccp_ctx *of_wait;
static actor canceler;
static gate in_hook = GATE_INIT;

static void cancel_of_wait(void)
{
    ccp_ctx_cancel(of_wait);
}

TEST(a_context_that_ends_before_the_sleep_ends_the_call) /* W2 */
{
    of_wait = ccp_ctx_new(NULL, CCP_FOREVER);
    atomic_store(&before_next_read, cancel_of_wait);
    ASSERT_STATUS(ccp_sleep(ccp_under(of_wait, ccp_within(CCP_MS(1)))), CCP_CANCELED);
    assert_true(atomic_load(&before_next_read) == NULL);
    ASSERT_STATUS(ccp_ctx_free(of_wait), CCP_OK);
}

static void pass_gate(void *arg)
{
    gate_pass(arg);
}

static void cancel_it(actor *a)
{
    ccp_ctx_cancel(a->arg);
}

static void end_hook_and_wait(void)
{
    gate_open(&in_hook);
    actor_join(&canceler);
    ccp_ctx_cancel(of_wait);
}

/* What it waits for comes, and then its context ends: it was woken once, and takes that. */
TEST(no_wake_up_is_left_over_for_the_next_sleep) /* W6 */
{
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    of_wait = ccp_ctx_new(NULL, CCP_FOREVER);
    canceler = (actor){ .arg = ctx };
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, pass_gate, &in_hook), CCP_OK);
    actor_start(&canceler, cancel_it);
    WAIT_UNTIL(atomic_load(&in_hook.arrived) == 1);
    atomic_store(&before_next_read, end_hook_and_wait);
    ASSERT_STATUS(ccp_ctx_unhook(&h, ccp_under(of_wait, ccp_within(CCP_SEC(100)))), CCP_CLOSED);
    assert_true(atomic_load(&before_next_read) == NULL);
    int64_t t = ccp_now() + CCP_MS(5);
    ASSERT_STATUS(ccp_sleep(ccp_until(t)), CCP_OK);
    assert_true(ccp_now() >= t);
    ASSERT_STATUS(ccp_ctx_free(of_wait), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* --- signals --- */

static atomic_long signals_seen;

static void on_signal(int sig)
{
    (void)sig;
    atomic_fetch_add(&signals_seen, 1);
}

static void sleep_until_limit(actor *a)
{
    actor_calls(a);
    a->rc = ccp_sleep(a->w);
}

/* Signals to a waiting thread until it returns; how many. */
static long pester(actor *a)
{
    long n = 0;
    WAIT_UNTIL(actor_is_asleep(a) || actor_is_done(a));
    for (; !actor_is_done(a); n++)
        MUST(pthread_kill(a->id, SIGUSR1) == 0);
    actor_join(a);
    return n;
}

static long sleep_among_signals(int64_t ns)
{
    int64_t t = ccp_now() + ns;
    actor a = { .w = ccp_until(t) };
    actor_start(&a, sleep_until_limit);
    long n = pester(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_true(a.returned_at >= t);
    return n;
}

static long receive_among_signals(int64_t ns)
{
    int64_t t = ccp_now() + ns;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a = { .ch = ch, .w = ccp_until(t) };
    actor_start(&a, actor_recv_long);
    long n = pester(&a);
    ASSERT_STATUS(a.rc, CCP_TIMEOUT);
    assert_true(a.returned_at >= t);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    return n;
}

TEST(signals_do_not_end_a_wait_early) /* W6 */
{
    static long (*const wait_among[])(int64_t ns) = { sleep_among_signals,
                                                      receive_among_signals };
    struct sigaction act = { .sa_handler = on_signal }, old; /* without SA_RESTART */
    sigaction(SIGUSR1, &act, &old);
    for (size_t i = 0; i < LENGTH(wait_among); i++) {
        int64_t ns = CCP_MS(20);
        while (wait_among[i](ns) < 20) { /* the machine did something else: wait longer */
            ns *= 2;
            assert_true(ns < CCP_SEC(20));
        }
    }
    assert_true(atomic_load(&signals_seen) > 0);
    sigaction(SIGUSR1, &old, NULL);
}

/* --- no clock for what is done at once --- */

static void do_what_need_not_wait(ccp_chan *ch, ccp_wg *wg, ccp_wait w)
{
    long v = 1;
    size_t i, n;
    const ccp_case cases[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_RECV(NULL, &v) };
    MUST(ccp_chan_send(ch, &v, w) == CCP_OK);
    MUST(ccp_chan_recv(ch, &v, w) == CCP_OK);
    MUST(ccp_chan_send_n(ch, &v, 1, &n, w) == CCP_OK);
    MUST(ccp_chan_recv_n(ch, &v, 1, &n, w) == CCP_OK);
    MUST(ccp_chan_send(ch, &v, w) == CCP_OK);
    MUST(ccp_select(cases, 2, &i, w) == CCP_OK && i == 0);
    MUST(ccp_wg_wait(wg, w) == CCP_OK);
}

TEST(no_clock_is_read_for_what_is_done_at_once) /* W1 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ccp_wg wg = CCP_WG_INIT;
    const ccp_wait waits[] = { CCP_FOREVER,   CCP_NOWAIT,    ccp_within(CCP_SEC(1)),
                               ccp_within(0), ccp_until(1),  ccp_with(ctx),
                               ccp_under(ctx, ccp_within(CCP_SEC(1))) };
    do_what_need_not_wait(ch, &wg, CCP_FOREVER); /* a thread's random numbers may begin with it */
    long before = atomic_load(&clock_reads);
    for (size_t i = 0; i < LENGTH(waits); i++)
        for (int round = 0; round < 100; round++)
            do_what_need_not_wait(ch, &wg, waits[i]);
    assert_int_equal(atomic_load(&clock_reads), before);
    assert_true(ccp_now() > 0);
    assert_int_equal(atomic_load(&clock_reads), before + 1); /* the count does count */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(no_clock_is_read_for_a_context_without_a_deadline)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    long before = atomic_load(&clock_reads);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_CANCELED);
    assert_int_equal(atomic_load(&clock_reads), before);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(now_is_positive_and_never_goes_back),
        ENTRY(now_is_the_monotonic_clock),
        ENTRY(the_units_are_nanoseconds),
        ENTRY(a_wait_takes_sixteen_bytes),
        ENTRY(start_leaves_waits_alone_that_are_not_relative),
        ENTRY(start_gives_a_relative_wait_a_fixed_end),
        ENTRY(start_keeps_the_context),
        ENTRY(start_of_the_longest_wait_does_not_overflow),
        ENTRY(under_replaces_the_context_of_a_wait),
        ENTRY(calls_that_share_a_started_wait_share_one_budget),
        ENTRY(a_relative_wait_counts_from_each_call),
        ENTRY(sleep_ends_in_success_when_its_time_has_come_and_not_before),
        ENTRY(sleep_without_time_is_over_at_once),
        ENTRY(sleep_that_could_never_end_is_refused),
        ENTRY(sleep_ends_when_the_deadline_of_its_context_passes),
        ENTRY(a_deadline_that_nobody_has_noticed_ends_the_next_call),
        ENTRY(a_context_that_ends_before_the_sleep_ends_the_call),
        ENTRY(no_wake_up_is_left_over_for_the_next_sleep),
        ENTRY(signals_do_not_end_a_wait_early),
        ENTRY(no_clock_is_read_for_what_is_done_at_once),
        ENTRY(no_clock_is_read_for_a_context_without_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
