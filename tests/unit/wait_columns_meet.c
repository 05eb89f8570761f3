/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about barriers, phasers and single-flight.
 */
#include "wait_columns.h"

/* --- barrier --- */

static void set_barrier(stage *s)
{
    s->barrier = (ccp_barrier)CCP_BARRIER_INIT(2);
}

static void pass_there(actor *a)
{
    a->rc = ccp_barrier_wait(a->arg, NULL, CCP_FOREVER);
}

static void other_party_waits(stage *s)
{
    ccp_barrier_info info;
    s->helper = (actor){ .arg = &s->barrier };
    s->helped = true;
    actor_start(&s->helper, pass_there);
    do
        MUST(ccp_barrier_get_info(&s->barrier, &info) == CCP_OK);
    while (info.arrived != 1);
}

static bool pass_barrier(stage *s)
{
    return ccp_barrier_wait(&s->barrier, NULL, CCP_NOWAIT) == CCP_OK;
}

static ccp_status call_barrier_wait(stage *s, ccp_wait w)
{
    ccp_barrier_pass pass = { UNTOUCHED, false };
    ccp_status rc = ccp_barrier_wait(&s->barrier, &pass, w);
    MUST(pass.generation == (rc == CCP_OK ? 0 : UNTOUCHED));
    return rc;
}

static ccp_status break_barrier(stage *s)
{
    return ccp_barrier_break(&s->barrier);
}

static void assert_barrier(stage *s, uint64_t generation, unsigned arrived)
{
    ccp_barrier_info info;
    MUST(ccp_barrier_get_info(&s->barrier, &info) == CCP_OK);
    assert_int_equal(info.generation, generation);
    assert_int_equal(info.arrived, arrived);
}

static void barrier_is_shut(stage *s)
{
    assert_barrier(s, 0, s->helped);
}

static void barrier_has_opened(stage *s)
{
    assert_barrier(s, 1, 0);
}

static void barrier_agrees(stage *s, bool ok, bool served)
{
    assert_int_equal(ok, served);
    assert_barrier(s, ok, 0);
}

static void clear_barrier(stage *s)
{
    if (s->helped)
        actor_join(&s->helper);
}

/* --- phaser --- */

static void set_phaser(stage *s)
{
    s->phaser = ccp_phaser_new(2);
    if (s->c->capacity) /* of two parties one has arrived */
        ASSERT_STATUS(ccp_phaser_arrive(s->phaser, NULL), CCP_OK);
}

static void arrive_at_phaser(stage *s)
{
    ASSERT_STATUS(ccp_phaser_arrive(s->phaser, NULL), CCP_OK);
}

static unsigned parties_arrived(const stage *s)
{
    ccp_phaser_info info;
    MUST(ccp_phaser_get_info(s->phaser, &info) == CCP_OK);
    return (unsigned)info.phase * 2 + info.arrived;
}

static bool serve_phaser(stage *s)
{
    return ccp_phaser_arrive(s->phaser, NULL) == CCP_OK;
}

static bool serve_phaser_once(stage *s)
{
    return parties_arrived(s) == 1 && ccp_phaser_arrive(s->phaser, NULL) == CCP_OK;
}

static ccp_status close_phaser(stage *s)
{
    return ccp_phaser_close(s->phaser);
}

static ccp_status call_phaser_wait(stage *s, ccp_wait w)
{
    return ccp_phaser_wait(s->phaser, 0, w);
}

static ccp_status call_phaser_arrive(stage *s, ccp_wait w)
{
    uint64_t phase = UNTOUCHED;
    ccp_status rc = ccp_phaser_arrive_and_wait(s->phaser, &phase, w);
    MUST(phase == (rc == CCP_OK ? 0 : UNTOUCHED));
    return rc;
}

static void phase_is_open(stage *s)
{
    assert_int_equal(parties_arrived(s), s->c->capacity);
}

static void phase_has_ended(stage *s)
{
    ASSERT_STATUS(ccp_phaser_wait(s->phaser, 0, CCP_NOWAIT), CCP_OK);
    assert_int_equal(parties_arrived(s), 2);
}

static void phase_agrees(stage *s, bool ok, bool served)
{
    assert_true(served || (!ok && !s->c->capacity));
    if (ok)
        phase_has_ended(s);
    else if (!s->c->capacity)
        assert_int_equal(parties_arrived(s), served);
}

static void clear_phaser(stage *s)
{
    ASSERT_STATUS(ccp_phaser_free(s->phaser), CCP_OK);
}

/* --- single-flight --- */

static ccp_status count_at_gate(void *result, void *arg)
{
    stage *s = arg;
    *(long *)result = atomic_fetch_add(&s->entered, 1) + 1;
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    return CCP_OK;
}

static void fly_there(actor *a)
{
    stage *s = a->arg;
    const ccp_flight_call c = { "key", 3, count_at_gate, s };
    MUST(ccp_flight_do(s->flight, &c, &a->value, NULL, CCP_FOREVER) == CCP_OK);
    MUST(a->value == 1);
}

static void set_flight(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->flight = ccp_flight_new(sizeof(long));
    s->helper = (actor){ .arg = s };
    s->helped = true;
    actor_start(&s->helper, fly_there);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static bool serve_flight(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

static void land_flight(stage *s)
{
    assert_true(serve_flight(s));
    actor_join(&s->helper);
    s->helped = false;
}

static ccp_status call_flight_do(stage *s, ccp_wait w)
{
    const ccp_flight_call c = { "key", 3, count_at_gate, s };
    bool shared = false;
    long v = UNTOUCHED;
    ccp_status rc = ccp_flight_do(s->flight, &c, &v, &shared, w);
    MUST(rc == CCP_OK ? v == 1 || v == 2 : v == UNTOUCHED && !shared);
    s->value = v;
    return rc;
}

static void flight_is_under_way(stage *s)
{
    ccp_flight_info info;
    MUST(ccp_flight_get_info(s->flight, &info) == CCP_OK);
    assert_int_equal(info.calls, 1);
    assert_int_equal(info.waiting, 0);
    assert_int_equal(s->entered, 1);
}

static void flight_has_landed(stage *s)
{
    assert_int_equal(s->value, s->entered);
}

static void flight_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        flight_has_landed(s);
}

static void clear_flight(stage *s)
{
    (void)serve_flight(s);
    if (s->helped)
        actor_join(&s->helper);
    ASSERT_STATUS(ccp_flight_free(s->flight), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

const column columns_meet[] = {
    { .name = "barrier_wait", .set = set_barrier, .ready = other_party_waits,
      .call = call_barrier_wait, .serve = pass_barrier, .close = break_barrier,
      .unchanged = barrier_is_shut, .done = barrier_has_opened, .raced = barrier_agrees,
      .clear = clear_barrier, .success = CCP_OK, .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "phaser_wait", .set = set_phaser, .ready = arrive_at_phaser,
      .call = call_phaser_wait, .serve = serve_phaser, .close = close_phaser,
      .unchanged = phase_is_open, .done = phase_has_ended, .raced = phase_agrees,
      .clear = clear_phaser, .success = CCP_OK, .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT,
      .capacity = 1 },
    { .name = "phaser_arrive_and_wait", .set = set_phaser, .ready = arrive_at_phaser,
      .call = call_phaser_arrive, .serve = serve_phaser_once, .close = close_phaser,
      .unchanged = phase_is_open, .done = phase_has_ended, .raced = phase_agrees,
      .clear = clear_phaser, .success = CCP_OK, .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "flight_do", .set = set_flight, .ready = land_flight, .call = call_flight_do,
      .serve = serve_flight, .unchanged = flight_is_under_way, .done = flight_has_landed,
      .raced = flight_agrees, .clear = clear_flight, .success = CCP_OK, .at_once = CCP_AGAIN,
      .too_late = CCP_TIMEOUT },
};
const size_t columns_meet_n = LENGTH(columns_meet);
