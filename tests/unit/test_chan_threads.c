/* SPDX-License-Identifier: MIT
 *
 * What every flavor of channel does with several threads.
 */
#include "flavors.h"

typedef struct crew {
    const flavor *f;
    ccp_chan *ch;
    size_t senders, receivers, each; /* elements per sender */
    atomic_size_t received;
    atomic_long sum_sent, sum_received;
    atomic_size_t *seen; /* per sender: the next number that may come, for one receiver */
} crew;

/* Sender and number in one, as far as the element has room for them. */
static unsigned long encode(size_t size, size_t sender, size_t number)
{
    return size >= 8 ? (unsigned long)(sender << 24 | number) :
           size >= 4 ? (unsigned long)((sender & 15) << 20 | number) :
                       (unsigned long)number;
}

static unsigned long decode(const unsigned char *elem, size_t size)
{
    unsigned long k = 0;
    for (size_t i = 0; i < size && i < sizeof k; i++)
        k |= (unsigned long)elem[i] << (8 * i);
    return k;
}

static void send_all(actor *a)
{
    crew *c = a->arg;
    size_t size = c->f->o.elem_size;
    unsigned char elem[MAX_ELEM + 1];
    for (size_t i = 0; i < c->each; i++) {
        unsigned long k = encode(size, a->index, i);
        element_fill(elem, size, k);
        MUST(ccp_chan_send(c->ch, elem, CCP_FOREVER) == CCP_OK);
        memset(elem, 0xee, sizeof elem); /* it has been copied */
        atomic_fetch_add(&c->sum_sent, (long)(size >= 4 ? k : 1));
    }
}

static void recv_all(actor *a)
{
    crew *c = a->arg;
    size_t size = c->f->o.elem_size;
    unsigned char elem[MAX_ELEM + 1];
    size_t next[16] = { 0 };
    CCP_CHAN_FOR(elem, c->ch, CCP_FOREVER)
    {
        unsigned long k = decode(elem, size);
        MUST(element_is(elem, size, k));
        if (size >= 4) {
            size_t sender = size >= 8 ? k >> 24 : k >> 20, number = k & 0xfffff;
            MUST(sender < c->senders && number >= next[sender]); /* C1 */
            if (c->receivers == 1)
                MUST(number == next[sender]);
            next[sender] = number + 1;
        } else if (size && c->senders == 1 && c->receivers == 1) {
            MUST(k == ((a->value++) & 0xff));
        }
        atomic_fetch_add(&c->sum_received, (long)(size >= 4 ? k : 1));
        atomic_fetch_add(&c->received, 1);
    }
}

static void run_crew(const flavor *f, size_t senders, size_t receivers, size_t each)
{
    actor s[4], r[4];
    crew c = { f, flavor_chan(f), senders, receivers, each, 0, 0, 0, NULL };
    for (size_t i = 0; i < receivers; i++) {
        r[i] = (actor){ .arg = &c, .index = i };
        actor_start(&r[i], recv_all);
    }
    for (size_t i = 0; i < senders; i++) {
        s[i] = (actor){ .arg = &c, .index = i };
        actor_start(&s[i], send_all);
    }
    for (size_t i = 0; i < senders; i++)
        actor_join(&s[i]);
    ASSERT_STATUS(ccp_chan_close(c.ch), CCP_OK);
    for (size_t i = 0; i < receivers; i++)
        actor_join(&r[i]);
    assert_int_equal(atomic_load(&c.received), senders * each);
    assert_int_equal(atomic_load(&c.sum_received), atomic_load(&c.sum_sent));
    assert_int_equal(ccp_chan_len(c.ch), 0);
    assert_nobody_waits(c.ch);
    if (f->o.capacity && f->o.elem_size) {
        assert_int_equal(info_of(c.ch).sent, senders * each);
        assert_int_equal(info_of(c.ch).received, senders * each);
    }
    assert_true(info_of(c.ch).high_water <= f->o.capacity);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void one_to_one_keeps_the_order(const flavor *f) /* C1 */
{
    run_crew(f, 1, 1, 300);
}

static void four_to_one_keeps_the_order_of_each(const flavor *f) /* C1 C4 */
{
    run_crew(f, 4, 1, 60);
}

static void one_to_four_loses_nothing(const flavor *f) /* C4 */
{
    run_crew(f, 1, 4, 200);
}

static void four_to_four_loses_nothing(const flavor *f) /* C4 C5 */
{
    run_crew(f, 4, 4, 60);
}

/* --- threads that wait --- */

static void send_one(actor *a)
{
    crew *c = a->arg;
    unsigned char elem[MAX_ELEM + 1], same[MAX_ELEM + 1];
    element_fill(elem, c->f->o.elem_size, (unsigned long)a->value);
    memcpy(same, elem, c->f->o.elem_size);
    actor_calls(a);
    a->rc = ccp_chan_send(c->ch, elem, a->w);
    MUST(memcmp(same, elem, c->f->o.elem_size) == 0); /* the element is its own */
}

static void recv_one(actor *a)
{
    crew *c = a->arg;
    unsigned char elem[MAX_ELEM + 1];
    memset(elem, 0x5a, sizeof elem);
    actor_calls(a);
    a->rc = ccp_chan_recv(c->ch, elem, a->w);
    if (a->rc == CCP_OK)
        a->value = (long)decode(elem, c->f->o.elem_size);
    else
        for (size_t i = 0; i < sizeof elem; i++)
            MUST(elem[i] == 0x5a); /* G1 */
}

enum { WAITERS = 5 };

static void start_waiters(actor *a, crew *c, void (*fn)(actor *))
{
    for (size_t i = 0; i < WAITERS; i++) {
        a[i] = (actor){ .arg = c, .w = CCP_FOREVER, .value = 100 + (long)i };
        actor_start(&a[i], fn);
    }
}

static void join_waiters(actor *a, ccp_status expected)
{
    for (size_t i = 0; i < WAITERS; i++) {
        actor_join(&a[i]);
        ASSERT_STATUS(a[i].rc, expected);
    }
}

static void fill_up(const crew *c)
{
    unsigned char elem[MAX_ELEM + 1];
    for (size_t i = 0; i < c->f->o.capacity; i++) {
        element_fill(elem, c->f->o.elem_size, i);
        ASSERT_STATUS(ccp_chan_send(c->ch, elem, CCP_NOWAIT), CCP_OK);
    }
}

static void close_releases_every_waiting_sender(const flavor *f) /* C2 C3 */
{
    actor a[WAITERS];
    crew c = { .f = f, .ch = flavor_chan(f) };
    fill_up(&c);
    start_waiters(a, &c, send_one);
    WAIT_UNTIL(waiting_senders(c.ch) == WAITERS);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(c.ch), CCP_OK);
    join_waiters(a, CCP_CLOSED);
    assert_nobody_waits(c.ch);
    assert_int_equal(ccp_chan_len(c.ch), f->o.capacity);
    unsigned char elem[MAX_ELEM + 1];
    for (size_t i = 0; i < f->o.capacity; i++) {
        ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_OK);
        assert_true(element_is(elem, f->o.elem_size, i));
    }
    ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void close_releases_every_waiting_receiver(const flavor *f) /* C3 */
{
    actor a[WAITERS];
    crew c = { .f = f, .ch = flavor_chan(f) };
    start_waiters(a, &c, recv_one);
    WAIT_UNTIL(waiting_receivers(c.ch) == WAITERS);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(c.ch), CCP_OK);
    join_waiters(a, CCP_CLOSED);
    assert_nobody_waits(c.ch);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void each_receive_lets_one_waiting_sender_go(const flavor *f) /* C1 C4 */
{
    actor a[WAITERS];
    crew c = { .f = f, .ch = flavor_chan(f) };
    fill_up(&c);
    start_waiters(a, &c, send_one);
    WAIT_UNTIL(waiting_senders(c.ch) == WAITERS);
    unsigned char elem[MAX_ELEM + 1];
    unsigned long sum = 0, expected = 0;
    size_t size = f->o.elem_size;
    for (size_t i = 0; i < f->o.capacity; i++) {
        ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_FOREVER), CCP_OK);
        assert_true(element_is(elem, size, i)); /* those that waited come after */
    }
    for (size_t i = 0; i < WAITERS; i++) {
        ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_FOREVER), CCP_OK);
        sum += size ? decode(elem, size) : 100 + i;
        expected += 100 + i;
    }
    join_waiters(a, CCP_OK);
    assert_int_equal(sum, expected);
    ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void each_send_serves_one_waiting_receiver(const flavor *f) /* C4 */
{
    actor a[WAITERS];
    crew c = { .f = f, .ch = flavor_chan(f) };
    start_waiters(a, &c, recv_one);
    WAIT_UNTIL(waiting_receivers(c.ch) == WAITERS);
    unsigned char elem[MAX_ELEM + 1];
    for (size_t i = 0; i < WAITERS; i++) {
        element_fill(elem, f->o.elem_size, 1 + i);
        ASSERT_STATUS(ccp_chan_send(c.ch, elem, CCP_FOREVER), CCP_OK);
    }
    join_waiters(a, CCP_OK);
    long sum = 0;
    for (size_t i = 0; i < WAITERS; i++)
        sum += a[i].value;
    assert_int_equal(sum, f->o.elem_size ? WAITERS * (WAITERS + 1) / 2 : 0);
    assert_int_equal(ccp_chan_len(c.ch), 0);
    assert_nobody_waits(c.ch);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

enum { BATCH = 2 };

static void recv_batch(actor *a)
{
    crew *c = a->arg;
    static unsigned char elems[(BATCH + 1) * MAX_ELEM];
    size_t size = c->f->o.elem_size;
    actor_calls(a);
    a->rc = ccp_chan_recv_n(c->ch, elems, BATCH + 1, &a->index, a->w);
    for (size_t i = 0; i < a->index; i++)
        MUST(element_is(elems + i * size, size, 50 + i));
}

static void a_batch_that_waited_takes_what_came_with_the_first(const flavor *f)
{
    crew c = { .f = f, .ch = flavor_chan(f) };
    size_t size = f->o.elem_size, n;
    unsigned char elems[BATCH * MAX_ELEM + 1];
    actor r = { .arg = &c, .w = CCP_FOREVER };
    actor_start(&r, recv_batch);
    WAIT_UNTIL(waiting_receivers(c.ch) == 1);
    for (size_t i = 0; i < BATCH; i++)
        element_fill(elems + i * size, size, 50 + i);
    ASSERT_STATUS(ccp_chan_send_n(c.ch, elems, BATCH, &n, CCP_NOWAIT), CCP_OK);
    assert_int_equal(n, BATCH);
    actor_join(&r);
    ASSERT_STATUS(r.rc, CCP_OK);
    assert_int_equal(r.index, BATCH);
    assert_nobody_waits(c.ch);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void a_waiting_partner_makes_a_rendezvous_possible_at_once(const flavor *f) /* C5 C7 */
{
    crew c = { .f = f, .ch = flavor_chan(f) };
    size_t size = f->o.elem_size;
    unsigned char elem[MAX_ELEM + 1];
    actor r = { .arg = &c, .w = CCP_FOREVER }, s = { .arg = &c, .w = CCP_FOREVER, .value = 77 };
    actor_start(&r, recv_one);
    WAIT_UNTIL(waiting_receivers(c.ch) == 1);
    element_fill(elem, size, 33);
    ASSERT_STATUS(ccp_chan_send(c.ch, elem, CCP_NOWAIT), CCP_OK);
    actor_join(&r);
    ASSERT_STATUS(r.rc, CCP_OK);
    assert_int_equal(r.value, size ? 33 : 0);

    actor_start(&s, send_one);
    WAIT_UNTIL(waiting_senders(c.ch) == 1);
    assert_int_equal(ccp_chan_len(c.ch), 0);
    ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_OK);
    assert_true(element_is(elem, size, 77));
    actor_join(&s);
    ASSERT_STATUS(s.rc, CCP_OK);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void a_sender_that_gave_up_left_nothing_to_receive(const flavor *f) /* C5 W4 */
{
    crew c = { .f = f, .ch = flavor_chan(f) };
    unsigned char elem[MAX_ELEM + 1];
    fill_up(&c);
    for (int i = 0; i < 3; i++) {
        actor s = { .arg = &c, .w = ccp_within(CCP_US(300)), .value = 7 };
        actor_start(&s, send_one);
        actor_join(&s);
        ASSERT_STATUS(s.rc, CCP_TIMEOUT);
        assert_nobody_waits(c.ch);
    }
    for (size_t i = 0; i < f->o.capacity; i++) {
        ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_OK);
        assert_true(element_is(elem, f->o.elem_size, i));
    }
    ASSERT_STATUS(ccp_chan_recv(c.ch, elem, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
}

static void cancel_while_senders_wait_drops_only_what_was_accepted(const flavor *f) /* C3 C4 */
{
    atomic_long drops = 0;
    flavor with = *f;
    with.o.drop = count_drop;
    with.o.drop_arg = &drops;
    actor a[WAITERS];
    crew c = { .f = f, .ch = flavor_chan(&with) };
    fill_up(&c);
    start_waiters(a, &c, send_one);
    WAIT_UNTIL(waiting_senders(c.ch) == WAITERS);
    ASSERT_STATUS(ccp_chan_cancel(c.ch), CCP_OK);
    join_waiters(a, CCP_CLOSED);
    assert_int_equal(drops, f->o.capacity);
    ASSERT_STATUS(ccp_chan_free(c.ch), CCP_OK);
    assert_int_equal(drops, f->o.capacity);
}

#define EVERY(fn) { #fn, fn, 0, SIZE_MAX, 0 }

int main(void)
{
    static const flavor_test tests[] = {
        EVERY(one_to_one_keeps_the_order),
        EVERY(four_to_one_keeps_the_order_of_each),
        EVERY(one_to_four_loses_nothing),
        EVERY(four_to_four_loses_nothing),
        EVERY(close_releases_every_waiting_sender),
        EVERY(close_releases_every_waiting_receiver),
        EVERY(each_receive_lets_one_waiting_sender_go),
        EVERY(each_send_serves_one_waiting_receiver),
        EVERY(a_sender_that_gave_up_left_nothing_to_receive),
        EVERY(cancel_while_senders_wait_drops_only_what_was_accepted),
        { "a_batch_that_waited_takes_what_came_with_the_first",
          a_batch_that_waited_takes_what_came_with_the_first, BATCH, SIZE_MAX, 0 },
        { "a_waiting_partner_makes_a_rendezvous_possible_at_once",
          a_waiting_partner_makes_a_rendezvous_possible_at_once, 0, 0, 0 },
    };
    return run_over_flavors("every flavor, several threads", tests, LENGTH(tests));
}
