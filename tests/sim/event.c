/* SPDX-License-Identifier: MIT
 *
 * Flags in the place of base/event_eventfd.c.  Instrumented: each system call is one step.
 */
#include "base/event.h"

#include "base/fds.h"
#include "base/machine.h"
#include "event.h"
#include "sim.h"

enum { FLAGS = 32, WAITERS = 2 /* to a flag, at most */, POLLERS = 3 };

/* How often it was raised, times two, plus 1 while it is up. */
static ccpi_word32 flags[FLAGS];
static atomic_int made, open_now;
static ccpi_word32 raises; /* of all flags, if somebody polls: what is slept on for several */
static bool polled;

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
    for (int i = 0; i < WAITERS && !polled; i++)
        ccpi_word_wake(&flags[e->fd]);
    if (polled)
        atomic_fetch_add(&raises, 1);
    for (int i = 0; i < POLLERS && polled; i++)
        ccpi_word_wake(&raises);
}

void ccpi_event_lower(const ccpi_event *e)
{
    atomic_store(&flags[e->fd], look(e->fd) & ~(uint32_t)1);
}

bool sim_event_is_up(int fd)
{
    return look(fd) & 1;
}

int sim_events_open(void)
{
    return atomic_load(&open_now);
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

/* ---- poll() ---- */

void sim_event_will_be_polled(void)
{
    polled = true;
}

/* Who raises a flag after it was looked at changes `raises` after that was. */
int ccpi_fds_poll(struct pollfd *p, size_t n, int64_t deadline)
{
    for (;;) {
        uint32_t before = atomic_load(&raises);
        int ready = 0;
        for (size_t i = 0; i < n; i++) {
            p[i].revents = sim_event_is_up(p[i].fd) ? p[i].events : 0;
            ready += p[i].revents != 0;
        }
        if (ready || deadline == 0 || ccpi_word_wait(&raises, before, deadline))
            return ready;
    }
}
