/* SPDX-License-Identifier: MIT
 *
 * Calls that would stop all threads of a schedule, as there is only one real one: they fail, and
 * say so.
 */
#include "sim_int.h"

#define NOT_KNOWN(name)                                                              \
    __attribute__((weak)) long __real_##name(long a, long b, long c, long d);        \
    long __wrap_##name(long a, long b, long c, long d);                              \
    long __wrap_##name(long a, long b, long c, long d)                               \
    {                                                                                \
        if (sim.active)                                                              \
            sim_fail("%s() is not known to the explorer: at @%x@", #name, PC());      \
        return __real_##name(a, b, c, d);                                            \
    }

NOT_KNOWN(pthread_rwlock_rdlock)
NOT_KNOWN(pthread_rwlock_wrlock)
NOT_KNOWN(pthread_mutex_timedlock)
NOT_KNOWN(pthread_barrier_wait)
NOT_KNOWN(pthread_spin_lock)
NOT_KNOWN(pthread_once)
NOT_KNOWN(pthread_exit)
NOT_KNOWN(pthread_cancel)
NOT_KNOWN(pthread_getspecific)
NOT_KNOWN(pthread_setspecific)
NOT_KNOWN(sem_wait)
NOT_KNOWN(sem_timedwait)
NOT_KNOWN(thrd_create)
NOT_KNOWN(mtx_lock)
NOT_KNOWN(cnd_wait)
NOT_KNOWN(fork)
