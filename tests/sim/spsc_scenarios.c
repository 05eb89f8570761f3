/* SPDX-License-Identifier: MIT
 *
 * The ring of one producer and one consumer: every operation of one side beside every operation of
 * the other, and two beside two, at every fill, with what each knows of the other fresh and stale:
 * every schedule.
 *
 * The history is compared with a channel that waits for nothing (LQ1, LQ3, LQ5); the explorer sees
 * whether who copies an element is alone with it (LQ4, LQ6).
 */
#include "scene.h"

#include "base/machine.h"
#include "lin.h"

#include <stdio.h>

typedef enum operation {
    PUSH,
    PUSH_2, /* by push_n */
    PUSH_3,
    RESERVE_1,
    RESERVE_2,
    RESERVE_2_COMMIT_1,
    RESERVE_1_COMMIT_0,
    CLOSE,
    PRODUCER_LEN,
    PRODUCES, /* the above are the producer's */
    POP = PRODUCES,
    POP_2,
    POP_3,
    PEEK_1,
    PEEK_2,
    PEEK_2_RELEASE_1,
    PEEK_1_RELEASE_0,
    CONSUMER_LEN,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "push", "push_2", "push_3", "reserve_1", "reserve_2", "reserve_2_commit_1",
    "reserve_1_commit_0", "close", "len", "pop", "pop_2", "pop_3", "peek_1", "peek_2",
    "peek_2_release_1", "peek_1_release_0", "len",
};

typedef struct play {
    size_t cap, fill;
    bool used; /* it was full once, so that what the sides know is stale */
    int ops;   /* of each side */
    operation op[2][2];
} play;

static ccp_spsc *ring;
static lin_history history;
static uint64_t next_in, next_out; /* of the producer and of the consumer: LQ1 */

static void note(int i, ccp_status st, uint64_t value, size_t n)
{
    lin_end(&history, i, (int)st, value, (uint32_t)n);
    sim_assert(st == CCP_OK || st == CCP_AGAIN || st == CCP_CLOSED);
}

static void push(size_t want)
{
    uint64_t v[3] = { next_in, next_in + 1, next_in + 2 };
    size_t n = 1;
    int i = lin_begin(&history, LIN_SEND, 0, 0, 0);
    ccp_status st =
        want == 1 ? ccp_spsc_push(ring, v) : ccp_spsc_push_n(ring, v, want, &n);
    n = st == CCP_OK ? n : 0;
    note(i, st, v[0], n);
    next_in += n;
}

static void reserve(size_t want, size_t put)
{
    void *room;
    size_t n;
    int i = lin_begin(&history, LIN_SEND, 0, 0, 0);
    ccp_status st = ccp_spsc_reserve(ring, want, &room, &n);
    if (st != CCP_OK) {
        note(i, st, 0, 0);
        return;
    }
    for (size_t k = 0; k < n; k++)
        ((uint64_t *)room)[k] = next_in + k;
    n = n < put ? n : put;
    sim_assert(ccp_spsc_commit(ring, n) == CCP_OK);
    if (n == 0)
        lin_set(&history, i, LIN_SEND, LIN_NOTHING);
    note(i, CCP_OK, next_in, n);
    next_in += n;
}

static void got(const uint64_t *v, size_t n)
{
    for (size_t k = 0; k < n; k++)
        sim_assert(v[k] == next_out + k);
    next_out += n;
}

static ccp_status pop(size_t want)
{
    uint64_t v[3] = { 0 };
    size_t n = 1;
    int i = lin_begin(&history, LIN_RECV, 0, 0, 0);
    ccp_status st = want == 1 ? ccp_spsc_pop(ring, v) : ccp_spsc_pop_n(ring, v, want, &n);
    n = st == CCP_OK ? n : 0;
    note(i, st, v[0], n);
    got(v, n);
    return st;
}

static void peek(size_t want, size_t take)
{
    const void *at;
    size_t n;
    int i = lin_begin(&history, LIN_RECV, 0, 0, 0);
    ccp_status st = ccp_spsc_peek(ring, want, &at, &n);
    if (st != CCP_OK) {
        note(i, st, 0, 0);
        return;
    }
    n = n < take ? n : take;
    got(at, n);
    sim_assert(ccp_spsc_release(ring, n) == CCP_OK);
    if (n == 0)
        lin_set(&history, i, LIN_RECV, LIN_NOTHING);
    note(i, CCP_OK, next_out - n, n);
}

static void shut(void)
{
    int i = lin_begin(&history, LIN_CLOSE, 0, 0, 0);
    note(i, ccp_spsc_close(ring), 0, 0);
}

static void look(void)
{
    int i = lin_begin(&history, LIN_LEN, 0, 0, 0);
    note(i, CCP_OK, ccp_spsc_len(ring), 0);
}

static void act_out(operation op)
{
    switch (op) {
    case PUSH: push(1); break;
    case PUSH_2: push(2); break;
    case PUSH_3: push(3); break;
    case RESERVE_1: reserve(1, 1); break;
    case RESERVE_2: reserve(2, 2); break;
    case RESERVE_2_COMMIT_1: reserve(2, 1); break;
    case RESERVE_1_COMMIT_0: reserve(1, 0); break;
    case CLOSE: shut(); break;
    case POP: (void)pop(1); break;
    case POP_2: (void)pop(2); break;
    case POP_3: (void)pop(3); break;
    case PEEK_1: peek(1, 1); break;
    case PEEK_2: peek(2, 2); break;
    case PEEK_2_RELEASE_1: peek(2, 1); break;
    case PEEK_1_RELEASE_0: peek(1, 0); break;
    default: look(); break;
    }
}

static void produce(void *arg)
{
    const play *p = arg;
    for (int i = 0; i < p->ops; i++)
        act_out(p->op[0][i]);
}

static void consume(void *arg)
{
    const play *p = arg;
    for (int i = 0; i < p->ops; i++)
        act_out(p->op[1][i]);
}

static void begin(size_t cap)
{
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    ring = ccp_spsc_new(sizeof(uint64_t), cap);
    sim_assert(ring);
}

/* What is left comes out, in order; then there is nothing. */
static void end(size_t cap)
{
    sim_join();
    while (pop(1) == CCP_OK)
        ;
    sim_assert(next_out == next_in);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &lin_channel_model,
                                     &(lin_channel){ (uint32_t)cap, false }));
    sim_assert(ccp_spsc_free(ring) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    begin(p->cap);
    for (size_t i = 0; p->used && i < p->cap; i++)
        push(1);
    for (size_t i = 0; p->used && i < p->cap; i++)
        (void)pop(1);
    for (size_t i = 0; i < p->fill; i++)
        push(1);
    sim_spawn(produce, arg);
    sim_spawn(consume, arg);
    end(p->cap);
}

/* ---- To the end, at random ---- */

enum { ELEMENTS = 12 };

static void produce_all(void *arg)
{
    (void)arg;
    while (next_in < ELEMENTS) {
        uint64_t before = next_in;
        act_out((operation)sim_choose(CLOSE));
        if (next_in == before)
            ccpi_relax();
    }
    shut();
}

static void consume_all(void *arg)
{
    (void)arg;
    for (ccp_status st = CCP_OK; st != CCP_CLOSED;) {
        uint64_t before = next_out;
        act_out((operation)(POP + sim_choose(OPERATIONS - POP)));
        st = pop(1);
        if (next_out == before)
            ccpi_relax();
    }
}

static void run_stream(void *arg)
{
    size_t cap = *(const size_t *)arg;
    begin(cap);
    sim_spawn(produce_all, NULL);
    sim_spawn(consume_all, NULL);
    sim_join();
    sim_assert(next_in >= ELEMENTS && next_in == next_out);
    sim_assert(ccp_spsc_free(ring) == CCP_OK);
}

/* ---- The table ---- */

static void add_play(const play *p, const char *how)
{
    char ops[2][64];
    for (int s = 0; s < 2; s++)
        (void)snprintf(ops[s], sizeof ops[s], "%s%s%s", operation_names[p->op[s][0]],
                       p->ops > 1 ? "," : "", p->ops > 1 ? operation_names[p->op[s][1]] : "");
    scene_add(run_play, scene_keep(p, sizeof *p), NULL, "%s.cap%zu.%s%zu.%s+%s", how, p->cap,
              p->used ? "used" : "new", p->fill, ops[0], ops[1]);
}

static void pairs(play p)
{
    for (int a = 0; a < PRODUCES; a++)
        for (int b = POP; b < OPERATIONS; b++) {
            p.ops = 1;
            p.op[0][0] = (operation)a;
            p.op[1][0] = (operation)b;
            add_play(&p, "pair");
        }
}

/* Two of each, of those that do most. */
static void fours(play p)
{
    static const operation in[] = { PUSH, PUSH_2, RESERVE_2_COMMIT_1, CLOSE };
    static const operation out[] = { POP, POP_2, PEEK_2_RELEASE_1 };
    p.ops = 2;
    for (int k = 0; k < 4 * 4 * 3 * 3; k++) {
        p.op[0][0] = in[k % 4];
        p.op[0][1] = in[k / 4 % 4];
        p.op[1][0] = out[k / 16 % 3];
        p.op[1][1] = out[k / 48];
        add_play(&p, "four");
    }
}

int main(int argc, char **argv)
{
    static const size_t caps[] = { 1, 2, 3, 4, 16 };
    for (size_t cap = 1; cap <= 3; cap++)
        for (size_t fill = 0; fill <= cap; fill++)
            for (int used = 0; used < 2; used++) {
                play p = { .cap = cap, .fill = fill, .used = used };
                pairs(p);
                if (cap == 2)
                    fours(p);
            }
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        scene_add(run_stream, (void *)(uintptr_t)&caps[i],
                  &(sim_options){ .mode = SIM_PCT, .n = 5000, .max_steps = 20000 },
                  "some.stream%zu", caps[i]);
    return scene_main(argc, argv);
}
