/* SPDX-License-Identifier: MIT
 *
 * The part of use_everything() that is about tasks: futures, groups, pools, what flows.
 */
#include "reentry.h"

static ccp_status do_task(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_status call_for_long(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    (void)arg;
    *(long *)result = 7;
    return CCP_OK;
}

static ccp_status then_same(ccp_status error, const void *value, void *result, void *arg)
{
    (void)arg;
    if (error == CCP_OK)
        *(long *)result = *(const long *)value;
    return error;
}

static const ccp_promise_opts a_long = { .size = sizeof(long) };

static void use_futures(void)
{
    ccp_promise_opts o = { .size = sizeof(long), .cancelable = true };
    ccp_future *f, *g;
    long v = 7;
    int fd;
    ccp_promise *p = ccp_promise_new(&o, &f), *q = ccp_promise_new(&o, &g);
    MUST(p && q && ccp_promise_ctx(p) && !ccp_promise_canceled(p));
    ccp_future *then = ccp_future_then(f, &a_long, then_same, NULL);
    ccp_future *lazy = ccp_future_lazy(&a_long, call_for_long, NULL);
    ccp_future *shared = ccp_future_share(f);
    ccp_future *first = ccp_future_first(&shared, 1, 1);
    MUST(then && lazy && first && ccp_future_done(f));
    RETURNS(ccp_future_fd(f, &fd));
    OK(ccp_promise_set(p, &v));
    OK(ccp_promise_fail(q, CCP_FAILED));
    MUST(ccp_future_is_done(f) && *(const long *)ccp_future_peek(f) == 7);
    OK(ccp_future_get(then, &v, CCP_NOWAIT));
    OK(ccp_future_get(lazy, &v, CCP_FOREVER));
    MUST(v == 7);
    GIVES(ccp_future_error(g), CCP_FAILED);
    RETURNS(ccp_future_cancel(g));
    ccp_future *all[] = { f, g, then, lazy, shared, first };
    for (size_t i = 0; i < LENGTH(all); i++)
        ccp_future_free(all[i]);
    ccp_promise_free(p);
    ccp_promise_free(q);
}

static ccp_status fly(void *result, void *arg)
{
    (void)arg;
    *(long *)result = 7;
    return CCP_OK;
}

static void use_flights(void)
{
    ccp_flight_call c = { .key = "k", .len = 1, .fn = fly };
    ccp_flight_info info;
    ccp_chan *ch;
    long v;
    ccp_flight *f = ccp_flight_new(sizeof v);
    ccp_flight *g = ccp_flight_make(&(ccp_flight_opts){ .result_size = sizeof v });
    MUST(f && g);
    OK(ccp_flight_do(f, &c, &v, NULL, CCP_FOREVER));
    OK(ccp_flight_do_chan(f, &c, &ch));
    GIVES(ccp_chan_recv(ch, &(CCP_FLIGHT_RESULT(long)){ 0 }, CCP_FOREVER), CCP_OK);
    OK(ccp_flight_leave(f, ch));
    OK(ccp_flight_forget(f, "k", 1));
    OK(ccp_flight_get_info(f, &info));
    WAIT_UNTIL(ccp_flight_free(f) == CCP_OK);
    OK(ccp_flight_free(g));
}

static void use_groups(void)
{
    ccp_group *g = ccp_group_new(NULL, 0), *h = ccp_group_make(NULL);
    MUST(g && h && ccp_group_ctx(g));
    OK(ccp_group_go(g, do_task, NULL, CCP_FOREVER));
    OK(ccp_group_wait(g, CCP_FOREVER));
    MUST(ccp_group_errors(g, NULL, 0) == 0);
    OK(ccp_group_free(g));
    OK(ccp_group_free(h));
}

static void use_calls_of_pools(ccp_pool *p)
{
    ccp_future *f, *then;
    ccp_pool_info info;
    ccp_pool_stats stats;
    ccp_pool_health health;
    size_t n;
    long v;
    OK(ccp_pool_call(p, &a_long, call_for_long, NULL, &f, CCP_FOREVER));
    then = ccp_pool_then(p, f, &a_long, then_same, NULL);
    MUST(then);
    OK(ccp_future_get(then, &v, CCP_FOREVER));
    ccp_future_free(f);
    ccp_future_free(then);
    OK(ccp_pool_run(p, &a_long, call_for_long, NULL, &v, CCP_FOREVER));
    OK(ccp_pool_cancel(p, &v, &n));
    RETURNS(ccp_pool_block(p));
    RETURNS(ccp_pool_unblock(p));
    MUST(ccp_pool_worker(NULL) == -1);
    OK(ccp_pool_resize(p, 2));
    OK(ccp_pool_get_info(p, &info));
    OK(ccp_pool_get_stats(p, &stats));
    MUST(ccp_histogram_quantile(&stats.run, 1) == 0);
    OK(ccp_pool_get_health(p, NULL, &health));
    MUST(ccp_pool_get_workers(p, NULL, 0) > 0);
}

static void use_pools(void)
{
    ccp_pool_task task = { do_task, NULL };
    size_t n;
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 8 });
    ccp_pool *q = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 8 });
    MUST(p && q);
    OK(ccp_pool_submit(p, do_task, NULL, CCP_FOREVER));
    OK(ccp_pool_submit_with(p, do_task, NULL, &(ccp_task_opts){ .priority = 1 }, CCP_FOREVER));
    OK(ccp_pool_submit_n(p, &task, 1, NULL, &n, CCP_FOREVER));
    use_calls_of_pools(p);
    OK(ccp_pool_close(p));
    OK(ccp_pool_drain(p, CCP_FOREVER));
    OK(ccp_pool_wait(p, CCP_FOREVER));
    OK(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER));
    OK(ccp_pool_abort(q, NULL, NULL));
    OK(ccp_pool_free(p));
    OK(ccp_pool_free(q));
}

static ccp_status pass(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)arg;
    *(long *)out = *(const long *)in;
    return CCP_OK;
}

ccp_chan *numbers(size_t n)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), n);
    for (long i = 1; i <= (long)n; i++)
        OK(ccp_chan_send(ch, &i, CCP_NOWAIT));
    OK(ccp_chan_close(ch));
    return ch;
}

static void use_fans(void)
{
    long v;
    size_t source;
    ccp_fan_info info;
    ccp_chan *in = numbers(1), *other = numbers(1);
    ccp_fan *f =
        ccp_fan_out(in, pass, &(ccp_fan_opts){ .workers = 1, .out_size = sizeof v, .capacity = 1 });
    MUST(f);
    OK(ccp_chan_recv(ccp_fan_chan(f), &v, CCP_FOREVER));
    OK(ccp_fan_wait(f, CCP_FOREVER));
    OK(ccp_fan_get_info(f, &info));
    OK(ccp_fan_free(f));
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    MUST(m);
    OK(ccp_merge_add(m, other, NULL));
    OK(ccp_merge_close(m));
    OK(ccp_merge_recv(m, &v, &source, CCP_NOWAIT));
    OK(ccp_merge_free(m));
    OK(ccp_chan_free(in));
    OK(ccp_chan_free(other));
}

static void use_broadcasts(void)
{
    uint64_t lost;
    long v;
    ccp_broadcast_info info;
    ccp_chan *in = numbers(1);
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    MUST(b);
    ccp_chan *ch = ccp_broadcast_join(b, NULL);
    OK(ccp_broadcast_start(b));
    OK(ccp_chan_recv(ch, &v, CCP_FOREVER));
    OK(ccp_broadcast_lost(b, ch, &lost));
    OK(ccp_broadcast_get_info(b, &info));
    OK(ccp_broadcast_leave(b, ch));
    OK(ccp_broadcast_free(b));
    OK(ccp_chan_free(in));
}

static ccp_status do_range(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    (void)ctx;
    (void)arg;
    MUST(begin <= end);
    return CCP_OK;
}

static void use_parallel(void)
{
    ccp_part part = { .fn = do_task };
    long in[2] = { 1, 2 }, out[2] = { 0 };
    ccp_parallel_opts o = {
        .workers = 2, .in = in, .in_size = sizeof *in, .out = out, .out_size = sizeof *out
    };
    OK(ccp_gather(&part, 1, NULL, CCP_FOREVER));
    OK(ccp_parallel_for(2, do_range, NULL, &(ccp_parallel_opts){ .workers = 2 }, CCP_FOREVER));
    OK(ccp_parallel_map(2, pass, NULL, &o, CCP_FOREVER));
    MUST(out[1] == 2);
}

static ccp_status yield_one(ccp_gen *g, void *arg)
{
    (void)arg;
    return ccp_gen_yield(g, NULL, CCP_FOREVER);
}

static void use_generators(void)
{
    long v = 7;
    ccp_gen_opts o = { .elem_size = sizeof v };
    FILE *file = fopen("/dev/null", "r");
    ccp_chan *in = numbers(1);
    ccp_gen *all[] = {
        ccp_gen_new(yield_one, NULL, NULL), ccp_gen_range(1, 9, 1, NULL), ccp_gen_repeat(&v, &o),
        ccp_gen_take(in, 1, NULL),          ccp_gen_lines(file, &o),      ccp_gen_tick(1),
    };
    for (size_t i = 0; i < LENGTH(all); i++) {
        int64_t got[2];
        MUST(all[i] && ccp_gen_chan(all[i]));
        RETURNS(ccp_gen_next(all[i], got, CCP_FOREVER));
        (void)ccp_gen_ctx(all[i]);
        RETURNS(ccp_gen_status(all[i]));
    }
    RETURNS(ccp_gen_yield(all[0], NULL, CCP_NOWAIT));
    for (size_t i = 0; i < LENGTH(all); i++)
        OK(ccp_gen_free(all[i]));
    OK(ccp_chan_free(in));
    fclose(file);
}

void use_tasks(void)
{
    use_futures();
    use_flights();
    use_groups();
    use_pools();
    use_fans();
    use_broadcasts();
    use_parallel();
    use_generators();
}
