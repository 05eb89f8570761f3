/* SPDX-License-Identifier: MIT
 *
 * The check for linearizability; see lin.h.  One thread at a time.
 *
 *   L1  The entries are calls and returns in the order of time.  Those of operations that are in
 *   the     order already are lifted out of the list.
 *   L2  Any call before the first return that is left may be next in the order.
 *   L3  A set of operations done, with a state, that was seen before is not tried again: both are
 *       remembered as one hash of 64 bits (a collision would be taken for "seen").
 */
#include "lin.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    uint64_t time;
    struct entry *next, *prev, *match; /* match: a call's return; NULL in a return */
    size_t op;
} entry;

typedef struct search {
    const lin_model *m;
    const void *config;
    const lin_op *ops;
    size_t n;
    entry *entries, head;
    entry **order;   /* calls, in the order found so far */
    unsigned char *states; /* state before each of them; and the present one */
    size_t done;
    uint64_t done_hash;
    uint64_t *seen;
    size_t seen_room, seen_count;
} search;

/* Returns sort after calls of the same time: they overlap. */
static int by_time(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (y->match != NULL) - (x->match != NULL);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9E3779B97F4A7C15u;
    return (x ^ x >> 29) * 0xBF58476D1CE4E5B9u;
}

/* By insertion while there are few: histories come almost in order. */
static void sort(entry *e, size_t n)
{
    if (n > 200) {
        qsort(e, n, sizeof *e, by_time);
        return;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && by_time(&e[k - 1], &e[k]) > 0; k--) {
            entry t = e[k];
            e[k] = e[k - 1];
            e[k - 1] = t;
        }
}

#define FEW 64 /* so many operations are checked without allocating memory */
#define FEW_STATES 65536
#define FEW_SEEN 256

static entry few_entries[2 * FEW + 1], *few_order[FEW + 1], *few_calls[FEW + 1];
static uint64_t few_states[FEW_STATES / 8], few_seen[FEW_SEEN];

static void *room_for(size_t n, size_t size, void *few, size_t few_size)
{
    if (n * size <= few_size)
        return few;
    void *p = malloc(n * size);
    if (!p)
        abort();
    return p;
}

static void give_back(void *p, void *few)
{
    if (p != few)
        free(p);
}

static bool start(search *s)
{
    size_t n = s->n;
    s->entries = room_for(2 * n + 1, sizeof *s->entries, few_entries, sizeof few_entries);
    s->order = room_for(n + 1, sizeof *s->order, few_order, sizeof few_order);
    s->states = room_for(n + 2, s->m->state_size, few_states, sizeof few_states);
    entry **call = room_for(n + 1, sizeof *call, few_calls, sizeof few_calls);
    s->seen = few_seen;
    s->seen_room = FEW_SEEN;
    memset(few_seen, 0, sizeof few_seen);
    static entry is_call; /* marks calls until the sort is done */
    for (size_t i = 0; i < n; i++) {
        s->entries[2 * i] = (entry){ .time = s->ops[i].begin, .match = &is_call, .op = i };
        s->entries[2 * i + 1] = (entry){ .time = s->ops[i].end, .op = i };
    }
    sort(s->entries, 2 * n);
    entry *last = &s->head;
    bool good = true;
    for (size_t i = 0; i < 2 * n; i++) {
        entry *e = &s->entries[i];
        last->next = e;
        e->prev = last;
        last = e;
        if (e->match)
            call[e->op] = e;
        else if (s->ops[e->op].end < s->ops[e->op].begin)
            good = false;
        else
            call[e->op]->match = e;
    }
    give_back(call, few_calls);
    s->m->init(s->states, s->config);
    return good;
}

static void lift(entry *e)
{
    e->prev->next = e->next;
    if (e->next)
        e->next->prev = e->prev;
}

static void put_back(entry *e)
{
    e->prev->next = e;
    if (e->next)
        e->next->prev = e;
}

/* Notes a hash; false if it is there already. */
static bool note(search *s, uint64_t h)
{
    if (2 * s->seen_count >= s->seen_room) {
        size_t room = 4 * s->seen_room;
        uint64_t *bigger = calloc(room, sizeof *bigger);
        if (!bigger)
            abort();
        for (size_t i = 0; i < s->seen_room; i++)
            if (s->seen[i]) {
                size_t k = s->seen[i] & (room - 1);
                while (bigger[k])
                    k = (k + 1) & (room - 1);
                bigger[k] = s->seen[i];
            }
        give_back(s->seen, few_seen);
        s->seen = bigger;
        s->seen_room = room;
    }
    h |= (uint64_t)1 << 63;
    size_t k = h & (s->seen_room - 1);
    for (; s->seen[k]; k = (k + 1) & (s->seen_room - 1))
        if (s->seen[k] == h)
            return false;
    s->seen[k] = h;
    s->seen_count++;
    return true;
}

/* Puts the operation of a call next into the order, if the model agrees and it is new. */
static bool advance(search *s, entry *e)
{
    size_t size = s->m->state_size;
    unsigned char *now = s->states + s->done * size;
    memcpy(now + size, now, size);
    if (!s->m->step(now + size, &s->ops[e->op], s->config))
        return false;
    uint64_t done_hash = s->done_hash ^ mix(e->op + 1);
    if (!note(s, mix(done_hash + 3 * s->m->hash(now + size, s->config))))
        return false;
    s->done_hash = done_hash;
    s->order[s->done++] = e;
    lift(e);
    lift(e->match);
    return true;
}

/* Takes the last one out of the order again. */
static entry *retreat(search *s)
{
    entry *e = s->order[--s->done];
    s->done_hash ^= mix(e->op + 1);
    put_back(e->match);
    put_back(e);
    return e;
}

bool lin_check(const lin_model *m, const void *config, const lin_op *ops, size_t n, uint64_t *steps)
{
    search s = { .m = m, .config = config, .ops = ops, .n = n };
    uint64_t tried = 0;
    bool good = start(&s);
    for (entry *e = s.head.next; good && s.head.next;) {
        if (e && e->match) {
            tried++;
            e = advance(&s, e) ? s.head.next : e->next;
        } else if (s.done > 0) {
            e = retreat(&s)->next;
        } else {
            good = false;
        }
    }
    give_back(s.entries, few_entries);
    give_back(s.order, few_order);
    give_back(s.states, few_states);
    give_back(s.seen, few_seen);
    if (steps)
        *steps = tried;
    return good;
}
