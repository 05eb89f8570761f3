/* SPDX-License-Identifier: MIT
 *
 * What the tests of Go's sync.WaitGroup check, written anew; ports.md says which is which.
 */
#include "support.h"

enum { TASKS = 16 };

typedef struct two_groups {
    ccp_wg first, second;
    atomic_int exited;
} two_groups;

static void pass_both(actor *a)
{
    two_groups *g = a->arg;
    MUST(ccp_wg_done(&g->first) == CCP_OK);
    MUST(ccp_wg_wait(&g->second, CCP_FOREVER) == CCP_OK);
    atomic_fetch_add(&g->exited, 1);
}

static void pass_once(two_groups *g)
{
    actor a[TASKS];
    atomic_store(&g->exited, 0);
    ASSERT_STATUS(ccp_wg_add(&g->first, TASKS), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&g->second, TASKS), CCP_OK);
    for (size_t i = 0; i < TASKS; i++) {
        a[i] = (actor){ .arg = g };
        actor_start(&a[i], pass_both);
    }
    ASSERT_STATUS(ccp_wg_wait(&g->first, CCP_FOREVER), CCP_OK);
    for (size_t i = 0; i < TASKS; i++) {
        assert_int_equal(g->exited, 0); /* nobody is released too soon */
        ASSERT_STATUS(ccp_wg_done(&g->second), CCP_OK);
    }
    for (size_t i = 0; i < TASKS; i++)
        actor_join(&a[i]);
    assert_int_equal(g->exited, TASKS);
}

TEST(two_groups_hold_each_other_up_again_and_again) /* A1 A4 */
{
    two_groups g = { .first = CCP_WG_INIT, .second = CCP_WG_INIT };
    for (int i = 0; i < 8; i++)
        pass_once(&g);
}

TEST(one_done_too_many_is_told) /* A3 */
{
    ccp_wg wg = CCP_WG_INIT;
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_MISUSE);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
}

static void count_up(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

TEST(both_tasks_have_run_when_the_wait_returns) /* A1 A6 */
{
    for (size_t round = 0; round < scaled(300); round++) {
        ccp_wg wg = CCP_WG_INIT;
        atomic_int n = 0;
        ASSERT_STATUS(ccp_wg_go(&wg, count_up, &n), CCP_OK);
        ASSERT_STATUS(ccp_wg_go(&wg, count_up, &n), CCP_OK);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
        assert_int_equal(n, 2);
    }
}

TEST(a_group_may_stand_behind_a_byte) /* A1 */
{
    struct {
        char byte;
        ccp_wg wg;
        atomic_int n;
    } x = { .wg = CCP_WG_INIT };
    ASSERT_STATUS(ccp_wg_go(&x.wg, count_up, &x.n), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&x.wg, CCP_FOREVER), CCP_OK);
    assert_int_equal(x.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(two_groups_hold_each_other_up_again_and_again),
        ENTRY(one_done_too_many_is_told),
        ENTRY(both_tasks_have_run_when_the_wait_returns),
        ENTRY(a_group_may_stand_behind_a_byte),
    };
    return cmocka_run_group_tests_name("WaitGroup", tests, NULL, NULL);
}
