/* SPDX-License-Identifier: MIT
 *
 * Noise: the library is compiled with the compiler's thread instrumentation, but linked with
 * hooks.c instead of its runtime.  Each atomic operation is performed for real, and now and then
 * the thread pauses, yields or sleeps beside it; so windows of a few instructions stay open for
 * long.
 */
#ifndef NOISE_H
#define NOISE_H

#include <stdbool.h>
#include <stdint.h>

/** So many of 1000 atomic operations are disturbed. */
void noise_level(unsigned per_mille);

/** What the disturbances are drawn from. */
void noise_seed(uint64_t seed);

/** A thread ends: what it saw is counted. */
void noise_leave(void);

/** How many operations were seen, and how many disturbed. */
void noise_counts(uint64_t *seen, uint64_t *disturbed);

/** A generator of pseudo-random numbers, one per thread. */
typedef struct dice {
    uint64_t state;
} dice;

static inline dice dice_of(uint64_t seed, uint64_t stream)
{
    dice d = { (seed + 1) * 0x9E3779B97F4A7C15u ^ (stream + 1) * 0xD1B54A32D192ED03u };
    d.state ^= d.state >> 29;
    d.state |= d.state == 0;
    return d;
}

static inline uint64_t roll(dice *d)
{
    uint64_t x = d->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    d->state = x;
    return x * 0x2545F4914F6CDD1Du >> 11;
}

static inline unsigned below(dice *d, unsigned n)
{
    return (unsigned)(roll(d) % n);
}

#endif
