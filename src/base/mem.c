/* SPDX-License-Identifier: MIT
 *
 * The allocator of the process, and a count of what it has given out.
 *
 *   M1  live is the number of blocks that were allocated and not yet freed.  The allocator changes
 *       only while it is 0, so a block goes back to where it came from.
 */
#include "base/mem.h"

#include "ccp.h"

#include <stdlib.h>

static void *default_alloc(size_t n, void *arg)
{
    (void)arg;
    return malloc(n);
}

static void default_free(void *p, void *arg)
{
    (void)arg;
    free(p);
}

static const ccp_allocator default_allocator = { default_alloc, default_free, NULL };
static ccp_allocator allocator = { default_alloc, default_free, NULL }; /* see M1 */
static atomic_size_t live; /* relaxed: a count, it orders nothing */

ccp_status ccp_set_allocator(const ccp_allocator *a)
{
    if (a && (!a->alloc || !a->free))
        return CCP_INVAL;
    if (atomic_load_explicit(&live, CCPI_RLX) != 0)
        return CCP_BUSY;
    allocator = a ? *a : default_allocator;
    return CCP_OK;
}

size_t ccp_live_blocks(void)
{
    return atomic_load_explicit(&live, CCPI_RLX);
}

void *ccpi_alloc(size_t n)
{
    void *p = allocator.alloc(n, allocator.arg);
    if (!p)
        return NULL;
    atomic_fetch_add_explicit(&live, 1, CCPI_RLX);
    return memset(p, 0, n);
}

void ccpi_free(void *p)
{
    if (!p)
        return;
    atomic_fetch_sub_explicit(&live, 1, CCPI_RLX);
    allocator.free(p, allocator.arg);
}

/* The block's own address stands just before the aligned one. */
void *ccpi_alloc_lines(size_t n)
{
    char *block = ccpi_alloc(n + CCPI_LINE + sizeof(void *));
    if (!block)
        return NULL;
    uintptr_t p = ((uintptr_t)block + sizeof(void *) + CCPI_LINE - 1) & ~(uintptr_t)(CCPI_LINE - 1);
    char *aligned = block + (p - (uintptr_t)block);
    memcpy(aligned - sizeof block, &block, sizeof block);
    return aligned;
}

void ccpi_free_lines(void *p)
{
    if (!p)
        return;
    void *block;
    memcpy(&block, (char *)p - sizeof block, sizeof block);
    ccpi_free(block);
}
