/* SPDX-License-Identifier: MIT
 *
 * Phasers: what is not Java's, which test_java_phaser.c checks.
 */
#include "support.h"

static ccp_phaser_info phaser_info(const ccp_phaser *p)
{
    ccp_phaser_info info;
    MUST(ccp_phaser_get_info(p, &info) == CCP_OK);
    return info;
}

static void assert_phase(const ccp_phaser *p, uint64_t phase, unsigned parties, unsigned arrived)
{
    ccp_phaser_info info = phaser_info(p);
    assert_int_equal(info.phase, phase);
    assert_int_equal(info.parties, parties);
    assert_int_equal(info.arrived, arrived);
}

static void arrive_there(actor *a)
{
    uint64_t phase = 777;
    actor_calls(a);
    a->rc = ccp_phaser_arrive_and_wait(a->arg, &phase, a->w);
    a->index = (size_t)phase;
    MUST(a->rc == CCP_OK || phase == 777); /* G1 */
}

static void wait_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_phaser_wait(a->arg, a->index, a->w);
}

static void start(actor *a, void (*fn)(actor *), ccp_phaser *p, size_t phase, ccp_wait w)
{
    *a = (actor){ .arg = p, .index = phase, .w = w };
    actor_start(a, fn);
    actor_sleep_here(a);
}

static void ends_with(actor *a, ccp_status expected)
{
    actor_join(a);
    ASSERT_STATUS(a->rc, expected);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_phaser *p = ccp_phaser_new(1);
    ccp_phaser_info info;
    ASSERT_STATUS(ccp_phaser_register(NULL, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_arrive(NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_deregister(NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_wait(NULL, 0, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_get_info(p, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_phaser_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(misuse_changes_nothing) /* G2 */
{
    ccp_phaser *p = ccp_phaser_new(0);
    uint64_t phase = 777;
    ASSERT_STATUS(ccp_phaser_arrive(p, &phase), CCP_MISUSE);
    ASSERT_STATUS(ccp_phaser_deregister(p, &phase), CCP_MISUSE);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, &phase, CCP_FOREVER), CCP_MISUSE);
    assert_int_equal(phase, 777);
    assert_phase(p, 0, 0, 0);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(without_memory_there_is_no_phaser) /* G4 */
{
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_phaser_new(1));
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

/* --- waiting --- */

TEST(who_gives_up_takes_its_arrival_back) /* H4 W4 */
{
    ccp_phaser *p = ccp_phaser_new(2);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a;
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_phase(p, 0, 2, 0);
    start(&a, arrive_there, p, 0, ccp_with(ctx));
    assert_phase(p, 0, 2, 1);
    ccp_ctx_cancel(ctx);
    ends_with(&a, CCP_CANCELED);
    assert_phase(p, 0, 2, 0);
    start(&a, arrive_there, p, 0, CCP_FOREVER);
    uint64_t phase;
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, &phase, CCP_NOWAIT), CCP_OK);
    ends_with(&a, CCP_OK);
    assert_int_equal(phase, 0);
    assert_int_equal(a.index, 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(one_that_is_no_party_waits_for_a_later_phase) /* H1 */
{
    ccp_phaser *p = ccp_phaser_new(1);
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++)
        start(&a[i], wait_there, p, i, CCP_FOREVER);
    assert_int_equal(phaser_info(p).waiting, 3);
    for (size_t i = 0; i < LENGTH(a); i++) {
        uint64_t phase;
        assert_false(actor_is_done(&a[i]));
        ASSERT_STATUS(ccp_phaser_arrive(p, &phase), CCP_OK);
        assert_int_equal(phase, i);
        ends_with(&a[i], CCP_OK);
        assert_int_equal(phaser_info(p).waiting, 2 - i);
    }
    ASSERT_STATUS(ccp_phaser_wait(p, 3, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_phaser_wait(p, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(a_phaser_is_not_freed_while_somebody_waits)
{
    ccp_phaser *p = ccp_phaser_new(1);
    actor a;
    start(&a, wait_there, p, 0, CCP_FOREVER);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_BUSY);
    ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_OK);
    ends_with(&a, CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

/* --- the action --- */

typedef struct deed {
    ccp_phaser *p;
    uint64_t phases; /* times it ran */
    unsigned parties;
    uint64_t last;   /* phase after which it closes */
    long work;       /* plain: the race detector watches (H3) */
    gate gate;
    ccp_status rc[3];
} deed;

static ccp_status count_phase(uint64_t phase, unsigned parties, void *arg)
{
    deed *d = arg;
    MUST(phase == d->phases);
    d->phases++;
    d->parties = parties;
    d->work++;
    return phase == d->last ? CCP_FAILED : CCP_OK;
}

TEST(the_action_runs_once_in_each_phase) /* H2 */
{
    deed d = { .last = 100 };
    ccp_phaser *p =
        ccp_phaser_make(&(ccp_phaser_opts){ .parties = 2, .action = count_phase, .arg = &d });
    for (uint64_t i = 0; i < 5; i++) {
        ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_OK);
        assert_int_equal(d.phases, i);
        ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_OK);
        assert_int_equal(d.phases, i + 1);
        assert_int_equal(d.parties, 2);
    }
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(an_action_that_does_not_return_ok_closes) /* H5 */
{
    deed d = { .last = 1 };
    ccp_phaser *p =
        ccp_phaser_make(&(ccp_phaser_opts){ .parties = 1, .action = count_phase, .arg = &d });
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(p, NULL, CCP_FOREVER), CCP_OK); /* it has ended */
    assert_true(phaser_info(p).closed);
    ASSERT_STATUS(ccp_phaser_wait(p, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_deregister(p, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_register(p, 1, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

TEST(with_an_action_nobody_registered_is_no_end) /* H5 */
{
    deed d = { .last = 100 };
    ccp_phaser *p =
        ccp_phaser_make(&(ccp_phaser_opts){ .parties = 1, .action = count_phase, .arg = &d });
    ASSERT_STATUS(ccp_phaser_deregister(p, NULL), CCP_OK);
    assert_int_equal(d.parties, 0);
    assert_int_equal(d.phases, 1);
    assert_phase(p, 1, 0, 0);
    ASSERT_STATUS(ccp_phaser_register(p, 1, NULL), CCP_OK);
    ASSERT_STATUS(ccp_phaser_arrive(p, NULL), CCP_OK);
    assert_int_equal(d.phases, 2);
    ASSERT_STATUS(ccp_phaser_free(p), CCP_OK);
}

static ccp_status call_from_inside(uint64_t phase, unsigned parties, void *arg)
{
    deed *d = arg;
    (void)parties;
    d->phases++;
    if (phase > 0)
        return CCP_OK;
    d->rc[0] = ccp_phaser_wait(d->p, phase, CCP_FOREVER);
    d->rc[1] = ccp_phaser_arrive_and_wait(d->p, NULL, CCP_FOREVER);
    d->rc[2] = ccp_phaser_free(d->p);
    uint64_t next;
    MUST(ccp_phaser_register(d->p, 1, &next) == CCP_OK && next == 1); /* G3 */
    MUST(ccp_phaser_arrive(d->p, &next) == CCP_OK && next == 1);
    return CCP_OK;
}

TEST(from_inside_the_action_one_can_do_all_but_wait) /* H7 G3 */
{
    deed d = { .phases = 0 };
    d.p = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = 1, .action = call_from_inside, .arg = &d });
    ASSERT_STATUS(ccp_phaser_arrive(d.p, NULL), CCP_OK);
    ASSERT_STATUS(d.rc[0], CCP_DEADLOCK);
    ASSERT_STATUS(d.rc[1], CCP_DEADLOCK);
    ASSERT_STATUS(d.rc[2], CCP_BUSY);
    assert_phase(d.p, 1, 2, 1);
    ASSERT_STATUS(ccp_phaser_arrive(d.p, NULL), CCP_OK);
    assert_int_equal(d.phases, 2);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

static ccp_status end_two_phases(uint64_t phase, unsigned parties, void *arg)
{
    deed *d = arg;
    MUST(parties == 1);
    d->phases++;
    if (phase == 0)
        MUST(ccp_phaser_arrive(d->p, NULL) == CCP_OK);
    return CCP_OK;
}

TEST(a_phase_that_is_complete_before_the_one_before_has_ended_ends_too) /* H1 */
{
    deed d = { .phases = 0 };
    d.p = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = 1, .action = end_two_phases, .arg = &d });
    ASSERT_STATUS(ccp_phaser_arrive(d.p, NULL), CCP_OK);
    assert_int_equal(d.phases, 2);
    assert_phase(d.p, 2, 1, 0);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

static ccp_status pass_gate(uint64_t phase, unsigned parties, void *arg)
{
    deed *d = arg;
    (void)parties;
    if (phase == 0)
        gate_pass(&d->gate);
    d->work++;
    return CCP_OK;
}

/* A phase of two parties whose action is held at a gate; a[0] runs it, a[1] waits. */
static void hold_in_action(deed *d, actor *a, ccp_wait w)
{
    *d = (deed){ .gate = GATE_INIT };
    d->p = ccp_phaser_make(&(ccp_phaser_opts){ .parties = 2, .action = pass_gate, .arg = d });
    start(&a[1], arrive_there, d->p, 0, w);
    start(&a[0], arrive_there, d->p, 0, CCP_FOREVER);
    WAIT_UNTIL(atomic_load(&d->gate.arrived) == 1);
}

TEST(a_complete_phase_cannot_be_left) /* H4 */
{
    deed d;
    actor a[2];
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    hold_in_action(&d, a, ccp_with(ctx));
    assert_true(phaser_info(d.p).advancing);
    assert_int_equal(phaser_info(d.p).waiting, 1);
    ccp_ctx_cancel(ctx);
    for (int i = 0; i < 100; i++) /* it wakes, and sleeps again */
        WAIT_UNTIL(phaser_info(d.p).waiting == 1);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_BUSY);
    gate_open(&d.gate);
    ends_with(&a[0], CCP_OK);
    ends_with(&a[1], CCP_OK);
    assert_phase(d.p, 1, 2, 0);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(who_only_waits_for_a_complete_phase_may_leave) /* W4 */
{
    deed d;
    actor a[2];
    hold_in_action(&d, a, CCP_FOREVER);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 0, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 0, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&d.gate);
    ends_with(&a[0], CCP_OK);
    ends_with(&a[1], CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

TEST(closing_lets_a_complete_phase_end) /* H6 */
{
    deed d;
    actor a[2], later;
    hold_in_action(&d, a, CCP_FOREVER);
    start(&later, wait_there, d.p, 1, CCP_FOREVER);
    ASSERT_STATUS(ccp_phaser_close(d.p), CCP_OK);
    ends_with(&later, CCP_CLOSED);
    assert_false(actor_is_done(&a[1]));
    ASSERT_STATUS(ccp_phaser_wait(d.p, 0, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 1, CCP_NOWAIT), CCP_CLOSED);
    gate_open(&d.gate);
    ends_with(&a[0], CCP_OK);
    ends_with(&a[1], CCP_OK);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 0, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_phaser_wait(d.p, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

TEST(while_the_action_runs_the_next_phase_is_open) /* H1 */
{
    deed d;
    actor a[2];
    uint64_t phase;
    hold_in_action(&d, a, CCP_FOREVER);
    ASSERT_STATUS(ccp_phaser_register(d.p, 1, &phase), CCP_OK);
    assert_int_equal(phase, 1);
    ASSERT_STATUS(ccp_phaser_arrive(d.p, &phase), CCP_OK);
    assert_int_equal(phase, 1);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(d.p, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_phaser_arrive_and_wait(d.p, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_phase(d.p, 1, 3, 1);
    ASSERT_STATUS(ccp_phaser_deregister(d.p, &phase), CCP_OK);
    assert_phase(d.p, 1, 2, 1);
    gate_open(&d.gate);
    ends_with(&a[0], CCP_OK);
    ends_with(&a[1], CCP_OK);
    ASSERT_STATUS(ccp_phaser_arrive(d.p, &phase), CCP_OK);
    assert_int_equal(phase, 1);
    assert_phase(d.p, 2, 2, 0);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

TEST(all_may_leave_while_the_action_runs) /* H5 */
{
    deed d;
    actor a[2];
    hold_in_action(&d, a, CCP_FOREVER);
    ASSERT_STATUS(ccp_phaser_deregister(d.p, NULL), CCP_OK);
    ASSERT_STATUS(ccp_phaser_deregister(d.p, NULL), CCP_OK);
    ASSERT_STATUS(ccp_phaser_deregister(d.p, NULL), CCP_MISUSE);
    gate_open(&d.gate);
    ends_with(&a[0], CCP_OK);
    ends_with(&a[1], CCP_OK);
    WAIT_UNTIL(!phaser_info(d.p).advancing);
    assert_phase(d.p, 2, 0, 0); /* a phase of nobody has ended, too */
    assert_int_equal(d.work, 2);
    ASSERT_STATUS(ccp_phaser_free(d.p), CCP_OK);
}

/* --- many phases --- */

enum { PARTIES = 4 };

typedef struct crew {
    ccp_phaser *p;
    size_t phases;
    long sum;           /* by the action: plain */
    long work[PARTIES]; /* plain */
} crew;

typedef struct member {
    crew *c;
    size_t id;
} member;

static ccp_status add_up(uint64_t phase, unsigned parties, void *arg)
{
    crew *c = arg;
    MUST(parties == PARTIES);
    for (size_t i = 0; i < PARTIES; i++) {
        MUST(c->work[i] == (long)phase + 1);
        c->sum += c->work[i];
    }
    return CCP_OK;
}

static ccp_status every_other(uint64_t phase, unsigned parties, void *arg)
{
    const crew *c = arg;
    return phase % 2 || phase / 2 == c->phases ? CCP_OK : add_up(phase / 2, parties, arg);
}

static void work_in_pairs_of_phases(actor *a)
{
    const member *m = a->arg;
    for (uint64_t i = 0; i < m->c->phases; i++) {
        uint64_t phase;
        m->c->work[m->id]++;
        MUST(ccp_phaser_arrive_and_wait(m->c->p, &phase, CCP_FOREVER) == CCP_OK);
        MUST(phase == 2 * i);
        MUST(m->c->sum == (long)((i + 1) * (i + 2) / 2) * PARTIES);
        MUST(ccp_phaser_arrive(m->c->p, &phase) == CCP_OK);
        MUST(ccp_phaser_wait(m->c->p, phase, CCP_FOREVER) == CCP_OK);
    }
    MUST(ccp_phaser_deregister(m->c->p, NULL) == CCP_OK);
}

TEST(what_was_done_before_is_seen_by_the_action_and_after) /* H1 H2 H3 */
{
    crew c = { .phases = scaled(1000) };
    c.p = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = PARTIES, .action = every_other, .arg = &c });
    actor a[PARTIES];
    member m[PARTIES];
    for (size_t i = 0; i < PARTIES; i++) {
        m[i] = (member){ &c, i };
        a[i] = (actor){ .arg = &m[i] };
        actor_start(&a[i], work_in_pairs_of_phases);
    }
    for (size_t i = 0; i < PARTIES; i++)
        actor_join(&a[i]);
    ASSERT_STATUS(ccp_phaser_free(c.p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(misuse_changes_nothing),
        ENTRY(without_memory_there_is_no_phaser),
        ENTRY(who_gives_up_takes_its_arrival_back),
        ENTRY(one_that_is_no_party_waits_for_a_later_phase),
        ENTRY(a_phaser_is_not_freed_while_somebody_waits),
        ENTRY(the_action_runs_once_in_each_phase),
        ENTRY(an_action_that_does_not_return_ok_closes),
        ENTRY(with_an_action_nobody_registered_is_no_end),
        ENTRY(from_inside_the_action_one_can_do_all_but_wait),
        ENTRY(a_phase_that_is_complete_before_the_one_before_has_ended_ends_too),
        ENTRY(a_complete_phase_cannot_be_left),
        ENTRY(who_only_waits_for_a_complete_phase_may_leave),
        ENTRY(closing_lets_a_complete_phase_end),
        ENTRY(while_the_action_runs_the_next_phase_is_open),
        ENTRY(all_may_leave_while_the_action_runs),
        ENTRY(what_was_done_before_is_seen_by_the_action_and_after),
    };
    return cmocka_run_group_tests_name("phaser", tests, NULL, NULL);
}
