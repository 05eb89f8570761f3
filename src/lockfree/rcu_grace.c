/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: grace periods, and how a thread waits for one.  The invariants are in rcu.h.
 */
/* uses: rcu */
#include "lockfree/rcu.h"

#include "base/fence.h"
#include "base/thread.h"
#include "base/track.h"

#define NAP_SHARE 8     /* naps are such a part of the time waited: who ends is seen soon enough */
#define NAP_MAX 1000000 /* ns: and so often the context is looked at */

/* Pauses: some 10 us, as long as a section is that was not interrupted.  Yields: the reader may
 * need this processor. */
ccpi_rcu_tuning_s ccpi_rcu_tuning = { .pauses = 400, .yields = 16 };

/* ---- epochs ---- */

bool ccpi_rcu_begin(ccp_rcu *d, uint64_t *epoch)
{
    ccpi_lock_acquire(&d->lock);
    *epoch = atomic_load_explicit(&d->epoch, CCPI_RLX) + CCPI_RCU_STEP; /* under the lock */
    /* [RCU1] release: what was taken out before (D3), also by those who had the lock before.
     * Pairs with the acquires in show() and show_again(). */
    atomic_store_explicit(&d->epoch, *epoch, CCPI_REL);
    ccpi_lock_release(&d->lock);
    return !d->fenced || ccpi_fence_everywhere();
}

/* D3, of one reader. */
static bool has_passed(const ccp_rcu *d, ccp_rcu_reader *r, uint64_t epoch)
{
    /* [RCU2] acquire: what was read before (D5).  Pairs with the releases of the reader. */
    uint64_t seen = atomic_load_explicit(&r->state, CCPI_ACQ);
    if (seen == 0 && !d->fenced)
        /* [RCU3] release and acquire: D4.  Pairs with the exchange in show().  It leaves what is
         * there. */
        seen = atomic_fetch_add_explicit(&r->state, 0, CCPI_ACQ_REL);
    return seen == 0 || seen >= epoch;
}

uint64_t ccpi_rcu_look(ccp_rcu *d, uint64_t epoch)
{
    for (ccp_rcu_reader *r = ccpi_rcu_first(d); r; r = r->next)
        while (!has_passed(d, r, epoch)) {
            /* Relaxed: a bound, of which has_passed() is asked anew. */
            uint64_t seen = atomic_load_explicit(&r->state, CCPI_RLX);
            if (seen != 0 && seen < epoch)
                epoch = seen;
        }
    return epoch;
}

/* ---- how a thread waits ---- */

static ccpi_word32 nobody; /* always 0: threads that nap sleep on it, and none is woken */

/* D9 */
static void tell(ccp_rcu *d, ccpi_rcu_patience *p, const ccp_rcu_reader *of)
{
    if (!p->told)
        p->thread = ccpi_thread_id();
    ccpi_lock_acquire(&d->lock);
    p->of = of;
    if (!p->told) {
        p->next = d->waiting;
        d->waiting = p;
    }
    ccpi_lock_release(&d->lock);
    p->told = true;
}

void ccpi_rcu_paused(ccp_rcu *d, ccpi_rcu_patience *p)
{
    if (CCPI_LIKELY(!p->told))
        return;
    ccpi_lock_acquire(&d->lock);
    ccpi_rcu_patience **at = &d->waiting;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    ccpi_lock_release(&d->lock);
    p->told = false;
}

ccp_status ccpi_rcu_pause(ccp_rcu *d, ccpi_rcu_patience *p, const ccp_rcu_reader *of, ccp_wait w)
{
    ccp_status st = w.ctx_ ? ccp_ctx_status(w.ctx_) : CCP_OK;
    if (st != CCP_OK)
        return st;
    if (w.ns_ == 0)
        return CCP_AGAIN;
    bool pauses = ++p->looks <= ccpi_rcu_tuning.pauses;
    if (pauses && w.ns_ == CCPI_NEVER) {
        ccpi_relax();
        return CCP_OK;
    }
    int64_t now = ccpi_clock_now();
    if (now >= w.ns_)
        return CCP_TIMEOUT;
    if (p->began == 0)
        p->began = now;
    if (pauses || p->looks <= ccpi_rcu_tuning.pauses + ccpi_rcu_tuning.yields) {
        pauses ? ccpi_relax() : ccpi_yield();
        return CCP_OK;
    }
    if (ccpi_tracks())
        tell(d, p, of);
    int64_t nap = (now - p->began) / NAP_SHARE + 1;
    ccpi_relax();
    now = ccpi_time_after(now, nap < NAP_MAX ? nap : NAP_MAX);
    (void)ccpi_word_wait(&nobody, 0, now < w.ns_ ? now : w.ns_);
    return CCP_OK;
}

/* ---- waiting ---- */

ccp_status ccpi_rcu_enter(const ccp_rcu *d, ccp_wait w)
{
    if (!d)
        return CCP_INVAL;
    if (ccpi_is_dead(d))
        return CCP_FORKED;
    return w.ctx_ ? ccp_ctx_status(w.ctx_) : CCP_OK;
}

ccp_status ccpi_rcu_grace(ccp_rcu *d, const char *call, uint64_t *epoch, ccp_wait w)
{
    ccpi_rcu_patience p = { .call = call };
    ccp_status st = CCP_OK;
    if (!ccpi_rcu_begin(d, epoch))
        return CCP_FAILED;
    w = ccp_start(w);
    for (ccp_rcu_reader *r = ccpi_rcu_first(d); r && st == CCP_OK; r = r->next)
        while (st == CCP_OK && !has_passed(d, r, *epoch))
            st = ccpi_rcu_pause(d, &p, r, w);
    ccpi_rcu_paused(d, &p);
    return st;
}

ccp_status ccp_rcu_synchronize(ccp_rcu *d, ccp_wait w)
{
    ccp_status st = ccpi_rcu_enter(d, w);
    if (st != CCP_OK)
        return st;
    if (ccpi_rcu_reads(d))
        return CCP_DEADLOCK;
    uint64_t epoch;
    st = ccpi_rcu_grace(d, "ccp_rcu_synchronize", &epoch, w);
    if (st == CCP_OK)
        ccpi_rcu_collect(d, epoch);
    return st;
}
