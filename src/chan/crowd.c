/* SPDX-License-Identifier: MIT
 *
 * Waking the right number of threads; the invariants are in crowd.h.
 */
/* uses: chan poll */
#include "chan/crowd.h"

ccpi_node *ccpi_crowd_pop(ccp_chan *c, ccpi_side s, bool oldest)
{
    ccpi_list *q = &c->parked[s];
    for (;;) {
        ccpi_link *l = oldest ? q->first : q->last; /* the last one in is the one still warm */
        if (!l)
            return NULL;
        ccpi_node *n = CCPI_NODE(l);
        ccpi_crowd_unparks(c, s, n, ccpi_crowd_now());
        if (ccpi_waiter_claim(n->waiter, n->index + 1)) {
            ccpi_crowd_add(c, s, 1 - CCPI_PARKED_ONE);
            n->woken = ccpi_ticks();
            return n;
        }
        ccpi_crowd_add(c, s, -CCPI_PARKED_ONE); /* somebody else decided for it */
    }
}

void ccpi_crowd_wake(ccp_chan *c, ccpi_side woken, ccpi_node *n)
{
    ccpi_side own = ccpi_other(woken);
    ccpi_parker *p = n->waiter->parker;
    if (!ccpi_waiter_post(n->waiter))
        return;
    ccpi_crowd_add(c, own, 1);
    ccpi_word_wake(&p->word);
    ccpi_crowd_leave(c, own);
}

/* W1 and W2: wakes one, unless somebody is active; `force`: the longest waiter, in any case. */
static void wake_one(ccp_chan *c, ccpi_side s, bool force)
{
    ccpi_lock_acquire(&c->lock);
    ccpi_node *n = NULL;
    if (force || ccpi_crowd_active(ccpi_crowd_load(c, s)) == 0) {
        ccpi_poll_tell_locked(c, s);
        n = ccpi_crowd_pop(c, s, ccpi_crowd_turn(c, s) || force);
    }
    ccpi_lock_release(&c->lock);
    if (n)
        ccpi_crowd_wake(c, s, n);
}

void ccpi_crowd_leave(ccp_chan *c, ccpi_side s)
{
    uint64_t crowd = ccpi_crowd_add(c, s, -(uint64_t)1);
    if (ccpi_crowd_parked(crowd) && ccpi_crowd_active(crowd) == 0 && ccpi_chan_ready(c, s))
        wake_one(c, s, false);
}

bool ccpi_crowd_fair_due(ccp_chan *c, ccpi_side s)
{
    uint64_t now = ccpi_ticks();
    ccpi_word64 *last = &c->pace[s].fair;
    if (now - atomic_load_explicit(last, CCPI_RLX) <= ccpi_tuning.fair_every)
        return false;
    atomic_store_explicit(last, now, CCPI_RLX);
    return true;
}

/* Watches for a moment whether an awake partner takes the work, before somebody is woken for it.
 * True if it was taken.  Learns whether that pays; tries now and then even if it did not. */
static bool defer(ccpi_pace *p, const ccpi_word64 *stamp, uint64_t mine)
{
    uint32_t trust = atomic_load_explicit(&p->defer, CCPI_RLX);
    if (!stamp || (trust < 64 && ccpi_ticks() % 16 != 0))
        return false;
    for (uint32_t i = 0; i < ccpi_tuning.defer; i++) {
        ccpi_relax();
        if (atomic_load_explicit(stamp, CCPI_RLX) != mine) {
            atomic_store_explicit(&p->defer, trust + (256 - trust) / 8, CCPI_RLX);
            return true;
        }
    }
    atomic_store_explicit(&p->defer, trust - trust / 8, CCPI_RLX);
    return false;
}

CCPI_NOINLINE void ccpi_crowd_notify_slow(ccp_chan *c, ccpi_side s, const ccpi_word64 *stamp,
                                          uint64_t mine)
{
    if (ccpi_crowd_active(ccpi_crowd_rlx(c, s))) {
        if (ccpi_crowd_fair_due(c, s))
            wake_one(c, s, true);
        return;
    }
    if (!defer(&c->pace[s], stamp, mine))
        wake_one(c, s, false);
}

bool ccpi_crowd_withdraw(ccp_chan *c, ccpi_side s, ccpi_node *n, bool active, uint64_t now)
{
    ccpi_lock_acquire(&c->lock);
    bool was_in = n->queued;
    if (was_in) {
        ccpi_crowd_unparks(c, s, n, now);
        ccpi_crowd_add(c, s, (active ? 1 : 0) - CCPI_PARKED_ONE);
    }
    ccpi_lock_release(&c->lock);
    return was_in;
}

void ccpi_crowd_pop_all(ccp_chan *c, ccpi_side s, ccpi_list *won)
{
    for (ccpi_node *n; (n = ccpi_crowd_pop(c, s, true));) {
        n->result = CCP_CLOSED; /* for MEET; others look */
        n->woken = 0;           /* nothing to learn from */
        ccpi_list_append(won, &n->link);
    }
}

bool ccpi_crowd_release_all(ccp_chan *c)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&c->lock);
    /* [C1] seq_cst: under the lock, so that MEET parks nobody after it.  Pairs with
     * ccpi_chan_closed().  LP of close for MEET and TIMER. */
    bool first = atomic_exchange_explicit(&c->closed, 1, CCPI_SC) == 0;
    ccpi_crowd_pop_all(c, CCPI_RECEIVERS, &won);
    ccpi_crowd_pop_all(c, CCPI_SENDERS, &won);
    ccpi_poll_tell_locked(c, CCPI_RECEIVERS);
    ccpi_poll_tell_locked(c, CCPI_SENDERS);
    ccpi_lock_release(&c->lock);
    ccpi_wake_all(&won);
    return first;
}
