/* SPDX-License-Identifier: MIT
 *
 * The fence of all threads, by membarrier() of Linux (4.14 and later); elsewhere there is none.
 */
#define _GNU_SOURCE
#include "base/fence.h"

#if defined(__linux__)
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__linux__) && defined(SYS_membarrier)
/* From the kernel's ABI; <linux/membarrier.h> is not there with every C library. */
#define PRIVATE_EXPEDITED (1 << 3)
#define REGISTER_PRIVATE_EXPEDITED (1 << 4)

static bool membarrier(int command)
{
    int saved = errno;
    bool ok = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = saved;
    return ok;
}

bool ccpi_fence_ready(void)
{
    return membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED);
}

bool ccpi_fence_everywhere(void)
{
    return CCPI_LIKELY(membarrier(PRIVATE_EXPEDITED)) || ccpi_fence_ready();
}
#else
bool ccpi_fence_ready(void)
{
    return false;
}

bool ccpi_fence_everywhere(void)
{
    return false;
}
#endif
