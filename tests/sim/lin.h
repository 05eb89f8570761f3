/* SPDX-License-Identifier: MIT
 *
 * lin.h - is a history of operations linearizable?
 *
 * A history is a list of operations, each with the times of its call and of its return, and what it
 * returned.  It is linearizable if the operations can be put into an order in which none comes
 * before
 * one that returned before its call, and in which a sequential object, the model, would have given
 * the same answers.
 *
 * The search is Wing and Gong's, with Lowe's memory of states seen (as in porcupine).  It works for
 * the explorer's histories and for those of real threads; times need only be comparable.  It takes
 * long if many sends overlap and much time passes until what they sent is received: so record with
 * small capacities.
 */
#ifndef LIN_H
#define LIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One operation.  The meaning of kind, status, n and value is the model's. */
typedef struct lin_op {
    uint64_t begin, end;
    uint64_t value; /* argument or result */
    uint32_t n;     /* elements, or a second argument */
    uint8_t kind, status, object, thread;
} lin_op;

/** A sequential object. */
typedef struct lin_model {
    size_t state_size; /* bytes */
    void (*init)(void *state, const void *config);
    /* Does op on the state, if it could have answered like this now; false: it could not (then the
     * state may be spoiled). */
    bool (*step)(void *state, const lin_op *op, const void *config);
    uint64_t (*hash)(const void *state, const void *config);
} lin_model;

/** Checks a history; *steps, if not NULL, is how many steps of the model were tried. */
bool lin_check(const lin_model *m, const void *config, const lin_op *ops, size_t n,
               uint64_t *steps);

/** A bounded first-in-first-out channel.  Statuses are those of ccp_status. */
enum {
    LIN_SEND,   /* value, n: consecutive values value .. value + n - 1, sent at one moment */
    LIN_RECV,   /* value, n: likewise, received */
    LIN_CLOSE,
    LIN_CANCEL, /* the close of it; what it drops is LIN_DROP within the same time */
    LIN_DROP,   /* value */
    LIN_LEN,    /* value: the length it gave */
    LIN_CLOSED, /* value: is it closed? */
    LIN_ADD,    /* n: senders counted in */
    LIN_DONE,   /* one sender counted out */
    /* Of a deque: at the end that is the owner's, and at the other one; value. */
    LIN_PUSH,
    LIN_POP,
    LIN_STEAL
};
typedef struct lin_channel {
    uint32_t capacity; /* 0: rendezvous; at most LIN_CAPACITY */
    bool counter;      /* elements carry nothing: values are not compared */
} lin_channel;
#define LIN_CAPACITY 60
extern const lin_model lin_channel_model;

/** A double-ended queue; one end alone is a stack.  At any time a push may say CCP_NOMEM, and a
 *  steal CCP_BUSY. */
typedef struct lin_deque {
    uint32_t capacity; /* at most LIN_CAPACITY */
} lin_deque;
extern const lin_model lin_deque_model;

/** A counting semaphore: LIN_ACQUIRE and LIN_RELEASE of n permits, config is the first number. */
enum { LIN_ACQUIRE, LIN_RELEASE };
extern const lin_model lin_semaphore_model;

/** Records histories in the explorer: a call begins, and ends. */
#define LIN_HISTORY 256
typedef struct lin_history {
    size_t n;
    bool loose;
    lin_op op[LIN_HISTORY];
} lin_history;
void lin_history_clear(lin_history *h, bool loose); /* loose: beginnings and ends are no steps */
int lin_begin(lin_history *h, int kind, int object, uint64_t value, uint32_t n);
void lin_end(lin_history *h, int index, int status, uint64_t value, uint32_t n);
void lin_set(lin_history *h, int index, int kind, int object); /* known only afterwards */
uint32_t lin_dropped(const lin_history *h, int index);         /* so far, by this LIN_CANCEL */
#define LIN_NOTHING 255 /* the object of an operation that was none */
void lin_drop(lin_history *h, int object, uint64_t value); /* in the middle of a LIN_CANCEL */

/** Of the operations and which came before which: two histories of the same hash are equally
 *  linearizable.  Not all return: those that have not yet have no result. */
uint64_t lin_history_hash(const lin_history *h);

/** Checks the part of a history that is about one object; prints it if it is wrong. */
bool lin_history_check(const lin_history *h, int object, const lin_model *m, const void *config);

/** Checks only that each element sent was received or dropped once, in any order.  For weak memory,
 *  where the times of different threads say nothing. */
bool lin_history_conserves(const lin_history *h, int object, bool counter);

#endif
