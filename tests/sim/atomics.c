/* SPDX-License-Identifier: MIT
 *
 * Atomic operations.
 *
 * Sequentially consistent: memory has one value per address.  A release store publishes the view of
 * the storing thread; an acquire load of it joins that to its own, which is what makes later plain
 * accesses free of races.  So a publication with too weak an order is found as a data race.
 *
 * Weak: a load may also see older stores, within the rules of C11 as RC11 states them, but for
 * these:
 *
 *   - the modification order is the order of execution, so the weak outcome of 2+2W is not seen;
 *   - loads do not see stores of the future, so load buffering is not seen (RC11 forbids it too);
 *   - a load sees one of the last HISTORY stores, and at most o.stale loads of a schedule are old.
 *
 *   V1  Each thread has a clock of its own events (view.coh): of each other thread, how much it
 *       must not miss.  A load sees no store older than the newest that an event within its clock
 *       has stored or seen (history.seen).
 *   V2  A seq_cst load sees no store older than the last seq_cst store to the same variable, nor
 *       older than what came before any seq_cst fence.
 *   V3  A seq_cst fence joins the clocks of all earlier ones to its own; loads after it see no
 *       store older than the last seq_cst store before the fence.
 *   V4  Fences are no synchronization by themselves: view.hb does not follow V2 and V3.
 */
#include "sim_int.h"

#include <stdlib.h>

enum { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST };

static bool acquires(int order)
{
    return order == ACQUIRE || order == CONSUME || order == ACQ_REL || order == SEQ_CST;
}

static bool releases(int order)
{
    return order >= RELEASE;
}

void view_join(view *a, const view *b)
{
    vclock_join(&a->hb, &b->hb);
    if (sim.o.weak) {
        vclock_join(&a->coh, &b->coh);
        a->fence = a->fence > b->fence ? a->fence : b->fence;
    }
}

/* The events of the running thread from now on are not yet published. */
static void advance(thread *me)
{
    me->now.hb.c[me->id]++;
    me->now.coh.c[me->id]++;
}

static void learn(thread *me, const view *v, int order)
{
    view_join(acquires(order) ? &me->now : &me->acquire, v);
}

/* ---- Histories (weak) ---- */

static history *histories;
static int history_count, history_room;

void atomics_begin(void)
{
    if (sim.o.weak && !histories) {
        history_room = 1024;
        histories = malloc((size_t)history_room * sizeof *histories);
        if (!histories)
            abort();
    }
    history_count = 0;
}

void atomics_new(loc *l)
{
    if (!sim.o.weak)
        return;
    if (history_count == history_room)
        sim_fail("more than %d atomic variables", history_room);
    history *h = l->history = &histories[history_count++];
    h->newest = 0;
    memset(&h->m[0], 0, sizeof h->m[0]);
    h->m[0].value = raw_load(l->address, l->size);
    memset(h->seen_count, 0, sizeof h->seen_count);
}

static void see(history *h, thread *me, tick index)
{
    tick n = h->seen_count[me->id];
    if (n > 0 && h->seen[me->id][(n - 1) % HISTORY].index >= index)
        return;
    h->seen[me->id][n % HISTORY].epoch = me->now.coh.c[me->id];
    h->seen[me->id][n % HISTORY].index = index;
    h->seen_count[me->id]++;
}

static tick oldest_visible(const history *h, const thread *me, bool sc)
{
    tick low = h->newest >= HISTORY ? (tick)(h->newest - HISTORY + 1) : 0;
    for (int q = 0; q < sim.threads; q++) { /* V1 */
        tick upto = me->now.coh.c[q];
        if (sc && sim.sc_fences.c[q] > upto)
            upto = sim.sc_fences.c[q];
        for (int i = h->seen_count[q] - 1; i >= 0 && i > h->seen_count[q] - 1 - HISTORY; i--)
            if (h->seen[q][i % HISTORY].epoch <= upto) {
                if (h->seen[q][i % HISTORY].index > low)
                    low = h->seen[q][i % HISTORY].index;
                break;
            }
    }
    for (tick i = h->newest; i > low; i--) /* V2, V3 */
        if (h->m[i % HISTORY].sc && (sc || h->m[i % HISTORY].step <= me->now.fence))
            return i;
    return low;
}

static tick pick_message(const history *h, thread *me, bool sc)
{
    tick low = oldest_visible(h, me, sc);
    if (low == h->newest || sim.stale >= sim.o.stale)
        return h->newest;
    int back = sim_decide(h->newest - low + 1, sim.o.stale > 2 ? 1 : 4);
    sim.stale += back != 0;
    return (tick)(h->newest - back);
}

static void append(loc *l, thread *me, uint64_t value, int order, const view *chain)
{
    history *h = l->history;
    view v = releases(order) ? me->now : me->release;
    if (chain)
        view_join(&v, chain); /* a read-modify-write continues the release sequence */
    message *m = &h->m[++h->newest % HISTORY];
    m->value = value;
    m->release = v;
    m->sc = order == SEQ_CST;
    m->step = (tick)sim.steps;
    see(h, me, h->newest);
}

/* Plain code, which races with nobody, has given the variable a new value. */
static void clean(loc *l)
{
    history *h = l->history;
    int by = l->dirty_by;
    l->dirty = false;
    message *m = &h->m[++h->newest % HISTORY];
    memset(m, 0, sizeof *m);
    m->value = raw_load(l->address, l->size);
    tick n = h->seen_count[by];
    h->seen[by][n % HISTORY].epoch = 0; /* whoever may touch it now comes after */
    h->seen[by][n % HISTORY].index = h->newest;
    h->seen_count[by]++;
}

/* ---- Locks ---- */

void lock_acquired(loc *l)
{
    learn(sim.self, &l->release, ACQUIRE);
}

void lock_released(loc *l)
{
    l->release = sim.self->now;
    l->place.release = sim.self->order;
    l->place.released = true;
    advance(sim.self);
}

/* ---- Operations ---- */

static uint64_t computed(int op, uint64_t old, uint64_t v)
{
    switch (op) {
    case OP_ADD: return old + v;
    case OP_SUB: return old - v;
    case OP_AND: return old & v;
    case OP_OR: return old | v;
    case OP_XOR: return old ^ v;
    case OP_NAND: return ~(old & v);
    default: return v;
    }
}

static const char *const op_name[] = { "load", "store", "exchange", "add", "sub",
                                       "and", "or", "xor", "nand" };

static uint64_t load(loc *l, int order, uint32_t pc)
{
    thread *me = sim.self;
    if (!sim.o.weak) {
        learn(me, &l->release, order);
        uint64_t v = raw_load(l->address, l->size);
        TRACE("load", l->address, v, pc);
        return v;
    }
    history *h = l->history;
    tick i = pick_message(h, me, order == SEQ_CST);
    const message *m = &h->m[i % HISTORY];
    see(h, me, i);
    learn(me, &m->release, order);
    TRACE(i == h->newest ? "load" : "load (stale)", l->address, m->value, pc);
    return m->value;
}

static void write_value(loc *l, uint64_t value, int order, bool rmw)
{
    thread *me = sim.self;
    if (sim.o.weak) {
        history *h = l->history;
        view chain = h->m[h->newest % HISTORY].release;
        append(l, me, value, order, rmw ? &chain : NULL);
    } else {
        const view *v = releases(order) ? &me->now : &me->release;
        if (rmw)
            view_join(&l->release, v);
        else
            l->release = *v;
    }
    raw_store(l->address, l->size, value);
    sim.writes += !l->hint;
    advance(me);
}

static uint64_t read_newest(loc *l, int order)
{
    thread *me = sim.self;
    if (sim.o.weak) {
        history *h = l->history;
        see(h, me, h->newest);
        learn(me, &h->m[h->newest % HISTORY].release, order);
    } else {
        learn(me, &l->release, order);
    }
    return raw_load(l->address, l->size);
}

static loc *begin(uintptr_t a, unsigned size, bool write, uint32_t pc)
{
    loc *l = memory_loc(a, size);
    if (!l->hint)
        sim_point(&l->place, write ? MEET_WRITE : MEET_READ);
    l = memory_atomic(l, write, pc);
    if (l->dirty)
        clean(l);
    return l;
}

uint64_t atomic_op(uintptr_t a, unsigned size, int op, uint64_t v, int order, uint32_t pc)
{
    loc *l = begin(a, size, op != OP_LOAD, pc);
    if (op == OP_LOAD)
        return load(l, order, pc);
    uint64_t old = op == OP_STORE ? 0 : read_newest(l, order), new = computed(op, old, v);
    write_value(l, new, order, op != OP_STORE);
    TRACE(op_name[op], a, new, pc);
    return old;
}

static bool fails_for_no_reason(bool weak)
{
    if (!weak || sim.fail_cas >= sim.o.fail_cas || !sim_decide(2, 4))
        return false;
    sim.fail_cas++;
    return true;
}

bool atomic_cas(uintptr_t a, unsigned size, uint64_t *expected, uint64_t v, int order,
                int fail_order, bool weak, uint32_t pc)
{
    thread *me = sim.self;
    me->address = a;
    me->cas_size = size;
    me->cas_expected = *expected;
    loc *l = begin(a, size, true, pc);
    me->cas_size = 0;
    uint64_t newest = raw_load(a, size), want = *expected;
    if (newest == want && !fails_for_no_reason(weak)) {
        read_newest(l, order);
        write_value(l, v, order, true);
        TRACE("cas", a, v, pc);
        return true;
    }
    if (sim.o.weak) {
        history *h = l->history;
        tick i = newest == want ? h->newest : pick_message(h, me, fail_order == SEQ_CST);
        if (h->m[i % HISTORY].value == want)
            i = h->newest; /* only the newest could be exchanged */
        see(h, me, i);
        learn(me, &h->m[i % HISTORY].release, fail_order);
        *expected = h->m[i % HISTORY].value;
    } else {
        learn(me, &l->release, fail_order);
        *expected = newest;
    }
    TRACE("cas fails", a, *expected, pc);
    return false;
}

/* As if each thread had a seq_cst fence where it is. */
void atomic_fence_everywhere(uint32_t pc)
{
    if (!sim.o.weak)
        return;
    sim_point(&sim.spawn_place, MEET_WRITE);
    TRACE("fence everywhere", 0, 0, pc);
    vclock all = sim.sc_fences;
    for (int i = 0; i < sim.threads; i++)
        vclock_join(&all, &sim.thread[i].now.coh);
    for (int i = 0; i < sim.threads; i++) {
        sim.thread[i].now.coh = all;
        sim.thread[i].now.fence = (tick)sim.steps;
        advance(&sim.thread[i]);
    }
    sim.sc_fences = all;
}

void atomic_fence(int order, uint32_t pc)
{
    thread *me = sim.self;
    if (order == SEQ_CST && sim.o.weak) {
        sim_point(&sim.spawn_place, MEET_WRITE);
        TRACE("fence", 0, 0, pc);
    }
    if (acquires(order))
        view_join(&me->now, &me->acquire);
    if (order == SEQ_CST && sim.o.weak) {
        vclock_join(&me->now.coh, &sim.sc_fences);
        sim.sc_fences = me->now.coh;
        me->now.fence = (tick)sim.steps;
    }
    if (releases(order)) {
        me->release = me->now;
        advance(me);
    }
}
