/* SPDX-License-Identifier: MIT
 *
 * Timer channels: the element is computed when somebody receives it.
 *
 *   tail = the time at which the next element is due, or CCPI_NEVER.
 *
 *   T1  A receiver that wins tail by a compare-and-swap has the element that was due then.
 *   T2  tail only grows.
 */
#ifndef CCPI_CHAN_TIMER_H
#define CCPI_CHAN_TIMER_H
/* uses: chan */

#include "chan/chan.h"

CCPI_INLINE int64_t ccpi_timer_due(const ccp_chan *c)
{
    /* Relaxed: the time is all there is to know. */
    return (int64_t)atomic_load_explicit(&c->tail, CCPI_RLX);
}

bool ccpi_timer_ready(const ccp_chan *c);
ccp_status ccpi_timer_try(ccp_chan *c, void *elem);

#endif
