/* SPDX-License-Identifier: MIT */
#include "reentry.h"

static void use_spsc(void)
{
    long v[2] = { 1, 2 };
    size_t n;
    void *room;
    const void *at;
    ccp_spsc *q = ccp_spsc_new(sizeof *v, 4);
    MUST(q && ccp_spsc_cap(q) == 4);
    OK(ccp_spsc_push(q, v));
    OK(ccp_spsc_push_n(q, v, 1, &n));
    OK(ccp_spsc_reserve(q, 1, &room, &n));
    OK(ccp_spsc_commit(q, 0));
    MUST(ccp_spsc_len(q) == 2);
    OK(ccp_spsc_close(q));
    OK(ccp_spsc_peek(q, 1, &at, &n));
    OK(ccp_spsc_release(q, 0));
    OK(ccp_spsc_pop(q, v));
    OK(ccp_spsc_pop_n(q, v, 2, &n));
    OK(ccp_spsc_free(q));
}

static void use_mpmc(void)
{
    long v[2] = { 1, 2 };
    size_t n;
    ccp_mpmc *q = ccp_mpmc_new(sizeof *v, 4);
    MUST(q && ccp_mpmc_cap(q) == 4);
    OK(ccp_mpmc_push(q, v));
    OK(ccp_mpmc_push_n(q, v, 2, &n));
    MUST(ccp_mpmc_len(q) == 3);
    OK(ccp_mpmc_close(q));
    OK(ccp_mpmc_pop(q, v));
    OK(ccp_mpmc_pop_n(q, v, 2, &n));
    OK(ccp_mpmc_free(q));
}

static void use_nodes(void)
{
    ccp_mpsc q = CCP_MPSC_INIT;
    ccp_mpsc_node in, *out;
    OK(ccp_mpsc_push(&q, &in));
    OK(ccp_mpsc_pop(&q, &out));
    ccp_stack_node one = { 0 }, *top;
    ccp_stack s;
    OK(ccp_stack_init(&s, &one, sizeof one));
    OK(ccp_stack_push(&s, &one));
    OK(ccp_stack_pop(&s, &top));
}

void use_queues(void)
{
    use_spsc();
    use_mpmc();
    use_nodes();
}
