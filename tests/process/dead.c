/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "dead_objects.h"

#include <signal.h>
#include <string.h>

ccp_chan *ring, *meet, *count, *bytes, *timer_chan, *fan_in, *pipe_in, *cast_in, *member;
ccp_ctx *ctx, *below;
ccp_future *future, *settled;
ccp_promise *promise;
ccp_group *group;
ccp_phaser *phaser;
ccp_flight *flight;
ccp_pool *pool, *elastic, *met;
ccp_pipeline *pipeline, *plan;
ccp_stage *stage, *planned;
ccp_fan *fan;
ccp_merge *merge;
ccp_broadcast *broadcast;
ccp_gen *gen;
ccp_timers *timers;
ccp_timer timer;
ccp_rate_map *rate_map;
ccp_window *window;
ccp_spsc *spsc;
ccp_mpmc *mpmc;
ccp_breaker *breaker;
ccp_batcher *batcher;
ccp_signals *signals;
ccp_shutdown *steps;
ccp_watch *watch;
ccp_rcu *rcu;
ccp_rcu_reader *rcu_reader;
ccp_rcu_map *rcu_map;
ccp_rcu_item rcu_item = { .key = "k", .len = 1 };
ccp_hook hook;
ccp_wg wg = CCP_WG_INIT;

/* ---- functions of the program ---- */

ccp_status dead_task(ccp_ctx *c, void *arg)
{
    (void)c;
    (void)arg;
    return CCP_OK;
}

ccp_status dead_call(ccp_ctx *c, void *arg, void *value)
{
    (void)c;
    (void)arg;
    *(long *)value = 1;
    return CCP_OK;
}

ccp_status dead_copy_long(ccp_ctx *c, const void *in, void *out, void *arg)
{
    (void)c;
    (void)arg;
    memcpy(out, in, sizeof(long));
    return CCP_OK;
}

ccp_status dead_take(ccp_ctx *c, const void *in, void *out, void *arg)
{
    (void)c;
    (void)in;
    (void)out;
    (void)arg;
    return CCP_OK;
}

ccp_status dead_look_up(void *result, void *arg)
{
    (void)arg;
    *(long *)result = 1;
    return CCP_OK;
}

static ccp_status yield_long(ccp_gen *g, void *arg)
{
    ccp_status st = CCP_OK;
    (void)arg;
    for (long i = 0; st == CCP_OK; i++)
        st = ccp_gen_yield(g, &i, CCP_FOREVER);
    return st;
}

static void handle(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    (void)n;
    (void)arg;
}

ccp_status dead_step(void *arg, ccp_wait w)
{
    (void)arg;
    (void)w;
    return CCP_OK;
}

void dead_nothing(void *arg)
{
    (void)arg;
}

static void told(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)what;
    (void)text;
    (void)n;
    (void)arg;
}

/* ---- in the parent ---- */

static const char *make_simple(void)
{
    const long one = 1;
    NEED(ring = ccp_chan_new(sizeof(long), 4));
    NEED(meet = ccp_chan_new(sizeof(long), 0));
    NEED(count = ccp_chan_new(0, 4));
    NEED(bytes = ccp_chan_new(24, 4));
    NEED(timer_chan = ccp_chan_tick(CCP_MS(1)));
    NEED(ctx = ccp_ctx_new(NULL, CCP_FOREVER));
    NEED(below = ccp_ctx_new(ctx, ccp_within(CCP_SEC(3600))));
    NEED(ccp_ctx_hook(ctx, &hook, dead_nothing, NULL) == CCP_OK);
    const ccp_promise_opts o = { .size = sizeof(long), .cancelable = true };
    NEED(promise = ccp_promise_new(&o, &future));
    ccp_promise *kept = ccp_promise_new(&o, &settled);
    NEED(kept && ccp_promise_set(kept, &one) == CCP_OK);
    ccp_promise_free(kept);
    NEED(phaser = ccp_phaser_new(2));
    NEED(flight = ccp_flight_new(sizeof(long)));
    NEED(merge = ccp_merge_new(NULL, NULL));
    NEED(ccp_merge_add(merge, ring, NULL) == CCP_OK);
    NEED(rate_map = ccp_rate_map_new(&(ccp_rate_map_opts){ .per_second = 1000, .burst = 10 }));
    NEED(window = ccp_window_new(4, CCP_MS(1)));
    NEED(spsc = ccp_spsc_new(sizeof(long), 4));
    NEED(mpmc = ccp_mpmc_new(sizeof(long), 4));
    NEED(breaker = ccp_breaker_new(NULL));
    NEED(rcu = ccp_rcu_new(NULL));
    NEED(ccp_rcu_reader_get(rcu, &rcu_reader) == CCP_OK);
    NEED(rcu_map = ccp_rcu_map_new(rcu, 0));
    NEED(ccp_rcu_map_add(rcu_map, &rcu_item) == CCP_OK);
    NEED(steps = ccp_shutdown_new());
    NEED(ccp_shutdown_add(steps, CCP_PHASE_INTAKE, "step", dead_step, NULL) == CCP_OK);
    NEED(ccp_wg_add(&wg, 1) == CCP_OK);
    return NULL;
}

static const char *make_flows(void)
{
    NEED(fan_in = ccp_chan_new(sizeof(long), 4));
    NEED(pipe_in = ccp_chan_new(sizeof(long), 4));
    NEED(cast_in = ccp_chan_new(sizeof(long), 4));
    NEED(fan = ccp_fan_out(fan_in, dead_copy_long,
                           &(ccp_fan_opts){ .workers = 2, .out_size = sizeof(long) }));
    NEED(pipeline = ccp_pipeline_new(NULL));
    NEED(ccp_pipeline_from(pipeline, pipe_in, NULL));
    NEED(stage = ccp_pipeline_sink(pipeline, dead_take, NULL));
    NEED(ccp_pipeline_start(pipeline) == CCP_OK);
    NEED(plan = ccp_pipeline_new(NULL));
    NEED(planned = ccp_pipeline_from(plan, pipe_in, NULL));
    NEED(broadcast = ccp_broadcast_new(cast_in, NULL));
    NEED(member = ccp_broadcast_join(broadcast, NULL));
    NEED(ccp_broadcast_start(broadcast) == CCP_OK);
    NEED(gen = ccp_gen_new(yield_long, NULL, &(ccp_gen_opts){ .elem_size = sizeof(long) }));
    return NULL;
}

static const char *make_threads(void)
{
    static const int usr2 = SIGUSR2;
    NEED(pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8 }));
    NEED(elastic = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8, .idle = CCP_MS(1) }));
    NEED(met = ccp_pool_new(&(ccp_pool_opts){ .workers = 1 }));
    NEED(group = ccp_group_new(NULL, 2));
    NEED(timers = ccp_timers_new(NULL));
    NEED(ccp_timer_start(timers, &timer,
                         &(ccp_timer_opts){ .fn = dead_nothing, .every = CCP_MS(1) }) == CCP_OK);
    NEED(batcher = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle }));
    NEED(signals = ccp_signals_new(&usr2, 1, &(ccp_signals_opts){ .ctx = ctx }));
    NEED(watch = ccp_watch_new(&(ccp_watch_opts){ .alarm = told, .period_ns = CCP_MS(1) }));
    return NULL;
}

const char *dead_make(void)
{
    const char *wrong = make_simple();
    if (!wrong)
        wrong = make_flows();
    return wrong ? wrong : make_threads();
}

static void hammer_chans(unsigned k, ccp_wait w)
{
    ccp_chan *const all[] = { ring, meet, count, bytes, fan_in, pipe_in, cast_in };
    ccp_chan *const out[] = { ring, meet, count, bytes, ccp_fan_chan(fan), member, timer_chan };
    long v[3] = { (long)k, 0, 0 };
    if (k % 2)
        (void)!ccp_chan_send(all[k / 2 % 7], v, w);
    else
        (void)!ccp_chan_recv(out[k / 2 % 7], v, w);
    size_t source;
    if (k % 8 == 0)
        (void)!ccp_merge_recv(merge, v, &source, w); /* by one thread */
    const ccp_case both[] = { CCP_CASE_RECV(meet, v), CCP_CASE_RECV(ring, v) };
    (void)!ccp_select(both, 2, &source, CCP_NOWAIT);
}

static void hammer_tasks(unsigned k, ccp_wait w)
{
    ccp_future *f;
    (void)!ccp_pool_submit(k % 2 ? pool : elastic, dead_task, NULL, CCP_NOWAIT);
    (void)!ccp_pool_submit_with(pool, dead_task, NULL, &(ccp_task_opts){ .priority = (int)k },
                                CCP_NOWAIT);
    (void)!ccp_pool_submit(met, dead_task, NULL, CCP_NOWAIT);
    if (ccp_pool_call(pool, &(ccp_promise_opts){ .size = sizeof(long) }, dead_call, NULL, &f, w) ==
        CCP_OK) {
        (void)!ccp_future_get(f, NULL, w);
        ccp_future_free(f);
    }
    (void)!ccp_group_go(group, dead_task, NULL, CCP_NOWAIT);
    (void)!ccp_pool_wait(pool, CCP_NOWAIT);
}

static void hammer_rcu(void)
{
    static _Thread_local ccp_rcu_head h; /* synchronized below, before it is used again */
    if (ccp_rcu_read_lock(rcu) == CCP_OK)
        (void)ccp_rcu_read_unlock(rcu);
    if (ccp_rcu_defer(rcu, &h, dead_nothing, NULL, CCP_FOREVER) == CCP_OK)
        (void)!ccp_rcu_barrier(rcu, CCP_FOREVER);
}

static void hammer_queues(unsigned k)
{
    long v[2] = { (long)k, 0 };
    size_t n;
    if (k == 0) /* one producer, one consumer */
        (void)!ccp_spsc_push_n(spsc, v, 2, &n);
    else if (k == 1)
        (void)!ccp_spsc_pop_n(spsc, v, 2, &n);
    if (k % 2)
        (void)!ccp_mpmc_push_n(mpmc, v, 2, &n);
    else
        (void)!ccp_mpmc_pop(mpmc, v);
}

static void hammer_rest(unsigned k, ccp_wait w)
{
    ccp_breaker_ticket t;
    ccp_status outcome;
    long v = 0;
    const ccp_flight_call same = { .key = "k", .len = 1, .fn = dead_look_up };
    (void)!ccp_flight_do(flight, &same, &v, NULL, w);
    (void)!ccp_phaser_arrive(phaser, NULL);
    (void)!ccp_rate_map_take(rate_map, &k, sizeof k, 1, CCP_NOWAIT);
    (void)!ccp_window_take(window, 1, CCP_NOWAIT);
    if (ccp_breaker_allow(breaker, &t) == CCP_OK)
        (void)ccp_breaker_done(breaker, t, CCP_OK);
    (void)!ccp_batcher_call(batcher, &v, &outcome, w);
    (void)!ccp_future_get(future, &v, w);
    ccp_future_free(ccp_future_share(settled));
    if (k % 8 == 1)
        (void)ccp_timer_reset(&timer, CCP_US(100));
}

void dead_hammer(unsigned k)
{
    ccp_wait w = ccp_under(below, ccp_within(CCP_US(500)));
    ccp_ctx *c = ccp_ctx_new(below, CCP_FOREVER);
    hammer_chans(k, ccp_under(c, w));
    hammer_tasks(k, w);
    hammer_rest(k, w);
    hammer_rcu();
    hammer_queues(k);
    (void)ccp_ctx_free(c);
}

const char *dead_end(void)
{
    ccp_chan *const ins[] = { fan_in, pipe_in, cast_in };
    for (size_t i = 0; i < 3; i++)
        NEED(ccp_chan_close(ins[i]) == CCP_OK);
    NEED(ccp_rcu_map_remove(rcu_map, "k", 1) == &rcu_item);
    NEED(ccp_rcu_map_free(rcu_map) == CCP_OK && ccp_rcu_free(rcu) == CCP_OK);
    NEED(ccp_watch_free(watch) == CCP_OK && ccp_signals_free(signals) == CCP_OK);
    NEED(ccp_timer_stop(&timer, CCP_FOREVER) == CCP_OK && ccp_timers_free(timers) == CCP_OK);
    NEED(ccp_pool_free(pool) == CCP_OK && ccp_pool_free(elastic) == CCP_OK);
    NEED(ccp_pool_free(met) == CCP_OK && ccp_batcher_free(batcher) == CCP_OK);
    (void)ccp_group_wait(group, CCP_FOREVER);
    while (ccp_group_free(group) == CCP_BUSY)
        (void)ccp_sleep(ccp_within(CCP_US(10)));
    (void)ccp_chan_cancel(ccp_fan_chan(fan));
    NEED(ccp_fan_free(fan) == CCP_OK && ccp_pipeline_free(pipeline) == CCP_OK);
    NEED(ccp_pipeline_free(plan) == CCP_OK && ccp_gen_free(gen) == CCP_OK);
    NEED(ccp_broadcast_leave(broadcast, member) == CCP_OK);
    NEED(ccp_broadcast_free(broadcast) == CCP_OK && ccp_merge_free(merge) == CCP_OK);
    NEED(ccp_shutdown_free(steps) == CCP_OK && ccp_breaker_free(breaker) == CCP_OK);
    NEED(ccp_window_free(window) == CCP_OK && ccp_rate_map_free(rate_map) == CCP_OK);
    NEED(ccp_flight_free(flight) == CCP_OK && ccp_phaser_free(phaser) == CCP_OK);
    NEED(ccp_spsc_free(spsc) == CCP_OK && ccp_mpmc_free(mpmc) == CCP_OK);
    ccp_promise_free(promise);
    ccp_future_free(future);
    ccp_future_free(settled);
    ccp_chan *const all[] = { ring, meet, count, bytes, timer_chan, fan_in, pipe_in, cast_in };
    for (size_t i = 0; i < 8; i++)
        NEED(ccp_chan_free(all[i]) == CCP_OK);
    NEED(ccp_ctx_unhook(&hook, CCP_FOREVER) == CCP_OK);
    NEED(ccp_ctx_free(below) == CCP_OK && ccp_ctx_free(ctx) == CCP_OK);
    NEED(ccp_track(false) == CCP_OK && ccp_live_blocks() == 0);
    return NULL;
}
