/* SPDX-License-Identifier: MIT
 *
 * Worker pools: several tasks by one call.
 */
#include "jobs.h"

/* n tasks, numbered on from those that were accepted. */
static const ccp_pool_task *batch(yard *y, size_t n)
{
    static ccp_pool_task tasks[MOST];
    for (size_t i = 0; i < n; i++) {
        job *j = &y->jobs[y->n + (long)i];
        *j = (job){ .y = y, .number = y->n + (long)i };
        tasks[i] = (ccp_pool_task){ run_job, j };
    }
    return tasks;
}

static void submit_batch(yard *y, size_t n, const ccp_task_opts *o, size_t expected)
{
    size_t accepted = 42;
    ASSERT_STATUS(ccp_pool_submit_n(y->p, batch(y, n), n, o, &accepted, CCP_NOWAIT), CCP_OK);
    assert_int_equal(accepted, expected);
    y->n += (long)accepted;
}

TEST(absurd_batches_are_refused) /* G1 G2 */
{
    yard y;
    size_t k = 42;
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    ccp_pool_task some[2] = { { run_job, &y.jobs[0] }, { NULL, NULL } };
    ASSERT_STATUS(ccp_pool_submit_n(NULL, some, 1, NULL, &k, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, NULL, 1, NULL, &k, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, some, 0, NULL, &k, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, some, 2, NULL, &k, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, some, 1, NULL, NULL, CCP_NOWAIT), CCP_INVAL);
    const ccp_task_opts absurd = { .within = -1 };
    ASSERT_STATUS(ccp_pool_submit_n(y.p, some, 1, &absurd, &k, CCP_NOWAIT), CCP_INVAL);
    assert_int_equal(k, 42);
    finish(&y);
    free_yard(&y);
}

TEST(a_batch_is_accepted_as_far_as_there_is_room) /* P1 P3 */
{
    for (int kind = 0; kind < 3; kind++) {
        yard y;
        bool with = kind == 1;
        size_t k = 42;
        ccp_wg wg = CCP_WG_INIT;
        const ccp_task_opts o = { .done = &wg };
        set_yard(&y, (ccp_pool_opts){ .queue = 5, .measure = kind == 2 });
        submit_batch(&y, 3, with ? &o : NULL, 3);
        submit_batch(&y, 8, with ? &o : NULL, 2);
        ccp_status st =
            ccp_pool_submit_n(y.p, batch(&y, 2), 2, with ? &o : NULL, &k, CCP_NOWAIT);
        ASSERT_STATUS(st, CCP_AGAIN);
        assert_int_equal(k, 42);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), with ? CCP_AGAIN : CCP_OK);
        finish(&y);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK); /* P21 */
        assert_order(&y, (long[]){ 0, 1, 2, 3, 4 }, 5);
        free_yard(&y);
    }
}

static void submit_all(actor *a)
{
    yard *y = a->arg;
    const ccp_pool_task *tasks = batch(y, 30);
    actor_calls(a);
    for (size_t i = 0, k; i < 30; i += k) {
        MUST(ccp_pool_submit_n(y->p, tasks + i, 30 - i, NULL, &k, CCP_FOREVER) == CCP_OK);
        MUST(k >= 1 && k <= 30 - i);
        y->n += (long)k;
    }
}

TEST(a_batch_for_which_there_is_no_room_waits) /* P1 P3 */
{
    for (size_t queue = 0; queue < 4; queue++) {
        yard y;
        actor a = { .arg = &y };
        set_yard(&y, (ccp_pool_opts){ .queue = queue });
        actor_start(&a, submit_all);
        actor_sleep_here(&a);
        assert_int_equal(y.ran, 0);
        gate_open(&task_gate);
        actor_join(&a);
        finish(&y);
        assert_int_equal(y.ran, 30);
        for (long i = 0; i < 30; i++)
            assert_int_equal(y.order[i], i);
        free_yard(&y);
    }
}

TEST(what_full_says_holds_for_the_first_of_a_batch) /* P16 */
{
    for (int full = CCP_FULL_RUNS; full <= CCP_FULL_DROPS_OLDEST; full++)
        for (int with = 0; with < 2; with++) {
            yard y;
            const ccp_task_opts o = { .priority = 1 };
            set_yard(&y, (ccp_pool_opts){ .queue = 2, .full = (ccp_pool_full)full });
            submit_batch(&y, 4, with ? &o : NULL, 2);
            submit_batch(&y, 4, with ? &o : NULL, 1);
            assert_int_equal(y.ran, full == CCP_FULL_RUNS);
            assert_int_equal(y.dropped, full != CCP_FULL_RUNS);
            if (y.dropped)
                assert_int_equal(y.gone[0], full == CCP_FULL_DROPS_IT ? 2 : 0);
            finish(&y);
            free_yard(&y);
        }
}

TEST(a_batch_goes_to_workers_that_come_and_go) /* P3 P11 */
{
    for (size_t queue = 0; queue <= 8; queue += 8) {
        atomic_long runs = 0;
        ccp_pool_task tasks[40];
        ccp_pool *p = ccp_pool_new(
            &(ccp_pool_opts){ .workers = 3, .queue = queue, .idle = CCP_US(50) });
        for (size_t i = 0; i < LENGTH(tasks); i++)
            tasks[i] = (ccp_pool_task){ count, &runs };
        for (size_t i = 0, k; i < LENGTH(tasks); i += k)
            ASSERT_STATUS(ccp_pool_submit_n(p, tasks + i, LENGTH(tasks) - i, NULL, &k,
                                            CCP_FOREVER),
                          CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(runs, LENGTH(tasks));
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static ccp_status submit_own_batch(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    size_t k = 42;
    const ccp_pool_task *tasks = batch(y, 4);
    (void)ctx;
    MUST(ccp_pool_submit_n(y->p, tasks, 4, NULL, &k, CCP_FOREVER) == CCP_OK && k == 3);
    y->n = 3;
    MUST(ccp_pool_submit_n(y->p, tasks + 3, 1, NULL, &k, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_pool_submit_n(y->p, tasks + 3, 1, NULL, &k, ccp_within(1)) == CCP_TIMEOUT && k == 3);
    return CCP_OK;
}

TEST(a_task_may_submit_a_batch_to_its_own_pool) /* P14 */
{
    yard y = { .n = 0 };
    y.p = pool_of(1, 3);
    ASSERT_STATUS(ccp_pool_submit(y.p, submit_own_batch, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.ran, 3);
    free_yard(&y);
}

TEST(a_batch_that_cannot_begin_fails) /* G4 W2 */
{
    memory_watch();
    yard y;
    size_t k = 42;
    const ccp_task_opts none = { .priority = 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    set_yard(&y, (ccp_pool_opts){ .queue = 4 });
    memory_fail_at(2);
    submit_batch(&y, 3, &none, 1); /* the second has no memory */
    memory_fail_at(1);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, batch(&y, 1), 1, &none, &k, CCP_NOWAIT), CCP_NOMEM);
    memory_fail_at(0);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, batch(&y, 1), 1, NULL, &k, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(ccp_pool_close(y.p), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit_n(y.p, batch(&y, 1), 1, NULL, &k, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(k, 42);
    finish(&y);
    free_yard(&y);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(absurd_batches_are_refused),
        ENTRY(a_batch_is_accepted_as_far_as_there_is_room),
        ENTRY(a_batch_for_which_there_is_no_room_waits),
        ENTRY(what_full_says_holds_for_the_first_of_a_batch),
        ENTRY(a_batch_goes_to_workers_that_come_and_go),
        ENTRY(a_task_may_submit_a_batch_to_its_own_pool),
        ENTRY(a_batch_that_cannot_begin_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
