/* SPDX-License-Identifier: MIT
 *
 * A channel between two threads, and the tasks of a pool; compiles as C and as C++.
 */
#include <ccp.h>
#include <stdio.h>

static void count_to_100(void *ch)
{
    for (int i = 1; i <= 100; i++)
        if (ccp_chan_send((ccp_chan *)ch, &i, CCP_FOREVER) != CCP_OK)
            break;
    ccp_chan_close((ccp_chan *)ch);
}

static ccp_status send_one(ccp_ctx *ctx, void *ch)
{
    int one = 1;
    return ccp_chan_send((ccp_chan *)ch, &one, ccp_with(ctx));
}

/* Adds what comes until the channel is closed, and frees it. */
static int sum_of(ccp_chan *ch)
{
    int v, sum = 0;
    CCP_CHAN_FOR(&v, ch, ccp_within(CCP_SEC(30)))
        sum += v;
    return ccp_chan_free(ch) == CCP_OK ? sum : -1;
}

static int by_thread(void)
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(sizeof(int), 8);
    if (!ch || ccp_wg_go(&wg, count_to_100, ch) != CCP_OK)
        return -1;
    int sum = sum_of(ch);
    return ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK ? sum : -1;
}

static int by_pool(void)
{
    ccp_pool *p = ccp_pool_new(NULL);
    ccp_chan *ch = ccp_chan_new(sizeof(int), 100);
    if (!p || !ch)
        return -1;
    for (int i = 0; i < 100; i++)
        if (ccp_pool_submit(p, send_one, ch, CCP_FOREVER) != CCP_OK)
            return -1;
    if (ccp_pool_drain(p, CCP_FOREVER) != CCP_OK || ccp_pool_free(p) != CCP_OK ||
        ccp_chan_close(ch) != CCP_OK)
        return -1;
    return sum_of(ch);
}

int main(void)
{
    int sum = by_thread();
    printf("sum %d tasks %d\n", sum, by_pool());
    return 0;
}
