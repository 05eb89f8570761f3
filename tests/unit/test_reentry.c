/* SPDX-License-Identifier: MIT
 *
 * Every call of the library, made inside every callback (G3): on other objects, and on the one
 * whose callback it is.  A call that does not come back ends the test, with its name.
 */
#include "reentry.h"

static const ccp_promise_opts a_long = { .size = sizeof(long) };

static void run_nothing(void *arg)
{
    (void)arg;
}

static ccp_status nothing(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

/* --- contexts and channels --- */

typedef struct hooked {
    ccp_ctx *c;
    ccp_hook h;
} hooked;

static void use_same_ctx(void *arg)
{
    static const char key;
    hooked *s = arg;
    int fd;
    ccp_hook other = { 0 };
    ccp_ctx *c = s->c;
    ccp_ctx *below[] = { ccp_ctx_new(c, CCP_FOREVER), ccp_ctx_new_value(c, &key, s),
                         ccp_ctx_new_detached(c) };
    for (size_t i = 0; i < LENGTH(below); i++)
        OK(ccp_ctx_free(below[i]));
    GIVES(ccp_ctx_unhook(&s->h, CCP_FOREVER), CCP_CLOSED);
    ccp_ctx_cancel(c);
    ccp_ctx_cancel_cause(c, &key);
    GIVES(ccp_ctx_status(c), CCP_CANCELED);
    RETURNS(ccp_ctx_fd(c, &fd));
    MUST(ccp_ctx_cause(c) != &key && !ccp_ctx_value(c, &key) && ccp_ctx_deadline(c) == INT64_MAX);
    OK(ccp_ctx_hook(c, &other, run_nothing, NULL));
    RETURNS(ccp_ctx_unhook(&other, CCP_FOREVER));
}

static void use_same_chan(void *arg)
{
    ccp_chan *ch = arg;
    ccp_chan_info info;
    ccp_chan_stats stats;
    size_t n;
    int fd;
    long v[1] = { 1 };
    GIVES(ccp_chan_send(ch, v, CCP_FOREVER), CCP_CLOSED);
    GIVES(ccp_chan_send_n(ch, v, 1, &n, CCP_FOREVER), CCP_CLOSED);
    RETURNS(ccp_chan_recv(ch, v, CCP_NOWAIT));
    RETURNS(ccp_chan_recv_n(ch, v, 1, &n, CCP_NOWAIT));
    ccp_case cases[] = { CCP_CASE_RECV(ch, v) };
    RETURNS(ccp_select(cases, 1, &n, CCP_NOWAIT));
    OK(ccp_chan_get_stats(ch, &stats));
    RETURNS(ccp_chan_add_senders(ch, 1));
    RETURNS(ccp_chan_sender_done(ch));
    GIVES(ccp_chan_close(ch), CCP_CLOSED);
    RETURNS(ccp_chan_cancel(ch));
    MUST(ccp_chan_is_closed(ch) && ccp_chan_cap(ch) == 4 && ccp_chan_len(ch) < 4);
    OK(ccp_chan_get_info(ch, &info));
    GIVES(ccp_chan_stop(ch), CCP_INVAL);
    RETURNS(ccp_chan_fd(ch, CCP_POLL_RECV, &fd));
    GIVES(ccp_chan_reset(ch, 1), CCP_INVAL);
}

static void contexts_and_channels(void)
{
    hooked s = { ccp_ctx_new(NULL, CCP_FOREVER), { 0 } };
    site hook = { IN_ccp_ctx_hook_fn, use_same_ctx, &s };
    OK(ccp_ctx_hook(s.c, &s.h, run_inside, &hook));
    ccp_ctx_cancel(s.c);
    GIVES(ccp_ctx_unhook(&s.h, CCP_FOREVER), CCP_MISUSE); /* it was taken back inside */
    OK(ccp_ctx_free(s.c));

    site drop = { IN_ccp_chan_opts_drop, use_same_chan, NULL };
    ccp_chan *ch = ccp_chan_make(&(ccp_chan_opts){
        .elem_size = sizeof(long), .capacity = 4, .drop = drop_inside, .drop_arg = &drop });
    MUST(ch);
    drop.obj = ch;
    for (long i = 0; i < 3; i++)
        OK(ccp_chan_send(ch, &i, CCP_NOWAIT));
    OK(ccp_chan_cancel(ch));
    OK(ccp_chan_free(ch));
}

/* --- those who meet --- */

typedef struct gathering {
    ccp_wg wg;
    ccp_chan *ch;
} gathering;

static void use_same_wg(void *arg)
{
    gathering *g = arg;
    OK(ccp_wg_add(&g->wg, 1));
    OK(ccp_wg_close_when_done(&g->wg, g->ch));
    OK(ccp_wg_done(&g->wg));
    OK(ccp_wg_go(&g->wg, run_nothing, NULL));
    GIVES(ccp_wg_wait(&g->wg, CCP_NOWAIT), CCP_AGAIN);
    MUST(!ccp_chan_is_closed(g->ch));
}

static void use_same_once(void *once)
{
    MUST(!ccp_once_is_done(once));
    GIVES(ccp_once_do(once, do_inside, NULL, CCP_FOREVER), CCP_DEADLOCK);
}

static void use_same_phaser(void *p)
{
    ccp_phaser_info info;
    uint64_t phase;
    OK(ccp_phaser_get_info(p, &info));
    MUST(info.advancing);
    OK(ccp_phaser_register(p, 1, &phase));
    OK(ccp_phaser_deregister(p, &phase));
    GIVES(ccp_phaser_wait(p, phase, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_phaser_arrive_and_wait(p, &phase, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_phaser_free(p), CCP_BUSY);
    OK(ccp_phaser_arrive(p, &phase));
    OK(ccp_phaser_close(p));
}

static ccp_status action_inside(uint64_t phase, unsigned parties, void *arg)
{
    (void)phase;
    (void)parties;
    return do_inside(arg);
}

static void those_who_meet(void)
{
    gathering g = { CCP_WG_INIT, ccp_chan_new(0, 0) };
    site wg = { IN_ccp_wg_go_fn, use_same_wg, &g };
    OK(ccp_wg_go(&g.wg, run_inside, &wg));
    OK(ccp_wg_wait(&g.wg, CCP_FOREVER));
    MUST(ccp_chan_is_closed(g.ch));
    OK(ccp_chan_free(g.ch));

    ccp_once o = CCP_ONCE_INIT;
    site once = { IN_ccp_once_do_fn, use_same_once, &o };
    OK(ccp_once_do(&o, do_inside, &once, CCP_FOREVER));

    site action = { IN_ccp_phaser_opts_action, use_same_phaser, NULL };
    ccp_phaser *p = ccp_phaser_make(
        &(ccp_phaser_opts){ .parties = 1, .action = action_inside, .arg = &action });
    MUST(p);
    action.obj = p;
    OK(ccp_phaser_arrive(p, NULL));
    OK(ccp_phaser_free(p));
}

/* --- futures --- */

static void use_same_future(void *future)
{
    ccp_future *f = *(ccp_future **)future;
    int fd;
    GIVES(ccp_future_get(f, NULL, CCP_FOREVER), CCP_DEADLOCK);
    MUST(!ccp_future_peek(f) && !ccp_future_is_done(f) && ccp_future_done(f));
    OK(ccp_future_error(f));
    RETURNS(ccp_future_fd(f, &fd));
    ccp_future *then = ccp_future_then(f, &a_long, then_inside, NULL);
    ccp_future *first = ccp_future_first(&f, 1, 1);
    MUST(then && first && ccp_future_share(f));
    ccp_future_free(f);
    ccp_future_free(then);
    ccp_future_free(first);
    OK(ccp_future_cancel(f));
}

typedef struct promised {
    ccp_promise *p;
    ccp_future *f;
} promised;

static void use_same_promise(void *arg)
{
    promised *s = arg;
    long v = 1;
    GIVES(ccp_promise_set(s->p, &v), CCP_MISUSE);
    GIVES(ccp_promise_fail(s->p, CCP_FAILED), CCP_MISUSE);
    MUST(!ccp_promise_canceled(s->p));
    (void)ccp_promise_ctx(s->p);
    MUST(ccp_future_is_done(s->f) && ccp_future_peek(s->f));
    OK(ccp_future_get(s->f, &v, CCP_FOREVER));
    GIVES(ccp_future_cancel(s->f), CCP_CLOSED);
}

static void futures(void)
{
    promised s;
    ccp_future *lazy_one;
    site lazy = { IN_ccp_future_lazy_fn, use_same_future, &lazy_one };
    site then = { IN_ccp_future_then_fn, use_same_promise, &s };
    site drop = { IN_ccp_promise_opts_drop, NULL, NULL }; /* the last handle is being freed */
    lazy_one = ccp_future_lazy(&a_long, call_inside, &lazy);
    MUST(lazy_one);
    RETURNS(ccp_future_get(lazy_one, NULL, CCP_FOREVER));
    ccp_future_free(lazy_one);

    s.p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long), .cancelable = true }, &s.f);
    MUST(s.p);
    ccp_future *made = ccp_future_then(s.f, &a_long, then_inside, &then);
    OK(ccp_promise_set(s.p, &(long){ 7 }));
    OK(ccp_future_get(made, NULL, CCP_NOWAIT));
    ccp_future_free(made);
    ccp_future_free(s.f);
    ccp_promise_free(s.p);

    s.p = ccp_promise_new(
        &(ccp_promise_opts){ .size = sizeof(long), .drop = drop_inside, .drop_arg = &drop }, &s.f);
    MUST(s.p);
    OK(ccp_promise_set(s.p, &(long){ 7 }));
    ccp_promise_free(s.p);
    ccp_future_free(s.f);
}

/* --- groups and single-flights --- */

static void use_same_group(void *g)
{
    MUST(ccp_group_ctx(g) && ccp_group_errors(g, NULL, 0) == 0);
    OK(ccp_group_go(g, nothing, NULL, CCP_FOREVER));
    GIVES(ccp_group_wait(g, CCP_FOREVER), CCP_DEADLOCK);
    GIVES(ccp_group_free(g), CCP_BUSY);
}

static ccp_status fly(void *result, void *arg)
{
    return call_inside(NULL, arg, result);
}

static void use_flight(ccp_flight *f)
{
    ccp_flight_call other = { .key = "other", .len = 5, .fn = fly };
    ccp_flight_info info;
    ccp_chan *ch;
    long v;
    OK(ccp_flight_do(f, &other, &v, NULL, CCP_FOREVER));
    OK(ccp_flight_do_chan(f, &other, &ch));
    OK(ccp_chan_recv(ch, &(CCP_FLIGHT_RESULT(long)){ 0 }, CCP_FOREVER));
    OK(ccp_flight_leave(f, ch));
    OK(ccp_flight_forget(f, "other", 5));
    OK(ccp_flight_get_info(f, &info));
}

typedef struct flight {
    ccp_flight *f;
    ccp_chan *joined; /* the call under way */
} flight;

static void use_same_flight(void *arg)
{
    flight *s = arg;
    ccp_flight_call same = { .key = "key", .len = 3, .fn = fly };
    long v;
    GIVES(ccp_flight_do(s->f, &same, &v, NULL, CCP_FOREVER), CCP_DEADLOCK);
    OK(ccp_flight_do_chan(s->f, &same, &s->joined));
    use_flight(s->f);
    GIVES(ccp_flight_free(s->f), CCP_BUSY);
    OK(ccp_flight_forget(s->f, "key", 3));
}

static void use_flight_of_result(void *arg)
{
    use_flight(((flight *)arg)->f);
}

static void copy_inside(void *to, const void *from, void *arg)
{
    *(long *)to = *(const long *)from;
    inside(IN_ccp_flight_opts_copy, use_flight_of_result, arg);
}

static void drop_result_inside(void *result, void *arg)
{
    (void)result;
    inside(IN_ccp_flight_opts_drop, use_flight_of_result, arg);
}

static void groups_and_flights(void)
{
    ccp_group *g = ccp_group_new(NULL, 2);
    site task = { IN_ccp_group_go_fn, use_same_group, g };
    OK(ccp_group_go(g, task_inside, &task, CCP_FOREVER));
    OK(ccp_group_wait(g, CCP_FOREVER));
    OK(ccp_group_free(g));

    flight s = { NULL, NULL };
    ccp_flight_opts o = {
        .result_size = sizeof(long), .copy = copy_inside, .drop = drop_result_inside, .arg = &s
    };
    s.f = ccp_flight_make(&o);
    MUST(s.f);
    site flies = { IN_ccp_flight_call_fn, use_same_flight, &s };
    ccp_flight_call call = { .key = "key", .len = 3, .fn = fly, .arg = &flies };
    long v;
    OK(ccp_flight_do(s.f, &call, &v, NULL, CCP_FOREVER));
    OK(ccp_flight_leave(s.f, s.joined));
    WAIT_UNTIL(ccp_flight_free(s.f) == CCP_OK);
}

/* --- timers, breakers, retries, batchers, shutdown --- */

typedef struct clockwork {
    ccp_timers *ts;
    ccp_timer t;
} clockwork;

static void use_same_timer(void *arg)
{
    clockwork *c = arg;
    ccp_timer other = { 0 };
    ccp_timer_opts o = { .fn = run_nothing, .after = CCP_SEC(1000) };
    GIVES(ccp_timer_start(c->ts, &c->t, &o), CCP_BUSY);
    OK(ccp_timer_start(c->ts, &other, &o));
    OK(ccp_timer_stop(&other, CCP_FOREVER));
    OK(ccp_timer_reset(&c->t, CCP_SEC(1000)));
    GIVES(ccp_timers_free(c->ts), CCP_BUSY);
    GIVES(ccp_timer_stop(&c->t, CCP_FOREVER), CCP_CLOSED); /* this is its function */
}

static void timers(void)
{
    clockwork c = { ccp_timers_new(NULL), { 0 } };
    site s = { IN_ccp_timer_opts_fn, use_same_timer, &c };
    ccp_timer_opts o = { .fn = run_inside, .arg = &s };
    MUST(c.ts);
    OK(ccp_timer_start(c.ts, &c.t, &o));
    WAIT_UNTIL(ccp_timers_free(c.ts) == CCP_OK);
}

static void use_breaker(void *b)
{
    ccp_breaker_ticket ticket;
    ccp_breaker_info info;
    if (ccp_breaker_allow(b, &ticket) == CCP_OK)
        RETURNS(ccp_breaker_done(b, ticket, CCP_FAILED));
    RETURNS(ccp_breaker_run(b, nothing, NULL, NULL, CCP_FOREVER));
    OK(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false));
    if (ccp_breaker_allow(b, &ticket) == CCP_OK)
        OK(ccp_breaker_done(b, ticket, CCP_OK));
    OK(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, false));
    OK(ccp_breaker_get_info(b, &info));
}

static void use_same_breaker(void *arg)
{
    ccp_breaker *b = *(ccp_breaker **)arg;
    use_breaker(b);
    GIVES(ccp_breaker_free(b), CCP_BUSY);
}

static bool trip_inside(const ccp_breaker_counts *counts, void *b)
{
    inside(IN_ccp_breaker_opts_trip, use_same_breaker, b);
    return counts->failures > 0;
}

static ccp_breaker_state judge_inside(const ccp_breaker_counts *counts, void *b)
{
    (void)counts;
    inside(IN_ccp_breaker_opts_judge, use_same_breaker, b);
    return CCP_BREAKER_CLOSED;
}

static ccp_breaker_verdict classify_inside(ccp_status outcome, void *b)
{
    inside(IN_ccp_breaker_opts_classify, use_same_breaker, b);
    return outcome == CCP_OK ? CCP_BREAKER_SUCCESS : CCP_BREAKER_FAILURE;
}

static void change_inside(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *b)
{
    (void)name;
    MUST(from != to);
    inside(IN_ccp_breaker_opts_on_change, use_same_breaker, b);
}

static ccp_retry_verdict retry_inside(ccp_status outcome, unsigned attempt, int64_t *after,
                                      void *arg)
{
    (void)outcome;
    (void)after;
    run_inside(arg);
    return attempt < 2 ? CCP_RETRY_AGAIN : CCP_RETRY_DONE;
}

/* Each function of it is asked: a failure opens it, a success is judged. */
static void breakers(void)
{
    ccp_breaker *b;
    ccp_breaker_ticket ticket;
    ccp_breaker_opts o = { .trip = trip_inside,
                           .judge = judge_inside,
                           .classify = classify_inside,
                           .on_change = change_inside,
                           .arg = &b };
    b = ccp_breaker_new(&o);
    MUST(b);
    site run = { IN_ccp_breaker_run_fn, use_same_breaker, &b };
    site attempt = { IN_ccp_retry_fn, use_breaker, b };
    site verdict = { IN_ccp_retry_opts_classify, use_breaker, b };
    /* A function that has been entered leaves it half-open: hence again and again. */
    for (int i = 0; i < 12; i++) {
        OK(ccp_breaker_set(b, i % 2 ? CCP_BREAKER_HALF_OPEN : CCP_BREAKER_CLOSED, false));
        if (ccp_breaker_allow(b, &ticket) == CCP_OK)
            OK(ccp_breaker_done(b, ticket, i % 2 ? CCP_OK : CCP_FAILED));
    }
    OK(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false));
    OK(ccp_breaker_run(b, task_inside, &run, NULL, CCP_FOREVER));
    OK(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false));
    ccp_retry_opts r = { .classify = retry_inside,
                         .classify_arg = &verdict,
                         .breaker = b,
                         .backoff = ccp_backoff_constant(1) };
    RETURNS(ccp_retry(&r, task_inside, &attempt, NULL, CCP_FOREVER));
    OK(ccp_breaker_free(b));
}

static void use_same_batcher(void *b)
{
    ccp_batcher_info info;
    GIVES(ccp_batcher_call(b, NULL, NULL, CCP_FOREVER), CCP_DEADLOCK);
    OK(ccp_batcher_flush(b));
    OK(ccp_batcher_get_info(b, &info));
    GIVES(ccp_batcher_free(b), CCP_DEADLOCK);
    OK(ccp_batcher_close(b));
}

static void handle_inside(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    MUST(n == 1);
    run_inside(arg);
}

static ccp_status shut_inside(void *arg, ccp_wait w)
{
    (void)w;
    return do_inside(arg);
}

static void use_same_shutdown(void *s)
{
    GIVES(ccp_shutdown_add(s, CCP_PHASE_JOIN, "late", shut_inside, NULL), CCP_CLOSED);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1 });
    GIVES(ccp_shutdown_add_pool(s, "late", p, NULL, NULL), CCP_CLOSED);
    OK(ccp_pool_free(p));
    GIVES(ccp_shutdown_run(s, NULL, CCP_FOREVER), CCP_CLOSED);
    MUST(ccp_shutdown_report(s, NULL, 0) <= 1);
    GIVES(ccp_shutdown_free(s), CCP_BUSY);
}

static void ends(void)
{
    site handles = { IN_ccp_batcher_opts_fn, use_same_batcher, NULL };
    ccp_batcher *b = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle_inside, .arg = &handles });
    MUST(b);
    handles.obj = b;
    OK(ccp_batcher_call(b, NULL, NULL, CCP_FOREVER));
    OK(ccp_batcher_free(b));

    site step = { IN_ccp_shutdown_add_fn, use_same_shutdown, NULL };
    ccp_shutdown *s = ccp_shutdown_new();
    MUST(s);
    step.obj = s;
    OK(ccp_shutdown_add(s, CCP_PHASE_DRAIN, "step", shut_inside, &step));
    OK(ccp_shutdown_run(s, NULL, CCP_FOREVER));
    OK(ccp_shutdown_free(s));
}

/* --- G3 --- */

TEST(contexts_and_channels_may_be_reentered) /* G3 C10 */
{
    run_watched(contexts_and_channels);
}

TEST(those_who_meet_may_be_reentered) /* G3 H2 H7 O3 */
{
    run_watched(those_who_meet);
}

TEST(futures_groups_and_flights_may_be_reentered) /* G3 F6 D7 */
{
    run_watched(futures);
    run_watched(groups_and_flights);
}

TEST(timers_may_be_reentered) /* G3 I6 */
{
    run_watched(timers);
}

TEST(breakers_and_retries_may_be_reentered) /* G3 Q8 */
{
    run_watched(breakers);
}

TEST(batchers_and_shutdowns_may_be_reentered) /* G3 */
{
    run_watched(ends);
}

TEST(dumps_and_watches_may_be_reentered) /* G3 DG4 */
{
    run_watched(dumps_may_be_reentered);
    run_watched(watches_may_be_reentered);
}

TEST(pools_and_pipelines_may_be_reentered) /* G3 */
{
    run_watched(pools_may_be_reentered);
    run_watched(pipelines_may_be_reentered);
}

TEST(what_flows_may_be_reentered) /* G3 K6 */
{
    run_watched(fans_may_be_reentered);
    run_watched(generators_may_be_reentered);
    run_watched(ranges_may_be_reentered);
}

TEST(what_the_process_has_may_be_reentered) /* G3 */
{
    run_watched(the_misuse_hook_may_be_reentered);
    run_watched(the_allocator_may_be_reentered);
}

TEST(domains_of_readers_may_be_reentered) /* G3 RU4 */
{
    run_watched(domains_may_be_reentered);
}

/* After the others. */
TEST(every_call_was_made_and_every_callback_entered) /* G3 */
{
    bool calls = all_calls_were_made(), places = all_places_were_reached();
    assert_true(calls && places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(contexts_and_channels_may_be_reentered),
        ENTRY(those_who_meet_may_be_reentered),
        ENTRY(futures_groups_and_flights_may_be_reentered),
        ENTRY(timers_may_be_reentered),
        ENTRY(breakers_and_retries_may_be_reentered),
        ENTRY(batchers_and_shutdowns_may_be_reentered),
        ENTRY(dumps_and_watches_may_be_reentered),
        ENTRY(pools_and_pipelines_may_be_reentered),
        ENTRY(what_flows_may_be_reentered),
        ENTRY(what_the_process_has_may_be_reentered),
        ENTRY(domains_of_readers_may_be_reentered),
        ENTRY(every_call_was_made_and_every_callback_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
