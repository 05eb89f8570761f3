/* SPDX-License-Identifier: MIT
 *
 * Atomics are plain <stdatomic.h> with explicit, constant orders; this header adds what the
 * layers above need beside them.
 *
 * The labels beside ordered atomics, such as [R1], name the partner on the other side; every
 * label stands at both ends.
 */
#ifndef CCPI_BASE_ATOMIC_H
#define CCPI_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Short names for the five orders: a line of code then shows what it does, not how to spell it. */
#define CCPI_RLX memory_order_relaxed
#define CCPI_ACQ memory_order_acquire
#define CCPI_REL memory_order_release
#define CCPI_ACQ_REL memory_order_acq_rel
#define CCPI_SC memory_order_seq_cst

#ifndef CCPI_LINE
#define CCPI_LINE 64
#endif

#define CCPI_LIKELY(x) __builtin_expect(!!(x), 1)
#define CCPI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CCPI_NOINLINE __attribute__((noinline))
#define CCPI_COLD __attribute__((noinline, cold))
#define CCPI_INLINE static inline __attribute__((always_inline))
/* Before the definition of a short public function, which is there to be called all the same:
 * compilers that see all of a program at once inline it there. */
#ifdef __clang__
#define CCPI_QUICK __attribute__((__always_inline__))
#else
#define CCPI_QUICK inline
#endif

typedef _Atomic uint32_t ccpi_word32;
typedef _Atomic uint64_t ccpi_word64;

/* The word at p, which a public struct declares as a plain integer because C++ has no _Atomic. */
_Static_assert(sizeof(ccpi_word64) == 8 && sizeof(ccpi_word32) == 4, "atomics must have no lock");
CCPI_INLINE ccpi_word64 *ccpi_atomic64(uint64_t *p)
{
    return (ccpi_word64 *)(void *)p;
}
CCPI_INLINE ccpi_word32 *ccpi_atomic32(uint32_t *p)
{
    return (ccpi_word32 *)(void *)p;
}

#if defined(__SANITIZE_THREAD__)
#define CCPI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CCPI_TSAN 1
#endif
#endif
#ifdef CCPI_TSAN
/* memcpy is not instrumented by every compiler: tell the race detector, or the explorer.  They are
 * not of this library, whatever is said of the visibility of its functions. */
#define CCPI_ELSEWHERE __attribute__((visibility("default")))
CCPI_ELSEWHERE void __tsan_read_range(void *addr, unsigned long size);
CCPI_ELSEWHERE void __tsan_write_range(void *addr, unsigned long size);
#endif

/* Copies an element.  The one place where the library copies what belongs to the program.  Nothing
 * but the size is asked: with more conditions gcc lays out the slow paths of channels in another
 * way, and hand-overs through a capacity of 1 take 6 to 9 % more. */
CCPI_INLINE void ccpi_copy(void *dst, const void *src, size_t size)
{
#ifdef CCPI_TSAN
    __tsan_read_range((void *)(uintptr_t)src, size);
    __tsan_write_range(dst, size);
#endif
    if (CCPI_LIKELY(size == 8))
        memcpy(dst, src, 8);
    else if (size == 16)
        memcpy(dst, src, 16);
    else if (size == 4)
        memcpy(dst, src, 4);
    else if (size != 0)
        memcpy(dst, src, size);
}

#endif
