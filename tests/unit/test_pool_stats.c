/* SPDX-License-Identifier: MIT
 *
 * Worker pools: histograms, what looks find, workers, health.
 */
#include "pools.h"

#include "base/histogram.h"
#include "base/machine.h"

/* Linked with --wrap=ccpi_clock_now: what the clock says; 0: the real one. */
static _Atomic int64_t fake_time;
static _Thread_local bool in_real_time; /* who spins by the clock, as on armhf, sleeps at last */
int64_t __real_ccpi_clock_now(void);
int64_t __wrap_ccpi_clock_now(void);
int64_t __wrap_ccpi_clock_now(void)
{
    int64_t t = atomic_load(&fake_time);
    return t && !in_real_time ? t : __real_ccpi_clock_now();
}

#define SEC(n) CCP_SEC((int64_t)(n))

static int no_time(void **state)
{
    atomic_store(&fake_time, 0);
    return no_block_is_live(state);
}
#define FAKED(name) cmocka_unit_test_teardown(name, no_time)

static ccp_pool *pool_with(ccp_pool_opts o)
{
    ccp_pool *p = ccp_pool_new(&o);
    assert_non_null(p);
    return p;
}

static ccp_pool_stats stats_of(ccp_pool *p)
{
    ccp_pool_stats s;
    ASSERT_STATUS(ccp_pool_get_stats(p, &s), CCP_OK);
    return s;
}

static ccp_pool_stats stats_at(ccp_pool *p, int64_t t)
{
    atomic_store(&fake_time, t);
    return stats_of(p);
}

static void submit_counts(ccp_pool *p, int n)
{
    for (int i = 0; i < n; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_NOWAIT), CCP_OK);
}

static void finish(ccp_pool *p)
{
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
}

TEST(what_makes_no_sense_is_refused) /* G2 */
{
    ccp_pool *p = pool_of(1, 1);
    ccp_pool_stats s;
    ccp_pool_health h;
    ccp_worker_info w;
    ASSERT_STATUS(ccp_pool_get_stats(NULL, &s), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_stats(p, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_health(NULL, NULL, &h), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_health(p, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_health(p, &(ccp_health_limits){ .task_ns = -1 }, &h), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_health(p, &(ccp_health_limits){ .queue_ns = -1 }, &h), CCP_INVAL);
    assert_int_equal(ccp_pool_get_workers(NULL, &w, 1), 0);
    assert_int_equal(ccp_pool_get_workers(p, NULL, 1), 0);
    assert_int_equal(ccp_pool_get_workers(p, NULL, 0), 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- histograms ---- */

TEST(each_time_is_in_the_first_bucket_that_has_room_for_it)
{
    assert_int_equal(ccpi_histogram_bucket(0), 0);
    assert_int_equal(ccpi_histogram_bucket(UINT64_MAX), CCP_HISTOGRAM_BUCKETS - 1);
    for (unsigned i = 0; i + 1 < CCP_HISTOGRAM_BUCKETS; i++) {
        uint64_t bound = (uint64_t)CCP_HISTOGRAM_BOUND(i);
        assert_int_equal(ccpi_histogram_bucket(bound - 1), i);
        assert_int_equal(ccpi_histogram_bucket(bound), i);
        assert_int_equal(ccpi_histogram_bucket(bound + 1), i + 1);
    }
}

TEST(quantiles_are_bounds_of_buckets)
{
    ccp_histogram h = { 0 };
    assert_int_equal(ccp_histogram_quantile(NULL, 0.5), 0);
    assert_int_equal(ccp_histogram_quantile(&h, 0.5), 0);
    h = (ccp_histogram){ .count = 100, .max_ns = CCP_SEC(100), .bucket = { [0] = 50, [3] = 49 } };
    h.bucket[CCP_HISTOGRAM_BUCKETS - 1] = 1;
    assert_int_equal(ccp_histogram_quantile(&h, 0.01), CCP_US(1));
    assert_int_equal(ccp_histogram_quantile(&h, 0.5), CCP_US(1));
    assert_int_equal(ccp_histogram_quantile(&h, 0.51), CCP_US(8));
    assert_int_equal(ccp_histogram_quantile(&h, 0.99), CCP_US(8));
    assert_int_equal(ccp_histogram_quantile(&h, 1), CCP_SEC(100));
    assert_int_equal(ccp_histogram_quantile(&h, 0), 0);
    assert_int_equal(ccp_histogram_quantile(&h, -1), 0);
    assert_int_equal(ccp_histogram_quantile(&h, 1.1), 0);
    h = (ccp_histogram){ .count = 2, .max_ns = 5100, .bucket = { [3] = 2 } };
    assert_int_equal(ccp_histogram_quantile(&h, 0.5), 5100); /* none took longer */
}

static ccp_status move_time(ccp_ctx *ctx, void *ns)
{
    (void)ctx;
    atomic_fetch_add(&fake_time, *(int64_t *)ns);
    return CCP_OK;
}

TEST(each_measured_task_is_in_the_histograms_once) /* MT5 */
{
    static int64_t us1 = CCP_US(1), us3 = CCP_US(3), ms9 = CCP_MS(9), s90 = SEC(90);
    static int64_t *const takes[] = { &us1, &us3, &us3, &ms9, &s90 };
    ccp_pool *p = pool_with((ccp_pool_opts){ .workers = 1, .queue = 16, .measure = true });
    atomic_store(&fake_time, SEC(1000));
    occupy(p, 1);
    for (size_t i = 0; i < LENGTH(takes); i++)
        ASSERT_STATUS(ccp_pool_submit(p, move_time, takes[i], CCP_NOWAIT), CCP_OK);
    atomic_store(&fake_time, SEC(1001));
    finish(p);
    ccp_pool_stats s = stats_of(p);
    assert_true(s.run.count == 6 && s.queue.count == 6 && s.info.measured == 6);
    assert_int_equal(s.run.bucket[0], 1);
    assert_int_equal(s.run.bucket[2], 2); /* 2 us < 3 us <= 4 us */
    assert_int_equal(s.run.bucket[14], 1); /* 8.2 ms < 9 ms <= 16.4 ms */
    assert_int_equal(s.run.bucket[20], 1); /* that at the gate: 0.5 s < 1 s <= 1.05 s */
    assert_int_equal(s.run.bucket[CCP_HISTOGRAM_BUCKETS - 1], 1);
    assert_int_equal(s.run.sum_ns, SEC(1) + us1 + us3 + us3 + ms9 + s90);
    assert_int_equal(s.run.max_ns, s90);
    assert_int_equal(s.queue.bucket[0], 1); /* that at the gate did not wait */
    assert_int_equal(s.queue.bucket[20], 5);
    assert_int_equal(s.queue.max_ns, SEC(1) + us1 + us3 + us3 + ms9);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(workers_that_came_later_count_too) /* MT5 */
{
    ccp_pool *p = pool_with((ccp_pool_opts){ .workers = 4, .queue = 8, .measure = true });
    for (unsigned n = 1; n <= 100; n++) {
        ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_FOREVER), CCP_OK);
        if (n == 50)
            ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK);
        if (n == 75)
            ASSERT_STATUS(ccp_pool_resize(p, 7), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(stats_of(p).run.count, n);
        assert_int_equal(stats_of(p).queue.count, n);
    }
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(without_measure_there_are_no_histograms) /* MT5 */
{
    ccp_pool *p = pool_of(2, 8);
    submit_counts(p, 5);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_true(stats_of(p).run.count == 0 && stats_of(p).queue.count == 0);
    assert_int_equal(stats_of(p).info.finished, 5);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- tasks that wait ---- */

TEST(what_waits_is_as_old_as_the_first_look_that_found_it) /* MT6 */
{
    ccp_pool *p = pool_of(1, 8);
    occupy(p, 1);
    assert_int_equal(stats_at(p, SEC(100)).waited_ns, 0);
    submit_counts(p, 1);
    assert_int_equal(stats_at(p, SEC(110)).waited_ns, 0);
    submit_counts(p, 1);
    assert_int_equal(stats_at(p, SEC(113)).waited_ns, SEC(3));
    assert_int_equal(stats_at(p, SEC(150)).waited_ns, SEC(40));
    finish(p);
    assert_int_equal(stats_at(p, SEC(160)).waited_ns, 0);
    occupy(p, 1);
    submit_counts(p, 1);
    assert_int_equal(stats_at(p, SEC(170)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(172)).waited_ns, SEC(2));
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_status take_a_token(ccp_ctx *ctx, void *tokens)
{
    (void)ctx;
    return ccp_chan_recv(tokens, NULL, CCP_FOREVER);
}

/* One worker; at each look tasks were submitted since, and some have begun. */
TEST(after_many_looks_most_of_what_a_task_has_waited_is_told) /* MT6 */
{
    enum { LOOKS = 600, IN = 2 };
    static int64_t came[IN * LOOKS + 1];
    ccp_chan *tokens = ccp_chan_new(0, IN * LOOKS + 1);
    ccp_pool *p = pool_of(1, IN * LOOKS + 1);
    assert_non_null(tokens);
    int n = 0, begun = 1;
    ASSERT_STATUS(ccp_pool_submit(p, take_a_token, tokens, CCP_NOWAIT), CCP_OK);
    came[n++] = 0;
    WAIT_UNTIL(info_of_pool(p).busy == 1);
    for (int look = 1; look <= LOOKS; look++) {
        atomic_store(&fake_time, SEC(look));
        for (int k = 0; k < IN; k++, n++) {
            ASSERT_STATUS(ccp_pool_submit(p, take_a_token, tokens, CCP_NOWAIT), CCP_OK);
            came[n] = SEC(look);
        }
        for (int k = 0; k < look % 3; k++, begun++)
            ASSERT_STATUS(ccp_chan_send(tokens, NULL, CCP_NOWAIT), CCP_OK);
        WAIT_UNTIL(info_of_pool(p).queued == (size_t)(n - begun) && info_of_pool(p).busy == 1);
        int64_t told = stats_of(p).waited_ns, is = SEC(look) - came[begun];
        assert_true(told <= is);
        assert_true(look <= 16 ? told == is : told >= is / 2);
    }
    for (; begun <= n; begun++)
        ASSERT_STATUS(ccp_chan_send(tokens, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(tokens), CCP_OK);
}

TEST(a_task_that_took_the_place_of_a_withdrawn_one_is_new) /* MT6 */
{
    ccp_pool *p = pool_of(1, 8);
    const ccp_task_opts mine = { .owner = &mine };
    occupy(p, 1);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_pool_submit_with(p, count, NULL, &mine, CCP_NOWAIT), CCP_OK);
    assert_int_equal(stats_at(p, SEC(100)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(101)).waited_ns, SEC(1));
    ASSERT_STATUS(ccp_pool_cancel(p, &mine, NULL), CCP_OK);
    assert_int_equal(stats_at(p, SEC(102)).waited_ns, 0);
    ASSERT_STATUS(ccp_pool_submit_with(p, count, NULL, &mine, CCP_NOWAIT), CCP_OK);
    assert_int_equal(stats_at(p, SEC(105)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(109)).waited_ns, SEC(4));
    finish(p);
    assert_int_equal(stats_at(p, SEC(110)).waited_ns, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(what_tells_a_worker_to_go_is_no_task) /* MT6 */
{
    ccp_pool *p = pool_of(2, 8);
    occupy(p, 2);
    ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK);
    assert_int_equal(stats_at(p, SEC(100)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(105)).waited_ns, 0);
    submit_counts(p, 1);
    assert_int_equal(stats_at(p, SEC(107)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(108)).waited_ns, SEC(1));
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(without_a_queue_nothing_waits_in_it) /* MT6 */
{
    ccp_pool *p = pool_of(1, 0);
    occupy(p, 1);
    ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(stats_at(p, SEC(100)).waited_ns, 0);
    assert_int_equal(stats_at(p, SEC(101)).waited_ns, 0);
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- tasks that run ---- */

TEST(what_runs_has_run_since_the_first_look_or_since_it_began) /* MT6 */
{
    for (int measure = 0; measure < 2; measure++) {
        ccp_pool *p =
            pool_with((ccp_pool_opts){ .workers = 1, .queue = 8, .measure = measure > 0 });
        assert_int_equal(stats_at(p, SEC(100)).task_ns, 0);
        occupy(p, 1);
        atomic_store(&fake_time, SEC(110));
        WAIT_UNTIL(!measure || stats_of(p).task_ns == SEC(10));
        int64_t before = measure ? SEC(10) : 0;
        assert_int_equal(stats_at(p, SEC(110)).task_ns, before);
        assert_int_equal(stats_at(p, SEC(117)).task_ns, before + SEC(7));
        finish(p);
        assert_int_equal(stats_at(p, SEC(120)).task_ns, 0);
        occupy(p, 1); /* the same worker, another task */
        assert_int_equal(stats_at(p, SEC(120)).task_ns, 0);
        assert_int_equal(stats_at(p, SEC(121)).task_ns, SEC(1));
        finish(p);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        atomic_store(&fake_time, 0);
    }
}

static ccp_status fails(ccp_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    return CCP_FAILED;
}

static bool all_three_run(ccp_pool *p)
{
    ccp_worker_info w[3];
    return ccp_pool_get_workers(p, w, 3) == 3 && w[0].thread && w[1].thread && w[2].thread;
}

TEST(workers_tell_what_they_do)
{
    ccp_worker_info w[4];
    ccp_pool *p = pool_with((ccp_pool_opts){ .workers = 3, .queue = 8, .measure = true });
    WAIT_UNTIL(all_three_run(p));
    ASSERT_STATUS(ccp_pool_submit(p, fails, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    atomic_store(&fake_time, SEC(100));
    occupy(p, 2);
    atomic_store(&fake_time, SEC(130));
    WAIT_UNTIL(stats_of(p).task_ns == SEC(30));
    memset(w, 0xff, sizeof w);
    assert_int_equal(ccp_pool_get_workers(p, w, 2), 3);
    assert_int_equal(w[2].index, -1);
    assert_int_equal(ccp_pool_get_workers(p, w, 4), 3);
    uint64_t finished = 0, failed = 0;
    int busy = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w[i].index, i);
        assert_int_equal(w[i].task_ns, w[i].busy ? SEC(30) : 0);
        assert_true(i == 0 || w[i].thread != w[i - 1].thread);
        finished += w[i].finished;
        failed += w[i].failed;
        busy += w[i].busy;
    }
    assert_true(busy == 2 && finished == 1 && failed == 1);
    finish(p);
    ccp_pool_get_workers(p, w, 3);
    int64_t ran = w[0].run_ns_max + w[1].run_ns_max + w[2].run_ns_max;
    assert_true(ran >= 2 * SEC(30) && ran < 2 * SEC(30) + SEC(10));
    ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK);
    WAIT_UNTIL(ccp_pool_get_workers(p, w, 4) == 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- health ---- */

static ccp_pool_health health_at(ccp_pool *p, int64_t t)
{
    static const ccp_health_limits limits = { .task_ns = SEC(5), .queue_ns = SEC(2) };
    ccp_pool_health h;
    atomic_store(&fake_time, t);
    ASSERT_STATUS(ccp_pool_get_health(p, &limits, &h), CCP_OK);
    assert_non_null(h.why);
    return h;
}

TEST(a_pool_is_stuck_when_all_workers_are_and_tasks_wait) /* MT7 */
{
    ccp_pool *p = pool_of(2, 8);
    assert_int_equal(health_at(p, SEC(100)).state, CCP_HEALTH_GOOD);
    occupy(p, 1);
    assert_int_equal(health_at(p, SEC(101)).state, CCP_HEALTH_GOOD);
    ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_NOWAIT), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 2);
    assert_int_equal(health_at(p, SEC(105)).state, CCP_HEALTH_GOOD);
    ccp_pool_health h = health_at(p, SEC(106));
    assert_true(h.state == CCP_HEALTH_DEGRADED && h.stuck == 1 && h.busy == 2 && h.workers == 2);
    assert_int_equal(h.task_ns, SEC(5));
    h = health_at(p, SEC(110)); /* both, but nothing waits for them */
    assert_true(h.state == CCP_HEALTH_DEGRADED && h.stuck == 2);
    submit_counts(p, 1);
    h = health_at(p, SEC(110));
    assert_true(h.state == CCP_HEALTH_STUCK && h.stuck == 2 && h.queued == 1);
    finish(p);
    assert_int_equal(health_at(p, SEC(111)).state, CCP_HEALTH_GOOD);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(who_may_start_a_worker_more_is_not_stuck) /* MT7 */
{
    ccp_pool *p = pool_of(1, 8);
    occupy(p, 1);
    submit_counts(p, 1);
    (void)health_at(p, SEC(100));
    assert_int_equal(health_at(p, SEC(105)).state, CCP_HEALTH_STUCK);
    ASSERT_STATUS(ccp_pool_resize(p, 2), CCP_OK);
    WAIT_UNTIL(info_of_pool(p).finished == 1);
    ccp_pool_health h = health_at(p, SEC(106));
    assert_true(h.state == CCP_HEALTH_DEGRADED && h.stuck == 1 && h.workers == 2);
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static void submit_count(actor *a)
{
    in_real_time = true;
    actor_calls(a);
    a->rc = ccp_pool_submit(a->arg, count, NULL, CCP_FOREVER);
}

TEST(who_waits_to_submit_waits_too) /* MT7 */
{
    ccp_pool *p = pool_of(1, 0);
    occupy(p, 1);
    (void)health_at(p, SEC(100));
    assert_int_equal(health_at(p, SEC(105)).state, CCP_HEALTH_DEGRADED);
    actor a = { .arg = p };
    actor_start(&a, submit_count);
    actor_sleep_here(&a);
    assert_int_equal(health_at(p, SEC(105)).state, CCP_HEALTH_STUCK);
    gate_open(&task_gate);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_queue_that_is_old_is_told_of_and_not_one_that_is_full)
{
    ccp_pool *p = pool_of(1, 2);
    occupy(p, 1);
    submit_counts(p, 1);
    assert_int_equal(health_at(p, SEC(100)).state, CCP_HEALTH_GOOD);
    submit_counts(p, 1);
    ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(health_at(p, SEC(101)).state, CCP_HEALTH_GOOD);
    ccp_pool_health h = health_at(p, SEC(102));
    assert_int_equal(h.state, CCP_HEALTH_DEGRADED);
    assert_int_equal(h.waited_ns, SEC(2));
    assert_non_null(strstr(h.why, "waited"));
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_minute_is_too_long_if_nothing_else_is_said)
{
    ccp_pool *p = pool_of(1, 2);
    ccp_pool_health h;
    occupy(p, 1);
    (void)health_at(p, SEC(100));
    atomic_store(&fake_time, SEC(160) - 1);
    ASSERT_STATUS(ccp_pool_get_health(p, NULL, &h), CCP_OK);
    assert_int_equal(h.state, CCP_HEALTH_GOOD);
    atomic_store(&fake_time, SEC(160));
    ASSERT_STATUS(ccp_pool_get_health(p, NULL, &h), CCP_OK);
    assert_int_equal(h.state, CCP_HEALTH_DEGRADED);
    finish(p);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKED(what_makes_no_sense_is_refused),
        FAKED(each_time_is_in_the_first_bucket_that_has_room_for_it),
        FAKED(quantiles_are_bounds_of_buckets),
        FAKED(each_measured_task_is_in_the_histograms_once),
        FAKED(workers_that_came_later_count_too),
        FAKED(without_measure_there_are_no_histograms),
        FAKED(what_waits_is_as_old_as_the_first_look_that_found_it),
        FAKED(after_many_looks_most_of_what_a_task_has_waited_is_told),
        FAKED(a_task_that_took_the_place_of_a_withdrawn_one_is_new),
        FAKED(what_tells_a_worker_to_go_is_no_task),
        FAKED(without_a_queue_nothing_waits_in_it),
        FAKED(what_runs_has_run_since_the_first_look_or_since_it_began),
        FAKED(workers_tell_what_they_do),
        FAKED(a_pool_is_stuck_when_all_workers_are_and_tasks_wait),
        FAKED(who_may_start_a_worker_more_is_not_stuck),
        FAKED(who_waits_to_submit_waits_too),
        FAKED(a_queue_that_is_old_is_told_of_and_not_one_that_is_full),
        FAKED(a_minute_is_too_long_if_nothing_else_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
