/* SPDX-License-Identifier: MIT
 *
 * A typed channel takes elements of its own type only.
 * Expect: incompatible pointer type|cannot convert|no matching function
 */
#include "ccp.h"

CCP_CHAN_DEFINE(ints, int);

ccp_status use(ints_tx out);
ccp_status use(ints_tx out)
{
#ifdef WRONG
    double v = 1;
#else
    int v = 1;
#endif
    return ints_send(out, &v, CCP_NOWAIT);
}
