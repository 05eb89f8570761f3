/* SPDX-License-Identifier: MIT
 *
 * File descriptors as cases of selects.
 */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "fds.h"
#include "stuck.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* A pipe: [0] can be read once something was written to [1]. */
typedef struct tube {
    int end[2];
} tube;

static tube tube_new(void)
{
    tube t;
    MUST(pipe(t.end) == 0);
    return t;
}

static void tube_free(tube t)
{
    close(t.end[0]);
    close(t.end[1]);
}

static void put_byte(tube t)
{
    MUST(write(t.end[1], "x", 1) == 1);
}

static void take_byte(tube t)
{
    char c = 0;
    MUST(read(t.end[0], &c, 1) == 1 && c == 'x');
}

/* ---- ready at once ---- */

TEST(a_descriptor_that_is_ready_is_chosen_and_stays_ready) /* S7 */
{
    tube t = tube_new();
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    long v = 1;
    short got = 0;
    size_t i = 9;
    const ccp_case k[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_FD(t.end[0], POLLIN, &got),
                           CCP_CASE_FD(t.end[0], POLLIN, NULL) };
    const ccp_wait waits[] = { CCP_NOWAIT, CCP_FOREVER, ccp_within(CCP_SEC(100)) };
    ASSERT_STATUS(ccp_select(k, 2, &i, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(i, 9);
    put_byte(t);
    for (size_t w = 0; w < LENGTH(waits); w++) {
        got = 0;
        ASSERT_STATUS(ccp_select(k, 2, &i, waits[w]), CCP_OK);
        assert_true(i == 1 && got == POLLIN);
        ASSERT_STATUS(ccp_select_first(k, 3, &i, waits[w]), CCP_OK);
        assert_int_equal(i, 1);
        ASSERT_STATUS(ccp_select(k + 2, 1, &i, waits[w]), CCP_OK);
        assert_int_equal(i, 0);
        assert_true(is_up(t.end[0]));
    }
    take_byte(t);
    got = 7;
    ASSERT_STATUS(ccp_select(k, 3, &i, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(got, 7);
    assert_int_equal(v, 1);
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    tube_free(t);
}

TEST(what_poll_said_is_given_back) /* S7 */
{
    int s[2];
    short got = 0;
    size_t i;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    const ccp_case k[] = { CCP_CASE_FD(s[0], POLLIN | POLLOUT, &got), CCP_CASE_FD(s[0], 0, &got) };
    ASSERT_STATUS(ccp_select(k, 1, &i, CCP_NOWAIT), CCP_OK);
    assert_int_equal(got, POLLOUT);
    assert_int_equal(write(s[1], "x", 1), 1);
    ASSERT_STATUS(ccp_select(k, 1, &i, CCP_NOWAIT), CCP_OK);
    assert_int_equal(got, POLLIN | POLLOUT);
    ASSERT_STATUS(ccp_select(k + 1, 1, &i, CCP_NOWAIT), CCP_AGAIN);
    close(s[1]);
    ASSERT_STATUS(ccp_select(k + 1, 1, &i, CCP_NOWAIT), CCP_OK);
    assert_true(got & POLLHUP);
    close(s[0]);
}

TEST(one_that_is_not_open_makes_the_call_invalid) /* S8 */
{
    tube t = tube_new();
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    long v = 5;
    size_t i = 9;
    int closed = dup(t.end[0]);
    close(closed);
    put_byte(t);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    const ccp_case k[] = { CCP_CASE_RECV(ch, &v), CCP_CASE_FD(t.end[0], POLLIN, NULL),
                           CCP_CASE_FD(closed, POLLIN, NULL) };
    for (int round = 0; round < 20; round++) {
        ASSERT_STATUS(ccp_select(k, 3, &i, CCP_FOREVER), CCP_INVAL);
        ASSERT_STATUS(ccp_select_first(k, 3, &i, CCP_NOWAIT), CCP_INVAL);
        assert_int_equal(i, 9);
        assert_int_equal(ccp_chan_len(ch), 1);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    tube_free(t);
}

TEST(a_negative_number_switches_a_case_off) /* S8 */
{
    size_t i = 9;
    const ccp_case k[] = { CCP_CASE_FD(-1, POLLIN, NULL), CCP_CASE_FD(-7, POLLIN, NULL),
                           CCP_CASE_DONE(NULL) };
    ASSERT_STATUS(ccp_select(k, 3, &i, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_select(k, 3, &i, CCP_FOREVER), CCP_DEADLOCK);
    ASSERT_STATUS(ccp_select(k, 3, &i, ccp_within(1)), CCP_TIMEOUT);
    assert_int_equal(i, 9);
}

TEST(all_that_are_ready_have_the_same_chance) /* S2 */
{
    enum { ROUNDS = 6000, CASES = 3 };
    tube t = tube_new(), u = tube_new();
    ccp_chan *ch = ccp_chan_new(0, 1);
    int chosen[CASES] = { 0 };
    put_byte(t);
    put_byte(u);
    const ccp_case k[CASES] = { CCP_CASE_FD(t.end[0], POLLIN, NULL), CCP_CASE_SEND(ch, NULL),
                                CCP_CASE_FD(u.end[0], POLLIN, NULL) };
    for (int round = 0; round < ROUNDS; round++) {
        size_t i;
        ASSERT_STATUS(ccp_select(k, CASES, &i, CCP_FOREVER), CCP_OK);
        chosen[i]++;
        if (i == 1)
            ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_NOWAIT), CCP_OK);
    }
    for (int i = 0; i < CASES; i++)
        assert_in_range(chosen[i], ROUNDS / CASES - 300, ROUNDS / CASES + 300);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    tube_free(t);
    tube_free(u);
}

TEST(the_first_of_those_that_are_ready_if_wanted) /* S2 */
{
    tube t = tube_new();
    ccp_chan *ch = ccp_chan_new(0, 1);
    size_t i;
    put_byte(t);
    const ccp_case k[] = { CCP_CASE_RECV(ch, NULL), CCP_CASE_FD(t.end[0], POLLIN, NULL),
                           CCP_CASE_RECV(ch, NULL), CCP_CASE_FD(t.end[0], POLLIN, NULL) };
    for (int round = 0; round < 50; round++) {
        ASSERT_STATUS(ccp_select_first(k, 4, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 1);
        ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_select_first(k, 4, &i, CCP_FOREVER), CCP_OK);
        assert_int_equal(i, 0);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    tube_free(t);
}

/* ---- asleep ---- */

static tube asleep_on;
static ccp_ctx *asleep_ctx;
static short seen;

static void select_all(actor *a)
{
    const ccp_case k[] = { CCP_CASE_FD(asleep_on.end[0], POLLIN, &seen),
                           CCP_CASE_RECV(a->ch, &a->value), CCP_CASE_DONE(asleep_ctx) };
    seen = 0;
    actor_calls(a);
    a->rc = ccp_select(k, 3, &a->index, a->w);
}

enum { BY_BYTE, BY_SEND, BY_CLOSE, BY_CANCEL, BY_END_OF_WAIT, WAYS };

static void end_sleep(actor *a, int way, ccp_ctx *of_wait)
{
    long v = 77;
    if (way == BY_BYTE)
        put_byte(asleep_on);
    else if (way == BY_SEND)
        MUST(ccp_chan_send(a->ch, &v, CCP_FOREVER) == CCP_OK);
    else if (way == BY_CLOSE)
        MUST(ccp_chan_close(a->ch) == CCP_OK);
    else
        ccp_ctx_cancel(way == BY_CANCEL ? asleep_ctx : of_wait);
}

static void has_ended(const actor *a, int way)
{
    static const ccp_status expected[WAYS] = { CCP_OK, CCP_OK, CCP_CLOSED, CCP_OK, CCP_CANCELED };
    ASSERT_STATUS(a->rc, expected[way]);
    assert_int_equal(a->index, way == BY_BYTE        ? 0
                               : way == BY_CANCEL      ? 2
                               : way == BY_END_OF_WAIT ? 9
                                                       : 1);
    assert_int_equal(seen, way == BY_BYTE ? POLLIN : 0);
    assert_int_equal(a->value, way == BY_SEND ? 77 : 0);
}

TEST(whatever_comes_ends_the_sleep) /* S1 S7 */
{
    for (int way = 0; way < WAYS; way++)
        for (size_t capacity = 0; capacity < 2; capacity++) {
            ccp_ctx *of_wait = ccp_ctx_new(NULL, CCP_FOREVER);
            asleep_on = tube_new();
            asleep_ctx = ccp_ctx_new(NULL, CCP_FOREVER);
            actor a = { .ch = ccp_chan_new(sizeof(long), capacity), .w = ccp_with(of_wait),
                        .index = 9 };
            actor_start(&a, select_all);
            actor_sleep_here(&a);
            end_sleep(&a, way, of_wait);
            actor_join(&a);
            has_ended(&a, way);
            assert_nobody_waits(a.ch);
            ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
            ASSERT_STATUS(ccp_ctx_free(asleep_ctx), CCP_OK);
            ASSERT_STATUS(ccp_ctx_free(of_wait), CCP_OK);
            tube_free(asleep_on);
        }
}

TEST(the_time_ends_exactly_then) /* W6 */
{
    tube t = tube_new();
    ccp_chan *ch = ccp_chan_new(8, 1), *after = ccp_chan_after(CCP_MS(3));
    int64_t v, began = ccp_now();
    size_t i = 9;
    const ccp_case k[] = { CCP_CASE_FD(t.end[0], POLLIN, NULL), CCP_CASE_RECV(ch, &v),
                           CCP_CASE_RECV(after, &v) };
    for (int n = 1; n < 3; n++) {
        int64_t end = ccp_now() + CCP_US(300);
        ASSERT_STATUS(ccp_select(k, (size_t)n, &i, ccp_until(end)), CCP_TIMEOUT);
        assert_true(ccp_now() >= end);
    }
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(CCP_US(500)));
    ASSERT_STATUS(ccp_select(k, 2, &i, ccp_with(ctx)), CCP_TIMEOUT);
    assert_int_equal(i, 9);
    ASSERT_STATUS(ccp_select(k, 3, &i, CCP_FOREVER), CCP_OK);
    assert_int_equal(i, 2);
    assert_true(ccp_now() - began >= CCP_MS(3));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(after), CCP_OK);
    tube_free(t);
}

static _Atomic int signals_seen;

static void note_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_seen, 1);
}

TEST(a_signal_does_not_end_the_sleep) /* S5 */
{
    const struct sigaction on = { .sa_handler = note_signal }; /* without SA_RESTART */
    struct sigaction old;
    assert_int_equal(sigaction(SIGUSR1, &on, &old), 0);
    asleep_on = tube_new();
    asleep_ctx = NULL;
    signals_seen = 0;
    actor a = { .ch = ccp_chan_new(sizeof(long), 1), .w = CCP_FOREVER };
    actor_start(&a, select_all);
    for (int i = 1; i <= 5; i++) {
        actor_sleep_here(&a);
        assert_int_equal(pthread_kill(a.id, SIGUSR1), 0);
        WAIT_UNTIL(signals_seen == i);
    }
    actor_sleep_here(&a);
    put_byte(asleep_on);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(a.index, 0);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
    ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
    tube_free(asleep_on);
}

/* Somebody else takes what it was woken for. */
TEST(who_was_woken_in_vain_sleeps_on) /* S1 */
{
    long v = 77;
    asleep_on = tube_new();
    asleep_ctx = NULL;
    actor a = { .ch = ccp_chan_new(sizeof(long), 1), .w = CCP_FOREVER };
    actor_start(&a, select_all);
    for (int vain = 0; vain < 20; vain++) {
        WAIT_UNTIL(waiting_receivers(a.ch) == 1);
        actor_sleep_here(&a);
        actor_hold(&a);
        ASSERT_STATUS(ccp_chan_send(a.ch, &v, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(a.ch, &v, CCP_NOWAIT), CCP_OK);
        actor_let_go();
    }
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_chan_send(a.ch, &v, CCP_NOWAIT), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_true(a.index == 1 && a.value == 77);
    ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
    tube_free(asleep_on);
}

/* ---- several at once ---- */

enum { ALIKE = 3 }; /* cases that become ready at the same moment */

static void select_alike(actor *a)
{
    ccp_case k[ALIKE];
    for (int n = 0; n < ALIKE; n++)
        k[n] = CCP_CASE_FD(asleep_on.end[0], POLLIN, NULL);
    actor_calls(a);
    a->rc = ccp_select(k, ALIKE, &a->index, a->w);
}

static void select_first_alike(actor *a)
{
    const ccp_case k[] = { CCP_CASE_DONE(asleep_ctx), CCP_CASE_FD(asleep_on.end[0], POLLIN, NULL),
                           CCP_CASE_FD(asleep_on.end[0], POLLIN, NULL) };
    actor_calls(a);
    a->rc = ccp_select_first(k, 3, &a->index, a->w);
}

/* Gives the index that was chosen after a sleep. */
static size_t wake_by_byte(void (*how)(actor *a))
{
    actor a = { .w = CCP_FOREVER, .index = 9 };
    actor_start(&a, how);
    actor_sleep_here(&a);
    put_byte(asleep_on);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    take_byte(asleep_on);
    return a.index;
}

TEST(after_a_sleep_too_all_have_the_same_chance) /* S2 */
{
    enum { EACH = 100 };
    int chosen[ALIKE] = { 0 };
    asleep_on = tube_new();
    for (int round = 0; round < ALIKE * EACH; round++) {
        size_t i = wake_by_byte(select_alike);
        assert_true(i < ALIKE);
        chosen[i]++;
    }
    for (int i = 0; i < ALIKE; i++)
        assert_in_range(chosen[i], EACH - 65, EACH + 65); /* 8 standard deviations */
    tube_free(asleep_on);
}

TEST(after_a_sleep_too_the_first_if_wanted) /* S2 */
{
    asleep_on = tube_new();
    asleep_ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    for (int round = 0; round < 50; round++)
        assert_int_equal(wake_by_byte(select_first_alike), 1);
    ASSERT_STATUS(ccp_ctx_free(asleep_ctx), CCP_OK);
    tube_free(asleep_on);
}

/* ---- many, and too much ---- */

TEST(what_it_slept_with_is_closed)
{
    tube t = tube_new();
    size_t i;
    const ccp_case k[] = { CCP_CASE_FD(t.end[0], POLLIN, NULL) };
    int next = dup(t.end[0]);
    close(next);
    for (int round = 0; round < 3; round++) {
        ASSERT_STATUS(ccp_select(k, 1, &i, ccp_within(CCP_US(10))), CCP_TIMEOUT);
        int now_next = dup(t.end[0]);
        close(now_next);
        assert_int_equal(now_next, next);
    }
    tube_free(t);
}

TEST(two_hundred_cases_of_descriptors)
{
    enum { MANY_MORE = 200 };
    tube t = tube_new(), u = tube_new();
    static ccp_case k[MANY_MORE];
    size_t i = 9;
    for (int n = 0; n < MANY_MORE; n++)
        k[n] = CCP_CASE_FD(n == MANY_MORE - 1 ? u.end[0] : t.end[0], POLLIN, NULL);
    ASSERT_STATUS(ccp_select(k, MANY_MORE, &i, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    assert_int_equal(i, 9);
    put_byte(u);
    ASSERT_STATUS(ccp_select(k, MANY_MORE, &i, CCP_FOREVER), CCP_OK);
    assert_int_equal(i, MANY_MORE - 1);
    tube_free(t);
    tube_free(u);
}

TEST(more_than_fit_on_the_stack_need_memory) /* S6 */
{
    enum { MANY = 40 };
    tube t[MANY];
    ccp_case k[MANY + 1];
    short got[MANY] = { 0 };
    ccp_chan *ch = ccp_chan_new(8, 1);
    size_t i = 99;
    for (int n = 0; n < MANY; n++) {
        t[n] = tube_new();
        k[n] = CCP_CASE_FD(t[n].end[0], POLLIN, &got[n]);
    }
    k[MANY] = CCP_CASE_RECV(ch, &(uint64_t){ 0 });
    size_t before = memory_calls;
    ASSERT_STATUS(ccp_select(k, 15, &i, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    assert_int_equal(memory_calls, before);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_select(k, MANY + 1, &i, CCP_FOREVER), CCP_NOMEM);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_select_first(k, MANY + 1, &i, CCP_FOREVER), CCP_NOMEM);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_select(k, MANY + 1, &i, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    assert_int_equal(i, 99);
    for (int n = MANY - 1; n >= 0; n -= 3) {
        put_byte(t[n]);
        ASSERT_STATUS(ccp_select(k, MANY + 1, &i, CCP_FOREVER), CCP_OK);
        assert_true((int)i == n && got[n] == POLLIN);
        take_byte(t[n]);
    }
    for (int n = 0; n < MANY; n++)
        tube_free(t[n]);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* Behind the last case is what cannot be read. */
TEST(it_looks_at_no_case_behind_the_last)
{
    size_t unit = (size_t)sysconf(_SC_PAGESIZE), i = 9;
    int zero = open("/dev/zero", O_RDWR);
    char *two = mmap(NULL, 2 * unit, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    assert_true(two != MAP_FAILED && mprotect(two + unit, unit, PROT_NONE) == 0);
    tube t = tube_new();
    ccp_case *last = (ccp_case *)(void *)(two + unit) - 1;
    *last = CCP_CASE_FD(t.end[0], POLLIN, NULL);
    ASSERT_STATUS(ccp_select(last, 1, &i, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    assert_int_equal(i, 9);
    MUST(munmap(two, 2 * unit) == 0 && close(zero) == 0);
    tube_free(t);
}

TEST(without_descriptors_it_cannot_sleep)
{
    tube t = tube_new();
    ccp_chan *ch = ccp_chan_new(8, 1);
    uint64_t v = 5;
    size_t i = 9;
    const ccp_case k[] = { CCP_CASE_FD(t.end[0], POLLIN, NULL), CCP_CASE_RECV(ch, &v) };
    int next = dup(t.end[0]);
    close(next);
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = (rlim_t)next; /* there are no more than those that are open */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    ccp_status rc = ccp_select(k, 2, &i, CCP_FOREVER), at_once = ccp_select(k, 2, &i, CCP_NOWAIT);
    few.rlim_cur = 0; /* poll() takes no more than there may be */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    ccp_status refused = ccp_select(k, 2, &i, CCP_NOWAIT);
    bool limited = !is_watched() || poll(&(struct pollfd){ .fd = -1 }, 1, 0) < 0; /* or valgrind */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_STATUS(rc, CCP_NOMEM);
    ASSERT_STATUS(at_once, CCP_AGAIN);
    ASSERT_STATUS(refused, limited ? CCP_NOMEM : CCP_AGAIN);
    assert_int_equal(i, 9);
    assert_nobody_waits(ch);
    put_byte(t);
    ASSERT_STATUS(ccp_select(k, 2, &i, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    tube_free(t);
}

/* ---- what is said of it ---- */

TEST(a_dump_says_what_is_waited_for) /* DG2 */
{
    char line[64];
    stuck_begin();
    asleep_on = tube_new();
    asleep_ctx = NULL;
    actor a = { .ch = channel("jobs", 1), .w = forever() };
    actor_start(&a, select_all);
    actor_sleep_here(&a);
    page_clear(&now);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
    snprintf(line, sizeof line, " for the first of descriptor %d to be readable, channel 'jobs'",
             asleep_on.end[0]);
    ASSERT_SAYS(line);
    put_byte(asleep_on);
    actor_join(&a);
    ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
    tube_free(asleep_on);
    stuck_end();
}

static short events_wanted;
static void select_events(actor *a)
{
    const ccp_case k[] = { CCP_CASE_FD(asleep_on.end[0], events_wanted, NULL),
                           CCP_CASE_RECV(a->ch, NULL) };
    actor_calls(a);
    a->rc = ccp_select(k, 2, &a->index, a->w);
}

TEST(a_dump_says_what_a_descriptor_is_to_be) /* DG2 */
{
    static const struct {
        short events;
        const char *says;
    } ways[] = { { POLLIN, " to be readable," }, { POLLOUT, " to be writable," },
                 { POLLIN | POLLOUT, " to be readable or writable," }, { 0, " to be told of," } };
    stuck_begin();
    asleep_on = tube_new();
    for (size_t i = 0; i < LENGTH(ways); i++) {
        events_wanted = ways[i].events;
        actor a = { .ch = ccp_chan_new(0, 1), .w = forever() };
        actor_start(&a, select_events);
        actor_sleep_here(&a);
        page_clear(&now);
        ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
        ASSERT_SAYS(ways[i].says);
        ASSERT_STATUS(ccp_chan_close(a.ch), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
    }
    tube_free(asleep_on);
    stuck_end();
}

TEST(who_waits_for_a_descriptor_is_in_no_deadlock) /* DG5 */
{
    stuck_begin();
    asleep_on = tube_new();
    asleep_ctx = NULL;
    actor a = { .ch = channel("jobs", 1), .w = CCP_FOREVER };
    actor_start(&a, select_all);
    actor_sleep_here(&a);
    for (int i = 0; i < 5; i++)
        assert_true(check() != CCP_DEADLOCK);
    put_byte(asleep_on);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    ASSERT_STATUS(ccp_chan_free(a.ch), CCP_OK);
    tube_free(asleep_on);
    stuck_end();
}

int main(void)
{
    memory_watch();
    const struct CMUnitTest tests[] = {
        ENTRY(a_descriptor_that_is_ready_is_chosen_and_stays_ready),
        ENTRY(what_poll_said_is_given_back),
        ENTRY(one_that_is_not_open_makes_the_call_invalid),
        ENTRY(a_negative_number_switches_a_case_off),
        ENTRY(all_that_are_ready_have_the_same_chance),
        ENTRY(the_first_of_those_that_are_ready_if_wanted),
        ENTRY(whatever_comes_ends_the_sleep),
        ENTRY(the_time_ends_exactly_then),
        ENTRY(a_signal_does_not_end_the_sleep),
        ENTRY(who_was_woken_in_vain_sleeps_on),
        ENTRY(after_a_sleep_too_all_have_the_same_chance),
        ENTRY(after_a_sleep_too_the_first_if_wanted),
        ENTRY(what_it_slept_with_is_closed),
        ENTRY(two_hundred_cases_of_descriptors),
        ENTRY(more_than_fit_on_the_stack_need_memory),
        ENTRY(it_looks_at_no_case_behind_the_last),
        ENTRY(without_descriptors_it_cannot_sleep),
        TRACKED(a_dump_says_what_is_waited_for),
        TRACKED(a_dump_says_what_a_descriptor_is_to_be),
        TRACKED(who_waits_for_a_descriptor_is_in_no_deadlock),
    };
    return cmocka_run_group_tests_name("fd_case", tests, NULL, NULL);
}
