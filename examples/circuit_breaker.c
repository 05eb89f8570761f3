/* SPDX-License-Identifier: MIT-0
 *
 * circuit_breaker.c - do not ask who cannot answer.
 *
 * Problem: a page shows a price, for which another server is asked.  When that is out of order each
 * question takes long and fails, and makes its trouble worse.  After three failures in a row it is
 * left alone for a while and the last known price is shown; then one question finds out whether it
 * is back.
 *
 *   show_price --ask?--> breaker --yes--> server
 *        <---- last known price ---no
 *
 * To adapt: change ask_server().  Let the functions that ask the same server share its breaker.
 * Compile:  cc circuit_breaker.c -o circuit_breaker $(pkg-config --cflags --libs ccp)
 * Output:   see expected/circuit_breaker.txt
 */
#include <ccp.h>
#include <stdio.h>

static int questions;  /* that the server got */
static int last_known; /* price */

/* The server: out of order when it gets its third to sixth question. */
static ccp_status ask_server(ccp_ctx *ctx, void *arg)
{
    int n = ++questions;
    (void)ctx; /* who waits for an answer waits with ccp_with(ctx) */
    if (n >= 3 && n <= 6)
        return CCP_TIMEOUT;
    *(int *)arg = 100 + n;
    return CCP_OK;
}

static void show_price(ccp_breaker *b)
{
    int price;
    switch (ccp_breaker_run(b, ask_server, &price, NULL, ccp_within(CCP_SEC(1)))) {
    case CCP_OK:
        last_known = price;
        printf("price %d\n", price);
        break;
    case CCP_OPEN:
        printf("price %d, as far as is known; nobody was asked\n", last_known);
        break;
    default:
        printf("price %d, as far as is known; no answer\n", last_known);
        break;
    }
}

static void report(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    (void)arg;
    printf("  %s: %s -> %s\n", name, ccp_breaker_state_name(from), ccp_breaker_state_name(to));
}

/* Lets the time pass for which it stays open. */
static void wait_until_half_open(ccp_breaker *b)
{
    ccp_breaker_info info;
    if (ccp_breaker_get_info(b, &info) == CCP_OK)
        (void)ccp_sleep(ccp_until(info.until));
}

int main(void)
{
    ccp_breaker *b = ccp_breaker_new(&(ccp_breaker_opts){
        .failures = 3, .open_ns = CCP_MS(300), .on_change = report, .name = "price server" });
    if (!b)
        return 1;
    for (int i = 0; i < 7; i++)
        show_price(b);
    wait_until_half_open(b);
    show_price(b); /* still out of order: another 300 ms */
    show_price(b);
    wait_until_half_open(b);
    for (int i = 0; i < 2; i++)
        show_price(b);
    printf("the server got %d questions\n", questions);
    return ccp_breaker_free(b) != CCP_OK;
}
