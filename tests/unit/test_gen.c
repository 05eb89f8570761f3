/* SPDX-License-Identifier: MIT
 *
 * Generators.
 */
#include "support.h"

/* --- functions that yield --- */

typedef struct story {
    int64_t n;            /* elements to yield; -1: without end */
    ccp_wait w;           /* of each yield */
    atomic_long accepted; /* yields that returned CCP_OK */
    ccp_status last;      /* what the last one returned */
    ccp_status result;    /* of the function, if all went well */
    atomic_bool cleaned;  /* the function is about to return */
} story;

static ccp_status count_up(ccp_gen *g, void *arg)
{
    story *s = arg;
    for (int64_t i = 0; i != s->n && s->last == CCP_OK; i++) {
        s->last = ccp_gen_yield(g, &i, s->w);
        atomic_fetch_add(&s->accepted, s->last == CCP_OK);
    }
    atomic_store(&s->cleaned, true);
    return s->last == CCP_OK ? s->result : s->last;
}

static story story_of(int64_t n)
{
    return (story){ .n = n, .w = CCP_FOREVER };
}

static ccp_gen *tell(story *s, size_t capacity)
{
    ccp_gen *g = ccp_gen_new(count_up, s,
                             &(ccp_gen_opts){ .elem_size = sizeof(int64_t), .capacity = capacity });
    assert_non_null(g);
    return g;
}

static void end_gen(ccp_gen *g)
{
    ASSERT_STATUS(ccp_gen_free(g), CCP_OK);
}

static void assert_next(ccp_gen *g, int64_t expected)
{
    int64_t v = -1;
    ASSERT_STATUS(ccp_gen_next(g, &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, expected);
}

static void assert_no_more(ccp_gen *g)
{
    int64_t v = 4711;
    ASSERT_STATUS(ccp_gen_next(g, &v, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_gen_next(g, &v, CCP_NOWAIT), CCP_CLOSED);
    assert_int_equal(v, 4711); /* G1 */
}

static ccp_status yield_nothing(ccp_gen *g, void *arg)
{
    (void)g;
    (void)arg;
    return CCP_OK;
}

/* --- what it is --- */

TEST(null_arguments_are_refused)
{
    int64_t v = 1;
    assert_null(ccp_gen_new(NULL, NULL, NULL));
    assert_null(ccp_gen_chan(NULL));
    assert_null(ccp_gen_ctx(NULL));
    ASSERT_STATUS(ccp_gen_yield(NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_gen_next(NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_gen_status(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_gen_free(NULL), CCP_OK);
    ccp_gen *g = ccp_gen_tick(CCP_SEC(1000));
    ASSERT_STATUS(ccp_gen_yield(g, &v, CCP_FOREVER), CCP_INVAL);
    assert_null(ccp_gen_ctx(g));
    end_gen(g);
}

TEST(elements_come_in_the_order_in_which_they_were_yielded) /* Y1 Y5 */
{
    for (size_t capacity = 0; capacity < 4; capacity++) {
        story s = story_of(1000);
        ccp_gen *g = tell(&s, capacity);
        for (int64_t i = 0; i < 1000; i++)
            assert_next(g, i);
        assert_no_more(g);
        ASSERT_STATUS(ccp_gen_status(g), CCP_OK);
        assert_int_equal(s.accepted, 1000);
        end_gen(g);
    }
}

TEST(a_function_that_yields_nothing_is_a_generator_of_nothing)
{
    ccp_gen *g = ccp_gen_new(yield_nothing, NULL, NULL);
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_CLOSED);
    end_gen(g);
}

TEST(the_result_of_the_function_is_kept) /* Y5 */
{
    story s = story_of(2);
    s.result = CCP_FAILED;
    ccp_gen *g = tell(&s, 2);
    assert_next(g, 0);
    assert_next(g, 1);
    assert_no_more(g);
    ASSERT_STATUS(ccp_gen_status(g), CCP_FAILED);
    end_gen(g);
}

TEST(a_generator_runs_no_further_ahead_than_its_capacity) /* Y2 W3 */
{
    for (size_t capacity = 0; capacity < 5; capacity++) {
        story s = story_of(-1);
        s.w = CCP_NOWAIT;
        ccp_gen *g = tell(&s, capacity);
        WAIT_UNTIL(s.cleaned);
        ASSERT_STATUS(s.last, CCP_AGAIN);
        assert_int_equal(s.accepted, capacity);
        end_gen(g);
    }
}

TEST(a_yield_can_give_up_by_itself) /* W3 */
{
    story s = story_of(-1);
    s.w = ccp_within(CCP_MS(1));
    ccp_gen *g = tell(&s, 3);
    WAIT_UNTIL(s.cleaned);
    ASSERT_STATUS(s.last, CCP_TIMEOUT);
    for (int64_t i = 0; i < 3; i++)
        assert_next(g, i);
    assert_no_more(g);
    ASSERT_STATUS(ccp_gen_status(g), CCP_TIMEOUT);
    end_gen(g);
}

TEST(an_element_that_carries_something_cannot_be_null)
{
    ccp_gen *g = ccp_gen_tick(CCP_MS(1));
    ASSERT_STATUS(ccp_gen_yield(g, NULL, CCP_NOWAIT), CCP_INVAL);
    end_gen(g);
}

/* --- stopping --- */

TEST(a_consumer_may_stop_at_any_element_and_nothing_is_left) /* Y3 Y4 */
{
    for (size_t capacity = 0; capacity < 4; capacity++)
        for (int64_t taken = 0; taken < 5; taken++) {
            story s = story_of(-1);
            ccp_gen *g = tell(&s, capacity);
            for (int64_t i = 0; i < taken; i++)
                assert_next(g, i);
            end_gen(g);
            assert_true(s.cleaned);
            assert_true(s.last == CCP_CLOSED || s.last == CCP_CANCELED);
            assert_in_range(s.accepted, taken, taken + (int64_t)capacity);
        }
}

TEST(a_cancelled_channel_stops_a_yield_that_waits) /* Y3 */
{
    for (size_t capacity = 0; capacity < 3; capacity++) {
        story s = story_of(-1);
        ccp_gen *g = tell(&s, capacity);
        WAIT_UNTIL(waiting_senders(ccp_gen_chan(g)) == 1);
        ASSERT_STATUS(ccp_gen_status(g), CCP_OK);
        ASSERT_STATUS(ccp_chan_cancel(ccp_gen_chan(g)), CCP_OK);
        WAIT_UNTIL(ccp_gen_status(g) == CCP_CLOSED);
        ASSERT_STATUS(s.last, CCP_CLOSED);
        assert_no_more(g);
        end_gen(g);
    }
}

TEST(a_parent_that_ends_stops_a_yield_that_waits) /* Y3 */
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    story s = story_of(-1);
    ccp_gen *g = ccp_gen_new(
        count_up, &s,
        &(ccp_gen_opts){ .elem_size = sizeof(int64_t), .capacity = 2, .parent = parent });
    WAIT_UNTIL(waiting_senders(ccp_gen_chan(g)) == 1);
    ccp_ctx_cancel(parent);
    WAIT_UNTIL(ccp_gen_status(g) == CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_status(ccp_gen_ctx(g)), CCP_CANCELED);
    assert_next(g, 0); /* what was accepted is still there */
    assert_next(g, 1);
    assert_no_more(g);
    end_gen(g);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

TEST(the_context_of_a_wait_takes_the_place_of_the_generators) /* Y3 */
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER), *own = ccp_ctx_new(NULL, CCP_FOREVER);
    story s = story_of(3);
    s.w = ccp_with(own);
    ccp_ctx_cancel(parent);
    ccp_gen *g = ccp_gen_new(count_up, &s,
                             &(ccp_gen_opts){ .elem_size = sizeof(int64_t), .parent = parent });
    for (int64_t i = 0; i < 3; i++)
        assert_next(g, i);
    assert_no_more(g);
    end_gen(g);
    ASSERT_STATUS(ccp_ctx_free(own), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

static ccp_status sleep_under_context(ccp_gen *g, void *arg)
{
    atomic_bool *asleep = arg;
    atomic_store(asleep, true);
    return ccp_sleep(ccp_with(ccp_gen_ctx(g)));
}

TEST(freeing_ends_the_context_for_a_function_that_does_not_yield) /* Y4 */
{
    atomic_bool asleep = false;
    ccp_gen *g = ccp_gen_new(sleep_under_context, &asleep, NULL);
    WAIT_UNTIL(asleep);
    end_gen(g);
}

static ccp_status free_itself(ccp_gen *g, void *arg)
{
    ccp_status *rc = arg;
    *rc = ccp_gen_free(g);
    return ccp_gen_yield(g, NULL, CCP_FOREVER);
}

TEST(a_generator_cannot_free_itself)
{
    ccp_status rc = CCP_OK;
    ccp_gen *g = ccp_gen_new(free_itself, &rc, NULL);
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(rc, CCP_DEADLOCK);
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_CLOSED);
    end_gen(g);
}

static void take_next(actor *a)
{
    actor_calls(a);
    a->rc = ccp_gen_next(a->arg, NULL, CCP_FOREVER);
}

TEST(a_generator_is_not_freed_under_its_consumer)
{
    ccp_gen *g = ccp_gen_tick(CCP_SEC(1000));
    actor a = { .arg = g };
    actor_start(&a, take_next);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_gen_free(g), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(ccp_gen_chan(g)), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    end_gen(g);
}

TEST(each_accepted_element_is_received_or_dropped) /* Y1 */
{
    for (size_t round = 0; round < scaled(200); round++) {
        atomic_long drops = 0;
        long received = 0;
        story s = story_of(-1);
        ccp_gen *g = ccp_gen_new(count_up, &s,
                                 &(ccp_gen_opts){ .elem_size = sizeof(int64_t),
                                                  .capacity = round % 4,
                                                  .drop = count_drop,
                                                  .drop_arg = &drops });
        while (received < (long)(round % 7) && ccp_gen_next(g, NULL, CCP_FOREVER) == CCP_OK)
            received++;
        end_gen(g);
        assert_int_equal(s.accepted, received + drops);
    }
}

static void take_all(actor *a)
{
    int64_t v;
    while (ccp_gen_next(a->arg, &v, CCP_FOREVER) == CCP_OK)
        a->value += v;
}

TEST(consumers_may_share_a_generator) /* Y1 */
{
    enum { N = 20000 };
    story s = story_of((int64_t)scaled(N));
    ccp_gen *g = tell(&s, 16);
    actor a[3];
    long sum = 0, n = (long)s.n;
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = g };
        actor_start(&a[i], take_all);
    }
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        sum += a[i].value;
    }
    assert_int_equal(sum, n * (n - 1) / 2);
    end_gen(g);
}

TEST(without_memory_there_is_no_generator) /* G4 */
{
    memory_watch();
    ccp_gen *g = NULL;
    size_t failures = 0;
    for (; !g; failures++) {
        memory_fail_at(failures + 1);
        g = ccp_gen_range(0, 3, 1, NULL);
        if (!g)
            assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    assert_true(failures > 3);
    end_gen(g);
    memory_fail_at(1);
    assert_null(ccp_gen_tick(1));
    memory_fail_at(2);
    assert_null(ccp_gen_tick(1));
    memory_fail_at(0);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

/* --- stock --- */

TEST(a_range_ends_before_its_end)
{
    static const struct {
        int64_t first, end, step, n;
    } cases[] = {
        { 0, 0, 1, 0 },
        { 0, 5, 1, 5 },
        { 5, 0, 1, 0 },
        { 0, 5, 2, 3 },
        { 0, 6, 2, 3 },
        { 5, 0, -1, 5 },
        { 0, 5, -1, 0 },
        { 5, 0, -2, 3 },
        { -3, 3, 1, 6 },
        { 0, 1000, 1, 1000 },
        { 7, 8, INT64_MAX, 1 },
        { INT64_MIN, INT64_MAX, INT64_MAX, 3 },
        { INT64_MAX, INT64_MIN, INT64_MIN, 2 },
        { INT64_MAX - 2, INT64_MAX, 1, 2 },
    };
    for (size_t capacity = 0; capacity < 3; capacity++)
        for (size_t i = 0; i < LENGTH(cases); i++) {
            ccp_gen *g = ccp_gen_range(cases[i].first, cases[i].end, cases[i].step,
                                       &(ccp_gen_opts){ .capacity = capacity * 50 });
            for (int64_t k = 0; k < cases[i].n; k++)
                assert_next(
                    g, (int64_t)((uint64_t)cases[i].first + (uint64_t)k * (uint64_t)cases[i].step));
            assert_no_more(g);
            end_gen(g);
        }
    assert_null(ccp_gen_range(0, 1, 0, NULL));
}

TEST(a_long_range_can_be_left)
{
    ccp_gen *g = ccp_gen_range(INT64_MIN, INT64_MAX, 1, &(ccp_gen_opts){ .capacity = 100 });
    for (int64_t i = 0; i < 300; i++)
        assert_next(g, INT64_MIN + i);
    end_gen(g);
}

TEST(repeat_yields_the_same_again_and_again)
{
    static const char text[12] = "again";
    char got[12] = "";
    ccp_gen *g = ccp_gen_repeat(text, &(ccp_gen_opts){ .elem_size = sizeof text });
    for (int i = 0; i < 10; i++) {
        memset(got, 0, sizeof got);
        ASSERT_STATUS(ccp_gen_next(g, got, CCP_FOREVER), CCP_OK);
        assert_string_equal(got, text);
    }
    end_gen(g);
    assert_null(ccp_gen_repeat(NULL, &(ccp_gen_opts){ .elem_size = 1 }));
    g = ccp_gen_repeat(NULL, NULL);
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_OK);
    end_gen(g);
}

TEST(take_ends_after_n_and_stops_its_source) /* Y3 */
{
    for (size_t n = 0; n < 5; n++) {
        story s = story_of(-1);
        ccp_gen *source = tell(&s, n), *g = ccp_gen_take(ccp_gen_chan(source), n, NULL);
        for (size_t i = 0; i < n; i++)
            assert_next(g, (int64_t)i);
        assert_no_more(g);
        WAIT_UNTIL(s.cleaned);
        ASSERT_STATUS(s.last, CCP_CLOSED);
        end_gen(g);
        end_gen(source);
    }
    assert_null(ccp_gen_take(NULL, 1, NULL));
}

TEST(take_yields_fewer_when_there_are_fewer)
{
    ccp_gen *source = ccp_gen_range(0, 3, 1, NULL);
    ccp_gen *g = ccp_gen_take(ccp_gen_chan(source), 10, NULL);
    for (int64_t i = 0; i < 3; i++)
        assert_next(g, i);
    assert_no_more(g);
    ASSERT_STATUS(ccp_gen_status(g), CCP_OK);
    end_gen(g);
    end_gen(source);
}

TEST(what_take_has_in_its_hand_is_dropped_when_it_is_stopped) /* Y1 Y3 */
{
    atomic_long drops = 0;
    story s = story_of(-1);
    ccp_gen *source = tell(&s, 0);
    ccp_gen *g = ccp_gen_take(ccp_gen_chan(source), 100,
                              &(ccp_gen_opts){ .drop = count_drop, .drop_arg = &drops });
    assert_next(g, 0);
    WAIT_UNTIL(waiting_senders(ccp_gen_chan(g)) == 1);
    end_gen(g);
    WAIT_UNTIL(s.cleaned);
    assert_int_equal(s.accepted, 1 + drops);
    end_gen(source);
}

TEST(what_take_has_in_its_hand_may_be_nothing_or_nobodys) /* Y1 Y3 */
{
    for (int drops = 0; drops < 2; drops++) {
        atomic_long dropped = 0;
        ccp_chan *in = ccp_chan_new(0, 3);
        ccp_gen *g = ccp_gen_take(in, 100,
                                  &(ccp_gen_opts){ .drop = drops ? count_drop : NULL,
                                                   .drop_arg = &dropped });
        ASSERT_STATUS(ccp_chan_send(in, NULL, CCP_FOREVER), CCP_OK);
        WAIT_UNTIL(waiting_senders(ccp_gen_chan(g)) == 1);
        end_gen(g);
        assert_int_equal(dropped, drops);
        ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    }
}

TEST(a_take_that_waits_for_its_source_can_be_freed) /* Y4 */
{
    ccp_chan *never = ccp_chan_new(1, 1);
    ccp_gen *g = ccp_gen_take(never, 1, NULL);
    WAIT_UNTIL(waiting_receivers(never) == 1);
    end_gen(g);
    assert_true(ccp_chan_is_closed(never));
    ASSERT_STATUS(ccp_chan_free(never), CCP_OK);
}

static FILE *file_with(const char *text)
{
    FILE *f = tmpfile();
    MUST(f && fputs(text, f) >= 0);
    rewind(f);
    return f;
}

static void assert_line(ccp_gen *g, const char *expected)
{
    char line[8];
    memset(line, 'x', sizeof line);
    ASSERT_STATUS(ccp_gen_next(g, line, CCP_FOREVER), CCP_OK);
    assert_string_equal(line, expected);
}

TEST(lines_come_whole_or_in_pieces_that_fit)
{
    FILE *f = file_with("one\n\nlonger than eight\n1234567\nend");
    ccp_gen *g = ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = 8, .capacity = 2 });
    static const char *const lines[] = { "one\n", "\n",      "longer ", "than ei",
                                         "ght\n", "1234567", "\n",      "end" };
    for (size_t i = 0; i < LENGTH(lines); i++)
        assert_line(g, lines[i]);
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_gen_status(g), CCP_OK);
    end_gen(g);
    assert_null(ccp_gen_lines(f, NULL));
    assert_null(ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = 1 }));
    assert_null(ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = (size_t)INT32_MAX + 1 }));
    assert_null(ccp_gen_lines(NULL, &(ccp_gen_opts){ .elem_size = 8 }));
    fclose(f);
}

TEST(lines_may_be_left_unread)
{
    FILE *f = file_with("1\n2\n3\n4\n5\n");
    ccp_gen *g = ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = 8 });
    assert_line(g, "1\n");
    assert_line(g, "2\n");
    end_gen(g);
    fclose(f);
}

TEST(a_file_that_cannot_be_read_is_a_failure)
{
    FILE *f = fopen("/dev/null", "w");
    MUST(f);
    ccp_gen *g = ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = 8 });
    ASSERT_STATUS(ccp_gen_next(g, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_gen_status(g), CCP_FAILED);
    end_gen(g);
    fclose(f);
}

TEST(a_ticker_yields_the_time_and_has_no_thread)
{
    int64_t begin = ccp_now(), t = 0, last = begin;
    ccp_gen *tick = ccp_gen_tick(CCP_MS(1));
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_gen_next(tick, &t, CCP_FOREVER), CCP_OK);
        assert_true(t > last && t <= ccp_now());
        last = t;
    }
    assert_true(ccp_now() >= begin + CCP_MS(3)); /* T1 */
    ASSERT_STATUS(ccp_gen_status(tick), CCP_OK);
    ccp_gen *two = ccp_gen_take(ccp_gen_chan(tick), 2, NULL);
    ASSERT_STATUS(ccp_gen_next(two, &t, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_gen_next(two, &t, CCP_FOREVER), CCP_OK);
    assert_no_more(two);
    end_gen(two);
    ASSERT_STATUS(ccp_gen_next(tick, &t, CCP_FOREVER), CCP_CLOSED);
    end_gen(tick);
    assert_null(ccp_gen_tick(0));
}

TEST(without_memory_there_are_no_stock_generators) /* G4 */
{
    FILE *f = file_with("1\n");
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_gen_lines(f, &(ccp_gen_opts){ .elem_size = 8 }));
    memory_fail_at(0);
    assert_null(ccp_gen_repeat(f, &(ccp_gen_opts){ .elem_size = SIZE_MAX }));
    ccp_chan *ch = ccp_chan_new(8, 1);
    memory_fail_at(1);
    assert_null(ccp_gen_take(ch, 1, NULL));
    memory_fail_at(0);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(elements_come_in_the_order_in_which_they_were_yielded),
        ENTRY(a_function_that_yields_nothing_is_a_generator_of_nothing),
        ENTRY(the_result_of_the_function_is_kept),
        ENTRY(a_generator_runs_no_further_ahead_than_its_capacity),
        ENTRY(a_yield_can_give_up_by_itself),
        ENTRY(an_element_that_carries_something_cannot_be_null),
        ENTRY(a_consumer_may_stop_at_any_element_and_nothing_is_left),
        ENTRY(a_cancelled_channel_stops_a_yield_that_waits),
        ENTRY(a_parent_that_ends_stops_a_yield_that_waits),
        ENTRY(the_context_of_a_wait_takes_the_place_of_the_generators),
        ENTRY(freeing_ends_the_context_for_a_function_that_does_not_yield),
        ENTRY(a_generator_cannot_free_itself),
        ENTRY(a_generator_is_not_freed_under_its_consumer),
        ENTRY(each_accepted_element_is_received_or_dropped),
        ENTRY(consumers_may_share_a_generator),
        ENTRY(without_memory_there_is_no_generator),
        ENTRY(a_range_ends_before_its_end),
        ENTRY(a_long_range_can_be_left),
        ENTRY(repeat_yields_the_same_again_and_again),
        ENTRY(take_ends_after_n_and_stops_its_source),
        ENTRY(take_yields_fewer_when_there_are_fewer),
        ENTRY(what_take_has_in_its_hand_is_dropped_when_it_is_stopped),
        ENTRY(what_take_has_in_its_hand_may_be_nothing_or_nobodys),
        ENTRY(a_take_that_waits_for_its_source_can_be_freed),
        ENTRY(lines_come_whole_or_in_pieces_that_fit),
        ENTRY(lines_may_be_left_unread),
        ENTRY(a_file_that_cannot_be_read_is_a_failure),
        ENTRY(without_memory_there_are_no_stock_generators),
        ENTRY(a_ticker_yields_the_time_and_has_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
