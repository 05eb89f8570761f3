/* SPDX-License-Identifier: MIT
 *
 * Sleeping until one of several file descriptors is ready.  Part of the seam to the machine.
 */
#ifndef CCPI_BASE_FDS_H
#define CCPI_BASE_FDS_H

#include "base/event.h"
#include "ccp.h"

#include <poll.h>

/* What one thread waits for; all is its own. */
typedef struct ccpi_fds {
    struct pollfd *p; /* n, and a place for the event */
    size_t n;
    int ready;        /* how many poll() has found last, the event among them; < 0: refused */
    bool has_event;
    ccpi_event event; /* by which another thread ends the sleep */
} ccpi_fds;

/* Waits until one is ready or the deadline has passed; at 0 it only looks.  Gives what poll() does;
 * no signal ends it.  [event_eventfd.c | event_pipe.c] */
int ccpi_fds_poll(struct pollfd *p, size_t n, int64_t deadline);

/* Looks. */
CCPI_INLINE void ccpi_fds_look(ccpi_fds *f)
{
    f->ready = ccpi_fds_poll(f->p, f->n, 0);
}

/* Sleeps until one is ready, the event is up, or the deadline. */
CCPI_INLINE void ccpi_fds_sleep(ccpi_fds *f, int64_t deadline)
{
    f->p[f->n] = (struct pollfd){ .fd = f->event.fd, .events = POLLIN };
    f->ready = ccpi_fds_poll(f->p, f->n + 1, deadline);
}

/* Is each of them open, as far as was seen? */
CCPI_INLINE bool ccpi_fds_are_open(const ccpi_fds *f)
{
    for (size_t i = 0; f->ready > 0 && i < f->n; i++)
        if (f->p[i].revents & POLLNVAL)
            return false;
    return true;
}

/* ---- what CCP_CASE_FD makes of a descriptor ---- */

#define CCPI_CASE_FD 3 /* ccp_case.op_ */

CCPI_INLINE int ccpi_fd_of_case(const ccp_case *k)
{
    return (int)((uintptr_t)k->obj_ - 1);
}

CCPI_INLINE short ccpi_events_of_case(const ccp_case *k)
{
    return (short)(uintptr_t)k->src_;
}

CCPI_INLINE const char *ccpi_events_in_words(short events)
{
    bool in = events & POLLIN, out = events & POLLOUT;
    return in && out ? " to be readable or writable"
           : in      ? " to be readable"
           : out     ? " to be writable"
                     : " to be told of";
}

#endif
