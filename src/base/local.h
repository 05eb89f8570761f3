/* SPDX-License-Identifier: MIT
 *
 * What a thread has of an object, until one of the two ends.  Part of the seam to the machine.
 *
 *   E1  Memory of a ccpi_local is the object's.  It is linked, in a bucket of its thread, from
 *       ccpi_local_set() until the thread ends or ccpi_local_forget(); that changes under one lock.
 *   E2  A thread that ends looks in its own buckets for the address that the C library hands it,
 *       and touches nothing that is not linked there: for between the moment when the C library
 *       decides to tell it and that look the object may have gone.  In this window the thread links
 *       nothing, so what it finds at that address is what was meant.
 *   E3  Serials are never used again, so a thread's one remembered pair (serial, local) is right
 *       whenever the serial is that of an object which is there; only beside serial 0, which no
 *       object has, there is no local.
 *   E4  In the child of a fork nothing is linked, and the thread that is there has nothing.
 * Locks           Nothing else is locked under it.
 */
#ifndef CCPI_BASE_LOCAL_H
#define CCPI_BASE_LOCAL_H

#include "base/list.h"

struct ccpi_locals;

/* All zero: not linked. */
typedef struct ccpi_local {
    ccpi_link link;               /* under the lock, as the following */
    const void *thread;           /* whose it is; NULL: not linked */
    const struct ccpi_locals *of; /* const while it is linked */
} ccpi_local;

/* What the threads have of one object.  Constant from ccpi_locals_init() on. */
typedef struct ccpi_locals {
    uint64_t serial; /* E3; never 0 */
    uint64_t key;    /* holds a pthread_key_t */
    /* In a thread that ends, under the lock: l is not linked any more.  True: call tell(). */
    bool (*ended)(ccpi_local *l);
    void (*tell)(void); /* under no lock */
} ccpi_locals;

/* False: memory or keys are short. */
bool ccpi_locals_init(ccpi_locals *s, bool (*ended)(ccpi_local *l), void (*tell)(void));
/* No local of it is linked any more. */
void ccpi_locals_end(const ccpi_locals *s);

/* The calling thread's; NULL: none. */
ccpi_local *ccpi_local_find(const ccpi_locals *s);
/* Makes l the calling thread's, which has none; false: no memory. */
bool ccpi_local_set(const ccpi_locals *s, ccpi_local *l);
/* The calling thread, whose l is, has none from now on. */
void ccpi_local_drop(ccpi_local *l);
/* Nobody's from now on: the object is about to end. */
void ccpi_local_forget(ccpi_local *l);

/* What the calling thread has looked up last. */
typedef struct ccpi_local_cache {
    uint64_t serial; /* 0: nothing */
    ccpi_local *local;
} ccpi_local_cache;

#ifdef CCPI_TSAN
ccpi_local_cache *ccpi_local_cached(void); /* for the explorer, whose threads are its own */
#else
extern _Thread_local ccpi_local_cache ccpi_local_last;
CCPI_INLINE ccpi_local_cache *ccpi_local_cached(void)
{
    return &ccpi_local_last;
}
#endif

/* As ccpi_local_find(), if it is what was looked up last; otherwise NULL. */
CCPI_INLINE ccpi_local *ccpi_local_again(const ccpi_locals *s)
{
    const ccpi_local_cache *c = ccpi_local_cached();
    if (CCPI_UNLIKELY(c->serial != s->serial))
        return NULL;
    ccpi_local *l = c->local;
    l ? (void)0 : __builtin_unreachable(); /* E3 */
    return l;
}

#endif
