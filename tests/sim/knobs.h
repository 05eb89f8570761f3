/* SPDX-License-Identifier: MIT
 *
 * The library's knobs of waiting (block/tuning.h), so small that the explorer can pass all of them.
 */
#ifndef SIM_KNOBS_H
#define SIM_KNOBS_H

/* Knobs that change the protocol, not only how long something takes. */
typedef enum tuning {
    STILL,      /* no spinning at all: what is explored exhaustively */
    QUICK,      /* a pause or two before the sleep */
    YIELDING,   /* and a yield */
    STREAK,     /* waits that yielding won are followed by one that sleeps at once */
    FAIR,       /* each wake takes the one that waited longest */
    DEFERRING,  /* a waker looks whether somebody awake takes the work */
    EVERYTHING, /* all of it */
    TUNINGS
} tuning;

extern const char *const tuning_names[TUNINGS];

void knobs_set(tuning t);

#endif
