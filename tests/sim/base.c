/* SPDX-License-Identifier: MIT
 *
 * Scenarios of base/ and block/waiter.c: parking, sleeping on words, the lock, verdict and token.
 *
 * The program is linked three times: with the explorer's sleep and lock; with base/lock.c; and with
 * base/park_cond.c.
 */
#include "sim.h"

#include "base/lock.h"
#include "base/machine.h"
#include "base/park.h"
#include "block/waiter.h"

#include <stdatomic.h>

static ccpi_word32 word, flag;
static ccpi_lock lock;
static ccpi_parker parker;
static _Atomic(ccpi_waiter *) current;
static int plain, count, rounds;
static int64_t limit;

#define LOAD(v, order) atomic_load_explicit(&(v), memory_order_##order)
#define STORE(v, n, order) atomic_store_explicit(&(v), n, memory_order_##order)

/* ---- The parker (K1-K3) ---- */

static void post_once(void *arg)
{
    (void)arg;
    plain++;
    if (ccpi_park_post(&parker))
        ccpi_word_wake(&parker.word);
}

static void a_post_is_taken_once(void *arg)
{
    (void)arg;
    sim_spawn(post_once, NULL);
    sim_assert(ccpi_park(&parker, CCPI_NEVER));
    sim_assert(plain == 1);
    sim_assert(LOAD(parker.word, relaxed) == 0);
    sim_join();
    sim_assert(LOAD(parker.word, relaxed) == 0);
}

/* One poster, which the owner answers: token after token. */
static void post_twice(void *arg)
{
    post_once(arg);
    while (LOAD(flag, acquire) == 0)
        ccpi_relax();
    post_once(arg);
}
static void tokens_do_not_pile_up(void *arg)
{
    (void)arg;
    sim_spawn(post_twice, NULL);
    sim_assert(ccpi_park(&parker, CCPI_NEVER));
    sim_assert(plain == 1);
    STORE(flag, 1, release);
    sim_assert(ccpi_park(&parker, CCPI_NEVER));
    sim_assert(plain == 2);
    sim_join();
    sim_assert(LOAD(parker.word, relaxed) == 0);
}

static void peek_then_park(void *arg)
{
    (void)arg;
    sim_spawn(post_once, NULL);
    while (!ccpi_park_peek(&parker))
        ccpi_relax();
    sim_assert(plain == 1);
    sim_assert(ccpi_park(&parker, 1)); /* a time that has passed: the token counts */
    sim_join();
}

/* ---- A waiter with a limit (V1-V3): one of the two wins, and no token is left over ---- */

static void claim_and_wake(void *arg)
{
    (void)arg;
    ccpi_waiter *w = atomic_exchange_explicit(&current, NULL, memory_order_acq_rel);
    if (w && ccpi_waiter_claim(w, 7)) {
        plain = 7;
        ccpi_waiter_wake(w);
    }
}

static CCPI_NOINLINE uint32_t wait_once(int64_t deadline)
{
    ccpi_waiter w;
    ccpi_waiter_init(&w, "test", NULL);
    STORE(current, &w, release);
    uint32_t verdict = ccpi_waiter_sleep(&w, deadline);
    if (verdict == CCPI_GAVE_UP) { /* as every queue does: nobody may find the waiter any more */
        ccpi_waiter *mine = atomic_exchange_explicit(&current, NULL, memory_order_acq_rel);
        if (!mine)
            while (LOAD(flag, acquire) == 0)
                ccpi_relax();
    }
    return verdict;
}
static void claim_wake_and_say(void *arg)
{
    claim_and_wake(arg);
    STORE(flag, 1, release);
}
static void deadline_against_wake(void *arg)
{
    (void)arg;
    sim_spawn(claim_wake_and_say, NULL);
    uint32_t verdict = wait_once(sim_now() + 50);
    sim_assert(verdict == 7 || verdict == CCPI_GAVE_UP);
    sim_assert(verdict == CCPI_GAVE_UP || plain == 7);
    sim_assert(LOAD(ccpi_self_get()->parker.word, relaxed) == 0);
    sim_outcome(verdict);
    sim_join();
    sim_assert(LOAD(ccpi_self_get()->parker.word, relaxed) == 0);
}
static void two_waits_in_a_row(void *arg)
{
    (void)arg;
    sim_spawn(claim_wake_and_say, NULL);
    wait_once(sim_now() + 50);
    sim_join();
    STORE(flag, 0, relaxed);
    sim_spawn(claim_wake_and_say, NULL);
    wait_once(sim_now() + 50);
    sim_join();
    sim_assert(LOAD(ccpi_self_get()->parker.word, relaxed) == 0);
}
static void two_claim_one_wins(void *arg)
{
    (void)arg;
    sim_spawn(claim_wake_and_say, NULL);
    sim_spawn(claim_wake_and_say, NULL);
    ccpi_waiter w;
    ccpi_waiter_init(&w, "test", NULL);
    STORE(current, &w, release);
    sim_assert(ccpi_waiter_sleep(&w, sim_now() + 50) != CCPI_WAITING);
    sim_join();
    sim_assert(LOAD(ccpi_self_get()->parker.word, relaxed) == 0);
}

/* ---- Words ---- */

static void wait_for_word(void *arg)
{
    (void)arg;
    uint32_t w;
    while ((w = LOAD(word, acquire)) < (uint32_t)rounds)
        ccpi_word_wait(&word, w, CCPI_NEVER);
    sim_assert(plain >= rounds);
}
static void wait_with_limit(void *arg)
{
    (void)arg;
    while (LOAD(word, acquire) == 0)
        if (ccpi_word_wait(&word, 0, limit)) {
            sim_assert(sim_now() >= limit);
            return;
        }
}
static void raise_word(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds; i++) {
        plain++;
        atomic_fetch_add_explicit(&word, 1, memory_order_release);
        ccpi_word_wake(&word);
    }
}
static void no_wake_is_lost(void *arg)
{
    rounds = (int)(intptr_t)arg;
    sim_spawn(wait_for_word, NULL);
    sim_spawn(raise_word, NULL);
    sim_join();
}
static void each_wake_wakes_one(void *arg)
{
    (void)arg;
    rounds = 1;
    sim_spawn(wait_for_word, NULL);
    sim_spawn(wait_for_word, NULL);
    plain = 1;
    STORE(word, 1, release);
    ccpi_word_wake(&word);
    ccpi_word_wake(&word);
    sim_join();
}
/* A wake must not be spent on a sleeper that leaves because its time is over. */
static void wake_against_limit(void *arg)
{
    (void)arg;
    limit = sim_now() + 50;
    rounds = 1;
    sim_spawn(wait_with_limit, NULL);
    sim_spawn(wait_for_word, NULL);
    plain = 1;
    STORE(word, 1, release);
    ccpi_word_wake(&word);
    ccpi_word_wake(&word);
    sim_join();
}
static void other_words_are_left_alone(void *arg)
{
    (void)arg;
    static struct {
        _Alignas(64) ccpi_word32 a; /* hashed tables put them into one queue, or not */
        char far[4096 * 4 - 4];
        ccpi_word32 b;
    } two;
    rounds = 1;
    plain = 1;
    sim_spawn(wait_for_word, NULL);
    ccpi_word_wake(&two.a);
    ccpi_word_wake(&two.b);
    STORE(word, 1, release);
    ccpi_word_wake(&word);
    sim_join();
}

/* ---- The lock ---- */

static void add_under_lock(void *arg)
{
    for (int i = 0; i < (int)(intptr_t)arg; i++) {
        ccpi_lock_acquire(&lock);
        count++;
        ccpi_lock_release(&lock);
    }
}
static void lock_excludes(void *arg)
{
    int threads = (int)(intptr_t)arg;
    for (int i = 0; i < threads; i++)
        sim_spawn(add_under_lock, (void *)(intptr_t)1);
    sim_join();
    sim_assert(count == threads);
    add_under_lock((void *)1);
}
static void lock_again_and_again(void *arg)
{
    (void)arg;
    sim_spawn(add_under_lock, (void *)(intptr_t)2);
    sim_spawn(add_under_lock, (void *)(intptr_t)2);
    sim_join();
    sim_assert(count == 4);
}

#define S(fn, arg, ...) { #fn, fn, (void *)(intptr_t)(arg), { __VA_ARGS__ }, NULL }
#define WEAK .mode = SIM_DFS, .weak = true, .preemptions = 2
#define ALL(fn, arg)                                             \
    S(fn, arg, .mode = SIM_DPOR), S(fn, arg, .mode = SIM_DPOR, .spurious = 2), S(fn, arg, WEAK), \
        S(fn, arg, .mode = SIM_RANDOM, .weak = true, .spurious = 1, .n = 5000),                  \
        S(fn, arg, .mode = SIM_PCT, .n = 5000)

static const sim_scenario scenarios[] = {
    ALL(a_post_is_taken_once, 0),
    ALL(tokens_do_not_pile_up, 0),
    ALL(peek_then_park, 0),
    ALL(deadline_against_wake, 0),
    ALL(two_waits_in_a_row, 0),
    ALL(two_claim_one_wins, 0),
    ALL(no_wake_is_lost, 1),
    ALL(no_wake_is_lost, 2),
    ALL(each_wake_wakes_one, 0),
    ALL(wake_against_limit, 0),
    ALL(other_words_are_left_alone, 0),
    ALL(lock_excludes, 2),
    ALL(lock_again_and_again, 0),
    S(lock_excludes, 3, .mode = SIM_DPOR),
    S(lock_excludes, 3, .mode = SIM_PCT, .n = 50000),
    S(lock_excludes, 5, .mode = SIM_RANDOM, .n = 50000),
    S(wake_against_limit, 0, .mode = SIM_DPOR, .fail_alloc = 2), /* condition variables fail too */
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
