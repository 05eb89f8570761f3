/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <stddef.h>

/* Of two roots, or NULL. */
static ccpi_leaf *join(ccpi_leaf *a, ccpi_leaf *b, ccpi_before before)
{
    if (!a || !b)
        return a ? a : b;
    if (before(b, a)) {
        ccpi_leaf *first = b;
        b = a;
        a = first;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

/* Joins siblings in pairs, and then the pairs, from the last one on. */
static ccpi_leaf *join_all(ccpi_leaf *n, ccpi_before before)
{
    ccpi_leaf *pairs = NULL, *root = NULL;
    while (n) {
        ccpi_leaf *a = n, *b = a->next;
        n = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = join(a, b, before);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        ccpi_leaf *a = pairs;
        pairs = a->next;
        a->next = NULL;
        root = join(root, a, before);
    }
    return root;
}

ccpi_leaf *ccpi_heap_add(ccpi_leaf *root, ccpi_leaf *n, ccpi_before before)
{
    return join(root, n, before);
}

ccpi_leaf *ccpi_heap_remove(ccpi_leaf *root, ccpi_leaf *n, ccpi_before before)
{
    ccpi_leaf *below = join_all(n->child, before);
    n->child = NULL;
    if (n == root)
        return below;
    if (n->prev->child == n)
        n->prev->child = n->next;
    else
        n->prev->next = n->next;
    if (n->next)
        n->next->prev = n->prev;
    n->next = n->prev = NULL;
    return join(root, below, before);
}
