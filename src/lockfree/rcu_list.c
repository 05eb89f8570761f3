/* SPDX-License-Identifier: MIT
 *
 * Lists that are read without a lock.
 *
 * Invariants
 *   L1  at_ of a node points to what points to it: first_ of its list, or next_ of the node
 *       before; NULL: it is in no list.  end_ points to the next_ of the last one, or to first_,
 *       or is NULL, which is the same.  Both, and every change, are under the lock.
 *   L2  A node that is taken out keeps its next_: who stands on it goes on.  What comes next may
 *       have been taken out later, and then is there as long as the section.
 *   L3  next_ and first_ are changed by one store each: who reads sees the list before it or after.
 */
#include "base/check.h"
#include "base/lock.h"
#include "ccp.h"

typedef _Atomic(ccp_rcu_node *) place;

static ccpi_lock *lock_of(ccp_rcu_list *l)
{
    return (ccpi_lock *)(void *)&l->lock_;
}

static place *place_at(ccp_rcu_node *const *at)
{
    return (place *)(void *)(uintptr_t)at;
}

/* [RCU8] release: the node, and what is linked behind it.  Pairs with the acquire in follow(). */
static void point(ccp_rcu_node **at, ccp_rcu_node *to)
{
    /* [RCU8] release, see above. */
    atomic_store_explicit(place_at(at), to, CCPI_REL);
}

static ccp_rcu_node *follow(ccp_rcu_node *const *at)
{
    /* [RCU8] acquire: what it points to.  Pairs with the release in point(). */
    return atomic_load_explicit(place_at(at), CCPI_ACQ);
}

ccp_status ccp_rcu_list_add(ccp_rcu_list *l, ccp_rcu_node *n)
{
    if (!l || !n)
        return CCP_INVAL;
    ccpi_lock_acquire(lock_of(l));
    bool apart = !n->at_;
    if (apart) {
        n->at_ = l->end_ ? l->end_ : &l->first_;
        point(&n->next_, NULL);
        point(n->at_, n);
        l->end_ = &n->next_;
    }
    ccpi_lock_release(lock_of(l));
    return apart ? CCP_OK : CCPI_MISUSE("ccp_rcu_list_add", "the node is in no list");
}

ccp_status ccp_rcu_list_remove(ccp_rcu_list *l, ccp_rcu_node *n)
{
    if (!l || !n)
        return CCP_INVAL;
    ccpi_lock_acquire(lock_of(l));
    bool there = n->at_ != NULL;
    if (there) {
        ccp_rcu_node *next = follow(&n->next_);
        point(n->at_, next);
        if (next)
            next->at_ = n->at_;
        else
            l->end_ = n->at_;
        n->at_ = NULL;
    }
    ccpi_lock_release(lock_of(l));
    return there ? CCP_OK : CCPI_MISUSE("ccp_rcu_list_remove", "the node is in the list");
}

ccp_rcu_node *ccp_rcu_list_first(const ccp_rcu_list *l)
{
    return l ? follow(&l->first_) : NULL;
}

ccp_rcu_node *ccp_rcu_list_next(const ccp_rcu_node *n)
{
    return n ? follow(&n->next_) : NULL;
}
