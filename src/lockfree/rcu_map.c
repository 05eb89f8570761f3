/* SPDX-License-Identifier: MIT
 *
 * Hash maps that are read without a lock, and grow while they are.
 *
 * Model           A table of chains.  An item has two links, and a table uses one of them; so a
 *                 larger table, which uses the other, is built beside the old one, and takes its
 *                 place by one store.
 * Invariants
 *   T1  Items, links and tables change under `lock` alone; links that readers may follow by one
 *       store each.
 *   T2  Readers of the old table follow links of its kind, which nobody changes before they are
 *       gone: there is no next table before the grace period `left` has passed, which began when
 *       the old one was replaced.  Until then `old` is not freed either.
 *   T3  What is taken out of the table is in the chains of the old one still, whose readers are in
 *       sections that began before: so it is there for them, if it is given back after a grace
 *       period.
 *   T4  The number of chains is a power of two.  Chains are one item long on average, unless memory
 *       was short, or a section has lasted long (T2).
 * Locks           `lock`: that of the domain is taken under it.
 */
/* uses: rcu */
#include "base/check.h"
#include "base/mem.h"
#include "base/track.h"
#include "lockfree/rcu.h"

#define FIRST_CHAINS 16
#define MOST_CHAINS ((size_t)1 << (sizeof(size_t) * 8 - 8))
#define NEVER UINT64_MAX /* an epoch that does not begin */

typedef _Atomic(ccp_rcu_item *) place;

typedef struct table {
    size_t mask;    /* const, as the next */
    unsigned which; /* of the links of an item */
    place chain[];
} table;

struct ccp_rcu_map {
    _Atomic(table *) now;
    uint64_t seed; /* const, as the next */
    ccp_rcu *domain;
    _Alignas(CCPI_LINE) ccpi_lock lock;
    table *old;            /* under lock, as the next; T2 */
    uint64_t left;         /* 0: there was none; NEVER: it cannot be waited for */
    _Atomic size_t count;  /* changed under lock */
};

/* ---- reading ---- */

static uint64_t hash_of(const ccp_rcu_map *m, const void *key, size_t len)
{
    const unsigned char *p = key;
    uint64_t h = m->seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static place *link_of(const ccp_rcu_item *i, unsigned which)
{
    return (place *)(void *)(uintptr_t)&i->next_[which];
}

static ccp_rcu_item *follow(const place *at)
{
    /* [RCU9] acquire: the item.  Pairs with the release in point(). */
    return atomic_load_explicit((place *)(uintptr_t)at, CCPI_ACQ);
}

static void point(place *at, ccp_rcu_item *to)
{
    /* [RCU9] release: the item, and what is linked behind it.  Pairs with follow(). */
    atomic_store_explicit(at, to, CCPI_REL);
}

static table *table_of(const ccp_rcu_map *m)
{
    /* [RCU10] acquire: the table.  Pairs with the release in grow_locked(). */
    return atomic_load_explicit(&((ccp_rcu_map *)(uintptr_t)m)->now, CCPI_ACQ);
}

/* The item with that key, and the place that has pointed to it; or NULL, and the end of its
 * chain.  Others may have changed the place since, unless the lock is held. */
static ccp_rcu_item *find(table *t, uint64_t hash, const void *key, size_t len, place **at)
{
    ccp_rcu_item *i;
    *at = &t->chain[hash & t->mask];
    for (; (i = follow(*at)) != NULL; *at = link_of(i, t->which))
        if (i->hash_ == hash && i->len == len && (len == 0 || memcmp(i->key, key, len) == 0))
            break;
    return i;
}

ccp_rcu_item *ccp_rcu_map_get(const ccp_rcu_map *m, const void *key, size_t len)
{
    if (!m || (!key && len) || ccpi_is_dead(m))
        return NULL;
    place *at;
    return find(table_of(m), hash_of(m, key, len), key, len, &at);
}

size_t ccp_rcu_map_len(const ccp_rcu_map *m)
{
    /* Relaxed: a snapshot. */
    return m && !ccpi_is_dead(m) ? atomic_load_explicit(&m->count, CCPI_RLX) : 0;
}

/* ---- growing ---- */

/* So many as there are at most have a size. */
static table *new_table(size_t chains, unsigned which)
{
    table *t = ccpi_alloc(sizeof(table) + chains * sizeof(place));
    if (t) {
        t->mask = chains - 1;
        t->which = which;
    }
    return t;
}

/* T2, under the lock. */
static bool may_grow(ccp_rcu_map *m)
{
    const table *t = table_of(m);
    return atomic_load_explicit(&m->count, CCPI_RLX) > t->mask + 1 && t->mask < MOST_CHAINS &&
           m->left != NEVER && (m->left == 0 || ccpi_rcu_look(m->domain, m->left) >= m->left);
}

/* Links all items in `to`, too. */
static void fill(const table *from, table *to)
{
    for (size_t k = 0; k <= from->mask; k++)
        for (ccp_rcu_item *i = follow(&from->chain[k]); i; i = follow(link_of(i, from->which))) {
            place *chain = &to->chain[i->hash_ & to->mask];
            point(link_of(i, to->which), follow(chain));
            point(chain, i);
        }
}

/* Tables only become larger, each twice the last: so it fits if it is larger than what is there,
 * and then T2 holds as it did when may_grow() was asked.  Gives what is to be freed after the
 * lock. */
static table *grow_locked(ccp_rcu_map *m, table *fresh)
{
    table *t = table_of(m), *gone = m->old;
    if (fresh->mask <= t->mask)
        return fresh; /* another thread was faster */
    fill(t, fresh);
    /* [RCU10] release: the table.  Pairs with the acquire in table_of(). */
    atomic_store_explicit(&m->now, fresh, CCPI_REL);
    m->old = t;
    return gone;
}

/* After something was added. */
static void grow(ccp_rcu_map *m)
{
    ccpi_lock_acquire(&m->lock);
    table *t = table_of(m);
    size_t chains = may_grow(m) ? 2 * (t->mask + 1) : 0;
    unsigned which = !t->which;
    ccpi_lock_release(&m->lock);
    table *fresh = chains ? new_table(chains, which) : NULL;
    if (!fresh)
        return;
    ccpi_lock_acquire(&m->lock);
    table *gone = grow_locked(m, fresh);
    bool grown = gone != fresh;
    if (grown && !ccpi_rcu_begin(m->domain, &m->left))
        m->left = NEVER; /* the system refuses its fence: it never grows again */
    ccpi_lock_release(&m->lock);
    ccpi_free(gone);
}

/* ---- changing ---- */

static ccp_status put(ccp_rcu_map *m, ccp_rcu_item *i, ccp_rcu_item **old, const char *call)
{
    if (!m || !i || (!i->key && i->len))
        return CCP_INVAL;
    if (ccpi_is_dead(m))
        return CCP_FORKED;
    uint64_t hash = hash_of(m, i->key, i->len);
    ccp_rcu_item *there = NULL;
    ccpi_lock_acquire(&m->lock);
    bool apart = !i->map_, puts = false;
    if (apart) {
        table *t = table_of(m);
        place *at;
        there = find(t, hash, i->key, i->len, &at);
        puts = old || !there;
        if (puts) {
            i->hash_ = hash;
            i->map_ = m;
            point(link_of(i, t->which), there ? follow(link_of(there, t->which)) : NULL);
            point(at, i);
            if (there)
                there->map_ = NULL;
            else
                atomic_fetch_add_explicit(&m->count, 1, CCPI_RLX); /* under the lock */
        }
    }
    bool full = puts && !there && atomic_load_explicit(&m->count, CCPI_RLX) > table_of(m)->mask + 1;
    ccpi_lock_release(&m->lock);
    if (!apart)
        return CCPI_MISUSE(call, "the item is in no map");
    if (full)
        grow(m);
    if (puts && old)
        *old = there;
    return puts ? CCP_OK : CCP_BUSY;
}

ccp_status ccp_rcu_map_add(ccp_rcu_map *m, ccp_rcu_item *item)
{
    return put(m, item, NULL, "ccp_rcu_map_add");
}

ccp_status ccp_rcu_map_put(ccp_rcu_map *m, ccp_rcu_item *item, ccp_rcu_item **old)
{
    return old ? put(m, item, old, "ccp_rcu_map_put") : CCP_INVAL;
}

ccp_rcu_item *ccp_rcu_map_remove(ccp_rcu_map *m, const void *key, size_t len)
{
    if (!m || (!key && len) || ccpi_is_dead(m))
        return NULL;
    uint64_t hash = hash_of(m, key, len);
    ccpi_lock_acquire(&m->lock);
    table *t = table_of(m);
    place *at;
    ccp_rcu_item *i = find(t, hash, key, len, &at);
    if (i) {
        point(at, follow(link_of(i, t->which)));
        i->map_ = NULL;
        atomic_fetch_sub_explicit(&m->count, 1, CCPI_RLX); /* under the lock */
    }
    ccpi_lock_release(&m->lock);
    return i;
}

/* ---- life ---- */

static const ccpi_kind kind = { "rcu map", "ccp_rcu_map_", NULL, NULL };

static size_t chains_for(size_t capacity)
{
    size_t chains = 1;
    capacity = capacity ? capacity : FIRST_CHAINS;
    while (chains < capacity && chains < MOST_CHAINS)
        chains *= 2;
    return chains;
}

ccp_rcu_map *ccp_rcu_map_new(ccp_rcu *domain, size_t capacity)
{
    ccp_rcu_map *m = domain && !ccpi_is_dead(domain) ? ccpi_alloc_lines(sizeof *m) : NULL;
    table *t = m ? new_table(chains_for(capacity), 0) : NULL;
    if (!t) {
        ccpi_free_lines(m);
        return NULL;
    }
    m->domain = domain;
    m->seed = (uint64_t)ccpi_rand() << 32 | ccpi_rand();
    atomic_init(&m->now, t);
    ccpi_track(m, &kind, NULL);
    return m;
}

ccp_status ccp_rcu_map_free(ccp_rcu_map *m)
{
    if (!m)
        return CCP_OK;
    if (!ccpi_is_dead(m) && ccp_rcu_map_len(m) > 0)
        return CCP_BUSY;
    ccpi_untrack(m);
    ccpi_free(m->old);
    ccpi_free(table_of(m));
    ccpi_free_lines(m);
    return CCP_OK;
}
