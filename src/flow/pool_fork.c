/* SPDX-License-Identifier: MIT
 *
 * Pools in the child of a fork.
 *
 *   X1  A pool that was the parent's stays as it was found, but for `forked` and `plain`.  With
 *       `respawn` the first call that needs it makes another one, with its options, which does the
 *       work of all calls from then on, and is freed with it.
 *   X2  What was queued, or running, is the parent's: nobody runs it here.
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

ccp_pool *ccpi_pool_in_child(const ccp_pool *p)
{
    /* [FK3] acquire: the pool.  Pairs with the release in ccpi_pool_alive_slow(). */
    return atomic_load_explicit(&p->in_child, CCPI_ACQ);
}

static ccp_pool *make_own(const ccp_pool *p)
{
    ccp_pool_opts o = p->opts;
    if (ccp_ctx_status(o.parent) == CCP_FORKED)
        o.parent = NULL;
    return ccp_pool_new(&o);
}

CCPI_COLD ccp_pool *ccpi_pool_alive_slow(const ccp_pool *dead)
{
    ccp_pool *p = (ccp_pool *)(uintptr_t)dead, *own = ccpi_pool_in_child(p), *other = NULL;
    if (own)
        return ccpi_pool_alive(own); /* which may be the parent's by now, too */
    if (!p->opts.respawn || !(own = make_own(p)))
        return NULL;
    /* [FK3] release: the pool.  Pairs with the acquires here and in ccpi_pool_in_child(). */
    if (atomic_compare_exchange_strong_explicit(&p->in_child, &other, own, CCPI_ACQ_REL,
                                                CCPI_ACQ))
        return own;
    (void)ccp_pool_free(own);
    return ccpi_pool_alive(other);
}

CCPI_COLD ccp_status ccpi_pool_accept_in_child(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    ccp_pool *own = ccpi_pool_is_dead(p) ? ccpi_pool_alive(p) : NULL;
    return own ? ccpi_pool_accept(own, t, w) : CCP_FORKED;
}
