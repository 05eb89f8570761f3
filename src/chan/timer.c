/* SPDX-License-Identifier: MIT
 *
 * Timer channels; the invariants are in timer.h.
 */
/* uses: chan crowd life */
#include "chan/timer.h"

#include "chan/crowd.h"
#include "chan/life.h"

bool ccpi_timer_ready(const ccp_chan *c)
{
    if (ccpi_chan_closed(c))
        return true;
    int64_t due = ccpi_timer_due(c);
    return due != CCPI_NEVER && due <= ccpi_clock_now();
}

/* The first time after now that is a whole number of periods after due. */
static int64_t next_due(const ccp_chan *c, int64_t due, int64_t now)
{
    if (c->period == 0)
        return CCPI_NEVER;
    /* No overflow: a first tick that was due came a period after it was set, so the period is
     * shorter than the time that the clock shows. */
    return due + ((now - due) / c->period + 1) * c->period;
}

static void set_due_locked(ccp_chan *c, int64_t due)
{
    atomic_store_explicit(&c->tail, (uint64_t)due, CCPI_RLX); /* see ccpi_timer_due() */
}

static ccp_status take_locked(ccp_chan *c, int64_t *due)
{
    if (ccpi_chan_closed(c))
        return CCP_CLOSED;
    *due = ccpi_timer_due(c);
    int64_t now = *due == CCPI_NEVER ? 0 : ccpi_clock_now();
    if (*due > now)
        return CCP_AGAIN;
    set_due_locked(c, next_due(c, *due, now));
    return CCP_OK;
}

ccp_status ccpi_timer_try(ccp_chan *c, void *elem)
{
    int64_t due = 0;
    if (!ccpi_timer_ready(c))
        return CCP_AGAIN;
    ccpi_lock_acquire(&c->lock);
    ccp_status st = take_locked(c, &due);
    ccpi_lock_release(&c->lock);
    if (st == CCP_OK && elem)
        ccpi_copy(elem, &due, sizeof due);
    return st;
}

/* ---- making ---- */

static int64_t due_in(int64_t ns)
{
    int64_t now = ccpi_clock_now();
    return ns <= 0 ? now : ccpi_time_after(now, ns);
}

static ccp_chan *make(int64_t ns, int64_t period)
{
    ccp_chan *c =
        ccpi_chan_alloc(&(ccp_chan_opts){ .elem_size = sizeof ns, .capacity = 1 }, CCPI_TIMER);
    if (!c)
        return NULL;
    c->period = period;
    set_due_locked(c, due_in(ns)); /* not shared yet */
    return c;
}

ccp_chan *ccp_chan_after(int64_t ns)
{
    return make(ns, 0);
}

ccp_chan *ccp_chan_tick(int64_t ns)
{
    return ns > 0 ? make(ns, ns) : NULL;
}

/* ---- changing ---- */

/* CCP_CLOSED if it is closed; else *was is when the next element was due. */
static ccp_status set_locked(ccp_chan *c, int64_t due, int64_t *was)
{
    if (ccpi_chan_closed(c))
        return CCP_CLOSED;
    *was = ccpi_timer_due(c);
    set_due_locked(c, due);
    return CCP_OK;
}

ccp_status ccp_chan_stop(ccp_chan *ch)
{
    int64_t was = CCPI_NEVER;
    if (!ch || ch->flavor != CCPI_TIMER)
        return ch && ch->flavor == CCPI_DEAD ? CCP_FORKED : CCP_INVAL;
    ccpi_lock_acquire(&ch->lock);
    ccp_status st = set_locked(ch, CCPI_NEVER, &was);
    ccpi_lock_release(&ch->lock);
    return was == CCPI_NEVER ? CCP_CLOSED : st;
}

static ccp_status reset_locked(ccp_chan *c, int64_t ns, ccpi_list *woken)
{
    int64_t due = due_in(ns), was;
    if (c->period && ns <= 0)
        return CCP_INVAL;
    ccp_status st = set_locked(c, due, &was);
    if (st != CCP_OK)
        return st;
    if (c->period)
        c->period = ns;
    if (due < was)
        ccpi_crowd_pop_all(c, CCPI_RECEIVERS, woken); /* T2 */
    return CCP_OK;
}

ccp_status ccp_chan_reset(ccp_chan *ch, int64_t ns)
{
    ccpi_list woken = { NULL, NULL };
    if (!ch || ch->flavor != CCPI_TIMER)
        return ch && ch->flavor == CCPI_DEAD ? CCP_FORKED : CCP_INVAL;
    ccpi_lock_acquire(&ch->lock);
    ccp_status st = reset_locked(ch, ns, &woken);
    ccpi_lock_release(&ch->lock);
    ccpi_wake_all(&woken);
    return st;
}
