/* SPDX-License-Identifier: MIT
 *
 * Merging: a select over channels that come and go, by one receiver, without a thread.
 *
 * Representation  Those who add put sources into `fresh`; the receiver moves them into its own
 *                 array, from which it receives in turn.  `bell`, a counting channel of capacity 1,
 *                 has an element when there is something new in `fresh`, or it is closed; the
 *                 receiver waits for it beside the sources.
 *
 * Invariants
 *   M1  What is new is in `fresh` before the bell is rung.
 *   M2  `cases` has room for all sources and the bell.
 * Locks           `lock` protects `fresh`, `added` and `closed`.
 */
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"

#include <string.h>

typedef struct source {
    ccpi_link link; /* under lock, while it is new */
    ccp_chan *ch;
    size_t number;
} source;

struct ccp_merge {
    ccp_source_gone gone; /* const */
    void *arg;            /* const */
    ccp_chan *bell;
    ccpi_lock lock;
    ccpi_list fresh;  /* under lock */
    size_t added;     /* under lock */
    bool closed;      /* under lock */
    source **sources; /* the receiver's, as all below */
    ccp_case *cases;
    size_t n, room, turn;
};

static const ccpi_kind kind = { "merge", "ccp_merge_", NULL, NULL };

ccp_merge *ccp_merge_new(ccp_source_gone gone, void *arg)
{
    ccp_merge *m = ccpi_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->gone = gone;
    m->arg = arg;
    m->bell = ccp_chan_new(0, 1);
    if (m->bell) {
        ccpi_track(m, &kind, NULL);
        ccpi_track_part(m->bell, m);
        return m;
    }
    ccpi_free(m);
    return NULL;
}

static void ring(ccp_merge *m)
{
    (void)!ccp_chan_send(m->bell, NULL, CCP_NOWAIT); /* full: it has been rung */
}

ccp_status ccp_merge_add(ccp_merge *m, ccp_chan *ch, size_t *number)
{
    if (!m || !ch)
        return CCP_INVAL;
    if (ccpi_is_dead(m))
        return CCP_FORKED;
    source *s = ccpi_alloc(sizeof *s);
    if (!s)
        return CCP_NOMEM;
    s->ch = ch;
    ccpi_lock_acquire(&m->lock);
    bool closed = m->closed;
    size_t mine = m->added;
    if (!closed) {
        s->number = m->added++;
        ccpi_list_append(&m->fresh, &s->link); /* M1 */
    }
    ccpi_lock_release(&m->lock);
    if (closed) {
        ccpi_free(s);
        return CCP_CLOSED;
    }
    ring(m);
    if (number)
        *number = mine;
    return CCP_OK;
}

ccp_status ccp_merge_close(ccp_merge *m)
{
    if (!m)
        return CCP_INVAL;
    if (ccpi_is_dead(m))
        return CCP_FORKED;
    ccpi_lock_acquire(&m->lock);
    bool was = m->closed;
    m->closed = true;
    ccpi_lock_release(&m->lock);
    ring(m);
    return was ? CCP_CLOSED : CCP_OK;
}

/* ---- receiving ---- */

/* M2 */
static bool grow(ccp_merge *m)
{
    size_t room = m->room ? 2 * m->room : 8, bytes, cases;
    bool fits = ccpi_size_mul_add(room, sizeof(ccp_case), sizeof(ccp_case), &cases) &&
                ccpi_size_mul_add(room, sizeof(source *), 0, &bytes);
    source **s = fits ? ccpi_alloc(bytes) : NULL;
    ccp_case *c = fits ? ccpi_alloc(cases) : NULL;
    if (!s || !c) {
        ccpi_free(s);
        ccpi_free(c);
        return false;
    }
    if (m->n)
        memcpy(s, m->sources, m->n * sizeof *s);
    ccpi_free(m->sources);
    ccpi_free(m->cases);
    m->sources = s;
    m->cases = c;
    m->room = room;
    return true;
}

/* Takes over what is new; *last: there will be no more. */
static bool welcome(ccp_merge *m, bool *last)
{
    for (bool more = true; more;) {
        if (m->n == m->room && !grow(m))
            return false;
        ccpi_lock_acquire(&m->lock);
        *last = m->closed;
        more = m->fresh.first != NULL;
        if (more) {
            source *s = CCPI_CONTAINER(m->fresh.first, source, link);
            ccpi_list_remove(&m->fresh, &s->link);
            m->sources[m->n++] = s;
        }
        ccpi_lock_release(&m->lock);
    }
    return true;
}

static void leave(ccp_merge *m, size_t i)
{
    source *s = m->sources[i];
    m->n--;
    memmove(&m->sources[i], &m->sources[i + 1], (m->n - i) * sizeof(source *));
    if (m->turn > i)
        m->turn--;
    if (m->gone)
        m->gone(s->number, s->ch, m->arg);
    ccpi_free(s);
}

static void serve(ccp_merge *m, size_t i, size_t *number)
{
    m->turn = i + 1;
    if (number)
        *number = m->sources[i]->number;
}

/* Receives without waiting, from the source whose turn it is or the next one that has something. */
static ccp_status poll(ccp_merge *m, void *elem, size_t *number, ccp_ctx *ctx)
{
    for (size_t left = m->n; left > 0; left--) {
        size_t i = m->turn < m->n ? m->turn : 0;
        ccp_status st = ccp_chan_recv(m->sources[i]->ch, elem, ccp_under(ctx, CCP_NOWAIT));
        if (st == CCP_OK)
            serve(m, i, number);
        if (st != CCP_AGAIN && st != CCP_CLOSED)
            return st;
        m->turn = i + 1;
        if (st == CCP_CLOSED)
            leave(m, i);
    }
    return CCP_AGAIN;
}

/* Waits for the bell and all sources.  CCP_AGAIN: look again. */
static ccp_status await(ccp_merge *m, void *elem, size_t *number, ccp_wait w)
{
    size_t chosen;
    for (size_t i = 0; i < m->n; i++)
        m->cases[i] = CCP_CASE_RECV(m->sources[i]->ch, elem);
    m->cases[m->n] = CCP_CASE_RECV(m->bell, NULL);
    ccp_status st = ccp_select(m->cases, m->n + 1, &chosen, w);
    if (st == CCP_OK && chosen < m->n) {
        serve(m, chosen, number);
        return CCP_OK;
    }
    if (st == CCP_CLOSED)
        leave(m, chosen);
    return st == CCP_OK || st == CCP_CLOSED ? CCP_AGAIN : st;
}

ccp_status ccp_merge_recv(ccp_merge *m, void *elem, size_t *number, ccp_wait w)
{
    bool last;
    if (!m)
        return CCP_INVAL;
    if (ccpi_is_dead(m))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    ccp_wait started = w;
    for (bool first = true; st == CCP_OK || st == CCP_AGAIN; first = false) {
        if (!welcome(m, &last))
            return CCP_NOMEM;
        st = poll(m, elem, number, w.ctx_);
        if (st != CCP_AGAIN)
            return st;
        if (m->n == 0 && last)
            return CCP_CLOSED;
        if (ccpi_wait_not_at_all(w))
            return CCP_AGAIN;
        if (first)
            started = ccp_start(w);
        st = await(m, elem, number, started);
        if (st == CCP_OK)
            return st;
    }
    return st;
}

/* What its threads may have been changing stays where it is. */
static void release_dead(ccp_merge *m)
{
    ccpi_untrack(m);
    (void)ccp_chan_free(m->bell);
    ccpi_free(m);
}

ccp_status ccp_merge_free(ccp_merge *m)
{
    if (!m)
        return CCP_OK;
    if (ccpi_is_dead(m)) {
        release_dead(m);
        return CCP_OK;
    }
    ccpi_untrack(m);
    while (m->fresh.first) {
        source *s = CCPI_CONTAINER(m->fresh.first, source, link);
        ccpi_list_remove(&m->fresh, &s->link);
        ccpi_free(s);
    }
    while (m->n > 0)
        ccpi_free(m->sources[--m->n]);
    ccpi_free(m->sources);
    ccpi_free(m->cases);
    (void)ccp_chan_free(m->bell);
    ccpi_free(m);
    return CCP_OK;
}
