/* SPDX-License-Identifier: MIT
 *
 * Rate limiters by key.
 *
 * Model           One plan (bucket.h) for all keys, and a bucket of two numbers for each, in a
 *                 table of chains and in a list in the order in which keys were asked about.
 * Invariants
 *   M1  An entry is in `spare`, or in one chain and in `asked`, whose first was not asked about
 *       for the longest time.
 *   M2  An entry that is not in use has a serial that no sleeper knows.
 *   M3  A bucket is full when produced - used >= burst: then a new one is the same.
 *   M4  entry.last is what R4 of rate.c says about last_.
 * Locks           lock protects all that changes; nothing is locked under it.
 */
/* uses: bucket */
#include "coord/bucket.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"

#define KEYS 1024
#define KEY_SIZE 46
#define NOW INT64_MIN /* as the latest: at once or not at all */

typedef struct entry {
    ccpi_link link;      /* M1 */
    struct entry *chain; /* M1 */
    int64_t used, last;
    uint64_t serial, hash;
    size_t len;
    unsigned char key[];
} entry;

struct ccp_rate_map {
    ccpi_lock lock;
    bool forget;     /* const after new */
    ccpi_plan plan;  /* under lock: base; the rest is const after new */
    bool begun;      /* under lock: base is set */
    ccpi_list asked; /* under lock, M1 */
    ccpi_list spare; /* under lock, M1 */
    size_t len, waiting;
    uint64_t serial;
    uint64_t seed;     /* const after new */
    size_t key_size;   /* const after new */
    size_t mask;       /* const after new: chains - 1 */
    entry **chains;    /* under lock */
    unsigned char *entries;
};

#define ENTRY(l) CCPI_CONTAINER(l, entry, link)

static const ccpi_kind kind = { "rate map", "ccp_rate_map_", NULL, NULL };

static void free_all(ccp_rate_map *m)
{
    ccpi_untrack(m);
    ccpi_free(m->entries);
    ccpi_free(m->chains);
    ccpi_free(m);
}

/* Memory for keys entries and as many chains. */
static bool make_table(ccp_rate_map *m, size_t keys)
{
    size_t stride, size, chains = 1;
    if (!ccpi_size_mul_add(1, m->key_size, sizeof(entry) + sizeof(uint64_t) - 1, &stride))
        return false;
    stride -= stride % sizeof(uint64_t);
    while (chains < keys && chains <= SIZE_MAX / 2 / sizeof(entry *))
        chains *= 2;
    if (!ccpi_size_mul_add(keys, stride, 0, &size))
        return false;
    m->entries = ccpi_alloc(size);
    m->chains = ccpi_alloc(chains * sizeof(entry *));
    m->mask = chains - 1;
    if (!m->entries || !m->chains)
        return false;
    for (size_t i = 0; i < keys; i++)
        ccpi_list_append(&m->spare, &((entry *)(void *)(m->entries + i * stride))->link);
    return true;
}

ccp_rate_map *ccp_rate_map_new(const ccp_rate_map_opts *o)
{
    ccpi_plan plan;
    if (!o || !ccpi_plan_make(&plan, o->per_second, o->burst))
        return NULL;
    ccp_rate_map *m = ccpi_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->plan = plan;
    m->forget = o->forget;
    m->key_size = o->key_size ? o->key_size : KEY_SIZE;
    m->seed = (uint64_t)ccpi_rand() << 32 | ccpi_rand();
    if (!make_table(m, o->keys ? o->keys : KEYS)) {
        free_all(m);
        return NULL;
    }
    ccpi_track(m, &kind, NULL);
    return m;
}

ccp_status ccp_rate_map_free(ccp_rate_map *m)
{
    if (!m)
        return CCP_OK;
    if (ccpi_is_dead(m)) {
        free_all(m);
        return CCP_OK;
    }
    ccpi_lock_acquire(&m->lock);
    bool busy = m->waiting != 0;
    ccpi_lock_release(&m->lock);
    if (busy)
        return CCP_BUSY;
    free_all(m);
    return CCP_OK;
}

size_t ccp_rate_map_len(const ccp_rate_map *m)
{
    if (!m)
        return 0;
    if (ccpi_is_dead(m))
        return 0;
    ccp_rate_map *own = (ccp_rate_map *)(uintptr_t)m;
    ccpi_lock_acquire(&own->lock);
    size_t len = own->len;
    ccpi_lock_release(&own->lock);
    return len;
}

/* ---- The table, under the lock ---- */

static uint64_t hash_of(const ccp_rate_map *m, const unsigned char *key, size_t len)
{
    uint64_t h = m->seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static entry *find(const ccp_rate_map *m, uint64_t hash, const void *key, size_t len)
{
    entry *e = m->chains[hash & m->mask];
    while (e && !(e->hash == hash && e->len == len && (len == 0 || !memcmp(e->key, key, len))))
        e = e->chain;
    return e;
}

static void drop(ccp_rate_map *m, entry *e)
{
    entry **at = &m->chains[e->hash & m->mask];
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    ccpi_list_remove(&m->asked, &e->link);
    ccpi_list_append(&m->spare, &e->link);
    e->serial = 0;
    m->len--;
}

/* M3. */
static bool is_full(const ccp_rate_map *m, const entry *e, int64_t produced)
{
    return produced - e->used >= ccpi_plan_units(&m->plan, m->plan.burst);
}

/* A bucket that is full, for a new key; NULL if there is no room. */
static entry *add(ccp_rate_map *m, uint64_t hash, const void *key, size_t len, int64_t produced)
{
    if (!m->spare.first && (m->forget || is_full(m, ENTRY(m->asked.first), produced)))
        drop(m, ENTRY(m->asked.first));
    if (!m->spare.first)
        return NULL;
    entry *e = ENTRY(m->spare.first);
    ccpi_list_remove(&m->spare, &e->link);
    ccpi_list_append(&m->asked, &e->link);
    e->chain = m->chains[hash & m->mask];
    m->chains[hash & m->mask] = e;
    e->used = e->last = produced - ccpi_plan_units(&m->plan, m->plan.burst);
    e->serial = ++m->serial;
    e->hash = hash;
    e->len = len;
    if (len)
        memcpy(e->key, key, len);
    m->len++;
    return e;
}

/* Begins the plan, or begins it anew where it does not reach: all buckets move with it. */
static void rebase(ccp_rate_map *m, int64_t t)
{
    int64_t produced = m->begun ? ccpi_plan_produced_ever(&m->plan, t) : 0;
    int64_t least = -ccpi_plan_units(&m->plan, m->plan.burst);
    for (ccpi_link *l = m->asked.first; l; l = l->next) {
        entry *e = ENTRY(l);
        e->used = e->used - produced > least ? e->used - produced : least;
        e->last = e->last - produced > least ? e->last - produced : least;
    }
    m->plan.base = t;
    m->plan.number++; /* who sleeps knows `used` by the former base */
    m->begun = true;
}

static int64_t produced_at(ccp_rate_map *m, int64_t t)
{
    if (!m->begun || (t > m->plan.base && !ccpi_plan_reaches(&m->plan, t)))
        rebase(m, t);
    return ccpi_plan_produced_ever(&m->plan, t);
}

/* ---- Taking ---- */

typedef struct ask {
    const void *key;
    size_t len;
    uint64_t n;
    int64_t t, latest;
    int64_t at;           /* out: when it may act */
    entry *e;             /* out, if that is later */
    uint64_t serial, plan; /* out: which entry e was, and of which base */
    int64_t used, last;   /* out: as in a ccp_reservation */
} ask;

/* What is not there yet: until when? */
static ccp_status take_later(ccp_rate_map *m, ask *a, entry *e, int64_t used)
{
    int64_t at = used < CCPI_BUCKET_TOP ? ccpi_plan_when(&m->plan, used) : INT64_MAX;
    if (at == INT64_MAX)
        return m->plan.factor ? CCP_BUSY : CCP_DEADLOCK;
    if (at > a->latest)
        return CCP_TIMEOUT;
    a->at = at > a->t ? at : a->t;
    a->e = e;
    a->serial = e->serial;
    a->plan = m->plan.number;
    a->used = used;
    a->last = e->last;
    e->used = used;
    if (used > e->last)
        e->last = used;
    m->waiting++;
    return CCP_OK;
}

static ccp_status take_locked(ccp_rate_map *m, ask *a)
{
    uint64_t hash = hash_of(m, a->key, a->len);
    int64_t produced = produced_at(m, a->t);
    entry *e = find(m, hash, a->key, a->len);
    if (e) {
        ccpi_list_remove(&m->asked, &e->link);
        ccpi_list_append(&m->asked, &e->link);
    } else if (!(e = add(m, hash, a->key, a->len, produced)))
        return CCP_BUSY;
    int64_t used =
        ccpi_plan_use(e->used, produced, ccpi_plan_units(&m->plan, m->plan.burst),
                      ccpi_plan_units(&m->plan, a->n));
    if (used > produced)
        return a->latest == NOW ? CCP_AGAIN : take_later(m, a, e, used);
    e->used = used;
    return CCP_OK;
}

static ccp_status take(ccp_rate_map *m, ask *a)
{
    if (!m || !a->key || a->len > m->key_size ||
        (a->n > m->plan.burst && !ccpi_plan_is_infinite(&m->plan)))
        return CCP_INVAL;
    if (ccpi_is_dead(m))
        return CCP_FORKED;
    if (ccpi_plan_is_infinite(&m->plan))
        return CCP_OK;
    ccpi_lock_acquire(&m->lock);
    ccp_status st = take_locked(m, a);
    ccpi_lock_release(&m->lock);
    return st;
}

/* As in rate.c. */
static void give_back(const ccp_rate_map *m, const ask *a)
{
    int64_t after = a->e->last > a->used ? a->e->last - a->used : 0;
    int64_t back = ccpi_plan_units(&m->plan, a->n) - after;
    if (back > 0)
        a->e->used -= back;
    if (a->e->last == a->used)
        a->e->last = a->last;
}

static ccp_status sleep_until(ccp_rate_map *m, const ask *a, ccp_wait w)
{
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_rate_map_take", m);
    bool ended = ccpi_wait_sleep(w, &waiter, a->at) == CCPI_ENDED;
    ccpi_lock_acquire(&m->lock);
    if (ended && a->e->serial == a->serial && m->plan.number == a->plan)
        give_back(m, a);
    m->waiting--;
    ccpi_lock_release(&m->lock);
    return ended ? ccp_ctx_status(w.ctx_) : CCP_OK;
}

ccp_status ccp_rate_map_take(ccp_rate_map *m, const void *key, size_t len, uint64_t n, ccp_wait w)
{
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK)
        return m && key ? st : CCP_INVAL;
    ask a = { .key = key, .len = len, .n = n, .t = ccpi_clock_now(), .latest = NOW };
    if (!ccpi_wait_not_at_all(w))
        a.latest = ccpi_wait_deadline(w);
    st = take(m, &a);
    return st == CCP_OK && a.e ? sleep_until(m, &a, w) : st;
}

ccp_status ccp_rate_map_take_at(ccp_rate_map *m, const void *key, size_t len, uint64_t n, int64_t t)
{
    ask a = { .key = key, .len = len, .n = n, .t = t, .latest = NOW };
    return take(m, &a);
}
