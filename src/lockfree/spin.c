/* SPDX-License-Identifier: MIT
 *
 * Backing off in loops of the program.  Unlike base/backoff.c it never sleeps, and those that meet
 * draw how long they stay away.
 */
#include "base/machine.h"
#include "ccp.h"

/* Rounds of at most 2, 4, .. 64 pauses, and then of 64: 5 to 9 us in all were measured. */
#define PAUSE_ROUNDS 8
#define MOST_DOUBLED 6

bool ccp_spin_once(ccp_spin *s)
{
    if (!s)
        return false;
    if (s->rounds_ >= PAUSE_ROUNDS) {
        ccpi_yield();
        return false;
    }
    s->rounds_++;
    uint32_t most = 1u << (s->rounds_ < MOST_DOUBLED ? s->rounds_ : MOST_DOUBLED);
    for (uint32_t n = most / 2 + ccpi_rand() % (most / 2 + 1); n > 0; n--)
        ccpi_relax();
    return true;
}
