/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update, seen from inside.
 *
 * Model           Time is counted in epochs, 1, 3, 5, ...  A thread that reads shows in a word of
 *                 its own the epoch in which it began.  Who has taken something out of the readers'
 *                 way begins a new epoch; when no thread shows an older one, nobody can be reading
 *                 what was taken out: the grace period is over.
 * Invariants
 *   D1  A reader's state is 0; or an epoch that it has loaded after the state was last 0, and
 *       before it read anything of what is protected; or, while it is in further sections within
 *       that one, such an epoch and one: an even number.
 *   D2  The epoch changes under `lock`, by two.
 *   D3  Who waits for the end of epoch e - 2 has taken out what it wanted to, then begun e, then
 *       passed ccpi_fence_everywhere(), and then looks at the states, each until it once was 0 or
 *       at least e.
 *   D4  So a reader that is not waited for sees what was taken out:  if its state was at least e,
 *       it has loaded an epoch that was begun afterwards.  If its state was 0 when it was looked
 *       at, its next change comes later, and by N1 (base/fence.h) what it reads then is new;
 *       without that fence both who looks and who begins to read change the state, in one order,
 *       and the second sees all that the first has done before.
 *   D5  One that was waited for has ended its section by a release that was seen.  So all that it
 *       did there happens-before what follows the grace period.
 *   D6  Readers' records are linked under `lock`, and neither unlinked nor freed before the domain
 *       is.  One that is linked later belongs to a thread that sees all that was done before D3's
 *       step under the lock.
 *   D7  Heads of deferred calls are queued in the order of their stamps; a stamp is the first epoch
 *       that was not begun when its head was queued.  The call is made once that epoch has been
 *       waited for (`passed`).
 *   D8  added >= pending; of the calls added, the first `taken` have been taken out of the queue;
 *       all before `ran` have returned.
 *   D9  A thread that naps while objects are tracked is in `waiting` until it waits no more: for
 *       dumps.
 *   D10 In the child of a fork in which the domain is dead, the state of each record is even and
 *       not 0, for ever: then no call by a reader takes the quick way, and the slow ones ask.
 * Locks           `lock`: short; nothing else is locked under it, but a record's by the table of
 *                 objects before it.
 */
#ifndef CCPI_LOCKFREE_RCU_H
#define CCPI_LOCKFREE_RCU_H

#include "base/local.h"
#include "base/lock.h"
#include "base/machine.h"
#include "base/text.h"
#include "ccp.h"

#define CCPI_RCU_STEP 2 /* D2 */

/* What a thread has of a domain. */
struct ccp_rcu_reader {
    _Alignas(CCPI_LINE) ccpi_word64 state; /* D1; others leave it what it is */
    uint32_t nest;                         /* the owner's: sections within the outermost one */
    ccpi_word32 owned;                     /* the owner's number, in 32 bits, but not 0;
                                            * 0: the next thread that needs one may have it */
    ccp_rcu *domain;                       /* const */
    struct ccp_rcu_reader *next;           /* const once it is linked */
    ccpi_local local;
};

/* A thread that is making deferred calls.  On its stack; under the lock. */
typedef struct ccpi_runner {
    struct ccpi_runner *next;
    const ccpi_self *who;
    uint64_t first; /* the number of the first of its calls */
} ccpi_runner;

/* How a thread waits: pauses, then yields, then naps, an eighth as long as it has waited. */
typedef struct ccpi_rcu_patience {
    const char *call; /* const, as the next: of the program, for dumps */
    int64_t began;    /* by the clock; 0: it has not looked at it */
    unsigned looks;
    bool told;        /* D9; const while it is in the list, as the next */
    uint64_t thread;
    const ccp_rcu_reader *of; /* under the lock: whose section; NULL: calls that others make */
    struct ccpi_rcu_patience *next; /* under the lock */
} ccpi_rcu_patience;

struct ccp_rcu {
    _Alignas(CCPI_LINE) ccpi_word64 epoch;         /* D2 */
    ccpi_locals locals;                            /* const after init */
    bool fenced;                                   /* const: there is ccpi_fence_everywhere() */
    size_t most;                                   /* const: that may be pending */
    size_t batch;                                  /* const: that are deferred between two looks */
    _Alignas(CCPI_LINE) ccpi_lock lock;
    _Atomic(ccp_rcu_reader *) readers;             /* D6 */
    struct ccp_rcu_head *first, *last;             /* under lock, as the following; D7 */
    uint64_t passed;
    uint64_t added, taken;                         /* D8 */
    size_t since;                                  /* deferred since the last look */
    ccpi_runner *runners;
    ccpi_rcu_patience *waiting;                    /* D9 */
    _Atomic size_t queued, pending;                /* changed under lock */
    ccpi_word64 ran;                               /* changed under lock */
};

CCPI_INLINE ccp_rcu_reader *ccpi_rcu_first(const ccp_rcu *d)
{
    /* [RCU5] acquire: the record.  Pairs with link_reader() in rcu.c. */
    return atomic_load_explicit(&d->readers, CCPI_ACQ);
}

/* How often a thread that waits pauses, and then yields, before it naps. */
typedef struct ccpi_rcu_tuning_s {
    unsigned pauses, yields;
} ccpi_rcu_tuning_s;
extern ccpi_rcu_tuning_s ccpi_rcu_tuning; /* changed by tests alone */

/* Between two looks at what it waits for, `of` as above: CCP_OK, or why it waits no more. */
ccp_status ccpi_rcu_pause(ccp_rcu *d, ccpi_rcu_patience *p, const ccp_rcu_reader *of, ccp_wait w);

/* After the last one. */
void ccpi_rcu_paused(ccp_rcu *d, ccpi_rcu_patience *p);

/* What every call that waits does first. */
ccp_status ccpi_rcu_enter(const ccp_rcu *d, ccp_wait w);

/* Is the calling thread in a section? */
bool ccpi_rcu_reads(const ccp_rcu *d);

/* Begins an epoch; true: its grace period can be waited for. */
bool ccpi_rcu_begin(ccp_rcu *d, uint64_t *epoch);

/* The epochs up to which, of `epoch` and those before, nobody need be waited for any more. */
uint64_t ccpi_rcu_look(ccp_rcu *d, uint64_t epoch);

/* Waits for a whole grace period, in a call of the program; then *epoch is what has passed. */
ccp_status ccpi_rcu_grace(ccp_rcu *d, const char *call, uint64_t *epoch, ccp_wait w);

/* Makes the deferred calls whose time has come.   [rcu_defer.c] */
void ccpi_rcu_collect(ccp_rcu *d, uint64_t passed);

/* How many threads are registered, and how many read: a snapshot.   [rcu_dump.c] */
void ccpi_rcu_count(const ccp_rcu *d, unsigned *readers, unsigned *reading);

/* As ccpi_kind wants it.   [rcu_dump.c] */
void ccpi_rcu_describe(const void *object, ccpi_text *t);

#endif
