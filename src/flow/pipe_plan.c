/* SPDX-License-Identifier: MIT
 *
 * Pipelines: adding stages.
 *
 * The first thing that is wrong is kept in `status`, and from then on nothing is added.
 *
 * uses: pipeline
 */
#include "flow/pipeline.h"

#include "base/mem.h"
#include "base/track.h"

static const ccp_stage_opts defaults;

/* What the options of a kind of stage may be. */
typedef struct rule {
    const char *name;
    bool takes;         /* elements */
    bool makes;         /* elements of a size of its own */
    bool hands_on;      /* elements */
    bool has_workers;   /* as many as one likes */
    bool may_fail, fuses;
} rule;

static const rule rules[] = {
    [CCPI_SOURCE] = { "source", false, true, true, true, true, false },
    [CCPI_FROM] = { "from", false, false, true, false, false, false },
    [CCPI_MAP] = { "map", true, true, true, true, true, true },
    [CCPI_FILTER] = { "filter", true, false, true, true, false, true },
    [CCPI_FLAT_MAP] = { "flat_map", true, true, true, true, true, true },
    [CCPI_BATCH] = { "batch", true, false, true, false, false, false },
    [CCPI_SPLIT] = { "split", true, false, true, false, false, false },
    [CCPI_TEE] = { "tee", true, false, true, false, true, false },
    [CCPI_JOIN] = { "join", true, true, true, false, true, false },
    [CCPI_AGAIN] = { "again", true, false, false, true, true, false },
    [CCPI_SINK] = { "sink", true, false, false, true, true, true },
};

void *ccpi_pipe_refuse(ccp_pipeline *p, ccp_status why)
{
    p->status = why;
    return NULL;
}

bool ccpi_pipe_can_build(ccp_pipeline *p)
{
    /* Relaxed: the thread that builds is the one that starts. */
    return p && p->status == CCP_OK && !atomic_load_explicit(&p->started, CCPI_RLX);
}

ccp_stage *ccpi_pipe_tail(ccp_stage *head)
{
    while (head->port_count == 1 && head->ports[0].fused)
        head = head->ports[0].fused;
    return head;
}

bool ccpi_stage_is_ordered(const ccp_stage *head)
{
    return head->opts.workers > 1 && !head->opts.unordered && rules[head->kind].takes &&
           rules[head->kind].hands_on;
}

size_t ccpi_stage_chunk(const ccp_stage *head)
{
    return head->opts.chunk ? head->opts.chunk : 1;
}

/* Elements that a worker may make before it has to hand them on. */
size_t ccpi_stage_room(ccp_stage *head)
{
    size_t room = ccpi_stage_chunk(head);
    bool many = false;
    for (ccp_stage *s = head; s; s = s->port_count == 1 ? s->ports[0].fused : NULL)
        many = many || s->kind == CCPI_FLAT_MAP;
    return many && ccpi_stage_is_ordered(head) && room < CCPI_PIPE_FLAT ? CCPI_PIPE_FLAT : room;
}

/* Bytes of a buffer for them, and one element more. */
bool ccpi_stage_buffer(ccp_stage *head, size_t *bytes)
{
    size_t size = ccpi_pipe_tail(head)->out.size;
    if (!ccpi_size_mul_add(ccpi_stage_room(head), size, size + 15, bytes))
        return false;
    *bytes &= ~(size_t)15;
    return true;
}

ccpi_port *ccpi_pipe_port(ccp_stage *s, unsigned branch)
{
    if (branch == CCP_LETTERS)
        return rules[s->kind].may_fail && rules[s->kind].takes && s->kind != CCPI_JOIN ? &s->letters
                                                                                        : NULL;
    return branch < s->port_count ? &s->ports[branch] : NULL;
}

/* ---- what a stage takes ---- */

/* The stage and the port that `after` or one of the inputs names. */
static ccp_stage *resolve(ccp_stage *named, ccpi_port **port)
{
    if (!named)
        return NULL;
    bool is_branch = named->kind == CCPI_BRANCH;
    ccp_stage *s = is_branch ? named->of : named;
    if (!is_branch && s->port_count != 1)
        return NULL;
    *port = ccpi_pipe_port(s, is_branch ? named->branch : 0);
    return *port && !(*port)->edge && !(*port)->fused ? s : NULL;
}

static void drop_letter(void *letter, void *stage)
{
    const ccp_stage *s = stage;
    ccpi_elem_drop(&s->in, (char *)letter + sizeof(ccp_item));
}

/* What comes through a port of s. */
static bool elem_of(ccp_stage *s, const ccpi_port *port, ccpi_elem *e)
{
    *e = s->out;
    if (port != &s->letters)
        return true;
    *e = (ccpi_elem){ 0, s->in.drop ? drop_letter : NULL, s };
    return ccpi_size_mul_add(1, s->in.size, sizeof(ccp_item), &e->size);
}

ccpi_edge *ccpi_pipe_edge(ccp_pipeline *p, const ccpi_elem *e, const ccp_stage_opts *o)
{
    const ccp_chan_opts how = { .elem_size = e->size,
                                .capacity = o->queue ? o->queue : CCPI_PIPE_QUEUE,
                                .drop = e->drop,
                                .drop_arg = e->drop_arg,
                                .name = o->name };
    if (ccp_chan_memory(&how) == 0)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccpi_edge *edge = ccpi_alloc(sizeof *edge);
    ccp_chan *ch = edge ? ccp_chan_make(&how) : NULL;
    if (!ch) {
        ccpi_free(edge);
        return ccpi_pipe_refuse(p, CCP_NOMEM);
    }
    ccpi_track_part(ch, p);
    edge->ch = ch;
    edge->elem = *e;
    edge->next = p->edges;
    p->edges = edge;
    return edge;
}

/* Leads the port of a stage into an edge. */
static void lead(ccp_stage *from, ccpi_port *port, ccpi_edge *edge)
{
    port->edge = edge;
    edge->senders += from->head->opts.workers;
}

/* The edge into which the named stages lead from now on: one for all that come in `o`. */
static ccpi_edge *merge(ccp_pipeline *p, ccp_stage **named, size_t n, const ccp_stage_opts *o)
{
    ccpi_edge *edge = NULL;
    for (size_t i = 0; i < n; i++) {
        ccpi_port *port;
        ccpi_elem e;
        ccp_stage *from = resolve(named[i], &port);
        if (!from || from->pipeline != p || !elem_of(from, port, &e))
            return ccpi_pipe_refuse(p, CCP_INVAL);
        if (!edge)
            edge = ccpi_pipe_edge(p, &e, o);
        if (!edge)
            return NULL;
        if (e.size != edge->elem.size || e.drop != edge->elem.drop)
            return ccpi_pipe_refuse(p, CCP_INVAL);
        lead(from, port, edge);
    }
    return edge;
}

static ccpi_edge *input_of(ccp_pipeline *p, const ccp_stage_opts *o)
{
    ccp_stage *after = o->after ? o->after : p->last;
    if (!o->inputs)
        return merge(p, &after, 1, o);
    if (o->after || !o->input_count || o->input_count > CCPI_PIPE_MOST)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    return merge(p, o->inputs, o->input_count, o);
}

/* ---- adding ---- */

static bool right(ccpi_stage_kind kind, const ccp_stage_opts *o)
{
    const rule *r = &rules[kind];
    bool names_input = o->after || o->inputs || o->input_count;
    return (r->takes || !names_input) && (r->makes || !o->out_size) &&
           (r->takes || !r->makes || o->out_size) && o->workers <= CCPI_PIPE_MOST &&
           (r->has_workers || o->workers <= 1) && (r->fuses || !o->fused) &&
           (!o->fused || (!o->workers && !o->inputs && !o->queue && !o->chunk && !o->unordered)) &&
           (r->may_fail || (!o->attempts && !o->skip_failed)) &&
           (kind != CCPI_TEE || o->attempts <= 1) && o->backoff_ns >= 0 && o->backoff_max_ns >= 0;
}

static ccp_stage *new_stage(ccp_pipeline *p, ccpi_stage_kind kind, unsigned ports,
                            const ccp_stage_opts *o)
{
    ccp_stage *s = ccpi_alloc(sizeof *s);
    if (!s)
        return ccpi_pipe_refuse(p, CCP_NOMEM);
    s->ports = ports ? ccpi_alloc(ports * sizeof *s->ports) : NULL;
    if (ports && !s->ports) {
        ccpi_free(s);
        return ccpi_pipe_refuse(p, CCP_NOMEM);
    }
    s->pipeline = p;
    s->kind = kind;
    s->opts = *o;
    s->opts.workers = o->workers ? o->workers : 1;
    s->opts.name = o->name ? o->name : kind == CCPI_BRANCH ? NULL : rules[kind].name;
    s->head = s;
    s->port_count = ports;
    *p->last_stage = s;
    p->last_stage = &s->next;
    return s;
}

void ccpi_stage_free(ccp_stage *s)
{
    ccpi_free(s->ports);
    ccpi_free(s->inputs);
    ccpi_free(s);
}

/* Makes s run in the workers of the stage before it. */
static bool fuse(ccp_pipeline *p, ccp_stage *s)
{
    ccpi_port *port;
    ccp_stage *before = resolve(s->opts.after ? s->opts.after : p->last, &port);
    if (!before || before->pipeline != p || port != before->ports || before->kind == CCPI_SPLIT ||
        before->kind == CCPI_TEE ||
        (s->kind == CCPI_SINK && ccpi_stage_is_ordered(before->head)))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    port->fused = s;
    s->in = before->out;
    s->head = before->head;
    s->depth = ++s->head->fused;
    s->opts.workers = 0;
    return true;
}

static bool take_from(ccp_pipeline *p, ccp_stage *s)
{
    if (s->opts.fused)
        return fuse(p, s);
    s->inputs = ccpi_alloc(sizeof *s->inputs);
    if (!s->inputs)
        return ccpi_pipe_refuse(p, CCP_NOMEM);
    s->inputs[0] = input_of(p, &s->opts);
    s->input_count = s->inputs[0] != NULL;
    if (s->input_count)
        s->in = s->inputs[0]->elem;
    return s->input_count;
}

/* What s makes, if its options do not say otherwise: the kind that it takes. */
static void set_out(ccp_stage *s)
{
    bool own = s->opts.out_size != 0;
    s->out = own ? (ccpi_elem){ s->opts.out_size, NULL, NULL } : s->in;
    if (s->opts.drop) {
        s->out.drop = s->opts.drop;
        s->out.drop_arg = s->opts.drop_arg;
    }
}

ccp_stage *ccpi_pipe_add(ccp_pipeline *p, ccpi_stage_kind kind, unsigned ports,
                         const ccp_stage_opts *o)
{
    if (!ccpi_pipe_can_build(p))
        return NULL;
    if (!o)
        o = &defaults;
    if (!right(kind, o))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = new_stage(p, kind, ports, o);
    if (!s || (rules[kind].takes && kind != CCPI_JOIN && !take_from(p, s)))
        return NULL;
    set_out(s);
    if (kind == CCPI_FILTER && (s->out.drop != s->in.drop || s->out.drop_arg != s->in.drop_arg))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    p->last = ports ? s : NULL;
    return s;
}

ccp_stage *ccp_pipeline_source(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && (!step || !o))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_SOURCE, 1, o);
    if (s)
        s->fn.step = step;
    return s;
}

ccp_stage *ccp_pipeline_from(ccp_pipeline *p, ccp_chan *ch, const ccp_stage_opts *o)
{
    ccp_chan_info info;
    if (!ccpi_pipe_can_build(p))
        return NULL;
    ccp_stage_opts opts = o ? *o : defaults;
    if (ccp_chan_get_info(ch, &info) != CCP_OK || !info.elem_size ||
        (opts.out_size && opts.out_size != info.elem_size))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    opts.out_size = 0;
    ccp_stage *s = ccpi_pipe_add(p, CCPI_FROM, 1, &opts);
    if (s) {
        s->from = ch;
        s->out.size = info.elem_size;
    }
    return s;
}

ccp_stage *ccp_pipeline_map(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && !step)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_MAP, 1, o);
    if (s)
        s->fn.step = step;
    return s;
}

ccp_stage *ccp_pipeline_filter(ccp_pipeline *p, ccp_keep keep, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && !keep)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_FILTER, 1, o);
    if (s)
        s->fn.keep = keep;
    return s;
}

ccp_stage *ccp_pipeline_flat_map(ccp_pipeline *p, ccp_flat_step step, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && !step)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_FLAT_MAP, 1, o);
    if (s)
        s->fn.flat = step;
    return s;
}

ccp_stage *ccp_pipeline_sink(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && !step)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_SINK, 0, o);
    if (s)
        s->fn.step = step;
    return s;
}

/* ---- several ways ---- */

static void drop_batch(void *batch, void *stage)
{
    const ccp_stage *s = stage;
    const uint64_t *count = batch;
    char *items = (char *)batch + sizeof *count;
    for (uint64_t i = 0; i < *count; i++)
        ccpi_elem_drop(&s->in, items + i * s->in.size);
}

ccp_stage *ccp_pipeline_batch(ccp_pipeline *p, size_t most, int64_t ns, const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && (!most || (o && o->drop)))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_BATCH, 1, o);
    if (!s)
        return NULL;
    s->most = most;
    s->within_ns = ns;
    s->out = (ccpi_elem){ 0, s->in.drop ? drop_batch : NULL, s };
    return ccpi_size_mul_add(most, s->in.size, sizeof(uint64_t), &s->out.size)
               ? s
               : ccpi_pipe_refuse(p, CCP_INVAL);
}

static bool few(unsigned branches)
{
    return branches && branches <= CCPI_PIPE_MOST;
}

ccp_stage *ccp_pipeline_split(ccp_pipeline *p, ccp_route route, unsigned branches,
                              const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && (!route || !few(branches) || (o && o->drop)))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_SPLIT, branches, o);
    if (s)
        s->fn.route = route;
    return s;
}

ccp_stage *ccp_pipeline_tee(ccp_pipeline *p, ccp_step clone, unsigned branches,
                            const ccp_stage_opts *o)
{
    if (ccpi_pipe_can_build(p) && (!few(branches) || (o && o->drop)))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_TEE, branches, o);
    if (s && s->in.drop && !clone)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    if (s)
        s->fn.step = clone;
    return s;
}

ccp_stage *ccp_pipeline_join(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o)
{
    if (!ccpi_pipe_can_build(p))
        return NULL;
    if (!step || !o || !o->inputs || !o->input_count || o->input_count > CCPI_PIPE_MOST ||
        !o->out_size || o->after)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_JOIN, 1, o);
    if (!s)
        return NULL;
    s->fn.step = step;
    s->inputs = ccpi_alloc(o->input_count * sizeof *s->inputs);
    if (!s->inputs)
        return ccpi_pipe_refuse(p, CCP_NOMEM);
    for (; s->input_count < o->input_count; s->input_count++) {
        ccpi_edge *edge = merge(p, &o->inputs[s->input_count], 1, &s->opts);
        if (!edge)
            return NULL;
        s->inputs[s->input_count] = edge;
    }
    return s;
}

ccp_chan *ccp_pipeline_output(ccp_pipeline *p, const ccp_stage_opts *o)
{
    if (!ccpi_pipe_can_build(p))
        return NULL;
    if (!o)
        o = &defaults;
    ccpi_edge *edge = input_of(p, o);
    p->last = NULL;
    return edge ? edge->ch : NULL;
}

ccp_stage *ccp_stage_branch(ccp_stage *s, unsigned branch)
{
    if (!s || !ccpi_pipe_can_build(s->pipeline))
        return NULL;
    ccp_pipeline *p = s->pipeline;
    if (s->kind == CCPI_BRANCH || !ccpi_pipe_port(s, branch) ||
        (branch == CCP_LETTERS && s->opts.skip_failed))
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *b = new_stage(p, CCPI_BRANCH, 0, &defaults);
    if (!b)
        return NULL;
    b->of = s;
    b->branch = branch;
    return b;
}
