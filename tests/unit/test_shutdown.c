/* SPDX-License-Identifier: MIT
 *
 * Shutdown: the order of steps, their time, the report; pools.
 */
#include "pools.h"

enum { MOST_STEPS = 32 };

typedef struct diary {
    int n;
    int order[MOST_STEPS];
    ccp_wait wait[MOST_STEPS];
    ccp_shutdown *s;
} diary;

typedef struct page {
    diary *d;
    int number;
    ccp_status result;
} page;

static ccp_status write_down(void *arg, ccp_wait w)
{
    page *p = arg;
    p->d->order[p->d->n] = p->number;
    p->d->wait[p->d->n++] = w;
    return p->result;
}

static const ccp_phase phases[] = { CCP_PHASE_INTAKE, CCP_PHASE_DRAIN, CCP_PHASE_CANCEL,
                                    CCP_PHASE_JOIN };

static void add(ccp_shutdown *s, ccp_phase phase, page *p)
{
    ASSERT_STATUS(ccp_shutdown_add(s, phase, "page", write_down, p), CCP_OK);
}

TEST(steps_run_by_phase_and_then_as_they_were_added) /* J1 */
{
    diary d = { 0 };
    page p[8];
    ccp_shutdown *s = ccp_shutdown_new();
    for (int i = 0; i < 8; i++) { /* the last phase first */
        p[i] = (page){ &d, i, CCP_OK };
        add(s, phases[3 - i % 4], &p[i]);
    }
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_OK);
    static const int expected[] = { 3, 7, 2, 6, 1, 5, 0, 4 };
    assert_int_equal(d.n, 8);
    assert_memory_equal(d.order, expected, sizeof expected);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
}

TEST(all_run_also_when_some_fail_and_the_report_tells) /* J1 J3 */
{
    static const ccp_status results[] = { CCP_OK, CCP_TIMEOUT, CCP_INVAL, CCP_OK };
    diary d = { 0 };
    page p[4];
    ccp_shutdown_result r[6] = { { .name = "untouched" } };
    ccp_shutdown *s = ccp_shutdown_new();
    assert_int_equal(ccp_shutdown_report(s, NULL, 0), 0);
    for (int i = 0; i < 4; i++) {
        p[i] = (page){ &d, i, results[i] };
        add(s, phases[i], &p[i]);
    }
    assert_int_equal(ccp_shutdown_report(s, r, 6), 0);
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_TIMEOUT);
    assert_int_equal(d.n, 4);
    r[2].name = "untouched";
    assert_int_equal(ccp_shutdown_report(s, r, 2), 4);
    assert_string_equal(r[2].name, "untouched");
    assert_int_equal(ccp_shutdown_report(s, r, 6), 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(r[i].name, "page");
        assert_int_equal(r[i].phase, phases[i]);
        ASSERT_STATUS(r[i].status, results[i]);
        assert_true(r[i].ns >= 0);
    }
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
}

TEST(the_first_that_fails_is_what_it_returns)
{
    static const ccp_status of_step[] = { CCP_AGAIN, CCP_CANCELED, CCP_TIMEOUT, CCP_CLOSED,
                                          CCP_NOMEM, CCP_FAILED,   CCP_DEADLOCK };
    static const ccp_status of_run[] = { CCP_AGAIN,  CCP_CANCELED, CCP_TIMEOUT, CCP_FAILED,
                                         CCP_FAILED, CCP_FAILED,   CCP_FAILED };
    for (size_t i = 0; i < LENGTH(of_step); i++) {
        diary d = { 0 };
        page good = { &d, 0, CCP_OK }, bad = { &d, 1, of_step[i] }, worse = { &d, 2, CCP_BUSY };
        ccp_shutdown *s = ccp_shutdown_new();
        add(s, CCP_PHASE_JOIN, &worse);
        add(s, CCP_PHASE_INTAKE, &good);
        add(s, CCP_PHASE_DRAIN, &bad);
        ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), of_run[i]);
        assert_int_equal(d.n, 3);
        ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    }
}

static ccp_status sleep_on(void *arg, ccp_wait w)
{
    return ccp_chan_recv(arg, NULL, w);
}

TEST(with_no_wait_all_run_and_none_waits) /* J1 J2 */
{
    ccp_chan *never = ccp_chan_new(0, 1);
    diary d = { 0 };
    page p = { &d, 1, CCP_OK };
    ccp_shutdown *s = ccp_shutdown_new();
    ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_DRAIN, "never", sleep_on, never), CCP_OK);
    add(s, CCP_PHASE_JOIN, &p);
    const ccp_shutdown_limits l = { .drain = CCP_SEC(1000) };
    ASSERT_STATUS(ccp_shutdown_run(s, &l, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(d.n, 1);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(never), CCP_OK);
}

static ccp_status use_it(void *arg, ccp_wait w)
{
    diary *d = arg;
    (void)w;
    MUST(ccp_shutdown_add(d->s, CCP_PHASE_JOIN, "late", write_down, NULL) == CCP_CLOSED);
    MUST(ccp_shutdown_add_pool(d->s, "late", (ccp_pool *)d, NULL, NULL) == CCP_CLOSED);
    MUST(ccp_shutdown_run(d->s, NULL, CCP_FOREVER) == CCP_CLOSED);
    MUST(ccp_shutdown_free(d->s) == CCP_BUSY);
    MUST(ccp_shutdown_report(d->s, NULL, 0) == 0);
    d->n++;
    return CCP_OK;
}

TEST(it_runs_once_and_takes_no_more_steps) /* G3 */
{
    diary d = { .s = ccp_shutdown_new() };
    ASSERT_STATUS(ccp_shutdown_add(d.s, CCP_PHASE_DRAIN, "use", use_it, &d), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_run(d.s, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_run(d.s, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_shutdown_add(d.s, CCP_PHASE_JOIN, "late", write_down, NULL), CCP_CLOSED);
    assert_int_equal(d.n, 1);
    ASSERT_STATUS(ccp_shutdown_free(d.s), CCP_OK);
}

TEST(what_makes_no_sense_is_refused) /* G2 */
{
    diary d = { 0 };
    page p = { &d, 0, CCP_OK };
    ccp_pool *pool = pool_of(1, 1);
    ccp_shutdown *s = ccp_shutdown_new();
    ASSERT_STATUS(ccp_shutdown_add(NULL, CCP_PHASE_JOIN, "x", write_down, &p), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_JOIN, NULL, write_down, &p), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_JOIN, "x", NULL, &p), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add(s, (ccp_phase)4, "x", write_down, &p), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add_pool(NULL, "x", pool, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add_pool(s, NULL, pool, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_add_pool(s, "x", NULL, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_shutdown_run(NULL, NULL, CCP_FOREVER), CCP_INVAL);
    for (int i = 0; i < 4; i++) {
        ccp_shutdown_limits l = { i == 0 ? -1 : 0, i == 1 ? -1 : 0, i == 2 ? -1 : 0,
                                  i == 3 ? -1 : 0 };
        ASSERT_STATUS(ccp_shutdown_run(s, &l, CCP_FOREVER), CCP_INVAL);
    }
    assert_int_equal(ccp_shutdown_report(NULL, NULL, 0), 0);
    ASSERT_STATUS(ccp_shutdown_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_OK); /* nothing to do */
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

TEST(without_memory_nothing_is_added) /* G4 */
{
    diary d = { 0 };
    page p = { &d, 0, CCP_OK };
    memory_watch();
    ccp_pool *pool = pool_of(1, 1);
    memory_fail_at(1);
    assert_null(ccp_shutdown_new());
    ccp_shutdown *s = ccp_shutdown_new();
    memory_fail_at(1);
    ASSERT_STATUS(ccp_shutdown_add(s, CCP_PHASE_JOIN, "x", write_down, &p), CCP_NOMEM);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_shutdown_add_pool(s, "x", pool, NULL, NULL), CCP_NOMEM);
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_OK);
    assert_int_equal(d.n, 0);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

/* ---- pools ---- */

static atomic_long handed_back;

static void count_back(ccp_task fn, void *task_arg, void *unrun_arg)
{
    (void)fn;
    (void)task_arg;
    MUST(unrun_arg == &handed_back);
    atomic_fetch_add(&handed_back, 1);
}

static void expect(ccp_shutdown *s, const ccp_status expected[4])
{
    ccp_shutdown_result r[4];
    assert_int_equal(ccp_shutdown_report(s, r, 4), 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(r[i].name, "workers");
        assert_int_equal(r[i].phase, phases[i]);
        ASSERT_STATUS(r[i].status, expected[i]);
    }
}

static ccp_shutdown *shutdown_of(ccp_pool *p)
{
    ccp_shutdown *s = ccp_shutdown_new();
    atomic_store(&handed_back, 0);
    ASSERT_STATUS(ccp_shutdown_add_pool(s, "workers", p, count_back, &handed_back), CCP_OK);
    return s;
}

TEST(a_pool_that_is_done_in_time_loses_nothing) /* J4 */
{
    atomic_long runs = 0;
    ccp_pool *p = pool_of(2, 64);
    ccp_shutdown *s = shutdown_of(p);
    for (int i = 0; i < 50; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_OK);
    expect(s, (const ccp_status[]){ CCP_OK, CCP_OK, CCP_OK, CCP_OK });
    assert_int_equal(runs, 50);
    assert_int_equal(handed_back, 0);
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_status until_told(ccp_ctx *ctx, void *arg)
{
    atomic_fetch_add((atomic_long *)arg, 1);
    return ccp_sleep(ccp_with(ctx));
}

TEST(tasks_that_take_too_long_are_told_and_others_handed_back) /* J4 P3 */
{
    atomic_long begun = 0, runs = 0;
    ccp_pool *p = pool_of(2, 64);
    ccp_shutdown *s = shutdown_of(p);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_pool_submit(p, until_told, &begun, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(begun == 2);
    for (int i = 0; i < 20; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    const ccp_shutdown_limits l = { .drain = CCP_MS(1) };
    ASSERT_STATUS(ccp_shutdown_run(s, &l, CCP_FOREVER), CCP_TIMEOUT);
    expect(s, (const ccp_status[]){ CCP_OK, CCP_TIMEOUT, CCP_OK, CCP_OK });
    assert_int_equal(runs, 0);
    assert_int_equal(handed_back, 20);
    assert_int_equal(info_of_pool(p).failed, 2);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_task_that_does_not_stop_is_reported) /* J2 J3 J4 */
{
    atomic_long runs = 0;
    ccp_pool *p = pool_of(1, 4);
    ccp_shutdown *s = shutdown_of(p);
    occupy(p, 1);
    const ccp_shutdown_limits l = { .drain = CCP_MS(1), .join = CCP_MS(1) };
    ASSERT_STATUS(ccp_shutdown_run(s, &l, CCP_FOREVER), CCP_TIMEOUT);
    expect(s, (const ccp_status[]){ CCP_OK, CCP_TIMEOUT, CCP_OK, CCP_TIMEOUT });
    assert_int_equal(info_of_pool(p).workers, 1);
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_CLOSED);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_pool_that_was_shut_down_before_is_no_failure) /* J4 */
{
    ccp_pool *p = pool_of(1, 4);
    ccp_shutdown *s = shutdown_of(p);
    ASSERT_STATUS(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_free(s), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(steps_run_by_phase_and_then_as_they_were_added),
        ENTRY(all_run_also_when_some_fail_and_the_report_tells),
        ENTRY(the_first_that_fails_is_what_it_returns),
        ENTRY(with_no_wait_all_run_and_none_waits),
        ENTRY(it_runs_once_and_takes_no_more_steps),
        ENTRY(what_makes_no_sense_is_refused),
        ENTRY(without_memory_nothing_is_added),
        ENTRY(a_pool_that_is_done_in_time_loses_nothing),
        ENTRY(tasks_that_take_too_long_are_told_and_others_handed_back),
        ENTRY(a_task_that_does_not_stop_is_reported),
        ENTRY(a_pool_that_was_shut_down_before_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
