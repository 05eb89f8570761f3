/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about flow/.
 */
#include "wait_columns.h"

enum { VALUE = 700 };

/* --- generator --- */

static ccp_status yield_what_the_gate_lets_through(ccp_gen *g, void *arg)
{
    stage *s = arg;
    ccp_status rc = CCP_OK;
    while (rc == CCP_OK && ccp_chan_recv(s->gate, NULL, ccp_with(ccp_gen_ctx(g))) == CCP_OK)
        rc = ccp_gen_yield(g, &(long){ VALUE }, CCP_FOREVER);
    return rc;
}

static void set_gen(stage *s)
{
    s->gate = ccp_chan_new(0, 1);
    s->gen = ccp_gen_new(yield_what_the_gate_lets_through, s,
                         &(ccp_gen_opts){ .elem_size = sizeof(long), .capacity = 1 });
    assert_non_null(s->gen);
    s->value = UNTOUCHED;
}

static bool let_one_through(stage *s)
{
    return ccp_chan_send(s->gate, NULL, CCP_NOWAIT) == CCP_OK;
}

static void one_is_yielded(stage *s)
{
    assert_true(let_one_through(s));
    WAIT_UNTIL(ccp_chan_len(ccp_gen_chan(s->gen)) == 1);
}

static ccp_status call_gen_next(stage *s, ccp_wait w)
{
    return ccp_gen_next(s->gen, &s->value, w);
}

static ccp_status close_gen(stage *s)
{
    return ccp_chan_close(ccp_gen_chan(s->gen));
}

static void nothing_was_yielded(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_nobody_waits(ccp_gen_chan(s->gen));
}

static void one_was_received(stage *s)
{
    assert_int_equal(s->value, VALUE);
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)), 0);
}

static void yields_agree(stage *s, bool ok, bool served)
{
    assert_true(served || !ok);
    assert_int_equal(s->value, ok ? VALUE : UNTOUCHED);
    if (!served || ok)
        return;
    ASSERT_STATUS(ccp_gen_next(s->gen, &s->value, CCP_FOREVER), CCP_OK);
    one_was_received(s);
}

static void clear_gen(stage *s)
{
    ASSERT_STATUS(ccp_gen_free(s->gen), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* The generator's channel is full; this thread yields for its function, which sleeps. */
static void set_full_gen(stage *s)
{
    set_gen(s);
    ASSERT_STATUS(ccp_gen_yield(s->gen, &s->value, CCP_NOWAIT), CCP_OK);
    s->value = VALUE;
}

static bool take_yielded(stage *s)
{
    return ccp_gen_next(s->gen, NULL, CCP_NOWAIT) == CCP_OK;
}

static void make_room(stage *s)
{
    assert_true(take_yielded(s));
}

static ccp_status call_gen_yield(stage *s, ccp_wait w)
{
    return ccp_gen_yield(s->gen, &s->value, w);
}

static void gen_is_full(stage *s)
{
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)), 1);
    assert_nobody_waits(ccp_gen_chan(s->gen));
}

static void value_was_yielded(stage *s)
{
    long v = 0;
    ASSERT_STATUS(ccp_gen_next(s->gen, &v, CCP_NOWAIT), CCP_OK);
    assert_int_equal(v, VALUE);
}

static void room_agrees(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)) + served, 1 + ok);
}

/* --- fan --- */

static ccp_status step_at_gate(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    stage *s = arg;
    (void)ctx;
    (void)in;
    (void)out;
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    atomic_fetch_add(&s->ran, 1);
    return CCP_OK;
}

/* One element, with which the worker is under way. */
static void set_fan(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->ch = ccp_chan_new(0, 1);
    ASSERT_STATUS(ccp_chan_send(s->ch, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(s->ch), CCP_OK);
    s->fan = ccp_fan_out(s->ch, step_at_gate, &(ccp_fan_opts){ .workers = 1, .arg = s });
    assert_non_null(s->fan);
}

static bool open_gate(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

static void fan_is_done(stage *s)
{
    (void)open_gate(s);
    WAIT_UNTIL(ccp_fan_wait(s->fan, CCP_NOWAIT) == CCP_OK);
    assert_int_equal(s->ran, 1);
}

static ccp_status call_fan_wait(stage *s, ccp_wait w)
{
    return ccp_fan_wait(s->fan, w);
}

static void fan_is_under_way(stage *s)
{
    ASSERT_STATUS(ccp_fan_wait(s->fan, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(s->ran, 0);
}

static void fans_agree(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    fan_is_done(s);
}

static void clear_fan(stage *s)
{
    fan_is_done(s);
    ASSERT_STATUS(ccp_fan_free(s->fan), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- parallel for --- */

static ccp_status range_at_gate(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    stage *s = arg;
    MUST(begin == 0 && end == 1);
    ccp_status rc = ccp_chan_recv(s->gate, NULL, ccp_with(ctx));
    atomic_fetch_add(&s->ran, rc == CCP_CLOSED);
    return rc == CCP_CLOSED ? CCP_OK : rc;
}

static ccp_status step_or_give_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)in;
    (void)out;
    return range_at_gate(ctx, 0, 1, arg);
}

static void set_gate(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
}

static ccp_status call_parallel_for(stage *s, ccp_wait w)
{
    return ccp_parallel_for(1, range_at_gate, s, NULL, w);
}

static ccp_status call_parallel_map(stage *s, ccp_wait w)
{
    return ccp_parallel_map(1, step_or_give_up, s, NULL, w);
}

static void nothing_was_done(stage *s)
{
    assert_int_equal(s->ran, 0);
    assert_nobody_waits(s->gate);
}

static void all_was_done(stage *s)
{
    assert_int_equal(s->ran, s->successes);
}

static void ranges_agree(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    all_was_done(s);
}

static void clear_gate(stage *s)
{
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- gather --- */

static ccp_status part_at_gate(ccp_ctx *ctx, void *arg)
{
    return range_at_gate(ctx, 0, 1, arg);
}

static ccp_status call_gather(stage *s, ccp_wait w)
{
    ccp_part part = { part_at_gate, s, CCP_OK };
    return ccp_gather(&part, 1, NULL, w);
}

/* --- breaker and retry --- */

static ccp_status call_breaker_run(stage *s, ccp_wait w)
{
    return ccp_breaker_run(s->breaker, part_at_gate, s, NULL, w);
}

static void set_breaker(stage *s)
{
    set_gate(s);
    s->breaker = ccp_breaker_new(NULL);
    assert_non_null(s->breaker);
}

static void clear_breaker(stage *s)
{
    clear_gate(s);
    ASSERT_STATUS(ccp_breaker_free(s->breaker), CCP_OK);
}

/* Waits at the gate in its second attempt. */
static ccp_status fail_then_wait(ccp_ctx *ctx, void *arg)
{
    if (ccp_retry_attempt(ctx) == 1)
        return CCP_FAILED;
    return part_at_gate(ctx, arg);
}

static ccp_status call_retry(stage *s, ccp_wait w)
{
    const ccp_retry_opts o = { .attempts = 2, .backoff = ccp_backoff_constant(0) };
    return ccp_retry(&o, fail_then_wait, s, NULL, w);
}

/* --- batcher --- */

static void count_items(ccp_batch_item *items, size_t n, void *arg)
{
    stage *s = arg;
    for (size_t i = 0; i < n; i++)
        MUST(items[i].param == s && items[i].status == CCP_OK);
    atomic_fetch_add(&s->ran, (long)n);
}

/* A batch that nobody but a flush begins. */
static void set_batcher(stage *s)
{
    s->batcher = ccp_batcher_new(
        &(ccp_batcher_opts){ .fn = count_items, .arg = s, .delay_ns = INT64_MAX });
    assert_non_null(s->batcher);
}

static ccp_status call_batcher(stage *s, ccp_wait w)
{
    return ccp_batcher_call(s->batcher, s, NULL, w);
}

static ccp_batcher_info batcher_info(ccp_batcher *b)
{
    ccp_batcher_info info;
    MUST(ccp_batcher_get_info(b, &info) == CCP_OK);
    return info;
}

static bool flush_batcher(stage *s)
{
    if (batcher_info(s->batcher).waiting == 0)
        return false;
    return ccp_batcher_flush(s->batcher) == CCP_OK;
}

static void nobody_waits_in_batcher(stage *s)
{
    const ccp_batcher_info info = batcher_info(s->batcher);
    assert_int_equal(info.waiting + info.handling, 0);
    assert_int_equal(info.handled, 0);
    assert_int_equal(s->ran, 0);
}

static void batch_was_handled(stage *s)
{
    assert_int_equal(s->ran, s->successes);
}

static void batches_agree(stage *s, bool ok, bool served)
{
    (void)served; /* it may have left at the moment of the flush */
    assert_int_equal(s->ran, ok);
}

static void clear_batcher(stage *s)
{
    ASSERT_STATUS(ccp_batcher_free(s->batcher), CCP_OK);
}

/* --- merge --- */

static void set_merge(stage *s)
{
    s->ch = ccp_chan_new(sizeof(long), 1);
    s->merge = ccp_merge_new(NULL, NULL);
    s->value = s->chosen = UNTOUCHED;
    ASSERT_STATUS(ccp_merge_add(s->merge, s->ch, NULL), CCP_OK);
}

static bool send_one(stage *s)
{
    return ccp_chan_send(s->ch, &(long){ VALUE }, CCP_NOWAIT) == CCP_OK;
}

static void one_is_sent(stage *s)
{
    assert_true(send_one(s));
}

static ccp_status call_merge_recv(stage *s, ccp_wait w)
{
    ccp_status rc = ccp_merge_recv(s->merge, &s->value, &s->chosen, w);
    MUST(s->chosen == (rc == CCP_OK ? 0 : UNTOUCHED));
    s->chosen = UNTOUCHED;
    return rc;
}

static ccp_status close_merge(stage *s)
{
    ccp_status rc = ccp_merge_close(s->merge);
    (void)ccp_chan_close(s->ch);
    return rc;
}

static void nothing_was_merged(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_nobody_waits(s->ch);
}

static void one_was_merged(stage *s)
{
    assert_int_equal(s->value, VALUE);
    assert_int_equal(ccp_chan_len(s->ch), 0);
}

static void merges_agree(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(s->ch) + ok, served);
}

static void clear_merge(stage *s)
{
    ASSERT_STATUS(ccp_merge_free(s->merge), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->ch), CCP_OK);
}

const column columns_flow[] = {
    { .name = "gather",
      .set = set_gate,
      .call = call_gather,
      .serve = open_gate,
      .unchanged = nothing_was_done,
      .done = all_was_done,
      .raced = ranges_agree,
      .clear = clear_gate,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "breaker_run",
      .set = set_breaker,
      .call = call_breaker_run,
      .serve = open_gate,
      .unchanged = nothing_was_done,
      .done = all_was_done,
      .raced = ranges_agree,
      .clear = clear_breaker,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "retry",
      .set = set_gate,
      .call = call_retry,
      .serve = open_gate,
      .unchanged = nothing_was_done,
      .done = all_was_done,
      .raced = ranges_agree,
      .clear = clear_gate,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "batcher_call",
      .set = set_batcher,
      .call = call_batcher,
      .serve = flush_batcher,
      .unchanged = nobody_waits_in_batcher,
      .done = batch_was_handled,
      .raced = batches_agree,
      .clear = clear_batcher,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT,
      .once = true },
    { .name = "merge_recv",
      .set = set_merge,
      .ready = one_is_sent,
      .call = call_merge_recv,
      .serve = send_one,
      .close = close_merge,
      .unchanged = nothing_was_merged,
      .done = one_was_merged,
      .raced = merges_agree,
      .clear = clear_merge,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "fan_wait",
      .set = set_fan,
      .ready = fan_is_done,
      .call = call_fan_wait,
      .serve = open_gate,
      .unchanged = fan_is_under_way,
      .done = fan_is_done,
      .raced = fans_agree,
      .clear = clear_fan,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "parallel_for",
      .set = set_gate,
      .call = call_parallel_for,
      .serve = open_gate,
      .unchanged = nothing_was_done,
      .done = all_was_done,
      .raced = ranges_agree,
      .clear = clear_gate,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "parallel_map",
      .set = set_gate,
      .call = call_parallel_map,
      .serve = open_gate,
      .unchanged = nothing_was_done,
      .done = all_was_done,
      .raced = ranges_agree,
      .clear = clear_gate,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "gen_next",
      .set = set_gen,
      .ready = one_is_yielded,
      .call = call_gen_next,
      .serve = let_one_through,
      .close = close_gen,
      .unchanged = nothing_was_yielded,
      .done = one_was_received,
      .raced = yields_agree,
      .clear = clear_gen,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "gen_yield",
      .set = set_full_gen,
      .ready = make_room,
      .call = call_gen_yield,
      .serve = take_yielded,
      .close = close_gen,
      .unchanged = gen_is_full,
      .done = value_was_yielded,
      .raced = room_agrees,
      .clear = clear_gen,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
};
const size_t columns_flow_n = LENGTH(columns_flow);
