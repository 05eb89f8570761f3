/* SPDX-License-Identifier: MIT
 *
 * What works without locks, under stress.
 *
 *   deque    an owner that pushes and pops, and thieves: each item is taken once, and is whole
 *   copies   writers and readers of one seqlock, who all count what they do
 *   steal    a round of each
 */
#include "stress.h"

/* --- deque --- */

enum { ITEMS = 60000, THIEVES = 4 };

typedef struct item {
    unsigned long number, square; /* plain: the race detector watches */
    unsigned taken;               /* plain, too */
} item;

typedef struct shop {
    ccp_deque *d;
    item items[ITEMS];
    atomic_bool over;
    atomic_ulong taken;
} shop;

static void take_note(shop *s, void *got)
{
    item *i = got;
    MUST(i >= s->items && i < s->items + ITEMS);
    MUST(i->number == (unsigned long)(i - s->items) && i->square == i->number * i->number);
    MUST(i->taken++ == 0); /* LD1 */
    atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed);
}

static void run_thief(worker *w)
{
    shop *s = w->round;
    ccp_spin spin = CCP_SPIN_INIT;
    void *got;
    for (;;) {
        bool last = atomic_load(&s->over);
        ccp_status rc = ccp_deque_steal(s->d, &got);
        worker_does(w, "steal");
        if (rc == CCP_OK)
            take_note(s, got);
        else if (rc == CCP_AGAIN && last)
            break;
        else if (roll(&w->dice, 4) == 0)
            (void)ccp_spin_once(&spin);
    }
}

static void run_owner(worker *w)
{
    shop *s = w->round;
    void *got;
    size_t next = 0;
    while (next < ITEMS) {
        for (uint32_t n = roll(&w->dice, 12); n > 0 && next < ITEMS; n--, next++) {
            item *i = &s->items[next];
            *i = (item){ next, next * next, 0 };
            ccp_status rc = ccp_deque_push(s->d, i);
            MUST(rc == CCP_OK || rc == CCP_AGAIN);
            if (rc != CCP_OK)
                take_note(s, i); /* full: nobody else has it */
        }
        for (uint32_t n = roll(&w->dice, 12); n > 0; n--)
            if (ccp_deque_pop(s->d, &got) == CCP_OK)
                take_note(s, got);
        worker_does(w, "push and pop");
    }
    atomic_store(&s->over, true);
}

static void deque(uint64_t seed)
{
    static worker w[THIEVES + 1];
    dice d = { seed };
    shop *s = calloc(1, sizeof *s);
    MUST(s);
    size_t capacity = 1 + roll(&d, 8);
    s->d = ccp_deque_new(capacity, roll(&d, 2) ? SIZE_MAX : capacity + roll(&d, 20));
    MUST(s->d);
    size_t thieves = 1 + roll(&d, THIEVES);
    worker_start(&w[0], run_owner, s, 0, seed);
    for (size_t i = 1; i <= thieves; i++)
        worker_start(&w[i], run_thief, s, i, seed);
    for (size_t i = 0; i <= thieves; i++)
        worker_join(&w[i]);
    MUST(atomic_load(&s->taken) == ITEMS); /* LD1 */
    MUST(ccp_deque_free(s->d) == CCP_OK);
    free(s);
}

/* --- copies --- */

enum { ROUNDS = 20000, WRITERS = 2, READERS = 3, WORDS = 7 };

typedef struct page {
    ccp_seqlock lock;
    uint64_t word[WORDS]; /* each is the first one plus its index */
    ccp_counter writes, reads;
    atomic_long taken;
} page;

static void fill(uint64_t *word, uint64_t k)
{
    for (size_t i = 0; i < WORDS; i++)
        word[i] = k + i;
}

static void run_writer(worker *w)
{
    page *p = w->round;
    uint64_t word[WORDS];
    for (int i = 0; i < ROUNDS; i++) {
        ccp_spin spin = CCP_SPIN_INIT;
        worker_does(w, "write");
        while (ccp_seqlock_enter(&p->lock) == CCP_AGAIN) /* another writer lost its processor */
            (void)ccp_spin_once(&spin);
        fill(word, p->word[0] + 1); /* plain: who is inside may look */
        MUST(ccp_seqlock_put(p->word, word, sizeof word) == CCP_OK);
        ccp_counter_add(&p->writes, 1);
        MUST(ccp_seqlock_leave(&p->lock) == CCP_OK);
        if (roll(&w->dice, 64) == 0)
            atomic_fetch_add(&p->taken, (long)ccp_counter_take(&p->reads));
    }
}

static void run_reader(worker *w)
{
    page *p = w->round;
    uint64_t word[WORDS], last = 0, right[WORDS];
    for (int i = 0; i < ROUNDS; i++) {
        worker_does(w, "read");
        ccp_status rc = ccp_seqlock_read(&p->lock, word, p->word, sizeof word);
        MUST(rc == CCP_OK || rc == CCP_AGAIN);
        ccp_counter_add(&p->reads, 1);
        if (rc != CCP_OK)
            continue;
        fill(right, word[0]);
        MUST(memcmp(word, right, sizeof word) == 0 && word[0] >= last); /* LD4 */
        last = word[0];
    }
}

static void copies(uint64_t seed)
{
    static worker w[WRITERS + READERS];
    page *p = calloc(1, sizeof *p);
    MUST(p);
    fill(p->word, 0);
    for (size_t i = 0; i < WRITERS + READERS; i++)
        worker_start(&w[i], i < WRITERS ? run_writer : run_reader, p, i, seed);
    for (size_t i = 0; i < WRITERS + READERS; i++)
        worker_join(&w[i]);
    MUST(p->word[0] == (uint64_t)WRITERS * ROUNDS);
    MUST(ccp_counter_sum(&p->writes) == (int64_t)WRITERS * ROUNDS); /* LD6 */
    int64_t left = ccp_counter_take(&p->reads);
    MUST(atomic_load(&p->taken) + left == (long)READERS * ROUNDS); /* LD7 */
    free(p);
}

static void steal(uint64_t seed)
{
    deque(seed);
    copies(seed);
}

int main(int argc, char **argv)
{
    static const mode modes[] = { { "deque", deque }, { "copies", copies }, { "steal", steal } };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
