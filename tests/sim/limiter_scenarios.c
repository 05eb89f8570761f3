/* SPDX-License-Identifier: MIT
 *
 * Limiters of concurrency: every pair of operations on one that has permits left, has none, has
 * given out more than its limit since that sank, or is about to be raised, with and without a
 * thread that waits, every schedule; triples.
 *
 * The history of the permits is compared with the most that the limit can have been (R10).  When
 * nobody can go on, as many permits are there as the limit says and nobody waits beside one; in the
 * end all are given back, and all are there.
 */
#include "scene.h"

#include "lin.h"

#include <stdio.h>
#include <string.h>

enum { MIN = 1, MAX = 3, LATENCY = 100 };
#define DECREASE 0.6

/* ---- The sequential limiter: R10 from above, as if each good result raised the limit ---- */

enum { L_TAKE = 20, L_GOOD, L_OTHER };

typedef struct model {
    double limit;
    int64_t used;
} model;

static void model_init(void *state, const void *config)
{
    memcpy(state, config, sizeof(model));
}

static uint64_t model_hash(const void *state, const void *config)
{
    const model *m = state;
    uint64_t limit;
    (void)config;
    memcpy(&limit, &m->limit, sizeof limit);
    return sim_hash(limit, (uint64_t)m->used);
}

static bool model_step(void *state, const lin_op *op, const void *config)
{
    model *m = state;
    (void)config;
    if (op->kind == L_TAKE) {
        if (op->status != CCP_OK)
            return true; /* somebody else may have been first: see finish() */
        m->used++;
        return m->used <= (int64_t)m->limit;
    }
    if (op->status == CCP_MISUSE)
        return m->used == 0;
    m->used--;
    if (op->kind == L_GOOD && (m->limit += 1 / m->limit) > MAX)
        m->limit = MAX;
    return m->used >= 0;
}

static const lin_model limiter_model = { sizeof(model), model_init, model_step, model_hash };

/* ---- The stage ---- */

typedef enum operation {
    TAKE,
    TAKE_TIMED,
    TAKE_CTX,
    TAKE_NOWAIT,
    TAKE_GIVE,
    TAKE_FAIL,
    GOOD,
    BAD,
    LATE,
    SILENT,
    LOOK,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "take", "take_timed", "take_ctx", "take_nowait", "take_give", "take_fail",
    "good", "bad",        "late",     "silent",      "look",      "ctx_cancel",
};

/* LOWERED: three were taken, one came back bad, two are there and the limit is 1.8. */
typedef enum start { FREE, ONE, FULL, LOWERED, SMALL, STARTS } start;

static const struct {
    const char *name;
    unsigned limit, taken; /* in the beginning; permits that are given out then */
    bool bad;              /* one of them comes back bad */
} starts[STARTS] = {
    { "free", 2, 0, false }, { "one", 2, 1, false },   { "full", 2, 2, false },
    { "lowered", 3, 3, true }, { "small", 1, 1, false },
};

typedef struct play {
    start start;
    bool waits; /* a thread waits from the beginning */
    int ops;
    operation op[3];
} play;

static ccp_limiter *limiter;
static ccp_ctx *ctx;
static lin_history history;
static model begun;
static bool waiting[SIM_THREADS];
static int held[SIM_THREADS]; /* taken and not given back, by thread; that of thread 0: at first */

static ccp_status take(ccp_wait w, ccp_status other)
{
    int me = sim_self(), i = lin_begin(&history, L_TAKE, 0, 0, 1);
    waiting[me] = true;
    ccp_status st = ccp_limiter_acquire(limiter, w);
    waiting[me] = false;
    lin_end(&history, i, (int)st, 0, 1);
    sim_assert(st == CCP_OK || st == other);
    held[me] += st == CCP_OK;
    return st;
}

static ccp_status give(ccp_status result, int64_t took)
{
    bool is_good = result == CCP_OK && took <= LATENCY;
    int i = lin_begin(&history, is_good ? L_GOOD : L_OTHER, 0, 0, 1);
    ccp_status st = ccp_limiter_release(limiter, result, took);
    lin_end(&history, i, (int)st, 0, 1);
    sim_assert(st == CCP_OK || st == CCP_MISUSE);
    held[sim_self()] -= st == CCP_OK;
    return st;
}

static void take_and_give(ccp_status result)
{
    if (take(CCP_FOREVER, CCP_OK) == CCP_OK)
        (void)give(result, 0);
}

static void act_out(void *arg)
{
    unsigned limit;
    switch (*(const operation *)arg) {
    case TAKE: (void)take(CCP_FOREVER, CCP_OK); break;
    case TAKE_TIMED: (void)take(ccp_within(100), CCP_TIMEOUT); break;
    case TAKE_CTX: (void)take(ccp_with(ctx), CCP_CANCELED); break;
    case TAKE_NOWAIT: (void)take(CCP_NOWAIT, CCP_AGAIN); break;
    case TAKE_GIVE: take_and_give(CCP_OK); break;
    case TAKE_FAIL: take_and_give(CCP_FAILED); break;
    case GOOD: (void)give(CCP_OK, LATENCY); break;
    case BAD: (void)give(CCP_FAILED, 0); break;
    case LATE: (void)give(CCP_OK, LATENCY + 1); break;
    case SILENT: (void)give(CCP_CANCELED, 0); break;
    case LOOK:
        limit = ccp_limiter_limit(limiter);
        sim_assert(limit >= MIN && limit <= MAX);
        break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void set_up(const play *p)
{
    const ccp_limiter_opts o = { .min = MIN, .max = MAX, .start = starts[p->start].limit,
                                 .latency = LATENCY, .decrease = DECREASE };
    scene_tune(STILL);
    ccp_set_misuse_hook(NULL); /* the history says whether it was misuse */
    limiter = sim_alloc(sizeof *limiter);
    sim_assert(ccp_limiter_init(limiter, &o) == CCP_OK);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    for (unsigned i = 0; i < starts[p->start].taken; i++)
        (void)take(CCP_NOWAIT, CCP_OK);
    if (starts[p->start].bad)
        (void)give(CCP_FAILED, 0);
    begun = (model){ limiter->limit_, held[0] };
    lin_history_clear(&history, sim_is_weak());
    if (p->waits) {
        static const operation one = TAKE;
        sim_spawn(act_out, (void *)(uintptr_t)&one);
        sim_settle();
    }
}

static unsigned count_waiting(void)
{
    unsigned n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        n += waiting[t];
    return n;
}

static unsigned count_held(void)
{
    int n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        n += held[t];
    return (unsigned)n;
}

/* L1, L2, when nobody is inside. */
static void check_quiet(void)
{
    unsigned cap = ccp_sem_cap(&limiter->sem_), free = ccp_sem_available(&limiter->sem_);
    unsigned limit = ccp_limiter_limit(limiter);
    sim_assert(limiter->limit_ >= MIN && limiter->limit_ <= MAX);
    sim_assert(cap - free == count_held());
    sim_assert(cap == limit || (cap > limit && free == 0));
    sim_assert(!count_waiting() || free == 0);
    sim_assert(limiter->calm_ <= count_held());
}

/* R11: each permit given out can lower the limit once, those from before it sank last cannot. */
static void check_lowered(const play *p)
{
    int most = p->waits + !starts[p->start].bad;
    for (int i = 0; i < p->ops; i++)
        most += p->op[i] <= TAKE_FAIL;
    double least = begun.limit;
    while (most-- > 0)
        least *= DECREASE;
    sim_assert(limiter->limit_ >= (least > MIN ? least : MIN));
}

static void finish(const play *p)
{
    sim_settle();
    check_quiet();
    while (count_waiting()) {
        sim_assert(give(CCP_CANCELED, 0) == CCP_OK);
        sim_settle();
        check_quiet();
    }
    sim_join();
    check_lowered(p);
    while (count_held())
        sim_assert(give(CCP_CANCELED, 0) == CCP_OK);
    check_quiet();
    sim_assert(limiter->calm_ == 0);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &limiter_model, &begun));
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(limiter);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish(p);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s%s.%s", how, starts[p->start].name,
              p->waits ? ".waits" : "", ops);
}

static void pairs(start s, bool waits)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++) {
            play p = { s, waits, 2, { (operation)a, (operation)b } };
            add_play(&p, NULL, "pair");
            add_play(&p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
        }
}

static void triples(start s, bool waits)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { s, waits, 3, { (operation)a, (operation)b, (operation)c } };
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one");
            }
}

int main(int argc, char **argv)
{
    for (int s = 0; s < STARTS; s++)
        for (int waits = 0; waits <= (s >= FULL); waits++) {
            pairs((start)s, waits);
            triples((start)s, waits);
        }
    return scene_main(argc, argv);
}
