/* SPDX-License-Identifier: MIT
 *
 * ccp_sim.h - runs a test of a concurrent program on one interleaving after another.
 *
 * A test that passes a million times on a quiet machine has tried a few of the orders in which its
 * threads can go.  Here the threads of the test take turns, one at a time, and a seed decides whose
 * turn it is, at every call of libccp and of POSIX threads and at every atomic operation.  So each
 * seed is another order, always the same one; what fails can be run again, and shows its steps.
 *
 *     static void two_workers(void *arg)                     // all that happens in one schedule
 *     {
 *         ccp_chan *jobs = ccp_chan_new(sizeof(int), 1);
 *         ...
 *         CCP_SIM_ASSERT(sum == 3);
 *         (void)ccp_chan_free(jobs);
 *     }
 *
 *     ccp_sim_report r = ccp_sim_search(&(ccp_sim_opts){ .schedules = 1000 }, two_workers, NULL);
 *     if (r.failed) {
 *         fprintf(stderr, "%s\nseed %llu\n", r.what, (unsigned long long)r.seed);
 *         ccp_sim_explain(&r, two_workers, NULL, ccp_to_fd, &(int){ 2 });
 *     }
 *
 * A failure is: a false CCP_SIM_ASSERT(); a deadlock, with what each thread waits for; a data race;
 * use after free, a double free, a leak; misuse of libccp; a thread that is left behind; and a
 * schedule that does not end.
 *
 * Link with the library ccp_sim in the place of libccp (CMake: target ccp::ccp_sim, which brings
 * the options with it); compile what is to be watched with -fsanitize=thread, but do not link with
 * it.  Code that is not compiled so runs too, but takes turns only where it calls something.  Needs
 * Linux, and gcc or clang.
 *
 * Guarantees
 *   SI1  A seed, with the same options and the same program, gives the same schedule; so does the
 *        string of a report.
 *   SI2  Time is virtual.  It stands still while a thread can go on, and then moves to the first
 *        deadline; with `any_time` it may do so before, as on a slow machine.
 *   SI3  Before each schedule static variables have the values that they had before the first, if
 *        it was watched code that wrote them, and the heap is empty.
 *   SI4  Nothing is reported that the program could not do by the rules of C11 and POSIX, if it
 *        keeps to what is said under Limits.
 *   SI5  With `every` no schedule is left out that has no more than that many preemptions, if the
 *        report says `complete`.  A preemption takes the turn from a thread that could go on.
 *
 * Limits
 *   At most 16 threads, 64 KiB of stack for each, 1 MiB of heap, 30,000 turns.  Threads have no
 *   thread-local variables of their own.  Waiting in other ways than in libccp, on mutexes and
 *   condition variables, in joins and sleeps is not known: some calls of that kind fail with a
 *   message that names them, others stop all threads.  Nothing may depend on addresses, on rand()
 *   or on what a schedule before has left in files.
 */
#ifndef CCP_SIM_H
#define CCP_SIM_H

#include "ccp.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How to search.  All zero: 10,000 random schedules, beginning with seed 0. */
typedef struct ccp_sim_opts {
    uint64_t seed;         /* of the first schedule; the next has the next one */
    uint64_t schedules;    /* at most so many; 0: 10,000, or with `every` all */
    bool every;            /* instead of random ones: all schedules with few preemptions */
    unsigned preemptions;  /* `every`: at most so many in each; 0: two, which most bugs need */
    bool any_time;         /* a wait with a deadline may time out although a thread can go on */
    bool weak;             /* loads may give old values, as C11 allows */
    unsigned fail_allocs;  /* at most so many allocations fail in a schedule */
    unsigned fail_threads; /* at most so many threads cannot be started */
    unsigned spurious;     /* at most so many sleeps end for no reason */
    const char *replay;    /* runs this one schedule, from a report */
} ccp_sim_opts;

/** What came of it.  The texts are good until the next search. */
typedef struct ccp_sim_report {
    bool failed;
    bool complete;      /* `every`: all have been tried */
    uint64_t schedules; /* that have been run */
    uint64_t seed;      /* of the last one */
    const char *what;   /* if it failed: why; lines of text, without the last line feed */
    const char *replay; /* if it failed: its schedule */
    ccp_sim_opts opts;  /* those of the search */
} ccp_sim_report;

/**
 * Runs fn(arg) on one schedule.
 *
 *   Waits:   never for real.
 *   Threads: one at a time in a process; not from inside a schedule.
 *   Memory:  keeps some for the process's life.
 *   Returns: what came of it.
 *   Since:   0.1
 */
ccp_sim_report ccp_sim_run(uint64_t seed, void (*fn)(void *arg), void *arg);

/**
 * Runs fn(arg) on one schedule after another, until one fails; o NULL: all zero.
 *
 *   Waits:   never for real.
 *   Threads: as ccp_sim_run().
 *   Memory:  as ccp_sim_run().
 *   Returns: what came of it.
 *   Cost:    some 20,000 small schedules in a second.
 *   After:   PCT, Burckhardt et al., ASPLOS 2010: every other seed has priorities that change at
 *            random; the others throw a coin at every turn.
 *   Since:   0.1
 */
ccp_sim_report ccp_sim_search(const ccp_sim_opts *o, void (*fn)(void *arg), void *arg);

/**
 * Runs the last schedule of a report that failed once more, and tells each turn: which thread did
 * what to which memory, and where in the source.
 *
 *   Threads: as ccp_sim_run().
 *   Memory:  as ccp_sim_run(); the texts of r are no longer good.
 *   Since:   0.1
 */
void ccp_sim_explain(const ccp_sim_report *r, void (*fn)(void *arg), void *arg, ccp_sink sink,
                     void *sink_arg);

/* ---- inside of a schedule ---- */

/** Ends the schedule, which has failed, with a text as of printf(). */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
void ccp_sim_fail(const char *format, ...);

/** Fails if cond is false. */
#define CCP_SIM_ASSERT(cond) \
    ((cond) ? (void)0 : ccp_sim_fail("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__))

/** Any of 0 .. n - 1, 1 <= n <= 255: with `every` each of them in turn, otherwise by the seed. */
int ccp_sim_choose(int n);

/** Waits until no other thread can go on without the time moving: each has ended or waits. */
void ccp_sim_settle(void);

#ifdef __cplusplus
}
#endif

#endif
