/* SPDX-License-Identifier: MIT
 *
 * Sleeping on a word, by the futex of Linux.
 */
#define _GNU_SOURCE
#include "base/machine.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* From the kernel's ABI; <linux/futex.h> is not there with every C library. */
#define FUTEX_WAKE_PRIVATE (1 | 128)
#define FUTEX_WAIT_BITSET_PRIVATE (9 | 128) /* takes a time of CLOCK_MONOTONIC, not a duration */

#if defined(SYS_futex_time64) && (!defined(SYS_futex) || defined(__USE_TIME_BITS64))
#define FUTEX_CALL SYS_futex_time64
#elif !defined(SYS_futex)
#define FUTEX_CALL SYS_futex_time64
#else
#define FUTEX_CALL SYS_futex
#endif

bool ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline)
{
    /* Fields as wide as the kernel's own structure for this system call. */
    struct {
#if FUTEX_CALL + 0 == SYS_futex + 0
        long sec, nsec;
#else
        int64_t sec, nsec;
#endif
    } until = { 0, 0 };
    if (deadline != CCPI_NEVER) {
        int64_t sec = deadline / 1000000000;
        if (sizeof until.sec < 8 && sec > INT32_MAX)
            sec = INT32_MAX;
        until.sec = (__typeof__(until.sec))sec;
        until.nsec = (__typeof__(until.nsec))(deadline % 1000000000);
    }
    int saved = errno;
    long rc = syscall(FUTEX_CALL, (void *)w, FUTEX_WAIT_BITSET_PRIVATE, expect,
                      deadline == CCPI_NEVER ? NULL : (void *)&until, NULL, ~0u);
    bool late = rc != 0 && errno == ETIMEDOUT;
    errno = saved;
    return late;
}

void ccpi_word_wake(ccpi_word32 *w)
{
    int saved = errno; /* EFAULT when the sleeper's thread has ended already: no harm */
    syscall(FUTEX_CALL, (void *)w, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}
