/* SPDX-License-Identifier: MIT
 *
 * Descriptors of what is told of by a channel.
 */
#include "base/track.h"
#include "ccp.h"

ccp_status ccp_future_fd(ccp_future *f, int *fd)
{
    if (!f || !fd)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    ccp_chan *ch = ccp_future_done(f);
    return ch ? ccp_chan_fd(ch, CCP_POLL_RECV, fd) : CCP_NOMEM;
}
