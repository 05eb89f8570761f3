/* SPDX-License-Identifier: MIT
 *
 * Signals, counted for whoever catches them.  Part of the seam to the machine.
 *
 * Invariants
 *   N1  A handler touches only what is static and never given back, so it may run at any time: also
 *       when what it runs for has been closed.
 *   N2  The disposition of a signal is ours from the first who catches it to the last; then it is
 *       again what it was, unless somebody else has changed it meanwhile.
 *   N3  A catcher is shut, and what is remembered of a disposition is changed, only while no
 *       handler of the signals in question looks at it.  So what came before is counted, and what
 *       comes late is not taken for what comes to the next in its place.
 */
#ifndef CCPI_BASE_SIGNAL_H
#define CCPI_BASE_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#define CCPI_SIGNALS 64   /* signals are 1 .. 64 */
#define CCPI_CATCHERS 16  /* there may be at once */

typedef struct ccpi_catch_opts {
    uint64_t set;      /* bit n - 1 is signal n */
    bool even_ignored; /* also those that are ignored now */
    bool once;         /* the second one has its default effect */
} ccpi_catch_opts;

/* Can that be caught?  Not what a thread's own error raises, and not what the system keeps. */
bool ccpi_signal_can_be_caught(int sig);

/* Begins to catch; gives the catcher's number, or -1 if all are taken. */
int ccpi_signal_open(const ccpi_catch_opts *o);

/* Sleeps until a signal has come that was not given yet, and gives it; 0 when it is shut and all
 * that came before has been given. */
int ccpi_signal_next(int catcher);

/* Catches no more. */
void ccpi_signal_shut(int catcher);

/* Gives a catcher back, which was shut, and in whose ccpi_signal_next() nobody is. */
void ccpi_signal_close(int catcher);

#endif
