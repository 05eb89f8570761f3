/* SPDX-License-Identifier: MIT
 *
 * File descriptors of channels, as epoll sees them: levels and edges.
 */
#include "fds.h"
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

static int watch(int fd, uint32_t how)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = { .events = EPOLLIN | how, .data.fd = fd };
    MUST(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    return ep;
}

/* How many events there are at once: 0 or 1. */
static int events(int ep)
{
    struct epoll_event e[2];
    int n = epoll_wait(ep, e, 2, 0);
    MUST(n == 0 || (n == 1 && e[0].events == EPOLLIN));
    return n;
}

static void wait_event(int ep)
{
    struct epoll_event e;
    int n;
    do /* a process that was stopped and goes on is told so, by EINTR */
        n = epoll_wait(ep, &e, 1, 100 * 1000);
    while (n < 0 && errno == EINTR);
    MUST(n == 1);
}

TEST(levels_are_told_again_and_again) /* FD1 */
{
    ccp_chan *ch = ccp_chan_new(8, 4);
    int ep = watch(recv_fd(ch), 0);
    assert_int_equal(events(ep), 0);
    ASSERT_STATUS(try_send(ch), CCP_OK);
    ASSERT_STATUS(try_send(ch), CCP_OK);
    assert_int_equal(events(ep), 1);
    assert_int_equal(events(ep), 1);
    ASSERT_STATUS(try_recv(ch), CCP_OK);
    assert_int_equal(events(ep), 1);
    ASSERT_STATUS(try_recv(ch), CCP_OK);
    ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
    assert_int_equal(events(ep), 0);
    close(ep);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(an_edge_is_told_once) /* FD2 */
{
    ccp_chan *ch = ccp_chan_new(8, 4);
    int ep = watch(recv_fd(ch), EPOLLET);
    assert_int_equal(events(ep), 0);
    for (int round = 0; round < 3; round++) {
        ASSERT_STATUS(try_send(ch), CCP_OK);
        ASSERT_STATUS(try_send(ch), CCP_OK);
        assert_int_equal(events(ep), 1);
        assert_int_equal(events(ep), 0);
        ASSERT_STATUS(try_send(ch), CCP_OK); /* nobody has come to the end yet: no edge */
        assert_int_equal(events(ep), 0);
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(try_recv(ch), CCP_OK);
        ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
        assert_int_equal(events(ep), 0);
    }
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    assert_int_equal(events(ep), 1);
    close(ep);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_new_look_is_an_edge_if_there_is_something) /* FD2 */
{
    ccp_chan *ch = ccp_chan_new(8, 4);
    int fd = recv_fd(ch), ep = watch(fd, EPOLLET);
    for (int round = 0; round < 3; round++) {
        ASSERT_STATUS(try_send(ch), CCP_OK);
        (void)events(ep);
        assert_int_equal(recv_fd(ch), fd);
        assert_int_equal(events(ep), 1);
    }
    close(ep);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(each_rest_of_a_pool_is_an_edge) /* FD6 */
{
    ccp_pool *p = pool_of(1, 4);
    int fd = -1;
    ASSERT_STATUS(ccp_pool_fd(p, &fd), CCP_OK);
    int ep = watch(fd, EPOLLET);
    assert_int_equal(events(ep), 1);
    for (int round = 0; round < 3; round++) {
        gate_shut(&task_gate);
        occupy(p, 1);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_AGAIN);
        assert_int_equal(events(ep), 0);
        gate_open(&task_gate);
        wait_event(ep);
        ASSERT_STATUS(ccp_pool_wait(p, CCP_NOWAIT), CCP_OK);
        assert_int_equal(events(ep), 0);
    }
    close(ep);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
}

/* ---- a loop of edges, and threads ---- */

enum { THREADS = 2, EACH = 8000 };

static void send_many(actor *a)
{
    for (long i = 0; i < a->value; i++)
        MUST(ccp_chan_send(a->ch, &i, CCP_FOREVER) == CCP_OK);
}

static void recv_many(actor *a)
{
    long got;
    while (ccp_chan_recv(a->ch, &got, CCP_FOREVER) == CCP_OK)
        a->value++;
}

static void recv_by_edges(actor *a)
{
    int ep = watch(recv_fd(a->ch), EPOLLET);
    long got;
    while (a->rc != CCP_CLOSED) {
        wait_event(ep);
        while ((a->rc = ccp_chan_recv(a->ch, &got, CCP_NOWAIT)) == CCP_OK)
            a->value++;
    }
    close(ep);
}

static void send_by_edges(actor *a)
{
    int ep = watch(send_fd(a->ch), EPOLLET);
    for (long i = 0; i < a->value;) {
        wait_event(ep);
        while (i < a->value && ccp_chan_send(a->ch, &i, CCP_NOWAIT) == CCP_OK)
            i++;
    }
    close(ep);
}

static void run_pair(size_t capacity, void (*send)(actor *), void (*recv)(actor *))
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
    long each = (long)scaled(EACH), sum = 0;
    actor s[THREADS], r[THREADS];
    for (int i = 0; i < THREADS; i++) {
        s[i] = (actor){ .ch = ch, .value = each };
        r[i] = (actor){ .ch = ch };
        actor_start(&r[i], i ? recv_many : recv);
        actor_start(&s[i], i ? send_many : send);
    }
    for (int i = 0; i < THREADS; i++)
        actor_join(&s[i]);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (int i = 0; i < THREADS; i++) {
        actor_join(&r[i]);
        sum += r[i].value;
    }
    assert_int_equal(sum, THREADS * each);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_loop_of_edges_loses_nothing) /* FD2 */
{
    static const size_t capacities[] = { 1, 2, 64 };
    for (size_t i = 0; i < LENGTH(capacities); i++) {
        run_pair(capacities[i], send_many, recv_by_edges);
        run_pair(capacities[i], send_by_edges, recv_many);
        run_pair(capacities[i], send_by_edges, recv_by_edges);
    }
    run_pair(0, send_many, recv_by_edges);
}

/* ---- what there is no descriptor for ---- */

/* Whatever is open as number 0 is not the channel's. */
TEST(a_side_that_nobody_asked_for_has_none) /* FD3 */
{
    int kept = dup(0), t[2];
    char got[16];
    assert_int_equal(pipe(t), 0);
    assert_true(dup2(t[0], 0) == 0 && fcntl(0, F_SETFL, O_NONBLOCK) == 0);
    assert_int_equal(write(t[1], "mine", 4), 4);
    ccp_chan *ch = ccp_chan_new(8, 1);
    int fd = recv_fd(ch);
    ASSERT_STATUS(try_send(ch), CCP_OK);
    ASSERT_STATUS(try_send(ch), CCP_AGAIN);
    ASSERT_STATUS(try_recv(ch), CCP_OK);
    ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
    assert_false(is_up(fd));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ssize_t n = read(0, got, sizeof got);
    if (kept >= 0)
        MUST(dup2(kept, 0) == 0 && close(kept) == 0);
    close(t[0]);
    close(t[1]);
    assert_int_equal(n, 4);
}

TEST(who_watches_a_rendezvous_is_nobody_to_meet) /* FD1 */
{
    ccp_chan *ch = ccp_chan_new(8, 0);
    int to_recv = recv_fd(ch), to_send = send_fd(ch);
    assert_true(!is_up(to_recv) && !is_up(to_send));
    assert_nobody_waits(ch);
    ASSERT_STATUS(try_send(ch), CCP_AGAIN);
    ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(levels_are_told_again_and_again),
        ENTRY(an_edge_is_told_once),
        ENTRY(a_new_look_is_an_edge_if_there_is_something),
        ENTRY(each_rest_of_a_pool_is_an_edge),
        ENTRY(a_loop_of_edges_loses_nothing),
        ENTRY(a_side_that_nobody_asked_for_has_none),
        ENTRY(who_watches_a_rendezvous_is_nobody_to_meet),
    };
    return cmocka_run_group_tests_name("fd_epoll", tests, NULL, NULL);
}
