/* SPDX-License-Identifier: MIT
 *
 * What a yield takes when it lets nobody run is learned from those of which the kernel says so; and
 * whether this process has the processors: base/cpu.c, with a kernel of the test's own.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

static int fake_spent(struct timespec *t);
static int fake_yield(void);
static int fake_getrusage(struct rusage *u);
#if defined(__x86_64__) || defined(__i386__)
static unsigned long long ticks_jumped;
static unsigned long long jumping_ticks(void)
{
    return __builtin_ia32_rdtsc() + ticks_jumped;
}
#define __builtin_ia32_rdtsc jumping_ticks
#endif
#define sched_yield() fake_yield()
#define getrusage(who, u) fake_getrusage(u)
#define clock_gettime(clock, t) fake_spent(t)
#define ccpi_clock_now fake_now
#include "base/cpu.c"

#include "support.h"

static uint64_t takes;        /* ticks of the next yields */
static bool switched, silent; /* they let somebody run; the kernel tells nothing */
static long counted;
static unsigned yields, asked;
static unsigned long long jumps; /* what the clock jumps by in a yield, where that can be told */

static int64_t now, spent; /* by the clock, and by the process */

static int fake_yield(void)
{
    uint64_t began = ccpi_ticks();
    while (ccpi_ticks() - began < takes) {
        ccpi_relax();
        now += 32; /* a tick, where ticks are the clock */
    }
    counted += switched;
#ifdef __builtin_ia32_rdtsc
    ticks_jumped += jumps;
#endif
    yields++;
    return 0;
}

static bool clockless;

int64_t fake_now(void)
{
    return now;
}

static int fake_spent(struct timespec *t)
{
    *t = (struct timespec){ .tv_sec = (time_t)(spent / 1000000000),
                            .tv_nsec = (long)(spent % 1000000000) };
    return clockless ? -1 : 0;
}

static int fake_getrusage(struct rusage *u)
{
    asked++;
    u->ru_nivcsw = counted;
    u->ru_nvcsw = 0;
    return silent ? -1 : 0;
}

static int forget(void **state)
{
    (void)state;
    atomic_store(&yield_alone, YIELD_USUAL);
    atomic_store(&yield_samples, 0);
    atomic_store(&yield_looks, 0);
    atomic_store(&share_ours, 0);
    atomic_store(&share_wall, 0);
    atomic_store(&share_spent, 0);
    now = spent = 0;
    clockless = false;
    switched = silent = false;
    takes = 0;
    jumps = 0;
    yields = asked = 0;
    return 0;
}

static void yield_times(unsigned n, uint64_t ticks, bool lets_run)
{
    takes = ticks;
    switched = lets_run;
    for (unsigned i = 0; i < n; i++)
        ccpi_yield();
}

TEST(only_yields_that_let_nobody_run_teach)
{
    yield_times(4, 0, true);
    assert_int_equal(ccpi_yield_alone(), YIELD_USUAL);
    yield_times(4, 2000, false);
    assert_true(ccpi_yield_alone() >= 2000);
    yield_times(4, 0, true);
    assert_true(ccpi_yield_alone() >= 2000);
}

TEST(the_shortest_counts)
{
    yield_times(4, 2000, false); /* four: the machine may take the processor away in one */
    yield_times(YIELD_SAMPLES - 5, 1000000, false);
    assert_in_range(ccpi_yield_alone(), 2000, 999999);
}

TEST(after_enough_of_them_the_kernel_is_not_asked_any_more)
{
    yield_times(YIELD_SAMPLES, 0, false);
    unsigned before = asked;
    uint32_t learned = ccpi_yield_alone();
    yield_times(100, 0, false);
    assert_int_equal(asked, before);
    assert_int_equal(ccpi_yield_alone(), learned);
    assert_int_equal(yields, YIELD_SAMPLES + 100);
}

TEST(where_all_let_somebody_run_it_stops_asking_too)
{
    yield_times(YIELD_LOOKS, 0, true);
    unsigned before = asked;
    yield_times(100, 0, true);
    assert_int_equal(asked, before);
    assert_int_equal(ccpi_yield_alone(), YIELD_USUAL);
}

TEST(a_kernel_that_does_not_tell_teaches_nothing)
{
    silent = true;
    yield_times(200, 0, false);
    assert_int_equal(ccpi_yield_alone(), YIELD_USUAL);
    assert_int_equal(yields, 200);
}

#ifdef __builtin_ia32_rdtsc
TEST(a_clock_that_jumps_teaches_nothing)
{
    jumps = -(1ull << 50);
    yield_times(4, 0, false);
    jumps = 1ull << 50;
    yield_times(4, 0, false);
    assert_int_equal(ccpi_yield_alone(), YIELD_USUAL);
    assert_int_equal(yields, 8);
}
#endif

/* Time passes, of which the process has so many percent of each processor. */
static bool ours_after(int64_t ns, int percent)
{
    now += ns;
    spent += ns / 100 * percent * ccpi_cpu_count();
    return ccpi_cpus_are_ours();
}

TEST(a_process_that_runs_all_the_time_has_the_processors)
{
    assert_true(ours_after(SHARE_NS, 100));
    assert_true(ours_after(SHARE_NS, SHARE_OURS));
    assert_false(ours_after(SHARE_NS, SHARE_OURS - 1));
    assert_true(ours_after(SHARE_NS, SHARE_OURS));
}

TEST(so_little_time_that_the_kernel_has_not_counted_changes_nothing)
{
    assert_false(ours_after(SHARE_NS - 1, 100));
    assert_true(ours_after(SHARE_NS, 100));
    assert_true(ours_after(SHARE_NS - 1, 0));
    assert_false(ours_after(1, 0));
}

TEST(a_process_without_a_clock_has_none)
{
    clockless = true;
    assert_false(ours_after(SHARE_NS, 100));
    clockless = false;
    assert_true(ours_after(SHARE_NS, 100));
}

#define LEARNS(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEARNS(only_yields_that_let_nobody_run_teach),
        LEARNS(the_shortest_counts),
        LEARNS(after_enough_of_them_the_kernel_is_not_asked_any_more),
        LEARNS(where_all_let_somebody_run_it_stops_asking_too),
        LEARNS(a_kernel_that_does_not_tell_teaches_nothing),
        LEARNS(a_process_that_runs_all_the_time_has_the_processors),
        LEARNS(so_little_time_that_the_kernel_has_not_counted_changes_nothing),
        LEARNS(a_process_without_a_clock_has_none),
#ifdef __builtin_ia32_rdtsc
        LEARNS(a_clock_that_jumps_teaches_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
