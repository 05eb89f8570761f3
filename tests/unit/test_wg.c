/* SPDX-License-Identifier: MIT
 *
 * Wait groups.
 */
#include "support.h"

#include "base/lock.h"

typedef struct wg_call {
    ccp_wg *wg;
    long *seen; /* plain: the race detector watches it */
} wg_call;

static void wait_for_group(actor *a)
{
    wg_call *c = a->arg;
    actor_calls(a);
    a->rc = ccp_wg_wait(c->wg, a->w);
    if (a->rc == CCP_OK && c->seen)
        a->value = *c->seen;
}

TEST(a_group_of_nothing_is_done)
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_wg zero;
    memset(&zero, 0, sizeof zero);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&zero, CCP_FOREVER), CCP_OK);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(0, 0);
    ASSERT_STATUS(ccp_wg_add(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_done(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_wait(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_go(NULL, free, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_go(&wg, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_close_when_done(NULL, ch), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(wait_says_whether_tasks_are_under_way) /* A1 */
{
    ccp_wg wg = CCP_WG_INIT;
    ASSERT_STATUS(ccp_wg_add(&wg, 2), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, ccp_within(CCP_US(100))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
}

TEST(the_count_never_becomes_negative) /* A3 G2 */
{
    ccp_wg wg = CCP_WG_INIT;
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_MISUSE);
    ASSERT_STATUS(ccp_wg_add(&wg, -1), CCP_MISUSE);
    ASSERT_STATUS(ccp_wg_add(&wg, INT32_MIN), CCP_MISUSE);
    ASSERT_STATUS(ccp_wg_add(&wg, 3), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&wg, -4), CCP_MISUSE);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN); /* still 3 */
    ASSERT_STATUS(ccp_wg_add(&wg, -2), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_wg_add(&wg, 0), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&wg, -1), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_MISUSE);
}

TEST(the_count_has_an_upper_limit) /* G2 */
{
    ccp_wg wg = CCP_WG_INIT;
    ASSERT_STATUS(ccp_wg_add(&wg, INT32_MAX), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_add(&wg, INT32_MAX), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_go(&wg, free, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_wg_add(&wg, -INT32_MAX), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_OK);
}

TEST(the_last_done_releases_every_waiter_and_they_see_what_was_done) /* A1 A2 */
{
    long work = 0;
    ccp_wg wg = CCP_WG_INIT;
    wg_call c = { &wg, &work };
    actor a[6];
    ASSERT_STATUS(ccp_wg_add(&wg, 2), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &c, .w = CCP_FOREVER };
        actor_start(&a[i], wait_for_group);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_sleep_here(&a[i]);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        assert_false(actor_is_done(&a[i]));
    work = 42;
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
        assert_int_equal(a[i].value, 42);
    }
}

TEST(a_group_can_be_used_again) /* A4 */
{
    ccp_wg wg = CCP_WG_INIT;
    wg_call c = { &wg, NULL };
    for (size_t round = 0; round < scaled(500); round++) {
        actor a[2];
        ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &c, .w = CCP_FOREVER };
            actor_start(&a[i], wait_for_group);
        }
        if (round % 2)
            for (size_t i = 0; i < LENGTH(a); i++)
                WAIT_UNTIL(atomic_load(&a[i].calling));
        ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
        }
    }
}

/* The memory of a group may go as soon as the waiter is back. */
static void count_down(actor *a)
{
    a->rc = ccp_wg_done(a->arg);
}

TEST(done_does_not_touch_the_group_after_the_last_waiter_left)
{
    for (size_t round = 0; round < scaled(2000); round++) {
        ccp_wg *wg = calloc(1, sizeof *wg);
        actor a = { .arg = wg };
        ASSERT_STATUS(ccp_wg_add(wg, 1), CCP_OK);
        actor_start(&a, count_down);
        ASSERT_STATUS(ccp_wg_wait(wg, CCP_FOREVER), CCP_OK);
        memset(wg, 0xee, sizeof *wg);
        free(wg); /* ASan and TSan watch */
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
    }
}

/* --- threads of its own --- */

static void add_one(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

TEST(threads_are_counted_and_given_back) /* A6 */
{
    ccp_wg wg = CCP_WG_INIT;
    for (int round = 0; round < 5; round++) {
        atomic_int runs = 0;
        for (int i = 0; i < 10; i++)
            ASSERT_STATUS(ccp_wg_go(&wg, add_one, &runs), CCP_OK);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
        assert_int_equal(runs, 10);
        assert_int_equal(ccp_live_blocks(), 0);
    }
}

static pthread_key_t at_exit;

static void note_the_end(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void end_late(void *arg)
{
    MUST(pthread_setspecific(at_exit, arg) == 0);
}

TEST(a_thread_has_ended_when_the_wait_returns) /* A6 */
{
    MUST(pthread_key_create(&at_exit, note_the_end) == 0);
    for (size_t round = 0; round < scaled(200); round++) {
        atomic_int ended = 0; /* counted by the destructor of a thread's value: after fn */
        ccp_wg wg = CCP_WG_INIT;
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(ccp_wg_go(&wg, end_late, &ended), CCP_OK);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
        assert_int_equal(atomic_load(&ended), 3);
    }
    pthread_key_delete(at_exit);
}

static gate go_gate = GATE_INIT;

static void pass_the_gate(void *arg)
{
    gate_pass(&go_gate);
    add_one(arg);
}

TEST(a_wait_that_gives_up_leaves_the_threads_to_the_next) /* A6 W4 */
{
    atomic_int runs = 0;
    ccp_wg wg = CCP_WG_INIT;
    gate_shut(&go_gate);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_wg_go(&wg, pass_the_gate, &runs), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_wg_wait(&wg, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_int_equal(runs, 0);
    gate_open(&go_gate);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 3);
    assert_int_equal(ccp_live_blocks(), 0);
}

typedef struct tree {
    ccp_wg *wg;
    int depth;
    atomic_int *runs;
} tree;

static void grow(void *arg)
{
    tree *t = arg;
    atomic_fetch_add(t->runs, 1);
    for (int i = 0; t->depth > 0 && i < 2; i++) {
        tree *below = malloc(sizeof *below);
        *below = (tree){ t->wg, t->depth - 1, t->runs };
        MUST(ccp_wg_go(t->wg, grow, below) == CCP_OK);
    }
    free(t);
}

TEST(tasks_may_start_tasks) /* A1 A6 */
{
    atomic_int runs = 0;
    ccp_wg wg = CCP_WG_INIT;
    tree *t = malloc(sizeof *t);
    *t = (tree){ &wg, 4, &runs };
    ASSERT_STATUS(ccp_wg_go(&wg, grow, t), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 31);
}

/* --- closing a channel --- */

TEST(a_channel_is_closed_when_the_group_is_done) /* A5 */
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ASSERT_STATUS(ccp_wg_add(&wg, 2), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, ch), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK); /* the next round knows nothing of it */
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_channel_is_closed_at_once_when_no_task_is_under_way) /* A5 */
{
    ccp_wg wg = CCP_WG_INIT;
    for (int i = 0; i < 2; i++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
        ASSERT_STATUS(ccp_wg_close_when_done(&wg, ch), CCP_OK);
        assert_true(ccp_chan_is_closed(ch));
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

TEST(one_channel_at_a_time) /* A5 */
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(0, 0), *other = ccp_chan_new(0, 0);
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, ch), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, other), CCP_BUSY);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    assert_false(ccp_chan_is_closed(other));
    ASSERT_STATUS(ccp_wg_close_when_done(&wg, other), CCP_OK);
    assert_true(ccp_chan_is_closed(other));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

typedef struct producer {
    ccp_chan *results;
} producer;

static void produce(void *arg)
{
    producer *p = arg;
    for (long i = 1; i <= 100; i++)
        MUST(ccp_chan_send(p->results, &i, CCP_FOREVER) == CCP_OK);
}

TEST(results_end_when_all_producers_have) /* A5 C2 */
{
    for (int round = 0; round < 20; round++) {
        ccp_wg wg = CCP_WG_INIT;
        producer p = { ccp_chan_new(sizeof(long), (size_t)round % 3) };
        long v, n = 0, sum = 0;
        for (int i = 0; i < 4; i++)
            ASSERT_STATUS(ccp_wg_go(&wg, produce, &p), CCP_OK);
        ASSERT_STATUS(ccp_wg_close_when_done(&wg, p.results), CCP_OK);
        CCP_CHAN_FOR(&v, p.results, CCP_FOREVER)
        {
            n++;
            sum += v;
        }
        assert_int_equal(n, 400);
        assert_int_equal(sum, 4 * 5050);
        ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(p.results), CCP_OK);
    }
}

/* Whoever sees that the group is done may free the channel: the group has let go of it. */
typedef struct closing {
    ccp_wg wg;
    ccp_chan *ch;
    bool asleep;
} closing;

static void wait_then_free(actor *a)
{
    closing *c = a->arg;
    actor_calls(a);
    if (c->asleep)
        a->rc = ccp_wg_wait(&c->wg, CCP_FOREVER);
    else
        while ((a->rc = ccp_wg_wait(&c->wg, CCP_NOWAIT)) == CCP_AGAIN)
            continue;
    a->value = ccp_chan_is_closed(c->ch);
    MUST(ccp_chan_free(c->ch) == CCP_OK);
}

TEST(a_group_that_is_done_has_closed_its_channel) /* A5 */
{
    for (size_t round = 0; round < scaled(1000); round++) {
        closing c = { .wg = CCP_WG_INIT, .ch = ccp_chan_new(0, 0), .asleep = round % 2 };
        actor a = { .arg = &c };
        ASSERT_STATUS(ccp_wg_add(&c.wg, 1), CCP_OK);
        ASSERT_STATUS(ccp_wg_close_when_done(&c.wg, c.ch), CCP_OK);
        actor_start(&a, wait_then_free);
        if (round % 4 > 1)
            WAIT_UNTIL(atomic_load(&a.calling));
        ASSERT_STATUS(ccp_wg_done(&c.wg), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_true(a.value);
    }
}

/* --- misuse under way --- */

/* Whether those who waited are back: they may be, also after a sleep, or one is held in it. */
typedef enum back { MAYBE, OUT_OF_A_SLEEP, ONE_IS_NOT } back;

/* A round is over; then the next one begins. */
static ccp_status begin_too_early(ccp_status (*begin)(ccp_wg *wg), back how)
{
    ccp_wg wg = CCP_WG_INIT;
    wg_call c = { &wg, NULL };
    actor a[4];
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &c, .w = CCP_FOREVER };
        actor_start(&a[i], wait_for_group);
    }
    for (size_t i = 0; how != MAYBE && i < LENGTH(a); i++)
        actor_sleep_here(&a[i]);
    if (how == ONE_IS_NOT)
        actor_hold(&a[2]);
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    ccp_status rc = begin(&wg);
    if (how == ONE_IS_NOT)
        actor_let_go();
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
    }
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_FOREVER), CCP_OK);
    return rc;
}

static ccp_status add_and_take_off(ccp_wg *wg)
{
    ccp_status rc = ccp_wg_add(wg, 1);
    if (rc == CCP_OK)
        ASSERT_STATUS(ccp_wg_done(wg), CCP_OK);
    return rc;
}

static ccp_status add_none(ccp_wg *wg)
{
    return ccp_wg_add(wg, 0);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static ccp_status go_nowhere(ccp_wg *wg)
{
    return ccp_wg_go(wg, do_nothing, NULL);
}

TEST(a_round_may_not_begin_before_the_waiters_have_left) /* A4 G2 */
{
    ccp_status (*const begin[])(ccp_wg *) = { add_and_take_off, add_none, go_nowhere };
    for (size_t k = 0; k < LENGTH(begin); k++) {
        ASSERT_STATUS(begin_too_early(begin[k], ONE_IS_NOT), CCP_MISUSE);
        for (size_t round = 0; round < scaled(250); round++) { /* whether they are is a race */
            ccp_status rc = begin_too_early(begin[k], round % 4 ? OUT_OF_A_SLEEP : MAYBE);
            assert_true(rc == CCP_OK || rc == CCP_MISUSE);
        }
    }
}

/* --- the last task, seen by two --- */

static void done_with_one(actor *a)
{
    actor_calls(a);
    a->rc = ccp_wg_done(a->arg);
}

/* A group of one task with a waiter, and n threads that are about to take the task off: each has
 * seen that it is the last one, and they wait for the group's lock, which is ours. */
static void hold_at_the_last(ccp_wg *wg, actor *waiter, wg_call *c, actor *last, size_t n)
{
    *c = (wg_call){ wg, NULL };
    *waiter = (actor){ .arg = c, .w = CCP_FOREVER };
    ASSERT_STATUS(ccp_wg_add(wg, 1), CCP_OK);
    actor_start(waiter, wait_for_group);
    actor_sleep_here(waiter);
    ccpi_lock_acquire((ccpi_lock *)(void *)&wg->lock_);
    for (size_t i = 0; i < n; i++) {
        last[i] = (actor){ .arg = wg };
        actor_start(&last[i], done_with_one);
    }
    for (size_t i = 0; i < n; i++)
        actor_sleep_here(&last[i]);
}

TEST(of_two_that_take_off_the_last_task_one_is_refused) /* A3 */
{
    ccp_wg wg = CCP_WG_INIT;
    wg_call c;
    actor waiter, last[2];
    hold_at_the_last(&wg, &waiter, &c, last, 2);
    ccpi_lock_release((ccpi_lock *)(void *)&wg.lock_);
    actor_join(&last[0]);
    actor_join(&last[1]);
    assert_int_equal((last[0].rc == CCP_OK) + (last[1].rc == CCP_OK), 1);
    assert_int_equal((last[0].rc == CCP_MISUSE) + (last[1].rc == CCP_MISUSE), 1);
    actor_join(&waiter);
    ASSERT_STATUS(waiter.rc, CCP_OK);
}

TEST(a_task_added_at_the_last_moment_is_waited_for) /* A1 */
{
    ccp_wg wg = CCP_WG_INIT;
    wg_call c;
    actor waiter, last;
    hold_at_the_last(&wg, &waiter, &c, &last, 1);
    ASSERT_STATUS(ccp_wg_add(&wg, 1), CCP_OK);
    ccpi_lock_release((ccpi_lock *)(void *)&wg.lock_);
    actor_join(&last);
    ASSERT_STATUS(last.rc, CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&wg, CCP_NOWAIT), CCP_AGAIN);
    assert_false(actor_is_done(&waiter));
    ASSERT_STATUS(ccp_wg_done(&wg), CCP_OK);
    actor_join(&waiter);
    ASSERT_STATUS(waiter.rc, CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_group_of_nothing_is_done),
        ENTRY(null_arguments_are_refused),
        ENTRY(wait_says_whether_tasks_are_under_way),
        ENTRY(the_count_never_becomes_negative),
        ENTRY(the_count_has_an_upper_limit),
        ENTRY(the_last_done_releases_every_waiter_and_they_see_what_was_done),
        ENTRY(a_group_can_be_used_again),
        ENTRY(done_does_not_touch_the_group_after_the_last_waiter_left),
        ENTRY(threads_are_counted_and_given_back),
        ENTRY(a_thread_has_ended_when_the_wait_returns),
        ENTRY(a_wait_that_gives_up_leaves_the_threads_to_the_next),
        ENTRY(tasks_may_start_tasks),
        ENTRY(a_channel_is_closed_when_the_group_is_done),
        ENTRY(a_channel_is_closed_at_once_when_no_task_is_under_way),
        ENTRY(one_channel_at_a_time),
        ENTRY(results_end_when_all_producers_have),
        ENTRY(a_group_that_is_done_has_closed_its_channel),
        ENTRY(a_round_may_not_begin_before_the_waiters_have_left),
        ENTRY(of_two_that_take_off_the_last_task_one_is_refused),
        ENTRY(a_task_added_at_the_last_moment_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
