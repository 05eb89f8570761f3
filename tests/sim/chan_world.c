/* SPDX-License-Identifier: MIT
 *
 * See chan_world.h.
 */
#include "chan_world.h"

#include "chan/chan.h"
#include "tune.h"

#include <string.h>

const char *const operation_names[OPERATIONS] = {
    "send", "send_nowait", "send_timed", "send_ctx", "send_n", "recv", "recv_nowait", "recv_timed",
    "recv_ctx", "recv_n", "select_recv", "select_send", "select_mixed", "select_self",
    "select_nowait", "select_timed", "select_ctx", "close", "cancel", "ctx_cancel", "len",
    "is_closed", "sender_done",
};
const char *const fill_names[FILLS] = { "empty", "part", "full", "closed", "closed_full",
                                        "parked_recv", "parked_send" };

static const world *w;
static ccp_chan *chan[2];
static ccp_ctx *ctx;
static lin_history history;
static lin_channel model;
static operation doing[SIM_THREADS];

/* ---- Values: thread, and a number; so the channel's history tells who sent what ---- */

static uint64_t next_value[SIM_THREADS];

static uint64_t new_value(void)
{
    int me = sim_self();
    return (uint64_t)me * 100 + ++next_value[me];
}

/* ---- Operations ---- */

static int begin(int kind, uint64_t value, uint32_t n)
{
    return lin_begin(&history, kind, 0, value, n);
}

static void end(int i, ccp_status st, uint64_t value, uint32_t n)
{
    lin_end(&history, i, (int)st, value, n);
}

static void note_drop(void *elem, void *arg)
{
    uint64_t v = 0;
    if (w->elem_size)
        memcpy(&v, elem, sizeof v);
    lin_drop(&history, arg ? 1 : 0, v);
}

static void do_send(ccp_wait wait)
{
    uint64_t v = new_value();
    int i = begin(LIN_SEND, v, 1);
    end(i, ccp_chan_send(chan[0], &v, wait), v, 1);
}

static void do_recv(ccp_wait wait)
{
    uint64_t v = 0;
    int i = begin(LIN_RECV, 0, 1);
    ccp_status st = ccp_chan_recv(chan[0], &v, wait);
    end(i, st, v, 1);
}

/* The elements of a batch are entered one by one: accepted in order, but not at one moment. */
static void do_batch(bool sends)
{
    uint64_t v[2] = { 0, 0 };
    size_t n = 0;
    if (sends)
        v[0] = new_value(), v[1] = new_value();
    int kind = sends ? LIN_SEND : LIN_RECV, i = begin(kind, v[0], 1), k = begin(kind, v[1], 1);
    ccp_status st = sends ? ccp_chan_send_n(chan[0], v, 2, &n, CCP_FOREVER)
                          : ccp_chan_recv_n(chan[0], v, 2, &n, CCP_FOREVER);
    sim_assert((st == CCP_OK) == (n > 0) && n <= 2);
    sim_assert(n < 2 || v[0] / 100 != v[1] / 100 || v[0] <= v[1]); /* C13 */
    if (n < 2)
        lin_set(&history, k, kind, LIN_NOTHING);
    end(k, st, v[1], 1);
    end(i, st, v[0], 1);
}

static void do_select(const ccp_case *cases, size_t n, uint64_t value, uint64_t *got, ccp_wait wait)
{
    size_t chosen = 99;
    int i = begin(LIN_SEND, value, 1);
    ccp_status st = ccp_select(cases, n, &chosen, wait);
    bool done = st == CCP_OK || st == CCP_CLOSED;
    sim_assert(done ? chosen < n : chosen == 99);
    const ccp_case *k = done ? &cases[chosen] : NULL;
    bool sent = k && k->op_ == 1;
    lin_set(&history, i, sent ? LIN_SEND : LIN_RECV,
            !k || k->op_ == 2 ? LIN_NOTHING : k->obj_ == chan[1]);
    end(i, st, sent ? value : *got, 1);
}

static void do_selects(operation op)
{
    uint64_t v = new_value(), got = 0;
    const ccp_case recv0 = CCP_CASE_RECV(chan[0], &got), recv1 = CCP_CASE_RECV(chan[1], &got);
    const ccp_case send0 = CCP_CASE_SEND(chan[0], &v), send1 = CCP_CASE_SEND(chan[1], &v);
    ccp_case cases[2] = { recv0, recv1 };
    ccp_wait wait = CCP_FOREVER;
    switch (op) {
    case SELECT_SEND: cases[0] = send0, cases[1] = send1; break;
    case SELECT_MIXED: cases[0] = send1, cases[1] = recv0; break;
    case SELECT_NOWAIT: wait = CCP_NOWAIT; /* fall through */
    case SELECT_SELF: cases[0] = send0, cases[1] = recv0; break;
    case SELECT_TIMED: wait = ccp_within(100); break;
    case SELECT_CTX: cases[1] = CCP_CASE_DONE(ctx); break;
    default: break;
    }
    do_select(cases, 2, v, &got, wait);
}

static void do_end(operation op)
{
    int i = begin(op == CLOSE ? LIN_CLOSE : LIN_CANCEL, 0, 0);
    ccp_status st = op == CLOSE ? ccp_chan_close(chan[0]) : ccp_chan_cancel(chan[0]);
    end(i, st, 0, lin_dropped(&history, i));
}

static void do_look(operation op)
{
    int i = begin(op == LEN ? LIN_LEN : LIN_CLOSED, 0, 0);
    uint64_t v = op == LEN ? ccp_chan_len(chan[0]) : ccp_chan_is_closed(chan[0]);
    sim_assert(op != LEN || v <= w->capacity);
    end(i, CCP_OK, v, 0);
}

static void do_done(void)
{
    int i = begin(LIN_DONE, 0, 0);
    end(i, ccp_chan_sender_done(chan[0]), 0, 0);
}

void world_do(operation op)
{
    int me = sim_self();
    doing[me] = op;
    switch (op) {
    case SEND: do_send(CCP_FOREVER); break;
    case SEND_NOWAIT: do_send(CCP_NOWAIT); break;
    case SEND_TIMED: do_send(ccp_within(100)); break;
    case SEND_CTX: do_send(ccp_with(ctx)); break;
    case SEND_N: do_batch(true); break;
    case RECV: do_recv(CCP_FOREVER); break;
    case RECV_NOWAIT: do_recv(CCP_NOWAIT); break;
    case RECV_TIMED: do_recv(ccp_within(100)); break;
    case RECV_CTX: do_recv(ccp_with(ctx)); break;
    case RECV_N: do_batch(false); break;
    case CLOSE:
    case CANCEL: do_end(op); break;
    case CTX_CANCEL: ccp_ctx_cancel(ctx); break;
    case LEN:
    case IS_CLOSED: do_look(op); break;
    case SENDER_DONE: do_done(); break;
    default: do_selects(op); break;
    }
    doing[me] = OPERATIONS;
}

/* ---- Threads ---- */

typedef struct script {
    const operation *ops;
    int n;
    operation one;
} script;
static script scripts[SIM_THREADS];
static int script_count;

static void run_script(void *arg)
{
    const script *s = arg;
    for (int i = 0; i < s->n; i++)
        world_do(s->ops ? s->ops[i] : s->one);
}

void world_spawn(const operation *ops, int n)
{
    script *s = &scripts[script_count++];
    *s = (script){ ops, n, SEND };
    sim_spawn(run_script, s);
}

static void spawn_one(operation op)
{
    script *s = &scripts[script_count++];
    *s = (script){ NULL, 1, op };
    sim_spawn(run_script, s);
}

/* ---- Beginning and end ---- */

static void tune(void)
{
    if (w->spin)
        tune_a_little();
    else
        tune_no_spinning();
    if (w->wrap) /* the last round before 2^64; a lap of capacity 1 is 4, of capacity 2 it is 8 */
        ccpi_tuning.first_lap = UINT64_MAX / (w->capacity == 1 ? 4 : w->capacity <= 3 ? 8 : 16);
}

bool world_is_possible(const world *x)
{
    switch (x->fill) {
    case PART: return x->capacity >= 2;
    case FULL: return x->capacity >= 1;
    case CLOSED_FULL: return x->capacity >= 1;
    default: return true;
    }
}

static ccp_chan *make(int which)
{
    static int second;
    ccp_chan *c = ccp_chan_make(&(ccp_chan_opts){ .elem_size = w->elem_size,
                                                  .capacity = w->capacity, .drop = note_drop,
                                                  .drop_arg = which ? &second : NULL });
    sim_assert(c);
    if (!w->spin) { /* what spinning learns, and statistics */
        sim_hint(c->pace, sizeof c->pace);
        sim_hint(c->waits, sizeof c->waits);
        sim_hint(&c->high_water, sizeof c->high_water);
        sim_hint(&c->look, sizeof c->look);
    }
    return c;
}

void world_begin(const world *x)
{
    w = x;
    script_count = 0;
    lin_history_clear(&history, w->loose || sim_is_weak());
    memset(next_value, 0, sizeof next_value);
    model = (lin_channel){ w->capacity, w->elem_size == 0 };
    tune();
    chan[0] = make(0);
    chan[1] = make(1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    sim_assert(ccp_chan_add_senders(chan[0], 1) == CCP_OK);
    lin_end(&history, lin_begin(&history, LIN_ADD, 0, 0, 1), CCP_OK, 0, 1);
    uint32_t elements = w->fill == PART ? 1 : 0;
    if (w->fill == FULL || w->fill == CLOSED_FULL || w->fill == PARKED_SEND)
        elements = w->capacity;
    while (elements-- > 0)
        world_do(SEND_NOWAIT);
    if (w->fill == CLOSED || w->fill == CLOSED_FULL)
        world_do(CLOSE);
    if (w->fill == PARKED_RECV || w->fill == PARKED_SEND) {
        spawn_one(w->fill == PARKED_RECV ? RECV : SEND);
        sim_settle();
    }
}

/* Threads that wait in a select which could both send and receive. */
static int both_ways(void)
{
    int n = 0;
    for (int i = 1; i <= script_count; i++)
        n += doing[i] == SELECT_SELF;
    return n;
}

/* No thread can go on.  Does each that waits have a reason? */
static void check_waits(void)
{
    for (int i = 0; i < 2; i++) {
        ccp_chan_info info;
        sim_assert(ccp_chan_get_info(chan[i], &info) == CCP_OK);
        sim_assert(info.high_water <= w->capacity);
        if (info.waiting_senders)
            sim_assert(!info.closed && info.len == w->capacity);
        if (info.waiting_receivers)
            sim_assert(!info.closed && info.len == 0);
        if (w->capacity == 0 && info.waiting_senders && info.waiting_receivers)
            sim_assert(info.waiting_senders == 1 && info.waiting_receivers == 1 &&
                       both_ways() == 1);
    }
    for (int i = 1; ccp_ctx_status(ctx) != CCP_OK && i <= script_count; i++)
        sim_assert(doing[i] != SEND_CTX && doing[i] != RECV_CTX && doing[i] != SELECT_CTX);
}

static void shut(int which)
{
    int i = begin(LIN_CLOSE, 0, 0);
    lin_set(&history, i, LIN_CLOSE, which);
    end(i, ccp_chan_close(chan[which]), 0, 0);
}

static void empty(int which)
{
    ccp_status st;
    do {
        uint64_t v = 0;
        int i = begin(LIN_RECV, 0, 1);
        lin_set(&history, i, LIN_RECV, which);
        st = ccp_chan_recv(chan[which], &v, CCP_NOWAIT);
        end(i, st, v, 1);
    } while (st == CCP_OK);
    sim_assert(st == CCP_CLOSED);
    if (sim_is_weak())
        sim_assert(lin_history_conserves(&history, which, model.counter));
    else
        sim_assert(lin_history_check(&history, which, &lin_channel_model, &model));
    sim_assert(ccp_chan_free(chan[which]) == CCP_OK);
}

/* The rest depends on what the operations have done, not on how. */
static void merge(int where)
{
    uint64_t known = sim_hash(lin_history_hash(&history), (uint64_t)where);
    for (int i = 0; i < SIM_THREADS; i++)
        known = sim_hash(known, (uint64_t)doing[i]);
    sim_merge(&known, sizeof known);
}

void world_end(void)
{
    sim_settle();
    merge(0);
    check_waits();
    shut(0);
    shut(1);
    ccp_ctx_cancel(ctx);
    sim_join();
    merge(1);
    empty(0);
    empty(1);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
}
