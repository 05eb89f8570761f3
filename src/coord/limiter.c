/* SPDX-License-Identifier: MIT
 *
 * Limiters of concurrency: a semaphore whose size follows the results.
 *
 *   L1  limit_ is between min and max; the semaphore has that many permits, but for fractions and
 *       for those that are taken and too many: they are forgotten as they come back.
 *   L2  calm_ is how many permits were taken when the limit was last lowered and have not come back
 *       since, or more: what they tell was known already.
 *   Locks: lock_ protects limit_ and calm_, and whoever changes the number of permits; the
 *   semaphore's own lock is taken under it.
 */
#include "base/check.h"
#include "base/lock.h"
#include "ccp.h"

#define MAX 1024
#define START 10
#define DECREASE 0.9

static ccpi_lock *lock_of(ccp_limiter *l)
{
    return (ccpi_lock *)(void *)&l->lock_;
}

static unsigned nearest(unsigned n, unsigned min, unsigned max)
{
    return n < min ? min : n > max ? max : n;
}

ccp_status ccp_limiter_init(ccp_limiter *l, const ccp_limiter_opts *o)
{
    ccp_limiter_opts all = { .min = 0 };
    if (o)
        all = *o;
    if (!all.max)
        all.max = all.min > MAX ? all.min : MAX;
    if (!all.min)
        all.min = 1;
    if (!all.start)
        all.start = nearest(START, all.min, all.max);
    if (!l || all.min > all.start || all.start > all.max || all.max > CCP_SEM_MAX ||
        all.latency < 0 || !(all.decrease >= 0 && all.decrease < 1))
        return CCP_INVAL;
    if (all.decrease <= 0)
        all.decrease = DECREASE;
    *l = (ccp_limiter){ .sem_ = CCP_SEM_INIT(all.start), .o_ = all, .limit_ = all.start };
    return CCP_OK;
}

ccp_status ccp_limiter_acquire(ccp_limiter *l, ccp_wait w)
{
    return l ? ccp_sem_acquire(&l->sem_, 1, w) : CCP_INVAL;
}

static unsigned taken(const ccp_limiter *l)
{
    return ccp_sem_cap(&l->sem_) - ccp_sem_available(&l->sem_);
}

/* Under the lock: as many permits as the limit says, as far as they are not taken. */
static void resize(ccp_limiter *l)
{
    unsigned limit = (unsigned)l->limit_, cap = ccp_sem_cap(&l->sem_);
    if (limit > cap)
        (void)ccp_sem_add(&l->sem_, limit - cap);
    for (; cap > limit && ccp_sem_acquire(&l->sem_, 1, CCP_NOWAIT) == CCP_OK; cap--)
        (void)ccp_sem_forget(&l->sem_, 1);
}

/* Under the lock, with the permit still taken. */
static void learn(ccp_limiter *l, bool good)
{
    unsigned in_use = taken(l);
    if (!good && l->calm_ == 0) {
        l->limit_ *= l->o_.decrease;
        l->calm_ = in_use;
    } else if (good && 2 * (uint64_t)in_use >= (uint64_t)l->limit_)
        l->limit_ += 1 / l->limit_;
    if (l->limit_ < l->o_.min)
        l->limit_ = l->o_.min;
    if (l->limit_ > l->o_.max)
        l->limit_ = l->o_.max;
}

ccp_status ccp_limiter_release(ccp_limiter *l, ccp_status result, int64_t took)
{
    if (!l)
        return CCP_INVAL;
    bool late = l->o_.latency && took > l->o_.latency, is_taken;
    ccpi_lock_acquire(lock_of(l));
    is_taken = taken(l) > 0;
    if (is_taken) {
        if (result != CCP_CANCELED)
            learn(l, result == CCP_OK && !late);
        l->calm_ -= l->calm_ > 0;
        if (ccp_sem_cap(&l->sem_) > (unsigned)l->limit_)
            (void)ccp_sem_forget(&l->sem_, 1);
        else
            (void)ccp_sem_release(&l->sem_, 1);
        resize(l);
    }
    ccpi_lock_release(lock_of(l));
    return is_taken ? CCP_OK : CCPI_MISUSE("ccp_limiter_release", "no permit is taken");
}

unsigned ccp_limiter_limit(ccp_limiter *l)
{
    if (!l)
        return 0;
    ccpi_lock_acquire(lock_of(l));
    unsigned limit = (unsigned)l->limit_;
    ccpi_lock_release(lock_of(l));
    return limit;
}
