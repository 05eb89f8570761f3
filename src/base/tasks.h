/* SPDX-License-Identifier: MIT
 *
 * The threads of this process, as the system lists them.  Only Linux does.
 */
#ifndef CCPI_BASE_TASKS_H
#define CCPI_BASE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CCPI_TASK_NAME 16

/* How many there are at one moment during the call; 0: not known. */
size_t ccpi_task_count(void);

/* The name of one of them, by the number that ccpi_thread_id() gives in it; false, and "", if it
 * has ended or that cannot be known. */
bool ccpi_task_name(uint64_t id, char name[CCPI_TASK_NAME]);

#endif
