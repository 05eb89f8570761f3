/* SPDX-License-Identifier: MIT
 *
 * What threads have of objects, and the fence of all threads, in the place of base/local.c and
 * base/fence.c.
 */
#define CCPI_TSAN 1 /* as the library is compiled here */
#include "sim_int.h"

#include "base/fence.h"
#include "base/fork.h"
#include "base/local.h"

#define MOST 8

static struct {
    uint32_t gen; /* of the schedule: what is older is nothing */
    int count;
    ccpi_local *local[MOST];
    ccpi_local_cache last;
} has[SIM_THREADS];
static uint64_t last_serial;

static void begin(int t)
{
    if (has[t].gen == sim.gen)
        return;
    has[t].gen = sim.gen;
    has[t].count = 0;
    has[t].last = (ccpi_local_cache){ 0, NULL };
}

ccpi_local_cache *ccpi_local_cached(void)
{
    int me = sim.active ? sim.self->id : 0;
    begin(me);
    return &has[me].last;
}

/* E4 */
static void in_child(void)
{
    for (int t = 0; t < SIM_THREADS; t++) {
        has[t].count = 0;
        has[t].last = (ccpi_local_cache){ 0, NULL };
    }
}

static const ccpi_fork_part fork_part = { NULL, NULL, in_child };

bool ccpi_locals_init(ccpi_locals *s, bool (*ended)(ccpi_local *l), void (*tell)(void))
{
    *s = (ccpi_locals){ ++last_serial, 0, ended, tell };
    return ccpi_fork_join(CCPI_FORK_LOCAL, &fork_part);
}

void ccpi_locals_end(const ccpi_locals *s)
{
    (void)s;
}

ccpi_local *ccpi_local_find(const ccpi_locals *s)
{
    int me = sim.self->id;
    begin(me);
    for (int i = 0; i < has[me].count; i++)
        if (has[me].local[i]->of == s) {
            has[me].last = (ccpi_local_cache){ s->serial, has[me].local[i] };
            return has[me].local[i];
        }
    return NULL;
}

bool ccpi_local_set(const ccpi_locals *s, ccpi_local *l)
{
    int me = sim.self->id;
    begin(me);
    if (has[me].count == MOST)
        sim_fail("T%d has more than %d records", me, MOST);
    l->of = s;
    has[me].local[has[me].count++] = l;
    has[me].last = (ccpi_local_cache){ s->serial, l };
    return true;
}

void ccpi_local_forget(ccpi_local *l)
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = has[t].gen == sim.gen ? has[t].count - 1 : -1; i >= 0; i--)
            if (has[t].local[i] == l)
                has[t].local[i] = has[t].local[--has[t].count];
}

void ccpi_local_drop(ccpi_local *l)
{
    has[sim.self->id].last = (ccpi_local_cache){ 0, NULL };
    ccpi_local_forget(l);
}

void sim_locals_end(void)
{
    int me = sim.self->id;
    begin(me);
    while (has[me].count > 0) {
        ccpi_local *l = has[me].local[--has[me].count];
        if (l->of->ended(l))
            l->of->tell();
    }
    has[me].last = (ccpi_local_cache){ 0, NULL };
}

/* ---- the fence ---- */

bool ccpi_fence_ready(void)
{
    return true;
}

bool ccpi_fence_everywhere(void)
{
    if (sim.active)
        atomic_fence_everywhere(PC());
    return true;
}
