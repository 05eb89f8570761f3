/* SPDX-License-Identifier: MIT
 *
 * Records of objects, sleepers and holders, and what is made of them: reports and explanations.
 */
#include "page.h"
#include "pools.h"

#include "base/mem.h"
#include "block/sleepers.h"
#include "ops/verdict.h"

static page now;

static int says(const char *what)
{
    return page_says(&now, what);
}

/* ---- the explanation, of real threads ---- */

static ccpi_report report_of(size_t sleeps)
{
    ccpi_report r;
    for (;;) {
        MUST(ccpi_report_make(&r));
        if (r.sleep_count == sleeps)
            return r;
        ccpi_report_free(&r);
        WAIT_UNTIL(ccpi_sleepers_copy(NULL, 0) == sleeps);
    }
}

static bool explanation_says(const ccpi_report *r, const char *what)
{
    ccpi_page p = { NULL, 0, 0 };
    ccpi_explain(&p, r, ccp_now());
    bool says = p.s && strstr(p.s, what);
    MUST(p.n == 0 || p.n == strlen(p.s));
    ccpi_free(p.s);
    return says;
}

TEST(workers_that_wait_for_tasks_have_nothing_to_do)
{
    ccp_pool *one = pool_of(1, 1);
    ccpi_report r = report_of(1);
    assert_true(explanation_says(&r, "1 thread has nothing to do\n"));
    ccpi_report_free(&r);
    ccp_pool *two = pool_of(2, 1);
    r = report_of(3);
    assert_true(explanation_says(&r, "3 threads have nothing to do\n"));
    assert_false(explanation_says(&r, "no worker is left"));
    assert_false(explanation_says(&r, "nobody is left"));
    ccpi_report_free(&r);
    ASSERT_STATUS(ccp_pool_free(one), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(two), CCP_OK);
}

static ccp_status receive(ccp_ctx *ctx, void *ch)
{
    long v;
    return ccp_chan_recv(ch, &v, ccp_with(ctx));
}

TEST(a_pool_is_used_up_when_all_its_workers_wait)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ccp_pool *p = pool_of(2, 1);
    for (int stuck = 1; stuck <= 2; stuck++) {
        ASSERT_STATUS(ccp_pool_submit(p, receive, ch, CCP_FOREVER), CCP_OK);
        WAIT_UNTIL(waiting_receivers(ch) == (size_t)stuck);
        ccpi_report r = report_of(2);
        assert_int_equal(explanation_says(&r, "no worker is left of pool"), stuck == 2);
        assert_int_equal(explanation_says(&r, "thread has nothing to do\n"), stuck == 1);
        ccpi_report_free(&r);
    }
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void take_one(actor *a)
{
    actor_calls(a);
    a->rc = ccp_window_take(a->arg, 1, a->w);
}

TEST(who_waits_for_what_comes_by_itself_is_told_of_too)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_window *x = ccp_window_new(1, CCP_SEC(1000));
    assert_true(ctx && x);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    actor a = { .arg = x, .w = ccp_with(ctx) };
    actor_start(&a, take_one);
    actor_sleep_here(&a);
    ccpi_report r = report_of(1);
    assert_true(explanation_says(&r, "1 thread waits in ccp_window_take for "));
    assert_true(explanation_says(&r, ": nobody is left to end that\n"));
    ccpi_report_free(&r);
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* ---- circles ---- */

static ccp_mutex mutex[2];
static gate both;

static void lock_one_then_the_other(actor *a)
{
    MUST(ccp_mutex_lock(&mutex[a->index], CCP_NOWAIT) == CCP_OK);
    gate_pass(&both);
    actor_calls(a);
    a->rc = ccp_mutex_lock(&mutex[1 - a->index], a->w);
    if (a->rc == CCP_OK)
        MUST(ccp_mutex_unlock(&mutex[1 - a->index]) == CCP_OK);
    if (a->index == 1) /* that of the first is unlocked for it */
        MUST(ccp_mutex_unlock(&mutex[1]) == CCP_OK);
}

/* Is there a circle if the second one waits so?  By what is known, and for certain. */
static void find_circle(ccp_wait second, bool *likely, bool *certain)
{
    size_t in[3];
    actor a[2] = { { .w = CCP_FOREVER }, { .w = second, .index = 1 } };
    mutex[0] = mutex[1] = (ccp_mutex)CCP_MUTEX_INIT;
    both = (gate)GATE_INIT;
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], lock_one_then_the_other);
    WAIT_UNTIL(atomic_load(&both.arrived) == 2);
    gate_open(&both);
    for (int i = 0; i < 2; i++)
        actor_sleep_here(&a[i]);
    ccpi_report r = report_of(2);
    *likely = ccpi_find_circle(&r, false, in) == 2;
    *certain = ccpi_find_circle(&r, true, in) == 2;
    for (size_t i = 0; i < r.sleep_count; i++)
        MUST(ccpi_sleepers_still(&r.sleeps[i]));
    ccpi_report_free(&r);
    MUST(ccp_mutex_unlock(&mutex[0]) == CCP_OK);
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
}

TEST(a_circle_is_certain_only_if_nobody_in_it_can_go_on) /* DG6 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    const struct {
        ccp_wait w;
        bool certain;
    } ways[] = {
        { CCP_FOREVER, true },
        { ccp_within(CCP_SEC(1000)), false },
        { ccp_with(ctx), false },
    };
    for (size_t i = 0; i < LENGTH(ways); i++) {
        bool likely, certain;
        find_circle(ways[i].w, &likely, &certain);
        assert_true(likely);
        assert_int_equal(certain, ways[i].certain);
    }
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* ---- records ---- */

TEST(of_each_sleeper_it_is_known_whether_it_sleeps_still)
{
    enum { MANY = 40 }; /* more than there are lists of them */
    actor a[MANY];
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    for (int i = 0; i < MANY; i++) {
        a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
        actor_start(&a[i], actor_recv_long);
    }
    WAIT_UNTIL(waiting_receivers(ch) == MANY);
    ccpi_report r = report_of(MANY);
    for (int i = 0; i < MANY; i++)
        assert_true(ccpi_sleepers_still(&r.sleeps[i]));
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (int i = 0; i < MANY; i++)
        actor_join(&a[i]);
    for (int i = 0; i < MANY; i++)
        assert_false(ccpi_sleepers_still(&r.sleeps[i]));
    ccpi_report_free(&r);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* More threads than there are lists, one after the other.  Their numbers go on from round to round,
 * so another one is in the first list. */
TEST(sleepers_come_in_the_order_in_which_they_went_to_sleep)
{
    enum { MANY = 40 };
    static actor a[MANY];
    static ccpi_sleep s[MANY + 1]; /* and one before the first, which nobody may look at */
    for (int round = 0; round < 2; round++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
        for (size_t i = 0; i < MANY; i++) {
            a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
            actor_start(&a[i], actor_recv_long);
            WAIT_UNTIL(ccpi_sleepers_copy(NULL, 0) == i + 1);
        }
        s[0].serial = UINT64_MAX;
        MUST(ccpi_sleepers_copy(s + 1, MANY) == MANY);
        MUST(s[0].serial == UINT64_MAX);
        for (size_t i = 0; i < MANY; i++)
            MUST(s[i + 1].thread == (uint64_t)a[i].tid);
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        for (size_t i = 0; i < MANY; i++)
            actor_join(&a[i]);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

/* Two sleeps of one list, as if two threads of the same number had gone to sleep. */
TEST(a_sleep_is_ended_once_and_only_while_it_lasts)
{
    ccpi_waiter w[2];
    ccpi_sleeper record[2];
    ccpi_sleep s[2];
    for (size_t i = 0; i < 2; i++) {
        ccpi_waiter_init(&w[i], "ccp_thing_do", NULL);
        ccpi_sleepers_enter(&record[i], &w[i], CCPI_NEVER);
    }
    MUST(ccpi_sleepers_copy(s, 2) == 2);
    MUST(ccpi_waiter_claim(&w[0], 1)); /* what it waits for has come */
    MUST(!ccpi_sleepers_still(&s[0]));
    MUST(!ccpi_sleepers_end(&s[0]));
    MUST(!ccpi_sleepers_leave(&record[0]));
    MUST(!ccpi_sleepers_still(&s[0]));
    MUST(!ccpi_sleepers_end(&s[0]));
    MUST(ccpi_sleepers_still(&s[1]));
    MUST(ccpi_sleepers_end(&s[1]));
    MUST(!ccpi_sleepers_still(&s[1]));
    MUST(!ccpi_sleepers_end(&s[1]));
    MUST(ccpi_waiter_give_up(&w[1]) == CCPI_GAVE_UP); /* takes the token */
    MUST(ccpi_sleepers_leave(&record[1]));
}

static const ccpi_kind thing = { "thing", "ccp_thing_", NULL, NULL };

static const char *words_for(ccpi_text *t, const void *object, const char *call)
{
    ccpi_text_clear(t);
    ccpi_report_object(t, object, call);
    return t->s;
}

TEST(an_object_is_told_of_by_its_name_or_its_owner_or_the_call)
{
    static char outer, inner, part, other;
    ccpi_text t;
    ccpi_track(&outer, &thing, "first");
    assert_string_equal(words_for(&t, &outer, "ccp_thing_do"), "thing 'first'");
    ccpi_track(&outer, &thing, "outer"); /* another one at the same place */
    ccpi_track(&inner, &thing, "inner");
    ccpi_track(&part, &thing, NULL);
    ccpi_track_part(&inner, &outer);
    ccpi_track_part(&part, &inner);
    assert_string_equal(words_for(&t, &outer, "ccp_thing_do"), "thing 'outer'");
    assert_string_equal(words_for(&t, &part, "ccp_thing_do"), "a thing of thing 'outer'");
    assert_memory_equal(words_for(&t, &other, "ccp_chan_recv"), "channel 0x", 10);
    assert_memory_equal(words_for(&t, &other, "ccp_thing_do"), "object 0x", 9);
    ccpi_text_clear(&t);
    ccpi_report_place(&t, "a/b/main.c", 5);
    ccpi_report_place(&t, "main.c", 6);
    assert_string_equal(t.s, "main.c:5main.c:6");
    ccpi_untrack(&part);
    ccpi_untrack(&inner);
    ccpi_untrack(&outer);
    assert_int_equal(ccp_audit(NULL, NULL), 0);
}

static void lock_and_stay(actor *a)
{
    ccp_mutex *m = a->arg;
    MUST(ccp_mutex_lock(m, CCP_NOWAIT) == CCP_OK);
    page_dump(&now);
    MUST(says(" holds mutex 0x") == 1);
    MUST(ccp_mutex_unlock(m) == CCP_OK);
}

/* A mutex in memory that was another one, which nobody unlocked. */
TEST(who_locks_alone_is_the_only_one_who_has_it)
{
    ccp_mutex held = CCP_MUTEX_INIT, other = CCP_MUTEX_INIT;
    ASSERT_STATUS(ccp_mutex_lock(&held, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_mutex_lock(&other, CCP_NOWAIT), CCP_OK);
    held = (ccp_mutex)CCP_MUTEX_INIT;
    ASSERT_STATUS(ccp_mutex_unlock(&other), CCP_OK);
    actor a = { .arg = &held };
    actor_start(&a, lock_and_stay);
    actor_join(&a);
    page_dump(&now);
    assert_int_equal(says("holds"), 0);
}

/* Frees the one that it would be told of next, and makes so many that the table has to grow. */
enum { CROWD = 6000 };
static ccp_chan *next_one, *crowd[CROWD];
static int tellings;
static void free_and_make(const char *text, size_t n, void *arg)
{
    page_write(text, n, arg);
    if (tellings++ > 0)
        return;
    MUST(ccp_chan_free(next_one) == CCP_OK);
    for (int i = 0; i < CROWD; i++)
        MUST((crowd[i] = ccp_chan_new(0, 1)) != NULL);
}

TEST(the_table_grows_while_it_is_gone_over)
{
    ccp_chan *first = ccp_chan_new(0, 1);
    next_one = ccp_chan_new(0, 1);
    assert_true(first && next_one);
    ASSERT_STATUS(ccp_name(first, "first"), CCP_OK);
    ASSERT_STATUS(ccp_name(next_one, "next"), CCP_OK);
    tellings = 0;
    page_clear(&now);
    ASSERT_STATUS(ccp_dump(free_and_make, &now), CCP_OK);
    assert_int_equal(says("channel 'first'"), 1);
    assert_int_equal(says("channel"), 1); /* neither what has gone nor what came later */
    assert_int_equal(ccp_audit(NULL, NULL), CROWD + 1);
    ASSERT_STATUS(ccp_chan_free(first), CCP_OK);
    for (int i = 0; i < CROWD; i++)
        ASSERT_STATUS(ccp_chan_free(crowd[i]), CCP_OK);
    assert_int_equal(ccp_audit(NULL, NULL), 0);
}

static ccp_status run_until_the_gate(ccp_ctx *ctx, void *gate_)
{
    (void)ctx;
    gate_pass(gate_);
    return CCP_OK;
}

TEST(of_a_pool_it_is_said_that_it_is_closed) /* DG2 */
{
    gate g = GATE_INIT;
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    assert_non_null(p);
    ASSERT_STATUS(ccp_pool_submit(p, run_until_the_gate, &g, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&g.arrived) == 1);
    page_dump(&now);
    assert_int_equal(says(", closed"), 0);
    ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
    page_dump(&now);
    PAGE_MUST_SAY(&now, ", 1 worker, 0 tasks wait, closed");
    gate_open(&g);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_future_says_how_it_stands) /* DG2 */
{
    ccp_future *f[4];
    ccp_promise *p[4];
    long v = 1;
    for (size_t i = 0; i < LENGTH(f); i++)
        p[i] = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof v }, &f[i]);
    ASSERT_STATUS(ccp_promise_set(p[0], &v), CCP_OK);
    ASSERT_STATUS(ccp_promise_fail(p[1], CCP_INVAL), CCP_OK);
    ASSERT_STATUS(ccp_future_cancel(f[2]), CCP_OK);
    page_dump(&now);
    PAGE_MUST_SAY(&now, ", has its value, and nobody has asked for it");
    PAGE_MUST_SAY(&now, ", failed, and nobody has asked for it");
    PAGE_MUST_SAY(&now, ", canceled");
    PAGE_MUST_SAY(&now, ", not settled");
    for (size_t i = 0; i < LENGTH(f); i++) {
        ccp_promise_free(p[i]);
        ccp_future_free(f[i]);
    }
}

/* ---- memory ---- */

TEST(a_page_without_memory_stays_as_it_is)
{
    ccpi_page p = { NULL, 0, 0 };
    ccpi_text t;
    memory_watch();
    ccpi_text_clear(&t);
    ccpi_text_add(&t, "a line\n");
    memory_fail_at(1);
    ccpi_page_add(&p, &t);
    assert_int_equal(p.n, 0);
    ccpi_page_add(&p, &t);
    memory_fail_from(1);
    for (int i = 0; i < 10; i++)
        ccpi_page_add(&p, &t);
    assert_int_equal(p.n % t.n, 0);
    assert_true(p.n >= t.n && p.n < p.room && p.n < 10 * t.n);
    assert_int_equal(strlen(p.s), p.n);
    ccpi_free(p.s);
    memory_unwatch();
}

/* More sleep, and more is held, between the moment when they are counted and the copy: while the
 * program's allocator is asked for room. */
enum { MORE = 20 };
static actor sleepers[MORE];
static ccp_mutex held[MORE];
static ccp_chan *for_sleepers;
static int asked = -1;

static void *alloc_while_more_come(size_t size, void *arg)
{
    (void)arg;
    int n = asked < 0 ? -1 : asked++;
    for (int i = 0; n == 0 && i < MORE; i++) {
        sleepers[i] = (actor){ .ch = for_sleepers, .w = CCP_FOREVER };
        actor_start(&sleepers[i], actor_recv_long);
    }
    if (n == 0)
        WAIT_UNTIL(ccpi_sleepers_copy(NULL, 0) == MORE);
    if (n == 2) { /* after the second attempt at the sleepers */
        asked = -1;
        for (int i = 0; i < MORE; i++)
            MUST(ccp_mutex_lock(&held[i], CCP_NOWAIT) == CCP_OK);
    }
    return malloc(size);
}

static void free_plainly(void *p, void *arg)
{
    (void)arg;
    free(p);
}

TEST(a_report_has_those_that_come_while_it_is_made)
{
    const ccp_allocator a = { alloc_while_more_come, free_plainly, NULL };
    ccpi_report r;
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    for_sleepers = ccp_chan_new(sizeof(long), 1);
    asked = 0;
    assert_true(ccpi_report_make(&r));
    assert_int_equal(asked, -1);
    assert_int_equal(r.sleep_count, MORE);
    assert_int_equal(r.holder_count, MORE);
    ccpi_report_free(&r);
    ASSERT_STATUS(ccp_chan_close(for_sleepers), CCP_OK);
    for (int i = 0; i < MORE; i++) {
        actor_join(&sleepers[i]);
        ASSERT_STATUS(ccp_mutex_unlock(&held[i]), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(for_sleepers), CCP_OK);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

static void select_many(actor *a)
{
    enum { MANY = CCPI_SLEEP_CASES + 3 };
    ccp_case cases[MANY];
    long v[MANY];
    size_t which;
    for (size_t i = 0; i < MANY; i++)
        cases[i] = CCP_CASE_RECV(a->ch, &v[i]);
    a->rc = ccp_select(cases, MANY, &which, CCP_FOREVER);
}

TEST(of_many_cases_no_more_are_copied_than_there_is_room_for)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    actor a = { .ch = ch };
    ccpi_sleep s[2] = { [1] = { .serial = 77 } };
    actor_start(&a, select_many);
    WAIT_UNTIL(ccpi_sleepers_copy(s, 1) == 1);
    assert_int_equal(s[0].cases, CCPI_SLEEP_CASES + 3);
    for (size_t i = 0; i < CCPI_SLEEP_CASES; i++)
        assert_ptr_equal(s[0].of[i].object, ch);
    assert_int_equal(s[1].serial, 77);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED(workers_that_wait_for_tasks_have_nothing_to_do),
        TRACKED(a_pool_is_used_up_when_all_its_workers_wait),
        TRACKED(who_waits_for_what_comes_by_itself_is_told_of_too),
        TRACKED(a_circle_is_certain_only_if_nobody_in_it_can_go_on),
        TRACKED(of_each_sleeper_it_is_known_whether_it_sleeps_still),
        TRACKED(of_many_cases_no_more_are_copied_than_there_is_room_for),
        TRACKED(sleepers_come_in_the_order_in_which_they_went_to_sleep),
        TRACKED(a_sleep_is_ended_once_and_only_while_it_lasts),
        TRACKED(an_object_is_told_of_by_its_name_or_its_owner_or_the_call),
        TRACKED(who_locks_alone_is_the_only_one_who_has_it),
        TRACKED(the_table_grows_while_it_is_gone_over),
        TRACKED(of_a_pool_it_is_said_that_it_is_closed),
        TRACKED(a_future_says_how_it_stands),
        ENTRY(a_page_without_memory_stays_as_it_is),
        ENTRY(a_report_has_those_that_come_while_it_is_made),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
