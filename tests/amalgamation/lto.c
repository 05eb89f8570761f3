/* SPDX-License-Identifier: MIT
 *
 * lto.c - calls that link-time optimization inlines: see long-lto.
 */
#include <stdio.h>

#include "ccp.h"

static unsigned long pass(ccp_rcu *readers, ccp_rcu_reader *me, ccp_spsc *ring, unsigned long times)
{
    unsigned long sum = 0;
    for (unsigned long i = 0; i < times; i++) {
        unsigned long v = i;
        if (ccp_rcu_read_lock(readers) != CCP_OK || ccp_spsc_push(ring, &v) != CCP_OK ||
            ccp_spsc_pop(ring, &v) != CCP_OK || ccp_rcu_read_unlock(readers) != CCP_OK)
            return 0;
        if (ccp_rcu_reader_lock(me) != CCP_OK || ccp_rcu_reader_quiescent(me) != CCP_OK ||
            ccp_rcu_reader_unlock(me) != CCP_OK)
            return 0;
        sum += v;
    }
    return sum;
}

/* Compilers see the size of the variables, not that of the elements: no reason to warn. */
static int pass_other_size(void)
{
    ccp_spsc *ring = ccp_spsc_new(sizeof(int), 4);
    int i = 2, from_ring = 0;
    bool ok = ring && ccp_spsc_push(ring, &i) == CCP_OK && ccp_spsc_pop(ring, &from_ring) == CCP_OK;
    return ccp_spsc_free(ring) == CCP_OK && ok ? from_ring : 0;
}

static int pass_smallest(void)
{
    char c = 1, from_future = 0, from_queue = 0;
    size_t n = 0;
    ccp_future *f = NULL;
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = 1 }, &f);
    ccp_mpmc *q = ccp_mpmc_new(1, 4);
    bool ok = p && q && ccp_promise_set(p, &c) == CCP_OK &&
              ccp_future_get(f, &from_future, CCP_FOREVER) == CCP_OK &&
              ccp_mpmc_push(q, &c) == CCP_OK && ccp_mpmc_pop(q, &from_queue) == CCP_OK &&
              ccp_mpmc_push(q, &c) == CCP_OK && ccp_mpmc_pop_n(q, &c, 1, &n) == CCP_OK;
    ccp_promise_free(p);
    ccp_future_free(f);
    return ccp_mpmc_free(q) == CCP_OK && ok ? from_future + from_queue + (int)n : 0;
}

int main(void)
{
    if (pass_other_size() != 2 || pass_smallest() != 3)
        return 1;
    ccp_rcu *readers = ccp_rcu_new(NULL);
    ccp_spsc *ring = ccp_spsc_new(sizeof(unsigned long), 64);
    ccp_rcu_reader *me;
    if (!readers || !ring || ccp_rcu_reader_get(readers, &me) != CCP_OK)
        return 1;
    printf("%lu\n", pass(readers, me, ring, 1000));
    return ccp_spsc_free(ring) != CCP_OK || ccp_rcu_free(readers) != CCP_OK;
}
