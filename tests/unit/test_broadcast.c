/* SPDX-License-Identifier: MIT
 *
 * Broadcast.
 */
#include "support.h"

enum { N = 1000 };

static void send_numbers(ccp_chan *in, long n)
{
    for (long i = 0; i < n; i++)
        ASSERT_STATUS(ccp_chan_send(in, &i, CCP_FOREVER), CCP_OK);
}

static uint64_t lost(ccp_broadcast *b, const ccp_chan *ch)
{
    uint64_t n = 99999;
    ASSERT_STATUS(ccp_broadcast_lost(b, ch, &n), CCP_OK);
    return n;
}

static ccp_broadcast_info info(ccp_broadcast *b)
{
    ccp_broadcast_info i;
    ASSERT_STATUS(ccp_broadcast_get_info(b, &i), CCP_OK);
    return i;
}

/* Receives what there is until the end; asserts that it is first, first + step ... of n numbers. */
static void assert_gets(ccp_chan *ch, long first, long n)
{
    for (long k = first; k < first + n; k++) {
        long v = -1;
        ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
        assert_int_equal(v, k);
    }
}

static void assert_ended(ccp_chan *ch)
{
    ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_CLOSED);
}

static ccp_broadcast *new_broadcast(ccp_chan **in, size_t capacity)
{
    *in = ccp_chan_new(sizeof(long), capacity);
    ccp_broadcast *b = ccp_broadcast_new(*in, NULL);
    assert_non_null(b);
    return b;
}

static ccp_chan *join(ccp_broadcast *b, size_t capacity, ccp_slow slow)
{
    ccp_chan *ch = ccp_broadcast_join(b, &(ccp_member_opts){ .capacity = capacity, .slow = slow });
    assert_non_null(ch);
    return ch;
}

static void end_broadcast(ccp_broadcast *b, ccp_chan *in)
{
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

static void keep(void *elem, void *arg)
{
    (void)elem;
    (void)arg;
}

TEST(wrong_arguments_are_refused)
{
    ccp_chan *in = ccp_chan_new(1, 1), *other = ccp_chan_new(1, 1);
    uint64_t n;
    ccp_broadcast_info i;
    assert_null(ccp_broadcast_new(NULL, NULL));
    assert_null(ccp_broadcast_new(in, &(ccp_broadcast_opts){ .drop = keep }));
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    assert_null(ccp_broadcast_join(NULL, NULL));
    assert_null(ccp_broadcast_join(b, &(ccp_member_opts){ .slow = (ccp_slow)4 }));
    assert_null(ccp_broadcast_join(b, &(ccp_member_opts){ .slow = (ccp_slow)-1 }));
    assert_null(ccp_broadcast_join(b, &(ccp_member_opts){ .capacity = SIZE_MAX }));
    ASSERT_STATUS(ccp_broadcast_start(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_leave(NULL, in), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_leave(b, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_leave(b, other), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_lost(NULL, in, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_lost(b, NULL, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_lost(b, other, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_lost(b, other, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_get_info(NULL, &i), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_get_info(b, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_OK); /* it was not started */
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

TEST(every_member_gets_everything_in_order) /* K11 K13 FA9 */
{
    ccp_chan *in, *ch[5];
    ccp_broadcast *b = new_broadcast(&in, N);
    send_numbers(in, N);
    for (size_t i = 0; i < LENGTH(ch); i++)
        ch[i] = join(b, N, i % 2 ? CCP_SLOW_DROP_OLDEST : CCP_SLOW_WAIT);
    assert_int_equal(ccp_chan_len(in), N); /* nothing is taken before the start */
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    for (size_t i = 0; i < LENGTH(ch); i++) {
        assert_gets(ch[i], 0, N);
        assert_ended(ch[i]);
        assert_int_equal(lost(b, ch[i]), 0);
    }
    assert_int_equal(info(b).taken, N);
    assert_int_equal(info(b).members, LENGTH(ch));
    assert_int_equal(info(b).lost, 0);
    end_broadcast(b, in);
}

TEST(elements_of_nothing_are_given_to_all_too) /* K11 */
{
    ccp_chan *in = ccp_chan_new(0, 10);
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    ccp_chan *all = ccp_broadcast_join(b, NULL);
    ccp_chan *last = join(b, 1, CCP_SLOW_DROP_OLDEST);
    for (int i = 0; i < 10; i++)
        ASSERT_STATUS(ccp_chan_send(in, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    for (int i = 0; i < 10; i++)
        ASSERT_STATUS(ccp_chan_recv(all, NULL, CCP_FOREVER), CCP_OK);
    assert_ended(all);
    WAIT_UNTIL(ccp_chan_is_closed(last));
    ASSERT_STATUS(ccp_chan_recv(last, NULL, CCP_NOWAIT), CCP_OK);
    assert_ended(last);
    assert_int_equal(lost(b, last), 9);
    end_broadcast(b, in);
}

/* Starts with nobody receiving; returns when all is given. */
static void give_all(ccp_broadcast *b, ccp_chan *in)
{
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
}

TEST(the_newest_or_the_oldest_is_dropped) /* K11 K12 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, N);
    ccp_chan *oldest = join(b, 10, CCP_SLOW_DROP_NEWEST);
    ccp_chan *newest = join(b, 10, CCP_SLOW_DROP_OLDEST);
    send_numbers(in, N);
    give_all(b, in);
    WAIT_UNTIL(ccp_chan_is_closed(oldest) && ccp_chan_is_closed(newest));
    assert_gets(oldest, 0, 10);
    assert_ended(oldest);
    assert_gets(newest, N - 10, 10);
    assert_ended(newest);
    assert_int_equal(lost(b, oldest), N - 10);
    assert_int_equal(lost(b, newest), N - 10);
    assert_int_equal(info(b).lost, 2 * (N - 10));
    assert_int_equal(info(b).disconnected, 0);
    end_broadcast(b, in);
}

TEST(a_slow_member_is_disconnected_and_keeps_what_it_has) /* K11 K12 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, N);
    ccp_chan *slow = join(b, 10, CCP_SLOW_DISCONNECT);
    ccp_chan *fast = join(b, N, CCP_SLOW_DISCONNECT);
    send_numbers(in, N);
    give_all(b, in);
    assert_gets(fast, 0, N);
    assert_ended(fast);
    assert_gets(slow, 0, 10);
    assert_ended(slow);
    assert_int_equal(lost(b, slow), 1);
    assert_int_equal(info(b).disconnected, 1);
    assert_int_equal(info(b).members, 2); /* it has still to leave */
    ASSERT_STATUS(ccp_broadcast_leave(b, slow), CCP_OK);
    assert_int_equal(info(b).members, 1);
    end_broadcast(b, in);
}

TEST(one_that_waits_holds_back_the_source_and_loses_nothing) /* K12 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 1);
    ccp_chan *slow = join(b, 2, CCP_SLOW_WAIT), *fast = join(b, 64, CCP_SLOW_WAIT);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    send_numbers(in, 4); /* two for the slow one, one in the hands of the thread, one in `in` */
    WAIT_UNTIL(waiting_senders(slow) == 1);
    ASSERT_STATUS(ccp_chan_send(in, &(long){ 4 }, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(info(b).taken, 3);
    assert_gets(slow, 0, 4);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    assert_gets(fast, 0, 4);
    assert_ended(slow);
    end_broadcast(b, in);
}

TEST(members_come_and_go_while_it_runs) /* K11 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 0);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    send_numbers(in, 3); /* nobody is there */
    WAIT_UNTIL(info(b).taken == 3);
    ccp_chan *a = join(b, 0, CCP_SLOW_WAIT);
    ASSERT_STATUS(ccp_chan_send(in, &(long){ 10 }, CCP_FOREVER), CCP_OK);
    assert_gets(a, 10, 1);
    ccp_chan *c = join(b, 0, CCP_SLOW_WAIT);
    ASSERT_STATUS(ccp_chan_send(in, &(long){ 11 }, CCP_FOREVER), CCP_OK);
    assert_gets(a, 11, 1);
    assert_gets(c, 11, 1);
    ASSERT_STATUS(ccp_broadcast_leave(b, a), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(in, &(long){ 12 }, CCP_FOREVER), CCP_OK);
    assert_gets(c, 12, 1);
    ASSERT_STATUS(ccp_chan_cancel(c), CCP_OK); /* wants no more, and has not left */
    send_numbers(in, 3);
    WAIT_UNTIL(info(b).taken == 9);
    assert_int_equal(info(b).members, 1);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    end_broadcast(b, in);
}

TEST(who_joins_after_the_end_finds_a_closed_channel) /* K13 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 1);
    ccp_chan *first = join(b, 1, CCP_SLOW_WAIT);
    give_all(b, in);
    assert_ended(first);
    assert_ended(join(b, 1, CCP_SLOW_WAIT));
    assert_int_equal(info(b).taken, 0);
    end_broadcast(b, in);
}

TEST(leaving_releases_the_broadcast_that_waits_for_it) /* K12 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 8);
    ccp_chan *stuck = join(b, 1, CCP_SLOW_WAIT), *other = join(b, 8, CCP_SLOW_WAIT);
    send_numbers(in, 4);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    WAIT_UNTIL(waiting_senders(stuck) == 1);
    ASSERT_STATUS(ccp_broadcast_leave(b, stuck), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_leave(b, stuck), CCP_INVAL);
    assert_gets(other, 0, 4);
    end_broadcast(b, in);
}

TEST(its_end_stops_the_source) /* K13 */
{
    for (int by_parent = 0; by_parent < 2; by_parent++) {
        ccp_ctx *parent = ccp_ctx_new(NULL, CCP_FOREVER);
        ccp_chan *in = ccp_chan_new(sizeof(long), 1);
        ccp_broadcast *b = ccp_broadcast_new(in, &(ccp_broadcast_opts){ .parent = parent });
        ccp_chan *stuck = join(b, 1, CCP_SLOW_WAIT);
        ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
        send_numbers(in, 3); /* one for the member, one in the hands of the thread, one in `in` */
        WAIT_UNTIL(waiting_senders(stuck) == 1);
        actor sender = { .ch = in, .value = 3, .w = CCP_FOREVER };
        if (by_parent) {
            actor_start(&sender, actor_send_long);
            actor_sleep_here(&sender);
            ccp_ctx_cancel(parent);
            actor_join(&sender);
            ASSERT_STATUS(sender.rc, CCP_CLOSED);
            assert_gets(stuck, 0, 1);
            assert_ended(stuck);
        }
        ASSERT_STATUS(ccp_broadcast_free(b), CCP_OK);
        assert_true(ccp_chan_is_closed(in));
        ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(parent), CCP_OK);
    }
}

TEST(one_that_was_not_started_stops_its_source_too) /* K13 */
{
    ccp_chan *in = ccp_chan_new(sizeof(long), 1);
    ccp_broadcast *b = ccp_broadcast_new(in, NULL);
    (void)join(b, 1, CCP_SLOW_WAIT);
    send_numbers(in, 1);
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_OK);
    assert_true(ccp_chan_is_closed(in));
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

TEST(one_in_use_is_not_freed)
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 1);
    actor a = { .ch = join(b, 1, CCP_SLOW_WAIT), .w = CCP_FOREVER };
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_BUSY);
    ASSERT_STATUS(ccp_broadcast_leave(b, a.ch), CCP_BUSY);
    (void)join(b, 1, CCP_SLOW_WAIT);
    ASSERT_STATUS(ccp_broadcast_free(b), CCP_BUSY);
    send_numbers(in, 1);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_OK);
    assert_int_equal(a.value, 0);
    end_broadcast(b, in);
}

/* --- elements that are owned --- */

static atomic_long live;

static ccp_status clone_long(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    const long *from = *(long *const *)in;
    long *p = *from == *(const long *)arg ? NULL : malloc(sizeof *p);
    (void)ctx;
    if (!p)
        return CCP_NOMEM;
    atomic_fetch_add(&live, 1);
    *p = *from;
    *(long **)out = p;
    return CCP_OK;
}

static void free_long(void *elem, void *arg)
{
    (void)arg;
    atomic_fetch_sub(&live, 1);
    free(*(long **)elem);
}

static void send_owned(ccp_chan *in, long n)
{
    for (long i = 0; i < n; i++) {
        long *p = malloc(sizeof *p);
        MUST(p);
        *p = i;
        atomic_fetch_add(&live, 1);
        ASSERT_STATUS(ccp_chan_send(in, &p, CCP_FOREVER), CCP_OK);
    }
}

TEST(copies_that_nobody_gets_are_dropped) /* K11 */
{
    long fails = 5;
    ccp_chan *in = ccp_chan_new(sizeof(long *), 200);
    ccp_broadcast *b = ccp_broadcast_new(
        in, &(ccp_broadcast_opts){ .clone = clone_long, .arg = &fails, .drop = free_long });
    ccp_chan *all = join(b, 200, CCP_SLOW_WAIT);
    join(b, 10, CCP_SLOW_DROP_NEWEST);
    join(b, 10, CCP_SLOW_DROP_OLDEST);
    join(b, 10, CCP_SLOW_DISCONNECT);
    ccp_chan *left = join(b, 10, CCP_SLOW_WAIT);
    send_owned(in, 100);
    give_all(b, in);
    WAIT_UNTIL(waiting_senders(left) == 1);
    ASSERT_STATUS(ccp_broadcast_leave(b, left), CCP_OK);
    long *p;
    for (long i = 0; i < 100; i++) {
        if (i == fails)
            continue;
        ASSERT_STATUS(ccp_chan_recv(all, &p, CCP_FOREVER), CCP_OK);
        assert_int_equal(*p, i);
        free_long(&p, NULL);
    }
    assert_ended(all);
    assert_int_equal(lost(b, all), 1);
    end_broadcast(b, in); /* drops what is in the channels */
    assert_int_equal(live, 0);
}

static ccp_broadcast *to_free;

static ccp_status clone_and_free_it(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    *(long *)out = *(const long *)in;
    *(ccp_status *)arg = ccp_broadcast_free(to_free);
    return CCP_OK;
}

TEST(its_own_thread_cannot_free_it)
{
    ccp_status st = CCP_OK;
    ccp_chan *in = ccp_chan_new(sizeof(long), 1);
    ccp_broadcast *b = ccp_broadcast_new(
        in, &(ccp_broadcast_opts){ .clone = clone_and_free_it, .arg = &st });
    to_free = b;
    ccp_chan *ch = join(b, 1, CCP_SLOW_WAIT);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    send_numbers(in, 1);
    assert_gets(ch, 0, 1);
    ASSERT_STATUS(st, CCP_DEADLOCK);
    end_broadcast(b, in);
}

static ccp_status clone_late(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    *(long *)out = *(const long *)in;
    atomic_store((atomic_bool *)arg, true);
    (void)ccp_sleep(ccp_with(ctx)); /* until the broadcast is freed */
    return CCP_OK;
}

TEST(who_has_left_while_it_was_being_served_is_no_member) /* K12 */
{
    atomic_bool at_it = false;
    uint64_t n;
    ccp_chan *in = ccp_chan_new(sizeof(long), 1);
    ccp_broadcast *b =
        ccp_broadcast_new(in, &(ccp_broadcast_opts){ .clone = clone_late, .arg = &at_it });
    ccp_chan *first = join(b, 1, CCP_SLOW_WAIT), *second = join(b, 1, CCP_SLOW_WAIT);
    send_numbers(in, 1);
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    WAIT_UNTIL(atomic_load(&at_it));
    ASSERT_STATUS(ccp_broadcast_leave(b, first), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_leave(b, first), CCP_INVAL);
    ASSERT_STATUS(ccp_broadcast_lost(b, first, &n), CCP_INVAL);
    assert_int_equal(info(b).members, 1);
    assert_int_equal(lost(b, second), 0);
    end_broadcast(b, in);
}

/* --- many at once --- */

typedef struct subscriber {
    ccp_broadcast *b;
    long got, last;
    bool disorder;
} subscriber;

static void come_and_go(actor *a)
{
    subscriber *s = a->arg;
    for (int round = 0; round < 20; round++) {
        ccp_chan *ch = ccp_broadcast_join(
            s->b, &(ccp_member_opts){ .capacity = 4, .slow = (ccp_slow)(round % 4) });
        MUST(ch);
        long v, before = -1;
        for (int i = 0; i < 20 && ccp_chan_recv(ch, &v, CCP_FOREVER) == CCP_OK; i++) {
            s->disorder = s->disorder || v <= before ||
                          (round % 4 == CCP_SLOW_WAIT && before >= 0 && v != before + 1);
            before = v;
            s->got++;
        }
        MUST(ccp_broadcast_leave(s->b, ch) == CCP_OK);
    }
}

TEST(many_come_and_go_at_once) /* K11 */
{
    ccp_chan *in;
    ccp_broadcast *b = new_broadcast(&in, 16);
    subscriber s[4] = { { .b = b }, { .b = b }, { .b = b }, { .b = b } };
    actor a[4];
    ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK);
    for (size_t i = 0; i < 4; i++) {
        a[i] = (actor){ .arg = &s[i] };
        actor_start(&a[i], come_and_go);
    }
    for (long k = 0;; k++) {
        bool done = true;
        for (size_t i = 0; i < 4; i++)
            done = done && actor_is_done(&a[i]);
        if (done)
            break;
        ASSERT_STATUS(ccp_chan_send(in, &k, CCP_FOREVER), CCP_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        actor_join(&a[i]);
        assert_false(s[i].disorder);
        assert_true(s[i].got > 0);
    }
    assert_int_equal(info(b).members, 0);
    end_broadcast(b, in);
}

TEST(a_failed_allocation_is_reported_and_leaks_nothing) /* G4 */
{
    memory_watch();
    for (size_t n = 1;; n++) {
        ccp_chan *in = ccp_chan_new(sizeof(long), 1);
        memory_fail_at(n);
        ccp_broadcast *b = ccp_broadcast_new(in, NULL);
        ccp_chan *ch = ccp_broadcast_join(b, NULL);
        ccp_status st = b ? ccp_broadcast_start(b) : CCP_NOMEM;
        bool all = b && ch && st == CCP_OK;
        memory_fail_at(0);
        if (b && st != CCP_OK) {
            ASSERT_STATUS(st, CCP_NOMEM);
            ASSERT_STATUS(ccp_broadcast_start(b), CCP_OK); /* may be tried again */
        }
        end_broadcast(b, in);
        assert_int_equal(memory_live, 0);
        if (all)
            break;
        assert_true(n < 100);
    }
    memory_unwatch();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(wrong_arguments_are_refused),
        ENTRY(every_member_gets_everything_in_order),
        ENTRY(elements_of_nothing_are_given_to_all_too),
        ENTRY(the_newest_or_the_oldest_is_dropped),
        ENTRY(a_slow_member_is_disconnected_and_keeps_what_it_has),
        ENTRY(one_that_waits_holds_back_the_source_and_loses_nothing),
        ENTRY(members_come_and_go_while_it_runs),
        ENTRY(who_joins_after_the_end_finds_a_closed_channel),
        ENTRY(leaving_releases_the_broadcast_that_waits_for_it),
        ENTRY(its_end_stops_the_source),
        ENTRY(one_that_was_not_started_stops_its_source_too),
        ENTRY(one_in_use_is_not_freed),
        ENTRY(copies_that_nobody_gets_are_dropped),
        ENTRY(its_own_thread_cannot_free_it),
        ENTRY(who_has_left_while_it_was_being_served_is_no_member),
        ENTRY(many_come_and_go_at_once),
        ENTRY(a_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
