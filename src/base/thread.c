/* SPDX-License-Identifier: MIT
 *
 * Threads of POSIX.
 */
#define _GNU_SOURCE
#include "base/thread.h"

#include "base/mem.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "a handle must hold a pthread_t");

typedef struct start {
    void (*fn)(void *);
    void *arg;
    char name[16];
} start;

static void *run(void *p)
{
    start s = *(start *)p;
    ccpi_free(p);
#if defined(__linux__)
    if (s.name[0])
        pthread_setname_np(pthread_self(), s.name);
#endif
    s.fn(s.arg);
    return NULL;
}

static void block_async_signals(sigset_t *old)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

static bool set_stack(pthread_attr_t *attr, size_t size)
{
    if (size == 0)
        return true;
    size_t least = (size_t)PTHREAD_STACK_MIN;
    size = (size < least ? least : size) + 4095;
    return pthread_attr_setstacksize(attr, size & ~(size_t)4095) == 0;
}

static bool create(pthread_t *id, const ccpi_thread_opts *o, start *s)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return false;
    bool ok = false;
    if (set_stack(&attr, o->stack_size)) {
        sigset_t old;
        if (o->block_signals)
            block_async_signals(&old); /* a new thread inherits the mask */
        ok = pthread_create(id, &attr, run, s) == 0;
        if (o->block_signals)
            pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    pthread_attr_destroy(&attr);
    return ok;
}

static ccpi_thread handle_of(pthread_t id)
{
    ccpi_thread t = { 0 };
    memcpy(&t.handle, &id, sizeof id);
    return t;
}

bool ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *), void *arg)
{
    start *s = ccpi_alloc(sizeof *s);
    if (!s)
        return false;
    s->fn = fn;
    s->arg = arg;
    for (size_t i = 0; o->name && o->name[i] && i + 1 < sizeof s->name; i++)
        s->name[i] = o->name[i];
    pthread_t id;
    if (!create(&id, o, s)) {
        ccpi_free(s);
        return false;
    }
    *t = handle_of(id);
    return true;
}

ccpi_thread ccpi_thread_self(void)
{
    return handle_of(pthread_self());
}

uint64_t ccpi_thread_id(void)
{
#if defined(__linux__)
    return (uint64_t)syscall(SYS_gettid);
#else
    return ccpi_thread_self().handle;
#endif
}

void ccpi_thread_join(ccpi_thread t)
{
    pthread_t id;
    memcpy(&id, &t.handle, sizeof id);
    pthread_join(id, NULL);
}
