/* SPDX-License-Identifier: MIT
 *
 * What this process may have of the processors, and what a thread has had of them.  Part of the
 * seam to the machine, as is ccp_cpu_count().
 */
#ifndef CCPI_BASE_CPUS_H
#define CCPI_BASE_CPUS_H

#include <stdint.h>

/* Thousandths of processors that this thread and the threads that it starts may use, at least 1:
 * by their affinity, and by the quotas of control groups, as they were at most a second ago. */
uint32_t ccpi_cpu_share(void);

/* What a thread has had so far. */
typedef struct ccpi_cpu_used {
    int64_t ns;    /* of the processors; 0 if that is not known */
    uint64_t gave; /* how often it gave the processor up, to wait; 0 if that is not known */
} ccpi_cpu_used;

/* Of the calling thread: two system calls. */
ccpi_cpu_used ccpi_cpu_used_here(void);

/* The calling thread's clock of what it has had, for other threads to read, never 0; 0 if there is
 * none. */
uint32_t ccpi_cpu_clock_here(void);

/* Nanoseconds that it shows; 0 if the thread has ended, or there is no such clock. */
int64_t ccpi_cpu_clock_read(uint32_t clock);

#endif
