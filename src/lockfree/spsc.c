/* SPDX-License-Identifier: MIT
 *
 * The ring of one producer and one consumer.
 *
 * Representation  Positions count the elements that were ever put in (tail) and taken out (head),
 *                 and may wrap around.  The element of a position is in slot position & mask; there
 *                 are as many slots as the next power of two, of which `cap` are used at a time.
 *                 Each side has a line of its own, with its position, which the other side reads,
 *                 and with what it knows of the other side's, which nobody else reads.
 * Invariants
 *   SP1  head <= tail <= head + cap, as numbers that do not wrap.  Only the producer writes tail,
 *        only the consumer head.
 *   SP2  Slots from head to tail belong to the consumer, the others to the producer.
 *   SP3  A side may go from its position up to `limit` without a look at anything else: the
 *        producer's is at most head + cap, the consumer's at most tail, as each was when looked at.
 *   SP4  Whatever else keeps a side from going on (a reservation, the end, a fork) has set its
 *        limit to its position.  So the quick path need not know of it: the slow one finds out why.
 *   SP5  `state` becomes CLOSED after the last tail was stored, and nothing is put in after that.
 * Threads         The fields of a side are its thread's, but for the position.
 */
#include "base/check.h"
#include "base/machine.h"
#include "base/mem.h"
#include "base/track.h"

enum { IS_OPEN, IS_CLOSED, IS_DEAD };

typedef _Atomic size_t position;

typedef struct side {
    position pos;     /* SP1 */
    size_t limit;     /* SP3 */
    size_t lent;      /* slots that are reserved (peeked at); while there are any, limit == pos */
    size_t kept;      /* what limit was before that */
    bool streak;      /* the last look at the other side's position was worth it */
    uint8_t patience; /* pauses before the next look that is worth some */
    char pad[CCPI_LINE - 4 * sizeof(size_t) - sizeof(bool) - sizeof(uint8_t)];
} side;

struct ccp_spsc {
    size_t elem_size, cap, mask; /* const after new */
    unsigned char *slots;        /* const after new */
    ccpi_word32 state;           /* SP5; DEAD: by the handler of forks, while there is one thread */
    char pad[CCPI_LINE - 4 * sizeof(size_t) - sizeof(ccpi_word32)];
    side producer, consumer;     /* pos: tail, head */
};
_Static_assert(sizeof(ccp_spsc) == (size_t)3 * CCPI_LINE, "each side has a line of its own");

static size_t own(const side *s)
{
    /* Relaxed: nobody else writes it. */
    return atomic_load_explicit(&s->pos, CCPI_RLX);
}

static uint32_t state_of(const ccp_spsc *q)
{
    /* Relaxed: who needs order looks at it as the consumer does, in find_elements(). */
    return atomic_load_explicit(&q->state, CCPI_RLX);
}

static void *slot(const ccp_spsc *q, size_t pos)
{
    return q->slots + (pos & q->mask) * q->elem_size;
}

/* ---- making ---- */

static void describe(const void *object, ccpi_text *t)
{
    const ccp_spsc *q = object;
    ccpi_text_add(t, ", ");
    ccpi_text_add_number(t, ccp_spsc_len(q));
    ccpi_text_add(t, " of ");
    ccpi_text_add_number(t, q->cap);
    ccpi_text_add(t, state_of(q) == IS_CLOSED ? ", closed" : "");
}

static void stop(side *s) /* SP4 */
{
    s->lent = 0;
    s->limit = own(s);
}

/* In the child of a fork. */
static void forked(void *object)
{
    ccp_spsc *q = object;
    atomic_store_explicit(&q->state, IS_DEAD, CCPI_RLX); /* relaxed: there is one thread */
    stop(&q->producer);
    stop(&q->consumer);
}

static const ccpi_kind kind = { "spsc ring", "ccp_spsc_", describe, forked };

/* The next power of two; 0 if there is none. */
static size_t power_of_two(size_t n)
{
    size_t p = 1;
    while (p && p < n)
        p *= 2;
    return p;
}

ccp_spsc *ccp_spsc_new(size_t elem_size, size_t capacity)
{
    size_t n = power_of_two(capacity), size;
    if (elem_size == 0 || capacity == 0 || n == 0 ||
        !ccpi_size_mul_add(n, elem_size, sizeof(ccp_spsc), &size))
        return NULL;
    ccp_spsc *q = ccpi_alloc_lines(size);
    if (!q)
        return NULL;
    q->elem_size = elem_size;
    q->cap = capacity;
    q->mask = n - 1;
    q->slots = (unsigned char *)(q + 1);
    q->producer.limit = capacity;
    ccpi_track(q, &kind, NULL);
    return q;
}

ccp_status ccp_spsc_free(ccp_spsc *q)
{
    if (!q)
        return CCP_OK;
    if (q->producer.lent || q->consumer.lent)
        return CCP_BUSY;
    ccpi_untrack(q);
    ccpi_free_lines(q);
    return CCP_OK;
}

/* ---- how far a side may go ---- */

/* When both sides go on and on, and one is always just behind the other, each of its looks finds a
 * few slots, and fetches a line that the other side then has to fetch back.  So after two looks in
 * a row that found something, but not much, a side is patient for a moment and looks once more.  If
 * that brought a slot for each pause, the other side goes on at full speed, and it is patient twice
 * as long the next time, otherwise half as long: who looks at many rings in turn, where something
 * comes now and then, spends one pause.
 *
 * One by one through a ring of 1024 an element takes 5 to 9 ns with this, 18 to 20 with two pauses
 * at most, and 8 to 13 in a ring that is inlined and has none of it.  8 pauses are not enough (7 to
 * 12 ns), 32 no better; an eighth of the ring is too little where it is small; 128 slots do as well
 * as 256.  Where an element comes every 50 to 1000 ns none arrives later than without it. */
#define FEW(q) ((q)->cap / 4 < 256 ? (q)->cap / 4 : 256)
#define PAUSES 16

static bool is_just_behind(const ccp_spsc *q, side *s, size_t n)
{
    if (n == 0 || n >= FEW(q) || !s->streak)
        return false;
    if (s->patience == 0)
        s->patience = 1;
    for (unsigned i = 0; i < s->patience; i++)
        ccpi_relax();
    return true;
}

static void learn(side *s, size_t gained)
{
    if (gained < s->patience)
        s->patience /= 2;
    else if (s->patience < PAUSES)
        s->patience *= 2;
}

static size_t end_of_room(const ccp_spsc *q)
{
    /* [LQ2] acquire: the consumer has taken out what was there.  Pairs with ahead(). */
    return atomic_load_explicit(&q->consumer.pos, CCPI_ACQ) + q->cap;
}

static size_t end_of_elements(const ccp_spsc *q)
{
    /* [LQ1] acquire: the elements.  Pairs with ahead(). */
    return atomic_load_explicit(&q->producer.pos, CCPI_ACQ);
}

/* The producer wants more than it knows to be free: looks anew, or says why it cannot go on. */
static CCPI_NOINLINE ccp_status find_room(ccp_spsc *q, const char *call)
{
    side *p = &q->producer;
    uint32_t state = state_of(q);
    if (state != IS_OPEN)
        return state == IS_DEAD ? CCP_FORKED : CCP_CLOSED;
    if (p->lent)
        return CCPI_MISUSE(call, "not while room is reserved");
    size_t first = p->limit = end_of_room(q);
    if (is_just_behind(q, p, first - own(p))) {
        p->limit = end_of_room(q);
        learn(p, p->limit - first);
    }
    p->streak = p->limit != own(p);
    return p->streak ? CCP_OK : CCP_AGAIN;
}

/* The consumer wants more than it knows to be there: likewise. */
static CCPI_NOINLINE ccp_status find_elements(ccp_spsc *q, const char *call)
{
    side *c = &q->consumer;
    /* [LQ3] acquire: if it is closed, the last tail is seen below (SP5).  Pairs with
     * ccp_spsc_close(). */
    uint32_t state = atomic_load_explicit(&q->state, CCPI_ACQ);
    if (state == IS_DEAD)
        return CCP_FORKED;
    if (c->lent)
        return CCPI_MISUSE(call, "not while elements are peeked at");
    size_t first = c->limit = end_of_elements(q);
    if (is_just_behind(q, c, first - own(c))) {
        c->limit = end_of_elements(q);
        learn(c, c->limit - first);
    }
    c->streak = c->limit != own(c);
    if (c->streak)
        return CCP_OK;
    return state == IS_CLOSED ? CCP_CLOSED : CCP_AGAIN;
}

/* A side goes n further: its slots are the other side's. */
CCPI_INLINE void ahead(side *s, size_t pos, size_t n)
{
    /* [LQ1] [LQ2] release: the elements that were put in (have been taken out).  Pairs with
     * end_of_elements() (end_of_room()).  LP of push (pop). */
    atomic_store_explicit(&s->pos, pos + n, CCPI_REL);
}

/* ---- one element ---- */

/* The quick paths, for elements of 8 bytes, call nothing and save no register: what a call stores
 * takes places in the processor's queue of stores, in which elements wait for the line that the
 * other side has just looked at.  So more of them cross at a time: 30 ns each instead of 45. */

static CCPI_NOINLINE ccp_status push_slow(ccp_spsc *q, const void *elem)
{
    side *p = &q->producer;
    size_t tail = own(p);
    if (tail == p->limit) {
        ccp_status st = find_room(q, "ccp_spsc_push");
        if (st != CCP_OK)
            return st;
    }
    ccpi_copy(slot(q, tail), elem, q->elem_size);
    ahead(p, tail, 1);
    return CCP_OK;
}

/* Elements of 8 bytes?  Compilers that see the program, too, know how large its object is, but not
 * the size of elements, and would warn of a copy that never happens.  (A macro: of a function gcc
 * forgets that the answer is likely.) */
#define HAS_WORDS(q, elem) ((q)->elem_size == 8 && __builtin_object_size(elem, 0) >= 8)

CCPI_QUICK ccp_status ccp_spsc_push(ccp_spsc *q, const void *elem)
{
    if (CCPI_UNLIKELY(!q || !elem))
        return CCP_INVAL;
    side *p = &q->producer;
    size_t tail = own(p);
    if (CCPI_UNLIKELY(tail == p->limit || !HAS_WORDS(q, elem)))
        return push_slow(q, elem);
    ccpi_copy(q->slots + (tail & q->mask) * 8, elem, 8);
    ahead(p, tail, 1);
    return CCP_OK;
}

static CCPI_NOINLINE ccp_status pop_slow(ccp_spsc *q, void *elem)
{
    side *c = &q->consumer;
    size_t head = own(c);
    if (head == c->limit) {
        ccp_status st = find_elements(q, "ccp_spsc_pop");
        if (st != CCP_OK)
            return st;
    }
    if (elem)
        ccpi_copy(elem, slot(q, head), q->elem_size);
    ahead(c, head, 1);
    return CCP_OK;
}

CCPI_QUICK ccp_status ccp_spsc_pop(ccp_spsc *q, void *elem)
{
    if (CCPI_UNLIKELY(!q))
        return CCP_INVAL;
    side *c = &q->consumer;
    size_t head = own(c);
    if (CCPI_UNLIKELY(head == c->limit || !HAS_WORDS(q, elem) || !elem))
        return pop_slow(q, elem);
    ccpi_copy(elem, q->slots + (head & q->mask) * 8, 8);
    ahead(c, head, 1);
    return CCP_OK;
}

/* ---- several ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* From pos at most n slots that lie side by side. */
static size_t in_a_row(const ccp_spsc *q, size_t pos, size_t n)
{
    return least(n, q->mask + 1 - (pos & q->mask));
}

/* How many of n it can be, at least one.  Looks anew if that may make it more. */
CCPI_INLINE ccp_status how_many(ccp_spsc *q, side *s, size_t *n, const char *call)
{
    size_t known = s->limit - own(s);
    if (known < *n && known < q->cap) {
        ccp_status st = s == &q->producer ? find_room(q, call) : find_elements(q, call);
        if (st != CCP_OK)
            return st;
        known = s->limit - own(s);
    }
    *n = least(*n, known);
    return CCP_OK;
}

ccp_status ccp_spsc_push_n(ccp_spsc *q, const void *elems, size_t n, size_t *pushed)
{
    if (!q || !elems || n == 0 || !pushed)
        return CCP_INVAL;
    side *p = &q->producer;
    ccp_status st = how_many(q, p, &n, "ccp_spsc_push_n");
    if (st != CCP_OK)
        return st;
    size_t tail = own(p), first = in_a_row(q, tail, n), size = q->elem_size;
    ccpi_copy(slot(q, tail), elems, first * size);
    if (first < n)
        ccpi_copy(q->slots, (const unsigned char *)elems + first * size, (n - first) * size);
    ahead(p, tail, n);
    *pushed = n;
    return CCP_OK;
}

ccp_status ccp_spsc_pop_n(ccp_spsc *q, void *elems, size_t n, size_t *popped)
{
    if (!q || !elems || n == 0 || !popped)
        return CCP_INVAL;
    side *c = &q->consumer;
    ccp_status st = how_many(q, c, &n, "ccp_spsc_pop_n");
    if (st != CCP_OK)
        return st;
    size_t head = own(c), first = in_a_row(q, head, n), size = q->elem_size;
    ccpi_copy(elems, slot(q, head), first * size);
    if (first < n)
        ccpi_copy((unsigned char *)elems + first * size, q->slots, (n - first) * size);
    ahead(c, head, n);
    *popped = n;
    return CCP_OK;
}

/* ---- in place ---- */

/* Lends slots in a row, which nobody else touches until give_back() (SP4). */
static ccp_status lend(ccp_spsc *q, side *s, size_t *n, const char *call)
{
    ccp_status st = how_many(q, s, n, call);
    if (st != CCP_OK)
        return st;
    size_t pos = own(s);
    *n = in_a_row(q, pos, *n);
    s->lent = *n;
    s->kept = s->limit;
    s->limit = pos;
    return CCP_OK;
}

static ccp_status give_back(ccp_spsc *q, side *s, size_t n, const char *call)
{
    if (state_of(q) == IS_DEAD)
        return CCP_FORKED;
    if (n > s->lent)
        return CCPI_MISUSE(call, "no more than was lent");
    if (s->lent == 0)
        return CCP_OK;
    s->limit = s->kept;
    s->lent = 0;
    if (n)
        ahead(s, own(s), n);
    return CCP_OK;
}

ccp_status ccp_spsc_reserve(ccp_spsc *q, size_t want, void **room, size_t *n)
{
    if (!q || want == 0 || !room || !n)
        return CCP_INVAL;
    ccp_status st = lend(q, &q->producer, &want, "ccp_spsc_reserve");
    if (st != CCP_OK)
        return st;
    *room = slot(q, own(&q->producer));
    *n = want;
    return CCP_OK;
}

ccp_status ccp_spsc_commit(ccp_spsc *q, size_t n)
{
    return q ? give_back(q, &q->producer, n, "ccp_spsc_commit") : CCP_INVAL;
}

ccp_status ccp_spsc_peek(ccp_spsc *q, size_t want, const void **elems, size_t *n)
{
    if (!q || want == 0 || !elems || !n)
        return CCP_INVAL;
    ccp_status st = lend(q, &q->consumer, &want, "ccp_spsc_peek");
    if (st != CCP_OK)
        return st;
    *elems = slot(q, own(&q->consumer));
    *n = want;
    return CCP_OK;
}

ccp_status ccp_spsc_release(ccp_spsc *q, size_t n)
{
    return q ? give_back(q, &q->consumer, n, "ccp_spsc_release") : CCP_INVAL;
}

/* ---- the end, and looks from outside ---- */

ccp_status ccp_spsc_close(ccp_spsc *q)
{
    if (!q)
        return CCP_INVAL;
    uint32_t state = state_of(q);
    if (state != IS_OPEN)
        return state == IS_DEAD ? CCP_FORKED : CCP_CLOSED;
    if (q->producer.lent)
        return CCPI_MISUSE("ccp_spsc_close", "not while room is reserved");
    stop(&q->producer);
    /* [LQ3] release: the last tail (SP5).  Pairs with find_elements(). */
    atomic_store_explicit(&q->state, IS_CLOSED, CCPI_REL);
    return CCP_OK;
}

size_t ccp_spsc_len(const ccp_spsc *q)
{
    if (!q || state_of(q) == IS_DEAD)
        return 0;
    /* [LQ2] acquire: head first, so that it is not beyond the tail that is read after it.  Pairs
     * with ahead(): who has taken an element out has seen the tail after it. */
    size_t head = atomic_load_explicit(&q->consumer.pos, CCPI_ACQ);
    /* Relaxed: see above. */
    size_t tail = atomic_load_explicit(&q->producer.pos, CCPI_RLX);
    return least(tail - head, q->cap);
}

size_t ccp_spsc_cap(const ccp_spsc *q)
{
    return q ? q->cap : 0;
}
