/* SPDX-License-Identifier: MIT
 *
 * Backing off; see backoff.h.
 */
#include "base/backoff.h"

#include "base/machine.h"

#define PAUSES 8     /* rounds of 2, 4, .. 64 pauses: some microseconds */
#define YIELDS 24    /* then yields up to this round */
#define NAP_NS 50000 /* then naps */

CCPI_COLD void ccpi_backoff(unsigned *tries)
{
    unsigned k = ++*tries;
    if (k < PAUSES) {
        for (unsigned i = 0; i < 1u << (k < 6 ? k : 6); i++)
            ccpi_relax();
    } else if (k < YIELDS) {
        ccpi_relax();
        ccpi_yield();
    } else {
        ccpi_word32 nobody;
        atomic_init(&nobody, 0);
        ccpi_relax();
        ccpi_word_wait(&nobody, 0, ccpi_clock_now() + NAP_NS);
    }
}
