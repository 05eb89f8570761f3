/* SPDX-License-Identifier: MIT
 *
 * Contexts: every legal pair of operations on the nodes of small trees, with and without a hook or
 * a waiter below, every schedule; triples of the operations that end, free and watch.
 *
 * Checked in each (X1-X6 of ccp.h): a context has ended at the end if and only if something above
 * it, or itself, was canceled or ran out of time, and says so with the right status and cause;
 * every thread that waits under an ended context was woken; hooks run once, when their context has
 * ended, and not after they were taken back; all memory is given back, and none is touched after
 * that.
 */
#include "ctx_hand.h"
#include "ctx_play.h"
#include "scene.h"

#include <string.h>

/* ---- The stage ---- */

static const play *now;
static ccp_ctx *node[NODES];
static bool freed[SIM_THREADS][NODES];    /* by thread, so that none of these is shared */
static bool canceled[SIM_THREADS][NODES];
static ccp_chan *empty, *meet;
static ccp_wg group;
static int under[SIM_THREADS]; /* 1 + the node that the thread waits under */
static const char causes[NODES];

static bool by_any(bool did[][NODES], int n)
{
    bool any = false;
    for (int t = 0; t < SIM_THREADS; t++)
        any |= did[t][n];
    return any;
}

static bool is_above(int above, int n)
{
    while (n >= 0 && n != above)
        n = now->t->detached[n] ? -1 : now->t->parent[n];
    return n >= 0;
}

/* Nothing that could end n, but the caller, is in the play? */
static bool only_ender(int n)
{
    int enders = 0;
    for (int i = 0; i < NODES; i++)
        if (now->t->node[i] && is_above(i, n) && now->t->late[i])
            enders++;
    for (int i = 0; i < now->acts; i++)
        enders += now->a[i].op == CANCEL && is_above(now->a[i].node, n);
    return enders == 1 && now->before != HOOK_CANCELS;
}

/* ---- Hooks ---- */

typedef struct hooked {
    ccp_hook *h;
    int at;
    int ran;
    bool gone; /* its memory was given back by itself */
    set_up kind;
    struct hooked *other;
} hooked;

static hooked first, second;     /* of the set-up */
static hooked own[SIM_THREADS];  /* set by HOOK */

static void run_hook(void *arg)
{
    hooked *x = arg;
    x->ran++;
    sim_assert(x->ran == 1 || x->kind == HOOK_SETS);
    sim_assert(ccp_ctx_status(node[x->at]) != CCP_OK);
    if (x->kind == HOOK_TAKES || x->kind == HOOK_FREES || (x->kind == HOOK_SETS && x->ran == 1))
        sim_assert(ccp_ctx_unhook(x->h, CCP_FOREVER) == CCP_CLOSED);
    if (x->kind == HOOK_FREES) {
        x->gone = true;
        sim_free(x->h);
    } else if (x->kind == HOOK_SETS && x->ran == 1) {
        sim_assert(ccp_ctx_hook(node[x->at], x->h, run_hook, x) == CCP_OK);
        sim_assert(x->ran == 2);
    } else if (x->kind == HOOK_CANCELS) {
        canceled[sim_self()][0] = true;
        ccp_ctx_cancel_cause(node[0], &causes[0]);
    } else if (x->kind == HOOK_MAKES) {
        ccp_ctx *k = ccp_ctx_new(node[x->at], CCP_FOREVER);
        sim_assert(k && ccp_ctx_status(k) == ccp_ctx_status(node[x->at]));
        sim_assert(ccp_ctx_free(k) == CCP_OK);
    } else if (x->kind == TWO_HOOKS && x->other) {
        /* Two cancelers may run both at once: so neither may wait for the other. */
        if (ccp_ctx_unhook(x->other->h, CCP_NOWAIT) == CCP_OK) {
            sim_assert(x->other->ran == 0);
            x->other->gone = true;
            sim_free(x->other->h);
        }
    }
}

static void set_hook(hooked *x, int at, set_up kind)
{
    x->h = sim_alloc(sizeof *x->h);
    memset(x->h, 0, sizeof *x->h);
    x->at = at;
    x->kind = kind;
    sim_assert(ccp_ctx_hook(node[at], x->h, run_hook, x) == CCP_OK);
}

/* True if the hook is ours again; then its memory is given back, and it must not run any more. */
static bool take_hook(hooked *x, ccp_wait w)
{
    if (x->gone)
        return true;
    ccp_status st = ccp_ctx_unhook(x->h, w);
    if (st == CCP_AGAIN || st == CCP_TIMEOUT) {
        sim_assert(st == (w.ns_ == 0 ? CCP_AGAIN : CCP_TIMEOUT));
        return false;
    }
    sim_assert(st == (x->ran ? CCP_CLOSED : CCP_OK));
    x->gone = true;
    sim_free(x->h);
    return true;
}

/* ---- Waits ---- */

/* limit: the wait's own.  A wait whose time runs out at the moment at which its context is canceled
 * may say either. */
static void check_wait(int n, ccp_status st, int64_t limit)
{
    int64_t end = ccp_ctx_deadline(node[n]);
    if (st == CCP_TIMEOUT)
        sim_assert(sim_now() >= (limit < end ? limit : end));
    else if (st == CCP_CANCELED)
        sim_assert(ccp_ctx_status(node[n]) == CCP_CANCELED);
    else
        sim_assert(st == CCP_CLOSED); /* the play is over */
}

static void wait_under(operation op, int n)
{
    size_t chosen = 9;
    ccp_wait w = ccp_with(node[n]);
    under[sim_self()] = 1 + n;
    if (op == SELECT) {
        const ccp_case k[] = { CCP_CASE_RECV(meet, NULL), CCP_CASE_DONE(node[n]) };
        ccp_status st = ccp_select(k, 2, &chosen, CCP_FOREVER);
        sim_assert(chosen < 2 && st == (chosen == 1 ? CCP_OK : CCP_CLOSED));
        sim_assert(chosen == 0 || ccp_ctx_status(node[n]) != CCP_OK);
    } else if (op == SLEEP) {
        check_wait(n, ccp_sleep(w), INT64_MAX);
    } else if (op == GROUP) {
        check_wait(n, ccp_wg_wait(&group, w), INT64_MAX);
    } else if (op == RECV_TIMED) {
        int64_t limit = sim_now() + SHORT;
        check_wait(n, ccp_chan_recv(empty, NULL, ccp_under(node[n], ccp_until(limit))), limit);
    } else {
        check_wait(n, ccp_chan_recv(op == RECV ? empty : meet, NULL, w), INT64_MAX);
    }
    under[sim_self()] = 0;
}

/* ---- Making and ending ---- */

static ccp_ctx *made[SIM_THREADS]; /* by NEW, NEW_LATE, NEW_DETACHED */
static int made_below[SIM_THREADS]; /* 1 + node; 0: detached */

static void make_child(operation op, int n)
{
    int me = sim_self();
    ccp_status was = ccp_ctx_status(node[n]);
    ccp_ctx *k = op == NEW_DETACHED ? ccp_ctx_new_detached(node[n])
                                    : ccp_ctx_new(node[n], op == NEW_LATE ? ccp_within(SHORT)
                                                                          : CCP_FOREVER);
    sim_assert(k);
    sim_assert(op == NEW_DETACHED || ccp_ctx_deadline(k) <= ccp_ctx_deadline(node[n])); /* X3 */
    ccp_status st = ccp_ctx_status(k);
    if (op == NEW_DETACHED)
        sim_assert(st == CCP_OK);
    else if (was != CCP_OK)
        sim_assert(st == was);
    if (op == NEW_FREE) {
        sim_assert(ccp_ctx_free(k) == CCP_OK);
        return;
    }
    made[me] = k;
    made_below[me] = op == NEW_DETACHED ? 0 : 1 + n;
}

static void cancel(int n)
{
    canceled[sim_self()][n] = true;
    ccp_ctx_cancel_cause(node[n], &causes[n]);
    sim_assert(ccp_ctx_status(node[n]) != CCP_OK);
    for (int i = 0; i < NODES; i++) /* X1 */
        if (i != n && now->t->node[i] && !now->t->freed[i] && is_above(n, i) && only_ender(i)) {
            bool used_up = false; /* its handle may be given back at this moment */
            for (int k = 0; k < now->acts; k++)
                used_up |= now->a[k].op == FREE && now->a[k].node == i;
            sim_assert(used_up || ccp_ctx_status(node[i]) == CCP_CANCELED);
        }
}

static void free_handle(int n)
{
    ccp_status st = ccp_ctx_free(node[n]);
    bool used = now->before >= HOOKED && now->at == n;
    sim_assert(st == CCP_OK || (st == CCP_BUSY && used));
    freed[sim_self()][n] = st == CCP_OK;
}

static void look(int n)
{
    ccp_status a = ccp_ctx_status(node[n]), b = ccp_ctx_status(node[n]);
    const void *why = ccp_ctx_cause(node[n]);
    sim_assert(a == CCP_OK || a == b); /* X2 */
    sim_assert(b == CCP_OK || (b == CCP_CANCELED) == (why != NULL));
}

static void act_out(void *arg)
{
    const act *a = arg;
    int n = a->node, me = sim_self();
    switch (a->op) {
    case CANCEL: cancel(n); break;
    case STATUS: look(n); break;
    case FREE: free_handle(n); break;
    case HOOK: set_hook(&own[me], n, HOOKED); break;
    case HOOK_UNHOOK:
        set_hook(&own[me], n, HOOKED);
        sim_assert(take_hook(&own[me], CCP_FOREVER));
        break;
    case NEW:
    case NEW_FREE:
    case NEW_LATE:
    case NEW_DETACHED: make_child(a->op, n); break;
    case PASS: sim_advance(10 * LIMIT); break;
    case UNHOOK: sim_assert(take_hook(&first, CCP_FOREVER)); break;
    case UNHOOK_NOWAIT: (void)take_hook(&first, CCP_NOWAIT); break;
    case UNHOOK_TIMED: (void)take_hook(&first, ccp_within(SHORT)); break;
    default: wait_under(a->op, n); break;
    }
}

/* ---- Beginning and end ---- */

static const act waits = { RECV, 0 };
static act waiter_act;

static void begin(const play *p)
{
    now = p;
    scene_tune(STILL);
    empty = scene_chan(8, 1);
    meet = scene_chan(8, 0);
    sim_assert(ccp_wg_add(&group, 1) == CCP_OK);
    const tree *t = p->t;
    for (int i = 0; i < NODES && t->node[i]; i++) {
        ccp_ctx *up = t->parent[i] >= 0 ? node[t->parent[i]] : NULL;
        node[i] = t->detached[i] ? ccp_ctx_new_detached(up)
                                 : ccp_ctx_new(up, t->late[i] ? ccp_within(LIMIT) : CCP_FOREVER);
        sim_assert(node[i]);
    }
    for (int i = 0; i < NODES && t->node[i]; i++)
        if (t->freed[i]) {
            freed[0][i] = true;
            sim_assert(ccp_ctx_free(node[i]) == CCP_OK);
        }
    if (p->before == WAITER) {
        waiter_act = (act){ waits.op, p->at };
        sim_spawn(act_out, &waiter_act);
        if (ccp_ctx_deadline(node[p->at]) == INT64_MAX)
            sim_settle();
    }
    if (p->before >= HOOKED)
        set_hook(&first, p->at, p->before);
    if (p->before == TWO_HOOKS) {
        set_hook(&second, p->at, TWO_HOOKS); /* whichever is run first takes the other */
        first.other = &second;
        second.other = &first;
    }
}

/* No thread can go on, but by what follows: has everything ended that had to? */
static ccp_status expected(int n)
{
    for (int i = 0; i < NODES; i++)
        if (now->t->node[i] && by_any(canceled, i) && is_above(i, n))
            return CCP_CANCELED;
    return CCP_OK;
}

static void check_node(ccp_ctx *x, int n)
{
    ccp_status st = ccp_ctx_status(x);
    bool late = ccp_ctx_deadline(x) <= sim_now();
    if (st == CCP_TIMEOUT)
        sim_assert(late && !ccp_ctx_cause(x));
    else if (st == CCP_OK)
        sim_assert(!late && expected(n) == CCP_OK);
    else
        sim_assert(st == CCP_CANCELED && expected(n) == CCP_CANCELED);
    if (st == CCP_CANCELED) {
        int by = (int)((const char *)ccp_ctx_cause(x) - causes);
        sim_assert(by >= 0 && by < NODES && by_any(canceled, by) && is_above(by, n));
    }
}

static void check_tree(void)
{
    for (int i = 0; i < NODES && now->t->node[i]; i++)
        if (!by_any(freed, i))
            check_node(node[i], i);
    for (int t = 0; t < SIM_THREADS; t++) {
        if (under[t])
            sim_assert(ccp_ctx_status(node[under[t] - 1]) == CCP_OK);
        if (made[t] && made_below[t])
            check_node(made[t], made_below[t] - 1);
        else if (made[t])
            sim_assert(ccp_ctx_status(made[t]) == CCP_OK); /* X6 */
    }
}

/* The context has ended: a hook that was left set has run; or it lives, and it has not. */
static void check_hook(hooked *x)
{
    if (!x->h || x->gone)
        return;
    /* It kept its context from being freed until it had run. */
    bool ended = by_any(freed, x->at) || ccp_ctx_status(node[x->at]) != CCP_OK;
    sim_assert(x->ran == (!ended ? 0 : x->kind == HOOK_SETS ? 2 : 1));
    if (ended && x->kind == HOOK_TAKES)
        sim_free(x->h); /* ours since then */
    else
        sim_assert(take_hook(x, CCP_FOREVER));
}

static void finish(void)
{
    sim_settle();
    check_tree();
    check_hook(&first);
    check_hook(&second);
    for (int t = 0; t < SIM_THREADS; t++)
        check_hook(&own[t]);
    for (int i = 0; i < NODES && now->t->node[i]; i++)
        if (!by_any(freed, i))
            ccp_ctx_cancel(node[i]);
    sim_join();
    for (int t = 0; t < SIM_THREADS; t++)
        sim_assert(ccp_ctx_free(made[t]) == CCP_OK);
    for (int i = 0; i < NODES && now->t->node[i]; i++)
        if (!by_any(freed, i))
            sim_assert(ccp_ctx_free(node[i]) == CCP_OK);
    sim_assert(scene_chan_end(empty) == 0 && scene_chan_end(meet) == 0);
    sim_assert(ccp_wg_done(&group) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    begin(p);
    for (int i = 0; i < p->acts; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->a[i]);
    finish();
}

/* ---- What is a legal play? ---- */

static bool unhooks(const act *a)
{
    return a->op >= UNHOOK;
}

/* May the two run at the same time?  Whoever frees a handle must be its only user. */
static bool may_meet(const act *a, const act *b)
{
    if (unhooks(a) && unhooks(b))
        return false;
    return a->node != b->node || (a->op != FREE && b->op != FREE) || a->op == PASS || b->op == PASS;
}

static bool possible(const play *p, const act *a)
{
    const tree *t = p->t;
    if (!t->node[a->node] || t->freed[a->node])
        return false;
    if (a->op == PASS) /* of the clock, not of a node */
        return a->node == 0;
    if (unhooks(a))
        return a->node == p->at && (p->before == HOOKED || p->before == HOOK_CANCELS ||
                                    p->before == HOOK_MAKES);
    if (a->op == FREE && p->before == HOOK_CANCELS && a->node == 0)
        return false; /* the hook uses it */
    return !(a->op == FREE && a->node == p->at && p->before == WAITER);
}

/* Operations that differ little from others are played on the first child only. */
static bool rare(const act *a)
{
    switch (a->op) {
    case MEET:
    case RECV_TIMED:
    case SLEEP:
    case GROUP:
    case NEW_DETACHED: return a->node != 1;
    default: return false;
    }
}

/* Beside a hook or a waiter: what ends, frees, takes back, or looks. */
static bool matters(const play *p, const act *a)
{
    if (p->before == NOTHING)
        return true;
    switch (a->op) {
    case CANCEL:
    case FREE:
    case STATUS:
    case PASS:
    case UNHOOK:
    case UNHOOK_NOWAIT:
    case UNHOOK_TIMED: return true;
    case RECV:
    case SELECT:
    case HOOK:
    case HOOK_UNHOOK:
    case NEW: return a->node == p->at;
    default: return false;
    }
}

static int list_acts(const play *p, act *out)
{
    int n = 0;
    for (int op = 0; op < OPERATIONS; op++)
        for (int i = 0; i < NODES; i++) {
            act a = { (operation)op, i };
            if (possible(p, &a) && !rare(&a) && matters(p, &a))
                out[n++] = a;
        }
    return n;
}

static const char *node_of(const play *p, const act *a)
{
    return a->op == PASS ? "" : p->t->node[a->node];
}

static bool waits_or_sets(const act *a)
{
    return (a->op >= RECV && a->op <= HOOK_UNHOOK) || a->op == NEW;
}

/* The waiter of a tree with a deadline cannot be waited for until it sleeps: so it is a third
 * thread in full, and the others do less. */
static bool too_large(const play *p, const act *a, const act *b)
{
    if (p->before == NOTHING || !(p->t->late[0] || p->t->late[1]))
        return false;
    int n = waits_or_sets(a) + waits_or_sets(b);
    return n > (p->before == WAITER ? 0 : 1);
}

static bool three_too_large(const tree *t, const act *a, const act *b, const act *c)
{
    int waiting = (a->op == RECV) + (b->op == RECV) + (c->op == RECV);
    int n = waits_or_sets(a) + waits_or_sets(b) + waits_or_sets(c);
    return t->late[0] && (waiting > 1 || n > 2);
}

static void pairs(const tree *t, set_up before, int at)
{
    play p = { .t = t, .before = before, .at = at, .acts = 2 };
    act all[OPERATIONS * NODES];
    int n = list_acts(&p, all);
    for (int i = 0; i < n; i++)
        for (int k = i; k < n; k++) {
            if (!may_meet(&all[i], &all[k]) || too_large(&p, &all[i], &all[k]))
                continue;
            p.a[0] = all[i];
            p.a[1] = all[k];
            scene_add(run_play, scene_keep(&p, sizeof p), NULL, "%s.%s%s%s.%s%s%s+%s%s%s", t->name,
                      set_up_names[before], before ? "_" : "", before ? t->node[at] : "",
                      operation_names[all[i].op], *node_of(&p, &all[i]) ? "_" : "",
                      node_of(&p, &all[i]), operation_names[all[k].op],
                      *node_of(&p, &all[k]) ? "_" : "", node_of(&p, &all[k]));
        }
}

/* Three at once: what ends, what frees, and what watches. */
static bool in_triples(const act *a)
{
    switch (a->op) {
    case CANCEL:
    case FREE: return true;
    case RECV:
    case HOOK_UNHOOK: return a->node == 1;
    case NEW: return a->node == 1;
    case STATUS: return a->node == 2;
    default: return false;
    }
}

static void triples(const tree *t)
{
    play p = { .t = t, .acts = 3 };
    act all[OPERATIONS * NODES];
    int n = list_acts(&p, all), used = 0;
    for (int i = 0; i < n; i++)
        if (in_triples(&all[i]))
            all[used++] = all[i];
    for (int i = 0; i < used; i++)
        for (int k = i; k < used; k++)
            for (int m = k; m < used; m++) {
                if (!may_meet(&all[i], &all[k]) || !may_meet(&all[i], &all[m]) ||
                    !may_meet(&all[k], &all[m]) || three_too_large(t, &all[i], &all[k], &all[m]))
                    continue;
                p.a[0] = all[i], p.a[1] = all[k], p.a[2] = all[m];
                scene_add(run_play, scene_keep(&p, sizeof p), NULL, "triple.%s.%s_%s+%s_%s+%s_%s",
                          t->name, operation_names[all[i].op], node_of(&p, &all[i]),
                          operation_names[all[k].op], node_of(&p, &all[k]),
                          operation_names[all[m].op], node_of(&p, &all[m]));
            }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < TREES; i++) {
        const tree *t = &trees[i];
        pairs(t, NOTHING, 0);
        for (int before = WAITER; before < SET_UPS; before++)
            pairs(t, (set_up)before, t->freed[1] ? 2 : 1);
    }
    triples(&trees[1]);
    triples(&trees[7]);
    ctx_hand_scenes();
    return scene_main(argc, argv);
}
