/* SPDX-License-Identifier: MIT
 *
 * Mutexes.
 *
 *   LOCKED    somebody has it.
 *   QUEUED    the queue is not empty.  Changes under the lock of the line.
 *   WOKEN     one that stood in the line was woken to try again, and has neither taken the mutex
 *             nor gone back to the line yet: no need to wake another.
 *   STARVING  it is handed over from now on; who comes does not try, but stands in the line.
 *
 * A thread that unlocks wakes the first in the line and lets all compete: who is awake usually
 * wins, which saves a switch of threads for each turn.  One that was woken, has waited too long and
 * finds it locked makes the mutex STARVING; it stands in front.  That ends with the line, or when
 * one is served that has waited for less.
 *
 * Invariants
 *   M1  QUEUED without LOCKED implies WOKEN: somebody will look.
 *   M2  STARVING implies LOCKED and QUEUED, and excludes WOKEN.
 *   M3  A thread goes to the line by a change of the word that finds it LOCKED, under the lock: so
 *       whoever unlocks sees it.
 *   M4  The last access of a thread that unlocks is the change of the word, or, if it has claimed
 *       one of the line, the release of the lock: that one has not returned yet (I2 of line.h).
 */
/* uses: holders line */
#include "base/check.h"
#include "block/tuning.h"
#include "block/wait.h"
#include "coord/holders.h"
#include "coord/line.h"

#define LOCKED ((uint64_t)1)
#define QUEUED ((uint64_t)2)
#define WOKEN ((uint64_t)4)
#define STARVING ((uint64_t)8)

/* `woken`: WOKEN if the caller is the one that was, or 0. */
CCPI_INLINE bool try_lock(ccp_line_ *l, uint64_t woken)
{
    ccpi_word64 *state = ccpi_line_word(l);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    while (!(s & LOCKED))
        /* [M2] acquire: pairs with the releases in let_go() and pass_on().  LP. */
        if (atomic_compare_exchange_weak_explicit(state, &s, (s | LOCKED) & ~woken, CCPI_ACQ,
                                                  CCPI_RLX))
            return true;
    return false;
}

/* The caller's part in the line, over its whole wait. */
typedef struct turn {
    ccpi_stander stander;
    uint64_t woken; /* WOKEN once it was woken */
    int64_t began;
} turn;

static bool has_starved(const turn *t)
{
    return ccpi_clock_now() - t->began >= ccpi_tuning.starved;
}

static void queue_locked(ccp_line_ *l, turn *t)
{
    ccpi_list *q = ccpi_line_queue(l);
    if (t->woken)
        ccpi_queue_add_first(q, &t->stander.node);
    else
        ccpi_queue_add(q, &t->stander.node);
}

/* Takes the mutex (true), or stands in the line (M3). */
static bool enter(ccp_line_ *l, turn *t)
{
    ccpi_word64 *state = ccpi_line_word(l);
    uint64_t stand = QUEUED | (t->woken && has_starved(t) ? STARVING : 0);
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t s = atomic_load_explicit(state, CCPI_RLX), next;
    do
        next = (s | (s & LOCKED ? stand : LOCKED)) & ~t->woken;
    /* [M2] acquire: as in try_lock(). */
    while (!atomic_compare_exchange_weak_explicit(state, &s, next, CCPI_ACQ, CCPI_RLX));
    if (s & LOCKED)
        queue_locked(l, t);
    ccpi_lock_release(ccpi_line_lock(l));
    return !(s & LOCKED);
}

static void withdraw(ccp_line_ *l, turn *t)
{
    ccpi_lock_acquire(ccpi_line_lock(l));
    if (ccpi_line_remove(l, &t->stander) && !l->first_)
        /* Relaxed: nobody is there to be told. */
        atomic_fetch_and_explicit(ccpi_line_word(l), ~(QUEUED | STARVING), CCPI_RLX);
    ccpi_lock_release(ccpi_line_lock(l));
}

/* It was handed over to the caller, which may find that nobody starves any more. */
static void take_over(ccp_line_ *l, const turn *t)
{
    if (!has_starved(t))
        /* Relaxed: the mutex is the caller's. */
        atomic_fetch_and_explicit(ccpi_line_word(l), ~STARVING, CCPI_RLX);
}

static bool comes_soon(ccp_line_ *l, const turn *t)
{
    for (ccpi_brief b = { .most = ccpi_tuning.brief_pauses }; ccpi_brief_once(&b);)
        if (try_lock(l, t->woken))
            return true;
    return false;
}

static ccp_status compete(ccp_line_ *l, ccp_wait w)
{
    turn t = { .woken = 0 };
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    if (comes_soon(l, &t))
        return CCP_OK;
    t.began = ccpi_clock_now();
    for (;;) {
        ccpi_stander_init(&t.stander, "ccp_mutex_lock", l);
        if (enter(l, &t))
            return CCP_OK;
        uint32_t verdict = ccpi_wait_sleep(w, &t.stander.waiter, deadline);
        if (verdict != 1) {
            withdraw(l, &t);
            return ccpi_line_failed(w, verdict);
        }
        if (t.stander.node.result == CCP_OK) {
            take_over(l, &t);
            return CCP_OK;
        }
        t.woken = WOKEN;
        if (comes_soon(l, &t))
            return CCP_OK;
    }
}

static CCPI_COLD ccp_status note(ccp_line_ *l)
{
    ccpi_hold_slow(l, "ccp_mutex_lock", 1, true);
    return CCP_OK;
}

static CCPI_COLD ccp_status lock_slow(ccp_line_ *l, ccp_wait w)
{
    ccp_status st = compete(l, w);
    return st == CCP_OK && ccpi_tracks() ? note(l) : st;
}

ccp_status ccp_mutex_lock(ccp_mutex *m, ccp_wait w)
{
    if (!m)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    bool tracks = ccpi_tracks(); /* O3 of holders.h */
    if (CCPI_UNLIKELY(!try_lock(&m->line_, 0)))
        return lock_slow(&m->line_, w);
    return tracks ? note(&m->line_) : CCP_OK;
}

/* Unlocks, with somebody in the line: wakes the first, or hands over to it.  False: look again. */
static bool pass_on(ccp_line_ *l)
{
    ccpi_word64 *state = ccpi_line_word(l);
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t s = atomic_load_explicit(state, CCPI_RLX), next;
    ccpi_node *n = NULL;
    if ((s & (LOCKED | QUEUED | WOKEN)) == (LOCKED | QUEUED)) /* nobody else changes these now */
        n = ccpi_line_pop(l);
    uint64_t empty = l->first_ ? 0 : QUEUED | STARVING;
    do {
        next = s & ~empty;
        if (n) {
            n->result = s & STARVING ? CCP_OK : CCP_AGAIN;
            if (!(s & STARVING))
                next = (next & ~LOCKED) | WOKEN;
        }
        /* [M2] release: to the next that takes it.  LP. */
    } while (!atomic_compare_exchange_weak_explicit(state, &s, next, CCPI_REL, CCPI_RLX));
    ccpi_lock_release(ccpi_line_lock(l));
    if (n)
        ccpi_waiter_wake(n->waiter);
    return n != NULL;
}

/* Unlocks, if nobody needs to be woken for it; false: look again. */
CCPI_INLINE bool let_go(ccp_line_ *l)
{
    ccpi_word64 *state = ccpi_line_word(l);
    uint64_t s = atomic_load_explicit(state, CCPI_RLX);
    while (CCPI_LIKELY((s & LOCKED) && (s & (QUEUED | WOKEN)) != QUEUED))
        /* [M2] release: to the next that takes it.  LP. */
        if (atomic_compare_exchange_weak_explicit(state, &s, s & ~LOCKED, CCPI_REL, CCPI_RLX))
            return true;
    return false;
}

static CCPI_COLD ccp_status unlock_slow(ccp_line_ *l)
{
    do
        if (!(atomic_load_explicit(ccpi_line_word(l), CCPI_RLX) & LOCKED))
            return CCPI_MISUSE("ccp_mutex_unlock", "it is not locked");
    while (!pass_on(l) && !let_go(l));
    return CCP_OK;
}

static CCPI_COLD ccp_status unlock_noted(ccp_line_ *l)
{
    ccpi_unhold_slow(l, 1);
    return unlock_slow(l);
}

ccp_status ccp_mutex_unlock(ccp_mutex *m)
{
    if (!m)
        return CCP_INVAL;
    if (ccpi_tracks())
        return unlock_noted(&m->line_);
    return CCPI_LIKELY(let_go(&m->line_)) ? CCP_OK : unlock_slow(&m->line_);
}

bool ccp_mutex_is_locked(const ccp_mutex *m)
{
    /* Relaxed: a snapshot. */
    return m && (atomic_load_explicit(ccpi_line_word((ccp_line_ *)(uintptr_t)&m->line_), CCPI_RLX) &
                 LOCKED) != 0;
}
