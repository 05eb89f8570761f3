/* SPDX-License-Identifier: MIT
 *
 * What a compiler calls for -fsanitize=thread: does the operation, and disturbs the thread.
 */
#define _GNU_SOURCE
#include "noise.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

static _Atomic unsigned level;
static _Atomic uint64_t seed, threads, all_seen, all_disturbed;
static _Thread_local dice own;
static _Thread_local unsigned seen, disturbed;

void noise_level(unsigned per_mille)
{
    atomic_store(&level, per_mille);
}

void noise_seed(uint64_t s)
{
    atomic_store(&seed, s);
}

void noise_counts(uint64_t *s, uint64_t *d)
{
    *s = atomic_load(&all_seen);
    *d = atomic_load(&all_disturbed);
}

static void nap(long ns)
{
    int saved = errno;
    nanosleep(&(struct timespec){ 0, ns }, NULL);
    errno = saved;
}

static __attribute__((noinline)) void disturb(void)
{
    disturbed++;
    switch (below(&own, 16)) {
    case 0:
        nap(below(&own, 256) == 0 ? 2000000 : (long)below(&own, 20000));
        break;
    case 1:
    case 2:
    case 3:
        for (volatile unsigned i = below(&own, 3000); i > 0; i--)
            ;
        break;
    default:
        sched_yield();
    }
}

static __attribute__((noinline)) void settle(void)
{
    if (own.state == 0)
        own = dice_of(atomic_load(&seed), atomic_fetch_add(&threads, 1));
    atomic_fetch_add_explicit(&all_seen, seen, memory_order_relaxed);
    atomic_fetch_add_explicit(&all_disturbed, disturbed, memory_order_relaxed);
    seen = disturbed = 0;
}

void noise_leave(void)
{
    if (own.state != 0)
        settle();
}

static __attribute__((unused)) void noise(void)
{
    if (++seen >= 4096 || own.state == 0)
        settle();
    if (below(&own, 1000) < atomic_load_explicit(&level, memory_order_relaxed))
        disturb();
}

#ifndef NOISE_NO_HOOKS /* with the compiler's own runtime */

/* ---- Atomic operations: never weaker than asked for ---- */

#define LOAD(bits, type)                                                              \
    type __tsan_atomic##bits##_load(const volatile type *a, int order);               \
    type __tsan_atomic##bits##_load(const volatile type *a, int order)                \
    {                                                                                 \
        noise();                                                                      \
        return order == __ATOMIC_RELAXED   ? __atomic_load_n(a, __ATOMIC_RELAXED)     \
               : order == __ATOMIC_SEQ_CST ? __atomic_load_n(a, __ATOMIC_SEQ_CST)     \
                                           : __atomic_load_n(a, __ATOMIC_ACQUIRE);    \
    }

#define STORE(bits, type)                                                             \
    void __tsan_atomic##bits##_store(volatile type *a, type v, int order);            \
    void __tsan_atomic##bits##_store(volatile type *a, type v, int order)             \
    {                                                                                 \
        noise();                                                                      \
        if (order == __ATOMIC_RELAXED)                                                \
            __atomic_store_n(a, v, __ATOMIC_RELAXED);                                 \
        else if (order == __ATOMIC_RELEASE)                                           \
            __atomic_store_n(a, v, __ATOMIC_RELEASE);                                 \
        else                                                                          \
            __atomic_store_n(a, v, __ATOMIC_SEQ_CST);                                 \
        noise();                                                                      \
    }

#define CHANGE(bits, type, name, builtin)                                             \
    type __tsan_atomic##bits##_##name(volatile type *a, type v, int order);           \
    type __tsan_atomic##bits##_##name(volatile type *a, type v, int order)            \
    {                                                                                 \
        (void)order;                                                                  \
        noise();                                                                      \
        type old = builtin(a, v, __ATOMIC_SEQ_CST);                                   \
        noise();                                                                      \
        return old;                                                                   \
    }

#define CAS(bits, type, name, is_weak)                                                \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *a, type *e,      \
                                                      type v, int order, int fail);   \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *a, type *e,      \
                                                      type v, int order, int fail)    \
    {                                                                                 \
        (void)order;                                                                  \
        (void)fail;                                                                   \
        noise();                                                                      \
        int won = __atomic_compare_exchange_n(a, e, v, is_weak, __ATOMIC_SEQ_CST,     \
                                              __ATOMIC_SEQ_CST);                      \
        noise();                                                                      \
        return won;                                                                   \
    }

#define CAS_VALUE(bits, type)                                                         \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *a, type e, type v, \
                                                    int order, int fail);             \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *a, type e, type v, \
                                                    int order, int fail)              \
    {                                                                                 \
        __tsan_atomic##bits##_compare_exchange_strong(a, &e, v, order, fail);         \
        return e;                                                                     \
    }

#define ATOMICS(bits, type)                                                           \
    LOAD(bits, type)                                                                  \
    STORE(bits, type)                                                                 \
    CHANGE(bits, type, exchange, __atomic_exchange_n)                                 \
    CHANGE(bits, type, fetch_add, __atomic_fetch_add)                                 \
    CHANGE(bits, type, fetch_sub, __atomic_fetch_sub)                                 \
    CHANGE(bits, type, fetch_and, __atomic_fetch_and)                                 \
    CHANGE(bits, type, fetch_or, __atomic_fetch_or)                                   \
    CHANGE(bits, type, fetch_xor, __atomic_fetch_xor)                                 \
    CHANGE(bits, type, fetch_nand, __atomic_fetch_nand)                               \
    CAS(bits, type, strong, 0)                                                        \
    CAS(bits, type, weak, 1)                                                          \
    CAS_VALUE(bits, type)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    noise();
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- Copies of elements, between winning a slot and publishing it ---- */

void __tsan_read_range(void *a, unsigned long size);
void __tsan_read_range(void *a, unsigned long size)
{
    (void)a;
    (void)size;
    noise();
}

void __tsan_write_range(void *a, unsigned long size);
void __tsan_write_range(void *a, unsigned long size)
{
    (void)a;
    (void)size;
    noise();
}

/* ---- Plain accesses and functions: not of interest here ---- */

#define NOTHING(name)                \
    void __tsan_##name(void *a);     \
    void __tsan_##name(void *a)      \
    {                                \
        (void)a;                     \
    }
#define NOTHINGS(bytes)              \
    NOTHING(read##bytes)             \
    NOTHING(write##bytes)            \
    NOTHING(read_write##bytes)       \
    NOTHING(unaligned_read##bytes)   \
    NOTHING(unaligned_write##bytes)  \
    NOTHING(volatile_read##bytes)    \
    NOTHING(volatile_write##bytes)
NOTHINGS(1)
NOTHINGS(2)
NOTHINGS(4)
NOTHINGS(8)
NOTHINGS(16)
NOTHING(func_entry)

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size)
{
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size);
void *__tsan_memset(void *to, int byte, size_t size)
{
    return memset(to, byte, size);
}

#endif
