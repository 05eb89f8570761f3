/* SPDX-License-Identifier: MIT
 *
 * A receiver's view cannot close: closing is the sender's.
 * Expect: incompatible type|could not convert|no matching function
 */
#include "ccp.h"

CCP_CHAN_DEFINE(ints, int);

ccp_status use(ints_tx out, ints_rx in);
ccp_status use(ints_tx out, ints_rx in)
{
#ifdef WRONG
    (void)out;
    return ints_close(in);
#else
    (void)in;
    return ints_close(out);
#endif
}
