/* SPDX-License-Identifier: MIT
 *
 * Worker pools: tasks with options that are withdrawn, handed back, or find no room.
 */
#include "jobs.h"

/* --- canceling --- */

TEST(the_tasks_of_an_owner_are_withdrawn) /* P20 P21 */
{
    yard y;
    int a, b; /* owners */
    size_t n = 42;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 9 });
    for (int i = 0; i < 9; i++)
        ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .owner = i % 3 == 0 ? &a :
                                                            i % 3 == 1 ? &b : NULL,
                                                   .priority = i % 2,
                                                   .done = i % 3 == 0 ? &wg : NULL }),
                      CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, &n), CCP_OK);
    assert_int_equal(n, 0);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &a, &n), CCP_OK);
    assert_int_equal(n, 3);
    assert_int_equal(y.dropped, 3);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &a, NULL), CCP_OK);
    assert_int_equal(y.dropped, 3);
    assert_int_equal(info_of_pool(y.p).queued, 6);
    finish(&y);
    assert_order(&y, (long[]){ 1, 5, 7, 2, 4, 8 }, 6);
    for (long i = 0; i < 3; i++)
        assert_int_equal(y.gone[i], 3 * i);
    ccp_pool_info info = info_of_pool(y.p);
    assert_true(info.canceled == 3 && info.handed_back == 3 && info.finished == 7);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &b, &n), CCP_OK);
    assert_int_equal(n, 0);
    free_yard(&y);
}

TEST(what_was_withdrawn_leaves_room) /* P20 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 3 });
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .owner = &y }), CCP_OK);
    ASSERT_STATUS(submit(&y, NULL), CCP_AGAIN);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, NULL), CCP_OK);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(submit(&y, NULL), CCP_OK);
    ASSERT_STATUS(submit(&y, NULL), CCP_AGAIN);
    assert_int_equal(info_of_pool(y.p).queued, 3);
    finish(&y);
    assert_order(&y, (long[]){ 3, 4, 5 }, 3);
    free_yard(&y);
}

TEST(a_closed_pool_has_no_room_that_was_left) /* P20 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 3 });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .owner = &y }), CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, NULL), CCP_OK);
    ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
    ASSERT_STATUS(submit(&y, NULL), CCP_CLOSED);
    finish(&y);
    free_yard(&y);
}

TEST(withdrawing_ends_a_drain) /* P4 P20 */
{
    yard y;
    actor a = { .arg = &y };
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    gate_shut(&second_gate);
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .owner = &y }), CCP_OK);
    actor_start(&a, drain_there);
    actor_sleep_here(&a);
    y.jobs[1] = (job){ .y = &y, .number = 1 };
    ASSERT_STATUS(ccp_pool_submit(y.p, pass_second_gate, &y.jobs[y.n++], CCP_NOWAIT), CCP_OK);
    submit_at(&y, 1); /* takes the place that the drain waits for */
    gate_open(&task_gate);
    WAIT_UNTIL(atomic_load(&second_gate.arrived) == 1);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, NULL), CCP_OK);
    gate_open(&second_gate); /* a drain may wait for what it sees a worker do, too */
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    finish(&y);
    assert_order(&y, (long[]){ 2, 1 }, 2);
    free_yard(&y);
}

static ccp_status succeed(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

/* May call anything: what it submits takes the place of what it was given. */
static void submit_again(ccp_task fn, void *task_arg, void *unrun_arg)
{
    yard *y = unrun_arg;
    size_t n = 42;
    (void)task_arg;
    atomic_fetch_add(&y->dropped, 1);
    MUST(ccp_pool_cancel(y->p, y, &n) == CCP_OK && n == 0);
    MUST(fn != succeed ||
         ccp_pool_submit_with(y->p, run_job, task_arg, NULL, CCP_NOWAIT) == CCP_OK);
}

TEST(the_function_that_takes_back_may_call_the_pool_with_jobs) /* G3 */
{
    yard y = { .n = 0 };
    ccp_pool *p = ccp_pool_new(
        &(ccp_pool_opts){ .workers = 1, .queue = 2, .unrun = submit_again, .unrun_arg = &y });
    y.p = p;
    occupy(p, 1);
    for (int i = 0; i < 2; i++) {
        y.jobs[i].y = &y;
        ASSERT_STATUS(ccp_pool_submit_with(p, succeed, &y.jobs[i],
                                           &(ccp_task_opts){ .owner = &y }, CCP_NOWAIT),
                      CCP_OK);
    }
    ASSERT_STATUS(ccp_pool_cancel(p, &y, NULL), CCP_OK);
    assert_int_equal(y.dropped, 2);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.ran, 2);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(nobody_is_told_of_what_is_withdrawn_if_nobody_wants_to_know) /* P20 */
{
    atomic_long runs = 0;
    size_t n = 0;
    ccp_pool *p = pool_of(1, 2);
    occupy(p, 1);
    ASSERT_STATUS(
        ccp_pool_submit_with(p, count, &runs, &(ccp_task_opts){ .owner = &runs }, CCP_NOWAIT),
        CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(p, &runs, &n), CCP_OK);
    assert_int_equal(n, 1);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static void start_late(ccp_ctx *ctx, void *late)
{
    (void)ctx;
    gate_pass(late);
}

TEST(a_worker_whose_first_task_was_withdrawn_takes_another) /* P20 */
{
    gate late = GATE_INIT;
    atomic_long runs = 0;
    size_t n = 0;
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .idle = CCP_SEC(100), .worker_start = start_late, .worker_arg = &late });
    ASSERT_STATUS(
        ccp_pool_submit_with(p, count, &runs, &(ccp_task_opts){ .owner = &runs }, CCP_NOWAIT),
        CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(p, &runs, &n), CCP_OK);
    assert_int_equal(n, 1);
    gate_open(&late);
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* --- beside the rest of the pool --- */

TEST(what_did_not_begin_is_handed_back_in_its_order) /* P3 P9 P21 */
{
    yard y;
    ccp_wg wg = CCP_WG_INIT;
    set_yard(&y, (ccp_pool_opts){ .queue = 8 });
    for (int i = 0; i < 6; i++)
        ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .priority = i, .done = &wg,
                                                   .owner = i == 2 ? &y : NULL }),
                      CCP_OK);
    submit_plain(&y);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, NULL), CCP_OK);
    ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
    actor a = { .arg = &y };
    actor_start(&a, drain_there);
    gate_open(&task_gate);
    ccp_status st = ccp_pool_shutdown(y.p, NULL, NULL, CCP_NOWAIT);
    assert_true(st == CCP_OK || st == CCP_AGAIN);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    actor_join(&a);
    ccp_pool_info info = info_of_pool(y.p);
    assert_int_equal(info.finished, 1 + y.ran);
    assert_int_equal(info.handed_back, y.dropped);
    assert_int_equal(info.queued, 0);
    for (long i = 2; i < y.dropped; i++) /* the first is the one that was withdrawn */
        assert_true(y.gone[i - 1] < y.gone[i]);
    free_yard(&y);
}

TEST(free_hands_back_what_did_not_begin) /* P3 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 8 });
    for (int i = 0; i < 5; i++)
        submit_at(&y, i);
    gate_open(&task_gate);
    free_yard(&y);
}

TEST(tasks_with_options_without_room_run_in_the_caller) /* P16 P21 */
{
    for (size_t queue = 0; queue <= 2; queue++) {
        yard y;
        ccp_wg wg = CCP_WG_INIT;
        set_yard(&y, (ccp_pool_opts){ .queue = queue, .full = CCP_FULL_RUNS });
        for (int i = 0; i < 4; i++)
            ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .priority = -i, .done = &wg }), CCP_OK);
        assert_int_equal(y.ran, 4 - queue);
        for (long i = 0; i < y.ran; i++)
            assert_int_equal(y.order[i], (long)queue + i); /* the new one, not the best */
        ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .within = 1, .done = &wg }), CCP_OK);
        assert_int_equal(y.dropped, 1);
        finish(&y);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
        assert_int_equal(info_of_pool(y.p).finished, 5);
        assert_int_equal(info_of_pool(y.p).expired, 1);
        free_yard(&y);
    }
}

TEST(tasks_with_options_without_room_are_dropped) /* P16 P21 */
{
    for (long queue = 0; queue <= 2; queue++)
        for (int oldest = 0; oldest < 2; oldest++) {
            yard y;
            ccp_wg wg = CCP_WG_INIT;
            set_yard(&y, (ccp_pool_opts){ .queue = (size_t)queue,
                                          .full = oldest ? CCP_FULL_DROPS_OLDEST
                                                         : CCP_FULL_DROPS_IT });
            for (int i = 0; i < 5; i++)
                ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .priority = -i, .done = &wg }), CCP_OK);
            assert_int_equal(y.dropped, 5 - queue);
            for (long i = 0; i < y.dropped; i++)
                assert_int_equal(y.gone[i], oldest ? i : queue + i);
            finish(&y);
            ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
            assert_int_equal(y.ran, queue);
            assert_int_equal(info_of_pool(y.p).dropped, 5 - queue);
            assert_int_equal(info_of_pool(y.p).handed_back, 5 - queue);
            free_yard(&y);
        }
}

TEST(a_place_that_was_left_makes_room_for_a_task_without_options) /* P16 */
{
    yard y;
    set_yard(&y, (ccp_pool_opts){ .queue = 1, .full = CCP_FULL_DROPS_OLDEST });
    ASSERT_STATUS(submit(&y, &(ccp_task_opts){ .owner = &y }), CCP_OK);
    ASSERT_STATUS(ccp_pool_cancel(y.p, &y, NULL), CCP_OK);
    submit_plain(&y);
    assert_int_equal(y.dropped, 1);
    assert_int_equal(info_of_pool(y.p).dropped, 0);
    finish(&y);
    assert_int_equal(y.ran, 1);
    free_yard(&y);
}

TEST(a_pool_without_a_queue_and_one_whose_workers_come_and_go_run_them) /* P3 */
{
    for (size_t queue = 0; queue <= 4; queue += 2)
        for (int elastic = 0; elastic < 2; elastic++) {
            atomic_long runs = 0;
            ccp_wg wg = CCP_WG_INIT;
            ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
                .workers = 2, .queue = queue, .idle = elastic ? CCP_US(50) : 0 });
            for (int i = 0; i < 50; i++)
                ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs,
                                                   &(ccp_task_opts){ .priority = i % 5,
                                                                     .limit = CCP_SEC(1000),
                                                                     .done = &wg },
                                                   CCP_FOREVER),
                              CCP_OK);
            ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
            assert_int_equal(runs, 50);
            ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
            assert_int_equal(info_of_pool(p).finished, 50);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

static ccp_status submit_own(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    MUST(ccp_pool_submit_with(y->p, run_job, &y->jobs[0], NULL, CCP_FOREVER) == CCP_OK);
    MUST(ccp_pool_submit_with(y->p, run_job, &y->jobs[1], NULL, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_pool_submit_with(y->p, run_job, &y->jobs[1], NULL, ccp_within(1)) == CCP_TIMEOUT);
    MUST(ccp_pool_submit_with(y->p, run_job, &y->jobs[1], NULL, ccp_with(ctx)) == CCP_CANCELED);
    return CCP_OK;
}

TEST(a_task_that_would_wait_for_ever_for_room_is_told_so) /* P14 */
{
    yard y = { .n = 1 };
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    y.p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .parent = parent });
    y.jobs[0] = (job){ .y = &y };
    ASSERT_STATUS(ccp_pool_submit(y.p, submit_own, &y, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(info_of_pool(y.p).queued == 1);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    free_yard(&y);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

/* --- many threads --- */

static void submit_many(actor *a)
{
    yard *y = a->arg;
    for (size_t i = a->index * 16; i < a->index * 16 + 16; i++) {
        y->jobs[i] = (job){ .y = y, .number = (long)i };
        ccp_task_opts o = { .priority = (int)(i * 7 % 5), .owner = i % 3 ? y : NULL };
        ccp_status rc = i % 4 ? ccp_pool_submit_with(y->p, run_job, &y->jobs[i], &o, CCP_FOREVER)
                              : ccp_pool_submit(y->p, run_job, &y->jobs[i], CCP_FOREVER);
        MUST(rc == CCP_OK || rc == CCP_CLOSED);
        a->value += rc == CCP_OK;
        if (i % 5 == 0)
            MUST(ccp_pool_cancel(y->p, y, NULL) == CCP_OK);
        if (i % 7 == 0)
            (void)ccp_pool_drain(y->p, ccp_within(CCP_US(20)));
    }
}

TEST(no_task_is_lost_between_submit_cancel_and_shutdown) /* P3 P20 */
{
    for (size_t round = 0; round < scaled(400); round++) {
        yard *y = calloc(1, sizeof *y);
        y->p = ccp_pool_new(&(ccp_pool_opts){
            .workers = 2, .queue = round % 5, .unrun = take_back, .unrun_arg = y, .aging = 4 });
        actor a[3];
        long accepted = 0;
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = y, .index = i };
            actor_start(&a[i], submit_many);
        }
        if (round % 2)
            WAIT_UNTIL(atomic_load(&y->ran) > 3);
        ccp_wait w = round % 3 ? CCP_NOWAIT : CCP_FOREVER;
        ccp_status rc = ccp_pool_shutdown(y->p, NULL, NULL, w);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            accepted += a[i].value;
        }
        assert_int_equal(y->ran + y->dropped, accepted);
        assert_true(rc == CCP_OK || rc == CCP_AGAIN);
        ccp_pool_info info = info_of_pool(y->p);
        assert_int_equal(info.finished, y->ran);
        assert_int_equal(info.handed_back, y->dropped);
        ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
        free(y);
    }
}

static size_t queued_then;
static void look_at_the_pool(ccp_task fn, void *arg, void *of)
{
    (void)fn, (void)arg;
    queued_then = info_of_pool(*(ccp_pool **)of).queued;
}

TEST(a_task_that_is_handed_back_does_not_wait_any_more) /* P3 */
{
    ccp_pool *p = NULL;
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = 4, .unrun = look_at_the_pool, .unrun_arg = &p });
    assert_true(ctx && p);
    occupy(p, 1);
    queued_then = 42;
    ASSERT_STATUS(ccp_pool_submit_with(p, count, NULL, &(ccp_task_opts){ .ctx = ctx }, CCP_NOWAIT),
                  CCP_OK);
    ccp_ctx_cancel(ctx);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(queued_then, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_tasks_of_an_owner_are_withdrawn),
        ENTRY(what_was_withdrawn_leaves_room),
        ENTRY(a_closed_pool_has_no_room_that_was_left),
        ENTRY(withdrawing_ends_a_drain),
        ENTRY(the_function_that_takes_back_may_call_the_pool_with_jobs),
        ENTRY(a_worker_whose_first_task_was_withdrawn_takes_another),
        ENTRY(nobody_is_told_of_what_is_withdrawn_if_nobody_wants_to_know),
        ENTRY(what_did_not_begin_is_handed_back_in_its_order),
        ENTRY(free_hands_back_what_did_not_begin),
        ENTRY(tasks_with_options_without_room_run_in_the_caller),
        ENTRY(tasks_with_options_without_room_are_dropped),
        ENTRY(a_place_that_was_left_makes_room_for_a_task_without_options),
        ENTRY(a_pool_without_a_queue_and_one_whose_workers_come_and_go_run_them),
        ENTRY(a_task_that_would_wait_for_ever_for_room_is_told_so),
        ENTRY(no_task_is_lost_between_submit_cancel_and_shutdown),
        ENTRY(a_task_that_is_handed_back_does_not_wait_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
