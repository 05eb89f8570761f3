/* SPDX-License-Identifier: MIT
 *
 * Wait groups.
 *
 *      63   62      55 54      32   31   30           0
 *     +----+----------+----------+----+----------------+
 *     | W  |  forks   | waiters  | C  |     count      |
 *     +----+----------+----------+----+----------------+
 *   W        somebody brings the count to 0 and still uses the structure: no waiter may return.
 *   forks    how many forks had left dead objects to the process, modulo 256, when the count was
 *            last raised from 0.
 *   waiters  threads that wait; each takes itself off just before it returns.
 *   C        a channel is to be closed at 0.
 *
 * Invariants
 *   G1  count never becomes negative.
 *   G2  Whoever brings count to 0 while waiters or C are set does so under the lock, and sets W
 *       by the same step; it clears W as its last access to the structure.  With neither set,
 *       the step that brings count to 0 is itself the last access.
 *   G3  A waiter is counted and queued under the lock, while count > 0: so G2 finds it.
 *   G4  With other `forks` than the process has, what is left in the structure is the parent's: it
 *       is dead, unless there is nothing.
 * Locks           `lock_` protects the queue and close_.
 */
#include "base/backoff.h"
#include "base/check.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"
#include "block/tuning.h"
#include "block/wait.h"

#define COUNT_MASK ((uint64_t)INT32_MAX)
#define CLOSES ((uint64_t)1 << 31)
#define WAITER ((uint64_t)1 << 32)
#define WAITERS_MASK ((FORK - 1) & ~(WAITER - 1))
#define FORK ((uint64_t)1 << 55)
#define FORKS_MASK (WAKING - FORK)
#define WAKING ((uint64_t)1 << 63)

static ccpi_word64 *state_of(ccp_wg *wg)
{
    return ccpi_atomic64(&wg->state_);
}

static ccpi_lock *lock_of(ccp_wg *wg)
{
    return (ccpi_lock *)(void *)&wg->lock_;
}

static ccpi_list *queue_of(ccp_wg *wg)
{
    return (ccpi_list *)(void *)&wg->first_;
}

_Static_assert(sizeof(ccpi_lock) == sizeof(uint32_t), "a lock must fit into lock_");
_Static_assert(sizeof(ccpi_list) == 2 * sizeof(void *), "a list must fit into first_ and last_");

static _Atomic(uintptr_t) *ended_of(ccp_wg *wg)
{
    return (_Atomic(uintptr_t) *)(void *)&wg->threads_;
}

/* ---- fork ---- */

static uint64_t forks_now(void)
{
    /* Relaxed: it does not change while there are several threads. */
    return atomic_load_explicit(&ccpi_forks, CCPI_RLX) * FORK & FORKS_MASK;
}

static CCPI_COLD bool is_dead_slow(ccp_wg *wg)
{
    /* Relaxed: what is left of the parent does not change. */
    uint64_t s = atomic_load_explicit(state_of(wg), CCPI_RLX);
    return (s & FORKS_MASK) != forks_now() &&
           ((s & ~FORKS_MASK) || atomic_load_explicit(&lock_of(wg)->word, CCPI_RLX) ||
            atomic_load_explicit(ended_of(wg), CCPI_RLX));
}

/* G4 */
static bool is_dead(ccp_wg *wg)
{
    return ccpi_has_dead() && is_dead_slow(wg);
}

/* ---- counting ---- */

/* Under the lock: claims all waiters for *won, and the channel to close. */
static ccp_chan *take_all(ccp_wg *wg, ccpi_list *won)
{
    ccpi_queue_claim_all(queue_of(wg), won);
    ccp_chan *ch = wg->close_;
    wg->close_ = NULL;
    return ch;
}

/* Takes n off the count, n > 0, when that may bring it to 0 with somebody interested (G2). */
static ccp_status sub_locked(ccp_wg *wg, uint64_t n, const char *call)
{
    ccpi_word64 *state = state_of(wg);
    ccpi_list won = { NULL, NULL };
    ccp_chan *ch = NULL;
    if (is_dead(wg))
        return CCP_FORKED;
    ccpi_lock_acquire(lock_of(wg));
    uint64_t s = atomic_load_explicit(state, CCPI_RLX), next;
    do {
        if ((s & COUNT_MASK) < n) {
            ccpi_lock_release(lock_of(wg));
            return CCPI_MISUSE(call, "the count would become negative");
        }
        next = s - n;
        if (!(next & COUNT_MASK))
            next = (next & ~CLOSES) | WAKING;
        /* [G1] acq_rel: the last one sees what all others did; releases to the waiters. */
    } while (!atomic_compare_exchange_weak_explicit(state, &s, next, CCPI_ACQ_REL, CCPI_RLX));
    if (next & WAKING)
        ch = take_all(wg, &won);
    ccpi_lock_release(lock_of(wg));
    if (ch)
        (void)ccp_chan_close(ch); /* before any waiter can return, and perhaps free it */
    if (next & WAKING)
        /* [G1] release: pairs with the acquire in leave(); the last access (G2). */
        atomic_fetch_and_explicit(state, ~WAKING, CCPI_REL);
    ccpi_wake_all(&won);
    return CCP_OK;
}

static ccp_status sub(ccp_wg *wg, uint64_t n, const char *call)
{
    ccpi_word64 *state = state_of(wg);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    for (;;) {
        if ((s & COUNT_MASK) < n)
            return CCPI_MISUSE(call, "the count would become negative");
        if ((s & COUNT_MASK) == n && (s & (WAITERS_MASK | CLOSES)))
            return sub_locked(wg, n, call);
        /* [G1] release: to whoever sees this number or one made from it.  LP. */
        if (atomic_compare_exchange_weak_explicit(state, &s, s - n, CCPI_REL, CCPI_RLX))
            return CCP_OK;
    }
}

ccp_status ccp_wg_add(ccp_wg *wg, int n)
{
    if (!wg)
        return CCP_INVAL;
    if (n < 0)
        return sub(wg, (uint64_t) - (int64_t)n, "ccp_wg_add");
    ccpi_word64 *state = state_of(wg);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX), next;
    do {
        if ((s & COUNT_MASK) + (uint64_t)n > COUNT_MASK)
            return CCP_INVAL;
        next = s + (uint64_t)n;
        if (!(s & COUNT_MASK)) {
            if (is_dead(wg))
                return CCP_FORKED;
            if (s & (WAITERS_MASK | WAKING))
                return CCPI_MISUSE("ccp_wg_add", "a thread has still to return from its wait");
            next = (next & ~FORKS_MASK) | forks_now();
        }
        /* Relaxed: a task that is counted publishes nothing. */
    } while (!atomic_compare_exchange_weak_explicit(state, &s, next, CCPI_RLX, CCPI_RLX));
    return CCP_OK;
}

ccp_status ccp_wg_done(ccp_wg *wg)
{
    return wg ? sub(wg, 1, "ccp_wg_done") : CCP_INVAL;
}

/* ---- threads ---- */

typedef struct runner {
    struct runner *next;
    ccp_wg *wg;
    void (*fn)(void *arg);
    void *arg;
    ccpi_thread thread;
} runner;

static void run(void *arg)
{
    runner *r = arg;
    ccp_wg *wg = r->wg;
    r->thread = ccpi_thread_self();
    r->fn(r->arg);
    _Atomic(uintptr_t) *ended = ended_of(wg);
    uintptr_t top = atomic_load_explicit(ended, CCPI_RLX);
    do
        r->next = (runner *)top;
    /* [G2] release: the record.  Pairs with the acquire in join_ended(). */
    while (!atomic_compare_exchange_weak_explicit(ended, &top, (uintptr_t)r, CCPI_REL, CCPI_RLX));
    (void)ccp_wg_done(wg);
}

static ccp_status join_ended(ccp_wg *wg)
{
    if (atomic_load_explicit(ended_of(wg), CCPI_RLX) == 0)
        return CCP_OK;
    if (is_dead(wg))
        return CCP_FORKED;
    /* [G2] acquire: the records.  Pairs with the release in run(). */
    runner *r = (runner *)atomic_exchange_explicit(ended_of(wg), 0, CCPI_ACQ);
    while (r) {
        runner *next = r->next;
        ccpi_thread_join(r->thread);
        ccpi_free(r);
        r = next;
    }
    return CCP_OK;
}

ccp_status ccp_wg_go(ccp_wg *wg, void (*fn)(void *arg), void *arg)
{
    if (!wg || !fn)
        return CCP_INVAL;
    if (is_dead(wg))
        return CCP_FORKED;
    runner *r = ccpi_alloc(sizeof *r);
    if (!r)
        return CCP_NOMEM;
    r->wg = wg;
    r->fn = fn;
    r->arg = arg;
    ccpi_thread thread; /* the runner notes its own: it may have ended before we return */
    ccp_status st = ccp_wg_add(wg, 1);
    if (st == CCP_OK && !ccpi_thread_start(&thread, &(ccpi_thread_opts){ 0 }, run, r)) {
        (void)ccp_wg_done(wg);
        st = CCP_NOMEM;
    }
    if (st != CCP_OK)
        ccpi_free(r);
    return st;
}

/* ---- waiting ---- */

static bool done(ccp_wg *wg)
{
    /* Relaxed: leave() looks again. */
    return (atomic_load_explicit(state_of(wg), CCPI_RLX) & COUNT_MASK) == 0;
}

/* Pauses for a moment: the last task may be about to end on another processor. */
static bool done_soon(ccp_wg *wg)
{
    for (uint32_t i = 0; i < ccpi_tuning.quick_max; i++) {
        ccpi_relax();
        if (done(wg))
            return true;
    }
    return false;
}

/* The count was 0: waits until whoever brought it there has let go (a few instructions). */
static ccp_status leave(ccp_wg *wg, bool counted)
{
    /* [G1] acquire: pairs with the releases in sub() and sub_locked(). */
    for (unsigned tries = 0; (atomic_load_explicit(state_of(wg), CCPI_ACQ) & WAKING) != 0;) {
        if (is_dead(wg))
            return CCP_FORKED;
        ccpi_backoff(&tries);
    }
    if (counted)
        /* Relaxed: only the number matters. */
        atomic_fetch_sub_explicit(state_of(wg), WAITER, CCPI_RLX);
    return join_ended(wg);
}

/* G3; false if the count is 0 already. */
static bool enqueue(ccp_wg *wg, ccpi_node *n)
{
    ccpi_word64 *state = state_of(wg);
    ccpi_lock_acquire(lock_of(wg));
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    while ((s & COUNT_MASK) != 0)
        /* Relaxed: sub() sees it by the order of changes to one word. */
        if (atomic_compare_exchange_weak_explicit(state, &s, s + WAITER, CCPI_RLX, CCPI_RLX)) {
            ccpi_queue_add(queue_of(wg), n);
            break;
        }
    ccpi_lock_release(lock_of(wg));
    return (s & COUNT_MASK) != 0;
}

/* Not served: takes the waiter out; true if the count came to 0 at the same moment. */
static bool withdraw(ccp_wg *wg, ccpi_node *n)
{
    ccpi_lock_acquire(lock_of(wg));
    bool zero = !n->queued;
    if (n->queued) {
        ccpi_queue_remove(queue_of(wg), n);
        atomic_fetch_sub_explicit(state_of(wg), WAITER, CCPI_RLX); /* as in leave() */
    }
    ccpi_lock_release(lock_of(wg));
    return zero;
}

ccp_status ccp_wg_wait(ccp_wg *wg, ccp_wait w)
{
    if (!wg)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (done(wg))
        return leave(wg, false);
    if (is_dead(wg))
        return CCP_FORKED;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    if (done_soon(wg))
        return leave(wg, false);
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_wg_wait", wg);
    ccpi_node_init(&node, &waiter, 0, NULL);
    if (!enqueue(wg, &node))
        return leave(wg, false);
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, deadline);
    if (verdict == 1 || withdraw(wg, &node))
        return leave(wg, true);
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

ccp_status ccp_wg_close_when_done(ccp_wg *wg, ccp_chan *ch)
{
    if (!wg || !ch)
        return CCP_INVAL;
    if (is_dead(wg))
        return CCP_FORKED;
    ccpi_word64 *state = state_of(wg);
    ccp_status st = CCP_OK;
    ccpi_lock_acquire(lock_of(wg));
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    if (s & CLOSES)
        st = CCP_BUSY;
    while (st == CCP_OK && (s & COUNT_MASK) != 0)
        /* Relaxed, as in enqueue(). */
        if (atomic_compare_exchange_weak_explicit(state, &s, s | CLOSES, CCPI_RLX, CCPI_RLX)) {
            wg->close_ = ch;
            break;
        }
    ccpi_lock_release(lock_of(wg));
    if (st == CCP_OK && (s & COUNT_MASK) == 0)
        (void)ccp_chan_close(ch);
    return st;
}
