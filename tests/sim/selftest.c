/* SPDX-License-Identifier: MIT
 *
 * Self-test of the explorer: each kind of failure is found where it is, and nowhere else.
 */
#include "selftest.h"

#include "base/lock.h"
#include "base/machine.h"
#include "base/mem.h"
#include "base/park.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_uint word, flag, turn;
static ccpi_lock lock, lock2;
static ccpi_parker parker;
static int plain, count;
static int *shared;
static _Atomic(int *) published;

#define LOAD(v, order) atomic_load_explicit(&(v), memory_order_##order)
#define STORE(v, n, order) atomic_store_explicit(&(v), n, memory_order_##order)

/* ---- Locks ---- */

static void add_under_lock(void *arg)
{
    (void)arg;
    ccpi_lock_acquire(&lock);
    count++;
    ccpi_lock_release(&lock);
}
static void lock_excludes(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        sim_spawn(add_under_lock, NULL);
    sim_join();
    sim_assert(count == 3);
}
static void relock(void *arg)
{
    (void)arg;
    ccpi_lock_acquire(&lock);
    ccpi_lock_acquire(&lock);
}
static void foreign_unlock(void *arg)
{
    (void)arg;
    ccpi_lock_release(&lock);
}
static void take_12(void *arg)
{
    (void)arg;
    ccpi_lock_acquire(&lock);
    ccpi_lock_acquire(&lock2);
    ccpi_lock_release(&lock2);
    ccpi_lock_release(&lock);
}
static void take_21(void *arg)
{
    (void)arg;
    ccpi_lock_acquire(&lock2);
    ccpi_lock_acquire(&lock);
    ccpi_lock_release(&lock);
    ccpi_lock_release(&lock2);
}
static void lock_order(void *arg)
{
    (void)arg;
    sim_spawn(take_12, NULL);
    sim_spawn(take_21, NULL);
    sim_join();
}
static void park_under_lock(void *arg)
{
    (void)arg;
    ccpi_lock_acquire(&lock);
    ccpi_word_wait((ccpi_word32 *)&word, 0, sim_now() + 5);
    ccpi_lock_release(&lock);
}

/* ---- Sleeping and waking ---- */

static void post(void *arg)
{
    (void)arg;
    plain = 5;
    if (ccpi_park_post(&parker))
        ccpi_word_wake(&parker.word);
}
static void park_and_post(void *arg)
{
    (void)arg;
    sim_spawn(post, NULL);
    sim_assert(ccpi_park(&parker, CCPI_NEVER));
    sim_assert(plain == 5);
    sim_join();
}
static void sleep_on_flag(void *arg)
{
    (void)arg;
    while (LOAD(flag, acquire) == 0)
        ccpi_word_wait((ccpi_word32 *)&word, LOAD(word, acquire), CCPI_NEVER);
}
static void raise_and_wake(void *arg)
{
    (void)arg;
    STORE(flag, 1, release);
    atomic_fetch_add_explicit(&word, 1, memory_order_release);
    ccpi_word_wake((ccpi_word32 *)&word);
}
static void lost_wake(void *arg) /* the word is read after the flag: a wake between is lost */
{
    (void)arg;
    sim_spawn(sleep_on_flag, NULL);
    sim_spawn(raise_and_wake, NULL);
    sim_join();
}
static void sleep_rightly(void *arg)
{
    (void)arg;
    for (;;) {
        unsigned w = LOAD(word, acquire);
        if (LOAD(flag, acquire))
            return;
        ccpi_word_wait((ccpi_word32 *)&word, w, CCPI_NEVER);
    }
}
static void no_lost_wake(void *arg)
{
    (void)arg;
    sim_spawn(sleep_rightly, NULL);
    sim_spawn(raise_and_wake, NULL);
    sim_join();
}
static void one_wake_for_two(void *arg)
{
    (void)arg;
    sim_spawn(sleep_rightly, NULL);
    sim_spawn(sleep_rightly, NULL);
    sim_spawn(raise_and_wake, NULL);
    sim_join();
}
static void timed_sleep(void *arg) /* both ends must be seen */
{
    (void)arg;
    int64_t deadline = sim_now() + 100;
    sim_spawn(raise_and_wake, NULL);
    bool late = ccpi_word_wait((ccpi_word32 *)&word, 0, deadline);
    sim_assert(!late || sim_now() >= deadline);
    sim_outcome(late);
    sim_join();
}
static void timed_sleep_alone(void *arg)
{
    (void)arg;
    int64_t deadline = sim_now() + 100;
    sim_assert(ccpi_word_wait((ccpi_word32 *)&word, 0, deadline));
    sim_assert(sim_now() == deadline);
}
static void sleep_once(void *arg)
{
    (void)arg;
    ccpi_word_wait((ccpi_word32 *)&word, 0, CCPI_NEVER);
    sim_assert(LOAD(flag, acquire) == 1);
}
static void spurious_wake(void *arg)
{
    (void)arg;
    sim_spawn(sleep_once, NULL);
    sim_spawn(raise_and_wake, NULL);
    sim_join();
}
static void sleep_and_note(void *arg)
{
    (void)arg;
    int me = sim_self();
    ccpi_word_wait((ccpi_word32 *)&word, 0, CCPI_NEVER);
    unsigned first = 0;
    atomic_compare_exchange_strong(&turn, &first, (unsigned)me);
    ccpi_word_wake((ccpi_word32 *)&word);
}
static void wake_when_both_sleep(void *arg)
{
    (void)arg;
    sim_spawn(sleep_and_note, NULL);
    sim_spawn(sleep_and_note, NULL);
    ccpi_word_wait((ccpi_word32 *)&flag, 0, sim_now() + 1); /* time passes: see the caller */
    STORE(word, 1, release);
    ccpi_word_wake((ccpi_word32 *)&word);
    sim_join();
    sim_outcome(LOAD(turn, relaxed));
}

/* ---- Spinning ---- */

static void raise_later(void *arg)
{
    (void)arg;
    STORE(word, 1, relaxed);
    STORE(flag, 1, release);
}
static void spin_on_flag(void *arg)
{
    (void)arg;
    while (LOAD(flag, acquire) == 0)
        ccpi_relax();
}
static void spin_ends(void *arg)
{
    (void)arg;
    sim_spawn(spin_on_flag, NULL);
    sim_spawn(spin_on_flag, NULL);
    sim_spawn(raise_later, NULL);
    sim_join();
}
static void livelock(void *arg)
{
    (void)arg;
    sim_spawn(spin_on_flag, NULL);
    sim_join();
}
static void spin_a_little_then_sleep(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (LOAD(flag, acquire))
            return;
        ccpi_relax();
    }
    sleep_rightly(NULL);
}
static void bounded_spin(void *arg)
{
    (void)arg;
    sim_spawn(spin_a_little_then_sleep, NULL);
    sim_spawn(raise_and_wake, NULL);
    sim_join();
}

/* ---- Memory ---- */

static void write_plain(void *arg)
{
    (void)arg;
    plain = 1;
}
static void race_on_plain(void *arg)
{
    (void)arg;
    sim_spawn(write_plain, NULL);
    sim_spawn(write_plain, NULL);
    sim_join();
}
static void write_then_relaxed(void *arg)
{
    (void)arg;
    plain = 1;
    STORE(flag, 1, relaxed);
}
static void write_then_release(void *arg)
{
    (void)arg;
    plain = 1;
    STORE(flag, 1, release);
}
static void read_if_flag(void *arg)
{
    (void)arg;
    if (LOAD(flag, acquire))
        sim_assert(plain == 1);
}
static void weak_publication(void *arg)
{
    (void)arg;
    sim_spawn(write_then_relaxed, NULL);
    sim_spawn(read_if_flag, NULL);
    sim_join();
}
static void right_publication(void *arg)
{
    (void)arg;
    sim_spawn(write_then_release, NULL);
    sim_spawn(read_if_flag, NULL);
    sim_join();
}
static void bytes_side_by_side_0(void *arg)
{
    ((char *)arg)[0] = 1;
}
static void bytes_side_by_side_1(void *arg)
{
    ((char *)arg)[1] = 1;
}
static void neighbours_do_not_race(void *arg)
{
    (void)arg;
    static char pair[2];
    sim_spawn(bytes_side_by_side_0, pair);
    sim_spawn(bytes_side_by_side_1, pair);
    sim_join();
    sim_assert(pair[0] && pair[1]);
}
static void mixed_access(void *arg)
{
    (void)arg;
    *(unsigned *)&word = 3; /* plain, while another thread uses it as an atomic */
}
static void bump_word(void *arg)
{
    (void)arg;
    atomic_fetch_add(&word, 1);
}
static void race_with_atomic(void *arg)
{
    (void)arg;
    sim_spawn(mixed_access, NULL);
    sim_spawn(bump_word, NULL);
    sim_join();
}
static void leak(void *arg)
{
    (void)arg;
    ccpi_alloc(24);
}
static void double_free(void *arg)
{
    (void)arg;
    void *p = ccpi_alloc(24);
    ccpi_free(p);
    ccpi_free(p);
}
static void use_after_free(void *arg)
{
    (void)arg;
    shared = ccpi_alloc(sizeof *shared);
    ccpi_free(shared);
    *shared = 1;
}
static void overrun(void *arg)
{
    (void)arg;
    char *p = ccpi_alloc(24);
    p[24] = 1;
    ccpi_free(p);
}
static void bump_shared(void *arg)
{
    (void)arg;
    atomic_fetch_add_explicit((atomic_int *)shared, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&word, 1, memory_order_relaxed);
}
static void free_unordered(void *arg) /* the count is right, but relaxed */
{
    (void)arg;
    shared = ccpi_alloc(sizeof *shared);
    sim_spawn(bump_shared, NULL);
    while (LOAD(word, acquire) == 0)
        ccpi_relax();
    ccpi_free(shared);
    sim_join();
}
static void failing_allocation(void *arg)
{
    (void)arg;
    void *a = ccpi_alloc(8), *b = ccpi_alloc(8);
    sim_outcome((uint64_t)!a + 2 * (uint64_t)!b);
    ccpi_free(a);
    ccpi_free(b);
}
static void failing_thread(void *arg)
{
    (void)arg;
    ccpi_thread t;
    bool started = ccpi_thread_start(&t, &(ccpi_thread_opts){ 0 }, write_plain, NULL);
    if (started)
        ccpi_thread_join(t);
    sim_assert(plain == started);
    sim_outcome(started);
}

/* ---- ABA, statics, choices ---- */

typedef struct item {
    struct item *next;
} item;
static _Atomic(item *) top;

static item *pop(void)
{
    item *t = LOAD(top, acquire);
    while (t && !atomic_compare_exchange_strong_explicit(
                    &top, &t, *(item *volatile *)&t->next, memory_order_acq_rel,
                    memory_order_acquire))
        ;
    return t;
}
static void push(item *n)
{
    item *t = LOAD(top, relaxed);
    do
        n->next = t;
    while (!atomic_compare_exchange_strong_explicit(&top, &t, n, memory_order_release,
                                                    memory_order_relaxed));
}
static void pop_and_free(void *arg)
{
    (void)arg;
    item *n = pop();
    if (n)
        sim_free(n);
}
static void treiber_frees_too_soon(void *arg)
{
    (void)arg;
    push(sim_alloc(sizeof(item)));
    push(sim_alloc(sizeof(item)));
    sim_spawn(pop_and_free, NULL);
    sim_spawn(pop_and_free, NULL);
    sim_join();
}
static void statics_are_reset(void *arg)
{
    (void)arg;
    static int runs;
    sim_assert(++runs == 1);
    sim_choose(3);
}
static void every_choice(void *arg)
{
    (void)arg;
    int a = sim_choose(3);
    sim_outcome((uint64_t)(a * 10 + (a ? sim_choose(2) : 5)));
}
static void nothing(void *arg)
{
    (void)arg;
}
static void too_many_threads(void *arg)
{
    (void)arg;
    for (int i = 0; i < SIM_THREADS; i++)
        sim_spawn(nothing, NULL);
    sim_join();
}

/* ---- Expected sets of outcomes ---- */

static int check_outcomes(const char *name, void (*fn)(void *), sim_options o, uint64_t expected)
{
    sim_result r = sim_run(&o, fn, NULL);
    const uint64_t *set;
    uint64_t got = 0;
    for (size_t i = 0, n = sim_outcomes(&set); i < n; i++)
        got |= (uint64_t)1 << set[i];
    bool good = !r.failed && got == expected;
    printf("%-4s %-44s outcomes %#llx %s\n", good ? "ok" : "FAIL", name, (unsigned long long)got,
           r.message);
    return !good;
}

/* A failure must come again from its replay string, and from nothing but it. */
static int check_replay(const char *name, void (*fn)(void *), sim_options o)
{
    sim_result r = sim_run(&o, fn, NULL);
    char first[512], string[4096];
    snprintf(first, sizeof first, "%s", r.message);
    snprintf(string, sizeof string, "%s", r.failed ? r.replay : "");
    o.replay = string;
    sim_result again = sim_run(&o, fn, NULL);
    bool good = r.failed && again.failed && strcmp(first, again.message) == 0 &&
                strcmp(again.replay, string) == 0 && again.schedules == 1;
    printf("%-4s replay: %-36s %s\n", good ? "ok" : "FAIL", name, first);
    return !good;
}

#define PASS(fn, ...) { #fn, fn, NULL, { __VA_ARGS__ }, NULL }
#define FAILS(fn, text, ...) { #fn, fn, NULL, { __VA_ARGS__ }, text }

static const sim_scenario scenarios[] = {
    PASS(lock_excludes, .mode = SIM_DPOR),
    PASS(lock_excludes, .mode = SIM_DFS),
    FAILS(relock, "takes a lock that it holds", .mode = SIM_DPOR),
    FAILS(foreign_unlock, "releases a lock that it does not hold", .mode = SIM_DPOR),
    FAILS(lock_order, "deadlock", .mode = SIM_DPOR),
    FAILS(lock_order, "deadlock", .mode = SIM_RANDOM),
    FAILS(park_under_lock, "sleeps holding a lock", .mode = SIM_DPOR),
    PASS(park_and_post, .mode = SIM_DPOR),
    PASS(park_and_post, .mode = SIM_DFS),
    PASS(park_and_post, .mode = SIM_DFS, .weak = true),
    PASS(park_and_post, .mode = SIM_DPOR, .spurious = 2),
    FAILS(lost_wake, "lost wake-up", .mode = SIM_DPOR),
    FAILS(lost_wake, "lost wake-up", .mode = SIM_PCT),
    PASS(no_lost_wake, .mode = SIM_DPOR),
    PASS(no_lost_wake, .mode = SIM_DFS),
    FAILS(one_wake_for_two, "lost wake-up", .mode = SIM_DPOR),
    PASS(timed_sleep_alone, .mode = SIM_DPOR),
    PASS(spurious_wake, .mode = SIM_DPOR),
    FAILS(spurious_wake, "assertion failed", .mode = SIM_DPOR, .spurious = 1),
    PASS(spin_ends, .mode = SIM_DPOR),
    PASS(spin_ends, .mode = SIM_DFS),
    PASS(spin_ends, .mode = SIM_RANDOM, .n = 2000),
    PASS(spin_ends, .mode = SIM_PCT, .n = 2000),
    FAILS(livelock, "livelock", .mode = SIM_DPOR),
    FAILS(livelock, "livelock", .mode = SIM_PCT),
    PASS(bounded_spin, .mode = SIM_DPOR),
    PASS(bounded_spin, .mode = SIM_RANDOM, .n = 2000),
    FAILS(race_on_plain, "data race", .mode = SIM_DPOR),
    FAILS(weak_publication, "data race", .mode = SIM_DPOR),
    FAILS(weak_publication, "data race", .mode = SIM_DFS, .weak = true),
    PASS(right_publication, .mode = SIM_DPOR),
    PASS(right_publication, .mode = SIM_DFS, .weak = true),
    PASS(neighbours_do_not_race, .mode = SIM_DPOR),
    FAILS(race_with_atomic, "data race", .mode = SIM_DPOR),
    FAILS(leak, "leak of 24 bytes", .mode = SIM_DPOR),
    FAILS(double_free, "double free", .mode = SIM_DPOR),
    FAILS(use_after_free, "use after free", .mode = SIM_DPOR),
    FAILS(overrun, "outside of any block", .mode = SIM_DPOR),
    FAILS(free_unordered, "data race with free", .mode = SIM_DPOR),
    FAILS(dead_waiter, "dead waiter", .mode = SIM_DPOR),
    PASS(live_waiter, .mode = SIM_DPOR),
    FAILS(touched_too_late, "dead waiter", .mode = SIM_DPOR),
    PASS(fork_cuts_off, .mode = SIM_DFS),
    FAILS(fork_leaves_a_lock_held, "waits for lock", .mode = SIM_DFS),
    FAILS(fork_leaves_no_stack, "dead waiter", .mode = SIM_DFS),
    FAILS(treiber_frees_too_soon, "free", .mode = SIM_DPOR),
    PASS(statics_are_reset, .mode = SIM_DFS),
    FAILS(too_many_threads, "more than 16 threads", .mode = SIM_DPOR),
};

int main(int argc, char **argv)
{
    int bad = sim_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    if (argc > 1)
        return bad;
    sim_options dpor = { .mode = SIM_DPOR }, dfs = { .mode = SIM_DFS };
    bad += check_outcomes("every choice (dfs)", every_choice, dfs,
                          1u << 5 | 3u << 10 | 3u << 20);
    bad += check_outcomes("every choice (dpor)", every_choice, dpor,
                          1u << 5 | 3u << 10 | 3u << 20);
    bad += check_outcomes("timed sleep (dfs)", timed_sleep, dfs, 3);
    bad += check_outcomes("timed sleep (dpor)", timed_sleep, dpor, 3);
    bad += check_outcomes("cut off by a fork", fork_cuts_off, dfs, 14);
    sim_options any = { .mode = SIM_DPOR, .wake_any = true };
    bad += check_outcomes("wake in order", wake_when_both_sleep, dpor, 6);
    bad += check_outcomes("wake any", wake_when_both_sleep, any, 6);
    sim_options fail = { .mode = SIM_DPOR, .fail_alloc = 1, .fail_thread = 1 };
    bad += check_outcomes("failing allocation", failing_allocation, fail, 7);
    bad += check_outcomes("failing thread", failing_thread, fail, 3);
    bad += check_replay("lost wake (dpor)", lost_wake, dpor);
    bad += check_replay("lost wake (pct)", lost_wake, (sim_options){ .mode = SIM_PCT });
    bad += check_replay("spurious", spurious_wake,
                        (sim_options){ .mode = SIM_RANDOM, .spurious = 1 });
    bad += check_replay("weak race", weak_publication,
                        (sim_options){ .mode = SIM_RANDOM, .weak = true });
    return bad != 0;
}
