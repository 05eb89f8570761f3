/* SPDX-License-Identifier: MIT
 *
 * Worker pools: how many workers they have; waiting until they have nothing to do.
 */
#define _GNU_SOURCE
#include "pools.h"

#include <errno.h>

/* Linked with --wrap=pthread_create: after so many threads there are no more; < 0: no limit. */
static atomic_long threads_left = -1;
static void (*when_short)(void); /* called then, as if by another thread */
typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg)
{
    long left = atomic_load(&threads_left);
    if (left == 0 && when_short)
        when_short();
    if (left == 0)
        return EAGAIN;
    if (left > 0)
        atomic_fetch_sub(&threads_left, 1);
    return __real_pthread_create(t, a, fn, arg);
}

static const size_t queues[] = { 0, 1, 16 };

static ccp_pool *make_pool(const ccp_pool_opts *o)
{
    ccp_pool *p = ccp_pool_new(o);
    assert_non_null(p);
    return p;
}

static void run_some(ccp_pool *p, long n)
{
    atomic_long runs = 0;
    for (long i = 0; i < n; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, n);
}

/* --- resize --- */

TEST(absurd_sizes_are_refused) /* G2 */
{
    ccp_pool *p = pool_of(2, 1);
    ASSERT_STATUS(ccp_pool_resize(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_resize(p, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_resize(p, 65537), CCP_INVAL);
    assert_int_equal(info_of_pool(p).limit, 2);
    ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
    ASSERT_STATUS(ccp_pool_resize(p, 3), CCP_CLOSED);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_pool_wait(NULL, CCP_FOREVER), CCP_INVAL);
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .min = 3, .idle = 1 }));
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .idle = -1 }));
    for (unsigned n = 65536; n <= 65537; n++) { /* none is started: the option alone counts */
        p = ccp_pool_new(&(ccp_pool_opts){ .workers = n, .idle = CCP_SEC(100) });
        assert_int_equal(p != NULL, n == 65536);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .spare = n });
        assert_int_equal(p != NULL, n == 65536);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(more_workers_take_more_tasks_at_once)
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = pool_of(1, queues[q]);
        occupy(p, 1);
        ASSERT_STATUS(ccp_pool_resize(p, 4), CCP_OK);
        assert_int_equal(info_of_pool(p).workers, 4);
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_FOREVER), CCP_OK);
        WAIT_UNTIL(atomic_load(&task_gate.arrived) == 4);
        assert_int_equal(info_of_pool(p).busy, 4);
        gate_open(&task_gate);
        run_some(p, 50);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(idle_workers_that_are_too_many_end_at_once) /* P10 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned left = 1; left <= 3; left += 2) {
            ccp_pool *p = pool_of(8, queues[q]);
            run_some(p, 20);
            ASSERT_STATUS(ccp_pool_resize(p, left), CCP_OK);
            WAIT_UNTIL(info_of_pool(p).workers == left);
            assert_int_equal(info_of_pool(p).limit, left);
            assert_int_equal(info_of_pool(p).most, 8);
            run_some(p, 20);
            assert_int_equal(info_of_pool(p).finished, 40); /* tasks alone are counted */
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

TEST(busy_workers_that_are_too_many_finish_their_task_first) /* P10 P3 */
{
    atomic_long runs = 0;
    ccp_pool *p = pool_of(4, 16);
    occupy(p, 4);
    for (int i = 0; i < 5; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK);
    assert_int_equal(info_of_pool(p).workers, 4);
    gate_open(&task_gate);
    WAIT_UNTIL(info_of_pool(p).workers == 1);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 5);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(workers_that_were_to_end_stay_if_they_are_wanted_again)
{
    ccp_pool *p = pool_of(4, 16);
    occupy(p, 4);
    for (int i = 0; i < 20; i++) {
        ASSERT_STATUS(ccp_pool_resize(p, 1), CCP_OK);
        ASSERT_STATUS(ccp_pool_resize(p, 4), CCP_OK);
    }
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    occupy(p, 4);
    assert_int_equal(info_of_pool(p).most, 4); /* P2: none was added to those that run */
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

enum { NUMBERS = 4096 }; /* of workers that run or have not ended yet: far more than there are */

typedef struct crew {
    ccp_pool *p;
    atomic_long runs, running, wrong, started, ended;
    atomic_long limit; /* that no task may find exceeded */
    _Atomic int at_work[NUMBERS];
} crew;

static ccp_status work_in_crew(ccp_ctx *ctx, void *arg)
{
    crew *c = arg;
    int w = ccp_pool_worker(ctx);
    /* Alone with its number: */
    MUST(w >= 0 && w < NUMBERS && atomic_exchange(&c->at_work[w], 1) == 0);
    if (atomic_fetch_add(&c->running, 1) >= atomic_load(&c->limit))
        atomic_fetch_add(&c->wrong, 1);
    if (w % 4 == 0)
        MUST(ccp_sleep(ccp_within(CCP_US(50))) == CCP_OK);
    atomic_fetch_sub(&c->running, 1);
    atomic_store(&c->at_work[w], 0);
    atomic_fetch_add(&c->runs, 1);
    return CCP_OK;
}

static void keep_submitting(actor *a)
{
    crew *c = a->arg;
    while (ccp_pool_submit(c->p, work_in_crew, c, CCP_FOREVER) == CCP_OK)
        a->value++;
}

/* P10 P3 P2; between two sizes, under load, also with workers that come and go by themselves. */
static void resize_under_load(size_t queue, int64_t idle)
{
    actor a[2];
    crew c = { .limit = 32 };
    c.p = make_pool(&(ccp_pool_opts){ .workers = 32, .queue = queue, .idle = idle });
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &c };
        actor_start(&a[i], keep_submitting);
    }
    long rounds = (long)scaled(100);
    for (long i = 0; i < rounds; i++) {
        ASSERT_STATUS(ccp_pool_resize(c.p, i % 2 ? 32 : 1), CCP_OK);
        long before = atomic_load(&c.runs);
        WAIT_UNTIL(atomic_load(&c.runs) > before + 3); /* it goes on */
        if (i % 10 == 0)
            WAIT_UNTIL(info_of_pool(c.p).workers == 1);
    }
    ASSERT_STATUS(ccp_pool_close(c.p), CCP_OK);
    long accepted = 0;
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        accepted += a[i].value;
    }
    ASSERT_STATUS(ccp_pool_wait(c.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(c.runs, accepted);
    assert_int_equal(c.wrong, 0);
    assert_int_equal(info_of_pool(c.p).finished, accepted);
    assert_in_range(info_of_pool(c.p).most, 1, 32);
    ASSERT_STATUS(ccp_pool_free(c.p), CCP_OK);
}

TEST(a_pool_resized_under_load_loses_nothing_and_never_runs_too_many) /* P2 P3 P10 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        resize_under_load(queues[q], 0);
        resize_under_load(queues[q], CCP_US(100));
    }
}

TEST(after_a_resize_no_more_run_than_may) /* P2 */
{
    crew c = { .limit = 8 };
    c.p = pool_of(8, 16);
    for (int round = 0; round < 10; round++) {
        ASSERT_STATUS(ccp_pool_resize(c.p, 8), CCP_OK);
        atomic_store(&c.limit, 8);
        for (int i = 0; i < 100; i++)
            ASSERT_STATUS(ccp_pool_submit(c.p, work_in_crew, &c, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_resize(c.p, 2), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(c.p, CCP_FOREVER), CCP_OK);
        WAIT_UNTIL(info_of_pool(c.p).workers == 2);
        atomic_store(&c.limit, 2);
        for (int i = 0; i < 100; i++)
            ASSERT_STATUS(ccp_pool_submit(c.p, work_in_crew, &c, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(c.p, CCP_FOREVER), CCP_OK);
    }
    assert_int_equal(c.wrong, 0);
    ASSERT_STATUS(ccp_pool_free(c.p), CCP_OK);
}

static ccp_status resize_own_pool(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    MUST(ccp_pool_resize(arg, 1) == CCP_OK && ccp_pool_resize(arg, 5) == CCP_OK);
    MUST(ccp_pool_wait(arg, CCP_FOREVER) == CCP_DEADLOCK);
    return CCP_OK;
}

TEST(a_task_may_resize_its_own_pool)
{
    ccp_pool *p = pool_of(2, 4);
    ASSERT_STATUS(ccp_pool_submit(p, resize_own_pool, p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(info_of_pool(p).limit, 5);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_resize_that_finds_no_threads_changes_nothing) /* G1 */
{
    ccp_pool *p = pool_of(2, 4);
    atomic_store(&threads_left, 3);
    ASSERT_STATUS(ccp_pool_resize(p, 6), CCP_NOMEM);
    assert_int_equal(info_of_pool(p).limit, 2);
    WAIT_UNTIL(info_of_pool(p).workers == 2);
    run_some(p, 10);
    atomic_store(&threads_left, -1);
    ASSERT_STATUS(ccp_pool_resize(p, 6), CCP_OK);
    assert_int_equal(info_of_pool(p).workers, 6);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_pool_starts_with_as_many_workers_as_it_gets_or_not_at_all)
{
    for (long n = 0; n < 4; n++) {
        atomic_store(&threads_left, n);
        assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .queue = 1 }));
        assert_int_equal(ccp_live_blocks(), 0);
        atomic_store(&threads_left, n);
        ccp_pool *p =
            ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .queue = 1, .partial = true });
        if (n == 0) {
            assert_null(p);
            continue;
        }
        assert_non_null(p);
        assert_int_equal(info_of_pool(p).workers, n);
        run_some(p, 10);
        ASSERT_STATUS(ccp_pool_resize(p, 5), CCP_OK);
        assert_int_equal(info_of_pool(p).workers, n);
        atomic_store(&threads_left, -1);
        ASSERT_STATUS(ccp_pool_resize(p, 5), CCP_OK);
        assert_int_equal(info_of_pool(p).workers, 5);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
    atomic_store(&threads_left, -1);
}

TEST(who_submits_starts_no_worker_that_could_not_be_had_before)
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        atomic_store(&threads_left, 1);
        ccp_pool *p = make_pool(&(ccp_pool_opts){
            .workers = 3, .queue = queues[q], .partial = true });
        atomic_store(&threads_left, -1);
        occupy(p, 1);
        ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_NOWAIT),
                      queues[q] ? CCP_OK : CCP_AGAIN);
        assert_int_equal(info_of_pool(p).workers, 1);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* --- idle --- */

TEST(workers_are_started_when_tasks_need_them) /* P11 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned min = 0; min < 3; min++) {
            ccp_pool *p = make_pool(&(ccp_pool_opts){
                .workers = 4, .min = min, .idle = CCP_SEC(100), .queue = queues[q] });
            assert_int_equal(info_of_pool(p).workers, min);
            occupy(p, 4); /* four run at once: none of them waits for another */
            assert_int_equal(info_of_pool(p).workers, 4);
            ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_NOWAIT),
                          queues[q] ? CCP_OK : CCP_AGAIN);
            gate_open(&task_gate);
            run_some(p, 50);
            assert_int_equal(info_of_pool(p).most, 4);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

TEST(one_worker_is_enough_for_tasks_that_come_one_by_one)
{
    ccp_pool *p = make_pool(&(ccp_pool_opts){ .workers = 4, .idle = CCP_SEC(100), .queue = 16 });
    for (int i = 0; i < 50; i++)
        run_some(p, 1);
    assert_int_equal(info_of_pool(p).workers, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(workers_that_are_idle_for_long_end) /* P11 */
{
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned min = 0; min < 3; min++) {
            ccp_pool *p = make_pool(&(ccp_pool_opts){
                .workers = 6, .min = min, .idle = CCP_MS(1), .queue = queues[q] });
            for (int round = 0; round < 3; round++) {
                occupy(p, 6);
                gate_open(&task_gate);
                WAIT_UNTIL(info_of_pool(p).workers == min);
                run_some(p, 5); /* they come back */
            }
            assert_int_equal(info_of_pool(p).finished, 33);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        }
}

TEST(a_task_that_finds_no_worker_and_gets_none_is_not_accepted) /* G1 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        atomic_long runs = 0;
        ccp_pool *p = make_pool(
            &(ccp_pool_opts){ .workers = 2, .idle = CCP_SEC(100), .queue = queues[q] });
        atomic_store(&threads_left, 0);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_NOMEM);
        atomic_store(&threads_left, 1);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK); /* one will do */
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(runs, 2);
        atomic_store(&threads_left, -1);
        ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static ccp_pool *short_pool;
static atomic_long short_runs;

static void others_get_one(void)
{
    when_short = NULL;
    atomic_store(&threads_left, 1);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(ccp_pool_submit(short_pool, count, &short_runs, CCP_FOREVER), CCP_OK);
}

TEST(a_task_that_gets_no_worker_goes_to_one_that_others_have_got) /* G1 */
{
    short_pool =
        make_pool(&(ccp_pool_opts){ .workers = 2, .idle = CCP_SEC(100), .queue = 16 });
    atomic_store(&threads_left, 0);
    when_short = others_get_one;
    ASSERT_STATUS(ccp_pool_submit(short_pool, count, &short_runs, CCP_FOREVER), CCP_OK);
    atomic_store(&threads_left, -1);
    ASSERT_STATUS(ccp_pool_drain(short_pool, CCP_FOREVER), CCP_OK);
    assert_int_equal(short_runs, 3);
    ASSERT_STATUS(ccp_pool_free(short_pool), CCP_OK);
}

TEST(a_closed_pool_says_so_when_there_is_no_worker_either) /* G1 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = make_pool(
            &(ccp_pool_opts){ .workers = 2, .idle = CCP_SEC(100), .queue = queues[q] });
        ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        atomic_store(&threads_left, 0);
        ASSERT_STATUS(ccp_pool_submit(p, count, NULL, CCP_FOREVER), CCP_CLOSED);
        atomic_store(&threads_left, -1);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(a_pool_without_workers_can_be_stopped_and_drained)
{
    atomic_long runs = 0;
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_NOWAIT);
        ccp_pool *p = make_pool(
            &(ccp_pool_opts){ .workers = 2, .idle = CCP_SEC(100), .queue = queues[q] });
        ASSERT_STATUS(ccp_pool_drain(p, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, ccp_with(ctx)), CCP_TIMEOUT); /* W2 */
        assert_int_equal(info_of_pool(p).workers, 0);
        ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_int_equal(runs, 0);
}

/* --- what runs at the start and at the end of a worker --- */

static const char key;

static void note_start(ccp_ctx *ctx, void *arg)
{
    crew *c = arg;
    int w = ccp_pool_worker(ctx);
    MUST(w >= 0 && w < NUMBERS && atomic_fetch_add(&c->at_work[w], 1) == 0);
    MUST(ccp_ctx_value(ctx, &key) == c);
    atomic_fetch_add(&c->started, 1);
}

static void note_end(ccp_ctx *ctx, void *arg)
{
    crew *c = arg;
    MUST(atomic_fetch_sub(&c->at_work[ccp_pool_worker(ctx)], 1) == 1);
    atomic_fetch_add(&c->ended, 1);
}

static ccp_status look_for_start(ccp_ctx *ctx, void *arg)
{
    crew *c = arg;
    MUST(atomic_load(&c->at_work[ccp_pool_worker(ctx)]) == 1);
    return CCP_OK;
}

TEST(each_worker_is_told_of_its_start_and_of_its_end)
{
    crew c = { .limit = 0 };
    ccp_ctx *parent = ccp_ctx_new_value(NULL, &key, &c);
    c.p = make_pool(&(ccp_pool_opts){ .workers = 3,
                                      .queue = 8,
                                      .parent = parent,
                                      .worker_start = note_start,
                                      .worker_end = note_end,
                                      .worker_arg = &c });
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 50; i++)
            ASSERT_STATUS(ccp_pool_submit(c.p, look_for_start, &c, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_resize(c.p, round % 2 ? 3 : 1), CCP_OK);
        if (round % 2 == 0)
            WAIT_UNTIL(atomic_load(&c.ended) == 2 + round);
    }
    WAIT_UNTIL(atomic_load(&c.started) == 7);
    ASSERT_STATUS(ccp_pool_free(c.p), CCP_OK);
    assert_int_equal(c.started, 7);
    assert_int_equal(c.ended, 7);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

/* --- waiting until there is nothing to do --- */

typedef struct chain {
    ccp_pool *p;
    atomic_long left, runs;
} chain;

static ccp_status submit_the_next(ccp_ctx *ctx, void *arg)
{
    chain *c = arg;
    (void)ctx;
    if (atomic_fetch_sub(&c->left, 1) > 0)
        MUST(ccp_pool_submit(c->p, submit_the_next, c, CCP_FOREVER) == CCP_OK);
    atomic_fetch_add(&c->runs, 1);
    return CCP_OK;
}

TEST(wait_waits_for_the_tasks_of_tasks_too) /* P12 P6 */
{
    for (unsigned workers = 1; workers < 4; workers += 2)
        for (size_t round = 0; round < scaled(50); round++) {
            chain c = { .p = pool_of(workers, 4), .left = 20 };
            ASSERT_STATUS(ccp_pool_submit(c.p, submit_the_next, &c, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_wait(c.p, CCP_FOREVER), CCP_OK);
            assert_int_equal(c.runs, 21);
            ASSERT_STATUS(ccp_pool_free(c.p), CCP_OK);
        }
}

TEST(wait_waits_for_what_runs_and_what_waits) /* P12 */
{
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = pool_of(2, queues[q]);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_OK);
        occupy(p, 1);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_pool_wait(p, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* --- nothing is lost --- */

typedef struct ledger {
    atomic_long ran, back;
} ledger;

static ccp_status run_counted(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    atomic_fetch_add(&((ledger *)arg)->ran, 1);
    return CCP_OK;
}

static void count_back(ccp_task fn, void *task_arg, void *unrun_arg)
{
    MUST(fn == run_counted && task_arg == unrun_arg);
    atomic_fetch_add(&((ledger *)unrun_arg)->back, 1);
}

/* With the pool that is called C-Thread-Pool 194 of 200 are lost. */
TEST(a_pool_that_is_freed_with_200_tasks_runs_them_or_gives_them_back) /* P3 */
{
    for (int drains = 0; drains < 2; drains++) {
        ledger l = { 0 };
        ccp_pool *p = make_pool(&(ccp_pool_opts){
            .workers = 2, .queue = 200, .unrun = count_back, .unrun_arg = &l });
        occupy(p, 2);
        for (int i = 0; i < 200; i++)
            ASSERT_STATUS(ccp_pool_submit(p, run_counted, &l, CCP_NOWAIT), CCP_OK);
        gate_open(&task_gate);
        if (drains)
            ASSERT_STATUS(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        assert_int_equal(l.ran + l.back, 200);
        if (drains)
            assert_int_equal(l.ran, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(absurd_sizes_are_refused),
        ENTRY(more_workers_take_more_tasks_at_once),
        ENTRY(idle_workers_that_are_too_many_end_at_once),
        ENTRY(busy_workers_that_are_too_many_finish_their_task_first),
        ENTRY(workers_that_were_to_end_stay_if_they_are_wanted_again),
        ENTRY(a_pool_resized_under_load_loses_nothing_and_never_runs_too_many),
        ENTRY(after_a_resize_no_more_run_than_may),
        ENTRY(a_task_may_resize_its_own_pool),
        ENTRY(a_resize_that_finds_no_threads_changes_nothing),
        ENTRY(a_pool_starts_with_as_many_workers_as_it_gets_or_not_at_all),
        ENTRY(who_submits_starts_no_worker_that_could_not_be_had_before),
        ENTRY(workers_are_started_when_tasks_need_them),
        ENTRY(one_worker_is_enough_for_tasks_that_come_one_by_one),
        ENTRY(workers_that_are_idle_for_long_end),
        ENTRY(a_task_that_finds_no_worker_and_gets_none_is_not_accepted),
        ENTRY(a_task_that_gets_no_worker_goes_to_one_that_others_have_got),
        ENTRY(a_closed_pool_says_so_when_there_is_no_worker_either),
        ENTRY(a_pool_without_workers_can_be_stopped_and_drained),
        ENTRY(each_worker_is_told_of_its_start_and_of_its_end),
        ENTRY(wait_waits_for_the_tasks_of_tasks_too),
        ENTRY(wait_waits_for_what_runs_and_what_waits),
        ENTRY(a_pool_that_is_freed_with_200_tasks_runs_them_or_gives_them_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
