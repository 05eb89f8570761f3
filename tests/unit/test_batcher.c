/* SPDX-License-Identifier: MIT
 *
 * Batchers; among the tests are those of go-resiliency's batcher.
 */
#include "support.h"

enum { MOST = 5 };

/* What was handled. */
typedef struct record {
    ccp_batcher *b;
    gate gate; /* that the function passes */
    atomic_int batches;
    long sum, order[64];
    size_t n, largest;  /* of the thread of the batcher */
    ccp_status seen[2]; /* from inside */
} record;

static void handle(ccp_batch_item *items, size_t n, void *arg)
{
    record *r = arg;
    MUST(n > 0);
    gate_pass(&r->gate);
    for (size_t i = 0; i < n; i++) {
        long v = *(long *)items[i].param;
        MUST(items[i].status == CCP_OK);
        r->sum += v;
        if (r->n < LENGTH(r->order))
            r->order[r->n++] = v;
        if (v < 0)
            items[i].status = CCP_BUSY;
        *(long *)items[i].param = 2 * v;
    }
    r->largest = n > r->largest ? n : r->largest;
    atomic_fetch_add(&r->batches, 1);
}

static ccp_batcher_info info(ccp_batcher *b)
{
    ccp_batcher_info i;
    MUST(ccp_batcher_get_info(b, &i) == CCP_OK);
    return i;
}

static void start(record *r, ccp_batcher_opts o, bool open)
{
    *r = (record){ .gate = GATE_INIT };
    o.fn = handle;
    o.arg = r;
    r->b = ccp_batcher_new(&o);
    assert_non_null(r->b);
    if (open)
        gate_open(&r->gate);
}

static void call(actor *a)
{
    record *r = a->arg;
    ccp_status outcome = CCP_OPEN;
    actor_calls(a);
    a->rc = ccp_batcher_call(r->b, &a->value, &outcome, a->w);
    a->index = outcome;
}

static void call_in_turn(record *r, actor *a, size_t n, long first, ccp_wait w)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = info(r->b).waiting + info(r->b).handling + info(r->b).handled;
        a[i] = (actor){ .arg = r, .value = first + (long)i, .w = w };
        actor_start(&a[i], call);
        WAIT_UNTIL(info(r->b).waiting + info(r->b).handling + info(r->b).handled == before + 1);
    }
}

static void all_return(actor *a, size_t n, ccp_status rc)
{
    for (size_t i = 0; i < n; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, rc);
    }
}

static void end(record *r)
{
    ASSERT_STATUS(ccp_batcher_free(r->b), CCP_OK);
}

TEST(arguments_that_cannot_be_right_are_refused) /* G2 */
{
    ccp_batcher_info i;
    assert_null(ccp_batcher_new(NULL));
    assert_null(ccp_batcher_new(&(ccp_batcher_opts){ .most = 1 }));
    assert_null(ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle, .delay_ns = -1 }));
    assert_null(ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle, .most = SIZE_MAX }));
    const size_t beyond = SIZE_MAX / sizeof(ccp_batch_item) + 1;
    assert_null(ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle, .most = beyond }));
    ASSERT_STATUS(ccp_batcher_call(NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_batcher_flush(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_batcher_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_batcher_get_info(NULL, &i), CCP_INVAL);
    ASSERT_STATUS(ccp_batcher_free(NULL), CCP_OK);
    record r;
    start(&r, (ccp_batcher_opts){ 0 }, true);
    ASSERT_STATUS(ccp_batcher_get_info(r.b, NULL), CCP_INVAL);
    end(&r);
}

TEST(without_memory_there_is_no_batcher) /* G4 */
{
    memory_watch();
    for (size_t n = 1; n <= 4; n++) {
        memory_fail_at(n);
        assert_null(ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle }));
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    record r;
    start(&r, (ccp_batcher_opts){ 0 }, true);
    end(&r);
    memory_unwatch();
}

TEST(each_caller_gets_its_own_result) /* U1 U6; TestBatcherSuccess, TestBatcherError */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = 64, .delay_ns = CCP_MS(5) }, true);
    actor a[10];
    for (size_t i = 0; i < 10; i++) {
        a[i] = (actor){ .arg = &r, .value = i % 2 ? (long)i : -(long)i - 1, .w = CCP_FOREVER };
        actor_start(&a[i], call);
    }
    for (size_t i = 0; i < 10; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, i % 2 ? CCP_OK : CCP_FAILED);
        ASSERT_STATUS((ccp_status)a[i].index, i % 2 ? CCP_OK : CCP_BUSY);
        assert_int_equal(a[i].value, i % 2 ? 2 * (long)i : -2 * (long)i - 2);
    }
    assert_int_equal(info(r.b).handled, 10);
    end(&r);
}

TEST(without_a_delay_nobody_waits_for_others) /* U3; TestBatcherSuccess */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = 64 }, true);
    for (long i = 1; i <= 10; i++) {
        long v = i;
        ASSERT_STATUS(ccp_batcher_call(r.b, &v, NULL, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, 2 * i);
    }
    assert_int_equal(r.batches, 10);
    end(&r);
}

TEST(a_batch_begins_when_it_is_full) /* U2 U3 */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = MOST, .delay_ns = CCP_SEC(1000) }, true);
    actor a[MOST];
    call_in_turn(&r, a, MOST, 1, CCP_FOREVER);
    all_return(a, MOST, CCP_OK);
    assert_int_equal(r.batches, 1);
    for (long i = 0; i < MOST; i++)
        assert_int_equal(r.order[i], i + 1);
    end(&r);
}

TEST(a_batch_begins_a_while_after_its_first_call) /* U3; TestBatcherMultipleBatches */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = 64, .delay_ns = CCP_MS(3) }, true);
    for (int group = 0; group < 3; group++) {
        actor a[4];
        int64_t begun = ccp_now();
        for (size_t i = 0; i < 4; i++) {
            a[i] = (actor){ .arg = &r, .value = 1, .w = CCP_FOREVER };
            actor_start(&a[i], call);
        }
        all_return(a, 4, CCP_OK);
        assert_true(ccp_now() - begun >= CCP_MS(3));
    }
    assert_true(r.batches >= 3 && r.batches <= 12);
    assert_int_equal(r.sum, 12);
    end(&r);
}

TEST(what_comes_while_one_is_handled_is_the_next_batch) /* U2 */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = MOST }, false);
    actor a[1 + 2 * MOST];
    call_in_turn(&r, a, 1, 1, CCP_FOREVER);
    WAIT_UNTIL(info(r.b).handling == 1);
    call_in_turn(&r, a + 1, 2 * MOST, 2, CCP_FOREVER);
    assert_int_equal(info(r.b).waiting, 2 * MOST);
    ASSERT_STATUS(ccp_batcher_free(r.b), CCP_BUSY);
    gate_open(&r.gate);
    all_return(a, LENGTH(a), CCP_OK);
    assert_int_equal(r.batches, 3);
    assert_int_equal(r.largest, MOST);
    for (size_t i = 0; i < LENGTH(a); i++)
        assert_int_equal(r.order[i], i + 1);
    end(&r);
}

TEST(a_flush_begins_it_at_once) /* U3 */
{
    record r;
    start(&r, (ccp_batcher_opts){ .delay_ns = CCP_SEC(1000) }, true);
    actor a[3];
    ASSERT_STATUS(ccp_batcher_flush(r.b), CCP_OK); /* of nothing: later calls wait */
    call_in_turn(&r, a, 3, 1, CCP_FOREVER);
    assert_int_equal(r.batches, 0);
    ASSERT_STATUS(ccp_batcher_flush(r.b), CCP_OK);
    all_return(a, 3, CCP_OK);
    assert_int_equal(r.batches, 1);
    end(&r);
}

TEST(closing_handles_what_was_accepted_and_nothing_more) /* U5; TestShutdownSuccess */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = 4, .delay_ns = CCP_SEC(1000) }, false);
    actor a[4 + 3];
    call_in_turn(&r, a, LENGTH(a), 1, CCP_FOREVER);
    ASSERT_STATUS(ccp_batcher_close(r.b), CCP_OK);
    ASSERT_STATUS(ccp_batcher_close(r.b), CCP_CLOSED);
    long v = 1;
    ccp_status outcome = CCP_OPEN;
    ASSERT_STATUS(ccp_batcher_call(r.b, &v, &outcome, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(outcome, CCP_OPEN); /* G1 */
    gate_open(&r.gate);
    all_return(a, LENGTH(a), CCP_OK);
    assert_int_equal(r.sum, 28);
    assert_int_equal(r.batches, 2);
    assert_true(info(r.b).closed);
    end(&r);
}

TEST(an_empty_one_is_closed_and_freed) /* TestShutdownEmpty */
{
    record r;
    start(&r, (ccp_batcher_opts){ .delay_ns = CCP_MS(10) }, true);
    ASSERT_STATUS(ccp_batcher_close(r.b), CCP_OK);
    end(&r);
    assert_int_equal(r.batches, 0);
}

TEST(who_leaves_before_it_begins_is_not_handled_and_later_waits_for_the_end) /* U1 U4 W4 */
{
    record r;
    start(&r, (ccp_batcher_opts){ .delay_ns = CCP_SEC(1000) }, false);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a[3];
    call_in_turn(&r, a, 1, 1, CCP_FOREVER);
    call_in_turn(&r, a + 1, 1, 2, ccp_with(ctx));
    a[2] = (actor){ .arg = &r, .value = 3, .w = ccp_within(CCP_MS(1)) };
    actor_start(&a[2], call);
    all_return(a + 2, 1, CCP_TIMEOUT);
    ccp_ctx_cancel(ctx);
    all_return(a + 1, 1, CCP_CANCELED);
    assert_int_equal(a[1].value, 2);
    assert_int_equal(info(r.b).waiting, 1);
    call_in_turn(&r, a + 1, 1, 4, ccp_within(CCP_SEC(1000)));
    ASSERT_STATUS(ccp_batcher_flush(r.b), CCP_OK);
    WAIT_UNTIL(info(r.b).handling == 2);
    gate_open(&r.gate);
    all_return(a, 2, CCP_OK);
    assert_int_equal(r.sum, 5);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    end(&r);
}

static void stop_waiting(actor *a)
{
    ccp_ctx_cancel(a->arg);
}

TEST(a_wait_that_ends_while_it_is_handled_changes_nothing) /* U4 W5 */
{
    record r;
    start(&r, (ccp_batcher_opts){ 0 }, false);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a, stopper = { .arg = ctx };
    call_in_turn(&r, &a, 1, 7, ccp_with(ctx));
    WAIT_UNTIL(info(r.b).handling == 1);
    actor_start(&stopper, stop_waiting);
    actor_join(&stopper);
    assert_false(actor_is_done(&a));
    gate_open(&r.gate);
    all_return(&a, 1, CCP_OK);
    assert_int_equal(a.value, 14);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    end(&r);
}

static void call_inside(ccp_batch_item *items, size_t n, void *arg)
{
    record *r = arg;
    (void)items;
    MUST(n == 1);
    r->seen[0] = ccp_batcher_call(r->b, NULL, NULL, CCP_FOREVER);
    r->seen[1] = ccp_batcher_free(r->b);
    MUST(ccp_batcher_flush(r->b) == CCP_OK);
    MUST(info(r->b).handling == 1);
    MUST(ccp_batcher_close(r->b) == CCP_OK);
}

TEST(from_inside_the_function_all_calls_can_be_made) /* G3 */
{
    record r = { 0 };
    r.b = ccp_batcher_new(&(ccp_batcher_opts){ .fn = call_inside, .arg = &r });
    assert_non_null(r.b);
    ASSERT_STATUS(ccp_batcher_call(r.b, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(r.seen[0], CCP_DEADLOCK);
    ASSERT_STATUS(r.seen[1], CCP_DEADLOCK);
    end(&r);
}

enum { CALLERS = 8, CALLS = 2000 };

static void call_often(actor *a)
{
    record *r = a->arg;
    uint64_t seed = a->index + 1;
    for (size_t i = 0; i < scaled(CALLS); i++) {
        long v = 1;
        uint32_t x = random_next(&seed) % 8;
        ccp_wait w = x == 0 ? ccp_within(CCP_US(random_next(&seed) % 60)) : CCP_FOREVER;
        ccp_status rc = ccp_batcher_call(r->b, &v, NULL, w);
        MUST(rc == CCP_OK || (rc == CCP_TIMEOUT && x == 0));
        MUST(v == (rc == CCP_OK ? 2 : 1)); /* U1 */
        a->value += rc == CCP_OK;
        if (x == 1)
            MUST(ccp_batcher_flush(r->b) == CCP_OK);
    }
}

TEST(of_many_calls_by_many_threads_none_is_lost_or_handled_twice) /* U1 U2 */
{
    record r;
    start(&r, (ccp_batcher_opts){ .most = MOST, .delay_ns = CCP_US(50) }, true);
    actor a[CALLERS];
    long sum = 0;
    for (size_t i = 0; i < CALLERS; i++) {
        a[i] = (actor){ .arg = &r, .index = i };
        actor_start(&a[i], call_often);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        actor_join(&a[i]);
        sum += a[i].value;
    }
    assert_int_equal(r.sum, sum);
    assert_int_equal(info(r.b).handled, sum);
    assert_int_equal(info(r.b).batches, r.batches);
    assert_true(r.largest <= MOST);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_right_are_refused),
        ENTRY(without_memory_there_is_no_batcher),
        ENTRY(each_caller_gets_its_own_result),
        ENTRY(without_a_delay_nobody_waits_for_others),
        ENTRY(a_batch_begins_when_it_is_full),
        ENTRY(a_batch_begins_a_while_after_its_first_call),
        ENTRY(what_comes_while_one_is_handled_is_the_next_batch),
        ENTRY(a_flush_begins_it_at_once),
        ENTRY(closing_handles_what_was_accepted_and_nothing_more),
        ENTRY(an_empty_one_is_closed_and_freed),
        ENTRY(who_leaves_before_it_begins_is_not_handled_and_later_waits_for_the_end),
        ENTRY(a_wait_that_ends_while_it_is_handled_changes_nothing),
        ENTRY(from_inside_the_function_all_calls_can_be_made),
        ENTRY(of_many_calls_by_many_threads_none_is_lost_or_handled_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
