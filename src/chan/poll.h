/* SPDX-License-Identifier: MIT
 *
 * Descriptors that tell event loops when one side of a channel may go on.
 *
 *   P1  A side's descriptor cannot be read if and only if the side is armed; both change under the
 *       channel's lock.
 *   P2  RING, COUNT: an armed side counts as one more parked thread of that side (crowd.h), which
 *       never becomes active: whoever is to wake one that is parked finds it under the lock,
 *       disarms it, and wakes a thread besides.  So the crowd's W1 to W3 hold for it, and the paths
 *       without a lock know nothing of it.
 *   P3  MEET: what an armed side waits for is a parked partner; whoever parks looks for it under
 *       the lock.  It is not counted, because it is nobody to meet.  An awake sender whose element
 *       is laid out is not told of: it parks, or is served.
 *   P4  A side is armed when a call there has found nothing to do, and looked at again afterwards
 *       (W3): what came in between raises the descriptor once more.
 */
#ifndef CCPI_CHAN_POLL_H
#define CCPI_CHAN_POLL_H
/* uses: chan */

#include "base/event.h"
#include "chan/chan.h"

typedef struct ccpi_poll {
    bool made[2];         /* under the channel's lock */
    ccpi_word32 armed[2]; /* changed under that lock; P1 */
    ccpi_event event[2];  /* const once made */
} ccpi_poll;

CCPI_INLINE ccpi_poll *ccpi_poll_of(const ccp_chan *c)
{
    /* Relaxed: what it points to is looked at under the lock; NULL means that nobody has a
     * descriptor whom the caller would have to know of. */
    return atomic_load_explicit(&c->poll, CCPI_RLX);
}

/* There is, or may be, work for a side.  lock is held. */
void ccpi_poll_tell_slow_locked(ccp_chan *c, ccpi_side s);
CCPI_INLINE void ccpi_poll_tell_locked(ccp_chan *c, ccpi_side s)
{
    if (CCPI_UNLIKELY(ccpi_poll_of(c) != NULL))
        ccpi_poll_tell_slow_locked(c, s);
}

/* A call without waiting found nothing to do for a side: P4. */
void ccpi_poll_again_slow(ccp_chan *c, ccpi_side s);
CCPI_INLINE void ccpi_poll_again(ccp_chan *c, ccpi_side s)
{
    if (CCPI_UNLIKELY(ccpi_poll_of(c) != NULL))
        ccpi_poll_again_slow(c, s);
}

/* Relaxed: under the lock, or a snapshot. */
CCPI_INLINE bool ccpi_poll_is_armed(const ccpi_poll *p, ccpi_side s)
{
    return p && atomic_load_explicit(&p->armed[s], CCPI_RLX) != 0;
}

/* The channel goes. */
void ccpi_poll_free_slow(ccp_chan *c);
CCPI_INLINE void ccpi_poll_free(ccp_chan *c)
{
    if (CCPI_UNLIKELY(ccpi_poll_of(c) != NULL))
        ccpi_poll_free_slow(c);
}

#endif
