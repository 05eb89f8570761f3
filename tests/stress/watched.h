/* SPDX-License-Identifier: MIT
 *
 * A watch beside a stress test, which looks as often as it can and must find nothing.
 */
#ifndef CCP_TESTS_WATCHED_H
#define CCP_TESTS_WATCHED_H

#include "ccp.h"

/* Turns tracking on; the first alarm stops the program. */
ccp_watch *watched_begin(void);

/* NULL is allowed. */
void watched_end(ccp_watch *w);

/* As watched_begin() if the environment has CCP_STRESS_WATCHED, else NULL. */
ccp_watch *watched_if_asked(void);

#endif
