/* SPDX-License-Identifier: MIT
 *
 * The worker pool: threads that receive tasks from one bounded channel, through its public calls.
 *
 * Invariants
 *   P1  A worker's `turn` is even while it has no task, odd while it has one: turn / 2 tasks have
 *       finished, (turn + 1) / 2 were taken.  Only the worker changes it.
 *   P2  Tasks are taken in the order of acceptance.  So once n tasks have been received, the
 *       first n are finished when each worker has been seen either to finish a task received by
 *       then, or to have none while no received task was without a worker's note (see settled()).
 *   P3  A worker that finishes a task and then sees `drainers` 0 cannot be what a drain waits
 *       for: a drain counts itself first, then looks (Dekker [Q1]).
 * Locks           `lock` protects the queue of drains.
 */
/* uses: call parallel */
#include "flow/pool.h"

#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "block/wait.h"
#include "flow/call.h"
#include "flow/parallel.h"

#define MAX_WORKERS 65536

typedef struct task {
    ccp_task fn;
    void *arg;
} task;

typedef struct worker {
    _Alignas(CCPI_LINE) ccpi_word64 turn; /* atomic, see P1 */
    ccpi_word64 failed;                   /* atomic: a count */
    _Atomic(ccpi_self *) self;            /* atomic: who it is; NULL before it runs */
    ccp_ctx *ctx;                         /* const after start */
    ccp_pool *pool;                       /* const after start */
    int index;                            /* const after start */
    ccpi_thread thread;                   /* of the thread that made the pool */
} worker;

struct ccp_pool {
    ccp_chan *tasks;
    ccp_ctx *ctx; /* ends when the pool is shut down */
    worker *workers;
    unsigned count;       /* const after new: workers started */
    ccpi_word32 drainers; /* atomic: threads in ccp_pool_drain() */
    ccpi_lock lock;
    ccpi_list drains;     /* under lock: those that sleep until a task has finished */
    ccpi_word32 shut;     /* atomic: ccp_pool_shutdown() was called */
    ccpi_word64 offered;  /* atomic, rendezvous only: tasks accepted, or being offered */
    ccpi_word64 returned; /* atomic: tasks taken back from the channel by hand_back() */
    ccp_unrun unrun;
    void *unrun_arg;
    const char *name;
};

static const char worker_key; /* the address is the key */

/* ---- workers ---- */

static void tell_drainers(ccp_pool *p)
{
    /* [Q1] seq_cst, Dekker: after the store of turn in run_task().  Pairs with drain(). */
    if (atomic_load_explicit(&p->drainers, CCPI_SC) == 0)
        return;
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&p->lock);
    ccpi_queue_claim_all(&p->drains, &won);
    ccpi_lock_release(&p->lock);
    ccpi_wake_all(&won);
}

static void run_task(worker *w, const task *t, uint64_t turn)
{
    /* [Q2] release: the task was received before.  Pairs with the acquire in turn_of(). */
    atomic_store_explicit(&w->turn, turn + 1, CCPI_REL);
    if (t->fn(w->ctx, t->arg) != CCP_OK)
        atomic_fetch_add_explicit(&w->failed, 1, CCPI_RLX);
    /* [Q1] seq_cst: before the load of drainers; release: what the task did (P6). */
    atomic_store_explicit(&w->turn, turn + 2, CCPI_SC);
    tell_drainers(w->pool);
}

static void work(void *arg)
{
    worker *w = arg;
    task t;
    /* Relaxed: compared with by the thread itself only, in is_own_task(). */
    atomic_store_explicit(&w->self, ccpi_self_get(), CCPI_RLX);
    for (uint64_t turn = 0; ccp_chan_recv(w->pool->tasks, &t, CCP_FOREVER) == CCP_OK; turn += 2)
        run_task(w, &t, turn);
    atomic_store_explicit(&w->self, NULL, CCPI_RLX); /* another thread may be given the same one */
}

int ccp_pool_worker(const ccp_ctx *ctx)
{
    const worker *w = ccp_ctx_value(ctx, &worker_key);
    return w ? w->index : -1;
}

static bool is_own_task(const ccp_pool *p)
{
    ccpi_self *self = ccpi_self_get();
    for (unsigned i = 0; i < p->count; i++)
        if (atomic_load_explicit(&p->workers[i].self, CCPI_RLX) == self)
            return true;
    return false;
}

/* ---- making ---- */

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

static bool start_worker(ccp_pool *p, const ccp_pool_opts *o, unsigned i)
{
    worker *w = &p->workers[i];
    w->pool = p;
    w->index = (int)i;
    w->ctx = ccp_ctx_new_value(p->ctx, &worker_key, w);
    if (!w->ctx)
        return false;
    char name[16];
    const ccpi_thread_opts how = { thread_name(name, p->name, i), o->stack_size, true };
    if (ccpi_thread_start(&w->thread, &how, work, w))
        return true;
    (void)ccp_ctx_free(w->ctx);
    return false;
}

/* Joins the workers, whose channel is closed, and gives back what they had. */
static void join_workers(ccp_pool *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        ccpi_thread_join(p->workers[i].thread);
        (void)ccp_ctx_free(p->workers[i].ctx);
    }
}

static void release(ccp_pool *p)
{
    (void)ccp_chan_free(p->tasks);
    (void)ccp_ctx_free(p->ctx);
    ccpi_free_lines(p->workers);
    ccpi_free(p);
}

static bool get_parts(ccp_pool *p, const ccp_pool_opts *o, unsigned workers)
{
    p->ctx = ccp_ctx_new(o->parent, CCP_FOREVER);
    p->tasks = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(task), .capacity = o->queue, .name = p->name });
    p->workers = ccpi_alloc_lines(workers * sizeof(worker));
    return p->ctx && p->tasks && p->workers;
}

ccp_pool *ccp_pool_new(const ccp_pool_opts *o)
{
    static const ccp_pool_opts defaults;
    if (!o)
        o = &defaults;
    unsigned workers = o->workers ? o->workers : ccpi_cpu_count();
    ccp_pool *p = workers <= MAX_WORKERS ? ccpi_alloc(sizeof *p) : NULL;
    if (!p)
        return NULL;
    p->name = o->name ? o->name : "ccp";
    p->unrun = o->unrun;
    p->unrun_arg = o->unrun_arg;
    bool ok = get_parts(p, o, workers);
    while (ok && p->count < workers) {
        ok = start_worker(p, o, p->count);
        p->count += ok;
    }
    if (ok)
        return p;
    if (p->tasks)
        (void)ccp_chan_close(p->tasks);
    join_workers(p);
    release(p);
    return NULL;
}

ccp_ctx *ccpi_pool_ctx(const ccp_pool *p)
{
    return p->ctx;
}

/* ---- tasks ---- */

ccp_status ccp_pool_submit(ccp_pool *p, ccp_task fn, void *arg, ccp_wait w)
{
    if (!p || !fn)
        return CCP_INVAL;
    const task t = { fn, arg };
    if (ccp_chan_cap(p->tasks) != 0)
        return ccp_chan_send(p->tasks, &t, w);
    /* [Q3] seq_cst: counted before it can be accepted, so never less than what was noted. */
    atomic_fetch_add_explicit(&p->offered, 1, CCPI_SC);
    ccp_status st = ccp_chan_send(p->tasks, &t, w);
    if (st != CCP_OK) {
        atomic_fetch_sub_explicit(&p->offered, 1, CCPI_SC); /* [Q3] as above */
        tell_drainers(p);
    }
    return st;
}

ccp_status ccp_pool_close(ccp_pool *p)
{
    return p ? ccp_chan_close(p->tasks) : CCP_INVAL;
}

/* ---- draining ---- */

static uint64_t turn_of(const ccp_pool *p, unsigned i)
{
    /* [Q1] [Q2] seq_cst: after `drainers` was counted; acquire: what the tasks did. */
    return atomic_load_explicit(&p->workers[i].turn, CCPI_SC);
}

/* Tasks accepted, and received, by the channel's count.  By rendezvous a task is received when it
 * is accepted, so none is left to be received; the pool counts those that are offered. */
static void totals(const ccp_pool *p, uint64_t *accepted, uint64_t *received)
{
    ccp_chan_info info;
    (void)ccp_chan_get_info(p->tasks, &info);
    *accepted = info.sent;
    *received = info.received;
    if (info.capacity != 0)
        return;
    *accepted = 0;
    /* [Q3] seq_cst: after the notes were read. */
    *received = atomic_load_explicit(&p->offered, CCPI_SC);
}

typedef struct drain {
    const ccp_pool *pool;
    uint64_t target; /* tasks accepted when the drain began */
    unsigned worker; /* those before it are settled */
    uint64_t turn;   /* of this worker, noted when the target had been received */
    bool noted;
} drain;

/* Has every received task been noted by its worker?  Then an even turn means: has no task. */
static bool all_noted(const ccp_pool *p)
{
    uint64_t accepted, received;
    /* [Q4] acquire: what was taken back was received before.  Pairs with hand_back(). */
    uint64_t noted = atomic_load_explicit(&p->returned, CCPI_ACQ);
    for (unsigned i = 0; i < p->count; i++)
        noted += (turn_of(p, i) + 1) / 2;
    totals(p, &accepted, &received); /* read last: it is not smaller than what was noted */
    return noted >= received;
}

/* Is worker d->worker done with the first `target` tasks, all of which have been received? */
static bool settled(drain *d)
{
    uint64_t turn = turn_of(d->pool, d->worker);
    if (!d->noted) {
        d->noted = true;
        d->turn = turn;
    }
    if (turn / 2 > d->turn / 2) /* finished the one it had then, noted or not */
        return true;
    return turn % 2 == 0 && all_noted(d->pool) && turn_of(d->pool, d->worker) == turn;
}

static bool drained(drain *d)
{
    uint64_t accepted, received;
    totals(d->pool, &accepted, &received);
    if (received < d->target)
        return false;
    for (; d->worker < d->pool->count; d->worker++, d->noted = false)
        if (!settled(d))
            return false;
    return true;
}

/* Sleeps until a task has finished, unless the drain is over.  CCP_AGAIN: look again. */
static ccp_status sleep_once(ccp_pool *p, drain *d, ccp_wait w, int64_t deadline)
{
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter);
    ccpi_node_init(&node, &waiter, 0, NULL);
    ccpi_lock_acquire(&p->lock);
    ccpi_queue_add(&p->drains, &node);
    ccpi_lock_release(&p->lock);
    bool over = drained(d);
    uint32_t verdict = over ? ccpi_waiter_give_up(&waiter) : ccpi_wait_sleep(w, &waiter, deadline);
    ccpi_lock_acquire(&p->lock);
    if (node.queued)
        ccpi_queue_remove(&p->drains, &node);
    ccpi_lock_release(&p->lock);
    if (verdict == CCPI_ENDED)
        return ccp_ctx_status(w.ctx_);
    if (verdict == CCPI_GAVE_UP && !over)
        return drained(d) ? CCP_OK : ccpi_wait_over(w);
    return CCP_AGAIN;
}

static ccp_status wait_drained(ccp_pool *p, ccp_wait w)
{
    drain d = { .pool = p };
    uint64_t received;
    totals(p, &d.target, &received);
    if (drained(&d))
        return CCP_OK;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    ccp_status st = CCP_AGAIN;
    while (st == CCP_AGAIN)
        st = drained(&d) ? CCP_OK : sleep_once(p, &d, w, deadline);
    return st;
}

ccp_status ccp_pool_drain(ccp_pool *p, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (is_own_task(p))
        return CCP_DEADLOCK;
    /* [Q1] seq_cst, Dekker: before the turns are looked at.  Pairs with tell_drainers(). */
    atomic_fetch_add_explicit(&p->drainers, 1, CCPI_SC);
    st = wait_drained(p, w);
    atomic_fetch_sub_explicit(&p->drainers, 1, CCPI_RLX);
    /* Relaxed: what all_noted() has seen is seen here. */
    bool all_ran = atomic_load_explicit(&p->returned, CCPI_RLX) == 0;
    return st == CCP_OK && !all_ran ? CCP_CLOSED : st;
}

/* ---- ending ---- */

/* Takes what no worker has taken, and hands it over. */
static void hand_back(ccp_pool *p, ccp_unrun unrun, void *arg)
{
    task t;
    while (ccp_chan_recv(p->tasks, &t, CCP_NOWAIT) == CCP_OK) {
        /* [Q4] release: counted after it was received. */
        atomic_fetch_add_explicit(&p->returned, 1, CCPI_REL);
        if (!ccpi_call_undo(t.fn, t.arg) && !ccpi_parallel_undo(t.fn, t.arg) && unrun)
            unrun(t.fn, t.arg, arg);
    }
    tell_drainers(p);
}

static ccp_status stop(ccp_pool *p, ccp_unrun unrun, void *arg, ccp_wait w)
{
    (void)ccp_chan_close(p->tasks);
    ccp_status st = ccp_pool_drain(p, w);
    if (st != CCP_OK) {
        hand_back(p, unrun, arg);
        ccp_ctx_cancel(p->ctx);
    }
    join_workers(p);
    return st;
}

ccp_status ccp_pool_shutdown(ccp_pool *p, ccp_unrun unrun, void *unrun_arg, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    if (is_own_task(p))
        return CCP_DEADLOCK;
    /* Relaxed: one thread at a time calls this. */
    if (atomic_exchange_explicit(&p->shut, 1, CCPI_RLX))
        return CCP_CLOSED;
    return unrun ? stop(p, unrun, unrun_arg, w) : stop(p, p->unrun, p->unrun_arg, w);
}

ccp_status ccp_pool_free(ccp_pool *p)
{
    if (!p)
        return CCP_OK;
    if (ccp_pool_shutdown(p, NULL, NULL, CCP_NOWAIT) == CCP_DEADLOCK)
        return CCP_DEADLOCK;
    release(p);
    return CCP_OK;
}

ccp_status ccp_pool_get_info(const ccp_pool *p, ccp_pool_info *out)
{
    if (!p || !out)
        return CCP_INVAL;
    ccp_chan_info tasks;
    (void)ccp_chan_get_info(p->tasks, &tasks);
    *out = (ccp_pool_info){ .workers = p->count,
                            .queued = tasks.len,
                            .queue_cap = tasks.capacity,
                            .queue_high_water = tasks.high_water,
                            .name = p->name };
    for (unsigned i = 0; i < p->count; i++) {
        out->finished += turn_of(p, i) / 2;
        out->failed += atomic_load_explicit(&p->workers[i].failed, CCPI_RLX);
    }
    return CCP_OK;
}
