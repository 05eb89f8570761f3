/* SPDX-License-Identifier: MIT
 *
 * What the library keeps per thread: static, so it costs no allocation and needs no destructor.
 */
#include "base/machine.h"

static _Thread_local ccpi_self self;

ccpi_self *ccpi_self_get(void)
{
    return &self;
}

static uint32_t seed(void)
{
    uint64_t x = (uint64_t)(uintptr_t)&self ^ (uint64_t)ccpi_clock_now() * 0x9E3779B97F4A7C15u;
    return (uint32_t)(x ^ x >> 32) | 1;
}

uint32_t ccpi_rand(void)
{
    uint32_t x = self.rand;
    if (CCPI_UNLIKELY(x == 0))
        x = seed();
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    self.rand = x;
    return x;
}
