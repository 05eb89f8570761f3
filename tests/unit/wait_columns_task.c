/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about groups, futures, tasks of pools, and timers.
 */
#include "wait_columns.h"

static ccp_status wait_at_gate(ccp_ctx *ctx, void *arg)
{
    stage *s = arg;
    (void)ctx;
    atomic_fetch_add(&s->entered, 1);
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    return CCP_OK;
}

static ccp_status count_task(ccp_ctx *ctx, void *arg)
{
    stage *s = arg;
    (void)ctx;
    atomic_fetch_add(&s->ran, 1);
    return CCP_OK;
}

static bool open_gate(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

/* One task under way, which is all that the limit allows. */
static void set_group(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->group = ccp_group_new(NULL, 1);
    assert_non_null(s->group);
    ASSERT_STATUS(ccp_group_go(s->group, wait_at_gate, s, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static void finish_group(stage *s)
{
    assert_true(open_gate(s));
    WAIT_UNTIL(ccp_group_wait(s->group, CCP_NOWAIT) == CCP_OK);
}

static ccp_status call_group_wait(stage *s, ccp_wait w)
{
    return ccp_group_wait(s->group, w);
}

static ccp_status call_group_go(stage *s, ccp_wait w)
{
    return ccp_group_go(s->group, count_task, s, w);
}

static void group_is_busy(stage *s)
{
    ASSERT_STATUS(ccp_group_wait(s->group, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(s->ran, 0);
    ASSERT_STATUS(ccp_group_free(s->group), CCP_BUSY);
}

static void group_has_run_all(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_group_wait(s->group, CCP_FOREVER), CCP_OK);
    assert_int_equal(s->entered, 1);
    assert_int_equal(s->ran, s->c->call == call_group_go ? s->successes : 0);
}

static void group_agrees(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    group_has_run_all(s);
}

static void clear_group(stage *s)
{
    group_has_run_all(s);
    ASSERT_STATUS(ccp_group_free(s->group), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- future --- */

static void set_future(stage *s)
{
    s->promise = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long) }, &s->future);
    assert_non_null(s->promise);
    s->value = UNTOUCHED;
}

static bool keep_promise(stage *s)
{
    const long v = 7;
    return ccp_promise_set(s->promise, &v) == CCP_OK;
}

static void settle_future(stage *s)
{
    assert_true(keep_promise(s));
}

static ccp_status call_future_get(stage *s, ccp_wait w)
{
    return ccp_future_get(s->future, &s->value, w);
}

static void nothing_was_gotten(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_false(ccp_future_is_done(s->future));
}

static void value_was_gotten(stage *s)
{
    assert_int_equal(s->value, 7);
    ASSERT_STATUS(ccp_future_get(s->future, NULL, CCP_NOWAIT), CCP_OK);
}

static void future_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    assert_int_equal(s->value, ok ? 7 : UNTOUCHED);
}

static void clear_future(stage *s)
{
    ccp_promise_free(s->promise);
    ccp_future_free(s->future);
}

/* --- a call on a pool, which has one worker, kept busy, and a full queue --- */

static void set_pool(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    assert_non_null(s->pool);
    ASSERT_STATUS(ccp_pool_submit(s->pool, wait_at_gate, s, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
    ASSERT_STATUS(ccp_pool_submit(s->pool, count_task, s, CCP_NOWAIT), CCP_OK);
}

static void empty_pool(stage *s)
{
    assert_true(open_gate(s));
    ASSERT_STATUS(ccp_pool_drain(s->pool, CCP_FOREVER), CCP_OK);
}

static ccp_status count_call(ccp_ctx *ctx, void *arg, void *result)
{
    *(long *)result = 7;
    return count_task(ctx, arg);
}

static ccp_status call_pool_call(stage *s, ccp_wait w)
{
    return ccp_pool_call(s->pool, &(ccp_promise_opts){ .size = sizeof(long) }, count_call, s,
                         &s->future, w);
}

static ccp_status call_submit_with(stage *s, ccp_wait w)
{
    const ccp_task_opts o = { .priority = -1, .limit = CCP_SEC(1000), .done = &s->wg };
    return ccp_pool_submit_with(s->pool, count_task, s, &o, w);
}

static ccp_status call_submit_n(stage *s, ccp_wait w)
{
    const ccp_pool_task t = { count_task, s };
    s->n = UNTOUCHED;
    ccp_status st = ccp_pool_submit_n(s->pool, &t, 1, NULL, &s->n, w);
    MUST(s->n == (st == CCP_OK ? 1 : UNTOUCHED));
    return st;
}

static ccp_status close_pool(stage *s)
{
    return ccp_pool_close(s->pool);
}

static void no_call_was_made(stage *s)
{
    assert_null(s->future);
    assert_int_equal(s->ran, 0);
}

static void call_was_made(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_future_get(s->future, &s->value, CCP_FOREVER), CCP_OK);
    assert_int_equal(s->value, 7);
    assert_int_equal(s->ran, 2);
}

static void call_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    assert_int_equal(s->future != NULL, ok);
    ASSERT_STATUS(ccp_pool_drain(s->pool, CCP_FOREVER), CCP_OK);
    assert_int_equal(s->ran, 1 + ok);
}

/* Also when it was not accepted nothing is counted any more. */
static void task_was_run(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_wg_wait(&s->wg, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(s->pool, CCP_FOREVER), CCP_OK);
    assert_int_equal(s->ran, 1 + s->successes);
}

static void task_agrees(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    task_was_run(s);
}

static void clear_pool(stage *s)
{
    (void)open_gate(s);
    ccp_future_free(s->future);
    ASSERT_STATUS(ccp_pool_free(s->pool), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- a call on a pool and its value: is never done at once --- */

static ccp_status call_pool_run(stage *s, ccp_wait w)
{
    s->value = UNTOUCHED;
    ccp_status st = ccp_pool_run(s->pool, &(ccp_promise_opts){ .size = sizeof(long) }, count_call,
                                 s, &s->value, w);
    MUST(s->value == (st == CCP_OK ? 7 : UNTOUCHED));
    return st;
}

static void run_was_made(stage *s)
{
    assert_int_equal(s->value, 7);
    assert_int_equal(s->ran, 2);
}

/* One that was given up may have been called all the same, or be called still. */
static void run_agrees(stage *s, bool ok, bool served)
{
    (void)served;
    (void)open_gate(s);
    ASSERT_STATUS(ccp_pool_drain(s->pool, CCP_FOREVER), CCP_OK);
    assert_true(s->ran == 2 || (s->ran == 1 && !ok));
}

/* --- a timer whose function runs --- */

static void run_until_gate(void *arg)
{
    (void)wait_at_gate(NULL, arg);
    (void)count_task(NULL, arg);
}

static void set_timer(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->timers = ccp_timers_new(NULL);
    assert_non_null(s->timers);
    const ccp_timer_opts o = { .fn = run_until_gate, .arg = s };
    ASSERT_STATUS(ccp_timer_start(s->timers, &s->timer, &o), CCP_OK);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static void finish_timer(stage *s)
{
    assert_true(open_gate(s));
    WAIT_UNTIL(ccp_timer_stop(&s->timer, CCP_NOWAIT) == CCP_CLOSED);
}

static ccp_status call_timer_stop(stage *s, ccp_wait w)
{
    return ccp_timer_stop(&s->timer, w);
}

static void timer_runs_still(stage *s)
{
    assert_int_equal(s->ran, 0);
    ASSERT_STATUS(ccp_timers_free(s->timers), CCP_BUSY);
}

static void timer_has_run(stage *s)
{
    assert_int_equal(s->entered, 1);
    assert_int_equal(s->ran, 1);
}

static void timer_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        assert_int_equal(s->ran, 1);
}

static void clear_timer(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_timer_stop(&s->timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(s->timers), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

const column columns_task[] = {
    { .name = "group_wait", .set = set_group, .ready = finish_group, .call = call_group_wait,
      .serve = open_gate, .unchanged = group_is_busy, .done = group_has_run_all,
      .raced = group_agrees, .clear = clear_group, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "group_go", .set = set_group, .ready = finish_group, .call = call_group_go,
      .serve = open_gate, .unchanged = group_is_busy, .done = group_has_run_all,
      .raced = group_agrees, .clear = clear_group, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "future_get", .set = set_future, .ready = settle_future, .call = call_future_get,
      .serve = keep_promise, .unchanged = nothing_was_gotten, .done = value_was_gotten,
      .raced = future_agrees, .clear = clear_future, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "pool_call", .set = set_pool, .ready = empty_pool, .call = call_pool_call,
      .serve = open_gate, .close = close_pool, .unchanged = no_call_was_made,
      .done = call_was_made, .raced = call_agrees, .clear = clear_pool, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "pool_submit_with", .set = set_pool, .ready = empty_pool, .call = call_submit_with,
      .serve = open_gate, .close = close_pool, .unchanged = no_call_was_made,
      .done = task_was_run, .raced = task_agrees, .clear = clear_pool, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "pool_submit_n", .set = set_pool, .ready = empty_pool, .call = call_submit_n,
      .serve = open_gate, .close = close_pool, .unchanged = no_call_was_made,
      .done = task_was_run, .raced = task_agrees, .clear = clear_pool, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "pool_run", .set = set_pool, .call = call_pool_run, .serve = open_gate,
      .close = close_pool, .unchanged = no_call_was_made, .done = run_was_made,
      .raced = run_agrees, .clear = clear_pool, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "timer_stop", .set = set_timer, .ready = finish_timer, .call = call_timer_stop,
      .serve = open_gate, .unchanged = timer_runs_still, .done = timer_has_run,
      .raced = timer_agrees, .clear = clear_timer, .success = CCP_CLOSED, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
};
const size_t columns_task_n = LENGTH(columns_task);
