/* SPDX-License-Identifier: MIT
 *
 * The queue of nodes with one consumer.
 */
#include "support.h"

#include <sched.h>

typedef struct letter {
    long text, from;
    ccp_mpsc_node node;
} letter;

static letter *letter_of(ccp_mpsc_node *n)
{
    return (letter *)(void *)((char *)n - offsetof(letter, node));
}

static void assert_pops(ccp_mpsc *q, const letter *expected)
{
    ccp_mpsc_node *n = NULL;
    ASSERT_STATUS(ccp_mpsc_pop(q, &n), CCP_OK);
    assert_ptr_equal(letter_of(n), expected);
}

static void assert_empty(ccp_mpsc *q)
{
    ccp_mpsc_node here, *n = &here;
    ASSERT_STATUS(ccp_mpsc_pop(q, &n), CCP_AGAIN);
    assert_ptr_equal(n, &here); /* G1 */
}

TEST(arguments_that_cannot_be_are_refused) /* G2 */
{
    ccp_mpsc q = CCP_MPSC_INIT;
    letter m;
    ccp_mpsc_node *n;
    ASSERT_STATUS(ccp_mpsc_push(NULL, &m.node), CCP_INVAL);
    ASSERT_STATUS(ccp_mpsc_push(&q, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_mpsc_pop(NULL, &n), CCP_INVAL);
    ASSERT_STATUS(ccp_mpsc_pop(&q, NULL), CCP_INVAL);
    assert_empty(&q);
}

/* Every way to put in and take out up to seven nodes. */
TEST(nodes_come_out_in_order) /* LQ9 */
{
    for (unsigned way = 0; way < 1 << 14; way++) {
        ccp_mpsc q = CCP_MPSC_INIT;
        letter m[14];
        int in = 0, out = 0;
        for (unsigned bits = way, i = 0; i < 14; i++, bits /= 2)
            if (bits % 2) {
                m[in].node.next_ = &m[13].node; /* whatever was there */
                ASSERT_STATUS(ccp_mpsc_push(&q, &m[in++].node), CCP_OK);
            } else if (out < in)
                assert_pops(&q, &m[out++]);
            else
                assert_empty(&q);
        while (out < in)
            assert_pops(&q, &m[out++]);
        assert_empty(&q);
    }
}

TEST(a_node_that_came_out_may_go_in_again) /* LQ9 */
{
    ccp_mpsc q = CCP_MPSC_INIT;
    letter m[2];
    for (int i = 0; i < 5; i++) {
        ASSERT_STATUS(ccp_mpsc_push(&q, &m[0].node), CCP_OK);
        ASSERT_STATUS(ccp_mpsc_push(&q, &m[1].node), CCP_OK);
        assert_pops(&q, &m[0]);
        ASSERT_STATUS(ccp_mpsc_push(&q, &m[0].node), CCP_OK);
        assert_pops(&q, &m[1]);
        assert_pops(&q, &m[0]);
        assert_empty(&q);
    }
}

/* Half a push, by hand: the node is the last one, and not linked yet. */
static ccp_mpsc_node *begin_push(ccp_mpsc *q, letter *m)
{
    ccp_mpsc_node *before = q->last_ ? q->last_ : &q->stub_;
    m->node.next_ = NULL;
    q->last_ = &m->node;
    return before;
}

static void assert_busy(ccp_mpsc *q)
{
    ccp_mpsc_node *n = NULL;
    ASSERT_STATUS(ccp_mpsc_pop(q, &n), CCP_BUSY);
    assert_null(n); /* G1 */
}

TEST(a_push_that_has_not_ended_makes_pop_busy) /* LQ9 */
{
    ccp_mpsc q = CCP_MPSC_INIT;
    letter m[4];
    for (int round = 0; round < 3; round++) {
        ccp_mpsc_node *before = begin_push(&q, &m[0]);
        assert_busy(&q);
        ASSERT_STATUS(ccp_mpsc_push(&q, &m[1].node), CCP_OK);
        assert_busy(&q); /* what was put in after it cannot be reached */
        before->next_ = &m[0].node;
        assert_pops(&q, &m[0]);
        before = begin_push(&q, &m[2]);
        assert_busy(&q); /* nor can the node before it be let go of */
        ASSERT_STATUS(ccp_mpsc_push(&q, &m[3].node), CCP_OK);
        assert_busy(&q);
        before->next_ = &m[2].node;
        for (int i = 1; i < 4; i++)
            assert_pops(&q, &m[i]);
        assert_empty(&q);
    }
}

/* ---- Between threads ---- */

enum { PRODUCERS = 3, LETTERS = 20000 };

static ccp_mpsc box;

static void *post(void *arg)
{
    long from = *(const long *)arg;
    for (long i = 0; i < (long)scaled(LETTERS); i++) {
        letter *m = malloc(sizeof *m);
        MUST(m);
        m->text = i;
        m->from = from;
        MUST(ccp_mpsc_push(&box, &m->node) == CCP_OK);
    }
    return NULL;
}

TEST(between_threads_each_producers_nodes_stay_in_order) /* LQ8 LQ9 */
{
    pthread_t id[PRODUCERS];
    static const long number[PRODUCERS] = { 0, 1, 2 };
    long next[PRODUCERS] = { 0 };
    box = (ccp_mpsc)CCP_MPSC_INIT;
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&id[i], NULL, post, (void *)(uintptr_t)&number[i]), 0);
    for (long left = PRODUCERS * (long)scaled(LETTERS); left > 0;) {
        ccp_mpsc_node *n;
        ccp_status rc = ccp_mpsc_pop(&box, &n);
        if (rc != CCP_OK) {
            assert_true(rc == CCP_AGAIN || rc == CCP_BUSY);
            (void)sched_yield();
            continue;
        }
        letter *m = letter_of(n);
        assert_int_equal(m->text, next[m->from]++);
        free(m);
        left--;
    }
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(id[i], NULL), 0);
    assert_empty(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_are_refused),
        ENTRY(nodes_come_out_in_order),
        ENTRY(a_node_that_came_out_may_go_in_again),
        ENTRY(a_push_that_has_not_ended_makes_pop_busy),
        ENTRY(between_threads_each_producers_nodes_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
