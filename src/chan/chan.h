/* SPDX-License-Identifier: MIT
 *
 * The channel's structure, shared by the files of chan/.
 *
 * Model           A queue of at most `capacity` elements, and a flag "closed" that is never
 *                 taken back.
 * Flavors         RING   capacity >= 1: a ring of stamped slots             [ring.h]
 *                 COUNT  elements that carry nothing: one word              [count.h]
 *                 MEET   capacity 0: from one thread's hands to another's   [meet.c]
 *                 TIMER  elements computed when received                    [timer.c]
 *                 DEAD   was the parent's of this process                   [life.c]
 * Waiting         Two sides, receivers and senders, each with a crowd word and a queue of those who
 *                 are parked                                                [crowd.h]
 * Locks           `lock` protects the two queues; several channels are locked in the order of their
 *                 ids (select only).
 */
#ifndef CCPI_CHAN_CHAN_H
#define CCPI_CHAN_CHAN_H

#include "base/list.h"
#include "base/lock.h"
#include "block/spin.h"
#include "ccp.h"

typedef enum ccpi_flavor { CCPI_RING, CCPI_COUNT, CCPI_MEET, CCPI_TIMER, CCPI_DEAD } ccpi_flavor;
typedef enum ccpi_side { CCPI_RECEIVERS = 0, CCPI_SENDERS = 1 } ccpi_side;

CCPI_INLINE ccpi_side ccpi_other(ccpi_side s)
{
    return (ccpi_side)(1 - (int)s);
}

/* The call by which a thread waits on that side. */
CCPI_INLINE const char *ccpi_side_call(ccpi_side s)
{
    return s == CCPI_SENDERS ? "ccp_chan_send" : "ccp_chan_recv";
}

/* What one side has waited so far.  Of each wait the time of its beginning has been taken away, and
 * that of its end added: so while n wait, n times the present is missing. */
typedef struct ccpi_parked_stats {
    uint64_t count;   /* times that a thread parked */
    uint64_t all_ns;  /* that they were parked */
    uint64_t some_ns; /* in which at least one was */
} ccpi_parked_stats;

struct ccp_chan {
    /* --- const after new, but for `closed`; and see forked() in life.c --- */
    _Alignas(CCPI_LINE) ccpi_flavor flavor;
    bool words;         /* RING, with elements of 8 bytes: the fastest path */
    ccpi_word32 closed; /* atomic: a hint for RING and COUNT, whose truth is in tail */
    size_t elem_size;
    size_t capacity;
    size_t stride; /* bytes from slot to slot */
    uint64_t mark; /* RING, MEET: the closed bit of tail; the index is below it */
    uint64_t lap;  /* what a position grows by per round */
    size_t origin; /* of the slots, in bytes from here: see base/position.h */

    /* --- senders --- */
    _Alignas(CCPI_LINE) ccpi_word64 tail; /* RING: next position to send at; COUNT: see count.h */
    ccpi_word64 high_water;               /* most elements seen; hint that only grows */
    ccpi_word64 look; /* 2^k - 1: of so many + 1 sends one looks at the high water (R6 in ring.h) */

    /* --- receivers --- */
    _Alignas(CCPI_LINE) ccpi_word64 head; /* RING: next position to receive at */

    /* --- who waits --- */
    _Alignas(CCPI_LINE) ccpi_word64 crowd[2]; /* atomic, see crowd.h */
    void (*drop)(void *elem, void *arg);      /* const after new; here there is room, as the next */
    void *drop_arg;

    /* --- slow paths --- */
    _Alignas(CCPI_LINE) ccpi_lock lock;
    uint32_t pops;                         /* under lock: wakes so far */
    ccpi_list parked[2];                   /* under lock */
    ccpi_word32 senders;                   /* atomic: counted senders that are not done */
    bool own_memory;                       /* const after new */
    uint64_t id;                           /* for the order of locks */
    int64_t period;                        /* TIMER: under lock; 0 for one element only */
    const char *name;                      /* const after new */
    _Atomic(struct ccpi_poll *) poll;      /* under lock: its descriptors; see poll.h */
    ccpi_parked_stats waits[2];            /* under lock, see crowd.h */
    _Alignas(CCPI_LINE) ccpi_pace pace[2]; /* hints */
};

CCPI_INLINE bool ccpi_chan_closed(const ccp_chan *c)
{
    /* [C1] seq_cst: a close that returned is seen, and what the closer did.  Pairs with the
     * exchange in ccpi_crowd_release_all(). */
    return atomic_load_explicit(&c->closed, CCPI_SC) != 0;
}

#endif
