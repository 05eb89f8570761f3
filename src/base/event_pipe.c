/* SPDX-License-Identifier: MIT
 *
 * Flags by pipes: up while there is a byte in it.  Waiting by poll, whose milliseconds are rounded
 * up.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/event.h"
#include "base/fds.h"
#include "base/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static bool set_up(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
}

bool ccpi_event_open(ccpi_event *e)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    *e = (ccpi_event){ .fd = ends[0], .in = ends[1] };
    if (set_up(e->fd) && set_up(e->in))
        return true;
    ccpi_event_close(e);
    return false;
}

void ccpi_event_close(const ccpi_event *e)
{
    close(e->fd);
    close(e->in);
}

/* From empty to not empty: what is an edge for every kernel. */
void ccpi_event_raise(const ccpi_event *e)
{
    ccpi_event_lower(e);
    (void)!write(e->in, "", 1);
}

void ccpi_event_lower(const ccpi_event *e)
{
    char byte;
    (void)!read(e->fd, &byte, 1); /* fails if it is down; more than one is never in it */
}

/* Until `deadline`, from now. */
static int time_left(int64_t deadline)
{
    if (deadline == CCPI_NEVER)
        return -1;
    int64_t left = deadline > 0 ? deadline - ccpi_clock_now() : 0;
    int64_t ms = left > 0 ? left / 1000000 + (left % 1000000 != 0) : 0;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int ccpi_fds_poll(struct pollfd *p, size_t n, int64_t deadline)
{
    int saved = errno, got;
    bool again;
    do {
        got = poll(p, (nfds_t)n, time_left(deadline));
        again = got < 0 ? errno == EINTR
                        : got == 0 && deadline > 0 && ccpi_clock_now() < deadline;
    } while (again);
    errno = saved;
    return got;
}
