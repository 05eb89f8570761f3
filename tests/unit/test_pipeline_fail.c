/* SPDX-License-Identifier: MIT
 *
 * Pipelines: failures, waits, memory.
 */
#include "pipes.h"

/* --- failures --- */

TEST(the_first_failure_ends_the_pipeline_and_is_told) /* L6 */
{
    for (unsigned round = 0; round < 40; round++) {
        unsigned workers = 1 + round % 4;
        ledger *l = ledger_new(LEDGER);
        ccp_item item;
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *map = ccp_pipeline_map(p, fail_tenth, &(ccp_stage_opts){ .workers = workers,
                                                                            .attempts = 3 });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_failure(p, &item), CCP_AGAIN);
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_FAILED);
        ASSERT_STATUS(ccp_pipeline_failure(p, &item), CCP_OK);
        assert_ptr_equal(item.stage, map);
        ASSERT_STATUS(item.status, CCP_FAILED);
        assert_int_equal(item.attempts, 3);
        assert_int_equal(item.index % 10, 3); /* nothing was missing before it */
        assert_true(item.worker < workers);
        assert_true(stage_info(map).failed >= 1);
        ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_FAILED);
        end_pipeline(p);
        assert_each_once(l, l->next);
        ledger_free(l);
    }
}

static ccp_status broken(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    (void)arg;
    return CCP_TIMEOUT;
}

TEST(a_failing_source_ends_the_pipeline) /* L6 */
{
    ledger *l = ledger_new(0);
    ccp_item item;
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = ccp_pipeline_source(p, broken, &(ccp_stage_opts){ .out_size = 8,
                                                                          .attempts = 2 });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(ccp_pipeline_failure(p, &item), CCP_OK);
    assert_ptr_equal(item.stage, source);
    ASSERT_STATUS(item.status, CCP_TIMEOUT);
    assert_int_equal(item.attempts, 2);
    assert_int_equal(stage_info(source).retried, 1);
    assert_int_equal(stage_info(source).taken, 0);
    end_pipeline(p);
    ledger_free(l);
}

TEST(skipped_failures_are_dropped_and_counted) /* L1 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(1000);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *map = ccp_pipeline_map(p, fail_tenth, &(ccp_stage_opts){ .workers = workers,
                                                                            .skip_failed = true });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        ccp_stage_info info = stage_info(map);
        assert_int_equal(info.taken, 1000);
        assert_int_equal(info.given, 900);
        assert_int_equal(info.failed, 100);
        assert_int_equal(info.letters, 0);
        assert_int_equal(l->dropped, 100);
        assert_each_once(l, 1000);
        assert_false(l->disorder);
        end_pipeline(p);
        ledger_free(l);
    }
}

typedef struct flaky {
    atomic_int calls[1000];
    int64_t last[1000];
    int64_t shortest;
} flaky;

/* Number k succeeds at its attempt k % 4 + 1. */
static ccp_status fail_at_first(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    flaky *f = arg;
    long k = *(const long *)in;
    ccp_item item;
    MUST(ccp_stage_item(ctx, &item) == CCP_OK && item.status == CCP_OK);
    int call = atomic_fetch_add(&f->calls[k], 1) + 1;
    MUST(item.attempts == (unsigned)call && item.index == (uint64_t)k);
    int64_t now = ccp_now();
    if (call > 1 && now - f->last[k] < f->shortest << (call - 2))
        return CCP_MISUSE;
    f->last[k] = now;
    return call > k % 4 ? pass_on(ctx, in, out, NULL) : CCP_FAILED;
}

TEST(an_item_is_tried_again_until_it_succeeds) /* L1 L2 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(1000);
        flaky *f = calloc(1, sizeof *f);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *map = ccp_pipeline_map(p, fail_at_first, &(ccp_stage_opts){ .workers = workers,
                                                                               .attempts = 4,
                                                                               .arg = f });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 1000);
        assert_int_equal(stage_info(map).retried, 250 * (1 + 2 + 3));
        assert_false(l->disorder);
        end_pipeline(p);
        free(f);
        ledger_free(l);
    }
}

TEST(attempts_are_apart_by_pauses_that_double)
{
    ledger *l = ledger_new(8);
    flaky *f = calloc(1, sizeof *f);
    f->shortest = CCP_US(200);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, fail_at_first, &(ccp_stage_opts){ .workers = 2, .attempts = 4, .arg = f,
                                                          .backoff_ns = CCP_US(200) });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 8);
    end_pipeline(p);
    free(f);
    ledger_free(l);
}

TEST(a_pause_between_attempts_ends_with_the_pipeline)
{
    ledger *l = ledger_new(10);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, broken, &(ccp_stage_opts){ .attempts = 9,
                                                                    .backoff_ns = CCP_SEC(1000),
                                                                    .backoff_max_ns =
                                                                        CCP_SEC(900) });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    WAIT_UNTIL(stage_info(map).taken == 1);
    ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_CLOSED);
    end_pipeline(p);
    assert_each_once(l, l->next);
    ledger_free(l);
}

/* --- letters --- */

typedef struct letters {
    ledger *l;
    ccp_stage *from;
    bool wrong;
} letters;

static ccp_status read_letter(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    letters *x = arg;
    const letter_of_long *letter = in;
    x->wrong = x->wrong || letter->why.stage != x->from || letter->why.status != CCP_FAILED ||
               letter->why.attempts != 2 || letter->why.index != (uint64_t)letter->item ||
               letter->item % 10 != 3;
    return sink_letter(ctx, in, out, x->l);
}

TEST(letters_tell_which_item_failed_where_and_how) /* L1 L7 PI11 ER1 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(2000);
        letters x = { l, NULL, false };
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        x.from = ccp_pipeline_map(p, fail_tenth, &(ccp_stage_opts){ .workers = workers,
                                                                    .attempts = 2, .chunk = 4 });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ccp_pipeline_sink(p, read_letter,
                          &(ccp_stage_opts){ .after = ccp_stage_branch(x.from, CCP_LETTERS),
                                             .arg = &x });
        assert_int_equal(ccp_pipeline_edge_count(p), 3);
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 1800);
        assert_int_equal(l->letters, 200);
        assert_int_equal(stage_info(x.from).letters, 200);
        assert_false(x.wrong || l->disorder);
        assert_each_once(l, 2000);
        end_pipeline(p);
        ledger_free(l);
    }
}

static bool is_none(const void *elem, void *arg)
{
    (void)elem, (void)arg;
    return false;
}

/* Makes an element of each item, and fails after that for every tenth. */
static ccp_status emit_and_fail(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    (void)ctx, (void)arg;
    MUST(ccp_stage_emit(out, in, CCP_FOREVER) == CCP_OK);
    return *(const long *)in % 10 == 3 ? CCP_FAILED : CCP_OK;
}

TEST(a_letter_tells_of_its_own_stage_and_not_of_one_fused_to_it) /* L7 */
{
    ledger *l = ledger_new(100);
    letters x = { l, NULL, false };
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    x.from = ccp_pipeline_flat_map(p, emit_and_fail, &(ccp_stage_opts){ .out_size = sizeof(long),
                                                                        .attempts = 2 });
    ccp_stage *map = ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_filter(p, is_none, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ccp_pipeline_sink(p, read_letter,
                      &(ccp_stage_opts){ .after = ccp_stage_branch(x.from, CCP_LETTERS),
                                         .arg = &x });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_false(x.wrong);
    assert_int_equal(l->letters, 10);
    assert_int_equal(stage_info(x.from).given, 110); /* 90 once, 10 twice */
    assert_int_equal(stage_info(map).taken, 110);
    assert_int_equal(stage_info(map).given, 110);
    end_pipeline(p);
    ledger_free(l);
}

TEST(letters_can_be_read_by_the_program) /* L7 L9 */
{
    ledger *l = ledger_new(200);
    letter_of_long letter;
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, fail_tenth, NULL);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ccp_chan *out = ccp_pipeline_output(
        p, &(ccp_stage_opts){ .after = ccp_stage_branch(map, CCP_LETTERS) });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    for (long k = 3; k < 103; k += 10) {
        ASSERT_STATUS(ccp_chan_recv(out, &letter, CCP_NOWAIT), CCP_OK);
        assert_int_equal(letter.item, k);
        note_fate(l, k);
    }
    end_pipeline(p); /* drops the other ten */
    assert_int_equal(l->dropped, 10);
    assert_each_once(l, 200);
    ledger_free(l);
}

static ccp_status want_five_letters(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    ledger *l = arg;
    return l->letters == 5 ? CCP_CLOSED : sink_letter(ctx, in, out, arg);
}

TEST(letters_that_nobody_wants_any_more_are_dropped) /* L1 L9 */
{
    ledger *l = ledger_new(2000);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, fail_tenth, NULL);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ccp_pipeline_sink(p, want_five_letters,
                      &(ccp_stage_opts){ .after = ccp_stage_branch(map, CCP_LETTERS), .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 1800);
    assert_int_equal(l->letters, 5);
    assert_int_equal(l->dropped, 195);
    assert_each_once(l, 2000);
    end_pipeline(p);
    ledger_free(l);
}

TEST(a_sink_and_a_fused_stage_have_letters_too) /* L7 */
{
    ledger *l = ledger_new(1000);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, pass_on, NULL);
    ccp_stage *fused = ccp_pipeline_map(p, fail_tenth, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ccp_stage *bad = ccp_pipeline_sink(
        p, broken, &(ccp_stage_opts){ .after = ccp_stage_branch(fused, CCP_LETTERS) });
    typedef CCP_LETTER(letter_of_long) letter_of_letter;
    ccp_chan *out = ccp_pipeline_output(
        p, &(ccp_stage_opts){ .after = ccp_stage_branch(bad, CCP_LETTERS), .queue = 100 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    letter_of_letter letter;
    for (long k = 3; k < 1000; k += 10) {
        ASSERT_STATUS(ccp_chan_recv(out, &letter, CCP_NOWAIT), CCP_OK);
        assert_int_equal(letter.item.item, k);
        assert_ptr_equal(letter.why.stage, bad);
        assert_ptr_equal(letter.item.why.stage, fused);
        note_fate(l, k);
    }
    assert_each_once(l, 1000);
    end_pipeline(p);
    ledger_free(l);
}

/* --- waits --- */

static void wait_for_end(actor *a)
{
    actor_calls(a);
    a->rc = ccp_pipeline_wait(a->arg, CCP_FOREVER);
}

static ccp_status wait_to_be_canceled(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)in;
    (void)out;
    (void)arg;
    return ccp_sleep(ccp_with(ctx));
}

TEST(a_wait_that_ends_first_leaves_the_pipeline_alone) /* W4 */
{
    ledger *l = ledger_new(1);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_sink(p, wait_to_be_canceled, NULL);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pipeline_wait(p, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(ended);
    ASSERT_STATUS(ccp_pipeline_wait(p, ccp_with(ended)), CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ended), CCP_OK);
    actor a = { .arg = p };
    actor_start(&a, wait_for_end);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    end_pipeline(p);
    assert_each_once(l, l->next); /* it may have been canceled before it made one */
    ledger_free(l);
}

static ccp_status run_tiny(ccp_wait w)
{
    ledger *l = ledger_new(1);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_sink(p, wait_to_be_canceled, NULL);
    ccp_status st = ccp_pipeline_run(p, w);
    end_pipeline(p);
    ledger_free(l);
    return st;
}

TEST(to_run_is_to_start_and_to_wait) /* W3 */
{
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(ended);
    ASSERT_STATUS(run_tiny(ccp_within(CCP_US(10))), CCP_TIMEOUT);
    ASSERT_STATUS(run_tiny(CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(run_tiny(ccp_with(ended)), CCP_CANCELED);
    ccp_pipeline *p = new_pipeline();
    ASSERT_STATUS(ccp_pipeline_run(p, ccp_with(ended)), CCP_CANCELED);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_NOWAIT), CCP_MISUSE); /* it was not started */
    end_pipeline(p);
    ASSERT_STATUS(ccp_ctx_free(ended), CCP_OK);
}

TEST(a_canceled_parent_ends_a_run) /* L6 */
{
    ledger *l = ledger_new(5);
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_pipeline *p = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = ended });
    add_numbers(p, l);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(l->next, 0);
    end_pipeline(p);
    ASSERT_STATUS(ccp_ctx_free(ended), CCP_OK);
    ledger_free(l);
}

/* --- memory --- */

/* Builds and runs one of everything; the first status that is not CCP_OK. */
static ccp_status run_everything(ledger *l, bool at_once)
{
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    if (!p)
        return CCP_NOMEM;
    add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, fail_tenth, &(ccp_stage_opts){ .workers = 3 });
    ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ccp_pipeline_sink(p, sink_letter,
                      &(ccp_stage_opts){ .after = ccp_stage_branch(map, CCP_LETTERS), .arg = l });
    ccp_status st = at_once ? ccp_pipeline_run(p, CCP_FOREVER) : ccp_pipeline_start(p);
    if (st == CCP_OK)
        st = ccp_pipeline_wait(p, CCP_FOREVER);
    end_pipeline(p);
    return st;
}

TEST(a_failed_allocation_is_reported_and_leaks_nothing) /* G4 */
{
    memory_watch();
    size_t n = 1, calls;
    ccp_status st = CCP_NOMEM;
    for (; st != CCP_OK; n++) {
        ledger *l = ledger_new(100);
        memory_fail_at(n);
        st = run_everything(l, n % 2 == 0);
        if (st != CCP_OK) {
            ASSERT_STATUS(st, CCP_NOMEM);
            assert_int_equal(l->next, 0); /* no step was called */
        } else
            assert_each_once(l, 100);
        calls = memory_calls;
        assert_int_equal(memory_live, 0);
        ledger_free(l);
    }
    assert_true(n > 20 && calls > 20);
    memory_fail_at(0);
    memory_unwatch();
}

static size_t allocations_of(long items)
{
    ledger *l = ledger_new(items);
    memory_watch();
    size_t before = memory_calls;
    ASSERT_STATUS(run_everything(l, true), CCP_OK);
    size_t calls = memory_calls - before;
    memory_unwatch();
    ledger_free(l);
    return calls;
}

TEST(no_memory_is_allocated_for_an_item) /* L4 PI7 */
{
    assert_int_equal(allocations_of(10), allocations_of(20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_first_failure_ends_the_pipeline_and_is_told),
        ENTRY(a_failing_source_ends_the_pipeline),
        ENTRY(skipped_failures_are_dropped_and_counted),
        ENTRY(an_item_is_tried_again_until_it_succeeds),
        ENTRY(attempts_are_apart_by_pauses_that_double),
        ENTRY(a_pause_between_attempts_ends_with_the_pipeline),
        ENTRY(letters_tell_which_item_failed_where_and_how),
        ENTRY(a_letter_tells_of_its_own_stage_and_not_of_one_fused_to_it),
        ENTRY(letters_can_be_read_by_the_program),
        ENTRY(letters_that_nobody_wants_any_more_are_dropped),
        ENTRY(a_sink_and_a_fused_stage_have_letters_too),
        ENTRY(a_wait_that_ends_first_leaves_the_pipeline_alone),
        ENTRY(to_run_is_to_start_and_to_wait),
        ENTRY(a_canceled_parent_ends_a_run),
        ENTRY(a_failed_allocation_is_reported_and_leaks_nothing),
        ENTRY(no_memory_is_allocated_for_an_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
