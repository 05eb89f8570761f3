/* SPDX-License-Identifier: MIT
 *
 * Pipelines: plans, arguments and moments that are not right.
 */
#include "pipes.h"

/* --- what can never be right --- */

static ccp_status flat(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    (void)arg;
    return CCP_OK;
}

static unsigned route_first(const void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    return 0;
}

/* After a source of longs: each of these must be refused, and the pipeline with it. */
static ccp_stage *add_wrong(ccp_pipeline *p, int i, ccp_stage *source)
{
    ccp_stage *none[] = { NULL };
    ccp_stage *self[] = { source, source };
    switch (i) {
    case 0: return ccp_pipeline_map(p, NULL, NULL);
    case 1: return ccp_pipeline_filter(p, NULL, NULL);
    case 2: return ccp_pipeline_flat_map(p, NULL, NULL);
    case 3: return ccp_pipeline_sink(p, NULL, NULL);
    case 4: return ccp_pipeline_source(p, NULL, NULL);
    case 5: return ccp_pipeline_source(p, pass_on, NULL);
    case 6: return ccp_pipeline_source(p, pass_on, &(ccp_stage_opts){ .workers = 1 });
    case 7: return ccp_pipeline_source(p, pass_on, &(ccp_stage_opts){ .out_size = 8,
                                                                      .after = source });
    case 8: return ccp_pipeline_from(p, NULL, NULL);
    case 9: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = 65537 });
    case 10: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .queue = SIZE_MAX / 2 });
    case 11: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .backoff_ns = -1 });
    case 12: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .fused = true,
                                                                    .workers = 2 });
    case 13: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .inputs = none,
                                                                    .input_count = 1 });
    case 14: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .inputs = self });
    case 15: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .inputs = self,
                                                                    .input_count = 2 });
    case 16: return ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .out_size = 8 });
    case 17: return ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .skip_failed = true });
    case 18: return ccp_pipeline_sink(p, pass_on, &(ccp_stage_opts){ .out_size = 8 });
    case 19: return ccp_pipeline_batch(p, 0, 0, NULL);
    case 20: return ccp_pipeline_batch(p, SIZE_MAX / 4, 0, NULL);
    case 21: return ccp_pipeline_split(p, NULL, 2, NULL);
    case 22: return ccp_pipeline_split(p, route_first, 0, NULL);
    case 23: return ccp_pipeline_split(p, route_first, 65537, NULL);
    case 24: return ccp_pipeline_tee(p, NULL, 0, NULL);
    case 25: return ccp_pipeline_tee(p, NULL, 2, NULL); /* the elements have a drop function */
    case 26: return ccp_pipeline_tee(p, pass_on, 2, &(ccp_stage_opts){ .workers = 2 });
    case 27: return ccp_pipeline_join(p, pass_on, NULL);
    case 28: return ccp_pipeline_join(p, pass_on, &(ccp_stage_opts){ .inputs = self,
                                                                     .input_count = 2,
                                                                     .out_size = 8 });
    case 29: return ccp_stage_branch(source, 1);
    case 30: return ccp_stage_branch(source, CCP_LETTERS);
    case 31: return ccp_stage_branch(ccp_stage_branch(source, 0), 0);
    case 32: return ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .inputs = self,
                                                                    .input_count = 2,
                                                                    .after = source });
    case 33: return ccp_pipeline_flat_map(p, flat, &(ccp_stage_opts){ .workers = 2,
                                                                      .fused = true });
    case 34: return ccp_pipeline_filter(p, is_even, &(ccp_stage_opts){ .drop = count_drop });
    default: return source;
    }
}

TEST(what_can_never_be_right_is_refused_and_remembered)
{
    int i = 0;
    for (bool all = false; !all; i++) {
        ledger *l = ledger_new(10);
        ccp_pipeline *p = new_pipeline();
        ccp_stage *source = add_numbers(p, l);
        all = add_wrong(p, i, source) == source;
        if (!all) {
            assert_null(ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l }));
            assert_null(ccp_pipeline_output(p, NULL));
            assert_null(ccp_stage_branch(source, 0));
            ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
            ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_INVAL);
            assert_int_equal(l->next, 0);
        }
        end_pipeline(p);
        ledger_free(l);
    }
    assert_int_equal(i, 36);
}

TEST(stages_of_another_pipeline_are_refused)
{
    ledger *l = ledger_new(1);
    ccp_pipeline *p = new_pipeline(), *other = new_pipeline();
    ccp_stage *source = add_numbers(other, l);
    assert_null(ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .after = source }));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
    end_pipeline(other);
    ledger_free(l);
}

TEST(a_sink_cannot_be_fused_to_workers_that_keep_the_order)
{
    ledger *l = ledger_new(1);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_pipeline_map(p, pass_on, &(ccp_stage_opts){ .workers = 2 });
    assert_null(ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .fused = true, .arg = l }));
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    end_pipeline(p);
    ledger_free(l);
}

TEST(a_plan_that_is_not_complete_can_be_completed)
{
    ledger *l = ledger_new(10);
    ccp_pipeline *p = new_pipeline();
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    add_numbers(p, l);
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_INVAL);
    ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    assert_null(ccp_pipeline_map(p, pass_on, NULL)); /* too late */
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_NOWAIT), CCP_OK);
    end_pipeline(p);
    ledger_free(l);
}

TEST(null_arguments_and_wrong_moments_are_refused) /* G2 */
{
    ccp_item item;
    ccp_stage_info info;
    ccp_pipeline *p = new_pipeline();
    assert_null(ccp_pipeline_source(NULL, pass_on, NULL));
    assert_null(ccp_pipeline_from(NULL, NULL, NULL));
    assert_null(ccp_pipeline_map(NULL, pass_on, NULL));
    assert_null(ccp_pipeline_join(NULL, pass_on, NULL));
    assert_null(ccp_pipeline_output(NULL, NULL));
    assert_null(ccp_stage_branch(NULL, 0));
    assert_int_equal(ccp_pipeline_edge_count(NULL), 0);
    ASSERT_STATUS(ccp_pipeline_start(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_run(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_wait(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_cancel(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_failure(NULL, &item), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_failure(p, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_stage_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_stage_item(NULL, &item), CCP_INVAL);
    ASSERT_STATUS(ccp_stage_emit(NULL, &item, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pipeline_wait(p, CCP_FOREVER), CCP_MISUSE);
    ASSERT_STATUS(ccp_pipeline_cancel(p), CCP_MISUSE);
    ASSERT_STATUS(ccp_pipeline_free(NULL), CCP_OK);
    end_pipeline(p);
}

TEST(a_pipeline_starts_once) /* G2 */
{
    ledger *l = ledger_new(10);
    ccp_pipeline *p = new_pipeline();
    add_numbers(p, l);
    ccp_stage *sink = ccp_pipeline_sink(p, sink_number, &(ccp_stage_opts){ .arg = l });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_MISUSE);
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_MISUSE);
    ASSERT_STATUS(ccp_stage_get_info(sink, NULL), CCP_INVAL);
    assert_int_equal(l->sunk, 10);
    end_pipeline(p);
    ledger_free(l);
}

typedef struct inside {
    ccp_pipeline *p;
    ccp_status waited, run, freed;
} inside;

static ccp_status call_from_inside(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    inside *x = arg;
    (void)ctx;
    (void)in;
    (void)out;
    x->waited = ccp_pipeline_wait(x->p, CCP_FOREVER);
    x->freed = ccp_pipeline_free(x->p);
    return ccp_pipeline_close(x->p);
}

TEST(a_step_cannot_wait_for_its_own_pipeline) /* G2 */
{
    ledger *l = ledger_new(1);
    ccp_pipeline *p = new_pipeline();
    inside x = { p, CCP_OK, CCP_OK, CCP_OK };
    add_numbers(p, l);
    ccp_pipeline_sink(p, call_from_inside, &(ccp_stage_opts){ .arg = &x });
    ASSERT_STATUS(ccp_pipeline_run(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(x.waited, CCP_DEADLOCK);
    ASSERT_STATUS(x.freed, CCP_DEADLOCK);
    end_pipeline(p);
    ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(what_can_never_be_right_is_refused_and_remembered),
        ENTRY(stages_of_another_pipeline_are_refused),
        ENTRY(a_sink_cannot_be_fused_to_workers_that_keep_the_order),
        ENTRY(a_plan_that_is_not_complete_can_be_completed),
        ENTRY(null_arguments_and_wrong_moments_are_refused),
        ENTRY(a_pipeline_starts_once),
        ENTRY(a_step_cannot_wait_for_its_own_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
