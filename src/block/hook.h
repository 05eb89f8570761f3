/* SPDX-License-Identifier: MIT
 *
 * Hooks of contexts, seen from inside.
 *
 *   H1  state: IDLE (all zero) -> SET -> RUNNING -> DONE, or SET -> IDLE; under the context's lock,
 *       but for the last step of a hook that runs in ccp_ctx_hook() itself.
 *   H2  The runner's last access to a hook is the store of DONE; a waiter that it won is woken
 *       after.
 *   H3  While a hook is SET or RUNNING its context is not freed.
 */
#ifndef CCPI_BLOCK_HOOK_H
#define CCPI_BLOCK_HOOK_H
/* uses: ctx */

#include "block/ctx.h"

/* Moves the hooks of ctx to *list as RUNNING.  ctx's lock is held. */
void ccpi_hooks_take(ccp_ctx *ctx, ccp_hook **list);

/* Runs them.  No lock is held. */
void ccpi_hooks_run(ccp_hook *list);

#endif
