/* SPDX-License-Identifier: MIT
 *
 * Signals, given to a channel and to a context by a thread of their own: a handler may do neither.
 *
 * Invariants
 *   S1  The element is in the channel, if there was room, before the context ends.
 *   S2  The thread holds no lock of ours while it cancels the context, whose hooks it runs.
 */
#include "base/mem.h"
#include "base/signal.h"
#include "base/thread.h"
#include "base/track.h"
#include "chan/chan.h"

struct ccp_signals {
    int catcher;        /* const after new */
    ccp_chan *chan;     /* const after new */
    ccp_ctx *ctx;       /* const after new */
    ccpi_thread thread; /* const after new */
};

/* Causes of contexts live as long as the program. */
static const int numbers[CCPI_SIGNALS + 1] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
};

static const ccpi_kind kind = { "signals", "ccp_signals_", NULL, NULL };

static void serve(void *arg)
{
    ccp_signals *s = arg;
    for (int sig; (sig = ccpi_signal_next(s->catcher)) != 0;) {
        if (s->chan)
            (void)!ccp_chan_send(s->chan, &sig, CCP_NOWAIT); /* Z2 */
        ccp_ctx_cancel_cause(s->ctx, &numbers[sig]);
    }
}

/* Bit n - 1 is signal n; 0 if one of them cannot be caught. */
static uint64_t set_of(const int *signals, size_t n)
{
    uint64_t set = 0;
    for (size_t i = 0; i < n; i++) {
        if (!ccpi_signal_can_be_caught(signals[i]))
            return 0;
        set |= (uint64_t)1 << (signals[i] - 1);
    }
    return set;
}

static bool makes_sense(const int *signals, size_t n, const ccp_signals_opts *o)
{
    if (!signals || n == 0 || !o || (!o->chan && !o->ctx))
        return false;
    return !o->chan || (o->chan->elem_size == sizeof(int) && o->chan->flavor != CCPI_TIMER);
}

ccp_signals *ccp_signals_new(const int *signals, size_t n, const ccp_signals_opts *o)
{
    if (!makes_sense(signals, n, o))
        return NULL;
    const ccpi_catch_opts how = { set_of(signals, n), o->even_ignored, o->second_ends };
    const ccpi_thread_opts thread = { o->name ? o->name : "ccp-signals", 0, true };
    ccp_signals *s = how.set ? ccpi_alloc(sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->chan = o->chan;
    s->ctx = o->ctx;
    s->catcher = ccpi_signal_open(&how);
    if (s->catcher >= 0 && ccpi_thread_start(&s->thread, &thread, serve, s)) {
        ccpi_track(s, &kind, o->name);
        return s;
    }
    if (s->catcher >= 0) {
        ccpi_signal_shut(s->catcher);
        ccpi_signal_close(s->catcher);
    }
    ccpi_free(s);
    return NULL;
}

ccp_status ccp_signals_free(ccp_signals *s)
{
    if (!s)
        return CCP_OK;
    bool dead = ccpi_is_dead(s); /* then its thread is not there */
    if (!dead && ccpi_thread_self().handle == s->thread.handle)
        return CCP_DEADLOCK;
    ccpi_untrack(s);
    ccpi_signal_shut(s->catcher);
    if (!dead)
        ccpi_thread_join(s->thread);
    ccpi_signal_close(s->catcher);
    ccpi_free(s);
    return CCP_OK;
}
