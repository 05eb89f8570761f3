/* SPDX-License-Identifier: MIT
 *
 * Figures of a pool: how long its tasks waited and ran, what they used of the processors; and how
 * many workers such tasks want.
 *
 * A task that never gives up its processor waits for nothing but processors: what it takes beside
 * computing tells how many others want them.  So that counts as waiting only if tasks do give up
 * theirs.
 */
/* uses: pool */
#include "base/cpus.h"
#include "base/histogram.h"
#include "flow/pool.h"

#define MOST 65536
#define FEW 10 /* one task in so many that gives its processor up makes no difference */

static void add(ccpi_word64 *sum, uint64_t n)
{
    /* Relaxed: no other thread changes it; the worker's turn publishes it. */
    atomic_store_explicit(sum, atomic_load_explicit(sum, CCPI_RLX) + n, CCPI_RLX);
}

static void raise_to(ccpi_word64 *most, uint64_t n)
{
    if (n > atomic_load_explicit(most, CCPI_RLX)) /* as in add() */
        atomic_store_explicit(most, n, CCPI_RLX);
}

static uint64_t passed(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)(to - from) : 0;
}

ccp_status ccpi_pool_run_measured(ccpi_worker *w, const ccpi_task *t)
{
    ccpi_figures *f = &w->figures;
    int64_t began = ccpi_clock_now(); /* outermost: nobody computes for longer than it takes */
    atomic_store_explicit(&w->began, (uint64_t)began, CCPI_RLX); /* K2 in pool_stats.c */
    ccpi_cpu_used before = ccpi_cpu_used_here();
    ccp_status st = t->fn(w->home.ctx, t->arg);
    ccpi_cpu_used after = ccpi_cpu_used_here();
    int64_t ended = ccpi_clock_now();
    uint64_t queued = passed(t->since, began), ran = passed(began, ended);
    atomic_store_explicit(&w->began, 0, CCPI_RLX);
    add(&f->tasks, 1);
    add(&f->queued, queued);
    raise_to(&f->longest, queued);
    add(&w->spans->queued[ccpi_histogram_bucket(queued)], 1);
    add(&f->ran, ran);
    raise_to(&f->slowest, ran);
    add(&w->spans->ran[ccpi_histogram_bucket(ran)], 1);
    add(&f->spent, passed(before.ns, after.ns));
    add(&f->blocked, after.gave != before.gave);
    return st;
}

/* Relaxed: read after the worker's turn. */
static int64_t value(const ccpi_word64 *sum)
{
    return (int64_t)atomic_load_explicit(sum, CCPI_RLX);
}

static void add_span(const ccpi_word64 *counts, int64_t most, ccp_histogram *out)
{
    for (unsigned i = 0; i < CCP_HISTOGRAM_BUCKETS; i++) {
        uint64_t n = (uint64_t)value(&counts[i]);
        out->bucket[i] += n;
        out->count += n;
    }
    out->max_ns = most > out->max_ns ? most : out->max_ns;
}

void ccpi_pool_add_spans(const ccpi_worker *w, ccp_pool_stats *out)
{
    const ccpi_figures *f = &w->figures;
    add_span(w->spans->queued, value(&f->longest), &out->queue);
    add_span(w->spans->ran, value(&f->slowest), &out->run);
    out->queue.sum_ns += value(&f->queued);
    out->run.sum_ns += value(&f->ran);
}

void ccpi_pool_add_figures(const ccpi_worker *w, ccp_pool_info *out)
{
    const ccpi_figures *f = &w->figures;
    int64_t longest = value(&f->longest);
    out->measured += (uint64_t)value(&f->tasks);
    out->queue_ns += value(&f->queued);
    out->queue_ns_max = longest > out->queue_ns_max ? longest : out->queue_ns_max;
    out->run_ns += value(&f->ran);
    out->cpu_ns += value(&f->spent);
    out->blocked += (uint64_t)value(&f->blocked);
}

void ccpi_pool_sum_up(ccp_pool_info *out)
{
    bool computes = out->blocked * FEW < out->measured;
    int64_t waits = out->run_ns > out->cpu_ns && !computes ? out->run_ns - out->cpu_ns : 0;
    out->recommended = ccp_pool_recommend(out->cpu_ns, waits, 1);
    out->crowded = computes && out->workers > ccp_cpu_count();
}

unsigned ccp_pool_recommend(int64_t cpu_ns, int64_t wait_ns, double utilization)
{
    if (cpu_ns <= 0 || wait_ns < 0 || !(utilization > 0 && utilization <= 1))
        return 0;
    double n = ccp_cpu_count() * utilization * (1 + (double)wait_ns / (double)cpu_ns);
    if (n >= MOST)
        return MOST;
    unsigned whole = (unsigned)n;
    return n - whole > 1e-9 || whole == 0 ? whole + 1 : whole; /* 1e-9: an error of rounding */
}
