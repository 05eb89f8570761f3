/* SPDX-License-Identifier: MIT
 *
 * A thread that looks whether a pool goes on.  Who is to notice that all workers are blocked cannot
 * be a worker, nor somebody who submits: there may be nobody who does.
 *
 * Invariants
 *   W1  A worker more is lent when for a whole `stall` tasks have waited, none has been taken and
 *       none has finished: so the one that waits longest has waited for so long, and nobody has
 *       made progress.
 *   W2  What was lent is taken back, one by one, after CALM periods in each of which the pool went
 *       on, or had nothing to do.
 *   W3  It sleeps without a limit while no task waits and nothing is lent: whoever lets a task wait
 *       looks whether it does (Dekker [V1]).
 */
/* uses: pool */
#include "flow/pool.h"

#define CALM 16 /* many short ones: a worker is kept rather than started again and again */

typedef struct sight {
    bool waits; /* more tasks than idle workers */
    uint64_t finished, noted;
} sight;

static sight look(const ccp_pool *p)
{
    ccpi_books b;
    ccpi_pool_books(p, &b);
    return (sight){ b.accepted - b.noted > b.idle, b.finished, b.noted };
}

/* Sleeps until a task may have to wait; false if the pool ends. */
static bool rest(ccp_pool *p)
{
    /* [V1] seq_cst, Dekker: before the look.  Pairs with ccpi_pool_alarm(). */
    atomic_store_explicit(&p->resting, 1, CCPI_SC);
    ccp_status st = look(p).waits ? CCP_OK : ccp_chan_recv(p->alarm, NULL, CCP_FOREVER);
    atomic_store_explicit(&p->resting, 0, CCPI_RLX); /* who sees it late rings in vain */
    return st == CCP_OK;
}

/* One period; false if the pool ends. */
static bool sleep_for(ccp_pool *p, int64_t period)
{
    ccp_wait w = ccp_start(ccp_within(period));
    ccp_status st = CCP_OK;
    while (st == CCP_OK) /* what is rung late is not asked for */
        st = ccp_chan_recv(p->alarm, NULL, w);
    return st == CCP_TIMEOUT;
}

static void watch(void *arg)
{
    ccp_pool *p = arg;
    unsigned lent = 0, calm = 0;
    sight last = look(p), now;
    while ((lent || last.waits || rest(p)) && sleep_for(p, p->opts.stall)) {
        now = look(p);
        bool stalls = last.waits && now.waits && now.finished == last.finished &&
                      now.noted == last.noted; /* W1 */
        calm = stalls ? 0 : calm + 1;
        if (stalls)
            lent += ccpi_pool_lend(p, true);
        if (lent && calm >= CALM) { /* W2 */
            lent -= ccpi_pool_lend(p, false);
            calm = 0;
        }
        last = now;
    }
}

bool ccpi_pool_watch(ccp_pool *p)
{
    if (!p->opts.spare || !p->opts.stall)
        return true;
    const ccpi_thread_opts how = { p->opts.name, 0, true };
    p->alarm = ccp_chan_new(0, 1);
    if (p->alarm && ccpi_thread_start(&p->watcher, &how, watch, p))
        return true;
    (void)ccp_chan_free(p->alarm);
    p->alarm = NULL;
    return p->opts.partial;
}

void ccpi_pool_alarm(ccp_pool *p)
{
    /* [V1] seq_cst, Dekker: after a task was accepted or offered.  Pairs with rest(). */
    if (p->alarm && atomic_load_explicit(&p->resting, CCPI_SC))
        (void)!ccp_chan_send(p->alarm, NULL, CCP_NOWAIT);
}

void ccpi_pool_unwatch(ccp_pool *p)
{
    if (!p->alarm)
        return;
    (void)ccp_chan_close(p->alarm);
    ccpi_thread_join(p->watcher);
}
