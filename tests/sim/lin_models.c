/* SPDX-License-Identifier: MIT
 *
 * The sequential objects that histories are compared with, and the recording of histories.
 */
#include "lin.h"

#include "ccp.h"
#include "sim.h"

#include <stdio.h>
#include <string.h>

/* ---- The channel ---- */

typedef struct channel {
    uint32_t first, count; /* the elements, in a ring */
    uint32_t senders;
    bool closed;
    bool handing;          /* capacity 0: an element is between two hands */
    uint64_t sent_by_end;  /* when that sender returned */
    uint64_t value[LIN_CAPACITY + 1];
} channel;

#define RING (LIN_CAPACITY + 1)

static void channel_init(void *state, const void *config)
{
    (void)config;
    memset(state, 0, sizeof(channel));
}

static uint64_t channel_hash(const void *state, const void *config)
{
    const channel *c = state;
    uint64_t h = c->senders * 4u + c->closed * 2u;
    if (c->handing)
        h = 31 * h + c->sent_by_end;
    for (uint32_t i = 0; i < c->count; i++)
        h = (h ^ (((const lin_channel *)config)->counter ? 1 : c->value[(c->first + i) % RING])) *
            0x100000001B3u + 7;
    return h;
}

static bool put(channel *c, const lin_op *op, const lin_channel *k)
{
    if (op->n == 0 || c->closed)
        return false;
    if (k->capacity == 0) {
        if (op->n != 1)
            return false;
        c->handing = true;
        c->sent_by_end = op->end;
    } else if (c->count + op->n > k->capacity) {
        return false;
    }
    for (uint32_t i = 0; i < op->n; i++)
        c->value[(c->first + c->count++) % RING] = op->value + i;
    return true;
}

static bool take(channel *c, const lin_op *op, const lin_channel *k)
{
    if (op->n == 0 || op->n > c->count)
        return false;
    if (k->capacity == 0 && (!c->handing || c->sent_by_end < op->begin))
        return false; /* the two did not meet */
    for (uint32_t i = 0; i < op->n; i++, c->count--) {
        if (!k->counter && c->value[c->first] != op->value + i)
            return false;
        c->first = (c->first + 1) % RING;
    }
    c->handing = false;
    return true;
}

/* An operation that did nothing: could that be the answer? */
static bool refused(const channel *c, const lin_op *op, const lin_channel *k)
{
    bool sends = op->kind == LIN_SEND;
    switch (op->status) {
    case CCP_CLOSED: return c->closed && (sends || c->count == 0);
    case CCP_AGAIN:
    case CCP_TIMEOUT: /* W1: it had to wait at some moment */
        return k->capacity == 0 ||
               (!c->closed && (sends ? c->count == k->capacity : c->count == 0));
    case CCP_CANCELED: return true;
    default: return false;
    }
}

static bool channel_step(void *state, const lin_op *op, const void *config)
{
    channel *c = state;
    const lin_channel *k = config;
    bool ok = op->status == CCP_OK, was_closed = c->closed;
    if (c->handing && op->kind != LIN_RECV)
        return false; /* a send and its receive are one moment */
    switch (op->kind) {
    case LIN_SEND: return ok ? put(c, op, k) : refused(c, op, k);
    case LIN_RECV: return ok ? take(c, op, k) : !c->handing && refused(c, op, k);
    case LIN_DROP: return c->closed && take(c, op, k);
    case LIN_CLOSE:
        c->closed = true;
        return ok ? !was_closed : op->status == CCP_CLOSED && was_closed;
    case LIN_CANCEL: /* n: what it dropped */
        c->closed = true;
        return ok ? !was_closed || op->n > 0 : op->status == CCP_CLOSED && was_closed && !c->count;
    case LIN_LEN: return op->value == (k->capacity ? c->count : 0);
    case LIN_CLOSED: return op->value == was_closed;
    case LIN_ADD:
        c->senders += ok ? op->n : 0;
        return ok ? !was_closed : op->status == CCP_CLOSED && was_closed;
    case LIN_DONE:
        if (!ok)
            return op->status == CCP_MISUSE && c->senders <= 1; /* the last may be on its way */
        if (c->senders == 0)
            return false;
        c->closed |= --c->senders == 0;
        return true;
    default: return false;
    }
}

const lin_model lin_channel_model = { sizeof(channel), channel_init, channel_step, channel_hash };

/* ---- The deque ---- */

typedef struct deque {
    uint32_t first, count; /* in a ring; the owner's end is the last */
    uint64_t value[LIN_CAPACITY];
} deque;

static void deque_init(void *state, const void *config)
{
    (void)config;
    memset(state, 0, sizeof(deque));
}

static uint64_t deque_hash(const void *state, const void *config)
{
    const deque *d = state;
    uint64_t h = d->count;
    (void)config;
    for (uint32_t i = 0; i < d->count; i++)
        h = (h ^ d->value[(d->first + i) % LIN_CAPACITY]) * 0x100000001B3u + 7;
    return h;
}

static bool deque_refused(const deque *d, const lin_op *op, const lin_deque *k)
{
    switch (op->status) {
    case CCP_AGAIN: return d->count == (op->kind == LIN_PUSH ? k->capacity : 0);
    case CCP_NOMEM: return op->kind == LIN_PUSH;
    case CCP_BUSY: return op->kind == LIN_STEAL;
    default: return false;
    }
}

static bool deque_step(void *state, const lin_op *op, const void *config)
{
    deque *d = state;
    const lin_deque *k = config;
    if (op->status != CCP_OK)
        return deque_refused(d, op, k);
    if (op->kind == LIN_PUSH) {
        d->value[(d->first + d->count++) % LIN_CAPACITY] = op->value;
        return d->count <= k->capacity;
    }
    if (d->count-- == 0)
        return false;
    if (op->kind == LIN_POP)
        return d->value[(d->first + d->count) % LIN_CAPACITY] == op->value;
    uint64_t oldest = d->value[d->first];
    d->first = (d->first + 1) % LIN_CAPACITY;
    return op->kind == LIN_STEAL && oldest == op->value;
}

const lin_model lin_deque_model = { sizeof(deque), deque_init, deque_step, deque_hash };

/* ---- The semaphore ---- */

static void semaphore_init(void *state, const void *config)
{
    memcpy(state, config, sizeof(uint64_t));
}

static uint64_t semaphore_hash(const void *state, const void *config)
{
    (void)config;
    return *(const uint64_t *)state;
}

static bool semaphore_step(void *state, const lin_op *op, const void *config)
{
    uint64_t *free_permits = state;
    (void)config;
    if (op->kind == LIN_RELEASE) {
        *free_permits += op->n;
        return op->status == CCP_OK;
    }
    bool enough = *free_permits >= op->n;
    if (op->status != CCP_OK)
        return op->status == CCP_CANCELED || !enough;
    *free_permits -= op->n;
    return enough;
}

const lin_model lin_semaphore_model = { sizeof(uint64_t), semaphore_init, semaphore_step,
                                        semaphore_hash };

/* ---- Recording ---- */

void lin_history_clear(lin_history *h, bool loose)
{
    h->n = 0;
    h->loose = loose;
}

int lin_begin(lin_history *h, int kind, int object, uint64_t value, uint32_t n)
{
    uint64_t now = sim_begin(!h->loose);
    if (h->n == LIN_HISTORY)
        sim_fail("more than %d operations in a history", LIN_HISTORY);
    h->op[h->n] = (lin_op){ now, UINT64_MAX, value, n, (uint8_t)kind, 0, (uint8_t)object,
                            (uint8_t)sim_self() };
    return (int)h->n++;
}

void lin_end(lin_history *h, int index, int status, uint64_t value, uint32_t n)
{
    lin_op *op = &h->op[index];
    op->status = (uint8_t)status;
    op->value = value;
    op->n = n;
    op->end = sim_end(!h->loose);
    for (size_t i = 0; i < h->n; i++) /* what a cancel dropped ends with it */
        if (h->op[i].kind == LIN_DROP && h->op[i].thread == op->thread &&
            h->op[i].end == UINT64_MAX)
            h->op[i].end = op->end;
}

void lin_set(lin_history *h, int index, int kind, int object)
{
    h->op[index].kind = (uint8_t)kind;
    h->op[index].object = (uint8_t)object;
}

uint32_t lin_dropped(const lin_history *h, int index)
{
    uint32_t n = 0;
    for (size_t i = (size_t)index; i < h->n; i++)
        n += h->op[i].kind == LIN_DROP && h->op[i].thread == h->op[index].thread;
    return n;
}

void lin_drop(lin_history *h, int object, uint64_t value)
{
    if (h->n == LIN_HISTORY)
        sim_fail("more than %d operations in a history", LIN_HISTORY);
    int me = sim_self();
    uint64_t begin = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->op[i].thread == me && h->op[i].end == UINT64_MAX && h->op[i].kind != LIN_DROP)
            begin = h->op[i].begin;
    h->op[h->n++] = (lin_op){ begin, UINT64_MAX, value, 1, LIN_DROP, CCP_OK, (uint8_t)object,
                              (uint8_t)me };
}

uint64_t lin_history_hash(const lin_history *h)
{
    uint64_t name[LIN_HISTORY], sum = h->n; /* name: the thread, and the how manieth of it */
    uint32_t count[256] = { 0 };
    for (size_t i = 0; i < h->n; i++)
        name[i] = sim_hash(h->op[i].thread + 1, ++count[h->op[i].thread]);
    for (size_t i = 0; i < h->n; i++) {
        const lin_op *a = &h->op[i];
        uint64_t what = (uint64_t)a->kind << 48 | (uint64_t)a->status << 40 |
                        (uint64_t)a->object << 32 | a->n;
        uint64_t before = 0;
        for (size_t k = 0; k < h->n; k++)
            if (h->op[k].end < a->begin)
                before += name[k];
        sum += sim_hash(sim_hash(sim_hash(name[i], what), a->value), before);
    }
    return sum;
}

static void print(const lin_op *ops, size_t n)
{
    static const char *const names[] = { "send", "recv", "close", "cancel", "drop",
                                         "len", "is_closed", "add_senders", "sender_done",
                                         "push", "pop", "steal" };
    for (size_t i = 0; i < n; i++)
        printf("  %4llu..%-4llu T%d %-11s value %llu, n %u: %s\n",
               (unsigned long long)ops[i].begin, (unsigned long long)ops[i].end, ops[i].thread,
               ops[i].kind < 12 ? names[ops[i].kind] : "?", (unsigned long long)ops[i].value,
               ops[i].n, ccp_status_name((ccp_status)ops[i].status));
}

bool lin_history_conserves(const lin_history *h, int object, bool counter)
{
    int64_t sum = 0;
    for (size_t i = 0; i < h->n; i++) {
        const lin_op *a = &h->op[i];
        if (a->object != object || a->status != CCP_OK)
            continue;
        if (a->kind != LIN_SEND && a->kind != LIN_RECV && a->kind != LIN_DROP)
            continue;
        sum += a->kind == LIN_SEND ? 1 : -1;
        int times = 0; /* this value sent, and received or dropped */
        for (size_t k = 0; k < h->n && !counter; k++)
            if (h->op[k].object == object && h->op[k].status == CCP_OK &&
                h->op[k].value == a->value && h->op[k].kind <= LIN_DROP &&
                (h->op[k].kind == LIN_SEND) != (a->kind == LIN_SEND) &&
                h->op[k].kind != LIN_CLOSE && h->op[k].kind != LIN_CANCEL)
                times++;
        if (!counter && times != 1) {
            print(h->op, h->n);
            return false;
        }
    }
    return sum == 0;
}

bool lin_history_check(const lin_history *h, int object, const lin_model *m, const void *config)
{
    lin_op part[LIN_HISTORY];
    size_t n = 0;
    part[0] = (lin_op){ 0 };
    for (size_t i = 0; i < h->n; i++)
        if (h->op[i].object == object)
            part[n++] = h->op[i];
    bool good = lin_check(m, config, part, n, NULL);
    if (!good)
        print(part, n);
    return good;
}
