/* SPDX-License-Identifier: MIT
 *
 * What the library waits for on its own account, until it is so: no watch ends such a wait (DG7).
 * The thread calls nothing of the program in it.
 */
#ifndef CCPI_COORD_AWAIT_H
#define CCPI_COORD_AWAIT_H

#include "base/machine.h"
#include "ccp.h"

CCPI_INLINE void ccpi_await_group(ccp_group *g)
{
    ccpi_self_get()->firm = true;
    (void)ccp_group_wait(g, CCP_FOREVER);
    ccpi_self_get()->firm = false;
}

CCPI_INLINE void ccpi_await_wg(ccp_wg *wg)
{
    ccpi_self_get()->firm = true;
    (void)ccp_wg_wait(wg, CCP_FOREVER);
    ccpi_self_get()->firm = false;
}

CCPI_INLINE void ccpi_await_hook(ccp_hook *h)
{
    ccpi_self_get()->firm = true;
    (void)ccp_ctx_unhook(h, CCP_FOREVER);
    ccpi_self_get()->firm = false;
}

/* For an element, or the end; false: that. */
CCPI_INLINE bool ccpi_await_elem(ccp_chan *ch, void *elem)
{
    ccpi_self_get()->firm = true;
    ccp_status st = ccp_chan_recv(ch, elem, CCP_FOREVER);
    ccpi_self_get()->firm = false;
    return st == CCP_OK;
}

#endif
