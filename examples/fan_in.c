/* SPDX-License-Identifier: MIT-0
 *
 * fan_in.c - many producers, one consumer, closed exactly once.
 *
 * Problem: several threads report to one; it must see every report, and an end when the last
 * producer is done, whichever that is.
 *
 *   producer --\
 *   producer ---> reports --> main            the last producer that is done closes the channel
 *   producer --/
 *
 * Each producer is counted before it starts, and says when it is done.  Nobody needs to know who
 * is the last, nobody closes twice, and no report is lost.
 *
 * To adapt: change `struct report` and produce().
 * Compile:  cc fan_in.c -o fan_in $(pkg-config --cflags --libs ccp)
 * Output:   producer 0 sent 100 reports, sum 4950
 *           producer 1 sent 100 reports, sum 14950
 *           producer 2 sent 100 reports, sum 24950
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCERS = 3, REPORTS = 100 };

struct report {
    int from, value;
};

struct producer {
    int id;
    ccp_chan *out;
};

static void produce(void *arg)
{
    const struct producer *p = arg;
    for (int i = 0; i < REPORTS; i++) {
        struct report r = { .from = p->id, .value = p->id * REPORTS + i };
        if (ccp_chan_send(p->out, &r, CCP_FOREVER) != CCP_OK)
            break; /* main has canceled the channel */
    }
    ccp_chan_sender_done(p->out);
}

int main(void)
{
    ccp_wg threads = CCP_WG_INIT;
    ccp_chan *reports = ccp_chan_new(sizeof(struct report), 16);
    struct producer producers[PRODUCERS];
    bool ok = ccp_chan_add_senders(reports, PRODUCERS) == CCP_OK;
    for (int i = 0; ok && i < PRODUCERS; i++) {
        producers[i] = (struct producer){ .id = i, .out = reports };
        ok = ccp_wg_go(&threads, produce, &producers[i]) == CCP_OK;
    }
    if (!ok) {
        fputs("fan_in: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }

    struct report r;
    int count[PRODUCERS] = { 0 }, sum[PRODUCERS] = { 0 };
    CCP_CHAN_FOR(&r, reports, CCP_FOREVER) {
        count[r.from]++;
        sum[r.from] += r.value;
    }
    for (int i = 0; i < PRODUCERS; i++)
        printf("producer %d sent %d reports, sum %d\n", i, count[i], sum[i]);

    ccp_wg_wait(&threads, CCP_FOREVER);
    ccp_chan_free(reports);
    return EXIT_SUCCESS;
}
