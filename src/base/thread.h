/* SPDX-License-Identifier: MIT
 *
 * Threads: start, name, join.  Part of the seam to the machine.
 */
#ifndef CCPI_BASE_THREAD_H
#define CCPI_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ccpi_thread {
    uint64_t handle; /* holds a pthread_t */
} ccpi_thread;

typedef struct ccpi_thread_opts {
    const char *name;   /* NULL: none; cut to what the system allows */
    size_t stack_size;  /* 0: the system's default */
    bool block_signals; /* all but those that a thread's own error raises */
} ccpi_thread_opts;

/* Starts a thread that runs fn(arg); false if it cannot be had. */
bool ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *), void *arg);

/* The calling thread. */
ccpi_thread ccpi_thread_self(void);

/* The number that the system has for the calling thread: on Linux the one in /proc/self/task. */
uint64_t ccpi_thread_id(void);

/* Waits until the thread has ended, and gives it back. */
void ccpi_thread_join(ccpi_thread t);

#endif
