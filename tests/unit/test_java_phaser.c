/* SPDX-License-Identifier: MIT
 *
 * What the tests of java.util.concurrent's Phaser check, written anew; ports.md says which is
 * which.  An interrupt is a context that is canceled; a negative phase is CCP_CLOSED.
 */
#include "support.h"

static ccp_phaser_info look(const ccp_phaser *p)
{
    ccp_phaser_info info;
    MUST(ccp_phaser_get_info(p, &info) == CCP_OK);
    return info;
}

static void assert_state(const ccp_phaser *p, uint64_t phase, unsigned parties, unsigned unarrived)
{
    ccp_phaser_info info = look(p);
    assert_int_equal(info.phase, phase);
    assert_int_equal(info.parties, parties);
    assert_int_equal(info.parties - info.arrived, unarrived);
    assert_false(info.closed);
}

static void assert_closed(ccp_phaser *p, uint64_t phase, unsigned parties)
{
    assert_true(look(p).closed);
    assert_int_equal(look(p).phase, phase);
    assert_int_equal(look(p).parties, parties);
    ASSERT_STATUS(ccp_phaser_register(p, 1, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_deregister(p, NULL), CCP_CLOSED);
}

/* Each gives the phase that Java's method would. */
static uint64_t reg(ccp_phaser *p, unsigned n)
{
    uint64_t phase = UINT64_MAX;
    ASSERT_STATUS(ccp_phaser_register(p, n, &phase), CCP_OK);
    return phase;
}

static uint64_t arrive(ccp_phaser *p)
{
    uint64_t phase = UINT64_MAX;
    MUST(ccp_phaser_arrive(p, &phase) == CCP_OK);
    return phase;
}

static uint64_t arrive_and_deregister(ccp_phaser *p)
{
    uint64_t phase = UINT64_MAX;
    MUST(ccp_phaser_deregister(p, &phase) == CCP_OK);
    return phase;
}

static uint64_t arrive_and_await(ccp_phaser *p)
{
    uint64_t phase = UINT64_MAX;
    MUST(ccp_phaser_arrive_and_wait(p, &phase, CCP_FOREVER) == CCP_OK);
    return phase + 1;
}

static uint64_t await(ccp_phaser *p, uint64_t phase)
{
    MUST(ccp_phaser_wait(p, phase, CCP_FOREVER) == CCP_OK);
    return phase + 1;
}

static void done(ccp_phaser *p)
{
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

static void run_all(actor *a, size_t n, void (*fn)(actor *), void *arg)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = arg };
        actor_start(&a[i], fn);
    }
}

static void join_all(actor *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        actor_join(&a[i]);
}

/* --- making and registering --- */

TEST(a_new_phaser_is_in_phase_0_and_empty)
{
    ccp_phaser *p = ccp_phaser_make(NULL);
    assert_state(p, 0, 0, 0);
    done(p);
}

TEST(a_phaser_has_at_most_so_many_parties)
{
    ccp_phaser *p = ccp_phaser_new(INT32_MAX);
    assert_non_null(p);
    done(p);
    assert_null(ccp_phaser_new((unsigned)INT32_MAX + 1));
    assert_null(ccp_phaser_new(UINT32_MAX));
}

TEST(registering_adds_one_that_has_not_arrived)
{
    ccp_phaser *p = ccp_phaser_new(0);
    assert_state(p, 0, 0, 0);
    assert_int_equal(reg(p, 1), 0);
    assert_state(p, 0, 1, 1);
    done(p);
}

TEST(registering_too_many_is_refused)
{
    const unsigned most = INT32_MAX;
    ccp_phaser *p = ccp_phaser_new(0);
    assert_int_equal(reg(p, most - 10), 0);
    for (unsigned i = 0; i < 10; i++) {
        assert_state(p, 0, most - 10 + i, most - 10 + i);
        assert_int_equal(reg(p, 1), 0);
    }
    assert_state(p, 0, most, most);
    ASSERT_STATUS(ccp_phaser_register(p, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_register(p, most, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_register(p, UINT32_MAX, NULL), CCP_INVAL);
    assert_int_equal(reg(p, 0), 0);
    assert_state(p, 0, most, most);
    done(p);
}

TEST(registering_gives_the_phase)
{
    ccp_phaser *p = ccp_phaser_new(0);
    assert_int_equal(reg(p, 1), 0);
    assert_int_equal(arrive(p), 0);
    assert_int_equal(reg(p, 1), 1);
    assert_state(p, 1, 2, 2);
    done(p);
}

TEST(after_registering_one_more_arrival_is_needed)
{
    ccp_phaser *p = ccp_phaser_new(1);
    assert_int_equal(arrive(p), 0);
    assert_int_equal(reg(p, 1), 1);
    assert_int_equal(arrive(p), 1);
    assert_state(p, 1, 2, 1);
    done(p);
}

TEST(several_are_registered_at_once)
{
    ccp_phaser *p = ccp_phaser_new(0);
    assert_int_equal(reg(p, 0), 0);
    assert_state(p, 0, 0, 0);
    assert_int_equal(reg(p, 20), 0);
    assert_state(p, 0, 20, 20);
    ASSERT_STATUS(ccp_phaser_register(p, (unsigned)INT32_MAX - 19, NULL), CCP_INVAL);
    assert_int_equal(reg(p, (unsigned)INT32_MAX - 20), 0);
    done(p);
}

/* --- arriving --- */

TEST(a_phase_takes_as_many_arrivals_as_parties)
{
    for (unsigned size = 1; size < 9; size++) {
        ccp_phaser *p = ccp_phaser_new(size);
        for (unsigned i = 0; i <= 1u << size; i++)
            assert_int_equal(arrive(p), i / size);
        done(p);
    }
}

TEST(a_single_arrival_ends_a_phase_of_one)
{
    ccp_phaser *p = ccp_phaser_new(1);
    assert_state(p, 0, 1, 1);
    assert_int_equal(arrive(p), 0);
    assert_state(p, 1, 1, 1);
    done(p);
}

TEST(deregistering_does_not_wait_for_the_others)
{
    ccp_phaser *p = ccp_phaser_new(1);
    for (int i = 0; i < 10; i++) {
        assert_state(p, 0, 1, 1);
        assert_int_equal(reg(p, 1), 0);
        assert_state(p, 0, 2, 2);
        assert_int_equal(arrive_and_deregister(p), 0);
        assert_state(p, 0, 1, 1);
    }
    assert_int_equal(arrive_and_deregister(p), 0);
    assert_closed(p, 1, 0);
    done(p);
}

static void deregister_in_phase_0(actor *a)
{
    MUST(arrive_and_deregister(a->arg) == 0);
}

TEST(threads_may_deregister_while_one_party_stays)
{
    ccp_phaser *p = ccp_phaser_new(1);
    actor a[10];
    for (size_t i = 0; i < LENGTH(a); i++)
        assert_int_equal(reg(p, 1), 0);
    run_all(a, LENGTH(a), deregister_in_phase_0, p);
    join_all(a, LENGTH(a));
    assert_state(p, 0, 1, 1);
    assert_int_equal(arrive(p), 0);
    assert_state(p, 1, 1, 1);
    done(p);
}

TEST(a_closed_phaser_refuses_everything)
{
    ccp_phaser *p = ccp_phaser_new(1);
    ASSERT_STATUS(ccp_phaser_close(p), CCP_OK);
    ASSERT_STATUS(ccp_phaser_close(p), CCP_CLOSED);
    assert_closed(p, 0, 1);
    ASSERT_STATUS(ccp_phaser_wait(p, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, CCP_FOREVER), CCP_CLOSED);
    done(p);
}

TEST(more_than_all_cannot_deregister)
{
    ccp_phaser *p = ccp_phaser_new(0);
    ASSERT_STATUS(ccp_phaser_deregister(p, NULL), CCP_MISUSE);
    assert_state(p, 0, 0, 0);
    done(p);
}

TEST(the_last_one_may_arrive_by_deregistering)
{
    ccp_phaser *p = ccp_phaser_new(1);
    assert_int_equal(reg(p, 1), 0);
    assert_int_equal(arrive(p), 0);
    assert_state(p, 0, 2, 1);
    assert_int_equal(arrive_and_deregister(p), 0);
    assert_state(p, 1, 1, 1);
    done(p);
}

static void arrive_in_phase_0(actor *a)
{
    MUST(arrive(a->arg) == 0);
}

TEST(deregistering_tells_the_phase_that_is_left)
{
    ccp_phaser *p = ccp_phaser_new(2);
    actor a;
    run_all(&a, 1, arrive_in_phase_0, p);
    assert_int_equal(arrive_and_await(p), 1);
    assert_state(p, 1, 2, 2);
    assert_int_equal(arrive_and_deregister(p), 1);
    assert_state(p, 1, 1, 1);
    assert_int_equal(arrive_and_deregister(p), 1);
    assert_closed(p, 2, 0);
    actor_join(&a);
    done(p);
}

/* --- waiting --- */

TEST(waiting_for_a_phase_that_has_ended_succeeds)
{
    ccp_phaser *p = ccp_phaser_new(1);
    assert_int_equal(arrive(p), 0);
    assert_int_equal(await(p, 0), 1);
    done(p);
}

TEST(looking_whether_a_phase_has_ended_changes_nothing)
{
    ccp_phaser *p = ccp_phaser_new(0);
    ASSERT_STATUS(ccp_phaser_wait(p, UINT64_MAX, CCP_NOWAIT), CCP_AGAIN);
    assert_state(p, 0, 0, 0);
    done(p);
}

typedef struct held {
    ccp_phaser *p;
    ccp_ctx *ended, *ctx;
} held;

static void be_interrupted_twice(actor *a)
{
    held *h = a->arg;
    ccp_wait w = a->w.ns_ == INT64_MAX ? CCP_FOREVER : ccp_within(CCP_SEC(1000));
    MUST(ccp_phaser_wait(h->p, 0, ccp_under(h->ended, w)) == CCP_CANCELED);
    actor_calls(a);
    MUST(ccp_phaser_wait(h->p, 0, ccp_under(h->ctx, w)) == CCP_CANCELED);
}

TEST(an_interrupt_ends_a_wait_and_leaves_the_phaser_alone)
{
    held h = { ccp_phaser_new(1), ccp_ctx_new(NULL, CCP_FOREVER), ccp_ctx_new(NULL, CCP_FOREVER) };
    actor a[2] = { { .arg = &h, .w = CCP_FOREVER }, { .arg = &h, .w = ccp_within(1) } };
    ccp_ctx_cancel(h.ended);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_start(&a[i], be_interrupted_twice);
        actor_sleep_here(&a[i]);
    }
    assert_state(h.p, 0, 1, 1);
    ccp_ctx_cancel(h.ctx);
    join_all(a, LENGTH(a));
    assert_state(h.p, 0, 1, 1);
    assert_int_equal(arrive(h.p), 0);
    assert_state(h.p, 1, 1, 1);
    done(h.p);
    ASSERT_STATUS(ccp_ctx_free(h.ended), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(h.ctx), CCP_OK);
}

/* Without a context nothing interrupts: the context of another wait makes no difference. */
static void register_arrive_and_await(actor *a)
{
    held *h = a->arg;
    MUST(reg(h->p, 1) == 0);
    MUST(arrive(h->p) == 0);
    actor_calls(a);
    MUST(await(h->p, 0) == 1);
}

static void register_and_arrive_and_await(actor *a)
{
    held *h = a->arg;
    MUST(reg(h->p, 1) == 0);
    actor_calls(a);
    MUST(arrive_and_await(h->p) == 1);
}

static void wait_beside_an_interrupt(void (*fn)(actor *), bool before)
{
    held h = { ccp_phaser_new(1), NULL, ccp_ctx_new(NULL, CCP_FOREVER) };
    actor a = { .arg = &h };
    if (before)
        ccp_ctx_cancel(h.ctx);
    actor_start(&a, fn);
    actor_sleep_here(&a);
    ccp_ctx_cancel(h.ctx);
    assert_int_equal(arrive_and_await(h.p), 1);
    actor_join(&a);
    assert_int_equal(await(h.p, 0), 1);
    done(h.p);
    ASSERT_STATUS(ccp_ctx_free(h.ctx), CCP_OK);
}

TEST(a_wait_without_a_context_is_not_interrupted)
{
    wait_beside_an_interrupt(register_arrive_and_await, true);
    wait_beside_an_interrupt(register_arrive_and_await, false);
}

TEST(arriving_and_waiting_without_a_context_is_not_interrupted)
{
    wait_beside_an_interrupt(register_and_arrive_and_await, true);
    wait_beside_an_interrupt(register_and_arrive_and_await, false);
}

typedef struct counted {
    ccp_phaser *p;
    atomic_long count;
} counted;

static void go_through_six_phases(actor *a)
{
    counted *c = a->arg;
    for (uint64_t k = 0; k < 3; k++) {
        MUST(arrive_and_await(c->p) == 2 * k + 1);
        atomic_fetch_add(&c->count, 1);
        MUST(arrive(c->p) == 2 * k + 1);
        MUST(await(c->p, 2 * k + 1) == 2 * k + 2);
        MUST(atomic_load(&c->count) == (long)(4 * (k + 1)));
    }
}

TEST(all_have_done_their_part_when_a_phase_has_ended)
{
    counted c = { .p = ccp_phaser_new(4) };
    actor a[4];
    run_all(a, LENGTH(a), go_through_six_phases, &c);
    join_all(a, LENGTH(a));
    done(c.p);
}

static void arrive_once(actor *a)
{
    (void)arrive(a->arg);
}

TEST(whoever_comes_first_the_phase_ends_with_the_second)
{
    ccp_phaser *p = ccp_phaser_new(1);
    assert_int_equal(await(p, arrive(p)), 1);
    assert_int_equal(look(p).phase, 1);
    assert_int_equal(reg(p, 1), 1);
    for (uint64_t i = 0; i < 8; i++) {
        actor a;
        run_all(&a, 1, arrive_once, p);
        if (i % 2)
            actor_join(&a);
        assert_int_equal(await(p, arrive(p)), i + 2);
        assert_int_equal(look(p).phase, i + 2);
        if (i % 2 == 0)
            actor_join(&a);
    }
    done(p);
}

static void arrive_and_be_closed_out(actor *a)
{
    uint64_t phase = arrive(a->arg);
    actor_calls(a);
    a->rc = ccp_phaser_wait(a->arg, phase, CCP_FOREVER);
    MUST(look(a->arg).closed && look(a->arg).phase == 0 && look(a->arg).parties == 3);
}

TEST(closing_releases_who_waits)
{
    ccp_phaser *p = ccp_phaser_new(3);
    actor a[2];
    run_all(a, LENGTH(a), arrive_and_be_closed_out, p);
    WAIT_UNTIL(look(p).arrived == 2);
    ASSERT_STATUS(ccp_phaser_close(p), CCP_OK);
    join_all(a, LENGTH(a));
    ASSERT_STATUS(a[0].rc, CCP_CLOSED);
    ASSERT_STATUS(a[1].rc, CCP_CLOSED);
    assert_int_equal(look(p).parties, 3);
    done(p);
}

TEST(who_is_not_registered_cannot_arrive_and_wait)
{
    ccp_phaser *p = ccp_phaser_new(0);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, CCP_FOREVER), CCP_MISUSE);
    done(p);
}

TEST(those_who_have_arrived_are_counted_until_the_last_one_comes)
{
    held h = { .p = ccp_phaser_new(1) };
    actor a[3];
    run_all(a, LENGTH(a), register_and_arrive_and_await, &h);
    WAIT_UNTIL(look(h.p).arrived == LENGTH(a));
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_sleep_here(&a[i]);
    assert_state(h.p, 0, LENGTH(a) + 1, 1);
    assert_int_equal(arrive_and_await(h.p), 1);
    join_all(a, LENGTH(a));
    assert_state(h.p, 1, LENGTH(a) + 1, LENGTH(a) + 1);
    done(h.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_new_phaser_is_in_phase_0_and_empty),
        ENTRY(a_phaser_has_at_most_so_many_parties),
        ENTRY(registering_adds_one_that_has_not_arrived),
        ENTRY(registering_too_many_is_refused),
        ENTRY(registering_gives_the_phase),
        ENTRY(after_registering_one_more_arrival_is_needed),
        ENTRY(several_are_registered_at_once),
        ENTRY(a_phase_takes_as_many_arrivals_as_parties),
        ENTRY(a_single_arrival_ends_a_phase_of_one),
        ENTRY(deregistering_does_not_wait_for_the_others),
        ENTRY(threads_may_deregister_while_one_party_stays),
        ENTRY(a_closed_phaser_refuses_everything),
        ENTRY(more_than_all_cannot_deregister),
        ENTRY(the_last_one_may_arrive_by_deregistering),
        ENTRY(deregistering_tells_the_phase_that_is_left),
        ENTRY(waiting_for_a_phase_that_has_ended_succeeds),
        ENTRY(looking_whether_a_phase_has_ended_changes_nothing),
        ENTRY(an_interrupt_ends_a_wait_and_leaves_the_phaser_alone),
        ENTRY(a_wait_without_a_context_is_not_interrupted),
        ENTRY(arriving_and_waiting_without_a_context_is_not_interrupted),
        ENTRY(all_have_done_their_part_when_a_phase_has_ended),
        ENTRY(whoever_comes_first_the_phase_ends_with_the_second),
        ENTRY(closing_releases_who_waits),
        ENTRY(who_is_not_registered_cannot_arrive_and_wait),
        ENTRY(those_who_have_arrived_are_counted_until_the_last_one_comes),
    };
    return cmocka_run_group_tests_name("Phaser", tests, NULL, NULL);
}
