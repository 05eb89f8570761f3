/* SPDX-License-Identifier: MIT
 *
 * Batchers: every pair of operations, and triples with calls, beside the batcher's own thread.
 *
 * A call that succeeded was handled once, every other one not at all (U1); a batch has at most two
 * calls (U2); after the end of its wait a call returns, in the end (U4); what was accepted is
 * handled when it is closed (U5), and its thread has ended then.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

enum { MOST = 2, DELAY = 100 };

typedef enum operation { CALL, CALL_TIMED, CALL_CTX, CANCEL, FLUSH, CLOSE, OPERATIONS } operation;

static const char *const operation_names[OPERATIONS] = { "call",   "call_timed", "call_ctx",
                                                         "cancel", "flush",      "close" };

typedef struct play {
    bool delays; /* otherwise only a flush, the number or the end begins a batch */
    int ops;
    operation op[3];
} play;

static ccp_batcher *b;
static ccp_ctx *ctx;
static int handled[SIM_THREADS]; /* plain: U6 */
static int running;
static _Atomic int closed;

static void handle(ccp_batch_item *items, size_t n, void *arg)
{
    (void)arg;
    sim_assert(++running == 1 && n > 0 && n <= MOST); /* U2 */
    for (size_t i = 0; i < n; i++)
        ++*(int *)items[i].param;
    running--;
}

static void call(ccp_wait w, ccp_status may)
{
    int me = sim_self();
    ccp_status st = ccp_batcher_call(b, &handled[me], NULL, w);
    sim_assert(handled[me] == (st == CCP_OK)); /* U1 */
    sim_assert(st == CCP_OK || st == may || (st == CCP_CLOSED && atomic_load(&closed)));
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case CALL:
        call(CCP_FOREVER, CCP_OK);
        break;
    case CALL_TIMED:
        call(ccp_within(DELAY / 2), CCP_TIMEOUT);
        break;
    case CALL_CTX:
        call(ccp_with(ctx), CCP_CANCELED);
        break;
    case CANCEL:
        ccp_ctx_cancel(ctx);
        break;
    case FLUSH:
        sim_assert(ccp_batcher_flush(b) == CCP_OK);
        break;
    default:
        atomic_store(&closed, 1);
        (void)ccp_batcher_close(b);
        break;
    }
}

static void run_play(void *arg)
{
    const play *p = arg;
    scene_tune(STILL);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    const ccp_batcher_opts o = { .fn = handle,
                                 .most = MOST,
                                 .delay_ns = p->delays ? DELAY : INT64_MAX };
    b = ccp_batcher_new(&o);
    sim_assert(ctx && b);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    sim_settle();
    ccp_batcher_info info;
    sim_assert(ccp_batcher_get_info(b, &info) == CCP_OK);
    sim_assert(info.handling == 0 && info.waiting < (p->delays ? 1 : MOST)); /* U3 */
    atomic_store(&closed, 1);
    (void)ccp_batcher_close(b);
    sim_join();
    sim_assert(ccp_batcher_get_info(b, &info) == CCP_OK);
    sim_assert(info.waiting == 0 && info.handling == 0);
    sim_assert(ccp_batcher_free(b) == CCP_OK);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(scene_threads() == 0 && ccp_live_blocks() == 0);
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[60] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.%s", how,
              p->delays ? "delays" : "waits", ops);
}

/* Somebody calls; and who waits for the context is told. */
static bool is_of_use(const play *p)
{
    int calls = 0, cancels = 0, ctxs = 0;
    for (int i = 0; i < p->ops; i++) {
        calls += p->op[i] <= CALL_CTX;
        ctxs += p->op[i] == CALL_CTX;
        cancels += p->op[i] == CANCEL;
    }
    return calls > 0 && (cancels > 0) == (ctxs > 0) && cancels <= 1;
}

int main(int argc, char **argv)
{
    const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    const sim_options some = { .mode = SIM_PCT, .n = 2000 };
    for (int delays = 0; delays < 2; delays++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int c = a; c < OPERATIONS; c++) {
                play p = { delays, 2, { (operation)a, (operation)c } };
                if (is_of_use(&p))
                    add_play(&p, delays ? &one : &two, delays ? "one" : "two");
                for (int d = c; d < OPERATIONS; d++) {
                    play q = { delays, 3, { (operation)a, (operation)c, (operation)d } };
                    if (is_of_use(&q))
                        add_play(&q, &some, "some");
                }
            }
    return scene_main(argc, argv);
}
