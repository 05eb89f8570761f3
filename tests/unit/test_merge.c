/* SPDX-License-Identifier: MIT
 *
 * Merging.
 */
#include "support.h"

static ccp_chan *chan_with(long first, long n)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), (size_t)n + 1);
    for (long i = 0; i < n; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &(long){ first + i }, CCP_NOWAIT), CCP_OK);
    return ch;
}

static void end_merge(ccp_merge *m)
{
    ASSERT_STATUS(ccp_merge_free(m), CCP_OK);
}

static void assert_gets(ccp_merge *m, size_t source, long value)
{
    size_t from = 99;
    long v = -1;
    ASSERT_STATUS(ccp_merge_recv(m, &v, &from, CCP_FOREVER), CCP_OK);
    assert_int_equal(from, source);
    assert_int_equal(v, value);
}

TEST(null_arguments_are_refused)
{
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *ch = ccp_chan_new(1, 1);
    ASSERT_STATUS(ccp_merge_add(NULL, ch, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_merge_add(m, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_merge_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_merge_recv(NULL, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_merge_free(NULL), CCP_OK);
    end_merge(m);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(sources_that_have_elements_take_turns) /* K8 */
{
    enum { SOURCES = 20, EACH = 10 };
    ccp_chan *ch[SOURCES];
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    for (size_t i = 0; i < SOURCES; i++) {
        size_t number = 99;
        ch[i] = chan_with(100 * (long)i, EACH);
        ASSERT_STATUS(ccp_merge_add(m, ch[i], &number), CCP_OK);
        assert_int_equal(number, i);
    }
    for (long k = 0; k < EACH; k++)
        for (size_t i = 0; i < SOURCES; i++)
            assert_gets(m, i, 100 * (long)i + k);
    ASSERT_STATUS(ccp_chan_send(ch[3], &(long){ 1 }, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_NOWAIT), CCP_OK); /* of whatever source */
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    end_merge(m);
    for (size_t i = 0; i < SOURCES; i++)
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
}

typedef struct departures {
    size_t order[8], n;
} departures;

static void note_gone(size_t source, ccp_chan *ch, void *arg)
{
    departures *d = arg;
    d->order[d->n++] = source;
    MUST(ccp_chan_free(ch) == CCP_OK); /* nobody uses it any more */
}

TEST(a_source_leaves_when_it_is_closed_and_drained) /* K9 */
{
    departures d = { .n = 0 };
    ccp_merge *m = ccp_merge_new(note_gone, &d);
    ccp_chan *a = chan_with(0, 1), *b = chan_with(10, 2);
    ASSERT_STATUS(ccp_merge_add(m, a, NULL), CCP_OK);
    ASSERT_STATUS(ccp_merge_add(m, b, NULL), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(a), CCP_OK);
    assert_gets(m, 0, 0);
    assert_gets(m, 1, 10);
    assert_gets(m, 1, 11);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.order[0], 0);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_NOWAIT), CCP_AGAIN); /* there may be more */
    ASSERT_STATUS(ccp_merge_close(m), CCP_OK);
    ASSERT_STATUS(ccp_merge_close(m), CCP_CLOSED);
    ccp_chan *late = chan_with(0, 0);
    ASSERT_STATUS(ccp_merge_add(m, late, NULL), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(late), CCP_OK);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_NOWAIT), CCP_AGAIN); /* b is open */
    ASSERT_STATUS(ccp_chan_close(b), CCP_OK);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_FOREVER), CCP_CLOSED);
    assert_int_equal(d.n, 2);
    end_merge(m);
}

TEST(a_merge_of_nothing_waits_until_it_is_closed) /* K9 */
{
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_merge_close(m), CCP_OK);
    ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_FOREVER), CCP_CLOSED);
    end_merge(m);
}

static void receive_one(actor *a)
{
    actor_calls(a);
    a->rc = ccp_merge_recv(a->arg, &a->value, &a->index, CCP_FOREVER);
}

TEST(a_receiver_that_waits_notices_a_new_source_and_the_end) /* K8 K9 */
{
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *ch = chan_with(7, 1);
    actor a = { .arg = m };
    actor_start(&a, receive_one);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_merge_add(m, ch, NULL), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(a.value, 7);
    a = (actor){ .arg = m };
    actor_start(&a, receive_one);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_merge_close(m), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    end_merge(m);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_receiver_that_waits_notices_that_a_source_has_left) /* K9 */
{
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *first = chan_with(7, 1), *second = chan_with(0, 0);
    ASSERT_STATUS(ccp_merge_add(m, first, NULL), CCP_OK);
    ASSERT_STATUS(ccp_merge_add(m, second, NULL), CCP_OK);
    assert_gets(m, 0, 7);
    actor a = { .arg = m };
    actor_start(&a, receive_one);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_chan_close(second), CCP_OK); /* its turn is the next */
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_chan_send(first, &(long){ 8 }, CCP_FOREVER), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(a.value, 8);
    end_merge(m);
    ASSERT_STATUS(ccp_chan_free(first), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(second), CCP_OK);
}

static void add_generators(actor *a)
{
    ccp_gen **g = a->arg;
    for (size_t i = 0; i < 10; i++)
        MUST(ccp_merge_add((ccp_merge *)(void *)a->ch, ccp_gen_chan(g[i]), NULL) == CCP_OK);
    MUST(ccp_merge_close((ccp_merge *)(void *)a->ch) == CCP_OK);
}

TEST(sources_come_while_others_are_received_from_and_nothing_is_lost) /* K8 K9 */
{
    enum { N = 2000 };
    ccp_gen *g[10];
    int64_t next[10] = { 0 }, v;
    size_t source, n = 0, each = scaled(N);
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    for (size_t i = 0; i < LENGTH(g); i++)
        g[i] = ccp_gen_range(0, (int64_t)each, 1, &(ccp_gen_opts){ .capacity = i });
    actor a = { .arg = g, .ch = (ccp_chan *)(void *)m };
    actor_start(&a, add_generators);
    while (ccp_merge_recv(m, &v, &source, CCP_FOREVER) == CCP_OK) {
        assert_in_range(source, 0, 9);
        assert_int_equal(v, next[source]++);
        n++;
    }
    assert_int_equal(n, each * LENGTH(g));
    actor_join(&a);
    end_merge(m);
    for (size_t i = 0; i < LENGTH(g); i++)
        ASSERT_STATUS(ccp_gen_free(g[i]), CCP_OK);
}

TEST(a_merge_may_be_freed_with_its_sources_in_it)
{
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *ch = chan_with(0, 3);
    ASSERT_STATUS(ccp_merge_add(m, ch, NULL), CCP_OK);
    assert_gets(m, 0, 0);
    ASSERT_STATUS(ccp_merge_add(m, ch, NULL), CCP_OK); /* the same again is one more */
    end_merge(m);
    assert_int_equal(ccp_chan_len(ch), 2);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(without_memory_nothing_is_lost) /* G1 G4 */
{
    memory_watch();
    for (size_t n = 1; n < 3; n++) {
        memory_fail_at(n);
        assert_null(ccp_merge_new(NULL, NULL));
    }
    memory_fail_at(0);
    ccp_merge *m = ccp_merge_new(NULL, NULL);
    ccp_chan *ch = chan_with(5, 1);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_merge_add(m, ch, NULL), CCP_NOMEM);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_merge_add(m, ch, NULL), CCP_OK);
    for (size_t n = 1; n < 3; n++) {
        memory_fail_at(n);
        ASSERT_STATUS(ccp_merge_recv(m, NULL, NULL, CCP_NOWAIT), CCP_NOMEM);
    }
    memory_fail_at(0);
    assert_gets(m, 0, 5);
    end_merge(m);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(memory_live, 0);
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(sources_that_have_elements_take_turns),
        ENTRY(a_source_leaves_when_it_is_closed_and_drained),
        ENTRY(a_merge_of_nothing_waits_until_it_is_closed),
        ENTRY(a_receiver_that_waits_notices_a_new_source_and_the_end),
        ENTRY(a_receiver_that_waits_notices_that_a_source_has_left),
        ENTRY(sources_come_while_others_are_received_from_and_nothing_is_lost),
        ENTRY(a_merge_may_be_freed_with_its_sources_in_it),
        ENTRY(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
