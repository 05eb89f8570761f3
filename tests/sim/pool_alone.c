/* SPDX-License-Identifier: MIT
 *
 * Pools that one thread uses: started with too little of everything, or stalled.
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

static void stall(void *for_long)
{
    unsigned spare = for_long ? 1 : 2;
    scene_tune(STILL);
    gate = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 2, .spare = spare, .stall = 100 });
    sim_assert(pool && scene_threads() == 2);
    for (int i = 0; i < 3; i++) {
        ccp_task fn = i < 2 || for_long ? pass_gate : open_gate;
        sim_assert(ccp_pool_submit(pool, fn, NULL, CCP_FOREVER) == CCP_OK);
    }
    if (for_long) {
        sim_assert(ccp_pool_wait(pool, ccp_within(1000)) == CCP_TIMEOUT);
        sim_assert(ccp_chan_close(gate) == CCP_OK);
    }
    sim_assert(ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER) == CCP_OK);
    ccp_pool_info info;
    sim_assert(ccp_pool_get_info(pool, &info) == CCP_OK && info.finished == 3);
    sim_assert(info.most == 1 + spare || (for_long && info.most == 1));
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    (void)scene_chan_end(gate);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

static void stalls(void)
{
    static const sim_options o = { .mode = SIM_RANDOM, .n = 1000 };
    scene_add(stall, NULL, &o, "some_stall");
    scene_add(stall, &pool, &o, "some_stall_for_long");
    /* A worker that does not come to run is taken for idle, and then is one too many. */
    static const sim_options held = { .mode = SIM_PCT, .n = 200, .max_steps = 15000 };
    scene_add(stall, NULL, &held, "some_stall.one_held");
}

void pool_alone_scenes(void)
{
    stalls();
    starts();
}
