/* SPDX-License-Identifier: MIT
 *
 * Pipelines: letters whose items go back to the stage that they came from.
 *
 * A stage with a way back takes what came back before it takes anything new.  So the number of
 * items that go around is bounded: when a worker takes a new one, none is in `back`, and the others
 * are letters in the channel of those, or in somebody's hands.  `back` has room for as many as can
 * be in hands; so who sends there never waits for long, and not all can wait for each other.
 *
 * uses: pipeline
 */
#include "flow/pipeline.h"

#include "base/mem.h"

/* The edge through which items come back to s from a stage with the options o. */
static ccpi_edge *new_way(ccp_pipeline *p, const ccp_stage *s, const ccp_stage *again)
{
    size_t hands, all;
    if (!ccpi_size_mul_add(s->opts.workers, ccpi_stage_chunk(s), 0, &hands) ||
        !ccpi_size_mul_add(again->opts.workers, ccpi_stage_chunk(again), hands, &all)) {
        p->status = CCP_INVAL;
        return NULL;
    }
    const ccp_stage_opts how = { .queue = all, .name = again->opts.name };
    ccpi_edge *way = ccpi_pipe_edge(p, &s->in, &how);
    if (way)
        way->senders = s->opts.workers; /* B4 */
    return way;
}

/* The stage whose letters the options name, if items can go back to it. */
static ccp_stage *origin(const ccp_stage_opts *o)
{
    ccp_stage *b = o ? o->after : NULL;
    if (!b || b->kind != CCPI_BRANCH || b->branch != CCP_LETTERS || o->drop)
        return NULL;
    ccp_stage *s = b->of;
    bool has_step = s->kind == CCPI_MAP || s->kind == CCPI_FLAT_MAP || s->kind == CCPI_SINK;
    return has_step && s->head == s ? s : NULL;
}

ccp_stage *ccp_pipeline_again(ccp_pipeline *p, ccp_step step, const ccp_stage_opts *o)
{
    if (!ccpi_pipe_can_build(p))
        return NULL;
    ccp_stage *from = origin(o);
    if (!step || !from)
        return ccpi_pipe_refuse(p, CCP_INVAL);
    ccp_stage *s = ccpi_pipe_add(p, CCPI_AGAIN, 0, o);
    if (!s)
        return NULL;
    s->fn.step = step;
    s->of = from;
    s->out = from->in;
    from->back = new_way(p, from, s);
    return from->back ? s : NULL;
}

/* ---- the stage that items come back to ---- */

/* Takes more of what came back, or of what is new, if it is there. */
static void top_up(ccpi_pipe_worker *w, ccp_chan *ch)
{
    const ccp_stage *s = w->stage;
    size_t chunk = ccpi_stage_chunk(s), more;
    if (chunk == 1)
        return;
    if (ccp_chan_recv_n(ch, w->in + s->in.size, chunk - 1, &more, CCP_NOWAIT) == CCP_OK)
        w->got += more;
}

/* Takes what came back, or if there is nothing, what is new.  CCP_AGAIN: nothing new will come, and
 * the next call takes what comes back alone. */
ccp_status ccpi_pipe_take_again(ccpi_pipe_worker *w)
{
    ccp_chan *back = w->stage->back->ch, *fresh = w->stage->inputs[0]->ch;
    w->got = 0;
    while (!w->cut_off || !w->no_more) {
        const ccp_case cases[] = { CCP_CASE_RECV(w->cut_off ? NULL : back, w->in),
                                   CCP_CASE_RECV(w->no_more ? NULL : fresh, w->in) };
        size_t chosen = 0;
        ccp_status st = ccp_select_first(cases, 2, &chosen, ccp_with(w->ctx));
        if (st == CCP_OK) {
            w->got = 1;
            w->returned = chosen == 0;
            top_up(w, w->returned ? back : fresh);
        }
        if (st != CCP_CLOSED)
            return st;
        if (chosen == 1) {
            w->no_more = true;
            (void)ccp_chan_sender_done(back); /* B4 */
            return CCP_AGAIN;
        }
        w->cut_off = true;
    }
    return CCP_CLOSED;
}

/* B4: before a letter of the item under way is sent, which is then counted in place of it. */
void ccpi_pipe_count_letter(ccpi_pipe_worker *w, const ccp_stage *s)
{
    if (s->back && !w->counted)
        w->counted = ccp_chan_add_senders(s->back->ch, 1) == CCP_OK;
}

/* B4: the item under way has met its end here.  Once the way back is canceled nobody counts, and a
 * letter that was sent after that was not counted. */
void ccpi_pipe_item_done(ccpi_pipe_worker *w)
{
    const ccp_stage *s = w->stage;
    if (!w->counted)
        return;
    ccp_chan *back = (s->kind == CCPI_AGAIN ? s->of->back : s->back)->ch;
    if (!ccp_chan_is_closed(back))
        (void)ccp_chan_sender_done(back);
    w->counted = false;
}

void ccpi_pipe_leave_back(ccpi_pipe_worker *w)
{
    const ccp_stage *s = w->stage;
    ccpi_edge *way = s->kind == CCPI_AGAIN ? s->of->back : s->back;
    if (!way)
        return;
    if (w->end != CCPI_GOES_ON)
        (void)ccp_chan_cancel(way->ch);
    if (s->kind != CCPI_AGAIN && !w->no_more)
        (void)ccp_chan_sender_done(way->ch);
}

/* ---- the stage that sends them back ---- */

/* The step of s has made of a letter the item that goes back. */
void ccpi_pipe_give_back(ccpi_pipe_worker *w, ccp_stage *s)
{
    void *item = w->scratch[s->depth];
    ccp_status st = ccp_chan_send(s->of->back->ch, item, ccp_with(w->ctx));
    if (st == CCP_OK) {
        w->counted = false; /* B4: the item is */
        ccpi_count(&w->counts[s->depth].given, 1);
        return;
    }
    ccpi_elem_drop(&s->out, item);
    w->end = st == CCP_CLOSED ? CCPI_WANTS_NO_MORE : CCPI_STOPPED;
}
