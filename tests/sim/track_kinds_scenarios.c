/* SPDX-License-Identifier: MIT
 *
 * Kinds of objects, all those of which a dump or the metrics tell more than the name among them,
 * are made, used and freed while another thread looks: nobody looks at what is not made yet, or is
 * freed (DG2), and in the end there is nothing left that an audit would tell of (DG10).
 */
#include "scene.h"

#include <string.h>

static void look_on(const char *text, size_t n, void *arg)
{
    (void)arg;
    sim_assert(n > 0 && text[n - 1] == '\n' && strlen(text) == n);
}

/* ---- What is made: each function leaves nothing behind ---- */

static void ok(ccp_status st)
{
    sim_assert(st == CCP_OK);
}

static ccp_status task(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_status step(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)arg;
    *(long *)out = *(const long *)in;
    return ccp_ctx_status(ctx);
}

static void channel(void)
{
    long v = 1;
    int fd;
    ccp_chan *c = ccp_chan_new(sizeof v, 2);
    sim_assert(c);
    ok(ccp_chan_fd(c, CCP_POLL_RECV, &fd));
    ok(ccp_chan_send(c, &v, CCP_NOWAIT));
    ok(ccp_chan_free(c));
}

static void context(void)
{
    int fd;
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *c = ccp_ctx_new(parent, ccp_within(CCP_SEC(1)));
    sim_assert(parent && c);
    ok(ccp_ctx_fd(c, &fd));
    ccp_ctx_cancel(parent);
    ok(ccp_ctx_free(c));
    ok(ccp_ctx_free(parent));
}

static void future(void)
{
    long v = 7;
    ccp_future *f;
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof v }, &f);
    sim_assert(p && ccp_future_done(f));
    ok(ccp_promise_set(p, &v));
    ccp_promise_free(p);
    ccp_future_free(f);
}

static void pool(void)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .measure = true });
    sim_assert(p);
    ok(ccp_pool_submit(p, task, NULL, CCP_FOREVER));
    ok(ccp_pool_free(p));
}

static void breaker(void)
{
    ccp_breaker_ticket t;
    ccp_breaker *b = ccp_breaker_new(&(ccp_breaker_opts){ .failures = 1, .name = "b" });
    sim_assert(b);
    ok(ccp_breaker_allow(b, &t));
    ok(ccp_breaker_done(b, t, CCP_TIMEOUT));
    ok(ccp_breaker_free(b));
}

static void handle(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    (void)n;
    (void)arg;
}

static void batcher(void)
{
    ccp_status outcome;
    ccp_batcher *b = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle, .most = 1 });
    sim_assert(b);
    ok(ccp_batcher_call(b, NULL, &outcome, CCP_FOREVER));
    ok(ccp_batcher_free(b));
}

/* A channel with one element, which is closed. */
static ccp_chan *input(void)
{
    long v = 1;
    ccp_chan *c = ccp_chan_new(sizeof v, 1);
    sim_assert(c);
    ok(ccp_chan_send(c, &v, CCP_NOWAIT));
    ok(ccp_chan_close(c));
    return c;
}

static void broadcast(void)
{
    ccp_chan *in = input();
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    sim_assert(b && ccp_broadcast_join(b, NULL));
    ok(ccp_broadcast_start(b));
    ok(ccp_broadcast_free(b));
    ok(ccp_chan_free(in));
}

static void fan(void)
{
    ccp_chan *in = input();
    ccp_fan *f = ccp_fan_out(in, step, &(ccp_fan_opts){ .workers = 1, .out_size = sizeof(long) });
    sim_assert(f);
    ok(ccp_fan_free(f));
    ok(ccp_chan_free(in));
}

static ccp_status fly(void *result, void *arg)
{
    (void)arg;
    *(long *)result = 1;
    return CCP_OK;
}

static void flight(void)
{
    long v;
    const ccp_flight_call call = { "k", 1, fly, NULL };
    ccp_flight *f = ccp_flight_new(sizeof v);
    sim_assert(f);
    ok(ccp_flight_do(f, &call, &v, NULL, CCP_FOREVER));
    ok(ccp_flight_free(f));
}

static void mpmc(void)
{
    long v = 1;
    ccp_mpmc *q = ccp_mpmc_new(sizeof v, 2);
    sim_assert(q);
    ok(ccp_mpmc_push(q, &v));
    ok(ccp_mpmc_free(q));
}

static void spsc(void)
{
    long v = 1;
    ccp_spsc *q = ccp_spsc_new(sizeof v, 2);
    sim_assert(q);
    ok(ccp_spsc_push(q, &v));
    ok(ccp_spsc_free(q));
}

static void rcu(void)
{
    ccp_rcu *d = ccp_rcu_new(NULL);
    sim_assert(d);
    ok(ccp_rcu_read_lock(d));
    ok(ccp_rcu_read_unlock(d));
    ok(ccp_rcu_unregister(d));
    ok(ccp_rcu_synchronize(d, CCP_FOREVER));
    ok(ccp_rcu_free(d));
}

/* ---- Of the following only their names are told, and what they hold or wait for ---- */

static void generator(void)
{
    int64_t v;
    ccp_gen *g = ccp_gen_range(0, 2, 1, NULL);
    sim_assert(g);
    ok(ccp_gen_next(g, &v, CCP_FOREVER));
    ok(ccp_gen_free(g));
}

static void group(void)
{
    ccp_group *g = ccp_group_new(NULL, 1);
    sim_assert(g);
    ok(ccp_group_go(g, task, NULL, CCP_FOREVER));
    ok(ccp_group_wait(g, CCP_FOREVER));
    ok(ccp_group_free(g));
}

static void parts(void)
{
    ccp_part p = { .fn = task };
    ok(ccp_gather(&p, 1, NULL, CCP_FOREVER));
}

static ccp_status do_range(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    (void)ctx;
    (void)begin;
    (void)end;
    (void)arg;
    return CCP_OK;
}

static void range(void)
{
    ok(ccp_parallel_for(2, do_range, NULL, &(ccp_parallel_opts){ .workers = 2 }, CCP_FOREVER));
}

static void phaser(void)
{
    uint64_t phase;
    ccp_phaser *p = ccp_phaser_new(1);
    sim_assert(p);
    ok(ccp_phaser_arrive(p, &phase));
    ok(ccp_phaser_free(p));
}

static void window(void)
{
    ccp_window *x = ccp_window_new(2, CCP_SEC(1));
    sim_assert(x);
    ok(ccp_window_take(x, 1, CCP_FOREVER));
    ok(ccp_window_free(x));
}

static void limiter(void)
{
    ccp_limiter l;
    ok(ccp_limiter_init(&l, &(ccp_limiter_opts){ .start = 1 }));
    ok(ccp_limiter_acquire(&l, CCP_FOREVER));
    ok(ccp_limiter_release(&l, CCP_TIMEOUT, 0));
}

static void ring(void *arg)
{
    ok(ccp_chan_send(arg, NULL, CCP_NOWAIT));
}

static void timers(void)
{
    ccp_timer t = { 0 };
    ccp_chan *rung = ccp_chan_new(0, 1);
    ccp_timers *ts = ccp_timers_new(NULL);
    sim_assert(ts && rung);
    ok(ccp_timer_start(ts, &t, &(ccp_timer_opts){ .fn = ring, .arg = rung }));
    ok(ccp_chan_recv(rung, NULL, CCP_FOREVER));
    (void)ccp_timer_stop(&t, CCP_FOREVER);
    ok(ccp_timers_free(ts));
    ok(ccp_chan_free(rung));
}

static void attempts(void)
{
    ok(ccp_retry(&(ccp_retry_opts){ .attempts = 1 }, task, NULL, NULL, CCP_FOREVER));
}

static void locks(void)
{
    ccp_mutex m = CCP_MUTEX_INIT;
    ccp_rwlock l = CCP_RWLOCK_INIT;
    ok(ccp_mutex_lock(&m, CCP_FOREVER));
    ok(ccp_rwlock_wrlock(&l, CCP_FOREVER));
    ok(ccp_rwlock_wrunlock(&l));
    ok(ccp_mutex_unlock(&m));
}

static const struct kind {
    const char *name;
    void (*live)(void);
} kinds[] = {
    { "channel", channel },     { "context", context }, { "future", future },
    { "pool", pool },           { "breaker", breaker }, { "batcher", batcher },
    { "broadcast", broadcast }, { "fan", fan },         { "flight", flight },
    { "mpmc", mpmc },           { "spsc", spsc },       { "rcu", rcu },
    { "generator", generator }, { "group", group },     { "parts", parts },
    { "range", range },         { "phaser", phaser },   { "window", window },
    { "limiter", limiter },     { "timers", timers },   { "attempts", attempts },
    { "locks", locks },
};

/* ---- Who looks ---- */

static void dump(void)
{
    (void)ccp_dump(look_on, NULL);
}

static void scrape(void)
{
    (void)ccp_metrics_write(CCP_METRICS_PROMETHEUS, look_on, NULL);
}

static void audit(void)
{
    (void)ccp_audit(look_on, NULL);
}

/* Nobody waits for ever. */
static void check(void)
{
    ok(ccp_deadlock_check(look_on, NULL));
}

/* Of what was made before nobody knows any more. */
static void toggle(void)
{
    ok(ccp_track(false));
    ok(ccp_track(true));
}

static const struct look {
    const char *name;
    void (*look)(void);
} looks[] = { { "dump", dump }, { "scrape", scrape }, { "audit", audit }, { "check", check },
            { "toggle", toggle } };

typedef struct play {
    const struct kind *kind;
    const struct look *look;
} play;

static void live(void *arg)
{
    ((const play *)arg)->kind->live();
}

static void run(void *arg)
{
    scene_tune(STILL);
    ok(ccp_track(true));
    sim_spawn(live, arg);
    ((const play *)arg)->look->look();
    sim_join();
    sim_assert(ccp_audit(NULL, NULL) == 0);
    ok(ccp_track(false));
    sim_assert(ccp_live_blocks() == 0);
}

int main(int argc, char **argv)
{
    const sim_options some = { .mode = SIM_PCT, .n = 1000, .max_steps = 20000 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t l = 0; l < sizeof looks / sizeof *looks; l++) {
            const play p = { &kinds[k], &looks[l] };
            scene_add(run, scene_keep(&p, sizeof p), &some, "some2.%s.%s", looks[l].name,
                      kinds[k].name);
        }
    return scene_main(argc, argv);
}
