/* SPDX-License-Identifier: MIT
 *
 * What ccp_sim finds in programs, and how it tells of it.
 */
#include "test_user.h"

/* ---- deadlocks ---- */

static ccp_mutex left, right;
static pthread_mutex_t port = PTHREAD_MUTEX_INITIALIZER, starboard = PTHREAD_MUTEX_INITIALIZER;

static void lock_two(ccp_mutex *first, ccp_mutex *second)
{
    CCP_SIM_ASSERT(ccp_mutex_lock(first, CCP_FOREVER) == CCP_OK);
    CCP_SIM_ASSERT(ccp_mutex_lock(second, CCP_FOREVER) == CCP_OK);
    (void)ccp_mutex_unlock(second);
    (void)ccp_mutex_unlock(first);
}

static void *left_first(void *arg)
{
    lock_two(&left, &right);
    return arg;
}

static void *right_first(void *arg)
{
    lock_two(&right, &left);
    return arg;
}

static void lock_in_two_orders(void *arg)
{
    (void)arg;
    (void)ccp_name(&left, "left");
    (void)ccp_name(&right, "right");
    both(left_first, right_first);
}

static void lock_in_one_order(void *arg)
{
    (void)arg;
    both(left_first, left_first);
}

TEST(locks_taken_in_two_orders_are_found_and_named)
{
    (void)state;
    ccp_sim_report r = SEARCH(lock_in_two_orders, .schedules = 100);
    assert_fails(&r, "deadlock: no thread can go on\n"
                     "a circle of 2 threads, each of which waits for what the next one has:\n");
    assert_fails(&r, "waits for mutex 'left', which thread");
    assert_fails(&r, "thread 1 'T0' waits for the end of another");
    r = SEARCH(lock_in_two_orders, .every = true, .preemptions = 1);
    assert_fails(&r, "a circle of 2 threads");
    r = SEARCH(lock_in_one_order, .schedules = 1000);
    assert_well(&r);
    assert_int_equal(r.schedules, 1000);
}

static void lock_posix(pthread_mutex_t *first, pthread_mutex_t *second)
{
    CCP_SIM_ASSERT(pthread_mutex_lock(first) == 0);
    CCP_SIM_ASSERT(pthread_mutex_lock(second) == 0);
    CCP_SIM_ASSERT(pthread_mutex_unlock(second) == 0);
    CCP_SIM_ASSERT(pthread_mutex_unlock(first) == 0);
}

static void *port_first(void *arg)
{
    lock_posix(&port, &starboard);
    return arg;
}

static void *starboard_first(void *arg)
{
    lock_posix(&starboard, &port);
    return arg;
}

static void lock_posix_in_two_orders(void *arg)
{
    (void)arg;
    both(port_first, starboard_first);
}

TEST(so_are_mutexes_of_posix)
{
    (void)state;
    ccp_sim_report r = SEARCH(lock_posix_in_two_orders, .schedules = 100);
    assert_fails(&r, "thread 2 'T1' waits for mutex the variable of test_user_finds.c:");
    assert_fails(&r, "thread 3 'T2' waits for mutex the variable of test_user_finds.c:");
}

static void receive_from_nobody(void *arg)
{
    ccp_chan *ch = ccp_chan_make(&(ccp_chan_opts){ .elem_size = 1, .name = "results" });
    (void)arg;
    CCP_SIM_ASSERT(ccp_chan_recv(ch, arg, CCP_FOREVER) == CCP_OK);
}

TEST(who_waits_for_nobody_is_named)
{
    (void)state;
    ccp_sim_report r = ccp_sim_run(0, receive_from_nobody, NULL);
    assert_fails(&r, "ccp_chan_recv for channel 'results': nobody is left to send to it");
}

/* ---- a queue by hand: mutex and condition variables ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int queue[8], queued;
static bool looks_again; /* while, not if */

static void *put_two(void *arg)
{
    for (int i = 1; i <= 2; i++) {
        pthread_mutex_lock(&lock);
        queue[queued++] = i;
        pthread_cond_broadcast(&filled);
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static int take(void)
{
    pthread_mutex_lock(&lock);
    while (queued == 0) {
        pthread_cond_wait(&filled, &lock);
        if (!looks_again)
            break;
    }
    CCP_SIM_ASSERT(queued > 0);
    int got = queue[--queued];
    pthread_mutex_unlock(&lock);
    return got;
}

static void *take_one(void *arg)
{
    (void)take();
    return arg;
}

static void two_consumers(void *arg)
{
    pthread_t t[3];
    looks_again = arg != NULL;
    CCP_SIM_ASSERT(pthread_create(&t[0], NULL, take_one, NULL) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[1], NULL, take_one, NULL) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[2], NULL, put_two, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CCP_SIM_ASSERT(pthread_join(t[i], NULL) == 0);
    CCP_SIM_ASSERT(queued == 0);
}

TEST(a_wait_that_does_not_look_again_is_found)
{
    (void)state;
    ccp_sim_report r = ccp_sim_search(NULL, two_consumers, NULL);
    assert_fails(&r, "assertion failed: queued > 0 (");
    ccp_sim_opts o = { .schedules = 2000, .spurious = 1 };
    r = ccp_sim_search(&o, two_consumers, &queue);
    assert_well(&r);
}

/* ---- what else fails ---- */

static int shared;

static void *add_to_shared(void *arg)
{
    shared++;
    return arg;
}

static void race(void *arg)
{
    (void)arg;
    both(add_to_shared, add_to_shared);
}

static void *volatile kept;

static void forget(void *arg)
{
    (void)arg;
    kept = malloc(10);
}

static void free_twice(void *arg)
{
    (void)arg;
    kept = malloc(10);
    free(kept);
    free(kept);
}

static void use_after_free(void *arg)
{
    (void)arg;
    char *p = kept = malloc(10);
    free(kept);
    *(volatile char *)p = 1;
}

static void unlock_what_is_free(void *arg)
{
    (void)arg;
    (void)ccp_mutex_unlock(&left);
}

static atomic_int told;

static void *loop(void *arg)
{
    while (atomic_load(&told) == 0)
        sched_yield();
    return arg;
}

static void loop_for_ever(void *arg)
{
    (void)arg;
    (void)loop(NULL);
}

static void leave_a_thread(void *arg)
{
    pthread_t t;
    (void)arg;
    CCP_SIM_ASSERT(pthread_create(&t, NULL, loop, NULL) == 0);
}

static void use_rwlock(void *arg)
{
    pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
    (void)arg;
    pthread_rwlock_rdlock(&l);
}

TEST(what_is_wrong_is_told)
{
    static const struct {
        void (*fn)(void *arg);
        const char *what;
    } wrong[] = {
        { race, "data race: " },
        { forget, "leak of 10 bytes that were allocated at forget (test_user_finds.c:" },
        { free_twice, "double free by T0 at free_twice (test_user_finds.c:" },
        { use_after_free, "use after free: T0 at use_after_free (test_user_finds.c:" },
        { unlock_what_is_free, "misuse of ccp_mutex_unlock: it is not locked" },
        { loop_for_ever, "livelock" },
        { leave_a_thread, "the scenario ended before its threads" },
        { use_rwlock, "pthread_rwlock_rdlock() is not known to the explorer" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ccp_sim_report r = SEARCH(wrong[i].fn, .schedules = 50);
        assert_fails(&r, wrong[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_taken_in_two_orders_are_found_and_named),
        cmocka_unit_test(so_are_mutexes_of_posix),
        cmocka_unit_test(who_waits_for_nobody_is_named),
        cmocka_unit_test(a_wait_that_does_not_look_again_is_found),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
