/* SPDX-License-Identifier: MIT
 *
 * How many workers a pool has: starting them, letting them go.
 *
 * Invariants
 *   S1  A worker that lives takes a task only after it has seen live <= limit.  So when the limit
 *       was lowered, each that is one too many takes at most the task that it was about to take.
 *   S2  While live > limit, an idle worker is about to look at the size, or all are busy, and look
 *       before they take another task: an element without a function is under way, sent by
 *       ccpi_pool_kick(), or the channel is full, and whoever takes from it looks.  A worker that
 *       leaves for that reason sends the next one.
 *   S3  With `idle`: while live < limit and more accepted tasks are not noted than workers are
 *       idle, somebody is about to start a worker: who submits looks after that (Dekker [Z3]), and
 *       a worker that leaves looks after it has left, and comes back.
 *   S4  A pool that accepts a task has a worker that lives: with none, one is started before; and
 *       the last one does not leave while somebody submits.
 *   S5  While tasks wait for ever for room in the queue of their pool, a worker lives that does
 *       not: one that would leave stays, and the last one that would wait does not (`stuck` < live,
 *       under the lock).
 *   S6  The limit that was set is at most the bound: both change under the lock.
 */
/* uses: pool */
#include "base/backoff.h"
#include "base/mem.h"
#include "base/track.h"
#include "coord/await.h"
#include "flow/pool.h"

#define MAX_WORKERS 65536
#define ONE_LIVE ((uint64_t)1)
#define ONE_LIMIT ((uint64_t)1 << 32)

static const char worker_key; /* the address is the key */

int ccp_pool_worker(const ccp_ctx *ctx)
{
    const ccpi_worker *w = ccp_ctx_value(ctx, &worker_key);
    return w ? w->index : -1;
}

/* ---- the books ---- */

static uint64_t size_locked(const ccp_pool *p)
{
    return atomic_load_explicit(&p->size, CCPI_RLX); /* changes under the lock, which is held */
}

static void set_size_locked(ccp_pool *p, uint64_t size)
{
    /* [Z1] seq_cst, Dekker: before turns are looked at, or what was accepted.  Pairs with
     * ccpi_pool_size(). */
    atomic_store_explicit(&p->size, size, CCPI_SC);
    if (CCPI_POOL_LIVE(size) > atomic_load_explicit(&p->most, CCPI_RLX)) /* for information */
        atomic_store_explicit(&p->most, CCPI_POOL_LIVE(size), CCPI_RLX);
}

static void set_state_locked(ccpi_worker *w, uint32_t state)
{
    /* [Z3] seq_cst, Dekker: before what was accepted is looked at.  Pairs with the load in
     * ccpi_pool_books(). */
    atomic_store_explicit(&w->state, state, CCPI_SC);
}

static bool too_many(uint64_t size)
{
    return CCPI_POOL_LIVE(size) > CCPI_POOL_LIMIT(size);
}

/* S3 */
bool ccpi_pool_needs(const ccp_pool *p)
{
    uint64_t size = ccpi_pool_size(p);
    unsigned live = CCPI_POOL_LIVE(size);
    if (live >= CCPI_POOL_LIMIT(size))
        return false;
    /* Relaxed: who changes it looks afterwards. */
    if (live < (p->opts.idle ? p->opts.min : atomic_load_explicit(&p->base, CCPI_RLX)))
        return true;
    ccpi_books b;
    ccpi_pool_books(p, &b);
    return b.accepted - b.noted > b.idle;
}

/* S3, S4: nothing that was accepted, or is about to be, needs a worker. */
static bool is_quiet(const ccp_pool *p)
{
    ccpi_books b;
    /* [Z4] seq_cst, Dekker: after the worker has left.  Pairs with submit_elastic(). */
    if (atomic_load_explicit(&p->entering, CCPI_SC) != 0)
        return false;
    ccpi_pool_books(p, &b);
    return b.noted >= b.accepted;
}

/* ---- starting ---- */

/* A slot that is free, or whose thread has ended: then *to_join. */
static ccpi_worker *free_slot_locked(ccp_pool *p, bool *to_join)
{
    ccpi_worker *w = ccpi_pool_next(&p->first);
    for (; w; w = ccpi_pool_next(&w->next)) {
        uint32_t state = atomic_load_explicit(&w->state, CCPI_RLX); /* under the lock */
        *to_join = state == CCPI_W_ENDED && w->joinable;
        if (state == CCPI_W_VACANT || *to_join)
            break;
    }
    if (w) {
        set_state_locked(w, CCPI_W_STARTING);
        w->joinable = false;
    }
    return w;
}

/* Counts a worker more, if it may be; *slot is NULL if one is to be made. */
static bool count_in(ccp_pool *p, ccpi_worker **slot, bool *to_join)
{
    *to_join = false;
    ccpi_lock_acquire(&p->lock);
    uint64_t size = size_locked(p);
    bool ok = !p->stopping && CCPI_POOL_LIVE(size) < CCPI_POOL_LIMIT(size);
    if (ok) {
        *slot = free_slot_locked(p, to_join);
        set_size_locked(p, size + ONE_LIVE);
        (void)ccp_wg_add(&p->starting, 1);
    }
    ccpi_lock_release(&p->lock);
    return ok;
}

static void count_out(ccp_pool *p, ccpi_worker *w)
{
    ccpi_lock_acquire(&p->lock);
    set_size_locked(p, size_locked(p) - ONE_LIVE);
    if (w)
        set_state_locked(w, CCPI_W_VACANT);
    ccpi_lock_release(&p->lock);
}

/* P3 */
static void append_slot(ccp_pool *p, ccpi_worker *w)
{
    ccpi_lock_acquire(&p->lock);
    w->index = p->slots++;
    /* [Z2] release: the slot.  Pairs with the acquire in ccpi_pool_next(). */
    atomic_store_explicit(p->last ? &p->last->next : &p->first, w, CCPI_REL);
    p->last = w;
    ccpi_lock_release(&p->lock);
}

static ccpi_worker *make_slot(ccp_pool *p)
{
    ccpi_worker *w = ccpi_alloc_lines(sizeof *w + (p->measured ? sizeof *w->spans : 0));
    if (!w)
        return NULL;
    w->home.pool = p;
    atomic_init(&w->state, CCPI_W_STARTING);
    w->home.ctx = ccp_ctx_new_value(p->ctx, &worker_key, w);
    ccpi_track_part(w->home.ctx, p);
    if (w->home.ctx) {
        append_slot(p, w);
        return w;
    }
    ccpi_free_lines(w);
    return NULL;
}

/* "name-7", in at most 15 characters, the number whole. */
static const char *thread_name(char out[16], const char *name, unsigned index)
{
    char digits[12];
    size_t n = 0, len = 0;
    do
        digits[n++] = (char)('0' + index % 10);
    while ((index /= 10) != 0);
    while (name[len] && len + n + 1 < 15) {
        out[len] = name[len];
        len++;
    }
    out[len++] = '-';
    while (n)
        out[len++] = digits[--n];
    out[len] = '\0';
    return out;
}

static bool start_thread(ccp_pool *p, ccpi_worker *w)
{
    char name[16];
    const ccpi_thread_opts how = { thread_name(name, p->opts.name, (unsigned)w->index),
                                   p->opts.stack_size, true };
    ccpi_thread thread;
    if (!ccpi_thread_start(&thread, &how, ccpi_pool_work, w))
        return false;
    ccpi_lock_acquire(&p->lock);
    w->thread = thread;
    w->joinable = true;
    ccpi_lock_release(&p->lock);
    return true;
}

ccpi_grown ccpi_pool_grow(ccp_pool *p, const ccpi_task *first)
{
    ccpi_worker *w = NULL;
    bool to_join;
    if (!count_in(p, &w, &to_join))
        return CCPI_ENOUGH;
    if (to_join)
        ccpi_thread_join(w->thread);
    if (!w)
        w = make_slot(p);
    if (w)
        w->first = first ? *first : (ccpi_task){ NULL, NULL, 0 };
    bool ok = w && start_thread(p, w);
    if (!ok)
        count_out(p, w);
    (void)ccp_wg_done(&p->starting);
    return ok ? CCPI_GROWN : CCPI_SHORT;
}

/* ---- letting go ---- */

static bool somebody_idle(const ccp_pool *p)
{
    for (const ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next))
        /* Relaxed, P4: who was READY before `size` changed is seen to be, as that is; who is later
         * looks at `size` afterwards. */
        if (atomic_load_explicit(&w->state, CCPI_RLX) == CCPI_W_READY && ccpi_pool_turn(w) % 2 == 0)
            return true;
    return false;
}

static ccp_status put_nothing(ccp_pool *p)
{
    static const ccpi_task nothing;
    ccpi_pool_blank(p);
    if (p->met)
        /* [Q3] release: that it is no task.  Pairs with totals(). */
        atomic_fetch_add_explicit(&p->offered, 1, CCPI_REL);
    ccp_status st = ccp_chan_send(p->tasks, &nothing, CCP_NOWAIT);
    if (st == CCP_OK)
        return st;
    if (p->met) {
        /* [Q4] [Q1] seq_cst: noted, as what was received and is no task, and not taken out of
         * `offered`: who has seen it there, and then no blank, finds out when it looks again. */
        atomic_fetch_add_explicit(&p->skipped, 1, CCPI_SC);
        ccpi_pool_tell(p);
    }
    ccpi_pool_blank_noted(p);
    return st;
}

/* S2.  By rendezvous an idle worker may be on its way to the channel: for some instructions. */
void ccpi_pool_kick(ccp_pool *p)
{
    for (unsigned tries = 0; too_many(ccpi_pool_size(p)); ccpi_backoff(&tries))
        if (put_nothing(p) != CCP_AGAIN || !p->met || !somebody_idle(p))
            return;
}

/* S3, S4; false if others have come meanwhile, as many as may be. */
static bool come_back(ccpi_worker *w)
{
    ccp_pool *p = w->home.pool;
    ccpi_lock_acquire(&p->lock);
    uint64_t size = size_locked(p);
    bool may = CCPI_POOL_LIVE(size) < CCPI_POOL_LIMIT(size);
    if (may) {
        set_state_locked(w, CCPI_W_READY);
        set_size_locked(p, size + ONE_LIVE);
    }
    ccpi_lock_release(&p->lock);
    return may;
}

bool ccpi_pool_leave(ccpi_worker *w, bool idle)
{
    ccp_pool *p = w->home.pool;
    ccpi_lock_acquire(&p->lock);
    uint64_t size = size_locked(p);
    bool surplus = too_many(size) && CCPI_POOL_LIVE(size) - 1 > p->stuck; /* S5 */
    bool leaves = surplus || (idle && CCPI_POOL_LIVE(size) > p->opts.min);
    if (leaves) {
        set_state_locked(w, CCPI_W_LEAVING);
        set_size_locked(p, size - ONE_LIVE);
    }
    ccpi_lock_release(&p->lock);
    if (surplus)
        ccpi_pool_kick(p);
    bool gone = leaves && (surplus || is_quiet(p) || !come_back(w));
    if (gone)
        ccpi_pool_alarm(p); /* the watcher may have taken it for idle: W3 */
    return gone;
}

/* Sets the limit by what it is made of. */
static void set_limit_locked(ccp_pool *p)
{
    unsigned wanted = p->blocked + p->stalled;
    unsigned lent = wanted < p->opts.spare ? wanted : p->opts.spare;
    uint64_t limit = (uint64_t)atomic_load_explicit(&p->base, CCPI_RLX) + lent; /* under the lock */
    set_size_locked(p, limit * ONE_LIMIT + CCPI_POOL_LIVE(size_locked(p)));
}

/* S6 */
static void set_base_locked(ccp_pool *p, unsigned base)
{
    unsigned bound = atomic_load_explicit(&p->bound, CCPI_RLX); /* both change under the lock */
    atomic_store_explicit(&p->base, base < bound ? base : bound, CCPI_RLX);
    set_limit_locked(p);
}

/* Starts what is missing, without which tasks would wait. */
static bool fill(ccp_pool *p)
{
    ccpi_grown grown = CCPI_GROWN;
    while (grown == CCPI_GROWN && ccpi_pool_needs(p))
        grown = ccpi_pool_grow(p, NULL);
    return grown != CCPI_SHORT;
}

bool ccpi_pool_set_base(ccp_pool *p, unsigned base)
{
    ccpi_lock_acquire(&p->lock);
    set_base_locked(p, base);
    ccpi_lock_release(&p->lock);
    ccpi_pool_kick(p);
    return fill(p);
}

/* S6: of a tuned pool the limit stays what it is, unless it is beyond. */
static void set_bound(ccp_pool *p, unsigned bound)
{
    ccpi_lock_acquire(&p->lock);
    atomic_store_explicit(&p->bound, bound, CCPI_RLX);
    set_base_locked(p, atomic_load_explicit(&p->base, CCPI_RLX));
    ccpi_lock_release(&p->lock);
    ccpi_pool_kick(p);
}

void ccpi_pool_block(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    p->blocked++;
    set_limit_locked(p);
    ccpi_lock_release(&p->lock);
    if (ccpi_pool_needs(p))
        (void)ccpi_pool_grow(p, NULL);
}

void ccpi_pool_unblock(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    p->blocked--;
    set_limit_locked(p);
    ccpi_lock_release(&p->lock);
    ccpi_pool_kick(p);
}

bool ccpi_pool_lend(ccp_pool *p, bool more)
{
    ccpi_lock_acquire(&p->lock);
    bool ok = more ? p->blocked + p->stalled < p->opts.spare : p->stalled > 0;
    p->stalled += ok && more;
    p->stalled -= ok && !more;
    set_limit_locked(p);
    ccpi_lock_release(&p->lock);
    ccpi_pool_kick(p);
    if (ok && more && ccpi_pool_needs(p))
        (void)ccpi_pool_grow(p, NULL);
    return ok;
}

/* S5 */
bool ccpi_pool_stick(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    bool ok = p->stuck + 1 < CCPI_POOL_LIVE(size_locked(p));
    p->stuck += ok;
    ccpi_lock_release(&p->lock);
    return ok;
}

void ccpi_pool_unstick(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    p->stuck--;
    ccpi_lock_release(&p->lock);
    ccpi_pool_kick(p);
}

ccp_status ccp_pool_resize(ccp_pool *p, unsigned workers)
{
    if (!p || workers == 0 || workers > MAX_WORKERS)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    if (ccp_chan_is_closed(p->tasks))
        return CCP_CLOSED;
    if (p->opts.tune) {
        set_bound(p, workers);
        return CCP_OK;
    }
    unsigned before = atomic_load_explicit(&p->base, CCPI_RLX); /* of two at once one is the last */
    if (ccpi_pool_set_base(p, workers) || p->opts.partial)
        return CCP_OK;
    (void)ccpi_pool_set_base(p, before);
    return CCP_NOMEM;
}

static void set_state(ccpi_worker *w, uint32_t state)
{
    ccpi_lock_acquire(&w->home.pool->lock);
    set_state_locked(w, state);
    ccpi_lock_release(&w->home.pool->lock);
}

void ccpi_pool_ready(ccpi_worker *w)
{
    set_state(w, CCPI_W_READY);
}

void ccpi_pool_ended(ccpi_worker *w)
{
    set_state(w, CCPI_W_ENDED);
}

void ccpi_pool_join(ccp_pool *p)
{
    ccpi_lock_acquire(&p->lock);
    p->stopping = true;
    ccpi_lock_release(&p->lock);
    ccpi_pool_unwatch(p);
    ccpi_await_wg(&p->starting);
    for (ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        if (w->joinable)
            ccpi_thread_join(w->thread);
        w->joinable = false;
    }
}
