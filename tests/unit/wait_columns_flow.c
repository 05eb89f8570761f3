/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about flow/.
 */
#include "wait_columns.h"

enum { VALUE = 700 };

/* --- generator --- */

static ccp_status yield_what_the_gate_lets_through(ccp_gen *g, void *arg)
{
    stage *s = arg;
    ccp_status rc = CCP_OK;
    while (rc == CCP_OK && ccp_chan_recv(s->gate, NULL, ccp_with(ccp_gen_ctx(g))) == CCP_OK)
        rc = ccp_gen_yield(g, &(long){ VALUE }, CCP_FOREVER);
    return rc;
}

static void set_gen(stage *s)
{
    s->gate = ccp_chan_new(0, 1);
    s->gen = ccp_gen_new(yield_what_the_gate_lets_through, s,
                         &(ccp_gen_opts){ .elem_size = sizeof(long), .capacity = 1 });
    assert_non_null(s->gen);
    s->value = UNTOUCHED;
}

static bool let_one_through(stage *s)
{
    return ccp_chan_send(s->gate, NULL, CCP_NOWAIT) == CCP_OK;
}

static void one_is_yielded(stage *s)
{
    assert_true(let_one_through(s));
    WAIT_UNTIL(ccp_chan_len(ccp_gen_chan(s->gen)) == 1);
}

static ccp_status call_gen_next(stage *s, ccp_wait w)
{
    return ccp_gen_next(s->gen, &s->value, w);
}

static ccp_status close_gen(stage *s)
{
    return ccp_chan_close(ccp_gen_chan(s->gen));
}

static void nothing_was_yielded(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_nobody_waits(ccp_gen_chan(s->gen));
}

static void one_was_received(stage *s)
{
    assert_int_equal(s->value, VALUE);
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)), 0);
}

static void yields_agree(stage *s, bool ok, bool served)
{
    assert_true(served || !ok);
    assert_int_equal(s->value, ok ? VALUE : UNTOUCHED);
    if (!served || ok)
        return;
    ASSERT_STATUS(ccp_gen_next(s->gen, &s->value, CCP_FOREVER), CCP_OK);
    one_was_received(s);
}

static void clear_gen(stage *s)
{
    ASSERT_STATUS(ccp_gen_free(s->gen), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* The generator's channel is full; this thread yields for its function, which sleeps. */
static void set_full_gen(stage *s)
{
    set_gen(s);
    ASSERT_STATUS(ccp_gen_yield(s->gen, &s->value, CCP_NOWAIT), CCP_OK);
    s->value = VALUE;
}

static bool take_yielded(stage *s)
{
    return ccp_gen_next(s->gen, NULL, CCP_NOWAIT) == CCP_OK;
}

static void make_room(stage *s)
{
    assert_true(take_yielded(s));
}

static ccp_status call_gen_yield(stage *s, ccp_wait w)
{
    return ccp_gen_yield(s->gen, &s->value, w);
}

static void gen_is_full(stage *s)
{
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)), 1);
    assert_nobody_waits(ccp_gen_chan(s->gen));
}

static void value_was_yielded(stage *s)
{
    long v = 0;
    ASSERT_STATUS(ccp_gen_next(s->gen, &v, CCP_NOWAIT), CCP_OK);
    assert_int_equal(v, VALUE);
}

static void room_agrees(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(ccp_gen_chan(s->gen)) + served, 1 + ok);
}

const column columns_flow[] = {
    { .name = "gen_next", .set = set_gen, .ready = one_is_yielded, .call = call_gen_next,
      .serve = let_one_through, .close = close_gen, .unchanged = nothing_was_yielded,
      .done = one_was_received, .raced = yields_agree, .clear = clear_gen, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
    { .name = "gen_yield", .set = set_full_gen, .ready = make_room, .call = call_gen_yield,
      .serve = take_yielded, .close = close_gen, .unchanged = gen_is_full,
      .done = value_was_yielded, .raced = room_agrees, .clear = clear_gen, .success = CCP_OK,
      .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT },
};
const size_t columns_flow_n = LENGTH(columns_flow);
