/* SPDX-License-Identifier: MIT
 *
 * The ring's less frequent parts: batches, length, high water; the invariants are in ring.h.
 */
/* uses: ring crowd chan */
#include "chan/ring.h"

static size_t least(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* Elements from head to pos, which is in the same round or the next one (R5); at least 1, as head
 * may be beyond it by now. */
static uint64_t length(const ccp_chan *c, uint64_t head, uint64_t pos)
{
    uint64_t apart = (int64_t)(pos - head) < 0 ? 0 : pos - head;
    return 1 + (apart < c->mark ? apart : apart - c->lap + c->capacity);
}

/* Loads head, which every receive writes: a cache miss.  So nobody looks before the queue can be
 * longer than its high water by more than a 64th, and longer than a quarter of its capacity, or
 * than 64; but where it can be full.  In one that swings between 0 and 1 elements one send of many
 * looks, and one that grows makes few records. */
void ccpi_ring_look(ccp_chan *c, uint64_t pos)
{
    uint64_t high = atomic_load_explicit(&c->high_water, CCPI_RLX);
    uint64_t far = c->mark - 1; /* so many sends need no look: all of a round, if it was full */
    if (high < c->capacity) {
        uint64_t len = length(c, atomic_load_explicit(&c->head, CCPI_RLX), pos);
        if (len > high) { /* two senders at once: the smaller may stay until the next look */
            high = len;
            atomic_store_explicit(&c->high_water, high, CCPI_RLX);
        }
        uint64_t few = least(c->capacity / 4, 64), more = high + high / 64;
        if (high < c->capacity)
            far = least(c->capacity - 1, more > few ? more : few) - len;
    }
    uint64_t look = (UINT64_C(1) << (63 - (unsigned)__builtin_clzll(far + 1))) - 1;
    atomic_store_explicit(&c->look, look, CCPI_RLX);
}

size_t ccpi_ring_len(const ccp_chan *c)
{
    for (;;) {
        /* [F1] seq_cst: tail did not move around the load of head, so both held at one moment. */
        uint64_t t = atomic_load_explicit(&c->tail, CCPI_SC);
        uint64_t h = atomic_load_explicit(&c->head, CCPI_SC);
        if (atomic_load_explicit(&c->tail, CCPI_SC) == t)
            return (size_t)ccpi_ring_distance(c, h, t & ~c->mark);
        ccpi_relax();
    }
}

void ccpi_ring_totals(const ccp_chan *c, uint64_t *sent, uint64_t *received)
{
    uint64_t first = ccpi_position_first(ccpi_tuning.first_lap, c->capacity, c->mark);
    /* [F1] acquire: received first, and with it what was sent before, so that it is not more than
     * sent.  Pairs with [D2].  tail is relaxed, therefore. */
    uint64_t h = atomic_load_explicit(&c->head, CCPI_ACQ);
    uint64_t t = atomic_load_explicit(&c->tail, CCPI_RLX) & ~c->mark;
    *received = ccpi_ring_distance(c, first, h);
    *sent = ccpi_ring_distance(c, first, t);
}

/* The position n after pos, n <= capacity. */
static uint64_t advance(const ccp_chan *c, uint64_t pos, size_t n)
{
    uint64_t index = (pos & (c->mark - 1)) + n;
    return index < c->mark ? pos + n : pos + n + c->lap - c->capacity;
}

/* Waits for a slot that was won, and whose last user is in the middle of its copy (R5). */
static ccpi_slot *wait_stamp(ccp_chan *c, uint64_t pos, uint64_t stamp)
{
    ccpi_slot *slot = ccpi_ring_slot(c, pos);
    /* [R1] [R2] acquire: the former user's copy.  Pairs with [R3] and [R2]. */
    for (unsigned tries = 0; atomic_load_explicit(&slot->stamp, CCPI_ACQ) != stamp;)
        ccpi_backoff(&tries);
    return slot;
}

size_t ccpi_ring_send_n(ccp_chan *c, const void *elems, size_t n)
{
    uint64_t t = atomic_load_explicit(&c->tail, CCPI_RLX);
    size_t k;
    do {
        if (t & c->mark)
            return 0;
        /* [F1] seq_cst: as in ccpi_ring_put(). */
        uint64_t h = atomic_load_explicit(&c->head, CCPI_SC);
        if ((int64_t)(t - h) < 0)
            h = t; /* t is stale: the compare-and-swap will say so */
        k = least(n, c->capacity - ccpi_ring_distance(c, h, t));
        if (k == 0)
            return 0;
        /* [D2] seq_cst: as in ccpi_ring_put().  LP: the elements are accepted. */
    } while (
        !atomic_compare_exchange_weak_explicit(&c->tail, &t, advance(c, t, k), CCPI_SC, CCPI_RLX));
    const unsigned char *from = elems;
    uint64_t pos = t, last = t;
    for (size_t i = 0; i < k; i++, pos = ccpi_ring_next(c, pos), from += c->elem_size) {
        ccpi_slot *slot = wait_stamp(c, pos, pos);
        ccpi_copy(slot->elem, from, c->elem_size);
        /* [R2] release: the element. */
        atomic_store_explicit(&slot->stamp, pos + 1, CCPI_REL);
        last = pos;
    }
    if (((t ^ (last + 1)) & ~atomic_load_explicit(&c->look, CCPI_RLX)) != 0) /* not all are plain */
        ccpi_ring_look(c, last);
    ccpi_crowd_notify(c, CCPI_RECEIVERS, last, NULL, 0);
    return k;
}

size_t ccpi_ring_recv_n(ccp_chan *c, void *elems, size_t n)
{
    uint64_t h = atomic_load_explicit(&c->head, CCPI_RLX);
    size_t k;
    do {
        /* Relaxed: who sees the head that is won below sees this tail, or a later one.  If no
         * element is seen, ccpi_ring_take() looks again. */
        uint64_t t = atomic_load_explicit(&c->tail, CCPI_RLX) & ~c->mark;
        k = least(n, (int64_t)(t - h) > 0 ? ccpi_ring_distance(c, h, t) : 0);
        if (k == 0)
            return 0;
        k = least(k, c->capacity); /* h is stale, if there seem to be more */
        /* [D2] seq_cst: as in ccpi_ring_take().  LP: the elements are received. */
    } while (
        !atomic_compare_exchange_weak_explicit(&c->head, &h, advance(c, h, k), CCPI_SC, CCPI_RLX));
    unsigned char *to = elems;
    uint64_t pos = h, last = h;
    for (size_t i = 0; i < k; i++, pos = ccpi_ring_next(c, pos)) {
        ccpi_slot *slot = wait_stamp(c, pos, pos + 1);
        if (to) {
            ccpi_copy(to, slot->elem, c->elem_size);
            to += c->elem_size;
        }
        /* [R3] release: the slot is free again. */
        atomic_store_explicit(&slot->stamp, pos + c->lap, CCPI_REL);
        last = pos;
    }
    ccpi_crowd_notify(c, CCPI_SENDERS, last, NULL, 0);
    return k;
}

bool ccpi_ring_drop(ccp_chan *c)
{
    uint64_t h = atomic_load_explicit(&c->head, CCPI_RLX);
    do {
        /* Relaxed: after this thread closed it, or tried to, it sees the last tail. */
        if ((atomic_load_explicit(&c->tail, CCPI_RLX) & ~c->mark) == h)
            return false;
        /* [D2] seq_cst: as in ccpi_ring_take().  LP: the element is dropped. */
    } while (!atomic_compare_exchange_weak_explicit(&c->head, &h, ccpi_ring_next(c, h), CCPI_SC,
                                                    CCPI_RLX));
    ccpi_slot *slot = wait_stamp(c, h, h + 1);
    if (c->drop)
        c->drop(slot->elem, c->drop_arg);
    /* Relaxed: nobody will use the slot again; the stamp keeps R3 true. */
    atomic_store_explicit(&slot->stamp, h + c->lap, CCPI_RLX);
    return true;
}
