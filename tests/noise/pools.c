/* SPDX-License-Identifier: MIT
 *
 * Pools: tasks from all sides, drains and shutdowns at any moment.  The books: each task that was
 * accepted ran once or was handed back once; each that was refused did neither.
 */
#include "harness.h"

#include <stdlib.h>
#include <time.h>

enum { NOTHING, RAN, HANDED_BACK };

typedef struct task {
    _Atomic unsigned char fate;
    bool accepted;      /* the submitter's */
    unsigned delay;
    struct round *round;
} task;

typedef struct round {
    ccp_pool *pool;
    unsigned workers, submitters, drainers;
    unsigned per_submitter;
    task *tasks;        /* [submitter][number] */
    _Atomic unsigned submitting, running;
} round;

static ccp_status run_task(ccp_ctx *ctx, void *arg)
{
    task *t = arg;
    EXPECT(atomic_fetch_add(&t->round->running, 1) < t->round->workers); /* P2 */
    EXPECT(ccp_pool_worker(ctx) >= 0 && ccp_pool_worker(ctx) < (int)t->round->workers);
    /* Not at each step: on a busy machine a disturbed look takes 30 ms, and there are thousands. */
    for (volatile unsigned i = t->delay; i > 0 && (i % 64 || ccp_ctx_status(ctx) == CCP_OK); i--)
        ;
    step_outside();
    atomic_fetch_sub(&t->round->running, 1);
    if (atomic_exchange(&t->fate, RAN) != NOTHING)
        fail("a task that ran already, or was handed back");
    return CCP_OK;
}

static void hand_back(ccp_task fn, void *task_arg, void *arg)
{
    task *t = task_arg;
    EXPECT(fn == run_task && arg == t->round);
    if (atomic_exchange(&t->fate, HANDED_BACK) != NOTHING)
        fail("a task handed back that ran, or was handed back");
}

static ccp_wait some_wait(dice *d, ccp_ctx *ctx)
{
    switch (below(d, 4)) {
    case 0:
        return CCP_NOWAIT;
    case 1:
        return ccp_within(below(d, 60000));
    case 2:
        return ccp_with(ctx);
    default:
        return CCP_FOREVER;
    }
}

/* After a drain of its own has returned CCP_OK, all of a submitter's tasks have finished (P4). */
static void check_drained(worker *w, round *r, const task *mine, unsigned n)
{
    enter(w, "ccp_pool_drain", r->pool);
    ccp_status st = ccp_pool_drain(
        r->pool, below(&w->dice, 2) ? CCP_FOREVER : ccp_within(below(&w->dice, 200000)));
    leave(w);
    EXPECT(st == CCP_OK || st == CCP_TIMEOUT || st == CCP_CLOSED);
    for (unsigned k = 0; st == CCP_OK && k < n; k++)
        if (mine[k].accepted && atomic_load(&mine[k].fate) == NOTHING)
            fail("task %u of submitter %u had not finished when the drain returned", k, w->id);
}

static void be_submitter(worker *w)
{
    round *r = w->round;
    task *mine = r->tasks + (size_t)w->id * r->per_submitter;
    for (unsigned i = 0; i < r->per_submitter; i++) {
        task *t = &mine[i];
        t->round = r;
        t->delay = below(&w->dice, 1u << below(&w->dice, 12));
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(below(&w->dice, 60000)));
        enter(w, "ccp_pool_submit", r->pool);
        ccp_status st = ccp_pool_submit(r->pool, run_task, t, some_wait(&w->dice, ctx));
        leave(w);
        EXPECT(st == CCP_OK || st == CCP_AGAIN || st == CCP_TIMEOUT || st == CCP_CLOSED);
        t->accepted = st == CCP_OK;
        EXPECT(ccp_ctx_free(ctx) == CCP_OK);
        if (st == CCP_CLOSED)
            break;
        if (below(&w->dice, 16) == 0)
            check_drained(w, r, mine, i + 1);
    }
    atomic_fetch_sub(&r->submitting, 1);
}

static void be_drainer(worker *w)
{
    round *r = w->round;
    while (atomic_load(&r->submitting))
        check_drained(w, r, NULL, 0);
}

static void be_ender(worker *w)
{
    round *r = w->round;
    dice *d = &w->dice;
    bool early = below(d, 2) == 0;
    while (atomic_load(&r->submitting) && !(early && below(d, 40) == 0)) {
        ccp_pool_info info;
        EXPECT(ccp_pool_get_info(r->pool, &info) == CCP_OK && info.queued <= info.queue_cap);
        nanosleep(&(struct timespec){ 0, (long)below(d, 100000) }, NULL);
    }
    if (below(d, 2))
        (void)ccp_pool_close(r->pool);
    enter(w, "ccp_pool_shutdown", r->pool);
    ccp_status st = ccp_pool_shutdown(r->pool, below(d, 2) ? hand_back : NULL, r,
                                      below(d, 3) ? CCP_NOWAIT : CCP_FOREVER);
    leave(w);
    EXPECT(st == CCP_OK || st == CCP_AGAIN);
}

static void check_books(const round *r)
{
    for (unsigned i = 0; i < r->submitters * r->per_submitter; i++) {
        unsigned fate = atomic_load(&r->tasks[i].fate);
        if (r->tasks[i].accepted != (fate != NOTHING))
            fail("task %u was %s and %s", i, r->tasks[i].accepted ? "accepted" : "refused",
                 fate == NOTHING ? "neither ran nor was handed back"
                                 : fate == RAN ? "ran" : "was handed back");
    }
}

void round_of_pools(const setup *s, uint64_t number, uint64_t seed)
{
    static const size_t queues[] = { 0, 1, 2, 64 };
    dice d = dice_of(seed, 95);
    unsigned people = s->threads < 3 ? 3 : s->threads;
    round r = { .workers = 1 + below(&d, 8), .per_submitter = 1 + below(&d, 300) };
    r.drainers = below(&d, 3);
    r.submitters = 1 + below(&d, people - 1);
    atomic_init(&r.submitting, r.submitters);
    size_t queue = queues[below(&d, 4)];
    round_begin(s, number, "pool of %u, queue %zu, %u submitters, %u drainers", r.workers, queue,
                r.submitters, r.drainers);
    r.tasks = calloc((size_t)r.submitters * r.per_submitter, sizeof *r.tasks);
    r.pool = ccp_pool_new(&(ccp_pool_opts){ .workers = r.workers,
                                            .queue = queue,
                                            .unrun = hand_back,
                                            .unrun_arg = &r });
    if (!r.tasks || !r.pool)
        fail("no memory or threads for a pool");
    for (unsigned i = 0; i < r.submitters + r.drainers; i++)
        crew_add(i, seed, i < r.submitters ? be_submitter : be_drainer, &r);
    crew_add(r.submitters + r.drainers, seed, be_ender, &r);
    crew_join();
    EXPECT(ccp_pool_free(r.pool) == CCP_OK && ccp_live_blocks() == 0);
    check_books(&r);
    free(r.tasks);
}
