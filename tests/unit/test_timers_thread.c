/* SPDX-License-Identifier: MIT
 *
 * Timers: their thread, what functions may call, misuse, many at once.
 */
#define _GNU_SOURCE
#include "timers.h"

#include <errno.h>
#include <signal.h>

/* Linked with --wrap=pthread_create: there are no threads. */
static atomic_bool short_of_threads;
typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg)
{
    return atomic_load(&short_of_threads) ? EAGAIN : __real_pthread_create(t, a, fn, arg);
}

/* Linked with --wrap=ccpi_wait_sleep: how often the thread of the timers has gone to sleep. */
static atomic_int sleeps;
uint32_t __real_ccpi_wait_sleep(ccp_wait w, void *waiter, int64_t deadline);
uint32_t __wrap_ccpi_wait_sleep(ccp_wait w, void *waiter, int64_t deadline);
uint32_t __wrap_ccpi_wait_sleep(ccp_wait w, void *waiter, int64_t deadline)
{
    atomic_fetch_add(&sleeps, 1);
    return __real_ccpi_wait_sleep(w, waiter, deadline);
}

/* --- the thread --- */

TEST(only_a_timer_that_comes_first_wakes_the_thread) /* I7 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    ccp_timer t[MANY] = { 0 };
    atomic_store(&sleeps, 0);
    start(ts, &t[0], counting(&n, CCP_SEC(1000)));
    WAIT_UNTIL(atomic_load(&sleeps) >= 1);
    for (int i = 1; i < MANY; i++)
        start(ts, &t[i], counting(&n, CCP_SEC(1000 + i)));
    int before = atomic_load(&sleeps); /* 1, or 2 if it slept before the first was set */
    for (int i = 0; i < 1000; i++) {
        ASSERT_STATUS(ccp_timer_stop(&t[0], CCP_NOWAIT), CCP_OK); /* the first one, too */
        start(ts, &t[0], counting(&n, CCP_SEC(1000)));
        ASSERT_STATUS(ccp_timer_reset(&t[1], CCP_SEC(2000)), CCP_OK);
    }
    for (int i = 0; i < MANY; i++)
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_NOWAIT), CCP_OK);
    for (int i = 0; i < 1000; i++) {
        start(ts, &t[0], counting(&n, CCP_SEC(1001)));
        ASSERT_STATUS(ccp_timer_stop(&t[0], CCP_NOWAIT), CCP_OK);
    }
    assert_true(before <= 2 && atomic_load(&sleeps) <= 2);
    start(ts, &t[0], counting(&n, 0));
    WAIT_UNTIL(atomic_load(&n) == 1);
    ASSERT_STATUS(ccp_timer_stop(&t[0], CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

static void look_at_mask(void *arg)
{
    static const int blocked[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM, SIGCHLD };
    static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    for (size_t i = 0; i < LENGTH(blocked); i++)
        MUST(sigismember(&set, blocked[i]) == 1);
    for (size_t i = 0; i < LENGTH(open); i++)
        MUST(sigismember(&set, open[i]) == 0);
    count(arg);
}

TEST(the_thread_blocks_signals) /* I7 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    ccp_timer t = { 0 };
    start(ts, &t, (ccp_timer_opts){ .fn = look_at_mask, .arg = &n });
    WAIT_UNTIL(atomic_load(&n) == 1);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(timers_take_no_memory_and_need_no_thread_before_the_first) /* I7 */
{
    memory_watch();
    atomic_store(&short_of_threads, true);
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    ccp_timer t[MANY] = { 0 };
    ccp_timer_opts o = counting(&n, CCP_SEC(1000));
    ASSERT_STATUS(ccp_timer_start(ts, &t[0], &o), CCP_NOMEM);
    ASSERT_STATUS(ccp_timer_start(ts, &t[0], &o), CCP_NOMEM);
    ASSERT_STATUS(ccp_timer_stop(&t[0], CCP_NOWAIT), CCP_MISUSE); /* it was not set: G1 */
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    ts = new_timers();
    atomic_store(&short_of_threads, false);
    start(ts, &t[0], o);
    size_t calls = atomic_load(&memory_calls);
    for (int i = 1; i < MANY; i++)
        start(ts, &t[i], o);
    for (int i = 0; i < MANY; i++)
        ASSERT_STATUS(ccp_timer_reset(&t[i], CCP_SEC(10)), CCP_OK);
    for (int i = 0; i < MANY; i++)
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_FOREVER), CCP_OK);
    assert_int_equal(memory_calls, calls);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    memory_fail_at(1);
    assert_null(ccp_timers_new(NULL));
    memory_fail_at(0);
    memory_unwatch();
}

/* --- what else a function may call, and what nobody should --- */

typedef struct everything {
    ccp_timers *ts;
    ccp_timer own, other, set;
    atomic_int n;
    ccp_pool *pool;
} everything;

static void call_everything(void *arg)
{
    everything *e = arg;
    ccp_timer_opts o = counting(&e->n, CCP_SEC(1000));
    MUST(ccp_timer_start(e->ts, &e->own, &o) == CCP_BUSY);
    MUST(ccp_timers_free(e->ts) == CCP_BUSY);
    MUST(ccp_timer_start(e->ts, &e->other, &o) == CCP_OK);
    MUST(ccp_timer_reset(&e->other, CCP_SEC(2000)) == CCP_OK);
    MUST(ccp_timer_stop(&e->other, CCP_FOREVER) == CCP_OK);
    MUST(ccp_timer_reset(&e->set, 0) == CCP_OK);
    ccp_timers *more = ccp_timers_new(NULL);
    o.after = 0;
    MUST(ccp_timer_start(more, &e->other, &o) == CCP_OK);
    WAIT_UNTIL(atomic_load(&e->n) == 1);
    MUST(ccp_timer_stop(&e->other, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_timers_free(more) == CCP_OK);
    MUST(ccp_sleep(ccp_within(1)) == CCP_OK);
    MUST(ccp_timer_stop(&e->own, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_timer_start(e->ts, &e->own, &o) == CCP_OK); /* it is the caller's again */
    MUST(ccp_timers_free(e->ts) == CCP_BUSY);
}

TEST(a_function_may_call_anything) /* I6 G3 */
{
    everything e = { .ts = new_timers() };
    start(e.ts, &e.set, counting(&e.n, CCP_SEC(1000)));
    start(e.ts, &e.own, (ccp_timer_opts){ .fn = call_everything, .arg = &e });
    WAIT_UNTIL(atomic_load(&e.n) == 3);
    ASSERT_STATUS(ccp_timer_stop(&e.own, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_stop(&e.set, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(e.ts), CCP_OK);
}

TEST(a_timer_that_is_set_or_runs_is_not_started) /* G2 */
{
    ccp_timers *ts = new_timers(), *others = new_timers();
    hold h = HOLD_INIT;
    atomic_int n = 0;
    ccp_timer t = { 0 };
    ccp_timer_opts o = counting(&n, CCP_SEC(1000));
    hold_thread(ts, &h);
    start(ts, &t, o);
    ASSERT_STATUS(ccp_timer_start(ts, &t, &o), CCP_BUSY);
    ASSERT_STATUS(ccp_timer_start(others, &t, &o), CCP_BUSY);
    ASSERT_STATUS(ccp_timer_start(ts, &h.timer, &o), CCP_BUSY);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_BUSY);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_BUSY);
    gate_open(&h.gate);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    start(others, &t, o); /* elsewhere, now that it is free */
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_timers_free(others), CCP_OK);
}

TEST(what_can_never_be_right_is_refused) /* G2 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    ccp_timer t = { 0 };
    ccp_timer_opts o = counting(&n, 0);
    ASSERT_STATUS(ccp_timer_start(NULL, &t, &o), CCP_INVAL);
    ASSERT_STATUS(ccp_timer_start(ts, NULL, &o), CCP_INVAL);
    ASSERT_STATUS(ccp_timer_start(ts, &t, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_timer_start(ts, &t, &(ccp_timer_opts){ .arg = &n }), CCP_INVAL);
    o.every = -1;
    ASSERT_STATUS(ccp_timer_start(ts, &t, &o), CCP_INVAL);
    o.every = 0;
    o.at = -1;
    ASSERT_STATUS(ccp_timer_start(ts, &t, &o), CCP_INVAL);
    ASSERT_STATUS(ccp_timer_stop(NULL, CCP_NOWAIT), CCP_MISUSE);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_NOWAIT), CCP_MISUSE);
    ASSERT_STATUS(ccp_timer_reset(NULL, 0), CCP_MISUSE);
    ASSERT_STATUS(ccp_timer_reset(&t, 0), CCP_MISUSE);
    ASSERT_STATUS(ccp_timers_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

/* --- many --- */

typedef struct busy {
    ccp_timers *ts;
    atomic_long calls;
} busy;

static void count_call(void *arg)
{
    atomic_fetch_add((atomic_long *)arg, 1);
}

/* Each call that was set for comes, or stop takes it back. */
static void set_and_stop(actor *a)
{
    enum { N = 50 };
    busy *b = a->arg;
    ccp_timer t[N] = { 0 };
    uint64_t seed = a->index + 1;
    for (size_t round = 0; round < scaled(200); round++) {
        for (int i = 0; i < N; i++) {
            const ccp_timer_opts o = { .fn = count_call, .arg = &b->calls,
                                       .after = random_next(&seed) % CCP_US(200) };
            MUST(ccp_timer_start(b->ts, &t[i], &o) == CCP_OK);
        }
        if (round % 2)
            (void)ccp_sleep(ccp_within(random_next(&seed) % CCP_US(100)));
        for (int i = 0; i < N; i++)
            a->value += ccp_timer_stop(&t[i], CCP_FOREVER) == CCP_CLOSED;
    }
}

TEST(no_call_is_lost_or_made_twice_by_many_threads) /* I1 I3 */
{
    busy b = { .ts = new_timers() };
    actor a[4];
    long ran = 0;
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &b, .index = i };
        actor_start(&a[i], set_and_stop);
    }
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ran += a[i].value;
    }
    assert_int_equal(b.calls, ran);
    ASSERT_STATUS(ccp_timers_free(b.ts), CCP_OK);
}

TEST(a_hundred_thousand_timers_live_at_once) /* I1 I7 */
{
    size_t n = scaled(100000);
    ccp_timers *ts = new_timers();
    ccp_timer *t = calloc(n, sizeof *t);
    atomic_int called = 0;
    uint64_t seed = 7;
    int64_t end = ccp_now() + CCP_SEC(1000);
    for (size_t i = 0; i < n; i++)
        start(ts, &t[i], (ccp_timer_opts){ .fn = count, .arg = &called,
                                           .at = end + random_next(&seed) });
    for (size_t i = 0; i < n; i += 2)
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_NOWAIT), CCP_OK);
    for (size_t i = 1; i < n; i += 2)
        ASSERT_STATUS(ccp_timer_reset(&t[i], random_next(&seed) % CCP_MS(1)), CCP_OK);
    WAIT_UNTIL(atomic_load(&called) == (int)(n / 2));
    for (size_t i = 1; i < n; i += 2)
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(only_a_timer_that_comes_first_wakes_the_thread),
        ENTRY(the_thread_blocks_signals),
        ENTRY(timers_take_no_memory_and_need_no_thread_before_the_first),
        ENTRY(a_function_may_call_anything),
        ENTRY(a_timer_that_is_set_or_runs_is_not_started),
        ENTRY(what_can_never_be_right_is_refused),
        ENTRY(no_call_is_lost_or_made_twice_by_many_threads),
        ENTRY(a_hundred_thousand_timers_live_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
