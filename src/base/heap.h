/* SPDX-License-Identifier: MIT
 *
 * An intrusive heap: the first of what is in it, by an order that the owner gives.  A pairing heap:
 * adding takes constant time, removing, of any element, the logarithm of their number on average.
 *
 *   E1  A root has neither next nor prev; NULL is an empty heap.
 *   E2  No child comes before its parent.
 *   E3  A first child's prev is its parent, another's the sibling before it.
 */
#ifndef CCPI_BASE_HEAP_H
#define CCPI_BASE_HEAP_H

#include <stdbool.h>

typedef struct ccpi_leaf {
    struct ccpi_leaf *child, *next, *prev;
} ccpi_leaf;

/* Does a come before b?  A strict order in which any two differ. */
typedef bool (*ccpi_before)(const ccpi_leaf *a, const ccpi_leaf *b);

/* Adds n, which is all zero; gives the root. */
ccpi_leaf *ccpi_heap_add(ccpi_leaf *root, ccpi_leaf *n, ccpi_before before);

/* Takes out n, which is in this heap, and leaves it all zero; gives the root. */
ccpi_leaf *ccpi_heap_remove(ccpi_leaf *root, ccpi_leaf *n, ccpi_before before);

#endif
