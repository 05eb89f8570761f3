/* SPDX-License-Identifier: MIT
 *
 * What stands between the library and the system: linked with --wrap.
 */
#define _GNU_SOURCE
#include "fault.h"

#include "base/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int armed; /* a fault_kind */
static _Atomic unsigned long requests, fail_at;
static _Atomic bool for_ever_on, injected;
static _Atomic long blocks, threads;

void fault_arm(fault_kind kind, unsigned long k, bool for_ever)
{
    atomic_store(&requests, 0);
    atomic_store(&fail_at, k);
    atomic_store(&for_ever_on, for_ever);
    atomic_store(&injected, false);
    atomic_store(&armed, (int)kind);
}

bool fault_disarm(void)
{
    atomic_store(&armed, FAULT_NONE);
    return atomic_load(&injected);
}

static bool shall_fail(fault_kind kind)
{
    if (atomic_load(&armed) != (int)kind)
        return false;
    unsigned long n = atomic_fetch_add(&requests, 1) + 1;
    if (n != atomic_load(&fail_at) && !(atomic_load(&for_ever_on) && n > atomic_load(&fail_at)))
        return false;
    atomic_store(&injected, true);
    return true;
}

/* ---- Memory ---- */

static void *faulty_alloc(size_t size, void *arg)
{
    (void)arg;
    if (shall_fail(FAULT_ALLOC))
        return NULL;
    void *p = malloc(size);
    atomic_fetch_add(&blocks, p != NULL);
    return p;
}

static void counting_free(void *p, void *arg)
{
    (void)arg;
    CHECK(p != NULL);
    atomic_fetch_sub(&blocks, 1);
    free(p);
}

const ccp_allocator fault_allocator = { faulty_alloc, counting_free, NULL };

long fault_blocks_out(void)
{
    return atomic_load(&blocks);
}

/* ---- Threads ---- */

int fault_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int fault_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
    if (shall_fail(FAULT_THREAD))
        return EAGAIN;
    int rc = pthread_create(t, a, fn, arg);
    atomic_fetch_add(&threads, rc == 0);
    return rc;
}

int fault_pthread_join(pthread_t t, void **result);
int fault_pthread_join(pthread_t t, void **result)
{
    int rc = pthread_join(t, result);
    atomic_fetch_sub(&threads, rc == 0);
    return rc;
}

long fault_threads_out(void)
{
    return atomic_load(&threads);
}

#define FAULTY(kind, error, name, params, args)        \
    int fault_##name params;                           \
    int fault_##name params                            \
    {                                                  \
        return shall_fail(kind) ? (error) : name args; \
    }

FAULTY(FAULT_THREAD, ENOMEM, pthread_attr_init, (pthread_attr_t * a), (a))
FAULTY(FAULT_THREAD, EINVAL, pthread_attr_setstacksize, (pthread_attr_t * a, size_t n), (a, n))
FAULTY(FAULT_COND, ENOMEM, pthread_condattr_init, (pthread_condattr_t * a), (a))

/* ---- The wall clock: nothing asks it or waits by it, so setting it changes nothing. ---- */

int fault_clock_gettime(clockid_t id, struct timespec *t);
int fault_clock_gettime(clockid_t id, struct timespec *t)
{
    CHECK(id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE && id != CLOCK_TAI);
    return clock_gettime(id, t);
}

int fault_pthread_condattr_setclock(pthread_condattr_t *a, clockid_t c);
int fault_pthread_condattr_setclock(pthread_condattr_t *a, clockid_t c)
{
    CHECK(c == CLOCK_MONOTONIC);
    return shall_fail(FAULT_COND) ? EINVAL : pthread_condattr_setclock(a, c);
}

int fault_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a);
int fault_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a)
{
    clockid_t clock = CLOCK_REALTIME;
    CHECK(a && pthread_condattr_getclock(a, &clock) == 0 && clock == CLOCK_MONOTONIC);
    return shall_fail(FAULT_COND) ? EAGAIN : pthread_cond_init(c, a);
}

/* ---- Descriptors ---- */

FAULTY(FAULT_FD, -1, eventfd, (unsigned n, int flags), (n, flags))

/* ---- Processors ---- */

int fault_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int fault_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    return shall_fail(FAULT_CPU) ? -1 : sched_getaffinity(pid, size, set);
}

long fault_sysconf(int name);
long fault_sysconf(int name)
{
    return shall_fail(FAULT_CPU) ? -1 : sysconf(name);
}

int fault_openat(int dir, const char *path, int flags, ...);
int fault_openat(int dir, const char *path, int flags, ...)
{
    return shall_fail(FAULT_CPU) ? -1 : openat(dir, path, flags);
}

ssize_t fault_pread(int fd, void *buf, size_t n, off_t at);
ssize_t fault_pread(int fd, void *buf, size_t n, off_t at)
{
    return shall_fail(FAULT_CPU) ? -1 : pread(fd, buf, n, at);
}

/* ---- Sleeping ---- */

bool __real_ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline);
bool __wrap_ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline);
bool __wrap_ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline)
{
    if (!shall_fail(FAULT_WAIT))
        return __real_ccpi_word_wait(w, expect, deadline);
    sched_yield();
    return ccpi_clock_now() >= deadline; /* a deadline that has passed is still told */
}

/* A spurious wake-up of a condition: the mutex was free for a moment. */
static int cond_returns(pthread_mutex_t *m)
{
    pthread_mutex_unlock(m);
    sched_yield();
    pthread_mutex_lock(m);
    return 0;
}

int fault_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int fault_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return shall_fail(FAULT_EINTR) ? cond_returns(m) : pthread_cond_wait(c, m);
}

int fault_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);
int fault_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
    if (!shall_fail(FAULT_EINTR))
        return pthread_cond_timedwait(c, m, t);
    int64_t until = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
    if (ccpi_clock_now() > until)
        return ETIMEDOUT;
    return cond_returns(m);
}

/* As the kernel does: what is ready comes before a signal, and so does the end of the time. */
int fault_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *mask);
int fault_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
    const struct timespec at_once = { 0, 0 };
    if (shall_fail(FAULT_POLL)) {
        errno = ENOMEM;
        return -1;
    }
    if (!shall_fail(FAULT_EINTR))
        return ppoll(p, n, t, mask);
    int ready = ppoll(p, n, &at_once, mask);
    if (ready != 0 || (t && t->tv_sec == 0 && t->tv_nsec == 0))
        return ready;
    sched_yield();
    errno = EINTR;
    return -1;
}

long fault_syscall(long number, ...);
long fault_syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    enum { WAIT_BITSET = 9, COMMAND = 127, BY_WALL_CLOCK = 256 };
    const struct timespec *t = (const struct timespec *)a[3];
    bool wait = number == SYS_futex && (a[1] & COMMAND) == WAIT_BITSET;
    CHECK(number != SYS_futex || !(a[1] & BY_WALL_CLOCK)); /* others have no such argument */
    if (wait && shall_fail(FAULT_EINTR)) {
        sched_yield();
        bool late = t && ccpi_clock_now() > (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
        errno = late ? ETIMEDOUT : EINTR;
        return -1;
    }
    return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
