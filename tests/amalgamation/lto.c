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

int main(void)
{
    if (pass_other_size() != 2)
        return 1;
    ccp_rcu *readers = ccp_rcu_new(NULL);
    ccp_spsc *ring = ccp_spsc_new(sizeof(unsigned long), 64);
    ccp_rcu_reader *me;
    if (!readers || !ring || ccp_rcu_reader_get(readers, &me) != CCP_OK)
        return 1;
    printf("%lu\n", pass(readers, me, ring, 1000));
    return ccp_spsc_free(ring) != CCP_OK || ccp_rcu_free(readers) != CCP_OK;
}
