/* SPDX-License-Identifier: MIT
 *
 * Worker pools: tasks that block, that wait for room in their own queue, and pools that stall.
 */
#include "pools.h"

static const size_t queues[] = { 0, 1, 16 };

static ccp_pool *pool_with(unsigned workers, unsigned spare, size_t queue, int64_t stall)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = workers, .spare = spare, .queue = queue, .stall = stall });
    assert_non_null(p);
    return p;
}

typedef struct yard {
    ccp_pool *p;
    ccp_wait w;
    int nested; /* blocking sections within each other */
    atomic_long ran, refused;
} yard;

static ccp_status block_at_gate(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    for (int i = 0; i < y->nested; i++)
        MUST(ccp_pool_block(y->p) == CCP_OK);
    gate_pass(&task_gate);
    for (int i = 0; i < y->nested; i++)
        MUST(ccp_pool_unblock(y->p) == CCP_OK);
    MUST(ccp_pool_unblock(y->p) == CCP_MISUSE);
    return CCP_OK;
}

static ccp_status leave_open(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    MUST(ccp_pool_block(y->p) == CCP_OK && ccp_pool_block(y->p) == CCP_OK);
    return CCP_OK;
}

TEST(only_tasks_of_the_pool_block) /* G2 */
{
    ccp_pool *p = pool_with(1, 1, 1, 0);
    ASSERT_STATUS(ccp_pool_block(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_unblock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_block(p), CCP_MISUSE);
    ASSERT_STATUS(ccp_pool_unblock(p), CCP_MISUSE);
    assert_int_equal(info_of_pool(p).limit, 1);
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .spare = 65537 }));
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .stall = -1 }));
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(while_tasks_block_others_run_as_many_as_can_be_spared) /* P14 P2 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned spare = 1; spare <= 3; spare += 2) {
            yard y = { .p = pool_with(2, spare, queues[q], 0), .nested = 1 + (int)(q % 2) };
            gate_shut(&task_gate);
            for (unsigned i = 0; i < 2 + spare; i++)
                ASSERT_STATUS(ccp_pool_submit(y.p, block_at_gate, &y, CCP_FOREVER), CCP_OK);
            WAIT_UNTIL(atomic_load(&task_gate.arrived) == 2 + (int)spare);
            assert_int_equal(info_of_pool(y.p).workers, 2 + spare);
            if (queues[q])
                ASSERT_STATUS(ccp_pool_submit(y.p, count, &y.ran, CCP_FOREVER), CCP_OK);
            assert_int_equal(info_of_pool(y.p).workers, 2 + spare);
            gate_open(&task_gate);
            ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
            WAIT_UNTIL(info_of_pool(y.p).workers == 2);
            assert_int_equal(y.ran, queues[q] ? 1 : 0);
            ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
        }
}

TEST(a_section_that_is_left_open_ends_with_its_task)
{
    yard y = { .p = pool_with(1, 1, 4, 0) };
    for (int i = 0; i < 5; i++)
        ASSERT_STATUS(ccp_pool_submit(y.p, leave_open, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(info_of_pool(y.p).limit == 1 && info_of_pool(y.p).workers == 1);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

/* --- room in the own queue --- */

static ccp_status submit_three(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    (void)ctx;
    for (int i = 0; i < 3; i++) {
        ccp_status st = ccp_pool_submit(y->p, count, &y->ran, y->w);
        bool for_ever = y->w.ns_ == INT64_MAX && !y->w.ctx_;
        MUST(st == CCP_OK || st == (for_ever ? CCP_DEADLOCK : CCP_TIMEOUT));
        atomic_fetch_add(&y->refused, st != CCP_OK);
    }
    return CCP_OK;
}

TEST(a_task_that_would_wait_for_ever_for_itself_is_told_so) /* P14 */
{
    for (size_t queue = 0; queue < 2; queue++)
        for (int timed = 0; timed < 3; timed++) {
            yard y = { .p = pool_with(1, 0, queue, 0) };
            ccp_ctx *brief = ccp_ctx_new(NULL, timed == 2 ? ccp_within(CCP_MS(10)) : CCP_FOREVER);
            y.w = timed == 2 ? ccp_with(brief) : timed ? ccp_within(CCP_US(100)) : CCP_FOREVER;
            ASSERT_STATUS(ccp_pool_submit(y.p, submit_three, &y, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
            assert_int_equal(y.refused + y.ran, 3);
            if (timed < 2) /* otherwise time may be up before the first */
                assert_int_equal(y.ran, queue);
            ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
            ASSERT_STATUS(ccp_ctx_free(brief), CCP_OK);
        }
}

static ccp_status never_called(ccp_ctx *ctx, void *arg, void *result)
{
    (void)result;
    return count(ctx, arg);
}

static ccp_status call_with_nobody_there(ccp_ctx *ctx, void *arg)
{
    yard *y = arg;
    ccp_future *f = NULL;
    (void)ctx;
    MUST(ccp_pool_call(y->p, NULL, never_called, &y->ran, &f, CCP_FOREVER) == CCP_DEADLOCK && !f);
    return CCP_OK;
}

TEST(a_call_that_would_wait_for_ever_for_its_own_task_is_told_so) /* P14 */
{
    yard y = { .p = pool_with(1, 0, 0, 0) };
    ASSERT_STATUS(ccp_pool_submit(y.p, call_with_nobody_there, &y, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(y.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.ran, 0);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

TEST(with_a_worker_to_spare_it_waits) /* P14 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        yard y = { .p = pool_with(1, 1, queues[q], 0), .w = CCP_FOREVER };
        for (int i = 0; i < 20; i++)
            ASSERT_STATUS(ccp_pool_submit(y.p, submit_three, &y, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(y.p, ccp_within(CCP_SEC(30))), CCP_OK);
        assert_int_equal(y.ran + y.refused, 60);
        assert_true(y.ran > 0);
        ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
    }
}

TEST(workers_that_all_submit_to_their_own_full_queue_go_on) /* P14 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned workers = 1; workers <= 4; workers++) {
            yard y = { .p = pool_with(workers, 0, queues[q], 0), .w = CCP_FOREVER };
            long n = (long)scaled(60);
            for (long i = 0; i < n; i++)
                ASSERT_STATUS(ccp_pool_submit(y.p, submit_three, &y, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_wait(y.p, ccp_within(CCP_SEC(60))), CCP_OK);
            assert_int_equal(y.ran + y.refused, 3 * n);
            ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
        }
}

/* --- stalls --- */

static ccp_status open_the_gate(ccp_ctx *ctx, void *arg)
{
    gate_open(&task_gate);
    return count(ctx, arg);
}

/* netxms#3436: there the pool grew by what it saw when a task was taken; with all workers blocked
 * none is.  Here nobody submits any more either. */
TEST(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on) /* P15 */
{
    yard y = { .p = pool_with(2, 3, 16, CCP_MS(2)) };
    for (int round = 0; round < 3; round++) {
        gate_shut(&task_gate);
        for (int i = 0; i < 4; i++)
            ASSERT_STATUS(ccp_pool_submit(y.p, pass_gate, &y.ran, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(y.p, open_the_gate, &y.ran, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(y.p, ccp_within(CCP_SEC(60))), CCP_OK);
        assert_int_equal(y.ran, 5 * (round + 1));
        assert_int_equal(info_of_pool(y.p).most, 5);
        WAIT_UNTIL(info_of_pool(y.p).limit == 2 && info_of_pool(y.p).workers == 2);
    }
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

TEST(a_pool_that_stalls_for_good_takes_no_more_than_it_may) /* P15 P2 */
{
    yard y = { .p = pool_with(1, 2, 16, CCP_MS(1)) };
    gate_shut(&task_gate);
    for (int i = 0; i < 8; i++)
        ASSERT_STATUS(ccp_pool_submit(y.p, pass_gate, &y.ran, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 3);
    assert_int_equal(info_of_pool(y.p).limit, 3);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_shutdown(y.p, NULL, NULL, CCP_FOREVER), CCP_OK);
    assert_int_equal(y.ran, 8);
    assert_int_equal(info_of_pool(y.p).most, 3);
    ASSERT_STATUS(ccp_pool_free(y.p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(only_tasks_of_the_pool_block),
        ENTRY(while_tasks_block_others_run_as_many_as_can_be_spared),
        ENTRY(a_section_that_is_left_open_ends_with_its_task),
        ENTRY(a_task_that_would_wait_for_ever_for_itself_is_told_so),
        ENTRY(a_call_that_would_wait_for_ever_for_its_own_task_is_told_so),
        ENTRY(with_a_worker_to_spare_it_waits),
        ENTRY(workers_that_all_submit_to_their_own_full_queue_go_on),
        ENTRY(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on),
        ENTRY(a_pool_that_stalls_for_good_takes_no_more_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
