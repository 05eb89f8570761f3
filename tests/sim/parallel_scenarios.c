/* SPDX-License-Identifier: MIT
 *
 * Ranges in parallel: with a thread of their own and on a pool; helpers that come too late, work
 * that fails, a context that ends, a pool that is shut down, a call inside a call, helpers that the
 * caller waits for; threads and memory that cannot be had.
 *
 * Checked in each: an index is done once at most, and once exactly if the call succeeds (K5); what
 * the helpers wrote can be read when the call has returned, and nobody is at it any more (otherwise
 * a data race); a failure is told, and stops the rest unless all is to be kept; threads end and
 * memory is given back.
 */
#include "scene.h"

#include <stdio.h>

typedef enum event {
    NOTHING,
    CANCEL,
    SHUTDOWN,
    EVENTS,
    LET_GO = EVENTS, /* the helpers, which are held until the caller sleeps */
} event;
static const char *const event_names[] = { "alone", "cancel", "shutdown", "held" };

typedef struct play {
    unsigned pool;   /* workers of a pool that help; 0: a thread of its own does */
    bool keep_going;
    bool nests;      /* index 0 is a call for two more */
    int n;
    int fails;       /* this index; -1: none */
    event event;
} play;

enum { MOST = 6 };

static const play *now;
static ccp_pool *pool;
static ccp_ctx *ctx;
static ccp_chan *gate; /* at which helpers are held */
static int done[MOST]; /* plain: what the call publishes */

static ccp_status do_one(ccp_ctx *c, size_t begin, size_t end, void *arg)
{
    size_t base = *(size_t *)arg;
    static size_t inner = 4;
    (void)c;
    sim_assert(end == begin + 1);
    if (now->event == LET_GO && sim_self() != 0)
        sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    sim_assert(++done[base + begin] == 1);
    if (now->nests && base == 0 && begin == 0)
        sim_assert(ccp_parallel_for(2, do_one, &inner, &(ccp_parallel_opts){ .pool = pool },
                                    CCP_FOREVER) == CCP_OK);
    return (int)begin == now->fails && base == 0 ? CCP_BUSY : CCP_OK;
}

static void disturb(void *arg)
{
    (void)arg;
    if (now->event == LET_GO) {
        sim_settle();
        sim_assert(ccp_chan_close(gate) == CCP_OK);
    } else if (now->event == CANCEL)
        ccp_ctx_cancel(ctx);
    else if (pool)
        sim_assert(ccp_pool_shutdown(pool, NULL, NULL, CCP_NOWAIT) != CCP_MISUSE);
}

static void check(ccp_status st, const ccp_result *e, size_t failed)
{
    int count = 0;
    for (int i = 0; i < now->n; i++)
        count += done[i];
    bool has_failed = now->fails >= 0 && done[now->fails];
    sim_assert(failed == (has_failed ? 1 : 0));
    if (has_failed)
        sim_assert(e->status == CCP_BUSY && (int)e->index == now->fails);
    if (has_failed)
        sim_assert(st == CCP_FAILED);
    else
        sim_assert(st == CCP_OK || (st == CCP_CANCELED && now->event == CANCEL));
    bool undisturbed = now->event == NOTHING || now->event == LET_GO;
    if (st == CCP_OK || (has_failed && now->keep_going && undisturbed))
        sim_assert(count == now->n); /* K5 */
    sim_assert(!now->nests || !done[0] || (done[4] && done[5]));
}

static void run_play(void *arg)
{
    static size_t outer = 0;
    now = arg;
    scene_tune(STILL);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    pool = now->pool ? ccp_pool_new(&(ccp_pool_opts){ .workers = now->pool, .queue = 2 }) : NULL;
    gate = scene_chan(0, 0);
    sim_assert(ctx && (pool || !now->pool));
    if (now->event != NOTHING)
        sim_spawn(disturb, NULL);
    ccp_result e[1] = { { .status = CCP_OK } };
    size_t failed = 0;
    const unsigned helpers = now->pool ? now->pool : 1;
    const ccp_parallel_opts o = { .pool = pool, .workers = helpers + 1,
                                  .keep_going = now->keep_going, .errors = e, .max_errors = 1,
                                  .failed = &failed };
    ccp_status st = ccp_parallel_for((size_t)now->n, do_one, &outer, &o, ccp_with(ctx));
    if (st == CCP_OK || st == CCP_FAILED || done[0])
        check(st, e, failed);
    sim_settle(); /* who disturbs has ended, and the worker sleeps */
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_assert(scene_threads() == 0);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

/* What cannot be had makes it slower, or fails before anything was done. */
static void run_short(void *arg)
{
    static size_t outer = 0;
    now = arg;
    scene_tune(STILL);
    ccp_status st = ccp_parallel_for((size_t)now->n, do_one, &outer,
                                     &(ccp_parallel_opts){ .workers = 2 }, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_NOMEM);
    for (int i = 0; i < now->n; i++)
        sim_assert(done[i] == (st == CCP_OK));
    sim_assert(scene_threads() == 0 && ccp_live_blocks() == 0);
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    static const char *const who[] = { "own", "pool", "pool2" };
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.n%d.fails%d%s%s.%s", how,
              who[p->pool], p->n, p->fails, p->keep_going ? ".all" : "",
              p->nests ? ".nests" : "", event_names[p->event]);
}

static void add_kind(unsigned on_pool, int n, event e)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    const sim_options random = { .mode = SIM_PCT, .n = 300 };
    const sim_options weak = { .mode = SIM_PCT, .n = 100, .weak = true };
    for (int fails = -1; fails < n; fails++)
        for (int keep = 0; keep < 2; keep++) {
            play p = { on_pool, keep, false, n, fails, e };
            add_play(&p, &few, "one");
            add_play(&p, &random, "some");
            add_play(&p, &weak, "weak");
        }
}

int main(int argc, char **argv)
{
    const sim_options random = { .mode = SIM_PCT, .n = 1000 };
    const sim_options short_of = { .mode = SIM_DFS, .preemptions = 1, .fail_alloc = 1,
                                   .fail_thread = 1 };
    for (unsigned on_pool = 0; on_pool < 2; on_pool++)
        for (int n = 1; n <= 3; n++)
            for (int e = NOTHING; e < EVENTS; e++)
                if (on_pool || e != SHUTDOWN)
                    add_kind(on_pool, n, (event)e);
    add_kind(2, 3, LET_GO);
    const play nested = { 1, false, true, 3, -1, NOTHING };
    add_play(&nested, &random, "some");
    for (int n = 1; n <= 2; n++) {
        const play p = { 0, false, false, n, -1, NOTHING };
        scene_add(run_short, scene_keep(&p, sizeof p), &short_of, "short.n%d", n);
    }
    return scene_main(argc, argv);
}
