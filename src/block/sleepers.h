/* SPDX-License-Identifier: MIT
 *
 * Who sleeps in the library, and for what.  Kept while objects are tracked (base/track.h).
 *
 *   S1  A record is in the list of its shard from before its thread parks until after it has woken.
 *       In between the thread does nothing but give up its own wait.
 *   S2  A record lives on the stack of its thread, as the waiter does that it points to, and is
 *       read under the lock of its shard only.
 *   S3  No two sleeps have the same serial.
 *   S4  What a sleeper waits for is there while its record is: the thread is inside a call on it.
 *   S5  In the child of a fork nobody sleeps: the one thread that is there has called fork().
 * Locks           Of a shard: nothing else is locked under it.
 */
#ifndef CCPI_BLOCK_SLEEPERS_H
#define CCPI_BLOCK_SLEEPERS_H
/* uses: waiter */

#include "block/waiter.h"

typedef struct ccpi_sleeper {
    ccpi_link link;           /* under the lock of its shard */
    ccpi_waiter *waiter;      /* const while it is in the list, as the following */
    uint64_t serial;
    uint64_t thread;          /* by the number that the system has for it */
    const void *pool;         /* of which it is a worker; NULL: of none */
    int64_t since, deadline;
    ccpi_place place;
    bool firm;                /* const: nobody shall end it */
    bool ended;               /* under the lock: by ccpi_sleepers_end() */
} ccpi_sleeper;

/* To be called before objects are tracked, first of all; false: no memory. */
bool ccpi_sleepers_on(void);

void ccpi_sleepers_enter(ccpi_sleeper *s, ccpi_waiter *w, int64_t deadline);

/* True if the wait was ended by ccpi_sleepers_end(). */
bool ccpi_sleepers_leave(ccpi_sleeper *s);

#define CCPI_SLEEP_CASES 6

/* One of several things that a sleeper waits for. */
typedef struct ccpi_sleep_case {
    const void *object; /* NULL: a descriptor */
    const char *call;   /* "ccp_chan_recv": what it would do */
    int fd;
    short events;
} ccpi_sleep_case;

/* A copy of a record and of what it points to. */
typedef struct ccpi_sleep {
    uint64_t serial, thread;
    const void *pool;
    int64_t since, deadline;
    const char *call;       /* never NULL */
    const void *object;     /* NULL: see the cases; or it waits for nothing but time */
    const void *ctx;        /* that can end the wait; NULL: none */
    const char *file;       /* where the call was made; NULL: not known */
    int line;
    bool awake;             /* somebody has ended the wait: the thread is about to go on */
    bool outside;           /* descriptors can end it */
    bool firm;              /* part of a call that must not fail: nobody shall end it */
    uint32_t cases;         /* how many there are; the first few are in `of` */
    ccpi_sleep_case of[CCPI_SLEEP_CASES];
} ccpi_sleep;

/* Copies up to max records, in the order of their serials; gives how many there are. */
size_t ccpi_sleepers_copy(ccpi_sleep *out, size_t max);

/* Looks again: does this sleep go on, and has nobody ended it? */
bool ccpi_sleepers_still(const ccpi_sleep *s);

/* Ends the call that sleeps with CCP_DEADLOCK, if it still does; true if so. */
bool ccpi_sleepers_end(const ccpi_sleep *s);

#endif
