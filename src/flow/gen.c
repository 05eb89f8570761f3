/* SPDX-License-Identifier: MIT
 *
 * Generators: a task that sends to a channel, in a group of its own, which has its thread and its
 * context.  A ticker is a timer channel, and has neither.
 *
 * Invariants
 *   Y1  The function's result is noted before the channel is closed.
 *   Y2  The group has one task at most, which returns soon after the channel is cancelled and the
 *       context has ended: then nobody uses the generator any more.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/track.h"
#include "ccp.h"
#include "coord/await.h"

#include <limits.h>
#include <string.h>

#define BATCH 64 /* numbers of a range that are sent at once */

struct ccp_gen {
    ccp_chan *ch;
    ccp_group *group;   /* NULL: a ticker, or what is left of one that is being freed */
    ccp_gen_fn fn;      /* const after launch */
    void *arg;          /* const after launch */
    ccpi_word32 status; /* atomic: what fn returned */
    void (*drop)(void *elem, void *arg); /* const after new */
    void *drop_arg;                      /* const after new */
    size_t elem_size;                    /* const after new */
    union {
        struct {
            uint64_t next, step, left;
        } range;
        struct {
            ccp_chan *in;
            size_t left;
        } take;
        void *file;
    } of;                                       /* a stock generator's; its function's alone */
    _Alignas(max_align_t) unsigned char elem[]; /* one element, of a stock generator */
};

/* ---- making ---- */

static const ccpi_kind kind = { "generator", "ccp_gen_", NULL, NULL };

static void release(ccp_gen *g)
{
    ccpi_untrack(g);
    (void)ccp_chan_free(g->ch);
    (void)ccp_group_free(g->group);
    ccpi_free(g);
}

/* A generator that does not run yet, with room for one element of its own. */
static ccp_gen *make(const ccp_gen_opts *o, size_t elem_size, size_t room)
{
    static const ccp_gen_opts defaults;
    size_t size;
    if (!o)
        o = &defaults;
    ccp_gen *g = ccpi_size_mul_add(1, room, sizeof *g, &size) ? ccpi_alloc(size) : NULL;
    if (!g)
        return NULL;
    g->drop = o->drop;
    g->drop_arg = o->drop_arg;
    g->elem_size = elem_size;
    g->ch = ccp_chan_make(&(ccp_chan_opts){ .elem_size = elem_size,
                                            .capacity = o->capacity,
                                            .drop = o->drop,
                                            .drop_arg = o->drop_arg,
                                            .name = o->name });
    g->group = ccp_group_make(&(ccp_group_opts){
        .parent = o->parent, .limit = 1, .name = o->name, .stack_size = o->stack_size });
    if (g->ch && g->group) {
        ccpi_track(g, &kind, o->name);
        ccpi_track_part(g->ch, g);
        ccpi_track_part(g->group, g);
        return g;
    }
    release(g);
    return NULL;
}

/* Y1 */
static ccp_status run(ccp_ctx *ctx, void *arg)
{
    ccp_gen *g = arg;
    (void)ctx;
    ccp_status st = g->fn(g, g->arg);
    /* [Y1] release: what the function did.  Pairs with the acquire in ccp_gen_status(). */
    atomic_store_explicit(&g->status, (uint32_t)st, CCPI_REL);
    (void)ccp_chan_close(g->ch);
    return CCP_OK;
}

static ccp_gen *launch(ccp_gen *g, ccp_gen_fn fn, void *arg)
{
    g->fn = fn;
    g->arg = arg;
    if (ccp_group_go(g->group, run, g, CCP_FOREVER) == CCP_OK)
        return g;
    release(g);
    return NULL;
}

ccp_gen *ccp_gen_new(ccp_gen_fn fn, void *arg, const ccp_gen_opts *o)
{
    ccp_gen *g = fn ? make(o, o ? o->elem_size : 0, 0) : NULL;
    return g ? launch(g, fn, arg) : NULL;
}

/* ---- running ---- */

static ccp_wait own_wait(const ccp_gen *g, ccp_wait w)
{
    return w.ctx_ ? w : ccp_under(ccp_group_ctx(g->group), w);
}

ccp_status ccp_gen_yield(ccp_gen *g, const void *elem, ccp_wait w)
{
    return g ? ccp_chan_send(g->ch, elem, own_wait(g, w)) : CCP_INVAL;
}

ccp_status ccp_gen_next(ccp_gen *g, void *elem, ccp_wait w)
{
    return g ? ccp_chan_recv(g->ch, elem, w) : CCP_INVAL;
}

ccp_chan *ccp_gen_chan(const ccp_gen *g)
{
    return g ? g->ch : NULL;
}

ccp_ctx *ccp_gen_ctx(const ccp_gen *g)
{
    return g ? ccp_group_ctx(g->group) : NULL;
}

ccp_status ccp_gen_status(const ccp_gen *g)
{
    if (ccpi_is_dead(g))
        return CCP_FORKED;
    /* [Y1] acquire: pairs with the release in run(). */
    return g ? (ccp_status)atomic_load_explicit(&g->status, CCPI_ACQ) : CCP_INVAL;
}

/* ---- ending ---- */

static bool has_consumer(const ccp_gen *g)
{
    ccp_chan_info info;
    return ccp_chan_get_info(g->ch, &info) == CCP_OK && info.waiting_receivers > 0;
}

/* Y2; what fails can be tried again. */
static ccp_status stop(ccp_gen *g)
{
    (void)ccp_chan_cancel(g->ch);
    ccp_ctx_cancel(ccp_group_ctx(g->group));
    ccpi_await_group(g->group);
    ccp_status st = ccp_group_free(g->group);
    if (st == CCP_OK)
        g->group = NULL;
    return st;
}

ccp_status ccp_gen_free(ccp_gen *g)
{
    if (!g)
        return CCP_OK;
    if (ccpi_is_dead(g)) {
        release(g);
        return CCP_OK;
    }
    if (g->group && ccp_group_wait(g->group, CCP_NOWAIT) == CCP_DEADLOCK)
        return CCP_DEADLOCK;
    if (has_consumer(g) || stop(g) != CCP_OK || ccp_chan_free(g->ch) != CCP_OK)
        return CCP_BUSY;
    ccpi_untrack(g);
    ccpi_free(g);
    return CCP_OK;
}

/* ---- stock ---- */

static ccp_status yield_n(ccp_gen *g, const int64_t *elems, size_t n)
{
    ccp_status st = CCP_OK;
    for (size_t sent; n > 0 && st == CCP_OK; elems += sent, n -= sent) {
        sent = 0;
        st = ccp_chan_send_n(g->ch, elems, n, &sent, own_wait(g, CCP_FOREVER));
    }
    return st;
}

static ccp_status yield_range(ccp_gen *g, void *arg)
{
    (void)arg;
    int64_t batch[BATCH];
    ccp_status st = CCP_OK;
    while (st == CCP_OK && g->of.range.left > 0) {
        size_t n = 0;
        for (; n < BATCH && g->of.range.left > 0; n++, g->of.range.left--) {
            batch[n] = (int64_t)g->of.range.next;
            g->of.range.next += g->of.range.step;
        }
        st = yield_n(g, batch, n);
    }
    return st;
}

ccp_gen *ccp_gen_range(int64_t first, int64_t end, int64_t step, const ccp_gen_opts *o)
{
    ccp_gen *g = step ? make(o, sizeof first, 0) : NULL;
    if (!g)
        return NULL;
    uint64_t a = (uint64_t)first, b = (uint64_t)end, s = (uint64_t)step;
    uint64_t left = 0; /* without a sign nothing overflows */
    if (step > 0 && first < end)
        left = (b - a - 1) / s + 1;
    else if (step < 0 && first > end)
        left = (a - b - 1) / (0 - s) + 1;
    g->of.range.next = a;
    g->of.range.step = s;
    g->of.range.left = left;
    return launch(g, yield_range, NULL);
}

static ccp_status yield_again(ccp_gen *g, void *arg)
{
    ccp_status st;
    (void)arg;
    do
        st = ccp_gen_yield(g, g->elem, CCP_FOREVER);
    while (st == CCP_OK);
    return st;
}

ccp_gen *ccp_gen_repeat(const void *elem, const ccp_gen_opts *o)
{
    size_t size = o ? o->elem_size : 0;
    ccp_gen *g = elem || !size ? make(o, size, size) : NULL;
    if (!g)
        return NULL;
    if (size)
        memcpy(g->elem, elem, size);
    return launch(g, yield_again, NULL);
}

static ccp_status yield_taken(ccp_gen *g, void *arg)
{
    ccp_chan *in = g->of.take.in;
    ccp_status st = CCP_OK;
    (void)arg;
    for (; st == CCP_OK && g->of.take.left > 0; g->of.take.left--) {
        if (ccp_chan_recv(in, g->elem, own_wait(g, CCP_FOREVER)) != CCP_OK)
            break;
        st = ccp_gen_yield(g, g->elem, CCP_FOREVER);
        if (st != CCP_OK && g->drop)
            g->drop(g->elem_size ? g->elem : NULL, g->drop_arg);
    }
    (void)ccp_chan_cancel(in);
    return st;
}

ccp_gen *ccp_gen_take(ccp_chan *in, size_t n, const ccp_gen_opts *o)
{
    ccp_chan_info info;
    if (ccp_chan_get_info(in, &info) != CCP_OK)
        return NULL;
    ccp_gen *g = make(o, info.elem_size, info.elem_size);
    if (!g)
        return NULL;
    g->of.take.in = in;
    g->of.take.left = n;
    return launch(g, yield_taken, NULL);
}

static ccp_status yield_lines(ccp_gen *g, void *arg)
{
    ccp_status st = CCP_OK;
    (void)arg;
    while (st == CCP_OK)
        switch (ccpi_file_line(g->of.file, (char *)g->elem, g->elem_size)) {
        case CCPI_LINE_READ:
            st = ccp_gen_yield(g, g->elem, CCP_FOREVER);
            break;
        case CCPI_LINE_END:
            return CCP_OK;
        case CCPI_LINE_FAILED:
            return CCP_FAILED;
        }
    return st;
}

ccp_gen *ccp_gen_lines(void *file, const ccp_gen_opts *o)
{
    size_t size = o ? o->elem_size : 0;
    ccp_gen *g = file && size >= 2 && size <= INT_MAX ? make(o, size, size) : NULL;
    if (!g)
        return NULL;
    g->of.file = file;
    return launch(g, yield_lines, NULL);
}

ccp_gen *ccp_gen_tick(int64_t ns)
{
    ccp_gen *g = ccpi_alloc(sizeof *g);
    if (!g)
        return NULL;
    g->ch = ccp_chan_tick(ns);
    if (g->ch) {
        ccpi_track(g, &kind, NULL);
        ccpi_track_part(g->ch, g);
        return g;
    }
    ccpi_free(g);
    return NULL;
}
