/* SPDX-License-Identifier: MIT
 *
 * What every flavor of channel does, with one thread.
 */
#include "flavors.h"

static ccp_status send_k(ccp_chan *ch, const flavor *f, unsigned long k, ccp_wait w)
{
    unsigned char elem[MAX_ELEM + 1];
    element_fill(elem, f->o.elem_size, k);
    return ccp_chan_send(ch, elem, w);
}

/* Receives, and checks that it is element k and that nothing beyond it was written. */
static void recv_k(ccp_chan *ch, const flavor *f, unsigned long k)
{
    unsigned char elem[MAX_ELEM + 8];
    memset(elem, 0x5a, sizeof elem);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_OK);
    assert_true(element_is(elem, f->o.elem_size, k));
    assert_int_equal(elem[f->o.elem_size], 0x5a);
}

/* Rings count what passed through them; other flavors do not. */
static void assert_totals(const ccp_chan *ch, const flavor *f, size_t sent, size_t received)
{
    bool counts = f->o.elem_size && f->o.capacity;
    assert_int_equal(info_of(ch).sent, counts ? sent : 0);
    assert_int_equal(info_of(ch).received, counts ? received : 0);
}

static void fill(ccp_chan *ch, const flavor *f, unsigned long first)
{
    for (size_t i = 0; i < f->o.capacity; i++)
        ASSERT_STATUS(send_k(ch, f, first + i, CCP_NOWAIT), CCP_OK);
}

static void is_new(const flavor *f)
{
    ccp_chan *ch = flavor_chan(f);
    ccp_chan_info info = info_of(ch);
    assert_int_equal(info.elem_size, f->o.elem_size);
    assert_int_equal(info.capacity, f->o.capacity);
    assert_int_equal(info.len, 0);
    assert_int_equal(info.high_water, 0);
    assert_int_equal(info.sent, 0);
    assert_int_equal(info.received, 0);
    assert_false(info.closed);
    assert_null(info.name);
    assert_nobody_waits(ch);
    assert_int_equal(ccp_chan_len(ch), 0);
    assert_int_equal(ccp_chan_cap(ch), f->o.capacity);
    assert_false(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void takes_at_most_the_promised_memory(const flavor *f) /* C12 */
{
    size_t per_elem = (f->o.elem_size + 7) / 8 * 8 + 8;
    if (f->o.spread)
        per_elem = (per_elem + 63) / 64 * 64;
    size_t most = f->o.capacity * per_elem + 1024;
    assert_in_range(ccp_chan_memory(&f->o), 1, most);
}

static void is_first_in_first_out_over_many_laps(const flavor *f) /* C1 */
{
    ccp_chan *ch = flavor_chan(f);
    unsigned long in = 0, out = 0;
    for (size_t burst = 1; in < 500; burst = burst % f->o.capacity + 1) {
        for (size_t i = 0; i < burst; i++)
            ASSERT_STATUS(send_k(ch, f, in++, CCP_NOWAIT), CCP_OK);
        assert_int_equal(ccp_chan_len(ch), burst);
        for (size_t i = 0; i < burst; i++)
            recv_k(ch, f, out++);
        assert_int_equal(ccp_chan_len(ch), 0);
    }
    assert_totals(ch, f, in, out);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void holds_exactly_its_capacity(const flavor *f) /* C7 */
{
    ccp_chan *ch = flavor_chan(f);
    for (unsigned long lap = 0; lap < 3; lap++) {
        for (size_t i = 0; i < f->o.capacity; i++) {
            assert_int_equal(ccp_chan_len(ch), i);
            ASSERT_STATUS(send_k(ch, f, lap * 1000 + i, CCP_NOWAIT), CCP_OK);
        }
        assert_int_equal(ccp_chan_len(ch), f->o.capacity);
        ASSERT_STATUS(send_k(ch, f, 99, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(send_k(ch, f, 99, ccp_within(0)), CCP_TIMEOUT);
        assert_int_equal(ccp_chan_len(ch), f->o.capacity);
        for (size_t i = 0; i < f->o.capacity; i++)
            recv_k(ch, f, lap * 1000 + i);
        unsigned char elem[MAX_ELEM];
        ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(ch, elem, ccp_within(0)), CCP_TIMEOUT);
    }
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void a_failed_receive_leaves_the_element_alone(const flavor *f) /* G1 */
{
    ccp_chan *ch = flavor_chan(f);
    unsigned char elem[MAX_ELEM], same[MAX_ELEM];
    memset(elem, 0x5a, sizeof elem);
    memset(same, 0x5a, sizeof same);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, ccp_within(CCP_US(50))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_FOREVER), CCP_CLOSED);
    assert_memory_equal(elem, same, sizeof elem);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void remembers_its_high_water_mark(const flavor *f)
{
    ccp_chan *ch = flavor_chan(f);
    size_t half = (f->o.capacity + 1) / 2;
    for (size_t i = 0; i < half; i++)
        ASSERT_STATUS(send_k(ch, f, i, CCP_NOWAIT), CCP_OK);
    assert_int_equal(info_of(ch).high_water, half);
    for (size_t i = 0; i < half; i++)
        recv_k(ch, f, i);
    assert_int_equal(info_of(ch).high_water, half);
    fill(ch, f, 0);
    assert_totals(ch, f, half + f->o.capacity, half);
    assert_int_equal(info_of(ch).high_water, f->o.capacity);
    for (size_t i = 0; i < f->o.capacity; i++)
        recv_k(ch, f, i);
    assert_int_equal(info_of(ch).high_water, f->o.capacity);
    assert_totals(ch, f, half + f->o.capacity, half + f->o.capacity);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void drains_after_close(const flavor *f) /* C2 C3 */
{
    ccp_chan *ch = flavor_chan(f);
    fill(ch, f, 10);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    assert_true(ccp_chan_is_closed(ch));
    assert_true(info_of(ch).closed);
    assert_int_equal(ccp_chan_len(ch), f->o.capacity);
    ASSERT_STATUS(send_k(ch, f, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(send_k(ch, f, 1, CCP_NOWAIT), CCP_CLOSED);
    for (size_t i = 0; i < f->o.capacity; i++) {
        recv_k(ch, f, 10 + i);
        ASSERT_STATUS(send_k(ch, f, 1, CCP_NOWAIT), CCP_CLOSED);
    }
    unsigned char elem[MAX_ELEM];
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, ccp_within(0)), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void a_second_close_says_closed(const flavor *f)
{
    ccp_chan *ch = flavor_chan(f);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_CLOSED);
    assert_true(ccp_chan_is_closed(ch));
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* --- what is dropped --- */

typedef struct dropped {
    const flavor *f;
    unsigned long next; /* the element that should come */
    size_t n, wrong;
    ccp_chan *ch;       /* called back into, if set */
} dropped;

static void note_drop(void *elem, void *arg)
{
    dropped *d = arg;
    if (!element_is(elem, d->f->o.elem_size, d->next++))
        d->wrong++;
    d->n++;
    if (d->ch) {
        MUST(ccp_chan_is_closed(d->ch));
        MUST(ccp_chan_close(d->ch) == CCP_CLOSED);
        MUST(send_k(d->ch, d->f, 0, CCP_FOREVER) == CCP_CLOSED);
    }
}

static ccp_chan *dropping(const flavor *f, dropped *d)
{
    flavor with = *f;
    with.o.drop = note_drop;
    with.o.drop_arg = d;
    return flavor_chan(&with);
}

static void cancel_drops_each_element_once(const flavor *f) /* C4 C10 */
{
    dropped d = { .f = f, .next = 5 };
    d.ch = dropping(f, &d);
    ccp_chan *ch = d.ch;
    fill(ch, f, 5);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_OK);
    assert_int_equal(d.n, f->o.capacity);
    assert_int_equal(d.wrong, 0);
    assert_int_equal(ccp_chan_len(ch), 0);
    assert_true(ccp_chan_is_closed(ch));
    unsigned char elem[MAX_ELEM];
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(send_k(ch, f, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(d.n, f->o.capacity);
}

static void cancel_after_close_drops_what_was_not_drained(const flavor *f) /* C4 C10 */
{
    dropped d = { .f = f, .next = 6 };
    ccp_chan *ch = dropping(f, &d);
    fill(ch, f, 5);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    recv_k(ch, f, 5);
    bool empty = f->o.capacity == 1;
    ASSERT_STATUS(ccp_chan_cancel(ch), empty ? CCP_CLOSED : CCP_OK);
    assert_int_equal(d.n, f->o.capacity - 1);
    assert_int_equal(d.wrong, 0);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(d.n, f->o.capacity - 1);
}

static void free_drops_what_is_left(const flavor *f) /* C4 C10 */
{
    for (int closed = 0; closed < 2; closed++) {
        dropped d = { .f = f, .next = 6 };
        ccp_chan *ch = dropping(f, &d);
        fill(ch, f, 5);
        recv_k(ch, f, 5);
        if (closed)
            ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        assert_int_equal(d.n, 0);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        assert_int_equal(d.n, f->o.capacity - 1);
        assert_int_equal(d.wrong, 0);
    }
}

static void what_is_received_is_not_dropped(const flavor *f) /* C4 */
{
    dropped d = { .f = f };
    ccp_chan *ch = dropping(f, &d);
    for (int lap = 0; lap < 3; lap++) {
        fill(ch, f, 0);
        for (size_t i = 0; i < f->o.capacity; i++)
            recv_k(ch, f, i);
    }
    fill(ch, f, 0);
    for (size_t i = 0; i < f->o.capacity; i++) /* lost, not dropped */
        ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    assert_int_equal(d.n, 0);
}

/* --- batches --- */

static void fill_batch(unsigned char *elems, const flavor *f, unsigned long first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        element_fill(elems + i * f->o.elem_size, f->o.elem_size, first + i);
}

static void check_batch(const unsigned char *elems, const flavor *f, unsigned long first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(element_is(elems + i * f->o.elem_size, f->o.elem_size, first + i));
}

static void a_batch_is_sent_and_received_in_order(const flavor *f) /* C13 */
{
    enum { MOST = 70 };
    static unsigned char elems[MOST * MAX_ELEM];
    ccp_chan *ch = flavor_chan(f);
    unsigned long in = 0, out = 0;
    for (size_t n = 1; n <= MOST; n = n * 2 + 1) {
        while (in < n * 5) {
            size_t sent = 0, got = 0;
            fill_batch(elems, f, in, n);
            size_t room = f->o.capacity - ccp_chan_len(ch);
            ASSERT_STATUS(ccp_chan_send_n(ch, elems, n, &sent, CCP_NOWAIT), CCP_OK);
            assert_int_equal(sent, n < room ? n : room);
            in += sent;
            size_t want = n / 2 + 1, held = ccp_chan_len(ch);
            ASSERT_STATUS(ccp_chan_recv_n(ch, elems, want, &got, CCP_NOWAIT), CCP_OK);
            assert_int_equal(got, want < held ? want : held);
            check_batch(elems, f, out, got);
            out += got;
        }
        while (out < in)
            recv_k(ch, f, out++);
    }
    assert_totals(ch, f, in, out);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void a_batch_that_does_not_fit_at_all_says_again(const flavor *f) /* C7 G1 */
{
    static unsigned char elems[3 * MAX_ELEM];
    ccp_chan *ch = flavor_chan(f);
    size_t n = 77;
    ASSERT_STATUS(ccp_chan_recv_n(ch, elems, 3, &n, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_recv_n(ch, elems, 3, &n, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    fill(ch, f, 0);
    ASSERT_STATUS(ccp_chan_send_n(ch, elems, 3, &n, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_send_n(ch, elems, 3, &n, ccp_within(CCP_US(10))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_send_n(ch, elems, 3, &n, CCP_NOWAIT), CCP_CLOSED);
    assert_int_equal(n, 77);
    assert_int_equal(ccp_chan_len(ch), f->o.capacity);
    ASSERT_STATUS(ccp_chan_cancel(ch), f->o.capacity ? CCP_OK : CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv_n(ch, elems, 3, &n, CCP_NOWAIT), CCP_CLOSED);
    assert_int_equal(n, 77);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void wrong_arguments_are_refused(const flavor *f) /* G2 */
{
    unsigned char elem[MAX_ELEM] = { 0 };
    ccp_chan *ch = flavor_chan(f);
    size_t n = 77;
    if (f->o.elem_size) {
        ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_INVAL);
        ASSERT_STATUS(ccp_chan_send_n(ch, NULL, 1, &n, CCP_NOWAIT), CCP_INVAL);
    } else if (f->o.capacity) {
        ASSERT_STATUS(ccp_chan_send(ch, NULL, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_NOWAIT), CCP_OK);
    }
    ASSERT_STATUS(ccp_chan_send_n(ch, elem, 0, &n, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_send_n(ch, elem, 1, NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recv_n(ch, elem, 0, &n, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recv_n(ch, elem, 1, NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_get_info(ch, NULL), CCP_INVAL);
    assert_int_equal(n, 77);
    assert_int_equal(ccp_chan_len(ch), 0);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void a_rendezvous_without_partner_says_again(const flavor *f) /* C7 */
{
    unsigned char elem[MAX_ELEM] = { 0 };
    ccp_chan *ch = flavor_chan(f);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(send_k(ch, f, 1, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(send_k(ch, f, 1, ccp_within(CCP_US(20))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_chan_recv(ch, elem, ccp_within(CCP_US(20))), CCP_TIMEOUT);
        assert_nobody_waits(ch);
        assert_int_equal(ccp_chan_len(ch), 0);
    }
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    ASSERT_STATUS(send_k(ch, f, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

#define EVERY(fn) { #fn, fn, 0, SIZE_MAX, 0 }
#define BUFFERED(fn) { #fn, fn, 1, SIZE_MAX, 0 }
#define RENDEZVOUS(fn) { #fn, fn, 0, 0, 0 }

int main(void)
{
    static const flavor_test tests[] = {
        EVERY(is_new),
        EVERY(takes_at_most_the_promised_memory),
        BUFFERED(is_first_in_first_out_over_many_laps),
        BUFFERED(holds_exactly_its_capacity),
        EVERY(a_failed_receive_leaves_the_element_alone),
        BUFFERED(remembers_its_high_water_mark),
        BUFFERED(drains_after_close),
        EVERY(a_second_close_says_closed),
        BUFFERED(cancel_drops_each_element_once),
        BUFFERED(cancel_after_close_drops_what_was_not_drained),
        BUFFERED(free_drops_what_is_left),
        BUFFERED(what_is_received_is_not_dropped),
        BUFFERED(a_batch_is_sent_and_received_in_order),
        EVERY(a_batch_that_does_not_fit_at_all_says_again),
        EVERY(wrong_arguments_are_refused),
        RENDEZVOUS(a_rendezvous_without_partner_says_again),
    };
    return run_over_flavors("every flavor, one thread", tests, LENGTH(tests));
}
