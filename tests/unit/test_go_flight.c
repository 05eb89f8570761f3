/* SPDX-License-Identifier: MIT
 *
 * What the tests of Go's golang.org/x/sync/singleflight check, written anew; ports.md says which is
 * which.
 */
#include "support.h"

typedef const char *string;
typedef CCP_FLIGHT_RESULT(string) string_result;
typedef CCP_FLIGHT_RESULT(int) int_result;

static ccp_status give_bar(void *result, void *arg)
{
    (void)arg;
    *(string *)result = "bar";
    return CCP_OK;
}

TEST(do_gives_the_value)
{
    ccp_flight *g = ccp_flight_new(sizeof(string));
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = give_bar };
    string v = NULL;
    ASSERT_STATUS(ccp_flight_do(g, &c, &v, NULL, CCP_FOREVER), CCP_OK);
    assert_string_equal(v, "bar");
    ASSERT_STATUS(ccp_flight_free(g), CCP_OK);
}

static ccp_status refuse(void *result, void *arg)
{
    (void)result;
    (void)arg;
    return CCP_FAILED;
}

TEST(do_gives_the_error_and_no_value)
{
    ccp_flight *g = ccp_flight_new(sizeof(string));
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = refuse };
    string v = NULL;
    ASSERT_STATUS(ccp_flight_do(g, &c, &v, NULL, CCP_FOREVER), CCP_FAILED);
    assert_null(v);
    ASSERT_STATUS(ccp_flight_free(g), CCP_OK);
}

typedef struct crowd {
    ccp_flight *g;
    ccp_chan *c;
    atomic_int calls;
} crowd;

static ccp_status pass_on(void *result, void *arg)
{
    crowd *k = arg;
    atomic_fetch_add(&k->calls, 1);
    MUST(ccp_chan_recv(k->c, result, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_send(k->c, result, CCP_FOREVER) == CCP_OK); /* for calls that come later */
    return CCP_OK;
}

static void get_bar(actor *a)
{
    crowd *k = a->arg;
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = pass_on, .arg = k };
    string v = NULL;
    a->rc = ccp_flight_do(k->g, &c, &v, NULL, CCP_FOREVER);
    MUST(a->rc == CCP_OK && strcmp(v, "bar") == 0);
}

static ccp_flight_info look(const ccp_flight *g)
{
    ccp_flight_info info;
    MUST(ccp_flight_get_info(g, &info) == CCP_OK);
    return info;
}

/* All but the one that runs wait before it may go on: so there is one call, and no luck in it. */
static void one_call_for(size_t n)
{
    crowd k = { ccp_flight_new(sizeof(string)), ccp_chan_new(sizeof(string), 1), 0 };
    string bar = "bar";
    actor *a = calloc(n, sizeof *a);
    MUST(a);
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = &k };
        actor_start(&a[i], get_bar);
    }
    WAIT_UNTIL(look(k.g).waiting == n - 1);
    ASSERT_STATUS(ccp_chan_send(k.c, &bar, CCP_FOREVER), CCP_OK);
    for (size_t i = 0; i < n; i++)
        actor_join(&a[i]);
    assert_int_equal(k.calls, 1);
    free(a);
    ASSERT_STATUS(ccp_flight_free(k.g), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(k.c), CCP_OK);
}

TEST(duplicates_are_suppressed)
{
    one_call_for(10);
}

TEST(a_thousand_callers_make_one_call) /* D1 D2 */
{
    one_call_for(1000);
}

typedef struct step {
    ccp_chan *started, *go_on;
    int value;
} step;

static ccp_status wait_and_give(void *result, void *arg)
{
    step *s = arg;
    if (s->started)
        MUST(ccp_chan_close(s->started) == CCP_OK);
    if (s->go_on)
        MUST(ccp_chan_recv(s->go_on, NULL, CCP_FOREVER) == CCP_CLOSED);
    *(int *)result = s->value;
    return CCP_OK;
}

static void do_first(actor *a)
{
    step *s = ((void **)a->arg)[1];
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = wait_and_give, .arg = s };
    int v = 0;
    a->rc = ccp_flight_do(((void **)a->arg)[0], &c, &v, NULL, CCP_FOREVER);
    a->value = v;
}

TEST(the_end_of_a_forgotten_call_does_not_end_the_one_after_it)
{
    ccp_flight *g = ccp_flight_new(sizeof(int));
    step first = { ccp_chan_new(0, 0), ccp_chan_new(0, 0), 1 };
    step second = { NULL, ccp_chan_new(0, 0), 2 }, third = { NULL, NULL, 3 };
    void *args[] = { g, &first };
    actor a = { .arg = args };
    actor_start(&a, do_first);
    ASSERT_STATUS(ccp_chan_recv(first.started, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_flight_forget(g, "key", 3), CCP_OK);
    ccp_flight_call c = { .key = "key", .len = 3, .fn = wait_and_give, .arg = &second };
    ccp_chan *ch[2];
    int_result r;
    ASSERT_STATUS(ccp_flight_do_chan(g, &c, &ch[0]), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(first.go_on), CCP_OK);
    actor_join(&a);
    assert_int_equal(a.value, 1);
    c.arg = &third;
    ASSERT_STATUS(ccp_flight_do_chan(g, &c, &ch[1]), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(second.go_on), CCP_OK);
    for (size_t i = 0; i < LENGTH(ch); i++) {
        ASSERT_STATUS(ccp_chan_recv(ch[i], &r, CCP_FOREVER), CCP_OK);
        assert_int_equal(r.value, 2);
        assert_true(r.shared);
        ASSERT_STATUS(ccp_flight_leave(g, ch[i]), CCP_OK);
    }
    ASSERT_STATUS(ccp_flight_free(g), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(first.started), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(first.go_on), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(second.go_on), CCP_OK);
}

TEST(do_chan_gives_the_value)
{
    ccp_flight *g = ccp_flight_new(sizeof(string));
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = give_bar };
    ccp_chan *ch;
    string_result r;
    ASSERT_STATUS(ccp_flight_do_chan(g, &c, &ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, &r, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(r.status, CCP_OK);
    assert_string_equal(r.value, "bar");
    ASSERT_STATUS(ccp_flight_leave(g, ch), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(g), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(do_gives_the_value),
        ENTRY(do_gives_the_error_and_no_value),
        ENTRY(duplicates_are_suppressed),
        ENTRY(a_thousand_callers_make_one_call),
        ENTRY(the_end_of_a_forgotten_call_does_not_end_the_one_after_it),
        ENTRY(do_chan_gives_the_value),
    };
    return cmocka_run_group_tests_name("singleflight", tests, NULL, NULL);
}
