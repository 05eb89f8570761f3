/* SPDX-License-Identifier: MIT
 *
 * Semaphores: every pair of operations at every number of permits taken, with and without a thread
 * that waits for one or for all, every schedule; triples; memory that goes when all is taken.
 *
 * The history of each semaphore is compared with three numbers (N1, N5, N6).  When nobody can go
 * on, not all who wait could be served (N2, N3, N4); when everything is given back, all are.
 */
#include "scene.h"

#include "lin.h"

#include <stdatomic.h>
#include <stdio.h>

enum { SIZE = 2 };

/* ---- The sequential semaphore ---- */

enum { S_TAKE = 20, S_GIVE, S_FORGET, S_ADD, S_CLOSE };

typedef struct model {
    int64_t size, used;
    bool closed;
} model;

static void model_init(void *state, const void *config)
{
    *(model *)state = (model){ .size = SIZE, .used = *(const int *)config };
}

static uint64_t model_hash(const void *state, const void *config)
{
    const model *m = state;
    (void)config;
    return (uint64_t)(m->size * 64 + m->used) * 2 + m->closed;
}

static bool model_take(model *m, const lin_op *op)
{
    if (op->status == CCP_CLOSED)
        return m->closed;
    if (op->status != CCP_OK)
        return true; /* somebody else may have been first: see finish() */
    m->used += op->n;
    return !m->closed && m->used <= m->size;
}

static bool model_step(void *state, const lin_op *op, const void *config)
{
    model *m = state;
    (void)config;
    switch (op->kind) {
    case S_TAKE: return model_take(m, op);
    case S_GIVE:
    case S_FORGET:
        if (op->status == CCP_MISUSE)
            return m->used < op->n;
        m->used -= op->n;
        m->size -= op->kind == S_FORGET ? op->n : 0;
        return m->used >= 0;
    case S_ADD: m->size += op->n; return true;
    default:
        if (op->status == CCP_CLOSED)
            return m->closed;
        m->closed = true;
        return true;
    }
}

static const lin_model sem_model = { sizeof(model), model_init, model_step, model_hash };

/* ---- The stage ---- */

typedef enum operation {
    TAKE_1,
    TAKE_2,
    TAKE_3, /* more than there are */
    TAKE_1_TIMED,
    TAKE_2_TIMED,
    TAKE_2_CTX,
    TAKE_1_NOWAIT,
    TAKE_GIVE,
    GIVE_1,
    GIVE_2,
    FORGET_1,
    ADD_1,
    CLOSE,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "take_1", "take_2", "take_3", "take_1_timed", "take_2_timed", "take_2_ctx", "take_1_nowait",
    "take_give", "give_1", "give_2", "forget_1", "add_1", "close", "ctx_cancel",
};

typedef struct play {
    int used;
    int parked; /* permits that a thread waits for from the beginning; 0: none */
    int ops;
    operation op[3];
} play;

static ccp_sem *sem;
static ccp_ctx *ctx;
static lin_history history;
static unsigned waiting[SIM_THREADS]; /* 1 + permits that a thread asks for */

static int begin(int kind, uint32_t n)
{
    return lin_begin(&history, kind, 0, 0, n);
}

static ccp_status end(int i, ccp_status st)
{
    lin_end(&history, i, (int)st, 0, history.op[i].n);
    return st;
}

static ccp_status take(unsigned n, ccp_wait w, ccp_status other)
{
    int i = begin(S_TAKE, n);
    waiting[sim_self()] = 1 + n;
    ccp_status st = end(i, ccp_sem_acquire(sem, n, w));
    waiting[sim_self()] = 0;
    sim_assert(st == CCP_OK || st == CCP_CLOSED || st == other);
    return st;
}

static ccp_status give(unsigned n)
{
    int i = begin(S_GIVE, n);
    ccp_status st = end(i, ccp_sem_release(sem, n));
    sim_assert(st == CCP_OK || st == CCP_MISUSE);
    return st;
}

static ccp_status forget(unsigned n)
{
    int i = begin(S_FORGET, n);
    ccp_status st = end(i, ccp_sem_forget(sem, n));
    sim_assert(st == CCP_OK || st == CCP_MISUSE);
    return st;
}

static void add(unsigned n)
{
    int i = begin(S_ADD, n);
    sim_assert(end(i, ccp_sem_add(sem, n)) == CCP_OK);
}

static void shut(void)
{
    int i = begin(S_CLOSE, 0);
    ccp_status st = end(i, ccp_sem_close(sem));
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case TAKE_1: (void)take(1, CCP_FOREVER, CCP_OK); break;
    case TAKE_2: (void)take(2, CCP_FOREVER, CCP_OK); break;
    case TAKE_3: (void)take(3, CCP_FOREVER, CCP_OK); break;
    case TAKE_1_TIMED: (void)take(1, ccp_within(100), CCP_TIMEOUT); break;
    case TAKE_2_TIMED: (void)take(2, ccp_within(100), CCP_TIMEOUT); break;
    case TAKE_2_CTX: (void)take(2, ccp_with(ctx), CCP_CANCELED); break;
    case TAKE_1_NOWAIT: (void)take(1, CCP_NOWAIT, CCP_AGAIN); break;
    case TAKE_GIVE:
        if (take(1, CCP_FOREVER, CCP_OK) == CCP_OK)
            (void)give(1);
        break;
    case GIVE_1: (void)give(1); break;
    case GIVE_2: (void)give(2); break;
    case FORGET_1: (void)forget(1); break;
    case ADD_1: add(1); break;
    case CLOSE: shut(); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void set_up(const play *p)
{
    static const operation parked[] = { TAKE_1, TAKE_2 };
    scene_tune(STILL);
    ccp_set_misuse_hook(NULL); /* the history says whether it was misuse */
    lin_history_clear(&history, sim_is_weak());
    sem = sim_alloc(sizeof *sem);
    *sem = (ccp_sem)CCP_SEM_INIT(SIZE);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    if (p->used)
        sim_assert(ccp_sem_acquire(sem, (unsigned)p->used, CCP_NOWAIT) == CCP_OK);
    if (p->parked) {
        sim_spawn(act_out, (void *)(uintptr_t)&parked[p->parked - 1]);
        sim_settle();
    }
}

/* Nobody can go on: one of those who wait and could ever be served needs more than is free. */
static bool is_someone_left_out(void)
{
    unsigned free = ccp_sem_available(sem), cap = ccp_sem_cap(sem), most = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        if (waiting[t] && waiting[t] - 1 <= cap && waiting[t] - 1 > most)
            most = waiting[t] - 1;
    return most && most <= free;
}

static unsigned how_many_wait(unsigned most)
{
    unsigned n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        n += waiting[t] && waiting[t] - 1 <= most;
    return n;
}

static void finish(const play *p)
{
    sim_settle();
    sim_assert(!is_someone_left_out());
    while (how_many_wait(ccp_sem_cap(sem)) && ccp_sem_available(sem) < ccp_sem_cap(sem)) {
        sim_assert(give(1) == CCP_OK);
        sim_settle();
        sim_assert(!is_someone_left_out());
    }
    sim_assert(how_many_wait(ccp_sem_cap(sem)) == 0);
    shut();
    sim_settle();
    sim_assert(how_many_wait(UINT32_MAX - 1) == 0);
    sim_join();
    sim_assert(!sem->line_.first_ && !sem->line_.last_);
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &sem_model, &p->used));
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(sem);
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

/* ---- In the order of coming (N2): the second comes when the first waits ---- */

static int served;

static void take_in_turn(void *arg)
{
    const int *turn = arg;
    sim_assert(ccp_sem_acquire(sem, turn[1] ? 1 : 2, CCP_FOREVER) == CCP_OK);
    sim_assert(served++ == turn[0]);
    sim_assert(ccp_sem_release(sem, turn[1] ? 1 : 2) == CCP_OK);
}

static void hurry(void *arg)
{
    (void)arg;
    if (ccp_sem_acquire(sem, 1, CCP_NOWAIT) == CCP_OK) {
        sim_assert(served == 2);
        sim_assert(ccp_sem_release(sem, 1) == CCP_OK);
    }
}

static void in_turn(void *arg)
{
    static const int turns[2][2] = { { 0, 0 }, { 1, 0 } };
    static ccp_sem s = CCP_SEM_INIT(SIZE);
    (void)arg;
    scene_tune(STILL);
    sem = &s;
    sim_assert(ccp_sem_acquire(sem, 2, CCP_NOWAIT) == CCP_OK);
    for (int i = 0; i < 2; i++) {
        sim_spawn(take_in_turn, (void *)(uintptr_t)turns[i]);
        sim_settle();
    }
    sim_assert(ccp_sem_release(sem, 1) == CCP_OK);
    sim_spawn(hurry, NULL); /* finds one free, and the others before it */
    sim_assert(ccp_sem_release(sem, 1) == CCP_OK);
    sim_join();
    sim_assert(served == 2);
}

/* ---- Memory that goes when all is taken (N7) ---- */

static _Atomic(ccp_sem *) shared;

static void give_one(void *arg)
{
    (void)arg;
    sim_assert(ccp_sem_release(atomic_load(&shared), 1) == CCP_OK);
}

static void take_one_timed(void)
{
    if (ccp_sem_acquire(atomic_load(&shared), 1, ccp_within(100)) == CCP_OK)
        sim_assert(ccp_sem_release(atomic_load(&shared), 1) == CCP_OK);
}

static void leave(void *arg)
{
    scene_tune(STILL);
    ccp_sem *s = sim_alloc(sizeof *s);
    *s = (ccp_sem)CCP_SEM_INIT(SIZE);
    atomic_store(&shared, s);
    sim_assert(ccp_sem_acquire(s, 2, CCP_NOWAIT) == CCP_OK);
    sim_spawn(give_one, NULL);
    if (arg) /* somebody was in the line before, perhaps in vain */
        take_one_timed();
    sim_spawn(give_one, NULL);
    sim_assert(ccp_sem_acquire(s, 2, CCP_FOREVER) == CCP_OK);
    sim_free(s);
    sim_join();
}

/* ---- What was done before permits came back, for those who take them one after the other ---- */

static int before; /* plain */

static void write_and_give(void *arg)
{
    (void)arg;
    before = 1;
    sim_assert(ccp_sem_release(sem, 2) == CCP_OK);
}

static void take_and_read(void *arg)
{
    (void)arg;
    sim_assert(ccp_sem_acquire(sem, 1, CCP_FOREVER) == CCP_OK);
    sim_assert(before == 1);
}

/* Somebody has stood in the line, so the first of them looks there; the second one need not, and
 * finds the word as the first has left it. */
static void one_after_other(void *arg)
{
    static ccp_sem s = CCP_SEM_INIT(SIZE);
    (void)arg;
    scene_tune(STILL);
    sem = &s;
    sim_assert(ccp_sem_acquire(sem, 2, CCP_NOWAIT) == CCP_OK);
    sim_assert(ccp_sem_acquire(sem, 1, ccp_within(100)) == CCP_TIMEOUT);
    sim_spawn(write_and_give, NULL);
    sim_spawn(take_and_read, NULL);
    sim_spawn(take_and_read, NULL);
    sim_join();
}

/* ---- The table ---- */

static bool waits(operation op)
{
    return op <= TAKE_2_CTX || op == TAKE_GIVE;
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%d.waits%d.%s", how, p->used, p->parked,
              ops);
}

static void add_pair(const play *p)
{
    add_play(p, NULL, "pair");
    if (!p->parked && !(waits(p->op[0]) && waits(p->op[1])))
        add_play(p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
}

/* Who waits from the beginning has to wait. */
static bool is_possible(const play *p)
{
    return p->parked == 0 || p->used + p->parked > SIZE;
}

static void pairs(void)
{
    for (int used = 0; used <= SIZE; used++)
        for (int parked = 0; parked <= 2; parked++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { used, parked, 2, { (operation)a, (operation)b } };
                    if (is_possible(&p))
                        add_pair(&p);
                }
}

static void triples(void)
{
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { 1, 0, 3, { (operation)a, (operation)b, (operation)c } };
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2 }, "two");
            }
}

int main(int argc, char **argv)
{
    static const int yes = 1;
    pairs();
    triples();
    scene_add(in_turn, NULL, NULL, "in_turn");
    scene_add(one_after_other, NULL, NULL, "order");
    scene_add(leave, NULL, NULL, "leave");
    scene_add(leave, (void *)(uintptr_t)&yes, NULL, "leave.third");
    return scene_main(argc, argv);
}
