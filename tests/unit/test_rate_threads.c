/* SPDX-License-Identifier: MIT
 *
 * Rate limiters used by several threads, by the real clock.
 */
#include "support.h"

enum { THREADS = 4 };

typedef struct crowd {
    ccp_rate *r;
    gate start;
    size_t rounds;
    uint64_t most; /* tokens that one call asks for */
    atomic_size_t given;
    atomic_bool stop;
} crowd;

static void take_many(actor *a)
{
    crowd *c = a->arg;
    uint64_t seed = a->index;
    gate_pass(&c->start);
    for (size_t i = 0; i < c->rounds; i++) {
        uint64_t n = 1 + random_next(&seed) % c->most;
        ccp_status rc = ccp_rate_take(c->r, n, CCP_NOWAIT);
        MUST(rc == CCP_OK || rc == CCP_AGAIN);
        if (rc == CCP_OK)
            atomic_fetch_add(&c->given, n);
    }
}

/* Runs fn in each of n threads; gives how long it took from before the first to after the last. */
static int64_t run_crowd(crowd *c, void (*fn)(actor *), size_t n)
{
    actor a[16];
    assert_true(n <= LENGTH(a));
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = c, .index = i };
        actor_start(&a[i], fn);
    }
    WAIT_UNTIL(atomic_load(&c->start.arrived) == (int)n);
    int64_t begin = ccp_now();
    gate_open(&c->start);
    for (size_t i = 0; i < n; i++)
        actor_join(&a[i]);
    return ccp_now() - begin;
}

TEST(of_threads_at_the_same_time_as_many_pass_as_the_burst) /* R1 */
{
    ccp_rate r = CCP_RATE_INIT(1e-3, 5);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = 1, .most = 1 };
    run_crowd(&c, take_many, 15);
    assert_int_equal(atomic_load(&c.given), 5);
}

TEST(threads_together_get_no_more_than_the_rate_and_no_less) /* R1 R2 */
{
    const double rates[] = { 1e5, 1e7, 3e8 };
    for (size_t i = 0; i < LENGTH(rates); i++) {
        ccp_rate r = CCP_RATE_INIT(rates[i], 100);
        crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(100000), .most = 3 };
        int64_t took = run_crowd(&c, take_many, THREADS);
        double ideal = 100 + rates[i] * (double)(took + 2) / 1e9;
        assert_true((double)atomic_load(&c.given) <= ideal);
        assert_true(atomic_load(&c.given) >= 100);
    }
}

static void change_rate(actor *a)
{
    crowd *c = a->arg;
    gate_pass(&c->start);
    for (uint64_t i = 0; !atomic_load(&c->stop); i++)
        MUST(ccp_rate_set(c->r, i % 2 ? 1e6 : 1e3, 10 + i % 7) == CCP_OK);
}

static void reserve_and_cancel(actor *a)
{
    crowd *c = a->arg;
    uint64_t seed = a->index;
    gate_pass(&c->start);
    for (size_t i = 0; i < c->rounds; i++) {
        ccp_reservation res;
        uint64_t n = 1 + random_next(&seed) % c->most;
        MUST(ccp_rate_reserve(c->r, n, &res) == CCP_OK);
        if (random_next(&seed) % 8 && res.at > ccp_now() + CCP_SEC(1))
            MUST(ccp_rate_cancel(&res) == CCP_OK);
        else
            atomic_fetch_add(&c->given, n);
        double tokens = ccp_rate_tokens(c->r);
        MUST(tokens <= 16 && tokens == tokens);
    }
}

/* Of whatever was asked for and not given back, there is nothing that was not counted. */
TEST(reservations_and_their_ends_leave_what_is_owed) /* R1 R2 R6 */
{
    ccp_rate r = CCP_RATE_INIT(1, 10);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(20000), .most = 3 };
    int64_t took = run_crowd(&c, reserve_and_cancel, THREADS);
    double left = ccp_rate_tokens(&r), given = (double)atomic_load(&c.given);
    assert_true(left <= 10 - given + (double)(took + CCP_SEC(1)) / 1e9);
}

TEST(the_rate_can_be_changed_while_others_take) /* R1 R6 */
{
    ccp_rate r = CCP_RATE_INIT(1e3, 10);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(50000), .most = 3 };
    crowd changer = { .r = &r, .start = GATE_INIT };
    actor a = { .arg = &changer };
    actor_start(&a, change_rate);
    gate_open(&changer.start);
    int64_t took = run_crowd(&c, take_many, 2);
    atomic_store(&changer.stop, true);
    actor_join(&a);
    assert_true((double)atomic_load(&c.given) <= 16 + 1e6 * (double)(took + 2) / 1e9);
    assert_true(atomic_load(&c.given) >= 10);
}

/* What another thread asked for while this one sleeps is later. */
static void take_one_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_rate_take(a->arg, 1, a->w);
}

TEST(who_sleeps_for_tokens_is_woken_by_its_context) /* R4 */
{
    ccp_rate r = CCP_RATE_INIT(1e-3, 1);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_NOWAIT), CCP_OK);
    actor a = { .arg = &r, .w = ccp_with(ctx) };
    actor_start(&a, take_one_there);
    actor_sleep_here(&a);
    assert_true(ccp_rate_tokens(&r) < 0);
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    assert_true(ccp_rate_tokens(&r) >= 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(of_threads_at_the_same_time_as_many_pass_as_the_burst),
        ENTRY(threads_together_get_no_more_than_the_rate_and_no_less),
        ENTRY(reservations_and_their_ends_leave_what_is_owed),
        ENTRY(the_rate_can_be_changed_while_others_take),
        ENTRY(who_sleeps_for_tokens_is_woken_by_its_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
