/* SPDX-License-Identifier: MIT
 *
 * Lock-free containers under stress.
 *
 *   spsc     a producer and a consumer that do all they can, until the ring is closed
 *   mpmc     producers and consumers, one by one and in batches, until the queue is closed, at the
 *            end or in the middle
 *   mpsc     producers whose letters come back to them, and two consumers who take turns
 *   stack    threads that take blocks, hold them for a while, and put them back in any order
 *   lockfree a round of each
 *
 * What was put in is counted, and found again, each once; it is plain memory, so the race detector
 * sees what comes too early, and what comes to two.
 */
#include "stress.h"

#include <sched.h>
#include <stddef.h>

/* Another thread may need this processor; else try at once. */
static void rest(worker *w)
{
    if (roll(&w->dice, 4) == 0)
        (void)sched_yield();
}

/* A round puts in so much at most, and lasts so long at most: where many want the processor each
 * yield takes long. */
#define LASTS CCP_MS(200)

static unsigned long total; /* of elements, in all rounds */

static bool is_late(const worker *w, int64_t until)
{
    return atomic_load_explicit(&w->steps, memory_order_relaxed) % 64 == 63 && ccp_now() >= until;
}

/* --- spsc --- */

enum { PASSED = 200000, BATCH = 32, MOST_WORDS = 3 };

typedef struct ring {
    ccp_spsc *q;
    int64_t until;
    size_t words;    /* of an element */
    uint64_t most;   /* it is closed after so many, or a few more */
    uint64_t put_in; /* plain: written before the close, read after its end was seen (LQ4) */
} ring;

static uint64_t word_of(uint64_t number, size_t which)
{
    return number * (2 * which + 1);
}

static size_t put_some(worker *w, const ring *r, uint64_t next)
{
    uint64_t batch[BATCH * MOST_WORDS];
    void *room = batch;
    size_t n = 1 + roll(&w->dice, BATCH), done = 0;
    uint32_t how = roll(&w->dice, 3);
    if (how == 2 && ccp_spsc_reserve(r->q, n, &room, &n) != CCP_OK)
        return 0;
    for (size_t i = 0; i < n * r->words; i++)
        ((uint64_t *)room)[i] = word_of(next + i / r->words, i % r->words);
    switch (how) {
    case 0: return ccp_spsc_push(r->q, batch) == CCP_OK;
    case 1: return ccp_spsc_push_n(r->q, batch, n, &done) == CCP_OK ? done : 0;
    default:
        n -= roll(&w->dice, 8) == 0;
        MUST(ccp_spsc_commit(r->q, n) == CCP_OK);
        return n;
    }
}

static void run_producer(worker *w)
{
    ring *r = w->round;
    while (r->put_in < r->most && !is_late(w, r->until)) {
        size_t n = put_some(w, r, r->put_in);
        r->put_in += n;
        worker_does(w, "puts in");
        if (n == 0)
            rest(w);
    }
    MUST(ccp_spsc_close(r->q) == CCP_OK);
    MUST(ccp_spsc_push(r->q, &(uint64_t[MOST_WORDS]){ 0 }) == CCP_CLOSED); /* LQ5 */
}

static ccp_status take_some(worker *w, const ring *r, uint64_t *next)
{
    uint64_t batch[BATCH * MOST_WORDS];
    const void *at = batch;
    size_t n = 1 + roll(&w->dice, BATCH), done = 1;
    ccp_status rc;
    uint32_t how = roll(&w->dice, 3);
    switch (how) {
    case 0: rc = ccp_spsc_pop(r->q, batch); break;
    case 1: rc = ccp_spsc_pop_n(r->q, batch, n, &done); break;
    default: rc = ccp_spsc_peek(r->q, n, &at, &done); break;
    }
    if (rc != CCP_OK)
        return rc;
    for (size_t i = 0; i < done * r->words; i++)
        MUST(((const uint64_t *)at)[i] == word_of(*next + i / r->words, i % r->words)); /* LQ1 */
    if (how == 2) {
        done -= roll(&w->dice, 8) == 0;
        MUST(ccp_spsc_release(r->q, done) == CCP_OK);
    }
    *next += done;
    return CCP_OK;
}

static void run_consumer(worker *w)
{
    const ring *r = w->round;
    uint64_t next = 0;
    for (ccp_status rc = CCP_OK; rc != CCP_CLOSED;) {
        rc = take_some(w, r, &next);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_CLOSED);
        worker_does(w, "takes out");
        if (rc == CCP_AGAIN)
            rest(w);
    }
    MUST(next == r->put_in); /* LQ5 */
}

static void spsc(uint64_t seed)
{
    static worker w[2];
    dice d = { seed };
    ring r = { .until = ccp_now() + LASTS, .words = 1 + 2 * roll(&d, 2) };
    r.most = 1 + roll(&d, PASSED);
    r.q = ccp_spsc_new(r.words * sizeof(uint64_t), 1 + roll(&d, 100));
    MUST(r.q);
    worker_start(&w[0], run_producer, &r, 0, seed);
    worker_start(&w[1], run_consumer, &r, 1, seed);
    worker_join(&w[0]);
    worker_join(&w[1]);
    total += r.put_in;
    MUST(ccp_spsc_free(r.q) == CCP_OK);
}

/* --- mpmc --- */

enum { MAKERS = 3, TAKERS = 3, EACH = 40000 };

typedef struct parcel {
    uint32_t from, number;
    uint64_t check[2]; /* in half of the rounds */
} parcel;

typedef struct market {
    ccp_mpmc *q;
    int64_t until;
    size_t size;       /* of a parcel */
    uint32_t makers, takers;
    uint32_t close_at; /* who takes a parcel of that number, or a later one, closes */
    atomic_uint making;
    uint32_t made[MAKERS];            /* that were put in */
    atomic_ulong taken;
    unsigned char seen[MAKERS][EACH]; /* plain: each is one taker's */
} market;

static void fill_parcel(const market *m, unsigned char *to, uint32_t from, uint32_t number)
{
    parcel p = { from, number, { (uint64_t)from << 32 | number, ~(uint64_t)number } };
    memcpy(to, &p, m->size);
}

static void end_market(market *m)
{
    ccp_status rc = ccp_mpmc_close(m->q);
    MUST(rc == CCP_OK || rc == CCP_CLOSED);
}

static void run_maker(worker *w)
{
    market *m = w->round;
    uint32_t me = (uint32_t)w->index, next = 0;
    for (ccp_status rc = CCP_OK; rc != CCP_CLOSED && next < EACH && !is_late(w, m->until);) {
        unsigned char batch[BATCH * sizeof(parcel)];
        size_t n = roll(&w->dice, 2) ? 1 : 1 + roll(&w->dice, BATCH), done = 1;
        n = n < EACH - next ? n : EACH - next;
        for (size_t i = 0; i < n; i++)
            fill_parcel(m, batch + i * m->size, me, next + (uint32_t)i);
        rc = n == 1 ? ccp_mpmc_push(m->q, batch) : ccp_mpmc_push_n(m->q, batch, n, &done);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_BUSY || rc == CCP_CLOSED); /* LQ7 */
        next += rc == CCP_OK ? (uint32_t)done : 0;
        worker_does(w, "puts in");
        if (rc != CCP_OK)
            rest(w);
    }
    m->made[me] = next;
    if (atomic_fetch_sub(&m->making, 1) == 1)
        end_market(m);
}

/* One taker sees each maker's parcels in their order. */
static uint32_t open_parcel(market *m, const unsigned char *at, uint32_t *last)
{
    parcel p;
    memcpy(&p, at, m->size);
    MUST(p.from < m->makers && p.number < EACH);
    MUST(m->size < sizeof p || p.check[0] == ((uint64_t)p.from << 32 | p.number));
    MUST(m->size < sizeof p || p.check[1] == ~(uint64_t)p.number);
    MUST(p.number + 1 > last[p.from]); /* LQ1 */
    last[p.from] = p.number + 1;
    MUST(m->seen[p.from][p.number]++ == 0);
    return p.number;
}

static void run_taker(worker *w)
{
    market *m = w->round;
    uint32_t last[MAKERS] = { 0 };
    for (ccp_status rc = CCP_OK; rc != CCP_CLOSED;) {
        unsigned char batch[BATCH * sizeof(parcel)];
        size_t n = roll(&w->dice, 2) ? 1 : 1 + roll(&w->dice, BATCH), done = 1;
        uint32_t most = 0;
        rc = n == 1 ? ccp_mpmc_pop(m->q, batch) : ccp_mpmc_pop_n(m->q, batch, n, &done);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_BUSY || rc == CCP_CLOSED); /* LQ7 */
        for (size_t i = 0; rc == CCP_OK && i < done; i++) {
            uint32_t number = open_parcel(m, batch + i * m->size, last);
            most = number > most ? number : most;
        }
        if (rc == CCP_OK)
            atomic_fetch_add_explicit(&m->taken, done, memory_order_relaxed);
        if (rc == CCP_OK && most >= m->close_at)
            end_market(m);
        worker_does(w, "takes out");
        if (rc != CCP_OK)
            rest(w);
    }
}

static void mpmc(uint64_t seed)
{
    static worker w[MAKERS + TAKERS];
    dice d = { seed };
    market *m = calloc(1, sizeof *m);
    MUST(m);
    m->until = ccp_now() + LASTS;
    m->size = roll(&d, 2) ? sizeof(parcel) : 2 * sizeof(uint32_t);
    m->makers = 1 + roll(&d, MAKERS);
    m->takers = 1 + roll(&d, TAKERS);
    m->close_at = roll(&d, 2) ? roll(&d, EACH) : EACH;
    atomic_store(&m->making, m->makers);
    m->q = ccp_mpmc_new(m->size, 1 + (roll(&d, 2) ? roll(&d, 4) : roll(&d, 100)));
    MUST(m->q);
    for (size_t i = 0; i < m->makers; i++)
        worker_start(&w[i], run_maker, m, i, seed);
    for (size_t i = m->makers; i < m->makers + m->takers; i++)
        worker_start(&w[i], run_taker, m, i, seed);
    for (size_t i = 0; i < m->makers + m->takers; i++)
        worker_join(&w[i]);
    size_t made = 0;
    for (uint32_t from = 0; from < m->makers; from++) {
        made += m->made[from];
        for (uint32_t number = 0; number < m->made[from]; number++)
            MUST(m->seen[from][number] == 1); /* LQ1, LQ5 */
    }
    total += made;
    MUST(atomic_load(&m->taken) == made && ccp_mpmc_len(m->q) == 0);
    MUST(ccp_mpmc_free(m->q) == CCP_OK);
    free(m);
}

/* --- mpsc --- */

enum { WRITERS = 4, READERS = 2, LETTERS = 50000, SHEETS = 64 };

typedef struct letter {
    uint32_t from, number; /* plain, as the node */
    ccp_mpsc_node node;
    atomic_bool blank;     /* the writer may use it again */
} letter;

typedef struct office {
    ccp_mpsc box;
    int64_t until;
    size_t writers;
    atomic_size_t writing;
    pthread_mutex_t turn;       /* who has it is the consumer */
    uint32_t next[WRITERS + 1]; /* under it, as the following; the last: the readers' answers */
    uint32_t answers;
    bool over;
    uint32_t posted[WRITERS];   /* each is one writer's */
    letter sheet[WRITERS + 1][SHEETS];
} office;

/* False: it is still under way. */
static bool post(office *o, size_t from, uint32_t number)
{
    letter *m = &o->sheet[from][number % SHEETS];
    if (!atomic_load_explicit(&m->blank, memory_order_acquire))
        return false;
    atomic_store_explicit(&m->blank, false, memory_order_relaxed);
    m->from = (uint32_t)from;
    m->number = number;
    MUST(ccp_mpsc_push(&o->box, &m->node) == CCP_OK);
    return true;
}

static void run_writer(worker *w)
{
    office *o = w->round;
    uint32_t *number = &o->posted[w->index];
    while (*number < LETTERS && !is_late(w, o->until)) {
        bool posted = post(o, w->index, *number);
        *number += posted;
        worker_does(w, "posts");
        if (!posted)
            rest(w);
    }
    atomic_fetch_sub(&o->writing, 1);
}

/* In turn.  False: there is nothing more. */
static bool read_one(worker *w, office *o)
{
    ccp_mpsc_node *n = NULL;
    bool last = atomic_load(&o->writing) == 0;
    ccp_status rc = ccp_mpsc_pop(&o->box, &n);
    if (rc != CCP_OK) {
        MUST(rc == CCP_AGAIN || (rc == CCP_BUSY && !last)); /* LQ9 */
        return !last;
    }
    letter *m = (letter *)(void *)((char *)n - offsetof(letter, node));
    MUST(m->from <= WRITERS && m->number == o->next[m->from]++); /* LQ9 */
    bool is_answer = m->from == WRITERS;
    memset(&m->node, 0xdd, sizeof m->node); /* nobody writes there any more */
    m->from = m->number = UINT32_MAX;
    atomic_store_explicit(&m->blank, true, memory_order_release);
    if (!is_answer && roll(&w->dice, 16) == 0)
        o->answers += post(o, WRITERS, o->answers);
    return true;
}

static void run_reader(worker *w)
{
    office *o = w->round;
    for (bool over = false; !over;) {
        pthread_mutex_lock(&o->turn);
        for (uint32_t k = 1 + roll(&w->dice, 50); k > 0 && !o->over; k--)
            o->over = !read_one(w, o);
        over = o->over;
        pthread_mutex_unlock(&o->turn);
        worker_does(w, "reads");
        rest(w);
    }
}

static void mpsc(uint64_t seed)
{
    static worker w[WRITERS + READERS];
    dice d = { seed };
    office *o = calloc(1, sizeof *o);
    MUST(o && pthread_mutex_init(&o->turn, NULL) == 0);
    o->until = ccp_now() + LASTS;
    o->writers = 1 + roll(&d, WRITERS);
    atomic_store(&o->writing, o->writers);
    for (size_t i = 0; i <= WRITERS; i++)
        for (size_t k = 0; k < SHEETS; k++)
            atomic_store(&o->sheet[i][k].blank, true);
    for (size_t i = 0; i < o->writers; i++)
        worker_start(&w[i], run_writer, o, i, seed);
    for (size_t i = WRITERS; i < WRITERS + READERS; i++)
        worker_start(&w[i], run_reader, o, i, seed);
    for (size_t i = 0; i < WRITERS + READERS; i++)
        if (i < o->writers || i >= WRITERS)
            worker_join(&w[i]);
    for (size_t i = 0; i < o->writers; i++)
        MUST(o->next[i] == o->posted[i]);
    for (size_t i = 0; i <= WRITERS; i++)
        total += o->next[i];
    MUST(o->next[WRITERS] == o->answers);
    MUST(pthread_mutex_destroy(&o->turn) == 0);
    free(o);
}

/* --- stack --- */

enum { HOLDERS = 4, BLOCKS = 9, HELD = 4, SWAPS = 60000, STACKS = 2 };

typedef struct block {
    size_t holder; /* plain; 0: it is in a stack */
    ccp_stack_node node;
} block;

typedef struct store {
    int64_t until;
    ccp_stack stack[STACKS]; /* which share the blocks */
    block block[BLOCKS];
    unsigned long taken[HOLDERS]; /* each is one holder's */
} store;

static block *take_block(store *s, uint32_t which, size_t holder)
{
    ccp_stack_node *n = NULL;
    ccp_status rc = ccp_stack_pop(&s->stack[which], &n);
    MUST(rc == CCP_OK || rc == CCP_AGAIN);
    if (rc != CCP_OK)
        return NULL;
    block *b = (block *)(void *)((char *)n - offsetof(block, node));
    MUST(b >= s->block && b < s->block + BLOCKS && b->holder == 0);
    b->holder = holder;
    return b;
}

static void put_block(store *s, uint32_t which, size_t holder, block *b)
{
    MUST(b->holder == holder);
    b->holder = 0;
    MUST(ccp_stack_push(&s->stack[which], &b->node) == CCP_OK);
}

static void run_holder(worker *w)
{
    store *s = w->round;
    block *held[HELD];
    size_t n = 0, me = w->index + 1;
    bool late = false;
    for (int i = 0; !late || n > 0; i++) {
        uint32_t which = roll(&w->dice, STACKS);
        late = late || i == SWAPS || is_late(w, s->until);
        if (!late && n < HELD && roll(&w->dice, 2)) {
            held[n] = take_block(s, which, me);
            if (held[n]) {
                n++;
                s->taken[w->index]++;
            }
        } else if (n > 0) {
            size_t k = roll(&w->dice, (uint32_t)n);
            put_block(s, which, me, held[k]);
            held[k] = held[--n];
        }
        worker_does(w, "takes and puts back");
        if (roll(&w->dice, 1000) == 0)
            (void)sched_yield();
    }
}

static void stack(uint64_t seed)
{
    static worker w[HOLDERS];
    store *s = calloc(1, sizeof *s);
    MUST(s);
    s->until = ccp_now() + LASTS;
    for (size_t i = 0; i < STACKS; i++)
        MUST(ccp_stack_init(&s->stack[i], s->block, sizeof s->block) == CCP_OK);
    for (size_t i = 0; i < BLOCKS; i++)
        put_block(s, 0, 0, &s->block[i]);
    for (size_t i = 0; i < HOLDERS; i++)
        worker_start(&w[i], run_holder, s, i, seed);
    for (size_t i = 0; i < HOLDERS; i++) {
        worker_join(&w[i]);
        total += s->taken[i];
    }
    size_t found = 0; /* each once: who is found has a holder */
    for (uint32_t i = 0; i < STACKS; i++)
        while (take_block(s, i, 1))
            found++;
    MUST(found == BLOCKS);
    free(s);
}

/* --- a round of each --- */

static void lockfree(uint64_t seed)
{
    spsc(seed);
    mpmc(seed);
    mpsc(seed);
    stack(seed);
}

int main(int argc, char **argv)
{
    const mode modes[] = { { "spsc", spsc }, { "mpmc", mpmc }, { "mpsc", mpsc },
                           { "stack", stack }, { "lockfree", lockfree } };
    int rc = stress_main(argc, argv, modes, LENGTH(modes));
    printf("%lu elements\n", total);
    return rc;
}
