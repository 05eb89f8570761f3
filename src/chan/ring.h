/* SPDX-License-Identifier: MIT
 *
 * The ring: a bounded queue of fixed-size elements for any number of threads; never sleeps.
 *
 * Representation  Of the positions (base/position.h) tail is the next one to send at, head the next
 *                 one to receive at.  Each slot has a stamp before its element.
 *                 The mark, C, is in tail only, and means closed; it is set once.  Every send must
 *                 win tail by a compare-and-swap that expects C clear: after it none can succeed.
 *
 * Invariants      for the slot of position p (C clear):
 *   R1  stamp == p        the slot is free, for the sender that wins tail == p.
 *   R2  stamp == p + 1    it holds the element of p, for the receiver that wins head == p.
 *   R3  stamp == p + lap  it is free for the next round: R1 of p + lap.
 *   R4  Between winning a position and storing the stamp the winner alone uses the slot's element.
 *   R5  head <= tail <= head + lap, as positions; tail - C == head is empty, == head + lap is full.
 *       A slot that was won and has no stamp yet is neither empty nor full: whoever needs to know
 *       waits for the stamp.  (To say "empty" then would lose wake-ups, and make a NOWAIT receive
 *       fail after a send that has returned.)
 *   R6  look is 2^k - 1 <= mark - 1.  So whatever it is, the last position of a round is not plain.
 * Progress        Lock-free, but for the wait in R5, which lasts as long as one copy by another
 *                 thread.
 */
#ifndef CCPI_CHAN_RING_H
#define CCPI_CHAN_RING_H
/* uses: chan crowd */

#include "base/backoff.h"
#include "base/position.h"
#include "chan/chan.h"
#include "chan/crowd.h"

typedef struct ccpi_slot {
    ccpi_word64 stamp;
    unsigned char elem[];
} ccpi_slot;

CCPI_INLINE ccpi_slot *ccpi_ring_slot(const ccp_chan *c, uint64_t pos)
{
    size_t at = c->origin + (size_t)(pos & (c->mark - 1)) * c->stride;
    return (ccpi_slot *)(void *)((unsigned char *)(uintptr_t)c + at);
}

/* A rendezvous has one slot (meet.c). */
CCPI_INLINE size_t ccpi_ring_places(const ccp_chan *c)
{
    return c->capacity + (c->capacity == 0);
}

CCPI_INLINE uint64_t ccpi_ring_next(const ccp_chan *c, uint64_t pos)
{
    if (CCPI_LIKELY(!ccpi_position_is_last(pos, c->mark)))
        return pos + 1;
    return ccpi_position_next_round(pos, ccpi_ring_places(c), c->lap);
}

/* Elements between two positions, from <= to. */
CCPI_INLINE uint64_t ccpi_ring_distance(const ccp_chan *c, uint64_t from, uint64_t to)
{
    return ccpi_position_distance(from, to, ccpi_ring_places(c), c->mark);
}

/* Is a send at pos neither the last of a round (R6), nor one that has to look at the high water?
 * Then the next position is pos + 1.  One question for both costs a send nothing; two, 3 %. */
CCPI_INLINE bool ccpi_ring_is_plain(const ccp_chan *c, uint64_t pos)
{
    return ((pos + 1) & atomic_load_explicit(&c->look, CCPI_RLX)) != 0;
}

/* The position pos was won, and is not plain: notes a new high water, and sets the next look. */
void ccpi_ring_look(ccp_chan *c, uint64_t pos);

/* Is there an element (room) at the front of the queue?  A hint, and cheap. */
CCPI_INLINE bool ccpi_ring_hint(const ccp_chan *c, ccpi_side side)
{
    if (side == CCPI_RECEIVERS) {
        uint64_t h = atomic_load_explicit(&c->head, CCPI_RLX);
        return atomic_load_explicit(&ccpi_ring_slot(c, h)->stamp, CCPI_RLX) == h + 1;
    }
    uint64_t t = atomic_load_explicit(&c->tail, CCPI_RLX);
    return (t & c->mark) || atomic_load_explicit(&ccpi_ring_slot(c, t)->stamp, CCPI_RLX) == t;
}

/* Is there something to do for a side: an element (room), or the end?  To be asked after the asker
 * has been counted in the crowd. */
CCPI_INLINE bool ccpi_ring_ready(const ccp_chan *c, ccpi_side side)
{
    /* [D1] seq_cst, Dekker: the crowd word was changed (seq_cst) before these loads; a send or
     * receive wins its position (seq_cst) before it loads the crowd word [D2].  One of the two sees
     * the other.  head first: it can only come nearer to the tail read after it. */
    uint64_t h = atomic_load_explicit(&c->head, CCPI_SC);
    uint64_t t = atomic_load_explicit(&c->tail, CCPI_SC); /* [D1] as above */
    if (t & c->mark)
        return true;
    return side == CCPI_RECEIVERS ? t != h : t != h + c->lap;
}

/* The slot of *t has stamp *t (R1), and next is the position after it: tries to win tail, and puts
 * the element in.  On failure *t is the tail found.  size is elem_size, perhaps as a constant. */
CCPI_INLINE bool ccpi_ring_win_put(ccp_chan *c, const void *elem, size_t size, uint64_t *t,
                                   uint64_t next, ccpi_slot *slot)
{
    uint64_t pos = *t;
    /* [D2] seq_cst: before the load of the crowd in notify().  LP: the element is accepted. */
    if (CCPI_UNLIKELY(
            !atomic_compare_exchange_weak_explicit(&c->tail, t, next, CCPI_SC, CCPI_RLX)))
        return false;
    ccpi_copy(slot->elem, elem, size);
    /* [R2] release: the element.  Pairs with the acquires before ccpi_ring_win_take(). */
    atomic_store_explicit(&slot->stamp, pos + 1, CCPI_REL);
    return true;
}

/* The slot of *h has stamp *h + 1 (R2): tries to win head, and takes the element out. */
CCPI_INLINE bool ccpi_ring_win_take(ccp_chan *c, void *elem, size_t size, uint64_t *h,
                                    ccpi_slot *slot)
{
    uint64_t pos = *h;
    /* [D2] seq_cst: before the load of the crowd in notify().  LP: the element is received. */
    if (CCPI_UNLIKELY(!atomic_compare_exchange_weak_explicit(&c->head, h, ccpi_ring_next(c, pos),
                                                             CCPI_SC, CCPI_RLX)))
        return false;
    if (CCPI_LIKELY(elem != NULL))
        ccpi_copy(elem, slot->elem, size);
    /* [R3] release: the slot is free again.  Pairs with the acquires [R1]. */
    atomic_store_explicit(&slot->stamp, pos + c->lap, CCPI_REL);
    return true;
}

/* Puts one element in, at *pos in slot *at; wakes nobody.  CCP_AGAIN: full (if `exact`), or perhaps
 * not free yet (if not). */
CCPI_INLINE ccp_status ccpi_ring_put(ccp_chan *c, const void *elem, const bool exact, uint64_t *pos,
                                     ccpi_slot **at)
{
    uint64_t t = atomic_load_explicit(&c->tail, CCPI_RLX);
    for (unsigned tries = 0;;) {
        if (CCPI_UNLIKELY(t & c->mark)) { /* LP: the load that found it */
            /* [C2] acquire: what the closer did is seen.  Pairs with mark_closed(). */
            (void)atomic_load_explicit(&c->tail, CCPI_ACQ);
            return CCP_CLOSED;
        }
        ccpi_slot *slot = ccpi_ring_slot(c, t);
        /* [R1] acquire: the receiver has copied the former element out.  Pairs with [R3]. */
        uint64_t stamp = atomic_load_explicit(&slot->stamp, CCPI_ACQ);
        if (CCPI_LIKELY(stamp == t)) {
            *pos = t;
            *at = slot;
            uint64_t next = ccpi_ring_next(c, t);
            if (CCPI_LIKELY(ccpi_ring_win_put(c, elem, c->elem_size, &t, next, slot)))
                return CCP_OK;
            continue;
        }
        if (stamp + c->lap == t + 1) { /* still holds the element of the last round */
            if (!exact)
                return CCP_AGAIN;
            /* [F1] seq_cst: a receive that won head [D2] before this call began is seen.
             * LP(full): this load; tail was not beyond t then, and not closed. */
            if (atomic_load_explicit(&c->head, CCPI_SC) + c->lap == t &&
                atomic_load_explicit(&c->tail, CCPI_SC) == t) /* [F1] so is a close */
                return CCP_AGAIN;
        }
        uint64_t now = atomic_load_explicit(&c->tail, CCPI_RLX);
        if (now == t)
            ccpi_backoff(&tries); /* R5 */
        t = now;
    }
}

/* Takes one element out, from *pos in slot *at; wakes nobody.  CCP_AGAIN: empty (if `exact`), or
 * perhaps not there yet (if not). */
CCPI_INLINE ccp_status ccpi_ring_take(ccp_chan *c, void *elem, const bool exact, uint64_t *pos,
                                      ccpi_slot **at)
{
    uint64_t h = atomic_load_explicit(&c->head, CCPI_RLX);
    for (unsigned tries = 0;;) {
        ccpi_slot *slot = ccpi_ring_slot(c, h);
        /* [R2] acquire: the element.  Pairs with the release in ccpi_ring_put(). */
        uint64_t stamp = atomic_load_explicit(&slot->stamp, CCPI_ACQ);
        if (CCPI_LIKELY(stamp == h + 1)) {
            *pos = h;
            *at = slot;
            if (CCPI_LIKELY(ccpi_ring_win_take(c, elem, c->elem_size, &h, slot)))
                return CCP_OK;
            continue;
        }
        if (stamp == h) { /* nothing sent at h yet */
            if (!exact)
                return CCP_AGAIN;
            /* [F1] seq_cst: a send that won tail [D2] before this call began is seen.
             * LP(empty): this load; head was read before, and if it is stale it was emptier. */
            uint64_t t = atomic_load_explicit(&c->tail, CCPI_SC);
            if ((t & ~c->mark) == h)
                return t & c->mark ? CCP_CLOSED : CCP_AGAIN;
        }
        uint64_t now = atomic_load_explicit(&c->head, CCPI_RLX);
        if (now == h)
            ccpi_backoff(&tries); /* R5 */
        h = now;
    }
}

/* What is to be done once an element was put in at pos. */
CCPI_INLINE void ccpi_ring_sent(ccp_chan *c, uint64_t pos, const ccpi_slot *at)
{
    if (CCPI_UNLIKELY(!ccpi_ring_is_plain(c, pos)))
        ccpi_ring_look(c, pos);
    ccpi_crowd_notify(c, CCPI_RECEIVERS, pos, &at->stamp, pos + 1);
}

/* What is to be done once the element at pos was taken out. */
CCPI_INLINE void ccpi_ring_received(ccp_chan *c, uint64_t pos, const ccpi_slot *at)
{
    ccpi_crowd_notify(c, CCPI_SENDERS, pos, &at->stamp, pos + c->lap);
}

/* Puts one element in, and wakes a receiver if that is called for. */
CCPI_INLINE ccp_status ccpi_ring_send(ccp_chan *c, const void *elem, const bool exact)
{
    uint64_t pos;
    ccpi_slot *at;
    ccp_status st = ccpi_ring_put(c, elem, exact, &pos, &at);
    if (CCPI_LIKELY(st == CCP_OK))
        ccpi_ring_sent(c, pos, at);
    return st;
}

/* Takes one element out, and wakes a sender if that is called for. */
CCPI_INLINE ccp_status ccpi_ring_recv(ccp_chan *c, void *elem, const bool exact)
{
    uint64_t pos;
    ccpi_slot *at;
    ccp_status st = ccpi_ring_take(c, elem, exact, &pos, &at);
    if (CCPI_LIKELY(st == CCP_OK))
        ccpi_ring_received(c, pos, at);
    return st;
}

/* As many of n elements as there is room for; 0 if there is none, or it is closed. */
size_t ccpi_ring_send_n(ccp_chan *c, const void *elems, size_t n);

/* As many of n elements as there are. */
size_t ccpi_ring_recv_n(ccp_chan *c, void *elems, size_t n);

/* Takes one element out of a closed ring and gives it to the drop function; false: it is empty.
 * The slot counts as won while the function runs (R4). */
bool ccpi_ring_drop(ccp_chan *c);

/* Elements that were ever sent and received. */
void ccpi_ring_totals(const ccp_chan *c, uint64_t *sent, uint64_t *received);

/* Elements in the ring at some moment during the call. */
size_t ccpi_ring_len(const ccp_chan *c);

#endif
