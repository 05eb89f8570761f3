/* SPDX-License-Identifier: MIT
 *
 * Who waits on one side of a channel, and whom to wake.
 *
 *      63            32 31             0
 *     +----------------+----------------+
 *     |     parked     |     active     |
 *     +----------------+----------------+
 *   parked   threads in the side's queue, and its descriptor, if that is armed (poll.h).  Legal to
 *            be too high for a moment (one that was claimed by somebody else and not taken out
 *            yet); illegal to be too low.
 *   active   threads of the side that are awake on the slow path, or have been woken and did not
 *            look yet: each will look at the channel again before it parks or leaves.  Legal to
 *            leave one out; illegal to count one that will not look again.
 *
 * Invariants
 *   W1  Whoever makes work for a side (publishes an element, frees a slot) then loads the crowd
 *       word: if somebody is parked and nobody is active, it wakes one.  So at most one wake is
 *       under way per side, and a burst of sends costs one.
 *   W2  Whoever stops being active on a side looks whether somebody is parked, nobody else is
 *       active and there is work: then it wakes the next (it passes the baton).  Every way out
 *       of a wait does this: success, time, context, close, and a select that did another case.
 *   W3  A thread that parks changes the word first (parked + 1, active - 1 if it was), looks for
 *       work after that, and sleeps only if there is none.
 *   W1-W3 together: if there is work and somebody is parked, then somebody is active or is about to
 *   look.  No wake-up is lost.
 */
#ifndef CCPI_CHAN_CROWD_H
#define CCPI_CHAN_CROWD_H
/* uses: chan poll */

#include "block/tuning.h"
#include "block/waiter.h"
#include "chan/chan.h"
#include "chan/poll.h"

#define CCPI_PARKED_ONE ((uint64_t)1 << 32)

CCPI_INLINE uint32_t ccpi_crowd_parked(uint64_t crowd)
{
    return (uint32_t)(crowd >> 32);
}
CCPI_INLINE uint32_t ccpi_crowd_active(uint64_t crowd)
{
    return (uint32_t)crowd;
}
CCPI_INLINE uint64_t ccpi_crowd_rlx(const ccp_chan *c, ccpi_side s)
{
    return atomic_load_explicit(&c->crowd[s], CCPI_RLX);
}
CCPI_INLINE uint64_t ccpi_crowd_load(const ccp_chan *c, ccpi_side s)
{
    /* [D2] seq_cst, Dekker: after the position was won (seq_cst).  Pairs with [D1]. */
    return atomic_load_explicit(&c->crowd[s], CCPI_SC);
}
/* Changes the word by the sum of what it is given; gives the new one. */
CCPI_INLINE uint64_t ccpi_crowd_add(ccp_chan *c, ccpi_side s, uint64_t change)
{
    /* [D1] seq_cst, Dekker: before the look for work.  Pairs with [D2]. */
    return atomic_fetch_add_explicit(&c->crowd[s], change, CCPI_SC) + change;
}

/* Takes a node off a side's queue and wins its verdict; NULL if nobody is left.  lock is held. */
ccpi_node *ccpi_crowd_pop(ccp_chan *c, ccpi_side s, bool oldest);

/* Counts one more wake, if there is whom to wake; true if it is the turn of the one that waited
 * longest.  lock is held. */
CCPI_INLINE bool ccpi_crowd_turn(ccp_chan *c, ccpi_side s)
{
    return c->parked[s].first && ++c->pops % ccpi_tuning.fair_pops == 0;
}

/* Takes everybody off a side's queue, for ccpi_wake_all().  lock is held. */
void ccpi_crowd_pop_all(ccp_chan *c, ccpi_side s, ccpi_list *won);

/* Is the longest waiter due, because nobody looked after fairness for a while? */
bool ccpi_crowd_fair_due(ccp_chan *c, ccpi_side s);

/* Wakes a thread whose verdict was won; the waker counts as active on its own side meanwhile, so
 * that nobody pays to wake a third. */
void ccpi_crowd_wake(ccp_chan *c, ccpi_side woken, ccpi_node *n);

/* W2: one thread of this side is not active any more. */
void ccpi_crowd_leave(ccp_chan *c, ccpi_side s);

/* W1, when somebody is parked. */
void ccpi_crowd_notify_slow(ccp_chan *c, ccpi_side s, const ccpi_word64 *stamp, uint64_t mine);

/* W1: there is work for a side, made at pos; *stamp is `mine` until it is taken. */
CCPI_INLINE void ccpi_crowd_notify(ccp_chan *c, ccpi_side s, uint64_t pos, const ccpi_word64 *stamp,
                                   uint64_t mine)
{
    uint64_t crowd = ccpi_crowd_load(c, s);
    if (CCPI_LIKELY(ccpi_crowd_parked(crowd) == 0))
        return;
    if (ccpi_crowd_active(crowd) && (pos & 63) != 0) /* every 64th looks after fairness */
        return;
    ccpi_crowd_notify_slow(c, s, stamp, mine);
}

/* What a thread waits is counted by the coarse clock, which is cheap and late: single waits are up
 * to some milliseconds too long or too short, and on average right.  Who enters and leaves many
 * channels looks at it once for all. */
CCPI_INLINE uint64_t ccpi_crowd_now(void)
{
    return (uint64_t)ccpi_clock_coarse();
}

/* `now`, which is not from before the node's wait began.  lock is held. */
CCPI_INLINE void ccpi_crowd_parks(ccp_chan *c, ccpi_side s, ccpi_node *n, uint64_t now)
{
    ccpi_parked_stats *w = &c->waits[s];
    w->count++;
    w->all_ns -= now;
    if (!c->parked[s].first)
        w->some_ns -= now;
    ccpi_queue_add(&c->parked[s], n);
}
CCPI_INLINE void ccpi_crowd_unparks(ccp_chan *c, ccpi_side s, ccpi_node *n, uint64_t now)
{
    ccpi_parked_stats *w = &c->waits[s];
    ccpi_queue_remove(&c->parked[s], n);
    w->all_ns += now;
    if (!c->parked[s].first)
        w->some_ns += now;
}

/* Queues a node and counts it; `active` if the thread was active until now.  lock is held. */
CCPI_INLINE void ccpi_crowd_enter(ccp_chan *c, ccpi_side s, ccpi_node *n, bool active, uint64_t now)
{
    ccpi_crowd_parks(c, s, n, now);
    ccpi_crowd_add(c, s, CCPI_PARKED_ONE - (active ? 1 : 0));
    if (c->flavor == CCPI_MEET)
        ccpi_poll_tell_locked(c, ccpi_other(s)); /* P3 */
}

/* Takes a node out, if it still is in; true if it was.  `active`: the thread will look again. */
bool ccpi_crowd_withdraw(ccp_chan *c, ccpi_side s, ccpi_node *n, bool active, uint64_t now);

/* Sets `closed`, and wakes everybody on both sides; true for the first to do so. */
bool ccpi_crowd_release_all(ccp_chan *c);

/* Is there something to do for a side?  After the asker was counted in. */
bool ccpi_chan_ready(const ccp_chan *c, ccpi_side s);

#endif
