/* SPDX-License-Identifier: MIT-0
 *
 * ticker.c - work as it comes, a status line now and then, and an end when nothing comes any more.
 *
 * Problem: readings arrive at any time.  Each is to be counted at once; every 20 ms the sum so far
 * is to be written down; and when no reading has come for 500 ms, that is the end.
 *
 *   sensor --> readings \
 *              ticker   --> select: count | write down | stop
 *              quiet    /
 *
 * No thread runs for the two timers: their elements are computed when somebody receives.  A tick
 * that nobody took in time is dropped, so a slow loop does not run after its ticks; and after
 * ccp_chan_reset() an old "quiet" is never seen.
 *
 * To adapt: replace sense() and what the cases do.
 * Compile:  cc ticker.c -o ticker $(pkg-config --cflags --libs ccp)
 * Output:   10 readings, the sum is 55
 *           written down several times
 *           nothing has come for a while
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { READINGS = 10 };

static void sense(void *readings)
{
    for (int v = 1; v <= READINGS; v++) {
        ccp_sleep(ccp_within(CCP_MS(10)));
        if (ccp_chan_send(readings, &v, CCP_FOREVER) != CCP_OK)
            return;
    }
}

static int watch(ccp_chan *readings, ccp_chan *ticker, ccp_chan *quiet)
{
    int v, count = 0, sum = 0, written = 0;
    size_t i;
    ccp_case cases[] = { CCP_CASE_RECV(readings, &v), CCP_CASE_RECV(ticker, NULL),
                         CCP_CASE_RECV(quiet, NULL) };
    while (ccp_select(cases, 3, &i, CCP_FOREVER) == CCP_OK && i != 2) {
        if (i == 1) {
            written++; /* a program would write the sum to a file */
            continue;
        }
        count++;
        sum += v;
        ccp_chan_reset(quiet, CCP_MS(500));
    }
    printf("%d readings, the sum is %d\n", count, sum);
    printf("written down %s\n", written > 1 ? "several times" : "hardly ever");
    printf("nothing has come for a while\n");
    return EXIT_SUCCESS;
}

int main(void)
{
    ccp_wg sensor = CCP_WG_INIT;
    ccp_chan *readings = ccp_chan_new(sizeof(int), 4);
    ccp_chan *ticker = ccp_chan_tick(CCP_MS(20)), *quiet = ccp_chan_after(CCP_MS(500));
    int rc = EXIT_FAILURE;
    if (readings && ticker && quiet && ccp_wg_go(&sensor, sense, readings) == CCP_OK)
        rc = watch(readings, ticker, quiet);
    ccp_chan_close(readings);
    ccp_wg_wait(&sensor, CCP_FOREVER);
    ccp_chan_free(quiet);
    ccp_chan_free(ticker);
    ccp_chan_free(readings);
    return rc;
}
