/* SPDX-License-Identifier: MIT
 *
 * Pipelines: the part of use_everything() that is about them, and the calls inside their steps.
 *
 *   source - map - filter - flat_map - tee - split - sink
 *             \_ again                    \_ join - batch - sink
 */
#include "reentry.h"

typedef ccp_stage_opts opts;
typedef CCP_LETTER(long) letter_of_long;

ccp_stage *build_pipeline(ccp_pipeline *p, const steps *s)
{
    const opts made = {
        .out_size = sizeof(long), .drop = s->drop, .drop_arg = s->arg, .arg = s->arg
    };
    const opts plain = { .arg = s->arg };
    opts o = made;
    ccp_stage *two[2], *map;
    MUST(ccp_pipeline_source(p, s->source, &made));
    map = ccp_pipeline_map(p, s->map, &made);
    MUST(ccp_pipeline_again(p, s->again,
                            &(opts){ .after = ccp_stage_branch(map, CCP_LETTERS), .arg = s->arg }));
    MUST(ccp_pipeline_filter(p, s->keep, &(opts){ .after = map, .arg = s->arg }));
    MUST(ccp_pipeline_flat_map(p, s->flat, &made));
    ccp_stage *tee = ccp_pipeline_tee(p, s->clone, 2, &plain);
    ccp_stage *split = ccp_pipeline_split(
        p, s->route, 2, &(opts){ .after = ccp_stage_branch(tee, 0), .arg = s->arg });
    two[0] = ccp_stage_branch(split, 0);
    two[1] = ccp_stage_branch(split, 1);
    MUST(ccp_pipeline_sink(p, s->sink, &(opts){ .inputs = two, .input_count = 2, .arg = s->arg }));
    two[0] = ccp_stage_branch(tee, 1);
    o.inputs = two;
    o.input_count = 1;
    MUST(ccp_pipeline_join(p, s->join, &o));
    MUST(ccp_pipeline_batch(p, 1, 0, NULL));
    MUST(ccp_pipeline_sink(p, s->sink, &plain));
    return map;
}

/* --- steps: of the numbers 1, 2 and 3 the first fails and comes back as 11, the second is not
 *     kept --- */

typedef struct line {
    ccp_pipeline *p;
    ccp_stage *map;
    ccp_ctx *ctx; /* of a step, for a call inside it */
    ccp_out *out;
    long next;
    bool enters, drop_enters;
    atomic_long sunk;
} line;

static void in_step(line *l, place p, ccp_ctx *ctx, ccp_out *out);

static ccp_status count_to_three(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    line *l = arg;
    (void)in;
    in_step(l, IN_ccp_pipeline_source_step, ctx, NULL);
    if (l->next == 3)
        return CCP_CLOSED;
    *(long *)out = ++l->next;
    return CCP_OK;
}

static ccp_status fail_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    in_step(arg, IN_ccp_pipeline_map_step, ctx, NULL);
    *(long *)out = *(const long *)in;
    return *(long *)out == 1 ? CCP_FAILED : CCP_OK;
}

static ccp_status mend(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const letter_of_long *letter = in;
    in_step(arg, IN_ccp_pipeline_again_step, ctx, NULL);
    *(long *)out = letter->item + 10;
    return CCP_OK;
}

static bool keep_odd(const void *elem, void *arg)
{
    in_step(arg, IN_ccp_pipeline_filter_keep, NULL, NULL);
    return *(const long *)elem % 2;
}

static ccp_status emit_same(ccp_ctx *ctx, const void *in, ccp_out *out, void *arg)
{
    in_step(arg, IN_ccp_pipeline_flat_map_step, ctx, out);
    return ccp_stage_emit(out, in, CCP_FOREVER);
}

static ccp_status clone_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    in_step(arg, IN_ccp_pipeline_tee_clone, ctx, NULL);
    *(long *)out = *(const long *)in;
    return CCP_OK;
}

static unsigned route_by_size(const void *elem, void *arg)
{
    in_step(arg, IN_ccp_pipeline_split_route, NULL, NULL);
    return *(const long *)elem > 10;
}

static ccp_status join_one(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const long *const *parts = in;
    in_step(arg, IN_ccp_pipeline_join_step, ctx, NULL);
    *(long *)out = *parts[0];
    return CCP_OK;
}

static ccp_status sink(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    line *l = arg;
    (void)in;
    (void)out;
    in_step(l, IN_ccp_pipeline_sink_step, ctx, NULL);
    atomic_fetch_add(&l->sunk, 1);
    return CCP_OK;
}

static void drop_number(void *elem, void *arg);

static void build(line *l)
{
    const steps s = { .source = count_to_three,
                      .map = fail_one,
                      .clone = clone_number,
                      .join = join_one,
                      .sink = sink,
                      .again = mend,
                      .flat = emit_same,
                      .keep = keep_odd,
                      .route = route_by_size,
                      .drop = drop_number,
                      .arg = l };
    l->p = ccp_pipeline_new(NULL);
    MUST(l->p);
    l->map = build_pipeline(l->p, &s);
}

/* --- calls --- */

static void use_line(void)
{
    line l = { 0 };
    ccp_stage_info info;
    ccp_item item;
    build(&l);
    MUST(ccp_pipeline_edge_count(l.p) > 0);
    OK(ccp_pipeline_start(l.p));
    OK(ccp_pipeline_wait(l.p, CCP_FOREVER));
    GIVES(ccp_pipeline_failure(l.p, &item), CCP_AGAIN);
    OK(ccp_stage_get_info(l.map, &info));
    MUST(info.letters == 1 && l.sunk == 4);
    RETURNS(ccp_pipeline_close(l.p));
    RETURNS(ccp_pipeline_cancel(l.p));
    OK(ccp_pipeline_free(l.p));
    GIVES(ccp_stage_emit(NULL, &item, CCP_NOWAIT), CCP_INVAL);
    GIVES(ccp_stage_item(NULL, &item), CCP_INVAL);
}

void use_pipelines(void)
{
    use_line();
    ccp_chan *in = numbers(1);
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    MUST(p && ccp_pipeline_from(p, in, &(opts){ 0 }));
    ccp_chan *out = ccp_pipeline_output(p, NULL);
    MUST(out);
    OK(ccp_pipeline_run(p, CCP_FOREVER));
    OK(ccp_chan_recv(out, &(long){ 0 }, CCP_NOWAIT));
    OK(ccp_pipeline_free(p));
    OK(ccp_chan_free(in));
}

static void look_at(line *l)
{
    ccp_item item;
    ccp_stage_info info;
    GIVES(ccp_pipeline_failure(l->p, &item), CCP_AGAIN);
    MUST(ccp_pipeline_edge_count(l->p) > 0);
    OK(ccp_stage_get_info(l->map, &info));
    RETURNS(ccp_pipeline_wait(l->p, CCP_NOWAIT));
}

static void use_same_pipeline(void *arg)
{
    line *l = arg;
    ccp_item item;
    look_at(l);
    if (!l->ctx)
        return;
    GIVES(ccp_pipeline_wait(l->p, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_pipeline_free(l->p), CCP_DEADLOCK);
    OK(ccp_stage_item(l->ctx, &item));
    if (l->out)
        OK(ccp_stage_emit(l->out, &(long){ 5 }, CCP_FOREVER));
}

static void in_step(line *l, place p, ccp_ctx *ctx, ccp_out *out)
{
    if (!l->enters)
        return;
    line here = { .p = l->p, .map = l->map, .ctx = ctx, .out = out };
    inside(p, use_same_pipeline, &here);
}

static void end_pipeline(void *arg)
{
    line *l = arg;
    look_at(l);
    OK(ccp_pipeline_close(l->p));
    OK(ccp_pipeline_cancel(l->p));
    RETURNS(ccp_pipeline_wait(l->p, CCP_NOWAIT));
}

static void drop_number(void *elem, void *arg)
{
    line *l = arg;
    MUST(*(long *)elem > 0);
    if (l->drop_enters)
        inside(IN_ccp_stage_opts_drop, end_pipeline, l);
}

void pipelines_may_be_reentered(void)
{
    for (int ends = 0; ends < 2; ends++) {
        line l = { .enters = !ends, .drop_enters = ends };
        build(&l);
        OK(ccp_pipeline_start(l.p));
        RETURNS(ccp_pipeline_wait(l.p, CCP_FOREVER));
        MUST(ends || l.sunk == 6);
        OK(ccp_pipeline_free(l.p));
    }
}
