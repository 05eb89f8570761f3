/* SPDX-License-Identifier: MIT
 *
 * base/signal.c, with signals and semaphores that the explorer sees.  A handler runs as if the
 * thread that delivers the signal had been interrupted.
 */
#define _GNU_SOURCE
#include "sim_signal.h"

#include "base/lock.h"
#include "base/machine.h"
#include "sim.h"

#include <stdatomic.h>

enum { SIGNALS = 65 };

static ccpi_lock system_lock; /* each system call is one step */
static struct sigaction now[SIGNALS];
static atomic_int effects[SIGNALS];

int sim_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    ccpi_lock_acquire(&system_lock);
    if (old)
        *old = now[sig];
    if (act)
        now[sig] = *act;
    ccpi_lock_release(&system_lock);
    return 0;
}

void sim_deliver(int sig)
{
    struct sigaction a;
    siginfo_t info = { .si_signo = sig };
    sim_sigaction(sig, NULL, &a);
    if (a.sa_flags & SA_SIGINFO)
        a.sa_sigaction(sig, &info, NULL);
    else if (a.sa_handler == SIG_DFL)
        atomic_fetch_add(&effects[sig], 1);
    else if (a.sa_handler != SIG_IGN)
        a.sa_handler(sig);
}

int sim_default_effects(int sig)
{
    return atomic_load(&effects[sig]);
}

/* In a handler, which has all signals blocked: it comes when that returns, and changes nothing
 * here that could be told apart from its coming now. */
int sim_raise(int sig)
{
    sim_deliver(sig);
    return 0;
}

/* ---- Semaphores: the first word counts ---- */

static ccpi_word32 *count_of(sem_t *s)
{
    return (ccpi_word32 *)(void *)s;
}

int sim_sem_init(sem_t *s, int shared, unsigned value)
{
    (void)shared;
    atomic_store(count_of(s), value);
    return 0;
}

int sim_sem_post(sem_t *s)
{
    atomic_fetch_add(count_of(s), 1);
    ccpi_word_wake(count_of(s));
    return 0;
}

int sim_sem_trywait(sem_t *s)
{
    uint32_t n = atomic_load(count_of(s));
    while (n > 0)
        if (atomic_compare_exchange_strong(count_of(s), &n, n - 1))
            return 0;
    return -1;
}

int sim_sem_wait(sem_t *s)
{
    while (sim_sem_trywait(s) != 0)
        (void)ccpi_word_wait(count_of(s), 0, CCPI_NEVER);
    return 0;
}

/* ---- What is explored ---- */

static int *errno_here(void)
{
    static int of_thread[SIM_THREADS];
    return &of_thread[sim_self()];
}

#include <errno.h>
#undef errno
#define errno (*errno_here())

#define sigaction(sig, act, old) sim_sigaction(sig, act, old)
#define raise sim_raise
#define sem_init sim_sem_init
#define sem_post sim_sem_post
#define sem_wait sim_sem_wait
#define sem_trywait sim_sem_trywait

#include "base/signal.c"
