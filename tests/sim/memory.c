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
 *   R4  Atomic accesses do not race with each other: the last of each thread is kept with the
 *       atomic variable, and plain accesses look there; the cell has records of the others.
 */
#include "sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* From the lowest bit: kind (4 bits), thread (4), mask of bytes (8), the thread's own clock (16),
 * where in the program (32). */
typedef uint64_t record;

static inline record new_record(unsigned mask, kind k, uint32_t pc)
{
    const thread *me = sim.self;
    return (uint64_t)pc << 32 | (uint64_t)(uint16_t)me->now.hb.c[me->id] << 16 | mask << 8 |
           (unsigned)me->id << 4 | k;
}

static inline kind kind_of(record r)
{
    return (kind)(r & 15);
}

static inline int thread_of(record r)
{
    return r >> 4 & 15;
}

static inline unsigned bytes_of(record r)
{
    return r >> 8 & 0xff;
}

static inline tick clock_of(record r)
{
    return (tick)(r >> 16);
}

static inline uint32_t pc_of(record r)
{
    return (uint32_t)(r >> 32);
}

#define SHARED 255
#define FEW 5      /* records in a cell; it has the size of a cache line */
#define RECORDS 64 /* in the place of those, if they are more */
typedef struct cell {
    uint32_t gen;
    uint8_t count;
    uint8_t kinds;   /* of its records, a bit for each */
    uint8_t owner;   /* the thread of all its records, or SHARED */
    bool saved : 1;  /* static memory: its first value is in the undo log */
    bool listed : 1; /* stack: its bit is set in the owner's cells */
    bool live : 1;   /* heap: all of it is in a block that is not freed */
    uint16_t many;   /* 1 + where the records are in `more`; 0: here */
    loc *locs;       /* atomic variables in it */
    record record[FEW];
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

#define MORE 256
static record (*more)[RECORDS];
static int more_count;

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
    more = reserve(MORE * sizeof *more);
}

/* Is the library to keep track of its objects?  A switch, whose loads are no steps. */
extern char ccpi_tracking[4] __attribute__((weak));

void memory_begin(void)
{
    loc_count = undo_count = hint_count = more_count = 0;
    if (ccpi_tracking)
        sim_hint(ccpi_tracking, sizeof ccpi_tracking);
}

void memory_end(void)
{
    while (undo_count > 0) {
        undo_count--;
        memcpy((void *)undo[undo_count].a, &undo[undo_count].value, 8);
    }
}

uint64_t memory_hash(void)
{
    uint64_t h = 0; /* in whatever order they have been written */
    for (int i = 0; i < undo_count; i++)
        h += sim_hash(undo[i].a, raw_load(undo[i].a, 8));
    return h;
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
    if (c->listed && a - sim.self->stack < STACK_SIZE)
        return;
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
        c->count = c->kinds = 0;
        c->owner = SHARED;
        c->saved = c->listed = c->live = false;
        c->many = 0;
        c->locs = NULL;
    }
}

static inline record *records(cell *c)
{
    return c->many ? more[c->many - 1] : c->record;
}

/* The cell of memory that may be touched; NULL: it is none of ours. */
static inline cell *cell_for(uintptr_t a, bool write, uint32_t pc)
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
    if (write && !sim.o.foreign)
        sim_fail("T%d at @%x@ writes memory that the explorer does not know: use a static "
                 "variable, the stack or sim_alloc()",
                 sim.self->id, pc);
    return NULL;
}

static void race(record old, uintptr_t a, kind k, uint32_t pc)
{
    char what[64];
    trace_describe(a, what, sizeof what);
    const char *name = k == POPPED || kind_of(old) == POPPED ? "dead waiter"
                       : k == FREED || kind_of(old) == FREED ? "data race with free"
                                                          : "data race";
    sim_fail("%s: %s by T%d at @%x@ and %s by T%d at @%x@, on %s, are not ordered", name,
             kind_name[k], sim.self->id, pc, kind_name[kind_of(old)], thread_of(old), pc_of(old),
             what);
}

static inline unsigned mask_of(uintptr_t a, unsigned size)
{
    return ((1u << size) - 1) << (a & 7) & 0xff;
}

/* What atomic accesses have left behind: R4. */
static void check_atomics(const cell *c, uintptr_t a, unsigned mask, kind k, uint32_t pc)
{
    const thread *me = sim.self;
    for (const loc *l = c->locs; l; l = l->next) {
        if (!(mask_of(l->address, l->size) & mask))
            continue;
        for (int w = 0; w < 2; w++) {
            kind old = w ? ATOMIC_WRITE : ATOMIC_READ;
            unsigned rest = conflicts[k] >> old & 1 ? l->by[w] & ~(1u << me->id) : 0;
            for (; rest; rest &= rest - 1) {
                int t = __builtin_ctz(rest);
                if (me->now.hb.c[t] < l->at[w][t])
                    race((uint64_t)l->pc[w][t] << 32 | (unsigned)t << 4 | old, a, k, pc);
            }
        }
    }
}

static record *make_room(cell *c)
{
    if (c->many || more_count == MORE)
        sim_fail("too many records for 8 bytes of memory");
    c->many = (uint16_t)++more_count;
    return memcpy(more[c->many - 1], c->record, sizeof c->record);
}

/* The new record makes the old one, which comes before it, superfluous: R3. */
static inline bool replaces(record new, record old)
{
    return !(bytes_of(old) & ~bytes_of(new)) &&
           !(conflicts[kind_of(old)] & ~conflicts[kind_of(new)]);
}

static void push(cell *c, record *all, record new)
{
    if (c->count == (c->many ? RECORDS : FEW))
        all = make_room(c);
    all[c->count++] = new;
    c->kinds |= (uint8_t)(1 << kind_of(new));
    c->owner = c->count == 1 || c->owner == thread_of(new) ? (uint8_t)thread_of(new) : SHARED;
}

/* With some record there, an access could race. */
static void touch_shared(cell *c, uintptr_t a, record new)
{
    const thread *me = sim.self;
    record *all = records(c);
    int kept = 0, n = c->count;
    c->kinds = 0;
    for (int i = 0; i < n; i++) {
        record r = all[i];
        bool ordered = thread_of(r) == me->id || me->now.hb.c[thread_of(r)] >= clock_of(r);
        if (!ordered && (bytes_of(r) & bytes_of(new)) &&
            (conflicts[kind_of(new)] >> kind_of(r) & 1))
            race(r, a, kind_of(new), pc_of(new));
        if (ordered && replaces(new, r))
            continue;
        all[kept++] = r;
        c->kinds |= (uint8_t)(1 << kind_of(r));
    }
    c->count = (uint8_t)kept;
    push(c, all, new);
}

static inline void touch(cell *c, uintptr_t a, unsigned mask, kind k, uint32_t pc)
{
    record new = new_record(mask, k, pc), *all = records(c);
    if (c->locs)
        check_atomics(c, a, mask, k, pc);
    if (c->count && c->owner != thread_of(new) && (conflicts[k] & c->kinds)) {
        touch_shared(c, a, new);
        return;
    }
    for (int i = 0; i < c->count; i++)
        if ((uint16_t)all[i] == (uint16_t)new) {
            all[i] = new;
            return;
        }
    push(c, all, new);
}

static __attribute__((noinline)) void access_slow(uintptr_t a, unsigned size, kind k, uint32_t pc)
{
    cell *c = cell_for(a, k != PLAIN_READ, pc);
    if (!c)
        return;
    if (!sim.alone)
        touch(c, a, mask_of(a, size), k, pc);
    if (k == PLAIN_WRITE && sim.o.weak)
        for (loc *l = c->locs; l; l = l->next)
            if (l->address < a + size && a < l->address + l->size) {
                l->dirty = true;
                l->dirty_by = (uint8_t)sim.self->id;
            }
}

/* The usual case: it may touch this (as cell_for() has found before), has made the same access
 * before, and no other could race with it. */
void memory_access(uintptr_t a, unsigned size, kind k, uint32_t pc)
{
    const thread *me = sim.self;
    uintptr_t in_arena = a - arena, in_static = a - static_start;
    cell *c = NULL;
    bool known = false;
    if (in_arena < ARENA_SIZE) {
        c = &arena_cells[in_arena >> 3];
        known = c->live || (c->listed && a - me->stack < STACK_SIZE);
    } else if (in_static < static_size) {
        c = &static_cells[in_static >> 3];
        known = k == PLAIN_READ || c->saved;
    }
    if (known && c->gen == sim.gen && !c->locs) {
        if (sim.alone)
            return;
        if (c->owner == me->id || !(conflicts[k] & c->kinds)) {
            record new = new_record(mask_of(a, size), k, pc), *all = records(c);
            for (unsigned i = 0; i < c->count; i++)
                if ((uint16_t)all[i] == (uint16_t)new) {
                    all[i] = new;
                    return;
                }
            push(c, all, new);
            return;
        }
    }
    access_slow(a, size, k, pc);
}

loc *memory_atomic(loc *l, bool write, uint32_t pc)
{
    uintptr_t a = l->address;
    unsigned size = l->size;
    cell *c = cell_for(a, write, pc);
    if (c->locs != l) /* the first of several, or a new variable in its place */
        l = memory_loc(a, size);
    if (sim.alone)
        return l;
    const thread *me = sim.self;
    kind k = write ? ATOMIC_WRITE : ATOMIC_READ;
    const record *all = records(c);
    for (int i = 0; (conflicts[k] & c->kinds) && i < c->count; i++)
        if (thread_of(all[i]) != me->id && me->now.hb.c[thread_of(all[i])] < clock_of(all[i]) &&
            (bytes_of(all[i]) & mask_of(a, size)) && (conflicts[k] >> kind_of(all[i]) & 1))
            race(all[i], a, k, pc);
    l->by[write] |= BIT(me->id);
    l->at[write][me->id] = me->now.hb.c[me->id];
    l->pc[write][me->id] = pc;
    return l;
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
        if ((c->count || c->locs) && !sim.alone)
            touch(c, arena + offset, 0xff, FREED, pc);
    }
}

static void pop_cell(thread *t, cell *c, uintptr_t a)
{
    bool shared = false;
    const record *all = records(c);
    for (int k = 0; k < c->count; k++)
        shared |= thread_of(all[k]) != t->id;
    for (const loc *l = c->locs; l; l = l->next)
        shared |= (l->by[0] | l->by[1]) & ~BIT(t->id);
    c->listed = false;
    if (shared && !sim.alone)
        touch(c, a, 0xff, POPPED, 0);
    else
        c->count = c->kinds = 0;
    c->locs = NULL;
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
    l->by[0] = l->by[1] = 0;
    atomics_new(l);
    return l;
}
