/* SPDX-License-Identifier: MIT
 *
 * Counters in shards, each in a cache line of its own.
 *
 *   C1  The value is the sum of the shards, modulo 2^64.  A call adds to one of them, by one step.
 *   C2  A thread uses the shard that its last random number names, and draws another when it meets
 *       somebody there.  So threads that add at the same time come apart, also if there are as many
 *       as shards, and one that is alone stays where its cache line is.
 */
#include "base/machine.h"
#include "ccp.h"

_Static_assert(sizeof(ccp_counter) == (size_t)CCPI_LINE * CCP_COUNTER_SHARDS,
               "a shard must fill its line");

static ccpi_word64 *word_of(const ccp_counter *c, uint32_t shard)
{
    return ccpi_atomic64((uint64_t *)(uintptr_t)c->shard_[shard % CCP_COUNTER_SHARDS]);
}

static CCPI_COLD void add_elsewhere(ccp_counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(word_of(c, ccpi_rand()), n, CCPI_RLX); /* relaxed: as below */
}

void ccp_counter_add(ccp_counter *c, int64_t n)
{
    if (!c)
        return;
    uint32_t mine = ccpi_rand_last();
    if (CCPI_UNLIKELY(mine == 0))
        mine = ccpi_rand();
    ccpi_word64 *w = word_of(c, mine);
    /* Relaxed, here and below: a count, it orders nothing. */
    uint64_t old = atomic_load_explicit(w, CCPI_RLX);
    if (CCPI_UNLIKELY(!atomic_compare_exchange_strong_explicit(w, &old, old + (uint64_t)n,
                                                               CCPI_RLX, CCPI_RLX)))
        add_elsewhere(c, (uint64_t)n);
}

int64_t ccp_counter_sum(const ccp_counter *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; c && i < CCP_COUNTER_SHARDS; i++)
        sum += atomic_load_explicit(word_of(c, i), CCPI_RLX); /* relaxed: as above */
    return (int64_t)sum;
}

int64_t ccp_counter_take(ccp_counter *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; c && i < CCP_COUNTER_SHARDS; i++)
        /* Relaxed: as above.  A shard that is 0 is left to the thread whose line it is. */
        if (atomic_load_explicit(word_of(c, i), CCPI_RLX) != 0)
            sum += atomic_exchange_explicit(word_of(c, i), 0, CCPI_RLX);
    return (int64_t)sum;
}
