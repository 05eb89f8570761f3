/* SPDX-License-Identifier: MIT-0
 *
 * http_fetch.c - fetch many URLs, a few at a time, with a time limit and retries.
 *
 * Problem: servers are slow, refuse, or never answer.  At most N requests may be under way; each
 * attempt has T ms; what failed is tried again, R times, after pauses that grow; and what fails for
 * good must not stop the others.
 *
 *   URLs --> fetch (N workers) --> print, in the order of the URLs
 *              \--> what failed R + 1 times --> complain
 *
 * To adapt: change fetch(), or call curl there; the limit, the retries and the order are the
 * pipeline's.
 * Compile:  cc http_fetch.c -o http_fetch $(pkg-config --cflags --libs ccp)
 * Use:      http_fetch [-n N] [-t T] [-r R] <URLS       one URL a line: http://127.0.0.1:8080/x
 * Output:   for each URL: status, bytes of the body, URL.
 * Exit:     0; 1 if something could not be fetched or printed; 2 wrong use.
 */
#define _POSIX_C_SOURCE 200809L
#include <ccp.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct page {
    char url[256];
    int status;
    size_t bytes; /* of the body */
};

/* ---- one request -------------------------------------------------------------------------- */

/* Waits until fd is ready.  Anything but CCP_OK: it is not, by then. */
static ccp_status ready(int fd, short what, int64_t until)
{
    struct pollfd p = { .fd = fd, .events = what };
    int64_t left = (until - ccp_now() + 999999) / 1000000;
    int n = left > 0 ? poll(&p, 1, (int)left) : 0;
    return n > 0 ? CCP_OK : n == 0 ? CCP_TIMEOUT : CCP_FAILED;
}

static ccp_status connect_to(const char *host, const char *port, int64_t until, int *fd)
{
    const struct addrinfo want = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *a;
    int error = 0;
    socklen_t size = sizeof error;
    if (getaddrinfo(host, port, &want, &a) != 0)
        return CCP_FAILED;
    *fd = socket(a->ai_family, a->ai_socktype, 0);
    bool begun = *fd >= 0 && fcntl(*fd, F_SETFL, O_NONBLOCK) == 0 &&
                 (connect(*fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS);
    freeaddrinfo(a);
    ccp_status rc = begun ? ready(*fd, POLLOUT, until) : CCP_FAILED;
    if (rc == CCP_OK && (getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0))
        rc = CCP_FAILED;
    return rc;
}

static ccp_status send_all(int fd, const char *text, int64_t until)
{
    ccp_status rc = CCP_OK;
    for (size_t left = strlen(text); left > 0 && rc == CCP_OK;) {
        ssize_t some = send(fd, text, left, MSG_NOSIGNAL);
        if (some > 0)
            text += some, left -= (size_t)some;
        else
            rc = errno == EAGAIN ? ready(fd, POLLOUT, until) : CCP_FAILED;
    }
    return rc;
}

/* Reads the whole answer, of which only the head is looked at. */
static ccp_status read_answer(int fd, struct page *page, int64_t until)
{
    char head[2048] = "", rest[4096] = "", *body = NULL;
    size_t n = 0;
    for (;;) {
        bool in_head = !body && n < sizeof head - 1;
        ssize_t some = recv(fd, in_head ? head + n : rest,
                            in_head ? sizeof head - 1 - n : sizeof rest, 0);
        if (some == 0)
            break;
        ccp_status rc = some > 0 ? CCP_OK : errno == EAGAIN ? ready(fd, POLLIN, until) : CCP_FAILED;
        if (rc != CCP_OK)
            return rc;
        n += some > 0 ? (size_t)some : 0;
        body = strstr(head, "\r\n\r\n");
    }
    if (!body || sscanf(head, "HTTP/1.%*d %3d", &page->status) != 1)
        return CCP_FAILED;
    page->bytes = n - (size_t)(body + 4 - head);
    return page->status >= 500 ? CCP_FAILED : CCP_OK; /* worth another attempt */
}

static ccp_status fetch(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    struct page page = *(const struct page *)in;
    int64_t until = ccp_now() + CCP_MS(*(const long *)arg);
    char host[256], port[6] = "80", path[256] = "/", request[600];
    int fd = -1;
    (void)ctx;
    if (sscanf(page.url, "http://%255[^:/]%255s", host, path) < 1 ||
        (path[0] == ':' && sscanf(page.url, "http://%*[^:/]:%5[0-9]%255s", port, path) < 1))
        return CCP_INVAL;
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
             path[0] == '/' ? path : "/", host);
    ccp_status rc = connect_to(host, port, until, &fd);
    if (rc == CCP_OK)
        rc = send_all(fd, request, until);
    if (rc == CCP_OK)
        rc = read_answer(fd, &page, until);
    if (fd >= 0)
        close(fd);
    if (rc == CCP_OK)
        *(struct page *)out = page;
    return rc;
}

/* ---- the pipeline ------------------------------------------------------------------------- */

static ccp_status next_url(ccp_ctx *ctx, const void *in, void *out, void *file)
{
    struct page *page = out;
    (void)ctx, (void)in;
    if (!fgets(page->url, sizeof page->url, file))
        return CCP_CLOSED;
    page->url[strcspn(page->url, "\r\n")] = '\0';
    page->status = 0;
    page->bytes = 0;
    return CCP_OK;
}

static ccp_status print(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const struct page *page = in;
    (void)ctx, (void)out, (void)arg;
    return printf("%d %zu %s\n", page->status, page->bytes, page->url) < 0 ? CCP_FAILED : CCP_OK;
}

static ccp_status complain(ccp_ctx *ctx, const void *in, void *out, void *failed)
{
    const CCP_LETTER(struct page) *letter = in;
    (void)ctx, (void)out;
    fprintf(stderr, "http_fetch: %s: %s, attempts: %u\n", letter->item.url,
            letter->why.status == CCP_TIMEOUT ? "no answer in time" : "refused or failed",
            letter->why.attempts);
    ++*(unsigned long *)failed;
    return CCP_OK;
}

int main(int argc, char **argv)
{
    long limit = 8, timeout = 5000, retries = 2;
    unsigned long failed = 0;
    int option;
    while ((option = getopt(argc, argv, "n:t:r:")) != -1) {
        char *end = argv[0]; /* not a number */
        long n = option == '?' ? -1 : strtol(optarg, &end, 10);
        *(option == 'n' ? &limit : option == 't' ? &timeout : &retries) = *end ? -1 : n;
    }
    if (optind < argc || limit < 1 || limit > 1024 || timeout < 1 || timeout > 3600000 ||
        retries < 0 || retries > 1000) {
        fputs("usage: http_fetch [-n AT_ONCE] [-t TIMEOUT_MS] [-r RETRIES] <URLS\n", stderr);
        return 2;
    }
    const size_t size = sizeof(struct page);
    ccp_pipeline *p = ccp_pipeline_new(&(ccp_pipeline_opts){ .name = "fetch" });
    ccp_pipeline_source(p, next_url, &(ccp_stage_opts){ .arg = stdin, .out_size = size });
    ccp_stage *s = ccp_pipeline_map(p, fetch,
                                    &(ccp_stage_opts){ .arg = &timeout,
                                                       .out_size = size,
                                                       .workers = (unsigned)limit,
                                                       .attempts = (unsigned)retries + 1,
                                                       .backoff_ns = CCP_MS(50),
                                                       .backoff_max_ns = CCP_SEC(5) });
    ccp_pipeline_sink(p, print, NULL);
    ccp_pipeline_sink(p, complain,
                      &(ccp_stage_opts){ .after = ccp_stage_branch(s, CCP_LETTERS),
                                         .arg = &failed });
    ccp_status rc = p ? ccp_pipeline_run(p, CCP_FOREVER) : CCP_NOMEM;
    ccp_pipeline_free(p);
    if (rc != CCP_OK)
        fprintf(stderr, "http_fetch: %s\n", ccp_strstatus(rc));
    return rc == CCP_OK && failed == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
