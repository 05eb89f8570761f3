/* SPDX-License-Identifier: MIT
 *
 * Pipelines: each option that makes no sense where it stands, sizes that cannot be had, and
 * elements that are nobody's.
 */
#include "pipes.h"

enum { NUMBERS = 50 };

static ccp_status make_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    long *next = arg;
    (void)ctx;
    (void)in;
    if (*next == NUMBERS)
        return CCP_CLOSED;
    *(long *)out = (*next)++;
    return CCP_OK;
}

static ccp_status count_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    atomic_fetch_add((atomic_long *)arg, 1);
    return CCP_OK;
}

static ccp_status want_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return atomic_load((atomic_long *)arg) ? CCP_CLOSED : count_number(ctx, in, out, arg);
}

static unsigned route_first(const void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    return 0;
}

static ccp_status flat_none(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    (void)arg;
    return CCP_OK;
}

/* Of the parts of a join. */
static ccp_status pass_first(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return pass_on(ctx, *(const void *const *)in, out, arg);
}

static ccp_stage *numbers_of(ccp_pipeline *p, long *next, void (*drop)(void *, void *))
{
    return ccp_pipeline_source(p, make_number,
                               &(ccp_stage_opts){ .out_size = sizeof(long), .arg = next,
                                                  .drop = drop });
}

/* --- options --- */

typedef ccp_stage_opts opts;

static ccp_stage *add_from(ccp_pipeline *p, size_t size, const opts *o)
{
    ccp_chan *ch = ccp_chan_new(size, 1);
    ccp_stage *s = ccp_pipeline_from(p, ch, o);
    assert_null(s);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    return s;
}

/* After a source of longs, which have no drop function. */
static ccp_stage *add_senseless(ccp_pipeline *p, int i, ccp_stage *source)
{
    ccp_stage *in[] = { source };
    const opts inputs = { .inputs = in, .input_count = 1 };
    opts join = { .inputs = in, .input_count = 1, .out_size = 8 };
    switch (i) {
    case 0: return ccp_pipeline_source(p, make_number, &(opts){ .out_size = 8, .inputs = in });
    case 1: return ccp_pipeline_source(p, make_number, &(opts){ .out_size = 8, .input_count = 1 });
    case 2: return ccp_pipeline_batch(p, 2, 0, &(opts){ .fused = true });
    case 3: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .inputs = in });
    case 4: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .queue = 1 });
    case 5: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .chunk = 1 });
    case 6: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .unordered = true });
    case 7: return ccp_pipeline_map(p, pass_on, &(opts){ .backoff_max_ns = -1 });
    case 8: return ccp_pipeline_batch(p, 2, 0, &(opts){ .skip_failed = true });
    case 9: return ccp_pipeline_filter(p, is_even, &(opts){ .attempts = 2 });
    case 10: return ccp_pipeline_tee(p, NULL, 2, &(opts){ .attempts = 2 });
    case 11: return ccp_pipeline_map(p, pass_on, &(opts){ .inputs = in, .input_count = 65537 });
    case 12: return add_from(p, 8, &(opts){ .out_size = 4 });
    case 13: return add_from(p, 0, NULL);
    case 14: return add_from(p, 8, &(opts){ .workers = 2 });
    case 15: return ccp_pipeline_batch(p, 2, 0, &(opts){ .drop = count_drop });
    case 16: return ccp_pipeline_split(p, route_first, 2, &(opts){ .drop = count_drop });
    case 17: return ccp_pipeline_tee(p, NULL, 2, &(opts){ .drop = count_drop });
    case 18: return ccp_pipeline_tee(p, NULL, 65537, NULL);
    case 19: return ccp_pipeline_join(p, NULL, &join);
    case 20: return ccp_pipeline_join(p, pass_on, &(opts){ .input_count = 1, .out_size = 8 });
    case 21: return ccp_pipeline_join(p, pass_on, &(opts){ .inputs = in, .out_size = 8 });
    case 22: return ccp_pipeline_join(p, pass_on, &inputs);
    case 23: join.input_count = 65537; return ccp_pipeline_join(p, pass_on, &join);
    case 24: join.after = source; return ccp_pipeline_join(p, pass_on, &join);
    case 25: join.workers = 2; return ccp_pipeline_join(p, pass_on, &join);
    case 26: return ccp_stage_branch(
        ccp_pipeline_map(p, pass_on, &(opts){ .skip_failed = true }), CCP_LETTERS);
    case 27: return ccp_stage_branch(ccp_pipeline_split(p, route_first, 2, NULL), CCP_LETTERS);
    case 28: return ccp_pipeline_map(
        p, pass_on, &(opts){ .after = ccp_pipeline_split(p, route_first, 2, NULL) });
    case 29: return ccp_pipeline_map(
        p, pass_on, &(opts){ .fused = true,
                             .after = ccp_stage_branch(
                                 ccp_pipeline_split(p, route_first, 2, NULL), 0) });
    case 30: return ccp_pipeline_map(
        p, pass_on,
        &(opts){ .fused = true,
                 .after = ccp_stage_branch(ccp_pipeline_tee(p, NULL, 2, NULL), 0) });
    case 31: return ccp_pipeline_map(
        p, pass_on,
        &(opts){ .fused = true,
                 .after = ccp_stage_branch(ccp_pipeline_map(p, pass_on, NULL), CCP_LETTERS) });
    case 32: return ccp_stage_branch(ccp_pipeline_join(p, pass_on, &join), CCP_LETTERS);
    case 33: return ccp_pipeline_split(p, route_first, 2, &(opts){ .workers = 2, .fused = true });
    case 34: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .after = source })
                        ? ccp_pipeline_map(p, pass_on, &(opts){ .after = source })
                        : source;
    default: return source;
    }
}

TEST(each_option_that_makes_no_sense_is_refused)
{
    int i = 0;
    for (bool all = false; !all; i++) {
        long next = 0;
        ccp_pipeline *p = new_pipeline();
        ccp_stage *source = numbers_of(p, &next, NULL), *s = add_senseless(p, i, source);
        all = s == source;
        if (!all) {
            assert_null(s);
            ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
        }
        end_pipeline(p);
    }
    assert_int_equal(i, 36);
}

TEST(inputs_of_different_kinds_are_refused)
{
    for (int drops = 0; drops < 2; drops++) {
        long next = 0;
        ccp_pipeline *p = new_pipeline();
        ccp_stage *in[] = {
            numbers_of(p, &next, NULL),
            drops ? numbers_of(p, &next, count_drop)
                  : ccp_pipeline_source(p, make_number, &(opts){ .out_size = 32, .arg = &next })
        };
        assert_non_null(in[1]);
        assert_null(ccp_pipeline_map(p, pass_on, &(opts){ .inputs = in, .input_count = 2 }));
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
        end_pipeline(p);
    }
}

TEST(a_chunk_that_no_memory_can_hold_is_memory_that_is_short) /* G4 */
{
    static const size_t chunks[] = { SIZE_MAX,          SIZE_MAX / 8,       SIZE_MAX / 16,
                                     PTRDIFF_MAX / 8,   PTRDIFF_MAX / 16,   PTRDIFF_MAX / 64 };
    static const size_t sizes[] = { 0, 8 * sizeof(long) };
    size_t n_chunks = SIZE_MAX > UINT32_MAX ? LENGTH(chunks) : 3; /* a small machine holds others */
    for (size_t i = 0; i < 2 * n_chunks; i++)
        for (unsigned workers = i / 2 == 5 ? 2 : 1; workers < 4; workers++) {
            long next = 0;
            atomic_long n = 0;
            ccp_pipeline *p = new_pipeline();
            numbers_of(p, &next, NULL);
            ccp_pipeline_map(p, pass_on, &(opts){ .chunk = chunks[i / 2], .workers = workers,
                                                  .out_size = sizes[i % 2] });
            ccp_pipeline_sink(p, count_number, &(opts){ .arg = &n });
            ASSERT_STATUS(ccp_pipeline_start(p), CCP_NOMEM);
            assert_int_equal(next, 0);
            end_pipeline(p);
        }
}

TEST(a_letter_too_large_for_any_memory_is_refused) /* G4 */
{
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_source(p, pass_on, &(opts){ .out_size = PTRDIFF_MAX - 4100 });
    ccp_stage *s = ccp_pipeline_map(p, pass_on, &(opts){ .fused = true });
    assert_non_null(s);
    assert_null(
        ccp_pipeline_sink(p, pass_on, &(opts){ .after = ccp_stage_branch(s, CCP_LETTERS) }));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
}

TEST(each_allocation_of_a_plan_of_several_ways_may_fail) /* G1 G4 */
{
    memory_watch();
    ccp_status st = CCP_NOMEM;
    size_t n = 1;
    for (; st != CCP_OK; n++) {
        long next = 0;
        atomic_long seen = 0;
        memory_fail_at(n);
        ccp_pipeline *p = ccp_pipeline_new(NULL);
        numbers_of(p, &next, NULL);
        ccp_stage *tee = ccp_pipeline_tee(p, NULL, 2, NULL);
        ccp_stage *in[] = { ccp_stage_branch(tee, 0), ccp_stage_branch(tee, 1) };
        ccp_pipeline_join(p, pass_first, &(opts){ .inputs = in, .input_count = 2,
                                                  .out_size = sizeof(long) });
        ccp_pipeline_sink(p, count_number, &(opts){ .arg = &seen });
        st = p ? ccp_pipeline_run(p, CCP_FOREVER) : CCP_NOMEM;
        assert_int_equal(seen, st == CCP_OK ? NUMBERS : 0);
        assert_true(st == CCP_OK || st == CCP_NOMEM);
        end_pipeline(p);
        assert_int_equal(memory_live, 0);
    }
    assert_true(n > 10);
    memory_fail_at(0);
    memory_unwatch();
}

/* --- what is left open --- */

TEST(nothing_is_added_to_a_plan_that_was_refused)
{
    long next = 0;
    ccp_pipeline *p = new_pipeline();
    ccp_stage *source = numbers_of(p, &next, NULL);
    assert_null(ccp_pipeline_map(p, NULL, NULL));
    assert_null(numbers_of(p, &next, NULL));
    assert_null(ccp_pipeline_map(p, pass_on, NULL));
    assert_null(ccp_pipeline_filter(p, is_even, NULL));
    assert_null(ccp_pipeline_flat_map(p, flat_none, NULL));
    assert_null(ccp_pipeline_batch(p, 2, 0, NULL));
    assert_null(ccp_pipeline_split(p, route_first, 2, NULL));
    assert_null(ccp_pipeline_tee(p, NULL, 2, NULL));
    assert_null(ccp_pipeline_join(p, pass_on, NULL));
    assert_null(ccp_pipeline_sink(p, pass_on, NULL));
    assert_null(ccp_pipeline_output(p, NULL));
    assert_null(ccp_stage_branch(source, 0));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
}

TEST(a_plan_without_a_source_has_nothing_to_fuse_to_and_no_output)
{
    long next = 0;
    for (int i = 0; i < 4; i++) {
        ccp_pipeline *p = new_pipeline(), *other = new_pipeline();
        ccp_stage *s = numbers_of(other, &next, NULL);
        switch (i) {
        case 0: s = ccp_pipeline_map(p, pass_on, &(opts){ .fused = true }); break;
        case 1: s = ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .after = s }); break;
        case 2: s = ccp_pipeline_split(p, route_first, 2, &(opts){ .queue = 1 }); break;
        default: assert_null(ccp_pipeline_output(p, NULL)); s = NULL; break;
        }
        assert_null(s);
        ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
        end_pipeline(p);
        end_pipeline(other);
    }
}

TEST(a_filter_drops_as_those_before_it_do)
{
    long next = 0, a, b;
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_source(p, make_number,
                        &(opts){ .out_size = 8, .arg = &next, .drop = count_drop, .drop_arg = &a });
    assert_null(
        ccp_pipeline_filter(p, is_even, &(opts){ .drop = count_drop, .drop_arg = &b }));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
}

TEST(a_stage_is_what_its_options_say)
{
    atomic_long n = 0;
    ccp_stage_info info;
    ccp_item item;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ccp_pipeline *p = new_pipeline();
    ccp_stage *from = ccp_pipeline_from(p, ch, &(opts){ .out_size = sizeof(long), .name = "in" });
    ccp_stage *tee = ccp_pipeline_tee(p, NULL, 1, &(opts){ .queue = 3 });
    ccp_stage *branch = ccp_stage_branch(tee, 0);
    ccp_pipeline_sink(p, count_number, &(opts){ .after = branch, .arg = &n });
    ASSERT_STATUS(ccp_stage_get_info(branch, &info), CCP_INVAL);
    assert_string_equal(stage_info(from).name, "in");
    assert_string_equal(stage_info(tee).name, "tee");
    assert_int_equal(stage_info(tee).queue.capacity, 3);
    assert_int_equal(stage_info(tee).taken, 0); /* before the start, too */
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_failure(p, &item), CCP_AGAIN);
    end_pipeline(p);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static ccp_status make_at_once(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    long k = atomic_fetch_add((atomic_long *)arg, 1);
    (void)in;
    MUST(ccp_stage_item(ctx, NULL) == CCP_INVAL);
    *(long *)out = k;
    return k < NUMBERS ? CCP_OK : CCP_CLOSED;
}

TEST(a_source_may_have_several_workers) /* L3 */
{
    atomic_long next = 0, n = 0;
    ccp_pipeline *p = new_pipeline();
    ccp_pipeline_source(p, make_at_once,
                        &(opts){ .out_size = sizeof(long), .workers = 3, .arg = &next });
    ccp_pipeline_sink(p, count_number, &(opts){ .arg = &n });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(n, NUMBERS);
    assert_int_equal(next, NUMBERS + 3);
    end_pipeline(p);
}

/* --- elements without a drop function --- */

TEST(a_tee_copies_elements_that_carry_nothing) /* L1 */
{
    long next = 0;
    atomic_long n[3] = { 0 };
    ccp_pipeline *p = new_pipeline();
    numbers_of(p, &next, NULL);
    ccp_stage *tee = ccp_pipeline_tee(p, NULL, 3, NULL);
    for (unsigned i = 0; i < 3; i++)
        ccp_pipeline_sink(p, i ? count_number : want_one,
                          &(opts){ .after = ccp_stage_branch(tee, i), .arg = &n[i], .queue = 1 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], NUMBERS);
    assert_int_equal(n[2], NUMBERS);
    end_pipeline(p);
}

typedef struct filled {
    size_t size;
    unsigned long made;
    atomic_long seen[2];
} filled;

static ccp_status make_filled(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    filled *f = arg;
    (void)ctx;
    (void)in;
    if (f->made == NUMBERS)
        return CCP_CLOSED;
    element_fill(out, f->size, f->made++);
    return CCP_OK;
}

static filled *of_size;

/* The element k of its branch. */
static ccp_status look_at_filled(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    long k = atomic_fetch_add((atomic_long *)arg, 1);
    (void)ctx;
    (void)out;
    MUST(element_is(in, of_size->size, (unsigned long)k));
    return CCP_OK;
}

TEST(a_tee_copies_elements_of_any_size) /* L1 */
{
    static const size_t sizes[] = { 1, 4, 8, 12, 16, 100 };
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        filled f = { .size = sizes[i] };
        ccp_pipeline *p = new_pipeline();
        of_size = &f;
        ccp_pipeline_source(p, make_filled, &(opts){ .out_size = sizes[i], .arg = &f });
        ccp_stage *tee = ccp_pipeline_tee(p, NULL, 2, NULL);
        for (unsigned way = 0; way < 2; way++)
            ccp_pipeline_sink(p, look_at_filled, &(opts){ .after = ccp_stage_branch(tee, way),
                                                          .arg = &f.seen[way] });
        ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(f.seen[0] + f.seen[1], 2 * NUMBERS);
        end_pipeline(p);
    }
}

TEST(what_carries_nothing_is_dropped_without_a_call) /* L9 */
{
    long next = 0;
    atomic_long n = 0;
    ccp_pipeline *p = new_pipeline();
    numbers_of(p, &next, NULL);
    ccp_pipeline_filter(p, is_even, &(opts){ .fused = true });
    ccp_pipeline_batch(p, 3, 0, &(opts){ .queue = 1 });
    ccp_pipeline_sink(p, want_one, &(opts){ .arg = &n, .queue = 1 });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(n, 1);
    end_pipeline(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(each_option_that_makes_no_sense_is_refused),
        ENTRY(inputs_of_different_kinds_are_refused),
        ENTRY(a_chunk_that_no_memory_can_hold_is_memory_that_is_short),
        ENTRY(a_letter_too_large_for_any_memory_is_refused),
        ENTRY(each_allocation_of_a_plan_of_several_ways_may_fail),
        ENTRY(nothing_is_added_to_a_plan_that_was_refused),
        ENTRY(a_plan_without_a_source_has_nothing_to_fuse_to_and_no_output),
        ENTRY(a_filter_drops_as_those_before_it_do),
        ENTRY(a_stage_is_what_its_options_say),
        ENTRY(a_source_may_have_several_workers),
        ENTRY(a_tee_copies_elements_that_carry_nothing),
        ENTRY(a_tee_copies_elements_of_any_size),
        ENTRY(what_carries_nothing_is_dropped_without_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
