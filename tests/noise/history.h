/* SPDX-License-Identifier: MIT
 *
 * Recording what the crew of a round calls, each worker in a log of its own, and checking it.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "harness.h"
#include "lin.h"

enum { PEOPLE = 6, MOST_OPS = 1200 };

typedef struct log {
    size_t n;
    lin_op op[MOST_OPS];
} log;

/** Around a call: `call` is its name. */
lin_op *begin_op(worker *w, log *l, int kind, uint64_t value, const char *call);
void end_op(worker *w, lin_op *op, ccp_status st);

/** Is there no room for n more?  Then the history is given up. */
bool log_is_full(const log *l, size_t n);

/** What all have logged: how many, or 0 if it was given up. */
size_t all_ops(const log *logs, unsigned people, lin_op **ops);

/** Is it linearizable? */
bool check_ops(const lin_model *m, const void *config, const lin_op *ops, size_t n);

/** Fails if it is not, with what is known. */
void must_be_linearizable(const lin_model *m, const void *config, const lin_op *ops, size_t n);

/** Until all that will come have come. */
void meet(worker *w, _Atomic unsigned *ready, unsigned all);

#endif
