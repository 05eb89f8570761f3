/* SPDX-License-Identifier: MIT
 *
 * fork(): what of the library is the whole process's stays good in the child, whatever the other
 * threads were doing.  Part of the seam to the machine.
 *
 *   K1  A part has joined before any thread takes its locks.
 *   K2  From prepare() on until parent() or child() the part's locks are held by the thread that
 *       forks.  In the child there is no other thread; nobody waits for those locks there.
 *   K3  Forks go one after the other, each through all parts: up in the order of their places when
 *       locks are taken, and down.
 * Locks           Those of a part before those of the parts behind it.
 */
#ifndef CCPI_BASE_FORK_H
#define CCPI_BASE_FORK_H

#include <stdbool.h>

/* Whose locks are taken before whose. */
typedef enum ccpi_fork_place {
    CCPI_FORK_SIGNAL,
    CCPI_FORK_TRACK,
    CCPI_FORK_HOLDERS,
    CCPI_FORK_SLEEPERS,
    CCPI_FORK_LOCAL,
    CCPI_FORK_PARK, /* the last: the locks of the others sleep by it */
    CCPI_FORK_PLACES
} ccpi_fork_place;

/* What a part does.  None of it may allocate: the program's allocator may be held, or not be made
 * anew yet.  prepare and parent may be NULL. */
typedef struct ccpi_fork_part {
    void (*prepare)(void); /* takes its locks */
    void (*parent)(void);  /* gives them back */
    void (*child)(void);   /* makes them as new, and what belongs to threads that are not there */
} ccpi_fork_part;

/* From now on forks go through the part; false: memory is short, and they do not.  May be called
 * again and again: but for the first time it is a load. */
bool ccpi_fork_join(ccpi_fork_place at, const ccpi_fork_part *part);

#endif
