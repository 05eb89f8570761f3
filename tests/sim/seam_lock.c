/* SPDX-License-Identifier: MIT
 *
 * A model of the library's lock, in the place of base/lock.c: one step to acquire, none to release
 * (nobody can try it, so nobody notices when it happens).
 */
#include "sim_int.h"

#include "base/lock.h"

void sim_lock(uint32_t *word, uint32_t pc)
{
    thread *me = sim.self;
    uintptr_t a = (uintptr_t)word;
    loc *l = memory_loc(a, 4);
    if (raw_load(a, 4) == (uint32_t)me->id + 1)
        sim_fail("T%d takes a lock that it holds, at @%x@", me->id, pc);
    if (!sim.alone || raw_load(a, 4) != 0) {
        set_state(me, LOCK);
        me->address = a;
        sim_point_of(me, &l->place, MEET_WRITE, NULL, MEET_READ);
        sim_reschedule();
        set_state(me, LOCAL);
    }
    l = memory_atomic(l, true, pc);
    raw_store(a, 4, (uint32_t)me->id + 1);
    lock_acquired(l);
    me->locks++;
    sim.writes++;
    TRACE("locks", a, 0, pc);
}

void sim_unlock(uint32_t *word, uint32_t pc)
{
    thread *me = sim.self;
    uintptr_t a = (uintptr_t)word;
    loc *l = memory_atomic(memory_loc(a, 4), true, pc);
    if (raw_load(a, 4) != (uint32_t)me->id + 1)
        sim_fail("T%d releases a lock that it does not hold, at @%x@", me->id, pc);
    raw_store(a, 4, 0);
    lock_released(l);
    me->locks--;
    sim.writes++;
    TRACE("unlocks", a, 0, pc);
}

void ccpi_lock_acquire(ccpi_lock *l)
{
    if (sim.active)
        sim_lock((uint32_t *)&l->word, PC());
}

void ccpi_lock_release(ccpi_lock *l)
{
    if (sim.active)
        sim_unlock((uint32_t *)&l->word, PC());
}
