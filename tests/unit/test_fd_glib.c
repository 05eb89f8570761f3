/* SPDX-License-Identifier: MIT
 *
 * Channels in a main loop of GLib.
 */
#include "fds.h"

#include <glib-unix.h>

enum { EACH = 20000 };

typedef struct loop_end {
    GMainLoop *loop;
    ccp_chan *ch;
    long seen;
} loop_end;

/* One call per event. */
static gboolean on_receivable(gint fd, GIOCondition what, gpointer arg)
{
    loop_end *e = arg;
    long got;
    MUST(fd >= 0 && what == G_IO_IN);
    ccp_status st = ccp_chan_recv(e->ch, &got, CCP_NOWAIT);
    MUST(st == CCP_OK || st == CCP_AGAIN || st == CCP_CLOSED);
    MUST(st != CCP_OK || got == e->seen);
    e->seen += st == CCP_OK;
    if (st != CCP_CLOSED)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(e->loop);
    return G_SOURCE_REMOVE;
}

static void send_many(actor *a)
{
    for (long i = 0; i < (long)scaled(EACH); i++)
        MUST(ccp_chan_send(a->ch, &i, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_close(a->ch) == CCP_OK);
}

TEST(a_main_loop_receives_from_a_thread) /* FD1 FD2 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 16);
    actor s = { .ch = ch };
    loop_end e = { .loop = g_main_loop_new(NULL, FALSE), .ch = ch };
    g_unix_fd_add(recv_fd(ch), G_IO_IN, on_receivable, &e);
    actor_start(&s, send_many);
    g_main_loop_run(e.loop);
    actor_join(&s);
    assert_int_equal(e.seen, scaled(EACH));
    g_main_loop_unref(e.loop);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(a_main_loop_receives_from_a_thread),
    };
    return cmocka_run_group_tests_name("fd_glib", tests, NULL, NULL);
}
