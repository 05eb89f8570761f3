/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about pipelines, and shutdown.
 */
#include "wait_columns.h"

enum { VALUE = 800 };

static ccp_status make_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    stage *s = arg;
    (void)ctx;
    (void)in;
    if (atomic_fetch_add(&s->entered, 1) != 0)
        return CCP_CLOSED;
    *(long *)out = VALUE;
    return CCP_OK;
}

static ccp_status sink_at_gate(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    stage *s = arg;
    (void)out;
    MUST(*(const long *)in == VALUE);
    ccp_status rc = ccp_chan_recv(s->gate, NULL, ccp_with(ctx));
    atomic_fetch_add(&s->ran, rc == CCP_CLOSED);
    return rc == CCP_CLOSED ? CCP_OK : rc;
}

static bool open_gate(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

static void add_source(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->pipeline = ccp_pipeline_new(NULL);
    ccp_pipeline_source(s->pipeline, make_one,
                        &(ccp_stage_opts){ .arg = s, .out_size = sizeof(long) });
}

static void clear_pipeline(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_pipeline_free(s->pipeline), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

static void nothing_came_through(stage *s)
{
    assert_int_equal(s->ran, 0);
}

static void one_came_through(stage *s)
{
    assert_int_equal(s->ran, 1);
}

/* --- run: not started yet --- */

static void set_plan(stage *s)
{
    add_source(s);
    ccp_pipeline_sink(s->pipeline, sink_at_gate, &(ccp_stage_opts){ .arg = s });
}

static ccp_status call_pipeline_run(stage *s, ccp_wait w)
{
    return ccp_pipeline_run(s->pipeline, w);
}

static void runs_agree(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        one_came_through(s);
}

/* --- wait --- */

static void set_run(stage *s)
{
    set_plan(s);
    ASSERT_STATUS(ccp_pipeline_start(s->pipeline), CCP_OK);
}

static ccp_status call_pipeline_wait(stage *s, ccp_wait w)
{
    return ccp_pipeline_wait(s->pipeline, w);
}

static void run_has_ended(stage *s)
{
    (void)open_gate(s);
    WAIT_UNTIL(ccp_pipeline_wait(s->pipeline, CCP_NOWAIT) == CCP_OK);
    one_came_through(s);
}

static ccp_status cancel_run(stage *s)
{
    ccp_status rc = ccp_pipeline_cancel(s->pipeline);
    WAIT_UNTIL(ccp_pipeline_wait(s->pipeline, CCP_NOWAIT) != CCP_AGAIN);
    return rc;
}

static void waits_agree(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    run_has_ended(s);
}

/* --- emit: this thread does it for a step that sleeps --- */

static ccp_status lend_out(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    stage *s = arg;
    (void)ctx;
    (void)in;
    s->out = out;
    atomic_store(&s->ran, 1);
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    return CCP_OK;
}

static void set_full_stage(stage *s)
{
    add_source(s);
    ccp_pipeline_flat_map(s->pipeline, lend_out,
                          &(ccp_stage_opts){ .arg = s, .out_size = sizeof(long) });
    s->ch = ccp_pipeline_output(s->pipeline, &(ccp_stage_opts){ .queue = 1 });
    ASSERT_STATUS(ccp_pipeline_start(s->pipeline), CCP_OK);
    WAIT_UNTIL(atomic_load(&s->ran) == 1);
    ASSERT_STATUS(ccp_stage_emit(s->out, &s->value, CCP_NOWAIT), CCP_OK);
    s->value = VALUE;
}

static ccp_status call_stage_emit(stage *s, ccp_wait w)
{
    return ccp_stage_emit(s->out, &s->value, w);
}

static bool take_one(stage *s)
{
    return ccp_chan_recv(s->ch, NULL, CCP_NOWAIT) == CCP_OK;
}

static void make_room(stage *s)
{
    assert_true(take_one(s));
}

static ccp_status close_output(stage *s)
{
    return ccp_chan_close(s->ch);
}

static void output_is_full(stage *s)
{
    assert_int_equal(ccp_chan_len(s->ch), 1);
    assert_nobody_waits(s->ch);
}

static void value_was_emitted(stage *s)
{
    long v = 0;
    ASSERT_STATUS(ccp_chan_recv(s->ch, &v, CCP_NOWAIT), CCP_OK);
    assert_int_equal(v, VALUE);
}

static void output_agrees(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(s->ch) + served, 1 + ok);
}

/* --- shutdown --- */

static ccp_status step_of_shutdown(void *arg, ccp_wait w)
{
    stage *s = arg;
    ccp_status st = ccp_chan_recv(s->gate, NULL, w);
    atomic_fetch_add(&s->ran, st == CCP_CLOSED);
    return st == CCP_CLOSED ? CCP_OK : st;
}

static void set_shutdown(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->shutdown = ccp_shutdown_new();
    assert_non_null(s->shutdown);
    ASSERT_STATUS(ccp_shutdown_add(s->shutdown, CCP_PHASE_DRAIN, "gate", step_of_shutdown, s),
                  CCP_OK);
}

static ccp_status call_shutdown_run(stage *s, ccp_wait w)
{
    return ccp_shutdown_run(s->shutdown, NULL, w);
}

static void clear_shutdown(stage *s)
{
    ASSERT_STATUS(ccp_shutdown_free(s->shutdown), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

const column columns_pipe[] = {
    { .name = "shutdown_run",
      .set = set_shutdown,
      .call = call_shutdown_run,
      .serve = open_gate,
      .unchanged = nothing_came_through,
      .done = one_came_through,
      .raced = runs_agree,
      .clear = clear_shutdown,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT,
      .once = true },
    { .name = "pipeline_run",
      .set = set_plan,
      .call = call_pipeline_run,
      .serve = open_gate,
      .unchanged = nothing_came_through,
      .done = one_came_through,
      .raced = runs_agree,
      .clear = clear_pipeline,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT,
      .once = true },
    { .name = "pipeline_wait",
      .set = set_run,
      .ready = run_has_ended,
      .call = call_pipeline_wait,
      .serve = open_gate,
      .close = cancel_run,
      .unchanged = nothing_came_through,
      .done = one_came_through,
      .raced = waits_agree,
      .clear = clear_pipeline,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "stage_emit",
      .set = set_full_stage,
      .ready = make_room,
      .call = call_stage_emit,
      .serve = take_one,
      .close = close_output,
      .unchanged = output_is_full,
      .done = value_was_emitted,
      .raced = output_agrees,
      .clear = clear_pipeline,
      .success = CCP_OK,
      .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
};
const size_t columns_pipe_n = LENGTH(columns_pipe);
