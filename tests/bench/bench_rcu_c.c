/* SPDX-License-Identifier: MIT
 *
 * bench_rcu_c.c - what is read by many and replaced now and then, by POSIX's reader-writer lock and
 * mutex (mode read of `textbook`), and by Concurrency Kit's ck_epoch, whose sections are inlined.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>
#ifdef BENCH_CK
#include <ck_epoch.h>
#include <ck_pr.h>
#endif

static uint64_t pair[2];
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void nothing(void)
{
}
static void set_pair(uint64_t v)
{
    pair[0] = pair[1] = v;
}
static const uint64_t *get_pair(void)
{
    return pair;
}

#define SHAPE rw
#define rw_make set_pair
#define rw_come nothing
#define rw_go nothing
#define rw_get get_pair
static void rw_enter(void)
{
    pthread_rwlock_rdlock(&rwlock);
}
static void rw_leave(void)
{
    pthread_rwlock_unlock(&rwlock);
}
static void rw_on(void)
{
    rw_leave();
    rw_enter();
}
static void rw_change(uint64_t v)
{
    pthread_rwlock_wrlock(&rwlock);
    set_pair(v);
    pthread_rwlock_unlock(&rwlock);
}
static void rw_wait(void)
{
    pthread_rwlock_wrlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}
#include "rcu.h"

#define SHAPE mu
#define mu_make set_pair
#define mu_come nothing
#define mu_go nothing
#define mu_get get_pair
static void mu_enter(void)
{
    pthread_mutex_lock(&mutex);
}
static void mu_leave(void)
{
    pthread_mutex_unlock(&mutex);
}
static void mu_on(void)
{
    mu_leave();
    mu_enter();
}
static void mu_change(uint64_t v)
{
    mu_enter();
    set_pair(v);
    mu_leave();
}
static void mu_wait(void)
{
    mu_enter();
    mu_leave();
}
#include "rcu.h"

#ifdef BENCH_CK
struct node {
    uint64_t v[2];
    ck_epoch_entry_t entry;
};

static ck_epoch_t epoch;
static struct node *current;
static __thread ck_epoch_record_t *record;

static struct node *new_node(uint64_t v)
{
    struct node *n = must_alloc(sizeof *n);
    n->v[0] = n->v[1] = v;
    return n;
}

CK_EPOCH_CONTAINER(struct node, entry, node_of)

static void free_node(ck_epoch_entry_t *e)
{
    free(node_of(e));
}

#define SHAPE ck
static void ck_make(uint64_t v)
{
    ck_epoch_init(&epoch);
    current = new_node(v);
}
static void ck_come(void)
{
    record = aligned_alloc(64, (sizeof *record + 63) / 64 * 64);
    if (!record) die("memory");
    ck_epoch_register(&epoch, record, NULL);
}
static void ck_go(void)
{
    ck_epoch_barrier(record);
    ck_epoch_unregister(record);
}
static inline void ck_enter(void)
{
    ck_epoch_begin(record, NULL);
}
static inline const uint64_t *ck_get(void)
{
    return ((struct node *)ck_pr_load_ptr(&current))->v;
}
static inline void ck_leave(void)
{
    ck_epoch_end(record, NULL);
}
static void ck_on(void)
{
    ck_leave();
    ck_enter();
}
static void ck_change(uint64_t v)
{
    static __thread unsigned changes;
    struct node *old = ck_pr_fas_ptr(&current, new_node(v));
    ck_epoch_call(record, &old->entry, free_node);
    if (++changes % 256 == 0) ck_epoch_poll(record);
}
static void ck_wait(void)
{
    if (!record) ck_come();
    ck_epoch_synchronize(record);
}
#include "rcu.h"
#endif

bool rcu_run_c(const struct spec *s);
bool rcu_run_c(const struct spec *s)
{
    if (strcmp(s->kind, "rcu")) return false;
    if (!strcmp(s->peer, "pthread")) rw_run(s);
    else if (!strcmp(s->peer, "textbook")) mu_run(s);
#ifdef BENCH_CK
    else if (!strcmp(s->peer, "ck")) ck_run(s);
#endif
    else unsupported(s, "has-no-such-thing");
    return true;
}
