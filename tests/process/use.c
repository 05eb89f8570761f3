/* SPDX-License-Identifier: MIT */
#include "use.h"

#include "ccp.h"

#include <stdatomic.h>

#define NEED(cond)        \
    do {                  \
        if (!(cond))      \
            return #cond; \
    } while (0)

static ccp_chan *ch;
static atomic_int ran;

static void send_some(void *arg)
{
    (void)arg;
    for (long i = 0; i < 50; i++)
        (void)!ccp_chan_send(ch, &i, CCP_FOREVER);
    (void)ccp_chan_sender_done(ch);
}

static ccp_status task(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    atomic_fetch_add(&ran, 1);
    return CCP_OK;
}

static ccp_status call(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    (void)arg;
    *(int *)result = 7;
    return CCP_OK;
}

static void called(void *arg)
{
    (void)ccp_chan_close(arg);
}

static const char *use_channels(void)
{
    ccp_wg wg = CCP_WG_INIT;
    long got, sum = 0;
    int fd;
    ch = ccp_chan_new(sizeof(long), 4);
    NEED(ch && ccp_chan_add_senders(ch, 2) == CCP_OK);
    NEED(ccp_chan_fd(ch, CCP_POLL_RECV, &fd) == CCP_OK);
    for (int i = 0; i < 2; i++)
        NEED(ccp_wg_go(&wg, send_some, NULL) == CCP_OK);
    ccp_status st = CCP_OK;
    while (st == CCP_OK) {
        const ccp_case k[] = { CCP_CASE_RECV(ch, &got), CCP_CASE_DONE(NULL) };
        size_t i;
        st = ccp_select(k, 2, &i, ccp_within(CCP_SEC(60)));
        sum += st == CCP_OK ? got : 0;
    }
    NEED(st == CCP_CLOSED && sum == 2 * 49 * 50 / 2);
    NEED(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    NEED(ccp_chan_free(ch) == CCP_OK);
    return NULL;
}

static const char *use_pools(void)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 4 });
    int result = 0;
    atomic_store(&ran, 0);
    NEED(p);
    for (int i = 0; i < 20; i++)
        NEED(ccp_pool_submit(p, task, NULL, CCP_FOREVER) == CCP_OK);
    NEED(ccp_pool_drain(p, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == 20);
    ccp_future *f = ccp_future_lazy(&(ccp_promise_opts){ .size = sizeof(int) }, call, NULL);
    NEED(f && ccp_future_get(f, &result, CCP_FOREVER) == CCP_OK && result == 7);
    ccp_future_free(f);
    NEED(ccp_pool_free(p) == CCP_OK);
    return NULL;
}

static const char *use_time(void)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(1)));
    ccp_chan *gate = ccp_chan_new(0, 0);
    ccp_timers *timers = ccp_timers_new(NULL);
    ccp_timer t = { 0 };
    NEED(ctx && gate && timers);
    NEED(ccp_timer_start(timers, &t, &(ccp_timer_opts){ .fn = called, .arg = gate, .after = 1 }) ==
         CCP_OK);
    NEED(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    NEED(ccp_timer_stop(&t, CCP_FOREVER) == CCP_CLOSED);
    NEED(ccp_timers_free(timers) == CCP_OK);
    NEED(ccp_sleep(ccp_with(ctx)) == CCP_TIMEOUT);
    NEED(ccp_chan_free(gate) == CCP_OK && ccp_ctx_free(ctx) == CCP_OK);
    return NULL;
}

static ccp_rcu *rcu;
static ccp_rcu_ptr current;

static void read_current(void *arg)
{
    (void)arg;
    if (ccp_rcu_read_lock(rcu) != CCP_OK)
        return;
    atomic_fetch_add(&ran, *(const int *)ccp_rcu_ptr_get(&current));
    (void)ccp_rcu_read_unlock(rcu);
}

/* Threads that read may outlive the domain: here it is the one that calls. */
static const char *use_rcu(void)
{
    static const int one = 1;
    ccp_wg wg = CCP_WG_INIT;
    rcu = ccp_rcu_new(NULL);
    NEED(rcu);
    atomic_store(&ran, 0);
    ccp_rcu_ptr_set(&current, (void *)(uintptr_t)&one);
    read_current(NULL);
    for (int i = 0; i < 2; i++)
        NEED(ccp_wg_go(&wg, read_current, NULL) == CCP_OK);
    NEED(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK && atomic_load(&ran) == 3);
    NEED(ccp_rcu_synchronize(rcu, CCP_FOREVER) == CCP_OK);
    NEED(ccp_rcu_free(rcu) == CCP_OK);
    return NULL;
}

const char *use_everything(void)
{
    const char *wrong = use_channels();
    if (!wrong)
        wrong = use_pools();
    if (!wrong)
        wrong = use_rcu();
    return wrong ? wrong : use_time();
}
