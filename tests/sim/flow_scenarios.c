/* SPDX-License-Identifier: MIT
 *
 * Generators, fans, merges, broadcasts and pipelines with a few elements each: left early, with a
 * step that fails, canceled by another thread.
 *
 * Checked in each: every element meets one end, once: it is received, dropped, or was taken by a
 * step that failed; those received are in order, where order is promised; threads end, and memory
 * is given back.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum kind {
    GENERATOR,
    FAN,
    FAN_ORDERED,
    MERGE,
    PIPELINE,
    PIPELINE_UNORDERED,
    PIPELINE_BROKEN, /* from `fails` on the step fails for all */
    AGAIN, /* a pipeline: what fails comes back, once */
    AGAIN_UNORDERED,
    BROADCAST,
    LOOKED_AT, /* a pipeline, by another thread while it is started */
    KINDS
} kind;
static const char *const kind_names[KINDS] = { "gen",
                                               "fan",
                                               "fan_ordered",
                                               "merge",
                                               "pipeline",
                                               "pipeline_unordered",
                                               "pipeline_broken",
                                               "again",
                                               "again_unordered",
                                               "broadcast",
                                               "looked_at" };

typedef struct play {
    kind kind;
    int fails;  /* the step fails for this element; -1: for none.  Of a broadcast: what happens to
                 * a slow member, less 1 */
    int takes;  /* elements that the consumer takes before it leaves */
    bool cancels; /* another thread ends it at some moment */
} play;

enum { N = 3 };

static const play *now;
static _Atomic int fate[N]; /* how often element k met an end */
static int made;            /* by the source alone */
static int received, last;  /* the consumer's */
static _Atomic int failures;
static ccp_ctx *stop;

static bool is_again(void)
{
    return now->kind == AGAIN || now->kind == AGAIN_UNORDERED;
}

static void meets_its_end(long k)
{
    sim_assert(k >= 0 && k < N);
    sim_assert(atomic_fetch_add(&fate[k], 1) == 0);
}

static void drop(void *elem, void *arg)
{
    (void)arg;
    meets_its_end(*(long *)elem);
}

/* Takes what comes; in order, if that is promised. */
static void receive(long k)
{
    bool ordered = now->kind == GENERATOR || now->kind == FAN_ORDERED || now->kind == PIPELINE ||
                   now->kind == PIPELINE_BROKEN || now->kind == BROADCAST ||
                   (now->kind == AGAIN && now->fails < 0);
    if (ordered)
        sim_assert(k > last);
    last = (int)k;
    received++;
    meets_its_end(k);
}

static ccp_status make(ccp_ctx *c, const void *in, void *out, void *arg)
{
    (void)c, (void)in, (void)arg;
    if (made == N)
        return CCP_CLOSED;
    *(long *)out = made++;
    return CCP_OK;
}

/* Which element failed, as a failure tells. */
static const ccp_status why[N] = { CCP_BUSY, CCP_FAILED, CCP_NOMEM };

static ccp_status pass(ccp_ctx *c, const void *in, void *out, void *arg)
{
    long k = *(const long *)in;
    (void)c, (void)arg;
    if (now->kind == PIPELINE_BROKEN && now->fails >= 0 && k >= now->fails)
        return why[k];
    if (k == now->fails && (!is_again() || atomic_fetch_add(&failures, 1) == 0)) {
        if (now->kind == FAN || now->kind == FAN_ORDERED)
            meets_its_end(k); /* in a pipeline it is dropped */
        return CCP_BUSY;
    }
    *(long *)out = k;
    return CCP_OK;
}

static ccp_status sink(ccp_ctx *c, const void *in, void *out, void *arg)
{
    (void)c, (void)out, (void)arg;
    if (received == now->takes)
        return CCP_CLOSED;
    receive(*(const long *)in);
    return CCP_OK;
}

static void cancel_it(void *arg)
{
    (void)arg;
    ccp_ctx_cancel(stop);
}

/* ---- What is played ---- */

static bool has_ended; /* plain: the generator's function writes it last */

static ccp_status yield_all(ccp_gen *g, void *arg)
{
    long k;
    ccp_status st = CCP_OK;
    (void)arg;
    while (st == CCP_OK && make(NULL, NULL, &k, NULL) == CCP_OK) {
        st = k == now->fails ? CCP_BUSY : ccp_gen_yield(g, &k, CCP_FOREVER);
        if (st != CCP_OK)
            meets_its_end(k); /* it is still the generator's */
    }
    has_ended = true;
    return st;
}

static bool is_told_of(const ccp_gen *g)
{
    ccp_status st = ccp_gen_status(g);
    sim_assert(st == CCP_OK || has_ended);
    return st != CCP_OK;
}

static void run_gen(void)
{
    long k;
    ccp_gen *g = ccp_gen_new(yield_all, NULL,
                             &(ccp_gen_opts){ .elem_size = sizeof k, .capacity = 1,
                                              .parent = stop, .drop = drop });
    sim_assert(g);
    while (!is_told_of(g) && received < now->takes &&
           ccp_gen_next(g, &k, ccp_with(stop)) == CCP_OK)
        receive(k);
    sim_assert(ccp_gen_free(g) == CCP_OK);
}

static void run_fan(void)
{
    long k;
    ccp_chan *in = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof k, .capacity = N, .drop = drop });
    sim_assert(in);
    while (make(NULL, NULL, &k, NULL) == CCP_OK)
        sim_assert(ccp_chan_send(in, &k, CCP_NOWAIT) == CCP_OK);
    sim_assert(ccp_chan_close(in) == CCP_OK);
    ccp_fan *f = ccp_fan_out(in, pass,
                             &(ccp_fan_opts){ .workers = 2, .out_size = sizeof k, .capacity = 1,
                                              .ordered = now->kind == FAN_ORDERED,
                                              .parent = stop, .drop = drop });
    sim_assert(f);
    while (received < now->takes && ccp_chan_recv(ccp_fan_chan(f), &k, CCP_FOREVER) == CCP_OK)
        receive(k);
    sim_assert(ccp_chan_cancel(ccp_fan_chan(f)) != CCP_INVAL);
    ccp_status st = ccp_fan_wait(f, CCP_FOREVER);
    sim_assert(st == CCP_OK || st == CCP_FAILED || st == CCP_CLOSED || st == CCP_CANCELED);
    sim_assert(ccp_fan_free(f) == CCP_OK);
    (void)ccp_chan_cancel(in);
    sim_assert(ccp_chan_free(in) == CCP_OK);
}

static void send_two_and_close(void *arg)
{
    ccp_chan *ch = arg;
    for (long k = 0; k < 2; k++)
        if (ccp_chan_send(ch, &k, ccp_with(stop)) != CCP_OK)
            meets_its_end(k);
    sim_assert(ccp_chan_close(ch) == CCP_OK);
}

static void send_the_third(void *arg)
{
    ccp_chan **late = arg;
    ccp_merge *m = (ccp_merge *)(void *)late[1];
    sim_assert(ccp_chan_send(late[0], &(long){ 2 }, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_merge_add(m, late[0], NULL) == CCP_OK);
    sim_assert(ccp_chan_close(late[0]) == CCP_OK);
    sim_assert(ccp_merge_close(m) == CCP_OK);
}

static void run_merge(void)
{
    static ccp_chan *late[2];
    long k;
    size_t source;
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *first = scene_chan(sizeof k, 1);
    late[0] = scene_chan(sizeof k, 1);
    late[1] = (ccp_chan *)(void *)m;
    made = N;
    sim_assert(m && ccp_merge_add(m, first, NULL) == CCP_OK);
    sim_spawn(send_two_and_close, first);
    sim_spawn(send_the_third, late);
    ccp_status st;
    while ((st = ccp_merge_recv(m, &k, &source, ccp_with(stop))) == CCP_OK) {
        sim_assert(source == (k == 2));
        receive(k);
    }
    sim_assert(st == CCP_CLOSED || (st == CCP_CANCELED && now->cancels));
    while (st == CCP_CANCELED && ccp_merge_recv(m, &k, &source, CCP_FOREVER) == CCP_OK)
        receive(k);
    sim_settle();
    sim_assert(ccp_merge_free(m) == CCP_OK);
    sim_assert(scene_chan_end(first) == 0 && scene_chan_end(late[0]) == 0);
}

static ccp_status come_again(ccp_ctx *c, const void *in, void *out, void *arg)
{
    const CCP_LETTER(long) *letter = in;
    (void)c, (void)arg;
    sim_assert(letter->item == now->fails && letter->why.status == CCP_BUSY);
    *(long *)out = letter->item;
    return CCP_OK;
}

static void run_again(void)
{
    ccp_pipeline *p = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = stop });
    ccp_pipeline_source(p, make, &(ccp_stage_opts){ .out_size = sizeof(long), .drop = drop });
    ccp_stage *s = ccp_pipeline_map(
        p, pass, &(ccp_stage_opts){ .workers = 2, .queue = 1,
                                    .unordered = now->kind == AGAIN_UNORDERED });
    ccp_pipeline_sink(p, sink, &(ccp_stage_opts){ .queue = 1 });
    ccp_pipeline_again(p, come_again,
                       &(ccp_stage_opts){ .after = ccp_stage_branch(s, CCP_LETTERS),
                                          .queue = 1 });
    ccp_status st = ccp_pipeline_run(p, CCP_FOREVER);
    sim_assert(st == CCP_OK || (st == CCP_CLOSED && now->cancels));
    sim_assert(ccp_pipeline_free(p) == CCP_OK);
}

static _Atomic int copies;
static ccp_broadcast *cast;

static ccp_status copy(ccp_ctx *c, const void *in, void *out, void *arg)
{
    (void)c, (void)arg;
    *(long *)out = *(const long *)in;
    atomic_fetch_add(&copies, 1);
    return CCP_OK;
}

static void drop_copy(void *elem, void *arg)
{
    (void)elem, (void)arg;
    atomic_fetch_sub(&copies, 1);
}

static void receive_copies(void *ch)
{
    long k, before = -1;
    while (ccp_chan_recv(ch, &k, CCP_FOREVER) == CCP_OK) {
        sim_assert(k > before);
        before = k;
        drop_copy(&k, NULL);
    }
    sim_assert(ccp_broadcast_leave(cast, ch) == CCP_OK);
}

/* Two members: the consumer, and a thread that may be too slow. */
static void run_broadcast(void)
{
    long k;
    ccp_chan *in = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof k, .capacity = N, .drop = drop_copy });
    for (k = 0; k < N; k++)
        sim_assert(ccp_chan_send(in, &k, CCP_NOWAIT) == CCP_OK);
    sim_assert(ccp_chan_close(in) == CCP_OK);
    copies = N;
    cast = ccp_broadcast_new(
        in, &(ccp_broadcast_opts){ .parent = stop, .clone = copy, .drop = drop_copy });
    ccp_chan *mine = ccp_broadcast_join(cast, &(ccp_member_opts){ .capacity = 1 });
    ccp_chan *other = ccp_broadcast_join(
        cast, &(ccp_member_opts){ .capacity = 1, .slow = (ccp_slow)(now->fails + 1) });
    sim_assert(mine && other && ccp_broadcast_start(cast) == CCP_OK);
    sim_spawn(receive_copies, other);
    while (received < now->takes && ccp_chan_recv(mine, &k, CCP_FOREVER) == CCP_OK) {
        sim_assert(k == received);
        drop_copy(&k, NULL);
        receive(k);
    }
    sim_assert(ccp_broadcast_leave(cast, mine) == CCP_OK);
    sim_settle();
    sim_assert(ccp_broadcast_free(cast) == CCP_OK);
    sim_assert(ccp_chan_free(in) == CCP_OK && copies == 0);
}

static void run_pipeline(void)
{
    ccp_pipeline *p = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = stop });
    ccp_pipeline_source(p, make, &(ccp_stage_opts){ .out_size = sizeof(long), .drop = drop });
    ccp_pipeline_map(p, pass,
                     &(ccp_stage_opts){ .out_size = sizeof(long), .workers = 2,
                                        .queue = now->kind == PIPELINE_BROKEN ? 2 : 1,
                                        .unordered = now->kind == PIPELINE_UNORDERED,
                                        .skip_failed = now->takes == N, .drop = drop });
    ccp_pipeline_sink(p, sink, &(ccp_stage_opts){ .queue = 1 });
    ccp_status st = ccp_pipeline_run(p, CCP_FOREVER);
    sim_assert(st == CCP_OK || (st == CCP_CLOSED && now->cancels) ||
               (st == CCP_FAILED && now->fails >= 0 && now->takes < N));
    ccp_item item;
    if (now->kind == PIPELINE_BROKEN && ccp_pipeline_failure(p, &item) == CCP_OK)
        sim_assert(item.index < N && item.status == why[item.index]); /* none is missing before */
    sim_assert(ccp_pipeline_free(p) == CCP_OK);
}

static ccp_pipeline *looked_at;

/* What it finds depends on what was made before the start. */
static void look(void *arg)
{
    ccp_stage_info info;
    ccp_item item;
    sim_assert(ccp_stage_get_info(arg, &info) == CCP_OK && info.workers == 1);
    sim_assert(ccp_pipeline_failure(looked_at, &item) == CCP_AGAIN);
}

static void run_looked_at(void)
{
    ccp_pipeline *p = looked_at = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = stop });
    ccp_stage *s = ccp_pipeline_source(
        p, make, &(ccp_stage_opts){ .out_size = sizeof(long), .drop = drop });
    ccp_pipeline_sink(p, sink, &(ccp_stage_opts){ .queue = 1 });
    sim_assert(s);
    sim_spawn(look, s);
    ccp_status st = ccp_pipeline_run(p, CCP_FOREVER);
    sim_assert(st == CCP_OK || (st == CCP_CLOSED && now->cancels));
    sim_settle();
    sim_assert(ccp_pipeline_free(p) == CCP_OK);
}

/* ---- The table ---- */

static void run_play(void *arg)
{
    static void (*const runs[KINDS])(void) = { run_gen, run_fan, run_fan,
                                               run_merge, run_pipeline, run_pipeline,
                                               run_pipeline, run_again, run_again,
                                               run_broadcast, run_looked_at };
    now = arg;
    scene_tune(STILL);
    last = -1;
    stop = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(stop);
    if (now->cancels)
        sim_spawn(cancel_it, NULL);
    runs[now->kind]();
    sim_assert(scene_threads() == 0);
    sim_join();
    for (int k = 0; k < made; k++)
        sim_assert(fate[k] == 1);
    bool all = now->fails < 0 || is_again() || now->kind == BROADCAST;
    if (!now->cancels && all && now->takes == N)
        sim_assert(received == N);
    sim_assert(ccp_ctx_free(stop) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.fails%d.takes%d%s", how,
              kind_names[p->kind], p->fails, p->takes, p->cancels ? ".cancels" : "");
}

int main(int argc, char **argv)
{
    const sim_options random = { .mode = SIM_PCT, .n = 500 };
    const sim_options weak = { .mode = SIM_PCT, .n = 200, .weak = true };
    for (int k = 0; k < KINDS; k++) {
        bool all = k == MERGE || k == LOOKED_AT; /* that is, nothing fails, and all are taken */
        for (int fails = -1; fails < (all ? 0 : N); fails++)
            for (int takes = all ? N : 0; takes <= N; takes++)
                for (int cancels = 0; cancels < 2; cancels++) {
                    play p = { (kind)k, fails, takes, cancels };
                    add_play(&p, &random, "some");
                    add_play(&p, &weak, "weak");
                }
    }
    return scene_main(argc, argv);
}
