/* SPDX-License-Identifier: MIT-0
 *
 * producer_consumer.c - a bounded buffer between threads that make and threads that use.
 *
 * Problem: producers and consumers work at different speeds; neither may run far ahead, nothing may
 * be lost, and the consumers must learn when the last producer is done.
 *
 *   producer --\                    /--> consumer
 *   producer ---> orders (16 max) ----> consumer
 *   producer --/                    \--> consumer
 *
 * The channel is typed: sending anything but a struct order, or receiving through the sender's
 * view, does not compile.  The producers are counted: the last one that is done closes the channel.
 *
 * To adapt: change `struct order`, produce() and consume().
 * Compile:  cc producer_consumer.c -o producer_consumer $(pkg-config --cflags --libs ccp)
 * Output:   3 producers made 3000 orders
 *           3 consumers filled 3000 orders, 6000 pieces
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCERS = 3, CONSUMERS = 3, ORDERS = 1000 };

struct order {
    int number, pieces;
};
CCP_CHAN_DEFINE(order_chan, struct order);

struct producer {
    order_chan_tx out;
    int made;
};

struct consumer {
    order_chan_rx in;
    int filled, pieces;
};

static void produce(void *arg)
{
    struct producer *p = arg;
    for (int i = 0; i < ORDERS; i++) {
        struct order o = { .number = i, .pieces = i % 5 };
        if (order_chan_send(p->out, &o, CCP_FOREVER) != CCP_OK)
            break; /* the consumers have closed */
        p->made++;
    }
    ccp_chan_sender_done(p->out.ch);
}

static void consume(void *arg)
{
    struct consumer *c = arg;
    struct order o;
    while (order_chan_recv(c->in, &o, CCP_FOREVER) == CCP_OK) { /* until closed and empty */
        c->filled++;
        c->pieces += o.pieces;
    }
}

int main(void)
{
    struct producer producers[PRODUCERS];
    struct consumer consumers[CONSUMERS];
    ccp_wg threads = CCP_WG_INIT;
    order_chan orders = order_chan_new(16);
    bool ok = ccp_chan_add_senders(orders.ch, PRODUCERS) == CCP_OK;
    for (int i = 0; ok && i < PRODUCERS; i++) {
        producers[i] = (struct producer){ .out = order_chan_sender(orders) };
        ok = ccp_wg_go(&threads, produce, &producers[i]) == CCP_OK;
    }
    for (int i = 0; ok && i < CONSUMERS; i++) {
        consumers[i] = (struct consumer){ .in = order_chan_receiver(orders) };
        ok = ccp_wg_go(&threads, consume, &consumers[i]) == CCP_OK;
    }
    if (!ok) {
        fputs("producer_consumer: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }
    ccp_wg_wait(&threads, CCP_FOREVER);

    int made = 0, filled = 0, pieces = 0;
    for (int i = 0; i < PRODUCERS; i++)
        made += producers[i].made;
    for (int i = 0; i < CONSUMERS; i++)
        filled += consumers[i].filled, pieces += consumers[i].pieces;
    printf("%d producers made %d orders\n", PRODUCERS, made);
    printf("%d consumers filled %d orders, %d pieces\n", CONSUMERS, filled, pieces);
    order_chan_free(orders);
    return EXIT_SUCCESS;
}
