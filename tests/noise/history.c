/* SPDX-License-Identifier: MIT
 *
 * Histories of real threads, checked for linearizability by the explorer's checker (lin.h): there
 * is an order of all calls, in which none comes before one that had returned when it began, and in
 * which a queue of one thread would have given the same answers.
 */
#include "harness.h"

#include "lin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 6, MOST_OPS = 1200, SENDS = 400 };

typedef struct log {
    size_t n;
    lin_op op[MOST_OPS];
} log;

typedef struct round {
    ccp_chan *ch;
    lin_channel config;
    size_t size;
    unsigned senders, receivers;
    _Atomic unsigned ready, sending;
    log logs[PEOPLE];
} round;

static uint64_t total_ops, total_tries;

void history_totals(uint64_t *ops, uint64_t *tries)
{
    *ops = total_ops;
    *tries = total_tries;
}

/* ---- Recording ---- */

static uint64_t stamp(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t t = (uint64_t)ccp_now();
    atomic_thread_fence(memory_order_seq_cst);
    return t;
}

static lin_op *begin_op(worker *w, log *l, int kind, uint64_t value)
{
    lin_op *op = &l->op[l->n++];
    *op = (lin_op){ .value = value, .n = 1, .kind = (uint8_t)kind, .thread = (uint8_t)w->id };
    static const char *const names[] = { "ccp_chan_send", "ccp_chan_recv", "ccp_chan_close" };
    enter(w, kind < 3 ? names[kind] : "a question", NULL);
    op->begin = stamp();
    return op;
}

static void end_op(worker *w, lin_op *op, ccp_status st)
{
    op->end = stamp();
    op->status = (uint8_t)st;
    leave(w);
}

static void wait_for_all(worker *w, round *r)
{
    unsigned all = r->senders + r->receivers;
    atomic_fetch_add(&r->ready, 1);
    enter(w, "the start", NULL);
    while (atomic_load(&r->ready) != all)
        ;
    leave(w);
}

static ccp_wait some_wait(dice *d, bool forever)
{
    switch (below(d, forever ? 4 : 3)) {
    case 0:
        return ccp_within(below(d, 20000));
    case 3:
        return CCP_FOREVER;
    default:
        return CCP_NOWAIT;
    }
}

/* ---- People ---- */

static void ask(worker *w, round *r, log *l)
{
    if (below(&w->dice, 2)) {
        lin_op *op = begin_op(w, l, LIN_LEN, 0);
        op->value = ccp_chan_len(r->ch);
        end_op(w, op, CCP_OK);
    } else {
        lin_op *op = begin_op(w, l, LIN_CLOSED, 0);
        op->value = ccp_chan_is_closed(r->ch);
        end_op(w, op, CCP_OK);
    }
}

static void be_sender(worker *w)
{
    round *r = w->round;
    log *l = &r->logs[w->id];
    wait_for_all(w, r);
    for (uint64_t i = 0; i < SENDS; i++) {
        uint64_t v = (uint64_t)(w->id + 1) << 32 | i;
        lin_op *op = begin_op(w, l, LIN_SEND, v);
        end_op(w, op, ccp_chan_send(r->ch, &v, some_wait(&w->dice, true)));
        if (below(&w->dice, 16) == 0)
            ask(w, r, l);
    }
    if (atomic_fetch_sub(&r->sending, 1) == 1) {
        lin_op *op = begin_op(w, l, LIN_CLOSE, 0);
        end_op(w, op, ccp_chan_close(r->ch));
    }
}

static void be_receiver(worker *w)
{
    round *r = w->round;
    log *l = &r->logs[w->id];
    wait_for_all(w, r);
    for (ccp_status st = CCP_OK; st != CCP_CLOSED;) {
        if (l->n + 2 > MOST_OPS) /* nothing more is recorded: the history is given up */
            st = ccp_chan_recv(r->ch, NULL, CCP_FOREVER);
        else {
            uint64_t v = 0;
            lin_op *op = begin_op(w, l, LIN_RECV, 0);
            st = ccp_chan_recv(r->ch, &v, some_wait(&w->dice, true));
            end_op(w, op, st);
            op->value = v;
        }
    }
}

/* ---- Checking ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* For the report only: what was sent and not received, or received twice, is the plainest fault. */
static void print_history(const lin_op *ops, size_t n)
{
    uint64_t *sent = calloc(n + 1, sizeof *sent), *got = calloc(n + 1, sizeof *got);
    size_t sends = 0, receives = 0;
    for (size_t i = 0; sent && got && i < n; i++) {
        if (ops[i].kind == LIN_SEND && ops[i].status == CCP_OK)
            sent[sends++] = ops[i].value;
        if (ops[i].kind == LIN_RECV && ops[i].status == CCP_OK)
            got[receives++] = ops[i].value;
    }
    qsort(sent, sends, sizeof *sent, by_value);
    qsort(got, receives, sizeof *got, by_value);
    fprintf(stderr, "%zu calls, %zu sent, %zu received%s\n", n, sends, receives,
            sends == receives && memcmp(sent, got, sends * sizeof *sent) == 0
                ? ", the same elements: the order is wrong" : "");
    free(sent);
    free(got);
}

static bool check(const round *r, const lin_op *ops, size_t n)
{
    uint64_t tries;
    bool good = lin_check(&lin_channel_model, &r->config, ops, n, &tries);
    total_tries += tries;
    return good;
}

/* The checker must reject a history in which two elements changed places. */
static void check_checker(const round *r, lin_op *ops, size_t n)
{
    lin_op *first = NULL;
    for (size_t i = 0; i < n && !r->config.counter; i++) {
        if (ops[i].kind != LIN_RECV || ops[i].status != CCP_OK)
            continue;
        if (!first)
            first = &ops[i];
        else if (ops[i].begin > first->end && ops[i].value >> 32 == first->value >> 32) {
            uint64_t v = first->value;
            first->value = ops[i].value;
            ops[i].value = v;
            if (check(r, ops, n))
                fail("the checker accepted a history with two elements exchanged");
            return;
        }
    }
}

static void check_history(const setup *s, round *r, uint64_t number)
{
    size_t n = 0;
    static lin_op all[PEOPLE * MOST_OPS];
    for (unsigned i = 0; i < r->senders + r->receivers; i++) {
        if (r->logs[i].n + 2 > MOST_OPS)
            return; /* it was given up */
        memcpy(all + n, r->logs[i].op, r->logs[i].n * sizeof *all);
        n += r->logs[i].n;
    }
    (void)s;
    total_ops += n;
    if (!check(r, all, n)) {
        print_history(all, n);
        fail("a history that is not linearizable");
    }
    if (number % 64 == 0)
        check_checker(r, all, n);
}

void round_of_history(const setup *s, uint64_t number, uint64_t seed)
{
    static const uint32_t caps[] = { 1, 2, 4, 0, 16, 1 };
    static round r;
    dice d = dice_of(seed, 94);
    memset((void *)&r, 0, sizeof r);
    r.config.capacity = caps[below(&d, 6)];
    r.size = below(&d, 6) ? 8 : 0;
    r.config.counter = r.size == 0;
    r.senders = 1 + below(&d, 3);
    r.receivers = 1 + below(&d, 3);
    atomic_store(&r.sending, r.senders);
    round_begin(s, number, "history, size %zu, capacity %" PRIu32 ", %u senders, %u receivers",
                r.size, r.config.capacity, r.senders, r.receivers);
    r.ch = ccp_chan_new(r.size, r.config.capacity);
    if (!r.ch)
        fail("no memory for a channel");
    watch_chan("recorded", r.ch);
    for (unsigned i = 0; i < r.senders + r.receivers; i++)
        crew_add(i, seed, i < r.senders ? be_sender : be_receiver, &r);
    crew_join();
    watch_chan(NULL, NULL);
    EXPECT(ccp_chan_free(r.ch) == CCP_OK && ccp_live_blocks() == 0);
    check_history(s, &r, number);
}
