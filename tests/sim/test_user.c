/* SPDX-License-Identifier: MIT
 *
 * What include/ccp_sim.h promises, seen as its users do: with POSIX threads, and with libccp.
 */
#include "test_user.h"

/* ---- SI1 ---- */

static atomic_int steps_done;

static void *fetch_and_store(void *arg)
{
    int old = atomic_load(&steps_done);
    atomic_store(&steps_done, old + 1);
    return arg;
}

static void lose_one(void *arg)
{
    (void)arg;
    both(fetch_and_store, fetch_and_store);
    CCP_SIM_ASSERT(atomic_load(&steps_done) == 2);
}

static int turns[40], turn_count;
static atomic_int next_turn;

static void *take_turns(void *arg)
{
    for (int i = 0; i < 10; i++)
        turns[atomic_fetch_add(&next_turn, 1)] = arg ? 1 : 2;
    return NULL;
}

typedef struct played {
    int turns[20];
} played;

static void note_turns(void *arg)
{
    played *out = arg; /* not the explorer's memory, so it stays */
    pthread_t t[2];
    CCP_SIM_ASSERT(pthread_create(&t[0], NULL, take_turns, NULL) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[1], NULL, take_turns, &t) == 0);
    CCP_SIM_ASSERT(pthread_join(t[0], NULL) == 0);
    CCP_SIM_ASSERT(pthread_join(t[1], NULL) == 0);
    turn_count = atomic_load(&next_turn);
    CCP_SIM_ASSERT(turn_count == 20);
    for (int i = 0; i < 20; i++)
        out->turns[i] = turns[i];
}

#define SEEDS 60

TEST(a_seed_gives_the_same_schedule_again) /* SI1 */
{
    played *seen = test_calloc(2 * SEEDS, sizeof *seen);
    int kinds = 0;
    (void)state;
    for (int i = 0; i < 2 * SEEDS; i++) {
        ccp_sim_report r = ccp_sim_run((uint64_t)i % SEEDS, note_turns, &seen[i]);
        assert_well(&r);
    }
    assert_memory_equal(seen, seen + SEEDS, SEEDS * sizeof *seen);
    for (int i = 1; i < SEEDS; i++)
        kinds += memcmp(&seen[i], &seen[i - 1], sizeof *seen) != 0;
    assert_in_range(kinds, SEEDS / 2, SEEDS);
    test_free(seen);
}

TEST(what_fails_fails_again_by_its_seed_and_by_its_string) /* SI1 */
{
    (void)state;
    ccp_sim_report r = SEARCH(lose_one, .schedules = 100);
    assert_true(r.failed);
    char *first = strdup(r.what), *replay = strdup(r.replay);
    r = ccp_sim_run(r.seed, lose_one, NULL);
    assert_fails(&r, first);
    assert_string_equal(r.replay, replay);
    r = SEARCH(lose_one, .replay = replay);
    assert_fails(&r, first);
    assert_int_equal(r.schedules, 1);
    free(first);
    free(replay);
}

/* ---- SI2 ---- */

static void *do_steps(void *arg)
{
    for (int i = 0; i < 20; i++)
        atomic_fetch_add(&steps_done, 1);
    return arg;
}

static void sleep_beside(void *arg)
{
    pthread_t t;
    int64_t began = ccp_now();
    (void)arg;
    CCP_SIM_ASSERT(pthread_create(&t, NULL, do_steps, NULL) == 0);
    CCP_SIM_ASSERT(ccp_sleep(ccp_within(CCP_SEC(1))) == CCP_OK);
    CCP_SIM_ASSERT(ccp_now() - began == CCP_SEC(1));
    CCP_SIM_ASSERT(atomic_load(&steps_done) == 20);
    CCP_SIM_ASSERT(pthread_join(t, NULL) == 0);
}

TEST(time_stands_still_while_a_thread_can_go_on) /* SI2 */
{
    (void)state;
    ccp_sim_report r = SEARCH(sleep_beside, .schedules = 1000);
    assert_well(&r);
    r = SEARCH(sleep_beside, .schedules = 1000, .any_time = true);
    assert_fails(&r, "assertion failed: atomic_load(&steps_done) == 20");
}

static void *sleep_long(void *arg)
{
    const struct timespec *t = arg;
    CCP_SIM_ASSERT(nanosleep(t, NULL) == 0);
    atomic_fetch_add(&steps_done, 1);
    return NULL;
}

static void sleep_by_posix(void *arg)
{
    struct timespec hour = { 3600, 0 }, day = { 86400, 0 }, before, after;
    pthread_t t[2];
    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CCP_SIM_ASSERT(pthread_create(&t[0], NULL, sleep_long, &day) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[1], NULL, sleep_long, &hour) == 0);
    CCP_SIM_ASSERT(pthread_join(t[1], NULL) == 0);
    CCP_SIM_ASSERT(atomic_load(&steps_done) == 1);
    CCP_SIM_ASSERT(sleep(1) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CCP_SIM_ASSERT(after.tv_sec - before.tv_sec == 3601);
    CCP_SIM_ASSERT(pthread_join(t[0], NULL) == 0);
}

TEST(sleeps_end_in_the_order_of_their_deadlines) /* SI2 */
{
    (void)state;
    ccp_sim_report r = SEARCH(sleep_by_posix, .schedules = 200);
    assert_well(&r);
}

/* ---- SI3 ---- */

static int often = 7;

static void count_up(void *arg)
{
    (void)arg;
    CCP_SIM_ASSERT(often == 7);
    often++;
}

TEST(static_variables_have_their_first_values) /* SI3 */
{
    (void)state;
    ccp_sim_report r = SEARCH(count_up, .schedules = 10);
    assert_well(&r);
    assert_int_equal(often, 7);
}

/* ---- SI5, choices, faults ---- */

static void lose_none(void *arg)
{
    (void)arg;
    both(do_steps, fetch_and_store);
}

TEST(every_schedule_is_tried_or_it_is_not_said_to_be_complete) /* SI5 */
{
    (void)state;
    ccp_sim_report r = SEARCH(lose_one, .every = true, .preemptions = 1);
    assert_fails(&r, "assertion failed: atomic_load(&steps_done) == 2");
    assert_false(r.complete);
    r = SEARCH(lose_none, .every = true, .preemptions = 1);
    assert_well(&r);
    assert_true(r.complete);
    uint64_t all = r.schedules;
    assert_true(all > 20);
    r = SEARCH(lose_none, .every = true, .preemptions = 1, .schedules = all - 1);
    assert_well(&r);
    assert_false(r.complete);
    assert_int_equal(r.schedules, all - 1);
}

static void choose(void *arg)
{
    unsigned *out = arg;
    *out |= 1u << ccp_sim_choose(5);
}

TEST(choices_are_all_tried)
{
    unsigned *out = test_calloc(1, sizeof *out);
    (void)state;
    ccp_sim_report r = ccp_sim_search(&(ccp_sim_opts){ .every = true }, choose, out);
    assert_well(&r);
    assert_true(r.complete);
    assert_int_equal(r.schedules, 5);
    assert_int_equal(*out, 31);
    test_free(out);
}

static void make_things(void *arg)
{
    bool *refused = arg;
    pthread_t t;
    ccp_chan *ch = ccp_chan_new(1, 1);
    bool started = pthread_create(&t, NULL, do_steps, NULL) == 0;
    refused[0] |= !ch;
    refused[1] |= !started;
    if (started)
        CCP_SIM_ASSERT(pthread_join(t, NULL) == 0);
    (void)ccp_chan_free(ch);
}

TEST(memory_and_threads_run_out_when_asked_to)
{
    bool *refused = test_calloc(2, sizeof *refused);
    ccp_sim_opts o = { .schedules = 200 };
    (void)state;
    ccp_sim_report r = ccp_sim_search(&o, make_things, refused);
    assert_well(&r);
    assert_false(refused[0] || refused[1]);
    o.fail_allocs = o.fail_threads = 1;
    r = ccp_sim_search(&o, make_things, refused);
    assert_well(&r);
    assert_true(refused[0] && refused[1]);
    test_free(refused);
}

static void *sleep_and_step(void *arg)
{
    CCP_SIM_ASSERT(ccp_sleep(ccp_within(CCP_SEC(1))) == CCP_OK);
    return do_steps(arg);
}

static void settle(void *arg)
{
    pthread_t t[2];
    (void)arg;
    CCP_SIM_ASSERT(pthread_create(&t[0], NULL, do_steps, NULL) == 0);
    CCP_SIM_ASSERT(pthread_create(&t[1], NULL, sleep_and_step, NULL) == 0);
    ccp_sim_settle();
    CCP_SIM_ASSERT(atomic_load(&steps_done) == 20);
    CCP_SIM_ASSERT(pthread_join(t[0], NULL) == 0);
    CCP_SIM_ASSERT(pthread_join(t[1], NULL) == 0);
    CCP_SIM_ASSERT(atomic_load(&steps_done) == 40);
}

TEST(settled_is_when_nobody_can_go_on_at_this_time)
{
    (void)state;
    ccp_sim_report r = SEARCH(settle, .schedules = 300);
    assert_well(&r);
}

/* ---- SI4: a program of many parts has nothing to be told of ---- */

static ccp_status add_one(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    atomic_fetch_add((atomic_int *)arg, 1);
    return CCP_OK;
}

static void use_a_pool(void *arg)
{
    atomic_int *sum = calloc(1, sizeof *sum);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 1 });
    (void)arg;
    CCP_SIM_ASSERT(sum && p);
    for (int i = 0; i < 4; i++)
        CCP_SIM_ASSERT(ccp_pool_submit(p, add_one, sum, CCP_FOREVER) == CCP_OK);
    CCP_SIM_ASSERT(ccp_pool_shutdown(p, NULL, NULL, CCP_FOREVER) == CCP_OK);
    CCP_SIM_ASSERT(ccp_pool_free(p) == CCP_OK);
    CCP_SIM_ASSERT(atomic_load(sum) == 4);
    free(sum);
}

TEST(a_pool_has_nothing_to_be_told_of) /* SI4 */
{
    (void)state;
    ccp_sim_report r = SEARCH(use_a_pool, .schedules = 3000, .any_time = true);
    assert_well(&r);
    r = SEARCH(use_a_pool, .schedules = 1000, .weak = true);
    assert_well(&r);
}

/* ---- the steps ---- */

static void keep_text(const char *text, size_t n, void *arg)
{
    FILE *f = arg;
    fwrite(text, 1, n, f);
}

TEST(the_steps_of_a_failure_are_shown)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    ccp_sim_report r = SEARCH(lose_one, .schedules = 1000);
    assert_true(r.failed);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    ccp_sim_explain(&r, lose_one, NULL, keep_text, f);
    fclose(f);
    assert_non_null(strstr(text, "fetch_and_store (test_user.c:"));
    assert_non_null(strstr(text, "FAILURE"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_schedule_again),
        cmocka_unit_test(what_fails_fails_again_by_its_seed_and_by_its_string),
        cmocka_unit_test(time_stands_still_while_a_thread_can_go_on),
        cmocka_unit_test(sleeps_end_in_the_order_of_their_deadlines),
        cmocka_unit_test(static_variables_have_their_first_values),
        cmocka_unit_test(every_schedule_is_tried_or_it_is_not_said_to_be_complete),
        cmocka_unit_test(choices_are_all_tried),
        cmocka_unit_test(memory_and_threads_run_out_when_asked_to),
        cmocka_unit_test(settled_is_when_nobody_can_go_on_at_this_time),
        cmocka_unit_test(a_pool_has_nothing_to_be_told_of),
        cmocka_unit_test(the_steps_of_a_failure_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
