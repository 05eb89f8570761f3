/* SPDX-License-Identifier: MIT
 *
 * How many workers a pool shall have, by what is seen of it now and then: arithmetic alone, without
 * threads, clocks or locks.
 *
 * While tasks wait, the number of tasks that finish in a while says what a size is worth: it is
 * tried out, one step up or down, and kept if that was worth it.  While none waits, nothing is
 * learned, and nothing is done.
 *
 *   window   looks in a row at which tasks waited and the size was the same: as many as give a rate
 *   try      another size, until a window has told its rate
 *   stall    looks in a row at which tasks waited, and since which none has begun or finished
 *
 * Invariants
 *   N1  least <= size <= most.
 *   N2  Nothing changes at a look at which no task waits.  A try that is not over by then is kept.
 *   N3  There are more workers only if tasks have waited for a window or a stall, and the workers
 *       did not use the processors up; and not for a window's sake more than would use them up, if
 *       each used as much as now.
 *   N4  A try of more is kept if the rate rose by at least half as much as the size; one of fewer,
 *       if it fell by at most a quarter as much.  So where going up was right, going down is wrong:
 *       as long as the load stays what it is, the size does not go to and fro.
 *   N5  After a try that was not kept so many windows pass as after the last such one, twice: up to
 *       REST_MOST.  Unless the rate has become another.
 *   N6  A stall makes more workers at once, whatever windows have told, if fewer workers than there
 *       are processors compute.  So a pool whose workers are all blocked grows up to `most`, and
 *       tasks that compute for long do not make it grow.
 *   N7  Where the workers use the processors up, there are never fewer than processors because of a
 *       try.
 */
#ifndef CCPI_FLOW_POOL_TUNE_H
#define CCPI_FLOW_POOL_TUNE_H

#include <stdbool.h>
#include <stdint.h>

/* A look at a pool.  What counts or adds up never goes back. */
typedef struct ccpi_sight {
    int64_t now;        /* ns */
    uint64_t taken;     /* tasks that workers have taken */
    uint64_t finished;
    int64_t spent;      /* ns of the processors that the workers have used */
    unsigned computing; /* workers that have computed for a part of the time since the last look */
    uint32_t cpus;      /* thousandths of processors that may be used */
    unsigned waiting;   /* tasks that wait, or are offered, beyond those for idle workers */
    bool settled;       /* there are as many workers as there shall be */
} ccpi_sight;

typedef struct ccpi_tuner {
    unsigned least, most;
    unsigned size;
    bool seen;           /* `last` is the look before */
    bool begun;          /* a window has, at `first` */
    bool down;           /* the next try is one of fewer */
    ccpi_sight first, last;
    unsigned looks;      /* in the window */
    unsigned still;      /* looks of the stall */
    unsigned computed;   /* workers that did in one of them, at most */
    unsigned from;       /* the size before the try; 0: there is none */
    double rate;         /* of the last window at `from`, or without a try: tasks per ns */
    double rate_resting; /* when the rest began */
    unsigned rest;       /* windows until the next try */
    unsigned next_rest;  /* after one that is not kept */
} ccpi_tuner;

void ccpi_tuner_init(ccpi_tuner *t, unsigned least, unsigned most, unsigned size);

/* After a look: t->size is how many workers there shall be from now on. */
void ccpi_tuner_look(ccpi_tuner *t, const ccpi_sight *s);

/* Nobody looks for a while. */
void ccpi_tuner_pause(ccpi_tuner *t);

/* More than `size` cannot be had now. */
void ccpi_tuner_deny(ccpi_tuner *t, unsigned size);

/* There may be so many from now on. */
void ccpi_tuner_bound(ccpi_tuner *t, unsigned most);

#endif
