/* SPDX-License-Identifier: MIT
 *
 * Tracking: which objects and threads a dump tells of, and what it says.
 */
#define _POSIX_C_SOURCE 200809L
#include "page.h"
#include "pools.h"

#include <signal.h>

#include "base/tasks.h"
#include "base/track.h"

static page now;

static const char *dump(void)
{
    page_clear(&now);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
    return now.text;
}

static int says(const char *what)
{
    return page_says(&now, what);
}

#define ASSERT_SAYS(what) PAGE_MUST_SAY(&now, (what))

/* ---- objects ---- */

TEST(while_it_is_off_nothing_is_kept) /* DG1 */
{
    size_t before = ccp_live_blocks();
    ccp_chan *ch = ccp_chan_new(8, 4);
    assert_int_equal(ccp_live_blocks(), before + 1);
    ASSERT_STATUS(ccp_name(ch, "orders"), CCP_OK);
    assert_int_equal(ccp_live_blocks(), before + 1);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(what_was_made_before_is_not_known_and_goes_as_ever)
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ccp_chan *ch = ccp_chan_new(8, 4);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    dump();
    assert_int_equal(says("channel"), 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(turning_it_off_forgets_all)
{
    ccp_chan *ch = ccp_chan_new(8, 4);
    ccp_mutex m = CCP_MUTEX_INIT;
    size_t with = ccp_live_blocks();
    ASSERT_STATUS(ccp_mutex_lock(&m, CCP_NOWAIT), CCP_OK);
    assert_true(ccp_live_blocks() > with);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    assert_int_equal(ccp_live_blocks(), 1);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    dump();
    assert_int_equal(says("channel") + says("mutex"), 0);
    ASSERT_STATUS(ccp_mutex_unlock(&m), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(channels_say_how_full_they_are) /* DG2 */
{
    ccp_chan *a = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = 4, .name = "orders" });
    ccp_chan *b = ccp_chan_new(0, 1), *c = ccp_chan_new(8, 0), *d = ccp_chan_after(CCP_SEC(100));
    long v = 1;
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_chan_send(a, &v, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(b), CCP_OK);
    dump();
    ASSERT_SAYS("channel 'orders', 3 of 4 elements\n");
    ASSERT_SAYS(", 0 of 1 element, closed\n");
    ASSERT_SAYS(", without a buffer\n");
    ASSERT_SAYS(", a timer\n");
    assert_int_equal(says("channel"), 4);
    ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
    dump();
    assert_int_equal(says("orders"), 0);
    ASSERT_STATUS(ccp_chan_free(b), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(c), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(d), CCP_OK);
}

TEST(objects_come_in_the_order_in_which_they_were_made)
{
    enum { MANY = 200 };
    ccp_chan *ch[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "number %d", i);
        ch[i] = ccp_chan_make(&(ccp_chan_opts){ .capacity = 1, .name = name });
    }
    for (int i = 0; i < MANY; i += 2)
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
    const char *at = dump();
    for (int i = 1; i < MANY; i += 2) {
        char line[64];
        snprintf(line, sizeof line, "channel 'number %d', 0 of 1 element\n", i);
        assert_memory_equal(at, line, strlen(line));
        at += strlen(line);
    }
    for (int i = 1; i < MANY; i += 2)
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
}

static ccp_status step_nothing(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)arg;
    (void)ctx;
    (void)in;
    (void)out;
    return CCP_OK;
}

static void handle_nothing(ccp_batch_item *item, size_t n, void *arg)
{
    (void)item;
    (void)n;
    (void)arg;
}

static ccp_status yield_nothing(ccp_gen *g, void *arg)
{
    (void)g;
    (void)arg;
    return CCP_OK;
}

TEST(what_has_threads_of_its_own_has_its_line) /* DG2 */
{
    ccp_chan *in = ccp_chan_make(&(ccp_chan_opts){ .elem_size = 8, .capacity = 1, .name = "in" });
    ccp_fan *fan = ccp_fan_out(
        in, step_nothing, &(ccp_fan_opts){ .workers = 2, .ordered = true, .name = "cooks" });
    ccp_broadcast *all = ccp_broadcast_new(in, &(ccp_broadcast_opts){ .name = "news" });
    ccp_batcher *batcher =
        ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle_nothing, .name = "bulk" });
    ccp_gen *gen = ccp_gen_new(yield_nothing, NULL, &(ccp_gen_opts){ .name = "source" });
    ccp_chan *caught = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(int), .capacity = 1, .name = "caught" });
    ccp_signals *signals = ccp_signals_new(
        (const int[]){ SIGUSR1 }, 1, &(ccp_signals_opts){ .chan = caught, .name = "sig" });
    dump();
    ASSERT_SAYS("channel 'in', ");
    ASSERT_SAYS("fan 'cooks'\n");
    ASSERT_SAYS("broadcast 'news'\n");
    ASSERT_SAYS("batcher 'bulk'\n");
    ASSERT_SAYS("generator 'source'\n");
    ASSERT_SAYS("signals 'sig'\n");
    assert_int_equal(says("channel '"), 2 + says(" for channel 'in'"));
    ASSERT_STATUS(ccp_signals_free(signals), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(caught), CCP_OK);
    ASSERT_STATUS(ccp_gen_free(gen), CCP_OK);
    ASSERT_STATUS(ccp_batcher_free(batcher), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_free(all), CCP_OK);
    (void)ccp_chan_close(in); /* the broadcast may have done so */
    ASSERT_STATUS(ccp_fan_free(fan), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    dump();
    assert_int_equal(says("'cooks'") + says("'news'") + says("'bulk'") + says("'source'") +
                         says("'sig'") + says("0x"),
                     0);
}

TEST(each_kind_has_its_line_and_parts_have_none) /* DG2 */
{
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8, .name = "cooks" });
    ccp_group *group = ccp_group_new(NULL, 2);
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_SEC(100)));
    dump();
    assert_int_equal(says(", its time is over\n"), 0);
    ccp_ctx *gone = ccp_ctx_new(ctx, CCP_NOWAIT);
    ccp_future *future;
    ccp_promise *promise = ccp_promise_new(&(ccp_promise_opts){ .size = 8 }, &future);
    ccp_phaser *phaser = ccp_phaser_new(1);
    ccp_flight *flight = ccp_flight_new(0);
    ccp_merge *merge = ccp_merge_new(NULL, NULL);
    ccp_timers *timers = ccp_timers_new(NULL);
    ccp_breaker *breaker = ccp_breaker_new(&(ccp_breaker_opts){ .name = "bank" });
    ccp_rate_map *map = ccp_rate_map_new(&(ccp_rate_map_opts){ .per_second = 1, .burst = 1 });
    ccp_shutdown *end = ccp_shutdown_new();
    ccp_pipeline *line = ccp_pipeline_new(NULL);
    ccp_gen *ticks = ccp_gen_tick(CCP_SEC(1));
    ccp_ctx_cancel(gone);
    dump();
    ASSERT_SAYS("pool 'cooks', 2 workers, 0 tasks wait\n");
    ASSERT_SAYS("group 0x");
    ASSERT_SAYS(", with a deadline\n");
    ASSERT_SAYS(", its time is over\n");
    ASSERT_SAYS(", not settled\n");
    ASSERT_SAYS("phaser 0x");
    ASSERT_SAYS("single-flight 0x");
    ASSERT_SAYS("merge 0x");
    ASSERT_SAYS("timers 0x");
    ASSERT_SAYS("circuit breaker 'bank'");
    ASSERT_SAYS("rate map 0x");
    ASSERT_SAYS("shutdown 0x");
    ASSERT_SAYS("pipeline 0x");
    ASSERT_SAYS("generator 0x");
    assert_int_equal(says("channel") - says("a channel of"), 0);
    assert_int_equal(says("context"), 2);
    ASSERT_STATUS(ccp_gen_free(ticks), CCP_OK);
    ASSERT_STATUS(ccp_pipeline_free(line), CCP_OK);
    ASSERT_STATUS(ccp_shutdown_free(end), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_free(map), CCP_OK);
    ASSERT_STATUS(ccp_breaker_free(breaker), CCP_OK);
    ASSERT_STATUS(ccp_timers_free(timers), CCP_OK);
    ASSERT_STATUS(ccp_merge_free(merge), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(flight), CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(phaser), CCP_OK);
    ccp_promise_free(promise);
    ccp_future_free(future);
    ASSERT_STATUS(ccp_ctx_free(gone), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_group_free(group), CCP_OK);
    ASSERT_STATUS(ccp_pool_close(pool), CCP_OK);
    dump();
    ASSERT_SAYS("pool 'cooks', 2 workers, 0 tasks wait, closed\n");
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
    dump();
    assert_int_equal(says("0x") + says("'cooks'") + says("'bank'"), 0);
}

TEST(a_context_says_how_it_stands) /* DG2 */
{
    static const char *const names[] = { "plain", "limited", "stopped", "over" };
    ccp_ctx *ctx[LENGTH(names)];
    for (size_t i = 0; i < LENGTH(ctx); i++) {
        ctx[i] = ccp_ctx_new(NULL, i == 1   ? ccp_within(CCP_SEC(100))
                                   : i == 3 ? CCP_NOWAIT
                                            : CCP_FOREVER);
        ASSERT_STATUS(ccp_name(ctx[i], names[i]), CCP_OK);
    }
    ccp_ctx_cancel(ctx[2]);
    dump();
    ASSERT_SAYS("context 'plain'\n");
    ASSERT_SAYS("context 'limited', with a deadline\n");
    ASSERT_SAYS("context 'stopped', canceled\n");
    ASSERT_SAYS("context 'over', its time is over\n");
    for (size_t i = 0; i < LENGTH(ctx); i++)
        ASSERT_STATUS(ccp_ctx_free(ctx[i]), CCP_OK);
}

TEST(names_can_be_given_and_taken_back)
{
    char long_name[100];
    ccp_mutex m = CCP_MUTEX_INIT;
    ccp_chan *ch = ccp_chan_new(0, 1);
    ASSERT_STATUS(ccp_name(NULL, "nobody"), CCP_INVAL);
    ASSERT_STATUS(ccp_name(&m, "accounts"), CCP_OK);
    ASSERT_STATUS(ccp_name(ch, "bell"), CCP_OK);
    dump();
    ASSERT_SAYS("object 'accounts'\n");
    ASSERT_SAYS("channel 'bell'");
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ASSERT_STATUS(ccp_name(&m, long_name), CCP_OK);
    ASSERT_STATUS(ccp_name(ch, NULL), CCP_OK);
    dump();
    assert_int_equal(says("accounts") + says("bell"), 0);
    ASSERT_SAYS("channel 0x");
    assert_int_equal(says("x'"), 1);
    ASSERT_STATUS(ccp_name(&m, NULL), CCP_OK);
    ASSERT_STATUS(ccp_name(&m, NULL), CCP_OK);
    dump();
    assert_int_equal(says("object"), 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* ---- threads ---- */

TEST(a_thread_that_sleeps_has_its_line) /* DG3 */
{
    ccp_chan *ch = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = 4, .name = "orders" });
    ccp_chan *back = ccp_chan_make(&(ccp_chan_opts){ .elem_size = sizeof(long), .name = "back" });
    actor a = { .ch = ch, .w = CCP_FOREVER }, b = { .ch = ch, .w = ccp_within(CCP_SEC(100)) };
    actor c = { .ch = back, .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    actor_start(&b, actor_recv_long);
    actor_sleep_here(&b);
    actor_start(&c, actor_send_long);
    actor_sleep_here(&c);
    dump();
    ASSERT_SAYS(" in ccp_chan_send for channel 'back'\n");
    ASSERT_SAYS("channel 'orders', 0 of 4 elements, 2 receivers wait\n");
    assert_int_equal(says(" in ccp_chan_recv for channel 'orders'\n"), 1);
    ASSERT_SAYS(" in ccp_chan_recv for channel 'orders', and will for ");
    if (ccpi_task_count() > 0) /* an emulator does not tell */
        ASSERT_SAYS(" not wait in libccp\n");
    char number[32];
    snprintf(number, sizeof number, "thread %d '", a.tid);
    ASSERT_SAYS(number);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(back), CCP_OK);
    actor_join(&a);
    actor_join(&b);
    actor_join(&c);
    dump();
    assert_int_equal(says("ccp_chan_recv") + says("ccp_chan_send"), 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(back), CCP_OK);
}

typedef struct pair_of_mutexes {
    ccp_mutex held, wanted;
} pair_of_mutexes;

static void lock_both(actor *a)
{
    pair_of_mutexes *m = a->arg;
    MUST(ccp_mutex_lock(&m->held, CCP_NOWAIT) == CCP_OK);
    actor_calls(a);
    MUST(ccp_mutex_lock(&m->wanted, CCP_FOREVER) == CCP_OK);
    MUST(ccp_mutex_unlock(&m->wanted) == CCP_OK);
    MUST(ccp_mutex_unlock(&m->held) == CCP_OK);
}

TEST(what_a_thread_has_locked_is_known) /* DG3 */
{
    pair_of_mutexes m = { CCP_MUTEX_INIT, CCP_MUTEX_INIT };
    ASSERT_STATUS(ccp_name(&m.held, "held"), CCP_OK);
    ASSERT_STATUS(ccp_name(&m.wanted, "wanted"), CCP_OK);
    ASSERT_STATUS(ccp_mutex_lock(&m.wanted, CCP_NOWAIT), CCP_OK);
    actor a = { .arg = &m };
    actor_start(&a, lock_both);
    actor_sleep_here(&a);
    dump();
    ASSERT_SAYS(" in ccp_mutex_lock for mutex 'wanted'\n    holds mutex 'held' for ");
    ASSERT_SAYS(" holds mutex 'wanted' for ");
    ASSERT_STATUS(ccp_mutex_unlock(&m.wanted), CCP_OK);
    actor_join(&a);
    dump();
    assert_int_equal(says("holds"), 0);
}

TEST(permits_and_locks_are_known_until_they_are_given_back)
{
    ccp_sem s = CCP_SEM_INIT(3);
    ccp_rwlock l = CCP_RWLOCK_INIT;
    ASSERT_STATUS(ccp_sem_acquire(&s, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&s, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdlock(&l, CCP_NOWAIT), CCP_OK);
    dump();
    assert_int_equal(says(" holds semaphore 0x"), 1);
    assert_int_equal(says(" holds reader-writer lock 0x"), 1);
    ASSERT_STATUS(ccp_sem_release(&s, 2), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&l), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrlock(&l, CCP_NOWAIT), CCP_OK);
    dump();
    assert_int_equal(says(" holds semaphore 0x"), 1);
    assert_int_equal(says(" holds reader-writer lock 0x"), 1);
    ASSERT_STATUS(ccp_sem_forget(&s, 1), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&l), CCP_OK);
    dump();
    assert_int_equal(says("holds"), 0);
}

TEST(a_release_that_is_refused_takes_nobodys_record)
{
    ccp_sem s = CCP_SEM_INIT(3);
    ccp_rwlock l = CCP_RWLOCK_INIT;
    ASSERT_STATUS(ccp_sem_acquire(&s, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrlock(&l, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&s, 3), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&l), CCP_MISUSE);
    dump();
    assert_int_equal(says(" holds semaphore 0x"), 1);
    assert_int_equal(says(" holds reader-writer lock 0x"), 1);
    ASSERT_STATUS(ccp_sem_release(&s, 2), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&l), CCP_OK);
    dump();
    assert_int_equal(says("holds"), 0);
}

typedef struct choice {
    ccp_chan *ch[8];
    size_t n;
} choice;

static void choose(actor *a)
{
    choice *c = a->arg;
    ccp_case cases[8];
    long v = 0;
    for (size_t i = 0; i < c->n; i++)
        cases[i] = i == 1 ? CCP_CASE_SEND(c->ch[i], &v) : CCP_CASE_RECV(c->ch[i], &v);
    actor_calls(a);
    a->rc = ccp_select(cases, c->n, &a->index, CCP_FOREVER);
}

TEST(of_a_select_the_first_cases_are_named) /* DG3 */
{
    choice c = { .n = 8 };
    for (size_t i = 0; i < 8; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%zu", i);
        c.ch[i] = i == 3 ? NULL
                         : ccp_chan_make(&(ccp_chan_opts){
                               .elem_size = sizeof(long), .capacity = 0, .name = name });
    }
    actor a = { .arg = &c };
    actor_start(&a, choose);
    actor_sleep_here(&a);
    dump();
    ASSERT_SAYS(" in ccp_select for the first of channel 'c0', channel 'c1' to send, channel 'c2', "
                "channel 'c4', channel 'c5', channel 'c6' and 1 more\n");
    ASSERT_STATUS(ccp_chan_close(c.ch[0]), CCP_OK);
    actor_join(&a);
    for (size_t i = 0; i < 8; i++)
        ASSERT_STATUS(ccp_chan_free(c.ch[i]), CCP_OK);
}

TEST(what_waits_in_a_part_is_said_of_the_whole)
{
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 8, .name = "cooks" });
    do
        dump();
    while (!says(" in ccp_chan_recv for a channel of pool 'cooks'\n"));
    ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
}

/* ---- the sink ---- */

static void free_what_is_told(const char *text, size_t n, void *arg)
{
    ccp_chan **ch = arg;
    (void)text;
    (void)n;
    for (int i = 0; i < 3; i++) {
        MUST(ccp_chan_free(ch[i]) == CCP_OK);
        ch[i] = NULL;
    }
    ccp_chan *fresh = ccp_chan_new(0, 1);
    MUST(ccp_chan_free(fresh) == CCP_OK);
}

TEST(a_sink_may_make_any_call) /* DG4 */
{
    ccp_chan *ch[3];
    for (int i = 0; i < 3; i++)
        ch[i] = ccp_chan_new(0, 1);
    ASSERT_STATUS(ccp_dump(free_what_is_told, ch), CCP_OK);
    dump();
    assert_int_equal(says("channel"), 0);
    ASSERT_STATUS(ccp_dump(NULL, ch), CCP_INVAL);
}

static void turn_off(const char *text, size_t n, void *arg)
{
    (void)text;
    (void)n;
    (void)arg;
    MUST(ccp_track(false) == CCP_OK);
}

TEST(a_sink_may_turn_it_off)
{
    ccp_chan *a = ccp_chan_new(0, 1), *b = ccp_chan_new(0, 1);
    ASSERT_STATUS(ccp_dump(turn_off, NULL), CCP_OK);
    assert_int_equal(ccp_live_blocks(), 2);
    ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(b), CCP_OK);
}

TEST(text_goes_to_a_descriptor)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    int fd = fileno(f);
    ccp_to_fd("one\n", 4, &fd);
    ccp_to_fd("two\n", 4, &fd);
    ccp_to_fd("lost", 4, NULL);
    ccp_to_fd(NULL, 4, &fd);
    fd = -1;
    ccp_to_fd("lost", 4, &fd);
    char got[16] = "";
    rewind(f);
    assert_int_equal(fread(got, 1, sizeof got, f), 8);
    assert_memory_equal(got, "one\ntwo\n", 8);
    fclose(f);
}

/* ---- memory ---- */

TEST(without_memory_an_object_is_made_and_counted_as_missing)
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_watch();
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    for (size_t n = 2; n <= 3; n++) { /* the table, then the record */
        memory_fail_at(n);
        ccp_chan *ch = ccp_chan_new(0, 1);
        assert_non_null(ch);
        memory_fail_at(0);
        dump();
        ASSERT_SAYS("missing here: memory was short\n");
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
    memory_fail_from(1);
    ASSERT_STATUS(ccp_name(&now, "page"), CCP_NOMEM);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_NOMEM);
    memory_fail_at(2);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_NOMEM);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

/* ---- many at once ---- */

enum { ROUNDS = 2000 };

static void make_and_free(actor *a)
{
    (void)a;
    for (size_t i = 0; i < scaled(ROUNDS); i++) {
        ccp_chan *ch = ccp_chan_new(8, 1), *other = ccp_chan_new(8, 0);
        MUST(ccp_chan_free(ch) == CCP_OK && ccp_chan_free(other) == CCP_OK);
    }
}

static void play(actor *a)
{
    for (size_t i = 0; i < scaled(ROUNDS); i++) {
        MUST(ccp_chan_send(a->ch, &a->value, CCP_FOREVER) == CCP_OK);
        MUST(ccp_chan_recv(a->arg, &a->value, CCP_FOREVER) == CCP_OK);
    }
}

static void play_back(actor *a)
{
    for (size_t i = 0; i < scaled(ROUNDS); i++) {
        MUST(ccp_chan_recv(a->ch, &a->value, CCP_FOREVER) == CCP_OK);
        MUST(ccp_chan_send(a->arg, &a->value, CCP_FOREVER) == CCP_OK);
    }
}

TEST(dumps_beside_threads_that_make_free_and_sleep)
{
    ccp_chan *there = ccp_chan_new(sizeof(long), 0), *back = ccp_chan_new(sizeof(long), 1);
    actor a[4] = { { .ch = NULL },
                   { .ch = NULL },
                   { .ch = there, .arg = back },
                   { .ch = there, .arg = back } };
    actor_start(&a[0], make_and_free);
    actor_start(&a[1], make_and_free);
    actor_start(&a[2], play);
    actor_start(&a[3], play_back);
    for (bool done = false; !done;) {
        done = true;
        for (int i = 0; i < 4; i++)
            done &= actor_is_done(&a[i]);
        dump();
        assert_true(says("channel 0x") >= 2);
    }
    for (int i = 0; i < 4; i++)
        actor_join(&a[i]);
    ASSERT_STATUS(ccp_chan_free(there), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(back), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(while_it_is_off_nothing_is_kept),
        TRACKED(what_was_made_before_is_not_known_and_goes_as_ever),
        TRACKED(turning_it_off_forgets_all),
        TRACKED(channels_say_how_full_they_are),
        TRACKED(objects_come_in_the_order_in_which_they_were_made),
        TRACKED(what_has_threads_of_its_own_has_its_line),
        TRACKED(each_kind_has_its_line_and_parts_have_none),
        TRACKED(a_context_says_how_it_stands),
        TRACKED(names_can_be_given_and_taken_back),
        TRACKED(a_thread_that_sleeps_has_its_line),
        TRACKED(what_a_thread_has_locked_is_known),
        TRACKED(permits_and_locks_are_known_until_they_are_given_back),
        TRACKED(a_release_that_is_refused_takes_nobodys_record),
        TRACKED(of_a_select_the_first_cases_are_named),
        TRACKED(what_waits_in_a_part_is_said_of_the_whole),
        TRACKED(a_sink_may_make_any_call),
        TRACKED(a_sink_may_turn_it_off),
        ENTRY(text_goes_to_a_descriptor),
        TRACKED(without_memory_an_object_is_made_and_counted_as_missing),
        TRACKED(dumps_beside_threads_that_make_free_and_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
