/* SPDX-License-Identifier: MIT
 *
 * The rendezvous.
 *
 * Model           A send and a receive happen together, or not at all.
 * Representation  Two meeting places.  (1) A ring of one slot for those who are awake: a sender
 *                 lays its element out there and watches the stamp; a receiver takes it; the sender
 *                 may take it back by winning head itself.  (2) The queues of those who are
 *                 parked: whoever comes next takes one off under the lock and copies straight
 *                 from or to its element.
 * Invariants
 *   E1  A sender whose element is laid out does not sleep, and returns CCP_OK if and only if
 *       somebody else took it.
 *   E2  At no time do both queues hold a waiter that could be claimed: whoever parks looks for a
 *       partner under the same lock first.  (Except a select's own two nodes.)
 *   E3  A sender that has laid its element out takes it back before it parks, and then meets
 *       whoever is parked, by E2.  So to look for parked receivers before that, and for an element
 *       laid out before parking, only makes them meet sooner; each look may miss the other.
 *   E4  `closed` is set under the lock, before the queues are emptied; nobody parks after it, and
 *       only a select that has found the channel open is queued for a moment, until it looks again:
 *       nobody looks for it there.  A sender looks at `closed` before it lays its element out, a
 *       receiver before it takes one: so both began before the close if they meet.  (tail has no
 *       closed bit here.)
 *   E5  Whoever was served by a partner counts as active until it returns.
 */
/* uses: chan crowd poll ring */
#include "chan/meet.h"

#include "block/wait.h"
#include "chan/poll.h"
#include "chan/ring.h"

typedef struct meeting {
    ccp_chan *chan;
    ccpi_side side;
    void *elem;
    ccp_wait wait;
    int64_t deadline;
    ccpi_spin spin;
    uint64_t pos;  /* of the element laid out */
    bool laid_out; /* E1 */
} meeting;

/* ---- partners ---- */

ccpi_node *ccpi_meet_match(ccp_chan *c, ccpi_side side, void *elem, bool oldest)
{
    ccpi_node *n = ccpi_crowd_pop(c, side, oldest || ccpi_crowd_turn(c, side));
    if (!n)
        return NULL;
    void *to = side == CCPI_RECEIVERS ? n->elem : elem;
    const void *from = side == CCPI_RECEIVERS ? elem : n->elem;
    if (to)
        ccpi_copy(to, from, c->elem_size); /* LP: both operations happen */
    n->result = CCP_OK;
    return n;
}

/* Meets a parked partner, if there is one. */
static ccp_status match(ccp_chan *c, ccpi_side side, void *elem, bool oldest)
{
    ccpi_side other = ccpi_other(side);
    ccpi_lock_acquire(&c->lock);
    bool closed = ccpi_chan_closed(c);
    ccpi_node *n = closed ? NULL : ccpi_meet_match(c, other, elem, oldest);
    ccpi_lock_release(&c->lock);
    if (n)
        ccpi_crowd_wake(c, other, n);
    return n ? CCP_OK : closed ? CCP_CLOSED : CCP_AGAIN;
}

bool ccpi_meet_laid_out(const ccp_chan *c)
{
    /* Relaxed: it may be missed (E3). */
    uint64_t h = atomic_load_explicit(&c->head, CCPI_RLX);
    return atomic_load_explicit(&c->tail, CCPI_RLX) != h;
}

bool ccpi_meet_hint(const ccp_chan *c, ccpi_side side)
{
    return ccpi_crowd_parked(ccpi_crowd_rlx(c, ccpi_other(side))) ||
           (side == CCPI_RECEIVERS && ccpi_ring_hint(c, side)) || ccpi_chan_closed(c);
}

/* An awake sender's element, if there is one. */
static ccp_status take_laid_out(ccp_chan *c, void *elem)
{
    uint64_t pos;
    ccpi_slot *at;
    return ccpi_ring_take(c, elem, false, &pos, &at);
}

ccp_status ccpi_meet_try(ccp_chan *c, ccpi_side side, void *elem)
{
    if (ccpi_chan_closed(c))
        return CCP_CLOSED;
    if (side == CCPI_RECEIVERS && take_laid_out(c, elem) == CCP_OK)
        return CCP_OK;
    if (ccpi_crowd_parked(ccpi_crowd_load(c, ccpi_other(side))))
        return match(c, side, elem, false);
    return CCP_AGAIN;
}

/* ---- the element laid out ---- */

static ccpi_slot *place(const ccp_chan *c)
{
    return ccpi_ring_slot(c, 1); /* index 1, as the mark is 2 */
}

static bool taken(const meeting *m)
{
    /* [R3] acquire: the receiver has copied; what it did before is seen.  Pairs with [R3]. */
    return atomic_load_explicit(&place(m->chan)->stamp, CCPI_ACQ) != m->pos + 1;
}

/* Takes the element back; false if a receiver has it (then waits until that has copied). */
static bool take_back(meeting *m)
{
    ccp_chan *c = m->chan;
    uint64_t h = m->pos;
    m->laid_out = false;
    /* Relaxed: whoever wins head owns the element, and the stamp tells the next one. */
    if (atomic_compare_exchange_strong_explicit(&c->head, &h, ccpi_ring_next(c, h), CCPI_RLX,
                                                CCPI_RLX)) {
        /* [R3] release: the place is free. */
        atomic_store_explicit(&place(c)->stamp, m->pos + c->lap, CCPI_REL);
        return true;
    }
    for (unsigned tries = 0; !taken(m);)
        ccpi_backoff(&tries);
    return false;
}

/* ---- awake ---- */

/* A sender whose element is laid out: was it taken, or is it to be taken back? */
static ccp_status look_at_own(meeting *m)
{
    if (taken(m))
        return CCP_OK;
    if (!ccpi_chan_closed(m->chan))
        return CCP_AGAIN;
    return take_back(m) ? CCP_CLOSED : CCP_OK;
}

/* A sender lays its element out, if the place is free. */
static ccp_status lay_out(meeting *m)
{
    ccp_chan *c = m->chan;
    if (ccpi_chan_closed(c))
        return CCP_CLOSED; /* E4 */
    if (!ccpi_ring_hint(c, CCPI_SENDERS))
        return CCP_AGAIN;
    ccpi_slot *at;
    ccp_status st = ccpi_ring_put(c, m->elem, false, &m->pos, &at);
    m->laid_out = st == CCP_OK;
    return CCP_AGAIN; /* laid out is not taken yet */
}

/* One look at the place of those who are awake. */
static ccp_status look(meeting *m)
{
    ccp_chan *c = m->chan;
    if (m->side == CCPI_RECEIVERS) {
        if (ccpi_chan_closed(c))
            return CCP_CLOSED;
        return ccpi_ring_hint(c, m->side) ? take_laid_out(c, m->elem) : CCP_AGAIN;
    }
    return m->laid_out ? look_at_own(m) : lay_out(m);
}

static bool partner_parked(const meeting *m)
{
    return ccpi_crowd_parked(ccpi_crowd_rlx(m->chan, ccpi_other(m->side))) != 0; /* E3 */
}

/* Turns to the parked partners; a sender must have its element in its own hands for that. */
static ccp_status turn_to_parked(meeting *m, bool oldest)
{
    if (m->laid_out && !take_back(m))
        return CCP_OK;
    return match(m->chan, m->side, m->elem, oldest);
}

/* Is it worth while to wait a little for an awake partner, before one is woken?  Learns. */
static bool defer_wake(const meeting *m)
{
    uint32_t trust = atomic_load_explicit(&m->chan->pace[ccpi_other(m->side)].defer, CCPI_RLX);
    return trust >= 64 || ccpi_ticks() % 16 == 0;
}

static void defer_learn(const meeting *m, bool paid)
{
    ccpi_word32 *w = &m->chan->pace[ccpi_other(m->side)].defer;
    uint32_t trust = atomic_load_explicit(w, CCPI_RLX);
    atomic_store_explicit(w, paid ? trust + (256 - trust) / 8 : trust - trust / 8, CCPI_RLX);
}

/* Is it time to turn to a parked partner?  *deferring: the look up to which an awake one is given
 * the chance to come first; 0: none. */
static bool due_for_parked(const meeting *m, unsigned look_no, unsigned *deferring)
{
    if (look_no % 4 != 0 || !partner_parked(m))
        return false;
    if (!*deferring && defer_wake(m))
        *deferring = look_no + 1 + ccpi_tuning.defer;
    if (look_no + 1 < *deferring)
        return false;
    if (*deferring)
        defer_learn(m, false);
    *deferring = 0;
    return true;
}

/* Looks and pauses, for as long as waits took of late. */
static ccp_status spin(meeting *m)
{
    unsigned deferring = 0, i = 0;
    do {
        ccp_status st = look(m);
        if (st != CCP_AGAIN) {
            ccpi_spin_won(&m->spin);
            if (deferring)
                defer_learn(m, true);
            return st;
        }
        if (due_for_parked(m, i++, &deferring)) {
            st = turn_to_parked(m, false);
            if (st != CCP_AGAIN)
                return st;
        }
    } while (ccpi_spin_quick(&m->spin));
    return CCP_AGAIN;
}

/* ---- parked ---- */

/* Queued: yields while that is worth it, then sleeps. */
static uint32_t linger_and_sleep(meeting *m, ccpi_waiter *waiter)
{
    while (ccpi_spin_linger(&m->spin))
        if (ccpi_park_peek(waiter->parker)) {
            ccpi_spin_won(&m->spin);
            break;
        }
    return ccpi_waiter_sleep(waiter, m->deadline);
}

/* Queued.  CCP_AGAIN: an awake sender is there, look again. */
static ccp_status sleep_queued(meeting *m, ccpi_waiter *waiter, ccpi_node *node)
{
    ccp_chan *c = m->chan;
    bool again = m->side == CCPI_RECEIVERS && ccpi_meet_laid_out(c); /* E3 */
    uint32_t verdict = again ? ccpi_waiter_give_up(waiter) : linger_and_sleep(m, waiter);
    if (verdict == node->index + 1) {
        ccpi_meet_done(c, m->side);
        if (node->woken)
            ccpi_spin_slept(&m->spin, node->woken);
        return node->result;
    }
    ccpi_crowd_withdraw(c, m->side, node, false, ccpi_crowd_now());
    if (verdict == CCPI_ENDED)
        return ccp_ctx_status(m->wait.ctx_);
    return again ? CCP_AGAIN : ccpi_wait_over(m->wait);
}

/* Meets a parked partner or parks: one of the two, under one lock (E2). */
static ccp_status match_or_park(meeting *m, ccpi_waiter *waiter)
{
    ccp_chan *c = m->chan;
    ccpi_side other = ccpi_other(m->side);
    ccpi_node node, *partner = NULL;
    ccpi_node_init(&node, waiter, 0, m->elem);
    ccpi_lock_acquire(&c->lock);
    bool closed = ccpi_chan_closed(c);
    if (!closed)
        partner = ccpi_meet_match(c, other, m->elem, false);
    bool queued = !closed && !partner;
    if (queued)
        ccpi_crowd_enter(c, m->side, &node, false, ccpi_crowd_now());
    ccpi_lock_release(&c->lock);
    if (queued)
        return sleep_queued(m, waiter, &node);
    if (partner)
        ccpi_crowd_wake(c, other, partner);
    ccpi_waiter_give_up(waiter); /* the context may have ended meanwhile: too late */
    return closed ? CCP_CLOSED : CCP_OK;
}

/* Spinning did not help. */
static ccp_status settle(meeting *m)
{
    if (m->laid_out && !take_back(m))
        return CCP_OK;
    ccpi_waiter waiter;
    ccpi_node watch;
    ccpi_waiter_init(&waiter, ccpi_side_call(m->side), m->chan);
    if (!ccpi_wait_watch(m->wait, &waiter, &watch))
        return ccp_ctx_status(m->wait.ctx_);
    ccp_status st = match_or_park(m, &waiter);
    ccpi_wait_unwatch(m->wait, &watch);
    return st;
}

static CCPI_NOINLINE ccp_status meet_slow(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w)
{
    meeting m = { .chan = c, .side = side, .elem = elem, .wait = w };
    m.deadline = ccpi_wait_deadline(w);
    ccp_status st = CCP_AGAIN;
    if (ccpi_crowd_parked(ccpi_crowd_rlx(c, ccpi_other(side))) && ccpi_crowd_fair_due(c, side))
        st = turn_to_parked(&m, true);
    for (unsigned tries = 0; st == CCP_AGAIN;) {
        ccpi_spin_begin(&m.spin, &c->pace[side], 1, &c->crowd[ccpi_other(side)],
                        side == CCPI_SENDERS ? &c->tail : &c->head,
                        side == CCPI_SENDERS ? &c->head : &c->tail);
        st = spin(&m);
        if (st == CCP_AGAIN)
            st = settle(&m);
        if (st == CCP_AGAIN)
            st = look(&m);
        if (st == CCP_AGAIN)
            ccpi_backoff(&tries); /* R5: a sender is in the middle of laying out its element */
    }
    return st;
}

ccp_status ccpi_meet(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w)
{
    if (ccpi_wait_not_at_all(w)) {
        ccp_status st = ccpi_meet_try(c, side, elem);
        if (st == CCP_AGAIN)
            ccpi_poll_again(c, side);
        return st;
    }
    if (side == CCPI_RECEIVERS && !ccpi_chan_closed(c) && take_laid_out(c, elem) == CCP_OK)
        return CCP_OK;
    return meet_slow(c, side, elem, w);
}
