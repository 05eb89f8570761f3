/* SPDX-License-Identifier: MIT
 *
 * Lists and maps that are read without a lock: every pair and triple of readers and of those who
 * add, replace and remove, while the map grows.
 *
 * What is taken out is freed after a grace period, so the explorer sees whoever still comes to it.
 */
#include "scene.h"

#include "lockfree/rcu.h"

#include <stdio.h>
#include <string.h>

typedef enum operation {
    GET,       /* what is there all the time, and what comes and goes */
    GET_TWICE, /* in one section */
    ADD,       /* three: the map grows, and again if no section is open */
    PUT,
    REMOVE,
    WALK, /* what follows is of the list */
    APPEND,
    TAKE_FIRST,
    TAKE_LAST,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "get", "get_twice", "add", "put", "remove", "walk", "append", "take_first", "take_last",
};

typedef struct play {
    bool fenced;
    int ops;
    operation op[3];
} play;

typedef struct thing {
    ccp_rcu_item item;
    ccp_rcu_node node;
    ccp_rcu_head head;
    long value; /* plain; 1 while it is there */
} thing;

static ccp_rcu *rcu;
static ccp_rcu_map *map;
static ccp_rcu_list list;
static thing *first, *last;

#define THING(p, member) ((thing *)(void *)((char *)(p)-offsetof(thing, member)))

static thing *new_thing(const char *key)
{
    thing *t = sim_alloc(sizeof *t);
    sim_assert(t);
    memset(t, 0, sizeof *t);
    t->item = (ccp_rcu_item){ .key = key, .len = 1 };
    t->value = 1;
    return t;
}

static void free_thing(void *arg)
{
    thing *t = arg;
    sim_assert(t->value == 1);
    t->value = 0;
    sim_free(t);
}

static void give_back(thing *t)
{
    sim_assert(ccp_rcu_defer(rcu, &t->head, free_thing, t, CCP_FOREVER) == CCP_OK);
}

static void get(void)
{
    ccp_rcu_item *fixed = ccp_rcu_map_get(map, "f", 1), *a = ccp_rcu_map_get(map, "a", 1);
    sim_assert(fixed && THING(fixed, item)->value == 1 && !strcmp(fixed->key, "f"));
    sim_assert(!a || (THING(a, item)->value == 1 && !strcmp(a->key, "a")));
}

/* Sees the node that is in the middle all the time, once. */
static void walk(void)
{
    int fixed = 0;
    for (ccp_rcu_node *n = ccp_rcu_list_first(&list); n; n = ccp_rcu_list_next(n)) {
        sim_assert(THING(n, node)->value == 1);
        fixed += !strcmp(THING(n, node)->item.key, "f");
    }
    sim_assert(fixed == 1);
}

static void put(void)
{
    ccp_rcu_item *old;
    sim_assert(ccp_rcu_map_put(map, &new_thing("a")->item, &old) == CCP_OK);
    if (old)
        give_back(THING(old, item));
}

static void remove_it(const char *key)
{
    ccp_rcu_item *i = ccp_rcu_map_remove(map, key, 1);
    if (i)
        give_back(THING(i, item));
}

static void add(const char *key)
{
    thing *t = new_thing(key);
    if (ccp_rcu_map_add(map, &t->item) == CCP_BUSY)
        free_thing(t);
}

static void take(thing *t)
{
    sim_assert(ccp_rcu_list_remove(&list, &t->node) == CCP_OK);
    give_back(t);
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    bool reads = op == GET || op == GET_TWICE || op == WALK;
    if (reads)
        sim_assert(ccp_rcu_read_lock(rcu) == CCP_OK);
    switch (op) {
    case GET_TWICE: get(); /* fall through */
    case GET: get(); break;
    case ADD: add("b"); add("c"); add("d"); break;
    case PUT: put(); break;
    case REMOVE: remove_it("a"); break;
    case WALK: walk(); break;
    case APPEND: sim_assert(ccp_rcu_list_add(&list, &new_thing("b")->node) == CCP_OK); break;
    case TAKE_FIRST: take(first); break;
    default: take(last); break;
    }
    if (reads)
        sim_assert(ccp_rcu_read_unlock(rcu) == CCP_OK);
}

static void begin(const play *p)
{
    scene_tune(STILL);
    ccpi_rcu_tuning = (ccpi_rcu_tuning_s){ .pauses = 1 };
    rcu = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = 3, .no_membarrier = !p->fenced });
    sim_assert(rcu);
    map = ccp_rcu_map_new(rcu, 2);
    sim_assert(map);
    add("a");
    add("f"); /* in the same chain, behind it */
    memset(&list, 0, sizeof list);
    first = new_thing("1");
    last = new_thing("9");
    sim_assert(ccp_rcu_list_add(&list, &first->node) == CCP_OK);
    sim_assert(ccp_rcu_list_add(&list, &new_thing("f")->node) == CCP_OK);
    sim_assert(ccp_rcu_list_add(&list, &last->node) == CCP_OK);
}

static void end(void)
{
    for (const char *k = "abcdf"; *k; k++)
        remove_it(k);
    sim_assert(ccp_rcu_map_len(map) == 0);
    for (ccp_rcu_node *n; (n = ccp_rcu_list_first(&list)) != NULL;) {
        sim_assert(ccp_rcu_list_remove(&list, n) == CCP_OK);
        give_back(THING(n, node));
    }
    sim_assert(ccp_rcu_barrier(rcu, CCP_FOREVER) == CCP_OK);
    sim_assert(ccp_rcu_map_free(map) == CCP_OK);
    sim_assert(ccp_rcu_free(rcu) == CCP_OK);
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    begin(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    sim_join();
    end();
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.%s", how,
              p->fenced ? "fenced" : "plain", ops);
}

int main(int argc, char **argv)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    const sim_options two = { .mode = SIM_DFS, .preemptions = 2 };
    for (int fenced = 0; fenced < 2; fenced++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++) {
                play p = { fenced, 2, { (operation)a, (operation)b } };
                if ((a < WALK) != (b < WALK) || (a == b && a > APPEND))
                    continue;
                add_play(&p, &two, "two");
                for (int c = b; c < OPERATIONS && (a < WALK) == (c < WALK); c++) {
                    play q = { fenced, 3, { (operation)a, (operation)b, (operation)c } };
                    if (b != c || c <= APPEND)
                        add_play(&q, &few, "one");
                }
            }
    return scene_main(argc, argv);
}
