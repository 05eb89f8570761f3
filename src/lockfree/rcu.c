/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: domains, sections, pointers.  The invariants are in rcu.h.
 */
#include "lockfree/rcu.h"

#include "base/check.h"
#include "base/fence.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"

#define MOST_PENDING 16384
#define BATCH 256 /* a look costs a system call, which as many deferred calls share */

#define READER(l) CCPI_CONTAINER(l, ccp_rcu_reader, local)

/* ---- sections ---- */

/* Relaxed: the thread's own word. */
CCPI_INLINE uint64_t shown(const ccp_rcu_reader *r)
{
    return atomic_load_explicit(&r->state, CCPI_RLX);
}

/* D1: in a section, and in no further one within it. */
CCPI_INLINE bool is_in_one(const ccp_rcu_reader *r)
{
    return shown(r) % 2 != 0;
}

/* D1: from outside. */
CCPI_INLINE void show(ccp_rcu *d, ccp_rcu_reader *r)
{
    /* [RCU1] acquire: what was done before the epoch began.  Pairs with ccpi_rcu_begin(). */
    uint64_t e = atomic_load_explicit(&d->epoch, CCPI_ACQ);
    if (CCPI_LIKELY(d->fenced)) {
        /* [RCU2] release: of the sections before, for one who sees this state and not the 0
         * before it.  Pairs with the acquire in has_passed(). */
        atomic_store_explicit(&r->state, e, CCPI_REL);
        ccpi_fence_here(); /* N1 */
    } else {
        /* [RCU3] acquire: what was done before the look that found 0 (D4).  Pairs with the
         * addition in has_passed().  The release of what stored that 0 goes on through an exchange:
         * who sees this state has seen the end of the sections before. */
        (void)atomic_exchange_explicit(&r->state, e, CCPI_ACQ);
    }
}

/* From inside: another epoch, and what was read before is not read any more. */
CCPI_INLINE void show_again(ccp_rcu *d, ccp_rcu_reader *r)
{
    /* [RCU1] acquire, as above: so what is read from now on is at least as new as the epoch. */
    uint64_t e = atomic_load_explicit(&d->epoch, CCPI_ACQ);
    if (CCPI_LIKELY(e == shown(r)))
        return;
    /* [RCU2] release: the end of what was read.  Pairs with the acquire in has_passed(). */
    atomic_store_explicit(&r->state, e, CCPI_REL);
}

CCPI_INLINE void hide(ccp_rcu_reader *r)
{
    /* [RCU2] release: the end of the section.  Pairs with the acquire in has_passed(). */
    atomic_store_explicit(&r->state, 0, CCPI_REL);
}

/* D1: from inside; how many sections there are within the outermost one. */
static void set_nest(ccp_rcu_reader *r, uint32_t nest)
{
    uint64_t e = (shown(r) - 1) | 1;
    r->nest = nest;
    /* [RCU2] release: of the sections before, as in show().  Pairs with the acquire in
     * has_passed(). */
    atomic_store_explicit(&r->state, e + (nest > 0), CCPI_REL);
}

/* ---- records ---- */

/* In a thread that ends, or lets go of its record. */
static bool let_go(ccpi_local *l)
{
    ccp_rcu_reader *r = READER(l);
    bool inside = shown(r) != 0;
    r->nest = 0;
    if (inside) /* else the state is 0, and stays what it was for those who have looked (D4) */
        hide(r);
    /* [RCU4] release: the record as it is.  Pairs with the acquire in take_free(). */
    atomic_store_explicit(&r->owned, 0, CCPI_REL);
    return inside;
}

static void tell_of_end(void)
{
    (void)CCPI_MISUSE("ccp_rcu_read_lock", "a thread does not end in a read section");
}

/* The calling thread's number, as `owned`. */
static uint32_t number(void)
{
    uint32_t n = (uint32_t)ccpi_thread_id();
    return n ? n : 1;
}

static ccp_rcu_reader *take_free(ccp_rcu *d)
{
    ccp_rcu_reader *r;
    uint32_t me = number();
    ccpi_lock_acquire(&d->lock);
    for (r = ccpi_rcu_first(d); r; r = r->next)
        /* [RCU4] acquire: as its last owner has left it.  Pairs with let_go(). */
        if (atomic_load_explicit(&r->owned, CCPI_ACQ) == 0)
            break;
    if (r)
        atomic_store_explicit(&r->owned, me, CCPI_RLX); /* by others under the lock only */
    ccpi_lock_release(&d->lock);
    return r;
}

static ccp_rcu_reader *link_reader(ccp_rcu *d, ccp_rcu_reader *r)
{
    if (!r)
        return NULL;
    r->domain = d;
    atomic_store_explicit(&r->owned, number(), CCPI_RLX); /* nobody sees it yet */
    ccpi_lock_acquire(&d->lock);
    r->next = ccpi_rcu_first(d);
    /* [RCU5] release: the record.  Pairs with the acquire in ccpi_rcu_first(). */
    atomic_store_explicit(&d->readers, r, CCPI_REL);
    ccpi_lock_release(&d->lock);
    return r;
}

/* The calling thread's record; NULL: it has none. */
CCPI_INLINE ccp_rcu_reader *own(const ccp_rcu *d)
{
    ccpi_local *l = ccpi_local_again(&d->locals);
    if (CCPI_UNLIKELY(!l))
        l = ccpi_local_find(&d->locals);
    return l ? READER(l) : NULL;
}

/* Not cold: else all that calls it would be taken for cold, in the program, too, where a compiler
 * sees both. */
static CCPI_NOINLINE ccp_status enroll(ccp_rcu *d, ccp_rcu_reader **out)
{
    if (ccpi_is_dead(d))
        return CCP_FORKED;
    *out = own(d);
    if (*out)
        return CCP_OK;
    ccp_rcu_reader *r = take_free(d);
    if (!r)
        r = link_reader(d, ccpi_alloc_lines(sizeof *r));
    if (!r)
        return CCP_NOMEM;
    if (!ccpi_local_set(&d->locals, &r->local)) {
        (void)let_go(&r->local);
        return CCP_NOMEM;
    }
    *out = r;
    return CCP_OK;
}

bool ccpi_rcu_reads(const ccp_rcu *d)
{
    const ccp_rcu_reader *r = own(d);
    return r && shown(r) != 0;
}

/* ---- the read side ---- */

/* Into a section that is not within another one; false: there is one. */
CCPI_INLINE bool begin_first(ccp_rcu *d, ccp_rcu_reader *r)
{
    if (CCPI_UNLIKELY(shown(r) != 0))
        return false;
    show(d, r);
    return true;
}

/* Out of such a section; false: there is none, or a further one within it. */
CCPI_INLINE bool end_last(ccp_rcu_reader *r)
{
    if (CCPI_UNLIKELY(!is_in_one(r)))
        return false;
    hide(r);
    return true;
}

static void begin_any(ccp_rcu *d, ccp_rcu_reader *r)
{
    if (!begin_first(d, r))
        set_nest(r, r->nest + 1);
}

static CCPI_COLD ccp_status outside(ccp_rcu *d, const char *call)
{
    return ccpi_is_dead(d) ? CCP_FORKED : CCPI_MISUSE(call, "the thread is in a read section");
}

static ccp_status end_any(ccp_rcu *d, ccp_rcu_reader *r, const char *call)
{
    if (!r || shown(r) == 0)
        return outside(d, call);
    if (!end_last(r))
        set_nest(r, r->nest - 1);
    return CCP_OK;
}

CCPI_INLINE ccp_status go_on(ccp_rcu *d, ccp_rcu_reader *r, const char *call)
{
    if (CCPI_UNLIKELY(!r || shown(r) == 0))
        return outside(d, call);
    if (CCPI_UNLIKELY(!is_in_one(r)))
        return CCPI_MISUSE(call, "the thread is in no nested section");
    show_again(d, r);
    return CCP_OK;
}

/* Into a further section, or what was looked up last was another domain's. */
static CCPI_COLD ccp_status read_lock_slow(ccp_rcu *d)
{
    ccp_rcu_reader *r;
    ccp_status st = enroll(d, &r);
    if (st == CCP_OK)
        begin_any(d, r);
    return st;
}

CCPI_QUICK ccp_status ccp_rcu_read_lock(ccp_rcu *d)
{
    if (CCPI_UNLIKELY(!d))
        return CCP_INVAL;
    ccpi_local *l = ccpi_local_again(&d->locals);
    if (CCPI_UNLIKELY(!l || !begin_first(d, READER(l))))
        return read_lock_slow(d);
    return CCP_OK;
}

static CCPI_COLD ccp_status read_unlock_slow(ccp_rcu *d)
{
    return end_any(d, own(d), "ccp_rcu_read_unlock");
}

CCPI_QUICK ccp_status ccp_rcu_read_unlock(ccp_rcu *d)
{
    if (CCPI_UNLIKELY(!d))
        return CCP_INVAL;
    ccpi_local *l = ccpi_local_again(&d->locals);
    if (CCPI_UNLIKELY(!l || !end_last(READER(l))))
        return read_unlock_slow(d);
    return CCP_OK;
}

ccp_status ccp_rcu_quiescent(ccp_rcu *d)
{
    return CCPI_LIKELY(d != NULL) ? go_on(d, own(d), "ccp_rcu_quiescent") : CCP_INVAL;
}

ccp_status ccp_rcu_register(ccp_rcu *d)
{
    ccp_rcu_reader *r;
    return d ? enroll(d, &r) : CCP_INVAL;
}

ccp_status ccp_rcu_unregister(ccp_rcu *d)
{
    if (!d)
        return CCP_INVAL;
    if (ccpi_is_dead(d))
        return CCP_FORKED;
    ccp_rcu_reader *r = own(d);
    if (r && shown(r) != 0)
        return CCPI_MISUSE("ccp_rcu_unregister", "the thread is in no read section");
    if (r) {
        ccpi_local_drop(&r->local);
        (void)let_go(&r->local);
    }
    return CCP_OK;
}

/* ---- the read side, by a thread's own record ---- */

ccp_status ccp_rcu_reader_get(ccp_rcu *d, ccp_rcu_reader **out)
{
    ccp_rcu_reader *r = NULL;
    ccp_status st = d && out ? enroll(d, &r) : CCP_INVAL;
    if (st == CCP_OK)
        *out = r;
    return st;
}

/* Can it be taken for the calling thread's? */
CCPI_INLINE bool is_mine(const ccp_rcu_reader *r)
{
    return CCPI_LIKELY(r != NULL) && !CCPI_SUSPECT(own(r->domain) != r);
}

/* Is it? */
static ccp_status check_reader(const ccp_rcu_reader *r, const char *call)
{
    if (!r)
        return CCP_INVAL;
    if (ccpi_is_dead(r->domain))
        return CCP_FORKED;
    return own(r->domain) == r ? CCP_OK : CCPI_MISUSE(call, "a reader is its own thread's");
}

static CCPI_COLD ccp_status reader_lock_slow(ccp_rcu_reader *r)
{
    ccp_status st = check_reader(r, "ccp_rcu_reader_lock");
    if (st == CCP_OK)
        begin_any(r->domain, r);
    return st;
}

CCPI_QUICK ccp_status ccp_rcu_reader_lock(ccp_rcu_reader *r)
{
    if (CCPI_UNLIKELY(!is_mine(r) || !begin_first(r->domain, r)))
        return reader_lock_slow(r);
    return CCP_OK;
}

static CCPI_COLD ccp_status reader_unlock_slow(ccp_rcu_reader *r)
{
    ccp_status st = check_reader(r, "ccp_rcu_reader_unlock");
    return st == CCP_OK ? end_any(r->domain, r, "ccp_rcu_reader_unlock") : st;
}

CCPI_QUICK ccp_status ccp_rcu_reader_unlock(ccp_rcu_reader *r)
{
    if (CCPI_UNLIKELY(!is_mine(r) || !end_last(r)))
        return reader_unlock_slow(r);
    return CCP_OK;
}

static CCPI_COLD ccp_status reader_quiescent_slow(ccp_rcu_reader *r)
{
    ccp_status st = check_reader(r, "ccp_rcu_reader_quiescent");
    return st == CCP_OK ? go_on(r->domain, r, "ccp_rcu_reader_quiescent") : st;
}

CCPI_QUICK ccp_status ccp_rcu_reader_quiescent(ccp_rcu_reader *r)
{
    if (CCPI_UNLIKELY(!is_mine(r) || !is_in_one(r)))
        return reader_quiescent_slow(r);
    show_again(r->domain, r);
    return CCP_OK;
}

/* ---- domains ---- */

/* D10 */
static void forked(void *object)
{
    for (ccp_rcu_reader *r = ccpi_rcu_first(object); r; r = r->next)
        atomic_store_explicit(&r->state, CCPI_RCU_STEP, CCPI_RLX); /* there is no other thread */
}

static const ccpi_kind kind = { "rcu", "ccp_rcu_", ccpi_rcu_describe, forked };

ccp_rcu *ccp_rcu_new(const ccp_rcu_opts *o)
{
    static const ccp_rcu_opts defaults;
    if (!o)
        o = &defaults;
    ccp_rcu *d = ccpi_alloc_lines(sizeof *d);
    if (!d)
        return NULL;
    if (!ccpi_locals_init(&d->locals, let_go, tell_of_end)) {
        ccpi_free_lines(d);
        return NULL;
    }
    atomic_init(&d->epoch, 1);
    d->fenced = !o->no_membarrier && ccpi_fence_ready();
    d->most = o->max_pending ? o->max_pending : MOST_PENDING;
    d->batch = d->most / 4 < BATCH ? d->most / 4 + 1 : BATCH;
    ccpi_track(d, &kind, NULL);
    return d;
}

static void release(ccp_rcu *d)
{
    ccpi_untrack(d);
    for (ccp_rcu_reader *r = ccpi_rcu_first(d); r; r = r->next)
        ccpi_local_forget(&r->local);
    ccpi_locals_end(&d->locals);
    for (ccp_rcu_reader *r = ccpi_rcu_first(d), *next; r; r = next) {
        next = r->next;
        ccpi_free_lines(r);
    }
    ccpi_free_lines(d);
}

ccp_status ccp_rcu_free(ccp_rcu *d)
{
    if (!d)
        return CCP_OK;
    bool dead = ccpi_is_dead(d), busy = false;
    if (!dead) {
        ccpi_lock_acquire(&d->lock);
        busy = atomic_load_explicit(&d->pending, CCPI_RLX) > 0 || /* under the lock */
               ccpi_rcu_look(d, UINT64_MAX) != UINT64_MAX;
        ccpi_lock_release(&d->lock);
    }
    if (busy)
        return CCP_BUSY;
    release(d);
    return CCP_OK;
}

ccp_status ccp_rcu_get_info(const ccp_rcu *d, ccp_rcu_info *out)
{
    if (!d || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(d))
        return CCP_FORKED;
    *out = (ccp_rcu_info){ .max_pending = d->most, .membarrier = d->fenced };
    ccpi_rcu_count(d, &out->threads, &out->reading);
    /* Relaxed: a snapshot. */
    out->pending = atomic_load_explicit(&d->pending, CCPI_RLX);
    out->grace_periods = atomic_load_explicit(&d->epoch, CCPI_RLX) / CCPI_RCU_STEP;
    return CCP_OK;
}

/* ---- pointers ---- */

#undef ccp_rcu_ptr_get

static _Atomic(void *) *at(const ccp_rcu_ptr *p)
{
    return (_Atomic(void *) *)(void *)(uintptr_t)&p->p_;
}

void *ccp_rcu_ptr_get(const ccp_rcu_ptr *p)
{
    /* [RCU6] acquire: what it points to.  Pairs with the functions below. */
    return atomic_load_explicit(at(p), CCPI_ACQ);
}

void ccp_rcu_ptr_set(ccp_rcu_ptr *p, void *to)
{
    /* [RCU6] release: what it points to.  Pairs with ccp_rcu_ptr_get(). */
    atomic_store_explicit(at(p), to, CCPI_REL);
}

void *ccp_rcu_ptr_swap(ccp_rcu_ptr *p, void *to)
{
    /* [RCU6] release, as above; acquire: what it pointed to. */
    return atomic_exchange_explicit(at(p), to, CCPI_ACQ_REL);
}

bool ccp_rcu_ptr_cas(ccp_rcu_ptr *p, void *from, void *to)
{
    /* [RCU6] as ccp_rcu_ptr_swap(); relaxed if it did nothing. */
    return atomic_compare_exchange_strong_explicit(at(p), &from, to, CCPI_ACQ_REL, CCPI_RLX);
}
