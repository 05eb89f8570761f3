/* SPDX-License-Identifier: MIT
 *
 * The slow path of channels that buffer: spin, then park, until the operation succeeds.
 *
 * A thread that is woken has not been given anything: it tries again, and may lose to a thread that
 * was awake.  That keeps the one that runs running; crowd.h says why nothing is lost.
 */
/* uses: chan count crowd ring timer */
#include "chan/slow.h"

#include "block/wait.h"
#include "chan/count.h"
#include "chan/crowd.h"
#include "chan/ring.h"
#include "chan/timer.h"

typedef struct attempt {
    ccp_chan *chan;
    ccpi_side side;
    void *elem;
    ccp_wait wait;
    int64_t deadline;
    bool active; /* counted in the crowd: to be given back by ccpi_crowd_leave() */
} attempt;

ccp_status ccpi_chan_try(ccp_chan *c, ccpi_side side, void *elem, bool exact)
{
    bool sends = side == CCPI_SENDERS;
    switch (c->flavor) {
    case CCPI_RING:
        if (exact)
            return sends ? ccpi_ring_send(c, elem, true) : ccpi_ring_recv(c, elem, true);
        return sends ? ccpi_ring_send(c, elem, false) : ccpi_ring_recv(c, elem, false);
    case CCPI_COUNT:
        return ccpi_count_try(c, side);
    case CCPI_DEAD:
        return CCP_FORKED;
    case CCPI_MEET:
    case CCPI_TIMER:
        break;
    }
    return ccpi_timer_try(c, elem);
}

/* May be wrong in saying CCP_AGAIN; cheaper, while others are in the middle of something. */
static ccp_status try_quick(const attempt *a)
{
    ccp_chan *c = a->chan;
    bool drains = a->side == CCPI_RECEIVERS && ccpi_chan_closed(c);
    if (c->flavor == CCPI_RING && !drains && !ccpi_ring_hint(c, a->side))
        return CCP_AGAIN;
    return ccpi_chan_try(c, a->side, a->elem, drains);
}

bool ccpi_chan_ready(const ccp_chan *c, ccpi_side s)
{
    switch (c->flavor) {
    case CCPI_RING:
        return ccpi_ring_ready(c, s);
    case CCPI_COUNT:
        return ccpi_count_ready(c, s);
    case CCPI_TIMER:
        return ccpi_timer_ready(c);
    case CCPI_DEAD:
        return true;
    case CCPI_MEET:
        break; /* its waiters are not woken to look, but handed what they wait for */
    }
    return false;
}

/* While awake: beside sleepers of the same side, be counted, so that nobody wakes one of them. */
static void count_in(attempt *a)
{
    if (a->active || !ccpi_crowd_parked(ccpi_crowd_rlx(a->chan, a->side)))
        return;
    ccpi_crowd_add(a->chan, a->side, 1);
    a->active = true;
}

static ccp_status spin(attempt *a, ccpi_spin *s)
{
    ccp_chan *c = a->chan;
    ccpi_spin_begin(s, &c->pace[a->side], c->capacity, &c->crowd[ccpi_other(a->side)],
                    a->side == CCPI_SENDERS ? &c->tail : &c->head,
                    a->side == CCPI_SENDERS ? &c->head : &c->tail);
    for (unsigned i = 1; ccpi_spin_once(s); i++) {
        ccp_status st = try_quick(a);
        if (st != CCP_AGAIN) {
            ccpi_spin_won(s);
            return st;
        }
        if (i % 8 == 0)
            count_in(a);
    }
    return CCP_AGAIN;
}

/* When to look again, if nobody wakes us. */
static int64_t next_look(const attempt *a)
{
    if (a->chan->flavor != CCPI_TIMER)
        return a->deadline;
    int64_t due = ccpi_timer_due(a->chan);
    return due < a->deadline ? due : a->deadline;
}

/* Queued: sleeps, unless there is something to do.  CCP_AGAIN: try again; CCP_TIMEOUT: time is
 * over; CCP_CANCELED: the context has ended. */
static ccp_status sleep_queued(attempt *a, ccpi_waiter *waiter, ccpi_node *node)
{
    ccp_chan *c = a->chan;
    bool ready = ccpi_chan_ready(c, a->side); /* W3 */
    int64_t until = next_look(a);
    uint32_t verdict = ready ? ccpi_waiter_give_up(waiter) : ccpi_waiter_sleep(waiter, until);
    a->active = verdict == node->index + 1 ||
                ccpi_crowd_withdraw(c, a->side, node, true, ccpi_crowd_now());
    if (verdict == CCPI_ENDED)
        return CCP_CANCELED;
    return verdict == CCPI_GAVE_UP && !ready && until == a->deadline ? CCP_TIMEOUT : CCP_AGAIN;
}

/* Parks once; *woken: when somebody woke us, or 0. */
static ccp_status park(attempt *a, uint64_t *woken)
{
    ccp_chan *c = a->chan;
    ccpi_waiter waiter;
    ccpi_node node, watch;
    ccpi_waiter_init(&waiter, ccpi_side_call(a->side), c);
    ccpi_node_init(&node, &waiter, 0, NULL);
    *woken = 0;
    if (!ccpi_wait_watch(a->wait, &waiter, &watch))
        return CCP_CANCELED;
    ccpi_lock_acquire(&c->lock);
    ccpi_crowd_enter(c, a->side, &node, a->active, ccpi_crowd_now());
    ccpi_lock_release(&c->lock);
    a->active = false;
    ccp_status st = sleep_queued(a, &waiter, &node);
    ccpi_wait_unwatch(a->wait, &watch);
    *woken = node.woken;
    return st;
}

static ccp_status wait_round(attempt *a)
{
    ccp_chan *c = a->chan;
    ccpi_spin s;
    bool spins = c->flavor != CCPI_TIMER;
    ccp_status st = spins ? spin(a, &s) : CCP_AGAIN;
    if (st != CCP_AGAIN)
        return st;
    uint64_t woken;
    ccp_status ended = park(a, &woken);
    if (spins && woken)
        ccpi_spin_slept(&s, woken);
    if (ended == CCP_CANCELED)
        return ccp_ctx_status(a->wait.ctx_); /* success does not overtake it */
    st = ccpi_chan_try(c, a->side, a->elem, true);
    return st == CCP_AGAIN && ended == CCP_TIMEOUT ? ccpi_wait_over(a->wait) : st;
}

CCPI_NOINLINE ccp_status ccpi_chan_wait(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w)
{
    attempt a = { c, side, elem, w, ccpi_wait_deadline(w), false };
    ccp_status st;
    do
        st = wait_round(&a);
    while (st == CCP_AGAIN);
    if (a.active)
        ccpi_crowd_leave(c, side); /* W2 */
    return st;
}
