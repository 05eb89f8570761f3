/* SPDX-License-Identifier: MIT
 *
 * What the tests of tasks with options share; see jobs.h.
 */
#include "jobs.h"

ccp_status run_job(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    (void)ctx;
    MUST(atomic_fetch_add(&j->ends, 1) == 0); /* P3 */
    j->y->order[atomic_fetch_add(&j->y->ran, 1)] = j->number;
    return CCP_OK;
}

void take_back(ccp_task fn, void *task_arg, void *unrun_arg)
{
    job *j = task_arg;
    MUST(fn == run_job && unrun_arg == j->y);
    MUST(atomic_fetch_add(&j->ends, 1) == 0); /* P3 */
    j->y->gone[atomic_fetch_add(&j->y->dropped, 1)] = j->number;
}

void set_yard(yard *y, ccp_pool_opts o)
{
    memset(y, 0, sizeof *y);
    o.workers = 1;
    o.unrun = take_back;
    o.unrun_arg = y;
    y->p = ccp_pool_new(&o);
    assert_non_null(y->p);
    occupy(y->p, 1);
}

ccp_status submit(yard *y, const ccp_task_opts *o)
{
    job *j = &y->jobs[y->n];
    *j = (job){ .y = y, .number = y->n };
    ccp_status st = ccp_pool_submit_with(y->p, run_job, j, o, CCP_NOWAIT);
    y->n += st == CCP_OK;
    return st;
}

void submit_at(yard *y, int priority)
{
    ASSERT_STATUS(submit(y, &(ccp_task_opts){ .priority = priority }), CCP_OK);
}

void submit_plain(yard *y)
{
    job *j = &y->jobs[y->n];
    *j = (job){ .y = y, .number = y->n++ };
    ASSERT_STATUS(ccp_pool_submit(y->p, run_job, j, CCP_NOWAIT), CCP_OK);
}

void finish(yard *y)
{
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_wait(y->p, CCP_FOREVER), CCP_OK);
}

void free_yard(yard *y)
{
    ASSERT_STATUS(ccp_pool_free(y->p), CCP_OK);
    assert_int_equal(y->ran + y->dropped, y->n); /* P3 */
}

void assert_order(const yard *y, const long *expected, long n)
{
    assert_int_equal(y->ran, n);
    for (long i = 0; i < n; i++)
        assert_int_equal(y->order[i], expected[i]);
}

void drain_there(actor *a)
{
    yard *y = a->arg;
    actor_calls(a);
    a->rc = ccp_pool_drain(y->p, CCP_FOREVER);
    a->value = y->jobs[0].ends;
}

gate second_gate = GATE_INIT;

ccp_status pass_second_gate(ccp_ctx *ctx, void *arg)
{
    gate_pass(&second_gate);
    return run_job(ctx, arg);
}
