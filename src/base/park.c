/* SPDX-License-Identifier: MIT
 *
 * The owner's side of a parker; the invariants are in park.h.
 */
#include "base/park.h"

bool ccpi_park(ccpi_parker *p, int64_t deadline)
{
    uint32_t seen = 0;
    bool late = false;
    /* Relaxed: the exchange below is what takes the token; on failure it was there first. */
    if (atomic_compare_exchange_strong_explicit(&p->word, &seen, 2, CCPI_RLX, CCPI_RLX)) {
        /* Relaxed, as above. */
        while (atomic_load_explicit(&p->word, CCPI_RLX) == 2 && !late)
            late = ccpi_word_wait(&p->word, 2, deadline);
    }
    /* [K1] acquire: pairs with the release in ccpi_park_post().  A token that came with the
     * deadline is taken too.  The exchange leaves 0: no token can be left for a later wait. */
    return atomic_exchange_explicit(&p->word, 0, CCPI_ACQ) == 1;
}
