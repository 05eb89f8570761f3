/* SPDX-License-Identifier: MIT
 *
 * Broadcast: a thread gives each element of one channel to the channels of all members.
 *
 * Representation  Members stand in a list, of which the thread always serves the first, and then
 *                 puts it at the end, marked with the number of the element.
 *
 * Invariants
 *   N1  In the list those that have not got the element under way come before those that have, or
 *       that joined later.
 *   N2  The thread uses the member `at` without the lock.  Who leaves as that one cancels its
 *       channel, which ends the thread's wait, and the thread frees it.
 *   N3  Functions of the program are called, and channels sent to, without the lock.
 * Locks           `lock` protects the list, what is said to be under it, and each member's mark.
 */
#include "base/backoff.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "ccp.h"
#include "coord/await.h"

#define DEFAULT_CAPACITY 64

typedef struct member {
    ccpi_link link; /* under lock */
    ccp_chan *ch;
    ccp_slow slow;    /* const */
    uint64_t seen;    /* under lock: number of the element that it got last */
    ccpi_word64 lost; /* atomic: a count */
    bool ended;       /* the thread's: disconnected, or its consumer wants no more */
    bool gone;        /* under lock: has left, N2 */
} member;

struct ccp_broadcast {
    ccp_chan *in;
    ccp_broadcast_opts o;
    size_t size; /* of an element */
    ccp_group *group;
    ccpi_lock lock;
    ccpi_list members; /* under lock */
    member *at;        /* under lock: being served */
    uint64_t taken;    /* under lock: elements; the number of the one under way */
    bool started;      /* under lock */
    bool over;         /* under lock: there will be no more */
    ccpi_word64 lost;  /* atomic: a count */
    ccpi_word64 cut;   /* atomic: a count of members that were disconnected */
    char *elem, *copy; /* the thread's */
};

static member *to_member(ccpi_link *l)
{
    return CCPI_CONTAINER(l, member, link);
}

static void drop(ccp_broadcast *b, void *elem)
{
    if (b->o.drop)
        b->o.drop(elem, b->o.drop_arg);
}

static void lose(ccp_broadcast *b, member *m)
{
    /* Relaxed: counts. */
    atomic_fetch_add_explicit(&m->lost, 1, CCPI_RLX);
    atomic_fetch_add_explicit(&b->lost, 1, CCPI_RLX);
}

/* ---- the thread ---- */

/* What is sent to one member: a clone, or the element itself. */
static void *copy_of(ccp_broadcast *b, ccp_ctx *ctx)
{
    if (!b->size)
        return NULL;
    if (!b->o.clone)
        return b->elem;
    return b->o.clone(ctx, b->elem, b->copy, b->o.arg) == CCP_OK ? b->copy : NULL;
}

/* Makes room by dropping the oldest.  The consumer may have made it meanwhile. */
static ccp_status send_newest(ccp_broadcast *b, member *m, void *elem)
{
    char *oldest = b->copy + (b->o.clone ? b->size : 0);
    unsigned tries = 0;
    ccp_status st;
    while ((st = ccp_chan_send(m->ch, elem, CCP_NOWAIT)) == CCP_AGAIN) {
        if (ccp_chan_recv(m->ch, b->size ? oldest : NULL, CCP_NOWAIT) == CCP_OK) {
            drop(b, oldest);
            lose(b, m);
        } else {
            ccpi_backoff(&tries); /* a consumer is in the middle of taking it */
        }
    }
    return st;
}

static ccp_status send_to(ccp_broadcast *b, member *m, void *elem, ccp_ctx *ctx)
{
    if (m->slow == CCP_SLOW_WAIT)
        return ccp_chan_send(m->ch, elem, ccp_with(ctx));
    if (m->slow == CCP_SLOW_DROP_OLDEST)
        return send_newest(b, m, elem);
    ccp_status st = ccp_chan_send(m->ch, elem, CCP_NOWAIT);
    if (st == CCP_AGAIN)
        lose(b, m);
    if (st == CCP_AGAIN && m->slow == CCP_SLOW_DISCONNECT) {
        (void)ccp_chan_close(m->ch);
        atomic_fetch_add_explicit(&b->cut, 1, CCPI_RLX); /* relaxed: a count */
        m->ended = true;
    }
    return st;
}

static void give(ccp_broadcast *b, member *m, ccp_ctx *ctx)
{
    if (m->ended)
        return;
    void *elem = copy_of(b, ctx);
    if (!elem && b->size) {
        lose(b, m);
        return;
    }
    ccp_status st = send_to(b, m, elem, ctx);
    if (st == CCP_CLOSED)
        m->ended = true;
    if (st != CCP_OK && b->o.clone)
        drop(b, elem);
}

static void free_member(member *m)
{
    (void)ccp_chan_free(m->ch); /* canceled before: nobody is in it */
    ccpi_free(m);
}

/* Takes the next member that has not got element number n; puts the one that has to the end. */
static member *turn(ccp_broadcast *b, member *served, uint64_t n)
{
    member *left = NULL, *next = NULL;
    ccpi_lock_acquire(&b->lock);
    if (served && served->gone)
        left = served;
    else if (served)
        ccpi_list_append(&b->members, &served->link);
    if (b->members.first && to_member(b->members.first)->seen != n) {
        next = to_member(b->members.first);
        ccpi_list_remove(&b->members, &next->link);
        next->seen = n;
    }
    b->at = next;
    ccpi_lock_release(&b->lock);
    if (left)
        free_member(left); /* N2 */
    return next;
}

/* The number of the next element, or of the end. */
static uint64_t count(ccp_broadcast *b, bool over)
{
    ccpi_lock_acquire(&b->lock);
    uint64_t n = ++b->taken;
    b->over = over;
    ccpi_lock_release(&b->lock);
    return n;
}

/* Closes the channels of all members: of those that join later, ccp_broadcast_join() does. */
static void end(ccp_broadcast *b)
{
    uint64_t n = count(b, true);
    for (member *m = turn(b, NULL, n); m; m = turn(b, m, n))
        (void)ccp_chan_close(m->ch);
}

static ccp_status run(ccp_ctx *ctx, void *arg)
{
    ccp_broadcast *b = arg;
    ccp_status st;
    while ((st = ccp_chan_recv(b->in, b->size ? b->elem : NULL, ccp_with(ctx))) == CCP_OK) {
        uint64_t n = count(b, false);
        for (member *m = turn(b, NULL, n); m; m = turn(b, m, n))
            give(b, m, ctx);
        drop(b, b->elem);
    }
    if (st != CCP_CLOSED)
        (void)ccp_chan_cancel(b->in);
    end(b);
    return CCP_OK;
}

/* ---- making ---- */

static const ccpi_kind kind = { "broadcast", "ccp_broadcast_", NULL, NULL };

static void release(ccp_broadcast *b)
{
    (void)ccp_group_free(b->group);
    ccpi_free(b->elem);
    ccpi_free(b);
}

ccp_broadcast *ccp_broadcast_new(ccp_chan *in, const ccp_broadcast_opts *o)
{
    static const ccp_broadcast_opts defaults;
    ccp_chan_info info;
    size_t bytes;
    if (!o)
        o = &defaults;
    if (ccp_chan_get_info(in, &info) != CCP_OK || (o->drop && !o->clone) ||
        !ccpi_size_mul_add(3, info.elem_size, 1, &bytes))
        return NULL;
    ccp_broadcast *b = ccpi_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->in = in;
    b->o = *o;
    b->size = info.elem_size;
    b->elem = ccpi_alloc(bytes);
    b->group = ccp_group_make(&(ccp_group_opts){ .parent = o->parent,
                                                 .limit = 1,
                                                 .name = o->name,
                                                 .stack_size = o->stack_size });
    if (b->elem && b->group) {
        b->copy = b->elem + b->size;
        ccpi_track(b, &kind, o->name);
        ccpi_track_part(b->group, b);
        return b;
    }
    release(b);
    return NULL;
}

ccp_status ccp_broadcast_start(ccp_broadcast *b)
{
    if (!b)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    bool was = b->started;
    b->started = true;
    ccpi_lock_release(&b->lock);
    if (was)
        return CCP_CLOSED;
    ccp_status st = ccp_group_go(b->group, run, b, CCP_FOREVER);
    if (st == CCP_OK)
        return CCP_OK;
    ccpi_lock_acquire(&b->lock);
    b->started = false;
    ccpi_lock_release(&b->lock);
    return CCP_NOMEM;
}

/* ---- members ---- */

ccp_chan *ccp_broadcast_join(ccp_broadcast *b, const ccp_member_opts *o)
{
    static const ccp_member_opts defaults;
    if (!o)
        o = &defaults;
    if (!b || (unsigned)o->slow > CCP_SLOW_DISCONNECT)
        return NULL;
    if (ccpi_is_dead(b))
        return NULL;
    member *m = ccpi_alloc(sizeof *m);
    ccp_chan *ch = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = b->size,
                          .capacity = o->capacity ? o->capacity : DEFAULT_CAPACITY,
                          .drop = b->o.drop,
                          .drop_arg = b->o.drop_arg,
                          .name = o->name });
    if (!m || !ch) {
        ccpi_free(m);
        (void)ccp_chan_free(ch);
        return NULL;
    }
    m->ch = ch;
    m->slow = o->slow;
    ccpi_lock_acquire(&b->lock);
    m->seen = b->taken; /* N1 */
    ccpi_list_append(&b->members, &m->link);
    bool over = b->over;
    ccpi_lock_release(&b->lock);
    if (over)
        (void)ccp_chan_close(ch);
    return ch;
}

/* Under the lock. */
static member *find_locked(const ccp_broadcast *b, const ccp_chan *ch)
{
    if (b->at && b->at->ch == ch && !b->at->gone)
        return b->at;
    for (ccpi_link *l = b->members.first; l; l = l->next)
        if (to_member(l)->ch == ch)
            return to_member(l);
    return NULL;
}

static member *find(ccp_broadcast *b, const ccp_chan *ch)
{
    ccpi_lock_acquire(&b->lock);
    member *m = find_locked(b, ch);
    ccpi_lock_release(&b->lock);
    return m;
}

static bool has_receivers(const ccp_chan *ch)
{
    ccp_chan_info info;
    return ccp_chan_get_info(ch, &info) == CCP_OK && info.waiting_receivers > 0;
}

ccp_status ccp_broadcast_leave(ccp_broadcast *b, ccp_chan *ch)
{
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    if (!b || !ch || !find(b, ch))
        return CCP_INVAL;
    if (has_receivers(ch))
        return CCP_BUSY;
    (void)ccp_chan_cancel(ch);
    ccpi_lock_acquire(&b->lock);
    member *m = find_locked(b, ch);
    if (m == b->at)
        m->gone = true; /* N2 */
    else
        ccpi_list_remove(&b->members, &m->link);
    bool mine = !m->gone;
    ccpi_lock_release(&b->lock);
    if (mine)
        free_member(m);
    return CCP_OK;
}

ccp_status ccp_broadcast_lost(ccp_broadcast *b, const ccp_chan *ch, uint64_t *lost)
{
    if (!b || !ch || !lost)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    ccpi_lock_acquire(&b->lock);
    member *m = find_locked(b, ch);
    if (m)
        *lost = atomic_load_explicit(&m->lost, CCPI_RLX); /* relaxed: a count */
    ccpi_lock_release(&b->lock);
    return m ? CCP_OK : CCP_INVAL;
}

ccp_status ccp_broadcast_get_info(ccp_broadcast *b, ccp_broadcast_info *out)
{
    if (!b || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(b))
        return CCP_FORKED;
    *out = (ccp_broadcast_info){ 0 };
    ccpi_lock_acquire(&b->lock);
    out->taken = b->taken - b->over;
    out->members = b->at && !b->at->gone;
    for (ccpi_link *l = b->members.first; l; l = l->next)
        out->members++;
    ccpi_lock_release(&b->lock);
    /* Relaxed: counts. */
    out->lost = atomic_load_explicit(&b->lost, CCPI_RLX);
    out->disconnected = atomic_load_explicit(&b->cut, CCPI_RLX);
    return CCP_OK;
}

/* ---- the end ---- */

static bool is_in_use(ccp_broadcast *b)
{
    bool used = false;
    ccpi_lock_acquire(&b->lock);
    if (b->at && !b->at->gone)
        used = has_receivers(b->at->ch);
    for (ccpi_link *l = b->members.first; l && !used; l = l->next)
        used = has_receivers(to_member(l)->ch);
    ccpi_lock_release(&b->lock);
    return used;
}

ccp_status ccp_broadcast_free(ccp_broadcast *b)
{
    if (!b)
        return CCP_OK;
    if (ccpi_is_dead(b)) {
        ccpi_untrack(b);
        release(b);
        return CCP_OK;
    }
    if (ccp_group_wait(b->group, CCP_NOWAIT) == CCP_DEADLOCK)
        return CCP_DEADLOCK;
    if (is_in_use(b))
        return CCP_BUSY;
    ccp_ctx_cancel(ccp_group_ctx(b->group));
    ccpi_await_group(b->group);
    if (!b->started)
        (void)ccp_chan_cancel(b->in); /* otherwise the thread has */
    ccpi_untrack(b); /* before its members go: nobody counts them any more */
    while (b->members.first) {
        member *m = to_member(b->members.first);
        ccpi_list_remove(&b->members, &m->link);
        (void)ccp_chan_cancel(m->ch);
        free_member(m);
    }
    release(b);
    return CCP_OK;
}
