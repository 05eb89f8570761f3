/* SPDX-License-Identifier: MIT
 *
 * Retries: attempts of a function, and the waits between them; and budgets.
 *
 * Representation  state_ of a budget is what is spent of its reserve, in hundredths of a retry: so
 *                 a budget that is all zero is full.
 *
 * Invariants
 *   R1  state_ <= 100 * reserve.
 *   R2  The number of an attempt is the value of its context itself, no pointer: a context below it
 *       that is kept says the same for ever.
 */
/* uses: attempt */
#include "coord/retry.h"

#include "block/wait.h"
#include "coord/attempt.h"

static const char attempt_key = 0;

/* ---- Budgets ---- */

#define RETRY 100

static uint64_t percent_of(const ccp_retry_budget *b)
{
    return b->percent ? b->percent : 10;
}

static uint64_t most_spent(const ccp_retry_budget *b)
{
    return RETRY * (uint64_t)(b->reserve ? b->reserve : 10);
}

ccp_status ccp_retry_budget_earn(ccp_retry_budget *b)
{
    if (!b)
        return CCP_INVAL;
    ccpi_word64 *state = ccpi_atomic64(&b->state_);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX), percent = percent_of(b);
    while (s > 0)
        /* Relaxed, as below: a number that publishes nothing.  LP. */
        if (atomic_compare_exchange_weak_explicit(state, &s, s > percent ? s - percent : 0,
                                                  CCPI_RLX, CCPI_RLX))
            break;
    return CCP_OK;
}

ccp_status ccp_retry_budget_spend(ccp_retry_budget *b)
{
    if (!b)
        return CCP_INVAL;
    ccpi_word64 *state = ccpi_atomic64(&b->state_);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    do
        if (s + RETRY > most_spent(b)) /* R1 */
            return CCP_AGAIN;
    while (!atomic_compare_exchange_weak_explicit(state, &s, s + RETRY, CCPI_RLX, CCPI_RLX));
    return CCP_OK;
}

/* ---- Tallies ---- */

static void count(uint64_t *n, uint64_t more)
{
    /* Relaxed: numbers that publish nothing. */
    atomic_fetch_add_explicit(ccpi_atomic64(n), more, CCPI_RLX);
}

static uint64_t counted(const uint64_t *n)
{
    return atomic_load_explicit(ccpi_atomic64((uint64_t *)(uintptr_t)n), CCPI_RLX);
}

static void count_call(ccp_retry_tally *t, const ccp_retry_report *r, int64_t waited)
{
    count(&t->attempts_, r->attempts);
    count(&t->waited_, (uint64_t)waited);
    count(&t->ended_[r->end], 1);
}

ccp_status ccp_retry_tally_get(const ccp_retry_tally *t, ccp_retry_figures *out)
{
    if (!t || !out)
        return CCP_INVAL;
    *out = (ccp_retry_figures){ .attempts = counted(&t->attempts_),
                                .waited_ns = (int64_t)counted(&t->waited_) };
    for (int i = 0; i < CCP_RETRY_ENDS; i++) {
        out->ended[i] = counted(&t->ended_[i]);
        out->calls += out->ended[i];
    }
    return CCP_OK;
}

/* ---- One call ---- */

typedef struct retry {
    const ccp_retry_opts *o;
    ccp_task fn;
    void *arg;
    ccp_ctx *ctx;  /* ends with the wait; NULL: never */
    int64_t begun; /* with elapsed_ns */
    int64_t waited; /* so far, between attempts */
    ccp_backoff backoff;
    bool refused; /* the last attempt, by the breaker */
    ccp_retry_report report;
} retry;

static ccp_status run(retry *r, ccp_ctx *ctx)
{
    ccp_breaker_ticket ticket;
    ccp_breaker *b = r->o->breaker;
    r->refused = b && ccp_breaker_allow(b, &ticket) != CCP_OK;
    if (r->refused)
        return CCP_OPEN;
    ccp_status st = r->fn(ctx, r->arg);
    if (b)
        (void)ccp_breaker_done(b, ticket, st);
    return st;
}

static bool make_attempt(retry *r)
{
    unsigned number = r->report.attempts + 1;
    ccp_ctx *limit = NULL, *ctx = NULL;
    if (r->o->attempt_ns)
        limit = ccp_ctx_new(r->ctx, ccp_within(r->o->attempt_ns));
    if (limit || !r->o->attempt_ns)
        ctx = ccp_ctx_new_value(limit ? limit : r->ctx, &attempt_key, (void *)(uintptr_t)number);
    if (ctx) {
        r->report.last = run(r, ctx);
        r->report.attempts = number;
    }
    ccpi_attempt_end(ctx);
    ccpi_attempt_end(limit);
    return ctx != NULL;
}

static ccp_retry_verdict classify_by_default(ccp_status outcome)
{
    switch (outcome) {
    case CCP_OK:
        return CCP_RETRY_DONE;
    case CCP_CANCELED:
    case CCP_CLOSED:
    case CCP_OPEN:
    case CCP_INVAL:
    case CCP_MISUSE:
    case CCP_DEADLOCK:
    case CCP_FORKED:
        return CCP_RETRY_STOP;
    default:
        return CCP_RETRY_AGAIN;
    }
}

/* What to do after the last attempt; *wait is how long to wait before the next one. */
static ccp_retry_verdict classify(retry *r, int64_t *wait)
{
    const ccp_retry_opts *o = r->o;
    ccp_status outcome = r->report.last;
    int64_t after = 0;
    ccp_retry_verdict v = o->classify
                              ? o->classify(outcome, r->report.attempts, &after, o->classify_arg)
                              : classify_by_default(outcome);
    *wait = after > 0 ? after : 0;
    if (v == CCP_RETRY_AGAIN)
        *wait = ccp_backoff_next(&r->backoff);
    return v;
}

static ccp_status end(retry *r, ccp_retry_end why, ccp_status st)
{
    r->report.end = why;
    return st;
}

static ccp_status gives_up(retry *r, ccp_retry_end why)
{
    return end(r, why, r->refused ? CCP_OPEN : CCP_FAILED);
}

/* Waits for the next attempt; any status but CCP_OK: there will be none. */
static ccp_status pass_time(retry *r, int64_t wait)
{
    const ccp_retry_opts *o = r->o;
    if (o->attempts && r->report.attempts >= o->attempts)
        return gives_up(r, CCP_RETRY_NO_ATTEMPT);
    int64_t now = ccp_now();
    if (o->elapsed_ns && wait > o->elapsed_ns - (now - r->begun))
        return gives_up(r, CCP_RETRY_NO_TIME);
    if (wait >= ccp_ctx_deadline(r->ctx) - now) /* V3 */
        return end(r, CCP_RETRY_WAIT_ENDED, CCP_TIMEOUT);
    if (o->budget && ccp_retry_budget_spend(o->budget) != CCP_OK)
        return gives_up(r, CCP_RETRY_NO_BUDGET);
    r->waited += wait;
    ccp_status st = wait ? ccp_sleep(ccp_under(r->ctx, ccp_within(wait))) : CCP_OK;
    return st == CCP_OK ? CCP_OK : end(r, CCP_RETRY_WAIT_ENDED, st);
}

static ccp_status take_token(retry *r)
{
    if (!r->o->rate)
        return CCP_OK;
    ccp_status st = ccp_rate_take(r->o->rate, 1, ccp_with(r->ctx));
    bool ended = st == CCP_TIMEOUT || st == CCP_CANCELED;
    return end(r, ended ? CCP_RETRY_WAIT_ENDED : CCP_RETRY_NO_TOKEN, st);
}

static ccp_status make_attempts(retry *r)
{
    for (;;) {
        int64_t wait;
        ccp_status st = take_token(r);
        if (st != CCP_OK)
            return st;
        if (!make_attempt(r))
            return end(r, CCP_RETRY_NO_MEMORY, CCP_NOMEM);
        ccp_retry_verdict v = classify(r, &wait);
        if (v == CCP_RETRY_DONE)
            return end(r, CCP_RETRY_SUCCEEDED, CCP_OK);
        st = ccp_ctx_status(r->ctx);
        if (st != CCP_OK)
            return end(r, CCP_RETRY_WAIT_ENDED, st);
        if (v != CCP_RETRY_AGAIN && v != CCP_RETRY_AFTER)
            return gives_up(r, CCP_RETRY_STOPPED);
        st = pass_time(r, wait);
        if (st != CCP_OK)
            return st;
    }
}

static bool is_right(const ccp_retry_opts *o)
{
    return o->elapsed_ns >= 0 && o->attempt_ns >= 0 && ccpi_backoff_is_right(&o->backoff);
}

ccp_status ccp_retry(const ccp_retry_opts *o, ccp_task fn, void *arg, ccp_retry_report *report,
                     ccp_wait w)
{
    static const ccp_retry_opts defaults;
    if (!o)
        o = &defaults;
    if (!fn || !is_right(o))
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    retry r = { .o = o, .fn = fn, .arg = arg, .ctx = w.ctx_, .backoff = o->backoff };
    ccp_ctx *own = NULL;
    if (w.ns_ != INT64_MAX) {
        r.ctx = own = ccp_ctx_new(w.ctx_, ccp_under(NULL, w));
        st = own ? ccp_ctx_status(own) : CCP_NOMEM;
        if (st != CCP_OK) {
            ccpi_attempt_end(own);
            return st;
        }
    }
    if (o->budget)
        (void)ccp_retry_budget_earn(o->budget);
    r.begun = o->elapsed_ns ? ccp_now() : 0;
    st = make_attempts(&r);
    ccpi_attempt_end(own);
    if (report && r.report.attempts > 0)
        *report = r.report;
    if (o->tally && r.report.attempts > 0)
        count_call(o->tally, &r.report, r.waited); /* V8 */
    return st;
}

unsigned ccp_retry_attempt(const ccp_ctx *ctx)
{
    return (unsigned)(uintptr_t)ccp_ctx_value(ctx, &attempt_key);
}
