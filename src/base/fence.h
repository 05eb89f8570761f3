/* SPDX-License-Identifier: MIT
 *
 * A fence of which one side pays for all.  Part of the seam to the machine.
 *
 *   N1  Two threads, of which each first writes and then reads what the other writes: if there is
 *       ccpi_fence_here() between the two in one of them, and ccpi_fence_everywhere() in the other,
 *       then one of them at least reads what the other has written.
 */
#ifndef CCPI_BASE_FENCE_H
#define CCPI_BASE_FENCE_H

#include "base/atomic.h"

/* Is there ccpi_fence_everywhere() in this process?  Asks the system, and prepares it. */
bool ccpi_fence_ready(void);

/* Has every thread of the process pass a full fence; a system call.  False: the system, which had
 * granted it, refuses now. */
bool ccpi_fence_everywhere(void);

/* N1: for the processor nothing; the compiler moves no access over it. */
CCPI_INLINE void ccpi_fence_here(void)
{
    atomic_signal_fence(CCPI_SC);
}

#endif
