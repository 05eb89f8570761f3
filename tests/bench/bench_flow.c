/* SPDX-License-Identifier: MIT
 *
 * bench_flow.c - libccp in the flow cells, see flow.h.
 */
#include "flow.h"

#include <ccp.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next, last, count, sum;

static ccp_status count_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)in, (void)arg;
    if (next == last) return CCP_CLOSED;
    *(uint64_t *)out = ++next;
    return CCP_OK;
}

static ccp_status add_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)arg;
    *(uint64_t *)out = *(const uint64_t *)in + 1;
    return CCP_OK;
}

static ccp_status add_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)out, (void)arg;
    count++;
    sum += *(const uint64_t *)in;
    return CCP_OK;
}

static void run_all(ccp_pipeline *p, struct meter *m)
{
    meter_start(m);
    if (ccp_pipeline_run(p, CCP_FOREVER) != CCP_OK) die("ccp_pipeline_run");
    meter_stop(m, now_ns());
    if (ccp_pipeline_free(p) != CCP_OK) die("ccp_pipeline_free");
}

/* mode=fused: one thread runs them all; batch: elements that a stage may hold back. */
static void run_pipe(const struct spec *s)
{
    struct meter m;
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    bool fused = !strcmp(s->mode, "fused");
    ccp_stage_opts o = { .out_size = sizeof next, .chunk = s->batch };
    last = s->n;
    ccp_pipeline_source(p, count_up, &o);
    o = (ccp_stage_opts){ .queue = fused ? 0 : s->cap, .chunk = fused ? 0 : s->batch,
                          .fused = fused };
    for (unsigned i = 2; i < s->k; i++) ccp_pipeline_map(p, add_one, &o);
    ccp_pipeline_sink(p, add_up, &o);
    run_all(p, &m);
    report(s, &m, count, s->n, sum, sum_to(s->n) + s->n * (s->k - 2));
}

/* ---- pmap ---- */

static ccp_status map_range(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    (void)ctx;
    pmap_range(arg, begin, end);
    return CCP_OK;
}

static void run_pass(size_t n, struct pmap *map, const ccp_parallel_opts *o)
{
    if (ccp_parallel_for(n, map_range, map, o, CCP_FOREVER) != CCP_OK) die("ccp_parallel_for");
}

static void run_pmap(const struct spec *s)
{
    struct meter m;
    struct pmap map = pmap_make(s);
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = s->w - 1, .queue = 64 });
    if (!pool || s->w < 2) die("no pool");
    const ccp_parallel_opts o = { .workers = s->w, .pool = pool };
    run_pass(pmap_pass(s, 0), &map, &o);
    meter_start(&m);
    for (uint64_t done = 0; done < s->n; done += pmap_pass(s, done))
        run_pass(pmap_pass(s, done), &map, &o);
    meter_stop(&m, now_ns());
    if (ccp_pool_free(pool) != CCP_OK) die("ccp_pool_free");
    report(s, &m, pmap_right(s, &map), pmap_pass(s, 0), 0, 0);
}

/* ---- csv ---- */

static char rows[CSV_ROWS][CSV_ROW];

static struct lane lanes[MAX_THREADS];
static unsigned used;
static _Thread_local struct lane *mine;

static ccp_status next_row(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)in, (void)arg;
    if (next == last) return CCP_CLOSED;
    *(const char **)out = rows[next++ % CSV_ROWS];
    return CCP_OK;
}

static ccp_status parse(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)out, (void)arg;
    if (!mine) mine = &lanes[__atomic_fetch_add(&used, 1, __ATOMIC_RELAXED)];
    mine->count++;
    mine->sum += csv_parse(*(char *const *)in);
    return CCP_OK;
}

static void run_csv(const struct spec *s)
{
    struct meter m;
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    csv_make(rows);
    last = s->n;
    ccp_pipeline_source(p, next_row, &(ccp_stage_opts){ .out_size = sizeof(char *),
                                                        .chunk = s->batch });
    ccp_pipeline_sink(p, parse, &(ccp_stage_opts){ .workers = s->w, .queue = s->cap,
                                                   .chunk = s->batch });
    run_all(p, &m);
    for (unsigned i = 0; i < used; i++) {
        count += lanes[i].count;
        sum += lanes[i].sum;
    }
    report(s, &m, count, s->n, sum, csv_sum(s->n));
}

bool flow_run(const struct spec *s)
{
    if (!strcmp(s->kind, "lpipe")) run_pipe(s);
    else if (!strcmp(s->kind, "pmap")) run_pmap(s);
    else if (!strcmp(s->kind, "csv")) run_csv(s);
    else return false;
    return true;
}
