/* SPDX-License-Identifier: MIT
 *
 * A lock that spins a little, then sleeps.
 *
 *   L1  word == 2 whenever a thread sleeps on it.  Legal to be 2 when nobody does.
 *   L2  A thread that has slept takes the lock with 2, because it cannot know whether it was the
 *       only one; so L1 holds when it releases.
 */
#include "base/lock.h"

#include "base/machine.h"

#define SPINS 40 /* pauses before sleeping; the sections are tens of instructions long */

static CCPI_COLD void acquire_slow(ccpi_lock *l)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t free = 0;
        /* [L1] acquire: pairs with the release in ccpi_lock_release(). */
        if (atomic_load_explicit(&l->word, CCPI_RLX) == 0 &&
            atomic_compare_exchange_weak_explicit(&l->word, &free, 1, CCPI_ACQ, CCPI_RLX))
            return;
        ccpi_relax();
    }
    /* [L1] acquire, as above. */
    while (atomic_exchange_explicit(&l->word, 2, CCPI_ACQ) != 0)
        ccpi_word_wait(&l->word, 2, CCPI_NEVER);
}

void ccpi_lock_acquire(ccpi_lock *l)
{
    uint32_t free = 0;
    /* [L1] acquire, as above. */
    if (CCPI_UNLIKELY(
            !atomic_compare_exchange_strong_explicit(&l->word, &free, 1, CCPI_ACQ, CCPI_RLX)))
        acquire_slow(l);
}

void ccpi_lock_release(ccpi_lock *l)
{
    /* [L1] release: publishes what the section wrote to the next holder. */
    if (CCPI_UNLIKELY(atomic_exchange_explicit(&l->word, 0, CCPI_REL) == 2))
        ccpi_word_wake(&l->word);
}
