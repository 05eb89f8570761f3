/* SPDX-License-Identifier: MIT
 *
 * Watches: whom they tell, what of, how often; and calls that they end.
 */
#include "stuck.h"

typedef struct log {
    page told[3]; /* by ccp_alarm */
    atomic_int calls[3];
    atomic_int tasks; /* lines that tell of one */
    atomic_int holds; /* lines that tell what a thread has: so many are complete */
    atomic_int waits; /* lines that tell how long one has waited */
} log;

static log alarms;

static void write_down(ccp_alarm what, const char *text, size_t n, void *arg)
{
    log *l = arg;
    page_write(text, n, &l->told[what]);
    atomic_fetch_add(&l->calls[what], 1);
    atomic_store(&l->holds, page_says(&l->told[what], "    holds mutex "));
    atomic_store(&l->waits, page_says(&l->told[CCP_ALARM_STALL], " has waited "));
    atomic_store(&l->tasks, page_says(&l->told[CCP_ALARM_TASK], " has had its task for "));
}

static ccp_watch *watch(ccp_watch_opts o)
{
    atomic_store(&alarms.tasks, 0);
    atomic_store(&alarms.holds, 0);
    atomic_store(&alarms.waits, 0);
    for (int i = 0; i < 3; i++) {
        page_clear(&alarms.told[i]);
        atomic_store(&alarms.calls[i], 0);
    }
    o.alarm = write_down;
    o.arg = &alarms;
    o.period_ns = CCP_MS(1);
    ccp_watch *w = ccp_watch_new(&o);
    assert_non_null(w);
    return w;
}

#define ASSERT_ALARM(what, text) PAGE_MUST_SAY(&alarms.told[what], (text))

static void lock_for_ever(actor *a)
{
    ccp_mutex *first = &sc.m[a->index], *second = &sc.m[1 - a->index];
    MUST(ccp_mutex_lock(first, CCP_FOREVER) == CCP_OK);
    meet(2);
    a->rc = ccp_mutex_lock(second, CCP_FOREVER);
    if (a->rc == CCP_OK)
        MUST(ccp_mutex_unlock(second) == CCP_OK);
    MUST(ccp_mutex_unlock(first) == CCP_OK);
}

TEST(a_circle_of_locks_is_told_of_while_others_run_and_one_call_ends) /* DG6 DG7 */
{
    stuck_begin();
    ccp_watch *w = watch((ccp_watch_opts){ .locks_have_owners = true, .end_one = true });
    enter(lock_for_ever, 0);
    enter(lock_for_ever, 1);
    for (size_t i = 0; i < 2; i++) /* the test is outside */
        actor_join(&sc.a[i]);
    sc.n = 0;
    int ended = (sc.a[0].rc == CCP_DEADLOCK) + (sc.a[1].rc == CCP_DEADLOCK);
    int ok = (sc.a[0].rc == CCP_OK) + (sc.a[1].rc == CCP_OK);
    assert_int_equal(ended, 1);
    assert_int_equal(ok, 1);
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 1);
    ASSERT_ALARM(CCP_ALARM_DEADLOCK, "deadlock of some threads, while others run\n");
    ASSERT_ALARM(CCP_ALARM_DEADLOCK, "a circle of 2 threads");
    assert_false(ccp_mutex_is_locked(&sc.m[0]) || ccp_mutex_is_locked(&sc.m[1]));
    stuck_end();
}

TEST(without_the_promise_a_circle_of_locks_is_a_stall) /* DG6 DG8 */
{
    stuck_begin();
    ccp_pool *idle = pool_of(1, 1);
    ccp_watch *w = watch((ccp_watch_opts){ .stall_ns = CCP_MS(20) });
    enter(lock_in_order_of_index, 0);
    enter(lock_in_order_of_index, 1);
    gate outside = GATE_INIT;
    actor b = { .arg = &outside };
    actor_start(&b, stay);
    WAIT_UNTIL(atomic_load(&alarms.holds) >= 2);
    sc.ch[0] = sc.a[sc.n].ch = channel("told of later", 0);
    sc.a[sc.n].w = forever();
    enter(sleep_in_channel, 0);
    WAIT_UNTIL(atomic_load(&alarms.waits) >= 3); /* once each, and not who has nothing to do */
    gate_open(&outside);
    actor_join(&b);
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    ASSERT_ALARM(CCP_ALARM_STALL, " in ccp_mutex_lock for mutex 0x");
    ASSERT_ALARM(CCP_ALARM_STALL, "told of later");
    assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 0);
    assert_int_equal(alarms.waits, 3);
    ASSERT_STATUS(ccp_pool_free(idle), CCP_OK);
    stuck_end();
}

/* Under a watch with end_one a call of each kind comes back. */
static void await_end(actor *a)
{
    long v = 0;
    size_t chosen;
    ccp_case cases[] = { CCP_CASE_RECV(sc.ch[0], &v), CCP_CASE_RECV(sc.ch[1], &v) };
    MUST(ccp_mutex_lock(&sc.m[0], CCP_NOWAIT) == CCP_OK);
    MUST(ccp_rwlock_wrlock(&sc.l, CCP_NOWAIT) == CCP_OK);
    MUST(ccp_chan_recv(sc.ch[0], &v, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_chan_recv(sc.ch[1], &v, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_chan_send(sc.ch[1], &v, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_select(cases, 2, &chosen, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_mutex_lock(&sc.m[0], CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_sem_acquire(&sc.s[0], 1, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_rwlock_rdlock(&sc.l, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_rwlock_wrlock(&sc.l, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_wg_wait(&sc.wg, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_future_get(sc.future, &v, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_barrier_wait(&sc.barrier, NULL, CCP_FOREVER) == CCP_DEADLOCK);
    MUST(ccp_chan_recv(sc.ch[0], &v, ccp_within(1)) == CCP_TIMEOUT); /* as ever */
    MUST(ccp_mutex_unlock(&sc.m[0]) == CCP_OK);
    MUST(ccp_rwlock_wrunlock(&sc.l) == CCP_OK);
    (void)a;
    MUST(ccp_chan_close(sc.ch[0]) == CCP_OK);
}

/* The main thread has to wait in libccp too, to be known. */
TEST(one_call_in_each_deadlock_ends) /* DG7 */
{
    if (!THREADS_ARE_COUNTED)
        skip();
    stuck_begin();
    sc.ch[0] = channel("buffered", 1);
    sc.ch[1] = channel("met", 0);
    sc.barrier = (ccp_barrier)CCP_BARRIER_INIT(2);
    ASSERT_STATUS(ccp_wg_add(&sc.wg, 1), CCP_OK);
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long) }, &sc.future);
    ccp_watch *w = watch((ccp_watch_opts){ .end_one = true });
    actor a = { .index = 0 };
    await_end(&a); /* here: all threads are this one, and the watch */
    assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 11);
    assert_int_equal(alarms.calls[CCP_ALARM_STALL], 0);
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    ccp_promise_free(p);
    ccp_future_free(sc.future);
    stuck_end();
}

static atomic_int steps_ended;

/* Does not care whether it is canceled. */
static void wait_for_what_never_comes(void)
{
    long v;
    MUST(ccp_chan_recv(sc.ch[0], &v, CCP_FOREVER) == CCP_DEADLOCK);
    atomic_fetch_add(&steps_ended, 1);
}

static ccp_status do_nothing(ccp_ctx *ctx, void *arg, void *result)
{
    (void)arg;
    (void)result;
    return ccp_ctx_status(ctx);
}

/* After that a thread that has nothing to do goes to sleep, which is not ended either. */
static void until_it_waits(void)
{
    ccp_chan_info info;
    WAIT_UNTIL(ccp_chan_get_info(sc.ch[0], &info) == CCP_OK && info.waiting_receivers == 1);
    MUST(ccp_pool_run(sc.pool, NULL, do_nothing, NULL, NULL, CCP_FOREVER) == CCP_OK);
}

static ccp_status waiting_step(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)in;
    (void)out;
    (void)arg;
    wait_for_what_never_comes();
    return CCP_CLOSED;
}

static ccp_status waiting_gen(ccp_gen *g, void *arg)
{
    (void)g;
    (void)arg;
    wait_for_what_never_comes();
    return CCP_OK;
}

/* One waits; the other one goes on when it does. */
static ccp_status waiting_range(ccp_ctx *ctx, size_t begin, size_t end, void *main_thread)
{
    (void)ctx;
    (void)begin;
    (void)end;
    if (pthread_equal(pthread_self(), *(pthread_t *)main_thread))
        until_it_waits();
    else
        wait_for_what_never_comes();
    return CCP_OK;
}

/* A channel of longs with one element. */
static ccp_chan *input(void)
{
    long v = 1;
    ccp_chan *in = channel("in", 1);
    ASSERT_STATUS(ccp_chan_send(in, &v, CCP_NOWAIT), CCP_OK);
    return in;
}

static void free_pipeline(void)
{
    ccp_pipeline *p = ccp_pipeline_new(NULL);
    ccp_pipeline_source(p, waiting_step, &(ccp_stage_opts){ .out_size = sizeof(long) });
    ccp_pipeline_sink(p, waiting_step, NULL);
    ASSERT_STATUS(ccp_pipeline_start(p), CCP_OK);
    until_it_waits();
    ASSERT_STATUS(ccp_pipeline_free(p), CCP_OK);
}

static void free_fan(void)
{
    ccp_chan *in = input();
    ccp_fan *f = ccp_fan_out(in, waiting_step, &(ccp_fan_opts){ .workers = 1 });
    assert_non_null(f);
    until_it_waits();
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

static void free_gen(void)
{
    ccp_gen *g = ccp_gen_new(waiting_gen, NULL, NULL);
    assert_non_null(g);
    until_it_waits();
    ASSERT_STATUS(ccp_gen_free(g), CCP_OK);
}

static void free_broadcast(void)
{
    ccp_chan *in = input();
    ccp_broadcast *b = ccp_broadcast_new(in, &(ccp_broadcast_opts){ .clone = waiting_step });
    assert_true(b && ccp_broadcast_join(b, NULL));
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    until_it_waits();
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

static void do_in_parallel(void)
{
    pthread_t self = pthread_self();
    ASSERT_STATUS(ccp_parallel_for(2, waiting_range, &self, &(ccp_parallel_opts){ .workers = 2 },
                                   CCP_FOREVER),
                  CCP_OK);
}

/* Each waits, last of all, for a step that waits. */
TEST(a_wait_of_a_call_that_must_not_fail_is_not_ended) /* DG7 */
{
    void (*const calls[])(void) = { free_pipeline, free_fan, free_gen, free_broadcast,
                                    do_in_parallel };
    if (!THREADS_ARE_COUNTED)
        skip();
    stuck_begin();
    sc.ch[0] = channel("never", 1);
    sc.pool = pool_of(1, 1);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        atomic_store(&steps_ended, 0);
        ccp_watch *w = watch((ccp_watch_opts){ .end_one = true });
        calls[i]();
        assert_int_equal(steps_ended, 1);
        assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 1);
        ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    }
    ASSERT_STATUS(ccp_pool_free(sc.pool), CCP_OK);
    sc.pool = NULL;
    stuck_end();
}

TEST(a_task_that_runs_for_long_is_told_of_once) /* DG11 */
{
    for (int measure = 0; measure < 2; measure++) {
        ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
            .workers = 12, .queue = 12, .name = "crew", .measure = measure > 0 });
        assert_non_null(p);
        ccp_watch *w = watch((ccp_watch_opts){ .task_ns = CCP_MS(5) });
        occupy(p, 1);
        WAIT_UNTIL(atomic_load(&alarms.tasks) == 1);
        ASSERT_ALARM(CCP_ALARM_TASK, " of pool 'crew', thread ");
        ASSERT_STATUS(ccp_pool_submit(p, pass_gate, NULL, CCP_NOWAIT), CCP_OK);
        WAIT_UNTIL(atomic_load(&alarms.tasks) >= 2);
        assert_int_equal(alarms.tasks, 2); /* not the first one again */
        ccp_watch *late = watch((ccp_watch_opts){ .task_ns = CCP_MS(5) });
        WAIT_UNTIL(atomic_load(&alarms.tasks) == 2); /* by the other one */
        gate_open(&task_gate);
        ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
        ASSERT_STATUS(ccp_watch_free(late), CCP_OK);
        assert_int_equal(alarms.tasks, 2);
        assert_int_equal(alarms.calls[CCP_ALARM_STALL] + alarms.calls[CCP_ALARM_DEADLOCK], 0);
        ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    }
}

TEST(of_many_tasks_some_are_named_and_the_others_counted) /* DG11 */
{
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){
        .workers = 12, .queue = 12, .name = "crew", .measure = true });
    assert_non_null(p);
    occupy(p, 12);
    ccp_pool_health h; /* all have begun */
    WAIT_UNTIL(ccp_pool_get_health(p, &(ccp_health_limits){ 1, 0 }, &h) == CCP_OK &&
               h.stuck == 12);
    ccp_watch *w = watch((ccp_watch_opts){ .task_ns = 1 });
    WAIT_UNTIL(atomic_load(&alarms.tasks) >= 8);
    gate_open(&task_gate);
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    assert_int_equal(alarms.tasks, 8);
    ASSERT_ALARM(CCP_ALARM_TASK, "4 more workers of pool 'crew'\n");
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

static void cancel_all(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)text;
    (void)n;
    MUST(what == CCP_ALARM_DEADLOCK);
    ccp_ctx_cancel(arg);
}

TEST(a_deadlock_is_told_once_by_each_watch) /* DG5 */
{
    if (!THREADS_ARE_COUNTED)
        skip();
    stuck_begin();
    sc.ch[0] = channel("in", 1);
    ccp_watch *often = watch((ccp_watch_opts){ .name = "often" });
    ccp_watch *late = ccp_watch_new(
        &(ccp_watch_opts){ .alarm = cancel_all, .arg = sc.ctx, .period_ns = CCP_MS(50) });
    assert_non_null(late);
    long v;
    ASSERT_STATUS(ccp_chan_recv(sc.ch[0], &v, ccp_within(CCP_MS(20))), CCP_TIMEOUT);
    assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 0);
    ASSERT_STATUS(ccp_chan_recv(sc.ch[0], &v, forever()), CCP_CANCELED);
    ASSERT_STATUS(ccp_watch_free(often), CCP_OK);
    ASSERT_STATUS(ccp_watch_free(late), CCP_OK);
    assert_true(alarms.calls[CCP_ALARM_DEADLOCK] <= 1);
    stuck_end();
}

static void free_from_inside(ccp_alarm what, const char *text, size_t n, void *arg)
{
    ccp_watch **w = arg;
    (void)what;
    (void)text;
    (void)n;
    MUST(ccp_watch_free(*w) == CCP_DEADLOCK);
    MUST(ccp_dump(page_write, &now) == CCP_OK);
    ccp_ctx_cancel(sc.ctx);
}

TEST(an_alarm_may_make_any_call_but_not_free_its_watch) /* DG4 */
{
    stuck_begin();
    static ccp_watch *w; /* set before it can be called: nothing has stalled yet */
    page_clear(&now);
    sc.ch[0] = channel("in", 1);
    w = ccp_watch_new(&(ccp_watch_opts){ .alarm = free_from_inside,
                                         .arg = &w,
                                         .period_ns = CCP_MS(1),
                                         .stall_ns = CCP_MS(1) });
    assert_non_null(w);
    long v;
    ASSERT_STATUS(ccp_chan_recv(sc.ch[0], &v, forever()), CCP_CANCELED);
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    ASSERT_SAYS("watch 0x");
    stuck_end();
}

TEST(what_can_never_be_right_makes_no_watch)
{
    assert_null(ccp_watch_new(NULL));
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .stall_ns = 1 }));
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .alarm = write_down, .stall_ns = -1 }));
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .alarm = write_down, .task_ns = -1 }));
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .alarm = write_down, .period_ns = -1 }));
    ASSERT_STATUS(ccp_watch_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_deadlock_check(NULL, NULL), CCP_OK);
}

static bool no_threads;

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
    return no_threads ? 11 : __real_pthread_create(t, a, fn, arg);
}

TEST(without_memory_or_threads_there_is_no_watch)
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_watch();
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    memory_fail_from(1);
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .alarm = write_down }));
    ASSERT_STATUS(check(), CCP_NOMEM);
    memory_fail_at(0);
    no_threads = true;
    assert_null(ccp_watch_new(&(ccp_watch_opts){ .alarm = write_down }));
    no_threads = false;
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

/* ---- what changes while a watch looks ---- */

/* In the watch's thread: a mutex is unlocked for its owner when room for a circle is asked for. */
static pthread_t main_thread;
static atomic_bool meddles;
static void *alloc_and_let_go(size_t size, void *arg)
{
    (void)arg;
    bool is_watch = !pthread_equal(pthread_self(), main_thread);
    if (size <= 64 && is_watch && atomic_exchange(&meddles, false))
        MUST(ccp_mutex_unlock(&sc.m[1]) == CCP_OK);
    return malloc(size);
}

static void free_plainly(void *p, void *arg)
{
    (void)arg;
    free(p);
}

static void lock_or_be_given(actor *a)
{
    MUST(ccp_mutex_lock(&sc.m[a->index], CCP_FOREVER) == CCP_OK);
    meet(2);
    actor_calls(a);
    MUST(ccp_mutex_lock(&sc.m[1 - a->index], CCP_FOREVER) == CCP_OK);
    MUST(ccp_mutex_unlock(&sc.m[1 - a->index]) == CCP_OK);
    if (a->index == 0) /* that of the other was unlocked for it */
        MUST(ccp_mutex_unlock(&sc.m[0]) == CCP_OK);
}

TEST(a_circle_that_opens_while_it_is_found_is_not_told_of) /* DG6 */
{
    const ccp_allocator allocator = { alloc_and_let_go, free_plainly, NULL };
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(&allocator), CCP_OK);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    stuck_begin();
    main_thread = pthread_self();
    for (size_t i = 0; i < 2; i++)
        enter(lock_or_be_given, i);
    for (size_t i = 0; i < 2; i++)
        actor_sleep_here(&sc.a[i]);
    atomic_store(&meddles, true);
    ccp_watch *w = watch((ccp_watch_opts){ .locks_have_owners = true });
    for (size_t i = 0; i < 2; i++)
        actor_join(&sc.a[i]);
    sc.n = 0;
    ASSERT_STATUS(ccp_watch_free(w), CCP_OK);
    assert_false(atomic_load(&meddles));
    assert_int_equal(alarms.calls[CCP_ALARM_DEADLOCK], 0);
    stuck_end();
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED(a_circle_of_locks_is_told_of_while_others_run_and_one_call_ends),
        TRACKED(without_the_promise_a_circle_of_locks_is_a_stall),
        TRACKED(one_call_in_each_deadlock_ends),
        TRACKED(a_wait_of_a_call_that_must_not_fail_is_not_ended),
        TRACKED(a_task_that_runs_for_long_is_told_of_once),
        TRACKED(of_many_tasks_some_are_named_and_the_others_counted),
        TRACKED(a_deadlock_is_told_once_by_each_watch),
        TRACKED(an_alarm_may_make_any_call_but_not_free_its_watch),
        TRACKED(what_can_never_be_right_makes_no_watch),
        TRACKED(without_memory_or_threads_there_is_no_watch),
        TRACKED(a_circle_that_opens_while_it_is_found_is_not_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
