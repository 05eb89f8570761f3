/* SPDX-License-Identifier: MIT
 *
 * Pauses, yields, ticks, and how many processors there are.
 */
#define _GNU_SOURCE
#include "base/machine.h"

#include <sched.h>
#include <unistd.h>

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

void ccpi_yield(void)
{
    sched_yield();
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

unsigned ccpi_cpu_count(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
