/* SPDX-License-Identifier: MIT
 *
 * Futures, seen from inside; the public side is in ccp.h.
 */
#ifndef CCPI_COORD_FUTURE_H
#define CCPI_COORD_FUTURE_H

#include "base/list.h"
#include "ccp.h"

/* Something to do when a future is settled.  Its owner keeps both until the function has been
 * called, or ccpi_future_unlisten() has given true. */
typedef struct ccpi_listener {
    ccpi_link link;                      /* under the future's lock */
    void (*fn)(struct ccpi_listener *l); /* const after init; called under no lock */
    bool listed;                         /* under the future's lock */
} ccpi_listener;

/* Who is to make a future out of others, and may be told that nobody wants it any more.  It begins
 * what will be freed with it, and is the owner of the promise. */
typedef struct ccpi_maker {
    /* Under the lock of the future: takes its listeners back; gives how many were. */
    uint32_t (*take_back)(struct ccpi_maker *m);
    /* Under no lock, after so many were taken back, if there was one. */
    void (*release)(struct ccpi_maker *m, uint32_t taken_back);
} ccpi_maker;

/* As ccp_promise_new(), with m to be told.  Before m goes, ccpi_promise_made(). */
ccp_promise *ccpi_promise_of(const ccp_promise_opts *o, ccpi_maker *m, ccp_future **future);

/* The maker is not told any more, and not being told. */
void ccpi_promise_made(ccp_promise *p);

/* False if the future is settled: then the caller does what there is to do. */
bool ccpi_future_listen(ccp_future *f, ccpi_listener *l);

/* True if l was taken back; false if it has been called or will be, or was not listed. */
bool ccpi_future_unlisten(ccp_future *f, ccpi_listener *l);

/* A future whose function is called by whoever first waits for it; or, with a home, once by
 * ccpi_future_run(), unless a worker of that pool waits for it before.  One handle, and with a home
 * the promise too. */
ccp_future *ccpi_future_call(const ccp_promise_opts *o, ccp_call fn, void *arg, const void *home);

/* Calls the function of one with a home, unless that was done or nobody wants the value any more,
 * and gives up the promise.  The function gets ctx, if the future has no context of its own.  Gives
 * what it returned, CCP_CANCELED, or CCP_OK if it is being called elsewhere. */
ccp_status ccpi_future_run(ccp_future *f, ccp_ctx *ctx);

/* It will not be run: fails it, unless somebody has begun to, and gives up the promise. */
void ccpi_future_undo(ccp_future *f);

/* The value of a settled future, in place; NULL if it has failed. */
const void *ccpi_future_value(ccp_future *f);

/* Where the value of a promise that is not settled goes. */
void *ccpi_promise_room(ccp_promise *p);

/* As ccp_promise_set() of what stands in that room. */
ccp_status ccpi_promise_ready(ccp_promise *p);

/* Settles as a function that wrote to that room, and returned st, would have it; drops the value,
 * if the future was canceled. */
void ccpi_promise_end(ccp_promise *p, ccp_status st);

#endif
