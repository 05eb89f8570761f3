/* SPDX-License-Identifier: MIT
 *
 * Torture of read-copy-update.
 *
 *   rcu   four threads read, two replace what they read, and poison and free what it was before;
 *         readers nest, go on, stay for a while, unregister, and end, as others begin
 */
#include "stress.h"

enum { READERS = 4, WRITERS = 2, SLOTS = 8, CHANGES = 4000, SECTIONS = 40000, MOST = 500 };
enum { ALIVE = 0x600d };

typedef struct block {
    ccp_rcu_head head;
    unsigned long state; /* ALIVE; plain, as the following: the race detector watches */
    unsigned long check[6];
} block;

typedef struct world {
    ccp_rcu *d;
    ccp_rcu_ptr slot[SLOTS];
    atomic_ulong made, freed;
} world;

static block *new_block(world *r, dice *d)
{
    block *b = malloc(sizeof *b);
    MUST(b);
    b->state = ALIVE;
    unsigned long k = roll(d, 1000000);
    for (size_t i = 0; i < LENGTH(b->check); i++)
        b->check[i] = k;
    atomic_fetch_add(&r->made, 1);
    return b;
}

static world *now;

static void poison(void *arg)
{
    block *b = arg;
    MUST(b->state == ALIVE);
    memset(b, 0xdd, sizeof *b);
    free(b);
    atomic_fetch_add(&now->freed, 1);
}

static void look(const block *b)
{
    MUST(b->state == ALIVE);
    for (size_t i = 1; i < LENGTH(b->check); i++)
        MUST(b->check[i] == b->check[0]);
}

/* By its reader, or by the domain. */
static void begin(world *r, ccp_rcu_reader *me)
{
    MUST((me ? ccp_rcu_reader_lock(me) : ccp_rcu_read_lock(r->d)) == CCP_OK);
}

static void end(world *r, ccp_rcu_reader *me)
{
    MUST((me ? ccp_rcu_reader_unlock(me) : ccp_rcu_read_unlock(r->d)) == CCP_OK);
}

static void go_on(world *r, ccp_rcu_reader *me)
{
    MUST((me ? ccp_rcu_reader_quiescent(me) : ccp_rcu_quiescent(r->d)) == CCP_OK);
}

/* What it has seen at the beginning is there until the end. */
static void read_section(world *r, dice *d)
{
    const block *seen[3];
    ccp_rcu_reader *me = NULL;
    if (roll(d, 2) == 0)
        MUST(ccp_rcu_reader_get(r->d, &me) == CCP_OK);
    begin(r, me);
    for (size_t i = 0; i < LENGTH(seen); i++)
        seen[i] = ccp_rcu_ptr_get(&r->slot[roll(d, SLOTS)]);
    bool nests = roll(d, 4) == 0;
    if (nests)
        begin(r, me);
    if (roll(d, 2000) == 0)
        (void)ccp_sleep(ccp_within(CCP_US(roll(d, 300))));
    for (size_t i = 0; i < LENGTH(seen); i++)
        look(seen[i]);
    if (nests) {
        end(r, me);
        look(seen[0]);
    }
    while (roll(d, 3) == 0) {
        go_on(r, me);
        look(ccp_rcu_ptr_get(&r->slot[roll(d, SLOTS)]));
    }
    end(r, me);
}

typedef struct guest {
    world *r;
    uint64_t seed;
} guest;

/* A thread that comes and goes. */
static void *visit(void *arg)
{
    guest *g = arg;
    dice d = { g->seed };
    for (int i = 0; i < 50; i++)
        read_section(g->r, &d);
    return NULL;
}

static void read_on(worker *w)
{
    world *r = w->round;
    for (unsigned i = 0; i < SECTIONS; i++) {
        read_section(r, &w->dice);
        if (roll(&w->dice, 500) == 0)
            MUST(ccp_rcu_unregister(r->d) == CCP_OK);
        if (i % 1000 == 0)
            worker_does(w, "reads");
        if (i % 8000 == 0) {
            pthread_t id;
            guest g = { r, w->dice.state };
            MUST(pthread_create(&id, NULL, visit, &g) == 0);
            MUST(pthread_join(id, NULL) == 0);
        }
    }
}

static ccp_wait some_wait(dice *d)
{
    return roll(d, 3) ? CCP_FOREVER : roll(d, 2) ? ccp_within(CCP_US(roll(d, 50))) : CCP_NOWAIT;
}

static void give_back(world *r, block *old, dice *d)
{
    if (roll(d, 8) == 0 && ccp_rcu_synchronize(r->d, some_wait(d)) == CCP_OK) {
        poison(old);
        return;
    }
    ccp_status st = ccp_rcu_defer(r->d, &old->head, poison, old, some_wait(d));
    if (st != CCP_OK) {
        MUST(st == CCP_AGAIN || st == CCP_TIMEOUT);
        MUST(ccp_rcu_defer(r->d, &old->head, poison, old, CCP_FOREVER) == CCP_OK);
    }
}

static void change(worker *w)
{
    world *r = w->round;
    for (unsigned i = 0; i < CHANGES; i++) {
        ccp_rcu_info info;
        block *b = new_block(r, &w->dice);
        give_back(r, ccp_rcu_ptr_swap(&r->slot[roll(&w->dice, SLOTS)], b), &w->dice);
        MUST(ccp_rcu_get_info(r->d, &info) == CCP_OK && info.pending <= MOST); /* RU6 */
        if (roll(&w->dice, 1000) == 0)
            MUST(ccp_rcu_barrier(r->d, CCP_FOREVER) == CCP_OK);
        if (i % 100 == 0)
            worker_does(w, "changes");
    }
}

static void rcu(uint64_t seed)
{
    static worker w[READERS + WRITERS];
    static world r;
    dice d = { seed };
    memset(&r, 0, sizeof r);
    now = &r;
    r.d = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = MOST, .no_membarrier = seed % 4 == 3 });
    MUST(r.d);
    for (size_t i = 0; i < SLOTS; i++)
        ccp_rcu_ptr_set(&r.slot[i], new_block(&r, &d));
    for (size_t i = 0; i < LENGTH(w); i++)
        worker_start(&w[i], i < READERS ? read_on : change, &r, i, seed);
    for (size_t i = 0; i < LENGTH(w); i++)
        worker_join(&w[i]);
    MUST(ccp_rcu_barrier(r.d, CCP_FOREVER) == CCP_OK);
    MUST(ccp_rcu_free(r.d) == CCP_OK);
    MUST(r.freed == r.made - SLOTS); /* RU4 */
    for (size_t i = 0; i < SLOTS; i++)
        poison(ccp_rcu_ptr_get(&r.slot[i]));
}

int main(int argc, char **argv)
{
    static const mode modes[] = { { "rcu", rcu } };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
