/* SPDX-License-Identifier: MIT
 *
 * Misuse, and invariants.
 *
 *   CCPI_MISUSE(call, rule)  tells the program's misuse hook; gives CCP_MISUSE
 *   CCPI_CHECK(invariant)    debug and test builds (CCP_CHECK=ON): stops at a broken invariant
 */
#ifndef CCPI_BASE_CHECK_H
#define CCPI_BASE_CHECK_H

#include "ccp.h"

ccp_status ccpi_misuse(const char *call, const char *rule);
#define CCPI_MISUSE(call, rule) ccpi_misuse((call), (rule))

#ifdef CCPI_CHECKED
void ccpi_check_failed(const char *what, const char *file, int line);
#define CCPI_CHECK(cond) ((cond) ? (void)0 : ccpi_check_failed(#cond, __FILE__, __LINE__))
#else
#define CCPI_CHECK(cond) ((void)0)
#endif

#endif
