/* SPDX-License-Identifier: MIT */
#include "coord/holders.h"

#include "base/fork.h"
#include "base/lock.h"
#include "base/machine.h"
#include "base/mem.h"
#include "base/thread.h"

#define SHARDS 64
#define NOBODY 0 /* the number of no thread */

typedef struct record {
    ccpi_link link; /* under the shard's lock, as the rest */
    ccpi_holder of;
} record;

typedef struct shard {
    _Alignas(CCPI_LINE) ccpi_lock lock;
    ccpi_list list; /* under lock */
} shard;

static shard shards[SHARDS];

#define RECORD(ptr) CCPI_CONTAINER(ptr, record, link)

static shard *shard_of(const void *object)
{
    uint64_t h = (uint64_t)(uintptr_t)object * 0x9E3779B97F4A7C15u;
    return &shards[h >> 58];
}

static void move(ccpi_list *from, ccpi_link *l, ccpi_list *to)
{
    ccpi_list_remove(from, l);
    ccpi_list_append(to, l);
}

static void free_all(ccpi_list *out)
{
    for (ccpi_link *l = out->first, *next; l; l = next) {
        next = l->next;
        ccpi_free(RECORD(l));
    }
}

/* Who holds alone has it from nobody: what is said of others is out of date. */
static void drop_others_locked(shard *s, const void *object, ccpi_list *out)
{
    for (ccpi_link *l = s->list.first, *next; l; l = next) {
        next = l->next;
        if (RECORD(l)->of.object == object)
            move(&s->list, l, out);
    }
}

static bool add_to_own_locked(shard *s, const record *r)
{
    for (ccpi_link *l = s->list.first; l; l = l->next) {
        ccpi_holder *h = &RECORD(l)->of;
        if (h->object == r->of.object && h->thread == r->of.thread) {
            h->n += r->of.n;
            return true;
        }
    }
    return false;
}

CCPI_COLD void ccpi_hold_slow(const void *object, const char *call, uint32_t n, bool alone)
{
    ccpi_list out = { NULL, NULL };
    record *r = ccpi_alloc(sizeof *r);
    if (r)
        r->of =
            (ccpi_holder){ object, call, ccpi_thread_id(), ccpi_clock_now(), n, alone };
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    if (alone)
        drop_others_locked(s, object, &out);
    bool added = r && ccpi_tracks() && (alone || !add_to_own_locked(s, r));
    if (added)
        ccpi_list_append(&s->list, &r->link);
    ccpi_lock_release(&s->lock);
    free_all(&out);
    if (!added)
        ccpi_free(r);
}

/* Takes up to n from records of the object, of one thread only or of any; gives what is left. */
static uint32_t take_locked(shard *s, const void *object, uint64_t thread, uint32_t n,
                            ccpi_list *out)
{
    for (ccpi_link *l = s->list.first, *next; l && n; l = next) {
        next = l->next;
        ccpi_holder *h = &RECORD(l)->of;
        if (h->object != object || (thread && h->thread != thread))
            continue;
        uint32_t k = h->n < n ? h->n : n;
        h->n -= k;
        n -= k;
        if (h->n == 0)
            move(&s->list, l, out);
    }
    return n;
}

CCPI_COLD void ccpi_unhold_slow(const void *object, uint32_t n)
{
    ccpi_list out = { NULL, NULL };
    uint64_t self = ccpi_thread_id();
    shard *s = shard_of(object);
    ccpi_lock_acquire(&s->lock);
    n = take_locked(s, object, self, n, &out);
    (void)take_locked(s, object, NOBODY, n, &out); /* O2 */
    ccpi_lock_release(&s->lock);
    free_all(&out);
}

/* ---- fork ---- */

static uint64_t forking; /* who does; under all locks */

static void lock_all(void)
{
    for (size_t i = 0; i < SHARDS; i++)
        ccpi_lock_acquire(&shards[i].lock);
    forking = ccpi_thread_id();
}

static void unlock_all(void)
{
    for (size_t i = 0; i < SHARDS; i++)
        ccpi_lock_release(&shards[i].lock);
}

/* O4 */
static void go_on_in_child(void)
{
    uint64_t self = ccpi_thread_id();
    for (size_t i = 0; i < SHARDS; i++) {
        for (ccpi_link *l = shards[i].list.first; l; l = l->next)
            RECORD(l)->of.thread = RECORD(l)->of.thread == forking ? self : NOBODY;
        ccpi_lock_renew(&shards[i].lock);
    }
}

static const ccpi_fork_part fork_part = { lock_all, unlock_all, go_on_in_child };

void ccpi_holders_on(void)
{
    (void)ccpi_fork_join(CCPI_FORK_HOLDERS, &fork_part);
}

size_t ccpi_holders_copy(ccpi_holder *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        ccpi_lock_acquire(&shards[i].lock);
        for (ccpi_link *l = shards[i].list.first; l; l = l->next)
            if (RECORD(l)->of.thread != NOBODY && n++ < max)
                out[n - 1] = RECORD(l)->of;
        ccpi_lock_release(&shards[i].lock);
    }
    return n;
}

void ccpi_holders_clear(void)
{
    for (size_t i = 0; i < SHARDS; i++) {
        ccpi_lock_acquire(&shards[i].lock);
        ccpi_list out = shards[i].list;
        shards[i].list = (ccpi_list){ NULL, NULL };
        ccpi_lock_release(&shards[i].lock);
        free_all(&out);
    }
}
