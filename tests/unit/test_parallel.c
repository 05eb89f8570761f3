/* SPDX-License-Identifier: MIT
 *
 * Parallel for and parallel map.
 */
#include "support.h"

typedef struct sheet {
    atomic_int done[5000];
    atomic_int calls, inside, most;
    size_t bad;        /* the index at which a range fails */
    ccp_status status; /* with this */
    gate *gate;        /* passed by each call; NULL: none */
    ccp_pool *pool;    /* of nested calls */
    unsigned depth;
} sheet;

static sheet *new_sheet(void)
{
    sheet *s = calloc(1, sizeof *s);
    MUST(s);
    s->bad = SIZE_MAX;
    s->status = CCP_FAILED;
    return s;
}

static ccp_status mark(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    sheet *s = arg;
    (void)ctx;
    int now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
    while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
        continue;
    atomic_fetch_add(&s->calls, 1);
    MUST(begin < end);
    if (s->gate)
        gate_pass(s->gate);
    ccp_status st = CCP_OK;
    for (size_t i = begin; i < end; i++) {
        atomic_fetch_add(&s->done[i], 1);
        if (i == s->bad)
            st = s->status;
    }
    atomic_fetch_sub(&s->inside, 1);
    return st;
}

static void assert_all_done_once(const sheet *s, size_t n)
{
    for (size_t i = 0; i < LENGTH(s->done); i++)
        assert_int_equal(s->done[i], i < n);
    assert_int_equal(s->inside, 0);
}

static ccp_status count_and_fail_third(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    return atomic_fetch_add((atomic_int *)arg, 1) == 2 ? CCP_BUSY : CCP_OK;
}

TEST(wrong_arguments_are_refused)
{
    const ccp_parallel_opts absurd = { .workers = 65537 };
    sheet *s = new_sheet();
    ASSERT_STATUS(ccp_parallel_for(1, NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_parallel_for(1, mark, s, &absurd, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_parallel_map(1, NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_parallel_map(1, count_and_fail_third, NULL, &absurd, CCP_FOREVER), CCP_INVAL);
    assert_int_equal(s->calls, 0);
    free(s);
}

TEST(each_index_is_done_once) /* K5 */
{
    for (unsigned workers = 0; workers < 6; workers++)
        for (size_t grain = 0; grain < 300; grain += 71)
            for (size_t n = 0; n < 5000; n = n * 3 + 1) {
                sheet *s = new_sheet();
                const ccp_parallel_opts o = { .workers = workers, .grain = grain };
                ASSERT_STATUS(ccp_parallel_for(n, mark, s, &o, CCP_FOREVER), CCP_OK);
                assert_all_done_once(s, n);
                assert_true(!workers || s->most <= (int)workers);
                free(s);
            }
}

TEST(nothing_to_do_is_done_without_waiting) /* W1 */
{
    size_t failed = 9;
    const ccp_parallel_opts o = { .failed = &failed };
    ASSERT_STATUS(ccp_parallel_for(0, mark, NULL, &o, CCP_NOWAIT), CCP_OK);
    assert_int_equal(failed, 0);
    sheet *s = new_sheet();
    ASSERT_STATUS(ccp_parallel_for(1, mark, s, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(s->calls, 0);
    free(s);
}

TEST(a_grain_is_not_divided)
{
    sheet *s = new_sheet();
    const ccp_parallel_opts o = { .workers = 3, .grain = 1000 };
    ASSERT_STATUS(ccp_parallel_for(5000, mark, s, &o, CCP_FOREVER), CCP_OK);
    assert_int_equal(s->calls, 5);
    free(s);
}

typedef struct meeting {
    atomic_int here;
} meeting;

static ccp_status meet(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    meeting *m = arg;
    (void)ctx;
    MUST(end == begin + 1);
    atomic_fetch_add(&m->here, 1);
    WAIT_UNTIL(atomic_load(&m->here) == 3);
    return CCP_OK;
}

TEST(threads_of_its_own_work_at_the_same_time)
{
    meeting m = { 0 };
    const ccp_parallel_opts o = { .workers = 3, .name = "helper", .stack_size = 65536 };
    ASSERT_STATUS(ccp_parallel_for(3, meet, &m, &o, CCP_FOREVER), CCP_OK);
}

TEST(workers_of_a_pool_help)
{
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 4 });
    meeting m = { 0 };
    const ccp_parallel_opts o = { .pool = pool }, alone = { .pool = pool, .workers = 1 };
    ASSERT_STATUS(ccp_parallel_for(3, meet, &m, &o, CCP_FOREVER), CCP_OK);
    sheet *s = new_sheet();
    ASSERT_STATUS(ccp_parallel_for(100, mark, s, &alone, CCP_FOREVER), CCP_OK);
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_get_info(pool, &info), CCP_OK);
    assert_int_equal(info.finished, 2); /* nobody was asked to help */
    free(s);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

static ccp_status wait_at_gate(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    gate_pass(arg);
    return CCP_OK;
}

TEST(a_pool_that_is_busy_is_not_waited_for) /* K6 */
{
    gate gates = GATE_INIT;
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 2 });
    ASSERT_STATUS(ccp_pool_submit(pool, wait_at_gate, &gates, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(gates.arrived == 1);
    const ccp_parallel_opts o = { .pool = pool, .workers = 2 };
    for (int i = 0; i < 4; i++) { /* more often than the queue has room */
        sheet *s = new_sheet();
        ASSERT_STATUS(ccp_parallel_for(100, mark, s, &o, CCP_FOREVER), CCP_OK);
        assert_all_done_once(s, 100);
        free(s);
    }
    gate_open(&gates);
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK); /* what came too late is given back */
}

static ccp_status nest(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    sheet *s = arg;
    for (size_t i = begin; i < end; i++) {
        sheet below = { .pool = s->pool, .depth = s->depth - 1 };
        const ccp_parallel_opts o = { .pool = s->pool };
        if (s->depth > 0)
            MUST(ccp_parallel_for(3, nest, &below, &o, ccp_with(ctx)) == CCP_OK);
        atomic_fetch_add(&s->calls, s->depth ? below.calls : 1);
    }
    return CCP_OK;
}

static ccp_status nest_in_task(ccp_ctx *ctx, void *arg)
{
    return nest(ctx, 0, 1, arg);
}

TEST(calls_inside_calls_do_not_deadlock_whatever_the_pool) /* K6 */
{
    for (unsigned workers = 1; workers < 4; workers++)
        for (size_t queue = 0; queue < 3; queue++) {
            ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = workers, .queue = queue });
            sheet *s = new_sheet();
            s->pool = pool;
            s->depth = 4;
            for (int i = 0; i < 4; i++) /* from all workers at once */
                ASSERT_STATUS(ccp_pool_submit(pool, nest_in_task, s, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_drain(pool, CCP_FOREVER), CCP_OK);
            assert_int_equal(s->calls, 4 * 81);
            ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
            free(s);
        }
}

/* --- failing and ending --- */

TEST(the_first_failure_keeps_further_ranges_from_being_begun) /* K7 */
{
    for (unsigned workers = 1; workers < 4; workers++) {
        sheet *s = new_sheet();
        ccp_result e = { 0 };
        size_t failed = 0;
        const ccp_parallel_opts o = {
            .workers = workers, .errors = &e, .max_errors = 1, .failed = &failed
        };
        s->bad = 0;
        s->status = CCP_BUSY;
        ASSERT_STATUS(ccp_parallel_for(5000, mark, s, &o, CCP_FOREVER), CCP_FAILED);
        assert_int_equal(failed, 1);
        assert_int_equal(e.index, 0);
        ASSERT_STATUS(e.status, CCP_BUSY);
        assert_in_range(e.worker, 0, workers - 1);
        if (workers == 1)
            assert_int_equal(s->calls, 1);
        free(s);
    }
}

static ccp_status fail_at_sevens(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const int *i = in;
    (void)ctx;
    (void)arg;
    *(int *)out = *i * 2;
    return *i % 7 ? CCP_OK : CCP_FAILED;
}

TEST(a_map_that_keeps_going_tells_every_failure) /* K5 K7 */
{
    enum { N = 1000, BAD = 143 };
    static int in[N], out[N];
    static ccp_result e[N];
    size_t failed = 0;
    for (int i = 0; i < N; i++)
        in[i] = i;
    const ccp_parallel_opts o = { .workers = 3,
                                  .keep_going = true,
                                  .errors = e,
                                  .max_errors = N,
                                  .failed = &failed,
                                  .in = in,
                                  .in_size = sizeof *in,
                                  .out = out,
                                  .out_size = sizeof *out };
    ASSERT_STATUS(ccp_parallel_map(N, fail_at_sevens, NULL, &o, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(failed, BAD);
    bool seen[N] = { false };
    for (size_t i = 0; i < failed; i++) {
        assert_true(e[i].index % 7 == 0 && !seen[e[i].index]);
        seen[e[i].index] = true;
        ASSERT_STATUS(e[i].status, CCP_FAILED);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(out[i], 2 * i);
}

TEST(more_failures_than_room_are_counted)
{
    static int in[70], out[70];
    ccp_result e[3];
    size_t failed = 0;
    e[2].index = 4711;
    const ccp_parallel_opts o = { .keep_going = true,
                                  .errors = e,
                                  .max_errors = 2,
                                  .failed = &failed,
                                  .in = in,
                                  .in_size = sizeof *in,
                                  .out = out,
                                  .out_size = sizeof *out };
    ASSERT_STATUS(ccp_parallel_map(70, fail_at_sevens, NULL, &o, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(failed, 70); /* all are 0 */
    assert_int_equal(e[2].index, 4711);
}

static ccp_status square(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const int64_t *x = in;
    (void)ctx;
    *(int64_t *)out = *x * *x + *(const int64_t *)arg;
    return CCP_OK;
}

TEST(results_of_a_map_are_in_order) /* K5 */
{
    enum { N = 20000 };
    int64_t *a = malloc(N * sizeof *a), one = 1;
    for (int64_t i = 0; i < N; i++)
        a[i] = i;
    const ccp_parallel_opts o = {
        .workers = 4, .in = a, .in_size = sizeof *a, .out = a, .out_size = sizeof *a
    };
    ASSERT_STATUS(ccp_parallel_map(N, square, &one, &o, CCP_FOREVER), CCP_OK);
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(a[i], i * i + 1);
    free(a);
}

static ccp_status wait_for_end(ccp_ctx *ctx, size_t begin, size_t end, void *arg)
{
    (void)begin;
    (void)end;
    atomic_fetch_add((atomic_int *)arg, 1);
    return ccp_sleep(ccp_with(ctx));
}

static void run_long(actor *a)
{
    const ccp_parallel_opts o = { .workers = 2 };
    a->rc = ccp_parallel_for(1000, wait_for_end, a->arg, &o, a->w);
}

TEST(a_wait_that_ends_ends_the_context_of_the_functions) /* K7 */
{
    atomic_int calls = 0;
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a = { .arg = &calls, .w = ccp_with(ctx) };
    actor_start(&a, run_long);
    WAIT_UNTIL(calls == 2);
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    assert_int_equal(calls, 2);
    ASSERT_STATUS(ccp_parallel_for(5, wait_for_end, &calls, NULL, ccp_with(ctx)), CCP_CANCELED);
    assert_int_equal(calls, 2);
    ASSERT_STATUS(ccp_parallel_map(5, square, NULL, NULL, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_parallel_for(5, wait_for_end, &calls, NULL, ccp_within(CCP_MS(1))),
                  CCP_TIMEOUT);
    ASSERT_STATUS(ccp_parallel_map(5, square, NULL, NULL, ccp_until(1)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_parallel_map(5, square, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
}

TEST(without_memory_it_fails_or_is_slower) /* G4 */
{
    memory_watch();
    for (size_t n = 1; n < 12; n++) {
        sheet *s = new_sheet();
        const ccp_parallel_opts o = { .workers = 2 };
        memory_fail_at(n);
        ccp_status rc = ccp_parallel_for(100, mark, s, &o, CCP_FOREVER);
        ASSERT_STATUS(rc, n <= 2 ? CCP_NOMEM : CCP_OK);
        if (rc == CCP_OK)
            assert_all_done_once(s, 100);
        assert_int_equal(memory_live, 0);
        free(s);
    }
    memory_fail_at(1);
    ASSERT_STATUS(ccp_parallel_map(1, square, NULL, NULL, CCP_FOREVER), CCP_NOMEM);
    memory_fail_at(0);
    memory_unwatch();
}

TEST(a_map_that_fails_in_the_middle_of_a_range_does_not_end_it) /* K7 */
{
    atomic_int calls = 0;
    size_t failed = 9;
    const ccp_parallel_opts o = { .workers = 1, .grain = 10, .max_errors = 5, .failed = &failed };
    ASSERT_STATUS(ccp_parallel_map(10, count_and_fail_third, &calls, &o, CCP_FOREVER), CCP_FAILED);
    assert_int_equal(calls, 3);
    assert_int_equal(failed, 1); /* without room for it */
    ASSERT_STATUS(ccp_parallel_map(10, NULL, &calls, &o, CCP_FOREVER), CCP_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(each_index_is_done_once),
        ENTRY(nothing_to_do_is_done_without_waiting),
        ENTRY(a_grain_is_not_divided),
        ENTRY(threads_of_its_own_work_at_the_same_time),
        ENTRY(workers_of_a_pool_help),
        ENTRY(a_pool_that_is_busy_is_not_waited_for),
        ENTRY(calls_inside_calls_do_not_deadlock_whatever_the_pool),
        ENTRY(the_first_failure_keeps_further_ranges_from_being_begun),
        ENTRY(a_map_that_keeps_going_tells_every_failure),
        ENTRY(a_map_that_fails_in_the_middle_of_a_range_does_not_end_it),
        ENTRY(more_failures_than_room_are_counted),
        ENTRY(results_of_a_map_are_in_order),
        ENTRY(a_wait_that_ends_ends_the_context_of_the_functions),
        ENTRY(without_memory_it_fails_or_is_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
