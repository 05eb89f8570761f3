/* SPDX-License-Identifier: MIT
 *
 * The channel whose elements carry nothing: no slots, one word.  It is a counting semaphore too.
 *
 *   tail = mark if closed, plus the number of elements in it.
 *
 *   N1  number <= capacity < mark.
 *   N2  A send wins the word by a compare-and-swap that expects it open; so none succeeds after
 *       close.
 */
#ifndef CCPI_CHAN_COUNT_H
#define CCPI_CHAN_COUNT_H
/* uses: chan crowd */

#include "chan/chan.h"
#include "chan/crowd.h"

#define CCPI_COUNT_CLOSED ((uint64_t)1 << 63)

CCPI_INLINE uint64_t ccpi_count_word(const ccp_chan *c)
{
    /* [D1] [F1] seq_cst: after the crowd word was changed; and what returned before is seen. */
    return atomic_load_explicit(&c->tail, CCPI_SC);
}

CCPI_INLINE bool ccpi_count_ready(const ccp_chan *c, ccpi_side s)
{
    uint64_t word = ccpi_count_word(c);
    return (word & CCPI_COUNT_CLOSED) || (s == CCPI_RECEIVERS ? word != 0 : word < c->capacity);
}

/* Adds as many of n elements as there is room for; 0: full, or closed (*closed). */
CCPI_INLINE size_t ccpi_count_send(ccp_chan *c, size_t n, bool *closed)
{
    uint64_t word = ccpi_count_word(c), k;
    do {
        *closed = (word & CCPI_COUNT_CLOSED) != 0;
        if (*closed || word == c->capacity)
            return 0;
        k = c->capacity - word < n ? c->capacity - word : n;
        /* [D2] seq_cst: before the load of the crowd; release: what the sender did; acquire:
         * what the receiver that made room did, or who closed.  LP.  What a failure finds is later
         * than what the first load found [F1]. */
    } while (!atomic_compare_exchange_weak_explicit(&c->tail, &word, word + k, CCPI_SC, CCPI_ACQ));
    if (word + k > atomic_load_explicit(&c->high_water, CCPI_RLX))
        atomic_store_explicit(&c->high_water, word + k, CCPI_RLX);
    ccpi_crowd_notify(c, CCPI_RECEIVERS, 0, NULL, 0);
    return (size_t)k;
}

/* Takes as many of n elements as there are; 0: empty, and perhaps closed (*closed). */
CCPI_INLINE size_t ccpi_count_recv(ccp_chan *c, size_t n, bool *closed)
{
    uint64_t word = ccpi_count_word(c), number, k;
    do {
        *closed = (word & CCPI_COUNT_CLOSED) != 0;
        number = word & ~CCPI_COUNT_CLOSED;
        if (number == 0)
            return 0;
        k = number < n ? number : n;
        /* [D2] seq_cst: as in ccpi_count_send().  LP. */
    } while (!atomic_compare_exchange_weak_explicit(&c->tail, &word, word - k, CCPI_SC, CCPI_ACQ));
    ccpi_crowd_notify(c, CCPI_SENDERS, 0, NULL, 0);
    return (size_t)k;
}

CCPI_INLINE ccp_status ccpi_count_try(ccp_chan *c, ccpi_side s)
{
    bool closed;
    size_t n = s == CCPI_SENDERS ? ccpi_count_send(c, 1, &closed) : ccpi_count_recv(c, 1, &closed);
    return n ? CCP_OK : closed ? CCP_CLOSED : CCP_AGAIN;
}

#endif
