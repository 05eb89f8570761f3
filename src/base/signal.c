/* SPDX-License-Identifier: MIT
 *
 * Signals; the invariants are in signal.h.
 */
#define _GNU_SOURCE
#include "base/signal.h"

#include "base/fork.h"
#include "base/lock.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

/* What handlers write is relaxed: sem_post() and sem_wait() order it. */
typedef struct catcher {
    sem_t come; /* one post per signal counted, and one when it is shut */
    ccpi_word32 wants[CCPI_SIGNALS + 1];
    ccpi_word32 came[CCPI_SIGNALS + 1]; /* and was not given yet */
    ccpi_word32 shut;
    ccpi_word32 once;
    ccpi_word32 seen; /* with `once`: how many */
    bool taken;       /* under lock */
    bool made;        /* under lock: `come` is */
} catcher;

static catcher catchers[CCPI_CATCHERS];
static ccpi_lock lock;
static unsigned users[CCPI_SIGNALS + 1];          /* under lock */
static struct sigaction before[CCPI_SIGNALS + 1]; /* N2; changed under lock, while users is 0 */

/* ---- the handler ---- */

static uint32_t get(const ccpi_word32 *w)
{
    return atomic_load_explicit(w, CCPI_RLX);
}

static void set(ccpi_word32 *w, uint32_t value)
{
    atomic_store_explicit(w, value, CCPI_RLX);
}

static uint32_t add(ccpi_word32 *w, uint32_t change)
{
    return atomic_fetch_add_explicit(w, change, CCPI_RLX);
}

/* Whoever had the signal before goes on getting it. */
static void hand_on(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *old = &before[sig];
    if (old->sa_flags & SA_SIGINFO)
        old->sa_sigaction(sig, info, context);
    else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN)
        old->sa_handler(sig);
}

static void take_default_effect(int sig)
{
    struct sigaction plain = { .sa_flags = 0 };
    plain.sa_handler = SIG_DFL;
    sigemptyset(&plain.sa_mask);
    sigaction(sig, &plain, NULL);
    (void)raise(sig); /* it comes when this handler returns */
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    bool decides = false;
    for (catcher *c = catchers; c < catchers + CCPI_CATCHERS; c++)
        if (get(&c->wants[sig])) {
            decides |= get(&c->once) && add(&c->seen, 1) > 0;
            add(&c->came[sig], 1);
            sem_post(&c->come);
        }
    if (decides)
        take_default_effect(sig);
    else
        hand_on(sig, info, context);
    errno = saved;
}

/* ---- dispositions ---- */

static bool is_ours(const struct sigaction *a)
{
    return (a->sa_flags & SA_SIGINFO) && a->sa_sigaction == on_signal;
}

/* Is it, or was it before we caught it? */
static bool is_ignored_locked(int sig)
{
    struct sigaction now = before[sig];
    return (users[sig] > 0 || sigaction(sig, NULL, &now) == 0) && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == SIG_IGN;
}

static void catch_locked(int sig)
{
    if (users[sig]++ > 0)
        return;
    struct sigaction ours = { .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    ours.sa_sigaction = on_signal;
    sigfillset(&ours.sa_mask);
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && !is_ours(&now)) /* the program may have put ours back */
        before[sig] = now; /* before a handler can want it */
    sigaction(sig, &ours, NULL);
}

static void let_go_locked(int sig)
{
    struct sigaction now;
    if (--users[sig] == 0 && sigaction(sig, NULL, &now) == 0 && is_ours(&now))
        sigaction(sig, &before[sig], NULL);
}

bool ccpi_signal_can_be_caught(int sig)
{
    static const int own_errors[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    for (size_t i = 0; i < sizeof own_errors / sizeof *own_errors; i++)
        if (sig == own_errors[i])
            return false;
    struct sigaction now;
    return sig > 0 && sig <= CCPI_SIGNALS && sig != SIGKILL && sig != SIGSTOP &&
           sigaction(sig, NULL, &now) == 0;
}

/* ---- fork ---- */

static void take_lock(void)
{
    ccpi_lock_acquire(&lock);
}

static void give_lock(void)
{
    ccpi_lock_release(&lock);
}

static void renew_lock(void)
{
    ccpi_lock_renew(&lock);
}

static const ccpi_fork_part fork_part = { take_lock, give_lock, renew_lock };

/* ---- catchers ---- */

static catcher *take_locked(void)
{
    for (catcher *c = catchers; c < catchers + CCPI_CATCHERS; c++)
        if (!c->taken && (c->made || sem_init(&c->come, 0, 0) == 0)) {
            c->taken = c->made = true;
            return c;
        }
    return NULL;
}

static void begin_locked(catcher *c, const ccpi_catch_opts *o)
{
    set(&c->shut, 0);
    set(&c->seen, 0);
    set(&c->once, o->once);
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++) {
        set(&c->came[sig], 0);
        if (!(o->set >> (sig - 1) & 1) || (!o->even_ignored && is_ignored_locked(sig)))
            continue;
        set(&c->wants[sig], 1);
        catch_locked(sig);
    }
}

int ccpi_signal_open(const ccpi_catch_opts *o)
{
    (void)ccpi_fork_join(CCPI_FORK_SIGNAL, &fork_part);
    ccpi_lock_acquire(&lock);
    catcher *c = take_locked();
    if (c)
        begin_locked(c, o);
    ccpi_lock_release(&lock);
    return c ? (int)(c - catchers) : -1;
}

static int oldest_that_came(catcher *c)
{
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++)
        if (get(&c->came[sig]) > 0) {
            add(&c->came[sig], (uint32_t)-1);
            return sig;
        }
    return 0;
}

int ccpi_signal_next(int catcher_number)
{
    catcher *c = &catchers[catcher_number];
    int sig;
    while ((sig = oldest_that_came(c)) == 0 && !get(&c->shut))
        while (sem_wait(&c->come) != 0) /* a signal in this thread */
            ;
    return sig;
}

void ccpi_signal_shut(int catcher_number)
{
    catcher *c = &catchers[catcher_number];
    ccpi_lock_acquire(&lock);
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++)
        if (get(&c->wants[sig])) {
            set(&c->wants[sig], 0);
            let_go_locked(sig);
        }
    ccpi_lock_release(&lock);
    set(&c->shut, 1);
    sem_post(&c->come);
}

void ccpi_signal_close(int catcher_number)
{
    catcher *c = &catchers[catcher_number];
    while (sem_trywait(&c->come) == 0)
        ;
    ccpi_lock_acquire(&lock);
    c->taken = false;
    ccpi_lock_release(&lock);
}
