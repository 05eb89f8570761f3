/* SPDX-License-Identifier: MIT
 *
 * The machine whose time stands still (still.h): what the other tests rely on.
 */
#define _POSIX_C_SOURCE 200809L
#include "still.h"
#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void cancel(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

static void send_seven(void *ch)
{
    int seven = 7;
    MUST(ccp_chan_send(ch, &seven, CCP_NOWAIT) == CCP_OK);
}

typedef struct note {
    int64_t at;
    size_t turn;
} note;

static size_t turns;

static void note_time(void *arg)
{
    *(note *)arg = (note){ ccp_now(), turns++ };
}

static void assert_note(note n, int64_t at, size_t turn)
{
    assert_int_equal(n.at, at);
    assert_int_equal(n.turn, turn);
}

TEST(time_moves_when_the_test_says_so)
{
    still_set(CCP_SEC(5));
    assert_int_equal(ccp_now(), CCP_SEC(5));
    assert_int_equal(ccp_now(), CCP_SEC(5));
    still_advance(3);
    assert_int_equal(ccp_now(), CCP_SEC(5) + 3);
    still_set(1);
    assert_int_equal(ccp_now(), 1);
}

TEST(a_sleep_moves_time_to_its_end)
{
    still_set(CCP_SEC(5));
    ASSERT_STATUS(ccp_sleep(ccp_within(CCP_SEC(3600))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(3605));
    ASSERT_STATUS(ccp_sleep(ccp_until(CCP_SEC(3605))), CCP_OK);
    assert_int_equal(ccp_now(), CCP_SEC(3605));
    assert_int_equal(still_sleeps(), 2);
}

TEST(a_timed_wait_runs_out_at_its_deadline)
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    int v;
    still_set(100);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, ccp_within(CCP_SEC(2))), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(2) + 100);
    assert_nobody_waits(ch);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(the_deadline_of_a_context_comes)
{
    still_set(100);
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(50));
    ASSERT_STATUS(ccp_sleep(ccp_under(ctx, ccp_within(80))), CCP_TIMEOUT);
    assert_int_equal(ccp_now(), 150);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static void count_run(void *arg)
{
    (*(int *)arg)++;
}

TEST(at_its_deadline_a_context_has_ended_with_those_above_that_have_the_same)
{
    int runs = 0;
    ccp_hook h = { 0 };
    still_set(100);
    ccp_ctx *ctx = ccp_ctx_new(NULL, ccp_within(50)), *below = ccp_ctx_new(ctx, CCP_FOREVER);
    ASSERT_STATUS(ccp_ctx_hook(ctx, &h, count_run, &runs), CCP_OK);
    still_advance(49);
    ASSERT_STATUS(ccp_ctx_status(below), CCP_OK);
    still_advance(1);
    ASSERT_STATUS(ccp_ctx_status(below), CCP_TIMEOUT);
    assert_int_equal(runs, 1);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_ctx_free(below), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(what_is_on_the_programme_happens_during_a_sleep)
{
    still_set(CCP_SEC(1));
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    int v = 0;
    still_at(CCP_SEC(3), cancel, ctx);
    still_at(CCP_SEC(2), send_seven, ch);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
    assert_int_equal(v, 7);
    assert_int_equal(ccp_now(), CCP_SEC(2));
    ASSERT_STATUS(ccp_sleep(ccp_under(ctx, ccp_within(CCP_SEC(9)))), CCP_CANCELED);
    assert_int_equal(ccp_now(), CCP_SEC(3));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(the_programme_is_run_in_the_order_of_time)
{
    note n[4];
    turns = 0;
    still_set(10);
    still_at(30, note_time, &n[1]);
    still_at(20, note_time, &n[0]);
    still_at(30, note_time, &n[2]);
    still_advance(25);
    assert_int_equal(ccp_now(), 35);
    assert_note(n[0], 20, 0);
    assert_note(n[1], 30, 1);
    assert_note(n[2], 30, 2);
    still_at(5, note_time, &n[3]);
    still_advance(0);
    assert_note(n[3], 35, 3);
}

TEST(a_sleep_that_nothing_can_end_stops_the_program)
{
    ccp_chan *ch = ccp_chan_new(sizeof(int), 1);
    pid_t child = fork();
    if (child == 0) {
        int v;
        fclose(stderr);
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would go on with the next test */
        (void)!ccp_chan_recv(ch, &v, CCP_FOREVER);
        end_child();
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(time_moves_when_the_test_says_so),
        ENTRY(a_sleep_moves_time_to_its_end),
        ENTRY(a_timed_wait_runs_out_at_its_deadline),
        ENTRY(the_deadline_of_a_context_comes),
        ENTRY(at_its_deadline_a_context_has_ended_with_those_above_that_have_the_same),
        ENTRY(what_is_on_the_programme_happens_during_a_sleep),
        ENTRY(the_programme_is_run_in_the_order_of_time),
        ENTRY(a_sleep_that_nothing_can_end_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
