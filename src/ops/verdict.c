/* SPDX-License-Identifier: MIT */
/* uses: report */
#include "ops/verdict.h"

#include "base/machine.h"
#include "base/mem.h"
#include "base/tasks.h"

/* ---- text ---- */

static bool make_room(ccpi_page *p, size_t more)
{
    if (p->n + more <= p->room)
        return true;
    size_t room = (p->room + more) * 2;
    char *s = ccpi_alloc(room);
    if (!s)
        return false;
    if (p->n)
        memcpy(s, p->s, p->n);
    ccpi_free(p->s);
    p->s = s;
    p->room = room;
    return true;
}

void ccpi_page_add(ccpi_page *p, const ccpi_text *t)
{
    if (!make_room(p, t->n + 1))
        return;
    memcpy(p->s + p->n, t->s, t->n + 1);
    p->n += t->n;
}

/* ---- is it one? ---- */

static bool is_watch(const ccpi_sleep *s)
{
    return strcmp(s->call, CCPI_WATCH_CALL) == 0;
}

static bool is_for_ever(const ccpi_sleep *s)
{
    return s->deadline == CCPI_NEVER && !s->awake && !s->outside;
}

bool ccpi_all_are_stuck(const ccpi_report *r)
{
    size_t watches = 0;
    for (size_t i = 0; i < r->sleep_count; i++) {
        if (is_watch(&r->sleeps[i]))
            watches++;
        else if (!is_for_ever(&r->sleeps[i]))
            return false;
    }
    if (r->sleep_count == watches || ccpi_task_count() != r->sleep_count + 1)
        return false;
    for (size_t i = 0; i < r->sleep_count; i++)
        if (!is_watch(&r->sleeps[i]) && !ccpi_sleepers_still(&r->sleeps[i]))
            return false;
    return true;
}

bool ccpi_is_idle(const ccpi_sleep *s)
{
    ccpi_record r;
    if (is_watch(s) || strcmp(s->call, "ccp_timers_new") == 0)
        return true;
    return s->object && strcmp(s->call, "ccp_chan_recv") == 0 &&
           ccpi_track_find(s->object, &r) && r.owner;
}

/* ---- circles ---- */

/* The sleep of a thread that has what s waits for; r->sleep_count: there is none. */
static size_t next_in_circle(const ccpi_report *r, const ccpi_sleep *s, bool strict)
{
    for (size_t h = 0; s->object && h < r->holder_count; h++) {
        const ccpi_holder *held = &r->holders[h];
        if (held->object != s->object)
            continue;
        if (strict && (s->ctx || !is_for_ever(s) || strcmp(held->call, "ccp_sem_acquire") == 0))
            continue;
        for (size_t i = 0; i < r->sleep_count; i++)
            if (r->sleeps[i].thread == held->thread)
                return i;
    }
    return r->sleep_count;
}

size_t ccpi_find_circle(const ccpi_report *r, bool strict, size_t *in)
{
    for (size_t start = 0; start < r->sleep_count; start++) {
        size_t n = 0, at = start;
        do {
            in[n++] = at;
            at = next_in_circle(r, &r->sleeps[at], strict);
        } while (at != start && at < r->sleep_count && n < r->sleep_count);
        if (at == start)
            return n;
    }
    return 0;
}

void ccpi_explain_circle(ccpi_page *p, const ccpi_report *r, const size_t *in, size_t n)
{
    ccpi_text t;
    ccpi_text_clear(&t);
    if (n == 1)
        ccpi_text_add(&t, "a thread waits for what it has itself:\n");
    else {
        ccpi_text_add(&t, "a circle of ");
        ccpi_text_add_number(&t, n);
        ccpi_text_add(&t, " threads, each of which waits for what the next one has:\n");
    }
    ccpi_page_add(p, &t);
    for (size_t i = 0; i < n; i++) {
        const ccpi_sleep *s = &r->sleeps[in[i]], *next = &r->sleeps[in[(i + 1) % n]];
        ccpi_text_clear(&t);
        ccpi_text_add(&t, "  ");
        ccpi_text_add_thread(&t, s->thread);
        ccpi_text_add(&t, " waits for ");
        ccpi_report_object(&t, s->object, s->call);
        ccpi_text_add(&t, ", which ");
        ccpi_text_add_thread(&t, next->thread);
        ccpi_text_add(&t, " has\n");
        ccpi_page_add(p, &t);
    }
}

/* ---- pools ---- */

/* How many workers of the pool sleep in the middle of a task. */
static size_t stuck_workers(const ccpi_report *r, const void *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < r->sleep_count; i++)
        n += r->sleeps[i].pool == pool && !ccpi_is_idle(&r->sleeps[i]);
    return n;
}

static bool is_first_of_pool(const ccpi_report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (r->sleeps[k].pool == r->sleeps[i].pool)
            return false;
    return true;
}

static void explain_pools(ccpi_page *p, const ccpi_report *r)
{
    for (size_t i = 0; i < r->sleep_count; i++) {
        const void *pool = r->sleeps[i].pool;
        ccp_pool_info info;
        if (!pool || !is_first_of_pool(r, i) || ccp_pool_get_info(pool, &info) != CCP_OK)
            continue;
        size_t stuck = stuck_workers(r, pool);
        if (stuck == 0 || stuck < info.workers)
            continue;
        ccpi_text t;
        ccpi_text_clear(&t);
        ccpi_text_add(&t, "no worker is left of ");
        ccpi_report_object(&t, pool, "ccp_pool_");
        ccpi_text_add(&t, ": ");
        ccpi_text_add_count(&t, stuck, "runs a task that waits", "run tasks that wait");
        ccpi_text_add(&t, ", and ");
        ccpi_text_add_count(&t, info.queued, "task has not begun\n", "tasks have not begun\n");
        ccpi_page_add(p, &t);
    }
}

/* ---- those whom nobody will wake ---- */

static const char *reason(const char *call)
{
    static const struct {
        const char *call, *reason;
    } reasons[] = {
        { "ccp_chan_recv", "nobody is left to send to it, or to close it" },
        { "ccp_chan_send", "nobody is left to receive from it, or to close it" },
        { "ccp_select", "nobody is left to serve one of them" },
        { "ccp_mutex_lock", "nobody is left to unlock it" },
        { "ccp_rwlock_rdlock", "nobody is left to unlock it" },
        { "ccp_rwlock_wrlock", "nobody is left to unlock it" },
        { "ccp_sem_acquire", "nobody is left to release permits" },
        { "ccp_wg_wait", "nobody is left to call ccp_wg_done()" },
        { "ccp_barrier_wait", "nobody is left to come" },
        { "ccp_phaser_wait", "nobody is left to arrive" },
        { "ccp_phaser_arrive_and_wait", "nobody is left to arrive" },
        { "ccp_future_get", "nobody is left to keep its promise" },
        { "ccp_once_do", "the thread that runs it waits too" },
        { "ccp_group_wait", "its tasks wait too" },
        { "ccp_pool_drain", "its tasks wait too" },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(call, reasons[i].call) == 0)
            return reasons[i].reason;
    return "nobody is left to end that";
}

static bool are_alike(const ccpi_sleep *a, const ccpi_sleep *b)
{
    return a->object && a->object == b->object && strcmp(a->call, b->call) == 0;
}

static bool has_one_before(const ccpi_report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (are_alike(&r->sleeps[k], &r->sleeps[i]))
            return true;
    return false;
}

static size_t count_alike(const ccpi_report *r, size_t i)
{
    size_t n = 1;
    for (size_t k = i + 1; k < r->sleep_count; k++)
        n += are_alike(&r->sleeps[i], &r->sleeps[k]);
    return n;
}

static void explain_alike(ccpi_page *p, const ccpi_report *r, size_t i, size_t n)
{
    const ccpi_sleep *s = &r->sleeps[i];
    ccpi_text t;
    ccpi_text_clear(&t);
    ccpi_text_add_count(&t, n, "thread waits in ", "threads wait in ");
    ccpi_text_add(&t, s->call);
    if (s->object) {
        ccpi_text_add(&t, " for ");
        ccpi_report_object(&t, s->object, s->call);
    }
    ccpi_text_add(&t, ": ");
    ccpi_text_add(&t, reason(s->call));
    ccpi_text_add(&t, "\n");
    ccpi_page_add(p, &t);
}

/* First where several threads wait. */
static void explain_orphans(ccpi_page *p, const ccpi_report *r)
{
    for (int several = 1; several >= 0; several--)
        for (size_t i = 0; i < r->sleep_count; i++) {
            if (ccpi_is_idle(&r->sleeps[i]) || has_one_before(r, i))
                continue;
            size_t n = count_alike(r, i);
            if ((n > 1) == several)
                explain_alike(p, r, i, n);
        }
}

static void explain_threads(ccpi_page *p, const ccpi_report *r, int64_t now)
{
    size_t idle = 0;
    ccpi_text t;
    for (size_t i = 0; i < r->sleep_count; i++) {
        const ccpi_sleep *s = &r->sleeps[i];
        if (ccpi_is_idle(s)) {
            idle += !is_watch(s);
            continue;
        }
        ccpi_text_clear(&t);
        ccpi_text_add_thread(&t, s->thread);
        ccpi_report_sleep(&t, s, now);
        ccpi_text_add(&t, "\n");
        ccpi_report_holds(&t, r, s->thread, now);
        ccpi_page_add(p, &t);
    }
    if (idle == 0)
        return;
    ccpi_text_clear(&t);
    ccpi_text_add_count(&t, idle, "thread has", "threads have");
    ccpi_text_add(&t, " nothing to do\n");
    ccpi_page_add(p, &t);
}

void ccpi_explain(ccpi_page *p, const ccpi_report *r, int64_t now)
{
    size_t *in = ccpi_alloc((r->sleep_count + 1) * sizeof *in);
    size_t n = in ? ccpi_find_circle(r, false, in) : 0;
    if (n)
        ccpi_explain_circle(p, r, in, n);
    ccpi_free(in);
    explain_pools(p, r);
    if (n == 0)
        explain_orphans(p, r);
    explain_threads(p, r, now);
}
