/* SPDX-License-Identifier: MIT
 *
 * Mutexes and condition variables of POSIX, as the explorer has them (seam_pthread.c).
 */
#ifndef SIM_POSIX_H
#define SIM_POSIX_H

#include <pthread.h>
#include <time.h>

int sim_mutex_lock(pthread_mutex_t *m);
int sim_mutex_unlock(pthread_mutex_t *m);
int sim_cond_init(pthread_cond_t *c, const pthread_condattr_t *a);
int sim_cond_destroy(pthread_cond_t *c);
int sim_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int sim_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);
int sim_cond_signal(pthread_cond_t *c);
int sim_cond_broadcast(pthread_cond_t *c);
int sim_yield(void);

#endif
