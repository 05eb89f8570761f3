/* SPDX-License-Identifier: MIT
 *
 * A typed context value has its own type.
 * Expect: incompatible pointer type|cannot convert|no matching function
 */
#include "ccp.h"

CCP_CTX_VALUE_DEFINE(limit, int);

ccp_ctx *use(ccp_ctx *parent);
ccp_ctx *use(ccp_ctx *parent)
{
#ifdef WRONG
    static double value = 1;
#else
    static int value = 1;
#endif
    return limit_of(parent) ? parent : limit_new(parent, &value);
}
