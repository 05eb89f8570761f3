/* SPDX-License-Identifier: MIT
 *
 * The intrusive heap: the first comes out first, whatever was put in and taken out before.
 */
#include "support.h"

#include "base/heap.h"

enum { MOST = 200 };

typedef struct leaf {
    ccpi_leaf at;
    unsigned key, number;
    bool in;
} leaf;

static leaf leaves[MOST];

static bool before(const ccpi_leaf *a, const ccpi_leaf *b)
{
    const leaf *x = (const leaf *)(const void *)a, *y = (const leaf *)(const void *)b;
    return x->key != y->key ? x->key < y->key : x->number < y->number;
}

static const leaf *first_of_those_in(void)
{
    const leaf *first = NULL;
    for (size_t i = 0; i < MOST; i++)
        if (leaves[i].in && (!first || before(&leaves[i].at, &first->at)))
            first = &leaves[i];
    return first;
}

static void is_out(const leaf *l)
{
    assert_true(!l->in && !l->at.child && !l->at.next && !l->at.prev);
}

TEST(the_first_is_the_root_after_any_changes)
{
    ccpi_leaf *root = NULL;
    uint64_t seed = 7;
    memset(leaves, 0, sizeof leaves);
    for (size_t round = 0; round < scaled(20000); round++) {
        leaf *l = &leaves[random_next(&seed) % MOST];
        if (l->in)
            root = ccpi_heap_remove(root, &l->at, before);
        else
            l->key = random_next(&seed) % 20, l->number = (unsigned)round;
        l->in = !l->in;
        if (l->in)
            root = ccpi_heap_add(root, &l->at, before);
        else
            is_out(l);
        assert_ptr_equal(root, first_of_those_in());
    }
}

TEST(all_come_out_in_order)
{
    ccpi_leaf *root = NULL;
    uint64_t seed = 8;
    memset(leaves, 0, sizeof leaves);
    for (unsigned i = 0; i < MOST; i++) {
        leaves[i] = (leaf){ .key = random_next(&seed) % 10, .number = i, .in = true };
        root = ccpi_heap_add(root, &leaves[i].at, before);
    }
    for (unsigned i = 0; i < MOST; i++) {
        assert_ptr_equal(root, first_of_those_in());
        leaf *l = (leaf *)(void *)root;
        root = ccpi_heap_remove(root, root, before);
        l->in = false;
        is_out(l);
    }
    assert_null(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(the_first_is_the_root_after_any_changes),
        ENTRY(all_come_out_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
