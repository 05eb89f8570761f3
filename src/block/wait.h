/* SPDX-License-Identifier: MIT
 *
 * What a ccp_wait means: the context first, then time.
 */
#ifndef CCPI_BLOCK_WAIT_H
#define CCPI_BLOCK_WAIT_H
/* uses: ctx waiter */

#include "block/ctx.h"
#include "block/waiter.h"

/* W2: has the context ended?  CCP_OK if not.  To be called first by every call with a ccp_wait. */
CCPI_INLINE ccp_status ccpi_wait_enter(ccp_wait w)
{
    return CCPI_LIKELY(!w.ctx_) ? CCP_OK : ccpi_ctx_check(w.ctx_);
}

/* The same, as far as one load can tell: false means, ask ccpi_wait_enter(). */
CCPI_INLINE bool ccpi_wait_may_enter(ccp_wait w)
{
    /* Relaxed: CCP_OK is the first value, which nobody published. */
    return CCPI_LIKELY(!w.ctx_) ||
           (w.ctx_->deadline == CCPI_NEVER &&
            atomic_load_explicit(&w.ctx_->status, CCPI_RLX) == (uint32_t)CCP_OK);
}

CCPI_INLINE bool ccpi_wait_not_at_all(ccp_wait w)
{
    return w.ns_ == 0;
}

/* When a wait that begins now ends, by time alone: its own or its context's deadline. */
int64_t ccpi_wait_deadline(ccp_wait w);

/* The status of a wait whose time is over: marks the context, if it was its deadline. */
ccp_status ccpi_wait_over(ccp_wait w);

/* Puts a new waiter into the context's queue; false if the context has ended.  To be done before it
 * goes into other queues: whoever sees it wait there may rely on the context being watched. */
bool ccpi_wait_watch(ccp_wait w, ccpi_waiter *waiter, ccpi_node *n);
void ccpi_wait_unwatch(ccp_wait w, ccpi_node *n);

/* Watches, sleeps, and stops watching; gives the verdict. */
uint32_t ccpi_wait_sleep(ccp_wait w, ccpi_waiter *waiter, int64_t deadline);

#endif
