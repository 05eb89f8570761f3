/* SPDX-License-Identifier: MIT
 *
 * Jobs: tasks with options.  They wait beside the channel; what goes through it, and has its place
 * there, is a ticket.  Who receives one redeems it for the job whose turn it is, and that need not
 * be the one that came with it.
 *
 * Invariants
 *   J1  A job is WAITING if and only if it is in the heap and in `waiting`.  Tickets that were
 *       accepted and not redeemed are as many as jobs that are WAITING, jobs that are NEW and whose
 *       ticket was accepted, and `spare`.  So whoever redeems a ticket finds a job, or a spare one.
 *   J2  A job becomes WAITING after its ticket was accepted: by the thread that submits it, or
 *       before, by who redeems its ticket.  So a job whose ticket finds no room was seen by nobody.
 *   J3  Who takes a job out of WAITING, or has a NEW one whose ticket was not accepted, runs it or
 *       hands it back, and nobody else does.
 *   J4  `waiting` is in the order of `number`; RUNNING are those that are in `running`, which a
 *       worker has.
 *   J5  refs counts the thread that submits a job, its ticket until it is redeemed, and whoever is
 *       to bring it to its end.
 *   Those with `after` have more of them, J6 to J9, in pool_late.c.
 * Locks           `lock` of the jobs protects them; no other lock is taken under it.
 */
/* uses: pool pool_late */
#include "base/check.h"
#include "base/mem.h"
#include "block/wait.h"
#include "coord/await.h"
#include "flow/pool_jobs.h"

typedef ccpi_job job;

#define JOB(member, ptr) CCPI_CONTAINER(ptr, job, member)

static bool comes_before(const ccpi_leaf *a, const ccpi_leaf *b)
{
    const job *x = CCPI_CONTAINER((uintptr_t)a, const job, leaf);
    const job *y = CCPI_CONTAINER((uintptr_t)b, const job, leaf);
    if (x->o.priority != y->o.priority)
        return x->o.priority > y->o.priority;
    return x->number < y->number;
}

/* ---- waiting ---- */

/* J2: from now on it counts as accepted. */
static void number_locked(ccpi_jobs *s, job *j, ccpi_job_state to)
{
    j->state = to;
    j->number = atomic_load_explicit(&s->accepted, CCPI_RLX); /* changes under the lock */
    atomic_store_explicit(&s->accepted, j->number + 1, CCPI_RLX);
}

static void enter_locked(ccpi_jobs *s, job *j)
{
    if (j->state == CCPI_JOB_DUE)
        ccpi_late_leave_locked(s, j);
    else if (j->state != CCPI_JOB_NEW) {
        s->spare += j->owes; /* J7 */
        s->owed -= j->owes;
        j->owes = false;
        return;
    }
    number_locked(s, j, CCPI_JOB_WAITING);
    ccpi_list_append(&s->waiting, &j->link);
    s->best = ccpi_heap_add(s->best, &j->leaf, comes_before);
}

static void leave_locked(ccpi_jobs *s, job *j)
{
    CCPI_CHECK(j->state == CCPI_JOB_WAITING);
    ccpi_list_remove(&s->waiting, &j->link);
    s->best = ccpi_heap_remove(s->best, &j->leaf, comes_before);
    j->state = CCPI_JOB_ENDED;
}

static void run_locked(ccpi_jobs *s, job *j)
{
    j->state = CCPI_JOB_RUNNING;
    ccpi_list_append(&s->running, &j->link);
}

/* Is it time for the one that waits longest? */
static bool ages_locked(ccpi_jobs *s, unsigned aging)
{
    if (aging == 0 || ++s->begun < aging)
        return false;
    s->begun = 0;
    return true;
}

static job *redeem_locked(ccpi_jobs *s, job *came, unsigned aging, ccpi_redeem which)
{
    if (which == CCPI_OWN) {
        number_locked(s, came, CCPI_JOB_ENDED);
        return came;
    }
    enter_locked(s, came);
    if (!s->best) {
        CCPI_CHECK(s->spare > 0); /* J1 */
        s->spare--;
        ccpi_pool_blank(came->pool);
        return NULL;
    }
    bool oldest = which == CCPI_OLDEST || ages_locked(s, aging);
    job *j = oldest ? JOB(link, s->waiting.first) : JOB(leaf, s->best);
    leave_locked(s, j);
    if (which == CCPI_BEST)
        run_locked(s, j);
    return j;
}

/* The job for the ticket that came with `came`. */
static job *redeem(ccp_pool *p, job *came, ccpi_redeem which)
{
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    job *j = redeem_locked(s, came, p->opts.aging, which);
    bool last = --came->refs == 0;
    ccpi_lock_release(&s->lock);
    if (last)
        ccpi_free(came);
    return j;
}

/* ---- the end of a job ---- */

/* Why one is dropped. */
static void count_locked(ccpi_jobs *s, ccp_status why)
{
    s->expired += why == CCP_TIMEOUT;
    s->canceled += why == CCP_CANCELED;
    s->unmade += why == CCP_NOMEM;
}

/* J5; `why` is CCP_OK if it is not counted. */
static void let_go(job *j, ccp_status why)
{
    ccpi_jobs *s = &j->pool->jobs;
    ccpi_lock_acquire(&s->lock);
    if (j->state == CCPI_JOB_RUNNING)
        ccpi_list_remove(&s->running, &j->link);
    j->state = CCPI_JOB_ENDED;
    count_locked(s, why);
    bool last = --j->refs == 0;
    ccpi_lock_release(&s->lock);
    if (last)
        ccpi_free(j);
}

void ccpi_job_hand_back(job *j, ccp_unrun unrun, void *unrun_arg, ccp_status why)
{
    ccp_wg *done = j->o.done;
    const ccpi_task t = j->task;
    let_go(j, why);
    if (unrun)
        unrun(t.fn, t.arg, unrun_arg);
    if (done)
        (void)ccp_wg_done(done);
}

static ccp_status run_job(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    ccp_wg *done = j->o.done;
    ccp_status st = j->task.fn(j->ctx ? j->ctx : ctx, j->task.arg);
    if (j->ctx) {
        if (j->o.ctx)
            ccpi_await_hook(&j->hook);
        (void)ccp_ctx_free(j->ctx);
    }
    let_go(j, CCP_OK);
    if (done)
        (void)ccp_wg_done(done);
    return st;
}

bool ccpi_job_undo(ccp_task fn, void *arg, ccp_unrun unrun, void *unrun_arg)
{
    if (fn == run_job)
        ccpi_job_hand_back(arg, unrun, unrun_arg, CCP_OK);
    return fn == run_job;
}

/* ---- redeeming ---- */

static void cancel_ctx(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

/* Makes the job's own context, if it needs one; or says why it shall not run. */
static ccp_status prepare(job *j, ccp_ctx *ctx)
{
    const ccp_task_opts *o = &j->o;
    ccp_status st = ccp_ctx_status(o->ctx);
    if (st != CCP_OK)
        return st;
    if (o->within && ccp_now() >= j->expires)
        return CCP_TIMEOUT;
    if (!o->limit && !o->ctx)
        return CCP_OK;
    int64_t end = o->limit ? ccpi_wait_deadline(ccp_within(o->limit)) : INT64_MAX;
    if (end > ccp_ctx_deadline(o->ctx))
        end = ccp_ctx_deadline(o->ctx);
    j->ctx = ccp_ctx_new(ctx, ccp_until(end));
    if (!j->ctx)
        return CCP_NOMEM;
    if (o->ctx)
        (void)ccp_ctx_hook(o->ctx, &j->hook, cancel_ctx, j->ctx);
    return CCP_OK;
}

bool ccpi_jobs_begin(ccp_pool *p, ccpi_task *t, ccpi_redeem which, ccp_ctx *ctx)
{
    job *j = redeem(p, t->arg, which);
    if (!j)
        return false;
    const ccpi_task task = { run_job, j, j->task.since };
    ccp_status st = prepare(j, ctx);
    if (st == CCP_OK) {
        *t = task;
    } else {
        ccpi_pool_blank(p);
        ccpi_job_hand_back(j, p->opts.unrun, p->opts.unrun_arg, st);
    }
    return st == CCP_OK;
}

bool ccpi_jobs_withdraw(ccp_pool *p, ccpi_task *t, ccpi_redeem which)
{
    job *j = redeem(p, t->arg, which);
    *t = (ccpi_task){ run_job, j, 0 };
    return j != NULL;
}

/* ---- for drains, for information ---- */

uint64_t ccpi_jobs_accepted(ccp_pool *p)
{
    /* Relaxed: it is about those whose acceptance happened before this. */
    return atomic_load_explicit(&p->jobs.accepted, CCPI_RLX);
}

bool ccpi_jobs_settled(ccp_pool *p, uint64_t accepted)
{
    if (accepted == 0)
        return true;
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    bool ok = !s->waiting.first || JOB(link, s->waiting.first)->number >= accepted;
    for (ccpi_link *l = s->running.first; ok && l; l = l->next)
        ok = JOB(link, l)->number >= accepted;
    ccpi_lock_release(&s->lock);
    return ok;
}

void ccpi_jobs_info(ccp_pool *p, ccp_pool_info *out)
{
    ccpi_jobs *s = &p->jobs;
    /* Relaxed: a snapshot. */
    if (ccpi_jobs_accepted(p) == 0 && atomic_load_explicit(&s->lates, CCPI_RLX) == 0)
        return;
    ccpi_lock_acquire(&s->lock);
    out->delayed = s->late_now;
    out->queued -= s->spare < out->queued ? s->spare : out->queued;
    out->expired = s->expired;
    out->canceled = s->canceled;
    out->handed_back += s->expired + s->canceled + s->unmade + s->closed;
    ccpi_lock_release(&s->lock);
}

/* ---- submitting ---- */

/* `within` and what is measured count from when it is due. */
static void set_times(job *j)
{
    ccpi_late *l = CCPI_CONTAINER(j, ccpi_late, job);
    int64_t now = ccp_now();
    l->due = ccpi_time_after(now, j->o.after);
    j->expires = j->o.within ? ccpi_time_after(l->due, j->o.within) : INT64_MAX;
    if (j->task.since)
        j->task.since = l->due;
}

static job *make(ccp_pool *p, const ccpi_task *t, const ccp_task_opts *o)
{
    job *j = ccpi_alloc(o->after ? sizeof(ccpi_late) : sizeof *j);
    if (!j)
        return NULL;
    j->pool = p;
    j->task = *t;
    j->o = *o;
    j->expires = o->within ? ccpi_wait_deadline(ccp_within(o->within)) : INT64_MAX;
    j->refs = 3; /* J5 */
    return j;
}

/* Takes the place of one that was canceled, if there is such a place. */
static bool take_spare(ccp_pool *p, job *j)
{
    ccpi_jobs *s = &p->jobs;
    if (ccp_chan_is_closed(p->tasks))
        return false;
    ccpi_lock_acquire(&s->lock);
    bool ok = s->spare > 0;
    if (ok) {
        s->spare--;
        j->refs = 1;
        enter_locked(s, j);
    }
    ccpi_lock_release(&s->lock);
    return ok;
}

/* J2 */
void ccpi_job_enter(ccp_pool *p, job *j)
{
    ccpi_jobs *s = &p->jobs;
    ccpi_lock_acquire(&s->lock);
    enter_locked(s, j);
    bool last = --j->refs == 0;
    ccpi_lock_release(&s->lock);
    if (last)
        ccpi_free(j);
}

typedef ccp_status (*way)(ccp_pool *p, const ccpi_task *t, ccp_wait w);

static ccp_status submit(ccp_pool *p, job *j, way in, ccp_wait w)
{
    if (j->o.after) {
        set_times(j);
        return ccpi_late_submit(p, CCPI_CONTAINER(j, ccpi_late, job));
    }
    if (take_spare(p, j))
        return CCP_OK;
    const ccpi_task ticket = { NULL, j, 0 };
    ccp_status st = in(p, &ticket, w);
    if (st == CCP_OK)
        ccpi_job_enter(p, j);
    else
        ccpi_free(j);
    return st;
}

static bool are_absurd(const ccp_task_opts *o)
{
    return o->within < 0 || o->limit < 0 || o->after < 0;
}

static ccp_status submit_with(ccp_pool *p, const ccpi_task *t, const ccp_task_opts *o, way in,
                              ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st == CCP_OK)
        st = ccp_ctx_status(o->ctx);
    if (st != CCP_OK)
        return st;
    ccp_wg *done = o->done;
    job *j = make(p, t, o);
    if (!j)
        return CCP_NOMEM;
    if (done && ccp_wg_add(done, 1) != CCP_OK) {
        ccpi_free(j);
        return CCP_INVAL;
    }
    st = submit(p, j, in, w);
    if (st != CCP_OK && done)
        (void)ccp_wg_done(done);
    return st;
}

ccp_status ccp_pool_submit_with(ccp_pool *p, ccp_task fn, void *arg, const ccp_task_opts *o,
                                ccp_wait w)
{
    static const ccp_task_opts defaults;
    if (!o)
        o = &defaults;
    if (!p || !fn || are_absurd(o))
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    const ccpi_task t = { fn, arg, ccpi_pool_stamp(p) };
    return submit_with(p, &t, o, ccpi_pool_accept, w);
}

/* ---- several at once ---- */

static bool are_tasks(const ccp_pool_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!tasks[i].fn)
            return false;
    return n > 0;
}

static ccp_status submit_one(ccp_pool *p, const ccp_pool_task *task, const ccp_task_opts *o,
                             way in, ccp_wait w)
{
    const ccpi_task t = { task->fn, task->arg, ccpi_pool_stamp(p) };
    return o ? submit_with(p, &t, o, in, w) : in(p, &t, w);
}

/* Those for which there is room at once; w is no wait. */
static ccp_status submit_some(ccp_pool *p, const ccp_pool_task *tasks, size_t n,
                              const ccp_task_opts *o, size_t *accepted, ccp_wait w)
{
    /* What goes through the channel of such a pool is just that. */
    _Static_assert(sizeof(ccp_pool_task) == offsetof(ccpi_task, since), "elements");
    if (!o && p->plain && !p->measured)
        return ccp_chan_send_n(p->tasks, tasks, n, accepted, w);
    ccp_status st = CCP_OK;
    size_t i = 0;
    while (i < n && (st = submit_one(p, &tasks[i], o, ccpi_pool_offer, w)) == CCP_OK)
        i++;
    *accepted = i;
    return i > 0 ? CCP_OK : st;
}

ccp_status ccp_pool_submit_n(ccp_pool *p, const ccp_pool_task *tasks, size_t n,
                             const ccp_task_opts *o, size_t *accepted, ccp_wait w)
{
    if (!p || !tasks || !accepted || !are_tasks(tasks, n) || (o && are_absurd(o)))
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccp_wait at_once = ccp_under(w.ctx_, CCP_NOWAIT);
    size_t first = 0, more = 0;
    ccp_status st = submit_some(p, tasks, n, o, &more, at_once);
    if (st == CCP_AGAIN) {
        st = submit_one(p, tasks, o, ccpi_pool_accept, w);
        first = 1;
        if (st == CCP_OK && n > 1 &&
            submit_some(p, tasks + 1, n - 1, o, &more, at_once) != CCP_OK)
            more = 0;
    }
    if (st == CCP_OK)
        *accepted = first + more;
    return st;
}

/* ---- canceling ---- */

ccp_status ccp_pool_cancel(ccp_pool *p, const void *owner, size_t *withdrawn)
{
    if (!p || !owner)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    ccpi_jobs *s = &p->jobs;
    ccpi_list out = { NULL, NULL }, late = { NULL, NULL };
    size_t n = 0;
    ccpi_lock_acquire(&s->lock);
    for (ccpi_link *l = s->waiting.first, *next; l; l = next) {
        next = l->next;
        if (JOB(link, l)->o.owner == owner) {
            leave_locked(s, JOB(link, l));
            ccpi_list_append(&out, l);
            n++;
        }
    }
    s->spare += n; /* J1 */
    s->withdrawn += n;
    n += ccpi_late_take_locked(s, owner, &late);
    ccpi_lock_release(&s->lock);
    while (out.first) {
        job *j = JOB(link, out.first);
        ccpi_list_remove(&out, out.first);
        ccpi_job_hand_back(j, p->opts.unrun, p->opts.unrun_arg, CCP_CANCELED);
    }
    ccpi_late_hand_back(p, &late, p->opts.unrun, p->opts.unrun_arg, CCP_CANCELED);
    if (withdrawn)
        *withdrawn = n;
    return CCP_OK;
}
