/* SPDX-License-Identifier: MIT
 *
 * Backoffs: how long the waits are.
 */
#include <math.h>

#include "support.h"

static ccp_status never(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    MUST(!"it is run");
    return CCP_OK;
}

TEST(backoffs_that_cannot_be_right_give_no_wait)
{
    const int64_t list[] = { 5 };
    const ccp_backoff bad[] = {
        { .first_ns = -1 },
        { .max_ns = -1 },
        { .factor = -1, .first_ns = 5 },
        { .factor = (double)NAN, .first_ns = 5 },
        { .jitter = (double)NAN, .first_ns = 5 },
        { .jitter = 1.01, .first_ns = 5 },
        { .kind = (ccp_backoff_kind)5, .first_ns = 5 },
        { .kind = CCP_BACKOFF_LIST },
        { .kind = CCP_BACKOFF_LIST, .list = list },
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        ccp_backoff b = bad[i];
        assert_int_equal(ccp_backoff_next(&b), 0);
        const ccp_retry_opts o = { .backoff = bad[i] };
        ASSERT_STATUS(ccp_retry(&o, never, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    }
    assert_int_equal(ccp_backoff_next(NULL), 0);
    ccp_backoff odd = ccp_backoff_list((const int64_t[]){ -5, 7 }, 2);
    assert_int_equal(ccp_backoff_next(&odd), 0);
    assert_int_equal(ccp_backoff_next(&odd), 7);
}

TEST(no_backoff_overflows_or_passes_its_limit) /* V5 */
{
    const int64_t list[] = { 0, 1, INT64_MAX };
    for (int kind = 0; kind <= CCP_BACKOFF_LIST; kind++)
        for (int first = 0; first < 3; first++)
            for (int max = 0; max < 4; max++)
                for (int f = 0; f < 4; f++) {
                    const int64_t firsts[] = { 1, CCP_SEC(3), INT64_MAX };
                    const int64_t maxes[] = { 0, 2, CCP_SEC(4), INT64_MAX };
                    const double factors[] = { 0, 0.5, 1e300, (double)INFINITY };
                    ccp_backoff b = { .kind = (ccp_backoff_kind)kind,
                                      .first_ns = firsts[first],
                                      .max_ns = maxes[max],
                                      .factor = factors[f],
                                      .jitter = kind >= CCP_BACKOFF_EXPONENTIAL ? 1 : 0,
                                      .list = list,
                                      .list_len = 3,
                                      .seed = 42 };
                    for (int i = 0; i < 100; i++) {
                        int64_t x = ccp_backoff_next(&b);
                        assert_true(x >= 0 && (!maxes[max] || x <= maxes[max]));
                        if (!maxes[max] && kind <= CCP_BACKOFF_EXPONENTIAL && first < 2)
                            assert_true(x <= 100 * firsts[first]);
                    }
                }
}

TEST(a_factor_is_what_each_wait_is_longer_by)
{
    ccp_backoff b = ccp_backoff_exponential(1000, INT64_MAX);
    b.factor = 1.5;
    const int64_t expected[] = { 1000, 1500, 2250, 3375, 5062 };
    for (size_t i = 0; i < LENGTH(expected); i++)
        assert_int_equal(ccp_backoff_next(&b), expected[i]);
}

TEST(a_copy_of_a_backoff_and_the_same_seed_give_the_same_waits) /* V5 */
{
    ccp_backoff kinds[] = { ccp_backoff_full_jitter(10, CCP_SEC(1)),
                            ccp_backoff_decorrelated(10, CCP_SEC(1)),
                            ccp_backoff_exponential(10, CCP_SEC(1)) };
    kinds[2].jitter = 0.5;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        ccp_backoff a = kinds[i], other = kinds[i];
        a.seed = 7;
        other.seed = 8;
        ccp_backoff b = a;
        bool differ = false;
        for (int k = 0; k < 20; k++) {
            if (k == 10)
                b = a; /* in the middle */
            int64_t x = ccp_backoff_next(&a);
            assert_int_equal(x, ccp_backoff_next(&b));
            differ |= x != ccp_backoff_next(&other);
        }
        assert_true(differ);
        ccp_backoff c = kinds[i], d = kinds[i]; /* without a seed they differ */
        differ = false;
        for (int k = 0; k < 20; k++)
            differ |= ccp_backoff_next(&c) != ccp_backoff_next(&d);
        assert_true(differ);
    }
}

TEST(full_jitter_is_even_from_nothing_to_all)
{
    size_t tenth[10] = { 0 };
    double sum = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        ccp_backoff b = ccp_backoff_full_jitter(CCP_MS(1), CCP_SEC(1));
        b.seed = seed;
        (void)ccp_backoff_next(&b);
        (void)ccp_backoff_next(&b);
        int64_t x = ccp_backoff_next(&b); /* from 0 to 4 ms */
        assert_true(x >= 0 && x <= CCP_MS(4));
        tenth[x == CCP_MS(4) ? 9 : x / CCP_US(400)]++;
        sum += (double)x;
    }
    for (size_t i = 0; i < 10; i++)
        assert_true(tenth[i] > 1800 && tenth[i] < 2200); /* 4.7 sigma */
    assert_true(fabs(sum / 20000 / 2e6 - 1) < 0.02);
}

TEST(decorrelated_jitter_is_between_the_first_wait_and_three_times_the_last)
{
    ccp_backoff b = ccp_backoff_decorrelated(1000, 50000);
    b.seed = 3;
    int64_t last = 1000, longest = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t x = ccp_backoff_next(&b);
        assert_true(x >= 1000 && x <= 3 * last && x <= 50000);
        last = x;
        longest = x > longest ? x : longest;
    }
    assert_true(longest > 45000);
}

TEST(all_zero_is_full_jitter_from_a_tenth_of_a_second_to_ten)
{
    int64_t longest[12] = { 0 };
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        ccp_backoff b = { .seed = seed };
        for (int i = 0; i < 12; i++) {
            int64_t x = ccp_backoff_next(&b);
            longest[i] = x > longest[i] ? x : longest[i];
        }
    }
    for (int i = 0; i < 12; i++) {
        int64_t most = i < 7 ? CCP_MS(100) << i : CCP_SEC(10);
        assert_true(longest[i] <= most && longest[i] > most - most / 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(backoffs_that_cannot_be_right_give_no_wait),
        ENTRY(no_backoff_overflows_or_passes_its_limit),
        ENTRY(a_factor_is_what_each_wait_is_longer_by),
        ENTRY(a_copy_of_a_backoff_and_the_same_seed_give_the_same_waits),
        ENTRY(full_jitter_is_even_from_nothing_to_all),
        ENTRY(decorrelated_jitter_is_between_the_first_wait_and_three_times_the_last),
        ENTRY(all_zero_is_full_jitter_from_a_tenth_of_a_second_to_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
