/* SPDX-License-Identifier: MIT
 *
 * Scenarios of the self-test that stand in files of their own.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include "sim.h"

void dead_waiter(void *arg);
void live_waiter(void *arg);
void touched_too_late(void *arg);
void fork_cuts_off(void *arg);
void fork_leaves_a_lock_held(void *arg);
void fork_leaves_no_stack(void *arg);

#endif
