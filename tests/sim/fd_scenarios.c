/* SPDX-License-Identifier: MIT
 *
 * Descriptors of channels: an event loop on one side, told of levels or of edges, or which is told
 * and does nothing, beside every operation and every pair of operations, on a channel that is
 * empty, full, or in between.
 *
 * Checked in each: once nobody can go on, a loop that waits has nothing to do (FD1, FD2), and nor
 * has a thread that waits (FD4); closing ends them all; every element that was accepted is received
 * once; the channel is as quiet as a new one when it is freed.
 */
#include "event.h"
#include "fd_chan.h"

#include <stdio.h>

typedef enum operation {
    SEND,
    SEND_NOWAIT,
    SEND_TWO,
    RECV,
    RECV_NOWAIT,
    RECV_TIMED,
    SELECT_RECV,
    SELECT_SEND,
    FD,     /* looks anew */
    CLOSE,
    CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "send", "send_nowait", "send_two", "recv", "recv_nowait", "recv_timed",
    "select_recv", "select_send", "fd", "close", "cancel",
};

typedef enum kind { LEVELS, EDGES, IDLE, KINDS } kind;
static const char *const kind_names[KINDS] = { "levels", "edges", "idle" };

enum { MOST_OPS = 4 };

typedef struct play {
    size_t capacity, elem_size, fill;
    bool sends; /* the loop's side */
    kind kind;
    tuning tuning;
    int ops;
    operation op[MOST_OPS];
} play;

static const play *now;
static int loops[SIM_THREADS];

static void send_two(void)
{
    const uint64_t e[2] = { 7, 7 };
    size_t n = 0;
    if (ccp_chan_send_n(chan, e, 2, &n, CCP_FOREVER) == CCP_OK)
        atomic_fetch_add(&accepted, (int)n);
}

static void select_one(bool send)
{
    uint64_t e = 7;
    const ccp_case k = send ? CCP_CASE_SEND(chan, &e) : CCP_CASE_RECV(chan, &e);
    size_t i;
    if (ccp_select(&k, 1, &i, CCP_FOREVER) == CCP_OK)
        atomic_fetch_add(send ? &accepted : &received, 1);
}

static int descriptor(void)
{
    int fd = -1;
    sim_assert(ccp_chan_fd(chan, now->sends ? CCP_POLL_SEND : CCP_POLL_RECV, &fd) == CCP_OK);
    return fd;
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    int me = sim_self();
    waits_to_send[me] = op == SEND || op == SEND_TWO || op == SELECT_SEND;
    waits_to_recv[me] = op == RECV || op == SELECT_RECV;
    switch (op) {
    case SEND: (void)send_one(CCP_FOREVER); break;
    case SEND_NOWAIT: (void)send_one(CCP_NOWAIT); break;
    case SEND_TWO: send_two(); break;
    case RECV: (void)recv_one(CCP_FOREVER); break;
    case RECV_NOWAIT: (void)recv_one(CCP_NOWAIT); break;
    case RECV_TIMED: (void)recv_one(ccp_within(10)); break;
    case SELECT_RECV: select_one(false); break;
    case SELECT_SEND: select_one(true); break;
    case FD: (void)descriptor(); break;
    case CLOSE: (void)ccp_chan_close(chan); break;
    default: (void)ccp_chan_cancel(chan); break;
    }
    waits_to_send[me] = waits_to_recv[me] = 0;
}

/* ---- The loop ---- */

static int left_to_send;

static ccp_status once(void)
{
    if (!now->sends)
        return recv_one(CCP_NOWAIT);
    ccp_status st = send_one(CCP_NOWAIT);
    left_to_send -= st == CCP_OK;
    return st;
}

static void loop(void *arg)
{
    int fd = *(const int *)arg;
    ccp_status st = CCP_AGAIN;
    uint32_t seen = 0;
    loops[sim_self()] = 1;
    left_to_send = 3;
    while (st != CCP_CLOSED && left_to_send > 0) {
        if (now->kind == EDGES)
            sim_event_wait_edge(fd, &seen);
        else
            sim_event_wait_level(fd);
        if (now->kind == IDLE)
            break;
        do
            st = once();
        while (now->kind == EDGES && st == CCP_OK && left_to_send > 0);
    }
    loops[sim_self()] = 0;
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

static void check_settled(int fd)
{
    if (scene_any(loops)) {
        sim_assert(!sim_event_is_up(fd));
        sim_assert(now->sends ? !room_to_send() : !something_to_receive());
    }
    if (scene_any(waits_to_send))
        sim_assert(!room_to_send());
    if (scene_any(waits_to_recv))
        sim_assert(!something_to_receive());
}

static void run_play(void *arg)
{
    now = arg;
    scene_tune(now->tuning);
    received_as = now->elem_size ? 7 : 0;
    chan = ccp_chan_make(&(ccp_chan_opts){
        .elem_size = now->elem_size, .capacity = now->capacity, .drop = drop });
    sim_assert(chan);
    for (size_t i = 0; i < now->fill; i++)
        sim_assert(send_one(CCP_NOWAIT) == CCP_OK);
    int fd = descriptor();
    sim_spawn(loop, &fd);
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&now->op[i]);
    sim_settle();
    check_settled(fd);
    (void)ccp_chan_close(chan);
    sim_join();
    atomic_fetch_add(&received, (int)scene_chan_end(chan));
    sim_assert(sim_events_open() == 0);
    sim_assert(atomic_load(&accepted) == atomic_load(&received) + atomic_load(&dropped));
}

/* ---- Contexts and futures ---- */

static ccp_ctx *ctx;
static ccp_future *future;
static ccp_promise *promise;

static void ask_and_wait(void *arg)
{
    int fd = -1;
    sim_assert((arg ? ccp_ctx_fd(ctx, &fd) : ccp_future_fd(future, &fd)) == CCP_OK);
    sim_event_wait_level(fd); /* FD5 */
    sim_assert(arg ? ccp_ctx_status(ctx) == CCP_CANCELED : ccp_future_is_done(future));
}

static void cancel_ctx(void *arg)
{
    ccp_ctx_cancel(arg);
}

static void settle(void *arg)
{
    (void)arg;
    ccp_promise_free(promise);
}

static void ctx_ends(void *arg)
{
    scene_tune(STILL);
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ctx = ccp_ctx_new(root, CCP_FOREVER);
    sim_assert(root && ctx);
    sim_spawn(ask_and_wait, &ctx);
    sim_spawn(ask_and_wait, &ctx);
    sim_spawn(cancel_ctx, arg ? ctx : root);
    sim_join();
    sim_assert(ccp_ctx_free(root) == CCP_OK && ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(sim_events_open() == 0);
}

static void future_ends(void *arg)
{
    (void)arg;
    scene_tune(STILL);
    promise = ccp_promise_new(NULL, &future);
    sim_assert(promise);
    sim_spawn(ask_and_wait, NULL);
    sim_spawn(settle, NULL);
    sim_join();
    ccp_future_free(future);
    sim_assert(sim_events_open() == 0);
}

/* ---- Pools ---- */

static ccp_pool *pool;
static atomic_int runs;

static ccp_status run_one(ccp_ctx *c, void *again)
{
    (void)c;
    atomic_fetch_add(&runs, 1);
    if (again) {
        ccp_status st = ccp_pool_submit(pool, run_one, NULL, CCP_FOREVER);
        sim_assert(st == CCP_OK || st == CCP_CLOSED);
    }
    return CCP_OK;
}

static void wait_for_rest(void *arg)
{
    int fd = -1;
    sim_assert(ccp_pool_fd(pool, &fd) == CCP_OK);
    if (arg)
        sim_assert(ccp_pool_submit(pool, run_one, NULL, CCP_FOREVER) == CCP_OK);
    while (ccp_pool_wait(pool, CCP_NOWAIT) == CCP_AGAIN)
        sim_event_wait_level(fd); /* FD6 */
    if (arg)
        sim_assert(atomic_load(&runs) > 0);
}

static void submit_task(void *arg)
{
    sim_assert(ccp_pool_submit(pool, run_one, arg, CCP_FOREVER) == CCP_OK);
}

static void abort_pool(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_abort(pool, NULL, NULL) == CCP_OK);
}

static void pool_rests(void *arg)
{
    const int how = *(const int *)arg;
    bool twice = how & 1, aborts = how & 4;
    scene_tune(STILL);
    atomic_store(&runs, 0);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = how & 2 ? 2 : 1, .queue = 2 });
    sim_assert(pool);
    sim_spawn(wait_for_rest, aborts ? NULL : &pool);
    if (aborts)
        submit_task(&pool);
    sim_spawn(aborts ? abort_pool : submit_task, twice ? &pool : NULL);
    sim_settle();
    int fd = -1;
    sim_assert(ccp_pool_fd(pool, &fd) == CCP_OK && sim_event_is_up(fd));
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(sim_events_open() == 0);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.cap%zu.size%zu.holds%zu.%s.%s.%s.%s", how,
              p->capacity, p->elem_size, p->fill, p->sends ? "sends" : "receives",
              kind_names[p->kind], tuning_names[p->tuning], ops);
}

static const sim_options every = { .mode = SIM_DPOR };
static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
static const sim_options some = { .mode = SIM_PCT, .depth = 4, .n = 300, .spurious = 1 };

static void add_ops(play p)
{
    for (int a = 0; a < OPERATIONS; a++) {
        p.op[0] = (operation)a;
        p.ops = 1;
        add_play(&p, &every, "pair");
        p.ops = 2;
        for (int b = a; b < OPERATIONS; b++) {
            p.op[1] = (operation)b;
            add_play(&p, &one, "one");
        }
    }
}

static void add_crowds(play p)
{
    static const operation op[][MOST_OPS] = {
        { SEND, SEND_TWO, RECV, RECV_TIMED },
        { SEND, RECV, RECV_NOWAIT, SEND_NOWAIT },
        { SELECT_SEND, SELECT_RECV, SEND, FD },
        { RECV, RECV, SEND_TWO, CLOSE },
        { SEND_TWO, RECV, FD, CANCEL },
    };
    p.ops = MOST_OPS;
    for (size_t i = 0; i < sizeof op / sizeof *op; i++)
        for (int t = STILL; t < TUNINGS; t++) {
            for (int j = 0; j < MOST_OPS; j++)
                p.op[j] = op[i][j];
            p.tuning = (tuning)t;
            add_play(&p, &some, "some");
        }
}

int main(int argc, char **argv)
{
    static const sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
    static const bool yes = true;
    scene_add(ctx_ends, NULL, &few, "hand.ctx_ends_with_its_parent");
    scene_add(ctx_ends, (void *)(uintptr_t)&yes, &few, "hand.ctx_ends");
    scene_add(future_ends, NULL, &every, "hand.future_ends");
    for (int how = 0; how < 6; how++)
        scene_add(pool_rests, scene_keep(&how, sizeof how), how ? &one : &few,
                  "hand.pool_rests.workers%d.%s", how & 2 ? 2 : 1,
                  how & 4 ? "abort" : how & 1 ? "submit_more" : "submit");
    for (size_t capacity = 0; capacity < 3; capacity++)
        for (size_t size = 0; size <= 8; size += 8)
            for (size_t fill = 0; fill <= capacity; fill++)
                for (int how = 0; how < 2 * KINDS; how++) {
                    play p = { .capacity = capacity, .elem_size = size, .fill = fill,
                               .sends = how & 1, .kind = (kind)(how / 2) };
                    add_ops(p);
                    add_crowds(p);
                }
    return scene_main(argc, argv);
}
