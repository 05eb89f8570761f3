/* SPDX-License-Identifier: MIT
 *
 * Work-stealing deques: the owner adds and takes at the bottom, anybody takes at the top.
 *
 *   top      where the next is stolen.  Changes by compare-and-swap only, and by 1.
 *   bottom   where the owner puts the next.  The items are those of top .. bottom - 1.
 *   ring     where they are: item i in the slot i modulo its size.  Replaced by one of twice the
 *            size when it is full; the old ones stay until the end, thieves may still look there.
 *
 * Invariants
 *   D1  An item leaves once: by a change of top, or because the owner takes one above top, which
 *       nobody else does.
 *   D2  The owner takes item b without changing top if, after it has set bottom to b, top is below
 *       b.  A thief that finds top at b looks at bottom after that; the four accesses, and changes
 *       of top, are seq_cst.  So it sees that bottom is b, or what was pushed since, and does not
 *       take the former item.
 *   D3  The last item is taken by whoever moves top over it, also by the owner.
 *   D4  Every store of bottom that leaves items releases the slots below it, and the ring that they
 *       are in; thieves load bottom, then the ring, then the slot.
 *   D5  A slot is used again for item i + size when top was seen above i; what a thief loads from
 *       it too late it throws away, since its change of top fails.
 *   D6  Positions are 64 bits and never return; differences are signed, because in the middle of a
 *       pop bottom may be top - 1.
 */
#include "base/mem.h"
#include "ccp.h"

typedef struct ring ring;
struct ring {
    ring *older;   /* owner only: which this one has replaced */
    uint64_t mask; /* const: slots - 1 */
    _Atomic(void *) slot[];
};

struct ccp_deque {
    /* --- thieves, and the owner for the last item --- */
    _Alignas(CCPI_LINE) ccpi_word64 top;

    /* --- the owner; thieves only look at the first two --- */
    _Alignas(CCPI_LINE) ccpi_word64 bottom;
    _Atomic(ring *) ring;
    uint64_t seen;  /* a former top */
    uint64_t limit; /* items that the ring may hold: its size, or most */
    uint64_t most;  /* const */
};

static ring *ring_new(size_t slots, ring *older)
{
    size_t bytes;
    if (!ccpi_size_mul_add(slots, sizeof(_Atomic(void *)), sizeof(ring), &bytes))
        return NULL;
    ring *r = ccpi_alloc(bytes);
    if (r) {
        r->older = older;
        r->mask = slots - 1;
    }
    return r;
}

/* The least power of two that is >= n; 0 if there is none. */
static size_t rounded_up(size_t n)
{
    size_t p = 1;
    while (p && p < n)
        p *= 2;
    return p;
}

static uint64_t limit_of(const ccp_deque *d, const ring *r)
{
    return r->mask + 1 < d->most ? r->mask + 1 : d->most;
}

ccp_deque *ccp_deque_new(size_t capacity, size_t most)
{
    if (capacity == 0 || most < capacity)
        return NULL;
    size_t slots = rounded_up(capacity);
    ring *r = slots ? ring_new(slots, NULL) : NULL;
    ccp_deque *d = r ? ccpi_alloc_lines(sizeof *d) : NULL;
    if (!d) {
        ccpi_free(r);
        return NULL;
    }
    atomic_init(&d->ring, r);
    d->most = most;
    d->limit = limit_of(d, r);
    return d;
}

ccp_status ccp_deque_free(ccp_deque *d)
{
    if (!d)
        return CCP_OK;
    if (ccp_deque_len(d))
        return CCP_BUSY;
    ring *r = atomic_load_explicit(&d->ring, CCPI_RLX); /* relaxed, here: nobody else is there */
    while (r) {
        ring *older = r->older;
        ccpi_free(r);
        r = older;
    }
    ccpi_free_lines(d);
    return CCP_OK;
}

/* The owner, with b items added in all: makes room for one more, if there is none. */
static CCPI_NOINLINE ccp_status make_room(ccp_deque *d, uint64_t b)
{
    /* [DQ2] acquire: pairs with the changes of top: thieves are done with those slots, D5. */
    d->seen = atomic_load_explicit(&d->top, CCPI_ACQ);
    if (b - d->seen < d->limit)
        return CCP_OK;
    if (d->limit == d->most)
        return CCP_AGAIN;
    ring *old = atomic_load_explicit(&d->ring, CCPI_RLX); /* relaxed: the owner's own */
    ring *r = ring_new(2 * (size_t)(old->mask + 1), old); /* old is there, so this is a size */
    if (!r)
        return CCP_NOMEM;
    for (uint64_t i = d->seen; i != b; i++)
        /* Relaxed: the store of the ring releases them. */
        atomic_store_explicit(&r->slot[i & r->mask],
                              atomic_load_explicit(&old->slot[i & old->mask], CCPI_RLX), CCPI_RLX);
    d->limit = limit_of(d, r);
    /* [DQ4] release: the slots, to thieves. */
    atomic_store_explicit(&d->ring, r, CCPI_REL);
    return CCP_OK;
}

ccp_status ccp_deque_push(ccp_deque *d, void *item)
{
    if (!d)
        return CCP_INVAL;
    uint64_t b = atomic_load_explicit(&d->bottom, CCPI_RLX); /* relaxed: the owner's own */
    if (CCPI_UNLIKELY(b - d->seen >= d->limit)) {
        ccp_status st = make_room(d, b);
        if (st != CCP_OK)
            return st;
    }
    ring *r = atomic_load_explicit(&d->ring, CCPI_RLX); /* relaxed: likewise */
    atomic_store_explicit(&r->slot[b & r->mask], item, CCPI_RLX); /* relaxed: D4 */
    /* [DQ1] release: the slot, and what the item points to, to thieves.  LP. */
    atomic_store_explicit(&d->bottom, b + 1, CCPI_REL);
    return CCP_OK;
}

ccp_status ccp_deque_pop(ccp_deque *d, void **item)
{
    if (!d || !item)
        return CCP_INVAL;
    uint64_t b = atomic_load_explicit(&d->bottom, CCPI_RLX); /* relaxed: the owner's own */
    /* Relaxed: what is empty for a former top is empty.  LP of that. */
    if (b == atomic_load_explicit(&d->top, CCPI_RLX))
        return CCP_AGAIN;
    b--;
    /* [DQ3] seq_cst, here and below: D2.  LP, if it takes one. */
    atomic_store_explicit(&d->bottom, b, CCPI_SC);
    uint64_t t = atomic_load_explicit(&d->top, CCPI_SC);
    int64_t above = (int64_t)(b - t);
    void *got = NULL;
    if (above >= 0) {
        ring *r = atomic_load_explicit(&d->ring, CCPI_RLX); /* relaxed: the owner's own */
        got = atomic_load_explicit(&r->slot[b & r->mask], CCPI_RLX);
    }
    if (above <= 0) {
        if (above == 0 && /* [DQ3] seq_cst: the last one, D3. */
            !atomic_compare_exchange_strong_explicit(&d->top, &t, t + 1, CCPI_SC, CCPI_RLX))
            above = -1;
        /* Relaxed: it is empty.  Top is b + 1, too, so who still takes an older top for the present
         * one, and looks for an item there, fails to change it. */
        atomic_store_explicit(&d->bottom, b + 1, CCPI_RLX);
    }
    if (above < 0)
        return CCP_AGAIN;
    *item = got;
    return CCP_OK;
}

ccp_status ccp_deque_steal(ccp_deque *d, void **item)
{
    if (!d || !item)
        return CCP_INVAL;
    /* [DQ3] seq_cst, here and below: D2. */
    uint64_t t = atomic_load_explicit(&d->top, CCPI_SC);
    /* [DQ1] [DQ3] acquires the slot from the owner, too.  LP, if it is empty. */
    uint64_t b = atomic_load_explicit(&d->bottom, CCPI_SC);
    if ((int64_t)(b - t) <= 0)
        return CCP_AGAIN;
    /* [DQ4] acquire: the slots of a new ring. */
    ring *r = atomic_load_explicit(&d->ring, CCPI_ACQ);
    void *got = atomic_load_explicit(&r->slot[t & r->mask], CCPI_RLX); /* relaxed: D4 */
    /* [DQ2] [DQ3] releases the slot to the owner, too.  LP. */
    if (!atomic_compare_exchange_strong_explicit(&d->top, &t, t + 1, CCPI_SC, CCPI_RLX))
        return CCP_BUSY;
    *item = got;
    return CCP_OK;
}

size_t ccp_deque_len(const ccp_deque *d)
{
    if (!d)
        return 0;
    /* Relaxed: a snapshot. */
    uint64_t t = atomic_load_explicit((ccpi_word64 *)(uintptr_t)&d->top, CCPI_RLX);
    uint64_t b = atomic_load_explicit((ccpi_word64 *)(uintptr_t)&d->bottom, CCPI_RLX);
    return (int64_t)(b - t) > 0 ? (size_t)(b - t) : 0;
}
