/* SPDX-License-Identifier: MIT
 *
 * Futures and promises: a value or an error that somebody supplies once, and any number wait for.
 * Both handles point to the same block, of which future_state.h tells.
 *
 * Invariants
 *   F1  At most one of V and E is ever set, by one compare-and-swap from neither.
 *   F2  Before that only the promise's owner touches `value`, after V nobody writes it.
 *   F3  A waiter or listener is queued under the lock, after L was set and neither V nor E was:
 *       so whoever settles finds it.
 *   F4  Whoever brings refs to 0 frees the block; alone, because handles come from handles.
 *   F5  The last handle of an unsettled future cancels its context, and tells its maker, before it
 *       goes, while it is known to be the last.
 *   F6  A maker is there while `maker` is set; it clears that before it goes.
 * Locks           `lock` protects the lists, the making of `done`, and the maker.  Under it the
 *                 locks of the futures may be taken that this one is made of.
 */
/* uses: future_state line */
#include "coord/future.h"

#include "base/check.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/tuning.h"
#include "block/wait.h"
#include "coord/future_state.h"
#include "coord/line.h"

static ccp_future *of(ccp_promise *p)
{
    return (ccp_future *)(void *)p;
}

static uint32_t state_of(const ccp_future *f)
{
    /* [F1] acquire: the value.  Pairs with the release in settle(). */
    return atomic_load_explicit(&f->state, CCPI_ACQ);
}

static ccp_status error_of(uint32_t state)
{
    return (ccp_status)(state >> ERROR_SHIFT);
}

/* ---- what a dump says ---- */

static void describe(const void *object, ccpi_text *t)
{
    const ccp_future *f = object;
    uint32_t s = state_of(f);
    ccpi_text_add(t, s & VALUE   ? ", has its value"
                     : s & ERROR ? s & CANCELED ? ", canceled" : ", failed"
                                 : ", not settled");
    if ((s & SETTLED) && !(s & (READ | CANCELED)))
        ccpi_text_add(t, ", and nobody has asked for it");
}

/* The caller learns what it ended with. */
static void note_read(const ccp_future *f, uint32_t s)
{
    if (ccpi_tracks() && (s & SETTLED) && !(s & READ))
        /* Relaxed: for a dump only; of those who have a handle. */
        atomic_fetch_or_explicit(&((ccp_future *)(uintptr_t)f)->state, READ, CCPI_RLX);
}

/* ---- fork ---- */

static uint32_t failed_with(ccp_status error)
{
    return ERROR | (uint32_t)error << ERROR_SHIFT;
}

static void forked(void *object)
{
    ccp_future *f = object;
    /* Relaxed, here and below: there is no other thread. */
    atomic_store_explicit(&f->state, failed_with(CCP_FORKED) | CANCELED | DEAD, CCPI_RLX);
    atomic_store_explicit(&f->runner, NULL, CCPI_RLX);
    ccpi_lock_renew(&f->lock);
    f->waiters = f->listeners = (ccpi_list){ NULL, NULL };
    f->maker = NULL;
    f->cares = false;
}

static bool is_dead(const ccp_future *f)
{
    return state_of(f) & DEAD;
}

static const ccpi_kind kind = { "future", "ccp_promise_", describe, forked };

/* ---- making and freeing ---- */

static CCPI_NOINLINE void track(ccp_future *f)
{
    ccpi_track(f, &kind, NULL);
    ccpi_track_part(f->ctx, f);
}

static ccp_future *make(const ccp_promise_opts *o, uint32_t refs)
{
    static const ccp_promise_opts defaults;
    size_t total;
    if (!o)
        o = &defaults;
    if (!ccpi_size_mul_add(o->size, 1, sizeof(ccp_future), &total))
        return NULL;
    ccp_future *f = ccpi_alloc(total);
    if (!f)
        return NULL;
    atomic_init(&f->refs, refs);
    f->size = o->size;
    f->drop = o->drop;
    f->drop_arg = o->drop_arg;
    f->cares = o->cancelable;
    if (o->cancelable) {
        f->ctx = ccp_ctx_new(o->parent, CCP_FOREVER);
        if (!f->ctx) {
            ccpi_free(f);
            return NULL;
        }
    }
    if (ccpi_tracks())
        track(f);
    return f;
}

ccp_promise *ccp_promise_new(const ccp_promise_opts *o, ccp_future **future)
{
    ccp_future *f = future ? make(o, PROMISE | 1) : NULL;
    if (f)
        *future = f;
    return (ccp_promise *)(void *)f;
}

ccp_promise *ccpi_promise_of(const ccp_promise_opts *o, ccpi_maker *m, ccp_future **future)
{
    ccp_promise *p = ccp_promise_new(o, future);
    if (p) {
        of(p)->maker = m; /* nobody else has it yet */
        of(p)->cares = true;
    }
    return p;
}

/* F4 */
static CCPI_NOINLINE void bury(ccp_future *f)
{
    ccpi_untrack(f);
    uint32_t s = atomic_load_explicit(&f->state, CCPI_RLX); /* ours alone */
    if (f->drop && (s & (VALUE | TAKEN)) == VALUE)
        f->drop(f->value, f->drop_arg);
    (void)ccp_chan_free(f->done);
    (void)ccp_ctx_free(f->ctx);
    ccpi_free(f);
}

/* Gives up one handle, or the promise. */
static void unref(ccp_future *f, uint32_t what)
{
    /* [F2] acquire, and release: whoever is last sees what the others did. */
    if (atomic_load_explicit(&f->refs, CCPI_ACQ) == what ||
        atomic_fetch_sub_explicit(&f->refs, what, CCPI_ACQ_REL) == what)
        bury(f);
}

ccp_future *ccp_future_share(ccp_future *f)
{
    if (!f || is_dead(f))
        return NULL;
    uint32_t refs = atomic_load_explicit(&f->refs, CCPI_RLX);
    bool room;
    do
        room = (refs & MOST_HANDLES) != MOST_HANDLES;
    /* Relaxed: the caller has one. */
    while (room &&
           !atomic_compare_exchange_weak_explicit(&f->refs, &refs, refs + 1, CCPI_RLX, CCPI_RLX));
    return room ? f : NULL;
}

/* ---- settling ---- */

/* Tells those who wait or listen.  F3 */
static CCPI_NOINLINE void tell(ccp_future *f)
{
    ccpi_list won = { NULL, NULL }, listeners;
    ccpi_lock_acquire(&f->lock);
    ccpi_queue_claim_all(&f->waiters, &won);
    listeners = f->listeners;
    f->listeners = (ccpi_list){ NULL, NULL };
    for (ccpi_link *l = listeners.first; l; l = l->next)
        CCPI_CONTAINER(l, ccpi_listener, link)->listed = false;
    ccp_chan *done = f->done;
    ccpi_lock_release(&f->lock);
    if (done)
        (void)ccp_chan_close(done);
    ccpi_wake_all(&won);
    for (ccpi_link *l = listeners.first, *next; l; l = next) {
        next = l->next; /* the listener may be gone after the call */
        ccpi_listener *listener = CCPI_CONTAINER(l, ccpi_listener, link);
        listener->fn(listener);
    }
}

/* F1; false if it was settled. */
static bool settle(ccp_future *f, uint32_t outcome)
{
    uint32_t s = atomic_load_explicit(&f->state, CCPI_RLX);
    do
        if (s & SETTLED)
            return false;
    /* [F1] release: the value.  Pairs with the acquires in state_of() and enqueue().  LP. */
    while (!atomic_compare_exchange_weak_explicit(&f->state, &s, s | outcome, CCPI_REL, CCPI_RLX));
    if (CCPI_UNLIKELY(s & LISTENED))
        tell(f);
    return true;
}

/* Why a promise cannot be settled any more. */
static ccp_status refused(const ccp_future *f, const char *call)
{
    if (is_dead(f))
        return CCP_FORKED;
    return state_of(f) & CANCELED ? CCP_CANCELED
                                  : CCPI_MISUSE(call, "the promise has been kept already");
}

ccp_status ccpi_promise_ready(ccp_promise *p)
{
    return settle(of(p), VALUE) ? CCP_OK : refused(of(p), "ccp_promise_set");
}

void ccpi_promise_end(ccp_promise *p, ccp_status st)
{
    ccp_future *f = of(p);
    if (!settle(f, st == CCP_OK ? VALUE : failed_with(st)) && st == CCP_OK && f->drop)
        f->drop(f->value, f->drop_arg);
}

ccp_status ccp_promise_set(ccp_promise *p, const void *value)
{
    ccp_future *f = of(p);
    size_t size = f ? f->size : 0;
    if (!f || (!value && size))
        return CCP_INVAL;
    /* Relaxed: V and what makes it come from the same owner. */
    if (CCPI_UNLIKELY(atomic_load_explicit(&f->state, CCPI_RLX) & SETTLED))
        return refused(f, "ccp_promise_set");
    ccpi_copy(f->value, value, size); /* F2 */
    return ccpi_promise_ready(p);
}

ccp_status ccp_promise_fail(ccp_promise *p, ccp_status error)
{
    if (!p || error == CCP_OK)
        return CCP_INVAL;
    return settle(of(p), failed_with(error)) ? CCP_OK : refused(of(p), "ccp_promise_fail");
}

void ccp_promise_free(ccp_promise *p)
{
    if (!p)
        return;
    (void)settle(of(p), failed_with(CCP_CLOSED));
    unref(of(p), PROMISE);
}

bool ccp_promise_canceled(const ccp_promise *p)
{
    const ccp_future *f = (const ccp_future *)(const void *)p;
    if (!f)
        return true;
    /* Relaxed: a hint, which orders nothing. */
    return (atomic_load_explicit(&f->state, CCPI_RLX) & CANCELED) ||
           atomic_load_explicit(&f->refs, CCPI_RLX) == PROMISE;
}

ccp_ctx *ccp_promise_ctx(ccp_promise *p)
{
    return p ? of(p)->ctx : NULL;
}

void *ccpi_promise_room(ccp_promise *p)
{
    return of(p)->value;
}

void ccpi_promise_made(ccp_promise *p)
{
    ccpi_lock_acquire(&of(p)->lock);
    of(p)->maker = NULL;
    ccpi_lock_release(&of(p)->lock);
}

/* ---- the consumer's side ---- */

/* F5, F6: nobody wants the value. */
static void tell_producer(ccp_future *f)
{
    ccp_ctx_cancel(f->ctx);
    ccpi_lock_acquire(&f->lock);
    ccpi_maker *m = f->maker;
    uint32_t taken_back = m ? m->take_back(m) : 0;
    ccpi_lock_release(&f->lock);
    if (taken_back) /* so it is there still */
        m->release(m, taken_back);
}

ccp_status ccp_future_cancel(ccp_future *f)
{
    if (!f)
        return CCP_INVAL;
    if (!settle(f, failed_with(CCP_CANCELED) | CANCELED))
        return is_dead(f) ? CCP_FORKED : CCP_CLOSED;
    if (f->cares)
        tell_producer(f);
    return CCP_OK;
}

/* F5: two that go at the same time must not both take the other for the last. */
static void unref_producing(ccp_future *f)
{
    uint32_t refs = atomic_load_explicit(&f->refs, CCPI_RLX);
    do
        if ((refs & MOST_HANDLES) == 1 && !(state_of(f) & SETTLED))
            tell_producer(f);
    /* [F2] acquire, and release: as in unref(). */
    while (!atomic_compare_exchange_weak_explicit(&f->refs, &refs, refs - 1, CCPI_ACQ_REL,
                                                  CCPI_RLX));
    if (refs == 1)
        bury(f);
}

void ccp_future_free(ccp_future *f)
{
    if (!f)
        return;
    if (CCPI_LIKELY(!f->cares))
        unref(f, 1);
    else
        unref_producing(f);
}

bool ccp_future_is_done(const ccp_future *f)
{
    return f && (state_of(f) & SETTLED);
}

ccp_status ccp_future_error(const ccp_future *f)
{
    if (!f)
        return CCP_INVAL;
    uint32_t s = state_of(f);
    note_read(f, s);
    return error_of(s);
}

const void *ccpi_future_value(ccp_future *f)
{
    uint32_t s = state_of(f);
    note_read(f, s);
    return s & VALUE ? f->value : NULL;
}

const void *ccp_future_peek(ccp_future *f)
{
    return f ? ccpi_future_value(f) : NULL;
}

/* ---- calls ---- */

ccp_future *ccpi_future_call(const ccp_promise_opts *o, ccp_call fn, void *arg, const void *home)
{
    ccp_future *f = make(o, home ? PROMISE | 1 : 1);
    if (!f)
        return NULL;
    f->fn = fn;
    f->arg = arg;
    f->home = home;
    atomic_init(&f->state, UNSTARTED);
    return f;
}

ccp_future *ccp_future_lazy(const ccp_promise_opts *o, ccp_call fn, void *arg)
{
    return fn ? ccpi_future_call(o, fn, arg, NULL) : NULL;
}

/* Wins the right to call the function, unless somebody else has. */
static bool begin(ccp_future *f)
{
    return (atomic_load_explicit(&f->state, CCPI_RLX) & UNSTARTED) &&
           /* Relaxed: a decision between threads that have f; it publishes nothing. */
           (atomic_fetch_and_explicit(&f->state, ~UNSTARTED, CCPI_RLX) & UNSTARTED);
}

/* Begun: calls the function, unless nobody wants the value, and settles the future. */
static ccp_status call(ccp_future *f, ccp_ctx *ctx)
{
    ccp_promise *p = (ccp_promise *)(void *)f;
    if (ccp_promise_canceled(p))
        return CCP_CANCELED;
    /* Relaxed: compared with by the thread itself only, in is_own_call(). */
    atomic_store_explicit(&f->runner, ccpi_self_get(), CCPI_RLX);
    ccp_status st = f->fn(f->ctx ? f->ctx : ctx, f->arg, f->value);
    atomic_store_explicit(&f->runner, NULL, CCPI_RLX);
    ccpi_promise_end(p, st);
    return st;
}

ccp_status ccpi_future_run(ccp_future *f, ccp_ctx *ctx)
{
    if (begin(f)) {
        ccp_status st = call(f, ctx);
        ccp_promise_free((ccp_promise *)(void *)f);
        return st;
    }
    ccp_status st = error_of(state_of(f));
    unref(f, PROMISE); /* who has begun has a handle, and settles it */
    return st;
}

void ccpi_future_undo(ccp_future *f)
{
    if (begin(f))
        ccp_promise_free((ccp_promise *)(void *)f); /* a promise that is given up has failed */
    else
        unref(f, PROMISE);
}

/* Runs a lazy future's function, unless somebody else has begun to; true if it was run here. */
static bool run_lazy(ccp_future *f, ccp_ctx *ctx)
{
    if (f->home || !begin(f))
        return false;
    /* Relaxed: the caller has a handle. */
    atomic_fetch_add_explicit(&f->refs, PROMISE, CCPI_RLX);
    (void)call(f, ctx);
    ccp_promise_free((ccp_promise *)(void *)f);
    return true;
}

/* The same for a call that waits in the queue of the pool for which this thread works: it has
 * nothing else to do, and nobody else might have. */
static bool run_queued(ccp_future *f)
{
    const ccpi_home *home = ccpi_self_get()->home;
    if (!home || f->home != home->pool || !begin(f))
        return false;
    (void)call(f, home->ctx);
    return true;
}

static bool is_own_call(const ccp_future *f)
{
    return f->fn && atomic_load_explicit(&f->runner, CCPI_RLX) == ccpi_self_get();
}

/* ---- waiting ---- */

/* Under the lock: from now on whoever settles comes for the lock (F3); false if it is settled. */
static bool announce_locked(ccp_future *f)
{
    /* [F1] acquire: the value.  Pairs with the release in settle(). */
    return !(atomic_fetch_or_explicit(&f->state, LISTENED, CCPI_ACQ) & SETTLED);
}

bool ccpi_future_listen(ccp_future *f, ccpi_listener *l)
{
    (void)run_lazy(f, NULL);
    ccpi_lock_acquire(&f->lock);
    l->listed = announce_locked(f);
    if (l->listed)
        ccpi_list_append(&f->listeners, &l->link);
    bool listed = l->listed;
    ccpi_lock_release(&f->lock);
    return listed;
}

bool ccpi_future_unlisten(ccp_future *f, ccpi_listener *l)
{
    ccpi_lock_acquire(&f->lock);
    bool listed = l->listed;
    if (listed)
        ccpi_list_remove(&f->listeners, &l->link);
    l->listed = false;
    ccpi_lock_release(&f->lock);
    return listed;
}

static ccp_chan *done_channel(ccp_future *f)
{
    ccpi_lock_acquire(&f->lock);
    ccp_chan *ch = f->done;
    ccpi_lock_release(&f->lock);
    return ch;
}

ccp_chan *ccp_future_done(ccp_future *f)
{
    if (!f || is_dead(f))
        return NULL;
    (void)run_lazy(f, NULL);
    ccp_chan *ch = done_channel(f), *fresh = ch ? NULL : ccp_chan_new(0, 0);
    ccpi_track_part(fresh, f);
    ccpi_lock_acquire(&f->lock);
    if (!f->done)
        f->done = fresh;
    ch = f->done;
    bool settled = !announce_locked(f);
    ccpi_lock_release(&f->lock);
    if (ch != fresh)
        (void)ccp_chan_free(fresh);
    if (settled)
        (void)ccp_chan_close(ch);
    return ch;
}

/* Pauses for a moment: the value may be about to come from another processor. */
static bool settled_soon(const ccp_future *f)
{
    for (ccpi_brief b = { .most = ccpi_tuning.quick_max }; ccpi_brief_once(&b);)
        /* Relaxed: the caller looks again. */
        if (atomic_load_explicit(&f->state, CCPI_RLX) & SETTLED)
            return true;
    return false;
}

static bool enqueue(ccp_future *f, ccpi_node *n)
{
    ccpi_lock_acquire(&f->lock);
    bool waits = announce_locked(f);
    if (waits)
        ccpi_queue_add(&f->waiters, n);
    ccpi_lock_release(&f->lock);
    return waits;
}

/* Not served: takes the waiter out; true if the future was settled at the same moment. */
static bool withdraw(ccp_future *f, ccpi_node *n)
{
    ccpi_lock_acquire(&f->lock);
    bool settled = !n->queued;
    if (n->queued)
        ccpi_queue_remove(&f->waiters, n);
    ccpi_lock_release(&f->lock);
    return settled;
}

static CCPI_NOINLINE ccp_status wait_slow(ccp_future *f, ccp_wait w)
{
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    if (run_lazy(f, w.ctx_) || run_queued(f))
        return CCP_OK;
    if (is_own_call(f))
        return CCP_DEADLOCK;
    int64_t deadline = ccpi_wait_deadline(w);
    if (settled_soon(f))
        return CCP_OK;
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_future_get", f);
    ccpi_node_init(&node, &waiter, 0, NULL);
    if (!enqueue(f, &node))
        return CCP_OK;
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, deadline);
    if (verdict == 1 || withdraw(f, &node))
        return CCP_OK;
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

/* Not inlined, where a compiler could do that: it would see the size of the program's variable, but
 * not that of the value, and warn of copies that are not made. */
CCPI_NOINLINE ccp_status ccp_future_get(ccp_future *f, void *value, ccp_wait w)
{
    if (!f)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st == CCP_OK && !(state_of(f) & SETTLED))
        st = wait_slow(f, w);
    if (st != CCP_OK)
        return st;
    uint32_t s = state_of(f);
    note_read(f, s);
    if (s & ERROR)
        return s & DEAD ? CCP_FORKED : CCP_FAILED;
    if (!value)
        return CCP_OK;
    ccpi_copy(value, f->value, f->size);
    if (f->drop && !(s & TAKEN))
        /* Relaxed: who frees the block is ordered after us by refs (F4). */
        atomic_fetch_or_explicit(&f->state, TAKEN, CCPI_RLX);
    return CCP_OK;
}
