/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

int64_t ccp_histogram_quantile(const ccp_histogram *h, double part)
{
    if (!h || h->count == 0 || !(part > 0 && part <= 1))
        return 0;
    double wanted = part * (double)h->count;
    uint64_t n = 0;
    for (unsigned i = 0; i + 1 < CCP_HISTOGRAM_BUCKETS; i++) {
        n += h->bucket[i];
        if ((double)n >= wanted)
            return CCP_HISTOGRAM_BOUND(i) < h->max_ns ? CCP_HISTOGRAM_BOUND(i) : h->max_ns;
    }
    return h->max_ns;
}
