/* SPDX-License-Identifier: MIT
 *
 * How much of the processors the control groups of Linux let this process have.
 */
#ifndef CCPI_BASE_QUOTA_H
#define CCPI_BASE_QUOTA_H

#include <stdint.h>

#define CCPI_NO_QUOTA UINT32_MAX

/* Thousandths of a processor, rounded up, at least 1; CCPI_NO_QUOTA if nothing limits them, or it
 * cannot be found out.  The files are looked for below the directory `root`, "" for the system's
 * own. */
uint32_t ccpi_cpu_quota(const char *root);

#endif
