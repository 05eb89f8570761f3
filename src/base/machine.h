/* SPDX-License-Identifier: MIT
 *
 * The seam to the machine: everything that the library takes from the processor, the kernel and
 * the C library, but for memory (mem.h) and threads (thread.h).  Nothing above base/ goes around
 * it, so a test build can put another machine in its place at link time (tests/sim).
 */
#ifndef CCPI_BASE_MACHINE_H
#define CCPI_BASE_MACHINE_H

#include "base/atomic.h"

#define CCPI_NEVER INT64_MAX /* the deadline that never comes */

/* ns >= 0 after t; never, if there is no such time. */
CCPI_INLINE int64_t ccpi_time_after(int64_t t, int64_t ns)
{
    return t > CCPI_NEVER - ns ? CCPI_NEVER : t + ns;
}

/* Nanoseconds of the monotonic clock, > 0.   [clock.c] */
int64_t ccpi_clock_now(void);

/* The same clock, cheaper, up to some milliseconds late and never early.   [clock.c] */
int64_t ccpi_clock_coarse(void);

/* One short pause of a thread that spins.  Every loop without a bound of its own calls it.
 * [cpu.c] */
void ccpi_relax(void);

/* Lets another thread have this processor.   [cpu.c] */
void ccpi_yield(void);

/* About how many ticks a yield takes that lets nobody run.  A hint.  [cpu.c] */
uint32_t ccpi_yield_alone(void);

/* A cheap clock in units of about one ccpi_relax(), for the policy of spinning only; it may jump.
 * [cpu.c] */
uint64_t ccpi_ticks(void);

/* Processors that this process may run on, at least 1; a quota may allow it less: cpus.h.
 * [cpus.c] */
unsigned ccpi_cpu_count(void);

/* Has this process had most of them lately?  It is found out anew when that is 10 ms ago.  A hint.
 * [cpu.c] */
bool ccpi_cpus_are_ours(void);

/* Sleeps while *w == expect, until ccpi_word_wake(w) or the deadline.  May return at any time for
 * no reason.  Returns true if the deadline has passed.   [park_futex.c | park_cond.c] */
bool ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline);

/* Wakes one thread that sleeps on w, if there is one.  Never reads or writes *w: the memory may be
 * gone already.   [park_futex.c | park_cond.c] */
void ccpi_word_wake(ccpi_word32 *w);

/* A parker: where one thread sleeps until its one wake-up, which may come first.   [park.h] */
typedef struct ccpi_parker {
    ccpi_word32 word;
} ccpi_parker;

/* Where a worker of a pool is at home, as far as layers below the pool know it.  Constant. */
typedef struct ccpi_home {
    struct ccp_pool *pool;
    struct ccp_ctx *ctx; /* that tasks get */
} ccpi_home;

/* From where the program made a call, if it says so (ccp.h, CCP_TRACE_PLACES). */
typedef struct ccpi_place {
    const char *call, *file; /* constant strings; NULL: not known */
    int line;
} ccpi_place;

/* What the library keeps per thread.  Above base/ a waiting "thread" is only this. */
typedef struct ccpi_self {
    ccpi_parker parker;
    uint32_t rand;   /* owner thread only; never 0 */
    ccpi_home *home; /* owner thread only; NULL: it is no worker */
    ccpi_place place; /* owner thread only: of its last call */
    bool deadlocked; /* owner thread only: a watch has ended the wait that it is in */
    bool firm;       /* owner thread only: none shall end the one that it is about to begin */
} ccpi_self;

/* The calling thread's own.  Never fails; must not be kept across a wait.   [self.c] */
ccpi_self *ccpi_self_get(void);

/* A pseudo-random number of the calling thread.   [self.c] */
uint32_t ccpi_rand(void);

/* What the calling thread drew last, 0 before the first: the same until it draws another. */
CCPI_INLINE uint32_t ccpi_rand_last(void)
{
    return ccpi_self_get()->rand;
}

#endif
