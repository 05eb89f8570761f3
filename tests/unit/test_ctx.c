/* SPDX-License-Identifier: MIT
 *
 * Contexts: the tree, deadlines, values, causes, freeing.  Hooks are in test_ctx_hook.
 */
#include "fds.h"

#include <unistd.h>

static const int why, another_why;

TEST(a_new_context_lives)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    assert_non_null(ctx);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK);
    assert_null(ccp_ctx_cause(ctx));
    assert_true(ccp_ctx_deadline(ctx) == INT64_MAX);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(null_is_the_context_that_never_ends)
{
    ASSERT_STATUS(ccp_ctx_status(NULL), CCP_OK);
    assert_null(ccp_ctx_cause(NULL));
    assert_null(ccp_ctx_value(NULL, &why));
    assert_true(ccp_ctx_deadline(NULL) == INT64_MAX);
    ccp_ctx_cancel(NULL);
    ccp_ctx_cancel_cause(NULL, &why);
    ASSERT_STATUS(ccp_ctx_status(NULL), CCP_OK);
    assert_null(ccp_ctx_cause(NULL));
    ASSERT_STATUS(ccp_ctx_free(NULL), CCP_OK);
}

TEST(a_limit_with_a_context_of_its_own_is_refused)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    assert_null(ccp_ctx_new(NULL, ccp_with(ctx)));
    assert_null(ccp_ctx_new(ctx, ccp_under(ctx, ccp_within(CCP_SEC(1)))));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(cancel_ends_a_context_and_all_below_it)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *valued = ccp_ctx_new_value(child, &why, NULL);
    ccp_ctx *leaf = ccp_ctx_new(valued, ccp_within(CCP_SEC(1000)));
    ccp_ctx_cancel(root);
    ccp_ctx *all[] = { leaf, valued, child, root };
    for (size_t i = 0; i < LENGTH(all); i++) {
        ASSERT_STATUS(ccp_ctx_status(all[i]), CCP_CANCELED);
        assert_null(ccp_ctx_cause(all[i]));
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
    }
}

TEST(cancel_ends_neither_parent_nor_sibling)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *sibling = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx_cancel(child);
    ASSERT_STATUS(ccp_ctx_status(child), CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_status(root), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(sibling), CCP_OK);
    ccp_ctx_free(sibling);
    ccp_ctx_free(child);
    ccp_ctx_free(root);
}

TEST(the_cause_is_the_same_pointer_for_all_that_ended_with_it)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(child, CCP_FOREVER);
    ccp_ctx_cancel_cause(child, &why);
    assert_ptr_equal(ccp_ctx_cause(child), &why);
    assert_ptr_equal(ccp_ctx_cause(leaf), &why);
    assert_null(ccp_ctx_cause(root));
    ccp_ctx *late = ccp_ctx_new(leaf, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_status(late), CCP_CANCELED);
    assert_ptr_equal(ccp_ctx_cause(late), &why);
    ccp_ctx_free(late);
    ccp_ctx_free(leaf);
    ccp_ctx_free(child);
    ccp_ctx_free(root);
}

TEST(what_ended_stays_as_it_ended) /* X2 */
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *child = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx_cancel_cause(child, &why);
    ccp_ctx_cancel_cause(child, &another_why);
    ccp_ctx_cancel(child);
    assert_ptr_equal(ccp_ctx_cause(child), &why);
    ccp_ctx_cancel_cause(root, &another_why);
    assert_ptr_equal(ccp_ctx_cause(child), &why);
    assert_ptr_equal(ccp_ctx_cause(root), &another_why);
    ASSERT_STATUS(ccp_ctx_status(child), CCP_CANCELED);
    ccp_ctx_free(child);
    ccp_ctx_free(root);
}

TEST(a_context_ended_by_its_deadline_cannot_be_canceled_any_more) /* X2 */
{
    ccp_ctx *noticed = ccp_ctx_new(NULL, ccp_within(CCP_US(10)));
    WAIT_UNTIL(ccp_ctx_status(noticed) != CCP_OK);
    ccp_ctx_cancel_cause(noticed, &why);
    ASSERT_STATUS(ccp_ctx_status(noticed), CCP_TIMEOUT);
    assert_null(ccp_ctx_cause(noticed));
    ccp_ctx_free(noticed);

    ccp_ctx *unnoticed = ccp_ctx_new(NULL, ccp_within(CCP_US(10)));
    /* Nobody has looked; cancel looks at the clock's coarse form. */
    wait_past(ccp_ctx_deadline(unnoticed));
    ccp_ctx_cancel_cause(unnoticed, &why);
    ASSERT_STATUS(ccp_ctx_status(unnoticed), CCP_TIMEOUT);
    assert_null(ccp_ctx_cause(unnoticed));
    ccp_ctx_free(unnoticed);
}

TEST(a_canceled_context_does_not_time_out_later) /* X2 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(500)));
    int64_t end = ccp_now() + CCP_MS(1);
    ccp_ctx_cancel_cause(ctx, &why);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_CANCELED);
    ccp_ctx *brief = ccp_ctx_new(ctx, ccp_until(end));
    WAIT_UNTIL(ccp_now() > end);
    ASSERT_STATUS(ccp_ctx_status(brief), CCP_CANCELED);
    assert_ptr_equal(ccp_ctx_cause(brief), &why);
    ccp_ctx_free(brief);
    ccp_ctx_free(ctx);
}

TEST(a_child_of_an_ended_context_has_ended)
{
    ccp_ctx *canceled = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx_cancel(canceled);
    ccp_ctx *expired = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_ctx *a = ccp_ctx_new(canceled, ccp_within(CCP_SEC(100)));
    ccp_ctx *b = ccp_ctx_new(expired, CCP_FOREVER);
    ccp_ctx *c = ccp_ctx_new(canceled, CCP_NOWAIT);
    ASSERT_STATUS(ccp_ctx_status(a), CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_status(b), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_status(c), CCP_CANCELED); /* its parent ended first */
    ccp_ctx *all[] = { a, b, c, canceled, expired };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

TEST(nowait_makes_a_context_that_has_ended)
{
    ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
    const ccp_wait over[] = { CCP_NOWAIT, ccp_within(0), ccp_until(1), ccp_within(-1) };
    for (size_t i = 0; i < LENGTH(over); i++) {
        ccp_ctx *ctx = ccp_ctx_new(parent, over[i]);
        ASSERT_STATUS(ccp_ctx_status(ctx), CCP_TIMEOUT);
        assert_true(ccp_ctx_deadline(ctx) <= ccp_now());
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    ASSERT_STATUS(ccp_ctx_status(parent), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
}

TEST(the_deadline_is_the_time_that_was_asked_for)
{
    int64_t before = ccp_now();
    ccp_ctx *relative = ccp_ctx_new(NULL, ccp_within(CCP_SEC(10)));
    int64_t after = ccp_now();
    assert_in_range(ccp_ctx_deadline(relative), before + CCP_SEC(10), after + CCP_SEC(10));
    ccp_ctx *fixed = ccp_ctx_new(NULL, ccp_until(after + 12345678901));
    assert_true(ccp_ctx_deadline(fixed) == after + 12345678901);
    ccp_ctx_free(relative);
    ccp_ctx_free(fixed);
}

TEST(a_deadline_is_never_later_than_the_parents) /* X3 */
{
    int64_t t = ccp_now() + CCP_SEC(50);
    ccp_ctx *parent = ccp_ctx_new(NULL, ccp_until(t));
    ccp_ctx *later = ccp_ctx_new(parent, ccp_until(t + 1));
    ccp_ctx *sooner = ccp_ctx_new(parent, ccp_until(t - 1));
    ccp_ctx *same = ccp_ctx_new(parent, CCP_FOREVER);
    ccp_ctx *valued = ccp_ctx_new_value(sooner, &why, NULL);
    ccp_ctx *longest = ccp_ctx_new(sooner, ccp_within(INT64_MAX));
    assert_true(ccp_ctx_deadline(later) == t);
    assert_true(ccp_ctx_deadline(sooner) == t - 1);
    assert_true(ccp_ctx_deadline(same) == t);
    assert_true(ccp_ctx_deadline(valued) == t - 1);
    assert_true(ccp_ctx_deadline(longest) == t - 1);
    ccp_ctx *all[] = { longest, valued, same, sooner, later, parent };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

TEST(an_inherited_deadline_ends_a_context)
{
    ccp_ctx *parent = ccp_ctx_new(NULL, ccp_within(CCP_MS(3)));
    ccp_ctx *child = ccp_ctx_new(parent, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(child, ccp_within(CCP_SEC(100)));
    int64_t t = ccp_ctx_deadline(parent);
    WAIT_UNTIL(ccp_ctx_status(leaf) != CCP_OK);
    assert_true(ccp_now() >= t);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_status(child), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_status(parent), CCP_TIMEOUT);
    ccp_ctx_free(leaf);
    ccp_ctx_free(child);
    ccp_ctx_free(parent);
}

TEST(a_deadline_of_a_child_leaves_its_parent_alone)
{
    ccp_ctx *parent = ccp_ctx_new(NULL, ccp_within(CCP_SEC(1000)));
    ccp_ctx *child = ccp_ctx_new(parent, ccp_within(CCP_US(1)));
    WAIT_UNTIL(ccp_ctx_status(child) == CCP_TIMEOUT);
    ASSERT_STATUS(ccp_ctx_status(parent), CCP_OK);
    ccp_ctx_free(child);
    ccp_ctx_free(parent);
}

/* --- values --- */

TEST(a_value_is_found_from_below_and_the_nearest_wins)
{
    static const char key, other_key;
    int one = 1, two = 2;
    ccp_ctx *root = ccp_ctx_new_value(NULL, &key, &one);
    ccp_ctx *middle = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *inner = ccp_ctx_new_value(middle, &key, &two);
    ccp_ctx *leaf = ccp_ctx_new_value(inner, &other_key, &one);
    assert_ptr_equal(ccp_ctx_value(root, &key), &one);
    assert_ptr_equal(ccp_ctx_value(middle, &key), &one);
    assert_ptr_equal(ccp_ctx_value(inner, &key), &two);
    assert_ptr_equal(ccp_ctx_value(leaf, &key), &two);
    assert_ptr_equal(ccp_ctx_value(leaf, &other_key), &one);
    assert_null(ccp_ctx_value(inner, &other_key));
    assert_null(ccp_ctx_value(leaf, &why));
    assert_null(ccp_ctx_value(leaf, NULL));
    ccp_ctx *all[] = { leaf, inner, middle, root };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

TEST(a_value_may_be_null_and_hides_those_above)
{
    int one = 1;
    ccp_ctx *root = ccp_ctx_new_value(NULL, &why, &one);
    ccp_ctx *leaf = ccp_ctx_new_value(root, &why, NULL);
    assert_null(ccp_ctx_value(leaf, &why));
    ccp_ctx_free(leaf);
    ccp_ctx_free(root);
}

TEST(a_key_must_not_be_null)
{
    int one = 1;
    assert_null(ccp_ctx_new_value(NULL, NULL, &one));
}

typedef struct request {
    int id;
} request;
CCP_CTX_VALUE_DEFINE(request_ctx, request);

TEST(typed_values_have_a_key_of_their_own)
{
    request r = { 42 };
    ccp_ctx *ctx = request_ctx_new(NULL, &r);
    ccp_ctx *leaf = ccp_ctx_new(ctx, CCP_FOREVER);
    assert_int_equal(request_ctx_of(leaf)->id, 42);
    assert_null(request_ctx_of(NULL));
    ccp_ctx_free(leaf);
    ccp_ctx_free(ctx);
}

/* --- detached --- */

TEST(a_detached_context_ends_with_none_of_its_ancestors_and_has_their_values) /* X6 */
{
    int one = 1;
    ccp_ctx *root = ccp_ctx_new(NULL, ccp_within(CCP_US(1)));
    ccp_ctx *valued = ccp_ctx_new_value(root, &why, &one);
    ccp_ctx *detached = ccp_ctx_new_detached(valued);
    ccp_ctx *below = ccp_ctx_new(detached, CCP_FOREVER);
    assert_true(ccp_ctx_deadline(detached) == INT64_MAX);
    assert_true(ccp_ctx_deadline(below) == INT64_MAX);
    WAIT_UNTIL(ccp_ctx_status(valued) == CCP_TIMEOUT);
    ccp_ctx_cancel(root);
    ASSERT_STATUS(ccp_ctx_status(detached), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(below), CCP_OK);
    assert_ptr_equal(ccp_ctx_value(below, &why), &one);
    ccp_ctx_cancel_cause(detached, &why);
    ASSERT_STATUS(ccp_ctx_status(below), CCP_CANCELED);
    assert_ptr_equal(ccp_ctx_cause(below), &why);
    ccp_ctx *all[] = { root, valued, detached, below };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
}

TEST(a_context_detached_from_an_ended_one_lives) /* X6 */
{
    ccp_ctx *ended = ccp_ctx_new(NULL, CCP_NOWAIT);
    ccp_ctx *detached = ccp_ctx_new_detached(ended);
    ccp_ctx *of_nothing = ccp_ctx_new_detached(NULL);
    ASSERT_STATUS(ccp_ctx_status(detached), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(of_nothing), CCP_OK);
    ccp_ctx_free(detached);
    ccp_ctx_free(of_nothing);
    ccp_ctx_free(ended);
}

/* --- freeing --- */

TEST(a_freed_context_keeps_its_place_in_the_tree) /* X4 */
{
    int one = 1;
    size_t before = ccp_live_blocks();
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *middle = ccp_ctx_new_value(root, &why, &one);
    ccp_ctx *leaf = ccp_ctx_new(middle, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_free(middle), CCP_OK);
    assert_ptr_equal(ccp_ctx_value(leaf, &why), &one);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_OK);
    ccp_ctx_cancel_cause(root, &another_why);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_CANCELED);
    assert_ptr_equal(ccp_ctx_cause(leaf), &another_why);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_CANCELED);
    assert_true(ccp_live_blocks() > before);
    ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
    assert_int_equal(ccp_live_blocks(), before);
}

TEST(a_whole_tree_may_be_freed_from_the_top) /* X4 */
{
    enum { DEPTH = 100 };
    ccp_ctx *chain[DEPTH];
    for (int i = 0; i < DEPTH; i++)
        chain[i] = ccp_ctx_new(i ? chain[i - 1] : NULL, CCP_FOREVER);
    for (int i = 0; i < DEPTH - 1; i++)
        ASSERT_STATUS(ccp_ctx_free(chain[i]), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(chain[DEPTH - 1]), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(chain[DEPTH - 1]), CCP_OK);
}

TEST(free_does_not_cancel)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *leaf = ccp_ctx_new(root, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    ASSERT_STATUS(ccp_ctx_status(leaf), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(leaf), CCP_OK);
}

TEST(free_under_which_a_thread_waits_is_refused)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a = { .ch = ch, .w = ccp_with(ctx) };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_BUSY);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_OK); /* nothing was freed */
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_hundred_thousand_contexts_come_and_go)
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    size_t blocks = ccp_live_blocks();
    for (size_t i = 0, n = scaled(100000); i < n; i++) {
        ccp_ctx *ctx = ccp_ctx_new(root, i % 2 ? CCP_FOREVER : ccp_within(CCP_SEC(10)));
        assert_non_null(ctx);
        if (i % 3 == 0)
            ccp_ctx_cancel(ctx);
        ASSERT_STATUS(ccp_ctx_status(ctx), i % 3 == 0 ? CCP_CANCELED : CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_int_equal(ccp_live_blocks(), blocks);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
}

/* --- several threads --- */

TEST(cancel_wakes_those_who_wait_below) /* X1 */
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_ctx *middle = ccp_ctx_new(root, ccp_within(CCP_SEC(1000)));
    ccp_ctx *leaf = ccp_ctx_new_value(middle, &why, NULL);
    ccp_ctx *aside = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *under[] = { middle, middle, leaf, leaf, aside };
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a[LENGTH(under)];
    for (size_t i = 0; i < LENGTH(under); i++) {
        a[i] = (actor){ .ch = ch, .w = ccp_with(under[i]) };
        actor_start(&a[i], actor_recv_long);
    }
    WAIT_UNTIL(waiting_receivers(ch) == LENGTH(under));
    ccp_ctx_cancel(middle);
    for (size_t i = 0; i < 4; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, CCP_CANCELED);
    }
    assert_int_equal(waiting_receivers(ch), 1); /* aside still waits */
    ccp_ctx_cancel(root);
    actor_join(&a[4]);
    ASSERT_STATUS(a[4].rc, CCP_CANCELED);
    ccp_ctx *all[] = { leaf, middle, aside, root };
    for (size_t i = 0; i < LENGTH(all); i++)
        ASSERT_STATUS(ccp_ctx_free(all[i]), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

typedef struct nursery {
    ccp_ctx *root;
    _Atomic bool stop;
} nursery;

static void breed(actor *a)
{
    nursery *n = a->arg;
    while (!atomic_load(&n->stop)) {
        ccp_ctx *child = ccp_ctx_new(n->root, CCP_FOREVER);
        ccp_ctx *leaf = ccp_ctx_new(child, CCP_FOREVER);
        ccp_status was = ccp_ctx_status(n->root);
        MUST(ccp_ctx_free(child) == CCP_OK);
        if (was == CCP_CANCELED) /* the end is on its way down */
            WAIT_UNTIL(ccp_ctx_status(leaf) == CCP_CANCELED);
        MUST(ccp_ctx_free(leaf) == CCP_OK);
        a->value++;
    }
}

TEST(children_may_be_made_and_freed_while_the_parent_ends)
{
    for (size_t round = 0; round < 20; round++) {
        nursery n = { .root = ccp_ctx_new(NULL, CCP_FOREVER) };
        actor a[3];
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &n };
            actor_start(&a[i], breed);
        }
        WAIT_UNTIL(ccp_live_blocks() > 2);
        ccp_ctx_cancel(n.root);
        atomic_store(&n.stop, true);
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
        ASSERT_STATUS(ccp_ctx_free(n.root), CCP_OK);
    }
}

static long before_cancel; /* plain: the race detector watches it */

static void wait_and_read(actor *a)
{
    actor_recv_long(a);
    a->value = before_cancel;
}

TEST(what_came_before_the_cancel_is_seen_by_who_sees_it_canceled)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *never = ccp_chan_new(sizeof(long), 0);
    before_cancel = 0;
    actor a = { .ch = never, .w = ccp_with(ctx) };
    actor_start(&a, wait_and_read);
    before_cancel = 42;
    ccp_ctx_cancel(ctx);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CANCELED);
    assert_int_equal(a.value, 42);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(never), CCP_OK);
}

/* --- descriptors: the rest is in test_fd.c --- */

TEST(who_asks_for_the_descriptor_has_looked) /* FD5 */
{
    int fd = -1;
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(1)); /* over, and nobody has looked */
    wait_past(ccp_ctx_deadline(ctx));
    ASSERT_STATUS(ccp_ctx_fd(ctx, &fd), CCP_OK);
    assert_true(is_up(fd));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(the_first_of_all_descriptors_is_one)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    int input = dup(0), fd = -1, again = -1;
    assert_true(input > 0);
    close(0);
    ccp_status first = ccp_ctx_fd(ctx, &fd), second = ccp_ctx_fd(ctx, &again);
    ccp_status end = ccp_ctx_free(ctx);
    MUST(dup2(input, 0) == 0 && close(input) == 0);
    ASSERT_STATUS(first, CCP_OK);
    ASSERT_STATUS(second, CCP_OK);
    ASSERT_STATUS(end, CCP_OK);
    assert_true(fd == 0 && again == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_new_context_lives),
        ENTRY(null_is_the_context_that_never_ends),
        ENTRY(a_limit_with_a_context_of_its_own_is_refused),
        ENTRY(cancel_ends_a_context_and_all_below_it),
        ENTRY(cancel_ends_neither_parent_nor_sibling),
        ENTRY(the_cause_is_the_same_pointer_for_all_that_ended_with_it),
        ENTRY(what_ended_stays_as_it_ended),
        ENTRY(a_context_ended_by_its_deadline_cannot_be_canceled_any_more),
        ENTRY(a_canceled_context_does_not_time_out_later),
        ENTRY(a_child_of_an_ended_context_has_ended),
        ENTRY(nowait_makes_a_context_that_has_ended),
        ENTRY(the_deadline_is_the_time_that_was_asked_for),
        ENTRY(a_deadline_is_never_later_than_the_parents),
        ENTRY(an_inherited_deadline_ends_a_context),
        ENTRY(a_deadline_of_a_child_leaves_its_parent_alone),
        ENTRY(a_value_is_found_from_below_and_the_nearest_wins),
        ENTRY(a_value_may_be_null_and_hides_those_above),
        ENTRY(a_key_must_not_be_null),
        ENTRY(typed_values_have_a_key_of_their_own),
        ENTRY(a_detached_context_ends_with_none_of_its_ancestors_and_has_their_values),
        ENTRY(a_context_detached_from_an_ended_one_lives),
        ENTRY(a_freed_context_keeps_its_place_in_the_tree),
        ENTRY(a_whole_tree_may_be_freed_from_the_top),
        ENTRY(free_does_not_cancel),
        ENTRY(free_under_which_a_thread_waits_is_refused),
        ENTRY(a_hundred_thousand_contexts_come_and_go),
        ENTRY(cancel_wakes_those_who_wait_below),
        ENTRY(children_may_be_made_and_freed_while_the_parent_ends),
        ENTRY(what_came_before_the_cancel_is_seen_by_who_sees_it_canceled),
        ENTRY(who_asks_for_the_descriptor_has_looked),
        ENTRY(the_first_of_all_descriptors_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
