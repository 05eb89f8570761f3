/* SPDX-License-Identifier: MIT
 *
 * A flag that is a file descriptor: event loops wait until it can be read.  Part of the seam to the
 * machine.  [event_eventfd.c | event_pipe.c]
 */
#ifndef CCPI_BASE_EVENT_H
#define CCPI_BASE_EVENT_H

#include "base/atomic.h"

typedef struct ccpi_event {
    int fd; /* can be read while the flag is up */
    int in; /* what raises it is written here; may be the same */
} ccpi_event;

/* A flag that is down; false if there are no more descriptors.  They do not outlive an exec. */
bool ccpi_event_open(ccpi_event *e);
void ccpi_event_close(const ccpi_event *e);

/* One thread at a time may call these two.  Neither waits.  Who waits for the edge sees one at each
 * ccpi_event_raise(), even if the flag was up. */
void ccpi_event_raise(const ccpi_event *e);
void ccpi_event_lower(const ccpi_event *e);

#endif
