/* SPDX-License-Identifier: MIT
 *
 * Forks with ccp_fork_guard(), of what works without locks (fork_scenarios.c has the others): a
 * thread is cut off at each of its steps, and each call in the child says so at once (FK4), or
 * gives nothing; and all can be freed (FK5), while a slot was lent, a queue half changed, a section
 * open, a lock held.
 */
#include "fork.h"
#include "scene.h"

typedef enum operation {
    PUSH,  /* to the ring and the queue */
    POP,   /* from both */
    LEND,  /* reserves and commits */
    LOOK,  /* peeks and releases */
    READ,  /* a section, and a look into the map */
    SYNC,  /* waits for a grace period */
    ADD,   /* to the map, which grows */
    DEFER, /* a call */
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "push", "pop", "lend", "look", "read", "sync", "add", "defer",
};

static ccp_spsc *ring;
static ccp_mpmc *queue;
static ccp_rcu *domain;
static ccp_rcu_reader *reader; /* of the thread that forks */
static ccp_rcu_map *map;
static ccp_rcu_item first = { .key = "a", .len = 1 }, second = { .key = "b", .len = 1 };
static ccp_rcu_head head;
static long v;
static bool is_child;

static void must_not_be_called(void *arg)
{
    (void)arg;
    sim_assert(!is_child);
}

static void act(void *arg)
{
    void *room;
    const void *at;
    size_t n;
    switch (*(const operation *)arg) {
    case PUSH:
        (void)!ccp_spsc_push(ring, &v);
        (void)!ccp_mpmc_push(queue, &v);
        break;
    case POP:
        (void)!ccp_spsc_pop(ring, NULL);
        (void)!ccp_mpmc_pop(queue, NULL);
        break;
    case LEND:
        (void)!ccp_spsc_reserve(ring, 1, &room, &n);
        (void)!ccp_spsc_commit(ring, 1);
        break;
    case LOOK:
        (void)!ccp_spsc_peek(ring, 1, &at, &n);
        (void)!ccp_spsc_release(ring, 1);
        break;
    case READ:
        (void)!ccp_rcu_read_lock(domain);
        (void)ccp_rcu_map_get(map, "a", 1);
        (void)!ccp_rcu_read_unlock(domain);
        break;
    case SYNC: (void)!ccp_rcu_synchronize(domain, CCP_FOREVER); break;
    case ADD: (void)!ccp_rcu_map_add(map, &second); break;
    default:
        (void)!ccp_rcu_defer(domain, &head, must_not_be_called, NULL, CCP_FOREVER);
        (void)!ccp_rcu_barrier(domain, CCP_FOREVER);
        break;
    }
}

static void use_ring(void)
{
    long got[2];
    void *room;
    const void *at;
    size_t n;
    sim_assert(ccp_spsc_push(ring, &v) == CCP_FORKED);
    sim_assert(ccp_spsc_push_n(ring, &v, 1, &n) == CCP_FORKED);
    sim_assert(ccp_spsc_pop(ring, got) == CCP_FORKED);
    sim_assert(ccp_spsc_pop_n(ring, got, 2, &n) == CCP_FORKED);
    sim_assert(ccp_spsc_reserve(ring, 1, &room, &n) == CCP_FORKED);
    sim_assert(ccp_spsc_commit(ring, 0) == CCP_FORKED);
    sim_assert(ccp_spsc_peek(ring, 1, &at, &n) == CCP_FORKED);
    sim_assert(ccp_spsc_release(ring, 0) == CCP_FORKED);
    sim_assert(ccp_spsc_close(ring) == CCP_FORKED);
    sim_assert(ccp_spsc_len(ring) == 0);
    sim_assert(ccp_spsc_free(ring) == CCP_OK);
}

static void use_queue(void)
{
    long got[2];
    size_t n;
    sim_assert(ccp_mpmc_push(queue, &v) == CCP_FORKED);
    sim_assert(ccp_mpmc_push_n(queue, &v, 1, &n) == CCP_FORKED);
    sim_assert(ccp_mpmc_pop(queue, got) == CCP_FORKED);
    sim_assert(ccp_mpmc_pop_n(queue, got, 2, &n) == CCP_FORKED);
    sim_assert(ccp_mpmc_close(queue) == CCP_FORKED);
    sim_assert(ccp_mpmc_len(queue) == 0);
    sim_assert(ccp_mpmc_free(queue) == CCP_OK);
}

static void use_domain(void)
{
    ccp_rcu_info info;
    ccp_rcu_item *old;
    sim_assert(ccp_rcu_read_lock(domain) == CCP_FORKED);
    sim_assert(ccp_rcu_read_unlock(domain) == CCP_FORKED);
    sim_assert(ccp_rcu_quiescent(domain) == CCP_FORKED);
    sim_assert(ccp_rcu_register(domain) == CCP_FORKED);
    sim_assert(ccp_rcu_unregister(domain) == CCP_FORKED);
    sim_assert(ccp_rcu_reader_get(domain, &reader) == CCP_FORKED);
    sim_assert(ccp_rcu_reader_lock(reader) == CCP_FORKED);
    sim_assert(ccp_rcu_reader_quiescent(reader) == CCP_FORKED);
    sim_assert(ccp_rcu_reader_unlock(reader) == CCP_FORKED);
    sim_assert(ccp_rcu_synchronize(domain, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_rcu_defer(domain, &head, must_not_be_called, NULL, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_rcu_barrier(domain, CCP_FOREVER) == CCP_FORKED);
    sim_assert(ccp_rcu_get_info(domain, &info) == CCP_FORKED);
    sim_assert(!ccp_rcu_map_new(domain, 1));
    sim_assert(ccp_rcu_map_add(map, &second) == CCP_FORKED);
    sim_assert(ccp_rcu_map_put(map, &second, &old) == CCP_FORKED);
    sim_assert(!ccp_rcu_map_get(map, "a", 1) && !ccp_rcu_map_remove(map, "a", 1));
    sim_assert(ccp_rcu_map_len(map) == 0);
    sim_assert(ccp_rcu_map_free(map) == CCP_OK);
    sim_assert(ccp_rcu_free(domain) == CCP_OK);
}

static void make_all(void)
{
    scene_tune(STILL);
    sim_assert(ccp_track(true) == CCP_OK && ccp_fork_guard(true) == CCP_OK);
    ring = ccp_spsc_new(sizeof v, 2);
    queue = ccp_mpmc_new(sizeof v, 2);
    domain = ccp_rcu_new(NULL);
    sim_assert(ring && queue && domain);
    sim_assert(ccp_rcu_reader_get(domain, &reader) == CCP_OK);
    map = ccp_rcu_map_new(domain, 1);
    sim_assert(map && ccp_rcu_map_add(map, &first) == CCP_OK);
    sim_assert(ccp_spsc_push(ring, &v) == CCP_OK && ccp_mpmc_push(queue, &v) == CCP_OK);
}

static void be_child(void)
{
    sim_fork_child();
    is_child = true;
    use_ring();
    use_queue();
    use_domain();
    sim_assert(ccp_track(false) == CCP_OK);
}

static void run_play(void *arg)
{
    make_all();
    sim_fork_prepare();
    sim_spawn(act, arg);
    be_child();
}

/* Nobody is cut off: so what was run can be counted, too (CCP_COVERAGE). */
static void run_quiet(void *arg)
{
    make_all();
    sim_spawn(act, arg);
    sim_join();
    sim_fork_prepare();
    be_child();
}

int main(int argc, char **argv)
{
    static const sim_options every = { .mode = SIM_DFS, .max_steps = 20000 };
    static operation all[OPERATIONS];
    for (int i = 0; i < OPERATIONS; i++) {
        all[i] = (operation)i;
        scene_add(run_play, &all[i], &every, "pair.%s", operation_names[i]);
        scene_add(run_quiet, &all[i], &every, "quiet.%s", operation_names[i]);
    }
    return scene_main(argc, argv);
}
