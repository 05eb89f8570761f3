/* SPDX-License-Identifier: MIT
 *
 * Helpers of parallel ranges, for the pool.
 */
#ifndef CCPI_FLOW_PARALLEL_H
#define CCPI_FLOW_PARALLEL_H

#include "ccp.h"

/* Gives up a task that will not run; false if it is no helper. */
bool ccpi_parallel_undo(ccp_task fn, void *arg);

#endif
