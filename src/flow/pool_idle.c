/* SPDX-License-Identifier: MIT
 *
 * A descriptor that tells event loops when a pool has nothing to do.
 *
 * Invariants
 *   I1  It cannot be read if and only if it is armed; both change under the pool's lock.
 *   I2  Armed, it counts as one of `drainers`: whoever finishes a task, or takes one out, looks
 *       (D2).
 *   I3  It is armed when a call has found something to do, and looked at again afterwards: what
 *       ended in between raises it once more.
 *   I4  It is raised by who looks under the lock: so never for what was before it was armed.
 */
/* uses: pool pool_drain */
#include "flow/pool.h"

/* Changes it, if it is not so already; false if it is. */
static bool set_armed_locked(ccp_pool *p, bool armed)
{
    if (atomic_load_explicit(&p->idle_armed, CCPI_RLX) == armed) /* under the lock */
        return false;
    atomic_store_explicit(&p->idle_armed, armed, CCPI_RLX); /* [Q1] below is after it */
    /* [Q1] seq_cst, Dekker: before the pool is looked at.  Pairs with ccpi_pool_tell(). */
    atomic_fetch_add_explicit(&p->drainers, armed ? 1 : (uint32_t)-1, CCPI_SC);
    return true;
}

/* I4 */
static void look_locked(ccp_pool *p)
{
    if (ccpi_pool_is_idle(p) && set_armed_locked(p, false))
        ccpi_event_raise(&p->idle);
}

void ccpi_pool_tell_idle(ccp_pool *p)
{
    /* Relaxed: who has seen `drainers` changed by it sees it armed.  The look without the lock
     * spares that to all but the last task. */
    if (!atomic_load_explicit(&p->idle_armed, CCPI_RLX) || !ccpi_pool_is_idle(p))
        return;
    ccpi_lock_acquire(&p->lock);
    look_locked(p);
    ccpi_lock_release(&p->lock);
}

/* I3 */
static void arm_locked(ccp_pool *p)
{
    if (set_armed_locked(p, true))
        ccpi_event_lower(&p->idle);
    look_locked(p);
}

void ccpi_pool_is_not_idle(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    if (p->idle_made)
        arm_locked(p);
    ccpi_lock_release(&p->lock);
}

ccp_status ccp_pool_fd(ccp_pool *p, int *fd)
{
    if (!p || !fd)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccpi_lock_acquire(&p->lock);
    bool made = p->idle_made || ccpi_event_open(&p->idle);
    p->idle_made = made;
    if (made) {
        arm_locked(p);
        *fd = p->idle.fd;
    }
    ccpi_lock_release(&p->lock);
    return made ? CCP_OK : CCP_NOMEM;
}

void ccpi_pool_close_idle(const ccp_pool *p)
{
    if (p->idle_made)
        ccpi_event_close(&p->idle);
}
