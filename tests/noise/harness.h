/* SPDX-License-Identifier: MIT
 *
 * What the noise programs share: a crew of real threads, a watchdog that notices when they hang and
 * shows in what, a storm of signals, and failing with everything that is known.
 *
 * A program runs rounds until its time is up.  A round builds its objects, lets a crew loose on
 * them, joins the crew, and checks the books.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "ccp.h"
#include "noise.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { MOST_WORKERS = 72 };

/** What the command line asks for. */
typedef struct setup {
    double seconds;
    uint64_t seed;
    unsigned threads;
    unsigned noise;  /* per mille; UINT32_MAX: another level in each round */
    bool signals, wrap, knobs, recorded;
} setup;

typedef struct worker {
    unsigned id;
    dice dice;
    void *round;
    void (*fn)(struct worker *w);
    pthread_t thread;
    bool alive;                   /* under the crew's mutex */
    pthread_t self;               /* the same */
    _Atomic(const char *) doing;  /* NULL: not in a call */
    _Atomic(const void *) on;
    _Atomic int64_t since;
    _Atomic uint64_t steps;
} worker;

/** Starts worker number `id` of this round's crew, and joins all that were started. */
void crew_add(unsigned id, uint64_t seed, void (*fn)(worker *w), void *round);
void crew_join(void);

/** Around each call that may wait: what the watchdog shows. */
static inline void enter(worker *w, const char *doing, const void *on)
{
    atomic_store_explicit(&w->on, on, memory_order_relaxed);
    atomic_store_explicit(&w->since, ccp_now(), memory_order_relaxed);
    atomic_store_explicit(&w->doing, doing, memory_order_relaxed);
}
static inline void leave(worker *w)
{
    atomic_store_explicit(&w->doing, NULL, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->steps, 1, memory_order_relaxed);
}

/** Starts the watchdog and, if asked for, the storm. */
void harness_start(const setup *s);

/** Begins a round: sets noise and knobs as the setup says, and says what runs. */
void round_begin(const setup *s, uint64_t number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A channel that the watchdog shows; `ch` NULL forgets all. */
void watch_chan(const char *name, ccp_chan *ch);

/** Ends the program, with all that is known. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPECT(cond)                                                       \
    do {                                                                   \
        if (!(cond))                                                       \
            fail("%s:%d: not true: %s", __FILE__, __LINE__, #cond);        \
    } while (0)

/** To the watchdog a step, too: of a thread that is not of the crew, for which the crew waits. */
void step_outside(void);

/** Steps made by all crews so far; signals received. */
uint64_t total_steps(void);
uint64_t total_signals(void);

/** Prints the inside of a channel: its words, slots and queues. */
void dump_chan(const char *name, ccp_chan *ch);

/** The programs: run one round, whose number and seed are given. */
void round_of_channels(const setup *s, uint64_t number, uint64_t seed);
void round_of_history(const setup *s, uint64_t number, uint64_t seed);
void round_of_queues(const setup *s, uint64_t number, uint64_t seed);
void round_of_contexts(const setup *s, uint64_t number, uint64_t seed);
void round_of_waitgroups(const setup *s, uint64_t number, uint64_t seed);
void history_totals(uint64_t *ops, uint64_t *tries);
void round_of_pools(const setup *s, uint64_t number, uint64_t seed);

#endif
