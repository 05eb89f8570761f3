/* SPDX-License-Identifier: MIT
 *
 * What scenarios of contexts, groups, pools, selects and timers share: the knobs of waiting at
 * their extremes, channels whose hints are known to the explorer, and the table of generated
 * scenarios.
 */
#ifndef SCENE_H
#define SCENE_H

#include "ccp.h"
#include "knobs.h"
#include "sim.h"

/* Sets the knobs; from here on misuse of the library is a failure of the scenario. */
void scene_tune(tuning t);

/* Makes a channel; it must be there. */
ccp_chan *scene_chan(size_t elem_size, size_t capacity);

/* Closes it, if it is not closed, and frees it: nobody may be counted as waiting any more (the
 * library's own checks see to that), and what was left in it comes back: how many elements. */
size_t scene_chan_end(ccp_chan *ch);

/* Threads that the library has started and not joined. */
int scene_threads(void);

/* Is any of the flags set?  One for each thread, so that none is shared. */
bool scene_any(const int flags[SIM_THREADS]);

/* Adds a scenario to the table; the name is formatted. */
void scene_add(void (*fn)(void *arg), void *arg, const sim_options *o, const char *name, ...)
    __attribute__((format(printf, 4, 5)));

/* A copy on the heap, which lasts. */
void *scene_keep(const void *from, size_t size);

/* Runs the table as the command line says. */
int scene_main(int argc, char **argv);

#endif
