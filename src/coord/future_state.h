/* SPDX-License-Identifier: MIT
 *
 * The block of a future and its promise: for future.c alone, where the invariants are.
 *
 * Representation  `state`:
 *
 *      31            16 15   8   7   6   5   4   3   2   1   0
 *     +----------------+------+---+---+---+---+---+---+---+---+
 *     |     error      |  0   | R | D | S | C | T | L | E | V |
 *     +----------------+------+---+---+---+---+---+---+---+---+
 *   V      settled with the value that stands in `value`.
 *   E      settled with `error`, without a value.
 *   L      somebody waits or listens: whoever settles looks under the lock.
 *   T      the value has been copied out: it is not for the drop function any more.
 *   C      with E: the future was canceled.
 *   S      has a function that nobody has begun to call: of a lazy future, or of a call that stands
 *          in a queue.  Who clears it calls the function.
 *   D      with E and C: it was the parent's of this process.
 *   R      somebody was told of the value or the error, while objects were tracked.
 *
 *                 `refs`: handles of the future, and PROMISE while that is not given up.
 */
#ifndef CCPI_COORD_FUTURE_STATE_H
#define CCPI_COORD_FUTURE_STATE_H
/* uses: future */

#include "base/lock.h"
#include "base/machine.h"
#include "coord/future.h"

#define VALUE 1u
#define ERROR 2u
#define SETTLED (VALUE | ERROR)
#define LISTENED 4u
#define TAKEN 8u
#define CANCELED 16u
#define UNSTARTED 32u
#define DEAD 64u
#define READ 128u
#define ERROR_SHIFT 16

#define PROMISE ((uint32_t)1 << 31)
#define MOST_HANDLES (PROMISE - 1)

struct ccp_future {
    ccpi_word32 state;           /* atomic, see above */
    ccpi_word32 refs;            /* atomic, see above */
    ccpi_lock lock;
    ccpi_list waiters;           /* under lock */
    ccpi_list listeners;         /* under lock */
    ccp_chan *done;              /* under lock; NULL until somebody asks for it */
    ccp_ctx *ctx;                /* const after new: the producer's; NULL: none */
    ccpi_maker *maker;           /* under lock; NULL: none, or not any more */
    bool cares;                  /* const after new, see forked(): there is a ctx, or was a maker */
    ccp_call fn;                 /* const after new: of a call; NULL: none */
    void *arg;                   /* const after new */
    const void *home;            /* const after new: the pool in whose queue it is; NULL: lazy */
    _Atomic(ccpi_self *) runner; /* atomic: who calls fn, while it does */
    void (*drop)(void *value, void *arg);
    void *drop_arg;
    size_t size;                 /* const after new */
    _Alignas(max_align_t) unsigned char value[];
};

#endif
