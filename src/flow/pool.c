/* SPDX-License-Identifier: MIT
 *
 * The worker pool: threads that receive tasks from one channel, and its life.  The invariants are
 * in pool.h.
 */
/* uses: call parallel */
#include "flow/pool.h"

#include "base/backoff.h"
#include "base/check.h"
#include "base/cpus.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"
#include "flow/call.h"
#include "flow/parallel.h"

#define MAX_WORKERS 65536

/* ---- workers ---- */

/* A task has left its blocking sections open. */
static CCPI_COLD void end_sections(ccpi_worker *w)
{
    w->sections = 0;
    ccpi_pool_unblock(w->home.pool);
}

static void run_task(ccpi_worker *w, const ccpi_task *t, uint64_t turn)
{
    /* [Q2] release: the task was received before.  Pairs with the acquire in ccpi_pool_turn(). */
    atomic_store_explicit(&w->turn, turn + 1, CCPI_REL);
    ccp_status st = CCPI_UNLIKELY(w->home.pool->measured) ? ccpi_pool_run_measured(w, t)
                                                          : t->fn(w->home.ctx, t->arg);
    if (st != CCP_OK)
        atomic_fetch_add_explicit(&w->failed, 1, CCPI_RLX);
    if (CCPI_UNLIKELY(w->sections))
        end_sections(w);
    /* [Q1] seq_cst: before the loads of `drainers` and `size`; release: what the task did (P6). */
    atomic_store_explicit(&w->turn, turn + 2, CCPI_SC);
    ccpi_pool_tell(w->home.pool);
}

/* How long a worker waits for a task, before it asks whether to leave. */
static ccp_wait patience(const ccp_pool *p, uint64_t size)
{
    const ccp_pool_opts *o = &p->opts;
    return o->idle && CCPI_POOL_LIVE(size) > o->min ? ccp_within(o->idle) : CCP_FOREVER;
}

/* An element without a function: true if it is a ticket, and *t the task to run for it. */
static CCPI_COLD bool redeem(ccpi_worker *w, ccpi_task *t)
{
    ccp_pool *p = w->home.pool;
    if (t->arg && ccpi_jobs_begin(p, t, CCPI_BEST, w->home.ctx))
        return true;
    /* [Q4] [Q1] seq_cst: noted after it was received, before `drainers` is looked at. */
    atomic_fetch_add_explicit(&p->skipped, 1, CCPI_SC);
    ccpi_pool_blank_noted(p);
    ccpi_pool_tell(p);
    return false;
}

/* False: the worker shall end.  Inline: a task may take no longer than the rest of this loop. */
CCPI_INLINE bool next_task(ccpi_worker *w, ccpi_task *t)
{
    ccp_pool *p = w->home.pool;
    for (;;) {
        uint64_t size = ccpi_pool_size(p);
        if (CCPI_UNLIKELY(CCPI_POOL_LIVE(size) > CCPI_POOL_LIMIT(size)) &&
            ccpi_pool_leave(w, false))
            return false;
        ccp_status st = ccp_chan_recv(p->tasks, t, p->plain ? CCP_FOREVER : patience(p, size));
        if (CCPI_LIKELY(st == CCP_OK && t->fn))
            return true;
        if (st == CCP_OK) {
            if (redeem(w, t))
                return true;
        } else if (st == CCP_CLOSED || ccpi_pool_leave(w, true)) {
            return false;
        }
    }
}

void ccpi_pool_work(void *arg)
{
    ccpi_worker *w = arg;
    const ccp_pool_opts *o = &w->home.pool->opts;
    ccpi_task t = w->first;
    ccpi_self_get()->home = &w->home;
    /* Relaxed: for information, and a hint. */
    atomic_store_explicit(&w->number, ccpi_thread_id(), CCPI_RLX);
    if (o->tune)
        atomic_store_explicit(&w->clock, ccpi_cpu_clock_here(), CCPI_RLX);
    if (o->worker_start)
        o->worker_start(w->home.ctx, o->worker_arg);
    ccpi_pool_ready(w);
    uint64_t turn = atomic_load_explicit(&w->turn, CCPI_RLX); /* ours alone */
    bool more = t.fn || (t.arg && redeem(w, &t)) || next_task(w, &t);
    for (; more; turn += 2, more = next_task(w, &t))
        run_task(w, &t, turn);
    if (o->worker_end)
        o->worker_end(w->home.ctx, o->worker_arg);
    ccpi_self_get()->home = NULL;
    ccpi_pool_ended(w);
}

bool ccpi_pool_is_own_thread(const ccp_pool *p)
{
    const ccpi_home *home = ccpi_self_get()->home;
    return home && home->pool == p;
}

/* ---- what a dump says ---- */

static void describe(const void *object, ccpi_text *t)
{
    const ccp_pool *p = object;
    ccpi_text_add(t, ", ");
    ccpi_text_add_count(t, CCPI_POOL_LIVE(ccpi_pool_size(p)), "worker", "workers");
    ccpi_text_add(t, ", ");
    ccpi_text_add_count(t, ccp_chan_len(p->tasks), "task waits", "tasks wait");
    if (ccp_chan_is_closed(p->tasks))
        ccpi_text_add(t, ", closed");
}

static const ccpi_kind kind = { "pool", "ccp_pool_", describe, ccpi_pool_forked };

/* ---- making ---- */

static void release(ccp_pool *p)
{
    ccpi_untrack(p);
    ccpi_worker *w = ccpi_pool_next(&p->first);
    while (w) {
        ccpi_worker *next = ccpi_pool_next(&w->next);
        (void)ccp_ctx_free(w->home.ctx);
        ccpi_free_lines(w);
        w = next;
    }
    ccpi_late_end(p);
    ccpi_pool_close_idle(p);
    (void)ccp_chan_free(p->alarm);
    (void)ccp_chan_free(p->tasks);
    (void)ccp_ctx_free(p->ctx);
    ccpi_free_lines(p);
}

static bool is_absurd(const ccp_pool_opts *o, unsigned workers)
{
    return workers > MAX_WORKERS || o->spare > MAX_WORKERS || o->idle < 0 || o->stall < 0 ||
           o->tune < 0 || (o->tune && o->stall) || ((o->idle || o->tune) && o->min > workers);
}

/* As many as it has at first. */
static unsigned first_base(const ccp_pool_opts *o, unsigned workers)
{
    unsigned cpus = o->tune ? ccp_cpu_count() : workers;
    unsigned base = cpus > o->min ? cpus : o->min;
    return base < workers ? base : workers;
}

static ccp_pool *make(const ccp_pool_opts *o, unsigned workers)
{
    unsigned base = first_base(o, workers);
    ccp_pool *p = ccpi_alloc_lines(sizeof *p);
    if (!p)
        return NULL;
    p->opts = *o;
    if (!o->name)
        p->opts.name = "ccp";
    p->met = o->queue == 0;
    p->measured = o->measure;
    p->elastic = o->idle || o->spare || o->tune;
    p->plain = !p->met && !p->elastic;
    atomic_init(&p->bound, o->tune ? workers : MAX_WORKERS);
    atomic_init(&p->base, base);
    atomic_init(&p->size, (uint64_t)base << 32);
    p->ctx = ccp_ctx_new(o->parent, CCP_FOREVER);
    p->tasks = ccp_chan_make(&(ccp_chan_opts){
        .elem_size = o->measure ? sizeof(ccpi_task) : offsetof(ccpi_task, since),
        .capacity = o->queue,
        .name = p->opts.name });
    if (p->ctx && p->tasks) {
        ccpi_track(p, &kind, o->name);
        ccpi_track_part(p->ctx, p);
        ccpi_track_part(p->tasks, p);
        return p;
    }
    release(p);
    return NULL;
}

ccp_pool *ccp_pool_new(const ccp_pool_opts *o)
{
    static const ccp_pool_opts defaults;
    if (!o)
        o = &defaults;
    unsigned workers = o->workers ? o->workers : ccp_cpu_count();
    ccp_pool *p = is_absurd(o, workers) ? NULL : make(o, workers);
    if (!p)
        return NULL;
    ccpi_grown grown = CCPI_GROWN;
    while (grown == CCPI_GROWN && ccpi_pool_needs(p))
        grown = ccpi_pool_grow(p, NULL);
    bool enough = grown != CCPI_SHORT || (o->partial && CCPI_POOL_LIVE(ccpi_pool_size(p)) > 0);
    if (enough && ccpi_pool_watch(p))
        return p;
    (void)ccp_chan_close(p->tasks);
    ccpi_pool_join(p);
    release(p);
    return NULL;
}

ccp_ctx *ccpi_pool_ctx(const ccp_pool *p)
{
    return p->ctx;
}

/* ---- tasks ---- */

/* With nobody there and nobody to be had: closed, or out of threads. */
static ccp_status no_worker(const ccp_pool *p)
{
    return ccp_chan_is_closed(p->tasks) ? CCP_CLOSED : CCP_NOMEM;
}

static bool nobody_lives(const ccp_pool *p)
{
    return CCPI_POOL_LIVE(ccpi_pool_size(p)) == 0;
}

/* Brings a task to an idle worker, or to a new one. */
static ccp_status meet_or_grow(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    ccp_status st = ccp_chan_send(p->tasks, t, ccp_under(w.ctx_, CCP_NOWAIT));
    if (st != CCP_AGAIN)
        return st;
    ccpi_grown grown = ccpi_pool_grow(p, t);
    if (grown == CCPI_GROWN)
        return CCP_OK;
    if (grown == CCPI_SHORT && nobody_lives(p))
        return no_worker(p);
    ccpi_pool_alarm(p);
    return ccp_chan_send(p->tasks, t, w);
}

static ccp_status submit_met(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    /* [Q3] seq_cst: counted before it can be accepted, so never less than what was noted; and
     * before `size` is looked at, see is_quiet(). */
    atomic_fetch_add_explicit(&p->offered, 1, CCPI_SC);
    ccp_status st = p->elastic ? meet_or_grow(p, t, w) : ccp_chan_send(p->tasks, t, w);
    if (st != CCP_OK) {
        atomic_fetch_sub_explicit(&p->offered, 1, CCPI_SC); /* [Q3] as above */
        ccpi_pool_tell(p);
    }
    return st;
}

/* With a queue, and workers that come and go. */
static ccp_status submit_elastic(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    /* [Z4] seq_cst, Dekker: before `size` is looked at.  Pairs with is_quiet(). */
    atomic_fetch_add_explicit(&p->entering, 1, CCPI_SC);
    if (nobody_lives(p) && ccpi_pool_grow(p, NULL) == CCPI_SHORT && nobody_lives(p))
        st = no_worker(p);
    else
        st = ccp_chan_send(p->tasks, t, w);
    if (st == CCP_OK && ccpi_pool_needs(p))
        (void)ccpi_pool_grow(p, NULL); /* if it fails, one who lives will come to it */
    ccpi_pool_alarm(p);
    atomic_fetch_sub_explicit(&p->entering, 1, CCPI_RLX); /* only keeps workers here */
    return st;
}

static ccp_status submit(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    if (CCPI_LIKELY(p->plain))
        return ccp_chan_send(p->tasks, t, w);
    return p->met ? submit_met(p, t, w) : submit_elastic(p, t, w);
}

/* How often a task looks again for room that others, who wait for it too, may just have got. */
#define LAST_LOOKS 20

/* The queue is full, and who submits is a worker of the pool: as long as it waits it cannot make
 * room.  So there may be a worker more; if nobody is left to make room, it would wait for ever. */
static ccp_status submit_own(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    bool for_ever = !w.ctx_ && w.ns_ == INT64_MAX, sticks = false;
    ccp_status st = CCP_AGAIN;
    ccpi_pool_block(p);
    unsigned tries = 0;
    while (for_ever && st == CCP_AGAIN && !(sticks = ccpi_pool_stick(p)) && tries < LAST_LOOKS) {
        ccpi_backoff(&tries);
        st = submit(p, t, CCP_NOWAIT);
    }
    if (st == CCP_AGAIN)
        st = for_ever && !sticks ? CCP_DEADLOCK : submit(p, t, w);
    if (sticks)
        ccpi_pool_unstick(p);
    ccpi_pool_unblock(p);
    return st;
}

/* By the pool's own threads, too. */
static ccp_status submit_any(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    if (CCPI_LIKELY(!ccpi_pool_is_own_thread(p)))
        return submit(p, t, w);
    ccp_status st = submit(p, t, ccp_under(w.ctx_, CCP_NOWAIT));
    return st == CCP_AGAIN && !ccpi_wait_not_at_all(w) ? submit_own(p, t, w) : st;
}

/* ---- no room ---- */

static void undo(const ccpi_task *t, ccp_unrun unrun, void *arg)
{
    if (!ccpi_call_undo(t->fn, t->arg) && !ccpi_parallel_undo(t->fn, t->arg) &&
        !ccpi_job_undo(t->fn, t->arg, unrun, arg) && unrun)
        unrun(t->fn, t->arg, arg);
}

static void drop(ccp_pool *p, const ccpi_task *t)
{
    atomic_fetch_add_explicit(&p->dropped, 1, CCPI_RLX); /* a count */
    undo(t, p->opts.unrun, p->opts.unrun_arg);
}

/* Takes the oldest task out of the queue, so that there is room; false if there is none. */
static bool drop_oldest(ccp_pool *p)
{
    ccpi_task t;
    if (ccp_chan_recv(p->tasks, &t, CCP_NOWAIT) != CCP_OK)
        return false;
    bool is_task = t.fn || (t.arg && ccpi_jobs_withdraw(p, &t, CCPI_OLDEST));
    /* [Q4] [Q1] seq_cst: noted after it was received, before `drainers` is looked at. */
    atomic_fetch_add_explicit(&p->skipped, 1, CCPI_SC);
    ccpi_pool_tell(p);
    if (is_task)
        drop(p, &t);
    else
        ccpi_pool_blank_noted(p);
    return true;
}

static ccp_status run_here(ccp_pool *p, ccpi_task t)
{
    if (!t.fn && !ccpi_jobs_begin(p, &t, CCPI_OWN, p->ctx)) {
        ccpi_pool_blank_noted(p); /* it is not in the channel */
        return CCP_OK;
    }
    if (t.fn(p->ctx, t.arg) != CCP_OK)
        atomic_fetch_add_explicit(&p->failed_here, 1, CCPI_RLX); /* a count, as the next */
    atomic_fetch_add_explicit(&p->ran_here, 1, CCPI_RLX);
    return CCP_OK;
}

/* The queue had no room for as long as the caller may wait. */
static CCPI_NOINLINE ccp_status no_room(ccp_pool *p, const ccpi_task *t)
{
    ccp_status st = CCP_AGAIN;
    ccpi_task it = *t;
    if (p->opts.full == CCP_FULL_RUNS)
        return run_here(p, it);
    while (p->opts.full == CCP_FULL_DROPS_OLDEST && st == CCP_AGAIN && drop_oldest(p))
        st = submit(p, t, CCP_NOWAIT);
    ccpi_pool_kick(p); /* what was taken out may have been for an idle worker */
    if (st != CCP_AGAIN)
        return st;
    if (!it.fn)
        (void)ccpi_jobs_withdraw(p, &it, CCPI_OWN);
    drop(p, &it);
    return CCP_OK;
}

ccp_status ccpi_pool_accept(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    ccp_status st = submit_any(p, t, w);
    if (CCPI_LIKELY(st == CCP_OK))
        return st;
    if (st == CCP_FORKED)
        return ccpi_pool_accept_in_child(p, t, w);
    if (p->opts.full == CCP_FULL_FAILS)
        return st;
    bool late = st == CCP_TIMEOUT && ccp_ctx_status(w.ctx_) == CCP_OK;
    return st == CCP_AGAIN || late ? no_room(p, t) : st;
}

ccp_status ccpi_pool_offer(ccp_pool *p, const ccpi_task *t, ccp_wait w)
{
    return submit_any(p, t, w);
}

ccp_status ccp_pool_submit(ccp_pool *p, ccp_task fn, void *arg, ccp_wait w)
{
    if (!p || !fn)
        return CCP_INVAL;
    const ccpi_task t = { fn, arg, ccpi_pool_stamp(p) };
    return ccpi_pool_accept(p, &t, w);
}

/* ---- tasks that block ---- */

/* The calling thread, if it is a worker of p. */
static ccpi_worker *own_worker(const ccp_pool *p)
{
    return ccpi_pool_is_own_thread(p) ? CCPI_CONTAINER(ccpi_self_get()->home, ccpi_worker, home)
                                      : NULL;
}

ccp_status ccp_pool_block(ccp_pool *p)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccpi_worker *w = own_worker(p);
    if (!w)
        return CCPI_MISUSE("ccp_pool_block", "the caller is no task of the pool");
    if (w->sections++ == 0)
        ccpi_pool_block(p);
    return CCP_OK;
}

ccp_status ccp_pool_unblock(ccp_pool *p)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccpi_worker *w = own_worker(p);
    if (!w || w->sections == 0)
        return CCPI_MISUSE("ccp_pool_unblock", "the caller is in no blocking section");
    if (--w->sections == 0)
        ccpi_pool_unblock(p);
    return CCP_OK;
}

ccp_status ccp_pool_close(ccp_pool *p)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccp_status st = ccp_chan_close(p->tasks);
    if (st == CCP_OK)
        ccpi_late_close(p, p->opts.unrun, p->opts.unrun_arg);
    return st;
}

/* ---- ending ---- */

/* Takes what no worker has taken, and hands it over. */
static void hand_back(ccp_pool *p, ccp_unrun unrun, void *arg)
{
    ccpi_task t;
    ccpi_lock_acquire(&p->lock);
    p->handing_back = true;
    ccpi_lock_release(&p->lock);
    while (ccp_chan_recv(p->tasks, &t, CCP_NOWAIT) == CCP_OK) {
        bool is_task = t.fn || (t.arg && ccpi_jobs_withdraw(p, &t, CCPI_OLDEST));
        /* [Q4] [Q1] seq_cst: noted after it was received, before `drainers` is looked at. */
        atomic_fetch_add_explicit(is_task ? &p->returned : &p->skipped, 1, CCPI_SC);
        if (is_task)
            undo(&t, unrun, arg);
        else
            ccpi_pool_blank_noted(p);
    }
    ccpi_pool_tell(p);
}

ccp_status ccp_pool_abort(ccp_pool *p, ccp_unrun unrun, void *unrun_arg)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    if (!unrun) {
        unrun = p->opts.unrun;
        unrun_arg = p->opts.unrun_arg;
    }
    (void)ccp_chan_close(p->tasks);
    ccpi_late_close(p, unrun, unrun_arg);
    hand_back(p, unrun, unrun_arg);
    ccp_ctx_cancel(p->ctx);
    return CCP_OK;
}

static ccp_status stop(ccp_pool *p, ccp_unrun unrun, void *arg, ccp_wait w)
{
    (void)ccp_chan_close(p->tasks);
    ccpi_late_close(p, unrun, arg);
    ccp_status st = ccp_pool_drain(p, w);
    if (st != CCP_OK)
        (void)ccp_pool_abort(p, unrun, arg);
    ccpi_pool_join(p);
    return st;
}

ccp_status ccp_pool_shutdown(ccp_pool *p, ccp_unrun unrun, void *unrun_arg, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    if (ccpi_pool_is_own_thread(p) || ccpi_late_is_own_thread(p))
        return CCP_DEADLOCK;
    /* Relaxed: one thread at a time calls this. */
    if (atomic_exchange_explicit(&p->shut, 1, CCPI_RLX))
        return CCP_CLOSED;
    return unrun ? stop(p, unrun, unrun_arg, w) : stop(p, p->opts.unrun, p->opts.unrun_arg, w);
}

ccp_status ccp_pool_free(ccp_pool *p)
{
    if (!p)
        return CCP_OK;
    if (ccpi_pool_is_dead(p)) {
        ccp_status st = ccp_pool_free(ccpi_pool_in_child(p));
        if (st == CCP_OK)
            release(p);
        return st;
    }
    if (ccp_pool_shutdown(p, NULL, NULL, CCP_NOWAIT) == CCP_DEADLOCK)
        return CCP_DEADLOCK;
    release(p);
    return CCP_OK;
}

/* But for what workers have done. */
static void look(const ccp_pool *p, ccp_pool_info *out)
{
    ccp_chan_info tasks;
    (void)ccp_chan_get_info(p->tasks, &tasks);
    uint64_t size = ccpi_pool_size(p);
    size_t blanks = atomic_load_explicit(&p->blanks, CCPI_RLX); /* relaxed: a count */
    *out = (ccp_pool_info){
        .workers = CCPI_POOL_LIVE(size),
        .queued = tasks.len - (blanks < tasks.len ? blanks : tasks.len),
        .queue_cap = tasks.capacity,
        .queue_high_water = tasks.high_water,
        .name = p->opts.name,
        .limit = CCPI_POOL_LIMIT(size),
        /* Relaxed: counts. */
        .most = atomic_load_explicit(&p->most, CCPI_RLX),
        .dropped = atomic_load_explicit(&p->dropped, CCPI_RLX),
        .handed_back = atomic_load_explicit(&p->returned, CCPI_RLX),
        .finished = atomic_load_explicit(&p->ran_here, CCPI_RLX),
        .failed = atomic_load_explicit(&p->failed_here, CCPI_RLX),
    };
    out->handed_back += out->dropped;
    ccpi_jobs_info((ccp_pool *)(uintptr_t)p, out);
}

ccp_status ccp_pool_get_info(const ccp_pool *p, ccp_pool_info *out)
{
    if (!p || !out)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    look(p, out);
    for (const ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        uint64_t turn = ccpi_pool_turn(w);
        out->finished += turn / 2;
        out->busy += (unsigned)(turn % 2);
        out->failed += atomic_load_explicit(&w->failed, CCPI_RLX);
        if (p->measured)
            ccpi_pool_add_figures(w, out);
    }
    if (p->measured)
        ccpi_pool_sum_up(out);
    return CCP_OK;
}
