/* SPDX-License-Identifier: MIT
 *
 * The objects of dead.h, and functions of the program that both sides use.
 */
#ifndef DEAD_OBJECTS_H
#define DEAD_OBJECTS_H

#include "dead.h"

#include "ccp.h"

extern ccp_chan *ring, *meet, *count, *bytes, *timer_chan, *fan_in, *pipe_in, *cast_in, *member;
extern ccp_ctx *ctx, *below;
extern ccp_future *future, *settled;
extern ccp_promise *promise;
extern ccp_group *group;
extern ccp_phaser *phaser;
extern ccp_flight *flight;
extern ccp_pool *pool, *elastic, *met;
extern ccp_pipeline *pipeline, *plan;
extern ccp_stage *stage, *planned;
extern ccp_fan *fan;
extern ccp_merge *merge;
extern ccp_broadcast *broadcast;
extern ccp_gen *gen;
extern ccp_timers *timers;
extern ccp_timer timer;
extern ccp_rate_map *rate_map;
extern ccp_window *window;
extern ccp_breaker *breaker;
extern ccp_batcher *batcher;
extern ccp_signals *signals;
extern ccp_shutdown *steps;
extern ccp_watch *watch;
extern ccp_rcu *rcu;
extern ccp_rcu_reader *rcu_reader;
extern ccp_rcu_map *rcu_map;
extern ccp_rcu_item rcu_item;
extern ccp_spsc *spsc;
extern ccp_mpmc *mpmc;
extern ccp_hook hook;
extern ccp_wg wg;

ccp_status dead_task(ccp_ctx *c, void *arg);
ccp_status dead_call(ccp_ctx *c, void *arg, void *value);
ccp_status dead_copy_long(ccp_ctx *c, const void *in, void *out, void *arg);
ccp_status dead_take(ccp_ctx *c, const void *in, void *out, void *arg);
ccp_status dead_look_up(void *result, void *arg);
ccp_status dead_step(void *arg, ccp_wait w);
void dead_nothing(void *arg);

#define NEED(cond)        \
    do {                  \
        if (!(cond))      \
            return #cond; \
    } while (0)

#endif
