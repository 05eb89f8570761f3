/* SPDX-License-Identifier: MIT
 *
 * sim.h - an explorer of interleavings for C11 code.
 *
 * The code under test is compiled, unmodified, with -fsanitize=thread, but linked with this
 * explorer instead of the compiler's runtime.  So every atomic operation (with its order) and every
 * plain access arrives here, where threads are coroutines on one OS thread, and a scheduler decides
 * who is next.  What the code takes from the machine (src/base/machine.h, thread.h, lock.h, mem.h)
 * is replaced at link time.
 *
 * A scenario is a function.  It runs as thread 0, starts others, waits for them, and looks at the
 * outcome.  It runs again and again, each time on another schedule, so it must set up all that it
 * uses; static variables get back their first values by themselves.
 *
 *     static void two_increments(void *arg)
 *     {
 *         sim_spawn(increment, NULL);
 *         sim_spawn(increment, NULL);
 *         sim_join();
 *         sim_assert(atomic_load(&count) == 2);
 *     }
 *
 * What is a failure: a false sim_assert(); a deadlock, which is what a lost wake-up looks like; a
 * data race; use after free, double free, a leak; the use of another thread's stack after the
 * function that owned it has returned (a dead waiter); a lock taken twice, released by another or
 * held while sleeping; and more steps than max_steps, which is what a livelock looks like.  Each
 * comes with a string that replays it.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_THREADS 16 /* at most so many threads in a scenario, thread 0 included */

typedef enum sim_mode {
    SIM_DPOR,   /* one schedule of each class of equivalent ones; sequentially consistent only */
    SIM_DFS,    /* every schedule with at most `preemptions` preemptions */
    SIM_RANDOM, /* a coin at every step */
    SIM_PCT     /* random priorities, changed depth - 1 times */
} sim_mode;

/** How to explore.  Zero is the default of every field. */
typedef struct sim_options {
    sim_mode mode;
    bool weak;         /* loads may be stale, as C11 allows; not with SIM_DPOR */
    int preemptions;   /* SIM_DFS: 0 any number; n > 0 at most n */
    bool by_step;      /* SIM_DFS: the turn is that of who took the last step; otherwise of who ran
                        * last, be it only from its start, or its wake-up, to its next step: then
                        * going on with the other one counts as a preemption too */
    int stale;         /* weak: at most so many stale loads in a schedule (2); more: often */
    int depth;         /* SIM_PCT: bugs that need so many ordered events are found (3) */
    long n;            /* schedules: RANDOM, PCT (100000); DFS, DPOR: 0 all of them */
    uint64_t seed;     /* RANDOM, PCT: the first schedule's */
    double seconds;    /* stop after so long; 0 never */
    int max_steps;     /* more steps than this are a livelock (5000) */
    int spurious;      /* at most so many sleeps return for no reason */
    int fail_alloc;    /* at most so many allocations fail */
    int fail_thread;   /* at most so many threads cannot be started */
    int fail_cas;      /* at most so many weak compare-exchanges fail for no reason */
    int rand_choices;  /* n > 0: ccpi_rand() gives any of 0 .. n - 1 */
    bool wake_any;     /* a wake may choose among the sleepers; otherwise first come, first woken */
    bool reuse;        /* freed memory is given out again at once (finds ABA) */
    bool patient;      /* time moves only when no thread can go on, to the first deadline */
    bool foreign;      /* memory that the explorer does not know may be touched */
    int length;        /* SIM_PCT: steps to expect (50), until a schedule was longer */
    void (*on_failure)(void); /* called outside of the schedule, whose memory is still there */
    bool trace;        /* print the steps of every schedule */
    FILE *out;         /* where to; NULL: stdout */
    const char *replay; /* run just this schedule */
} sim_options;

/** What came of it. */
typedef struct sim_result {
    bool failed;
    bool complete;     /* DFS, DPOR: every schedule was tried */
    long schedules;    /* run to the end */
    long redundant;    /* cut because they were equivalent to another */
    long merged;       /* of the schedules: ended by sim_merge() */
    uint64_t steps;
    double seconds;
    uint64_t seed;     /* RANDOM, PCT: that of the last schedule */
    char message[512]; /* what failed */
    char *replay;      /* its schedule; valid until the next sim_run() */
} sim_result;

/* ---- In a scenario ---- */

/** Starts a thread of the scenario. */
void sim_spawn(void (*fn)(void *arg), void *arg);

/** Waits until all threads that the calling thread has spawned have ended. */
void sim_join(void);

/** Waits until no other thread can go on: each has ended or sleeps without a limit.  Comes after
 * all that they did. */
void sim_settle(void);

/** The number of the calling thread: 0 for the scenario itself, then in the order of spawning. */
int sim_self(void);

/** Ends the schedule, and the run, with a failure. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define sim_assert(cond) \
    ((cond) ? (void)0 : sim_fail("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__))

/** Is this the weak model? */
bool sim_is_weak(void);

/** Any of 0 .. n - 1 (n <= 255): every one in its turn, or a random one. */
int sim_choose(int n);

/** Gives this schedule up without a failure: what it was to show cannot be shown any more. */
_Noreturn void sim_skip(void);

/** The virtual clock.  It moves when a timed sleep times out, and when it is told to. */
int64_t sim_now(void);
void sim_advance(int64_t ns);

/** Memory of the simulated heap, not cleared; NULL only if fail_alloc says so. */
void *sim_alloc(size_t size);
void sim_free(void *p);

/** Counts the schedule's outcome, as a number of the scenario's own choice.  The set of different
 *  outcomes of the last sim_run() can be asked for afterwards, in ascending order. */
void sim_outcome(uint64_t hash);
size_t sim_outcomes(const uint64_t **set);

/** Says that what follows, when no other thread is left, depends on the n bytes at p, the simulated
 * heap, the clock and static variables written by instrumented code, on nothing else.  If it has
 * been explored from the same state before, the schedule ends here.  Does nothing unless the mode
 * is SIM_DFS or SIM_DPOR, memory sequentially consistent, and the calling thread alone. */
void sim_merge(const void *p, size_t n);

/** Mixes v into a hash; the first hash may be 0. */
static inline uint64_t sim_hash(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

/** Marks where an operation of a recorded history begins or ends; gives ascending times.  As steps,
 *  all their orders are tried. */
uint64_t sim_begin(bool is_step);
uint64_t sim_end(bool is_step);

/** Says that atomic variables there are hints, whose order with others does not matter: operations
 *  on them are no steps. */
void sim_hint(const void *p, size_t size);

/** Names memory in traces; the name must be a constant. */
void sim_name(const void *p, size_t size, const char *name);

/* ---- Outside ---- */

/** Explores fn(arg). */
sim_result sim_run(const sim_options *o, void (*fn)(void *arg), void *arg);

/** Prints the steps of a failed run, by running its last schedule again. */
void sim_explain(const sim_options *o, const sim_result *r, void (*fn)(void *arg), void *arg);

/** One line of a scenario table. */
typedef struct sim_scenario {
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    sim_options options;
    const char *expect; /* NULL: no failure; otherwise a part of the message it must fail with */
} sim_scenario;

/** Runs the scenarios that the command line names, or all; gives the exit status of main(). */
int sim_main(int argc, char **argv, const sim_scenario *scenarios, size_t count);

#endif
