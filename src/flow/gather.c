/* SPDX-License-Identifier: MIT
 *
 * Scatter and gather: tasks of a group, whose context ends when enough of them have succeeded, or
 * too many have failed.
 *
 * Invariants
 *   G1  The context ends at the latest when the count of successes comes to `want`, or that of
 *       failures passes n - need: after that the outcome is certain.
 */
#include "base/mem.h"
#include "block/wait.h"
#include "coord/await.h"

typedef struct gathering {
    ccp_group *group;
    size_t n, want, need;  /* const */
    ccpi_word64 succeeded; /* atomic: a count */
    ccpi_word64 failed;    /* atomic: a count */
} gathering;

typedef struct piece {
    gathering *all;
    ccp_part *part;
} piece;
_Static_assert(sizeof(piece) <= sizeof(ccp_part), "as many pieces as there are parts have a size");

static ccp_status run_part(ccp_ctx *ctx, void *arg)
{
    const piece *p = arg;
    gathering *g = p->all;
    ccp_status st = p->part->fn(ctx, p->part->arg);
    p->part->status = st;
    /* Relaxed: counts; the caller reads them when the group is done. */
    bool enough = st == CCP_OK
                      ? atomic_fetch_add_explicit(&g->succeeded, 1, CCPI_RLX) + 1 == g->want
                      : atomic_fetch_add_explicit(&g->failed, 1, CCPI_RLX) == g->n - g->need;
    if (enough)
        ccp_ctx_cancel(ctx); /* G1 */
    return CCP_OK;
}

/* Starts them all, unless it is over before. */
static ccp_status scatter(gathering *g, piece *pieces, ccp_part *parts)
{
    ccp_status st = CCP_OK;
    for (size_t i = 0; i < g->n; i++)
        parts[i].status = CCP_AGAIN;
    for (size_t i = 0; i < g->n && st == CCP_OK; i++) {
        pieces[i] = (piece){ g, &parts[i] };
        st = ccp_group_go(g->group, run_part, &pieces[i], ccp_with(ccp_group_ctx(g->group)));
    }
    if (st == CCP_NOMEM)
        ccp_ctx_cancel(ccp_group_ctx(g->group));
    ccpi_await_group(g->group);
    return st;
}

static ccp_status outcome(const gathering *g, ccp_status started, ccp_ctx *limit)
{
    /* Relaxed: the tasks have ended. */
    size_t succeeded = (size_t)atomic_load_explicit(&g->succeeded, CCPI_RLX);
    if (succeeded >= g->want)
        return CCP_OK;
    if (started == CCP_NOMEM)
        return CCP_NOMEM;
    if (succeeded >= g->need)
        return CCP_OK;
    ccp_status st = ccp_ctx_status(limit);
    return st == CCP_OK ? CCP_FAILED : st;
}

static bool is_right(const ccp_part *parts, size_t n, const ccp_gather_opts *o)
{
    size_t want = o->want ? o->want : n;
    if ((n && !parts) || want > n || o->need > want)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!parts[i].fn)
            return false;
    return true;
}

ccp_status ccp_gather(ccp_part *parts, size_t n, const ccp_gather_opts *o, ccp_wait w)
{
    static const ccp_gather_opts defaults;
    if (!o)
        o = &defaults;
    if (!is_right(parts, n, o))
        return CCP_INVAL;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK || n == 0)
        return st;
    if (ccpi_wait_not_at_all(w))
        return CCP_AGAIN;
    size_t want = o->want ? o->want : n;
    gathering g = { .n = n, .want = want, .need = o->need ? o->need : want };
    piece *pieces = ccpi_alloc(n * sizeof *pieces);
    ccp_ctx *limit = ccp_ctx_new(w.ctx_, ccp_under(NULL, w));
    g.group = limit ? ccp_group_make(&(ccp_group_opts){ .parent = limit,
                                                        .limit = o->limit,
                                                        .name = o->name,
                                                        .stack_size = o->stack_size })
                    : NULL;
    st = CCP_NOMEM;
    if (pieces && g.group)
        st = outcome(&g, scatter(&g, pieces, parts), limit);
    (void)ccp_group_free(g.group);
    (void)ccp_ctx_free(limit);
    ccpi_free(pieces);
    return st;
}
