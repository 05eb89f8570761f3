/* SPDX-License-Identifier: MIT
 *
 * Shutdown: the time of its phases, to the nanosecond.
 */
#include "still.h"
#include "support.h"

static ccp_status sleep_on(void *arg, ccp_wait w)
{
    return ccp_chan_recv(arg, NULL, w);
}

static ccp_shutdown *three_that_never_end(ccp_chan *never)
{
    ccp_shutdown *s = ccp_shutdown_new();
    assert_non_null(s);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_DRAIN, "never", sleep_on, never), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_JOIN, "never", sleep_on, never), CCP_OK);
    return s;
}

static void check(const ccp_shutdown_limits *l, ccp_wait w, const int64_t took[3])
{
    ccp_chan *never = ccp_chan_new(0, 1);
    ccp_shutdown *s = three_that_never_end(never);
    ccp_shutdown_result r[3];
    still_set(CCP_SEC(100));
    ASSERT_STATUS(ccp_shutdown_run(s, l, w), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(100) + took[0] + took[1] + took[2]);
    assert_int_equal(ccp_shutdown_report(s, r, 3), 3);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(r[i].status, CCP_TIMEOUT);
        assert_int_equal(r[i].ns, took[i]);
    }
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(never), CCP_OK);
}

TEST(the_steps_of_a_phase_share_its_time) /* J2 */
{
    const ccp_shutdown_limits l = { .drain = CCP_MS(2), .join = CCP_MS(1) };
    check(&l, CCP_FOREVER, (const int64_t[]){ CCP_MS(2), 0, CCP_MS(1) });
}

TEST(the_whole_has_its_own_time) /* J2 */
{
    const ccp_shutdown_limits l = { .drain = CCP_SEC(1000) };
    check(&l, ccp_within(CCP_MS(3)), (const int64_t[]){ CCP_MS(3), 0, 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_steps_of_a_phase_share_its_time),
        ENTRY(the_whole_has_its_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
