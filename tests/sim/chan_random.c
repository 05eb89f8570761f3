/* SPDX-License-Identifier: MIT
 *
 * Larger scenarios of channels, 4 to 8 threads, by random and PCT schedules; and generated programs
 * (`generated`), whose threads and operations are random too.  All histories are checked.
 */
#include "chan_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 8
#define MOST_OPS 8
#define END OPERATIONS

typedef struct play {
    const char *name;
    operation op[MOST_THREADS][MOST_OPS]; /* up to END */
    int threads;
} play;

#define S3 { SEND, SEND, SEND, END }
#define R3 { RECV, RECV, RECV, END }
#define S2 { SEND, SEND, END }
#define R2 { RECV, RECV, END }
#define ONE(x) { x, END }

static const play plays[] = {
    { "2p2c", { S3, S3, R3, R3 }, 4 },
    { "3p3c", { S3, S3, S3, R3, R3, R3 }, 6 },
    { "4p4c", { S2, S2, S2, S2, R2, R2, R2, R2 }, 8 },
    { "1p3c", { { SEND, SEND, SEND, SEND, SEND, SEND, END }, R2, R2, R2 }, 4 },
    { "3p1c", { R3, S2, S2, S2 }, 4 },
    { "close", { S3, S3, R3, R3, ONE(CLOSE) }, 5 },
    { "cancel", { S3, S3, R3, ONE(CANCEL) }, 4 },
    { "cancel_twice", { S3, S3, ONE(CANCEL), ONE(CANCEL), R2 }, 5 },
    { "close_and_cancel", { S3, R3, ONE(CLOSE), ONE(CANCEL), R2 }, 5 },
    { "timed",
      { { SEND_TIMED, SEND_TIMED, SEND, END },
        { SEND_TIMED, SEND, END },
        { RECV_TIMED, RECV, RECV_TIMED, END },
        { RECV_TIMED, RECV_TIMED, END } },
      4 },
    { "timed_beside_waiting",
      { S3,
        { SEND_TIMED, SEND_TIMED, SEND_TIMED, END },
        R3,
        { RECV_TIMED, RECV_TIMED, RECV_TIMED, END } },
      4 },
    { "nowait",
      { { SEND_NOWAIT, SEND_NOWAIT, SEND_NOWAIT, SEND_NOWAIT, END },
        S2,
        { RECV_NOWAIT, RECV_NOWAIT, RECV_NOWAIT, RECV_NOWAIT, END },
        R2 },
      4 },
    { "context",
      { { SEND_CTX, SEND_CTX, END }, S2, { RECV_CTX, RECV_CTX, END }, R2, ONE(CTX_CANCEL) },
      5 },
    { "context_and_close",
      { { SEND_CTX, SEND_CTX, END }, { RECV_CTX, RECV_CTX, END }, R2, ONE(CTX_CANCEL), ONE(CLOSE) },
      5 },
    { "batches",
      { { SEND_N, SEND_N, END },
        { SEND_N, SEND, END },
        { RECV_N, RECV_N, END },
        { RECV_N, RECV, END } },
      4 },
    { "batches_and_close",
      { { SEND_N, SEND_N, END }, { SEND_N, SEND, END }, { RECV_N, RECV_N, END }, R3, ONE(CLOSE) },
      5 },
    { "select_each_other",
      { { SELECT_SELF, SELECT_SELF, END },
        { SELECT_SELF, SELECT_SELF, END },
        { SELECT_SELF, SELECT_SELF, END },
        { SELECT_SELF, END } },
      4 },
    { "select_two",
      { { SELECT_SEND, SELECT_SEND, END },
        { SELECT_RECV, SELECT_RECV, END },
        { SELECT_MIXED, SELECT_MIXED, END },
        S2,
        R2 },
      5 },
    { "select_beside_plain", { { SELECT_RECV, SELECT_RECV, END }, R2, S2, S2 }, 4 },
    { "select_timed", { { SELECT_TIMED, SELECT_TIMED, END }, R2, S3, { SELECT_TIMED, END } }, 4 },
    { "select_context",
      { { SELECT_CTX, SELECT_CTX, END }, { SELECT_CTX, END }, S2, ONE(CTX_CANCEL) },
      4 },
    { "select_close",
      { { SELECT_SELF, SELECT_RECV, END }, { SELECT_SEND, SELECT_MIXED, END }, S2, R2, ONE(CLOSE) },
      5 },
    { "select_nowait",
      { { SELECT_NOWAIT, SELECT_NOWAIT, SELECT_NOWAIT, END },
        S2,
        R2,
        { SELECT_NOWAIT, SELECT_NOWAIT, END } },
      4 },
    { "last_sender", { { SEND, SEND, SENDER_DONE, END }, R3, R3, { SEND, END } }, 4 },
    { "lookers", { S3, R3, { LEN, IS_CLOSED, LEN, LEN, END }, ONE(CLOSE) }, 4 },
    { "everything",
      { { SEND, SEND_TIMED, SEND_NOWAIT, END },
        { RECV_TIMED, RECV, END },
        { SELECT_SELF, RECV_NOWAIT, END },
        { SEND_CTX, SELECT_MIXED, END },
        { RECV_N, SEND_N, END },
        ONE(CTX_CANCEL),
        { LEN, CLOSE, END } },
      7 },
};
#define PLAYS (sizeof plays / sizeof *plays)

typedef struct staged {
    const play *p;
    world w;
    char name[80];
} staged;

static int length(const operation *ops)
{
    int n = 0;
    while (n < MOST_OPS && ops[n] != END)
        n++;
    return n;
}

static void run_play(void *arg)
{
    const staged *s = arg;
    world_begin(&s->w);
    for (int i = 0; i < s->p->threads; i++)
        world_spawn(s->p->op[i], length(s->p->op[i]));
    world_end();
}

/* ---- Generated programs ---- */

static operation generated_op[4][4];
static world generated_world;

static void run_generated(void *arg)
{
    (void)arg;
    world *w = &generated_world;
    do {
        memset(w, 0, sizeof *w);
        w->capacity = (uint32_t)sim_choose(4);
        w->elem_size = sim_choose(4) ? 8 : 0;
        w->fill = (fill)sim_choose(FILLS);
        w->spin = sim_choose(3) == 0;
        w->wrap = sim_choose(3) == 0;
    } while (!world_is_possible(w));
    int threads = 2 + sim_choose(3), n[4] = { 0 };
    for (int t = 0; t < threads; t++) {
        n[t] = 1 + sim_choose(4);
        for (int i = 0; i < n[t]; i++)
            generated_op[t][i] = (operation)sim_choose(sim_choose(3) ? CLOSE : OPERATIONS);
    }
    world_begin(w);
    for (int t = 0; t < threads; t++)
        world_spawn(generated_op[t], n[t]);
    world_end();
}

/* ---- The table ---- */

static void stage(sim_scenario *out, const play *p, uint32_t capacity, bool spin, sim_options o,
                  const char *how)
{
    staged *s = malloc(sizeof *s);
    if (!s)
        abort();
    *s = (staged){ .p = p, .w = { .capacity = capacity, .elem_size = capacity == 3 ? 0 : 8,
                                  .spin = spin, .wrap = !spin } };
    snprintf(s->name, sizeof s->name, "%s.cap%u.%s", p->name, capacity, how);
    *out = (sim_scenario){ s->name, run_play, s, o, NULL };
}

int main(int argc, char **argv)
{
    static sim_scenario scenarios[PLAYS * 4 * 3 + 3];
    size_t n = 0;
    /* 10 million in all; of a smaller capacity, whose schedules are longer, not so many. */
    static const long schedules[] = { 10000, 26000, 46000, 90000 };
    for (size_t i = 0; i < PLAYS; i++)
        for (uint32_t capacity = 0; capacity <= 3; capacity++) {
            const long each = schedules[capacity];
            stage(&scenarios[n++], &plays[i], capacity, false,
                  (sim_options){ .mode = SIM_PCT, .depth = 4, .n = each, .spurious = 1 }, "pct");
            stage(&scenarios[n++], &plays[i], capacity, true,
                  (sim_options){ .mode = SIM_RANDOM, .n = each, .fail_cas = 1 }, "rnd");
            stage(&scenarios[n++], &plays[i], capacity, true,
                  (sim_options){ .mode = SIM_PCT, .depth = 3, .weak = true, .n = each / 4 },
                  "pct-weak");
        }
    scenarios[n++] = (sim_scenario){ "generated.rnd", run_generated, NULL,
                                     { .mode = SIM_RANDOM, .n = 500000 }, NULL };
    scenarios[n++] = (sim_scenario){ "generated.pct", run_generated, NULL,
                                     { .mode = SIM_PCT, .n = 500000, .depth = 4 }, NULL };
    return sim_main(argc, argv, scenarios, n);
}
