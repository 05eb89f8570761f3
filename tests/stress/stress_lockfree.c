/* SPDX-License-Identifier: MIT
 *
 * Lock-free containers under stress.
 *
 *   spsc     a producer and a consumer that do all they can, until the ring is closed
 */
#include "stress.h"

#include <sched.h>

/* --- spsc --- */

enum { PASSED = 200000, BATCH = 32 };

static size_t put_some(worker *w, ccp_spsc *q, uint64_t next)
{
    uint64_t batch[BATCH];
    void *room = batch;
    size_t n = 1 + roll(&w->dice, BATCH), done = 0;
    uint32_t how = roll(&w->dice, 3);
    if (how == 2 && ccp_spsc_reserve(q, n, &room, &n) != CCP_OK)
        return 0;
    for (size_t i = 0; i < n; i++)
        ((uint64_t *)room)[i] = next + i;
    switch (how) {
    case 0: return ccp_spsc_push(q, batch) == CCP_OK;
    case 1: return ccp_spsc_push_n(q, batch, n, &done) == CCP_OK ? done : 0;
    default: MUST(ccp_spsc_commit(q, n) == CCP_OK); return n;
    }
}

static void run_producer(worker *w)
{
    for (uint64_t next = 0; next < PASSED;) {
        size_t n = put_some(w, w->round, next);
        next += n;
        if (n == 0)
            (void)sched_yield();
        else if (next / 4096 != (next - n) / 4096)
            worker_does(w, "puts in");
    }
    MUST(ccp_spsc_close(w->round) == CCP_OK);
}

static ccp_status take_some(worker *w, ccp_spsc *q, uint64_t *next)
{
    uint64_t batch[BATCH];
    const void *at = batch;
    size_t n = 1 + roll(&w->dice, BATCH), done = 1;
    ccp_status rc;
    uint32_t how = roll(&w->dice, 3);
    switch (how) {
    case 0: rc = ccp_spsc_pop(q, batch); break;
    case 1: rc = ccp_spsc_pop_n(q, batch, n, &done); break;
    default: rc = ccp_spsc_peek(q, n, &at, &done); break;
    }
    for (size_t i = 0; rc == CCP_OK && i < done; i++)
        MUST(((const uint64_t *)at)[i] == (*next)++); /* LQ1 */
    if (rc == CCP_OK && how == 2)
        MUST(ccp_spsc_release(q, done) == CCP_OK);
    return rc;
}

static void run_consumer(worker *w)
{
    uint64_t next = 0;
    for (ccp_status rc = CCP_OK; rc != CCP_CLOSED;) {
        rc = take_some(w, w->round, &next);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_CLOSED);
        worker_does(w, "takes out");
        if (rc == CCP_AGAIN)
            (void)sched_yield();
    }
    MUST(next >= PASSED);
}

static void spsc(uint64_t seed)
{
    static worker w[2];
    ccp_spsc *q = ccp_spsc_new(sizeof(uint64_t), 1 + seed % 100);
    MUST(q);
    worker_start(&w[0], run_producer, q, 0, seed);
    worker_start(&w[1], run_consumer, q, 1, seed);
    worker_join(&w[0]);
    worker_join(&w[1]);
    MUST(ccp_spsc_free(q) == CCP_OK);
}

int main(int argc, char **argv)
{
    const mode modes[] = { { "spsc", spsc } };
    return stress_main(argc, argv, modes, LENGTH(modes));
}
