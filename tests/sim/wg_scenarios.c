/* SPDX-License-Identifier: MIT
 *
 * Wait groups: every pair of operations at every count 0..3, with and without a thread that waits
 * and a channel to close, every schedule; triples; memory that goes as soon as the wait has
 * returned; rounds one after the other; threads that cannot be had.
 *
 * The history of each group is compared with a counter (A1, A3): a wait returns CCP_OK at a moment
 * at which the count is 0.  The channel is closed by then (A5).  Threads are joined and memory is
 * given back when the waits have returned (A6).
 */
#include "scene.h"

#include "lin.h"

#include <stdatomic.h>
#include <stdio.h>

/* ---- The sequential group ---- */

enum { G_ADD = 20, G_SUB, G_WAIT, G_CLOSE, G_CLOSED };

typedef struct model {
    int64_t count;
    bool pending, closed; /* the channel */
} model;

static void model_init(void *state, const void *config)
{
    *(model *)state = (model){ .count = *(const int *)config };
}

static uint64_t model_hash(const void *state, const void *config)
{
    const model *m = state;
    (void)config;
    return (uint64_t)m->count * 4 + m->pending * 2 + m->closed;
}

static void shut(model *m)
{
    m->closed |= m->pending;
    m->pending = false;
}

static bool model_step(void *state, const lin_op *op, const void *config)
{
    model *m = state;
    (void)config;
    switch (op->kind) {
    case G_ADD:
        if (op->status == CCP_OK)
            m->count += op->n;
        return op->status == CCP_OK || m->count == 0; /* somebody has still to return */
    case G_SUB:
        if (op->status == CCP_MISUSE)
            return m->count < op->n;
        m->count -= op->n;
        if (m->count == 0)
            shut(m);
        return m->count >= 0;
    case G_WAIT: /* A1; W1 */
        return op->status == CCP_OK ? m->count == 0 : op->status != CCP_AGAIN || m->count > 0;
    case G_CLOSE:
        if (op->status == CCP_BUSY)
            return m->pending;
        m->pending = true;
        if (m->count == 0)
            shut(m);
        return true;
    default: return m->closed;
    }
}

static const lin_model group_model = { sizeof(model), model_init, model_step, model_hash };

/* ---- The stage ---- */

typedef enum operation {
    ADD,
    ADD_DONE,
    DONE,
    SUB_2,
    WAIT,
    WAIT_TIMED,
    WAIT_CTX,
    WAIT_NOWAIT,
    CLOSE_WHEN_DONE,
    RECV_CLOSED, /* waits for the channel's end */
    GO,
    GO_GO,       /* a task that starts another */
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "add", "add_done", "done", "sub_2", "wait", "wait_timed", "wait_ctx", "wait_nowait",
    "close_when_done", "recv_closed", "go", "go_go", "ctx_cancel",
};

typedef struct play {
    int count;
    bool parked, closes;
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_wg *wg;
static ccp_chan *ch;
static ccp_ctx *ctx;
static lin_history history;
static int waiting[SIM_THREADS];
static int started;
static int
    open_sub[SIM_THREADS]; /* 1 + the done() of the library itself: it returns at some time */

static int begin(int kind, uint32_t n)
{
    return lin_begin(&history, kind, 0, 0, n);
}

static ccp_status end(int i, ccp_status st)
{
    lin_end(&history, i, (int)st, 0, history.op[i].n);
    return st;
}

/* ---- Operations ---- */

static ccp_status add(int n)
{
    int i = begin(G_ADD, (uint32_t)n);
    return end(i, ccp_wg_add(wg, n));
}

static void sub(int n)
{
    int i = begin(G_SUB, (uint32_t)n);
    end(i, n == 1 ? ccp_wg_done(wg) : ccp_wg_add(wg, -n));
}

static void wait_for_all(ccp_wait w, ccp_status a, ccp_status b)
{
    int i = begin(G_WAIT, 0);
    waiting[sim_self()] = 1;
    ccp_status st = end(i, ccp_wg_wait(wg, w));
    waiting[sim_self()] = 0;
    sim_assert(st == CCP_OK || st == a || st == b);
    sim_assert(st != CCP_OK || !now->closes || ccp_chan_is_closed(ch)); /* A5 */
}

static void task(void *arg);

static void go(bool again)
{
    static bool yes = true;
    int i = begin(G_ADD, 1);
    ccp_status st = end(i, ccp_wg_go(wg, task, again ? &yes : NULL));
    sim_assert(st == CCP_OK || st == CCP_MISUSE || st == CCP_NOMEM);
}

/* The group's own done() follows the return of the task. */
static void task(void *arg)
{
    if (arg)
        go(false);
    open_sub[sim_self()] = 1 + begin(G_SUB, 1);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case ADD: (void)add(1); break;
    case ADD_DONE:
        if (add(1) == CCP_OK)
            sub(1);
        break;
    case DONE: sub(1); break;
    case SUB_2: sub(2); break;
    case WAIT: wait_for_all(CCP_FOREVER, CCP_OK, CCP_OK); break;
    case WAIT_TIMED: wait_for_all(ccp_within(100), CCP_TIMEOUT, CCP_TIMEOUT); break;
    case WAIT_CTX: wait_for_all(ccp_with(ctx), CCP_CANCELED, CCP_CANCELED); break;
    case WAIT_NOWAIT: wait_for_all(CCP_NOWAIT, CCP_AGAIN, CCP_AGAIN); break;
    case CLOSE_WHEN_DONE: {
        int i = begin(G_CLOSE, 0);
        ccp_status st = end(i, ccp_wg_close_when_done(wg, ch));
        sim_assert(st == CCP_OK || st == CCP_BUSY);
        break;
    }
    case RECV_CLOSED: {
        int i = begin(G_CLOSED, 0);
        waiting[sim_self()] = 2;
        sim_assert(end(i, ccp_chan_recv(ch, NULL, CCP_FOREVER)) == CCP_CLOSED);
        waiting[sim_self()] = 0;
        break;
    }
    case GO: go(false); break;
    case GO_GO: go(true); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

/* ---- Beginning and end ---- */

static void set_up(const play *p)
{
    static const operation parked = WAIT;
    now = p;
    scene_tune(STILL);
    ccp_set_misuse_hook(NULL); /* the history says whether it was misuse */
    lin_history_clear(&history, sim_is_weak());
    wg = sim_alloc(sizeof *wg);
    *wg = (ccp_wg)CCP_WG_INIT;
    ch = scene_chan(0, 1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    if (p->count)
        sim_assert(ccp_wg_add(wg, p->count) == CCP_OK);
    if (p->closes) {
        int i = begin(G_CLOSE, 0);
        sim_assert(end(i, ccp_wg_close_when_done(wg, ch)) == CCP_OK);
    }
    if (p->parked) {
        sim_spawn(act_out, (void *)(uintptr_t)&parked);
        sim_settle();
    }
}

/* No thread can go on: what is left to count down? */
static int64_t count_left(void)
{
    int64_t n = now->count;
    for (size_t i = 0; i < history.n; i++) {
        const lin_op *op = &history.op[i];
        if (op->status == CCP_OK && (op->kind == G_ADD || op->kind == G_SUB))
            n += op->kind == G_ADD ? (int64_t)op->n : -(int64_t)op->n;
    }
    return n;
}

static void close_history(void)
{
    for (int t = 0; t < SIM_THREADS; t++) {
        if (open_sub[t])
            end(open_sub[t] - 1, CCP_OK);
        open_sub[t] = 0;
    }
}

static void finish(void)
{
    sim_settle();
    close_history(); /* tasks have ended: nothing keeps them */
    int64_t left = count_left();
    sim_assert(left >= 0);
    for (int t = 0; t < SIM_THREADS; t++)
        sim_assert(waiting[t] != 1 || left > 0);
    while (left-- > 0)
        sub(1);
    sim_settle();
    for (int t = 0; t < SIM_THREADS; t++)
        sim_assert(waiting[t] != 1);
    if (!ccp_chan_is_closed(ch)) {
        int i = begin(G_CLOSE, 0);
        sim_assert(end(i, ccp_wg_close_when_done(wg, ch)) == CCP_OK);
        sim_assert(ccp_chan_is_closed(ch));
    }
    sim_join();
    wait_for_all(CCP_NOWAIT, CCP_OK, CCP_OK);
    sim_assert(scene_threads() == 0); /* A6 */
    if (!sim_is_weak())
        sim_assert(lin_history_check(&history, 0, &group_model, &now->count));
    (void)scene_chan_end(ch);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(wg);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- Memory that goes when the wait has returned (G2) ---- */

typedef struct leaving {
    ccp_wait w;
    int count, waiters;
    bool by_two;   /* the last two tasks end by one add(-2) */
    bool closes;
    bool on_stack; /* the group lies in the waiter's frame, and not on the heap */
    bool twice;    /* another round follows */
} leaving;

static _Atomic(ccp_wg *) shared;
static _Atomic int users;

static void finish_one(void *arg)
{
    (void)arg;
    sim_assert(ccp_wg_done(atomic_load(&shared)) == CCP_OK);
}

static void finish_two(void *arg)
{
    (void)arg;
    sim_assert(ccp_wg_add(atomic_load(&shared), -2) == CCP_OK);
}

static void start_tasks(const leaving *l)
{
    int n = l->count;
    for (; l->by_two && n >= 2; n -= 2)
        sim_spawn(finish_two, NULL);
    for (; n > 0; n--)
        sim_spawn(finish_one, NULL);
}

/* However the wait is limited, in the end it is over. */
static void wait_until_done(ccp_wg *g, ccp_wait w)
{
    ccp_status st;
    while ((st = ccp_wg_wait(g, w)) != CCP_OK) {
        sim_assert(st == (w.ns_ == 0 ? CCP_AGAIN : CCP_TIMEOUT));
        w = CCP_FOREVER;
    }
}

static void wait_and_go(void *arg)
{
    const leaving *l = arg;
    ccp_wg *g = atomic_load(&shared);
    wait_until_done(g, l->w);
    if (atomic_fetch_sub(&users, 1) == 1)
        sim_free(g);
}

static void in_frame(const leaving *l)
{
    ccp_wg g = CCP_WG_INIT;
    atomic_store(&shared, &g);
    sim_assert(ccp_wg_add(&g, l->count) == CCP_OK);
    if (l->closes)
        sim_assert(ccp_wg_close_when_done(&g, ch) == CCP_OK);
    start_tasks(l);
    wait_until_done(&g, l->w);
    if (l->twice) { /* A4 */
        sim_assert(ccp_wg_add(&g, 1) == CCP_OK);
        sim_spawn(finish_one, NULL);
        wait_until_done(&g, l->w);
    }
    if (l->closes) { /* A5: it can be freed, too */
        sim_assert(ccp_chan_is_closed(ch));
        (void)scene_chan_end(ch);
    }
}

static void run_leaving(void *arg)
{
    const leaving *l = arg;
    scene_tune(STILL);
    ch = l->closes ? scene_chan(8, 1) : NULL;
    if (l->on_stack) {
        in_frame(l);
        sim_join();
        return;
    }
    ccp_wg *g = sim_alloc(sizeof *g);
    *g = (ccp_wg)CCP_WG_INIT;
    atomic_store(&shared, g);
    atomic_store(&users, l->waiters);
    sim_assert(ccp_wg_add(g, l->count) == CCP_OK);
    for (int i = 0; i < l->waiters; i++)
        sim_spawn(wait_and_go, arg);
    start_tasks(l);
    sim_join();
}

/* ---- Threads of the group, of which some cannot be had ---- */

static void count_up(void *arg)
{
    (void)arg;
    started++;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void go_fails(void *arg)
{
    int n = *(const int *)arg, ok = 0;
    scene_tune(STILL);
    static ccp_wg g;
    for (int i = 0; i < n; i++) {
        ccp_status st = ccp_wg_go(&g, i == 0 ? count_up : nothing, NULL);
        sim_assert(st == CCP_OK || st == CCP_NOMEM);
        ok += st == CCP_OK;
    }
    sim_assert(ccp_wg_wait(&g, CCP_FOREVER) == CCP_OK);
    sim_assert(started <= 1);
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
    sim_assert(ccp_wg_wait(&g, CCP_NOWAIT) == CCP_OK);
    sim_outcome((uint64_t)ok);
}

/* ---- The table ---- */

static bool waits(operation op)
{
    return (op >= WAIT && op <= WAIT_CTX) || op == RECV_CLOSED;
}

static bool goes(operation op)
{
    return op == GO || op == GO_GO;
}

/* A done() too many is misuse, and must be told; but not one that takes a running task's turn. */
static bool legal(const play *p)
{
    int subs = 0, gos = 0;
    for (int i = 0; i < p->ops; i++) {
        subs += p->op[i] == DONE ? 1 : p->op[i] == SUB_2 ? 2 : 0;
        gos += goes(p->op[i]);
    }
    return gos == 0 || subs <= p->count;
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%d%s%s.%s", how, p->count,
              p->parked ? ".waiter" : "", p->closes ? ".closes" : "", ops);
}

/* Two or three more threads: few preemptions then, instead of all schedules; 0: all. */
static int preemptions(const play *p)
{
    operation a = p->op[0], b = p->op[1];
    if (b != GO_GO)
        return 0;
    if (a == GO_GO)
        return 1;
    return a == ADD_DONE || a == WAIT_TIMED || a == GO || (p->parked && waits(a)) ? 2 : 0;
}

static void add_pair(const play *p)
{
    int few = preemptions(p);
    if (!legal(p) || (p->count == 3 && goes(p->op[1])))
        return; /* of count 3 only what add(-2) can tell from 2 */
    if (few) {
        add_play(p, &(sim_options){ .mode = SIM_DFS, .preemptions = few },
                 few == 1 ? "one" : "two");
        return;
    }
    add_play(p, NULL, "pair");
    if (!goes(p->op[1]) && !(p->parked && waits(p->op[0]) && waits(p->op[1])))
        add_play(p, &(sim_options){ .spurious = 1, .fail_cas = 1 }, "odd");
}

static void pairs(void)
{
    for (int count = 0; count <= 3; count++)
        for (int more = 0; more < 4; more++)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { count, more & 1, more & 2, 2, { (operation)a, (operation)b } };
                    if (count > 0 || !more) /* otherwise there is nothing to wait for */
                        add_pair(&p);
                }
}

static void triples(void)
{
    for (int count = 1; count <= 2; count++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++)
                for (int c = b; c < OPERATIONS; c++) {
                    play p = { count, false, count == 2, 3,
                               { (operation)a, (operation)b, (operation)c } };
                    if (legal(&p))
                        add_play(&p, NULL, "triple");
                }
}

static void leavings(void)
{
    static const char *const names[] = { "forever", "timed", "nowait" };
    const ccp_wait w[] = { CCP_FOREVER, ccp_within(100), CCP_NOWAIT };
    for (int i = 0; i < 3; i++)
        for (int count = 1; count <= 3; count++)
            for (int f = 0; f < 8; f++) {
                leaving l = { w[i], count, 1, f & 1, f & 2, true, f & 4 };
                if (l.by_two && count < 2)
                    continue;
                bool large = count == 3 ? !l.by_two || i == 1 : count == 2 && l.twice && i == 1;
                sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
                scene_add(run_leaving, scene_keep(&l, sizeof l), large ? &few : NULL,
                          "%s.%d%s%s%s.%s", large ? "two_frame" : "frame", count,
                          l.by_two ? ".by_two" : "", l.closes ? ".closes" : "",
                          l.twice ? ".twice" : "", names[i]);
            }
    for (int i = 0; i < 3; i++)
        for (int count = 1; count <= 2; count++)
            for (int waiters = 1; waiters + count <= 3; waiters++) {
                leaving l = { w[i], count, waiters, false, false, false, false };
                scene_add(run_leaving, scene_keep(&l, sizeof l), NULL, "heap.%d.waiters%d.%s",
                          count, waiters, names[i]);
            }
}

int main(int argc, char **argv)
{
    static const int one = 1, two = 2, three = 3;
    pairs();
    triples();
    leavings();
    const sim_options short_of = { .fail_alloc = 1, .fail_thread = 2 };
    const sim_options short_of_few = { .mode = SIM_DFS, .preemptions = 2, .fail_alloc = 1,
                                       .fail_thread = 2 };
    scene_add(go_fails, (void *)(uintptr_t)&one, &short_of, "go_fails.1");
    scene_add(go_fails, (void *)(uintptr_t)&two, &short_of, "go_fails.2");
    scene_add(go_fails, (void *)(uintptr_t)&three, &short_of_few, "two_go_fails.3");
    return scene_main(argc, argv);
}
