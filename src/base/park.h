/* SPDX-License-Identifier: MIT
 *
 * Parking: think of it as a way to pair each sleep with one wake-up, even if the wake-up comes
 * before the sleep.
 *
 *   K1  word: 0 nothing, 1 a token is there, 2 the owner sleeps (or is about to).
 *   K2  Only the owner takes the token; between two takes at most one token is posted, because
 *       whoever posts has won the verdict of a waiter (block/waiter.h).
 *   K3  The exchange in ccpi_park_post() is the poster's last access to the parker's memory.
 */
#ifndef CCPI_BASE_PARK_H
#define CCPI_BASE_PARK_H

#include "base/machine.h"

/* Sleeps until a token is there, and takes it (true), or until the deadline (false). */
bool ccpi_park(ccpi_parker *p, int64_t deadline);

/* Posts the token.  Returns true if the owner sleeps: then call ccpi_word_wake(&p->word). */
CCPI_INLINE bool ccpi_park_post(ccpi_parker *p)
{
    /* [K1] release: what the poster did is seen by the owner.  Pairs with the acquires in
     * ccpi_park() and ccpi_park_peek(). */
    return atomic_exchange_explicit(&p->word, 1, CCPI_REL) == 2;
}

/* Is the token there?  Then ccpi_park() returns at once. */
CCPI_INLINE bool ccpi_park_peek(ccpi_parker *p)
{
    /* [K1] acquire: pairs with the release in ccpi_park_post(). */
    return atomic_load_explicit(&p->word, CCPI_ACQ) == 1;
}

#endif
