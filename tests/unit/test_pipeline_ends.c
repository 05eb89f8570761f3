/* SPDX-License-Identifier: MIT
 *
 * Pipelines: ends that come while a step emits, a worker waits for its turn, elements lie in
 * buffers, or a branch is full.  The elements have no drop function, unless a test says so.
 */
#include "pipes.h"

#include "chan/chan.h"
#include "flow/pipeline.h"

typedef ccp_stage_opts opts;

/* A source of numbers up to `end`, and what the steps of a test tell each other. */
typedef struct scene {
    ccp_pipeline *p;
    long next, end;
    atomic_long sunk, steps, calls;
    atomic_bool flag[2];
    ccp_status status[2];
    ccp_chan *ch;
} scene;

static ccp_status make_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    (void)ctx;
    (void)in;
    if (x->next == x->end)
        return CCP_CLOSED;
    *(long *)out = x->next++;
    return CCP_OK;
}

static ccp_status sink_any(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    atomic_fetch_add(&((scene *)arg)->sunk, 1);
    return CCP_OK;
}

static void begin(scene *x, long end, const ccp_pipeline_opts *o)
{
    *x = (scene){ .p = ccp_pipeline_new(o), .end = end };
    assert_non_null(x->p);
    ccp_pipeline_source(x->p, make_number, &(opts){ .out_size = sizeof(long), .arg = x });
}

static void add_sink(scene *x)
{
    assert_non_null(ccp_pipeline_sink(x->p, sink_any, &(opts){ .arg = x }));
}

/* --- what is made and not handed on --- */

/* Number 0 waits until the others stand in the queue; number 3 fails. */
static ccp_status fail_late(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    long k = *(const long *)in;
    if (k == 0)
        WAIT_UNTIL(atomic_load(&x->flag[0]));
    atomic_fetch_add(&x->steps, 1);
    return k == 3 ? CCP_FAILED : pass_on(ctx, in, out, NULL);
}

TEST(what_a_worker_has_made_before_a_failure_is_dropped) /* L6 L9 */
{
    scene x;
    begin(&x, 9, NULL);
    ccp_stage *s = ccp_pipeline_map(x.p, fail_late, &(opts){ .chunk = 8, .arg = &x });
    ccp_chan *out = ccp_pipeline_output(x.p, NULL);
    ASSERT_STATUS(ccp_pipeline_start(x.p), CCP_OK);
    WAIT_UNTIL(ccp_chan_is_closed(s->inputs[0]->ch)); /* all have been made */
    atomic_store(&x.flag[0], true);
    ASSERT_STATUS(ccp_pipeline_wait(x.p, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(x.steps, 4);
    assert_true(ccp_chan_len(out) <= 1); /* 1 and 2 were in the buffer, 0 perhaps before them */
    end_pipeline(x.p);
}

/* Number 0 waits until the flag is set, number 13 for the other one. */
static ccp_status wait_at_0_and_13(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    long k = *(const long *)in;
    if (k == 0)
        WAIT_UNTIL(atomic_load(&x->flag[0]));
    if (k == 13) {
        atomic_fetch_add(&x->steps, 1);
        WAIT_UNTIL(atomic_load(&x->flag[1]));
    }
    return pass_on(ctx, in, out, NULL);
}

static size_t waiting_for_their_turn(const ccp_stage *s)
{
    size_t n = 0;
    for (unsigned i = 0; i < s->opts.workers; i++)
        n += waiting_receivers(s->workers[i].turn);
    return n;
}

/* There are 12 slots.  Who has made number 12 waits for one, and gives up; so number 13 is left in
 * a slot. */
TEST(what_lies_in_a_slot_behind_one_that_gave_up_is_dropped) /* L9 */
{
    for (int drops = 0; drops < 2; drops++) {
        ledger *l = ledger_new(0);
        scene x;
        begin(&x, 1000, NULL);
        ccp_stage *s = ccp_pipeline_map(
            x.p, wait_at_0_and_13,
            &(opts){ .workers = 3, .arg = &x, .out_size = sizeof(long),
                     .drop = drops ? drop_number : NULL, .drop_arg = l });
        ccp_chan *out = ccp_pipeline_output(x.p, NULL);
        ASSERT_STATUS(ccp_pipeline_start(x.p), CCP_OK);
        WAIT_UNTIL(atomic_load(&x.steps) == 1 && waiting_for_their_turn(s) == 1);
        ASSERT_STATUS(ccp_pipeline_cancel(x.p), CCP_OK);
        WAIT_UNTIL(atomic_load(&out->senders) == 2); /* it has given up */
        atomic_store(&x.flag[0], true);
        WAIT_UNTIL(atomic_load(&out->senders) == 1);
        atomic_store(&x.flag[1], true);
        ASSERT_STATUS(ccp_pipeline_wait(x.p, CCP_FOREVER), CCP_CLOSED);
        assert_int_equal(ccp_chan_len(out), 0);
        end_pipeline(x.p);
        assert_int_equal(l->dropped, drops ? 14 : 0);
        if (drops)
            assert_each_once(l, 14);
        ledger_free(l);
    }
}

/* Number 10 ends it, when number 11 has been made. */
static ccp_status end_at_10(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    long k = *(const long *)in;
    if (k == 11)
        atomic_store(&x->flag[0], true);
    if (k == 10)
        WAIT_UNTIL(atomic_load(&x->flag[0]));
    return k == 10 ? CCP_CLOSED : pass_on(ctx, in, out, NULL);
}

TEST(what_others_made_of_items_after_the_last_one_is_dropped) /* L2 L8 */
{
    scene x;
    begin(&x, 1000, NULL);
    ccp_pipeline_map(x.p, end_at_10, &(opts){ .workers = 2, .arg = &x });
    add_sink(&x);
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(x.sunk, 10);
    end_pipeline(x.p);
}

/* --- to emit when no more is wanted --- */

static ccp_status end_at_0(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    if (*(const long *)in > 0)
        return pass_on(ctx, in, out, NULL);
    WAIT_UNTIL(atomic_load(&x->flag[0]));
    return CCP_CLOSED;
}

/* Number 1 emits as many as there is room for, then one more, which has to wait for its turn. */
static ccp_status emit_too_many(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    scene *x = arg;
    long k = *(const long *)in;
    if (k == 0)
        return end_at_0(ctx, in, NULL, arg);
    for (int i = 0; k == 1 && i < CCPI_PIPE_FLAT; i++)
        MUST(ccp_stage_emit(out, in, CCP_NOWAIT) == CCP_OK);
    if (k == 1 && !atomic_load(&x->flag[1]))
        x->status[0] = ccp_stage_emit(out, in, CCP_NOWAIT);
    atomic_store(&x->flag[0], true);
    ccp_status st = CCP_OK;
    for (int i = 0; k == 1 && st == CCP_OK && i < 3; i++)
        st = ccp_stage_emit(out, in, CCP_FOREVER);
    x->status[1] = k == 1 ? st : x->status[1];
    return st;
}

TEST(who_waits_for_its_turn_to_emit_learns_that_no_more_is_wanted) /* L2 L8 */
{
    scene x;
    begin(&x, 2, NULL);
    ccp_pipeline_flat_map(x.p, emit_too_many, &(opts){ .workers = 2, .arg = &x });
    add_sink(&x);
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(x.status[0], CCP_AGAIN);
    ASSERT_STATUS(x.status[1], CCP_CLOSED);
    assert_int_equal(x.sunk, 0);
    end_pipeline(x.p);
}

TEST(what_is_emitted_into_a_fused_stage_waits_for_the_turn_of_the_first) /* L2 L8 */
{
    scene x;
    begin(&x, 2, NULL);
    atomic_store(&x.flag[1], true);
    ccp_pipeline_map(x.p, end_at_0, &(opts){ .workers = 2, .arg = &x });
    ccp_pipeline_flat_map(x.p, emit_too_many, &(opts){ .fused = true, .arg = &x });
    ccp_pipeline_map(x.p, pass_on, &(opts){ .fused = true });
    add_sink(&x);
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(x.status[1], CCP_CLOSED);
    assert_int_equal(x.sunk, 0);
    end_pipeline(x.p);
}

static ccp_status fail_at_once(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    atomic_fetch_add(&((scene *)arg)->calls, 1);
    return CCP_FAILED;
}

static ccp_status emit_twice(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    scene *x = arg;
    (void)ctx;
    for (int i = 0; i < 2; i++)
        x->status[i] = ccp_stage_emit(out, in, CCP_FOREVER);
    return CCP_OK;
}

TEST(after_a_fused_stage_has_failed_nothing_can_be_emitted) /* L6 */
{
    scene x;
    begin(&x, 1, NULL);
    ccp_pipeline_flat_map(x.p, emit_twice, &(opts){ .arg = &x });
    ccp_pipeline_map(x.p, fail_at_once, &(opts){ .fused = true, .arg = &x });
    add_sink(&x);
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(x.status[0], CCP_OK);
    ASSERT_STATUS(x.status[1], CCP_CANCELED);
    assert_int_equal(x.calls, 1);
    end_pipeline(x.p);
}

static ccp_status emit_and_fail(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    scene *x = arg;
    (void)ctx;
    atomic_fetch_add(&x->calls, 1);
    x->status[0] = ccp_stage_emit(out, in, CCP_FOREVER);
    return CCP_FAILED;
}

TEST(a_step_that_fails_when_no_more_is_wanted_is_not_tried_again) /* L8 */
{
    scene x;
    begin(&x, 1, NULL);
    ccp_pipeline_flat_map(x.p, emit_and_fail, &(opts){ .arg = &x, .attempts = 3 });
    (void)ccp_chan_cancel(ccp_pipeline_output(x.p, NULL));
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(x.status[0], CCP_CLOSED);
    assert_int_equal(x.calls, 1);
    end_pipeline(x.p);
}

TEST(pauses_between_attempts_grow_as_far_as_they_may)
{
    static const int64_t ns[][2] = { { 3, 4 }, { 1, 1000 }, { INT64_MAX, 1 }, { 0, 1 } };
    for (size_t i = 0; i < LENGTH(ns); i++) {
        scene x;
        begin(&x, 2, NULL);
        ccp_pipeline_map(x.p, fail_at_once, &(opts){ .arg = &x, .attempts = 5,
                                                     .skip_failed = true,
                                                     .backoff_ns = ns[i][0],
                                                     .backoff_max_ns = ns[i][1] });
        add_sink(&x);
        ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_OK);
        assert_int_equal(x.calls, 10);
        end_pipeline(x.p);
    }
}

typedef struct sequel {
    long last;
    bool disorder;
} sequel;

static ccp_status emit_impatiently(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    long k = *(const long *)in * 100;
    (void)ctx;
    (void)arg;
    for (long i = 0; i < CCPI_PIPE_FLAT + 3; i++, k++)
        for (ccp_status st = CCP_AGAIN; st == CCP_AGAIN;) {
            st = ccp_stage_emit(out, &k, CCP_NOWAIT);
            MUST(st == CCP_OK || st == CCP_AGAIN);
        }
    return CCP_OK;
}

static ccp_status follow(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    sequel *s = arg;
    long k = *(const long *)in;
    (void)ctx;
    (void)out;
    s->disorder = s->disorder || k <= s->last;
    s->last = k;
    return CCP_OK;
}

TEST(who_asks_for_its_turn_again_and_again_gets_it_once) /* L2 W3 */
{
    scene x;
    sequel s = { -1, false };
    begin(&x, (long)scaled(3000), NULL);
    ccp_pipeline_flat_map(x.p, emit_impatiently,
                          &(opts){ .workers = 3, .out_size = sizeof(long) });
    ccp_pipeline_sink(x.p, follow, &(opts){ .arg = &s });
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_OK);
    assert_false(s.disorder);
    assert_int_equal(s.last, (x.end - 1) * 100 + CCPI_PIPE_FLAT + 2);
    end_pipeline(x.p);
}

/* --- branches, batches, joins --- */

static unsigned by_three(const void *elem, void *arg)
{
    (void)arg;
    return (unsigned)(*(const long *)elem % 3);
}

TEST(a_cancel_ends_who_waits_for_room_in_a_branch) /* L9 */
{
    for (int tee = 0; tee < 2; tee++) {
        scene x;
        begin(&x, 1000, NULL);
        ccp_stage *s = tee ? ccp_pipeline_tee(x.p, NULL, 3, NULL)
                           : ccp_pipeline_split(x.p, by_three, 2, NULL);
        ccp_chan *full = ccp_pipeline_output(
            x.p, &(opts){ .after = ccp_stage_branch(s, 0), .queue = 2 });
        for (unsigned i = 1; i < (tee ? 3 : 2); i++)
            ccp_pipeline_sink(x.p, sink_any, &(opts){ .after = ccp_stage_branch(s, i), .arg = &x });
        ASSERT_STATUS(ccp_pipeline_start(x.p), CCP_OK);
        WAIT_UNTIL(waiting_senders(full) == 1);
        ASSERT_STATUS(ccp_pipeline_cancel(x.p), CCP_OK);
        ASSERT_STATUS(ccp_pipeline_wait(x.p, CCP_FOREVER), CCP_CLOSED);
        assert_true(x.sunk <= (tee ? 4 : 2));
        end_pipeline(x.p);
    }
}

/* Makes `end` numbers, and no more until the pipeline ends. */
static ccp_status make_some(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    scene *x = arg;
    return x->next < x->end ? make_number(ctx, in, out, arg) : ccp_sleep(ccp_with(ctx));
}

TEST(a_batch_that_waits_when_the_time_of_the_pipeline_is_up_is_dropped) /* L9 */
{
    for (int i = 0; i < 3; i++) {
        ccp_ctx *parent = ccp_ctx_new(NULL, ccp_within(CCP_MS(100)));
        atomic_long dropped = 0;
        scene x = { .end = i > 0 };
        x.p = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = parent });
        ccp_pipeline_source(x.p, make_some,
                            &(opts){ .out_size = sizeof(long), .arg = &x,
                                     .drop = i == 2 ? count_drop : NULL, .drop_arg = &dropped });
        ccp_pipeline_batch(x.p, 8, CCP_SEC(1000), NULL);
        add_sink(&x);
        ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_CLOSED);
        assert_int_equal(x.sunk, 0);
        end_pipeline(x.p);
        assert_int_equal(dropped, i == 2 ? x.next : 0);
        ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
    }
}

TEST(a_join_that_fails_ends_the_pipeline) /* L6 L9 */
{
    scene x;
    begin(&x, 1000, NULL);
    ccp_stage *in[] = { NULL };
    ccp_stage *tee = ccp_pipeline_tee(x.p, NULL, 1, NULL);
    in[0] = ccp_stage_branch(tee, 0);
    ccp_pipeline_join(x.p, fail_at_once, &(opts){ .inputs = in, .input_count = 1, .arg = &x,
                                                  .out_size = sizeof(long) });
    add_sink(&x);
    ASSERT_STATUS(ccp_pipeline_run(x.p, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(x.calls, 1);
    assert_int_equal(x.sunk, 0);
    end_pipeline(x.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(what_a_worker_has_made_before_a_failure_is_dropped),
        ENTRY(what_lies_in_a_slot_behind_one_that_gave_up_is_dropped),
        ENTRY(what_others_made_of_items_after_the_last_one_is_dropped),
        ENTRY(who_waits_for_its_turn_to_emit_learns_that_no_more_is_wanted),
        ENTRY(what_is_emitted_into_a_fused_stage_waits_for_the_turn_of_the_first),
        ENTRY(after_a_fused_stage_has_failed_nothing_can_be_emitted),
        ENTRY(a_step_that_fails_when_no_more_is_wanted_is_not_tried_again),
        ENTRY(who_asks_for_its_turn_again_and_again_gets_it_once),
        ENTRY(pauses_between_attempts_grow_as_far_as_they_may),
        ENTRY(a_cancel_ends_who_waits_for_room_in_a_branch),
        ENTRY(a_batch_that_waits_when_the_time_of_the_pipeline_is_up_is_dropped),
        ENTRY(a_join_that_fails_ends_the_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
