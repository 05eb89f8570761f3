/* SPDX-License-Identifier: MIT
 *
 * Timers, seen from inside; the invariants are in timers.c.
 */
#ifndef CCPI_COORD_TIMERS_H
#define CCPI_COORD_TIMERS_H

#include "ccp.h"

/* Is the caller called by the thread of ts? */
bool ccpi_timers_is_own_thread(ccp_timers *ts);

/* Ends ts, of which no timer is set any more; waits for a function that runs. */
void ccpi_timers_end(ccp_timers *ts);

#endif
