/* SPDX-License-Identifier: MIT
 *
 * Included before base/signal.c when that is explored: dispositions and semaphores become those of
 * sim_signal.c.
 */
#ifndef SIM_SIGNAL_H
#define SIM_SIGNAL_H

#include <semaphore.h>
#include <signal.h>

/* Runs what a signal does, as a handler of the calling thread would. */
void sim_deliver(int sig);

/* How often one had its default effect. */
int sim_default_effects(int sig);

int sim_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int sim_raise(int sig);
int sim_sem_init(sem_t *s, int shared, unsigned value);
int sim_sem_post(sem_t *s);
int sim_sem_wait(sem_t *s);
int sim_sem_trywait(sem_t *s);

#endif
