/* SPDX-License-Identifier: MIT
 *
 * Which thread has locked what, or has taken permits: kept while objects are tracked, for who asks
 * why another one waits.  It decides nothing.
 *
 *   O1  A record is made after a thread has taken, and is changed before it gives back: so there is
 *       none of a thread that does not hold, unless it gave the memory away while it held (M5 of
 *       ccp.h), and none of a thread that is between the two.
 *   O2  Who gives back what another thread has taken gives back that one's.
 *   O3  Whether objects are tracked is asked before the change of the word by which a thread takes:
 *       a load between two locked instructions holds up the second (6 % of an uncontended mutex).
 *       What is taken while tracking begins may so have no record.
 *   O4  In the child of a fork the thread that has called fork() holds what it held, by its new
 *       number; and what other threads held is held by nobody who is there.
 * Locks           Of a shard: nothing else is locked under it.
 */
#ifndef CCPI_COORD_HOLDERS_H
#define CCPI_COORD_HOLDERS_H

#include "base/track.h"

typedef struct ccpi_holder {
    const void *object;
    const char *call; /* by which it was taken */
    uint64_t thread;  /* as ccpi_thread_id() */
    int64_t since;
    uint32_t n;       /* permits; 1 for what is locked */
    bool alone;       /* nobody else can hold it at the same time */
} ccpi_holder;

void ccpi_hold_slow(const void *object, const char *call, uint32_t n, bool alone);
void ccpi_unhold_slow(const void *object, uint32_t n);

CCPI_INLINE void ccpi_hold(const void *object, const char *call, uint32_t n, bool alone)
{
    if (ccpi_tracks())
        ccpi_hold_slow(object, call, n, alone);
}

CCPI_INLINE void ccpi_unhold(const void *object, uint32_t n)
{
    if (ccpi_tracks())
        ccpi_unhold_slow(object, n);
}

/* Copies up to max records; gives how many there are. */
size_t ccpi_holders_copy(ccpi_holder *out, size_t max);

/* To be called before objects are tracked, after ccpi_sleepers_on(): since then the system knows of
 * all that look after forks. */
void ccpi_holders_on(void);

/* Tracking has ended: forgets all. */
void ccpi_holders_clear(void);

#endif
