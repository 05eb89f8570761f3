/* SPDX-License-Identifier: MIT-0
 *
 * select.c - one thread serves several channels, whichever is ready first.
 *
 * Problem: orders and returns come from different threads at their own pace; one thread keeps the
 * stock, so that it needs no lock.  It should notice when nothing has come for a long time, and
 * end when both channels are closed.
 *
 *   customers --> orders  --\
 *                            select --> stock
 *   customers --> returns --/
 *
 * A channel that is closed would always be ready: its variable is set to NULL, which switches its
 * case off.
 *
 * To adapt: change the elements and what the cases do; add CCP_CASE_SEND or CCP_CASE_DONE(ctx).
 * Compile:  cc select.c -o select $(pkg-config --cflags --libs ccp)
 * Output:   100 orders, 40 returns, 2 closed, stock 940
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

struct customer {
    ccp_chan *to;
    int times;
};

static void customer(void *arg)
{
    const struct customer *c = arg;
    int pieces = 1;
    for (int i = 0; i < c->times; i++)
        if (ccp_chan_send(c->to, &pieces, CCP_FOREVER) != CCP_OK)
            break; /* the shop is closed */
    ccp_chan_close(c->to);
}

int main(void)
{
    ccp_wg threads = CCP_WG_INIT;
    ccp_chan *orders = ccp_chan_new(sizeof(int), 4);
    ccp_chan *returns = ccp_chan_new(sizeof(int), 0);
    struct customer buys = { orders, 100 }, brings = { returns, 40 };
    if (!orders || !returns || ccp_wg_go(&threads, customer, &buys) != CCP_OK ||
        ccp_wg_go(&threads, customer, &brings) != CCP_OK) {
        fputs("select: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }

    ccp_chan *open[] = { orders, returns };
    int pieces[2], count[2] = { 0, 0 }, closed = 0, stock = 1000;
    while (closed < 2) {
        const ccp_case cases[] = { CCP_CASE_RECV(open[0], &pieces[0]),
                                   CCP_CASE_RECV(open[1], &pieces[1]) };
        size_t i;
        ccp_status rc = ccp_select(cases, 2, &i, ccp_within(CCP_SEC(30)));
        if (rc == CCP_OK) {
            stock += i == 0 ? -pieces[0] : pieces[1];
            count[i]++;
        } else if (rc == CCP_CLOSED) {
            open[i] = NULL;
            closed++;
        } else {
            fprintf(stderr, "select: %s\n", ccp_strstatus(rc)); /* nobody came for 30 s */
            return EXIT_FAILURE;
        }
    }
    printf("%d orders, %d returns, %d closed, stock %d\n", count[0], count[1], closed, stock);

    ccp_wg_wait(&threads, CCP_FOREVER);
    ccp_chan_free(orders);
    ccp_chan_free(returns);
    return EXIT_SUCCESS;
}
