/* SPDX-License-Identifier: MIT
 *
 * Descriptors of what is told of by a channel.
 */
#include "ccp.h"

ccp_status ccp_future_fd(ccp_future *f, int *fd)
{
    if (!f || !fd)
        return CCP_INVAL;
    ccp_chan *ch = ccp_future_done(f);
    return ch ? ccp_chan_fd(ch, CCP_POLL_RECV, fd) : CCP_NOMEM;
}
