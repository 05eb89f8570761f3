/* SPDX-License-Identifier: MIT-0
 *
 * task_options.c - tasks that matter more than others, or only for a while, or not yet.
 *
 * Problem: one worker has more to do than it can.  What is urgent should come first, what is too
 * old should not be done any more, what nobody wants any more should be withdrawn, and some things
 * are to be done later.
 *
 *   submit_with --priority, within, owner, done--> [ queue ] --> worker --> the text is printed
 *               --after--> [ waits for its time ] ----^    \--> unrun(): it will not be done
 *
 * The worker is held up at first, so that all tasks wait and the order can be seen.
 *
 * To adapt: change print(); an owner is any address, such as that of a request.
 * Compile:  cc task_options.c -o task_options $(pkg-config --cflags --libs ccp)
 * Output:   dropped: a page for a customer who has left
 *           dropped: another page for the same customer
 *           2 tasks were withdrawn
 *           done: an alarm
 *           done: first mail
 *           done: second mail
 *           dropped: a price that is out of date
 *           that was all for now
 *           done: a reminder
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

static ccp_status print(ccp_ctx *ctx, void *text)
{
    (void)ctx; /* ends with the pool, and with .limit and .ctx of the options */
    printf("done: %s\n", (const char *)text);
    return CCP_OK;
}

/* Gets what will not run: withdrawn, too late, or left over when the pool is freed. */
static void drop(ccp_task fn, void *text, void *arg)
{
    (void)fn;
    (void)arg;
    printf("dropped: %s\n", (const char *)text);
}

static ccp_status wait_at(ccp_ctx *ctx, void *gate)
{
    (void)ctx;
    return ccp_chan_recv(gate, NULL, CCP_FOREVER) == CCP_CLOSED ? CCP_OK : CCP_FAILED;
}

static bool submit(ccp_pool *pool, const char *text, ccp_task_opts o)
{
    return ccp_pool_submit_with(pool, print, (void *)(uintptr_t)text, &o, CCP_FOREVER) == CCP_OK;
}

static int work(ccp_pool *pool, ccp_chan *gate)
{
    ccp_wg done = CCP_WG_INIT, later = CCP_WG_INIT;
    int customer = 42; /* its address stands for all that is done for the customer */
    size_t withdrawn = 0;
    bool ok = ccp_pool_submit(pool, wait_at, gate, CCP_FOREVER) == CCP_OK &&
              submit(pool, "first mail", (ccp_task_opts){ .done = &done }) &&
              submit(pool, "a price that is out of date",
                     (ccp_task_opts){ .priority = -1, .within = CCP_MS(5), .done = &done }) &&
              submit(pool, "a page for a customer who has left",
                     (ccp_task_opts){ .owner = &customer, .done = &done }) &&
              submit(pool, "second mail", (ccp_task_opts){ .done = &done }) &&
              submit(pool, "an alarm", (ccp_task_opts){ .priority = 9, .done = &done }) &&
              submit(pool, "another page for the same customer",
                     (ccp_task_opts){ .owner = &customer, .after = CCP_SEC(60), .done = &done });
    if (ok && ccp_pool_cancel(pool, &customer, &withdrawn) == CCP_OK)
        printf("%zu tasks were withdrawn\n", withdrawn);
    ccp_sleep(ccp_within(CCP_MS(6))); /* the price is out of date now */
    ccp_chan_close(gate);
    ccp_wg_wait(&done, CCP_FOREVER); /* done, or dropped */
    printf("that was all for now\n");
    ok = submit(pool, "a reminder", (ccp_task_opts){ .after = CCP_MS(20), .done = &later }) && ok;
    ccp_wg_wait(&later, CCP_FOREVER);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    ccp_chan *gate = ccp_chan_new(0, 0);
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 16, .unrun = drop });
    int rc = gate && pool ? work(pool, gate) : EXIT_FAILURE;
    ccp_chan_close(gate);
    ccp_pool_free(pool);
    ccp_chan_free(gate);
    return rc;
}
