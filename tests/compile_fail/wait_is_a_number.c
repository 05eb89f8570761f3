/* SPDX-License-Identifier: MIT
 *
 * How long to wait is said in words: a bare number is no ccp_wait.
 * Expect: incompatible type|could not convert|no matching function
 */
#include "ccp.h"

ccp_status use(ccp_chan *ch, int *v);
ccp_status use(ccp_chan *ch, int *v)
{
#ifdef WRONG
    return ccp_chan_recv(ch, v, 50);
#else
    return ccp_chan_recv(ch, v, ccp_within(CCP_MS(50)));
#endif
}
