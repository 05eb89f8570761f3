/* SPDX-License-Identifier: MIT
 *
 * What a scenario notes: moments of its history, and the set of outcomes of all schedules.
 */
#include "sim_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- Time and histories ---- */

int64_t sim_now(void)
{
    if (sim.active)
        sim_point(&sim.clock_place, false);
    return sim.clock;
}

void sim_advance(int64_t ns)
{
    sim_point(&sim.clock_place, true);
    sim.clock += ns;
    sim.writes++;
}

uint64_t sim_begin(bool is_step)
{
    if (is_step)
        sim_point(&sim.history_place, false);
    return ++sim.history;
}

uint64_t sim_end(bool is_step)
{
    if (is_step)
        sim_point(&sim.history_place, true);
    return ++sim.history;
}

/* ---- Outcomes, sorted ---- */

static uint64_t *outcomes;
static size_t outcome_count, outcome_room;

void sim_outcome(uint64_t hash)
{
    size_t low = 0, high = outcome_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (outcomes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < outcome_count && outcomes[low] == hash)
        return;
    if (outcome_count == outcome_room) {
        outcome_room = outcome_room ? 2 * outcome_room : 256;
        outcomes = realloc(outcomes, outcome_room * sizeof *outcomes);
        if (!outcomes)
            abort();
    }
    memmove(outcomes + low + 1, outcomes + low, (outcome_count++ - low) * sizeof *outcomes);
    outcomes[low] = hash;
}

size_t sim_outcomes(const uint64_t **set)
{
    *set = outcomes;
    return outcome_count;
}

void sim_outcomes_clear(void)
{
    outcome_count = 0;
}
