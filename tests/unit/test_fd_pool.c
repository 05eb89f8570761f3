/* SPDX-License-Identifier: MIT
 *
 * File descriptors of pools, as poll() sees them.
 */
#include "fds.h"
#include "pools.h"

#include <fcntl.h>
#include <sys/resource.h>

/* With a queue, by rendezvous, with workers that come and go, measured. */
static const ccp_pool_opts shapes[] = {
    { .workers = 1, .queue = 8 },
    { .workers = 3, .queue = 8 },
    { .workers = 2 },
    { .workers = 3, .queue = 8, .idle = CCP_SEC(1) },
    { .workers = 2, .queue = 8, .measure = true },
};

#define FOR_EACH_SHAPE(p)                                                                      \
    for (size_t s_ = 0; s_ < LENGTH(shapes); s_++)                                             \
        for (ccp_pool *p = ccp_pool_new(&shapes[s_]); p;                                       \
             assert_int_equal(ccp_pool_free(p), CCP_OK), p = NULL)

static int pool_fd(ccp_pool *p)
{
    int fd = -1;
    MUST(ccp_pool_fd(p, &fd) == CCP_OK && fd >= 0);
    return fd;
}

TEST(a_pool_tells_while_it_has_nothing_to_do) /* FD6 */
{
    FOR_EACH_SHAPE(p)
    {
        int fd = pool_fd(p);
        assert_true(is_up(fd));
        for (int round = 0; round < 3; round++) {
            gate_shut(&task_gate);
            occupy(p, 1);
            ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_AGAIN);
            assert_false(is_up(fd));
            ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_AGAIN);
            assert_false(is_up(fd));
            gate_open(&task_gate);
            wait_up(fd);
            ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_OK);
            assert_true(is_up(fd));
        }
    }
}

TEST(one_made_while_tasks_run_tells_of_the_last) /* FD6 */
{
    FOR_EACH_SHAPE(p)
    {
        atomic_long runs = 0;
        gate_shut(&task_gate);
        occupy(p, 1);
        int fd = pool_fd(p);
        assert_false(is_up(fd));
        gate_open(&task_gate);
        for (int i = 0; i < 8; i++)
            ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
        while (ccp_pool_wait(p, CCP_NOWAIT) == CCP_AGAIN)
            wait_up(fd);
        assert_int_equal(runs, 8);
        wait_up(fd); /* who has finished the last may not have come to it yet */
        assert_int_equal(pool_fd(p), fd);
        assert_true(is_up(fd));
    }
}

TEST(what_is_handed_back_counts_as_done) /* FD6 */
{
    for (int how = 0; how < 2; how++) {
        ccp_pool *p = pool_of(1, 4);
        gate_shut(&task_gate);
        occupy(p, 1);
        ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_NOWAIT), CCP_OK);
        int fd = pool_fd(p);
        ASSERT_STATUS(how ? ccp_pool_abort(p, NULL, NULL) : ccp_pool_close(p), CCP_OK);
        assert_false(is_up(fd)); /* one still runs */
        gate_open(&task_gate);
        wait_up(fd);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), how ? CCP_CLOSED : CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
}

TEST(a_task_that_waits_for_its_time_is_something_to_do) /* FD6 */
{
    ccp_pool *p = pool_of(1, 4);
    atomic_long runs = 0;
    size_t n;
    const ccp_task_opts later = { .after = CCP_SEC(1000), .owner = &runs };
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &later, CCP_NOWAIT), CCP_OK);
    int fd = pool_fd(p);
    assert_false(is_up(fd));
    ASSERT_STATUS(ccp_pool_cancel(p, &runs, &n), CCP_OK);
    assert_int_equal(n, 1);
    assert_true(is_up(fd));
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_thread_that_waits_for_the_pool_is_told_too) /* FD6 */
{
    ccp_pool *p = pool_of(2, 4);
    for (int round = 0; round < 20; round++) {
        gate_shut(&task_gate);
        occupy(p, 2);
        int fd = pool_fd(p);
        assert_false(is_up(fd));
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
        wait_up(fd);
    }
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(without_descriptors_a_pool_stays_as_it_was)
{
    ccp_pool *p = pool_of(1, 1);
    int fd = -7;
    ASSERT_STATUS(ccp_pool_fd(NULL, &fd), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_fd(p, NULL), CCP_INVAL);
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ccp_status rc = ccp_pool_fd(p, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_STATUS(rc, CCP_NOMEM);
    assert_int_equal(fd, -7);
    ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_true(is_up(pool_fd(p)));
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- a loop, and threads that submit ---- */

enum { THREADS = 2, ROUNDS = 400 };

static ccp_pool *shared;
static atomic_long all_runs;

/* Bursts, with pauses in which the pool may have nothing to do. */
static void submit_bursts(actor *a)
{
    for (int i = 0; i < (int)scaled(ROUNDS); i++) {
        for (int k = 0; k < 3; k++)
            MUST(ccp_pool_submit(shared, count, &all_runs, CCP_FOREVER) == CCP_OK);
        if (i % 8 == (int)a->value)
            MUST(ccp_pool_drain(shared, CCP_FOREVER) == CCP_OK);
    }
}

TEST(a_loop_hears_of_every_rest) /* FD6 */
{
    FOR_EACH_SHAPE(p)
    {
        actor a[THREADS];
        shared = p;
        all_runs = 0;
        int fd = pool_fd(p);
        for (int i = 0; i < THREADS; i++) {
            a[i] = (actor){ .value = i };
            actor_start(&a[i], submit_bursts);
        }
        for (bool done = false; !done;) {
            done = actor_is_done(&a[0]) && actor_is_done(&a[1]);
            while (ccp_pool_wait(p, CCP_NOWAIT) == CCP_AGAIN)
                wait_up(fd);
        }
        for (int i = 0; i < THREADS; i++)
            actor_join(&a[i]);
        assert_int_equal(all_runs, 3 * THREADS * (long)scaled(ROUNDS));
        assert_true(is_up(fd));
    }
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(a_pool_tells_while_it_has_nothing_to_do),
        ENTRY(one_made_while_tasks_run_tells_of_the_last),
        ENTRY(what_is_handed_back_counts_as_done),
        ENTRY(a_task_that_waits_for_its_time_is_something_to_do),
        ENTRY(a_thread_that_waits_for_the_pool_is_told_too),
        ENTRY(without_descriptors_a_pool_stays_as_it_was),
        ENTRY(a_loop_hears_of_every_rest),
    };
    return cmocka_run_group_tests_name("fd_pool", tests, NULL, NULL);
}
