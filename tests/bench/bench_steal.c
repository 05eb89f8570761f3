/* SPDX-License-Identifier: MIT
 *
 * bench_steal.c - counters, seqlocks and work-stealing deques of libccp.
 */
#include "common.h"

#include <stdatomic.h>
#include <string.h>

#include "ccp.h"

static ccp_counter count;
static ccp_seqlock lock;
static uint64_t data[4];
static ccp_deque *deque;

#define SHAPE mine
static void mine_add(void)
{
    ccp_counter_add(&count, 1);
}
static uint64_t mine_sum(void)
{
    return (uint64_t)ccp_counter_sum(&count);
}
static void mine_read(uint64_t *d)
{
    ccp_spin s = CCP_SPIN_INIT;
    while (ccp_seqlock_read(&lock, d, data, sizeof data) != CCP_OK) (void)ccp_spin_once(&s);
}
static void mine_write(const uint64_t *d)
{
    if (ccp_seqlock_write(&lock, data, d, sizeof data) != CCP_OK) die("ccp_seqlock_write");
}
static void mine_make(size_t cap)
{
    deque = ccp_deque_new(cap, cap);
    if (!deque) die("ccp_deque_new");
}
static bool mine_push(void *p)
{
    return ccp_deque_push(deque, p) == CCP_OK;
}
static bool mine_pop(void **p)
{
    return ccp_deque_pop(deque, p) == CCP_OK;
}
static bool mine_steal(void **p)
{
    return ccp_deque_steal(deque, p) == CCP_OK;
}
#include "steal.h"

/* Counting by a loop of the program, with ccp_spin between its tries. */
static _Atomic uint64_t spun;

#define SHAPE spun
static void spun_add(void)
{
    ccp_spin s = CCP_SPIN_INIT;
    uint64_t old = atomic_load_explicit(&spun, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&spun, &old, old + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
        (void)ccp_spin_once(&s);
}
static uint64_t spun_sum(void)
{
    return atomic_load(&spun);
}
#define spun_read mine_read
#define spun_write mine_write
#define spun_make mine_make
#define spun_push mine_push
#define spun_pop mine_pop
#define spun_steal mine_steal
#include "steal.h"

bool steal_run(const struct spec *s);
bool steal_run(const struct spec *s)
{
    if (strcmp(s->kind, "count") && strcmp(s->kind, "reads") && strcmp(s->kind, "steals"))
        return false;
    if (!strcmp(s->mode, "cas")) spun_run(s);
    else mine_run(s);
    return true;
}
