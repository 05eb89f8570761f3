/* SPDX-License-Identifier: MIT
 *
 * Single-flight: every pair of operations, with and without a call of the same key under way, with
 * functions that succeed and that fail; every schedule, or many; with memory and threads that
 * cannot be had.
 *
 * Looked at: one function at a time for each key, unless it was forgotten (D1); nobody gets a
 * result that was there before the call began (D2); what the function wrote is read without a race
 * (D3); shared agrees (D4); results made, copied, taken and dropped add up (D6); nothing is left.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    DO,
    DO_TIMED,
    DO_CTX,
    DO_NOWAIT,
    DO_OTHER, /* another key */
    DO_AGAIN, /* from inside its own function */
    CHAN,     /* receives the result */
    CHAN_TIMED,
    CHAN_LEAVE,
    FORGET,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "do", "do_timed", "do_ctx", "do_nowait", "do_other", "do_again", "chan", "chan_timed",
    "chan_leave", "forget", "ctx_cancel",
};

typedef struct play {
    bool flying, fails, owned;
    int ops;
    operation op[3];
} play;

enum { RUNS = 8 };

typedef CCP_FLIGHT_RESULT(long) received;

static const play *now;
static ccp_flight *f;
static ccp_chan *gate;
static ccp_ctx *ctx;
static _Atomic int running[2], runs, made, copied, taken, dropped;
static uint64_t run_end[RUNS];
static long written[RUNS]; /* plain: a race is a failure (D3) */
static int got[SIM_THREADS];
static bool got_shared[SIM_THREADS];
static int waiting[SIM_THREADS];

static bool has(operation op)
{
    for (int i = 0; i < now->ops; i++)
        if (now->op[i] == op)
            return true;
    return false;
}

/* ---- The function ---- */

static ccp_status run(void *result, int key)
{
    int n = atomic_fetch_add(&runs, 1) + 1;
    sim_assert(n < RUNS);
    sim_assert(atomic_fetch_add(&running[key], 1) == 0 || has(FORGET)); /* D1 */
    written[n] = n;
    if (now->flying && n == 1)
        sim_assert(ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    atomic_fetch_sub(&running[key], 1);
    run_end[n] = sim_end(false);
    if (now->fails)
        return CCP_FAILED;
    *(long *)result = n;
    atomic_fetch_add(&made, 1);
    return CCP_OK;
}

static ccp_status run_key(void *result, void *arg)
{
    (void)arg;
    return run(result, 0);
}

static ccp_status run_other(void *result, void *arg)
{
    (void)arg;
    return run(result, 1);
}

static ccp_status run_again(void *result, void *arg)
{
    const ccp_flight_call same = { "k", 1, run_key, NULL };
    (void)arg;
    if (!has(FORGET)) /* which makes it another call */
        sim_assert(ccp_flight_do(f, &same, NULL, NULL, CCP_FOREVER) == CCP_DEADLOCK); /* D7 */
    return run(result, 0);
}

static const ccp_flight_call call_key = { "k", 1, run_key, NULL };
static const ccp_flight_call call_other = { "o", 1, run_other, NULL };
static const ccp_flight_call call_again = { "k", 1, run_again, NULL };

static void copy(void *to, const void *from, void *arg)
{
    (void)arg;
    *(long *)to = *(const long *)from;
    atomic_fetch_add(&copied, 1);
}

static void drop(void *result, void *arg)
{
    (void)arg;
    sim_assert(*(const long *)result > 0);
    atomic_fetch_add(&dropped, 1);
}

/* ---- Operations ---- */

static void note(uint64_t begin, long value, bool shared)
{
    int t = sim_self();
    sim_assert(value > 0 && value < RUNS && written[value] == value); /* D3 */
    sim_assert(run_end[value] > begin);                               /* D2 */
    got[t] = (int)value;
    got_shared[t] = shared;
    atomic_fetch_add(&taken, 1);
}

static bool may_be(ccp_status rc)
{
    return rc == (now->fails ? CCP_FAILED : CCP_OK) || rc == CCP_NOMEM;
}

static void fly(const ccp_flight_call *c, ccp_wait w, ccp_status a)
{
    long value = 0;
    bool shared = false;
    uint64_t begin = sim_begin(false);
    waiting[sim_self()] = 1;
    ccp_status rc = ccp_flight_do(f, c, &value, &shared, w);
    waiting[sim_self()] = 0;
    sim_assert(may_be(rc) || rc == a);
    if (rc == CCP_OK)
        note(begin, value, shared);
}

static void fly_by_chan(ccp_wait w, bool receives)
{
    ccp_chan *ch;
    received r;
    uint64_t begin = sim_begin(false);
    ccp_status rc = ccp_flight_do_chan(f, &call_key, &ch);
    sim_assert(rc == CCP_OK || rc == CCP_NOMEM);
    if (rc != CCP_OK)
        return;
    rc = CCP_AGAIN;
    if (receives) {
        waiting[sim_self()] = 1;
        rc = ccp_chan_recv(ch, &r, w);
        waiting[sim_self()] = 0;
        sim_assert(rc == CCP_OK || rc == CCP_TIMEOUT);
    }
    if (rc == CCP_OK)
        sim_assert(may_be(r.status));
    if (rc == CCP_OK && r.status == CCP_OK)
        note(begin, r.value, r.shared);
    sim_assert(ccp_flight_leave(f, ch) == CCP_OK);
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case DO: fly(&call_key, CCP_FOREVER, CCP_OK); break;
    case DO_TIMED: fly(&call_key, ccp_within(100), CCP_TIMEOUT); break;
    case DO_CTX: fly(&call_key, ccp_with(ctx), CCP_CANCELED); break;
    case DO_NOWAIT: fly(&call_key, CCP_NOWAIT, CCP_AGAIN); break;
    case DO_OTHER: fly(&call_other, CCP_FOREVER, CCP_OK); break;
    case DO_AGAIN: fly(&call_again, CCP_FOREVER, CCP_OK); break;
    case CHAN: fly_by_chan(CCP_FOREVER, true); break;
    case CHAN_TIMED: fly_by_chan(ccp_within(100), true); break;
    case CHAN_LEAVE: fly_by_chan(CCP_NOWAIT, false); break;
    case FORGET: sim_assert(ccp_flight_forget(f, "k", 1) == CCP_OK); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

/* ---- Beginning and end ---- */

static void set_up(const play *p)
{
    static const operation parked = DO;
    now = p;
    scene_tune(STILL);
    f = ccp_flight_make(&(ccp_flight_opts){ .result_size = sizeof(long),
                                            .copy = p->owned ? copy : NULL,
                                            .drop = p->owned ? drop : NULL });
    gate = ccp_chan_new(0, 1);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    if (!f || !gate || !ctx)
        sim_skip(); /* memory was short already */
    if (p->flying) {
        sim_spawn(act_out, (void *)(uintptr_t)&parked);
        sim_settle();
    }
}

static void check_shared(void) /* D4 */
{
    for (int t = 0; t < SIM_THREADS; t++)
        for (int u = 0; u < t; u++)
            if (got[t] && got[t] == got[u])
                sim_assert(got_shared[t] && got_shared[u]);
}

static void finish(void)
{
    ccp_flight_info info;
    sim_settle();
    sim_assert(ccp_flight_get_info(f, &info) == CCP_OK);
    sim_assert(now->flying || info.calls == 0);
    sim_assert(ccp_chan_close(gate) == CCP_OK);
    sim_join();
    for (int t = 0; t < SIM_THREADS; t++)
        sim_assert(!waiting[t]);
    if (has(CHAN_LEAVE) || has(CHAN_TIMED))
        sim_settle(); /* functions may still run for nobody */
    sim_assert(ccp_flight_get_info(f, &info) == CCP_OK);
    sim_assert(info.calls == 0 && info.waiting == 0 && info.chans == 0);
    sim_assert(ccp_flight_free(f) == CCP_OK);
    sim_assert(scene_threads() == 0);
    check_shared();
    if (now->owned)
        sim_assert(made + copied == taken + dropped); /* D6 */
    (void)scene_chan_end(gate);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish();
}

/* ---- The table ---- */

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s%s%s%s.%s", how,
              p->flying ? ".flying" : "", p->fails ? ".fails" : "", p->owned ? ".owned" : "",
              ops);
}

static bool starts(operation op)
{
    return op >= CHAN && op <= CHAN_LEAVE;
}

static bool does(operation op)
{
    return op <= DO_AGAIN;
}

/* Where threads of the library take part, few preemptions or random schedules. */
static void add_pair(const play *p)
{
    bool threads = starts(p->op[0]) || starts(p->op[1]);
    sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    sim_options some = { .mode = SIM_PCT, .n = 200 };
    sim_options odd = { .mode = SIM_DFS, .preemptions = 1, .spurious = 1, .fail_alloc = 1,
                        .fail_thread = 1 };
    if (p->op[1] == CHAN && p->op[0] != CHAN && p->owned && !p->flying)
        add_play(p, &one, "one");
    else if (threads)
        add_play(p, &some, "some");
    else if (p->flying && does(p->op[0]) && does(p->op[1]))
        add_play(p, &two, "two");
    else
        add_play(p, NULL, "pair");
    if (!p->flying && p->owned && !threads)
        add_play(p, &odd, "odd");
    odd.mode = SIM_PCT;
    odd.n = 200;
    if (!p->flying && p->owned && threads)
        add_play(p, &odd, "odd");
}

int main(int argc, char **argv)
{
    for (int how = 0; how < 8; how++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { how & 1, how & 2, how & 4, 2, { (operation)a, (operation)b } };
                if (!(p.fails && p.owned))
                    add_pair(&p);
            }
    for (int a = 0; a < OPERATIONS; a++)
        for (int b = a; b < OPERATIONS; b++)
            for (int c = b; c < OPERATIONS; c++) {
                play p = { false, false, true, 3, { (operation)a, (operation)b, (operation)c } };
                add_play(&p, &(sim_options){ .mode = SIM_PCT, .n = 200 }, "some_triple");
            }
    return scene_main(argc, argv);
}
