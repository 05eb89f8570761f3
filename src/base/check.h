/* SPDX-License-Identifier: MIT
 *
 * Misuse, and invariants.
 *
 *   CCPI_MISUSE(call, rule)  tells the program's misuse hook; gives CCP_MISUSE
 *   CCPI_SUSPECT(misuse)     where NDEBUG is not defined, and in tests: is it misuse?  Elsewhere
 *                            the program is trusted, as the question would cost too much: false
 *   CCPI_CHECK(invariant)    in tests (CCPI_CHECKED): stops at a broken invariant
 */
#ifndef CCPI_BASE_CHECK_H
#define CCPI_BASE_CHECK_H

#include "ccp.h"

ccp_status ccpi_misuse(const char *call, const char *rule);
#define CCPI_MISUSE(call, rule) ccpi_misuse((call), (rule))

#if defined(CCPI_CHECKED) || !defined(NDEBUG)
#define CCPI_SUSPECT(misuse) (misuse)
#else
#define CCPI_SUSPECT(misuse) false
#endif

#ifdef CCPI_CHECKED
void ccpi_check_failed(const char *what, const char *file, int line);
#define CCPI_CHECK(cond) ((cond) ? (void)0 : ccpi_check_failed(#cond, __FILE__, __LINE__))
#else
#define CCPI_CHECK(cond) ((void)0)
#endif

#endif
