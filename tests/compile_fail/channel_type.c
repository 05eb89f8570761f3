/* SPDX-License-Identifier: MIT
 *
 * A typed channel of one type is no channel of another, even if their elements are the same.
 * Expect: incompatible type|could not convert|no matching function
 */
#include "ccp.h"

CCP_CHAN_DEFINE(meters, double);
CCP_CHAN_DEFINE(seconds, double);

ccp_status use(meters_rx m, seconds_rx s, double *v);
ccp_status use(meters_rx m, seconds_rx s, double *v)
{
#ifdef WRONG
    (void)m;
    return meters_recv(s, v, CCP_NOWAIT);
#else
    (void)s;
    return meters_recv(m, v, CCP_NOWAIT);
#endif
}
