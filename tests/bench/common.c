/* SPDX-License-Identifier: MIT
 * common.c - see common.h. */
#include "common.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t tv_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

int64_t cpu_ns(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return tv_ns(r.ru_utime) + tv_ns(r.ru_stime);
}

void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

void unsupported(const struct spec *s, const char *why)
{
    printf("unsupported peer=%s kind=%s why=%s\n", s->peer, s->kind, why);
    exit(3);
}

void *must_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) die("out of memory");
    return p;
}

/* ---- the cell ---- */

static void set_number(struct spec *s, const char *key, unsigned long long v)
{
    const struct {
        const char *key;
        unsigned *where;
    } small[] = { { "p", &s->p },         { "c", &s->c },       { "k", &s->k },
                  { "t", &s->t },         { "w", &s->w },       { "s", &s->s },
                  { "batch", &s->batch }, { "work", &s->work }, { "ms", &s->ms },
                  { "limit", &s->limit } };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        if (strcmp(key, small[i].key)) continue;
        *small[i].where = (unsigned)v;
        return;
    }
    if (!strcmp(key, "n")) s->n = v;
    else if (!strcmp(key, "cap")) s->cap = (size_t)v;
    else if (!strcmp(key, "size")) s->size = (size_t)v;
    else die("unknown key in the cell");
}

static void check_spec(const struct spec *s)
{
    if (s->p + s->c > MAX_THREADS || s->k > MAX_THREADS || s->t > MAX_THREADS) die("too many");
    if (s->w + s->s > MAX_THREADS) die("too many");
    if (s->size < 8 || s->size > MAX_ELEM || s->size % 8) die("bad element size");
    if (s->batch < 1 || s->batch > MAX_BATCH) die("bad batch");
    if (!s->p || !s->c || !s->k || !s->t || !s->w || !s->s || !s->n) die("zero in the cell");
}

bool list_peers(int argc, char **argv, const char *const *peers)
{
    if (argc != 2 || strcmp(argv[1], "list")) return false;
    for (; *peers; peers++) printf("%s\n", *peers);
    return true;
}

static void *sleep_for_ever(void *unused)
{
    for (;;) pause();
    return unused;
}

/* glibc's mutexes and libstdc++'s counters leave out their atomic instructions in a process with
 * one thread.  What is measured here is for programs with threads: work that starts none gets one
 * that sleeps.  (Not work with threads: one more changes on which processors the others begin.) */
static void have_threads(const struct spec *s)
{
    pthread_t t;
    bool alone = !strcmp(s->kind, "future") && !strcmp(s->mode, "self");
    if (strcmp(s->kind, "pair") && strcmp(s->kind, "ctx") && !alone) return;
    if (pthread_create(&t, NULL, sleep_for_ever, NULL)) die("cannot start a thread");
}

struct spec parse_spec(int argc, char **argv)
{

    struct spec s = { .mode = "", .n = 1000, .p = 1, .c = 1, .k = 1, .t = 1, .w = 1, .s = 1,
                      .batch = 1, .ms = 200, .limit = 542, .size = 8 };
    if (argc < 3) die("usage: PEER KIND key=value ...");
    s.peer = argv[1];
    s.kind = argv[2];
    for (int i = 3; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq) die("usage: PEER KIND key=value ...");
        *eq = 0;
        if (!strcmp(argv[i], "mode")) s.mode = eq + 1;
        else set_number(&s, argv[i], strtoull(eq + 1, NULL, 10));
    }
    check_spec(&s);
    have_threads(&s);
    return s;
}

/* ---- time ---- */

void meter_start(struct meter *m)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    m->vcs = r.ru_nvcsw;
    m->ics = r.ru_nivcsw;
    m->cpu = tv_ns(r.ru_utime) + tv_ns(r.ru_stime);
    m->wall = now_ns();
}

void meter_stop(struct meter *m, int64_t end)
{
    struct rusage r;
    m->wall = end - m->wall;
    getrusage(RUSAGE_SELF, &r);
    m->cpu = tv_ns(r.ru_utime) + tv_ns(r.ru_stime) - m->cpu;
    m->vcs = r.ru_nvcsw - m->vcs;
    m->ics = r.ru_nivcsw - m->ics;
}

static char also[1024];

void report_also(const char *name, double value)
{
    size_t used = strlen(also);
    snprintf(also + used, sizeof also - used, " %s=%.6g", name, value);
}

void report(const struct spec *s, const struct meter *m, uint64_t count, uint64_t want_count,
            uint64_t sum, uint64_t want_sum)
{
    bool good = count == want_count && sum == want_sum;
    printf("%s peer=%s kind=%s n=%llu wall=%lld cpu=%lld vcs=%ld ics=%ld count=%llu sum=%llu%s\n",
           good ? "ok" : "bad", s->peer, s->kind, (unsigned long long)s->n, (long long)m->wall,
           (long long)m->cpu, m->vcs, m->ics, (unsigned long long)count, (unsigned long long)sum,
           also);
    if (!good) exit(1);
}

/* ---- threads ---- */

void team_init(struct team *t, const struct spec *s, unsigned n, void *q)
{
    if (n > MAX_THREADS) die("too many threads");
    memset(t->lanes, 0, sizeof t->lanes);
    t->n = n;
    pthread_barrier_init(&t->start, NULL, n + 1);
    for (unsigned i = 0; i < n; i++) {
        t->lanes[i].spec = s;
        t->lanes[i].q = q;
        t->lanes[i].start = &t->start;
    }
}

void team_start(struct team *t, unsigned i, void *(*fn)(void *lane))
{
    if (pthread_create(&t->threads[i], NULL, fn, &t->lanes[i])) die("cannot start a thread");
}

/* Twice through the barrier: the first time tells that all are there, the clock is read between. */
void start_line(struct lane *l)
{
    pthread_barrier_wait(l->start);
    pthread_barrier_wait(l->start);
}

void team_go(struct team *t, struct meter *m)
{
    pthread_barrier_wait(&t->start);
    meter_start(m);
    pthread_barrier_wait(&t->start);
}

int64_t team_join(struct team *t, unsigned first, unsigned n)
{
    int64_t end = 0;
    for (unsigned i = first; i < first + n; i++) {
        pthread_join(t->threads[i], NULL);
        if (t->lanes[i].end > end) end = t->lanes[i].end;
    }
    return end;
}

/* ---- sums ---- */

uint64_t share(uint64_t n, unsigned parts, unsigned i)
{
    return n / parts + (i < n % parts);
}

uint64_t sum_to(uint64_t n)
{
    return n % 2 ? n * ((n + 1) / 2) : n / 2 * (n + 1);
}

uint64_t sum_of_shares(uint64_t n, unsigned parts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < parts; i++) sum += sum_to(share(n, parts, i));
    return sum;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void sort_ns(int64_t *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
}

/* Eight slots for each power of two: a slot is at most 1/8 wide. */
void hist_add(uint32_t *hist, int64_t ns)
{
    uint64_t v = ns < 8 ? 8 : (uint64_t)ns;
    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    hist[top * 8 + ((v >> (top - 3)) & 7)]++;
}

double hist_quantile(const uint32_t *hist, double q)
{
    uint64_t all = 0, seen = 0;
    for (unsigned i = 0; i < HIST_SLOTS; i++) all += hist[i];
    for (unsigned i = 0; i < HIST_SLOTS; i++) {
        seen += hist[i];
        if (seen && (double)seen >= q * (double)all)
            return (double)(1ull << (i / 8)) * (1.0 + (double)(i % 8 + 1) / 8.0);
    }
    return 0;
}

void sleep_us(int64_t us)
{
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&t, NULL);
}

/* ---- for a given time ---- */

static atomic_bool over;

void fair_run(const struct spec *s)
{
    sleep_us((int64_t)s->ms * 1000);
    atomic_store(&over, true);
}

bool fair_is_over(void)
{
    return atomic_load_explicit(&over, memory_order_relaxed);
}

int64_t fair_note(struct lane *l, int64_t t)
{
    int64_t now = now_ns();
    if (!l->hist) l->hist = must_alloc(HIST_SLOTS * sizeof *l->hist);
    if (now - t > l->longest) l->longest = now - t;
    hist_add(l->hist, now - t);
    l->count++;
    return now;
}

/* Reports one side: the smallest share of a thread (1: just its part) and its slowest calls. */
static uint64_t fair_side(const char *side, const struct lane *l, unsigned n)
{
    uint64_t all = 0, least = UINT64_MAX;
    int64_t longest = 0;
    uint32_t hist[HIST_SLOTS] = { 0 };
    char name[32];
    for (unsigned i = 0; i < n; i++) {
        all += l[i].count;
        if (l[i].count < least) least = l[i].count;
        if (l[i].longest > longest) longest = l[i].longest;
        for (unsigned k = 0; l[i].hist && k < HIST_SLOTS; k++) hist[k] += l[i].hist[k];
    }
    snprintf(name, sizeof name, "%s_share", side);
    report_also(name, all ? (double)least * n / (double)all : 0);
    snprintf(name, sizeof name, "%s_longest", side);
    report_also(name, (double)longest);
    snprintf(name, sizeof name, "%s_p9999", side);
    report_also(name, hist_quantile(hist, 0.9999));
    return all;
}

void fair_report(struct spec const *s, const struct meter *m, const struct team *t)
{
    struct spec counted = *s;
    uint64_t received = fair_side("recv", t->lanes, s->c), sum = 0;
    uint64_t sent = fair_side("send", t->lanes + s->c, s->p);
    for (unsigned i = 0; i < s->c; i++) sum += t->lanes[i].sum;
    for (unsigned i = 0; i < t->n; i++) free(t->lanes[i].hist);
    counted.n = sent;
    report(&counted, m, received, sent, sum, sent);
}

/* ---- the probe ---- */

enum { PROBE_TURNS = 4000 };

static struct {
    _Alignas(LINE) _Atomic uint32_t turn;
    _Alignas(LINE) int cpu[2];
} probe;

static void pin_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/* Waits for a turn; gives the core away now and then, in case the partner has none. */
static void probe_await(uint32_t turn)
{
    for (unsigned spins = 1; atomic_load_explicit(&probe.turn, memory_order_acquire) != turn;
         spins++)
        if (spins % 65536 == 0) sched_yield();
}

static void *probe_echo(void *unused)
{
    (void)unused;
    pin_to(probe.cpu[1]);
    for (uint32_t i = 0; i < PROBE_TURNS; i++) {
        probe_await(2 * i + 1);
        atomic_store_explicit(&probe.turn, 2 * i + 2, memory_order_release);
    }
    return NULL;
}

/* The time for a cache line to go to another core and back, median of eight parts. */
static double probe_line(void)
{
    enum { PARTS = 8 };
    pthread_t t;
    int64_t part[PARTS];
    if (pthread_create(&t, NULL, probe_echo, NULL)) die("cannot start a thread");
    pin_to(probe.cpu[0]);
    for (uint32_t i = 0; i < PROBE_TURNS; i++) {
        if (i % (PROBE_TURNS / PARTS) == 0) part[i / (PROBE_TURNS / PARTS)] = now_ns();
        atomic_store_explicit(&probe.turn, 2 * i + 1, memory_order_release);
        probe_await(2 * i + 2);
    }
    int64_t end = now_ns();
    pthread_join(t, NULL);
    for (unsigned i = 0; i < PARTS; i++) part[i] = (i + 1 < PARTS ? part[i + 1] : end) - part[i];
    sort_ns(part, PARTS);
    return (double)part[PARTS / 2] * PARTS / PROBE_TURNS;
}

static double probe_step(void)
{
    enum { STEPS = 100000, TRIES = 5 };
    int64_t best = INT64_MAX;
    volatile uint64_t sink = 1;
    for (int i = 0; i < TRIES; i++) {
        int64_t t = now_ns();
        sink = work_steps(sink, STEPS);
        t = now_ns() - t;
        if (t < best) best = t;
    }
    return (double)best / STEPS;
}

static double probe_cas(void)
{
    enum { TURNS = 20000, TRIES = 5 };
    int64_t best = INT64_MAX;
    static _Atomic uint64_t word;
    for (int i = 0; i < TRIES; i++) {
        uint64_t v = atomic_load(&word);
        int64_t t = now_ns();
        for (int k = 0; k < TURNS; k++) atomic_compare_exchange_strong(&word, &v, v + 1), v++;
        t = now_ns() - t;
        if (t < best) best = t;
    }
    return (double)best / TURNS;
}

void run_probe(void)
{
    cpu_set_t set;
    unsigned found = 0;
    sched_getaffinity(0, sizeof set, &set);
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET(i, &set)) probe.cpu[found++] = i;
    double step = probe_step(), cas = probe_cas();
    printf("probe line=%.1f step=%.4f cas=%.2f\n", found == 2 ? probe_line() : 0.0, step, cas);
}
