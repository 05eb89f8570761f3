/* SPDX-License-Identifier: MIT
 *
 * What a look at a pool finds: how long its tasks have waited and run so far.
 *
 * Tasks pay nothing for that, unless they are measured.  A look remembers what it has found; one
 * that finds the same later knows how long it has been so, at least.
 *
 * Invariants
 *   K1  A sighting says that all tasks that waited at `at` are gone from the queue once `gone`
 *       have left it.  What is counted as left may be too much, and what waits too little: a ticket
 *       that is owed (J7) may not be among it.  So of those that waited some are told of too late,
 *       but never one that does not wait.
 *   K2  While a turn of a worker is odd, it has the same task (P1).  `began` is when that began, or
 *       0 for some instructions; it is 0 before the turn becomes even.  In a pool that is not
 *       measured it is when a look first found the turn.
 * Locks           That of the looks protects what they remember; under it the one of the jobs is
 *                 taken.
 */
/* uses: pool */
#include "flow/pool.h"

/* ---- tasks that wait ---- */

/* K1: those that all the others were before. */
static void forget_locked(ccpi_looks *l, uint64_t left)
{
    unsigned n = 0;
    while (n < l->count && l->found[n].gone <= left)
        n++;
    l->count -= n;
    memmove(l->found, l->found + n, l->count * sizeof *l->found);
}

/* Lets one go whose successor has lasted for nearly as long: so even after thousands of looks most
 * of what a task has waited is told. */
static void thin_out_locked(ccpi_looks *l, int64_t now)
{
    unsigned drop = 1;
    double least = 0;
    for (unsigned i = 1; i + 1 < l->count; i++) {
        int64_t before = now - l->found[i - 1].at, after = now - l->found[i + 1].at;
        double ratio = (double)before / (double)(after > 0 ? after : 1);
        if (i == 1 || ratio < least) {
            drop = i;
            least = ratio;
        }
    }
    l->count--;
    memmove(&l->found[drop], &l->found[drop + 1], (l->count - drop) * sizeof *l->found);
}

static void remember_locked(ccpi_looks *l, uint64_t gone, int64_t now)
{
    if (l->count > 0 && l->found[l->count - 1].gone >= gone)
        return;
    if (l->count == CCPI_SIGHTINGS)
        thin_out_locked(l, now);
    l->found[l->count++] = (ccpi_sighting){ gone, now };
}

/* What has left the queue, and will have when all that wait now are gone. */
typedef struct backlog {
    uint64_t left, gone;
} backlog;

static backlog count_tasks(ccp_pool *p)
{
    ccpi_books b;
    ccpi_pool_books(p, &b);
    ccpi_lock_acquire(&p->jobs.lock);
    uint64_t withdrawn = p->jobs.withdrawn, none = p->jobs.spare + p->jobs.owed;
    ccpi_lock_release(&p->jobs.lock);
    /* [Q5] acquire: who looks again sees that one was noted which is missing here.  Pairs with
     * ccpi_pool_blank_noted(). */
    none += atomic_load_explicit(&p->blanks, CCPI_ACQ);
    backlog l = { b.noted + withdrawn, b.accepted + withdrawn };
    l.gone -= none < l.gone ? none : l.gone;
    return l;
}

/* For how long the one that waits longest has waited, at least. */
static int64_t waited_locked(ccp_pool *p)
{
    ccpi_looks *l = &p->looks;
    if (p->met)
        return 0; /* there is no queue */
    backlog now = count_tasks(p);
    int64_t t = ccpi_clock_now(); /* after all that were counted had come */
    forget_locked(l, now.left);
    if (now.gone > now.left)
        remember_locked(l, now.gone, t);
    return l->count ? t - l->found[0].at : 0;
}

/* ---- tasks that run ---- */

/* Since when a worker has had its task; `now` if it has none. */
static int64_t busy_since_locked(const ccp_pool *p, ccpi_worker *w, int64_t now)
{
    uint64_t turn = ccpi_pool_turn(w);
    if (turn % 2 == 0)
        return now;
    if (p->measured) {
        /* Relaxed, K2: that of this turn, or of a later one. */
        int64_t began = (int64_t)atomic_load_explicit(&w->began, CCPI_RLX);
        return began && began < now ? began : now;
    }
    if (w->seen != turn) {
        w->seen = turn;
        w->seen_at = ccpi_clock_now(); /* not `now`: that may be from before it began */
    }
    return w->seen_at < now ? w->seen_at : now;
}

static bool is_there(const ccpi_worker *w)
{
    uint32_t state = atomic_load_explicit(&w->state, CCPI_RLX); /* a snapshot */
    return state == CCPI_W_STARTING || state == CCPI_W_READY;
}

static void describe_locked(const ccp_pool *p, ccpi_worker *w, int64_t now, ccp_worker_info *out)
{
    uint64_t turn = ccpi_pool_turn(w);
    *out = (ccp_worker_info){
        .index = w->index,
        .busy = turn % 2 != 0,
        .finished = turn / 2,
        /* Relaxed: for information. */
        .failed = atomic_load_explicit(&w->failed, CCPI_RLX),
        .thread = atomic_load_explicit(&w->number, CCPI_RLX),
    };
    out->task_ns = now - busy_since_locked(p, w, now);
    if (!p->measured)
        return;
    out->run_ns = (int64_t)atomic_load_explicit(&w->figures.ran, CCPI_RLX);
    out->run_ns_max = (int64_t)atomic_load_explicit(&w->figures.slowest, CCPI_RLX);
}

size_t ccpi_pool_workers(ccp_pool *p, const ccpi_overdue *which, ccp_worker_info *out, size_t max)
{
    size_t n = 0;
    ccpi_lock_acquire(&p->looks.lock);
    for (ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        ccp_worker_info i;
        if (!is_there(w))
            continue;
        describe_locked(p, w, which->now, &i);
        if (i.task_ns >= which->least && i.task_ns <= which->most && n++ < max)
            out[n - 1] = i;
    }
    ccpi_lock_release(&p->looks.lock);
    return n;
}

size_t ccp_pool_get_workers(ccp_pool *p, ccp_worker_info *out, size_t max)
{
    if (!p || (!out && max > 0))
        return 0;
    p = ccpi_pool_alive(p);
    if (!p)
        return 0;
    return ccpi_pool_workers(p, &(ccpi_overdue){ ccpi_clock_now(), 0, INT64_MAX }, out, max);
}

/* ---- all together ---- */

ccp_status ccp_pool_get_stats(ccp_pool *p, ccp_pool_stats *out)
{
    if (!p || !out)
        return CCP_INVAL;
    p = ccpi_pool_alive(p);
    if (!p)
        return CCP_FORKED;
    memset(out, 0, sizeof *out);
    (void)ccp_pool_get_info(p, &out->info);
    ccpi_lock_acquire(&p->looks.lock);
    int64_t now = ccpi_clock_now();
    out->waited_ns = waited_locked(p);
    for (ccpi_worker *w = ccpi_pool_next(&p->first); w; w = ccpi_pool_next(&w->next)) {
        int64_t ns = now - busy_since_locked(p, w, now);
        out->task_ns = ns > out->task_ns ? ns : out->task_ns;
        if (p->measured)
            ccpi_pool_add_spans(w, out);
    }
    ccpi_lock_release(&p->looks.lock);
    return CCP_OK;
}

/* ---- health ---- */

#define TOO_LONG CCP_SEC(60)

/* All that may be have a task that does not end. */
static bool all_are_stuck(const ccp_pool_health *h, const ccp_pool_info *i)
{
    return h->stuck > 0 && h->stuck >= i->workers && i->workers >= i->limit;
}

/* `waits`: tasks wait for a worker, in the queue or with who submits them. */
static void judge(ccp_pool_health *h, const ccp_pool_stats *s, bool waits, int64_t queue_ns)
{
    h->state = CCP_HEALTH_DEGRADED;
    if (waits && all_are_stuck(h, &s->info)) {
        h->state = CCP_HEALTH_STUCK;
        h->why = "every worker has had its task for too long, and tasks wait";
    } else if (h->stuck > 0) {
        h->why = "a worker has had its task for too long";
    } else if (h->waited_ns >= queue_ns) {
        h->why = "a task has waited for too long";
    } else {
        h->state = CCP_HEALTH_GOOD;
        h->why = "tasks begin and end";
    }
}

/* If none has left the queue meanwhile, what was counted was so. */
static bool tasks_wait(ccp_pool *p)
{
    backlog now = count_tasks(p);
    return now.gone > now.left && count_tasks(p).left == now.left;
}

ccp_status ccp_pool_get_health(ccp_pool *p, const ccp_health_limits *limits, ccp_pool_health *out)
{
    static const ccp_health_limits defaults;
    ccp_pool_stats s;
    if (!limits)
        limits = &defaults;
    if (!out || limits->task_ns < 0 || limits->queue_ns < 0)
        return CCP_INVAL;
    ccp_status st = ccp_pool_get_stats(p, &s);
    if (st != CCP_OK)
        return st;
    int64_t least = limits->task_ns ? limits->task_ns : TOO_LONG;
    *out = (ccp_pool_health){
        .workers = s.info.workers,
        .busy = s.info.busy,
        .queued = s.info.queued,
        .waited_ns = s.waited_ns,
        .task_ns = s.task_ns,
    };
    const ccpi_overdue which = { ccpi_clock_now(), least, INT64_MAX };
    out->stuck = (unsigned)ccpi_pool_workers(p, &which, NULL, 0);
    judge(out, &s, tasks_wait(p), limits->queue_ns ? limits->queue_ns : TOO_LONG);
    return CCP_OK;
}
