/* SPDX-License-Identifier: MIT
 *
 * bench_free_c.c - queues that never wait, beside libccp's: Concurrency Kit's ck_ring and ck_stack,
 * DPDK's rte_ring, lists under a pthread_mutex_t; and `limit`, the least that a ring of one
 * producer and one consumer can do: for 8-byte elements and a power of two, inlined into its loop,
 * without a look at any argument.
 */
#include "common.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef BENCH_CK
#include <ck_ring.h>
#include <ck_stack.h>
#endif
#ifdef BENCH_DPDK
#include <rte_ring.h>
#endif

/* ---- the limit ---- */

#define FREE limit
typedef struct limit_type {
    size_t mask;
    _Alignas(LINE) _Atomic size_t tail;
    size_t head_seen; /* the producer's */
    _Alignas(LINE) _Atomic size_t head;
    size_t tail_seen; /* the consumer's */
    _Alignas(LINE) uint64_t slots[];
} limit_type;

static limit_type *limit_new(const struct spec *s)
{
    limit_type *q = aligned_alloc(LINE, sizeof *q + (s->cap * 8 + LINE - 1) / LINE * LINE);
    if (!q || (s->cap & (s->cap - 1))) die("limit_new");
    memset(q, 0, sizeof *q);
    q->mask = s->cap - 1;
    return q;
}
static void limit_free(limit_type *q)
{
    free(q);
}
static inline size_t limit_push(limit_type *q, const uint64_t *e, size_t n)
{
    size_t t = atomic_load_explicit(&q->tail, memory_order_relaxed);
    if (t + n - q->head_seen > q->mask + 1) {
        q->head_seen = atomic_load_explicit(&q->head, memory_order_acquire);
        size_t room = q->mask + 1 - (t - q->head_seen);
        if (room < n) n = room;
        if (!n) return 0;
    }
    for (size_t i = 0; i < n; i++) q->slots[(t + i) & q->mask] = e[i];
    atomic_store_explicit(&q->tail, t + n, memory_order_release);
    return n;
}
static inline size_t limit_pop(limit_type *q, uint64_t *e, size_t n)
{
    size_t h = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (q->tail_seen - h < n) {
        q->tail_seen = atomic_load_explicit(&q->tail, memory_order_acquire);
        if (q->tail_seen - h < n) n = q->tail_seen - h;
        if (!n) return 0;
    }
    for (size_t i = 0; i < n; i++) e[i] = q->slots[(h + i) & q->mask];
    atomic_store_explicit(&q->head, h + n, memory_order_release);
    return n;
}
#include "free.h"

/* ---- Concurrency Kit: elements are pointers; one place of the ring stays empty ---- */

#ifdef BENCH_CK
typedef struct ck_free {
    ck_ring_t ring;
    ck_ring_buffer_t *slots;
} ck_free;

static ck_free *ck_free_new(const struct spec *s)
{
    ck_free *q = must_alloc(sizeof *q);
    q->slots = must_alloc(s->cap * sizeof *q->slots);
    ck_ring_init(&q->ring, (unsigned)s->cap);
    return q;
}
static void ck_free_free(ck_free *q)
{
    free(q->slots);
    free(q);
}

#define CK_QUEUE(kind)                                                                         \
    typedef ck_free ck_##kind##_type;                                                          \
    static ck_free *ck_##kind##_new(const struct spec *s)                                      \
    {                                                                                          \
        return ck_free_new(s);                                                                 \
    }                                                                                          \
    static void ck_##kind##_free(ck_free *q)                                                   \
    {                                                                                          \
        ck_free_free(q);                                                                       \
    }                                                                                          \
    static inline size_t ck_##kind##_push(ck_free *q, const uint64_t *e, size_t n)             \
    {                                                                                          \
        (void)n;                                                                               \
        return ck_ring_enqueue_##kind(&q->ring, q->slots, (void *)(uintptr_t)*e);              \
    }                                                                                          \
    static inline size_t ck_##kind##_pop(ck_free *q, uint64_t *e, size_t n)                    \
    {                                                                                          \
        void *p;                                                                               \
        (void)n;                                                                               \
        bool got = ck_ring_dequeue_##kind(&q->ring, q->slots, &p);                             \
        if (got) *e = (uintptr_t)p;                                                            \
        return got;                                                                            \
    }

#define FREE ck_spsc
CK_QUEUE(spsc)
#include "free.h"
#define FREE ck_mpmc
CK_QUEUE(mpmc)
#include "free.h"
#define FREE ck_mpsc
CK_QUEUE(mpsc)
#include "free.h"

#ifdef CK_F_STACK_POP_MPMC
static ck_stack_t ck_blocks = CK_STACK_INITIALIZER;
#define FREE ck_stack
#define FREE_STACK
static void ck_stack_fill(size_t n)
{
    for (size_t i = 0; i < n; i++) ck_stack_push_mpmc(&ck_blocks, must_alloc(LINE));
}
static inline void *ck_stack_get(void)
{
    return ck_stack_pop_mpmc(&ck_blocks);
}
static inline void ck_stack_put(void *p)
{
    ck_stack_push_mpmc(&ck_blocks, p);
}
#include "free.h"
#endif

static void ck_free_run(const struct spec *s)
{
    if (!strcmp(s->mode, "spsc")) ck_spsc_run(s);
    else if (!strcmp(s->mode, "mpmc")) ck_mpmc_run(s);
    else if (!strcmp(s->mode, "mpsc")) ck_mpsc_run(s);
#ifdef CK_F_STACK_POP_MPMC
    else ck_stack_run(s);
#else
    else unsupported(s, "no-double-width-cas");
#endif
}
#endif

/* ---- DPDK: elements are pointers ---- */

#ifdef BENCH_DPDK
#define FREE dpdk
typedef struct rte_ring dpdk_type;
static dpdk_type *dpdk_new(const struct spec *s)
{
    unsigned how = !strcmp(s->mode, "spsc")   ? RING_F_SP_ENQ | RING_F_SC_DEQ
                   : !strcmp(s->mode, "mpsc") ? RING_F_SC_DEQ
                                              : 0;
    ssize_t size = rte_ring_get_memsize((unsigned)s->cap);
    struct rte_ring *r = size > 0 ? aligned_alloc(LINE, ((size_t)size + LINE - 1) / LINE * LINE)
                                  : NULL;
    if (!r || rte_ring_init(r, "ring", (unsigned)s->cap, how))
        die("rte_ring_init");
    return r;
}
static void dpdk_free(dpdk_type *q)
{
    free(q);
}
static inline size_t dpdk_push(dpdk_type *q, const uint64_t *e, size_t n)
{
    return rte_ring_enqueue_burst(q, (void *const *)(const void *)e, (unsigned)n, NULL);
}
static inline size_t dpdk_pop(dpdk_type *q, uint64_t *e, size_t n)
{
    return rte_ring_dequeue_burst(q, (void **)(void *)e, (unsigned)n, NULL);
}
#include "free.h"
#endif

/* ---- POSIX: a list under a mutex ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void **top;
#define FREE posix
#define FREE_STACK
static inline void *posix_get(void)
{
    pthread_mutex_lock(&mutex);
    void **p = top;
    if (p) top = *p;
    pthread_mutex_unlock(&mutex);
    return p;
}
static inline void posix_put(void *p)
{
    pthread_mutex_lock(&mutex);
    *(void **)p = top;
    top = p;
    pthread_mutex_unlock(&mutex);
}
static void posix_fill(size_t n)
{
    for (size_t i = 0; i < n; i++) posix_put(must_alloc(LINE));
}
#include "free.h"

/* ---- and a queue of messages that are linked ---- */

#define MESSAGE_LINK struct message *next
#include "messages.h"

#define FREE list
typedef struct list_type {
    pthread_mutex_t mutex;
    message *first, **end;
} list_type;
static list_type *list_new(const struct spec *s)
{
    static list_type q = { PTHREAD_MUTEX_INITIALIZER, NULL, &q.first };
    messages_each = s->cap / s->p;
    return &q;
}
static void list_free(list_type *q)
{
    (void)q;
}
static inline size_t list_push(list_type *q, const uint64_t *e, size_t n)
{
    message *m = message_of(*e);
    (void)n;
    if (!m) return 0;
    m->next = NULL;
    pthread_mutex_lock(&q->mutex);
    *q->end = m;
    q->end = &m->next;
    pthread_mutex_unlock(&q->mutex);
    return 1;
}
static inline size_t list_pop(list_type *q, uint64_t *e, size_t n)
{
    (void)n;
    pthread_mutex_lock(&q->mutex);
    message *m = q->first;
    if (m && !(q->first = m->next)) q->end = &q->first;
    pthread_mutex_unlock(&q->mutex);
    if (m) *e = value_of(m);
    return m != NULL;
}
#include "free.h"

bool free_run_c(const struct spec *s)
{
    if (strcmp(s->kind, "free")) return false;
    bool is_stack = !strcmp(s->mode, "stack");
    if (!strcmp(s->peer, "limit") && !strcmp(s->mode, "spsc")) limit_run(s);
#ifdef BENCH_CK
    else if (!strcmp(s->peer, "ck")) ck_free_run(s);
#endif
#ifdef BENCH_DPDK
    else if (!strcmp(s->peer, "dpdk") && !is_stack) dpdk_run(s);
#endif
    else if (!strcmp(s->peer, "pthread") && is_stack) posix_run(s);
    else if (!strcmp(s->peer, "pthread") && !strcmp(s->mode, "mpsc")) list_run(s);
    else unsupported(s, "no-such-structure");
    return true;
}
