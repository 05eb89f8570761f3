/* SPDX-License-Identifier: MIT
 *
 * Channels under every kind of call at once.  The books: each element that a sender was told is
 * accepted was received once or dropped once; each that was refused was neither.
 */
#include "harness.h"

#include "block/tuning.h"
#include "chan/chan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHANS = 3, BATCH = 6, MOST_SIZE = 80 };
enum { UNTRIED, REFUSED, ACCEPTED };

typedef struct round {
    unsigned count, senders, receivers, mixed;
    uint32_t per_sender;
    size_t size[CHANS], cap[CHANS];
    ccp_chan *chan[CHANS];
    ccp_chan *tick;
    ccp_ctx *root;
    bool early;        /* somebody closes or cancels before the senders are done */
    bool by_count;     /* the last sender closes */
    _Atomic unsigned sending;
    unsigned char *fate;            /* [sender][number]: the sender's */
    _Atomic unsigned char *taken;   /* [sender][number]: times received or dropped */
    _Atomic uint64_t accepted[CHANS], received[CHANS], dropped[CHANS];
    pthread_mutex_t mutex;
    ccp_ctx *current[MOST_WORKERS]; /* under mutex: to be canceled by the meddler */
} round;

/* What each thread knows. */
typedef struct person {
    worker *w;
    round *r;
    unsigned sender;               /* which one, if it sends */
    uint32_t next;                 /* number of the next element */
    bool shut[CHANS];
    uint32_t last[CHANS][MOST_WORKERS]; /* highest number seen of each sender, plus one */
    ccp_ctx *ctx;
    const char *name;              /* of the present wait */
    int64_t at_least;              /* it may not time out earlier than this */
    bool may_again, may_time, may_cancel;
} person;

/* ---- Elements: sender and number, then a pattern made of them ---- */

static uint32_t id_of(const round *r, unsigned sender, uint32_t number)
{
    return sender * r->per_sender + number + 1;
}

static void fill(unsigned char *e, size_t size, uint32_t id)
{
    for (size_t i = 0; i < size; i++)
        e[i] = (unsigned char)((id >> (i % 4 * 8)) ^ (i / 4 * 29));
}

static uint32_t id_in(const unsigned char *e, size_t size)
{
    uint32_t id =
        (uint32_t)e[0] | (uint32_t)e[1] << 8 | (uint32_t)e[2] << 16 | (uint32_t)e[3] << 24;
    unsigned char whole[MOST_SIZE];
    fill(whole, size, id);
    if (memcmp(whole, e, size) != 0)
        fail("a torn element, of %zu bytes, number %u", size, id);
    return id;
}

static uint32_t count_taken(round *r, const unsigned char *e, size_t size)
{
    uint32_t id = id_in(e, size) - 1;
    if (id >= (r->senders + r->mixed) * r->per_sender)
        fail("an element that nobody sent: %u", id);
    if (atomic_fetch_add(&r->taken[id], 1) != 0)
        fail("element %u of sender %u came twice", id % r->per_sender, id / r->per_sender);
    return id;
}

typedef struct drop_arg {
    round *r;
    unsigned chan;
} drop_arg;
static drop_arg drop_args[CHANS];

static void drop(void *elem, void *arg)
{
    drop_arg *d = arg;
    atomic_fetch_add(&d->r->dropped[d->chan], 1);
    if (d->r->size[d->chan])
        count_taken(d->r, elem, d->r->size[d->chan]);
}

/* ---- Waits ---- */

static ccp_ctx *new_ctx(person *p)
{
    static const int64_t limits[] = { 0, CCP_US(20), CCP_US(200), CCP_MS(2), 0 };
    int64_t limit = limits[below(&p->w->dice, 5)];
    p->ctx = ccp_ctx_new(p->r->root, limit ? ccp_within(limit) : CCP_FOREVER);
    if (!p->ctx)
        fail("no memory for a context");
    pthread_mutex_lock(&p->r->mutex);
    p->r->current[p->w->id] = p->ctx;
    pthread_mutex_unlock(&p->r->mutex);
    return p->ctx;
}

static void drop_ctx(person *p)
{
    if (!p->ctx)
        return;
    pthread_mutex_lock(&p->r->mutex);
    p->r->current[p->w->id] = NULL;
    pthread_mutex_unlock(&p->r->mutex);
    EXPECT(ccp_ctx_free(p->ctx) == CCP_OK);
    p->ctx = NULL;
}

/* Any wait; `forever`: also those that may not end by themselves. */
static ccp_wait any_wait(person *p, bool forever)
{
    dice *d = &p->w->dice;
    int64_t ns = (int64_t)below(d, 1u << below(d, 22));
    p->may_again = p->may_time = p->may_cancel = false;
    p->at_least = 0;
    switch (below(d, forever ? 8 : 5)) {
    case 0:
    case 1:
        p->may_again = true;
        return CCP_NOWAIT;
    case 2:
    case 3:
        p->may_time = true;
        p->at_least = ccp_now() + ns;
        return below(d, 2) ? ccp_within(ns) : ccp_until(p->at_least);
    case 4:
        p->may_time = p->may_cancel = true;
        return ccp_under(new_ctx(p), ccp_within(ns));
    case 5:
        p->may_time = p->may_cancel = true; /* the meddler cancels it sooner or later */
        return ccp_with(new_ctx(p));
    default:
        return CCP_FOREVER;
    }
}

/* The statuses that this wait may give; the context is given back. */
static void check_status(person *p, ccp_status st)
{
    bool good = st == CCP_OK || st == CCP_CLOSED || (st == CCP_AGAIN && p->may_again) ||
                (st == CCP_TIMEOUT && p->may_time) || (st == CCP_CANCELED && p->may_cancel);
    if (!good)
        fail("%s gave %s", p->name, ccp_status_name(st));
    if (st == CCP_TIMEOUT && !p->may_cancel && ccp_now() < p->at_least)
        fail("%s timed out early", p->name);
    drop_ctx(p);
}

static void begin(person *p, const char *name, const void *on)
{
    p->name = name;
    enter(p->w, name, on);
}

/* ---- Sending ---- */

static void settle(person *p, unsigned chan, size_t accepted, size_t tried, ccp_status st)
{
    round *r = p->r;
    for (size_t i = 0; i < tried; i++)
        r->fate[p->sender * r->per_sender + p->next + i] = i < accepted ? ACCEPTED : REFUSED;
    atomic_fetch_add(&r->accepted[chan], accepted);
    p->next += (uint32_t)tried;
    if (st == CCP_CLOSED)
        p->shut[chan] = true;
}

static unsigned open_chan(person *p)
{
    unsigned i = below(&p->w->dice, p->r->count);
    while (p->shut[i])
        i = (i + 1) % p->r->count;
    return i;
}

static bool all_shut(const person *p)
{
    for (unsigned i = 0; i < p->r->count; i++)
        if (!p->shut[i])
            return false;
    return true;
}

static void send_one(person *p, bool forever)
{
    round *r = p->r;
    unsigned i = open_chan(p);
    unsigned char e[MOST_SIZE];
    fill(e, r->size[i], id_of(r, p->sender, p->next));
    ccp_wait w = any_wait(p, forever);
    begin(p, "ccp_chan_send", r->chan[i]);
    ccp_status st = ccp_chan_send(r->chan[i], e, w);
    leave(p->w);
    check_status(p, st);
    settle(p, i, st == CCP_OK, 1, st);
}

static void send_batch(person *p, bool forever)
{
    round *r = p->r;
    unsigned i = open_chan(p);
    size_t n = 1 + below(&p->w->dice, BATCH), sent = 99;
    if (n > r->per_sender - p->next)
        n = r->per_sender - p->next;
    unsigned char e[BATCH * MOST_SIZE];
    for (size_t k = 0; k < n; k++)
        fill(e + k * r->size[i], r->size[i], id_of(r, p->sender, p->next + (uint32_t)k));
    ccp_wait w = any_wait(p, forever);
    begin(p, "ccp_chan_send_n", r->chan[i]);
    ccp_status st = ccp_chan_send_n(r->chan[i], e, n, &sent, w);
    leave(p->w);
    check_status(p, st);
    EXPECT(st == CCP_OK ? sent >= 1 && sent <= n : sent == 99);
    settle(p, i, st == CCP_OK ? sent : 0, n, st);
}

/* ---- Receiving ---- */

/* Elements of one sender come in the order sent (C1), as far as one receiver can see. */
static void note(person *p, unsigned chan, const unsigned char *e)
{
    round *r = p->r;
    atomic_fetch_add_explicit(&r->received[chan], 1, memory_order_relaxed);
    if (r->size[chan] == 0)
        return;
    uint32_t id = count_taken(r, e, r->size[chan]);
    uint32_t sender = id / r->per_sender, number = id % r->per_sender;
    if (number < p->last[chan][sender])
        fail("element %u of sender %u came after %u", number, sender, p->last[chan][sender] - 1);
    p->last[chan][sender] = number + 1;
}

static void untouched(const person *p, const unsigned char *e, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (e[i] != 0xEE)
            fail("%s failed and wrote to the element", p->name);
}

static void receive_one(person *p, bool forever)
{
    round *r = p->r;
    unsigned i = open_chan(p);
    unsigned char e[MOST_SIZE];
    memset(e, 0xEE, sizeof e);
    ccp_wait w = any_wait(p, forever);
    begin(p, "ccp_chan_recv", r->chan[i]);
    ccp_status st = ccp_chan_recv(r->chan[i], e, w);
    leave(p->w);
    check_status(p, st);
    if (st == CCP_OK)
        note(p, i, e);
    else
        untouched(p, e, sizeof e);
    p->shut[i] = st == CCP_CLOSED;
}

static void receive_batch(person *p, bool forever)
{
    round *r = p->r;
    unsigned i = open_chan(p);
    size_t n = 1 + below(&p->w->dice, BATCH), got = 99;
    unsigned char e[BATCH * MOST_SIZE];
    memset(e, 0xEE, sizeof e);
    ccp_wait w = any_wait(p, forever);
    begin(p, "ccp_chan_recv_n", r->chan[i]);
    ccp_status st = ccp_chan_recv_n(r->chan[i], e, n, &got, w);
    leave(p->w);
    check_status(p, st);
    EXPECT(st == CCP_OK ? got >= 1 && got <= n : got == 99);
    size_t k = st == CCP_OK ? got : 0;
    for (size_t j = 0; j < k; j++)
        note(p, i, e + j * r->size[i]);
    untouched(p, e + k * r->size[i], sizeof e - k * r->size[i]);
    p->shut[i] = st == CCP_CLOSED;
}

/* ---- Select ---- */

typedef struct cases {
    ccp_case k[2 * CHANS + 2];
    unsigned chan[2 * CHANS + 2];
    char kind[2 * CHANS + 2]; /* 's', 'r', 't' tick, 'd' done */
    size_t n;
    unsigned char in[2 * CHANS][MOST_SIZE], out[MOST_SIZE * CHANS];
    int64_t tick;
} cases;

static void add_case(cases *c, ccp_case k, char kind, unsigned chan)
{
    c->k[c->n] = k;
    c->kind[c->n] = kind;
    c->chan[c->n++] = chan;
}

static void build_cases(person *p, cases *c, bool sends, bool receives)
{
    round *r = p->r;
    dice *d = &p->w->dice;
    c->n = 0;
    c->tick = 0;
    memset(c->in, 0xEE, sizeof c->in);
    for (unsigned k = 0, i = below(d, r->count); k < r->count; k++, i = (i + 1) % r->count) {
        ccp_chan *ch = p->shut[i] ? NULL : r->chan[i];
        if (sends) { /* the same element is offered to each */
            unsigned char *e = c->out + i * MOST_SIZE;
            fill(e, r->size[i], id_of(r, p->sender, p->next));
            add_case(c, CCP_CASE_SEND(ch, e), 's', i);
        }
        if (receives)
            add_case(c, CCP_CASE_RECV(ch, c->in[c->n]), 'r', i);
    }
    if (r->tick && below(d, 3) == 0)
        add_case(c, CCP_CASE_RECV(r->tick, &c->tick), 't', 0);
}

static void after_select(person *p, cases *c, size_t chosen, ccp_status st, bool sends)
{
    bool done = st == CCP_OK || st == CCP_CLOSED;
    EXPECT(done ? chosen < c->n : chosen == 99);
    char kind = done ? c->kind[chosen] : 0;
    unsigned chan = done ? c->chan[chosen] : 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->kind[i] == 'r' && !(st == CCP_OK && i == chosen))
            untouched(p, c->in[i], MOST_SIZE);
    if (kind == 'r' && st == CCP_OK)
        note(p, chan, c->in[chosen]);
    if (kind == 't')
        EXPECT(st == CCP_OK && c->tick <= ccp_now()); /* T1 */
    if (kind == 's')
        settle(p, chan, st == CCP_OK, 1, st);
    else if (sends)
        settle(p, 0, 0, 1, CCP_OK);
    if (kind == 'r' && st == CCP_CLOSED)
        p->shut[chan] = true;
}

static void select_some(person *p, bool sends, bool receives, bool forever)
{
    cases c;
    build_cases(p, &c, sends, receives);
    ccp_wait w = any_wait(p, forever);
    if (p->ctx && below(&p->w->dice, 2))
        add_case(&c, CCP_CASE_DONE(p->ctx), 'd', 0);
    size_t chosen = 99;
    begin(p, sends ? receives ? "select of sends and receives" : "select of sends"
                   : "select of receives", NULL);
    ccp_status st = below(&p->w->dice, 2) ? ccp_select(c.k, c.n, &chosen, w)
                                          : ccp_select_first(c.k, c.n, &chosen, w);
    leave(p->w);
    check_status(p, st);
    after_select(p, &c, chosen, st, sends);
}

/* ---- People ---- */

static person *new_person(worker *w)
{
    person *p = calloc(1, sizeof *p);
    if (!p)
        fail("no memory");
    p->w = w;
    p->r = w->round;
    return p;
}

static void sender_leaves(person *p)
{
    round *r = p->r;
    if (r->by_count)
        for (unsigned i = 0; i < r->count; i++)
            EXPECT(ccp_chan_sender_done(r->chan[i]) == CCP_OK);
    if (atomic_fetch_sub(&r->sending, 1) == 1 && !r->by_count)
        for (unsigned i = 0; i < r->count; i++) {
            ccp_status st = ccp_chan_close(r->chan[i]);
            EXPECT(st == CCP_OK || (st == CCP_CLOSED && r->early));
        }
    free(p);
}

static void be_sender(worker *w)
{
    person *p = new_person(w);
    p->sender = w->id;
    while (p->next < p->r->per_sender && !all_shut(p)) {
        unsigned what = below(&w->dice, 8);
        if (what < 5)
            send_one(p, true);
        else if (what < 7)
            send_batch(p, true);
        else
            select_some(p, true, false, true);
    }
    sender_leaves(p);
}

/* Where there are several channels a receiver that waits for one only must not wait for ever: the
 * senders may be waiting for room in another. */
static void be_receiver(worker *w)
{
    person *p = new_person(w);
    while (!all_shut(p)) {
        unsigned what = below(&w->dice, 8);
        bool forever = p->r->count == 1;
        if (what < 4)
            receive_one(p, forever);
        else if (what < 6)
            receive_batch(p, forever);
        else
            select_some(p, false, true, true);
    }
    free(p);
}

static void be_both(worker *w)
{
    person *p = new_person(w);
    p->sender = w->id - p->r->receivers;
    while (p->next < p->r->per_sender && !all_shut(p)) {
        switch (below(&w->dice, 4)) {
        case 0:
            send_one(p, false);
            break;
        case 1:
            receive_one(p, false);
            break;
        default:
            select_some(p, true, true, false);
        }
    }
    sender_leaves(p);
}

static void look_at(round *r, unsigned i)
{
    ccp_chan_info info;
    EXPECT(ccp_chan_get_info(r->chan[i], &info) == CCP_OK);
    EXPECT(info.len <= r->cap[i] && info.high_water <= r->cap[i] && info.capacity == r->cap[i]);
    EXPECT(info.received <= info.sent);
    EXPECT(ccp_chan_len(r->chan[i]) <= r->cap[i]);
}

/* Cancels contexts at random, looks at the channels, and closes or cancels them early. */
static void be_meddler(worker *w)
{
    round *r = w->round;
    unsigned calls = 0, end = r->early ? below(&w->dice, 400) : UINT32_MAX;
    while (atomic_load(&r->sending) > 0 || below(&w->dice, 2)) {
        pthread_mutex_lock(&r->mutex);
        ccp_ctx_cancel(r->current[below(&w->dice, r->senders + r->receivers + r->mixed)]);
        pthread_mutex_unlock(&r->mutex);
        look_at(r, below(&w->dice, r->count));
        struct timespec t = { 0, (long)below(&w->dice, 100000) };
        nanosleep(&t, NULL);
        if (calls++ == end) {
            unsigned i = below(&w->dice, r->count);
            ccp_status st = below(&w->dice, 2) ? ccp_chan_close(r->chan[i])
                                               : ccp_chan_cancel(r->chan[i]);
            EXPECT(st == CCP_OK || st == CCP_CLOSED);
            EXPECT(ccp_chan_is_closed(r->chan[i]));
        }
    }
    /* Those who still wait under a context without an end are released. */
    ccp_ctx_cancel(r->root);
    atomic_fetch_add_explicit(&w->steps, 1, memory_order_relaxed);
}

/* ---- A round ---- */

static void check_books(round *r)
{
    unsigned all = (r->senders + r->mixed) * r->per_sender;
    bool sizes = true;
    for (unsigned i = 0; i < r->count; i++) {
        uint64_t accepted = atomic_load(&r->accepted[i]), received = atomic_load(&r->received[i]);
        if (accepted != received + atomic_load(&r->dropped[i]))
            fail("channel %u accepted %llu, gave %llu, dropped %llu", i,
                 (unsigned long long)accepted, (unsigned long long)received,
                 (unsigned long long)atomic_load(&r->dropped[i]));
        sizes = sizes && r->size[i] > 0;
    }
    for (unsigned k = 0; k < all; k++) {
        unsigned taken = atomic_load(&r->taken[k]);
        if (r->fate[k] != ACCEPTED && taken)
            fail("element %u came, but was not accepted", k);
        if (sizes && r->fate[k] == ACCEPTED && taken != 1)
            fail("element %u was accepted and is lost", k);
    }
}

static void open_channels(round *r, dice *d)
{
    static const size_t sizes[] = { 4, 8, 16, 24, 40, 72, 0 };
    static const size_t caps[] = { 0, 1, 2, 64, 3, 7 };
    for (unsigned i = 0; i < r->count; i++) {
        r->size[i] = sizes[below(d, 7)];
        r->cap[i] = caps[below(d, below(d, 3) ? 3 : 6)];
        drop_args[i] = (drop_arg){ r, i };
        r->chan[i] = ccp_chan_make(&(ccp_chan_opts){ .elem_size = r->size[i],
                                                     .capacity = r->cap[i],
                                                     .drop = drop,
                                                     .drop_arg = &drop_args[i],
                                                     .spread = below(d, 4) == 0 });
        static const char *const names[] = { "0", "1", "2" };
        if (!r->chan[i])
            fail("no memory for a channel");
        watch_chan(names[i], r->chan[i]);
        if (r->by_count)
            EXPECT(ccp_chan_add_senders(r->chan[i], r->senders + r->mixed) == CCP_OK);
    }
}

static void close_round(round *r)
{
    watch_chan(NULL, NULL);
    for (unsigned i = 0; i < r->count; i++) {
        EXPECT(ccp_chan_is_closed(r->chan[i]));
        EXPECT(ccp_chan_free(r->chan[i]) == CCP_OK); /* in a checked build: nobody is counted */
    }
    EXPECT(ccp_chan_free(r->tick) == CCP_OK);
    check_books(r);
    EXPECT(ccp_ctx_free(r->root) == CCP_OK);
    EXPECT(ccp_live_blocks() == 0);
    free(r->fate);
    free((void *)r->taken);
}

static void start_crew(round *r, uint64_t seed)
{
    for (unsigned i = 0; i < r->senders; i++)
        crew_add(i, seed, be_sender, r);
    for (unsigned i = 0; i < r->receivers; i++)
        crew_add(r->senders + i, seed, be_receiver, r);
    for (unsigned i = 0; i < r->mixed; i++)
        crew_add(r->senders + r->receivers + i, seed, be_both, r);
    crew_add(r->senders + r->receivers + r->mixed, seed, be_meddler, r);
}

void round_of_channels(const setup *s, uint64_t number, uint64_t seed)
{
    dice d = dice_of(seed, 99);
    unsigned people = s->threads < 3 ? 3 : s->threads;
    round r = { .count = 1 + below(&d, CHANS), .mutex = PTHREAD_MUTEX_INITIALIZER };
    r.mixed = below(&d, 3) == 0 ? below(&d, people - 1) : 0;
    r.senders = 1 + below(&d, people - r.mixed - 1);
    r.receivers = people - r.mixed - r.senders;
    r.per_sender = 1 + below(&d, 20000 / people);
    r.early = below(&d, 3) == 0;
    r.by_count = below(&d, 2) == 0;
    atomic_init(&r.sending, r.senders + r.mixed);
    unsigned all = (r.senders + r.mixed) * r.per_sender;
    r.fate = calloc(all, 1);
    r.taken = calloc(all, 1);
    round_begin(s, number, "%u channels, %u senders of %u, %u receivers, %u both%s%s", r.count,
                r.senders, r.per_sender, r.receivers, r.mixed, r.early ? ", closed early" : "",
                r.by_count ? ", by count" : "");
    r.root = ccp_ctx_new(NULL, CCP_FOREVER);
    r.tick = below(&d, 2) ? ccp_chan_tick(CCP_US(50)) : NULL;
    if (!r.root || !r.fate || !r.taken)
        fail("no memory");
    open_channels(&r, &d);
    start_crew(&r, seed);
    crew_join();
    close_round(&r);
}
