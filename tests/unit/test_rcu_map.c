/* SPDX-License-Identifier: MIT
 *
 * Lists and maps that are read without a lock.  Linked with --wrap for what the system may refuse.
 */
#include "support.h"

#include "base/fence.h"

static bool no_fence;
bool __real_ccpi_fence_everywhere(void);
bool __wrap_ccpi_fence_everywhere(void);
bool __wrap_ccpi_fence_everywhere(void)
{
    return !no_fence && __real_ccpi_fence_everywhere();
}

typedef struct thing {
    ccp_rcu_node node;
    ccp_rcu_item item;
    ccp_rcu_head head;
    long key, value; /* equal while it is there */
} thing;

#define THING(p, member) ((thing *)(void *)((char *)(p)-offsetof(thing, member)))

static void set_thing(thing *t, long key)
{
    memset(t, 0, sizeof *t);
    t->key = t->value = key;
    t->item.key = &t->key;
    t->item.len = sizeof t->key;
}

static thing *new_thing(long key)
{
    thing *t = malloc(sizeof *t);
    MUST(t);
    set_thing(t, key);
    return t;
}

static void spoil(void *arg)
{
    thing *t = arg;
    MUST(t->key == t->value);
    t->value = -1;
    free(t);
}

static void give_back(ccp_rcu *d, thing *t)
{
    MUST(ccp_rcu_defer(d, &t->head, spoil, t, CCP_FOREVER) == CCP_OK);
}

/* ---- lists ---- */

static void list_is(const ccp_rcu_list *l, const char *keys)
{
    const ccp_rcu_node *n = ccp_rcu_list_first(l);
    for (; *keys; keys++, n = ccp_rcu_list_next(n)) {
        assert_non_null(n);
        assert_int_equal(THING(n, node)->key, *keys - '0');
    }
    assert_null(n);
}

TEST(a_list_is_in_the_order_of_adding) /* RU9 */
{
    thing t[5];
    ccp_rcu_list l = { NULL, NULL, 0 };
    for (long i = 0; i < 5; i++)
        set_thing(&t[i], i);
    list_is(&l, "");
    for (size_t i = 0; i < 5; i++)
        ASSERT_STATUS(ccp_rcu_list_add(&l, &t[i].node), CCP_OK);
    list_is(&l, "01234");
    ASSERT_STATUS(ccp_rcu_list_remove(&l, &t[0].node), CCP_OK);
    list_is(&l, "1234");
    ASSERT_STATUS(ccp_rcu_list_remove(&l, &t[4].node), CCP_OK);
    list_is(&l, "123");
    ASSERT_STATUS(ccp_rcu_list_remove(&l, &t[2].node), CCP_OK);
    list_is(&l, "13");
    assert_ptr_equal(ccp_rcu_list_next(&t[2].node), &t[3].node); /* RU9: who stands there goes on */
    ASSERT_STATUS(ccp_rcu_list_add(&l, &t[4].node), CCP_OK);
    ASSERT_STATUS(ccp_rcu_list_add(&l, &t[0].node), CCP_OK);
    list_is(&l, "1340");
    for (const char *k = "3041"; *k; k++)
        ASSERT_STATUS(ccp_rcu_list_remove(&l, &t[*k - '0'].node), CCP_OK);
    list_is(&l, "");
    ASSERT_STATUS(ccp_rcu_list_add(&l, &t[2].node), CCP_OK);
    list_is(&l, "2");
}

TEST(misuse_of_lists_is_refused) /* G2 */
{
    thing t;
    ccp_rcu_list l = { NULL, NULL, 0 };
    set_thing(&t, 1);
    ASSERT_STATUS(ccp_rcu_list_add(NULL, &t.node), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_list_add(&l, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_list_remove(NULL, &t.node), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_list_remove(&l, NULL), CCP_INVAL);
    assert_null(ccp_rcu_list_first(NULL));
    assert_null(ccp_rcu_list_next(NULL));
    ASSERT_STATUS(ccp_rcu_list_remove(&l, &t.node), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_list_add(&l, &t.node), CCP_OK);
    ASSERT_STATUS(ccp_rcu_list_add(&l, &t.node), CCP_MISUSE);
    list_is(&l, "1");
}

/* ---- maps ---- */

static ccp_rcu_item *get(const ccp_rcu_map *m, long key)
{
    return ccp_rcu_map_get(m, &key, sizeof key);
}

static ccp_rcu_item *take(ccp_rcu_map *m, long key)
{
    return ccp_rcu_map_remove(m, &key, sizeof key);
}

TEST(a_map_finds_what_was_added_while_it_grows) /* RU10 */
{
    enum { N = 5000 };
    for (size_t capacity = 0; capacity <= N; capacity += N) {
        static thing t[N];
        ccp_rcu *d = ccp_rcu_new(NULL);
        ccp_rcu_map *m = ccp_rcu_map_new(d, capacity);
        assert_true(d && m);
        for (long i = 0; i < N; i++) {
            set_thing(&t[i], i);
            assert_null(get(m, i));
            ASSERT_STATUS(ccp_rcu_map_add(m, &t[i].item), CCP_OK);
            assert_ptr_equal(get(m, i), &t[i].item);
            assert_null(ccp_rcu_map_get(m, &i, sizeof i - 1)); /* a part of the key is another */
            assert_ptr_equal(get(m, i / 2), &t[i / 2].item);
        }
        assert_int_equal(ccp_rcu_map_len(m), N);
        for (long i = 0; i < N; i += 2)
            assert_ptr_equal(take(m, i), &t[i].item);
        for (long i = 0; i < N; i++)
            assert_ptr_equal(get(m, i), i % 2 ? &t[i].item : NULL);
        ASSERT_STATUS(ccp_rcu_map_free(m), CCP_BUSY);
        for (long i = 1; i < N; i += 2)
            assert_ptr_equal(take(m, i), &t[i].item);
        assert_int_equal(ccp_rcu_map_len(m), 0);
        assert_null(take(m, 1));
        ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

TEST(of_a_key_there_is_one_item) /* RU10 */
{
    thing a, b;
    ccp_rcu_item *old = &b.item;
    ccp_rcu *d = ccp_rcu_new(NULL);
    ccp_rcu_map *m = ccp_rcu_map_new(d, 1);
    assert_true(d && m);
    set_thing(&a, 7);
    set_thing(&b, 7);
    ASSERT_STATUS(ccp_rcu_map_put(m, &a.item, &old), CCP_OK);
    assert_null(old);
    ASSERT_STATUS(ccp_rcu_map_add(m, &b.item), CCP_BUSY);
    assert_ptr_equal(get(m, 7), &a.item);
    ASSERT_STATUS(ccp_rcu_map_put(m, &b.item, &old), CCP_OK);
    assert_ptr_equal(old, &a.item);
    assert_ptr_equal(get(m, 7), &b.item);
    assert_int_equal(ccp_rcu_map_len(m), 1);
    ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rcu_map_put(m, &a.item, &old), CCP_OK); /* once more */
    assert_ptr_equal(old, &b.item);
    assert_ptr_equal(take(m, 7), &a.item);
    thing empty = { .key = 0 };
    ASSERT_STATUS(ccp_rcu_map_add(m, &empty.item), CCP_OK); /* a key without bytes */
    assert_ptr_equal(ccp_rcu_map_get(m, NULL, 0), &empty.item);
    assert_ptr_equal(ccp_rcu_map_remove(m, "", 0), &empty.item);
    ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

TEST(misuse_of_maps_is_refused) /* G2 */
{
    thing a;
    ccp_rcu_item *old;
    ccp_rcu *d = ccp_rcu_new(NULL);
    ccp_rcu_map *m = ccp_rcu_map_new(d, 0);
    assert_true(d && m);
    set_thing(&a, 1);
    assert_null(ccp_rcu_map_new(NULL, 0));
    ASSERT_STATUS(ccp_rcu_map_add(NULL, &a.item), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_map_add(m, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_map_put(NULL, &a.item, &old), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_map_put(m, NULL, &old), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_map_put(m, &a.item, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_map_add(m, &(ccp_rcu_item){ .len = 1 }), CCP_INVAL);
    assert_null(ccp_rcu_map_get(NULL, "a", 1));
    assert_null(ccp_rcu_map_get(m, NULL, 1));
    assert_null(ccp_rcu_map_remove(NULL, "a", 1));
    assert_null(ccp_rcu_map_remove(m, NULL, 1));
    assert_int_equal(ccp_rcu_map_len(NULL), 0);
    ASSERT_STATUS(ccp_rcu_map_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_rcu_map_add(m, &a.item), CCP_OK);
    ASSERT_STATUS(ccp_rcu_map_add(m, &a.item), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_map_put(m, &a.item, &old), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_map_add(m, &a.item), CCP_MISUSE); /* nothing has changed */
    ccp_rcu_map *another = ccp_rcu_map_new(d, 0);
    ASSERT_STATUS(ccp_rcu_map_add(another, &a.item), CCP_MISUSE);
    assert_int_equal(ccp_rcu_map_len(another), 0);
    assert_ptr_equal(take(m, 1), &a.item);
    ASSERT_STATUS(ccp_rcu_map_free(another), CCP_OK);
    ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

TEST(without_memory_or_while_a_section_lasts_chains_are_longer) /* G4 RU10 */
{
    enum { N = 200 };
    static thing t[N];
    memory_watch();
    for (size_t k = 1; k <= 2; k++) {
        memory_fail_at(k);
        ccp_rcu *none = ccp_rcu_new(NULL);
        assert_true(none == NULL || k == 2);
        if (none)
            assert_null(ccp_rcu_map_new(none, 0));
        ASSERT_STATUS(ccp_rcu_free(none), CCP_OK);
    }
    memory_fail_at(0);
    ccp_rcu *d = ccp_rcu_new(NULL);
    memory_fail_at(2);
    assert_null(ccp_rcu_map_new(d, 0));
    memory_fail_at(0);
    ccp_rcu_map *m = ccp_rcu_map_new(d, 1);
    assert_non_null(m);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK); /* it grows once, and not again */
    for (long i = 0; i < N; i++) {
        set_thing(&t[i], i);
        memory_fail_at(i == 1 ? 1 : 0);
        ASSERT_STATUS(ccp_rcu_map_add(m, &t[i].item), CCP_OK);
    }
    size_t calls = memory_calls;
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
    for (long i = 0; i < N; i++)
        assert_ptr_equal(get(m, i), &t[i].item);
    thing more;
    set_thing(&more, N);
    ASSERT_STATUS(ccp_rcu_map_add(m, &more.item), CCP_OK);
    assert_int_equal(memory_calls, calls + 1);
    for (long i = 0; i <= N; i++)
        assert_non_null(take(m, i));
    ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    memory_unwatch();
}

/* A thread asks for a table; before it has one, others make the map grow twice, and want to again,
 * for which there is no memory. */
static ccp_rcu_map *growing;
static thing grown[6];
static size_t asked, largest;

static void *alloc_while_it_grows(size_t size, void *arg)
{
    size_t n = asked++;
    (void)arg;
    for (size_t i = 2; growing && n == 0 && i < 5; i++)
        MUST(ccp_rcu_map_add(growing, &grown[i].item) == CCP_OK);
    if (n == 3)
        return NULL;
    largest = size > largest ? size : largest;
    return malloc(size);
}

static void free_plainly(void *p, void *arg)
{
    (void)arg;
    free(p);
}

TEST(a_table_never_gives_way_to_a_smaller_one)
{
    const ccp_allocator a = { alloc_while_it_grows, free_plainly, NULL };
    for (size_t i = 0; i < LENGTH(grown); i++)
        set_thing(&grown[i], (long)i);
    asked = 1000;
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    ccp_rcu *d = ccp_rcu_new(NULL);
    growing = ccp_rcu_map_new(d, 1);
    assert_non_null(growing);
    ASSERT_STATUS(ccp_rcu_map_add(growing, &grown[0].item), CCP_OK);
    asked = largest = 0;
    ASSERT_STATUS(ccp_rcu_map_add(growing, &grown[1].item), CCP_OK);
    assert_int_equal(asked, 4);
    size_t before = largest;
    ASSERT_STATUS(ccp_rcu_map_add(growing, &grown[5].item), CCP_OK);
    assert_int_equal(asked, 5);
    assert_true(largest > before); /* for one that is larger than the second */
    for (long i = 0; i < 6; i++)
        assert_ptr_equal(take(growing, i), &grown[i].item);
    ASSERT_STATUS(ccp_rcu_map_free(growing), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
    growing = NULL;
}

/* What has been granted before may be refused later. */
TEST(a_map_that_cannot_wait_for_its_readers_grows_no_more) /* RU1 RU10 */
{
    enum { N = 50 };
    static thing t[N];
    memory_watch();
    for (int way = 0; way < 2; way++) {
        ccp_rcu *d = ccp_rcu_new(&(ccp_rcu_opts){ .no_membarrier = way == 1 });
        ccp_rcu_map *m = ccp_rcu_map_new(d, 1);
        ccp_rcu_info info;
        assert_non_null(m);
        size_t calls = memory_calls;
        for (long i = 0; i < N; i++) {
            set_thing(&t[i], i);
            no_fence = i == 1; /* when it grows for the first time */
            ASSERT_STATUS(ccp_rcu_map_add(m, &t[i].item), CCP_OK);
        }
        ASSERT_STATUS(ccp_rcu_get_info(d, &info), CCP_OK);
        assert_int_equal(memory_calls - calls, info.membarrier ? 1 : 6); /* for 2, 4, ... 64 */
        for (long i = 0; i < N; i++)
            assert_ptr_equal(take(m, i), &t[i].item);
        ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
    memory_unwatch();
}

/* By chance as many as there are chains fall into five of eight. */
TEST(keys_are_spread_over_the_chains)
{
    enum { N = 256 };
    static thing t[N];
    ccp_rcu *d = ccp_rcu_new(NULL);
    ccp_rcu_map *m = ccp_rcu_map_new(d, N);
    size_t chains = 0;
    for (long i = 0; i < N; i++) {
        set_thing(&t[i], i);
        ASSERT_STATUS(ccp_rcu_map_add(m, &t[i].item), CCP_OK);
    }
    for (long i = 0; i < N; i++)
        chains += t[i].item.next_[0] == NULL; /* the last of one */
    assert_true(chains > N / 2);
    for (long i = 0; i < N; i++)
        assert_ptr_equal(take(m, i), &t[i].item);
    ASSERT_STATUS(ccp_rcu_map_free(m), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

/* ---- with threads ---- */

enum { KEYS = 64 };

typedef struct hall {
    ccp_rcu *d;
    ccp_rcu_map *m;
    ccp_rcu_list l;
    atomic_bool stop;
} hall;

static void read_on(actor *a)
{
    hall *h = a->arg;
    while (!atomic_load(&h->stop)) {
        MUST(ccp_rcu_read_lock(h->d) == CCP_OK);
        for (long k = 0; k < KEYS; k++) {
            ccp_rcu_item *i = get(h->m, k);
            MUST(!i || (THING(i, item)->key == k && THING(i, item)->value == k));
        }
        for (ccp_rcu_node *n = ccp_rcu_list_first(&h->l); n; n = ccp_rcu_list_next(n))
            MUST(THING(n, node)->key == THING(n, node)->value);
        MUST(ccp_rcu_read_unlock(h->d) == CCP_OK);
    }
}

static void change(actor *a)
{
    hall *h = a->arg;
    uint64_t seed = (uint64_t)a->value;
    for (size_t i = 0; i < scaled(20000); i++) {
        long k = random_next(&seed) % KEYS;
        ccp_rcu_item *old = NULL;
        thing *t = new_thing(k), *n = new_thing(k);
        if (random_next(&seed) % 2) {
            MUST(ccp_rcu_map_put(h->m, &t->item, &old) == CCP_OK);
        } else {
            free(t);
            old = take(h->m, k);
        }
        if (old)
            give_back(h->d, THING(old, item));
        MUST(ccp_rcu_list_add(&h->l, &n->node) == CCP_OK);
        MUST(ccp_rcu_list_remove(&h->l, &n->node) == CCP_OK);
        give_back(h->d, n);
    }
}

TEST(readers_find_nothing_that_was_freed) /* RU1 RU9 RU10 */
{
    hall h = { .d = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = 200 }) };
    h.m = ccp_rcu_map_new(h.d, 1);
    assert_true(h.d && h.m);
    actor readers[2], writers[2];
    for (size_t i = 0; i < 2; i++) {
        readers[i] = (actor){ .arg = &h };
        writers[i] = (actor){ .arg = &h, .value = 77 + (long)i };
        actor_start(&readers[i], read_on);
        actor_start(&writers[i], change);
    }
    for (size_t i = 0; i < 2; i++)
        actor_join(&writers[i]);
    atomic_store(&h.stop, true);
    for (size_t i = 0; i < 2; i++)
        actor_join(&readers[i]);
    for (long k = 0; k < KEYS; k++) {
        ccp_rcu_item *i = take(h.m, k);
        if (i)
            give_back(h.d, THING(i, item));
    }
    ASSERT_STATUS(ccp_rcu_barrier(h.d, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rcu_map_free(h.m), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(h.d), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_list_is_in_the_order_of_adding),
        ENTRY(misuse_of_lists_is_refused),
        ENTRY(a_map_finds_what_was_added_while_it_grows),
        ENTRY(of_a_key_there_is_one_item),
        ENTRY(misuse_of_maps_is_refused),
        ENTRY(without_memory_or_while_a_section_lasts_chains_are_longer),
        ENTRY(a_table_never_gives_way_to_a_smaller_one),
        ENTRY(a_map_that_cannot_wait_for_its_readers_grows_no_more),
        ENTRY(keys_are_spread_over_the_chains),
        ENTRY(readers_find_nothing_that_was_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
