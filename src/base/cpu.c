/* SPDX-License-Identifier: MIT
 *
 * Pauses, yields, ticks, and whether the processors are needed by others.
 *
 * A yield that lets nobody run takes 0.3 to 1.5 us, by the machine; the first yields of the process
 * are measured.
 *   Y1  yield_alone is the shortest of those during which the kernel counted no switch of this
 *       thread, or YIELD_USUAL as long as there was none.
 *   Y2  share_ours is of a time of at least SHARE_NS that ended with the last question that found
 *       that much gone by.
 */
#define _GNU_SOURCE
#include "base/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#define YIELD_USUAL 18   /* ticks; where the kernel does not tell */
#define YIELD_SAMPLES 16 /* yields to learn from */
#define YIELD_LOOKS 64   /* yields to measure, if hardly any is left alone */

#define SHARE_NS 10000000 /* the kernel counts the time of a running thread by the tick */
#define SHARE_OURS 70     /* percent of the processors: the others do not need them */

/* Hints, relaxed: a lost update costs one more measurement. */
static ccpi_word32 yield_alone = YIELD_USUAL; /* ticks of the shortest that let nobody run */
static ccpi_word32 yield_samples;
static ccpi_word32 yield_looks;
static ccpi_word32 share_ours;  /* percent of the processors that this process had */
static ccpi_word64 share_wall;  /* the clock when that was last found out, */
static ccpi_word64 share_spent; /* and what the process had spent by then */

void ccpi_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* `yield` is a no-op on most cores; isb takes ~10 ns */
#elif defined(__arm__) && __ARM_ARCH >= 7
    __asm__ volatile("yield" ::: "memory");
#elif defined(__powerpc64__)
    __asm__ volatile("or 27,27,27" ::: "memory");
#else
    atomic_signal_fence(CCPI_SC);
#endif
}

#ifdef RUSAGE_THREAD
/* How often this thread lost its processor to another. */
static long switches(void)
{
    struct rusage u;
    return getrusage(RUSAGE_THREAD, &u) == 0 ? u.ru_nivcsw + u.ru_nvcsw : -1;
}

/* Yields, and learns from it how long that takes when it lets nobody run. */
static CCPI_COLD void yield_measured(uint32_t looks)
{
    long before = switches();
    uint64_t began = ccpi_ticks();
    sched_yield();
    uint64_t took = ccpi_ticks() - began;
    bool alone = before >= 0 && switches() == before && took < UINT32_MAX;
    atomic_store_explicit(&yield_looks, looks + 1, CCPI_RLX);
    if (!alone)
        return;
    uint32_t samples = atomic_load_explicit(&yield_samples, CCPI_RLX);
    if (samples == 0 || took < atomic_load_explicit(&yield_alone, CCPI_RLX))
        atomic_store_explicit(&yield_alone, (uint32_t)took, CCPI_RLX);
    atomic_store_explicit(&yield_samples, samples + 1, CCPI_RLX);
}

void ccpi_yield(void)
{
    uint32_t looks = atomic_load_explicit(&yield_looks, CCPI_RLX);
    if (CCPI_UNLIKELY(looks < YIELD_LOOKS &&
                      atomic_load_explicit(&yield_samples, CCPI_RLX) < YIELD_SAMPLES))
        yield_measured(looks);
    else
        sched_yield();
}
#else
void ccpi_yield(void)
{
    sched_yield();
}
#endif

uint32_t ccpi_yield_alone(void)
{
    return atomic_load_explicit(&yield_alone, CCPI_RLX);
}

uint64_t ccpi_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc() >> 6; /* a pause takes 40 to 140 cycles */
#elif defined(__aarch64__)
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    return (uint64_t)ccpi_clock_now() >> 5;
#endif
}

static int64_t spent_by_process(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool ccpi_cpus_are_ours(void)
{
    int64_t wall = ccpi_clock_now();
    int64_t passed = wall - (int64_t)atomic_load_explicit(&share_wall, CCPI_RLX);
    if (passed >= SHARE_NS) {
        int64_t spent = spent_by_process();
        int64_t ours = spent - (int64_t)atomic_load_explicit(&share_spent, CCPI_RLX);
        int64_t percent = ours / (passed / 100) / ccpi_cpu_count();
        atomic_store_explicit(&share_wall, (uint64_t)wall, CCPI_RLX);
        atomic_store_explicit(&share_spent, (uint64_t)spent, CCPI_RLX);
        atomic_store_explicit(&share_ours, percent > 0 ? (uint32_t)percent : 0, CCPI_RLX);
    }
    return atomic_load_explicit(&share_ours, CCPI_RLX) >= SHARE_OURS;
}
