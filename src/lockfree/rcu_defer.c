/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: calls that are deferred.  The invariants are in rcu.h.
 */
/* uses: rcu */
#include "lockfree/rcu.h"

/* ---- making the calls ---- */

/* Under the lock. */
static bool runs_here(const ccp_rcu *d)
{
    const ccpi_self *me = ccpi_self_get();
    for (const ccpi_runner *r = d->runners; r; r = r->next)
        if (r->who == me)
            return true;
    return false;
}

/* D7, under the lock: takes out what comes before the end of `passed`. */
static ccp_rcu_head *take_ready(ccp_rcu *d, size_t *n)
{
    ccp_rcu_head *first = d->first, *last = NULL;
    *n = 0;
    for (ccp_rcu_head *h = first; h && h->stamp_ <= d->passed; h = h->next_) {
        last = h;
        ++*n;
    }
    if (!last)
        return NULL;
    d->first = last->next_;
    if (!d->first)
        d->last = NULL;
    last->next_ = NULL;
    d->taken += *n;
    atomic_fetch_sub_explicit(&d->queued, *n, CCPI_RLX); /* under the lock */
    return first;
}

/* D8, under the lock. */
static void count_ran(ccp_rcu *d, const ccpi_runner *me, size_t n)
{
    ccpi_runner **at = &d->runners;
    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
    uint64_t ran = d->taken;
    for (const ccpi_runner *r = d->runners; r; r = r->next)
        ran = r->first < ran ? r->first : ran;
    /* Relaxed: under the lock, which who goes on because of it takes. */
    atomic_fetch_sub_explicit(&d->pending, n, CCPI_RLX);
    /* [RCU7] release: what the calls did.  Pairs with the acquire in have_run(). */
    atomic_store_explicit(&d->ran, ran, CCPI_REL);
}

void ccpi_rcu_collect(ccp_rcu *d, uint64_t passed)
{
    ccpi_runner me = { .who = ccpi_self_get() };
    ccp_rcu_head *h = NULL;
    size_t n = 0;
    ccpi_lock_acquire(&d->lock);
    if (passed > d->passed)
        d->passed = passed;
    me.first = d->taken;
    if (!runs_here(d)) /* else they would be made inside each other */
        h = take_ready(d, &n);
    if (h) {
        me.next = d->runners;
        d->runners = &me;
    }
    ccpi_lock_release(&d->lock);
    if (!h)
        return;
    for (ccp_rcu_head *next; h; h = next) {
        next = h->next_; /* the call may free it */
        h->fn_(h->arg_);
    }
    ccpi_lock_acquire(&d->lock);
    count_ran(d, &me, n);
    ccpi_lock_release(&d->lock);
}

/* Makes those calls that can be made without waiting. */
static void reclaim(ccp_rcu *d)
{
    uint64_t epoch;
    if (ccpi_rcu_begin(d, &epoch))
        ccpi_rcu_collect(d, ccpi_rcu_look(d, epoch));
}

/* ---- deferring ---- */

/* False: as many are pending as may be.  *look: it is time to see which calls can be made. */
static bool add(ccp_rcu *d, ccp_rcu_head *h, const ccp_rcu_head *call, bool *look)
{
    ccpi_lock_acquire(&d->lock);
    bool room = atomic_load_explicit(&d->pending, CCPI_RLX) < d->most; /* under the lock */
    if (room) {
        *h = *call;
        /* Under the lock.  D7 */
        h->stamp_ = atomic_load_explicit(&d->epoch, CCPI_RLX) + CCPI_RCU_STEP;
        if (d->last)
            d->last->next_ = h;
        else
            d->first = h;
        d->last = h;
        d->added++;
        atomic_fetch_add_explicit(&d->queued, 1, CCPI_RLX); /* under the lock, as the next */
        atomic_fetch_add_explicit(&d->pending, 1, CCPI_RLX);
    }
    *look = room && ++d->since >= d->batch && !runs_here(d);
    if (*look)
        d->since = 0;
    ccpi_lock_release(&d->lock);
    return room;
}

/* Would a wait for room be one for the calling thread itself? */
static bool holds_up(ccp_rcu *d)
{
    if (ccpi_rcu_reads(d))
        return true;
    ccpi_lock_acquire(&d->lock);
    bool here = runs_here(d);
    ccpi_lock_release(&d->lock);
    return here;
}

static ccp_status add_slow(ccp_rcu *d, ccp_rcu_head *h, const ccp_rcu_head *call, ccp_wait w)
{
    bool look;
    uint64_t epoch;
    ccpi_rcu_patience p = { .call = "ccp_rcu_defer" };
    reclaim(d);
    if (add(d, h, call, &look))
        return CCP_OK;
    if (w.ns_ == 0)
        return CCP_AGAIN;
    if (holds_up(d))
        return CCP_DEADLOCK;
    w = ccp_start(w);
    ccp_status st;
    do {
        st = ccpi_rcu_grace(d, "ccp_rcu_defer", &epoch, w);
        if (st != CCP_OK)
            break;
        ccpi_rcu_collect(d, epoch);
        if (add(d, h, call, &look))
            break;
        /* Relaxed: hints; add() looks under the lock.  While none is queued others are making all
         * that are pending. */
        while (st == CCP_OK && atomic_load_explicit(&d->queued, CCPI_RLX) == 0 &&
               atomic_load_explicit(&d->pending, CCPI_RLX) >= d->most)
            st = ccpi_rcu_pause(d, &p, NULL, w);
    } while (st == CCP_OK);
    ccpi_rcu_paused(d, &p);
    return st;
}

ccp_status ccp_rcu_defer(ccp_rcu *d, ccp_rcu_head *h, void (*fn)(void *arg), void *arg, ccp_wait w)
{
    if (!h || !fn)
        return CCP_INVAL;
    ccp_status st = ccpi_rcu_enter(d, w);
    if (st != CCP_OK)
        return st;
    bool look;
    const ccp_rcu_head call = { NULL, fn, arg, 0 };
    if (CCPI_UNLIKELY(!add(d, h, &call, &look)))
        return add_slow(d, h, &call, w);
    if (look)
        reclaim(d);
    return CCP_OK;
}

/* ---- waiting for all ---- */

static bool have_run(const ccp_rcu *d, uint64_t calls)
{
    /* [RCU7] acquire: what they did.  Pairs with the release in count_ran(). */
    return atomic_load_explicit(&d->ran, CCPI_ACQ) >= calls;
}

ccp_status ccp_rcu_barrier(ccp_rcu *d, ccp_wait w)
{
    ccp_status st = ccpi_rcu_enter(d, w);
    if (st != CCP_OK)
        return st;
    ccpi_lock_acquire(&d->lock);
    uint64_t calls = d->added;
    bool queued = d->first != NULL;
    ccpi_lock_release(&d->lock);
    if (have_run(d, calls))
        return CCP_OK;
    if (holds_up(d))
        return CCP_DEADLOCK;
    w = ccp_start(w);
    if (queued) {
        uint64_t epoch;
        st = ccpi_rcu_grace(d, "ccp_rcu_barrier", &epoch, w);
        if (st != CCP_OK)
            return st;
        ccpi_rcu_collect(d, epoch);
    }
    ccpi_rcu_patience p = { .call = "ccp_rcu_barrier" };
    while (!have_run(d, calls) && st == CCP_OK)
        st = ccpi_rcu_pause(d, &p, NULL, w);
    ccpi_rcu_paused(d, &p);
    return st;
}
