/* SPDX-License-Identifier: MIT
 *
 * Every unordered pair of operations of a channel, at every capacity 0, 1, 2, with elements and
 * without, from every initial state: every schedule, by DPOR.
 */
#include "chan_world.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct pair {
    world w;
    operation a, b;
    char name[80];
} pair;

static void run_pair(void *arg)
{
    const pair *p = arg;
    world_begin(&p->w);
    world_spawn(&p->a, 1);
    world_spawn(&p->b, 1);
    world_end();
}

/* A select chooses at random among what is ready: both of two. */
static int random_choices(const pair *p)
{
    bool selects = p->a >= SELECT_RECV && p->a <= SELECT_CTX;
    selects |= p->b >= SELECT_RECV && p->b <= SELECT_CTX;
    return selects ? 2 : 0;
}

static size_t generate(sim_scenario *out)
{
    size_t n = 0;
    for (uint32_t capacity = 0; capacity <= 2; capacity++)
        for (int size = 8; size >= 0; size -= 8)
            for (int f = 0; f < FILLS; f++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++) {
                        world w = { .capacity = capacity, .elem_size = (size_t)size,
                                    .fill = (fill)f };
                        if (!world_is_possible(&w))
                            continue;
                        if (out) {
                            pair *p = malloc(sizeof *p);
                            if (!p)
                                abort();
                            *p = (pair){ .w = w, .a = (operation)a, .b = (operation)b };
                            p->w.wrap = (a + b) % 2 == 1;
                            p->w.loose = f == PARKED_RECV || f == PARKED_SEND; /* three threads */
                            snprintf(p->name, sizeof p->name, "cap%u.size%d.%s.%s+%s", capacity,
                                     size, fill_names[f], operation_names[a], operation_names[b]);
                            out[n] = (sim_scenario){ p->name, run_pair, p, { .mode = SIM_DPOR },
                                                     NULL };
                            out[n].options.rand_choices = random_choices(p);
                        }
                        n++;
                    }
    return n;
}

int main(int argc, char **argv)
{
    size_t n = generate(NULL);
    sim_scenario *scenarios = calloc(n, sizeof *scenarios);
    if (!scenarios)
        return 2;
    generate(scenarios);
    return sim_main(argc, argv, scenarios, n);
}
