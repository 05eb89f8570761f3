/* SPDX-License-Identifier: MIT
 *
 * The first k of n futures: all, any, a quorum.  Many are ports; ports.md lists them.
 */
#include "promises.h"

static void fails_with(ccp_future *f, ccp_status error)
{
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(ccp_future_error(f), error);
    ccp_future_free(f);
}

enum { MOST = 20 };

typedef struct many {
    size_t n;
    ccp_promise *p[MOST];
    ccp_future *f[MOST];
} many;

static void make_many(many *m, size_t n)
{
    m->n = n;
    for (size_t i = 0; i < n; i++)
        m->p[i] = promise_of_long(&m->f[i]);
}

static void settle(many *m, size_t i, ccp_status error)
{
    if (error == CCP_OK)
        keep(m->p[i], (long)i);
    else
        break_it(m->p[i], error);
    m->p[i] = NULL;
}

static void free_many(many *m)
{
    for (size_t i = 0; i < m->n; i++) {
        ccp_promise_free(m->p[i]);
        ccp_future_free(m->f[i]);
    }
}

TEST(all_of_none_is_there_at_once) /* F7 */
{
    ccp_future *f = ccp_future_all(NULL, 0);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_NOWAIT), CCP_OK);
    ccp_future_free(f);
    f = ccp_future_first(&(ccp_future *){ NULL }, 0, 0);
    assert_true(ccp_future_is_done(f));
    ccp_future_free(f);
    many m;
    make_many(&m, 3); /* none of some */
    f = ccp_future_first(m.f, 3, 0);
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_NOWAIT), CCP_OK);
    ccp_future_free(f);
    free_many(&m);
}

TEST(all_are_there_with_the_last) /* F7 */
{
    for (size_t n = 1; n < MOST; n++)
        for (int backwards = 0; backwards < 2; backwards++) {
            many m;
            size_t order[MOST];
            make_many(&m, n);
            ccp_future *all = ccp_future_all(m.f, n);
            for (size_t k = 0; k < n; k++) {
                assert_false(ccp_future_is_done(all));
                settle(&m, backwards ? n - 1 - k : k, CCP_OK);
            }
            ASSERT_STATUS(ccp_future_get(all, order, CCP_NOWAIT), CCP_OK);
            for (size_t k = 0; k < n; k++)
                assert_int_equal(order[k], backwards ? n - 1 - k : k);
            ccp_future_free(all);
            free_many(&m);
        }
}

TEST(all_fail_with_the_first_that_does) /* F7 */
{
    for (size_t n = 1; n < MOST; n++) {
        many m;
        make_many(&m, n);
        ccp_future *all = ccp_future_all(m.f, n);
        for (size_t i = 0; i + 1 < n; i++)
            settle(&m, i, CCP_OK);
        settle(&m, n - 1, CCP_BUSY);
        ASSERT_STATUS(ccp_future_get(all, NULL, CCP_NOWAIT), CCP_FAILED);
        ccp_future_free(ccp_future_share(all));
        ccp_future_free(all);
        free_many(&m);
    }
    many m;
    make_many(&m, 3);
    ccp_future *all = ccp_future_all(m.f, 3);
    settle(&m, 1, CCP_FAILED);
    settle(&m, 2, CCP_CLOSED);
    fails_with(all, CCP_FAILED);
    free_many(&m);
}

TEST(any_is_there_with_the_first) /* F7 */
{
    for (size_t n = 1; n < MOST; n++)
        for (size_t i = 0; i < n; i++) {
            many m;
            size_t which = 99;
            make_many(&m, n);
            ccp_future *any = ccp_future_any(m.f, n);
            assert_false(ccp_future_is_done(any));
            settle(&m, i, CCP_OK);
            ASSERT_STATUS(ccp_future_get(any, &which, CCP_NOWAIT), CCP_OK);
            assert_int_equal(which, i);
            for (size_t k = 0; k < n; k++)
                if (k != i)
                    settle(&m, k, k % 2 ? CCP_OK : CCP_FAILED);
            ASSERT_STATUS(ccp_future_get(any, &which, CCP_NOWAIT), CCP_OK);
            assert_int_equal(which, i);
            ccp_future_free(any);
            free_many(&m);
        }
}

TEST(any_is_there_at_once_if_one_is) /* F7 */
{
    many m;
    size_t which = 99;
    make_many(&m, 4);
    settle(&m, 0, CCP_FAILED);
    settle(&m, 2, CCP_OK);
    ccp_future *any = ccp_future_any(m.f, 4);
    ASSERT_STATUS(ccp_future_get(any, &which, CCP_NOWAIT), CCP_OK);
    assert_int_equal(which, 2);
    ccp_future_free(any);
    free_many(&m);
}

TEST(any_fails_when_all_have) /* F7 */
{
    for (size_t n = 1; n < MOST; n++)
        for (int backwards = 0; backwards < 2; backwards++) {
            many m;
            make_many(&m, n);
            ccp_future *any = ccp_future_any(m.f, n);
            for (size_t k = 0; k < n; k++) {
                assert_false(ccp_future_is_done(any));
                settle(&m, backwards ? n - 1 - k : k, k + 1 == n ? CCP_CLOSED : CCP_FAILED);
            }
            fails_with(any, CCP_CLOSED);
            free_many(&m);
        }
}

TEST(a_quorum_is_there_or_impossible_as_soon_as_that_is_known) /* F7 */
{
    enum { N = 5 };
    for (unsigned pattern = 0; pattern < 1u << N; pattern++)
        for (size_t k = 1; k <= N; k++) {
            many m;
            make_many(&m, N);
            ccp_future *quorum = ccp_future_first(m.f, N, k);
            size_t good = 0, bad = 0, order[N], expected[N];
            for (size_t i = 0; i < N; i++) {
                assert_int_equal(ccp_future_is_done(quorum), good >= k || bad > N - k);
                bool ok = pattern >> i & 1;
                if (ok)
                    expected[good++] = i;
                else
                    bad++;
                settle(&m, i, ok ? CCP_OK : CCP_FAILED);
            }
            ASSERT_STATUS(ccp_future_get(quorum, order, CCP_NOWAIT),
                          good >= k ? CCP_OK : CCP_FAILED);
            for (size_t i = 0; i < k && good >= k; i++)
                assert_int_equal(order[i], expected[i]);
            ccp_future_free(quorum);
            free_many(&m);
        }
}

static void drop_to(void *value, void *arg)
{
    atomic_fetch_add((atomic_long *)arg, *(long *)value);
}

/* One question to a future that does not answer: the other is there before it is asked, first or
 * last, or afterwards. */
static void any_of_slow_and(ccp_future *slow, size_t at, bool later)
{
    ccp_future *f[2] = { slow, slow }, *any;
    ccp_promise *p = promise_of_long(&f[at]);
    size_t which = 99;
    if (!later)
        keep(p, 1);
    any = ccp_future_any(f, 2);
    assert_int_equal(ccp_future_is_done(any), !later);
    if (later)
        keep(p, 1);
    ASSERT_STATUS(ccp_future_get(any, &which, CCP_NOWAIT), CCP_OK);
    assert_int_equal(which, at);
    ccp_future_free(any);
    ccp_future_free(f[at]);
}

TEST(what_is_settled_lets_go_of_the_others) /* F7 F4 */
{
    for (int how = 0; how < 4; how++) {
        atomic_long dropped = 0;
        ccp_future *slow;
        ccp_promise *p = ccp_promise_new(
            &(ccp_promise_opts){ .size = sizeof(long), .drop = drop_to, .drop_arg = &dropped },
            &slow);
        size_t live = ccp_live_blocks();
        for (int round = 0; round < 100; round++) { /* it outlives many questions */
            any_of_slow_and(slow, how % 2, how / 2);
            assert_int_equal(ccp_live_blocks(), live);
        }
        keep(p, 3);
        ccp_future_free(slow);
        assert_int_equal(dropped, 3);
    }
}

TEST(the_same_future_may_be_asked_for_twice) /* F7 */
{
    ccp_future *f, *twice[2], *all;
    ccp_promise *p = promise_of_long(&f);
    twice[0] = twice[1] = f;
    all = ccp_future_all(twice, 2);
    keep(p, 1);
    assert_true(ccp_future_is_done(all));
    ccp_future_free(all);
    ccp_future_free(f);
}

static void settle_one(actor *a)
{
    many *m = a->arg;
    size_t i = a->index;
    keep(m->p[i], (long)i);
    m->p[i] = NULL;
}

TEST(futures_settled_at_the_same_moment_are_counted_once_each) /* F7 F2 */
{
    for (size_t round = 0; round < scaled(300); round++) {
        enum { N = 4 };
        many m;
        actor a[N];
        size_t order[N], k = round % N + 1;
        bool seen[N] = { false };
        make_many(&m, N);
        for (size_t i = 0; i < N; i++) {
            a[i] = (actor){ .arg = &m, .index = i };
            actor_start(&a[i], settle_one);
        }
        ccp_future *f = ccp_future_first(m.f, N, k);
        ASSERT_STATUS(ccp_future_get(f, order, CCP_FOREVER), CCP_OK);
        for (size_t i = 0; i < k; i++) {
            assert_true(order[i] < N && !seen[order[i]]);
            seen[order[i]] = true;
            assert_true(ccp_future_is_done(m.f[order[i]]));
        }
        for (size_t i = 0; i < N; i++)
            actor_join(&a[i]);
        ccp_future_free(f);
        free_many(&m);
    }
}

/* --- two that are needed --- */

static ccp_status add_up(ccp_status error, const void *value, void *result, void *arg)
{
    ccp_future **f = arg;
    (void)value;
    if (error != CCP_OK)
        return error;
    *(long *)result = *(const long *)ccp_future_peek(f[0]) + *(const long *)ccp_future_peek(f[1]);
    return CCP_OK;
}

TEST(two_may_be_combined) /* F6 F7 */
{
    for (int fails = 0; fails < 3; fails++)
        for (int first = 0; first < 2; first++) {
            many m;
            make_many(&m, 2);
            ccp_future *all = ccp_future_all(m.f, 2);
            ccp_future *sum = ccp_future_then(all, &of_long, add_up, m.f);
            ccp_future_free(all);
            settle(&m, (size_t)first, fails == 1 ? CCP_FAILED : CCP_OK);
            settle(&m, (size_t)!first, fails == 2 ? CCP_FAILED : CCP_OK);
            long v;
            ASSERT_STATUS(ccp_future_get(sum, &v, CCP_FOREVER), fails ? CCP_FAILED : CCP_OK);
            if (!fails)
                assert_int_equal(v, 1);
            ccp_future_free(sum);
            free_many(&m);
        }
}

TEST(so_many_that_they_cannot_be_are_refused)
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    assert_null(ccp_future_first(&f, SIZE_MAX, 1));
    assert_null(ccp_future_first(&f, UINT32_MAX, 1));
    ccp_promise_free(p);
    ccp_future_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(all_of_none_is_there_at_once),
        ENTRY(all_are_there_with_the_last),
        ENTRY(all_fail_with_the_first_that_does),
        ENTRY(any_is_there_with_the_first),
        ENTRY(any_is_there_at_once_if_one_is),
        ENTRY(any_fails_when_all_have),
        ENTRY(a_quorum_is_there_or_impossible_as_soon_as_that_is_known),
        ENTRY(what_is_settled_lets_go_of_the_others),
        ENTRY(the_same_future_may_be_asked_for_twice),
        ENTRY(futures_settled_at_the_same_moment_are_counted_once_each),
        ENTRY(two_may_be_combined),
        ENTRY(so_many_that_they_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
