/* SPDX-License-Identifier: MIT-0
 *
 * cancel.c - the first answer, or a deadline, stops everybody who works on the question.
 *
 * Problem: several threads search; when one has found it, the others should stop at once, whether
 * they compute or wait; and if nobody finds anything, all should stop after 60 seconds.
 *
 *   main (ctx: 60 s) --> ranges --> searcher \
 *                               --> searcher  --> found --> main: cancels ctx
 *                               --> searcher /
 *
 * Every wait is a wait under ctx, and a long computation looks at ctx now and then: so one
 * ccp_ctx_cancel() ends them all, and ccp_wg_wait() returns soon after.
 *
 * To adapt: change `struct range` and search().
 * Compile:  cc cancel.c -o cancel $(pkg-config --cflags --libs ccp)
 * Output:   1000036000099 = 1000003 * 1000033
 *           all searchers stopped
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEARCHERS = 3, RANGE = 1000 };
static const uint64_t number = UINT64_C(1000036000099);

struct question {
    ccp_ctx *ctx;
    ccp_chan *ranges; /* uint64_t: where to search next; there is no last one */
    ccp_chan *found;  /* uint64_t: a factor of the number */
};

static void search(void *arg)
{
    const struct question *q = arg;
    uint64_t first;
    CCP_CHAN_FOR(&first, q->ranges, ccp_with(q->ctx)) {
        for (uint64_t n = first; n < first + RANGE && n < number; n++)
            if (number % n == 0 && ccp_chan_send(q->found, &n, ccp_with(q->ctx)) != CCP_OK)
                return; /* somebody else was faster */
    }
}

static void deal_out(void *arg)
{
    const struct question *q = arg;
    for (uint64_t first = 2; ccp_chan_send(q->ranges, &first, ccp_with(q->ctx)) == CCP_OK;)
        first += RANGE;
}

int main(void)
{
    ccp_wg threads = CCP_WG_INIT;
    struct question q = { .ctx = ccp_ctx_new(NULL, ccp_within(CCP_SEC(60))),
                          .ranges = ccp_chan_new(sizeof(uint64_t), 0),
                          .found = ccp_chan_new(sizeof(uint64_t), 0) };
    bool ok = q.ctx && q.ranges && q.found && ccp_wg_go(&threads, deal_out, &q) == CCP_OK;
    for (int i = 0; ok && i < SEARCHERS; i++)
        ok = ccp_wg_go(&threads, search, &q) == CCP_OK;
    if (!ok) {
        fputs("cancel: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }

    uint64_t n;
    ccp_status rc = ccp_chan_recv(q.found, &n, ccp_with(q.ctx)); /* CCP_TIMEOUT after 60 s */
    if (rc == CCP_OK)
        printf("%llu = %llu * %llu\n", (unsigned long long)number, (unsigned long long)n,
               (unsigned long long)(number / n));
    else
        fprintf(stderr, "cancel: nothing found: %s\n", ccp_strstatus(rc));

    ccp_ctx_cancel(q.ctx);
    ccp_wg_wait(&threads, CCP_FOREVER);
    puts("all searchers stopped");
    ccp_chan_free(q.ranges);
    ccp_chan_free(q.found);
    ccp_ctx_free(q.ctx);
    return rc == CCP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
