/* SPDX-License-Identifier: MIT
 *
 * The checker of histories comes from tests/sim together with the recording of the explorer's.
 * Here histories are recorded by history.c, so what that recording needs is never called.
 */
#include <stdlib.h>

#define NEVER(name)    \
    void name(void);   \
    void name(void)    \
    {                  \
        abort();       \
    }

NEVER(sim_begin)
NEVER(sim_end)
NEVER(sim_self)
NEVER(sim_fail)
