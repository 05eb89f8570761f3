/* SPDX-License-Identifier: MIT
 *
 * Products and quotients of 64 bits whose middle has 128.
 */
#ifndef CCPI_BASE_WIDE_H
#define CCPI_BASE_WIDE_H

#include "base/atomic.h"

/* a * b >> 64, by 64 bits alone. */
CCPI_INLINE uint64_t ccpi_mul_high_halves(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t middle = ah * bl + (al * bl >> 32);
    uint64_t other = al * bh + (uint32_t)middle;
    return ah * bh + (middle >> 32) + (other >> 32);
}

/* The same by the processor's own product, where it has one. */
CCPI_INLINE uint64_t ccpi_mul_high(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    return (uint64_t)((__extension__(unsigned __int128)a * b) >> 64);
#else
    return ccpi_mul_high_halves(a, b);
#endif
}

/* a * 2^shift / b, rounded up, for b < 2^63; INT64_MAX if it is that or more.  Bit by bit: for who
 * is about to sleep. */
CCPI_INLINE uint64_t ccpi_shift_div_up(uint64_t a, unsigned shift, uint64_t b)
{
    uint64_t rest = 0, quotient = 0;
    for (unsigned bits = 64 + shift; bits-- > 0;) {
        rest = rest << 1 | (bits >= shift ? a >> (bits - shift) & 1 : 0);
        if (quotient >= (uint64_t)1 << 62)
            return INT64_MAX;
        quotient <<= 1;
        if (rest >= b) {
            rest -= b;
            quotient |= 1;
        }
    }
    return quotient + (rest != 0);
}

#endif
