/* SPDX-License-Identifier: MIT */
#include "returns.h"

#include <stdio.h>
#include <stdlib.h>

enum { NO_STATUS = 31 };

static returns *_Atomic all;

/* Relaxed here and below: a test must not become right by what is noted about it. */
static void list(returns *r)
{
    if (atomic_exchange_explicit(&r->listed, true, memory_order_relaxed))
        return;
    returns *head = atomic_load_explicit(&all, memory_order_relaxed);
    do
        atomic_store_explicit(&r->next, head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&all, &head, r, memory_order_relaxed,
                                                  memory_order_relaxed));
}

ccp_status returns_note(returns *r, ccp_status rc)
{
    unsigned bit = 1u << ((unsigned)rc < NO_STATUS ? (unsigned)rc : NO_STATUS);
    if (!(atomic_load_explicit(&r->seen, memory_order_relaxed) & bit)) {
        atomic_fetch_or_explicit(&r->seen, bit, memory_order_relaxed);
        list(r);
    }
    return rc;
}

__attribute__((destructor)) static void write_down(void)
{
    const char *path = getenv("CCP_RETURNS_FILE");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f)
        return;
    for (returns *r = atomic_load(&all); r; r = atomic_load(&r->next))
        for (unsigned i = 0; i <= NO_STATUS; i++)
            if (atomic_load(&r->seen) >> i & 1)
                fprintf(f, "%s %s\n", r->name, ccp_status_name((ccp_status)i));
    fclose(f);
}
