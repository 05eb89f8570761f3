/* SPDX-License-Identifier: MIT
 *
 * What the tests of sony/gobreaker v2 check, in virtual time; ports.md has the list.
 */
#include "breakers.h"
#include "still.h"

enum { EXCLUDED = CCP_BUSY };

/* What was told last. */
typedef struct told {
    const char *name;
    ccp_breaker_state from, to;
} told;

static void tell(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    *(told *)arg = (told){ name, from, to };
}

static ccp_breaker_verdict classify(ccp_status outcome, void *arg)
{
    (void)arg;
    return outcome == CCP_OK                 ? CCP_BREAKER_SUCCESS
           : outcome == (ccp_status)EXCLUDED ? CCP_BREAKER_EXCLUDED
                                             : CCP_BREAKER_FAILURE;
}

static bool trip(const ccp_breaker_counts *c, void *arg)
{
    (void)arg;
    uint64_t n = c->successes + c->failures;
    return n >= 3 && (double)c->failures >= 0.6 * (double)n;
}

static ccp_breaker *new_custom(told *t)
{
    still_set(CCP_SEC(1));
    return breaker_with(&(ccp_breaker_opts){ .name = "cb",
                                             .probes = 3,
                                             .window_ns = CCP_SEC(30),
                                             .open_ns = CCP_SEC(90),
                                             .trip = trip,
                                             .classify = classify,
                                             .on_change = t ? tell : NULL,
                                             .arg = t });
}

static ccp_breaker *new_rolling(told *t)
{
    still_set(CCP_SEC(1));
    return breaker_with(&(ccp_breaker_opts){ .name = "rw",
                                             .probes = 3,
                                             .window_ns = CCP_SEC(30),
                                             .buckets = 10,
                                             .open_ns = CCP_SEC(90),
                                             .trip = trip,
                                             .classify = classify,
                                             .on_change = t ? tell : NULL,
                                             .arg = t });
}

static void succeed(ccp_breaker *b)
{
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OK);
}

static void go_wrong(ccp_breaker *b)
{
    ASSERT_STATUS(breaker_call(b, CCP_FAILED), CCP_OK);
}

static void exclude(ccp_breaker *b)
{
    ASSERT_STATUS(breaker_call(b, (ccp_status)EXCLUDED), CCP_OK);
}

static void was_told(const told *t, const char *name, ccp_breaker_state from, ccp_breaker_state to)
{
    assert_string_equal(t->name, name);
    assert_int_equal(t->from, from);
    assert_int_equal(t->to, to);
}

static void end(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

TEST(a_new_breaker_is_closed_and_has_counted_nothing)
{
    told t = { 0 };
    still_set(CCP_SEC(1));
    ccp_breaker *all[] = { breaker_with(NULL), new_custom(&t), new_rolling(NULL) };
    const char *const names[] = { NULL, "cb", "rw" };
    for (size_t i = 0; i < LENGTH(all); i++) {
        ccp_breaker_info info = breaker_info(all[i]);
        assert_int_equal(info.state, CCP_BREAKER_CLOSED);
        assert_int_equal(info.until, 0);
        assert_true(info.name == names[i] || strcmp(info.name, names[i]) == 0);
        ASSERT_COUNTS(all[i], { 0 });
        end(all[i]);
    }
    assert_null(t.name);
    /* negative times are refused, and not taken for the default */
    assert_null(ccp_breaker_new(&(ccp_breaker_opts){ .window_ns = -CCP_SEC(30) }));
    assert_null(ccp_breaker_new(&(ccp_breaker_opts){ .open_ns = -CCP_SEC(90) }));
}

TEST(by_default_six_failures_in_a_row_open_it_for_a_minute)
{
    still_set(CCP_SEC(1));
    ccp_breaker *b = breaker_with(NULL);
    for (int i = 0; i < 5; i++)
        go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { .failures = 5, .consecutive_failures = 5 });
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { .successes = 1, .failures = 5, .consecutive_successes = 1 });
    go_wrong(b);
    ASSERT_COUNTS(b, { .successes = 1, .failures = 6, .consecutive_failures = 1 });

    for (int i = 0; i < 5; i++)
        go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_COUNTS(b, { 0 });
    assert_true(breaker_info(b).until > 0);
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN);
    ASSERT_STATUS(breaker_call(b, CCP_FAILED), CCP_OPEN);
    ASSERT_COUNTS(b, { 0 });

    still_advance(CCP_SEC(60) - CCP_MS(1));
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    still_advance(CCP_SEC(1));
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    assert_int_equal(breaker_info(b).until, 0);
    go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_COUNTS(b, { 0 });
    assert_true(breaker_info(b).until > 0);

    still_advance(CCP_SEC(60) + 1);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 0 });
    end(b);
}

TEST(a_custom_breaker_goes_through_all_states)
{
    told t = { 0 };
    ccp_breaker *b = new_custom(&t);
    for (int i = 0; i < 5; i++) {
        succeed(b);
        go_wrong(b);
        exclude(b);
    }
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 5, 5, 5, .consecutive_failures = 1 });
    still_advance(CCP_SEC(30) - CCP_MS(1));
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 6, 5, 5, .consecutive_successes = 1 });
    still_advance(CCP_SEC(1)); /* over the window */
    go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { .failures = 1, .consecutive_failures = 1 });

    succeed(b);
    go_wrong(b); /* two of three */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_COUNTS(b, { 0 });
    was_told(&t, "cb", CCP_BREAKER_CLOSED, CCP_BREAKER_OPEN);
    still_advance(CCP_SEC(90) + 1);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    was_told(&t, "cb", CCP_BREAKER_OPEN, CCP_BREAKER_HALF_OPEN);
    for (int i = 0; i < 4; i++)
        exclude(b);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_COUNTS(b, { 0 });
    was_told(&t, "cb", CCP_BREAKER_HALF_OPEN, CCP_BREAKER_OPEN);

    still_advance(CCP_SEC(90) + 1);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    succeed(b);
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    ASSERT_COUNTS(b, { .successes = 2, .consecutive_successes = 2 });
    ccp_breaker_ticket late;
    ASSERT_STATUS(ccp_breaker_allow(b, &late), CCP_OK);
    assert_int_equal(breaker_info(b).probing, 1);
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN); /* with three there would be enough */
    ASSERT_STATUS(ccp_breaker_done(b, late, CCP_OK), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 0 });
    was_told(&t, "cb", CCP_BREAKER_HALF_OPEN, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(a_rolling_window_forgets_bucket_by_bucket)
{
    told t = { 0 };
    ccp_breaker *b = new_rolling(&t);
    for (int i = 0; i < 5; i++) {
        succeed(b);
        go_wrong(b);
        exclude(b);
    }
    ASSERT_COUNTS(b, { 5, 5, 5, .consecutive_failures = 1 });
    still_advance(CCP_SEC(3));
    succeed(b);
    ASSERT_COUNTS(b, { 6, 5, 5, .consecutive_successes = 1 });
    still_advance(CCP_SEC(2));
    succeed(b);
    exclude(b);
    ASSERT_COUNTS(b, { 7, 5, 6, .consecutive_successes = 2 });
    still_advance(CCP_SEC(2));
    exclude(b);
    succeed(b);
    ASSERT_COUNTS(b, { 8, 5, 7, .consecutive_successes = 3 });
    still_advance(CCP_SEC(2));
    go_wrong(b);
    ASSERT_COUNTS(b, { 8, 6, 7, .consecutive_failures = 1 });
    for (unsigned i = 0; i < 6; i++) { /* until every bucket has something */
        still_advance(CCP_SEC(3));
        succeed(b);
        go_wrong(b);
        ASSERT_COUNTS(b, { 9 + i, 7 + i, 7, .consecutive_failures = 1 });
    }
    still_advance(CCP_SEC(3)); /* the first one goes */
    go_wrong(b);
    ASSERT_COUNTS(b, { 9, 8, 2, .consecutive_failures = 2 });
    for (unsigned i = 0; i < 5; i++) {
        go_wrong(b);
        ASSERT_COUNTS(b, { 9, 9 + i, 2, .consecutive_failures = 3 + i });
    }
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    go_wrong(b); /* 14 of 23 */
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    was_told(&t, "rw", CCP_BREAKER_CLOSED, CCP_BREAKER_OPEN);
    still_advance(CCP_SEC(90) + 1);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    succeed(b);
    succeed(b);
    ASSERT_COUNTS(b, { .successes = 2, .consecutive_successes = 2 });
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 0 });
    was_told(&t, "rw", CCP_BREAKER_HALF_OPEN, CCP_BREAKER_CLOSED);
    end(b);
}

TEST(a_result_counts_in_the_window_in_which_it_comes)
{
    ccp_breaker *b = new_custom(NULL);
    ccp_breaker_ticket t;
    still_advance(CCP_SEC(29));
    succeed(b);
    ASSERT_STATUS(ccp_breaker_allow(b, &t), CCP_OK);
    still_advance(CCP_SEC(2));
    ASSERT_COUNTS(b, { 0 });
    ASSERT_STATUS(ccp_breaker_done(b, t, CCP_FAILED), CCP_OK);
    ASSERT_COUNTS(b, { .failures = 1, .consecutive_failures = 1 });
    end(b);
}

static ccp_breaker_verdict all_is_well(ccp_status outcome, void *arg)
{
    (void)outcome;
    return *(bool *)arg ? CCP_BREAKER_SUCCESS : classify(outcome, NULL);
}

TEST(what_is_a_success_the_program_says)
{
    bool optimist = true;
    still_set(1);
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .classify = all_is_well, .arg = &optimist });
    for (int i = 0; i < 5; i++)
        go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { .successes = 5, .consecutive_successes = 5 });
    optimist = false;
    for (int i = 0; i < 6; i++)
        go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    end(b);
}

TEST(excluded_ones_are_neither_successes_nor_failures)
{
    still_set(1);
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .classify = classify });
    for (int i = 0; i < 3; i++)
        exclude(b);
    ASSERT_COUNTS(b, { .excluded = 3 });
    for (int i = 0; i < 3; i++)
        succeed(b);
    ASSERT_COUNTS(b, { 3, 0, 3, .consecutive_successes = 3 });
    for (int i = 0; i < 2; i++)
        go_wrong(b);
    ASSERT_COUNTS(b, { 3, 2, 3, .consecutive_failures = 2 });
    end(b);
}

TEST(in_two_steps_half_open_takes_others_when_excluded_ones_come_back)
{
    still_set(1);
    ccp_breaker *b =
        breaker_with(&(ccp_breaker_opts){ .name = "tscb", .probes = 2, .classify = classify });
    ccp_breaker_ticket t[2];
    for (int i = 0; i < 6; i++)
        go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    ASSERT_STATUS(breaker_call(b, (ccp_status)EXCLUDED), CCP_OPEN);
    still_advance(CCP_SEC(60));
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_breaker_allow(b, &t[i]), CCP_OK);
    ASSERT_STATUS(breaker_call(b, CCP_OK), CCP_OPEN);
    ASSERT_STATUS(breaker_call(b, CCP_FAILED), CCP_OPEN);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_breaker_done(b, t[i], (ccp_status)EXCLUDED), CCP_OK);
    succeed(b);
    go_wrong(b);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    still_advance(CCP_SEC(60) + 1);
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    succeed(b);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_COUNTS(b, { 0 });
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_new_breaker_is_closed_and_has_counted_nothing),
        ENTRY(by_default_six_failures_in_a_row_open_it_for_a_minute),
        ENTRY(a_custom_breaker_goes_through_all_states),
        ENTRY(a_rolling_window_forgets_bucket_by_bucket),
        ENTRY(a_result_counts_in_the_window_in_which_it_comes),
        ENTRY(what_is_a_success_the_program_says),
        ENTRY(excluded_ones_are_neither_successes_nor_failures),
        ENTRY(in_two_steps_half_open_takes_others_when_excluded_ones_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
