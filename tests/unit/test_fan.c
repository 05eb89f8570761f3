/* SPDX-License-Identifier: MIT
 *
 * Fan-out.
 */
#include "support.h"

/* --- steps --- */

typedef struct plan {
    gate *gate; /* passed by the element `slow`; NULL: none */
    int64_t slow, bad;
    ccp_status status; /* of the element `bad` */
    atomic_long steps;
    ccp_fan *fan;
    ccp_status rc[2];
} plan;

static plan plan_of(void)
{
    return (plan){ .slow = -1, .bad = -1, .status = CCP_FAILED };
}

static ccp_status triple(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    plan *p = arg;
    int64_t v = *(const int64_t *)in;
    (void)ctx;
    atomic_fetch_add(&p->steps, 1);
    if (p->gate && v == p->slow)
        gate_pass(p->gate);
    if (out)
        *(int64_t *)out = 3 * v;
    return v == p->bad ? p->status : CCP_OK;
}

typedef struct answer {
    ccp_result r;
    int64_t value;
} answer;

static ccp_status answer_of(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return triple(ctx, in, &((answer *)out)->value, arg);
}

static ccp_gen *numbers(int64_t n)
{
    ccp_gen *g = ccp_gen_range(0, n, 1, &(ccp_gen_opts){ .capacity = 8 });
    MUST(g);
    return g;
}

static ccp_fan *fan_of(ccp_gen *g, plan *p, ccp_fan_opts o)
{
    o.arg = p;
    if (!o.out_size)
        o.out_size = sizeof(int64_t);
    ccp_fan *f = ccp_fan_out(ccp_gen_chan(g), o.results ? answer_of : triple, &o);
    MUST(f);
    return f;
}

static void end_fan(ccp_fan *f, ccp_gen *g)
{
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_gen_free(g), CCP_OK);
}

static ccp_fan_info fan_info(ccp_fan *f)
{
    ccp_fan_info info;
    MUST(ccp_fan_get_info(f, &info) == CCP_OK);
    return info;
}

/* Receives all; each of 0 .. n - 1 once, in order if `ordered`. */
static void assert_all_come(ccp_fan *f, int64_t n, bool ordered)
{
    int64_t v, got = 0;
    char *seen = calloc((size_t)n + 1, 1);
    CCP_CHAN_FOR(&v, ccp_fan_chan(f), CCP_FOREVER)
    {
        assert_true(v % 3 == 0 && v / 3 < n && !seen[v / 3]);
        seen[v / 3] = 1;
        if (ordered)
            assert_int_equal(v, 3 * got);
        got++;
    }
    assert_int_equal(got, n);
    free(seen);
}

/* --- what it is --- */

TEST(wrong_arguments_are_refused)
{
    ccp_fan_info info;
    ccp_chan *ch = ccp_chan_new(8, 1);
    assert_null(ccp_fan_out(NULL, triple, NULL));
    assert_null(ccp_fan_out(ch, NULL, NULL));
    assert_null(ccp_fan_out(ch, triple, &(ccp_fan_opts){ .workers = 65537 }));
    assert_null(ccp_fan_out(
        ch, triple, &(ccp_fan_opts){ .results = true, .out_size = sizeof(ccp_result) - 1 }));
    assert_null(ccp_fan_out(ch, triple, &(ccp_fan_opts){ .out_size = SIZE_MAX / 2 }));
    assert_null(ccp_fan_chan(NULL));
    ASSERT_STATUS(ccp_fan_wait(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_fan_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_fan_free(NULL), CCP_OK);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(each_element_gives_one_result) /* K1 K2 */
{
    for (unsigned workers = 0; workers < 5; workers++)
        for (size_t capacity = 0; capacity < 3; capacity++)
            for (int ordered = 0; ordered < 2; ordered++) {
                plan p = plan_of();
                ccp_gen *g = numbers((int64_t)scaled(2000));
                ccp_fan *f = fan_of(
                    g, &p,
                    (ccp_fan_opts){ .workers = workers, .capacity = capacity, .ordered = ordered });
                assert_all_come(f, (int64_t)scaled(2000), ordered);
                ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_OK);
                assert_int_equal(fan_info(f).taken, scaled(2000));
                assert_int_equal(fan_info(f).failed, 0);
                assert_true(!workers || fan_info(f).workers == workers);
                ASSERT_STATUS(ccp_fan_get_info(f, NULL), CCP_INVAL);
                end_fan(f, g);
            }
}

TEST(an_empty_input_gives_an_empty_output) /* K2 */
{
    plan p = plan_of();
    ccp_gen *g = numbers(0);
    ccp_fan *f = fan_of(g, &p, (ccp_fan_opts){ .workers = 3 });
    assert_all_come(f, 0, true);
    end_fan(f, g);
}

TEST(without_results_the_output_only_closes) /* K2 */
{
    for (int ordered = 0; ordered < 2; ordered++) {
        plan p = plan_of();
        ccp_gen *g = numbers(100);
        const ccp_fan_opts o = { .workers = 2, .ordered = ordered, .arg = &p };
        ccp_fan *f = ccp_fan_out(ccp_gen_chan(g), triple, &o);
        ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_FOREVER), CCP_CLOSED);
        assert_int_equal(p.steps, 100);
        ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_OK);
        end_fan(f, g);
    }
}

TEST(without_results_too_a_canceled_output_stops_the_fan) /* K2 */
{
    plan p = plan_of();
    ccp_chan *in = ccp_chan_new(sizeof(int64_t), 1);
    ccp_fan *f = ccp_fan_out(in, triple, &(ccp_fan_opts){ .workers = 1, .arg = &p });
    ASSERT_STATUS(ccp_chan_cancel(ccp_fan_chan(f)), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(in, &(int64_t){ 1 }, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(p.steps, 1);
    assert_true(ccp_chan_is_closed(in));
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

TEST(a_slow_element_holds_up_nobody_else) /* K4 */
{
    gate gates = GATE_INIT;
    plan p = plan_of();
    p.slow = 0;
    p.gate = &gates;
    ccp_gen *g = numbers(1000);
    ccp_fan *f = fan_of(g, &p, (ccp_fan_opts){ .workers = 2 });
    int64_t v;
    for (int i = 1; i < 1000; i++) {
        ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), &v, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, 3 * i); /* by the other worker */
    }
    ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), &v, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&gates);
    ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, 0);
    end_fan(f, g);
}

TEST(ordered_results_wait_for_a_slow_one_up_to_four_per_worker) /* K1 K4 */
{
    gate gates = GATE_INIT;
    plan p = plan_of();
    p.slow = 0;
    p.gate = &gates;
    ccp_gen *g = numbers(1000);
    ccp_fan *f = fan_of(g, &p, (ccp_fan_opts){ .workers = 3, .ordered = true });
    WAIT_UNTIL(p.steps == 12);
    ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(fan_info(f).taken, 12);
    gate_open(&gates);
    assert_all_come(f, 1000, true);
    end_fan(f, g);
}

/* --- failing --- */

TEST(a_failure_stops_the_fan_and_its_input) /* K3 */
{
    for (int ordered = 0; ordered < 2; ordered++) {
        plan p = plan_of();
        p.bad = 50;
        p.status = CCP_BUSY;
        ccp_gen *g = numbers(INT64_MAX);
        ccp_fan *f = fan_of(g, &p, (ccp_fan_opts){ .workers = 3, .ordered = ordered });
        int64_t v, n = 0;
        CCP_CHAN_FOR(&v, ccp_fan_chan(f), CCP_FOREVER)
        n++;
        /* The other two may have one each; unordered, they go on until it has failed. */
        assert_true(ordered ? n <= 50 : n >= 48);
        ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_FAILED);
        ccp_fan_info info = fan_info(f);
        assert_int_equal(info.failed, 1);
        ASSERT_STATUS(info.first.status, CCP_BUSY);
        assert_in_range(info.first.worker, 0, 2);
        if (ordered)
            assert_int_equal(info.first.index, 50);
        assert_true(ccp_chan_is_closed(ccp_gen_chan(g)));
        end_fan(f, g);
    }
}

TEST(a_fan_that_keeps_going_leaves_out_what_failed) /* K3 */
{
    for (int ordered = 0; ordered < 2; ordered++) {
        plan p = plan_of();
        p.bad = 5;
        ccp_gen *g = numbers(100);
        ccp_fan *f =
            fan_of(g, &p, (ccp_fan_opts){ .workers = 3, .ordered = ordered, .keep_going = true });
        int64_t v, n = 0, sum = 0;
        CCP_CHAN_FOR(&v, ccp_fan_chan(f), CCP_FOREVER)
        {
            n++;
            sum += v;
        }
        assert_int_equal(n, 99);
        assert_int_equal(sum, 3 * (99 * 100 / 2 - 5));
        ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_FAILED);
        end_fan(f, g);
    }
}

TEST(a_result_that_nobody_takes_and_that_carries_nothing_is_gone)
{
    plan p = plan_of();
    int64_t v = 1;
    ccp_chan *in = ccp_chan_new(sizeof v, 1);
    ccp_fan *f =
        ccp_fan_out(in, triple, &(ccp_fan_opts){ .workers = 1, .out_size = sizeof v, .arg = &p });
    assert_non_null(f);
    ASSERT_STATUS(ccp_chan_cancel(ccp_fan_chan(f)), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(in, &v, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(ccp_chan_is_closed(in)); /* it has noticed */
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(p.steps, 1);
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

static ccp_status fail_always(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)out;
    (void)arg;
    return *(const int64_t *)in == 0 ? CCP_BUSY : CCP_FAILED;
}

TEST(of_many_failures_the_first_is_kept) /* K3 */
{
    ccp_gen *g = numbers(20);
    ccp_fan *f = ccp_fan_out(ccp_gen_chan(g), fail_always,
                             &(ccp_fan_opts){ .workers = 1, .keep_going = true });
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(fan_info(f).failed, 20);
    ASSERT_STATUS(fan_info(f).first.status, CCP_BUSY);
    end_fan(f, g);
}

TEST(results_tell_of_each_element_what_became_of_it) /* K1 K3 */
{
    for (int ordered = 0; ordered < 2; ordered++) {
        plan p = plan_of();
        p.bad = 7;
        ccp_gen *g = numbers(100);
        ccp_fan *f = fan_of(
            g, &p,
            (ccp_fan_opts){
                .workers = 3, .ordered = ordered, .results = true, .out_size = sizeof(answer) });
        answer a;
        size_t n = 0;
        CCP_CHAN_FOR(&a, ccp_fan_chan(f), CCP_FOREVER)
        {
            assert_int_equal(a.value, 3 * a.r.index);
            ASSERT_STATUS(a.r.status, a.r.index == 7 ? CCP_FAILED : CCP_OK);
            assert_in_range(a.r.worker, 0, 2);
            if (ordered)
                assert_int_equal(a.r.index, n);
            n++;
        }
        assert_int_equal(n, 100);
        end_fan(f, g);
    }
}

/* --- stopping --- */

TEST(a_consumer_that_stops_stops_the_whole_chain) /* K2 C4 */
{
    for (int ordered = 0; ordered < 2; ordered++)
        for (size_t round = 0; round < 20; round++) {
            atomic_long drops = 0;
            plan p = plan_of();
            ccp_gen *g = numbers(INT64_MAX);
            ccp_fan *f = fan_of(g, &p,
                                (ccp_fan_opts){ .workers = 3,
                                                .ordered = ordered,
                                                .capacity = round % 3,
                                                .drop = count_drop,
                                                .drop_arg = &drops });
            int64_t received = 0;
            while (received < (int64_t)round)
                received += ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_FOREVER) == CCP_OK;
            ASSERT_STATUS(ccp_chan_cancel(ccp_fan_chan(f)), CCP_OK);
            ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_CLOSED);
            assert_true(ccp_chan_is_closed(ccp_gen_chan(g)));
            assert_int_equal(p.steps, fan_info(f).taken);
            assert_int_equal(p.steps, received + drops);
            end_fan(f, g);
        }
}

TEST(a_fan_can_be_freed_at_any_time) /* C4 */
{
    for (int ordered = 0; ordered < 2; ordered++)
        for (size_t round = 0; round < 20; round++) {
            atomic_long drops = 0;
            plan p = plan_of();
            ccp_gen *g = numbers(INT64_MAX);
            ccp_fan *f = fan_of(g, &p,
                                (ccp_fan_opts){ .workers = 2,
                                                .ordered = ordered,
                                                .capacity = 4,
                                                .drop = count_drop,
                                                .drop_arg = &drops });
            for (size_t i = 0; i < round; i++)
                ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_FOREVER), CCP_OK);
            end_fan(f, g);
            assert_int_equal(p.steps, (int64_t)round + drops);
        }
}

TEST(a_parent_that_ends_stops_a_fan) /* K2 */
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    plan p = plan_of();
    ccp_gen *g = numbers(INT64_MAX);
    ccp_fan *f = fan_of(g, &p, (ccp_fan_opts){ .workers = 2, .parent = parent });
    ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_FOREVER), CCP_OK);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_CLOSED);
    end_fan(f, g);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

static ccp_status sleep_and_give_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)in;
    (void)out;
    atomic_fetch_add(&((plan *)arg)->steps, 1);
    return ccp_sleep(ccp_with(ctx));
}

TEST(a_step_that_gives_up_since_the_fan_was_stopped_is_no_failure)
{
    plan p = plan_of();
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_gen *g = numbers(10);
    ccp_fan *f = ccp_fan_out(ccp_gen_chan(g), sleep_and_give_up,
                             &(ccp_fan_opts){ .workers = 2, .arg = &p, .parent = parent });
    WAIT_UNTIL(p.steps == 2);
    ASSERT_STATUS(ccp_fan_wait(f, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_fan_wait(f, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_fan_wait(f, ccp_with(parent)), CCP_CANCELED);
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(fan_info(f).failed, 0);
    end_fan(f, g);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

static ccp_status turn_on_itself(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    plan *p = arg;
    (void)ctx;
    (void)in;
    (void)out;
    WAIT_UNTIL(atomic_load(&p->steps) == 1);
    p->rc[0] = ccp_fan_wait(p->fan, CCP_FOREVER);
    p->rc[1] = ccp_fan_free(p->fan);
    return CCP_OK;
}

TEST(a_step_cannot_wait_for_or_free_its_fan)
{
    plan p = plan_of();
    ccp_gen *g = numbers(1);
    p.fan = ccp_fan_out(ccp_gen_chan(g), turn_on_itself, &(ccp_fan_opts){ .arg = &p });
    atomic_store(&p.steps, 1);
    ASSERT_STATUS(ccp_fan_wait(p.fan, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(p.rc[0], CCP_DEADLOCK);
    ASSERT_STATUS(p.rc[1], CCP_DEADLOCK);
    end_fan(p.fan, g);
}

TEST(a_fan_is_not_freed_under_its_consumer)
{
    ccp_chan *in = ccp_chan_new(sizeof(int64_t), 1);
    plan p = plan_of();
    ccp_fan *f = ccp_fan_out(in, triple, &(ccp_fan_opts){ .out_size = sizeof(int64_t), .arg = &p });
    actor a = { .ch = ccp_fan_chan(f), .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_fan_free(f), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

TEST(without_memory_there_is_no_fan) /* G4 */
{
    memory_watch();
    ccp_chan *in = ccp_chan_new(sizeof(int64_t), 1);
    size_t live = memory_live;
    plan p = plan_of();
    const ccp_fan_opts ways[] = {
        { .workers = 1, .ordered = true, .out_size = sizeof(int64_t), .arg = &p },
        { .workers = 1, .results = true, .out_size = sizeof(answer), .arg = &p },
    };
    for (size_t i = 0; i < LENGTH(ways); i++) {
        size_t failures = 0;
        ccp_fan *f = NULL;
        while (!f) {
            memory_fail_at(++failures);
            f = ccp_fan_out(in, triple, &ways[i]);
            assert_true(f || memory_live == live);
        }
        memory_fail_at(0);
        assert_true(failures > 8);
        ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
        if (i == 0) { /* whose end has canceled it */
            ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
            in = ccp_chan_new(sizeof(int64_t), 1);
            live = memory_live;
        }
    }
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    memory_unwatch();
}

static ccp_status count_step(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    MUST(!in && !out);
    atomic_fetch_add((atomic_long *)arg, 1);
    return CCP_OK;
}

TEST(a_fan_may_have_fewer_workers_than_were_wanted) /* G4 */
{
    memory_watch();
    ccp_chan *in = ccp_chan_new(0, 4);
    size_t live = memory_live;
    bool fewer = false;
    for (size_t n = 1; !fewer; n++) {
        atomic_long steps = 0;
        memory_fail_from(n);
        ccp_fan *f = ccp_fan_out(in, count_step, &(ccp_fan_opts){ .workers = 3, .arg = &steps });
        memory_fail_from(0);
        if (!f)
            continue;
        fewer = fan_info(f).workers < 3;
        assert_true(fewer);
        for (int i = 0; i < 10; i++)
            ASSERT_STATUS(ccp_chan_send(in, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(ccp_fan_chan(f), NULL, CCP_FOREVER), CCP_CLOSED);
        assert_int_equal(steps, 10);
        ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    }
    assert_int_equal(memory_live, live);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(each_element_gives_one_result),
        ENTRY(an_empty_input_gives_an_empty_output),
        ENTRY(without_results_the_output_only_closes),
        ENTRY(without_results_too_a_canceled_output_stops_the_fan),
        ENTRY(a_slow_element_holds_up_nobody_else),
        ENTRY(ordered_results_wait_for_a_slow_one_up_to_four_per_worker),
        ENTRY(a_failure_stops_the_fan_and_its_input),
        ENTRY(a_fan_that_keeps_going_leaves_out_what_failed),
        ENTRY(of_many_failures_the_first_is_kept),
        ENTRY(results_tell_of_each_element_what_became_of_it),
        ENTRY(a_consumer_that_stops_stops_the_whole_chain),
        ENTRY(a_fan_can_be_freed_at_any_time),
        ENTRY(a_parent_that_ends_stops_a_fan),
        ENTRY(a_step_that_gives_up_since_the_fan_was_stopped_is_no_failure),
        ENTRY(a_step_cannot_wait_for_or_free_its_fan),
        ENTRY(a_fan_is_not_freed_under_its_consumer),
        ENTRY(without_memory_there_is_no_fan),
        ENTRY(a_fan_may_have_fewer_workers_than_were_wanted),
        ENTRY(a_result_that_nobody_takes_and_that_carries_nothing_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
