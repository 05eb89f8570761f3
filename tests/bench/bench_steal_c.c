/* SPDX-License-Identifier: MIT
 *
 * bench_steal_c.c - counting, reading and stealing as it is done without libccp: by POSIX's mutex
 * and reader-writer lock, by one atomic or a loop (`textbook`), and by Concurrency Kit's
 * ck_sequence; it has neither counters nor deques.
 */
#include "common.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef BENCH_CK
#include <ck_sequence.h>
#endif

static uint64_t data[4];

/* ---- POSIX ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static uint64_t count, first, end, slots;
static void **slot;

#define SHAPE posix
static void posix_add(void)
{
    pthread_mutex_lock(&mutex);
    count++;
    pthread_mutex_unlock(&mutex);
}
static uint64_t posix_sum(void)
{
    return count;
}
static void posix_read(uint64_t *d)
{
    pthread_rwlock_rdlock(&rwlock);
    memcpy(d, data, sizeof data);
    pthread_rwlock_unlock(&rwlock);
}
static void posix_write(const uint64_t *d)
{
    pthread_rwlock_wrlock(&rwlock);
    memcpy(data, d, sizeof data);
    pthread_rwlock_unlock(&rwlock);
}
static void posix_make(size_t cap)
{
    slots = cap;
    slot = must_alloc(cap * sizeof *slot);
}
static bool posix_push(void *p)
{
    pthread_mutex_lock(&mutex);
    bool ok = end - first < slots;
    if (ok) slot[end++ % slots] = p;
    pthread_mutex_unlock(&mutex);
    return ok;
}
static bool posix_pop(void **p)
{
    pthread_mutex_lock(&mutex);
    bool ok = end != first;
    if (ok) *p = slot[--end % slots];
    pthread_mutex_unlock(&mutex);
    return ok;
}
static bool posix_steal(void **p)
{
    pthread_mutex_lock(&mutex);
    bool ok = end != first;
    if (ok) *p = slot[first++ % slots];
    pthread_mutex_unlock(&mutex);
    return ok;
}
#include "steal.h"

/* ---- one atomic; Concurrency Kit ---- */

static atomic_ullong one;

static void one_add(void)
{
    atomic_fetch_add_explicit(&one, 1, memory_order_relaxed);
}
static uint64_t one_sum(void)
{
    return atomic_load(&one);
}
static void not_made(void)
{
    die("no such cell");
}

#define SHAPE other
#define other_add one_add
#define other_sum one_sum
#ifdef BENCH_CK
static ck_sequence_t sequence = CK_SEQUENCE_INITIALIZER;
static void other_read(uint64_t *d)
{
    unsigned version;
    CK_SEQUENCE_READ(&sequence, &version) memcpy(d, data, sizeof data);
}
static void other_write(const uint64_t *d)
{
    ck_sequence_write_begin(&sequence);
    memcpy(data, d, sizeof data);
    ck_sequence_write_end(&sequence);
}
#else
static void other_read(uint64_t *d)
{
    (void)d;
    not_made();
}
static void other_write(const uint64_t *d)
{
    (void)d;
    not_made();
}
#endif
static void other_make(size_t cap)
{
    (void)cap;
    not_made();
}
static bool other_push(void *p)
{
    return p == NULL;
}
static bool other_pop(void **p)
{
    return *p == NULL;
}
#define other_steal other_pop
#include "steal.h"

/* The same by a loop, whose tries follow each other at once. */
#define SHAPE loop
static void loop_add(void)
{
    unsigned long long old = atomic_load_explicit(&one, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&one, &old, old + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}
#define loop_sum one_sum
#define loop_read other_read
#define loop_write other_write
#define loop_make other_make
#define loop_push other_push
#define loop_pop other_pop
#define loop_steal other_pop
#include "steal.h"

bool steal_run_c(const struct spec *s);
bool steal_run_c(const struct spec *s)
{
    bool counts = !strcmp(s->kind, "count"), reads = !strcmp(s->kind, "reads");
    if (!counts && !reads && strcmp(s->kind, "steals")) return false;
    bool ck = !strcmp(s->peer, "ck"), textbook = !strcmp(s->peer, "textbook");
    if (textbook && counts && !strcmp(s->mode, "cas")) loop_run(s);
    else if (!strcmp(s->peer, "pthread")) posix_run(s);
    else if ((ck && reads) || (textbook && counts)) other_run(s);
    else unsupported(s, "has-no-such-thing");
    return true;
}
