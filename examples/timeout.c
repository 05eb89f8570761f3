/* SPDX-License-Identifier: MIT-0
 *
 * timeout.c - calls that may take long, and nobody who waits longer than he wants to.
 *
 * Problem: pages are wanted from several servers.  Each may take 500 ms, all together 60 seconds.
 * A server that does not answer must cost neither the caller's time nor, for long, a worker.
 *
 *   main --ccp_pool_run(fetch, 500 ms)--> worker: fetch(ctx) --> page, or too late
 *
 * When the time is up the call returns CCP_TIMEOUT, and fetch() sees its context end.  What it
 * makes after that goes to drop(), which frees it: a late page is neither delivered nor leaked.
 *
 * To adapt: replace fetch(); what it calls must end when its context does (wait under ctx, or look
 * at ccp_ctx_status() now and then).
 * Compile:  cc timeout.c -o timeout $(pkg-config --cflags --libs ccp)
 * Output:   north: the page of north
 *           south: no answer in time
 *           south: the page of south came too late and was dropped
 *           west: no such server
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
    char text[32];
};

/* In a worker.  "south" does not answer; "west" does not exist. */
static ccp_status fetch(ccp_ctx *ctx, void *server, void *result)
{
    struct page *p;
    if (strcmp(server, "west") == 0)
        return CCP_FAILED;
    if (strcmp(server, "south") == 0)
        ccp_sleep(ccp_with(ctx)); /* ends when the caller's time does */
    if (!(p = malloc(sizeof *p)))
        return CCP_NOMEM;
    snprintf(p->text, sizeof p->text, "the page of %s", (const char *)server);
    *(struct page **)result = p;
    return CCP_OK;
}

/* A page that nobody waits for any more: in the worker, or wherever it was found out. */
static void drop(void *result, void *dropped)
{
    struct page *p = *(struct page **)result;
    if (ccp_chan_send(dropped, p, CCP_NOWAIT) != CCP_OK)
        fprintf(stderr, "more was dropped than expected\n");
    free(p);
}

static void show(ccp_pool *pool, const char *server, ccp_chan *dropped, ccp_ctx *all)
{
    ccp_promise_opts o = { .size = sizeof(struct page *), .drop = drop, .drop_arg = dropped };
    ccp_wait patience = ccp_under(all, ccp_within(CCP_MS(500)));
    struct page late, *p;
    ccp_status st = ccp_pool_run(pool, &o, fetch, (void *)(uintptr_t)server, &p, patience);
    if (st == CCP_OK) {
        printf("%s: %s\n", server, p->text);
        free(p);
    } else if (st != CCP_TIMEOUT) {
        printf("%s: no such server\n", server);
    } else {
        printf("%s: no answer in time\n", server);
        if (ccp_chan_recv(dropped, &late, CCP_FOREVER) == CCP_OK) /* only to show that it is */
            printf("%s: %s came too late and was dropped\n", server, late.text);
    }
}

int main(void)
{
    ccp_ctx *all = ccp_ctx_new(NULL, ccp_within(CCP_SEC(60)));
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2 });
    ccp_chan *dropped = ccp_chan_new(sizeof(struct page), 1);
    int rc = all && pool && dropped ? EXIT_SUCCESS : EXIT_FAILURE;
    if (rc == EXIT_SUCCESS) {
        show(pool, "north", dropped, all);
        show(pool, "south", dropped, all);
        show(pool, "west", dropped, all);
    }
    ccp_pool_free(pool);
    ccp_chan_free(dropped);
    ccp_ctx_free(all);
    return rc;
}
