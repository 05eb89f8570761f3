/* SPDX-License-Identifier: MIT
 *
 * Selects over descriptors and channels under stress.
 *
 *   fd   threads that select over a pipe, a channel and a context, others that write, send by plain
 *        calls, or select to send beside a descriptor; ended by closing, or canceled in the middle.
 *        Every byte that was written is read, and every element that was accepted is received,
 *        once.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { MOST_EACH = 4, MOST_BYTES = 600 };

typedef struct fd_round {
    ccp_chan *ch;
    ccp_ctx *ctx;
    int data[2], quiet[2]; /* pipes; nothing is written to the second */
    bool cancels;
    atomic_int writers, senders;
    atomic_long written, read_, sent, received;
    atomic_long sum_in, sum_out;
} fd_round;

static void write_bytes(worker *w)
{
    fd_round *r = w->round;
    uint32_t n = roll(&w->dice, MOST_BYTES);
    worker_does(w, "write");
    for (uint32_t i = 0; i < n && ccp_ctx_status(r->ctx) == CCP_OK; i++) {
        if (write(r->data[1], "x", 1) == 1)
            atomic_fetch_add(&r->written, 1);
        else
            (void)ccp_sleep(ccp_within(CCP_US(20))); /* it is full */
        worker_does(w, "write");
    }
    if (atomic_fetch_sub(&r->writers, 1) == 1)
        close(r->data[1]);
    worker_does(w, NULL);
}

static ccp_status send_beside_fd(worker *w, const long *v, ccp_wait wait)
{
    fd_round *r = w->round;
    const ccp_case k[] = { CCP_CASE_FD(r->quiet[0], POLLIN, NULL), CCP_CASE_SEND(r->ch, v) };
    size_t i = 9;
    worker_does(w, "select to send");
    ccp_status st = ccp_select(k, 2, &i, wait);
    MUST((st != CCP_OK && st != CCP_CLOSED) || i == 1);
    return st;
}

static void send_elements(worker *w)
{
    fd_round *r = w->round;
    uint32_t n = roll(&w->dice, MOST_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        long v = (long)roll(&w->dice, 1000);
        ccp_wait wait = roll(&w->dice, 2) ? ccp_with(r->ctx) : ccp_within(CCP_SEC(100));
        worker_does(w, "send");
        ccp_status st = roll(&w->dice, 3) ? send_beside_fd(w, &v, wait)
                                          : ccp_chan_send(r->ch, &v, wait);
        if (st != CCP_OK) {
            MUST(st == CCP_CLOSED || st == CCP_CANCELED);
            break;
        }
        atomic_fetch_add(&r->sent, 1);
        atomic_fetch_add(&r->sum_in, v);
    }
    if (atomic_fetch_sub(&r->senders, 1) == 1)
        MUST(ccp_chan_close(r->ch) == CCP_OK || r->cancels);
    worker_does(w, NULL);
}

/* What a thread selects over. */
typedef struct chooser {
    ccp_case k[4];
    short got;
    long v;
    int open; /* cases that something may come by */
} chooser;

/* Reads what there is, which another may have got first; false at the end. */
static bool read_some(fd_round *r, dice *d)
{
    char bytes[8];
    ssize_t n = read(r->data[0], bytes, 1 + roll(d, sizeof bytes));
    if (n > 0)
        atomic_fetch_add(&r->read_, n);
    return n != 0;
}

static void on_case(worker *w, chooser *c, ccp_status st, size_t i)
{
    fd_round *r = w->round;
    if (st == CCP_CLOSED) {
        MUST(i == 1);
        c->k[1] = CCP_CASE_RECV(NULL, NULL);
        c->open--;
    } else if (i == 1) {
        atomic_fetch_add(&r->received, 1);
        atomic_fetch_add(&r->sum_out, c->v);
    } else {
        MUST(c->got & (POLLIN | POLLHUP));
        if (!read_some(r, &w->dice)) {
            c->k[0] = c->k[3] = CCP_CASE_FD(-1, POLLIN, NULL);
            c->open--;
        }
    }
}

static void choose(worker *w)
{
    fd_round *r = w->round;
    chooser c = { .open = 2 };
    c.k[0] = c.k[3] = CCP_CASE_FD(r->data[0], POLLIN, &c.got);
    c.k[1] = CCP_CASE_RECV(r->ch, &c.v);
    c.k[2] = CCP_CASE_DONE(r->ctx);
    while (c.open > 0) {
        ccp_wait wait = roll(&w->dice, 3) ? CCP_FOREVER : ccp_within(CCP_US(roll(&w->dice, 200)));
        size_t i = 9;
        c.got = 0;
        worker_does(w, "select");
        ccp_status st = roll(&w->dice, 2) ? ccp_select(c.k, 4, &i, wait)
                                          : ccp_select_first(c.k, 3, &i, wait);
        if (st == CCP_TIMEOUT || st == CCP_AGAIN)
            continue;
        MUST(st == CCP_OK || st == CCP_CLOSED);
        if (st == CCP_OK && i == 2)
            break;
        on_case(w, &c, st, i);
    }
    worker_does(w, NULL);
}

static void open_pipe(int ends[2])
{
    MUST(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
}

/* After all have ended: what is left. */
static void take_rest(fd_round *r, dice *d)
{
    long v;
    while (read_some(r, d))
        ;
    while (ccp_chan_recv(r->ch, &v, CCP_NOWAIT) == CCP_OK) {
        atomic_fetch_add(&r->received, 1);
        atomic_fetch_add(&r->sum_out, v);
    }
    MUST(atomic_load(&r->written) == atomic_load(&r->read_));
    MUST(atomic_load(&r->sent) == atomic_load(&r->received));
    MUST(atomic_load(&r->sum_in) == atomic_load(&r->sum_out));
}

static void fd_round_run(uint64_t seed)
{
    static const size_t capacities[] = { 0, 1, 3, 64 };
    dice d = { seed };
    fd_round r = { .cancels = roll(&d, 3) == 0 };
    worker w[3 * MOST_EACH];
    size_t n = 0;
    int choosers = 1 + (int)roll(&d, MOST_EACH), writers = 1 + (int)roll(&d, MOST_EACH);
    int senders = 1 + (int)roll(&d, MOST_EACH);
    r.ch = ccp_chan_new(sizeof(long), capacities[roll(&d, LENGTH(capacities))]);
    r.ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    MUST(r.ch && r.ctx);
    open_pipe(r.data);
    open_pipe(r.quiet);
    atomic_init(&r.writers, writers);
    atomic_init(&r.senders, senders);
    watch_chan(r.ch);
    for (; n < (size_t)choosers; n++)
        worker_start(&w[n], choose, &r, n, seed + n);
    for (; n < (size_t)(choosers + writers); n++)
        worker_start(&w[n], write_bytes, &r, n, seed + n);
    for (; n < (size_t)(choosers + writers + senders); n++)
        worker_start(&w[n], send_elements, &r, n, seed + n);
    if (r.cancels) {
        (void)ccp_sleep(ccp_within(CCP_US(roll(&d, 3000))));
        ccp_ctx_cancel(r.ctx);
        (void)ccp_chan_close(r.ch); /* for those who do not wait under the context */
    }
    for (size_t i = 0; i < n; i++)
        worker_join(&w[i]);
    take_rest(&r, &d);
    watch_no_chans();
    close(r.data[0]);
    close(r.quiet[0]);
    close(r.quiet[1]);
    MUST(ccp_chan_free(r.ch) == CCP_OK && ccp_ctx_free(r.ctx) == CCP_OK);
}

int main(int argc, char **argv)
{
    static const mode modes[] = { { "fd", fd_round_run } };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
