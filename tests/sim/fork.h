/* SPDX-License-Identifier: MIT
 *
 * Forks.  The scenario goes on as the child, in which the threads that it had are not there: they
 * have stopped wherever they were, and what they had on the heap is nobody's.
 */
#ifndef SIM_FORK_H
#define SIM_FORK_H

/* What the library does before a fork: takes its locks. */
void sim_fork_prepare(void);

/* The fork, which is one step, and what the library does after it in the child.  Of the calling
 * thread, which is the scenario itself; not with SIM_DPOR. */
void sim_fork_child(void);

#endif
