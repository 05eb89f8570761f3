/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "calls.h" /* written at build time: REENTRY_CALLS(X), X(function, kind of object) */
#include "dead_objects.h"

#include <string.h>

static ccp_status then(ccp_status error, const void *value, void *result, void *arg)
{
    (void)error;
    (void)value;
    (void)arg;
    *(long *)result = 1;
    return CCP_OK;
}

static ccp_status flat(ccp_ctx *c, const void *in, ccp_out *out, void *arg)
{
    (void)c;
    (void)arg;
    return ccp_stage_emit(out, in, CCP_FOREVER);
}

static bool keep(const void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    return true;
}

static unsigned route(const void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    return 0;
}

static const char *made[400]; /* names of functions that were called */
static size_t made_count;

static bool is_made(const char *name)
{
    for (size_t i = 0; i < made_count; i++)
        if (strcmp(made[i], name) == 0)
            return true;
    return false;
}

static void note(const char *name)
{
    if (!is_made(name))
        made[made_count++] = name;
}

/* Makes a dead_call, and notes that. */
#define DEAD(name, ...)                                \
    do {                                               \
        note(#name);                                   \
        if (name(__VA_ARGS__) != CCP_FORKED)           \
            return #name " does not say CCP_FORKED";   \
    } while (0)
#define GIVES(what, name, ...)                         \
    do {                                               \
        note(#name);                                   \
        if (name(__VA_ARGS__) != (what))               \
            return #name " does not give " #what;      \
    } while (0)
#define CALL(name, ...) (note(#name), name(__VA_ARGS__))

static const char *use_chan(ccp_chan *ch)
{
    long v[3] = { 0, 0, 0 };
    size_t n;
    int fd;
    ccp_chan_info info;
    const ccp_case recv[] = { CCP_CASE_RECV(ch, v) }, send[] = { CCP_CASE_SEND(ch, v) };
    DEAD(ccp_chan_send, ch, v, CCP_FOREVER);
    DEAD(ccp_chan_recv, ch, v, CCP_FOREVER);
    DEAD(ccp_chan_send, ch, v, CCP_NOWAIT);
    DEAD(ccp_chan_recv, ch, v, ccp_within(CCP_SEC(1000)));
    DEAD(ccp_chan_send_n, ch, v, 1, &n, CCP_FOREVER);
    DEAD(ccp_chan_recv_n, ch, v, 1, &n, CCP_FOREVER);
    DEAD(ccp_select, recv, 1, &n, CCP_FOREVER);
    DEAD(ccp_select_first, send, 1, &n, CCP_FOREVER);
    DEAD(ccp_select, send, 1, &n, CCP_NOWAIT);
    DEAD(ccp_chan_close, ch);
    DEAD(ccp_chan_cancel, ch);
    DEAD(ccp_chan_add_senders, ch, 1);
    DEAD(ccp_chan_sender_done, ch);
    ccp_chan_stats stats;
    DEAD(ccp_chan_get_info, ch, &info);
    DEAD(ccp_chan_get_stats, ch, &stats);
    DEAD(ccp_chan_stop, ch);
    DEAD(ccp_chan_reset, ch, 1);
    DEAD(ccp_chan_fd, ch, CCP_POLL_RECV, &fd);
    GIVES(0, ccp_chan_len, ch);
    GIVES(true, ccp_chan_is_closed, ch);
    (void)CALL(ccp_chan_cap, ch);
    return NULL;
}

static const char *use_chans(void)
{
    ccp_chan *const all[] = { ring,   meet,    count,   bytes,  timer_chan,        fan_in,
                              pipe_in, cast_in, member, ccp_fan_chan(fan), ccp_gen_chan(gen) };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *wrong = all[i] == timer_chan ? NULL : use_chan(all[i]);
        if (wrong)
            return wrong;
    }
    long v;
    DEAD(ccp_chan_recv, timer_chan, &v, CCP_FOREVER);
    DEAD(ccp_chan_stop, timer_chan);
    DEAD(ccp_chan_reset, timer_chan, 1);
    (void)CALL(ccp_fan_chan, fan);
    (void)CALL(ccp_gen_chan, gen);
    return NULL;
}

static const char *use_ctx(ccp_ctx *c)
{
    static const int key;
    static ccp_hook other;
    int fd;
    DEAD(ccp_ctx_status, c);
    CALL(ccp_ctx_cancel, c);
    CALL(ccp_ctx_cancel_cause, c, &key);
    GIVES(NULL, ccp_ctx_cause, c);
    (void)CALL(ccp_ctx_deadline, c);
    (void)CALL(ccp_ctx_value, c, &key);
    GIVES(-1, ccp_pool_worker, c);
    GIVES(0u, ccp_retry_attempt, c);
    DEAD(ccp_ctx_hook, c, &other, dead_nothing, NULL);
    DEAD(ccp_ctx_fd, c, &fd);
    DEAD(ccp_sleep, ccp_with(c));
    ccp_item item;
    (void)CALL(ccp_stage_item, c, &item);
    ccp_ctx *const under[] = { CALL(ccp_ctx_new, c, CCP_FOREVER),
                               CALL(ccp_ctx_new_value, c, &key, NULL) };
    for (size_t i = 0; i < 2; i++) {
        DEAD(ccp_ctx_status, under[i]);
        GIVES(CCP_OK, ccp_ctx_free, under[i]);
    }
    ccp_ctx *apart = CALL(ccp_ctx_new_detached, c); /* ends with dead_nothing above */
    GIVES(CCP_OK, ccp_ctx_status, apart);
    GIVES(CCP_OK, ccp_ctx_free, apart);
    return NULL;
}

static const char *use_contexts(void)
{
    const char *wrong = use_ctx(below);
    if (!wrong)
        wrong = use_ctx(ctx);
    if (wrong)
        return wrong;
    DEAD(ccp_ctx_unhook, &hook, CCP_FOREVER);
    DEAD(ccp_ctx_status, ccp_gen_ctx(gen));
    (void)CALL(ccp_gen_ctx, gen);
    DEAD(ccp_ctx_status, CALL(ccp_group_ctx, group));
    DEAD(ccp_ctx_status, CALL(ccp_promise_ctx, promise));
    return NULL;
}

static const char *use_futures(void)
{
    long v = 1;
    int fd;
    ccp_future *const both[] = { future, settled };
    for (size_t i = 0; i < 2; i++) {
        ccp_future *f = both[i];
        DEAD(ccp_future_get, f, &v, CCP_FOREVER);
        DEAD(ccp_future_get, f, &v, CCP_NOWAIT);
        GIVES(NULL, ccp_future_peek, f);
        GIVES(true, ccp_future_is_done, f);
        DEAD(ccp_future_error, f);
        GIVES(NULL, ccp_future_done, f);
        DEAD(ccp_future_cancel, f);
        GIVES(NULL, ccp_future_share, f);
        DEAD(ccp_future_fd, f, &fd);
        GIVES(NULL, ccp_future_then, f, &(ccp_promise_opts){ .size = sizeof v }, then, NULL);
        GIVES(NULL, ccp_future_first, &f, 1, 1);
    }
    DEAD(ccp_promise_set, promise, &v);
    DEAD(ccp_promise_fail, promise, CCP_FAILED);
    GIVES(true, ccp_promise_canceled, promise);
    return NULL;
}

static const char *use_pool(ccp_pool *p)
{
    size_t n;
    long v;
    int fd;
    ccp_future *f;
    ccp_pool_info info;
    const ccp_pool_task tasks[] = { { .fn = dead_task } };
    DEAD(ccp_pool_submit, p, dead_task, NULL, CCP_FOREVER);
    DEAD(ccp_pool_submit, p, dead_task, NULL, CCP_NOWAIT);
    DEAD(ccp_pool_submit_with, p, dead_task, NULL, NULL, CCP_FOREVER);
    DEAD(ccp_pool_submit_with, p, dead_task, NULL, &(ccp_task_opts){ .priority = 1 }, CCP_FOREVER);
    DEAD(ccp_pool_submit_n, p, tasks, 1, NULL, &n, CCP_FOREVER);
    DEAD(ccp_pool_cancel, p, &v, &n);
    DEAD(ccp_pool_call, p, NULL, dead_call, NULL, &f, CCP_FOREVER);
    DEAD(ccp_pool_run, p, NULL, dead_call, NULL, &v, CCP_FOREVER);
    DEAD(ccp_pool_run, p, NULL, dead_call, NULL, &v, CCP_NOWAIT);
    GIVES(NULL, ccp_pool_then, p, settled, NULL, then, NULL);
    DEAD(ccp_pool_close, p);
    DEAD(ccp_pool_drain, p, CCP_FOREVER);
    DEAD(ccp_pool_wait, p, CCP_FOREVER);
    DEAD(ccp_pool_resize, p, 3);
    DEAD(ccp_pool_abort, p, NULL, NULL);
    DEAD(ccp_pool_shutdown, p, NULL, NULL, CCP_FOREVER);
    DEAD(ccp_pool_get_info, p, &info);
    ccp_worker_info workers[4];
    ccp_pool_stats stats;
    ccp_pool_health health;
    GIVES(0u, ccp_pool_get_workers, p, workers, 4);
    DEAD(ccp_pool_get_stats, p, &stats);
    DEAD(ccp_pool_get_health, p, NULL, &health);
    DEAD(ccp_pool_block, p);
    DEAD(ccp_pool_unblock, p);
    DEAD(ccp_pool_fd, p, &fd);
    return NULL;
}

static const char *use_pools(void)
{
    const char *wrong = use_pool(pool);
    if (!wrong)
        wrong = use_pool(elastic);
    if (!wrong)
        wrong = use_pool(met);
    if (wrong)
        return wrong;
    ccp_group_error e;
    DEAD(ccp_group_go, group, dead_task, NULL, CCP_FOREVER);
    DEAD(ccp_group_wait, group, CCP_FOREVER);
    GIVES(0u, ccp_group_errors, group, &e, 1);
    DEAD(ccp_wg_wait, &wg, CCP_FOREVER);
    DEAD(ccp_wg_wait, &wg, CCP_NOWAIT);
    DEAD(ccp_wg_go, &wg, dead_nothing, NULL);
    DEAD(ccp_wg_close_when_done, &wg, ring);
    wg = (ccp_wg)CCP_WG_INIT;
    GIVES(CCP_OK, ccp_wg_go, &wg, dead_nothing, NULL);
    GIVES(CCP_OK, ccp_wg_wait, &wg, CCP_FOREVER);
    return NULL;
}

static const char *use_flows(void)
{
    long v = 0;
    size_t n;
    uint64_t lost;
    ccp_fan_info fi;
    ccp_broadcast_info bi;
    ccp_stage_info si;
    ccp_item item;
    DEAD(ccp_fan_wait, fan, CCP_FOREVER);
    DEAD(ccp_fan_get_info, fan, &fi);
    DEAD(ccp_merge_add, merge, ring, NULL);
    DEAD(ccp_merge_close, merge);
    DEAD(ccp_merge_recv, merge, &v, &n, CCP_FOREVER);
    DEAD(ccp_broadcast_start, broadcast);
    GIVES(NULL, ccp_broadcast_join, broadcast, NULL);
    DEAD(ccp_broadcast_leave, broadcast, member);
    DEAD(ccp_broadcast_lost, broadcast, member, &lost);
    DEAD(ccp_broadcast_get_info, broadcast, &bi);
    DEAD(ccp_gen_yield, gen, &v, CCP_FOREVER);
    DEAD(ccp_gen_next, gen, &v, CCP_FOREVER);
    DEAD(ccp_gen_status, gen);
    DEAD(ccp_pipeline_start, pipeline);
    DEAD(ccp_pipeline_wait, pipeline, CCP_FOREVER);
    DEAD(ccp_pipeline_run, plan, CCP_FOREVER);
    DEAD(ccp_pipeline_close, pipeline);
    DEAD(ccp_pipeline_cancel, pipeline);
    DEAD(ccp_pipeline_failure, pipeline, &item);
    (void)CALL(ccp_pipeline_edge_count, pipeline);
    DEAD(ccp_stage_get_info, stage, &si);
    GIVES(NULL, ccp_pipeline_source, plan, dead_copy_long, NULL);
    GIVES(NULL, ccp_pipeline_from, plan, pipe_in, NULL);
    GIVES(NULL, ccp_pipeline_map, plan, dead_copy_long, NULL);
    GIVES(NULL, ccp_pipeline_filter, plan, keep, NULL);
    GIVES(NULL, ccp_pipeline_flat_map, plan, flat, NULL);
    GIVES(NULL, ccp_pipeline_batch, plan, 2, 1, NULL);
    GIVES(NULL, ccp_pipeline_split, plan, route, 2, NULL);
    GIVES(NULL, ccp_pipeline_tee, plan, NULL, 2, NULL);
    GIVES(NULL, ccp_pipeline_join, plan, dead_copy_long, NULL);
    GIVES(NULL, ccp_pipeline_sink, plan, dead_take, NULL);
    GIVES(NULL, ccp_pipeline_again, plan, dead_copy_long, NULL);
    GIVES(NULL, ccp_pipeline_output, plan, NULL);
    GIVES(NULL, ccp_stage_branch, planned, 0);
    GIVES(NULL, ccp_fan_out, fan_in, dead_copy_long, NULL);
    GIVES(NULL, ccp_broadcast_new, cast_in, NULL);
    GIVES(NULL, ccp_gen_take, ring, 1, NULL);
    return NULL;
}

static const char *use_limits(void)
{
    static const ccp_flight_call same = { .key = "k", .len = 1, .fn = dead_look_up };
    ccp_breaker_ticket t = { 0 };
    ccp_breaker_info bi;
    ccp_status outcome;
    long v = 0;
    DEAD(ccp_rate_map_take, rate_map, "k", 1, 1, CCP_FOREVER);
    DEAD(ccp_rate_map_take_at, rate_map, "k", 1, 1, 1);
    GIVES(0u, ccp_rate_map_len, rate_map);
    DEAD(ccp_window_take, window, 1, CCP_FOREVER);
    DEAD(ccp_window_take_at, window, 1, 1);
    GIVES(INT64_MAX, ccp_window_when, window, 1);
    GIVES(INT64_MAX, ccp_window_when_at, window, 1, 1);
    DEAD(ccp_breaker_allow, breaker, &t);
    DEAD(ccp_breaker_done, breaker, t, CCP_OK);
    DEAD(ccp_breaker_done, breaker, t, CCP_FAILED);
    DEAD(ccp_breaker_run, breaker, dead_task, NULL, &outcome, CCP_FOREVER);
    DEAD(ccp_breaker_set, breaker, CCP_BREAKER_OPEN, false);
    DEAD(ccp_breaker_get_info, breaker, &bi);
    ccp_chan *out;
    ccp_flight_info fi;
    DEAD(ccp_flight_do, flight, &same, &v, NULL, CCP_FOREVER);
    DEAD(ccp_flight_do_chan, flight, &same, &out);
    DEAD(ccp_flight_leave, flight, ring);
    DEAD(ccp_flight_forget, flight, "k", 1);
    DEAD(ccp_flight_get_info, flight, &fi);
    ccp_retry_report end;
    NEED(ccp_retry(&(ccp_retry_opts){ .breaker = breaker }, dead_task, NULL, &end, CCP_FOREVER) !=
         CCP_OK);
    return NULL;
}

static const char *use_rest(void)
{
    uint64_t phase;
    ccp_phaser_info pi;
    ccp_batcher_info bi;
    ccp_status outcome;
    ccp_timer other = { 0 };
    ccp_shutdown_result result;
    DEAD(ccp_phaser_register, phaser, 1, &phase);
    DEAD(ccp_phaser_arrive, phaser, &phase);
    DEAD(ccp_phaser_deregister, phaser, &phase);
    DEAD(ccp_phaser_arrive_and_wait, phaser, &phase, CCP_FOREVER);
    DEAD(ccp_phaser_wait, phaser, 1000000, CCP_FOREVER);
    DEAD(ccp_phaser_close, phaser);
    DEAD(ccp_phaser_get_info, phaser, &pi);
    DEAD(ccp_batcher_call, batcher, NULL, &outcome, CCP_FOREVER);
    DEAD(ccp_batcher_flush, batcher);
    DEAD(ccp_batcher_close, batcher);
    DEAD(ccp_batcher_get_info, batcher, &bi);
    DEAD(ccp_timer_start, timers, &other, &(ccp_timer_opts){ .fn = dead_nothing, .after = 1 });
    DEAD(ccp_timer_reset, &timer, 1);
    DEAD(ccp_timer_stop, &timer, CCP_FOREVER);
    DEAD(ccp_shutdown_add, steps, CCP_PHASE_INTAKE, "s", dead_step, NULL);
    DEAD(ccp_shutdown_add_pool, steps, "p", pool, NULL, NULL);
    DEAD(ccp_shutdown_run, steps, NULL, CCP_FOREVER);
    GIVES(0u, ccp_shutdown_report, steps, &result, 1);
    return NULL;
}

static const char *use_rcu(void)
{
    ccp_rcu_head h;
    ccp_rcu_info info;
    DEAD(ccp_rcu_read_lock, rcu);
    DEAD(ccp_rcu_read_unlock, rcu);
    DEAD(ccp_rcu_quiescent, rcu);
    DEAD(ccp_rcu_register, rcu);
    DEAD(ccp_rcu_unregister, rcu);
    ccp_rcu_reader *mine;
    DEAD(ccp_rcu_reader_get, rcu, &mine);
    DEAD(ccp_rcu_reader_lock, rcu_reader);
    DEAD(ccp_rcu_reader_unlock, rcu_reader);
    DEAD(ccp_rcu_reader_quiescent, rcu_reader);
    DEAD(ccp_rcu_synchronize, rcu, CCP_FOREVER);
    DEAD(ccp_rcu_defer, rcu, &h, dead_nothing, NULL, CCP_FOREVER);
    DEAD(ccp_rcu_barrier, rcu, CCP_FOREVER);
    DEAD(ccp_rcu_get_info, rcu, &info);
    ccp_rcu_item i = { .key = "i", .len = 1 }, *old;
    GIVES(NULL, ccp_rcu_map_new, rcu, 0);
    DEAD(ccp_rcu_map_add, rcu_map, &i);
    DEAD(ccp_rcu_map_put, rcu_map, &i, &old);
    GIVES(NULL, ccp_rcu_map_get, rcu_map, "k", 1);
    GIVES(NULL, ccp_rcu_map_remove, rcu_map, "k", 1);
    GIVES(0u, ccp_rcu_map_len, rcu_map);
    return NULL;
}

static const char *use_queues(void)
{
    long v[2] = { 0 };
    size_t n;
    void *room;
    const void *at;
    DEAD(ccp_spsc_push, spsc, v);
    DEAD(ccp_spsc_pop, spsc, v);
    DEAD(ccp_spsc_push_n, spsc, v, 2, &n);
    DEAD(ccp_spsc_pop_n, spsc, v, 2, &n);
    DEAD(ccp_spsc_reserve, spsc, 1, &room, &n);
    DEAD(ccp_spsc_commit, spsc, 0);
    DEAD(ccp_spsc_peek, spsc, 1, &at, &n);
    DEAD(ccp_spsc_release, spsc, 0);
    DEAD(ccp_spsc_close, spsc);
    GIVES(0u, ccp_spsc_len, spsc);
    GIVES(4u, ccp_spsc_cap, spsc);
    DEAD(ccp_mpmc_push, mpmc, v);
    DEAD(ccp_mpmc_pop, mpmc, v);
    DEAD(ccp_mpmc_push_n, mpmc, v, 2, &n);
    DEAD(ccp_mpmc_pop_n, mpmc, v, 2, &n);
    DEAD(ccp_mpmc_close, mpmc);
    GIVES(0u, ccp_mpmc_len, mpmc);
    GIVES(4u, ccp_mpmc_cap, mpmc);
    return NULL;
}

static const char *free_all(void)
{
    size_t before = ccp_live_blocks();
    GIVES(CCP_OK, ccp_rcu_map_free, rcu_map);
    GIVES(CCP_OK, ccp_rcu_free, rcu);
    GIVES(CCP_OK, ccp_watch_free, watch);
    GIVES(CCP_OK, ccp_signals_free, signals);
    GIVES(CCP_OK, ccp_timers_free, timers);
    GIVES(CCP_OK, ccp_pool_free, pool);
    GIVES(CCP_OK, ccp_pool_free, elastic);
    GIVES(CCP_OK, ccp_pool_free, met);
    GIVES(CCP_OK, ccp_batcher_free, batcher);
    GIVES(CCP_OK, ccp_group_free, group);
    GIVES(CCP_OK, ccp_fan_free, fan);
    GIVES(CCP_OK, ccp_pipeline_free, pipeline);
    GIVES(CCP_OK, ccp_pipeline_free, plan);
    GIVES(CCP_OK, ccp_gen_free, gen);
    GIVES(CCP_OK, ccp_broadcast_free, broadcast);
    GIVES(CCP_OK, ccp_merge_free, merge);
    GIVES(CCP_OK, ccp_shutdown_free, steps);
    GIVES(CCP_OK, ccp_breaker_free, breaker);
    GIVES(CCP_OK, ccp_window_free, window);
    GIVES(CCP_OK, ccp_spsc_free, spsc);
    GIVES(CCP_OK, ccp_mpmc_free, mpmc);
    GIVES(CCP_OK, ccp_rate_map_free, rate_map);
    GIVES(CCP_OK, ccp_flight_free, flight);
    GIVES(CCP_OK, ccp_phaser_free, phaser);
    CALL(ccp_promise_free, promise);
    CALL(ccp_future_free, future);
    CALL(ccp_future_free, settled);
    ccp_chan *const all[] = { ring, meet, count, bytes, timer_chan, fan_in, pipe_in, cast_in };
    for (size_t i = 0; i < 8; i++)
        GIVES(CCP_OK, ccp_chan_free, all[i]);
    GIVES(CCP_OK, ccp_ctx_free, below);
    GIVES(CCP_OK, ccp_ctx_free, ctx);
    NEED(ccp_live_blocks() + 30 < before); /* each had one block or more */
    return NULL;
}

/* Is there a function that takes a dead object, and was not called? */
static const char *missing(void)
{
    static const char *const own[] = { /* objects in the program's own structs */
        "none",       "ccp_backoff", "ccp_barrier",      "ccp_limiter", "ccp_mutex", "ccp_once",
        "ccp_rate",   "ccp_rwlock",  "ccp_retry_budget", "ccp_sem",     "ccp_sometimes", "ccp_wg",
        "ccp_histogram", "ccp_retry_tally", /* and what is never dead */
        "ccp_deque",  "ccp_seqlock", "ccp_counter", "ccp_spin",
        "ccp_rcu_ptr", "ccp_rcu_list", "ccp_mpsc", "ccp_stack"
    };
    static const char *const all[][2] = {
#define PAIR(function, kind) { #function, #kind },
        REENTRY_CALLS(PAIR)
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool mine = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            mine |= strcmp(all[i][1], own[k]) == 0;
        if (!mine && !is_made(all[i][0]))
            return all[i][0];
    }
    return NULL;
}

const char *dead_use(void)
{
    static const char *(*const parts[])(void) = { use_chans,  use_contexts, use_futures,
                                                  use_pools,  use_flows,    use_limits,
                                                  use_rest,   use_rcu,      use_queues, free_all,
                                                  missing };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *wrong = parts[i]();
        if (wrong)
            return wrong;
    }
    return NULL;
}
