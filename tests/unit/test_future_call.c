/* SPDX-License-Identifier: MIT
 *
 * Futures made of a future, and of calls on a pool.  Many are ports; ports.md lists them.
 */
#include "promises.h"

static ccp_future *with_value(long v)
{
    ccp_future *f;
    keep(promise_of_long(&f), v);
    return f;
}

static ccp_future *with_error(ccp_status error)
{
    ccp_future *f;
    break_it(promise_of_long(&f), error);
    return f;
}

static void ends_with(ccp_future *f, ccp_status error, long expected)
{
    long v = 0;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_FOREVER), error == CCP_OK ? CCP_OK : CCP_FAILED);
    ASSERT_STATUS(ccp_future_error(f), error);
    assert_int_equal(v, error == CCP_OK ? expected : 0);
    ccp_future_free(f);
}

/* --- then --- */

typedef struct step {
    int calls;
    ccp_status error; /* what it was called with */
    long value;
    ccp_status result;
    bool handles;     /* an error too; otherwise that is passed on */
} step;

static ccp_status do_step(ccp_status error, const void *value, void *result, void *arg)
{
    step *s = arg;
    MUST((error == CCP_OK) == (value != NULL));
    if (error != CCP_OK && !s->handles)
        return error;
    s->calls++;
    s->error = error;
    s->value = value ? *(const long *)value : -1;
    *(long *)result = s->value + 1;
    return s->result;
}

/* Each in both orders: settled before, settled after. */
static ccp_future *chain(step *s, ccp_status error, long v, bool before)
{
    ccp_future *from, *to;
    ccp_promise *p = promise_of_long(&from);
    if (!before) {
        to = ccp_future_then(from, &of_long, do_step, s);
        assert_false(ccp_future_is_done(to));
        assert_int_equal(s->calls, 0);
    }
    if (error == CCP_OK)
        keep(p, v);
    else
        break_it(p, error);
    if (before)
        to = ccp_future_then(from, &of_long, do_step, s);
    ccp_future_free(from);
    return to;
}

TEST(then_is_called_with_the_value) /* F6 */
{
    for (int before = 0; before < 2; before++) {
        step s = { .result = CCP_OK };
        ends_with(chain(&s, CCP_OK, 7, before), CCP_OK, 8);
        assert_int_equal(s.calls, 1);
        assert_int_equal(s.value, 7);
    }
}

TEST(then_passes_an_error_on) /* F6 */
{
    for (int before = 0; before < 2; before++) {
        step s = { .result = CCP_OK };
        ends_with(chain(&s, CCP_FAILED, 0, before), CCP_FAILED, 0);
        assert_int_equal(s.calls, 0);
    }
}

TEST(then_may_make_a_value_of_an_error) /* F6 */
{
    for (int before = 0; before < 2; before++) {
        step s = { .result = CCP_OK, .handles = true };
        ends_with(chain(&s, CCP_CLOSED, 0, before), CCP_OK, 0);
        ASSERT_STATUS(s.error, CCP_CLOSED);
        assert_int_equal(s.calls, 1);
    }
}

TEST(then_may_fail_whatever_it_got) /* F6 */
{
    for (int before = 0; before < 2; before++)
        for (int broken = 0; broken < 2; broken++) {
            step s = { .result = CCP_FAILED, .handles = true };
            ends_with(chain(&s, broken ? CCP_CLOSED : CCP_OK, 1, before), CCP_FAILED, 0);
            assert_int_equal(s.calls, 1);
        }
}

TEST(then_of_a_canceled_future_gets_that_error) /* F6 F5 */
{
    step s = { .result = CCP_OK };
    ccp_future *from, *to;
    ccp_promise *p = promise_of_long(&from);
    to = ccp_future_then(from, &of_long, do_step, &s);
    ASSERT_STATUS(ccp_future_cancel(from), CCP_OK);
    ends_with(to, CCP_CANCELED, 0);
    ccp_promise_free(p);
    ccp_future_free(from);
}

TEST(then_is_not_called_for_a_future_that_nobody_wants) /* F6 */
{
    for (int by_free = 0; by_free < 2; by_free++) {
        step s = { .result = CCP_OK, .handles = true };
        ccp_future *from, *to;
        ccp_promise *p = promise_of_long(&from);
        to = ccp_future_then(from, &of_long, do_step, &s);
        if (!by_free)
            ASSERT_STATUS(ccp_future_cancel(to), CCP_OK);
        ccp_future_free(to);
        keep(p, 1);
        assert_int_equal(s.calls, 0);
        ccp_future_free(from);
    }
}

TEST(many_may_depend_on_one) /* F6 F2 */
{
    enum { N = 100 };
    ccp_future *from, *to[N];
    step s[N];
    ccp_promise *p = promise_of_long(&from);
    for (int i = 0; i < N; i++) {
        s[i] = (step){ .result = i % 2 ? CCP_OK : CCP_FAILED };
        to[i] = ccp_future_then(from, &of_long, do_step, &s[i]);
    }
    ccp_future_free(from);
    keep(p, 5);
    for (int i = 0; i < N; i++) {
        ends_with(to[i], s[i].result, 6);
        assert_int_equal(s[i].calls, 1);
    }
}

TEST(a_chain_may_be_long) /* F6 */
{
    enum { N = 1000 };
    static step s[N];
    ccp_future *first, *f;
    ccp_promise *p = promise_of_long(&first);
    f = first;
    for (int i = 0; i < N; i++) {
        s[i] = (step){ .result = CCP_OK };
        ccp_future *next = ccp_future_then(f, &of_long, do_step, &s[i]);
        ccp_future_free(f);
        f = next;
    }
    keep(p, 0);
    ends_with(f, CCP_OK, N);
}

/* A step that uses the library as if nothing were held: it gets, cancels, and makes more. */
static ccp_status use_all(ccp_status error, const void *value, void *result, void *arg)
{
    ccp_future *from = arg;
    long v;
    (void)value;
    MUST(ccp_future_get(from, &v, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_future_cancel(from) == CCP_CLOSED);
    MUST(ccp_chan_is_closed(ccp_future_done(from)));
    ccp_future *more = ccp_future_all(&from, 1);
    MUST(ccp_future_is_done(more));
    ccp_future_free(more);
    *(long *)result = v;
    return error;
}

TEST(a_function_may_use_the_future_that_called_it) /* F6 G3 */
{
    ccp_future *from;
    ccp_promise *p = promise_of_long(&from);
    ccp_future *to = ccp_future_then(from, &of_long, use_all, from);
    keep(p, 4);
    ends_with(to, CCP_OK, 4);
    ccp_future_free(from);
}

static ccp_status answer(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    *(long *)result = 41;
    return *(ccp_status *)arg;
}

TEST(then_of_a_lazy_future_computes_it) /* F8 F6 */
{
    ccp_status ok = CCP_OK;
    step s = { .result = CCP_OK };
    ccp_future *from = ccp_future_lazy(&of_long, answer, &ok);
    ends_with(ccp_future_then(from, &of_long, do_step, &s), CCP_OK, 42);
    ccp_future_free(from);
}

/* --- calls on a pool --- */

static ccp_pool *pool_of(unsigned workers, size_t queue)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = workers, .queue = queue });
    assert_non_null(p);
    return p;
}

TEST(calls_without_what_they_need_are_refused)
{
    ccp_pool *pool = pool_of(1, 1);
    ccp_status ok = CCP_OK;
    ccp_future *f = NULL;
    ASSERT_STATUS(ccp_pool_call(NULL, NULL, answer, &ok, &f, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_call(pool, NULL, NULL, &ok, &f, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_call(pool, NULL, answer, &ok, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_call(pool, &(ccp_promise_opts){ .size = SIZE_MAX }, answer, &ok, &f,
                                CCP_FOREVER),
                  CCP_INVAL);
    assert_null(ccp_pool_then(NULL, f, NULL, NULL, NULL));
    assert_null(f);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(a_call_gives_its_value_or_its_error) /* F2 P6 */
{
    ccp_pool *pool = pool_of(2, 4);
    ccp_status results[] = { CCP_OK, CCP_FAILED, CCP_CLOSED };
    for (size_t i = 0; i < LENGTH(results); i++) {
        ccp_future *f;
        ASSERT_STATUS(ccp_pool_call(pool, &of_long, answer, &results[i], &f, CCP_FOREVER), CCP_OK);
        ends_with(f, results[i], 41);
    }
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_get_info(pool, &info), CCP_OK);
    assert_int_equal(info.finished, 3);
    assert_int_equal(info.failed, 2);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

typedef struct held {
    gate gate;
    atomic_int entered, ran;
    ccp_status end;
} held;

static ccp_status hold(ccp_ctx *ctx, void *arg, void *result)
{
    held *h = arg;
    (void)result;
    atomic_fetch_add(&h->entered, 1);
    gate_pass(&h->gate);
    h->end = ccp_ctx_status(ctx);
    atomic_fetch_add(&h->ran, 1);
    return CCP_OK;
}

static ccp_status wait_for_end(ccp_ctx *ctx, void *arg, void *result)
{
    held *h = arg;
    (void)result;
    atomic_fetch_add(&h->entered, 1);
    h->end = ccp_sleep(ccp_with(ctx));
    atomic_fetch_add(&h->ran, 1);
    return h->end;
}

static void count_unrun(ccp_task fn, void *task_arg, void *unrun_arg)
{
    (void)fn;
    (void)task_arg;
    atomic_fetch_add((atomic_int *)unrun_arg, 1);
}

static ccp_status count_task(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    atomic_fetch_add((atomic_int *)arg, 1);
    return CCP_OK;
}

TEST(a_call_sees_the_end_of_the_parent_that_it_was_given) /* F5 */
{
    ccp_pool *pool = pool_of(1, 1);
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    held h = { .gate = GATE_INIT };
    ccp_future *f;
    ASSERT_STATUS(ccp_pool_call(pool,
                                &(ccp_promise_opts){ .cancelable = true, .parent = parent },
                                wait_for_end, &h, &f, CCP_FOREVER),
                  CCP_OK);
    WAIT_UNTIL(atomic_load(&h.entered) == 1);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(h.end, CCP_CANCELED);
    ccp_future_free(f);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

TEST(a_call_that_nobody_wants_any_more_is_not_made) /* F5 */
{
    ccp_pool *pool = pool_of(1, 4);
    held first = { .gate = GATE_INIT }, others = { .gate = GATE_INIT };
    gate_open(&others.gate);
    ccp_future *f, *canceled, *freed;
    ASSERT_STATUS(ccp_pool_call(pool, NULL, hold, &first, &f, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_call(pool, NULL, hold, &others, &canceled, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_call(pool, NULL, hold, &others, &freed, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_future_cancel(canceled), CCP_OK);
    ends_with(canceled, CCP_CANCELED, 0);
    ccp_future_free(freed);
    gate_open(&first.gate);
    ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
    assert_int_equal(others.ran, 0);
    assert_int_equal(first.ran, 1);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_NOWAIT), CCP_OK);
    ccp_future_free(f);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(a_call_under_way_sees_that_it_is_canceled) /* F5 */
{
    for (int by_free = 0; by_free < 2; by_free++) {
        ccp_pool *pool = pool_of(1, 4);
        held h = { .entered = 0 };
        ccp_future *f;
        ASSERT_STATUS(ccp_pool_call(pool, &(ccp_promise_opts){ .cancelable = true }, wait_for_end,
                                    &h, &f, CCP_FOREVER),
                      CCP_OK);
        WAIT_UNTIL(atomic_load(&h.entered) == 1);
        if (!by_free)
            ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
        ccp_future_free(f);
        ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(h.end, CCP_CANCELED);
        ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
    }
}

TEST(a_pool_that_is_shut_down_fails_the_calls_it_does_not_make) /* P9 P3 F3 */
{
    atomic_int unrun = 0, ran = 0;
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 4 });
    held h = { .entered = 0 };
    ccp_future *f[3], *then;
    ASSERT_STATUS(ccp_pool_call(pool, NULL, wait_for_end, &h, &f[0], CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&h.entered) == 1);
    ASSERT_STATUS(ccp_pool_call(pool, NULL, hold, &h, &f[1], CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit(pool, count_task, &ran, CCP_FOREVER), CCP_OK);
    f[2] = with_value(1);
    step s = { .result = CCP_OK };
    then = ccp_pool_then(pool, f[2], &of_long, do_step, &s);
    ASSERT_STATUS(ccp_pool_shutdown(pool, count_unrun, &unrun, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(unrun, 1);
    ends_with(f[0], CCP_CANCELED, 0); /* it saw the pool's end */
    ends_with(f[1], CCP_CLOSED, 0);
    ends_with(then, CCP_CLOSED, 0);
    ccp_future_free(f[2]);
    assert_int_equal(s.calls, 0);
    assert_int_equal(ran, 0);
    assert_int_equal(h.entered, 1);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(a_closed_pool_makes_no_calls) /* F3 P9 */
{
    ccp_pool *pool = pool_of(1, 1);
    ccp_status ok = CCP_OK;
    step s = { .result = CCP_OK };
    ccp_future *f = NULL, *from = with_value(1);
    ASSERT_STATUS(ccp_pool_close(pool), CCP_OK);
    ASSERT_STATUS(ccp_pool_call(pool, &of_long, answer, &ok, &f, CCP_FOREVER), CCP_CLOSED);
    assert_null(f);
    ends_with(ccp_pool_then(pool, from, &of_long, do_step, &s), CCP_CLOSED, 0);
    assert_int_equal(s.calls, 0);
    ccp_future_free(from);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(then_on_a_pool_runs_there) /* F6 */
{
    ccp_pool *pool = pool_of(2, 4);
    ccp_future *from;
    ccp_promise *p = promise_of_long(&from);
    step s[3] = { { .result = CCP_OK }, { .result = CCP_FAILED }, { .result = CCP_OK } };
    ccp_future *to[3];
    for (int i = 0; i < 3; i++)
        to[i] = ccp_pool_then(pool, from, &of_long, do_step, &s[i]);
    keep(p, 1);
    for (int i = 0; i < 3; i++)
        ends_with(to[i], s[i].result, 2);
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_get_info(pool, &info), CCP_OK);
    assert_int_equal(info.finished, 3);
    ccp_future_free(from);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(then_on_a_full_pool_runs_in_the_thread_that_settles) /* F6 */
{
    ccp_pool *pool = pool_of(1, 1);
    held h = { .gate = GATE_INIT };
    atomic_int ran = 0;
    ccp_future *f, *from = with_value(1);
    step s = { .result = CCP_OK };
    ASSERT_STATUS(ccp_pool_call(pool, NULL, hold, &h, &f, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&h.entered) == 1);
    ASSERT_STATUS(ccp_pool_submit(pool, count_task, &ran, CCP_FOREVER), CCP_OK);
    ends_with(ccp_pool_then(pool, from, &of_long, do_step, &s), CCP_OK, 2);
    assert_int_equal(ran, 0);
    gate_open(&h.gate);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_FOREVER), CCP_OK);
    ccp_future_free(f);
    ccp_future_free(from);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(a_call_for_which_there_is_no_memory_is_not_made)
{
    memory_watch();
    ccp_pool *pool = pool_of(1, 1);
    ccp_status ok = CCP_OK;
    ccp_future *f = NULL;
    atomic_int ran = 0;
    ASSERT_STATUS(ccp_pool_submit(pool, count_task, &ran, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK); /* the worker has begun */
    size_t live = memory_live;
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_at(n);
        ASSERT_STATUS(ccp_pool_call(pool, &(ccp_promise_opts){ .cancelable = true }, answer, &ok,
                                    &f, CCP_FOREVER),
                      CCP_NOMEM);
        assert_null(f);
        assert_int_equal(memory_live, live);
    }
    memory_fail_at(0);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
    memory_unwatch();
}

TEST(a_value_does_not_come_before_its_time) /* W6 */
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    int64_t begin = ccp_now();
    ASSERT_STATUS(ccp_future_get(f, NULL, ccp_within(CCP_MS(3))), CCP_TIMEOUT);
    assert_true(ccp_now() >= begin + CCP_MS(3));
    assert_false(ccp_future_is_done(f)); /* only the wait is over */
    keep(p, 1);
    ASSERT_STATUS(ccp_future_get(f, NULL, ccp_within(CCP_MS(3))), CCP_OK);
    ccp_future_free(f);
    ends_with(with_error(CCP_FAILED), CCP_FAILED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(then_is_called_with_the_value),
        ENTRY(then_passes_an_error_on),
        ENTRY(then_may_make_a_value_of_an_error),
        ENTRY(then_may_fail_whatever_it_got),
        ENTRY(then_of_a_canceled_future_gets_that_error),
        ENTRY(then_is_not_called_for_a_future_that_nobody_wants),
        ENTRY(many_may_depend_on_one),
        ENTRY(a_chain_may_be_long),
        ENTRY(a_function_may_use_the_future_that_called_it),
        ENTRY(then_of_a_lazy_future_computes_it),
        ENTRY(calls_without_what_they_need_are_refused),
        ENTRY(a_call_gives_its_value_or_its_error),
        ENTRY(a_call_sees_the_end_of_the_parent_that_it_was_given),
        ENTRY(a_call_that_nobody_wants_any_more_is_not_made),
        ENTRY(a_call_under_way_sees_that_it_is_canceled),
        ENTRY(a_pool_that_is_shut_down_fails_the_calls_it_does_not_make),
        ENTRY(a_closed_pool_makes_no_calls),
        ENTRY(then_on_a_pool_runs_there),
        ENTRY(then_on_a_full_pool_runs_in_the_thread_that_settles),
        ENTRY(a_call_for_which_there_is_no_memory_is_not_made),
        ENTRY(a_value_does_not_come_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
