/* SPDX-License-Identifier: MIT
 *
 * What the tests of include/ccp_sim.h share.
 */
#ifndef SIM_TEST_USER_H
#define SIM_TEST_USER_H

#define _POSIX_C_SOURCE 200809L
#include "ccp_sim.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SEARCH(fn, ...) ccp_sim_search(&(ccp_sim_opts){ __VA_ARGS__ }, (fn), NULL)
#define TEST(name) static void name(void **state)

static inline void assert_fails(const ccp_sim_report *r, const char *with)
{
    assert_true(r->failed);
    assert_non_null(r->what);
    if (!strstr(r->what, with))
        fail_msg("not '%s' but '%s'", with, r->what);
}

static inline void assert_well(const ccp_sim_report *r)
{
    if (r->failed)
        fail_msg("seed %llu: %s", (unsigned long long)r->seed, r->what);
    assert_null(r->what);
}

/* Runs two functions, each in a thread of its own. */
static inline void both(void *(*a)(void *), void *(*b)(void *))
{
    pthread_t t[2];
    CCP_SIM_ASSERT(pthread_create(&t[0], NULL, a, NULL) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[1], NULL, b, NULL) == 0);
    CCP_SIM_ASSERT(pthread_join(t[0], NULL) == 0);
    CCP_SIM_ASSERT(pthread_join(t[1], NULL) == 0);
}

#endif
