/* SPDX-License-Identifier: MIT
 *
 * Once: every pair and triple of operations, with and without retry, every schedule.
 *
 * A function writes plain memory, so the explorer sees a race where two run at once, or where
 * somebody is told of what it does not see yet (O1, O2).
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    DO,
    DO_TIMED,
    DO_CTX,
    DO_NOWAIT,
    DO_FAIL, /* a function that fails */
    LOOK,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = { "do", "do_timed", "do_ctx", "do_nowait",
                                                         "do_fail", "look", "ctx_cancel" };

typedef struct play {
    bool retry;
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_once *once;
static ccp_ctx *ctx;
static int made, failures; /* plain: written by the functions only */
static int oks[SIM_THREADS];

static ccp_status make(void *arg)
{
    /* Before any call here: that would see by itself what a run before left.  O1. */
    sim_assert(made == 0 && (failures == 0 || now->retry));
    sim_assert(ccp_once_do(once, make, NULL, CCP_FOREVER) == CCP_DEADLOCK); /* O3 */
    if (arg)
        failures++;
    else
        made++;
    return arg ? CCP_FAILED : CCP_OK;
}

static void run(bool fails, ccp_wait w, ccp_status other)
{
    static bool yes = true;
    ccp_status st = ccp_once_do(once, make, fails ? &yes : NULL, w);
    oks[sim_self()] = st == CCP_OK;
    sim_assert(st == CCP_OK || st == CCP_FAILED || st == other);
    if (st == CCP_OK)
        sim_assert(made == 1);
    if (st == CCP_FAILED)
        sim_assert(now->retry ? fails : failures == 1);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case DO: run(false, CCP_FOREVER, CCP_OK); break;
    case DO_TIMED: run(false, ccp_within(100), CCP_TIMEOUT); break;
    case DO_CTX: run(false, ccp_with(ctx), CCP_CANCELED); break;
    case DO_NOWAIT: run(false, CCP_NOWAIT, CCP_AGAIN); break;
    case DO_FAIL: run(true, CCP_FOREVER, CCP_OK); break;
    case LOOK:
        if (ccp_once_is_done(once))
            sim_assert(made + failures >= 1);
        break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void run_play(void *arg)
{
    const play *p = arg;
    now = p;
    scene_tune(STILL);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    once = sim_alloc(sizeof *once);
    *once = p->retry ? (ccp_once)CCP_ONCE_RETRY_INIT : (ccp_once)CCP_ONCE_INIT;
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    sim_join();
    sim_assert(!once->line_.first_ && !once->line_.last_ && once->owner_ == 0);
    sim_assert(ccp_once_is_done(once) == (made || (failures && !p->retry)));
    sim_assert(made == 1 || !scene_any(oks));
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(once);
    sim_assert(ccp_live_blocks() == 0);
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s%s.%s", how, p->retry ? ".retry" : "", ops);
}

int main(int argc, char **argv)
{
    const sim_options odd = { .spurious = 1, .fail_cas = 1 };
    const sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
    for (int retry = 0; retry < 2; retry++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { retry, 2, { (operation)a, (operation)b } };
                add_play(&p, NULL, "pair");
                add_play(&p, &odd, "odd");
                for (int c = b; c < OPERATIONS; c++) {
                    play q = { retry, 3, { (operation)a, (operation)b, (operation)c } };
                    add_play(&q, &few, "two");
                }
            }
    return scene_main(argc, argv);
}
