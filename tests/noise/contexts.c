/* SPDX-License-Identifier: MIT
 *
 * Contexts: trees that grow, end and are freed from all sides; hooks; waits below them.
 */
#include "harness.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHARED = 4, STEPS = 400 };

typedef struct node {
    ccp_ctx *ctx;
    unsigned users; /* threads that use ctx now, each with a reason not to free it */
} node;

typedef struct round {
    pthread_mutex_t mutex;
    node shared[SHARED]; /* under mutex */
    _Atomic unsigned working;
    ccp_ctx *root;
    ccp_chan *silent;    /* nobody ever sends */
} round;

static const int the_cause = 7;

/* A context that another thread may end at any moment, but nobody frees before put_back(). */
static ccp_ctx *borrow(round *r, dice *d, unsigned *which)
{
    *which = below(d, SHARED);
    pthread_mutex_lock(&r->mutex);
    r->shared[*which].users++;
    ccp_ctx *ctx = r->shared[*which].ctx;
    pthread_mutex_unlock(&r->mutex);
    return ctx;
}

static ccp_ctx *new_shared(round *r, dice *d)
{
    ccp_ctx *ctx = ccp_ctx_new(r->root, below(d, 2) ? CCP_FOREVER
                                                    : ccp_within((int64_t)below(d, 300000)));
    if (!ctx)
        fail("no memory for a context");
    return ctx;
}

/* The last user renews a context that has ended. */
static void put_back(round *r, dice *d, unsigned which)
{
    node *n = &r->shared[which];
    ccp_ctx *old = NULL;
    pthread_mutex_lock(&r->mutex);
    n->users--;
    if (n->users == 0 && ccp_ctx_status(n->ctx) != CCP_OK) {
        old = n->ctx;
        n->ctx = new_shared(r, d);
    }
    pthread_mutex_unlock(&r->mutex);
    EXPECT(ccp_ctx_free(old) == CCP_OK);
}

/* ---- Hooks ---- */

typedef struct hooked {
    ccp_hook hook;
    ccp_ctx *ctx;
    _Atomic unsigned begun, ended;
    int delay;
} hooked;

static void on_end(void *arg)
{
    hooked *h = arg;
    atomic_fetch_add(&h->begun, 1);
    EXPECT(ccp_ctx_status(h->ctx) != CCP_OK);
    for (volatile int i = h->delay; i > 0; i--)
        ;
    atomic_fetch_add(&h->ended, 1);
}

/* X5: after unhook said CCP_OK it never runs; after CCP_CLOSED it has run, once, to its end. */
static void use_hook(worker *w, ccp_ctx *ctx)
{
    dice *d = &w->dice;
    hooked *h = calloc(1, sizeof *h);
    if (!h)
        fail("no memory");
    h->delay = (int)below(d, 4000);
    h->ctx = ctx;
    EXPECT(ccp_ctx_hook(ctx, &h->hook, on_end, h) == CCP_OK);
    if (below(d, 2))
        ccp_ctx_cancel(ctx);
    enter(w, "ccp_ctx_unhook", ctx);
    ccp_status st = CCP_AGAIN;
    if (below(d, 2))
        st = ccp_ctx_unhook(&h->hook, below(d, 2) ? CCP_NOWAIT : ccp_within(below(d, 5000)));
    if (st != CCP_OK && st != CCP_CLOSED)
        st = ccp_ctx_unhook(&h->hook, CCP_FOREVER);
    leave(w);
    unsigned begun = atomic_load(&h->begun), ended = atomic_load(&h->ended);
    if (!(st == CCP_OK ? begun == 0 : st == CCP_CLOSED && begun == 1 && ended == 1))
        fail("unhook gave %s; begun %u, ended %u", ccp_status_name(st), begun, ended);
    memset(h, 0xA5, sizeof *h); /* a late runner would trip over this */
    free(h);
}

/* ---- Trees ---- */

static const char key;

/* A chain of contexts below ctx; freed in any order; ended in the middle. */
static void grow(worker *w, ccp_ctx *ctx)
{
    dice *d = &w->dice;
    ccp_ctx *chain[6];
    unsigned n = 1 + below(d, 6);
    for (unsigned i = 0; i < n; i++) {
        ccp_ctx *up = i ? chain[i - 1] : ctx;
        chain[i] = below(d, 3) == 0 ? ccp_ctx_new_value(up, &key, w)
                                    : ccp_ctx_new(up, below(d, 4) ? CCP_FOREVER
                                                                  : ccp_within(below(d, 100000)));
        if (!chain[i])
            fail("no memory for a context");
        EXPECT(ccp_ctx_deadline(chain[i]) <= ccp_ctx_deadline(up)); /* X3 */
    }
    unsigned at = below(d, n);
    ccp_ctx_cancel_cause(chain[at], &the_cause);
    /* X1: all below end; but if somebody who ended one above was faster, it is his to do. */
    enter(w, "a context that has to end", chain[n - 1]);
    while (ccp_ctx_status(chain[n - 1]) == CCP_OK)
        sched_yield();
    leave(w);
    for (unsigned i = 0; i < n; i++) {
        ccp_status st = ccp_ctx_status(chain[i]);
        EXPECT(i != at || st != CCP_OK);
        EXPECT(st == CCP_OK || ccp_ctx_status(chain[i]) == st); /* X2 */
        void *value = ccp_ctx_value(chain[i], &key);
        EXPECT(value == NULL || value == w);
    }
    for (unsigned i = 0, from = below(d, n); i < n; i++) /* X4 */
        EXPECT(ccp_ctx_free(chain[(from + i * (n > 1 ? n - 1 : 1)) % n]) == CCP_OK);
}

static void wait_below(worker *w, round *r, ccp_ctx *ctx)
{
    dice *d = &w->dice;
    ccp_ctx *own = below(d, 2) ? ccp_ctx_new(ctx, CCP_FOREVER) : NULL;
    ccp_wait wait = ccp_under(own ? own : ctx, ccp_within(1 + below(d, 100000)));
    ccp_status st;
    enter(w, "wait below a context", ctx);
    if (below(d, 2)) {
        st = ccp_sleep(wait);
        EXPECT(st == CCP_OK || st == CCP_CANCELED || st == CCP_TIMEOUT);
    } else {
        st = ccp_chan_recv(r->silent, NULL, wait);
        EXPECT(st == CCP_CANCELED || st == CCP_TIMEOUT);
    }
    leave(w);
    EXPECT(ccp_ctx_free(own) == CCP_OK);
}

static void be_worker(worker *w)
{
    round *r = w->round;
    for (int i = 0; i < STEPS; i++) {
        unsigned which;
        ccp_ctx *ctx = borrow(r, &w->dice, &which);
        unsigned what = below(&w->dice, 8);
        if (what < 2)
            use_hook(w, ctx);
        else if (what < 4)
            grow(w, ctx);
        else if (what < 7)
            wait_below(w, r, ctx);
        else
            ccp_ctx_cancel(ctx);
        put_back(r, &w->dice, which);
    }
    atomic_fetch_sub(&r->working, 1);
}

/* Waits without a limit: only a cancellation releases it. */
static void be_waiter(worker *w)
{
    round *r = w->round;
    while (atomic_load(&r->working)) {
        unsigned which;
        ccp_ctx *ctx = borrow(r, &w->dice, &which);
        enter(w, "ccp_chan_recv without a limit of time", r->silent);
        ccp_status st = ccp_chan_recv(r->silent, NULL, ccp_with(ctx));
        leave(w);
        EXPECT(st == CCP_CANCELED || st == CCP_TIMEOUT);
        put_back(r, &w->dice, which);
    }
}

static void be_canceler(worker *w)
{
    round *r = w->round;
    bool more = true;
    while (more) {
        more = atomic_load(&r->working) != 0;
        for (unsigned i = 0; i < (more ? 1u : (unsigned)SHARED); i++) {
            pthread_mutex_lock(&r->mutex);
            unsigned which = more ? below(&w->dice, SHARED) : i;
            ccp_ctx *ctx = r->shared[which].ctx;
            r->shared[which].users++;
            pthread_mutex_unlock(&r->mutex);
            ccp_ctx_cancel(ctx);
            put_back(r, &w->dice, which);
        }
        nanosleep(&(struct timespec){ 0, (long)below(&w->dice, 100000) }, NULL);
    }
    ccp_ctx_cancel(r->root); /* releases those who borrowed a renewed one just now */
}

void round_of_contexts(const setup *s, uint64_t number, uint64_t seed)
{
    dice d = dice_of(seed, 98);
    unsigned people = s->threads < 3 ? 3 : s->threads;
    round r = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    unsigned waiters = 1 + below(&d, people - 2);
    atomic_init(&r.working, people - waiters);
    r.root = ccp_ctx_new(NULL, CCP_FOREVER);
    r.silent = ccp_chan_new(0, below(&d, 2));
    round_begin(s, number, "contexts, %u workers, %u waiters", people - waiters, waiters);
    for (unsigned i = 0; i < SHARED; i++)
        r.shared[i].ctx = new_shared(&r, &d);
    watch_chan("silent", r.silent);
    for (unsigned i = 0; i < people; i++)
        crew_add(i, seed, i < waiters ? be_waiter : be_worker, &r);
    crew_add(people, seed, be_canceler, &r);
    crew_join();
    watch_chan(NULL, NULL);
    for (unsigned i = 0; i < SHARED; i++)
        EXPECT(ccp_ctx_free(r.shared[i].ctx) == CCP_OK);
    EXPECT(ccp_ctx_free(r.root) == CCP_OK && ccp_chan_free(r.silent) == CCP_OK);
    EXPECT(ccp_live_blocks() == 0);
}
