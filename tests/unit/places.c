/* SPDX-License-Identifier: MIT
 *
 * Calls that say where they are.  Not a line may move here but with test_audit.c.
 */
#define CCP_TRACE_PLACES
#include "ccp.h"

#include "places.h"

ccp_chan *made_at_line_12(void)
{
    return ccp_chan_new(sizeof(long), 1);
}

ccp_group *made_at_line_17(void)
{
    return ccp_group_new(NULL, 1);
}

ccp_status wait_at_line_23(ccp_chan *ch, ccp_wait w)
{
    long v = 0;
    return ccp_chan_recv(ch, &v, w);
}
