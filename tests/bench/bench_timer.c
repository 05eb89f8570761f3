/* SPDX-License-Identifier: MIT
 *
 * bench_timer.c - timers of libccp: what setting one costs, and how late a ticker is.
 */
#include "timers.h"

#include <ccp.h>
#include <stdlib.h>
#include <string.h>

static void do_nothing(void *arg)
{
    (void)arg;
}

static void set(ccp_timers *timers, ccp_timer *t, int64_t after)
{
    const ccp_timer_opts o = { .fn = do_nothing, .after = after };
    if (ccp_timer_start(timers, t, &o) != CCP_OK) die("ccp_timer_start");
}

static ccp_timer *set_many(ccp_timers *timers, size_t n)
{
    ccp_timer *many = must_alloc(n * sizeof *many);
    for (size_t i = 0; i < n; i++) set(timers, &many[i], far_away(i));
    return many;
}

static void stop_many(ccp_timer *many, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ccp_timer_stop(&many[i], CCP_FOREVER) != CCP_OK) die("ccp_timer_stop");
    free(many);
}

static uint64_t stop_each(ccp_timers *timers, uint64_t n)
{
    ccp_timer t = { 0 };
    uint64_t count = 0;
    for (uint64_t i = 0; i < n; i++) {
        set(timers, &t, CCP_SEC(50) + (int64_t)i);
        count += ccp_timer_stop(&t, CCP_NOWAIT) == CCP_OK;
    }
    return count;
}

static uint64_t reset_each(ccp_timers *timers, uint64_t n)
{
    ccp_timer t = { 0 };
    uint64_t count = 0;
    set(timers, &t, CCP_SEC(50));
    for (uint64_t i = 0; i < n; i++)
        count += ccp_timer_reset(&t, CCP_SEC(50) + (int64_t)i) == CCP_OK;
    if (ccp_timer_stop(&t, CCP_FOREVER) != CCP_OK) die("ccp_timer_stop");
    return count;
}

void timer_run(const struct spec *s)
{
    struct meter m;
    ccp_timers *timers = ccp_timers_new(NULL);
    if (!timers) die("ccp_timers_new");
    ccp_timer *many = set_many(timers, s->cap);
    bool resets = !strcmp(s->mode, "reset");
    meter_start(&m);
    uint64_t count = resets ? reset_each(timers, s->n) : stop_each(timers, s->n);
    meter_stop(&m, now_ns());
    stop_many(many, s->cap);
    if (ccp_timers_free(timers) != CCP_OK) die("ccp_timers_free");
    report(s, &m, count, s->n, 0, 0);
}

void tick_run(const struct spec *s)
{
    struct meter m;
    int64_t *late = must_alloc(s->n * sizeof *late), t;
    uint64_t count = 0;
    ccp_chan_free(ccp_chan_tick(TICK)); /* the first one of a process takes longer to make */
    int64_t start = now_ns();
    ccp_chan *ticker = ccp_chan_tick(TICK);
    if (!ticker) die("ccp_chan_tick");
    meter_start(&m);
    for (; count < s->n && ccp_chan_recv(ticker, &t, CCP_FOREVER) == CCP_OK; count++)
        late[count] = (now_ns() - start) % TICK;
    meter_stop(&m, now_ns());
    ccp_chan_free(ticker);
    report_lateness(late, s->n);
    free(late);
    report(s, &m, count, s->n, 0, 0);
}
