/* SPDX-License-Identifier: MIT
 *
 * Shutdown: every pair of operations beside each other and beside a pool's tasks.
 *
 * Checked in each: of several that run the steps one does (J1), phase after phase and each step
 * once; a step that was accepted runs, and one that was refused does not; a report tells of what
 * has run, in order, with its status (J3); while steps run the list cannot be freed; a step of a
 * phase whose time is over is told so (J2); of the pool every task has run or was handed back, and
 * nothing is left (J4).
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    ADD_INTAKE,
    ADD_JOIN,
    RUN,
    RUN_TIMED, /* all of it has little time */
    REPORT,
    SUBMIT, /* a task to the pool, which waits for its end */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "add_intake", "add_join", "run", "run_timed", "report", "submit",
};

typedef struct play {
    bool pool;
    int ops;
    operation op[3];
} play;

/* One that a thread adds, or the scenario. */
typedef struct part {
    ccp_phase phase;
    bool accepted;
    int ran;
} part;

enum { MOST = 6, SHORT = 10 };

static const play *now;
static ccp_shutdown *steps;
static ccp_pool *pool;
static ccp_chan *held; /* what tasks wait for */
static part parts[MOST];
static atomic_int part_count, runs, began, handed_back;
static ccp_phase reached; /* plain, as the following: one thread runs the steps */
static int ran;

static ccp_status step(void *arg, ccp_wait w)
{
    part *p = arg;
    sim_assert(p->phase >= reached && p->ran++ == 0);
    sim_assert(ccp_shutdown_free(steps) == CCP_BUSY);
    reached = p->phase;
    ran++;
    return ccp_sleep(w.ns_ == INT64_MAX ? ccp_within(1) : w);
}

static bool add(ccp_phase phase)
{
    part *p = &parts[atomic_fetch_add(&part_count, 1)];
    p->phase = phase;
    ccp_status st = ccp_shutdown_add(steps, phase, "part", step, p);
    sim_assert(st == CCP_OK || st == CCP_CLOSED);
    p->accepted = st == CCP_OK;
    return p->accepted;
}

static void run(ccp_wait w)
{
    const ccp_shutdown_limits limits = { .join = SHORT };
    ccp_status st = ccp_shutdown_run(steps, &limits, w);
    if (st != CCP_CLOSED)
        atomic_fetch_add(&runs, 1);
    sim_assert(st == CCP_OK || st == CCP_CLOSED || st == CCP_TIMEOUT);
}

static size_t report(void)
{
    ccp_shutdown_result r[MOST + 4];
    size_t n = ccp_shutdown_report(steps, r, MOST + 4);
    sim_assert(n <= MOST + 4);
    for (size_t i = 0; i < n; i++) {
        sim_assert(i == 0 || r[i].phase >= r[i - 1].phase);
        sim_assert(r[i].ns >= 0 && (r[i].status == CCP_OK || r[i].status == CCP_TIMEOUT));
    }
    return n;
}

static ccp_status wait_for_the_end(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    atomic_fetch_add(&began, 1);
    return ccp_chan_recv(held, NULL, ccp_with(ctx));
}

static void take_back(ccp_task fn, void *arg, void *unused)
{
    (void)fn, (void)arg, (void)unused;
    atomic_fetch_add(&handed_back, 1);
}

static atomic_int submitted;

static void act(void *arg)
{
    switch (*(const operation *)arg) {
    case ADD_INTAKE: (void)add(CCP_PHASE_INTAKE); break;
    case ADD_JOIN: (void)add(CCP_PHASE_JOIN); break;
    case RUN: run(CCP_FOREVER); break;
    case RUN_TIMED: run(ccp_within(SHORT)); break;
    case REPORT: (void)report(); break;
    default:
        if (ccp_pool_submit(pool, wait_for_the_end, NULL, CCP_FOREVER) == CCP_OK)
            atomic_fetch_add(&submitted, 1);
        break;
    }
}

static void make_all(void)
{
    scene_tune(STILL);
    steps = ccp_shutdown_new();
    sim_assert(steps && add(CCP_PHASE_DRAIN) && add(CCP_PHASE_INTAKE));
    if (!now->pool)
        return;
    held = scene_chan(0, 1);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .unrun = take_back });
    sim_assert(pool && ccp_shutdown_add_pool(steps, "pool", pool, take_back, NULL) == CCP_OK);
}

static void run_play(void *arg)
{
    int accepted = 0;
    now = arg;
    make_all();
    for (int i = 0; i < now->ops; i++)
        sim_spawn(act, (void *)(uintptr_t)&now->op[i]);
    sim_settle();
    if (now->pool && atomic_load(&runs) == 0) {
        run(ccp_within(SHORT)); /* or a drain waits for ever */
    } else if (atomic_load(&runs) == 0) {
        run(CCP_FOREVER);
    }
    sim_join();
    sim_assert(atomic_load(&runs) == 1 && !add(CCP_PHASE_JOIN));
    for (int i = 0; i < atomic_load(&part_count); i++) {
        sim_assert(parts[i].ran == parts[i].accepted);
        accepted += parts[i].accepted;
    }
    sim_assert(ran == accepted && report() == (size_t)(ran + (now->pool ? 4 : 0)));
    sim_assert(ccp_shutdown_free(steps) == CCP_OK);
    if (now->pool) {
        sim_assert(ccp_pool_free(pool) == CCP_OK);
        sim_assert(atomic_load(&began) + atomic_load(&handed_back) == atomic_load(&submitted));
        (void)scene_chan_end(held);
    }
    sim_assert(ccp_live_blocks() == 0 && scene_threads() == 0);
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *many)
{
    char ops[60] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s%s.%s", many, p->pool ? ".pool" : "", ops);
}

int main(int argc, char **argv)
{
    static const sim_options every = { .mode = SIM_DPOR };
    static const sim_options some = { .mode = SIM_PCT, .n = 300 };
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++) {
            play p = { .ops = 2, .op = { (operation)a, (operation)b } };
            if (b < SUBMIT)
                add_play(&p, &every, "pair");
            for (int c = b; c < OPERATIONS; c++) {
                p = (play){ .pool = true, .ops = 3,
                            .op = { (operation)a, (operation)b, (operation)c } };
                if (a != RUN && b != RUN && c != RUN) /* a task waits for ever */
                    add_play(&p, &some, "some");
            }
        }
    return scene_main(argc, argv);
}
