/* SPDX-License-Identifier: MIT
 *
 * Worker pools that find out how many workers are right, with real threads.  What is right for
 * which load is the matter of test_pool_tune.c.
 */
#include "pools.h"

static ccp_pool *tuned_pool(unsigned workers, unsigned min, size_t queue, int64_t idle)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = workers, .min = min, .queue = queue,
                                                 .idle = idle, .tune = CCP_US(500) });
    assert_non_null(p);
    return p;
}

static const size_t queues[] = { 0, 1, 64 };

TEST(absurd_options_are_refused) /* G2 P23 */
{
    const ccp_pool_opts absurd[] = {
        { .workers = 2, .tune = -1 },
        { .workers = 2, .min = 3, .tune = 1 },
        { .workers = 2, .spare = 1, .stall = 1, .tune = 1 },
    };
    for (size_t i = 0; i < LENGTH(absurd); i++)
        assert_null(ccp_pool_new(&absurd[i]));
}

TEST(it_begins_with_a_worker_for_each_processor_within_its_bounds) /* P23 */
{
    unsigned cpus = ccp_cpu_count();
    static const unsigned min[] = { 0, 1, 7 }, workers[] = { 1, 8, 64 };
    for (size_t i = 0; i < LENGTH(min); i++)
        for (size_t j = 0; j < LENGTH(workers); j++) {
            if (min[i] > workers[j])
                continue;
            ccp_pool *p = tuned_pool(workers[j], min[i], 16, 0);
            unsigned expected = cpus > min[i] ? cpus : min[i];
            expected = expected < workers[j] ? expected : workers[j];
            assert_int_equal(info_of_pool(p).workers, expected);
            assert_int_equal(info_of_pool(p).limit, expected);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

static ccp_status open_the_gate(ccp_ctx *ctx, void *arg)
{
    gate_open(&task_gate);
    return count(ctx, arg);
}

static void submit_opener(actor *a)
{
    a->rc = ccp_pool_submit(a->arg, open_the_gate, NULL, CCP_FOREVER);
}

/* netxms#3436: with all workers blocked none takes a task, and nobody submits any more. */
TEST(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on) /* P23 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (int idle = 0; idle < 2; idle++) {
            atomic_long runs = 0;
            int blocked = queues[q] ? 20 : 2;
            ccp_pool *p = tuned_pool(32, 1, queues[q], idle ? CCP_SEC(100) : 0);
            actor a = { .arg = p };
            gate_shut(&task_gate);
            for (int i = 0; i < blocked; i++)
                ASSERT_STATUS(ccp_pool_submit(p, pass_gate, &runs, CCP_FOREVER), CCP_OK);
            actor_start(&a, submit_opener);
            actor_join(&a);
            ASSERT_STATUS(a.rc, CCP_OK);
            ASSERT_STATUS(ccp_pool_wait(p, ccp_within(CCP_SEC(60))), CCP_OK);
            assert_int_equal(runs, blocked);
            ccp_pool_info i = info_of_pool(p);
            assert_true(i.most > (unsigned)blocked && i.most <= 32);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

/* Each look finds that who has a clock has computed for a second since the last one: so tasks that
 * pass the gate look as if they computed. */
static atomic_bool they_compute;
static _Atomic int64_t shown;
static atomic_long reads; /* one of each worker in each look, also if it has no clock */
int64_t __real_ccpi_cpu_clock_read(uint32_t clock);
int64_t __wrap_ccpi_cpu_clock_read(uint32_t clock);
int64_t __wrap_ccpi_cpu_clock_read(uint32_t clock)
{
    atomic_fetch_add(&reads, 1);
    if (!atomic_load(&they_compute) || !clock)
        return __real_ccpi_cpu_clock_read(clock);
    return atomic_fetch_add(&shown, CCP_SEC(1)) + CCP_SEC(1);
}

TEST(a_pool_whose_workers_compute_for_long_does_not_grow_until_they_are_blocked) /* P23 */
{
    unsigned cpus = ccp_cpu_count();
    ccp_pool *p = tuned_pool(cpus + 8, 1, 64, 0);
    atomic_store(&they_compute, true);
    occupy(p, (int)cpus);
    ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_FOREVER), CCP_OK);
    long before = atomic_load(&reads);
    WAIT_UNTIL(atomic_load(&reads) - before > 12L * cpus || info_of_pool(p).workers > cpus);
    assert_int_equal(info_of_pool(p).limit, cpus);
    atomic_store(&they_compute, false);
    WAIT_UNTIL(info_of_pool(p).finished == 1);
    assert_true(info_of_pool(p).limit > cpus);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_pool_that_stays_blocked_takes_no_more_than_it_may) /* P23 P2 */
{
    ccp_pool *p = tuned_pool(6, 1, 64, 0);
    gate_shut(&task_gate);
    for (int i = 0; i < 30; i++)
        ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 6);
    assert_int_equal(info_of_pool(p).workers, 6);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(p).most, 6);
    assert_int_equal(info_of_pool(p).finished, 30);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(resizing_sets_how_many_there_may_be) /* P23 P10 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = tuned_pool(32, 4, queues[q], 0);
        ASSERT_STATUS(ccp_pool_resize(p, 2), CCP_OK);
        assert_true(info_of_pool(p).limit <= 2);
        WAIT_UNTIL(info_of_pool(p).workers <= 2);
        ASSERT_STATUS(ccp_pool_resize(p, 5), CCP_OK);
        assert_true(info_of_pool(p).limit <= 2);
        gate_shut(&task_gate);
        for (int i = 0; i < 5; i++)
            ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
        WAIT_UNTIL(atomic_load(&task_gate.arrived) == 5);
        assert_int_equal(info_of_pool(p).limit, 5);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_resize(p, 0), CCP_INVAL);
        ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        ASSERT_STATUS(ccp_pool_resize(p, 3), CCP_CLOSED);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static ccp_status work_a_little(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    return ccp_sleep(ccp_under(ctx, ccp_within(CCP_US(200))));
}

TEST(all_tasks_run_once_while_it_looks_for_its_size) /* P3 P23 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = tuned_pool(16, 1, queues[q], q == 1 ? CCP_MS(1) : 0);
        size_t n = scaled(2000);
        for (size_t i = 0; i < n; i++)
            ASSERT_STATUS(ccp_pool_submit(p, work_a_little, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(info_of_pool(p).finished, n);
        assert_int_equal(info_of_pool(p).failed, 0);
        assert_true(info_of_pool(p).most <= 16);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(absurd_options_are_refused),
        ENTRY(it_begins_with_a_worker_for_each_processor_within_its_bounds),
        ENTRY(a_pool_whose_workers_are_all_blocked_grows_until_it_goes_on),
        ENTRY(a_pool_whose_workers_compute_for_long_does_not_grow_until_they_are_blocked),
        ENTRY(a_pool_that_stays_blocked_takes_no_more_than_it_may),
        ENTRY(resizing_sets_how_many_there_may_be),
        ENTRY(all_tasks_run_once_while_it_looks_for_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
