/* SPDX-License-Identifier: MIT
 *
 * Rate limiters by key, with room for one key: every pair of operations, every schedule; a new key
 * comes in when the other's bucket is full, and with `forget` while somebody sleeps for the other.
 */
#include "scene.h"

#include <stdio.h>

enum { BURST = 2, UNIT = 1000, KEYS = 2 };

typedef enum operation {
    TAKE_A,
    TAKE_B,
    TAKE_B_LATER, /* when the bucket of a has been left alone for long enough */
    WAIT_A,
    WAIT_A_SHORT,
    WAIT_2_A_CTX,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "take_a", "take_b", "take_b_later", "wait_a", "wait_a_short", "wait_2_a_ctx", "ctx_cancel",
};

typedef struct play {
    bool forget;
    unsigned before; /* tokens of a taken */
    operation op[2];
} play;

static ccp_rate_map *map;
static ccp_ctx *ctx;
static int64_t begun;
static unsigned given[SIM_THREADS][KEYS];

static void note(char key, unsigned n, ccp_status st, ccp_status other)
{
    sim_assert(st == CCP_OK || st == other || st == CCP_BUSY);
    if (st == CCP_OK)
        given[sim_self()][key - 'a'] += n;
    sim_assert(ccp_rate_map_len(map) <= 1);
}

static void take_at(char key, int64_t t)
{
    note(key, 1, ccp_rate_map_take_at(map, &key, 1, 1, t), CCP_AGAIN);
}

static void wait_for(char key, unsigned n, ccp_wait w, ccp_status other)
{
    note(key, n, ccp_rate_map_take(map, &key, 1, n, w), other);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case TAKE_A: take_at('a', sim_now()); break;
    case TAKE_B: take_at('b', sim_now()); break;
    case TAKE_B_LATER: take_at('b', sim_now() + 2 * UNIT); break;
    case WAIT_A: wait_for('a', 1, CCP_FOREVER, CCP_OK); break;
    case WAIT_A_SHORT: wait_for('a', 1, ccp_within(UNIT), CCP_TIMEOUT); break;
    case WAIT_2_A_CTX: wait_for('a', 2, ccp_with(ctx), CCP_CANCELED); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void run_play(void *arg)
{
    const play *p = arg;
    const ccp_rate_map_opts o = { .per_second = ccp_every(UNIT),
                                  .burst = BURST,
                                  .keys = 1,
                                  .key_size = 1,
                                  .forget = p->forget };
    scene_tune(STILL);
    begun = sim_now();
    map = ccp_rate_map_new(&o);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(map && ctx);
    for (unsigned i = 0; i < p->before; i++)
        take_at('a', begun);
    for (int i = 0; i < 2; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    sim_join();
    unsigned sum = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        sum += given[t][0];
    if (!p->forget) /* R9; else a may have been forgotten in between */
        sim_assert(sum <= BURST + (unsigned)((sim_now() - begun + 2) / UNIT));
    sim_assert(ccp_rate_map_free(map) == CCP_OK);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

int main(int argc, char **argv)
{
    for (int forget = 0; forget < 2; forget++)
        for (unsigned before = 0; before <= BURST; before++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { forget, before, { (operation)a, (operation)b } };
                    scene_add(run_play, scene_keep(&p, sizeof p), NULL, "pair.%s%u.%s+%s",
                              forget ? "forget" : "keep", before, operation_names[a],
                              operation_names[b]);
                }
    return scene_main(argc, argv);
}
