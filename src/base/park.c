/* SPDX-License-Identifier: MIT
 *
 * The owner's side of a parker; the invariants are in park.h.
 */
#include "base/park.h"

bool ccpi_park(ccpi_parker *p, int64_t deadline)
{
    uint32_t seen = 0;
    bool late = false;
    /* [K1] acquire on failure: the token was there first. */
    if (atomic_compare_exchange_strong_explicit(&p->word, &seen, 2, CCPI_ACQ, CCPI_ACQ)) {
        /* [K1] acquire: pairs with the release in ccpi_park_post(). */
        while (atomic_load_explicit(&p->word, CCPI_ACQ) == 2 && !late)
            late = ccpi_word_wait(&p->word, 2, deadline);
    }
    /* [K1] acquire: a token that came with the deadline is taken too.  The exchange leaves 0, so a
     * token can never be left for a later wait. */
    return atomic_exchange_explicit(&p->word, 0, CCPI_ACQ) == 1;
}
