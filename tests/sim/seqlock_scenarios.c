/* SPDX-License-Identifier: MIT
 *
 * Seqlocks: every pair of operations, every schedule; triples; and the same in weak memory, where a
 * reader that got a word too early or too late would put two writes together (LD4).
 *
 * The data is a number and what can be computed of it, in words and single bytes: so a copy of two
 * writes is seen.  The history of each seqlock is compared with a number.  What a write was told
 * before it, it tells its readers.
 */
#include "scene.h"

#include "lin.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef enum operation { READ, READ_TWICE, WRITE, WRITE_TWICE, UPDATE, OPERATIONS } operation;

static const char *const operation_names[OPERATIONS] = { "read", "read_twice", "write",
                                                         "write_twice", "update" };

typedef struct play {
    bool small; /* the data is one word and a byte; otherwise two words and two bytes */
    int ops;
    operation op[3];
} play;

typedef struct data {
    uintptr_t number, again;
    unsigned char low, lower;
} data;

typedef struct shared {
    ccp_seqlock lock;
    data d;
} shared;

static const play *now;
static shared *s;
static long told[SIM_THREADS + 1]; /* plain: [k] is written before the number k is */
static lin_history history;

static size_t size(void)
{
    return now->small ? sizeof(uintptr_t) + 1 : 2 * sizeof(uintptr_t) + 2;
}

static unsigned char *bytes(data *d)
{
    return now->small ? (unsigned char *)&d->again : &d->low;
}

static void fill(data *d, uintptr_t k)
{
    *d = (data){ .number = k };
    if (!now->small) {
        d->again = ~k;
        d->lower = (unsigned char)(k + 2);
    }
    *bytes(d) = (unsigned char)(k + 1);
}

static void is_whole(const data *d)
{
    data expected;
    fill(&expected, d->number);
    sim_assert(memcmp(d, &expected, size()) == 0);
}

/* ---- The sequential object: a number ---- */

enum { Q_READ = 30, Q_WRITE, Q_UPDATE };

static void number_init(void *state, const void *config)
{
    (void)config;
    *(uint64_t *)state = 0;
}

static uint64_t number_hash(const void *state, const void *config)
{
    (void)config;
    return *(const uint64_t *)state;
}

static bool number_step(void *state, const lin_op *op, const void *config)
{
    uint64_t *n = state;
    (void)config;
    if (op->status != CCP_OK)
        return op->status == CCP_AGAIN;
    if (op->kind == Q_READ)
        return op->value == *n;
    if (op->kind == Q_UPDATE && op->value != *n + 16)
        return false;
    *n = op->value;
    return true;
}

static const lin_model number_model = { sizeof(uint64_t), number_init, number_step, number_hash };

/* ---- The operations ---- */

static bool writes(operation op)
{
    return op >= WRITE;
}

/* LD5: the only writer always comes through; a reader, if it may look again whenever others have
 * gone on. */
static void came_through(ccp_status st, bool is_writer)
{
    int writers = 0;
    for (int i = 0; i < now->ops; i++)
        writers += writes(now->op[i]);
    sim_assert(st == CCP_OK || (st == CCP_AGAIN && !(is_writer && writers == 1)));
}

static uint64_t read_it(uint64_t least)
{
    data d;
    memset(&d, 0, sizeof d);
    int i = lin_begin(&history, Q_READ, 0, 0, 0);
    ccp_status st = ccp_seqlock_read(&s->lock, &d, &s->d, size());
    lin_end(&history, i, st, st == CCP_OK ? d.number : 0, 0);
    came_through(st, false);
    if (st != CCP_OK)
        return least;
    is_whole(&d);
    uint64_t writer = d.number % 16;
    sim_assert(writer == 0 || told[writer] == 1);
    return d.number;
}

/* Writers are told apart by the number modulo 16; the rest is how often each has written, or how
 * many updates there were. */
static void write_it(int round)
{
    data d;
    uint64_t k = (uint64_t)sim_self() + 16 * (uint64_t)round;
    fill(&d, (uintptr_t)k);
    int i = lin_begin(&history, Q_WRITE, 0, 0, 0);
    ccp_status st = ccp_seqlock_write(&s->lock, &s->d, &d, size());
    lin_end(&history, i, st, k, 0);
    came_through(st, true);
}

static void update_it(void)
{
    data d;
    uintptr_t k = 0;
    int i = lin_begin(&history, Q_UPDATE, 0, 0, 0);
    ccp_status st = ccp_seqlock_enter(&s->lock);
    if (st == CCP_OK) {
        k = s->d.number + 16; /* plain: who is inside may do that */
        fill(&d, k);
        sim_assert(ccp_seqlock_put(&s->d, &d, size()) == CCP_OK);
        sim_assert(ccp_seqlock_leave(&s->lock) == CCP_OK);
    }
    lin_end(&history, i, st, k, 0);
    came_through(st, true);
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    if (writes(op))
        told[sim_self()] = 1;
    switch (op) {
    case READ: (void)read_it(0); break;
    case READ_TWICE: (void)read_it(read_it(0)); break;
    case WRITE: write_it(0); break;
    case WRITE_TWICE:
        write_it(0);
        write_it(1);
        break;
    default: update_it(); break;
    }
}

static void run_play(void *arg)
{
    const play *p = arg;
    now = p;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    s = sim_alloc(sizeof *s);
    memset((void *)s, 0, sizeof *s);
    fill(&s->d, 0);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    sim_join();
    uint64_t last = read_it(0);
    sim_assert(s->lock.seq_ % 2 == 0);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &number_model, NULL));
    sim_free(s);
    sim_outcome(last);
}

/* ---- One that leaves without having entered ---- */

static void leave_too_often(void *arg)
{
    (void)arg;
    static ccp_seqlock lock;
    scene_tune(STILL);
    ccp_set_misuse_hook(NULL);
    sim_assert(ccp_seqlock_leave(&lock) == CCP_MISUSE && lock.seq_ == 0);
    sim_assert(ccp_seqlock_enter(&lock) == CCP_OK && ccp_seqlock_leave(&lock) == CCP_OK);
    sim_assert(ccp_seqlock_leave(&lock) == CCP_MISUSE && lock.seq_ == 2);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.%s", how,
              p->small ? "small" : "large", ops);
}

int main(int argc, char **argv)
{
    const sim_options few[] = { { .mode = SIM_DFS, .preemptions = 1 },
                                { .mode = SIM_DFS, .preemptions = 2 } };
    for (int small = 0; small < 2; small++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { small, 2, { (operation)a, (operation)b } };
                add_play(&p, NULL, "pair");
                for (int c = b; c < OPERATIONS; c++) {
                    p = (play){ small, 3, { (operation)a, (operation)b, (operation)c } };
                    add_play(&p, &few[small], small ? "two" : "one");
                }
            }
    scene_add(leave_too_often, NULL, NULL, "pair.misuse");
    return scene_main(argc, argv);
}
