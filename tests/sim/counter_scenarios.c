/* SPDX-License-Identifier: MIT
 *
 * Counters: two or three threads that add, sum up and take, in one shard or in several, every
 * schedule.  Nothing is lost and nothing counted twice (LD6, LD7), in whatever order others see it.
 */
#include "scene.h"

#include "base/machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef enum operation { ADD, ADD_TWICE, SUM, TAKE, OPERATIONS } operation;

static const char *const operation_names[OPERATIONS] = { "add", "add_twice", "sum", "take" };

typedef struct play {
    bool together; /* all begin in the same shard */
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_counter *counter;
static int64_t taken[SIM_THREADS];
static _Atomic int64_t begun, done; /* relaxed, where memory is weak: then they say little */

static void add(int64_t n)
{
    atomic_fetch_add(&begun, n);
    ccp_counter_add(counter, n);
    atomic_fetch_add(&done, n);
}

static void act_out(void *arg)
{
    if (now->together)
        ccpi_self_get()->rand = 1;
    bool takes = false;
    for (int i = 0; i < now->ops; i++)
        takes |= now->op[i] == TAKE;
    int64_t least, n;
    switch (*(const operation *)arg) {
    case ADD: add(1); break;
    case ADD_TWICE:
        add(10);
        add(100);
        break;
    case SUM:
        least = atomic_load(&done);
        n = ccp_counter_sum(counter);
        if (!takes)
            sim_assert(n >= least && n <= atomic_load(&begun));
        break;
    default:
        least = atomic_load(&done);
        n = ccp_counter_take(counter);
        taken[sim_self()] = n;
        sim_assert(n <= atomic_load(&begun));
        break;
    }
}

static void run_play(void *arg)
{
    now = arg;
    scene_tune(STILL);
    counter = sim_alloc(sizeof *counter);
    memset((void *)counter, 0, sizeof *counter);
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&now->op[i]);
    sim_join();
    int64_t sum = ccp_counter_sum(counter);
    for (int t = 0; t < SIM_THREADS; t++)
        sum += taken[t];
    sim_assert(sum == atomic_load(&begun) && sum == atomic_load(&done));
    sim_assert(ccp_counter_take(counter) == sum || sum != 0);
    sim_outcome((uint64_t)ccp_counter_sum(counter));
    sim_free(counter);
}

int main(int argc, char **argv)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    for (int together = 0; together < 2; together++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++)
                for (int c = b; c <= OPERATIONS; c++) {
                    play p = { together, c < OPERATIONS ? 3 : 2,
                               { (operation)a, (operation)b, (operation)(c % OPERATIONS) } };
                    scene_add(run_play, scene_keep(&p, sizeof p), p.ops == 2 ? NULL : &few,
                              "%s.%s.%s+%s%s%s", p.ops == 2 ? "pair" : "one",
                              together ? "together" : "apart", operation_names[a],
                              operation_names[b], p.ops == 2 ? "" : "+",
                              p.ops == 2 ? "" : operation_names[p.op[2]]);
                }
    return scene_main(argc, argv);
}
