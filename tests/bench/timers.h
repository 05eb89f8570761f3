/* SPDX-License-Identifier: MIT
 *
 * timers.h - what the cells of timers have in common in C.
 *
 *   timer   mode=stop: one timer is set and stopped in turn; mode=reset: one that is set is put
 *           off.  Beside `cap` others that are far away, none of which runs out.
 *   tick    a ticker of one millisecond: how late its receiver runs, of n ticks.  Lateness is
 *           counted from the last tick that was due, so one that was dropped does not count.
 */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include "common.h"

static const int64_t TICK = 1000000;

/* Nanoseconds: between 100 and 104 seconds, in no order. */
static inline int64_t far_away(size_t i)
{
    return 100000000000 + (int64_t)((uint32_t)i * 2654435761u);
}

static inline void report_lateness(int64_t *late, uint64_t n)
{
    sort_ns(late, n);
    report_also("p50", (double)late[n / 2]);
    report_also("p99", (double)late[n * 99 / 100]);
    report_also("longest", (double)late[n - 1]);
}

void timer_run(const struct spec *s); /* bench_timer.c */
void tick_run(const struct spec *s);
void libuv_run(const struct spec *s); /* bench_uv.c */

#endif
