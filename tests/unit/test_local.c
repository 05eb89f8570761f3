/* SPDX-License-Identifier: MIT
 *
 * What a thread has of an object (base/local.h), where the one of the two or the other ends, and in
 * the child of a fork.  Linked with --wrap=pthread_key_create.
 */
#define _GNU_SOURCE
#include "support.h"

#include "base/local.h"

typedef void (*destructor)(void *value);
static destructor thread_ends; /* what the C library was given last */

int __real_pthread_key_create(pthread_key_t *key, destructor fn);
STANDS_IN int __wrap_pthread_key_create(pthread_key_t *key, destructor fn);
int __wrap_pthread_key_create(pthread_key_t *key, destructor fn)
{
    thread_ends = fn;
    return __real_pthread_key_create(key, fn);
}

static int ended_count, told_count;

static bool ended(ccpi_local *l)
{
    (void)l;
    return ended_count++ == 0; /* tell of the first */
}

static void tell(void)
{
    told_count++;
}

static ccpi_locals object(void)
{
    ccpi_locals s = { 0 };
    ended_count = told_count = 0;
    MUST(ccpi_locals_init(&s, ended, tell));
    return s;
}

static struct look {
    ccpi_locals *of;
    ccpi_local own, *before, *then;
} look;

static void *have_one(void *arg)
{
    struct look *l = arg;
    l->before = ccpi_local_find(l->of);
    MUST(ccpi_local_set(l->of, &l->own));
    l->then = ccpi_local_find(l->of);
    return NULL;
}

TEST(each_thread_has_its_own_until_it_ends) /* E1 */
{
    ccpi_locals s = object();
    ccpi_local mine = { .thread = NULL };
    pthread_t t;
    look = (struct look){ .of = &s };
    assert_true(ccpi_local_set(&s, &mine));
    assert_int_equal(pthread_create(&t, NULL, have_one, &look), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_null(look.before);
    assert_ptr_equal(look.then, &look.own);
    assert_null(look.own.thread);
    assert_int_equal(ended_count, 1);
    assert_int_equal(told_count, 1);
    assert_ptr_equal(ccpi_local_find(&s), &mine);
    ccpi_local_drop(&mine);
    assert_null(ccpi_local_find(&s));
    assert_int_equal(ended_count, 1);
    ccpi_locals_end(&s);
}

TEST(a_thread_that_ends_touches_nothing_of_an_object_that_has_gone) /* E2 */
{
    ccpi_locals s = object();
    ccpi_local mine = { .thread = NULL }, other;
    assert_true(ccpi_local_set(&s, &mine));
    ccpi_local_forget(&mine);
    ccpi_locals_end(&s);
    memset(&mine, 0xA5, sizeof mine); /* what lies there now is something else */
    memset(&other, 0xA5, sizeof other);
    thread_ends(&mine); /* the C library had decided to before */
    assert_int_equal(ended_count, 0);
    assert_memory_equal(&mine, &other, sizeof mine);
}

static ccpi_local inherited;

static void have_nothing(void *arg)
{
    ccpi_locals *s = arg;
    NEED(!ccpi_local_find(s) && !inherited.thread);
    NEED(ccpi_local_set(s, &inherited) && ccpi_local_find(s) == &inherited);
}

TEST(in_a_child_the_thread_has_nothing) /* E4 */
{
    ccpi_locals s = object();
    assert_true(ccpi_local_set(&s, &inherited));
    in_child(have_nothing, &s);
    assert_ptr_equal(ccpi_local_find(&s), &inherited);
    ccpi_local_drop(&inherited);
    ccpi_locals_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(each_thread_has_its_own_until_it_ends),
        ENTRY(a_thread_that_ends_touches_nothing_of_an_object_that_has_gone),
        ENTRY(in_a_child_the_thread_has_nothing),
    };
    return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
