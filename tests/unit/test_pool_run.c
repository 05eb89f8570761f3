/* SPDX-License-Identifier: MIT
 *
 * Calls on a pool with a limit of time; with what the test of go-resiliency's deadline checks
 * (ports.md).
 */
#include "pools.h"

static const ccp_promise_opts of_long = { .size = sizeof(long) };

static ccp_status give_7(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx, (void)arg;
    *(long *)result = 7;
    return CCP_OK;
}

static ccp_status refuse(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx, (void)arg, (void)result;
    return CCP_CLOSED;
}

TEST(the_value_of_a_call_that_is_fast_enough_comes)
{
    ccp_pool *p = pool_of(1, 1);
    long v = 0;
    ASSERT_STATUS(ccp_pool_run(p, &of_long, give_7, NULL, &v, ccp_within(CCP_SEC(1000))), CCP_OK);
    assert_int_equal(v, 7);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, give_7, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* Runs until the gate is opened, whatever its context says. */
static ccp_status stay(ccp_ctx *ctx, void *arg, void *result)
{
    gate_pass(arg);
    MUST(ccp_ctx_status(ctx) == CCP_CANCELED);
    *(long *)result = 8;
    return CCP_OK;
}

static void count_lost(void *value, void *lost)
{
    MUST(*(long *)value == 8);
    atomic_fetch_add((atomic_int *)lost, 1);
}

TEST(a_call_that_is_too_slow_is_given_up_and_its_value_dropped)
{
    ccp_pool *p = pool_of(1, 1);
    gate g = GATE_INIT;
    atomic_int lost = 0;
    long v = 1;
    const ccp_promise_opts o = { .size = sizeof v, .drop = count_lost, .drop_arg = &lost };
    do /* one that has not begun by then is not made */
        ASSERT_STATUS(ccp_pool_run(p, &o, stay, &g, &v, ccp_within(CCP_MS(2))), CCP_TIMEOUT);
    while (atomic_load(&g.arrived) == 0);
    assert_true(v == 1 && lost == 0);
    gate_open(&g);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_true(v == 1 && lost == 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_call_that_fails_fails)
{
    ccp_pool *p = pool_of(1, 1);
    long v = 1;
    ccp_wait w = ccp_within(CCP_SEC(1000));
    ASSERT_STATUS(ccp_pool_run(p, &of_long, refuse, NULL, &v, w), CCP_FAILED);
    assert_int_equal(v, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

typedef struct done {
    ccp_chan *ch;
    atomic_bool begun;
} done;

static ccp_status watch(ccp_ctx *ctx, void *arg, void *result)
{
    done *d = arg;
    (void)result;
    atomic_store(&d->begun, true);
    MUST(ccp_sleep(ccp_with(ctx)) == CCP_CANCELED);
    (void)ccp_chan_close(d->ch);
    return CCP_OK;
}

TEST(a_call_that_watches_its_context_ends_with_the_wait)
{
    ccp_pool *p = pool_of(1, 1);
    done d = { .ch = ccp_chan_new(0, 0) };
    do {
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(2)));
        ASSERT_STATUS(ccp_pool_run(p, NULL, watch, &d, NULL, ccp_with(ctx)), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    } while (!atomic_load(&d.begun));
    ASSERT_STATUS(ccp_chan_recv(d.ch, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(d.ch), CCP_OK);
}

static ccp_status must_not_run(ccp_ctx *ctx, void *arg, void *result)
{
    (void)ctx, (void)arg, (void)result;
    MUST(!"given up before it began");
    return CCP_OK;
}

TEST(a_call_that_has_not_begun_when_it_is_given_up_is_not_made)
{
    ccp_pool *p = pool_of(1, 2);
    occupy(p, 1);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, must_not_run, NULL, NULL, ccp_within(1)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, must_not_run, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_NOWAIT);
    ASSERT_STATUS(ccp_pool_run(p, NULL, must_not_run, NULL, NULL, ccp_under(ended, CCP_NOWAIT)),
                  CCP_TIMEOUT);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ended), CCP_OK);
}

static void run_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_pool_run(a->arg, &of_long, must_not_run, NULL, NULL, CCP_FOREVER);
}

static void shut_down_there(actor *a)
{
    a->rc = ccp_pool_shutdown(a->arg, NULL, NULL, CCP_NOWAIT);
}

TEST(a_call_that_is_handed_back_fails) /* P9 */
{
    ccp_pool *p = pool_of(1, 2);
    occupy(p, 1);
    actor a = { .arg = p };
    actor_start(&a, run_there);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, must_not_run, NULL, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, must_not_run, NULL, NULL, CCP_NOWAIT), CCP_CLOSED);
    actor b = { .arg = p };
    actor_start(&b, shut_down_there);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_FAILED);
    gate_open(&task_gate);
    actor_join(&b);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_status run_own(ccp_ctx *ctx, void *pool)
{
    long v = 0;
    (void)ctx;
    MUST(ccp_pool_run(pool, &of_long, give_7, NULL, &v, ccp_within(CCP_SEC(1000))) == CCP_OK);
    MUST(v == 7);
    return CCP_OK;
}

TEST(a_task_of_the_same_pool_makes_the_call_itself) /* P13 */
{
    ccp_pool *p = pool_of(1, 1);
    ASSERT_STATUS(ccp_pool_submit(p, run_own, p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(p).failed, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_status run_without_room(ccp_ctx *ctx, void *pool)
{
    (void)ctx;
    MUST(ccp_pool_submit(pool, count, NULL, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_pool_run(pool, &of_long, give_7, NULL, NULL, CCP_FOREVER) == CCP_DEADLOCK);
    return CCP_OK;
}

TEST(a_task_that_would_wait_for_ever_for_room_is_told_so) /* P14 */
{
    ccp_pool *p = pool_of(1, 1);
    ASSERT_STATUS(ccp_pool_submit(p, run_without_room, p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(p).failed, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(what_can_never_be_right_is_refused_and_want_of_memory_told) /* G2 G4 */
{
    memory_watch();
    ccp_pool *p = pool_of(1, 1);
    long v = 1;
    ASSERT_STATUS(ccp_pool_run(NULL, &of_long, give_7, NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_run(p, &of_long, NULL, NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_run(p, &(ccp_promise_opts){ .size = SIZE_MAX }, give_7, NULL, &v,
                               CCP_FOREVER),
                  CCP_INVAL);
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_at(n);
        ASSERT_STATUS(ccp_pool_run(p, &of_long, give_7, NULL, &v, CCP_FOREVER), CCP_NOMEM);
    }
    memory_fail_at(0);
    assert_int_equal(v, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    memory_unwatch();
}

typedef struct race {
    ccp_pool *p;
    atomic_int made, lost;
} race;

static ccp_status make_one(ccp_ctx *ctx, void *arg, void *result)
{
    race *r = arg;
    if (ccp_ctx_status(ctx) == CCP_OK)
        (void)ccp_sleep(ccp_within(CCP_US(20)));
    *(long *)result = 8;
    atomic_fetch_add(&r->made, 1);
    return CCP_OK;
}

static void run_many(actor *a)
{
    race *r = a->arg;
    const ccp_promise_opts o = { .size = sizeof(long), .drop = count_lost, .drop_arg = &r->lost };
    uint64_t seed = a->index + 1;
    for (size_t i = 0; i < scaled(500); i++) {
        long v;
        ccp_wait w = ccp_within(random_next(&seed) % CCP_US(200));
        ccp_status rc = ccp_pool_run(r->p, &o, make_one, r, &v, w);
        MUST(rc == CCP_OK ? v == 8 : rc == CCP_TIMEOUT);
        a->value += rc == CCP_OK;
    }
}

TEST(each_value_is_gotten_or_dropped)
{
    race r = { .p = pool_of(2, 2) };
    actor a[3];
    long got = 0;
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &r, .index = i };
        actor_start(&a[i], run_many);
    }
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        got += a[i].value;
    }
    ASSERT_STATUS(ccp_pool_drain(r.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(r.made, got + r.lost);
    ASSERT_STATUS(ccp_pool_free(r.p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_value_of_a_call_that_is_fast_enough_comes),
        ENTRY(a_call_that_is_too_slow_is_given_up_and_its_value_dropped),
        ENTRY(a_call_that_fails_fails),
        ENTRY(a_call_that_watches_its_context_ends_with_the_wait),
        ENTRY(a_call_that_has_not_begun_when_it_is_given_up_is_not_made),
        ENTRY(a_call_that_is_handed_back_fails),
        ENTRY(a_task_of_the_same_pool_makes_the_call_itself),
        ENTRY(a_task_that_would_wait_for_ever_for_room_is_told_so),
        ENTRY(what_can_never_be_right_is_refused_and_want_of_memory_told),
        ENTRY(each_value_is_gotten_or_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
