/* SPDX-License-Identifier: MIT
 *
 * How many processors there are for this process, and what a thread has had of them.
 */
#define _GNU_SOURCE
#include "base/cpus.h"

#include "base/machine.h"
#include "base/quota.h"
#include "ccp.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define QUOTA_NS 1000000000 /* a quota is read anew when it is so old: it takes tens of us */

/* Hints, relaxed: who sees one without the other reads the quota once more, or once too late. */
static ccpi_word32 quota;      /* as it was last read; 0: never */
static ccpi_word64 quota_read; /* when */

#if defined(__linux__)
/* By a mask for 1024 processors, or for 8192, which no Linux exceeds: the kernel refuses one that
 * is too small for it.  Workers come here, deep in stacks that may be as small as can be. */
static CCPI_NOINLINE unsigned count_many(void)
{
    cpu_set_t sets[8];
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

/* ---- used ---- */

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    return clock_gettime(id, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

/* A thread that only yields is still there to run: that is not counted. */
static uint64_t gave_up(void)
{
#ifdef RUSAGE_THREAD
    struct rusage u;
    return getrusage(RUSAGE_THREAD, &u) == 0 ? (uint64_t)u.ru_nvcsw : 0;
#else
    return 0;
#endif
}

ccpi_cpu_used ccpi_cpu_used_here(void)
{
    return (ccpi_cpu_used){ read_clock(CLOCK_THREAD_CPUTIME_ID), gave_up() };
}

uint32_t ccpi_cpu_clock_here(void)
{
#if defined(_POSIX_THREAD_CPUTIME) && _POSIX_THREAD_CPUTIME >= 0
    clockid_t id;
    return pthread_getcpuclockid(pthread_self(), &id) == 0 ? (uint32_t)id : 0;
#else
    return 0;
#endif
}

int64_t ccpi_cpu_clock_read(uint32_t clock)
{
    return clock ? read_clock((clockid_t)clock) : 0;
}
