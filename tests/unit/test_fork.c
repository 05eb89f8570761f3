/* SPDX-License-Identifier: MIT
 *
 * What a child of fork() may do.
 */
#define _GNU_SOURCE
#include "support.h"

#include "page.h"
#include "pools.h"

#include "base/machine.h"
#include "chan/crowd.h"


/* Linked with --wrap=pthread_atfork, ccpi_yield and ccpi_word_wake. */
static bool no_handlers;
static atomic_int tellings, pauses;
static void (*while_it_is_told)(void);
typedef void (*handler)(void);
int __real_pthread_atfork(handler prepare, handler parent, handler child);
STANDS_IN int __wrap_pthread_atfork(handler prepare, handler parent, handler child);
int __wrap_pthread_atfork(handler prepare, handler parent, handler child)
{
    atomic_fetch_add(&tellings, 1);
    if (while_it_is_told)
        while_it_is_told();
    return no_handlers ? 12 : __real_pthread_atfork(prepare, parent, child);
}

void __real_ccpi_yield(void);
void __wrap_ccpi_yield(void);
void __wrap_ccpi_yield(void)
{
    atomic_fetch_add(&pauses, 1);
    __real_ccpi_yield();
}

/* Whom the channel of a wait group wakes is held up before. */
static gate waking = GATE_INIT;
static atomic_bool holds_up, is_held_up;
void __real_ccpi_word_wake(ccpi_word32 *w);
void __wrap_ccpi_word_wake(ccpi_word32 *w);
void __wrap_ccpi_word_wake(ccpi_word32 *w)
{
    if (atomic_exchange(&holds_up, false)) {
        atomic_store(&is_held_up, true);
        gate_pass(&waking);
    }
    __real_ccpi_word_wake(w);
}

static page now;

/* ---- without an option ---- */

TEST(tracking_fails_if_forks_cannot_be_looked_after)
{
    no_handlers = true;
    ASSERT_STATUS(ccp_track(true), CCP_NOMEM);
    assert_null(ccp_rcu_new(NULL));
    no_handlers = false;
    assert_int_equal(ccp_dump(page_write, &now), CCP_CLOSED);
}

static pthread_t second;
static ccp_rcu *domain;

static void *come_second(void *arg)
{
    (void)arg;
    domain = ccp_rcu_new(NULL); /* looks after forks, too */
    return NULL;
}

static void let_another_come(void)
{
    while_it_is_told = NULL;
    atomic_store(&pauses, 0);
    MUST(pthread_create(&second, NULL, come_second, NULL) == 0);
    WAIT_UNTIL(atomic_load(&pauses) > 0);
}

TEST(who_comes_while_the_system_is_being_told_waits_and_tells_nothing) /* FK1 */
{
    while_it_is_told = let_another_come;
    atomic_store(&tellings, 0);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    if (while_it_is_told) {
        while_it_is_told = NULL; /* it was told before: by who slept, with the POSIX parker */
    } else {
        assert_int_equal(pthread_join(second, NULL), 0);
        assert_int_equal(atomic_load(&tellings), 1);
        assert_non_null(domain);
        ASSERT_STATUS(ccp_rcu_free(domain), CCP_OK);
    }
    ASSERT_STATUS(ccp_track(false), CCP_OK);
}

static void send_one(void *arg)
{
    long v = 7;
    (void)!ccp_chan_send(arg, &v, CCP_FOREVER);
}

static void use_own_objects(void *arg)
{
    (void)arg;
    ccp_wg wg = CCP_WG_INIT;
    long v = 0;
    ccp_chan *ch = ccp_chan_new(sizeof v, 0);
    NEED(ch && ccp_wg_go(&wg, send_one, ch) == CCP_OK);
    NEED(ccp_chan_recv(ch, &v, CCP_FOREVER) == CCP_OK && v == 7);
    NEED(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    NEED(ccp_chan_free(ch) == CCP_OK);
}

TEST(a_child_uses_what_it_has_made_while_the_parent_waits) /* FK1 */
{
    if (UNDER_SANITIZER)
        skip(); /* that of threads starts none in a child of many */
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a = { .ch = ch, .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    in_child(use_own_objects, NULL);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    in_child(use_own_objects, NULL);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void ask_about_own_objects(void *arg)
{
    ccp_mutex *m = arg;
    NEED(ccp_audit(page_write, &now) == 1); /* the mutex, which its one thread holds */
    page_clear(&now);
    ccp_chan *ch = ccp_chan_new(0, 1);
    NEED(ch && ccp_name(ch, "mine") == CCP_OK);
    NEED(ccp_dump(page_write, &now) == CCP_OK);
    NEED(page_says(&now, "channel 'mine'") == 1);
    NEED(page_says(&now, "the parent's") == 0);
    NEED(page_says(&now, "has waited") == 0);
    page_clear(&now);
    NEED(ccp_metrics_write(CCP_METRICS_PROMETHEUS, page_write, &now) == CCP_OK);
    NEED(page_says(&now, "the parent's") == 0);
    NEED(ccp_mutex_unlock(m) == CCP_OK);
    NEED(ccp_chan_free(ch) == CCP_OK);
    NEED(ccp_audit(NULL, NULL) == 0);
}

TEST(a_child_tells_of_its_own_objects_and_threads) /* FK1 */
{
    ccp_mutex m = CCP_MUTEX_INIT;
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    ASSERT_STATUS(ccp_name(ch, "the parent's"), CCP_OK);
    actor a = { .ch = ch, .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_mutex_lock(&m, CCP_NOWAIT), CCP_OK);
    page_clear(&now);
    in_child(ask_about_own_objects, &m);
    assert_int_equal(ccp_audit(NULL, NULL), 2); /* nothing has changed here */
    ASSERT_STATUS(ccp_mutex_unlock(&m), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
}

/* ---- with ccp_fork_guard() ---- */

TEST(to_guard_forks_needs_tracking)
{
    ASSERT_STATUS(ccp_fork_guard(true), CCP_CLOSED);
    ASSERT_STATUS(ccp_fork_guard(false), CCP_OK);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ASSERT_STATUS(ccp_fork_guard(true), CCP_OK);
    ASSERT_STATUS(ccp_fork_guard(false), CCP_OK);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
}

static void nothing(void *arg)
{
    (void)arg;
}

typedef struct objects {
    ccp_chan *ch, *later;
    ccp_spsc *ring;
    ccp_ctx *ctx;
    ccp_hook hook;
    ccp_future *f;
    ccp_promise *p;
    ccp_wg counted, idle;
} objects;

static void make_objects(objects *o)
{
    int fd;
    *o = (objects){ .counted = CCP_WG_INIT, .idle = CCP_WG_INIT };
    o->ch = ccp_chan_new(sizeof(long), 4);
    o->later = ccp_chan_after(CCP_SEC(1000));
    o->ring = ccp_spsc_new(sizeof(long), 4);
    o->ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    o->p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(long) }, &o->f);
    assert_true(o->ch && o->later && o->ring && o->ctx && o->p);
    ASSERT_STATUS(ccp_chan_fd(o->ch, CCP_POLL_RECV, &fd), CCP_OK); /* and it is armed */
    ASSERT_STATUS(ccp_ctx_hook(o->ctx, &o->hook, nothing, NULL), CCP_OK);
    ASSERT_STATUS(ccp_wg_add(&o->counted, 1), CCP_OK);
}

static void free_objects(objects *o)
{
    ASSERT_STATUS(ccp_wg_done(&o->counted), CCP_OK);
    ASSERT_STATUS(ccp_wg_wait(&o->counted, CCP_NOWAIT), CCP_OK);
    ccp_promise_free(o->p);
    ccp_future_free(o->f);
    ASSERT_STATUS(ccp_ctx_unhook(&o->hook, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(o->ctx), CCP_OK);
    ASSERT_STATUS(ccp_spsc_free(o->ring), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(o->later), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(o->ch), CCP_OK);
}

static void find_them_dead(void *arg)
{
    objects *o = arg;
    long v = 1;
    ccp_chan_info info;
    ccp_hook hook;
    int fd;
    NEED(ccp_chan_get_info(o->ch, &info) == CCP_FORKED);
    NEED(ccp_ctx_hook(o->ctx, &hook, free, NULL) == CCP_FORKED);
    NEED(ccp_ctx_unhook(&o->hook, CCP_FOREVER) == CCP_FORKED);
    NEED(ccp_ctx_fd(o->ctx, &fd) == CCP_FORKED);
    NEED(ccp_chan_send(o->ch, &v, CCP_FOREVER) == CCP_FORKED);
    NEED(ccpi_chan_ready(o->ch, CCPI_SENDERS)); /* nobody would sleep there */
    NEED(ccp_spsc_push(o->ring, &v) == CCP_FORKED && ccp_spsc_pop(o->ring, &v) == CCP_FORKED);
    NEED(ccp_chan_stop(o->later) == CCP_FORKED);
    NEED(ccp_chan_reset(o->later, 1) == CCP_FORKED);
    NEED(ccp_sleep(ccp_with(o->ctx)) == CCP_FORKED);
    NEED(ccp_future_get(o->f, &v, CCP_FOREVER) == CCP_FORKED);
    NEED(ccp_promise_set(o->p, &v) == CCP_FORKED);
    NEED(ccp_wg_wait(&o->counted, CCP_FOREVER) == CCP_FORKED);
    NEED(ccp_wg_wait(&o->idle, CCP_FOREVER) == CCP_OK);
    NEED(ccp_wg_add(&o->idle, 1) == CCP_OK && ccp_wg_done(&o->idle) == CCP_OK);
    o->counted = (ccp_wg)CCP_WG_INIT;
    NEED(ccp_wg_add(&o->counted, 1) == CCP_OK && ccp_wg_done(&o->counted) == CCP_OK);
    NEED(ccp_wg_wait(&o->counted, CCP_FOREVER) == CCP_OK);
}

static void free_the_dead(void *arg)
{
    objects *o = arg;
    ccp_promise_free(o->p);
    ccp_future_free(o->f);
    NEED(ccp_ctx_free(o->ctx) == CCP_OK);
    NEED(ccp_spsc_free(o->ring) == CCP_OK);
    NEED(ccp_chan_free(o->later) == CCP_OK);
    NEED(ccp_chan_free(o->ch) == CCP_OK);
    NEED(ccp_track(false) == CCP_OK);
    NEED(ccp_live_blocks() == 0);
}

static void find_and_free(void *arg)
{
    find_them_dead(arg);
    free_the_dead(arg);
}

TEST(objects_of_the_parent_are_dead_and_can_be_freed) /* FK4 FK5 FK6 */
{
    objects o;
    guard_forks(true);
    make_objects(&o);
    in_child(find_and_free, &o);
    long v = 1;
    ASSERT_STATUS(ccp_chan_send(o.ch, &v, CCP_NOWAIT), CCP_OK); /* nothing has changed here */
    free_objects(&o);
    guard_forks(false);
}

/* What was made in the child is dead in its own child; and so is what was dead before. */
static void have_a_child(void *arg)
{
    objects own;
    objects *o = arg;
    ccp_wg counted = o->counted;
    find_them_dead(arg);
    o->counted = counted;
    make_objects(&own);
    in_child(find_them_dead, arg);
    in_child(find_them_dead, &own);
    free_objects(&own);
}

static ccp_chan *told_of, *freed_before;

static void find_one_dead(void *arg)
{
    long v = 1;
    (void)arg;
    NEED(ccp_chan_send(told_of, &v, CCP_NOWAIT) == CCP_FORKED);
    NEED(ccp_chan_free(told_of) == CCP_OK);
}

/* While one of two is told of, the record of the other is kept for what is told next. */
static void free_other_and_fork(const char *text, size_t n, void *arg)
{
    (void)text;
    (void)n;
    (void)arg;
    if (!freed_before)
        return;
    ASSERT_STATUS(ccp_chan_free(freed_before), CCP_OK);
    freed_before = NULL;
    in_child(find_one_dead, NULL);
}

TEST(what_was_freed_in_the_midst_of_a_dump_is_not_touched_in_a_child)
{
    guard_forks(true);
    told_of = ccp_chan_new(sizeof(long), 1);
    freed_before = ccp_chan_new(sizeof(long), 1);
    ASSERT_STATUS(ccp_name(&now, "an object of the program's own"), CCP_OK);
    ASSERT_STATUS(ccp_dump(free_other_and_fork, NULL), CCP_OK);
    assert_null(freed_before);
    ASSERT_STATUS(ccp_chan_free(told_of), CCP_OK);
    ASSERT_STATUS(ccp_name(&now, NULL), CCP_OK);
    guard_forks(false);
}

TEST(so_they_are_in_children_of_children) /* FK4 */
{
    objects o;
    guard_forks(true);
    make_objects(&o);
    in_child(have_a_child, &o);
    free_objects(&o);
    guard_forks(false);
}

/* A wait group, whatever the parent's threads were doing with it. */
static void find_groups_dead(void *arg)
{
    ccp_wg *wg = arg;
    NEED(ccp_wg_done(&wg[0]) == CCP_FORKED);
    NEED(ccp_wg_add(&wg[1], 1) == CCP_FORKED);
    NEED(ccp_wg_wait(&wg[1], CCP_FOREVER) == CCP_FORKED);
    NEED(ccp_wg_wait(&wg[2], CCP_FOREVER) == CCP_FORKED);
}

static void wait_for_group(actor *a)
{
    actor_calls(a);
    a->rc = ccp_wg_wait(a->arg, CCP_FOREVER);
}

static void end_group(actor *a)
{
    a->rc = ccp_wg_done(a->arg);
}

/* One that somebody waits for, one whose thread nobody has joined, one that is just ending. */
TEST(wait_groups_are_dead_in_the_midst_of_everything) /* FK4 */
{
    ccp_wg wg[3] = { CCP_WG_INIT, CCP_WG_INIT, CCP_WG_INIT };
    guard_forks(true);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1), *ended = ccp_chan_new(0, 1);
    actor waiter = { .arg = &wg[0] }, last = { .arg = &wg[2] };
    actor receiver = { .ch = ch, .w = CCP_FOREVER };
    ASSERT_STATUS(ccp_wg_add(&wg[0], 1), CCP_OK);
    actor_start(&waiter, wait_for_group);
    actor_sleep_here(&waiter);
    ASSERT_STATUS(ccp_wg_add(&wg[1], 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg[1], ended), CCP_OK);
    ASSERT_STATUS(ccp_wg_go(&wg[1], nothing, NULL), CCP_OK);
    ASSERT_STATUS(ccp_wg_done(&wg[1]), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ended, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_wg_add(&wg[2], 1), CCP_OK);
    ASSERT_STATUS(ccp_wg_close_when_done(&wg[2], ch), CCP_OK);
    actor_start(&receiver, actor_recv_long);
    actor_sleep_here(&receiver);
    atomic_store(&holds_up, true);
    actor_start(&last, end_group);
    WAIT_UNTIL(atomic_load(&is_held_up));
    in_child(find_groups_dead, wg);
    gate_open(&waking);
    actor_join(&last);
    actor_join(&receiver);
    ASSERT_STATUS(ccp_wg_done(&wg[0]), CCP_OK);
    actor_join(&waiter);
    for (size_t i = 0; i < LENGTH(wg); i++)
        ASSERT_STATUS(ccp_wg_wait(&wg[i], CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ended), CCP_OK);
    guard_forks(false);
}

static ccp_status fail_once(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_CLOSED;
}

static void find_nothing(void *arg)
{
    ccp_group_error e;
    NEED(ccp_group_errors(arg, &e, 1) == 0);
    NEED(ccp_group_free(arg) == CCP_OK);
}

TEST(what_failed_in_a_group_of_the_parent_is_not_told) /* FK4 */
{
    ccp_group_error e;
    guard_forks(true);
    ccp_group *g = ccp_group_new(NULL, 1);
    assert_non_null(g);
    ASSERT_STATUS(ccp_group_go(g, fail_once, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_group_wait(g, CCP_FOREVER), CCP_FAILED);
    in_child(find_nothing, g);
    assert_int_equal(ccp_group_errors(g, &e, 1), 1);
    ASSERT_STATUS(ccp_group_free(g), CCP_OK);
    guard_forks(false);
}

static void see_them_alive(void *arg)
{
    objects *o = arg;
    long v = 1;
    NEED(ccp_chan_send(o->ch, &v, CCP_NOWAIT) == CCP_OK); /* no other thread was there */
}

TEST(without_the_guard_nothing_is_dead)
{
    objects o;
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    make_objects(&o);
    in_child(see_them_alive, &o);
    free_objects(&o);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, as the system is told once. */
        ENTRY(tracking_fails_if_forks_cannot_be_looked_after),
        ENTRY(who_comes_while_the_system_is_being_told_waits_and_tells_nothing),
        ENTRY(a_child_uses_what_it_has_made_while_the_parent_waits),
        ENTRY(a_child_tells_of_its_own_objects_and_threads),
        ENTRY(to_guard_forks_needs_tracking),
        ENTRY(objects_of_the_parent_are_dead_and_can_be_freed),
        ENTRY(what_was_freed_in_the_midst_of_a_dump_is_not_touched_in_a_child),
        ENTRY(so_they_are_in_children_of_children),
        ENTRY(wait_groups_are_dead_in_the_midst_of_everything),
        ENTRY(what_failed_in_a_group_of_the_parent_is_not_told),
        ENTRY(without_the_guard_nothing_is_dead),
    };
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
