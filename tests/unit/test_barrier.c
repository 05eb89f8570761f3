/* SPDX-License-Identifier: MIT
 *
 * Barriers.
 */
#include "support.h"

enum { PARTIES = 4 };

static void wait_at_barrier(actor *a)
{
    ccp_barrier_pass pass = { 777, true };
    actor_calls(a);
    a->rc = ccp_barrier_wait(a->arg, &pass, a->w);
    a->index = (size_t)pass.generation;
    a->value = pass.leader;
    if (a->rc != CCP_OK) /* G1 */
        MUST(pass.generation == 777 && pass.leader);
}

static void start_waiters(actor *a, size_t n, ccp_barrier *b, ccp_wait w)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = b, .w = w };
        actor_start(&a[i], wait_at_barrier);
        actor_sleep_here(&a[i]);
    }
}

static void join_all(actor *a, size_t n, ccp_status expected)
{
    for (size_t i = 0; i < n; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, expected);
    }
}

static ccp_barrier_info barrier_info(const ccp_barrier *b)
{
    ccp_barrier_info info;
    MUST(ccp_barrier_get_info(b, &info) == CCP_OK);
    return info;
}

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_barrier b = CCP_BARRIER_INIT(1);
    ccp_barrier_info info;
    ASSERT_STATUS(ccp_barrier_wait(NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_break(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_reset(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_get_info(&b, NULL), CCP_INVAL);
}

TEST(a_barrier_needs_parties_and_not_too_many) /* G2 */
{
    ccp_barrier none = CCP_BARRIER_INIT(0), zero, most = CCP_BARRIER_INIT(16383);
    ccp_barrier many = CCP_BARRIER_INIT(16384), absurd = CCP_BARRIER_INIT(-1);
    memset(&zero, 0, sizeof zero);
    ASSERT_STATUS(ccp_barrier_wait(&none, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_wait(&zero, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_wait(&many, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_wait(&absurd, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_barrier_wait(&most, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(barrier_info(&most).parties, 16383);
}

TEST(a_barrier_of_one_is_always_open) /* B1 B3 B4 */
{
    ccp_barrier b = CCP_BARRIER_INIT(1);
    for (uint64_t i = 0; i < 3; i++) {
        ccp_barrier_pass pass;
        ASSERT_STATUS(ccp_barrier_wait(&b, &pass, i == 1 ? CCP_NOWAIT : CCP_FOREVER), CCP_OK);
        assert_int_equal(pass.generation, i);
        assert_true(pass.leader);
    }
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(0)), CCP_OK);
    assert_int_equal(barrier_info(&b).generation, 4);
}

TEST(the_last_one_opens_it_for_all_and_leads) /* B1 B3 B4 */
{
    ccp_barrier b = CCP_BARRIER_INIT(PARTIES);
    for (uint64_t round = 0; round < 3; round++) {
        actor a[PARTIES - 1];
        ccp_barrier_pass pass;
        start_waiters(a, LENGTH(a), &b, CCP_FOREVER);
        assert_int_equal(barrier_info(&b).arrived, PARTIES - 1);
        assert_int_equal(barrier_info(&b).generation, round);
        ASSERT_STATUS(ccp_barrier_wait(&b, &pass, CCP_NOWAIT), CCP_OK);
        assert_true(pass.leader);
        assert_int_equal(pass.generation, round);
        join_all(a, LENGTH(a), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            assert_false(a[i].value);
            assert_int_equal(a[i].index, round);
        }
        assert_int_equal(barrier_info(&b).arrived, 0);
    }
}

/* --- leaving --- */

TEST(who_gives_up_takes_its_arrival_back) /* B5 W4 */
{
    ccp_barrier b = CCP_BARRIER_INIT(3);
    actor a[2];
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(barrier_info(&b).arrived, 0);
    start_waiters(a, 1, &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(barrier_info(&b).arrived, 1);
    assert_false(actor_is_done(&a[0]));
    start_waiters(&a[1], 1, &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(1))), CCP_OK);
    join_all(a, 2, CCP_OK);
}

TEST(a_canceled_waiter_leaves_the_others_waiting) /* B5 X1 */
{
    ccp_barrier b = CCP_BARRIER_INIT(3);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a[2];
    start_waiters(&a[0], 1, &b, ccp_with(ctx));
    start_waiters(&a[1], 1, &b, CCP_FOREVER);
    ccp_ctx_cancel(ctx);
    join_all(&a[0], 1, CCP_CANCELED);
    assert_int_equal(barrier_info(&b).arrived, 1);
    assert_false(barrier_info(&b).broken);
    start_waiters(&a[0], 1, &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_FOREVER), CCP_OK);
    join_all(a, 2, CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* --- breaking --- */

TEST(a_fragile_barrier_breaks_when_a_waiter_times_out) /* B6 B7 */
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    actor a;
    start_waiters(&a, 1, &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_NOWAIT), CCP_AGAIN); /* that is no giving up */
    assert_false(barrier_info(&b).broken);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_true(barrier_info(&b).broken);
    join_all(&a, 1, CCP_CLOSED);
    assert_int_equal(barrier_info(&b).arrived, 0);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_NOWAIT), CCP_CLOSED);
}

TEST(a_fragile_barrier_breaks_when_a_waiter_is_canceled) /* B6 B7 */
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(3);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a[2];
    start_waiters(&a[0], 1, &b, ccp_with(ctx));
    start_waiters(&a[1], 1, &b, ccp_within(CCP_SEC(1000)));
    ccp_ctx_cancel(ctx);
    join_all(&a[0], 1, CCP_CANCELED);
    join_all(&a[1], 1, CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_fragile_barrier_breaks_when_one_comes_that_cannot_wait_any_more) /* B7 W2 */
{
    ccp_barrier b = CCP_BARRIER_INIT_FRAGILE(2);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_NOWAIT);
    actor a;
    start_waiters(&a, 1, &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, ccp_with(ctx)), CCP_TIMEOUT);
    join_all(&a, 1, CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(breaking_releases_all_and_refuses_all) /* B5 B6 */
{
    ccp_barrier b = CCP_BARRIER_INIT(PARTIES);
    actor a[PARTIES - 1];
    start_waiters(a, LENGTH(a), &b, CCP_FOREVER);
    ASSERT_STATUS(ccp_barrier_break(&b), CCP_OK);
    join_all(a, LENGTH(a), CCP_CLOSED);
    ASSERT_STATUS(ccp_barrier_break(&b), CCP_CLOSED);
    ASSERT_STATUS(ccp_barrier_wait(&b, NULL, CCP_FOREVER), CCP_CLOSED);
    assert_true(barrier_info(&b).broken);
    assert_int_equal(barrier_info(&b).arrived, 0);
    assert_int_equal(barrier_info(&b).generation, 0); /* B4 */
}

TEST(a_reset_releases_those_who_wait_and_begins_anew) /* B4 B6 */
{
    ccp_barrier b = CCP_BARRIER_INIT(2);
    ccp_barrier_pass pass;
    for (uint64_t round = 0; round < scaled(200); round++) {
        actor a;
        a = (actor){ .arg = &b, .w = CCP_FOREVER };
        actor_start(&a, wait_at_barrier);
        if (round % 2)
            actor_sleep_here(&a);
        else
            WAIT_UNTIL(barrier_info(&b).arrived == 1);
        ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
        assert_false(barrier_info(&b).broken);
        assert_int_equal(barrier_info(&b).arrived, 0);
        actor other = { .arg = &b, .w = CCP_FOREVER };
        actor_start(&other, wait_at_barrier);
        ASSERT_STATUS(ccp_barrier_wait(&b, &pass, CCP_FOREVER), CCP_OK);
        assert_int_equal(pass.generation, round);
        join_all(&other, 1, CCP_OK);
        join_all(&a, 1, CCP_CLOSED);
        assert_int_equal(other.index, round);
        assert_int_not_equal(other.value, pass.leader); /* B3 */
    }
    ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
    ASSERT_STATUS(ccp_barrier_reset(&b), CCP_OK);
}

/* --- many rounds --- */

typedef struct crew {
    ccp_barrier b;
    size_t rounds;
    long work[PARTIES]; /* plain: the race detector watches that the rounds are kept apart */
    atomic_long leaders;
} crew;

typedef struct member {
    crew *c;
    size_t id;
} member;

static void work_in_rounds(actor *a)
{
    const member *m = a->arg;
    crew *c = m->c;
    for (size_t i = 0; i < c->rounds; i++) {
        ccp_barrier_pass pass;
        c->work[m->id]++;
        MUST(ccp_barrier_wait(&c->b, &pass, CCP_FOREVER) == CCP_OK);
        MUST(pass.generation == 2 * i);
        if (pass.leader)
            atomic_fetch_add(&c->leaders, 1);
        for (size_t k = 0; k < PARTIES; k++)
            MUST(c->work[k] == (long)i + 1);
        MUST(ccp_barrier_wait(&c->b, &pass, CCP_FOREVER) == CCP_OK);
        MUST(pass.generation == 2 * i + 1);
    }
}

TEST(what_was_done_before_is_seen_by_all_after) /* B1 B2 B3 B4 */
{
    crew c = { .b = CCP_BARRIER_INIT(PARTIES), .rounds = scaled(2000) };
    actor a[PARTIES];
    member m[PARTIES];
    for (size_t i = 0; i < PARTIES; i++) {
        m[i] = (member){ &c, i };
        a[i] = (actor){ .arg = &m[i] };
        actor_start(&a[i], work_in_rounds);
    }
    join_all(a, PARTIES, CCP_OK);
    assert_int_equal(c.leaders, c.rounds);
    assert_int_equal(barrier_info(&c.b).generation, 2 * c.rounds);
}

/* More threads than parties: each generation takes as many as it needs. */
static void pass_a_hundred_times(actor *a)
{
    for (int i = 0; i < 100; i++) {
        ccp_barrier_pass pass;
        MUST(ccp_barrier_wait(a->arg, &pass, CCP_FOREVER) == CCP_OK);
        a->value += pass.leader;
    }
}

TEST(more_threads_than_parties_form_more_generations) /* B1 B3 */
{
    ccp_barrier b = CCP_BARRIER_INIT(2);
    actor a[PARTIES];
    long leaders = 0;
    for (size_t i = 0; i < PARTIES; i++) {
        a[i] = (actor){ .arg = &b };
        actor_start(&a[i], pass_a_hundred_times);
    }
    /* The last ones may be an odd number of calls apart: those that are left over wait for us. */
    size_t helped = 0;
    for (size_t i = 0; i < PARTIES; i++)
        WAIT_UNTIL(actor_is_done(&a[i]) ||
                   (barrier_info(&b).arrived == 1 &&
                    ccp_barrier_wait(&b, NULL, CCP_NOWAIT) == CCP_OK && ++helped && false));
    join_all(a, PARTIES, CCP_OK);
    for (size_t i = 0; i < PARTIES; i++)
        leaders += a[i].value;
    assert_int_equal((size_t)leaders + helped, barrier_info(&b).generation);
    assert_int_equal(2 * barrier_info(&b).generation, 100 * PARTIES + helped);
}

typedef struct shared_barrier {
    ccp_barrier b;
    atomic_int users;
} shared_barrier;

static void pass_and_free(actor *a)
{
    shared_barrier *s = a->arg;
    a->rc = ccp_barrier_wait(&s->b, NULL, CCP_FOREVER);
    if (atomic_fetch_sub(&s->users, 1) == 1) {
        memset(&s->b, 0xee, sizeof s->b);
        free(s); /* ASan and TSan watch */
    }
}

TEST(the_memory_may_go_when_all_have_returned) /* B8 */
{
    for (size_t round = 0; round < scaled(1000); round++) {
        shared_barrier *s = malloc(sizeof *s);
        *s = (shared_barrier){ .b = CCP_BARRIER_INIT(2), .users = 2 };
        actor a[2] = { { .arg = s }, { .arg = s } };
        actor_start(&a[0], pass_and_free);
        actor_start(&a[1], pass_and_free);
        join_all(a, 2, CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(a_barrier_needs_parties_and_not_too_many),
        ENTRY(a_barrier_of_one_is_always_open),
        ENTRY(the_last_one_opens_it_for_all_and_leads),
        ENTRY(who_gives_up_takes_its_arrival_back),
        ENTRY(a_canceled_waiter_leaves_the_others_waiting),
        ENTRY(a_fragile_barrier_breaks_when_a_waiter_times_out),
        ENTRY(a_fragile_barrier_breaks_when_a_waiter_is_canceled),
        ENTRY(a_fragile_barrier_breaks_when_one_comes_that_cannot_wait_any_more),
        ENTRY(breaking_releases_all_and_refuses_all),
        ENTRY(a_reset_releases_those_who_wait_and_begins_anew),
        ENTRY(what_was_done_before_is_seen_by_all_after),
        ENTRY(more_threads_than_parties_form_more_generations),
        ENTRY(the_memory_may_go_when_all_have_returned),
    };
    return cmocka_run_group_tests_name("barrier", tests, NULL, NULL);
}
