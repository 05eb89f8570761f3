/* SPDX-License-Identifier: MIT
 *
 * Groups.  Ports of golang.org/x/sync/errgroup stand at the end; ports.md lists them.
 */
#include "support.h"

/* --- tasks --- */

typedef struct job {
    ccp_group *group;
    gate *gate;           /* passed before it returns; NULL: none */
    atomic_int *ran;
    ccp_status result;
    _Atomic int seen;     /* status of its context, when it returned */
} job;

static ccp_status do_job(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    if (j->gate)
        gate_pass(j->gate);
    if (j->ran)
        atomic_fetch_add(j->ran, 1);
    atomic_store(&j->seen, (int)ccp_ctx_status(ctx));
    return j->result;
}

static ccp_status wait_for_end(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    return ccp_sleep(ccp_with(ctx));
}

static ccp_status return_arg(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return *(const ccp_status *)arg;
}

static ccp_status do_nothing(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_group *group_of(unsigned limit, bool keep_going)
{
    ccp_group *g = ccp_group_make(&(ccp_group_opts){ .limit = limit, .keep_going = keep_going });
    assert_non_null(g);
    return g;
}

static void end_group(ccp_group *g)
{
    ASSERT_STATUS(ccp_group_free(g), CCP_OK);
}

/* --- what can be said without threads --- */

TEST(null_arguments_are_refused)
{
    ccp_group *g = ccp_group_new(NULL, 0);
    ASSERT_STATUS(ccp_group_go(NULL, do_nothing, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_group_go(g, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_group_wait(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_group_free(NULL), CCP_OK);
    assert_null(ccp_group_ctx(NULL));
    assert_int_equal(ccp_group_errors(NULL, NULL, 0), 0);
    end_group(g);
}

TEST(a_group_of_nothing_is_done) /* E2 */
{
    ccp_group *g = ccp_group_make(NULL);
    ASSERT_STATUS(ccp_group_wait(g, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    assert_int_equal(ccp_group_errors(g, NULL, 9), 0);
    end_group(g);
}

TEST(the_context_of_a_group_is_below_its_parent) /* E4 */
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_group *g = ccp_group_new(parent, 1);
    atomic_int ran = 0;
    job j = { .ran = &ran };
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_ctx_status(ccp_group_ctx(g)), CCP_CANCELED);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, ccp_with(ccp_group_ctx(g))), CCP_CANCELED);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_FOREVER), CCP_OK); /* it may still be started */
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    assert_int_equal(ran, 1);
    ASSERT_STATUS((ccp_status)j.seen, CCP_CANCELED);
    end_group(g);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

/* --- running --- */

TEST(every_task_runs_once_and_is_seen_by_the_waiter) /* E2 E4 */
{
    static const unsigned limits[] = { 0, 1, 2, 3, 4, 5, 200 };
    for (size_t k = 0; k < LENGTH(limits); k++) {
        ccp_group *g = group_of(limits[k], k % 2);
        atomic_int ran = 0;
        job jobs[50];
        for (size_t i = 0; i < LENGTH(jobs); i++) {
            jobs[i] = (job){ .ran = &ran, .seen = CCP_CLOSED };
            ASSERT_STATUS(ccp_group_go(g, do_job, &jobs[i], CCP_FOREVER), CCP_OK);
        }
        ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        assert_int_equal(ran, LENGTH(jobs));
        for (size_t i = 0; i < LENGTH(jobs); i++)
            ASSERT_STATUS((ccp_status)jobs[i].seen, CCP_OK);
        end_group(g);
    }
}

typedef struct crowd {
    atomic_int now, most;
} crowd;

static ccp_status crowd_in(ccp_ctx *ctx, void *arg)
{
    crowd *c = arg;
    (void)ctx;
    int n = atomic_fetch_add(&c->now, 1) + 1, most = atomic_load(&c->most);
    while (n > most && !atomic_compare_exchange_weak(&c->most, &most, n))
        continue;
    (void)ccp_sleep(CCP_NOWAIT);
    atomic_fetch_sub(&c->now, 1);
    return CCP_OK;
}

TEST(a_hundred_thousand_tasks_never_pass_the_limit_of_four) /* E1 */
{
    crowd c = { 0, 0 };
    ccp_group *g = ccp_group_new(NULL, 4);
    for (size_t i = 0; i < scaled(100000); i++)
        ASSERT_STATUS(ccp_group_go(g, crowd_in, &c, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    assert_int_equal(c.now, 0);
    assert_in_range(c.most, 1, 4);
    print_message("at most %d at once\n", c.most);
    end_group(g);
}

TEST(go_waits_while_the_limit_is_reached) /* E1 */
{
    gate gates = GATE_INIT;
    atomic_int ran = 0;
    job j = { .gate = &gates, .ran = &ran };
    ccp_group *g = ccp_group_new(NULL, 2);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(gates.arrived == 2);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_int_equal(gates.arrived, 2);
    gate_open(&gates);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    assert_int_equal(ran, 3);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_NOWAIT), CCP_OK); /* W1: all permits are back */
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    end_group(g);
}

TEST(without_a_limit_all_tasks_run_at_once)
{
    gate gates = GATE_INIT;
    job j = { .gate = &gates };
    ccp_group *g = ccp_group_make(&(ccp_group_opts){ .name = "many", .stack_size = 65536 });
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++)
            ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_NOWAIT), CCP_OK);
        WAIT_UNTIL(gates.arrived == 20);
        ASSERT_STATUS(ccp_group_wait(g, CCP_NOWAIT), CCP_AGAIN);
        gate_open(&gates);
        ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        gate_shut(&gates);
    }
    end_group(g);
}

TEST(threads_are_used_again)
{
    ccp_group *g = ccp_group_new(NULL, 0);
    size_t blocks = 0;
    for (int i = 0; i < 100; i++) {
        ASSERT_STATUS(ccp_group_go(g, do_nothing, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        if (i == 0)
            blocks = ccp_live_blocks();
    }
    assert_int_equal(ccp_live_blocks(), blocks);
    end_group(g);
}

/* --- failing --- */

TEST(the_first_failure_ends_the_others) /* E3 */
{
    ccp_group *g = ccp_group_new(NULL, 4);
    ccp_status bad = CCP_BUSY;
    ccp_group_error e[4];
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_group_go(g, wait_for_end, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_go(g, return_arg, &bad, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(ccp_group_errors(g, e, LENGTH(e)), 1);
    assert_int_equal(e[0].index, 3);
    ASSERT_STATUS(e[0].status, CCP_BUSY);
    assert_ptr_equal(e[0].arg, &bad);
    ASSERT_STATUS(ccp_ctx_status(ccp_group_ctx(g)), CCP_CANCELED);
    const ccp_group_error *cause = ccp_ctx_cause(ccp_group_ctx(g));
    assert_non_null(cause);
    assert_int_equal(cause->index, 3);
    ASSERT_STATUS(cause->status, CCP_BUSY);
    assert_int_equal(ccp_group_errors(g, NULL, 4), 1);
    assert_int_equal(ccp_group_errors(g, e, 0), 1);
    end_group(g);
}

TEST(a_group_that_keeps_going_keeps_every_failure_with_its_number) /* E3 E7 */
{
    enum { N = 40 };
    ccp_group *g = group_of(3, true);
    ccp_status results[N];
    ccp_group_error e[N];
    size_t failed = 0;
    for (size_t i = 0; i < N; i++) {
        results[i] = i % 3 ? CCP_OK : i % 2 ? CCP_BUSY : CCP_FAILED;
        failed += results[i] != CCP_OK;
        ASSERT_STATUS(ccp_group_go(g, return_arg, &results[i], CCP_FOREVER), CCP_OK);
    }
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(ccp_ctx_status(ccp_group_ctx(g)), CCP_OK);
    assert_int_equal(ccp_group_errors(g, e, N), failed);
    bool seen[N] = { false };
    for (size_t i = 0; i < failed; i++) {
        assert_true(e[i].index < N && !seen[e[i].index]);
        seen[e[i].index] = true;
        ASSERT_STATUS(e[i].status, results[e[i].index]);
        assert_ptr_equal(e[i].arg, &results[e[i].index]);
    }
    e[2].index = N; /* no task has it */
    assert_int_equal(ccp_group_errors(g, e, 2), failed);
    assert_int_equal(e[2].index, N);
    end_group(g);
}

/* --- tasks that start tasks --- */

typedef struct tree {
    ccp_group *group;
    int depth;
    atomic_int *ran;
} tree;

static ccp_status grow(ccp_ctx *ctx, void *arg)
{
    tree *t = arg;
    tree below = { t->group, t->depth - 1, t->ran };
    (void)ctx;
    atomic_fetch_add(t->ran, 1);
    for (int i = 0; t->depth > 0 && i < 2; i++) {
        tree *b = malloc(sizeof *b);
        *b = below;
        MUST(ccp_group_go(t->group, grow, b, CCP_FOREVER) == CCP_OK);
    }
    free(t);
    return CCP_OK;
}

TEST(tasks_may_start_tasks_whatever_the_limit) /* E5 */
{
    for (unsigned limit = 0; limit < 5; limit++) {
        atomic_int ran = 0;
        ccp_group *g = ccp_group_new(NULL, limit);
        tree *t = malloc(sizeof *t);
        *t = (tree){ g, 5, &ran };
        ASSERT_STATUS(ccp_group_go(g, grow, t, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        assert_int_equal(ran, 63);
        end_group(g);
    }
}

typedef struct nesting {
    ccp_group *group;
    ccp_status again, go, wait, free_, canceled;
    ccp_status inner;
    bool inner_done;
} nesting;

static ccp_status nested(ccp_ctx *ctx, void *arg)
{
    nesting *n = arg;
    (void)ctx;
    n->inner_done = true;
    return n->inner;
}

static ccp_status nest(ccp_ctx *ctx, void *arg)
{
    nesting *n = arg;
    ccp_ctx *ended = ccp_ctx_new(ctx, CCP_FOREVER);
    ccp_ctx_cancel(ended);
    n->again = ccp_group_go(n->group, nested, n, CCP_NOWAIT);
    n->canceled = ccp_group_go(n->group, nested, n, ccp_with(ended));
    MUST(!n->inner_done);
    n->go = ccp_group_go(n->group, nested, n, ccp_within(CCP_MS(1)));
    MUST(n->inner_done);
    n->wait = ccp_group_wait(n->group, ccp_within(CCP_SEC(1)));
    n->free_ = ccp_group_free(n->group);
    MUST(ccp_ctx_free(ended) == CCP_OK);
    return CCP_OK;
}

TEST(a_task_runs_what_it_starts_when_the_limit_is_reached) /* E5 E6 E7 */
{
    ccp_group *g = ccp_group_new(NULL, 1);
    nesting n = { .group = g, .inner = CCP_BUSY };
    ccp_group_error e;
    ASSERT_STATUS(ccp_group_go(g, nest, &n, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(n.again, CCP_AGAIN);
    ASSERT_STATUS(n.canceled, CCP_CANCELED);
    ASSERT_STATUS(n.go, CCP_OK);
    ASSERT_STATUS(n.wait, CCP_DEADLOCK);
    ASSERT_STATUS(n.free_, CCP_BUSY);
    assert_int_equal(ccp_group_errors(g, &e, 1), 1);
    assert_int_equal(e.index, 1);
    ASSERT_STATUS(e.status, CCP_BUSY);
    end_group(g);
}

/* --- waiting and freeing --- */

static void wait_for_group(actor *a)
{
    actor_calls(a);
    a->rc = ccp_group_wait(a->arg, a->w);
}

TEST(the_last_task_releases_every_waiter) /* E2 */
{
    gate gates = GATE_INIT;
    job j = { .gate = &gates };
    actor a[5];
    ccp_group *g = ccp_group_new(NULL, 1);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_FOREVER), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = g, .w = i % 2 ? CCP_FOREVER : ccp_within(CCP_SEC(1000)) };
        actor_start(&a[i], wait_for_group);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_sleep_here(&a[i]);
    gate_open(&gates);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_OK);
    }
    end_group(g);
}

static void nothing_to_do(void *arg)
{
    (void)arg;
}

TEST(a_group_in_use_is_not_freed) /* E6 */
{
    gate gates = GATE_INIT;
    job j = { .gate = &gates };
    ccp_hook hook = { 0 };
    actor a;
    ccp_group *g = ccp_group_new(NULL, 1);
    ASSERT_STATUS(ccp_group_go(g, do_job, &j, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_free(g), CCP_BUSY);
    a = (actor){ .arg = g, .w = CCP_FOREVER };
    actor_start(&a, wait_for_group);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_group_free(g), CCP_BUSY);
    gate_open(&gates);
    actor_join(&a);
    ASSERT_STATUS(ccp_ctx_hook(ccp_group_ctx(g), &hook, nothing_to_do, NULL), CCP_OK);
    ASSERT_STATUS(ccp_group_free(g), CCP_BUSY);
    ASSERT_STATUS(ccp_ctx_unhook(&hook, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_go(g, do_nothing, NULL, CCP_FOREVER), CCP_OK); /* it still works */
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    end_group(g);
}

TEST(whoever_has_waited_may_free) /* E6 */
{
    for (size_t round = 0; round < scaled(1000); round++) {
        ccp_group *g = ccp_group_new(NULL, round % 3);
        ASSERT_STATUS(ccp_group_go(g, do_nothing, NULL, CCP_FOREVER), CCP_OK);
        if (round % 2)
            while (ccp_group_wait(g, CCP_NOWAIT) == CCP_AGAIN)
                continue;
        else
            ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        end_group(g);
    }
}

TEST(what_cannot_be_had_is_reported_and_leaves_nothing)
{
    memory_watch();
    for (size_t n = 1; n <= 4; n++) {
        memory_fail_at(n);
        ccp_group *g = ccp_group_new(NULL, 2);
        assert_int_equal(g != NULL, n > 4);
        assert_int_equal(memory_live, 0);
    }
    ccp_group *g = group_of(2, true);
    for (size_t n = 1; n <= 3; n++) { /* the record, the thread, what starts it */
        memory_fail_at(n);
        ASSERT_STATUS(ccp_group_go(g, do_nothing, NULL, CCP_FOREVER), CCP_NOMEM);
        ASSERT_STATUS(ccp_group_wait(g, CCP_NOWAIT), CCP_OK);
    }
    memory_fail_at(0);
    ccp_status bad = CCP_FAILED;
    ccp_group_error e;
    ASSERT_STATUS(ccp_group_go(g, return_arg, &bad, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(ccp_group_errors(g, &e, 1), 1);
    assert_int_equal(e.index, 0); /* E7: those that were refused have no number */
    end_group(g);
    memory_unwatch();
}

/* --- ports of golang.org/x/sync/errgroup --- */

/* TestZeroGroup: wait gives the first error after each task. */
TEST(wait_tells_of_the_first_error_from_then_on) /* E2 E3 */
{
    static const struct {
        size_t n;
        ccp_status results[3];
    } cases[] = { { 0, { CCP_OK } },
                  { 1, { CCP_OK } },
                  { 1, { CCP_BUSY } },
                  { 2, { CCP_BUSY, CCP_OK } },
                  { 3, { CCP_BUSY, CCP_OK, CCP_FAILED } } };
    for (size_t k = 0; k < LENGTH(cases); k++) {
        ccp_group *g = ccp_group_new(NULL, 0);
        bool failed = false;
        for (size_t i = 0; i < cases[k].n; i++) {
            ccp_status result = cases[k].results[i];
            ccp_group_error e;
            ASSERT_STATUS(ccp_group_go(g, return_arg, &result, CCP_FOREVER), CCP_OK);
            failed |= result != CCP_OK;
            ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), failed ? CCP_FAILED : CCP_OK);
            assert_int_equal(ccp_group_errors(g, &e, 1), failed);
            if (failed)
                ASSERT_STATUS(e.status, CCP_BUSY);
        }
        end_group(g);
    }
}

/* TestWithContext, TestCancelCause: go with any wait, and CCP_NOWAIT for TryGo. */
TEST(a_failure_ends_the_context_and_is_its_cause) /* E3 */
{
    static const struct {
        size_t n;
        ccp_status results[2];
    } cases[] = { { 0, { CCP_OK } },
                  { 1, { CCP_OK } },
                  { 1, { CCP_BUSY } },
                  { 2, { CCP_BUSY, CCP_OK } } };
    for (size_t k = 0; k < 2 * LENGTH(cases); k++) {
        size_t c = k / 2;
        ccp_group *g = ccp_group_new(NULL, 0);
        ccp_status results[2] = { cases[c].results[0], cases[c].results[1] };
        bool failed = false;
        for (size_t i = 0; i < cases[c].n; i++) {
            ASSERT_STATUS(
                ccp_group_go(g, return_arg, &results[i], k % 2 ? CCP_FOREVER : CCP_NOWAIT), CCP_OK);
            failed |= results[i] != CCP_OK;
        }
        ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), failed ? CCP_FAILED : CCP_OK);
        ccp_ctx *ctx = ccp_group_ctx(g);
        ASSERT_STATUS(ccp_ctx_status(ctx), failed ? CCP_CANCELED : CCP_OK);
        const ccp_group_error *cause = ccp_ctx_cause(ctx);
        assert_int_equal(cause != NULL, failed);
        if (failed)
            ASSERT_STATUS(cause->status, CCP_BUSY);
        end_group(g);
    }
}

static ccp_status send_one(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return ccp_chan_send(arg, NULL, CCP_FOREVER);
}

/* TestTryGo: 42 fit under a limit of 42, not one more; then again; then a limit of 1. */
TEST(go_without_waiting_fills_the_limit_and_not_more) /* E1 */
{
    static const unsigned limits[] = { 42, 1 };
    for (size_t k = 0; k < LENGTH(limits); k++) {
        unsigned n = limits[k];
        ccp_chan *ch = ccp_chan_new(0, 0);
        ccp_group *g = ccp_group_new(NULL, n);
        for (int round = 0; round < 2; round++) {
            for (unsigned i = 0; i < n; i++)
                ASSERT_STATUS(ccp_group_go(g, send_one, ch, CCP_NOWAIT), CCP_OK);
            ASSERT_STATUS(ccp_group_go(g, send_one, ch, CCP_NOWAIT), CCP_AGAIN);
            for (unsigned i = 0; i < n; i++)
                ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
        }
        end_group(g);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

static ccp_status count_in(ccp_ctx *ctx, void *arg)
{
    atomic_int *now = arg;
    (void)ctx;
    if (atomic_fetch_add(now, 1) + 1 > 10)
        return CCP_FAILED;
    (void)ccp_sleep(ccp_within(CCP_US(1)));
    atomic_fetch_sub(now, 1);
    return CCP_OK;
}

/* TestGoLimit */
TEST(of_a_thousand_tasks_at_most_ten_run_at_once) /* E1 */
{
    ccp_group *g = ccp_group_new(NULL, 10);
    atomic_int now = 0;
    for (int i = 0; i <= 1 << 10; i++)
        ASSERT_STATUS(ccp_group_go(g, count_in, &now, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    end_group(g);
}

typedef struct search {
    const char *kind;
    char result[40];
} search;

static ccp_status look_up(ccp_ctx *ctx, void *arg)
{
    search *s = arg;
    (void)ctx;
    snprintf(s->result, sizeof s->result, "%s result for \"golang\"", s->kind);
    return CCP_OK;
}

/* ExampleGroup_justErrors, ExampleGroup_parallel: results in the order of the tasks. */
TEST(results_stand_where_their_tasks_put_them) /* E2 */
{
    search s[] = { { .kind = "web" }, { .kind = "image" }, { .kind = "video" } };
    ccp_group *g = ccp_group_new(NULL, 0);
    for (size_t i = 0; i < LENGTH(s); i++)
        ASSERT_STATUS(ccp_group_go(g, look_up, &s[i], CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_OK);
    assert_string_equal(s[0].result, "web result for \"golang\"");
    assert_string_equal(s[1].result, "image result for \"golang\"");
    assert_string_equal(s[2].result, "video result for \"golang\"");
    end_group(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(a_group_of_nothing_is_done),
        ENTRY(the_context_of_a_group_is_below_its_parent),
        ENTRY(every_task_runs_once_and_is_seen_by_the_waiter),
        ENTRY(a_hundred_thousand_tasks_never_pass_the_limit_of_four),
        ENTRY(go_waits_while_the_limit_is_reached),
        ENTRY(without_a_limit_all_tasks_run_at_once),
        ENTRY(threads_are_used_again),
        ENTRY(the_first_failure_ends_the_others),
        ENTRY(a_group_that_keeps_going_keeps_every_failure_with_its_number),
        ENTRY(tasks_may_start_tasks_whatever_the_limit),
        ENTRY(a_task_runs_what_it_starts_when_the_limit_is_reached),
        ENTRY(the_last_task_releases_every_waiter),
        ENTRY(a_group_in_use_is_not_freed),
        ENTRY(whoever_has_waited_may_free),
        ENTRY(what_cannot_be_had_is_reported_and_leaves_nothing),
        ENTRY(wait_tells_of_the_first_error_from_then_on),
        ENTRY(a_failure_ends_the_context_and_is_its_cause),
        ENTRY(go_without_waiting_fills_the_limit_and_not_more),
        ENTRY(of_a_thousand_tasks_at_most_ten_run_at_once),
        ENTRY(results_stand_where_their_tasks_put_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
