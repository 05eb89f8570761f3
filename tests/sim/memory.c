/* SPDX-License-Identifier: MIT
 *
 * Who may touch what.  The memory of the program under test is in three regions: the simulated
 * heap, the stacks of its threads, and static variables.  For each 8 bytes there is a cell with the
 * accesses so far that a later one could still race with (vector clocks, as FastTrack).
 *
 *   R1  Two accesses race if they overlap, one is no read, one is not atomic, and neither
 *       happens-before the other.
 *   R2  Freeing a block writes all of it, and so does returning from a function to its stack frame:
 *       the last access of others must happen-before that.
 *   R3  A record may go when a newer one races with all that it could race with.
 */
#include "sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct record {
    uint32_t pc;
    tick at; /* the thread's own clock */
    uint8_t thread, mask, kind;
} record;

#define RECORDS 40
typedef struct cell {
    uint32_t gen;
    uint16_t count;
    bool saved;  /* static memory: its first value is in the undo log */
    bool listed; /* stack: its bit is set in the owner's cells */
    bool live;   /* heap: all of it is in a block that is not freed */
    loc *locs;   /* atomic variables in it */
    record record[RECORDS];
} cell;

static const uint8_t conflicts[] = {
    [ATOMIC_READ] = 1 << PLAIN_WRITE | 1 << FREED | 1 << POPPED,
    [PLAIN_READ] = 1 << ATOMIC_WRITE | 1 << PLAIN_WRITE | 1 << FREED | 1 << POPPED,
    [ATOMIC_WRITE] = 1 << PLAIN_READ | 1 << PLAIN_WRITE | 1 << FREED | 1 << POPPED,
    [PLAIN_WRITE] = 0x3f,
    [FREED] = 0x3f,
    [POPPED] = 0x3f,
};
static const char *const kind_name[] = { "atomic read", "read", "atomic write", "write", "free",
                                         "return from the function that owned it" };

/* From the linker. */
extern char __data_start[], _end[];
static uintptr_t static_start;
static size_t static_size;
static cell *arena_cells, *static_cells;

#define LOCS 1024
static loc *locs;
static int loc_count;

#define UNDO 4096
static struct undo {
    uintptr_t a;
    uint64_t value;
} *undo;
static int undo_count;

#define HINTS 32
static struct {
    uintptr_t start;
    size_t size;
} hints[HINTS];
static int hint_count;

static void *reserve(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

void memory_start(void)
{
    static_start = (uintptr_t)__data_start & ~(uintptr_t)7;
    static_size = (uintptr_t)_end - static_start;
    arena_cells = reserve(ARENA_SIZE / 8 * sizeof(cell));
    static_cells = reserve((static_size / 8 + 1) * sizeof(cell));
    locs = reserve(LOCS * sizeof(loc));
    undo = reserve(UNDO * sizeof *undo);
}

void memory_begin(void)
{
    loc_count = undo_count = hint_count = 0;
}

void memory_end(void)
{
    while (undo_count > 0) {
        undo_count--;
        memcpy((void *)undo[undo_count].a, &undo[undo_count].value, 8);
    }
}

/* ---- Cells ---- */

static void save(cell *c, uintptr_t a)
{
    if (undo_count == UNDO)
        sim_fail("more than %d words of static variables written", UNDO);
    c->saved = true;
    undo[undo_count].a = a & ~(uintptr_t)7;
    memcpy(&undo[undo_count++].value, (void *)(a & ~(uintptr_t)7), 8);
}

static void check_stack(uintptr_t a, cell *c, uint32_t pc)
{
    thread *owner = &sim.thread[(a - arena - HEAP_SIZE) / STACK_SIZE];
    if (owner != sim.self && (owner->id >= sim.threads || owner->state == DEAD ||
                              a < (uintptr_t)owner->sp)) {
        char what[64];
        trace_describe(a, what, sizeof what);
        sim_fail("use of a dead waiter: T%d at @%x@ touches %s, which is gone", sim.self->id, pc,
                 what);
    }
    if (!c->listed) {
        c->listed = true;
        unsigned i = (unsigned)((a - owner->stack) >> 3);
        owner->cells[i / 64] |= (uint64_t)1 << i % 64;
        if (i / 64 < owner->lowest)
            owner->lowest = i / 64;
    }
}

static inline void freshen(cell *c)
{
    if (c->gen != sim.gen) {
        c->gen = sim.gen;
        c->count = 0;
        c->saved = c->listed = c->live = false;
        c->locs = NULL;
    }
}

/* The cell of memory that may be touched; NULL: it is none of ours. */
static cell *cell_for(uintptr_t a, bool write, uint32_t pc)
{
    uintptr_t offset = a - arena;
    cell *c;
    if (offset < ARENA_SIZE) {
        c = &arena_cells[offset >> 3];
        freshen(c);
        if (offset >= HEAP_SIZE)
            check_stack(a, c, pc);
        else if (!c->live)
            c->live = heap_check_access(a, pc);
        return c;
    }
    offset = a - static_start;
    if (offset < static_size) {
        c = &static_cells[offset >> 3];
        freshen(c);
        if (write && !c->saved)
            save(c, a);
        return c;
    }
    if (write)
        sim_fail("T%d at @%x@ writes memory that the explorer does not know: use a static "
                 "variable, the stack or sim_alloc()",
                 sim.self->id, pc);
    return NULL;
}

static void race(const record *old, uintptr_t a, kind k, uint32_t pc)
{
    char what[64];
    trace_describe(a, what, sizeof what);
    const char *name = k == POPPED || old->kind == POPPED ? "dead waiter"
                       : k == FREED || old->kind == FREED ? "data race with free"
                                                          : "data race";
    sim_fail("%s: %s by T%d at @%x@ and %s by T%d at @%x@, on %s, are not ordered", name,
             kind_name[k], sim.self->id, pc, kind_name[old->kind], old->thread, old->pc, what);
}

static void touch(cell *c, uintptr_t a, unsigned mask, kind k, uint32_t pc)
{
    thread *me = sim.self;
    int kept = 0, n = c->count;
    if (n > 0) { /* the same again? */
        const record *last = &c->record[n - 1];
        if (last->thread == me->id && last->kind == k && last->mask == mask &&
            last->at == me->now.hb.c[me->id])
            return;
    }
    for (int i = 0; i < n; i++) {
        record *r = &c->record[i];
        bool ordered = r->thread == me->id || me->now.hb.c[r->thread] >= r->at;
        if (!ordered && (r->mask & mask) && (conflicts[k] >> r->kind & 1))
            race(r, a, k, pc);
        if (ordered && !(r->mask & ~mask) && !(conflicts[r->kind] & ~conflicts[k]))
            continue; /* R3 */
        if (kept != i)
            c->record[kept] = *r;
        kept++;
    }
    if (kept == RECORDS)
        sim_fail("more than %d records for 8 bytes of memory", RECORDS);
    c->record[kept] = (record){ pc, me->now.hb.c[me->id], (uint8_t)me->id, (uint8_t)mask,
                                (uint8_t)k };
    c->count = (uint16_t)(kept + 1);
}

static inline unsigned mask_of(uintptr_t a, unsigned size)
{
    return ((1u << size) - 1) << (a & 7) & 0xff;
}

cell *memory_access(uintptr_t a, unsigned size, kind k, uint32_t pc)
{
    cell *c = cell_for(a, k != PLAIN_READ && k != ATOMIC_READ, pc);
    if (!c)
        return NULL;
    if (!sim.alone)
        touch(c, a, mask_of(a, size), k, pc);
    if (k == PLAIN_WRITE && c->locs && sim.o.weak)
        for (loc *l = c->locs; l; l = l->next)
            if (l->address < a + size && a < l->address + l->size) {
                l->dirty = true;
                l->dirty_by = (uint8_t)sim.self->id;
            }
    return c;
}

void memory_range(uintptr_t a, size_t size, kind k, uint32_t pc)
{
    while (size > 0) {
        size_t here = 8 - (a & 7) < size ? 8 - (a & 7) : size;
        memory_access(a, (unsigned)here, k, pc);
        a += here;
        size -= here;
    }
}

/* A block of the heap is freed: R2, for what was touched of it. */
void memory_free(uintptr_t a, size_t size, uint32_t pc)
{
    uintptr_t offset = a - arena, end = offset + size;
    for (; offset < end; offset += 8) {
        cell *c = &arena_cells[offset >> 3];
        if (c->gen != sim.gen)
            continue;
        c->live = false;
        if (c->count && !sim.alone)
            touch(c, arena + offset, 0xff, FREED, pc);
    }
}

static void pop_cell(thread *t, cell *c, uintptr_t a)
{
    bool shared = false;
    for (int k = 0; k < c->count; k++)
        shared |= c->record[k].thread != t->id;
    c->listed = false;
    c->locs = NULL;
    if (shared && !sim.alone)
        touch(c, a, 0xff, POPPED, 0);
    else
        c->count = 0;
}

/* Thread t, the running one, returns from a function whose frame ends below top. */
void memory_pop(thread *t, uintptr_t top)
{
    unsigned end = (unsigned)((top - t->stack) >> 3), last = end / 64;
    for (unsigned i = t->lowest; i <= last; i++) {
        uint64_t in_frame = i < last ? ~(uint64_t)0 : ((uint64_t)1 << end % 64) - 1;
        for (uint64_t rest = t->cells[i] & in_frame; rest; rest &= rest - 1) {
            uintptr_t a = t->stack + 8 * (64 * (uintptr_t)i + (unsigned)__builtin_ctzll(rest));
            pop_cell(t, &arena_cells[(a - arena) >> 3], a);
        }
        t->cells[i] &= ~in_frame;
    }
    while (t->lowest < STACK_CELLS / 64 && t->cells[t->lowest] == 0)
        t->lowest++;
}

/* Memory that is given out again. */
void memory_forget(uintptr_t a, size_t size)
{
    for (uintptr_t i = (a - arena) >> 3, end = (a + size - arena + 7) >> 3; i < end; i++)
        arena_cells[i].gen = 0;
}

/* ---- Atomic variables ---- */

void sim_hint(const void *p, size_t size)
{
    if (hint_count == HINTS)
        sim_fail("more than %d hints", HINTS);
    hints[hint_count].start = (uintptr_t)p;
    hints[hint_count++].size = size;
}

static bool is_hint(uintptr_t a)
{
    bool found = false;
    for (int i = 0; i < hint_count; i++)
        found |= a - hints[i].start < hints[i].size;
    return found;
}

static cell *cell_near(uintptr_t a)
{
    cell *c = NULL;
    if (a - arena < ARENA_SIZE)
        c = &arena_cells[(a - arena) >> 3];
    else if (a - static_start < static_size)
        c = &static_cells[(a - static_start) >> 3];
    else
        sim_fail("an atomic variable in memory that the explorer does not know");
    freshen(c);
    return c;
}

loc *memory_loc(uintptr_t a, unsigned size)
{
    cell *c = cell_near(a);
    for (loc *l = c->locs; l; l = l->next)
        if (l->address == a) {
            if (l->size != size)
                sim_fail("an atomic variable used with sizes %u and %u", l->size, size);
            return l;
        }
    if (loc_count == LOCS)
        sim_fail("more than %d atomic variables", LOCS);
    loc *l = &locs[loc_count++];
    l->address = a;
    l->size = (uint8_t)size;
    l->next = c->locs;
    c->locs = l;
    l->dirty = false;
    l->hint = is_hint(a);
    place_reset(&l->place);
    place_reset(&l->queue);
    memset(&l->release, 0, sizeof l->release);
    atomics_new(l);
    return l;
}
