/* SPDX-License-Identifier: MIT
 *
 * Sleeping on a word, by POSIX threads alone: a small table of queues, found by the word's address,
 * each with a mutex.  A sleeper brings its own condition variable, so a wake reaches exactly one.
 *
 *   Q1  A sleeper is in the queue of its word's address from before the word is compared until it
 *       is woken or leaves; both happen under the queue's mutex.
 *   Q2  A sleeper's memory is touched only under that mutex while it is in the queue.
 *   Q3  In the child of a fork nobody sleeps: the queues begin anew, whoever had their mutexes.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/fork.h"
#include "base/machine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

typedef struct sleeper {
    struct sleeper *next;
    const void *address;
    pthread_cond_t cond;
    bool woken;
} sleeper;

typedef struct queue {
    pthread_mutex_t mutex;
    sleeper *first; /* under mutex */
} queue;

#define Q4                                                                                         \
    { PTHREAD_MUTEX_INITIALIZER, NULL }, { PTHREAD_MUTEX_INITIALIZER, NULL },                      \
        { PTHREAD_MUTEX_INITIALIZER, NULL },                                                       \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, NULL                                                            \
    }
#define Q16 Q4, Q4, Q4, Q4
static queue queues[64] = { Q16, Q16, Q16, Q16 };

static void begin_anew(void)
{
    static const queue empty = { PTHREAD_MUTEX_INITIALIZER, NULL };
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        queues[i] = empty;
}

static const ccpi_fork_part fork_part = { NULL, NULL, begin_anew };

static queue *queue_of(const void *address)
{
    uintptr_t a = (uintptr_t)address >> 4;
    return &queues[(a ^ a >> 6 ^ a >> 12 ^ a >> 20) & 63];
}

static void leave(queue *q, sleeper *s)
{
    sleeper **p = &q->first;
    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
}

static bool cond_init_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    bool ok =
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(c, &attr) == 0;
    pthread_condattr_destroy(&attr);
    return ok;
}

/* Queued; mutex held.  Returns true if the deadline has passed. */
static bool sleep_in(queue *q, sleeper *s, int64_t deadline)
{
    const struct timespec until = { (time_t)(deadline / 1000000000),
                                    (long)(deadline % 1000000000) };
    while (!s->woken) {
        if (deadline == CCPI_NEVER)
            pthread_cond_wait(&s->cond, &q->mutex);
        else if (pthread_cond_timedwait(&s->cond, &q->mutex, &until) == ETIMEDOUT)
            return !s->woken;
    }
    return false;
}

bool ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline)
{
    sleeper me = { .address = (const void *)w };
    if (!cond_init_monotonic(&me.cond)) {
        sched_yield(); /* short of resources: an early return is allowed, the caller looks again */
        return deadline != CCPI_NEVER && ccpi_clock_now() >= deadline;
    }
    queue *q = queue_of(me.address);
    bool late = false;
    (void)ccpi_fork_join(CCPI_FORK_PARK, &fork_part);
    pthread_mutex_lock(&q->mutex);
    /* Relaxed is enough: whoever changed *w takes the mutex next, to wake us; so either we see the
     * change here, or it sees us in the queue. */
    if (atomic_load_explicit(w, CCPI_RLX) == expect) {
        sleeper **end = &q->first; /* first come, first woken */
        while (*end)
            end = &(*end)->next;
        *end = &me;
        late = sleep_in(q, &me, deadline);
        if (!me.woken)
            leave(q, &me);
    }
    pthread_mutex_unlock(&q->mutex);
    pthread_cond_destroy(&me.cond);
    return late;
}

void ccpi_word_wake(ccpi_word32 *w)
{
    const void *address = (const void *)w;
    queue *q = queue_of(address);
    (void)ccpi_fork_join(CCPI_FORK_PARK, &fork_part);
    pthread_mutex_lock(&q->mutex);
    for (sleeper *s = q->first; s; s = s->next)
        if (s->address == address) {
            s->woken = true;
            leave(q, s);
            pthread_cond_signal(&s->cond);
            break;
        }
    pthread_mutex_unlock(&q->mutex);
}
