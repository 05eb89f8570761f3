/* SPDX-License-Identifier: MIT
 *
 * Select: the first of several operations.
 *
 * Model           Poll the cases; if none can be done, put one node per case into the queues,
 *                 sleep, take the nodes out again, and do the case that the verdict names.
 * Invariants
 *   S1  One waiter for all nodes: at most one case gets the verdict (V1).
 *   S2  The nodes go into the queues of all channels while all their locks are held; so two selects
 *       that could meet each other see each other, and a select never claims its own node.
 *   S3  Locks are taken in the order of the channels' ids, each once.
 *   S4  A case whose channel buffers was only woken to look: it tries, and passes the baton (W2 in
 *       crowd.h).  A case of capacity 0 was served.
 *   S5  Nodes live in frames of sixteen on the stack, linked; the innermost one sleeps.
 *   S6  A case of a descriptor has no node.  Each round begins with one poll() for all of them, and
 *       what that said counts until the next: nothing is taken from a descriptor.  The thread
 *       sleeps in poll() (V5), so a descriptor competes with the queues for the verdict, too.
 */
/* uses: chan count crowd meet poll ring slow timer */
#include "base/backoff.h"
#include "base/fds.h"
#include "base/mem.h"
#include "block/wait.h"
#include "chan/chan.h"
#include "chan/count.h"
#include "chan/crowd.h"
#include "chan/meet.h"
#include "chan/poll.h"
#include "chan/ring.h"
#include "chan/slow.h"
#include "chan/timer.h"

enum { RECV, SEND, DONE, FD = CCPI_CASE_FD };

#define POLL_CASES 32 /* cases looked at before the queues, at least one round */
#define POLL_PAUSES 4 /* pauses between two of them */
#define FRAME_NODES 16
#define SHUFFLED 256 /* cases whose order fits into bytes */
#define FEW_FDS 15 /* descriptors for which there is room on the stack */

typedef struct place {
    struct place *next; /* by id of the channel */
    const ccp_case *of;
    ccpi_node node;
} place;

typedef struct selection {
    const ccp_case *cases;
    size_t n;
    bool first; /* the first that is ready, not a random one */
    ccp_wait wait;
    int64_t deadline;
    size_t chosen;
    unsigned tries; /* rounds in a row that found something under way */
    ccpi_waiter waiter;
    place *head, *tail; /* sorted by id; contexts come first */
    ccpi_fds *fds;      /* NULL: no case waits for a descriptor */
    uint32_t *fd_case;  /* fds->p[j] is case fd_case[j] */
} selection;

/* ---- cases ---- */

static ccp_chan *chan_of(const ccp_case *k)
{
    return k->op_ >= DONE ? NULL : k->obj_;
}

static ccpi_side side_of(const ccp_case *k)
{
    return k->op_ == SEND ? CCPI_SENDERS : CCPI_RECEIVERS;
}

static void *elem_of(const ccp_case *k)
{
    return k->op_ == SEND ? (void *)(uintptr_t)k->src_ : k->dst_;
}

/* What poll() has said of case i. */
static short fd_events(const selection *s, size_t i)
{
    size_t low = 0, high = s->fds->n - 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->fd_case[mid] < i)
            low = mid + 1;
        else
            high = mid;
    }
    return s->fds->ready > 0 ? s->fds->p[low].revents : 0;
}

static CCPI_COLD ccp_status try_fd(const selection *s, size_t i)
{
    short events = fd_events(s, i), *out = s->cases[i].dst_;
    if (events && out)
        *out = events;
    return events ? CCP_OK : CCP_AGAIN;
}

static ccp_status try_done(const ccp_case *k)
{
    return ccp_ctx_status(k->obj_) == CCP_OK ? CCP_AGAIN : CCP_OK;
}

static ccp_status try_case(const selection *s, const ccp_case *k)
{
    if (!k->obj_)
        return CCP_AGAIN;
    if (CCPI_UNLIKELY(k->op_ >= DONE))
        return k->op_ == FD ? try_fd(s, (size_t)(k - s->cases)) : try_done(k);
    ccp_chan *c = k->obj_;
    return c->flavor == CCPI_MEET ? ccpi_meet_try(c, side_of(k), elem_of(k))
                                  : ccpi_chan_try(c, side_of(k), elem_of(k), true);
}

/* Is a case perhaps ready?  Cheaper than trying, and may be wrong either way. */
static bool hint(const selection *s, const ccp_case *k)
{
    if (!k->obj_)
        return false;
    if (CCPI_UNLIKELY(k->op_ >= DONE))
        return k->op_ == FD ? fd_events(s, (size_t)(k - s->cases)) != 0
                            : try_done(k) == CCP_OK;
    const ccp_chan *c = k->obj_;
    switch (c->flavor) {
    case CCPI_RING:
        return ccpi_ring_hint(c, side_of(k)) || ccpi_chan_closed(c);
    case CCPI_COUNT:
        return ccpi_count_ready(c, side_of(k));
    case CCPI_MEET:
        return ccpi_meet_hint(c, side_of(k));
    case CCPI_DEAD:
        return true;
    case CCPI_TIMER:
        break;
    }
    return ccpi_timer_ready(c);
}

/* ---- polling ---- */

static ccp_status take(selection *s, size_t i)
{
    ccp_status st = try_case(s, &s->cases[i]);
    if (st != CCP_AGAIN)
        s->chosen = i;
    return st;
}

/* Tries each case, from `start` round. */
static ccp_status try_all(selection *s, size_t start)
{
    for (size_t k = 0; k < s->n; k++) {
        size_t i = start + k < s->n ? start + k : start + k - s->n;
        ccp_status st = take(s, i);
        if (st != CCP_AGAIN)
            return st;
    }
    return CCP_AGAIN;
}

/* Few cases: tries those that seem ready in a random order, which is drawn only as far as needed
 * (Fisher and Yates). */
static ccp_status try_shuffled(selection *s)
{
    unsigned char order[SHUFFLED];
    unsigned n = (unsigned)s->n;
    for (unsigned i = 0; i < n; i++)
        order[i] = (unsigned char)i;
    for (; n > 0; n--) {
        unsigned k = (unsigned)((uint64_t)ccpi_rand() * n >> 32);
        size_t i = order[k];
        order[k] = order[n - 1];
        ccp_status st = hint(s, &s->cases[i]) ? take(s, i) : CCP_AGAIN;
        if (st != CCP_AGAIN)
            return st;
    }
    return CCP_AGAIN;
}

/* Many cases: one of those that seem ready, each with the same chance. */
static ccp_status try_picked(selection *s)
{
    size_t found = s->n;
    uint32_t ready = 0;
    for (size_t i = 0; i < s->n; i++)
        if (hint(s, &s->cases[i]) && (++ready == 1 || ccpi_rand() % ready == 0))
            found = i;
    return found < s->n ? take(s, found) : CCP_AGAIN;
}

/* ---- descriptors ---- */

/* What a case of a descriptor may not be ready with; CCP_AGAIN: nothing is wrong. */
static ccp_status fd_trouble(const ccpi_fds *f)
{
    if (f->ready < 0)
        return CCP_NOMEM;
    return ccpi_fds_are_open(f) ? CCP_AGAIN : CCP_INVAL;
}

/* S6 */
static ccp_status look_at_fds(const selection *s)
{
    if (CCPI_LIKELY(!s->fds))
        return CCP_AGAIN;
    ccpi_fds_look(s->fds);
    return fd_trouble(s->fds);
}

/* After poll(): one of those that are ready, each with the same chance; else CCP_AGAIN. */
static CCPI_COLD ccp_status take_fd(selection *s)
{
    ccp_status st = fd_trouble(s->fds);
    size_t found = s->fds->n;
    uint32_t ready = 0;
    for (size_t j = 0; s->fds->ready > 0 && j < s->fds->n; j++)
        if (s->fds->p[j].revents && (++ready == 1 || (!s->first && ccpi_rand() % ready == 0)))
            found = j;
    return st == CCP_AGAIN && ready ? take(s, s->fd_case[found]) : st;
}

/* What it sleeps with; false if there are no more descriptors. */
static bool make_event(const selection *s)
{
    if (s->fds && !s->fds->has_event)
        s->fds->has_event = ccpi_event_open(&s->fds->event);
    return !s->fds || s->fds->has_event;
}

static ccp_status look(selection *s, bool exact)
{
    ccp_status st = look_at_fds(s);
    if (s->n == 0 || st != CCP_AGAIN)
        return st;
    if (s->first)
        return try_all(s, 0);
    st = s->n <= SHUFFLED ? try_shuffled(s) : try_picked(s);
    return st == CCP_AGAIN && exact ? try_all(s, ccpi_rand() % s->n) : st;
}

/* ---- queues ---- */

static uint64_t id_of(const place *p)
{
    const ccp_chan *c = chan_of(p->of);
    return c ? c->id + 1 : 0;
}

static void insert_sorted(selection *s, place *p)
{
    place **at = &s->head;
    if (s->tail && id_of(s->tail) <= id_of(p))
        at = &s->tail->next; /* the usual case: made in the order used */
    while (*at && id_of(*at) <= id_of(p))
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    if (!p->next)
        s->tail = p;
}

static void lock_all(const selection *s)
{
    const ccp_chan *last = NULL;
    for (place *p = s->head; p; p = p->next) {
        ccp_chan *c = chan_of(p->of);
        if (c && c != last)
            ccpi_lock_acquire(&c->lock);
        last = c;
    }
}

static void unlock_all(const selection *s)
{
    const ccp_chan *last = NULL;
    for (place *p = s->head; p; p = p->next) {
        ccp_chan *c = chan_of(p->of);
        if (c && c != last)
            ccpi_lock_release(&c->lock);
        last = c;
    }
}

/* All locks held: meets a partner that is parked, if there is one; else NULL. */
static place *meet_now(const selection *s, ccpi_node **partner)
{
    for (place *p = s->head; p; p = p->next) {
        ccp_chan *c = chan_of(p->of);
        if (!c || c->flavor != CCPI_MEET || ccpi_chan_closed(c))
            continue;
        *partner = ccpi_meet_match(c, ccpi_other(side_of(p->of)), elem_of(p->of), false);
        if (*partner)
            return p;
    }
    return NULL;
}

/* Queued: did something become ready meanwhile? */
static bool ready_now(const selection *s)
{
    for (place *p = s->head; p; p = p->next) {
        const ccp_chan *c = chan_of(p->of);
        if (!c)
            continue;
        bool meet = c->flavor == CCPI_MEET;
        if (meet ? ccpi_chan_closed(c) || (p->of->op_ == RECV && ccpi_meet_laid_out(c))
                 : ccpi_chan_ready(c, side_of(p->of)))
            return true;
    }
    return false;
}

/* Watches the contexts of DONE cases; false if one has ended. */
static bool watch_contexts(const selection *s)
{
    for (place *p = s->head; p && !chan_of(p->of); p = p->next)
        if (!ccpi_ctx_watch(p->of->obj_, &p->node))
            return false;
    return true;
}

static void withdraw_all(const selection *s)
{
    uint64_t now = ccpi_crowd_now();
    for (place *p = s->head; p; p = p->next)
        if (chan_of(p->of))
            ccpi_crowd_withdraw(chan_of(p->of), side_of(p->of), &p->node, false, now);
        else
            ccpi_ctx_unwatch(p->of->obj_, &p->node);
}

/* When a case becomes ready by time alone, or the wait is over. */
static int64_t next_look(const selection *s)
{
    int64_t until = s->deadline;
    for (const place *p = s->head; p; p = p->next) {
        const ccp_chan *c = chan_of(p->of);
        int64_t due = !c                        ? ccp_ctx_deadline(p->of->obj_)
                      : c->flavor == CCPI_TIMER ? ccpi_timer_due(c)
                                                : CCPI_NEVER;
        if (due < until)
            until = due;
    }
    return until;
}

/* ---- sleeping ---- */

/* The verdict names case i. */
static ccp_status finish(selection *s, size_t i)
{
    const ccp_case *k = &s->cases[i];
    ccp_chan *c = chan_of(k);
    ccp_status st = CCP_OK;
    if (c && c->flavor == CCPI_MEET) {
        for (place *p = s->head; p; p = p->next)
            if (p->of == k)
                st = p->node.result;
        ccpi_meet_done(c, side_of(k));
    } else if (c) {
        st = try_case(s, k);
        ccpi_crowd_leave(c, side_of(k)); /* S4 */
    }
    s->chosen = st == CCP_AGAIN ? s->chosen : i;
    return st;
}

/* Under all locks: meets a parked partner, or queues every place. */
static place *meet_or_queue(selection *s, ccpi_node **partner)
{
    lock_all(s);
    place *met = meet_now(s, partner);
    uint64_t now = ccpi_crowd_now();
    for (place *p = s->head; p && !met; p = p->next)
        if (chan_of(p->of))
            ccpi_crowd_enter(chan_of(p->of), side_of(p->of), &p->node, false, now);
    unlock_all(s);
    return met;
}

/* Queued: sleeps, unless a case is ready.  CCP_AGAIN: poll again. */
static ccp_status sleep_queued(selection *s)
{
    bool again = !watch_contexts(s) || ready_now(s);
    int64_t until = next_look(s);
    uint32_t verdict =
        again ? ccpi_waiter_give_up(&s->waiter) : ccpi_waiter_sleep(&s->waiter, until);
    withdraw_all(s);
    if (verdict == CCPI_ENDED)
        return ccp_ctx_status(s->wait.ctx_);
    if (verdict != CCPI_GAVE_UP) {
        s->tries = 0;
        return finish(s, verdict - 1);
    }
    ccp_status st = s->fds && !again ? take_fd(s) : CCP_AGAIN;
    if (st != CCP_AGAIN)
        return st;
    if (again)
        ccpi_backoff(&s->tries); /* R5: a partner may be in the middle of laying out an element */
    if (again || until < s->deadline)
        return CCP_AGAIN;
    st = look_at_fds(s); /* the time is over; what came at the same moment counts */
    st = st == CCP_AGAIN ? try_all(s, 0) : st;
    return st == CCP_AGAIN ? ccpi_wait_over(s->wait) : st;
}

/* All places are sorted in: queues them and sleeps once. */
static ccp_status sleep_once(selection *s)
{
    ccpi_node watch, *partner = NULL;
    if (!ccpi_wait_watch(s->wait, &s->waiter, &watch))
        return ccp_ctx_status(s->wait.ctx_);
    place *met = meet_or_queue(s, &partner);
    ccp_status st = CCP_OK;
    if (met) {
        ccpi_crowd_wake(chan_of(met->of), ccpi_other(side_of(met->of)), partner);
        ccpi_waiter_give_up(&s->waiter); /* the context may have ended meanwhile: too late */
        s->chosen = met->node.index;
    } else {
        st = sleep_queued(s);
    }
    ccpi_wait_unwatch(s->wait, &watch);
    return st;
}

/* S5: places for the cases from i on, then the sleep. */
static ccp_status place_from(selection *s, size_t i)
{
    place frame[FRAME_NODES];
    size_t used = 0;
    for (; i < s->n && used < FRAME_NODES; i++) {
        const ccp_case *k = &s->cases[i];
        if (!k->obj_ || k->op_ == FD)
            continue;
        place *p = &frame[used++];
        p->of = k;
        ccpi_node_init(&p->node, &s->waiter, (uint32_t)i, elem_of(k));
        insert_sorted(s, p);
    }
    return i < s->n ? place_from(s, i) : sleep_once(s);
}

static ccp_status sleep_round(selection *s)
{
    ccpi_waiter_init(&s->waiter, "ccp_select", s->n ? s->cases : NULL);
    s->waiter.cases = (uint32_t)s->n;
    s->waiter.fds = s->fds;
    s->head = s->tail = NULL;
    return place_from(s, 0);
}

/* ---- the call ---- */

static ccp_status poll_for_a_while(selection *s)
{
    ccp_status st = look(s, false);
    size_t looked = s->n;
    while (st == CCP_AGAIN && looked < POLL_CASES && ccpi_tuning.quick_max && !s->fds) {
        for (int i = 0; i < POLL_PAUSES; i++)
            ccpi_relax();
        st = look(s, false);
        looked += s->n ? s->n : POLL_CASES;
    }
    return st;
}

static ccp_status run(selection *s)
{
    ccp_status st = poll_for_a_while(s);
    if (st != CCP_AGAIN)
        return st;
    if (!make_event(s))
        return CCP_NOMEM;
    s->deadline = ccpi_wait_deadline(s->wait);
    for (;;) {
        st = sleep_round(s);
        if (st == CCP_AGAIN)
            st = look(s, true); /* exactly: who is in the middle of a copy is waited for (R5) */
        if (st != CCP_AGAIN)
            return st;
    }
}

/* Without waiting.  If nothing can be done, descriptors are armed: each case was tried in vain. */
static ccp_status poll_once(selection *s)
{
    ccp_status st = look(s, true);
    for (size_t i = 0; st == CCP_AGAIN && i < s->n; i++) {
        ccp_chan *c = chan_of(&s->cases[i]);
        if (c)
            ccpi_poll_again(c, side_of(&s->cases[i]));
    }
    return st;
}

/* Counts the cases that are on, and of them those of descriptors; false: one is never right. */
static bool check(const ccp_case *cases, size_t n, size_t *on, size_t *fds)
{
    size_t those_on = 0, those_of_fds = 0;
    for (size_t i = 0; i < n; i++) {
        const ccp_case *k = &cases[i];
        const ccp_chan *c = chan_of(k);
        those_on += k->obj_ != NULL;
        if (CCPI_UNLIKELY(k->op_ >= FD)) {
            if (k->op_ > FD)
                return false;
            those_of_fds += k->obj_ != NULL;
        } else if (c && k->op_ == SEND &&
                   (c->flavor == CCPI_TIMER || (!k->src_ && c->elem_size)))
            return false;
    }
    *on = those_on;
    *fds = those_of_fds;
    return true;
}

static ccp_status go(selection *s)
{
    return ccpi_wait_not_at_all(s->wait) ? poll_once(s) : run(s);
}

static void list_fds(selection *s)
{
    size_t j = 0;
    for (size_t i = 0; i < s->n; i++) {
        const ccp_case *k = &s->cases[i];
        if (k->op_ != FD || !k->obj_)
            continue;
        s->fds->p[j] =
            (struct pollfd){ .fd = ccpi_fd_of_case(k), .events = ccpi_events_of_case(k) };
        s->fd_case[j++] = (uint32_t)i;
    }
}

/* n cases are of descriptors. */
static CCPI_NOINLINE ccp_status go_with_fds(selection *s, size_t n)
{
    struct pollfd few[FEW_FDS + 1];
    uint32_t few_cases[FEW_FDS];
    ccpi_fds fds = { .p = few, .n = n };
    void *memory = NULL;
    if (n > FEW_FDS) {
        size_t size;
        if (!ccpi_size_mul_add(n, sizeof *few + sizeof *few_cases, sizeof *few, &size) ||
            !(memory = ccpi_alloc(size)))
            return CCP_NOMEM;
        fds.p = memory;
    }
    s->fds = &fds;
    s->fd_case = memory ? (uint32_t *)(fds.p + n + 1) : few_cases;
    list_fds(s);
    ccp_status st = go(s);
    s->fds = NULL;
    s->fd_case = NULL;
    if (fds.has_event)
        ccpi_event_close(&fds.event);
    ccpi_free(memory);
    return st;
}

/* Not an initializer: that would clear all of it, which takes as long as the select. */
static void begin(selection *s, const ccp_case *cases, size_t n, ccp_wait w, bool first)
{
    s->cases = cases;
    s->n = n;
    s->chosen = 0;
    s->wait = w;
    s->first = first;
    s->tries = 0;
    s->fds = NULL;
}

static ccp_status start(const ccp_case *cases, size_t n, size_t *chosen, ccp_wait w, bool first)
{
    size_t on, fds;
    if (!chosen || (!cases && n > 0) || n > UINT32_MAX / 2 || !check(cases, n, &on, &fds))
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return st;
    selection s;
    begin(&s, cases, n, w, first);
    if (on == 0 && !w.ctx_ && w.ns_ == INT64_MAX)
        return CCP_DEADLOCK;
    st = CCPI_UNLIKELY(fds) ? go_with_fds(&s, fds) : go(&s);
    if (st == CCP_OK || st == CCP_CLOSED)
        *chosen = s.chosen;
    return st;
}

ccp_status ccp_select(const ccp_case *cases, size_t n, size_t *chosen, ccp_wait w)
{
    return start(cases, n, chosen, w, false);
}

ccp_status ccp_select_first(const ccp_case *cases, size_t n, size_t *chosen, ccp_wait w)
{
    return start(cases, n, chosen, w, true);
}
