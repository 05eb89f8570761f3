/* SPDX-License-Identifier: MIT
 *
 * Jobs with `after`.  Each has a timer of the pool; the thread of these timers brings a job whose
 * time has come into the queue, as if it submitted it.  While there is no room it waits there: then
 * none of the others, which come later, could get in either.
 *
 * Invariants (beside those of pool_jobs.c)
 *   J6  A job is in `late` if and only if it is LATE or DUE.  Who takes it out, under the lock,
 *       makes it WAITING, or ENDED and hands it back; so it is brought to its end once.
 *   J7  A job that is taken out while it is DUE owes what becomes of its ticket: if that is
 *       accepted nevertheless, it is one to spare (J1).  Until it is, or is refused, it is in
 *       `owed`: a ticket that stands for no task, accepted perhaps.
 *   J8  refs counts the timer of a job, too, from its start until it was stopped before it ran out,
 *       or else until the function has found the job taken out, or, having offered it, has entered
 *       it or been refused.
 *   J9  A job becomes LATE under the lock, while the channel is open; who closes the channel takes
 *       out all that are.  So afterwards there is none.
 */
/* uses: pool pool_jobs */
#include "base/mem.h"
#include "base/track.h"
#include "coord/timers.h"
#include "flow/pool_jobs.h"

#define LATE(link_) CCPI_CONTAINER(CCPI_CONTAINER(link_, ccpi_job, link), ccpi_late, job)

/* Under the lock: n references less; true if they were the last. */
static bool unref_locked(ccpi_late *l, unsigned n)
{
    return (l->job.refs -= n) == 0;
}

void ccpi_late_leave_locked(ccpi_jobs *s, ccpi_job *j)
{
    ccpi_list_remove(&s->late, &j->link);
    s->late_now--;
    j->state = CCPI_JOB_ENDED;
}

/* ---- the timers ---- */

static ccp_timers *timers_of(ccp_pool *p)
{
    /* [A1] acquire: pairs with the release in make_timers(). */
    return atomic_load_explicit(&p->jobs.timers, CCPI_ACQ);
}

/* The pool's, of which there is one set; NULL if memory is short. */
static ccp_timers *make_timers(ccp_pool *p)
{
    ccp_timers *ts = timers_of(p);
    if (ts)
        return ts;
    ccp_timers *fresh = ccp_timers_new(
        &(ccp_timers_opts){ .name = p->opts.name, .stack_size = p->opts.stack_size });
    ccpi_track_part(fresh, p);
    /* [A1] release: the timers; acquire: another's.  Pairs with timers_of(). */
    if (!fresh || atomic_compare_exchange_strong_explicit(&p->jobs.timers, &ts, fresh, CCPI_ACQ_REL,
                                                          CCPI_ACQ))
        return fresh;
    (void)ccp_timers_free(fresh);
    return ts;
}

bool ccpi_late_is_own_thread(const ccp_pool *p)
{
    ccp_timers *ts = timers_of((ccp_pool *)(uintptr_t)p);
    return ts && ccpi_timers_is_own_thread(ts);
}

void ccpi_late_end(ccp_pool *p)
{
    ccp_timers *ts = timers_of(p);
    if (ts)
        ccpi_timers_end(ts);
}

/* ---- when the time has come ---- */

/* LATE, it becomes DUE, its ticket counted; false if it was taken out. */
static bool becomes_due(ccpi_late *l)
{
    ccpi_jobs *s = &l->job.pool->jobs;
    bool last = false;
    ccpi_lock_acquire(&s->lock);
    bool is = l->job.state == CCPI_JOB_LATE;
    if (is) {
        l->job.state = CCPI_JOB_DUE;
        l->job.refs++;
    } else {
        last = unref_locked(l, 1);
    }
    ccpi_lock_release(&s->lock);
    if (last)
        ccpi_free(l);
    return is;
}

/* The pool is closed, or has no worker and can have none. */
static void refused(ccpi_late *l, ccp_status why)
{
    ccp_pool *p = l->job.pool;
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    bool last = unref_locked(l, 2), ours = l->job.state == CCPI_JOB_DUE;
    if (ours)
        ccpi_late_leave_locked(s, &l->job);
    s->closed += ours && why == CCP_CLOSED;
    s->owed -= l->job.owes;
    ccpi_lock_release(&s->lock);
    if (ours) {
        ccpi_job_hand_back(&l->job, p->opts.unrun, p->opts.unrun_arg,
                           why == CCP_CLOSED ? CCP_OK : why);
        ccpi_pool_tell(p);
    } else if (last) {
        ccpi_free(l);
    }
}

/* In the thread of the timers. */
static void offer(void *arg)
{
    ccpi_late *l = arg;
    ccp_pool *p = l->job.pool;
    (void)ccp_timer_stop(&l->timer, CCP_NOWAIT); /* it is ours now, whatever becomes of the job */
    if (!becomes_due(l))
        return;
    const ccpi_task ticket = { NULL, &l->job, 0 };
    ccp_status st = ccpi_pool_offer(p, &ticket, CCP_FOREVER);
    if (st == CCP_OK)
        ccpi_job_enter(p, &l->job);
    else
        refused(l, st);
}

/* ---- submitting ---- */

/* J9 */
static bool becomes_late(ccp_pool *p, ccpi_late *l)
{
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    bool open = !ccp_chan_is_closed(p->tasks);
    if (open) {
        l->job.state = CCPI_JOB_LATE;
        l->job.refs = 3; /* who submits, the timer, who brings it to its end */
        ccpi_list_append(&s->late, &l->job.link);
        s->late_now++;
        /* Relaxed: changes under the lock. */
        uint64_t before = atomic_load_explicit(&s->lates, CCPI_RLX);
        atomic_store_explicit(&s->lates, before + 1, CCPI_RLX);
    }
    ccpi_lock_release(&s->lock);
    return open;
}

/* The timer could not be started: true if nothing has happened, false if somebody has taken the job
 * out and handed it back. */
static bool undone(ccp_pool *p, ccpi_late *l)
{
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    bool ours = l->job.state == CCPI_JOB_LATE;
    if (ours)
        ccpi_late_leave_locked(s, &l->job);
    bool last = unref_locked(l, ours ? 3 : 2);
    ccpi_lock_release(&s->lock);
    if (last)
        ccpi_free(l);
    if (ours)
        ccpi_pool_tell(p);
    return ours;
}

/* Stops the timer of a job that was taken out; if it runs out just now its function finds that.
 * The caller has a reference, so this is not the last one. */
static void stop_timer(ccp_pool *p, ccpi_late *l)
{
    if (ccp_timer_stop(&l->timer, CCP_NOWAIT) != CCP_OK)
        return;
    ccpi_lock_acquire(&p->jobs.lock);
    (void)unref_locked(l, 1);
    ccpi_lock_release(&p->jobs.lock);
}

/* The timer was started: from now on it can be stopped. */
static void arm(ccp_pool *p, ccpi_late *l)
{
    ccpi_lock_acquire(&p->jobs.lock);
    l->armed = true;
    bool abandoned = l->abandoned, last = !abandoned && unref_locked(l, 1);
    ccpi_lock_release(&p->jobs.lock);
    if (abandoned) {
        stop_timer(p, l);
        ccpi_lock_acquire(&p->jobs.lock);
        last = unref_locked(l, 1);
        ccpi_lock_release(&p->jobs.lock);
    }
    if (last)
        ccpi_free(l);
}

ccp_status ccpi_late_submit(ccp_pool *p, ccpi_late *l)
{
    ccp_timers *ts = make_timers(p);
    ccp_status st = !ts ? CCP_NOMEM : becomes_late(p, l) ? CCP_OK : CCP_CLOSED;
    if (st != CCP_OK) {
        ccpi_free(l);
        return st;
    }
    const ccp_timer_opts o = { .fn = offer, .arg = l, .at = l->due };
    if (ccp_timer_start(ts, &l->timer, &o) != CCP_OK)
        return undone(p, l) ? CCP_NOMEM : CCP_OK;
    arm(p, l);
    return CCP_OK;
}

/* ---- taking out ---- */

size_t ccpi_late_take_locked(ccpi_jobs *s, const void *owner, ccpi_list *out)
{
    size_t n = 0;
    for (ccpi_link *link = s->late.first, *next; link; link = next) {
        ccpi_late *l = LATE(link);
        next = link->next;
        if (owner && l->job.o.owner != owner)
            continue;
        l->job.owes = l->job.state == CCPI_JOB_DUE; /* J7 */
        s->owed += l->job.owes;
        s->withdrawn += l->job.owes; /* the ticket may have been accepted */
        l->stops = l->job.state == CCPI_JOB_LATE && l->armed;
        l->abandoned = l->job.state == CCPI_JOB_LATE && !l->armed;
        ccpi_late_leave_locked(s, &l->job);
        ccpi_list_append(out, link);
        n++;
    }
    return n;
}

void ccpi_late_hand_back(ccp_pool *p, ccpi_list *out, ccp_unrun unrun, void *unrun_arg,
                         ccp_status why)
{
    if (!out->first)
        return;
    while (out->first) {
        ccpi_late *l = LATE(out->first);
        ccpi_list_remove(out, out->first);
        if (l->stops)
            stop_timer(p, l);
        ccpi_job_hand_back(&l->job, unrun, unrun_arg, why);
    }
    ccpi_pool_tell(p);
}

void ccpi_late_close(ccp_pool *p, ccp_unrun unrun, void *unrun_arg)
{
    ccpi_list out = { NULL, NULL };
    ccpi_lock_acquire(&p->jobs.lock);
    p->jobs.closed += ccpi_late_take_locked(&p->jobs, NULL, &out);
    ccpi_lock_release(&p->jobs.lock);
    ccpi_late_hand_back(p, &out, unrun, unrun_arg, CCP_OK);
}

/* ---- for those who wait ---- */

bool ccpi_late_all_had_a_place(ccp_pool *p)
{
    ccpi_lock_acquire(&p->jobs.lock);
    bool all = p->jobs.closed == 0;
    ccpi_lock_release(&p->jobs.lock);
    return all;
}

bool ccpi_late_none(ccp_pool *p, uint64_t *ever)
{
    /* Relaxed: it is about those whose acceptance happened before this. */
    *ever = atomic_load_explicit(&p->jobs.lates, CCPI_RLX);
    if (*ever == 0)
        return true;
    ccpi_lock_acquire(&p->jobs.lock);
    bool none = !p->jobs.late.first;
    *ever = atomic_load_explicit(&p->jobs.lates, CCPI_RLX);
    ccpi_lock_release(&p->jobs.lock);
    return none;
}
