/* SPDX-License-Identifier: MIT
 *
 * The table of objects; the invariants are in track.h.
 */
#include "base/track.h"

#include "base/fork.h"
#include "base/lock.h"
#include "base/machine.h"
#include "base/mem.h"

#define SHARDS 64
#define FIRST_BUCKETS 16
#define MOST_PER_BUCKET 2

typedef struct shard {
    _Alignas(CCPI_LINE) ccpi_lock lock;
    ccpi_list order; /* under lock, as the following */
    ccpi_record **buckets;
    size_t size; /* of buckets: 0 or a power of two */
    size_t count;
} shard;

ccpi_word32 ccpi_tracking;
static shard shards[SHARDS];
static ccpi_word64 last_serial; /* relaxed: under a shard's lock it grows, that is all */
ccpi_word32 ccpi_forks;
static ccpi_word32 guarded;     /* relaxed: whether T6 is wanted */
static ccpi_word64 missed;      /* relaxed: a count */

#define RECORD(link) CCPI_CONTAINER(link, ccpi_record, order)

/* ---- shards ---- */

static uint64_t hash_of(const void *object)
{
    uint64_t h = (uint64_t)(uintptr_t)object * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

static shard *shard_of(const void *object)
{
    return &shards[hash_of(object) % SHARDS];
}

static ccpi_record **bucket_of(const shard *s, const void *object)
{
    return &s->buckets[hash_of(object) / SHARDS & (s->size - 1)];
}

static ccpi_record *find_locked(const shard *s, const void *object)
{
    ccpi_record *r = s->size ? *bucket_of(s, object) : NULL;
    while (r && r->object != object)
        r = r->next;
    return r;
}

static void rehash_locked(shard *s, ccpi_record **buckets, size_t size)
{
    s->buckets = buckets;
    s->size = size;
    for (ccpi_link *l = s->order.first; l; l = l->next) {
        ccpi_record *r = RECORD(l);
        if (r->gone)
            continue;
        r->next = *bucket_of(s, r->object);
        *bucket_of(s, r->object) = r;
    }
}

/* Makes room for one more; false if there is none at all. */
static bool make_room(shard *s)
{
    ccpi_lock_acquire(&s->lock);
    size_t size = s->size, more = size ? size * 2 : FIRST_BUCKETS;
    bool full = s->count >= size * MOST_PER_BUCKET;
    ccpi_lock_release(&s->lock);
    if (!full)
        return true;
    ccpi_record **buckets = ccpi_alloc(more * sizeof(ccpi_record *)), **old = buckets;
    ccpi_lock_acquire(&s->lock);
    bool ours = buckets && s->size < more && ccpi_tracks();
    if (ours) {
        old = s->buckets;
        rehash_locked(s, buckets, more);
    }
    bool any = s->size != 0;
    ccpi_lock_release(&s->lock);
    ccpi_free(old);
    return any;
}

static void add_locked(shard *s, ccpi_record *r)
{
    r->serial = atomic_fetch_add_explicit(&last_serial, 1, CCPI_RLX) + 1;
    r->next = *bucket_of(s, r->object);
    *bucket_of(s, r->object) = r;
    ccpi_list_append(&s->order, &r->order);
    s->count++;
}

/* Takes it out; gives what is to be freed after the lock. */
static ccpi_record *remove_locked(shard *s, ccpi_record *r)
{
    ccpi_record **at = bucket_of(s, r->object);
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    s->count--;
    r->gone = true;
    if (r->pins)
        return NULL; /* T4: whoever lets go of it does the rest */
    ccpi_list_remove(&s->order, &r->order);
    return r;
}

/* ---- objects ---- */

static void copy_name(ccpi_record *r, const char *name)
{
    size_t n = 0;
    for (; name && name[n] && n + 1 < sizeof r->name; n++)
        r->name[n] = name[n];
    r->name[n] = '\0';
}

static ccpi_record *new_record(const void *object, const ccpi_kind *kind, const char *name)
{
    ccpi_record *r = ccpi_alloc(sizeof *r);
    if (!r)
        return NULL;
    r->object = object;
    r->kind = kind;
    r->since = ccpi_clock_now();
    const ccpi_place *at = &ccpi_self_get()->place;
    if (kind && at->call && strncmp(at->call, kind->prefix, strlen(kind->prefix)) == 0) {
        r->file = at->file;
        r->line = at->line;
    }
    copy_name(r, name);
    return r;
}

/* A record of the same address, of what the program has named and let go of, makes room. */
static void enter(ccpi_record *r)
{
    shard *s = shard_of(r->object);
    ccpi_record *old = NULL;
    ccpi_lock_acquire(&s->lock);
    bool on = ccpi_tracks() && s->size; /* T2 */
    if (on) {
        old = find_locked(s, r->object);
        if (old)
            old = remove_locked(s, old);
        add_locked(s, r);
    }
    ccpi_lock_release(&s->lock);
    ccpi_free(on ? old : r);
}

CCPI_COLD void ccpi_track_slow(const void *object, const ccpi_kind *kind, const char *name)
{
    ccpi_record *r = make_room(shard_of(object)) ? new_record(object, kind, name) : NULL;
    if (r)
        enter(r);
    else
        atomic_fetch_add_explicit(&missed, 1, CCPI_RLX);
}

CCPI_COLD void ccpi_track_part_slow(const void *object, const void *owner)
{
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    ccpi_record *r = find_locked(s, object);
    if (r)
        r->owner = owner;
    ccpi_lock_release(&s->lock);
}

CCPI_COLD void ccpi_untrack_slow(const void *object)
{
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    ccpi_record *r = find_locked(s, object);
    if (r)
        r = remove_locked(s, r);
    ccpi_lock_release(&s->lock);
    ccpi_free(r);
}

/* The record of the object gets the name; false if there is none. */
static bool rename_it(const void *object, const char *name)
{
    shard *s = shard_of(object);
    ccpi_record *out = NULL;
    ccpi_lock_acquire(&s->lock);
    ccpi_record *r = find_locked(s, object);
    if (r && !name && !r->kind)
        out = remove_locked(s, r);
    else if (r)
        copy_name(r, name);
    ccpi_lock_release(&s->lock);
    ccpi_free(out);
    return r != NULL;
}

bool ccpi_track_name(const void *object, const char *name)
{
    if (rename_it(object, name) || !name)
        return true;
    uint64_t before = ccpi_track_missed();
    ccpi_track_slow(object, NULL, name);
    return ccpi_track_missed() == before;
}

bool ccpi_track_find(const void *object, ccpi_record *copy)
{
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    const ccpi_record *r = find_locked(s, object);
    if (r)
        *copy = *r;
    ccpi_lock_release(&s->lock);
    return r != NULL;
}

size_t ccpi_track_missed(void)
{
    return (size_t)atomic_load_explicit(&missed, CCPI_RLX);
}

/* ---- fork ---- */

static void lock_all(void)
{
    for (size_t i = 0; i < SHARDS; i++)
        ccpi_lock_acquire(&shards[i].lock);
}

static void unlock_all(void)
{
    for (size_t i = 0; i < SHARDS; i++)
        ccpi_lock_release(&shards[i].lock);
}

/* T6 */
static void kill(ccpi_record *r)
{
    r->dead = true;
    if (r->kind->forked)
        r->kind->forked((void *)(uintptr_t)r->object);
}

/* T5 */
static void go_on_in_child(void)
{
    bool kills = atomic_load_explicit(&guarded, CCPI_RLX) && ccpi_tracks();
    if (kills)
        atomic_fetch_add_explicit(&ccpi_forks, 1, CCPI_RLX);
    for (size_t i = 0; i < SHARDS; i++) {
        for (ccpi_link *l = shards[i].order.first; l; l = l->next) {
            ccpi_record *r = RECORD(l);
            r->forked = true;
            if (kills && r->kind && !r->gone)
                kill(r);
        }
        ccpi_lock_renew(&shards[i].lock);
    }
    if (kills)
        ccpi_self_get()->home = NULL; /* the pool is dead of which it was a worker */
}

CCPI_COLD bool ccpi_is_dead_slow(const void *object)
{
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    const ccpi_record *r = find_locked(s, object);
    bool dead = r && r->dead;
    ccpi_lock_release(&s->lock);
    return dead;
}

void ccpi_track_guard(bool on)
{
    atomic_store_explicit(&guarded, on, CCPI_RLX);
}

static const ccpi_fork_part fork_part = { lock_all, unlock_all, go_on_in_child };

/* ---- on and off ---- */

static void empty(shard *s)
{
    ccpi_list out = { NULL, NULL };
    ccpi_lock_acquire(&s->lock);
    for (ccpi_link *l = s->order.first, *next; l; l = next) {
        next = l->next;
        ccpi_record *r = RECORD(l);
        if (!r->gone && remove_locked(s, r))
            ccpi_list_append(&out, l);
    }
    ccpi_record **buckets = s->buckets;
    s->buckets = NULL;
    s->size = 0;
    ccpi_lock_release(&s->lock);
    ccpi_free(buckets);
    for (ccpi_link *l = out.first, *next; l; l = next) {
        next = l->next;
        ccpi_free(RECORD(l));
    }
}

void ccpi_track_turn(bool on)
{
    (void)ccpi_fork_join(CCPI_FORK_TRACK, &fork_part);
    /* Relaxed: T2; who adds a record looks again under the lock. */
    atomic_store_explicit(&ccpi_tracking, on, CCPI_RLX);
    for (size_t i = 0; i < SHARDS && !on; i++)
        empty(&shards[i]);
}

/* ---- going over all ---- */

/* Under the lock: the record at l, pinned, or NULL. */
static ccpi_record *pin_locked(ccpi_link *l)
{
    if (!l)
        return NULL;
    RECORD(l)->pins++;
    return RECORD(l);
}

static ccpi_record *first_of(shard *s)
{
    ccpi_lock_acquire(&s->lock);
    ccpi_record *r = pin_locked(s->order.first);
    ccpi_lock_release(&s->lock);
    return r;
}

/* Looks at a record, lets go of it, and gives the next of the shard.  *tell: what look() gave. */
static ccpi_record *step(shard *s, ccpi_record *r, const ccpi_visit *v, bool *tell)
{
    ccpi_lock_acquire(&s->lock);
    *tell = !r->gone && !r->forked && v->look(r, v->arg);
    ccpi_record *next = pin_locked(r->order.next);
    bool over = --r->pins == 0 && r->gone;
    if (over)
        ccpi_list_remove(&s->order, &r->order);
    ccpi_lock_release(&s->lock);
    if (over)
        ccpi_free(r);
    return next;
}

static bool look_at_none(const ccpi_record *r, void *arg)
{
    (void)r;
    (void)arg;
    return false;
}

void ccpi_track_visit(const ccpi_visit *v)
{
    static const ccpi_visit leave = { look_at_none, NULL, NULL };
    uint64_t end = atomic_load_explicit(&last_serial, CCPI_RLX);
    ccpi_record *at[SHARDS];
    for (size_t i = 0; i < SHARDS; i++)
        at[i] = first_of(&shards[i]);
    for (;;) {
        size_t first = SHARDS;
        for (size_t i = 0; i < SHARDS; i++)
            if (at[i] && (first == SHARDS || at[i]->serial < at[first]->serial))
                first = i;
        if (first == SHARDS)
            return;
        bool tell, in_time = at[first]->serial <= end;
        at[first] = step(&shards[first], at[first], in_time ? v : &leave, &tell);
        if (tell)
            v->tell(v->arg);
    }
}
