/* SPDX-License-Identifier: MIT
 *
 * Waiting to send to or receive from a channel that buffers (RING, COUNT) or a timer channel.
 */
#ifndef CCPI_CHAN_SLOW_H
#define CCPI_CHAN_SLOW_H
/* uses: chan */

#include "chan/chan.h"

/* Waits until one element was sent or received, or w ends. */
ccp_status ccpi_chan_wait(ccp_chan *c, ccpi_side side, void *elem, ccp_wait w);

/* Sends or receives one element without waiting; not for MEET.  CCP_AGAIN is certain if `exact`;
 * otherwise it may mean that somebody is in the middle of something. */
ccp_status ccpi_chan_try(ccp_chan *c, ccpi_side side, void *elem, bool exact);

#endif
