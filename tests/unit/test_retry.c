/* SPDX-License-Identifier: MIT
 *
 * Retries and budgets, in virtual time; backoffs are in test_backoff.c, what go-resiliency's tests
 * check in test_go_resiliency.c.
 */
#include "breakers.h"
#include "still.h"

enum { BEGIN = 1000 };

static void start_clock(void)
{
    still_set(CCP_SEC(BEGIN));
}

/* Succeeds in run number `good`; 0: never. */
typedef struct work {
    unsigned good, runs;
    ccp_status rc;     /* what it returns before; CCP_OK: CCP_FAILED */
    int64_t takes;     /* how long it sleeps under its context */
    int64_t begun[20]; /* when */
    int64_t limit[20]; /* the deadline of its context */
    unsigned inner;    /* attempts of a retry inside, each time */
} work;

static ccp_status do_work(ccp_ctx *ctx, void *arg)
{
    work *w = arg;
    unsigned i = w->runs++;
    assert_int_equal(ccp_retry_attempt(ctx), w->runs);
    if (i < LENGTH(w->begun)) {
        w->begun[i] = ccp_now() - CCP_SEC(BEGIN);
        w->limit[i] = ccp_ctx_deadline(ctx);
    }
    if (w->inner) {
        work in = { .good = w->inner };
        const ccp_retry_opts o = { .backoff = ccp_backoff_constant(0) };
        ASSERT_STATUS(ccp_retry(&o, do_work, &in, NULL, ccp_with(ctx)), CCP_OK);
        assert_int_equal(ccp_retry_attempt(ctx), w->runs); /* that of the outer one */
    }
    if (w->takes) {
        ccp_status st = ccp_sleep(ccp_under(ctx, ccp_within(w->takes)));
        if (st != CCP_OK)
            return st;
    }
    return w->runs == w->good ? CCP_OK : w->rc == CCP_OK ? CCP_FAILED : w->rc;
}

static ccp_retry_report reported(const ccp_retry_opts *o, work *w, ccp_wait wait,
                                 ccp_status expected)
{
    ccp_retry_report r = { 0 };
    ASSERT_STATUS(ccp_retry(o, do_work, w, &r, wait), expected);
    return r;
}

/* ---- When it tries again ---- */

TEST(arguments_that_cannot_be_right_are_refused) /* G2 */
{
    start_clock();
    work w = { 0 };
    ccp_retry_report r = { 77, CCP_BUSY, CCP_RETRY_NO_TIME };
    ASSERT_STATUS(ccp_retry(NULL, NULL, &w, &r, CCP_FOREVER), CCP_INVAL);
    const ccp_retry_opts bad[] = { { .elapsed_ns = -1 }, { .attempt_ns = -1 } };
    for (size_t i = 0; i < LENGTH(bad); i++)
        ASSERT_STATUS(ccp_retry(&bad[i], do_work, &w, &r, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_retry(NULL, do_work, &w, &r, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_retry(NULL, do_work, &w, &r, ccp_within(0)), CCP_TIMEOUT); /* V3 */
    assert_int_equal(w.runs, 0);
    assert_int_equal(r.attempts, 77); /* G1 */
    assert_int_equal(ccp_retry_attempt(NULL), 0);
}

TEST(with_defaults_it_tries_until_it_succeeds) /* V1 V2 */
{
    start_clock();
    work w = { .good = 12 };
    ccp_retry_report r = reported(NULL, &w, CCP_FOREVER, CCP_OK);
    assert_int_equal(r.attempts, 12);
    assert_int_equal(r.end, CCP_RETRY_SUCCEEDED);
    ASSERT_STATUS(r.last, CCP_OK);
}

TEST(between_attempts_the_time_of_the_backoff_passes) /* V2 */
{
    start_clock();
    work w = { 0 };
    const ccp_retry_opts o = { .attempts = 4, .backoff = ccp_backoff_exponential(10, 1000) };
    ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_FAILED);
    const int64_t expected[] = { 0, 10, 30, 70 };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(w.begun[i], expected[i]);
    assert_int_equal(r.end, CCP_RETRY_NO_ATTEMPT);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 70); /* no wait after the last one */
    assert_int_equal(still_sleeps(), 3);
    w = (work){ 0 };
    (void)reported(&o, &w, CCP_FOREVER, CCP_FAILED); /* begins anew: *o is not changed */
    assert_int_equal(w.begun[1] - w.begun[0], 10);
}

TEST(no_attempt_begins_after_the_time_that_may_elapse)
{
    start_clock();
    work w = { .takes = 5 };
    const ccp_retry_opts o = { .elapsed_ns = 45, .backoff = ccp_backoff_constant(10) };
    ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_FAILED);
    assert_int_equal(r.attempts, 4); /* at 0, 15, 30 and 45 */
    assert_int_equal(w.begun[3], 45);
    assert_int_equal(r.end, CCP_RETRY_NO_TIME);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 50);
}

TEST(it_does_not_wait_for_an_attempt_that_cannot_begin) /* V3 */
{
    start_clock();
    work w = { .rc = CCP_BUSY };
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(10) };
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(40));
    ccp_retry_report r = reported(&o, &w, ccp_within(25), CCP_TIMEOUT);
    assert_int_equal(r.attempts, 3);
    ASSERT_STATUS(r.last, CCP_BUSY);
    assert_int_equal(r.end, CCP_RETRY_WAIT_ENDED);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 20); /* and not 25 */
    w.runs = 0;
    r = reported(&o, &w, ccp_with(ctx), CCP_TIMEOUT);
    assert_int_equal(r.attempts, 2); /* at 20 and 30; one at 40 would be too late */
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 30);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void cancel_it(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

TEST(canceled_between_two_attempts_it_returns_at_once)
{
    start_clock();
    work w = { 0 };
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(CCP_SEC(10)) };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    still_at(CCP_SEC(BEGIN + 13), cancel_it, ctx);
    ccp_retry_report r = reported(&o, &w, ccp_under(ctx, ccp_within(CCP_SEC(100))), CCP_CANCELED);
    assert_int_equal(r.attempts, 2);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN + 13));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(an_attempt_has_its_own_limit_and_not_more_than_all_together) /* V4 */
{
    start_clock();
    work w = { .takes = 100 };
    const ccp_retry_opts o = { .attempt_ns = 30, .backoff = ccp_backoff_constant(5) };
    ccp_retry_report r = reported(&o, &w, ccp_within(90), CCP_TIMEOUT);
    assert_int_equal(r.attempts, 3); /* at 0, 35, and from 70 to 90 */
    assert_int_equal(w.limit[0], CCP_SEC(BEGIN) + 30);
    assert_int_equal(w.limit[1], CCP_SEC(BEGIN) + 65);
    assert_int_equal(w.limit[2], CCP_SEC(BEGIN) + 90);
    ASSERT_STATUS(r.last, CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 90);
    w = (work){ .good = 1 };
    (void)reported(&o, &w, CCP_FOREVER, CCP_OK);
    assert_int_equal(w.limit[0], CCP_SEC(BEGIN) + 120);
}

/* What the classifier says after each attempt. */
typedef struct script {
    ccp_retry_verdict verdict[4];
    int64_t after[4];
    ccp_status seen[4];
} script;

static ccp_retry_verdict follow(ccp_status outcome, unsigned attempt, int64_t *after, void *arg)
{
    script *s = arg;
    assert_int_equal(*after, 0);
    *after = s->after[attempt - 1];
    s->seen[attempt - 1] = outcome;
    return s->verdict[attempt - 1];
}

TEST(the_classifier_decides) /* V2 */
{
    start_clock();
    work w = { .good = 2 };
    script s = { { CCP_RETRY_AFTER, CCP_RETRY_AGAIN, CCP_RETRY_AFTER, CCP_RETRY_DONE },
                 { 500, 999, -7, 0 },
                 { 0 } };
    const ccp_retry_opts o = { .classify = follow,
                               .classify_arg = &s,
                               .backoff = ccp_backoff_exponential(10, 1000) };
    ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_OK);
    const int64_t expected[] = { 0, 500, 510, 510 };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(w.begun[i], expected[i]);
    ASSERT_STATUS(s.seen[1], CCP_OK); /* and yet again */
    ASSERT_STATUS(r.last, CCP_FAILED);
    assert_int_equal(r.end, CCP_RETRY_SUCCEEDED); /* it says so */
    w = (work){ 0 };
    s.verdict[1] = CCP_RETRY_STOP;
    r = reported(&o, &w, CCP_FOREVER, CCP_FAILED);
    assert_int_equal(r.attempts, 2);
    assert_int_equal(r.end, CCP_RETRY_STOPPED);
    s.verdict[0] = (ccp_retry_verdict)99; /* no verdict: stop */
    w = (work){ 0 };
    r = reported(&o, &w, CCP_FOREVER, CCP_FAILED);
    assert_int_equal(r.attempts, 1);
}

TEST(a_retry_inside_a_retry_counts_its_own_attempts)
{
    start_clock();
    work w = { .good = 3, .inner = 2 };
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(1) };
    (void)reported(&o, &w, CCP_FOREVER, CCP_OK);
}

static ccp_ctx *kept;

static ccp_status keep_child(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    kept = ccp_ctx_new(ctx, CCP_FOREVER);
    return ccp_retry_attempt(ctx) == 3 ? CCP_OK : CCP_FAILED;
}

TEST(a_context_that_is_kept_says_the_number_for_ever)
{
    start_clock();
    const ccp_retry_opts o = { .attempts = 3, .backoff = ccp_backoff_constant(0) };
    ccp_ctx *all[3];
    for (unsigned n = 1; n <= 3; n++) {
        ccp_retry_opts only = o;
        only.attempts = 1;
        ASSERT_STATUS(ccp_retry(&only, keep_child, NULL, NULL, ccp_within(5)), CCP_FAILED);
        all[n - 1] = kept;
        assert_int_equal(ccp_retry_attempt(kept), 1);
    }
    for (unsigned n = 0; n < 3; n++)
        ASSERT_STATUS(ccp_ctx_free(all[n]), CCP_OK);
}

/* ---- Memory ---- */

TEST(without_memory_it_says_so_and_what_happened_before) /* G4 */
{
    start_clock();
    const ccp_retry_opts o = { .attempts = 3, .attempt_ns = 5, .backoff = ccp_backoff_constant(1) };
    memory_watch();
    for (size_t n = 1; n <= 7; n++) { /* one, then two for each attempt */
        work w = { 0 };
        ccp_retry_report r = { 77, CCP_BUSY, CCP_RETRY_SUCCEEDED };
        memory_fail_at(n);
        ASSERT_STATUS(ccp_retry(&o, do_work, &w, &r, ccp_within(1000)), CCP_NOMEM);
        assert_int_equal(w.runs, n < 2 ? 0 : n / 2 - 1);
        if (w.runs) {
            assert_int_equal(r.attempts, w.runs);
            assert_int_equal(r.end, CCP_RETRY_NO_MEMORY);
            ASSERT_STATUS(r.last, CCP_FAILED);
        } else
            assert_int_equal(r.attempts, 77); /* G1 */
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    memory_unwatch();
}

/* ---- Budgets ---- */

TEST(a_budget_allows_its_reserve_and_then_a_share) /* V6 */
{
    ccp_retry_budget b = CCP_RETRY_BUDGET_INIT(20, 3);
    ASSERT_STATUS(ccp_retry_budget_earn(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_retry_budget_spend(NULL), CCP_INVAL);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_OK);
    ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_AGAIN);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 5; i++) {
            ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_AGAIN);
            ASSERT_STATUS(ccp_retry_budget_earn(&b), CCP_OK);
        }
        ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_OK);
    }
    for (int i = 0; i < 100; i++) /* more than the reserve is not kept */
        ASSERT_STATUS(ccp_retry_budget_earn(&b), CCP_OK);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_OK);
    ASSERT_STATUS(ccp_retry_budget_spend(&b), CCP_AGAIN);
}

TEST(a_budget_that_is_all_zero_allows_ten_and_a_tenth) /* V6 */
{
    start_clock();
    ccp_retry_budget budget = { 0 };
    const ccp_retry_opts o = { .attempts = 3,
                               .backoff = ccp_backoff_constant(1),
                               .budget = &budget };
    unsigned retries = 0, stopped = 0;
    for (int call = 0; call < 1000; call++) {
        work w = { 0 };
        ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_FAILED);
        retries += w.runs - 1;
        stopped += r.end == CCP_RETRY_NO_BUDGET;
    }
    assert_true(retries <= 10 + 100 && retries >= 10 + 98);
    assert_true(stopped > 900);
}

TEST(all_who_succeed_at_once_spend_nothing)
{
    start_clock();
    ccp_retry_budget budget = { 0 };
    const ccp_retry_opts o = { .budget = &budget };
    for (int call = 0; call < 100; call++) {
        work w = { .good = 1 };
        (void)reported(&o, &w, CCP_FOREVER, CCP_OK);
    }
    assert_int_equal(budget.state_, 0);
}

/* ---- With a breaker ---- */

TEST(a_breaker_that_opens_stops_the_retries) /* V7 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 3, .open_ns = 1000 });
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(1), .breaker = b };
    work w = { 0 };
    ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_OPEN);
    assert_int_equal(w.runs, 3);
    assert_int_equal(r.attempts, 4);
    ASSERT_STATUS(r.last, CCP_OPEN);
    assert_int_equal(r.end, CCP_RETRY_STOPPED);
    ASSERT_STATE(b, CCP_BREAKER_OPEN);
    w = (work){ .rc = CCP_OPEN }; /* of some other breaker, inside */
    const ccp_retry_opts alone = { .backoff = ccp_backoff_constant(1) };
    r = reported(&alone, &w, CCP_FOREVER, CCP_FAILED);
    ASSERT_STATUS(r.last, CCP_OPEN);
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

static ccp_retry_verdict again(ccp_status outcome, unsigned attempt, int64_t *after, void *arg)
{
    (void)attempt;
    (void)after;
    (void)arg;
    return outcome == CCP_OK ? CCP_RETRY_DONE : CCP_RETRY_AGAIN;
}

static ccp_status work_from_the_third_on(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return ++*(int *)arg >= 3 ? CCP_OK : CCP_FAILED;
}

TEST(a_retry_may_wait_until_the_breaker_lets_it_through) /* V7 */
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 2, .open_ns = 95 });
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(10),
                               .breaker = b,
                               .classify = again };
    int runs = 0;
    ccp_retry_report r;
    ASSERT_STATUS(ccp_retry(&o, work_from_the_third_on, &runs, &r, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 3);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + 110); /* open from 10 to 105 */
    assert_int_equal(r.attempts, 12);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, true), CCP_OK);
    ASSERT_STATUS(ccp_retry(&o, work_from_the_third_on, &runs, &r, ccp_within(35)), CCP_TIMEOUT);
    ccp_retry_opts four = o;
    four.attempts = 4;
    ASSERT_STATUS(ccp_retry(&four, work_from_the_third_on, &runs, &r, CCP_FOREVER), CCP_OPEN);
    assert_int_equal(runs, 3);
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

/* ---- With a limiter ---- */

TEST(each_attempt_takes_a_token_under_the_same_wait) /* V3 */
{
    start_clock();
    ccp_rate rate = CCP_RATE_INIT(10, 2); /* two, then one each 100 ms */
    const ccp_retry_opts o = { .backoff = ccp_backoff_constant(CCP_MS(10)), .rate = &rate };
    work w = { .good = 4 };
    (void)reported(&o, &w, CCP_FOREVER, CCP_OK);
    assert_int_equal(w.begun[0], 0);
    assert_int_equal(w.begun[1], CCP_MS(10));
    assert_int_equal(w.begun[2], CCP_MS(100));
    assert_int_equal(w.begun[3], CCP_MS(200));
    w = (work){ 0 };
    ccp_retry_report r = reported(&o, &w, ccp_within(CCP_MS(250)), CCP_TIMEOUT);
    assert_int_equal(r.attempts, 2); /* at 300 and 400; at 500 it would be too late */
    assert_int_equal(r.end, CCP_RETRY_WAIT_ENDED);
    ASSERT_STATUS(r.last, CCP_FAILED);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN) + CCP_MS(410));
}

TEST(a_limiter_that_will_never_give_a_token_ends_it)
{
    start_clock();
    ccp_rate none = CCP_RATE_INIT(0, 1), small = CCP_RATE_INIT(1, 0), far = CCP_RATE_INIT(1e-9, 1);
    ccp_retry_opts o = { .backoff = ccp_backoff_constant(1), .rate = &none };
    work w = { 0 };
    ccp_retry_report r = reported(&o, &w, CCP_FOREVER, CCP_DEADLOCK);
    assert_int_equal(r.attempts, 1);
    assert_int_equal(r.end, CCP_RETRY_NO_TOKEN);
    o.rate = &small;
    ASSERT_STATUS(ccp_retry(&o, do_work, &w, NULL, CCP_FOREVER), CCP_INVAL);
    assert_int_equal(w.runs, 1);
    w = (work){ 0 };
    o.rate = &far;
    r = reported(&o, &w, CCP_FOREVER, CCP_BUSY); /* one in thirty years, as long as time lasts */
    assert_int_equal(r.end, CCP_RETRY_NO_TOKEN);
}

/* ---- From inside ---- */

static ccp_status inner_ok(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_retry_verdict call_inside(ccp_status outcome, unsigned attempt, int64_t *after,
                                     void *arg)
{
    (void)outcome;
    (void)after;
    ccp_retry_opts *o = arg;
    ccp_retry_opts plain = *o;
    plain.classify = NULL;
    ASSERT_STATUS(ccp_retry(&plain, inner_ok, NULL, NULL, CCP_FOREVER), CCP_OK);
    (void)ccp_retry_budget_earn(o->budget);
    (void)!ccp_retry_budget_spend(o->budget);
    (void)breaker_info(o->breaker);
    return attempt < 3 ? CCP_RETRY_AGAIN : CCP_RETRY_DONE;
}

TEST(a_tally_has_each_call_once) /* V8 */
{
    start_clock();
    ccp_retry_tally tally = { 0 };
    ccp_retry_figures f;
    ASSERT_STATUS(ccp_retry_tally_get(NULL, &f), CCP_INVAL);
    ASSERT_STATUS(ccp_retry_tally_get(&tally, NULL), CCP_INVAL);
    const ccp_retry_opts o = { .attempts = 3,
                               .tally = &tally,
                               .backoff = ccp_backoff_constant(CCP_MS(7)) };
    work never = { 0 }, third = { .good = 3 }, first = { .good = 1 };
    work hopeless = { .rc = CCP_INVAL };
    (void)reported(&o, &never, CCP_FOREVER, CCP_FAILED);
    (void)reported(&o, &third, CCP_FOREVER, CCP_OK);
    (void)reported(&o, &first, CCP_FOREVER, CCP_OK);
    (void)reported(&o, &hopeless, CCP_FOREVER, CCP_FAILED);
    ASSERT_STATUS(ccp_retry(&o, do_work, &never, NULL, CCP_NOWAIT), CCP_AGAIN); /* no attempt */
    ASSERT_STATUS(ccp_retry_tally_get(&tally, &f), CCP_OK);
    assert_int_equal(f.calls, 4);
    assert_int_equal(f.attempts, 3 + 3 + 1 + 1);
    assert_int_equal(f.waited_ns, 4 * CCP_MS(7));
    assert_int_equal(f.ended[CCP_RETRY_SUCCEEDED], 2);
    assert_int_equal(f.ended[CCP_RETRY_NO_ATTEMPT], 1);
    assert_int_equal(f.ended[CCP_RETRY_STOPPED], 1);
}

TEST(from_the_classifier_all_calls_can_be_made) /* G3 */
{
    start_clock();
    ccp_retry_budget budget = { 0 };
    ccp_retry_opts o = { .classify = call_inside,
                         .classify_arg = &o,
                         .budget = &budget,
                         .breaker = breaker_with(NULL),
                         .backoff = ccp_backoff_constant(1) };
    ASSERT_STATUS(ccp_retry(&o, inner_ok, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_breaker_free(o.breaker), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_right_are_refused),
        ENTRY(with_defaults_it_tries_until_it_succeeds),
        ENTRY(between_attempts_the_time_of_the_backoff_passes),
        ENTRY(no_attempt_begins_after_the_time_that_may_elapse),
        ENTRY(it_does_not_wait_for_an_attempt_that_cannot_begin),
        ENTRY(canceled_between_two_attempts_it_returns_at_once),
        ENTRY(an_attempt_has_its_own_limit_and_not_more_than_all_together),
        ENTRY(the_classifier_decides),
        ENTRY(a_retry_inside_a_retry_counts_its_own_attempts),
        ENTRY(a_context_that_is_kept_says_the_number_for_ever),
        ENTRY(without_memory_it_says_so_and_what_happened_before),
        ENTRY(a_budget_allows_its_reserve_and_then_a_share),
        ENTRY(a_budget_that_is_all_zero_allows_ten_and_a_tenth),
        ENTRY(all_who_succeed_at_once_spend_nothing),
        ENTRY(a_breaker_that_opens_stops_the_retries),
        ENTRY(a_retry_may_wait_until_the_breaker_lets_it_through),
        ENTRY(each_attempt_takes_a_token_under_the_same_wait),
        ENTRY(a_limiter_that_will_never_give_a_token_ends_it),
        ENTRY(a_tally_has_each_call_once),
        ENTRY(from_the_classifier_all_calls_can_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
