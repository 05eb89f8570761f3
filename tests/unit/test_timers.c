/* SPDX-License-Identifier: MIT
 *
 * Timers: calls, stopping, resetting, periods.  What depends on the course of time is tested on the
 * virtual clock, in tests/sim; here times are in the past, far away, or waited for.
 */
#include "timers.h"

/* --- calls --- */

typedef struct at {
    int64_t time;
    atomic_bool done;
} at;

static void note_time(void *arg)
{
    at *a = arg;
    a->time = ccp_now();
    atomic_store(&a->done, true);
}

TEST(a_function_is_called_once_its_time_has_come) /* I1 W6 */
{
    ccp_timers *ts = new_timers();
    const int64_t ns[] = { CCP_MS(2), 1, 0, -CCP_SEC(9) };
    for (size_t i = 0; i < LENGTH(ns); i++) {
        ccp_timer t = { 0 };
        at a = { 0 };
        int64_t begin = ccp_now();
        start(ts, &t, (ccp_timer_opts){ .fn = note_time, .arg = &a, .after = ns[i] });
        WAIT_UNTIL(atomic_load(&a.done));
        assert_true(a.time >= begin + (ns[i] > 0 ? ns[i] : 0));
        ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    }
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_time_of_the_clock_may_be_given) /* I1 */
{
    ccp_timers *ts = new_timers();
    int64_t now = ccp_now();
    const ccp_timer_opts o[] = { { .at = now + CCP_MS(2) },
                                 { .at = now, .after = CCP_MS(2) },
                                 { .at = now + CCP_MS(2), .after = -CCP_SEC(1) } };
    for (size_t i = 0; i < LENGTH(o); i++) {
        ccp_timer t = { 0 };
        at a = { 0 };
        ccp_timer_opts of = o[i];
        of.fn = note_time;
        of.arg = &a;
        start(ts, &t, of);
        WAIT_UNTIL(atomic_load(&a.done));
        assert_true(a.time >= now + CCP_MS(2));
        ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    }
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

typedef struct list {
    int order[MANY];
    atomic_int n;
} list;

typedef struct entry {
    ccp_timer timer;
    list *list;
    int number;
} entry;

static void enlist(void *arg)
{
    entry *e = arg;
    int n = atomic_load(&e->list->n);
    e->list->order[n] = e->number;
    atomic_store(&e->list->n, n + 1);
}

TEST(functions_are_called_in_the_order_of_their_times) /* I2 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    list l = { .n = 0 };
    entry e[MANY] = { 0 };
    hold_thread(ts, &h);
    for (int i = 0; i < MANY; i++) { /* six times, of ten timers each */
        e[i].list = &l;
        e[i].number = i;
        start(ts, &e[i].timer, (ccp_timer_opts){ .fn = enlist, .arg = &e[i], .at = 1 + i * 7 % 6 });
    }
    gate_open(&h.gate);
    WAIT_UNTIL(atomic_load(&l.n) == MANY);
    for (int i = 1; i < MANY; i++) {
        int a = l.order[i - 1], b = l.order[i];
        assert_true(a * 7 % 6 < b * 7 % 6 || (a * 7 % 6 == b * 7 % 6 && a < b));
    }
    for (int i = 0; i < MANY; i++)
        ASSERT_STATUS(ccp_timer_stop(&e[i].timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_timer_that_was_reset_comes_after_those_of_the_same_time) /* I2 I4 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    list l = { .n = 0 };
    entry e[3] = { { .list = &l }, { .list = &l, .number = 1 }, { .list = &l, .number = 2 } };
    hold_thread(ts, &h);
    for (int i = 0; i < 3; i++)
        start(ts, &e[i].timer, (ccp_timer_opts){ .fn = enlist, .arg = &e[i], .at = 1 + i });
    ASSERT_STATUS(ccp_timer_reset(&e[0].timer, 0), CCP_OK);
    gate_open(&h.gate);
    WAIT_UNTIL(atomic_load(&l.n) == 3);
    assert_true(l.order[0] == 1 && l.order[1] == 2 && l.order[2] == 0);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_timer_stop(&e[i].timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

/* --- stopping --- */

TEST(a_timer_that_was_stopped_is_not_called) /* I1 I3 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    atomic_int n = 0;
    ccp_timer t[2] = { 0 };
    hold_thread(ts, &h);
    start(ts, &t[0], counting(&n, 0));
    start(ts, &t[1], counting(&n, CCP_SEC(1000)));
    for (int i = 0; i < 2; i++) {
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_timer_stop(&t[i], CCP_FOREVER), CCP_CLOSED);
    }
    gate_open(&h.gate);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(n, 0);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    ASSERT_STATUS(ccp_timer_stop(&t[0], CCP_FOREVER), CCP_CLOSED); /* what it belonged to is gone */
}

static void stop_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_timer_stop(a->arg, a->w);
}

TEST(stop_waits_for_the_function) /* I3 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    hold_thread(ts, &h);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, ccp_within(1)), CCP_TIMEOUT);
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &h.timer, .w = CCP_FOREVER };
        actor_start(&a[i], stop_there);
        actor_sleep_here(&a[i]);
    }
    gate_open(&h.gate);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_CLOSED);
    }
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

typedef struct suicide {
    ccp_timer timer;
    atomic_int *n;
    bool periodic;
} suicide;

static void stop_itself(void *arg)
{
    suicide *s = arg;
    atomic_int *n = s->n;
    MUST(ccp_timer_stop(&s->timer, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_timer_stop(&s->timer, CCP_NOWAIT) == CCP_CLOSED);
    free(s);
    atomic_fetch_add(n, 1);
}

TEST(a_function_may_stop_its_own_timer_and_free_it) /* I3 I6 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    for (int i = 0; i < 10; i++) {
        suicide *s = calloc(1, sizeof *s);
        s->n = &n;
        start(ts, &s->timer,
              (ccp_timer_opts){ .fn = stop_itself, .arg = s, .every = i % 2 ? 1 : 0 });
    }
    WAIT_UNTIL(atomic_load(&n) == 10);
    WAIT_UNTIL(ccp_timers_free(ts) == CCP_OK);
}

static void stop_other(void *arg)
{
    suicide *s = arg;
    MUST(ccp_timer_stop(&s->timer, CCP_FOREVER) == CCP_OK);
    atomic_fetch_add(s->n, 1);
}

TEST(a_function_may_stop_another_timer_that_is_due) /* I3 I6 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    atomic_int stopped = 0, called = 0;
    suicide other = { .n = &stopped };
    ccp_timer t = { 0 };
    hold_thread(ts, &h);
    start(ts, &other.timer, (ccp_timer_opts){ .fn = count, .arg = &called, .at = 2 });
    start(ts, &t, (ccp_timer_opts){ .fn = stop_other, .arg = &other, .at = 1 });
    gate_open(&h.gate);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    WAIT_UNTIL(atomic_load(&stopped) == 1);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(called, 0);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

/* --- resetting --- */

TEST(reset_sets_the_time_anew_whatever_the_timer_does) /* I4 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0;
    ccp_timer t = { 0 };
    start(ts, &t, counting(&n, CCP_SEC(1000)));
    ASSERT_STATUS(ccp_timer_reset(&t, CCP_SEC(2000)), CCP_OK);
    ASSERT_STATUS(ccp_timer_reset(&t, 0), CCP_OK); /* is set */
    WAIT_UNTIL(atomic_load(&n) == 1);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_reset(&t, CCP_US(10)), CCP_OK); /* has run */
    WAIT_UNTIL(atomic_load(&n) == 2);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_reset(&t, CCP_SEC(1000)), CCP_OK);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_timer_reset(&t, -1), CCP_OK); /* was stopped */
    WAIT_UNTIL(atomic_load(&n) == 3);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_timer_that_was_put_off_is_not_called_at_its_former_time) /* I4 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    atomic_int n = 0, later = 0;
    ccp_timer t = { 0 }, after = { 0 };
    hold_thread(ts, &h);
    start(ts, &t, counting(&n, 0));
    ASSERT_STATUS(ccp_timer_reset(&t, CCP_SEC(1000)), CCP_OK);
    start(ts, &after, counting(&later, 0));
    gate_open(&h.gate);
    WAIT_UNTIL(atomic_load(&later) == 1);
    assert_int_equal(n, 0);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_timer_stop(&after, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_timer_that_is_reset_while_its_function_runs_is_called_again) /* I4 */
{
    ccp_timers *ts = new_timers();
    hold h = HOLD_INIT;
    hold_thread(ts, &h);
    ASSERT_STATUS(ccp_timer_reset(&h.timer, CCP_SEC(1000)), CCP_OK);
    ASSERT_STATUS(ccp_timer_reset(&h.timer, 0), CCP_OK);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_BUSY);
    gate_open(&h.gate);
    WAIT_UNTIL(atomic_load(&h.gate.arrived) == 2);
    ASSERT_STATUS(ccp_timer_stop(&h.timer, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(h.gate.arrived, 2);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

typedef struct loop {
    ccp_timer timer;
    atomic_int n;
    int limit;
} loop;

static void go_again(void *arg)
{
    loop *l = arg;
    if (atomic_fetch_add(&l->n, 1) + 1 < l->limit)
        MUST(ccp_timer_reset(&l->timer, l->n % 3) == CCP_OK);
}

TEST(a_function_may_reset_its_own_timer) /* I4 I6 */
{
    ccp_timers *ts = new_timers();
    loop l = { .limit = 1000 };
    start(ts, &l.timer, (ccp_timer_opts){ .fn = go_again, .arg = &l });
    WAIT_UNTIL(atomic_load(&l.n) == 1000);
    ASSERT_STATUS(ccp_timer_stop(&l.timer, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(l.n, 1000);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

/* --- periods --- */

typedef struct beat {
    int64_t first, every;
    atomic_int n;
    atomic_bool early;
    gate *gate; /* of the second call */
} beat;

static void strike(void *arg)
{
    beat *b = arg;
    int k = atomic_load(&b->n);
    if (ccp_now() < b->first + k * b->every)
        atomic_store(&b->early, true);
    atomic_store(&b->n, k + 1);
    if (k == 1 && b->gate)
        gate_pass(b->gate);
}

TEST(a_timer_with_a_period_is_called_until_it_is_stopped) /* I1 I5 */
{
    ccp_timers *ts = new_timers();
    beat b = { .first = ccp_now() + CCP_MS(1), .every = CCP_US(100) };
    ccp_timer t = { 0 };
    start(ts, &t,
          (ccp_timer_opts){ .fn = strike, .arg = &b, .at = b.first, .every = b.every });
    WAIT_UNTIL(atomic_load(&b.n) >= 20);
    ccp_status rc = ccp_timer_stop(&t, CCP_FOREVER);
    assert_true(rc == CCP_OK || rc == CCP_CLOSED);
    int n = b.n;
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
    assert_int_equal(b.n, n);
    assert_false(b.early);
}

TEST(calls_that_were_missed_are_not_made_up_for) /* I5 */
{
    ccp_timers *ts = new_timers();
    gate g = GATE_INIT;
    beat b = { .first = ccp_now(), .every = CCP_MS(1), .gate = &g };
    ccp_timer t = { 0 };
    start(ts, &t,
          (ccp_timer_opts){ .fn = strike, .arg = &b, .at = b.first, .every = b.every });
    WAIT_UNTIL(atomic_load(&g.arrived) == 1);
    int64_t resumed = ccp_now() + CCP_MS(5);
    WAIT_UNTIL(ccp_now() > resumed);
    gate_open(&g);
    WAIT_UNTIL(atomic_load(&b.n) >= 4);
    assert_true(ccp_now() >= resumed + CCP_MS(1)); /* two calls after that were a period apart */
    ccp_status rc = ccp_timer_stop(&t, CCP_FOREVER);
    assert_true(rc == CCP_OK || rc == CCP_CLOSED);
    assert_false(b.early);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_stop_that_has_not_waited_long_enough_leaves_the_period_alone) /* I3 I5 */
{
    ccp_timers *ts = new_timers();
    gate g = GATE_INIT;
    beat b = { .first = ccp_now(), .every = CCP_US(50), .gate = &g };
    ccp_timer t = { 0 };
    start(ts, &t,
          (ccp_timer_opts){ .fn = strike, .arg = &b, .at = b.first, .every = b.every });
    WAIT_UNTIL(atomic_load(&g.arrived) == 1);
    ASSERT_STATUS(ccp_timer_stop(&t, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_timer_stop(&t, ccp_within(1)), CCP_TIMEOUT);
    gate_open(&g);
    WAIT_UNTIL(atomic_load(&b.n) >= 5);
    ccp_status rc = ccp_timer_stop(&t, CCP_FOREVER);
    assert_true(rc == CCP_OK || rc == CCP_CLOSED);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(a_period_may_be_stopped_while_the_function_runs) /* I3 */
{
    ccp_timers *ts = new_timers();
    gate g = GATE_INIT;
    beat b = { .first = ccp_now(), .every = 1, .gate = &g };
    ccp_timer t = { 0 };
    start(ts, &t,
          (ccp_timer_opts){ .fn = strike, .arg = &b, .at = b.first, .every = b.every });
    WAIT_UNTIL(atomic_load(&g.arrived) == 1);
    actor a = { .arg = &t, .w = CCP_FOREVER };
    actor_start(&a, stop_there);
    actor_sleep_here(&a);
    gate_open(&g);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    assert_int_equal(b.n, 2);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

TEST(times_that_cannot_come_do_not_come) /* I1 */
{
    ccp_timers *ts = new_timers();
    atomic_int n = 0, once = 0;
    ccp_timer t[3] = { 0 };
    start(ts, &t[0], counting(&n, INT64_MAX));
    start(ts, &t[1], (ccp_timer_opts){ .fn = count, .arg = &n, .at = INT64_MAX, .every = 1 });
    start(ts, &t[2], (ccp_timer_opts){ .fn = count, .arg = &once, .every = INT64_MAX });
    WAIT_UNTIL(atomic_load(&once) == 1);
    ASSERT_STATUS(ccp_timer_reset(&t[0], INT64_MAX), CCP_OK);
    for (int i = 0; i < 3; i++) {
        ccp_status rc = ccp_timer_stop(&t[i], CCP_FOREVER);
        assert_true(rc == CCP_OK || (i == 2 && rc == CCP_CLOSED));
    }
    assert_true(n == 0 && once == 1);
    ASSERT_STATUS(ccp_timers_free(ts), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_function_is_called_once_its_time_has_come),
        ENTRY(a_time_of_the_clock_may_be_given),
        ENTRY(functions_are_called_in_the_order_of_their_times),
        ENTRY(a_timer_that_was_reset_comes_after_those_of_the_same_time),
        ENTRY(a_timer_that_was_stopped_is_not_called),
        ENTRY(stop_waits_for_the_function),
        ENTRY(a_function_may_stop_its_own_timer_and_free_it),
        ENTRY(a_function_may_stop_another_timer_that_is_due),
        ENTRY(reset_sets_the_time_anew_whatever_the_timer_does),
        ENTRY(a_timer_that_was_put_off_is_not_called_at_its_former_time),
        ENTRY(a_timer_that_is_reset_while_its_function_runs_is_called_again),
        ENTRY(a_function_may_reset_its_own_timer),
        ENTRY(a_timer_with_a_period_is_called_until_it_is_stopped),
        ENTRY(calls_that_were_missed_are_not_made_up_for),
        ENTRY(a_stop_that_has_not_waited_long_enough_leaves_the_period_alone),
        ENTRY(a_period_may_be_stopped_while_the_function_runs),
        ENTRY(times_that_cannot_come_do_not_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
