/* SPDX-License-Identifier: MIT
 *
 * The bounded queue that nobody waits for.
 */
#define _GNU_SOURCE
#include "ccp.h"

typedef ccp_mpmc ring;
#define RING(call) ccp_mpmc_##call
#include "rings.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    ccp_mpmc *q = ring_of(sizeof(long), 2);
    long v = 1;
    size_t n = 7;
    assert_null(ccp_mpmc_new(0, 1));
    assert_null(ccp_mpmc_new(1, 0));
    assert_null(ccp_mpmc_new(1, SIZE_MAX));
    assert_null(ccp_mpmc_new(SIZE_MAX - 2, 1));
    assert_null(ccp_mpmc_new(SIZE_MAX / 2, 4));
    assert_null(ccp_mpmc_new(SIZE_MAX / 8, 100));
    ASSERT_STATUS(ccp_mpmc_push(NULL, &v), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_push(q, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_pop(NULL, &v), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_push_n(NULL, &v, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_push_n(q, NULL, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_push_n(q, &v, 0, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_push_n(q, &v, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_pop_n(NULL, &v, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_pop_n(q, NULL, 1, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_pop_n(q, &v, 0, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_pop_n(q, &v, 1, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_mpmc_close(NULL), CCP_INVAL);
    assert_int_equal(ccp_mpmc_len(NULL), 0);
    assert_int_equal(ccp_mpmc_cap(NULL), 0);
    assert_int_equal(ccp_mpmc_len(q), 0);
    assert_int_equal(n, 7); /* G1 */
    ends(q);
    ends(NULL);
}

TEST(nothing_is_made_without_memory) /* G4 */
{
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_mpmc_new(8, 8));
    ends(ring_of(8, 8));
    memory_unwatch();
}

TEST(a_closed_queue_gives_what_is_in_it) /* LQ5 */
{
    ccp_mpmc *q = ring_of(sizeof(long), 3);
    long v = 0;
    size_t n = 0;
    for (long i = 1; i <= 3; i++)
        push(q, i);
    ASSERT_STATUS(ccp_mpmc_close(q), CCP_OK);
    ASSERT_STATUS(ccp_mpmc_close(q), CCP_CLOSED);
    ASSERT_STATUS(ccp_mpmc_push(q, &v), CCP_CLOSED);
    assert_int_equal(ccp_mpmc_len(q), 3);
    assert_pops(q, 1);
    ASSERT_STATUS(ccp_mpmc_push_n(q, &v, 1, &n), CCP_CLOSED);
    ASSERT_STATUS(ccp_mpmc_pop(q, NULL), CCP_OK); /* drops 2 */
    ASSERT_STATUS(ccp_mpmc_pop_n(q, &v, 1, &n), CCP_OK);
    assert_true(v == 3 && n == 1);
    ASSERT_STATUS(ccp_mpmc_pop(q, &v), CCP_CLOSED);
    ASSERT_STATUS(ccp_mpmc_pop_n(q, &v, 1, &n), CCP_CLOSED);
    ends(q);
}

/* ---- In the middle of a call: the element is in memory that cannot be touched, and the handler of
 * that signal makes calls before it can ---- */

static struct {
    ccp_mpmc *q;
    void *page;
    ccp_status push, push_n, pop, pop_n;
} middle;

enum { PAGE = 1 << 16 };

static void look_from_the_middle(int number)
{
    long v = 0;
    size_t n;
    (void)number;
    middle.push = ccp_mpmc_push(middle.q, &v);
    middle.push_n = ccp_mpmc_push_n(middle.q, &v, 1, &n);
    middle.pop = ccp_mpmc_pop(middle.q, &v);
    middle.pop_n = ccp_mpmc_pop_n(middle.q, &v, 1, &n);
    if (mprotect(middle.page, PAGE, PROT_READ | PROT_WRITE) != 0)
        abort();
}

TEST(what_needs_a_place_that_somebody_is_using_is_busy) /* LQ7 */
{
    struct sigaction mine = { .sa_handler = look_from_the_middle }, before[2];
    middle.q = ring_of(sizeof(long), 1);
    middle.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(middle.page != MAP_FAILED);
    assert_int_equal(mprotect(middle.page, PAGE, PROT_NONE), 0); /* memory, for valgrind */
    assert_int_equal(sigaction(SIGSEGV, &mine, &before[0]), 0);
    assert_int_equal(sigaction(SIGBUS, &mine, &before[1]), 0);
    ASSERT_STATUS(ccp_mpmc_push(middle.q, middle.page), CCP_OK);
    ASSERT_STATUS(middle.push, CCP_AGAIN); /* it counts already */
    ASSERT_STATUS(middle.push_n, CCP_AGAIN);
    ASSERT_STATUS(middle.pop, CCP_BUSY);
    ASSERT_STATUS(middle.pop_n, CCP_BUSY);
    assert_int_equal(mprotect(middle.page, PAGE, PROT_NONE), 0);
    ASSERT_STATUS(ccp_mpmc_pop(middle.q, middle.page), CCP_OK);
    ASSERT_STATUS(middle.push, CCP_BUSY);
    ASSERT_STATUS(middle.push_n, CCP_BUSY);
    ASSERT_STATUS(middle.pop, CCP_AGAIN); /* it counts no more */
    ASSERT_STATUS(middle.pop_n, CCP_AGAIN);
    assert_int_equal(sigaction(SIGSEGV, &before[0], NULL), 0);
    assert_int_equal(sigaction(SIGBUS, &before[1], NULL), 0);
    assert_int_equal(munmap(middle.page, PAGE), 0);
    push(middle.q, 1);
    assert_pops(middle.q, 1);
    ends(middle.q);
}

/* ---- In several threads ---- */

enum { PASSED = 3000, EACH_SIDE = 3 };

typedef struct crowd {
    ccp_mpmc *q;
    bool batches;
    _Atomic long sum;
    _Atomic int producers;
} crowd;

static void *produce(void *arg)
{
    crowd *c = arg;
    const long v[3] = { 1, 1, 1 };
    for (long left = (long)scaled(PASSED); left > 0;) {
        size_t n = 1, want = c->batches && left >= 3 ? 3 : 1;
        ccp_status rc = want > 1 ? ccp_mpmc_push_n(c->q, v, want, &n) : ccp_mpmc_push(c->q, v);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_BUSY);
        if (rc == CCP_OK)
            left -= (long)n;
        else
            (void)sched_yield();
    }
    if (atomic_fetch_sub(&c->producers, 1) == 1)
        MUST(ccp_mpmc_close(c->q) == CCP_OK);
    return NULL;
}

static void *consume(void *arg)
{
    crowd *c = arg;
    for (ccp_status rc = CCP_OK; rc != CCP_CLOSED;) {
        long v[4] = { 0 };
        size_t n = 1;
        rc = c->batches ? ccp_mpmc_pop_n(c->q, v, 4, &n) : ccp_mpmc_pop(c->q, v);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_BUSY || rc == CCP_CLOSED);
        for (size_t i = 0; rc == CCP_OK && i < n; i++)
            atomic_fetch_add(&c->sum, v[i]);
        if (rc == CCP_AGAIN || rc == CCP_BUSY)
            (void)sched_yield();
    }
    return NULL;
}

TEST(between_threads_nothing_is_lost_or_doubled) /* LQ5 LQ7 LQ8 */
{
    for (int batches = 0; batches < 2; batches++)
        for (size_t cap = 1; cap <= 100; cap *= 10) {
            crowd c = { .q = ring_of(sizeof(long), cap), .batches = batches };
            pthread_t id[2 * EACH_SIDE];
            atomic_store(&c.producers, EACH_SIDE);
            for (int i = 0; i < 2 * EACH_SIDE; i++)
                assert_int_equal(pthread_create(&id[i], NULL, i % 2 ? consume : produce, &c), 0);
            for (int i = 0; i < 2 * EACH_SIDE; i++)
                assert_int_equal(pthread_join(id[i], NULL), 0);
            assert_int_equal(c.sum, EACH_SIDE * scaled(PASSED));
            ends(c.q);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(nothing_is_made_without_memory),
        ENTRY(elements_come_out_in_order),
        ENTRY(elements_may_have_any_size),
        ENTRY(batches_take_what_goes),
        ENTRY(a_closed_queue_gives_what_is_in_it),
        ENTRY(what_needs_a_place_that_somebody_is_using_is_busy),
        ENTRY(a_dump_says_how_full_it_is_and_whether_it_is_closed),
        ENTRY(between_threads_nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
