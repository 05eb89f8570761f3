/* SPDX-License-Identifier: MIT
 *
 * Once.  The last part holds what the tests of Go's sync.Once check (ports.md).
 */
#include "support.h"

typedef struct job {
    ccp_once *once;
    ccp_status result;   /* of the function */
    atomic_int runs;     /* of the function */
    gate *gate;          /* the function waits there; NULL: it does not */
    struct job *inside;  /* the function needs this one */
    ccp_status inside_rc;
    long made;           /* plain: the race detector watches it */
} job;

static ccp_status make(void *arg)
{
    job *j = arg;
    atomic_fetch_add(&j->runs, 1);
    if (j->gate)
        gate_pass(j->gate);
    if (j->inside)
        j->inside_rc = ccp_once_do(j->inside->once, make, j->inside, CCP_FOREVER);
    j->made = 42;
    return j->result;
}

static void make_there(actor *a)
{
    job *j = a->arg;
    actor_calls(a);
    a->rc = ccp_once_do(j->once, make, j, a->w);
    if (a->rc == CCP_OK || (a->rc == CCP_FAILED && ccp_once_is_done(j->once)))
        a->value = j->made;
}

static void start_make(actor *a, job *j, ccp_wait w)
{
    *a = (actor){ .arg = j, .w = w };
    actor_start(a, make_there);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_once once = CCP_ONCE_INIT;
    job j = { .once = &once };
    ASSERT_STATUS(ccp_once_do(NULL, make, &j, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_once_do(&once, NULL, &j, CCP_FOREVER), CCP_INVAL);
    assert_false(ccp_once_is_done(NULL));
    assert_false(ccp_once_is_done(&once));
}

TEST(it_runs_once) /* O1 O2 */
{
    ccp_once once = CCP_ONCE_INIT, zero;
    memset(&zero, 0, sizeof zero);
    ccp_once *both[] = { &once, &zero };
    for (size_t i = 0; i < LENGTH(both); i++) {
        job j = { .once = both[i] };
        ASSERT_STATUS(ccp_once_do(both[i], make, &j, CCP_NOWAIT), CCP_OK);
        assert_true(ccp_once_is_done(both[i]));
        ASSERT_STATUS(ccp_once_do(both[i], make, &j, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_once_do(both[i], make, NULL, CCP_NOWAIT), CCP_OK); /* not run */
        assert_int_equal(j.runs, 1);
    }
}

TEST(a_failure_counts_and_every_call_is_told) /* O1 */
{
    ccp_once once = CCP_ONCE_INIT;
    job j = { .once = &once, .result = CCP_NOMEM };
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_FAILED);
    assert_true(ccp_once_is_done(&once));
    j.result = CCP_OK;
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(j.runs, 1);
}

TEST(a_failure_may_be_tried_again) /* O1 O2 */
{
    ccp_once once = CCP_ONCE_RETRY_INIT;
    job j = { .once = &once, .result = CCP_FAILED };
    for (int i = 1; i <= 3; i++) {
        ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_NOWAIT), CCP_FAILED);
        assert_false(ccp_once_is_done(&once));
        assert_int_equal(j.runs, i);
    }
    j.result = CCP_OK;
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_OK);
    j.result = CCP_FAILED;
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_OK);
    assert_int_equal(j.runs, 4);
}

static gate the_gate = GATE_INIT;

/* One runs the function, up to the gate, and others wait for it. */
static void run_and_wait(job *j, actor *runner, actor *others, size_t n)
{
    gate_shut(&the_gate);
    j->gate = &the_gate;
    start_make(runner, j, CCP_FOREVER);
    WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
    for (size_t i = 0; i < n; i++) {
        start_make(&others[i], j, CCP_FOREVER);
        actor_sleep_here(&others[i]);
    }
}

TEST(who_comes_meanwhile_waits_and_sees_what_was_made) /* O2 */
{
    for (int fails = 0; fails < 2; fails++) {
        ccp_once once = CCP_ONCE_INIT;
        ccp_status told = fails ? CCP_FAILED : CCP_OK;
        job j = { .once = &once, .result = fails ? CCP_CLOSED : CCP_OK };
        actor runner, others[3];
        run_and_wait(&j, &runner, others, LENGTH(others));
        ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_once_do(&once, make, &j, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        assert_false(ccp_once_is_done(&once));
        gate_open(&the_gate);
        actor_join(&runner);
        ASSERT_STATUS(runner.rc, told);
        for (size_t i = 0; i < LENGTH(others); i++) {
            actor_join(&others[i]);
            ASSERT_STATUS(others[i].rc, told);
            assert_int_equal(others[i].value, 42);
        }
        assert_int_equal(j.runs, 1);
    }
}

TEST(one_of_those_who_wait_tries_again) /* O1 */
{
    ccp_once once = CCP_ONCE_RETRY_INIT;
    job j = { .once = &once, .result = CCP_FAILED };
    actor runner, others[3];
    run_and_wait(&j, &runner, others, LENGTH(others));
    gate_open(&the_gate); /* each runs it in turn, and fails for itself */
    actor_join(&runner);
    ASSERT_STATUS(runner.rc, CCP_FAILED);
    for (size_t i = 0; i < LENGTH(others); i++) {
        actor_join(&others[i]);
        ASSERT_STATUS(others[i].rc, CCP_FAILED);
    }
    assert_int_equal(j.runs, 4);
    assert_false(ccp_once_is_done(&once));
}

TEST(a_function_that_needs_itself_is_told) /* O3 G2 */
{
    ccp_once once = CCP_ONCE_INIT;
    job j = { .once = &once };
    j.inside = &j;
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(j.inside_rc, CCP_DEADLOCK);
    assert_int_equal(j.runs, 1);
}

TEST(a_function_that_needs_itself_by_way_of_others_is_told) /* O3 */
{
    ccp_once once[3] = { CCP_ONCE_INIT, CCP_ONCE_RETRY_INIT, CCP_ONCE_INIT };
    job j[3] = { { .once = &once[0] }, { .once = &once[1] }, { .once = &once[2] } };
    for (size_t i = 0; i < 3; i++)
        j[i].inside = &j[(i + 1) % 3];
    ASSERT_STATUS(ccp_once_do(&once[0], make, &j[0], CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(j[2].inside_rc, CCP_DEADLOCK);
    ASSERT_STATUS(j[1].inside_rc, CCP_OK);
    ASSERT_STATUS(j[0].inside_rc, CCP_OK);
}

TEST(another_thread_is_not_taken_for_the_one_that_runs) /* O3 */
{
    ccp_once once = CCP_ONCE_INIT;
    job j = { .once = &once };
    actor runner, others[1];
    run_and_wait(&j, &runner, others, 1);
    ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&the_gate);
    actor_join(&runner);
    actor_join(&others[0]);
    ASSERT_STATUS(others[0].rc, CCP_OK);
}

/* --- what the tests of Go's sync.Once check --- */

TEST(go_once) /* O1 O2 */
{
    for (size_t round = 0; round < scaled(200); round++) {
        ccp_once once = CCP_ONCE_INIT;
        job j = { .once = &once };
        actor a[10];
        for (size_t i = 0; i < LENGTH(a); i++)
            start_make(&a[i], &j, CCP_FOREVER);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
            assert_int_equal(a[i].value, 42);
        }
        assert_int_equal(j.runs, 1);
    }
}

TEST(go_once_panic) /* O1: a function that fails is not run again */
{
    ccp_once once = CCP_ONCE_INIT;
    job bad = { .once = &once, .result = CCP_FAILED }, good = { .once = &once };
    ASSERT_STATUS(ccp_once_do(&once, make, &bad, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(ccp_once_do(&once, make, &good, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(bad.runs, 1);
    assert_int_equal(good.runs, 0);
}

TEST(go_once_value) /* and OnceFunc, OnceValues: what was made is there for every call */
{
    ccp_once once = CCP_ONCE_INIT;
    job j = { .once = &once };
    memory_watch();
    for (int i = 0; i < 10; i++) {
        ASSERT_STATUS(ccp_once_do(&once, make, &j, CCP_FOREVER), CCP_OK);
        assert_int_equal(j.made, 42);
    }
    assert_int_equal(j.runs, 1);
    assert_int_equal(memory_calls, 0);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(it_runs_once),
        ENTRY(a_failure_counts_and_every_call_is_told),
        ENTRY(a_failure_may_be_tried_again),
        ENTRY(who_comes_meanwhile_waits_and_sees_what_was_made),
        ENTRY(one_of_those_who_wait_tries_again),
        ENTRY(a_function_that_needs_itself_is_told),
        ENTRY(a_function_that_needs_itself_by_way_of_others_is_told),
        ENTRY(another_thread_is_not_taken_for_the_one_that_runs),
        ENTRY(go_once),
        ENTRY(go_once_panic),
        ENTRY(go_once_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
