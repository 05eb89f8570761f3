/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix that are about channels.
 */
#include "wait_columns.h"

#include <poll.h>
#include <unistd.h>

enum { SENT = 500, OLD = 100 };

static void make_channel(stage *s)
{
    s->ch = ccp_chan_new(s->c->size, s->c->capacity);
    assert_non_null(s->ch);
    s->n = s->chosen = UNTOUCHED;
}

static void free_channel(stage *s)
{
    (void)ccp_chan_close(s->ch);
    if (s->helped)
        actor_join(&s->helper);
    if (s->other)
        ASSERT_STATUS(ccp_chan_free(s->other), CCP_OK);
    if (s->ctx)
        ASSERT_STATUS(ccp_ctx_free(s->ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(s->ch), CCP_OK);
}

static void out_parameters_are_untouched(const stage *s)
{
    assert_int_equal(s->n, UNTOUCHED);
    assert_int_equal(s->chosen, UNTOUCHED);
}

static ccp_status close_channel(stage *s)
{
    return ccp_chan_close(s->ch);
}

/* --- those that send --- */

static void set_full(stage *s)
{
    make_channel(s);
    for (long i = 0; i < (long)s->c->capacity; i++) {
        long v = OLD + i;
        ASSERT_STATUS(ccp_chan_send(s->ch, &v, CCP_NOWAIT), CCP_OK);
    }
    s->value = SENT;
}

static void start_helper(stage *s, void (*fn)(actor *), bool sends)
{
    s->helper = (actor){ .ch = s->ch, .w = CCP_FOREVER, .value = SENT };
    s->helped = true;
    actor_start(&s->helper, fn);
    WAIT_UNTIL((sends ? waiting_senders(s->ch) : waiting_receivers(s->ch)) == 1);
}

static void make_room(stage *s)
{
    long v = OLD;
    if (s->c->capacity == 0) {
        start_helper(s, actor_recv_long, false);
        return;
    }
    ASSERT_STATUS(ccp_chan_recv(s->ch, &v, CCP_NOWAIT), CCP_OK);
    assert_int_equal(v, OLD);
}

static bool take_one(stage *s)
{
    return ccp_chan_recv(s->ch, NULL, CCP_NOWAIT) == CCP_OK;
}

static void is_still_full(stage *s)
{
    assert_int_equal(s->value, SENT);
    assert_int_equal(ccp_chan_len(s->ch), s->c->capacity);
    assert_nobody_waits(s->ch);
    out_parameters_are_untouched(s);
}

/* What was sent is the youngest element, or the helper has it. */
static void has_sent(stage *s)
{
    long v = SENT;
    assert_int_equal(s->value, SENT);
    if (s->helped) {
        actor_join(&s->helper);
        s->helped = false;
        ASSERT_STATUS(s->helper.rc, CCP_OK);
        v = s->helper.value;
    }
    size_t len = ccp_chan_len(s->ch);
    for (size_t i = 0; i < len; i++)
        ASSERT_STATUS(ccp_chan_recv(s->ch, &v, CCP_NOWAIT), CCP_OK);
    assert_int_equal(v, SENT);
    assert_nobody_waits(s->ch);
}

static void sends_agree(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(s->ch) + served, s->c->capacity + ok);
    assert_int_equal(s->value, SENT);
    assert_nobody_waits(s->ch);
}

static ccp_status call_send(stage *s, ccp_wait w)
{
    return ccp_chan_send(s->ch, &s->value, w);
}

static ccp_status call_send_n(stage *s, ccp_wait w)
{
    long v[3] = { SENT, SENT + 1, SENT + 2 };
    ccp_status rc = ccp_chan_send_n(s->ch, v, s->c->capacity ? 3 : 1, &s->n, w);
    if (rc == CCP_OK) {
        MUST(s->n == 1); /* there was room for one */
        s->n = UNTOUCHED;
    }
    return rc;
}

static int never[2];

static void open_never_ready(void)
{
    MUST(pipe(never) == 0);
}

static int never_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    MUST(pthread_once(&once, open_never_ready) == 0);
    return never[0];
}

/* Each select has one case that set() and ready() are about; the rest never becomes ready. */
static ccp_status finish_select(stage *s, ccp_status rc, size_t expected)
{
    if (rc == CCP_OK || rc == CCP_CLOSED) {
        MUST(s->chosen == expected);
        s->chosen = UNTOUCHED;
    }
    return rc;
}

static ccp_status call_select_send(stage *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_RECV(NULL, NULL), CCP_CASE_SEND(s->ch, &s->value) };
    return finish_select(s, ccp_select(cases, 2, &s->chosen, w), 1);
}

/* --- those that receive --- */

static void set_empty(stage *s)
{
    make_channel(s);
    s->value = UNTOUCHED;
}

static void put_one(stage *s)
{
    long v = SENT;
    if (s->c->capacity == 0)
        start_helper(s, actor_send_long, true);
    else
        ASSERT_STATUS(ccp_chan_send(s->ch, &v, CCP_NOWAIT), CCP_OK);
}

static bool give_one(stage *s)
{
    long v = SENT;
    return ccp_chan_send(s->ch, &v, CCP_NOWAIT) == CCP_OK;
}

static void is_still_empty(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_int_equal(ccp_chan_len(s->ch), 0);
    assert_nobody_waits(s->ch);
    out_parameters_are_untouched(s);
}

static void has_received(stage *s)
{
    assert_int_equal(s->value, s->c->size ? SENT : UNTOUCHED);
    assert_int_equal(ccp_chan_len(s->ch), 0);
    assert_nobody_waits(s->ch);
}

static void receives_agree(stage *s, bool ok, bool served)
{
    assert_int_equal(ccp_chan_len(s->ch) + ok, served);
    assert_int_equal(s->value, ok && s->c->size ? SENT : UNTOUCHED);
    assert_nobody_waits(s->ch);
}

static ccp_status call_recv(stage *s, ccp_wait w)
{
    return ccp_chan_recv(s->ch, &s->value, w);
}

static ccp_status call_recv_n(stage *s, ccp_wait w)
{
    long v[3] = { UNTOUCHED, UNTOUCHED, UNTOUCHED };
    ccp_status rc = ccp_chan_recv_n(s->ch, v, 3, &s->n, w);
    MUST(v[1] == UNTOUCHED && v[2] == UNTOUCHED);
    s->value = v[0];
    if (rc == CCP_OK) {
        MUST(s->n == 1);
        s->n = UNTOUCHED;
    }
    return rc;
}

static ccp_status call_select_recv(stage *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_RECV(s->ch, &s->value) };
    return finish_select(s, ccp_select(cases, 1, &s->chosen, w), 0);
}

/* Beside a descriptor that is never ready. */
static ccp_status call_select_with_fd(stage *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_FD(never_ready(), POLLIN, NULL),
                               CCP_CASE_RECV(s->ch, &s->value) };
    return finish_select(s, ccp_select(cases, 2, &s->chosen, w), 1);
}

static ccp_status call_select_send_with_fd(stage *s, ccp_wait w)
{
    const ccp_case cases[] = { CCP_CASE_SEND(s->ch, &s->value),
                               CCP_CASE_FD(never_ready(), POLLIN, NULL) };
    return finish_select(s, ccp_select(cases, 2, &s->chosen, w), 0);
}

/* A select of everything: the channel, a full one, one without partner, a context that lives. */
static void set_mixed(stage *s)
{
    long v = OLD;
    set_empty(s);
    s->other = ccp_chan_new(s->c->size, 1);
    s->ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ASSERT_STATUS(ccp_chan_send(s->other, &v, CCP_NOWAIT), CCP_OK);
}

static ccp_status call_mixed(stage *s, ccp_wait w,
                             ccp_status (*select)(const ccp_case *, size_t, size_t *, ccp_wait))
{
    long v = OLD;
    const ccp_case cases[] = { CCP_CASE_SEND(s->other, &v), CCP_CASE_RECV(NULL, &v),
                               CCP_CASE_RECV(s->ch, &s->value), CCP_CASE_DONE(s->ctx) };
    ccp_status rc = select(cases, 4, &s->chosen, w);
    MUST(ccp_chan_len(s->other) == 1);
    MUST(waiting_senders(s->other) == 0);
    return finish_select(s, rc, 2);
}

static ccp_status call_select_mixed(stage *s, ccp_wait w)
{
    return call_mixed(s, w, ccp_select);
}

static ccp_status call_select_first(stage *s, ccp_wait w)
{
    return call_mixed(s, w, ccp_select_first);
}

/* --- timers --- */

static void set_late_timer(stage *s)
{
    s->ch = ccp_chan_after(CCP_SEC(100000));
    assert_non_null(s->ch);
    s->n = s->chosen = s->value = UNTOUCHED;
}

static void make_due(stage *s)
{
    ASSERT_STATUS(ccp_chan_free(s->ch), CCP_OK);
    s->ch = ccp_chan_after(0);
    assert_non_null(s->ch);
}

static void timer_is_untouched(stage *s)
{
    assert_int_equal(s->value, UNTOUCHED);
    assert_nobody_waits(s->ch);
}

static void has_received_time(stage *s)
{
    assert_true(s->value != UNTOUCHED);
    ASSERT_STATUS(ccp_chan_recv(s->ch, NULL, CCP_NOWAIT), CCP_AGAIN);
}

#define STATUSES .success = CCP_OK, .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT
#define SENDING(call_, size_, capacity_, name_)                                                \
    {                                                                                          \
        .name = name_, .set = set_full, .ready = make_room, .call = call_, .serve = take_one,  \
        .close = close_channel, .unchanged = is_still_full, .done = has_sent,                  \
        .raced = sends_agree, .clear = free_channel, STATUSES, .size = size_,                  \
        .capacity = capacity_                                                                  \
    }
#define RECEIVING(call_, set_, size_, capacity_, name_)                                        \
    {                                                                                          \
        .name = name_, .set = set_, .ready = put_one, .call = call_, .serve = give_one,        \
        .close = close_channel, .unchanged = is_still_empty, .done = has_received,             \
        .raced = receives_agree, .clear = free_channel, STATUSES, .size = size_,               \
        .capacity = capacity_                                                                  \
    }

const column columns_chan[] = {
    SENDING(call_send, sizeof(long), 1, "send, capacity 1"),
    SENDING(call_send, sizeof(long), 3, "send, capacity 3"),
    SENDING(call_send, sizeof(long), 0, "send, rendezvous"),
    SENDING(call_send, 0, 2, "send, counter"),
    SENDING(call_send, 0, 0, "send, rendezvous of nothing"),
    SENDING(call_send_n, sizeof(long), 1, "send_n, capacity 1"),
    SENDING(call_send_n, sizeof(long), 2, "send_n, capacity 2"),
    SENDING(call_send_n, sizeof(long), 0, "send_n, rendezvous"),
    SENDING(call_send_n, 0, 2, "send_n, counter"),
    SENDING(call_select_send, sizeof(long), 2, "select to send, capacity 2"),
    SENDING(call_select_send, sizeof(long), 0, "select to send, rendezvous"),
    SENDING(call_select_send, 0, 1, "select to send, counter"),
    RECEIVING(call_recv, set_empty, sizeof(long), 1, "recv, capacity 1"),
    RECEIVING(call_recv, set_empty, sizeof(long), 3, "recv, capacity 3"),
    RECEIVING(call_recv, set_empty, sizeof(long), 0, "recv, rendezvous"),
    RECEIVING(call_recv, set_empty, 0, 2, "recv, counter"),
    RECEIVING(call_recv, set_empty, 0, 0, "recv, rendezvous of nothing"),
    RECEIVING(call_recv_n, set_empty, sizeof(long), 2, "recv_n, capacity 2"),
    RECEIVING(call_recv_n, set_empty, sizeof(long), 0, "recv_n, rendezvous"),
    RECEIVING(call_recv_n, set_empty, 0, 2, "recv_n, counter"),
    RECEIVING(call_select_recv, set_empty, sizeof(long), 1, "select to receive, capacity 1"),
    RECEIVING(call_select_recv, set_empty, sizeof(long), 0, "select to receive, rendezvous"),
    SENDING(call_select_send_with_fd, sizeof(long), 2, "select with fd to send, capacity 2"),
    SENDING(call_select_send_with_fd, sizeof(long), 0, "select with fd to send, rendezvous"),
    RECEIVING(call_select_with_fd, set_empty, sizeof(long), 1, "select with fd, capacity 1"),
    RECEIVING(call_select_with_fd, set_empty, sizeof(long), 0, "select with fd, rendezvous"),
    RECEIVING(call_select_with_fd, set_empty, 0, 1, "select with fd, counter"),
    RECEIVING(call_select_mixed, set_mixed, sizeof(long), 1, "select of everything, capacity 1"),
    RECEIVING(call_select_mixed, set_mixed, sizeof(long), 0, "select of everything, rendezvous"),
    RECEIVING(call_select_mixed, set_mixed, 0, 1, "select of everything, counter"),
    RECEIVING(call_select_first, set_mixed, sizeof(long), 1, "select_first, capacity 1"),
    RECEIVING(call_select_first, set_mixed, sizeof(long), 0, "select_first, rendezvous"),
    { .name = "recv, timer", .set = set_late_timer, .ready = make_due, .call = call_recv,
      .close = close_channel, .unchanged = timer_is_untouched, .done = has_received_time,
      .clear = free_channel, STATUSES },
    { .name = "select, timer", .set = set_late_timer, .ready = make_due,
      .call = call_select_recv, .close = close_channel, .unchanged = timer_is_untouched,
      .done = has_received_time, .clear = free_channel, STATUSES },
};
const size_t columns_chan_n = LENGTH(columns_chan);
