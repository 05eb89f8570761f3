/* SPDX-License-Identifier: MIT
 *
 * Semaphores, mutexes, reader-writer locks and once: whatever ends a sleep, each is had in turn,
 * and what is never free is waited for until the time is over.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdint.h>

enum { ROUNDS = 20, THREADS = 3 };

typedef struct shared {
    ccp_sem sem;
    ccp_mutex mu;
    ccp_rwlock rw;
    long count; /* plain: under the lock that is tested */
    atomic_int runs;
    ccp_once once;
} shared;

static void take_turns(void (*fn)(void *), shared *s)
{
    ccp_wg wg = CCP_WG_INIT;
    for (int i = 0; i < THREADS; i++)
        CHECK(ccp_wg_go(&wg, fn, s) == CCP_OK);
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
}

/* Now and then for so long that the others go to sleep. */
static void hold(int i)
{
    if (i % 4 == 0)
        CHECK(ccp_sleep(ccp_within(CCP_US(200))) == CCP_OK);
}

static void by_sem(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned n = 1 + (unsigned)i % 2;
        CHECK(ccp_sem_acquire(&s->sem, n, ccp_within(CCP_SEC(100))) == CCP_OK);
        if (n == 2) /* both of two: alone */
            s->count++;
        hold(i);
        CHECK(ccp_sem_release(&s->sem, n) == CCP_OK);
    }
}

static void by_mutex(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ccp_mutex_lock(&s->mu, CCP_FOREVER) == CCP_OK);
        s->count++;
        hold(i);
        CHECK(ccp_mutex_unlock(&s->mu) == CCP_OK);
    }
}

static void by_rwlock(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ccp_rwlock_wrlock(&s->rw, CCP_FOREVER) == CCP_OK);
        long before = s->count++;
        hold(i);
        CHECK(ccp_rwlock_wrunlock(&s->rw) == CCP_OK);
        CHECK(ccp_rwlock_rdlock(&s->rw, CCP_FOREVER) == CCP_OK);
        CHECK(s->count > before);
        CHECK(ccp_rwlock_rdunlock(&s->rw) == CCP_OK);
    }
}

static ccp_status run_slowly(void *arg)
{
    shared *s = arg;
    CHECK(ccp_sleep(ccp_within(CCP_MS(1))) == CCP_OK);
    s->count++;
    return atomic_fetch_add(&s->runs, 1) == 0 ? CCP_FAILED : CCP_OK;
}

static void by_once(void *arg)
{
    shared *s = arg;
    ccp_status st = ccp_once_do(&s->once, run_slowly, s, CCP_FOREVER);
    CHECK(st == CCP_OK || st == CCP_FAILED);
}

static unsigned a_semaphore_is_shared(void)
{
    shared s = { .sem = CCP_SEM_INIT(2) };
    take_turns(by_sem, &s);
    CHECK(s.count == (long)THREADS * ROUNDS / 2 && ccp_sem_available(&s.sem) == 2);
    return 0;
}

static unsigned a_mutex_is_shared(void)
{
    shared s = { .mu = CCP_MUTEX_INIT };
    take_turns(by_mutex, &s);
    CHECK(s.count == (long)THREADS * ROUNDS && !ccp_mutex_is_locked(&s.mu));
    return 0;
}

static unsigned a_rwlock_is_shared(void)
{
    shared s = { .rw = CCP_RWLOCK_INIT };
    take_turns(by_rwlock, &s);
    CHECK(s.count == (long)THREADS * ROUNDS);
    return 0;
}

static unsigned a_once_is_tried_again(void)
{
    shared s = { .once = CCP_ONCE_RETRY_INIT };
    take_turns(by_once, &s);
    CHECK(atomic_load(&s.runs) == 2 && s.count == 2 && ccp_once_is_done(&s.once));
    return 0;
}

static unsigned what_is_never_free_is_waited_for(void)
{
    shared s = { .sem = CCP_SEM_INIT(1) };
    int64_t end = ccp_now() + CCP_MS(2);
    CHECK(ccp_mutex_lock(&s.mu, CCP_NOWAIT) == CCP_OK);
    CHECK(ccp_rwlock_rdlock(&s.rw, CCP_NOWAIT) == CCP_OK);
    CHECK(ccp_sem_acquire(&s.sem, 2, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
    end = ccp_now() + CCP_MS(2);
    CHECK(ccp_mutex_lock(&s.mu, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
    end = ccp_now() + CCP_MS(2);
    CHECK(ccp_rwlock_wrlock(&s.rw, ccp_until(end)) == CCP_TIMEOUT && ccp_now() >= end);
    return 0;
}

const fault_site lock_sites[] = {
    { "a_semaphore_is_shared", a_semaphore_is_shared },
    { "a_mutex_is_shared", a_mutex_is_shared },
    { "a_rwlock_is_shared", a_rwlock_is_shared },
    { "a_once_is_tried_again", a_once_is_tried_again },
    { "what_is_never_free_is_waited_for", what_is_never_free_is_waited_for },
};
const size_t lock_count = sizeof lock_sites / sizeof *lock_sites;
