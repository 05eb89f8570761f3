/* SPDX-License-Identifier: MIT
 *
 * Timer channels; the invariants are in timer.h.
 */
/* uses: chan life */
#include "chan/timer.h"

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
    /* No overflow: a first tick that was due came a period after ccp_chan_tick(), so the period is
     * shorter than the time that the clock shows. */
    return due + ((now - due) / c->period + 1) * c->period;
}

ccp_status ccpi_timer_try(ccp_chan *c, void *elem)
{
    for (;;) {
        if (ccpi_chan_closed(c))
            return CCP_CLOSED;
        int64_t due = ccpi_timer_due(c);
        int64_t now = due == CCPI_NEVER ? 0 : ccpi_clock_now();
        if (due > now)
            return CCP_AGAIN;
        uint64_t expect = (uint64_t)due;
        /* Relaxed, see ccpi_timer_due().  LP: T1. */
        if (atomic_compare_exchange_strong_explicit(
                &c->tail, &expect, (uint64_t)next_due(c, due, now), CCPI_RLX, CCPI_RLX)) {
            if (elem)
                ccpi_copy(elem, &due, sizeof due);
            return CCP_OK;
        }
        ccpi_relax();
    }
}

static ccp_chan *make(int64_t ns, int64_t period)
{
    ccp_chan *c =
        ccpi_chan_alloc(&(ccp_chan_opts){ .elem_size = sizeof ns, .capacity = 1 }, CCPI_TIMER);
    if (!c)
        return NULL;
    int64_t now = ccpi_clock_now();
    int64_t due = ns <= 0 ? now : ns < CCPI_NEVER - now ? now + ns : CCPI_NEVER;
    c->period = period;
    atomic_store_explicit(&c->tail, (uint64_t)due, CCPI_RLX); /* not shared yet */
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
