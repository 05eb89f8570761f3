/* SPDX-License-Identifier: MIT
 *
 * Waiting for a descriptor of base/event.h, as event loops do.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* Can it be read? */
bool sim_event_is_up(int fd);

/* How many are open? */
int sim_events_open(void);

/* Waits until it can be read. */
void sim_event_wait_level(int fd);

/* Waits until it can be read and was raised since the last time; *seen is 0 before the first. */
void sim_event_wait_edge(int fd, uint32_t *seen);

/* The scenario waits for descriptors in selects, and not by the two above. */
void sim_event_will_be_polled(void);

#endif
