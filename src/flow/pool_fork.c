/* SPDX-License-Identifier: MIT
 *
 * Pools in the child of a fork.
 */
/* uses: pool */
#include "flow/pool.h"

/* `plain`, so that to submit is to send a task to the channel, which is dead, too. */
void ccpi_pool_forked(void *pool)
{
    ccp_pool *p = pool;
    atomic_store_explicit(&p->forked, 1, CCPI_RLX); /* there is no other thread */
    p->plain = true;
}
