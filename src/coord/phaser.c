/* SPDX-License-Identifier: MIT
 *
 * Phasers.
 *
 * Model           Phases 0, 1, 2 ... of which one is open: parties arrive there.  When all have,
 *                 it is complete, the next one is open, and the thread that came last runs the
 *                 action; then the phase has ended.
 * Invariants
 *   H1  The open phase is ended + advancing.  advancing: the phase `ended` is complete, and
 *       `runner` runs its action, or is about to, or has.
 *   H2  arrived <= parties.  arrived == parties only if there are none, or the open phase waits
 *       for the one before it to end (H3).
 *   H3  While advancing, the open phase may become complete, too.  It stays open until the runner
 *       has ended the one before; then the same runner ends it, if it is complete still.
 *   H4  A node is in the queue only until the phase it waits for has ended, or can never end.
 *   H5  closed is never cleared.  The phase that is being ended then still ends; no other does.
 * Locks           `lock` protects everything but what is const after new.
 */
#include "base/check.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/tuning.h"
#include "block/wait.h"

#define MAX_PARTIES ((unsigned)INT32_MAX)

struct ccp_phaser {
    ccpi_word64 ended;     /* changed under lock; atomic for those who wait awake */
    ccpi_lock lock;
    unsigned parties;      /* under lock */
    unsigned arrived;      /* under lock: of them, in the open phase */
    unsigned ending;       /* the runner's: parties when the phase was complete */
    bool advancing;        /* under lock */
    bool emptied;          /* under lock: the last party of the open phase was deregistered */
    bool closed;           /* under lock */
    ccpi_self *runner;     /* under lock; NULL unless advancing */
    ccpi_list queue;       /* under lock */
    ccp_phase_action action; /* const after new */
    void *arg;             /* const after new */
};

static uint64_t ended_rlx(const ccp_phaser *p)
{
    /* Relaxed: under the lock, or by the only thread that changes it. */
    return atomic_load_explicit(&p->ended, CCPI_RLX);
}

static bool has_ended(const ccp_phaser *p, uint64_t phase)
{
    /* [H1] acquire: what was done before the phase ended.  Pairs with end_phase(). */
    return atomic_load_explicit(&p->ended, CCPI_ACQ) > phase;
}

/* H5, under the lock: can a phase that has not ended never end? */
static bool is_lost(const ccp_phaser *p, uint64_t phase)
{
    return p->closed && !(p->advancing && phase == ended_rlx(p));
}

static const ccpi_kind kind = { "phaser", "ccp_phaser_", NULL, NULL };

/* ---- making ---- */

ccp_phaser *ccp_phaser_make(const ccp_phaser_opts *o)
{
    static const ccp_phaser_opts defaults;
    if (!o)
        o = &defaults;
    ccp_phaser *p = o->parties <= MAX_PARTIES ? ccpi_alloc(sizeof *p) : NULL;
    if (!p)
        return NULL;
    p->parties = o->parties;
    p->action = o->action;
    p->arg = o->arg;
    ccpi_track(p, &kind, NULL);
    return p;
}

ccp_phaser *ccp_phaser_new(unsigned parties)
{
    return ccp_phaser_make(&(ccp_phaser_opts){ .parties = parties });
}

static void release(ccp_phaser *p)
{
    ccpi_untrack(p);
    ccpi_free(p);
}

ccp_status ccp_phaser_free(ccp_phaser *p)
{
    if (!p)
        return CCP_OK;
    if (ccpi_is_dead(p)) {
        release(p);
        return CCP_OK;
    }
    ccpi_lock_acquire(&p->lock);
    bool busy = p->advancing || p->queue.first;
    ccpi_lock_release(&p->lock);
    if (busy)
        return CCP_BUSY;
    release(p);
    return CCP_OK;
}

/* ---- ending a phase ---- */

/* Under the lock: H2 allows equality only here, and while advancing. */
static bool is_complete(const ccp_phaser *p)
{
    return p->arrived == p->parties && (p->parties > 0 || p->emptied);
}

/* Under the lock: the open phase is complete and becomes the one that ends. */
static void begin_end(ccp_phaser *p)
{
    p->advancing = true;
    p->runner = ccpi_self_get();
    p->ending = p->parties;
    p->arrived = 0;
    p->emptied = false;
}

/* Under the lock: takes out those whose phase has ended or is lost (H4). */
static void claim_settled(ccp_phaser *p, ccpi_list *won)
{
    for (ccpi_link *l = p->queue.first, *next; l; l = next) {
        next = l->next;
        ccpi_node *n = CCPI_NODE(l);
        uint64_t phase = *(const uint64_t *)n->elem;
        if (ended_rlx(p) <= phase && !is_lost(p, phase))
            continue;
        ccpi_queue_remove(&p->queue, n);
        if (ccpi_waiter_claim(n->waiter, n->index + 1))
            ccpi_list_append(won, &n->link);
    }
}

/* Ends the phase whose action has run; true if the next one is complete, too (H3). */
static bool end_phase(ccp_phaser *p, bool last)
{
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&p->lock);
    /* [H1] release: what the parties and the action did.  LP. */
    atomic_store_explicit(&p->ended, ended_rlx(p) + 1, CCPI_REL);
    p->closed |= last;
    p->advancing = false;
    p->runner = NULL;
    bool again = !p->closed && is_complete(p);
    if (again)
        begin_end(p);
    claim_settled(p, &won);
    ccpi_lock_release(&p->lock); /* unless there is more to do, the last access */
    ccpi_wake_all(&won);
    return again;
}

/* By the thread for which a phase was complete. */
static void advance(ccp_phaser *p)
{
    bool last;
    do
        if (p->action)
            last = p->action(ended_rlx(p), p->ending, p->arg) != CCP_OK;
        else
            last = p->ending == 0;
    while (end_phase(p, last));
}

/* ---- registering and arriving ---- */

ccp_status ccp_phaser_register(ccp_phaser *p, unsigned n, uint64_t *phase)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccp_status st = CCP_OK;
    ccpi_lock_acquire(&p->lock);
    if (p->closed)
        st = CCP_CLOSED;
    else if (n > MAX_PARTIES - p->parties)
        st = CCP_INVAL;
    else {
        p->parties += n;
        p->emptied &= n == 0;
        if (phase)
            *phase = ended_rlx(p) + p->advancing;
    }
    ccpi_lock_release(&p->lock);
    return st;
}

typedef struct arrival {
    const char *call;
    bool leaves;    /* the party is not expected any more */
    bool stays;     /* the caller will wait, */
    bool never;     /* or would have to and may not */
    bool completes; /* set by arrive_locked(): then advance() */
    uint64_t phase; /* set by arrive_locked() */
} arrival;

static ccp_status arrive_locked(ccp_phaser *p, arrival *a)
{
    if (p->closed)
        return CCP_CLOSED;
    if (p->arrived == p->parties)
        return CCP_MISUSE;
    a->completes = !p->advancing && p->arrived + 1 == p->parties;
    if (a->stays && !a->completes) {
        if (p->runner == ccpi_self_get())
            return CCP_DEADLOCK;
        if (a->never)
            return CCP_AGAIN;
    }
    a->phase = ended_rlx(p) + p->advancing;
    if (a->leaves)
        p->emptied = --p->parties == 0;
    else
        p->arrived++;
    if (a->completes)
        begin_end(p);
    return CCP_OK;
}

static ccp_status arrive(ccp_phaser *p, arrival *a)
{
    ccpi_lock_acquire(&p->lock);
    ccp_status st = arrive_locked(p, a);
    ccpi_lock_release(&p->lock);
    if (st == CCP_MISUSE)
        return CCPI_MISUSE(a->call, "all who are registered have arrived");
    if (st == CCP_OK && a->completes)
        advance(p);
    return st;
}

static ccp_status arrive_and_go(ccp_phaser *p, uint64_t *phase, arrival a)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccp_status st = arrive(p, &a);
    if (st == CCP_OK && phase)
        *phase = a.phase;
    return st;
}

ccp_status ccp_phaser_arrive(ccp_phaser *p, uint64_t *phase)
{
    return arrive_and_go(p, phase, (arrival){ .call = "ccp_phaser_arrive" });
}

ccp_status ccp_phaser_deregister(ccp_phaser *p, uint64_t *phase)
{
    return arrive_and_go(p, phase,
                         (arrival){ .call = "ccp_phaser_deregister", .leaves = true });
}

/* ---- waiting ---- */

/* Pauses for a moment: the last party may be about to arrive on another processor. */
static bool ends_soon(const ccp_phaser *p, uint64_t phase)
{
    for (uint32_t i = 0; i < ccpi_tuning.quick_max; i++) {
        ccpi_relax();
        if (has_ended(p, phase))
            return true;
    }
    return false;
}

/* H4; CCP_AGAIN: it is in the queue.  Otherwise there is nothing to wait for. */
static ccp_status enqueue(ccp_phaser *p, ccpi_node *n, uint64_t phase)
{
    ccp_status st = CCP_AGAIN;
    ccpi_lock_acquire(&p->lock);
    if (ended_rlx(p) > phase)
        st = CCP_OK;
    else if (is_lost(p, phase))
        st = CCP_CLOSED;
    else if (p->runner == ccpi_self_get())
        st = CCP_DEADLOCK;
    else
        ccpi_queue_add(&p->queue, n);
    ccpi_lock_release(&p->lock);
    return st;
}

/* How a wait that was not served ends: CCP_AGAIN means that it has ended too early. */
static ccp_status withdraw(ccp_phaser *p, ccpi_node *n, uint64_t phase, bool arrived)
{
    ccp_status st = CCP_AGAIN;
    ccpi_lock_acquire(&p->lock);
    if (n->queued)
        ccpi_queue_remove(&p->queue, n);
    if (ended_rlx(p) > phase)
        st = CCP_OK;
    else if (is_lost(p, phase))
        st = CCP_CLOSED;
    else if (arrived && p->advancing && phase == ended_rlx(p))
        st = CCP_BUSY; /* the phase is complete: it cannot be left any more */
    if (arrived && (st == CCP_AGAIN || st == CCP_CLOSED))
        p->arrived--;
    ccpi_lock_release(&p->lock);
    return st;
}

/* Waits once; CCP_BUSY: wait again, without a limit. */
static ccp_status sleep_once(ccp_phaser *p, uint64_t phase, bool arrived, ccp_wait w)
{
    int64_t deadline = ccpi_wait_deadline(w);
    if (ends_soon(p, phase))
        return CCP_OK;
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, arrived ? "ccp_phaser_arrive_and_wait" : "ccp_phaser_wait", p);
    ccpi_node_init(&node, &waiter, 0, &phase);
    ccp_status st = enqueue(p, &node, phase);
    if (st == CCP_OK || st == CCP_DEADLOCK)
        return st;
    uint32_t verdict = 1;
    if (st == CCP_AGAIN) {
        verdict = ccpi_wait_sleep(w, &waiter, deadline);
        if (verdict == 1 && has_ended(p, phase))
            return CCP_OK;
    }
    st = withdraw(p, &node, phase, arrived);
    if (st != CCP_AGAIN)
        return st;
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

static ccp_status await(ccp_phaser *p, uint64_t phase, bool arrived, ccp_wait w)
{
    ccp_status st = sleep_once(p, phase, arrived, w);
    while (st == CCP_BUSY)
        st = sleep_once(p, phase, arrived, CCP_FOREVER);
    return st;
}

ccp_status ccp_phaser_wait(ccp_phaser *p, uint64_t phase, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK || has_ended(p, phase))
        return st;
    if (!ccpi_wait_not_at_all(w))
        return await(p, phase, false, w);
    ccpi_lock_acquire(&p->lock);
    st = ended_rlx(p) > phase ? CCP_OK : is_lost(p, phase) ? CCP_CLOSED : CCP_AGAIN;
    ccpi_lock_release(&p->lock);
    return st;
}

ccp_status ccp_phaser_arrive_and_wait(ccp_phaser *p, uint64_t *phase, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    arrival a = { .call = "ccp_phaser_arrive_and_wait",
                  .stays = true,
                  .never = ccpi_wait_not_at_all(w) };
    st = arrive(p, &a);
    if (st == CCP_OK && !a.completes)
        st = await(p, a.phase, true, w);
    if (st == CCP_OK && phase)
        *phase = a.phase;
    return st;
}

/* ---- closing, looking ---- */

ccp_status ccp_phaser_close(ccp_phaser *p)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccpi_list won = { NULL, NULL };
    ccpi_lock_acquire(&p->lock);
    bool was = p->closed;
    p->closed = true;
    claim_settled(p, &won);
    ccpi_lock_release(&p->lock);
    ccpi_wake_all(&won);
    return was ? CCP_CLOSED : CCP_OK;
}

ccp_status ccp_phaser_get_info(const ccp_phaser *p, ccp_phaser_info *out)
{
    if (!p || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    ccp_phaser *q = (ccp_phaser *)(uintptr_t)p; /* but for the lock it is not changed */
    size_t waiting = 0;
    ccpi_lock_acquire(&q->lock);
    for (ccpi_link *l = p->queue.first; l; l = l->next)
        waiting++;
    *out = (ccp_phaser_info){ .phase = ended_rlx(p) + p->advancing,
                              .parties = p->parties,
                              .arrived = p->arrived,
                              .waiting = waiting,
                              .advancing = p->advancing,
                              .closed = p->closed };
    ccpi_lock_release(&q->lock);
    return CCP_OK;
}
