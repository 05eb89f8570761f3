/* SPDX-License-Identifier: MIT
 *
 * Self-test of the linearizability checker: histories that are right by construction, the same with
 * one thing wrong, and small random ones compared with trying all orders.
 */
#include "lin.h"

#include "ccp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t rng = 88172645463325252u;

static unsigned dice(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)((rng * 0x2545F4914F6CDD1Du >> 33) % n);
}

/* ---- Right by construction: a sequential run, whose operations are then stretched ---- */

typedef struct queue {
    uint64_t value[LIN_CAPACITY];
    uint32_t first, count, capacity;
    bool closed;
} queue;

static void answer(queue *q, lin_op *op, uint64_t value)
{
    op->value = value;
    op->n = 1;
    op->status = CCP_OK;
    switch (op->kind) {
    case LIN_SEND:
        if (q->closed)
            op->status = CCP_CLOSED;
        else if (q->count == q->capacity)
            op->status = CCP_AGAIN;
        else
            q->value[(q->first + q->count++) % LIN_CAPACITY] = value;
        break;
    case LIN_RECV:
        if (q->count == 0) {
            op->status = q->closed ? CCP_CLOSED : CCP_AGAIN;
        } else {
            op->value = q->value[q->first];
            q->first = (q->first + 1) % LIN_CAPACITY;
            q->count--;
        }
        break;
    case LIN_LEN: op->value = q->count; break;
    default:
        op->status = q->closed ? CCP_CLOSED : CCP_OK;
        q->closed = true;
        break;
    }
}

/* n operations of some threads; each thread's do not overlap, those of different threads do. */
static void make_history(lin_op *op, size_t n, unsigned threads, uint32_t capacity, bool with_close)
{
    queue q = { .capacity = capacity };
    uint64_t *last_end = calloc(threads, sizeof *last_end);
    if (!last_end)
        abort();
    for (size_t i = 0; i < n; i++) {
        uint64_t at = 1000 * (i + 1);
        unsigned t = dice(threads), d = dice(20);
        op[i] = (lin_op){ .thread = (uint8_t)t };
        op[i].kind = d < 9 ? LIN_SEND : d < 18 ? LIN_RECV : LIN_LEN;
        if (with_close && i == n * 3 / 4)
            op[i].kind = LIN_CLOSE;
        answer(&q, &op[i], i + 1);
        uint64_t before = dice(1000 * threads), after = dice(999);
        op[i].begin = at > before + last_end[t] ? at - before : last_end[t] + 1;
        op[i].end = at + after;
        last_end[t] = op[i].end;
    }
    free(last_end);
}

static bool check(const lin_op *op, size_t n, uint32_t capacity)
{
    lin_channel k = { .capacity = capacity };
    return lin_check(&lin_channel_model, &k, op, n, NULL);
}

/* Spoils a right history in one of several ways, each of which cannot be right; false: it has not
 * what it takes. */
static bool spoil(lin_op *op, size_t n, int how)
{
    size_t start = dice((unsigned)n);
    lin_op *first = NULL;
    for (size_t k = 0; k < n; k++) {
        lin_op *o = &op[(start + k) % n];
        if (o->status != CCP_OK)
            continue;
        if (how == 0 && o->kind == LIN_RECV) { /* never sent */
            o->value = 1000000;
            return true;
        }
        if (how == 1 && o->kind == LIN_RECV) { /* received twice */
            if (first) {
                o->value = first->value;
                return true;
            }
            first = o;
        }
        if (how == 2 && o->kind == LIN_LEN) { /* longer than it can be */
            o->value = LIN_CAPACITY + 1;
            return true;
        }
        if (how == 3 && o->kind == LIN_RECV) { /* received before it was sent */
            for (size_t i = 0; i < n; i++)
                if (op[i].kind == LIN_SEND && op[i].value == o->value) {
                    op[i].begin = o->end + 1;
                    op[i].end = o->end + 2;
                    return true;
                }
        }
        if (how == 4 && o->kind == LIN_CLOSE) /* sent after the close */
            for (size_t i = 0; i < n; i++)
                if (op[i].kind == LIN_SEND && op[i].begin > o->end) {
                    op[i].status = CCP_OK;
                    return true;
                }
    }
    return false;
}

static int by_construction(void)
{
    static lin_op op[400], bad[400];
    int wrong = 0, spoiled = 0;
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + dice(round % 10 ? 40 : 400);
        uint32_t capacity = 1 + dice(3);
        make_history(op, n, 1 + dice(4), capacity, dice(2));
        if (!check(op, n, capacity)) {
            printf("FAIL a right history of %zu operations is rejected\n", n);
            wrong++;
        }
        memcpy(bad, op, sizeof op);
        if (!spoil(bad, n, (int)dice(5)))
            continue;
        spoiled++;
        if (check(bad, n, capacity)) {
            printf("FAIL a spoiled history of %zu operations is accepted\n", n);
            wrong++;
        }
    }
    printf("3000 right histories, %d spoiled ones, %d wrong\n", spoiled, wrong);
    return wrong;
}

/* ---- Compared with all orders ---- */

static bool try_orders(const lin_model *m, const void *config, const lin_op *op, size_t n,
                       unsigned done, const void *state)
{
    if (done == (1u << n) - 1)
        return true;
    _Alignas(16) unsigned char next[1024];
    for (size_t i = 0; i < n; i++) {
        if (done >> i & 1)
            continue;
        bool may = true;
        for (size_t k = 0; k < n; k++)
            may &= (done >> k & 1) || k == i || !(op[k].end < op[i].begin);
        memcpy(next, state, m->state_size);
        if (may && m->step(next, &op[i], config) &&
            try_orders(m, config, op, n, done | 1u << i, next))
            return true;
    }
    return false;
}

static int against_all_orders(void)
{
    int wrong = 0, right = 0;
    for (int round = 0; round < 60000; round++) {
        lin_op op[6];
        lin_channel k = { .capacity = dice(3) };
        size_t n = 1 + dice(6);
        for (size_t i = 0; i < n; i++) {
            static const uint8_t statuses[] = { CCP_OK, CCP_OK, CCP_OK, CCP_AGAIN, CCP_CLOSED };
            uint64_t at = dice(12);
            op[i] = (lin_op){ .begin = at, .end = at + dice(6), .value = 1 + dice(2), .n = 1 };
            op[i].kind = (uint8_t)dice(3);
            op[i].status = statuses[dice(5)];
        }
        _Alignas(16) unsigned char state[1024];
        lin_channel_model.init(state, &k);
        bool expected = try_orders(&lin_channel_model, &k, op, n, 0, state);
        right += expected;
        wrong += lin_check(&lin_channel_model, &k, op, n, NULL) != expected;
    }
    printf("60000 random histories against all orders, %d linearizable, %d wrong\n", right, wrong);
    return wrong;
}

static int semaphores(void)
{
    uint64_t permits = 2;
    lin_op op[] = {
        { .begin = 1, .end = 2, .n = 2, .kind = LIN_ACQUIRE },
        { .begin = 3, .end = 4, .n = 1, .kind = LIN_ACQUIRE, .status = CCP_AGAIN },
        { .begin = 5, .end = 9, .n = 1, .kind = LIN_RELEASE },
        { .begin = 6, .end = 8, .n = 1, .kind = LIN_ACQUIRE },
    };
    bool good = lin_check(&lin_semaphore_model, &permits, op, 4, NULL);
    op[3].n = 2;
    good &= !lin_check(&lin_semaphore_model, &permits, op, 4, NULL);
    printf("semaphore: %s\n", good ? "ok" : "FAIL");
    return !good;
}

static int deques(void)
{
    const lin_deque k = { 2 };
    const lin_op right[] = {
        { .begin = 1, .end = 2, .value = 7, .kind = LIN_PUSH },
        { .begin = 3, .end = 4, .value = 8, .kind = LIN_PUSH },
        { .begin = 5, .end = 6, .value = 9, .kind = LIN_PUSH, .status = CCP_AGAIN },
        { .begin = 7, .end = 9, .value = 7, .kind = LIN_STEAL },
        { .begin = 8, .end = 10, .kind = LIN_STEAL, .status = CCP_BUSY },
        { .begin = 11, .end = 12, .value = 8, .kind = LIN_POP },
        { .begin = 13, .end = 14, .kind = LIN_POP, .status = CCP_AGAIN },
    };
    enum { N = sizeof right / sizeof *right };
    lin_op op[N];
    bool good = lin_check(&lin_deque_model, &k, right, N, NULL);
    for (size_t i = 0; i < N; i++) { /* each with the opposite of its answer, or another value */
        memcpy(op, right, sizeof op);
        op[i].status = right[i].status == CCP_OK ? CCP_AGAIN : CCP_OK;
        good &= !lin_check(&lin_deque_model, &k, op, N, NULL);
        op[i].status = right[i].status;
        op[i].value++;
        good &= lin_check(&lin_deque_model, &k, op, N, NULL) == (right[i].status != CCP_OK);
    }
    op[0] = right[0]; /* a pop takes the other end */
    op[1] = right[1];
    op[2] = (lin_op){ .begin = 5, .end = 6, .value = 7, .kind = LIN_POP };
    good &= !lin_check(&lin_deque_model, &k, op, 3, NULL);
    op[2].value = 8;
    good &= lin_check(&lin_deque_model, &k, op, 3, NULL);
    printf("deque: %s\n", good ? "ok" : "FAIL");
    return !good;
}

static void speed(void)
{
    enum { N = 100000 };
    lin_op *op = calloc(N, sizeof *op);
    if (!op)
        abort();
    make_history(op, N, 4, 2, false);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    bool good = check(op, N, 2);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("4 threads, %d operations: %s, %.2f M operations/s\n", N, good ? "ok" : "FAIL",
           N / s / 1e6);
    free(op);
}

int main(void)
{
    int wrong = by_construction() + against_all_orders() + semaphores() + deques();
    speed();
    return wrong != 0;
}
