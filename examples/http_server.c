/* SPDX-License-Identifier: MIT-0
 *
 * http_server.c - a small HTTP server: a pool of workers behind a bounded queue.
 *
 * Problem: more requests may come than can be served.  If they all were queued, each would wait
 * longer than its client does, and nobody would be served in time; so what does not fit into the
 * queue is answered at once: 503, come again later.
 *
 *   accept --> queue (Q connections) --> N workers: read the request, answer, close
 *      \--> the queue is full: 503
 *
 * SIGINT and SIGTERM: no more is accepted, what was accepted is answered, and the program ends.
 *
 * To adapt: change answer().  N is how many may be under way; Q is how long you let them wait:
 * about Q / N times the time of one answer.
 * Compile:  cc http_server.c -o http_server $(pkg-config --cflags --libs ccp)
 * Use:      http_server [-j WORKERS] [-q QUEUE] [-p PORT]       prints its URL; port 0: any
 * Exit:     0 after SIGINT or SIGTERM; 1 if it cannot start; 2 wrong use.
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

/* ---- a connection: a task ----------------------------------------------------------------- */

/* Reads the head of a request.  False: there is none, in time, or it is too long. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    while (n + 1 < size && !strstr(text, "\r\n\r\n")) {
        ssize_t some = recv(fd, text + n, size - n - 1, 0);
        if (some <= 0)
            return false;
        n += (size_t)some;
        text[n] = '\0';
    }
    return strstr(text, "\r\n\r\n") != NULL;
}

static bool reply(int fd, const char *status, const char *more, const char *body)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                     "%sConnection: close\r\n\r\n%s",
                     status, strlen(body), more, body);
    for (int sent = 0; sent < n;) {
        ssize_t some = send(fd, text + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (some <= 0)
            return false;
        sent += (int)some;
    }
    return true;
}

/* GET / greets; GET /sleep/MS takes its time, as a database would. */
static bool answer(ccp_ctx *ctx, int fd, const char *request)
{
    int ms, end = 0;
    if (strncmp(request, "GET ", 4) != 0)
        return reply(fd, "405 Method Not Allowed", "Allow: GET\r\n", "only GET\n");
    if (strncmp(request + 4, "/ ", 2) == 0)
        return reply(fd, "200 OK", "", "hello\n");
    if (sscanf(request + 4, "/sleep/%5d%n", &ms, &end) == 1 && request[4 + end] == ' ') {
        if (ccp_sleep(ccp_under(ctx, ccp_within(CCP_MS(ms)))) == CCP_OK)
            return reply(fd, "200 OK", "", "good morning\n");
        return reply(fd, "503 Service Unavailable", "", "going down\n");
    }
    return reply(fd, "404 Not Found", "", "not here\n");
}

static ccp_status serve(ccp_ctx *ctx, void *connection)
{
    int fd = (int)(intptr_t)connection;
    char request[4096];
    const struct timeval patience = { .tv_sec = 5 };
    bool ok = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
    ok = ok && (read_request(fd, request, sizeof request)
                    ? answer(ctx, fd, request)
                    : reply(fd, "400 Bad Request", "", "no request\n"));
    close(fd);
    return ok ? CCP_OK : CCP_FAILED;
}

/* ---- main --------------------------------------------------------------------------------- */

/* Answers without waiting: whoever is refused must not hold up the others. */
static void refuse(int fd)
{
    char request[4096];
    (void)!recv(fd, request, sizeof request, MSG_DONTWAIT); /* unread, it would reset the answer */
    (void)reply(fd, "503 Service Unavailable", "Retry-After: 1\r\n", "too many requests\n");
    shutdown(fd, SHUT_WR);
    close(fd);
}

/* A socket that listens on the loopback; prints its URL.  -1: there is none. */
static int listen_on(unsigned short port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)&a, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        return -1;
    printf("http://127.0.0.1:%u/\n", ntohs(a.sin_port));
    return fflush(stdout) == 0 ? fd : -1;
}

/* Signals are blocked in all threads; main looks whether one has come. */
static bool interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

/* Accepts until a signal comes.  Gives how many were refused. */
static unsigned long accept_all(ccp_pool *pool, int listener)
{
    unsigned long refused = 0;
    while (!interrupted()) {
        struct pollfd ready = { .fd = listener, .events = POLLIN };
        if (poll(&ready, 1, 100) <= 0)
            continue;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            ccp_sleep(ccp_within(CCP_MS(errno == EMFILE || errno == ENFILE ? 10 : 0)));
        else if (ccp_pool_submit(pool, serve, (void *)(intptr_t)fd, CCP_NOWAIT) != CCP_OK) {
            refuse(fd);
            refused++;
        }
    }
    return refused;
}

static int run(unsigned workers, unsigned queue, unsigned short port)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    ccp_pool *pool = ccp_pool_new(
        &(ccp_pool_opts){ .workers = workers, .queue = queue, .name = "http" });
    int listener = pool ? listen_on(port) : -1;
    if (listener < 0) {
        perror("http_server");
        ccp_pool_free(pool);
        return 1;
    }
    unsigned long refused = accept_all(pool, listener);
    close(listener);
    ccp_pool_info info;
    bool ok = ccp_pool_shutdown(pool, NULL, NULL, CCP_FOREVER) == CCP_OK &&
              ccp_pool_get_info(pool, &info) == CCP_OK;
    if (ok)
        printf("%llu served, %lu refused, longest queue %zu\n", (unsigned long long)info.finished,
               refused, info.queue_high_water);
    ccp_pool_free(pool);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    long workers = 8, queue = 64, port = 8080;
    int option;
    while ((option = getopt(argc, argv, "j:q:p:")) != -1) {
        char *end = argv[0]; /* not a number */
        long n = option == '?' ? -1 : strtol(optarg, &end, 10);
        *(option == 'j' ? &workers : option == 'q' ? &queue : &port) = *end ? -1 : n;
    }
    if (optind < argc || workers < 1 || workers > 1024 || queue < 1 || queue > 65536 || port < 0 ||
        port > 65535) {
        fputs("usage: http_server [-j WORKERS] [-q QUEUE] [-p PORT]\n", stderr);
        return 2;
    }
    return run((unsigned)workers, (unsigned)queue, (unsigned short)port);
}
