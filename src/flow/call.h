/* SPDX-License-Identifier: MIT
 *
 * Tasks of a pool that settle a future.
 */
#ifndef CCPI_FLOW_CALL_H
#define CCPI_FLOW_CALL_H

#include "ccp.h"

/* The task (fn, arg) will not run: if it is one that settles a future, that fails, and the result
 * is true. */
bool ccpi_call_undo(ccp_task fn, void *arg);

#endif
