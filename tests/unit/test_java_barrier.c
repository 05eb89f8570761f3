/* SPDX-License-Identifier: MIT
 *
 * What the tests of java.util.concurrent's CyclicBarrier check, written anew; ports.md says which
 * is which.  An interrupt is a context that is canceled; a barrier of Java is a fragile one.
 */
#include "support.h"

#define LONG ccp_within(CCP_SEC(1000))

static void wait_once(actor *a)
{
    actor_calls(a);
    a->rc = ccp_barrier_wait(a->arg, NULL, a->w);
}

static void start(actor *a, ccp_barrier *b, ccp_wait w)
{
    *a = (actor){ .arg = b, .w = w };
    actor_start(a, wait_once);
}

static void ends_with(actor *a, ccp_status expected)
{
    actor_join(a);
    ASSERT_STATUS(a->rc, expected);
}

static ccp_barrier_info look(const ccp_barrier *b)
{
    ccp_barrier_info info;
    MUST(ccp_barrier_get_info(b, &info) == CCP_OK);
    return info;
}

static void assert_fresh(const ccp_barrier *b)
{
    assert_false(look(b).broken);
    assert_int_equal(look(b).arrived, 0);
}

TEST(parties_are_as_given)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(2), absurd = CCP_BARRIER_INIT_FRAGILE(-1);
    assert_int_equal(look(&b).parties, 2);
    assert_int_equal(look(&b).arrived, 0);
    ASSERT_STATUS(ccp_barrier_wait(&absurd, NULL, CCP_FOREVER), CCP_INVAL);
}

TEST(a_single_party_passes)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(1);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_FOREVER), CCP_OK);
    assert_int_equal(look(&b).arrived, 0);
}

TEST(the_leader_acts_once_each_time)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(1);
    int acts = 0;
    for (int i = 0; i < 2; i++) {
        ccp_barrier_pass pass;
        ASSERT_STATUS(ccp_barrier_wait(&b, &pass, CCP_FOREVER), CCP_OK);
        acts += pass.leader;
    }
    assert_int_equal(acts, 2);
}

static void wait_four_times(actor *a)
{
    for (int i = 0; i < 4; i++)
        MUST(ccp_barrier_wait(a->arg, NULL, CCP_FOREVER) == CCP_OK);
}

TEST(two_parties_pass_four_times)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(2);
    actor a = { .arg = &b };
    actor_start(&a, wait_four_times);
    for (int i = 0; i < 4; i++)
        ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_FOREVER), CCP_OK);
    actor_join(&a);
}

static void interrupt_one_of_two(ccp_wait w)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a, other;
    start(&a, &b, ccp_under(ctx, w));
    start(&other, &b, w);
    WAIT_UNTIL(look(&b).arrived == 2);
    ccp_ctx_cancel(ctx);
    ends_with(&a, CCP_CANCELED);
    ends_with(&other, CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(an_interrupt_breaks_it_for_who_waits)
{
    interrupt_one_of_two(CCP_FOREVER);
}

TEST(an_interrupt_breaks_it_for_who_waits_with_a_limit)
{
    interrupt_one_of_two(LONG);
}

TEST(a_wait_times_out_not_too_early)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(2);
    int64_t begin = ccp_now();
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(5))), CCP_TIMEOUT);
    assert_true(ccp_now() - begin >= CCP_MS(5));
}

static void time_out_beside(ccp_wait w)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    actor a;
    start(&a, &b, w);
    WAIT_UNTIL(look(&b).arrived == 1);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(5))), CCP_TIMEOUT);
    ends_with(&a, CCP_CLOSED);
}

TEST(a_timeout_breaks_it_for_who_waits_with_a_limit)
{
    time_out_beside(LONG);
}

TEST(a_timeout_breaks_it_for_who_waits)
{
    time_out_beside(CCP_FOREVER);
}

TEST(a_reset_breaks_it_for_who_waits)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    actor a, other;
    start(&a, &b, CCP_FOREVER);
    start(&other, &b, CCP_FOREVER);
    WAIT_UNTIL(look(&b).arrived == 2);
    ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
    ends_with(&a, CCP_CLOSED);
    ends_with(&other, CCP_CLOSED);
}

static void all_three_pass(ccp_barrier *b)
{
    actor a, other;
    start(&a, b, CCP_FOREVER);
    start(&other, b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(b, NULL, CCP_FOREVER), CCP_OK);
    ends_with(&a, CCP_OK);
    ends_with(&other, CCP_OK);
}

TEST(a_reset_before_anybody_came_breaks_nothing)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
    all_three_pass(&b);
}

typedef struct leak {
    ccp_barrier b;
    _Atomic(ccp_ctx *) ctx;
    atomic_bool done;
    atomic_int waits;
} leak;

static void reset_and_wait_until_done(actor *a)
{
    leak *l = a->arg;
    while (!atomic_load(&l->done)) {
        while (look(&l->b).broken)
            MUST(ccp_barrier_reset(&l->b) == CCP_OK);
        atomic_fetch_add(&l->waits, 1);
        ccp_status rc = ccp_barrier_wait(&l->b, NULL, ccp_with(atomic_load(&l->ctx)));
        MUST(rc == CCP_CANCELED);
    }
}

TEST(nobody_passes_a_barrier_that_is_broken_and_reset_again_and_again)
{
    leak l = { .b = CCP_BARRIER_INIT_FRAGILE(2) };
    ccp_ctx *ctx[5];
    for (size_t i = 0; i < LENGTH(ctx); i++)
        ctx[i] = ccp_ctx_new(NULL, CCP_FOREVER);
    atomic_store(&l.ctx, ctx[0]);
    actor a = { .arg = &l };
    actor_start(&a, reset_and_wait_until_done);
    for (size_t i = 1; i < LENGTH(ctx); i++) {
        WAIT_UNTIL(atomic_load(&l.waits) == (int)i && look(&l.b).arrived == 1);
        atomic_store(&l.done, i + 1 == LENGTH(ctx));
        atomic_store(&l.ctx, ctx[i]);
        ccp_ctx_cancel(ctx[i - 1]);
    }
    actor_join(&a);
    assert_int_equal(l.waits, LENGTH(ctx) - 1);
    for (size_t i = 0; i < LENGTH(ctx); i++)
        ASSERT_STATUS(ccp_ctx_free(ctx[i]), CCP_OK);
}

TEST(a_reset_between_rounds_breaks_nothing)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    for (int i = 0; i < 3; i++) {
        all_three_pass(&b);
        assert_fresh(&b);
        if (i == 1)
            ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
        assert_fresh(&b);
    }
}

static void assert_broken_then_reset(ccp_barrier *b)
{
    assert_true(look(b).broken);
    assert_int_equal(look(b).arrived, 0);
    ASSERT_STATUS(ccp_barrier_reset(b), CCP_OK);
    assert_fresh(b);
}

TEST(a_reset_after_an_interrupt_makes_it_new)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    for (int i = 0; i < 2; i++) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        actor a, other;
        start(&a, &b, ccp_with(ctx));
        start(&other, &b, CCP_FOREVER);
        ccp_ctx_cancel(ctx); /* perhaps before one of them has come */
        ends_with(&a, CCP_CANCELED);
        ends_with(&other, CCP_CLOSED);
        assert_broken_then_reset(&b);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    all_three_pass(&b);
}

TEST(a_reset_after_a_timeout_makes_it_new)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    for (int i = 0; i < 2; i++) {
        actor a;
        start(&a, &b, CCP_FOREVER);
        WAIT_UNTIL(look(&b).arrived == 1);
        ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(5))), CCP_TIMEOUT);
        ends_with(&a, CCP_CLOSED);
        assert_broken_then_reset(&b);
    }
    all_three_pass(&b);
}

/* The leader does what Java's barrier action does; the others wait until it has. */
static void act_together(actor *a)
{
    ccp_barrier *b = a->arg;
    ccp_barrier_pass pass;
    a->rc = ccp_barrier_wait(b, &pass, CCP_FOREVER);
    if (a->rc != CCP_OK)
        return;
    a->value = pass.leader;
    if (pass.leader)
        MUST(ccp_barrier_break(b) == CCP_OK); /* its command has failed */
    else
        a->rc = ccp_barrier_wait(b, NULL, CCP_FOREVER);
}

TEST(a_reset_after_a_command_failed_makes_it_new)
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    for (int i = 0; i < 2; i++) {
        actor a[3];
        long leaders = 0;
        for (size_t k = 0; k < LENGTH(a); k++) {
            a[k] = (actor){ .arg = &b };
            actor_start(&a[k], act_together);
        }
        for (size_t k = 0; k < LENGTH(a); k++) {
            actor_join(&a[k]);
            leaders += a[k].value;
            ASSERT_STATUS(a[k].rc, a[k].value ? CCP_OK : CCP_CLOSED);
        }
        assert_int_equal(leaders, 1);
        assert_broken_then_reset(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(parties_are_as_given),
        ENTRY(a_single_party_passes),
        ENTRY(the_leader_acts_once_each_time),
        ENTRY(two_parties_pass_four_times),
        ENTRY(an_interrupt_breaks_it_for_who_waits),
        ENTRY(an_interrupt_breaks_it_for_who_waits_with_a_limit),
        ENTRY(a_wait_times_out_not_too_early),
        ENTRY(a_timeout_breaks_it_for_who_waits_with_a_limit),
        ENTRY(a_timeout_breaks_it_for_who_waits),
        ENTRY(a_reset_breaks_it_for_who_waits),
        ENTRY(a_reset_before_anybody_came_breaks_nothing),
        ENTRY(nobody_passes_a_barrier_that_is_broken_and_reset_again_and_again),
        ENTRY(a_reset_between_rounds_breaks_nothing),
        ENTRY(a_reset_after_an_interrupt_makes_it_new),
        ENTRY(a_reset_after_a_timeout_makes_it_new),
        ENTRY(a_reset_after_a_command_failed_makes_it_new),
    };
    return cmocka_run_group_tests_name("CyclicBarrier", tests, NULL, NULL);
}
