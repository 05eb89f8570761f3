/* SPDX-License-Identifier: MIT
 *
 * Scatter and gather.
 */
#include "support.h"

static ccp_status return_arg(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return *(const ccp_status *)arg;
}

static ccp_status wait_for_end(ccp_ctx *ctx, void *arg)
{
    atomic_int *started = arg;
    if (started)
        atomic_fetch_add(started, 1);
    return ccp_sleep(ccp_with(ctx));
}

static ccp_status ok = CCP_OK, bad = CCP_BUSY;

#define GOOD                                                                                       \
    {                                                                                              \
        return_arg, &ok, CCP_OK                                                                    \
    }
#define BAD                                                                                        \
    {                                                                                              \
        return_arg, &bad, CCP_OK                                                                   \
    }
#define SLOW                                                                                       \
    {                                                                                              \
        wait_for_end, NULL, CCP_OK                                                                 \
    }

TEST(wrong_arguments_are_refused)
{
    ccp_part parts[] = { GOOD, { NULL, NULL, CCP_OK } };
    ASSERT_STATUS(ccp_gather(parts, 2, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_gather(NULL, 1, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_gather(parts, 1, &(ccp_gather_opts){ .want = 2 }, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_gather(parts, 1, &(ccp_gather_opts){ .want = 1, .need = 2 }, CCP_FOREVER),
                  CCP_INVAL);
    ASSERT_STATUS(ccp_gather(parts, 1, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(parts[0].status, CCP_OK);
    ASSERT_STATUS(ccp_gather(NULL, 0, NULL, CCP_NOWAIT), CCP_OK);
}

TEST(all_is_what_is_wanted_by_default) /* K10 */
{
    for (unsigned limit = 0; limit < 4; limit++) {
        ccp_part parts[] = { GOOD, GOOD, GOOD, GOOD };
        const ccp_gather_opts o = { .limit = limit };
        for (size_t i = 0; i < LENGTH(parts); i++)
            parts[i].status = CCP_CLOSED;
        ASSERT_STATUS(ccp_gather(parts, LENGTH(parts), &o, CCP_FOREVER), CCP_OK);
        for (size_t i = 0; i < LENGTH(parts); i++)
            ASSERT_STATUS(parts[i].status, CCP_OK);
    }
}

TEST(the_first_answer_stops_the_others) /* K10 */
{
    ccp_part parts[] = { SLOW, SLOW, GOOD, SLOW };
    ASSERT_STATUS(ccp_gather(parts, 4, &(ccp_gather_opts){ .want = 1 }, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(parts[2].status, CCP_OK);
    for (size_t i = 0; i < 2; i++)
        ASSERT_STATUS(parts[i].status, CCP_CANCELED);
}

TEST(failures_do_not_matter_while_enough_can_succeed) /* K10 */
{
    ccp_part parts[] = { BAD, GOOD, BAD, GOOD, BAD };
    ASSERT_STATUS(ccp_gather(parts, 5, &(ccp_gather_opts){ .want = 2 }, CCP_FOREVER), CCP_OK);
    ccp_part again[] = { BAD, GOOD, BAD, GOOD, BAD };
    ASSERT_STATUS(ccp_gather(again, 5, &(ccp_gather_opts){ .want = 3 }, CCP_FOREVER), CCP_FAILED);
}

TEST(too_many_failures_stop_the_others) /* K10 */
{
    ccp_part parts[] = { SLOW, SLOW, BAD };
    ASSERT_STATUS(ccp_gather(parts, 3, NULL, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(parts[0].status, CCP_CANCELED);
    ASSERT_STATUS(parts[2].status, CCP_BUSY);
}

TEST(a_deadline_gives_what_there_is) /* K10 */
{
    ccp_part parts[] = { GOOD, SLOW, GOOD, SLOW };
    ccp_gather_opts o = { .need = 2 };
    int64_t end, limit = CCP_MS(50);
    ccp_status st;
    do { /* on a slow machine the good ones may need longer */
        limit *= 2;
        end = ccp_now() + limit;
        st = ccp_gather(parts, 4, &o, ccp_until(end));
    } while (st == CCP_TIMEOUT && limit < CCP_SEC(60));
    ASSERT_STATUS(st, CCP_OK);
    assert_true(ccp_now() >= end);
    ASSERT_STATUS(parts[0].status, CCP_OK);
    ASSERT_STATUS(parts[1].status, CCP_TIMEOUT);
    o.need = 3;
    ASSERT_STATUS(ccp_gather(parts, 4, &o, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    assert_true(parts[3].status == CCP_TIMEOUT || parts[3].status == CCP_AGAIN); /* not started */
}

static void gather_slowly(actor *a)
{
    ccp_part parts[] = { { wait_for_end, a->arg, CCP_OK }, { wait_for_end, a->arg, CCP_OK } };
    a->rc = ccp_gather(parts, 2, NULL, a->w);
    MUST(parts[0].status == CCP_CANCELED && parts[1].status == CCP_CANCELED);
}

TEST(a_context_that_ends_ends_the_tasks) /* K10 */
{
    atomic_int started = 0;
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a = { .arg = &started, .w = ccp_with(ctx) };
    actor_start(&a, gather_slowly);
    WAIT_UNTIL(started == 2);
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(what_was_not_started_says_so)
{
    ccp_part parts[] = { BAD, GOOD, GOOD };
    ASSERT_STATUS(ccp_gather(parts, 3, &(ccp_gather_opts){ .limit = 1 }, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(parts[0].status, CCP_BUSY);
    ASSERT_STATUS(parts[2].status, CCP_AGAIN);
}

TEST(without_memory_it_fails) /* G4 */
{
    memory_watch();
    ccp_status rc = CCP_NOMEM;
    size_t n = 0;
    while (rc != CCP_OK) {
        ccp_part parts[] = { GOOD };
        memory_fail_at(++n);
        rc = ccp_gather(parts, 1, NULL, CCP_FOREVER);
        assert_true(rc == CCP_OK || rc == CCP_NOMEM);
        assert_int_equal(memory_live, 0);
    }
    memory_fail_at(0);
    assert_true(n > 4);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(all_is_what_is_wanted_by_default),
        ENTRY(the_first_answer_stops_the_others),
        ENTRY(failures_do_not_matter_while_enough_can_succeed),
        ENTRY(too_many_failures_stop_the_others),
        ENTRY(a_deadline_gives_what_there_is),
        ENTRY(a_context_that_ends_ends_the_tasks),
        ENTRY(what_was_not_started_says_so),
        ENTRY(without_memory_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
