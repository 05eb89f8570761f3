/* SPDX-License-Identifier: MIT
 *
 * bench_c.c - the C peers: GLib's GAsyncQueue and GThreadPool, APR's apr_queue, the textbook queue
 * of one mutex and two condition variables and the textbook future, pthread's locks and barrier,
 * Concurrency Kit's barrier, and libuv's timers.  Also the probe of the machine.
 */
#include "timers.h"

#include <stdio.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef BENCH_CK
#include <ck_barrier.h>
#endif

/* ---- textbook: a ring under a mutex, "not full", "not empty" ---- */

#define PEER textbook

typedef struct textbook_type {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    size_t size, cap, first, len;
    bool closed;
    char slots[];
} textbook_type;

static textbook_type *textbook_new(const struct spec *s, size_t cap)
{
    if (!cap) unsupported(s, "no-capacity-0");
    textbook_type *q = must_alloc(sizeof *q + cap * s->size);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    q->size = s->size;
    q->cap = cap;
    return q;
}

static void textbook_free(textbook_type *q)
{
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    free(q);
}

static void textbook_send(textbook_type *q, const void *elem)
{
    pthread_mutex_lock(&q->lock);
    while (q->len == q->cap) pthread_cond_wait(&q->not_full, &q->lock);
    size_t at = q->first + q->len;
    memcpy(q->slots + (at < q->cap ? at : at - q->cap) * q->size, elem, q->size);
    q->len++;
    pthread_cond_signal(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

static bool textbook_recv(textbook_type *q, void *elem)
{
    pthread_mutex_lock(&q->lock);
    while (!q->len && !q->closed) pthread_cond_wait(&q->not_empty, &q->lock);
    bool got = q->len > 0;
    if (got) {
        memcpy(elem, q->slots + q->first * q->size, q->size);
        q->first = q->first + 1 < q->cap ? q->first + 1 : 0;
        q->len--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return got;
}

static void textbook_close(textbook_type *q, unsigned receivers)
{
    (void)receivers;
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

#include "shapes.h"
#undef PEER

/* ---- GLib: an unbounded queue of pointers; an end mark for each receiver stands for close ---- */

#ifdef BENCH_GLIB
#define PEER glib

#include <glib.h>

typedef GAsyncQueue glib_type;

static char glib_end; /* its address is the end mark */

static glib_type *glib_new(const struct spec *s, size_t cap)
{
    if (!cap) unsupported(s, "no-capacity-0");
    if (s->size > 8) unsupported(s, "carries-pointers-only");
    return g_async_queue_new();
}

static void glib_free(glib_type *q)
{
    g_async_queue_unref(q);
}

static void glib_send(glib_type *q, const void *elem)
{
    uintptr_t v;
    memcpy(&v, elem, sizeof v);
    g_async_queue_push(q, (void *)v);
}

static bool glib_recv(glib_type *q, void *elem)
{
    void *p = g_async_queue_pop(q);
    memcpy(elem, &p, sizeof p);
    return p != (void *)&glib_end;
}

static void glib_close(glib_type *q, unsigned receivers)
{
    while (receivers--) g_async_queue_push(q, &glib_end);
}

#include "shapes.h"

/* -- GThreadPool -- */

struct glib_sum {
    uint64_t count, sum, sink;
    unsigned steps;
    GAsyncQueue *reply;
    char pad[LINE];
};

static struct glib_sum glib_sums[MAX_THREADS];
static unsigned glib_sums_used;
static _Thread_local struct glib_sum *glib_mine;

static void glib_task(void *task, void *pool)
{
    const struct glib_sum *common = pool;
    if (!glib_mine) glib_mine = &glib_sums[__atomic_fetch_add(&glib_sums_used, 1, 5)];
    glib_mine->count++;
    glib_mine->sum += (uintptr_t)task;
    if (common->steps) glib_mine->sink = work_steps(glib_mine->sink, common->steps);
    if (common->reply) g_async_queue_push(common->reply, task);
}

static void *glib_submitter(void *lane)
{
    struct lane *l = lane;
    start_line(l);
    for (uint64_t i = 1; i <= l->n; i++) g_thread_pool_push(l->q, (void *)(uintptr_t)i, NULL);
    return NULL;
}

static void glib_run_pool(const struct spec *s)
{
    static struct team team;
    struct meter m;
    struct glib_sum common = { .steps = s->work };
    uint64_t count = 0, sum = 0;
    bool wait = !strcmp(s->mode, "rt");
    if (wait) common.reply = g_async_queue_new();
    GThreadPool *pool = g_thread_pool_new(glib_task, &common, (int)s->w, TRUE, NULL);
    if (!pool) die("no GThreadPool");
    team_init(&team, s, wait ? 0 : s->s, pool);
    for (unsigned i = 0; i < team.n; i++) {
        team.lanes[i].n = share(s->n, s->s, i);
        team_start(&team, i, glib_submitter);
    }
    team_go(&team, &m);
    for (uint64_t i = 1; wait && i <= s->n; i++) {
        g_thread_pool_push(pool, (void *)(uintptr_t)i, NULL);
        g_async_queue_pop(common.reply);
    }
    team_join(&team, 0, team.n);
    g_thread_pool_free(pool, FALSE, TRUE);
    meter_stop(&m, now_ns());
    if (wait) g_async_queue_unref(common.reply);
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        count += glib_sums[i].count;
        sum += glib_sums[i].sum;
    }
    report(s, &m, count, s->n, sum, wait ? sum_to(s->n) : sum_of_shares(s->n, s->s));
}
#undef PEER
#endif

/* ---- APR: a bounded queue of pointers; end marks, because apr_queue_term() loses elements ---- */

#ifdef BENCH_APR
#define PEER apr

#include <apr_general.h>
#include <apr_queue.h>

typedef struct apr_type {
    apr_pool_t *pool;
    apr_queue_t *q;
} apr_type;

static char apr_end;

static apr_type *apr_new(const struct spec *s, size_t cap)
{
    if (!cap) unsupported(s, "no-capacity-0");
    if (s->size > 8) unsupported(s, "carries-pointers-only");
    apr_type *q = must_alloc(sizeof *q);
    if (apr_initialize() || apr_pool_create(&q->pool, NULL)) die("no APR pool");
    if (apr_queue_create(&q->q, (unsigned)cap, q->pool)) die("no APR queue");
    return q;
}

static void apr_free(apr_type *q)
{
    apr_pool_destroy(q->pool);
    free(q);
}

static void apr_push(apr_type *q, void *p)
{
    apr_status_t rc;
    do rc = apr_queue_push(q->q, p);
    while (rc == APR_EINTR);
    if (rc) die("apr_queue_push");
}

static void apr_send(apr_type *q, const void *elem)
{
    uintptr_t v;
    memcpy(&v, elem, sizeof v);
    apr_push(q, (void *)v);
}

static bool apr_recv(apr_type *q, void *elem)
{
    apr_status_t rc;
    void *p;
    do rc = apr_queue_pop(q->q, &p);
    while (rc == APR_EINTR);
    if (rc) die("apr_queue_pop");
    memcpy(elem, &p, sizeof p);
    return p != (void *)&apr_end;
}

static void apr_close(apr_type *q, unsigned receivers)
{
    while (receivers--) apr_push(q, &apr_end);
}

#include "shapes.h"
#undef PEER
#endif

/* ---- POSIX: its mutex and semaphore ---- */

static pthread_mutex_t the_mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t the_sem;

#define LOCK mutex
static void mutex_init(const struct spec *s)
{
    (void)s;
}
static inline void mutex_enter(void)
{
    if (pthread_mutex_lock(&the_mutex)) die("pthread_mutex_lock");
}
static inline void mutex_leave(void)
{
    pthread_mutex_unlock(&the_mutex);
}
#include "locks.h"

#define LOCK posix
static void posix_init(const struct spec *s)
{
    if (sem_init(&the_sem, 0, (unsigned)s->cap)) die("sem_init");
}
static inline void posix_enter(void)
{
    if (sem_wait(&the_sem)) die("sem_wait");
}
static inline void posix_leave(void)
{
    sem_post(&the_sem);
}
#include "locks.h"

/* ---- POSIX's barrier, and Concurrency Kit's, which only spins ---- */

static pthread_barrier_t the_barrier;

#define BARRIER posix_barrier
static void posix_barrier_init(const struct spec *s)
{
    if (pthread_barrier_init(&the_barrier, NULL, s->t)) die("pthread_barrier_init");
}
static inline bool posix_barrier_meet(unsigned i)
{
    (void)i;
    return pthread_barrier_wait(&the_barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
}
#include "barriers.h"

#ifdef BENCH_CK
static ck_barrier_centralized_t the_ck_barrier = CK_BARRIER_CENTRALIZED_INITIALIZER;
static unsigned ck_parties;
static _Thread_local ck_barrier_centralized_state_t ck_state =
    CK_BARRIER_CENTRALIZED_STATE_INITIALIZER;

#define BARRIER ck
static void ck_init(const struct spec *s)
{
    ck_parties = s->t;
}
static inline bool ck_meet(unsigned i)
{
    ck_barrier_centralized(&the_ck_barrier, &ck_state, ck_parties);
    return i == 0; /* it tells no one */
}
#include "barriers.h"
#endif

/* A bucket of tokens under a mutex: as it is usually written. */
static struct {
    pthread_mutex_t lock;
    double per_ns, burst, tokens;
    uint64_t last;
    bool allowed;
} bucket = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define LOCK bucket
static void bucket_init(const struct spec *s)
{
    bucket.allowed = !strcmp(s->mode, "allowed");
    bucket.per_ns = bucket.allowed ? 900 : 1e-15;
    bucket.burst = bucket.allowed ? 1 << 30 : 0.5;
    bucket.tokens = bucket.burst;
    bucket.last = now_ns();
}
static inline void bucket_enter(void)
{
    pthread_mutex_lock(&bucket.lock);
    uint64_t now = now_ns();
    bucket.tokens += (double)(now - bucket.last) * bucket.per_ns;
    bucket.last = now;
    if (bucket.tokens > bucket.burst) bucket.tokens = bucket.burst;
    bool allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    pthread_mutex_unlock(&bucket.lock);
    if (allowed != bucket.allowed) die("a bucket");
}
static inline void bucket_leave(void)
{
}
#include "locks.h"

/* Sleeps until each tick: what is written where no ticker is at hand. */
static void sleep_ticks(const struct spec *s)
{
    struct meter m;
    int64_t *late = must_alloc(s->n * sizeof *late), start = now_ns();
    meter_start(&m);
    for (uint64_t i = 0; i < s->n; i++) {
        int64_t due = start + ((now_ns() - start) / TICK + 1) * TICK;
        struct timespec t = { .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)) {}
        late[i] = (now_ns() - start) % TICK;
    }
    meter_stop(&m, now_ns());
    report_lateness(late, s->n);
    free(late);
    report(s, &m, s->n, s->n, 0, 0);
}

static void pthread_run(const struct spec *s)
{
    if (!strcmp(s->kind, "barrier")) posix_barrier_run(s);
    else if (!strcmp(s->kind, "rate")) bucket_run(s);
    else if (!strcmp(s->kind, "tick")) sleep_ticks(s);
    else if (strcmp(s->kind, "lock")) unsupported(s, "locks-and-barriers-only");
    else if (!strcmp(s->mode, "mutex")) mutex_run(s);
    else posix_run(s);
}

/* ---- textbook: a future is a value under a mutex, and a condition ---- */

typedef struct once_value {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    size_t size;
    bool kept;
    _Alignas(16) char value[];
} once_promise, once_future;

#define FUTURE once
static once_promise *once_make(size_t size, once_future **f)
{
    *f = must_alloc(sizeof **f + size);
    pthread_mutex_init(&(*f)->lock, NULL);
    pthread_cond_init(&(*f)->ready, NULL);
    (*f)->size = size;
    return *f;
}
static void once_keep(once_promise *p, const void *value)
{
    pthread_mutex_lock(&p->lock);
    memcpy(p->value, value, p->size);
    p->kept = true;
    pthread_cond_signal(&p->ready);
    pthread_mutex_unlock(&p->lock);
}
static void once_await(once_future *f, void *value)
{
    pthread_mutex_lock(&f->lock);
    while (!f->kept) pthread_cond_wait(&f->ready, &f->lock);
    memcpy(value, f->value, f->size);
    pthread_mutex_unlock(&f->lock);
    pthread_cond_destroy(&f->ready);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
#include "futures.h"

bool steal_run_c(const struct spec *s); /* bench_steal_c.c */
bool free_run_c(const struct spec *s);  /* bench_free_c.c */
bool rcu_run_c(const struct spec *s);   /* bench_rcu_c.c */

int main(int argc, char **argv)
{
    static const char *const peers[] = {
#ifdef BENCH_GLIB
        "glib",
#endif
#ifdef BENCH_APR
        "apr",
#endif
#ifdef BENCH_CK
        "ck",
#endif
#ifdef BENCH_UV
        "libuv",
#endif
#ifdef BENCH_DPDK
        "dpdk",
#endif
        "limit", "textbook", "pthread", NULL
    };
    if (list_peers(argc, argv, peers)) return 0;
    if (argc == 2 && !strcmp(argv[1], "probe")) {
        run_probe();
        return 0;
    }
    struct spec s = parse_spec(argc, argv);
    if (steal_run_c(&s) || free_run_c(&s) || rcu_run_c(&s)) return 0;
    if (!strcmp(s.peer, "dpdk") || !strcmp(s.peer, "limit")) unsupported(&s, "rings-only");
    if (!strcmp(s.peer, "textbook") && !strcmp(s.kind, "future")) once_run(&s);
    else if (!strcmp(s.peer, "textbook")) textbook_run(&s);
    else if (!strcmp(s.peer, "pthread")) pthread_run(&s);
#ifdef BENCH_CK
    else if (!strcmp(s.peer, "ck") && !strcmp(s.kind, "barrier")) ck_run(&s);
    else if (!strcmp(s.peer, "ck")) unsupported(&s, "barriers-only");
#endif
#ifdef BENCH_UV
    else if (!strcmp(s.peer, "libuv")) libuv_run(&s);
#endif
#ifdef BENCH_GLIB
    else if (!strcmp(s.peer, "glib") && !strcmp(s.kind, "pool")) glib_run_pool(&s);
    else if (!strcmp(s.peer, "glib")) glib_run(&s);
#endif
#ifdef BENCH_APR
    else if (!strcmp(s.peer, "apr")) apr_run(&s);
#endif
    else die("no such peer");
    return 0;
}
