/* SPDX-License-Identifier: MIT
 *
 * The stack of nodes in one piece of memory.
 */
#include "support.h"

typedef struct block {
    long bytes;
    ccp_stack_node node;
} block;

static block *block_of(ccp_stack_node *n)
{
    return (block *)(void *)((char *)n - offsetof(block, node));
}

static void assert_pops(ccp_stack *s, const block *expected)
{
    ccp_stack_node *n = NULL;
    ASSERT_STATUS(ccp_stack_pop(s, &n), CCP_OK);
    assert_ptr_equal(block_of(n), expected);
}

static void assert_empty(ccp_stack *s)
{
    ccp_stack_node here, *n = &here;
    ASSERT_STATUS(ccp_stack_pop(s, &n), CCP_AGAIN);
    assert_ptr_equal(n, &here); /* G1 */
}

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    static block blocks[2], other;
    ccp_stack s = CCP_STACK_INIT(blocks), nothing;
    ccp_stack_node *n;
    memset(&nothing, 0, sizeof nothing);
    ASSERT_STATUS(ccp_stack_init(NULL, blocks, sizeof blocks), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_init(&nothing, NULL, sizeof blocks), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_init(&nothing, (char *)blocks + 1, sizeof blocks), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_init(&nothing, blocks, 3), CCP_INVAL);
    if (sizeof(size_t) > 4) { /* the memory is not touched */
        const size_t most = (size_t)(UINT32_MAX - 2) * sizeof(uint32_t);
        ccp_stack large;
        ASSERT_STATUS(ccp_stack_init(&nothing, blocks, SIZE_MAX / 2), CCP_INVAL);
        ASSERT_STATUS(ccp_stack_init(&large, blocks, most), CCP_OK);
    }
    ASSERT_STATUS(ccp_stack_push(NULL, &blocks[0].node), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_push(&s, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_push(&s, &other.node), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_push(&s, (ccp_stack_node *)(void *)(blocks + 2)), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_push(&s, (ccp_stack_node *)(void *)((char *)blocks + 1)), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_push(&nothing, &blocks[0].node), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_pop(NULL, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_pop(&s, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_stack_pop(&nothing, &n), CCP_INVAL);
    assert_empty(&s);
}

/* Every way to put in and take out up to seven nodes. */
TEST(the_last_node_comes_out_first) /* LQ10 */
{
    static block blocks[14];
    for (unsigned way = 0; way < 1 << 14; way++) {
        ccp_stack s;
        block *in[14];
        int depth = 0, used = 0;
        ASSERT_STATUS(ccp_stack_init(&s, blocks, sizeof blocks), CCP_OK);
        for (unsigned bits = way, i = 0; i < 14; i++, bits /= 2)
            if (bits % 2) {
                in[depth] = &blocks[used++];
                ASSERT_STATUS(ccp_stack_push(&s, &in[depth++]->node), CCP_OK);
            } else if (depth > 0)
                assert_pops(&s, in[--depth]);
            else
                assert_empty(&s);
        while (depth > 0)
            assert_pops(&s, in[--depth]);
        assert_empty(&s);
    }
}

TEST(a_node_is_in_one_stack_at_a_time) /* G1 G2 */
{
    static block blocks[3];
    ccp_stack s = CCP_STACK_INIT(blocks), t = CCP_STACK_INIT(blocks);
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_stack_push(&s, &blocks[i].node), CCP_OK);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_stack_push(&s, &blocks[i].node), CCP_MISUSE);
        ASSERT_STATUS(ccp_stack_push(&t, &blocks[i].node), CCP_MISUSE);
    }
    assert_pops(&s, &blocks[2]);
    ASSERT_STATUS(ccp_stack_push(&t, &blocks[2].node), CCP_OK); /* two may share the memory */
    assert_pops(&s, &blocks[1]);
    assert_pops(&s, &blocks[0]);
    assert_empty(&s);
    assert_pops(&t, &blocks[2]);
    assert_empty(&t);
}

TEST(one_node_is_enough_memory) /* LQ10 */
{
    ccp_stack_node only = { 0 }, *n;
    ccp_stack s;
    ASSERT_STATUS(ccp_stack_init(&s, &only, sizeof only), CCP_OK);
    for (int i = 0; i < 3; i++) {
        ASSERT_STATUS(ccp_stack_push(&s, &only), CCP_OK);
        ASSERT_STATUS(ccp_stack_pop(&s, &n), CCP_OK);
        assert_ptr_equal(n, &only);
        ASSERT_STATUS(ccp_stack_pop(&s, &n), CCP_AGAIN);
    }
}

/* ---- Between threads: each block is one thread's at a time ---- */

enum { BLOCKS = 4, THREADS = 4, TIMES = 20000 };

static block blocks[BLOCKS];
static ccp_stack free_blocks = CCP_STACK_INIT(blocks);

static void *use_blocks(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < scaled(TIMES); i++) {
        ccp_stack_node *n[2];
        int k = 0;
        while (k < 2 && ccp_stack_pop(&free_blocks, &n[k]) == CCP_OK)
            MUST(block_of(n[k++])->bytes++ == 0);
        for (int j = 0; j < k; j++) { /* the first one goes back first: ABA */
            MUST(--block_of(n[j])->bytes == 0);
            MUST(ccp_stack_push(&free_blocks, n[j]) == CCP_OK);
        }
    }
    return NULL;
}

TEST(between_threads_each_node_has_one_owner) /* LQ8 LQ10 */
{
    pthread_t id[THREADS];
    int left = 0;
    for (int i = 0; i < BLOCKS; i++)
        ASSERT_STATUS(ccp_stack_push(&free_blocks, &blocks[i].node), CCP_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&id[i], NULL, use_blocks, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(id[i], NULL), 0);
    for (ccp_stack_node *n; ccp_stack_pop(&free_blocks, &n) == CCP_OK;)
        left++;
    assert_int_equal(left, BLOCKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(the_last_node_comes_out_first),
        ENTRY(a_node_is_in_one_stack_at_a_time),
        ENTRY(one_node_is_enough_memory),
        ENTRY(between_threads_each_node_has_one_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
