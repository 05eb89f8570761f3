/* SPDX-License-Identifier: MIT
 *
 * An intrusive doubly linked list.  All zero is an empty list, and a node in none.
 *
 *   I1  A node is in at most one list; its owner says in which.
 *   I2  next and prev of the first and last node point at nothing (NULL).
 */
#ifndef CCPI_BASE_LIST_H
#define CCPI_BASE_LIST_H

#include "base/atomic.h"

typedef struct ccpi_link {
    struct ccpi_link *next, *prev;
} ccpi_link;

typedef struct ccpi_list {
    ccpi_link *first, *last;
} ccpi_list;

#define CCPI_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

CCPI_INLINE void ccpi_list_append(ccpi_list *l, ccpi_link *n)
{
    n->next = NULL;
    n->prev = l->last;
    if (l->last)
        l->last->next = n;
    else
        l->first = n;
    l->last = n;
}

CCPI_INLINE void ccpi_list_prepend(ccpi_list *l, ccpi_link *n)
{
    n->prev = NULL;
    n->next = l->first;
    if (l->first)
        l->first->prev = n;
    else
        l->last = n;
    l->first = n;
}

CCPI_INLINE void ccpi_list_remove(ccpi_list *l, ccpi_link *n)
{
    if (n->prev)
        n->prev->next = n->next;
    else
        l->first = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        l->last = n->prev;
    n->next = n->prev = NULL;
}

#endif
