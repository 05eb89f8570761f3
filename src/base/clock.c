/* SPDX-License-Identifier: MIT
 *
 * The monotonic clock.
 */
#define _GNU_SOURCE
#include "base/machine.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + 1; /* + 1: never 0 */
}

int64_t ccpi_clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ccpi_clock_coarse(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    return read_clock(CLOCK_MONOTONIC_COARSE);
#else
    return read_clock(CLOCK_MONOTONIC);
#endif
}
