/* SPDX-License-Identifier: MIT
 *
 * Uses every macro and inline function of ccp.h, so that a compiler sees what they expand to.  It
 * is compiled as C and as C++, and never run.
 */
#include "ccp.h"

CCP_CHAN_DEFINE(ints, int);
CCP_CTX_VALUE_DEFINE(limit, int);

ccp_status use_waits(ccp_chan *ch, ccp_ctx *ctx, int64_t t);
ccp_status use_typed(void);
ccp_status use_select(ccp_chan *in, ccp_chan *out, ccp_ctx *ctx);
ccp_status use_scopes(ccp_sem *s);
ccp_status use_zero(void);

static ccp_status receive(ccp_chan *ch, ccp_wait w)
{
    int v;
    return ccp_chan_recv(ch, &v, w);
}

ccp_status use_waits(ccp_chan *ch, ccp_ctx *ctx, int64_t t)
{
    const ccp_wait waits[] = { CCP_FOREVER,
                               CCP_NOWAIT,
                               ccp_within(CCP_US(1)),
                               ccp_within(CCP_MS(1)),
                               ccp_within(CCP_SEC(1)),
                               ccp_until(t),
                               ccp_with(ctx),
                               ccp_under(ctx, ccp_within(t)),
                               ccp_start(ccp_within(t)) };
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        ccp_status s = receive(ch, waits[i]);
        if (s != CCP_OK)
            return s;
    }
    int v;
    CCP_CHAN_FOR(&v, ch, CCP_FOREVER)
    {
        if (v < 0)
            return CCP_FAILED;
    }
    return CCP_OK;
}

ccp_status use_typed(void)
{
    ints all = ints_new(4);
    ints_tx out = ints_sender(all);
    ints_rx in = ints_receiver(all);
    int v = 7;
    ccp_ctx *ctx = limit_new(NULL, &v);
    if (ints_send(out, &v, CCP_NOWAIT) != CCP_OK || ints_close(out) != CCP_OK ||
        ints_recv(in, &v, CCP_NOWAIT) != CCP_OK || !limit_of(ctx))
        return CCP_FAILED;
    ccp_ctx_free(ctx);
    return ints_free(all);
}

ccp_status use_select(ccp_chan *in, ccp_chan *out, ccp_ctx *ctx)
{
    size_t i;
    int v = 1;
    const ccp_case cases[] = { CCP_CASE_RECV(in, &v), CCP_CASE_SEND(out, &v), CCP_CASE_DONE(ctx) };
    ccp_status s = ccp_select(cases, 3, &i, ccp_within(CCP_MS(5)));
    return s == CCP_OK ? ccp_select_first(cases, 3, &i, CCP_NOWAIT) : s;
}

ccp_status use_scopes(ccp_sem *s)
{
    ccp_sem own = CCP_SEM_INIT(CCP_SEM_MAX);
    ccp_status rc, inner = CCP_OK;
    CCP_WITH_SEM(rc, s, 1, CCP_FOREVER)
    {
        CCP_WITH_SEM(inner, &own, 2, CCP_NOWAIT)
            return CCP_OK;
    }
    return rc == CCP_OK ? inner : rc;
}

ccp_status use_nodes(void)
{
    static ccp_stack_node nodes[2];
    static ccp_stack free_nodes = CCP_STACK_INIT(nodes);
    ccp_mpsc box = CCP_MPSC_INIT;
    ccp_mpsc_node letter, *first;
    ccp_stack_node *top;
    if (ccp_stack_push(&free_nodes, &nodes[0]) != CCP_OK ||
        ccp_stack_pop(&free_nodes, &top) != CCP_OK || ccp_mpsc_push(&box, &letter) != CCP_OK)
        return CCP_FAILED;
    return ccp_mpsc_pop(&box, &first);
}

ccp_status use_zero(void)
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_once once[] = { CCP_ONCE_INIT, CCP_ONCE_RETRY_INIT };
    ccp_mutex mu = CCP_MUTEX_INIT;
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    ccp_seqlock seq = CCP_SEQLOCK_INIT;
    ccp_counter count = CCP_COUNTER_INIT;
    ccp_spin spin = CCP_SPIN_INIT;
    if (ccp_seqlock_enter(&seq) != CCP_OK || ccp_counter_sum(&count) || !ccp_spin_once(&spin))
        return CCP_FAILED;
    if (ccp_once_is_done(&once[0]) || ccp_mutex_is_locked(&mu) ||
        ccp_rwlock_rdlock(&rw, CCP_NOWAIT) != CCP_OK)
        return CCP_FAILED;
    ccp_pool_opts opts = { 0, 0, NULL, 0, NULL, NULL, NULL, 0, 0, false, NULL, NULL, NULL, 0,
                           CCP_FULL_FAILS, 0, 0, 0, false, false };
    ccp_task_opts task = { 0, 0, 0, NULL, NULL, &wg, 0 };
    ccp_pool *pool = ccp_pool_new(&opts);
    if (ccp_pool_submit_with(pool, NULL, NULL, &task, CCP_NOWAIT) == CCP_OK)
        return CCP_FAILED;
    ccp_pool_free(pool);
    return ccp_wg_wait(&wg, CCP_NOWAIT);
}

ccp_status use_rcu(ccp_rcu_ptr *p)
{
    ccp_rcu_opts o = { 0, false };
    ccp_rcu_item item = { "key", 3, { NULL, NULL }, NULL, 0 };
    ccp_rcu_list list = { NULL, NULL, 0 };
    ccp_rcu *d = ccp_rcu_new(&o);
    if (ccp_rcu_read_lock(d) != CCP_OK || ccp_rcu_ptr_get(p) == &item || ccp_rcu_list_first(&list))
        return CCP_FAILED;
    ccp_rcu_read_unlock(d);
    return ccp_rcu_free(d);
}
