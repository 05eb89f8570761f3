/* SPDX-License-Identifier: MIT
 *
 * Pipelines: what a worker does with items.
 *
 * A worker takes up to `chunk` items, brings one after the other through the step of its stage and
 * those fused to it, and hands on what was made of them.  It ends when there are no more items,
 * when nobody wants what it makes, or when the pipeline is canceled; what it then has in its hands
 * it drops.
 *
 * uses: pipeline
 */
#include "coord/await.h"
#include "flow/pipeline.h"


const char ccpi_pipe_key;

struct ccp_out {
    ccpi_pipe_worker *worker;
    ccp_stage *stage;
};

static void run_item(ccpi_pipe_worker *w, ccp_stage *s, const void *in);

static ccpi_counts *counts_of(ccpi_pipe_worker *w, const ccp_stage *s)
{
    return &w->counts[s->depth];
}

/* Why a wait of a worker failed: nobody wants more, or the pipeline was canceled. */
static void end_with(ccpi_pipe_worker *w, ccp_status st)
{
    w->end = st == CCP_CLOSED ? CCPI_WANTS_NO_MORE : CCPI_STOPPED;
}

static void drop_all(const ccpi_elem *e, char *elems, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ccpi_elem_drop(e, elems + i * e->size);
}

/* ---- handing on ---- */

/* Sends n elements, or drops those that nobody takes any more. */
void ccpi_pipe_send(ccpi_pipe_worker *w, char *elems, size_t n)
{
    ccp_stage *s = ccpi_pipe_tail(w->stage);
    size_t sent = 0;
    while (sent < n && w->end != CCPI_STOPPED) {
        size_t some;
        ccp_status st = ccp_chan_send_n(s->ports[0].edge->ch, elems + sent * s->out.size, n - sent,
                                        &some, ccp_with(w->ctx));
        if (st != CCP_OK) {
            end_with(w, st);
            break;
        }
        sent += some;
    }
    ccpi_count(&counts_of(w, s)->given, sent);
    drop_all(&s->out, elems + sent * s->out.size, n - sent);
}

static void send_made(ccpi_pipe_worker *w)
{
    size_t made = w->made;
    w->made = 0;
    if (made)
        ccpi_pipe_send(w, w->buffer, made);
}

/* Where the next element of s is to be made. */
static void *place(ccpi_pipe_worker *w, const ccp_stage *s)
{
    if (!s->port_count)
        return s->kind == CCPI_AGAIN ? w->scratch[s->depth] : NULL;
    return s->ports[0].fused ? w->scratch[s->depth] : w->buffer + w->made * s->out.size;
}

static void append(ccpi_pipe_worker *w, const ccp_stage *s, const void *elem)
{
    void *to = place(w, s);
    if (to != elem)
        ccpi_copy(to, elem, s->out.size);
    w->made++;
}

/* Makes room for one more in the buffer, by sending from it when its turn has come. */
static ccp_status make_room(ccpi_pipe_worker *w, const ccp_stage *s, ccp_wait wait)
{
    ccp_status st = CCP_OK;
    if (w->stage->order && w->made >= w->room)
        st = ccpi_pipe_order_turn(w, wait);
    while (st == CCP_OK && w->made >= w->room) {
        size_t some;
        st = ccp_chan_send_n(s->ports[0].edge->ch, w->buffer, w->made, &some, wait);
        if (st != CCP_OK)
            break;
        ccpi_count(&counts_of(w, s)->given, some);
        w->made -= some;
        memmove(w->buffer, w->buffer + some * s->out.size, w->made * s->out.size);
    }
    return st;
}

/* Hands on an element of s: *elem, which may lie in its place already. */
static void hand_on(ccpi_pipe_worker *w, ccp_stage *s, const void *elem)
{
    if (s->ports[0].fused) {
        run_item(w, s->ports[0].fused, elem);
        return;
    }
    append(w, s, elem);
    if (w->made < w->room)
        return;
    if (!w->stage->order)
        send_made(w);
    else if (w->made > w->room) {
        ccp_status st = make_room(w, s, ccp_with(w->ctx));
        if (st != CCP_OK)
            end_with(w, st);
    }
}

/* Sends *elem by one of several branches, or drops it. */
static void send_by(ccpi_pipe_worker *w, ccp_stage *s, unsigned branch, void *elem)
{
    if (branch >= s->port_count || w->shut[branch]) {
        ccpi_elem_drop(&s->out, elem);
        return;
    }
    ccp_status st = ccp_chan_send(s->ports[branch].edge->ch, elem, ccp_with(w->ctx));
    if (st == CCP_OK) {
        ccpi_count(&counts_of(w, s)->given, 1);
        return;
    }
    ccpi_elem_drop(&s->out, elem);
    w->shut[branch] = true;
    bool all = true;
    for (unsigned i = 0; i < s->port_count; i++)
        all = all && w->shut[i];
    if (all || st != CCP_CLOSED)
        end_with(w, st);
}

static ccp_status emit(ccpi_pipe_worker *w, ccp_stage *s, const void *elem, ccp_wait wait)
{
    if (s->ports[0].fused) {
        hand_on(w, s, elem);
        return CCP_OK;
    }
    bool at_once = !w->stage->order && w->room == 1;
    ccp_status st = at_once ? ccp_chan_send(s->ports[0].edge->ch, elem, wait)
                            : make_room(w, s, wait);
    if (st == CCP_OK && at_once)
        ccpi_count(&counts_of(w, s)->given, 1);
    else if (st == CCP_OK)
        append(w, s, elem);
    return st;
}

ccp_status ccp_stage_emit(ccp_out *out, const void *elem, ccp_wait w)
{
    if (!out || !elem)
        return CCP_INVAL;
    ccpi_pipe_worker *worker = out->worker;
    if (!w.ctx_)
        w = ccp_under(worker->ctx, w);
    ccp_status st = ccp_ctx_status(w.ctx_);
    if (st != CCP_OK)
        return st;
    if (worker->end != CCPI_GOES_ON)
        st = worker->end == CCPI_WANTS_NO_MORE ? CCP_CLOSED : CCP_CANCELED;
    else
        st = emit(worker, out->stage, elem, w);
    if (st == CCP_CLOSED)
        worker->end = CCPI_WANTS_NO_MORE;
    return st;
}

ccp_status ccp_stage_item(const ccp_ctx *ctx, ccp_item *out)
{
    const ccpi_pipe_worker *w = ccp_ctx_value(ctx, &ccpi_pipe_key);
    if (!w || !out)
        return CCP_INVAL;
    *out = w->item;
    return CCP_OK;
}

/* ---- items that failed ---- */

static bool send_letter(ccpi_pipe_worker *w, ccp_stage *s, const void *in)
{
    memcpy(w->letter, &w->item, sizeof w->item);
    ccpi_copy(w->letter + sizeof w->item, in, s->in.size);
    ccpi_pipe_count_letter(w, s);
    ccp_status st = ccp_chan_send(s->letters.edge->ch, w->letter, ccp_with(w->ctx));
    if (st == CCP_OK && s->back)
        w->counted = false; /* B4 */
    if (st == CCP_OK)
        ccpi_count(&counts_of(w, s)->letters, 1);
    else if (st != CCP_CLOSED)
        end_with(w, st);
    return st == CCP_OK;
}

/* Deals with an item for which the step returned anything but CCP_OK. */
static CCPI_COLD void settle(ccpi_pipe_worker *w, ccp_stage *s, void *in, ccp_status st)
{
    w->item.stage = s;
    w->item.status = st;
    bool failed = st != CCP_CLOSED && ccp_ctx_status(w->ctx) == CCP_OK;
    if (!failed)
        end_with(w, st);
    else
        ccpi_count(&counts_of(w, s)->failed, 1);
    if (in) { /* who takes nothing, or several parts, has no letters */
        if (failed && s->letters.edge && send_letter(w, s, in))
            return;
        ccpi_elem_drop(&s->in, in);
    }
    if (failed && !s->letters.edge && !s->opts.skip_failed) {
        w->failure = w->item;
        w->end = CCPI_STOPPED;
    }
}

/* Pauses before an attempt; false: the pipeline was canceled. */
static bool pause_before(ccpi_pipe_worker *w, const ccp_stage *s, unsigned attempt)
{
    int64_t ns = s->opts.backoff_ns, most = s->opts.backoff_max_ns;
    for (unsigned i = 2; i < attempt && ns < INT64_MAX / 2 && (!most || ns < most); i++)
        ns *= 2;
    if (most && ns > most)
        ns = most;
    return ns ? ccp_sleep(ccp_under(w->ctx, ccp_within(ns))) == CCP_OK
              : ccp_ctx_status(w->ctx) == CCP_OK;
}

/* ---- steps ---- */

static ccp_status call(ccpi_pipe_worker *w, ccp_stage *s, const void *in, void *out)
{
    if (s->kind != CCPI_FLAT_MAP)
        return s->fn.step(w->ctx, in, out, s->opts.arg);
    ccp_out emits = { w, s };
    return s->fn.flat(w->ctx, in, &emits, s->opts.arg);
}

/* A step has failed: calls it until it does not fail, or has failed often enough. */
static CCPI_COLD ccp_status call_again(ccpi_pipe_worker *w, ccp_stage *s, const void *in, void *out,
                                       ccp_status st)
{
    unsigned n = 1; /* not in the item alone: what a flat step has made overwrites that */
    while (st != CCP_OK && st != CCP_CLOSED && n < s->opts.attempts && w->end == CCPI_GOES_ON &&
           pause_before(w, s, n + 1)) {
        ccpi_count(&counts_of(w, s)->retried, 1);
        w->item.stage = s;
        w->item.attempts = ++n;
        st = call(w, s, in, out);
    }
    w->item.attempts = n;
    return st;
}

/* Calls a step, several times if it fails and shall be called again.  `out` is its place. */
CCPI_INLINE ccp_status attempt(ccpi_pipe_worker *w, ccp_stage *s, const void *in, void *out)
{
    w->item.stage = s;
    w->item.attempts = 1;
    ccp_status st = call(w, s, in, out);
    return CCPI_LIKELY(st == CCP_OK) ? st : call_again(w, s, in, out, st);
}

/* All branches but the last one get copies. */
static ccp_status copy_by_all(ccpi_pipe_worker *w, ccp_stage *s, void *elem)
{
    for (unsigned i = 0; i + 1 < s->port_count && w->end == CCPI_GOES_ON; i++) {
        ccp_status st = CCP_OK;
        if (w->shut[i])
            continue;
        if (s->fn.step)
            st = s->fn.step(w->ctx, elem, w->letter, s->opts.arg);
        else
            ccpi_copy(w->letter, elem, s->out.size);
        if (st != CCP_OK)
            return st;
        send_by(w, s, i, w->letter);
    }
    send_by(w, s, s->port_count - 1, elem);
    return CCP_OK;
}

/* Brings an item through a stage.  What is made of it for a stage fused to that is returned, all
 * else is dealt with. */
static void *run_stage(ccpi_pipe_worker *w, ccp_stage *s, void *in)
{
    ccp_status st = CCP_OK;
    void *out = in;
    bool made = true;
    ccpi_count(&counts_of(w, s)->taken, 1);
    w->item.status = CCP_OK;
    switch (s->kind) {
    case CCPI_MAP:
        out = place(w, s);
        st = attempt(w, s, in, out);
        break;
    case CCPI_FILTER:
        made = s->fn.keep(in, s->opts.arg);
        if (!made)
            ccpi_elem_drop(&s->in, in);
        break;
    case CCPI_SPLIT:
        made = false;
        send_by(w, s, s->fn.route(in, s->opts.arg), in);
        break;
    case CCPI_TEE:
        made = false;
        w->item.stage = s;
        w->item.attempts = 1;
        st = copy_by_all(w, s, in);
        break;
    default:
        made = false;
        st = attempt(w, s, in, place(w, s));
        if (st == CCP_OK && s->kind == CCPI_AGAIN)
            ccpi_pipe_give_back(w, s);
    }
    if (CCPI_UNLIKELY(st != CCP_OK)) {
        settle(w, s, in, st);
        return NULL;
    }
    if (!made || s->ports[0].fused)
        return made ? out : NULL;
    hand_on(w, s, out);
    return NULL;
}

static void run_item(ccpi_pipe_worker *w, ccp_stage *s, const void *item)
{
    void *in = (void *)(uintptr_t)item; /* it is in memory of the worker's */
    while ((in = run_stage(w, s, in)))
        s = s->ports[0].fused;
}

/* ---- items ---- */

/* Takes up to `chunk` items, at least one.  CCP_AGAIN: not now, call again. */
ccp_status ccpi_pipe_take(ccpi_pipe_worker *w)
{
    const ccp_stage *s = w->stage;
    if (s->back)
        return ccpi_pipe_take_again(w);
    size_t chunk = ccpi_stage_chunk(s);
    ccp_chan *ch = s->inputs[0]->ch;
    w->got = 1;
    ccp_status st = chunk == 1 ? ccp_chan_recv(ch, w->in, ccp_with(w->ctx))
                               : ccp_chan_recv_n(ch, w->in, chunk, &w->got, ccp_with(w->ctx));
    if (st != CCP_OK)
        w->got = 0;
    return st;
}

static ccp_status take(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    if (s->order)
        return ccpi_pipe_order_take(w);
    ccp_status st = ccpi_pipe_take(w);
    if (st != CCP_OK)
        return st;
    if (s->opts.workers == 1)
        w->item.index = atomic_load_explicit(&w->counts[0].taken, CCPI_RLX); /* its own */
    else /* relaxed: a number */
        w->item.index = atomic_fetch_add_explicit(&s->next_index, w->got, CCPI_RLX);
    return st;
}

static void run_chunk(ccpi_pipe_worker *w)
{
    const ccpi_elem *e = &w->stage->in;
    for (w->at = 0; w->at < w->got && w->end == CCPI_GOES_ON; w->item.index++) {
        char *in = w->in + w->at++ * e->size;
        w->counted = w->returned || w->stage->kind == CCPI_AGAIN;
        run_item(w, w->stage, in);
        ccpi_pipe_item_done(w);
    }
    drop_all(e, w->in + w->at * e->size, w->got - w->at);
    if (w->stage->order)
        ccpi_pipe_order_hand_on(w);
    else
        send_made(w);
}

static void run_items(ccpi_pipe_worker *w)
{
    ccp_status st = CCP_OK;
    while (w->end == CCPI_GOES_ON && ((st = take(w)) == CCP_OK || st == CCP_AGAIN))
        if (st == CCP_OK)
            run_chunk(w);
    if (st != CCP_OK && st != CCP_CLOSED)
        w->end = CCPI_STOPPED;
}

/* ---- sources ---- */

static bool is_closing(const ccpi_pipe_worker *w)
{
    /* Relaxed: nothing is published by it. */
    return atomic_load_explicit(&w->stage->pipeline->closing, CCPI_RLX);
}

/* A channel that is closed and drained has no more, which is no reason to cancel it. */
static ccp_status next_element(ccpi_pipe_worker *w, bool *over)
{
    ccp_stage *s = w->stage;
    if (s->kind == CCPI_SOURCE) {
        ccp_status st = attempt(w, s, NULL, place(w, s));
        *over = st == CCP_CLOSED;
        return st;
    }
    ccp_status st = ccp_chan_recv(s->from, place(w, s), ccp_with(w->ctx));
    *over = st == CCP_CLOSED;
    return st;
}

static void run_source(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    bool over = false;
    for (; w->end == CCPI_GOES_ON && !over; w->item.index++) {
        if (ccp_ctx_status(w->ctx) != CCP_OK)
            w->end = CCPI_STOPPED;
        else if (s->kind == CCPI_SOURCE && is_closing(w))
            over = true;
        if (over || w->end != CCPI_GOES_ON)
            break;
        w->item.status = CCP_OK;
        ccp_status st = next_element(w, &over);
        if (st == CCP_OK) {
            ccpi_count(&w->counts[0].taken, 1);
            hand_on(w, s, place(w, s));
        } else if (!over)
            settle(w, s, NULL, st);
    }
    send_made(w);
    if (s->kind == CCPI_FROM && !over)
        (void)ccp_chan_cancel(s->from);
}

/* ---- batches and joins ---- */

/* Collects into the buffer, which is one batch.  CCP_OK: it is complete. */
static ccp_status collect(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    uint64_t *count = (void *)w->in;
    char *items = w->in + sizeof *count;
    ccp_wait wait = ccp_with(w->ctx);
    *count = 0;
    while (*count < s->most) {
        size_t some;
        ccp_status st = ccp_chan_recv_n(s->inputs[0]->ch, items + *count * s->in.size,
                                        s->most - *count, &some, wait);
        if (st == CCP_TIMEOUT && *count && ccp_ctx_status(w->ctx) == CCP_OK)
            break;
        if (st != CCP_OK)
            return st;
        if (!*count && s->within_ns > 0)
            wait = ccp_under(w->ctx, ccp_start(ccp_within(s->within_ns)));
        *count += some;
        ccpi_count(&w->counts[0].taken, some);
    }
    return CCP_OK;
}

static void run_batches(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    const uint64_t *count = (void *)w->in;
    while (w->end == CCPI_GOES_ON) {
        ccp_status st = collect(w);
        if (st != CCP_OK && st != CCP_CLOSED)
            w->end = CCPI_STOPPED;
        if (*count && w->end == CCPI_GOES_ON) {
            hand_on(w, s, w->in);
        } else
            ccpi_elem_drop(&s->out, w->in);
        if (st != CCP_OK)
            return;
    }
}

/* Drops the parts before `n`. */
static void drop_parts(const ccp_stage *s, void **parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ccpi_elem_drop(&s->inputs[i]->elem, parts[i]);
}

static void run_joins(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    void **parts = (void *)w->in;
    for (; w->end == CCPI_GOES_ON; w->item.index++) {
        ccp_status st = CCP_OK;
        size_t n = 0;
        for (; n < s->input_count && st == CCP_OK; n += st == CCP_OK)
            st = ccp_chan_recv(s->inputs[n]->ch, parts[n], ccp_with(w->ctx));
        if (st != CCP_OK) {
            drop_parts(s, parts, n);
            end_with(w, st);
            return;
        }
        ccpi_count(&w->counts[0].taken, 1);
        w->item.status = CCP_OK;
        st = attempt(w, s, parts, place(w, s));
        if (st == CCP_OK) {
            hand_on(w, s, place(w, s));
        } else {
            drop_parts(s, parts, n);
            settle(w, s, NULL, st);
        }
    }
}

/* ---- a worker's life ---- */

static void leave_port(const ccpi_port *port)
{
    if (port->edge && port->edge->counted)
        (void)ccp_chan_sender_done(port->edge->ch);
}

/* B1; L8: whoever stops before its inputs are drained lets those before it stop.  Not after a
 * failure, of which the group has still to learn (L6): until then the others of the stage go on,
 * and nothing may be missing from what they take; then all stop. */
static void leave(ccpi_pipe_worker *w)
{
    const ccp_stage *head = w->stage;
    bool stops = w->end != CCPI_GOES_ON && w->failure.status == CCP_OK;
    for (size_t i = 0; i < head->input_count && stops; i++)
        (void)ccp_chan_cancel(head->inputs[i]->ch);
    ccpi_pipe_leave_back(w);
    for (const ccp_stage *s = head; s; s = s->port_count == 1 ? s->ports[0].fused : NULL) {
        leave_port(&s->letters);
        for (unsigned i = 0; i < s->port_count; i++)
            leave_port(&s->ports[i]);
    }
    if (w->end == CCPI_STOPPED) /* relaxed: read after the workers have returned */
        atomic_store_explicit(&head->pipeline->cut, 1, CCPI_RLX);
}

ccp_status ccpi_pipe_work(ccp_ctx *ctx, void *worker)
{
    ccpi_pipe_worker *w = worker;
    (void)ctx;
    w->item.worker = w->number;
    (void)ccpi_await_elem(w->stage->pipeline->gate, NULL);
    if (!ccpi_pipe_is_started(w->stage->pipeline))
        return CCP_OK;
    switch (w->stage->kind) {
    case CCPI_SOURCE:
    case CCPI_FROM:
        run_source(w);
        break;
    case CCPI_BATCH:
        run_batches(w);
        break;
    case CCPI_JOIN:
        run_joins(w);
        break;
    default:
        run_items(w);
    }
    leave(w);
    return w->failure.status;
}
