/* SPDX-License-Identifier: MIT
 *
 * A receive in a select is from a channel, not from a context.
 * Expect: incompatible pointer type|cannot convert|no matching function
 */
#include "ccp.h"

ccp_case use(ccp_chan *ch, ccp_ctx *ctx, int *v);
ccp_case use(ccp_chan *ch, ccp_ctx *ctx, int *v)
{
#ifdef WRONG
    (void)ch;
    return CCP_CASE_RECV(ctx, v);
#else
    (void)ctx;
    return CCP_CASE_RECV(ch, v);
#endif
}
