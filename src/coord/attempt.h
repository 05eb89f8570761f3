/* SPDX-License-Identifier: MIT
 *
 * A context for one call of a function of the program.
 */
#ifndef CCPI_COORD_ATTEMPT_H
#define CCPI_COORD_ATTEMPT_H

#include "base/atomic.h"
#include "base/backoff.h"
#include "ccp.h"

/* Ends and frees a context whose function has returned.  What that left behind under it, a thread
 * that waits or a hook that runs elsewhere, is ended by this, and waited for.  NULL is allowed. */
CCPI_INLINE void ccpi_attempt_end(ccp_ctx *ctx)
{
    if (ccp_ctx_free(ctx) == CCP_OK)
        return;
    ccp_ctx_cancel(ctx);
    for (unsigned tries = 0; ccp_ctx_free(ctx) != CCP_OK;)
        ccpi_backoff(&tries);
}

#endif
