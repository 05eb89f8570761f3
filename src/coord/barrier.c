/* SPDX-License-Identifier: MIT
 *
 * Barriers.
 *
 *      63              16  15  14  13         0
 *     +------------------+---+---+------------+
 *     |    generation    | B | P |  arrived   |
 *     +------------------+---+---+------------+
 *   generation  how often the barrier has opened.
 *   B           broken: who comes is refused, who has arrived leaves.
 *   P           somebody may be in the queue.  Legal to be set when nobody is.
 *   arrived     threads that have arrived and neither passed nor left.
 *
 * Invariants
 *   B1  arrived < parties.  The last one opens instead: generation + 1, arrived 0, P clear, by one
 *       step.  So a thread has passed if and only if the generation is not that of its arrival.
 *   B2  B is cleared only with arrived 0, and nobody arrives or opens while it is set: so who had
 *       arrived when it was set finds it set, whenever it looks.
 *   B3  A node is queued under the lock, for the present generation, which is not broken, and with
 *       P set; with P set whoever opens or breaks does so under the lock, and empties the queue.
 *   B4  Every change of the state is a read-modify-write: so an acquire that finds what a release
 *       left, or anything later, is ordered after it.
 * Locks           `lock_` protects the queue, and every step that sets B or P.
 */
#include "base/backoff.h"
#include "base/list.h"
#include "base/lock.h"
#include "block/tuning.h"
#include "block/wait.h"

#define ARRIVED ((uint64_t)0x3fff)
#define PARKED ((uint64_t)1 << 14)
#define BROKEN ((uint64_t)1 << 15)
#define OPENED ((uint64_t)1 << 16)
#define MAX_PARTIES ((uint32_t)ARRIVED)

static ccpi_word64 *state_of(ccp_barrier *b)
{
    return ccpi_atomic64(&b->state_);
}

static ccpi_lock *lock_of(ccp_barrier *b)
{
    return (ccpi_lock *)(void *)&b->lock_;
}

static ccpi_list *queue_of(ccp_barrier *b)
{
    return (ccpi_list *)(void *)&b->first_;
}

_Static_assert(sizeof(ccpi_lock) == sizeof(uint32_t), "a lock must fit into lock_");
_Static_assert(sizeof(ccpi_list) == 2 * sizeof(void *), "a list must fit into first_ and last_");

/* What has become of the generation in which a thread arrived, of which `mine` tells? */
typedef enum outcome { SHUT, PASSED, REFUSED } outcome;

static outcome outcome_of(ccp_barrier *b, uint64_t mine)
{
    /* [B1] acquire: pairs with the releases in open_it(), break_locked() and mend() (B4). */
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_ACQ);
    if (s / OPENED != mine / OPENED)
        return PASSED;
    return s & BROKEN ? REFUSED : SHUT;
}

/* ---- opening ---- */

/* B1: opens, if *s is still the state and lacks but one; otherwise *s is the new state. */
static bool open_it(ccp_barrier *b, uint64_t *s)
{
    uint64_t next = (*s / OPENED + 1) * OPENED;
    if (!(*s & PARKED))
        /* [B1] acq_rel: the last one sees what the others did; releases to them.  LP. */
        return atomic_compare_exchange_weak_explicit(state_of(b), s, next, CCPI_ACQ_REL, CCPI_RLX);
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(lock_of(b));
    /* [B1] acq_rel: as above.  LP. */
    bool opened =
        atomic_compare_exchange_strong_explicit(state_of(b), s, next, CCPI_ACQ_REL, CCPI_RLX);
    if (opened)
        ccpi_queue_claim_all(queue_of(b), &won);
    ccpi_lock_release(lock_of(b));
    ccpi_wake_all(&won);
    return opened;
}

/* ---- breaking ---- */

/* Under the lock, not broken: breaks; `leaving` of those who have arrived are gone already. */
static void break_locked(ccp_barrier *b, uint64_t leaving, ccpi_list *won)
{
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_RLX);
    /* [B1] release: what the one that breaks it did, to refused() and outcome_of(). */
    while (!atomic_compare_exchange_weak_explicit(
        state_of(b), &s, ((s | BROKEN) & ~PARKED) - leaving, CCPI_REL, CCPI_RLX))
        continue;
    ccpi_queue_claim_all(queue_of(b), won);
}

static bool is_broken(ccp_barrier *b)
{
    /* Relaxed: asked under the lock, under which it is set. */
    return (atomic_load_explicit(state_of(b), CCPI_RLX) & BROKEN) != 0;
}

ccp_status ccp_barrier_break(ccp_barrier *b)
{
    if (!b)
        return CCP_INVAL;
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(lock_of(b));
    bool broken = is_broken(b);
    if (!broken)
        break_locked(b, 0, &won);
    ccpi_lock_release(lock_of(b));
    ccpi_wake_all(&won);
    return broken ? CCP_CLOSED : CCP_OK;
}

/* B2; false while somebody has still to leave. */
static bool mend(ccp_barrier *b)
{
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_RLX);
    while ((s & BROKEN) && !(s & ARRIVED))
        /* [B1] release: to those who come and pass: open_it(), outcome_of(). */
        if (atomic_compare_exchange_weak_explicit(state_of(b), &s, s & ~BROKEN, CCPI_REL,
                                                  CCPI_RLX))
            return true;
    return !(s & BROKEN);
}

ccp_status ccp_barrier_reset(ccp_barrier *b)
{
    if (!b)
        return CCP_INVAL;
    (void)ccp_barrier_break(b);
    for (unsigned tries = 0; !mend(b);)
        ccpi_backoff(&tries);
    return CCP_OK;
}

/* ---- waiting awake ---- */

/* Hints: how many pauses waits took of late, and how many waits shall sleep at once. */
#define PACE_AVERAGE 0xffffu
#define PACE_SKIP 0x10000u

static void learn(ccp_barrier *b, uint32_t pauses)
{
    const uint32_t most = 2 * ccpi_tuning.long_wait;
    /* Relaxed, here and below: a lost update costs a moment of time. */
    uint32_t old = atomic_load_explicit(ccpi_atomic32(&b->pace_), CCPI_RLX);
    int32_t sample = (int32_t)(pauses < most ? pauses : most);
    int32_t average = (int32_t)(old & PACE_AVERAGE);
    uint32_t now = (old & ~PACE_AVERAGE) | (uint32_t)(average + (sample - average) / 4);
    if (now != old)
        atomic_store_explicit(ccpi_atomic32(&b->pace_), now, CCPI_RLX);
}

static bool settled(ccp_barrier *b, uint64_t mine)
{
    /* Relaxed: outcome_of() looks again. */
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_RLX);
    return s / OPENED != mine / OPENED || (s & BROKEN);
}

static bool settled_within(ccp_barrier *b, uint64_t mine, uint32_t pauses)
{
    for (uint32_t i = 0; i < pauses; i++) {
        ccpi_relax();
        if (settled(b, mine)) {
            learn(b, i);
            return true;
        }
    }
    return false;
}

/* Yields: those who have still to come may need this processor.  A yield that let somebody run is
 * followed by another, a few times; after one that let nobody run, they are elsewhere: pauses. */
static bool settled_by_yields(ccp_barrier *b, uint64_t mine, uint32_t patient)
{
    const ccpi_tuning_s *t = &ccpi_tuning;
    uint64_t began = ccpi_ticks();
    for (uint32_t shared = 0; shared <= t->shared_tries;) {
        uint64_t before = ccpi_ticks();
        ccpi_yield();
        uint64_t took = ccpi_ticks() - before;
        if (took > t->hog_yield)
            atomic_store_explicit(ccpi_atomic32(&b->pace_),
                                  t->hog_skips * PACE_SKIP | 2 * t->long_wait, CCPI_RLX);
        if (settled(b, mine)) {
            learn(b, UINT32_MAX);
            return true;
        }
        if (took > (uint64_t)t->shared_yield * ccpi_yield_alone()) {
            shared++;
            continue;
        }
        if (settled_within(b, mine, t->pauses))
            return true;
        if (ccpi_ticks() - began >= patient)
            return false;
    }
    return false;
}

static bool settled_awake(ccp_barrier *b, uint64_t mine)
{
    const ccpi_tuning_s *t = &ccpi_tuning;
    uint32_t pace = atomic_load_explicit(ccpi_atomic32(&b->pace_), CCPI_RLX);
    if (pace >= PACE_SKIP) {
        atomic_store_explicit(ccpi_atomic32(&b->pace_), pace - PACE_SKIP, CCPI_RLX);
        return false;
    }
    uint32_t quick = pace > t->long_wait ? t->quick_min : 2 * pace + t->quick_min;
    if (settled_within(b, mine, quick < t->quick_max ? quick : t->quick_max))
        return true;
    if (t->pauses && settled_by_yields(b, mine, pace > t->long_wait ? 0 : t->patient_max))
        return true;
    learn(b, UINT32_MAX);
    return false;
}

/* ---- waiting ---- */

/* B3; false if there is nothing to wait for any more. */
static bool enqueue(ccp_barrier *b, ccpi_node *n, uint64_t mine)
{
    ccpi_lock_acquire(lock_of(b));
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_RLX);
    bool shut;
    while ((shut = s / OPENED == mine / OPENED && !(s & BROKEN)))
        /* Relaxed: who opens sees it by the order of changes to one word. */
        if (atomic_compare_exchange_weak_explicit(state_of(b), &s, s | PARKED, CCPI_RLX,
                                                  CCPI_RLX)) {
            ccpi_queue_add(queue_of(b), n);
            break;
        }
    ccpi_lock_release(lock_of(b));
    return shut;
}

/* Not served: leaves, alone or breaking it.  False if it was opened or broken just now. */
static bool withdraw(ccp_barrier *b, ccpi_node *n)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(lock_of(b));
    bool shut = n->queued; /* B3 */
    if (shut) {
        ccpi_queue_remove(queue_of(b), n);
        if (b->fragile_)
            break_locked(b, 1, &won);
        else
            /* Relaxed: who does not pass publishes nothing. */
            atomic_fetch_sub_explicit(state_of(b), 1, CCPI_RLX);
    }
    ccpi_lock_release(lock_of(b));
    ccpi_wake_all(&won);
    return shut;
}

/* Has arrived; waits until it has passed, or leaves. */
static ccp_status await(ccp_barrier *b, uint64_t mine, ccp_wait w)
{
    int64_t deadline = ccpi_wait_deadline(w);
    if (!settled_awake(b, mine)) {
        ccpi_waiter waiter;
        ccpi_node node;
        ccpi_waiter_init(&waiter, "ccp_barrier_wait", b);
        ccpi_node_init(&node, &waiter, 0, NULL);
        if (enqueue(b, &node, mine)) {
            uint32_t verdict = ccpi_wait_sleep(w, &waiter, deadline);
            if (verdict != 1 && withdraw(b, &node))
                return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
        }
    }
    if (outcome_of(b, mine) == PASSED)
        return CCP_OK;
    atomic_fetch_sub_explicit(state_of(b), 1, CCPI_RLX); /* as in withdraw() */
    return CCP_CLOSED;
}

/* It was broken when the caller looked. */
static ccp_status refused(ccp_barrier *b)
{
    /* [B1] acquire: what the one that broke it did; pairs with break_locked().  Whatever the state
     * is now (B4). */
    (void)atomic_load_explicit(state_of(b), CCPI_ACQ);
    return CCP_CLOSED;
}

ccp_status ccp_barrier_wait(ccp_barrier *b, ccp_barrier_pass *pass, ccp_wait w)
{
    if (!b || b->parties_ - 1 >= MAX_PARTIES) /* 0 is too many, too */
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK && b->fragile_)
        (void)ccp_barrier_break(b);
    if (st != CCP_OK)
        return st;
    /* Relaxed, as where the changes fail: who passes or is refused acquires at the end. */
    uint64_t s = atomic_load_explicit(state_of(b), CCPI_RLX);
    bool last;
    do {
        if (s & BROKEN)
            return refused(b);
        last = (s & ARRIVED) + 1 == b->parties_;
        if (!last && ccpi_wait_not_at_all(w))
            return CCP_AGAIN;
        /* [B1] release: what each one did, to the last one. */
    } while (last ? !open_it(b, &s)
                  : !atomic_compare_exchange_weak_explicit(state_of(b), &s, s + 1, CCPI_REL,
                                                           CCPI_RLX));
    if (!last)
        st = await(b, s, w);
    if (st == CCP_OK && pass)
        *pass = (ccp_barrier_pass){ .generation = s / OPENED, .leader = last };
    return st;
}

ccp_status ccp_barrier_get_info(const ccp_barrier *b, ccp_barrier_info *out)
{
    if (!b || !out)
        return CCP_INVAL;
    /* Relaxed: a snapshot. */
    uint64_t s = atomic_load_explicit(state_of((ccp_barrier *)(uintptr_t)b), CCPI_RLX);
    *out = (ccp_barrier_info){ .generation = s / OPENED,
                               .arrived = (unsigned)(s & ARRIVED),
                               .parties = b->parties_,
                               .broken = (s & BROKEN) != 0 };
    return CCP_OK;
}
