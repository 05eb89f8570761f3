/* SPDX-License-Identifier: MIT
 *
 * Contexts, seen from inside; the public side is section 3 of ccp.h.
 *
 * Model           A tree.  Each context lives, until it ends once with a status.
 * Invariants
 *   X1  status changes once, under lock, from CCP_OK; cause is written before.
 *   X2  A context is in its parent's list of children if and only if `linked`; both change under
 *       the parent's lock.  An ended parent has no children in its list.
 *   X3  deadline <= parent's deadline.
 *   X4  refs counts the handle, if it has not been freed, one per context whose parent (or source
 *       of values) this is, and one per thread that is ending it from above.  New ones come from
 *       somebody who has one, or from the parent's list, under the parent's lock: whoever finds
 *       itself alone under that lock takes the context out of the list and frees it.
 *   X5  Nodes in `waiters` belong to threads that wait under just this context.
 *   X6  users counts the nodes in `waiters`, the hooks that are SET, and those that run.
 * Locks           A context's lock before its children's; no other lock is taken under one.
 */
#ifndef CCPI_BLOCK_CTX_H
#define CCPI_BLOCK_CTX_H
/* uses: waiter */

#include "base/event.h"
#include "base/lock.h"
#include "block/waiter.h"
#include "ccp.h"

struct ccp_ctx {
    ccpi_word32 status; /* atomic */
    ccpi_word32 refs;   /* atomic */
    int64_t deadline;   /* const after new; CCPI_NEVER if none */
    ccp_ctx *parent;    /* const after new; NULL for a root */
    ccp_ctx *values;    /* const after new: where the look-up of values goes on */
    const void *key;    /* const after new */
    void *value;        /* const after new */
    ccpi_lock lock;
    ccpi_word32 users;  /* changed under lock; see X6 */
    const void *cause;  /* under lock until status says that it ended; then const */
    ccpi_list children; /* under lock */
    ccpi_list waiters;  /* under lock */
    ccp_hook *hooks;    /* under lock */
    ccpi_event *event;  /* under lock; NULL until somebody asks; up once it has ended */
    ccpi_link sibling;  /* under the parent's lock */
    bool linked;        /* under the parent's lock */
};

/* X6, under the lock: so neither a locked instruction nor an order is needed. */
CCPI_INLINE void ccpi_ctx_use(ccp_ctx *ctx, int change)
{
    uint32_t users = atomic_load_explicit(&ctx->users, CCPI_RLX);
    atomic_store_explicit(&ctx->users, users + (uint32_t)change, CCPI_RLX);
}

/* Notices a deadline that has passed, by the coarse clock; gives the status. */
ccp_status ccpi_ctx_check_deadline(ccp_ctx *ctx);

CCPI_INLINE ccp_status ccpi_ctx_check(ccp_ctx *ctx)
{
    /* [X1] acquire: pairs with the release in end_one(). */
    ccp_status st = (ccp_status)atomic_load_explicit(&ctx->status, CCPI_ACQ);
    if (CCPI_LIKELY(st != CCP_OK || ctx->deadline == CCPI_NEVER))
        return st;
    return ccpi_ctx_check_deadline(ctx);
}

/* Queues a node; its waiter gets CCPI_ENDED when ctx ends.  False if it has ended. */
bool ccpi_ctx_watch(ccp_ctx *ctx, ccpi_node *n);

/* Takes the node out, if it still is in. */
void ccpi_ctx_unwatch(ccp_ctx *ctx, ccpi_node *n);

#endif
