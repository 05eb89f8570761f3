/* SPDX-License-Identifier: MIT */
#include "stuck.h"

page now;

ccp_status check(void)
{
    page_clear(&now);
    return ccp_deadlock_check(page_write, &now);
}

scene sc;

ccp_wait forever(void)
{
    return ccp_with(sc.ctx);
}

ccp_chan *channel(const char *name, size_t capacity)
{
    ccp_chan *ch = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = capacity, .name = name });
    assert_non_null(ch);
    return ch;
}

void stuck_begin(void)
{
    sc = (scene){ .both = GATE_INIT };
    sc.ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    assert_non_null(sc.ctx);
}

void enter(void (*fn)(actor *a), size_t index)
{
    sc.a[sc.n].index = index;
    actor_start(&sc.a[sc.n++], fn);
}

void must_be_found(void)
{
    if (THREADS_ARE_COUNTED)
        WAIT_UNTIL(check() == CCP_DEADLOCK);
    else
        page_clear(&now);
}

void stuck_end(void)
{
    ccp_ctx_cancel(sc.ctx);
    for (size_t i = 0; i < sc.n; i++)
        actor_join(&sc.a[i]);
    ASSERT_STATUS(check(), CCP_OK);
    for (size_t i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_chan_free(sc.ch[i]), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(sc.ctx), CCP_OK);
}

void meet(int all)
{
    if (atomic_fetch_add(&sc.inside, 1) + 1 == all)
        gate_open(&sc.both);
    gate_pass(&sc.both);
}

void lock_in_order_of_index(actor *a)
{
    ccp_mutex *first = &sc.m[a->index], *second = &sc.m[1 - a->index];
    MUST(ccp_mutex_lock(first, CCP_NOWAIT) == CCP_OK);
    meet(2);
    a->rc = ccp_mutex_lock(second, forever());
    if (a->rc == CCP_OK)
        MUST(ccp_mutex_unlock(second) == CCP_OK);
    MUST(ccp_mutex_unlock(first) == CCP_OK);
}

void sleep_in_channel(actor *a)
{
    long v;
    actor_calls(a);
    a->rc = ccp_chan_recv(a->ch, &v, a->w);
}

void stay(actor *a)
{
    gate_pass(a->arg);
}
