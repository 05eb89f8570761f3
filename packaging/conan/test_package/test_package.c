/* SPDX-License-Identifier: MIT
 *
 * The tasks of a pool send to a channel.
 */
#include <ccp.h>
#include <stdio.h>

static ccp_status send_one(ccp_ctx *ctx, void *ch)
{
    return ccp_chan_send((ccp_chan *)ch, &(int){ 1 }, ccp_with(ctx));
}

int main(void)
{
    ccp_pool *p = ccp_pool_new(NULL);
    ccp_chan *ch = ccp_chan_new(sizeof(int), 10);
    int one, sum = 0;
    if (!p || !ch)
        return 1;
    for (int i = 0; i < 10; i++)
        if (ccp_pool_submit(p, send_one, ch, CCP_FOREVER) != CCP_OK)
            return 1;
    if (ccp_pool_drain(p, CCP_FOREVER) != CCP_OK || ccp_pool_free(p) != CCP_OK ||
        ccp_chan_close(ch) != CCP_OK)
        return 1;
    CCP_CHAN_FOR(&one, ch, CCP_NOWAIT)
        sum += one;
    printf("libccp %s: %d tasks\n", ccp_version(), sum);
    return ccp_chan_free(ch) == CCP_OK && sum == 10 ? 0 : 1;
}
