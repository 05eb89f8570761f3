/* SPDX-License-Identifier: MIT
 *
 * Worker pools: figures of tasks, and how many workers they recommend.
 */
#define _GNU_SOURCE
#include "pools.h"

#include <math.h>
#include <time.h>

/* Linked with --wrap=ccp_cpu_count: a machine with so many processors; 0: the real one. */
static unsigned fake_cpus;
unsigned __real_ccp_cpu_count(void);
unsigned __wrap_ccp_cpu_count(void);
unsigned __wrap_ccp_cpu_count(void)
{
    return fake_cpus ? fake_cpus : __real_ccp_cpu_count();
}

static int back_to_the_machine(void **state)
{
    fake_cpus = 0;
    return no_block_is_live(state);
}
#define FAKED(name) cmocka_unit_test_teardown(name, back_to_the_machine)

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    MUST(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static ccp_pool *measured_pool(unsigned workers, size_t queue)
{
    ccp_pool *p =
        ccp_pool_new(&(ccp_pool_opts){ .workers = workers, .queue = queue, .measure = true });
    assert_non_null(p);
    return p;
}

/* Uses 1 ms of a processor. */
static ccp_status compute(ccp_ctx *ctx, void *arg)
{
    int64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + CCP_MS(1);
    (void)ctx, (void)arg;
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until)
        continue;
    return CCP_OK;
}

#define A_LITTLE CCP_MS(5) /* so long that it sleeps even where calls are slow */

static ccp_status sleep_a_little(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    return ccp_sleep(ccp_under(ctx, ccp_within(A_LITTLE)));
}

static void run(ccp_pool *p, ccp_task fn, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ASSERT_STATUS(ccp_pool_submit(p, fn, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
}

static const size_t queues[] = { 0, 1, 16 };

TEST(without_measure_there_are_no_figures) /* P22 */
{
    ccp_pool *p = pool_of(2, 16);
    run(p, count, 20);
    ccp_pool_info i = info_of_pool(p);
    assert_true(!i.measured && !i.queue_ns && !i.queue_ns_max && !i.run_ns && !i.cpu_ns &&
                !i.blocked && !i.recommended && !i.crowded);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(each_task_is_measured_once) /* P22 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = measured_pool(3, queues[q]);
        for (unsigned n = 1; n <= 50; n++) {
            run(p, count, 1);
            assert_int_equal(info_of_pool(p).measured, n); /* seen by who waited for it */
        }
        run(p, count, 50);
        ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK); /* those that end leave theirs */
        WAIT_UNTIL(info_of_pool(p).workers == 1);
        run(p, count, 50);
        assert_int_equal(info_of_pool(p).measured, 150);
        assert_int_equal(info_of_pool(p).finished, 150);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static void submit_count(actor *a)
{
    actor_calls(a);
    a->rc = ccp_pool_submit(a->arg, count, NULL, CCP_FOREVER);
}

TEST(what_a_task_waits_counts_from_the_call_on) /* P22 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = measured_pool(1, queues[q]);
        occupy(p, 1);
        actor a = { .arg = p };
        actor_start(&a, submit_count);
        WAIT_UNTIL(queues[q] ? info_of_pool(p).queued == 1 : actor_is_asleep(&a));
        int64_t from = clock_ns(CLOCK_MONOTONIC);
        WAIT_UNTIL(clock_ns(CLOCK_MONOTONIC) - from > CCP_MS(3));
        assert_int_equal(info_of_pool(p).measured, 0);
        gate_open(&task_gate);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        ccp_pool_info i = info_of_pool(p);
        assert_int_equal(i.measured, 2);
        assert_true(i.queue_ns_max >= CCP_MS(3) && i.queue_ns >= i.queue_ns_max);
        assert_true(i.run_ns >= CCP_MS(3)); /* of the one at the gate */
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(tasks_with_options_are_measured_too) /* P22 */
{
    ccp_pool *p = measured_pool(1, 16);
    int64_t began = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 10; i++)
        ASSERT_STATUS(ccp_pool_submit_with(p, count, NULL,
                                           &(ccp_task_opts){ .priority = i % 3 }, CCP_FOREVER),
                      CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ccp_pool_info i = info_of_pool(p);
    assert_int_equal(i.measured, 10);
    assert_true(i.queue_ns > 0 && i.queue_ns_max <= clock_ns(CLOCK_MONOTONIC) - began);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_pool_info figures_of(unsigned workers, ccp_task fn)
{
    ccp_pool *p = measured_pool(workers, 16);
    run(p, fn, 40);
    ccp_pool_info i = info_of_pool(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    return i;
}

/* When the process is stopped and goes on, the tasks that run have given their processors up, too:
 * then once more. */
TEST(tasks_that_compute_want_as_many_workers_as_processors) /* P22 */
{
    fake_cpus = 2;
    for (unsigned workers = 1; workers <= 6; workers++) {
        ccp_pool_info i = figures_of(workers, compute);
        for (int tries = 0; tries < 50 && i.blocked >= 4; tries++)
            i = figures_of(workers, compute);
        assert_true(i.cpu_ns >= 40 * CCP_MS(1) && i.run_ns >= i.cpu_ns);
        assert_true(i.blocked < 4);
        assert_int_equal(i.recommended, 2);
        assert_int_equal(i.crowded, workers > 2);
    }
}

/* A task that does not get a processor before its little time is over does not sleep: then once
 * more. */
TEST(tasks_that_wait_want_more) /* P22 */
{
    fake_cpus = 2;
    ccp_pool_info i = { 0 };
    for (int tries = 0; tries < 50 && i.blocked < 40; tries++)
        i = figures_of(8, sleep_a_little);
    assert_true(i.run_ns >= 40 * A_LITTLE && i.cpu_ns < i.run_ns / 2);
    assert_int_equal(i.blocked, 40);
    assert_true(i.recommended > 4);
    assert_false(i.crowded);
}

TEST(what_runs_elsewhere_is_not_measured) /* P22 P16 */
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = 1, .measure = true, .full = CCP_FULL_RUNS });
    atomic_long runs = 0;
    assert_non_null(p);
    occupy(p, 1);
    for (int i = 0; i < 3; i++) /* one waits, two run here */
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_OK);
    assert_int_equal(runs, 2);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(p).finished, 4);
    assert_int_equal(info_of_pool(p).measured, 2);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* --- the formula --- */

TEST(the_recommendation_is_processors_by_utilization_by_waiting)
{
    static const struct {
        unsigned cpus;
        int64_t cpu_ns, wait_ns;
        double utilization;
        unsigned workers;
    } cases[] = {
        { 2, CCP_MS(1), 0, 1, 2 },           { 8, CCP_MS(1), 0, 1, 8 },
        { 8, CCP_MS(1), 0, 0.5, 4 },         { 2, CCP_MS(1), CCP_MS(9), 1, 20 },
        { 2, CCP_MS(1), CCP_MS(9), 0.9, 18 }, { 2, 3, 1, 1, 3 },
        { 1, CCP_MS(1), 0, 0.01, 1 },        { 4, CCP_MS(10), CCP_MS(7), 0.7, 5 },
        { 10, 10, 1, 0.1, 2 },               { 2, 1, INT64_MAX, 1, 65536 },
        { 65536, 1, 0, 1, 65536 },           { 2, INT64_MAX, INT64_MAX, 1, 4 },
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        fake_cpus = cases[i].cpus;
        assert_int_equal(
            ccp_pool_recommend(cases[i].cpu_ns, cases[i].wait_ns, cases[i].utilization),
            cases[i].workers);
    }
}

TEST(what_cannot_be_recommends_nothing) /* G2 */
{
    assert_int_equal(ccp_pool_recommend(0, 1, 1), 0);
    assert_int_equal(ccp_pool_recommend(-1, 1, 1), 0);
    assert_int_equal(ccp_pool_recommend(1, -1, 1), 0);
    assert_int_equal(ccp_pool_recommend(1, 1, 0), 0);
    assert_int_equal(ccp_pool_recommend(1, 1, -0.5), 0);
    assert_int_equal(ccp_pool_recommend(1, 1, 1.001), 0);
    assert_int_equal(ccp_pool_recommend(1, 1, (double)NAN), 0);
    assert_int_equal(ccp_pool_recommend(1, 1, (double)INFINITY), 0);
    assert_true(ccp_pool_recommend(1, 1, 1) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKED(without_measure_there_are_no_figures),
        FAKED(each_task_is_measured_once),
        FAKED(what_a_task_waits_counts_from_the_call_on),
        FAKED(tasks_with_options_are_measured_too),
        FAKED(tasks_that_compute_want_as_many_workers_as_processors),
        FAKED(tasks_that_wait_want_more),
        FAKED(what_runs_elsewhere_is_not_measured),
        FAKED(the_recommendation_is_processors_by_utilization_by_waiting),
        FAKED(what_cannot_be_recommends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
