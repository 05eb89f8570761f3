/* SPDX-License-Identifier: MIT
 *
 * Batchers: calls that are collected, and a thread that handles them together.
 *
 * Representation  A call stands in `calls`, in the order of coming, from when it was accepted
 *                 until the thread takes it, or it leaves because its wait has ended.  It is memory
 *                 of the caller, who sleeps until it is `told`.
 *
 * Invariants
 *   B1  A call that was taken does not return before it is told.  That is the thread's last access,
 *       or the wake, if the thread has won the waiter's verdict.
 *   B2  The bell has rung since the first call in the list came, or became due, or the list became
 *       long enough; or the thread has looked since then.
 * Locks           `lock` protects what says so; the function of the program is called without it.
 */
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"
#include "block/wait.h"

#define MOST 64 /* calls per batch, unless something else is said */
#define HANDLED 1u /* a waiter's verdict */

typedef struct call {
    ccpi_link link; /* under lock */
    bool taken;     /* under lock */
    bool told;      /* under lock: it was handled, and status is const */
    int64_t due;    /* under lock: when it is to be handled at the latest */
    void *param;
    ccp_status status;
    ccpi_waiter waiter; /* the caller's; who gave up makes it anew, under lock */
} call;

struct ccp_batcher {
    ccp_batcher_opts o; /* const after new: no default is left */
    ccp_chan *bell;
    ccpi_thread thread;
    _Atomic(ccpi_self *) self; /* atomic: who handles calls */
    ccp_batch_item *items;     /* of the thread: the present batch */
    call **batch;              /* of the thread: whose they are */
    ccpi_lock lock;
    ccpi_list calls; /* under lock, as all that follows */
    size_t waiting;  /* in the list */
    size_t handling; /* taken, and not yet told */
    uint64_t batches, handled;
    bool closed;
};

static void ring(ccp_batcher *b)
{
    (void)!ccp_chan_send(b->bell, NULL, CCP_NOWAIT); /* rung already: it has not been heard yet */
}

/* ---- The thread ---- */

/* Under the lock: when the next batch is to be handled; INT64_MIN: at once. */
static int64_t next_due(const ccp_batcher *b)
{
    if (!b->calls.first)
        return b->closed ? INT64_MIN : CCPI_NEVER;
    if (b->closed || b->waiting >= b->o.most)
        return INT64_MIN;
    return CCPI_CONTAINER(b->calls.first, call, link)->due;
}

/* Under the lock. */
static size_t take_batch(ccp_batcher *b)
{
    size_t n = 0;
    for (; n < b->o.most && b->calls.first; n++) {
        call *c = CCPI_CONTAINER(b->calls.first, call, link);
        ccpi_list_remove(&b->calls, &c->link);
        c->taken = true;
        b->batch[n] = c;
        b->items[n] = (ccp_batch_item){ c->param, CCP_OK };
    }
    b->waiting -= n;
    b->handling = n;
    return n;
}

static void handle(ccp_batcher *b, size_t n)
{
    size_t asleep = 0;
    b->o.fn(b->items, n, b->o.arg);
    ccpi_lock_acquire(&b->lock);
    b->handling = 0;
    b->batches++;
    b->handled += n;
    for (size_t i = 0; i < n; i++) {
        call *c = b->batch[i];
        c->status = b->items[i].status;
        c->told = true;
        if (ccpi_waiter_claim(&c->waiter, HANDLED))
            b->batch[asleep++] = c;
    }
    ccpi_lock_release(&b->lock);
    for (size_t i = 0; i < asleep; i++)
        ccpi_waiter_wake(&b->batch[i]->waiter);
}

static void work(void *arg)
{
    ccp_batcher *b = arg;
    /* Relaxed: only the thread itself may find itself in it. */
    atomic_store_explicit(&b->self, ccpi_self_get(), CCPI_RLX);
    for (;;) {
        ccpi_lock_acquire(&b->lock);
        int64_t due = next_due(b);
        bool go = due == INT64_MIN || (due != CCPI_NEVER && due <= ccpi_clock_now());
        size_t n = go ? take_batch(b) : 0;
        ccpi_lock_release(&b->lock);
        if (n > 0)
            handle(b, n);
        else if (go)
            return; /* closed, and nothing is left */
        else
            (void)!ccp_chan_recv(b->bell, NULL, due == CCPI_NEVER ? CCP_FOREVER : ccp_until(due));
    }
}

static bool is_inside(const ccp_batcher *b)
{
    return atomic_load_explicit(&b->self, CCPI_RLX) == ccpi_self_get(); /* see work() */
}

/* ---- Making and freeing ---- */

static const ccpi_kind kind = { "batcher", "ccp_batcher_", NULL, NULL };

static void release(ccp_batcher *b)
{
    ccpi_untrack(b);
    (void)ccp_chan_free(b->bell);
    ccpi_free(b->items);
    ccpi_free(b->batch);
    ccpi_free(b);
}

ccp_batcher *ccp_batcher_new(const ccp_batcher_opts *o)
{
    size_t items, batch;
    if (!o || !o->fn || o->delay_ns < 0)
        return NULL;
    size_t most = o->most ? o->most : MOST;
    if (!ccpi_size_mul_add(most, sizeof(ccp_batch_item), 0, &items) ||
        !ccpi_size_mul_add(most, sizeof(call *), 0, &batch))
        return NULL;
    ccp_batcher *b = ccpi_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->o = *o;
    b->o.most = most;
    b->bell = ccp_chan_new(0, 1);
    b->items = ccpi_alloc(items);
    b->batch = ccpi_alloc(batch);
    const ccpi_thread_opts t = { o->name, o->stack_size, true };
    if (b->bell && b->items && b->batch && ccpi_thread_start(&b->thread, &t, work, b)) {
        ccpi_track(b, &kind, o->name);
        ccpi_track_part(b->bell, b);
        return b;
    }
    release(b);
    return NULL;
}

ccp_status ccp_batcher_free(ccp_batcher *b)
{
    if (!b)
        return CCP_OK;
    if (ccpi_is_dead(b)) {
        release(b);
        return CCP_OK;
    }
    if (is_inside(b))
        return CCP_DEADLOCK;
    ccpi_lock_acquire(&b->lock);
    bool busy = b->waiting > 0 || b->handling > 0;
    b->closed |= !busy;
    ccpi_lock_release(&b->lock);
    if (busy)
        return CCP_BUSY;
    ring(b);
    ccpi_thread_join(b->thread);
    release(b);
    return CCP_OK;
}

/* ---- Calls ---- */

static void init_waiter(ccp_batcher *b, call *c)
{
    ccpi_waiter_init(&c->waiter, "ccp_batcher_call", b);
}

static ccp_status join(ccp_batcher *b, call *c)
{
    int64_t now = b->o.delay_ns ? ccpi_clock_now() : 0;
    c->due = ccpi_time_after(now, b->o.delay_ns);
    ccpi_lock_acquire(&b->lock);
    bool closed = b->closed;
    if (!closed) {
        ccpi_list_append(&b->calls, &c->link);
        b->waiting++;
    }
    bool rings = b->waiting == 1 || b->waiting >= b->o.most; /* B2 */
    ccpi_lock_release(&b->lock);
    if (closed)
        return CCP_CLOSED;
    if (rings)
        ring(b);
    return CCP_OK;
}

/* The wait has ended.  False if it was taken. */
static bool leave(ccp_batcher *b, call *c)
{
    ccpi_lock_acquire(&b->lock);
    bool taken = c->taken;
    if (!taken) {
        ccpi_list_remove(&b->calls, &c->link);
        b->waiting--;
    }
    ccpi_lock_release(&b->lock);
    return !taken;
}

/* B1 */
static void wait_for_end(ccp_batcher *b, call *c)
{
    ccpi_lock_acquire(&b->lock);
    bool told = c->told;
    init_waiter(b, c); /* nobody has an eye on the former any more: it is decided */
    ccpi_lock_release(&b->lock);
    if (told)
        return;
    ccpi_self_get()->firm = true;
    (void)ccpi_waiter_sleep(&c->waiter, CCPI_NEVER);
    ccpi_self_get()->firm = false;
}

ccp_status ccp_batcher_call(ccp_batcher *b, void *param, ccp_status *outcome, ccp_wait w)
{
    if (!b)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (is_inside(b))
        return CCP_DEADLOCK;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    call c = { .param = param };
    init_waiter(b, &c);
    st = join(b, &c);
    if (st != CCP_OK)
        return st;
    uint32_t verdict = ccpi_wait_sleep(w, &c.waiter, ccpi_wait_deadline(w));
    if (verdict != HANDLED) {
        if (leave(b, &c))
            return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
        wait_for_end(b, &c);
    }
    if (outcome)
        *outcome = c.status;
    return c.status == CCP_OK ? CCP_OK : CCP_FAILED;
}

ccp_status ccp_batcher_flush(ccp_batcher *b)
{
    if (!b)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    for (ccpi_link *l = b->calls.first; l; l = l->next)
        CCPI_CONTAINER(l, call, link)->due = 0;
    ccpi_lock_release(&b->lock);
    ring(b);
    return CCP_OK;
}

ccp_status ccp_batcher_close(ccp_batcher *b)
{
    if (!b)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    bool closed = b->closed;
    b->closed = true;
    ccpi_lock_release(&b->lock);
    ring(b);
    return closed ? CCP_CLOSED : CCP_OK;
}

ccp_status ccp_batcher_get_info(ccp_batcher *b, ccp_batcher_info *out)
{
    if (!b || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    *out = (ccp_batcher_info){ .waiting = b->waiting,
                               .handling = b->handling,
                               .batches = b->batches,
                               .handled = b->handled,
                               .closed = b->closed };
    ccpi_lock_release(&b->lock);
    return CCP_OK;
}
