/* SPDX-License-Identifier: MIT-0
 *
 * metrics_server.c - a program whose inner life Prometheus can read.
 *
 * Problem: work goes on in a pool behind a queue.  Whoever runs the program wants to see how full
 * the queue is and how many tasks were done; a load balancer wants to know whether to send more.
 *
 *   feeder --> [ queue of the pool ] --> workers
 *   GET /metrics --> ccp_metrics_write(): the figures of all channels and pools
 *   GET /healthz --> ccp_pool_get_health(): 503 if no worker goes on, otherwise 200, and why
 *
 * The figures need no code of their own: ccp_track() is all.  It is a server of one connection at a
 * time, for the loopback; a program that serves HTTP anyway gives the text to its own server.
 *
 * To adapt: change work(), and what is too long for health().
 * Compile:  cc metrics_server.c -o metrics_server $(pkg-config --cflags --libs ccp)
 * Use:      metrics_server [PORT]       prints its URL; port 0, the default: any
 * Exit:     0 after SIGINT or SIGTERM; 1 if it cannot start.
 */
#define _DEFAULT_SOURCE /* MSG_NOSIGNAL */
#include <arpa/inet.h>
#include <ccp.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static ccp_pool *pool;

static ccp_status work(ccp_ctx *ctx, void *unused)
{
    (void)unused;
    return ccp_sleep(ccp_under(ctx, ccp_within(CCP_MS(1))));
}

static void feed(void *stop)
{
    while (ccp_pool_submit(pool, work, NULL, ccp_with(stop)) == CCP_OK &&
           ccp_sleep(ccp_under(stop, ccp_within(CCP_MS(1)))) == CCP_OK) {}
}

/* ---- text --------------------------------------------------------------------------------- */

struct text {
    char *s;
    size_t n;
    bool short_of_memory;
};

static void append(const char *more, size_t n, void *arg)
{
    struct text *t = arg;
    char *s = t->short_of_memory ? NULL : realloc(t->s, t->n + n + 1);
    if (!s) {
        t->short_of_memory = true;
        return;
    }
    memcpy(s + t->n, more, n);
    t->s = s;
    t->n += n;
}

static bool write_all(int fd, const char *s, size_t n)
{
    for (ssize_t some; n > 0; s += some, n -= (size_t)some)
        if ((some = send(fd, s, n, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static void reply(int fd, const char *status, const char *body, size_t n)
{
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                        status, n);
    if (write_all(fd, head, (size_t)size))
        write_all(fd, body, n);
}

static void say(int fd, const char *status, const char *body)
{
    reply(fd, status, body, strlen(body));
}

/* ---- what can be asked -------------------------------------------------------------------- */

static void metrics(int fd)
{
    struct text t = { 0 };
    ccp_status st = ccp_metrics_write(CCP_METRICS_PROMETHEUS, append, &t);
    if (st == CCP_OK && !t.short_of_memory)
        reply(fd, "200 OK", t.s, t.n);
    else
        say(fd, "503 Service Unavailable", "no memory\n");
    free(t.s);
}

/* A pool that does not go on is to be replaced; one that is slow is not. */
static void health(int fd)
{
    ccp_pool_health h;
    char body[256];
    const ccp_health_limits limits = { .task_ns = CCP_SEC(10), .queue_ns = CCP_SEC(1) };
    if (ccp_pool_get_health(pool, &limits, &h) != CCP_OK)
        return;
    int n = snprintf(body, sizeof body,
                     "%s: %u of %u workers are busy, %u of them stuck; %zu wait\n", h.why, h.busy,
                     h.workers, h.stuck, h.queued);
    reply(fd, h.state == CCP_HEALTH_STUCK ? "503 Service Unavailable" : "200 OK", body, (size_t)n);
}

static void answer(int fd)
{
    char request[4096];
    const struct timeval patience = { .tv_sec = 5 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t n = recv(fd, request, sizeof request - 1, 0);
    request[n > 0 ? n : 0] = '\0';
    if (strncmp(request, "GET /metrics ", 13) == 0)
        metrics(fd);
    else if (strncmp(request, "GET /healthz ", 13) == 0)
        health(fd);
    else if (strncmp(request, "GET ", 4) == 0)
        say(fd, "404 Not Found", "see /metrics and /healthz\n");
    else
        say(fd, "405 Method Not Allowed", "only GET\n");
    shutdown(fd, SHUT_WR);
    close(fd);
}

/* ---- main --------------------------------------------------------------------------------- */

static int listen_on(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)&a, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        return -1;
    printf("http://127.0.0.1:%u/\n", ntohs(a.sin_port));
    return fflush(stdout) == 0 ? fd : -1;
}

/* Answers one after the other, until the context ends: that can be polled, as a socket can. */
static bool serve(int listener, ccp_ctx *stop)
{
    struct pollfd ready[2] = { { .fd = listener, .events = POLLIN }, { .events = POLLIN } };
    if (listener < 0 || ccp_ctx_fd(stop, &ready[1].fd) != CCP_OK)
        return false;
    for (;;) {
        int n = poll(ready, 2, -1), fd;
        if (n < 0 && errno != EINTR) /* a signal: the context tells of it */
            return false;
        if (n > 0 && ready[1].revents)
            return true;
        if (n > 0 && (fd = accept(listener, NULL, NULL)) >= 0)
            answer(fd);
    }
}

int main(int argc, char **argv)
{
    bool ok = ccp_track(true) == CCP_OK; /* what is made from now on has figures */
    ccp_wg feeder = CCP_WG_INIT;
    ccp_ctx *stop = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_signals *ask = ccp_signals_new((const int[]){ SIGINT, SIGTERM }, 2,
                                       &(ccp_signals_opts){ .ctx = stop, .second_ends = true });
    pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = 4, .queue = 64, .name = "crew", .measure = true });
    ok = ok && stop && ask && pool && ccp_wg_go(&feeder, feed, stop) == CCP_OK;
    int listener = ok ? listen_on(argc > 1 ? atoi(argv[1]) : 0) : -1;
    ok = ok && serve(listener, stop);
    if (!ok)
        fputs("metrics_server: cannot start\n", stderr);
    if (listener >= 0)
        close(listener);
    if (stop)
        ccp_ctx_cancel(stop);
    ccp_wg_wait(&feeder, CCP_FOREVER);
    ccp_pool_free(pool);
    ccp_signals_free(ask);
    ccp_ctx_free(stop);
    return ok ? 0 : 1;
}
