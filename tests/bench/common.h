/* SPDX-License-Identifier: MIT
 *
 * common.h - what the C and C++ benchmark programs share: the cell on the command line, the start
 * line of the threads, the meter of wall and processor time, and the one line of output.
 *
 * A program is called as   bench_xxx PEER KIND key=value ...   and prints one line
 *
 *     ok peer=glib kind=tp n=1000000 wall=12345 cpu=23456 vcs=7 ics=3 count=1000000 sum=5000 ...
 *
 * wall and cpu are nanoseconds for all n operations; vcs and ics are context switches, voluntary
 * and not.  Status 0: measured, and the checksum is right.  Status 3 and a line "unsupported
 * peer=... why=...": this peer cannot do this cell.  Any other status: broken.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MAX_THREADS = 128, MAX_ELEM = 4096, MAX_BATCH = 64, TREE = 1000, LINE = 64 };

/* A cell: the kind of work, and its numbers. */
struct spec {
    const char *peer, *kind, *mode;
    uint64_t n;         /* operations in all */
    unsigned p, c;      /* senders and receivers */
    unsigned k;         /* cases of a select; stages of a pipeline; children of a tree */
    unsigned t;         /* threads */
    unsigned w, s;      /* workers and submitters of a pool */
    unsigned batch;     /* elements handed over at once */
    unsigned work;      /* steps of work on each side, see work_steps() */
    unsigned ms;        /* how long a cell lasts that counts instead of timing */
    unsigned limit;     /* the sieve ends here */
    size_t cap, size;   /* capacity; bytes per element */
};

struct meter {
    int64_t wall, cpu;
    long vcs, ics;
};

/* What one thread does and finds; a cache line or more of its own. */
struct lane {
    struct spec const *spec;
    void *q;
    pthread_barrier_t *start;
    uint64_t n;      /* to send */
    uint64_t count;  /* received */
    uint64_t sum;
    uint64_t sink;
    int64_t end;     /* when it was done */
    int64_t longest; /* of one operation */
    uint32_t *hist;  /* operations by duration */
    char pad[LINE];
};

/* A line of threads that start together. */
struct team {
    pthread_barrier_t start;
    unsigned n;
    pthread_t threads[MAX_THREADS];
    struct lane lanes[MAX_THREADS];
};

int64_t now_ns(void);
int64_t cpu_ns(void);
void *must_alloc(size_t size);
__attribute__((noreturn)) void die(const char *what);
__attribute__((noreturn)) void unsupported(const struct spec *s, const char *why);

/* Called as "bench_xxx list" it prints the names of its peers. */
bool list_peers(int argc, char **argv, const char *const *peers);
struct spec parse_spec(int argc, char **argv);

void meter_start(struct meter *m);
void meter_stop(struct meter *m, int64_t end);

/* Prints the line; sum and count must be what was expected. */
void report(const struct spec *s, const struct meter *m, uint64_t count, uint64_t want_count,
            uint64_t sum, uint64_t want_sum);
/* Adds " name=value" to the line that report() will print. */
void report_also(const char *name, double value);

void team_init(struct team *t, const struct spec *s, unsigned n, void *q);
void team_start(struct team *t, unsigned i, void *(*fn)(void *lane));
void team_go(struct team *t, struct meter *m);
void start_line(struct lane *l);
/* Joins lanes first..first+n-1 and gives the latest end among them. */
int64_t team_join(struct team *t, unsigned first, unsigned n);

/* The share of i when n are dealt out to parts; the sum 1 + ... + n; of all the shares. */
uint64_t share(uint64_t n, unsigned parts, unsigned i);
uint64_t sum_to(uint64_t n);
uint64_t sum_of_shares(uint64_t n, unsigned parts);

void sleep_us(int64_t us);
void sort_ns(int64_t *v, size_t n);

/* The cell that runs for a given time: fair_run() lets it, fair_note() notes one operation that
 * began at t and gives the time of its end. */
void fair_run(const struct spec *s);
bool fair_is_over(void);
int64_t fair_note(struct lane *l, int64_t t);
void fair_report(struct spec const *s, const struct meter *m, const struct team *t);

enum { HIST_SLOTS = 8 * 64 };
void hist_add(uint32_t *hist, int64_t ns);
double hist_quantile(const uint32_t *hist, double q);

/* A chain of steps that no compiler can shorten: about a nanosecond each, the same in C, C++, Go
 * and Rust. */
static inline uint64_t work_steps(uint64_t x, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) x = (x ^ (x >> 29)) * 6364136223846793005u;
    return x;
}

/* The figures of the machine that a round is tagged with. */
void run_probe(void);

#ifdef __cplusplus
}
#endif
#endif
