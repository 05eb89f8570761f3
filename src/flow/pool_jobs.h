/* SPDX-License-Identifier: MIT
 *
 * Jobs, seen from inside; the invariants are in pool_jobs.c, for those that wait for their time in
 * pool_late.c.
 */
#ifndef CCPI_FLOW_POOL_JOBS_H
#define CCPI_FLOW_POOL_JOBS_H
/* uses: pool */

#include "flow/pool.h"

typedef enum ccpi_job_state {
    CCPI_JOB_NEW,
    CCPI_JOB_LATE, /* waits for its time */
    CCPI_JOB_DUE,  /* waits for a place in the queue: the thread of the timers offers its ticket */
    CCPI_JOB_WAITING,
    CCPI_JOB_RUNNING,
    CCPI_JOB_ENDED
} ccpi_job_state;

typedef struct ccpi_job {
    ccpi_link link;  /* under lock, see J1, J4, J6 */
    ccpi_leaf leaf;  /* under lock */
    uint64_t number; /* under lock until WAITING, then const */
    unsigned refs;   /* under lock */
    ccpi_job_state state; /* under lock */
    bool owes;       /* under lock, see J7 */
    ccp_pool *pool;  /* const after make() */
    ccpi_task task;  /* const after make() */
    ccp_task_opts o; /* const after make() */
    int64_t expires; /* const after make() */
    ccp_ctx *ctx;    /* of who runs it: its own context; NULL: it needs none */
    ccp_hook hook;   /* of who runs it: ends ctx when o.ctx ends */
} ccpi_job;

/* A job with `after`. */
typedef struct ccpi_late {
    ccpi_job job;
    ccp_timer timer;
    int64_t due;    /* const after make() */
    bool armed;     /* under lock: the timer was started */
    bool abandoned; /* under lock: taken out before that */
    bool stops;     /* of who took it out: it has a timer to be stopped */
} ccpi_late;

/* ---- pool_jobs.c ---- */

/* The ticket of a job was accepted: it waits for its turn, unless it was redeemed at once. */
void ccpi_job_enter(ccp_pool *p, ccpi_job *j);

/* Ends a job that nobody runs, and tells the program; `why` is CCP_OK if it is not counted. */
void ccpi_job_hand_back(ccpi_job *j, ccp_unrun unrun, void *unrun_arg, ccp_status why);

/* ---- pool_late.c ---- */

/* Under the lock: takes a job out of `late`. */
void ccpi_late_leave_locked(ccpi_jobs *s, ccpi_job *j);

/* Lets a job of such a pool wait for its time; it is freed if that fails. */
ccp_status ccpi_late_submit(ccp_pool *p, ccpi_late *l);

/* Under the lock: takes those of an owner, or all if that is NULL, out of `late`, into *out; gives
 * how many.  To be given back by ccpi_late_hand_back() after the lock. */
size_t ccpi_late_take_locked(ccpi_jobs *s, const void *owner, ccpi_list *out);
void ccpi_late_hand_back(ccp_pool *p, ccpi_list *out, ccp_unrun unrun, void *unrun_arg,
                         ccp_status why);

#endif
