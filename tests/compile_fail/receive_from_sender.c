/* SPDX-License-Identifier: MIT
 *
 * Nothing can be received through the view of a sender.
 * Expect: incompatible type|could not convert|no matching function
 */
#include "ccp.h"

CCP_CHAN_DEFINE(ints, int);

ccp_status use(ints all, int *v);
ccp_status use(ints all, int *v)
{
#ifdef WRONG
    return ints_recv(ints_sender(all), v, CCP_NOWAIT);
#else
    return ints_recv(ints_receiver(all), v, CCP_NOWAIT);
#endif
}
