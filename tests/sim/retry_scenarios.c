/* SPDX-License-Identifier: MIT
 *
 * Retries that share a tally: what several threads have counted is the sum, and a look in between
 * finds no more than that.
 */
#include "scene.h"

#include <stdatomic.h>
#include <stdio.h>

enum { CALLERS = 3 };

static ccp_retry_tally tally;
static int wanted[CALLERS]; /* attempts that each call needs */

static ccp_status fail_at_first(ccp_ctx *ctx, void *arg)
{
    return (int)ccp_retry_attempt(ctx) < *(int *)arg ? CCP_FAILED : CCP_OK;
}

static void call(void *arg)
{
    const ccp_retry_opts o = { .attempts = 2, .tally = &tally,
                               .backoff = { .kind = CCP_BACKOFF_CONSTANT, .first_ns = 10 } };
    ccp_retry_report r;
    ccp_status st = ccp_retry(&o, fail_at_first, arg, &r, CCP_FOREVER);
    sim_assert(st == (*(int *)arg > 2 ? CCP_FAILED : CCP_OK));
}

static void look(ccp_retry_figures *f)
{
    sim_assert(ccp_retry_tally_get(&tally, f) == CCP_OK);
    sim_assert(f->calls <= CALLERS && f->attempts <= 5 && f->waited_ns <= 20);
    sim_assert(f->ended[CCP_RETRY_SUCCEEDED] + f->ended[CCP_RETRY_NO_ATTEMPT] == f->calls);
}

static void run_calls(void *arg)
{
    ccp_retry_figures before, after, end;
    (void)arg;
    scene_tune(STILL);
    for (int i = 0; i < CALLERS; i++) {
        wanted[i] = i + 1;
        sim_spawn(call, &wanted[i]);
    }
    look(&before);
    look(&after);
    sim_assert(after.calls >= before.calls && after.attempts >= before.attempts &&
               after.waited_ns >= before.waited_ns);
    sim_join();
    look(&end);
    sim_assert(end.calls == 3 && end.attempts == 5 && end.waited_ns == 20);
    sim_assert(end.ended[CCP_RETRY_SUCCEEDED] == 2 && end.ended[CCP_RETRY_NO_ATTEMPT] == 1);
}

int main(int argc, char **argv)
{
    static const sim_options one = { .mode = SIM_DFS, .preemptions = 1 };
    scene_add(run_calls, NULL, &one, "one.calls_share_a_tally");
    return scene_main(argc, argv);
}
