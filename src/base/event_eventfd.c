/* SPDX-License-Identifier: MIT
 *
 * Flags by eventfd: one descriptor, and each write is an edge.
 */
#include "base/event.h"

#include <sys/eventfd.h>
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
