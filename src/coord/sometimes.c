/* SPDX-License-Identifier: MIT
 *
 * Sometimes.
 *
 *   Locks: lock_ protects count_ and last_.
 */
#include "base/lock.h"
#include "base/machine.h"
#include "ccp.h"

/* Under the lock. */
static bool is_time(const ccp_sometimes *s, int64_t t)
{
    return s->count_ == 0 || s->count_ < s->first || (s->every && s->count_ % s->every == 0) ||
           (s->interval > 0 && t >= s->last_ &&
            (uint64_t)t - (uint64_t)s->last_ >= (uint64_t)s->interval);
}

bool ccp_sometimes_at(ccp_sometimes *s, int64_t t)
{
    if (!s)
        return false;
    ccpi_lock *lock = (ccpi_lock *)(void *)&s->lock_;
    ccpi_lock_acquire(lock);
    bool is = is_time(s, t);
    if (is)
        s->last_ = t;
    s->count_ += s->count_ < UINT64_MAX;
    ccpi_lock_release(lock);
    return is;
}

bool ccp_sometimes_now(ccp_sometimes *s)
{
    return ccp_sometimes_at(s, s && s->interval > 0 ? ccpi_clock_now() : 0);
}
