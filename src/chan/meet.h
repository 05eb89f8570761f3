/* SPDX-License-Identifier: MIT
 *
 * The rendezvous: an element goes from one thread's hands into another's.
 */
#ifndef CCPI_CHAN_MEET_H
#define CCPI_CHAN_MEET_H
/* uses: chan crowd */

#include "chan/chan.h"
#include "chan/crowd.h"

/* Sends or receives without waiting: only with a partner that waits. */
ccp_status ccpi_meet_try(ccp_chan *c, ccpi_side side, void *elem);

/* Sends or receives, waiting under w. */
ccp_status ccpi_meet(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w);

/* Serves a parked partner of `side`: copies, and gives its node, to be woken by ccpi_crowd_wake()
 * once the lock, which is held, has been released.  NULL if there is none. */
ccpi_node *ccpi_meet_match(ccp_chan *c, ccpi_side side, void *elem, bool oldest);

/* The node's thread was served and goes its way. */
CCPI_INLINE void ccpi_meet_done(ccp_chan *c, ccpi_side side)
{
    ccpi_crowd_add(c, side, -(uint64_t)1);
}

/* Is there perhaps a partner for this side? */
bool ccpi_meet_hint(const ccp_chan *c, ccpi_side side);

/* Has an awake sender laid out an element?  To be asked after the receiver was counted as
 * parked. */
bool ccpi_meet_laid_out(const ccp_chan *c);

#endif
