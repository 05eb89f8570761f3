/* SPDX-License-Identifier: MIT
 *
 * What tests of file descriptors share.
 */
#ifndef CCP_TESTS_FDS_H
#define CCP_TESTS_FDS_H

#include "support.h"

#include <poll.h>

/* Can it be read now? */
static inline bool is_up(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n = poll(&p, 1, 0);
    MUST(n == 0 || (n == 1 && p.revents == POLLIN));
    return n == 1;
}

/* Waits until it can be read; when it is not within a generous limit, the program stops. */
static inline void wait_up(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    MUST(poll(&p, 1, 100 * 1000) == 1);
}

static inline int recv_fd(ccp_chan *ch)
{
    int fd = -1;
    MUST(ccp_chan_fd(ch, CCP_POLL_RECV, &fd) == CCP_OK && fd >= 0);
    return fd;
}

static inline int send_fd(ccp_chan *ch)
{
    int fd = -1;
    MUST(ccp_chan_fd(ch, CCP_POLL_SEND, &fd) == CCP_OK && fd >= 0);
    return fd;
}

static inline ccp_status try_recv(ccp_chan *ch)
{
    unsigned char elem[64];
    return ccp_chan_recv(ch, elem, CCP_NOWAIT);
}

static inline ccp_status try_send(ccp_chan *ch)
{
    static const unsigned char elem[64];
    return ccp_chan_send(ch, elem, CCP_NOWAIT);
}

#endif
