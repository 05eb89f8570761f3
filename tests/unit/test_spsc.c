/* SPDX-License-Identifier: MIT
 *
 * The ring of one producer and one consumer.
 */
#include "ccp.h"

typedef ccp_spsc ring;
#define RING(call) ccp_spsc_##call
#include "rings.h"

#include <sched.h>
#include <signal.h>

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    ccp_spsc *q = ring_of(sizeof(long), 2);
    long v = 1;
    size_t n = 7;
    void *room = &v;
    const void *at = &v;
    assert_null(ccp_spsc_new(0, 1));
    assert_null(ccp_spsc_new(1, 0));
    assert_null(ccp_spsc_new(1, SIZE_MAX));
    assert_null(ccp_spsc_new(SIZE_MAX / 2, 4));
    ASSERT_STATUS(ccp_spsc_push(NULL, &v), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_push(q, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_pop(NULL, &v), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_push_n(NULL, &v, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_push_n(q, NULL, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_push_n(q, &v, 0, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_push_n(q, &v, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_pop_n(NULL, &v, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_pop_n(q, NULL, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_pop_n(q, &v, 0, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_pop_n(q, &v, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_reserve(NULL, 1, &room, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_reserve(q, 0, &room, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, NULL, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, &room, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_commit(NULL, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_peek(NULL, 1, &at, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_peek(q, 0, &at, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, NULL, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_release(NULL, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_spsc_close(NULL), CCP_INVAL);
    assert_int_equal(ccp_spsc_len(NULL), 0);
    assert_int_equal(ccp_spsc_cap(NULL), 0);
    assert_true(n == 7 && room == &v && at == &v); /* G1 */
    assert_int_equal(ccp_spsc_len(q), 0);
    ends(q);
    ends(NULL);
}

TEST(nothing_is_made_without_memory) /* G4 */
{
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_spsc_new(8, 8));
    ccp_spsc *q = ring_of(sizeof(long), 8);
    size_t calls = memory_calls;
    for (long i = 0; i < 20; i++) {
        push(q, i);
        assert_pops(q, i);
    }
    assert_int_equal(memory_calls, calls); /* LQ2 */
    ends(q);
    memory_unwatch();
}

TEST(an_element_may_be_dropped)
{
    ccp_spsc *q = ring_of(sizeof(long), 3);
    push(q, 1);
    push(q, 2);
    push(q, 3);
    ASSERT_STATUS(ccp_spsc_pop(q, NULL), CCP_OK);
    ASSERT_STATUS(ccp_spsc_pop(q, NULL), CCP_OK);
    assert_pops(q, 3);
    ends(q);
}

TEST(a_batch_may_be_taken_in_parts)
{
    ccp_spsc *q = ring_of(sizeof(long), 4);
    const long in[] = { 1, 2, 3, 4 };
    long out[2];
    size_t n;
    ASSERT_STATUS(ccp_spsc_push_n(q, in, 4, &n), CCP_OK);
    ASSERT_STATUS(ccp_spsc_pop_n(q, out, 2, &n), CCP_OK);
    assert_true(n == 2 && out[0] == 1 && out[1] == 2);
    ASSERT_STATUS(ccp_spsc_pop_n(q, out, 2, &n), CCP_OK);
    assert_true(n == 2 && out[0] == 3 && out[1] == 4);
    ASSERT_STATUS(ccp_spsc_pop_n(q, out, 2, &n), CCP_AGAIN);
    ends(q);
}

TEST(what_is_committed_is_in_the_ring) /* LQ1 LQ6 */
{
    ccp_spsc *q = ring_of(sizeof(long), 4);
    void *room = NULL;
    size_t n = 0;
    push(q, 0);
    assert_pops(q, 0);
    ASSERT_STATUS(ccp_spsc_reserve(q, 9, &room, &n), CCP_OK);
    assert_int_equal(n, 3); /* up to the end of the memory */
    for (long i = 0; i < 3; i++)
        ((long *)room)[i] = 1 + i;
    assert_int_equal(ccp_spsc_len(q), 0);
    ASSERT_STATUS(ccp_spsc_pop(q, NULL), CCP_AGAIN);
    ASSERT_STATUS(ccp_spsc_commit(q, 2), CCP_OK);
    assert_int_equal(ccp_spsc_len(q), 2);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, &room, &n), CCP_OK);
    ASSERT_STATUS(ccp_spsc_commit(q, 0), CCP_OK);
    ASSERT_STATUS(ccp_spsc_commit(q, 0), CCP_OK);
    push(q, 3);
    push(q, 4);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, &room, &n), CCP_AGAIN);
    for (long i = 1; i <= 4; i++)
        assert_pops(q, i);
    ends(q);
}

TEST(what_is_released_is_out_of_the_ring) /* LQ1 LQ6 */
{
    ccp_spsc *q = ring_of(sizeof(long), 4);
    const void *at = NULL;
    size_t n = 0;
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, &n), CCP_AGAIN);
    for (long i = 0; i < 4; i++)
        push(q, i);
    assert_pops(q, 0);
    push(q, 4);
    ASSERT_STATUS(ccp_spsc_peek(q, 9, &at, &n), CCP_OK);
    assert_int_equal(n, 3);
    for (long i = 0; i < 3; i++)
        assert_int_equal(((const long *)at)[i], 1 + i);
    ASSERT_STATUS(ccp_spsc_push(q, &(long){ 5 }), CCP_AGAIN); /* they are still there */
    ASSERT_STATUS(ccp_spsc_release(q, 2), CCP_OK);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, &n), CCP_OK);
    assert_true(n == 1 && *(const long *)at == 3);
    ASSERT_STATUS(ccp_spsc_release(q, 0), CCP_OK);
    assert_pops(q, 3);
    assert_pops(q, 4);
    ends(q);
}

TEST(while_room_is_lent_that_side_does_nothing_else) /* LQ6 G1 G2 */
{
    ccp_spsc *q = ring_of(sizeof(long), 8);
    long v = 5, all[4] = { 0 };
    size_t n = 0;
    void *room = NULL;
    push(q, 1);
    ASSERT_STATUS(ccp_spsc_reserve(q, 2, &room, &n), CCP_OK);
    ASSERT_STATUS(ccp_spsc_push(q, &v), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_push_n(q, all, 4, &n), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, &room, &n), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_close(q), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_commit(q, 3), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_free(q), CCP_BUSY);
    assert_pops(q, 1); /* the other side does what it likes */
    ASSERT_STATUS(ccp_spsc_commit(q, 0), CCP_OK);
    push(q, v);
    ASSERT_STATUS(ccp_spsc_commit(q, 1), CCP_MISUSE); /* nothing is reserved */
    assert_pops(q, 5);
    ends(q);
}

TEST(while_elements_are_lent_that_side_does_nothing_else) /* LQ6 G1 G2 */
{
    ccp_spsc *q = ring_of(sizeof(long), 8);
    long v = 5, all[4] = { 0 };
    size_t n = 0;
    const void *at = NULL;
    for (long i = 0; i < 3; i++)
        push(q, i);
    ASSERT_STATUS(ccp_spsc_peek(q, 2, &at, &n), CCP_OK);
    ASSERT_STATUS(ccp_spsc_pop(q, &v), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_pop_n(q, all, 4, &n), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, &n), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_release(q, 3), CCP_MISUSE);
    ASSERT_STATUS(ccp_spsc_free(q), CCP_BUSY);
    push(q, 3);
    ASSERT_STATUS(ccp_spsc_release(q, 0), CCP_OK);
    for (long i = 0; i < 4; i++)
        assert_pops(q, i);
    ASSERT_STATUS(ccp_spsc_release(q, 1), CCP_MISUSE);
    ends(q);
}

TEST(a_closed_ring_gives_what_is_in_it) /* LQ5 */
{
    ccp_spsc *q = ring_of(sizeof(long), 4);
    long v = 0;
    size_t n = 0;
    void *room;
    const void *at;
    push(q, 1);
    push(q, 2);
    push(q, 3);
    ASSERT_STATUS(ccp_spsc_close(q), CCP_OK);
    ASSERT_STATUS(ccp_spsc_close(q), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_push(q, &v), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_push_n(q, &v, 1, &n), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_reserve(q, 1, &room, &n), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_commit(q, 0), CCP_OK);
    assert_pops(q, 1);
    ASSERT_STATUS(ccp_spsc_push(q, &v), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, &n), CCP_OK);
    assert_int_equal(*(const long *)at, 2);
    ASSERT_STATUS(ccp_spsc_release(q, 1), CCP_OK);
    ASSERT_STATUS(ccp_spsc_pop_n(q, &v, 1, &n), CCP_OK);
    assert_true(v == 3 && n == 1);
    ASSERT_STATUS(ccp_spsc_pop(q, &v), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_pop_n(q, &v, 1, &n), CCP_CLOSED);
    ASSERT_STATUS(ccp_spsc_peek(q, 1, &at, &n), CCP_CLOSED);
    ends(q);
}

/* ---- In a signal handler ---- */

static ccp_spsc *from_handler;

static void push_signal(int number)
{
    const long v = number;
    (void)!ccp_spsc_push(from_handler, &v);
}

TEST(a_signal_handler_may_be_the_producer) /* LQ2 */
{
    from_handler = ring_of(sizeof(long), 2);
    for (int i = 0; i < 3; i++) {
        assert_true(signal(SIGINT, push_signal) != SIG_ERR);
        assert_int_equal(raise(SIGINT), 0);
    }
    assert_true(signal(SIGINT, SIG_DFL) != SIG_ERR);
    assert_pops(from_handler, SIGINT);
    assert_pops(from_handler, SIGINT);
    ASSERT_STATUS(ccp_spsc_pop(from_handler, NULL), CCP_AGAIN);
    ends(from_handler);
}

/* ---- In two threads ---- */

enum { PASSED = 3000 };

typedef struct passage {
    ccp_spsc *q;
    unsigned how; /* 0: one by one; 1: in batches; 2: in place */
    long all;
} passage;

static size_t put_in(passage *p, long *next, size_t want)
{
    long batch[8];
    void *room;
    size_t n = 0;
    for (size_t i = 0; i < want; i++)
        batch[i] = *next + (long)i;
    if (p->how == 0)
        n = ccp_spsc_push(p->q, batch) == CCP_OK;
    else if (p->how == 1)
        n = ccp_spsc_push_n(p->q, batch, want, &n) == CCP_OK ? n : 0;
    else if (ccp_spsc_reserve(p->q, want, &room, &n) == CCP_OK) {
        memcpy(room, batch, n * sizeof *batch);
        MUST(ccp_spsc_commit(p->q, n) == CCP_OK);
    }
    *next += (long)n;
    return n;
}

static void *produce(void *arg)
{
    passage *p = arg;
    for (long next = 0, left = p->all; left > 0;) {
        size_t n = put_in(p, &next, left < 8 ? (size_t)left : 1 + (size_t)left % 8);
        left -= (long)n;
        if (n == 0)
            (void)sched_yield();
    }
    MUST(ccp_spsc_close(p->q) == CCP_OK);
    return NULL;
}

static ccp_status take_out(passage *p, long *next)
{
    long batch[8];
    const void *at;
    size_t n = 1;
    ccp_status rc;
    if (p->how == 0)
        rc = ccp_spsc_pop(p->q, batch);
    else if (p->how == 1)
        rc = ccp_spsc_pop_n(p->q, batch, 8, &n);
    else if ((rc = ccp_spsc_peek(p->q, 8, &at, &n)) == CCP_OK) {
        memcpy(batch, at, n * sizeof *batch);
        MUST(ccp_spsc_release(p->q, n) == CCP_OK);
    }
    for (size_t i = 0; rc == CCP_OK && i < n; i++)
        MUST(batch[i] == (*next)++);
    return rc;
}

TEST(between_threads_nothing_is_lost_or_doubled) /* LQ1 LQ4 LQ5 */
{
    for (unsigned how = 0; how < 3; how++)
        for (size_t cap = 1; cap <= 100; cap *= 10) {
            /* By one place each is a switch of threads: on a busy machine some milliseconds. */
            long all = (long)scaled(cap == 1 ? PASSED / 10 : PASSED);
            passage p = { ring_of(sizeof(long), cap), how, all };
            pthread_t id;
            long next = 0;
            ccp_status rc;
            assert_int_equal(pthread_create(&id, NULL, produce, &p), 0);
            while ((rc = take_out(&p, &next)) != CCP_CLOSED)
                if (rc == CCP_AGAIN)
                    (void)sched_yield();
            assert_int_equal(next, all);
            assert_int_equal(pthread_join(id, NULL), 0);
            ends(p.q);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(nothing_is_made_without_memory),
        ENTRY(elements_come_out_in_order),
        ENTRY(elements_may_have_any_size),
        ENTRY(an_element_may_be_dropped),
        ENTRY(batches_take_what_goes),
        ENTRY(a_batch_may_be_taken_in_parts),
        ENTRY(what_is_committed_is_in_the_ring),
        ENTRY(what_is_released_is_out_of_the_ring),
        ENTRY(while_room_is_lent_that_side_does_nothing_else),
        ENTRY(while_elements_are_lent_that_side_does_nothing_else),
        ENTRY(a_closed_ring_gives_what_is_in_it),
        ENTRY(a_signal_handler_may_be_the_producer),
        ENTRY(a_dump_says_how_full_it_is_and_whether_it_is_closed),
        ENTRY(between_threads_nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
