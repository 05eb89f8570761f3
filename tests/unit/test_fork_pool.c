/* SPDX-License-Identifier: MIT
 *
 * Pools in a child of fork(): those that work anew, and those of which only the memory is left.
 */
#include "support.h"

#include "page.h"
#include "pools.h"

static atomic_long runs;

static void use_pool_anew(void *arg)
{
    ccp_pool *p = arg;
    ccp_pool_info i;
    int fd = -1;
    atomic_store(&runs, 0);
    NEED(ccp_pool_submit(p, count, &runs, CCP_FOREVER) == CCP_OK);
    NEED(ccp_pool_submit_with(p, count, &runs, &(ccp_task_opts){ .priority = 1 }, CCP_FOREVER) ==
         CCP_OK);
    NEED(ccp_pool_wait(p, CCP_FOREVER) == CCP_OK);
    NEED(atomic_load(&runs) == 2); /* and nothing of the parent's */
    NEED(ccp_pool_get_info(p, &i) == CCP_OK && i.finished == 2 && i.workers == 1);
    NEED(ccp_pool_fd(p, &fd) == CCP_OK && fd >= 0);
    NEED(ccp_pool_resize(p, 2) == CCP_OK);
}

static void use_pool_and_free_it(void *arg)
{
    size_t before = ccp_live_blocks();
    use_pool_anew(arg);
    NEED(ccp_pool_shutdown(arg, NULL, NULL, CCP_FOREVER) == CCP_OK);
    NEED(ccp_pool_submit(arg, count, &runs, CCP_NOWAIT) == CCP_CLOSED);
    NEED(ccp_pool_free(arg) == CCP_OK);
    NEED(ccp_live_blocks() < before);
}

static void use_pool_in_two_generations(void *arg)
{
    use_pool_anew(arg);
    in_child(use_pool_and_free_it, arg);
    atomic_store(&runs, 0);
    NEED(ccp_pool_submit(arg, count, &runs, CCP_FOREVER) == CCP_OK);
    NEED(ccp_pool_drain(arg, CCP_FOREVER) == CCP_OK && atomic_load(&runs) == 1);
    NEED(ccp_pool_free(arg) == CCP_OK);
}

TEST(a_pool_works_anew_in_a_child_and_its_tasks_run_once) /* FK7 */
{
    if (UNDER_SANITIZER)
        skip(); /* that of threads starts none in a child of many */
    guard_forks(true);
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = 4, .parent = parent, .respawn = true });
    assert_true(parent && p);
    occupy(p, 1);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_OK);
    in_child(use_pool_and_free_it, p);
    in_child(use_pool_in_two_generations, p);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(atomic_load(&runs), 3);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
    guard_forks(false);
}

static void free_unused(void *arg)
{
    NEED(ccp_pool_free(arg) == CCP_OK);
}

TEST(a_pool_that_is_not_used_in_a_child_starts_nothing_there) /* FK7 */
{
    guard_forks(true);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .respawn = true });
    assert_non_null(p);
    in_child(free_unused, p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    guard_forks(false);
}

/* The program's allocator uses the pool while a thread of the child makes one of its own. */
static ccp_pool *wanted;
static void *alloc_beside_another(size_t size, void *arg)
{
    (void)arg;
    ccp_pool *p = wanted;
    wanted = NULL;
    if (p)
        NEED(ccp_pool_submit(p, count, &runs, CCP_FOREVER) == CCP_OK);
    return malloc(size);
}

static void free_plainly(void *p, void *arg)
{
    (void)arg;
    free(p);
}

static void use_pool_twice_at_once(void *arg)
{
    size_t before = ccp_live_blocks();
    wanted = arg;
    atomic_store(&runs, 0);
    NEED(ccp_pool_submit(arg, count, &runs, CCP_FOREVER) == CCP_OK);
    NEED(!wanted && ccp_pool_drain(arg, CCP_FOREVER) == CCP_OK);
    NEED(atomic_load(&runs) == 2);
    NEED(ccp_pool_free(arg) == CCP_OK);
    NEED(ccp_live_blocks() < before);
}

TEST(threads_of_a_child_that_come_first_to_a_pool_share_one) /* FK7 */
{
    if (UNDER_SANITIZER)
        skip(); /* that of threads starts none in a child of many */
    const ccp_allocator a = { alloc_beside_another, free_plainly, NULL };
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    guard_forks(true);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 4, .respawn = true });
    assert_non_null(p);
    in_child(use_pool_twice_at_once, p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    guard_forks(false);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

TEST(a_pool_with_tasks_that_wait_for_their_time_is_freed_in_a_child) /* FK6 */
{
    guard_forks(true);
    ccp_pool *p = pool_of(1, 1);
    const ccp_task_opts late = { .after = CCP_SEC(1000) };
    ASSERT_STATUS(ccp_pool_submit_with(p, count, &runs, &late, CCP_NOWAIT), CCP_OK);
    in_child(free_unused, p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    guard_forks(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_pool_works_anew_in_a_child_and_its_tasks_run_once),
        ENTRY(a_pool_that_is_not_used_in_a_child_starts_nothing_there),
        ENTRY(threads_of_a_child_that_come_first_to_a_pool_share_one),
        ENTRY(a_pool_with_tasks_that_wait_for_their_time_is_freed_in_a_child),
    };
    return cmocka_run_group_tests_name("fork_pool", tests, NULL, NULL);
}
