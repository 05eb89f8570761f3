/* SPDX-License-Identifier: MIT
 *
 * What of a pool's tasks has been accepted, taken and finished; waiting for that.
 *
 * Invariants
 *   D1  Tasks are taken in the order of acceptance.  So once n elements have been received, all by
 *       workers, the first n are finished when each worker has been seen either to finish a task
 *       received by then, or to have none while no received element was without a note (see
 *       settled()).
 *   D2  A worker that finishes a task and then sees `drainers` 0 cannot be what a drain waits
 *       for: a drain counts itself first, then looks (Dekker [Q1]).
 *   D3  What is noted or finished is counted before what is accepted: if both are equal, there was
 *       a moment in between when they were.
 *   D4  Who takes the lock before hand_back() does has seen no element that it received; who takes
 *       it later waits until everything has finished or is noted: the channel is closed by then.
 *   D5  Jobs may be overtaken (pool_jobs.c), so D1 says nothing of them: each that was accepted
 *       before is seen to have run, or to have been dropped or withdrawn.  It is taken out, under
 *       the lock of the jobs, before the ticket that it had, or that is left, is noted.
 *   D6  A job leaves those that wait for their time after its ticket was accepted.  So if there was
 *       none, and none has come since, then all that was not finished was in the books.
 */
/* uses: pool pool_idle pool_late */
#include "block/wait.h"
#include "flow/pool.h"

void ccpi_pool_wake_drains(ccp_pool *p)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&p->lock);
    ccpi_queue_claim_all(&p->drains, &won);
    ccpi_lock_release(&p->lock);
    ccpi_wake_all(&won);
    ccpi_pool_tell_idle(p);
}

/* ---- the books ---- */

/* Elements accepted, and received, by the channel's count.  By rendezvous an element is received
 * when it is accepted, so none is left to be received; the pool counts those that are offered. */
static void totals(const ccp_pool *p, ccpi_books *b)
{
    if (p->met) {
        /* [Q3] seq_cst: after the notes were read. */
        b->accepted = b->received = atomic_load_explicit(&p->offered, CCPI_SC);
        return;
    }
    ccp_chan_info info;
    (void)ccp_chan_get_info(p->tasks, &info);
    b->accepted = info.sent;
    b->received = info.received;
}

/* D3: `accepted` and `received` are read last. */
void ccpi_pool_books(const ccp_pool *p, ccpi_books *b)
{
    *b = (ccpi_books){ 0 };
    /* [Q4] [Q1] seq_cst: after `drainers` was counted; acquire: what was taken back or skipped was
     * received before.  Pairs with hand_back() and redeem(). */
    b->noted = atomic_load_explicit(&p->returned, CCPI_SC) +
               atomic_load_explicit(&p->skipped, CCPI_SC);
    b->finished = b->noted;
    for (const ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        uint64_t turn = ccpi_pool_turn(w);
        /* [Z3] seq_cst, Dekker: after a task was accepted.  Pairs with set_state_locked(). */
        uint32_t state = atomic_load_explicit(&w->state, CCPI_SC);
        b->noted += (turn + 1) / 2;
        b->finished += turn / 2;
        b->idle += turn % 2 == 0 && (state == CCPI_W_STARTING || state == CCPI_W_READY);
    }
    totals(p, b);
}

/* ---- what is waited for ---- */

typedef struct drain {
    ccp_pool *pool;
    bool everything;                   /* until nothing at all is under way; otherwise: */
    uint64_t target;                   /* elements to be received */
    uint64_t jobs;                     /* to come to their end */
    const _Atomic(ccpi_worker *) *at;  /* those before it are settled */
    uint64_t turn;                     /* of this worker, when the target had been received */
    bool noted;
} drain;

/* Has every received element been noted?  Then an even turn means: has no task. */
static bool all_noted(const ccp_pool *p)
{
    ccpi_books b;
    ccpi_pool_books(p, &b);
    return b.noted >= b.received;
}

/* Is w done with the first `target` elements, all of which have been received? */
static bool settled(drain *d, const ccpi_worker *w)
{
    uint64_t turn = ccpi_pool_turn(w);
    if (!d->noted) {
        d->noted = true;
        d->turn = turn;
    }
    if (turn / 2 > d->turn / 2) /* finished the one it had then, noted or not */
        return true;
    return turn % 2 == 0 && all_noted(d->pool) && ccpi_pool_turn(w) == turn;
}

bool ccpi_pool_is_idle(ccp_pool *p)
{
    uint64_t before, ever;
    ccpi_books b;
    if (!ccpi_late_none(p, &before))
        return false;
    ccpi_pool_books(p, &b);
    return b.finished >= b.accepted && /* D3 */
           ccpi_late_none(p, &ever) && ever == before; /* D6 */
}

static bool drained(drain *d)
{
    if (d->everything)
        return ccpi_pool_is_idle(d->pool);
    ccpi_books b;
    totals(d->pool, &b);
    if (b.received < d->target)
        return false;
    const ccpi_worker *w;
    for (; (w = ccpi_pool_next(d->at)) != NULL; d->at = &w->next, d->noted = false)
        if (!settled(d, w))
            return false;
    return ccpi_jobs_settled(d->pool, d->jobs); /* D5 */
}

static bool is_handing_back(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    bool is = p->handing_back;
    ccpi_lock_release(&p->lock);
    return is;
}

static bool is_over(drain *d)
{
    if (!drained(d))
        return false;
    if (d->everything || !is_handing_back(d->pool))
        return true;
    d->everything = true; /* D4 */
    return drained(d);
}

/* ---- waiting ---- */

/* Sleeps until a task has finished, unless the drain is over.  CCP_AGAIN: look again. */
static ccp_status sleep_once(drain *d, ccp_wait w, int64_t deadline)
{
    ccp_pool *p = d->pool;
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_pool_drain", p);
    ccpi_node_init(&node, &waiter, 0, NULL);
    ccpi_lock_acquire(&p->lock);
    ccpi_queue_add(&p->drains, &node);
    ccpi_lock_release(&p->lock);
    bool over = is_over(d);
    uint32_t verdict = over ? ccpi_waiter_give_up(&waiter) : ccpi_wait_sleep(w, &waiter, deadline);
    ccpi_lock_acquire(&p->lock);
    if (node.queued)
        ccpi_queue_remove(&p->drains, &node);
    ccpi_lock_release(&p->lock);
    if (verdict == CCPI_ENDED)
        return ccp_ctx_status(w.ctx_);
    if (verdict == CCPI_GAVE_UP && !over)
        return is_over(d) ? CCP_OK : ccpi_wait_over(w);
    return CCP_AGAIN;
}

static ccp_status wait_drained(drain *d, ccp_wait w)
{
    ccpi_books b;
    totals(d->pool, &b);
    d->target = d->pool->met ? 0 : b.accepted; /* by rendezvous all are received */
    d->jobs = ccpi_jobs_accepted(d->pool);
    d->at = &d->pool->first;
    if (is_over(d))
        return CCP_OK;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    ccp_status st = CCP_AGAIN;
    while (st == CCP_AGAIN)
        st = is_over(d) ? CCP_OK : sleep_once(d, w, deadline);
    return st;
}

static ccp_status wait_for(ccp_pool *p, bool everything, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (ccpi_pool_is_own_thread(p) || ccpi_late_is_own_thread(p))
        return CCP_DEADLOCK;
    drain d = { .pool = p, .everything = everything };
    /* [Q1] seq_cst, Dekker: before the turns are looked at.  Pairs with ccpi_pool_tell(). */
    atomic_fetch_add_explicit(&p->drainers, 1, CCPI_SC);
    st = wait_drained(&d, w);
    atomic_fetch_sub_explicit(&p->drainers, 1, CCPI_RLX);
    /* Relaxed: what the books have seen is seen here. */
    bool all_ran = atomic_load_explicit(&p->returned, CCPI_RLX) == 0 &&
                   (!everything || ccpi_late_all_had_a_place(p));
    return st == CCP_OK && !all_ran ? CCP_CLOSED : st;
}

ccp_status ccp_pool_drain(ccp_pool *p, ccp_wait w)
{
    return wait_for(p, false, w);
}

ccp_status ccp_pool_wait(ccp_pool *p, ccp_wait w)
{
    ccp_status st = wait_for(p, true, w);
    if (st == CCP_AGAIN)
        ccpi_pool_is_not_idle(p);
    return st;
}
