/* SPDX-License-Identifier: MIT-0
 *
 * rate_limit.c - a server that protects itself and what it calls.
 *
 * Problem: a client may send 2 requests per second, 3 of them at once.  All clients together may
 * cost 4 calls per second of a service behind, evenly spaced.
 *
 *   request --> [ bucket of the client ] --> [ calls, 250 ms apart ] --> service
 *                 too few: refused              reserved: done when.at
 *
 * The clock is an argument here, so that the output is always the same; a program calls the
 * functions without _at, or just waits: ccp_rate_take(&calls, 1, ccp_with(ctx)).
 *
 * To adapt: replace call_service(); let a pool do it, which waits with ccp_rate_take().
 * Compile:  cc rate_limit.c -o rate_limit $(pkg-config --cflags --libs ccp)
 * Output:      0 ms  anna  called at 0 ms
 *              0 ms  anna  called at 250 ms
 *              0 ms  anna  called at 500 ms
 *              0 ms  anna  refused
 *              0 ms  bert  called at 750 ms
 *            500 ms  anna  called at 1000 ms
 *            500 ms  anna  refused
 *            500 ms  bert  called at 1250 ms
 *           9000 ms  anna  called at 9000 ms
 *           of 9 requests 7 were served
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    int64_t at; /* ms */
    const char *client;
};

static const struct request requests[] = {
    { 0, "anna" },   { 0, "anna" },   { 0, "anna" },   { 0, "anna" },    { 0, "bert" },
    { 500, "anna" }, { 500, "anna" }, { 500, "bert" }, { 9000, "anna" },
};

static void call_service(const struct request *q, int64_t when)
{
    printf("%5d ms  %s  called at %d ms\n", (int)q->at, q->client, (int)(when / CCP_MS(1)));
}

/* A token of the client's bucket, and the next free moment of the service. */
static ccp_status serve(ccp_rate_map *clients, ccp_rate *calls, const struct request *q)
{
    ccp_reservation when;
    int64_t now = CCP_MS(q->at);
    ccp_status rc = ccp_rate_map_take_at(clients, q->client, strlen(q->client), 1, now);
    if (rc == CCP_OK)
        rc = ccp_rate_reserve_at(calls, 1, now, &when);
    if (rc == CCP_OK)
        call_service(q, when.at);
    else
        printf("%5d ms  %s  refused\n", (int)q->at, q->client);
    return rc;
}

int main(void)
{
    const ccp_rate_map_opts each = { .per_second = 2, .burst = 3, .keys = 1000 };
    ccp_rate_map *clients = ccp_rate_map_new(&each);
    ccp_rate calls = CCP_RATE_INIT(4, 1); /* a burst of 1: evenly spaced */
    int n = sizeof requests / sizeof *requests, served = 0;
    if (!clients)
        return EXIT_FAILURE;
    for (int i = 0; i < n; i++)
        served += serve(clients, &calls, &requests[i]) == CCP_OK;
    printf("of %d requests %d were served\n", n, served);
    ccp_rate_map_free(clients);
    return EXIT_SUCCESS;
}
