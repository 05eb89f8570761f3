/* SPDX-License-Identifier: MIT
 *
 * sizing.c - the measurements of docs/sizing.md, as rows of its tables.
 *
 *   sizing workers    tasks that compute, that wait, and that do both, on 1 to 64 workers, and on a
 *                     pool that finds out by itself
 *   sizing capacity   channels of 0 to 256 elements, before a consumer that takes 100 us for each:
 *                     even arrivals, bursts, and more than it can take
 *
 * Each figure is the median of ROUNDS runs.  Latency is from before the submit, or from when an
 * element should have been sent, to the beginning of the work on it.
 */
#include "ccp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, MOST = 200000 };

static int64_t waits[MOST]; /* latencies of one run, in ns */
static uint64_t spins_per_us;
static volatile uint64_t sink;

static void compute(uint64_t us)
{
    uint64_t x = 88172645463325252u;
    for (uint64_t i = 0; i < us * spins_per_us; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    sink = x;
}

static void die(const char *what)
{
    fprintf(stderr, "sizing: %s\n", what);
    exit(EXIT_FAILURE);
}

static void calibrate(void)
{
    int64_t best = INT64_MAX;
    spins_per_us = 1000;
    for (int i = 0; i < 20; i++) {
        int64_t begin = ccp_now();
        compute(100);
        int64_t took = ccp_now() - begin;
        best = took < best ? took : best;
    }
    spins_per_us = (uint64_t)(100000 * 1000 / best);
}

static void compute_long(void *arg)
{
    (void)arg;
    compute(100000);
}

/* Prints how much of two processors there is for this process. */
static void check_machine(void)
{
    ccp_wg two = CCP_WG_INIT;
    int64_t begin = ccp_now();
    for (int i = 0; i < 2; i++)
        if (ccp_wg_go(&two, compute_long, NULL) != CCP_OK)
            die("no thread");
    if (ccp_wg_wait(&two, CCP_FOREVER) != CCP_OK)
        die("not joined");
    printf("\nOf %u processors there were %.1f for two threads that compute.\n\n", ccp_cpu_count(),
           2 * 1e8 / (double)(ccp_now() - begin));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double part_of(int64_t *values, size_t n, double part)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare);
    return (double)values[(size_t)(part * (double)(n - 1))];
}

static double median(double *v)
{
    for (int i = 0; i < ROUNDS; i++)
        for (int k = i + 1; k < ROUNDS; k++)
            if (v[k] < v[i]) {
                double other = v[i];
                v[i] = v[k];
                v[k] = other;
            }
    return v[ROUNDS / 2];
}

/* ---- workers ---- */

struct kind {
    const char *name;
    uint64_t compute_us;
    int64_t wait_ns;
};

struct job {
    const struct kind *kind;
    int64_t submitted;
    int64_t *waited;
};

static struct job jobs[MOST];

static ccp_status work(ccp_ctx *ctx, void *arg)
{
    struct job *j = arg;
    *j->waited = ccp_now() - j->submitted;
    if (j->kind->compute_us)
        compute(j->kind->compute_us);
    return j->kind->wait_ns ? ccp_sleep(ccp_under(ctx, ccp_within(j->kind->wait_ns))) : CCP_OK;
}

struct figures {
    double per_second, p50_us, p99_us, workers, recommended;
    bool crowded;
};

/* Submits for so long, as fast as the pool takes tasks. */
static struct figures run_pool(const struct kind *k, unsigned workers, bool tune, int64_t ns)
{
    ccp_pool_opts o = { .workers = workers, .queue = 2 * workers, .measure = true };
    if (tune) {
        o.min = 1;
        o.tune = CCP_MS(10);
        o.queue = 16;
    }
    ccp_pool *p = ccp_pool_new(&o);
    ccp_pool_info info = { .workers = 0 };
    struct figures f = { .workers = 0 };
    size_t n = 0, skip = 0;
    int64_t begin = ccp_now(), from = begin, settle = ns / 2;
    if (!p)
        die("no pool");
    for (int64_t now = begin; now - begin < ns && n < MOST; now = ccp_now(), n++) {
        if (skip == 0 && now - begin >= settle) { /* what was before does not count */
            skip = n;
            from = now;
        }
        jobs[n] = (struct job){ k, now, &waits[n] };
        if (ccp_pool_submit(p, work, &jobs[n], CCP_FOREVER) != CCP_OK)
            die("not accepted");
    }
    double seconds = (double)(ccp_now() - from) / 1e9;
    ccp_pool_get_info(p, &info);
    if (ccp_pool_drain(p, CCP_FOREVER) != CCP_OK)
        die("not drained");
    f.workers = info.workers;
    f.per_second = (double)(n - skip) / seconds;
    f.p50_us = part_of(waits + skip, n - skip, 0.5) / 1e3;
    f.p99_us = part_of(waits + skip, n - skip, 0.99) / 1e3;
    f.recommended = info.recommended;
    f.crowded = info.crowded;
    ccp_pool_free(p);
    return f;
}

static void row_of_workers(const struct kind *k, unsigned workers, bool tune)
{
    double per_second[ROUNDS], p50[ROUNDS], p99[ROUNDS], count[ROUNDS], recommended[ROUNDS];
    int crowded = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct figures f = run_pool(k, workers, tune, tune ? CCP_MS(1600) : CCP_MS(400));
        per_second[i] = f.per_second;
        p50[i] = f.p50_us;
        p99[i] = f.p99_us;
        count[i] = f.workers;
        recommended[i] = f.recommended;
        crowded += f.crowded;
    }
    char who[32];
    snprintf(who, sizeof who, tune ? "`.tune`: %.0f" : "%.0f", median(count));
    printf("| %s | %s | %.0f | %.2f | %.2f | %.0f | %s |\n", k->name, who, median(per_second),
           median(p50) / 1e3, median(p99) / 1e3, median(recommended),
           crowded > ROUNDS / 2 ? "yes" : "");
    fflush(stdout);
}

static void measure_workers(void)
{
    static const struct kind kinds[] = { { "computes 50 us", 50, 0 },
                                         { "waits 1 ms", 0, CCP_MS(1) },
                                         { "computes 50 us, waits 200 us", 50, CCP_US(200) } };
    static const unsigned counts[] = { 1, 2, 4, 8, 16, 32, 64 };
    puts("| task | workers | tasks per second | ms in the queue, median | 99 of 100 |"
         " recommended | crowded |\n| --- | --- | --: | --: | --: | --: | --- |");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            row_of_workers(&kinds[k], counts[i], false);
        row_of_workers(&kinds[k], 64, true);
    }
}

/* ---- capacity ---- */

struct arrival {
    const char *name;
    int64_t burst; /* elements that come at once */
    int64_t every_ns;
};

struct stream {
    ccp_chan *ch;
    uint64_t service_us;
    size_t received;
};

static void consume(void *arg)
{
    struct stream *s = arg;
    int64_t due;
    CCP_CHAN_FOR(&due, s->ch, CCP_FOREVER) {
        waits[s->received++] = ccp_now() - due;
        compute(s->service_us);
    }
}

struct flow {
    double per_second, p50_us, p99_us, full, empty;
    ccp_advice advice;
};

/* For so long, elements when they are due; every_ns 0: as soon as there is room. */
static struct flow run_chan(const struct arrival *a, size_t capacity, int64_t ns)
{
    struct stream s = { .ch = ccp_chan_new(sizeof(int64_t), capacity), .service_us = 100 };
    ccp_wg consumer = CCP_WG_INIT;
    ccp_chan_stats before, after;
    ccp_chan_advice advice = { .what = CCP_ADVICE_FINE };
    struct flow f = { .per_second = 0 };
    if (!s.ch || ccp_wg_go(&consumer, consume, &s) != CCP_OK)
        die("no channel");
    int64_t begin = ccp_now(), due = begin;
    ccp_chan_get_stats(s.ch, &before);
    for (size_t n = 0; due - begin < ns && n + (size_t)a->burst < MOST;) {
        if (a->every_ns)
            (void)ccp_sleep(ccp_until(due));
        else
            due = ccp_now();
        for (int64_t i = 0; i < a->burst; i++, n++) {
            int64_t at = a->every_ns ? due : ccp_now();
            if (ccp_chan_send(s.ch, &at, CCP_FOREVER) != CCP_OK)
                die("not sent");
        }
        due += a->every_ns;
    }
    ccp_chan_get_stats(s.ch, &after);
    (void)ccp_chan_advise(&before, &after, &advice);
    double seconds = (double)(ccp_now() - begin) / 1e9;
    ccp_chan_close(s.ch);
    if (ccp_wg_wait(&consumer, CCP_FOREVER) != CCP_OK)
        die("not joined");
    f.per_second = (double)s.received / seconds;
    f.p50_us = part_of(waits, s.received, 0.5) / 1e3;
    f.p99_us = part_of(waits, s.received, 0.99) / 1e3;
    f.full = advice.full;
    f.empty = advice.empty;
    f.advice = advice.what;
    ccp_chan_free(s.ch);
    return f;
}

static void row_of_capacity(const struct arrival *a, size_t capacity)
{
    static const char *const words[] = { "fine", "too small", "too large", "slow consumers",
                                         "slow producers" };
    double per_second[ROUNDS], p50[ROUNDS], p99[ROUNDS], full[ROUNDS];
    int votes[5] = { 0 }, most = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct flow f = run_chan(a, capacity, CCP_MS(600));
        per_second[i] = f.per_second;
        p50[i] = f.p50_us;
        p99[i] = f.p99_us;
        full[i] = 100 * f.full;
        votes[f.advice]++;
    }
    for (int i = 0; i < 5; i++)
        most = votes[i] > votes[most] ? i : most;
    printf("| %s | %zu | %.0f | %.0f %% | %.3f | %.3f | %s |\n", a->name, capacity,
           median(per_second), median(full), median(p50) / 1e3, median(p99) / 1e3, words[most]);
    fflush(stdout);
}

static void measure_capacity(void)
{
    static const struct arrival arrivals[] = { { "one each 200 us", 1, CCP_US(200) },
                                               { "32 each 6.4 ms", 32, CCP_US(6400) },
                                               { "as many as there is room for", 1, 0 } };
    static const size_t capacities[] = { 0, 1, 4, 16, 64, 256 };
    puts("| arrivals | capacity | per second | full | ms until it is taken, median | 99 of 100 |"
         " advice |\n| --- | --: | --: | --: | --: | --: | --- |");
    for (size_t k = 0; k < sizeof arrivals / sizeof *arrivals; k++)
        for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++)
            row_of_capacity(&arrivals[k], capacities[i]);
}

int main(int argc, char **argv)
{
    calibrate();
    check_machine();
    if (argc == 2 && strcmp(argv[1], "workers") == 0)
        measure_workers();
    else if (argc == 2 && strcmp(argv[1], "capacity") == 0)
        measure_capacity();
    else {
        fprintf(stderr, "usage: %s workers | capacity\n", argv[0]);
        return 2;
    }
    check_machine();
    return 0;
}
