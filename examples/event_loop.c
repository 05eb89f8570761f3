/* SPDX-License-Identifier: MIT-0
 *
 * event_loop.c - a server with one epoll loop for its sockets and for what its workers have done.
 *
 * Problem: the loop must not wait for anything but the kernel, so what takes long goes to workers;
 * then it has to hear of their results, which come through a channel, not through a socket.
 *
 *   sockets --> loop --> pool: the n-th prime number
 *                 ^         |
 *                 +-- channel of results, by its file descriptor
 *
 * While a client's question is in work its socket is not watched; so no answer can come for a
 * socket that has been closed meanwhile, and whose number may be another's.
 *
 * To adapt: change work().  The loop ends when `quit`, a channel that carries nothing, is closed.
 * Needs Linux (epoll); with poll() it is the same: the descriptors of channels are level-triggered.
 * Compile:  cc event_loop.c -o event_loop $(pkg-config --cflags --libs ccp)
 * Output:   prime numbers from the 1st on: 2 3 5 7
 *           prime numbers from the 101st on: 547 557 563 569
 *           prime numbers from the 201st on: 1229 1231 1237 1249
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <ccp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 3, QUESTIONS = 4 };

typedef struct answer {
    int socket;
    long number;
} answer;

static ccp_chan *results, *quit;
static ccp_pool *pool;
static int listener;
static struct sockaddr_in address;

/* ---- a task: what takes long ---- */

static ccp_status work(ccp_ctx *ctx, void *arg)
{
    answer *a = arg;
    long p = 1, d;
    for (long n = a->number; n > 0; n -= d * d > p) {
        p++;
        for (d = 2; d * d <= p && p % d != 0; d++)
            ;
    }
    a->number = p;
    ccp_status st = ccp_chan_send(results, a, ccp_with(ctx)); /* the loop is told */
    free(a);
    return st;
}

/* ---- the loop: nothing in it waits ---- */

static void watch(int loop, int fd, int how, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    if (fd < 0 || epoll_ctl(loop, how, fd, &e) != 0)
        exit(1);
}

static void on_listener(int loop)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        watch(loop, fd, EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT);
}

static void on_socket(int fd)
{
    int32_t question;
    answer *a = malloc(sizeof *a);
    bool ok = a && recv(fd, &question, sizeof question, 0) == sizeof question;
    if (ok)
        *a = (answer){ fd, question };
    if (!ok || ccp_pool_submit(pool, work, a, CCP_NOWAIT) != CCP_OK) {
        free(a);   /* the client has left, or there is too much to do */
        close(fd); /* which takes it out of the loop */
    }
}

static void on_results(int loop)
{
    answer a;
    while (ccp_chan_recv(results, &a, CCP_NOWAIT) == CCP_OK) { /* CCP_AGAIN: told again */
        int32_t number = (int32_t)a.number;
        (void)!send(a.socket, &number, sizeof number, MSG_NOSIGNAL);
        watch(loop, a.socket, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    }
}

static void serve(void *arg)
{
    int loop = epoll_create1(EPOLL_CLOEXEC), done = -1, end = -1;
    (void)arg;
    if (ccp_chan_fd(results, CCP_POLL_RECV, &done) != CCP_OK ||
        ccp_chan_fd(quit, CCP_POLL_RECV, &end) != CCP_OK)
        exit(1);
    watch(loop, listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(loop, done, EPOLL_CTL_ADD, EPOLLIN);
    watch(loop, end, EPOLL_CTL_ADD, EPOLLIN);
    for (bool on = true; on;) {
        struct epoll_event e[16];
        int n = epoll_wait(loop, e, 16, -1);
        for (int i = 0; i < n; i++)
            if (e[i].data.fd == listener)
                on_listener(loop);
            else if (e[i].data.fd == done)
                on_results(loop);
            else if (e[i].data.fd == end)
                on = false;
            else
                on_socket(e[i].data.fd);
    }
    close(loop);
}

/* ---- clients, so that there is something to see ---- */

static int32_t got[CLIENTS][QUESTIONS];

static void ask(void *arg)
{
    int32_t *out = arg, first = (int32_t)((out - got[0]) / QUESTIONS) * 100;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    for (int32_t i = 0; i < QUESTIONS; i++) {
        int32_t question = first + i + 1;
        if (send(fd, &question, sizeof question, MSG_NOSIGNAL) != sizeof question ||
            recv(fd, &out[i], sizeof *out, MSG_WAITALL) != sizeof *out)
            exit(1);
    }
    close(fd);
}

int main(void)
{
    socklen_t size = sizeof address;
    address = (struct sockaddr_in){ .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    results = ccp_chan_new(sizeof(answer), 8);
    quit = ccp_chan_new(0, 0);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 16 });
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0 || !results || !quit ||
        !pool)
        return 1;
    ccp_wg server = CCP_WG_INIT, clients = CCP_WG_INIT;
    if (ccp_wg_go(&server, serve, NULL) != CCP_OK)
        return 1;
    for (int i = 0; i < CLIENTS; i++)
        if (ccp_wg_go(&clients, ask, got[i]) != CCP_OK)
            return 1;
    ccp_wg_wait(&clients, CCP_FOREVER);
    ccp_chan_close(quit);
    ccp_wg_wait(&server, CCP_FOREVER);
    for (int i = 0; i < CLIENTS; i++) {
        printf("prime numbers from the %dst on:", i * 100 + 1);
        for (int k = 0; k < QUESTIONS; k++)
            printf(" %d", (int)got[i][k]);
        printf("\n");
    }
    ccp_pool_free(pool);
    ccp_chan_free(results);
    ccp_chan_free(quit);
    close(listener);
    return 0;
}
