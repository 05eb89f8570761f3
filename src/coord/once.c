/* SPDX-License-Identifier: MIT
 *
 * Once.
 *
 *   RUNNING  a thread runs the function; `owner_` is who.
 *   DONE     the function has run for the last time.  Never cleared.
 *   FAILED   and it failed.  Comes with DONE.
 *   RETRY    a failure is not the last time.  Const.
 *
 * Invariants
 *   O1  RUNNING and DONE exclude each other.
 *   O2  A thread goes to the line under the lock and finds it RUNNING there; whoever ends RUNNING
 *       does so under the lock and wakes all.
 *   O3  owner_ is the running thread's while RUNNING, written by that thread alone; 0 otherwise.
 */
/* uses: holders line */
#include "block/tuning.h"
#include "block/wait.h"
#include "coord/holders.h"
#include "coord/line.h"

#define RUNNING ((uint64_t)1)
#define DONE ((uint64_t)2)
#define FAILED ((uint64_t)4)
#define RETRY ((uint64_t)8)
_Static_assert(CCP_ONCE_RETRY_ == RETRY, "CCP_ONCE_RETRY_INIT sets RETRY");

static _Atomic(uintptr_t) *owner_of(ccp_once *o)
{
    return (_Atomic(uintptr_t) *)(void *)&o->owner_;
}

static ccp_status outcome(uint64_t word)
{
    return word & FAILED ? CCP_FAILED : CCP_OK;
}

/* O2. */
static void end(ccp_once *o, bool ok)
{
    ccp_line_ *l = &o->line_;
    ccpi_list won = { NULL, NULL };
    uint64_t last = ok ? DONE : DONE | FAILED;
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t s = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX) & ~RUNNING;
    if (ok || !(s & RETRY))
        s |= last;
    /* [O1] release: what the function did.  Pairs with the acquires in ccp_once_do(), begin() and
     * ccp_once_is_done(). */
    atomic_store_explicit(ccpi_line_word(l), s, CCPI_REL);
    ccpi_queue_claim_all(ccpi_line_queue(l), &won);
    ccpi_lock_release(ccpi_line_lock(l));
    ccpi_wake_all(&won);
}

static ccp_status run(ccp_once *o, ccp_status (*fn)(void *arg), void *arg)
{
    /* Relaxed: O3; others only compare it with themselves. */
    atomic_store_explicit(owner_of(o), (uintptr_t)ccpi_self_get(), CCPI_RLX);
    ccpi_hold(o, "ccp_once_do", 1, true);
    bool ok = fn(arg) == CCP_OK;
    ccpi_unhold(o, 1);
    atomic_store_explicit(owner_of(o), 0, CCPI_RLX);
    end(o, ok);
    return ok ? CCP_OK : CCP_FAILED;
}

/* Is it the caller's turn to run?  Gives the word that it saw. */
static bool begin(ccp_once *o, uint64_t *seen)
{
    ccpi_word64 *state = ccpi_line_word(&o->line_);
    for (;;) {
        /* [O1] acquire: pairs with the release in end(). */
        uint64_t s = *seen = atomic_load_explicit(state, CCPI_ACQ);
        if (s & (RUNNING | DONE))
            return false;
        /* [O1] acquire: of what a run left that has failed since.  Pairs with the release in
         * end().  Relaxed if it fails: looks again. */
        if (atomic_compare_exchange_weak_explicit(state, &s, s | RUNNING, CCPI_ACQ, CCPI_RLX))
            return true;
    }
}

/* O2; false if it is not running any more. */
static bool enter(ccp_line_ *l, ccpi_stander *s)
{
    ccpi_lock_acquire(ccpi_line_lock(l));
    bool running = (atomic_load_explicit(ccpi_line_word(l), CCPI_RLX) & RUNNING) != 0;
    if (running)
        ccpi_queue_add(ccpi_line_queue(l), &s->node);
    ccpi_lock_release(ccpi_line_lock(l));
    return running;
}

/* Waits until a run has ended. */
static ccp_status await(ccp_line_ *l, ccp_wait w, int64_t deadline)
{
    for (ccpi_brief b = { .most = ccpi_tuning.quick_max }; ccpi_brief_once(&b);)
        if (!(atomic_load_explicit(ccpi_line_word(l), CCPI_RLX) & RUNNING))
            return CCP_OK;
    ccpi_stander s;
    ccpi_stander_init(&s, "ccp_once_do", l);
    if (!enter(l, &s))
        return CCP_OK;
    uint32_t verdict = ccpi_wait_sleep(w, &s.waiter, deadline);
    if (verdict == 1)
        return CCP_OK;
    ccpi_lock_acquire(ccpi_line_lock(l));
    (void)ccpi_line_remove(l, &s);
    ccpi_lock_release(ccpi_line_lock(l));
    return ccpi_line_failed(w, verdict);
}

static CCPI_COLD ccp_status do_slow(ccp_once *o, ccp_status (*fn)(void *arg), void *arg, ccp_wait w)
{
    uint64_t s;
    if (begin(o, &s))
        return run(o, fn, arg);
    if (s & DONE)
        return outcome(s);
    if (atomic_load_explicit(owner_of(o), CCPI_RLX) == (uintptr_t)ccpi_self_get())
        return CCP_DEADLOCK;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    do {
        ccp_status st = await(&o->line_, w, deadline);
        if (st != CCP_OK)
            return st;
        if (begin(o, &s))
            return run(o, fn, arg);
    } while (!(s & DONE));
    return outcome(s);
}

ccp_status ccp_once_do(ccp_once *o, ccp_status (*fn)(void *arg), void *arg, ccp_wait w)
{
    if (!o || !fn)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    /* [O1] acquire: pairs with the release in end(). */
    uint64_t s = atomic_load_explicit(ccpi_line_word(&o->line_), CCPI_ACQ);
    return CCPI_LIKELY(s & DONE) ? outcome(s) : do_slow(o, fn, arg, w);
}

bool ccp_once_is_done(const ccp_once *o)
{
    if (!o)
        return false;
    ccp_line_ *l = (ccp_line_ *)(uintptr_t)&o->line_;
    /* [O1] acquire: pairs with the release in end(). */
    return (atomic_load_explicit(ccpi_line_word(l), CCPI_ACQ) & DONE) != 0;
}
