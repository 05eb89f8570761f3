/* SPDX-License-Identifier: MIT
 *
 * Limiters used by several threads, by the real clock.
 */
#include "support.h"

enum { THREADS = 4 };

typedef struct crowd {
    ccp_rate *r;
    gate start;
    size_t rounds;
    uint64_t most; /* tokens that one call asks for */
    atomic_size_t given;
    atomic_bool stop;
} crowd;

static void take_many(actor *a)
{
    crowd *c = a->arg;
    uint64_t seed = a->index;
    gate_pass(&c->start);
    for (size_t i = 0; i < c->rounds; i++) {
        uint64_t n = 1 + random_next(&seed) % c->most;
        ccp_status rc = ccp_rate_take(c->r, n, CCP_NOWAIT);
        MUST(rc == CCP_OK || rc == CCP_AGAIN);
        if (rc == CCP_OK)
            atomic_fetch_add(&c->given, n);
    }
}

/* Runs fn in each of n threads; gives how long it took from before the first to after the last. */
static int64_t run_crowd(crowd *c, void (*fn)(actor *), size_t n)
{
    actor a[16];
    assert_true(n <= LENGTH(a));
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = c, .index = i };
        actor_start(&a[i], fn);
    }
    WAIT_UNTIL(atomic_load(&c->start.arrived) == (int)n);
    int64_t begin = ccp_now();
    gate_open(&c->start);
    for (size_t i = 0; i < n; i++)
        actor_join(&a[i]);
    return ccp_now() - begin;
}

TEST(of_threads_at_the_same_time_as_many_pass_as_the_burst) /* R1 */
{
    ccp_rate r = CCP_RATE_INIT(1e-3, 5);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = 1, .most = 1 };
    run_crowd(&c, take_many, 15);
    assert_int_equal(atomic_load(&c.given), 5);
}

TEST(threads_together_get_no_more_than_the_rate_and_no_less) /* R1 R2 */
{
    const double rates[] = { 1e5, 1e7, 3e8 };
    for (size_t i = 0; i < LENGTH(rates); i++) {
        ccp_rate r = CCP_RATE_INIT(rates[i], 100);
        crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(100000), .most = 3 };
        int64_t took = run_crowd(&c, take_many, THREADS);
        double ideal = 100 + rates[i] * (double)(took + 2) / 1e9;
        assert_true((double)atomic_load(&c.given) <= ideal);
        assert_true(atomic_load(&c.given) >= 100);
    }
}

static void change_rate(actor *a)
{
    crowd *c = a->arg;
    gate_pass(&c->start);
    for (uint64_t i = 0; !atomic_load(&c->stop); i++)
        MUST(ccp_rate_set(c->r, i % 2 ? 1e6 : 1e3, 10 + i % 7) == CCP_OK);
}

static void reserve_and_cancel(actor *a)
{
    crowd *c = a->arg;
    uint64_t seed = a->index;
    gate_pass(&c->start);
    for (size_t i = 0; i < c->rounds; i++) {
        ccp_reservation res;
        uint64_t n = 1 + random_next(&seed) % c->most;
        MUST(ccp_rate_reserve(c->r, n, &res) == CCP_OK);
        if (random_next(&seed) % 8 && res.at > ccp_now() + CCP_SEC(60))
            MUST(ccp_rate_cancel(&res) == CCP_OK);
        else
            atomic_fetch_add(&c->given, n);
        double tokens = ccp_rate_tokens(c->r);
        MUST(tokens <= 16 && tokens == tokens);
    }
}

/* Of whatever was asked for and not given back, there is nothing that was not counted. */
TEST(reservations_and_their_ends_leave_what_is_owed) /* R1 R2 R6 */
{
    ccp_rate r = CCP_RATE_INIT(1, 10);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(20000), .most = 3 };
    int64_t begin = ccp_now();
    (void)run_crowd(&c, reserve_and_cancel, THREADS);
    double left = ccp_rate_tokens(&r), given = (double)atomic_load(&c.given);
    int64_t took = ccp_now() - begin;
    assert_true(left <= 10 - given + (double)(took + CCP_SEC(1)) / 1e9);
}

TEST(the_rate_can_be_changed_while_others_take) /* R1 R6 */
{
    ccp_rate r = CCP_RATE_INIT(1e3, 10);
    crowd c = { .r = &r, .start = GATE_INIT, .rounds = scaled(50000), .most = 3 };
    crowd changer = { .r = &r, .start = GATE_INIT };
    actor a = { .arg = &changer };
    actor_start(&a, change_rate);
    gate_open(&changer.start);
    int64_t took = run_crowd(&c, take_many, 2);
    atomic_store(&changer.stop, true);
    actor_join(&a);
    assert_true((double)atomic_load(&c.given) <= 16 + 1e6 * (double)(took + 2) / 1e9);
    assert_true(atomic_load(&c.given) >= 10);
}

static void take_one_there(actor *a)
{
    actor_calls(a);
    a->rc = ccp_rate_take(a->arg, 1, a->w);
}

TEST(who_sleeps_for_tokens_is_woken_by_its_context) /* R4 */
{
    ccp_rate r = CCP_RATE_INIT(1e-3, 1);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_rate_take(&r, 1, CCP_NOWAIT), CCP_OK);
    actor a = { .arg = &r, .w = ccp_with(ctx) };
    actor_start(&a, take_one_there);
    actor_sleep_here(&a);
    assert_true(ccp_rate_tokens(&r) < 0);
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    assert_true(ccp_rate_tokens(&r) >= 0);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* ---- By key, and how many at once ---- */

enum { KEYS = 8, SOME_KEYS = 4 };

typedef struct clients {
    ccp_rate_map *m;
    atomic_size_t given[KEYS];
    atomic_size_t refused;
} clients;

static void take_by_key(actor *a)
{
    clients *c = a->arg;
    uint64_t seed = a->index;
    for (size_t i = 0; i < scaled(50000); i++) {
        uint32_t key = random_next(&seed) % KEYS;
        ccp_status rc = ccp_rate_map_take(c->m, &key, sizeof key, 1, CCP_NOWAIT);
        MUST(rc == CCP_OK || rc == CCP_AGAIN || rc == CCP_BUSY);
        if (rc == CCP_OK)
            atomic_fetch_add(&c->given[key], 1);
        if (rc == CCP_BUSY)
            atomic_fetch_add(&c->refused, 1);
        if (i % 1000 == 0)
            MUST(ccp_rate_map_len(c->m) <= SOME_KEYS);
    }
}

TEST(no_key_gets_too_much_while_others_come_and_go) /* R8 R9 */
{
    const ccp_rate_map_opts o = { .per_second = 20000, .burst = 2, .keys = SOME_KEYS };
    clients c = { .m = ccp_rate_map_new(&o) };
    actor a[THREADS];
    int64_t begin = ccp_now();
    for (size_t i = 0; i < THREADS; i++) {
        a[i] = (actor){ .arg = &c, .index = i };
        actor_start(&a[i], take_by_key);
    }
    for (size_t i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    double most = 2 + 20000.0 * (double)(ccp_now() - begin + 2) / 1e9;
    for (size_t key = 0; key < KEYS; key++)
        assert_true((double)atomic_load(&c.given[key]) <= most);
    assert_true(atomic_load(&c.refused) > 0);
    ASSERT_STATUS(ccp_rate_map_free(c.m), CCP_OK);
}

/* ---- By a window ---- */

typedef struct user {
    ccp_window *x;
    int64_t from, to[200]; /* each counted between one of these and the one before */
} user;

static void take_one_by_one(actor *a)
{
    user *u = a->arg;
    u->from = ccp_now();
    for (size_t i = 0; i < LENGTH(u->to); i++) {
        MUST(ccp_window_take(u->x, 1, CCP_FOREVER) == CCP_OK);
        u->to[i] = ccp_now();
    }
}

/* How many certainly were taken from `from` on, and before `to`. */
static size_t taken_within(const user *users, int64_t from, int64_t to)
{
    size_t sum = 0;
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < LENGTH(users[t].to); i++)
            sum += (i ? users[t].to[i - 1] : users[t].from) >= from && users[t].to[i] < to;
    return sum;
}

TEST(in_no_window_get_threads_more_than_it_has) /* R12 */
{
    enum { SIZE = 20 };
    static user users[THREADS];
    ccp_window *x = ccp_window_new(SIZE, CCP_MS(1));
    actor a[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        users[t].x = x;
        a[t] = (actor){ .arg = &users[t] };
        actor_start(&a[t], take_one_by_one);
    }
    for (size_t t = 0; t < THREADS; t++)
        actor_join(&a[t]);
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < LENGTH(users[t].to); i++)
            assert_true(taken_within(users, users[t].to[i], users[t].to[i] + CCP_MS(1)) <= SIZE);
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
}

static void wait_for_window(actor *a)
{
    actor_calls(a);
    a->rc = ccp_window_take(a->arg, (size_t)a->value, a->w);
}

TEST(who_gives_up_in_a_line_leaves_no_trace) /* R13 R14 */
{
    ccp_window *x = ccp_window_new(2, CCP_SEC(3600));
    ccp_ctx *ctx[3];
    actor a[3];
    ASSERT_STATUS(ccp_window_take(x, 2, CCP_NOWAIT), CCP_OK);
    int64_t free = ccp_window_when(x, 1);
    for (size_t i = 0; i < LENGTH(a); i++) {
        ctx[i] = ccp_ctx_new(NULL, CCP_FOREVER);
        a[i] = (actor){ .arg = x, .value = 1, .w = ccp_with(ctx[i]) };
        actor_start(&a[i], wait_for_window);
        WAIT_UNTIL(actor_is_asleep(&a[i]));
    }
    assert_int_equal(ccp_window_when(x, 1), free + CCP_SEC(3600)); /* the fourth */
    ASSERT_STATUS(ccp_window_free(x), CCP_BUSY);
    static const size_t order[] = { 1, 0, 2 }; /* one in the middle, who has the turn, the last */
    for (size_t i = 0; i < LENGTH(order); i++) {
        ccp_ctx_cancel(ctx[order[i]]);
        actor_join(&a[order[i]]);
        ASSERT_STATUS(a[order[i]].rc, CCP_CANCELED);
        ASSERT_STATUS(ccp_ctx_free(ctx[order[i]]), CCP_OK);
        ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_window_take(x, 1, ccp_within(CCP_SEC(1))), CCP_TIMEOUT);
    }
    assert_int_equal(ccp_window_when(x, 2), free);
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
}

typedef struct service {
    ccp_limiter l;
    atomic_uint inside, most;
} service;

static void call_service(actor *a)
{
    service *s = a->arg;
    uint64_t seed = a->index;
    for (size_t i = 0; i < scaled(20000); i++) {
        MUST(ccp_limiter_acquire(&s->l, CCP_FOREVER) == CCP_OK);
        unsigned now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
        while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
            ;
        atomic_fetch_sub(&s->inside, 1);
        ccp_status result = random_next(&seed) % 16 ? CCP_OK : CCP_FAILED;
        MUST(ccp_limiter_release(&s->l, result, 0) == CCP_OK);
        unsigned limit = ccp_limiter_limit(&s->l);
        MUST(limit >= 1 && limit <= 3);
    }
}

TEST(a_limiter_stays_within_its_bounds_among_threads) /* R10 */
{
    service s = { .inside = 0 };
    ASSERT_STATUS(ccp_limiter_init(&s.l, &(ccp_limiter_opts){ .max = 3 }), CCP_OK);
    actor a[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        a[i] = (actor){ .arg = &s, .index = i };
        actor_start(&a[i], call_service);
    }
    for (size_t i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    assert_true(atomic_load(&s.most) <= 3);
    unsigned limit = ccp_limiter_limit(&s.l), n = 0;
    while (ccp_limiter_acquire(&s.l, CCP_NOWAIT) == CCP_OK)
        n++;
    assert_int_equal(n, limit);
}

static void ask_sometimes(actor *a)
{
    for (int i = 0; i < 1000; i++)
        a->value += ccp_sometimes_now(a->arg);
}

TEST(threads_together_do_it_as_often_as_one_would)
{
    ccp_sometimes s = { .first = 10, .every = 100 };
    actor a[THREADS];
    long times = 0;
    for (size_t i = 0; i < THREADS; i++) {
        a[i] = (actor){ .arg = &s };
        actor_start(&a[i], ask_sometimes);
    }
    for (size_t i = 0; i < THREADS; i++) {
        actor_join(&a[i]);
        times += a[i].value;
    }
    assert_int_equal(times, 9 + THREADS * 10);
}

static void take_from_window(actor *a)
{
    actor_calls(a);
    a->rc = ccp_window_take(a->arg, 1, a->w);
    a->returned_at = ccp_now();
}

/* Who is before wakes up late, by as little as it may be. */
TEST(a_delay_of_who_is_before_may_make_it_too_long) /* R13 R14 */
{
    ccp_window *x = ccp_window_new(1, CCP_MS(50));
    assert_non_null(x);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    actor first = { .arg = x, .w = CCP_FOREVER }, second = { .arg = x };
    actor_start(&first, take_from_window);
    actor_sleep_here(&first);
    int64_t then = ccp_window_when(x, 1);
    second.w = ccp_until(then);
    actor_start(&second, take_from_window);
    actor_join(&first);
    actor_join(&second);
    ASSERT_STATUS(first.rc, CCP_OK);
    /* On time to the nanosecond, or after it was foreseen that it would not be. */
    if (second.rc == CCP_OK)
        assert_true(second.returned_at >= then);
    else
        ASSERT_STATUS(second.rc, CCP_TIMEOUT);
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
}

TEST(behind_those_who_wait_for_ever_there_is_no_time) /* R14 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_window *x = ccp_window_new(1, INT64_MAX / 2);
    assert_true(ctx && x);
    actor a[3];
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = x, .w = ccp_with(ctx) };
        actor_start(&a[i], take_from_window);
        actor_sleep_here(&a[i]);
    }
    assert_true(ccp_window_when(x, 1) == INT64_MAX);
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_within(CCP_SEC(1000))), CCP_TIMEOUT);
    ccp_ctx_cancel(ctx);
    for (size_t i = 0; i < LENGTH(a); i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_CANCELED);
    }
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(of_threads_at_the_same_time_as_many_pass_as_the_burst),
        ENTRY(threads_together_get_no_more_than_the_rate_and_no_less),
        ENTRY(reservations_and_their_ends_leave_what_is_owed),
        ENTRY(the_rate_can_be_changed_while_others_take),
        ENTRY(who_sleeps_for_tokens_is_woken_by_its_context),
        ENTRY(no_key_gets_too_much_while_others_come_and_go),
        ENTRY(in_no_window_get_threads_more_than_it_has),
        ENTRY(who_gives_up_in_a_line_leaves_no_trace),
        ENTRY(a_delay_of_who_is_before_may_make_it_too_long),
        ENTRY(behind_those_who_wait_for_ever_there_is_no_time),
        ENTRY(a_limiter_stays_within_its_bounds_among_threads),
        ENTRY(threads_together_do_it_as_often_as_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
