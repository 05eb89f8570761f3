/* SPDX-License-Identifier: MIT
 *
 * Worker pools: tasks that wait for calls on their own pool, and tasks that block.
 */
#include "pools.h"

static const ccp_promise_opts of_long = { .size = sizeof(long) };

/* --- calls that wait for calls --- */

typedef struct sum {
    ccp_pool *p;
    long from, to;
    int parts;
} sum;

/* Adds up a range by calls on the same pool, each for a part, and waits for them. */
static ccp_status add_up(ccp_ctx *ctx, void *arg, void *result)
{
    const sum *s = arg;
    MUST(ccp_pool_worker(ctx) >= 0);
    long total = 0, size = (s->to - s->from) / s->parts;
    if (size == 0) {
        for (long i = s->from; i < s->to; i++)
            total += i;
        *(long *)result = total;
        return CCP_OK;
    }
    sum part[8];
    ccp_future *f[8];
    for (int i = 0; i < s->parts; i++) {
        part[i] = (sum){ s->p, s->from + i * size, s->from + (i + 1) * size, s->parts };
        part[i].to = i + 1 == s->parts ? s->to : part[i].to;
        MUST(ccp_pool_call(s->p, &of_long, add_up, &part[i], &f[i], CCP_FOREVER) == CCP_OK);
    }
    for (int i = 0; i < s->parts; i++) {
        long v = 0;
        MUST(ccp_future_get(f[i], &v, CCP_FOREVER) == CCP_OK);
        ccp_future_free(f[i]);
        total += v;
    }
    *(long *)result = total;
    return CCP_OK;
}

TEST(calls_that_wait_for_calls_finish_with_any_number_of_workers) /* P13 */
{
    for (unsigned workers = 1; workers <= 4; workers++)
        for (int parts = 2; parts <= 4; parts++) {
            ccp_pool *p = pool_of(workers, 4096);
            sum all = { p, 0, 300, parts };
            ccp_future *f = NULL;
            long v = 0;
            ASSERT_STATUS(ccp_pool_call(p, &of_long, add_up, &all, &f, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_future_get(f, &v, CCP_FOREVER), CCP_OK);
            assert_int_equal(v, 300 * 299 / 2);
            ccp_future_free(f);
            ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

typedef struct yard {
    ccp_pool *p, *other;
    ccp_mutex mutex;
    atomic_long runs, unlocked;
    ccp_future *f;
} yard;

static ccp_status count_call(ccp_ctx *ctx, void *arg, void *result)
{
    yard *y = arg;
    (void)result;
    MUST(ccp_pool_worker(ctx) >= 0);
    atomic_fetch_add(&y->runs, 1);
    return CCP_OK;
}

static ccp_status need_the_mutex(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    MUST(ccp_mutex_lock(&y->mutex, ccp_with(ctx)) == CCP_OK);
    atomic_fetch_add(&y->unlocked, 1);
    MUST(ccp_mutex_unlock(&y->mutex) == CCP_OK);
    return CCP_OK;
}

/* Waits for a call while it holds a mutex that the tasks in the queue before it need. */
static ccp_status wait_under_the_mutex(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    ccp_future *f = NULL;
    MUST(ccp_mutex_lock(&y->mutex, ccp_with(ctx)) == CCP_OK);
    for (int i = 0; i < 3; i++)
        MUST(ccp_pool_submit(y->p, need_the_mutex, y, CCP_FOREVER) == CCP_OK);
    MUST(ccp_pool_call(y->p, NULL, count_call, y, &f, CCP_FOREVER) == CCP_OK);
    MUST(ccp_future_get(f, NULL, CCP_FOREVER) == CCP_OK);
    MUST(atomic_load(&y->unlocked) == 0);
    MUST(ccp_mutex_unlock(&y->mutex) == CCP_OK);
    ccp_future_free(f);
    return CCP_OK;
}

/* TileDB#1994: there the thread that waited ran whatever stood in the queue. */
TEST(a_task_that_waits_under_a_mutex_runs_nothing_else_that_needs_it) /* P13 */
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        yard y = { .p = pool_of(workers, 16) };
        ASSERT_STATUS(ccp_pool_submit(y.p, wait_under_the_mutex, &y, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(y.p, ccp_within(CCP_SEC(30))), CCP_OK);
        assert_int_equal(y.runs, 1);
        assert_int_equal(y.unlocked, 3);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    }
}

static ccp_status wait_a_little(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    MUST(ccp_pool_call(y->p, NULL, count_call, y, &y->f, CCP_FOREVER) == CCP_OK);
    MUST(ccp_future_get(y->f, NULL, CCP_NOWAIT) == CCP_AGAIN);
    MUST(atomic_load(&y->runs) == 0);
    MUST(ccp_future_cancel(y->f) == CCP_OK);
    MUST(ccp_future_get(y->f, NULL, CCP_FOREVER) == CCP_FAILED);
    ccp_future_free(y->f);
    return CCP_OK;
}

TEST(a_task_that_does_not_wait_runs_nothing_and_what_was_canceled_never_runs)
{
    yard y = { .p = pool_of(1, 16) };
    ASSERT_STATUS(ccp_pool_submit(y.p, wait_a_little, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.runs, 0);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

static ccp_status call_the_other(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    MUST(ccp_pool_call(y->other, NULL, count_call, y, &y->f, CCP_FOREVER) == CCP_OK);
    MUST(ccp_future_get(y->f, NULL, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
    gate_open(&task_gate);
    MUST(ccp_future_get(y->f, NULL, CCP_FOREVER) == CCP_OK);
    ccp_future_free(y->f);
    return CCP_OK;
}

TEST(a_call_on_another_pool_runs_there) /* P5 */
{
    yard y = { .p = pool_of(1, 16), .other = pool_of(1, 16) };
    gate_shut(&task_gate);
    ASSERT_STATUS(ccp_pool_submit(y.other, pass_gate, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 1);
    ASSERT_STATUS(ccp_pool_submit(y.p, call_the_other, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.runs, 1);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(y.other), CCP_OK);
}

static ccp_status call_in_vain(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    MUST(ccp_pool_call(y->p, NULL, count_call, y, &y->f, CCP_FOREVER) == CCP_OK);
    gate_pass(&task_gate);
    MUST(ccp_sleep(ccp_with(ctx)) == CCP_CANCELED); /* the call was handed back by now */
    MUST(ccp_future_get(y->f, NULL, CCP_FOREVER) == CCP_FAILED);
    MUST(ccp_future_error(y->f) == CCP_CLOSED);
    ccp_future_free(y->f);
    return CCP_OK;
}

TEST(a_call_that_was_handed_back_is_not_run_by_who_waits_for_it) /* P9 */
{
    yard y = { .p = pool_of(1, 16) };
    gate_shut(&task_gate);
    ASSERT_STATUS(ccp_pool_submit(y.p, call_in_vain, &y, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 1);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_shutdown(y.p, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    assert_int_equal(y.runs, 0);
}

static ccp_status fail_call(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    (void)arg;
    (void)result;
    return CCP_FAILED;
}

static ccp_status wait_for_failure(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    MUST(ccp_pool_call(y->p, NULL, fail_call, y, &y->f, CCP_FOREVER) == CCP_OK);
    MUST(ccp_future_get(y->f, NULL, CCP_FOREVER) == CCP_FAILED);
    MUST(ccp_future_error(y->f) == CCP_FAILED);
    ccp_future_free(y->f);
    return CCP_OK;
}

TEST(a_call_that_failed_in_who_waited_for_it_is_counted_once)
{
    yard y = { .p = pool_of(1, 16) };
    atomic_long runs = 0;
    ASSERT_STATUS(ccp_pool_submit(y.p, wait_for_failure, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit(y.p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(y.p).finished, 3);
    assert_int_equal(info_of_pool(y.p).failed, 1);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

/* --- calls that somebody else has begun, or whose waiter has run them --- */

typedef struct begun {
    ccp_pool *p;
    gate gate;
    atomic_bool in_call, timed_out, has_value;
} begun;

static ccp_status stay_in_call(ccp_ctx *ctx, void *arg, void *result)
{
    begun *b = arg;
    (void)ctx;
    atomic_store(&b->in_call, true);
    gate_pass(&b->gate);
    *(long *)result = 7;
    return CCP_OK;
}

static ccp_status wait_for_begun(ccp_ctx *ctx, void *arg)
{
    begun *b = arg;
    ccp_future *f = NULL;
    long v = 0;
    (void)ctx;
    MUST(ccp_pool_call(b->p, &of_long, stay_in_call, b, &f, CCP_FOREVER) == CCP_OK);
    WAIT_UNTIL(atomic_load(&b->in_call));
    MUST(ccp_future_get(f, &v, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
    atomic_store(&b->timed_out, true);
    MUST(ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 7);
    ccp_future_free(f);
    return CCP_OK;
}

TEST(a_call_that_another_worker_has_begun_is_waited_for) /* P13 */
{
    begun b = { .p = pool_of(2, 4), .gate = GATE_INIT };
    ASSERT_STATUS(ccp_pool_submit(b.p, wait_for_begun, &b, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&b.timed_out));
    gate_open(&b.gate);
    ASSERT_STATUS(ccp_pool_wait(b.p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(b.p), CCP_OK);
}

static ccp_status seven(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    (void)arg;
    *(long *)result = 7;
    return CCP_OK;
}

static ccp_status run_it_and_stay(ccp_ctx *ctx, void *arg)
{
    begun *b = arg;
    ccp_future *f = NULL;
    long v = 0;
    MUST(ccp_pool_call(b->p, &of_long, seven, b, &f, CCP_FOREVER) == CCP_OK);
    MUST(ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 7);
    ccp_future_free(f);
    atomic_store(&b->has_value, true);
    return ccp_sleep(ccp_with(ctx)); /* until the pool is shut down */
}

TEST(a_call_that_its_waiter_has_run_is_not_handed_back) /* P3 P13 */
{
    begun b = { .p = pool_of(1, 4) };
    ASSERT_STATUS(ccp_pool_submit(b.p, run_it_and_stay, &b, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&b.has_value));
    assert_int_equal(info_of_pool(b.p).queued, 1); /* the call that was run */
    ASSERT_STATUS(ccp_pool_shutdown(b.p, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pool_free(b.p), CCP_OK);
}

/* --- tasks that wait for room in their own queue --- */

typedef struct full {
    ccp_pool *p;
    actor a; /* stands for the worker that waits */
} full;

static ccp_status fill_and_wait_for_room(ccp_ctx *ctx, void *arg)
{
    full *q = arg;
    ccp_worker_info w[2];
    while (ccp_pool_submit(q->p, count, NULL, CCP_NOWAIT) == CCP_OK)
        continue;
    MUST(ccp_pool_get_workers(q->p, w, LENGTH(w)) == LENGTH(w));
    atomic_store(&q->a.tid, (int)w[ccp_pool_worker(ctx)].thread);
    actor_calls(&q->a);
    q->a.rc = ccp_pool_submit(q->p, count, NULL, CCP_FOREVER);
    atomic_store(&q->a.done, true);
    return CCP_OK;
}

TEST(room_in_the_own_queue_is_waited_for_again_and_again)
{
    full q = { .p = pool_of(2, 1) };
    for (int round = 0; round < 3; round++) {
        q.a = (actor){ .rc = CCP_BUSY };
        occupy(q.p, 1);
        ASSERT_STATUS(ccp_pool_submit(q.p, fill_and_wait_for_room, &q, CCP_FOREVER), CCP_OK);
        actor_sleep_here(&q.a);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_wait(q.p, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(q.a.rc, CCP_OK);
    }
    ASSERT_STATUS(ccp_pool_free(q.p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(calls_that_wait_for_calls_finish_with_any_number_of_workers),
        ENTRY(a_task_that_waits_under_a_mutex_runs_nothing_else_that_needs_it),
        ENTRY(a_task_that_does_not_wait_runs_nothing_and_what_was_canceled_never_runs),
        ENTRY(a_call_on_another_pool_runs_there),
        ENTRY(a_call_that_was_handed_back_is_not_run_by_who_waits_for_it),
        ENTRY(a_call_that_failed_in_who_waited_for_it_is_counted_once),
        ENTRY(a_call_that_another_worker_has_begun_is_waited_for),
        ENTRY(a_call_that_its_waiter_has_run_is_not_handed_back),
        ENTRY(room_in_the_own_queue_is_waited_for_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
