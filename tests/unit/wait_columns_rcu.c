/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix about read-copy-update: another thread is in a section.
 */
#include "wait_columns.h"

static void read_until_gate(actor *a)
{
    stage *s = a->arg;
    MUST(ccp_rcu_read_lock(s->rcu) == CCP_OK);
    atomic_fetch_add(&s->entered, 1);
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_rcu_read_unlock(s->rcu) == CCP_OK);
}

static void set_reader(stage *s)
{
    s->rcu = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = 1 });
    s->gate = ccp_chan_new(0, 0);
    assert_true(s->rcu && s->gate);
    s->helper = (actor){ .arg = s };
    s->helped = true;
    actor_start(&s->helper, read_until_gate);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static void count_run(void *arg)
{
    stage *s = arg;
    atomic_fetch_add(&s->ran, 1);
}

static void set_pending(stage *s)
{
    set_reader(s);
    ASSERT_STATUS(ccp_rcu_defer(s->rcu, &s->heads[0], count_run, s, CCP_NOWAIT), CCP_OK);
}

static bool let_reader_go(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK || ccp_chan_is_closed(s->gate);
}

static void end_reader(stage *s)
{
    assert_true(let_reader_go(s));
    actor_join(&s->helper);
    s->helped = false;
}

static ccp_status call_synchronize(stage *s, ccp_wait w)
{
    return ccp_rcu_synchronize(s->rcu, w);
}

static ccp_status call_defer(stage *s, ccp_wait w)
{
    return ccp_rcu_defer(s->rcu, &s->heads[1], count_run, s, w);
}

static ccp_status call_rcu_barrier(stage *s, ccp_wait w)
{
    return ccp_rcu_barrier(s->rcu, w);
}

static void section_is_open(stage *s)
{
    ccp_rcu_info info;
    ASSERT_STATUS(ccp_rcu_get_info(s->rcu, &info), CCP_OK);
    assert_int_equal(info.reading, 1);
    assert_int_equal(s->ran + (long)info.pending, s->c->capacity);
}

static void all_is_done(stage *s)
{
    assert_int_equal(s->ran, s->c->capacity);
}

static void rcu_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        all_is_done(s);
}

static void clear_rcu(stage *s)
{
    (void)let_reader_go(s);
    if (s->helped)
        actor_join(&s->helper);
    ASSERT_STATUS(ccp_rcu_barrier(s->rcu, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(s->rcu), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* `capacity`: how many calls are deferred beforehand. */
#define RCU(name_, set_, call_, n)                                                             \
    {                                                                                          \
        .name = name_, .set = set_, .ready = end_reader, .call = call_,                        \
        .serve = let_reader_go, .unchanged = section_is_open, .done = all_is_done,             \
        .raced = rcu_agrees, .clear = clear_rcu, .success = CCP_OK, .at_once = CCP_AGAIN,      \
        .too_late = CCP_TIMEOUT, .capacity = n                                                 \
    }

const column columns_rcu[] = {
    RCU("rcu_synchronize", set_reader, call_synchronize, 0),
    RCU("rcu_defer, no more may be pending", set_pending, call_defer, 1),
    RCU("rcu_barrier", set_pending, call_rcu_barrier, 1),
};
const size_t columns_rcu_n = LENGTH(columns_rcu);
