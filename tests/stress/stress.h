/* SPDX-License-Identifier: MIT
 *
 * What the stress programs share: arguments, seeded random numbers, threads that are watched.
 *
 *     program MODE [seconds [seed]]
 *
 * A program runs rounds until its time is over, and prints the seed of each round before it, so
 * that a failure can be tried again.  Those with an odd seed are run beside a watch (watched.h).
 * When no thread of a test gets on for a while, the watchdog prints what each does and the state of
 * each channel, and stops the program.
 */
#ifndef CCP_TESTS_STRESS_H
#define CCP_TESTS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ccp.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Stops the program at a broken condition, and tells the seed. */
#define MUST(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
_Noreturn void must_failed(const char *cond, const char *file, int line);

/* --- random numbers: the same for the same seed --- */

typedef struct dice {
    uint64_t state;
} dice;
uint32_t roll(dice *d, uint32_t sides); /* 0 .. sides - 1 */

/* --- watched threads and channels --- */

enum { MOST_WORKERS = 80, MOST_CHANS = 16 };

typedef struct worker {
    pthread_t id;
    void (*fn)(struct worker *w);
    void *round;
    size_t index;
    dice dice;
    _Atomic(const char *) doing; /* NULL: it has ended */
    atomic_ulong steps;
} worker;

void worker_start(worker *w, void (*fn)(worker *w), void *round, size_t index, uint64_t seed);
void worker_join(worker *w);
void worker_does(worker *w, const char *what); /* one step more */

void watch_chan(ccp_chan *ch);
void watch_no_chans(void); /* before they are freed */

/* --- the program --- */

typedef struct mode {
    const char *name;
    void (*round)(uint64_t seed);
} mode;

int stress_main(int argc, char **argv, const mode *modes, size_t n);

#endif
