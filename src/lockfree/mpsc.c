/* SPDX-License-Identifier: MIT
 *
 * The queue of any number of producers and one consumer, whose nodes are the program's.
 *
 * Representation  A list from the oldest node to the newest.  `last_` is where the next one is put
 *                 behind, `first_` the one to be taken next.  A stub stands in the list when there
 *                 is nothing else, so that neither is ever without a node; NULL stands for it, so
 *                 that a queue of zeros is an empty one.
 * Invariants
 *   MC1  A push makes its node the last one by an exchange, which also says behind which one it
 *        stands, and then links it there.  Between these two the list is cut: what comes after
 *        cannot be reached, and pop says CCP_BUSY.
 *   MC2  A node is taken out only when another one is linked behind it: so the push that will link
 *        there has done so, and nobody writes to the node any more.
 *   MC3  The stub is in the list once: it is put in again only behind the last node, when the
 *        consumer wants to take that.
 *   MC4  The queue is empty if and only if the stub is the last node, and the next one to be taken.
 * Threads         last_ is everybody's, first_ the consumer's.
 * Progress        Wait-free.
 */
#include "ccp.h"

#include "base/atomic.h"

typedef _Atomic(ccp_mpsc_node *) link;

static link *link_at(ccp_mpsc_node **p)
{
    return (link *)(void *)p;
}

static void append(ccp_mpsc *q, ccp_mpsc_node *node)
{
    /* Relaxed: the exchange publishes it to who links another one behind it. */
    atomic_store_explicit(link_at(&node->next_), NULL, CCPI_RLX);
    /* [MS2] seq_cst: the NULL comes before the link that another push will store there; and a pop
     * that finds nothing is ordered with it.  Pairs with itself and is_last().  LP. */
    ccp_mpsc_node *before = atomic_exchange_explicit(link_at(&q->last_), node, CCPI_SC);
    if (!before)
        before = &q->stub_;
    /* [MS1] release: what the producer did to the node's struct.  Pairs with follower(). */
    atomic_store_explicit(link_at(&before->next_), node, CCPI_REL);
}

static ccp_mpsc_node *follower(ccp_mpsc_node *node)
{
    /* [MS1] acquire: what the producer did to the struct of the node that is found. */
    return atomic_load_explicit(link_at(&node->next_), CCPI_ACQ);
}

static bool is_last(ccp_mpsc *q, const ccp_mpsc_node *node)
{
    /* [MS2] seq_cst: a push that ended before this call began is seen.  LP(empty). */
    const ccp_mpsc_node *last = atomic_load_explicit(link_at(&q->last_), CCPI_SC);
    return last == node || !last; /* NULL is the stub, which is then the only node */
}

ccp_status ccp_mpsc_push(ccp_mpsc *q, ccp_mpsc_node *node)
{
    if (CCPI_UNLIKELY(!q || !node))
        return CCP_INVAL;
    append(q, node);
    return CCP_OK;
}

ccp_status ccp_mpsc_pop(ccp_mpsc *q, ccp_mpsc_node **node)
{
    if (CCPI_UNLIKELY(!q || !node))
        return CCP_INVAL;
    ccp_mpsc_node *first = q->first_ ? q->first_ : &q->stub_;
    ccp_mpsc_node *second = follower(first);
    if (first == &q->stub_) {
        if (!second)
            return is_last(q, first) ? CCP_AGAIN : CCP_BUSY; /* MC4 MC1 */
        q->first_ = first = second;
        second = follower(first);
    }
    if (!second) {
        if (!is_last(q, first))
            return CCP_BUSY; /* MC1 */
        append(q, &q->stub_); /* MC3 */
        second = follower(first);
        if (!second)
            return CCP_BUSY; /* a push was quicker than the stub, and is in the middle */
    }
    q->first_ = second; /* MC2 */
    *node = first;
    return CCP_OK;
}
