/* SPDX-License-Identifier: MIT
 *
 * Signals; the invariants are in signal.h.
 */
#define _GNU_SOURCE
#include "base/signal.h"

#include "base/backoff.h"
#include "base/fork.h"
#include "base/lock.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

/* What handlers write of it is relaxed: sem_post() and sem_wait() order it. */
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
static ccpi_word32 inside[CCPI_SIGNALS + 1]; /* handlers that look at the above, or at `before` */
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

static bool ends_by_default(int sig)
{
    static const int others[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sig == others[i])
            return false;
    return true;
}

static void take_default_effect(int sig)
{
    struct sigaction plain = { .sa_flags = 0 };
    plain.sa_handler = SIG_DFL;
    sigemptyset(&plain.sa_mask);
    sigaction(sig, &plain, NULL);
    (void)raise(sig); /* it comes when this handler returns */
}

/* Whoever had the signal before goes on getting it; by default only if nobody else has got it, who
 * stopped catching it just now. */
static void hand_on(const struct sigaction *old, bool caught, int sig, siginfo_t *info,
                    void *context)
{
    if (old->sa_flags & SA_SIGINFO)
        old->sa_sigaction(sig, info, context);
    else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN)
        old->sa_handler(sig);
    else if (old->sa_handler == SIG_DFL && !caught && ends_by_default(sig))
        take_default_effect(sig);
}

/* Counts it for whom it is for; true if the program is to end of it. */
static bool count_in(int sig, bool *caught)
{
    bool ends = false;
    for (catcher *c = catchers; c < catchers + CCPI_CATCHERS; c++) {
        /* [SG1] seq_cst, Dekker: after `inside`.  Pairs with set_wants(). */
        if (!atomic_load_explicit(&c->wants[sig], CCPI_SC))
            continue;
        ends |= get(&c->once) && add(&c->seen, 1) > 0;
        add(&c->came[sig], 1);
        sem_post(&c->come);
        *caught = true;
    }
    return ends;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    bool caught = false;
    /* [SG1] seq_cst, Dekker: before the looks at `wants`.  Pairs with wait_for_handlers(). */
    atomic_fetch_add_explicit(&inside[sig], 1, CCPI_SC);
    bool ends = count_in(sig, &caught);
    const struct sigaction old = before[sig];
    /* [SG2] release: what was read and counted.  Pairs with wait_for_handlers().  What follows may
     * not come back. */
    atomic_fetch_sub_explicit(&inside[sig], 1, CCPI_REL);
    if (ends)
        take_default_effect(sig);
    else
        hand_on(&old, caught, sig, info, context);
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

/* N3: until each handler of that signal has begun after this call. */
static void wait_for_handlers(int sig)
{
    /* [SG1] seq_cst, Dekker: after `wants` was cleared.  Pairs with on_signal().
     * [SG2] acquire: what they have read and counted. */
    for (unsigned tries = 0; atomic_load_explicit(&inside[sig], CCPI_SC) != 0;)
        ccpi_backoff(&tries);
}

static void set_wants(catcher *c, int sig, uint32_t value)
{
    /* [SG1] seq_cst, Dekker: before `inside` is looked at.  Pairs with count_in(). */
    atomic_store_explicit(&c->wants[sig], value, CCPI_SC);
}

static void catch_locked(int sig)
{
    if (users[sig]++ > 0)
        return;
    wait_for_handlers(sig); /* that began before the last let go of it */
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

/* Handlers of threads that are not there have been cut off; the one that is there is in none. */
static void begin_anew(void)
{
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++)
        set(&inside[sig], 0);
    ccpi_lock_renew(&lock);
}

static const ccpi_fork_part fork_part = { take_lock, give_lock, begin_anew };

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
        set_wants(c, sig, 1);
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
    for (;;) {
        /* [SG3] acquire: all that came before.  Pairs with ccpi_signal_shut(). */
        bool shut = atomic_load_explicit(&c->shut, CCPI_ACQ) != 0;
        int sig = oldest_that_came(c);
        if (sig || shut)
            return sig;
        while (sem_wait(&c->come) != 0) /* a signal in this thread */
            ;
    }
}

void ccpi_signal_shut(int catcher_number)
{
    catcher *c = &catchers[catcher_number];
    bool wanted[CCPI_SIGNALS + 1];
    ccpi_lock_acquire(&lock);
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++) {
        wanted[sig] = get(&c->wants[sig]) != 0;
        if (wanted[sig]) {
            set_wants(c, sig, 0);
            let_go_locked(sig);
        }
    }
    ccpi_lock_release(&lock);
    for (int sig = 1; sig <= CCPI_SIGNALS; sig++)
        if (wanted[sig])
            wait_for_handlers(sig); /* what they count is given yet */
    /* [SG3] release: that.  Pairs with ccpi_signal_next(). */
    atomic_store_explicit(&c->shut, 1, CCPI_REL);
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
