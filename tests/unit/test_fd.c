/* SPDX-License-Identifier: MIT
 *
 * File descriptors of channels, contexts and futures, as poll() sees them.
 */
#include "fds.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Linked with --wrap=fcntl, which the library calls for pipes: the n-th call from now fails. */
static int fcntl_fails_at;
int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    int arg = cmd == F_GETFD || cmd == F_GETFL ? 0 : va_arg(args, int);
    va_end(args);
    return fcntl_fails_at && --fcntl_fails_at == 0 ? -1 : __real_fcntl(fd, cmd, arg);
}

/* Channels that buffer: words, other sizes, nothing; one place and several. */
static const ccp_chan_opts buffers[] = {
    { .elem_size = 8, .capacity = 1 },  { .elem_size = 8, .capacity = 3 },
    { .elem_size = 24, .capacity = 1 }, { .elem_size = 24, .capacity = 2 },
    { .elem_size = 0, .capacity = 1 },  { .elem_size = 0, .capacity = 3 },
};
static const ccp_chan_opts meets[] = { { .elem_size = 8 }, { .elem_size = 0 } };

#define FOR_EACH_BUFFER(ch)                                                                    \
    for (size_t b_ = 0; b_ < LENGTH(buffers); b_++)                                            \
        for (ccp_chan *ch = ccp_chan_make(&buffers[b_]); ch;                                   \
             assert_int_equal(ccp_chan_free(ch), CCP_OK), ch = NULL)

TEST(receivers_are_told_while_there_are_elements) /* FD1 FD2 */
{
    FOR_EACH_BUFFER(ch)
    {
        int fd = recv_fd(ch);
        for (int round = 0; round < 3; round++) {
            assert_false(is_up(fd));
            size_t n = ccp_chan_cap(ch);
            for (size_t i = 0; i < n; i++) {
                ASSERT_STATUS(try_send(ch), CCP_OK);
                assert_true(is_up(fd));
            }
            for (size_t i = 0; i < n; i++) {
                assert_true(is_up(fd));
                ASSERT_STATUS(try_recv(ch), CCP_OK);
            }
            ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
        }
        assert_false(is_up(fd));
    }
}

TEST(senders_are_told_while_there_is_room) /* FD1 FD2 */
{
    FOR_EACH_BUFFER(ch)
    {
        int fd = send_fd(ch);
        for (int round = 0; round < 3; round++) {
            size_t n = ccp_chan_cap(ch);
            for (size_t i = 0; i < n; i++) {
                assert_true(is_up(fd));
                ASSERT_STATUS(try_send(ch), CCP_OK);
            }
            ASSERT_STATUS(try_send(ch), CCP_AGAIN);
            assert_false(is_up(fd));
            for (size_t i = 0; i < n; i++) {
                ASSERT_STATUS(try_recv(ch), CCP_OK);
                assert_true(is_up(fd));
            }
        }
    }
}

TEST(one_made_later_tells_what_is_already_there) /* FD1 */
{
    FOR_EACH_BUFFER(ch)
    {
        ASSERT_STATUS(try_send(ch), CCP_OK);
        assert_true(is_up(recv_fd(ch)));
        while (try_send(ch) == CCP_OK)
            ;
        assert_false(is_up(send_fd(ch)));
    }
}

TEST(the_end_is_told_to_both_sides) /* FD1 */
{
    FOR_EACH_BUFFER(ch)
    {
        int fd = recv_fd(ch), to = send_fd(ch);
        while (try_send(ch) == CCP_OK)
            ;
        ASSERT_STATUS(try_recv(ch), CCP_OK);
        ASSERT_STATUS(try_send(ch), CCP_OK);
        ASSERT_STATUS(try_send(ch), CCP_AGAIN);
        assert_false(is_up(to));
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        assert_true(is_up(to));
        ASSERT_STATUS(try_send(ch), CCP_CLOSED);
        while (try_recv(ch) == CCP_OK)
            assert_true(is_up(fd));
        ASSERT_STATUS(try_recv(ch), CCP_CLOSED);
        assert_true(is_up(fd) && is_up(to));
        assert_true(is_up(recv_fd(ch)) && is_up(send_fd(ch)));
    }
}

TEST(cancelling_and_the_last_sender_tell_too) /* FD1 */
{
    for (int how = 0; how < 2; how++)
        FOR_EACH_BUFFER(ch)
        {
            int fd = recv_fd(ch);
            assert_false(is_up(fd));
            ASSERT_STATUS(ccp_chan_add_senders(ch, 1), CCP_OK);
            ASSERT_STATUS(how ? ccp_chan_cancel(ch) : ccp_chan_sender_done(ch), CCP_OK);
            assert_true(is_up(fd));
        }
}

/* What may come back with CCP_AGAIN for a side. */
static ccp_status recv_batch(ccp_chan *ch)
{
    unsigned char elems[64];
    size_t n;
    return ccp_chan_recv_n(ch, elems, 1, &n, CCP_NOWAIT);
}

static ccp_status recv_select(ccp_chan *ch)
{
    unsigned char elem[64];
    const ccp_case k[] = { CCP_CASE_DONE(NULL), CCP_CASE_RECV(ch, elem) };
    size_t i;
    return ccp_select(k, 2, &i, CCP_NOWAIT);
}

static ccp_status recv_select_first(ccp_chan *ch)
{
    unsigned char elem[64];
    const ccp_case k[] = { CCP_CASE_RECV(NULL, elem), CCP_CASE_RECV(ch, elem) };
    size_t i;
    return ccp_select_first(k, 2, &i, CCP_NOWAIT);
}

static ccp_status look_anew(ccp_chan *ch)
{
    (void)recv_fd(ch);
    return CCP_AGAIN;
}

TEST(every_call_that_finds_nothing_arms_it_anew) /* FD2 */
{
    ccp_status (*const calls[])(ccp_chan *) = { try_recv, recv_batch, recv_select,
                                                recv_select_first, look_anew };
    for (size_t i = 0; i < LENGTH(calls); i++)
        FOR_EACH_BUFFER(ch)
        {
            int fd = recv_fd(ch);
            ASSERT_STATUS(try_send(ch), CCP_OK);
            if (calls[i] != look_anew)
                ASSERT_STATUS(calls[i](ch), CCP_OK);
            else
                ASSERT_STATUS(try_recv(ch), CCP_OK);
            assert_true(is_up(fd));
            ASSERT_STATUS(calls[i](ch), CCP_AGAIN);
            assert_false(is_up(fd));
            ASSERT_STATUS(try_send(ch), CCP_OK);
            assert_true(is_up(fd));
        }
}

/* ---- rendezvous ---- */

static void select_to_send(actor *a)
{
    const ccp_case k[] = { CCP_CASE_SEND(a->ch, &a->value) };
    actor_calls(a);
    a->rc = ccp_select(k, 1, &a->index, a->w);
}

static void select_to_recv(actor *a)
{
    const ccp_case k[] = { CCP_CASE_RECV(a->ch, &a->value) };
    actor_calls(a);
    a->rc = ccp_select(k, 1, &a->index, a->w);
}

TEST(without_a_buffer_a_partner_that_waits_is_told_of) /* FD1 FD2 */
{
    static void (*const partners[2][2])(actor *) = { { actor_send_long, select_to_send },
                                                     { actor_recv_long, select_to_recv } };
    for (size_t m = 0; m < LENGTH(meets); m++)
        for (int i = 0; i < 4; i++) {
            bool to = i / 2;
            ccp_chan *ch = ccp_chan_make(&meets[m]);
            int fd = to ? send_fd(ch) : recv_fd(ch);
            assert_false(is_up(fd));
            for (int round = 0; round < 2; round++) {
                actor a = { .ch = ch, .w = CCP_FOREVER };
                actor_start(&a, partners[to][i % 2]);
                wait_up(fd);
                WAIT_UNTIL((to ? try_send(ch) : try_recv(ch)) == CCP_OK);
                actor_join(&a);
                ASSERT_STATUS(a.rc, CCP_OK);
                ASSERT_STATUS(to ? try_send(ch) : try_recv(ch), CCP_AGAIN);
                assert_false(is_up(fd));
            }
            ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
            assert_true(is_up(fd));
            ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        }
}

TEST(a_partner_that_was_there_before_is_told_of) /* FD1 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
    actor a = { .ch = ch, .w = CCP_FOREVER, .value = 7 };
    actor_start(&a, actor_send_long);
    actor_sleep_here(&a);
    assert_true(is_up(recv_fd(ch)));
    assert_false(is_up(send_fd(ch)));
    long got = 0;
    ASSERT_STATUS(ccp_chan_recv(ch, &got, CCP_NOWAIT), CCP_OK);
    assert_int_equal(got, 7);
    actor_join(&a);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* ---- beside threads ---- */

TEST(threads_that_wait_and_the_descriptor_are_both_told) /* FD4 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    int fd = recv_fd(ch);
    actor a[2] = { { .ch = ch, .w = CCP_FOREVER }, { .ch = ch, .w = CCP_FOREVER } };
    for (int i = 0; i < 2; i++) {
        actor_start(&a[i], actor_recv_long);
        actor_sleep_here(&a[i]);
    }
    assert_int_equal(waiting_receivers(ch), 2); /* threads, not descriptors */
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(try_send(ch), CCP_OK);
    actor_join(&a[0]);
    actor_join(&a[1]);
    wait_up(fd);
    ASSERT_STATUS(try_recv(ch), CCP_OK);
    ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
    assert_false(is_up(fd));
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* ---- life ---- */

TEST(it_stays_the_same_and_goes_with_the_channel) /* FD3 */
{
    FOR_EACH_BUFFER(ch)
    {
        int fd = recv_fd(ch), to = send_fd(ch);
        assert_int_not_equal(fd, to);
        assert_int_equal(recv_fd(ch), fd);
        assert_int_equal(send_fd(ch), to);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        assert_int_equal(fcntl(to, F_GETFD), -1);
        ch = ccp_chan_new(0, 0); /* for the loop to free */
    }
}

TEST(what_can_never_be_right_is_refused)
{
    ccp_chan *ch = ccp_chan_new(8, 1), *timer = ccp_chan_after(0);
    int fd = -7;
    ASSERT_STATUS(ccp_chan_fd(NULL, CCP_POLL_RECV, &fd), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_fd(ch, CCP_POLL_RECV, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_fd(ch, (ccp_poll)2, &fd), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_fd(timer, CCP_POLL_RECV, &fd), CCP_INVAL);
    assert_int_equal(fd, -7);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(timer), CCP_OK);
}

TEST(without_memory_or_descriptors_nothing_changes)
{
    ccp_chan *ch = ccp_chan_new(8, 1);
    int fd = -7;
    memory_fail_at(1);
    ASSERT_STATUS(ccp_chan_fd(ch, CCP_POLL_RECV, &fd), CCP_NOMEM);
    memory_fail_at(0);
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ccp_status rc = ccp_chan_fd(ch, CCP_POLL_RECV, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_STATUS(rc, CCP_NOMEM);
    assert_int_equal(fd, -7);
    ASSERT_STATUS(try_recv(ch), CCP_AGAIN);
    ASSERT_STATUS(try_send(ch), CCP_OK);
    assert_true(is_up(recv_fd(ch)));
    ASSERT_STATUS(try_recv(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static int lowest_free_fd(void)
{
    int fd = dup(0);
    MUST(fd >= 0 && close(fd) == 0);
    return fd;
}

TEST(one_that_cannot_be_set_up_is_closed_again)
{
    ccp_chan *ch = ccp_chan_new(8, 1);
    int fd = -7, before = lowest_free_fd();
    for (int n = 1; fd < 0; n++) {
        fcntl_fails_at = n;
        ccp_status rc = ccp_chan_fd(ch, CCP_POLL_RECV, &fd);
        ASSERT_STATUS(rc, fcntl_fails_at == 0 ? CCP_NOMEM : CCP_OK);
        assert_true(rc == CCP_OK ? fd >= 0 : fd == -7 && lowest_free_fd() == before);
    }
    fcntl_fails_at = 0;
    ASSERT_STATUS(try_send(ch), CCP_OK);
    assert_true(is_up(fd));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(lowest_free_fd(), before);
}

/* ---- contexts and futures ---- */

static int ctx_fd(ccp_ctx *ctx)
{
    int fd = -1;
    MUST(ccp_ctx_fd(ctx, &fd) == CCP_OK && fd >= 0);
    return fd;
}

TEST(a_context_tells_of_its_end) /* FD5 */
{
    ccp_ctx *root = ccp_ctx_new(NULL, CCP_FOREVER), *below = ccp_ctx_new(root, CCP_FOREVER);
    ccp_ctx *late = ccp_ctx_new(NULL, CCP_NOWAIT);
    int fd = ctx_fd(root), fd_below = ctx_fd(below);
    assert_int_not_equal(fd, fd_below);
    assert_int_equal(ctx_fd(root), fd);
    assert_false(is_up(fd) || is_up(fd_below));
    assert_true(is_up(ctx_fd(late)));
    ccp_ctx_cancel(root);
    assert_true(is_up(fd) && is_up(fd_below));
    ccp_ctx *after = ccp_ctx_new(root, CCP_FOREVER);
    assert_true(is_up(ctx_fd(after)) && is_up(ctx_fd(root)));
    ASSERT_STATUS(ccp_ctx_free(after), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(late), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(below), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(root), CCP_OK);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(fcntl(fd_below, F_GETFD), -1);
}

TEST(a_deadline_is_told_when_somebody_has_looked) /* FD5 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_MS(1)));
    int fd = ctx_fd(ctx);
    WAIT_UNTIL(ccp_ctx_status(ctx) == CCP_TIMEOUT);
    assert_true(is_up(fd));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void cancel_it(actor *a)
{
    ccp_ctx_cancel(a->arg);
}

TEST(who_waits_for_a_context_by_its_descriptor_is_woken) /* FD5 */
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    int fd = ctx_fd(ctx);
    actor a = { .arg = ctx };
    actor_start(&a, cancel_it);
    wait_up(fd);
    ASSERT_STATUS(ccp_ctx_status(ctx), CCP_CANCELED);
    actor_join(&a);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_future_tells_when_it_is_settled) /* FD5 */
{
    for (int how = 0; how < 4; how++) {
        ccp_future *f;
        ccp_promise *p = ccp_promise_new(NULL, &f);
        int fd = -1, again = -1;
        ASSERT_STATUS(ccp_future_fd(f, &fd), CCP_OK);
        assert_false(is_up(fd));
        if (how == 0)
            ASSERT_STATUS(ccp_promise_set(p, NULL), CCP_OK);
        else if (how == 1)
            ASSERT_STATUS(ccp_promise_fail(p, CCP_FAILED), CCP_OK);
        else if (how == 2)
            ASSERT_STATUS(ccp_future_cancel(f), CCP_OK);
        ccp_promise_free(p); /* settles it in the last case */
        assert_true(is_up(fd));
        ASSERT_STATUS(ccp_future_fd(f, &again), CCP_OK);
        assert_int_equal(again, fd);
        assert_true(is_up(fd));
        ccp_future_free(f);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
}

TEST(those_of_contexts_and_futures_may_not_be_had)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_future *f;
    ccp_promise *p = ccp_promise_new(NULL, &f);
    int fd = -7;
    ASSERT_STATUS(ccp_ctx_fd(NULL, &fd), CCP_INVAL);
    ASSERT_STATUS(ccp_ctx_fd(ctx, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_future_fd(NULL, &fd), CCP_INVAL);
    ASSERT_STATUS(ccp_future_fd(f, NULL), CCP_INVAL);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_ctx_fd(ctx, &fd), CCP_NOMEM);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_future_fd(f, &fd), CCP_NOMEM);
    memory_fail_at(2);
    ASSERT_STATUS(ccp_future_fd(f, &fd), CCP_NOMEM);
    memory_fail_at(0);
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ccp_status of_ctx = ccp_ctx_fd(ctx, &fd), of_future = ccp_future_fd(f, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_STATUS(of_ctx, CCP_NOMEM);
    ASSERT_STATUS(of_future, CCP_NOMEM);
    assert_int_equal(fd, -7);
    ASSERT_STATUS(ccp_ctx_fd(ctx, &fd), CCP_OK);
    ccp_promise_free(p);
    ccp_future_free(f);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* The program's allocator asks for the descriptor, too. */
static ccp_ctx *asked_for;
static int got_first = -1;
static void *alloc_beside_another(size_t size, void *arg)
{
    ccp_ctx *ctx = asked_for;
    asked_for = arg; /* NULL */
    if (ctx)
        got_first = ctx_fd(ctx);
    return malloc(size);
}

static void free_plainly(void *p, void *arg)
{
    (void)arg;
    free(p);
}

TEST(threads_that_ask_at_the_same_time_get_the_same) /* FD3 FD5 */
{
    const ccp_allocator a = { alloc_beside_another, free_plainly, NULL };
    memory_unwatch();
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    int before = lowest_free_fd();
    asked_for = ctx;
    int fd = ctx_fd(ctx);
    assert_null(asked_for);
    assert_int_equal(fd, got_first);
    ccp_ctx_cancel(ctx);
    assert_true(is_up(fd));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    assert_int_equal(lowest_free_fd(), before);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
    memory_watch();
}

/* ---- loops and threads ---- */

enum { THREADS = 3, EACH = 3000 };

static void send_many(actor *a)
{
    for (long i = 0; i < a->value; i++)
        MUST(ccp_chan_send(a->ch, &i, CCP_FOREVER) == CCP_OK);
}

static void recv_many(actor *a)
{
    long got;
    for (a->value = 0; (a->rc = ccp_chan_recv(a->ch, &got, CCP_FOREVER)) == CCP_OK; a->value++)
        ;
}

/* One call per event. */
static void recv_by_poll(actor *a)
{
    int fd = recv_fd(a->ch);
    long got;
    for (a->value = 0; a->rc != CCP_CLOSED; a->value += a->rc == CCP_OK) {
        wait_up(fd);
        a->rc = ccp_chan_recv(a->ch, &got, CCP_NOWAIT);
    }
}

static void send_by_poll(actor *a)
{
    int fd = send_fd(a->ch);
    for (long i = 0; i < a->value; i += a->rc == CCP_OK) {
        wait_up(fd);
        a->rc = ccp_chan_send(a->ch, &i, CCP_NOWAIT);
        MUST(a->rc == CCP_OK || a->rc == CCP_AGAIN);
    }
}

/* Senders of one kind and receivers of another; every element arrives. */
static void run_all(size_t capacity, void (*const send[THREADS])(actor *),
                    void (*const recv[THREADS])(actor *))
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
    actor s[THREADS], r[THREADS];
    long each = (long)scaled(EACH), sum = 0;
    for (int i = 0; i < THREADS; i++) {
        s[i] = (actor){ .ch = ch, .value = each };
        r[i] = (actor){ .ch = ch };
        actor_start(&r[i], recv[i]);
        actor_start(&s[i], send[i]);
    }
    for (int i = 0; i < THREADS; i++)
        actor_join(&s[i]);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (int i = 0; i < THREADS; i++) {
        actor_join(&r[i]);
        sum += r[i].value;
    }
    assert_int_equal(sum, THREADS * each);
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(loops_and_threads_share_a_channel) /* FD1 FD2 FD4 */
{
    static const size_t capacities[] = { 1, 2, 64 };
    for (size_t c = 0; c < LENGTH(capacities); c++) {
        run_all(capacities[c], (void (*const[])(actor *)){ send_many, send_many, send_many },
                (void (*const[])(actor *)){ recv_by_poll, recv_by_poll, recv_many });
        run_all(capacities[c], (void (*const[])(actor *)){ send_by_poll, send_by_poll, send_many },
                (void (*const[])(actor *)){ recv_by_poll, recv_many, recv_many });
        run_all(capacities[c],
                (void (*const[])(actor *)){ send_by_poll, send_by_poll, send_by_poll },
                (void (*const[])(actor *)){ recv_by_poll, recv_by_poll, recv_by_poll });
    }
}

TEST(loops_meet_threads) /* FD1 FD2 */
{
    run_all(0, (void (*const[])(actor *)){ send_many, send_many, send_many },
            (void (*const[])(actor *)){ recv_by_poll, recv_by_poll, recv_many });
    run_all(0, (void (*const[])(actor *)){ send_by_poll, send_by_poll, send_many },
            (void (*const[])(actor *)){ recv_many, recv_many, recv_many });
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(receivers_are_told_while_there_are_elements),
        ENTRY(senders_are_told_while_there_is_room),
        ENTRY(one_made_later_tells_what_is_already_there),
        ENTRY(the_end_is_told_to_both_sides),
        ENTRY(cancelling_and_the_last_sender_tell_too),
        ENTRY(every_call_that_finds_nothing_arms_it_anew),
        ENTRY(without_a_buffer_a_partner_that_waits_is_told_of),
        ENTRY(a_partner_that_was_there_before_is_told_of),
        ENTRY(threads_that_wait_and_the_descriptor_are_both_told),
        ENTRY(it_stays_the_same_and_goes_with_the_channel),
        ENTRY(what_can_never_be_right_is_refused),
        ENTRY(without_memory_or_descriptors_nothing_changes),
        ENTRY(one_that_cannot_be_set_up_is_closed_again),
        ENTRY(a_context_tells_of_its_end),
        ENTRY(a_deadline_is_told_when_somebody_has_looked),
        ENTRY(who_waits_for_a_context_by_its_descriptor_is_woken),
        ENTRY(a_future_tells_when_it_is_settled),
        ENTRY(those_of_contexts_and_futures_may_not_be_had),
        ENTRY(threads_that_ask_at_the_same_time_get_the_same),
        ENTRY(loops_and_threads_share_a_channel),
        ENTRY(loops_meet_threads),
    };
    return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
