/* SPDX-License-Identifier: MIT
 *
 * Two channels of a kind, two threads: each changes one, then looks at the other.  A call takes
 * effect at one moment while it runs (C7), so it cannot be that each has changed its own before the
 * other looked, and neither is told.  With loads and stores that are not ordered as a whole it can.
 * So it is with a pool: who submits, and a worker that leaves or who watches.
 */
#include "ccp.h"
#include "sim.h"

#include "base/atomic.h"
#include "block/tuning.h"

#include <stdio.h>

static ccp_chan *chan[2];
static bool missed[2];
static uint64_t v[4];

typedef struct pair {
    ccp_chan_opts kind; /* no elem_size: a counter */
    int fill;
    void (*change)(ccp_chan *c);
    bool (*unchanged)(ccp_chan *c); /* looks: nothing to be seen of the change? */
} pair;
static const pair *how;

/* ---- changes ---- */

static void send(ccp_chan *c)
{
    sim_assert(ccp_chan_send(c, v, CCP_NOWAIT) == CCP_OK);
}

static void receive(ccp_chan *c)
{
    sim_assert(ccp_chan_recv(c, NULL, CCP_NOWAIT) == CCP_OK);
}

static void send_two(ccp_chan *c)
{
    size_t n;
    sim_assert(ccp_chan_send_n(c, v, 2, &n, CCP_NOWAIT) == CCP_OK && n == 2);
}

static void receive_two(ccp_chan *c)
{
    uint64_t got[2];
    size_t n;
    sim_assert(ccp_chan_recv_n(c, got, 2, &n, CCP_NOWAIT) == CCP_OK && n == 2);
}

static void close_it(ccp_chan *c)
{
    sim_assert(ccp_chan_close(c) == CCP_OK);
}

static void cancel_it(ccp_chan *c)
{
    sim_assert(ccp_chan_cancel(c) == CCP_OK);
}

/* ---- looks ---- */

static bool is_open(ccp_chan *c)
{
    return !ccp_chan_is_closed(c);
}

static bool nothing_to_receive(ccp_chan *c)
{
    return ccp_chan_recv(c, NULL, CCP_NOWAIT) == CCP_AGAIN;
}

static bool no_room(ccp_chan *c)
{
    return ccp_chan_send(c, v, CCP_NOWAIT) == CCP_AGAIN;
}

static bool nothing_to_receive_at_once(ccp_chan *c)
{
    uint64_t got[2];
    size_t n;
    return ccp_chan_recv_n(c, got, 2, &n, CCP_NOWAIT) == CCP_AGAIN;
}

static bool no_room_at_once(ccp_chan *c)
{
    size_t n;
    return ccp_chan_send_n(c, v, 2, &n, CCP_NOWAIT) == CCP_AGAIN;
}

static bool nothing_to_select(ccp_chan *c)
{
    size_t i;
    const ccp_case k = CCP_CASE_RECV(c, NULL);
    return ccp_select(&k, 1, &i, CCP_NOWAIT) == CCP_AGAIN;
}

static bool is_empty(ccp_chan *c)
{
    return ccp_chan_len(c) == 0;
}

static bool is_full(ccp_chan *c)
{
    return ccp_chan_len(c) == ccp_chan_cap(c);
}

static bool none_was_sent(ccp_chan *c)
{
    ccp_chan_info info;
    sim_assert(ccp_chan_get_info(c, &info) == CCP_OK);
    return info.sent == 0;
}

static bool none_was_received(ccp_chan *c)
{
    ccp_chan_info info;
    sim_assert(ccp_chan_get_info(c, &info) == CCP_OK);
    return info.received == 0;
}

/* ---- both ---- */

static void change_and_look(void *arg)
{
    int i = (int)(intptr_t)arg;
    how->change(chan[i]);
    missed[i] = how->unchanged(chan[1 - i]);
}

static void one_of_two_sees(void *arg)
{
    how = arg;
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    for (int i = 0; i < 2; i++) {
        chan[i] = ccp_chan_make(&how->kind);
        sim_assert(chan[i]);
        for (int k = 0; k < how->fill; k++)
            send(chan[i]);
    }
    sim_spawn(change_and_look, (void *)0);
    sim_spawn(change_and_look, (void *)1);
    sim_join();
    sim_assert(!missed[0] || !missed[1]);
    for (int i = 0; i < 2; i++)
        sim_assert(ccp_chan_free(chan[i]) == CCP_OK);
}

/* ---- one channel, one who looks while others send and receive ---- */

static void send_some(void *arg)
{
    size_t n;
    (void)arg;
    for (int i = 0; i < 2; i++)
        if (ccp_chan_send_n(chan[0], v, 2, &n, CCP_NOWAIT) == CCP_OK)
            sim_assert(n == 1 || n == 2);
}

static void receive_some(void *arg)
{
    uint64_t got[2];
    size_t n;
    (void)arg;
    for (int i = 0; i < 2; i++)
        if (ccp_chan_recv_n(chan[0], got, 2, &n, CCP_NOWAIT) == CCP_OK)
            sim_assert(n == 1 || n == 2);
}

static void look_twice(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        ccp_chan_info info;
        sim_assert(ccp_chan_get_info(chan[0], &info) == CCP_OK);
        sim_assert(info.received <= info.sent && info.sent <= 4 && info.len <= info.capacity);
    }
}

static void what_is_seen_is_possible(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    chan[0] = ccp_chan_make(arg);
    sim_assert(chan[0]);
    sim_spawn(send_some, NULL);
    sim_spawn(receive_some, NULL);
    sim_spawn(look_twice, NULL);
    sim_join();
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

/* ---- one who asks for the length, while one sends and then another receives ---- */

static size_t length;

static void send_then_look(void *arg)
{
    (void)arg;
    send(chan[0]);
    missed[0] = nothing_to_receive(chan[1]);
}

static void say_then_receive(void *arg)
{
    (void)arg;
    send(chan[1]);
    receive(chan[0]);
}

static void ask_for_length(void *arg)
{
    (void)arg;
    length = ccp_chan_len(chan[0]);
}

/* Who has sent and was not told comes before who tells and then receives, so it is never empty. */
static void length_is_one_of_a_moment(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    for (int i = 0; i < 2; i++) {
        chan[i] = ccp_chan_make(arg);
        sim_assert(chan[i]);
    }
    send(chan[0]);
    sim_spawn(send_then_look, NULL);
    sim_spawn(say_then_receive, NULL);
    sim_spawn(ask_for_length, NULL);
    sim_join();
    sim_assert(length > 0 || !missed[0]);
    for (int i = 0; i < 2; i++)
        sim_assert(ccp_chan_free(chan[i]) == CCP_OK);
}

/* ---- one who finds out late what was sent, after it was received ---- */

static void send_and_take_back(void *arg)
{
    (void)arg;
    send(chan[0]);
    (void)!ccp_chan_recv(chan[0], NULL, CCP_NOWAIT);
}

static void receive_at_once(void *arg)
{
    uint64_t got[2];
    size_t n = 0;
    (void)arg;
    ccp_status st = ccp_chan_recv_n(chan[0], got, 2, &n, CCP_NOWAIT);
    sim_assert(st == CCP_AGAIN || (st == CCP_OK && n == 1));
}

static void what_is_gone_is_not_received(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    chan[0] = ccp_chan_make(arg);
    sim_assert(chan[0]);
    sim_spawn(send_and_take_back, NULL);
    sim_spawn(receive_at_once, NULL);
    sim_join();
    sim_assert(ccp_chan_len(chan[0]) == 0);
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

/* ---- a rendezvous that is closed, while a select is about to find that out ---- */

static ccp_status said[2];

static void send_and_note(void *arg)
{
    (void)arg;
    said[0] = ccp_chan_send(chan[0], v, CCP_FOREVER);
}

static void select_and_note(void *arg)
{
    size_t i;
    const ccp_case k = CCP_CASE_RECV(chan[0], NULL);
    (void)arg;
    said[1] = ccp_select(&k, 1, &i, CCP_FOREVER);
}

static void close_and_send(void *arg)
{
    (void)arg;
    close_it(chan[0]);
    send_and_note(NULL);
}

/* Both say the same of a meeting; and who comes after the close meets nobody. */
static void both_meet_or_none(void *arg)
{
    const bool *after = arg;
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    chan[0] = ccp_chan_new(sizeof v[0], 0);
    sim_assert(chan[0]);
    sim_spawn(select_and_note, NULL);
    if (*after) {
        sim_spawn(close_and_send, NULL);
    } else {
        sim_spawn(send_and_note, NULL);
        close_it(chan[0]);
    }
    sim_join();
    sim_assert(said[0] == CCP_CLOSED || (said[0] == CCP_OK && !*after));
    sim_assert(said[0] == said[1]);
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

/* ---- a pool: a drain that comes after a submit, by what another channel says ---- */

static ccp_pool *pool;
static _Atomic bool ran;
static ccp_wg wg;

static ccp_status note(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    atomic_store_explicit(&ran, true, memory_order_relaxed);
    return CCP_OK;
}

static void submit_then_look(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_submit(pool, note, NULL, CCP_FOREVER) == CCP_OK);
    missed[0] = nothing_to_receive(chan[0]);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void say_then_drain(void *arg)
{
    (void)arg;
    send(chan[0]);
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    missed[1] = !atomic_load_explicit(&ran, memory_order_relaxed);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void drain_after_submit(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1, .quick_max = 3, .quick_min = 3 };
    pool = ccp_pool_new(arg);
    chan[0] = ccp_chan_new(8, 1);
    sim_assert(pool && chan[0] && ccp_wg_add(&wg, 2) == CCP_OK);
    sim_spawn(submit_then_look, NULL);
    sim_spawn(say_then_drain, NULL);
    sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    sim_assert(!missed[0] || !missed[1]);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
    sim_join();
}

/* ---- the same, while a worker is asked to leave, and none can take that ---- */

static ccp_status wait_at_gate(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return ccp_chan_recv(chan[0], NULL, CCP_FOREVER) == CCP_CLOSED ? CCP_OK : CCP_FAILED;
}

static void ask_to_leave(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_resize(pool, 1) == CCP_OK);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void drain_it(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void drain_beside_resize(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    pool = ccp_pool_new(arg);
    chan[0] = ccp_chan_new(0, 1);
    sim_assert(pool && chan[0] && ccp_wg_add(&wg, 2) == CCP_OK);
    for (int i = 0; i < 2; i++)
        sim_assert(ccp_pool_submit(pool, wait_at_gate, NULL, CCP_FOREVER) == CCP_OK);
    sim_spawn(ask_to_leave, NULL);
    sim_spawn(drain_it, NULL);
    close_it(chan[0]);
    sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

/* ---- a submit while the last worker, which has been idle for long, is about to leave (S4) ---- */

static void submit_as_the_last_leaves(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    pool = ccp_pool_new(arg);
    sim_assert(pool);
    if (ccp_pool_submit(pool, note, NULL, CCP_FOREVER) == CCP_OK) {
        sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
        atomic_store_explicit(&ran, false, memory_order_relaxed);
        ccp_status st = ccp_pool_submit(pool, note, NULL, CCP_FOREVER);
        sim_assert(st == CCP_OK || st == CCP_NOMEM);
        sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
        sim_assert(atomic_load_explicit(&ran, memory_order_relaxed) == (st == CCP_OK));
    }
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
}

/* ---- the last of the workers blocks, as who watches goes to rest (W3) ---- */

static ccp_status open_it(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    close_it(chan[0]);
    return CCP_OK;
}

static void block_as_nobody_watches(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    pool = ccp_pool_new(arg);
    chan[0] = ccp_chan_new(0, 1);
    sim_assert(pool && chan[0]);
    sim_assert(ccp_pool_submit(pool, wait_at_gate, NULL, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_submit(pool, open_it, NULL, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

/* ---- the same, and one who is idle is asked to leave (W3) ---- */

static void ask_one_to_leave(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_resize(pool, 1) == CCP_OK);
}

static void leave_as_nobody_watches(void *arg)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    pool = ccp_pool_new(arg);
    chan[0] = ccp_chan_new(0, 1);
    sim_assert(pool && chan[0]);
    sim_assert(ccp_pool_submit(pool, wait_at_gate, NULL, CCP_FOREVER) == CCP_OK);
    sim_spawn(ask_one_to_leave, NULL);
    sim_assert(ccp_pool_submit(pool, open_it, NULL, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    sim_settle();
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(ccp_chan_free(chan[0]) == CCP_OK);
}

static ccp_pool_opts watched_two = { .workers = 2, .queue = 2, .spare = 1, .stall = 100 };
static ccp_pool_opts watched = { .workers = 1, .queue = 2, .spare = 1, .stall = 100 };
static ccp_pool_opts idle_slot = { .workers = 1, .queue = 1, .idle = 100 };
static ccp_pool_opts idle_no_slot = { .workers = 1, .idle = 100 };
static ccp_pool_opts one_slot = { .workers = 1, .queue = 1 };
static ccp_pool_opts no_slot = { .workers = 1 };
static ccp_pool_opts two_workers = { .workers = 2 };

#define RING1 { .elem_size = 8, .capacity = 1 }
#define RING2 { .elem_size = 8, .capacity = 2 }
#define SMALL { .elem_size = 4, .capacity = 1 } /* not the fast path for words */
#define COUNT1 { .capacity = 1 }
#define COUNT2 { .capacity = 2 }
#define MEET { .elem_size = 8 }

static pair pairs[] = {
    { RING1, 0, send, nothing_to_receive },
    { RING1, 0, send, nothing_to_receive_at_once },
    { RING1, 0, send, nothing_to_select },
    { RING1, 0, send, is_empty },
    { RING1, 0, send, none_was_sent },
    { SMALL, 0, send, nothing_to_receive },
    { RING2, 0, send_two, nothing_to_receive },
    { RING2, 0, send_two, is_empty },
    { RING1, 1, receive, no_room },
    { RING1, 1, receive, no_room_at_once },
    { RING1, 1, receive, is_full },
    { RING1, 1, receive, none_was_received },
    { SMALL, 1, receive, no_room },
    { RING2, 2, receive_two, no_room },
    { RING2, 2, receive_two, is_full },
    { RING1, 0, close_it, is_open },
    { RING1, 0, close_it, nothing_to_receive },
    { RING1, 0, close_it, nothing_to_select },
    { RING1, 1, close_it, no_room },
    { RING1, 1, close_it, no_room_at_once },
    { RING1, 1, cancel_it, is_open },
    { RING1, 1, cancel_it, is_full },
    { COUNT1, 0, send, nothing_to_receive },
    { COUNT1, 0, send, is_empty },
    { COUNT2, 0, send_two, nothing_to_receive },
    { COUNT1, 1, receive, no_room },
    { COUNT1, 1, receive, is_full },
    { COUNT2, 2, receive_two, no_room },
    { COUNT1, 0, close_it, is_open },
    { COUNT1, 0, close_it, nothing_to_receive },
    { COUNT1, 1, close_it, no_room },
    { MEET, 0, close_it, is_open },
    { MEET, 0, close_it, nothing_to_receive },
    { MEET, 0, close_it, no_room },
    { MEET, 0, close_it, nothing_to_select },
};
static ccp_chan_opts kinds[] = { RING1, RING2, COUNT2 };
static const bool before = false, after = true;
#define PAIRS (sizeof pairs / sizeof *pairs)

static const sim_scenario others[] = {
    { "seen1", what_is_seen_is_possible, &kinds[0], { 0 }, NULL },
    { "seen2", what_is_seen_is_possible, &kinds[1], { 0 }, NULL },
    { "length", length_is_one_of_a_moment, &kinds[1], { 0 }, NULL },
    { "count", length_is_one_of_a_moment, &kinds[2], { 0 }, NULL },
    { "gone", what_is_gone_is_not_received, &kinds[1], { 0 }, NULL },
    { "pool1", drain_after_submit, &one_slot, { 0 }, NULL },
    { "pool0", drain_after_submit, &no_slot, { 0 }, NULL },
    { "pool_resized", drain_beside_resize, &two_workers, { 0 }, NULL },
    { "watched_pool", block_as_nobody_watches, &watched,
      { .n = 1000, .max_steps = 50000 }, NULL },
    { "watched_pool_smaller", leave_as_nobody_watches, &watched_two,
      { .n = 1000, .max_steps = 50000 }, NULL },
    { "idle_pool1", submit_as_the_last_leaves, &idle_slot, { .fail_thread = 1 }, NULL },
    { "idle_pool0", submit_as_the_last_leaves, &idle_no_slot, { .fail_thread = 1 }, NULL },
};
#define OTHERS (sizeof others / sizeof *others)

int main(int argc, char **argv)
{
    static char names[PAIRS][16];
    static sim_scenario scenarios[2 * (PAIRS + OTHERS) + 2];
    size_t n = 0;
    for (int random = 0; random < 2; random++) {
        sim_options o = {
            .mode = random ? SIM_RANDOM : SIM_PCT, .weak = true, .stale = 12, .n = 5000
        };
        for (size_t i = 0; i < PAIRS; i++) {
            snprintf(names[i], sizeof names[0], "across%zu", i);
            scenarios[n++] = (sim_scenario){ names[i], one_of_two_sees, &pairs[i], o, NULL };
        }
        for (size_t i = 0; i < OTHERS; i++) {
            o.fail_thread = others[i].options.fail_thread;
            o.n = others[i].options.n ? others[i].options.n : 5000;
            o.max_steps = others[i].options.max_steps;
            scenarios[n] = others[i];
            scenarios[n++].options = o;
        }
    }
    const sim_options all = { .mode = SIM_DPOR };
    scenarios[n++] =
        (sim_scenario){ "meet", both_meet_or_none, (void *)(uintptr_t)&before, all, NULL };
    scenarios[n++] =
        (sim_scenario){ "meet_after", both_meet_or_none, (void *)(uintptr_t)&after, all, NULL };
    return sim_main(argc, argv, scenarios, n);
}
