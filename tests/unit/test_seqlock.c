/* SPDX-License-Identifier: MIT
 *
 * Seqlocks.  What real threads do to each other is in tests/sim and tests/stress.
 */
#include "support.h"

typedef struct data {
    uint64_t word[2];
    unsigned char byte[3];
} data;

static ccp_seqlock lock; /* all zero is valid */

static data filled(unsigned char k)
{
    data d;
    memset(&d, k, sizeof d);
    return d;
}

TEST(wrong_arguments_are_refused) /* G2 */
{
    data shared = filled(1), d = filled(2);
    char *odd = (char *)&shared + 1;
    ASSERT_STATUS(ccp_seqlock_read(NULL, &d, &shared, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_read(&lock, NULL, &shared, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_read(&lock, &d, NULL, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_read(&lock, &d, &shared, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_read(&lock, &d, odd, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_write(NULL, &shared, &d, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_write(&lock, NULL, &d, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_write(&lock, &shared, NULL, sizeof d), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_write(&lock, &shared, &d, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_write(&lock, odd, &d, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_put(NULL, &d, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_put(&shared, NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_put(&shared, &d, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_put(odd, &d, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_enter(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_seqlock_leave(NULL), CCP_INVAL);
    data one = filled(1), two = filled(2);
    assert_memory_equal(&shared, &one, sizeof one);
    assert_memory_equal(&d, &two, sizeof two);
    assert_int_equal(lock.seq_, 0);
}

TEST(what_was_written_is_read_in_every_size) /* LD4 */
{
    ccp_seqlock own = CCP_SEQLOCK_INIT;
    for (size_t size = 1; size <= sizeof(data); size++) {
        data shared = filled(7), d = filled(9), in;
        element_fill(&in, sizeof in, size);
        ASSERT_STATUS(ccp_seqlock_write(&own, &shared, &in, size), CCP_OK);
        assert_memory_equal(&shared, &in, size);
        ASSERT_STATUS(ccp_seqlock_read(&own, &d, &shared, size), CCP_OK);
        assert_memory_equal(&d, &in, size);
        for (size_t i = size; i < sizeof(data); i++) { /* and nothing beyond */
            assert_int_equal(((unsigned char *)&shared)[i], 7);
            assert_int_equal(((unsigned char *)&d)[i], 9);
        }
    }
}

TEST(own_memory_may_lie_anywhere)
{
    data shared = filled(0);
    char out[sizeof(data) + 1], in[sizeof(data) + 1];
    element_fill(in + 1, sizeof(data), 5);
    ASSERT_STATUS(ccp_seqlock_write(&lock, &shared, in + 1, sizeof(data)), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_read(&lock, out + 1, &shared, sizeof(data)), CCP_OK);
    assert_memory_equal(in + 1, out + 1, sizeof(data));
}

TEST(a_reader_does_not_wait_for_a_writer) /* LD5 */
{
    data shared = filled(1), d;
    ASSERT_STATUS(ccp_seqlock_enter(&lock), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_read(&lock, &d, &shared, sizeof d), CCP_AGAIN);
    ASSERT_STATUS(ccp_seqlock_leave(&lock), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_read(&lock, &d, &shared, sizeof d), CCP_OK);
}

TEST(nor_does_another_writer) /* LD5 */
{
    data shared = filled(1), d = filled(2), one = filled(1);
    ASSERT_STATUS(ccp_seqlock_enter(&lock), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_enter(&lock), CCP_AGAIN);
    ASSERT_STATUS(ccp_seqlock_write(&lock, &shared, &d, sizeof d), CCP_AGAIN);
    assert_memory_equal(&shared, &one, sizeof one);
    ASSERT_STATUS(ccp_seqlock_leave(&lock), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_write(&lock, &shared, &d, sizeof d), CCP_OK);
    assert_memory_equal(&shared, &d, sizeof d);
}

TEST(what_is_put_in_several_steps_is_seen_at_once) /* LD4 */
{
    static struct {
        uint64_t a, b;
    } shared, seen;
    uint64_t next;
    for (uint64_t k = 1; k <= 3; k++) {
        ASSERT_STATUS(ccp_seqlock_enter(&lock), CCP_OK);
        next = shared.a + 1; /* who is inside may look */
        ASSERT_STATUS(ccp_seqlock_put(&shared.a, &next, sizeof next), CCP_OK);
        next = 10 * next;
        ASSERT_STATUS(ccp_seqlock_put(&shared.b, &next, sizeof next), CCP_OK);
        ASSERT_STATUS(ccp_seqlock_leave(&lock), CCP_OK);
        ASSERT_STATUS(ccp_seqlock_read(&lock, &seen, &shared, sizeof seen), CCP_OK);
        assert_int_equal(seen.a, k);
        assert_int_equal(seen.b, 10 * k);
    }
}

TEST(who_leaves_without_having_entered_is_told)
{
    ccp_seqlock own = CCP_SEQLOCK_INIT;
    ASSERT_STATUS(ccp_seqlock_leave(&own), CCP_MISUSE);
    ASSERT_STATUS(ccp_seqlock_enter(&own), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_leave(&own), CCP_OK);
    ASSERT_STATUS(ccp_seqlock_leave(&own), CCP_MISUSE);
    ASSERT_STATUS(ccp_seqlock_enter(&own), CCP_OK);
}

/* --- threads --- */

typedef struct pair {
    ccp_seqlock lock;
    uint64_t d[4]; /* the same number */
    long rounds;
    atomic_bool stop;
} pair;

static void keep_writing(actor *a)
{
    pair *p = a->arg;
    for (uint64_t k = 1; k <= (uint64_t)p->rounds; k++) {
        const uint64_t d[4] = { k, k, k, k };
        MUST(ccp_seqlock_write(&p->lock, p->d, d, sizeof d) == CCP_OK); /* the only writer */
    }
    atomic_store(&p->stop, true);
}

TEST(readers_see_whole_writes_in_their_order) /* LD4 LD5 */
{
    pair p = { .rounds = (long)scaled(20000) };
    actor a = { .arg = &p };
    uint64_t d[4], last = 0;
    bool stopped;
    actor_start(&a, keep_writing);
    do {
        stopped = atomic_load(&p.stop);
        ccp_status st = ccp_seqlock_read(&p.lock, d, p.d, sizeof d);
        assert_true(st == CCP_OK || (st == CCP_AGAIN && !stopped));
        if (st != CCP_OK)
            continue;
        assert_true(d[0] >= last && d[0] == d[1] && d[0] == d[2] && d[0] == d[3]);
        last = d[0];
    } while (!stopped);
    actor_join(&a);
    assert_int_equal(last, p.rounds);
}

static void keep_updating(actor *a)
{
    pair *p = a->arg;
    for (long i = 0; i < p->rounds; i++) {
        ccp_spin s = CCP_SPIN_INIT;
        while (ccp_seqlock_enter(&p->lock) == CCP_AGAIN)
            (void)ccp_spin_once(&s);
        uint64_t next = p->d[0] + 1;
        MUST(ccp_seqlock_put(p->d, &next, sizeof next) == CCP_OK);
        MUST(ccp_seqlock_leave(&p->lock) == CCP_OK);
    }
}

TEST(writers_take_turns)
{
    pair p = { .rounds = (long)scaled(5000) };
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &p };
        actor_start(&a[i], keep_updating);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    assert_int_equal(p.d[0], 3 * p.rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(what_was_written_is_read_in_every_size),
        ENTRY(own_memory_may_lie_anywhere),
        ENTRY(a_reader_does_not_wait_for_a_writer),
        ENTRY(nor_does_another_writer),
        ENTRY(what_is_put_in_several_steps_is_seen_at_once),
        ENTRY(who_leaves_without_having_entered_is_told),
        ENTRY(readers_see_whole_writes_in_their_order),
        ENTRY(writers_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
