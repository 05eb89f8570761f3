/* SPDX-License-Identifier: MIT
 *
 * What the programs fifo, nonblock, goroutines, zerosize and perm of Go's test/chan check, and
 * tests of channels in Go's runtime, written anew for threads.
 */
#include "support.h"

/* --- fifo --- */

TEST(a_buffer_is_first_in_first_out) /* C1 */
{
    enum { N = 10 };
    ccp_chan *ch = ccp_chan_new(sizeof(int), N);
    for (int i = 0; i < N; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &i, CCP_FOREVER), CCP_OK);
    for (int i = 0; i < N; i++) {
        int v = -1;
        ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, i);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* A chain of threads: each waits for the one before it, takes its own number off the channel, and
 * lets the next one go. */
typedef struct link {
    ccp_chan *ch, *before, *after;
    int number;
} link;

static void take_own_number(actor *a)
{
    link *l = a->arg;
    int v = -1;
    MUST(ccp_chan_recv(l->before, NULL, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_recv(l->ch, &v, CCP_FOREVER) == CCP_OK && v == l->number);
    MUST(ccp_chan_send(l->after, NULL, CCP_FOREVER) == CCP_OK);
}

TEST(a_chain_of_threads_receives_in_order) /* C1 */
{
    enum { N = 10 };
    ccp_chan *ch = ccp_chan_new(sizeof(int), 0), *baton[N + 1];
    link links[N];
    actor a[N];
    for (int i = 0; i <= N; i++)
        baton[i] = ccp_chan_new(0, 0);
    for (int i = 0; i < N; i++) {
        links[i] = (link){ ch, baton[i], baton[i + 1], i };
        a[i] = (actor){ .arg = &links[i] };
        actor_start(&a[i], take_own_number);
    }
    ASSERT_STATUS(ccp_chan_send(baton[0], NULL, CCP_FOREVER), CCP_OK);
    for (int i = 0; i < N; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &i, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(baton[N], NULL, CCP_FOREVER), CCP_OK);
    for (int i = 0; i < N; i++)
        actor_join(&a[i]);
    for (int i = 0; i <= N; i++)
        ASSERT_STATUS(ccp_chan_free(baton[i]), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- nonblock: operands of several types, with and without a partner, and a strobe --- */

typedef struct pass {
    ccp_chan *ch, *strobe;
    size_t size;
} pass;

static void receive_and_strobe(actor *a)
{
    pass *p = a->arg;
    unsigned char elem[64];
    MUST(ccp_chan_recv(p->ch, elem, CCP_FOREVER) == CCP_OK);
    MUST(element_is(elem, p->size, 123));
    MUST(ccp_chan_send(p->strobe, NULL, CCP_FOREVER) == CCP_OK);
}

static void send_and_strobe(actor *a)
{
    pass *p = a->arg;
    unsigned char elem[64];
    element_fill(elem, p->size, 234);
    MUST(ccp_chan_send(p->ch, elem, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_send(p->strobe, NULL, CCP_FOREVER) == CCP_OK);
}

static void pass_without_waiting(size_t size, size_t capacity)
{
    unsigned char elem[64];
    pass p = { ccp_chan_new(size, capacity), ccp_chan_new(0, capacity), size };
    ASSERT_STATUS(ccp_chan_recv(p.ch, elem, CCP_NOWAIT), CCP_AGAIN);
    element_fill(elem, size, 123);
    if (capacity == 0)
        ASSERT_STATUS(ccp_chan_send(p.ch, elem, CCP_NOWAIT), CCP_AGAIN);
    actor r = { .arg = &p }, s = { .arg = &p };
    actor_start(&r, receive_and_strobe);
    WAIT_UNTIL(ccp_chan_send(p.ch, elem, CCP_NOWAIT) == CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(p.strobe, NULL, CCP_FOREVER), CCP_OK);
    actor_join(&r);
    actor_start(&s, send_and_strobe);
    WAIT_UNTIL(ccp_chan_recv(p.ch, elem, CCP_NOWAIT) == CCP_OK);
    assert_true(element_is(elem, size, 234));
    ASSERT_STATUS(ccp_chan_recv(p.strobe, NULL, CCP_FOREVER), CCP_OK);
    actor_join(&s);
    ASSERT_STATUS(ccp_chan_free(p.ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(p.strobe), CCP_OK);
}

TEST(operands_of_every_type_pass_without_waiting) /* C7 */
{
    static const size_t sizes[] = { sizeof(_Bool), sizeof(int32_t), sizeof(int64_t),
                                    2 * sizeof(void *), 33, 0 };
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < LENGTH(sizes); i++)
            for (size_t capacity = 0; capacity < 3; capacity++)
                pass_without_waiting(sizes[i], capacity);
}

/* --- runtime: nobody sees an empty channel that is not --- */

static void recv_or_see_closed(actor *a)
{
    /* Before close somebody sent: either that element, or, if it was taken, "closed". */
    a->rc = ccp_chan_recv(a->ch, NULL, CCP_NOWAIT);
}

TEST(a_receive_without_waiting_does_not_miss_what_is_there) /* C7 */
{
    for (size_t round = 0; round < scaled(3000); round++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
        long v = 1;
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_FOREVER), CCP_OK);
        actor a = { .ch = ch };
        actor_start(&a, recv_or_see_closed);
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        ccp_status here = ccp_chan_recv(ch, &v, CCP_NOWAIT);
        actor_join(&a);
        assert_true((here == CCP_OK && a.rc == CCP_CLOSED) ||
                    (here == CCP_CLOSED && a.rc == CCP_OK));
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

typedef struct two {
    ccp_chan *a, *b;
} two;

static void send_to_either(actor *a)
{
    two *t = a->arg;
    long v = 1;
    size_t i;
    const ccp_case cases[] = { CCP_CASE_SEND(t->a, &v), CCP_CASE_SEND(t->b, &v) };
    MUST(ccp_select(cases, 2, &i, CCP_FOREVER) == CCP_OK);
}

TEST(a_select_without_waiting_does_not_miss_a_full_channel) /* S5 */
{
    for (size_t round = 0; round < scaled(3000); round++) {
        /* One of two buffers of one is full at any moment from now on. */
        two t = { ccp_chan_new(sizeof(long), 1), ccp_chan_new(sizeof(long), 1) };
        long v = 1;
        size_t i;
        ASSERT_STATUS(ccp_chan_send(t.a, &v, CCP_FOREVER), CCP_OK);
        const ccp_case cases[] = { CCP_CASE_RECV(t.a, &v), CCP_CASE_RECV(t.b, &v) };
        actor a = { .arg = &t };
        actor_start(&a, send_to_either);
        ASSERT_STATUS(ccp_select(cases, 2, &i, CCP_NOWAIT), CCP_OK);
        actor_join(&a);
        assert_int_equal(ccp_chan_len(t.a) + ccp_chan_len(t.b), 1);
        ASSERT_STATUS(ccp_chan_free(t.a), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(t.b), CCP_OK);
    }
}

/* --- goroutines: a long chain of threads, each adds one --- */

static void add_one(actor *a)
{
    two *t = a->arg;
    long v;
    MUST(ccp_chan_recv(t->a, &v, CCP_FOREVER) == CCP_OK);
    v++;
    MUST(ccp_chan_send(t->b, &v, CCP_FOREVER) == CCP_OK);
}

TEST(a_chain_of_hundreds_of_threads_passes_a_number) /* C5 */
{
    enum { N = 300 };
    static ccp_chan *ch[N + 1];
    static two pair[N];
    static actor a[N];
    for (size_t i = 0; i <= N; i++)
        ch[i] = ccp_chan_new(sizeof(long), 0);
    for (size_t i = 0; i < N; i++) {
        pair[i] = (two){ ch[i], ch[i + 1] };
        a[i] = (actor){ .arg = &pair[i] };
        actor_start(&a[i], add_one);
    }
    long v = 0;
    ASSERT_STATUS(ccp_chan_send(ch[0], &v, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch[N], &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, N);
    for (size_t i = 0; i < N; i++)
        actor_join(&a[i]);
    for (size_t i = 0; i <= N; i++)
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
}

/* Hundreds of threads that wait in one channel: each is served once. */
TEST(hundreds_of_threads_wait_in_one_channel) /* C4 C8 */
{
    enum { N = 200 };
    static actor a[N];
    for (size_t capacity = 0; capacity < 2; capacity++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        char seen[N] = { 0 };
        for (size_t i = 0; i < N; i++) {
            a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
            actor_start(&a[i], actor_recv_long);
        }
        WAIT_UNTIL(waiting_receivers(ch) == N);
        for (long i = 0; i < N; i++)
            ASSERT_STATUS(ccp_chan_send(ch, &i, CCP_FOREVER), CCP_OK);
        for (size_t i = 0; i < N; i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
            assert_in_range(a[i].value, 0, N - 1);
            assert_int_equal(seen[a[i].value]++, 0);
        }
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

/* --- zerosize --- */

struct nothing {
    char none[1];
};

TEST(elements_without_size_are_counted_like_any) /* C4 C7 */
{
    ccp_chan *ch = ccp_chan_new(0, 2);
    struct nothing elem = { { 'x' } };
    ASSERT_STATUS(ccp_chan_send(ch, &elem, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(ccp_chan_len(ch), 2);
    ASSERT_STATUS(ccp_chan_recv(ch, &elem, CCP_NOWAIT), CCP_OK);
    assert_int_equal(elem.none[0], 'x'); /* nothing was written */
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- perm: what is allowed in which direction; what is not does not compile (compile_fail) --- */

CCP_CHAN_DEFINE(int_chan, int);

static void produce_ints(int_chan_tx tx, int n)
{
    for (int i = 0; i < n; i++)
        MUST(int_chan_send(tx, &i, CCP_FOREVER) == CCP_OK);
    MUST(int_chan_close(tx) == CCP_OK);
}

static int sum_ints(int_chan_rx rx)
{
    int v, sum = 0;
    while (int_chan_recv(rx, &v, CCP_FOREVER) == CCP_OK)
        sum += v;
    return sum;
}

TEST(directions_share_one_channel)
{
    int_chan c = int_chan_new(10);
    produce_ints(int_chan_sender(c), 10);
    assert_int_equal(sum_ints(int_chan_receiver(c)), 45);
    ASSERT_STATUS(int_chan_free(c), CCP_OK);
}

/* --- runtime: many consumers, each element once --- */

typedef struct crowd {
    ccp_chan *in, *out;
} crowd;

static void relay(actor *a)
{
    crowd *c = a->arg;
    long v;
    CCP_CHAN_FOR(&v, c->in, CCP_FOREVER)
    {
        if (v % 7 == 0)
            (void)ccp_sleep(ccp_within(CCP_US(1)));
        MUST(ccp_chan_send(c->out, &v, CCP_FOREVER) == CCP_OK);
    }
    MUST(ccp_chan_sender_done(c->out) == CCP_OK);
}

static void feed(actor *a)
{
    crowd *c = a->arg;
    for (long i = 0; i < a->value; i++)
        MUST(ccp_chan_send(c->in, &i, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_close(c->in) == CCP_OK);
}

TEST(many_consumers_pass_each_element_once) /* C4 C11 */
{
    enum { WORKERS = 23, N = 2000 };
    static char seen[N];
    memset(seen, 0, sizeof seen);
    crowd c = { ccp_chan_new(sizeof(long), 69), ccp_chan_new(sizeof(long), 69) };
    actor w[WORKERS], f = { .arg = &c, .value = N };
    long v, n = 0;
    ASSERT_STATUS(ccp_chan_add_senders(c.out, WORKERS), CCP_OK);
    for (size_t i = 0; i < WORKERS; i++) {
        w[i] = (actor){ .arg = &c };
        actor_start(&w[i], relay);
    }
    actor_start(&f, feed);
    CCP_CHAN_FOR(&v, c.out, CCP_FOREVER)
    {
        assert_in_range(v, 0, N - 1);
        assert_int_equal(seen[v]++, 0);
        n++;
    }
    assert_int_equal(n, N);
    actor_join(&f);
    for (size_t i = 0; i < WORKERS; i++)
        actor_join(&w[i]);
    ASSERT_STATUS(ccp_chan_free(c.in), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(c.out), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_buffer_is_first_in_first_out),
        ENTRY(a_chain_of_threads_receives_in_order),
        ENTRY(operands_of_every_type_pass_without_waiting),
        ENTRY(a_receive_without_waiting_does_not_miss_what_is_there),
        ENTRY(a_select_without_waiting_does_not_miss_a_full_channel),
        ENTRY(a_chain_of_hundreds_of_threads_passes_a_number),
        ENTRY(hundreds_of_threads_wait_in_one_channel),
        ENTRY(elements_without_size_are_counted_like_any),
        ENTRY(directions_share_one_channel),
        ENTRY(many_consumers_pass_each_element_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
