/* SPDX-License-Identifier: MIT
 *
 * A small lock for short critical sections: one word, all zero is unlocked.
 *
 * Lock order: a context before its children; channels by ascending id; a channel or context before
 * nothing else.  No callback runs and no thread sleeps for something else under one.
 */
#ifndef CCPI_BASE_LOCK_H
#define CCPI_BASE_LOCK_H

#include "base/atomic.h"

typedef struct ccpi_lock {
    ccpi_word32 word; /* 0 free, 1 held, 2 held and somebody may sleep on it */
} ccpi_lock;

void ccpi_lock_acquire(ccpi_lock *l);
void ccpi_lock_release(ccpi_lock *l);

/* In the child of a fork: nobody has it, and nobody waits for it. */
CCPI_INLINE void ccpi_lock_renew(ccpi_lock *l)
{
    atomic_store_explicit(&l->word, 0, CCPI_RLX); /* there is no other thread */
}

#endif
