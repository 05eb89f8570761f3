/* SPDX-License-Identifier: MIT
 *
 * Tasks for the tests of worker pools, and workers that are kept busy.
 */
#ifndef CCP_TESTS_POOLS_H
#define CCP_TESTS_POOLS_H

#include "support.h"

ccp_pool *pool_of(unsigned workers, size_t queue);
ccp_pool_info info_of_pool(const ccp_pool *p);

ccp_status count(ccp_ctx *ctx, void *runs); /* an atomic_long; NULL: does nothing */

extern gate task_gate;
ccp_status pass_gate(ccp_ctx *ctx, void *runs); /* and counts */

/* Keeps n workers busy until the gate is opened. */
void occupy(ccp_pool *p, int n);

#endif
