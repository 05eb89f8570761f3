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

/* The thread that runs a hook, while it does. */
typedef struct runner {
    ccpi_self *self;
    bool let_go; /* the hook's function took the hook back: do not touch it any more (H2) */
} runner;

/* H4, under the lock. */
static void link_hook(ccp_ctx *ctx, ccp_hook *h)
{
    ccpi_ctx_use(ctx, 1);
    set_state(h, SET);
    h->prev_ = NULL;
    h->next_ = ctx->hooks;
    if (h->next_)
        h->next_->prev_ = h;
    ctx->hooks = h;
}

static void unlink_hook(ccp_ctx *ctx, ccp_hook *h)
{
    ccpi_ctx_use(ctx, -1);
    if (h->prev_)
        h->prev_->next_ = h->next_;
    else
        ctx->hooks = h->next_;
    if (h->next_)
        h->next_->prev_ = h->prev_;
}

/* Under the lock: h is to be run by r. */
static void start(ccp_ctx *ctx, ccp_hook *h, runner *r)
{
    *r = (runner){ .self = ccpi_self_get(), .let_go = false };
    ccpi_ctx_use(ctx, 1);
    h->runner_ = r;
    set_state(h, RUNNING);
}

/* Started: runs the function, then tells whoever waits for its end. */
static void run(ccp_ctx *ctx, ccp_hook *h, const runner *r)
{
    h->fn_(h->arg_);
    ccpi_waiter *waiter = NULL;
    ccpi_lock_acquire(&ctx->lock);
    if (!r->let_go) {
        waiter = h->waiter_;
        if (waiter && !ccpi_waiter_claim(waiter, 1))
            waiter = NULL;
        set_state(h, DONE); /* H2 */
    }
    ccpi_ctx_use(ctx, -1);
    ccpi_lock_release(&ctx->lock);
    if (waiter)
        ccpi_waiter_wake(waiter);
}

void ccpi_hooks_run(ccp_ctx *ctx)
{
    for (;;) {
        runner r;
        ccpi_lock_acquire(&ctx->lock);
        ccp_hook *h = ctx->hooks;
        if (h) {
            unlink_hook(ctx, h);
            start(ctx, h, &r);
        }
        ccpi_lock_release(&ctx->lock);
        if (!h)
            return;
        run(ctx, h, &r);
    }
}

static bool is_dead(const ccp_ctx *ctx)
{
    /* Relaxed: it was so before there was a second thread in this process. */
    return atomic_load_explicit(&ctx->status, CCPI_RLX) == (uint32_t)CCP_FORKED;
}

ccp_status ccp_ctx_hook(ccp_ctx *ctx, ccp_hook *h, void (*fn)(void *arg), void *arg)
{
    if (!ctx || !h || !fn)
        return CCP_INVAL;
    if (is_dead(ctx))
        return CCP_FORKED;
    uint32_t state = state_of(h);
    if (state == SET || state == RUNNING)
        return CCP_BUSY;
    h->ctx_ = ctx;
    h->fn_ = fn;
    h->arg_ = arg;
    h->waiter_ = NULL;
    (void)ccp_ctx_status(ctx); /* notices a deadline that has passed */
    runner r;
    ccpi_lock_acquire(&ctx->lock);
    /* Relaxed: status changes under the lock, which is held. */
    bool alive = atomic_load_explicit(&ctx->status, CCPI_RLX) == (uint32_t)CCP_OK;
    if (alive)
        link_hook(ctx, h);
    else
        start(ctx, h, &r);
    ccpi_lock_release(&ctx->lock);
    if (!alive)
        run(ctx, h, &r);
    return CCP_OK;
}

/* What ccp_ctx_unhook() found. */
typedef enum found { TOOK_BACK, RAN, RUNS_HERE, RUNS_ELSEWHERE } found;

/* Takes back a hook that is SET or runs in this thread; lets `waiter` wait for another's. */
static found take_back(ccp_ctx *ctx, ccp_hook *h, ccpi_waiter *waiter)
{
    found f = RAN;
    ccpi_lock_acquire(&ctx->lock);
    uint32_t state = state_of(h);
    if (state == SET) {
        unlink_hook(ctx, h);
        set_state(h, IDLE);
        f = TOOK_BACK;
    } else if (state == RUNNING) {
        runner *r = h->runner_;
        f = r->self == ccpi_self_get() ? RUNS_HERE : RUNS_ELSEWHERE;
        if (f == RUNS_HERE) {
            r->let_go = true;
            set_state(h, IDLE);
        } else {
            h->waiter_ = waiter;
        }
    }
    ccpi_lock_release(&ctx->lock);
    return f;
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

/* Waits for the function to end in another thread. */
static ccp_status wait_for(ccp_ctx *ctx, ccp_hook *h, ccpi_waiter *waiter, ccp_wait w)
{
    uint32_t verdict = ccpi_wait_sleep(w, waiter, ccpi_wait_deadline(w));
    if (verdict == 1 || !still_running(ctx, h))
        return CCP_CLOSED;
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
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
    if (is_dead(ctx))
        return CCP_FORKED;
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_ctx_unhook", ctx);
    switch (take_back(ctx, h, ccpi_wait_not_at_all(w) ? NULL : &waiter)) {
    case TOOK_BACK:
        return CCP_OK;
    case RUNS_ELSEWHERE:
        return ccpi_wait_not_at_all(w) ? CCP_AGAIN : wait_for(ctx, h, &waiter, w);
    case RAN:
    case RUNS_HERE:
        break;
    }
    return CCP_CLOSED;
}
