/* SPDX-License-Identifier: MIT
 *
 * Flags in the place of base/event_eventfd.c.  Instrumented: each system call is one step.
 */
#include "base/event.h"

#include "base/machine.h"
#include "event.h"
#include "sim.h"

enum { FLAGS = 16, WAITERS = 2 /* to a flag, at most */ };

/* How often it was raised, times two, plus 1 while it is up. */
static ccpi_word32 flags[FLAGS];
static atomic_int made, open_now;

bool ccpi_event_open(ccpi_event *e)
{
    e->fd = e->in = atomic_fetch_add(&made, 1);
    sim_assert(e->fd < FLAGS);
    atomic_fetch_add(&open_now, 1);
    return true;
}

void ccpi_event_close(const ccpi_event *e)
{
    sim_assert(atomic_fetch_sub(&open_now, 1) > 0);
    atomic_store(&flags[e->fd], UINT32_MAX);
}

/* The system orders what it does with one descriptor. */
static uint32_t look(int fd)
{
    uint32_t flag = atomic_load(&flags[fd]);
    sim_assert(flag != UINT32_MAX); /* closed */
    return flag;
}

void ccpi_event_raise(const ccpi_event *e)
{
    atomic_store(&flags[e->fd], (look(e->fd) | 1) + 2); /* one thread at a time */
    for (int i = 0; i < WAITERS; i++)
        ccpi_word_wake(&flags[e->fd]);
}

void ccpi_event_lower(const ccpi_event *e)
{
    atomic_store(&flags[e->fd], look(e->fd) & ~(uint32_t)1);
}

bool sim_event_is_up(int fd)
{
    return look(fd) & 1;
}

void sim_event_wait_level(int fd)
{
    uint32_t flag;
    while (!((flag = look(fd)) & 1))
        (void)ccpi_word_wait(&flags[fd], flag, CCPI_NEVER);
}

void sim_event_wait_edge(int fd, uint32_t *seen)
{
    for (;;) {
        uint32_t flag = look(fd);
        bool raised = flag >> 1 != *seen;
        *seen = flag >> 1;
        if (raised && (flag & 1))
            return;
        if (!raised)
            (void)ccpi_word_wait(&flags[fd], flag, CCPI_NEVER);
    }
}
