/* SPDX-License-Identifier: MIT
 *
 * Reader-writer locks: permits (permits.h), of which a reader takes one and a writer all.  So all
 * are served in the order in which they came, readers that follow each other together, and neither
 * side starves.
 */
/* uses: line permits */
#include "base/check.h"
#include "block/wait.h"
#include "coord/permits.h"

#define ALL ((uint32_t)1 << 30) /* more than there can be threads; the base of the permits */

static ccp_status lock(ccp_rwlock *l, uint32_t n, ccp_wait w)
{
    if (!l)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    return st == CCP_OK ? ccpi_permits_take(&l->line_, n, ALL, w) : st;
}

ccp_status ccp_rwlock_rdlock(ccp_rwlock *l, ccp_wait w)
{
    return lock(l, 1, w);
}

ccp_status ccp_rwlock_wrlock(ccp_rwlock *l, ccp_wait w)
{
    return lock(l, ALL, w);
}

static bool leave_reader(uint64_t *word, uint32_t n)
{
    uint64_t used = ccpi_permits_used(*word);
    if (used == 0 || used == ALL)
        return false;
    *word -= n;
    return true;
}

ccp_status ccp_rwlock_rdunlock(ccp_rwlock *l)
{
    if (!l)
        return CCP_INVAL;
    if (!ccpi_permits_give(&l->line_, leave_reader, 1, ALL))
        return CCPI_MISUSE("ccp_rwlock_rdunlock", "no reader has it");
    return CCP_OK;
}

static bool leave_writer(uint64_t *word, uint32_t n)
{
    if (ccpi_permits_used(*word) != n)
        return false;
    *word -= n;
    return true;
}

ccp_status ccp_rwlock_wrunlock(ccp_rwlock *l)
{
    if (!l)
        return CCP_INVAL;
    if (!ccpi_permits_give(&l->line_, leave_writer, ALL, ALL))
        return CCPI_MISUSE("ccp_rwlock_wrunlock", "no writer has it");
    return CCP_OK;
}
