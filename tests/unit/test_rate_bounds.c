/* SPDX-License-Identifier: MIT
 *
 * How much a rate limiter gives: over long times, at the edges of what can be asked for, and when
 * reservations are given back; the arithmetic below.
 */
#include "base/wide.h"
#include "support.h"

#include <math.h>

static ccp_rate limiter(double per_second, uint64_t burst)
{
    ccp_rate r;
    ASSERT_STATUS(ccp_rate_init(&r, per_second, burst), CCP_OK);
    return r;
}

static int64_t reserved_at(ccp_rate *r, uint64_t n, int64_t t)
{
    ccp_reservation res;
    ASSERT_STATUS(ccp_rate_reserve_at(r, n, t, &res), CCP_OK);
    return res.at;
}

TEST(long_runs_give_what_the_rate_says_to_a_nanosecond) /* R1 R2 */
{
    const double rates[] = { 1e9, 999999937, 7e8 / 3, 1e6, 12345.678, 100, 3, 1, 0.7692307692307693,
                             1.0 / 3600, 1.0 / 86400 };
    for (size_t i = 0; i < LENGTH(rates); i++) {
        ccp_rate r = limiter(rates[i], 1);
        int64_t begin = CCP_SEC(5), t = begin;
        ASSERT_STATUS(ccp_rate_take_at(&r, 1, t), CCP_OK);
        for (int64_t k = 1; k < 2000; k++) {
            t = reserved_at(&r, 1, t);
            long double ideal = (long double)k * 1e9L / (long double)rates[i];
            long double off = (long double)(t - begin) - ideal;
            assert_true(off > -0.01L);
            assert_true(off < 2.0L + ideal * 1e-15L);
        }
    }
}

TEST(a_million_seconds_at_random_load_give_what_the_rate_says) /* R1 R2 */
{
    const double rates[] = { 0.5, 3, 7.3 };
    for (size_t i = 0; i < LENGTH(rates); i++) {
        ccp_rate r = limiter(rates[i], 20);
        uint64_t seed = 7 + i, given = 0;
        int64_t t = 0, busy = 0;
        ASSERT_STATUS(ccp_rate_take_at(&r, 20, 0), CCP_OK);
        while (t < CCP_SEC(1000000)) {
            t += (int64_t)(random_next(&seed) % (unsigned)CCP_SEC(2));
            busy = t;
            for (uint64_t n = 1 + random_next(&seed) % 5; n > 0; n--) /* all that is there */
                while (ccp_rate_take_at(&r, n, t) == CCP_OK)
                    given += n;
        }
        double ideal = rates[i] * (double)busy / 1e9;
        assert_true((double)given <= ideal + 1e-3);
        assert_true((double)given >= ideal - 1);
    }
}

TEST(limiters_work_after_years_and_weeks_of_silence) /* R2 */
{
    const double rates[] = { 999e9, 1e9, 1000, 1, 1e-3 };
    for (size_t i = 0; i < LENGTH(rates); i++) {
        ccp_rate r = limiter(rates[i], 4);
        int64_t t = 1;
        for (int day = 0; day < 40000; day += 97) {
            t += 97 * CCP_SEC(86400);
            assert_true(ccp_rate_tokens_at(&r, t) == 4);
            ASSERT_STATUS(ccp_rate_take_at(&r, 4, t), CCP_OK);
            ASSERT_STATUS(ccp_rate_take_at(&r, 1, t), CCP_AGAIN);
        }
        ASSERT_STATUS(ccp_rate_take_at(&r, 4, INT64_MAX), CCP_OK);
        ASSERT_STATUS(ccp_rate_take_at(&r, 1, INT64_MAX), CCP_AGAIN);
    }
}

TEST(a_token_may_take_decades) /* R1 R2 */
{
    ccp_rate r = limiter(1e-9, 1);
    int64_t token = 1000000000 * CCP_SEC(1);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, 0), CCP_OK);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, token / 3), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, token - CCP_MS(1)), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, token + CCP_MS(1)), CCP_OK);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, 2 * token), CCP_AGAIN);
}

/* As much as can be owed is owed, and now it would take a thousand times as long. */
TEST(what_is_owed_stays_within_bounds_at_a_slower_rate) /* R6 */
{
    ccp_rate r = limiter(1, 100000);
    ccp_reservation res;
    int64_t last = 0;
    while (ccp_rate_reserve_at(&r, 100000, 0, &res) == CCP_OK)
        last = res.at;
    ASSERT_STATUS(ccp_rate_set_at(&r, 1e-3, 10, 0), CCP_OK);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, 0), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, last / 4), CCP_AGAIN);
    assert_true(ccp_rate_tokens_at(&r, last / 4) < -1000);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, 1000 * last), CCP_OK);
}

TEST(the_plan_is_begun_anew_while_something_is_owed) /* R2 R6 */
{
    ccp_rate r = limiter(1.0 / 86400, 90); /* one a day */
    int64_t day = CCP_SEC(86400), t = day;
    for (int i = 0; i < 90; i++)
        ASSERT_STATUS(ccp_rate_take_at(&r, 1, t), CCP_OK);
    for (int i = 1; i <= 2000; i++) {
        int64_t at = reserved_at(&r, 1, t);
        assert_true(at >= t + day && at <= t + day + 2000);
        t += day;
        at = reserved_at(&r, 0, t);
        assert_true(at >= t && at <= t + 2000);
    }
}

TEST(bursts_of_any_size_fill_in_their_time)
{
    const uint64_t bursts[] = { 1, 1000, 1 << 30, (uint64_t)1 << 45, CCP_RATE_BURST_MAX };
    const double rates[] = { 2e-10, 1e-3, 1, 1e9, 9e11 };
    for (size_t i = 0; i < LENGTH(bursts); i++)
        for (size_t j = 0; j < LENGTH(rates); j++) {
            ccp_rate r = limiter(rates[j], bursts[i]);
            double seconds = (double)bursts[i] / rates[j];
            ASSERT_STATUS(ccp_rate_take_at(&r, bursts[i], 0), CCP_OK);
            ASSERT_STATUS(ccp_rate_take_at(&r, 1, 0), CCP_AGAIN);
            if (seconds > 9e9)
                continue;
            double at = (double)reserved_at(&r, bursts[i], 0) / 1e9;
            assert_true(fabs(at - seconds) <= 1e-9 + seconds * 1e-14);
        }
}

TEST(two_thousand_changes_change_nothing) /* R2 R6 */
{
    ccp_rate r = limiter(10, 4);
    int64_t t = CCP_SEC(1);
    ASSERT_STATUS(ccp_rate_take_at(&r, 4, t), CCP_OK);
    for (int i = 0; i < 2100; i++) {
        t += CCP_MS(1);
        ASSERT_STATUS(ccp_rate_set_at(&r, 10, 4 + i % 2, t), CCP_OK);
        if (i % 100 == 99) {
            assert_true(ccp_rate_tokens_at(&r, t) > 0.99999);
            assert_int_equal(reserved_at(&r, 1, t) <= t + CCP_US(1), true);
        }
    }
}

/* ---- Giving back ---- */

/* What was given to whom at which time, to hold every stretch of time against R1. */
enum { UNIT = 1000, GRANTS = 24 };
typedef struct played {
    ccp_reservation res;
    uint64_t n;
    bool held;
} played;

static void hold_against_burst(const played *p, size_t count, uint64_t burst)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            uint64_t sum = 0;
            if (!p[i].held || !p[j].held || p[i].res.at > p[j].res.at)
                continue;
            for (size_t k = 0; k < count; k++)
                if (p[k].held && p[k].res.at >= p[i].res.at && p[k].res.at <= p[j].res.at)
                    sum += p[k].n;
            MUST(sum <= burst + (uint64_t)((p[j].res.at - p[i].res.at + 2) / UNIT));
        }
}

static void play(uint64_t seed, bool changes)
{
    uint64_t burst = 1 + random_next(&seed) % 5;
    ccp_rate r = limiter(ccp_every(UNIT), burst);
    played p[GRANTS];
    size_t count = 0;
    int64_t t = 5 * UNIT;
    while (count < GRANTS) {
        uint32_t what = random_next(&seed) % 8;
        played *some = count ? &p[random_next(&seed) % count] : NULL;
        if (what == 0)
            t += UNIT * (random_next(&seed) % 3);
        else if (what < 4 && some && some->held && some->res.at >= t) {
            some->held = false;
            ASSERT_STATUS(ccp_rate_cancel_at(&some->res, t), CCP_OK);
        } else if (what == 4 && changes)
            ASSERT_STATUS(ccp_rate_set_at(&r, ccp_every(UNIT), burst, t), CCP_OK);
        else {
            p[count] = (played){ .n = 1 + random_next(&seed) % burst, .held = true };
            ASSERT_STATUS(ccp_rate_reserve_at(&r, p[count].n, t, &p[count].res), CCP_OK);
            count++;
        }
    }
    hold_against_burst(p, count, burst);
}

TEST(what_is_given_back_never_makes_a_burst_larger) /* R1 */
{
    for (size_t seed = 0; seed < scaled(15000); seed++)
        play(seed, false);
}

TEST(what_is_given_back_after_a_change_never_makes_a_burst_larger) /* R1 R6 */
{
    for (size_t seed = 0; seed < scaled(10000); seed++)
        play(seed, true);
}

/* ---- The arithmetic ---- */

TEST(products_by_halves_are_the_processors)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < scaled(100000); i++) {
        uint64_t a = (uint64_t)random_next(&seed) << 33 | random_next(&seed);
        uint64_t b = (uint64_t)random_next(&seed) << 33 | random_next(&seed);
        a >>= random_next(&seed) % 64;
        assert_true(ccpi_mul_high(a, b) == ccpi_mul_high_halves(a, b));
    }
}

TEST(quotients_undo_products)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < scaled(20000); i++) {
        uint64_t b = ((uint64_t)random_next(&seed) << 31 | random_next(&seed)) | 1;
        uint64_t a = random_next(&seed);
        unsigned shift = 30 + random_next(&seed) % 35;
        uint64_t q = ccpi_shift_div_up(a, shift, b);
        if (q >= (uint64_t)1 << (shift - 1))
            continue;
        assert_true(ccpi_mul_high(q << (64 - shift), b) >= a);
        assert_true(q == 0 || ccpi_mul_high((q - 1) << (64 - shift), b) < a);
    }
    assert_true(ccpi_shift_div_up(1, 63, 1) == INT64_MAX);
    assert_true(ccpi_shift_div_up(0, 100, 7) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(long_runs_give_what_the_rate_says_to_a_nanosecond),
        ENTRY(a_million_seconds_at_random_load_give_what_the_rate_says),
        ENTRY(limiters_work_after_years_and_weeks_of_silence),
        ENTRY(a_token_may_take_decades),
        ENTRY(what_is_owed_stays_within_bounds_at_a_slower_rate),
        ENTRY(the_plan_is_begun_anew_while_something_is_owed),
        ENTRY(bursts_of_any_size_fill_in_their_time),
        ENTRY(two_thousand_changes_change_nothing),
        ENTRY(what_is_given_back_never_makes_a_burst_larger),
        ENTRY(what_is_given_back_after_a_change_never_makes_a_burst_larger),
        ENTRY(products_by_halves_are_the_processors),
        ENTRY(quotients_undo_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
