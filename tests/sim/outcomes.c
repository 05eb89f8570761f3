/* SPDX-License-Identifier: MIT
 *
 * What a scenario notes: moments of its history, the set of outcomes of all schedules, and the
 * states from which the rest has been explored.
 */
#include "sim_int.h"

#include "base/machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- Time and histories ---- */

int64_t sim_now(void)
{
    if (sim.active)
        sim_point(&sim.clock_place, MEET_READ);
    return sim.clock;
}

void sim_advance(int64_t ns)
{
    sim_point(&sim.clock_place, MEET_WRITE);
    sim.clock += ns;
    sim.writes++;
}

uint64_t sim_begin(bool is_step)
{
    if (is_step)
        sim_point(&sim.history_place, MEET_READ);
    return ++sim.history;
}

uint64_t sim_end(bool is_step)
{
    if (is_step)
        sim_point(&sim.history_place, MEET_ADD);
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

/* ---- States seen: a hash table ---- */

static uint64_t *states;
static size_t state_count, state_room;

/* Where h is in the table, or belongs. */
static uint64_t *state_at(uint64_t *table, size_t room, uint64_t h)
{
    size_t k = h & (room - 1);
    while (table[k] && table[k] != h)
        k = (k + 1) & (room - 1);
    return &table[k];
}

static void states_grow(void)
{
    size_t room = state_room ? 4 * state_room : 4096;
    uint64_t *table = calloc(room, sizeof *table);
    if (!table)
        abort();
    for (size_t i = 0; i < state_room; i++)
        if (states[i])
            *state_at(table, room, states[i]) = states[i];
    free(states);
    states = table;
    state_room = room;
}

static bool state_is_new(uint64_t h)
{
    if (2 * state_count >= state_room)
        states_grow();
    h |= h == 0;
    uint64_t *slot = state_at(states, state_room, h);
    bool is_new = *slot == 0;
    state_count += is_new;
    *slot = h;
    return is_new;
}

void sim_merge(const void *p, size_t n)
{
    /* On the way to another end of a path the state is known, but not explored. */
    if (!searching() || sim.o.weak || sim.tracing || !sim.alone || !tree_is_new())
        return;
    const unsigned char *byte = p;
    uint64_t h = sim_hash(heap_hash(), memory_hash());
    for (size_t i = 0; i < n; i++)
        h = sim_hash(h, byte[i]);
    const ccpi_self *self = ccpi_self_get();
    const int used[] = { sim.threads, sim.spurious, sim.fail_alloc, sim.fail_thread, sim.fail_cas,
                         sim.preemptions, (int)self->rand };
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        h = sim_hash(h, (uint64_t)used[i]);
    if (state_is_new(sim_hash(h, (uint64_t)sim.clock)))
        return;
    sim.merged = true;
    sim_leave();
}

void sim_outcomes_clear(void)
{
    outcome_count = state_count = 0;
    if (states)
        memset(states, 0, state_room * sizeof *states);
}
