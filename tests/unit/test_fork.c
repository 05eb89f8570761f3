/* SPDX-License-Identifier: MIT
 *
 * What a child of fork() may do.
 */
#define _GNU_SOURCE
#include "support.h"

#include "page.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linked with --wrap=pthread_atfork. */
static bool no_handlers;
typedef void (*handler)(void);
int __real_pthread_atfork(handler prepare, handler parent, handler child);
int __wrap_pthread_atfork(handler prepare, handler parent, handler child);
int __wrap_pthread_atfork(handler prepare, handler parent, handler child)
{
    return no_handlers ? 12 : __real_pthread_atfork(prepare, parent, child);
}

/* ---- children ---- */

static page now;

/* In a child: what is not so ends it. */
#define NEED(cond) ((cond) ? (void)0 : missing(#cond, __LINE__))
static void missing(const char *cond, int line)
{
    fprintf(stderr, "in the child, line %d: %s\n", line, cond);
    _exit(1);
}

static void in_child(void (*fn)(void *arg), void *arg)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60); /* a call that hangs ends it */
        fn(arg);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- without an option ---- */

TEST(tracking_fails_if_forks_cannot_be_looked_after)
{
    no_handlers = true;
    ASSERT_STATUS(ccp_track(true), CCP_NOMEM);
    no_handlers = false;
    assert_int_equal(ccp_dump(page_write, &now), CCP_CLOSED);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(tracking_fails_if_forks_cannot_be_looked_after), /* first: nothing has forked yet */
        ENTRY(a_child_uses_what_it_has_made_while_the_parent_waits),
        ENTRY(a_child_tells_of_its_own_objects_and_threads),
    };
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
