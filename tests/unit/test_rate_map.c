/* SPDX-License-Identifier: MIT
 *
 * Rate limiters by key, in time that stands still.
 */
#include "still.h"
#include "support.h"

static ccp_rate_map *map_of(size_t keys, double per_second, uint64_t burst, bool forget)
{
    const ccp_rate_map_opts o = {
        .per_second = per_second, .burst = burst, .keys = keys, .key_size = 8, .forget = forget
    };
    ccp_rate_map *m = ccp_rate_map_new(&o);
    assert_non_null(m);
    return m;
}

static ccp_status takes(ccp_rate_map *m, uint64_t key, uint64_t n, int64_t t)
{
    return ccp_rate_map_take_at(m, &key, sizeof key, n, t);
}

TEST(each_key_has_a_bucket_of_its_own) /* R9 */
{
    ccp_rate_map *m = map_of(10, 10, 2, false);
    for (uint64_t key = 0; key < 10; key++) {
        ASSERT_STATUS(takes(m, key, 2, CCP_SEC(1)), CCP_OK);
        ASSERT_STATUS(takes(m, key, 1, CCP_SEC(1)), CCP_AGAIN);
    }
    assert_int_equal(ccp_rate_map_len(m), 10);
    for (uint64_t key = 0; key < 10; key++) {
        ASSERT_STATUS(takes(m, key, 1, CCP_SEC(1) + CCP_MS(100)), CCP_OK);
        ASSERT_STATUS(takes(m, key, 1, CCP_SEC(1) + CCP_MS(100)), CCP_AGAIN);
        ASSERT_STATUS(takes(m, key, 1, 0), CCP_AGAIN);
    }
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

TEST(keys_are_bytes_of_any_length_up_to_the_largest)
{
    ccp_rate_map *m = map_of(10, 1, 1, false);
    for (size_t len = 0; len <= 8; len++) {
        ASSERT_STATUS(ccp_rate_map_take_at(m, "\0\0\0\0\0\0\0\0", len, 1, 5), CCP_OK);
        ASSERT_STATUS(ccp_rate_map_take_at(m, "\0\0\0\0\0\0\0\0", len, 1, 5), CCP_AGAIN);
    }
    assert_int_equal(ccp_rate_map_len(m), 9);
    ASSERT_STATUS(ccp_rate_map_take_at(m, "123456789", 9, 1, 5), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    ccp_rate_map *m = map_of(2, 1, 1, false);
    ccp_rate_map_opts o = { .per_second = -1, .burst = 1 };
    assert_null(ccp_rate_map_new(NULL));
    assert_null(ccp_rate_map_new(&o));
    o = (ccp_rate_map_opts){ .per_second = 1, .burst = 1, .keys = SIZE_MAX / 8 };
    assert_null(ccp_rate_map_new(&o));
    o = (ccp_rate_map_opts){ .per_second = 1, .burst = 1, .key_size = SIZE_MAX };
    assert_null(ccp_rate_map_new(&o));
    ASSERT_STATUS(ccp_rate_map_take(NULL, "a", 1, 1, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_take(m, NULL, 1, 1, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 2, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_take_at(NULL, "a", 1, 1, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_take_at(m, NULL, 0, 1, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_rate_map_take_at(m, "a", 1, 2, 1), CCP_INVAL);
    assert_int_equal(ccp_rate_map_len(m), 0);
    assert_int_equal(ccp_rate_map_len(NULL), 0);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_free(NULL), CCP_OK);
}

TEST(full_buckets_make_room_and_others_do_not) /* R8 */
{
    ccp_rate_map *m = map_of(3, 10, 2, false);
    for (uint64_t key = 0; key < 3; key++)
        ASSERT_STATUS(takes(m, key, 1 + key % 2, 0), CCP_OK);
    ASSERT_STATUS(takes(m, 3, 1, CCP_MS(100) - 1), CCP_BUSY);
    ASSERT_STATUS(takes(m, 3, 1, CCP_MS(100)), CCP_OK); /* 0 is full */
    ASSERT_STATUS(takes(m, 0, 1, CCP_MS(199)), CCP_BUSY);
    ASSERT_STATUS(takes(m, 0, 2, CCP_MS(200)), CCP_OK); /* in the place of 1 */
    assert_int_equal(ccp_rate_map_len(m), 3);
    ASSERT_STATUS(takes(m, 3, 2, CCP_MS(200)), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

TEST(with_forget_the_key_goes_that_was_not_asked_about_for_longest) /* R8 */
{
    ccp_rate_map *m = map_of(3, 1, 2, true);
    for (uint64_t key = 0; key < 3; key++)
        ASSERT_STATUS(takes(m, key, 2, 0), CCP_OK);
    ASSERT_STATUS(takes(m, 0, 1, 0), CCP_AGAIN);
    ASSERT_STATUS(takes(m, 3, 2, 0), CCP_OK);
    ASSERT_STATUS(takes(m, 0, 1, 0), CCP_AGAIN);
    ASSERT_STATUS(takes(m, 2, 1, 0), CCP_AGAIN);
    ASSERT_STATUS(takes(m, 1, 1, 0), CCP_OK); /* as if it were new */
    assert_int_equal(ccp_rate_map_len(m), 3);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

/* Against one limiter for each key, with more keys than are remembered. */
TEST(no_key_gets_more_than_by_a_limiter_of_its_own) /* R1 R8 R9 */
{
    enum { KEYS = 40 };
    ccp_rate_map *m = map_of(8, 10, 3, false);
    ccp_rate each[KEYS];
    uint64_t seed = 11;
    size_t given = 0, busy = 0;
    int64_t t = 0;
    for (size_t i = 0; i < KEYS; i++)
        ASSERT_STATUS(ccp_rate_init(&each[i], 10, 3), CCP_OK);
    for (size_t i = 0; i < scaled(100000); i++) {
        t += random_next(&seed) % (unsigned)CCP_MS(60);
        uint64_t key = random_next(&seed) % KEYS, n = 1 + random_next(&seed) % 3;
        ccp_status st = takes(m, key, n, t);
        busy += st == CCP_BUSY;
        given += st == CCP_OK;
        if (st != CCP_BUSY)
            ASSERT_STATUS(ccp_rate_take_at(&each[key], n, t + 2), st);
        assert_true(ccp_rate_map_len(m) <= 8);
    }
    assert_true(given > 0 && busy > 0);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

TEST(keys_last_for_years) /* R2 R8 */
{
    ccp_rate_map *m = map_of(4, 1.0 / 86400, 2, false); /* one a day */
    int64_t day = CCP_SEC(86400), t = day;
    for (uint64_t key = 0; key < 3; key++)
        ASSERT_STATUS(takes(m, key, 2, t), CCP_OK);
    for (int i = 0; i < 3000; i++) {
        t += day + 10;
        ASSERT_STATUS(takes(m, 0, 1, t), CCP_OK);
        ASSERT_STATUS(takes(m, 0, 1, t), CCP_AGAIN);
    }
    ASSERT_STATUS(takes(m, 1, 2, t), CCP_OK);
    ASSERT_STATUS(takes(m, 1, 1, t), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

static void cancel_ctx(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

static ccp_rate_map *busy_map;

static void free_busy(void *arg)
{
    *(ccp_status *)arg = ccp_rate_map_free(busy_map);
}

TEST(waits_for_a_key_are_as_for_a_limiter) /* R3 R4 R5 R9 */
{
    ccp_rate_map *m = map_of(4, 10, 3, false);
    ccp_status while_busy = CCP_OK;
    busy_map = m;
    still_set(CCP_SEC(1));
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 3, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 2, ccp_within(CCP_MS(199))), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(1));
    still_at(CCP_SEC(1) + CCP_MS(10), free_busy, &while_busy);
    still_at(CCP_SEC(1) + CCP_MS(50), cancel_ctx, ctx);
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 2, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(while_busy, CCP_BUSY);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(50));
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 1, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 1, CCP_FOREVER), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(100));
    ASSERT_STATUS(ccp_rate_map_take(m, "a", 1, 3, ccp_within(CCP_MS(300))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(1) + CCP_MS(400));
    ASSERT_STATUS(ccp_rate_map_take(m, "b", 1, 3, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
}

TEST(rates_at_the_edges_by_key)
{
    still_set(5);
    ccp_rate_map *none = map_of(2, 0, 1, false), *all = map_of(2, CCP_RATE_INFINITE, 0, false);
    ASSERT_STATUS(ccp_rate_map_take(none, "a", 1, 1, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_take(none, "a", 1, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_rate_map_take(none, "a", 1, 1, CCP_FOREVER), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rate_map_take(none, "b", 1, 1, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_take(none, "c", 1, 1, CCP_FOREVER), CCP_BUSY);
    ASSERT_STATUS(ccp_rate_map_take(all, "a", 1, 99, CCP_FOREVER), CCP_OK);
    assert_int_equal(ccp_rate_map_len(all), 0);
    ASSERT_STATUS(ccp_rate_map_free(none), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_free(all), CCP_OK);
}

TEST(memory_is_taken_once_and_may_be_short) /* G4 */
{
    memory_watch();
    const ccp_rate_map_opts o = { .per_second = 1, .burst = 1 };
    for (size_t n = 1; n <= 3; n++) {
        memory_fail_at(n);
        assert_null(ccp_rate_map_new(&o));
        assert_int_equal(atomic_load(&memory_live), 0);
    }
    memory_fail_at(0);
    ccp_rate_map *m = ccp_rate_map_new(&o);
    assert_non_null(m);
    memory_fail_from(1);
    for (uint64_t key = 0; key < 1024; key++)
        ASSERT_STATUS(takes(m, key, 1, 1), CCP_OK);
    ASSERT_STATUS(takes(m, 1024, 1, 1), CCP_BUSY);
    ASSERT_STATUS(ccp_rate_map_free(m), CCP_OK);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(each_key_has_a_bucket_of_its_own),
        ENTRY(keys_are_bytes_of_any_length_up_to_the_largest),
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(full_buckets_make_room_and_others_do_not),
        ENTRY(with_forget_the_key_goes_that_was_not_asked_about_for_longest),
        ENTRY(no_key_gets_more_than_by_a_limiter_of_its_own),
        ENTRY(keys_last_for_years),
        ENTRY(waits_for_a_key_are_as_for_a_limiter),
        ENTRY(rates_at_the_edges_by_key),
        ENTRY(memory_is_taken_once_and_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
