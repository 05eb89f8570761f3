/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers: what a call without the lock makes of a time that belongs to another state,
 * with loads that may be stale.
 */
#include "scene.h"

#include <stdatomic.h>

enum { OPEN_FOR = 100, PROBE_FOR = 1000 };
enum { CLOSED_AGAIN = 3 /* generation of hold_close_open() */ };

static ccp_breaker *b;
static _Atomic int64_t until; /* by which it has been opened by its own time; 0: not yet */
static atomic_int let_through;

static ccp_breaker *make(unsigned probes)
{
    const ccp_breaker_opts o = { .open_ns = OPEN_FOR, .probe_ns = PROBE_FOR, .probes = probes };
    scene_tune(STILL);
    b = ccp_breaker_new(&o);
    sim_assert(b);
    return b;
}

/* Held open, closed, then opened: until its time is over, and no longer. */
static void hold_close_open(void *arg)
{
    (void)arg;
    sim_assert(ccp_breaker_set(b, CCP_BREAKER_OPEN, true) == CCP_OK);
    sim_assert(ccp_breaker_set(b, CCP_BREAKER_CLOSED, false) == CCP_OK);
    sim_assert(ccp_breaker_set(b, CCP_BREAKER_OPEN, false) == CCP_OK);
    atomic_fetch_add_explicit(&until, sim_now() + OPEN_FOR, memory_order_relaxed);
}

static void let_time_pass(void *arg)
{
    (void)arg;
    sim_advance(OPEN_FOR);
}

/* Whoever has seen it closed in between and then sees it open sees that time, too. */
static void is_not_held_any_more(void *arg)
{
    ccp_breaker_ticket t;
    (void)arg;
    make(1);
    sim_spawn(hold_close_open, NULL);
    sim_spawn(let_time_pass, NULL);
    bool seen_closed = ccp_breaker_allow(b, &t) == CCP_OK && t.generation_ == CLOSED_AGAIN;
    int64_t begun = sim_now();
    ccp_status st = ccp_breaker_allow(b, &t);
    int64_t over = atomic_fetch_add_explicit(&until, 0, memory_order_relaxed); /* never stale */
    if (seen_closed && over && over <= begun)
        sim_assert(st == CCP_OK);
    sim_outcome(seen_closed);
    sim_join();
    sim_assert(ccp_breaker_free(b) == CCP_OK);
}

static void probe(void *arg)
{
    ccp_breaker_ticket t;
    (void)arg;
    if (ccp_breaker_allow(b, &t) == CCP_OK)
        atomic_fetch_add(&let_through, 1);
}

/* Its time is over and there are two places: the limit of the first probe is not the second's. */
static void both_find_a_place(void *arg)
{
    (void)arg;
    make(2);
    sim_assert(ccp_breaker_set(b, CCP_BREAKER_OPEN, false) == CCP_OK);
    sim_advance(OPEN_FOR);
    sim_spawn(probe, NULL);
    sim_spawn(probe, NULL);
    sim_join();
    sim_assert(atomic_load(&let_through) == 2);
    sim_assert(ccp_breaker_free(b) == CCP_OK);
}

int main(int argc, char **argv)
{
    static const sim_options weak = { .mode = SIM_PCT, .weak = true, .stale = 4, .n = 10000 };
    static const sim_options all = { .mode = SIM_DFS, .preemptions = 3, .weak = true };
    scene_add(is_not_held_any_more, NULL, &weak, "some.is_not_held_any_more");
    scene_add(both_find_a_place, NULL, &all, "few.both_find_a_place");
    return scene_main(argc, argv);
}
