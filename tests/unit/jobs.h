/* SPDX-License-Identifier: MIT
 *
 * For the tests of tasks with options: a pool of one worker that is kept busy, and tasks that note
 * in which order they come to what.
 */
#ifndef CCP_TESTS_JOBS_H
#define CCP_TESTS_JOBS_H

#include "pools.h"

enum { MOST = 64 };

typedef struct job {
    struct yard *y;
    long number;
    atomic_int ends; /* how often it has run or was handed back */
} job;

typedef struct yard {
    ccp_pool *p;
    atomic_long ran, dropped;
    long order[MOST], gone[MOST]; /* numbers of those that ran, and of those handed back */
    job jobs[MOST];
    long n; /* accepted */
} yard;

ccp_status run_job(ccp_ctx *ctx, void *job);
void take_back(ccp_task fn, void *job, void *yard);

/* Options that are not given here are o's. */
void set_yard(yard *y, ccp_pool_opts o);
ccp_status submit(yard *y, const ccp_task_opts *o);
void submit_at(yard *y, int priority);
void submit_plain(yard *y);

/* Lets the worker go on, and waits until nothing is left. */
void finish(yard *y);
void free_yard(yard *y);
void assert_order(const yard *y, const long *expected, long n);

extern gate second_gate;
ccp_status pass_second_gate(ccp_ctx *ctx, void *job); /* and runs it */

/* Drains the pool; then a->value says whether the first job has come to its end. */
void drain_there(actor *a);

#endif
