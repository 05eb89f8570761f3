/* SPDX-License-Identifier: MIT
 *
 * fork(); the invariants are in fork.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/fork.h"

#include "base/lock.h"
#include "base/machine.h"

#include <pthread.h>

enum { UNKNOWN, UNDER_WAY, KNOWN }; /* to the C library */

static _Atomic(const ccpi_fork_part *) parts[CCPI_FORK_PLACES]; /* each changes once */
static ccpi_word32 handlers;                                     /* atomic: one of the above */
static ccpi_lock one;                                            /* K3 */
static const ccpi_fork_part *prepared[CCPI_FORK_PLACES];         /* under one */

static const ccpi_fork_part *part_at(int i)
{
    /* [FK1] acquire: the part.  Pairs with the release in ccpi_fork_join(). */
    return atomic_load_explicit(&parts[i], CCPI_ACQ);
}

static void prepare(void)
{
    ccpi_lock_acquire(&one);
    for (int i = 0; i < CCPI_FORK_PLACES; i++) {
        prepared[i] = part_at(i);
        if (prepared[i] && prepared[i]->prepare)
            prepared[i]->prepare();
    }
}

static void parent(void)
{
    for (int i = CCPI_FORK_PLACES - 1; i >= 0; i--)
        if (prepared[i] && prepared[i]->parent)
            prepared[i]->parent();
    ccpi_lock_release(&one);
}

/* Also of those that have joined since: then no lock of theirs is held by anybody who is there. */
static void child(void)
{
    for (int i = CCPI_FORK_PLACES - 1; i >= 0; i--)
        if (part_at(i))
            part_at(i)->child();
    ccpi_lock_renew(&one);
}

/* K1; false: memory is short.  Who comes second waits until the first is through. */
static bool tell_the_system(void)
{
    uint32_t state = UNKNOWN;
    /* [FK2] acquire: the C library knows.  Pairs with the release below. */
    while (!atomic_compare_exchange_weak_explicit(&handlers, &state, UNDER_WAY, CCPI_ACQ,
                                                  CCPI_ACQ)) {
        if (state == KNOWN)
            return true;
        if (state == UNDER_WAY)
            ccpi_yield();
        state = UNKNOWN;
    }
    bool ok = pthread_atfork(prepare, parent, child) == 0;
    atomic_store_explicit(&handlers, ok ? KNOWN : UNKNOWN, CCPI_REL); /* [FK2] release */
    return ok;
}

static CCPI_COLD bool join(ccpi_fork_place at, const ccpi_fork_part *part)
{
    if (!tell_the_system())
        return false;
    /* [FK1] release: the part.  Pairs with the acquire in part_at(). */
    atomic_store_explicit(&parts[at], part, CCPI_REL);
    return true;
}

bool ccpi_fork_join(ccpi_fork_place at, const ccpi_fork_part *part)
{
    return CCPI_LIKELY(part_at((int)at) != NULL) || join(at, part);
}
