/* SPDX-License-Identifier: MIT
 *
 * Deadlocks and stalls: looked for once, or by a thread that does so again and again.
 *
 *   W1  `sleeper` is set under the lock while the thread sleeps, and cleared by who wakes it.
 *   W2  An alarm is given under no lock.
 */
/* uses: report verdict */
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "block/wait.h"
#include "flow/pool.h"
#include "ops/verdict.h"

#define PERIOD CCP_SEC(1)

struct ccp_watch {
    ccp_watch_opts o;     /* const after new */
    ccpi_thread thread;   /* const after new */
    ccpi_lock lock;
    ccpi_waiter *sleeper; /* under lock, W1 */
    bool ending;          /* under lock */
    uint64_t told;        /* the thread's: serial of the youngest sleep in the last deadlock */
    bool looked;          /* the thread's: it has looked at tasks */
};

static const ccpi_kind kind = { "watch", "ccp_watch_", NULL, NULL };

static void add_line(ccpi_page *p, const char *line)
{
    ccpi_text t;
    ccpi_text_clear(&t);
    ccpi_text_add(&t, line);
    ccpi_page_add(p, &t);
}

/* ---- once ---- */

ccp_status ccp_deadlock_check(ccp_sink sink, void *arg)
{
    ccpi_report r;
    ccpi_page page = { NULL, 0, 0 };
    if (!ccpi_tracks())
        return CCP_CLOSED;
    if (!ccpi_report_make(&r))
        return CCP_NOMEM;
    bool stuck = ccpi_all_are_stuck(&r);
    if (stuck && sink) {
        add_line(&page, "deadlock: every other thread waits, and only this one could end that\n");
        ccpi_explain(&page, &r, ccpi_clock_now());
        if (page.n)
            sink(page.s, page.n, arg);
    }
    ccpi_report_free(&r);
    ccpi_free(page.s);
    return stuck ? CCP_DEADLOCK : CCP_OK;
}

/* ---- again and again ---- */

static void raise_alarm(const ccp_watch *w, ccp_alarm what, const ccpi_page *p)
{
    if (p->n)
        w->o.alarm(what, p->s, p->n, w->o.arg);
}

/* Ends the call that was made last, of those that `in` names. */
static void end_one_of(const ccpi_report *r, const size_t *in, size_t n)
{
    size_t last = n ? in[0] : 0;
    for (size_t i = 1; i < n; i++)
        last = in[i] > last ? in[i] : last; /* they are in the order of their serials */
    if (n)
        (void)ccpi_sleepers_end(&r->sleeps[last]);
}

static bool can_end(const ccpi_sleep *s)
{
    return !s->firm && !ccpi_is_idle(s);
}

/* One in a circle, if there is one; else of all but those that are the library's own. */
static void end_one(const ccpi_report *r)
{
    size_t *in = ccpi_alloc((r->sleep_count + 1) * sizeof *in);
    size_t n = in ? ccpi_find_circle(r, false, in) : 0;
    for (size_t i = 0; in && n == 0 && i < r->sleep_count; i++)
        if (can_end(&r->sleeps[r->sleep_count - 1 - i]))
            in[n++] = r->sleep_count - 1 - i;
    end_one_of(r, in, n);
    ccpi_free(in);
}

static uint64_t youngest(const ccpi_report *r)
{
    uint64_t last = 0;
    for (size_t i = 0; i < r->sleep_count; i++)
        if (strcmp(r->sleeps[i].call, CCPI_WATCH_CALL) != 0)
            last = r->sleeps[i].serial;
    return last;
}

/* True if there is one, told now or before. */
static bool look_for_deadlock(ccp_watch *w, const ccpi_report *r, int64_t now)
{
    if (!ccpi_all_are_stuck(r))
        return false;
    if (youngest(r) == w->told)
        return true;
    w->told = youngest(r);
    ccpi_page page = { NULL, 0, 0 };
    add_line(&page, "deadlock: every thread waits, and nothing can end that\n");
    ccpi_explain(&page, r, now);
    raise_alarm(w, CCP_ALARM_DEADLOCK, &page);
    ccpi_free(page.s);
    if (w->o.end_one)
        end_one(r);
    return true;
}

static bool all_still(const ccpi_report *r, const size_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ccpi_sleepers_still(&r->sleeps[in[i]]))
            return false;
    return true;
}

/* Among some threads, while others run (Q2 of verdict.h). */
static void look_for_circle(ccp_watch *w, const ccpi_report *r)
{
    size_t *in = ccpi_alloc((r->sleep_count + 1) * sizeof *in);
    size_t n = in ? ccpi_find_circle(r, true, in) : 0;
    uint64_t last = 0;
    for (size_t i = 0; i < n; i++)
        last = r->sleeps[in[i]].serial > last ? r->sleeps[in[i]].serial : last;
    if (n && last != w->told && all_still(r, in, n)) {
        ccpi_page page = { NULL, 0, 0 };
        w->told = last;
        add_line(&page, "deadlock of some threads, while others run\n");
        ccpi_explain_circle(&page, r, in, n);
        raise_alarm(w, CCP_ALARM_DEADLOCK, &page);
        ccpi_free(page.s);
        if (w->o.end_one)
            end_one_of(r, in, n);
    }
    ccpi_free(in);
}

/* Tells of each sleep once: when it became too long since the last look. */
static void look_for_stalls(const ccp_watch *w, const ccpi_report *r, int64_t last, int64_t now)
{
    ccpi_page page = { NULL, 0, 0 };
    ccpi_text t;
    for (size_t i = 0; i < r->sleep_count; i++) {
        const ccpi_sleep *s = &r->sleeps[i];
        if (ccpi_is_idle(s) || now - s->since < w->o.stall_ns || last - s->since >= w->o.stall_ns)
            continue;
        ccpi_text_clear(&t);
        ccpi_text_add_thread(&t, s->thread);
        ccpi_report_sleep(&t, s, now);
        ccpi_text_add(&t, "\n");
        ccpi_report_holds(&t, r, s->thread, now);
        ccpi_page_add(&page, &t);
    }
    raise_alarm(w, CCP_ALARM_STALL, &page);
    ccpi_free(page.s);
}

/* ---- tasks ---- */

#define MOST_TOLD 8

/* Of one pool after the other. */
typedef struct tasks_look {
    ccpi_overdue which;
    ccpi_text pool;
    ccp_worker_info found[MOST_TOLD];
    size_t count;
    ccpi_page page;
} tasks_look;

static bool look_at_pool(const ccpi_record *r, void *arg)
{
    tasks_look *l = arg;
    if (!r->kind || strcmp(r->kind->prefix, "ccp_pool_") != 0)
        return false;
    ccp_pool *p = (ccp_pool *)(uintptr_t)r->object;
    l->count = ccpi_pool_workers(p, &l->which, l->found, MOST_TOLD);
    ccpi_text_clear(&l->pool);
    ccpi_report_record(&l->pool, r);
    return l->count > 0;
}

static void tell_of_pool(void *arg)
{
    tasks_look *l = arg;
    ccpi_text t;
    for (size_t i = 0; i < l->count && i < MOST_TOLD; i++) {
        const ccp_worker_info *w = &l->found[i];
        ccpi_text_clear(&t);
        ccpi_text_add(&t, "worker ");
        ccpi_text_add_number(&t, (uint64_t)w->index);
        ccpi_text_add(&t, " of ");
        ccpi_text_add(&t, l->pool.s);
        ccpi_text_add(&t, ", ");
        ccpi_text_add_thread(&t, w->thread);
        ccpi_text_add(&t, ", has had its task for ");
        ccpi_text_add_time(&t, w->task_ns);
        ccpi_text_add(&t, "\n");
        ccpi_page_add(&l->page, &t);
    }
    if (l->count <= MOST_TOLD)
        return;
    ccpi_text_clear(&t);
    ccpi_text_add_count(&t, l->count - MOST_TOLD, "more worker of ", "more workers of ");
    ccpi_text_add(&t, l->pool.s);
    ccpi_text_add(&t, "\n");
    ccpi_page_add(&l->page, &t);
}

/* Tells of each task once: when it had run for too long since the last look. */
static void look_for_tasks(ccp_watch *w, int64_t last, int64_t now)
{
    tasks_look l = { .which = { now, w->o.task_ns, INT64_MAX } };
    if (w->looked)
        l.which.most = ccpi_time_after(w->o.task_ns, now - last - 1);
    w->looked = true;
    ccpi_track_visit(&(ccpi_visit){ look_at_pool, tell_of_pool, &l });
    raise_alarm(w, CCP_ALARM_TASK, &l.page);
    ccpi_free(l.page.s);
}

static void look(ccp_watch *w, int64_t last, int64_t now)
{
    ccpi_report r;
    if (ccpi_tracks() && w->o.task_ns && now > last)
        look_for_tasks(w, last, now);
    if (!ccpi_tracks() || !ccpi_report_make(&r))
        return;
    if (!look_for_deadlock(w, &r, now)) {
        if (w->o.locks_have_owners)
            look_for_circle(w, &r);
        if (w->o.stall_ns)
            look_for_stalls(w, &r, last, now);
    }
    ccpi_report_free(&r);
}

/* Sleeps until the time for the next look; the lock is held. */
static void sleep_locked(ccp_watch *w, int64_t until)
{
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, CCPI_WATCH_CALL, w);
    w->sleeper = &waiter;
    ccpi_lock_release(&w->lock);
    (void)ccpi_wait_sleep(CCP_FOREVER, &waiter, until);
    ccpi_lock_acquire(&w->lock);
    w->sleeper = NULL;
}

static void work(void *arg)
{
    ccp_watch *w = arg;
    int64_t last = ccpi_clock_now();
    ccpi_lock_acquire(&w->lock);
    while (!w->ending) {
        sleep_locked(w, ccpi_time_after(last, w->o.period_ns));
        if (w->ending)
            break;
        ccpi_lock_release(&w->lock);
        int64_t now = ccpi_clock_now();
        look(w, last, now);
        last = now;
        ccpi_lock_acquire(&w->lock);
    }
    ccpi_lock_release(&w->lock);
}

ccp_watch *ccp_watch_new(const ccp_watch_opts *o)
{
    if (!o || !o->alarm || o->period_ns < 0 || o->stall_ns < 0 || o->task_ns < 0)
        return NULL;
    ccp_watch *w = ccpi_alloc(sizeof *w);
    if (!w)
        return NULL;
    w->o = *o;
    if (!w->o.period_ns)
        w->o.period_ns = PERIOD;
    const ccpi_thread_opts how = { o->name ? o->name : "ccp-watch", 0, true };
    if (ccpi_thread_start(&w->thread, &how, work, w)) {
        ccpi_track(w, &kind, o->name);
        return w;
    }
    ccpi_free(w);
    return NULL;
}

static void release(ccp_watch *w)
{
    ccpi_untrack(w);
    ccpi_free(w);
}

ccp_status ccp_watch_free(ccp_watch *w)
{
    if (!w)
        return CCP_OK;
    if (ccpi_is_dead(w)) {
        release(w);
        return CCP_OK;
    }
    if (ccpi_thread_self().handle == w->thread.handle)
        return CCP_DEADLOCK;
    ccpi_untrack(w);
    ccpi_lock_acquire(&w->lock);
    w->ending = true;
    ccpi_waiter *sleeper = w->sleeper;
    w->sleeper = NULL;
    bool wakes = sleeper && ccpi_waiter_claim(sleeper, 1);
    ccpi_lock_release(&w->lock);
    if (wakes)
        ccpi_waiter_wake(sleeper);
    ccpi_thread_join(w->thread);
    ccpi_free(w);
    return CCP_OK;
}
