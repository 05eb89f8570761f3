/* SPDX-License-Identifier: MIT
 *
 * Channels in a loop of libuv.
 */
#define _GNU_SOURCE /* what uv.h needs */
#include "fds.h"

#include <uv.h>

enum { EACH = 20000 };

typedef struct loop_end {
    uv_poll_t poll;
    ccp_chan *ch;
    long seen;
} loop_end;

/* One call per event. */
static void on_receivable(uv_poll_t *p, int status, int events)
{
    loop_end *e = p->data;
    long got;
    MUST(status == 0 && (events & UV_READABLE));
    ccp_status st = ccp_chan_recv(e->ch, &got, CCP_NOWAIT);
    MUST(st == CCP_OK || st == CCP_AGAIN || st == CCP_CLOSED);
    e->seen += st == CCP_OK;
    if (st == CCP_CLOSED)
        uv_close((uv_handle_t *)p, NULL);
}

static void on_sendable(uv_poll_t *p, int status, int events)
{
    loop_end *e = p->data;
    MUST(status == 0 && (events & UV_READABLE)); /* by reading, too */
    ccp_status st = ccp_chan_send(e->ch, &e->seen, CCP_NOWAIT);
    MUST(st == CCP_OK || st == CCP_AGAIN);
    e->seen += st == CCP_OK;
    if (e->seen == (long)scaled(EACH)) {
        MUST(ccp_chan_close(e->ch) == CCP_OK);
        uv_close((uv_handle_t *)p, NULL);
    }
}

static void watch(uv_loop_t *loop, loop_end *e, int fd, uv_poll_cb cb)
{
    MUST(uv_poll_init(loop, &e->poll, fd) == 0);
    e->poll.data = e;
    MUST(uv_poll_start(&e->poll, UV_READABLE, cb) == 0);
}

static void send_many(actor *a)
{
    for (long i = 0; i < (long)scaled(EACH); i++)
        MUST(ccp_chan_send(a->ch, &i, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_close(a->ch) == CCP_OK);
}

static void recv_many(actor *a)
{
    long got;
    for (; ccp_chan_recv(a->ch, &got, CCP_FOREVER) == CCP_OK; a->value++)
        MUST(got == a->value);
}

TEST(a_loop_receives_from_one_thread_and_sends_to_another) /* FD1 FD2 */
{
    ccp_chan *in = ccp_chan_new(sizeof(long), 16), *out = ccp_chan_new(sizeof(long), 4);
    actor s = { .ch = in }, r = { .ch = out };
    loop_end receives = { .ch = in }, sends = { .ch = out };
    uv_loop_t loop;
    MUST(uv_loop_init(&loop) == 0);
    watch(&loop, &receives, recv_fd(in), on_receivable);
    watch(&loop, &sends, send_fd(out), on_sendable);
    actor_start(&s, send_many);
    actor_start(&r, recv_many);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    actor_join(&s);
    actor_join(&r);
    assert_int_equal(receives.seen, scaled(EACH));
    assert_int_equal(r.value, scaled(EACH));
    assert_int_equal(uv_loop_close(&loop), 0);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(out), CCP_OK);
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(a_loop_receives_from_one_thread_and_sends_to_another),
    };
    return cmocka_run_group_tests_name("fd_uv", tests, NULL, NULL);
}
