/* SPDX-License-Identifier: MIT
 *
 * Pipelines: items, order, workers, ends.
 */
#include "pipes.h"

/* --- what goes through --- */

TEST(items_go_from_the_source_through_the_stages_to_the_sink) /* L1 L2 L10 */
{
    ledger *l = ledger_new(1000);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, pass_on, NULL);
    ccp_stage *sink = ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    assert_true(source && map && sink);
    assert_int_equal(ccp_pipeline_edge_count(p), 2);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->sunk, 1000);
    assert_int_equal(l->dropped, 0);
    assert_false(l->disorder);
    assert_each_once(l, 1000);
    end_pipeline(p);
    ledger_free(l);
}

typedef struct wide {
    long k;
    char more[120];
} wide;

static ccp_status widen(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)arg;
    wide w;
    memset(&w, 0, sizeof w);
    w.k = *(const long *)in;
    element_fill(w.more, sizeof w.more, (unsigned long)w.k);
    memcpy(out, &w, sizeof w);
    return CCP_OK;
}

static ccp_status narrow(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const wide *w = in;
    (void)ctx;
    (void)arg;
    MUST(element_is(w->more, sizeof w->more, (unsigned long)w->k));
    *(long *)out = w->k;
    return CCP_OK;
}

TEST(elements_change_their_size_on_the_way)
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(500);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_pipeline_map(p, widen, &(ccp_stage_opts){ .out_size = sizeof(wide),
                                                      .workers = workers });
        ccp_pipeline_map(p, narrow, &(ccp_stage_opts){ .out_size = sizeof(long),
                                                       .workers = workers, .chunk = 3 });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 500);
        assert_false(l->disorder);
        end_pipeline(p);
        ledger_free(l);
    }
}

/* --- the order --- */

/* Takes longer for some than for others. */
static ccp_status dawdle(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    long k = *(const long *)in;
    for (volatile long i = (k * 2654435761u) % 7 * 40; i > 0; i--)
        continue;
    return fail_tenth(ctx, in, out, arg);
}

/* Of k, k % 10 == 3 makes none, k % 25 == 0 many: all with the same number in the upper part. */
static ccp_status multiply(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    long k = *(const long *)in;
    (void)arg;
    if (k % 10 == 3)
        return CCP_OK;
    for (long i = 0, n = k % 25 == 0 ? 40 : 1; i < n; i++) {
        long made = k * 100 + i;
        ccp_status st = ccp_stage_emit(out, &made, ccp_with(ctx));
        if (st != CCP_OK)
            return st;
    }
    return CCP_OK;
}

typedef struct sequence {
    long last, count;
    bool disorder;
} sequence;

static ccp_status follow(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    sequence *s = arg;
    long k = *(const long *)in;
    (void)ctx;
    (void)out;
    s->disorder = s->disorder || k <= s->last;
    s->last = k;
    s->count++;
    return CCP_OK;
}

static void run_ordered(const ccp_stage_opts *how, bool flat)
{
    long n = (long)scaled(4000);
    ledger *l = ledger_new(n);
    sequence s = { -1, 0, false };
    ccp_stage_opts o = *how;
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    o.out_size = flat ? sizeof(long) : 0;
    o.skip_failed = true;
    if (flat)
        ccp_pipeline_flat_map(p, multiply, &o);
    else
        ccp_pipeline_map(p, dawdle, &o);
    ccp_pipeline_sink(p, follow, &(ccp_stage_opts){ .arg = &s });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_false(s.disorder && !how->unordered);
    assert_int_equal(s.count, n - n / 10 + (flat ? n / 25 * 39 : 0));
    assert_int_equal(l->dropped, flat ? 0 : n / 10);
    end_pipeline(p);
    ledger_free(l);
}

TEST(the_order_is_kept_by_any_number_of_workers) /* L2 PI3 */
{
    for (unsigned workers = 1; workers <= 8; workers++)
        for (size_t chunk = 0; chunk <= 9; chunk += 3) {
            run_ordered(&(ccp_stage_opts){ .workers = workers, .chunk = chunk }, false);
            run_ordered(&(ccp_stage_opts){ .workers = workers, .chunk = chunk }, true);
        }
}

TEST(the_order_is_kept_through_short_queues) /* L2 L4 */
{
    for (unsigned workers = 2; workers <= 8; workers *= 2) {
        run_ordered(&(ccp_stage_opts){ .workers = workers, .queue = 1 }, false);
        run_ordered(&(ccp_stage_opts){ .workers = workers, .queue = 1, .chunk = 64 }, true);
    }
}

TEST(without_order_nothing_is_lost) /* L1 */
{
    run_ordered(&(ccp_stage_opts){ .workers = 6, .unordered = true }, false);
    run_ordered(&(ccp_stage_opts){ .workers = 6, .unordered = true, .chunk = 5 }, true);
}

typedef struct first_waits {
    _Atomic long finished;
    long until;
} first_waits;

/* The first item is finished only after many others. */
static ccp_status first_is_late(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    first_waits *f = arg;
    if (*(const long *)in == 0)
        WAIT_UNTIL(atomic_load(&f->finished) >= f->until);
    atomic_fetch_add(&f->finished, 1);
    return pass_on(ctx, in, out, arg);
}

TEST(workers_go_ahead_of_an_item_that_takes_long) /* L2 L4 */
{
    ledger *l = ledger_new(100);
    first_waits f = { 0, 7 }; /* two workers: there are 8 slots, of which one is the first item's */
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, first_is_late, &(ccp_stage_opts){ .workers = 2, .arg = &f });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_false(l->disorder);
    assert_int_equal(l->sunk, 100);
    end_pipeline(p);
    ledger_free(l);
}

TEST(filters_keep_the_order_and_drop_the_rest) /* L1 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(1000);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .workers = workers });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 500);
        assert_int_equal(l->dropped, 500);
        assert_false(l->disorder);
        assert_each_once(l, 1000);
        end_pipeline(p);
        ledger_free(l);
    }
}

/* --- workers --- */

typedef struct crowd {
    atomic_int inside, most;
    int wanted;
    _Atomic unsigned seen; /* worker numbers */
} crowd;

/* Waits inside until as many are as can be. */
static ccp_status meet_there(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    crowd *c = arg;
    ccp_item item;
    MUST(ccp_stage_item(ctx, &item) == CCP_OK && item.attempts == 1);
    atomic_fetch_or(&c->seen, 1u << item.worker);
    int inside = atomic_fetch_add(&c->inside, 1) + 1;
    int most = atomic_load(&c->most);
    while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
        continue;
    if (*(const long *)in < c->wanted)
        WAIT_UNTIL(atomic_load(&c->most) >= c->wanted);
    atomic_fetch_sub(&c->inside, 1);
    return pass_on(ctx, in, out, arg);
}

TEST(as_many_items_are_worked_on_at_once_as_there_are_workers) /* L3 PI6 */
{
    for (int unordered = 0; unordered < 2; unordered++) {
        ledger *l = ledger_new(200);
        crowd c = { .wanted = 5 };
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *s = ccp_pipeline_map(p, meet_there, &(ccp_stage_opts){ .workers = 5, .arg = &c,
                                                                          .unordered = unordered });
        ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(c.most, 5);
        assert_int_equal(c.seen, 31);
        assert_int_equal(stage_info(s).workers, 5);
        assert_each_once(l, 200);
        end_pipeline(p);
        ledger_free(l);
    }
}

typedef struct baton {
    _Atomic long made, sunk;
} baton;

/* The source makes an element only when the sink has the one before the last: both are at work. */
static ccp_status lead(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    baton *b = arg;
    (void)ctx;
    (void)in;
    long k = atomic_load(&b->made);
    if (k == 50)
        return CCP_CLOSED;
    *(long *)out = k;
    atomic_store(&b->made, k + 1);
    return CCP_OK;
}

static ccp_status trail(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    baton *b = arg;
    (void)ctx;
    (void)out;
    long k = *(const long *)in;
    WAIT_UNTIL(atomic_load(&b->made) > k + 1 || k >= 49);
    atomic_store(&b->sunk, k);
    return CCP_OK;
}

TEST(stages_work_at_the_same_time) /* L4 PI13 */
{
    baton b = { 0, -1 };
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_source(p, lead, &(ccp_stage_opts){ .out_size = sizeof(long), .arg = &b });
    ccp_pipeline_sink(p, trail, &(ccp_stage_opts){ .arg = &b, .queue = 1 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(b.sunk, 49);
    end_pipeline(p);
}

TEST(a_slow_stage_holds_back_those_before_it) /* L4 PI7 */
{
    ledger *l = ledger_new(1000);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = add_numbers(p, l);
    ccp_chan *out = ccp_pipeline_output(p, &(ccp_stage_opts){ .queue = 10 });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    WAIT_UNTIL(waiting_senders(out) == 1);
    assert_int_equal(stage_info(source).taken, 11);
    assert_int_equal(stage_info(source).given, 10);
    long k, n = 0;
    CCP_CHAN_FOR(&k, out, CCP_FOREVER)
        assert_int_equal(k, n++);
    assert_int_equal(n, 1000);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    end_pipeline(p);
    ledger_free(l);
}

/* --- fused stages --- */

typedef struct place {
    pthread_t thread;
    long seen;
} place;

static ccp_status note_thread(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    place *x = arg;
    x->thread = pthread_self();
    x->seen++;
    return out ? pass_on(ctx, in, out, NULL) : CCP_OK;
}

TEST(fused_stages_run_in_the_thread_of_the_one_before) /* L2 */
{
    ledger *l = ledger_new(300);
    place a = { .seen = 0 }, b = { .seen = 0 }, c = { .seen = 0 };
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, note_thread, &(ccp_stage_opts){ .arg = &a });
    ccp_stage *fused = ccp_pipeline_map(p, note_thread,
                                        &(ccp_stage_opts){ .arg = &b, .fused = true });
    ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_sink(p, note_thread, &(ccp_stage_opts){ .arg = &c, .fused = true });
    assert_int_equal(ccp_pipeline_edge_count(p), 1);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_true(pthread_equal(a.thread, b.thread) && pthread_equal(a.thread, c.thread));
    assert_int_equal(a.seen, 300);
    assert_int_equal(c.seen, 150);
    assert_int_equal(stage_info(fused).workers, 0);
    assert_int_equal(stage_info(fused).taken, 300);
    end_pipeline(p);
    ledger_free(l);
}

TEST(fused_stages_keep_the_order_of_several_workers) /* L2 */
{
    sequence s = { -1, 0, false };
    ledger *l = ledger_new(3000);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = 4 });
    ccp_pipeline_flat_map(p, multiply, &(ccp_stage_opts){ .fused = true,
                                                          .out_size = sizeof(long) });
    ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .fused = true });
    ccp_pipeline_sink(p, follow, &(ccp_stage_opts){ .arg = &s });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_false(s.disorder);
    assert_int_equal(s.count, 2700 + 120 * 39);
    end_pipeline(p);
    ledger_free(l);
}

/* --- ends --- */

TEST(a_sink_that_wants_no_more_ends_the_stages_before_it) /* L8 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(LEDGER);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = workers });
        ccp_pipeline_sink(p, want_ten, &(ccp_stage_opts){ .arg = l });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(l->sunk, 10);
        assert_int_equal(l->last, 9);
        assert_true(l->next < LEDGER);
        end_pipeline(p);
        assert_each_once(l, l->next);
        ledger_free(l);
    }
}

static ccp_status first_hundred(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return *(const long *)in >= 100 ? CCP_CLOSED : pass_on(ctx, in, out, arg);
}

TEST(a_stage_in_the_middle_that_wants_no_more_lets_through_what_came_before) /* L2 L8 */
{
    for (unsigned workers = 1; workers <= 4; workers++)
        for (size_t chunk = 1; chunk < 20; chunk += 9) {
            ledger *l = ledger_new(LEDGER);
            ccp_pipeline *p = new_pipeline();
            add_numbers(p, l);
            ccp_pipeline_map(p, first_hundred, &(ccp_stage_opts){ .workers = workers,
                                                                  .chunk = chunk });
            ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
            ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
            assert_int_equal(l->sunk, 100);
            assert_int_equal(l->last, 99);
            end_pipeline(p);
            assert_each_once(l, l->next);
            ledger_free(l);
        }
}

TEST(to_cancel_the_output_ends_all_stages) /* L8 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(LEDGER);
        ccp_pipeline *p = new_pipeline();
        long k;
        add_numbers(p, l);
        ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = workers });
        ccp_chan *out = ccp_pipeline_output(p, NULL);
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
        for (long i = 0; i < 100; i++) {
            ASSERT_STATUS(ccp_chan_recv(out, &k, CCP_FOREVER), CCP_OK);
            assert_int_equal(k, i);
            note_fate(l, k);
        }
        (void)ccp_chan_cancel(out);
        ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
        end_pipeline(p);
        assert_each_once(l, l->next);
        ledger_free(l);
    }
}

TEST(an_output_canceled_before_the_start_is_noticed) /* L8 */
{
    ledger *l = ledger_new(LEDGER);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_chan *out = ccp_pipeline_output(p, NULL);
    (void)ccp_chan_cancel(out);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    end_pipeline(p);
    assert_each_once(l, l->next);
    ledger_free(l);
}

TEST(to_close_lets_what_was_made_go_all_its_way) /* L1 L5 */
{
    ledger *l = ledger_new(LEDGER);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = add_numbers(p, l);
    ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = 3 });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    WAIT_UNTIL(stage_info(source).given > 50);
    ASSERT_STATUS(ccp_pipeline_close(p), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(l->dropped, 0);
    assert_int_equal(l->sunk, l->next);
    assert_each_once(l, l->next);
    end_pipeline(p);
    ledger_free(l);
}

static void cancel_in_the_middle(bool by_parent, unsigned workers)
{
    ledger *l = ledger_new(LEDGER);
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pipeline *p = ccp_pipeline_new(&(ccp_pipeline_opts){ .parent = parent });
    add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = workers,
                                                                     .chunk = workers });
    ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .workers = workers });
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    WAIT_UNTIL(stage_info(map).given > 100);
    if (by_parent)
        ccp_ctx_cancel(parent);
    else
        ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_CLOSED);
    end_pipeline(p);
    assert_each_once(l, l->next);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
    ledger_free(l);
}

TEST(a_canceled_pipeline_drops_each_element_once) /* L1 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        cancel_in_the_middle(false, workers);
        cancel_in_the_middle(true, workers);
    }
}

TEST(a_pipeline_may_be_freed_in_the_middle) /* L1 L9 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        ledger *l = ledger_new(LEDGER);
        ccp_pipeline *p = new_pipeline();
        add_numbers(p, l);
        ccp_stage *map = ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = workers });
        ccp_chan *out = ccp_pipeline_output(p, &(ccp_stage_opts){ .queue = 8 });
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
        WAIT_UNTIL(waiting_senders(out) == 1);
        assert_true(stage_info(map).taken >= 9);
        end_pipeline(p);
        assert_each_once(l, l->next);
        ledger_free(l);
    }
}

TEST(reading_the_output_to_its_end_means_that_all_stages_are_done) /* L5 PI4 */
{
    ledger *l = ledger_new(500);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = add_numbers(p, l);
    ccp_stage *map = ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = 8 });
    ccp_chan *out = ccp_pipeline_output(p, NULL);
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    long k, n = 0;
    CCP_CHAN_FOR(&k, out, CCP_FOREVER)
        n++;
    assert_int_equal(n, 500);
    assert_int_equal(stage_info(source).given, 500);
    assert_int_equal(stage_info(map).given, 500);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_OK);
    end_pipeline(p);
    ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(items_go_from_the_source_through_the_stages_to_the_sink),
        ENTRY(elements_change_their_size_on_the_way),
        ENTRY(the_order_is_kept_by_any_number_of_workers),
        ENTRY(the_order_is_kept_through_short_queues),
        ENTRY(without_order_nothing_is_lost),
        ENTRY(workers_go_ahead_of_an_item_that_takes_long),
        ENTRY(filters_keep_the_order_and_drop_the_rest),
        ENTRY(as_many_items_are_worked_on_at_once_as_there_are_workers),
        ENTRY(stages_work_at_the_same_time),
        ENTRY(a_slow_stage_holds_back_those_before_it),
        ENTRY(fused_stages_run_in_the_thread_of_the_one_before),
        ENTRY(fused_stages_keep_the_order_of_several_workers),
        ENTRY(a_sink_that_wants_no_more_ends_the_stages_before_it),
        ENTRY(a_stage_in_the_middle_that_wants_no_more_lets_through_what_came_before),
        ENTRY(to_cancel_the_output_ends_all_stages),
        ENTRY(an_output_canceled_before_the_start_is_noticed),
        ENTRY(to_close_lets_what_was_made_go_all_its_way),
        ENTRY(a_canceled_pipeline_drops_each_element_once),
        ENTRY(a_pipeline_may_be_freed_in_the_middle),
        ENTRY(reading_the_output_to_its_end_means_that_all_stages_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
