/* SPDX-License-Identifier: MIT
 *
 * Crew, watchdog, storm.
 */
#define _GNU_SOURCE
#include "harness.h"

#include "block/tuning.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* In looks of the watchdog, and not by the clock: a machine that stood still is no hang. */
enum {
    LOOKS_PER_SECOND = 5,
    HANG = 20 * LOOKS_PER_SECOND,     /* in one call, while nobody makes a step */
    STARVED = 120 * LOOKS_PER_SECOND, /* in one call, while the others make */
    STARVED_STEPS = 20000             /* so many steps */
};

static pthread_mutex_t crew_mutex = PTHREAD_MUTEX_INITIALIZER;
static worker crew[MOST_WORKERS];
static unsigned crew_size;
static _Atomic uint64_t steps_before, steps_outside, signals;
static char what_runs[512];

typedef struct watched {
    const char *name;
    ccp_chan *chan;
} watched;
static watched chans[16];
static unsigned chan_count;

/* ---- Failing ---- */

static void dump_crew(void)
{
    int64_t now = ccp_now();
    for (unsigned i = 0; i < crew_size; i++) {
        const char *doing = atomic_load(&crew[i].doing);
        fprintf(stderr, "thread %u: %" PRIu64 " steps, ", crew[i].id, atomic_load(&crew[i].steps));
        if (doing)
            fprintf(stderr, "in %s on %p for %.3f s\n", doing, (void *)(uintptr_t)crew[i].on,
                    (double)(now - atomic_load(&crew[i].since)) / 1e9);
        else
            fprintf(stderr, "%s\n", crew[i].alive ? "in no call" : "has ended");
    }
}

_Noreturn void fail(const char *format, ...)
{
    static atomic_flag first = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&first))
        for (;;)
            pause(); /* the first failure is printed; the process ends by that thread */
    noise_level(0);
    va_list args;
    va_start(args, format);
    fprintf(stderr, "FAILED: ");
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nin %s\n", what_runs);
    dump_crew();
    for (unsigned i = 0; i < chan_count; i++) {
        fprintf(stderr, "%p is ", (void *)chans[i].chan);
        dump_chan(chans[i].name, chans[i].chan);
    }
    fflush(stderr);
    _exit(1);
}

void watch_chan(const char *name, ccp_chan *ch)
{
    if (!ch)
        chan_count = 0;
    else if (chan_count < sizeof chans / sizeof *chans)
        chans[chan_count++] = (watched){ name, ch };
}

/* ---- Crew ---- */

static void *run(void *arg)
{
    worker *w = arg;
    pthread_mutex_lock(&crew_mutex);
    w->self = pthread_self();
    w->alive = true;
    pthread_mutex_unlock(&crew_mutex);
    w->fn(w);
    noise_leave();
    pthread_mutex_lock(&crew_mutex);
    w->alive = false;
    pthread_mutex_unlock(&crew_mutex);
    return NULL;
}

void crew_add(unsigned id, uint64_t seed, void (*fn)(worker *w), void *round)
{
    if (crew_size == MOST_WORKERS)
        fail("the crew is too large");
    worker *w = &crew[crew_size];
    /* Atomic: the watchdog looks at it meanwhile; crew_join() did the rest. */
    atomic_store(&w->doing, NULL);
    w->id = id;
    w->dice = dice_of(seed, crew_size);
    w->round = round;
    w->fn = fn;
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        fail("no thread to be had");
    crew_size++;
}

void crew_join(void)
{
    for (unsigned i = 0; i < crew_size; i++) {
        pthread_join(crew[i].thread, NULL);
        atomic_fetch_add(&steps_before, atomic_load(&crew[i].steps));
        atomic_store(&crew[i].steps, 0);
    }
    crew_size = 0;
}

uint64_t total_steps(void)
{
    uint64_t sum = atomic_load(&steps_before);
    for (unsigned i = 0; i < MOST_WORKERS; i++)
        sum += atomic_load(&crew[i].steps);
    return sum;
}

void step_outside(void)
{
    atomic_fetch_add_explicit(&steps_outside, 1, memory_order_relaxed);
}

/* ---- Watchdog ---- */

typedef struct looks {
    uint64_t steps;
    unsigned still;              /* since anybody made a step */
    unsigned same[MOST_WORKERS]; /* since this one is in the same call */
    int64_t since[MOST_WORKERS];
    uint64_t before[MOST_WORKERS]; /* steps when it was first seen in this call */
} looks;

static void look_for_hang(looks *l)
{
    uint64_t steps = total_steps() + atomic_load(&steps_outside);
    l->still = steps == l->steps ? l->still + 1 : 0;
    l->steps = steps;
    for (unsigned i = 0; i < MOST_WORKERS; i++) {
        int64_t since = atomic_load(&crew[i].since);
        const char *doing = atomic_load(&crew[i].doing);
        l->same[i] = doing && since == l->since[i] ? l->same[i] + 1 : 0;
        l->since[i] = since;
        if (l->same[i] == 0)
            l->before[i] = steps;
        bool starved = l->same[i] > STARVED && steps - l->before[i] > STARVED_STEPS;
        if (starved || (l->same[i] > HANG && l->still > HANG))
            fail("thread %u hangs in %s", crew[i].id, doing);
    }
}

static void *watch(void *arg)
{
    static looks l;
    (void)arg;
    for (;;) {
        nanosleep(&(struct timespec){ 0, 1000000000 / LOOKS_PER_SECOND }, NULL);
        look_for_hang(&l);
    }
    return NULL;
}

/* ---- Storm ---- */

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add_explicit(&signals, 1, memory_order_relaxed);
}

uint64_t total_signals(void)
{
    return atomic_load(&signals);
}

static void *storm(void *arg)
{
    dice d = dice_of(*(const uint64_t *)arg, 777);
    for (;;) {
        pthread_mutex_lock(&crew_mutex);
        worker *w = &crew[below(&d, MOST_WORKERS)];
        if (w->alive)
            pthread_kill(w->self, SIGUSR1);
        pthread_mutex_unlock(&crew_mutex);
        if (below(&d, 8) == 0)
            nanosleep(&(struct timespec){ 0, (long)below(&d, 60000) }, NULL);
    }
    return NULL;
}

static void start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t t;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    if (pthread_create(&t, NULL, fn, arg) != 0)
        fail("no thread to be had");
    pthread_detach(t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void harness_start(const setup *s)
{
    static uint64_t seed;
    seed = s->seed;
    start_thread(watch, NULL);
    if (!s->signals)
        return;
    struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    start_thread(storm, &seed);
}

/* ---- Rounds ---- */

static ccpi_tuning_s usual;

/* Extremes: all 0, tiny, as usual, or each at random.  They must never matter for what is right. */
static const char *turn_knobs(dice *d)
{
    static const char *const names[] = { "usual", "zero", "tiny", "random" };
    unsigned kind = below(d, 4);
    ccpi_tuning = usual;
    if (kind == 0)
        return names[kind];
    const ccpi_tuning_s zero = { .fair_pops = 1 };
    ccpi_tuning = zero;
    if (kind == 1)
        return names[kind];
    uint32_t *const knobs[] = {
        &ccpi_tuning.quick_max,    &ccpi_tuning.quick_min,    &ccpi_tuning.long_wait,
        &ccpi_tuning.patient_max,  &ccpi_tuning.in_flight,    &ccpi_tuning.pauses,
        &ccpi_tuning.shared_yield, &ccpi_tuning.shared_tries, &ccpi_tuning.hog_yield,
        &ccpi_tuning.hog_skips,    &ccpi_tuning.streak,       &ccpi_tuning.defer,
        &ccpi_tuning.fair_every,   &ccpi_tuning.fair_pops,    &ccpi_tuning.brief_pauses,
        &ccpi_tuning.brief_yields,
    };
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++)
        *knobs[i] = kind == 2 ? 1 : 1 + below(d, 1u << below(d, 12));
    return names[kind];
}

void round_begin(const setup *s, uint64_t number, const char *format, ...)
{
    static bool saved;
    if (!saved)
        usual = ccpi_tuning;
    saved = true;
    dice d = dice_of(s->seed, 1000000 + number);
    static const unsigned levels[] = { 0, 2, 10, 30, 100 };
    unsigned level = s->noise != UINT32_MAX ? s->noise : levels[below(&d, 5)];
    const char *knobs = s->knobs ? turn_knobs(&d) : "usual";
    ccpi_tuning.first_lap = s->wrap ? -(uint64_t)(1 + below(&d, 200)) : 0;
    noise_level(level);
    int n = snprintf(what_runs, sizeof what_runs,
                     "round %" PRIu64 ", seed %" PRIu64 ", noise %u, knobs %s%s%s: ", number,
                     s->seed, level, knobs, s->wrap ? ", wrap" : "", s->signals ? ", signals" : "");
    va_list args;
    va_start(args, format);
    vsnprintf(what_runs + n, sizeof what_runs - (size_t)n, format, args);
    va_end(args);
}
