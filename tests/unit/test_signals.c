/* SPDX-License-Identifier: MIT
 *
 * Signals, raised in this process; what ends a process, in a child.
 */
#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linked with --wrap=pthread_create: after so many threads there are no more; < 0: no limit. */
static atomic_int threads_left = -1;

typedef void *(*thread_fn)(void *);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, thread_fn fn, void *arg)
{
    return atomic_load(&threads_left) == 0 ? EAGAIN : __real_pthread_create(t, a, fn, arg);
}

/* Linked with --wrap=sem_post and ccpi_backoff: a handler stays until somebody waits for it. */
static atomic_bool stays_inside, is_inside;
static atomic_int backoffs;

int __real_sem_post(sem_t *s);
int __wrap_sem_post(sem_t *s);
int __wrap_sem_post(sem_t *s)
{
    if (atomic_exchange(&stays_inside, false)) {
        atomic_store(&is_inside, true);
        while (atomic_load(&backoffs) == 0)
            sched_yield();
    }
    return __real_sem_post(s);
}

void __real_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries)
{
    atomic_fetch_add(&backoffs, 1);
    __real_ccpi_backoff(tries);
}

static ccp_signals *catch_one(int sig, const ccp_signals_opts *o)
{
    ccp_signals *s = ccp_signals_new(&sig, 1, o);
    assert_non_null(s);
    return s;
}

static int next_of(ccp_chan *ch)
{
    int sig = -1;
    ASSERT_STATUS(ccp_chan_recv(ch, &sig, CCP_FOREVER), CCP_OK);
    return sig;
}

TEST(a_signal_ends_the_context_and_is_sent) /* Z1 Z3 */
{
    int sig = 0;
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    ccp_signals *s = ccp_signals_new((const int[]){ SIGUSR1, SIGUSR2 }, 2,
                                     &(ccp_signals_opts){ .chan = ch, .ctx = ctx });
    assert_non_null(s);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    raise(SIGUSR2);
    ASSERT_STATUS(ccp_sleep(ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(ccp_chan_recv(ch, &sig, CCP_NOWAIT), CCP_OK);
    assert_int_equal(sig, SIGUSR2);
    assert_int_equal(*(const int *)ccp_ctx_cause(ctx), SIGUSR2);
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(each_signal_is_sent_once_to_each_who_asked) /* Z1 */
{
    enum { ALL = 3, TIMES = 20 };
    ccp_chan *ch[ALL];
    ccp_signals *s[ALL];
    for (int i = 0; i < ALL; i++) {
        ch[i] = ccp_chan_new(sizeof(int), 2 * TIMES);
        s[i] = catch_one(i == 0 ? SIGUSR2 : SIGUSR1, &(ccp_signals_opts){ .chan = ch[i] });
    }
    for (int i = 0; i < TIMES; i++)
        raise(SIGUSR1);
    raise(SIGUSR2);
    assert_int_equal(next_of(ch[0]), SIGUSR2);
    for (int i = 1; i < ALL; i++)
        for (int n = 0; n < TIMES; n++)
            assert_int_equal(next_of(ch[i]), SIGUSR1);
    for (int i = 0; i < ALL; i++) {
        ASSERT_STATUS(ccp_signals_free(s[i]), CCP_OK);
        assert_int_equal(ccp_chan_len(ch[i]), 0);
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
    }
}

TEST(what_finds_the_channel_full_is_dropped) /* Z2 */
{
    ccp_chan *small = ccp_chan_new(sizeof(int), 1), *large = ccp_chan_new(sizeof(int), 10);
    ccp_signals *a = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = small });
    for (int i = 0; i < 10; i++)
        raise(SIGUSR1);
    ccp_signals *b = catch_one(SIGUSR2, &(ccp_signals_opts){ .chan = large });
    raise(SIGUSR2);
    assert_int_equal(next_of(large), SIGUSR2);
    WAIT_UNTIL(ccp_chan_len(small) == 1);
    ASSERT_STATUS(ccp_signals_free(a), CCP_OK); /* nobody waits for the channel */
    ASSERT_STATUS(ccp_signals_free(b), CCP_OK);
    assert_int_equal(next_of(small), SIGUSR1);
    ASSERT_STATUS(ccp_chan_free(small), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(large), CCP_OK);
}

static volatile sig_atomic_t own, other;

static void own_handler(int sig)
{
    own = sig;
    errno = EXDEV;
}

static void own_handler_with_info(int sig, siginfo_t *info, void *context)
{
    (void)context;
    own = info->si_signo == sig ? sig : -1;
}

static void other_handler(int sig)
{
    other = sig;
}

static void (*handler_of(int sig))(int)
{
    struct sigaction now;
    assert_int_equal(sigaction(sig, NULL, &now), 0);
    return now.sa_flags & SA_SIGINFO ? SIG_ERR : now.sa_handler;
}

TEST(the_programs_own_handler_is_called_too_and_restored) /* Z1 Z4 */
{
    for (int info = 0; info < 2; info++) {
        ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
        struct sigaction mine = { .sa_flags = info ? SA_SIGINFO : 0 };
        if (info)
            mine.sa_sigaction = own_handler_with_info;
        else
            mine.sa_handler = own_handler;
        sigemptyset(&mine.sa_mask);
        sigaction(SIGUSR1, &mine, NULL);
        ccp_signals *s = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
        own = 0;
        errno = ERANGE;
        raise(SIGUSR1);
        assert_int_equal(errno, ERANGE); /* a handler leaves no trace in what it interrupts */
        assert_int_equal(own, SIGUSR1);
        assert_int_equal(next_of(ch), SIGUSR1);
        ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
        own = 0;
        raise(SIGUSR1);
        assert_int_equal(own, SIGUSR1);
        assert_int_equal(ccp_chan_len(ch), 0);
        signal(SIGUSR1, SIG_DFL);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

TEST(the_last_one_restores_unless_the_program_was_there_first) /* Z4 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 8);
    ccp_signals *a = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    ccp_signals *b = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    ASSERT_STATUS(ccp_signals_free(a), CCP_OK);
    raise(SIGUSR1);
    assert_int_equal(next_of(ch), SIGUSR1);
    ASSERT_STATUS(ccp_signals_free(b), CCP_OK);
    assert_true(handler_of(SIGUSR1) == SIG_DFL);
    a = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    signal(SIGUSR1, other_handler);
    ASSERT_STATUS(ccp_signals_free(a), CCP_OK);
    assert_true(handler_of(SIGUSR1) == other_handler);
    raise(SIGUSR1);
    assert_int_equal(other, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_program_that_puts_our_handler_back_gets_no_circle) /* Z1 Z4 */
{
    struct sigaction ours;
    ccp_chan *ch = ccp_chan_new(sizeof(int), 8);
    signal(SIGUSR1, own_handler);
    ccp_signals *s = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    sigaction(SIGUSR1, NULL, &ours);
    signal(SIGUSR1, other_handler);
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    sigaction(SIGUSR1, &ours, NULL);
    s = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    own = 0;
    raise(SIGUSR1);
    assert_int_equal(own, SIGUSR1);
    assert_int_equal(next_of(ch), SIGUSR1);
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    signal(SIGUSR1, SIG_DFL);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_signal_that_was_ignored_stays_so) /* Z5 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 8);
    signal(SIGHUP, SIG_IGN);
    ccp_signals *s = ccp_signals_new((const int[]){ SIGHUP, SIGUSR1 }, 2,
                                     &(ccp_signals_opts){ .chan = ch });
    assert_non_null(s);
    raise(SIGHUP);
    raise(SIGUSR1);
    assert_int_equal(next_of(ch), SIGUSR1);
    assert_true(handler_of(SIGHUP) == SIG_IGN);
    ccp_signals *even = catch_one(SIGHUP, &(ccp_signals_opts){ .chan = ch, .even_ignored = true });
    raise(SIGHUP);
    assert_int_equal(next_of(ch), SIGHUP);
    ccp_chan *none = ccp_chan_new(sizeof(int), 8);
    ccp_signals *later = catch_one(SIGHUP, &(ccp_signals_opts){ .chan = none });
    raise(SIGHUP);
    assert_int_equal(next_of(ch), SIGHUP);
    ASSERT_STATUS(ccp_signals_free(later), CCP_OK);
    assert_int_equal(ccp_chan_len(none), 0); /* it was ignored by the program */
    ASSERT_STATUS(ccp_signals_free(even), CCP_OK);
    assert_true(handler_of(SIGHUP) == SIG_IGN);
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    signal(SIGHUP, SIG_DFL);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(none), CCP_OK);
}

/* ---- in a child ---- */

static int pipe_to_parent[2];

static void tell(char c)
{
    MUST(write(pipe_to_parent[1], &c, 1) == 1);
}

static void hear(char expected)
{
    char c = 0;
    assert_int_equal(read(pipe_to_parent[0], &c, 1), 1);
    assert_int_equal(c, expected);
}

/* A hook that never comes back holds up the thread that hands signals on. */
static void tell_and_hang(void *arg)
{
    (void)arg;
    tell('1');
    for (;;)
        pause();
}

static void end_by_the_second(void)
{
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    const int both[] = { SIGTERM, SIGINT };
    MUST(ccp_ctx_hook(ctx, &h, tell_and_hang, NULL) == CCP_OK);
    MUST(ccp_signals_new(both, 2, &(ccp_signals_opts){ .ctx = ctx, .second_ends = true }));
    tell('0');
    for (;;)
        pause();
}

TEST(the_second_signal_ends_the_process_whatever_it_does) /* Z6 */
{
    static const int second[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < LENGTH(second); i++) {
        int status = 0;
        assert_int_equal(pipe(pipe_to_parent), 0);
        pid_t child = fork();
        if (child == 0)
            end_by_the_second();
        assert_true(child > 0);
        hear('0');
        kill(child, SIGTERM);
        hear('1');
        kill(child, second[i]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == second[i]);
        close(pipe_to_parent[0]);
        close(pipe_to_parent[1]);
    }
}

static void raise_one(actor *a)
{
    raise(SIGUSR1);
    a->rc = CCP_OK;
}

TEST(who_is_freed_waits_for_handlers_that_have_begun) /* Z4 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    ccp_signals *s = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    actor a = { .ch = ch };
    atomic_store(&stays_inside, true);
    atomic_store(&backoffs, 0);
    actor_start(&a, raise_one);
    WAIT_UNTIL(atomic_load(&is_inside));
    atomic_store(&backoffs, 0);
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    assert_true(atomic_load(&backoffs) > 0);
    actor_join(&a);
    assert_true(handler_of(SIGUSR1) == SIG_DFL);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* In a child: the handler is entered for a signal that nobody wants any more. */
static void be_late_for(int sig)
{
    struct sigaction installed;
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    ccp_signals *s = ccp_signals_new(&sig, 1, &(ccp_signals_opts){ .chan = ch });
    MUST(s && sigaction(sig, NULL, &installed) == 0 && installed.sa_flags & SA_SIGINFO);
    MUST(ccp_signals_free(s) == CCP_OK);
    installed.sa_sigaction(sig, NULL, NULL);
    end_child();
}

TEST(a_signal_that_comes_too_late_has_its_default_effect) /* Z4 */
{
    static const int sigs[] = { SIGTERM, SIGUSR1, SIGCHLD, SIGTSTP, SIGCONT };
    for (size_t i = 0; i < LENGTH(sigs); i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            be_late_for(sigs[i]);
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        if (i < 2)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == sigs[i]);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* ---- misuse, and little of everything ---- */

TEST(what_cannot_be_caught_is_refused) /* G2 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1), *longs = ccp_chan_new(sizeof(int64_t), 1);
    ccp_chan *timer = ccp_chan_after(0);
    const ccp_signals_opts o = { .chan = ch };
    static const int bad[] = { 0,       -1,      SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
                               SIGFPE,  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT, 65,
                               INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_null(ccp_signals_new(&bad[i], 1, &o));
        assert_null(ccp_signals_new((const int[]){ SIGUSR1, bad[i] }, 2, &o));
    }
    const int sig = SIGUSR1;
    assert_null(ccp_signals_new(NULL, 1, &o));
    assert_null(ccp_signals_new(&sig, 0, &o));
    assert_null(ccp_signals_new(&sig, 1, NULL));
    assert_null(ccp_signals_new(&sig, 1, &(ccp_signals_opts){ .second_ends = true }));
    assert_null(ccp_signals_new(&sig, 1, &(ccp_signals_opts){ .chan = longs }));
    assert_null(ccp_signals_new(&sig, 1, &(ccp_signals_opts){ .chan = timer }));
    assert_true(handler_of(SIGUSR1) == SIG_DFL);
    ASSERT_STATUS(ccp_signals_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(longs), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(timer), CCP_OK);
}

TEST(there_are_sixteen_at_most)
{
    enum { MOST = 16 };
    ccp_chan *ch = ccp_chan_new(sizeof(int), MOST);
    ccp_signals *s[MOST];
    const ccp_signals_opts o = { .chan = ch, .name = "many" };
    const int sig = SIGUSR1;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MOST; i++)
            s[i] = catch_one(SIGUSR1, &o);
        assert_null(ccp_signals_new(&sig, 1, &o));
        raise(SIGUSR1);
        for (int i = 0; i < MOST; i++)
            assert_int_equal(next_of(ch), SIGUSR1);
        for (int i = 0; i < MOST; i++)
            ASSERT_STATUS(ccp_signals_free(s[i]), CCP_OK);
        assert_true(handler_of(SIGUSR1) == SIG_DFL);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

typedef struct scene {
    ccp_signals *s;
    _Atomic int freed; /* 1 + what it returned */
} scene;

static void free_it_here(void *arg)
{
    scene *sc = arg;
    atomic_store(&sc->freed, 1 + (int)ccp_signals_free(sc->s));
}

TEST(a_hook_in_its_own_thread_cannot_free_it)
{
    scene sc = { NULL, 0 };
    ccp_hook h = { 0 };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sc.s = catch_one(SIGUSR1, &(ccp_signals_opts){ .ctx = ctx });
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, free_it_here, &sc), CCP_OK);
    raise(SIGUSR1);
    WAIT_UNTIL(atomic_load(&sc.freed) != 0);
    assert_int_equal(atomic_load(&sc.freed), 1 + CCP_DEADLOCK);
    ASSERT_STATUS(ccp_signals_free(sc.s), CCP_OK);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(without_memory_or_a_thread_nothing_is_caught) /* G4 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    const int sig = SIGUSR1;
    atomic_store(&threads_left, 0);
    assert_null(ccp_signals_new(&sig, 1, &(ccp_signals_opts){ .chan = ch }));
    atomic_store(&threads_left, -1);
    assert_true(handler_of(SIGUSR1) == SIG_DFL);
    ccp_signals *s = catch_one(SIGUSR1, &(ccp_signals_opts){ .chan = ch });
    ASSERT_STATUS(ccp_signals_free(s), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_signal_ends_the_context_and_is_sent),
        ENTRY(each_signal_is_sent_once_to_each_who_asked),
        ENTRY(what_finds_the_channel_full_is_dropped),
        ENTRY(the_programs_own_handler_is_called_too_and_restored),
        ENTRY(the_last_one_restores_unless_the_program_was_there_first),
        ENTRY(a_program_that_puts_our_handler_back_gets_no_circle),
        ENTRY(a_signal_that_was_ignored_stays_so),
        ENTRY(the_second_signal_ends_the_process_whatever_it_does),
        ENTRY(who_is_freed_waits_for_handlers_that_have_begun),
        ENTRY(a_signal_that_comes_too_late_has_its_default_effect),
        ENTRY(what_cannot_be_caught_is_refused),
        ENTRY(there_are_sixteen_at_most),
        ENTRY(a_hook_in_its_own_thread_cannot_free_it),
        ENTRY(without_memory_or_a_thread_nothing_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
