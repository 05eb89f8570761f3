/* SPDX-License-Identifier: MIT
 *
 * Included before base/park_cond.c when that is explored: its mutexes and condition variables
 * become the explorer's.
 */
#ifndef SIM_PTHREAD_H
#define SIM_PTHREAD_H

#include "sim_posix.h"

#include <sched.h>

#define pthread_mutex_lock sim_mutex_lock
#define pthread_mutex_unlock sim_mutex_unlock
#define pthread_cond_init sim_cond_init
#define pthread_cond_destroy sim_cond_destroy
#define pthread_cond_wait sim_cond_wait
#define pthread_cond_timedwait sim_cond_timedwait
#define pthread_cond_signal sim_cond_signal
#define pthread_cond_broadcast sim_cond_broadcast
#define sched_yield sim_yield

#endif
