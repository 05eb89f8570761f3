/* SPDX-License-Identifier: MIT
 *
 * What happens before what: the `Order:` lines of ccp.h, by plain variables.  A thread writes one
 * before its call; whoever that call is promised to happen before reads it after its own.  Without
 * the edge that is a data race.
 */
#include "ccp.h"
#include "sim.h"

#include "base/machine.h"
#include "block/tuning.h"

enum { MOST = 4 };

static ccp_chan *chan;
static ccp_ctx *ctx;
static ccp_wg wg;
static ccp_pool *pool;
static int written[2][MOST];
int order_sums[SIM_THREADS]; /* so that the reads are made */
#define READ(what) (order_sums[sim_self()] += (what))

static void begin(const ccp_chan_opts *o, bool spin)
{
    ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 1 };
    if (spin)
        ccpi_tuning = (ccpi_tuning_s){ .fair_pops = 2, .quick_max = 3, .quick_min = 3,
                                       .long_wait = 100, .pauses = 1, .patient_max = 1 };
    chan = o ? ccp_chan_make(o) : NULL;
    sim_assert(chan || !o);
}

static void end(void)
{
    sim_join();
    sim_assert(ccp_chan_free(chan) == CCP_OK);
}

/* ---- Channels: the send before the receive that takes its element; the k-th receive before the
 *      return of the send number k + capacity ---- */

typedef struct exchange {
    size_t size, capacity;
    int count;      /* elements */
    bool spin;
    bool sends_n, receives_n, selects;
} exchange;
static const exchange *how;

static void send_some(void *arg)
{
    (void)arg;
    uint64_t v[MOST] = { 0 };
    for (int i = 0; i < how->count;) {
        size_t done = 1, chosen;
        for (int k = i; k < how->count && (k == i || how->sends_n); k++)
            written[0][k] = 1;
        ccp_case send = CCP_CASE_SEND(chan, v);
        ccp_status st =
            how->selects   ? ccp_select(&send, 1, &chosen, CCP_FOREVER)
            : how->sends_n ? ccp_chan_send_n(chan, v, (size_t)(how->count - i), &done, CCP_FOREVER)
                           : ccp_chan_send(chan, v, CCP_FOREVER);
        sim_assert(st == CCP_OK);
        i += (int)done;
        if (i > (int)how->capacity)
            READ(written[1][i - 1 - (int)how->capacity]);
    }
    sim_assert(ccp_chan_close(chan) == CCP_OK);
}

static void receive_some(void *arg)
{
    (void)arg;
    uint64_t v[MOST];
    int got = 0;
    for (;;) {
        size_t done = 1, chosen;
        if (got < MOST)
            written[1][got] = 1;
        ccp_case recv = CCP_CASE_RECV(chan, v);
        ccp_status st = how->selects ? ccp_select(&recv, 1, &chosen, CCP_FOREVER)
                        : how->receives_n ? ccp_chan_recv_n(chan, v, 1, &done, CCP_FOREVER)
                                          : ccp_chan_recv(chan, v, CCP_FOREVER);
        if (st == CCP_CLOSED)
            break;
        sim_assert(st == CCP_OK && done == 1);
        READ(written[0][got++]);
    }
    sim_assert(got == how->count);
}

static void exchange_elements(void *arg)
{
    how = arg;
    begin(&(ccp_chan_opts){ .elem_size = how->size, .capacity = how->capacity }, how->spin);
    sim_spawn(send_some, NULL);
    sim_spawn(receive_some, NULL);
    end();
}

static exchange ring1 = { 8, 1, 3, false, false, false, false };
static exchange ring1_spin = { 8, 1, 3, true, false, false, false };
static exchange ring2 = { 8, 2, 4, false, false, false, false };
static exchange ring2_batch = { 8, 2, 4, false, true, false, false };
static exchange ring2_batches = { 8, 2, 4, false, true, true, false };
static exchange ring1_select = { 8, 1, 3, false, false, false, true };
static exchange counter = { 0, 1, 3, false, false, false, false };
static exchange counter_batch = { 0, 2, 4, false, true, true, false };
static exchange meet = { 8, 0, 3, false, false, false, false };
static exchange meet_spin = { 8, 0, 3, true, false, false, false };
static exchange meet_select = { 8, 0, 3, false, false, false, true };
static exchange meet_empty = { 0, 0, 3, true, false, false, false };

/* A batch whose elements nobody wants: the first by waiting, then those that came with it. */
static void receive_into_nothing(void *arg)
{
    int left = *(int *)arg;
    for (size_t n; left > 0; left -= (int)n)
        sim_assert(ccp_chan_recv_n(chan, NULL, 2, &n, CCP_FOREVER) == CCP_OK);
    sim_assert(left == 0);
}

static void batch_into_nothing(void *arg)
{
    begin(arg, false);
    static int count = 4;
    sim_spawn(receive_into_nothing, &count);
    uint64_t v[4] = { 0 };
    for (size_t i = 0, n; i < 4; i += n)
        sim_assert(ccp_chan_send_n(chan, v, 4 - i, &n, CCP_FOREVER) == CCP_OK);
    end();
}

/* ---- Closing before every CCP_CLOSED that it causes ---- */

static void close_it(void *arg)
{
    (void)arg;
    written[0][0] = 1;
    sim_assert(ccp_chan_close(chan) == CCP_OK);
}

static void receive_closed(void *arg)
{
    ccp_wait w = *(ccp_wait *)arg;
    ccp_status st = ccp_chan_recv(chan, NULL, w);
    if (st == CCP_CLOSED)
        READ(written[0][0]);
    else
        sim_assert(st == CCP_AGAIN || st == CCP_OK);
}

static void send_closed(void *arg)
{
    uint64_t v = 0;
    ccp_status st = ccp_chan_send(chan, &v, *(ccp_wait *)arg);
    if (st == CCP_CLOSED)
        READ(written[0][0]);
    else
        sim_assert(st == CCP_AGAIN || st == CCP_OK);
}

static void closing(void *arg)
{
    static ccp_wait waits[2];
    waits[0] = CCP_FOREVER;
    waits[1] = CCP_NOWAIT;
    begin(arg, false);
    sim_spawn(close_it, NULL);
    sim_spawn(receive_closed, &waits[0]);
    sim_spawn(receive_closed, &waits[1]);
    sim_spawn(send_closed, &waits[1]);
    end();
}

static const ccp_chan_opts a_ring = { .elem_size = 8, .capacity = 1 };
static const ccp_chan_opts two_places = { .elem_size = 8, .capacity = 2 };
static const ccp_chan_opts a_counter = { .elem_size = 0, .capacity = 1 };
static const ccp_chan_opts a_meet = { .elem_size = 8 };

/* What all counted senders did, before the CCP_CLOSED that the last of them causes.  Each counts
 * one more in, as for a helper of its own. */
static void be_done(void *arg)
{
    sim_assert(ccp_chan_add_senders(chan, 1) == CCP_OK);
    *(int *)arg = 1;
    sim_assert(ccp_chan_sender_done(chan) == CCP_OK);
    sim_assert(ccp_chan_sender_done(chan) == CCP_OK);
}

static void wait_for_closed(void *arg)
{
    (void)arg;
    sim_assert(ccp_chan_recv(chan, NULL, CCP_FOREVER) == CCP_CLOSED);
    READ(written[0][0] + written[0][1]);
}

static void counted_senders(void *arg)
{
    begin(arg, false);
    sim_assert(ccp_chan_add_senders(chan, 2) == CCP_OK);
    sim_spawn(be_done, &written[0][0]);
    sim_spawn(be_done, &written[0][1]);
    sim_spawn(wait_for_closed, NULL);
    end();
}

/* ---- Contexts: what came before the cancel, before CCP_CANCELED; and the cause ---- */

static void cancel_it(void *arg)
{
    (void)arg;
    written[0][0] = 1;
    ccp_ctx_cancel_cause(ctx, written);
}

static void read_ended(ccp_status st)
{
    if (st != CCP_CANCELED)
        return;
    READ(written[0][0]);
    sim_assert(ccp_ctx_cause(ctx) == written);
}

static void look_at_status(void *arg)
{
    (void)arg;
    read_ended(ccp_ctx_status(ctx));
    read_ended(ccp_chan_recv(chan, NULL, ccp_under(ctx, CCP_NOWAIT)));
}

static void wait_below(void *arg)
{
    (void)arg;
    ccp_ctx *below = ccp_ctx_new(ctx, CCP_FOREVER);
    ccp_status st = ccp_chan_recv(chan, NULL, ccp_with(below));
    sim_assert(st == CCP_CANCELED);
    read_ended(st);
    sim_assert(ccp_ctx_free(below) == CCP_OK);
}

static void contexts(void *arg)
{
    begin(arg, false);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_spawn(cancel_it, NULL);
    sim_spawn(look_at_status, NULL);
    sim_spawn(wait_below, NULL);
    end();
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
}

/* A sleep is CCP_OK only when its time is over. */
static void sleep_below(void *arg)
{
    (void)arg;
    int64_t until = sim_now() + 1000;
    ccp_status st = ccp_sleep(ccp_under(ctx, ccp_until(until)));
    read_ended(st);
    sim_assert(st == CCP_CANCELED || (st == CCP_OK && sim_now() >= until));
}

static void sleeps(void *arg)
{
    (void)arg;
    begin(NULL, false);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_spawn(cancel_it, NULL);
    sim_spawn(sleep_below, NULL);
    end();
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
}

/* A hook's function before the CCP_CLOSED of ccp_ctx_unhook(). */
static void on_end(void *arg)
{
    READ(written[0][0]);
    *(int *)arg = 1;
}

static void hooks(void *arg)
{
    (void)arg;
    ccp_hook hook = { 0 };
    begin(&a_ring, false);
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ccp_ctx_hook(ctx, &hook, on_end, &written[1][0]) == CCP_OK);
    sim_spawn(cancel_it, NULL);
    ccp_status st = ccp_ctx_unhook(&hook, CCP_FOREVER);
    if (st == CCP_CLOSED)
        READ(written[1][0]);
    else
        sim_assert(st == CCP_OK && written[1][0] == 0);
    end();
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
}

/* ---- Wait groups (A2) ---- */

static void task_done(void *arg)
{
    *(int *)arg = 1;
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void read_all(void)
{
    for (int i = 0; i < 2; i++)
        READ(written[0][i]);
}

static void wait_for_group(void *arg)
{
    (void)arg;
    sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    read_all();
}

static void poll_group(void *arg)
{
    (void)arg;
    ccp_status st = ccp_wg_wait(&wg, CCP_NOWAIT);
    if (st == CCP_OK)
        read_all();
    else
        sim_assert(st == CCP_AGAIN);
}

static void groups(void *arg)
{
    (void)arg;
    begin(NULL, arg != NULL);
    sim_assert(ccp_wg_add(&wg, 2) == CCP_OK);
    sim_spawn(task_done, &written[0][0]);
    sim_spawn(task_done, &written[0][1]);
    sim_spawn(wait_for_group, NULL);
    sim_spawn(poll_group, NULL);
    end();
}

/* Its last waiter may give the group up at once. */
static void task_done_of(void *arg)
{
    sim_assert(ccp_wg_done(arg) == CCP_OK);
}

static void group_given_up(void *arg)
{
    begin(arg, false);
    ccp_wg *own = sim_alloc(sizeof *own);
    *own = (ccp_wg)CCP_WG_INIT;
    sim_assert(ccp_wg_add(own, 2) == CCP_OK);
    if (chan)
        sim_assert(ccp_wg_close_when_done(own, chan) == CCP_OK);
    sim_spawn(task_done_of, own);
    sim_spawn(task_done_of, own);
    sim_assert(ccp_wg_wait(own, CCP_FOREVER) == CCP_OK);
    sim_free(own);
    end();
}

static void write_it(void *arg)
{
    *(int *)arg = 1;
}

static void threads_of_a_group(void *arg)
{
    (void)arg;
    begin(NULL, false);
    sim_assert(ccp_wg_go(&wg, write_it, &written[0][0]) == CCP_OK);
    sim_assert(ccp_wg_go(&wg, write_it, &written[0][1]) == CCP_OK);
    wait_for_group(NULL);
    sim_assert(ccp_live_blocks() == 0); /* A6 */
    end();
}

static void group_that_closes(void *arg)
{
    begin(arg, false);
    sim_assert(ccp_wg_add(&wg, 2) == CCP_OK);
    sim_assert(ccp_wg_close_when_done(&wg, chan) == CCP_OK);
    sim_spawn(task_done, &written[0][0]);
    sim_spawn(task_done, &written[0][1]);
    sim_spawn(wait_for_closed, NULL);
    end();
}

/* A waiter that gives up lets the last one go without the lock. */
static void wait_a_little(void *arg)
{
    (void)arg;
    (void)ccp_wg_wait(&wg, ccp_within(1));
}

static void add_and_be_done(void *arg)
{
    if (ccp_wg_add(&wg, 1) != CCP_OK)
        return;
    task_done(arg);
    if (ccp_wg_wait(&wg, CCP_NOWAIT) == CCP_OK)
        READ(written[0][0]);
}

static void group_with_latecomer(void *arg)
{
    (void)arg;
    begin(NULL, false);
    ccp_set_misuse_hook(NULL);
    sim_assert(ccp_wg_add(&wg, 1) == CCP_OK);
    sim_spawn(task_done, &written[0][0]);
    sim_spawn(add_and_be_done, &written[0][1]);
    sim_spawn(wait_a_little, NULL);
    end();
}

/* Whoever sees that nobody is left may give the group up, though it still closes a channel. */
static void group_given_up_by_poll(void *arg)
{
    begin(arg, false);
    ccp_wg *own = sim_alloc(sizeof *own);
    *own = (ccp_wg)CCP_WG_INIT;
    sim_assert(ccp_wg_add(own, 1) == CCP_OK);
    sim_assert(ccp_wg_close_when_done(own, chan) == CCP_OK);
    sim_spawn(task_done_of, own);
    while (ccp_wg_wait(own, CCP_NOWAIT) != CCP_OK)
        ccpi_relax();
    sim_free(own);
    end();
}

/* Another thread looks, and may find the next ones' threads. */
static void poll_twice(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++)
        (void)ccp_wg_wait(&wg, CCP_NOWAIT);
}

static void threads_beside_poll(void *arg)
{
    (void)arg;
    begin(NULL, false);
    sim_spawn(poll_twice, NULL);
    for (int i = 0; i < 2; i++) {
        sim_assert(ccp_wg_go(&wg, write_it, &written[0][i]) == CCP_OK);
        sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    }
    end();
}

/* ---- Pools (P6) ---- */

static ccp_status run_task(ccp_ctx *c, void *arg)
{
    (void)c;
    int i = (int)((int *)arg - written[0]);
    sim_assert(written[0][i] == 1);
    written[1][i] = 1;
    return CCP_OK;
}

static void submit_and_drain(void *arg)
{
    int *mine = arg;
    *mine = 1;
    sim_assert(ccp_pool_submit(pool, run_task, mine, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    sim_assert(written[1][mine - written[0]] == 1); /* P4 */
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void pools(void *arg)
{
    begin(NULL, false);
    pool = ccp_pool_new(arg);
    sim_assert(pool);
    sim_assert(ccp_wg_add(&wg, 2) == CCP_OK);
    sim_spawn(submit_and_drain, &written[0][0]);
    sim_spawn(submit_and_drain, &written[0][1]);
    sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK); /* workers would keep sim_join() waiting */
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
    sim_assert(ccp_live_blocks() == 0);
}

/* One who drains beside one whose task is not accepted. */
static void submit_or_not(void *arg)
{
    *(int *)arg = 1;
    ccp_status st = ccp_pool_submit(pool, run_task, arg, CCP_NOWAIT);
    sim_assert(st == CCP_OK || st == CCP_AGAIN);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void drain_it(void *arg)
{
    (void)arg;
    sim_assert(ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_wg_done(&wg) == CCP_OK);
}

static void drains(void *arg)
{
    begin(NULL, false);
    pool = ccp_pool_new(arg);
    sim_assert(pool);
    sim_assert(ccp_wg_add(&wg, 2) == CCP_OK);
    sim_spawn(submit_or_not, &written[0][0]);
    sim_spawn(drain_it, NULL);
    sim_assert(ccp_wg_wait(&wg, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_pool_free(pool) == CCP_OK);
    sim_join();
}

static const ccp_pool_opts one_worker = { .workers = 1, .queue = 1 };
static const ccp_pool_opts two_workers = { .workers = 2, .queue = 2 };
static const ccp_pool_opts no_queue = { .workers = 2 };
static const ccp_pool_opts one_without_queue = { .workers = 1 };

/* ---- Misuse ---- */

static void on_misuse(const char *call, const char *rule)
{
    (void)call;
    (void)rule;
    READ(written[0][0]);
}

static void set_hook(void *arg)
{
    (void)arg;
    written[0][0] = 1;
    ccp_set_misuse_hook(on_misuse);
}

static void misuse(void *arg)
{
    begin(arg, false);
    sim_spawn(set_hook, NULL);
    sim_assert(ccp_chan_sender_done(chan) == CCP_MISUSE);
    end();
}

#define RUN(name, fn, arg, how)                                 \
    {                                                           \
        name, fn, (void *)(uintptr_t)(arg),                     \
            { .mode = (how), .weak = true, .n = 10000 }, NULL   \
    }
#define WEAK(name, fn, arg)                                     \
    RUN(name ".pct", fn, arg, SIM_PCT), RUN(name ".rnd", fn, arg, SIM_RANDOM)

static const sim_scenario scenarios[] = {
    WEAK("ring1", exchange_elements, &ring1),
    WEAK("ring1_spin", exchange_elements, &ring1_spin),
    WEAK("ring2", exchange_elements, &ring2),
    WEAK("ring2_batch", exchange_elements, &ring2_batch),
    WEAK("ring2_batches", exchange_elements, &ring2_batches),
    WEAK("ring2_into_nothing", batch_into_nothing, &two_places),
    WEAK("ring1_select", exchange_elements, &ring1_select),
    WEAK("counter", exchange_elements, &counter),
    WEAK("counter_batch", exchange_elements, &counter_batch),
    WEAK("meet", exchange_elements, &meet),
    WEAK("meet_spin", exchange_elements, &meet_spin),
    WEAK("meet_select", exchange_elements, &meet_select),
    WEAK("meet_empty", exchange_elements, &meet_empty),
    WEAK("close_ring", closing, &a_ring),
    WEAK("close_counter", closing, &a_counter),
    WEAK("close_meet", closing, &a_meet),
    WEAK("counted_senders", counted_senders, &a_ring),
    WEAK("contexts", contexts, &a_ring),
    WEAK("contexts_meet", contexts, &a_meet),
    WEAK("context_of_sleep", sleeps, NULL),
    WEAK("hooks", hooks, NULL),
    WEAK("groups", groups, NULL),
    WEAK("groups_that_pause", groups, &a_counter),
    WEAK("group_given_up", group_given_up, NULL),
    WEAK("group_given_up_closes", group_given_up, &a_counter),
    WEAK("threads_of_a_group", threads_of_a_group, NULL),
    WEAK("group_with_latecomer", group_with_latecomer, NULL),
    WEAK("group_given_up_by_poll", group_given_up_by_poll, &a_counter),
    WEAK("threads_beside_poll", threads_beside_poll, NULL),
    WEAK("group_that_closes", group_that_closes, &a_counter),
    WEAK("pool1", pools, &one_worker),
    WEAK("pool2", pools, &two_workers),
    WEAK("pool0", pools, &no_queue),
    WEAK("drains1", drains, &one_worker),
    WEAK("drains0", drains, &one_without_queue),
    WEAK("misuse", misuse, &a_ring),
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
