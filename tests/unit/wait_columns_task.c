/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about groups.
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

const column columns_task[] = {
    { .name = "group_wait", .set = set_group, .ready = finish_group, .call = call_group_wait,
      .serve = open_gate, .unchanged = group_is_busy, .done = group_has_run_all,
      .raced = group_agrees, .clear = clear_group, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "group_go", .set = set_group, .ready = finish_group, .call = call_group_go,
      .serve = open_gate, .unchanged = group_is_busy, .done = group_has_run_all,
      .raced = group_agrees, .clear = clear_group, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
};
const size_t columns_task_n = LENGTH(columns_task);
