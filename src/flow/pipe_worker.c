/* SPDX-License-Identifier: MIT
 *
 * Pipelines: memory of a worker, all of which it has before it starts.
 *
 * uses: pipeline
 */
#include "flow/pipeline.h"

#include "base/mem.h"
#include "base/track.h"

/* What has to be placed, one after the other; each begins at a multiple of 16. */
typedef struct layout {
    size_t size;
    bool fits;
    char *base; /* NULL: only the size is wanted */
} layout;

static void *put(layout *l, size_t n, size_t size)
{
    size_t bytes, end;
    l->fits = l->fits && ccpi_size_mul_add(n, size, 15, &bytes) &&
              ccpi_size_mul_add(1, l->size, bytes & ~(size_t)15, &end);
    if (!l->fits)
        return NULL;
    char *at = l->base ? l->base + l->size : NULL;
    l->size = end;
    return at;
}

/* Places what a join takes: a pointer to each part, and the parts. */
static void put_parts(ccpi_pipe_worker *w, layout *l)
{
    const ccp_stage *s = w->stage;
    w->in = put(l, s->input_count, sizeof(void *));
    for (size_t i = 0; i < s->input_count; i++) {
        void *part = put(l, 1, s->inputs[i]->elem.size);
        if (l->base)
            ((void **)(void *)w->in)[i] = part;
    }
}

static void put_input(ccpi_pipe_worker *w, layout *l)
{
    const ccp_stage *s = w->stage;
    if (s->kind == CCPI_JOIN)
        put_parts(w, l);
    else if (s->kind == CCPI_BATCH)
        w->in = put(l, 1, s->out.size);
    else
        w->in = put(l, ccpi_stage_chunk(s), s->in.size);
}

static void put_all(ccpi_pipe_worker *w, layout *l)
{
    ccp_stage *head = w->stage;
    size_t buffer = 0, letter = 0;
    put_input(w, l);
    l->fits = l->fits && ccpi_stage_buffer(head, &buffer);
    w->buffer = put(l, 1, buffer);
    w->counts = put(l, head->fused + 1, sizeof *w->counts);
    w->scratch = put(l, head->fused + 1, sizeof *w->scratch);
    w->shut = put(l, head->port_count, sizeof *w->shut);
    for (ccp_stage *s = head; s; s = s->port_count == 1 ? s->ports[0].fused : NULL) {
        void *scratch = put(l, 1, s->out.size);
        if (l->base)
            w->scratch[s->depth] = scratch;
        letter = s->in.size > letter ? s->in.size : letter;
    }
    w->letter = put(l, 1, letter + sizeof(ccp_item));
}

bool ccpi_pipe_worker_make(ccp_stage *head, unsigned number, ccp_ctx *parent)
{
    ccpi_pipe_worker *w = &head->workers[number];
    layout l = { 0, true, NULL };
    w->stage = head;
    w->number = number;
    w->room = ccpi_stage_room(head);
    put_all(w, &l);
    w->memory = l.fits ? ccpi_alloc_lines(l.size) : NULL;
    if (!w->memory)
        return false;
    put_all(w, &(layout){ 0, true, w->memory });
    w->ctx = ccp_ctx_new_value(parent, &ccpi_pipe_key, w);
    w->turn = head->order ? ccp_chan_new(0, 1) : NULL;
    ccpi_track_part(w->ctx, head->pipeline);
    ccpi_track_part(w->turn, head->pipeline);
    return w->ctx && (w->turn || !head->order);
}

/* Drops what it has made and not handed on.  The buffer may be one of the order's. */
void ccpi_pipe_worker_drop(ccpi_pipe_worker *w)
{
    const ccpi_elem *e = &ccpi_pipe_tail(w->stage)->out;
    for (size_t i = 0; i < w->made; i++)
        ccpi_elem_drop(e, w->buffer + i * e->size);
    w->made = 0;
}

void ccpi_pipe_worker_unmake(ccpi_pipe_worker *w)
{
    (void)ccp_ctx_free(w->ctx);
    (void)ccp_chan_free(w->turn);
    ccpi_free_lines(w->memory);
}
