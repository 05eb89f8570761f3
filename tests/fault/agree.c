/* SPDX-License-Identifier: MIT
 *
 * Everything by which threads agree on something that is allocated: phasers, futures and what is
 * made of them, calls of a pool, groups, single-flights.  As making.c: what cannot be had is
 * reported, nothing is left behind, and the objects beside it are as good as new.
 */
#include "fault.h"

#include <stdatomic.h>
#include <stdint.h>

/* ---- Phasers ---- */

static ccp_status count_phase(uint64_t phase, unsigned parties, void *arg)
{
    unsigned *phases = arg;
    CHECK(phase == *phases && parties == 2);
    (*phases)++;
    return CCP_OK;
}

static unsigned phasers(void)
{
    unsigned phases = 0;
    ccp_phaser *plain = ccp_phaser_new(1);
    ccp_phaser *acts = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = 2, .action = count_phase, .arg = &phases });
    unsigned failed = !plain + !acts;
    uint64_t phase = 7;
    CHECK(!plain || (ccp_phaser_arrive_and_wait(plain, &phase, CCP_NOWAIT) == CCP_OK && !phase));
    CHECK(!acts || ccp_phaser_arrive(acts, NULL) == CCP_OK);
    CHECK(!acts || ccp_phaser_arrive_and_wait(acts, NULL, CCP_FOREVER) == CCP_OK);
    CHECK(phases == (acts != NULL));
    CHECK(ccp_phaser_free(plain) == CCP_OK && ccp_phaser_free(acts) == CCP_OK);
    return failed;
}

/* ---- Promises and futures ---- */

static unsigned dropped;

static void count_drop(void *value, void *arg)
{
    CHECK(*(int *)value == 42 && arg == &dropped);
    dropped++;
}

static const ccp_promise_opts an_int = { .size = sizeof(int) };

static unsigned promises(void)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_promise_opts o = {
        .size = sizeof(int), .drop = count_drop, .drop_arg = &dropped, .parent = root
    };
    unsigned failed = !root;
    for (int cancelable = 0; cancelable < 2 && root; cancelable++) {
        o.cancelable = cancelable;
        ccp_future *f = NULL;
        ccp_promise *p = ccp_promise_new(&o, &f);
        CHECK((p != NULL) == (f != NULL)); /* G1 */
        failed += !p;
        dropped = 0;
        CHECK(!p || ccp_promise_set(p, &(int){ 42 }) == CCP_OK);
        ccp_promise_free(p);
        CHECK(dropped == 0);
        ccp_future_free(f);
        CHECK(dropped == (p != NULL)); /* F4 */
    }
    CHECK(ccp_ctx_free(root) == CCP_OK);
    return failed;
}

/* A future that is not settled, whose promise is good whatever else has failed. */
static bool make(ccp_promise **p, ccp_future **f)
{
    *f = NULL;
    *p = ccp_promise_new(&an_int, f);
    return *p != NULL;
}

static void keep_and_get(ccp_promise *p, ccp_future *f)
{
    int v = 0;
    CHECK(ccp_future_get(f, &v, CCP_NOWAIT) == CCP_AGAIN);
    CHECK(ccp_promise_set(p, &(int){ 42 }) == CCP_OK);
    CHECK(ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 42);
    ccp_promise_free(p);
    ccp_future_free(f);
}

static unsigned a_channel_for_the_end(void)
{
    ccp_promise *p;
    ccp_future *f;
    if (!make(&p, &f))
        return 1;
    ccp_chan *done = ccp_future_done(f);
    CHECK(!done || ccp_chan_recv(done, NULL, CCP_NOWAIT) == CCP_AGAIN);
    keep_and_get(p, ccp_future_share(f));
    ccp_chan *again = ccp_future_done(f);
    CHECK(!done || again == done || !again);
    CHECK(!again || ccp_chan_recv(again, NULL, CCP_NOWAIT) == CCP_CLOSED);
    ccp_future_free(f);
    return !done + !again;
}

static unsigned the_first_of_several(void)
{
    ccp_promise *p[3];
    ccp_future *f[3];
    unsigned failed = 0;
    size_t which[2];
    for (int i = 0; i < 3; i++)
        failed += !make(&p[i], &f[i]);
    ccp_future *two = failed ? NULL : ccp_future_first(f, 3, 2);
    ccp_future *all = failed ? NULL : ccp_future_all(f, 3);
    failed += failed ? 0 : !two + !all;
    for (int i = 2; i >= 0; i--)
        if (p[i])
            keep_and_get(p[i], f[i]);
    CHECK(!two || (ccp_future_get(two, which, CCP_NOWAIT) == CCP_OK && which[0] == 2));
    CHECK(!all || ccp_future_is_done(all));
    ccp_future_free(two);
    ccp_future_free(all);
    return failed;
}

static ccp_status one_more(ccp_status error, const void *value, void *result, void *arg)
{
    CHECK(error == CCP_OK && arg == NULL);
    *(int *)result = *(const int *)value + 1;
    return CCP_OK;
}

static ccp_status forty_two(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx;
    CHECK(arg == &dropped);
    *(int *)result = 42;
    return CCP_OK;
}

/* NULL, or a future of 43: what has been had works. */
static unsigned is_43(ccp_future *f)
{
    int v = 0;
    CHECK(!f || (ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 43));
    ccp_future_free(f);
    return !f;
}

static unsigned what_a_function_makes_of_it(void)
{
    static const ccp_promise_opts cancelable = { .size = sizeof(int), .cancelable = true };
    ccp_promise *p;
    ccp_future *f;
    if (!make(&p, &f))
        return 1;
    ccp_future *early = ccp_future_then(f, &cancelable, one_more, NULL);
    keep_and_get(p, ccp_future_share(f));
    ccp_future *late = ccp_future_then(f, &an_int, one_more, NULL);
    ccp_future_free(f);
    return is_43(early) + is_43(late);
}

static unsigned what_is_computed_when_it_is_wanted(void)
{
    ccp_future *f = ccp_future_lazy(&an_int, forty_two, &dropped);
    ccp_future *g = f ? ccp_future_then(f, &an_int, one_more, NULL) : NULL;
    int v = 0;
    CHECK(!f || (ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 42));
    ccp_future_free(f);
    return !f ? 1 : is_43(g);
}

/* ---- Calls of a pool ---- */

static unsigned call(ccp_pool *pool, bool cancelable)
{
    ccp_promise_opts o = { .size = sizeof(int), .cancelable = cancelable };
    ccp_future *f = NULL;
    int v = 0;
    ccp_status st = ccp_pool_call(pool, &o, forty_two, &dropped, &f, CCP_FOREVER);
    CHECK(st == CCP_OK || (st == CCP_NOMEM && !f));
    if (st != CCP_OK)
        return 1;
    ccp_future *g = ccp_pool_then(pool, f, &an_int, one_more, NULL);
    CHECK(ccp_future_get(f, &v, CCP_FOREVER) == CCP_OK && v == 42);
    ccp_future_free(f);
    return is_43(g);
}

static unsigned calls_of_a_pool(void)
{
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 2 });
    if (!pool)
        return 1;
    unsigned failed = call(pool, false) + call(pool, true);
    CHECK(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    CHECK(ccp_pool_close(pool) == CCP_OK);
    ccp_future *f = NULL; /* refused, with or without memory */
    ccp_status st = ccp_pool_call(pool, &an_int, forty_two, &dropped, &f, CCP_NOWAIT);
    CHECK((st == CCP_CLOSED || st == CCP_NOMEM) && !f);
    failed += st == CCP_NOMEM;
    CHECK(ccp_pool_free(pool) == CCP_OK);
    return failed;
}

/* ---- Tasks of a pool, with options ---- */

static atomic_uint tasks_ran, tasks_back;

static ccp_status run_task(ccp_ctx *ctx, void *arg)
{
    CHECK(ccp_pool_worker(ctx) >= 0 && arg == &tasks_ran);
    atomic_fetch_add(&tasks_ran, 1);
    return CCP_OK;
}

static void take_task_back(ccp_task fn, void *task_arg, void *unrun_arg)
{
    CHECK(fn == run_task && task_arg == &tasks_ran && unrun_arg == &tasks_back);
    atomic_fetch_add(&tasks_back, 1);
}

/* Without memory one is not accepted, or, if it needs a context, handed back. */
static unsigned tasks_with_options(void)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 2, .queue = 2, .unrun = take_task_back, .unrun_arg = &tasks_back });
    ccp_wg wg = CCP_WG_INIT;
    unsigned accepted = 0;
    atomic_store(&tasks_ran, 0);
    atomic_store(&tasks_back, 0);
    for (int i = 0; pool && ctx && i < 4; i++) {
        const ccp_task_opts o = { .priority = i, .done = &wg, .ctx = i == 1 ? ctx : NULL,
                                  .limit = i == 2 ? CCP_SEC(1000) : 0, .after = i == 3 };
        ccp_status st = ccp_pool_submit_with(pool, run_task, &tasks_ran, &o, CCP_FOREVER);
        CHECK(st == CCP_OK || st == CCP_NOMEM);
        accepted += st == CCP_OK;
    }
    CHECK(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    CHECK(atomic_load(&tasks_ran) + atomic_load(&tasks_back) == accepted);
    CHECK(ccp_pool_free(pool) == CCP_OK && ccp_ctx_free(ctx) == CCP_OK);
    return 4 - atomic_load(&tasks_ran);
}

/* ---- Groups ---- */

static atomic_uint ran;

static ccp_status run_and_fail(ccp_ctx *ctx, void *arg)
{
    CHECK(ctx && arg == &ran);
    atomic_fetch_add(&ran, 1);
    return CCP_FAILED;
}

/* Tasks that all fail: those that were started are numbered without a gap (E7). */
static unsigned tasks_of(const ccp_group_opts *o)
{
    enum { TASKS = 4 };
    ccp_group_error errors[TASKS];
    ccp_group *g = ccp_group_make(o);
    if (!g)
        return 1;
    unsigned started = 0, failed = 0;
    atomic_store(&ran, 0);
    for (int i = 0; i < TASKS; i++) {
        ccp_status st = ccp_group_go(g, run_and_fail, &ran, CCP_FOREVER);
        CHECK(st == CCP_OK || st == CCP_NOMEM);
        started += st == CCP_OK;
        failed += st == CCP_NOMEM;
    }
    CHECK(ccp_group_wait(g, CCP_FOREVER) == (started ? CCP_FAILED : CCP_OK));
    CHECK(atomic_load(&ran) == started); /* E4 */
    size_t n = ccp_group_errors(g, errors, TASKS);
    CHECK(n == (o->keep_going || !started ? started : 1));
    for (size_t i = 0, seen = 0; i < n; i++) {
        CHECK(errors[i].index < started && !(seen >> errors[i].index & 1));
        seen |= (size_t)1 << errors[i].index;
    }
    CHECK(ccp_group_free(g) == CCP_OK);
    return failed;
}

static unsigned a_group(void)
{
    return tasks_of(&(ccp_group_opts){ .name = "a-name-that-is-too-long", .stack_size = 1 });
}

static unsigned a_group_with_a_limit(void)
{
    return tasks_of(&(ccp_group_opts){ .limit = 2 });
}

static unsigned a_group_that_keeps_all_errors(void)
{
    return tasks_of(&(ccp_group_opts){ .limit = 1, .keep_going = true }) +
           tasks_of(&(ccp_group_opts){ .keep_going = true });
}

/* ---- Single-flights ---- */

typedef CCP_FLIGHT_RESULT(int) int_result;

typedef struct joint {
    ccp_flight *f;
    ccp_flight_call *call;
    ccp_chan *ch; /* of one who came while the function ran; NULL: there was no memory */
} joint;

/* While it runs, somebody else wants its result. */
static ccp_status compute(void *result, void *arg)
{
    joint *j = arg;
    ccp_status st = ccp_flight_do_chan(j->f, j->call, &j->ch);
    CHECK(st == CCP_OK || (st == CCP_NOMEM && !j->ch));
    *(int *)result = 42;
    return CCP_OK;
}

static unsigned receive(ccp_flight *f, ccp_chan *ch)
{
    int_result r = { .value = 0 };
    if (!ch)
        return 1;
    CHECK(ccp_chan_recv(ch, &r, CCP_FOREVER) == CCP_OK);
    CHECK(r.status == CCP_OK && r.value == 42);
    CHECK(ccp_flight_leave(f, ch) == CCP_OK);
    return 0;
}

static unsigned one_flight(ccp_flight *f, bool apart)
{
    ccp_flight_info info;
    ccp_flight_call c = { .key = "key", .len = 3, .fn = compute };
    joint j = { .f = f, .call = &c };
    c.arg = &j;
    int v = 0;
    ccp_chan *ch = NULL;
    ccp_status st = apart ? ccp_flight_do_chan(f, &c, &ch)
                          : ccp_flight_do(f, &c, &v, NULL, CCP_FOREVER);
    CHECK(st == CCP_NOMEM || st == CCP_OK);
    CHECK(st == CCP_OK ? apart || v == 42 : !ch && !j.ch);
    unsigned failed = apart ? receive(f, ch) : st != CCP_OK;
    if (st == CCP_OK)
        failed += receive(f, j.ch);
    CHECK(ccp_flight_get_info(f, &info) == CCP_OK); /* G1: no trace */
    CHECK(info.calls == 0 && info.waiting == 0 && info.chans == 0);
    return failed;
}

static unsigned flights(void)
{
    ccp_flight *f = ccp_flight_new(sizeof(int));
    if (!f)
        return 1;
    unsigned failed = one_flight(f, false) + one_flight(f, true) + one_flight(f, true);
    CHECK(ccp_flight_free(f) == CCP_OK);
    return failed;
}

/* ---- What never needs memory; to be run with allocation failing for ever ---- */

static unsigned agreeing_allocates_nothing(void)
{
    ccp_phaser *ph = ccp_phaser_new(2);
    ccp_promise *p = NULL;
    ccp_future *f = NULL;
    unsigned failed = !ph + !make(&p, &f);
    if (!failed) {
        fault_arm(FAULT_ALLOC, 1, true);
        ccp_barrier b = CCP_BARRIER_INIT(2), one = CCP_BARRIER_INIT(1);
        ccp_barrier_pass pass;
        CHECK(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
        CHECK(ccp_barrier_wait(&one, &pass, CCP_FOREVER) == CCP_OK && pass.leader);
        CHECK(ccp_barrier_break(&b) == CCP_OK && ccp_barrier_reset(&b) == CCP_OK);
        CHECK(ccp_phaser_register(ph, 1, NULL) == CCP_OK);
        CHECK(ccp_phaser_arrive_and_wait(ph, NULL, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
        CHECK(ccp_phaser_deregister(ph, NULL) == CCP_OK);
        ccp_future *g = ccp_future_share(f);
        CHECK(ccp_future_get(g, NULL, ccp_within(CCP_MS(1))) == CCP_TIMEOUT);
        ccp_future_free(g);
        keep_and_get(p, f);
        CHECK(!fault_disarm());
    } else if (p) {
        ccp_promise_free(p);
        ccp_future_free(f);
    }
    CHECK(ccp_phaser_free(ph) == CCP_OK);
    return failed;
}

const fault_site agree_sites[] = {
    { "phasers", phasers },
    { "promises", promises },
    { "a_channel_for_the_end", a_channel_for_the_end },
    { "the_first_of_several", the_first_of_several },
    { "what_a_function_makes_of_it", what_a_function_makes_of_it },
    { "what_is_computed_when_it_is_wanted", what_is_computed_when_it_is_wanted },
    { "calls_of_a_pool", calls_of_a_pool },
    { "tasks_with_options", tasks_with_options },
    { "a_group", a_group },
    { "a_group_with_a_limit", a_group_with_a_limit },
    { "a_group_that_keeps_all_errors", a_group_that_keeps_all_errors },
    { "flights", flights },
    { "agreeing_allocates_nothing", agreeing_allocates_nothing },
};
const size_t agree_count = sizeof agree_sites / sizeof *agree_sites;
