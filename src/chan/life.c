/* SPDX-License-Identifier: MIT
 *
 * Making, closing, cancelling and freeing channels; counted senders.
 */
/* uses: chan count crowd poll ring */
#include "chan/life.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/track.h"
#include "chan/count.h"
#include "chan/crowd.h"
#include "chan/poll.h"
#include "chan/ring.h"

/* ---- what a dump says ---- */

static void add_count(ccpi_text *t, size_t n, const char *one, const char *many)
{
    if (n == 0)
        return;
    ccpi_text_add(t, ", ");
    ccpi_text_add_count(t, n, one, many);
}

static void describe(const void *object, ccpi_text *t)
{
    const ccp_chan *c = object;
    ccp_chan_info i = { 0 };
    (void)ccp_chan_get_info(c, &i);
    if (c->flavor == CCPI_TIMER)
        ccpi_text_add(t, i.len ? ", due" : ", a timer");
    else if (i.capacity == 0)
        ccpi_text_add(t, ", without a buffer");
    else {
        ccpi_text_add(t, ", ");
        ccpi_text_add_number(t, i.len);
        ccpi_text_add(t, " of ");
        ccpi_text_add_count(t, i.capacity, "element", "elements");
    }
    add_count(t, i.waiting_senders, "sender waits", "senders wait");
    add_count(t, i.waiting_receivers, "receiver waits", "receivers wait");
    if (i.closed)
        ccpi_text_add(t, ", closed");
}

/* ---- fork ---- */

/* `words` and the flavor keep every call from the ways that trust the rest.  The elements stay
 * where they are: they are copies of what the parent has. */
static void forked(void *object)
{
    ccp_chan *c = object;
    c->words = false;
    c->flavor = CCPI_DEAD;
    ccpi_lock_renew(&c->lock);
    for (int s = 0; s < 2; s++) {
        atomic_store_explicit(&c->crowd[s], 0, CCPI_RLX); /* there is no other thread */
        c->parked[s] = (ccpi_list){ NULL, NULL };
    }
}

static const ccpi_kind kind = { "channel", "ccp_chan_", describe, forked };

/* ---- making ---- */

#define MAX_CAPACITY ((uint64_t)1 << 40) /* of a ring: a position has room for 2^22 rounds */
#define MAX_COUNT ((uint64_t)1 << 62)

static ccpi_flavor flavor_of(const ccp_chan_opts *o)
{
    return o->capacity == 0 ? CCPI_MEET : o->elem_size == 0 ? CCPI_COUNT : CCPI_RING;
}

static size_t slot_count(const ccp_chan_opts *o, ccpi_flavor flavor)
{
    return flavor == CCPI_RING ? o->capacity : flavor == CCPI_MEET ? 1 : 0;
}

/* Bytes from slot to slot, and of the whole channel, which begins on a cache line. */
static bool layout(const ccp_chan_opts *o, ccpi_flavor flavor, size_t *stride, size_t *total)
{
    size_t unit = o->spread ? CCPI_LINE : sizeof(uint64_t);
    size_t one;
    if (!ccpi_size_mul_add(o->elem_size, 1, sizeof(ccpi_slot) + unit - 1, &one))
        return false;
    *stride = one & ~(unit - 1);
    return o->capacity < (flavor == CCPI_COUNT ? MAX_COUNT : MAX_CAPACITY) &&
           ccpi_size_mul_add(slot_count(o, flavor), *stride, sizeof(ccp_chan), total);
}

static _Atomic uint64_t last_id;

static void init_ring(ccp_chan *c, size_t slots)
{
    while (c->mark < slots + 1)
        c->mark <<= 1;
    c->lap = c->mark << 1;
    c->origin = ccpi_position_origin(sizeof *c, slots, c->stride, c->mark);
    uint64_t first = ccpi_position_first(ccpi_tuning.first_lap, slots, c->mark);
    for (size_t i = 0; i < slots; i++)
        atomic_init(&ccpi_ring_slot(c, first + i)->stamp, first + i);
    atomic_init(&c->tail, first);
    atomic_init(&c->head, first);
}

/* Builds a channel in zeroed memory that begins on a cache line. */
static ccp_chan *build(void *memory, const ccp_chan_opts *o, ccpi_flavor flavor, size_t stride)
{
    ccp_chan *c = memory;
    c->flavor = flavor;
    c->elem_size = o->elem_size;
    c->words = flavor == CCPI_RING && o->elem_size == sizeof(uint64_t);
    c->capacity = o->capacity;
    c->stride = stride;
    c->mark = flavor == CCPI_COUNT ? CCPI_COUNT_CLOSED : 1;
    /* Relaxed: only that each is given once matters. */
    c->id = atomic_fetch_add_explicit(&last_id, 1, CCPI_RLX);
    c->drop = o->drop;
    c->drop_arg = o->drop_arg;
    c->name = o->name;
    ccpi_pace_init(&c->pace[0]);
    ccpi_pace_init(&c->pace[1]);
    if (flavor == CCPI_RING || flavor == CCPI_MEET)
        init_ring(c, slot_count(o, flavor));
    return c;
}

ccp_chan *ccpi_chan_alloc(const ccp_chan_opts *o, ccpi_flavor flavor)
{
    size_t stride, total;
    if (!layout(o, flavor, &stride, &total))
        return NULL;
    void *memory = ccpi_alloc_lines(total);
    if (!memory)
        return NULL;
    ccp_chan *c = build(memory, o, flavor, stride);
    ccpi_track(c, &kind, c->name);
    return c;
}

ccp_chan *ccp_chan_new(size_t elem_size, size_t capacity)
{
    return ccp_chan_make(&(ccp_chan_opts){ .elem_size = elem_size, .capacity = capacity });
}

size_t ccp_chan_memory(const ccp_chan_opts *o)
{
    size_t stride, total;
    if (!o || !layout(o, flavor_of(o), &stride, &total))
        return 0;
    return total + CCPI_LINE - 1; /* the caller's memory may begin anywhere */
}

ccp_chan *ccp_chan_make(const ccp_chan_opts *o)
{
    if (!o)
        return NULL;
    if (!o->memory)
        return ccpi_chan_alloc(o, flavor_of(o));
    size_t stride, total;
    if (!layout(o, flavor_of(o), &stride, &total) || o->memory_size < total + CCPI_LINE - 1)
        return NULL;
    uintptr_t skip = -(uintptr_t)o->memory & (CCPI_LINE - 1);
    void *start = (char *)o->memory + skip;
    ccp_chan *c = build(memset(start, 0, total), o, flavor_of(o), stride);
    c->own_memory = true;
    ccpi_track(c, &kind, c->name);
    return c;
}

/* ---- ending ---- */

/* Sets the mark that no send can pass; true for the first one who does.  [D2] seq_cst: before the
 * queues are looked at; whoever parks later sees it [D1].  [C2] and releases to senders that find
 * it.  LP of close for RING and COUNT. */
static bool mark_closed(ccp_chan *c)
{
    return !(atomic_fetch_or_explicit(&c->tail, c->mark, CCPI_SC) & c->mark);
}

ccp_status ccp_chan_close(ccp_chan *ch)
{
    if (!ch)
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    bool buffers = ch->flavor == CCPI_RING || ch->flavor == CCPI_COUNT;
    if (buffers && !mark_closed(ch))
        return CCP_CLOSED;
    return ccpi_crowd_release_all(ch) ? CCP_OK : CCP_CLOSED;
}

/* Takes everything out of a closed channel, and gives it to the drop function; how many. */
static size_t drain(ccp_chan *c)
{
    size_t n = 0;
    if (c->flavor == CCPI_COUNT) {
        bool closed;
        for (size_t k; (k = ccpi_count_recv(c, SIZE_MAX, &closed)) > 0; n += k)
            for (size_t i = 0; c->drop && i < k; i++)
                c->drop(NULL, c->drop_arg);
    } else if (c->flavor == CCPI_RING) {
        while (ccpi_ring_drop(c))
            n++;
    }
    return n;
}

ccp_status ccp_chan_cancel(ccp_chan *ch)
{
    ccp_status st = ccp_chan_close(ch);
    if (st == CCP_INVAL || st == CCP_FORKED)
        return st;
    return drain(ch) || st == CCP_OK ? CCP_OK : CCP_CLOSED;
}

static void give_back(ccp_chan *c)
{
    if (!c->own_memory)
        ccpi_free_lines(c);
}

ccp_status ccp_chan_free(ccp_chan *ch)
{
    if (!ch)
        return CCP_OK;
    ccpi_lock_acquire(&ch->lock);
    bool busy = ch->parked[0].first || ch->parked[1].first;
    ccpi_lock_release(&ch->lock);
    if (busy)
        return CCP_BUSY;
    ccpi_untrack(ch); /* before its parts go: nobody describes it any more */
    ccpi_poll_free(ch);
    if (ch->flavor == CCPI_DEAD) {
        give_back(ch);
        return CCP_OK;
    }
    CCPI_CHECK(atomic_load_explicit(&ch->crowd[0], CCPI_RLX) == 0);
    CCPI_CHECK(atomic_load_explicit(&ch->crowd[1], CCPI_RLX) == 0);
    drain(ch);
    give_back(ch);
    return CCP_OK;
}

/* ---- counted senders ---- */

#define MAX_SENDERS ((uint32_t)INT32_MAX)

ccp_status ccp_chan_add_senders(ccp_chan *ch, unsigned n)
{
    if (!ch || n == 0 || n > MAX_SENDERS)
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    if (ccpi_chan_closed(ch))
        return CCP_CLOSED;
    uint32_t count = atomic_load_explicit(&ch->senders, CCPI_RLX);
    do {
        if (n > MAX_SENDERS - count)
            return CCP_INVAL;
        /* Relaxed: a number; who adds a sender has one, or adds before the senders start. */
    } while (!atomic_compare_exchange_weak_explicit(&ch->senders, &count, count + n, CCPI_RLX,
                                                    CCPI_RLX));
    return CCP_OK;
}

ccp_status ccp_chan_sender_done(ccp_chan *ch)
{
    if (!ch)
        return CCP_INVAL;
    if (ch->flavor == CCPI_DEAD)
        return CCP_FORKED;
    uint32_t count = atomic_load_explicit(&ch->senders, CCPI_RLX);
    do {
        if (count == 0)
            return CCPI_MISUSE("ccp_chan_sender_done", "no sender is counted");
        /* [S1] acq_rel: the last one sees what the others did before; pairs with itself. */
    } while (!atomic_compare_exchange_weak_explicit(&ch->senders, &count, count - 1, CCPI_ACQ_REL,
                                                    CCPI_RLX));
    if (count == 1)
        (void)ccp_chan_close(ch);
    return CCP_OK;
}
