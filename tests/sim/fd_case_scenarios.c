/* SPDX-License-Identifier: MIT
 *
 * Selects that wait for a descriptor beside a channel and a context: beside every operation on
 * these, every two of them, and another select.
 *
 * Checked in each: the case that was done was ready, and was done once (every element that was
 * accepted is received once); the descriptor stays ready; once nobody can go on, none of the cases
 * of a select that waits is ready, and its wait is not over; it ends when all is closed.
 */
#include "base/event.h"
#include "event.h"
#include "fd_chan.h"

#include <poll.h>
#include <stdio.h>

typedef enum operation {
    RAISE, /* the descriptor becomes ready */
    SEND,
    SEND_NOWAIT,
    RECV,
    RECV_NOWAIT,
    CLOSE,
    CANCEL, /* the context */
    SELECT_RECV, /* without a descriptor */
    SELECT_SAME, /* the same select as the first */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "raise", "send", "send_nowait", "recv", "recv_nowait", "close", "cancel", "select_recv",
    "select_same",
};

/* What the first thread selects over. */
typedef enum shape {
    FD_RECV,
    FD_SEND,
    RECV_FD_FIRST, /* in that order */
    FD_TWICE,
    FD_RECV_DONE,
    SHAPES
} shape;

static const char *const shape_names[SHAPES] = { "recv", "send", "first", "twice", "done" };

typedef enum how { WAITS, TIMED, UNDER, HOWS } how;
static const char *const how_names[HOWS] = { "waits", "timed", "under" };

enum { MOST_OPS = 2 };

typedef struct play {
    size_t capacity, fill;
    shape shape;
    how how;
    int ops;
    operation op[MOST_OPS];
} play;

static const play *now;
static ccp_ctx *ctx;
static ccpi_event source;
static int selects[SIM_THREADS];

/* ---- the select ---- */

static size_t make_cases(ccp_case k[3], short got[2], uint64_t *e)
{
    const ccp_case fd = CCP_CASE_FD(source.fd, POLLIN, &got[0]);
    const ccp_case recv = CCP_CASE_RECV(chan, e), send = CCP_CASE_SEND(chan, e);
    switch (now->shape) {
    case FD_RECV: k[0] = fd, k[1] = recv; return 2;
    case FD_SEND: k[0] = fd, k[1] = send; return 2;
    case RECV_FD_FIRST: k[0] = recv, k[1] = fd; return 2;
    case FD_TWICE: k[0] = k[1] = fd, k[2] = recv; return 3;
    default: break;
    }
    k[0] = fd, k[1] = recv;
    k[2] = CCP_CASE_DONE(ctx);
    return 3;
}

static bool is_fd(size_t i)
{
    return now->shape == RECV_FD_FIRST ? i == 1 : now->shape == FD_TWICE ? i < 2 : i == 0;
}

static void check_chosen(ccp_status st, size_t i, short got, uint64_t e)
{
    if (st == CCP_TIMEOUT)
        sim_assert(now->how == TIMED);
    else if (st == CCP_CANCELED)
        sim_assert(now->how == UNDER && ccp_ctx_status(ctx) == CCP_CANCELED);
    else if (st == CCP_CLOSED)
        sim_assert(!is_fd(i) && ccp_chan_is_closed(chan));
    else {
        sim_assert(st == CCP_OK);
        if (is_fd(i))
            sim_assert(got == POLLIN && sim_event_is_up(source.fd)); /* S7 */
        else if (now->shape == FD_SEND)
            atomic_fetch_add(&accepted, 1);
        else if (i == 2 && now->shape == FD_RECV_DONE)
            sim_assert(ccp_ctx_status(ctx) == CCP_CANCELED);
        else {
            sim_assert(e == 7);
            atomic_fetch_add(&received, 1);
        }
        sim_assert(is_fd(i) || got == 0);
    }
}

static void select_with_fd(void *arg)
{
    (void)arg;
    uint64_t e = now->shape == FD_SEND ? 7 : 0;
    short got[2] = { 0, 0 };
    ccp_case k[3];
    size_t i = 9, n = make_cases(k, got, &e);
    ccp_wait w = now->how == TIMED ? ccp_within(10)
                 : now->how == UNDER ? ccp_with(ctx)
                                     : CCP_FOREVER;
    selects[sim_self()] = now->how == TIMED ? 0 : 1;
    ccp_status st = now->shape == RECV_FD_FIRST ? ccp_select_first(k, n, &i, w)
                                                : ccp_select(k, n, &i, w);
    selects[sim_self()] = 0;
    check_chosen(st, i, got[0], e);
}

static void select_plain(void)
{
    uint64_t e = 0;
    const ccp_case k = CCP_CASE_RECV(chan, &e);
    size_t i;
    if (ccp_select(&k, 1, &i, CCP_FOREVER) == CCP_OK)
        atomic_fetch_add(&received, 1);
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    int me = sim_self();
    waits_to_send[me] = op == SEND;
    waits_to_recv[me] = op == RECV || op == SELECT_RECV;
    switch (op) {
    case RAISE: ccpi_event_raise(&source); break;
    case SEND: (void)send_one(CCP_FOREVER); break;
    case SEND_NOWAIT: (void)send_one(CCP_NOWAIT); break;
    case RECV: (void)recv_one(CCP_FOREVER); break;
    case RECV_NOWAIT: (void)recv_one(CCP_NOWAIT); break;
    case CLOSE: (void)ccp_chan_close(chan); break;
    case CANCEL: ccp_ctx_cancel(ctx); break;
    case SELECT_RECV: select_plain(); break;
    default: select_with_fd(NULL); break;
    }
    waits_to_send[me] = waits_to_recv[me] = 0;
}

/* ---- What holds when nobody can go on ---- */

static bool something_to_receive(void)
{
    return ccp_chan_is_closed(chan) || ccp_chan_len(chan) > 0 ||
           (now->capacity == 0 && scene_any(waits_to_send));
}

static bool room_to_send(void)
{
    return ccp_chan_is_closed(chan) || ccp_chan_len(chan) < now->capacity ||
           (now->capacity == 0 && scene_any(waits_to_recv));
}

static void check_settled(void)
{
    bool sends = now->shape == FD_SEND;
    if (scene_any(selects)) {
        sim_assert(!sim_event_is_up(source.fd));
        sim_assert(sends ? !room_to_send() : !something_to_receive());
        sim_assert(ccp_ctx_status(ctx) == CCP_OK ||
                   (now->how == WAITS && now->shape != FD_RECV_DONE));
    }
    if (scene_any(waits_to_send))
        sim_assert(!room_to_send() && (sends || now->capacity || !scene_any(selects)));
    if (scene_any(waits_to_recv))
        sim_assert(!something_to_receive() && (!sends || now->capacity || !scene_any(selects)));
}

static void run_play(void *arg)
{
    now = arg;
    scene_tune(STILL);
    sim_event_will_be_polled();
    chan = ccp_chan_make(&(ccp_chan_opts){ .elem_size = 8, .capacity = now->capacity,
                                           .drop = drop });
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(chan && ctx && ccpi_event_open(&source));
    for (size_t i = 0; i < now->fill; i++)
        (void)send_one(CCP_NOWAIT);
    sim_spawn(select_with_fd, NULL);
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&now->op[i]);
    sim_settle();
    check_settled();
    (void)ccp_chan_close(chan);
    sim_join();
    ccpi_event_close(&source);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    atomic_fetch_add(&received, (int)scene_chan_end(chan));
    sim_assert(atomic_load(&accepted) == atomic_load(&received) + atomic_load(&dropped));
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *many)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.cap%zu.holds%zu.%s.%s.%s", many,
              p->capacity, p->fill, shape_names[p->shape], how_names[p->how], ops);
}

static void add_ops(play p)
{
    static const sim_options every = { .mode = SIM_DPOR };
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    static const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    for (int a = 0; a < OPERATIONS; a++) {
        p.op[0] = (operation)a;
        p.ops = 1;
        add_play(&p, a == SELECT_SAME ? &one : &every, a == SELECT_SAME ? "one" : "pair");
        p.ops = 2;
        for (int b = a; b < OPERATIONS; b++) {
            bool more = a == RAISE && p.how == WAITS && b != SELECT_SAME;
            p.op[1] = (operation)b;
            add_play(&p, more ? &two : &one, more ? "two" : "one");
        }
    }
}

int main(int argc, char **argv)
{
    for (size_t capacity = 0; capacity < 2; capacity++)
        for (int s = 0; s < SHAPES; s++)
            for (int h = 0; h < HOWS; h++)
                add_ops((play){ .capacity = capacity, .shape = (shape)s, .how = (how)h,
                                .fill = s == FD_SEND ? capacity : 0 });
    return scene_main(argc, argv);
}
