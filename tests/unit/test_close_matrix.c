/* SPDX-License-Identifier: MIT
 *
 * The close matrix: who waits {send to a full channel, send at a rendezvous, receive, select to
 * send, select to receive, batch} against what ends it {close, cancel, the end of its context, a
 * deadline, free}: the exact status, and exactly which elements go to the drop function.
 */
#include "support.h"

enum { FIRST = 100, WAITING = 900 };

typedef enum ending { CLOSE, CANCEL, CTX_CANCEL, DEADLINE, FREE, ENDINGS } ending;
static const char *const ending_names[] = { "close", "cancel", "context canceled", "deadline",
                                            "free" };

typedef struct scene {
    const struct party *who;
    ccp_chan *ch, *other;
    ccp_ctx *ctx;
    atomic_long drops, sum; /* elements dropped, and their sum */
    long value[3];
    size_t n, chosen;
} scene;

typedef struct party {
    const char *name;
    ccp_status (*call)(scene *s, ccp_wait w);
    bool sends;
    bool selects;
    size_t size, capacity;
} party;

static ccp_status send_one(scene *s, ccp_wait w)
{
    return ccp_chan_send(s->ch, s->value, w);
}

static ccp_status send_three(scene *s, ccp_wait w)
{
    return ccp_chan_send_n(s->ch, s->value, 3, &s->n, w);
}

static ccp_status select_send(scene *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_RECV(s->other, NULL), CCP_CASE_SEND(s->ch, s->value) };
    return ccp_select(cases, 2, &s->chosen, w);
}

static ccp_status recv_one(scene *s, ccp_wait w)
{
    return ccp_chan_recv(s->ch, s->value, w);
}

static ccp_status recv_three(scene *s, ccp_wait w)
{
    return ccp_chan_recv_n(s->ch, s->value, 3, &s->n, w);
}

static ccp_status select_recv(scene *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_RECV(s->other, NULL), CCP_CASE_RECV(s->ch, s->value) };
    return ccp_select(cases, 2, &s->chosen, w);
}

static const party whos[] = {
    { "send to a full channel of 1", send_one, true, false, sizeof(long), 1 },
    { "send to a full channel of 5", send_one, true, false, sizeof(long), 5 },
    { "send to a full counter", send_one, true, false, 0, 3 },
    { "send at a rendezvous", send_one, true, false, sizeof(long), 0 },
    { "send at a rendezvous of nothing", send_one, true, false, 0, 0 },
    { "receive from a channel of 5", recv_one, false, false, sizeof(long), 5 },
    { "receive from a counter", recv_one, false, false, 0, 3 },
    { "receive at a rendezvous", recv_one, false, false, sizeof(long), 0 },
    { "select to send to a full channel", select_send, true, true, sizeof(long), 5 },
    { "select to send to a full counter", select_send, true, true, 0, 3 },
    { "select to send at a rendezvous", select_send, true, true, sizeof(long), 0 },
    { "select to receive from a channel", select_recv, false, true, sizeof(long), 5 },
    { "select to receive from a counter", select_recv, false, true, 0, 3 },
    { "select to receive at a rendezvous", select_recv, false, true, sizeof(long), 0 },
    { "batch to a full channel", send_three, true, false, sizeof(long), 5 },
    { "batch to a full counter", send_three, true, false, 0, 3 },
    { "batch at a rendezvous", send_three, true, false, sizeof(long), 0 },
    { "batch from a channel", recv_three, false, false, sizeof(long), 5 },
    { "batch from a rendezvous", recv_three, false, false, sizeof(long), 0 },
};

static void note_drop(void *elem, void *arg)
{
    scene *s = arg;
    long v = 0;
    memcpy(&v, elem ? elem : &v, s->who->size);
    atomic_fetch_add(&s->drops, 1);
    atomic_fetch_add(&s->sum, v);
}

/* Full for senders, empty for receivers. */
static void set(scene *s, const party *who)
{
    s->who = who;
    s->ch = ccp_chan_make(&(ccp_chan_opts){ .elem_size = who->size,
                                            .capacity = who->capacity,
                                            .drop = note_drop,
                                            .drop_arg = s });
    s->other = ccp_chan_new(0, 0);
    s->ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    for (long i = 0; who->sends && i < (long)who->capacity; i++) {
        long v = FIRST + i;
        ASSERT_STATUS(ccp_chan_send(s->ch, &v, CCP_NOWAIT), CCP_OK);
    }
    for (int i = 0; i < 3; i++)
        s->value[i] = WAITING + i;
    s->n = s->chosen = WAITING;
}

static void call_there(actor *a)
{
    scene *s = a->arg;
    actor_calls(a);
    a->rc = s->who->call(s, a->w);
}

static size_t buffered(const party *who)
{
    return who->sends ? who->capacity : 0;
}

static void assert_dropped(const scene *s, size_t n)
{
    assert_int_equal(s->drops, n);
    long sum = 0;
    for (long i = 0; s->who->size && i < (long)n; i++)
        sum += FIRST + i;
    assert_int_equal(s->sum, sum); /* each once, and never the one that waited */
}

static ccp_status end_it(scene *s, ending e)
{
    switch (e) {
    case CLOSE:
        return ccp_chan_close(s->ch);
    case CANCEL:
        return ccp_chan_cancel(s->ch);
    case FREE:
        return ccp_chan_free(s->ch);
    case CTX_CANCEL:
        ccp_ctx_cancel(s->ctx);
        return CCP_OK;
    default:
        return CCP_OK; /* a deadline comes by itself */
    }
}

static ccp_status expected_status(ending e)
{
    return e == CTX_CANCEL ? CCP_CANCELED : e == DEADLINE ? CCP_TIMEOUT : CCP_CLOSED;
}

/* What the call had in its hands is as it was, but for the index of a closed channel. */
static void assert_own(const scene *s, ccp_status rc)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(s->value[i], WAITING + i);
    assert_int_equal(s->n, WAITING);
    assert_int_equal(s->chosen, s->who->selects && rc == CCP_CLOSED ? 1 : WAITING);
}

static void finish(scene *s, ending e)
{
    bool closed = e == CLOSE || e == CANCEL || e == FREE;
    size_t left = e == CANCEL ? 0 : buffered(s->who);
    assert_int_equal(ccp_chan_is_closed(s->ch), closed);
    assert_nobody_waits(s->ch);
    assert_nobody_waits(s->other);
    assert_int_equal(ccp_chan_len(s->ch), left);
    assert_dropped(s, buffered(s->who) - left);
    ASSERT_STATUS(ccp_chan_free(s->ch), CCP_OK);
    assert_dropped(s, buffered(s->who)); /* the rest, when it is freed */
    ASSERT_STATUS(ccp_chan_free(s->other), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(s->ctx), CCP_OK);
}

static void run(const party *who, ending e) /* C2 C3 C4 C10 S3 G1 */
{
    scene s = { 0 };
    set(&s, who);
    int64_t deadline = ccp_now() + CCP_MS(3);
    actor a = { .arg = &s, .w = ccp_with(s.ctx) };
    if (e == DEADLINE)
        a.w = ccp_under(s.ctx, ccp_until(deadline));
    actor_start(&a, call_there);
    if (e != DEADLINE)
        WAIT_UNTIL((who->sends ? waiting_senders(s.ch) : waiting_receivers(s.ch)) == 1);
    ASSERT_STATUS(end_it(&s, e), e == FREE ? CCP_BUSY : CCP_OK);
    if (e == FREE) { /* refused, and nothing has happened */
        assert_dropped(&s, 0);
        assert_false(ccp_chan_is_closed(s.ch));
        assert_int_equal(ccp_chan_len(s.ch), buffered(who));
        assert_false(actor_is_done(&a));
        ASSERT_STATUS(ccp_chan_close(s.ch), CCP_OK);
    }
    actor_join(&a);
    ASSERT_STATUS(a.rc, expected_status(e));
    if (e == DEADLINE)
        assert_true(a.returned_at >= deadline);
    assert_own(&s, a.rc);
    finish(&s, e);
}

/* --- the matrix --- */

typedef struct cell {
    const party *who;
    ending e;
    char name[100];
} cell;

static void run_cell(void **state)
{
    const cell *x = *state;
    run(x->who, x->e);
}

int main(void)
{
    static cell cells[LENGTH(whos) * ENDINGS];
    static struct CMUnitTest tests[LENGTH(whos) * ENDINGS];
    size_t n = 0;
    for (size_t i = 0; i < LENGTH(whos); i++)
        for (ending e = CLOSE; e < ENDINGS; e++) {
            cell *x = &cells[n];
            x->who = &whos[i];
            x->e = e;
            snprintf(x->name, sizeof x->name, "%s: %s", whos[i].name, ending_names[e]);
            tests[n++] = (struct CMUnitTest){ x->name, run_cell, NULL, no_block_is_live, x };
        }
    return cmocka_run_group_tests_name("close matrix", tests, NULL, NULL);
}
