/* SPDX-License-Identifier: MIT
 *
 * bench_ccp.c - libccp in every cell: the shapes of shapes.h, locks.h, barriers.h and futures.h,
 * and select, pool, wait group and context, which each language has in its own form.
 */
#include "timers.h"

#include <ccp.h>
#include <stdio.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>

#define PEER ccp
#define Q_BATCH

typedef ccp_chan ccp_type;

static ccp_chan *must_make(size_t size, size_t cap)
{
    ccp_chan *ch = ccp_chan_new(size, cap);
    if (!ch) die("ccp_chan_new");
    return ch;
}

static ccp_type *ccp_new(const struct spec *s, size_t cap)
{
    return must_make(s->size, cap);
}

static void ccp_free(ccp_type *ch)
{
    if (ccp_chan_free(ch) != CCP_OK) die("ccp_chan_free");
}

static inline void ccp_send(ccp_type *ch, const void *elem)
{
    if (ccp_chan_send(ch, elem, CCP_FOREVER) != CCP_OK) die("ccp_chan_send");
}

static inline bool ccp_recv(ccp_type *ch, void *elem)
{
    return ccp_chan_recv(ch, elem, CCP_FOREVER) == CCP_OK;
}

static void ccp_close(ccp_type *ch, unsigned receivers)
{
    (void)receivers;
    if (ccp_chan_close(ch) != CCP_OK) die("ccp_chan_close");
}

static void ccp_send_n(ccp_type *ch, const uint64_t *elems, size_t n)
{
    for (size_t done = 0, sent; done < n; done += sent)
        if (ccp_chan_send_n(ch, elems + done, n - done, &sent, CCP_FOREVER) != CCP_OK)
            die("ccp_chan_send_n");
}

static size_t ccp_recv_n(ccp_type *ch, uint64_t *elems, size_t n)
{
    size_t got;
    return ccp_chan_recv_n(ch, elems, n, &got, CCP_FOREVER) == CCP_OK ? got : 0;
}

#include "shapes.h"

/* ---- select: k channels with a sender each, one thread that receives from all ---- */

static void *select_sender(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    ccp_send_words(l);
    ccp_close(l->q, 1);
    return NULL;
}

static void *selector(void *lane)
{
    struct lane *l = lane;
    ccp_chan **chans = l->q;
    ccp_case cases[MAX_THREADS];
    uint64_t v = 0;
    unsigned k = l->spec->k, open = k;
    for (unsigned i = 0; i < k; i++) cases[i] = CCP_CASE_RECV(chans[i], &v);
    start_line(l);
    while (open) {
        size_t i;
        ccp_status rc = ccp_select(cases, k, &i, CCP_FOREVER);
        if (rc == CCP_OK) {
            l->sum += v;
            l->count++;
        } else if (rc == CCP_CLOSED) {
            cases[i] = CCP_CASE_RECV(NULL, &v);
            open--;
        } else die("ccp_select");
    }
    l->end = now_ns();
    return NULL;
}

static void run_select(const struct spec *s)
{
    static struct team team;
    ccp_chan *chans[MAX_THREADS];
    struct meter m;
    team_init(&team, s, s->k + 1, chans);
    for (unsigned i = 0; i < s->k; i++) {
        struct lane *l = &team.lanes[i + 1];
        l->q = chans[i] = must_make(8, s->cap);
        l->n = share(s->n, s->k, i);
        team_start(&team, i + 1, select_sender);
    }
    team_start(&team, 0, selector);
    team_go(&team, &m);
    meter_stop(&m, team_join(&team, 0, s->k + 1));
    for (unsigned i = 0; i < s->k; i++) ccp_free(chans[i]);
    report(s, &m, team.lanes[0].count, s->n, team.lanes[0].sum, sum_of_shares(s->n, s->k));
}

/* ---- pool: each worker adds up what it ran ---- */

struct worker_sum {
    uint64_t count, sum, sink;
    char pad[LINE];
};

static struct {
    struct worker_sum sums[MAX_THREADS];
    unsigned used, steps;
    ccp_wg done; /* of the task that is waited for */
} pool_work;

static _Thread_local struct worker_sum *my_sum;

static struct worker_sum *worker_sum(void)
{
    if (!my_sum)
        my_sum = &pool_work.sums[__atomic_fetch_add(&pool_work.used, 1, __ATOMIC_RELAXED)];
    return my_sum;
}

static ccp_status add_up(ccp_ctx *ctx, void *arg)
{
    struct worker_sum *mine = worker_sum();
    (void)ctx;
    mine->count++;
    mine->sum += (uintptr_t)arg;
    return CCP_OK;
}

static ccp_status add_up_and_work(ccp_ctx *ctx, void *arg)
{
    struct worker_sum *mine = worker_sum();
    mine->sink = work_steps(mine->sink, pool_work.steps);
    return add_up(ctx, arg);
}

static ccp_status add_up_and_tell(ccp_ctx *ctx, void *arg)
{
    ccp_status rc = add_up(ctx, arg);
    return ccp_wg_done(&pool_work.done) == CCP_OK ? rc : CCP_FAILED;
}

static void *submitter(void *lane)
{
    struct lane *l = lane;
    ccp_task task = l->spec->work ? add_up_and_work : add_up;
    start_line(l);
    for (uint64_t i = 1; i <= l->n; i++)
        if (ccp_pool_submit(l->q, task, (void *)(uintptr_t)i, CCP_FOREVER) != CCP_OK)
            die("ccp_pool_submit");
    return NULL;
}

static void submit_and_wait(ccp_pool *pool, uint64_t n)
{
    for (uint64_t i = 1; i <= n; i++) {
        if (ccp_wg_add(&pool_work.done, 1) != CCP_OK) die("ccp_wg_add");
        if (ccp_pool_submit(pool, add_up_and_tell, (void *)(uintptr_t)i, CCP_FOREVER) != CCP_OK)
            die("ccp_pool_submit");
        if (ccp_wg_wait(&pool_work.done, CCP_FOREVER) != CCP_OK) die("ccp_wg_wait");
    }
}

static void run_pool(const struct spec *s)
{
    static struct team team;
    struct meter m;
    uint64_t count = 0, sum = 0;
    bool wait = !strcmp(s->mode, "rt");
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = s->w, .queue = s->cap });
    if (!pool) die("ccp_pool_new");
    pool_work.steps = s->work;
    team_init(&team, s, wait ? 0 : s->s, pool);
    for (unsigned i = 0; i < team.n; i++) {
        team.lanes[i].n = share(s->n, s->s, i);
        team_start(&team, i, submitter);
    }
    team_go(&team, &m);
    if (wait) submit_and_wait(pool, s->n);
    team_join(&team, 0, team.n);
    if (ccp_pool_drain(pool, CCP_FOREVER) != CCP_OK) die("ccp_pool_drain");
    meter_stop(&m, now_ns());
    if (ccp_pool_free(pool) != CCP_OK) die("ccp_pool_free");
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        count += pool_work.sums[i].count;
        sum += pool_work.sums[i].sum;
    }
    report(s, &m, count, s->n, sum, wait ? sum_to(s->n) : sum_of_shares(s->n, s->s));
}

/* ---- wait group: t threads count up and down; the group is waited for at the end ---- */

static void *counter(void *lane)
{
    struct lane *l = lane;
    ccp_wg *wg = l->q;
    start_line(l);
    for (uint64_t i = 0; i < l->n; i++)
        if (ccp_wg_add(wg, 1) == CCP_OK && ccp_wg_done(wg) == CCP_OK) l->count++;
    if (ccp_wg_done(wg) != CCP_OK) die("ccp_wg_done");
    return NULL;
}

static void run_wg(const struct spec *s)
{
    static struct team team;
    ccp_wg wg = CCP_WG_INIT;
    struct meter m;
    uint64_t count = 0;
    if (ccp_wg_add(&wg, (int)s->t) != CCP_OK) die("ccp_wg_add");
    team_init(&team, s, s->t, &wg);
    for (unsigned i = 0; i < s->t; i++) {
        team.lanes[i].n = share(s->n, s->t, i);
        team_start(&team, i, counter);
    }
    team_go(&team, &m);
    if (ccp_wg_wait(&wg, CCP_FOREVER) != CCP_OK) die("ccp_wg_wait");
    meter_stop(&m, now_ns());
    team_join(&team, 0, s->t);
    for (unsigned i = 0; i < s->t; i++) count += team.lanes[i].count;
    report(s, &m, count, s->n, 0, 0);
}

/* ---- context ---- */

static ccp_ctx *must_ctx(ccp_ctx *parent, ccp_wait limit)
{
    ccp_ctx *ctx = ccp_ctx_new(parent, limit);
    if (!ctx) die("ccp_ctx_new");
    return ctx;
}

static void must_free_ctx(ccp_ctx *ctx)
{
    if (ccp_ctx_free(ctx) != CCP_OK) die("ccp_ctx_free");
}

static uint64_t ctx_create_cancel(uint64_t n, ccp_ctx *root, ccp_wait limit)
{
    uint64_t ended = 0;
    for (uint64_t i = 0; i < n; i++) {
        ccp_ctx *ctx = must_ctx(root, limit);
        ccp_ctx_cancel(ctx);
        ended += ccp_ctx_status(ctx) == CCP_CANCELED;
        must_free_ctx(ctx);
    }
    return ended;
}

static uint64_t ctx_status(uint64_t n, ccp_ctx *root, ccp_wait limit)
{
    uint64_t alive = 0;
    ccp_ctx *ctx = must_ctx(root, limit);
    for (uint64_t i = 0; i < n; i++) alive += ccp_ctx_status(ctx) == CCP_OK;
    must_free_ctx(ctx);
    return alive;
}

/* Cancels n children, TREE below one parent at a time; only the cancelling is measured. */
static uint64_t ctx_tree(const struct spec *s, ccp_ctx *root, struct meter *m)
{
    ccp_ctx *kids[TREE];
    struct meter all = { 0 };
    uint64_t ended = 0, done = 0;
    while (done < s->n) {
        unsigned k = 0;
        ccp_ctx *parent = must_ctx(root, CCP_FOREVER);
        while (k < TREE && done + k < s->n) kids[k++] = must_ctx(parent, CCP_FOREVER);
        meter_start(m);
        ccp_ctx_cancel(parent);
        meter_stop(m, now_ns());
        all.wall += m->wall;
        all.cpu += m->cpu;
        for (unsigned i = 0; i < k; i++) {
            ended += ccp_ctx_status(kids[i]) == CCP_CANCELED;
            must_free_ctx(kids[i]);
        }
        must_free_ctx(parent);
        done += k;
    }
    *m = all;
    return ended;
}

static void run_ctx(const struct spec *s)
{
    struct meter m;
    uint64_t count = 0;
    ccp_ctx *root = must_ctx(NULL, CCP_FOREVER);
    ccp_wait hour = ccp_within(CCP_SEC(3600));
    meter_start(&m);
    if (!strcmp(s->mode, "cancel")) count = ctx_create_cancel(s->n, root, CCP_FOREVER);
    else if (!strcmp(s->mode, "deadline")) count = ctx_create_cancel(s->n, root, hour);
    else if (!strcmp(s->mode, "status")) count = ctx_status(s->n, root, CCP_FOREVER);
    else if (!strcmp(s->mode, "status-deadline")) count = ctx_status(s->n, root, hour);
    else if (strcmp(s->mode, "tree")) die("no such mode");
    meter_stop(&m, now_ns());
    if (!strcmp(s->mode, "tree")) count = ctx_tree(s, root, &m);
    must_free_ctx(root);
    report(s, &m, count, s->n, 0, 0);
}

/* ---- mutexes and semaphores ---- */

static ccp_mutex the_mutex;
static ccp_sem the_sem;

#define LOCK mutex
static void mutex_init(const struct spec *s)
{
    (void)s;
}
static inline void mutex_enter(void)
{
    if (ccp_mutex_lock(&the_mutex, CCP_FOREVER) != CCP_OK) die("ccp_mutex_lock");
}
static inline void mutex_leave(void)
{
    ccp_mutex_unlock(&the_mutex);
}
#include "locks.h"

#define LOCK sem
static void sem_init(const struct spec *s)
{
    if (ccp_sem_add(&the_sem, (unsigned)s->cap) != CCP_OK) die("ccp_sem_add");
}
static inline void sem_enter(void)
{
    if (ccp_sem_acquire(&the_sem, 1, CCP_FOREVER) != CCP_OK) die("ccp_sem_acquire");
}
static inline void sem_leave(void)
{
    ccp_sem_release(&the_sem, 1);
}
#include "locks.h"

static void run_lock(const struct spec *s)
{
    if (!strcmp(s->mode, "mutex")) mutex_run(s);
    else if (!strcmp(s->mode, "sem")) sem_run(s);
    else die("no such mode");
}

/* ---- circuit breakers ---- */

static ccp_breaker *the_breaker;
static _Thread_local ccp_breaker_ticket ticket;

#define LOCK closed
static void closed_init(const struct spec *s)
{
    (void)s;
    the_breaker = ccp_breaker_new(NULL);
    if (!the_breaker) die("ccp_breaker_new");
}
static inline void closed_enter(void)
{
    if (ccp_breaker_allow(the_breaker, &ticket) != CCP_OK) die("ccp_breaker_allow");
}
static inline void closed_leave(void)
{
    ccp_breaker_done(the_breaker, ticket, CCP_OK);
}
#include "locks.h"

#define LOCK opened
static void opened_init(const struct spec *s)
{
    (void)s;
    the_breaker = ccp_breaker_new(&(ccp_breaker_opts){ .open_ns = CCP_SEC(100000) });
    if (!the_breaker || ccp_breaker_set(the_breaker, CCP_BREAKER_OPEN, false) != CCP_OK)
        die("ccp_breaker_new");
}
static inline void opened_enter(void)
{
    if (ccp_breaker_allow(the_breaker, &ticket) != CCP_OPEN) die("ccp_breaker_allow");
}
static inline void opened_leave(void)
{
}
#include "locks.h"

static void run_breaker(const struct spec *s)
{
    if (!strcmp(s->mode, "closed")) closed_run(s);
    else if (!strcmp(s->mode, "open")) opened_run(s);
    else die("no such mode");
    if (ccp_breaker_free(the_breaker) != CCP_OK) die("ccp_breaker_free");
}

/* ---- rate limiters ---- */

static ccp_rate the_rate;

static void rate_init(double per_second, uint64_t burst)
{
    if (ccp_rate_init(&the_rate, per_second, burst) != CCP_OK) die("ccp_rate_init");
}

#define LOCK allowed
static void allowed_init(const struct spec *s)
{
    (void)s;
    rate_init(9e11, 1 << 30); /* more than can be taken */
}
static inline void allowed_enter(void)
{
    if (ccp_rate_take(&the_rate, 1, CCP_NOWAIT) != CCP_OK) die("ccp_rate_take");
}
static inline void allowed_leave(void)
{
}
#include "locks.h"

#define LOCK denied
static void denied_init(const struct spec *s)
{
    (void)s;
    rate_init(1e-6, 1);
    if (ccp_rate_take(&the_rate, 1, CCP_NOWAIT) != CCP_OK) die("ccp_rate_take");
}
static inline void denied_enter(void)
{
    if (ccp_rate_take(&the_rate, 1, CCP_NOWAIT) != CCP_AGAIN) die("ccp_rate_take");
}
static inline void denied_leave(void)
{
}
#include "locks.h"

static void run_rate(const struct spec *s)
{
    if (!strcmp(s->mode, "allowed")) allowed_run(s);
    else if (!strcmp(s->mode, "denied")) denied_run(s);
    else die("no such mode");
}

/* ---- barriers ---- */

static ccp_barrier the_barrier;

#define BARRIER barrier
static void barrier_init(const struct spec *s)
{
    the_barrier = (ccp_barrier)CCP_BARRIER_INIT(s->t);
}
static inline bool barrier_meet(unsigned i)
{
    ccp_barrier_pass pass;
    (void)i;
    if (ccp_barrier_wait(&the_barrier, &pass, CCP_FOREVER) != CCP_OK) die("ccp_barrier_wait");
    return pass.leader;
}
#include "barriers.h"

/* ---- futures; calls: a pool is asked for a value, which is waited for ---- */

typedef ccp_promise oneshot_promise;
typedef ccp_future oneshot_future;

#define FUTURE oneshot
static inline ccp_promise *oneshot_make(size_t size, ccp_future **f)
{
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = size }, f);
    if (!p) die("ccp_promise_new");
    return p;
}
static inline void oneshot_keep(ccp_promise *p, const void *value)
{
    if (ccp_promise_set(p, value) != CCP_OK) die("ccp_promise_set");
    ccp_promise_free(p);
}
static inline void oneshot_await(ccp_future *f, void *value)
{
    if (ccp_future_get(f, value, CCP_FOREVER) != CCP_OK) die("ccp_future_get");
    ccp_future_free(f);
}
#include "futures.h"

static ccp_status return_it(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    *(uint64_t *)result = (uintptr_t)arg;
    return CCP_OK;
}

static void run_calls(const struct spec *s)
{
    struct meter m;
    uint64_t v, count = 0, sum = 0;
    ccp_promise_opts opts = { .size = sizeof v };
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = s->w, .queue = s->cap });
    if (!pool) die("ccp_pool_new");
    meter_start(&m);
    for (uint64_t i = 1; i <= s->n; i++) {
        ccp_future *f;
        if (ccp_pool_call(pool, &opts, return_it, (void *)(uintptr_t)i, &f, CCP_FOREVER) != CCP_OK)
            die("ccp_pool_call");
        oneshot_await(f, &v);
        sum += v;
        count++;
    }
    meter_stop(&m, now_ns());
    if (ccp_pool_free(pool) != CCP_OK) die("ccp_pool_free");
    report(s, &m, count, s->n, sum, sum_to(s->n));
}

static void run_future(const struct spec *s)
{
    if (!strcmp(s->mode, "call")) run_calls(s);
    else oneshot_run(s);
}

/* ---- memory: what a channel takes from the heap ---- */

static size_t heap_used(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#else
    return 0;
#endif
}

static void run_memory(const struct spec *s)
{
    struct meter m;
    ccp_free(must_make(s->size, s->cap)); /* glibc's own bookkeeping for the thread is there now */
    size_t before = heap_used();
    meter_start(&m);
    ccp_chan *ch = must_make(s->size, s->cap);
    meter_stop(&m, now_ns());
    size_t used = heap_used() - before;
    if (!used) /* a C library that cannot tell */
        used = ccp_chan_memory(&(ccp_chan_opts){ .elem_size = s->size, .capacity = s->cap });
    ccp_free(ch);
    report_also("bytes", (double)used);
    report_also("over", (double)used - (double)(s->cap * (s->size + 8)));
    report(s, &m, 0, 0, 0, 0);
}

bool flow_run(const struct spec *s);  /* bench_flow.c */
bool steal_run(const struct spec *s); /* bench_steal.c */
bool free_run(const struct spec *s);  /* bench_free.c */
bool rcu_run(const struct spec *s);   /* bench_rcu.c */

int main(int argc, char **argv)
{
    static const char *const peers[] = { "ccp", NULL };
    if (list_peers(argc, argv, peers)) return 0;
    struct spec s = parse_spec(argc, argv);
    if (!strcmp(s.kind, "sel")) run_select(&s);
    else if (!strcmp(s.kind, "pool")) run_pool(&s);
    else if (!strcmp(s.kind, "wg")) run_wg(&s);
    else if (!strcmp(s.kind, "ctx")) run_ctx(&s);
    else if (!strcmp(s.kind, "lock")) run_lock(&s);
    else if (!strcmp(s.kind, "breaker")) run_breaker(&s);
    else if (!strcmp(s.kind, "rate")) run_rate(&s);
    else if (!strcmp(s.kind, "timer")) timer_run(&s);
    else if (!strcmp(s.kind, "tick")) tick_run(&s);
    else if (!strcmp(s.kind, "barrier")) barrier_run(&s);
    else if (!strcmp(s.kind, "future")) run_future(&s);
    else if (!strcmp(s.kind, "memory")) run_memory(&s);
    else if (!rcu_run(&s) && !steal_run(&s) && !free_run(&s) && !flow_run(&s)) ccp_run(&s);
    return 0;
}
