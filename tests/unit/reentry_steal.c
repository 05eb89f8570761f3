/* SPDX-License-Identifier: MIT */
#include "reentry.h"

static void use_seqlocks(void)
{
    ccp_seqlock s = CCP_SEQLOCK_INIT;
    ccp_spin spin = CCP_SPIN_INIT;
    long shared = 0, own = 7;
    OK(ccp_seqlock_write(&s, &shared, &own, sizeof own));
    OK(ccp_seqlock_enter(&s));
    OK(ccp_seqlock_put(&shared, &own, sizeof own));
    GIVES(ccp_seqlock_read(&s, &own, &shared, sizeof own), CCP_AGAIN);
    OK(ccp_seqlock_leave(&s));
    OK(ccp_seqlock_read(&s, &own, &shared, sizeof own));
    MUST(own == 7 && ccp_spin_once(&spin));
}

void use_stealing(void)
{
    ccp_counter c = CCP_COUNTER_INIT;
    ccp_deque *d = ccp_deque_new(1, 2);
    void *got;
    MUST(d);
    OK(ccp_deque_push(d, &c));
    OK(ccp_deque_push(d, d));
    MUST(ccp_deque_len(d) == 2);
    OK(ccp_deque_pop(d, &got));
    OK(ccp_deque_steal(d, &got));
    OK(ccp_deque_free(d));
    ccp_counter_add(&c, 2);
    MUST(ccp_counter_sum(&c) == 2 && ccp_counter_take(&c) == 2);
    use_seqlocks();
}
