/* SPDX-License-Identifier: MIT
 *
 * Contexts: scenarios that are no play of operations.
 */
#include "ctx_hand.h"
#include "scene.h"

static ccp_ctx *node[2];
static ccp_chan *empty;

static void wait_for_end(void *arg)
{
    (void)arg;
    sim_assert(ccp_chan_recv(empty, NULL, ccp_with(node[0])) == CCP_CLOSED);
}

/* A context under which a thread waits is not freed; what ends that wait is not the context. */
static void busy_while_waited(void *arg)
{
    (void)arg;
    scene_tune(STILL);
    empty = scene_chan(8, 1);
    node[0] = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(node[0]);
    sim_spawn(wait_for_end, NULL);
    sim_settle();
    sim_assert(ccp_ctx_free(node[0]) == CCP_BUSY);
    sim_assert(ccp_chan_close(empty) == CCP_OK);
    sim_join();
    sim_assert(ccp_ctx_free(node[0]) == CCP_OK);
    (void)scene_chan_end(empty);
}

static void count_run(void *arg)
{
    (*(int *)arg)++;
}

/* A hook can be set again after it was taken back, or has run; not before. */
static void cancel_first(void *arg)
{
    (void)arg;
    ccp_ctx_cancel(node[0]);
}
static void hook_again(void *arg)
{
    (void)arg;
    static int runs;
    static ccp_hook h;
    scene_tune(STILL);
    node[0] = ccp_ctx_new(NULL, CCP_FOREVER);
    node[1] = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(node[0] && node[1]);
    sim_spawn(cancel_first, NULL);
    sim_assert(ccp_ctx_hook(node[0], &h, count_run, &runs) == CCP_OK);
    ccp_status st = ccp_ctx_unhook(&h, CCP_FOREVER);
    sim_assert(st == CCP_OK ? runs == 0 : st == CCP_CLOSED && runs == 1);
    runs = 0;
    sim_assert(ccp_ctx_hook(node[1], &h, count_run, &runs) == CCP_OK);
    sim_assert(ccp_ctx_hook(node[1], &h, count_run, &runs) == CCP_BUSY);
    sim_assert(ccp_ctx_free(node[1]) == CCP_BUSY);
    ccp_ctx_cancel(node[1]);
    sim_assert(runs == 1 && ccp_ctx_unhook(&h, CCP_FOREVER) == CCP_CLOSED);
    sim_assert(ccp_ctx_hook(node[1], &h, count_run, &runs) == CCP_OK && runs == 2);
    sim_join();
    sim_assert(ccp_ctx_free(node[0]) == CCP_OK && ccp_ctx_free(node[1]) == CCP_OK);
}

/* Memory may be short: NULL, and nothing is left behind. */
static void new_fails(void *arg)
{
    (void)arg;
    scene_tune(STILL);
    node[0] = ccp_ctx_new(NULL, CCP_FOREVER);
    if (!node[0])
        return;
    sim_spawn(cancel_first, NULL);
    ccp_ctx *k = ccp_ctx_new(node[0], CCP_FOREVER), *d = ccp_ctx_new_detached(k);
    sim_join();
    sim_assert(!k || ccp_ctx_status(k) == CCP_CANCELED);
    sim_assert(ccp_ctx_free(k) == CCP_OK && ccp_ctx_free(d) == CCP_OK);
    sim_assert(ccp_ctx_free(node[0]) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

void ctx_hand_scenes(void)
{
    scene_add(busy_while_waited, NULL, NULL, "hand.busy_while_waited");
    scene_add(hook_again, NULL, NULL, "hand.hook_again");
    scene_add(new_fails, NULL, &(sim_options){ .fail_alloc = 1 }, "hand.new_fails");
}
