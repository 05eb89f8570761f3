/* SPDX-License-Identifier: MIT
 *
 * The bounded queue of any number of producers and consumers, who never wait for each other.
 *
 * Representation  As that of a channel's ring (chan/ring.h), without anybody to wake.  Of the
 *                 positions (base/position.h) tail is the next one to put in at, head the next one
 *                 to take out at.  Each slot has a stamp before its element.
 *                 The mark, C, is in tail only, and means closed; it is set once.  Every push must
 *                 win tail by a compare-and-swap that expects C clear: after it none can succeed.
 *
 * Invariants      for the slot of position p (C clear):
 *   MP1  stamp == p        the slot is free, for who wins tail == p.
 *   MP2  stamp == p + 1    it holds the element of p, for who wins head == p.
 *   MP3  stamp == p + lap  it is free for the next round: MP1 of p + lap.
 *   MP4  Between winning a position and storing the stamp the winner alone uses the slot's element.
 *        A slot that was ready (MP1, MP2) stays so until its position is won.  So a batch wins as
 *        many positions as have ready slots, with one compare-and-swap, and waits for nobody.
 *   MP5  head <= tail <= head + lap, as positions; tail == head is empty, == head + lap is full.
 *        What is neither, and has no slot that is ready, is CCP_BUSY: who won that slot has not
 *        stored its stamp yet.
 *   MP6  In a child of a fork a dead queue is closed and empty, so that only those who find it so
 *        look whether it is dead.
 * Progress        Lock-free: a call begins anew only when another one has won a position.
 */
#include "base/mem.h"
#include "base/position.h"
#include "base/track.h"
#include "ccp.h"

#define MAX_CAPACITY ((uint64_t)1 << 40) /* a position has room for 2^22 rounds and more */

typedef struct slot {
    ccpi_word64 stamp;
    unsigned char elem[];
} slot;

struct ccp_mpmc {
    size_t elem_size, cap, stride; /* const after new, as the following */
    uint64_t mark, lap;
    size_t origin; /* of the slots, in bytes from here: see base/position.h */
    bool dead;     /* MP6: changes only while there is one thread */
    _Alignas(CCPI_LINE) ccpi_word64 tail;
    _Alignas(CCPI_LINE) ccpi_word64 head;
};

static slot *slot_of(const ccp_mpmc *q, uint64_t pos)
{
    size_t at = q->origin + (size_t)(pos & (q->mark - 1)) * q->stride;
    return (slot *)(void *)((unsigned char *)(uintptr_t)q + at);
}

static uint64_t next(const ccp_mpmc *q, uint64_t pos)
{
    return CCPI_LIKELY(!ccpi_position_is_last(pos, q->mark))
               ? pos + 1
               : ccpi_position_next_round(pos, q->cap, q->lap);
}

/* ---- making ---- */

static void describe(const void *object, ccpi_text *t)
{
    const ccp_mpmc *q = object;
    ccpi_text_add(t, ", ");
    ccpi_text_add_number(t, ccp_mpmc_len(q));
    ccpi_text_add(t, " of ");
    ccpi_text_add_number(t, q->cap);
    /* Relaxed: somebody looks. */
    if (atomic_load_explicit(&q->tail, CCPI_RLX) & q->mark)
        ccpi_text_add(t, ", closed");
}

/* In the child of a fork (MP6).  Relaxed: there is one thread. */
static void forked(void *object)
{
    ccp_mpmc *q = object;
    uint64_t first = ccpi_position_first(0, q->cap, q->mark);
    q->dead = true;
    atomic_store_explicit(&q->head, first, CCPI_RLX);
    atomic_store_explicit(&q->tail, first | q->mark, CCPI_RLX);
    atomic_store_explicit(&slot_of(q, first)->stamp, first, CCPI_RLX);
}

static const ccpi_kind kind = { "mpmc queue", "ccp_mpmc_", describe, forked };

ccp_mpmc *ccp_mpmc_new(size_t elem_size, size_t capacity)
{
    uint64_t wanted = capacity; /* which 32 bits may not be enough to compare */
    size_t stride, size;
    if (elem_size == 0 || capacity == 0 || wanted > MAX_CAPACITY ||
        !ccpi_size_mul_add(elem_size, 1, sizeof(slot) + 7, &stride))
        return NULL;
    stride -= stride % 8; /* stamps are aligned */
    if (!ccpi_size_mul_add(capacity, stride, sizeof(ccp_mpmc), &size))
        return NULL;
    ccp_mpmc *q = ccpi_alloc_lines(size);
    if (!q)
        return NULL;
    q->elem_size = elem_size;
    q->cap = capacity;
    q->stride = stride;
    for (q->mark = 1; q->mark < capacity;)
        q->mark *= 2;
    q->lap = 2 * q->mark;
    q->origin = ccpi_position_origin(sizeof *q, capacity, stride, q->mark);
    uint64_t first = ccpi_position_first(0, capacity, q->mark);
    for (size_t i = 0; i < capacity; i++)
        atomic_init(&slot_of(q, first + i)->stamp, first + i); /* MP1 */
    atomic_init(&q->tail, first);
    atomic_init(&q->head, first);
    ccpi_track(q, &kind, NULL);
    return q;
}

ccp_status ccp_mpmc_free(ccp_mpmc *q)
{
    if (!q)
        return CCP_OK;
    ccpi_untrack(q);
    ccpi_free_lines(q);
    return CCP_OK;
}

/* ---- putting in ---- */

static CCPI_NOINLINE ccp_status closed(const ccp_mpmc *q)
{
    /* [MQ4] acquire: what the closer did is seen.  Pairs with ccp_mpmc_close(). */
    (void)atomic_load_explicit(&q->tail, CCPI_ACQ);
    return q->dead ? CCP_FORKED : CCP_CLOSED;
}

static bool is_full(const ccp_mpmc *q, uint64_t tail)
{
    /* [MQ3] seq_cst: a pop that won head before this call began is seen.  LP(full): the first load;
     * tail was not beyond this then, and not closed. */
    return atomic_load_explicit(&q->head, CCPI_SC) + q->lap == tail &&
           atomic_load_explicit(&q->tail, CCPI_SC) == tail; /* [MQ3] */
}

/* Wins *won positions from *pos on, at most n. */
CCPI_INLINE ccp_status win_tail(ccp_mpmc *q, const size_t n, uint64_t *pos, size_t *won)
{
    /* Relaxed: the compare-and-swap tells whether it is right. */
    uint64_t t = atomic_load_explicit(&q->tail, CCPI_RLX);
    for (;;) {
        if (CCPI_UNLIKELY(t & q->mark)) /* LP: the load that found it */
            return closed(q);
        uint64_t end = t;
        size_t k = 0;
        /* [MQ2] acquire: who took the former element has copied it out.  Pairs with take(). */
        while (k < n && atomic_load_explicit(&slot_of(q, end)->stamp, CCPI_ACQ) == end) {
            end = next(q, end);
            k++;
        }
        if (CCPI_LIKELY(k > 0)) {
            /* [MQ3] seq_cst: before the looks of is_full() and is_empty().  LP of a push. */
            if (CCPI_LIKELY(atomic_compare_exchange_weak_explicit(&q->tail, &t, end, CCPI_SC,
                                                                  CCPI_RLX))) {
                *pos = t;
                *won = k;
                return CCP_OK;
            }
            continue;
        }
        if (is_full(q, t))
            return CCP_AGAIN;
        /* Relaxed: if it is stale, somebody has won since this call began. */
        uint64_t now = atomic_load_explicit(&q->tail, CCPI_RLX);
        if (now == t)
            return CCP_BUSY; /* MP5 */
        t = now;
    }
}

CCPI_INLINE void put(ccp_mpmc *q, uint64_t pos, const void *elem)
{
    slot *s = slot_of(q, pos);
    ccpi_copy(s->elem, elem, q->elem_size);
    /* [MQ1] release: the element.  Pairs with win_head(). */
    atomic_store_explicit(&s->stamp, pos + 1, CCPI_REL);
}

ccp_status ccp_mpmc_push(ccp_mpmc *q, const void *elem)
{
    uint64_t pos = 0;
    size_t won = 0;
    if (CCPI_UNLIKELY(!q || !elem))
        return CCP_INVAL;
    ccp_status st = win_tail(q, 1, &pos, &won);
    if (CCPI_LIKELY(st == CCP_OK))
        put(q, pos, elem);
    return st;
}

ccp_status ccp_mpmc_push_n(ccp_mpmc *q, const void *elems, size_t n, size_t *pushed)
{
    uint64_t pos = 0;
    size_t won = 0;
    if (!q || !elems || n == 0 || !pushed)
        return CCP_INVAL;
    ccp_status st = win_tail(q, n, &pos, &won);
    if (st != CCP_OK)
        return st;
    const unsigned char *from = elems;
    for (size_t i = 0; i < won; i++, pos = next(q, pos), from += q->elem_size)
        put(q, pos, from);
    *pushed = won;
    return CCP_OK;
}

/* ---- taking out ---- */

/* CCP_OK: it is not empty. */
static ccp_status is_empty(const ccp_mpmc *q, uint64_t head)
{
    /* [MQ3] seq_cst: a push that won tail before this call began is seen.  LP(empty): this load;
     * head was read before, and if it is stale it was emptier. */
    uint64_t t = atomic_load_explicit(&q->tail, CCPI_SC);
    if ((t & ~q->mark) != head)
        return CCP_OK;
    return t & q->mark ? closed(q) : CCP_AGAIN;
}

/* Wins *won positions from *pos on, at most n. */
CCPI_INLINE ccp_status win_head(ccp_mpmc *q, const size_t n, uint64_t *pos, size_t *won)
{
    /* Relaxed: as in win_tail(). */
    uint64_t h = atomic_load_explicit(&q->head, CCPI_RLX);
    for (;;) {
        uint64_t end = h;
        size_t k = 0;
        /* [MQ1] acquire: the element.  Pairs with put(). */
        while (k < n && atomic_load_explicit(&slot_of(q, end)->stamp, CCPI_ACQ) == end + 1) {
            end = next(q, end);
            k++;
        }
        if (CCPI_LIKELY(k > 0)) {
            /* [MQ3] seq_cst: before the looks of is_full() and is_empty().  LP of a pop. */
            if (CCPI_LIKELY(atomic_compare_exchange_weak_explicit(&q->head, &h, end, CCPI_SC,
                                                                  CCPI_RLX))) {
                *pos = h;
                *won = k;
                return CCP_OK;
            }
            continue;
        }
        ccp_status st = is_empty(q, h);
        if (st != CCP_OK)
            return st;
        /* Relaxed: as in win_tail(). */
        uint64_t now = atomic_load_explicit(&q->head, CCPI_RLX);
        if (now == h)
            return CCP_BUSY; /* MP5 */
        h = now;
    }
}

CCPI_INLINE void take(ccp_mpmc *q, uint64_t pos, void *elem)
{
    slot *s = slot_of(q, pos);
    if (CCPI_LIKELY(elem != NULL))
        ccpi_copy(elem, s->elem, q->elem_size);
    /* [MQ2] release: the slot is free again.  Pairs with win_tail(). */
    atomic_store_explicit(&s->stamp, pos + q->lap, CCPI_REL);
}

/* Not inlined, as the next: see ccp_future_get(). */
CCPI_NOINLINE ccp_status ccp_mpmc_pop(ccp_mpmc *q, void *elem)
{
    uint64_t pos = 0;
    size_t won = 0;
    if (CCPI_UNLIKELY(!q))
        return CCP_INVAL;
    ccp_status st = win_head(q, 1, &pos, &won);
    if (CCPI_LIKELY(st == CCP_OK))
        take(q, pos, elem);
    return st;
}

CCPI_NOINLINE ccp_status ccp_mpmc_pop_n(ccp_mpmc *q, void *elems, size_t n, size_t *popped)
{
    uint64_t pos = 0;
    size_t won = 0;
    if (!q || !elems || n == 0 || !popped)
        return CCP_INVAL;
    ccp_status st = win_head(q, n, &pos, &won);
    if (st != CCP_OK)
        return st;
    unsigned char *to = elems;
    for (size_t i = 0; i < won; i++, pos = next(q, pos), to += q->elem_size)
        take(q, pos, to);
    *popped = won;
    return CCP_OK;
}

/* ---- the end, and looks from outside ---- */

ccp_status ccp_mpmc_close(ccp_mpmc *q)
{
    if (!q)
        return CCP_INVAL;
    /* [MQ3] [MQ4] seq_cst: after it no push wins tail; what the closer did is seen by who finds it
     * closed.  LP. */
    if (atomic_fetch_or_explicit(&q->tail, q->mark, CCPI_SC) & q->mark)
        return closed(q);
    return CCP_OK;
}

size_t ccp_mpmc_len(const ccp_mpmc *q)
{
    if (!q)
        return 0;
    /* [MQ3] acquire: who has won that head has seen a tail beyond it, which is therefore not older
     * than it in the next load.  Pairs with win_head(). */
    uint64_t h = atomic_load_explicit(&q->head, CCPI_ACQ);
    /* Relaxed: see above. */
    uint64_t t = atomic_load_explicit(&q->tail, CCPI_RLX) & ~q->mark;
    uint64_t n = ccpi_position_distance(h, t, q->cap, q->mark);
    return n < q->cap ? (size_t)n : q->cap;
}

size_t ccp_mpmc_cap(const ccp_mpmc *q)
{
    return q ? q->cap : 0;
}
