/* SPDX-License-Identifier: MIT
 *
 * What the program under test calls beside libccp: memory, mutexes, condition variables and threads
 * of POSIX, time.  Each name is linked with --wrap (user.cmake has the list); outside of a schedule
 * the call goes to the C library.
 *
 *   U1  A mutex of the program may be held while its thread sleeps, unlike the library's locks: so
 *       it is not counted among those (thread.locks).
 *   U2  Memory that does not lie in the arena is the C library's own, and goes back to it.
 */
#define _GNU_SOURCE
#include "sim_int.h"
#include "sim_posix.h"

#include "base/machine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WRAP(type, name, params)                       \
    __attribute__((weak)) type __real_##name params; \
    type __wrap_##name params;                       \
    type __wrap_##name params

/* ---- memory ---- */

WRAP(void *, malloc, (size_t n))
{
    return sim.active ? heap_alloc(n, 16, false, PC()) : __real_malloc(n);
}

WRAP(void *, calloc, (size_t n, size_t size))
{
    size_t all;
    if (!sim.active)
        return __real_calloc(n, size);
    return __builtin_mul_overflow(n, size, &all) ? NULL : heap_alloc(all, 16, true, PC());
}

static bool is_ours(const void *p)
{
    return arena && (uintptr_t)p - arena < ARENA_SIZE;
}

WRAP(void, free, (void *p))
{
    if (!is_ours(p))
        __real_free(p);
    else if (sim.active)
        heap_free(p, PC());
}

WRAP(void *, realloc, (void *p, size_t n))
{
    if (!sim.active || (p && !is_ours(p)))
        return __real_realloc(p, n);
    void *q = heap_alloc(n, 16, false, PC());
    if (q && p) {
        size_t old = heap_size(p);
        memcpy(q, p, old < n ? old : n);
        heap_free(p, PC());
    }
    return q;
}

WRAP(void *, aligned_alloc, (size_t align, size_t n))
{
    return sim.active ? heap_alloc(n, align < 16 ? 16 : align, false, PC())
                      : __real_aligned_alloc(align, n);
}

WRAP(int, posix_memalign, (void **p, size_t align, size_t n))
{
    if (!sim.active)
        return __real_posix_memalign(p, align, n);
    *p = heap_alloc(n, align < 16 ? 16 : align, false, PC());
    return *p ? 0 : ENOMEM;
}

/* ---- threads ---- */

typedef struct start {
    void *(*fn)(void *arg);
    void *arg, *result;
} start;
static start starts[SIM_THREADS], *start_of[SIM_THREADS];
static int start_count;
static uint32_t start_gen;

static void run(void *arg)
{
    start *s = arg;
    s->result = s->fn(s->arg);
}

static start *new_start(void)
{
    if (start_gen != sim.gen)
        start_count = 0;
    start_gen = sim.gen;
    if (start_count == SIM_THREADS)
        sim_fail("more than %d threads", SIM_THREADS);
    return &starts[start_count++];
}

WRAP(int, pthread_create,
     (pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *arg), void *arg))
{
    if (!sim.active)
        return __real_pthread_create(t, a, fn, arg);
    if (sim.fail_thread < sim.o.fail_thread && sim_decide(2, 4)) {
        sim.fail_thread++;
        return EAGAIN;
    }
    start *s = new_start();
    *s = (start){ fn, arg, NULL };
    int id = sim_start(run, s);
    start_of[id] = s;
    *t = (pthread_t)id + 1;
    return 0;
}

WRAP(int, pthread_join, (pthread_t t, void **result))
{
    if (!sim.active)
        return __real_pthread_join(t, result);
    if (t < 2 || t > (pthread_t)sim.threads || !start_of[t - 1])
        return ESRCH;
    sim_await((int)t - 1);
    if (result)
        *result = start_of[t - 1]->result;
    return 0;
}

WRAP(int, pthread_detach, (pthread_t t))
{
    return sim.active ? 0 : __real_pthread_detach(t);
}

WRAP(pthread_t, pthread_self, (void))
{
    return sim.active ? (pthread_t)sim_self() + 1 : __real_pthread_self();
}

WRAP(int, sched_yield, (void))
{
    return sim.active ? sim_yield() : __real_sched_yield();
}

/* ---- mutexes and condition variables ---- */

/* Of all that pthread_mutexattr_t can say, these would wait in another way. */
WRAP(int, pthread_mutex_init, (pthread_mutex_t *m, const pthread_mutexattr_t *a))
{
    int type = PTHREAD_MUTEX_DEFAULT;
    if (!sim.active)
        return __real_pthread_mutex_init(m, a);
    if (a && pthread_mutexattr_gettype(a, &type) == 0 && type == PTHREAD_MUTEX_RECURSIVE)
        sim_fail("recursive mutexes are not known to the explorer");
    memory_range((uintptr_t)m, sizeof *m, PLAIN_WRITE, PC());
    memset(m, 0, sizeof *m);
    return 0;
}

WRAP(int, pthread_mutex_destroy, (pthread_mutex_t *m))
{
    if (!sim.active)
        return __real_pthread_mutex_destroy(m);
    memory_range((uintptr_t)m, sizeof *m, PLAIN_WRITE, PC());
    return *(uint32_t *)(void *)m ? EBUSY : 0;
}

WRAP(int, pthread_mutex_lock, (pthread_mutex_t *m))
{
    if (!sim.active)
        return __real_pthread_mutex_lock(m);
    sim_lock((uint32_t *)(void *)m, PC());
    sim.self->locks--; /* U1 */
    return 0;
}

WRAP(int, pthread_mutex_trylock, (pthread_mutex_t *m))
{
    if (!sim.active)
        return __real_pthread_mutex_trylock(m);
    sim_point(&memory_loc((uintptr_t)m, 4)->place, MEET_WRITE);
    if (raw_load((uintptr_t)m, 4) != 0)
        return EBUSY;
    return __wrap_pthread_mutex_lock(m);
}

WRAP(int, pthread_mutex_unlock, (pthread_mutex_t *m))
{
    if (!sim.active)
        return __real_pthread_mutex_unlock(m);
    sim.self->locks++; /* U1 */
    sim_unlock((uint32_t *)(void *)m, PC());
    return 0;
}

WRAP(int, pthread_cond_init, (pthread_cond_t *c, const pthread_condattr_t *a))
{
    return sim.active ? sim_cond_init(c, a) : __real_pthread_cond_init(c, a);
}

WRAP(int, pthread_cond_destroy, (pthread_cond_t *c))
{
    return sim.active ? sim_cond_destroy(c) : __real_pthread_cond_destroy(c);
}

WRAP(int, pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m))
{
    if (!sim.active)
        return __real_pthread_cond_wait(c, m);
    sim.self->locks++; /* U1 */
    int rc = sim_cond_wait(c, m);
    sim.self->locks--;
    return rc;
}

WRAP(int, pthread_cond_timedwait,
     (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t))
{
    if (!sim.active)
        return __real_pthread_cond_timedwait(c, m, t);
    sim.self->locks++; /* U1 */
    int rc = sim_cond_timedwait(c, m, t);
    sim.self->locks--;
    return rc;
}

WRAP(int, pthread_cond_clockwait,
     (pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *t))
{
    return sim.active ? __wrap_pthread_cond_timedwait(c, m, t)
                      : __real_pthread_cond_clockwait(c, m, clock, t);
}

WRAP(int, pthread_cond_signal, (pthread_cond_t *c))
{
    return sim.active ? sim_cond_signal(c) : __real_pthread_cond_signal(c);
}

WRAP(int, pthread_cond_broadcast, (pthread_cond_t *c))
{
    return sim.active ? sim_cond_broadcast(c) : __real_pthread_cond_broadcast(c);
}

/* ---- time ---- */

#define SECOND 1000000000

static struct timespec now(void)
{
    int64_t t = sim_now();
    return (struct timespec){ t / SECOND, t % SECOND };
}

static void sleep_until(int64_t deadline)
{
    ccpi_word32 nobody_wakes;
    atomic_init(&nobody_wakes, 0);
    while (sim_now() < deadline)
        (void)ccpi_word_wait(&nobody_wakes, 0, deadline);
}

WRAP(int, clock_gettime, (clockid_t clock, struct timespec *t))
{
    if (!sim.active)
        return __real_clock_gettime(clock, t);
    *t = now();
    return 0;
}

WRAP(int, gettimeofday, (struct timeval *t, void *zone))
{
    if (!sim.active)
        return __real_gettimeofday(t, zone);
    struct timespec s = now();
    *t = (struct timeval){ s.tv_sec, s.tv_nsec / 1000 };
    return 0;
}

WRAP(time_t, time, (time_t *t))
{
    if (!sim.active)
        return __real_time(t);
    time_t s = now().tv_sec;
    if (t)
        *t = s;
    return s;
}

static int64_t nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * SECOND + t->tv_nsec;
}

WRAP(int, nanosleep, (const struct timespec *t, struct timespec *rest))
{
    if (!sim.active)
        return __real_nanosleep(t, rest);
    sleep_until(sim_now() + nanoseconds(t));
    return 0;
}

WRAP(int, clock_nanosleep,
     (clockid_t clock, int flags, const struct timespec *t, struct timespec *rest))
{
    if (!sim.active)
        return __real_clock_nanosleep(clock, flags, t, rest);
    sleep_until(nanoseconds(t) + (flags & TIMER_ABSTIME ? 0 : sim_now()));
    return 0;
}

WRAP(int, usleep, (useconds_t us))
{
    if (!sim.active)
        return __real_usleep(us);
    sleep_until(sim_now() + (int64_t)us * 1000);
    return 0;
}

WRAP(unsigned, sleep, (unsigned s))
{
    if (!sim.active)
        return __real_sleep(s);
    sleep_until(sim_now() + (int64_t)s * SECOND);
    return 0;
}
