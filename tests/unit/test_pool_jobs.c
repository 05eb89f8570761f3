/* SPDX-License-Identifier: MIT
 *
 * Worker pools: tasks with options; their order, their time, their contexts.
 */
#include "jobs.h"

/* --- arguments --- */

TEST(absurd_arguments_are_refused) /* G1 G2 */
{
    yard y;
    ccp_wg full = CCP_WG_INIT;
    size_t n = 42;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    ASSERT_STATUS(ccp_pool_submit_with(NULL, run_job, NULL, NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_submit_with(y.p, NULL, NULL, NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .within = -1 }), CCP_INVAL);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .limit = -1 }), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_add(&full, INT32_MAX), CCP_OK);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .done = &full }), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_add(&full, -INT32_MAX), CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(NULL, &y, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_cancel(y.p, NULL, &n), CCP_INVAL);
    assert_int_equal(n, 42);
    finish(&y);
    assert_int_equal(info_of_pool(y.p).finished, 1);
    free_yard(&y);
}

TEST(without_options_a_task_has_priority_0)
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    submit_at(&y, -1);
    ASSERT_STATUS(submit(&y, NULL), CCP_OK);
    submit_at(&y, 1);
    finish(&y);
    assert_order(&y, (long[]){ 2, 1, 0 }, 3);
    free_yard(&y);
}

/* --- priorities --- */

TEST(higher_priorities_begin_first_and_equal_ones_in_their_order) /* P18 P1 */
{
    static const int priorities[] = { 0, 3, -7, 3, 0, INT32_MAX, INT32_MIN, 3 };
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = LENGTH(priorities) });
    for (size_t i = 0; i < LENGTH(priorities); i++)
        submit_at(&y, priorities[i]);
    assert_int_equal(info_of_pool(y.p).queued, LENGTH(priorities));
    finish(&y);
    assert_order(&y, (long[]){ 5, 1, 3, 7, 0, 4, 2, 6 }, 8);
    assert_int_equal(info_of_pool(y.p).finished, 9);
    free_yard(&y);
}

TEST(tasks_without_options_keep_their_places) /* P18 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 8 });
    submit_at(&y, 0);
    submit_plain(&y);
    submit_at(&y, 5);
    submit_plain(&y);
    submit_at(&y, 1);
    finish(&y);
    assert_order(&y, (long[]){ 2, 1, 4, 3, 0 }, 5);
    free_yard(&y);
}

TEST(the_one_that_has_waited_longest_has_its_turn) /* P18 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 10, .aging = 3 });
    for (long i = 0; i < 9; i++)
        submit_at(&y, (int)i);
    finish(&y);
    assert_order(&y, (long[]){ 8, 7, 0, 6, 5, 1, 4, 3, 2 }, 9);
    free_yard(&y);
    set_yard(&y, (ccp_pool_opts){ .queue = 10, .aging = 1 }); /* no priorities at all */
    for (long i = 0; i < 4; i++)
        submit_at(&y, (int)i);
    finish(&y);
    assert_order(&y, (long[]){ 0, 1, 2, 3 }, 4);
    free_yard(&y);
}

TEST(random_priorities_come_in_order) /* P18 */
{
    yard y;
    uint64_t seed = 11;
    int priority[MOST];
    set_yard(&y, (ccp_pool_opts){ .queue = MOST });
    for (long i = 0; i < MOST; i++) {
        priority[i] = (int)(random_next(&seed) % 7);
        submit_at(&y, priority[i]);
    }
    finish(&y);
    for (long i = 1; i < MOST; i++) {
        long a = y.order[i - 1], b = y.order[i];
        assert_true(priority[a] > priority[b] || (priority[a] == priority[b] && a < b));
    }
    free_yard(&y);
}

TEST(drain_waits_for_a_task_that_later_ones_have_overtaken) /* P4 */
{
    yard y;
    actor a = { .arg = &y };
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    gate_shut(&second_gate);
    submit_at(&y, 0);
    actor_start(&a, drain_there);
    actor_sleep_here(&a);
    y.jobs[1] = (job){ .y = &y, .number = 1 };
    ASSERT_STATUS(ccp_pool_submit_with(y.p, pass_second_gate, &y.jobs[y.n++],
                                       &(ccp_task_opts){ .priority = 1 }, CCP_NOWAIT),
                  CCP_OK);
    gate_open(&task_gate); /* the later one takes the place of the earlier one */
    WAIT_UNTIL(atomic_load(&second_gate.arrived) == 1);
    assert_false(actor_is_done(&a));
    ASSERT_STATUS(ccp_pool_drain(y.p, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&second_gate);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(a.value, 1);
    finish(&y);
    free_yard(&y);
}

/* --- time, contexts --- */

TEST(a_task_that_has_not_begun_in_time_is_dropped) /* P19 */
{
    yard y;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .within = 1, .done = &wg }), CCP_OK);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .within = CCP_SEC(1000), .done = &wg }), CCP_OK);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .within = INT64_MAX, .done = &wg }), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    finish(&y);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK); /* P21 */
    assert_order(&y, (long[]){ 1, 2 }, 2);
    assert_int_equal(y.gone[0], 0);
    ccp_pool_info info = info_of_pool(y.p);
    assert_true(info.expired == 1 && info.canceled == 0 && info.handed_back == 1);
    assert_true(info.finished == 3 && info.failed == 0);
    free_yard(&y);
}

TEST(a_task_whose_context_ends_does_not_begin) /* P19 W2 */
{
    yard y;
    ccp_ctx *late = ccp_ctx_new(NULL, ccp_within(CCP_MS(1)));
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .ctx = ctx }), CCP_OK);
    ccp_status st = submit(&y, &(ccp_task_opts){ .ctx = late });
    WAIT_UNTIL(ccp_ctx_status(late) == CCP_TIMEOUT);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .ctx = ctx }), CCP_CANCELED);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .ctx = late }), CCP_TIMEOUT);
    finish(&y);
    assert_int_equal(y.dropped, y.n);
    ccp_pool_info info = info_of_pool(y.p);
    assert_true(info.canceled == 1 && info.expired == (st == CCP_OK));
    free_yard(&y);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(late), CCP_OK);
}

static gate running = GATE_INIT;

static ccp_status run_until_told(ccp_ctx *ctx, void *arg)
{
    MUST(ccp_pool_worker(ctx) == 0);
    gate_pass(&running);
    ccp_status st = ccp_sleep(ccp_with(ctx));
    MUST(ccp_ctx_status(ctx) == st);
    *(ccp_status *)arg = st;
    return st;
}

TEST(the_context_of_a_task_ends_with_the_one_it_was_given)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *brief = ccp_ctx_new(NULL, ccp_within(CCP_MS(20)));
    ccp_pool *p = pool_of(1, 1);
    ccp_status got = CCP_OK;
    gate_shut(&running);
    ccp_task_opts o = { .ctx = ctx };
    ASSERT_STATUS(ccp_pool_submit_with(p, run_until_told, &got, &o, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(atomic_load(&running.arrived) == 1);
    ccp_ctx_cancel(ctx);
    gate_open(&running);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(got, CCP_CANCELED);
    o = (ccp_task_opts){ .ctx = brief, .limit = CCP_SEC(1000) };
    ccp_status st = ccp_pool_submit_with(p, run_until_told, &got, &o, CCP_NOWAIT);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    if (st == CCP_OK && info_of_pool(p).expired == 0)
        ASSERT_STATUS(got, CCP_TIMEOUT);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(brief), CCP_OK);
}

static ccp_status stay_at_gate(ccp_ctx *ctx, void *g)
{
    (void)ctx;
    gate_pass(g);
    return CCP_OK;
}

static ccp_status note_deadline(ccp_ctx *ctx, void *arg)
{
    *(int64_t *)arg = ccp_ctx_deadline(ctx);
    return CCP_OK;
}

TEST(the_earlier_of_limit_and_context_counts)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1000)));
    ccp_pool *p = pool_of(1, 1);
    int64_t seen = 0, end = ccp_ctx_deadline(ctx);
    ccp_task_opts o = { .ctx = ctx, .limit = CCP_SEC(2000) };
    ASSERT_STATUS(ccp_pool_submit_with(p, note_deadline, &seen, &o, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(seen, end);
    o.limit = CCP_SEC(500);
    ASSERT_STATUS(ccp_pool_submit_with(p, note_deadline, &seen, &o, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_true(seen < end);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

typedef struct overtaken {
    ccp_pool *p;
    gate before, other, last;
    atomic_bool done;
} overtaken;

static ccp_status end_last(ccp_ctx *ctx, void *arg)
{
    overtaken *o = arg;
    (void)ctx;
    gate_pass(&o->last);
    atomic_store(&o->done, true);
    return CCP_OK;
}

static void drain_all_before(actor *a)
{
    overtaken *o = a->arg;
    actor_calls(a);
    a->rc = ccp_pool_drain(o->p, CCP_FOREVER);
    MUST(atomic_load(&o->done));
}

/* Who drains the pool looks at it, and sleeps again: a task is withdrawn, perhaps the last. */
static void let_drain_look(overtaken *o, actor *a)
{
    const ccp_task_opts high = { .priority = 5, .owner = o };
    MUST(ccp_pool_submit_with(o->p, count, NULL, &high, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_pool_cancel(o->p, o, NULL) == CCP_OK);
    actor_sleep_here(a);
}

/* The worker has gone on to another one in the meantime, and to this one at last. */
TEST(drain_waits_for_a_task_that_was_overtaken_and_runs) /* P4 */
{
    overtaken o = { pool_of(1, 8), GATE_INIT, GATE_INIT, GATE_INIT, false };
    const ccp_task_opts low = { .priority = 0 }, high = { .priority = 5 };
    actor a = { .arg = &o };
    ASSERT_STATUS(ccp_pool_submit(o.p, stay_at_gate, &o.before, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(atomic_load(&o.before.arrived) == 1);
    ASSERT_STATUS(ccp_pool_submit_with(o.p, end_last, &o, &low, CCP_NOWAIT), CCP_OK);
    actor_start(&a, drain_all_before);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pool_submit_with(o.p, stay_at_gate, &o.other, &high, CCP_NOWAIT), CCP_OK);
    gate_open(&o.before);
    WAIT_UNTIL(atomic_load(&o.other.arrived) == 1);
    let_drain_look(&o, &a);
    gate_open(&o.other);
    WAIT_UNTIL(atomic_load(&o.last.arrived) == 1);
    let_drain_look(&o, &a);
    gate_open(&o.last);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    ASSERT_STATUS(ccp_pool_free(o.p), CCP_OK);
}

TEST(the_context_of_a_task_ends_when_its_limit_is_over)
{
    ccp_pool *p = pool_of(1, 1);
    ccp_status got = CCP_OK;
    gate_open(&running);
    int64_t begin = ccp_now();
    ccp_task_opts o = { .limit = CCP_MS(3) };
    ASSERT_STATUS(ccp_pool_submit_with(p, run_until_told, &got, &o, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_true(ccp_now() - begin >= CCP_MS(3)); /* W6 */
    ASSERT_STATUS(got, CCP_TIMEOUT);
    assert_int_equal(info_of_pool(p).failed, 1);
    o.limit = CCP_SEC(1000); /* the pool's end comes first */
    ASSERT_STATUS(ccp_pool_submit_with(p, run_until_told, &got, &o, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(info_of_pool(p).busy == 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(got, CCP_CANCELED);
}

/* --- memory --- */

TEST(a_task_for_which_memory_is_short_is_not_accepted) /* G4 */
{
    memory_watch();
    yard y;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    memory_fail_from(1);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .done = &wg }), CCP_NOMEM);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    finish(&y);
    free_yard(&y);
    memory_unwatch();
}

TEST(a_task_for_whose_context_memory_is_short_is_handed_back) /* P3 P21 */
{
    memory_watch();
    yard y;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .limit = 1, .done = &wg }), CCP_OK);
    memory_fail_from(1);
    finish(&y);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    assert_int_equal(y.dropped, 1);
    ccp_pool_info info = info_of_pool(y.p);
    assert_true(info.handed_back == 1 && info.expired == 0 && info.canceled == 0);
    free_yard(&y);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(absurd_arguments_are_refused),
        ENTRY(without_options_a_task_has_priority_0),
        ENTRY(higher_priorities_begin_first_and_equal_ones_in_their_order),
        ENTRY(tasks_without_options_keep_their_places),
        ENTRY(the_one_that_has_waited_longest_has_its_turn),
        ENTRY(random_priorities_come_in_order),
        ENTRY(drain_waits_for_a_task_that_later_ones_have_overtaken),
        ENTRY(a_task_that_has_not_begun_in_time_is_dropped),
        ENTRY(a_task_whose_context_ends_does_not_begin),
        ENTRY(the_context_of_a_task_ends_with_the_one_it_was_given),
        ENTRY(the_earlier_of_limit_and_context_counts),
        ENTRY(drain_waits_for_a_task_that_was_overtaken_and_runs),
        ENTRY(the_context_of_a_task_ends_when_its_limit_is_over),
        ENTRY(a_task_for_which_memory_is_short_is_not_accepted),
        ENTRY(a_task_for_whose_context_memory_is_short_is_handed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
