/* SPDX-License-Identifier: MIT
 *
 * Depth-first search over schedules.  The stack of nodes is one path through the tree: at each node
 * a thread was picked, or a choice was made.  The next path differs at the last node that has
 * something left to try.
 *
 * SIM_DFS tries every enabled thread at every node, within the bound of preemptions.
 *
 * SIM_DPOR tries what is needed so that each class of equivalent schedules (those that differ in
 * the order of independent steps only) has one: dynamic partial-order reduction with source sets
 * (Abdulla, Aronis, Jonsson, Sagonas 2014) and sleep sets (Godefroid).
 *
 *   D1  Two steps depend on each other if they are of one thread, or meet at a place where not both
 *       read and not both add, or one wakes, starts or ends the thread of the other.
 *   D2  thread.order, node.clock: for each thread, 1 + the last of its nodes that comes before.
 *   D3  A race is a pair of dependent steps of two threads with nothing between that orders them.
 *       For each race, at the node of the first step, some thread that could begin the reverse
 *       order is in `backtrack`.
 *   D4  A thread is asleep where all that begins with it has been tried already, until something
 *       happens that its next step depends on.
 */
#include "sim_int.h"

#include <stdlib.h>

typedef struct node {
    bool choice;
    uint8_t chosen, options; /* a thread, or one of `options` choices */
    uint16_t enabled, backtrack, done, asleep;
    vclock clock;
} node;

static node *nodes;
static int length;      /* of the path to follow */
static int depth;       /* of the present schedule */
static int fresh;       /* the first node whose step was not taken by the schedule before */
static int event;       /* the node of the step under way */
static uint16_t asleep; /* threads */

void tree_start(void)
{
    if (!nodes)
        nodes = calloc(TICK_MAX, sizeof *nodes);
    if (!nodes)
        abort();
    length = fresh = 0;
}

void tree_begin(void)
{
    depth = 0;
    asleep = 0;
}

bool tree_next(void)
{
    while (length > 0) {
        node *n = &nodes[length - 1];
        if (n->choice) {
            if (n->chosen + 1 < n->options) {
                n->chosen++;
                fresh = length - 1;
                return true;
            }
        } else {
            n->done |= BIT(n->chosen);
            uint16_t left = n->backtrack & (uint16_t)~(n->done | n->asleep);
            if (left) {
                n->chosen = (uint8_t)__builtin_ctz(left);
                fresh = length - 1;
                return true;
            }
        }
        length--;
    }
    return false;
}

bool tree_is_new(void)
{
    return depth >= length;
}

static node *next_node(bool *is_new)
{
    if (depth >= TICK_MAX - 1)
        sim_fail("the search is too deep");
    *is_new = depth >= length;
    return &nodes[depth++];
}

int tree_choose(int n)
{
    bool is_new;
    node *x = next_node(&is_new);
    if (is_new) {
        x->choice = true;
        x->options = (uint8_t)n;
        x->chosen = 0;
        length = depth;
    } else if (!x->choice || x->options != n) {
        sim_fail("the scenario depends on something that the explorer does not control");
    }
    return x->chosen;
}

/* ---- Partial-order reduction ---- */

/* Node e races with the step of thread t at node d, whose clock is known: see D3. */
static void reverse(int e, int d, int t)
{
    int first[SIM_THREADS];
    uint16_t seen = 0, initial = 0;
    int te = nodes[e].chosen;
    for (int f = e + 1; f <= d; f++) {
        const node *n = &nodes[f];
        int q = n->chosen;
        if (n->choice || (seen & BIT(q)) || (f < d && n->clock.c[te] > e))
            continue; /* not the first of its thread, or after e */
        bool begins = true;
        for (uint16_t rest = seen; rest; rest &= (uint16_t)(rest - 1)) {
            int r = __builtin_ctz(rest);
            begins &= n->clock.c[r] <= first[r];
        }
        seen |= BIT(q);
        first[q] = f;
        if (begins)
            initial |= BIT(q);
    }
    node *at = &nodes[e];
    initial &= at->enabled;
    if (at->backtrack & initial)
        return;
    if (initial & BIT(t))
        at->backtrack |= BIT(t);
    else if (initial)
        at->backtrack |= (uint16_t)(initial & -initial);
    /* Otherwise t was spinning at e: another round of its loop would show nothing new. */
}

/* A compare-exchange that will fail only reads. */
static void settle(thread *t)
{
    if (t->cas_size)
        t->access[0].how = raw_load(t->address, t->cas_size) == t->cas_expected ? MEET_WRITE
                                                                                : MEET_READ;
}

static bool depends(const thread *a, const thread *b)
{
    for (int i = 0; i < a->accesses; i++)
        for (int k = 0; k < b->accesses; k++)
            if (a->access[i].place == b->access[k].place &&
                (a->access[i].how == MEET_WRITE || a->access[i].how != b->access[k].how))
                return true;
    return false;
}

/* What thread t does at node d at one place: adds the last nodes that it depends on, of other
 * threads and not known to come before, to races. */
static int meet_at(const meeting *m, int d, int t, const vclock *before, int *races)
{
    vclock *now = &sim.thread[t].order;
    place *p = m->place;
    int count = 0;
    if (p->writer >= 0) {
        const node *w = &nodes[p->writer];
        if (w->chosen != t && before->c[w->chosen] <= p->writer)
            races[count++] = p->writer;
        vclock_join(now, &w->clock);
    }
    for (int how = MEET_READ; how <= MEET_ADD; how++) {
        uint16_t rest = (meet)how == m->how ? 0 : p->by[how];
        for (; rest; rest &= (uint16_t)(rest - 1)) {
            int q = __builtin_ctz(rest);
            if (q != t && before->c[q] <= p->at[how][q])
                races[count++] = p->at[how][q];
            vclock_join(now, &nodes[p->at[how][q]].clock);
        }
    }
    if (p->released)
        vclock_join(now, &p->release);
    if (m->how == MEET_WRITE) {
        p->writer = (tick)d;
        p->by[MEET_READ] = p->by[MEET_ADD] = 0;
    } else {
        p->by[m->how] |= BIT(t);
        p->at[m->how][t] = (tick)d;
    }
    return count;
}

/* The step of thread t at node d: updates the clocks, and finds its races. */
static void step(int d, int t)
{
    thread *th = &sim.thread[t];
    vclock before = th->order;
    int races[3 * (2 * SIM_THREADS + 1)], count = 0;
    for (int i = 0; i < th->accesses; i++)
        count += meet_at(&th->access[i], d, t, &before, races + count);
    th->order.c[t] = (tick)(d + 1);
    nodes[d].clock = th->order;
    for (int i = 0; d >= fresh && i < count; i++) {
        bool between = false; /* something that orders them */
        int e = races[i];
        for (int k = 0; k < count; k++)
            between |= races[k] > e && nodes[races[k]].clock.c[nodes[e].chosen] > e;
        if (!between)
            reverse(e, d, t);
    }
}

static void fall_asleep(const node *n, int t)
{
    asleep = (uint16_t)((n->asleep | n->done) & ~BIT(t));
    for (uint16_t rest = asleep; rest; rest &= (uint16_t)(rest - 1)) {
        int q = __builtin_ctz(rest);
        settle(&sim.thread[q]);
        if (depends(&sim.thread[q], &sim.thread[t]))
            asleep &= (uint16_t)~BIT(q);
    }
}

/* The step under way took away from a sleeper the chance to time out. */
void tree_also(int t)
{
    if (sim.o.mode == SIM_DPOR && depth > 0 && !sim.o.replay)
        nodes[event].backtrack |= nodes[event].enabled & BIT(t);
}

int tree_pick(uint16_t enabled, bool self_ready)
{
    bool is_new, dpor = sim.o.mode == SIM_DPOR;
    int self = on_turn(), d = depth;
    if (!dpor && !(enabled & (enabled - 1)))
        return __builtin_ctz(enabled);
    node *n = next_node(&is_new);
    event = d;
    if (is_new) {
        uint16_t allowed = enabled & (uint16_t)~asleep;
        if (!allowed) {
            depth--;
            sim.cut = true;
            sim_leave();
        }
        if (!dpor && sim.o.preemptions && self_ready && sim.preemptions >= sim.o.preemptions)
            allowed = BIT(self);
        n->choice = false;
        n->enabled = enabled;
        n->asleep = asleep;
        n->done = 0;
        n->chosen = (uint8_t)((allowed & BIT(self)) ? self : __builtin_ctz(allowed));
        n->backtrack = dpor ? BIT(n->chosen) : allowed;
        length = depth;
    } else if (n->choice || n->enabled != enabled) {
        sim_fail("the scenario depends on something that the explorer does not control");
    }
    int t = n->chosen;
    if (dpor) {
        settle(&sim.thread[t]);
        fall_asleep(n, t);
        step(d, t);
    } else if (self_ready && t != self) {
        sim.preemptions++;
    }
    return t;
}
