/* SPDX-License-Identifier: MIT
 *
 * The patterns of flow/, breakers and retries: what cannot be had is reported, no step is called
 * then, and nothing is left behind; a fan may have fewer workers.
 */
#include "fault.h"

#include <stdatomic.h>

enum { N = 20 };

static long made;
static atomic_uint sunk, calls[N];

static ccp_status make(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)in, (void)arg;
    if (made == N)
        return CCP_CLOSED;
    *(long *)out = made++;
    return CCP_OK;
}

/* Fails at the first call for every fourth. */
static ccp_status pass(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    long k = *(const long *)in;
    (void)ctx, (void)arg;
    if (atomic_fetch_add(&calls[k], 1) == 0 && k % 4 == 0)
        return CCP_FAILED;
    *(long *)out = k;
    return CCP_OK;
}

static ccp_status sink(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx, (void)in, (void)out, (void)arg;
    atomic_fetch_add(&sunk, 1);
    return CCP_OK;
}

static ccp_status come_again(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const CCP_LETTER(long) *letter = in;
    (void)ctx, (void)arg;
    *(long *)out = letter->item;
    return CCP_OK;
}

static void begin(void)
{
    made = 0;
    atomic_store(&sunk, 0);
    for (size_t k = 0; k < N; k++)
        atomic_store(&calls[k], 0);
}

static unsigned pipeline(void)
{
    begin();
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    ccp_pipeline_source(p, make, &(ccp_stage_opts){ .out_size = sizeof(long) });
    ccp_stage *s = ccp_pipeline_map(p, pass, &(ccp_stage_opts){ .workers = 2 });
    ccp_pipeline_sink(p, sink, NULL);
    ccp_pipeline_again(p, come_again,
                       &(ccp_stage_opts){ .after = ccp_stage_branch(s, CCP_LETTERS) });
    ccp_status st = p ? ccp_pipeline_run(p, CCP_FOREVER) : CCP_NOMEM;
    CHECK(st == CCP_OK || st == CCP_NOMEM);
    CHECK(atomic_load(&sunk) == (st == CCP_OK ? N : 0) && made == (st == CCP_OK ? N : 0));
    CHECK(ccp_pipeline_free(p) == CCP_OK);
    return st != CCP_OK;
}

/* ---- channels in, channels out ---- */

/* A closed channel with N numbers; NULL if there is none. */
static ccp_chan *numbers(void)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), N);
    for (long k = 0; ch && k < N; k++)
        CHECK(ccp_chan_send(ch, &k, CCP_NOWAIT) == CCP_OK);
    CHECK(!ch || ccp_chan_close(ch) == CCP_OK);
    return ch;
}

static void receive_all(ccp_chan *ch, long step)
{
    long v;
    for (long k = 0; k < N; k += step)
        CHECK(ccp_chan_recv(ch, &v, CCP_FOREVER) == CCP_OK && v == k);
    CHECK(ccp_chan_recv(ch, &v, CCP_FOREVER) == CCP_CLOSED);
}

static unsigned fan(void)
{
    begin();
    ccp_chan *in = numbers();
    for (size_t k = 0; k < N; k++)
        atomic_store(&calls[k], 1);
    ccp_fan *f = in ? ccp_fan_out(in, pass,
                                  &(ccp_fan_opts){ .workers = 3, .out_size = sizeof(long),
                                                   .ordered = true })
                    : NULL;
    ccp_fan_info info = { 0 };
    if (f) {
        receive_all(ccp_fan_chan(f), 1);
        CHECK(ccp_fan_wait(f, CCP_FOREVER) == CCP_OK);
        CHECK(ccp_fan_get_info(f, &info) == CCP_OK && info.workers >= 1);
    }
    CHECK(ccp_fan_free(f) == CCP_OK && ccp_chan_free(in) == CCP_OK);
    return info.workers != 3;
}

static unsigned broadcast(void)
{
    ccp_chan *in = numbers();
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    ccp_chan *first = ccp_broadcast_join(b, NULL), *second = ccp_broadcast_join(b, NULL);
    ccp_status st = b ? ccp_broadcast_start(b) : CCP_NOMEM;
    CHECK(st == CCP_OK || st == CCP_NOMEM);
    if (st == CCP_OK && first)
        receive_all(first, 1);
    if (st == CCP_OK && second)
        receive_all(second, 1);
    CHECK(ccp_broadcast_free(b) == CCP_OK && ccp_chan_free(in) == CCP_OK);
    return st != CCP_OK || !first || !second;
}

static unsigned merge(void)
{
    ccp_chan *in[2] = { numbers(), numbers() };
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    unsigned failed = !in[0] + !in[1] + !m, got = 0;
    if (!failed) {
        failed += ccp_merge_add(m, in[0], NULL) == CCP_NOMEM;
        failed += ccp_merge_add(m, in[1], NULL) == CCP_NOMEM;
        CHECK(ccp_merge_close(m) == CCP_OK);
        ccp_status st;
        long v;
        unsigned want = (2 - failed) * N;
        while ((st = ccp_merge_recv(m, &v, NULL, CCP_FOREVER)) == CCP_OK || st == CCP_NOMEM) {
            failed += st == CCP_NOMEM;
            got += st == CCP_OK;
            if (failed > 3) /* for ever */
                break;
        }
        CHECK(got == want || failed > 3);
    }
    CHECK(ccp_merge_free(m) == CCP_OK);
    CHECK(ccp_chan_free(in[0]) == CCP_OK && ccp_chan_free(in[1]) == CCP_OK);
    return failed;
}

static unsigned generator(void)
{
    ccp_gen *g = ccp_gen_range(0, N, 2, NULL);
    ccp_gen *t = ccp_gen_take(ccp_gen_chan(g), N, NULL);
    if (g && t)
        receive_all(ccp_gen_chan(t), 2);
    unsigned failed = !g + !t;
    CHECK(ccp_gen_free(t) == CCP_OK && ccp_gen_free(g) == CCP_OK);
    return failed;
}

static ccp_status part(ccp_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    atomic_fetch_add(&sunk, 1);
    return CCP_OK;
}

static unsigned gather(void)
{
    begin();
    ccp_part parts[3] = { { part, NULL, CCP_OK }, { part, NULL, CCP_OK }, { part, NULL, CCP_OK } };
    ccp_status st = ccp_gather(parts, 3, NULL, CCP_FOREVER);
    CHECK(st == CCP_OK ? atomic_load(&sunk) == 3 : st == CCP_NOMEM);
    return st != CCP_OK;
}

static void call_part(void *arg)
{
    (void)part(NULL, arg);
}

static unsigned called_at_its_time(void)
{
    begin();
    ccp_timers *ts = ccp_timers_new(NULL);
    ccp_timer t = { 0 };
    const ccp_timer_opts o = { .fn = call_part };
    ccp_status st = ts ? ccp_timer_start(ts, &t, &o) : CCP_NOMEM;
    CHECK(st == CCP_OK || st == CCP_NOMEM);
    while (atomic_load(&sunk) < (st == CCP_OK))
        (void)ccp_sleep(ccp_within(CCP_US(10)));
    CHECK(ccp_timer_stop(&t, CCP_FOREVER) == (st == CCP_OK ? CCP_CLOSED : CCP_MISUSE));
    CHECK(ccp_timers_free(ts) == CCP_OK);
    return st != CCP_OK;
}

static ccp_status give(ccp_ctx *ctx, void *arg, void *result)
{
    *(long *)result = 7;
    return part(ctx, arg);
}

static unsigned run_in_time(void)
{
    begin();
    long v = 0;
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    ccp_status st = p ? ccp_pool_run(p, &(ccp_promise_opts){ .size = sizeof v }, give, NULL, &v,
                                     ccp_within(CCP_SEC(1000)))
                      : CCP_NOMEM;
    CHECK(st == CCP_OK ? v == 7 && atomic_load(&sunk) == 1 : st == CCP_NOMEM && v == 0);
    CHECK(ccp_pool_free(p) == CCP_OK);
    return st != CCP_OK;
}

/* ---- breakers, retries ---- */

static ccp_status once(ccp_ctx *ctx, void *arg)
{
    ++*(unsigned *)arg;
    return ccp_retry_attempt(ctx) == 1 ? CCP_BUSY : CCP_OK;
}

static unsigned breaker(void)
{
    const ccp_breaker_opts o = { .window_ns = CCP_SEC(1), .buckets = 3 };
    ccp_breaker *b = ccp_breaker_new(&o);
    unsigned runs = 0, failed = !b;
    if (b) {
        CHECK(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, false) == CCP_OK);
        ccp_status st = ccp_breaker_run(b, once, &runs, NULL, ccp_within(CCP_SEC(10)));
        ccp_breaker_info info;
        CHECK(ccp_breaker_get_info(b, &info) == CCP_OK && info.probing == 0);
        CHECK(st == (runs ? CCP_OK : CCP_NOMEM));
        failed += st != CCP_OK;
    }
    CHECK(ccp_breaker_free(b) == CCP_OK);
    return failed;
}

static void count_calls(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    *(size_t *)arg += n;
}

static unsigned batcher(void)
{
    size_t count = 0;
    const ccp_batcher_opts o = { .fn = count_calls, .arg = &count };
    ccp_batcher *b = ccp_batcher_new(&o);
    for (size_t i = 0; b && i < 3; i++)
        CHECK(ccp_batcher_call(b, NULL, NULL, CCP_FOREVER) == CCP_OK);
    CHECK(count == (b ? 3 : 0) && ccp_batcher_free(b) == CCP_OK);
    return !b;
}

static unsigned retry(void)
{
    const ccp_retry_opts o = { .attempts = 3,
                               .attempt_ns = CCP_SEC(1),
                               .backoff = ccp_backoff_constant(CCP_US(10)) };
    ccp_retry_report r = { .last = CCP_OPEN };
    unsigned runs = 0;
    ccp_status st = ccp_retry(&o, once, &runs, &r, ccp_within(CCP_SEC(10)));
    CHECK(st == CCP_OK ? runs == 2 : st == CCP_NOMEM && runs < 2);
    CHECK(r.last == (runs == 0 ? CCP_OPEN : runs == 1 ? CCP_BUSY : CCP_OK));
    return st != CCP_OK;
}

const fault_site flow_sites[] = {
    { "pipeline", pipeline }, { "fan", fan },       { "broadcast", broadcast },
    { "merge", merge },       { "generator", generator }, { "gather", gather },
    { "called_at_its_time", called_at_its_time },
    { "run_in_time", run_in_time },
    { "breaker", breaker },   { "retry", retry },       { "batcher", batcher },
};
const size_t flow_count = sizeof flow_sites / sizeof *flow_sites;
