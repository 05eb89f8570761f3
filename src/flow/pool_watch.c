/* SPDX-License-Identifier: MIT
 *
 * A thread that looks whether a pool goes on, and how.  Who is to notice that all workers are
 * blocked cannot be a worker, nor somebody who submits: there may be nobody who does.
 *
 * Invariants
 *   W1  A worker more is lent when for a whole `stall` tasks have waited, none has been taken and
 *       none has finished: so the one that waits longest has waited for so long, and nobody has
 *       made progress.
 *   W2  What was lent is taken back, one by one, after CALM periods in each of which the pool went
 *       on, or had nothing to do.
 *   W3  It sleeps without a limit while no more tasks wait than workers are idle, and nothing is
 *       lent: who lets a task wait, and a worker that leaves, look whether it does (Dekker [V1]).
 */
/* uses: pool pool_tune */
#include "base/cpus.h"
#include "base/track.h"
#include "flow/pool.h"
#include "flow/pool_tune.h"

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

/* ---- tuning ---- */

#define NOTICED 16 /* parts of the time: a worker that used one of them computes */

/* Adds what the workers have used since the last look, at `before`. */
static void add_used(const ccp_pool *p, int64_t before, ccpi_sight *s)
{
    int64_t noticed = (s->now - before) / NOTICED;
    s->computing = 0;
    for (ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        /* Relaxed: a hint.  A new thread in the slot begins anew. */
        int64_t spent = ccpi_cpu_clock_read(atomic_load_explicit(&w->clock, CCPI_RLX));
        int64_t used = spent - (spent >= w->spent ? w->spent : 0);
        s->spent += used;
        s->computing += used > noticed;
        w->spent = spent;
    }
}

static void look_closely(const ccp_pool *p, ccpi_sight *s)
{
    ccpi_books b;
    uint64_t size = ccpi_pool_size(p);
    int64_t before = s->now;
    ccpi_pool_books(p, &b);
    uint64_t waiting = b.accepted - b.noted;
    s->now = ccpi_clock_now();
    s->taken = b.noted;
    s->finished = b.finished;
    s->waiting = waiting > b.idle ? (unsigned)(waiting - b.idle) : 0;
    s->cpus = ccpi_cpu_share();
    s->settled = CCPI_POOL_LIVE(size) == CCPI_POOL_LIMIT(size);
    add_used(p, before, s);
}

static void tune_once(ccp_pool *p, ccpi_tuner *t, ccpi_sight *s)
{
    unsigned bound = atomic_load_explicit(&p->bound, CCPI_RLX); /* S6 holds anyway */
    if (bound != t->most)
        ccpi_tuner_bound(t, bound);
    look_closely(p, s);
    unsigned before = t->size;
    ccpi_tuner_look(t, s);
    if (t->size != before && !ccpi_pool_set_base(p, t->size)) {
        ccpi_tuner_deny(t, CCPI_POOL_LIVE(ccpi_pool_size(p)));
        (void)ccpi_pool_set_base(p, t->size);
    }
}

static void tune(void *arg)
{
    ccp_pool *p = arg;
    ccpi_tuner t;
    ccpi_sight s = { .now = ccpi_clock_now() };
    unsigned bound = atomic_load_explicit(&p->bound, CCPI_RLX); /* as in tune_once() */
    ccpi_tuner_init(&t, p->opts.min ? p->opts.min : 1, bound,
                    atomic_load_explicit(&p->base, CCPI_RLX)); /* nobody else raises it */
    for (;;) {
        if (!look(p).waits) {
            ccpi_tuner_pause(&t);
            if (!rest(p))
                return;
        }
        if (!sleep_for(p, p->opts.tune))
            return;
        tune_once(p, &t, &s);
    }
}

/* ---- the thread ---- */

bool ccpi_pool_watch(ccp_pool *p)
{
    if (!p->opts.tune && (!p->opts.spare || !p->opts.stall))
        return true;
    const ccpi_thread_opts how = { p->opts.name, 0, true };
    p->alarm = ccp_chan_new(0, 1);
    ccpi_track_part(p->alarm, p);
    if (p->alarm && ccpi_thread_start(&p->watcher, &how, p->opts.tune ? tune : watch, p))
        return true;
    (void)ccp_chan_free(p->alarm);
    p->alarm = NULL;
    return p->opts.partial;
}

void ccpi_pool_alarm(ccp_pool *p)
{
    /* [V1] seq_cst, Dekker: after a task was accepted or offered, or a worker has left.  Pairs with
     * rest(). */
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
