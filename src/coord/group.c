/* SPDX-License-Identifier: MIT
 *
 * Groups: threads that receive tasks from a channel, as many as are needed and allowed.
 *
 * Representation  `permits`, a counting channel of capacity `limit`, holds one element per task
 *                 under way; `tasks` takes tasks to threads.  `state`:
 *
 *      63  62         32 31             0
 *     +---+-------------+----------------+
 *     | W |   threads   |     active     |
 *     +---+-------------+----------------+
 *   active   tasks accepted, and not finished.
 *   threads  started, or about to be; they stay until the group is freed.
 *   W        somebody waits for active to become 0.  Legal to be set when nobody does any more.
 *
 * Invariants
 *   G1  A task gets its permit before it is counted as active, and gives it back after it has
 *       returned, before it is counted off: whoever sees active 0 finds all permits free.
 *   G2  A task for which no thread is started will be received soon: threads > active, so one has
 *       none of the active tasks; or threads == limit, and of as many permits this task has one.
 *   G3  A task that failed is noted before it is counted off.
 *   G4  A waiter is queued under the lock, while active > 0 and W is set; with W set active becomes
 *       0 under the lock, and by the same step W goes and those who are queued are released.  So
 *       nobody is released for a moment that was before his wait.
 *   G5  A thread is in `threads` before it runs its first task.
 * Locks           `lock` protects the lists of waiters, threads and failures.
 */
/* uses: await */
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"
#include "block/tuning.h"
#include "block/wait.h"
#include "coord/await.h"

#define ACTIVE ((uint64_t)1)
#define ACTIVE_MASK ((uint64_t)UINT32_MAX)
#define THREAD ((uint64_t)1 << 32)
#define THREADS(state) ((state) << 1 >> 33)
#define WAITED ((uint64_t)1 << 63)
#define MOST_QUEUED 64 /* tasks between those who start and the threads that come for them */

/* What is kept of a task that failed. */
typedef struct failure {
    ccpi_link link; /* under lock */
    ccp_group_error error;
} failure;

typedef struct task {
    ccp_task fn;
    void *arg;
    size_t index;
    failure *note; /* for its failure, in a group that keeps all; else NULL */
} task;

typedef struct thread {
    ccpi_link link;            /* under lock */
    ccp_group *group;          /* const after new */
    task first;                /* of the thread itself */
    ccpi_thread handle;        /* written by the thread before it is in the list */
    _Atomic(ccpi_self *) self; /* atomic: who it is; NULL when it is about to end */
} thread;

struct ccp_group {
    ccp_ctx *ctx;
    ccp_chan *tasks;
    ccp_chan *permits;   /* NULL: no limit */
    ccpi_word64 state;   /* atomic, see above */
    ccpi_word64 next;    /* atomic: index of the next task */
    ccpi_word32 failed;  /* atomic: a task has failed */
    ccpi_lock lock;
    ccpi_list waiters;   /* under lock */
    ccpi_list threads;   /* under lock */
    ccpi_list failures;  /* under lock: of a group that keeps all */
    ccp_group_error first; /* const once failed */
    ccp_group_opts opts; /* const after new */
};

static const ccpi_kind kind = { "group", "ccp_group_", NULL, NULL };

/* ---- making ---- */

static void release(ccp_group *g)
{
    ccpi_untrack(g);
    (void)ccp_chan_free(g->tasks);
    (void)ccp_chan_free(g->permits);
    (void)ccp_ctx_free(g->ctx);
    ccpi_free(g);
}

ccp_group *ccp_group_make(const ccp_group_opts *o)
{
    static const ccp_group_opts defaults;
    ccp_group *g = ccpi_alloc(sizeof *g);
    if (!g)
        return NULL;
    g->opts = o ? *o : defaults;
    unsigned limit = g->opts.limit;
    size_t queued = limit && limit < MOST_QUEUED ? limit : MOST_QUEUED;
    g->ctx = ccp_ctx_new(g->opts.parent, CCP_FOREVER);
    g->tasks = ccp_chan_new(sizeof(task), queued);
    g->permits = limit ? ccp_chan_new(0, limit) : NULL;
    if (g->ctx && g->tasks && (g->permits || !limit)) {
        ccpi_track(g, &kind, g->opts.name);
        ccpi_track_part(g->ctx, g);
        ccpi_track_part(g->tasks, g);
        ccpi_track_part(g->permits, g);
        return g;
    }
    release(g);
    return NULL;
}

ccp_group *ccp_group_new(ccp_ctx *parent, unsigned limit)
{
    return ccp_group_make(&(ccp_group_opts){ .parent = parent, .limit = limit });
}

ccp_ctx *ccp_group_ctx(const ccp_group *g)
{
    return g ? g->ctx : NULL;
}

/* ---- failures ---- */

/* G3; the first one ends the context, unless all are kept. */
static void note_failure(ccp_group *g, const task *t, ccp_status st)
{
    const ccp_group_error error = { t->index, st, t->arg };
    ccpi_lock_acquire(&g->lock);
    /* Relaxed: changes under the lock, which is held. */
    bool first = !atomic_load_explicit(&g->failed, CCPI_RLX);
    if (first)
        g->first = error;
    if (t->note) {
        t->note->error = error;
        ccpi_list_append(&g->failures, &t->note->link);
    }
    /* [J2] release: the first failure.  Pairs with the acquires in outcome() and
     * ccp_group_errors(). */
    atomic_store_explicit(&g->failed, 1, CCPI_REL);
    ccpi_lock_release(&g->lock);
    if (first && !g->opts.keep_going)
        ccp_ctx_cancel_cause(g->ctx, &g->first);
}

static void run_task(ccp_group *g, const task *t)
{
    ccp_status st = t->fn(g->ctx, t->arg);
    if (st != CCP_OK)
        note_failure(g, t, st);
    else
        ccpi_free(t->note);
}

/* [J2] acquire: pairs with the release in note_failure(). */
static ccp_status outcome(const ccp_group *g)
{
    return atomic_load_explicit(&g->failed, CCPI_ACQ) ? CCP_FAILED : CCP_OK;
}

size_t ccp_group_errors(ccp_group *g, ccp_group_error *out, size_t max)
{
    /* [J2] acquire: as in outcome(). */
    if (!g || !atomic_load_explicit(&g->failed, CCPI_ACQ))
        return 0;
    if (ccpi_is_dead(g))
        return 0;
    if (!out)
        max = 0;
    if (!g->opts.keep_going) {
        if (max)
            *out = g->first;
        return 1;
    }
    size_t n = 0;
    ccpi_lock_acquire(&g->lock);
    for (ccpi_link *l = g->failures.first; l; l = l->next, n++)
        if (n < max)
            out[n] = CCPI_CONTAINER(l, failure, link)->error;
    ccpi_lock_release(&g->lock);
    return n;
}

/* ---- threads ---- */

/* G4 */
static void count_off_locked(ccp_group *g)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&g->lock);
    uint64_t s = atomic_load_explicit(&g->state, CCPI_RLX), next;
    do {
        next = s - ACTIVE;
        if (!(next & ACTIVE_MASK))
            next &= ~WAITED;
        /* [J1] acq_rel: what all tasks did, to the waiters. */
    } while (!atomic_compare_exchange_weak_explicit(&g->state, &s, next, CCPI_ACQ_REL, CCPI_RLX));
    if (!(next & ACTIVE_MASK))
        ccpi_queue_claim_all(&g->waiters, &won);
    ccpi_lock_release(&g->lock);
    ccpi_wake_all(&won);
}

/* G1 */
static void count_off(ccp_group *g)
{
    if (g->permits)
        (void)!ccp_chan_recv(g->permits, NULL, CCP_NOWAIT); /* there is one: ours */
    uint64_t s = atomic_load_explicit(&g->state, CCPI_RLX);
    do
        if ((s & ACTIVE_MASK) == ACTIVE && (s & WAITED)) {
            count_off_locked(g);
            return;
        }
    /* [J1] release: what the task did.  Pairs with the acquires in active() and enqueue(). */
    while (!atomic_compare_exchange_weak_explicit(&g->state, &s, s - ACTIVE, CCPI_REL, CCPI_RLX));
}

static void work(void *arg)
{
    thread *th = arg;
    ccp_group *g = th->group;
    task t = th->first;
    th->handle = ccpi_thread_self();
    /* Relaxed: compared with by the thread itself only, in is_own_task(). */
    atomic_store_explicit(&th->self, ccpi_self_get(), CCPI_RLX);
    ccpi_lock_acquire(&g->lock);
    ccpi_list_append(&g->threads, &th->link); /* G5 */
    ccpi_lock_release(&g->lock);
    do {
        run_task(g, &t);
        count_off(g);
    } while (ccpi_await_elem(g->tasks, &t));
    atomic_store_explicit(&th->self, NULL, CCPI_RLX); /* another thread may be given the same one */
}

static bool is_own_task(ccp_group *g)
{
    ccpi_self *self = ccpi_self_get();
    bool own = false;
    ccpi_lock_acquire(&g->lock);
    for (ccpi_link *l = g->threads.first; l && !own; l = l->next)
        own = atomic_load_explicit(&CCPI_CONTAINER(l, thread, link)->self, CCPI_RLX) == self;
    ccpi_lock_release(&g->lock);
    return own;
}

static bool start_thread(ccp_group *g, const task *first)
{
    const ccpi_thread_opts how = { g->opts.name, g->opts.stack_size, false };
    thread *th = ccpi_alloc(sizeof *th);
    if (!th)
        return false;
    th->group = g;
    th->first = *first;
    ccpi_thread handle; /* the thread notes its own: it may have ended before we return */
    if (ccpi_thread_start(&handle, &how, work, th))
        return true;
    ccpi_free(th);
    return false;
}

static void join_threads(ccp_group *g)
{
    while (g->threads.first) {
        thread *th = CCPI_CONTAINER(g->threads.first, thread, link);
        ccpi_thread_join(th->handle);
        ccpi_list_remove(&g->threads, &th->link);
        ccpi_free(th);
    }
}

/* ---- tasks ---- */

/* G2: is a thread to be started for one task more? */
static bool needs_thread(const ccp_group *g, uint64_t s)
{
    uint64_t threads = THREADS(s);
    return threads <= (s & ACTIVE_MASK) && (!g->opts.limit || threads < g->opts.limit);
}

/* Brings a task that has its permit to a thread. */
static ccp_status hand_over(ccp_group *g, const task *t)
{
    bool fresh;
    uint64_t s = atomic_load_explicit(&g->state, CCPI_RLX);
    do
        fresh = needs_thread(g, s);
    /* Relaxed: a task that is counted publishes nothing. */
    while (!atomic_compare_exchange_weak_explicit(&g->state, &s,
                                                  s + ACTIVE + (fresh ? THREAD : 0), CCPI_RLX,
                                                  CCPI_RLX));
    if (!fresh)
        return ccp_chan_send(g->tasks, t, CCP_FOREVER); /* G2: soon */
    if (start_thread(g, t))
        return CCP_OK;
    atomic_fetch_sub_explicit(&g->state, THREAD, CCPI_RLX); /* relaxed: as above */
    count_off(g);
    return CCP_NOMEM;
}

static ccp_status take_permit(ccp_group *g, ccp_wait w)
{
    return g->permits ? ccp_chan_send(g->permits, NULL, w) : ccpi_wait_enter(w);
}

/* Starts *t, or runs it here, if this is a task of the group that would have to wait. */
static ccp_status start(ccp_group *g, task *t, ccp_wait w)
{
    ccp_status st = take_permit(g, ccp_under(w.ctx_, CCP_NOWAIT));
    bool here = st == CCP_AGAIN && !ccpi_wait_not_at_all(w) && is_own_task(g);
    if (st == CCP_AGAIN && !here)
        st = take_permit(g, w);
    if (!here && st != CCP_OK)
        return st;
    t->index = (size_t)atomic_fetch_add_explicit(&g->next, 1, CCPI_RLX); /* relaxed: a number */
    if (here) {
        run_task(g, t);
        return CCP_OK;
    }
    st = hand_over(g, t);
    uint64_t index = t->index + 1;
    if (st != CCP_OK) /* gives the number back, if it was the last one */
        (void)atomic_compare_exchange_strong_explicit(&g->next, &index, t->index, CCPI_RLX,
                                                      CCPI_RLX);
    return st;
}

ccp_status ccp_group_go(ccp_group *g, ccp_task fn, void *arg, ccp_wait w)
{
    if (!g || !fn)
        return CCP_INVAL;
    if (ccpi_is_dead(g))
        return CCP_FORKED;
    task t = { fn, arg, 0, NULL };
    if (g->opts.keep_going) {
        t.note = ccpi_alloc(sizeof *t.note);
        if (!t.note)
            return CCP_NOMEM;
    }
    ccp_status st = start(g, &t, w);
    if (st != CCP_OK)
        ccpi_free(t.note);
    return st;
}

/* ---- waiting ---- */

static bool active(const ccp_group *g)
{
    /* [J1] acquire: what the tasks did.  Pairs with the releases in count_off(). */
    return (atomic_load_explicit(&g->state, CCPI_ACQ) & ACTIVE_MASK) != 0;
}

/* Pauses for a moment: the last task may be about to end on another processor. */
static bool done_soon(const ccp_group *g)
{
    for (uint32_t i = 0; i < ccpi_tuning.quick_max; i++) {
        ccpi_relax();
        if (!active(g))
            return true;
    }
    return false;
}

/* G4; false if no task is under way. */
static bool enqueue(ccp_group *g, ccpi_node *n)
{
    ccpi_lock_acquire(&g->lock);
    /* [J1] acquire: as in active(). */
    uint64_t s = atomic_load_explicit(&g->state, CCPI_ACQ);
    while (s & ACTIVE_MASK)
        /* [J1] acquire: as above, if it fails. */
        if (atomic_compare_exchange_weak_explicit(&g->state, &s, s | WAITED, CCPI_ACQ, CCPI_ACQ)) {
            ccpi_queue_add(&g->waiters, n);
            break;
        }
    bool queued = n->queued;
    ccpi_lock_release(&g->lock);
    return queued;
}

/* Not served: takes the waiter out; true if the last task ended at the same moment. */
static bool withdraw(ccp_group *g, ccpi_node *n)
{
    ccpi_lock_acquire(&g->lock);
    bool done = !n->queued;
    if (n->queued)
        ccpi_queue_remove(&g->waiters, n);
    ccpi_lock_release(&g->lock);
    return done;
}

static ccp_status wait_until_done(ccp_group *g, ccp_wait w)
{
    if (!active(g))
        return CCP_OK;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    int64_t deadline = ccpi_wait_deadline(w);
    if (done_soon(g))
        return CCP_OK;
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_group_wait", g);
    ccpi_node_init(&node, &waiter, 0, NULL);
    if (!enqueue(g, &node))
        return CCP_OK;
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, deadline);
    if (verdict == 1 || withdraw(g, &node))
        return CCP_OK;
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

ccp_status ccp_group_wait(ccp_group *g, ccp_wait w)
{
    if (!g)
        return CCP_INVAL;
    if (ccpi_is_dead(g))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (is_own_task(g))
        return CCP_DEADLOCK;
    st = wait_until_done(g, w);
    return st == CCP_OK ? outcome(g) : st;
}

ccp_status ccp_group_free(ccp_group *g)
{
    if (!g)
        return CCP_OK;
    if (ccpi_is_dead(g)) {
        release(g);
        return CCP_OK;
    }
    if (active(g) || ccp_ctx_free(g->ctx) == CCP_BUSY) /* who waits, waits for active tasks: G4 */
        return CCP_BUSY;
    g->ctx = NULL;
    (void)ccp_chan_close(g->tasks);
    join_threads(g);
    while (g->failures.first) {
        failure *f = CCPI_CONTAINER(g->failures.first, failure, link);
        ccpi_list_remove(&g->failures, &f->link);
        ccpi_free(f);
    }
    release(g);
    return CCP_OK;
}
