/* SPDX-License-Identifier: MIT
 *
 * Hooks of contexts.
 */
#include "support.h"

static void count_run(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

TEST(a_hook_runs_once_when_its_context_is_canceled) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    assert_int_equal(runs, 0);
    ccp_ctx_cancel(ctx);
    assert_int_equal(runs, 1);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_CANCELED);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_hook_runs_when_an_ancestor_is_canceled)
{
    atomic_int runs = 0;
    ccp_hook h[3] = { 0 };
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(child, CCP_FOREVER);
    ccp_ctx *all[] = { leaf, child, root };
    for (size_t i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_ctx_hook(all[i], &h[i], count_run, &runs), CCP_OK);
    ccp_ctx_cancel(child);
    assert_int_equal(runs, 2);
    ccp_ctx_cancel(root);
    assert_int_equal(runs, 3);
    for (size_t i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_ctx_unhook(&h[i], CCP_NOWAIT), CCP_CLOSED);
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
    }
}

TEST(a_hook_on_an_ended_context_runs_at_once)
{
    ccp_ctx *canceled = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(canceled);
    ccp_ctx *expired = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_ctx *late = ccp_ctx_new(NULL, ccp_within(1)); /* over, and nobody has looked */
    wait_past(ccp_ctx_deadline(late));
    ccp_ctx *all[] = { canceled, expired, late };
    for (size_t i = 0; i < 3; i++) {
        atomic_int runs = 0;
        ccp_hook h = { 0 };
        ASSERT_STATUS(ccp_ctx_hook(all[i], &h, count_run, &runs), CCP_OK);
        assert_int_equal(runs, 1);
        ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
    }
}

TEST(an_unhooked_function_never_runs) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 }, stays = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &stays, count_run, &runs), CCP_OK);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_OK);
    ccp_ctx_cancel(ctx);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&stays, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_hook_may_be_used_again_after_it_was_taken_back)
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    for (int i = 0; i < 5; i++) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
        ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
        ccp_ctx_cancel(ctx);
        ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_int_equal(runs, 5);
}

TEST(any_hook_of_a_context_may_be_taken_back)
{
    enum { N = 5 };
    for (int gone = 0; gone < N; gone++) {
        atomic_int runs[N] = { 0 };
        ccp_hook h[N] = { 0 };
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        for (int i = 0; i < N; i++)
            ASSERT_STATUS(ccp_ctx_hook(ctx, &h[i], count_run, &runs[i]), CCP_OK);
        ASSERT_STATUS(ccp_ctx_unhook(&h[gone], CCP_NOWAIT), CCP_OK);
        ccp_ctx_cancel(ctx);
        for (int i = 0; i < N; i++) {
            assert_int_equal(runs[i], i != gone);
            if (i != gone)
                ASSERT_STATUS(ccp_ctx_unhook(&h[i], CCP_NOWAIT), CCP_CLOSED);
        }
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
}

/* A context that ends soon, and a hook that was set before it did. */
static ccp_ctx *hooked_in_time(ccp_hook *h, atomic_int *runs)
{
    for (int64_t ns = CCP_MS(1);; ns *= 2) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(ns));
        ASSERT_STATUS(ccp_ctx_hook(ctx, h, count_run, runs), CCP_OK);
        if (*runs == 0)
            return ctx;
        assert_true(ccp_now() > ccp_ctx_deadline(ctx)); /* too slow: once more */
        ASSERT_STATUS(ccp_ctx_unhook(h, CCP_NOWAIT), CCP_CLOSED);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
        *runs = 0;
    }
}

TEST(a_passed_deadline_runs_the_hook_in_the_thread_that_looks) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = hooked_in_time(&h, &runs);
    WAIT_UNTIL(ccp_now() > ccp_ctx_deadline(ctx));
    assert_int_equal(runs, 0); /* no thread watches */
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_TIMEOUT);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_TIMEOUT);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_look_below_notices_the_deadline_above) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *root = ccp_ctx_new(NULL, ccp_within(CCP_MS(2)));
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(child, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(root, &h, count_run, &runs), CCP_OK);
    WAIT_UNTIL(ccp_now() > ccp_ctx_deadline(root));
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_TIMEOUT);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ccp_ctx *all[] = { leaf, child, root };
    for (size_t i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

TEST(a_wait_that_reaches_the_deadline_runs_the_hook) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(2)));
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    ASSERT_STATUS(ccp_sleep(ccp_with(ctx)), CCP_TIMEOUT);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static pthread_t runner;

static void note_runner(void *arg)
{
    runner = pthread_self();
    count_run(arg);
}

static void cancel_ctx(actor *a)
{
    ccp_ctx_cancel(a->arg);
}

TEST(a_hook_runs_in_the_thread_that_cancels) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, note_runner, &runs), CCP_OK);
    actor a = { .arg = ctx };
    actor_start(&a, cancel_ctx);
    WAIT_UNTIL(atomic_load(&runs) == 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    assert_true(pthread_equal(runner, a.id));
    actor_join(&a);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(arguments_that_can_never_be_right_are_refused) /* G2 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(NULL, &h, count_run, &runs), CCP_INVAL);
    ASSERT_STATUS(ccp_ctx_hook(ctx, NULL, count_run, &runs), CCP_INVAL);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, NULL, &runs), CCP_INVAL);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_MISUSE);
    ASSERT_STATUS(ccp_ctx_unhook(NULL, CCP_FOREVER), CCP_MISUSE);
    ccp_ctx_cancel(ctx);
    assert_int_equal(runs, 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_hook_that_is_set_cannot_be_set_again)
{
    atomic_int runs = 0, others = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *other = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &others), CCP_BUSY);
    ASSERT_STATUS(ccp_ctx_hook(other, &h, count_run, &others), CCP_BUSY);
    ccp_ctx_cancel(other);
    ccp_ctx_cancel(ctx);
    assert_int_equal(runs, 1);
    assert_int_equal(others, 0);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(other), CCP_OK);
}

TEST(a_context_with_a_hook_cannot_be_freed)
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_BUSY);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    assert_int_equal(runs, 0);
}

/* --- from inside --- */

typedef struct inside {
    ccp_hook h, other;
    ccp_ctx *ctx;
    ccp_chan *ch;
    ccp_status rc, other_rc;
    atomic_int runs, other_runs;
} inside;

static void unhook_itself(void *arg)
{
    inside *in = arg;
    in->rc = ccp_ctx_unhook(&in->h, CCP_FOREVER);
    atomic_fetch_add(&in->runs, 1);
}

TEST(a_hook_may_take_itself_back_and_does_not_wait_for_itself) /* X5 */
{
    inside in = { .rc = CCP_FAILED };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &in.h, unhook_itself, &in), CCP_OK);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(in.rc, CCP_CLOSED);
    assert_int_equal(in.runs, 1);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void free_own_memory(void *arg)
{
    inside *in = arg;
    MUST(ccp_ctx_unhook(&in->h, CCP_FOREVER) == CCP_CLOSED);
    memset(in, 0xee, sizeof *in);
    free(in);
}

TEST(a_hook_that_took_itself_back_may_free_its_memory)
{
    inside *in = calloc(1, sizeof *in);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &in->h, free_own_memory, in), CCP_OK);
    ccp_ctx_cancel(ctx); /* ASan watches that nobody touches it afterwards */
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void unhook_the_other(void *arg)
{
    inside *in = arg;
    in->other_rc = ccp_ctx_unhook(&in->other, CCP_FOREVER);
    atomic_fetch_add(&in->runs, 1);
}

TEST(a_hook_may_take_another_one_back)
{
    inside in = { .other_rc = CCP_FAILED };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &in.h, unhook_the_other, &in), CCP_OK);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &in.other, count_run, &in.other_runs), CCP_OK);
    ccp_ctx_cancel(ctx);
    assert_int_equal(in.runs, 1);
    /* Either it had run, or it never will: the order of hooks is not promised. */
    if (in.other_rc == CCP_OK)
        assert_int_equal(in.other_runs, 0);
    else {
        ASSERT_STATUS(in.other_rc, CCP_CLOSED);
        assert_int_equal(in.other_runs, 1);
    }
    ASSERT_STATUS(ccp_ctx_unhook(&in.h, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void call_everything(void *arg)
{
    inside *in = arg;
    long v = 7;
    MUST(ccp_ctx_status(in->ctx) != CCP_OK);
    ccp_ctx_cancel(in->ctx);
    (void)ccp_ctx_cause(in->ctx);
    (void)ccp_ctx_value(in->ctx, in);
    ccp_ctx *child = ccp_ctx_new(in->ctx, CCP_FOREVER);
    MUST(child && ccp_ctx_status(child) != CCP_OK);
    MUST(ccp_ctx_free(child) == CCP_OK);
    ccp_hook h = { 0 };
    MUST(ccp_ctx_hook(in->ctx, &h, count_run, &in->other_runs) == CCP_OK);
    MUST(ccp_ctx_unhook(&h, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_chan_send(in->ch, &v, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_recv(in->ch, &v, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_send(in->ch, &v, ccp_with(in->ctx)) != CCP_OK);
    MUST(ccp_sleep(ccp_within(CCP_US(10))) == CCP_OK);
    MUST(ccp_chan_close(in->ch) == CCP_OK);
    atomic_fetch_add(&in->runs, 1);
}

static void run_call_everything(ccp_ctx *root, ccp_ctx *ctx, void (*end)(ccp_ctx *))
{
    inside in = { .ctx = ctx, .ch = ccp_chan_new(sizeof(long), 1) };
    ASSERT_STATUS(ccp_ctx_hook(ctx, &in.h, call_everything, &in), CCP_OK);
    end(root);
    assert_int_equal(in.runs, 1);
    assert_int_equal(in.other_runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&in.h, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(in.ch), CCP_OK);
}

static void see_it_end(ccp_ctx *ctx)
{
    WAIT_UNTIL(ccp_ctx_status(ctx) != CCP_OK);
}

TEST(a_hook_may_call_anything) /* X5 G3 */
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(root, CCP_FOREVER);
    run_call_everything(root, leaf, ccp_ctx_cancel);
    ccp_ctx *brief = ccp_ctx_new(NULL, ccp_within(CCP_MS(1)));
    run_call_everything(brief, brief, see_it_end);
    ccp_ctx *all[] = { leaf, root, brief };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

/* --- while it runs elsewhere --- */

static gate slow_gate = GATE_INIT;

static void run_slowly(void *arg)
{
    gate_pass(&slow_gate);
    count_run(arg);
}

static void unhook_and_count(actor *a)
{
    actor_calls(a);
    a->rc = ccp_ctx_unhook(a->arg, CCP_FOREVER);
}

TEST(unhook_waits_for_a_function_that_runs_in_another_thread) /* X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    gate_shut(&slow_gate);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, run_slowly, &runs), CCP_OK);
    actor canceler = { .arg = ctx }, waiter = { .arg = &h };
    actor_start(&canceler, cancel_ctx);
    WAIT_UNTIL(atomic_load(&slow_gate.arrived) == 1);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_BUSY);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_ctx_unhook(&h, ccp_within(CCP_MS(2))), CCP_TIMEOUT);
    actor_start(&waiter, unhook_and_count);
    actor_sleep_here(&waiter);
    assert_false(actor_is_done(&waiter));
    gate_open(&slow_gate);
    actor_join(&waiter);
    ASSERT_STATUS(waiter.rc, CCP_CLOSED);
    assert_int_equal(runs, 1); /* it had ended when unhook returned */
    actor_join(&canceler);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(an_unhook_that_has_given_up_is_not_told)
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    gate_shut(&slow_gate);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, run_slowly, &runs), CCP_OK);
    actor canceler = { .arg = ctx };
    actor_start(&canceler, cancel_ctx);
    WAIT_UNTIL(atomic_load(&slow_gate.arrived) == 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, ccp_within(1)), CCP_TIMEOUT);
    assert_null(h.waiter_); /* it was on the stack of the call */
    gate_open(&slow_gate);
    actor_join(&canceler);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* An allocator that keeps what is freed: it reads as CCP_FORKED throughout. */
static void *kept;
static size_t size_of_last;

static void *alloc_plainly(size_t size, void *arg)
{
    (void)arg;
    size_of_last = size;
    return malloc(size);
}

static void keep(void *p, void *arg)
{
    (void)arg;
    uint32_t *word = p;
    for (size_t i = 0; i < size_of_last / sizeof *word; i++)
        word[i] = (uint32_t)CCP_FORKED;
    kept = p;
}

TEST(a_hook_that_has_run_outlives_its_context)
{
    const ccp_allocator a = { alloc_plainly, keep, NULL };
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    assert_ptr_equal(kept, ctx);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(runs, 1);
    free(kept);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

TEST(a_running_hook_holds_up_neither_waiters_nor_status) /* X1 X5 */
{
    atomic_int runs = 0;
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    gate_shut(&slow_gate);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, run_slowly, &runs), CCP_OK);
    actor canceler = { .arg = ctx }, receiver = { .ch = ch, .w = ccp_with(ctx) };
    actor_start(&receiver, actor_recv_long);
    WAIT_UNTIL(waiting_receivers(ch) == 1);
    actor_start(&canceler, cancel_ctx);
    WAIT_UNTIL(atomic_load(&slow_gate.arrived) == 1);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_CANCELED);
    actor_join(&receiver);
    ASSERT_STATUS(receiver.rc, CCP_CANCELED);
    gate_open(&slow_gate);
    actor_join(&canceler);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* Cancel and unhook at the same moment: the function ran before unhook returned, or never runs. */
TEST(unhook_against_cancel) /* X5 */
{
    size_t ran = 0, rounds = scaled(3000);
    for (size_t round = 0; round < rounds; round++) {
        atomic_int runs = 0;
        ccp_hook h = { 0 };
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
        actor a = { .arg = ctx };
        actor_start(&a, cancel_ctx);
        if (round % 2)
            WAIT_UNTIL(atomic_load(&a.tid) != 0);
        ccp_status rc = ccp_ctx_unhook(&h, CCP_FOREVER);
        int seen = atomic_load(&runs);
        assert_int_equal(seen, rc == CCP_CLOSED);
        assert_true(rc == CCP_CLOSED || rc == CCP_OK);
        actor_join(&a);
        assert_int_equal(atomic_load(&runs), seen);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
        ran += (size_t)seen;
    }
    print_message("unhook_against_cancel: the function ran in %zu of %zu\n", ran, rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_hook_runs_once_when_its_context_is_canceled),
        ENTRY(a_hook_runs_when_an_ancestor_is_canceled),
        ENTRY(a_hook_on_an_ended_context_runs_at_once),
        ENTRY(an_unhooked_function_never_runs),
        ENTRY(a_hook_may_be_used_again_after_it_was_taken_back),
        ENTRY(any_hook_of_a_context_may_be_taken_back),
        ENTRY(a_passed_deadline_runs_the_hook_in_the_thread_that_looks),
        ENTRY(a_look_below_notices_the_deadline_above),
        ENTRY(a_wait_that_reaches_the_deadline_runs_the_hook),
        ENTRY(a_hook_runs_in_the_thread_that_cancels),
        ENTRY(arguments_that_can_never_be_right_are_refused),
        ENTRY(a_hook_that_is_set_cannot_be_set_again),
        ENTRY(a_context_with_a_hook_cannot_be_freed),
        ENTRY(a_hook_may_take_itself_back_and_does_not_wait_for_itself),
        ENTRY(a_hook_that_took_itself_back_may_free_its_memory),
        ENTRY(a_hook_may_take_another_one_back),
        ENTRY(a_hook_may_call_anything),
        ENTRY(unhook_waits_for_a_function_that_runs_in_another_thread),
        ENTRY(an_unhook_that_has_given_up_is_not_told),
        ENTRY(a_hook_that_has_run_outlives_its_context),
        ENTRY(a_running_hook_holds_up_neither_waiters_nor_status),
        ENTRY(unhook_against_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
