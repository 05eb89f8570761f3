/* SPDX-License-Identifier: MIT
 *
 * What this process may have of the processors.  Part of the seam to the
 * machine, as is ccp_cpu_count().
 */
#ifndef CCPI_BASE_CPUS_H
#define CCPI_BASE_CPUS_H

#include "base/atomic.h"

/* Thousandths of processors that this thread and the threads that it starts may use, at least 1:
 * by their affinity, and by the quotas of control groups, as they were at most a second ago. */
uint32_t ccpi_cpu_share(void);

#endif
