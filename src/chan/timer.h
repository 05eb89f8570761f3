/* SPDX-License-Identifier: MIT
 *
 * Timer channels: the element is computed when somebody receives it.
 *
 *   tail = the time at which the next element is due, or CCPI_NEVER.
 *
 *   T1  tail and period change under the lock.  Who moves tail on from a time that has come has the
 *       element.
 *   T2  Who sleeps until tail comes was queued under the lock before it looked at tail: a change to
 *       an earlier time finds it there and wakes it, or is seen by it.
 */
#ifndef CCPI_CHAN_TIMER_H
#define CCPI_CHAN_TIMER_H
/* uses: chan */

#include "chan/chan.h"

CCPI_INLINE int64_t ccpi_timer_due(const ccp_chan *c)
{
    /* Relaxed: the time is all there is to know, and T2 is by the lock. */
    return (int64_t)atomic_load_explicit(&c->tail, CCPI_RLX);
}

bool ccpi_timer_ready(const ccp_chan *c);
ccp_status ccpi_timer_try(ccp_chan *c, void *elem);

#endif
