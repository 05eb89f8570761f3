/* SPDX-License-Identifier: MIT
 *
 * Self-test of the explorer: who touches the frame of a function that has returned.
 */
#include "selftest.h"

#include "base/machine.h"

#include <stdatomic.h>

static atomic_uint flag;
static _Atomic(int *) published;

static CCPI_NOINLINE void wait_in_frame(bool for_ever)
{
    int here = 0;
    atomic_store_explicit(&published, &here, memory_order_release);
    if (for_ever)
        while (atomic_load_explicit(&flag, memory_order_acquire) == 0)
            ccpi_relax();
}
static void owner_leaves(void *arg)
{
    wait_in_frame(arg != NULL);
}
static void visitor(void *arg)
{
    (void)arg;
    int *p = atomic_load_explicit(&published, memory_order_acquire);
    if (p)
        *p = 1;
    atomic_store_explicit(&flag, 1, memory_order_release);
}
static void visitor_comes_back(void *arg)
{
    (void)arg;
    int *p = atomic_load_explicit(&published, memory_order_acquire);
    atomic_store_explicit(&flag, 1, memory_order_release);
    if (p)
        *p = 1;
}
void dead_waiter(void *arg)
{
    (void)arg;
    sim_spawn(owner_leaves, NULL);
    sim_spawn(visitor, NULL);
    sim_join();
}
void live_waiter(void *arg)
{
    (void)arg;
    sim_spawn(owner_leaves, "");
    sim_spawn(visitor, NULL);
    sim_join();
}
void touched_too_late(void *arg)
{
    (void)arg;
    sim_spawn(owner_leaves, "");
    sim_spawn(visitor_comes_back, NULL);
    sim_join();
}
