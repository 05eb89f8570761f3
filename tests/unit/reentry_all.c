/* SPDX-License-Identifier: MIT */
#include "reentry.h"

#include <signal.h>

ccp_misuse_hook present_hook;

static const char key;

static void run_nothing(void *arg)
{
    (void)arg;
}

static ccp_status do_nothing(void *arg)
{
    (void)arg;
    return CCP_OK;
}

static void drop_nothing(void *elem, void *arg)
{
    (void)elem;
    (void)arg;
}

static void use_base(void)
{
    MUST(ccp_status_name(CCP_OK) && ccp_strstatus(CCP_OK) && ccp_version());
    MUST(ccp_breaker_state_name(CCP_BREAKER_OPEN));
    MUST(ccp_now() > 0 && ccp_cpu_count() > 0);
    MUST(ccp_pool_recommend(1, 1, 0.5) > 0);
    ccp_set_misuse_hook(present_hook);
    ccp_chan *ch = ccp_chan_new(0, 0);
    MUST(ch && ccp_live_blocks() > 0);
    GIVES(ccp_set_allocator(NULL), CCP_BUSY);
    OK(ccp_chan_free(ch));
    RETURNS(ccp_sleep(CCP_NOWAIT));
    (void)ccp_start(CCP_NOWAIT);
}

static void use_contexts(void)
{
    int fd;
    ccp_hook h = { 0 };
    ccp_ctx *c = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *v = ccp_ctx_new_value(c, &key, &h), *d = ccp_ctx_new_detached(v);
    MUST(c && v && d);
    MUST(ccp_ctx_value(d, &key) == &h);
    MUST(ccp_ctx_deadline(c) == INT64_MAX);
    RETURNS(ccp_ctx_fd(c, &fd));
    OK(ccp_ctx_hook(v, &h, run_nothing, NULL));
    OK(ccp_ctx_unhook(&h, CCP_NOWAIT));
    OK(ccp_ctx_hook(v, &h, run_nothing, NULL));
    ccp_ctx_cancel_cause(c, &key);
    GIVES(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    GIVES(ccp_ctx_status(v), CCP_CANCELED);
    MUST(ccp_ctx_cause(v) == &key);
    OK(ccp_ctx_status(d));
    ccp_ctx_cancel(d);
    GIVES(ccp_ctx_status(d), CCP_CANCELED);
    OK(ccp_ctx_free(d));
    OK(ccp_ctx_free(v));
    OK(ccp_ctx_free(c));
}

static void use_timer_channels(void)
{
    ccp_chan *t = ccp_chan_after(1), *tick = ccp_chan_tick(CCP_SEC(1000));
    int64_t at;
    MUST(t && tick);
    OK(ccp_chan_recv(t, &at, CCP_FOREVER));
    OK(ccp_chan_reset(t, CCP_SEC(1000)));
    OK(ccp_chan_stop(t));
    OK(ccp_chan_stop(tick));
    OK(ccp_chan_free(t));
    OK(ccp_chan_free(tick));
}

static void use_channels(void)
{
    ccp_chan_opts o = { .elem_size = sizeof(long), .capacity = 4, .drop = drop_nothing };
    long v[2] = { 1, 2 };
    size_t n;
    ccp_chan_info info;
    ccp_chan_stats stats;
    ccp_chan *ch = ccp_chan_make(&o), *other = ccp_chan_new(0, 1);
    MUST(ch && other && ccp_chan_memory(&o) > 0 && ccp_chan_cap(ch) == 4);
    OK(ccp_chan_send(ch, v, CCP_NOWAIT));
    OK(ccp_chan_send_n(ch, v, 2, &n, CCP_NOWAIT));
    MUST(n == 2 && ccp_chan_len(ch) == 3);
    OK(ccp_chan_recv(ch, v, CCP_NOWAIT));
    OK(ccp_chan_recv_n(ch, v, 1, &n, CCP_NOWAIT));
    ccp_case cases[] = { CCP_CASE_RECV(ch, v), CCP_CASE_RECV(other, NULL) };
    OK(ccp_select(cases, 2, &n, CCP_NOWAIT));
    MUST(n == 0);
    GIVES(ccp_select_first(cases, 2, &n, CCP_NOWAIT), CCP_AGAIN);
    OK(ccp_chan_send(ch, v, CCP_NOWAIT));
    OK(ccp_chan_get_info(ch, &info));
    OK(ccp_chan_get_stats(ch, &stats));
    GIVES(ccp_chan_advise(&stats, &stats, NULL), CCP_INVAL);
    GIVES(ccp_chan_recommend(NULL, NULL), CCP_INVAL);
    OK(ccp_chan_add_senders(other, 1));
    OK(ccp_chan_sender_done(other));
    MUST(ccp_chan_is_closed(other));
    OK(ccp_chan_close(ch));
    OK(ccp_chan_cancel(ch));
    int fd;
    RETURNS(ccp_chan_fd(ch, CCP_POLL_RECV, &fd));
    OK(ccp_chan_free(ch));
    OK(ccp_chan_free(other));
}

static void use_groups_of_threads(void)
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_once once = CCP_ONCE_INIT;
    ccp_chan *ch = ccp_chan_new(0, 0);
    OK(ccp_wg_add(&wg, 1));
    OK(ccp_wg_close_when_done(&wg, ch));
    OK(ccp_wg_done(&wg));
    MUST(ccp_chan_is_closed(ch));
    OK(ccp_wg_go(&wg, run_nothing, NULL));
    OK(ccp_wg_wait(&wg, CCP_FOREVER));
    OK(ccp_once_do(&once, do_nothing, NULL, CCP_NOWAIT));
    MUST(ccp_once_is_done(&once));
    OK(ccp_chan_free(ch));
}

static void use_locks(void)
{
    ccp_sem s = CCP_SEM_INIT(2);
    ccp_mutex m = CCP_MUTEX_INIT;
    ccp_rwlock l = CCP_RWLOCK_INIT;
    OK(ccp_sem_acquire(&s, 2, CCP_NOWAIT));
    OK(ccp_sem_release(&s, 1));
    OK(ccp_sem_forget(&s, 1));
    OK(ccp_sem_add(&s, 1));
    MUST(ccp_sem_available(&s) == 2 && ccp_sem_cap(&s) == 2);
    OK(ccp_sem_close(&s));
    MUST(ccp_sem_is_closed(&s));
    OK(ccp_mutex_lock(&m, CCP_NOWAIT));
    MUST(ccp_mutex_is_locked(&m));
    OK(ccp_mutex_unlock(&m));
    OK(ccp_rwlock_rdlock(&l, CCP_NOWAIT));
    OK(ccp_rwlock_rdunlock(&l));
    OK(ccp_rwlock_wrlock(&l, CCP_NOWAIT));
    OK(ccp_rwlock_wrunlock(&l));
}

static void use_meetings(void)
{
    ccp_barrier b = CCP_BARRIER_INIT(1);
    ccp_barrier_pass pass;
    ccp_barrier_info info;
    ccp_phaser_info now;
    uint64_t phase;
    OK(ccp_barrier_wait(&b, &pass, CCP_NOWAIT));
    OK(ccp_barrier_break(&b));
    OK(ccp_barrier_reset(&b));
    OK(ccp_barrier_get_info(&b, &info));
    ccp_phaser *p = ccp_phaser_new(1), *q = ccp_phaser_make(&(ccp_phaser_opts){ .parties = 1 });
    MUST(p && q);
    OK(ccp_phaser_arrive(p, &phase));
    OK(ccp_phaser_wait(p, phase, CCP_NOWAIT));
    OK(ccp_phaser_arrive_and_wait(p, &phase, CCP_NOWAIT));
    OK(ccp_phaser_register(p, 1, &phase));
    OK(ccp_phaser_deregister(p, &phase));
    OK(ccp_phaser_get_info(p, &now));
    OK(ccp_phaser_close(p));
    OK(ccp_phaser_free(p));
    OK(ccp_phaser_free(q));
}

static void use_rates(void)
{
    ccp_rate r = CCP_RATE_INIT(1, 9);
    ccp_reservation a, b;
    int64_t t = ccp_now();
    OK(ccp_rate_init(&r, 1 + ccp_every(CCP_SEC(1)), 9));
    OK(ccp_rate_take(&r, 1, CCP_NOWAIT));
    OK(ccp_rate_take_at(&r, 1, t));
    OK(ccp_rate_reserve(&r, 1, &a));
    OK(ccp_rate_reserve_at(&r, 1, t, &b));
    RETURNS(ccp_rate_cancel(&a));
    RETURNS(ccp_rate_cancel_at(&b, t));
    OK(ccp_rate_set(&r, 2, 9));
    OK(ccp_rate_set_at(&r, 3, 9, ccp_now()));
    MUST(ccp_rate_tokens(&r) > 0 && ccp_rate_tokens_at(&r, ccp_now()) > 0);
    MUST(ccp_rate_limit(&r) > 2 && ccp_rate_burst(&r) == 9);
    ccp_rate_map *m = ccp_rate_map_new(&(ccp_rate_map_opts){ .per_second = 1, .burst = 2 });
    MUST(m);
    OK(ccp_rate_map_take(m, "a", 1, 1, CCP_NOWAIT));
    OK(ccp_rate_map_take_at(m, "b", 1, 1, t));
    MUST(ccp_rate_map_len(m) == 2);
    OK(ccp_rate_map_free(m));
    ccp_window *x = ccp_window_new(2, CCP_SEC(9));
    MUST(x);
    OK(ccp_window_take(x, 1, CCP_NOWAIT));
    OK(ccp_window_take_at(x, 1, t));
    MUST(ccp_window_when(x, 1) > t && ccp_window_when_at(x, 1, t) > t);
    OK(ccp_window_free(x));
    ccp_limiter l;
    ccp_sometimes s = { .first = 1 };
    OK(ccp_limiter_init(&l, NULL));
    OK(ccp_limiter_acquire(&l, CCP_NOWAIT));
    OK(ccp_limiter_release(&l, CCP_OK, 1));
    MUST(ccp_limiter_limit(&l) > 0 && ccp_sometimes_now(&s) && !ccp_sometimes_at(&s, t));
}

static ccp_status succeed(ccp_ctx *ctx, void *arg)
{
    (void)arg;
    MUST(ccp_retry_attempt(ctx) <= 1);
    return CCP_OK;
}

static void use_calls_of_others(void)
{
    ccp_breaker *b = ccp_breaker_new(NULL);
    ccp_breaker_ticket ticket;
    ccp_breaker_info info;
    ccp_backoff backoff = ccp_backoff_constant(1);
    ccp_retry_budget budget = CCP_RETRY_BUDGET_INIT(10, 1);
    ccp_retry_tally tally = { 0 };
    ccp_retry_figures figures;
    MUST(b);
    OK(ccp_breaker_allow(b, &ticket));
    OK(ccp_breaker_done(b, ticket, CCP_OK));
    OK(ccp_breaker_run(b, succeed, NULL, NULL, CCP_FOREVER));
    OK(ccp_breaker_set(b, CCP_BREAKER_OPEN, false));
    OK(ccp_breaker_get_info(b, &info));
    OK(ccp_breaker_free(b));
    MUST(ccp_backoff_next(&backoff) == 1);
    OK(ccp_retry_budget_earn(&budget));
    OK(ccp_retry_budget_spend(&budget));
    OK(ccp_retry(&(ccp_retry_opts){ .tally = &tally }, succeed, NULL, NULL, CCP_FOREVER));
    OK(ccp_retry_tally_get(&tally, &figures));
}

static void handle_nothing(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    (void)arg;
    MUST(n == 1);
}

static ccp_status shut_nothing(void *arg, ccp_wait w)
{
    (void)arg;
    (void)w;
    return CCP_OK;
}

static void use_ends(void)
{
    ccp_batcher_info info;
    ccp_batcher *b = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle_nothing });
    MUST(b);
    OK(ccp_batcher_call(b, NULL, NULL, CCP_FOREVER));
    OK(ccp_batcher_flush(b));
    OK(ccp_batcher_get_info(b, &info));
    OK(ccp_batcher_close(b));
    OK(ccp_batcher_free(b));

    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    ccp_signals *s = ccp_signals_new(&(int){ SIGUSR2 }, 1, &(ccp_signals_opts){ .chan = ch });
    MUST(s);
    OK(ccp_signals_free(s));
    OK(ccp_chan_free(ch));

    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    ccp_shutdown *end = ccp_shutdown_new();
    MUST(p && end);
    OK(ccp_shutdown_add(end, CCP_PHASE_JOIN, "nothing", shut_nothing, NULL));
    OK(ccp_shutdown_add_pool(end, "pool", p, NULL, NULL));
    OK(ccp_shutdown_run(end, NULL, CCP_FOREVER));
    MUST(ccp_shutdown_report(end, NULL, 0) > 1);
    OK(ccp_shutdown_free(end));
    OK(ccp_pool_fd(p, &(int){ 0 }));
    OK(ccp_pool_free(p));
}

static void use_timers(void)
{
    ccp_timer t = { 0 };
    ccp_timers *ts = ccp_timers_new(NULL);
    MUST(ts);
    OK(ccp_timer_start(ts, &t, &(ccp_timer_opts){ .fn = run_nothing, .after = CCP_SEC(1000) }));
    OK(ccp_timer_reset(&t, CCP_SEC(2000)));
    OK(ccp_timer_stop(&t, CCP_NOWAIT));
    OK(ccp_timers_free(ts));
}

static void read_nothing(const char *text, size_t n, void *arg)
{
    (void)arg;
    MUST(text[n - 1] == '\n');
}

static void hear_nothing(ccp_alarm what, const char *text, size_t n, void *arg)
{
    (void)what;
    (void)text;
    (void)n;
    (void)arg;
}

static void use_tracking(void)
{
    OK(ccp_track(true));
    ccp_chan *ch = ccp_chan_new(0, 1);
    MUST(ch);
    RETURNS(ccp_name(ch, "bell"));
    RETURNS(ccp_dump(read_nothing, NULL));
    OK(ccp_fork_guard(false)); /* for all: other tests fork without it */
    RETURNS(ccp_metrics_write(CCP_METRICS_PROMETHEUS, read_nothing, NULL));
    ccp_to_fd("", 0, NULL);
    RETURNS(ccp_deadlock_check(NULL, NULL));
    (void)ccp_audit(read_nothing, NULL);
    ccp_place(NULL, NULL, 0);
    ccp_watch *w = ccp_watch_new(&(ccp_watch_opts){ .alarm = hear_nothing });
    MUST(w);
    OK(ccp_watch_free(w));
    OK(ccp_chan_free(ch));
    OK(ccp_track(false));
}

void use_everything(void)
{
    use_base();
    use_contexts();
    use_timer_channels();
    use_channels();
    use_groups_of_threads();
    use_locks();
    use_meetings();
    use_rates();
    use_calls_of_others();
    use_ends();
    use_timers();
    use_tasks();
    use_pipelines();
    use_stealing();
    use_rcu();
    use_queues();
    use_tracking();
}
