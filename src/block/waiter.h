/* SPDX-License-Identifier: MIT
 *
 * A waiter is one thread that waits for the first of several things.
 *
 * Model           A thread puts one node per thing into that thing's queue, then sleeps.
 *                 Whoever can serve it claims the waiter's verdict; the first claim wins; the
 *                 winner wakes.
 * Invariants
 *   V1  verdict changes once per sleep, from CCPI_WAITING, by compare-and-swap.
 *   V2  A token is posted to the parker if and only if another thread won the verdict: the waiter
 *       that lost it to another sleeps until the token is there, and takes it.
 *   V3  A waiter and its nodes live on the stack of the thread that waits.  Another thread may
 *       touch a node only under its queue's lock while it is queued, or between winning the
 *       verdict and posting the token; the post is its last access.
 *   V4  A node is in its queue if and only if `queued`; both change under the queue's lock.
 *   V5  A waiter with descriptors sleeps in poll(), for these and for an event of its own, and not
 *       on its parker; who wins the verdict raises the event before it posts the token.  So once
 *       that is taken nobody will touch the event any more, and it is up if and only if another
 *       has won: then the waiter lowers it.
 */
#ifndef CCPI_BLOCK_WAITER_H
#define CCPI_BLOCK_WAITER_H

#include "base/list.h"
#include "base/machine.h"
#include "base/park.h"
#include "ccp.h"

/* Verdicts.  From 1 on: served by the node whose index is one less. */
#define CCPI_WAITING 0u
#define CCPI_ENDED (UINT32_MAX - 1) /* the context ended */
#define CCPI_GAVE_UP UINT32_MAX /* the waiter's own: time ran out, or there is no need to wait; or
                                 * a watch has ended the call (sleepers.h) */

typedef struct ccpi_waiter {
    ccpi_parker *parker;   /* const after init */
    ccpi_word32 verdict;   /* atomic */
    uint32_t cases;        /* const while it sleeps, as the following */
    const char *call;      /* that waits: "ccp_chan_send"; never NULL */
    const void *object;    /* what it waits for: with cases > 0 an array of so many ccp_case */
    const ccp_ctx *ctx;    /* that it watches; NULL: none */
    struct ccpi_fds *fds;  /* descriptors that it waits for, too (V5); NULL: none */
} ccpi_waiter;

typedef struct ccpi_node {
    ccpi_link link;      /* under the queue's lock; the winner's after the verdict */
    ccpi_waiter *waiter; /* const after init */
    void *elem;          /* const after init: where a partner copies from or to */
    uint64_t woken;      /* ticks at the wake: written by the winner */
    uint32_t index;      /* const after init */
    bool queued;         /* under the queue's lock */
    ccp_status result;   /* written by the winner */
} ccpi_node;

CCPI_INLINE void ccpi_waiter_init(ccpi_waiter *w, const char *call, const void *object)
{
    w->parker = &ccpi_self_get()->parker;
    atomic_init(&w->verdict, CCPI_WAITING);
    w->cases = 0;
    w->call = call;
    w->object = object;
    w->ctx = NULL;
    w->fds = NULL;
}

CCPI_INLINE void ccpi_node_init(ccpi_node *n, ccpi_waiter *w, uint32_t index, void *elem)
{
    n->waiter = w;
    n->elem = elem;
    n->woken = 0;
    n->index = index;
    n->queued = false;
    n->result = CCP_OK;
}

/* Tries to be the one that decides.  The winner, unless it is the waiter, must call
 * ccpi_waiter_wake(). */
CCPI_INLINE bool ccpi_waiter_claim(ccpi_waiter *w, uint32_t verdict)
{
    uint32_t waiting = CCPI_WAITING;
    /* Relaxed: the token's post and take order what the winner wrote (K1). */
    return atomic_compare_exchange_strong_explicit(&w->verdict, &waiting, verdict, CCPI_RLX,
                                                   CCPI_RLX);
}

/* V5: of a waiter with descriptors. */
void ccpi_waiter_raise(const ccpi_waiter *w);

/* Posts the token: true if the waiter sleeps on the word of its parker, which is then to be woken.
 * It may be gone when this returns. */
CCPI_INLINE bool ccpi_waiter_post(const ccpi_waiter *w)
{
    if (CCPI_UNLIKELY(w->fds != NULL))
        ccpi_waiter_raise(w);
    return ccpi_park_post(w->parker);
}

/* Wakes the waiter; it may be gone when this returns.  True if it was asleep: that was dear. */
bool ccpi_waiter_wake(ccpi_waiter *w);

/* Sleeps until the verdict or the deadline; gives the verdict. */
uint32_t ccpi_waiter_sleep(ccpi_waiter *w, int64_t deadline);

/* Ends the wait without sleeping, if nobody has decided yet; gives the verdict. */
uint32_t ccpi_waiter_give_up(ccpi_waiter *w);

/* Under the queue's lock. */
CCPI_INLINE void ccpi_queue_add(ccpi_list *q, ccpi_node *n)
{
    n->queued = true;
    ccpi_list_append(q, &n->link);
}
CCPI_INLINE void ccpi_queue_add_first(ccpi_list *q, ccpi_node *n)
{
    n->queued = true;
    ccpi_list_prepend(q, &n->link);
}
CCPI_INLINE void ccpi_queue_remove(ccpi_list *q, ccpi_node *n)
{
    n->queued = false;
    ccpi_list_remove(q, &n->link);
}
#define CCPI_NODE(ptr) CCPI_CONTAINER(ptr, ccpi_node, link)

/* Under the queue's lock: takes every node out; those whose verdicts it wins (index + 1) move to
 * *won, for ccpi_wake_all() after the lock.  Gives the number of nodes taken out. */
int ccpi_queue_claim_all(ccpi_list *q, ccpi_list *won);

/* Wakes every waiter of a private list of nodes whose verdicts were won. */
void ccpi_wake_all(ccpi_list *won);

#endif
