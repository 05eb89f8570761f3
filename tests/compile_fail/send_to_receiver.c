/* SPDX-License-Identifier: MIT
 *
 * Nothing can be sent through the view of a receiver.
 * Expect: incompatible type|could not convert|no matching function
 */
#include "ccp.h"

CCP_CHAN_DEFINE(ints, int);

ccp_status use(ints all, const int *v);
ccp_status use(ints all, const int *v)
{
#ifdef WRONG
    return ints_send(ints_receiver(all), v, CCP_NOWAIT);
#else
    return ints_send(ints_sender(all), v, CCP_NOWAIT);
#endif
}
