/* SPDX-License-Identifier: MIT
 *
 * The channel of the scenarios with descriptors: what was accepted, received and dropped of it is
 * counted.  One program includes this.
 */
#ifndef FD_CHAN_H
#define FD_CHAN_H

#include "scene.h"

#include <stdatomic.h>

static ccp_chan *chan;
static uint64_t received_as = 7; /* what is sent is 7; without elements nothing comes */
static atomic_int accepted, received, dropped;
static int waits_to_send[SIM_THREADS], waits_to_recv[SIM_THREADS];

static void drop(void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    atomic_fetch_add(&dropped, 1);
}

static ccp_status send_one(ccp_wait w)
{
    uint64_t e = 7;
    ccp_status st = ccp_chan_send(chan, &e, w);
    atomic_fetch_add(&accepted, st == CCP_OK);
    return st;
}

static ccp_status recv_one(ccp_wait w)
{
    uint64_t e = 0;
    ccp_status st = ccp_chan_recv(chan, &e, w);
    sim_assert(st != CCP_OK || e == received_as);
    atomic_fetch_add(&received, st == CCP_OK);
    return st;
}

#endif
