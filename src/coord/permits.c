/* SPDX-License-Identifier: MIT
 *
 * Permits, when somebody waits for them; the invariants are in permits.h.
 */
/* uses: holders line */
#include "coord/permits.h"

#include "block/tuning.h"
#include "block/wait.h"
#include "coord/holders.h"

typedef struct ask {
    ccpi_stander stander;
    uint32_t n, base;
} ask;

static ask *ask_of(ccpi_link *l)
{
    return CCPI_CONTAINER(l, ask, stander.node.link);
}

/* Q2: from here on nobody else changes the word. */
static uint64_t read_locked(ccp_line_ *l)
{
    /* [M1] acquire: what those did who gave back.  Pairs with the releases in
     * ccpi_permits_change() and write_locked(). */
    return atomic_fetch_or_explicit(ccpi_line_word(l), CCPI_STANDING, CCPI_ACQ) | CCPI_STANDING;
}

static void write_locked(ccp_line_ *l, uint64_t word)
{
    /* [M1] release: pairs with the acquires in ccpi_permits_take() and read_locked().  LP. */
    atomic_store_explicit(ccpi_line_word(l), word, CCPI_REL);
}

/* Q3: serves who can be served, in their order; gives the word after that. */
static uint64_t serve_locked(ccp_line_ *l, uint64_t word, ccpi_list *won)
{
    for (ccpi_link *link = l->first_, *next; link; link = next) {
        ask *a = ask_of(link);
        next = link->next;
        if (a->n > ccpi_permits_size(word) + a->base)
            continue;
        if (!ccpi_permits_fit(word, a->n, a->base))
            break;
        ccpi_queue_remove(ccpi_line_queue(l), &a->stander.node);
        if (ccpi_waiter_claim(&a->stander.waiter, 1)) {
            word += a->n;
            ccpi_list_append(won, &a->stander.node.link);
        }
    }
    return word;
}

static void settle_locked(ccp_line_ *l, uint64_t word)
{
    ccpi_list won = { NULL, NULL };
    write_locked(l, serve_locked(l, word, &won));
    ccpi_lock_release(ccpi_line_lock(l));
    ccpi_wake_all(&won);
}

CCPI_COLD bool ccpi_permits_change_slow(ccp_line_ *l, ccpi_permits_step step, uint32_t n)
{
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t word = read_locked(l);
    bool ok = step(&word, n);
    settle_locked(l, word);
    return ok;
}

/* Does anybody in the line go first? */
static bool is_behind(ccp_line_ *l, uint64_t word)
{
    for (ccpi_link *link = l->first_; link; link = link->next) {
        const ask *a = ask_of(link);
        if (a->n <= ccpi_permits_size(word) + a->base)
            return true;
    }
    return false;
}

/* ---- who has them, while somebody wants to know ---- */

/* The call that takes them. */
static const char *call_of(uint32_t n, uint32_t base)
{
    return base == 0 ? "ccp_sem_acquire" : n == 1 ? "ccp_rwlock_rdlock" : "ccp_rwlock_wrlock";
}

CCPI_COLD ccp_status ccpi_permits_note(ccp_line_ *l, uint32_t n, uint32_t base)
{
    ccpi_hold_slow(l, call_of(n, base), base ? 1 : n, base && n == base);
    return CCP_OK;
}

/* What will be refused takes nobody's record; who breaks the rules beside others may. */
CCPI_COLD bool ccpi_permits_give_noted(ccp_line_ *l, ccpi_permits_step step, uint32_t n,
                                       uint32_t base)
{
    uint64_t word = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX);
    if (!step(&word, n))
        return false;
    ccpi_unhold_slow(l, base ? 1 : n);
    return ccpi_permits_change(l, step, n);
}

/* ---- taking ---- */

/* Takes the permits, or stands in the line (CCP_AGAIN), if `stand`. */
static ccp_status enter(ccp_line_ *l, ask *a, bool stand)
{
    ccp_status st = CCP_AGAIN;
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t word = read_locked(l);
    if (word & CCPI_PERMITS_CLOSED)
        st = CCP_CLOSED;
    else if (ccpi_permits_fit(word, a->n, a->base) && !is_behind(l, word)) {
        word += a->n;
        if (!l->first_)
            word &= ~CCPI_STANDING;
        write_locked(l, word);
        st = CCP_OK;
    } else if (stand)
        ccpi_queue_add(ccpi_line_queue(l), &a->stander.node);
    ccpi_lock_release(ccpi_line_lock(l));
    return st;
}

/* One look; CCP_AGAIN if it has to wait. */
static ccp_status look(ccp_line_ *l, ask *a)
{
    uint64_t s = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX);
    for (;;) {
        if (s & CCPI_PERMITS_CLOSED)
            return CCP_CLOSED;
        if (!ccpi_permits_fit(s, a->n, a->base))
            return CCP_AGAIN;
        if (s & CCPI_STANDING)
            return enter(l, a, false);
        /* [M1] acquire: as in ccpi_permits_take().  LP. */
        if (atomic_compare_exchange_weak_explicit(ccpi_line_word(l), &s, s + a->n, CCPI_ACQ,
                                                  CCPI_RLX))
            return CCP_OK;
    }
}

/* Waits for a moment; true if it need not stand in the line: *st says why. */
static bool comes_soon(ccp_line_ *l, ask *a, ccp_status *st)
{
    for (ccpi_brief b = { .most = ccpi_tuning.brief_pauses }; ccpi_brief_once(&b);) {
        uint64_t s = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX);
        if (!ccpi_permits_fit(s, a->n, a->base) && !(s & CCPI_PERMITS_CLOSED))
            continue;
        *st = look(l, a);
        if (*st != CCP_AGAIN)
            return true;
        if (s & CCPI_STANDING)
            return false; /* others were here before */
    }
    return false;
}

static void withdraw(ccp_line_ *l, ask *a)
{
    ccpi_lock_acquire(ccpi_line_lock(l));
    if (ccpi_line_remove(l, &a->stander))
        settle_locked(l, read_locked(l)); /* whom it held up */
    else
        ccpi_lock_release(ccpi_line_lock(l));
}

static ccp_status take(ccp_line_ *l, uint32_t n, uint32_t base, ccp_wait w)
{
    ask a = { .n = n, .base = base };
    ccp_status st = look(l, &a);
    if (st != CCP_AGAIN || ccpi_wait_not_at_all(w))
        return st;
    int64_t deadline = ccpi_wait_deadline(w);
    if (comes_soon(l, &a, &st))
        return st;
    ccpi_stander_init(&a.stander, call_of(n, base), l);
    st = enter(l, &a, true);
    if (st != CCP_AGAIN)
        return st;
    uint32_t verdict = ccpi_wait_sleep(w, &a.stander.waiter, deadline);
    if (verdict == 1)
        return a.stander.node.result;
    withdraw(l, &a);
    return ccpi_line_failed(w, verdict);
}

CCPI_COLD ccp_status ccpi_permits_take_slow(ccp_line_ *l, uint32_t n, uint32_t base, ccp_wait w)
{
    ccp_status st = take(l, n, base, w);
    return st == CCP_OK && ccpi_tracks() ? ccpi_permits_note(l, n, base) : st;
}

bool ccpi_permits_close(ccp_line_ *l)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(ccpi_line_lock(l));
    uint64_t word = read_locked(l);
    write_locked(l, word | CCPI_PERMITS_CLOSED);
    for (ccpi_node *n; (n = ccpi_line_pop(l));) {
        n->result = CCP_CLOSED;
        ccpi_list_append(&won, &n->link);
    }
    ccpi_lock_release(ccpi_line_lock(l));
    ccpi_wake_all(&won);
    return !(word & CCPI_PERMITS_CLOSED);
}
