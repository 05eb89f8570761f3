/* SPDX-License-Identifier: MIT
 *
 * Histories of what works without locks, recorded from real threads and checked as those of
 * channels are (history.c): rings, queues, stacks and deques, a new one in each round.
 *
 * What was CCP_BUSY has done nothing, and is no part of a history.
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALLS = 80, OWN = 8, MOST_BATCH = 3 };
enum { FEW = 2 }; /* of one producer at a time: their order is known once they come out */

typedef struct node {
    uint64_t value; /* plain */
    ccp_mpsc_node in_queue;
    ccp_stack_node in_stack;
    _Atomic bool taken; /* mpsc: its owner may use it again */
} node;

typedef struct round {
    unsigned people;
    _Atomic unsigned ready;
    const struct subject *subject;
    union {
        lin_channel channel;
        lin_deque deque;
    } config;
    ccp_spsc *ring;
    ccp_mpmc *queue;
    ccp_mpsc box;
    ccp_stack stack;
    ccp_deque *deque;
    node node[PEOPLE][OWN];
    node *held[PEOPLE][OWN];
    size_t holds[PEOPLE];
    uint64_t pushed[PEOPLE * CALLS]; /* what is in the deque are places here */
    size_t pushes;
    log logs[PEOPLE]; /* the last is that of who set it up, and empties it */
} round;

/* What one is made, and may do; `act` does one thing. */
typedef struct subject {
    const char *name;
    unsigned most_people;
    const lin_model *model;
    void (*set_up)(round *r, dice *d);
    void (*act)(worker *w, round *r);
    ccp_status (*take)(worker *w, round *r, size_t n); /* by who is alone */
    void (*end)(round *r);
} subject;

static log *log_of(round *r, const worker *w)
{
    return &r->logs[w->id];
}

static uint64_t new_value(round *r, const worker *w)
{
    return (uint64_t)(w->id + 1) << 32 | (uint64_t)(log_of(r, w)->n << 2);
}

static ccp_status record(worker *w, log *l, lin_op *op, ccp_status st)
{
    end_op(w, op, st);
    if (st == CCP_BUSY)
        l->n--;
    return st;
}

/* Several that were taken at once are several that were taken within the time of the call. */
static ccp_status record_values(worker *w, log *l, lin_op *op, ccp_status st,
                                const uint64_t *values, size_t n)
{
    if (record(w, l, op, st) != CCP_OK)
        return st;
    op->value = values[0];
    for (size_t i = 1; i < n; i++) {
        l->op[l->n] = *op;
        l->op[l->n++].value = values[i];
    }
    return st;
}

static void record_batch(worker *w, log *l, lin_op *op, ccp_status st, size_t n)
{
    op->n = (uint32_t)n;
    (void)record(w, l, op, st);
}

/* ---- The ring: worker 0 puts in, worker 1 takes out ---- */

static void set_up_ring(round *r, dice *d)
{
    r->config.channel.capacity = 1 + below(d, 5);
    r->ring = ccp_spsc_new(sizeof(uint64_t), r->config.channel.capacity);
    EXPECT(r->ring);
}

static void fill(uint64_t *to, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = first + i;
}

static void put_in_ring(worker *w, round *r)
{
    uint64_t v[MOST_BATCH], first = new_value(r, w);
    size_t n = 1 + below(&w->dice, MOST_BATCH), done = 1;
    void *room = v;
    fill(v, first, MOST_BATCH);
    lin_op *op = begin_op(w, log_of(r, w), LIN_SEND, first, "ccp_spsc_push");
    ccp_status st;
    switch (below(&w->dice, 3)) {
    case 0: st = ccp_spsc_push(r->ring, v); break;
    case 1: st = ccp_spsc_push_n(r->ring, v, n, &done); break;
    default:
        st = ccp_spsc_reserve(r->ring, n, &room, &done);
        if (st == CCP_OK) {
            fill(room, first, done);
            EXPECT(ccp_spsc_commit(r->ring, done) == CCP_OK);
        }
        break;
    }
    record_batch(w, log_of(r, w), op, st, done);
}

static ccp_status take_from_ring(worker *w, round *r, size_t n)
{
    uint64_t v[MOST_BATCH];
    const void *at = v;
    size_t done = 1;
    lin_op *op = begin_op(w, log_of(r, w), LIN_RECV, 0, "ccp_spsc_pop");
    ccp_status st;
    switch (below(&w->dice, 3)) {
    case 0: st = ccp_spsc_pop(r->ring, v); break;
    case 1: st = ccp_spsc_pop_n(r->ring, v, n, &done); break;
    default:
        st = ccp_spsc_peek(r->ring, n, &at, &done);
        if (st == CCP_OK) {
            memcpy(v, at, done * sizeof *v);
            EXPECT(ccp_spsc_release(r->ring, done) == CCP_OK);
        }
        break;
    }
    return record_values(w, log_of(r, w), op, st, v, done);
}

static void use_ring(worker *w, round *r)
{
    if (w->id == 1) {
        (void)take_from_ring(w, r, 1 + below(&w->dice, MOST_BATCH));
    } else if (below(&w->dice, CALLS) > 0) {
        put_in_ring(w, r);
    } else {
        lin_op *op = begin_op(w, log_of(r, w), LIN_CLOSE, 0, "ccp_spsc_close");
        (void)record(w, log_of(r, w), op, ccp_spsc_close(r->ring));
    }
}

static void end_ring(round *r)
{
    EXPECT(ccp_spsc_free(r->ring) == CCP_OK);
}

/* ---- The queue of many ---- */

static void set_up_queue(round *r, dice *d)
{
    r->config.channel.capacity = 1 + below(d, 5);
    r->queue = ccp_mpmc_new(sizeof(uint64_t), r->config.channel.capacity);
    EXPECT(r->queue);
}

static void put_in_queue(worker *w, round *r)
{
    uint64_t v[MOST_BATCH], first = new_value(r, w);
    size_t n = 1 + below(&w->dice, MOST_BATCH), done = 1;
    fill(v, first, MOST_BATCH);
    lin_op *op = begin_op(w, log_of(r, w), LIN_SEND, first, "ccp_mpmc_push");
    ccp_status st = n == 1 ? ccp_mpmc_push(r->queue, v) : ccp_mpmc_push_n(r->queue, v, n, &done);
    record_batch(w, log_of(r, w), op, st, done);
}

static ccp_status take_from_queue(worker *w, round *r, size_t n)
{
    uint64_t v[MOST_BATCH];
    size_t done = 1;
    lin_op *op = begin_op(w, log_of(r, w), LIN_RECV, 0, "ccp_mpmc_pop");
    ccp_status st = n == 1 ? ccp_mpmc_pop(r->queue, v) : ccp_mpmc_pop_n(r->queue, v, n, &done);
    return record_values(w, log_of(r, w), op, st, v, done);
}

static void use_queue(worker *w, round *r)
{
    if (below(&w->dice, 6 * CALLS) == 0) {
        lin_op *op = begin_op(w, log_of(r, w), LIN_CLOSE, 0, "ccp_mpmc_close");
        (void)record(w, log_of(r, w), op, ccp_mpmc_close(r->queue));
    } else if (below(&w->dice, 2)) {
        put_in_queue(w, r);
    } else {
        (void)take_from_queue(w, r, 1 + below(&w->dice, MOST_BATCH));
    }
}

static void end_queue(round *r)
{
    EXPECT(ccp_mpmc_free(r->queue) == CCP_OK);
}

/* ---- The queue of nodes: worker 0 takes out ---- */

static void set_up_box(round *r, dice *d)
{
    (void)d;
    r->config.channel.capacity = LIN_CAPACITY; /* more than there are nodes */
    r->box = (ccp_mpsc)CCP_MPSC_INIT;
}

static void put_in_box(worker *w, round *r)
{
    node *n = &r->node[w->id][below(&w->dice, FEW)];
    if (!atomic_load_explicit(&n->taken, memory_order_acquire))
        return;
    atomic_store_explicit(&n->taken, false, memory_order_relaxed);
    n->value = new_value(r, w);
    lin_op *op = begin_op(w, log_of(r, w), LIN_SEND, n->value, "ccp_mpsc_push");
    (void)record(w, log_of(r, w), op, ccp_mpsc_push(&r->box, &n->in_queue));
}

static ccp_status take_from_box(worker *w, round *r, size_t many)
{
    ccp_mpsc_node *got = NULL;
    uint64_t value = 0;
    (void)many;
    lin_op *op = begin_op(w, log_of(r, w), LIN_RECV, 0, "ccp_mpsc_pop");
    ccp_status st = ccp_mpsc_pop(&r->box, &got);
    if (st == CCP_OK)
        value = ((node *)(void *)((char *)got - offsetof(node, in_queue)))->value;
    st = record_values(w, log_of(r, w), op, st, &value, 1);
    if (st == CCP_OK)
        atomic_store_explicit(&((node *)(void *)((char *)got - offsetof(node, in_queue)))->taken,
                              true, memory_order_release);
    return st;
}

static void use_box(worker *w, round *r)
{
    if (w->id == 0 && below(&w->dice, 4) > 0)
        (void)take_from_box(w, r, 1);
    else
        put_in_box(w, r);
}

static void end_none(round *r)
{
    (void)r;
}

/* ---- The stack ---- */

static void set_up_stack(round *r, dice *d)
{
    (void)d;
    r->config.deque.capacity = LIN_CAPACITY; /* more than there are nodes */
    EXPECT(ccp_stack_init(&r->stack, r->node, sizeof r->node) == CCP_OK);
    for (unsigned i = 0; i < PEOPLE; i++)
        for (r->holds[i] = 0; r->holds[i] < OWN / 2; r->holds[i]++)
            r->held[i][r->holds[i]] = &r->node[i][r->holds[i]];
}

static ccp_status take_from_stack(worker *w, round *r, size_t many)
{
    ccp_stack_node *got = NULL;
    (void)many;
    lin_op *op = begin_op(w, log_of(r, w), LIN_POP, 0, "ccp_stack_pop");
    ccp_status st = ccp_stack_pop(&r->stack, &got);
    node *n = got ? (node *)(void *)((char *)got - offsetof(node, in_stack)) : NULL;
    uint64_t value = n ? n->value : 0;
    if (n && r->holds[w->id] < OWN)
        r->held[w->id][r->holds[w->id]++] = n;
    return record_values(w, log_of(r, w), op, st, &value, 1);
}

static void use_stack(worker *w, round *r)
{
    size_t *n = &r->holds[w->id];
    if (*n == 0 || (*n < OWN && below(&w->dice, 2))) {
        (void)take_from_stack(w, r, 1);
        return;
    }
    node *b = r->held[w->id][--*n];
    b->value = new_value(r, w);
    lin_op *op = begin_op(w, log_of(r, w), LIN_PUSH, b->value, "ccp_stack_push");
    (void)record(w, log_of(r, w), op, ccp_stack_push(&r->stack, &b->in_stack));
}

/* ---- The deque: worker 0 is its owner ---- */

static void set_up_deque(round *r, dice *d)
{
    size_t capacity = 1 + below(d, 4), most = capacity + (below(d, 2) ? 0 : below(d, 12));
    r->config.deque.capacity = (uint32_t)most;
    r->deque = ccp_deque_new(capacity, most);
    EXPECT(r->deque);
}

static ccp_status take_from_deque(worker *w, round *r, size_t many)
{
    void *got = NULL;
    bool steals = w->id > 0;
    (void)many;
    lin_op *op = begin_op(w, log_of(r, w), steals ? LIN_STEAL : LIN_POP, 0, "ccp_deque_pop");
    ccp_status st = steals ? ccp_deque_steal(r->deque, &got) : ccp_deque_pop(r->deque, &got);
    return record_values(w, log_of(r, w), op, st, got, 1);
}

static void use_deque(worker *w, round *r)
{
    if (w->id > 0 || below(&w->dice, 5) < 2) {
        (void)take_from_deque(w, r, 1);
        return;
    }
    uint64_t *item = &r->pushed[r->pushes++];
    *item = new_value(r, w);
    lin_op *op = begin_op(w, log_of(r, w), LIN_PUSH, *item, "ccp_deque_push");
    (void)record(w, log_of(r, w), op, ccp_deque_push(r->deque, item));
}

static void end_deque(round *r)
{
    EXPECT(ccp_deque_free(r->deque) == CCP_OK);
}

/* ---- A round ---- */

static const subject subjects[] = {
    { "ring", 2, &lin_channel_model, set_up_ring, use_ring, take_from_ring, end_ring },
    { "queue", 5, &lin_channel_model, set_up_queue, use_queue, take_from_queue, end_queue },
    { "box", 4, &lin_channel_model, set_up_box, use_box, take_from_box, end_none },
    { "stack", 4, &lin_deque_model, set_up_stack, use_stack, take_from_stack, end_none },
    { "deque", 5, &lin_deque_model, set_up_deque, use_deque, take_from_deque, end_deque },
};

static void run(worker *w)
{
    round *r = w->round;
    meet(w, &r->ready, r->people);
    for (int i = 0; i < CALLS; i++)
        r->subject->act(w, r);
}

static bool takes(const lin_op *op)
{
    return op->status == CCP_OK &&
           (op->kind == LIN_RECV || op->kind == LIN_POP || op->kind == LIN_STEAL);
}

/* The checker must reject a history in which something was taken twice. */
static void check_checker(const round *r, lin_op *ops, size_t n)
{
    const lin_op *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!takes(&ops[i]))
            continue;
        if (!first) {
            first = &ops[i];
            continue;
        }
        ops[i].value = first->value;
        if (check_ops(r->subject->model, &r->config, ops, n))
            fail("the checker accepted a history with an element taken twice");
        return;
    }
}

void round_of_queues(const setup *s, uint64_t number, uint64_t seed)
{
    static round r;
    static worker last;
    dice d = dice_of(seed, 95);
    memset((void *)&r, 0, sizeof r);
    r.subject = &subjects[number % (sizeof subjects / sizeof *subjects)];
    r.people = 2 + below(&d, r.subject->most_people - 1);
    for (unsigned i = 0; i < PEOPLE; i++)
        for (unsigned k = 0; k < OWN; k++)
            atomic_store(&r.node[i][k].taken, true);
    r.subject->set_up(&r, &d);
    round_begin(s, number, "%s of %u threads", r.subject->name, r.people);
    for (unsigned i = 0; i < r.people; i++)
        crew_add(i, seed, run, &r);
    crew_join();
    last.id = r.people;
    last.dice = d;
    while (r.subject->take(&last, &r, 1) == CCP_OK) /* what is left */
        ;
    lin_op *ops;
    size_t n = all_ops(r.logs, r.people + 1, &ops);
    EXPECT(n > 0);
    must_be_linearizable(r.subject->model, &r.config, ops, n);
    if (number % 16 == 0)
        check_checker(&r, ops, n);
    r.subject->end(&r);
    EXPECT(ccp_live_blocks() == 0);
}
