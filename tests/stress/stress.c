/* SPDX-License-Identifier: MIT */
#include "stress.h"

#include "watched.h"

static uint64_t current_seed;
static const char *current_mode = "?";

_Noreturn void must_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s (mode %s, seed %llu)\n", file, line, cond,
            current_mode, (unsigned long long)current_seed);
    abort();
}

uint32_t roll(dice *d, uint32_t sides)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((d->state >> 33) * sides >> 31);
}

/* --- what is watched --- */

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static worker *workers[MOST_WORKERS];
static ccp_chan *chans[MOST_CHANS];
static size_t workers_n, chans_n;
static _Atomic bool over;

static void *run_worker(void *arg)
{
    worker *w = arg;
    w->fn(w);
    atomic_store(&w->doing, NULL);
    return NULL;
}

void worker_start(worker *w, void (*fn)(worker *w), void *round, size_t index, uint64_t seed)
{
    *w = (worker){ .fn = fn, .round = round, .index = index };
    w->dice.state = seed * 1000003 + index * 7919 + 1;
    (void)roll(&w->dice, 2);
    atomic_store(&w->doing, "starts");
    pthread_mutex_lock(&watch_lock);
    MUST(workers_n < MOST_WORKERS);
    workers[workers_n++] = w;
    pthread_mutex_unlock(&watch_lock);
    MUST(pthread_create(&w->id, NULL, run_worker, w) == 0);
}

void worker_join(worker *w)
{
    MUST(pthread_join(w->id, NULL) == 0);
    pthread_mutex_lock(&watch_lock);
    for (size_t i = 0; i < workers_n; i++)
        if (workers[i] == w)
            workers[i--] = workers[--workers_n];
    pthread_mutex_unlock(&watch_lock);
}

void worker_does(worker *w, const char *what)
{
    atomic_store_explicit(&w->doing, what, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->steps, 1, memory_order_relaxed);
}

void watch_chan(ccp_chan *ch)
{
    pthread_mutex_lock(&watch_lock);
    MUST(ch && chans_n < MOST_CHANS);
    chans[chans_n++] = ch;
    pthread_mutex_unlock(&watch_lock);
}

void watch_no_chans(void)
{
    pthread_mutex_lock(&watch_lock);
    chans_n = 0;
    pthread_mutex_unlock(&watch_lock);
}

/* --- the watchdog --- */

static void dump(void)
{
    fprintf(stderr, "nobody gets on (mode %s, seed %llu)\n", current_mode,
            (unsigned long long)current_seed);
    for (size_t i = 0; i < workers_n; i++) {
        const char *doing = atomic_load(&workers[i]->doing);
        fprintf(stderr, "  thread %zu: %s, step %lu\n", workers[i]->index,
                doing ? doing : "has ended", atomic_load(&workers[i]->steps));
    }
    for (size_t i = 0; i < chans_n; i++) {
        ccp_chan_info c;
        if (ccp_chan_get_info(chans[i], &c) == CCP_OK)
            fprintf(stderr,
                    "  channel %zu: size %zu, %zu of %zu, %zu send, %zu receive, sent %llu, "
                    "received %llu%s\n",
                    i, c.elem_size, c.len, c.capacity, c.waiting_senders, c.waiting_receivers,
                    (unsigned long long)c.sent, (unsigned long long)c.received,
                    c.closed ? ", closed" : "");
    }
}

/* Steps of all, and whether there is anybody to watch. */
static unsigned long total_steps(bool *any)
{
    unsigned long sum = 0;
    pthread_mutex_lock(&watch_lock);
    *any = workers_n > 0;
    for (size_t i = 0; i < workers_n; i++)
        sum += atomic_load(&workers[i]->steps);
    pthread_mutex_unlock(&watch_lock);
    return sum;
}

/* Counts its own wake-ups, not time: a machine that stands still is no hang. */
static void *watchdog(void *arg)
{
    unsigned long last = 0;
    int still = 0;
    (void)arg;
    while (!atomic_load(&over)) {
        bool any;
        unsigned long steps = total_steps(&any);
        still = any && steps == last ? still + 1 : 0;
        last = steps;
        if (still > 200) {
            pthread_mutex_lock(&watch_lock);
            dump();
            abort();
        }
        (void)ccp_sleep(ccp_within(CCP_MS(100)));
    }
    return NULL;
}

/* --- the program --- */

static unsigned long run_rounds(const mode *m, int64_t end, uint64_t seed)
{
    unsigned long rounds = 0;
    do {
        current_seed = seed + rounds;
        ccp_watch *w = current_seed % 2 ? watched_begin() : NULL;
        m->round(current_seed);
        watched_end(w);
        rounds++;
        MUST(ccp_live_blocks() == 0);
    } while (ccp_now() < end);
    return rounds;
}

int stress_main(int argc, char **argv, const mode *modes, size_t n)
{
    const mode *m = NULL;
    for (size_t i = 0; i < n && argc > 1; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            m = &modes[i];
    if (!m) {
        fprintf(stderr, "usage: %s MODE [seconds [seed]]; modes:", argv[0]);
        for (size_t i = 0; i < n; i++)
            fprintf(stderr, " %s", modes[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)ccp_now() % 1000000007;
    current_mode = m->name;
    printf("%s: seed %llu, %g s\n", m->name, (unsigned long long)seed, seconds);
    fflush(stdout);
    pthread_t dog;
    MUST(pthread_create(&dog, NULL, watchdog, NULL) == 0);
    unsigned long rounds = run_rounds(m, ccp_now() + (int64_t)(seconds * 1e9), seed);
    atomic_store(&over, true);
    MUST(pthread_join(dog, NULL) == 0);
    printf("%s: %lu rounds\n", m->name, rounds);
    return 0;
}
