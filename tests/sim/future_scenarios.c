/* SPDX-License-Identifier: MIT
 *
 * Futures: every pair of operations, with nobody else about, with a thread that waits, with a
 * function to be called, with the value to be computed by whoever waits; while the first handle is
 * kept, and while it is freed at the same time.  Then the first k of two, of which both are settled
 * at the same time as it is made; and what is made of them, which nobody wants any more just then.
 *
 * The history of each future is compared with a cell that is written once (F1).  A value that was
 * set is gotten or dropped once (F4); what was set can be read (F2: otherwise a data race); a
 * function is called once (F6, F8); memory is given back with the last handle (F3).
 */
#include "scene.h"

#include "lin.h"

#include <stdatomic.h>
#include <stdio.h>

/* ---- The sequential future ---- */

enum { H_SET = 30, H_FAIL, H_GIVE_UP, H_COMPUTE, H_GET, H_CANCEL, H_DONE };

typedef enum cell { EMPTY, VALUE, FAILED, CANCELED } cell;

static void model_init(void *state, const void *config)
{
    (void)config;
    *(cell *)state = EMPTY;
}

static uint64_t model_hash(const void *state, const void *config)
{
    (void)config;
    return (uint64_t) * (const cell *)state;
}

/* The promise's owner: it succeeds, or the future was canceled. */
static bool settles(cell *c, cell to, int status)
{
    if (status != CCP_OK)
        return *c == CANCELED && status == CCP_CANCELED;
    bool was_empty = *c == EMPTY;
    *c = to;
    return was_empty;
}

static bool model_step(void *state, const lin_op *op, const void *config)
{
    cell *c = state;
    (void)config;
    switch (op->kind) {
    case H_SET: return settles(c, VALUE, op->status);
    case H_FAIL: return settles(c, FAILED, op->status);
    case H_GIVE_UP:
    case H_COMPUTE:
        if (*c == EMPTY)
            *c = op->kind == H_COMPUTE ? VALUE : FAILED;
        return true;
    case H_GET: /* W1: not AGAIN when it is there */
        return op->status == CCP_OK       ? *c == VALUE
               : op->status == CCP_FAILED ? *c == FAILED || *c == CANCELED
               : op->status == CCP_AGAIN  ? *c == EMPTY
                                          : true;
    case H_CANCEL:
        if (op->status == CCP_OK)
            return *c == EMPTY ? (*c = CANCELED, true) : false;
        return *c != EMPTY;
    default: return *c != EMPTY;
    }
}

static const lin_model future_model = { sizeof(cell), model_init, model_step, model_hash };

/* ---- The stage ---- */

typedef enum operation {
    SET,
    FAIL,
    GIVE_UP,
    GET,
    GET_TIMED,
    GET_CTX,
    GET_NOWAIT,
    PEEK,
    LET_GO,
    CANCEL,
    DONE,     /* waits for its channel */
    THEN,     /* whose result nobody wants */
    THEN_GET,
    ALL_GET,  /* all of one */
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "set", "fail", "give_up", "get", "get_timed", "get_ctx", "get_nowait", "peek",
    "let_go", "cancel", "done", "then", "then_get", "all_get", "ctx_cancel",
};

typedef enum state { ALONE, PARKED, LISTENED, LAZY, STATES } state;
static const char *const state_names[STATES] = { "alone", "parked", "listened", "lazy" };

#define MOST_OPS 3

typedef struct play {
    state state;
    bool lets_go; /* the first handle is freed beside the operations */
    int ops;
    operation op[MOST_OPS];
} play;

enum { VALUE_SET = 17 };

static const play *now;
static ccp_future *future;
static ccp_promise *promise;
static ccp_ctx *ctx;
static lin_history history;
static int computing;         /* 1 + the computation: it settles at some time afterwards */
static int set, gotten[SIM_THREADS];
static int before;            /* plain: written before it is settled, unless by a cancel */
static _Atomic int dropped;
static int called[SIM_THREADS]; /* functions of this thread's then */

static int begin(int kind)
{
    return lin_begin(&history, kind, 0, 0, 0);
}

static ccp_status end(int i, ccp_status st)
{
    lin_end(&history, i, (int)st, 0, 0);
    return st;
}

static void drop(void *value, void *arg)
{
    (void)arg;
    sim_assert(*(long *)value == VALUE_SET);
    sim_hint(&dropped, sizeof dropped);
    atomic_fetch_add(&dropped, 1);
}

static ccp_status compute(ccp_ctx *c, void *arg, void *result)
{
    (void)c;
    (void)arg;
    sim_assert(!computing); /* F8 */
    *(long *)result = VALUE_SET;
    before = 1;
    computing = 1 + begin(H_COMPUTE);
    set = 1;
    return CCP_OK;
}

static ccp_status take_over(ccp_status error, const void *value, void *result, void *arg)
{
    ++*(int *)arg;
    sim_assert((error == CCP_OK) == (value != NULL));
    if (error == CCP_OK)
        *(long *)result = *(const long *)value + 1;
    return error;
}

/* ---- Operations ---- */

static void produce(operation op)
{
    const long v = VALUE_SET;
    int i = begin(op == SET ? H_SET : op == FAIL ? H_FAIL : H_GIVE_UP);
    ccp_status st = CCP_OK;
    before = 1;
    if (op == SET)
        st = ccp_promise_set(promise, &v);
    else if (op == FAIL)
        st = ccp_promise_fail(promise, CCP_FAILED);
    if (op == SET && st == CCP_OK)
        set = 1;
    if (op != GIVE_UP)
        end(i, st);
    ccp_promise_free(promise);
    if (op == GIVE_UP)
        end(i, CCP_OK);
}

static void get(ccp_wait w, ccp_status other)
{
    long v = 0;
    int i = begin(H_GET);
    ccp_status st = end(i, ccp_future_get(future, &v, w));
    sim_assert(st == CCP_OK || st == CCP_FAILED || st == other);
    sim_assert(v == (st == CCP_OK ? VALUE_SET : 0));
    gotten[sim_self()] |= st == CCP_OK;
}

static void look(void)
{
    int i = begin(H_DONE);
    const long *v = ccp_future_peek(future);
    if (v) {
        sim_assert(*v == VALUE_SET && ccp_future_is_done(future));
        end(i, CCP_OK);
    } else {
        lin_set(&history, i, H_GET, 0); /* nothing can be said */
        end(i, CCP_TIMEOUT);
    }
}

static bool may_be_canceled(void)
{
    bool may = false;
    for (int i = 0; i < now->ops; i++)
        may |= now->op[i] == CANCEL;
    return may;
}

static void wait_for_channel(void)
{
    int i = begin(H_DONE);
    sim_assert(end(i, ccp_chan_recv(ccp_future_done(future), NULL, CCP_FOREVER)) == CCP_CLOSED);
    sim_assert(may_be_canceled() || before); /* F2 */
}

static void then(bool wanted)
{
    int *calls = &called[sim_self()];
    ccp_future *next =
        ccp_future_then(future, &(ccp_promise_opts){ .size = sizeof(long) }, take_over, calls);
    sim_assert(next);
    if (wanted) {
        long v;
        ccp_status st = ccp_future_get(next, &v, CCP_FOREVER);
        sim_assert(st == CCP_OK ? v == VALUE_SET + 1 : st == CCP_FAILED);
        sim_assert(*calls == 1); /* F6 */
    }
    ccp_future_free(next);
}

static void get_all(void)
{
    size_t which = 9;
    ccp_future *all = ccp_future_all(&future, 1);
    sim_assert(all);
    ccp_status st = ccp_future_get(all, &which, CCP_FOREVER);
    sim_assert(st == CCP_OK ? which == 0 && ccp_future_peek(future) : st == CCP_FAILED);
    sim_assert(ccp_future_is_done(future));
    ccp_future_free(all);
}

static bool produces(operation op)
{
    return op <= GIVE_UP;
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    switch (op) {
    case SET:
    case FAIL:
    case GIVE_UP: produce(op); return;
    case GET: get(CCP_FOREVER, CCP_OK); break;
    case GET_TIMED: get(ccp_within(100), CCP_TIMEOUT); break;
    case GET_CTX: get(ccp_with(ctx), CCP_CANCELED); break;
    case GET_NOWAIT: get(CCP_NOWAIT, CCP_AGAIN); break;
    case PEEK: look(); break;
    case LET_GO: break;
    case CANCEL: {
        int i = begin(H_CANCEL);
        (void)end(i, ccp_future_cancel(future));
        break;
    }
    case DONE: wait_for_channel(); break;
    case THEN: then(false); break;
    case THEN_GET: then(true); break;
    case ALL_GET: get_all(); break;
    default: ccp_ctx_cancel(ctx); return;
    }
    ccp_future_free(future); /* this thread's own handle */
}

/* ---- Beginning and end ---- */

static void start(const operation *op)
{
    if (!produces(*op) && *op != CTX_CANCEL)
        sim_assert(ccp_future_share(future) == future);
    sim_spawn(act_out, (void *)(uintptr_t)op);
}

static void set_up(const play *p)
{
    static const operation parked = GET, listening = THEN_GET;
    const ccp_promise_opts o = { .size = sizeof(long), .drop = drop };
    now = p;
    scene_tune(STILL);
    lin_history_clear(&history, sim_is_weak());
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    promise = NULL;
    if (p->state == LAZY)
        future = ccp_future_lazy(&o, compute, NULL);
    else
        promise = ccp_promise_new(&o, &future);
    sim_assert(ctx && future);
    if (p->state == PARKED)
        start(&parked);
    if (p->state == LISTENED)
        start(&listening);
    sim_settle();
}

static void finish(bool produced)
{
    if (!produced && promise) {
        if (now->state == ALONE && now->ops > 1)
            sim_settle(); /* who waits, waits */
        produce(SET);
    }
    sim_join();
    if (computing)
        end(computing - 1, CCP_OK);
    if (!now->lets_go)
        ccp_future_free(future);
    bool any = scene_any(gotten);
    sim_assert(atomic_load(&dropped) == (set && !any)); /* F4 */
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &future_model, NULL));
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    bool produced = false;
    set_up(p);
    for (int i = 0; i < p->ops; i++) {
        start(&p->op[i]);
        produced |= produces(p->op[i]);
    }
    if (p->lets_go)
        ccp_future_free(future);
    finish(produced);
}

/* ---- The first k of two ---- */

typedef struct choice {
    size_t k;
    bool fails; /* the second one does */
    bool wanted; /* the result is waited for */
} choice;

static ccp_promise *ends[2];
static const choice *chosen;

static void settle_end(void *arg)
{
    size_t i = *(const size_t *)arg;
    const long v = VALUE_SET;
    if (i == 1 && chosen->fails)
        sim_assert(ccp_promise_fail(ends[i], CCP_BUSY) == CCP_OK);
    else
        sim_assert(ccp_promise_set(ends[i], &v) == CCP_OK);
    ccp_promise_free(ends[i]);
}

static void run_choice(void *arg)
{
    static const size_t numbers[2] = { 0, 1 };
    ccp_future *f[2];
    size_t order[2] = { 9, 9 };
    chosen = arg;
    scene_tune(STILL);
    for (int i = 0; i < 2; i++)
        ends[i] = ccp_promise_new(
            &(ccp_promise_opts){ .size = sizeof(long), .drop = drop }, &f[i]);
    for (int i = 0; i < 2; i++)
        sim_spawn(settle_end, (void *)(uintptr_t)&numbers[i]);
    ccp_future *first = ccp_future_first(f, 2, chosen->k);
    sim_assert(first);
    if (chosen->wanted) {
        bool ok = !chosen->fails || chosen->k <= 1;
        sim_assert(ccp_future_get(first, order, CCP_FOREVER) == (ok ? CCP_OK : CCP_FAILED));
        sim_assert(ok || ccp_future_error(first) == CCP_BUSY);
        for (size_t i = 0; ok && i < chosen->k; i++)
            sim_assert(*(const long *)ccp_future_peek(f[order[i]]) == VALUE_SET);
        sim_assert(!ok || chosen->k < 2 || order[0] + order[1] == 1);
    }
    ccp_future_free(first);
    for (int i = 0; i < 2; i++)
        ccp_future_free(f[i]);
    sim_join();
    sim_assert(atomic_load(&dropped) == 2 - chosen->fails); /* F4 */
    sim_assert(ccp_live_blocks() == 0);
}

/* ---- What is made of one or two, and not wanted ---- */

typedef struct unwanted {
    choice c; /* k 0: made by a function, of the first alone */
    bool cancels;
} unwanted;

static void run_unwanted(void *arg)
{
    static const size_t numbers[2] = { 0, 1 };
    const unwanted *u = arg;
    ccp_future *f[2];
    chosen = &u->c;
    scene_tune(STILL);
    for (int i = 0; i < 2; i++)
        ends[i] = ccp_promise_new(
            &(ccp_promise_opts){ .size = sizeof(long), .drop = drop }, &f[i]);
    ccp_future *made =
        chosen->k ? ccp_future_first(f, 2, chosen->k)
                  : ccp_future_then(f[0], &(ccp_promise_opts){ .size = sizeof(long) }, take_over,
                                    &called[0]);
    sim_assert(made);
    for (int i = 0; i < 2; i++)
        sim_spawn(settle_end, (void *)(uintptr_t)&numbers[i]);
    if (u->cancels) {
        ccp_status st = ccp_future_cancel(made);
        sim_assert(st == CCP_OK || (st == CCP_CLOSED && ccp_future_is_done(made)));
    }
    ccp_future_free(made);
    for (int i = 0; i < 2; i++)
        ccp_future_free(f[i]);
    sim_join();
    sim_assert(called[0] <= 1);
    sim_assert(atomic_load(&dropped) == 2 - chosen->fails); /* F4 */
    sim_assert(ccp_live_blocks() == 0);
}

/* ---- A producer that is told ---- */

static void watch_for_cancel(void *arg)
{
    (void)arg;
    sim_assert(ccp_sleep(ccp_with(ccp_promise_ctx(promise))) == CCP_CANCELED); /* F5 */
    ccp_promise_free(promise);
}

static void lose_interest(void *arg)
{
    (void)arg;
    ccp_future_free(future);
}

static void run_interest(void *arg)
{
    scene_tune(STILL);
    promise = ccp_promise_new(&(ccp_promise_opts){ .cancelable = true }, &future);
    sim_assert(promise);
    sim_spawn(watch_for_cancel, NULL);
    sim_assert(ccp_future_share(future));
    sim_spawn(lose_interest, NULL);
    if (arg)
        sim_assert(ccp_future_cancel(future) == CCP_OK);
    ccp_future_free(future);
    sim_join();
    sim_assert(ccp_live_blocks() == 0);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s%s.%s", how, state_names[p->state],
              p->lets_go ? ".lets_go" : "", ops);
}

/* The promise has one owner. */
static bool legal(const play *p)
{
    int producers = 0;
    for (int i = 0; i < p->ops; i++)
        producers += produces(p->op[i]);
    return producers <= (p->state != LAZY);
}

/* Waits, and does something of its own to be able to. */
static bool is_large(operation op)
{
    return op == GET_CTX || op == DONE || op == THEN || op == THEN_GET || op == ALL_GET;
}

static bool waits(operation op)
{
    return op == GET || op == GET_TIMED || is_large(op);
}

/* Every schedule of two threads; few preemptions where there are three, or two that do much. */
static void add_pair(const play *p)
{
    bool third = p->state == PARKED || p->state == LISTENED;
    bool both_wait = waits(p->op[0]) && waits(p->op[1]);
    bool both_large = is_large(p->op[0]) && is_large(p->op[1]);
    if (third || p->lets_go || both_large || (both_wait && p->state == LAZY)) {
        add_play(p, &(sim_options){ .mode = SIM_DFS, .preemptions = third ? 1 : 2 },
                 third ? "one" : "two");
        return;
    }
    add_play(p, NULL, "pair");
    if (!both_wait && !is_large(p->op[0]) && !is_large(p->op[1]))
        add_play(p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
}

static void pairs(void)
{
    for (int s = 0; s < STATES; s++)
        for (int more = 0; more < 2; more++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { (state)s, more, 2, { (operation)a, (operation)b } };
                    if (legal(&p))
                        add_pair(&p);
                }
}

static void triples(void)
{
    for (int a = 0; a <= GIVE_UP; a++)
        for (int b = GET; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { ALONE, true, 3, { (operation)a, (operation)b, (operation)c } };
                add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 1 }, "one_triple");
            }
}

int main(int argc, char **argv)
{
    static const int yes = 1;
    const sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
    pairs();
    triples();
    for (size_t k = 0; k <= 2; k++)
        for (int f = 0; f < 4; f++) {
            choice c = { k, f & 1, f & 2 };
            scene_add(run_choice, scene_keep(&c, sizeof c), &few, "two_first.%zu%s%s", k,
                      c.fails ? ".fails" : "", c.wanted ? ".wanted" : "");
        }
    for (size_t k = 0; k <= 2; k++)
        for (int f = 0; f < 4; f++) {
            unwanted u = { { k, f & 1, false }, f & 2 };
            scene_add(run_unwanted, scene_keep(&u, sizeof u), &few, "two_unwanted.%zu%s.%s", k,
                      u.c.fails ? ".fails" : "", u.cancels ? "cancel" : "free");
        }
    scene_add(run_interest, NULL, &few, "two_interest.free");
    scene_add(run_interest, (void *)(uintptr_t)&yes, &few, "two_interest.cancel");
    return scene_main(argc, argv);
}
