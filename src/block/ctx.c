/* SPDX-License-Identifier: MIT
 *
 * The tree of contexts; the invariants are in ctx.h.
 */
/* uses: hook waiter wait */
#include "block/ctx.h"

#include "base/mem.h"
#include "base/track.h"
#include "block/hook.h"
#include "block/wait.h"

static ccp_status status_of(const ccp_ctx *ctx)
{
    /* [X1] acquire: pairs with the release in end_one(). */
    return (ccp_status)atomic_load_explicit(&ctx->status, CCPI_ACQ);
}

/* ---- references ---- */

static void ref(ccp_ctx *ctx)
{
    if (ctx)
        atomic_fetch_add_explicit(&ctx->refs, 1, CCPI_RLX); /* the caller has one: not 0 */
}

/* Takes ctx out of the tree, if ours is the only reference; nobody can get one after that. */
static bool leave_tree(ccp_ctx *ctx)
{
    ccp_ctx *parent = ctx->parent;
    if (!parent)
        return true; /* references come from handles and from the parent's list only */
    ccpi_lock_acquire(&parent->lock); /* our reference keeps the parent */
    /* [X4] acquire: alone with the last one, we see what the others did.  Pairs with drop(). */
    bool alone = atomic_load_explicit(&ctx->refs, CCPI_ACQ) == 1;
    if (alone && ctx->linked) {
        ccpi_list_remove(&parent->children, &ctx->sibling);
        ctx->linked = false;
    }
    ccpi_lock_release(&parent->lock);
    return alone;
}

/* Gives up a reference; true if it was the last: then ctx is the caller's, to bury. */
static bool drop(ccp_ctx *ctx)
{
    for (;;) {
        /* [X4] acquire, as in leave_tree(). */
        uint32_t refs = atomic_load_explicit(&ctx->refs, CCPI_ACQ);
        if (refs == 1 && leave_tree(ctx))
            return true;
        /* [X4] release: whoever buries it sees what we did.  Nothing of it is touched after this,
         * nor is the parent, which it may have kept alive. */
        if (refs > 1 &&
            atomic_compare_exchange_weak_explicit(&ctx->refs, &refs, refs - 1, CCPI_REL, CCPI_RLX))
            return false;
    }
}

/* Frees ctx, whose last reference was given up; gives what it referred to. */
static ccp_ctx *bury(ccp_ctx *ctx)
{
    ccp_ctx *up = ctx->values; /* the parent, if there is one (see make()) */
    if (ctx->event)
        ccpi_event_close(ctx->event);
    ccpi_free(ctx->event);
    ccpi_free(ctx);
    return up;
}

static void unref(ccp_ctx *ctx)
{
    while (ctx && drop(ctx)) /* in a loop: trees may be deep */
        ctx = bury(ctx);
}

/* ---- what a dump says ---- */

static void describe(const void *object, ccpi_text *t)
{
    const ccp_ctx *ctx = object;
    ccp_status st = status_of(ctx);
    if (st != CCP_OK)
        ccpi_text_add(t, st == CCP_CANCELED ? ", canceled" : ", its time is over");
    else if (ctx->deadline != CCPI_NEVER)
        ccpi_text_add(t, ", with a deadline");
}

/* ---- fork ---- */

static void kill(ccp_ctx *ctx)
{
    atomic_store_explicit(&ctx->status, (uint32_t)CCP_FORKED, CCPI_RLX); /* there is one thread */
    atomic_store_explicit(&ctx->users, 0, CCPI_RLX);
    ccpi_lock_renew(&ctx->lock);
    ctx->cause = NULL;
    ctx->children = ctx->waiters = (ccpi_list){ NULL, NULL };
    ctx->hooks = NULL;
    ctx->linked = false;
}

/* With all above, which may live on without a handle.  Those below that are not tracked leave no
 * list any more: they are not linked. */
static void forked(void *object)
{
    for (ccp_ctx *ctx = object; ctx && status_of(ctx) != CCP_FORKED; ctx = ctx->values)
        kill(ctx);
}

static const ccpi_kind kind = { "context", "ccp_ctx_", describe, forked };

/* ---- making and freeing ---- */

static bool join_parent(ccp_ctx *ctx, ccp_ctx *parent)
{
    ccpi_lock_acquire(&parent->lock);
    bool alive = status_of(parent) == CCP_OK;
    if (alive) {
        ctx->linked = true;
        ccpi_list_append(&parent->children, &ctx->sibling);
    } else {
        ctx->cause = parent->cause;
        atomic_store_explicit(&ctx->status, (uint32_t)status_of(parent), CCPI_RLX); /* not shared */
    }
    ccpi_lock_release(&parent->lock);
    return alive;
}

/* Every reference upwards goes through `values`: it is the parent, unless the context is detached
 * and has no parent. */
static ccp_ctx *make(ccp_ctx *parent, ccp_ctx *values, int64_t deadline)
{
    ccp_ctx *ctx = ccpi_alloc(sizeof *ctx);
    if (!ctx)
        return NULL;
    int64_t inherited = ccp_ctx_deadline(parent);
    ctx->deadline = deadline < inherited ? deadline : inherited;
    ctx->parent = parent;
    ctx->values = values;
    atomic_init(&ctx->refs, 1);
    ref(values);
    if (parent)
        join_parent(ctx, parent);
    ccpi_track(ctx, &kind, NULL);
    return ctx;
}

ccp_ctx *ccp_ctx_new(ccp_ctx *parent, ccp_wait limit)
{
    if (limit.ctx_)
        return NULL;
    ccp_ctx *ctx = make(parent, parent, ccpi_wait_deadline(limit));
    if (ctx && limit.ns_ != INT64_MAX && limit.ns_ >= 0)
        (void)ccp_ctx_status(ctx); /* a time that has passed ends it now */
    return ctx;
}

ccp_ctx *ccp_ctx_new_value(ccp_ctx *parent, const void *key, void *value)
{
    if (!key)
        return NULL;
    ccp_ctx *ctx = make(parent, parent, CCPI_NEVER);
    if (ctx) {
        ctx->key = key;
        ctx->value = value;
    }
    return ctx;
}

ccp_ctx *ccp_ctx_new_detached(ccp_ctx *parent)
{
    return make(NULL, parent, CCPI_NEVER);
}

ccp_status ccp_ctx_free(ccp_ctx *ctx)
{
    if (!ctx)
        return CCP_OK;
    /* Relaxed: who uses it at the same moment breaks the rules; this is to notice it, if we can. */
    bool busy = atomic_load_explicit(&ctx->users, CCPI_RLX) != 0;
    if (busy)
        return CCP_BUSY;
    ccpi_untrack(ctx);
    unref(ctx);
    return CCP_OK;
}

/* ---- ending ---- */

/* Moves the children that live to *work, with a reference each. */
static void take_children(ccp_ctx *ctx, ccpi_list *work)
{
    while (ctx->children.first) {
        ccpi_link *l = ctx->children.first;
        ccp_ctx *child = CCPI_CONTAINER(l, ccp_ctx, sibling);
        ccpi_list_remove(&ctx->children, l);
        child->linked = false;
        ref(child);
        ccpi_list_append(work, l); /* the link is ours: unlinked, it is nobody else's */
    }
}

/* Ends one context, if it lives: wakes its waiters, takes its children. */
static void end_one(ccp_ctx *ctx, ccp_status st, const void *cause, ccpi_list *work)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&ctx->lock);
    if (status_of(ctx) == CCP_OK) {
        ctx->cause = cause;
        /* [X1] release: the cause, and what the canceler did.  Pairs with the acquires in
         * status_of() and ccpi_ctx_check().  LP: the context ends here. */
        atomic_store_explicit(&ctx->status, (uint32_t)st, CCPI_REL);
        ccpi_ctx_use(ctx, -ccpi_queue_claim_all(&ctx->waiters, &won));
        take_children(ctx, work);
        if (ctx->event)
            ccpi_event_raise(ctx->event);
    }
    ccpi_lock_release(&ctx->lock);
    ccpi_wake_all(&won);
}

static void run_hooks(ccp_ctx *ctx)
{
    /* Relaxed: hooks that were set before it ended were counted under its lock, which we had. */
    if (atomic_load_explicit(&ctx->users, CCPI_RLX) != 0)
        ccpi_hooks_run(ctx);
}

/* Ends ctx and all below it; then runs the hooks, when everything has ended. */
static void end(ccp_ctx *ctx, ccp_status st, const void *cause)
{
    ccpi_list work = { NULL, NULL }, ended = { NULL, NULL };
    end_one(ctx, st, cause, &work);
    while (work.first) {
        ccpi_link *l = work.first;
        ccpi_list_remove(&work, l);
        end_one(CCPI_CONTAINER(l, ccp_ctx, sibling), st, cause, &work);
        ccpi_list_append(&ended, l);
    }
    run_hooks(ctx);
    while (ended.first) {
        ccpi_link *l = ended.first;
        ccp_ctx *below = CCPI_CONTAINER(l, ccp_ctx, sibling);
        ccpi_list_remove(&ended, l);
        run_hooks(below);
        unref(below);
    }
}

void ccp_ctx_cancel(ccp_ctx *ctx)
{
    ccp_ctx_cancel_cause(ctx, NULL);
}

void ccp_ctx_cancel_cause(ccp_ctx *ctx, const void *cause)
{
    if (ctx && ccpi_ctx_check(ctx) == CCP_OK) /* a deadline that has passed came first */
        end(ctx, CCP_CANCELED, cause);
}

/* Ends the highest context whose deadline has passed, and so all below it. */
static ccp_status end_late(ccp_ctx *ctx, int64_t now)
{
    if (ctx->deadline > now)
        return status_of(ctx);
    ccp_ctx *top = ctx;
    while (top->parent && top->parent->deadline <= now)
        top = top->parent;
    if (status_of(top) == CCP_OK)
        end(top, CCP_TIMEOUT, NULL);
    if (status_of(ctx) == CCP_OK)
        end(ctx, CCP_TIMEOUT, NULL); /* top had ended before, and is ending us still */
    return status_of(ctx);
}

ccp_status ccpi_ctx_check_deadline(ccp_ctx *ctx)
{
    return end_late(ctx, ccpi_clock_coarse());
}

/* ---- asking ---- */

ccp_status ccp_ctx_status(ccp_ctx *ctx)
{
    if (!ctx)
        return CCP_OK;
    ccp_status st = status_of(ctx);
    return st != CCP_OK || ctx->deadline == CCPI_NEVER ? st : end_late(ctx, ccpi_clock_now());
}

const void *ccp_ctx_cause(ccp_ctx *ctx)
{
    return ctx && status_of(ctx) != CCP_OK ? ctx->cause : NULL;
}

int64_t ccp_ctx_deadline(const ccp_ctx *ctx)
{
    return ctx ? ctx->deadline : CCPI_NEVER;
}

void *ccp_ctx_value(const ccp_ctx *ctx, const void *key)
{
    for (; ctx && key; ctx = ctx->values)
        if (ctx->key == key)
            return ctx->value;
    return NULL;
}

/* ---- waiting ---- */

bool ccpi_ctx_watch(ccp_ctx *ctx, ccpi_node *n)
{
    ccpi_lock_acquire(&ctx->lock);
    bool alive = status_of(ctx) == CCP_OK;
    if (alive) {
        ccpi_queue_add(&ctx->waiters, n);
        ccpi_ctx_use(ctx, 1);
    }
    ccpi_lock_release(&ctx->lock);
    return alive;
}

void ccpi_ctx_unwatch(ccp_ctx *ctx, ccpi_node *n)
{
    ccpi_lock_acquire(&ctx->lock);
    if (n->queued) {
        ccpi_queue_remove(&ctx->waiters, n);
        ccpi_ctx_use(ctx, -1);
    }
    ccpi_lock_release(&ctx->lock);
}

/* ---- descriptors ---- */

/* Takes *fresh, if that is open and there is none yet; gives the descriptor, or -1. */
static int event_of(ccp_ctx *ctx, ccpi_event **fresh)
{
    ccpi_lock_acquire(&ctx->lock);
    if (!ctx->event && *fresh) {
        ctx->event = *fresh;
        *fresh = NULL;
        if (status_of(ctx) != CCP_OK)
            ccpi_event_raise(ctx->event);
    }
    int fd = ctx->event ? ctx->event->fd : -1;
    ccpi_lock_release(&ctx->lock);
    return fd;
}

static ccpi_event *new_event(void)
{
    ccpi_event *e = ccpi_alloc(sizeof *e);
    if (e && !ccpi_event_open(e)) {
        ccpi_free(e);
        return NULL;
    }
    return e;
}

ccp_status ccp_ctx_fd(ccp_ctx *ctx, int *fd)
{
    if (!ctx || !fd)
        return CCP_INVAL;
    ccpi_event *none = NULL;
    if (ccp_ctx_status(ctx) == CCP_FORKED) /* notices a deadline that has passed */
        return CCP_FORKED;
    int found = event_of(ctx, &none);
    if (found < 0) {
        ccpi_event *fresh = new_event();
        found = event_of(ctx, &fresh);
        if (fresh)
            ccpi_event_close(fresh);
        ccpi_free(fresh);
    }
    if (found < 0)
        return CCP_NOMEM;
    *fd = found;
    return CCP_OK;
}
