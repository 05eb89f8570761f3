/* SPDX-License-Identifier: MIT
 *
 * Channels: how often and how long threads wait there, what that means, and what to expect.
 */
#include "support.h"

#include "base/machine.h"

#include <math.h>

/* Linked with --wrap=ccpi_clock_coarse: what it says; 0: the real one. */
static _Atomic int64_t fake_time;
int64_t __real_ccpi_clock_coarse(void);
int64_t __wrap_ccpi_clock_coarse(void);
int64_t __wrap_ccpi_clock_coarse(void)
{
    int64_t t = atomic_load(&fake_time);
    return t ? t : __real_ccpi_clock_coarse();
}

#define SEC(n) CCP_SEC((int64_t)(n))

static int no_time(void **state)
{
    atomic_store(&fake_time, 0);
    return no_block_is_live(state);
}
#define FAKED(name) cmocka_unit_test_teardown(name, no_time)

static ccp_chan_stats stats_at(ccp_chan *ch, int64_t t)
{
    ccp_chan_stats s;
    atomic_store(&fake_time, t);
    ASSERT_STATUS(ccp_chan_get_stats(ch, &s), CCP_OK);
    assert_int_equal(s.at_ns, t);
    return s;
}

static void assert_side(const ccp_side_stats *s, uint64_t waits, int64_t blocked, int64_t some)
{
    assert_int_equal(s->waits, waits);
    assert_int_equal(s->blocked_ns, blocked);
    assert_int_equal(s->some_ns, some);
}

TEST(what_makes_no_sense_is_refused) /* G2 */
{
    ccp_chan_stats s = { .at_ns = 1 }, later = { .at_ns = 2 };
    ccp_chan_advice a;
    ccp_chan *ch = ccp_chan_new(0, 1);
    ASSERT_STATUS(ccp_chan_get_stats(NULL, &s), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_get_stats(ch, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(NULL, &later, &a), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(&s, NULL, &a), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(&s, &later, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(&s, &s, &a), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(&later, &s, &a), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_advise(&s, &later, &a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* Of each flavor: two receivers that sleep, one after the other. */
static const struct {
    size_t size, capacity;
} flavors[] = { { sizeof(long), 4 }, { 0, 4 }, { sizeof(long), 0 }, { 0, 0 } };

static void receive(actor *a)
{
    long v[1];
    actor_calls(a);
    a->rc = ccp_chan_recv(a->ch, v, a->w);
}

TEST(what_receivers_wait_is_counted) /* MT8 */
{
    for (size_t f = 0; f < LENGTH(flavors); f++) {
        ccp_chan *ch = ccp_chan_new(flavors[f].size, flavors[f].capacity);
        actor a[2] = { { .ch = ch, .w = CCP_FOREVER }, { .ch = ch, .w = CCP_FOREVER } };
        ccp_chan_stats s = stats_at(ch, SEC(90));
        assert_side(&s.receive, 0, 0, 0);
        atomic_store(&fake_time, SEC(100));
        actor_start(&a[0], receive);
        WAIT_UNTIL(waiting_receivers(ch) == 1);
        s = stats_at(ch, SEC(103));
        assert_side(&s.receive, 1, SEC(3), SEC(3));
        actor_start(&a[1], receive);
        WAIT_UNTIL(waiting_receivers(ch) == 2);
        s = stats_at(ch, SEC(105));
        assert_side(&s.receive, 2, SEC(7), SEC(5));
        ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
        actor_join(&a[0]);
        actor_join(&a[1]);
        s = stats_at(ch, SEC(110));
        assert_side(&s.receive, 2, SEC(7), SEC(5));
        assert_side(&s.send, 0, 0, 0);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        atomic_store(&fake_time, 0);
    }
}

TEST(what_senders_wait_is_counted) /* MT8 */
{
    for (size_t capacity = 0; capacity <= 1; capacity++) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), capacity);
        actor a = { .ch = ch, .w = CCP_FOREVER };
        long v = 1;
        if (capacity)
            ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
        atomic_store(&fake_time, SEC(100));
        actor_start(&a, actor_send_long);
        WAIT_UNTIL(waiting_senders(ch) == 1);
        atomic_store(&fake_time, SEC(102));
        ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_NOWAIT), CCP_OK); /* wakes it */
        actor_join(&a);
        ccp_chan_stats s = stats_at(ch, SEC(110));
        assert_side(&s.send, 1, SEC(2), SEC(2));
        assert_side(&s.receive, 0, 0, 0);
        ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        atomic_store(&fake_time, 0);
    }
}

TEST(who_does_not_sleep_is_not_counted) /* MT8 */
{
    ccp_chan *ch = ccp_chan_new(sizeof(long), 1);
    long v = 1;
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_FOREVER), CCP_OK);
    ccp_chan_stats s = stats_at(ch, SEC(100));
    assert_side(&s.send, 0, 0, 0);
    assert_side(&s.receive, 0, 0, 0);
    assert_true(s.info.sent == 1 && s.info.capacity == 1);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    s = stats_at(ch, SEC(100));
    assert_side(&s.receive, 1, 0, 0); /* in no time, by this clock */
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void select_two(actor *a)
{
    ccp_chan **ch = a->arg;
    long v = 0;
    ccp_case cases[] = { CCP_CASE_RECV(ch[0], &v), CCP_CASE_SEND(ch[1], &v) };
    a->rc = ccp_select(cases, 2, &a->index, CCP_FOREVER);
}

TEST(a_select_waits_in_each_of_its_channels) /* MT8 */
{
    ccp_chan *ch[2] = { ccp_chan_new(sizeof(long), 1), ccp_chan_new(sizeof(long), 0) };
    long v = 1;
    actor a = { .arg = ch };
    atomic_store(&fake_time, SEC(100));
    actor_start(&a, select_two);
    WAIT_UNTIL(waiting_receivers(ch[0]) == 1 && waiting_senders(ch[1]) == 1);
    atomic_store(&fake_time, SEC(104));
    ASSERT_STATUS(ccp_chan_send(ch[0], &v, CCP_NOWAIT), CCP_OK);
    actor_join(&a);
    ccp_chan_stats s = stats_at(ch[0], SEC(110)), other = stats_at(ch[1], SEC(110));
    assert_side(&s.receive, 1, SEC(4), SEC(4));
    assert_side(&other.send, 1, SEC(4), SEC(4));
    assert_side(&other.receive, 0, 0, 0);
    ASSERT_STATUS(ccp_chan_free(ch[0]), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch[1]), CCP_OK);
}

/* ---- the advice ---- */

/* A hundred seconds in which senders slept for `full` of them, receivers for `empty`. */
static ccp_chan_advice advice(size_t capacity, size_t high, uint64_t passed, int full, int empty)
{
    ccp_chan_stats before = { .at_ns = SEC(1000), .send = { 5, SEC(70), SEC(40) },
                              .receive = { 5, SEC(80), SEC(50) } };
    before.info = (ccp_chan_info){ .capacity = capacity, .high_water = high, .received = 1000 };
    ccp_chan_stats after = before;
    after.at_ns += SEC(100);
    after.info.received += passed;
    after.send.some_ns += SEC(full);
    after.send.blocked_ns += 2 * SEC(full);
    after.receive.some_ns += SEC(empty);
    after.receive.blocked_ns += 3 * SEC(empty);
    ccp_chan_advice a;
    ASSERT_STATUS(ccp_chan_advise(&before, &after, &a), CCP_OK);
    assert_true(fabs(a.full - full / 100.0) < 1e-9 && fabs(a.empty - empty / 100.0) < 1e-9);
    assert_true(fabs(a.senders - full / 50.0) < 1e-9);
    assert_true(fabs(a.receivers - 3 * empty / 100.0) < 1e-9);
    assert_true(a.passed == passed && a.capacity == capacity && a.high_water == high && a.why);
    return a;
}

TEST(the_side_that_is_held_up_says_which_is_slow)
{
    assert_int_equal(advice(64, 64, 1000, 90, 0).what, CCP_ADVICE_SLOW_CONSUMERS);
    assert_int_equal(advice(64, 64, 1000, 10, 9).what, CCP_ADVICE_SLOW_CONSUMERS);
    assert_int_equal(advice(64, 64, 1000, 10, 10).what, CCP_ADVICE_TOO_SMALL);
    assert_int_equal(advice(0, 0, 0, 40, 40).what, CCP_ADVICE_TOO_SMALL);
    assert_int_equal(advice(64, 64, 1000, 0, 50).what, CCP_ADVICE_SLOW_PRODUCERS);
    assert_int_equal(advice(64, 1, 0, 0, 100).what, CCP_ADVICE_SLOW_PRODUCERS);
    assert_int_equal(advice(64, 64, 1000, 9, 49).what, CCP_ADVICE_FINE);
    assert_int_equal(advice(64, 17, 1000, 0, 0).what, CCP_ADVICE_FINE);
    assert_int_equal(advice(64, 16, 1000, 0, 0).what, CCP_ADVICE_TOO_LARGE);
    assert_int_equal(advice(16, 1, 1000, 0, 0).what, CCP_ADVICE_FINE);
    assert_int_equal(advice(64, 0, 0, 0, 0).what, CCP_ADVICE_FINE);
    assert_string_equal(advice(64, 0, 0, 0, 0).why, "nothing went through it");
    assert_string_equal(advice(64, 17, 1000, 0, 0).why, "neither side waits often");
}

/* What nobody should ask: the looks are at two channels. */
TEST(figures_that_go_back_count_as_none)
{
    const ccp_side_stats much = { 5, SEC(90), SEC(50) }, little = { 1, SEC(20), SEC(10) };
    const ccp_chan_stats one = { .at_ns = SEC(100), .send = much, .receive = much };
    const ccp_chan_stats other = { .at_ns = SEC(200), .send = little, .receive = little };
    ccp_chan_advice a;
    ASSERT_STATUS(ccp_chan_advise(&one, &other, &a), CCP_OK);
    assert_true(a.full >= 0 && a.empty >= 0 && a.senders >= 0 && a.receivers >= 0);
    assert_int_equal(a.what, CCP_ADVICE_FINE);
}

/* ---- the recommendation ---- */

static uint64_t dice = 12345;

static double draw(double mean) /* exponential */
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return -mean * log(((double)(dice >> 11) + 1) / 9007199254740993.0);
}

/* The part of n arrivals that find `capacity` waiting before `workers`, and are turned away. */
static double turned_away(const ccp_load *l, size_t capacity, long n)
{
    static double ends[8], begins[4096]; /* when workers are free; when the last accepted began */
    double now = 0;
    long lost = 0, accepted = 0;
    memset(ends, 0, sizeof ends);
    for (long i = 0; i < n; i++) {
        now += draw(1e9 / l->per_second);
        size_t first = 0, waiting = 0;
        for (size_t k = 1; k < l->workers; k++)
            first = ends[k] < ends[first] ? k : first;
        for (long k = accepted; k-- > 0 && accepted - k <= 4096 && begins[k % 4096] > now;)
            waiting++;
        if (waiting >= capacity && ends[first] > now) {
            lost++;
            continue;
        }
        begins[accepted++ % 4096] = ends[first] > now ? ends[first] : now;
        ends[first] = begins[(accepted - 1) % 4096] + draw((double)l->service_ns);
    }
    return (double)lost / (double)n;
}

TEST(with_the_capacity_recommended_few_are_turned_away)
{
    static const ccp_load loads[] = {
        { .per_second = 500, .service_ns = CCP_MS(1), .workers = 1 },
        { .per_second = 900, .service_ns = CCP_MS(1), .workers = 1 },
        { .per_second = 1800, .service_ns = CCP_MS(1), .workers = 2 },
        { .per_second = 3000, .service_ns = CCP_MS(2), .workers = 8 },
        { .per_second = 900, .service_ns = CCP_MS(1), .workers = 1, .turned_away = 0.1 },
    };
    for (size_t i = 0; i < LENGTH(loads); i++) {
        ccp_chan_plan plan;
        ASSERT_STATUS(ccp_chan_recommend(&loads[i], &plan), CCP_OK);
        assert_true(plan.keeps_up && plan.in_time && plan.capacity < 4096);
        double limit = loads[i].turned_away > 0 ? loads[i].turned_away : 0.01;
        long n = (long)scaled(400000);
        assert_true(turned_away(&loads[i], plan.capacity, n) <= limit);
        /* Nor is it much too large. */
        assert_true(turned_away(&loads[i], plan.capacity / 4, n) > limit / 2);
    }
}

/* Erlang's C by the sums that define it. */
static double part_that_waits(double load, unsigned workers)
{
    double term = 1, sum = 0;
    for (unsigned k = 0; k < workers; k++) {
        sum += term;
        term *= load / (k + 1);
    }
    term /= 1 - load / workers;
    return term / (sum + term);
}

static void check_plan(const ccp_load *l)
{
    ccp_chan_plan p;
    double load = l->per_second * (double)l->service_ns / 1e9, used = load / l->workers;
    double waits = part_that_waits(load, l->workers);
    double ns = waits * (double)l->service_ns / (l->workers - load);
    /* waits * used^n is turned_away: what is no whole number is to be the next one. */
    double n = waits > l->turned_away ? log(l->turned_away / waits) / log(used) : 0;
    double near = 1e-6 * (1 + n);
    ASSERT_STATUS(ccp_chan_recommend(l, &p), CCP_OK);
    assert_true(p.keeps_up && p.in_time);
    assert_true((double)p.capacity >= n - near && (double)p.capacity < n + 1 + near);
    assert_true(fabs((double)p.wait_ns - ns) <= 1 + 1e-6 * ns);
    assert_true(fabs(p.utilization - used) < 1e-9);
}

TEST(the_plan_is_what_the_formula_says)
{
    static const unsigned workers[] = { 1, 2, 3, 8, 50 };
    static const double used[] = { 0.1, 0.5, 0.77, 0.9, 0.99, 0.9999 };
    static const double away[] = { 0.6, 0.1, 0.01, 1e-6, 1e-12 };
    for (size_t w = 0; w < LENGTH(workers); w++)
        for (size_t u = 0; u < LENGTH(used); u++)
            for (size_t a = 0; a < LENGTH(away); a++)
                check_plan(&(ccp_load){ .per_second = used[u] * workers[w] * 1e6,
                                        .service_ns = 1000,
                                        .workers = workers[w],
                                        .turned_away = away[a] });
}

/* One worker who is busy for half of the time: half of the elements wait, and with each place half
 * as many are turned away.  All these are exact in binary. */
TEST(as_many_as_may_be_are_turned_away)
{
    ccp_chan_plan p;
    ccp_load l = { .per_second = 500, .service_ns = CCP_MS(1), .workers = 1, .turned_away = 0.5 };
    for (size_t n = 0; n < 40; n++, l.turned_away /= 2) {
        ASSERT_STATUS(ccp_chan_recommend(&l, &p), CCP_OK);
        assert_int_equal(p.capacity, n);
    }
}

TEST(who_waits_for_just_as_long_as_it_may_is_in_time)
{
    ccp_chan_plan p;
    ccp_load l = { .per_second = 500, .service_ns = CCP_MS(1), .workers = 1 }; /* wants 6 */
    l.latency_ns = CCP_MS(6);
    ASSERT_STATUS(ccp_chan_recommend(&l, &p), CCP_OK);
    assert_true(p.in_time && p.capacity == 6);
    l.latency_ns = CCP_MS(6) - 1;
    ASSERT_STATUS(ccp_chan_recommend(&l, &p), CCP_OK);
    assert_true(!p.in_time && p.capacity == 5);
}

TEST(there_are_limits_to_what_is_recommended)
{
    enum { BILLION = 1000000000 };
    const ccp_load busy[] = { { .per_second = BILLION - 1, .service_ns = 1, .workers = 1 },
                              { BILLION - 1, 1, 1, INT64_MAX, 0 },
                              { 2e9, 1, 1, INT64_MAX, 0 } };
    ccp_chan_plan p;
    for (size_t i = 0; i < LENGTH(busy); i++) {
        ASSERT_STATUS(ccp_chan_recommend(&busy[i], &p), CCP_OK);
        assert_true(p.capacity == BILLION && !p.in_time && p.keeps_up == (i < 2));
    }
    const double loads[] = { 65534.5, 65535, 65535.5, 65536, 1e6 };
    for (size_t i = 0; i < LENGTH(loads); i++) {
        const ccp_load l = { .per_second = loads[i], .service_ns = SEC(1), .workers = 1 };
        ASSERT_STATUS(ccp_chan_recommend(&l, &p), CCP_OK);
        assert_int_equal(p.workers, i == 0 ? 65535 : 65536);
    }
    /* 999 times a service that takes 292 years. */
    const ccp_load slow = { 0.999e9 / (double)INT64_MAX, INT64_MAX, 1, 0, 0 };
    ASSERT_STATUS(ccp_chan_recommend(&slow, &p), CCP_OK);
    assert_true(p.keeps_up && p.wait_ns == INT64_MAX);
    ASSERT_STATUS(ccp_chan_recommend(&(ccp_load){ 1e12, 1, 1, 0, 0 }, &p), CCP_OK);
    ASSERT_STATUS(ccp_chan_recommend(&(ccp_load){ 1, 1, 65536, 0, 0 }, &p), CCP_OK);
    assert_true(p.keeps_up && p.capacity == 0);
}

TEST(the_plan_says_what_cannot_be)
{
    ccp_chan_plan p;
    const ccp_load slow = { .per_second = 2500, .service_ns = CCP_MS(1), .workers = 2 };
    ASSERT_STATUS(ccp_chan_recommend(&slow, &p), CCP_OK);
    assert_true(!p.keeps_up && p.workers == 3 && p.utilization > 1.24 && p.utilization < 1.26);
    assert_true(!p.in_time && p.wait_ns == 0);
    const ccp_load just = { .per_second = 2000, .service_ns = CCP_MS(1), .workers = 2 };
    ASSERT_STATUS(ccp_chan_recommend(&just, &p), CCP_OK);
    assert_true(!p.keeps_up && p.workers == 3 && p.wait_ns == 0);
    const ccp_load brief = { 900, CCP_MS(1), 1, CCP_MS(10), 0 };
    ASSERT_STATUS(ccp_chan_recommend(&brief, &p), CCP_OK);
    assert_true(p.keeps_up && !p.in_time && p.capacity == 10);
    /* M/M/1: 0.9 wait, for 9 ms on average. */
    assert_true(p.wait_ns > CCP_MS(9) - 1000 && p.wait_ns < CCP_MS(9) + 1000);
    const ccp_load idle = { .per_second = 1, .service_ns = CCP_MS(1), .workers = 1 };
    ASSERT_STATUS(ccp_chan_recommend(&idle, &p), CCP_OK);
    assert_true(p.keeps_up && p.in_time && p.capacity == 0 && p.workers == 1);
    const ccp_load edge = { .per_second = 999999.999, .service_ns = 1000, .workers = 1 };
    ASSERT_STATUS(ccp_chan_recommend(&edge, &p), CCP_OK);
    assert_true(p.keeps_up && p.capacity > 1000000);
}

TEST(absurd_loads_are_refused) /* G2 */
{
    static const ccp_load loads[] = {
        { 0, 1, 1, 0, 0 }, { -1, 1, 1, 0, 0 },  { (double)NAN, 1, 1, 0, 0 },
        { 1, 0, 1, 0, 0 }, { 1, -1, 1, 0, 0 },  { (double)INFINITY, 1, 1, 0, 0 },
        { 1, 1, 0, 0, 0 }, { 1, 1, 1, -1, 0 },  { 1, 1, 65537, 0, 0 },
        { 1, 1, 1, 0, 1 }, { 1, 1, 1, 0, -0.1 }, { 1, 1, 1, 0, (double)NAN },
        { 1.001e12, 1, 1, 0, 0 },
    };
    ccp_chan_plan p;
    for (size_t i = 0; i < LENGTH(loads); i++)
        ASSERT_STATUS(ccp_chan_recommend(&loads[i], &p), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recommend(NULL, &p), CCP_INVAL);
    ASSERT_STATUS(ccp_chan_recommend(&(ccp_load){ 1, 1, 1, 0, 0 }, NULL), CCP_INVAL);
}

/* One element at a time; then as many as may not be missed, from each place in the ring. */
static void check_high_water(size_t size, size_t cap, size_t before)
{
    unsigned char elem[64] = { 0 };
    size_t most = (cap / 4 < 64 ? cap / 4 : 64) + 1;
    ccp_chan *ch = ccp_chan_new(size, cap);
    for (size_t i = 0; i < before; i++) {
        ASSERT_STATUS(ccp_chan_send(ch, elem, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(ch, elem, CCP_NOWAIT), CCP_OK);
        assert_int_equal(info_of(ch).high_water, 1);
    }
    for (size_t i = 0; i < most; i++)
        ASSERT_STATUS(ccp_chan_send(ch, elem, CCP_NOWAIT), CCP_OK);
    for (size_t n = most; n < cap; n++) {
        assert_in_range(info_of(ch).high_water, n - n / 64, n);
        ASSERT_STATUS(ccp_chan_send(ch, elem, CCP_NOWAIT), CCP_OK);
    }
    assert_int_equal(info_of(ch).high_water, cap);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_high_water_of_more_than_a_quarter_is_nearly_exact)
{
    static const size_t capacities[] = { 1, 2, 3, 8, 64, 100, 1000 };
    for (size_t c = 0; c < LENGTH(capacities); c++)
        for (size_t before = 0; before < 2 * capacities[c]; before += 1 + capacities[c] / 20)
            for (size_t size = 8; size <= 24; size += 16)
                check_high_water(size, capacities[c], before);
}

/* A batch that goes past the place where a single send would look. */
TEST(a_batch_makes_a_high_water)
{
    enum { CAP = 64 };
    uint64_t elems[CAP] = { 0 };
    size_t n = 0;
    for (size_t before = 0; before < CAP; before++)
        for (size_t batch = CAP / 4 + 1; batch <= CAP; batch++) {
            ccp_chan *ch = ccp_chan_new(sizeof *elems, CAP);
            for (size_t i = 0; i < before; i++) {
                ASSERT_STATUS(ccp_chan_send(ch, elems, CCP_NOWAIT), CCP_OK);
                ASSERT_STATUS(ccp_chan_recv(ch, elems, CCP_NOWAIT), CCP_OK);
            }
            ASSERT_STATUS(ccp_chan_send_n(ch, elems, batch, &n, CCP_NOWAIT), CCP_OK);
            assert_int_equal(n, batch);
            assert_int_equal(info_of(ch).high_water, batch);
            ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKED(what_makes_no_sense_is_refused),
        FAKED(what_receivers_wait_is_counted),
        FAKED(what_senders_wait_is_counted),
        FAKED(who_does_not_sleep_is_not_counted),
        FAKED(a_select_waits_in_each_of_its_channels),
        FAKED(a_high_water_of_more_than_a_quarter_is_nearly_exact),
        FAKED(a_batch_makes_a_high_water),
        FAKED(the_side_that_is_held_up_says_which_is_slow),
        FAKED(figures_that_go_back_count_as_none),
        FAKED(with_the_capacity_recommended_few_are_turned_away),
        FAKED(the_plan_is_what_the_formula_says),
        FAKED(as_many_as_may_be_are_turned_away),
        FAKED(who_waits_for_just_as_long_as_it_may_is_in_time),
        FAKED(there_are_limits_to_what_is_recommended),
        FAKED(the_plan_says_what_cannot_be),
        FAKED(absurd_loads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
