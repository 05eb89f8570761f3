/* SPDX-License-Identifier: MIT
 *
 * Audits, and places.
 */
#include "stuck.h"

#include "places.h"

static size_t audit(void)
{
    page_clear(&now);
    return ccp_audit(page_write, &now);
}

TEST(what_is_not_freed_is_told_of) /* DG10 */
{
    ccp_chan *ch = channel("orders", 4);
    ccp_mutex m = CCP_MUTEX_INIT;
    assert_int_equal(audit(), 1);
    ASSERT_SAYS("not freed: channel 'orders', 0 of 4 elements\n");
    ASSERT_STATUS(ccp_name(&m, "accounts"), CCP_OK);
    assert_int_equal(audit(), 1); /* a name is nothing that could be freed */
    ASSERT_STATUS(ccp_mutex_lock(&m, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_audit(NULL, NULL), 2);
    assert_int_equal(audit(), 2);
    ASSERT_SAYS("not given back: mutex 'accounts', taken by thread ");
    ASSERT_STATUS(ccp_mutex_unlock(&m), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(audit(), 0);
    assert_int_equal(now.calls, 0);
}

TEST(an_outcome_that_nobody_has_got_is_told_of) /* DG10 */
{
    long v = 1;
    ccp_future *f;
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof v }, &f);
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    ccp_promise_free(p);
    assert_int_equal(audit(), 1);
    ASSERT_SAYS(", has its value, and nobody has asked for it\n");
    assert_true(ccp_future_is_done(f)); /* says nothing of the outcome */
    assert_int_equal(audit(), 1);
    ASSERT_SAYS(", and nobody has asked for it\n");
    ASSERT_STATUS(ccp_future_get(f, NULL, CCP_NOWAIT), CCP_OK);
    assert_int_equal(audit(), 1);
    ASSERT_SAYS(", has its value\n");
    ccp_future_free(f);
    assert_int_equal(audit(), 0);
}

TEST(who_looks_at_an_outcome_has_asked_for_it) /* DG10 */
{
    long v = 1;
    ccp_future *kept, *failed;
    ccp_promise *p = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof v }, &kept);
    ccp_promise *q = ccp_promise_new(NULL, &failed);
    assert_null(ccp_future_peek(kept));
    ASSERT_STATUS(ccp_future_error(failed), CCP_OK); /* of what is not settled */
    ASSERT_STATUS(ccp_promise_set(p, &v), CCP_OK);
    ASSERT_STATUS(ccp_promise_fail(q, CCP_FAILED), CCP_OK);
    ccp_promise_free(p);
    ccp_promise_free(q);
    assert_int_equal(audit(), 2);
    ASSERT_SAYS(", has its value, and nobody has asked for it\n");
    ASSERT_SAYS(", failed, and nobody has asked for it\n");
    assert_non_null(ccp_future_peek(kept));
    ASSERT_STATUS(ccp_future_error(failed), CCP_FAILED);
    assert_int_equal(audit(), 2);
    ASSERT_SAYS(", has its value\n");
    ASSERT_SAYS(", failed\n");
    ccp_future_free(kept);
    ccp_future_free(failed);
    assert_int_equal(audit(), 0);
}

TEST(while_it_is_off_an_audit_finds_nothing)
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ccp_chan *ch = ccp_chan_new(0, 1);
    assert_int_equal(audit(), 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void wait_there(actor *a)
{
    actor_calls(a);
    a->rc = wait_at_line_23(a->ch, CCP_FOREVER);
}

/* The last call that said where it is was another one. */
static void wait_somewhere(actor *a)
{
    MUST(ccp_chan_free(made_at_line_12()) == CCP_OK);
    actor_recv_long(a);
}

TEST(places_are_told) /* DG9 */
{
    ccp_chan *ch = made_at_line_12(), *plain = ccp_chan_new(0, 1);
    ccp_group *g = made_at_line_17();
    actor a = { .ch = ch }, b = { .ch = ch, .w = CCP_FOREVER };
    actor_start(&a, wait_there);
    actor_sleep_here(&a);
    actor_start(&b, wait_somewhere);
    actor_sleep_here(&b);
    assert_int_equal(audit(), 3);
    ASSERT_SAYS(", 0 of 1 element, 2 receivers wait, made at places.c:12\n");
    ASSERT_SAYS(", made at places.c:17\n");
    page_clear(&now);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
    assert_int_equal(page_says(&now, " in ccp_chan_recv at places.c:23 for channel 0x"), 1);
    assert_int_equal(page_says(&now, " in ccp_chan_recv for channel 0x"), 1);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    actor_join(&b);
    ASSERT_STATUS(ccp_group_free(g), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(plain), CCP_OK);
}

TEST(without_memory_an_audit_tells_of_objects_only)
{
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_watch();
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ccp_chan *ch = ccp_chan_new(0, 1);
    memory_fail_from(1);
    assert_int_equal(audit(), 1);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_unwatch();
}

static void acquire_one(actor *a)
{
    a->rc = ccp_sem_acquire(a->arg, 1, CCP_NOWAIT);
}

/* More than there are shards, so that some are in one: given back from both ends. */
TEST(who_holds_what_is_told_of_many_objects_and_threads) /* DG10 */
{
    enum { LOCKS = 200 };
    static ccp_mutex m[LOCKS];
    ccp_sem s = CCP_SEM_INIT(4);
    actor a = { .arg = &s };
    for (size_t i = 0; i < LOCKS; i++)
        ASSERT_STATUS(ccp_mutex_lock(&m[i], CCP_NOWAIT), CCP_OK);
    actor_start(&a, acquire_one);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&s, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&s, 2, CCP_NOWAIT), CCP_OK);
    assert_int_equal(audit(), LOCKS + 2);
    ASSERT_STATUS(ccp_sem_release(&s, 3), CCP_OK); /* its own first */
    assert_int_equal(audit(), LOCKS + 1);
    ASSERT_STATUS(ccp_sem_release(&s, 1), CCP_OK);
    for (size_t i = 0; i < LOCKS / 2; i++) {
        ASSERT_STATUS(ccp_mutex_unlock(&m[i]), CCP_OK);
        ASSERT_STATUS(ccp_mutex_unlock(&m[LOCKS - 1 - i]), CCP_OK);
        assert_int_equal(audit(), LOCKS - 2 * (i + 1));
    }
}

static void acquire_when_there_is_one(actor *a)
{
    actor_calls(a);
    a->rc = ccp_sem_acquire(a->arg, 1, CCP_FOREVER);
}

TEST(what_was_waited_for_is_held_and_what_was_not_got_is_not) /* DG10 */
{
    ccp_sem s = CCP_SEM_INIT(1);
    actor a = { .arg = &s };
    ASSERT_STATUS(ccp_sem_acquire(&s, 1, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&s, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_sem_acquire(&s, 1, ccp_within(1)), CCP_TIMEOUT);
    assert_int_equal(audit(), 1);
    actor_start(&a, acquire_when_there_is_one);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_sem_release(&s, 1), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(audit(), 1); /* the actor has it */
    ASSERT_STATUS(ccp_sem_release(&s, 1), CCP_OK);
    assert_int_equal(audit(), 0);
}

static void lock_and_end(actor *a)
{
    a->rc = ccp_mutex_lock(a->arg, CCP_NOWAIT);
}

static void look_who_holds(void *arg)
{
    (void)arg;
    NEED(audit() == 1); /* the one of the thread that is here */
}

TEST(in_a_child_nobody_holds_what_other_threads_held) /* DG10 */
{
    ccp_mutex own = CCP_MUTEX_INIT, theirs = CCP_MUTEX_INIT;
    actor a = { .arg = &theirs };
    actor_start(&a, lock_and_end);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    ASSERT_STATUS(ccp_mutex_lock(&own, CCP_NOWAIT), CCP_OK);
    assert_int_equal(audit(), 2);
    in_child(look_who_holds, NULL);
    ASSERT_STATUS(ccp_mutex_unlock(&own), CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&theirs), CCP_OK);
    assert_int_equal(audit(), 0);
}

/* An allocator that looks at what there is before it takes something back. */
static void *alloc_plainly(size_t size, void *arg)
{
    (void)arg;
    return malloc(size);
}

static bool looks;
static int told;
static void look_and_free(void *p, void *arg)
{
    (void)arg;
    if (looks) {
        looks = false; /* not at what the look gives back */
        page_dump(&now);
        told += page_says(&now, "'goes'");
        looks = true;
    }
    free(p);
}

TEST(a_channel_is_not_told_of_when_its_parts_go) /* DG2 */
{
    const ccp_allocator a = { alloc_plainly, look_and_free, NULL };
    int fd;
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ccp_chan *ch = channel("goes", 1);
    ASSERT_STATUS(ccp_chan_fd(ch, CCP_POLL_RECV, &fd), CCP_OK);
    page_dump(&now);
    ASSERT_SAYS("channel 'goes'");
    told = 0;
    looks = true;
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    looks = false;
    assert_int_equal(told, 0);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED(what_is_not_freed_is_told_of),
        TRACKED(an_outcome_that_nobody_has_got_is_told_of),
        TRACKED(who_looks_at_an_outcome_has_asked_for_it),
        TRACKED(while_it_is_off_an_audit_finds_nothing),
        TRACKED(places_are_told),
        TRACKED(without_memory_an_audit_tells_of_objects_only),
        TRACKED(who_holds_what_is_told_of_many_objects_and_threads),
        TRACKED(what_was_waited_for_is_held_and_what_was_not_got_is_not),
        TRACKED(in_a_child_nobody_holds_what_other_threads_held),
        TRACKED(a_channel_is_not_told_of_when_its_parts_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
