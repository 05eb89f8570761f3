/* SPDX-License-Identifier: MIT
 *
 * Pools, seen from inside.
 */
#ifndef CCPI_FLOW_POOL_H
#define CCPI_FLOW_POOL_H

#include "ccp.h"

/* The context that ends when the pool is shut down. */
ccp_ctx *ccpi_pool_ctx(const ccp_pool *p);

#endif
