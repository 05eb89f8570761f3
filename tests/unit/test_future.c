/* SPDX-License-Identifier: MIT
 *
 * Futures and promises.  Calls on a pool and ports stand in test_future_call.c.
 */
#include "promises.h"

static void assert_value(ccp_future *f, long expected)
{
    long v = 0;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, expected);
}

static void assert_failed(ccp_future *f, ccp_status error)
{
    long v = 77;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(v, 77); /* G1 */
    ASSERT_STATUS(ccp_future_error(f), error);
    assert_true(ccp_future_is_done(f));
    assert_null(ccp_future_peek(f));
}

/* --- one value --- */

TEST(null_arguments_are_refused)
{
    ccp_future *f = NULL;
    ccp_promise *p = promise_of_long(&f);
    long v = 1;
    assert_null(ccp_promise_new(NULL, NULL));
    ASSERT_STATUS(ccp_promise_set(NULL, &v), CCP_INVAL);
    ASSERT_STATUS(ccp_promise_set(p, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_promise_fail(NULL, CCP_FAILED), CCP_INVAL);
    ASSERT_STATUS(ccp_promise_fail(p, CCP_OK), CCP_INVAL);
    ASSERT_STATUS(ccp_future_get(NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_future_error(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_future_cancel(NULL), CCP_INVAL);
    assert_true(ccp_promise_canceled(NULL));
    assert_false(ccp_future_is_done(NULL));
    assert_null(ccp_promise_ctx(NULL));
    assert_null(ccp_promise_ctx(p));
    assert_null(ccp_future_peek(NULL));
    assert_null(ccp_future_done(NULL));
    assert_null(ccp_future_share(NULL));
    assert_null(ccp_future_lazy(NULL, NULL, NULL));
    assert_null(ccp_future_then(NULL, NULL, NULL, NULL));
    assert_null(ccp_future_then(f, NULL, NULL, NULL));
    assert_null(ccp_future_first(NULL, 1, 1));
    assert_null(ccp_future_first(&f, 1, 2));
    assert_null(ccp_future_any(NULL, 0));
    assert_null(ccp_promise_new(&(ccp_promise_opts){ .size = SIZE_MAX }, &f));
    ccp_future_free(NULL);
    ccp_promise_free(NULL);
    assert_false(ccp_future_is_done(f));
    ccp_promise_free(p);
    ccp_future_free(f);
}

TEST(a_value_is_set_once_and_gotten_by_all) /* F1 F2 G2 */
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    long v = 41;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_future_get(f, &v, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_false(ccp_future_is_done(f));
    assert_null(ccp_future_peek(f));
    ASSERT_STATUS(ccp_future_error(f), CCP_OK);
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    v = 42;
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_MISUSE);
    ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_MISUSE);
    assert_true(ccp_future_is_done(f));
    for (int i = 0; i < 3; i++)
        assert_value(f, 41);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_NOWAIT), CCP_OK);
    assert_int_equal(*(const long *)ccp_future_peek(f), 41);
    ASSERT_STATUS(ccp_future_error(f), CCP_OK);
    ccp_promise_free(p);
    assert_value(f, 41);
    ccp_future_free(f);
}

TEST(an_error_is_set_once_too) /* F1 */
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    long v = 1;
    ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_OK);
    ASSERT_STATUS(ccp_promise_fail(p, CCP_CLOSED), CCP_MISUSE);
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_MISUSE);
    assert_failed(f, CCP_FAILED);
    ASSERT_STATUS(ccp_future_cancel(f), CCP_CLOSED);
    ccp_promise_free(p);
    assert_failed(f, CCP_FAILED);
    ccp_future_free(f);
}

TEST(values_of_any_size_travel_whole)
{
    static const size_t sizes[] = { 0, 1, 3, 4, 8, 16, 17, 64, 1000 };
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        unsigned char in[1000], out[1000];
        ccp_future *f;
        ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizes[i] }, &f);
        element_fill(in, sizes[i], i + 5);
        ASSERT_STATUS(ccp_promise_set(p, sizes[i] ? in : NULL), CCP_OK);
        ccp_promise_free(p);
        ASSERT_STATUS(ccp_future_get(f, out, CCP_FOREVER), CCP_OK);
        assert_true(element_is(out, sizes[i], i + 5));
        assert_int_equal((uintptr_t)ccp_future_peek(f) % _Alignof(max_align_t), 0);
        ccp_future_free(f);
    }
}

TEST(a_promise_given_up_fails_the_future) /* F3 */
{
    ccp_future *f;
    ccp_promise_free(promise_of_long(&f));
    assert_failed(f, CCP_CLOSED);
    ccp_future_free(f);
}

/* --- many waiters --- */

static void get_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_future_get(a->arg, &a->value, a->w);
}

TEST(every_waiter_gets_the_value) /* F2 */
{
    for (int fails = 0; fails < 2; fails++) {
        ccp_future *f;
        ccp_promise *p = promise_of_long(&f);
        actor a[6];
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = f, .w = i % 2 ? CCP_FOREVER : ccp_within(CCP_SEC(1000)) };
            actor_start(&a[i], get_there);
        }
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_sleep_here(&a[i]);
        if (fails) {
            ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_OK);
            ccp_promise_free(p);
        } else
            keep(p, 12);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, fails ? CCP_FAILED : CCP_OK);
            assert_int_equal(a[i].value, fails ? 0 : 12);
        }
        ccp_future_free(f);
    }
}

static void get_and_free(actor *a)
{
    a->rc = ccp_future_get(a->arg, &a->value, CCP_FOREVER);
    ccp_future_free(a->arg);
}

TEST(each_thread_may_have_a_handle_of_its_own) /* F3 */
{
    for (size_t round = 0; round < scaled(200); round++) {
        ccp_future *f;
        ccp_promise *p = promise_of_long(&f);
        actor a[3];
        for (size_t i = 0; i < LENGTH(a); i++) {
            assert_ptr_equal(ccp_future_share(f), f);
            a[i] = (actor){ .arg = f };
            actor_start(&a[i], get_and_free);
        }
        if (round % 2)
            ccp_future_free(f);
        keep(p, 5);
        if (!(round % 2))
            ccp_future_free(f);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
            assert_int_equal(a[i].value, 5);
        }
    }
}

/* --- what nobody gets --- */

static void drop_to(void *value, void *arg)
{
    atomic_fetch_add((atomic_long *)arg, *(long *)value);
}

static ccp_promise *dropping(atomic_long *dropped, ccp_future **f)
{
    return ccp_promise_new(
        &(ccp_promise_opts){ .size = sizeof(long), .drop = drop_to, .drop_arg = dropped }, f);
}

TEST(a_value_that_comes_late_is_dropped) /* F3 F4 */
{
    atomic_long dropped = 0;
    ccp_future *f;
    ccp_promise *p = dropping(&dropped, &f);
    assert_false(ccp_promise_canceled(p));
    ccp_future_free(f);
    assert_true(ccp_promise_canceled(p)); /* F5 */
    long v = 3;
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    assert_int_equal(dropped, 0);
    ccp_promise_free(p);
    assert_int_equal(dropped, 3);
}

TEST(a_value_that_nobody_got_is_dropped_with_the_last_handle) /* F4 */
{
    atomic_long dropped = 0;
    ccp_future *f;
    ccp_promise *p = dropping(&dropped, &f);
    ccp_future *other = ccp_future_share(f);
    keep(p, 9);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_FOREVER), CCP_OK); /* looked, not gotten */
    assert_non_null(ccp_future_peek(f));
    ccp_future_free(f);
    assert_int_equal(dropped, 0);
    ccp_future_free(other);
    assert_int_equal(dropped, 9);
}

TEST(a_value_that_somebody_got_is_not_dropped) /* F4 */
{
    atomic_long dropped = 0;
    ccp_future *f;
    ccp_promise *p = dropping(&dropped, &f);
    keep(p, 9);
    assert_value(f, 9);
    assert_value(f, 9);
    ccp_future_free(f);
    assert_int_equal(dropped, 0);
}

TEST(without_a_value_nothing_is_dropped) /* F4 */
{
    atomic_long dropped = 0;
    for (int how = 0; how < 3; how++) {
        ccp_future *f;
        ccp_promise *p = dropping(&dropped, &f);
        if (how == 0)
            ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_OK);
        if (how == 1)
            ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
        ccp_promise_free(p);
        ccp_future_free(f);
    }
    assert_int_equal(dropped, 0);
}

/* --- canceling --- */

TEST(cancel_settles_and_the_producer_keeps_its_value) /* F1 F5 */
{
    ccp_future *f;
    atomic_long dropped = 0;
    ccp_promise *p = dropping(&dropped, &f);
    long v = 6;
    assert_false(ccp_promise_canceled(p));
    ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
    ASSERT_STATUS(ccp_future_cancel(f), CCP_CLOSED);
    assert_true(ccp_promise_canceled(p));
    assert_failed(f, CCP_CANCELED);
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_CANCELED);
    ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_CANCELED);
    assert_failed(f, CCP_CANCELED);
    ccp_promise_free(p);
    ccp_future_free(f);
    assert_int_equal(dropped, 0);
}

TEST(cancel_after_the_value_changes_nothing) /* F1 */
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    long v = 6;
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    ASSERT_STATUS(ccp_future_cancel(f), CCP_CLOSED);
    assert_false(ccp_promise_canceled(p));
    assert_value(f, 6);
    ccp_promise_free(p);
    ccp_future_free(f);
}

static ccp_promise *cancelable(ccp_ctx *parent, ccp_future **f)
{
    return ccp_promise_new(&(ccp_promise_opts){ .cancelable = true, .parent = parent }, f);
}

static void wait_for_cancel(actor *a)
{
    actor_calls(a);
    a->rc = ccp_sleep(ccp_with(ccp_promise_ctx(a->arg)));
}

TEST(a_producer_that_waits_sees_the_cancel) /* F5 */
{
    for (int by_free = 0; by_free < 2; by_free++) {
        ccp_future *f;
        ccp_promise *p = cancelable(NULL, &f);
        actor a = { .arg = p };
        actor_start(&a, wait_for_cancel);
        actor_sleep_here(&a);
        if (by_free)
            ccp_future_free(f);
        else
            ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_CANCELED);
        ccp_promise_free(p);
        if (!by_free)
            ccp_future_free(f);
    }
}

TEST(the_context_of_a_promise_lives_while_somebody_wants_the_value) /* F5 */
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_future *f;
    ccp_promise *p = cancelable(parent, &f);
    ccp_ctx *ctx = ccp_promise_ctx(p);
    ccp_future_free(ccp_future_share(f));
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    ASSERT_STATUS(ccp_promise_set(p, NULL), CCP_OK);
    ccp_future_free(f);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK); /* it was kept: nothing to stop */
    ccp_promise_free(p);
    p = cancelable(parent, &f);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_ctx_status(ccp_promise_ctx(p)), CCP_CANCELED);
    assert_false(ccp_future_is_done(f)); /* the producer decides what that means */
    ccp_future_free(f);
    ccp_promise_free(p);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

/* --- its channel --- */

TEST(a_future_is_a_case_of_a_select) /* F2 */
{
    for (int settled_first = 0; settled_first < 2; settled_first++) {
        ccp_future *f[2];
        ccp_promise *p[2] = { promise_of_long(&f[0]), promise_of_long(&f[1]) };
        size_t i = 9;
        long v = 8;
        if (settled_first)
            ASSERT_STATUS(ccp_promise_set(p[1], &v), CCP_OK);
        const ccp_case cases[] = { CCP_CASE_RECV(ccp_future_done(f[0]), NULL),
                                   CCP_CASE_RECV(ccp_future_done(f[1]), NULL) };
        if (!settled_first) {
            ASSERT_STATUS(ccp_select(cases, 2, &i, CCP_NOWAIT), CCP_AGAIN);
            ASSERT_STATUS(ccp_promise_set(p[1], &v), CCP_OK);
        }
        ASSERT_STATUS(ccp_select(cases, 2, &i, CCP_FOREVER), CCP_CLOSED);
        assert_int_equal(i, 1);
        assert_ptr_equal(ccp_future_done(f[1]), ccp_future_done(f[1]));
        assert_value(f[1], 8);
        for (int k = 0; k < 2; k++) {
            ccp_promise_free(p[k]);
            ccp_future_free(f[k]);
        }
    }
}

/* --- lazy --- */

typedef struct lazy {
    int calls;
    ccp_status result;
    ccp_ctx *ctx;
    ccp_future *self; /* gotten by the function, if it is not NULL */
    ccp_status own;
} lazy;

static ccp_status compute(ccp_ctx *ctx, void *arg, void *result)
{
    lazy *l = arg;
    l->calls++;
    l->ctx = ctx;
    if (l->self)
        l->own = ccp_future_get(l->self, NULL, CCP_FOREVER);
    *(long *)result = 99;
    return l->result;
}

TEST(a_lazy_future_is_computed_by_the_first_who_waits) /* F8 */
{
    lazy l = { .result = CCP_OK };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_future *f = ccp_future_lazy(&of_long, compute, &l);
    long v;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_NOWAIT), CCP_AGAIN);
    assert_null(ccp_future_peek(f));
    assert_int_equal(l.calls, 0);
    ASSERT_STATUS(ccp_future_get(f, &v, ccp_with(ctx)), CCP_OK);
    assert_int_equal(v, 99);
    assert_ptr_equal(l.ctx, ctx);
    assert_value(f, 99);
    assert_int_equal(l.calls, 1);
    ccp_future_free(f);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_lazy_future_that_nobody_waits_for_costs_nothing) /* F8 */
{
    lazy l = { .result = CCP_OK };
    ccp_future_free(ccp_future_lazy(&of_long, compute, &l));
    ccp_future *f = ccp_future_lazy(&of_long, compute, &l);
    ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
    assert_failed(f, CCP_CANCELED);
    ccp_future_free(f);
    assert_int_equal(l.calls, 0);
}

TEST(a_function_that_waits_for_its_own_value_is_told) /* F8 */
{
    lazy l = { .result = CCP_BUSY };
    ccp_future *f = l.self = ccp_future_lazy(&of_long, compute, &l);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(l.own, CCP_DEADLOCK);
    assert_false(ccp_future_is_done(NULL));
    ccp_future_free(f);
}

TEST(a_lazy_future_is_computed_once_however_many_wait) /* F8 F2 */
{
    for (size_t round = 0; round < scaled(300); round++) {
        lazy l = { .result = CCP_OK };
        ccp_future *f = ccp_future_lazy(&of_long, compute, &l);
        actor a[3];
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = f, .w = CCP_FOREVER };
            actor_start(&a[i], get_there);
        }
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
            assert_int_equal(a[i].value, 99);
        }
        assert_int_equal(l.calls, 1);
        ccp_future_free(f);
    }
}

typedef struct crossed {
    ccp_future *self;
} crossed;

static ccp_status cross(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    *(long *)result = 7;
    MUST(ccp_future_cancel(((crossed *)arg)->self) == CCP_OK);
    return CCP_OK;
}

static ccp_status cross_then(ccp_status error, const void *value, void *result, void *arg)
{
    (void)value;
    (void)cross(NULL, arg, result);
    return error;
}

TEST(a_value_computed_for_a_canceled_future_is_dropped) /* F4 */
{
    atomic_long dropped = 0;
    const ccp_promise_opts o = { .size = sizeof(long), .drop = drop_to, .drop_arg = &dropped };
    crossed c;
    c.self = ccp_future_lazy(&o, cross, &c);
    ASSERT_STATUS(ccp_future_get(c.self, NULL, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(dropped, 7);
    assert_failed(c.self, CCP_CANCELED);
    ccp_future_free(c.self);
    c.self = ccp_future_lazy(&(ccp_promise_opts){ .size = sizeof(long) }, cross, &c);
    assert_failed(c.self, CCP_CANCELED); /* and there is no drop function to be called */
    ccp_future_free(c.self);
    ccp_future *from;
    ccp_promise *p = promise_of_long(&from);
    c.self = ccp_future_then(from, &o, cross_then, &c);
    keep(p, 1);
    assert_int_equal(dropped, 14);
    assert_failed(c.self, CCP_CANCELED);
    ccp_future_free(c.self);
    ccp_future_free(from);
    assert_int_equal(dropped, 14);
}

TEST(looking_at_the_channel_of_a_lazy_future_computes_it) /* F8 */
{
    lazy l = { .result = CCP_OK };
    ccp_future *f = ccp_future_lazy(
        &(ccp_promise_opts){ .size = sizeof(long), .cancelable = true }, compute, &l);
    assert_true(ccp_chan_is_closed(ccp_future_done(f)));
    assert_int_equal(l.calls, 1);
    assert_non_null(l.ctx);
    ccp_future_free(f);
}

/* --- memory --- */

static ccp_status pass(ccp_status error, const void *value, void *result, void *arg)
{
    (void)value;
    (void)result;
    (void)arg;
    return error;
}

TEST(what_cannot_be_had_is_reported_and_leaves_nothing)
{
    memory_watch();
    ccp_future *f = NULL, *all;
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_at(n);
        assert_null(cancelable(NULL, &f));
        assert_null(f); /* unchanged */
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    ccp_promise *p = promise_of_long(&f);
    size_t live = memory_live;
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_at(n);
        assert_null(ccp_future_then(f, NULL, pass, NULL));
        memory_fail_at(n);
        assert_null(ccp_future_first(&f, 1, 1));
        assert_int_equal(memory_live, live);
    }
    memory_fail_at(1);
    assert_null(ccp_future_done(f));
    memory_fail_at(0);
    ccp_future *with_null[] = { f, NULL };
    assert_null(ccp_future_all(with_null, 2));
    assert_int_equal(memory_live, live);
    all = ccp_future_all(&f, 1);
    keep(p, 1);
    ASSERT_STATUS(ccp_future_get(all, NULL, CCP_NOWAIT), CCP_OK);
    ccp_future_free(all);
    ccp_future_free(f);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(a_value_is_set_once_and_gotten_by_all),
        ENTRY(an_error_is_set_once_too),
        ENTRY(values_of_any_size_travel_whole),
        ENTRY(a_promise_given_up_fails_the_future),
        ENTRY(every_waiter_gets_the_value),
        ENTRY(each_thread_may_have_a_handle_of_its_own),
        ENTRY(a_value_that_comes_late_is_dropped),
        ENTRY(a_value_that_nobody_got_is_dropped_with_the_last_handle),
        ENTRY(a_value_that_somebody_got_is_not_dropped),
        ENTRY(without_a_value_nothing_is_dropped),
        ENTRY(cancel_settles_and_the_producer_keeps_its_value),
        ENTRY(cancel_after_the_value_changes_nothing),
        ENTRY(a_producer_that_waits_sees_the_cancel),
        ENTRY(the_context_of_a_promise_lives_while_somebody_wants_the_value),
        ENTRY(a_future_is_a_case_of_a_select),
        ENTRY(a_lazy_future_is_computed_by_the_first_who_waits),
        ENTRY(a_lazy_future_that_nobody_waits_for_costs_nothing),
        ENTRY(a_function_that_waits_for_its_own_value_is_told),
        ENTRY(a_lazy_future_is_computed_once_however_many_wait),
        ENTRY(a_value_computed_for_a_canceled_future_is_dropped),
        ENTRY(looking_at_the_channel_of_a_lazy_future_computes_it),
        ENTRY(what_cannot_be_had_is_reported_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
