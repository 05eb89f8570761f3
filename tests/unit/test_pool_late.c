/* SPDX-License-Identifier: MIT
 *
 * Worker pools: tasks that wait for their time.
 */
#include "jobs.h"

#include <errno.h>

enum { FAR = 1000 }; /* seconds */

/* Linked with --wrap=pthread_create: there are no threads. */
static atomic_bool short_of_threads;
static void (*instead_of_a_thread)(void); /* what happens meanwhile, once */
typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg)
{
    if (!atomic_load(&short_of_threads))
        return __real_pthread_create(t, a, fn, arg);
    void (*meanwhile)(void) = instead_of_a_thread;
    instead_of_a_thread = NULL;
    if (meanwhile)
        meanwhile();
    return EAGAIN;
}

static ccp_status note_time(ccp_ctx *ctx, void *time)
{
    (void)ctx;
    atomic_store((_Atomic int64_t *)time, ccp_now());
    return CCP_OK;
}

TEST(a_delayed_task_does_not_begin_before_its_time) /* P24 */
{
    for (size_t queue = 0; queue < 2; queue++) {
        ccp_pool *p = pool_of(1, queue);
        _Atomic int64_t time = 0;
        int64_t begin = ccp_now();
        const ccp_task_opts o = { .after = CCP_MS(2) };
        ASSERT_STATUS(ccp_pool_submit_with(p, note_time, &time, &o, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK); /* P12 */
        assert_true(time >= begin + CCP_MS(2));
        assert_int_equal(info_of_pool(p).delayed, 0);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(a_drain_does_not_wait_for_the_time_of_a_task_but_a_wait_does) /* P4 P12 P24 */
{
    yard y;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 2 });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .after = CCP_SEC(FAR), .owner = &y, .done = &wg }),
                  CCP_OK);
    submit_plain(&y);
    assert_int_equal(info_of_pool(y.p).delayed, 1);
    assert_int_equal(info_of_pool(y.p).queued, 1);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(y.p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN); /* P21 */
    size_t n = 0;
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, &n), CCP_OK); /* P20 */
    assert_true(n == 1 && y.dropped == 1 && info_of_pool(y.p).canceled == 1);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    finish(&y);
    free_yard(&y);
}

static void wait_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_pool_wait(a->arg, CCP_FOREVER);
}

TEST(withdrawing_the_last_delayed_task_ends_a_wait) /* P12 P20 */
{
    for (int closes = 0; closes < 2; closes++) {
        ccp_pool *p = pool_of(1, 1);
        atomic_long runs = 0;
        const ccp_task_opts o = { .after = CCP_SEC(FAR), .owner = &runs };
        ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_OK);
        actor a = { .arg = p };
        actor_start(&a, wait_there);
        actor_sleep_here(&a);
        if (closes)
            ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        else
            ASSERT_STATUS(ccp_pool_cancel(p, &runs, NULL), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, closes ? CCP_CLOSED : CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        assert_int_equal(runs, 0);
    }
}

TEST(closing_a_pool_hands_back_what_waits_for_its_time) /* P3 P21 P24 */
{
    for (int how = 0; how < 4; how++) {
        yard y;
        ccp_wg wg = CCP_WG_INIT;
        set_yard(&y, (ccp_pool_opts){ .queue = 4 });
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .after = CCP_SEC(FAR + i), .done = &wg }),
                          CCP_OK);
        gate_open(&task_gate);
        if (how == 0)
            ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
        else if (how == 1)
            ASSERT_STATUS(ccp_pool_shutdown(y.p, NULL, NULL, CCP_FOREVER), CCP_OK);
        else if (how == 2)
            ASSERT_STATUS(ccp_pool_abort(y.p, NULL, NULL), CCP_OK);
        if (how < 3) {
            assert_int_equal(y.dropped, 3);
            ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
            assert_true(info_of_pool(y.p).handed_back == 3 && info_of_pool(y.p).delayed == 0);
            ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .after = 1 }), CCP_CLOSED);
        }
        if (how == 0)
            ASSERT_STATUS(ccp_pool_close(y.p), CCP_CLOSED);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
        assert_true(y.dropped == 3 && y.ran == 0);
        for (long i = 0; i < 3; i++)
            assert_int_equal(y.gone[i], i);
    }
}

/* Waits until n tasks are due, as far as can be seen: the first stands before the full queue. */
static void let_them_be_due(yard *y, int64_t time)
{
    WAIT_UNTIL(ccp_now() > time + CCP_MS(2));
    assert_int_equal(info_of_pool(y->p).queued, 1);
}

TEST(delayed_tasks_wait_for_room_in_the_order_of_their_times) /* P24 */
{
    static const int64_t after[] = { CCP_US(900), CCP_US(100), CCP_US(500), CCP_US(1300) };
    int64_t earliest[5] = { 0 }, latest[5] = { 0 }; /* of when they are due */
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 1 });
    submit_plain(&y); /* the queue is full */
    for (int i = 1; i < 5; i++) {
        earliest[i] = ccp_now() + after[i - 1];
        ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .after = after[i - 1] }), CCP_OK);
        latest[i] = ccp_now() + after[i - 1];
    }
    let_them_be_due(&y, latest[1]);
    assert_int_equal(info_of_pool(y.p).delayed, 4);
    ASSERT_STATUS(submit(&y, NULL), CCP_AGAIN);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_true(y.ran == 5 && y.order[0] == 0);
    for (int i = 1; i < 5; i++)
        for (int j = i + 1; j < 5; j++)
            assert_true(earliest[y.order[i]] <= latest[y.order[j]]);
    finish(&y);
    free_yard(&y);
}

TEST(a_delayed_task_that_waits_for_room_is_withdrawn_or_handed_back) /* P3 P20 P24 */
{
    for (int closes = 0; closes < 2; closes++) {
        yard y;
        ccp_wg wg = CCP_WG_INIT;
        set_yard(&y, (ccp_pool_opts){ .queue = 1 });
        submit_plain(&y);
        int64_t now = ccp_now();
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .after = 1 + i, .owner = &y, .done = &wg }),
                          CCP_OK);
        let_them_be_due(&y, now);
        if (closes) {
            ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
        } else {
            size_t n = 0;
            ASSERT_STATUS(ccp_pool_cancel(y.p, &y, &n), CCP_OK);
            assert_int_equal(n, 3);
        }
        assert_int_equal(y.dropped, 3);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), closes ? CCP_CLOSED : CCP_OK);
        assert_int_equal(y.ran, 1);
        free_yard(&y);
    }
}

TEST(within_counts_from_when_a_task_is_due) /* P19 P24 */
{
    ccp_pool *p = pool_of(1, 1);
    atomic_long runs = 0;
    occupy(p, 1);
    ccp_task_opts o = { .after = CCP_MS(3), .within = CCP_SEC(FAR) };
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_OK);
    o.within = 1;
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_OK);
    int64_t now = ccp_now();
    WAIT_UNTIL(ccp_now() > now + CCP_MS(5));
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 1);
    assert_int_equal(info_of_pool(p).expired, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_delayed_task_whose_context_has_ended_does_not_begin) /* P19 */
{
    ccp_pool *p = pool_of(1, 1);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    atomic_long runs = 0;
    const ccp_task_opts o = { .after = CCP_MS(1), .ctx = ctx };
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_OK);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_true(info_of_pool(p).canceled + (uint64_t)runs == 1);
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_CANCELED);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(delayed_tasks_may_be_many_at_once_and_of_any_pool) /* P24 P11 */
{
    static const ccp_pool_opts pools[] = {
        { .workers = 2, .queue = 4 },
        { .workers = 2 },
        { .workers = 2, .queue = 2, .idle = CCP_US(50) },
        { .workers = 2, .idle = CCP_US(50) },
        { .workers = 2, .queue = 2, .full = CCP_FULL_DROPS_IT },
        { .workers = 2, .queue = 2, .measure = true },
    };
    for (size_t i = 0; i < LENGTH(pools); i++) {
        atomic_long runs = 0;
        ccp_pool_task tasks[50];
        ccp_pool *p = ccp_pool_new(&pools[i]);
        size_t n = 0;
        for (size_t k = 0; k < LENGTH(tasks); k++)
            tasks[k] = (ccp_pool_task){ count, &runs };
        const ccp_task_opts o = { .after = CCP_US(500) };
        ASSERT_STATUS(ccp_pool_submit_n(p, tasks, LENGTH(tasks), &o, &n, CCP_NOWAIT), CCP_OK);
        assert_int_equal(n, LENGTH(tasks)); /* they need no room yet */
        ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(runs, LENGTH(tasks));
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static ccp_status submit_next(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    if (++y->n < 20)
        MUST(ccp_pool_submit_with(y->p, submit_next, y, &(ccp_task_opts){ .after = y->n % 3 },
                                  CCP_NOWAIT) == CCP_OK);
    return CCP_OK;
}

TEST(a_task_may_submit_itself_for_later_and_a_wait_sees_the_end) /* P12 */
{
    yard y = { .n = 0 };
    y.p = pool_of(1, 1);
    ASSERT_STATUS(ccp_pool_submit(y.p, submit_next, &y, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.n, 20);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

TEST(absurd_times_and_want_of_memory_and_threads_are_told) /* G2 G4 */
{
    memory_watch();
    atomic_long runs = 0;
    ccp_wg wg = CCP_WG_INIT;
    ccp_pool *p = pool_of(1, 1);
    ccp_task_opts o = { .after = -1, .done = &wg };
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_INVAL);
    o.after = INT64_MAX;
    for (size_t n = 1; n <= 3; n++) { /* the job, the timers, what their thread begins with */
        memory_fail_at(n);
        ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_NOMEM);
    }
    memory_fail_at(0);
    atomic_store(&short_of_threads, true);
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_NOMEM);
    atomic_store(&short_of_threads, false);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    assert_int_equal(info_of_pool(p).delayed, 0);
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_OK);
    assert_int_equal(info_of_pool(p).delayed, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    memory_unwatch();
}

static actor waiter;

static void let_it_wait(void)
{
    atomic_store(&short_of_threads, false);
    actor_start(&waiter, wait_there);
    actor_sleep_here(&waiter);
    atomic_store(&short_of_threads, true);
}

TEST(a_delayed_task_that_fails_to_be_accepted_ends_a_wait_that_has_seen_it) /* P12 */
{
    ccp_pool *p = pool_of(1, 1);
    atomic_long runs = 0;
    const ccp_task_opts o = { .after = CCP_SEC(FAR) };
    waiter = (actor){ .arg = p };
    instead_of_a_thread = let_it_wait;
    atomic_store(&short_of_threads, true);
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &o, CCP_NOWAIT), CCP_NOMEM);
    atomic_store(&short_of_threads, false);
    actor_join(&waiter);
    ASSERT_STATUS(waiter.rc, CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* Called by the thread that brings tasks into the queue, while there are no threads. */
static void try_to_end(ccp_task fn, void *task_arg, void *unrun_arg)
{
    yard *y = unrun_arg;
    (void)fn, (void)task_arg;
    if (atomic_load(&short_of_threads)) {
        MUST(ccp_pool_free(y->p) == CCP_DEADLOCK);
        MUST(ccp_pool_wait(y->p, CCP_FOREVER) == CCP_DEADLOCK);
        MUST(ccp_pool_drain(y->p, CCP_FOREVER) == CCP_DEADLOCK);
        MUST(ccp_pool_cancel(y->p, unrun_arg, NULL) == CCP_OK);
    }
    atomic_fetch_add(&y->dropped, 1);
}

TEST(a_task_that_can_have_no_worker_at_its_time_is_handed_back) /* P3 P24 G3 */
{
    yard y = { .n = 0 };
    y.p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .idle = CCP_SEC(FAR),
                                         .unrun = try_to_end, .unrun_arg = &y });
    ccp_task_opts o = { .after = CCP_SEC(FAR) };
    ASSERT_STATUS(ccp_pool_submit_with(y.p, count, &y.ran, &o, CCP_NOWAIT), CCP_OK);
    atomic_store(&short_of_threads, true); /* that thread is there, and no worker */
    o.after = 1;
    ASSERT_STATUS(ccp_pool_submit_with(y.p, count, &y.ran, &o, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(atomic_load(&y.dropped) == 1);
    atomic_store(&short_of_threads, false);
    assert_int_equal(info_of_pool(y.p).delayed, 1);
    ASSERT_STATUS(ccp_pool_submit_with(y.p, count, &y.ran, &o, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(atomic_load(&y.ran) == 1);
    assert_int_equal(info_of_pool(y.p).handed_back, 1);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    assert_true(y.dropped == 2 && y.ran == 1);
}

/* --- many threads --- */

static void submit_many(actor *a)
{
    yard *y = a->arg;
    uint64_t seed = a->index + 1;
    for (size_t i = a->index * 16; i < a->index * 16 + 16; i++) {
        y->jobs[i] = (job){ .y = y, .number = (long)i };
        ccp_task_opts o = { .priority = (int)(i % 3), .owner = i % 3 ? y : NULL,
                            .after = i % 4 ? 1 + random_next(&seed) % CCP_US(50) : 0 };
        ccp_status rc = ccp_pool_submit_with(y->p, run_job, &y->jobs[i], &o, CCP_FOREVER);
        MUST(rc == CCP_OK || rc == CCP_CLOSED);
        a->value += rc == CCP_OK;
        if (i % 5 == 0)
            MUST(ccp_pool_cancel(y->p, y, NULL) == CCP_OK);
        if (i % 7 == 0)
            (void)ccp_pool_wait(y->p, ccp_within(CCP_US(20)));
    }
}

TEST(no_delayed_task_is_lost_between_submit_cancel_and_shutdown) /* P3 P20 P24 */
{
    for (size_t round = 0; round < scaled(400); round++) {
        yard *y = calloc(1, sizeof *y);
        y->p = ccp_pool_new(&(ccp_pool_opts){
            .workers = 2, .queue = round % 5, .unrun = take_back, .unrun_arg = y, .aging = 4 });
        actor a[3];
        long accepted = 0;
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = y, .index = i };
            actor_start(&a[i], submit_many);
        }
        if (round % 2)
            WAIT_UNTIL(atomic_load(&y->ran) > 3);
        ccp_wait w = round % 3 ? CCP_NOWAIT : CCP_FOREVER;
        ccp_status rc = ccp_pool_shutdown(y->p, NULL, NULL, w);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            accepted += a[i].value;
        }
        assert_int_equal(y->ran + y->dropped, accepted);
        assert_true(rc == CCP_OK || rc == CCP_AGAIN);
        ccp_pool_info info = info_of_pool(y->p);
        assert_int_equal(info.finished, y->ran);
        assert_int_equal(info.handed_back, y->dropped);
        ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
        free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_delayed_task_does_not_begin_before_its_time),
        ENTRY(a_drain_does_not_wait_for_the_time_of_a_task_but_a_wait_does),
        ENTRY(withdrawing_the_last_delayed_task_ends_a_wait),
        ENTRY(closing_a_pool_hands_back_what_waits_for_its_time),
        ENTRY(delayed_tasks_wait_for_room_in_the_order_of_their_times),
        ENTRY(a_delayed_task_that_waits_for_room_is_withdrawn_or_handed_back),
        ENTRY(within_counts_from_when_a_task_is_due),
        ENTRY(a_delayed_task_whose_context_has_ended_does_not_begin),
        ENTRY(delayed_tasks_may_be_many_at_once_and_of_any_pool),
        ENTRY(a_task_may_submit_itself_for_later_and_a_wait_sees_the_end),
        ENTRY(absurd_times_and_want_of_memory_and_threads_are_told),
        ENTRY(a_delayed_task_that_fails_to_be_accepted_ends_a_wait_that_has_seen_it),
        ENTRY(a_task_that_can_have_no_worker_at_its_time_is_handed_back),
        ENTRY(no_delayed_task_is_lost_between_submit_cancel_and_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
