/* SPDX-License-Identifier: MIT
 *
 * Pools that few threads use: started with too little of everything, or stalled; a drain that waits
 * for a task that is dropped.
 */
#include "pool_alone.h"

#include "scene.h"

static ccp_pool *pool;
static ccp_chan *gate;

typedef struct shape {
    unsigned workers;
    size_t queue;
} shape;

/* ---- Starting, with too little of everything ---- */

static ccp_status count_up(ccp_ctx *c, void *arg)
{
    (void)c;
    ++*(int *)arg;
    return CCP_OK;
}

static void start(void *arg)
{
    const shape *p = arg;
    int count = 0;
    scene_tune(STILL);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = p->workers, .queue = p->queue });
    sim_outcome(pool != NULL);
    if (pool) {
        sim_assert(ccp_pool_submit(pool, count_up, &count, CCP_FOREVER) == CCP_OK);
        sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK && count == 1);
        sim_assert(ccp_pool_free(pool) == CCP_OK);
    }
    sim_join();
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

static void starts(void)
{
    const sim_options short_of = { .mode = SIM_DFS, .preemptions = 2, .fail_alloc = 1,
                                   .fail_thread = 1 };
    for (unsigned workers = 1; workers <= 2; workers++)
        for (size_t queue = 0; queue <= 1; queue++) {
            shape p = { workers, queue };
            scene_add(start, scene_keep(&p, sizeof p), &short_of, "two_start.workers%u.queue%zu",
                      workers, queue);
        }
}

/* ---- Stalled ---- */

/* All workers wait at the gate, and what would open it stands in the queue, or is no task. */
static ccp_status open_gate(ccp_ctx *c, void *arg)
{
    (void)c, (void)arg;
    sim_assert(ccp_chan_close(gate) == CCP_OK);
    return CCP_OK;
}

static ccp_status pass_gate(ccp_ctx *c, void *arg)
{
    (void)c, (void)arg;
    sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    return CCP_OK;
}

typedef struct stalled {
    size_t queue;
    unsigned spare;
    bool for_long; /* more wait at the gate than workers can be had */
} stalled;

static void stall(void *arg)
{
    const stalled *p = arg;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = p->queue, .spare = p->spare, .stall = 100 });
    sim_assert(pool && scene_threads() == 2);
    for (int i = 0; i < 3; i++) {
        ccp_task fn = i < 2 || p->for_long ? pass_gate : open_gate;
        sim_assert(ccp_pool_submit(pool, fn, NULL, CCP_FOREVER) == CCP_OK);
    }
    if (p->for_long) {
        sim_assert(ccp_pool_wait(pool, ccp_within(1000)) == CCP_TIMEOUT);
        sim_assert(ccp_chan_close(gate) == CCP_OK);
    }
    sim_assert(ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER) == CCP_OK);
    ccp_pool_info info;
    sim_assert(ccp_pool_get_info(pool, &info) == CCP_OK && info.finished == 3);
    sim_assert(info.most == 1 + p->spare || (p->for_long && info.most == 1));
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

static void stalls(void)
{
    static const stalled queued = { .queue = 2, .spare = 2 }, met = { .queue = 0, .spare = 2 };
    static const stalled for_long = { .queue = 2, .spare = 1, .for_long = true };
    static const sim_options o = { .mode = SIM_RANDOM, .n = 1000 };
    scene_add(stall, (void *)(uintptr_t)&queued, &o, "some_stall");
    scene_add(stall, (void *)(uintptr_t)&for_long, &o, "some_stall_for_long");
    scene_add(stall, (void *)(uintptr_t)&met, &o, "some_stall_met");
    /* A worker that does not come to run is taken for idle, and then is one too many. */
    static const sim_options held = { .mode = SIM_PCT, .n = 200, .max_steps = 15000 };
    scene_add(stall, (void *)(uintptr_t)&queued, &held, "some_stall.one_held");
}

/* ---- A drain that waits for a task that is dropped ---- */

static bool drained;

static void drain(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    drained = true;
}

static void drop_one(void *count)
{
    ccp_status st = ccp_pool_submit(pool, count_up, count, CCP_NOWAIT);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
}

static void close_pool(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_close(pool) == CCP_OK);
}

/* What drops the other may come too late itself: nothing of it runs then. */
static void drop_beside_drain(void *sleeps)
{
    static int counts[2];
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 1, .queue = 1, .full = CCP_FULL_DROPS_OLDEST });
    sim_assert(pool && ccp_pool_submit(pool, pass_gate, NULL, CCP_FOREVER) == CCP_OK);
    sim_settle();
    sim_assert(ccp_pool_submit(pool, count_up, &counts[0], CCP_NOWAIT) == CCP_OK);
    sim_spawn(drain, NULL);
    if (sleeps)
        sim_settle();
    sim_spawn(drop_one, &counts[1]);
    sim_spawn(close_pool, NULL);
    sim_assert(ccp_chan_close(gate) == CCP_OK);
    sim_settle();
    sim_assert(drained);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

void pool_alone_scenes(void)
{
    sim_options deep = { .mode = SIM_PCT, .depth = 5, .n = 5000 };
    stalls();
    starts();
    scene_add(drop_beside_drain, &drained, &deep, "some_drop_beside_drain");
    deep.weak = true;
    deep.depth = 7;
    deep.stale = 12;
    scene_add(drop_beside_drain, NULL, &deep, "some_drop_as_one_drains");
}
