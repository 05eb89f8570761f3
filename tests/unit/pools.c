/* SPDX-License-Identifier: MIT
 *
 * What the tests of worker pools share; see pools.h.
 */
#include "pools.h"

ccp_pool *pool_of(unsigned workers, size_t queue)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = workers, .queue = queue });
    assert_non_null(p);
    return p;
}

ccp_pool_info info_of_pool(const ccp_pool *p)
{
    ccp_pool_info info;
    MUST(ccp_pool_get_info(p, &info) == CCP_OK);
    return info;
}

ccp_status count(ccp_ctx *ctx, void *runs)
{
    MUST(ccp_ctx_status(ctx) == CCP_OK);
    if (runs)
        atomic_fetch_add((atomic_long *)runs, 1);
    return CCP_OK;
}

gate task_gate = GATE_INIT;

ccp_status pass_gate(ccp_ctx *ctx, void *runs)
{
    (void)ctx;
    gate_pass(&task_gate);
    if (runs)
        atomic_fetch_add((atomic_long *)runs, 1);
    return CCP_OK;
}

void occupy(ccp_pool *p, int n)
{
    gate_shut(&task_gate);
    for (int i = 0; i < n; i++)
        ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == n);
}
