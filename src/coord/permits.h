/* SPDX-License-Identifier: MIT
 *
 * Permits: what semaphores and reader-writer locks have in common.  There is a number of permits;
 * a thread takes n of them at once, in the order in which threads came to wait.
 *
 *      63   62                 32   31   30                  0
 *     +----+--------------------+----+----------------------+
 *     | C  |        size        | Q  |         used         |
 *     +----+--------------------+----+----------------------+
 *   C     closed: nobody takes permits any more.  Never cleared.
 *   size  permits there are, beside `base`, which a lock has without having been initialized.
 *   Q     somebody stands in the line.  Legal to be set when nobody does; illegal to be clear when
 *         somebody does.
 *   used  permits taken.
 *
 * Invariants
 *   Q1  used <= size + base.
 *   Q2  While Q is set the word changes only under the lock.  Only a thread that takes permits
 *       clears it, when the line is empty, by the same change of the word.
 *   Q3  When the lock is not held, the first in the line who asks for no more than there is asks
 *       for more than is free; those who ask for more than there is hold up nobody.
 *   Q4  The last access of a thread that gives permits back to the structure is the change of the
 *       word, or the release of the lock before which Q was set: so who takes all permits may
 *       conclude that those who had them have let go.  (Who clears Q has not given back yet.)
 */
#ifndef CCPI_COORD_PERMITS_H
#define CCPI_COORD_PERMITS_H
/* uses: line */

#include "base/track.h"
#include "coord/line.h"

#define CCPI_USED_MASK ((uint64_t)INT32_MAX)
#define CCPI_STANDING ((uint64_t)1 << 31)
#define CCPI_SIZE_ONE ((uint64_t)1 << 32)
#define CCPI_SIZE_MASK (CCPI_USED_MASK << 32)
#define CCPI_PERMITS_CLOSED ((uint64_t)1 << 63)

CCPI_INLINE uint64_t ccpi_permits_used(uint64_t word)
{
    return word & CCPI_USED_MASK;
}
CCPI_INLINE uint64_t ccpi_permits_size(uint64_t word)
{
    return (word & CCPI_SIZE_MASK) >> 32;
}

CCPI_INLINE bool ccpi_permits_fit(uint64_t word, uint32_t n, uint32_t base)
{
    return ccpi_permits_used(word) + n <= ccpi_permits_size(word) + base;
}

ccp_status ccpi_permits_take_slow(ccp_line_ *l, uint32_t n, uint32_t base, ccp_wait w);
ccp_status ccpi_permits_note(ccp_line_ *l, uint32_t n, uint32_t base);

/* Takes n permits.  CCP_OK, CCP_CLOSED or the wait codes; the caller has asked for the context. */
CCPI_INLINE ccp_status ccpi_permits_take(ccp_line_ *l, uint32_t n, uint32_t base, ccp_wait w)
{
    bool tracks = ccpi_tracks(); /* O3 of holders.h */
    uint64_t s = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX);
    while (CCPI_LIKELY(!(s & (CCPI_STANDING | CCPI_PERMITS_CLOSED)) &&
                       ccpi_permits_fit(s, n, base)))
        /* [M1] acquire: what those did who gave back.  Pairs with the releases in
         * ccpi_permits_change() and write_locked().  LP. */
        if (atomic_compare_exchange_weak_explicit(ccpi_line_word(l), &s, s + n, CCPI_ACQ,
                                                  CCPI_RLX))
            return tracks ? ccpi_permits_note(l, n, base) : CCP_OK;
    return ccpi_permits_take_slow(l, n, base, w);
}

/* Changes the word, for n permits; false if the rules forbid it: then it has changed nothing. */
typedef bool (*ccpi_permits_step)(uint64_t *word, uint32_t n);

bool ccpi_permits_change_slow(ccp_line_ *l, ccpi_permits_step step, uint32_t n);

/* Does a step that may make it possible to serve those who stand in the line. */
CCPI_INLINE bool ccpi_permits_change(ccp_line_ *l, ccpi_permits_step step, uint32_t n)
{
    uint64_t s = atomic_load_explicit(ccpi_line_word(l), CCPI_RLX), next;
    do {
        if (CCPI_UNLIKELY(s & CCPI_STANDING))
            return ccpi_permits_change_slow(l, step, n);
        next = s;
        if (!step(&next, n))
            return false;
        /* [M1] release: to who takes the permits.  LP. */
    } while (!atomic_compare_exchange_weak_explicit(ccpi_line_word(l), &s, next, CCPI_REL,
                                                    CCPI_RLX));
    return true;
}

bool ccpi_permits_give_noted(ccp_line_ *l, ccpi_permits_step step, uint32_t n, uint32_t base);

/* Does a step by which a thread gives back n permits that it, or another one, has taken. */
CCPI_INLINE bool ccpi_permits_give(ccp_line_ *l, ccpi_permits_step step, uint32_t n, uint32_t base)
{
    if (ccpi_tracks())
        return ccpi_permits_give_noted(l, step, n, base);
    return ccpi_permits_change(l, step, n);
}

/* Closes: who stands in the line gets CCP_CLOSED.  True for the first to do so. */
bool ccpi_permits_close(ccp_line_ *l);

#endif
