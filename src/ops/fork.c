/* SPDX-License-Identifier: MIT
 *
 * Whether objects are dead in the children of forks; what becomes of each kind is said where that
 * is at home (base/track.h, T6).
 */
#include "base/track.h"
#include "ccp.h"

ccp_status ccp_fork_guard(bool on)
{
    if (on && !ccpi_tracks())
        return CCP_CLOSED;
    ccpi_track_guard(on);
    return CCP_OK;
}
