/* SPDX-License-Identifier: MIT
 *
 * bench_free.c - libccp's queues and stack that never wait.
 */
#include "common.h"

#include <ccp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FREE spsc
typedef ccp_spsc spsc_type;
static spsc_type *spsc_new(const struct spec *s)
{
    return ccp_spsc_new(8, s->cap);
}
static void spsc_free(spsc_type *q)
{
    if (ccp_spsc_free(q) != CCP_OK) die("ccp_spsc_free");
}
static inline size_t spsc_push(spsc_type *q, const uint64_t *e, size_t n)
{
    if (n == 1) return ccp_spsc_push(q, e) == CCP_OK;
    return ccp_spsc_push_n(q, e, n, &n) == CCP_OK ? n : 0;
}
static inline size_t spsc_pop(spsc_type *q, uint64_t *e, size_t n)
{
    if (n == 1) return ccp_spsc_pop(q, e) == CCP_OK;
    return ccp_spsc_pop_n(q, e, n, &n) == CCP_OK ? n : 0;
}
#include "free.h"

#define FREE mpmc
typedef ccp_mpmc mpmc_type;
static mpmc_type *mpmc_new(const struct spec *s)
{
    return ccp_mpmc_new(8, s->cap);
}
static void mpmc_free(mpmc_type *q)
{
    if (ccp_mpmc_free(q) != CCP_OK) die("ccp_mpmc_free");
}
static inline size_t mpmc_push(mpmc_type *q, const uint64_t *e, size_t n)
{
    if (n == 1) return ccp_mpmc_push(q, e) == CCP_OK;
    return ccp_mpmc_push_n(q, e, n, &n) == CCP_OK ? n : 0;
}
static inline size_t mpmc_pop(mpmc_type *q, uint64_t *e, size_t n)
{
    if (n == 1) return ccp_mpmc_pop(q, e) == CCP_OK;
    return ccp_mpmc_pop_n(q, e, n, &n) == CCP_OK ? n : 0;
}
#include "free.h"

/* Messages that are linked. */
#define MESSAGE_LINK ccp_mpsc_node node
#include "messages.h"

#define FREE mpsc
typedef ccp_mpsc mpsc_type;
static mpsc_type *mpsc_new(const struct spec *s)
{
    static ccp_mpsc box = CCP_MPSC_INIT;
    messages_each = s->cap / s->p;
    return &box;
}
static void mpsc_free(mpsc_type *q)
{
    (void)q;
}
static inline size_t mpsc_push(mpsc_type *q, const uint64_t *e, size_t n)
{
    (void)n;
    message *m = message_of(*e);
    return m && ccp_mpsc_push(q, &m->node) == CCP_OK;
}
static inline size_t mpsc_pop(mpsc_type *q, uint64_t *e, size_t n)
{
    ccp_mpsc_node *m;
    (void)n;
    if (ccp_mpsc_pop(q, &m) != CCP_OK) return 0;
    *e = value_of((message *)m);
    return 1;
}
#include "free.h"

/* A list of free blocks. */
typedef struct block {
    ccp_stack_node node;
    struct block *next;
    char rest[LINE - 16];
} block;

static block *blocks_of(size_t n)
{
    block *b = must_alloc(n * sizeof *b);
    memset(b, 0, n * sizeof *b);
    return b;
}

static ccp_stack stack;
#define FREE stack
#define FREE_STACK
static void stack_fill(size_t n)
{
    block *b = blocks_of(n);
    if (ccp_stack_init(&stack, b, n * sizeof *b) != CCP_OK) die("ccp_stack_init");
    for (size_t i = 0; i < n; i++)
        if (ccp_stack_push(&stack, &b[i].node) != CCP_OK) die("ccp_stack_push");
}
static inline void *stack_get(void)
{
    ccp_stack_node *p;
    return ccp_stack_pop(&stack, &p) == CCP_OK ? p : NULL;
}
static inline void stack_put(void *p)
{
    ccp_stack_push(&stack, p);
}
#include "free.h"

bool free_run(const struct spec *s)
{
    if (strcmp(s->kind, "free")) return false;
    if (!strcmp(s->mode, "spsc")) spsc_run(s);
    else if (!strcmp(s->mode, "mpmc")) mpmc_run(s);
    else if (!strcmp(s->mode, "mpsc")) mpsc_run(s);
    else stack_run(s);
    return true;
}
