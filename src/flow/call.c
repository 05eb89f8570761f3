/* SPDX-License-Identifier: MIT
 *
 * Functions that run on a pool and settle a future: by themselves, or when another is settled.
 */
/* uses: pool */
#include "flow/call.h"

#include "block/wait.h"
#include "coord/combine.h"
#include "flow/pool.h"

static ccp_status run_call(ccp_ctx *ctx, void *future)
{
    return ccpi_future_run(future, ctx);
}

static ccp_status run_then(ccp_ctx *ctx, void *then)
{
    (void)ctx;
    ccpi_then_run(then);
    return CCP_OK;
}

bool ccpi_call_undo(ccp_task fn, void *arg)
{
    if (fn == run_call)
        ccpi_future_undo(arg);
    else if (fn == run_then)
        ccpi_then_undo(arg);
    return fn == run_call || fn == run_then;
}

ccp_status ccp_pool_call(ccp_pool *p, const ccp_promise_opts *o, ccp_call fn, void *arg,
                         ccp_future **future, ccp_wait w)
{
    if (!p || !fn || !future || (o && o->size > PTRDIFF_MAX / 2))
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccp_promise_opts opts = { 0 };
    if (o)
        opts = *o;
    if (!opts.parent)
        opts.parent = ccpi_pool_ctx(p);
    ccp_future *f = ccpi_future_call(&opts, fn, arg, p);
    if (!f)
        return CCP_NOMEM;
    ccp_status st = ccp_pool_submit(p, run_call, f, w);
    if (st == CCP_OK) {
        *future = f;
        return CCP_OK;
    }
    ccp_promise_free((ccp_promise *)(void *)f);
    ccp_future_free(f);
    return st;
}

/* Nothing can be done at once. */
static ccp_status at_once(const ccp_pool *p, ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    return ccp_chan_is_closed(p->tasks) ? CCP_CLOSED : CCP_AGAIN;
}

ccp_status ccp_pool_run(ccp_pool *p, const ccp_promise_opts *o, ccp_call fn, void *arg,
                        void *value, ccp_wait w)
{
    if (p && fn && ccpi_wait_not_at_all(w))
        return at_once(p, w);
    ccp_promise_opts opts = { 0 };
    if (o)
        opts = *o;
    opts.cancelable = true;
    w = ccp_start(w);
    ccp_future *f = NULL;
    ccp_status st = ccp_pool_call(p, &opts, fn, arg, &f, w);
    if (st != CCP_OK)
        return st;
    st = ccp_future_get(f, value, w);
    ccp_future_free(f); /* the only handle: if it is not settled, the function's context ends */
    return st;
}

/* Into the queue, if there is room. */
static bool hand_over(ccpi_then *t)
{
    ccp_status st = ccp_pool_submit(t->pool, run_then, t, CCP_NOWAIT);
    if (st == CCP_CLOSED || st == CCP_FORKED)
        ccpi_then_undo(t);
    return st != CCP_AGAIN;
}

ccp_future *ccp_pool_then(ccp_pool *p, ccp_future *f, const ccp_promise_opts *o, ccp_then fn,
                          void *arg)
{
    return p && ccpi_pool_alive(p) ? ccpi_future_then(f, o, fn, arg, hand_over, p) : NULL;
}
