/* SPDX-License-Identifier: MIT-0
 *
 * retry.c - try again, but not for ever, not at once, and not what is hopeless.
 *
 * Problem: files are sent to a server that is sometimes busy, sometimes says when to come back, and
 * refuses some for good.  Each gets five attempts, with waits that grow and differ at random, so
 * that many clients do not come back at the same moment; all of them together two seconds.
 *
 *   ccp_retry -> send_file -> busy?   wait a little, longer each time
 *                             later?   wait as long as the server says
 *                             refused? give up
 *
 * A budget that all share keeps retries to a tenth of what is sent, and twenty: if everything
 * fails, that is no time to send everything five times.
 *
 * To adapt: change send_file() and judge().
 * Compile:  cc retry.c -o retry $(pkg-config --cflags --libs ccp)
 * Output:   a.txt: sent, 1 attempt
 *           b.txt: sent, 3 attempts
 *           c.txt: sent, 2 attempts
 *           d.txt: an argument that can never be right, 1 attempt
 *           e.txt: the object is in use in a way that excludes this call, 5 attempts
 */
#include <ccp.h>
#include <stdio.h>

struct file {
    const char *name;
    ccp_status trouble;   /* what the server says */
    unsigned times;       /* before it takes the file */
    int64_t come_back_in; /* what it says, too; 0: nothing */
};

static ccp_status send_file(ccp_ctx *ctx, void *arg)
{
    const struct file *f = arg;
    /* Whatever waits here for the server waits with ccp_with(ctx): at most 200 ms. */
    return ccp_retry_attempt(ctx) <= f->times ? f->trouble : CCP_OK;
}

static ccp_retry_verdict judge(ccp_status outcome, unsigned attempt, int64_t *after, void *arg)
{
    const struct file *f = arg;
    (void)attempt;
    *after = f->come_back_in;
    switch (outcome) {
    case CCP_OK:
        return CCP_RETRY_DONE;
    case CCP_BUSY:
        return *after ? CCP_RETRY_AFTER : CCP_RETRY_AGAIN;
    default:
        return CCP_RETRY_STOP;
    }
}

int main(void)
{
    struct file files[] = {
        { .name = "a.txt" },
        { .name = "b.txt", .trouble = CCP_BUSY, .times = 2 },
        { .name = "c.txt", .trouble = CCP_BUSY, .times = 1, .come_back_in = CCP_MS(20) },
        { .name = "d.txt", .trouble = CCP_INVAL, .times = 1 },
        { .name = "e.txt", .trouble = CCP_BUSY, .times = 100 },
    };
    ccp_retry_budget budget = CCP_RETRY_BUDGET_INIT(10, 20);
    ccp_retry_opts o = { .attempts = 5,
                         .attempt_ns = CCP_MS(200),
                         .backoff = ccp_backoff_full_jitter(CCP_MS(2), CCP_MS(50)),
                         .classify = judge,
                         .budget = &budget };
    ccp_wait all = ccp_start(ccp_within(CCP_SEC(2)));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ccp_retry_report r;
        o.classify_arg = &files[i];
        ccp_status rc = ccp_retry(&o, send_file, &files[i], &r, all);
        if (rc != CCP_OK && rc != CCP_FAILED)
            return 1; /* out of time: r says how far it got */
        printf("%s: %s, %u attempt%s\n", files[i].name,
               rc == CCP_OK ? "sent" : ccp_strstatus(r.last), r.attempts,
               r.attempts == 1 ? "" : "s");
    }
    return 0;
}
