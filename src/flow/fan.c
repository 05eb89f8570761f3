/* SPDX-License-Identifier: MIT
 *
 * Fan-out: tasks of a group that receive from one channel and send to another.
 *
 * Representation  Workers count as senders of the output, so the last one closes it.  Where items
 *                 are numbered, `turn`, a counting channel of capacity 1, is held from before an
 *                 item is received until it has its number.  Where they are ordered, results that
 *                 wait for earlier ones lie in a window; `places` holds one element for each item
 *                 between its number and the output.
 *
 * Invariants
 *   F1  An ordered item has a place before it has a number; places are given up in the order of the
 *       numbers: so at most `window` items are at or behind number `due`, and number k lies in
 *       cell k % window alone.
 *   F2  One worker at a time sends ordered results (`sending`); it stops when the one that is due
 *       is not there, and then whoever brings that one goes on.
 *   F3  A worker that stops before the end of the input cancels the input.
 * Locks           `lock` protects the window and the first failure.
 */
#include "base/lock.h"
#include "base/mem.h"
#include "base/track.h"
#include "ccp.h"
#include "coord/await.h"

#include <string.h>

#define MAX_WORKERS 65536
#define WINDOW 4 /* places per worker */

typedef enum cell { EMPTY, RESULT, NOTHING } cell;

struct ccp_fan {
    ccp_chan *in, *out;
    ccp_group *group;
    ccp_chan *turn;   /* NULL: items are not numbered */
    ccp_chan *places; /* NULL: not ordered */
    ccp_step step;
    ccp_fan_opts o;
    unsigned workers; /* const after start */
    size_t in_size;
    size_t in_room, out_room; /* sizes, rounded up */
    size_t window;
    ccpi_word32 started; /* atomic: numbers the workers */
    ccpi_word32 stopped; /* atomic: before the end of the input */
    ccpi_word64 taken;   /* atomic: a count */
    ccpi_word64 failed;  /* atomic: a count */
    ccpi_lock lock;
    bool has_first;       /* under lock */
    ccp_result first;     /* under lock */
    bool sending;         /* under lock, F2 */
    uint64_t due;         /* under lock: number of the result to be sent next */
    unsigned char *cells; /* under lock: of the window, each a `cell` */
    unsigned char *held;  /* under lock: the results in the window */
    unsigned char *items; /* per worker: an element and a result, its own */
};

/* ---- results ---- */

static void stop(ccp_fan *f)
{
    /* Relaxed: read after the workers have ended, or as a hint. */
    atomic_store_explicit(&f->stopped, 1, CCPI_RLX);
    (void)ccp_chan_cancel(f->in); /* F3 */
}

static void drop(ccp_fan *f, void *result)
{
    if (f->o.drop)
        f->o.drop(result, f->o.drop_arg);
}

static void send(ccp_fan *f, void *result)
{
    ccp_wait w = ccp_with(ccp_group_ctx(f->group));
    if (f->o.out_size ? ccp_chan_send(f->out, result, w) == CCP_OK : !ccp_chan_is_closed(f->out))
        return;
    if (f->o.out_size)
        drop(f, result);
    stop(f);
}

/* Under the lock: takes the result that is due, if it is there. */
static cell take_due(ccp_fan *f, void *result)
{
    size_t at = f->due % f->window;
    cell c = (cell)f->cells[at];
    if (c == EMPTY)
        return EMPTY;
    if (c == RESULT && f->o.out_size)
        memcpy(result, f->held + at * f->out_room, f->o.out_size);
    f->cells[at] = EMPTY;
    f->due++;
    return c;
}

/* F2; overwrites *result. */
static void send_in_order(ccp_fan *f, void *result, cell c, size_t number)
{
    size_t at = number % f->window;
    ccpi_lock_acquire(&f->lock);
    if (c == RESULT && f->o.out_size)
        memcpy(f->held + at * f->out_room, result, f->o.out_size);
    f->cells[at] = (unsigned char)c;
    while (!f->sending && (c = take_due(f, result)) != EMPTY) {
        f->sending = true;
        ccpi_lock_release(&f->lock);
        if (c == RESULT)
            send(f, result);
        (void)!ccp_chan_recv(f->places, NULL, CCP_NOWAIT); /* F1: there is one */
        ccpi_lock_acquire(&f->lock);
        f->sending = false;
    }
    ccpi_lock_release(&f->lock);
}

/* ---- workers ---- */

static void note_failure(ccp_fan *f, const ccp_result *r)
{
    atomic_fetch_add_explicit(&f->failed, 1, CCPI_RLX); /* relaxed: a count */
    ccpi_lock_acquire(&f->lock);
    if (!f->has_first)
        f->first = *r;
    f->has_first = true;
    ccpi_lock_release(&f->lock);
    if (f->o.keep_going || f->o.results)
        return;
    stop(f);
    ccp_ctx_cancel(ccp_group_ctx(f->group));
}

/* The status with which a step gave up when its context had ended is no failure. */
static bool gave_up(ccp_fan *f, ccp_status st)
{
    return ccp_ctx_status(ccp_group_ctx(f->group)) == st;
}

/* Receives an item and gives it its number. */
static ccp_status receive(ccp_fan *f, void *item, uint64_t *number)
{
    ccp_wait w = ccp_with(ccp_group_ctx(f->group));
    ccp_status st = f->places ? ccp_chan_send(f->places, NULL, w) : CCP_OK;
    if (st != CCP_OK)
        return st;
    st = f->turn ? ccp_chan_send(f->turn, NULL, w) : CCP_OK;
    if (st == CCP_OK) {
        st = ccp_chan_recv(f->in, item, w);
        if (st == CCP_OK)
            *number = atomic_fetch_add_explicit(&f->taken, 1, CCPI_RLX); /* relaxed: a count */
        if (f->turn)
            (void)!ccp_chan_recv(f->turn, NULL, CCP_NOWAIT); /* it is ours */
    }
    if (st != CCP_OK && f->places)
        (void)!ccp_chan_recv(f->places, NULL, CCP_NOWAIT);
    return st;
}

static void do_item(ccp_fan *f, unsigned worker, const void *item, void *result, uint64_t number)
{
    void *out = f->o.out_size ? result : NULL; /* as the step knows it */
    ccp_status st = f->step(ccp_group_ctx(f->group), item, out, f->o.arg);
    const ccp_result r = { (size_t)number, st, worker };
    bool failed = st != CCP_OK && !gave_up(f, st);
    if (f->o.results)
        memcpy(result, &r, sizeof r);
    if (failed)
        note_failure(f, &r);
    else if (st != CCP_OK)
        stop(f);
    cell c = st == CCP_OK || f->o.results ? RESULT : NOTHING;
    if (f->o.ordered)
        send_in_order(f, result, c, (size_t)number);
    else if (c == RESULT)
        send(f, result);
}

static ccp_status run_worker(ccp_ctx *ctx, void *arg)
{
    ccp_fan *f = arg;
    (void)ctx;
    unsigned worker = atomic_fetch_add_explicit(&f->started, 1, CCPI_RLX); /* relaxed: a number */
    unsigned char *item = f->items + worker * (f->in_room + f->out_room);
    unsigned char *result = item + f->in_room;
    uint64_t number;
    ccp_status st;
    while ((st = receive(f, f->in_size ? item : NULL, &number)) == CCP_OK)
        do_item(f, worker, f->in_size ? item : NULL, result, number);
    if (st != CCP_CLOSED)
        stop(f);
    (void)ccp_chan_sender_done(f->out);
    return CCP_OK;
}

/* ---- making ---- */

static const ccpi_kind kind = { "fan", "ccp_fan_", NULL, NULL };

static void release(ccp_fan *f)
{
    ccpi_untrack(f);
    (void)ccp_chan_free(f->out);
    (void)ccp_chan_free(f->turn);
    (void)ccp_chan_free(f->places);
    (void)ccp_group_free(f->group);
    ccpi_free(f->cells);
    ccpi_free(f->held);
    ccpi_free(f->items);
    ccpi_free(f);
}

static bool round_up(size_t size, size_t *room)
{
    size_t unit = sizeof(max_align_t);
    return ccpi_size_mul_add(1, size, unit - 1, room) && ((*room -= *room % unit), true);
}

/* The memory for items, and for the window. */
static bool make_room(ccp_fan *f)
{
    size_t pair, items = 0, held = 0;
    f->window = f->o.ordered ? (size_t)f->workers * WINDOW : 0;
    bool fits = round_up(f->in_size, &f->in_room) && round_up(f->o.out_size, &f->out_room) &&
                ccpi_size_mul_add(1, f->in_room, f->out_room, &pair) &&
                ccpi_size_mul_add(f->workers, pair, 1, &items) &&
                ccpi_size_mul_add(f->window, f->out_room, 1, &held);
    f->items = fits ? ccpi_alloc(items) : NULL;
    f->held = fits ? ccpi_alloc(held) : NULL;
    f->cells = fits ? ccpi_alloc(f->window + 1) : NULL;
    return f->items && f->held && f->cells;
}

static bool make_parts(ccp_fan *f)
{
    f->out = ccp_chan_make(&(ccp_chan_opts){ .elem_size = f->o.out_size,
                                             .capacity = f->o.capacity,
                                             .drop = f->o.drop,
                                             .drop_arg = f->o.drop_arg,
                                             .name = f->o.name });
    f->group = ccp_group_make(&(ccp_group_opts){ .parent = f->o.parent,
                                                 .limit = f->workers,
                                                 .name = f->o.name,
                                                 .stack_size = f->o.stack_size });
    if (f->o.ordered || f->o.results)
        f->turn = ccp_chan_new(0, 1);
    if (f->o.ordered)
        f->places = ccp_chan_new(0, (size_t)f->workers * WINDOW);
    return f->out && f->group && (f->turn || !(f->o.ordered || f->o.results)) &&
           (f->places || !f->o.ordered) && make_room(f);
}

static void track(const ccp_fan *f)
{
    ccpi_track(f, &kind, f->o.name);
    ccpi_track_part(f->out, f);
    ccpi_track_part(f->group, f);
    ccpi_track_part(f->turn, f);
    ccpi_track_part(f->places, f);
}

/* Starts as many workers as can be had. */
static bool start(ccp_fan *f)
{
    unsigned n = 0, wanted = f->workers;
    (void)ccp_chan_add_senders(f->out, wanted); /* nobody else has it yet */
    while (n < wanted && ccp_group_go(f->group, run_worker, f, CCP_FOREVER) == CCP_OK)
        n++;
    f->workers = n;
    if (n == 0)
        return false;
    for (; n < wanted; n++)
        (void)ccp_chan_sender_done(f->out);
    return true;
}

static bool is_right(const ccp_fan_opts *o)
{
    return o->workers <= MAX_WORKERS && (!o->results || o->out_size >= sizeof(ccp_result));
}

ccp_fan *ccp_fan_out(ccp_chan *in, ccp_step step, const ccp_fan_opts *o)
{
    static const ccp_fan_opts defaults;
    ccp_chan_info info;
    if (!o)
        o = &defaults;
    if (!step || !is_right(o) || ccp_chan_get_info(in, &info) != CCP_OK)
        return NULL;
    ccp_fan *f = ccpi_alloc(sizeof *f);
    if (!f)
        return NULL;
    f->in = in;
    f->in_size = info.elem_size;
    f->step = step;
    f->o = *o;
    f->workers = o->workers ? o->workers : ccp_cpu_count();
    if (make_parts(f) && start(f)) {
        track(f);
        return f;
    }
    release(f);
    return NULL;
}

/* ---- the rest ---- */

ccp_chan *ccp_fan_chan(const ccp_fan *f)
{
    return f ? f->out : NULL;
}

ccp_status ccp_fan_wait(ccp_fan *f, ccp_wait w)
{
    if (!f)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    ccp_status st = ccp_group_wait(f->group, w);
    if (st != CCP_OK)
        return st;
    /* Relaxed: the workers have ended. */
    if (atomic_load_explicit(&f->failed, CCPI_RLX))
        return CCP_FAILED;
    return atomic_load_explicit(&f->stopped, CCPI_RLX) ? CCP_CLOSED : CCP_OK;
}

ccp_status ccp_fan_get_info(ccp_fan *f, ccp_fan_info *out)
{
    if (!f || !out)
        return CCP_INVAL;
    if (ccpi_is_dead(f))
        return CCP_FORKED;
    *out = (ccp_fan_info){ .workers = f->workers };
    /* Relaxed: counts. */
    out->taken = atomic_load_explicit(&f->taken, CCPI_RLX);
    out->failed = atomic_load_explicit(&f->failed, CCPI_RLX);
    ccpi_lock_acquire(&f->lock);
    out->first = f->first;
    ccpi_lock_release(&f->lock);
    return CCP_OK;
}

ccp_status ccp_fan_free(ccp_fan *f)
{
    ccp_chan_info info;
    ccp_status st = CCP_OK;
    if (!f)
        return CCP_OK;
    if (ccpi_is_dead(f)) {
        release(f);
        return CCP_OK;
    }
    if (f->group) {
        if (ccp_group_wait(f->group, CCP_NOWAIT) == CCP_DEADLOCK)
            return CCP_DEADLOCK;
        if (ccp_chan_get_info(f->out, &info) == CCP_OK && info.waiting_receivers > 0)
            return CCP_BUSY;
        (void)ccp_chan_cancel(f->out);
        ccp_ctx_cancel(ccp_group_ctx(f->group));
        ccpi_await_group(f->group);
        st = ccp_group_free(f->group);
    }
    if (st == CCP_OK) {
        f->group = NULL;
        st = ccp_chan_free(f->out);
    }
    if (st == CCP_OK) {
        f->out = NULL;
        release(f);
    }
    return st; /* or CCP_BUSY: a thread is about to return from its call */
}
