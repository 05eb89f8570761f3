/* SPDX-License-Identifier: MIT
 *
 * Sleeping on words, in the place of base/park_futex.c.  Comparing the word and going to sleep are
 * one step, as in the kernel; so is a wake, which touches the queue of the address and not the
 * word.
 */
#include "sim_int.h"

#include "base/machine.h"

bool ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline)
{
    uintptr_t a = (uintptr_t)w;
    thread *me = sim.self;
    if (me->locks)
        sim_fail("T%d sleeps holding a lock, at @%x@", me->id, PC());
    loc *l = memory_loc(a, 4);
    set_state(me, OP);
    me->accesses = 3;
    me->access[0] = (meeting){ &l->place, MEET_READ };
    me->access[1] = (meeting){ &l->queue, MEET_WRITE };
    me->access[2] = (meeting){ &sim.clock_place, MEET_READ };
    if (deadline == CCPI_NEVER)
        me->accesses = 2;
    sim_reschedule();
    set_state(me, LOCAL);
    l = memory_atomic(l, false, PC());
    if (raw_load(a, 4) != expect) {
        TRACE("does not sleep", a, expect, PC());
        return false;
    }
    if (deadline <= sim.clock) {
        TRACE("is too late to sleep", a, expect, PC());
        return true;
    }
    if (sim_spurious()) {
        TRACE("wakes for no reason", a, expect, PC());
        return false;
    }
    TRACE("sleeps", a, expect, PC());
    sim_sleep(&l->queue, a, deadline);
    TRACE(me->late ? "times out" : "is woken", a, 0, PC());
    return me->late;
}

void ccpi_word_wake(ccpi_word32 *w)
{
    uintptr_t a = (uintptr_t)w;
    loc *l = memory_loc(a, 4);
    sim_point(&l->queue, MEET_WRITE);
    TRACE("wakes", a, 0, PC());
    sim_wake(&l->queue, a, 1);
}
