/* SPDX-License-Identifier: MIT
 *
 * Waits: deadlines, contexts, and the sleep that every waiting call ends in.
 */
/* uses: ctx waiter */
#include "block/wait.h"

static int64_t own_deadline(int64_t ns)
{
    if (ns >= 0)
        return ns;
    /* The constructors never make INT64_MIN. */
    return ccpi_time_after(ccpi_clock_now(), -ns);
}

int64_t ccpi_wait_deadline(ccp_wait w)
{
    int64_t own = own_deadline(w.ns_);
    int64_t inherited = ccp_ctx_deadline(w.ctx_);
    ccpi_self_get()->deadlocked = false;
    return own < inherited ? own : inherited;
}

ccp_status ccpi_wait_over(ccp_wait w)
{
    /* Notices the context's deadline, for others too, and runs its hooks. */
    ccp_status st = ccp_ctx_status(w.ctx_);
    return st != CCP_OK ? st : ccpi_self_get()->deadlocked ? CCP_DEADLOCK : CCP_TIMEOUT;
}

bool ccpi_wait_watch(ccp_wait w, ccpi_waiter *waiter, ccpi_node *n)
{
    if (!w.ctx_)
        return true;
    waiter->ctx = w.ctx_;
    ccpi_node_init(n, waiter, CCPI_ENDED - 1, NULL);
    return ccpi_ctx_watch(w.ctx_, n);
}

void ccpi_wait_unwatch(ccp_wait w, ccpi_node *n)
{
    if (w.ctx_)
        ccpi_ctx_unwatch(w.ctx_, n);
}

uint32_t ccpi_wait_sleep(ccp_wait w, ccpi_waiter *waiter, int64_t deadline)
{
    ccpi_node n;
    if (!ccpi_wait_watch(w, waiter, &n))
        return ccpi_waiter_claim(waiter, CCPI_ENDED) ? CCPI_ENDED : ccpi_waiter_give_up(waiter);
    uint32_t verdict = ccpi_waiter_sleep(waiter, deadline);
    ccpi_wait_unwatch(w, &n);
    return verdict;
}

int64_t ccp_now(void)
{
    return ccpi_clock_now();
}

ccp_wait ccp_start(ccp_wait w)
{
    if (w.ns_ < 0)
        w.ns_ = own_deadline(w.ns_);
    return w;
}

ccp_status ccp_sleep(ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK || ccpi_wait_not_at_all(w))
        return st;
    if (!w.ctx_ && w.ns_ == INT64_MAX)
        return CCP_DEADLOCK;
    int64_t own = own_deadline(w.ns_);
    int64_t deadline = ccpi_wait_deadline(ccp_under(w.ctx_, ccp_until(own)));
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_sleep", NULL);
    if (ccpi_wait_sleep(w, &waiter, deadline) == CCPI_ENDED)
        return ccp_ctx_status(w.ctx_);
    return deadline == own ? CCP_OK : ccpi_wait_over(w);
}
