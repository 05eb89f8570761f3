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
    case 32: return ccp_pipeline_map(p, pass_on, &(opts){ .fused = true, .after = source })
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
    assert_int_equal(i, 34);
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
    static const size_t chunks[] = { SIZE_MAX, SIZE_MAX / 8, SIZE_MAX / 16, PTRDIFF_MAX / 8 };
    for (size_t i = 0; i < LENGTH(chunks); i++)
        for (unsigned workers = 1; workers < 4; workers++) {
            long next = 0;
            atomic_long n = 0;
            ccp_pipeline *p = new_pipeline();
            numbers_of(p, &next, NULL);
            ccp_pipeline_map(p, pass_on, &(opts){ .chunk = chunks[i], .workers = workers });
            ccp_pipeline_sink(p, count_number, &(opts){ .arg = &n });
            ASSERT_STATUS(ccp_pipeline_start(p), CCP_NOMEM);
            assert_int_equal(next, 0);
            end_pipeline(p);
        }
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
        ENTRY(a_tee_copies_elements_that_carry_nothing),
        ENTRY(what_carries_nothing_is_dropped_without_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
