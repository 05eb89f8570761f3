/* SPDX-License-Identifier: MIT
 *
 * What the select programs of Go's test/chan check (doubleselect, select, select2 to select8), and
 * tests of select in Go's runtime, written anew for threads.
 */
#include "support.h"

/* --- doubleselect: a select that sends does so once, however many channels it offers --- */

enum { DOUBLE_N = 20000 };

typedef struct fan {
    ccp_chan *in[4], *out;
} fan;

static void send_each_once(actor *a)
{
    fan *f = a->arg;
    for (long v = 0; v < a->value; v++) {
        ccp_case cases[4];
        size_t i;
        for (size_t k = 0; k < 4; k++)
            cases[k] = CCP_CASE_SEND(f->in[k], &v);
        MUST(ccp_select(cases, 4, &i, CCP_FOREVER) == CCP_OK && i < 4);
    }
    for (size_t k = 0; k < 4; k++)
        MUST(ccp_chan_close(f->in[k]) == CCP_OK);
}

static void mux(actor *a)
{
    fan *f = a->arg;
    long v;
    CCP_CHAN_FOR(&v, f->in[a->index], CCP_FOREVER)
    MUST(ccp_chan_send(f->out, &v, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_sender_done(f->out) == CCP_OK);
}

TEST(doubleselect_sends_each_element_to_one_channel) /* S1 */
{
    fan f = { .out = ccp_chan_new(sizeof(long), 0) };
    long n = (long)scaled(DOUBLE_N), v, count = 0;
    char *seen = calloc((size_t)n, 1);
    actor sender = { .arg = &f, .value = n }, m[4];
    ASSERT_STATUS(ccp_chan_add_senders(f.out, 4), CCP_OK);
    for (size_t k = 0; k < 4; k++) {
        f.in[k] = ccp_chan_new(sizeof(long), 0);
        m[k] = (actor){ .arg = &f, .index = k };
    }
    for (size_t k = 0; k < 4; k++)
        actor_start(&m[k], mux);
    actor_start(&sender, send_each_once);
    CCP_CHAN_FOR(&v, f.out, CCP_FOREVER)
    {
        assert_in_range(v, 0, n - 1);
        assert_int_equal(seen[v]++, 0);
        count++;
    }
    assert_int_equal(count, n);
    actor_join(&sender);
    for (size_t k = 0; k < 4; k++) {
        actor_join(&m[k]);
        ASSERT_STATUS(ccp_chan_free(f.in[k]), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(f.out), CCP_OK);
    free(seen);
}

/* --- select: a case switched off by NULL sends nothing --- */

TEST(select_sends_to_the_channels_that_are_on)
{
    ccp_chan *a = ccp_chan_new(sizeof(unsigned), 64), *b = ccp_chan_new(sizeof(unsigned), 64);
    unsigned shift = 0, v, got_a = 0, got_b = 0;
    static const unsigned word = 0xb5c3;
    while (shift < 16) { /* bit by bit: ones to a, zeros to b */
        unsigned bit = word >> shift & 1;
        size_t i;
        const ccp_case cases[] = { CCP_CASE_SEND(bit ? a : NULL, &shift),
                                   CCP_CASE_SEND(bit ? NULL : b, &shift) };
        ASSERT_STATUS(ccp_select(cases, 2, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, !bit);
        shift++;
    }
    while (ccp_chan_recv(a, &v, CCP_NOWAIT) == CCP_OK)
        got_a |= 1u << v;
    while (ccp_chan_recv(b, &v, CCP_NOWAIT) == CCP_OK)
        got_b |= 1u << v;
    assert_int_equal(got_a, word);
    assert_int_equal(got_b, ~word & 0xffff);
    ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(b), CCP_OK);
}

/* --- select2: waiting in a select over and over leaves no memory behind --- */

typedef struct loop {
    ccp_chan *there, *idle;
} loop;

static void recv_in_select(actor *a)
{
    loop *l = a->arg;
    long v;
    size_t i;
    const ccp_case cases[] = { CCP_CASE_RECV(l->idle, &v), CCP_CASE_RECV(l->there, &v) };
    while (ccp_select(cases, 2, &i, CCP_FOREVER) == CCP_OK)
        a->value++;
}

TEST(select2_over_and_over_leaves_nothing_behind) /* S6 W4 */
{
    loop l = { ccp_chan_new(sizeof(long), 0), ccp_chan_new(sizeof(long), 0) };
    actor a = { .arg = &l };
    long n = (long)scaled(20000);
    size_t blocks = ccp_live_blocks();
    actor_start(&a, recv_in_select);
    for (long v = 0; v < n; v++)
        ASSERT_STATUS(ccp_chan_send(l.there, &v, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(l.there), CCP_OK);
    actor_join(&a);
    assert_int_equal(a.value, n);
    assert_int_equal(ccp_live_blocks(), blocks);
    assert_nobody_waits(l.idle);
    ASSERT_STATUS(ccp_chan_free(l.there), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(l.idle), CCP_OK);
}

/* --- select3: which operations wait, and which do not --- */

typedef struct op {
    const char *name;
    int channel;    /* NONE; NEW: capacity 0; ROOM, FULL: capacity 1; CLOSED */
    int what;       /* direct, or in a select */
    ccp_status now; /* what it gives if it must not wait */
    ccp_status ever; /* what it gives if it may; AGAIN: it waits */
} op;
enum { NONE, NEW, ROOM, FULL, CLOSED };
enum { SEND, RECV, SELECT_SEND, SELECT_RECV, SELECT_BOTH, SELECT_NOTHING };

static const op ops[] = {
    { "send to no channel", NONE, SEND, CCP_INVAL, CCP_INVAL },
    { "receive from no channel", NONE, RECV, CCP_INVAL, CCP_INVAL },
    { "select to send to no channel", NONE, SELECT_SEND, CCP_AGAIN, CCP_DEADLOCK },
    { "select to receive from no channel", NONE, SELECT_RECV, CCP_AGAIN, CCP_DEADLOCK },
    { "select of both on no channel", NONE, SELECT_BOTH, CCP_AGAIN, CCP_DEADLOCK },
    { "select of nothing", NONE, SELECT_NOTHING, CCP_AGAIN, CCP_DEADLOCK },
    { "send to a buffer with room", ROOM, SEND, CCP_OK, CCP_OK },
    { "select to send to a buffer with room", ROOM, SELECT_SEND, CCP_OK, CCP_OK },
    { "receive from an empty buffer", ROOM, RECV, CCP_AGAIN, CCP_AGAIN },
    { "select to receive from an empty buffer", ROOM, SELECT_RECV, CCP_AGAIN, CCP_AGAIN },
    { "send to a full buffer", FULL, SEND, CCP_AGAIN, CCP_AGAIN },
    { "select to send to a full buffer", FULL, SELECT_SEND, CCP_AGAIN, CCP_AGAIN },
    { "receive from a full buffer", FULL, RECV, CCP_OK, CCP_OK },
    { "select to receive from a full buffer", FULL, SELECT_RECV, CCP_OK, CCP_OK },
    { "send to a closed channel", CLOSED, SEND, CCP_CLOSED, CCP_CLOSED },
    { "receive from a closed channel", CLOSED, RECV, CCP_CLOSED, CCP_CLOSED },
    { "select to send to a closed channel", CLOSED, SELECT_SEND, CCP_CLOSED, CCP_CLOSED },
    { "select to receive from a closed channel", CLOSED, SELECT_RECV, CCP_CLOSED, CCP_CLOSED },
    { "send without a partner", NEW, SEND, CCP_AGAIN, CCP_AGAIN },
    { "receive without a partner", NEW, RECV, CCP_AGAIN, CCP_AGAIN },
    { "select to send without a partner", NEW, SELECT_SEND, CCP_AGAIN, CCP_AGAIN },
    { "select to receive without a partner", NEW, SELECT_RECV, CCP_AGAIN, CCP_AGAIN },
    { "select that sees itself", NEW, SELECT_BOTH, CCP_AGAIN, CCP_AGAIN },
};

static ccp_status do_op(const op *o, ccp_chan *ch, ccp_wait w)
{
    long v = 7;
    size_t i;
    const ccp_case both[] = { CCP_CASE_SEND(ch, &v), CCP_CASE_RECV(ch, &v) };
    switch (o->what) {
    case SEND:
        return ccp_chan_send(ch, &v, w);
    case RECV:
        return ccp_chan_recv(ch, &v, w);
    case SELECT_SEND:
        return ccp_select(both, 1, &i, w);
    case SELECT_RECV:
        return ccp_select(both + 1, 1, &i, w);
    case SELECT_BOTH:
        return ccp_select(both, 2, &i, w);
    default:
        return ccp_select(NULL, 0, &i, w);
    }
}

static void do_op_there(actor *a)
{
    actor_calls(a);
    a->rc = do_op(a->arg, a->ch, a->w);
}

static ccp_chan *chan_of(const op *o)
{
    long v = 1;
    ccp_chan *ch = o->channel == NONE ? NULL : ccp_chan_new(sizeof(long), o->channel != NEW);
    if (o->channel == FULL)
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    if (o->channel == CLOSED)
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    return ch;
}

static void run_op(void **state) /* S3 S4 S5 W1 */
{
    op *o = *state;
    ccp_chan *ch = chan_of(o);
    ASSERT_STATUS(do_op(o, ch, CCP_NOWAIT), o->now);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);

    ch = chan_of(o);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    bool waits = o->ever == CCP_AGAIN;
    actor a = { .arg = o, .ch = ch, .w = waits ? ccp_with(ctx) : CCP_FOREVER };
    actor_start(&a, do_op_there);
    if (waits) {
        WAIT_UNTIL(waiting_senders(ch) + waiting_receivers(ch) > 0);
        ccp_ctx_cancel(ctx);
    }
    actor_join(&a);
    ASSERT_STATUS(a.rc, waits ? CCP_CANCELED : o->ever);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- select4: a case that is not chosen has no effect on where it would have written --- */

TEST(select4_leaves_the_target_of_another_case_alone) /* S1 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1), *other = ccp_chan_new(sizeof(int), 1);
    int v = 42, into = 1;
    size_t i;
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_FOREVER), CCP_OK);
    const ccp_case cases[] = { CCP_CASE_RECV(other, &into), CCP_CASE_RECV(ch, &v) };
    v = 0;
    ASSERT_STATUS(ccp_select(cases, 2, &i, CCP_FOREVER), CCP_OK);
    assert_int_equal(i, 1);
    assert_int_equal(v, 42);
    assert_int_equal(into, 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

/* --- select5: what a select does in every arrangement is what its chosen case alone does --- */

static size_t bits_of(size_t m)
{
    size_t n = 0;
    for (; m; m &= m - 1)
        n++;
    return n;
}

TEST(select5_every_arrangement_does_what_its_chosen_case_does) /* S1 S2 */
{
    /* Four cases, each a send or a receive, ready or not, on or off: 6^4 arrangements. */
    for (size_t code = 0; code < 6 * 6 * 6 * 6; code++) {
        ccp_chan *ch[4];
        ccp_case cases[4];
        long value[4];
        size_t ready = 0, i = 99, rest = code;
        for (size_t k = 0; k < 4; k++, rest /= 6) {
            bool sends = rest % 2, is_ready = rest % 6 / 2 == 1, off = rest % 6 / 2 == 2;
            long old = 5;
            value[k] = 10 + (long)k;
            ch[k] = ccp_chan_new(sizeof(long), 1);
            if (sends != is_ready)
                ASSERT_STATUS(ccp_chan_send(ch[k], &old, CCP_NOWAIT), CCP_OK);
            cases[k] = sends ? CCP_CASE_SEND(off ? NULL : ch[k], &value[k])
                             : CCP_CASE_RECV(off ? NULL : ch[k], &value[k]);
            ready |= (size_t)(is_ready && !off) << k;
        }
        ccp_status rc = ccp_select(cases, 4, &i, CCP_NOWAIT);
        ASSERT_STATUS(rc, bits_of(ready) ? CCP_OK : CCP_AGAIN);
        assert_true(rc == CCP_OK ? (ready >> i & 1) : i == 99);
        rest = code;
        for (size_t k = 0; k < 4; k++, rest /= 6) {
            bool sends = rest % 2, is_ready = rest % 6 / 2 == 1;
            assert_int_equal(ccp_chan_len(ch[k]), (sends != is_ready) ^ (i == k));
            assert_int_equal(value[k], i == k && !sends ? 5 : 10 + (long)k);
            ASSERT_STATUS(ccp_chan_free(ch[k]), CCP_OK);
        }
    }
}

/* --- select6: a select that left a queue does not take another's place in it --- */

typedef struct three {
    ccp_chan *a, *b, *c;
} three;

static void recv_a(actor *x)
{
    three *t = x->arg;
    MUST(ccp_chan_recv(t->a, NULL, CCP_FOREVER) == CCP_OK);
}

static void select_b_then_recv_a(actor *x)
{
    three *t = x->arg;
    size_t i;
    const ccp_case cases[] = { CCP_CASE_RECV(t->a, NULL), CCP_CASE_RECV(t->b, NULL) };
    MUST(ccp_select(cases, 2, &i, CCP_FOREVER) == CCP_OK && i == 1);
    MUST(ccp_chan_send(t->c, NULL, CCP_FOREVER) == CCP_OK);
    MUST(ccp_chan_recv(t->a, NULL, CCP_FOREVER) == CCP_OK);
}

static void run_select6(size_t size)
{
    three t = { ccp_chan_new(size, 0), ccp_chan_new(size, 0), ccp_chan_new(0, 0) };
    long v = 1;
    actor first = { .arg = &t }, second = { .arg = &t };
    actor_start(&first, recv_a);
    WAIT_UNTIL(waiting_receivers(t.a) == 1);
    actor_start(&second, select_b_then_recv_a);
    WAIT_UNTIL(waiting_receivers(t.a) == 2);
    ASSERT_STATUS(ccp_chan_send(t.b, &v, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(t.c, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(t.a, &v, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(t.a, &v, CCP_FOREVER), CCP_OK);
    actor_join(&first);
    actor_join(&second);
    ASSERT_STATUS(ccp_chan_free(t.a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(t.b), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(t.c), CCP_OK);
}

TEST(select6_leaves_a_queue_without_a_trace) /* W4 */
{
    for (int round = 0; round < 50; round++) {
        run_select6(sizeof(long));
        run_select6(0);
    }
}

/* --- select7: every pair of a way to send and a way to receive --- */

static void recv_directly(actor *x)
{
    MUST(ccp_chan_recv(x->ch, &x->value, CCP_FOREVER) == CCP_OK);
}

static void recv_by_select_of_one(actor *x)
{
    size_t i;
    const ccp_case c = CCP_CASE_RECV(x->ch, &x->value);
    MUST(ccp_select(&c, 1, &i, CCP_FOREVER) == CCP_OK && i == 0);
}

static void recv_by_select_of_two(actor *x)
{
    size_t i;
    ccp_chan *other = ccp_chan_new(sizeof(long), 0);
    const ccp_case c[] = { CCP_CASE_RECV(x->ch, &x->value), CCP_CASE_RECV(other, NULL) };
    MUST(ccp_select(c, 2, &i, CCP_FOREVER) == CCP_OK && i == 0);
    MUST(ccp_chan_free(other) == CCP_OK);
}

static void send_by_select(ccp_chan *ch, size_t n)
{
    long v = 77;
    size_t i;
    ccp_chan *other = ccp_chan_new(sizeof(long), 0);
    const ccp_case c[] = { CCP_CASE_SEND(ch, &v), CCP_CASE_SEND(other, &v) };
    if (n == 0)
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_FOREVER), CCP_OK);
    else {
        ASSERT_STATUS(ccp_select(c, n, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 0);
    }
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

TEST(select7_every_way_to_send_meets_every_way_to_receive) /* C5 S1 */
{
    static void (*const receive[])(actor *) = { recv_directly, recv_by_select_of_one,
                                                recv_by_select_of_two };
    for (size_t round = 0; round < 60; round++)
        for (size_t r = 0; r < LENGTH(receive); r++)
            for (size_t s = 0; s < 3; s++) {
                ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
                actor x = { .ch = ch };
                actor_start(&x, receive[r]);
                if (round % 2)
                    WAIT_UNTIL(waiting_receivers(ch) == 1);
                send_by_select(ch, s);
                actor_join(&x);
                assert_int_equal(x.value, 77);
                ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
            }
}

/* --- select8 is about leaving a statement; the loop that a select stands in may be left --- */

TEST(select8_the_loop_around_a_select_may_be_left)
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    int v, rounds = 0;
    size_t i;
    const ccp_case c = CCP_CASE_RECV(ch, &v);
    for (;; rounds++) {
        ASSERT_STATUS(ccp_chan_send(ch, &rounds, CCP_NOWAIT), CCP_OK);
        if (ccp_select(&c, 1, &i, CCP_FOREVER) == CCP_OK && v == 3)
            break;
    }
    assert_int_equal(rounds, 3);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    enum { OPS = LENGTH(ops) };
    static char names[OPS][80];
    struct CMUnitTest tests[OPS + 8] = {
        ENTRY(doubleselect_sends_each_element_to_one_channel),
        ENTRY(select_sends_to_the_channels_that_are_on),
        ENTRY(select2_over_and_over_leaves_nothing_behind),
        ENTRY(select4_leaves_the_target_of_another_case_alone),
        ENTRY(select5_every_arrangement_does_what_its_chosen_case_does),
        ENTRY(select6_leaves_a_queue_without_a_trace),
        ENTRY(select7_every_way_to_send_meets_every_way_to_receive),
        ENTRY(select8_the_loop_around_a_select_may_be_left),
    };
    for (size_t i = 0; i < OPS; i++) {
        snprintf(names[i], sizeof names[i], "select3: %s", ops[i].name);
        tests[8 + i] = (struct CMUnitTest){ names[i], run_op, NULL, no_block_is_live,
                                            (void *)(uintptr_t)&ops[i] };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
