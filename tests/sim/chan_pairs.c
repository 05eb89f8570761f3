/* SPDX-License-Identifier: MIT
 *
 * Every unordered pair of operations of a channel, at every capacity 0, 1, 2, with elements and
 * without, from every initial state: every schedule, by DPOR.  With -DTRIPLES every unordered
 * triple of the operations, which is for the long tests.
 */
#include "chan_world.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef TRIPLES
#define AT_ONCE 3
#else
#define AT_ONCE 2
#endif

typedef struct group {
    world w;
    operation op[AT_ONCE];
    char name[112];
} group;

static void run_group(void *arg)
{
    const group *g = arg;
    world_begin(&g->w);
    for (int i = 0; i < AT_ONCE; i++)
        world_spawn(&g->op[i], 1);
    world_end();
}

/* ---- The table ---- */

static sim_scenario *scenarios;
static size_t count, room;

static void add(const group *from)
{
    if (count == room) {
        room = room ? 2 * room : 1024;
        scenarios = realloc(scenarios, room * sizeof *scenarios);
    }
    group *g = malloc(sizeof *g);
    if (!scenarios || !g)
        abort();
    *g = *from;
    int n = snprintf(g->name, sizeof g->name, "cap%u.size%zu.%s.", g->w.capacity, g->w.elem_size,
                     fill_names[g->w.fill]);
    bool selects = false;
    int sum = 0;
    for (int i = 0; i < AT_ONCE; i++) {
        n += snprintf(g->name + n, sizeof g->name - (size_t)n, "%s%s", i ? "+" : "",
                      operation_names[g->op[i]]);
        selects |= g->op[i] >= SELECT_RECV && g->op[i] <= SELECT_CTX;
        sum += (int)g->op[i];
    }
    g->w.wrap = sum % 2 == 1;
    g->w.loose = AT_ONCE > 2 || g->w.fill == PARKED_RECV || g->w.fill == PARKED_SEND;
    scenarios[count++] =
        (sim_scenario){ g->name,
                        run_group,
                        g,
                        { .mode = SIM_DPOR,
                          .rand_choices = selects ? 2 : 0 }, /* a select takes any that is ready */
                        NULL };
}

static void add_all(group *g, int i)
{
    if (i == AT_ONCE) {
        add(g);
        return;
    }
    for (int op = i ? (int)g->op[i - 1] : 0; op < OPERATIONS; op++) {
        g->op[i] = (operation)op;
        add_all(g, i + 1);
    }
}

int main(int argc, char **argv)
{
    for (uint32_t capacity = 0; capacity <= 2; capacity++)
        for (size_t size = 0; size <= 8; size += 8)
            for (int f = 0; f < FILLS; f++) {
                group g = { .w = { .capacity = capacity, .elem_size = size, .fill = (fill)f } };
                if (world_is_possible(&g.w))
                    add_all(&g, 0);
            }
    return sim_main(argc, argv, scenarios, count);
}
