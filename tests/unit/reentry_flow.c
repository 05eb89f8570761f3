/* SPDX-License-Identifier: MIT
 *
 * Calls inside the functions of pools, fans, merges, broadcasts, generators and ranges.
 */
#include "reentry.h"

static const ccp_promise_opts a_long = { .size = sizeof(long) };

static ccp_status nothing(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_status seven(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    (void)arg;
    *(long *)result = 7;
    return CCP_OK;
}

static ccp_status seven_then(ccp_status error, const void *value, void *result, void *arg)
{
    (void)error;
    (void)value;
    return seven(NULL, arg, result);
}

/* --- pools --- */

static void submit_to(ccp_pool *p)
{
    ccp_pool_task task = { nothing, NULL };
    ccp_pool_info info;
    int fd;
    ccp_pool_stats stats;
    ccp_pool_health health;
    ccp_future *f = NULL;
    size_t n;
    RETURNS(ccp_pool_submit(p, nothing, NULL, CCP_NOWAIT));
    RETURNS(ccp_pool_submit_with(p, nothing, NULL, &(ccp_task_opts){ .owner = &task }, CCP_NOWAIT));
    RETURNS(ccp_pool_submit_n(p, &task, 1, NULL, &n, CCP_NOWAIT));
    OK(ccp_pool_cancel(p, &task, &n));
    if (ccp_pool_call(p, &a_long, seven, NULL, &f, CCP_NOWAIT) == CCP_OK) {
        ccp_future *then = ccp_pool_then(p, f, &a_long, seven_then, NULL);
        MUST(then);
        ccp_future_free(then);
        ccp_future_free(f);
    }
    RETURNS(ccp_pool_resize(p, 3));
    OK(ccp_pool_get_info(p, &info));
    OK(ccp_pool_get_stats(p, &stats));
    MUST(ccp_histogram_quantile(&stats.run, 1) == 0);
    OK(ccp_pool_get_health(p, NULL, &health));
    (void)ccp_pool_get_workers(p, NULL, 0);
    RETURNS(ccp_pool_run(p, &a_long, seven, NULL, NULL, CCP_NOWAIT));
    RETURNS(ccp_pool_drain(p, CCP_NOWAIT));
    RETURNS(ccp_pool_wait(p, CCP_NOWAIT));
    RETURNS(ccp_pool_fd(p, &fd));
}

/* Of a function that is no task. */
static void use_same_pool(void *pool)
{
    submit_to(pool);
}

static void use_pool_of_task(void *pool)
{
    ccp_pool *p = pool;
    long v;
    OK(ccp_pool_block(p));
    OK(ccp_pool_unblock(p));
    submit_to(p);
    OK(ccp_pool_run(p, &a_long, seven, NULL, &v, CCP_FOREVER));
    GIVES(ccp_pool_drain(p, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_pool_wait(p, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_pool_free(p), CCP_DEADLOCK);
}

static void end_pool_of_task(void *pool)
{
    use_pool_of_task(pool);
    OK(ccp_pool_close(pool));
    OK(ccp_pool_abort(pool, NULL, NULL));
}

static void tasks_of_pools(void)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 64 });
    MUST(p);
    site s = { IN_ccp_pool_submit_fn, use_pool_of_task, p };
    site with = { IN_ccp_pool_submit_with_fn, use_pool_of_task, p };
    site many = { IN_ccp_pool_task_fn, use_pool_of_task, p };
    site call = { IN_ccp_pool_call_fn, use_pool_of_task, p };
    site run = { IN_ccp_pool_run_fn, end_pool_of_task, p };
    site then = { IN_ccp_pool_then_fn, use_pool_of_task, p };
    ccp_pool_task task = { task_inside, &many };
    ccp_future *f, *g;
    size_t n;
    OK(ccp_pool_submit(p, task_inside, &s, CCP_FOREVER));
    OK(ccp_pool_submit_with(p, task_inside, &with, &(ccp_task_opts){ 0 }, CCP_FOREVER));
    OK(ccp_pool_submit_n(p, &task, 1, NULL, &n, CCP_FOREVER));
    OK(ccp_pool_call(p, &a_long, call_inside, &call, &f, CCP_FOREVER));
    g = ccp_pool_then(p, f, &a_long, then_inside, &then);
    OK(ccp_future_get(g, NULL, CCP_FOREVER));
    OK(ccp_pool_wait(p, CCP_FOREVER));
    ccp_future_free(f);
    ccp_future_free(g);
    RETURNS(ccp_pool_run(p, &a_long, call_inside, &run, NULL, CCP_FOREVER));
    OK(ccp_pool_free(p));
}

static void start_inside(ccp_ctx *ctx, void *arg)
{
    site *s = arg;
    (void)ctx;
    inside(IN_ccp_pool_opts_worker_start, s->use_same, s->obj);
}

static void end_inside(ccp_ctx *ctx, void *arg)
{
    site *s = arg;
    (void)ctx;
    inside(IN_ccp_pool_opts_worker_end, s->use_same, s->obj);
}

static void workers_of_pools(void)
{
    site s = { .use_same = use_same_pool };
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1,
                                                 .queue = 64,
                                                 .worker_start = start_inside,
                                                 .worker_end = end_inside,
                                                 .worker_arg = &s,
                                                 .min = 0,
                                                 .idle = CCP_SEC(1000) });
    MUST(p);
    s.obj = p;
    OK(ccp_pool_submit(p, nothing, NULL, CCP_FOREVER));
    OK(ccp_pool_wait(p, CCP_FOREVER));
    OK(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER));
    OK(ccp_pool_free(p));
}

static ccp_status wait_for_end(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    GIVES(ccp_sleep(ccp_with(ctx)), CCP_CANCELED);
    return CCP_OK;
}

/* A pool whose only worker is busy, and a task that waits. */
static ccp_pool *stuck_pool(ccp_unrun unrun, void *arg)
{
    ccp_pool *p = ccp_pool_new(
        &(ccp_pool_opts){ .workers = 1, .queue = 64, .unrun = unrun, .unrun_arg = arg });
    MUST(p);
    OK(ccp_pool_submit(p, wait_for_end, NULL, CCP_FOREVER));
    OK(ccp_pool_submit_with(p, nothing, NULL, &(ccp_task_opts){ .owner = arg }, CCP_FOREVER));
    return p;
}

static void unrun_of_pools(void)
{
    site s = { IN_ccp_pool_opts_unrun, use_same_pool, NULL };
    site stop = { IN_ccp_pool_abort_unrun, use_same_pool, NULL };
    site shut = { IN_ccp_pool_shutdown_unrun, use_same_pool, NULL };
    site listed = { IN_ccp_shutdown_add_pool_unrun, use_same_pool, NULL };
    ccp_pool *p = s.obj = stuck_pool(unrun_inside, &s);
    size_t n;
    OK(ccp_pool_cancel(p, &s, &n));
    MUST(n == 1);
    OK(ccp_pool_abort(p, NULL, NULL));
    OK(ccp_pool_free(p));
    p = stop.obj = stuck_pool(NULL, &stop);
    OK(ccp_pool_abort(p, unrun_inside, &stop));
    OK(ccp_pool_free(p));
    p = shut.obj = stuck_pool(NULL, &shut);
    GIVES(ccp_pool_shutdown(p, unrun_inside, &shut, CCP_NOWAIT), CCP_AGAIN);
    OK(ccp_pool_free(p));
    p = listed.obj = stuck_pool(NULL, &listed);
    ccp_shutdown *end = ccp_shutdown_new();
    OK(ccp_shutdown_add_pool(end, "pool", p, unrun_inside, &listed));
    RETURNS(ccp_shutdown_run(end, &(ccp_shutdown_limits){ .drain = 1 }, CCP_FOREVER));
    OK(ccp_shutdown_free(end));
    OK(ccp_pool_free(p));
}

void pools_may_be_reentered(void)
{
    tasks_of_pools();
    workers_of_pools();
    unrun_of_pools();
}

/* --- fans, merges, broadcasts --- */

static void look_at_fan(void *fan)
{
    ccp_fan_info info;
    MUST(ccp_fan_chan(fan));
    OK(ccp_fan_get_info(fan, &info));
    RETURNS(ccp_fan_wait(fan, CCP_NOWAIT));
}

static void use_same_fan(void *f)
{
    look_at_fan(f);
    GIVES(ccp_fan_wait(f, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_fan_free(f), CCP_DEADLOCK);
}

static void fans(void)
{
    ccp_fan *f;
    site step = { IN_ccp_fan_out_step, use_same_fan, NULL };
    site drop = { IN_ccp_fan_opts_drop, look_at_fan, NULL };
    ccp_chan *in = ccp_chan_new(sizeof(long), 1);
    f = ccp_fan_out(in, step_inside,
                    &(ccp_fan_opts){ .workers = 1,
                                     .out_size = sizeof(long),
                                     .capacity = 1,
                                     .arg = &step,
                                     .drop = drop_inside,
                                     .drop_arg = &drop });
    MUST(f);
    step.obj = drop.obj = f;
    OK(ccp_chan_send(in, &(long){ 1 }, CCP_FOREVER));
    WAIT_UNTIL(ccp_chan_len(ccp_fan_chan(f)) == 1);
    OK(ccp_chan_cancel(ccp_fan_chan(f)));
    OK(ccp_fan_free(f));
    OK(ccp_chan_free(in));
}

typedef struct meeting {
    ccp_merge *m;
    ccp_chan *other;
} meeting;

static void use_same_merge(void *arg)
{
    meeting *t = arg;
    OK(ccp_merge_add(t->m, t->other, NULL));
    OK(ccp_merge_close(t->m));
}

static void gone_inside(size_t source, ccp_chan *ch, void *arg)
{
    (void)source;
    (void)ch;
    inside(IN_ccp_merge_new_gone, use_same_merge, arg);
}

static void merges(void)
{
    long v;
    ccp_chan *in = numbers(1);
    meeting t = { NULL, numbers(1) };
    t.m = ccp_merge_new(gone_inside, &t);
    MUST(t.m);
    OK(ccp_merge_add(t.m, in, NULL));
    OK(ccp_merge_recv(t.m, &v, NULL, CCP_FOREVER));
    OK(ccp_merge_recv(t.m, &v, NULL, CCP_FOREVER));
    GIVES(ccp_merge_recv(t.m, &v, NULL, CCP_FOREVER), CCP_CLOSED);
    OK(ccp_merge_free(t.m));
    OK(ccp_chan_free(in));
    OK(ccp_chan_free(t.other));
}

static void use_same_broadcast(void *b)
{
    ccp_broadcast_info info;
    uint64_t lost;
    GIVES(ccp_broadcast_start(b), CCP_CLOSED);
    ccp_chan *ch = ccp_broadcast_join(b, NULL);
    MUST(ch);
    OK(ccp_broadcast_lost(b, ch, &lost));
    OK(ccp_broadcast_get_info(b, &info));
    OK(ccp_broadcast_leave(b, ch));
    GIVES(ccp_broadcast_free(b), CCP_DEADLOCK);
}

typedef struct pair {
    site clone, drop;
} pair;

static ccp_status clone_inside(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return step_inside(ctx, in, out, &((pair *)arg)->clone);
}

static void broadcasts(void)
{
    pair s = { { IN_ccp_broadcast_opts_clone, use_same_broadcast, NULL },
               { IN_ccp_broadcast_opts_drop, use_same_broadcast, NULL } };
    long v;
    ccp_chan *in = numbers(1);
    ccp_broadcast *b = ccp_broadcast_new(
        in, &(ccp_broadcast_opts){
                .clone = clone_inside, .arg = &s, .drop = drop_inside, .drop_arg = &s.drop });
    MUST(b);
    s.clone.obj = s.drop.obj = b;
    ccp_chan *ch = ccp_broadcast_join(b, NULL);
    OK(ccp_broadcast_start(b));
    OK(ccp_chan_recv(ch, &v, CCP_FOREVER));
    GIVES(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_CLOSED);
    OK(ccp_broadcast_free(b));
    OK(ccp_chan_free(in));
}

void fans_may_be_reentered(void)
{
    fans();
    merges();
    broadcasts();
}

/* --- generators --- */

static void use_gen(void *g)
{
    long v = 0;
    MUST(ccp_gen_chan(g) && ccp_gen_ctx(g));
    RETURNS(ccp_gen_status(g));
    RETURNS(ccp_gen_yield(g, &v, CCP_NOWAIT));
    RETURNS(ccp_gen_next(g, &v, CCP_NOWAIT));
}

static void use_same_gen(void *g)
{
    use_gen(g);
    GIVES(ccp_gen_free(g), CCP_DEADLOCK);
}

static ccp_status yield_inside(ccp_gen *g, void *arg)
{
    (void)arg;
    inside(IN_ccp_gen_new_fn, use_same_gen, g);
    for (long i = 0; i < 3; i++)
        OK(ccp_gen_yield(g, &i, CCP_FOREVER));
    return CCP_OK;
}

void generators_may_be_reentered(void)
{
    site drop = { IN_ccp_gen_opts_drop, use_gen, NULL };
    ccp_gen *g = ccp_gen_new(
        yield_inside, NULL,
        &(ccp_gen_opts){
            .elem_size = sizeof(long), .capacity = 4, .drop = drop_inside, .drop_arg = &drop });
    MUST(g);
    drop.obj = g;
    WAIT_UNTIL(ccp_chan_len(ccp_gen_chan(g)) == 3);
    OK(ccp_chan_cancel(ccp_gen_chan(g)));
    OK(ccp_gen_free(g));
}

/* --- gather and ranges, which are no objects --- */

static ccp_status range_inside(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    MUST(begin < end);
    return task_inside(ctx, arg);
}

void ranges_may_be_reentered(void)
{
    site part = { IN_ccp_part_fn, NULL, NULL }, range = { IN_ccp_parallel_for_fn, NULL, NULL };
    site step = { IN_ccp_parallel_map_step, NULL, NULL };
    ccp_part parts[2] = { { task_inside, &part, CCP_OK }, { nothing, NULL, CCP_OK } };
    long in[2] = { 1, 2 }, out[2];
    ccp_parallel_opts o = {
        .workers = 2, .in = in, .in_size = sizeof *in, .out = out, .out_size = sizeof *out
    };
    OK(ccp_gather(parts, 2, NULL, CCP_FOREVER));
    OK(ccp_parallel_for(2, range_inside, &range, &(ccp_parallel_opts){ .workers = 2 },
                        CCP_FOREVER));
    OK(ccp_parallel_map(2, step_inside, &step, &o, CCP_FOREVER));
}
