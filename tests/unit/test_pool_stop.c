/* SPDX-License-Identifier: MIT
 *
 * Worker pools: close, shutdown, free.
 */
#include "support.h"

static gate task_gate = GATE_INIT;

typedef struct ledger {
    atomic_long ran, unrun, unrun_twice, misses;
    atomic_long state[64]; /* per task: 0 nothing yet, 1 ran, 2 handed back */
} ledger;

typedef struct entry {
    ledger *l;
    size_t i;
} entry;

static ccp_status run_entry(ccp_ctx *ctx, void *arg)
{
    entry *e = arg;
    (void)ctx;
    MUST(atomic_fetch_add(&e->l->state[e->i], 1) == 0);
    atomic_fetch_add(&e->l->ran, 1);
    return CCP_OK;
}

static ccp_status pass_gate_then_run(ccp_ctx *ctx, void *arg)
{
    gate_pass(&task_gate);
    return run_entry(ctx, arg);
}

/* Waits for its context, as a task should. */
static ccp_status run_until_told(ccp_ctx *ctx, void *arg)
{
    atomic_fetch_add(&task_gate.arrived, 1);
    ccp_status rc = ccp_sleep(ccp_with(ctx));
    MUST(rc == CCP_CANCELED);
    (void)run_entry(ctx, arg);
    return rc;
}

static void take_back(ccp_task fn, void *task_arg, void *unrun_arg)
{
    entry *e = task_arg;
    MUST(unrun_arg == e->l);
    MUST(fn == run_entry || fn == pass_gate_then_run || fn == run_until_told);
    MUST(atomic_fetch_add(&e->l->state[e->i], 2) == 0);
    atomic_fetch_add(&e->l->unrun, 1);
}

typedef struct yard {
    ledger l;
    entry e[64];
    ccp_pool *p;
    size_t n; /* accepted */
} yard;

static void submit(yard *y, ccp_task fn)
{
    y->e[y->n] = (entry){ &y->l, y->n };
    ASSERT_STATUS(ccp_pool_submit(y->p, fn, &y->e[y->n], CCP_FOREVER), CCP_OK);
    y->n++;
}

/* A pool of one worker, which runs a first task of kind fn, with `queued` tasks behind it. */
static yard *busy_yard(ccp_task fn, size_t queued, bool own_unrun)
{
    yard *y = calloc(1, sizeof *y);
    ccp_pool_opts o = { .workers = 1, .queue = 16 };
    if (own_unrun) {
        o.unrun = take_back;
        o.unrun_arg = &y->l;
    }
    y->p = ccp_pool_new(&o);
    assert_non_null(y->p);
    gate_shut(&task_gate);
    submit(y, fn);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 1);
    for (size_t i = 0; i < queued; i++)
        submit(y, run_entry);
    return y;
}

static void free_yard(yard *y, long ran, long unrun)
{
    ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
    assert_int_equal(y->l.ran, ran); /* P3 */
    assert_int_equal(y->l.unrun, unrun);
    assert_int_equal((size_t)(ran + unrun), y->n);
    free(y);
}

TEST(a_closed_pool_runs_what_it_accepted_and_accepts_no_more) /* P3 */
{
    yard *y = busy_yard(pass_gate_then_run, 5, true);
    ASSERT_STATUS(ccp_pool_close(y->p), CCP_OK);
    ASSERT_STATUS(ccp_pool_close(y->p), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_submit(y->p, run_entry, &y->e[9], CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_submit(y->p, run_entry, &y->e[9], CCP_NOWAIT), CCP_CLOSED);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(y->p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y->l.ran, 6);
    free_yard(y, 6, 0);
}

static void submit_waiting(actor *a)
{
    yard *y = a->arg;
    y->e[63] = (entry){ &y->l, 63 };
    actor_calls(a);
    a->rc = ccp_pool_submit(y->p, run_entry, &y->e[63], CCP_FOREVER);
}

TEST(close_releases_a_waiting_submitter)
{
    yard *y = busy_yard(pass_gate_then_run, 16, true);
    actor a = { .arg = y };
    actor_start(&a, submit_waiting);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pool_close(y->p), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, NULL, NULL, CCP_FOREVER), CCP_OK);
    free_yard(y, 17, 0);
}

TEST(shutdown_for_ever_runs_everything) /* P3 */
{
    yard *y = busy_yard(pass_gate_then_run, 10, true);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, take_back, &y->l, CCP_FOREVER), CCP_OK);
    assert_int_equal(y->l.ran, 11);
    ASSERT_STATUS(ccp_pool_submit(y->p, run_entry, &y->e[20], CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, take_back, &y->l, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_close(y->p), CCP_CLOSED);
    free_yard(y, 11, 0);
}

TEST(shutdown_of_an_idle_pool_needs_no_wait) /* W1 */
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 3, .queue = 4 });
    ASSERT_STATUS(ccp_pool_shutdown(p, NULL, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static void shut_down_in(yard *y, ccp_wait w, ccp_status expected, bool to_pool)
{
    ccp_status rc = to_pool ? ccp_pool_shutdown(y->p, NULL, NULL, w) :
                              ccp_pool_shutdown(y->p, take_back, &y->l, w);
    ASSERT_STATUS(rc, expected);
    assert_int_equal(y->l.ran, 1);
    assert_int_equal(y->l.unrun, y->n - 1); /* handed back before it returned */
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_get_info(y->p, &info), CCP_OK);
    assert_int_equal(info.queued, 0);
    assert_int_equal(info.finished, 1);
}

TEST(shutdown_that_runs_out_of_time_hands_back_what_did_not_start) /* P3 W3 */
{
    for (int to_pool = 0; to_pool < 2; to_pool++)
        for (size_t queued = 0; queued <= 16; queued += 8) {
            yard *y = busy_yard(run_until_told, queued, to_pool);
            shut_down_in(y, CCP_NOWAIT, CCP_AGAIN, to_pool);
            free_yard(y, 1, (long)queued);
            y = busy_yard(run_until_told, queued, to_pool);
            shut_down_in(y, ccp_within(0), CCP_TIMEOUT, to_pool);
            free_yard(y, 1, (long)queued);
            y = busy_yard(run_until_told, queued, to_pool);
            shut_down_in(y, ccp_within(CCP_MS(1)), CCP_TIMEOUT, to_pool);
            free_yard(y, 1, (long)queued);
        }
}

static void drain_there(actor *a)
{
    yard *y = a->arg;
    actor_calls(a);
    a->rc = ccp_pool_drain(y->p, CCP_FOREVER);
}

TEST(drain_says_closed_when_a_shutdown_handed_tasks_back) /* P4 */
{
    yard *y = busy_yard(run_until_told, 3, true);
    actor a = { .arg = y };
    actor_start(&a, drain_there);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_drain(y->p, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_wait(y->p, CCP_FOREVER), CCP_CLOSED);
    free_yard(y, 1, 3);
    y = busy_yard(pass_gate_then_run, 3, true);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(y->p, CCP_FOREVER), CCP_OK); /* all have run */
    free_yard(y, 4, 0);
}

TEST(shutdown_ends_with_its_context) /* W2 */
{
    ccp_ctx *canceled = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(canceled);
    ccp_ctx *brief = ccp_ctx_new(NULL, ccp_within(CCP_MS(2)));
    yard *y = busy_yard(run_until_told, 3, false);
    shut_down_in(y, ccp_with(canceled), CCP_CANCELED, false);
    free_yard(y, 1, 3);
    y = busy_yard(run_until_told, 3, false);
    shut_down_in(y, ccp_with(brief), CCP_TIMEOUT, false);
    free_yard(y, 1, 3);
    ASSERT_STATUS(ccp_ctx_free(canceled), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(brief), CCP_OK);
}

TEST(tasks_nobody_takes_back_are_not_run_either)
{
    yard *y = busy_yard(run_until_told, 3, false);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
    assert_int_equal(y->l.ran, 1);
    assert_int_equal(y->l.unrun, 0);
    free(y);
}

TEST(free_cancels_what_runs_and_hands_back_what_did_not_start) /* P3 */
{
    yard *y = busy_yard(run_until_told, 7, true);
    free_yard(y, 1, 7);
}

TEST(free_of_a_closed_pool_hands_back_what_did_not_start) /* P3 */
{
    yard *y = busy_yard(run_until_told, 7, true);
    ASSERT_STATUS(ccp_pool_close(y->p), CCP_OK);
    free_yard(y, 1, 7);
}

TEST(free_releases_nobody_but_the_workers)
{
    for (size_t round = 0; round < scaled(300); round++) {
        ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = round % 3 });
        assert_non_null(p);
        if (round % 2)
            ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* A task that is handed back may call the library: nothing is locked. */
static void take_back_and_call(ccp_task fn, void *task_arg, void *unrun_arg)
{
    yard *y = unrun_arg;
    ccp_pool_info info;
    entry *e = task_arg;
    MUST(ccp_pool_get_info(y->p, &info) == CCP_OK);
    MUST(ccp_pool_submit(y->p, fn, task_arg, CCP_NOWAIT) == CCP_CLOSED);
    MUST(ccp_pool_close(y->p) == CCP_CLOSED);
    atomic_fetch_add(&e->l->unrun, 1);
}

TEST(the_function_that_takes_back_may_call_the_pool) /* G3 */
{
    yard *y = busy_yard(run_until_told, 4, false);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, take_back_and_call, y, CCP_NOWAIT), CCP_AGAIN);
    free_yard(y, 1, 4);
}

/* --- submit against shutdown --- */

static void submit_many(actor *a)
{
    yard *y = a->arg;
    for (size_t i = a->index * 16; i < a->index * 16 + 16; i++) {
        y->e[i] = (entry){ &y->l, i };
        ccp_status rc = ccp_pool_submit(y->p, run_entry, &y->e[i], CCP_FOREVER);
        MUST(rc == CCP_OK || rc == CCP_CLOSED);
        a->value += rc == CCP_OK;
    }
}

TEST(no_task_is_lost_between_submit_and_shutdown) /* P3 */
{
    long handed_back = 0;
    for (size_t round = 0; round < scaled(400); round++) {
        yard *y = calloc(1, sizeof *y);
        y->p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = round % 5 });
        actor a[3];
        long accepted = 0;
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = y, .index = i };
            actor_start(&a[i], submit_many);
        }
        if (round % 2)
            WAIT_UNTIL(atomic_load(&y->l.ran) > 3);
        ccp_status rc = ccp_pool_shutdown(y->p, take_back, &y->l, CCP_NOWAIT);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            accepted += a[i].value;
        }
        assert_int_equal(y->l.ran + y->l.unrun, accepted);
        if (y->l.unrun)
            ASSERT_STATUS(rc, CCP_AGAIN);
        handed_back += y->l.unrun;
        ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
        free(y);
    }
    print_message("%ld tasks were handed back\n", handed_back);
}

TEST(an_aborted_pool_hands_back_what_waits_and_tells_those_that_run) /* P3 */
{
    yard *y = busy_yard(run_until_told, 10, true);
    ASSERT_STATUS(ccp_pool_abort(y->p, NULL, NULL), CCP_OK);
    assert_int_equal(y->l.unrun, 10);
    ASSERT_STATUS(ccp_pool_submit(y->p, run_entry, &y->e[20], CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_wait(y->p, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(y->l.ran, 1);
    ASSERT_STATUS(ccp_pool_abort(y->p, NULL, NULL), CCP_OK);
    ASSERT_STATUS(ccp_pool_shutdown(y->p, NULL, NULL, CCP_NOWAIT), CCP_CLOSED);
    free_yard(y, 1, 10);
}

TEST(an_abort_waits_for_no_task) /* P3 */
{
    yard *y = busy_yard(pass_gate_then_run, 10, false);
    ASSERT_STATUS(ccp_pool_abort(y->p, take_back, &y->l), CCP_OK);
    assert_int_equal(y->l.unrun, 10);
    assert_int_equal(y->l.ran, 0);
    ASSERT_STATUS(ccp_pool_wait(y->p, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(y->p, CCP_FOREVER), CCP_CLOSED);
    free_yard(y, 1, 10);
}

static ccp_status abort_here(ccp_ctx *ctx, void *arg)
{
    entry *e = arg;
    yard *y = (yard *)(void *)e->l; /* its first member */
    gate_pass(&task_gate);
    MUST(ccp_pool_abort(y->p, NULL, NULL) == CCP_OK);
    MUST(ccp_ctx_status(ctx) == CCP_CANCELED);
    return run_entry(ctx, arg);
}

static void drain_for_ever(actor *a)
{
    yard *y = a->arg;
    actor_calls(a);
    a->rc = ccp_pool_drain(y->p, CCP_FOREVER);
}

TEST(a_task_may_abort_its_pool_while_others_wait_for_it) /* G3 P3 */
{
    yard *y = busy_yard(abort_here, 10, true);
    actor a = { .arg = y };
    actor_start(&a, drain_for_ever);
    actor_sleep_here(&a);
    gate_open(&task_gate);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    free_yard(y, 1, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_closed_pool_runs_what_it_accepted_and_accepts_no_more),
        ENTRY(close_releases_a_waiting_submitter),
        ENTRY(shutdown_for_ever_runs_everything),
        ENTRY(shutdown_of_an_idle_pool_needs_no_wait),
        ENTRY(shutdown_that_runs_out_of_time_hands_back_what_did_not_start),
        ENTRY(drain_says_closed_when_a_shutdown_handed_tasks_back),
        ENTRY(shutdown_ends_with_its_context),
        ENTRY(tasks_nobody_takes_back_are_not_run_either),
        ENTRY(free_cancels_what_runs_and_hands_back_what_did_not_start),
        ENTRY(free_of_a_closed_pool_hands_back_what_did_not_start),
        ENTRY(free_releases_nobody_but_the_workers),
        ENTRY(the_function_that_takes_back_may_call_the_pool),
        ENTRY(no_task_is_lost_between_submit_and_shutdown),
        ENTRY(an_aborted_pool_hands_back_what_waits_and_tells_those_that_run),
        ENTRY(an_abort_waits_for_no_task),
        ENTRY(a_task_may_abort_its_pool_while_others_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
