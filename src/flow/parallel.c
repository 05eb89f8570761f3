/* SPDX-License-Identifier: MIT
 *
 * Ranges of indices that the caller and helpers take from one counter.
 *
 * Representation  A helper is a task, of a pool or of a group that lives as long as the call.  It
 *                 may start late, even after the call has returned; so the job is counted, and
 *                 `state` says whether it may still begin:
 *
 *      63       62             0
 *     +--------+----------------+
 *     | CLOSED |     inside     |
 *     +--------+----------------+
 *   inside  helpers that have begun and not ended.
 *   CLOSED  nobody may begin any more; the caller waits for those inside.
 *
 * Invariants
 *   P1  An index below `next` is done, or being done, or the job has stopped.
 *   P2  After CLOSED is set and `inside` is 0 nobody uses fn, arg or what the caller lent.
 *   P3  The caller waits only for helpers that are inside, that is, for calls of fn below its own
 *       in the tree of calls: no circle of waiting calls is possible.
 * Locks           `lock` protects the errors.
 */
#include "flow/parallel.h"

#include "base/lock.h"
#include "base/mem.h"
#include "block/wait.h"
#include "coord/await.h"

#define MAX_WORKERS 65536
#define SHARE 4 /* a range is a fourth of what would be left for each thread */
#define CLOSED ((uint64_t)1 << 63)

typedef struct job job;

/* Does a range, and notes what fails. */
typedef void (*runner)(job *j, size_t begin, size_t end, unsigned worker);

struct job {
    ccpi_word64 next;    /* atomic: the first index that nobody has taken; n when stopped */
    ccpi_word64 state;   /* atomic, see above */
    ccpi_word32 refs;    /* atomic: the caller, and each helper until it has ended */
    ccpi_word32 helpers; /* atomic: that have begun; numbers them */
    ccpi_word32 skipped; /* atomic: indices were left out, since the wait ended */
    ccpi_word32 failed;  /* atomic: something has failed */
    ccp_wg inside;       /* 1 until the last helper has ended, when the caller waits for that */
    size_t n, grain;     /* const */
    unsigned workers;    /* const */
    runner run;          /* const */
    ccp_range range;     /* const: of ccp_parallel_for() */
    ccp_step step;       /* const: of ccp_parallel_map() */
    void *arg;           /* const */
    ccp_ctx *ctx;        /* const */
    ccp_parallel_opts o; /* const */
    ccpi_lock lock;
    size_t errors; /* under lock */
};

/* ---- taking and doing ---- */

/* P1 */
static bool take(job *j, size_t *begin, size_t *end)
{
    uint64_t at = atomic_load_explicit(&j->next, CCPI_RLX), size;
    do {
        if (at >= j->n)
            return false;
        size = (j->n - at) / (SHARE * (uint64_t)j->workers);
        if (size < j->grain)
            size = j->grain;
        if (size > j->n - at)
            size = j->n - at;
        /* Relaxed: what the indices mean was published when the job was. */
    } while (!atomic_compare_exchange_weak_explicit(&j->next, &at, at + size, CCPI_RLX, CCPI_RLX));
    *begin = (size_t)at;
    *end = (size_t)(at + size);
    return true;
}

/* No more ranges; tells whether there would have been one. */
static bool stop(job *j)
{
    return atomic_exchange_explicit(&j->next, j->n, CCPI_RLX) < j->n; /* relaxed, as in take() */
}

static void skip(job *j)
{
    /* Relaxed, as all flags: the caller reads them after [P1]. */
    atomic_store_explicit(&j->skipped, 1, CCPI_RLX);
}

static void note(job *j, size_t index, ccp_status st, unsigned worker)
{
    if (!atomic_load_explicit(&j->failed, CCPI_RLX) && ccp_ctx_status(j->ctx) == st) {
        skip(j); /* it gave up because the wait ended */
        return;
    }
    ccpi_lock_acquire(&j->lock);
    bool first = j->errors == 0;
    if (j->errors < j->o.max_errors && j->o.errors)
        j->o.errors[j->errors] = (ccp_result){ index, st, worker };
    j->errors++;
    atomic_store_explicit(&j->failed, 1, CCPI_RLX);
    ccpi_lock_release(&j->lock);
    if (!first || j->o.keep_going)
        return;
    (void)stop(j);
    ccp_ctx_cancel(j->ctx);
}

static void run_range(job *j, size_t begin, size_t end, unsigned worker)
{
    ccp_status st = j->range(j->ctx, begin, end, j->arg);
    if (st != CCP_OK)
        note(j, begin, st, worker);
}

static void run_steps(job *j, size_t begin, size_t end, unsigned worker)
{
    const unsigned char *in = j->o.in;
    unsigned char *out = j->o.out;
    for (size_t i = begin; i < end; i++) {
        ccp_status st = j->step(j->ctx, in ? in + i * j->o.in_size : NULL,
                                out ? out + i * j->o.out_size : NULL, j->arg);
        if (st != CCP_OK)
            note(j, i, st, worker);
        if (!j->o.keep_going && atomic_load_explicit(&j->failed, CCPI_RLX))
            return;
    }
}

static void work(job *j, unsigned worker)
{
    size_t begin, end;
    for (;;) {
        if (ccp_ctx_status(j->ctx) != CCP_OK) {
            if (stop(j))
                skip(j);
            return;
        }
        if (!take(j, &begin, &end))
            return;
        j->run(j, begin, end, worker);
    }
}

/* ---- helpers ---- */

static void unref(job *j)
{
    /* [P2] acq_rel: what the others did with the job, before it is freed. */
    if (atomic_fetch_sub_explicit(&j->refs, 1, CCPI_ACQ_REL) != 1)
        return;
    (void)ccp_ctx_free(j->ctx);
    ccpi_free(j);
}

static bool enter(job *j)
{
    uint64_t s = atomic_load_explicit(&j->state, CCPI_RLX);
    do
        if (s & CLOSED)
            return false;
    /* Relaxed: the job was published when the helper was started. */
    while (!atomic_compare_exchange_weak_explicit(&j->state, &s, s + 1, CCPI_RLX, CCPI_RLX));
    return true;
}

static ccp_status help(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    (void)ctx;
    if (enter(j)) {
        /* Relaxed: a number. */
        work(j, 1 + atomic_fetch_add_explicit(&j->helpers, 1, CCPI_RLX));
        /* [P1] acq_rel: what the functions did, those of helpers that left before too.  Pairs with
         * the acquire in close_job(). */
        if (atomic_fetch_sub_explicit(&j->state, 1, CCPI_ACQ_REL) == (CLOSED | 1))
            (void)ccp_wg_done(&j->inside);
    }
    unref(j);
    return CCP_OK;
}

bool ccpi_parallel_undo(ccp_task fn, void *arg)
{
    if (fn == help)
        unref(arg);
    return fn == help;
}

/* P2, P3 */
static void close_job(job *j)
{
    /* [P1] acquire: pairs with help(). */
    if (atomic_fetch_or_explicit(&j->state, CLOSED, CCPI_ACQ) != 0)
        ccpi_await_wg(&j->inside);
}

static bool start_helper(job *j, ccp_group *g)
{
    atomic_fetch_add_explicit(&j->refs, 1, CCPI_RLX); /* relaxed: the caller has one */
    ccp_status st =
        g ? ccp_group_go(g, help, j, CCP_FOREVER) : ccp_pool_submit(j->o.pool, help, j, CCP_NOWAIT);
    if (st != CCP_OK)
        atomic_fetch_sub_explicit(&j->refs, 1, CCPI_RLX);
    return st == CCP_OK;
}

/* With fewer helpers, or none, it is slower, and that is all. */
static void share(job *j)
{
    ccp_group *g = NULL;
    if (!j->o.pool && j->workers > 1)
        g = ccp_group_make(&(ccp_group_opts){ .name = j->o.name, .stack_size = j->o.stack_size });
    for (unsigned i = 1; i < j->workers && (g || j->o.pool); i++)
        if (!start_helper(j, g))
            break;
    work(j, 0);
    close_job(j);
    if (g) {
        ccpi_await_group(g);
        (void)ccp_group_free(g);
    }
}

/* ---- the calls ---- */

static unsigned count_workers(size_t n, size_t grain, const ccp_parallel_opts *o)
{
    ccp_pool_info info;
    unsigned workers = o->workers;
    if (o->pool && ccp_pool_get_info(o->pool, &info) == CCP_OK) {
        if (!workers || workers > info.limit)
            workers = info.limit + 1;
    } else if (!workers)
        workers = ccp_cpu_count();
    size_t ranges = n / grain + (n % grain != 0);
    return workers < ranges ? workers : (unsigned)ranges;
}

static ccp_status outcome(job *j)
{
    if (j->o.failed)
        *j->o.failed = j->errors;
    if (j->errors)
        return CCP_FAILED;
    /* Relaxed: after [P1]. */
    return atomic_load_explicit(&j->skipped, CCPI_RLX) ? ccp_ctx_status(j->ctx) : CCP_OK;
}

/* j is on the caller's stack, and only half made. */
static ccp_status run_job(const job *like, ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (like->n == 0) {
        if (like->o.failed)
            *like->o.failed = 0;
        return CCP_OK;
    }
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    job *j = ccpi_alloc(sizeof *j);
    if (!j)
        return CCP_NOMEM;
    *j = *like;
    j->ctx = ccp_ctx_new(w.ctx_, ccp_under(NULL, w));
    if (!j->ctx) {
        ccpi_free(j);
        return CCP_NOMEM;
    }
    if (j->grain == 0)
        j->grain = 1;
    j->workers = count_workers(j->n, j->grain, &j->o);
    atomic_store_explicit(&j->refs, 1, CCPI_RLX); /* relaxed: nobody else has it */
    (void)ccp_wg_add(&j->inside, 1);
    share(j);
    st = outcome(j);
    unref(j);
    return st;
}

static const ccp_parallel_opts defaults;

ccp_status ccp_parallel_for(size_t n, ccp_range fn, void *arg, const ccp_parallel_opts *o,
                            ccp_wait w)
{
    if (!o)
        o = &defaults;
    if (!fn || o->workers > MAX_WORKERS)
        return CCP_INVAL;
    const job like = {
        .n = n, .grain = o->grain, .run = run_range, .range = fn, .arg = arg, .o = *o
    };
    return run_job(&like, w);
}

ccp_status ccp_parallel_map(size_t n, ccp_step step, void *arg, const ccp_parallel_opts *o,
                            ccp_wait w)
{
    if (!o)
        o = &defaults;
    if (!step || o->workers > MAX_WORKERS)
        return CCP_INVAL;
    const job like = {
        .n = n, .grain = o->grain, .run = run_steps, .step = step, .arg = arg, .o = *o
    };
    return run_job(&like, w);
}
