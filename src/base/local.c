/* SPDX-License-Identifier: MIT
 *
 * What threads have of objects, by keys of POSIX; the invariants are in local.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/local.h"

#include "base/fork.h"
#include "base/lock.h"
#include "base/machine.h"

#include <pthread.h>

#define BUCKETS 64

_Static_assert(sizeof(pthread_key_t) <= sizeof(uint64_t), "a key must fit");

static ccpi_lock lock;
static ccpi_list buckets[BUCKETS]; /* under lock */
static uint64_t last_serial;       /* under lock */

#ifdef CCPI_TSAN
static _Thread_local ccpi_local_cache last;
ccpi_local_cache *ccpi_local_cached(void)
{
    return &last;
}
#else
_Thread_local ccpi_local_cache ccpi_local_last;
#endif

#define LOCAL(k) CCPI_CONTAINER(k, ccpi_local, link)

static ccpi_list *bucket_of(const void *thread)
{
    return &buckets[((uintptr_t)thread >> 6) * 0x9E3779B1u / 64 % BUCKETS];
}

static void unlink_locked(ccpi_local *l)
{
    ccpi_list_remove(bucket_of(l->thread), &l->link);
    l->thread = NULL;
}

static pthread_key_t key_of(const ccpi_locals *s)
{
    return (pthread_key_t)s->key;
}

/* ---- a thread ends ---- */

/* E2 */
static ccpi_local *find_locked(const void *address, const void *thread)
{
    for (ccpi_link *k = bucket_of(thread)->first; k; k = k->next)
        if (LOCAL(k) == address && LOCAL(k)->thread == thread)
            return LOCAL(k);
    return NULL;
}

static void thread_ends(void *address)
{
    void (*tell)(void) = NULL;
    *ccpi_local_cached() = (ccpi_local_cache){ 0, NULL };
    ccpi_lock_acquire(&lock);
    ccpi_local *l = find_locked(address, ccpi_self_get());
    if (l) {
        unlink_locked(l);
        tell = l->of->ended(l) ? l->of->tell : NULL;
    }
    ccpi_lock_release(&lock);
    if (tell)
        tell();
}

/* ---- forks ---- */

static void before_fork(void)
{
    ccpi_lock_acquire(&lock);
}

static void in_parent(void)
{
    ccpi_lock_release(&lock);
}

/* E4 */
static void in_child(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (ccpi_link *k = buckets[i].first, *next; k; k = next) {
            next = k->next;
            ccpi_local *l = LOCAL(k);
            if (l->thread == ccpi_self_get())
                pthread_setspecific(key_of(l->of), NULL);
            unlink_locked(l);
        }
    *ccpi_local_cached() = (ccpi_local_cache){ 0, NULL };
    ccpi_lock_renew(&lock);
}

static const ccpi_fork_part fork_part = { before_fork, in_parent, in_child };

/* ---- objects ---- */

bool ccpi_locals_init(ccpi_locals *s, bool (*ended)(ccpi_local *l), void (*tell)(void))
{
    pthread_key_t key;
    if (!ccpi_fork_join(CCPI_FORK_LOCAL, &fork_part) || pthread_key_create(&key, thread_ends) != 0)
        return false;
    s->key = key;
    s->ended = ended;
    s->tell = tell;
    ccpi_lock_acquire(&lock);
    s->serial = ++last_serial;
    ccpi_lock_release(&lock);
    return true;
}

void ccpi_locals_end(const ccpi_locals *s)
{
    pthread_key_delete(key_of(s));
}

ccpi_local *ccpi_local_find(const ccpi_locals *s)
{
    ccpi_local *l = ccpi_local_again(s);
    if (!l) {
        l = pthread_getspecific(key_of(s));
        if (l)
            *ccpi_local_cached() = (ccpi_local_cache){ s->serial, l };
    }
    return l;
}

bool ccpi_local_set(const ccpi_locals *s, ccpi_local *l)
{
    if (pthread_setspecific(key_of(s), l) != 0)
        return false;
    ccpi_lock_acquire(&lock);
    l->of = s;
    l->thread = ccpi_self_get();
    ccpi_list_append(bucket_of(l->thread), &l->link);
    ccpi_lock_release(&lock);
    *ccpi_local_cached() = (ccpi_local_cache){ s->serial, l };
    return true;
}

void ccpi_local_forget(ccpi_local *l)
{
    ccpi_lock_acquire(&lock);
    if (l->thread)
        unlink_locked(l);
    ccpi_lock_release(&lock);
}

void ccpi_local_drop(ccpi_local *l)
{
    pthread_setspecific(key_of(l->of), NULL);
    *ccpi_local_cached() = (ccpi_local_cache){ 0, NULL };
    ccpi_local_forget(l);
}
