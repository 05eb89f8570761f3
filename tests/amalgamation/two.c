/* SPDX-License-Identifier: MIT
 *
 * Two copies of libccp in one program, by the prefixes one and other_ccp: in each, tasks of a pool
 * send to a channel, and what is made of one is unknown to the other.  Compiles as C and as C++17.
 */
#include "one.h"
#include "other_ccp.h"

#include <stdio.h>

enum { TASKS = 100 };

static one_chan *ones;
static other_ccp_chan *others;
static int numbers[TASKS];

static one_status send_one(one_ctx *ctx, void *n)
{
    (void)ctx;
    return one_chan_send(ones, n, ONE_FOREVER);
}

static other_ccp_status send_other(other_ccp_ctx *ctx, void *n)
{
    (void)ctx;
    return other_ccp_chan_send(others, n, OTHER_CCP_FOREVER);
}

static int sum_by_one(void)
{
    one_pool *p = one_pool_new(NULL);
    int sum = 0, n;
    ones = one_chan_new(sizeof n, TASKS);
    if (!p || !ones || one_live_blocks() == 0 || other_ccp_live_blocks() != 0)
        return -1;
    for (int i = 0; i < TASKS; i++)
        if (one_pool_submit(p, send_one, &numbers[i], ONE_FOREVER) != ONE_OK)
            return -1;
    if (one_pool_drain(p, ONE_FOREVER) != ONE_OK || one_chan_close(ones) != ONE_OK)
        return -1;
    ONE_CHAN_FOR(&n, ones, ONE_FOREVER)
        sum += n;
    return one_pool_free(p) == ONE_OK && one_chan_free(ones) == ONE_OK ? sum : -1;
}

static int sum_by_other(void)
{
    other_ccp_pool *p = other_ccp_pool_new(NULL);
    int sum = 0, n;
    others = other_ccp_chan_new(sizeof n, TASKS);
    if (!p || !others || one_live_blocks() != 0 || other_ccp_live_blocks() == 0)
        return -1;
    for (int i = 0; i < TASKS; i++)
        if (other_ccp_pool_submit(p, send_other, &numbers[i], OTHER_CCP_FOREVER) != OTHER_CCP_OK)
            return -1;
    if (other_ccp_pool_drain(p, OTHER_CCP_FOREVER) != OTHER_CCP_OK ||
        other_ccp_chan_close(others) != OTHER_CCP_OK)
        return -1;
    OTHER_CCP_CHAN_FOR(&n, others, OTHER_CCP_FOREVER)
        sum += n;
    if (other_ccp_pool_free(p) != OTHER_CCP_OK || other_ccp_chan_free(others) != OTHER_CCP_OK)
        return -1;
    return sum;
}

int main(void)
{
    for (int i = 0; i < TASKS; i++)
        numbers[i] = i + 1;
    int one = sum_by_one();
    printf("one %d other %d\n", one, sum_by_other());
    return 0;
}
