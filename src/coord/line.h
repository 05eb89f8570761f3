/* SPDX-License-Identifier: MIT
 *
 * A line: where threads stand that wait for a semaphore, a mutex, a reader-writer lock or a once.
 * Each of these has a ccp_line_ (ccp.h): a word that says all about its state, and the queue.
 *
 * Invariants
 *   I1  A node is in the queue only while its thread is inside the call that waits.
 *   I2  Whoever claims a waiter wakes it after the lock was released: so the object lives until
 *       then, whatever the others do.
 * Locks           `lock_` protects the queue; nothing else is locked under it.
 */
#ifndef CCPI_COORD_LINE_H
#define CCPI_COORD_LINE_H

#include "base/list.h"
#include "base/lock.h"
#include "block/waiter.h"

_Static_assert(sizeof(ccpi_lock) == sizeof(uint32_t), "a lock must fit into lock_");
_Static_assert(sizeof(ccpi_list) == 2 * sizeof(void *), "a list must fit into first_ and last_");

CCPI_INLINE ccpi_word64 *ccpi_line_word(ccp_line_ *l)
{
    return ccpi_atomic64(&l->state_);
}
CCPI_INLINE ccpi_lock *ccpi_line_lock(ccp_line_ *l)
{
    return (ccpi_lock *)(void *)&l->lock_;
}
CCPI_INLINE ccpi_list *ccpi_line_queue(ccp_line_ *l)
{
    return (ccpi_list *)(void *)&l->first_;
}

/* One thread in a line.  node.result says how it was served. */
typedef struct ccpi_stander {
    ccpi_node node;
    ccpi_waiter waiter;
} ccpi_stander;

CCPI_INLINE void ccpi_stander_init(ccpi_stander *s, const char *call, const ccp_line_ *l)
{
    ccpi_waiter_init(&s->waiter, call, l);
    ccpi_node_init(&s->node, &s->waiter, 0, NULL);
}

/* Under the lock: takes out the first whose verdict it wins; NULL if there is none.  The caller
 * sets its result, releases the lock, and wakes it. */
ccpi_node *ccpi_line_pop(ccp_line_ *l);

/* Under the lock: takes a node out, if it still is in; true if it was. */
bool ccpi_line_remove(ccp_line_ *l, ccpi_stander *s);

/* What to return after a sleep that ended in any verdict but 1. */
ccp_status ccpi_line_failed(ccp_wait w, uint32_t verdict);

/* How a thread waits before it stands in the line, or sleeps until a future is settled: pauses,
 * then yields. */
typedef struct ccpi_brief {
    uint32_t most; /* pauses */
    uint32_t pauses, yields;
    uint32_t shared; /* yields that let somebody else run */
} ccpi_brief;

/* Some pauses, or a yield; false: stand in the line now. */
bool ccpi_brief_once(ccpi_brief *b);

#endif
