/* SPDX-License-Identifier: MIT
 *
 * Memory: the allocator of the program behind two calls, and sizes that are checked for overflow.
 */
#ifndef CCPI_BASE_MEM_H
#define CCPI_BASE_MEM_H

#include "base/atomic.h"

/* Memory of n bytes, all zero; NULL if there is none. */
void *ccpi_alloc(size_t n);

/* The same, beginning on a cache line.  To be freed by ccpi_free_lines(). */
void *ccpi_alloc_lines(size_t n);

void ccpi_free(void *p);       /* NULL is allowed */
void ccpi_free_lines(void *p); /* NULL is allowed */

/* *sum = a * b + c; false, and *sum untouched, if that cannot be represented (or is absurd). */
CCPI_INLINE bool ccpi_size_mul_add(size_t a, size_t b, size_t c, size_t *sum)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r) || __builtin_add_overflow(r, c, &r) ||
        r > PTRDIFF_MAX - 4096)
        return false;
    *sum = r;
    return true;
}

#endif
