/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix: every call that takes a ccp_wait and waits, made the same from
 * outside.
 *
 *   column   a call: how to bring it about that it has to wait, that it need not, that it is
 *            served while it waits; what success is
 *   stage    the objects that one run of a call is about
 */
#ifndef CCP_TESTS_WAIT_COLUMNS_H
#define CCP_TESTS_WAIT_COLUMNS_H

#include "support.h"

enum { UNTOUCHED = 424242 }; /* what out-parameters hold before a call */

typedef struct stage {
    const struct column *c;
    ccp_chan *ch, *other;    /* of channel calls */
    ccp_ctx *ctx;            /* that the call is about, not that of its wait */
    ccp_wg wg;
    ccp_barrier barrier;
    ccp_phaser *phaser;
    ccp_sem sem;
    ccp_mutex mutex;
    ccp_rwlock rwlock;
    ccp_once once;
    ccp_rate rate;
    ccp_rate_map *rates;
    ccp_window *window;
    ccp_limiter limiter;
    ccp_flight *flight;
    ccp_pool *pool;
    ccp_group *group;
    ccp_future *future;
    ccp_promise *promise;
    ccp_gen *gen;
    ccp_fan *fan;
    ccp_merge *merge;
    ccp_breaker *breaker;
    ccp_batcher *batcher;
    ccp_pipeline *pipeline;
    ccp_shutdown *shutdown;
    ccp_out *out;            /* of a step that sleeps */
    ccp_hook hook;
    ccp_timers *timers;
    ccp_timer timer;
    ccp_rcu *rcu;
    ccp_rcu_head heads[2];
    ccp_chan *gate;          /* closed to let a task or hook go on */
    actor helper;
    bool helped;             /* helper was started and not joined */
    bool shut, unhooked;
    long value;              /* sent or received */
    size_t n, chosen;        /* out-parameters */
    long queued;             /* tasks that set() submitted, beside the first */
    long successes;          /* of the call */
    atomic_long entered, ran, unrun;
} stage;

typedef struct column {
    const char *name;
    void (*set)(stage *s);                      /* now the call would have to wait */
    void (*ready)(stage *s);                    /* now it need not; NULL: cannot be had */
    ccp_status (*call)(stage *s, ccp_wait w);
    bool (*serve)(stage *s);                    /* lets a call under way succeed; true: it did so */
    ccp_status (*close)(stage *s);              /* NULL: what it waits for cannot be closed */
    void (*unchanged)(stage *s);                /* asserts that the object is as set() left it */
    void (*done)(stage *s);                     /* asserts that the call took effect once */
    void (*raced)(stage *s, bool ok, bool served); /* asserts that the two agree */
    void (*clear)(stage *s);
    ccp_status success;                         /* the status of success */
    ccp_status at_once, too_late;               /* what NOWAIT and a time that ran out give */
    bool early;                                 /* a time that will not do is told at once */
    bool once;                                  /* the object is used up whatever the outcome */
    size_t size, capacity;                      /* of the channel */
} column;

stage *stage_new(const column *c);
void stage_free(stage *s);

extern const column columns_chan[], columns_line[], columns_meet[], columns_other[];
extern const column columns_task[];
extern const size_t columns_chan_n, columns_line_n, columns_meet_n, columns_other_n;
extern const size_t columns_task_n;
extern const column columns_flow[], columns_pipe[];
extern const size_t columns_flow_n, columns_pipe_n;
extern const column columns_rcu[];
extern const size_t columns_rcu_n;

#endif
