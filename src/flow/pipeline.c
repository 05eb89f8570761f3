/* SPDX-License-Identifier: MIT
 *
 * Pipelines: making, starting, ending.
 *
 * A pipeline's workers are the tasks of a group.  They pass the gate, and call the first step, when
 * all have been started; if one cannot be, they pass it too, and return at once.
 *
 * uses: pipeline
 */
#include "flow/pipeline.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/track.h"
#include "coord/await.h"

static void forked(void *object)
{
    ccp_pipeline *p = object;
    p->status = CCP_FORKED; /* nothing can be built */
}

static const ccpi_kind kind = { "pipeline", "ccp_pipeline_", NULL, forked };

ccp_pipeline *ccp_pipeline_new(const ccp_pipeline_opts *o)
{
    static const ccp_pipeline_opts defaults;
    ccp_pipeline *p = ccpi_alloc(sizeof *p);
    if (!p)
        return NULL;
    p->opts = o ? *o : defaults;
    p->last_stage = &p->stages;
    ccpi_track(p, &kind, p->opts.name);
    return p;
}

/* [V1] acquire: pairs with the release in ccp_pipeline_start(): all that was built and made. */
bool ccpi_pipe_is_started(const ccp_pipeline *p)
{
    return atomic_load_explicit(&p->started, CCPI_ACQ);
}

static bool is_head(const ccp_stage *s)
{
    return s->kind != CCPI_BRANCH && s->head == s;
}

/* ---- starting ---- */

/* Does somebody take what each stage makes? */
static bool is_complete(const ccp_pipeline *p)
{
    for (const ccp_stage *s = p->stages; s; s = s->next)
        for (unsigned i = 0; i < s->port_count; i++)
            if (!s->ports[i].edge && !s->ports[i].fused)
                return false;
    return p->stages != NULL;
}

static bool make_workers(ccp_stage *s, ccp_ctx *parent)
{
    s->workers = ccpi_alloc_lines(s->opts.workers * sizeof *s->workers);
    if (!s->workers || (ccpi_stage_is_ordered(s) && !ccpi_pipe_order_make(s)))
        return false;
    for (unsigned i = 0; i < s->opts.workers; i++)
        if (!ccpi_pipe_worker_make(s, i, parent))
            return false;
    return true;
}

static void unmake(ccp_pipeline *p)
{
    for (ccp_stage *s = p->stages; s; s = s->next) {
        if (!is_head(s))
            continue;
        for (unsigned i = 0; s->workers && i < s->opts.workers; i++)
            if (s->workers[i].made)
                ccpi_pipe_worker_drop(&s->workers[i]);
        ccpi_pipe_order_free(s); /* B3: all that is in buffers is dropped before one is freed */
        for (unsigned i = 0; s->workers && i < s->opts.workers; i++)
            ccpi_pipe_worker_unmake(&s->workers[i]);
        ccpi_free_lines(s->workers);
        s->workers = NULL;
    }
    (void)ccp_chan_free(p->gate);
    p->gate = NULL;
}

static bool make(ccp_pipeline *p)
{
    const ccp_group_opts how = { .parent = p->opts.parent,
                                 .name = p->opts.name,
                                 .stack_size = p->opts.stack_size };
    p->group = ccp_group_make(&how);
    p->gate = ccp_chan_new(0, 0);
    bool ok = p->group && p->gate;
    ccpi_track_part(p->group, p);
    ccpi_track_part(p->gate, p);
    for (ccp_stage *s = p->stages; s && ok; s = s->next)
        ok = !is_head(s) || make_workers(s, ccp_group_ctx(p->group));
    return ok;
}

static bool start_workers(ccp_pipeline *p)
{
    for (ccp_stage *s = p->stages; s; s = s->next)
        for (unsigned i = 0; is_head(s) && i < s->opts.workers; i++)
            if (ccp_group_go(p->group, ccpi_pipe_work, &s->workers[i], CCP_FOREVER) != CCP_OK)
                return false;
    return true;
}

/* B1.  A channel that the program has canceled already has nobody to count. */
static void count_senders(ccp_pipeline *p)
{
    for (ccpi_edge *e = p->edges; e; e = e->next)
        e->counted = ccp_chan_add_senders(e->ch, e->senders) == CCP_OK;
}

/* Ends what was started, before any step was called. */
static void take_back(ccp_pipeline *p)
{
    (void)ccp_chan_close(p->gate); /* and `started` is not set */
    if (p->group) {
        ccpi_await_group(p->group);
        (void)ccp_group_free(p->group);
        p->group = NULL;
    }
    unmake(p);
}

ccp_status ccp_pipeline_start(ccp_pipeline *p)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    if (ccpi_pipe_is_started(p))
        return CCPI_MISUSE("ccp_pipeline_start", "the pipeline was started");
    if (p->status != CCP_OK)
        return p->status;
    if (!is_complete(p))
        return CCP_INVAL;
    if (!make(p) || !start_workers(p)) {
        take_back(p);
        return CCP_NOMEM;
    }
    count_senders(p);
    /* [V1] release: pairs with the acquire in ccpi_pipe_is_started(). */
    atomic_store_explicit(&p->started, 1, CCPI_REL);
    (void)ccp_chan_close(p->gate);
    return CCP_OK;
}

/* ---- ending ---- */

ccp_status ccp_pipeline_wait(ccp_pipeline *p, ccp_wait w)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    if (!ccpi_pipe_is_started(p))
        return CCPI_MISUSE("ccp_pipeline_wait", "the pipeline was not started");
    ccp_status st = ccp_group_wait(p->group, w);
    /* Relaxed: written before the tasks ended, for which the group has waited. */
    bool cut = st == CCP_OK && atomic_load_explicit(&p->cut, CCPI_RLX);
    return cut ? CCP_CLOSED : st;
}

ccp_status ccp_pipeline_run(ccp_pipeline *p, ccp_wait w)
{
    ccp_status st = ccp_ctx_status(w.ctx_);
    if (st == CCP_OK)
        st = ccp_pipeline_start(p);
    return st == CCP_OK ? ccp_pipeline_wait(p, w) : st;
}

ccp_status ccp_pipeline_close(ccp_pipeline *p)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    /* Relaxed: nothing is published by it. */
    atomic_store_explicit(&p->closing, 1, CCPI_RLX);
    for (ccp_stage *s = p->stages; s; s = s->next)
        if (s->kind == CCPI_FROM)
            (void)ccp_chan_close(s->from);
    return CCP_OK;
}

ccp_status ccp_pipeline_cancel(ccp_pipeline *p)
{
    if (!p)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    if (!ccpi_pipe_is_started(p))
        return CCPI_MISUSE("ccp_pipeline_cancel", "the pipeline was not started");
    ccp_ctx_cancel(ccp_group_ctx(p->group));
    return CCP_OK;
}

ccp_status ccp_pipeline_failure(ccp_pipeline *p, ccp_item *out)
{
    ccp_group_error e;
    if (!p || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(p))
        return CCP_FORKED;
    if (!ccpi_pipe_is_started(p) || ccp_group_errors(p->group, &e, 1) == 0)
        return CCP_AGAIN;
    *out = ((const ccpi_pipe_worker *)e.arg)->failure;
    return CCP_OK;
}

static void free_plan(ccp_pipeline *p)
{
    while (p->edges) {
        ccpi_edge *e = p->edges;
        p->edges = e->next;
        (void)ccp_chan_free(e->ch);
        ccpi_free(e);
    }
    while (p->stages) {
        ccp_stage *s = p->stages;
        p->stages = s->next;
        ccpi_stage_free(s);
    }
    ccpi_free(p);
}

/* What its workers have in their memory stays where it is. */
static void release_dead(ccp_pipeline *p)
{
    ccpi_untrack(p);
    (void)ccp_group_free(p->group);
    free_plan(p);
}

ccp_status ccp_pipeline_free(ccp_pipeline *p)
{
    if (!p)
        return CCP_OK;
    if (ccpi_is_dead(p)) {
        release_dead(p);
        return CCP_OK;
    }
    if (ccpi_pipe_is_started(p)) {
        if (ccp_group_wait(p->group, CCP_NOWAIT) == CCP_DEADLOCK)
            return CCP_DEADLOCK;
        ccp_ctx_cancel(ccp_group_ctx(p->group));
        ccpi_await_group(p->group);
        (void)ccp_group_free(p->group);
    }
    ccpi_untrack(p);
    unmake(p);
    free_plan(p);
    return CCP_OK;
}

/* ---- looking ---- */

size_t ccp_pipeline_edge_count(const ccp_pipeline *p)
{
    size_t n = 0;
    for (const ccpi_edge *e = p ? p->edges : NULL; e; e = e->next)
        n++;
    return n;
}

/* What is given to a fused stage is counted once: as taken by that. */
static void add_counts(ccp_stage_info *out, const ccp_stage *s, const ccpi_pipe_worker *w)
{
    const ccpi_counts *c = &w->counts[s->depth];
    bool fused = s->port_count == 1 && s->ports[0].fused;
    /* Relaxed: counts of a snapshot. */
    out->taken += atomic_load_explicit(&c->taken, CCPI_RLX);
    out->given += atomic_load_explicit(fused ? &c[1].taken : &c->given, CCPI_RLX);
    out->failed += atomic_load_explicit(&c->failed, CCPI_RLX);
    out->retried += atomic_load_explicit(&c->retried, CCPI_RLX);
    out->letters += atomic_load_explicit(&c->letters, CCPI_RLX);
}

ccp_status ccp_stage_get_info(const ccp_stage *s, ccp_stage_info *out)
{
    if (!s || !out || s->kind == CCPI_BRANCH)
        return CCP_INVAL;
    if (ccpi_is_dead(s->pipeline))
        return CCP_FORKED;
    *out = (ccp_stage_info){ .name = s->opts.name, .workers = s->opts.workers };
    if (s->input_count)
        (void)ccp_chan_get_info(s->inputs[0]->ch, &out->queue);
    if (ccpi_pipe_is_started(s->pipeline))
        for (unsigned i = 0; i < s->head->opts.workers; i++)
            add_counts(out, s, &s->head->workers[i]);
    return CCP_OK;
}
