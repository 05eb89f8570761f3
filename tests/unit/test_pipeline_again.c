/* SPDX-License-Identifier: MIT
 *
 * Pipelines: letters whose items go back.
 */
#include "pipes.h"

enum { ROUNDS = 4 };

/* How often each number has come to the step that fails, and what of it comes back. */
typedef struct rounds {
    ledger *l;
    atomic_int calls[LEDGER];
    int most;          /* calls until it succeeds: number k does at call k % most + 1 */
    long wanted;       /* letters, until the step wants no more; -1: all */
    atomic_long mended;
    ccp_stage *stage;
} rounds;

static rounds *rounds_new(long n, int most)
{
    rounds *r = calloc(1, sizeof *r);
    MUST(r);
    r->l = ledger_new(n);
    r->most = most;
    r->wanted = -1;
    return r;
}

static void rounds_free(rounds *r)
{
    ledger_free(r->l);
    free(r);
}

static ccp_status fail_some_rounds(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    rounds *r = arg;
    long k = *(const long *)in;
    int call = atomic_fetch_add(&r->calls[k], 1);
    if (call < k % r->most)
        return CCP_BUSY;
    return out ? pass_on(ctx, in, out, NULL) : sink_number(ctx, in, out, r->l);
}

/* Sends every item back, unless it is to be given up. */
static ccp_status mend(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    rounds *r = arg;
    const letter_of_long *letter = in;
    (void)ctx;
    MUST(letter->why.stage == r->stage && letter->why.status == CCP_BUSY);
    MUST(letter->why.attempts == 1);
    if (atomic_fetch_add(&r->mended, 1) == r->wanted)
        return CCP_CLOSED;
    *(long *)out = letter->item;
    return CCP_OK;
}

static ccp_status give_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const letter_of_long *letter = in;
    return letter->item % 2 ? CCP_FAILED : mend(ctx, in, out, arg);
}

static ccp_stage *add_again(ccp_pipeline *p, rounds *r, ccp_step step, ccp_stage_opts o)
{
    o.after = ccp_stage_branch(r->stage, CCP_LETTERS);
    o.arg = r;
    return ccp_pipeline_again(p, step, &o);
}

static ccp_pipeline *new_round_trip(rounds *r, ccp_stage_opts o)
{
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, r->l);
    o.arg = r;
    r->stage = ccp_pipeline_map(p, fail_some_rounds, &o);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = r->l });
    return p;
}

static long letters_of(const rounds *r, long n)
{
    long sum = 0;
    for (long k = 0; k < n; k++)
        sum += k % r->most;
    return sum;
}

TEST(what_comes_back_is_taken_once_more) /* L1 L11 PI11 */
{
    const ccp_stage_opts ways[] = { { .workers = 1 },
                                    { .workers = 3 },
                                    { .workers = 3, .unordered = true },
                                    { .workers = 2, .chunk = 4 },
                                    { .workers = 2, .chunk = 4, .unordered = true } };
    for (size_t i = 0; i < LENGTH(ways); i++)
        for (unsigned menders = 1; menders <= 3; menders += 2) {
            rounds *r = rounds_new(2000, ROUNDS);
            ccp_pipeline *p = new_round_trip(r, ways[i]);
            ccp_stage *again = add_again(p, r, mend, (ccp_stage_opts){ .workers = menders });
            assert_int_equal(ccp_pipeline_edge_count(p), 4);
            ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
            assert_int_equal(r->l->sunk, 2000);
            assert_each_once(r->l, 2000);
            assert_int_equal(stage_info(r->stage).taken, 2000 + letters_of(r, 2000));
            assert_int_equal(stage_info(r->stage).letters, letters_of(r, 2000));
            assert_int_equal(stage_info(again).taken, letters_of(r, 2000));
            assert_int_equal(stage_info(again).given, letters_of(r, 2000));
            end_pipeline(p);
            rounds_free(r);
        }
}

TEST(a_way_back_never_blocks_itself) /* L11 */
{
    for (unsigned workers = 1; workers <= 4; workers++)
        for (size_t chunk = 1; chunk <= 3; chunk++) {
            rounds *r = rounds_new(3000, 2); /* every second one comes back */
            ccp_pipeline *p = new_round_trip(r, (ccp_stage_opts){ .workers = workers,
                                                                  .queue = 1,
                                                                  .chunk = chunk });
            add_again(p, r, mend, (ccp_stage_opts){ .queue = 1, .chunk = 4 - chunk });
            ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
            assert_int_equal(r->l->sunk, 3000);
            assert_each_once(r->l, 3000);
            end_pipeline(p);
            rounds_free(r);
        }
}

TEST(items_come_back_to_a_sink_too) /* L11 */
{
    rounds *r = rounds_new(500, ROUNDS);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, r->l);
    r->stage = ccp_pipeline_sink(p, fail_some_rounds, &(ccp_stage_opts){ .arg = r });
    add_again(p, r, mend, (ccp_stage_opts){ 0 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_each_once(r->l, 500);
    assert_int_equal(r->l->sunk, 500);
    end_pipeline(p);
    rounds_free(r);
}

static ccp_status emit_later(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    rounds *r = arg;
    long k = *(const long *)in;
    (void)ctx;
    if (atomic_fetch_add(&r->calls[k], 1) == 0)
        return CCP_BUSY;
    return ccp_stage_emit(out, in, CCP_FOREVER);
}

TEST(a_flat_map_may_fail_before_it_emits) /* L11 */
{
    rounds *r = rounds_new(500, ROUNDS);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, r->l);
    r->stage = ccp_pipeline_flat_map(p, emit_later, &(ccp_stage_opts){ .arg = r, .workers = 2 });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = r->l });
    add_again(p, r, mend, (ccp_stage_opts){ 0 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_each_once(r->l, 500);
    assert_int_equal(r->mended, 500);
    end_pipeline(p);
    rounds_free(r);
}

TEST(what_is_given_up_is_dropped_or_a_letter_of_a_letter) /* L1 L11 */
{
    for (int letters = 0; letters < 2; letters++) {
        rounds *r = rounds_new(1000, ROUNDS);
        ccp_pipeline *p = new_round_trip(r, (ccp_stage_opts){ .workers = 2 });
        ccp_stage *again = add_again(p, r, give_up, (ccp_stage_opts){ .skip_failed = !letters });
        ccp_chan *out = letters ? ccp_pipeline_output(
                                      p, &(ccp_stage_opts){ .after = ccp_stage_branch(
                                                                again, CCP_LETTERS),
                                                            .queue = 1000 })
                                : NULL;
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(r->l->sunk, 500); /* the odd ones fail at first */
        CCP_LETTER(letter_of_long) letter;
        long n = 0;
        for (; letters && ccp_chan_recv(out, &letter, CCP_NOWAIT) == CCP_OK; n++) {
            assert_ptr_equal(letter.why.stage, again);
            ASSERT_STATUS(letter.why.status, CCP_FAILED);
            note_fate(r->l, letter.item.item);
        }
        assert_int_equal(n, letters ? 500 : 0);
        assert_int_equal(r->l->dropped, letters ? 0 : 500);
        assert_each_once(r->l, 1000);
        end_pipeline(p);
        rounds_free(r);
    }
}

TEST(who_sends_back_may_want_no_more) /* L8 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        rounds *r = rounds_new(2000, ROUNDS);
        r->wanted = 10;
        ccp_pipeline *p = new_round_trip(r, (ccp_stage_opts){ .workers = workers });
        add_again(p, r, mend, (ccp_stage_opts){ .queue = 3 });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        end_pipeline(p);
        assert_each_once(r->l, 2000);
        assert_int_equal(r->l->sunk + r->l->dropped, 2000);
        rounds_free(r);
    }
}

TEST(a_stage_that_wants_no_more_ends_the_way_back_too) /* L8 L9 */
{
    rounds *r = rounds_new(2000, ROUNDS);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, r->l);
    r->stage = ccp_pipeline_map(p, fail_some_rounds, &(ccp_stage_opts){ .arg = r, .workers = 2 });
    ccp_pipeline_sink(p, want_ten, &(ccp_stage_opts){ .arg = r->l });
    add_again(p, r, mend, (ccp_stage_opts){ 0 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    long made = r->l->next;
    end_pipeline(p);
    assert_int_equal(r->l->sunk, 10);
    assert_each_once(r->l, made);
    rounds_free(r);
}

static ccp_status send_back_and_fail(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    rounds *r = arg;
    return atomic_load(&r->mended) == 20 ? CCP_FAILED : mend(ctx, in, out, arg);
}

TEST(a_failure_to_send_back_ends_the_pipeline) /* L6 */
{
    rounds *r = rounds_new(2000, ROUNDS);
    ccp_item why;
    ccp_pipeline *p = new_round_trip(r, (ccp_stage_opts){ .workers = 2 });
    ccp_stage *again = add_again(p, r, send_back_and_fail, (ccp_stage_opts){ .attempts = 2 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(ccp_pipeline_failure(p, &why), CCP_OK);
    assert_ptr_equal(why.stage, again);
    assert_int_equal(why.attempts, 2);
    end_pipeline(p);
    assert_each_once(r->l, r->l->next);
    rounds_free(r);
}

TEST(a_cancel_ends_items_on_their_way_back) /* L9 */
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        rounds *r = rounds_new(LEDGER, ROUNDS);
        ccp_pipeline *p = new_round_trip(r, (ccp_stage_opts){ .workers = workers });
        add_again(p, r, mend, (ccp_stage_opts){ 0 });
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
        WAIT_UNTIL(atomic_load(&r->mended) > 100);
        ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_OK);
        ccp_status st = ccp_pipeline_wait(p, CCP_FOREVER);
        assert_true(st == CCP_CLOSED || st == CCP_OK);
        end_pipeline(p);
        assert_each_once(r->l, r->l->next);
        rounds_free(r);
    }
}

/* Adds a stage that cannot be; the pipeline then refuses to start. */
static void assert_refused(ccp_step step, ccp_stage_opts o, bool letters, bool fused)
{
    rounds *r = rounds_new(1, ROUNDS);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, r->l);
    ccp_pipeline_map(p, pass_on, NULL);
    ccp_stage *s = ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .fused = fused });
    o.after = letters ? ccp_stage_branch(s, CCP_LETTERS) : s;
    assert_null(ccp_pipeline_again(p, step, &o));
    assert_null(ccp_pipeline_again(p, step, NULL));
    assert_null(ccp_pipeline_again(NULL, step, NULL));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
    rounds_free(r);
}

TEST(only_letters_of_a_stage_with_a_step_go_back)
{
    assert_refused(NULL, (ccp_stage_opts){ 0 }, true, false);
    assert_refused(mend, (ccp_stage_opts){ 0 }, false, false);
    assert_refused(mend, (ccp_stage_opts){ 0 }, true, true);
    assert_refused(mend, (ccp_stage_opts){ .drop = drop_number }, true, false);
    assert_refused(mend, (ccp_stage_opts){ .out_size = 8 }, true, false);
    assert_refused(mend, (ccp_stage_opts){ .fused = true }, true, false);
    assert_refused(mend, (ccp_stage_opts){ .chunk = SIZE_MAX }, true, false);
}

TEST(a_plan_begins_no_way_back_without_letters_of_a_step)
{
    for (int i = 0; i < 4; i++) {
        rounds *r = rounds_new(1, ROUNDS);
        ccp_pipeline *p = new_pipeline();
        ccp_stage_opts o = { 0 };
        add_numbers(p, r->l);
        ccp_stage *s = i < 2 ? ccp_pipeline_map(p, pass_on, NULL)
                             : ccp_pipeline_tee(p, pass_on, 2, NULL);
        if (i >= 2) /* of a tee, or no letters */
            o.after = ccp_stage_branch(s, i == 2 ? CCP_LETTERS : 0);
        assert_null(ccp_pipeline_again(p, mend, i ? &o : NULL));
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
        end_pipeline(p);
        rounds_free(r);
    }
}

TEST(hands_that_no_way_back_can_have_room_for_are_refused) /* G4 */
{
    static const size_t chunks[] = { SIZE_MAX, PTRDIFF_MAX, PTRDIFF_MAX / 2 };
    for (size_t i = 0; i < LENGTH(chunks); i++)
        for (unsigned workers = 1; workers <= 3; workers++)
            for (int there = 0; there < 2; there++) {
                rounds *r = rounds_new(1, ROUNDS);
                const ccp_stage_opts many = { .chunk = chunks[i], .workers = workers };
                ccp_pipeline *p = new_round_trip(r, there ? many : (ccp_stage_opts){ 0 });
                assert_null(add_again(p, r, mend, there ? (ccp_stage_opts){ 0 } : many));
                ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
                assert_int_equal(r->l->next, 0);
                end_pipeline(p);
                rounds_free(r);
            }
}

/* --- elements without a drop function, and an end while one is on its way back --- */

typedef struct late_end {
    ccp_pipeline *p;
    long next;
    atomic_long sent_back;
} late_end;

static ccp_status make_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    late_end *e = arg;
    (void)ctx;
    (void)in;
    *(long *)out = e->next;
    return e->next++ ? CCP_CLOSED : CCP_OK;
}

static ccp_status fail_always(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    (void)arg;
    return CCP_FAILED;
}

static ccp_status end_and_send_back(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    late_end *e = arg;
    (void)ctx;
    atomic_fetch_add(&e->sent_back, 1);
    MUST(ccp_pipeline_cancel(e->p) == CCP_OK);
    *(long *)out = ((const letter_of_long *)in)->item;
    return CCP_OK;
}

TEST(an_item_that_was_to_go_back_when_all_was_canceled_is_gone) /* L9 */
{
    late_end e = { .p = new_pipeline() };
    ccp_pipeline_source(e.p, make_one,
                        &(ccp_stage_opts){ .out_size = sizeof(long), .arg = &e });
    ccp_stage *s = ccp_pipeline_sink(e.p, fail_always, NULL);
    ccp_stage *again = ccp_pipeline_again(
        e.p, end_and_send_back,
        &(ccp_stage_opts){ .after = ccp_stage_branch(s, CCP_LETTERS), .arg = &e });
    ASSERT_STATUS(ccp_pipeline_run(e.p, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(e.sent_back, 1);
    assert_int_equal(stage_info(again).given, 0);
    end_pipeline(e.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(what_comes_back_is_taken_once_more),
        ENTRY(a_way_back_never_blocks_itself),
        ENTRY(items_come_back_to_a_sink_too),
        ENTRY(a_flat_map_may_fail_before_it_emits),
        ENTRY(what_is_given_up_is_dropped_or_a_letter_of_a_letter),
        ENTRY(who_sends_back_may_want_no_more),
        ENTRY(a_stage_that_wants_no_more_ends_the_way_back_too),
        ENTRY(a_failure_to_send_back_ends_the_pipeline),
        ENTRY(a_cancel_ends_items_on_their_way_back),
        ENTRY(only_letters_of_a_stage_with_a_step_go_back),
        ENTRY(a_plan_begins_no_way_back_without_letters_of_a_step),
        ENTRY(hands_that_no_way_back_can_have_room_for_are_refused),
        ENTRY(an_item_that_was_to_go_back_when_all_was_canceled_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
