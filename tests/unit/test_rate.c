/* SPDX-License-Identifier: MIT
 *
 * Rate limiters, in time that stands still; test_go_rate.c holds what the tests of others check.
 */
#include "still.h"
#include "support.h"

#include <math.h>

/* Linked with --wrap=ccpi_clock_now: time is this when the clock is read the n-th time from now. */
static int reads_left;
static int64_t time_then;
int64_t __real_ccpi_clock_now(void);
int64_t __wrap_ccpi_clock_now(void);
int64_t __wrap_ccpi_clock_now(void)
{
    if (reads_left && --reads_left == 0)
        still_set(time_then);
    return __real_ccpi_clock_now();
}

static ccp_rate limiter(double per_second, uint64_t burst)
{
    ccp_rate r;
    ASSERT_STATUS(ccp_rate_init(&r, per_second, burst), CCP_OK);
    return r;
}

static void takes(ccp_rate *r, uint64_t n)
{
    ASSERT_STATUS(ccp_rate_take(r, n, CCP_NOWAIT), CCP_OK);
}

static void refuses(ccp_rate *r, uint64_t n)
{
    ASSERT_STATUS(ccp_rate_take(r, n, CCP_NOWAIT), CCP_AGAIN);
}

static int64_t reserved_at(ccp_rate *r, uint64_t n, int64_t t)
{
    ccp_reservation res;
    ASSERT_STATUS(ccp_rate_reserve_at(r, n, t, &res), CCP_OK);
    return res.at;
}

/* ---- What a limiter is ---- */

TEST(a_bucket_is_full_at_first_and_fills_evenly)
{
    ccp_rate r = CCP_RATE_INIT(10, 3);
    still_set(CCP_SEC(1));
    assert_true(ccp_rate_tokens(&r) == 3);
    takes(&r, 1);
    takes(&r, 2);
    refuses(&r, 1);
    still_advance(CCP_MS(100) - 1);
    refuses(&r, 1);
    still_advance(1);
    takes(&r, 1);
    refuses(&r, 1);
    still_advance(CCP_MS(250));
    assert_true(fabs(ccp_rate_tokens(&r) - 2.5) < 1e-6);
    takes(&r, 2);
    refuses(&r, 1);
    still_advance(CCP_SEC(1000));
    assert_true(ccp_rate_tokens(&r) == 3);
    takes(&r, 3);
    refuses(&r, 1);
}

TEST(zero_is_a_limiter_that_gives_nothing)
{
    ccp_rate zero;
    memset(&zero, 0, sizeof zero);
    still_set(5);
    ASSERT_STATUS(ccp_rate_take(&zero, 1, CCP_NOWAIT), CCP_INVAL);
    takes(&zero, 0);
    assert_true(ccp_rate_tokens(&zero) == 0);
    assert_true(ccp_rate_limit(&zero) == 0);
    assert_int_equal(ccp_rate_burst(&zero), 0);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_rate r = limiter(1, 1);
    ccp_reservation res;
    ASSERT_STATUS(ccp_rate_init(NULL, 1, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_take(NULL, 1, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_take_at(NULL, 1, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_reserve(NULL, 1, &res), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_reserve(&r, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_reserve_at(NULL, 1, 1, &res), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 1, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_cancel(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_cancel_at(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_set(NULL, 1, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_set_at(NULL, 1, 1, 1), CCP_INVAL);
    assert_true(ccp_rate_tokens(NULL) == 0);
    assert_true(ccp_rate_tokens_at(NULL, 1) == 0);
    assert_true(ccp_rate_limit(NULL) == 0);
    assert_int_equal(ccp_rate_burst(NULL), 0);
    takes(&r, 1);
}

TEST(rates_that_cannot_be_are_refused) /* G1 G2 */
{
    const double wrong[] = { -1, -1e-300, -INFINITY, NAN };
    ccp_rate r = limiter(7, 2);
    still_set(1);
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        ccp_rate other = CCP_RATE_INIT(wrong[i], 2);
        ASSERT_STATUS(ccp_rate_take(&other, 1, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(ccp_rate_take_at(&other, 1, 5), CCP_INVAL);
        assert_true(ccp_rate_tokens(&other) == 0);
        ASSERT_STATUS(ccp_rate_init(&other, wrong[i], 2), CCP_INVAL);
        ASSERT_STATUS(ccp_rate_set(&r, wrong[i], 2), CCP_INVAL);
        ASSERT_STATUS(ccp_rate_set_at(&r, wrong[i], 2, 1), CCP_INVAL);
    }
    ASSERT_STATUS(ccp_rate_init(&r, 1, CCP_RATE_BURST_MAX + 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_set(&r, 1, UINT64_MAX), CCP_INVAL);
    assert_true(ccp_rate_limit(&r) == 7);
    assert_int_equal(ccp_rate_burst(&r), 2);
}

TEST(more_than_the_burst_is_refused_whatever_there_is) /* R4 */
{
    ccp_rate r = limiter(10, 2);
    ccp_reservation res;
    still_set(1);
    ASSERT_STATUS(ccp_rate_take(&r, 3, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_take(&r, UINT64_MAX, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_take_at(&r, 3, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_reserve(&r, 3, &res), CCP_INVAL);
    assert_true(ccp_rate_tokens(&r) == 2);
    takes(&r, 2);
}

TEST(nothing_asked_for_is_there_unless_something_is_owed) /* R3 */
{
    ccp_rate r = limiter(10, 1);
    ccp_reservation res;
    still_set(1);
    takes(&r, 1);
    takes(&r, 0);
    ASSERT_STATUS(ccp_rate_reserve(&r, 1, &res), CCP_OK);
    refuses(&r, 0);
    assert_true(ccp_rate_tokens(&r) == -1);
}

/* ---- Rates at the edges ---- */

TEST(an_infinite_rate_lets_everything_pass)
{
    ccp_rate r = limiter(CCP_RATE_INFINITE, 0);
    ccp_reservation res;
    still_set(50);
    takes(&r, 1);
    takes(&r, UINT64_MAX);
    ASSERT_STATUS(ccp_rate_take_at(&r, 5, -7), CCP_OK);
    ASSERT_STATUS(ccp_rate_reserve(&r, 9, &res), CCP_OK);
    assert_int_equal(res.at, 50);
    ASSERT_STATUS(ccp_rate_cancel(&res), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == 0);
    ASSERT_STATUS(ccp_rate_set(&r, 1e12, 3), CCP_OK);
    takes(&r, 4);
    ASSERT_STATUS(ccp_rate_set(&r, 10, 3), CCP_OK);
    takes(&r, 3);
    refuses(&r, 1);
    assert_true(ccp_rate_limit(&r) == 10);
}

TEST(a_rate_of_zero_gives_what_is_there_and_no_more)
{
    ccp_rate r = limiter(0, 2);
    ccp_reservation res;
    still_set(50);
    takes(&r, 1);
    still_advance(CCP_SEC(1000000));
    takes(&r, 1);
    refuses(&r, 1);
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_FOREVER), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rate_take(&r, 1, ccp_within(CCP_SEC(1))), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rate_reserve(&r, 1, &res), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 1, 7, &res), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rate_set(&r, 1, 2), CCP_OK);
    refuses(&r, 1);
    still_advance(CCP_SEC(1));
    takes(&r, 1);
}

TEST(what_would_be_weeks_ahead_is_refused) /* R4 */
{
    ccp_rate r = limiter(1, 1000);
    ccp_reservation res;
    still_set(1);
    int64_t last = 0;
    ccp_status st = CCP_OK;
    for (int i = 0; i < 100000 && st == CCP_OK; i++) {
        st = ccp_rate_reserve_at(&r, 1000, 1, &res);
        last = st == CCP_OK ? res.at : last;
    }
    ASSERT_STATUS(st, CCP_BUSY);
    assert_true(last > 14 * CCP_SEC(86400));
    ASSERT_STATUS(ccp_rate_reserve(&r, 1000, &res), CCP_BUSY);
    ASSERT_STATUS(ccp_rate_take(&r, 1000, CCP_FOREVER), CCP_BUSY);
    ASSERT_STATUS(ccp_rate_take(&r, 1000, ccp_within(CCP_SEC(5))), CCP_BUSY);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1000, last - CCP_SEC(1)), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1000, last + CCP_SEC(1000)), CCP_OK);
}

TEST(every_is_the_rate_of_an_interval)
{
    assert_true(ccp_every(0) == CCP_RATE_INFINITE);
    assert_true(ccp_every(-1) == CCP_RATE_INFINITE);
    assert_true(ccp_every(CCP_MS(100)) == 10);
    assert_true(ccp_every(1) == 1e9);
}

/* ---- Pacing ---- */

TEST(a_burst_of_one_paces) /* R1 */
{
    ccp_rate r = limiter(ccp_every(CCP_MS(20)), 1);
    uint64_t seed = 3;
    int64_t last = -CCP_SEC(1);
    for (int i = 0; i < 10000; i++) {
        still_set(last + 1 + (int64_t)(random_next(&seed) % (unsigned)CCP_MS(40)) + CCP_SEC(2));
        ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_FOREVER), CCP_OK);
        int64_t now = ccp_now() - CCP_SEC(2);
        assert_true(i == 0 || now - last >= CCP_MS(20) - 1);
        last = now;
    }
}

TEST(who_waits_in_a_row_is_let_through_evenly) /* R2 R3 */
{
    ccp_rate r = limiter(ccp_every(CCP_MS(20)), 1);
    still_set(CCP_SEC(1));
    for (int i = 0; i < 1000; i++) {
        ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_FOREVER), CCP_OK);
        assert_int_equal(ccp_now(), CCP_SEC(1) + i * CCP_MS(20));
    }
}

/* ---- Waiting ---- */

TEST(a_wait_sleeps_once_and_until_the_moment)
{
    ccp_rate r = limiter(10, 3);
    still_set(CCP_SEC(1));
    ASSERT_STATUS(ccp_rate_take(&r, 3, CCP_FOREVER), CCP_OK);
    assert_int_equal(still_sleeps(), 0);
    ASSERT_STATUS(ccp_rate_take(&r, 2, ccp_within(CCP_MS(200))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(200));
    assert_int_equal(still_sleeps(), 1);
    ASSERT_STATUS(ccp_rate_take(&r, 1, ccp_until(1)), CCP_TIMEOUT);
    refuses(&r, 1);
}

TEST(a_wait_that_is_going_to_be_too_long_fails_at_once) /* R4 R5 */
{
    ccp_rate r = limiter(10, 3);
    still_set(CCP_SEC(1));
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(299)));
    takes(&r, 3);
    const ccp_wait waits[] = { ccp_within(CCP_MS(300) - 1), ccp_until(CCP_SEC(1) + 5),
                               ccp_within(0), ccp_with(ctx), ccp_under(ctx, ccp_within(5)) };
    for (size_t i = 0; i < LENGTH(waits); i++) {
        ASSERT_STATUS(ccp_rate_take(&r, 3, waits[i]), CCP_TIMEOUT);
        assert_int_equal(ccp_now(), CCP_SEC(1));
    }
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == 0);
    ASSERT_STATUS(ccp_rate_take(&r, 2, ccp_with(ctx)), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(200));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void cancel_ctx(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

TEST(a_wait_that_is_canceled_gives_back) /* R4 */
{
    ccp_rate r = limiter(10, 3);
    still_set(CCP_SEC(1));
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    takes(&r, 3);
    still_at(CCP_SEC(1) + CCP_MS(50), cancel_ctx, ctx);
    ASSERT_STATUS(ccp_rate_take(&r, 2, ccp_with(ctx)), CCP_CANCELED);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(50));
    assert_true(fabs(ccp_rate_tokens(&r) - 0.5) < 1e-6);
    ASSERT_STATUS(ccp_rate_take(&r, 0, ccp_with(ctx)), CCP_CANCELED); /* W2 */
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* ---- Reservations ---- */

TEST(reservations_come_one_after_the_other) /* R3 */
{
    ccp_rate r = limiter(10, 3);
    ccp_reservation res;
    still_set(CCP_SEC(1));
    const int64_t ms[] = { 0, 0, 0, 100, 200, 300 };
    for (size_t i = 0; i < LENGTH(ms); i++) {
        ASSERT_STATUS(ccp_rate_reserve(&r, 1, &res), CCP_OK);
        assert_int_equal(res.at, CCP_SEC(1) + CCP_MS(ms[i]));
    }
    refuses(&r, 1); /* overtakes nobody */
    still_advance(CCP_MS(300));
    refuses(&r, 1);
    still_advance(CCP_MS(100));
    takes(&r, 1);
}

TEST(a_reservation_is_given_back_once)
{
    ccp_rate r = limiter(10, 3);
    ccp_reservation res, zero;
    memset(&zero, 0, sizeof zero);
    still_set(CCP_SEC(1));
    takes(&r, 3);
    ASSERT_STATUS(ccp_rate_reserve(&r, 2, &res), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == -2);
    ASSERT_STATUS(ccp_rate_cancel(&res), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == 0);
    ASSERT_STATUS(ccp_rate_cancel(&res), CCP_MISUSE);
    ASSERT_STATUS(ccp_rate_cancel_at(&res, 1), CCP_MISUSE);
    ASSERT_STATUS(ccp_rate_cancel(&zero), CCP_MISUSE);
    assert_true(ccp_rate_tokens(&r) == 0);
}

/* ---- Changes ---- */

TEST(a_change_keeps_what_is_there_and_what_is_owed) /* R6 */
{
    ccp_rate r = limiter(10, 4);
    ccp_reservation res;
    still_set(CCP_SEC(1));
    takes(&r, 1);
    ASSERT_STATUS(ccp_rate_set(&r, 1000, 9), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == 3);
    takes(&r, 3);
    ASSERT_STATUS(ccp_rate_set(&r, 1, 9), CCP_OK);
    ASSERT_STATUS(ccp_rate_reserve(&r, 2, &res), CCP_OK);
    assert_int_equal(res.at, CCP_SEC(3));
    ASSERT_STATUS(ccp_rate_set(&r, 0, 9), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == -2);
    ASSERT_STATUS(ccp_rate_set(&r, 4, 9), CCP_OK);
    still_advance(CCP_MS(500));
    assert_true(fabs(ccp_rate_tokens(&r)) < 1e-6);
    still_advance(CCP_SEC(1));
    ASSERT_STATUS(ccp_rate_set(&r, 4, 2), CCP_OK);
    assert_true(ccp_rate_tokens(&r) == 2);
    assert_int_equal(ccp_rate_burst(&r), 2);
    assert_true(ccp_rate_limit(&r) == 4);
}

TEST(what_was_reserved_before_a_change_can_be_given_back) /* R6 */
{
    ccp_rate r = limiter(10, 4);
    ccp_reservation first, second;
    int64_t t = CCP_SEC(1);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 4, t, &first), CCP_OK);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 3, t, &first), CCP_OK);
    ASSERT_STATUS(ccp_rate_reserve_at(&r, 1, t, &second), CCP_OK);
    ASSERT_STATUS(ccp_rate_set_at(&r, 1000, 7, t), CCP_OK);
    ASSERT_STATUS(ccp_rate_set_at(&r, 0.25, 5, t), CCP_OK);
    assert_true(ccp_rate_tokens_at(&r, t) == -4);
    ASSERT_STATUS(ccp_rate_cancel_at(&first, t), CCP_OK);
    assert_true(ccp_rate_tokens_at(&r, t) == -2); /* one was reserved after the three */
    ASSERT_STATUS(ccp_rate_set_at(&r, CCP_RATE_INFINITE, 5, t), CCP_OK);
    ASSERT_STATUS(ccp_rate_cancel_at(&second, t), CCP_OK);
    ASSERT_STATUS(ccp_rate_take_at(&r, 100, t), CCP_OK);
}

TEST(time_that_goes_back_gives_nothing_and_takes_nothing) /* R7 */
{
    ccp_rate r = limiter(10, 3), full = limiter(10, 3);
    ASSERT_STATUS(ccp_rate_take_at(&full, 0, CCP_SEC(9)), CCP_OK);
    assert_int_equal(reserved_at(&full, 1, 0), CCP_SEC(9));
    ASSERT_STATUS(ccp_rate_take_at(&r, 2, CCP_SEC(9)), CCP_OK);
    const int64_t back[] = { INT64_MIN, INT64_MIN + 1, -1, 0, CCP_SEC(8), CCP_SEC(9) - 1 };
    for (size_t i = 0; i < LENGTH(back); i++)
        for (int again = 0; again < 3; again++) {
            ASSERT_STATUS(ccp_rate_take_at(&r, 1, back[i]), CCP_AGAIN);
            assert_true(ccp_rate_tokens_at(&r, back[i]) < 1);
        }
    assert_true(ccp_rate_tokens_at(&r, CCP_SEC(9)) == 1);
    ASSERT_STATUS(ccp_rate_take_at(&r, 1, CCP_SEC(9)), CCP_OK);
    assert_int_equal(reserved_at(&r, 1, 0), CCP_SEC(9) + CCP_MS(100));
    ASSERT_STATUS(ccp_rate_set_at(&r, 20, 3, 0), CCP_OK);
    assert_true(ccp_rate_tokens_at(&r, CCP_SEC(9)) == -1);
    assert_true(fabs(ccp_rate_tokens_at(&r, CCP_SEC(9) + CCP_MS(50))) < 1e-6);
}

/* A plan reaches some weeks; its thread is held up for months, at any moment of a call. */
TEST(a_thread_that_is_held_up_for_months_in_a_call_gets_its_tokens) /* R2 R7 */
{
    for (int read = 1; read < 8; read++) {
        ccp_rate r = CCP_RATE_INIT(10, 3);
        still_set(CCP_SEC(1));
        takes(&r, 3);
        reads_left = read;
        time_then = CCP_SEC(10000000);
        ASSERT_STATUS(ccp_rate_take(&r, 3, ccp_until(CCP_SEC(20000000))), CCP_OK);
        bool held_up = reads_left == 0;
        reads_left = 0;
        assert_true(held_up ? ccp_now() == time_then : ccp_now() == CCP_MS(1300));
        if (!held_up)
            refuses(&r, 1);
        assert_true(ccp_rate_tokens(&r) <= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_bucket_is_full_at_first_and_fills_evenly),
        ENTRY(zero_is_a_limiter_that_gives_nothing),
        ENTRY(null_arguments_are_refused),
        ENTRY(rates_that_cannot_be_are_refused),
        ENTRY(more_than_the_burst_is_refused_whatever_there_is),
        ENTRY(nothing_asked_for_is_there_unless_something_is_owed),
        ENTRY(an_infinite_rate_lets_everything_pass),
        ENTRY(a_rate_of_zero_gives_what_is_there_and_no_more),
        ENTRY(what_would_be_weeks_ahead_is_refused),
        ENTRY(every_is_the_rate_of_an_interval),
        ENTRY(a_burst_of_one_paces),
        ENTRY(who_waits_in_a_row_is_let_through_evenly),
        ENTRY(a_wait_sleeps_once_and_until_the_moment),
        ENTRY(a_wait_that_is_going_to_be_too_long_fails_at_once),
        ENTRY(a_wait_that_is_canceled_gives_back),
        ENTRY(reservations_come_one_after_the_other),
        ENTRY(a_reservation_is_given_back_once),
        ENTRY(a_change_keeps_what_is_there_and_what_is_owed),
        ENTRY(what_was_reserved_before_a_change_can_be_given_back),
        ENTRY(time_that_goes_back_gives_nothing_and_takes_nothing),
        ENTRY(a_thread_that_is_held_up_for_months_in_a_call_gets_its_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
