/* SPDX-License-Identifier: MIT */
#include "reentry.h"

static void read_inside(const char *text, size_t n, void *arg)
{
    (void)text;
    (void)n;
    run_inside(arg);
}

static atomic_bool heard;

static void hear_inside(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)what;
    read_inside(text, n, arg);
    atomic_store(&heard, true);
}

static void use_same_watch(void *arg)
{
    ccp_watch **w = arg;
    GIVES(ccp_watch_free(*w), CCP_DEADLOCK);
}

static void *receive(void *ch)
{
    OK(ccp_chan_recv(ch, NULL, CCP_FOREVER));
    return NULL;
}

/* How many threads the process seems to have, once; 0: as many as it has. */
static atomic_size_t threads;
size_t __real_ccpi_task_count(void);
size_t __wrap_ccpi_task_count(void);
size_t __wrap_ccpi_task_count(void)
{
    size_t n = atomic_exchange(&threads, 0);
    return n ? n : __real_ccpi_task_count();
}

void dumps_may_be_reentered(void) /* and metrics: MT4 */
{
    site dump = { IN_ccp_dump_sink, NULL, NULL };
    site audit = { IN_ccp_audit_sink, NULL, NULL };
    site check = { IN_ccp_deadlock_check_sink, NULL, NULL };
    site metrics = { IN_ccp_metrics_write_sink, NULL, NULL };
    pthread_t t;
    OK(ccp_track(true));
    ccp_chan *ch = ccp_chan_new(0, 1);
    MUST(ch);
    OK(ccp_dump(read_inside, &dump));
    OK(ccp_track(true)); /* that turned it off */
    OK(ccp_metrics_write(CCP_METRICS_PROMETHEUS, read_inside, &metrics));
    OK(ccp_track(true));
    ccp_chan *left = ccp_chan_new(0, 1);
    MUST(left && ccp_audit(read_inside, &audit) > 0);
    OK(ccp_chan_free(left));
    OK(ccp_track(true));
    MUST(pthread_create(&t, NULL, receive, ch) == 0);
    WAIT_UNTIL(waiting_receivers(ch) == 1);
    do
        atomic_store(&threads, 2); /* this one and that one */
    while (ccp_deadlock_check(read_inside, &check) != CCP_DEADLOCK);
    OK(ccp_chan_send(ch, NULL, CCP_NOWAIT));
    MUST(pthread_join(t, NULL) == 0);
    OK(ccp_track(false));
    OK(ccp_chan_free(ch));
}

void watches_may_be_reentered(void)
{
    static ccp_watch *w;
    site alarm = { IN_ccp_watch_opts_alarm, use_same_watch, &w };
    OK(ccp_track(true));
    ccp_chan *ch = ccp_chan_new(0, 1);
    MUST(ch);
    w = ccp_watch_new(&(ccp_watch_opts){
        .alarm = hear_inside, .arg = &alarm, .period_ns = CCP_MS(1), .stall_ns = CCP_MS(1) });
    MUST(w);
    while (!atomic_load(&heard))
        GIVES(ccp_chan_recv(ch, NULL, ccp_within(CCP_MS(20))), CCP_TIMEOUT);
    OK(ccp_watch_free(w));
    OK(ccp_track(false));
    OK(ccp_chan_free(ch));
}
