/* SPDX-License-Identifier: MIT
 *
 * Whom a waker wakes, and when: the one that waited longest now and then, and nobody while somebody
 * awake may take the work.  Linked with --wrap: a clock that stands still, and pauses in which the
 * test does something.
 */
#include "support.h"

#include "block/tuning.h"
#include "chan/crowd.h"

/* --- the machine --- */

static _Atomic uint64_t ticks;
static pthread_t main_thread;
static unsigned pauses;         /* of the main thread */
static void (*in_pause)(void);  /* done in its next pause */

uint64_t __wrap_ccpi_ticks(void);
uint64_t __wrap_ccpi_ticks(void)
{
    return atomic_load(&ticks);
}

void __real_ccpi_relax(void);
void __wrap_ccpi_relax(void);
void __wrap_ccpi_relax(void)
{
    __real_ccpi_relax();
    if (!pthread_equal(pthread_self(), main_thread))
        return;
    pauses++;
    void (*what)(void) = in_pause;
    in_pause = NULL;
    if (what)
        what();
}

#define ODD 1001 /* ticks that are no multiple of 16 */
#define EVEN 1600

static ccpi_tuning_s original;

static int set_machine(void **state)
{
    (void)state;
    main_thread = pthread_self();
    original = ccpi_tuning;
    /* Who waits sleeps at once. */
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 8, .fair_every = UINT32_MAX };
    atomic_store(&ticks, ODD);
    pauses = 0;
    in_pause = NULL;
    return 0;
}

static int restore(void **state)
{
    ccpi_tuning = original;
    return no_block_is_live(state);
}

/* --- those who wait in line --- */

enum { MOST = 3 };
static ccp_chan *ch;
static actor line[MOST];
static int in_line;
static _Atomic int served; /* who received last; -1: nobody yet */

static void receive_again_and_again(actor *a)
{
    long v;
    for (;;) {
        actor_calls(a);
        if (ccp_chan_recv(ch, &v, CCP_FOREVER) != CCP_OK)
            return;
        atomic_store(&served, (int)a->value);
    }
}

static bool all_wait(void)
{
    for (int i = 0; i < in_line; i++)
        if (!actor_is_asleep(&line[i]))
            return false;
    return waiting_receivers(ch) == (size_t)in_line;
}

/* The first has waited longest. */
static void line_up(size_t capacity, int n)
{
    ch = ccp_chan_new(sizeof(long), capacity);
    for (in_line = 0; in_line < n;) {
        line[in_line] = (actor){ .value = in_line };
        actor_start(&line[in_line], receive_again_and_again);
        in_line++;
        WAIT_UNTIL(all_wait());
    }
}

static void send_home(void)
{
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (int i = 0; i < in_line; i++)
        actor_join(&line[i]);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static void send_one(ccp_wait w)
{
    long v = 1;
    atomic_store(&served, -1);
    pauses = 0;
    ASSERT_STATUS(ccp_chan_send(ch, &v, w), CCP_OK);
}

/* Who is served by what was sent; all wait again afterwards. */
static int who_was_served(void)
{
    WAIT_UNTIL(atomic_load(&served) >= 0 && all_wait());
    return atomic_load(&served);
}

static void move_to_the_end(int *order, int who)
{
    int n = 0;
    for (int i = 0; i < in_line; i++)
        if (order[i] != who)
            order[n++] = order[i];
    order[n] = who;
}

static void last_but_now_and_then_first(size_t capacity, int n)
{
    int order[MOST] = { 0, 1, 2 };
    line_up(capacity, n);
    for (unsigned k = 1; k <= 3 * ccpi_tuning.fair_pops; k++) {
        send_one(CCP_NOWAIT);
        int who = who_was_served();
        assert_int_equal(who, order[k % ccpi_tuning.fair_pops == 0 ? 0 : n - 1]);
        move_to_the_end(order, who);
    }
    send_home();
}

TEST(the_last_to_sleep_is_woken_but_now_and_then_the_one_that_waited_longest) /* C8 */
{
    for (int n = 2; n <= MOST; n++) {
        last_but_now_and_then_first(0, n);
        last_but_now_and_then_first(4, n);
    }
}

/* --- beside somebody awake --- */

static void send_up_to(uint64_t pos)
{
    static uint64_t next;
    next = pos == 0 ? 0 : next;
    for (; next <= pos; next++)
        send_one(CCP_NOWAIT);
}

TEST(beside_somebody_awake_the_one_that_waited_longest_is_woken_in_time) /* C8 */
{
    line_up(256, 2);
    ccpi_crowd_add(ch, CCPI_RECEIVERS, 1); /* somebody is awake on their side */
    send_up_to(0);
    assert_int_equal(waiting_receivers(ch), 2); /* too early */
    ccpi_tuning.fair_every = 100;
    send_up_to(63);
    assert_int_equal(waiting_receivers(ch), 2); /* due, but only each 64th looks */
    send_up_to(64);
    assert_int_equal(who_was_served(), 0);
    atomic_fetch_add(&ticks, 100);
    send_up_to(128);
    assert_int_equal(waiting_receivers(ch), 2); /* not yet due again */
    atomic_fetch_add(&ticks, 1);
    send_up_to(192);
    assert_int_equal(who_was_served(), 1); /* who now had waited longest */
    ccpi_crowd_leave(ch, CCPI_RECEIVERS);
    WAIT_UNTIL(ccp_chan_len(ch) == 0 && all_wait());
    send_home();
}

/* --- a wake put off --- */

static bool took;

static void take_it(void)
{
    long v;
    took = ccp_chan_recv(ch, &v, CCP_NOWAIT) == CCP_OK;
}

static void trust(uint32_t t)
{
    atomic_store(&ch->pace[CCPI_RECEIVERS].defer, t);
}

static uint32_t trusted(void)
{
    return atomic_load(&ch->pace[CCPI_RECEIVERS].defer);
}

/* Somebody awake takes the element in the waker's first pause: nobody is woken for it. */
static void taken_in_pause(ccp_wait w)
{
    took = false;
    in_pause = take_it;
    send_one(w);
    assert_true(took);
    assert_int_equal(pauses, 1);
    assert_true(all_wait());
    assert_int_equal(served, -1);
}

/* Nobody does: the sleeper is woken, after so many pauses. */
static void served_after(unsigned n, ccp_wait w)
{
    send_one(w);
    assert_int_equal(pauses, n);
    assert_int_equal(who_was_served(), 0);
}

static void a_wake_is_put_off(ccp_wait w)
{
    unsigned most = ccpi_tuning.defer;
    trust(64); /* enough */
    taken_in_pause(w);
    assert_int_equal(trusted(), 64 + (256 - 64) / 8);
    trust(64);
    served_after(most, w);
    assert_int_equal(trusted(), 64 - 64 / 8);
    trust(63); /* not enough, but for one try in 16 */
    served_after(0, w);
    assert_int_equal(trusted(), 63);
    atomic_store(&ticks, EVEN);
    served_after(most, w);
    assert_int_equal(trusted(), 63 - 63 / 8);
    trust(63);
    taken_in_pause(w);
    assert_int_equal(trusted(), 63 + (256 - 63) / 8);
}

TEST(a_waker_gives_somebody_awake_the_chance_to_take_the_element_if_that_has_paid)
{
    line_up(4, 1);
    ccpi_tuning.defer = 24;
    a_wake_is_put_off(CCP_NOWAIT);
    send_home();
}

TEST(a_sender_in_a_rendezvous_gives_somebody_awake_the_chance_to_come_first)
{
    line_up(0, 1);
    ccpi_tuning.defer = 24;
    ccpi_tuning.quick_max = ccpi_tuning.quick_min = 100;
    a_wake_is_put_off(CCP_FOREVER);
    send_home();
}

TEST(for_a_batch_somebody_is_woken_at_once)
{
    line_up(4, 1);
    ccpi_tuning.defer = 24;
    trust(256);
    long v[1] = { 1 };
    size_t n;
    atomic_store(&served, -1);
    pauses = 0;
    ASSERT_STATUS(ccp_chan_send_n(ch, v, 1, &n, CCP_NOWAIT), CCP_OK);
    assert_int_equal(pauses, 0);
    assert_int_equal(who_was_served(), 0);
    send_home();
}

#undef ENTRY
#define ENTRY(name) cmocka_unit_test_setup_teardown(name, set_machine, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_last_to_sleep_is_woken_but_now_and_then_the_one_that_waited_longest),
        ENTRY(beside_somebody_awake_the_one_that_waited_longest_is_woken_in_time),
        ENTRY(a_waker_gives_somebody_awake_the_chance_to_take_the_element_if_that_has_paid),
        ENTRY(a_sender_in_a_rendezvous_gives_somebody_awake_the_chance_to_come_first),
        ENTRY(for_a_batch_somebody_is_woken_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
