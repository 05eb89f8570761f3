/* SPDX-License-Identifier: MIT
 *
 * bench_rcu.c - read-copy-update of libccp, by function calls but for ccp_rcu_ptr_get().
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "ccp.h"

struct pair {
    uint64_t v[2];
    ccp_rcu_head head;
};

static ccp_rcu *domain;
static ccp_rcu_ptr current;

static struct pair *new_pair(uint64_t v)
{
    struct pair *p = must_alloc(sizeof *p);
    p->v[0] = p->v[1] = v;
    return p;
}

#define SHAPE mine
static void mine_make(uint64_t v)
{
    domain = ccp_rcu_new(NULL);
    if (!domain) die("ccp_rcu_new");
    ccp_rcu_ptr_set(&current, new_pair(v));
}
static void mine_come(void)
{
    if (ccp_rcu_register(domain) != CCP_OK) die("ccp_rcu_register");
}
static void mine_go(void)
{
    (void)ccp_rcu_unregister(domain);
}
static inline void mine_enter(void)
{
    if (ccp_rcu_read_lock(domain) != CCP_OK) die("ccp_rcu_read_lock");
}
static inline const uint64_t *mine_get(void)
{
    return ((struct pair *)ccp_rcu_ptr_get(&current))->v;
}
static inline void mine_leave(void)
{
    (void)ccp_rcu_read_unlock(domain);
}
static void mine_on(void)
{
    (void)ccp_rcu_quiescent(domain);
}
static void mine_change(uint64_t v)
{
    struct pair *old = ccp_rcu_ptr_swap(&current, new_pair(v));
    if (ccp_rcu_defer(domain, &old->head, free, old, CCP_FOREVER) != CCP_OK) die("ccp_rcu_defer");
}
static void mine_wait(void)
{
    if (ccp_rcu_synchronize(domain, CCP_FOREVER) != CCP_OK) die("ccp_rcu_synchronize");
}
#include "rcu.h"

/* The same, by readers that threads keep; mode=reader. */
static __thread ccp_rcu_reader *reader;

#define SHAPE kept
#define kept_make mine_make
#define kept_go mine_go
#define kept_get mine_get
#define kept_change mine_change
#define kept_wait mine_wait
static void kept_come(void)
{
    if (ccp_rcu_reader_get(domain, &reader) != CCP_OK) die("ccp_rcu_reader_get");
}
static inline void kept_enter(void)
{
    if (ccp_rcu_reader_lock(reader) != CCP_OK) die("ccp_rcu_reader_lock");
}
static inline void kept_leave(void)
{
    (void)ccp_rcu_reader_unlock(reader);
}
static void kept_on(void)
{
    (void)ccp_rcu_reader_quiescent(reader);
}
#include "rcu.h"

bool rcu_run(const struct spec *s);
bool rcu_run(const struct spec *s)
{
    if (strcmp(s->kind, "rcu")) return false;
    if (!strcmp(s->mode, "reader")) kept_run(s);
    else mine_run(s);
    return true;
}
