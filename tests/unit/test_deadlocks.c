/* SPDX-License-Identifier: MIT
 *
 * Deadlocks, each of which must be found and named, and what is none.
 */
#include "stuck.h"

enum { JOBS = 0, RESULTS = 1, MANY_JOBS = 100 };

static void work(actor *a)
{
    long v;
    while (ccp_chan_recv(sc.ch[JOBS], &v, forever()) == CCP_OK &&
           ccp_chan_send(sc.ch[RESULTS], &v, forever()) == CCP_OK)
        ;
    (void)ccp_wg_done(&sc.wg);
    (void)a;
}

static void send_all_then_collect(actor *a)
{
    for (long i = 0; i < MANY_JOBS; i++)
        a->rc = ccp_chan_send(sc.ch[JOBS], &i, forever());
}

/* Workers between two channels, and one more thread. */
static void three_workers_and(void (*fn)(actor *))
{
    stuck_begin();
    sc.ch[JOBS] = channel("jobs", 3);
    sc.ch[RESULTS] = channel("results", 3);
    ASSERT_STATUS(ccp_wg_add(&sc.wg, 3), CCP_OK);
    for (size_t i = 0; i < 3; i++)
        enter(work, i);
    enter(fn, 3);
}

TEST(more_jobs_than_room_while_nobody_takes_results) /* DG5 */
{
    three_workers_and(send_all_then_collect);
    must_be_found();
    if (THREADS_ARE_COUNTED) {
        assert_memory_equal(now.text, "deadlock: ", 10);
        ASSERT_SAYS("3 threads wait in ccp_chan_send for channel 'results': nobody is left to "
                    "receive from it, or to close it\n");
        ASSERT_SAYS("1 thread waits in ccp_chan_send for channel 'jobs': ");
        assert_int_equal(page_says(&now, "circle"), 0);
        assert_int_equal(now.calls, 1);
    }
    stuck_end();
}

/* False: the end came first, which waits for a deadlock only if one can be found. */
static bool send_numbers(long n)
{
    for (long i = 0; i < n; i++)
        if (ccp_chan_send(sc.ch[JOBS], &i, forever()) != CCP_OK) {
            MUST(!THREADS_ARE_COUNTED);
            return false;
        }
    return true;
}

static void wait_for_workers_first(actor *a)
{
    if (!send_numbers(9))
        return;
    MUST(ccp_chan_close(sc.ch[JOBS]) == CCP_OK);
    a->rc = ccp_wg_wait(&sc.wg, forever());
}

TEST(waiting_for_workers_before_their_results_are_taken) /* DG5 */
{
    three_workers_and(wait_for_workers_first);
    must_be_found();
    if (THREADS_ARE_COUNTED) {
        ASSERT_SAYS("3 threads wait in ccp_chan_send for channel 'results': ");
        ASSERT_SAYS("1 thread waits in ccp_wg_wait for wait group 0x");
        ASSERT_SAYS(": nobody is left to call ccp_wg_done()\n");
    }
    stuck_end();
}

static void receive_until_closed(actor *a)
{
    long v;
    do
        a->rc = ccp_chan_recv(sc.ch[JOBS], &v, forever());
    while (a->rc == CCP_OK);
}

static void send_some(actor *a)
{
    (void)send_numbers(5);
    (void)a;
}

TEST(a_channel_that_nobody_closes) /* DG5 */
{
    stuck_begin();
    sc.ch[JOBS] = channel("jobs", 3);
    enter(receive_until_closed, 0);
    enter(receive_until_closed, 1);
    enter(send_some, 2);
    must_be_found();
    if (THREADS_ARE_COUNTED)
        ASSERT_SAYS("2 threads wait in ccp_chan_recv for channel 'jobs': nobody is left to send to "
                    "it, or to close it\n");
    stuck_end();
}

static void must_say_circle(const char *noun, const char *call)
{
    char line[200];
    if (!THREADS_ARE_COUNTED)
        return;
    ASSERT_SAYS("a circle of 2 threads, each of which waits for what the next one has:\n");
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, " waits for %s '%s', which thread %d '", noun,
                 i ? "left" : "right", sc.a[1 - i].tid);
        ASSERT_SAYS(line);
        snprintf(line, sizeof line, " in %s for %s '%s'\n    holds %s '%s' for ", call, noun,
                 i ? "left" : "right", noun, i ? "right" : "left");
        ASSERT_SAYS(line);
    }
    assert_int_equal(page_says(&now, "nobody is left"), 0);
}

TEST(two_mutexes_in_two_orders) /* DG5 */
{
    stuck_begin();
    ASSERT_STATUS(ccp_name(&sc.m[0], "left"), CCP_OK);
    ASSERT_STATUS(ccp_name(&sc.m[1], "right"), CCP_OK);
    enter(lock_in_order_of_index, 0);
    enter(lock_in_order_of_index, 1);
    must_be_found();
    must_say_circle("mutex", "ccp_mutex_lock");
    stuck_end();
}

static void acquire_in_order_of_index(actor *a)
{
    ccp_sem *first = &sc.s[a->index], *second = &sc.s[1 - a->index];
    MUST(ccp_sem_acquire(first, 1, CCP_NOWAIT) == CCP_OK);
    meet(2);
    a->rc = ccp_sem_acquire(second, 1, forever());
    if (a->rc == CCP_OK)
        MUST(ccp_sem_release(second, 1) == CCP_OK);
    MUST(ccp_sem_release(first, 1) == CCP_OK);
}

TEST(two_semaphores_in_two_orders) /* DG5 */
{
    stuck_begin();
    sc.s[0] = sc.s[1] = (ccp_sem)CCP_SEM_INIT(1);
    ASSERT_STATUS(ccp_name(&sc.s[0], "left"), CCP_OK);
    ASSERT_STATUS(ccp_name(&sc.s[1], "right"), CCP_OK);
    enter(acquire_in_order_of_index, 0);
    enter(acquire_in_order_of_index, 1);
    must_be_found();
    must_say_circle("semaphore", "ccp_sem_acquire");
    stuck_end();
}

static void pass_on(actor *a)
{
    long v = 0;
    do
        a->rc = ccp_chan_send(sc.ch[a->index], &v, forever());
    while (a->rc == CCP_OK);
}

TEST(a_circle_of_full_channels) /* DG5 */
{
    stuck_begin();
    sc.ch[0] = channel("there", 2);
    sc.ch[1] = channel("back", 2);
    enter(pass_on, 0);
    enter(pass_on, 1);
    must_be_found();
    if (THREADS_ARE_COUNTED) {
        ASSERT_SAYS("1 thread waits in ccp_chan_send for channel 'there': nobody is left to ");
        ASSERT_SAYS("1 thread waits in ccp_chan_send for channel 'back': nobody is left to ");
    }
    stuck_end();
}

static ccp_status done_at_once(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)ccp_wg_done(arg);
    return CCP_OK;
}

/* A task that waits for another of the same pool. */
static ccp_status wait_for_own_pool(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    meet(2);
    /* Or the end came first, which waits for a deadlock only if one can be found. */
    MUST(ccp_pool_submit(sc.pool, done_at_once, &sc.wg, CCP_FOREVER) == CCP_OK ||
         !THREADS_ARE_COUNTED);
    return ccp_wg_wait(&sc.wg, forever());
}

TEST(workers_that_wait_for_their_own_pool) /* DG5 */
{
    stuck_begin();
    sc.pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8, .name = "cooks" });
    assert_non_null(sc.pool);
    ASSERT_STATUS(ccp_wg_add(&sc.wg, 2), CCP_OK);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_pool_submit(sc.pool, wait_for_own_pool, NULL, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&sc.inside) == 2); /* one that has not begun does not when it is freed */
    must_be_found();
    if (THREADS_ARE_COUNTED)
        ASSERT_SAYS("no worker is left of pool 'cooks': 2 run tasks that wait, and 2 tasks have "
                    "not begun\n");
    ccp_ctx_cancel(sc.ctx);
    ASSERT_STATUS(ccp_pool_free(sc.pool), CCP_OK);
    stuck_end();
}

static void come_to_barrier(actor *a)
{
    a->rc = ccp_barrier_wait(&sc.barrier, NULL, forever());
}

TEST(a_barrier_where_one_is_missing) /* DG5 */
{
    stuck_begin();
    sc.barrier = (ccp_barrier)CCP_BARRIER_INIT(3);
    ASSERT_STATUS(ccp_name(&sc.barrier, "start"), CCP_OK);
    enter(come_to_barrier, 0);
    enter(come_to_barrier, 1);
    must_be_found();
    if (THREADS_ARE_COUNTED)
        ASSERT_SAYS("2 threads wait in ccp_barrier_wait for barrier 'start': nobody is left to "
                    "come\n");
    stuck_end();
}

static void get_future(actor *a)
{
    long v;
    a->rc = ccp_future_get(sc.future, &v, forever());
}

TEST(a_promise_that_nobody_keeps) /* DG5 */
{
    stuck_begin();
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long) }, &sc.future);
    ASSERT_STATUS(ccp_name(sc.future, "price"), CCP_OK);
    enter(get_future, 0);
    must_be_found();
    if (THREADS_ARE_COUNTED)
        ASSERT_SAYS("1 thread waits in ccp_future_get for future 'price': nobody is left to keep "
                    "its promise\n");
    stuck_end();
    ccp_promise_free(p);
    ccp_future_free(sc.future);
}

static void count_one_too_few(actor *a)
{
    a->rc = ccp_wg_wait(&sc.wg, forever());
}

static void be_done(actor *a)
{
    (void)a;
    MUST(ccp_wg_done(&sc.wg) == CCP_OK);
}

TEST(a_wait_group_that_counts_one_too_many) /* DG5 */
{
    stuck_begin();
    ASSERT_STATUS(ccp_wg_add(&sc.wg, 3), CCP_OK);
    ASSERT_STATUS(ccp_name(&sc.wg, "crawlers"), CCP_OK);
    enter(be_done, 0);
    enter(be_done, 1);
    enter(count_one_too_few, 2);
    must_be_found();
    if (THREADS_ARE_COUNTED)
        ASSERT_SAYS("1 thread waits in ccp_wg_wait for wait group 'crawlers': nobody is left to "
                    "call ccp_wg_done()\n");
    stuck_end();
}

static void upgrade(actor *a)
{
    MUST(ccp_rwlock_rdlock(&sc.l, CCP_NOWAIT) == CCP_OK);
    a->rc = ccp_rwlock_wrlock(&sc.l, forever());
    MUST(ccp_rwlock_rdunlock(&sc.l) == CCP_OK);
}

TEST(a_reader_that_wants_to_write) /* DG5 */
{
    stuck_begin();
    ASSERT_STATUS(ccp_name(&sc.l, "table"), CCP_OK);
    enter(upgrade, 0);
    must_be_found();
    if (THREADS_ARE_COUNTED) {
        ASSERT_SAYS("a thread waits for what it has itself:\n");
        ASSERT_SAYS(" waits for reader-writer lock 'table', which thread ");
    }
    stuck_end();
}

static ccp_status do_the_other(void *arg)
{
    actor *a = arg;
    meet(2);
    a->rc = ccp_once_do(&sc.once[1 - a->index], do_the_other, a, forever());
    return CCP_OK;
}

static void do_once(actor *a)
{
    /* Not under the context: whoever came too late would leave the other one at the gate. */
    (void)!ccp_once_do(&sc.once[a->index], do_the_other, a, CCP_FOREVER);
}

TEST(two_first_uses_that_need_each_other) /* DG5 */
{
    stuck_begin();
    ASSERT_STATUS(ccp_name(&sc.once[0], "left"), CCP_OK);
    ASSERT_STATUS(ccp_name(&sc.once[1], "right"), CCP_OK);
    enter(do_once, 0);
    enter(do_once, 1);
    must_be_found();
    must_say_circle("once", "ccp_once_do");
    stuck_end();
}

static void select_both(actor *a)
{
    long v;
    ccp_case cases[] = { CCP_CASE_RECV(sc.ch[0], &v), CCP_CASE_SEND(sc.ch[1], &v) };
    a->rc = ccp_select(cases, 2, &a->index, forever());
}

TEST(a_select_that_nobody_serves) /* DG5 */
{
    stuck_begin();
    sc.ch[0] = channel("in", 0);
    sc.ch[1] = channel("out", 0);
    enter(select_both, 0);
    must_be_found();
    if (THREADS_ARE_COUNTED) {
        ASSERT_SAYS("1 thread waits in ccp_select: nobody is left to serve one of them\n");
        ASSERT_SAYS(" for the first of channel 'in', channel 'out' to send\n");
    }
    stuck_end();
}

/* ---- what is none ---- */

TEST(a_wait_that_ends_by_itself_is_none) /* DG5 */
{
    stuck_begin();
    sc.ch[0] = channel("in", 1);
    ccp_ctx *limit = ccp_ctx_new(sc.ctx, ccp_within(CCP_SEC(1000)));
    const ccp_wait w[] = { ccp_within(CCP_SEC(1000)), ccp_with(limit) };
    for (size_t i = 0; i < LENGTH(w); i++) {
        actor a = { .ch = sc.ch[0], .w = w[i] };
        actor_start(&a, sleep_in_channel);
        actor_sleep_here(&a);
        ASSERT_STATUS(check(), CCP_OK);
        long v = 0;
        ASSERT_STATUS(ccp_chan_send(sc.ch[0], &v, CCP_NOWAIT), CCP_OK);
        actor_join(&a);
    }
    ccp_chan *timer = ccp_chan_after(CCP_SEC(1000));
    actor t = { .ch = timer, .w = CCP_FOREVER };
    actor_start(&t, sleep_in_channel);
    actor_sleep_here(&t);
    ASSERT_STATUS(check(), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(timer), CCP_OK);
    actor_join(&t);
    ASSERT_STATUS(ccp_chan_free(timer), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(limit), CCP_OK);
    stuck_end();
}

TEST(while_a_thread_is_outside_there_is_none) /* DG5 */
{
    stuck_begin();
    gate outside = GATE_INIT;
    sc.ch[0] = channel("in", 1);
    actor a = { .ch = sc.ch[0], .w = forever() }, b = { .arg = &outside };
    actor_start(&b, stay);
    actor_start(&a, sleep_in_channel);
    actor_sleep_here(&a);
    ASSERT_STATUS(check(), CCP_OK);
    gate_open(&outside);
    actor_join(&b);
    must_be_found();
    ccp_ctx_cancel(sc.ctx);
    actor_join(&a);
    stuck_end();
}

TEST(a_thread_that_slept_before_tracking_is_not_known) /* DG5 */
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    stuck_begin();
    sc.ch[0] = channel("in", 1);
    actor a = { .ch = sc.ch[0], .w = forever() };
    actor_start(&a, sleep_in_channel);
    actor_sleep_here(&a);
    ASSERT_STATUS(check(), CCP_CLOSED);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ASSERT_STATUS(check(), CCP_OK);
    ccp_ctx_cancel(sc.ctx);
    actor_join(&a);
    stuck_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED(more_jobs_than_room_while_nobody_takes_results),
        TRACKED(waiting_for_workers_before_their_results_are_taken),
        TRACKED(a_channel_that_nobody_closes),
        TRACKED(two_mutexes_in_two_orders),
        TRACKED(two_semaphores_in_two_orders),
        TRACKED(a_circle_of_full_channels),
        TRACKED(workers_that_wait_for_their_own_pool),
        TRACKED(a_barrier_where_one_is_missing),
        TRACKED(a_promise_that_nobody_keeps),
        TRACKED(a_wait_group_that_counts_one_too_many),
        TRACKED(a_reader_that_wants_to_write),
        TRACKED(two_first_uses_that_need_each_other),
        TRACKED(a_select_that_nobody_serves),
        TRACKED(a_wait_that_ends_by_itself_is_none),
        TRACKED(while_a_thread_is_outside_there_is_none),
        TRACKED(a_thread_that_slept_before_tracking_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
