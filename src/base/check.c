/* SPDX-License-Identifier: MIT
 *
 * The misuse hook; what happens at a broken invariant in a checked build.
 */
#include "base/check.h"

#include "base/atomic.h"

static _Atomic(ccp_misuse_hook) misuse_hook;

void ccp_set_misuse_hook(ccp_misuse_hook hook)
{
    /* [M1] release: what the program wrote before is seen by the hook. */
    atomic_store_explicit(&misuse_hook, hook, CCPI_REL);
}

ccp_status ccpi_misuse(const char *call, const char *rule)
{
    /* [M1] acquire: pairs with the release in ccp_set_misuse_hook(). */
    ccp_misuse_hook hook = atomic_load_explicit(&misuse_hook, CCPI_ACQ);
    if (hook)
        hook(call, rule);
    return CCP_MISUSE;
}

#ifdef CCPI_CHECKED
#include <stdio.h>
#include <stdlib.h>
void ccpi_check_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
    abort();
}
#endif
