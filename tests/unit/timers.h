/* SPDX-License-Identifier: MIT
 *
 * For the tests of timers: starting them, and keeping their thread busy.
 */
#ifndef CCP_TESTS_TIMERS_H
#define CCP_TESTS_TIMERS_H

#include "support.h"

enum { MANY = 60 };

static inline ccp_timers *new_timers(void)
{
    ccp_timers *ts = ccp_timers_new(&(ccp_timers_opts){ .name = "timers", .stack_size = 1 << 17 });
    assert_non_null(ts);
    return ts;
}

static inline void count(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static inline ccp_timer_opts counting(atomic_int *n, int64_t after)
{
    return (ccp_timer_opts){ .fn = count, .arg = n, .after = after };
}

static inline void start(ccp_timers *ts, ccp_timer *t, ccp_timer_opts o)
{
    ASSERT_STATUS(ccp_timer_start(ts, t, &o), CCP_OK);
}

/* A timer that keeps the thread until its gate is opened. */
typedef struct hold {
    ccp_timer timer;
    gate gate;
} hold;
#define HOLD_INIT                                                                              \
    {                                                                                          \
        { 0 }, GATE_INIT                                                                       \
    }

static inline void pass(void *arg)
{
    gate_pass(arg);
}

static inline void hold_thread(ccp_timers *ts, hold *h)
{
    start(ts, &h->timer, (ccp_timer_opts){ .fn = pass, .arg = &h->gate });
    WAIT_UNTIL(atomic_load(&h->gate.arrived) == 1);
}

#endif
