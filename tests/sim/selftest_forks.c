/* SPDX-License-Identifier: MIT
 *
 * Forks: threads are cut off, and what they held stays held.
 */
#include "fork.h"
#include "selftest.h"

#include "base/lock.h"

#include <stdatomic.h>

static ccpi_lock lock;
static atomic_uint flag;
static int *shared;

static void hold_until_cut_off(void *arg)
{
    int own = 1;
    (void)arg;
    ccpi_lock_acquire(&lock);
    shared = &own;
    atomic_store(&flag, 1);
    ccpi_lock_release(&lock);
    atomic_store(&flag, 2);
}

static void fork_once(void *arg)
{
    (void)arg;
    sim_spawn(hold_until_cut_off, NULL);
    sim_fork_child();
}

/* What the other one has written is there, wherever it has stopped. */
void fork_cuts_off(void *arg)
{
    fork_once(arg);
    sim_outcome(atomic_load(&flag) + 1);
    ccpi_lock_renew(&lock);
    ccpi_lock_acquire(&lock);
    ccpi_lock_release(&lock);
}

void fork_leaves_a_lock_held(void *arg)
{
    fork_once(arg);
    ccpi_lock_acquire(&lock);
    ccpi_lock_release(&lock);
}

void fork_leaves_no_stack(void *arg)
{
    fork_once(arg);
    if (shared)
        sim_assert(*shared == 1);
}
