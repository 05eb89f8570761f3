/* SPDX-License-Identifier: MIT
 *
 * Positions of rings: a lap number above an index, with one bit between them that is free for a
 * mark.  So positions go on where indices wrap around, also in rings of any size.
 *
 *      63                     k+1    k   k-1           0
 *     +--------------------------+-----+---------------+      mark = 1 << k >= places
 *     |           lap            |  C  |     index     |      lap  = 1 << (k+1)
 *     +--------------------------+-----+---------------+
 *
 * The places have the highest indices, from mark - places to mark - 1: so a round ends where the
 * index has all its bits set, and so has each lower part of it.
 *
 * The positions that are given to these functions have the mark clear.
 */
#ifndef CCPI_BASE_POSITION_H
#define CCPI_BASE_POSITION_H

#include "base/atomic.h"

/* The first position of a round. */
CCPI_INLINE uint64_t ccpi_position_first(uint64_t round, size_t places, uint64_t mark)
{
    return round * 2 * mark + mark - places;
}

/* Is it the last of a round?  If not, the position after it is pos + 1. */
CCPI_INLINE bool ccpi_position_is_last(uint64_t pos, uint64_t mark)
{
    return ((pos + 1) & (mark - 1)) == 0;
}

/* The position after the last of a round. */
CCPI_INLINE uint64_t ccpi_position_next_round(uint64_t last, size_t places, uint64_t lap)
{
    return last + 1 + lap - places;
}

/* Elements between two positions, from <= to. */
CCPI_INLINE uint64_t ccpi_position_distance(uint64_t from, uint64_t to, size_t places,
                                            uint64_t mark)
{
    uint64_t low = mark - 1;
    return (to - (to & low) - (from - (from & low))) / (2 * mark) * places + (to & low) -
           (from & low);
}

/* The bytes from the beginning of an object to the place of index 0, if the first place comes right
 * after it.  As that is none, perhaps less than 0, that is: modulo 2^n. */
CCPI_INLINE size_t ccpi_position_origin(size_t object, size_t places, size_t stride, uint64_t mark)
{
    return object - (size_t)(mark - places) * stride;
}

#endif
