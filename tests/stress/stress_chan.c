/* SPDX-License-Identifier: MIT
 *
 * Channels under stress.
 *
 *   flow     senders and receivers that wait for ever, beside others that give up all the time: all
 *            elements arrive, in order, and everybody ends
 *   crowd    the same with 64 threads
 *   signals  the same while every thread gets signals
 *   storm    random operations on random channels, which are closed and canceled under way
 *
 * Conservation: what was accepted is what was received, dropped, or left.  Elements are counted,
 * and hashes of them added up, so that one that comes twice does not make up for one that is lost.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <signal.h>

typedef struct elem {
    uint64_t sender, number; /* each sender counts for each channel */
} elem;

typedef struct ledger {
    atomic_ulong n;
    _Atomic uint64_t hash;
} ledger;

typedef struct route {
    ccp_chan *ch;
    size_t size, capacity;
    ledger accepted, received, dropped;
    _Atomic bool closed; /* set after close has returned */
} route;

enum { MOST_ROUTES = 4, BATCH = 5 };

typedef struct round {
    route routes[MOST_ROUTES];
    size_t routes_n, senders, receivers, each;
    ccp_chan *tick;
    ccp_ctx *ctxs[4]; /* ended and made again under way, by the canceler */
    pthread_rwlock_t ctx_lock[4];
    _Atomic bool stop;
    atomic_ulong senders_left;
} round_state;

static void enter(ledger *l, const elem *e)
{
    uint64_t x = (e->sender + 1) * 0x9E3779B97F4A7C15u ^ (e->number + 1) * 0xBF58476D1CE4E5B9u;
    x ^= x >> 31;
    x *= 0x94D049BB133111EBu;
    atomic_fetch_add_explicit(&l->n, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->hash, x ^ x >> 29, memory_order_relaxed);
}

/* An element of a counter carries nothing: all of them are the same one. */
static elem carried(const route *p, elem e)
{
    return p->size ? e : (elem){ 0, 0 };
}

static void enter_drop(void *e, void *arg)
{
    route *p = arg;
    elem v = { 0, 0 };
    if (p->size)
        memcpy(&v, e, sizeof v);
    enter(&p->dropped, &v);
}

/* --- the routes --- */

static void open_route(route *p, dice *d)
{
    static const size_t capacities[] = { 0, 0, 1, 1, 2, 7, 64 };
    memset(p, 0, sizeof *p);
    p->size = roll(d, 5) ? sizeof(elem) : 0;
    p->capacity = capacities[roll(d, LENGTH(capacities))];
    p->ch = ccp_chan_make(&(ccp_chan_opts){ .elem_size = p->size,
                                            .capacity = p->capacity,
                                            .drop = enter_drop,
                                            .drop_arg = p,
                                            .spread = roll(d, 2) });
    watch_chan(p->ch);
}

static void settle_route(route *p)
{
    ccp_chan_info info;
    MUST(ccp_chan_get_info(p->ch, &info) == CCP_OK);
    MUST(info.waiting_senders == 0 && info.waiting_receivers == 0);
    MUST(info.len <= info.capacity && info.high_water <= info.capacity);
    unsigned long left = info.len, dropped = atomic_load(&p->dropped.n);
    MUST(ccp_chan_free(p->ch) == CCP_OK);
    MUST(atomic_load(&p->dropped.n) == dropped + left);
    MUST(atomic_load(&p->accepted.n) ==
         atomic_load(&p->received.n) + atomic_load(&p->dropped.n));
    MUST(atomic_load(&p->accepted.hash) ==
         atomic_load(&p->received.hash) + atomic_load(&p->dropped.hash));
}

/* --- contexts that come and go --- */

static void open_ctxs(round_state *r)
{
    r->tick = ccp_chan_tick(CCP_US(150));
    MUST(r->tick);
    for (size_t i = 0; i < LENGTH(r->ctxs); i++) {
        r->ctxs[i] = ccp_ctx_new(NULL, CCP_FOREVER);
        MUST(pthread_rwlock_init(&r->ctx_lock[i], NULL) == 0);
    }
}

static void close_ctxs(round_state *r)
{
    MUST(ccp_chan_free(r->tick) == CCP_OK);
    for (size_t i = 0; i < LENGTH(r->ctxs); i++) {
        MUST(ccp_ctx_free(r->ctxs[i]) == CCP_OK);
        MUST(pthread_rwlock_destroy(&r->ctx_lock[i]) == 0);
    }
}

/* Ends one context, and makes a new one when those who used it have left. */
static void cancel_one(round_state *r, dice *d)
{
    size_t i = roll(d, LENGTH(r->ctxs));
    ccp_ctx_cancel(r->ctxs[i]); /* its users hold the lock for reading */
    pthread_rwlock_wrlock(&r->ctx_lock[i]);
    MUST(ccp_ctx_free(r->ctxs[i]) == CCP_OK);
    r->ctxs[i] = ccp_ctx_new(NULL, roll(d, 2) ? CCP_FOREVER : ccp_within(CCP_US(100)));
    MUST(r->ctxs[i]);
    pthread_rwlock_unlock(&r->ctx_lock[i]);
}

static void run_canceler(worker *w)
{
    round_state *r = w->round;
    while (!atomic_load(&r->stop)) {
        worker_does(w, "cancels");
        cancel_one(r, &w->dice);
        (void)ccp_sleep(ccp_within(CCP_US(20 + roll(&w->dice, 100))));
    }
}

/* --- operations --- */

typedef struct traffic {
    uint64_t next[MOST_ROUTES];               /* numbers of what this thread sends */
    uint64_t seen[MOST_ROUTES][MOST_WORKERS]; /* what it has received of each sender, plus 1 */
} traffic;

static void note_accepted(worker *w, traffic *t, size_t i, bool was_closed)
{
    round_state *r = w->round;
    elem e = carried(&r->routes[i], (elem){ w->index, t->next[i]++ });
    MUST(!was_closed); /* C2 */
    enter(&r->routes[i].accepted, &e);
}

static void note_received(round_state *r, traffic *t, size_t i, elem e)
{
    e = carried(&r->routes[i], e);
    if (r->routes[i].size) {
        MUST(e.sender < MOST_WORKERS);
        MUST(e.number >= t->seen[i][e.sender]); /* C1 */
        t->seen[i][e.sender] = e.number + 1;
    }
    enter(&r->routes[i].received, &e);
}

static ccp_status send_some(worker *w, traffic *t, size_t i, size_t most, ccp_wait wait)
{
    round_state *r = w->round;
    route *p = &r->routes[i];
    bool was_closed = atomic_load(&p->closed);
    elem v[BATCH];
    size_t sent = 1;
    for (size_t k = 0; k < BATCH; k++)
        v[k] = (elem){ w->index, t->next[i] + k };
    worker_does(w, most > 1 ? "sends a batch" : "sends");
    ccp_status rc = most > 1 ? ccp_chan_send_n(p->ch, v, most, &sent, wait)
                             : ccp_chan_send(p->ch, v, wait);
    if (rc == CCP_OK) {
        MUST(sent >= 1 && sent <= most);
        for (size_t k = 0; k < sent; k++)
            note_accepted(w, t, i, was_closed);
    }
    return rc;
}

static ccp_status recv_some(worker *w, traffic *t, size_t i, size_t most, ccp_wait wait)
{
    round_state *r = w->round;
    elem v[BATCH] = { { 0, 0 } };
    size_t got = 1;
    worker_does(w, most > 1 ? "receives a batch" : "receives");
    ccp_status rc = most > 1 ? ccp_chan_recv_n(r->routes[i].ch, v, most, &got, wait)
                             : ccp_chan_recv(r->routes[i].ch, v, wait);
    if (rc == CCP_OK) {
        MUST(got >= 1 && got <= most);
        for (size_t k = 0; k < got; k++)
            note_received(r, t, i, v[k]);
    }
    return rc;
}

enum { SEND = 1, RECV = 2 };

/* Adds what is always the last case: a context, a timer, or nothing that is ever ready. */
static ccp_case last_case(worker *w, ccp_ctx *done)
{
    round_state *r = w->round;
    return done ? CCP_CASE_DONE(done) : CCP_CASE_RECV(roll(&w->dice, 4) ? NULL : r->tick, NULL);
}

/* A select over several routes, to send, to receive, or both; done may be NULL. */
static ccp_status select_some(worker *w, traffic *t, unsigned kinds, ccp_ctx *done, ccp_wait wait)
{
    round_state *r = w->round;
    ccp_case cases[2 * MOST_ROUTES + 1];
    size_t which[2 * MOST_ROUTES + 1], n = 0, chosen;
    elem out[MOST_ROUTES], in = { 0, 0 };
    bool was_closed[MOST_ROUTES];
    for (size_t i = 0; i < r->routes_n; i++) {
        out[i] = (elem){ w->index, t->next[i] };
        was_closed[i] = atomic_load(&r->routes[i].closed);
        if (kinds & SEND) {
            which[n] = i;
            cases[n++] = CCP_CASE_SEND(r->routes[i].ch, &out[i]);
        }
        if (kinds & RECV) {
            which[n] = MOST_ROUTES + i;
            cases[n++] = CCP_CASE_RECV(r->routes[i].ch, &in);
        }
    }
    cases[n++] = last_case(w, done);
    worker_does(w, "selects");
    ccp_status rc = roll(&w->dice, 3) ? ccp_select(cases, n, &chosen, wait)
                                      : ccp_select_first(cases, n, &chosen, wait);
    if (rc == CCP_OK && chosen == n - 1) {
        MUST(!done || ccp_ctx_status(done) != CCP_OK);
        return CCP_CANCELED;
    }
    if (rc == CCP_OK) {
        size_t i = which[chosen] % MOST_ROUTES;
        if (which[chosen] < MOST_ROUTES)
            note_accepted(w, t, i, was_closed[i]);
        else
            note_received(r, t, i, in);
    }
    return rc;
}

/* --- flow --- */

static ccp_wait brief(worker *w)
{
    switch (roll(&w->dice, 4)) {
    case 0:
        return CCP_NOWAIT;
    case 1:
        return ccp_within(CCP_US(roll(&w->dice, 20)));
    default:
        return ccp_within(CCP_US(roll(&w->dice, 200)));
    }
}

/* Gives up often, by time or by context, and always comes back. */
static ccp_status fickle(worker *w, traffic *t, bool sends)
{
    round_state *r = w->round;
    size_t c = roll(&w->dice, LENGTH(r->ctxs)), i = roll(&w->dice, (uint32_t)r->routes_n);
    ccp_wait wait = brief(w);
    bool with_ctx = roll(&w->dice, 2);
    if (with_ctx) {
        pthread_rwlock_rdlock(&r->ctx_lock[c]);
        wait = roll(&w->dice, 2) ? ccp_with(r->ctxs[c]) : ccp_under(r->ctxs[c], wait);
    }
    ccp_status rc;
    switch (roll(&w->dice, 3)) {
    case 0:
        rc = select_some(w, t, sends ? SEND : RECV, with_ctx ? r->ctxs[c] : NULL, wait);
        break;
    case 1:
        rc = sends ? send_some(w, t, i, 1, wait) : recv_some(w, t, i, BATCH, wait);
        break;
    default:
        rc = sends ? send_some(w, t, i, 1, wait) : recv_some(w, t, i, 1, wait);
    }
    if (with_ctx)
        pthread_rwlock_unlock(&r->ctx_lock[c]);
    MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_TIMEOUT || rc == CCP_CANCELED ||
         rc == CCP_CLOSED);
    return rc;
}

/* Its share is sent to route index % n, or wherever a select leads. */
static void run_sender(worker *w)
{
    round_state *r = w->round;
    traffic *t = calloc(1, sizeof *t);
    size_t home = w->index % r->routes_n;
    for (size_t sent = 0; sent < r->each;) {
        ccp_status rc;
        if (w->index % 3 == 0)
            rc = fickle(w, t, true);
        else if (w->index % 3 == 1)
            rc = select_some(w, t, SEND, NULL, CCP_FOREVER);
        else
            rc = send_some(w, t, home, 1, CCP_FOREVER);
        MUST(rc != CCP_CLOSED);
        sent += rc == CCP_OK;
    }
    worker_does(w, "signs off");
    for (size_t i = 0; i < r->routes_n; i++)
        MUST(ccp_chan_sender_done(r->routes[i].ch) == CCP_OK);
    free(t);
}

/* Some receive from one route till it ends; some from any, by select, and come and go. */
static void run_receiver(worker *w)
{
    round_state *r = w->round;
    traffic *t = calloc(1, sizeof *t);
    if (w->index < r->routes_n) { /* one for each route waits for ever */
        while (recv_some(w, t, w->index, 1, CCP_FOREVER) == CCP_OK)
            continue;
    } else if (w->index % 2) {
        while (select_some(w, t, RECV, NULL, CCP_FOREVER) != CCP_CLOSED)
            continue;
    } else {
        while (fickle(w, t, false) != CCP_CLOSED)
            continue;
    }
    free(t);
}

static void count_signal(int sig)
{
    (void)sig;
}

static void run_flow(uint64_t seed, size_t senders, size_t receivers, size_t each, bool signals)
{
    static worker s[MOST_WORKERS], v[MOST_WORKERS], canceler;
    round_state *r = calloc(1, sizeof *r);
    dice d = { seed };
    r->routes_n = 1 + roll(&d, MOST_ROUTES);
    r->senders = senders;
    r->each = each;
    for (size_t i = 0; i < r->routes_n; i++) {
        open_route(&r->routes[i], &d);
        MUST(ccp_chan_add_senders(r->routes[i].ch, (unsigned)senders) == CCP_OK);
    }
    open_ctxs(r);
    worker_start(&canceler, run_canceler, r, 0, seed + 1);
    for (size_t i = 0; i < receivers; i++)
        worker_start(&v[i], run_receiver, r, i, seed + 2);
    for (size_t i = 0; i < senders; i++)
        worker_start(&s[i], run_sender, r, i, seed + 3);
    for (size_t i = 0; signals && atomic_load(&s[i % senders].doing); i++) {
        MUST(pthread_kill(s[i % senders].id, SIGUSR1) == 0);
        MUST(pthread_kill(v[i % receivers].id, SIGUSR1) == 0);
        (void)ccp_sleep(ccp_within(CCP_US(20)));
    }
    for (size_t i = 0; i < senders; i++)
        worker_join(&s[i]);
    for (size_t i = 0; i < receivers; i++)
        worker_join(&v[i]);
    atomic_store(&r->stop, true);
    worker_join(&canceler);
    unsigned long all = 0;
    watch_no_chans();
    for (size_t i = 0; i < r->routes_n; i++) {
        MUST(ccp_chan_is_closed(r->routes[i].ch) && ccp_chan_len(r->routes[i].ch) == 0);
        all += atomic_load(&r->routes[i].received.n);
        settle_route(&r->routes[i]);
    }
    MUST(all == senders * each);
    close_ctxs(r);
    free(r);
}

static void flow(uint64_t seed)
{
    dice d = { seed ^ 0x5eed };
    run_flow(seed, 1 + roll(&d, 6), MOST_ROUTES + roll(&d, 5), 300, false);
}

static void crowd(uint64_t seed)
{
    run_flow(seed, 32, 31, 60, false);
}

static void signals(uint64_t seed)
{
    struct sigaction act = { .sa_handler = count_signal }; /* without SA_RESTART */
    MUST(sigaction(SIGUSR1, &act, NULL) == 0);
    run_flow(seed, 4, 6, 300, true);
}

/* --- storm --- */

static void stormy_close(worker *w, size_t i)
{
    round_state *r = w->round;
    route *p = &r->routes[i];
    worker_does(w, "closes");
    if (roll(&w->dice, 2))
        MUST(ccp_chan_close(p->ch) != CCP_INVAL);
    else
        MUST(ccp_chan_cancel(p->ch) != CCP_INVAL);
    atomic_store(&p->closed, true);
}

static void run_stormer(worker *w)
{
    round_state *r = w->round;
    traffic *t = calloc(1, sizeof *t);
    for (size_t step = 0; step < r->each; step++) {
        size_t i = roll(&w->dice, (uint32_t)r->routes_n);
        uint32_t what = roll(&w->dice, 1000);
        if (what < 450)
            (void)fickle(w, t, true);
        else if (what < 900)
            (void)fickle(w, t, false);
        else if (what < 980)
            (void)select_some(w, t, SEND | RECV, NULL, brief(w));
        else if (what < 998)
            (void)send_some(w, t, i, BATCH, brief(w));
        else if (step > r->each / 2)
            stormy_close(w, i);
    }
    free(t);
}

static void storm(uint64_t seed)
{
    static worker w[16], canceler;
    round_state *r = calloc(1, sizeof *r);
    dice d = { seed };
    size_t n = 4 + roll(&d, LENGTH(w) - 3);
    r->routes_n = 1 + roll(&d, MOST_ROUTES);
    r->each = 400;
    for (size_t i = 0; i < r->routes_n; i++)
        open_route(&r->routes[i], &d);
    open_ctxs(r);
    worker_start(&canceler, run_canceler, r, 0, seed + 1);
    for (size_t i = 0; i < n; i++)
        worker_start(&w[i], run_stormer, r, i, seed + 2);
    for (size_t i = 0; i < n; i++)
        worker_join(&w[i]);
    atomic_store(&r->stop, true);
    worker_join(&canceler);
    watch_no_chans();
    for (size_t i = 0; i < r->routes_n; i++)
        settle_route(&r->routes[i]);
    close_ctxs(r);
    free(r);
}

int main(int argc, char **argv)
{
    static const mode modes[] = {
        { "flow", flow },
        { "crowd", crowd },
        { "signals", signals },
        { "storm", storm },
    };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
