/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are not about channels.
 */
#include "wait_columns.h"

stage *stage_new(const column *c)
{
    stage *s = calloc(1, sizeof *s);
    MUST(s);
    s->c = c;
    c->set(s);
    return s;
}

void stage_free(stage *s)
{
    s->c->clear(s);
    free(s);
}

static void nothing_to_see(stage *s)
{
    (void)s;
}

/* --- sleep --- */

static ccp_status call_sleep(stage *s, ccp_wait w)
{
    (void)s;
    return ccp_sleep(w);
}

/* --- wait group --- */

static void set_group(stage *s)
{
    ASSERT_STATUS(ccp_wg_add(&s->wg, 1), CCP_OK);
}

static void finish_group(stage *s)
{
    ASSERT_STATUS(ccp_wg_done(&s->wg), CCP_OK);
}

static bool serve_group(stage *s)
{
    return ccp_wg_done(&s->wg) == CCP_OK;
}

static ccp_status call_wg_wait(stage *s, ccp_wait w)
{
    return ccp_wg_wait(&s->wg, w);
}

static void group_is_under_way(stage *s)
{
    ASSERT_STATUS(ccp_wg_add(&s->wg, 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&s->wg), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&s->wg, CCP_NOWAIT), CCP_AGAIN);
}

static void group_is_done(stage *s)
{
    ASSERT_STATUS(ccp_wg_wait(&s->wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&s->wg, 1), CCP_OK); /* nobody is on the way back */
    ASSERT_STATUS(ccp_wg_done(&s->wg), CCP_OK);
}

static void group_agrees(stage *s, bool ok, bool served)
{
    (void)ok;
    assert_true(served);
    group_is_done(s);
}

/* --- a hook that runs elsewhere --- */

static void run_until_gate(void *arg)
{
    stage *s = arg;
    atomic_fetch_add(&s->entered, 1);
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    atomic_fetch_add(&s->ran, 1);
}

static void cancel_the_hooked(actor *a)
{
    ccp_ctx_cancel(a->arg);
}

static void set_hook(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(s->ctx, &s->hook, run_until_gate, s), CCP_OK);
    s->helper = (actor){ .arg = s->ctx };
    s->helped = true;
    actor_start(&s->helper, cancel_the_hooked);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static bool open_gate(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

static void finish_hook(stage *s)
{
    assert_true(open_gate(s));
    actor_join(&s->helper);
    s->helped = false;
}

static ccp_status call_unhook(stage *s, ccp_wait w)
{
    ccp_status rc = ccp_ctx_unhook(&s->hook, w);
    if (rc == CCP_CLOSED || rc == CCP_OK)
        s->unhooked = true;
    return rc;
}

static void hook_runs_still(stage *s)
{
    assert_int_equal(s->ran, 0);
    ASSERT_STATUS(ccp_ctx_free(s->ctx), CCP_BUSY);
}

static void hook_has_run(stage *s)
{
    assert_int_equal(s->entered, 1);
    assert_int_equal(s->ran, 1);
}

static void hook_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        assert_int_equal(s->ran, 1);
}

static void clear_hook(stage *s)
{
    (void)open_gate(s);
    if (!s->unhooked)
        ASSERT_STATUS(ccp_ctx_unhook(&s->hook, CCP_FOREVER), CCP_CLOSED);
    if (s->helped)
        actor_join(&s->helper);
    ASSERT_STATUS(ccp_ctx_free(s->ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- pool --- */

static ccp_status wait_at_gate(ccp_ctx *ctx, void *arg)
{
    stage *s = arg;
    atomic_fetch_add(&s->entered, 1);
    (void)!ccp_chan_recv(s->gate, NULL, ccp_with(ctx));
    return CCP_OK;
}

static ccp_status count_task(ccp_ctx *ctx, void *arg)
{
    stage *s = arg;
    (void)ctx;
    atomic_fetch_add(&s->ran, 1);
    return CCP_OK;
}

static void count_unrun(ccp_task fn, void *task_arg, void *unrun_arg)
{
    stage *s = unrun_arg;
    MUST(fn == count_task && task_arg == s);
    atomic_fetch_add(&s->unrun, 1);
}

/* One worker, kept busy, and a full queue behind it. */
static void set_pool(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = s->c->capacity, .unrun = count_unrun, .unrun_arg = s });
    assert_non_null(s->pool);
    ASSERT_STATUS(ccp_pool_submit(s->pool, wait_at_gate, s, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
    for (size_t i = 0; i < s->c->capacity; i++) {
        ASSERT_STATUS(ccp_pool_submit(s->pool, count_task, s, CCP_NOWAIT), CCP_OK);
        s->queued++;
    }
}

static ccp_pool_info pool_info(const stage *s)
{
    ccp_pool_info info;
    MUST(ccp_pool_get_info(s->pool, &info) == CCP_OK);
    return info;
}

static void empty_pool(stage *s)
{
    assert_true(open_gate(s));
    WAIT_UNTIL(pool_info(s).finished == (uint64_t)s->queued + 1);
}

static ccp_status close_pool(stage *s)
{
    return ccp_pool_close(s->pool);
}

static ccp_status call_submit(stage *s, ccp_wait w)
{
    return ccp_pool_submit(s->pool, count_task, s, w);
}

static ccp_status call_drain(stage *s, ccp_wait w)
{
    return ccp_pool_drain(s->pool, w);
}

static ccp_status call_pool_wait(stage *s, ccp_wait w)
{
    return ccp_pool_wait(s->pool, w);
}

static ccp_status call_shutdown(stage *s, ccp_wait w)
{
    s->shut = true;
    return ccp_pool_shutdown(s->pool, count_unrun, s, w);
}

static void pool_is_still_busy(stage *s)
{
    assert_int_equal(pool_info(s).queued, s->queued);
    assert_int_equal(pool_info(s).finished, 0);
    assert_int_equal(s->ran, 0);
}

static void pool_has_run_all(stage *s)
{
    (void)open_gate(s);
    ASSERT_STATUS(ccp_pool_drain(s->pool, CCP_FOREVER), CCP_OK);
    bool submits = s->c->call == call_submit;
    assert_int_equal(s->ran, s->queued + (submits ? s->successes : 0));
    assert_int_equal(s->unrun, 0);
}

static void pool_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok && s->c->call != call_submit)
        assert_int_equal(s->ran, s->queued);
    pool_has_run_all(s);
}

/* After a shutdown that failed: nothing is lost, and it is shut down all the same. */
static void pool_is_shut(stage *s)
{
    assert_int_equal(s->ran + s->unrun, s->queued);
    ASSERT_STATUS(ccp_pool_submit(s->pool, count_task, s, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_shutdown(s->pool, count_unrun, s, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(s->ran + s->unrun, s->queued);
}

static void shutdown_agrees(stage *s, bool ok, bool served)
{
    (void)served;
    if (ok)
        assert_int_equal(s->ran, s->queued);
    pool_is_shut(s);
}

static void clear_pool(stage *s)
{
    (void)open_gate(s);
    if (!s->shut)
        ASSERT_STATUS(ccp_pool_shutdown(s->pool, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(s->pool), CCP_OK);
    if (s->c->call == call_submit)
        assert_int_equal(s->ran + s->unrun, s->queued + s->successes);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

const column columns_other[] = {
    { .name = "sleep", .set = nothing_to_see, .call = call_sleep, .unchanged = nothing_to_see,
      .clear = nothing_to_see, .success = CCP_OK, .at_once = CCP_OK, .too_late = CCP_OK },
    { .name = "wg_wait", .set = set_group, .ready = finish_group, .call = call_wg_wait,
      .serve = serve_group, .unchanged = group_is_under_way, .done = group_is_done,
      .raced = group_agrees, .clear = nothing_to_see, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "ctx_unhook", .set = set_hook, .ready = finish_hook, .call = call_unhook,
      .serve = open_gate, .unchanged = hook_runs_still, .done = hook_has_run,
      .raced = hook_agrees, .clear = clear_hook, .success = CCP_CLOSED, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "pool_submit, queue 1", .set = set_pool, .ready = empty_pool, .call = call_submit,
      .serve = open_gate, .close = close_pool, .unchanged = pool_is_still_busy,
      .done = pool_has_run_all, .raced = pool_agrees, .clear = clear_pool, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT, .capacity = 1 },
    { .name = "pool_submit, queue 0", .set = set_pool, .call = call_submit, .serve = open_gate,
      .close = close_pool, .unchanged = pool_is_still_busy, .done = pool_has_run_all,
      .raced = pool_agrees, .clear = clear_pool, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
    { .name = "pool_drain", .set = set_pool, .ready = empty_pool, .call = call_drain,
      .serve = open_gate, .unchanged = pool_is_still_busy, .done = pool_has_run_all,
      .raced = pool_agrees, .clear = clear_pool, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT, .capacity = 3 },
    { .name = "pool_wait", .set = set_pool, .ready = empty_pool, .call = call_pool_wait,
      .serve = open_gate, .unchanged = pool_is_still_busy, .done = pool_has_run_all,
      .raced = pool_agrees, .clear = clear_pool, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT, .capacity = 3 },
    { .name = "pool_shutdown", .set = set_pool, .ready = empty_pool, .call = call_shutdown,
      .serve = open_gate, .unchanged = pool_is_shut, .done = pool_is_shut,
      .raced = shutdown_agrees, .clear = clear_pool, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT, .once = true, .capacity = 3 },
};
const size_t columns_other_n = LENGTH(columns_other);
