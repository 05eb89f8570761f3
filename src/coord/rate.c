/* SPDX-License-Identifier: MIT
 *
 * Rate limiters.
 *
 * Model           A token bucket (bucket.h) whose `used` is in one word, state_, together with the
 *                 low bits of the number of the plan by which it counts.  There are two plans, by
 *                 odd and even numbers: the present one, and room for the next.
 * Invariants
 *   R1  state_ is used << EPOCH_BITS | number % 2^EPOCH_BITS of the present plan.
 *   R2  A plan is written before state_ leads to it, under lock_, into the place of the one before
 *       the present.  So whoever finds state_ with the same number before and after it has read
 *       the plan has read one whole plan, or its number comes round meanwhile: 1023 changes of the
 *       rate while a thread is between two loads.
 *   R3  Whoever changes state_ does so by compare-and-swap from a value that it has read before the
 *       plan: it has counted by the present plan.
 *   R4  last_ is the furthest that `used` was when somebody reserved what was not there yet, by the
 *       present plan, or further.  Who gives back needs it: where others have reserved meanwhile,
 *       tokens that came back would be there for them and for others at the same time.  It sinks,
 *       to what it was before, when the last reservation is given back.
 *   R5  Who reserves what is not there yet, and who gives back, has the lock: `used` falls under it
 *       only, and last_ is right there.
 *   R6  All zero, but for what CCP_RATE_INIT sets, is a limiter whose first plan has not been made;
 *       its plan has number 0.
 * Locks           lock_ protects last_ and the writing of plans; nothing is locked under it.
 */
/* uses: bucket */
#include "coord/bucket.h"

#include "base/check.h"
#include "base/lock.h"
#include "block/wait.h"

#define EPOCH_BITS 10
#define EPOCHS ((uint64_t)1 << EPOCH_BITS)
#define NOW INT64_MIN /* as a time: read the clock; as the latest: at once or not at all */

_Static_assert(sizeof(ccpi_plan) == CCP_RATE_WORDS_ * sizeof(uint64_t), "what a plan takes");
_Static_assert(sizeof(ccpi_lock) == sizeof(uint32_t), "a lock must fit into lock_");

/* What a thread has read, R2. */
typedef struct view {
    uint64_t state;
    ccpi_plan plan;
} view;

static ccpi_word64 *state_of(const ccp_rate *r)
{
    return ccpi_atomic64((uint64_t *)(uintptr_t)&r->state_);
}

static ccpi_lock *lock_of(ccp_rate *r)
{
    return (ccpi_lock *)(void *)&r->lock_;
}

CCPI_INLINE int64_t used_of(uint64_t state)
{
    return (int64_t)state >> EPOCH_BITS;
}

CCPI_INLINE uint64_t state_with(uint64_t number, int64_t used)
{
    return (uint64_t)used << EPOCH_BITS | number % EPOCHS;
}

CCPI_INLINE void look(const ccp_rate *r, view *v)
{
    /* [R1] acquire: the plan.  Pairs with the release in install(), whose value the changes of
     * others carry on. */
    v->state = atomic_load_explicit(state_of(r), CCPI_ACQ);
    uint64_t words[CCP_RATE_WORDS_];
    for (int i = 0; i < CCP_RATE_WORDS_; i++)
        /* [R2] acquire: who sees a word of a later plan sees a later state_ afterwards.  Pairs with
         * the release in write_plan(). */
        words[i] = atomic_load_explicit(
            ccpi_atomic64((uint64_t *)(uintptr_t)&r->plan_[v->state & 1][i]), CCPI_ACQ);
    memcpy(&v->plan, words, sizeof words);
}

/* R2: was that one whole plan? */
CCPI_INLINE bool is_whole(const ccp_rate *r, const view *v)
{
    /* Relaxed: the acquires in look() order it. */
    return (atomic_load_explicit(state_of(r), CCPI_RLX) - v->state) % EPOCHS == 0;
}

/* R3: takes what is there, or gives back. */
CCPI_INLINE bool change(ccp_rate *r, view *v, int64_t used)
{
    /* Relaxed: permits carry no data, and what the release in install() has published goes on with
     * a read-modify-write of any order. */
    return atomic_compare_exchange_strong_explicit(
        state_of(r), &v->state, v->state % EPOCHS | (uint64_t)used << EPOCH_BITS, CCPI_RLX,
        CCPI_RLX);
}

/* Under the lock, R2. */
static void write_plan(ccp_rate *r, const ccpi_plan *p)
{
    uint64_t words[CCP_RATE_WORDS_];
    memcpy(words, p, sizeof words);
    for (int i = 0; i < CCP_RATE_WORDS_; i++)
        /* [R2] release: pairs with the acquire in look(). */
        atomic_store_explicit(ccpi_atomic64(&r->plan_[p->number & 1][i]), words[i], CCPI_REL);
}

/* Under the lock: makes next the present plan, from t on, with the tokens that there are when it
 * becomes that. */
static void install(ccp_rate *r, view *v, ccpi_plan *next, int64_t t)
{
    int64_t used, ahead;
    do {
        ahead = r->last_ - used_of(v->state);
        used = ccpi_plan_follow(next, &v->plan, used_of(v->state), t);
        write_plan(r, next);
        /* [R1] release: the plan.  Pairs with the acquires in look() and take_now(). */
    } while (!atomic_compare_exchange_weak_explicit(
        state_of(r), &v->state, state_with(next->number, used), CCPI_REL, CCPI_RLX));
    r->last_ = used + (ahead > 0 ? ccpi_plan_convert_up(next, &v->plan, ahead) : 0);
}

static int64_t read_clock(int64_t t)
{
    return t == NOW ? ccpi_clock_now() : t;
}

/* Under the lock: makes the first plan, or begins the present one anew where it does not reach;
 * false if CCP_RATE_INIT was given what cannot be. */
static bool renew_locked(ccp_rate *r, int64_t t)
{
    view v;
    look(r, &v);
    ccpi_plan next = v.plan;
    if (v.plan.number == 0 && !ccpi_plan_make(&next, r->per_second_, r->burst_))
        return false;
    if (v.plan.number == 0 || (t > v.plan.base && !ccpi_plan_reaches(&v.plan, t)))
        install(r, &v, &next, t);
    return true;
}

static CCPI_COLD bool renew(ccp_rate *r, int64_t t)
{
    t = read_clock(t);
    ccpi_lock_acquire(lock_of(r));
    bool ok = renew_locked(r, t);
    ccpi_lock_release(lock_of(r));
    return ok;
}

/* ---- Taking ---- */

typedef struct ask {
    uint64_t n;
    int64_t t;      /* or NOW */
    int64_t latest; /* when it must be able to act; NOW: at once */
    int64_t now;    /* out: what t was */
    int64_t at;     /* out: when it may act */
    int64_t used;   /* out: what was used with it */
    int64_t last;   /* out: last_ before it */
    bool locked;    /* the caller has the lock */
} ask;

enum { AGAIN = -1, RENEW = -2, LOCK = -3 }; /* beside the statuses: what to do and try again */

/* n tokens that are not there yet: until when? */
static int take_later(ccp_rate *r, view *v, ask *a, int64_t used)
{
    if (a->latest == NOW)
        return is_whole(r, v) ? (int)CCP_AGAIN : AGAIN;
    int64_t at = used < CCPI_BUCKET_TOP ? ccpi_plan_when(&v->plan, used) : INT64_MAX;
    if (at == INT64_MAX)
        return !is_whole(r, v) ? AGAIN : (int)(v->plan.factor ? CCP_BUSY : CCP_DEADLOCK);
    if (at > a->latest)
        return is_whole(r, v) ? (int)CCP_TIMEOUT : AGAIN;
    if (!a->locked)
        return LOCK; /* R5 */
    if (!change(r, v, used))
        return AGAIN;
    a->at = at > a->now ? at : a->now;
    a->used = used;
    a->last = r->last_;
    if (used > r->last_)
        r->last_ = used;
    return (int)CCP_OK;
}

/* No plan yet, more than the burst, or an infinite rate. */
static CCPI_COLD int take_odd(ccp_rate *r, const view *v, ask *a)
{
    if (v->plan.number == 0)
        return RENEW;
    if (!is_whole(r, v))
        return AGAIN;
    if (!ccpi_plan_is_infinite(&v->plan))
        return (int)CCP_INVAL;
    a->n = 0;
    a->used = a->last = used_of(v->state);
    if (a->latest != NOW)
        a->at = a->now = read_clock(a->t);
    return (int)CCP_OK;
}

static int take_once(ccp_rate *r, view *v, ask *a)
{
    look(r, v);
    if (CCPI_UNLIKELY(a->n > v->plan.burst || ccpi_plan_is_infinite(&v->plan)))
        return take_odd(r, v, a);
    a->at = a->now = read_clock(a->t);
    int64_t produced;
    if (CCPI_LIKELY(ccpi_plan_reaches(&v->plan, a->now)))
        produced = ccpi_plan_produced(&v->plan, a->now);
    else if (v->plan.number == 0 || a->now > v->plan.base)
        return RENEW;
    else
        produced = ccpi_plan_produced_ever(&v->plan, a->now);
    int64_t used = ccpi_plan_use(used_of(v->state), produced,
                                 ccpi_plan_units(&v->plan, v->plan.burst),
                                 ccpi_plan_units(&v->plan, a->n));
    if (CCPI_UNLIKELY(used > produced))
        return take_later(r, v, a, used);
    a->used = a->last = used;
    return CCPI_LIKELY(change(r, v, used)) ? (int)CCP_OK : AGAIN;
}

static ccp_status take_locked(ccp_rate *r, view *v, ask *a)
{
    int rc;
    a->locked = true;
    ccpi_lock_acquire(lock_of(r));
    while ((rc = take_once(r, v, a)) < 0)
        if (rc == RENEW)
            (void)renew_locked(r, a->now);
    ccpi_lock_release(lock_of(r));
    return (ccp_status)rc;
}

static ccp_status take(ccp_rate *r, view *v, ask *a)
{
    int rc;
    while ((rc = take_once(r, v, a)) < 0) {
        if (rc == LOCK)
            return take_locked(r, v, a);
        if (rc == RENEW && !renew(r, a->t))
            return CCP_INVAL;
    }
    return (ccp_status)rc;
}

/* ---- Giving back ---- */

/* What goes back: not so much as was reserved afterwards, R4. */
static int64_t returned(const view *v, const ccp_reservation *res, int64_t last)
{
    const ccpi_plan *p = &v->plan;
    int64_t units = ccpi_plan_units(p, res->taken_);
    if (p->number == res->plan_)
        return last > res->used_ ? units - (last - res->used_) : units;
    double after = ccpi_plan_mark(p, last) - res->mark_;
    double back = (double)res->taken_ - (after > 0 ? after : 0);
    return back > 0 ? (int64_t)(back * (double)((uint64_t)1 << ccpi_plan_k(p))) : 0;
}

static void give_back(ccp_rate *r, const ccp_reservation *res)
{
    view v;
    int64_t back;
    ccpi_lock_acquire(lock_of(r)); /* R5 */
    do {
        look(r, &v);
        back = ccpi_plan_is_infinite(&v.plan) ? 0 : returned(&v, res, r->last_);
    } while (back > 0 && !change(r, &v, used_of(v.state) - back));
    if (v.plan.number == res->plan_ && r->last_ == res->used_)
        r->last_ = res->last_;
    ccpi_lock_release(lock_of(r));
}

static void keep(ccp_reservation *res, ccp_rate *r, const view *v, const ask *a)
{
    *res = (ccp_reservation){ .at = a->at,
                              .rate_ = r,
                              .taken_ = a->n,
                              .plan_ = v->plan.number,
                              .used_ = a->used,
                              .last_ = a->last,
                              .mark_ = ccpi_plan_mark(&v->plan, a->used) };
}

/* ---- The public calls ---- */

double ccp_every(int64_t ns)
{
    return ns > 0 ? 1e9 / (double)ns : CCP_RATE_INFINITE;
}

ccp_status ccp_rate_init(ccp_rate *r, double per_second, uint64_t burst)
{
    ccpi_plan p;
    if (!r || !ccpi_plan_make(&p, per_second, burst))
        return CCP_INVAL;
    memset(r, 0, sizeof *r);
    r->per_second_ = per_second;
    r->burst_ = burst;
    return CCP_OK;
}

/* It has to wait until a->at. */
static ccp_status sleep_until(ccp_rate *r, const view *v, const ask *a, ccp_wait w)
{
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_rate_take", r);
    if (ccpi_wait_sleep(w, &waiter, a->at) != CCPI_ENDED)
        return CCP_OK;
    ccp_reservation res;
    keep(&res, r, v, a);
    give_back(r, &res);
    return ccp_ctx_status(w.ctx_);
}

/* One word of a plan. */
CCPI_INLINE uint64_t word_of(const ccp_rate *r, uint64_t state, size_t offset)
{
    uint64_t *word = (uint64_t *)(uintptr_t)&r->plan_[state & 1][offset / sizeof(uint64_t)];
    /* [R2] acquire: as in look().  Pairs with the release in write_plan(). */
    return atomic_load_explicit(ccpi_atomic64(word), CCPI_ACQ);
}
#define WORD(field) word_of(r, state, offsetof(ccpi_plan, field))

/* As take_once() for now or not at all, with what that needs; AGAIN in all odd cases. */
CCPI_INLINE int take_now(ccp_rate *r, uint64_t n)
{
    /* [R1] acquire: as in look().  Pairs with the release in install(). */
    uint64_t state = atomic_load_explicit(state_of(r), CCPI_ACQ);
    uint64_t burst = WORD(burst), shape = WORD(shape), k = shape & 63;
    if (CCPI_UNLIKELY(n > burst || (shape & CCPI_BUCKET_INFINITE)))
        return AGAIN;
    uint64_t ns = (uint64_t)ccpi_clock_now() - WORD(base);
    if (CCPI_UNLIKELY(ns > WORD(far)))
        return AGAIN;
    int64_t produced = ccpi_plan_units_in(ns, WORD(factor), shape);
    int64_t used =
        ccpi_plan_use(used_of(state), produced, (int64_t)(burst << k), (int64_t)(n << k));
    if (used > produced)
        return (atomic_load_explicit(state_of(r), CCPI_RLX) - state) % EPOCHS ? AGAIN : CCP_AGAIN;
    /* Relaxed: as in change(). */
    bool taken = atomic_compare_exchange_strong_explicit(
        state_of(r), &state, state % EPOCHS | (uint64_t)used << EPOCH_BITS, CCPI_RLX, CCPI_RLX);
    return CCPI_LIKELY(taken) ? (int)CCP_OK : AGAIN;
}

static CCPI_COLD ccp_status take_slow(ccp_rate *r, uint64_t n, ccp_wait w)
{
    view v;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    ask a = { .n = n, .t = NOW, .latest = NOW };
    if (!ccpi_wait_not_at_all(w))
        a.latest = ccpi_wait_deadline(w);
    st = take(r, &v, &a);
    return st == CCP_OK && a.latest != NOW && a.at > a.now ? sleep_until(r, &v, &a, w) : st;
}

ccp_status ccp_rate_take(ccp_rate *r, uint64_t n, ccp_wait w)
{
    if (!r)
        return CCP_INVAL;
    if (CCPI_UNLIKELY(!ccpi_wait_may_enter(w)))
        return take_slow(r, n, w);
    int rc = take_now(r, n);
    if (CCPI_LIKELY(rc == (int)CCP_OK || (rc == (int)CCP_AGAIN && ccpi_wait_not_at_all(w))))
        return (ccp_status)rc;
    return take_slow(r, n, w);
}

/* Any time but the one that means the clock. */
static int64_t given(int64_t t)
{
    return t == NOW ? t + 1 : t;
}

ccp_status ccp_rate_take_at(ccp_rate *r, uint64_t n, int64_t t)
{
    view v;
    ask a = { .n = n, .t = given(t), .latest = NOW };
    return r ? take(r, &v, &a) : CCP_INVAL;
}

static ccp_status reserve(ccp_rate *r, uint64_t n, int64_t t, ccp_reservation *out)
{
    if (!r || !out)
        return CCP_INVAL;
    view v;
    ask a = { .n = n, .t = t, .latest = CCPI_NEVER };
    ccp_status st = take(r, &v, &a);
    if (st == CCP_OK)
        keep(out, r, &v, &a);
    return st;
}

ccp_status ccp_rate_reserve(ccp_rate *r, uint64_t n, ccp_reservation *out)
{
    return reserve(r, n, NOW, out);
}

ccp_status ccp_rate_reserve_at(ccp_rate *r, uint64_t n, int64_t t, ccp_reservation *out)
{
    return reserve(r, n, given(t), out);
}

static ccp_status cancel(ccp_reservation *res, int64_t t)
{
    if (!res)
        return CCP_INVAL;
    ccp_rate *r = res->rate_;
    if (!r)
        return CCPI_MISUSE("ccp_rate_cancel", "a reservation that is not held");
    res->rate_ = NULL;
    if (res->taken_ && res->at >= read_clock(t))
        give_back(r, res);
    return CCP_OK;
}

ccp_status ccp_rate_cancel(ccp_reservation *res)
{
    return cancel(res, NOW);
}

ccp_status ccp_rate_cancel_at(ccp_reservation *res, int64_t t)
{
    return cancel(res, given(t));
}

static ccp_status set(ccp_rate *r, double per_second, uint64_t burst, int64_t t)
{
    ccpi_plan next;
    if (!r || !ccpi_plan_make(&next, per_second, burst))
        return CCP_INVAL;
    view v;
    t = read_clock(t);
    ccpi_lock_acquire(lock_of(r));
    look(r, &v);
    if (v.plan.number != 0 && t < v.plan.base)
        t = v.plan.base;
    install(r, &v, &next, t);
    ccpi_lock_release(lock_of(r));
    return CCP_OK;
}

ccp_status ccp_rate_set(ccp_rate *r, double per_second, uint64_t burst)
{
    return set(r, per_second, burst, NOW);
}

ccp_status ccp_rate_set_at(ccp_rate *r, double per_second, uint64_t burst, int64_t t)
{
    return set(r, per_second, burst, given(t));
}

/* The present plan; the one to be if there is none yet. */
static void look_whole(const ccp_rate *r, view *v)
{
    do
        look(r, v);
    while (!is_whole(r, v));
    if (v->plan.number == 0 && !ccpi_plan_make(&v->plan, r->per_second_, r->burst_))
        memset(&v->plan, 0, sizeof v->plan);
}

double ccp_rate_tokens_at(const ccp_rate *r, int64_t t)
{
    view v;
    if (!r)
        return 0;
    look_whole(r, &v);
    if (v.plan.number == 0 || ccpi_plan_is_infinite(&v.plan))
        return (double)v.plan.burst;
    return ccpi_plan_tokens(&v.plan, used_of(v.state), t);
}

double ccp_rate_tokens(const ccp_rate *r)
{
    return ccp_rate_tokens_at(r, ccpi_clock_now());
}

double ccp_rate_limit(const ccp_rate *r)
{
    view v;
    if (!r)
        return 0;
    look_whole(r, &v);
    return v.plan.per_second;
}

uint64_t ccp_rate_burst(const ccp_rate *r)
{
    view v;
    if (!r)
        return 0;
    look_whole(r, &v);
    return v.plan.burst;
}
