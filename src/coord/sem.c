/* SPDX-License-Identifier: MIT
 *
 * Semaphores: permits (permits.h) with a base of none.
 */
/* uses: line permits */
#include "base/check.h"
#include "block/wait.h"
#include "coord/permits.h"

ccp_status ccp_sem_acquire(ccp_sem *s, unsigned n, ccp_wait w)
{
    if (!s)
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    return st == CCP_OK ? ccpi_permits_take(&s->line_, n, 0, w) : st;
}

static bool give_back(uint64_t *word, uint32_t n)
{
    if (ccpi_permits_used(*word) < n)
        return false;
    *word -= n;
    return true;
}

ccp_status ccp_sem_release(ccp_sem *s, unsigned n)
{
    if (!s)
        return CCP_INVAL;
    if (!ccpi_permits_give(&s->line_, give_back, n, 0))
        return CCPI_MISUSE("ccp_sem_release", "more permits than are taken");
    return CCP_OK;
}

static bool forget(uint64_t *word, uint32_t n)
{
    if (ccpi_permits_used(*word) < n)
        return false;
    *word -= n * (CCPI_SIZE_ONE + 1);
    return true;
}

ccp_status ccp_sem_forget(ccp_sem *s, unsigned n)
{
    if (!s)
        return CCP_INVAL;
    if (!ccpi_permits_give(&s->line_, forget, n, 0))
        return CCPI_MISUSE("ccp_sem_forget", "more permits than are taken");
    return CCP_OK;
}

static bool add(uint64_t *word, uint32_t n)
{
    if (ccpi_permits_size(*word) + n > CCP_SEM_MAX)
        return false;
    *word += n * CCPI_SIZE_ONE;
    return true;
}

ccp_status ccp_sem_add(ccp_sem *s, unsigned n)
{
    return s && ccpi_permits_change(&s->line_, add, n) ? CCP_OK : CCP_INVAL;
}

ccp_status ccp_sem_close(ccp_sem *s)
{
    if (!s)
        return CCP_INVAL;
    return ccpi_permits_close(&s->line_) ? CCP_OK : CCP_CLOSED;
}

static uint64_t word_of(const ccp_sem *s)
{
    /* Relaxed: a snapshot. */
    return s ? atomic_load_explicit(ccpi_line_word((ccp_line_ *)(uintptr_t)&s->line_), CCPI_RLX)
             : CCPI_PERMITS_CLOSED;
}

unsigned ccp_sem_available(const ccp_sem *s)
{
    uint64_t word = word_of(s);
    return (unsigned)(ccpi_permits_size(word) - ccpi_permits_used(word));
}

unsigned ccp_sem_cap(const ccp_sem *s)
{
    return (unsigned)ccpi_permits_size(word_of(s));
}

bool ccp_sem_is_closed(const ccp_sem *s)
{
    return (word_of(s) & CCPI_PERMITS_CLOSED) != 0;
}
