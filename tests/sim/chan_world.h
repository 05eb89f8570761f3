/* SPDX-License-Identifier: MIT
 *
 * A small world around channels, for generated scenarios: operations by number, each recorded, and
 * the check of the outcome that fits every scenario:
 *
 *   - once no thread can go on, each that still waits has a reason to;
 *   - closing then releases them all;
 *   - the history of each channel is linearizable, with all that was left in it received at the
 *     end: so each accepted element was received or dropped exactly once, and in order (in the weak
 *     model only the former: there the times of different threads say nothing);
 *   - the channels are quiescent when they are freed, and nothing leaks.
 */
#ifndef CHAN_WORLD_H
#define CHAN_WORLD_H

#include "ccp.h"
#include "lin.h"
#include "sim.h"

typedef enum operation {
    SEND,
    SEND_NOWAIT,
    SEND_TIMED,
    SEND_CTX,
    SEND_N,
    RECV,
    RECV_NOWAIT,
    RECV_TIMED,
    RECV_CTX,
    RECV_N,
    SELECT_RECV,   /* receive from either channel */
    SELECT_SEND,   /* send to either */
    SELECT_MIXED,  /* send to the second or receive from the first */
    SELECT_SELF,   /* send to or receive from the first */
    SELECT_NOWAIT, /* the same, without waiting */
    SELECT_TIMED,  /* as SELECT_RECV, with a limit */
    SELECT_CTX,    /* receive from the first, or the end of the context */
    CLOSE,
    CANCEL,
    CTX_CANCEL,
    LEN,
    IS_CLOSED,
    SENDER_DONE,   /* one sender was counted in */
    OPERATIONS
} operation;

typedef enum fill {
    EMPTY,
    PART,        /* capacity 2: one element */
    FULL,
    CLOSED,      /* and empty */
    CLOSED_FULL, /* and full */
    PARKED_RECV, /* a receiver waits */
    PARKED_SEND, /* a sender waits */
    FILLS
} fill;

typedef struct world {
    uint32_t capacity;
    size_t elem_size; /* 8 or 0 */
    fill fill;
    bool wrap;        /* positions of the rings are about to overflow */
    bool spin;        /* waits spin a little before they sleep */
    bool loose;       /* beginnings and ends of operations are no steps: DPOR has less to order */
} world;

extern const char *const operation_names[OPERATIONS];
extern const char *const fill_names[FILLS];

/* Can the channel be in this state at all? */
bool world_is_possible(const world *w);

/* Builds the channels, in the state that w says. */
void world_begin(const world *w);

/* Does one operation, recorded. */
void world_do(operation op);

/* Starts a thread that does operations one after the other. */
void world_spawn(const operation *ops, int n);

/* Waits for the threads, and checks. */
void world_end(void);

#endif
