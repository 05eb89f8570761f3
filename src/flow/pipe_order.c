/* SPDX-License-Identifier: MIT
 *
 * Pipelines: bringing what several workers made into the order of the items.
 *
 * Representation  A worker takes a chunk and its number, the ticket, in one step: `next` is a
 *                 channel of one element, which is in it unless a worker is taking.  What a worker
 *                 made of its chunk it sends when the ticket is `head`; before that it leaves it in
 *                 the slot of the ticket and goes on with another buffer.
 *
 * Invariants
 *   R1  Chunks are taken in the order of their tickets.
 *   R2  Only the worker that has the ticket `head` sends, and then those whose slots are filled,
 *       one after the other.  So elements leave in the order of tickets.
 *   R3  A filled slot has a ticket in [head, head + slots): a worker that is farther ahead waits.
 *       The worker with the ticket `head` never waits here, so `head` goes on.
 *   R4  A slot that is not filled has an empty buffer.
 *   R5  A worker with `waiting` set is told once, through `turn`, and by whoever clears that.
 * Locks           `lock` protects head, the slots, and of the workers `waiting` and `ahead`.
 *
 * uses: pipeline
 */
#include "flow/pipeline.h"

#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"

typedef struct slot {
    char *buffer;
    size_t made;
    bool filled;
    bool last; /* nothing is to follow */
} slot;

typedef struct position {
    uint64_t ticket, index;
} position;

typedef struct ccpi_pipe_order {
    ccpi_lock lock;
    uint64_t head; /* under lock */
    size_t slots;
    slot *slot;    /* under lock */
    ccp_chan *next;
    bool over;     /* of the worker that has the ticket `head`: drop what follows */
    char *memory;  /* of the slots' buffers */
} order;

void ccpi_pipe_order_free(ccp_stage *head)
{
    order *o = head->order;
    if (!o)
        return;
    const ccpi_elem *e = &ccpi_pipe_tail(head)->out;
    for (size_t i = 0; o->slot && i < o->slots; i++)
        for (size_t k = 0; k < o->slot[i].made; k++)
            ccpi_elem_drop(e, o->slot[i].buffer + k * e->size);
    (void)ccp_chan_free(o->next);
    ccpi_free_lines(o->memory);
    ccpi_free(o->slot);
    ccpi_free(o);
    head->order = NULL;
}

static bool get_parts(order *o, size_t buffer)
{
    size_t slots, bytes;
    if (!ccpi_size_mul_add(o->slots, buffer, 0, &bytes) ||
        !ccpi_size_mul_add(o->slots, sizeof(slot), 0, &slots))
        return false;
    o->next = ccp_chan_new(sizeof(position), 1);
    o->slot = ccpi_alloc(slots);
    o->memory = ccpi_alloc_lines(bytes);
    return o->next && o->slot && o->memory;
}

bool ccpi_pipe_order_make(ccp_stage *head)
{
    order *o = ccpi_alloc(sizeof *o);
    if (!o)
        return false;
    head->order = o;
    o->slots = (size_t)head->opts.workers * CCPI_PIPE_AHEAD;
    size_t buffer;
    if (!ccpi_stage_buffer(head, &buffer) || !get_parts(o, buffer)) {
        ccpi_pipe_order_free(head);
        return false;
    }
    for (size_t i = 0; i < o->slots; i++)
        o->slot[i].buffer = o->memory + i * buffer;
    ccpi_track_part(o->next, head->pipeline);
    return ccp_chan_send(o->next, &(position){ 0, 0 }, CCP_NOWAIT) == CCP_OK;
}

/* R1.  Once a worker knows that nothing new will come it does not wait while it has `next`: the
 * others have still to see that. */
ccp_status ccpi_pipe_order_take(ccpi_pipe_worker *w)
{
    ccp_stage *s = w->stage;
    position p;
    bool first = w->no_more;
    ccp_status st = first ? ccpi_pipe_take(w) : CCP_OK;
    if (st != CCP_OK)
        return st;
    st = ccp_chan_recv(s->order->next, &p, ccp_with(w->ctx));
    if (st != CCP_OK) {
        for (size_t i = 0; first && i < w->got; i++)
            ccpi_elem_drop(&s->in, w->in + i * s->in.size);
        return st;
    }
    if (!first)
        st = ccpi_pipe_take(w);
    if (st == CCP_OK) {
        w->ticket = p.ticket++;
        w->item.index = p.index;
        p.index += w->got;
    }
    (void)!ccp_chan_send(s->order->next, &p, CCP_NOWAIT); /* there is room: it was taken out */
    return st;
}

/* The worker that may go on now that head has moved and waits, if there is one with that ticket. */
static ccpi_pipe_worker *take_waiter(ccp_stage *s, ccpi_pipe_worker *from)
{
    const order *o = s->order;
    for (ccpi_pipe_worker *w = from; w < s->workers + s->opts.workers; w++)
        if (w->waiting && w->ticket - o->head <= w->ahead) {
            w->waiting = false;
            return w;
        }
    return NULL;
}

/* Moves head on by one.  True: the next slot is filled, and *next has got it for an empty one. */
static bool advance(ccp_stage *s, slot *next)
{
    order *o = s->order;
    ccpi_pipe_worker *told = s->workers;
    bool filled;
    ccpi_lock_acquire(&o->lock);
    o->head++;
    slot *at = &o->slot[o->head % o->slots];
    filled = at->filled;
    if (filled) {
        slot empty = { next->buffer, 0, false, false };
        *next = *at;
        *at = empty;
    }
    told = take_waiter(s, told);
    ccpi_lock_release(&o->lock);
    while (told) { /* R5 */
        (void)!ccp_chan_send(told->turn, NULL, CCP_NOWAIT);
        ccpi_lock_acquire(&o->lock);
        told = take_waiter(s, told + 1);
        ccpi_lock_release(&o->lock);
    }
    return filled;
}

/* Waits until the worker's ticket is at most `ahead` after head. */
static ccp_status wait_until_near(ccpi_pipe_worker *w, uint64_t ahead, ccp_wait wait)
{
    order *o = w->stage->order;
    ccpi_lock_acquire(&o->lock);
    w->waiting = w->ticket - o->head > ahead;
    w->ahead = ahead;
    bool near = !w->waiting;
    ccpi_lock_release(&o->lock);
    if (near)
        return CCP_OK;
    ccp_status st = ccp_chan_recv(w->turn, NULL, wait);
    if (st == CCP_OK)
        return st;
    ccpi_lock_acquire(&o->lock);
    bool told = !w->waiting;
    w->waiting = false;
    ccpi_lock_release(&o->lock);
    return told ? ccp_chan_recv(w->turn, NULL, CCP_FOREVER) : st; /* R5: it is there, or comes */
}

/* Sends the n elements, unless the last one has been sent.  The ticket of w is head. */
static void send_in_turn(ccpi_pipe_worker *w, slot *s)
{
    order *o = w->stage->order;
    const ccpi_elem *e = &ccpi_pipe_tail(w->stage)->out;
    if (o->over)
        for (size_t i = 0; i < s->made; i++)
            ccpi_elem_drop(e, s->buffer + i * e->size);
    else
        ccpi_pipe_send(w, s->buffer, s->made);
    s->made = 0;
    o->over = o->over || s->last || w->end != CCPI_GOES_ON;
}

/* R2: leaves what was made in the slot of its ticket, or sends it and what follows. */
void ccpi_pipe_order_hand_on(ccpi_pipe_worker *w)
{
    order *o = w->stage->order;
    slot mine = { w->buffer, w->made, true, w->end != CCPI_GOES_ON };
    w->made = 0;
    if (wait_until_near(w, o->slots - 1, ccp_with(w->ctx)) != CCP_OK) {
        w->end = CCPI_STOPPED;
        w->made = mine.made; /* dropped with the worker */
        return;
    }
    ccpi_lock_acquire(&o->lock);
    bool turn = w->ticket == o->head;
    if (!turn) {
        slot *at = &o->slot[w->ticket % o->slots];
        w->buffer = at->buffer;
        *at = mine;
    }
    ccpi_lock_release(&o->lock);
    if (!turn)
        return;
    do
        send_in_turn(w, &mine);
    while (advance(w->stage, &mine));
    w->buffer = mine.buffer;
}

/* Waits for the turn of the worker's ticket; then it may send what it has made so far. */
ccp_status ccpi_pipe_order_turn(ccpi_pipe_worker *w, ccp_wait wait)
{
    ccp_status st = wait_until_near(w, 0, wait);
    return st == CCP_OK && w->stage->order->over ? CCP_CLOSED : st;
}
