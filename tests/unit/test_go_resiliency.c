/* SPDX-License-Identifier: MIT
 *
 * What the tests of eapache/go-resiliency check, in virtual time: breaker, retrier, semaphore;
 * ports.md has the list.
 */
#include "breakers.h"
#include "still.h"

/* Three errors of theirs. */
#define FOO CCP_BUSY
#define BAR CCP_FAILED
#define BAZ CCP_CLOSED

/* ---- Breaker ---- */

typedef struct threshold {
    uint64_t errors;
} threshold;

static bool too_many_errors(const ccp_breaker_counts *c, void *arg)
{
    return c->failures >= ((threshold *)arg)->errors;
}

/* As New(errors, successes, timeout): errors are forgotten after the time-out, too. */
static ccp_breaker *new_breaker(threshold *t, unsigned successes, int64_t timeout)
{
    still_set(CCP_SEC(1));
    return breaker_with(&(ccp_breaker_opts){ .trip = too_many_errors,
                                             .arg = t,
                                             .close_after = successes,
                                             .window_ns = timeout,
                                             .open_ns = timeout });
}

static ccp_status returns(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return *(ccp_status *)arg;
}

static void runs(ccp_breaker *b, int n, ccp_status rc, ccp_status expected)
{
    for (int i = 0; i < n; i++)
        ASSERT_STATUS(ccp_breaker_run(b, returns, &rc, NULL, CCP_FOREVER), expected);
}

TEST(errors_expire)
{
    threshold two = { 2 };
    ccp_breaker *b = new_breaker(&two, 1, CCP_MS(10));
    for (int i = 0; i < 3; i++) {
        runs(b, 1, CCP_BUSY, CCP_FAILED);
        still_advance(CCP_MS(10));
    }
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

TEST(a_breaker_opens_half_closes_and_closes)
{
    threshold three = { 3 };
    ccp_breaker *b = new_breaker(&three, 2, CCP_MS(10));
    runs(b, 3, CCP_BUSY, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    runs(b, 5, CCP_BUSY, CCP_OPEN);
    still_advance(CCP_MS(20));
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    runs(b, 1, CCP_OK, CCP_OK); /* not enough */
    runs(b, 1, CCP_BUSY, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    runs(b, 1, CCP_BUSY, CCP_OPEN);
    still_advance(CCP_MS(20));
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN);
    runs(b, 2, CCP_OK, CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    runs(b, 1, CCP_BUSY, CCP_FAILED);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    runs(b, 1, CCP_OK, CCP_OK);
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

TEST(calls_that_end_later_move_it_when_they_end)
{
    threshold three = { 3 };
    ccp_breaker *b = new_breaker(&three, 2, CCP_MS(10));
    ccp_breaker_ticket t[3];
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_breaker_allow(b, &t[i]), CCP_OK);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATE(b, CCP_BREAKER_CLOSED);
        ASSERT_STATUS(ccp_breaker_done(b, t[i], CCP_BUSY), CCP_OK);
    }
    for (int i = 0; i < 5; i++)
        ASSERT_STATUS(ccp_breaker_allow(b, &t[0]), CCP_OPEN);
    still_advance(CCP_MS(20));
    ASSERT_STATUS(ccp_breaker_allow(b, &t[0]), CCP_OK);
    ASSERT_STATUS(ccp_breaker_done(b, t[0], CCP_BUSY), CCP_OK);
    ASSERT_STATUS(ccp_breaker_allow(b, &t[0]), CCP_OPEN);
    still_advance(CCP_MS(20));
    runs(b, 2, CCP_OK, CCP_OK);
    runs(b, 1, CCP_BUSY, CCP_FAILED);
    runs(b, 1, CCP_OK, CCP_OK); /* still closed */
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

/* ---- Retrier ---- */

/* Returns these, then CCP_OK. */
typedef struct work {
    ccp_status rc[5];
    unsigned n, runs;
    ccp_ctx *cancels; /* in the second run */
    bool looks;       /* at its context first */
} work;

static ccp_status do_work(ccp_ctx *ctx, void *arg)
{
    work *w = arg;
    if (w->looks && ccp_ctx_status(ctx) != CCP_OK)
        return FOO;
    unsigned i = w->runs++;
    assert_int_equal(ccp_retry_attempt(ctx), i + 1);
    if (i == 1)
        ccp_ctx_cancel(w->cancels);
    return i < w->n ? w->rc[i] : CCP_OK;
}

static ccp_retry_verdict whitelist(ccp_status outcome, unsigned attempt, int64_t *after, void *arg)
{
    (void)attempt;
    (void)after;
    if (outcome == CCP_OK)
        return CCP_RETRY_DONE;
    return arg && outcome == *(ccp_status *)arg ? CCP_RETRY_AGAIN : CCP_RETRY_STOP;
}

static ccp_retry_verdict blacklist(ccp_status outcome, unsigned attempt, int64_t *after, void *arg)
{
    (void)attempt;
    (void)after;
    if (outcome == CCP_OK)
        return CCP_RETRY_DONE;
    return outcome == *(ccp_status *)arg ? CCP_RETRY_STOP : CCP_RETRY_AGAIN;
}

static const int64_t two_waits[] = { 0, CCP_MS(10) };

/* New({ 0, 10 ms }): three attempts. */
static ccp_retry_opts two_retries(void)
{
    still_set(CCP_SEC(1));
    return (ccp_retry_opts){ .attempts = 3, .backoff = ccp_backoff_list(two_waits, 2) };
}

static ccp_status last_of(const ccp_retry_opts *o, work *w, ccp_wait wait, ccp_status expected)
{
    ccp_retry_report r;
    ASSERT_STATUS(ccp_retry(o, do_work, w, &r, wait), expected);
    assert_int_equal(r.attempts, w->runs);
    return r.last;
}

TEST(it_retries_what_the_whitelist_has)
{
    ccp_status foo = FOO;
    ccp_retry_opts o = two_retries();
    o.classify = whitelist;
    o.classify_arg = &foo;
    work w = { { FOO, FOO }, .n = 2 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_OK), CCP_OK);
    assert_int_equal(w.runs, 3);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(10));
    w = (work){ { FOO, BAR }, .n = 2 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), BAR);
    assert_int_equal(w.runs, 2);
    w = (work){ { BAR, BAZ }, .n = 2 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), BAR);
    assert_int_equal(w.runs, 1);
}

TEST(it_does_not_retry_what_the_blacklist_has)
{
    ccp_status bar = BAR;
    ccp_retry_opts o = two_retries();
    o.classify = blacklist;
    o.classify_arg = &bar;
    work w = { { FOO, BAZ }, .n = 2 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_OK), CCP_OK);
    w = (work){ { FOO, BAR, FOO }, .n = 3 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), BAR);
    assert_int_equal(w.runs, 2);
}

TEST(by_default_it_retries_what_may_change)
{
    ccp_retry_opts o = two_retries();
    const ccp_status again[] = { CCP_AGAIN, CCP_TIMEOUT, CCP_NOMEM,
                                 CCP_BUSY,  CCP_FAILED,  (ccp_status)1000 };
    for (size_t i = 0; i < LENGTH(again); i++) {
        work w = { { again[i] }, .n = 1 };
        ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_OK), CCP_OK);
        assert_int_equal(w.runs, 2);
    }
    const ccp_status stop[] = { CCP_CANCELED, CCP_CLOSED, CCP_OPEN,
                                CCP_INVAL,    CCP_MISUSE, CCP_DEADLOCK };
    for (size_t i = 0; i < LENGTH(stop); i++) {
        work w = { { stop[i] }, .n = 1 };
        ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), stop[i]);
        assert_int_equal(w.runs, 1);
    }
}

TEST(under_a_context_that_was_canceled_it_does_not_begin)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_retry_opts o = two_retries();
    o.classify = whitelist;
    work w = { .looks = true };
    ASSERT_STATUS(last_of(&o, &w, ccp_with(ctx), CCP_OK), CCP_OK);
    assert_int_equal(w.runs, 1);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_retry(&o, do_work, &w, NULL, ccp_with(ctx)), CCP_CANCELED);
    assert_int_equal(w.runs, 1);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(when_all_attempts_have_failed_the_last_error_is_known)
{
    ccp_retry_opts o = two_retries();
    work w = { { FOO, FOO, BAR, BAZ }, .n = 4 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), BAR);
    assert_int_equal(w.runs, 3);
}

TEST(without_a_limit_the_last_wait_is_repeated)
{
    ccp_retry_opts o = two_retries();
    o.attempts = 0;
    work w = { { FOO, FOO, FOO, BAR, FOO }, .n = 5 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_OK), CCP_OK);
    assert_int_equal(w.runs, 6);
    assert_int_equal(ccp_now(), CCP_SEC(1) + 4 * CCP_MS(10));
}

TEST(canceled_in_an_attempt_it_says_so_and_what_the_attempt_said)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_retry_opts o = two_retries();
    work w = { { FOO, BAR, FOO }, .n = 3, .cancels = ctx };
    ASSERT_STATUS(last_of(&o, &w, ccp_with(ctx), CCP_CANCELED), BAR);
    assert_int_equal(w.runs, 2);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(one_attempt_is_no_retry)
{
    ccp_retry_opts o = two_retries();
    o.attempts = 1;
    work w = { { FOO }, .n = 1 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_FAILED), FOO);
    w = (work){ .n = 0 };
    ASSERT_STATUS(last_of(&o, &w, CCP_FOREVER, CCP_OK), CCP_OK);
    assert_int_equal(w.runs, 1);
}

static void lies_between(int64_t x, int64_t a, int64_t b)
{
    assert_true(x >= a && x <= b);
}

TEST(jitter_is_a_share_of_the_wait)
{
    const int64_t list[] = { 0, CCP_MS(10), CCP_SEC(4 * 3600) };
    ccp_backoff b = ccp_backoff_list(list, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ccp_backoff_next(&b), list[i]);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        b = ccp_backoff_list(list, 3);
        b.jitter = 0.25;
        b.seed = seed;
        assert_int_equal(ccp_backoff_next(&b), 0);
        lies_between(ccp_backoff_next(&b), CCP_US(7500), CCP_US(12500));
        lies_between(ccp_backoff_next(&b), CCP_SEC(3 * 3600), CCP_SEC(5 * 3600));
    }
    const double bad[] = { -1, 2 };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        ccp_retry_opts o = two_retries();
        work w = { .n = 0 };
        o.backoff.jitter = bad[i];
        ASSERT_STATUS(ccp_retry(&o, do_work, &w, NULL, CCP_FOREVER), CCP_INVAL);
    }
}

TEST(a_constant_backoff_is_constant)
{
    ccp_backoff b = ccp_backoff_constant(CCP_SEC(250 * 3600));
    for (int i = 0; i < 10; i++)
        assert_int_equal(ccp_backoff_next(&b), CCP_SEC(250 * 3600));
    b = ccp_backoff_constant(0);
    assert_int_equal(ccp_backoff_next(&b), 0);
}

TEST(an_exponential_backoff_doubles)
{
    ccp_backoff b = ccp_backoff_exponential(CCP_SEC(60), INT64_MAX);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ccp_backoff_next(&b), CCP_SEC(60) << i);
}

TEST(a_limited_exponential_backoff_stays_at_its_limit)
{
    ccp_backoff b = ccp_backoff_exponential(CCP_MS(10), CCP_MS(11));
    assert_int_equal(ccp_backoff_next(&b), CCP_MS(10));
    b = ccp_backoff_exponential(CCP_SEC(60), CCP_SEC(240));
    const int minutes[] = { 1, 2, 4, 4, 4 };
    for (size_t i = 0; i < LENGTH(minutes); i++)
        assert_int_equal(ccp_backoff_next(&b), CCP_SEC(60) * minutes[i]);
}

/* ---- Semaphore ---- */

TEST(permits_come_back)
{
    ccp_sem sem = CCP_SEM_INIT(3);
    still_set(CCP_SEC(1));
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 3; k++)
            ASSERT_STATUS(ccp_sem_acquire(&sem, 1, ccp_within(CCP_SEC(1))), CCP_OK);
        for (int k = 0; k < 3; k++)
            ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    }
    assert_int_equal(ccp_now(), CCP_SEC(1));
}

TEST(without_a_permit_the_wait_lasts_its_time)
{
    ccp_sem sem = CCP_SEM_INIT(1);
    still_set(CCP_SEC(1));
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, ccp_within(CCP_MS(200))), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, ccp_within(CCP_MS(200))), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(200));
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, ccp_within(CCP_MS(200))), CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
}

TEST(how_many_permits_are_free_can_be_seen)
{
    ccp_sem sem = CCP_SEM_INIT(2);
    assert_int_equal(ccp_sem_available(&sem), 2);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 1);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(errors_expire),
        ENTRY(a_breaker_opens_half_closes_and_closes),
        ENTRY(calls_that_end_later_move_it_when_they_end),
        ENTRY(it_retries_what_the_whitelist_has),
        ENTRY(it_does_not_retry_what_the_blacklist_has),
        ENTRY(by_default_it_retries_what_may_change),
        ENTRY(under_a_context_that_was_canceled_it_does_not_begin),
        ENTRY(when_all_attempts_have_failed_the_last_error_is_known),
        ENTRY(without_a_limit_the_last_wait_is_repeated),
        ENTRY(canceled_in_an_attempt_it_says_so_and_what_the_attempt_said),
        ENTRY(one_attempt_is_no_retry),
        ENTRY(jitter_is_a_share_of_the_wait),
        ENTRY(a_constant_backoff_is_constant),
        ENTRY(an_exponential_backoff_doubles),
        ENTRY(a_limited_exponential_backoff_stays_at_its_limit),
        ENTRY(permits_come_back),
        ENTRY(without_a_permit_the_wait_lasts_its_time),
        ENTRY(how_many_permits_are_free_can_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
