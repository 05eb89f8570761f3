/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: what there is to say of a domain.  The invariants are in rcu.h.
 */
/* uses: rcu */
#include "lockfree/rcu.h"

void ccpi_rcu_count(const ccp_rcu *d, unsigned *readers, unsigned *reading)
{
    *readers = *reading = 0;
    for (const ccp_rcu_reader *r = ccpi_rcu_first(d); r; r = r->next) {
        /* Relaxed: a snapshot. */
        *readers += atomic_load_explicit(&r->owned, CCPI_RLX) != 0;
        *reading += atomic_load_explicit(&r->state, CCPI_RLX) != 0;
    }
}

#define SHOWN 4 /* so many of those who wait */

/* One who waits, as it stands in a dump. */
typedef struct waiting {
    const char *call;
    int64_t since;
    uint64_t thread, of; /* of: 0 if for calls */
} waiting;

static size_t copy_waiting(ccp_rcu *d, waiting out[SHOWN])
{
    size_t n = 0;
    ccpi_lock_acquire(&d->lock);
    for (const ccpi_rcu_patience *p = d->waiting; p; p = p->next, n++)
        if (n < SHOWN)
            /* Relaxed: a snapshot; who comes next may have the record already. */
            out[n] = (waiting){ p->call, p->began, p->thread,
                                p->of ? atomic_load_explicit(&p->of->owned, CCPI_RLX) : 0 };
    ccpi_lock_release(&d->lock);
    return n;
}

static void describe_waiting(ccpi_text *t, const waiting *w)
{
    ccpi_text_add(t, ", ");
    ccpi_text_add_thread(t, w->thread);
    ccpi_text_add(t, " has waited ");
    ccpi_text_add_time(t, ccpi_clock_now() - w->since);
    ccpi_text_add(t, " in ");
    ccpi_text_add(t, w->call);
    ccpi_text_add(t, " for ");
    if (w->of) {
        ccpi_text_add(t, "a section of ");
        ccpi_text_add_thread(t, w->of);
    } else
        ccpi_text_add(t, "deferred calls");
}

void ccpi_rcu_describe(const void *object, ccpi_text *t)
{
    const ccp_rcu *d = object;
    waiting w[SHOWN];
    unsigned readers, reading;
    ccpi_rcu_count(d, &readers, &reading);
    ccpi_text_add(t, ", ");
    ccpi_text_add_count(t, reading, "thread reads", "threads read");
    ccpi_text_add(t, " of ");
    ccpi_text_add_number(t, readers);
    /* Relaxed: a snapshot. */
    size_t pending = atomic_load_explicit(&d->pending, CCPI_RLX);
    if (pending > 0) {
        ccpi_text_add(t, ", ");
        ccpi_text_add_count(t, pending, "call is deferred", "calls are deferred");
    }
    size_t n = copy_waiting((ccp_rcu *)(uintptr_t)object, w);
    for (size_t i = 0; i < n && i < SHOWN; i++)
        describe_waiting(t, &w[i]);
    if (n > SHOWN) {
        ccpi_text_add(t, ", and ");
        ccpi_text_add_count(t, n - SHOWN, "more waits", "more wait");
    }
}
