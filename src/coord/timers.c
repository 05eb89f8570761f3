/* SPDX-License-Identifier: MIT
 *
 * Timers: a thread that calls functions when their time has come.
 *
 * Representation  Timers that are SET are in a heap, by their time and then by `number_`.
 *
 * Invariants
 *   U1  state_: IDLE (all zero), SET: in the heap, RUNNING: its function was called and has not
 *       returned.  It changes under the lock.
 *   U2  The thread's last access to a timer is the store of IDLE; it has none after the timer's own
 *       function took it back (then `current` is NULL).
 *   U3  `alarm` is never later than a timer that is SET.  It goes up only by the thread, before it
 *       sleeps, and only once it has passed: it may be the time of a timer that was stopped.  So a
 *       program that sets and stops timers all the time wakes the thread once per such time, not
 *       each time.
 *   U4  The thread sleeps until `alarm`.  Who lowers it takes `sleeper` out and wakes that.
 *   U5  Nodes of `stoppers` wait for the function that runs; when it has returned all are taken
 *       out.
 * Locks           `lock` protects everything; nothing else is locked under it.
 */
#include "coord/timers.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/track.h"
#include "block/wait.h"

enum { IDLE, SET, RUNNING };

struct ccp_timers {
    ccpi_lock lock;
    bool running;         /* under lock: a function was called and has not returned */
    bool ending;          /* under lock: the thread shall end */
    ccpi_leaf *first;     /* under lock: the heap */
    uint64_t count;       /* under lock: of times that were set */
    int64_t alarm;        /* under lock, see U3 */
    ccpi_waiter *sleeper; /* under lock: the thread, unless it is awake or was woken */
    ccp_timer *current;   /* under lock: whose function runs, see U2 */
    ccpi_self *self;      /* under lock: the thread's, from its start on */
    ccpi_list stoppers;   /* under lock, see U5 */
    ccp_once once;        /* of the start of the thread */
    ccpi_thread thread;   /* const after once */
    ccp_timers_opts opts; /* const after new */
};

_Static_assert(sizeof(ccpi_leaf) == 3 * sizeof(void *), "a leaf must fit into child_ to prev_");

static ccpi_leaf *leaf_of(ccp_timer *t)
{
    return (ccpi_leaf *)(void *)&t->child_;
}

#define TIMER(leaf) CCPI_CONTAINER(leaf, ccp_timer, child_)

static bool comes_before(const ccpi_leaf *a, const ccpi_leaf *b)
{
    const ccp_timer *x = CCPI_CONTAINER((uintptr_t)a, const ccp_timer, child_);
    const ccp_timer *y = CCPI_CONTAINER((uintptr_t)b, const ccp_timer, child_);
    return x->due_ != y->due_ ? x->due_ < y->due_ : x->number_ < y->number_;
}

static uint32_t state_of(ccp_timer *t)
{
    /* [U1] acquire: pairs with the release in set_state(). */
    return atomic_load_explicit(ccpi_atomic32(&t->state_), CCPI_ACQ);
}

static void set_state(ccp_timer *t, uint32_t state)
{
    /* [U1] release: what the function did, and the last use of the timer, to whoever sees IDLE.
     * Pairs with state_of(). */
    atomic_store_explicit(ccpi_atomic32(&t->state_), state, CCPI_REL);
}

/* ---- setting ---- */

static int64_t later(int64_t time, int64_t ns)
{
    return ns <= 0 ? time : ccpi_time_after(time, ns);
}

/* Takes the thread out if it sleeps; the caller wakes it (unless NULL) after the lock. */
static ccpi_waiter *rouse_locked(ccp_timers *ts)
{
    ccpi_waiter *w = ts->sleeper;
    ts->sleeper = NULL;
    return w && ccpi_waiter_claim(w, 1) ? w : NULL;
}

/* Puts a timer into the heap; gives whom to wake, or NULL. */
static ccpi_waiter *set_locked(ccp_timers *ts, ccp_timer *t, int64_t due)
{
    t->due_ = due;
    t->number_ = ts->count++;
    t->again_ = false;
    ts->first = ccpi_heap_add(ts->first, leaf_of(t), comes_before);
    set_state(t, SET);
    if (due >= ts->alarm)
        return NULL;
    ts->alarm = due;
    return rouse_locked(ts);
}

static void unset_locked(ccp_timers *ts, ccp_timer *t)
{
    ts->first = ccpi_heap_remove(ts->first, leaf_of(t), comes_before);
}

/* ---- the thread ---- */

/* The first time after now that is a whole number of periods after the one that t was set for. */
static int64_t next_due(const ccp_timer *t, int64_t now)
{
    int64_t missed = (now - t->due_) / t->every_;
    return later(t->due_ + missed * t->every_, t->every_);
}

/* The function of t, NULL if it took its timer back, has returned. */
static void end_locked(ccp_timers *ts, ccp_timer *t, int64_t now, ccpi_list *won)
{
    ts->running = false;
    ts->current = NULL;
    ccpi_queue_claim_all(&ts->stoppers, won);
    if (!t)
        return;
    if (won->first || (!t->again_ && !t->every_))
        set_state(t, IDLE); /* U2 */
    else
        (void)set_locked(ts, t, t->again_ ? t->due_ : next_due(t, now));
}

/* Calls the function of the first timer, which is due; gives the time afterwards. */
static int64_t call_locked(ccp_timers *ts)
{
    ccpi_list won = { NULL, NULL };
    ccp_timer *t = TIMER(ts->first);
    void (*fn)(void *) = t->fn_;
    void *arg = t->arg_;
    unset_locked(ts, t);
    set_state(t, RUNNING);
    ts->current = t;
    ts->running = true;
    ccpi_lock_release(&ts->lock);
    fn(arg);
    int64_t now = ccpi_clock_now();
    ccpi_lock_acquire(&ts->lock);
    end_locked(ts, ts->current, now, &won);
    if (won.first) {
        ccpi_lock_release(&ts->lock);
        ccpi_wake_all(&won);
        ccpi_lock_acquire(&ts->lock);
    }
    return now;
}

/* U3, U4; nothing is due at `now`. */
static int64_t sleep_locked(ccp_timers *ts, int64_t now)
{
    if (ts->alarm <= now)
        ts->alarm = ts->first ? TIMER(ts->first)->due_ : CCPI_NEVER;
    int64_t alarm = ts->alarm;
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_timers_new", ts);
    ts->sleeper = &waiter;
    ccpi_lock_release(&ts->lock);
    (void)ccpi_wait_sleep(CCP_FOREVER, &waiter, alarm);
    now = ccpi_clock_now();
    ccpi_lock_acquire(&ts->lock);
    ts->sleeper = NULL;
    return now;
}

static void work(void *arg)
{
    ccp_timers *ts = arg;
    int64_t now = ccpi_clock_now();
    ccpi_lock_acquire(&ts->lock);
    ts->self = ccpi_self_get();
    while (!ts->ending)
        if (ts->first && TIMER(ts->first)->due_ <= now)
            now = call_locked(ts);
        else
            now = sleep_locked(ts, now);
    ccpi_lock_release(&ts->lock);
}

static ccp_status start_thread(void *arg)
{
    ccp_timers *ts = arg;
    const ccpi_thread_opts how = { ts->opts.name, ts->opts.stack_size, true };
    return ccpi_thread_start(&ts->thread, &how, work, ts) ? CCP_OK : CCP_NOMEM;
}

/* ---- making and freeing ---- */

static const ccpi_kind kind = { "timers", "ccp_timers_", NULL, NULL };

ccp_timers *ccp_timers_new(const ccp_timers_opts *o)
{
    ccp_timers *ts = ccpi_alloc(sizeof *ts);
    if (!ts)
        return NULL;
    if (o)
        ts->opts = *o;
    ts->once = (ccp_once)CCP_ONCE_RETRY_INIT;
    ts->alarm = CCPI_NEVER;
    ccpi_track(ts, &kind, ts->opts.name);
    return ts;
}

static void end(ccp_timers *ts, ccpi_waiter *woken)
{
    ccpi_untrack(ts);
    if (woken)
        ccpi_waiter_wake(woken);
    if (ccp_once_is_done(&ts->once))
        ccpi_thread_join(ts->thread);
    ccpi_free(ts);
}

static ccpi_waiter *stop_locked(ccp_timers *ts)
{
    ts->ending = true;
    return rouse_locked(ts);
}

static void release(ccp_timers *ts)
{
    ccpi_untrack(ts);
    ccpi_free(ts);
}

ccp_status ccp_timers_free(ccp_timers *ts)
{
    if (!ts)
        return CCP_OK;
    if (ccpi_is_dead(ts)) {
        release(ts);
        return CCP_OK;
    }
    ccpi_waiter *woken = NULL;
    ccpi_lock_acquire(&ts->lock);
    bool busy = ts->first || ts->running;
    if (!busy)
        woken = stop_locked(ts);
    ccpi_lock_release(&ts->lock);
    if (busy)
        return CCP_BUSY;
    end(ts, woken);
    return CCP_OK;
}

/* ---- calls ---- */

ccp_status ccp_timer_start(ccp_timers *ts, ccp_timer *t, const ccp_timer_opts *o)
{
    if (!ts || !t || !o || !o->fn || o->every < 0 || o->at < 0)
        return CCP_INVAL;
    if (ccpi_is_dead(ts))
        return CCP_FORKED;
    if (state_of(t) != IDLE)
        return CCP_BUSY;
    if (ccp_once_do(&ts->once, start_thread, ts, CCP_FOREVER) != CCP_OK)
        return CCP_NOMEM;
    int64_t due = later(o->at ? o->at : ccpi_clock_now(), o->after);
    t->fn_ = o->fn;
    t->arg_ = o->arg;
    t->every_ = o->every;
    t->timers_ = ts;
    ccpi_lock_acquire(&ts->lock);
    ccpi_waiter *woken = set_locked(ts, t, due);
    ccpi_lock_release(&ts->lock);
    if (woken)
        ccpi_waiter_wake(woken);
    return CCP_OK;
}

ccp_status ccp_timer_reset(ccp_timer *t, int64_t ns)
{
    if (!t || !t->timers_)
        return CCPI_MISUSE("ccp_timer_reset", "the timer was never started");
    if (ccpi_is_dead(t->timers_))
        return CCP_FORKED;
    ccp_timers *ts = t->timers_;
    ccpi_waiter *woken = NULL;
    int64_t due = later(ccpi_clock_now(), ns);
    ccpi_lock_acquire(&ts->lock);
    uint32_t state = state_of(t);
    if (state == RUNNING) {
        t->due_ = due;
        t->again_ = true;
    } else {
        if (state == SET)
            unset_locked(ts, t);
        woken = set_locked(ts, t, due);
    }
    ccpi_lock_release(&ts->lock);
    if (woken)
        ccpi_waiter_wake(woken);
    return CCP_OK;
}

/* What ccp_timer_stop() found. */
typedef enum found { TOOK_BACK, RAN, RUNS_ELSEWHERE } found;

/* Takes back a timer that is SET, or whose function calls this; lets `n`, unless it is NULL, wait
 * for the end of its function elsewhere. */
static found take_back(ccp_timers *ts, ccp_timer *t, ccpi_node *n)
{
    found f = RAN;
    ccpi_lock_acquire(&ts->lock);
    uint32_t state = state_of(t);
    if (state == SET) {
        unset_locked(ts, t);
        set_state(t, IDLE);
        f = TOOK_BACK;
    } else if (state == RUNNING && ts->self == ccpi_self_get()) {
        ts->current = NULL; /* U2 */
        set_state(t, IDLE);
    } else if (state == RUNNING) {
        if (n)
            ccpi_queue_add(&ts->stoppers, n);
        f = RUNS_ELSEWHERE;
    }
    ccpi_lock_release(&ts->lock);
    return f;
}

static ccp_status told(found f)
{
    return f == TOOK_BACK ? CCP_OK : CCP_CLOSED;
}

/* Waits for the function to return; U5. */
static CCPI_COLD ccp_status wait_for(ccp_timers *ts, ccp_timer *t, ccp_wait w)
{
    ccpi_waiter waiter;
    ccpi_node node;
    ccpi_waiter_init(&waiter, "ccp_timer_stop", ts);
    ccpi_node_init(&node, &waiter, 0, NULL);
    int64_t deadline = ccpi_wait_deadline(w);
    found f = take_back(ts, t, &node);
    if (f != RUNS_ELSEWHERE)
        return told(f);
    uint32_t verdict = ccpi_wait_sleep(w, &waiter, deadline);
    if (verdict == 1)
        return CCP_CLOSED;
    ccpi_lock_acquire(&ts->lock);
    if (node.queued)
        ccpi_queue_remove(&ts->stoppers, &node);
    ccpi_lock_release(&ts->lock);
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

ccp_status ccp_timer_stop(ccp_timer *t, ccp_wait w)
{
    if (!t || !t->timers_)
        return CCPI_MISUSE("ccp_timer_stop", "the timer was never started");
    if (ccpi_is_dead(t->timers_))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    if (state_of(t) == IDLE)
        return CCP_CLOSED;
    ccp_timers *ts = t->timers_;
    found f = take_back(ts, t, NULL);
    if (f != RUNS_ELSEWHERE)
        return told(f);
    return ccpi_wait_not_at_all(w) ? CCP_AGAIN : wait_for(ts, t, w);
}

/* ---- for pools ---- */

bool ccpi_timers_is_own_thread(ccp_timers *ts)
{
    ccpi_lock_acquire(&ts->lock);
    bool own = ts->self == ccpi_self_get();
    ccpi_lock_release(&ts->lock);
    return own;
}

void ccpi_timers_end(ccp_timers *ts)
{
    if (ccpi_is_dead(ts)) {
        release(ts);
        return;
    }
    ccpi_lock_acquire(&ts->lock);
    CCPI_CHECK(!ts->first);
    ccpi_waiter *woken = stop_locked(ts);
    ccpi_lock_release(&ts->lock);
    end(ts, woken);
}
