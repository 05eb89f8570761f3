/* SPDX-License-Identifier: MIT
 *
 * Pools, contexts and wait groups under stress.
 *
 *   pool   tasks submitted from many threads while the pool is drained, closed and shut down: each
 *          accepted task runs once or is handed back once; some pools tune themselves, some are
 *          measured
 *   tree   contexts made, hooked, waited under, canceled and freed by many threads at once
 *   group  wait groups that start threads, are waited for with and without limits, and close
 *          channels
 */
#define _GNU_SOURCE
#include "stress.h"

/* --- pool --- */

enum { MOST_TASKS = 400, SUBMITTERS = 6 };

typedef struct task_record {
    struct pool_round *r;
    atomic_int accepted, ran, unrun;
    uint32_t work;
} task_record;

typedef struct pool_round {
    ccp_pool *pool;
    task_record tasks[SUBMITTERS][MOST_TASKS];
    atomic_long running;
    ccp_wg done; /* of tasks with options */
    unsigned workers;
    bool tuned; /* workers come and go */
} pool_round;

static ccp_status run_record(ccp_ctx *ctx, void *arg)
{
    task_record *t = arg;
    long now = atomic_fetch_add(&t->r->running, 1) + 1;
    int me = ccp_pool_worker(ctx);
    MUST(now <= (long)t->r->workers);                         /* P2 */
    MUST(me >= 0 && ((unsigned)me < t->r->workers || t->r->tuned));
    MUST(atomic_fetch_add(&t->ran, 1) == 0);                  /* P3 */
    if (t->work % 4 == 0)
        (void)ccp_sleep(ccp_under(ctx, ccp_within(CCP_US(t->work % 64))));
    if (t->work % 97 == 0)
        MUST(ccp_pool_drain(t->r->pool, CCP_NOWAIT) == CCP_DEADLOCK);
    atomic_fetch_sub(&t->r->running, 1);
    return t->work % 3 ? CCP_OK : CCP_FAILED;
}

static void take_back(ccp_task fn, void *task, void *arg)
{
    task_record *t = task;
    MUST(fn == run_record && arg == t->r);
    MUST(atomic_fetch_add(&t->unrun, 1) == 0);
}

static ccp_wait some_wait(dice *d)
{
    switch (roll(d, 5)) {
    case 0:
        return CCP_NOWAIT;
    case 1:
        return ccp_within(CCP_US(roll(d, 100)));
    default:
        return CCP_FOREVER;
    }
}

/* Every other one with options; some have an owner, and are withdrawn by whoever. */
static ccp_status submit_record(pool_round *r, task_record *t, dice *d)
{
    if (roll(d, 40) == 0)
        MUST(ccp_pool_cancel(r->pool, r, NULL) == CCP_OK);
    if (t->work % 2)
        return ccp_pool_submit(r->pool, run_record, t, some_wait(d));
    const ccp_task_opts o = { .priority = (int)roll(d, 4),
                              .within = roll(d, 5) ? 0 : CCP_US(roll(d, 50)),
                              .limit = roll(d, 5) ? 0 : 1 + CCP_US(roll(d, 50)),
                              .owner = roll(d, 3) ? NULL : r,
                              .done = &r->done };
    return ccp_pool_submit_with(r->pool, run_record, t, &o, some_wait(d));
}

static void run_submitter(worker *w)
{
    pool_round *r = w->round;
    for (size_t i = 0; i < MOST_TASKS; i++) {
        task_record *t = &r->tasks[w->index][i];
        t->r = r;
        t->work = roll(&w->dice, 10000);
        worker_does(w, "submits");
        ccp_status rc = submit_record(r, t, &w->dice);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_TIMEOUT || rc == CCP_CLOSED);
        atomic_store(&t->accepted, rc == CCP_OK);
        if (roll(&w->dice, 50) == 0) {
            worker_does(w, "drains");
            rc = ccp_pool_drain(r->pool, some_wait(&w->dice));
            MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_TIMEOUT || rc == CCP_CLOSED);
            for (size_t k = 0; rc == CCP_OK && k < i; k++) { /* P4: its own, at least */
                task_record *mine = &r->tasks[w->index][k];
                MUST(atomic_load(&mine->accepted) ==
                     atomic_load(&mine->ran) + atomic_load(&mine->unrun));
            }
        }
    }
}

static void end_pool(pool_round *r, dice *d)
{
    (void)ccp_sleep(ccp_within(CCP_US(roll(d, 20000))));
    if (roll(d, 3) == 0)
        MUST(ccp_pool_close(r->pool) == CCP_OK);
    if (roll(d, 4) != 0) {
        ccp_wait w = roll(d, 2) ? ccp_within(CCP_US(roll(d, 3000))) : some_wait(d);
        ccp_status rc = ccp_pool_shutdown(r->pool, take_back, r, w);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_TIMEOUT);
    } else {
        MUST(ccp_pool_shutdown(r->pool, NULL, NULL, CCP_NOWAIT) != CCP_CLOSED);
    }
}

static void pool(uint64_t seed)
{
    static worker w[SUBMITTERS];
    pool_round *r = calloc(1, sizeof *r);
    dice d = { seed };
    r->workers = 1 + roll(&d, 4);
    r->tuned = roll(&d, 3) == 0;
    r->pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = r->workers, .queue = roll(&d, 6), .unrun = take_back, .unrun_arg = r,
        .aging = roll(&d, 4), .tune = r->tuned ? CCP_US(20 + roll(&d, 100)) : 0,
        .measure = roll(&d, 4) == 0 });
    MUST(r->pool);
    for (size_t i = 0; i < SUBMITTERS; i++)
        worker_start(&w[i], run_submitter, r, i, seed);
    end_pool(r, &d);
    for (size_t i = 0; i < SUBMITTERS; i++)
        worker_join(&w[i]);
    MUST(ccp_pool_free(r->pool) == CCP_OK);
    MUST(ccp_wg_wait(&r->done, CCP_NOWAIT) == CCP_OK); /* P21 */
    for (size_t i = 0; i < SUBMITTERS; i++)
        for (size_t k = 0; k < MOST_TASKS; k++) {
            task_record *t = &r->tasks[i][k];
            MUST(atomic_load(&t->accepted) == atomic_load(&t->ran) + atomic_load(&t->unrun));
        }
    free(r);
}

/* --- tree --- */

enum { PLANTERS = 6, DEPTH = 5 };

typedef struct tree_round {
    ccp_ctx *root;
    ccp_chan *never;
    pthread_rwlock_t lock; /* for reading while a shared branch is used */
    ccp_ctx *branch[3];
    _Atomic bool stop;
} tree_round;

typedef struct hooked {
    ccp_hook h;
    atomic_int runs;
} hooked;

static void count_run(void *arg)
{
    MUST(atomic_fetch_add((atomic_int *)arg, 1) == 0); /* X5 */
}

/* A chain below ctx, hooks on it, a wait or a cancel somewhere, then all of it goes again. */
static void grow_and_fell(worker *w, ccp_ctx *above)
{
    tree_round *r = w->round;
    ccp_ctx *chain[DEPTH];
    hooked hooks[DEPTH];
    size_t n = 1 + roll(&w->dice, DEPTH);
    memset(hooks, 0, sizeof hooks);
    worker_does(w, "grows");
    for (size_t i = 0; i < n; i++) {
        ccp_ctx *parent = i ? chain[i - 1] : above;
        chain[i] = roll(&w->dice, 3) ? ccp_ctx_new(parent, CCP_FOREVER)
                                     : ccp_ctx_new(parent, ccp_within(CCP_US(roll(&w->dice, 300))));
        MUST(chain[i] && ccp_ctx_deadline(chain[i]) <= ccp_ctx_deadline(parent)); /* X3 */
        MUST(ccp_ctx_hook(chain[i], &hooks[i].h, count_run, &hooks[i].runs) == CCP_OK);
    }
    ccp_ctx *leaf = chain[n - 1];
    if (roll(&w->dice, 3) == 0)
        ccp_ctx_cancel(chain[roll(&w->dice, (uint32_t)n)]);
    worker_does(w, "waits below");
    ccp_status rc = ccp_chan_recv(r->never, NULL,
                                  ccp_under(leaf, ccp_within(CCP_US(roll(&w->dice, 200)))));
    MUST(rc == CCP_TIMEOUT || rc == CCP_CANCELED);
    if (rc == CCP_CANCELED)
        MUST(ccp_ctx_status(leaf) == CCP_CANCELED); /* X2 */
    worker_does(w, "fells");
    for (size_t i = 0; i < n; i++) { /* from the top: X4 */
        rc = ccp_ctx_unhook(&hooks[i].h, CCP_FOREVER);
        MUST(rc == CCP_OK || rc == CCP_CLOSED);
        MUST(atomic_load(&hooks[i].runs) == (rc == CCP_CLOSED)); /* X5 */
        MUST(ccp_ctx_free(chain[i]) == CCP_OK);
    }
}

static void run_planter(worker *w)
{
    tree_round *r = w->round;
    for (int i = 0; i < 150; i++) {
        uint32_t b = roll(&w->dice, LENGTH(r->branch));
        pthread_rwlock_rdlock(&r->lock);
        grow_and_fell(w, roll(&w->dice, 8) ? r->branch[b] : r->root);
        pthread_rwlock_unlock(&r->lock);
    }
}

static void run_pruner(worker *w)
{
    tree_round *r = w->round;
    while (!atomic_load(&r->stop)) {
        uint32_t b = roll(&w->dice, LENGTH(r->branch));
        worker_does(w, "prunes");
        ccp_ctx_cancel_cause(r->branch[b], r); /* while the planters use it */
        pthread_rwlock_wrlock(&r->lock);
        MUST(ccp_ctx_status(r->branch[b]) == CCP_CANCELED && ccp_ctx_cause(r->branch[b]) == r);
        MUST(ccp_ctx_free(r->branch[b]) == CCP_OK);
        r->branch[b] = ccp_ctx_new(r->root, CCP_FOREVER);
        MUST(r->branch[b]);
        pthread_rwlock_unlock(&r->lock);
        (void)ccp_sleep(ccp_within(CCP_US(roll(&w->dice, 300))));
    }
}

static void tree(uint64_t seed)
{
    static worker w[PLANTERS], pruner;
    tree_round *r = calloc(1, sizeof *r);
    r->root = ccp_ctx_new(NULL, CCP_FOREVER);
    r->never = ccp_chan_new(sizeof(long), seed % 2);
    watch_chan(r->never);
    MUST(pthread_rwlock_init(&r->lock, NULL) == 0);
    for (size_t i = 0; i < LENGTH(r->branch); i++)
        r->branch[i] = ccp_ctx_new(r->root, CCP_FOREVER);
    for (size_t i = 0; i < PLANTERS; i++)
        worker_start(&w[i], run_planter, r, i, seed);
    worker_start(&pruner, run_pruner, r, PLANTERS, seed);
    for (size_t i = 0; i < PLANTERS; i++)
        worker_join(&w[i]);
    atomic_store(&r->stop, true);
    worker_join(&pruner);
    watch_no_chans();
    for (size_t i = 0; i < LENGTH(r->branch); i++)
        MUST(ccp_ctx_free(r->branch[i]) == CCP_OK);
    MUST(ccp_ctx_free(r->root) == CCP_OK);
    MUST(ccp_chan_free(r->never) == CCP_OK);
    MUST(pthread_rwlock_destroy(&r->lock) == 0);
    free(r);
}

/* --- group --- */

typedef struct group_round {
    ccp_wg wg;
    ccp_chan *results;
    atomic_long runs;
    _Atomic bool all_started;
} group_round;

static void run_member(void *arg)
{
    group_round *r = arg;
    long v = atomic_fetch_add(&r->runs, 1);
    MUST(ccp_chan_send(r->results, &v, CCP_FOREVER) == CCP_OK);
}

static void run_group_waiter(worker *w)
{
    group_round *r = w->round;
    ccp_status rc;
    do {
        worker_does(w, "waits for the group");
        rc = ccp_wg_wait(&r->wg, some_wait(&w->dice));
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_TIMEOUT);
    } while (rc != CCP_OK);
    MUST(ccp_chan_is_closed(r->results) || ccp_chan_close(r->results) == CCP_CLOSED); /* A5 */
}

static void group(uint64_t seed)
{
    static worker w[4];
    group_round *r = calloc(1, sizeof *r);
    dice d = { seed };
    long n = 1 + (long)roll(&d, 12), got = 0, v;
    r->results = ccp_chan_new(sizeof v, roll(&d, 4));
    watch_chan(r->results);
    MUST(ccp_wg_add(&r->wg, 1) == CCP_OK); /* holds the round open */
    MUST(ccp_wg_close_when_done(&r->wg, r->results) == CCP_OK);
    for (size_t i = 0; i < LENGTH(w); i++)
        worker_start(&w[i], run_group_waiter, r, i, seed);
    for (long i = 0; i < n; i++)
        MUST(ccp_wg_go(&r->wg, run_member, r) == CCP_OK);
    MUST(ccp_wg_done(&r->wg) == CCP_OK);
    CCP_CHAN_FOR(&v, r->results, CCP_FOREVER)
    got++;
    MUST(got == n);
    for (size_t i = 0; i < LENGTH(w); i++)
        worker_join(&w[i]);
    MUST(ccp_wg_wait(&r->wg, CCP_FOREVER) == CCP_OK);
    MUST(atomic_load(&r->runs) == n);
    watch_no_chans();
    MUST(ccp_chan_free(r->results) == CCP_OK);
    free(r);
}

int main(int argc, char **argv)
{
    static const mode modes[] = {
        { "pool", pool },
        { "tree", tree },
        { "group", group },
    };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
