/* SPDX-License-Identifier: MIT
 *
 * Channels: what does not depend on the flavor, or is about one only.
 */
#include "support.h"

TEST(names_and_sizes_stand_in_the_snapshot)
{
    ccp_chan *ch = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = 12, .capacity = 5, .name = "orders" });
    ccp_chan_info info = info_of(ch);
    assert_string_equal(info.name, "orders");
    assert_int_equal(info.elem_size, 12);
    assert_int_equal(info.capacity, 5);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(null_is_no_channel) /* G2 */
{
    long v = 0;
    size_t n;
    ccp_chan_info info;
    ASSERT_STATUS(ccp_chan_send(NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recv(NULL, &v, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_send_n(NULL, &v, 1, &n, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recv_n(NULL, &v, 1, &n, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_close(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_cancel(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_add_senders(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_sender_done(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_get_info(NULL, &info), CCP_INVAL);
    assert_int_equal(ccp_chan_len(NULL), 0);
    assert_int_equal(ccp_chan_cap(NULL), 0);
    assert_true(ccp_chan_is_closed(NULL));
    ASSERT_STATUS(ccp_chan_free(NULL), CCP_OK);
    assert_null(ccp_chan_make(NULL));
    assert_int_equal(ccp_chan_memory(NULL), 0);
}

TEST(memory_of_the_caller_must_be_large_enough)
{
    static uint64_t memory[1024];
    ccp_chan_opts o = { .elem_size = 8, .capacity = 16 };
    size_t need = ccp_chan_memory(&o);
    assert_in_range(need, 16 * 16, sizeof memory);
    o.memory = memory;
    static const size_t too_small[] = { 0, 1, 64 };
    for (size_t i = 0; i < LENGTH(too_small); i++) {
        o.memory_size = too_small[i];
        assert_null(ccp_chan_make(&o));
    }
    o.memory_size = need - 1;
    assert_null(ccp_chan_make(&o));
    o.memory_size = need;
    ccp_chan *ch = ccp_chan_make(&o);
    assert_non_null(ch);
    assert_int_equal(ccp_live_blocks(), 0); /* nothing else was taken */
    assert_true((char *)ch >= (char *)memory && (char *)ch < (char *)memory + need);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(memory_of_the_caller_may_begin_anywhere)
{
    ccp_chan_opts o = { .elem_size = 3 * sizeof(long), .capacity = 3 };
    size_t need = ccp_chan_memory(&o);
    for (size_t shift = 0; shift < 80; shift++) {
        char *block = malloc(need + shift); /* ASan watches both ends */
        o.memory = block + shift;
        o.memory_size = need;
        ccp_chan *ch = ccp_chan_make(&o);
        assert_non_null(ch);
        long elem[3] = { 1, 2, 3 }, got[3];
        for (int i = 0; i < 3; i++)
            ASSERT_STATUS(ccp_chan_send(ch, elem, CCP_NOWAIT), CCP_OK);
        for (int i = 0; i < 3; i++) {
            ASSERT_STATUS(ccp_chan_recv(ch, got, CCP_NOWAIT), CCP_OK);
            assert_memory_equal(elem, got, sizeof elem);
        }
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        free(block);
    }
}

#define HALF_THE_BITS ((size_t)1 << (sizeof(size_t) * 4))

TEST(sizes_that_cannot_be_added_up_make_no_channel) /* G2 */
{
    static const size_t absurd[][2] = {
        { SIZE_MAX, 1 },         { SIZE_MAX, 2 },     { SIZE_MAX / 2, 3 }, { 8, SIZE_MAX },
        { 8, SIZE_MAX / 8 },     { 1, SIZE_MAX },     { 1, SIZE_MAX / 9 }, { SIZE_MAX - 7, 1 },
        { SIZE_MAX / 16, 32 },   { PTRDIFF_MAX, 1 },  { HALF_THE_BITS, HALF_THE_BITS },
        { SIZE_MAX / 4 - 23, 4 },      /* only the channel itself is too much */
        { PTRDIFF_MAX - 4096 - 64, 1 } /* only the channel itself is too much for a difference */
    };
    for (size_t i = 0; i < LENGTH(absurd); i++)
        for (int spread = 0; spread < 2; spread++) {
            const ccp_chan_opts o = { .elem_size = absurd[i][0],
                                      .capacity = absurd[i][1],
                                      .spread = spread };
            assert_int_equal(ccp_chan_memory(&o), 0);
            assert_null(ccp_chan_make(&o));
            assert_null(ccp_chan_new(absurd[i][0], absurd[i][1]));
            static uint64_t memory[1];
            assert_null(ccp_chan_make(&(ccp_chan_opts){ .elem_size = absurd[i][0],
                                                        .capacity = absurd[i][1],
                                                        .spread = spread,
                                                        .memory = memory,
                                                        .memory_size = SIZE_MAX }));
        }
}

static size_t memory_of(size_t elem_size, size_t capacity, bool spread)
{
    return ccp_chan_memory(&(ccp_chan_opts){
        .elem_size = elem_size, .capacity = capacity, .spread = spread });
}

TEST(the_largest_channels_can_still_be_described)
{
    const size_t ring = (size_t)((uint64_t)1 << 40), count = (size_t)((uint64_t)1 << 62);
    if (sizeof(size_t) < sizeof(uint64_t))
        return; /* there the address space is the limit */
    assert_int_not_equal(memory_of(8, ring - 1, false), 0);
    assert_int_equal(memory_of(8, ring, false), 0);
    assert_int_not_equal(memory_of(0, count - 1, false), 0);
    assert_int_equal(memory_of(0, count, false), 0);
}

TEST(elements_that_are_spread_take_a_cache_line_each) /* C12 */
{
    size_t dense = memory_of(8, 101, false) - memory_of(8, 1, false);
    size_t spread = memory_of(8, 101, true) - memory_of(8, 1, true);
    assert_int_equal(dense, 100 * 16);
    assert_true(spread >= 100 * 32 && spread % 100 == 0);
}

TEST(a_channel_that_carries_nothing_needs_no_room_for_its_elements)
{
    ccp_chan *ch = ccp_chan_new(0, 1000000);
    assert_non_null(ch);
    for (int i = 0; i < 1000; i++)
        ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_OK);
    assert_int_equal(ccp_chan_len(ch), 1000);
    const ccp_chan_opts o = { .capacity = 1000000 };
    assert_in_range(ccp_chan_memory(&o), 1, 1024);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- counted senders --- */

TEST(the_last_counted_sender_closes) /* C11 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 2), CCP_OK);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 1), CCP_OK);
    for (int i = 0; i < 2; i++) {
        ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_OK);
        assert_false(ccp_chan_is_closed(ch));
    }
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_close(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 1), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_MISUSE);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(senders_are_counted_within_limits) /* G2 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 4);
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_MISUSE);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_add_senders(ch, 0), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_add_senders(ch, UINT32_MAX), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 1u << 31), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_add_senders(ch, INT32_MAX), CCP_OK);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_add_senders(ch, 1), CCP_OK);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_sender_done(ch), CCP_OK); /* the others may still sign off */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void send_then_sign_off(actor *a)
{
    for (long i = 0; i < 100; i++)
        MUST(ccp_chan_send(a->ch, &i, CCP_FOREVER) == CCP_OK);
    a->rc = ccp_chan_sender_done(a->ch);
}

TEST(eight_senders_close_the_channel_exactly_once) /* C11 C2 */
{
    for (int round = 0; round < 20; round++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 3);
        actor a[8];
        long v, n = 0;
        ASSERT_STATUS(ccp_chan_add_senders(ch, LENGTH(a)), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .ch = ch };
            actor_start(&a[i], send_then_sign_off);
        }
        CCP_CHAN_FOR(&v, ch, CCP_FOREVER)
        n++;
        assert_int_equal(n, 800);
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            ASSERT_STATUS(a[i].rc, CCP_OK);
        }
        ASSERT_STATUS(ccp_chan_close(ch), CCP_CLOSED);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

static void close_it(actor *a)
{
    a->rc = a->value ? ccp_chan_cancel(a->ch) : ccp_chan_close(a->ch);
}

TEST(of_many_closers_one_is_the_first)
{
    for (size_t round = 0; round < scaled(300); round++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 0);
        actor a[4];
        int first = 0;
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .ch = ch, .value = i == 3 };
            actor_start(&a[i], close_it);
        }
        for (size_t i = 0; i < LENGTH(a); i++) {
            actor_join(&a[i]);
            first += a[i].rc == CCP_OK;
        }
        assert_int_equal(first, 1);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

/* --- iteration --- */

TEST(the_loop_macro_ends_on_close_and_lets_itself_be_left)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 8);
    long v, sum = 0, rounds = 0;
    for (long i = 1; i <= 8; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &i, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    CCP_CHAN_FOR(&v, ch, CCP_FOREVER)
    {
        if (v == 2)
            continue;
        sum += v;
        if (v == 4)
            break;
    }
    assert_int_equal(sum, 1 + 3 + 4);
    long inner;
    CCP_CHAN_FOR(&v, ch, CCP_FOREVER)
    {
        CCP_CHAN_FOR(&inner, ch, CCP_FOREVER)
        rounds++;
    }
    assert_int_equal(v, 5);
    assert_int_equal(rounds, 3);
    CCP_CHAN_FOR(&v, ch, CCP_FOREVER)
    fail();
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(the_loop_macro_ends_with_its_context)
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 8);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    long v = 1, rounds = 0;
    for (int i = 0; i < 8; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    CCP_CHAN_FOR(&v, ch, ccp_with(ctx))
    if (++rounds == 3)
        ccp_ctx_cancel(ctx);
    assert_int_equal(rounds, 3);
    assert_int_equal(ccp_chan_len(ch), 5);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

/* --- typed --- */

typedef struct point {
    double x, y;
    char label[8];
} point;
CCP_CHAN_DEFINE(point_chan, point);

TEST(a_typed_channel_carries_structs_by_value)
{
    point_chan c = point_chan_new(2);
    point_chan_tx tx = point_chan_sender(c);
    point_chan_rx rx = point_chan_receiver(c);
    point in = { 1.5, -2, "here" }, out;
    assert_int_equal(info_of(c.ch).elem_size, sizeof(point));
    ASSERT_STATUS(point_chan_send(tx, &in, CCP_FOREVER), CCP_OK);
    in.x = 7;
    ASSERT_STATUS(point_chan_recv(rx, &out, CCP_FOREVER), CCP_OK);
    assert_true(out.x == 1.5 && out.y == -2);
    assert_string_equal(out.label, "here");
    ASSERT_STATUS(point_chan_close(tx), CCP_OK);
    ASSERT_STATUS(point_chan_recv(rx, &out, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(point_chan_free(c), CCP_OK);
}

/* --- those who wait long --- */

typedef struct rush {
    ccp_chan *ch;
    _Atomic bool stop;
    atomic_long passed;
} rush;

static void rush_send(actor *a)
{
    rush *r = a->arg;
    long v = 1;
    while (!atomic_load(&r->stop))
        if (ccp_chan_send(r->ch, &v, ccp_within(CCP_MS(50))) == CCP_OK)
            atomic_fetch_add(&r->passed, 1);
}

static void rush_recv(actor *a)
{
    rush *r = a->arg;
    long v;
    while (!atomic_load(&r->stop))
        (void)!ccp_chan_recv(r->ch, &v, ccp_within(CCP_MS(50)));
}

/* One thread waits; then others begin to pass it by as fast as they can. */
static void somebody_waits_in_a_rush(size_t capacity, bool sender_waits)
{
    rush r = { .ch = ccp_chan_new(sizeof(long), capacity) };
    long v = 1;
    if (sender_waits)
        for (size_t i = 0; i < capacity; i++)
            ASSERT_STATUS(ccp_chan_send(r.ch, &v, CCP_NOWAIT), CCP_OK);
    actor patient = { .ch = r.ch, .w = CCP_FOREVER }, hasty[4];
    actor_start(&patient, sender_waits ? actor_send_long : actor_recv_long);
    WAIT_UNTIL(waiting_senders(r.ch) + waiting_receivers(r.ch) == 1);
    for (size_t i = 0; i < LENGTH(hasty); i++) {
        bool sends = sender_waits ? i < 3 : i < 1;
        hasty[i] = (actor){ .arg = &r };
        actor_start(&hasty[i], sends ? rush_send : rush_recv);
    }
    WAIT_UNTIL(actor_is_done(&patient));
    ASSERT_STATUS(patient.rc, CCP_OK);
    atomic_store(&r.stop, true);
    actor_join(&patient);
    for (size_t i = 0; i < LENGTH(hasty); i++)
        actor_join(&hasty[i]);
    ASSERT_STATUS(ccp_chan_free(r.ch), CCP_OK);
}

TEST(a_waiting_receiver_is_not_passed_by_for_ever) /* C8 */
{
    static const size_t capacities[] = { 0, 1, 64 };
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < LENGTH(capacities); i++)
            somebody_waits_in_a_rush(capacities[i], false);
}

TEST(a_waiting_sender_is_not_passed_by_for_ever) /* C8 */
{
    static const size_t capacities[] = { 0, 1, 64 };
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < LENGTH(capacities); i++)
            somebody_waits_in_a_rush(capacities[i], true);
}

/* --- happens-before --- */

typedef struct exchange {
    ccp_chan *there, *back;
    long box; /* plain: the race detector watches it */
} exchange;

static void add_one_when_told(actor *a)
{
    exchange *e = a->arg;
    while (ccp_chan_recv(e->there, NULL, CCP_FOREVER) == CCP_OK) {
        e->box++;
        MUST(ccp_chan_send(e->back, NULL, CCP_FOREVER) == CCP_OK);
    }
}

TEST(what_came_before_a_send_is_seen_after_the_receive)
{
    static const size_t capacities[] = { 0, 1, 3 };
    for (size_t c = 0; c < LENGTH(capacities); c++) {
        exchange e = { ccp_chan_new(0, capacities[c]), ccp_chan_new(0, capacities[c]), 0 };
        actor a = { .arg = &e };
        actor_start(&a, add_one_when_told);
        for (long i = 1; i < 1000; i += 2) {
            e.box = i;
            ASSERT_STATUS(ccp_chan_send(e.there, NULL, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(ccp_chan_recv(e.back, NULL, CCP_FOREVER), CCP_OK);
            assert_int_equal(e.box, i + 1);
        }
        ASSERT_STATUS(ccp_chan_close(e.there), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(ccp_chan_free(e.there), CCP_OK);
        ASSERT_STATUS(ccp_chan_free(e.back), CCP_OK);
    }
}

/* A channel of capacity n as a lock for n threads: the k-th receive happens-before the return of
 * the (k+n)-th send. */
typedef struct guarded {
    ccp_chan *lock;
    long count; /* plain */
} guarded;

static void count_guarded(actor *a)
{
    guarded *g = a->arg;
    for (int i = 0; i < 500; i++) {
        MUST(ccp_chan_send(g->lock, NULL, CCP_FOREVER) == CCP_OK);
        g->count++;
        MUST(ccp_chan_recv(g->lock, NULL, CCP_NOWAIT) == CCP_OK);
    }
}

static void count_guarded_by_bytes(actor *a)
{
    guarded *g = a->arg;
    char v = 0;
    for (int i = 0; i < 500; i++) {
        MUST(ccp_chan_send(g->lock, &v, CCP_FOREVER) == CCP_OK);
        g->count++;
        MUST(ccp_chan_recv(g->lock, &v, CCP_NOWAIT) == CCP_OK);
    }
}

TEST(a_channel_of_capacity_one_is_a_lock)
{
    for (size_t size = 0; size < 2; size++) {
        guarded g = { ccp_chan_new(size, 1), 0 };
        actor a[4];
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &g };
            actor_start(&a[i], size ? count_guarded_by_bytes : count_guarded);
        }
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
        assert_int_equal(g.count, 4 * 500);
        ASSERT_STATUS(ccp_chan_free(g.lock), CCP_OK);
    }
}

/* --- a batch that waits --- */

static void send_batch(actor *a)
{
    long elems[6] = { 10, 11, 12, 13, 14, 15 };
    size_t done = 0, n = 0;
    actor_calls(a);
    while (done < LENGTH(elems)) {
        a->rc = ccp_chan_send_n(a->ch, elems + done, LENGTH(elems) - done, &n, CCP_FOREVER);
        if (a->rc != CCP_OK)
            break;
        MUST(n >= 1 && n <= LENGTH(elems) - done);
        done += n;
    }
    a->value = (long)done;
}

TEST(a_waiting_batch_goes_on_in_order) /* C13 */
{
    for (size_t capacity = 0; capacity < 3; capacity++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        actor a = { .ch = ch };
        actor_start(&a, send_batch);
        WAIT_UNTIL(waiting_senders(ch) == 1);
        assert_int_equal(ccp_chan_len(ch), capacity);
        for (long i = 10; i < 16; i++) {
            long v = 0;
            ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
            assert_int_equal(v, i);
        }
        actor_join(&a);
        assert_int_equal(a.value, 6);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

TEST(a_batch_that_waits_is_released_by_close) /* C3 */
{
    for (size_t capacity = 0; capacity < 3; capacity++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        actor a = { .ch = ch };
        actor_start(&a, send_batch);
        WAIT_UNTIL(waiting_senders(ch) == 1);
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_CLOSED);
        assert_int_equal(a.value, capacity);
        assert_int_equal(ccp_chan_len(ch), capacity);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

static void recv_batch_to_null(actor *a)
{
    size_t n = 0;
    actor_calls(a);
    a->rc = ccp_chan_recv_n(a->ch, NULL, 3, &n, CCP_FOREVER);
    a->value = (long)n;
}

TEST(a_batch_may_be_received_to_null)
{
    const long v[3] = { 1, 2, 3 };
    size_t n = 0;
    for (size_t capacity = 0; capacity < 3; capacity++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        actor a = { .ch = ch };
        if (capacity) {
            ASSERT_STATUS(ccp_chan_send_n(ch, v, 3, &n, CCP_NOWAIT), CCP_OK);
            ASSERT_STATUS(ccp_chan_recv_n(ch, NULL, 3, &n, CCP_NOWAIT), CCP_OK);
            assert_int_equal(n, capacity);
        }
        actor_start(&a, recv_batch_to_null);
        WAIT_UNTIL(waiting_receivers(ch) == 1);
        ASSERT_STATUS(ccp_chan_send_n(ch, v, 3, &n, CCP_FOREVER), CCP_OK);
        actor_join(&a);
        ASSERT_STATUS(a.rc, CCP_OK);
        assert_int_equal(n, capacity ? capacity : 1);
        assert_int_equal(a.value, n);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(names_and_sizes_stand_in_the_snapshot),
        ENTRY(null_is_no_channel),
        ENTRY(memory_of_the_caller_must_be_large_enough),
        ENTRY(memory_of_the_caller_may_begin_anywhere),
        ENTRY(sizes_that_cannot_be_added_up_make_no_channel),
        ENTRY(the_largest_channels_can_still_be_described),
        ENTRY(elements_that_are_spread_take_a_cache_line_each),
        ENTRY(a_channel_that_carries_nothing_needs_no_room_for_its_elements),
        ENTRY(the_last_counted_sender_closes),
        ENTRY(senders_are_counted_within_limits),
        ENTRY(eight_senders_close_the_channel_exactly_once),
        ENTRY(of_many_closers_one_is_the_first),
        ENTRY(the_loop_macro_ends_on_close_and_lets_itself_be_left),
        ENTRY(the_loop_macro_ends_with_its_context),
        ENTRY(a_typed_channel_carries_structs_by_value),
        ENTRY(a_waiting_receiver_is_not_passed_by_for_ever),
        ENTRY(a_waiting_sender_is_not_passed_by_for_ever),
        ENTRY(what_came_before_a_send_is_seen_after_the_receive),
        ENTRY(a_channel_of_capacity_one_is_a_lock),
        ENTRY(a_waiting_batch_goes_on_in_order),
        ENTRY(a_batch_that_waits_is_released_by_close),
        ENTRY(a_batch_may_be_received_to_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
