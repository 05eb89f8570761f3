/* SPDX-License-Identifier: MIT
 *
 * Pipelines: batches, branches, several inputs, channels as sources, what a step
 * emits.
 */
#include "pipes.h"

/* --- batches --- */

typedef CCP_BATCH(long, 8) batch;

typedef struct batches {
    ledger *l;
    long count, full;
} batches;

static ccp_status sink_batch(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    batches *x = arg;
    const batch *b = in;
    MUST(b->count >= 1 && b->count <= 8);
    x->count++;
    x->full += b->count == 8;
    for (uint64_t i = 0; i < b->count; i++)
        (void)sink_number(ctx, &b->items[i], out, x->l);
    return CCP_OK;
}

TEST(batches_are_full_but_the_last_one) /* L1 L2 PI9 */
{
    for (int fused = 0; fused < 2; fused++) {
        ledger *l = ledger_new(101);
        batches x = { l, 0, 0 };
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_pipeline_batch(p, 8, 0, NULL);
        ccp_pipeline_sink(p, sink_batch, &(ccp_stage_opts){ .arg = &x, .fused = fused });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(x.full, 12);
        assert_int_equal(x.count, 13);
        assert_false(l->disorder);
        assert_each_once(l, 101);
        end_pipeline(p);
        ledger_free(l);
    }
}

TEST(a_batch_does_not_wait_longer_than_it_may) /* L1 */
{
    ledger *l = ledger_new(0);
    batch b;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_from(p, ch, NULL);
    ccp_pipeline_batch(p, 8, CCP_MS(2), NULL);
    ccp_chan *out = ccp_pipeline_output(p, NULL);
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    for (long k = 0; k < 3; k++) {
        int64_t begin = ccp_now();
        ASSERT_STATUS(ccp_chan_send(ch, &k, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(out, &b, CCP_FOREVER), CCP_OK);
        assert_true(ccp_now() - begin >= CCP_MS(2));
        assert_int_equal(b.count, 1);
        assert_int_equal(b.items[0], k);
    }
    ASSERT_STATUS(ccp_pipeline_close(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(out, &b, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    end_pipeline(p);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ledger_free(l);
}

TEST(the_elements_of_a_batch_that_nobody_takes_are_dropped) /* L9 */
{
    ledger *l = ledger_new(LEDGER);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_batch(p, 8, 0, NULL);
    ccp_chan *out = ccp_pipeline_output(p, &(ccp_stage_opts){ .queue = 3 });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    WAIT_UNTIL(waiting_senders(out) == 1);
    ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_OK);
    end_pipeline(p);
    assert_each_once(l, l->next);
    ledger_free(l);
}

/* --- branches --- */

static unsigned by_remainder(const void *elem, void *arg)
{
    (void)arg;
    return (unsigned)(*(const long *)elem % 4);
}

TEST(a_split_sends_each_element_one_way) /* L1 L2 PI10 */
{
    ledger *l = ledger_new(4000), *ways[3];
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *split = ccp_pipeline_split(p, by_remainder, 3, NULL);
    for (unsigned i = 0; i < 3; i++) {
        ways[i] = ledger_new(0);
        ccp_pipeline_sink(p, sink_number,
                          &(ccp_stage_opts){ .after = ccp_stage_branch(split, i),
                                             .arg = ways[i] });
    }
    assert_int_equal(ccp_pipeline_edge_count(p), 4);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    for (long k = 0; k < 4000; k++)
        for (long i = 0; i < 3; i++)
            assert_int_equal(ways[i]->fate[k], k % 4 == i);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(ways[i]->disorder);
        ledger_free(ways[i]);
    }
    assert_int_equal(l->dropped, 1000); /* by the way that is none */
    assert_int_equal(stage_info(split).given, 3000);
    end_pipeline(p);
    ledger_free(l);
}

TEST(a_branch_that_wants_no_more_does_not_end_the_others) /* L8 L9 */
{
    ledger *l = ledger_new(4000);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *split = ccp_pipeline_split(p, by_remainder, 4, NULL);
    ccp_chan *way[4];
    for (unsigned i = 0; i < 3; i++) {
        way[i] = ccp_pipeline_output(p, &(ccp_stage_opts){ .after = ccp_stage_branch(split, i) });
        (void)ccp_chan_cancel(way[i]);
    }
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .after = ccp_stage_branch(split, 3),
                                                         .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 1000);
    assert_int_equal(l->dropped, 3000);
    assert_each_once(l, 4000);
    end_pipeline(p);
    ledger_free(l);
}

TEST(when_no_branch_wants_more_the_stages_before_end) /* L8 L9 */
{
    ledger *l = ledger_new(LEDGER);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *tee = ccp_pipeline_tee(p, pass_on, 2, NULL);
    for (unsigned i = 0; i < 2; i++)
        (void)ccp_chan_cancel(ccp_pipeline_output(
            p, &(ccp_stage_opts){ .after = ccp_stage_branch(tee, i) }));
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_true(l->next < LEDGER);
    end_pipeline(p);
    ledger_free(l);
}

/* Copies of elements are counted, so that each copy's end can be. */
static ccp_status clone_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    atomic_fetch_add((atomic_long *)arg, 1);
    return pass_on(ctx, in, out, NULL);
}

TEST(a_tee_sends_each_element_every_way) /* L1 L2 PI10 */
{
    ledger *l = ledger_new(1000), *ways[3];
    atomic_long clones = 0;
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *tee = ccp_pipeline_tee(p, clone_number, 3, &(ccp_stage_opts){ .arg = &clones });
    for (unsigned i = 0; i < 3; i++) {
        ways[i] = ledger_new(0);
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .after = ccp_stage_branch(tee, i),
                                                             .arg = ways[i] });
    }
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(ways[i]->disorder);
        assert_each_once(ways[i], 1000);
        ledger_free(ways[i]);
    }
    assert_int_equal(clones, 2000);
    assert_int_equal(l->dropped, 0);
    end_pipeline(p);
    ledger_free(l);
}

static ccp_status fail_to_clone(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)arg;
    return fail_tenth(ctx, in, out, NULL);
}

TEST(an_element_that_cannot_be_cloned_is_a_failed_item) /* L1 */
{
    ledger *l = ledger_new(100);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *tee = ccp_pipeline_tee(p, fail_to_clone, 2,
                                      &(ccp_stage_opts){ .skip_failed = true });
    ledger *other = ledger_new(0);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .after = ccp_stage_branch(tee, 0),
                                                         .arg = other });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .after = ccp_stage_branch(tee, 1),
                                                         .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(other->sunk, 90);
    assert_int_equal(l->sunk, 90);
    assert_int_equal(l->dropped, 10);
    assert_each_once(l, 100);
    end_pipeline(p);
    ledger_free(other);
    ledger_free(l);
}

/* --- several inputs --- */

TEST(a_stage_with_several_inputs_takes_from_all_of_them) /* L1 L5 PI10 */
{
    for (unsigned workers = 1; workers <= 4; workers += 3) {
        ledger *l = ledger_new(3000);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *split = ccp_pipeline_split(p, by_remainder, 4, NULL), *ways[4];
        for (unsigned i = 0; i < 4; i++)
            ways[i] = ccp_pipeline_map(p, pass_on,
                                       &(ccp_stage_opts){ .after = ccp_stage_branch(split, i),
                                                          .workers = i + 1 });
        ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .inputs = ways, .input_count = 4,
                                                        .workers = workers });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        assert_int_equal(ccp_pipeline_edge_count(p), 7);
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 3000);
        assert_each_once(l, 3000);
        end_pipeline(p);
        ledger_free(l);
    }
}

typedef struct pair {
    long a, b;
} pair;

static ccp_status make_pair(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const void *const *parts = in;
    (void)ctx;
    (void)arg;
    *(pair *)out = (pair){ *(const long *)parts[0], ((const wchar_t *)parts[1])[0] };
    return CCP_OK;
}

static ccp_status to_wide(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)arg;
    *(wchar_t *)out = (wchar_t)*(const long *)in;
    return CCP_OK;
}

static ccp_status sink_pair(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const pair *x = in;
    MUST(x->a == x->b);
    return sink_number(ctx, &x->a, out, arg);
}

TEST(a_join_puts_together_what_belongs_together) /* L1 L2 PI10 */
{
    ledger *l = ledger_new(1000), *other = ledger_new(700);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *inputs[2];
    inputs[0] = add_numbers(p, l);
    add_numbers(p, other);
    inputs[1] = ccp_pipeline_map(p, to_wide, &(ccp_stage_opts){ .out_size = sizeof(wchar_t),
                                                                .workers = 3 });
    ccp_pipeline_join(p, make_pair, &(ccp_stage_opts){ .inputs = inputs, .input_count = 2,
                                                       .out_size = sizeof(pair) });
    ccp_pipeline_sink(p, sink_pair, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 700);
    assert_int_equal(l->last, 699);
    end_pipeline(p);
    assert_each_once(l, l->next); /* what had no partner was dropped */
    ledger_free(other);
    ledger_free(l);
}

static ccp_status no_pair(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const void *const *parts = in;
    return *(const long *)parts[0] % 10 == 3 ? CCP_FAILED : make_pair(ctx, in, out, arg);
}

TEST(the_parts_of_a_join_that_failed_are_dropped) /* L1 L9 */
{
    ledger *l = ledger_new(100), *other = ledger_new(100);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *inputs[2];
    inputs[0] = add_numbers(p, l);
    add_numbers(p, other);
    inputs[1] = ccp_pipeline_map(p, to_wide, &(ccp_stage_opts){ .out_size = sizeof(wchar_t) });
    ccp_pipeline_join(p, no_pair, &(ccp_stage_opts){ .inputs = inputs, .input_count = 2,
                                                     .out_size = sizeof(pair),
                                                     .skip_failed = true });
    ccp_pipeline_sink(p, sink_pair, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 90);
    assert_int_equal(l->dropped, 10);
    assert_each_once(l, 100);
    end_pipeline(p);
    ledger_free(other);
    ledger_free(l);
}

TEST(pipelines_can_be_put_one_after_the_other) /* PI6 */
{
    ledger *l = ledger_new(1000);
    ccp_pipeline *first = new_pipeline(), *second = new_pipeline();
    add_numbers(first, l);
    ccp_chan *between = ccp_pipeline_output(first, NULL);
    ccp_pipeline_from(second, between, NULL);
    ccp_pipeline_sink(second, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_start(first), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_run(second, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_wait(first, CCP_FOREVER), CCP_OK);
    assert_each_once(l, 1000);
    end_pipeline(second);
    end_pipeline(first);
    ledger_free(l);
}

/* --- channels of the program --- */

TEST(a_channel_can_be_the_source) /* L1 L5 */
{
    ledger *l = ledger_new(100);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_from(p, ch, NULL);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    for (long k = 0; k < 100; k++)
        ASSERT_STATUS(ccp_chan_send(ch, &k, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_close(p), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    assert_each_once(l, 100);
    end_pipeline(p);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ledger_free(l);
}

TEST(a_pipeline_that_wants_no_more_cancels_the_channel_that_is_its_source) /* L8 L9 */
{
    ledger *l = ledger_new(0);
    ccp_chan *ch = ccp_chan_make(&(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = 2,
                                                   .drop = drop_number, .drop_arg = l });
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_from(p, ch, &(ccp_stage_opts){ .drop = drop_number, .drop_arg = l });
    ccp_pipeline_sink(p, want_ten, &(ccp_stage_opts){ .arg = l, .queue = 3 });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    long k = 0;
    while (ccp_chan_send(ch, &k, CCP_FOREVER) == CCP_OK)
        k++;
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 10);
    end_pipeline(p);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_each_once(l, k);
    ledger_free(l);
}

/* --- what a step emits --- */

typedef struct emission {
    ccp_status full, timed, canceled, null, closed;
    long sent;
    atomic_bool last; /* the last call is under way, or about to be */
} emission;

/* Emits until there is no room, then waits in each way that does not succeed. */
static ccp_status emit_all(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    emission *x = arg;
    ccp_ctx *ended = ccp_ctx_new(ctx, CCP_FOREVER);
    ccp_ctx_cancel(ended);
    x->null = ccp_stage_emit(out, NULL, CCP_NOWAIT);
    while ((x->full = ccp_stage_emit(out, in, CCP_NOWAIT)) == CCP_OK)
        x->sent++;
    x->timed = ccp_stage_emit(out, in, ccp_within(CCP_US(10)));
    x->canceled = ccp_stage_emit(out, in, ccp_with(ended));
    ASSERT_STATUS(ccp_ctx_free(ended), CCP_OK);
    atomic_store(&x->last, true);
    x->closed = ccp_stage_emit(out, in, CCP_FOREVER);
    return x->closed;
}

TEST(a_step_that_emits_waits_as_it_wants_to) /* W3 L4 */
{
    for (unsigned how = 0; how < 3; how++) {
        ledger *l = ledger_new(1);
        emission x = { .sent = 0 };
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *flat = ccp_pipeline_flat_map(
            p, emit_all, &(ccp_stage_opts){ .arg = &x, .chunk = how == 1 ? 5 : 1,
                                            .workers = how == 2 ? 2 : 1, .out_size = 8 });
        ccp_chan *out = ccp_pipeline_output(p, &(ccp_stage_opts){ .queue = 7 });
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
        WAIT_UNTIL(atomic_load(&x.last) && waiting_senders(out) == 1);
        (void)ccp_chan_cancel(out);
        ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(x.null, CCP_INVAL);
        ASSERT_STATUS(x.full, CCP_AGAIN);
        ASSERT_STATUS(x.timed, CCP_TIMEOUT);
        ASSERT_STATUS(x.canceled, CCP_CANCELED);
        ASSERT_STATUS(x.closed, CCP_CLOSED);
        assert_int_equal(x.sent, how == 0 ? 7 : how == 1 ? 12 : 7 + 16);
        assert_true(stage_info(flat).given == 7);
        end_pipeline(p);
        ledger_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(batches_are_full_but_the_last_one),
        ENTRY(a_batch_does_not_wait_longer_than_it_may),
        ENTRY(the_elements_of_a_batch_that_nobody_takes_are_dropped),
        ENTRY(a_split_sends_each_element_one_way),
        ENTRY(a_branch_that_wants_no_more_does_not_end_the_others),
        ENTRY(when_no_branch_wants_more_the_stages_before_end),
        ENTRY(a_tee_sends_each_element_every_way),
        ENTRY(an_element_that_cannot_be_cloned_is_a_failed_item),
        ENTRY(a_stage_with_several_inputs_takes_from_all_of_them),
        ENTRY(a_join_puts_together_what_belongs_together),
        ENTRY(the_parts_of_a_join_that_failed_are_dropped),
        ENTRY(a_channel_can_be_the_source),
        ENTRY(a_pipeline_that_wants_no_more_cancels_the_channel_that_is_its_source),
        ENTRY(pipelines_can_be_put_one_after_the_other),
        ENTRY(a_step_that_emits_waits_as_it_wants_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
