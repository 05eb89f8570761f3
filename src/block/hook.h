/* SPDX-License-Identifier: MIT
 *
 * Hooks of contexts, seen from inside.
 *
 *   H1  state: IDLE (all zero) -> SET -> RUNNING -> DONE, or back to IDLE when it is taken back;
 *       under the context's lock.
 *   H2  The runner's last access to a hook is the store of DONE; it has none after the hook's own
 *       function took the hook back.
 *   H3  While a hook is SET or RUNNING its context is not freed.
 *   H4  A hook is in its context's list if and only if it is SET; so it can be taken back until its
 *       turn comes, even by the function of another hook.
 */
#ifndef CCPI_BLOCK_HOOK_H
#define CCPI_BLOCK_HOOK_H

#include "ccp.h"

/* Runs the hooks of a context that has ended, one after the other.  No lock is held. */
void ccpi_hooks_run(ccp_ctx *ctx);

#endif
