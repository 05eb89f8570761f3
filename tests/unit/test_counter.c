/* SPDX-License-Identifier: MIT
 *
 * Counters in shards, and spins.
 */
#include "support.h"

#include "base/machine.h"

static int pauses, yields;

void __real_ccpi_relax(void);
void __wrap_ccpi_relax(void);
void __wrap_ccpi_relax(void)
{
    pauses++;
}

void __real_ccpi_yield(void);
void __wrap_ccpi_yield(void);
void __wrap_ccpi_yield(void)
{
    yields++;
}

TEST(a_counter_that_is_not_there_is_zero) /* G2 */
{
    ccp_counter_add(NULL, 1);
    assert_int_equal(ccp_counter_sum(NULL), 0);
    assert_int_equal(ccp_counter_take(NULL), 0);
}

TEST(the_sum_is_what_was_added) /* LD6 */
{
    static ccp_counter zero;
    ccp_counter c = CCP_COUNTER_INIT;
    ccp_counter *both[] = { &zero, &c };
    for (size_t i = 0; i < LENGTH(both); i++) {
        assert_int_equal(ccp_counter_sum(both[i]), 0);
        ccp_counter_add(both[i], 5);
        ccp_counter_add(both[i], -7);
        assert_int_equal(ccp_counter_sum(both[i]), -2);
        ccp_counter_add(both[i], INT64_MAX);
        assert_int_equal(ccp_counter_sum(both[i]), INT64_MAX - 2);
        ccp_counter_add(both[i], 3); /* modulo 2^64 */
        assert_int_equal(ccp_counter_sum(both[i]), INT64_MIN);
    }
}

TEST(the_shard_does_not_matter) /* LD6 */
{
    ccp_counter c = CCP_COUNTER_INIT;
    for (int i = 0; i < 1000; i++) {
        (void)ccpi_rand();
        ccp_counter_add(&c, i % 2 ? 3 : -1);
    }
    assert_int_equal(ccp_counter_sum(&c), 1000);
    int used = 0;
    for (int i = 0; i < CCP_COUNTER_SHARDS; i++)
        used += c.shard_[i][0] != 0;
    assert_int_equal(used, CCP_COUNTER_SHARDS);
}

TEST(who_is_alone_stays_in_one_shard)
{
    ccp_counter c = CCP_COUNTER_INIT;
    for (int i = 0; i < 1000; i++)
        ccp_counter_add(&c, 1);
    int used = 0;
    for (int i = 0; i < CCP_COUNTER_SHARDS; i++)
        used += c.shard_[i][0] != 0;
    assert_int_equal(used, 1);
}

TEST(what_is_taken_is_gone) /* LD7 */
{
    ccp_counter c = CCP_COUNTER_INIT;
    ccp_counter_add(&c, 5);
    assert_int_equal(ccp_counter_take(&c), 5);
    assert_int_equal(ccp_counter_take(&c), 0);
    ccp_counter_add(&c, -1);
    assert_int_equal(ccp_counter_sum(&c), -1);
    assert_int_equal(ccp_counter_take(&c), -1);
}

/* --- threads --- */

typedef struct counted {
    ccp_counter c;
    long rounds;
    atomic_int left;
} counted;

static void keep_counting(actor *a)
{
    counted *k = a->arg;
    for (long i = 0; i < k->rounds; i++)
        ccp_counter_add(&k->c, 1);
    atomic_fetch_sub(&k->left, 1);
}

TEST(sums_never_sink_and_nothing_is_lost) /* LD6 LD7 */
{
    for (int takes = 0; takes < 2; takes++) {
        counted k = { .rounds = (long)scaled(100000) };
        actor a[3];
        atomic_store(&k.left, (int)LENGTH(a));
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &k };
            actor_start(&a[i], keep_counting);
        }
        int64_t last = 0, sum = 0;
        while (atomic_load(&k.left) > 0) {
            if (takes) {
                sum += ccp_counter_take(&k.c);
                continue;
            }
            int64_t now = ccp_counter_sum(&k.c);
            assert_true(now >= last && now <= (int64_t)LENGTH(a) * k.rounds);
            last = now;
        }
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
        assert_int_equal(sum + ccp_counter_sum(&k.c), (int64_t)LENGTH(a) * k.rounds);
    }
}

/* --- spins --- */

TEST(a_spin_pauses_longer_each_time_and_then_yields)
{
    static ccp_spin s; /* all zero is valid */
    for (int round = 1; round <= 8; round++) {
        int most = 1 << (round < 6 ? round : 6);
        pauses = yields = 0;
        assert_true(ccp_spin_once(&s));
        assert_in_range(pauses, most / 2, most);
        assert_int_equal(yields, 0);
    }
    for (int round = 0; round < 20; round++) {
        pauses = yields = 0;
        assert_false(ccp_spin_once(&s));
        assert_true(pauses == 0 && yields == 1);
    }
    s = (ccp_spin)CCP_SPIN_INIT;
    assert_true(ccp_spin_once(&s));
    assert_false(ccp_spin_once(NULL));
}

TEST(two_spins_do_not_keep_in_step)
{
    int differ = 0;
    for (int i = 0; i < 20; i++) {
        ccp_spin s = { 7 };
        pauses = 0;
        (void)ccp_spin_once(&s);
        int first = pauses;
        s = (ccp_spin){ 7 };
        pauses = 0;
        (void)ccp_spin_once(&s);
        differ += pauses != first;
    }
    assert_true(differ > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_counter_that_is_not_there_is_zero),
        ENTRY(the_sum_is_what_was_added),
        ENTRY(the_shard_does_not_matter),
        ENTRY(who_is_alone_stays_in_one_shard),
        ENTRY(what_is_taken_is_gone),
        ENTRY(sums_never_sink_and_nothing_is_lost),
        ENTRY(a_spin_pauses_longer_each_time_and_then_yields),
        ENTRY(two_spins_do_not_keep_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
