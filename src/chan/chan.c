/* SPDX-License-Identifier: MIT
 *
 * The public calls of a channel: guards, the fast path, and the way to the slow one.
 */
/* uses: count crowd meet poll ring slow */
#include "chan/chan.h"

#include "block/wait.h"
#include "chan/count.h"
#include "chan/crowd.h"
#include "chan/meet.h"
#include "chan/poll.h"
#include "chan/ring.h"
#include "chan/slow.h"

static bool can_send(const ccp_chan *ch, const void *elem)
{
    return ch && ch->flavor != CCPI_TIMER && (elem || ch->elem_size == 0);
}

/* The whole operation, for any flavor; the context was looked at. */
static ccp_status transfer(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w)
{
    if (c->flavor == CCPI_MEET)
        return ccpi_meet(c, side, elem, w);
    bool waits = !ccpi_wait_not_at_all(w);
    ccp_status st = ccpi_chan_try(c, side, elem, !waits);
    if (st != CCP_AGAIN)
        return st;
    if (waits)
        return ccpi_chan_wait(c, side, elem, w);
    ccpi_poll_again(c, side);
    return CCP_AGAIN;
}

/* ---- fast paths ----
 *
 * One attempt, for rings of words, without a call and so without a frame; whatever is rare is
 * outlined and called last.  It is the path of R1 to R4 in ring.h like any other. */

static CCPI_NOINLINE ccp_status send_slow(ccp_chan *ch, const void *elem, ccp_wait w)
{
    if (!can_send(ch, elem))
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    return st == CCP_OK ? transfer(ch, CCPI_SENDERS, (void *)(uintptr_t)elem, w) : st;
}

static CCPI_NOINLINE ccp_status recv_slow(ccp_chan *ch, void *elem, ccp_wait w)
{
    if (!ch)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    return st == CCP_OK ? transfer(ch, CCPI_RECEIVERS, elem, w) : st;
}

static CCPI_NOINLINE ccp_status sent(ccp_chan *c, uint64_t pos, const ccpi_slot *at)
{
    ccpi_ring_sent(c, pos, at);
    return CCP_OK;
}

static CCPI_NOINLINE ccp_status received(ccp_chan *c, uint64_t pos, const ccpi_slot *at)
{
    ccpi_ring_received(c, pos, at);
    return CCP_OK;
}

/* At a position that is not plain. */
static CCPI_NOINLINE ccp_status send_and_look(ccp_chan *ch, const void *elem, ccp_wait w,
                                              uint64_t pos)
{
    uint64_t t = pos;
    ccpi_slot *slot = ccpi_ring_slot(ch, t);
    uint64_t next = ccpi_ring_next(ch, t);
    return CCPI_LIKELY(ccpi_ring_win_put(ch, elem, sizeof(uint64_t), &t, next, slot))
               ? sent(ch, pos, slot)
               : send_slow(ch, elem, w);
}

ccp_status ccp_chan_send(ccp_chan *ch, const void *elem, ccp_wait w)
{
    if (CCPI_LIKELY(ch && ch->words && elem && ccpi_wait_may_enter(w))) {
        uint64_t t = atomic_load_explicit(&ch->tail, CCPI_RLX), pos = t;
        ccpi_slot *slot = ccpi_ring_slot(ch, t);
        /* [R1] acquire, as in ccpi_ring_put().  A tail that is closed is no slot's stamp. */
        if (CCPI_LIKELY(atomic_load_explicit(&slot->stamp, CCPI_ACQ) == t)) {
            if (CCPI_UNLIKELY(!ccpi_ring_is_plain(ch, t)))
                return send_and_look(ch, elem, w, t);
            if (CCPI_LIKELY(ccpi_ring_win_put(ch, elem, sizeof(uint64_t), &t, t + 1, slot)))
                return CCPI_LIKELY(!ccpi_crowd_parked(ccpi_crowd_load(ch, CCPI_RECEIVERS)))
                           ? CCP_OK
                           : sent(ch, pos, slot);
        }
    }
    return send_slow(ch, elem, w);
}

ccp_status ccp_chan_recv(ccp_chan *ch, void *elem, ccp_wait w)
{
    if (CCPI_LIKELY(ch && ch->words && elem && ccpi_wait_may_enter(w))) {
        uint64_t h = atomic_load_explicit(&ch->head, CCPI_RLX), pos = h;
        ccpi_slot *slot = ccpi_ring_slot(ch, h);
        /* [R2] acquire, as in ccpi_ring_take(). */
        if (CCPI_LIKELY(atomic_load_explicit(&slot->stamp, CCPI_ACQ) == h + 1) &&
            ccpi_ring_win_take(ch, elem, sizeof(uint64_t), &h, slot))
            return CCPI_LIKELY(!ccpi_crowd_parked(ccpi_crowd_load(ch, CCPI_SENDERS)))
                       ? CCP_OK
                       : received(ch, pos, slot);
    }
    return recv_slow(ch, elem, w);
}

/* ---- batches ---- */

/* As many as go without waiting; 0 if none. */
static size_t batch(ccp_chan *c, ccpi_side side, void *elems, size_t n)
{
    bool closed;
    if (c->flavor == CCPI_RING)
        return side == CCPI_SENDERS ? ccpi_ring_send_n(c, elems, n) : ccpi_ring_recv_n(c, elems, n);
    if (c->flavor == CCPI_COUNT)
        return side == CCPI_SENDERS ? ccpi_count_send(c, n, &closed)
                                    : ccpi_count_recv(c, n, &closed);
    return 0;
}

/* The first element by waiting, if need be; then what goes with it. */
static ccp_status batch_wait(ccp_chan *c, ccpi_side side, void *elems, size_t n, size_t *done,
                             ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    size_t k = batch(c, side, elems, n);
    if (k == 0) {
        st = transfer(c, side, elems, w);
        if (st != CCP_OK)
            return st;
        void *rest = elems ? (char *)elems + c->elem_size : NULL;
        k = 1 + (n > 1 ? batch(c, side, rest, n - 1) : 0);
    }
    *done = k;
    return CCP_OK;
}

ccp_status ccp_chan_send_n(ccp_chan *ch, const void *elems, size_t n, size_t *sent, ccp_wait w)
{
    if (!can_send(ch, elems) || n == 0 || !sent)
        return CCP_INVAL;
    return batch_wait(ch, CCPI_SENDERS, (void *)(uintptr_t)elems, n, sent, w);
}

ccp_status ccp_chan_recv_n(ccp_chan *ch, void *elems, size_t n, size_t *got, ccp_wait w)
{
    if (!ch || n == 0 || !got)
        return CCP_INVAL;
    return batch_wait(ch, CCPI_RECEIVERS, elems, n, got, w);
}

/* ---- questions ---- */

size_t ccp_chan_len(const ccp_chan *ch)
{
    if (!ch || ch->flavor == CCPI_MEET || ch->flavor == CCPI_DEAD)
        return 0;
    if (ch->flavor == CCPI_TIMER)
        return ccpi_chan_ready(ch, CCPI_RECEIVERS) && !ccpi_chan_closed(ch);
    return ch->flavor == CCPI_RING ? ccpi_ring_len(ch)
                                   : (size_t)(ccpi_count_word(ch) & ~CCPI_COUNT_CLOSED);
}

size_t ccp_chan_cap(const ccp_chan *ch)
{
    return ch ? ch->capacity : 0;
}

bool ccp_chan_is_closed(const ccp_chan *ch)
{
    if (!ch || ch->flavor == CCPI_DEAD)
        return true;
    if (ch->flavor == CCPI_TIMER || ch->flavor == CCPI_MEET)
        return ccpi_chan_closed(ch);
    /* [C1] seq_cst: the truth, of which `closed` is the copy; a close that returned is seen. */
    return (atomic_load_explicit(&ch->tail, CCPI_SC) & ch->mark) != 0;
}

static size_t waiting(const ccp_chan *c, ccpi_side s)
{
    size_t parked = ccpi_crowd_parked(ccpi_crowd_load(c, s));
    bool counted = c->flavor != CCPI_MEET && ccpi_poll_is_armed(ccpi_poll_of(c), s);
    return parked && counted ? parked - 1 : parked;
}

ccp_status ccp_chan_get_info(const ccp_chan *ch, ccp_chan_info *out)
{
    if (!ch || !out)
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    *out = (ccp_chan_info){
        .elem_size = ch->elem_size,
        .capacity = ccp_chan_cap(ch),
        .len = ccp_chan_len(ch),
        .high_water = (size_t)atomic_load_explicit(&ch->high_water, CCPI_RLX),
        .waiting_senders = waiting(ch, CCPI_SENDERS),
        .waiting_receivers = waiting(ch, CCPI_RECEIVERS),
        .closed = ccp_chan_is_closed(ch),
        .name = ch->name,
    };
    if (ch->flavor == CCPI_RING)
        ccpi_ring_totals(ch, &out->sent, &out->received);
    if (out->high_water == 0 && out->sent != 0)
        out->high_water = 1; /* who sent the first has not looked yet */
    return CCP_OK;
}

static ccp_side_stats side_stats(const ccp_chan *c, ccpi_side s, uint64_t now)
{
    const ccpi_parked_stats *w = &c->waits[s];
    uint64_t parked = 0;
    for (const ccpi_link *l = c->parked[s].first; l; l = l->next)
        parked++;
    return (ccp_side_stats){ .waits = w->count,
                             .blocked_ns = (int64_t)(w->all_ns + parked * now),
                             .some_ns = (int64_t)(w->some_ns + (parked ? now : 0)) };
}

ccp_status ccp_chan_get_stats(ccp_chan *ch, ccp_chan_stats *out)
{
    if (!ch || !out)
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    (void)ccp_chan_get_info(ch, &out->info);
    ccpi_lock_acquire(&ch->lock);
    out->at_ns = ccpi_clock_coarse();
    out->send = side_stats(ch, CCPI_SENDERS, (uint64_t)out->at_ns);
    out->receive = side_stats(ch, CCPI_RECEIVERS, (uint64_t)out->at_ns);
    ccpi_lock_release(&ch->lock);
    return CCP_OK;
}
