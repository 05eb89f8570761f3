/* SPDX-License-Identifier: MIT
 *
 * The bounded queue that nobody waits for: every pair of operations at every fill, every schedule;
 * triples; producers and consumers at random.
 *
 * The history is compared with a channel that waits for nothing (LQ7); what was CCP_BUSY is no part
 * of it, and happens only beside another call of the other side.  The explorer sees whether who
 * copies an element is alone with it (LQ8).
 */
#include "scene.h"

#include "base/machine.h"
#include "lin.h"

#include <stdio.h>

typedef enum operation {
    PUSH,
    PUSH_2,
    PUSH_3,
    POP,
    POP_2,
    POP_3,
    POP_PUSH,
    CLOSE,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "push", "push_2", "push_3", "pop", "pop_2", "pop_3", "pop_push", "close",
};

typedef struct play {
    size_t cap, fill;
    bool used; /* it has been full once */
    int ops;
    operation op[3];
} play;

static ccp_mpmc *queue;
static lin_history history;
static bool some_push, some_pop; /* of the threads that there are beside thread 0 */

static int begin(int kind)
{
    return lin_begin(&history, kind, 0, 0, 0);
}

static void end(int i, int kind, ccp_status st, uint64_t value, size_t n)
{
    bool may_be_busy = kind == LIN_SEND ? some_pop : some_push;
    sim_assert(st == CCP_OK || st == CCP_AGAIN || st == CCP_CLOSED ||
               (st == CCP_BUSY && may_be_busy));
    if (st == CCP_BUSY)
        lin_set(&history, i, kind, LIN_NOTHING);
    lin_end(&history, i, (int)st, value, (uint32_t)n);
}

/* What each thread has put in (its number times 1000, and counted), and what it has got. */
enum { MOST = 32 };
static uint64_t put_in[SIM_THREADS], got_n[SIM_THREADS], got[SIM_THREADS][MOST];

static ccp_status push(size_t want)
{
    int me = sim_self();
    uint64_t v[3], first = (uint64_t)me * 1000 + put_in[me];
    size_t n = 1;
    for (size_t k = 0; k < 3; k++)
        v[k] = first + k;
    int i = begin(LIN_SEND);
    ccp_status st = want == 1 ? ccp_mpmc_push(queue, v) : ccp_mpmc_push_n(queue, v, want, &n);
    n = st == CCP_OK ? n : 0;
    put_in[me] += n;
    end(i, LIN_SEND, st, first, n);
    return st;
}

/* Several that came out together, but were not put in together, are several that came out within
 * the time of the call. */
static ccp_status pop(size_t want)
{
    int me = sim_self(), i[3];
    uint64_t v[3] = { 0 };
    size_t n = 1;
    for (size_t k = 0; k < want; k++)
        i[k] = begin(LIN_RECV);
    ccp_status st = want == 1 ? ccp_mpmc_pop(queue, v) : ccp_mpmc_pop_n(queue, v, want, &n);
    for (size_t k = want; k-- > 0;) {
        if (k > 0 && (st != CCP_OK || k >= n))
            lin_set(&history, i[k], LIN_RECV, LIN_NOTHING);
        end(i[k], LIN_RECV, st, v[k], st == CCP_OK);
    }
    for (size_t k = 0; st == CCP_OK && k < n; k++) {
        sim_assert(got_n[me] < MOST);
        got[me][got_n[me]++] = v[k];
    }
    return st;
}

/* What was put in has come out once: as many, and none twice. */
static void must_be_all(void)
{
    uint64_t in = 0, out = 0;
    bool seen[SIM_THREADS][MOST] = { { false } };
    for (int t = 0; t < SIM_THREADS; t++) {
        in += put_in[t];
        out += got_n[t];
        for (uint64_t k = 0; k < got_n[t]; k++) {
            uint64_t from = got[t][k] / 1000, which = got[t][k] % 1000;
            sim_assert(from < SIM_THREADS && which < put_in[from] && !seen[from][which]);
            seen[from][which] = true;
        }
    }
    sim_assert(in == out);
}

static void shut(void)
{
    int i = begin(LIN_CLOSE);
    end(i, LIN_CLOSE, ccp_mpmc_close(queue), 0, 0);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case PUSH: (void)push(1); break;
    case PUSH_2: (void)push(2); break;
    case PUSH_3: (void)push(3); break;
    case POP: (void)pop(1); break;
    case POP_2: (void)pop(2); break;
    case POP_3: (void)pop(3); break;
    case POP_PUSH:
        (void)pop(1);
        (void)push(1);
        break;
    default: shut(); break;
    }
}

static void set_up(size_t cap)
{
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    queue = ccp_mpmc_new(sizeof(uint64_t), cap);
    sim_assert(queue && ccp_mpmc_cap(queue) == cap);
}

static void finish(size_t cap)
{
    sim_join();
    some_push = some_pop = false;
    size_t left = ccp_mpmc_len(queue);
    while (pop(1) == CCP_OK)
        left--;
    sim_assert(left == 0);
    must_be_all();
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &lin_channel_model,
                                     &(lin_channel){ (uint32_t)cap, false }));
    sim_assert(ccp_mpmc_free(queue) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p->cap);
    for (size_t i = 0; p->used && i < p->cap; i++)
        (void)push(1);
    for (size_t i = 0; p->used && i < p->cap; i++)
        (void)pop(1);
    for (size_t i = 0; i < p->fill; i++)
        (void)push(1);
    for (int i = 0; i < p->ops; i++) {
        some_push |= p->op[i] < POP || p->op[i] == POP_PUSH;
        some_pop |= p->op[i] >= POP && p->op[i] <= POP_PUSH;
    }
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish(p->cap);
}

/* ---- Two producers, two consumers, at random ---- */

enum { EACH = 6 };

static int producing;

static void produce(void *arg)
{
    (void)arg;
    for (int n = 0; n < EACH;) {
        ccp_status st = push(1);
        n += st == CCP_OK;
        if (st != CCP_OK)
            ccpi_relax();
    }
    static _Atomic int ended;
    if (atomic_fetch_add(&ended, 1) + 1 == producing)
        shut();
}

static void consume(void *arg)
{
    (void)arg;
    for (ccp_status st; (st = pop(1 + (size_t)sim_choose(2))) != CCP_CLOSED;)
        if (st != CCP_OK)
            ccpi_relax();
}

static void run_crowd(void *arg)
{
    size_t cap = *(const size_t *)arg;
    set_up(cap);
    some_push = some_pop = true;
    producing = 2;
    for (int i = 0; i < 2; i++) {
        sim_spawn(produce, NULL);
        sim_spawn(consume, NULL);
    }
    sim_join();
    must_be_all();
    sim_assert(ccp_mpmc_free(queue) == CCP_OK);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[64] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.cap%zu.%s%zu.%s", how, p->cap,
              p->used ? "used" : "new", p->fill, ops);
}

static void pairs(play p)
{
    p.ops = 2;
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++) {
            p.op[0] = (operation)a;
            p.op[1] = (operation)b;
            add_play(&p, NULL, "pair");
        }
}

static void triples(play p)
{
    p.ops = 3;
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                p.op[0] = (operation)a;
                p.op[1] = (operation)b;
                p.op[2] = (operation)c;
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2, .n = 300 }, "two");
            }
}

int main(int argc, char **argv)
{
    static const size_t caps[] = { 1, 2, 5 };
    for (size_t cap = 1; cap <= 3; cap++)
        for (size_t fill = 0; fill <= cap; fill++)
            for (int used = 0; used < 2; used++) {
                play p = { .cap = cap, .fill = fill, .used = used };
                pairs(p);
                if (cap == 2 && !used)
                    triples(p);
            }
    for (size_t i = 0; i < 3; i++)
        scene_add(run_crowd, (void *)(uintptr_t)&caps[i],
                  &(sim_options){ .mode = SIM_PCT, .n = 3000, .max_steps = 20000 },
                  "some.crowd%zu", caps[i]);
    return scene_main(argc, argv);
}
