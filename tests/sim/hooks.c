/* SPDX-License-Identifier: MIT
 *
 * What a compiler calls for -fsanitize=thread, gcc and clang.
 */
#include "sim_int.h"

/* ---- Atomic operations ---- */

#define ACTIVE __builtin_expect(sim.active, 1)

/* Outside of a schedule there is one thread, and the operations are plain. */
static uint64_t outside(uintptr_t a, unsigned size, int op, uint64_t v)
{
    uint64_t old = raw_load(a, size);
    switch (op) {
    case OP_LOAD: return old;
    case OP_ADD: v = old + v; break;
    case OP_SUB: v = old - v; break;
    case OP_AND: v = old & v; break;
    case OP_OR: v = old | v; break;
    case OP_XOR: v = old ^ v; break;
    case OP_NAND: v = ~(old & v); break;
    default: break;
    }
    raw_store(a, size, v);
    return old;
}

static uint64_t operate(const volatile void *a, unsigned size, int op, uint64_t v, int order,
                        uint32_t pc)
{
    return ACTIVE ? atomic_op((uintptr_t)a, size, op, v, order, pc)
                  : outside((uintptr_t)a, size, op, v);
}

static bool exchange_if(volatile void *a, unsigned size, uint64_t *expected, uint64_t v, int order,
                        int fail_order, bool weak, uint32_t pc)
{
    if (ACTIVE)
        return atomic_cas((uintptr_t)a, size, expected, v, order, fail_order, weak, pc);
    uint64_t old = raw_load((uintptr_t)a, size);
    if (old == *expected)
        raw_store((uintptr_t)a, size, v);
    bool same = old == *expected;
    *expected = old;
    return same;
}

#define RMW(bits, type, name, op)                                                            \
    type __tsan_atomic##bits##_##name(volatile type *a, type v, int order);                  \
    type __tsan_atomic##bits##_##name(volatile type *a, type v, int order)                   \
    {                                                                                        \
        return (type)operate(a, (bits) / 8, op, v, order, PC());                             \
    }

#define CAS(bits, type, name, is_weak)                                                       \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *a, type *e, type v,     \
                                                      int order, int fail_order);            \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *a, type *e, type v,     \
                                                      int order, int fail_order)             \
    {                                                                                        \
        uint64_t expected = *e;                                                              \
        bool ok = exchange_if(a, (bits) / 8, &expected, v, order, fail_order, is_weak, PC()); \
        if (!ok)                                                                             \
            *e = (type)expected;                                                             \
        return ok;                                                                           \
    }

#define ATOMICS(bits, type)                                                                  \
    type __tsan_atomic##bits##_load(const volatile type *a, int order);                      \
    type __tsan_atomic##bits##_load(const volatile type *a, int order)                       \
    {                                                                                        \
        return (type)operate(a, (bits) / 8, OP_LOAD, 0, order, PC());                        \
    }                                                                                        \
    void __tsan_atomic##bits##_store(volatile type *a, type v, int order);                   \
    void __tsan_atomic##bits##_store(volatile type *a, type v, int order)                    \
    {                                                                                        \
        operate(a, (bits) / 8, OP_STORE, v, order, PC());                                    \
    }                                                                                        \
    RMW(bits, type, exchange, OP_SWAP)                                                       \
    RMW(bits, type, fetch_add, OP_ADD)                                                       \
    RMW(bits, type, fetch_sub, OP_SUB)                                                       \
    RMW(bits, type, fetch_and, OP_AND)                                                       \
    RMW(bits, type, fetch_or, OP_OR)                                                         \
    RMW(bits, type, fetch_xor, OP_XOR)                                                       \
    RMW(bits, type, fetch_nand, OP_NAND)                                                     \
    CAS(bits, type, strong, false)                                                           \
    CAS(bits, type, weak, true)                                                              \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *a, type e, type v,        \
                                                    int order, int fail_order);              \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *a, type e, type v,        \
                                                    int order, int fail_order)               \
    {                                                                                        \
        uint64_t expected = e;                                                               \
        exchange_if(a, (bits) / 8, &expected, v, order, fail_order, false, PC());            \
        return (type)expected;                                                               \
    }

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (ACTIVE)
        atomic_fence(order, PC());
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

/* ---- Plain accesses ---- */

#define PLAIN(name, bytes, kind)                                                             \
    void __tsan_##name(void *a);                                                             \
    void __tsan_##name(void *a)                                                              \
    {                                                                                        \
        if (ACTIVE) {                                                                        \
            if (((uintptr_t)a & 7) + (bytes) <= 8)                                           \
                memory_access((uintptr_t)a, bytes, kind, PC());                              \
            else                                                                             \
                memory_range((uintptr_t)a, bytes, kind, PC());                               \
        }                                                                                    \
    }

#define PLAINS(bytes)                                   \
    PLAIN(read##bytes, bytes, PLAIN_READ)               \
    PLAIN(write##bytes, bytes, PLAIN_WRITE)             \
    PLAIN(read_write##bytes, bytes, PLAIN_WRITE)        \
    PLAIN(unaligned_read##bytes, bytes, PLAIN_READ)     \
    PLAIN(unaligned_write##bytes, bytes, PLAIN_WRITE)   \
    PLAIN(unaligned_read_write##bytes, bytes, PLAIN_WRITE) \
    PLAIN(volatile_read##bytes, bytes, PLAIN_READ)      \
    PLAIN(volatile_write##bytes, bytes, PLAIN_WRITE)

PLAINS(1)
PLAINS(2)
PLAINS(4)
PLAINS(8)
PLAINS(16)

static void range(const void *a, size_t size, kind k, uint32_t pc)
{
    if (ACTIVE)
        memory_range((uintptr_t)a, size, k, pc);
}

void __tsan_read_range(void *a, unsigned long size);
void __tsan_read_range(void *a, unsigned long size)
{
    range(a, size, PLAIN_READ, PC());
}

void __tsan_write_range(void *a, unsigned long size);
void __tsan_write_range(void *a, unsigned long size)
{
    range(a, size, PLAIN_WRITE, PC());
}

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    range(from, size, PLAIN_READ, PC());
    range(to, size, PLAIN_WRITE, PC());
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size)
{
    range(from, size, PLAIN_READ, PC());
    range(to, size, PLAIN_WRITE, PC());
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size);
void *__tsan_memset(void *to, int byte, size_t size)
{
    range(to, size, PLAIN_WRITE, PC());
    return memset(to, byte, size);
}

/* ---- Functions ---- */

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
    (void)pc;
}

/* The frame of the function that calls this is given up.  All is compiled with frame pointers: the
 * frame ends where the caller's frame pointer, its own and the return address are stored. */
void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
    thread *me = sim.self;
    if (ACTIVE && me->lowest < STACK_CELLS / 64) {
        uintptr_t top = *(uintptr_t *)__builtin_frame_address(0) + 2 * sizeof(uintptr_t);
        if (top > me->stack && top <= me->stack_top)
            memory_pop(me, top);
    }
}
