/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers, in virtual time: when they open, and close again.  Calls from inside their
 * functions, and ccp_breaker_run(), are in test_breaker_calls.c; what gobreaker's and
 * go-resiliency's tests check in test_go_breaker.c and test_go_resiliency.c; real threads in
 * test_breaker_threads.c.
 */
#include <math.h>

#include "breakers.h"
#include "still.h"

enum { BEGIN = 1000 };

static void start_clock(void)
{
    still_set(CCP_SEC(BEGIN));
}

static void half_open(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, false), CCP_OK);
}

static void end(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

TEST(arguments_that_cannot_be_right_are_refused) /* G2 */
{
    start_clock();
    ccp_breaker *b = breaker_with(NULL);
    ccp_breaker_ticket t;
    ccp_breaker_info info;
    ASSERT_STATUS(ccp_breaker_allow(NULL, &t), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_allow(b, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(NULL, t, CCP_OK), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_get_info(b, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_set(NULL, CCP_BREAKER_OPEN, false), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, true), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_set(b, (ccp_breaker_state)3, false), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_set(b, (ccp_breaker_state)-1, false), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_run(NULL, NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_breaker_run(b, NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    assert_int_equal(breaker_info(b).generation, 1);
    end(b);
    ASSERT_STATUS(ccp_breaker_free(NULL), CCP_OK);
}

TEST(options_that_cannot_be_right_make_no_breaker)
{
    const ccp_breaker_opts bad[] = {
        { .slow_ns = -1 },
        { .window_ns = -1 },
        { .open_ns = -1 },
        { .probe_ns = INT64_MIN },
        { .failure_ratio = -0.1 },
        { .failure_ratio = 1.1 },
        { .failure_ratio = (double)NAN },
        { .failure_ratio = (double)INFINITY },
        { .slow_ratio = 0.5 }, /* what is slow? */
        { .slow_ratio = (double)NAN, .slow_ns = 1 },
        { .buckets = 1 }, /* of what? */
        { .buckets = 3, .window_ns = 2 },
    };
    start_clock();
    for (size_t i = 0; i < LENGTH(bad); i++)
        assert_null(ccp_breaker_new(&bad[i]));
}

TEST(without_memory_there_is_no_breaker) /* G4 */
{
    start_clock();
    memory_watch();
    for (size_t n = 1; n <= 3; n++) {
        memory_fail_at(n);
        assert_null(ccp_breaker_new(&(ccp_breaker_opts){ .window_ns = 100, .buckets = 10 }));
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    end(breaker_with(&(ccp_breaker_opts){ .window_ns = 100, .buckets = 10 }));
    memory_unwatch();
}

TEST(open_lets_nobody_through_until_its_time_to_the_nanosecond) /* Q1 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 1, .open_ns = CCP_SEC(10) });
    ccp_breaker_ticket t = { 77, 77 };
    breaker_calls(b, 1, CCP_FAILED);
    assert_int_equal(breaker_info(b).until, CCP_SEC(BEGIN + 10));
    for (int i = 0; i < 10; i++) {
        ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OPEN);
        still_advance(CCP_SEC(1) - (i == 9));
    }
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OPEN);
    assert_int_equal(t.generation_, 77); /* G1 */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    still_advance(1);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    assert_int_equal(breaker_info(b).until, 0);
    end(b);
}

TEST(a_share_of_failures_opens_it_from_so_many_results_on) /* Q4 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failure_ratio = 0.5, .min_results = 8 });
    breaker_calls(b, 3, CCP_OK);
    breaker_calls(b, 4, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED); /* 4 of 7 */
    breaker_calls(b, 2, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED); /* 4 of 9 */
    breaker_calls(b, 5, CCP_CANCELED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    breaker_calls(b, 1, CCP_TIMEOUT);
    ASSERT_STATE(b, CCP_BREAKER_OPEN); /* 5 of 10 */
    end(b);
}

TEST(by_default_a_share_is_of_ten_at_least)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failure_ratio = 1 });
    breaker_calls(b, 9, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    breaker_calls(b, 1, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    end(b);
}

static void slow_call(ccp_breaker *b, int64_t ns, ccp_status outcome)
{
    ccp_breaker_ticket t;
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    still_advance(ns);
    ASSERT_STATUS(ccp_breaker_done(b, t, outcome), CCP_OK);
}

TEST(slow_calls_open_it_also_if_they_succeed) /* Q4 */
{
    start_clock();
    const ccp_breaker_opts o = { .slow_ns = CCP_MS(100), .slow_ratio = 0.5, .min_results = 4 };
    ccp_breaker *b = breaker_with(&o);
    slow_call(b, CCP_MS(100), CCP_OK); /* just not */
    slow_call(b, CCP_MS(100) + 1, CCP_OK);
    slow_call(b, CCP_SEC(1), CCP_CANCELED);
    ASSERT_COUNTS(b, { 2, 0, 1, 1, 2, 0 });
    slow_call(b, 0, CCP_OK);
    slow_call(b, 0, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED); /* 1 of 4 */
    slow_call(b, CCP_SEC(2), CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED); /* 2 of 5 */
    slow_call(b, CCP_SEC(2), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_OPEN); /* 3 of 6 */
    still_advance(CCP_SEC(60));
    slow_call(b, CCP_MS(101), CCP_OK); /* no good sign */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    still_advance(CCP_SEC(60));
    slow_call(b, CCP_MS(99), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(slow_calls_are_only_counted_if_no_share_is_given)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .slow_ns = 5 });
    for (int i = 0; i < 20; i++)
        slow_call(b, 6, CCP_OK);
    ASSERT_COUNTS(b, { 20, 0, 0, 20, 20, 0 });
    half_open(b);
    slow_call(b, 6, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

static bool trip_if_third(const ccp_breaker_counts *c, void *arg)
{
    ++*(int *)arg;
    return c->failures == 3;
}

TEST(the_program_is_asked_after_each_failure) /* Q4 */
{
    start_clock();
    int asked = 0;
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .trip = trip_if_third, .arg = &asked });
    breaker_calls(b, 5, CCP_OK);
    breaker_calls(b, 1, CCP_FAILED);
    breaker_calls(b, 1, CCP_CANCELED);
    breaker_calls(b, 2, CCP_OK);
    breaker_calls(b, 1, CCP_FAILED);
    assert_int_equal(asked, 2);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    breaker_calls(b, 1, CCP_FAILED);
    assert_int_equal(asked, 3);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    end(b);
}

TEST(each_rule_that_is_given_is_enough)
{
    start_clock();
    int asked = 0;
    const ccp_breaker_opts o = { .failures = 4,
                                 .trip = trip_if_third,
                                 .arg = &asked,
                                 .failure_ratio = 0.5,
                                 .min_results = 2,
                                 .open_ns = 1 };
    ccp_breaker *b = breaker_with(&o);
    breaker_calls(b, 9, CCP_OK);
    breaker_calls(b, 3, CCP_FAILED); /* three in all */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false), CCP_OK);
    breaker_calls(b, 1, CCP_OK);
    breaker_calls(b, 1, CCP_FAILED); /* half of two */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    assert_int_equal(asked, 3); /* not when another rule has decided */
    end(b);
}

TEST(results_of_all_buckets_count_and_old_ones_are_forgotten_bucket_by_bucket) /* Q5 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .window_ns = 30, .buckets = 3 });
    for (int i = 0; i < 3; i++) { /* 2 and 1 in each bucket */
        breaker_calls(b, 2, CCP_OK);
        breaker_calls(b, 1, CCP_FAILED);
        breaker_calls(b, 1, CCP_CANCELED);
        still_advance(9);
        ASSERT_COUNTS(b, { 2u * (i + 1), 1u * (i + 1), 1u * (i + 1), 0, 0, 1 });
        still_advance(i < 2);
    }
    still_advance(1); /* time 30: the first one goes */
    ASSERT_COUNTS(b, { 4, 2, 2, 0, 0, 1 });
    still_advance(9);
    ASSERT_COUNTS(b, { 4, 2, 2, 0, 0, 1 });
    still_advance(11); /* 50: all but the present one and the two before are gone */
    ASSERT_COUNTS(b, { 0, 0, 0, 0, 0, 0 });
    end(b);
}

TEST(a_row_is_no_longer_than_what_the_window_holds) /* Q5 */
{
    start_clock();
    ccp_breaker *b =
        breaker_with(&(ccp_breaker_opts){ .failures = 4, .window_ns = 20, .buckets = 2 });
    breaker_calls(b, 2, CCP_FAILED);
    still_advance(10);
    breaker_calls(b, 1, CCP_FAILED);
    ASSERT_COUNTS(b, { 0, 3, 0, 0, 0, 3 });
    still_advance(10);
    ASSERT_COUNTS(b, { 0, 1, 0, 0, 0, 1 });
    breaker_calls(b, 2, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    breaker_calls(b, 1, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false), CCP_OK);
    breaker_calls(b, 5, CCP_OK);
    still_advance(10);
    breaker_calls(b, 2, CCP_OK);
    still_advance(10);
    ASSERT_COUNTS(b, { 2, 0, 0, 0, 2, 0 });
    end(b);
}

TEST(successes_on_the_way_are_counted_in_their_bucket) /* Q5 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .window_ns = 20, .buckets = 2 });
    breaker_calls(b, 3, CCP_OK);
    still_advance(10);
    breaker_calls(b, 4, CCP_OK); /* the first of them finds that a bucket is over */
    still_advance(10);
    breaker_calls(b, 5, CCP_OK);
    ASSERT_COUNTS(b, { 9, 0, 0, 0, 9, 0 });
    end(b);
}

TEST(a_window_may_be_as_long_as_can_be_written) /* no overflow */
{
    start_clock();
    const ccp_breaker_opts o = { .window_ns = INT64_MAX,
                                 .buckets = 3,
                                 .open_ns = INT64_MAX,
                                 .probe_ns = INT64_MAX,
                                 .slow_ns = INT64_MAX };
    ccp_breaker *b = breaker_with(&o);
    breaker_calls(b, 3, CCP_FAILED);
    still_advance(INT64_MAX / 2);
    breaker_calls(b, 3, CCP_FAILED);
    assert_int_equal(breaker_info(b).until, INT64_MAX);
    still_advance(INT64_MAX / 4);
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN);
    end(b);
    assert_null(ccp_breaker_new(&(ccp_breaker_opts){ .window_ns = 1, .buckets = UINT32_MAX }));
}

TEST(half_open_lets_through_so_many_at_once) /* Q2 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .probes = 2, .close_after = 5 });
    ccp_breaker_ticket t[3];
    half_open(b);
    for (int done = 0; done < 5; done++) {
        ASSERT_STATUS(ccp_breaker_allow(b, &t[0]), CCP_OK);
        if (done < 4) /* the fifth would be one too many */
            ASSERT_STATUS(ccp_breaker_allow(b, &t[1]), CCP_OK);
        ASSERT_STATUS(ccp_breaker_allow(b, &t[2]), CCP_OPEN);
        assert_int_equal(breaker_info(b).probing, done < 4 ? 2 : 1);
        ASSERT_STATUS(ccp_breaker_done(b, t[0], CCP_OK), CCP_OK);
        if (done < 4)
            ASSERT_STATUS(ccp_breaker_done(b, t[1], CCP_CANCELED), CCP_OK);
    }
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(a_failure_when_half_open_opens_it_for_its_full_time) /* Q1 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .close_after = 3, .open_ns = 10 });
    half_open(b);
    still_advance(3);
    breaker_calls(b, 2, CCP_OK);
    breaker_calls(b, 1, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    assert_int_equal(breaker_info(b).until, CCP_SEC(BEGIN) + 13);
    end(b);
}

static ccp_breaker_state two_of_three(const ccp_breaker_counts *c, void *arg)
{
    (void)arg;
    if (c->successes + c->failures < 3)
        return CCP_BREAKER_HALF_OPEN;
    return c->failures >= 2 ? CCP_BREAKER_OPEN : CCP_BREAKER_CLOSED;
}

TEST(the_program_may_judge_how_probes_went) /* Q2 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .judge = two_of_three, .probes = 2 });
    half_open(b);
    breaker_calls(b, 1, CCP_FAILED);
    breaker_calls(b, 4, CCP_CANCELED);
    breaker_calls(b, 1, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    breaker_calls(b, 1, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    half_open(b);
    breaker_calls(b, 1, CCP_OK);
    breaker_calls(b, 2, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    end(b);
}

TEST(a_result_of_an_earlier_generation_is_ignored) /* Q3 */
{
    start_clock();
    const ccp_breaker_opts o = { .failures = 1, .open_ns = 10, .probes = 2, .close_after = 2 };
    ccp_breaker *b = breaker_with(&o);
    ccp_breaker_ticket closed, half, later;
    ASSERT_STATUS(ccp_breaker_allow(b, &closed), CCP_OK);
    breaker_calls(b, 1, CCP_FAILED);
    ASSERT_STATUS(ccp_breaker_done(b, closed, CCP_FAILED), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, closed, CCP_OK), CCP_OK);
    ASSERT_COUNTS(b, { 0 });
    still_advance(10);
    ASSERT_STATUS(ccp_breaker_allow(b, &half), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, closed, CCP_FAILED), CCP_OK); /* does not open it */
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    ASSERT_STATUS(ccp_breaker_allow(b, &later), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, half, CCP_FAILED), CCP_OK);
    still_advance(10);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    ASSERT_STATUS(ccp_breaker_done(b, later, CCP_FAILED), CCP_OK);
    assert_int_equal(breaker_info(b).probing, 0);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    breaker_calls(b, 2, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    assert_int_equal(breaker_info(b).generation, 6);
    ASSERT_STATUS(ccp_breaker_done(b, later, CCP_OK), CCP_OK);
    ASSERT_COUNTS(b, { 0 });
    end(b);
}

TEST(a_ticket_that_was_never_given_is_misuse) /* G2 */
{
    start_clock();
    ccp_breaker *b = breaker_with(NULL);
    ccp_breaker_ticket t, none = { 0, 0 };
    ASSERT_STATUS(ccp_breaker_done(b, none, CCP_OK), CCP_MISUSE);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    t.generation_++;
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_FAILED), CCP_MISUSE);
    ASSERT_COUNTS(b, { 0 });
    half_open(b);
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_FAILED), CCP_MISUSE); /* nobody was let through */
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_CANCELED), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_CANCELED), CCP_MISUSE); /* twice */
    ASSERT_COUNTS(b, { 0, 0, 1, 0, 0, 0 });
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, false), CCP_OK);
    t.generation_ = breaker_info(b).generation;
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_OK), CCP_MISUSE);
    end(b);
}

TEST(the_places_of_calls_that_never_end_come_back) /* Q6 */
{
    start_clock();
    ccp_breaker *b = breaker_with(
        &(ccp_breaker_opts){ .probes = 2, .close_after = 3, .open_ns = 50, .probe_ns = 20 });
    ccp_breaker_ticket lost, t;
    half_open(b);
    breaker_calls(b, 1, CCP_OK);
    ASSERT_STATUS(ccp_breaker_allow(b, &lost), CCP_OK);
    still_advance(5);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    still_advance(19);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OPEN); /* 19 since the last one */
    assert_int_equal(breaker_info(b).generation, 2);
    still_advance(1);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    assert_int_equal(breaker_info(b).generation, 3);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    ASSERT_COUNTS(b, { 0 });
    ASSERT_STATUS(ccp_breaker_done(b, lost, CCP_FAILED), CCP_OK); /* too late */
    assert_int_equal(breaker_info(b).probing, 1);
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_OK), CCP_OK);
    breaker_calls(b, 2, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(as_long_as_one_place_is_left_a_lost_call_holds_up_nobody) /* Q6 */
{
    start_clock();
    ccp_breaker *b =
        breaker_with(&(ccp_breaker_opts){ .probes = 2, .close_after = 100, .open_ns = CCP_SEC(1) });
    ccp_breaker_ticket lost;
    half_open(b);
    ASSERT_STATUS(ccp_breaker_allow(b, &lost), CCP_OK);
    breaker_calls(b, 99, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN); /* it may be the hundredth */
    ASSERT_STATUS(ccp_breaker_done(b, lost, CCP_OK), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(a_state_that_is_held_stays) /* Q9 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 2, .open_ns = 10 });
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, true), CCP_OK);
    breaker_calls(b, 50, CCP_FAILED);
    ASSERT_COUNTS(b, { 0, 50, 0, 0, 0, 50 });
    assert_true(breaker_info(b).held);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, true), CCP_OK);
    assert_int_equal(breaker_info(b).until, INT64_MAX);
    still_advance(CCP_SEC(1000000));
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false), CCP_OK);
    assert_false(breaker_info(b).held);
    ASSERT_COUNTS(b, { 0 });
    breaker_calls(b, 2, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    end(b);
}

TEST(opened_by_hand_it_goes_on_by_itself)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .open_ns = 10 });
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, false), CCP_OK);
    still_advance(10);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    breaker_calls(b, 1, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
}

static ccp_breaker_verdict by_number(ccp_status outcome, void *arg)
{
    (void)arg;
    return (ccp_breaker_verdict)outcome;
}

TEST(the_program_may_say_what_a_result_is)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .classify = by_number });
    breaker_calls(b, 3, (ccp_status)CCP_BREAKER_SUCCESS);
    breaker_calls(b, 2, (ccp_status)CCP_BREAKER_EXCLUDED);
    breaker_calls(b, 1, (ccp_status)CCP_BREAKER_FAILURE);
    breaker_calls(b, 1, (ccp_status)77); /* no verdict: to be on the safe side, a failure */
    ASSERT_COUNTS(b, { 3, 2, 2, 0, 0, 2 });
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_right_are_refused),
        ENTRY(options_that_cannot_be_right_make_no_breaker),
        ENTRY(without_memory_there_is_no_breaker),
        ENTRY(open_lets_nobody_through_until_its_time_to_the_nanosecond),
        ENTRY(a_share_of_failures_opens_it_from_so_many_results_on),
        ENTRY(by_default_a_share_is_of_ten_at_least),
        ENTRY(slow_calls_open_it_also_if_they_succeed),
        ENTRY(slow_calls_are_only_counted_if_no_share_is_given),
        ENTRY(the_program_is_asked_after_each_failure),
        ENTRY(each_rule_that_is_given_is_enough),
        ENTRY(results_of_all_buckets_count_and_old_ones_are_forgotten_bucket_by_bucket),
        ENTRY(a_row_is_no_longer_than_what_the_window_holds),
        ENTRY(successes_on_the_way_are_counted_in_their_bucket),
        ENTRY(a_window_may_be_as_long_as_can_be_written),
        ENTRY(half_open_lets_through_so_many_at_once),
        ENTRY(a_failure_when_half_open_opens_it_for_its_full_time),
        ENTRY(the_program_may_judge_how_probes_went),
        ENTRY(a_result_of_an_earlier_generation_is_ignored),
        ENTRY(a_ticket_that_was_never_given_is_misuse),
        ENTRY(the_places_of_calls_that_never_end_come_back),
        ENTRY(as_long_as_one_place_is_left_a_lost_call_holds_up_nobody),
        ENTRY(a_state_that_is_held_stays),
        ENTRY(opened_by_hand_it_goes_on_by_itself),
        ENTRY(the_program_may_say_what_a_result_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
