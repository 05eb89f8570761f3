/* SPDX-License-Identifier: MIT
 *
 * Breakers, for the tests of breakers and retries.
 */
#ifndef CCP_TESTS_BREAKERS_H
#define CCP_TESTS_BREAKERS_H

#include "support.h"

static inline ccp_breaker *breaker_with(const ccp_breaker_opts *o)
{
    ccp_breaker *b = ccp_breaker_new(o);
    assert_non_null(b);
    return b;
}

static inline ccp_breaker_info breaker_info(ccp_breaker *b)
{
    ccp_breaker_info info;
    MUST(ccp_breaker_get_info(b, &info) == CCP_OK);
    return info;
}

/* What was allowed goes like that; or the status of the refusal. */
static inline ccp_status breaker_call(ccp_breaker *b, ccp_status outcome)
{
    ccp_breaker_ticket t;
    ccp_status rc = ccp_breaker_allow(b, &t);
    return rc == CCP_OK ? ccp_breaker_done(b, t, outcome) : rc;
}

static inline void breaker_calls(ccp_breaker *b, size_t n, ccp_status outcome)
{
    for (size_t i = 0; i < n; i++)
        ASSERT_STATUS(breaker_call(b, outcome), CCP_OK);
}

#define ASSERT_STATE(b, expected) assert_int_equal(breaker_info(b).state, (expected))

/* Compares all counts: { successes, failures, excluded, slow, and the consecutive ones }. */
#define ASSERT_COUNTS(b, ...)                                                                      \
    assert_counts((b), &(const ccp_breaker_counts)__VA_ARGS__, __FILE__, __LINE__)
static inline void assert_counts(ccp_breaker *b, const ccp_breaker_counts *e, const char *file,
                                 int line)
{
    const ccp_breaker_counts c = breaker_info(b).counts;
    const struct {
        const char *name;
        uint64_t is, should;
    } all[] = { { "successes", c.successes, e->successes },
                { "failures", c.failures, e->failures },
                { "excluded", c.excluded, e->excluded },
                { "slow", c.slow, e->slow },
                { "consecutive successes", c.consecutive_successes, e->consecutive_successes },
                { "consecutive failures", c.consecutive_failures, e->consecutive_failures } };
    for (size_t i = 0; i < LENGTH(all); i++)
        if (all[i].is != all[i].should) {
            print_error("%s:%d: %llu %s, not %llu\n", file, line, (unsigned long long)all[i].is,
                        all[i].name, (unsigned long long)all[i].should);
            must_failed("the counts are right", file, line);
        }
}

#endif
