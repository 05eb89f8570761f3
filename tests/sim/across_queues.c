/* SPDX-License-Identifier: MIT
 *
 * As across.c, of what works without locks: two of a kind, two threads, each of which changes one
 * and then looks at the other.  What is linearizable (LQ7, LQ9, LQ10) tells one of them.  And what
 * a closer did before is seen by who finds the end; and a length is none that there never was.
 */
#include "ccp.h"
#include "sim.h"

#include "base/atomic.h"

#include <stdio.h>

typedef struct both {
    ccp_mpmc *queue;
    ccp_mpsc box;
    ccp_stack stack;
    struct {
        ccp_mpsc_node in_box;
        ccp_stack_node in_stack;
    } node[2]; /* for each thread */
} both;

static both it[2];
static bool missed[2];
static const uint64_t v[2];
static int closer_did; /* plain: the explorer watches */

typedef struct pair {
    const char *name;
    int fill; /* of the queue, whose capacity is 1 */
    void (*change)(both *b, int me);
    bool (*unchanged)(both *b); /* looks: nothing to be seen of the change? */
} pair;
static const pair *how;

/* ---- changes ---- */

static void push(both *b, int me)
{
    (void)me;
    sim_assert(ccp_mpmc_push(b->queue, v) == CCP_OK);
}

static void push_n(both *b, int me)
{
    size_t n;
    (void)me;
    sim_assert(ccp_mpmc_push_n(b->queue, v, 2, &n) == CCP_OK);
}

static void pop(both *b, int me)
{
    (void)me;
    sim_assert(ccp_mpmc_pop(b->queue, NULL) == CCP_OK);
}

static void close_it(both *b, int me)
{
    (void)me;
    sim_assert(ccp_mpmc_close(b->queue) == CCP_OK);
}

static void put_in_box(both *b, int me)
{
    sim_assert(ccp_mpsc_push(&b->box, &b->node[me].in_box) == CCP_OK);
}

static void put_on_stack(both *b, int me)
{
    sim_assert(ccp_stack_push(&b->stack, &b->node[me].in_stack) == CCP_OK);
}

/* ---- looks ---- */

static bool nothing_to_pop(both *b)
{
    return ccp_mpmc_pop(b->queue, NULL) == CCP_AGAIN;
}

static bool nothing_to_pop_at_once(both *b)
{
    uint64_t got[2];
    size_t n;
    return ccp_mpmc_pop_n(b->queue, got, 2, &n) == CCP_AGAIN;
}

static bool no_room(both *b)
{
    return ccp_mpmc_push(b->queue, v) == CCP_AGAIN;
}

static bool nothing_in_box(both *b)
{
    ccp_mpsc_node *n;
    return ccp_mpsc_pop(&b->box, &n) == CCP_AGAIN;
}

static bool nothing_on_stack(both *b)
{
    ccp_stack_node *n;
    return ccp_stack_pop(&b->stack, &n) == CCP_AGAIN;
}

/* ---- both ---- */

static void set_up(int fill)
{
    for (int i = 0; i < 2; i++) {
        it[i].queue = ccp_mpmc_new(sizeof v[0], 1);
        sim_assert(it[i].queue);
        sim_assert(ccp_stack_init(&it[i].stack, it[i].node, sizeof it[i].node) == CCP_OK);
        if (fill)
            push(&it[i], 0);
    }
}

static void end(void)
{
    sim_join();
    for (int i = 0; i < 2; i++)
        sim_assert(ccp_mpmc_free(it[i].queue) == CCP_OK);
}

static void change_and_look(void *arg)
{
    int i = (int)(intptr_t)arg;
    how->change(&it[i], i);
    missed[i] = how->unchanged(&it[1 - i]);
}

static void one_of_two_sees(void *arg)
{
    how = arg;
    set_up(how->fill);
    sim_spawn(change_and_look, (void *)0);
    sim_spawn(change_and_look, (void *)1);
    end();
    sim_assert(!missed[0] || !missed[1]);
}

/* ---- what the closer did ---- */

static void do_and_close(void *arg)
{
    (void)arg;
    closer_did = 1;
    close_it(&it[0], 0);
}

static void find_the_end(void *arg)
{
    ccp_status st = arg ? ccp_mpmc_push(it[0].queue, v) : ccp_mpmc_pop(it[0].queue, NULL);
    if (st == CCP_CLOSED)
        sim_assert(closer_did == 1);
}

static void what_the_closer_did_is_seen(void *arg)
{
    (void)arg;
    closer_did = 0;
    set_up(0);
    sim_spawn(do_and_close, NULL);
    sim_spawn(find_the_end, NULL);
    sim_spawn(find_the_end, &closer_did);
    end();
}

/* ---- a length, while one element goes through ---- */

static ccp_spsc *ring;

static void put_one_in(void *arg)
{
    (void)arg;
    sim_assert(ccp_mpmc_push(it[0].queue, v) == CCP_OK);
    sim_assert(ccp_spsc_push(ring, v) == CCP_OK);
}

static void take_one_out(void *arg)
{
    (void)arg;
    (void)!ccp_mpmc_pop(it[0].queue, NULL);
    (void)!ccp_spsc_pop(ring, NULL);
}

static void look_at_length(void *arg)
{
    (void)arg;
    sim_assert(ccp_mpmc_len(it[0].queue) <= 1);
    sim_assert(ccp_spsc_len(ring) <= 1);
}

static void it_is_never_two_long(void *arg)
{
    (void)arg;
    it[0].queue = ccp_mpmc_new(sizeof v[0], 2);
    ring = ccp_spsc_new(sizeof v[0], 2);
    sim_assert(it[0].queue && ring);
    sim_spawn(put_one_in, NULL);
    sim_spawn(take_one_out, NULL);
    sim_spawn(look_at_length, NULL);
    sim_join();
    sim_assert(ccp_mpmc_free(it[0].queue) == CCP_OK && ccp_spsc_free(ring) == CCP_OK);
}

/* The head may be looked at long before the tail. */
static void pass_on(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        sim_assert(ccp_mpmc_push(it[0].queue, v) == CCP_OK);
        sim_assert(ccp_spsc_push(ring, v) == CCP_OK);
        sim_assert(ccp_mpmc_pop(it[0].queue, NULL) == CCP_OK);
        sim_assert(ccp_spsc_pop(ring, NULL) == CCP_OK);
    }
}

static void it_holds_no_more_than_it_can(void *arg)
{
    (void)arg;
    it[0].queue = ccp_mpmc_new(sizeof v[0], 1);
    ring = ccp_spsc_new(sizeof v[0], 1);
    sim_assert(it[0].queue && ring);
    sim_spawn(pass_on, NULL);
    sim_spawn(look_at_length, NULL);
    sim_join();
    sim_assert(ccp_mpmc_free(it[0].queue) == CCP_OK && ccp_spsc_free(ring) == CCP_OK);
}

static const pair pairs[] = {
    { "push.pop", 0, push, nothing_to_pop },
    { "push.pop_n", 0, push, nothing_to_pop_at_once },
    { "push_n.pop", 0, push_n, nothing_to_pop },
    { "pop.push", 1, pop, no_room },
    { "close.pop", 0, close_it, nothing_to_pop },
    { "close.push", 1, close_it, no_room },
    { "box", 0, put_in_box, nothing_in_box },
    { "stack", 0, put_on_stack, nothing_on_stack },
};
#define PAIRS (sizeof pairs / sizeof *pairs)

int main(int argc, char **argv)
{
    static char names[PAIRS][24];
    static sim_scenario scenarios[2 * (PAIRS + 3)];
    size_t n = 0;
    for (int random = 0; random < 2; random++) {
        const sim_options o = {
            .mode = random ? SIM_RANDOM : SIM_PCT, .weak = true, .stale = 12, .n = 2000
        };
        for (size_t i = 0; i < PAIRS; i++) {
            (void)snprintf(names[i], sizeof names[0], "across.%s", pairs[i].name);
            scenarios[n++] = (sim_scenario){ names[i], one_of_two_sees,
                                             (void *)(uintptr_t)&pairs[i], o, NULL };
        }
        scenarios[n++] = (sim_scenario){ "closer", what_the_closer_did_is_seen, NULL, o, NULL };
        scenarios[n++] = (sim_scenario){ "length", it_is_never_two_long, NULL, o, NULL };
        scenarios[n++] =
            (sim_scenario){ "fuller", it_holds_no_more_than_it_can, NULL, o, NULL };
    }
    return sim_main(argc, argv, scenarios, n);
}
