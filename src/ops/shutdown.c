/* SPDX-License-Identifier: MIT
 *
 * Shutdown: what is to be done, in phases.
 *
 * Invariants
 *   S1  state goes ADDING, RUNNING, DONE.  Steps are added while ADDING, under the lock; after that
 *       the list is constant, and what became of its steps is written by who runs it, under the
 *       lock.
 *   S2  A batch of steps that belong together is one block, added as a whole or not at all.
 */
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"

#define PHASES 4

typedef struct step {
    ccp_phase phase;
    ccp_shutdown_step fn;
    void *arg;
    ccp_status status; /* S1 */
    int64_t ns;        /* S1; -1 before it has run */
} step;

typedef struct batch {
    struct batch *next;
    const char *name;
    unsigned n;
    step steps[PHASES];
    /* of a pool: */
    ccp_pool *pool;
    ccp_unrun unrun;
    void *unrun_arg;
    bool drained; /* by who runs the steps */
} batch;

struct ccp_shutdown {
    ccpi_lock lock;
    enum stage { ADDING, RUNNING, DONE } state; /* under lock */
    batch *first, **last;                       /* S1 */
};

static const ccpi_kind kind = { "shutdown", "ccp_shutdown_", NULL, NULL };

ccp_shutdown *ccp_shutdown_new(void)
{
    ccp_shutdown *s = ccpi_alloc(sizeof *s);
    if (!s)
        return NULL;
    s->last = &s->first;
    ccpi_track(s, &kind, NULL);
    return s;
}

/* ---- adding ---- */

static void add_step(batch *b, ccp_phase phase, ccp_shutdown_step fn, void *arg)
{
    b->steps[b->n++] = (step){ phase, fn, arg, CCP_OK, -1 };
}

static batch *new_batch(const char *name)
{
    batch *b = ccpi_alloc(sizeof *b);
    if (b)
        b->name = name;
    return b;
}

/* Takes the batch, or frees it. */
static ccp_status append(ccp_shutdown *s, batch *b)
{
    ccpi_lock_acquire(&s->lock);
    bool adding = s->state == ADDING;
    if (adding) {
        *s->last = b;
        s->last = &b->next;
    }
    ccpi_lock_release(&s->lock);
    if (!adding)
        ccpi_free(b);
    return adding ? CCP_OK : CCP_CLOSED;
}

ccp_status ccp_shutdown_add(ccp_shutdown *s, ccp_phase phase, const char *name,
                            ccp_shutdown_step fn, void *arg)
{
    if (!s || !name || !fn || (unsigned)phase >= PHASES)
        return CCP_INVAL;
    if (ccpi_is_dead(s))
        return CCP_FORKED;
    batch *b = new_batch(name);
    if (!b)
        return CCP_NOMEM;
    add_step(b, phase, fn, arg);
    return append(s, b);
}

/* ---- pools ---- */

static ccp_status close_pool(void *arg, ccp_wait w)
{
    batch *b = arg;
    (void)w;
    (void)ccp_pool_close(b->pool);
    return CCP_OK;
}

static ccp_status drain_pool(void *arg, ccp_wait w)
{
    batch *b = arg;
    ccp_status st = ccp_pool_drain(b->pool, w);
    b->drained = st == CCP_OK;
    return st;
}

static ccp_status cancel_pool(void *arg, ccp_wait w)
{
    batch *b = arg;
    (void)w;
    return b->drained ? CCP_OK : ccp_pool_abort(b->pool, b->unrun, b->unrun_arg);
}

/* Once all tasks have ended, workers end without delay. */
static ccp_status join_pool(void *arg, ccp_wait w)
{
    batch *b = arg;
    ccp_status st = ccp_pool_drain(b->pool, w);
    if (st != CCP_OK && st != CCP_CLOSED)
        return st;
    st = ccp_pool_shutdown(b->pool, b->unrun, b->unrun_arg, CCP_NOWAIT);
    return st == CCP_CLOSED ? CCP_OK : st;
}

ccp_status ccp_shutdown_add_pool(ccp_shutdown *s, const char *name, ccp_pool *p, ccp_unrun unrun,
                                 void *arg)
{
    if (!s || !name || !p)
        return CCP_INVAL;
    if (ccpi_is_dead(s))
        return CCP_FORKED;
    batch *b = new_batch(name);
    if (!b)
        return CCP_NOMEM;
    b->pool = p;
    b->unrun = unrun;
    b->unrun_arg = arg;
    add_step(b, CCP_PHASE_INTAKE, close_pool, b);
    add_step(b, CCP_PHASE_DRAIN, drain_pool, b);
    add_step(b, CCP_PHASE_CANCEL, cancel_pool, b);
    add_step(b, CCP_PHASE_JOIN, join_pool, b);
    return append(s, b);
}

/* ---- running ---- */

/* The step of b in that phase; NULL if it has none.  A batch has at most one. */
static step *step_in(batch *b, unsigned phase)
{
    for (unsigned i = 0; i < b->n; i++)
        if ((unsigned)b->steps[i].phase == phase)
            return &b->steps[i];
    return NULL;
}

/* J2: as long as the phase may, and no longer than the whole. */
static ccp_wait wait_of(int64_t limit, ccp_wait whole)
{
    if (limit == 0 || ccpi_wait_not_at_all(whole))
        return whole;
    int64_t end = ccpi_wait_deadline(ccp_within(limit));
    return end < whole.ns_ ? ccp_under(whole.ctx_, ccp_until(end)) : whole;
}

static bool is_wait_code(ccp_status st)
{
    return st == CCP_AGAIN || st == CCP_TIMEOUT || st == CCP_CANCELED;
}

static ccp_status run_step(ccp_shutdown *s, step *t, ccp_wait w)
{
    int64_t begin = ccp_now();
    ccp_status st = t->fn(t->arg, w);
    ccpi_lock_acquire(&s->lock);
    t->status = st;
    t->ns = ccp_now() - begin;
    ccpi_lock_release(&s->lock);
    return st == CCP_OK || is_wait_code(st) ? st : CCP_FAILED;
}

static ccp_status run(ccp_shutdown *s, const int64_t *limits, ccp_wait w)
{
    ccp_status first = CCP_OK;
    for (unsigned phase = 0; phase < PHASES; phase++) {
        ccp_wait in_phase = wait_of(limits[phase], w);
        for (batch *b = s->first; b; b = b->next) {
            step *t = step_in(b, phase);
            ccp_status st = t ? run_step(s, t, in_phase) : CCP_OK;
            if (first == CCP_OK)
                first = st;
        }
    }
    return first;
}

static bool move_on(ccp_shutdown *s, enum stage from, enum stage to)
{
    ccpi_lock_acquire(&s->lock);
    bool ok = s->state == from;
    if (ok)
        s->state = to;
    ccpi_lock_release(&s->lock);
    return ok;
}

ccp_status ccp_shutdown_run(ccp_shutdown *s, const ccp_shutdown_limits *limits, ccp_wait w)
{
    static const ccp_shutdown_limits none;
    const ccp_shutdown_limits *l = limits ? limits : &none;
    const int64_t ns[PHASES] = { l->intake, l->drain, l->cancel, l->join };
    for (unsigned i = 0; i < PHASES; i++)
        if (ns[i] < 0)
            return CCP_INVAL;
    if (!s)
        return CCP_INVAL;
    if (ccpi_is_dead(s))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (!move_on(s, ADDING, RUNNING))
        return CCP_CLOSED;
    st = run(s, ns, ccp_start(w));
    (void)move_on(s, RUNNING, DONE);
    return st;
}

/* ---- afterwards ---- */

size_t ccp_shutdown_report(ccp_shutdown *s, ccp_shutdown_result *out, size_t max)
{
    size_t n = 0;
    if (!s)
        return 0;
    if (ccpi_is_dead(s))
        return 0;
    ccpi_lock_acquire(&s->lock);
    for (unsigned phase = 0; phase < PHASES; phase++)
        for (batch *b = s->first; b; b = b->next) {
            const step *t = step_in(b, phase);
            if (!t || t->ns < 0)
                continue;
            if (n < max)
                out[n] = (ccp_shutdown_result){ b->name, t->phase, t->status, t->ns };
            n++;
        }
    ccpi_lock_release(&s->lock);
    return n;
}

static void release(ccp_shutdown *s)
{
    ccpi_untrack(s);
    for (batch *b = s->first, *next; b; b = next) {
        next = b->next;
        ccpi_free(b);
    }
    ccpi_free(s);
}

ccp_status ccp_shutdown_free(ccp_shutdown *s)
{
    if (!s)
        return CCP_OK;
    if (ccpi_is_dead(s)) {
        release(s);
        return CCP_OK;
    }
    ccpi_lock_acquire(&s->lock);
    bool busy = s->state == RUNNING;
    ccpi_lock_release(&s->lock);
    if (busy)
        return CCP_BUSY;
    release(s);
    return CCP_OK;
}
