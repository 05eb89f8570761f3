/* SPDX-License-Identifier: MIT
 *
 * Standing in a line; see line.h.
 */
#include "coord/line.h"

#include "block/tuning.h"
#include "block/wait.h"

ccpi_node *ccpi_line_pop(ccp_line_ *l)
{
    ccpi_list *q = ccpi_line_queue(l);
    while (q->first) {
        ccpi_node *n = CCPI_NODE(q->first);
        ccpi_queue_remove(q, n);
        if (ccpi_waiter_claim(n->waiter, n->index + 1))
            return n;
    }
    return NULL;
}

bool ccpi_line_remove(ccp_line_ *l, ccpi_stander *s)
{
    bool was_in = s->node.queued;
    if (was_in)
        ccpi_queue_remove(ccpi_line_queue(l), &s->node);
    return was_in;
}

ccp_status ccpi_line_failed(ccp_wait w, uint32_t verdict)
{
    return verdict == CCPI_ENDED ? ccp_ctx_status(w.ctx_) : ccpi_wait_over(w);
}

/* Yields, and judges by the time it took, as block/spin.c does: who lets others run too often had
 * better sleep. */
static bool yield_once(ccpi_brief *b)
{
    if (b->yields >= ccpi_tuning.brief_yields || b->shared >= ccpi_tuning.shared_tries)
        return false;
    uint64_t before = ccpi_ticks();
    ccpi_relax();
    ccpi_yield();
    b->yields++;
    b->shared += ccpi_ticks() - before > (uint64_t)ccpi_tuning.shared_yield * ccpi_yield_alone();
    return true;
}

/* Twice as many pauses each time: each look takes the cache line from the thread that has what this
 * one waits for. */
bool ccpi_brief_once(ccpi_brief *b)
{
    if (b->pauses >= b->most)
        return yield_once(b);
    uint32_t more = b->pauses + 1;
    for (uint32_t i = 0; i < more; i++)
        ccpi_relax();
    b->pauses += more;
    return true;
}
