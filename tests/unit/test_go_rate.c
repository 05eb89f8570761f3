/* SPDX-License-Identifier: MIT
 *
 * What the tests of golang.org/x/time/rate check: see ports.md.  Time goes in steps of 100 ms.
 */
#include "still.h"
#include "support.h"

#define STEP CCP_MS(100)
#define BEGIN CCP_SEC(1000)
#define AT(steps) (BEGIN + (steps) * STEP)

static ccp_rate limiter(double per_second, uint64_t burst)
{
    ccp_rate r;
    ASSERT_STATUS(ccp_rate_init(&r, per_second, burst), CCP_OK);
    return r;
}

typedef struct allow {
    int t;
    double tokens;
    uint64_t n;
    ccp_status rc;
} allow;

static bool is_about(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void run(ccp_rate *r, const allow *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(is_about(ccp_rate_tokens_at(r, AT(a[i].t)), a[i].tokens));
        ASSERT_STATUS(ccp_rate_take_at(r, a[i].n, AT(a[i].t)), a[i].rc);
    }
}

#define RUN(r, ...)                                                                            \
    do {                                                                                       \
        const allow steps_[] = { __VA_ARGS__ };                                                \
        run((r), steps_, LENGTH(steps_));                                                      \
    } while (0)
#define YES CCP_OK
#define NO CCP_AGAIN
#define NEVER CCP_INVAL

/* Reserves n at step t, and may act at step `act`. */
static ccp_reservation reserves(ccp_rate *r, int t, uint64_t n, int act)
{
    ccp_reservation res;
    ASSERT_STATUS(ccp_rate_reserve_at(r, n, AT(t), &res), CCP_OK);
    assert_true(res.at >= AT(act) && res.at <= AT(act) + 2);
    return res;
}

static void cancels(ccp_reservation res, int t)
{
    ASSERT_STATUS(ccp_rate_cancel_at(&res, AT(t)), CCP_OK);
}

/* ---- Rates ---- */

TEST(ten_per_second_is_not_infinite)
{
    assert_true(10 < CCP_RATE_INFINITE);
    ccp_rate r = limiter(10, 0);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, 1), CCP_INVAL);
}

TEST(intervals_become_rates)
{
    const struct {
        int64_t ns;
        double rate;
    } cases[] = {
        { 0, CCP_RATE_INFINITE }, { -1, CCP_RATE_INFINITE }, { 1, 1e9 }, { CCP_US(1), 1e6 },
        { CCP_MS(1), 1e3 }, { CCP_MS(10), 100 }, { CCP_MS(100), 10 }, { CCP_SEC(1), 1 },
        { CCP_SEC(2), 0.5 }, { CCP_MS(2500), 0.4 }, { CCP_SEC(4), 0.25 }, { CCP_SEC(10), 0.1 },
        { INT64_MAX, 1e9 / (double)INT64_MAX },
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        double off = ccp_every(cases[i].ns) / cases[i].rate - 1;
        assert_true(off < 1e-9 && off > -1e-9);
    }
}

/* ---- Allow ---- */

TEST(bursts_of_one)
{
    ccp_rate r = limiter(10, 1);
    RUN(&r, { 0, 1, 1, YES }, { 0, 0, 1, NO }, { 0, 0, 1, NO }, { 1, 1, 1, YES }, { 1, 0, 1, NO },
        { 1, 0, 1, NO }, { 2, 1, 2, NEVER }, { 2, 1, 1, YES }, { 2, 0, 1, NO });
}

TEST(bursts_of_three)
{
    ccp_rate r = limiter(10, 3);
    RUN(&r, { 0, 3, 2, YES }, { 0, 1, 2, NO }, { 0, 1, 1, YES }, { 0, 0, 1, NO },
        { 1, 1, 4, NEVER }, { 2, 2, 1, YES }, { 3, 2, 1, YES }, { 4, 2, 1, YES }, { 4, 1, 1, YES },
        { 4, 0, 1, NO }, { 4, 0, 1, NO }, { 9, 3, 3, YES }, { 9, 0, 0, YES });
}

TEST(time_jumps_back) /* R7 */
{
    ccp_rate r = limiter(10, 3);
    RUN(&r, { 1, 3, 1, YES }, { 0, 1, 1, YES }, { 0, 0, 1, NO }, { 0, 0, 1, NO }, { 1, 1, 1, YES },
        { 1, 0, 1, NO }, { 1, 0, 1, NO }, { 2, 1, 1, YES }, { 2, 0, 1, NO }, { 2, 0, 1, NO });
}

TEST(a_first_token_is_there_whatever_the_rate)
{
    ccp_rate r = limiter(0.7692307692307693, 1);
    still_set(CCP_SEC(77));
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_NOWAIT), CCP_OK);
}

TEST(five_seconds_give_what_the_rate_says) /* R1 R2 */
{
    ccp_rate r = limiter(100, 100);
    unsigned given = 0;
    still_set(BEGIN);
    while (ccp_now() < BEGIN + CCP_SEC(5)) {
        given += ccp_rate_take(&r, 1, CCP_NOWAIT) == CCP_OK;
        still_advance(CCP_MS(2));
    }
    assert_true(given <= 100 + 500 + 1);
    assert_true(given >= 599);
}

TEST(a_rate_of_zero_has_its_burst)
{
    ccp_rate r = limiter(0, 1);
    still_set(BEGIN);
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_NOWAIT), CCP_AGAIN);
}

/* ---- Reserve ---- */

TEST(reservations_follow_each_other)
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 0, 2, 0);
    reserves(&r, 0, 2, 2);
    reserves(&r, 3, 2, 4);
}

TEST(reserving_and_taking_go_together)
{
    ccp_rate r = limiter(10, 2);
    ccp_reservation res;
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 3, AT(0), &res), CCP_INVAL);
    reserves(&r, 0, 2, 0);
    RUN(&r, { 1, 1, 2, NO });
    reserves(&r, 1, 2, 2);
    RUN(&r, { 1, -1, 1, NO });
    RUN(&r, { 3, 1, 1, YES });
}

TEST(what_was_refused_cannot_be_given_back)
{
    ccp_rate r = limiter(10, 2);
    ccp_reservation res;
    memset(&res, 0, sizeof res);
    reserves(&r, 0, 2, 0);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 3, AT(0), &res), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_cancel_at(&res, AT(0)), CCP_MISUSE);
    reserves(&r, 0, 2, 2);
}

TEST(the_last_one_is_given_back)
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 0, 2, 0);
    cancels(reserves(&r, 0, 2, 2), 1);
    reserves(&r, 1, 2, 2);
}

TEST(too_late_gives_nothing_back)
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 0, 2, 0);
    cancels(reserves(&r, 0, 2, 2), 3);
    reserves(&r, 3, 2, 4);
}

TEST(as_much_reserved_later_gives_nothing_back)
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 0, 2, 0);
    ccp_reservation res = reserves(&r, 0, 1, 1);
    reserves(&r, 0, 1, 2);
    cancels(res, 0);
    reserves(&r, 0, 1, 3);
}

TEST(less_reserved_later_gives_back_the_rest)
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 0, 2, 0);
    ccp_reservation res = reserves(&r, 0, 2, 2);
    reserves(&r, 0, 1, 3);
    cancels(res, 2);
    reserves(&r, 2, 2, 4);
}

TEST(several_are_given_back)
{
    ccp_rate r = limiter(10, 4);
    reserves(&r, 0, 4, 0);
    ccp_reservation first = reserves(&r, 0, 3, 3);
    reserves(&r, 0, 1, 4);
    ccp_reservation last = reserves(&r, 0, 1, 5);
    cancels(last, 1);
    cancels(first, 1);
    reserves(&r, 1, 3, 5);
}

TEST(reserving_while_time_jumps_back) /* R7 */
{
    ccp_rate r = limiter(10, 2);
    ccp_reservation res;
    reserves(&r, 1, 2, 1);
    reserves(&r, 0, 1, 2);
    reserves(&r, 2, 2, 4);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 3, AT(0), &res), CCP_INVAL);
    reserves(&r, 2, 1, 5);
    still_set(AT(2));
    ASSERT_STATUS(ccp_rate_take(&r, 2, ccp_within(STEP)), CCP_TIMEOUT);
    reserves(&r, 2, 1, 6);
}

TEST(giving_back_while_time_jumps_back) /* R7 */
{
    ccp_rate r = limiter(10, 2);
    reserves(&r, 1, 2, 1);
    ccp_reservation res = reserves(&r, 1, 2, 3);
    reserves(&r, 1, 1, 4);
    cancels(res, 0);
    reserves(&r, 1, 2, 5);
}

TEST(the_rate_changes_under_a_reservation) /* R6 */
{
    ccp_rate r = limiter(5, 2);
    reserves(&r, 0, 2, 0);
    reserves(&r, 0, 2, 4);
    ASSERT_STATUS(ccp_rate_set_at(&r, 10, 2, AT(2)), CCP_OK);
    reserves(&r, 2, 1, 4);
}

TEST(the_burst_changes_under_a_reservation) /* R6 R7 */
{
    ccp_rate r = limiter(5, 2);
    reserves(&r, 0, 2, 0);
    reserves(&r, 0, 2, 4);
    ASSERT_STATUS(ccp_rate_set_at(&r, 5, 4, AT(3)), CCP_OK);
    reserves(&r, 0, 4, 12);
}

TEST(what_was_reserved_before_a_change_is_given_back) /* R6 */
{
    ccp_rate r = limiter(5, 2);
    reserves(&r, 0, 2, 0);
    ccp_reservation res = reserves(&r, 0, 2, 4);
    ASSERT_STATUS(ccp_rate_set_at(&r, 10, 2, AT(2)), CCP_OK);
    cancels(res, 2);
    reserves(&r, 2, 2, 3);
}

TEST(what_would_be_too_far_ahead_is_not_taken) /* R5 */
{
    ccp_rate r = limiter(10, 2);
    still_set(AT(0));
    ASSERT_STATUS(ccp_rate_take(&r, 2, ccp_within(STEP)), CCP_OK);
    reserves(&r, 0, 1, 1);
    ASSERT_STATUS(ccp_rate_take(&r, 1, ccp_within(STEP)), CCP_TIMEOUT);
    reserves(&r, 0, 1, 2);
}

/* ---- Wait ---- */

static void waits(ccp_rate *r, uint64_t n, ccp_wait w, ccp_status rc, int steps)
{
    int64_t begin = ccp_now();
    ASSERT_STATUS(ccp_rate_take(r, n, w), rc);
    assert_true(ccp_now() - begin >= steps * STEP && ccp_now() - begin <= steps * STEP + 2);
}

TEST(waits_take_as_long_as_they_must)
{
    ccp_rate r = limiter(10, 3);
    still_set(BEGIN);
    ccp_ctx *canceled = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(canceled);
    waits(&r, 1, ccp_with(canceled), CCP_CANCELED, 0);
    waits(&r, 4, CCP_FOREVER, CCP_INVAL, 0);
    waits(&r, 2, CCP_FOREVER, CCP_OK, 0);
    waits(&r, 3, CCP_FOREVER, CCP_OK, 2);
    ASSERT_STATUS(ccp_ctx_free(canceled), CCP_OK);
}

static void cancel_ctx(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

TEST(a_wait_that_is_canceled_gives_back_its_tokens)
{
    ccp_rate r = limiter(10, 3);
    still_set(BEGIN);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    waits(&r, 2, ccp_with(ctx), CCP_OK, 0);
    still_at(AT(1), cancel_ctx, ctx);
    waits(&r, 3, ccp_with(ctx), CCP_CANCELED, 1);
    waits(&r, 2, CCP_FOREVER, CCP_OK, 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_wait_beyond_the_deadline_fails_at_once) /* R5 */
{
    ccp_rate r = limiter(10, 3);
    still_set(BEGIN);
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(STEP));
    waits(&r, 2, ccp_with(ctx), CCP_OK, 0);
    waits(&r, 3, ccp_with(ctx), CCP_TIMEOUT, 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(at_an_infinite_rate_nobody_waits)
{
    ccp_rate r = limiter(CCP_RATE_INFINITE, 0);
    still_set(BEGIN);
    waits(&r, 3, CCP_FOREVER, CCP_OK, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(ten_per_second_is_not_infinite),
        ENTRY(intervals_become_rates),
        ENTRY(bursts_of_one),
        ENTRY(bursts_of_three),
        ENTRY(time_jumps_back),
        ENTRY(a_first_token_is_there_whatever_the_rate),
        ENTRY(five_seconds_give_what_the_rate_says),
        ENTRY(a_rate_of_zero_has_its_burst),
        ENTRY(reservations_follow_each_other),
        ENTRY(reserving_and_taking_go_together),
        ENTRY(what_was_refused_cannot_be_given_back),
        ENTRY(the_last_one_is_given_back),
        ENTRY(too_late_gives_nothing_back),
        ENTRY(as_much_reserved_later_gives_nothing_back),
        ENTRY(less_reserved_later_gives_back_the_rest),
        ENTRY(several_are_given_back),
        ENTRY(reserving_while_time_jumps_back),
        ENTRY(giving_back_while_time_jumps_back),
        ENTRY(the_rate_changes_under_a_reservation),
        ENTRY(the_burst_changes_under_a_reservation),
        ENTRY(what_was_reserved_before_a_change_is_given_back),
        ENTRY(what_would_be_too_far_ahead_is_not_taken),
        ENTRY(waits_take_as_long_as_they_must),
        ENTRY(a_wait_that_is_canceled_gives_back_its_tokens),
        ENTRY(a_wait_beyond_the_deadline_fails_at_once),
        ENTRY(at_an_infinite_rate_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
