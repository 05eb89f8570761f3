/* SPDX-License-Identifier: MIT
 *
 * Select.  The ports of Go's select programs are in test_go_select.
 */
#include "support.h"

typedef ccp_status (*select_fn)(const ccp_case *cases, size_t n, size_t *chosen, ccp_wait w);
static const select_fn selects[] = { ccp_select, ccp_select_first };
#define FOR_BOTH(select)                                                                       \
    for (size_t which_ = 0; which_ < LENGTH(selects); which_++)                                \
        for (select_fn select = selects[which_]; select; select = NULL)

static ccp_chan *full_chan(size_t n)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), n);
    for (long i = 0; i < (long)n; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &i, CCP_NOWAIT), CCP_OK);
    return ch;
}

TEST(arguments_that_can_never_be_right_are_refused) /* G2 */
{
    ccp_chan *ch = full_chan(1), *timer = ccp_chan_after(0);
    long v = 5;
    size_t i = 99;
    const ccp_case recv = CCP_CASE_RECV(ch, &v);
    const ccp_case bad[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_SEND(timer, &v) };
    const ccp_case nothing = CCP_CASE_SEND(ch, NULL);
    ccp_case unknown = recv;
    unknown.op_ = 99;
    FOR_BOTH(select) {
        ASSERT_STATUS(select(&nothing, 1, &i, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(select(&unknown, 1, &i, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(select(&recv, (size_t)1 << 31, &i, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(select(&recv, 1, NULL, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(select(NULL, 1, &i, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(select(bad, 2, &i, CCP_NOWAIT), CCP_INVAL);
    }
    assert_int_equal(i, 99);
    assert_int_equal(v, 5);
    assert_int_equal(ccp_chan_len(ch), 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(timer), CCP_OK);
}

TEST(a_select_that_can_never_end_is_refused)
{
    long v;
    size_t i = 99;
    const ccp_case off[] = { CCP_CASE_RECV(NULL, &v), CCP_CASE_SEND(NULL, &v),
                             CCP_CASE_DONE(NULL) };
    FOR_BOTH(select) {
        for (size_t n = 0; n <= LENGTH(off); n++) {
            ASSERT_STATUS(select(n ? off : NULL, n, &i, CCP_FOREVER), CCP_DEADLOCK);
            ASSERT_STATUS(select(off, n, &i, CCP_NOWAIT), CCP_AGAIN); /* S5 */
            ASSERT_STATUS(select(off, n, &i, ccp_within(CCP_US(20))), CCP_TIMEOUT);
        }
    }
    assert_int_equal(i, 99);
}

TEST(a_select_with_nothing_to_do_waits_for_its_context)
{
    size_t i = 99;
    FOR_BOTH(select) {
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(2)));
        ASSERT_STATUS(select(NULL, 0, &i, ccp_with(ctx)), CCP_TIMEOUT);
        assert_true(ccp_now() >= ccp_ctx_deadline(ctx));
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_int_equal(i, 99);
}

TEST(a_null_case_is_never_ready)
{
    ccp_chan *ch = full_chan(1);
    long v = -1, other = -1;
    size_t i = 99;
    const ccp_case cases[] = { CCP_CASE_RECV(NULL, &other), CCP_CASE_SEND(NULL, &other),
                               CCP_CASE_DONE(NULL), CCP_CASE_RECV(ch, &v) };
    FOR_BOTH(select) {
        ASSERT_STATUS(select(cases, 4, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 3);
        assert_int_equal(v, 0);
        ASSERT_STATUS(select(cases, 4, &i, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    }
    assert_int_equal(other, -1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(one_case_is_done_and_the_others_are_not) /* S1 */
{
    ccp_chan *full[3], *empty[3];
    long got[3], out[3] = { 70, 71, 72 };
    ccp_case cases[6];
    for (size_t round = 0; round < 60; round++) {
        for (size_t k = 0; k < 3; k++) {
            full[k] = full_chan(2);
            empty[k] = ccp_chan_new(sizeof(long), 2);
            got[k] = -1;
            cases[2 * k] = CCP_CASE_RECV(full[k], &got[k]);
            cases[2 * k + 1] = CCP_CASE_SEND(empty[k], &out[k]);
        }
        size_t i = 99;
        ASSERT_STATUS(selects[round % 2](cases, 6, &i, CCP_NOWAIT), CCP_OK);
        assert_in_range(i, 0, 5);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(ccp_chan_len(full[k]), i == 2 * k ? 1 : 2);
            assert_int_equal(got[k], i == 2 * k ? 0 : -1);
            assert_int_equal(ccp_chan_len(empty[k]), i == 2 * k + 1);
            if (i == 2 * k + 1) {
                ASSERT_STATUS(ccp_chan_recv(empty[k], &got[k], CCP_NOWAIT), CCP_OK);
                assert_int_equal(got[k], out[k]);
            }
            ASSERT_STATUS(ccp_chan_free(full[k]), CCP_OK);
            ASSERT_STATUS(ccp_chan_free(empty[k]), CCP_OK);
        }
    }
}

TEST(an_element_received_to_null_is_lost)
{
    ccp_chan *ch = full_chan(3);
    size_t i;
    const ccp_case c = CCP_CASE_RECV(ch, NULL);
    FOR_BOTH(select)
    ASSERT_STATUS(select(&c, 1, &i, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_chan_len(ch), 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- closed --- */

TEST(what_carries_nothing_is_sent_from_null)
{
    ccp_chan *ch = ccp_chan_new(0, 2);
    const ccp_case c = CCP_CASE_SEND(ch, NULL);
    size_t i;
    FOR_BOTH(select)
        ASSERT_STATUS(select(&c, 1, &i, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_chan_len(ch), 2);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_closed_channel_is_ready) /* S3 */
{
    long v = 5;
    for (size_t size = 0; size <= sizeof v; size += sizeof v)
        for (size_t capacity = 0; capacity < 3; capacity++) {
            ccp_chan *ch = ccp_chan_new(size, capacity), *open = ccp_chan_new(size, 0);
            ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
            const ccp_case recv[] = { CCP_CASE_RECV(open, &v), CCP_CASE_RECV(ch, &v) };
            const ccp_case send[] = { CCP_CASE_SEND(open, &v), CCP_CASE_SEND(ch, &v) };
            FOR_BOTH(select) {
                size_t i = 99;
                ASSERT_STATUS(select(recv, 2, &i, CCP_FOREVER), CCP_CLOSED);
                assert_int_equal(i, 1);
                i = 99;
                ASSERT_STATUS(select(send, 2, &i, CCP_NOWAIT), CCP_CLOSED);
                assert_int_equal(i, 1);
            }
            assert_int_equal(v, 5);
            ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
            ASSERT_STATUS(ccp_chan_free(open), CCP_OK);
        }
}

TEST(a_closed_channel_is_drained_first) /* S3 */
{
    long v = -1;
    size_t i;
    ccp_chan *ch = full_chan(2);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    const ccp_case c = CCP_CASE_RECV(ch, &v);
    for (long k = 0; k < 2; k++) {
        ASSERT_STATUS(ccp_select(&c, 1, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, k);
    }
    ASSERT_STATUS(ccp_select(&c, 1, &i, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- choice --- */

/* Chi-square of n picks among k; the bounds are those of p = 1e-7. */
static void assert_even(const size_t *picks, size_t k, size_t n)
{
    static const struct {
        size_t k;
        double bound;
    } bounds[] = { { 2, 28.4 }, { 4, 35.9 }, { 10, 50.6 }, { 64, 141.0 }, { 100, 193.0 },
                  { 300, 450.0 } };
    double expected = (double)n / (double)k, chi = 0;
    for (size_t i = 0; i < k; i++)
        chi += ((double)picks[i] - expected) * ((double)picks[i] - expected) / expected;
    for (size_t i = 0; i < LENGTH(bounds); i++)
        if (bounds[i].k == k && chi > bounds[i].bound)
            fail_msg("chi-square %f among %zu", chi, k);
}

/* k cases that are ready stand side by side, `off` after them are not: whoever looks round from a
 * random start takes the first of the k too often. */
static void choose_among(size_t k, size_t off)
{
    enum { MOST = 300 };
    ccp_chan *ch[MOST];
    ccp_case cases[2 * MOST];
    size_t picks[MOST] = { 0 }, n = scaled(k > 100 ? 60 : 600) * k, i;
    long v = 0;
    for (size_t c = 0; c < k; c++) {
        ch[c] = full_chan(1);
        cases[c] = CCP_CASE_RECV(ch[c], &v);
    }
    for (size_t c = k; c < k + off; c++)
        cases[c] = CCP_CASE_RECV(NULL, &v);
    for (size_t round = 0; round < n; round++) {
        ASSERT_STATUS(ccp_select(cases, k + off, &i, CCP_NOWAIT), CCP_OK);
        assert_true(i < k);
        picks[i]++;
        ASSERT_STATUS(ccp_chan_send(ch[i], &v, CCP_NOWAIT), CCP_OK);
    }
    assert_even(picks, k, n);
    for (size_t c = 0; c < k; c++)
        ASSERT_STATUS(ccp_chan_free(ch[c]), CCP_OK);
}

TEST(the_choice_is_even_among_the_ready) /* S2 */
{
    choose_among(2, 0);
    choose_among(4, 0);
    choose_among(10, 0);
    choose_among(64, 0);
    choose_among(100, 0);
    choose_among(300, 0); /* more than are put in an order */
}

TEST(the_choice_is_even_beside_cases_that_are_not_ready) /* S2 */
{
    choose_among(2, 2);
    choose_among(4, 4);
    choose_among(10, 90);
    choose_among(10, 290);
}

TEST(cases_beyond_the_last_are_not_looked_at)
{
    static const size_t some[] = { 1, 2, 256, 257 }; /* 256 are put in an order */
    ccp_chan *empty = ccp_chan_new(sizeof(long), 1), *full = full_chan(1);
    ccp_case cases[258];
    long v = 0;
    for (size_t k = 0; k < LENGTH(some); k++) {
        size_t i = 1000;
        for (size_t c = 0; c < some[k]; c++)
            cases[c] = CCP_CASE_RECV(empty, &v);
        cases[some[k]] = CCP_CASE_RECV(full, &v);
        ASSERT_STATUS(ccp_select(cases, some[k], &i, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_select(cases, some[k], &i, ccp_within(1)), CCP_TIMEOUT);
        assert_int_equal(i, 1000);
    }
    assert_int_equal(ccp_chan_len(full), 1);
    ASSERT_STATUS(ccp_chan_free(empty), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(full), CCP_OK);
}

TEST(select_first_takes_the_first_that_is_ready) /* S2 */
{
    ccp_chan *ch[4];
    ccp_case cases[4];
    long v;
    size_t i;
    for (size_t c = 0; c < 4; c++) {
        ch[c] = full_chan(3);
        cases[c] = CCP_CASE_RECV(ch[c], &v);
    }
    for (size_t k = 0; k < 12; k++) {
        ASSERT_STATUS(ccp_select_first(cases, 4, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, k / 3);
    }
    ASSERT_STATUS(ccp_select_first(cases, 4, &i, CCP_NOWAIT), CCP_AGAIN);
    for (size_t c = 0; c < 4; c++)
        ASSERT_STATUS(ccp_chan_free(ch[c]), CCP_OK);
}

/* --- the same channel --- */

TEST(a_select_never_meets_itself) /* S4 */
{
    long in = -1, out = 1;
    size_t i = 99;
    ccp_chan *meet = ccp_chan_new(sizeof(long), 0), *nothing = ccp_chan_new(0, 0);
    const ccp_case both[] = { CCP_CASE_SEND(meet, &out), CCP_CASE_RECV(meet, &in),
                              CCP_CASE_SEND(nothing, NULL), CCP_CASE_RECV(nothing, NULL) };
    FOR_BOTH(select) {
        ASSERT_STATUS(select(both, 4, &i, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(select(both, 4, &i, ccp_within(CCP_US(200))), CCP_TIMEOUT);
    }
    assert_int_equal(in, -1);
    assert_int_equal(i, 99);
    assert_nobody_waits(meet);
    assert_nobody_waits(nothing);
    ASSERT_STATUS(ccp_chan_free(meet), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(nothing), CCP_OK);
}

TEST(send_and_receive_of_one_buffer_take_turns) /* S4 */
{
    long in = -1, out = 8;
    size_t i = 99;
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    const ccp_case both[] = { CCP_CASE_SEND(ch, &out), CCP_CASE_RECV(ch, &in) };
    for (size_t k = 0; k < 100; k++) {
        ASSERT_STATUS(selects[k / 2 % 2](both, 2, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, k % 2);
        assert_int_equal(ccp_chan_len(ch), 1 - k % 2);
    }
    assert_int_equal(in, 8);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

typedef struct select_call {
    const ccp_case *cases;
    size_t n, chosen;
    select_fn select;
} select_call;

static void call_select(actor *a)
{
    select_call *c = a->arg;
    actor_calls(a);
    a->rc = c->select(c->cases, c->n, &c->chosen, a->w);
}

TEST(the_same_channel_in_many_cases_is_served_once) /* S1 S4 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    FOR_BOTH(select) {
        long in[3] = { -1, -1, -1 };
        const ccp_case cases[] = { CCP_CASE_RECV(ch, &in[0]), CCP_CASE_RECV(ch, &in[1]),
                                   CCP_CASE_RECV(ch, &in[2]) };
        select_call c = { cases, 3, 99, select };
        actor a = { .arg = &c, .w = CCP_FOREVER };
        actor_start(&a, call_select);
        WAIT_UNTIL(waiting_receivers(ch) >= 1);
        long out = 6;
        ASSERT_STATUS(ccp_chan_send(ch, &out, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_chan_send(ch, &out, CCP_NOWAIT), CCP_AGAIN);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(in[k], k == c.chosen ? 6 : -1);
        assert_nobody_waits(ch);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- waiting --- */

TEST(a_waiting_select_is_served_by_any_of_its_cases) /* S1 W4 */
{
    long in[3], out = 9;
    ccp_chan *ch[3] = { ccp_chan_new(sizeof(long), 0), ccp_chan_new(sizeof(long), 2),
                        full_chan(1) };
    ccp_case cases[3] = { CCP_CASE_RECV(ch[0], &in[0]), CCP_CASE_RECV(ch[1], &in[1]),
                          CCP_CASE_SEND(ch[2], &out) };
    for (size_t k = 0; k < 6; k++) {
        select_call c = { cases, 3, 99, selects[k / 3] };
        actor a = { .arg = &c, .w = CCP_FOREVER };
        actor_start(&a, call_select);
        for (size_t j = 0; j < 3; j++)
            WAIT_UNTIL(waiting_senders(ch[j]) + waiting_receivers(ch[j]) == 1);
        long v = 50 + (long)k;
        if (k % 3 < 2)
            ASSERT_STATUS(ccp_chan_send(ch[k % 3], &v, CCP_FOREVER), CCP_OK);
        else
            ASSERT_STATUS(ccp_chan_recv(ch[2], &v, CCP_FOREVER), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_int_equal(c.chosen, k % 3);
        if (k % 3 < 2)
            assert_int_equal(in[k % 3], v);
        for (size_t j = 0; j < 3; j++)
            assert_nobody_waits(ch[j]);
        assert_int_equal(ccp_chan_len(ch[1]), 0);
        assert_int_equal(ccp_chan_len(ch[2]), 1);
    }
    for (size_t j = 0; j < 3; j++)
        ASSERT_STATUS(ccp_chan_free(ch[j]), CCP_OK);
}

TEST(close_releases_a_waiting_select_and_names_the_channel) /* C3 S3 */
{
    for (size_t k = 0; k < 6; k++) {
        long in = -1, out = 9;
        ccp_chan *ch[3] = { ccp_chan_new(sizeof(long), 0), ccp_chan_new(sizeof(long), 2),
                            full_chan(1) };
        ccp_case cases[3] = { CCP_CASE_RECV(ch[0], &in), CCP_CASE_RECV(ch[1], &in),
                              CCP_CASE_SEND(ch[2], &out) };
        select_call c = { cases, 3, 99, selects[k / 3] };
        actor a = { .arg = &c, .w = CCP_FOREVER };
        actor_start(&a, call_select);
        for (size_t j = 0; j < 3; j++)
            WAIT_UNTIL(waiting_senders(ch[j]) + waiting_receivers(ch[j]) == 1);
        for (size_t j = 0; j < 3; j++)
            ASSERT_STATUS(ccp_chan_free(ch[j]), CCP_BUSY);
        ASSERT_STATUS(ccp_chan_close(ch[k % 3]), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_CLOSED);
        assert_int_equal(c.chosen, k % 3);
        assert_int_equal(in, -1);
        for (size_t j = 0; j < 3; j++)
            ASSERT_STATUS(ccp_chan_free(ch[j]), CCP_OK);
    }
}

TEST(two_selects_meet_at_a_rendezvous) /* S1 C5 */
{
    ccp_chan *a_ch = ccp_chan_new(sizeof(long), 0), *b_ch = ccp_chan_new(sizeof(long), 0);
    long in[2], out[2] = { 4, 5 };
    const ccp_case send[] = { CCP_CASE_SEND(a_ch, &out[0]), CCP_CASE_SEND(b_ch, &out[1]) };
    const ccp_case recv[] = { CCP_CASE_RECV(b_ch, &in[1]), CCP_CASE_RECV(a_ch, &in[0]) };
    for (size_t round = 0; round < scaled(500); round++) {
        select_call s = { send, 2, 99, selects[round % 2] };
        size_t i = 99;
        actor a = { .arg = &s, .w = CCP_FOREVER };
        in[0] = in[1] = -1;
        actor_start(&a, call_select);
        ASSERT_STATUS(ccp_select(recv, 2, &i, CCP_FOREVER), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_int_equal(s.chosen, 1 - i);
        assert_int_equal(in[s.chosen], out[s.chosen]);
        assert_int_equal(in[i], -1);
    }
    assert_nobody_waits(a_ch);
    assert_nobody_waits(b_ch);
    ASSERT_STATUS(ccp_chan_free(a_ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(b_ch), CCP_OK);
}

TEST(a_select_of_a_thousand_cases_waits_and_is_served) /* S1 S6 */
{
    enum { N = 1000 };
    static ccp_chan *ch[N];
    static ccp_case cases[N];
    static long in[N];
    for (size_t i = 0; i < N; i++) {
        ch[i] = ccp_chan_new(sizeof(long), i % 2);
        cases[i] = CCP_CASE_RECV(ch[i], &in[i]);
    }
    size_t blocks = ccp_live_blocks();
    for (size_t k = 0; k < N; k += 333) {
        select_call c = { cases, N, 9999, ccp_select };
        actor a = { .arg = &c, .w = CCP_FOREVER };
        actor_start(&a, call_select);
        WAIT_UNTIL(waiting_receivers(ch[N - 1]) == 1 && waiting_receivers(ch[0]) == 1);
        actor_sleep_here(&a);
        assert_int_equal(ccp_live_blocks(), blocks);
        long v = (long)k;
        ASSERT_STATUS(ccp_chan_send(ch[k], &v, CCP_FOREVER), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_int_equal(c.chosen, k);
        assert_int_equal(in[k], k);
    }
    for (size_t i = 0; i < N; i++)
        ASSERT_STATUS(ccp_chan_free(ch[i]), CCP_OK);
}

/* --- other things to wait for --- */

TEST(an_ended_context_is_a_ready_case)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    long v;
    size_t i = 99;
    const ccp_case cases[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_DONE(ctx) };
    FOR_BOTH(select)
    ASSERT_STATUS(select(cases, 2, &i, CCP_NOWAIT), CCP_AGAIN);
    ccp_ctx_cancel(ctx);
    FOR_BOTH(select) {
        i = 99;
        ASSERT_STATUS(select(cases, 2, &i, CCP_NOWAIT), CCP_OK);
        assert_int_equal(i, 1);
    }
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_waiting_select_sees_its_context_case_end) /* X1 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    FOR_BOTH(select) {
        long v;
        ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER);
        ccp_ctx *ctx = ccp_ctx_new(root, CCP_FOREVER);
        const ccp_case cases[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_DONE(ctx) };
        select_call c = { cases, 2, 99, select };
        actor a = { .arg = &c, .w = CCP_FOREVER };
        actor_start(&a, call_select);
        WAIT_UNTIL(waiting_receivers(ch) == 1);
        ccp_ctx_cancel(root);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_int_equal(c.chosen, 1);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_deadline_of_a_context_case_ends_the_select)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    FOR_BOTH(select) {
        long v;
        size_t i = 99;
        ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(3)));
        const ccp_case cases[] = { CCP_CASE_DONE(ctx), CCP_CASE_RECV(ch, &v) };
        ASSERT_STATUS(select(cases, 2, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 0);
        assert_true(ccp_now() >= ccp_ctx_deadline(ctx));
        ASSERT_STATUS(ccp_ctx_status(ctx), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(timers_are_cases)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    FOR_BOTH(select) {
        long v;
        int64_t due = 0, begin = ccp_now();
        size_t i = 99;
        ccp_chan *soon = ccp_chan_after(CCP_MS(2)), *late = ccp_chan_after(CCP_SEC(1000));
        const ccp_case cases[] = { CCP_CASE_RECV(late, &due), CCP_CASE_RECV(ch, &v),
                                   CCP_CASE_RECV(soon, &due) };
        ASSERT_STATUS(select(cases, 2, &i, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(select(cases, 3, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 2);
        assert_true(ccp_now() >= begin + CCP_MS(2)); /* T1 */
        assert_true(due >= begin + CCP_MS(2) && due <= ccp_now());
        ASSERT_STATUS(select(cases, 3, &i, ccp_within(CCP_MS(1))), CCP_TIMEOUT); /* T2 */
        ASSERT_STATUS(ccp_chan_free(soon), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(late), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_can_never_be_right_are_refused),
        ENTRY(a_select_that_can_never_end_is_refused),
        ENTRY(a_select_with_nothing_to_do_waits_for_its_context),
        ENTRY(a_null_case_is_never_ready),
        ENTRY(one_case_is_done_and_the_others_are_not),
        ENTRY(an_element_received_to_null_is_lost),
        ENTRY(what_carries_nothing_is_sent_from_null),
        ENTRY(a_closed_channel_is_ready),
        ENTRY(a_closed_channel_is_drained_first),
        ENTRY(the_choice_is_even_among_the_ready),
        ENTRY(the_choice_is_even_beside_cases_that_are_not_ready),
        ENTRY(cases_beyond_the_last_are_not_looked_at),
        ENTRY(select_first_takes_the_first_that_is_ready),
        ENTRY(a_select_never_meets_itself),
        ENTRY(send_and_receive_of_one_buffer_take_turns),
        ENTRY(the_same_channel_in_many_cases_is_served_once),
        ENTRY(a_waiting_select_is_served_by_any_of_its_cases),
        ENTRY(close_releases_a_waiting_select_and_names_the_channel),
        ENTRY(two_selects_meet_at_a_rendezvous),
        ENTRY(a_select_of_a_thousand_cases_waits_and_is_served),
        ENTRY(an_ended_context_is_a_ready_case),
        ENTRY(a_waiting_select_sees_its_context_case_end),
        ENTRY(a_deadline_of_a_context_case_ends_the_select),
        ENTRY(timers_are_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
