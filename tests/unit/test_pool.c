/* SPDX-License-Identifier: MIT
 *
 * Worker pools: running, order, limits, waiting.  Stopping them is in test_pool_stop.
 */
#define _GNU_SOURCE
#include "pools.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

TEST(null_arguments_are_refused) /* G2 */
{
    ccp_pool_info info;
    ASSERT_STATUS(ccp_pool_submit(NULL, count, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_drain(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_shutdown(NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_abort(NULL, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_free(NULL), CCP_OK);
    assert_int_equal(ccp_pool_worker(NULL), -1);
    ccp_pool *p = pool_of(1, 1);
    ASSERT_STATUS(ccp_pool_submit(p, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_get_info(p, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(absurd_options_are_refused) /* G2 */
{
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 65537 }));
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = UINT32_MAX }));
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = SIZE_MAX }));
    assert_null(ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = SIZE_MAX / 16 }));
    assert_int_equal(ccp_live_blocks(), 0);
}

TEST(the_defaults_make_a_pool)
{
    atomic_long runs = 0;
    ccp_pool *p = ccp_pool_new(NULL);
    assert_non_null(p);
    ccp_pool_info info = info_of_pool(p);
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    assert_in_range(info.workers, 1, (unsigned long)processors);
    assert_int_equal(info.queue_cap, 0);
    assert_string_equal(info.name, "ccp");
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(every_accepted_task_runs_once) /* P3 P4 */
{
    static const size_t queues[] = { 0, 1, 2, 64 };
    for (size_t q = 0; q < LENGTH(queues); q++)
        for (unsigned workers = 1; workers < 5; workers += 3) {
            atomic_long runs = 0;
            long n = (long)scaled(2000);
            ccp_pool *p = pool_of(workers, queues[q]);
            for (long i = 0; i < n; i++)
                ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
            assert_int_equal(runs, n);
            ccp_pool_info info = info_of_pool(p);
            assert_int_equal(info.finished, n);
            assert_int_equal(info.failed, 0);
            assert_int_equal(info.queued, 0);
            assert_int_equal(info.queue_cap, queues[q]);
            assert_in_range(info.queue_high_water, 0, queues[q]);
            ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
            assert_int_equal(runs, n);
        }
}

static ccp_status answer(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return *(ccp_status *)arg;
}

TEST(tasks_that_do_not_return_ok_are_counted)
{
    static ccp_status answers[] = { CCP_OK, CCP_FAILED, CCP_CANCELED, CCP_OK, CCP_AGAIN };
    ccp_pool *p = pool_of(2, 8);
    for (size_t i = 0; i < LENGTH(answers); i++)
        ASSERT_STATUS(ccp_pool_submit(p, answer, &answers[i], CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ccp_pool_info info = info_of_pool(p);
    assert_int_equal(info.finished, 5);
    assert_int_equal(info.failed, 3);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* --- order --- */

typedef struct numbered {
    atomic_long *next;
    long number;
} numbered;

static ccp_status check_number(ccp_ctx *ctx, void *arg)
{
    numbered *t = arg;
    (void)ctx;
    MUST(atomic_fetch_add(t->next, 1) == t->number);
    return CCP_OK;
}

TEST(tasks_start_in_the_order_accepted) /* P1 */
{
    enum { N = 500 };
    static numbered tasks[N];
    static const size_t queues[] = { 0, 1, 16, N };
    for (size_t q = 0; q < LENGTH(queues); q++) {
        atomic_long next = 0;
        ccp_pool *p = pool_of(1, queues[q]); /* one worker: starts can be told apart */
        for (long i = 0; i < N; i++) {
            tasks[i] = (numbered){ &next, i };
            ASSERT_STATUS(ccp_pool_submit(p, check_number, &tasks[i], CCP_FOREVER), CCP_OK);
        }
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(next, N);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* --- limits --- */

typedef struct gauge {
    atomic_long running, most, runs;
} gauge;

static ccp_status measure(ccp_ctx *ctx, void *arg)
{
    gauge *g = arg;
    long now = atomic_fetch_add(&g->running, 1) + 1, most = atomic_load(&g->most);
    while (now > most && !atomic_compare_exchange_weak(&g->most, &most, now))
        continue;
    MUST(ccp_sleep(ccp_under(ctx, ccp_within(CCP_US(20)))) == CCP_OK);
    atomic_fetch_sub(&g->running, 1);
    atomic_fetch_add(&g->runs, 1);
    return CCP_OK;
}

TEST(never_more_tasks_run_than_there_are_workers) /* P2 */
{
    for (unsigned workers = 1; workers <= 4; workers++) {
        gauge g = { 0 };
        ccp_pool *p = pool_of(workers, 8);
        for (int i = 0; i < 200; i++)
            ASSERT_STATUS(ccp_pool_submit(p, measure, &g, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(g.runs, 200);
        assert_in_range(g.most, 1, workers);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(no_worker_stands_idle_while_a_task_waits)
{
    atomic_long runs = 0;
    ccp_pool *p = pool_of(3, 16);
    occupy(p, 2); /* two are stuck; the third must do all the rest */
    for (int i = 0; i < 50; i++)
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&runs) == 50);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(a_full_queue_holds_the_submitter_back)
{
    atomic_long runs = 0;
    static const size_t queues[] = { 0, 1, 3 };
    for (size_t q = 0; q < LENGTH(queues); q++) {
        ccp_pool *p = pool_of(1, queues[q]);
        occupy(p, 1);
        for (size_t i = 0; i < queues[q]; i++)
            ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, ccp_within(CCP_US(200))), CCP_TIMEOUT);
        assert_int_equal(info_of_pool(p).queued, queues[q]);
        assert_int_equal(info_of_pool(p).queue_high_water, queues[q]);
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_int_equal(atomic_exchange(&runs, 0), queues[q] + 1);
        assert_int_equal(info_of_pool(p).queued, 0);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* --- what a task knows --- */

typedef struct card {
    ccp_pool *p;
    atomic_long wrong, seen[4];
    atomic_long *value;
} card;

static const char key;

static ccp_status look_around(ccp_ctx *ctx, void *arg)
{
    card *c = arg;
    int w = ccp_pool_worker(ctx);
    if (w < 0 || w >= 4 || ccp_ctx_value(ctx, &key) != c->value ||
        ccp_pool_drain(c->p, CCP_FOREVER) != CCP_DEADLOCK ||
        ccp_pool_shutdown(c->p, NULL, NULL, CCP_FOREVER) != CCP_DEADLOCK ||
        ccp_pool_free(c->p) != CCP_DEADLOCK)
        atomic_fetch_add(&c->wrong, 1);
    else
        atomic_fetch_add(&c->seen[w], 1);
    gate_pass(&task_gate);
    return CCP_OK;
}

TEST(a_task_knows_its_worker_and_its_parents_values_and_cannot_wait_for_itself)
{
    atomic_long value = 0;
    ccp_ctx *parent = ccp_ctx_new_value(NULL, &key, &value);
    card c = { .p = ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .parent = parent }),
               .value = &value };
    gate_shut(&task_gate);
    for (int i = 0; i < 4; i++)
        ASSERT_STATUS(ccp_pool_submit(c.p, look_around, &c, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&task_gate.arrived) == 4);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(c.p, CCP_FOREVER), CCP_OK);
    assert_int_equal(c.wrong, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(c.seen[i], 1);
    assert_int_equal(ccp_pool_worker(parent), -1);
    ASSERT_STATUS(ccp_pool_free(c.p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

static ccp_status wait_for_the_end(ccp_ctx *ctx, void *arg)
{
    ccp_status rc = ccp_sleep(ccp_with(ctx));
    atomic_store((atomic_long *)arg, rc);
    return rc;
}

TEST(the_end_of_the_parent_context_reaches_the_tasks)
{
    atomic_long rc = -1;
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .parent = parent });
    ASSERT_STATUS(ccp_pool_submit(p, wait_for_the_end, &rc, CCP_FOREVER), CCP_OK);
    ccp_ctx_cancel(parent);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(rc, CCP_CANCELED);
    assert_int_equal(info_of_pool(p).failed, 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

typedef struct nested {
    ccp_pool *p;
    atomic_long runs;
} nested;

static ccp_status submit_two(ccp_ctx *ctx, void *arg)
{
    nested *n = arg;
    (void)ctx;
    for (int i = 0; i < 2; i++)
        MUST(ccp_pool_submit(n->p, count, &n->runs, ccp_within(CCP_SEC(20))) == CCP_OK);
    return CCP_OK;
}

TEST(a_task_may_submit_tasks) /* G3 */
{
    nested n = { .p = pool_of(2, 32) };
    for (int i = 0; i < 10; i++)
        ASSERT_STATUS(ccp_pool_submit(n.p, submit_two, &n, CCP_FOREVER), CCP_OK);
    WAIT_UNTIL(atomic_load(&n.runs) == 20);
    ASSERT_STATUS(ccp_pool_free(n.p), CCP_OK);
}

/* --- drain --- */

typedef struct plain_work {
    long before, after; /* plain: the race detector watches them */
} plain_work;

static ccp_status do_plain_work(ccp_ctx *ctx, void *arg)
{
    plain_work *w = arg;
    (void)ctx;
    MUST(w->before == 7);
    w->after = w->before + 1;
    return CCP_OK;
}

TEST(what_a_task_wrote_is_seen_after_the_drain) /* P6 */
{
    ccp_pool *p = pool_of(2, 4);
    for (size_t round = 0; round < scaled(500); round++) {
        plain_work w[3] = { { 0, 0 } };
        for (int i = 0; i < 3; i++) {
            w[i].before = 7;
            ASSERT_STATUS(ccp_pool_submit(p, do_plain_work, &w[i], CCP_FOREVER), CCP_OK);
        }
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        for (int i = 0; i < 3; i++)
            assert_int_equal(w[i].after, 8);
    }
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

TEST(drain_waits_for_what_runs_and_what_waits) /* P4 */
{
    atomic_long runs = 0;
    ccp_pool *p = pool_of(2, 8);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_NOWAIT), CCP_OK); /* nothing to wait for */
    occupy(p, 2);
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_pool_drain(p, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_pool_submit(p, count, &runs, CCP_FOREVER), CCP_OK); /* still open */
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 2);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static void offer_in_vain(actor *a)
{
    ccp_pool *p = a->arg;
    static atomic_long runs;
    actor_calls(a);
    a->rc = ccp_pool_submit(p, count, &runs, a->w);
}

static void drain_for_ever(actor *a)
{
    actor_calls(a);
    a->rc = ccp_pool_drain(a->arg, CCP_FOREVER);
}

static ccp_status pass_this_gate(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    gate_pass(arg);
    return CCP_OK;
}

/* The worker has the next task, as a rule, before who drains looks: so often that it is seen. */
TEST(drain_does_not_wait_for_a_later_task_that_its_worker_has) /* P4 */
{
    for (int round = 0; round < 20; round++) {
        gate later = GATE_INIT;
        ccp_pool *p = pool_of(1, 4);
        actor drainer = { .arg = p };
        occupy(p, 1);
        actor_start(&drainer, drain_for_ever);
        actor_sleep_here(&drainer);
        gate_shut(&later);
        ASSERT_STATUS(ccp_pool_submit(p, pass_this_gate, &later, CCP_NOWAIT), CCP_OK);
        gate_open(&task_gate);
        actor_join(&drainer);
        ASSERT_STATUS(drainer.rc, CCP_OK);
        gate_open(&later);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

/* What was offered and not accepted is nothing that a drain waits for. */
TEST(drain_beside_a_submit_that_gives_up) /* P4 */
{
    for (size_t queue = 0; queue < 2; queue++) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        ccp_pool *p = pool_of(1, queue);
        occupy(p, 1);
        for (size_t i = 0; i < queue; i++)
            ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_NOWAIT), CCP_OK);
        actor submitter = { .arg = p, .w = ccp_with(ctx) }, drainer = { .arg = p };
        actor_start(&submitter, offer_in_vain);
        actor_sleep_here(&submitter);
        actor_start(&drainer, drain_for_ever);
        actor_sleep_here(&drainer);
        ccp_ctx_cancel(ctx);
        actor_join(&submitter);
        ASSERT_STATUS(submitter.rc, CCP_CANCELED);
        gate_open(&task_gate);
        actor_join(&drainer);
        ASSERT_STATUS(drainer.rc, CCP_OK);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
}

static void keep_submitting(actor *a)
{
    ccp_pool *p = a->arg;
    static atomic_long runs;
    while (ccp_pool_submit(p, count, &runs, CCP_FOREVER) == CCP_OK)
        a->value++;
}

TEST(drain_does_not_wait_for_tasks_accepted_later) /* P4 */
{
    ccp_pool *p = pool_of(1, 4);
    actor a = { .arg = p };
    actor_start(&a, keep_submitting);
    for (int i = 0; i < 20; i++) /* a stream without end does not keep it */
        ASSERT_STATUS(ccp_pool_drain(p, ccp_within(CCP_SEC(15))), CCP_OK);
    ASSERT_STATUS(ccp_pool_close(p), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* --- several pools --- */

TEST(pools_do_not_hold_each_other_up) /* P5 */
{
    atomic_long runs = 0;
    ccp_pool *stuck = pool_of(1, 1), *other = pool_of(1, 1);
    occupy(stuck, 1);
    for (int i = 0; i < 100; i++)
        ASSERT_STATUS(ccp_pool_submit(other, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(other, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(other), CCP_OK);
    assert_int_equal(runs, 100);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_pool_submit(stuck, count, &runs, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(stuck, CCP_FOREVER), CCP_OK);
    assert_int_equal(runs, 101);
    ASSERT_STATUS(ccp_pool_free(stuck), CCP_OK);
}

/* --- the threads --- */

#if defined(__linux__)
static int threads_called(const char *name)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        char path[300], comm[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(comm, sizeof comm, f))
            n += strncmp(comm, name, strlen(name)) == 0 && comm[strlen(name)] == '\n';
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return n;
}

TEST(the_threads_carry_the_name_of_the_pool)
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 3, .name = "mill" });
    assert_string_equal(info_of_pool(p).name, "mill");
    WAIT_UNTIL(threads_called("mill-0") == 1);
    WAIT_UNTIL(threads_called("mill-1") == 1);
    WAIT_UNTIL(threads_called("mill-2") == 1);
    assert_int_equal(threads_called("mill-3"), 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    WAIT_UNTIL(threads_called("mill-0") == 0); /* the kernel lists it a little after the join */
    p = ccp_pool_new(&(ccp_pool_opts){ .workers = 12, .name = "a-very-long-name-for-a-pool" });
    assert_non_null(p);
    WAIT_UNTIL(threads_called("a-very-long-n-0") == 1);
    WAIT_UNTIL(threads_called("a-very-long-n-9") == 1);
    WAIT_UNTIL(threads_called("a-very-long--11") == 1);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}
#endif

static ccp_status look_at_signals(ccp_ctx *ctx, void *arg)
{
    static const int blocked[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM, SIGCHLD };
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    sigset_t set;
    (void)ctx;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    for (size_t i = 0; i < LENGTH(blocked); i++)
        *(int *)arg += !sigismember(&set, blocked[i]);
    for (size_t i = 0; i < LENGTH(own); i++)
        *(int *)arg += sigismember(&set, own[i]);
    return CCP_OK;
}

TEST(workers_block_signals_and_the_maker_of_the_pool_does_not) /* P7 */
{
    int wrong = 0;
    sigset_t before, after;
    sigemptyset(&before);
    sigemptyset(&after);
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    ccp_pool *p = pool_of(2, 1);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int sig = 1; sig < 32; sig++)
        assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
    ASSERT_STATUS(ccp_pool_submit(p, look_at_signals, &wrong, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    assert_int_equal(wrong, 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static ccp_status look_at_stack(ccp_ctx *ctx, void *arg)
{
    pthread_attr_t attr;
    (void)ctx;
    MUST(pthread_getattr_np(pthread_self(), &attr) == 0);
    MUST(pthread_attr_getstacksize(&attr, arg) == 0);
    pthread_attr_destroy(&attr);
    return CCP_OK;
}

TEST(the_stack_is_as_large_as_asked_for)
{
    static const size_t asked[] = { 256 * 1024, 3 * 1024 * 1024, 300001 };
    for (size_t i = 0; i < LENGTH(asked); i++) {
        size_t size = 0;
        ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .stack_size = asked[i] });
        assert_non_null(p);
        ASSERT_STATUS(ccp_pool_submit(p, look_at_stack, &size, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        assert_in_range(size, asked[i], 4 * asked[i]); /* the system may hand on a used one */
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

static ccp_status note_thread(ccp_ctx *ctx, void *arg)
{
    pthread_t *ids = arg;
    ids[ccp_pool_worker(ctx)] = pthread_self();
    return CCP_OK;
}

TEST(the_same_threads_run_all_tasks)
{
    enum { WORKERS = 3 };
    pthread_t first[WORKERS] = { 0 }, later[WORKERS] = { 0 };
    ccp_pool *p = pool_of(WORKERS, 4);
    for (size_t i = 0; i < 300; i++)
        ASSERT_STATUS(ccp_pool_submit(p, note_thread, first, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    for (size_t i = 0; i < 300; i++)
        ASSERT_STATUS(ccp_pool_submit(p, note_thread, later, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    for (int w = 0; w < WORKERS; w++)
        if (first[w] && later[w])
            assert_true(pthread_equal(first[w], later[w]));
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(absurd_options_are_refused),
        ENTRY(the_defaults_make_a_pool),
        ENTRY(every_accepted_task_runs_once),
        ENTRY(tasks_that_do_not_return_ok_are_counted),
        ENTRY(tasks_start_in_the_order_accepted),
        ENTRY(never_more_tasks_run_than_there_are_workers),
        ENTRY(no_worker_stands_idle_while_a_task_waits),
        ENTRY(a_full_queue_holds_the_submitter_back),
        ENTRY(a_task_knows_its_worker_and_its_parents_values_and_cannot_wait_for_itself),
        ENTRY(the_end_of_the_parent_context_reaches_the_tasks),
        ENTRY(a_task_may_submit_tasks),
        ENTRY(what_a_task_wrote_is_seen_after_the_drain),
        ENTRY(drain_waits_for_what_runs_and_what_waits),
        ENTRY(drain_does_not_wait_for_a_later_task_that_its_worker_has),
        ENTRY(drain_beside_a_submit_that_gives_up),
        ENTRY(drain_does_not_wait_for_tasks_accepted_later),
        ENTRY(pools_do_not_hold_each_other_up),
#if defined(__linux__)
        ENTRY(the_threads_carry_the_name_of_the_pool),
#endif
        ENTRY(workers_block_signals_and_the_maker_of_the_pool_does_not),
        ENTRY(the_stack_is_as_large_as_asked_for),
        ENTRY(the_same_threads_run_all_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
