/* SPDX-License-Identifier: MIT
 *
 * Flags by eventfd: one descriptor, and each write is an edge.  Waiting by ppoll, to the
 * nanosecond.
 */
#define _GNU_SOURCE
#include "base/event.h"
#include "base/fds.h"
#include "base/machine.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

bool ccpi_event_open(ccpi_event *e)
{
    e->fd = e->in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return e->fd >= 0;
}

void ccpi_event_close(const ccpi_event *e)
{
    close(e->fd);
}

void ccpi_event_raise(const ccpi_event *e)
{
    const uint64_t one = 1;
    (void)!write(e->in, &one, sizeof one); /* fails only where 2^64 - 2 writes were not read */
}

void ccpi_event_lower(const ccpi_event *e)
{
    uint64_t sum;
    (void)!read(e->fd, &sum, sizeof sum); /* fails if it is down */
}

/* Until `deadline`, from now. */
static struct timespec time_left(int64_t deadline)
{
    int64_t left = deadline > 0 ? deadline - ccpi_clock_now() : 0;
    int64_t sec = left > 0 ? left / 1000000000 : 0;
    return (struct timespec){ .tv_sec = (time_t)(sec > INT32_MAX ? INT32_MAX : sec),
                              .tv_nsec = (long)(left > 0 ? left % 1000000000 : 0) };
}

int ccpi_fds_poll(struct pollfd *p, size_t n, int64_t deadline)
{
    int saved = errno, got;
    bool again;
    do {
        const struct timespec left = time_left(deadline);
        got = ppoll(p, (nfds_t)n, deadline == CCPI_NEVER ? NULL : &left, NULL);
        again = got < 0 ? errno == EINTR
                        : got == 0 && deadline > 0 && ccpi_clock_now() < deadline;
    } while (again);
    errno = saved;
    return got;
}
