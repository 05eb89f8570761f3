/* SPDX-License-Identifier: MIT
 *
 * How many processors there are for this process.
 */
#define _GNU_SOURCE
#include "base/cpus.h"

#include "base/machine.h"
#include "base/quota.h"
#include "ccp.h"

#include <sched.h>
#include <unistd.h>

#define QUOTA_NS 1000000000 /* a quota is read anew when it is so old: it takes tens of us */

/* Hints, relaxed: who sees one without the other reads the quota once more, or once too late. */
static ccpi_word32 quota;      /* as it was last read; 0: never */
static ccpi_word64 quota_read; /* when */

#if defined(__linux__)
/* By a mask for 1024 processors, or for 65536: the kernel refuses one that is too small for it. */
static CCPI_NOINLINE unsigned count_many(void)
{
    cpu_set_t sets[64];
    return sched_getaffinity(0, sizeof sets, sets) == 0 ? (unsigned)CPU_COUNT_S(sizeof sets, sets)
                                                        : 0;
}

static unsigned count_affinity(void)
{
    cpu_set_t set;
    if (CCPI_LIKELY(sched_getaffinity(0, sizeof set, &set) == 0))
        return (unsigned)CPU_COUNT(&set);
    return count_many();
}
#else
static unsigned count_affinity(void)
{
    return 0;
}
#endif

unsigned ccpi_cpu_count(void)
{
    unsigned count = count_affinity();
    long n = count ? (long)count : sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

static uint32_t recent_quota(void)
{
    uint32_t q = atomic_load_explicit(&quota, CCPI_RLX);
    uint64_t now = (uint64_t)ccpi_clock_coarse();
    if (CCPI_LIKELY(q && now - atomic_load_explicit(&quota_read, CCPI_RLX) < QUOTA_NS))
        return q;
    q = ccpi_cpu_quota("");
    atomic_store_explicit(&quota_read, now, CCPI_RLX);
    atomic_store_explicit(&quota, q, CCPI_RLX);
    return q;
}

uint32_t ccpi_cpu_share(void)
{
    uint32_t cpus = ccpi_cpu_count() * 1000, q = recent_quota();
    return q < cpus ? q : cpus;
}

unsigned ccp_cpu_count(void)
{
    return (ccpi_cpu_share() + 999) / 1000;
}
