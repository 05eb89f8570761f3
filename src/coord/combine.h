/* SPDX-License-Identifier: MIT
 *
 * What is to be made of a future when it is settled, seen from inside.
 */
#ifndef CCPI_COORD_COMBINE_H
#define CCPI_COORD_COMBINE_H
/* uses: future */

#include "coord/future.h"

typedef struct ccpi_then {
    ccpi_maker maker; /* first */
    ccpi_listener listener;
    ccp_future *from; /* const after new: a handle */
    ccp_promise *to;  /* const after new */
    ccp_then fn;
    void *arg;
    ccp_pool *pool;   /* const after new: for hand_over */
    bool (*hand_over)(struct ccpi_then *t);
} ccpi_then;

/* As ccp_future_then(); hand_over, if it is not NULL, is asked to bring about one call of
 * ccpi_then_run() or ccpi_then_undo(), in whatever thread; false: it is to run here. */
ccp_future *ccpi_future_then(ccp_future *f, const ccp_promise_opts *o, ccp_then fn, void *arg,
                             bool (*hand_over)(ccpi_then *t), ccp_pool *pool);

void ccpi_then_run(ccpi_then *t);
void ccpi_then_undo(ccpi_then *t);

#endif
