/* SPDX-License-Identifier: MIT
 *
 * Which bucket of a ccp_histogram a time falls into.
 */
#ifndef CCPI_BASE_HISTOGRAM_H
#define CCPI_BASE_HISTOGRAM_H

#include "base/atomic.h"
#include "ccp.h"

CCPI_INLINE unsigned ccpi_histogram_bucket(uint64_t ns)
{
    if (ns <= (uint64_t)CCP_HISTOGRAM_BOUND(0))
        return 0;
    uint64_t whole = (ns - 1) / (uint64_t)CCP_HISTOGRAM_BOUND(0); /* >= 1 */
    unsigned i = 64 - (unsigned)__builtin_clzll(whole);
    return i < CCP_HISTOGRAM_BUCKETS ? i : CCP_HISTOGRAM_BUCKETS - 1;
}

#endif
