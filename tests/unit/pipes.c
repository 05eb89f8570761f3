/* SPDX-License-Identifier: MIT */
#include "pipes.h"

ledger *ledger_new(long end)
{
    ledger *l = calloc(1, sizeof *l);
    MUST(l && end <= LEDGER);
    l->end = end;
    l->last = -1;
    return l;
}

void ledger_free(ledger *l)
{
    free(l);
}

void note_fate(ledger *l, long k)
{
    MUST(k >= 0 && k < LEDGER);
    atomic_fetch_add(&l->fate[k], 1);
}

void drop_number(void *elem, void *arg)
{
    ledger *l = arg;
    atomic_fetch_add(&l->dropped, 1);
    note_fate(l, *(const long *)elem);
}

void assert_each_once(ledger *l, long n)
{
    for (long k = 0; k < n; k++)
        if (l->fate[k] != 1)
            fail_msg("element %ld met %d ends", k, (int)l->fate[k]);
}

ccp_status count_up(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    ledger *l = arg;
    (void)ctx;
    MUST(!in && out);
    if (l->next == l->end)
        return CCP_CLOSED;
    *(long *)out = l->next++;
    return CCP_OK;
}

ccp_status pass_on(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)arg;
    *(long *)out = *(const long *)in;
    return CCP_OK;
}

ccp_status sink_number(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    ledger *l = arg;
    long k = *(const long *)in;
    (void)ctx;
    MUST(!out);
    atomic_fetch_add(&l->sunk, 1);
    note_fate(l, k);
    l->disorder = l->disorder || k <= l->last;
    l->last = k;
    return CCP_OK;
}

ccp_status want_ten(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    ledger *l = arg;
    return l->sunk == 10 ? CCP_CLOSED : sink_number(ctx, in, out, arg);
}

ccp_status sink_letter(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    ledger *l = arg;
    const letter_of_long *letter = in;
    (void)ctx;
    (void)out;
    atomic_fetch_add(&l->letters, 1);
    note_fate(l, letter->item);
    return CCP_OK;
}

ccp_status fail_tenth(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    return *(const long *)in % 10 == 3 ? CCP_FAILED : pass_on(ctx, in, out, arg);
}

bool is_even(const void *elem, void *arg)
{
    (void)arg;
    return *(const long *)elem % 2 == 0;
}

ccp_stage *add_numbers(ccp_pipeline *p, ledger *l)
{
    return ccp_pipeline_source(p, count_up, &(ccp_stage_opts){ .out_size = sizeof(long), .arg = l,
                                                               .drop = drop_number,
                                                               .drop_arg = l });
}

ccp_pipeline *new_pipeline(void)
{
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    assert_non_null(p);
    return p;
}

void end_pipeline(ccp_pipeline *p)
{
    ASSERT_STATUS(ccp_pipeline_free(p), CCP_OK);
}

ccp_stage_info stage_info(const ccp_stage *s)
{
    ccp_stage_info info;
    ASSERT_STATUS(ccp_stage_get_info(s, &info), CCP_OK);
    return info;
}
