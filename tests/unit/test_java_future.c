/* SPDX-License-Identifier: MIT
 *
 * What the tests of java.util.concurrent's CompletableFuture check beyond test_future*.c, written
 * anew; ports.md says which is which.  What Java makes of two futures at once is made here of the
 * first of two, or of both, and then by a function.
 */
#include "promises.h"

typedef struct pair {
    ccp_promise *p[2];
    ccp_future *f[2];
    atomic_int calls;
    ccp_status result; /* of the functions that are made of them */
} pair;

static void open_pair(pair *two)
{
    *two = (pair){ .result = CCP_OK };
    for (int i = 0; i < 2; i++)
        two->p[i] = promise_of_long(&two->f[i]);
}

static void close_pair(pair *two)
{
    for (int i = 0; i < 2; i++) {
        ccp_promise_free(two->p[i]);
        ccp_future_free(two->f[i]);
    }
}

/* How one ends: with a value, 10 + its number; with an error; canceled. */
typedef enum end { VALUE, ERROR, CANCEL, ENDS } end;

static void settle(pair *two, int i, end how)
{
    if (how == CANCEL)
        ASSERT_STATUS(ccp_future_cancel(two->f[i]), CCP_OK);
    else if (how == ERROR)
        ASSERT_STATUS(ccp_promise_fail(two->p[i], CCP_FAILED), CCP_OK);
    else
        ASSERT_STATUS(ccp_promise_set(two->p[i], &(long){ 10 + i }), CCP_OK);
}

static ccp_status error_of(end how)
{
    return how == VALUE ? CCP_OK : how == ERROR ? CCP_FAILED : CCP_CANCELED;
}

static void ends_with(ccp_future *f, ccp_status error, long expected)
{
    long v = 0;
    ASSERT_STATUS(ccp_future_get(f, &v, CCP_FOREVER), error == CCP_OK ? CCP_OK : CCP_FAILED);
    ASSERT_STATUS(ccp_future_error(f), error);
    assert_int_equal(v, error == CCP_OK ? expected : 0);
    ccp_future_free(f);
}

/* --- either, both --- */

static ccp_status the_first(ccp_status error, const void *which, void *result, void *arg)
{
    pair *two = arg;
    if (error != CCP_OK)
        return error;
    atomic_fetch_add(&two->calls, 1);
    *(long *)result = *(const long *)ccp_future_peek(two->f[*(const size_t *)which]);
    return two->result;
}

static ccp_status the_difference(ccp_status error, const void *order, void *result, void *arg)
{
    pair *two = arg;
    (void)order;
    if (error != CCP_OK)
        return error;
    atomic_fetch_add(&two->calls, 1);
    *(long *)result = *(const long *)ccp_future_peek(two->f[1]) -
                      *(const long *)ccp_future_peek(two->f[0]);
    return two->result;
}

/* What fn makes of k of the two, asked for in this order. */
static ccp_future *of_two(pair *two, size_t k, ccp_then fn)
{
    ccp_future *first = ccp_future_first(two->f, 2, k);
    ccp_future *made = ccp_future_then(first, &of_long, fn, two);
    assert_non_null(made);
    ccp_future_free(first);
    return made;
}

TEST(of_either_the_value_that_came_first_is_used) /* F6 F7 */
{
    for (int i = 0; i < 2; i++)
        for (end other = VALUE; other < ENDS; other++) {
            pair two;
            open_pair(&two);
            ccp_future *early = of_two(&two, 1, the_first);
            assert_false(ccp_future_is_done(early));
            settle(&two, i, VALUE);
            ccp_future *between = of_two(&two, 1, the_first);
            assert_true(ccp_future_is_done(early) && ccp_future_is_done(between));
            settle(&two, !i, other);
            ends_with(early, CCP_OK, 10 + i);
            ends_with(between, CCP_OK, 10 + i);
            ccp_future *late = of_two(&two, 1, the_first); /* of two values the first in order */
            ends_with(late, CCP_OK, other == VALUE ? 10 : 10 + i);
            assert_int_equal(two.calls, 3);
            close_pair(&two);
        }
}

TEST(of_either_a_failure_waits_for_the_other) /* F7 */
{
    for (int i = 0; i < 2; i++)
        for (end how = ERROR; how < ENDS; how++)
            for (end other = VALUE; other < ENDS; other++) {
                pair two;
                open_pair(&two);
                ccp_future *early = of_two(&two, 1, the_first);
                settle(&two, i, how);
                ccp_future *between = of_two(&two, 1, the_first);
                assert_false(ccp_future_is_done(early) || ccp_future_is_done(between));
                settle(&two, !i, other);
                ends_with(early, error_of(other), 10 + !i);
                ends_with(between, error_of(other), 10 + !i);
                assert_int_equal(two.calls, other == VALUE ? 2 : 0);
                close_pair(&two);
            }
}

TEST(what_is_made_of_two_may_fail) /* F6 F7 */
{
    for (int i = 0; i < 2; i++) {
        pair two;
        open_pair(&two);
        two.result = CCP_FAILED;
        ccp_future *either = of_two(&two, 1, the_first), *both = of_two(&two, 2, the_difference);
        settle(&two, i, VALUE);
        ccp_future *too = of_two(&two, 2, the_difference);
        settle(&two, !i, VALUE);
        ends_with(either, CCP_FAILED, 0);
        ends_with(both, CCP_FAILED, 0);
        ends_with(too, CCP_FAILED, 0);
        ends_with(of_two(&two, 2, the_difference), CCP_FAILED, 0);
        assert_int_equal(two.calls, 4);
        for (int k = 0; k < 2; k++)
            ends_with(ccp_future_share(two.f[k]), CCP_OK, 10 + k);
        close_pair(&two);
    }
}

TEST(both_need_both) /* F7 */
{
    for (int i = 0; i < 2; i++)
        for (end how = VALUE; how < ENDS; how++)
            for (end other = VALUE; other < ENDS; other++) {
                pair two;
                open_pair(&two);
                ccp_future *early = of_two(&two, 2, the_difference);
                settle(&two, i, how);
                ccp_future *between = of_two(&two, 2, the_difference);
                assert_int_equal(ccp_future_is_done(early), how != VALUE);
                assert_int_equal(ccp_future_is_done(between), how != VALUE);
                settle(&two, !i, other);
                ccp_status error = error_of(how != VALUE ? how : other);
                ends_with(early, error, 1);
                ends_with(between, error, 1);
                assert_int_equal(two.calls, error == CCP_OK ? 2 : 0);
                close_pair(&two);
            }
}

/* --- everything that is made of one --- */

static ccp_status pass_on(ccp_status error, const void *value, void *result, void *arg)
{
    if (arg)
        atomic_fetch_add((atomic_int *)arg, 1);
    if (error == CCP_OK)
        *(long *)result = *(const long *)value;
    return error;
}

enum { BOTH_WITH_NEVER = 5, EITHER_WITH_NEVER, WAYS = 8 };

/* Of f in so many ways; `there` has a value, `never` does not come.  With that one, both are
 * settled only by an error of f, either only by a value. */
static ccp_future *made_of(ccp_future *f, int way, ccp_future *there, ccp_future *never)
{
    ccp_future *list[2] = { f, never };
    switch (way) {
    case 0: return ccp_future_then(f, &of_long, pass_on, NULL);
    case 1: return ccp_future_all(list, 1);
    case 2: return ccp_future_any(list, 1);
    case 3: list[1] = there; return ccp_future_all(list, 2);
    case 4: list[0] = there, list[1] = f; return ccp_future_all(list, 2);
    case BOTH_WITH_NEVER: list[0] = never, list[1] = f; return ccp_future_all(list, 2);
    case EITHER_WITH_NEVER: list[0] = never, list[1] = f; return ccp_future_any(list, 2);
    default: return ccp_future_share(f);
    }
}

TEST(an_error_travels_through_everything_that_is_made_of_it) /* F6 F7 */
{
    for (int cancel = 0; cancel < 2; cancel++)
        for (int before = 0; before < 2; before++)
            for (int way = 0; way < WAYS; way++) {
                if (way == EITHER_WITH_NEVER)
                    continue;
                ccp_future *f, *there, *never, *made = NULL;
                ccp_promise *p = promise_of_long(&f), *q = promise_of_long(&never);
                keep(promise_of_long(&there), 1);
                ccp_future *source = ccp_future_then(f, &of_long, pass_on, NULL);
                if (!before)
                    made = made_of(source, way, there, never);
                if (cancel)
                    ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
                else
                    ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_OK);
                if (before)
                    made = made_of(source, way, there, never);
                ccp_future_free(source);
                ends_with(made, cancel ? CCP_CANCELED : CCP_FAILED, 0);
                ccp_promise_free(p);
                ccp_promise_free(q);
                ccp_future_free(f);
                ccp_future_free(there);
                ccp_future_free(never);
            }
}

static ccp_status count_it(ccp_status error, const void *value, void *result, void *arg)
{
    (void)value;
    (void)result;
    atomic_fetch_add((atomic_int *)arg, 1);
    return error;
}

TEST(all_that_depends_on_one_is_called_once) /* F6 F7 */
{
    enum { N = 20 };
    ccp_future *head, *there, *never, *all[N * WAYS];
    ccp_promise *p = promise_of_long(&head), *q = promise_of_long(&never);
    atomic_int count = 0;
    keep(promise_of_long(&there), 1);
    for (int i = 0; i < N * WAYS; i++) {
        int way = i % WAYS;
        ccp_future *made = made_of(head, way == BOTH_WITH_NEVER ? 0 : way, there, never);
        all[i] = ccp_future_then(made, NULL, count_it, &count);
        ccp_future_free(made);
    }
    assert_int_equal(count, 0);
    keep(p, 2);
    assert_int_equal(count, N * WAYS);
    for (int i = 0; i < N * WAYS; i++)
        ccp_future_free(all[i]);
    ccp_promise_free(q);
    ccp_future_free(head);
    ccp_future_free(there);
    ccp_future_free(never);
}

/* --- chains --- */

static ccp_status plus_one(ccp_status error, const void *value, void *result, void *arg)
{
    ccp_future *from = arg; /* NULL: the value is the number itself */
    if (error == CCP_OK)
        *(long *)result = *(const long *)(from ? ccp_future_peek(from) : value) + 1;
    return error;
}

/* One link: f + 1, by a function alone, or of f twice, either or both. */
static ccp_future *plus_one_of(ccp_future *f, size_t k)
{
    ccp_future *twice[] = { f, f };
    if (k == 0)
        return ccp_future_then(f, &of_long, plus_one, NULL);
    ccp_future *first = ccp_future_first(twice, 2, k);
    ccp_future *next = ccp_future_then(first, &of_long, plus_one, f);
    ccp_future_free(first);
    return next;
}

TEST(chains_of_all_kinds_with_dead_ends_come_to_their_end) /* F6 F7 */
{
    enum { LINKS = 60 };
    for (int dead_ends = 0; dead_ends < 2; dead_ends++) {
        ccp_future *links[LINKS + 1], *dead[LINKS];
        ccp_promise *p = promise_of_long(&links[0]);
        for (size_t i = 0; i < LINKS; i++) {
            dead[i] = dead_ends ? plus_one_of(links[i], i % 3) : NULL;
            links[i + 1] = plus_one_of(links[i], i % 3);
        }
        keep(p, 42);
        for (size_t i = 0; i < LINKS; i++)
            if (dead_ends)
                ends_with(dead[i], CCP_OK, 42 + (long)i + 1);
        for (size_t i = 0; i < LINKS; i++)
            ccp_future_free(links[i]);
        ends_with(links[LINKS], CCP_OK, 42 + LINKS);
    }
}

/* --- nobody wants it --- */

TEST(canceling_what_was_made_of_it_leaves_the_source_alone) /* F5 */
{
    ccp_future *f;
    ccp_promise *p = promise_of_long(&f);
    for (int way = 0; way < 3; way++) {
        ccp_future *made = made_of(f, way, f, f);
        ASSERT_STATUS(ccp_future_cancel(made), CCP_OK);
        ASSERT_STATUS(ccp_future_cancel(made), CCP_CLOSED);
        ccp_future_free(made);
        assert_false(ccp_future_is_done(f) || ccp_promise_canceled(p));
    }
    keep(p, 5);
    ends_with(f, CCP_OK, 5);
}

TEST(what_nobody_wants_any_more_leaves_nothing_at_its_source) /* F5 */
{
    enum { SOURCES = 100, TIMES = 200 };
    ccp_future *f[SOURCES];
    ccp_promise *p[SOURCES];
    for (int i = 0; i < SOURCES; i++)
        p[i] = promise_of_long(&f[i]);
    size_t live = ccp_live_blocks();
    for (int i = 0; i < 6 * TIMES; i++) {
        ccp_future *made = i % 3 == 0   ? ccp_future_then(f[0], &of_long, pass_on, NULL)
                           : i % 3 == 1 ? ccp_future_all(f, SOURCES)
                                        : ccp_future_any(f, SOURCES);
        if (i % 2)
            ASSERT_STATUS(ccp_future_cancel(made), CCP_OK);
        ccp_future_free(made);
        assert_int_equal(ccp_live_blocks(), live);
    }
    for (int i = 0; i < SOURCES; i++) {
        ccp_promise_free(p[i]);
        ccp_future_free(f[i]);
    }
}

TEST(questions_leave_nothing_at_a_future_that_never_comes) /* F7 */
{
    ccp_future *f[100];
    ccp_promise *p[LENGTH(f)];
    for (size_t i = 0; i < LENGTH(f); i++)
        p[i] = promise_of_long(&f[i]);
    ASSERT_STATUS(ccp_promise_set(p[99], &(long){ 1 }), CCP_OK);
    size_t live = ccp_live_blocks(), which = 0;
    for (int i = 0; i < 200; i++) {
        ccp_future *mine = NULL, *any = ccp_future_any(f, LENGTH(f));
        ASSERT_STATUS(ccp_future_get(any, &which, CCP_NOWAIT), CCP_OK);
        assert_int_equal(which, 99);
        ccp_future_free(any);
        ccp_promise *q = promise_of_long(&mine); /* settled after the question */
        any = ccp_future_any((ccp_future *[]){ i % 2 ? f[0] : mine, i % 2 ? mine : f[0] }, 2);
        keep(q, i);
        assert_true(ccp_future_is_done(any));
        ccp_future_free(any);
        ccp_future_free(mine);
        assert_int_equal(ccp_live_blocks(), live);
    }
    for (size_t i = 0; i < LENGTH(f); i++) {
        ccp_promise_free(p[i]);
        ccp_future_free(f[i]);
    }
}

TEST(the_producer_learns_that_nobody_wants_the_end_of_a_chain) /* F5 */
{
    for (int cancel = 0; cancel < 2; cancel++) {
        ccp_future *f, *next;
        ccp_promise *p = ccp_promise_new(
            &(ccp_promise_opts){ .size = sizeof(long), .cancelable = true }, &f);
        for (int i = 0; i < 100; i++) {
            next = plus_one_of(f, (size_t)i % 3);
            ccp_future_free(f);
            f = next;
        }
        ASSERT_STATUS(ccp_ctx_status(ccp_promise_ctx(p)), CCP_OK);
        if (cancel)
            ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
        else
            ccp_future_free(f);
        assert_true(ccp_promise_canceled(p));
        ASSERT_STATUS(ccp_ctx_status(ccp_promise_ctx(p)), CCP_CANCELED);
        ccp_promise_free(p);
        if (cancel)
            ccp_future_free(f);
    }
}

/* --- a pool that accepts nothing --- */

static ccp_future *on_pool(ccp_pool *pool, pair *two, size_t k, atomic_int *calls)
{
    ccp_future *from = k ? ccp_future_first(two->f, 2, k) : ccp_future_share(two->f[0]);
    ccp_future *made = ccp_pool_then(pool, from, &of_long, count_it, calls);
    assert_non_null(made);
    ccp_future_free(from);
    return made;
}

TEST(what_was_to_run_on_a_pool_that_refuses_it_fails) /* F3 F6 */
{
    for (int wanted = 0; wanted < 2; wanted++) {
        pair two;
        atomic_int calls = 0;
        ccp_future *made[6];
        ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 8 });
        open_pair(&two);
        for (size_t k = 0; k < 3; k++)
            made[k] = on_pool(pool, &two, k, &calls);
        ASSERT_STATUS(ccp_pool_close(pool), CCP_OK);
        for (size_t k = 0; k < 3; k++) {
            made[3 + k] = on_pool(pool, &two, k, &calls);
            assert_false(ccp_future_is_done(made[k]) || ccp_future_is_done(made[3 + k]));
        }
        for (int i = 0; i < 6 && !wanted; i++)
            ASSERT_STATUS(ccp_future_cancel(made[i]), CCP_OK);
        settle(&two, 0, VALUE);
        settle(&two, 1, VALUE);
        for (int i = 0; i < 6; i++)
            ends_with(made[i], wanted ? CCP_CLOSED : CCP_CANCELED, 0);
        assert_int_equal(calls, 0);
        close_pair(&two);
        ASSERT_STATUS(ccp_pool_free(pool), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(of_either_the_value_that_came_first_is_used),
        ENTRY(of_either_a_failure_waits_for_the_other),
        ENTRY(what_is_made_of_two_may_fail),
        ENTRY(both_need_both),
        ENTRY(an_error_travels_through_everything_that_is_made_of_it),
        ENTRY(all_that_depends_on_one_is_called_once),
        ENTRY(chains_of_all_kinds_with_dead_ends_come_to_their_end),
        ENTRY(canceling_what_was_made_of_it_leaves_the_source_alone),
        ENTRY(what_nobody_wants_any_more_leaves_nothing_at_its_source),
        ENTRY(questions_leave_nothing_at_a_future_that_never_comes),
        ENTRY(the_producer_learns_that_nobody_wants_the_end_of_a_chain),
        ENTRY(what_was_to_run_on_a_pool_that_refuses_it_fails),
    };
    return cmocka_run_group_tests_name("CompletableFuture", tests, NULL, NULL);
}
