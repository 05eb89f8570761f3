/* SPDX-License-Identifier: MIT
 *
 * Fault injection: the k-th request of one kind fails, once or from then on, for every k.
 */
#ifndef FAULT_H
#define FAULT_H

#include "ccp.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind {
    FAULT_NONE,
    FAULT_ALLOC,  /* the program's allocator has nothing */
    FAULT_THREAD, /* pthread_create(), or what prepares it, fails */
    FAULT_COND,   /* pthread_cond_init(), or what prepares it, fails */
    FAULT_FD,     /* there are no more descriptors */
    FAULT_CPU,    /* sched_getaffinity() and sysconf() fail, or reading of quotas */
    FAULT_WAIT,   /* ccpi_word_wait() returns at once, for no reason */
    FAULT_POLL,   /* poll() is short of memory */
    FAULT_EINTR,  /* the system call, or the wait for the condition, returns for no reason */
    FAULT_KINDS
} fault_kind;

/** From now on the k-th request of a kind fails (k >= 1), and with `for_ever` all after it. */
void fault_arm(fault_kind kind, unsigned long k, bool for_ever);

/** Back to normal; tells whether a fault was injected. */
bool fault_disarm(void);

/** Blocks of memory that the allocator gave out and did not get back; threads not yet joined. */
long fault_blocks_out(void);
long fault_threads_out(void);

/** An allocator with faults, to be set before a site is run. */
extern const ccp_allocator fault_allocator;

/** A piece of program that uses the library, written to survive any fault; gives the number of
 * calls that failed cleanly.  Anything else that is wrong ends the program by WRONG(). */
typedef struct fault_site {
    const char *name;
    unsigned (*run)(void);
} fault_site;

extern const fault_site making_sites[], agree_sites[], flow_sites[];
extern const fault_site waiting_sites[], lock_sites[], meet_sites[];
extern const size_t making_count, agree_count, flow_count, waiting_count, lock_count, meet_count;

_Noreturn void wrong(const char *file, int line, const char *what);
#define CHECK(cond) ((cond) ? (void)0 : wrong(__FILE__, __LINE__, #cond))

#endif
