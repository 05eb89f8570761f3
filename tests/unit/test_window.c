/* SPDX-License-Identifier: MIT
 *
 * Limiters by a window that slides, in time that stands still.
 */
#include "still.h"
#include "support.h"

static ccp_window *window_of(size_t n, int64_t ns)
{
    ccp_window *x = ccp_window_new(n, ns);
    assert_non_null(x);
    return x;
}

static void ends(ccp_window *x)
{
    ASSERT_STATUS(ccp_window_free(x), CCP_OK);
}

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    ccp_window *x = window_of(2, 10);
    assert_null(ccp_window_new(0, 10));
    assert_null(ccp_window_new(2, 0));
    assert_null(ccp_window_new(2, -1));
    assert_null(ccp_window_new(SIZE_MAX / 4, 10));
    ASSERT_STATUS(ccp_window_take(NULL, 1, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_window_take(x, 3, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_window_take_at(NULL, 1, 5), CCP_INVAL);
    ASSERT_STATUS(ccp_window_take_at(x, 3, 5), CCP_INVAL);
    ASSERT_STATUS(ccp_window_take_at(x, SIZE_MAX, 5), CCP_INVAL);
    assert_true(ccp_window_when(NULL, 1) == INT64_MAX);
    assert_true(ccp_window_when_at(x, 3, 5) == INT64_MAX);
    assert_int_equal(ccp_window_when_at(x, 2, 5), 5);
    ends(x);
    ends(NULL);
}

TEST(nothing_asked_for_is_always_there)
{
    ccp_window *x = window_of(1, 10);
    still_set(50);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_window_take(x, 0, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 0, 50), CCP_OK);
    assert_int_equal(ccp_window_when(x, 0), 50);
    assert_int_equal(ccp_window_when(x, 1), 60);
    ends(x);
}

TEST(what_is_as_old_as_the_window_is_free_again) /* R12 R13 */
{
    ccp_window *x = window_of(3, 100);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1000), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 2, 1030), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1099), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 2, 1100), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1100), CCP_OK);
    assert_int_equal(ccp_window_when_at(x, 1, 1101), 1130);
    assert_int_equal(ccp_window_when_at(x, 2, 1101), 1130);
    assert_int_equal(ccp_window_when_at(x, 3, 1101), 1200);
    ASSERT_STATUS(ccp_window_take_at(x, 2, 1129), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 2, 1130), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 3, 1229), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 3, 1230), CCP_OK);
    ends(x);
}

TEST(time_that_goes_back_stands_still) /* R12 */
{
    ccp_window *x = window_of(2, 100);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1000), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 3), CCP_OK); /* as if at 1000 */
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1099), CCP_AGAIN);
    assert_int_equal(ccp_window_when_at(x, 2, -70), 1100);
    ASSERT_STATUS(ccp_window_take_at(x, 2, 1100), CCP_OK);
    ends(x);
}

TEST(any_times_and_windows_can_be) /* R12 */
{
    ccp_window *x = window_of(1, INT64_MAX);
    ASSERT_STATUS(ccp_window_take_at(x, 1, INT64_MIN), CCP_OK);
    ASSERT_STATUS(ccp_window_take_at(x, 1, -2), CCP_AGAIN);
    assert_int_equal(ccp_window_when_at(x, 1, -2), 0);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 0), CCP_OK);
    assert_true(ccp_window_when_at(x, 1, 5) == INT64_MAX);
    ASSERT_STATUS(ccp_window_take_at(x, 1, INT64_MAX), CCP_OK);
    assert_true(ccp_window_when_at(x, 1, INT64_MAX) == INT64_MAX);
    ends(x);
}

/* ---- Against all times that there ever were ---- */

typedef struct record {
    int64_t *times;
    size_t len, n;
    int64_t ns;
} record;

/* How many there are in the ns nanoseconds that end with t. */
static size_t in_window(const record *r, int64_t t)
{
    size_t sum = 0;
    for (size_t i = r->len; i-- > 0 && r->times[i] > t - r->ns;)
        sum += r->times[i] <= t;
    return sum;
}

/* The first time, from now on, at which k more fit: now, or when one of them gets old. */
static int64_t when_by_record(const record *r, size_t k, int64_t now)
{
    int64_t t = now;
    for (size_t i = r->len > r->n ? r->len - r->n : 0; in_window(r, t) + k > r->n; i++)
        t = r->times[i] + r->ns > now ? r->times[i] + r->ns : now;
    return t;
}

static void one_call(ccp_window *x, record *r, uint64_t *seed, int64_t t)
{
    size_t k = 1 + random_next(seed) % r->n;
    int64_t newest = r->len ? r->times[r->len - 1] : t, now = t > newest ? t : newest;
    assert_int_equal(ccp_window_when_at(x, k, t), when_by_record(r, k, now));
    bool fits = in_window(r, now) + k <= r->n;
    ASSERT_STATUS(ccp_window_take_at(x, k, t), fits ? CCP_OK : CCP_AGAIN);
    for (size_t i = 0; fits && i < k; i++)
        r->times[r->len++] = now;
}

TEST(random_calls_get_what_a_record_of_all_times_says) /* R12 R13 */
{
    static const size_t sizes[] = { 1, 2, 3, 7, 64 };
    size_t calls = scaled(20000);
    uint64_t seed = 5;
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        record r = { .n = sizes[s], .ns = 1000 };
        r.times = test_malloc(calls * sizes[s] * sizeof *r.times);
        ccp_window *x = window_of(r.n, r.ns);
        int64_t t = 0;
        for (size_t i = 0; i < calls; i++) {
            /* Together about as many as fit; now and then nothing for long, or a step back. */
            t += random_next(&seed) % 1000;
            t += random_next(&seed) % 64 ? 0 : 5000;
            one_call(x, &r, &seed, random_next(&seed) % 16 ? t : t - 700);
        }
        assert_true(r.len > calls / 4 && r.len < calls * r.n);
        for (size_t i = 0; i + r.n < r.len; i++)
            assert_true(r.times[i + r.n] - r.times[i] >= r.ns);
        ends(x);
        test_free(r.times);
    }
}

/* ---- Waiting ---- */

TEST(who_waits_takes_as_soon_as_it_may) /* R12 R13 */
{
    ccp_window *x = window_of(3, CCP_SEC(1));
    still_set(CCP_SEC(5));
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_window_take(x, 1, CCP_FOREVER), CCP_OK);
        still_advance(CCP_MS(100));
    }
    assert_int_equal(still_sleeps(), 0);
    assert_int_equal(ccp_window_when(x, 2), CCP_MS(6100));
    ASSERT_STATUS(ccp_window_take(x, 2, ccp_within(CCP_MS(800))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_MS(6100));
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_until(CCP_MS(6200))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_MS(6200));
    ASSERT_STATUS(ccp_window_take(x, 3, CCP_FOREVER), CCP_OK);
    assert_int_equal(ccp_now(), CCP_MS(7200));
    assert_int_equal(still_sleeps(), 3);
    ends(x);
}

TEST(a_wait_that_will_be_too_long_fails_at_once) /* R5 R13 R14 */
{
    ccp_window *x = window_of(2, CCP_SEC(1));
    still_set(CCP_SEC(5));
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1) - 1));
    ASSERT_STATUS(ccp_window_take(x, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_within(CCP_SEC(1) - 1)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_with(ctx)), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(5));
    assert_int_equal(still_sleeps(), 0);
    assert_int_equal(ccp_window_when(x, 2), CCP_SEC(6));
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_within(CCP_SEC(1))), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ends(x);
}

static void cancel(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

TEST(a_canceled_wait_leaves_no_trace) /* R13 */
{
    ccp_window *x = window_of(3, 10);
    still_set(100);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    for (int64_t t = 100; t <= 108; t += 4)
        ASSERT_STATUS(ccp_window_take_at(x, 1, t), CCP_OK);
    still_set(108);
    still_at(109, cancel, ctx);
    ASSERT_STATUS(ccp_window_take(x, 3, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_with(ctx)), CCP_CANCELED);
    assert_int_equal(ccp_now(), 109);
    assert_int_equal(ccp_window_when(x, 1), 110);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 110), CCP_OK);
    assert_int_equal(ccp_window_when_at(x, 1, 110), 114);
    assert_int_equal(ccp_window_when_at(x, 3, 110), 120);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ends(x);
}

/* Somebody sleeps until 110, for two of three; the third was taken at 105. */
static void meanwhile(void *arg)
{
    ccp_window *x = arg;
    ASSERT_STATUS(ccp_window_free(x), CCP_BUSY);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 1, 1000), CCP_AGAIN);
    ASSERT_STATUS(ccp_window_take_at(x, 0, 106), CCP_OK);
    assert_int_equal(ccp_window_when(x, 0), 110);
    assert_int_equal(ccp_window_when(x, 1), 115);
    assert_int_equal(ccp_window_when(x, 2), 120);
    assert_int_equal(ccp_window_when(x, 3), 120);
    ASSERT_STATUS(ccp_window_take(x, 1, ccp_until(114)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_window_take(x, 2, ccp_until(119)), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), 106);
}

TEST(who_waits_is_overtaken_by_nobody) /* R14 */
{
    ccp_window *x = window_of(3, 10);
    still_set(100);
    ASSERT_STATUS(ccp_window_take(x, 2, CCP_NOWAIT), CCP_OK);
    still_set(105);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    still_at(106, meanwhile, x);
    ASSERT_STATUS(ccp_window_take(x, 2, CCP_FOREVER), CCP_OK);
    assert_int_equal(ccp_now(), 110);
    assert_int_equal(ccp_window_when(x, 1), 115);
    assert_int_equal(ccp_window_when(x, 2), 120);
    ends(x);
}

/* Whole rounds beyond the end of time. */
static void far_ahead(void *arg)
{
    assert_true(ccp_window_when(arg, 1) == INT64_MAX);
}

TEST(what_is_beyond_all_time_is_never) /* R14 */
{
    ccp_window *x = window_of(1, INT64_MAX / 2);
    still_set(100);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_NOWAIT), CCP_OK);
    still_at(200, far_ahead, x);
    ASSERT_STATUS(ccp_window_take(x, 1, CCP_FOREVER), CCP_OK);
    assert_true(ccp_now() == INT64_MAX / 2 + 100);
    ends(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(nothing_asked_for_is_always_there),
        ENTRY(what_is_as_old_as_the_window_is_free_again),
        ENTRY(time_that_goes_back_stands_still),
        ENTRY(any_times_and_windows_can_be),
        ENTRY(random_calls_get_what_a_record_of_all_times_says),
        ENTRY(who_waits_takes_as_soon_as_it_may),
        ENTRY(a_wait_that_will_be_too_long_fails_at_once),
        ENTRY(a_canceled_wait_leaves_no_trace),
        ENTRY(who_waits_is_overtaken_by_nobody),
        ENTRY(what_is_beyond_all_time_is_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
