/* SPDX-License-Identifier: MIT
 *
 * A channel between two threads; compiles as C and as C++.
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

int main(void)
{
    ccp_wg wg = CCP_WG_INIT;
    ccp_chan *ch = ccp_chan_new(sizeof(int), 8);
    if (!ch || ccp_wg_go(&wg, count_to_100, ch) != CCP_OK)
        return 1;
    int v, sum = 0;
    CCP_CHAN_FOR(&v, ch, ccp_within(CCP_SEC(30)))
        sum += v;
    printf("sum %d\n", sum);
    if (ccp_wg_wait(&wg, CCP_FOREVER) != CCP_OK || ccp_chan_free(ch) != CCP_OK)
        return 1;
    return 0;
}
