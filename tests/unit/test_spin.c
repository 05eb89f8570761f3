/* SPDX-License-Identifier: MIT
 *
 * How a wait that is awake goes on: pauses, yields, and when it goes to sleep.  Linked with --wrap:
 * a machine whose clock moves only by what is done on it.
 */
#include "support.h"

#include "block/spin.h"
#include "block/tuning.h"

/* --- the machine --- */

static uint64_t ticks, yield_takes, moves_per_yield;
static unsigned pauses, yields;
static ccpi_word64 others, mine, theirs;

uint64_t __wrap_ccpi_ticks(void);
uint64_t __wrap_ccpi_ticks(void)
{
    return ticks;
}

void __wrap_ccpi_relax(void);
void __wrap_ccpi_relax(void)
{
    pauses++;
    ticks++;
}

void __wrap_ccpi_yield(void);
void __wrap_ccpi_yield(void)
{
    yields++;
    ticks += yield_takes;
    atomic_fetch_add(&theirs, moves_per_yield);
}

#define ALONE 10

uint32_t __wrap_ccpi_yield_alone(void);
uint32_t __wrap_ccpi_yield_alone(void)
{
    return ALONE;
}

static bool ours; /* this process has the processors */

bool __wrap_ccpi_cpus_are_ours(void);
bool __wrap_ccpi_cpus_are_ours(void)
{
    return ours;
}

static ccpi_tuning_s original;

static int set_machine(void **state)
{
    (void)state;
    original = ccpi_tuning;
    ticks = 1000;
    yield_takes = 1;
    moves_per_yield = 0;
    pauses = yields = 0;
    atomic_store(&others, 0);
    ours = false;
    return 0;
}

static int restore(void **state)
{
    ccpi_tuning = original;
    return no_block_is_live(state);
}

static ccpi_spin begin(ccpi_pace *pace, uint64_t burst)
{
    ccpi_spin s;
    pauses = yields = 0;
    ccpi_spin_begin(&s, pace, burst, &others, &mine, &theirs);
    return s;
}

static bool once(ccpi_spin *s)
{
    return ccpi_spin_once(s);
}

/* To the moment at which it would sleep; how long that took. */
static uint64_t spin_to_the_end(ccpi_spin *s)
{
    uint64_t began = ticks;
    while (once(s))
        MUST(ticks < began + 100000000);
    return ticks - began;
}

/* A wait that is won at its n-th pause, while the first pauses last. */
static void win_after_pauses(ccpi_pace *pace, unsigned n)
{
    ccpi_spin s = begin(pace, 0);
    while (n-- > 0 && ccpi_spin_quick(&s))
        continue;
    ccpi_spin_won(&s);
}

static void sleep_for(ccpi_pace *pace, uint64_t t)
{
    ccpi_spin s = begin(pace, 0);
    (void)spin_to_the_end(&s);
    ccpi_spin_slept(&s, s.began + t);
}

static unsigned first_pauses(ccpi_pace *pace)
{
    ccpi_spin s = begin(pace, 0);
    while (ccpi_spin_quick(&s))
        continue;
    return pauses;
}

/* --- pauses --- */

TEST(a_wait_begins_with_pauses_within_the_limits)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    assert_in_range(first_pauses(&pace), ccpi_tuning.quick_min, ccpi_tuning.quick_max);
    assert_int_equal(yields, 0);
    for (int i = 0; i < 200; i++)
        win_after_pauses(&pace, 0);
    assert_int_equal(first_pauses(&pace), ccpi_tuning.quick_min); /* short waits, few pauses */
    for (int i = 0; i < 200; i++)
        sleep_for(&pace, ccpi_tuning.long_wait - 1);
    assert_int_equal(first_pauses(&pace), ccpi_tuning.quick_max);
}

TEST(waits_that_are_long_are_not_worth_more_than_the_least)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    for (int i = 0; i < 200; i++)
        sleep_for(&pace, 100 * (uint64_t)ccpi_tuning.long_wait);
    assert_int_equal(first_pauses(&pace), ccpi_tuning.quick_min);
    ccpi_spin s = begin(&pace, 0);
    uint64_t took = spin_to_the_end(&s);
    assert_in_range(took, 1, ccpi_tuning.quick_min + yield_takes + ccpi_tuning.pauses);
}

TEST(a_wake_that_seems_to_come_before_the_wait_teaches_nothing)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    uint32_t before = atomic_load(&pace.average);
    ccpi_spin s = begin(&pace, 0);
    ccpi_spin_slept(&s, s.began);
    ccpi_spin_slept(&s, s.began - 1); /* ticks may jump */
    assert_int_equal(atomic_load(&pace.average), before);
    ccpi_spin_slept(&s, s.began + 2 * (uint64_t)ccpi_tuning.long_wait);
    assert_true(atomic_load(&pace.average) > before);
}

/* --- yields --- */

TEST(after_a_yield_that_returned_at_once_it_pauses_and_yields_in_turns)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    ccpi_tuning.patient_max = 10 * ccpi_tuning.pauses;
    for (int i = 0; i < 200; i++)
        sleep_for(&pace, ccpi_tuning.long_wait - 1);
    ccpi_spin s = begin(&pace, 0);
    uint64_t took = spin_to_the_end(&s);
    assert_true(yields >= 2);
    assert_in_range(took, ccpi_tuning.patient_max,
                    ccpi_tuning.patient_max + yield_takes + ccpi_tuning.pauses + 1);
}

TEST(while_somebody_is_awake_on_the_other_side_it_goes_on_for_longer)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    ccpi_tuning.patient_max = 0;
    ccpi_tuning.in_flight = 20 * ccpi_tuning.pauses + ccpi_tuning.quick_max;
    ccpi_spin s = begin(&pace, 0);
    assert_true(spin_to_the_end(&s) < ccpi_tuning.in_flight);
    atomic_store(&others, 1);
    s = begin(&pace, 0);
    assert_in_range(spin_to_the_end(&s), ccpi_tuning.in_flight,
                    ccpi_tuning.in_flight + yield_takes + ccpi_tuning.pauses + 1);
}

TEST(yields_that_let_somebody_run_are_few)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    yield_takes = ALONE * ccpi_tuning.shared_yield + 1;
    ccpi_spin s = begin(&pace, 0);
    (void)spin_to_the_end(&s);
    assert_int_equal(yields, ccpi_tuning.shared_tries + 1);
    assert_true(pauses <= ccpi_tuning.quick_max);
}

TEST(without_pauses_between_yields_it_sleeps_at_once)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    ccpi_spin s = begin(&pace, 0);
    assert_int_equal(spin_to_the_end(&s), 0);
    assert_int_equal(yields + pauses, 0);
}

/* --- a processor that is needed --- */

/* The last yield let somebody run, and short waits took n pauses. */
static void need_processor(ccpi_pace *pace, unsigned n)
{
    ccpi_pace_init(pace);
    for (int i = 0; i < 200; i++)
        win_after_pauses(pace, n);
    yield_takes = ALONE * ccpi_tuning.shared_yield + 1;
    ccpi_spin s = begin(pace, 0);
    (void)spin_to_the_end(&s);
}

static bool yields_first(ccpi_pace *pace, uint64_t burst)
{
    ccpi_spin s = begin(pace, burst);
    MUST(once(&s));
    MUST(pauses + yields == 1);
    return yields == 1;
}

TEST(partners_with_work_to_do_get_the_processor_first_for_a_while)
{
    ccpi_pace pace = { 0 };
    uint64_t burst = ccpi_tuning.shared_burst;
    ccpi_tuning.quick_min = 4 * ccpi_tuning.shared_grain;
    need_processor(&pace, 2 * ccpi_tuning.shared_grain);
    assert_false(yields_first(&pace, burst - 1)); /* too little room for a burst */
    yield_takes = ALONE * ccpi_tuning.shared_yield + 1;
    for (uint32_t i = 0; i < 3 * ccpi_tuning.shared_waits; i++)
        assert_true(yields_first(&pace, burst)); /* each such yield renews it */
    yield_takes = 1;
    assert_true(yields_first(&pace, burst));
    assert_false(yields_first(&pace, burst)); /* that one let nobody run */
}

TEST(the_while_ends_when_no_wait_comes_to_yield)
{
    ccpi_pace pace = { 0 };
    ccpi_tuning.quick_min = 4 * ccpi_tuning.shared_grain;
    need_processor(&pace, 2 * ccpi_tuning.shared_grain);
    for (uint32_t i = 0; i < ccpi_tuning.shared_waits; i++)
        (void)begin(&pace, ccpi_tuning.shared_burst); /* won before it yielded */
    assert_false(yields_first(&pace, ccpi_tuning.shared_burst));
}

TEST(partners_without_work_of_their_own_are_waited_for_with_pauses)
{
    ccpi_pace pace = { 0 };
    need_processor(&pace, 0);
    assert_false(yields_first(&pace, ccpi_tuning.shared_burst));
}

/* --- busy programs beside this one --- */

TEST(after_a_yield_that_a_busy_program_ate_waits_sleep_at_once_for_a_while)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    yield_takes = ccpi_tuning.hog_yield + 1;
    ccpi_spin s = begin(&pace, 0);
    (void)spin_to_the_end(&s);
    assert_true(yields > 0);
    for (uint32_t i = 0; i < ccpi_tuning.hog_skips; i++) {
        s = begin(&pace, 0);
        (void)spin_to_the_end(&s);
        assert_int_equal(yields, 0);
    }
    s = begin(&pace, 0);
    (void)spin_to_the_end(&s);
    assert_true(yields > 0);
}

/* Waits still yield after one that took long. */
static void assert_not_eaten(void)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    yield_takes = ccpi_tuning.hog_yield + 1;
    for (int i = 0; i < 2; i++) {
        ccpi_spin s = begin(&pace, 0);
        (void)spin_to_the_end(&s);
        assert_true(yields > 0);
    }
}

TEST(a_long_yield_in_which_much_moved_was_not_eaten)
{
    moves_per_yield = ccpi_tuning.hog_yield + 1;
    assert_not_eaten();
}

TEST(a_long_yield_while_other_threads_of_this_process_ran_was_not_eaten)
{
    ours = true;
    assert_not_eaten();
}

TEST(now_and_then_one_sleeps_where_yielding_always_wins)
{
    ccpi_pace pace = { 0 };
    ccpi_pace_init(&pace);
    yield_takes = ALONE * ccpi_tuning.shared_yield + 1;
    ccpi_tuning.shared_grain = UINT32_MAX / 16; /* no wait begins with a yield */
    for (int slept = 0; slept < 3; slept++) {
        for (uint32_t i = 0; i < ccpi_tuning.streak; i++) {
            ccpi_spin s = begin(&pace, 0);
            while (yields == 0)
                MUST(once(&s));
            ccpi_spin_won(&s);
        }
        ccpi_spin s = begin(&pace, 0);
        (void)spin_to_the_end(&s);
        assert_int_equal(yields, 0);
    }
}

#undef ENTRY
#define ENTRY(name) cmocka_unit_test_setup_teardown(name, set_machine, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_wait_begins_with_pauses_within_the_limits),
        ENTRY(waits_that_are_long_are_not_worth_more_than_the_least),
        ENTRY(a_wake_that_seems_to_come_before_the_wait_teaches_nothing),
        ENTRY(after_a_yield_that_returned_at_once_it_pauses_and_yields_in_turns),
        ENTRY(while_somebody_is_awake_on_the_other_side_it_goes_on_for_longer),
        ENTRY(yields_that_let_somebody_run_are_few),
        ENTRY(without_pauses_between_yields_it_sleeps_at_once),
        ENTRY(partners_with_work_to_do_get_the_processor_first_for_a_while),
        ENTRY(the_while_ends_when_no_wait_comes_to_yield),
        ENTRY(partners_without_work_of_their_own_are_waited_for_with_pauses),
        ENTRY(after_a_yield_that_a_busy_program_ate_waits_sleep_at_once_for_a_while),
        ENTRY(a_long_yield_in_which_much_moved_was_not_eaten),
        ENTRY(a_long_yield_while_other_threads_of_this_process_ran_was_not_eaten),
        ENTRY(now_and_then_one_sleeps_where_yielding_always_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
