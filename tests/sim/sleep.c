/* SPDX-License-Identifier: MIT
 *
 * How threads go to sleep, and are woken.
 */
#include "sim_int.h"

/* The calling thread has looked at what it had to, in the same step. */
void sim_sleep(place *queue, uintptr_t address, int64_t deadline)
{
    thread *me = sim.self;
    set_state(me, SLEEP);
    me->address = address;
    me->deadline = deadline;
    me->late = false;
    me->slept = ++sim.order;
    if (deadline == INT64_MAX)
        me->accesses = 0;
    else /* what it would do: leave the queue, and let time pass, at least to its deadline */
        sim_point_of(me, queue, MEET_WRITE, &sim.clock_place, MEET_ADD);
    sim_reschedule();
    if (me->state == SLEEP) { /* nobody woke it: the time is over */
        me->late = true;
        set_state(me, LOCAL);
        if (sim.clock < deadline)
            sim.clock = deadline;
        sim.writes++;
    }
}

/* Does a sleep return at once, for no reason? */
bool sim_spurious(void)
{
    if (sim.spurious >= sim.o.spurious || !sim_decide(2, 4))
        return false;
    sim.spurious++;
    return true;
}

/* Wakes up to count threads that sleep at address; the step is the caller's. */
void sim_wake(place *queue, uintptr_t address, int count)
{
    (void)queue;
    while (count-- > 0) {
        int sleeper[SIM_THREADS], n = 0;
        for (int i = 0; i < sim.threads; i++)
            if (sim.thread[i].state == SLEEP && sim.thread[i].address == address) {
                int k = n++;
                for (; k > 0 && sim.thread[sleeper[k - 1]].slept > sim.thread[i].slept; k--)
                    sleeper[k] = sleeper[k - 1];
                sleeper[k] = i;
            }
        if (n == 0)
            return;
        thread *t = &sim.thread[sleeper[sim.o.wake_any && count == 0 ? sim_choose(n) : 0]];
        if (t->deadline != INT64_MAX && searching())
            tree_also(t->id); /* it could have timed out just before */
        set_state(t, LOCAL);
        sim.writes++;
        vclock_join(&t->order, &sim.self->order);
    }
}
