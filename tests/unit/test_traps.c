/* SPDX-License-Identifier: MIT
 *
 * Known traps: programs that deadlock, lose results or allocate without end on other libraries.
 */
#include "support.h"

/* --- many jobs, one worker, no room --- */

typedef struct mill {
    ccp_chan *jobs, *results;
    ccp_pool *pool;
    long n;
} mill;

static void feed_jobs(actor *a)
{
    mill *m = a->arg;
    for (long i = 0; i < m->n; i++)
        MUST(ccp_chan_send(m->jobs, &i, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_close(m->jobs) == CCP_OK);
}

static void work_jobs(actor *a)
{
    mill *m = a->arg;
    long v;
    CCP_CHAN_FOR(&v, m->jobs, CCP_FOREVER)
    {
        v = 2 * v + 1;
        MUST(ccp_chan_send(m->results, &v, CCP_FOREVER) == CCP_OK);
    }
    MUST(ccp_chan_close(m->results) == CCP_OK);
}

TEST(a_hundred_thousand_jobs_pass_one_worker_through_channels_of_one) /* C1 C4 */
{
    mill m = { .jobs = ccp_chan_new(sizeof(long), 1), .results = ccp_chan_new(sizeof(long), 1),
               .n = 100000 };
    actor feeder = { .arg = &m }, worker = { .arg = &m };
    long v, next = 0;
    actor_start(&feeder, feed_jobs);
    actor_start(&worker, work_jobs);
    CCP_CHAN_FOR(&v, m.results, CCP_FOREVER)
    {
        assert_int_equal(v, 2 * next + 1);
        next++;
    }
    assert_int_equal(next, m.n);
    actor_join(&feeder);
    actor_join(&worker);
    ASSERT_STATUS(ccp_chan_free(m.jobs), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(m.results), CCP_OK);
}

static mill *the_mill;

static ccp_status send_result(ccp_ctx *ctx, void *arg)
{
    long v = 2 * (long)(intptr_t)arg + 1;
    return ccp_chan_send(the_mill->results, &v, ccp_with(ctx));
}

static void submit_jobs(actor *a)
{
    mill *m = a->arg;
    for (long i = 0; i < m->n; i++)
        MUST(ccp_pool_submit(m->pool, send_result, (void *)(intptr_t)i, CCP_FOREVER) == CCP_OK);
    MUST(ccp_pool_drain(m->pool, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_close(m->results) == CCP_OK);
}

TEST(a_hundred_thousand_tasks_pass_a_pool_of_one_with_a_queue_of_one) /* P1 P3 */
{
    mill m = { .results = ccp_chan_new(sizeof(long), 1), .n = 100000 };
    m.pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    the_mill = &m;
    actor submitter = { .arg = &m };
    long v, next = 0;
    actor_start(&submitter, submit_jobs);
    CCP_CHAN_FOR(&v, m.results, CCP_FOREVER)
    {
        assert_int_equal(v, 2 * next + 1);
        next++;
    }
    assert_int_equal(next, m.n);
    actor_join(&submitter);
    ASSERT_STATUS(ccp_pool_free(m.pool), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(m.results), CCP_OK);
}

/* --- "every worker closes the results when it is done" --- */

enum { WORKERS = 3, JOBS = 12 };

static ccp_status work_then_sign_off(ccp_ctx *ctx, void *arg)
{
    mill *m = arg;
    long v;
    (void)ctx;
    CCP_CHAN_FOR(&v, m->jobs, CCP_FOREVER)
    MUST(ccp_chan_send(m->results, &v, CCP_FOREVER) == CCP_OK);
    return ccp_chan_sender_done(m->results);
}

static ccp_status feed_then_close(ccp_ctx *ctx, void *arg)
{
    mill *m = arg;
    (void)ctx;
    for (long i = 0; i < JOBS; i++)
        MUST(ccp_chan_send(m->jobs, &i, CCP_FOREVER) == CCP_OK);
    return ccp_chan_close(m->jobs);
}

static void run_recipe(ccp_pool *p, size_t jobs_capacity, size_t results_capacity)
{
    mill m = { .jobs = ccp_chan_new(sizeof(long), jobs_capacity),
               .results = ccp_chan_new(sizeof(long), results_capacity) };
    long v, n = 0, sum = 0;
    ASSERT_STATUS(ccp_chan_add_senders(m.results, WORKERS), CCP_OK);
    for (int i = 0; i < WORKERS; i++)
        ASSERT_STATUS(ccp_pool_submit(p, work_then_sign_off, &m, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit(p, feed_then_close, &m, CCP_FOREVER), CCP_OK);
    CCP_CHAN_FOR(&v, m.results, CCP_FOREVER)
    {
        n++;
        sum += v;
    }
    assert_int_equal(n, JOBS);
    assert_int_equal(sum, JOBS * (JOBS - 1) / 2);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(m.jobs), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(m.results), CCP_OK);
}

TEST(every_worker_closes_the_results_ten_thousand_times) /* C11 C2 C4 */
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = WORKERS + 1, .queue = 4 });
    for (size_t round = 0; round < scaled(10000); round++)
        run_recipe(p, round % 3, round / 3 % 3);
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_get_info(p, &info), CCP_OK);
    assert_int_equal(info.failed, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* --- a sender blocked on a full channel --- */

TEST(a_sender_blocked_on_a_full_channel_is_released_by_close_and_keeps_its_element) /* C3 C2 */
{
    long v = 1;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    actor a = { .ch = ch, .w = CCP_FOREVER, .value = 2 };
    actor_start(&a, actor_send_long);
    WAIT_UNTIL(waiting_senders(ch) == 1);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    assert_int_equal(a.value, 2);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, 1);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_CLOSED); /* 2 is not in it */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_sender_blocked_at_a_rendezvous_is_not_told_success_by_close) /* C3 C5 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a = { .ch = ch, .w = CCP_FOREVER, .value = 2 };
    actor_start(&a, actor_send_long);
    WAIT_UNTIL(waiting_senders(ch) == 1);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- close against send, many times --- */

static void send_until_closed(actor *a)
{
    ccp_status rc;
    while ((rc = ccp_chan_send(a->ch, &a->value, CCP_FOREVER)) == CCP_OK)
        a->value++;
    MUST(rc == CCP_CLOSED);
}

static void recv_until_closed(actor *a)
{
    long v;
    CCP_CHAN_FOR(&v, a->ch, CCP_FOREVER)
    a->value++;
}

TEST(no_element_slips_in_after_close_has_returned) /* C2 C4 */
{
    for (size_t round = 0; round < scaled(600); round++) {
        size_t capacity = round % 4;
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        actor s[2], r = { .ch = ch };
        for (size_t i = 0; i < 2; i++) {
            s[i] = (actor){ .ch = ch };
            actor_start(&s[i], send_until_closed);
        }
        if (round % 2)
            actor_start(&r, recv_until_closed);
        else if (capacity)
            WAIT_UNTIL(ccp_chan_len(ch) > 0);
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        long left = (long)ccp_chan_len(ch), received = 0;
        if (round % 2) {
            actor_join(&r);
            received = r.value;
        } else {
            recv_until_closed(&r);
            assert_int_equal(r.value, left); /* what was in it at close is all there ever is */
            received = r.value;
        }
        for (size_t i = 0; i < 2; i++)
            actor_join(&s[i]);
        assert_int_equal(s[0].value + s[1].value, received);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

/* --- no allocation --- */

static void echo(actor *a)
{
    mill *m = a->arg;
    long v;
    CCP_CHAN_FOR(&v, m->jobs, CCP_FOREVER)
    MUST(ccp_chan_send(m->results, &v, CCP_FOREVER) == CCP_OK);
}

static void exchange(mill *m, size_t n)
{
    long v = 1;
    size_t i, k;
    ccp_wg wg = CCP_WG_INIT;
    const ccp_case cases[] = { CCP_CASE_RECV(m->results, &v), CCP_CASE_RECV(NULL, &v) };
    for (size_t round = 0; round < n; round++) {
        MUST(ccp_chan_send(m->jobs, &v, CCP_FOREVER) == CCP_OK);
        switch (round % 3) {
        case 0:
            MUST(ccp_chan_recv(m->results, &v, CCP_FOREVER) == CCP_OK);
            break;
        case 1:
            MUST(ccp_select(cases, 2, &i, CCP_FOREVER) == CCP_OK);
            break;
        default:
            MUST(ccp_chan_recv_n(m->results, &v, 1, &k, CCP_FOREVER) == CCP_OK);
        }
        MUST(ccp_chan_recv(m->results, &v, CCP_NOWAIT) == CCP_AGAIN);
        MUST(ccp_wg_add(&wg, 1) == CCP_OK && ccp_wg_done(&wg) == CCP_OK);
        MUST(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    }
}

TEST(a_million_operations_allocate_nothing) /* C6 S6 */
{
    static const size_t capacities[] = { 0, 1, 64 };
    memory_watch();
    for (size_t c = 0; c < LENGTH(capacities); c++) {
        mill m = { .jobs = ccp_chan_new(sizeof(long), capacities[c]),
                   .results = ccp_chan_new(sizeof(long), capacities[c]) };
        actor a = { .arg = &m };
        actor_start(&a, echo);
        size_t before = atomic_load(&memory_calls);
        exchange(&m, scaled(50000)); /* 8 operations each, on both sides */
        assert_int_equal(atomic_load(&memory_calls), before);
        ASSERT_STATUS(ccp_chan_close(m.jobs), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(ccp_chan_free(m.jobs), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(m.results), CCP_OK);
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_hundred_thousand_jobs_pass_one_worker_through_channels_of_one),
        ENTRY(a_hundred_thousand_tasks_pass_a_pool_of_one_with_a_queue_of_one),
        ENTRY(every_worker_closes_the_results_ten_thousand_times),
        ENTRY(a_sender_blocked_on_a_full_channel_is_released_by_close_and_keeps_its_element),
        ENTRY(a_sender_blocked_at_a_rendezvous_is_not_told_success_by_close),
        ENTRY(no_element_slips_in_after_close_has_returned),
        ENTRY(a_million_operations_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
