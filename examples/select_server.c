/* SPDX-License-Identifier: MIT-0
 *
 * select_server.c - a server thread that waits for a socket, a channel and a context at once.
 *
 * Problem: a thread that sleeps in accept() hears of nothing else: neither of what its workers have
 * done, nor that it shall stop.
 *
 *   clients --> listener --> serve(): one select --> pool: a task for each client
 *                               ^  ^                    |
 *                  quit context +  +-- results ---------+
 *
 * The listener is a case of the select beside the channel and the context.  It does not block, so
 * that a client who has left between the select and accept() does no harm.
 *
 * To adapt: change answer().  The thread ends when `quit` is canceled; then the program waits for
 * the tasks and takes the rest of the results.
 * Compile:  cc select_server.c -o select_server $(pkg-config --cflags --libs ccp)
 * Output:   client 1: 1 4 9 16
 *           client 2: 25 36 49 64
 *           client 3: 81 100 121 144
 *           3 clients, 12 questions
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <ccp.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 3, QUESTIONS = 4 };

static ccp_chan *results; /* of int: how many questions a client had */
static ccp_ctx *quit;
static ccp_pool *pool;
static int listener;
static struct sockaddr_in address;

/* ---- a task: one client, until it has no more questions ---- */

static ccp_status answer(ccp_ctx *ctx, void *arg)
{
    int fd = *(int *)arg, answered = 0;
    int32_t n;
    free(arg);
    while (recv(fd, &n, sizeof n, MSG_WAITALL) == sizeof n) {
        n *= n;
        if (send(fd, &n, sizeof n, MSG_NOSIGNAL) != sizeof n)
            break;
        answered++;
    }
    close(fd);
    return ccp_chan_send(results, &answered, ccp_with(ctx));
}

/* ---- the server ---- */

typedef struct totals {
    int clients, questions;
} totals;

static void add(totals *t, int answered)
{
    t->clients++;
    t->questions += answered;
}

static void on_listener(void)
{
    int fd = accept(listener, NULL, NULL), *arg;
    if (fd < 0)
        return; /* the client has left already */
    (void)fcntl(fd, F_SETFL, 0); /* the worker waits for the client */
    arg = malloc(sizeof *arg);
    if (arg)
        *arg = fd;
    if (!arg || ccp_pool_submit(pool, answer, arg, CCP_NOWAIT) != CCP_OK) {
        free(arg); /* too much to do: the client shall try again */
        close(fd);
    }
}

static void serve(void *arg)
{
    totals *t = arg;
    int answered;
    size_t i;
    const ccp_case cases[] = { CCP_CASE_FD(listener, POLLIN, NULL),
                               CCP_CASE_RECV(results, &answered), CCP_CASE_DONE(quit) };
    while (ccp_select(cases, 3, &i, CCP_FOREVER) == CCP_OK && i != 2) {
        if (i == 0)
            on_listener();
        else
            add(t, answered);
    }
}

/* ---- clients, so that there is something to see ---- */

static int32_t got[CLIENTS][QUESTIONS];

static void ask(void *arg)
{
    int32_t *out = arg, first = (int32_t)(out - got[0]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    for (int32_t i = 0; i < QUESTIONS; i++) {
        int32_t n = first + i + 1;
        if (send(fd, &n, sizeof n, MSG_NOSIGNAL) != sizeof n ||
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
    listener = socket(AF_INET, SOCK_STREAM, 0);
    results = ccp_chan_new(sizeof(int), CLIENTS);
    quit = ccp_ctx_new(NULL, CCP_FOREVER);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 16 });
    if (listener < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) != 0 ||
        bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0 || !results || !quit ||
        !pool)
        return 1;
    ccp_wg server = CCP_WG_INIT, clients = CCP_WG_INIT;
    totals t = { 0, 0 };
    int answered;
    if (ccp_wg_go(&server, serve, &t) != CCP_OK)
        return 1;
    for (int i = 0; i < CLIENTS; i++)
        if (ccp_wg_go(&clients, ask, got[i]) != CCP_OK)
            return 1;
    ccp_wg_wait(&clients, CCP_FOREVER);
    ccp_ctx_cancel(quit);
    ccp_wg_wait(&server, CCP_FOREVER);
    if (ccp_pool_drain(pool, CCP_FOREVER) != CCP_OK) /* there is room for what they send */
        return 1;
    while (ccp_chan_recv(results, &answered, CCP_NOWAIT) == CCP_OK)
        add(&t, answered);
    for (int i = 0; i < CLIENTS; i++) {
        printf("client %d:", i + 1);
        for (int k = 0; k < QUESTIONS; k++)
            printf(" %d", (int)got[i][k]);
        printf("\n");
    }
    printf("%d clients, %d questions\n", t.clients, t.questions);
    ccp_pool_free(pool);
    ccp_chan_free(results);
    ccp_ctx_free(quit);
    close(listener);
    return 0;
}
