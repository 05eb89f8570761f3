/* SPDX-License-Identifier: MIT
 *
 * Mutexes and condition variables of POSIX.  A mutex is the explorer's lock, in its first word; a
 * condition variable is the queue of its address.
 */
#define _GNU_SOURCE
#include "sim_int.h"
#include "sim_posix.h"

#include <errno.h>

int sim_mutex_lock(pthread_mutex_t *m)
{
    sim_lock((uint32_t *)(void *)m, PC());
    return 0;
}

int sim_mutex_unlock(pthread_mutex_t *m)
{
    sim_unlock((uint32_t *)(void *)m, PC());
    return 0;
}

int sim_cond_init(pthread_cond_t *c, const pthread_condattr_t *a)
{
    (void)c, (void)a;
    return heap_fails() ? ENOMEM : 0;
}

int sim_cond_destroy(pthread_cond_t *c)
{
    for (int i = 0; i < sim.threads; i++)
        if (sim.thread[i].state == SLEEP && sim.thread[i].address == (uintptr_t)c)
            sim_fail("a condition variable is destroyed while T%d waits on it", i);
    return 0;
}

/* Releasing the mutex and going to sleep are one step. */
static bool wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline, uint32_t pc)
{
    thread *me = sim.self;
    uintptr_t a = (uintptr_t)c;
    loc *l = memory_loc(a, 4);
    set_state(me, OP);
    sim_point_of(me, &l->queue, MEET_WRITE, &sim.clock_place, MEET_READ);
    if (deadline == INT64_MAX)
        me->accesses = 1;
    sim_reschedule();
    set_state(me, LOCAL);
    l = memory_atomic(l, false, pc);
    bool late = deadline <= sim.clock;
    sim_unlock((uint32_t *)(void *)m, pc);
    if (!late && !sim_spurious()) {
        TRACE("waits", a, 0, pc);
        sim_sleep(&l->queue, a, deadline);
        late = me->late;
        TRACE(late ? "times out" : "is signaled", a, 0, pc);
    }
    sim_lock((uint32_t *)(void *)m, pc);
    return late;
}

int sim_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    wait_until(c, m, INT64_MAX, PC());
    return 0;
}

int sim_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
    int64_t deadline = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
    return wait_until(c, m, deadline, PC()) ? ETIMEDOUT : 0;
}

static int wake(pthread_cond_t *c, int count, const char *name, uint32_t pc)
{
    uintptr_t a = (uintptr_t)c;
    loc *l = memory_loc(a, 4);
    sim_point(&l->queue, MEET_WRITE);
    l = memory_atomic(l, false, pc); /* unlike a futex, the memory must be there */
    TRACE(name, a, 0, pc);
    sim_wake(&l->queue, a, count);
    return 0;
}

int sim_cond_signal(pthread_cond_t *c)
{
    return wake(c, 1, "signals", PC());
}

int sim_cond_broadcast(pthread_cond_t *c)
{
    return wake(c, SIM_THREADS, "broadcasts", PC());
}

int sim_yield(void)
{
    sim_relax();
    return 0;
}
