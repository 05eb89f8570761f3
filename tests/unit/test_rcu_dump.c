/* SPDX-License-Identifier: MIT
 *
 * Who waits in calls of read-copy-update, for what, and what a dump says of them.
 */
#include "page.h"
#include "support.h"

static page now;

static int says(const char *what)
{
    return page_says(&now, what);
}

typedef struct domain {
    ccp_rcu *d;
    atomic_int inside;
    atomic_bool go;
} domain;

static void stay(domain *r)
{
    atomic_fetch_add(&r->inside, 1);
    WAIT_UNTIL(atomic_load(&r->go));
}

static void read_for_long(actor *a)
{
    domain *r = a->arg;
    MUST(ccp_rcu_read_lock(r->d) == CCP_OK);
    stay(r);
    MUST(ccp_rcu_read_unlock(r->d) == CCP_OK);
}

static void be_called_for_long(void *arg)
{
    stay(arg);
}

static void wait_for_readers(actor *a)
{
    MUST(ccp_rcu_synchronize(((domain *)a->arg)->d, CCP_FOREVER) == CCP_OK);
}

static void wait_for_calls(actor *a)
{
    MUST(ccp_rcu_barrier(((domain *)a->arg)->d, CCP_FOREVER) == CCP_OK);
}

TEST(who_waits_for_sections_stands_in_the_line_of_the_domain)
{
    domain r = { .d = ccp_rcu_new(NULL) };
    actor reader = { .arg = &r }, w[6];
    ASSERT_STATUS(ccp_name(r.d, "config"), CCP_OK);
    actor_start(&reader, read_for_long);
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    for (size_t i = 0; i < LENGTH(w); i++) {
        w[i] = (actor){ .arg = &r };
        actor_start(&w[i], wait_for_readers);
        if (i != 3)
            continue;
        WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_synchronize for a section")) == 4);
        assert_int_equal(says(" more wait"), 0);
    }
    WAIT_UNTIL((page_dump(&now), says(", and 2 more wait\n")));
    PAGE_MUST_SAY(&now, "rcu 'config', 1 thread reads of 1, thread ");
    char who[80];
    (void)snprintf(who, sizeof who, " in ccp_rcu_synchronize for a section of thread %d '",
                   atomic_load(&reader.tid));
    assert_int_equal(says(who), 4);
    atomic_store(&r.go, true);
    for (size_t i = 0; i < LENGTH(w); i++)
        actor_join(&w[i]);
    actor_join(&reader);
    page_dump(&now);
    assert_int_equal(says("has waited"), 0);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
}

/* For how long the only one that waits has, as it stands there; in nanoseconds. */
static int64_t waited(void)
{
    double n = 0;
    char unit[3] = "";
    const char *at = strstr(now.text, " has waited ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, " has waited %lf %2s", &n, unit), 2);
    return (int64_t)(n * (*unit == 's' ? 1e9 : *unit == 'm' ? 1e6 : *unit == 'u' ? 1e3 : 1));
}

TEST(it_says_how_long_from_the_first_moment_on)
{
    domain r = { .d = ccp_rcu_new(NULL) };
    actor reader = { .arg = &r }, waiter = { .arg = &r };
    actor_start(&reader, read_for_long);
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    int64_t before = ccp_now();
    actor_start(&waiter, wait_for_readers);
    WAIT_UNTIL((page_dump(&now), says("has waited")) == 1);
    int64_t seen = ccp_now();
    WAIT_UNTIL(ccp_now() > seen + CCP_MS(30));
    page_dump(&now);
    assert_true(waited() <= ccp_now() - before);
    assert_true(waited() > CCP_MS(29));
    atomic_store(&r.go, true);
    actor_join(&waiter);
    actor_join(&reader);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
}

static void wait_under(actor *a)
{
    a->rc = ccp_rcu_synchronize(((domain *)a->arg)->d, a->w);
}

TEST(who_gives_up_stands_there_no_more)
{
    domain r = { .d = ccp_rcu_new(NULL) };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor reader = { .arg = &r }, first = { .arg = &r, .w = ccp_with(ctx) }, second = { .arg = &r };
    actor_start(&reader, read_for_long);
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    actor_start(&first, wait_under);
    WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_synchronize for a section")) == 1);
    actor_start(&second, wait_for_readers);
    WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_synchronize for a section")) == 2);
    ccp_ctx_cancel(ctx);
    actor_join(&first);
    ASSERT_STATUS(first.rc, CCP_CANCELED);
    page_dump(&now);
    assert_int_equal(says(" in ccp_rcu_synchronize for a section"), 1);
    atomic_store(&r.go, true);
    actor_join(&second);
    actor_join(&reader);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(who_waits_for_deferred_calls_stands_there_too)
{
    domain r = { .d = ccp_rcu_new(NULL) };
    actor caller = { .arg = &r }, waiter = { .arg = &r };
    ccp_rcu_head h;
    ASSERT_STATUS(ccp_rcu_defer(r.d, &h, be_called_for_long, &r, CCP_FOREVER), CCP_OK);
    page_dump(&now);
    PAGE_MUST_SAY(&now, ", 0 threads read of 0, 1 call is deferred\n");
    actor_start(&caller, wait_for_readers);
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    actor_start(&waiter, wait_for_calls);
    WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_barrier for deferred calls\n")));
    assert_int_equal(says("has waited"), 1);
    char who[40];
    (void)snprintf(who, sizeof who, ", thread %d ", atomic_load(&waiter.tid));
    PAGE_MUST_SAY(&now, who);
    atomic_store(&r.go, true);
    actor_join(&waiter);
    actor_join(&caller);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
}

static void defer_one(actor *a)
{
    domain *r = a->arg;
    ccp_rcu_head h;
    MUST(ccp_rcu_defer(r->d, &h, be_called_for_long, r, CCP_FOREVER) == CCP_OK);
    MUST(ccp_rcu_barrier(r->d, CCP_FOREVER) == CCP_OK);
}

TEST(who_waits_for_room_waits_until_its_call_has_a_place) /* RU4 RU6 */
{
    domain r = { .d = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = 1 }) };
    actor first = { .arg = &r }, second = { .arg = &r };
    actor_start(&first, defer_one); /* and, as one is all that may be pending, makes it */
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    actor_start(&second, defer_one);
    WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_defer for deferred calls\n")));
    atomic_store(&r.go, true);
    actor_join(&second);
    actor_join(&first);
    assert_int_equal(r.inside, 2);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
}

TEST(a_barrier_does_not_wait_for_sections_when_all_calls_are_being_made) /* RU4 */
{
    domain r = { .d = ccp_rcu_new(NULL) }, stays = { .d = r.d };
    actor caller = { .arg = &r }, waiter = { .arg = &r }, reader = { .arg = &stays };
    ccp_rcu_head h;
    ASSERT_STATUS(ccp_rcu_defer(r.d, &h, be_called_for_long, &r, CCP_FOREVER), CCP_OK);
    actor_start(&caller, wait_for_readers);
    WAIT_UNTIL(atomic_load(&r.inside) == 1);
    actor_start(&reader, read_for_long);
    WAIT_UNTIL(atomic_load(&stays.inside) == 1);
    actor_start(&waiter, wait_for_calls);
    WAIT_UNTIL((page_dump(&now), says(" in ccp_rcu_barrier for ")));
    atomic_store(&r.go, true);
    actor_join(&waiter);
    actor_join(&caller);
    atomic_store(&stays.go, true);
    actor_join(&reader);
    ASSERT_STATUS(ccp_rcu_free(r.d), CCP_OK);
}

/* What is called later is no reason to wait, though it is being called, too. */
TEST(a_barrier_waits_only_for_what_was_deferred_before) /* RU4 */
{
    domain one = { .d = ccp_rcu_new(NULL) }, two = { .d = one.d };
    actor first = { .arg = &one }, second = { .arg = &two };
    ccp_rcu_head h[2];
    ASSERT_STATUS(ccp_rcu_defer(one.d, &h[0], be_called_for_long, &one, CCP_FOREVER), CCP_OK);
    actor_start(&first, wait_for_calls);
    WAIT_UNTIL(atomic_load(&one.inside) == 1);
    ASSERT_STATUS(ccp_rcu_defer(two.d, &h[1], be_called_for_long, &two, CCP_FOREVER), CCP_OK);
    actor_start(&second, wait_for_calls);
    WAIT_UNTIL(atomic_load(&two.inside) == 1);
    atomic_store(&one.go, true);
    actor_join(&first);
    ASSERT_STATUS(ccp_rcu_barrier(two.d, CCP_NOWAIT), CCP_AGAIN);
    atomic_store(&two.go, true);
    actor_join(&second);
    ASSERT_STATUS(ccp_rcu_free(one.d), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACKED(who_waits_for_sections_stands_in_the_line_of_the_domain),
        TRACKED(it_says_how_long_from_the_first_moment_on),
        TRACKED(who_gives_up_stands_there_no_more),
        TRACKED(who_waits_for_deferred_calls_stands_there_too),
        TRACKED(who_waits_for_room_waits_until_its_call_has_a_place),
        TRACKED(a_barrier_does_not_wait_for_sections_when_all_calls_are_being_made),
        TRACKED(a_barrier_waits_only_for_what_was_deferred_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
