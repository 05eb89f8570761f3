/* SPDX-License-Identifier: MIT
 *
 * The knobs of waiting.  They change how fast a wait is, never whether it is right; tests set them
 * to their extremes (tests/sim, tests/stress).  Unit of time: one ccpi_ticks(), about one pause.
 */
#ifndef CCPI_BLOCK_TUNING_H
#define CCPI_BLOCK_TUNING_H

#include <stdint.h>

typedef struct ccpi_tuning_s {
    uint32_t quick_max;    /* pauses before the first yield, at most */
    uint32_t quick_min;    /* and at least, while waits are known to be long */
    uint32_t long_wait;    /* average wait above which spinning is not worth it */
    uint32_t patient_max;  /* ticks of yielding and pausing after that */
    uint32_t in_flight;    /* the same while somebody is awake on the other side */
    uint32_t pauses;       /* pauses between two yields */
    uint32_t shared_yield; /* times what a yield takes alone: a longer one let somebody else run */
    uint32_t shared_tries; /* yields on a shared processor before parking */
    uint32_t hog_yield;    /* a yield that took longer was eaten by a busy program */
    uint32_t hog_skips;    /* waits that park at once after that */
    uint32_t shared_burst; /* a wait yields first only if the channel holds so many elements, */
    uint32_t shared_grain; /* and short waits take so many pauses: partners have work to do */
    uint32_t shared_waits; /* waits that begin with a yield after one that let somebody run */
    uint32_t streak;       /* waits won by yielding, after which one parks at once */
    uint32_t defer;        /* pauses to see an awake partner take the element before waking one */
    uint32_t fair_every;   /* ticks after which the longest waiter is woken, whoever is awake */
    uint32_t fair_pops;    /* one wake in so many takes the longest waiter */
    uint32_t brief_pauses; /* pauses before a thread yields for a mutex or a semaphore */
    uint32_t brief_yields; /* yields before a thread stands in the line of a mutex or the like */
    int64_t starved;       /* ns after which one that waits for a mutex has it handed over */
    uint64_t first_lap;    /* where the positions of a new ring start */
} ccpi_tuning_s;

extern ccpi_tuning_s ccpi_tuning;

#endif
