/* SPDX-License-Identifier: MIT
 *
 * Positions of rings: a lap number above an index, with one bit between them that is free for a
 * mark.  So positions go on where indices wrap around, also in rings of any capacity.
 *
 *      63                     k+1    k   k-1           0
 *     +--------------------------+-----+---------------+      mark = 1 << k >= capacity
 *     |           lap            |  C  |     index     |      lap  = 1 << (k+1)
 *     +--------------------------+-----+---------------+
 *
 * The positions that are given to these functions have the mark clear.
 */
#ifndef CCPI_BASE_POSITION_H
#define CCPI_BASE_POSITION_H

#include "base/atomic.h"

/* What a ring knows of its positions is given by address, so that each is loaded where it is
 * needed, if it is: the lap only at the last place. */

/* The position after pos, in a ring of so many places. */
CCPI_INLINE uint64_t ccpi_position_next(uint64_t pos, const size_t *capacity,
                                        const uint64_t *mark, const uint64_t *lap)
{
    uint64_t index = pos & (*mark - 1);
    return CCPI_LIKELY(index + 1 < *capacity) ? pos + 1 : (pos & ~(*lap - 1)) + *lap;
}

/* Elements between two positions, from <= to. */
CCPI_INLINE uint64_t ccpi_position_distance(uint64_t from, uint64_t to, const size_t *capacity,
                                            const uint64_t *mark, const uint64_t *lap)
{
    uint64_t low = *mark - 1;
    return (to - (to & low) - (from - (from & low))) / *lap * *capacity + (to & low) -
           (from & low);
}

#endif
