/* SPDX-License-Identifier: MIT
 *
 * What children of fork() count where it is measured what is reached (CCP_COVERAGE).
 *
 * A child counts from 0: its parent's counts are from the midst of calls of other threads, which
 * never come back from them in the child, and gcov reckons by calls that do.  Handlers run in the
 * order in which they are registered, so this one is before those of the library.
 *
 * A child that ends by _exit(), or by a signal that it raises, writes first what it has counted, as
 * it would at exit(); the linker puts these in the place of the C library's (--wrap).
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Of the runtime of gcc and of clang. */
void __gcov_reset(void);
void __gcov_dump(void);

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_raise(int sig);
int __wrap_raise(int sig);

static bool is_child;

static void begin_anew(void)
{
    is_child = true;
    __gcov_reset();
}

__attribute__((constructor)) static void begin(void)
{
    if (pthread_atfork(NULL, NULL, begin_anew) != 0)
        abort();
}

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

int __wrap_raise(int sig)
{
    if (is_child)
        __gcov_dump();
    return __real_raise(sig);
}
