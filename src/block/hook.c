/* SPDX-License-Identifier: MIT
 *
 * Hooks: functions that run when a context ends; the invariants are in hook.h.
 */
/* uses: ctx wait */
#include "block/hook.h"

#include "base/check.h"
#include "block/wait.h"

enum { IDLE, SET, RUNNING, DONE };

static uint32_t state_of(ccp_hook *h)
{
    /* [H1] acquire: pairs with the release in set_state(). */
    return atomic_load_explicit(ccpi_atomic32(&h->state_), CCPI_ACQ);
}

static void set_state(ccp_hook *h, uint32_t state)
{
    /* [H1] release: what the function did is seen by whoever sees DONE.  Pairs with state_of(). */
    atomic_store_explicit(ccpi_atomic32(&h->state_), state, CCPI_REL);
}

static void start(ccp_hook *h)
{
    h->runner_ = ccpi_self_get();
    set_state(h, RUNNING);
}

void ccpi_hooks_take(ccp_ctx *ctx, ccp_hook **list)
{
    while (ctx->hooks) {
        ccp_hook *h = ctx->hooks;
        ctx->hooks = h->next_;
        ctx->running++;
        start(h);
        h->next_ = *list;
        *list = h;
    }
}

static void finish(ccp_hook *h)
{
    ccp_ctx *ctx = h->ctx_;
    ccpi_lock_acquire(&ctx->lock);
    ctx->running--;
    ccpi_waiter *waiter = h->waiter_;
    bool won = waiter && ccpi_waiter_claim(waiter, 1);
    set_state(h, DONE); /* H2 */
    ccpi_lock_release(&ctx->lock);
    if (won)
        ccpi_waiter_wake(waiter);
}

void ccpi_hooks_run(ccp_hook *list)
{
    for (ccp_hook *h = list, *next; h; h = next) {
        next = h->next_; /* H2: it may be gone afterwards */
        h->fn_(h->arg_);
        finish(h);
    }
}

static void link_hook(ccp_ctx *ctx, ccp_hook *h)
{
    h->prev_ = NULL;
    h->next_ = ctx->hooks;
    if (h->next_)
        h->next_->prev_ = h;
    ctx->hooks = h;
}

static void unlink_hook(ccp_ctx *ctx, ccp_hook *h)
{
    if (h->prev_)
        h->prev_->next_ = h->next_;
    else
        ctx->hooks = h->next_;
    if (h->next_)
        h->next_->prev_ = h->prev_;
}

ccp_status ccp_ctx_hook(ccp_ctx *ctx, ccp_hook *h, void (*fn)(void *arg), void *arg)
{
    if (!ctx || !h || !fn)
        return CCP_INVAL;
    uint32_t state = state_of(h);
    if (state == SET || state == RUNNING)
        return CCP_BUSY;
    h->ctx_ = ctx;
    h->fn_ = fn;
    h->arg_ = arg;
    h->waiter_ = NULL;
    h->next_ = NULL;
    (void)ccp_ctx_status(ctx); /* notices a deadline that has passed */
    ccpi_lock_acquire(&ctx->lock);
    /* Relaxed: status changes under the lock, which is held. */
    bool alive = atomic_load_explicit(&ctx->status, CCPI_RLX) == (uint32_t)CCP_OK;
    if (alive) {
        link_hook(ctx, h);
        set_state(h, SET);
    } else {
        ctx->running++;
        start(h);
    }
    ccpi_lock_release(&ctx->lock);
    if (!alive)
        ccpi_hooks_run(h);
    return CCP_OK;
}

/* Takes back a hook that is SET; or says that it runs, and for whom to wait. */
static uint32_t take_back(ccp_ctx *ctx, ccp_hook *h, ccpi_waiter *waiter)
{
    ccpi_lock_acquire(&ctx->lock);
    uint32_t state = state_of(h);
    if (state == SET) {
        unlink_hook(ctx, h);
        set_state(h, IDLE);
    } else if (state == RUNNING && h->runner_ != ccpi_self_get()) {
        h->waiter_ = waiter;
    }
    ccpi_lock_release(&ctx->lock);
    return state;
}

/* The wait ended; is the function still running?  Afterwards no runner knows the waiter. */
static bool still_running(ccp_ctx *ctx, ccp_hook *h)
{
    ccpi_lock_acquire(&ctx->lock);
    h->waiter_ = NULL;
    bool running = state_of(h) == RUNNING;
    ccpi_lock_release(&ctx->lock);
    return running;
}

ccp_status ccp_ctx_unhook(ccp_hook *h, ccp_wait w)
{
    if (!h || state_of(h) == IDLE)
        return CCPI_MISUSE("ccp_ctx_unhook", "the hook was never set");
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (state_of(h) == DONE)
        return CCP_CLOSED;
    ccp_ctx *ctx = h->ctx_;
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter);
    uint32_t state = take_back(ctx, h, ccpi_wait_not_at_all(w) ? NULL : &waiter);
    if (state == SET)
        return CCP_OK;
    if (state == DONE || h->runner_ == ccpi_self_get())
        return CCP_CLOSED;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, ccpi_wait_deadline(w));
    if (verdict == 1 || !still_running(ctx, h))
        return CCP_CLOSED;
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}
