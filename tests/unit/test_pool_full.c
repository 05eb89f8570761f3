/* SPDX-License-Identifier: MIT
 *
 * Worker pools: what becomes of tasks for which the queue has no room.
 */
#include "pools.h"

typedef struct yard {
    ccp_pool *p;
    pthread_t me;
    atomic_long ran, here, dropped;
    long order[8]; /* numbers of the tasks that were dropped */
} yard;

typedef struct job {
    yard *y;
    long number;
} job;

static ccp_status run_job(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    bool here = pthread_equal(pthread_self(), j->y->me);
    MUST(ccp_ctx_status(ctx) == CCP_OK && (ccp_pool_worker(ctx) < 0) == here);
    atomic_fetch_add(here ? &j->y->here : &j->y->ran, 1);
    return j->number % 2 ? CCP_FAILED : CCP_OK;
}

static void note_dropped(ccp_task fn, void *task_arg, void *unrun_arg)
{
    yard *y = unrun_arg;
    job *j = task_arg;
    MUST(fn == run_job && pthread_equal(pthread_self(), y->me));
    y->order[atomic_fetch_add(&y->dropped, 1)] = j->number;
}

/* One worker, kept busy, and a queue for two tasks, or none. */
static void set_yard(yard *y, ccp_pool_full full, size_t queue)
{
    *y = (yard){ .me = pthread_self() };
    y->p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1,
                                          .queue = queue,
                                          .unrun = note_dropped,
                                          .unrun_arg = y,
                                          .full = full });
    assert_non_null(y->p);
    gate_shut(&task_gate);
    ASSERT_STATUS(ccp_pool_submit(y->p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 1);
}

static void finish_yard(yard *y)
{
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_wait(y->p, CCP_FOREVER), CCP_OK);
}

/* Six tasks, by turns without a wait and with a short one. */
static void submit_six(yard *y, job jobs[6])
{
    for (long i = 0; i < 6; i++) {
        jobs[i] = (job){ y, i };
        ccp_wait w = i % 2 ? ccp_within(CCP_US(100)) : CCP_NOWAIT;
        ASSERT_STATUS(ccp_pool_submit(y->p, run_job, &jobs[i], w), CCP_OK);
    }
}

TEST(tasks_without_room_run_in_the_caller) /* P16 P3 */
{
    for (long queue = 0; queue <= 2; queue++) {
        yard y;
        job jobs[6];
        set_yard(&y, CCP_FULL_RUNS, (size_t)queue);
        submit_six(&y, jobs);
        assert_int_equal(y.here, 6 - queue);
        finish_yard(&y);
        assert_int_equal(y.ran, queue);
        assert_int_equal(info_of_pool(y.p).finished, 7);
        assert_int_equal(info_of_pool(y.p).failed, 3);
        assert_int_equal(y.dropped, 0);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    }
}

TEST(new_tasks_without_room_are_dropped) /* P16 P3 */
{
    for (long queue = 0; queue <= 2; queue++) {
        yard y;
        job jobs[6];
        set_yard(&y, CCP_FULL_DROPS_IT, (size_t)queue);
        submit_six(&y, jobs);
        assert_int_equal(y.dropped, 6 - queue);
        for (long i = 0; i < 6 - queue; i++)
            assert_int_equal(y.order[i], queue + i);
        finish_yard(&y);
        assert_int_equal(y.ran, queue);
        assert_int_equal(info_of_pool(y.p).dropped, 6 - queue);
        assert_int_equal(info_of_pool(y.p).handed_back, 6 - queue);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    }
}

TEST(old_tasks_make_room_for_new_ones) /* P16 P3 P4 */
{
    for (long queue = 0; queue <= 2; queue++) {
        yard y;
        job jobs[6];
        set_yard(&y, CCP_FULL_DROPS_OLDEST, (size_t)queue);
        submit_six(&y, jobs);
        assert_int_equal(y.dropped, 6 - queue);
        for (long i = 0; i < 6 - queue; i++)
            assert_int_equal(y.order[i], i); /* without a queue the new one is the oldest */
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_drain(y.p, CCP_FOREVER), CCP_OK);
        assert_int_equal(y.ran, queue);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    }
}

TEST(what_tells_a_worker_to_leave_makes_room_for_a_task) /* P16 P10 */
{
    yard y;
    job j = { &y, 0 };
    set_yard(&y, CCP_FULL_DROPS_OLDEST, 1);
    ASSERT_STATUS(ccp_pool_resize(y.p, 2), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit(y.p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 2);
    ASSERT_STATUS(ccp_pool_resize(y.p, 1), CCP_OK);
    assert_int_equal(info_of_pool(y.p).queued, 0); /* there is an element, but no task */
    ASSERT_STATUS(ccp_pool_submit(y.p, run_job, &j, CCP_NOWAIT), CCP_OK);
    finish_yard(&y);
    assert_int_equal(y.ran, 1);
    assert_int_equal(y.dropped, 0);
    WAIT_UNTIL(info_of_pool(y.p).workers == 1);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

TEST(a_context_that_ended_and_a_closed_pool_come_first) /* W2 */
{
    for (int full = CCP_FULL_RUNS; full <= CCP_FULL_DROPS_OLDEST; full++) {
        yard y;
        set_yard(&y, (ccp_pool_full)full, 1);
        job jobs[2] = { { &y, 0 }, { &y, 0 } };
        ccp_ctx *late = ccp_ctx_new(NULL, CCP_NOWAIT), *brief = ccp_ctx_new(NULL, ccp_within(1000));
        ASSERT_STATUS(ccp_pool_submit(y.p, run_job, &jobs[0], CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(y.p, run_job, &jobs[1], ccp_with(late)), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_pool_submit(y.p, run_job, &jobs[1], ccp_with(brief)), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(y.p, run_job, &jobs[1], CCP_NOWAIT), CCP_CLOSED);
        finish_yard(&y);
        assert_int_equal(y.ran, 1);
        assert_int_equal(y.here + y.dropped, 0);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(late), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(brief), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(tasks_without_room_run_in_the_caller),
        ENTRY(new_tasks_without_room_are_dropped),
        ENTRY(old_tasks_make_room_for_new_ones),
        ENTRY(what_tells_a_worker_to_leave_makes_room_for_a_task),
        ENTRY(a_context_that_ended_and_a_closed_pool_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
