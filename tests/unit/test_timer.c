/* SPDX-License-Identifier: MIT
 *
 * Timer channels.
 */
#include "support.h"

TEST(after_gives_its_due_time_once) /* T1 T2 */
{
    int64_t before = ccp_now(), due = 0;
    ccp_chan *ch = ccp_chan_after(CCP_MS(3));
    int64_t made = ccp_now();
    ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_FOREVER), CCP_OK);
    int64_t after = ccp_now();
    assert_true(due >= before + CCP_MS(3) && due <= made + CCP_MS(3));
    assert_true(after >= due);
    int64_t same = due;
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(ch, &due, ccp_within(CCP_US(200))), CCP_TIMEOUT);
    }
    assert_true(due == same);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(after_is_not_received_before_it_is_due) /* T1 */
{
    long again = 0;
    for (int i = 0; i < 10; i++) {
        int64_t due = 0;
        int64_t earliest = ccp_now() + CCP_MS(2);
        ccp_chan *ch = ccp_chan_after(CCP_MS(2));
        ccp_status rc;
        while ((rc = ccp_chan_recv(ch, &due, CCP_NOWAIT)) == CCP_AGAIN)
            again++;
        ASSERT_STATUS(rc, CCP_OK);
        assert_true(ccp_now() >= earliest);
        assert_true(due >= earliest);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
    assert_true(again > 0); /* at least once somebody looked in time */
}

TEST(a_time_that_has_passed_is_due_at_once)
{
    static const int64_t passed[] = { 0, -1, -CCP_SEC(5), INT64_MIN };
    for (size_t i = 0; i < LENGTH(passed); i++) {
        int64_t due = 0;
        ccp_chan *ch = ccp_chan_after(passed[i]);
        assert_non_null(ch);
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_NOWAIT), CCP_OK);
        assert_true(due <= ccp_now());
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

TEST(the_longest_times_do_not_overflow)
{
    static const int64_t longest[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX / 2 };
    for (size_t i = 0; i < LENGTH(longest); i++) {
        int64_t due = 0;
        ccp_chan *a = ccp_chan_after(longest[i]), *t = ccp_chan_tick(longest[i]);
        ASSERT_STATUS(ccp_chan_recv(a, &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(a, &due, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_chan_recv(t, &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(t, &due, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(t), CCP_OK);
    }
}

TEST(a_tick_needs_a_period) /* G2 */
{
    assert_null(ccp_chan_tick(0));
    assert_null(ccp_chan_tick(-1));
    assert_null(ccp_chan_tick(INT64_MIN));
}

TEST(ticks_are_at_least_a_period_apart) /* T1 T3 */
{
    static const int64_t periods[] = { CCP_MS(2), CCP_US(100), 1 };
    for (size_t p = 0; p < LENGTH(periods); p++) {
        int64_t begin = ccp_now(), last = 0;
        ccp_chan *ch = ccp_chan_tick(periods[p]);
        for (int i = 0; i < 8; i++) {
            int64_t due = 0;
            ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_FOREVER), CCP_OK);
            assert_true(due <= ccp_now());
            assert_true(due >= (i ? last : begin) + periods[p]);
            last = due;
        }
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

TEST(ticks_that_nobody_received_are_dropped) /* T3 */
{
    int64_t begin = ccp_now(), due = 0;
    ccp_chan *ch = ccp_chan_tick(CCP_MS(1));
    WAIT_UNTIL(ccp_now() > begin + CCP_MS(30)); /* some 30 of them */
    int64_t looked = ccp_now();
    long got = 0;
    while (ccp_chan_recv(ch, &due, CCP_NOWAIT) == CCP_OK)
        got++;
    int64_t elapsed = ccp_now() - looked;
    assert_true(got >= 1);
    assert_true(got <= 2 + elapsed / CCP_MS(1)); /* the one that waited, and what came meanwhile */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(nothing_can_be_sent_to_a_timer) /* G2 */
{
    int64_t v = 1;
    size_t n = 9;
    ccp_chan *timers[] = { ccp_chan_after(0), ccp_chan_tick(CCP_SEC(1)) };
    for (size_t i = 0; i < LENGTH(timers); i++) {
        ASSERT_STATUS(ccp_chan_send(timers[i], &v, CCP_FOREVER), CCP_INVAL);
        ASSERT_STATUS(ccp_chan_send(timers[i], &v, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(ccp_chan_send_n(timers[i], &v, 1, &n, CCP_FOREVER), CCP_INVAL);
        assert_int_equal(n, 9);
        ASSERT_STATUS(ccp_chan_free(timers[i]), CCP_OK);
    }
}

TEST(a_timer_is_closed_like_any_channel)
{
    int64_t v;
    ccp_chan *timers[] = { ccp_chan_after(CCP_SEC(1000)), ccp_chan_tick(CCP_SEC(1000)) };
    for (size_t i = 0; i < LENGTH(timers); i++) {
        assert_false(ccp_chan_is_closed(timers[i]));
        ASSERT_STATUS(ccp_chan_close(timers[i]), CCP_OK);
        assert_true(ccp_chan_is_closed(timers[i]));
        ASSERT_STATUS(ccp_chan_close(timers[i]), CCP_CLOSED);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &v, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &v, CCP_NOWAIT), CCP_CLOSED);
        ASSERT_STATUS(ccp_chan_free(timers[i]), CCP_OK);
    }
}

TEST(close_releases_those_who_wait_for_a_timer) /* C3 */
{
    ccp_chan *ch = ccp_chan_after(CCP_SEC(1000));
    actor a[4];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
        actor_start(&a[i], actor_recv_long);
    }
    WAIT_UNTIL(waiting_receivers(ch) == LENGTH(a));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_CLOSED);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(one_of_many_receivers_gets_the_element) /* T2 C4 */
{
    ccp_chan *ch = ccp_chan_after(CCP_MS(4));
    actor a[4];
    int got = 0;
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .w = ccp_within(CCP_MS(30)) };
        actor_start(&a[i], actor_recv_long);
    }
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        got += a[i].rc == CCP_OK;
        assert_true(a[i].rc == CCP_OK || a[i].rc == CCP_TIMEOUT);
    }
    /* All may have slept past the end of their time. */
    int64_t due;
    got += ccp_chan_recv(ch, &due, CCP_NOWAIT) == CCP_OK;
    assert_int_equal(got, 1);
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_stopped_timer_gives_nothing_until_it_is_reset) /* T4 */
{
    int64_t due, begin = ccp_now();
    ccp_chan *timers[] = { ccp_chan_after(1), ccp_chan_tick(1) };
    for (size_t i = 0; i < LENGTH(timers); i++) {
        WAIT_UNTIL(ccp_now() > begin + 1); /* it is due */
        ASSERT_STATUS(ccp_chan_stop(timers[i]), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &due, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_chan_stop(timers[i]), CCP_CLOSED);
        int64_t reset = ccp_now();
        ASSERT_STATUS(ccp_chan_reset(timers[i], CCP_MS(1)), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &due, CCP_FOREVER), CCP_OK);
        assert_true(due >= reset + CCP_MS(1));
        ASSERT_STATUS(ccp_chan_free(timers[i]), CCP_OK);
    }
}

TEST(a_reset_replaces_what_was_due) /* T4 */
{
    int64_t due, begin = ccp_now();
    ccp_chan *timers[] = { ccp_chan_after(1), ccp_chan_tick(1) };
    for (size_t i = 0; i < LENGTH(timers); i++) {
        WAIT_UNTIL(ccp_now() > begin + 1);
        ASSERT_STATUS(ccp_chan_reset(timers[i], CCP_SEC(1000)), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_reset(timers[i], INT64_MAX), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(timers[i], &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_free(timers[i]), CCP_OK);
    }
}

TEST(a_timer_gives_one_more_for_each_reset) /* T2 */
{
    int64_t due = 0, last = 0;
    ccp_chan *ch = ccp_chan_after(0);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_FOREVER), CCP_OK);
        assert_true(due > last);
        last = due;
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_stop(ch), CCP_CLOSED);
        ASSERT_STATUS(ccp_chan_reset(ch, i ? 1 : -1), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_reset_changes_the_period) /* T3 */
{
    int64_t due, last = 0;
    ccp_chan *ch = ccp_chan_tick(CCP_SEC(1000));
    ASSERT_STATUS(ccp_chan_reset(ch, CCP_MS(1)), CCP_OK);
    for (int i = 0; i < 4; i++) {
        ASSERT_STATUS(ccp_chan_recv(ch, &due, CCP_FOREVER), CCP_OK);
        assert_true(i == 0 || (due - last >= CCP_MS(1) && (due - last) % CCP_MS(1) == 0));
        last = due;
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static size_t how_many_are_done(const actor *a, size_t n)
{
    size_t done = 0;
    for (size_t i = 0; i < n; i++)
        done += actor_is_done(&a[i]);
    return done;
}

TEST(those_who_wait_for_a_timer_follow_a_reset) /* T5 */
{
    ccp_chan *ch = ccp_chan_after(CCP_SEC(1000));
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
        actor_start(&a[i], actor_recv_long);
    }
    WAIT_UNTIL(waiting_receivers(ch) == LENGTH(a));
    ASSERT_STATUS(ccp_chan_stop(ch), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        WAIT_UNTIL(how_many_are_done(a, LENGTH(a)) == i); /* one with each element */
        ASSERT_STATUS(ccp_chan_reset(ch, CCP_US(100)), CCP_OK);
    }
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
    }
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(only_a_live_timer_is_set) /* G2 */
{
    ccp_chan *none = ccp_chan_new(8, 1), *tick = ccp_chan_tick(1), *after = ccp_chan_after(0);
    ASSERT_STATUS(ccp_chan_stop(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_stop(none), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_reset(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_reset(none, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_reset(tick, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_reset(tick, INT64_MIN), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_close(tick), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(after), CCP_OK);
    ASSERT_STATUS(ccp_chan_stop(tick), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_reset(tick, 1), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_reset(after, 0), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(none), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(tick), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(after), CCP_OK);
}

TEST(many_receivers_share_the_ticks) /* T3 C4 */
{
    ccp_chan *ch = ccp_chan_tick(CCP_MS(1));
    actor a[4];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
        actor_start(&a[i], actor_recv_long);
    }
    int64_t due[LENGTH(a)];
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
        due[i] = a[i].value;
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        for (size_t j = 0; j < i; j++)
            assert_true(due[i] >= due[j] + CCP_MS(1) || due[j] >= due[i] + CCP_MS(1));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

enum { HASTE = 3000 };
static int64_t taken[4][HASTE];

static void take_hastily(actor *a)
{
    while (a->value < HASTE)
        if (ccp_chan_recv(a->ch, &taken[a->index][a->value], CCP_NOWAIT) == CCP_OK)
            a->value++;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

TEST(nobody_gets_a_tick_that_another_got) /* T3 C4 */
{
    ccp_chan *ch = ccp_chan_tick(1);
    actor a[4];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .index = i };
        actor_start(&a[i], take_hastily);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    for (size_t i = 0; i < LENGTH(a); i++)
        for (size_t k = 1; k < HASTE; k++)
            assert_true(taken[i][k] > taken[i][k - 1]);
    qsort(taken, LENGTH(a) * HASTE, sizeof taken[0][0], by_time);
    for (size_t k = 1; k < LENGTH(a) * HASTE; k++)
        assert_true(taken[k / HASTE][k % HASTE] > taken[(k - 1) / HASTE][(k - 1) % HASTE]);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_timer_may_be_received_to_null_and_in_batches)
{
    int64_t due[3] = { 0 };
    size_t n = 0;
    ccp_chan *a = ccp_chan_after(0), *b = ccp_chan_after(0);
    ASSERT_STATUS(ccp_chan_recv(a, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(a, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_recv_n(b, due, 3, &n, CCP_NOWAIT), CCP_OK);
    assert_int_equal(n, 1);
    assert_true(due[0] > 0 && due[1] == 0);
    ASSERT_STATUS(ccp_chan_recv_n(b, due, 3, &n, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(b), CCP_OK);
}

/* ---- in selects ---- */

TEST(what_comes_when_the_time_ends_is_taken) /* W5 */
{
    for (int i = 0; i < 20; i++) {
        size_t chosen = 9;
        int64_t end = ccp_now() + CCP_US(500);
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_until(end));
        const ccp_case k[] = { CCP_CASE_DONE(NULL), CCP_CASE_DONE(ctx) };
        ASSERT_STATUS(ccp_select(k, 2, &chosen, ccp_until(end)), CCP_OK);
        assert_int_equal(chosen, 1);
        assert_true(ccp_now() >= end);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
}

static void select_timer_or_arg(actor *a)
{
    const ccp_case k[] = { CCP_CASE_RECV(a->ch, NULL), CCP_CASE_RECV(a->arg, NULL) };
    actor_calls(a);
    a->rc = ccp_select(k, 2, &a->index, a->w);
}

/* Both wake when it is due; who gets nothing sleeps on. */
TEST(a_select_whose_timer_another_took_waits_on) /* T2 C4 W3 */
{
    int64_t due = ccp_now() + CCP_MS(3);
    ccp_chan *timer = ccp_chan_after(CCP_MS(3)), *other = ccp_chan_new(0, 1);
    actor a[2];
    for (int i = 0; i < 2; i++) {
        a[i] = (actor){ .ch = timer, .arg = other, .w = CCP_FOREVER, .index = 9 };
        actor_start(&a[i], select_timer_or_arg);
    }
    WAIT_UNTIL(actor_is_done(&a[0]) || actor_is_done(&a[1]));
    wait_past(due + CCP_MS(3));
    int won = actor_is_done(&a[0]) ? 0 : 1;
    WAIT_UNTIL(actor_is_asleep(&a[1 - won]) || actor_is_done(&a[1 - won]));
    ASSERT_STATUS(ccp_chan_send(other, NULL, CCP_NOWAIT), CCP_OK);
    for (int i = 0; i < 2; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
        assert_int_equal(a[i].index, i == won ? 0 : 1);
    }
    ASSERT_STATUS(ccp_chan_free(timer), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(after_gives_its_due_time_once),
        ENTRY(after_is_not_received_before_it_is_due),
        ENTRY(a_time_that_has_passed_is_due_at_once),
        ENTRY(the_longest_times_do_not_overflow),
        ENTRY(a_tick_needs_a_period),
        ENTRY(ticks_are_at_least_a_period_apart),
        ENTRY(ticks_that_nobody_received_are_dropped),
        ENTRY(nothing_can_be_sent_to_a_timer),
        ENTRY(a_timer_is_closed_like_any_channel),
        ENTRY(close_releases_those_who_wait_for_a_timer),
        ENTRY(one_of_many_receivers_gets_the_element),
        ENTRY(a_stopped_timer_gives_nothing_until_it_is_reset),
        ENTRY(a_reset_replaces_what_was_due),
        ENTRY(a_timer_gives_one_more_for_each_reset),
        ENTRY(a_reset_changes_the_period),
        ENTRY(those_who_wait_for_a_timer_follow_a_reset),
        ENTRY(only_a_live_timer_is_set),
        ENTRY(many_receivers_share_the_ticks),
        ENTRY(nobody_gets_a_tick_that_another_got),
        ENTRY(a_timer_may_be_received_to_null_and_in_batches),
        ENTRY(what_comes_when_the_time_ends_is_taken),
        ENTRY(a_select_whose_timer_another_took_waits_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
