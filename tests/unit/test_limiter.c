/* SPDX-License-Identifier: MIT
 *
 * Limiters of concurrency, whose results the tests say; and sometimes.
 */
#include "still.h"
#include "support.h"

#include <math.h>

static ccp_limiter limiter(unsigned min, unsigned max, unsigned start)
{
    const ccp_limiter_opts o = { .min = min, .max = max, .start = start, .latency = CCP_MS(50),
                                 .decrease = 0.5 };
    ccp_limiter l;
    ASSERT_STATUS(ccp_limiter_init(&l, &o), CCP_OK);
    return l;
}

/* Takes all permits that there are; gives their number. */
static unsigned take_all(ccp_limiter *l)
{
    unsigned n = 0;
    while (ccp_limiter_acquire(l, CCP_NOWAIT) == CCP_OK)
        n++;
    return n;
}

static void ends(ccp_limiter *l, unsigned n, ccp_status result, int64_t took)
{
    for (unsigned i = 0; i < n; i++)
        ASSERT_STATUS(ccp_limiter_release(l, result, took), CCP_OK);
}

TEST(defaults_and_what_cannot_be) /* G2 */
{
    const ccp_limiter_opts wrong[] = {
        { .min = 5, .max = 4 },   { .start = 5, .max = 4 },    { .min = 5, .start = 4 },
        { .max = UINT32_MAX },    { .latency = -1 },           { .decrease = 1 },
        { .decrease = -0.1 },     { .decrease = NAN },
    };
    ccp_limiter l;
    for (size_t i = 0; i < LENGTH(wrong); i++)
        ASSERT_STATUS(ccp_limiter_init(&l, &wrong[i]), CCP_INVAL);
    ASSERT_STATUS(ccp_limiter_init(NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_limiter_acquire(NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_limiter_release(NULL, CCP_OK, 0), CCP_INVAL);
    assert_int_equal(ccp_limiter_limit(NULL), 0);
    ASSERT_STATUS(ccp_limiter_init(&l, NULL), CCP_OK);
    assert_int_equal(ccp_limiter_limit(&l), 10);
    ASSERT_STATUS(ccp_limiter_release(&l, CCP_OK, 0), CCP_MISUSE);
    ASSERT_STATUS(ccp_limiter_init(&l, &(ccp_limiter_opts){ .max = 3 }), CCP_OK);
    assert_int_equal(take_all(&l), 3);
    ASSERT_STATUS(ccp_limiter_init(&l, &(ccp_limiter_opts){ .min = 2000 }), CCP_OK);
    assert_int_equal(ccp_limiter_limit(&l), 2000);
}

TEST(as_many_good_results_as_the_limit_raise_it_by_one) /* R10 */
{
    ccp_limiter l = limiter(1, 6, 4);
    assert_int_equal(take_all(&l), 4);
    ends(&l, 2, CCP_OK, CCP_MS(50)); /* with 4 and 3 taken */
    assert_int_equal(take_all(&l), 2);
    ends(&l, 2, CCP_OK, 0);
    assert_int_equal(ccp_limiter_limit(&l), 4); /* 1/4 + 1/4.25 + 1/4.49 + 1/4.7: not yet */
    assert_int_equal(take_all(&l), 2);
    ends(&l, 1, CCP_OK, 0);
    assert_int_equal(ccp_limiter_limit(&l), 5);
    assert_int_equal(take_all(&l), 2);
    for (int i = 0; i < 100; i++) {
        ends(&l, 1, CCP_OK, 0);
        assert_true(take_all(&l) >= 1);
    }
    assert_int_equal(ccp_limiter_limit(&l), 6);
}

TEST(a_limiter_that_is_not_used_is_not_raised) /* R10 */
{
    ccp_limiter l = limiter(1, 100, 10);
    for (int i = 0; i < 1000; i++) {
        ASSERT_STATUS(ccp_limiter_acquire(&l, CCP_NOWAIT), CCP_OK);
        ends(&l, 1, CCP_OK, 0);
    }
    assert_int_equal(ccp_limiter_limit(&l), 10);
}

TEST(a_bad_result_lowers_it_once_for_all_that_are_under_way) /* R10 R11 */
{
    ccp_limiter l = limiter(2, 100, 16);
    assert_int_equal(take_all(&l), 16);
    ends(&l, 16, CCP_TIMEOUT, 0);
    assert_int_equal(ccp_limiter_limit(&l), 8);
    assert_int_equal(take_all(&l), 8);
    ends(&l, 1, CCP_OK, CCP_MS(50) + 1); /* too late is bad, too */
    assert_int_equal(ccp_limiter_limit(&l), 4);
    ASSERT_STATUS(ccp_limiter_acquire(&l, CCP_NOWAIT), CCP_AGAIN); /* 7 are under way */
    ends(&l, 3, CCP_CANCELED, 0);
    ASSERT_STATUS(ccp_limiter_acquire(&l, CCP_NOWAIT), CCP_AGAIN);
    ends(&l, 1, CCP_CANCELED, 0);
    ASSERT_STATUS(ccp_limiter_acquire(&l, CCP_NOWAIT), CCP_OK);
    ends(&l, 4, CCP_CANCELED, 0);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(take_all(&l), ccp_limiter_limit(&l));
        ends(&l, ccp_limiter_limit(&l), CCP_FAILED, 0);
        while (ccp_limiter_release(&l, CCP_CANCELED, 0) == CCP_OK)
            ;
    }
    assert_int_equal(ccp_limiter_limit(&l), 2);
}

TEST(permits_that_are_free_go_with_the_limit) /* R10 */
{
    ccp_limiter l = limiter(1, 100, 16);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_limiter_acquire(&l, CCP_NOWAIT), CCP_OK);
    ends(&l, 1, CCP_BUSY, 0);
    assert_int_equal(ccp_limiter_limit(&l), 8);
    assert_int_equal(take_all(&l), 7);
    ends(&l, 8, CCP_CANCELED, 0);
}

TEST(what_was_canceled_says_nothing)
{
    ccp_limiter l = limiter(1, 100, 10);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(take_all(&l), 10);
        ends(&l, 10, CCP_CANCELED, CCP_SEC(1));
    }
    assert_int_equal(ccp_limiter_limit(&l), 10);
}

/* A service that takes 10 ms up to 20 requests at once, and in proportion longer beyond. */
TEST(the_limit_settles_where_the_latency_is) /* R10 */
{
    const ccp_limiter_opts o = { .latency = CCP_MS(20) };
    ccp_limiter l;
    ASSERT_STATUS(ccp_limiter_init(&l, &o), CCP_OK);
    unsigned least = UINT32_MAX, most = 0;
    for (int round = 0; round < 1000; round++) {
        unsigned n = take_all(&l);
        int64_t took = n <= 20 ? CCP_MS(10) : CCP_MS(10) * n / 20;
        while (ccp_limiter_release(&l, CCP_OK, took) == CCP_OK)
            ;
        unsigned limit = ccp_limiter_limit(&l);
        if (round > 100) {
            least = limit < least ? limit : least;
            most = limit > most ? limit : most;
        }
    }
    assert_true(least >= 30 && most <= 42);
}

/* ---- Sometimes: what the tests of golang.org/x/time/rate check, see ports.md ---- */

static void assert_times(ccp_sometimes s, const char *expected)
{
    for (const char *c = expected; *c; c++)
        assert_int_equal(ccp_sometimes_now(&s), *c == 'x');
}

TEST(all_zero_is_once)
{
    assert_times((ccp_sometimes){ .first = 0 }, "x..........");
    assert_false(ccp_sometimes_now(NULL));
    assert_false(ccp_sometimes_at(NULL, 1));
}

TEST(the_first_times)
{
    assert_times((ccp_sometimes){ .first = 2 }, "xx.........");
}

TEST(every_second_time)
{
    assert_times((ccp_sometimes){ .every = 2 }, "x.x.x.x.x");
}

TEST(after_an_interval)
{
    ccp_sometimes s = { .interval = CCP_SEC(1) };
    still_set(CCP_SEC(7));
    assert_true(ccp_sometimes_now(&s));
    still_advance(CCP_SEC(1) - 1);
    assert_false(ccp_sometimes_now(&s));
    still_advance(1);
    assert_true(ccp_sometimes_now(&s));
    assert_false(ccp_sometimes_now(&s));
    assert_false(ccp_sometimes_at(&s, 0));
}

TEST(several_conditions_together)
{
    ccp_sometimes s = { .first = 2, .every = 2, .interval = CCP_SEC(2) };
    still_set(CCP_SEC(7));
    for (int i = 0; i < 3; i++)
        assert_true(ccp_sometimes_now(&s));
    still_advance(CCP_SEC(2));
    for (int i = 0; i < 2; i++)
        assert_true(ccp_sometimes_now(&s));
    assert_false(ccp_sometimes_now(&s));
}

TEST(intervals_at_the_edges)
{
    assert_times((ccp_sometimes){ .interval = INT64_MAX }, "x...");
    assert_times((ccp_sometimes){ .interval = -1 }, "x...");
    assert_times((ccp_sometimes){ .interval = INT64_MIN }, "x...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(defaults_and_what_cannot_be),
        ENTRY(as_many_good_results_as_the_limit_raise_it_by_one),
        ENTRY(a_limiter_that_is_not_used_is_not_raised),
        ENTRY(a_bad_result_lowers_it_once_for_all_that_are_under_way),
        ENTRY(permits_that_are_free_go_with_the_limit),
        ENTRY(what_was_canceled_says_nothing),
        ENTRY(the_limit_settles_where_the_latency_is),
        ENTRY(all_zero_is_once),
        ENTRY(the_first_times),
        ENTRY(every_second_time),
        ENTRY(after_an_interval),
        ENTRY(several_conditions_together),
        ENTRY(intervals_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
