/* SPDX-License-Identifier: MIT
 *
 * The simulated heap: blocks one after the other in the arena, never given out twice in a schedule
 * (unless o.reuse), so that each use after free is seen.
 */
#include "sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct block {
    uintptr_t start;
    size_t size;
    bool live;
    uint8_t freed_by;
    uint32_t allocated, freed; /* where */
} block;

#define BLOCKS 2048
#define UNIT 16
#define GAP UNIT /* between blocks */

uintptr_t arena;
static block blocks[BLOCKS];
static int block_count;
static size_t used;
static uint16_t block_at[HEAP_SIZE / UNIT]; /* 1 + index; valid below `used` */

/* Always the same, if it is free: what depends on addresses, as a hash does, then runs in the same
 * way when a schedule is replayed by another process. */
static void *usual_place(void)
{
    return sizeof(void *) == 8 ? (void *)((uintptr_t)0x2000000 << 20) : NULL;
}

void heap_start(void)
{
    void *p = mmap(usual_place(), ARENA_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    arena = (uintptr_t)p;
    for (int i = 0; i < SIM_THREADS; i++) /* an overflow of a stack must not pass unseen */
        mprotect((void *)(arena + HEAP_SIZE + (size_t)i * STACK_SIZE), 4096, PROT_NONE);
}

void heap_begin(void)
{
    block_count = 0;
    used = 0;
}

static block *block_of(uintptr_t a)
{
    size_t offset = a - arena;
    if (offset >= used || block_at[offset / UNIT] == 0)
        return NULL;
    return &blocks[block_at[offset / UNIT] - 1];
}

bool heap_fails(void)
{
    if (sim.fail_alloc >= sim.o.fail_alloc || !sim_decide(2, 8))
        return false;
    sim.fail_alloc++;
    return true;
}

/* A freed block of the same size, the last one first. */
static block *old_block(size_t size, size_t align)
{
    for (int i = block_count - 1; sim.o.reuse && i >= 0; i--)
        if (!blocks[i].live && blocks[i].size == size && blocks[i].start % align == 0)
            return &blocks[i];
    return NULL;
}

static block *new_block(size_t size, size_t align)
{
    size_t start = (used + GAP + align - 1) & ~(align - 1);
    size_t end = (start + size + UNIT - 1) & ~(size_t)(UNIT - 1);
    if (block_count == BLOCKS || end > HEAP_SIZE)
        sim_fail("the simulated heap is full: %d blocks, %zu bytes", block_count, used);
    memset(&block_at[used / UNIT], 0, (start - used + UNIT - 1) / UNIT * sizeof *block_at);
    block *b = &blocks[block_count++];
    for (size_t i = start / UNIT; i < end / UNIT; i++)
        block_at[i] = (uint16_t)block_count;
    used = end;
    b->start = arena + start;
    return b;
}

void *heap_alloc(size_t size, size_t align, bool clear, uint32_t pc)
{
    if (size >= HEAP_SIZE || heap_fails()) {
        TRACE("alloc fails", 0, size, pc);
        return NULL;
    }
    block *b = old_block(size, align);
    if (b)
        memory_forget(b->start, b->size);
    else
        b = new_block(size, align);
    b->size = size;
    b->live = true;
    b->allocated = pc;
    if (clear)
        memset((void *)b->start, 0, size);
    TRACE("alloc", b->start, size, pc);
    return (void *)b->start;
}

size_t heap_size(const void *p)
{
    const block *b = block_of((uintptr_t)p);
    return b ? b->size : 0;
}

void heap_free(void *p, uint32_t pc)
{
    uintptr_t a = (uintptr_t)p;
    block *b = block_of(a);
    if (!b || b->start != a)
        sim_fail("T%d at @%x@ frees what is no block", sim.self->id, pc);
    if (!b->live)
        sim_fail("double free by T%d at @%x@; T%d freed it at @%x@", sim.self->id, pc, b->freed_by,
                 b->freed);
    TRACE("free", a, b->size, pc);
    memory_free(a, b->size, pc);
    b->live = false;
    b->freed = pc;
    b->freed_by = (uint8_t)sim.self->id;
}

/* Fails if a may not be touched; true: nor does any of its 8 bytes have to be looked at again. */
bool heap_check_access(uintptr_t a, uint32_t pc)
{
    const block *b = block_of(a);
    if (!b || a - b->start >= b->size)
        sim_fail("T%d at @%x@ touches the heap outside of any block", sim.self->id, pc);
    if (!b->live)
        sim_fail("use after free: T%d at @%x@ touches block %d+%zu, which T%d freed at @%x@",
                 sim.self->id, pc, (int)(b - blocks), (size_t)(a - b->start), b->freed_by,
                 b->freed);
    return (a | 7) - b->start < b->size;
}

/* Of the blocks, and of what is in them. */
uint64_t heap_hash(void)
{
    uint64_t h = (uint64_t)block_count;
    for (int i = 0; i < block_count; i++) {
        h = sim_hash(h, blocks[i].size << 1 | blocks[i].live);
        uintptr_t end = blocks[i].live ? blocks[i].start + blocks[i].size : 0;
        for (uintptr_t a = blocks[i].start; a < end; a += 8) { /* there is a gap behind */
            uint64_t word = raw_load(a, 8);
            if (end - a < 8)
                word &= ((uint64_t)1 << (end - a) * 8) - 1;
            h = sim_hash(h, word);
        }
    }
    return h;
}

void heap_check_leaks(void)
{
    for (int i = 0; i < block_count; i++)
        if (blocks[i].live)
            sim_fail("leak of %zu bytes that were allocated at @%x@", blocks[i].size,
                     blocks[i].allocated);
}

bool heap_describe(uintptr_t a, char *out, size_t size)
{
    const block *b = block_of(a);
    if (b)
        snprintf(out, size, "block%d+%zu", (int)(b - blocks), (size_t)(a - b->start));
    return b != NULL;
}

void *sim_alloc(size_t size)
{
    return heap_alloc(size, 16, false, PC());
}

void sim_free(void *p)
{
    if (p)
        heap_free(p, PC());
}
