/* SPDX-License-Identifier: MIT
 *
 * Histories of real threads, checked for linearizability by the explorer's checker (lin.h): there
 * is an order of all calls, in which none comes before one that had returned when it began, and in
 * which a queue of one thread would have given the same answers.
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENDS = 400 };

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

lin_op *begin_op(worker *w, log *l, int kind, uint64_t value, const char *call)
{
    lin_op *op = &l->op[l->n++];
    *op = (lin_op){ .value = value, .n = 1, .kind = (uint8_t)kind, .thread = (uint8_t)w->id };
    enter(w, call, NULL);
    op->begin = stamp();
    return op;
}

void end_op(worker *w, lin_op *op, ccp_status st)
{
    op->end = stamp();
    op->status = (uint8_t)st;
    leave(w);
}

bool log_is_full(const log *l, size_t n)
{
    return l->n + n > MOST_OPS;
}

void meet(worker *w, _Atomic unsigned *ready, unsigned all)
{
    atomic_fetch_add(ready, 1);
    enter(w, "the start", NULL);
    while (atomic_load(ready) != all)
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
        lin_op *op = begin_op(w, l, LIN_LEN, 0, "ccp_chan_len");
        op->value = ccp_chan_len(r->ch);
        end_op(w, op, CCP_OK);
    } else {
        lin_op *op = begin_op(w, l, LIN_CLOSED, 0, "ccp_chan_is_closed");
        op->value = ccp_chan_is_closed(r->ch);
        end_op(w, op, CCP_OK);
    }
}

static void be_sender(worker *w)
{
    round *r = w->round;
    log *l = &r->logs[w->id];
    meet(w, &r->ready, r->senders + r->receivers);
    for (uint64_t i = 0; i < SENDS; i++) {
        uint64_t v = (uint64_t)(w->id + 1) << 32 | i;
        lin_op *op = begin_op(w, l, LIN_SEND, v, "ccp_chan_send");
        end_op(w, op, ccp_chan_send(r->ch, &v, some_wait(&w->dice, true)));
        if (below(&w->dice, 16) == 0)
            ask(w, r, l);
    }
    if (atomic_fetch_sub(&r->sending, 1) == 1) {
        lin_op *op = begin_op(w, l, LIN_CLOSE, 0, "ccp_chan_close");
        end_op(w, op, ccp_chan_close(r->ch));
    }
}

static void be_receiver(worker *w)
{
    round *r = w->round;
    log *l = &r->logs[w->id];
    meet(w, &r->ready, r->senders + r->receivers);
    for (ccp_status st = CCP_OK; st != CCP_CLOSED;) {
        if (log_is_full(l, 2)) /* nothing more is recorded: the history is given up */
            st = ccp_chan_recv(r->ch, NULL, CCP_FOREVER);
        else {
            uint64_t v = 0;
            lin_op *op = begin_op(w, l, LIN_RECV, 0, "ccp_chan_recv");
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
        if (ops[i].status != CCP_OK)
            continue;
        if (ops[i].kind == LIN_SEND || ops[i].kind == LIN_PUSH)
            sent[sends++] = ops[i].value;
        if (ops[i].kind == LIN_RECV || ops[i].kind == LIN_POP || ops[i].kind == LIN_STEAL)
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

bool check_ops(const lin_model *m, const void *config, const lin_op *ops, size_t n)
{
    uint64_t tries;
    bool good = lin_check(m, config, ops, n, &tries);
    total_tries += tries;
    return good;
}

void must_be_linearizable(const lin_model *m, const void *config, const lin_op *ops, size_t n)
{
    total_ops += n;
    if (!check_ops(m, config, ops, n)) {
        print_history(ops, n);
        fail("a history that is not linearizable");
    }
}

size_t all_ops(const log *logs, unsigned people, lin_op **ops)
{
    static lin_op all[PEOPLE * MOST_OPS];
    size_t n = 0;
    *ops = all;
    for (unsigned i = 0; i < people; i++) {
        if (log_is_full(&logs[i], 2))
            return 0;
        memcpy(all + n, logs[i].op, logs[i].n * sizeof *all);
        n += logs[i].n;
    }
    return n;
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
            if (check_ops(&lin_channel_model, &r->config, ops, n))
                fail("the checker accepted a history with two elements exchanged");
            return;
        }
    }
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
    lin_op *ops;
    size_t n = all_ops(r.logs, r.senders + r.receivers, &ops);
    must_be_linearizable(&lin_channel_model, &r.config, ops, n);
    if (number % 64 == 0)
        check_checker(&r, ops, n);
}
