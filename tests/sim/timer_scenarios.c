/* SPDX-License-Identifier: MIT
 *
 * Timer channels, and selects that have one among their cases: every pair of operations of
 * ccp_chan_after() and ccp_chan_tick(), not yet due, due, overdue, received, closed, or with a
 * receiver beside; every schedule, or where these are too many (see preemptions()) some.
 *
 * Checked in each: an element is due when it is received (T1), none is received twice, and of
 * ccp_chan_after() only one (T2, T3), or one more for each reset; what is received is due by what
 * the timer was set to, and by nothing older (T4); who looks and finds nothing was early, or
 * another was faster; nobody waits while an element is to come (T5); closing releases those who
 * wait.
 */
#include "scene.h"

#include "base/atomic.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PERIOD 100
#define SHORT 50  /* limits of waits */
#define LONG 250
#define SOON 10   /* resets */
#define LATE 300

/* ---- Operations ---- */

typedef enum operation {
    RECV,
    RECV_NOWAIT,
    RECV_SHORT,
    RECV_LONG,
    RECV_CTX,
    RECV_N,
    SELECT_RECV,   /* the timer, or what comes from a channel */
    SELECT_SEND,   /* the timer, or a send to a full channel */
    SELECT_MEET,   /* the timer, or a partner */
    SELECT_DONE,   /* the timer, or the end of a context */
    SELECT_TWO,    /* the timer, or one that is due later */
    SELECT_TWICE,  /* the timer in two cases */
    SELECT_FIRST,  /* timer, channel and context, in this order */
    SELECT_NOWAIT,
    SELECT_SHORT,
    SELECT_CTX,    /* the timer, under a context */
    CLOSE,
    CANCEL,
    SENDER_DONE,   /* the last of those counted in closes it */
    STOP,
    RESET_SOON,    /* earlier than it was set to */
    RESET_LATE,    /* later */
    LEN,
    IS_CLOSED,
    GET_INFO,
    SEND,          /* is refused */
    CTX_CANCEL,
    PASS,          /* time passes */
    PUT,           /* to the channel */
    TAKE,          /* from the full one */
    OFFER,         /* to the partner, without waiting */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "recv", "recv_nowait", "recv_short", "recv_long", "recv_ctx", "recv_n", "select_recv",
    "select_send", "select_meet", "select_done", "select_two", "select_twice", "select_first",
    "select_nowait", "select_short", "select_ctx", "close", "cancel", "sender_done", "stop",
    "reset_soon", "reset_late", "len", "is_closed", "get_info", "send", "ctx_cancel", "pass",
    "put", "take", "offer",
};

typedef enum state { FRESH, DUE, OVERDUE, SPENT, CLOSED, BESIDE, STATES } state;
static const char *const state_names[STATES] = { "fresh", "due", "overdue", "spent", "closed",
                                                 "beside" };

typedef struct play {
    bool ticks;
    state state;
    int ops;
    operation op[3];
} play;

/* ---- The stage ---- */

static const play *now;
static ccp_chan *timer, *later, *channel, *full, *meet;
static ccp_ctx *ctx;
static int64_t start, start_later;

enum { MOST = 4 };
typedef struct element {
    int64_t due;
    bool late; /* received by a call that began after the timer was set to something else */
} element;
static element taken[SIM_THREADS][MOST];
static int taken_count[SIM_THREADS];
static int waiting[SIM_THREADS]; /* 1 + operation */

static bool takes(operation op)
{
    return op <= SELECT_CTX;
}

static bool ends(operation op)
{
    return op >= CLOSE && op <= SENDER_DONE;
}

static bool resets(operation op)
{
    return op == RESET_SOON || op == RESET_LATE;
}

static bool sets(operation op)
{
    return op == STOP || resets(op);
}

/* How many of the operations are such? */
static int count_ops(bool (*such)(operation op))
{
    int n = 0;
    for (int i = 0; i < now->ops; i++)
        n += such(now->op[i]);
    return n;
}

/* Does anything but one operation take elements, or close or set the timer? */
static bool disturbed(void)
{
    int n = (now->state == BESIDE) + count_ops(takes) + count_ops(ends);
    return n > 1 || count_ops(sets) > 0 || now->state == CLOSED || now->state == SPENT;
}

/* What a thread has set the timer to, at some time from `from` to `to`. */
typedef struct setting {
    int64_t from, to, ns; /* ns 0: nothing, or that it stops */
} setting;
static setting set[SIM_THREADS];
static _Atomic bool changed; /* a call that sets it has returned */

/* Is that due by it?  Then from + k * ns <= due <= to + k * ns for some k, for one element 1. */
static bool fits(int64_t due, const setting *s)
{
    if (s->ns == 0 || due < s->from + s->ns)
        return false;
    int64_t k = now->ticks ? (due - s->from) / s->ns : 1;
    return due <= s->to + k * s->ns;
}

static void take(int64_t due, bool late)
{
    int me = sim_self();
    sim_assert(due <= sim_now()); /* T1 */
    sim_assert(taken_count[me] < MOST);
    taken[me][taken_count[me]++] = (element){ due, late };
}

/* What a receive of the timer may say. */
static void check(ccp_status st, ccp_wait w, int64_t due, int64_t called, bool late)
{
    bool limited = w.ns_ != INT64_MAX;
    if (st == CCP_OK)
        take(due, late);
    else if (st == CCP_AGAIN)
        sim_assert(w.ns_ == 0 && (disturbed() || called < start + PERIOD));
    else if (st == CCP_TIMEOUT)
        sim_assert(limited && (sim_now() >= called + SHORT));
    else if (st == CCP_CANCELED)
        sim_assert(w.ctx_ && ccp_ctx_status(ctx) == CCP_CANCELED);
    else
        sim_assert(st == CCP_CLOSED && ccp_chan_is_closed(timer));
}

/* What the next call leaves unset is 0, a pointer to nothing, and not what was there by chance. */
static CCPI_NOINLINE void clear_stack(void)
{
    char below[1024];
    memset(below, 0, sizeof below);
    __asm__ volatile("" ::"r"(below) : "memory");
}

static void receive(ccp_wait w)
{
    int64_t due = -1, called = sim_now();
    bool late = atomic_load_explicit(&changed, memory_order_relaxed);
    clear_stack();
    ccp_status st = ccp_chan_recv(timer, &due, w);
    check(st, w, due, called, late);
}

static void receive_n(void)
{
    int64_t due[2] = { -1, -1 }, called = sim_now();
    size_t n = 0;
    bool late = atomic_load_explicit(&changed, memory_order_relaxed);
    ccp_status st = ccp_chan_recv_n(timer, due, 2, &n, CCP_FOREVER);
    sim_assert((st == CCP_OK) == (n > 0) && n <= (now->ticks || count_ops(resets) ? 2 : 1));
    check(st, CCP_FOREVER, due[0], called, late);
    if (n == 2) {
        sim_assert(due[1] > due[0]);
        take(due[1], late);
    }
}

static void choose(const ccp_case *k, size_t n, bool first, ccp_wait w, const int64_t *due)
{
    size_t chosen = 9;
    int64_t called = sim_now();
    bool late = atomic_load_explicit(&changed, memory_order_relaxed);
    ccp_status st = first ? ccp_select_first(k, n, &chosen, w) : ccp_select(k, n, &chosen, w);
    bool done = st == CCP_OK || st == CCP_CLOSED;
    sim_assert(done ? chosen < n : chosen == 9);
    const void *of = done ? k[chosen].obj_ : NULL;
    if (!done || of == timer)
        check(st, w, *due, called, late);
    else if (of == later)
        sim_assert(st == CCP_CLOSED || (*due <= sim_now() && *due == start_later + LONG));
    else if (k[chosen].op_ == 2)
        sim_assert(ccp_ctx_status(ctx) != CCP_OK);
}

static void do_select(operation op)
{
    int64_t due = -1;
    uint64_t v = 7;
    const ccp_case t = CCP_CASE_RECV(timer, &due), l = CCP_CASE_RECV(later, &due);
    const ccp_case c = CCP_CASE_RECV(channel, &v), d = CCP_CASE_DONE(ctx);
    const ccp_case f = CCP_CASE_SEND(full, &v), m = CCP_CASE_RECV(meet, &v);
    switch (op) {
    case SELECT_RECV: choose((ccp_case[]){ t, c }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_SEND: choose((ccp_case[]){ f, t }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_MEET: choose((ccp_case[]){ m, t }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_DONE: choose((ccp_case[]){ t, d }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_TWO: choose((ccp_case[]){ l, t }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_TWICE: choose((ccp_case[]){ t, t }, 2, false, CCP_FOREVER, &due); break;
    case SELECT_FIRST: choose((ccp_case[]){ t, c, d }, 3, true, CCP_FOREVER, &due); break;
    case SELECT_NOWAIT: choose((ccp_case[]){ c, t }, 2, false, CCP_NOWAIT, &due); break;
    case SELECT_SHORT: choose((ccp_case[]){ t, c }, 2, false, ccp_within(SHORT), &due); break;
    default: choose((ccp_case[]){ t, c }, 2, false, ccp_with(ctx), &due); break;
    }
}

static unsigned senders(void)
{
    unsigned n = 0;
    for (int i = 0; i < now->ops; i++)
        n += now->op[i] == SENDER_DONE;
    return n;
}

/* A closed timer gives nothing any more. */
static void end_timer(operation op)
{
    ccp_status st = op == CLOSE    ? ccp_chan_close(timer)
                    : op == CANCEL ? ccp_chan_cancel(timer)
                                   : ccp_chan_sender_done(timer);
    int64_t due;
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    if (op == SENDER_DONE && senders() > 1)
        return; /* another one may be the last */
    sim_assert(ccp_chan_recv(timer, &due, CCP_NOWAIT) == CCP_CLOSED);
    sim_assert(ccp_chan_is_closed(timer));
}

/* T4: what was to come by an older setting does not come. */
static void set_timer(operation op)
{
    setting *s = &set[sim_self()];
    int64_t ns = op == RESET_SOON ? SOON : LATE;
    if (op != STOP)
        *s = (setting){ sim_now(), INT64_MAX / 2, ns };
    ccp_status st = op == STOP ? ccp_chan_stop(timer) : ccp_chan_reset(timer, ns);
    s->to = sim_now();
    atomic_store_explicit(&changed, true, memory_order_relaxed);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    sim_assert(op == STOP || st == CCP_OK || ccp_chan_is_closed(timer));
    receive(CCP_NOWAIT);
}

static void look(operation op)
{
    ccp_chan_info info;
    bool was = ccp_chan_is_closed(timer);
    if (op == LEN)
        sim_assert(ccp_chan_len(timer) <= 1);
    else if (op == GET_INFO)
        sim_assert(ccp_chan_get_info(timer, &info) == CCP_OK && info.len <= 1);
    sim_assert(!was || ccp_chan_is_closed(timer));
}

static void may_find_none(ccp_status st)
{
    sim_assert(st == CCP_OK || st == CCP_AGAIN);
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    uint64_t v = 9;
    waiting[sim_self()] = 1 + (int)op;
    switch (op) {
    case RECV: receive(CCP_FOREVER); break;
    case RECV_NOWAIT: receive(CCP_NOWAIT); break;
    case RECV_SHORT: receive(ccp_within(SHORT)); break;
    case RECV_LONG: receive(ccp_within(LONG)); break;
    case RECV_CTX: receive(ccp_with(ctx)); break;
    case RECV_N: receive_n(); break;
    case CLOSE:
    case CANCEL:
    case SENDER_DONE: end_timer(op); break;
    case STOP:
    case RESET_SOON:
    case RESET_LATE: set_timer(op); break;
    case LEN:
    case IS_CLOSED:
    case GET_INFO: look(op); break;
    case SEND: sim_assert(ccp_chan_send(timer, &v, CCP_FOREVER) == CCP_INVAL); break;
    case CTX_CANCEL: ccp_ctx_cancel(ctx); break;
    case PASS: sim_advance(2 * PERIOD + SHORT); break;
    case PUT: may_find_none(ccp_chan_send(channel, &v, CCP_NOWAIT)); break;
    case TAKE: may_find_none(ccp_chan_recv(full, &v, CCP_NOWAIT)); break;
    case OFFER: may_find_none(ccp_chan_send(meet, &v, CCP_NOWAIT)); break;
    default: do_select(op); break;
    }
    waiting[sim_self()] = 0;
}

/* ---- Beginning and end ---- */

static void begin(const play *p)
{
    static const operation beside = RECV;
    uint64_t v = 1;
    now = p;
    scene_tune(STILL);
    channel = scene_chan(8, 1);
    full = scene_chan(8, 1);
    meet = scene_chan(8, 0);
    sim_assert(ccp_chan_send(full, &v, CCP_NOWAIT) == CCP_OK);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    start = start_later = sim_now();
    timer = p->ticks ? ccp_chan_tick(PERIOD) : ccp_chan_after(PERIOD);
    later = ccp_chan_after(LONG);
    sim_assert(ctx && timer && later);
    sim_assert(senders() == 0 || ccp_chan_add_senders(timer, senders()) == CCP_OK);
    if (p->state == DUE || p->state == SPENT)
        sim_advance(PERIOD);
    if (p->state == OVERDUE)
        sim_advance(2 * PERIOD + SHORT);
    if (p->state == SPENT)
        receive(CCP_NOWAIT);
    if (p->state == CLOSED)
        sim_assert(ccp_chan_close(timer) == CCP_OK);
    if (p->state == BESIDE)
        sim_spawn(act_out, (void *)(uintptr_t)&beside);
}

static int times_taken(int64_t due)
{
    int n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < taken_count[t]; i++)
            n += taken[t][i].due == due;
    return n;
}

static int elements(void)
{
    int n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        n += taken_count[t];
    return n;
}

/* Is an element due by what the timer was set to, and by nothing older?  T3 T4 */
static bool is_right(const element *e)
{
    bool fit = !(e->late && count_ops(sets) == 1) &&
               fits(e->due, &(setting){ start, start, PERIOD });
    for (int t = 0; t < SIM_THREADS; t++)
        fit |= fits(e->due, &set[t]);
    return fit;
}

static void check_elements(void)
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int i = 0; i < taken_count[t]; i++) {
            const element *e = &taken[t][i];
            sim_assert(is_right(e));
            sim_assert(times_taken(e->due) == 1);
            sim_assert(i == 0 || e->due > e[-1].due);
        }
    sim_assert(now->ticks || elements() <= 1 + count_ops(resets)); /* T2 */
}

static void finish(void)
{
    sim_settle();
    check_elements();
    if (scene_any(waiting)) { /* T5 */
        sim_assert(!ccp_chan_is_closed(timer));
        sim_assert(ccp_chan_stop(timer) == CCP_CLOSED);
        sim_assert(count_ops(sets) || (!now->ticks && elements() == 1));
    }
    (void)ccp_chan_close(timer);
    sim_join();
    check_elements();
    (void)scene_chan_end(timer);
    (void)scene_chan_end(later);
    (void)scene_chan_end(channel);
    (void)scene_chan_end(full);
    (void)scene_chan_end(meet);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    begin(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- The table ---- */

static bool selects(operation op)
{
    return op >= SELECT_RECV && op <= SELECT_CTX;
}

/* A select that waits has two times at which it may wake: all schedules are too many then, and
 * beside something else that waits, or a reset, those with two preemptions, too.  Two that select a
 * ticking timer, and a receiver beside, are too many even so.  0: all; -1: some at random. */
static int preemptions(const play *p)
{
    int waits = 0, selecting = 0;
    bool two = false, again = false;
    for (int i = 0; i < p->ops; i++) {
        operation op = p->op[i];
        waits += takes(op) && op != RECV_NOWAIT;
        selecting += selects(op) && op != SELECT_NOWAIT;
        two |= op == SELECT_TWO;
        again |= resets(op);
    }
    if (p->state == BESIDE)
        return -1;
    bool may_wait_again = p->state == SPENT && (p->ticks || two);
    bool waits_again = again && p->state == SPENT;
    if (!selecting || (p->state != FRESH && !may_wait_again && !waits_again))
        return 0;
    if (may_wait_again || (p->ticks && selecting > 1))
        return -1;
    return waits > 1 || again ? 1 : 2;
}

static void add_play(const play *p)
{
    char ops[100] = "";
    size_t n = 0;
    bool any = false;
    for (int i = 0; i < p->ops; i++) {
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
        any |= selects(p->op[i]);
    }
    sim_options o = { .rand_choices = any ? 2 : 0 };
    int few = preemptions(p);
    if (few > 0)
        o.mode = SIM_DFS, o.preemptions = few;
    else if (few < 0)
        o.mode = SIM_PCT, o.depth = 4, o.n = 300;
    static const char *const names[2][4] = { { "some", "pair", "one", "two" },
                                             { "some_triple", "triple", "one_triple",
                                               "two_triple" } };
    const char *how = names[p->ops - 2][1 + few];
    scene_add(run_play, scene_keep(p, sizeof *p), &o, "%s.%s.%s.%s", how,
              p->ticks ? "tick" : "after", state_names[p->state], ops);
}

static void add_all(play *p, int i)
{
    if (i == p->ops) {
        add_play(p);
        return;
    }
    for (int op = i ? (int)p->op[i - 1] : 0; op < OPERATIONS; op++) {
        p->op[i] = (operation)op;
        add_all(p, i + 1);
    }
}

int main(int argc, char **argv)
{
    for (int ops = 2; ops <= 3; ops++)
        for (int ticks = 0; ticks <= 1; ticks++)
            for (int s = 0; s < (ops == 2 ? STATES : BESIDE); s++)
                add_all(&(play){ ticks, (state)s, ops, { RECV } }, 0);
    return scene_main(argc, argv);
}
