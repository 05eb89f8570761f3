/* SPDX-License-Identifier: MIT
 *
 * Promises of a long, for the tests of futures.
 */
#ifndef CCP_TESTS_PROMISES_H
#define CCP_TESTS_PROMISES_H

#include "support.h"

static const ccp_promise_opts of_long = { .size = sizeof(long) };

static inline ccp_promise *promise_of_long(ccp_future **f)
{
    ccp_promise *p = ccp_promise_new(&of_long, f);
    assert_non_null(p);
    return p;
}

static inline void keep(ccp_promise *p, long v)
{
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    ccp_promise_free(p);
}

static inline void break_it(ccp_promise *p, ccp_status error)
{
    ASSERT_STATUS(ccp_promise_fail(p, error), CCP_OK);
    ccp_promise_free(p);
}

#endif
