/* SPDX-License-Identifier: MIT
 *
 * What the tests of the two bounded rings share: with one thread they do the same.  Before this is
 * included `ring` is the type, and RING(push) the name of a call.
 */
#ifndef RINGS_H
#define RINGS_H

#include "page.h"
#include "support.h"

static ring *ring_of(size_t size, size_t capacity)
{
    ring *q = RING(new)(size, capacity);
    assert_non_null(q);
    return q;
}

static void ends(ring *q)
{
    ASSERT_STATUS(RING(free)(q), CCP_OK);
}

static void push(ring *q, long v)
{
    ASSERT_STATUS(RING(push)(q, &v), CCP_OK);
}

static void assert_pops(ring *q, long expected)
{
    long v = -1;
    ASSERT_STATUS(RING(pop)(q, &v), CCP_OK);
    assert_int_equal(v, expected);
}

TEST(elements_come_out_in_order) /* LQ1 LQ3 LQ7 */
{
    for (size_t cap = 1; cap <= 9; cap++) {
        ring *q = ring_of(sizeof(long), cap);
        long in = 0, out = 0, v;
        assert_int_equal(RING(cap)(q), cap);
        for (size_t round = 0; round < 4; round++) {
            while (RING(push)(q, &in) == CCP_OK)
                in++;
            assert_int_equal(in - out, cap);
            assert_int_equal(RING(len)(q), cap);
            ASSERT_STATUS(RING(push)(q, &in), CCP_AGAIN);
            for (size_t i = 0; i < 1 + (cap - 1) * round / 3; i++)
                assert_pops(q, out++);
        }
        while (out < in)
            assert_pops(q, out++);
        v = -5;
        ASSERT_STATUS(RING(pop)(q, &v), CCP_AGAIN);
        assert_int_equal(v, -5); /* G1 */
        ends(q);
    }
}

TEST(elements_may_have_any_size) /* LQ1 LQ7 */
{
    for (size_t size = 1; size <= 70; size++) {
        ring *q = ring_of(size, 3);
        unsigned char elem[80];
        for (unsigned long k = 0; k < 10; k += 2) {
            for (unsigned long i = k; i < k + 2; i++) {
                element_fill(elem, size, i);
                ASSERT_STATUS(RING(push)(q, elem), CCP_OK);
            }
            for (unsigned long i = k; i < k + 2; i++) { /* of the second it is known to be there */
                memset(elem, 0, sizeof elem);
                ASSERT_STATUS(RING(pop)(q, elem), CCP_OK);
                assert_true(element_is(elem, size, i));
            }
        }
        ends(q);
    }
}

/* Every batch at every place of the ring, also over its end. */
TEST(batches_take_what_goes) /* LQ1 LQ3 LQ7 */
{
    for (size_t start = 0; start < 8; start++)
        for (size_t len = 0; len <= 5; len++)
            for (size_t n = 1; n <= 7; n++) {
                ring *q = ring_of(sizeof(long), 5);
                const long in[] = { 10, 11, 12, 13, 14, 15, 16 };
                long out[8] = { 0 };
                size_t done = 99, fits = n < 5 - len ? n : 5 - len;
                for (size_t i = 0; i < start; i++) {
                    push(q, 0);
                    assert_pops(q, 0);
                }
                for (size_t i = 0; i < len; i++)
                    push(q, (long)i);
                ASSERT_STATUS(RING(push_n)(q, in, n, &done), fits ? CCP_OK : CCP_AGAIN);
                assert_int_equal(done, fits ? fits : 99);
                for (size_t i = 0; i < len; i++)
                    assert_pops(q, (long)i);
                done = 99;
                ASSERT_STATUS(RING(pop_n)(q, out, 8, &done), fits ? CCP_OK : CCP_AGAIN);
                assert_int_equal(done, fits ? fits : 99);
                assert_memory_equal(out, in, fits * sizeof *in);
                ends(q);
            }
}

TEST(a_dump_says_how_full_it_is_and_whether_it_is_closed)
{
    static page now;
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ring *q = ring_of(sizeof(long), 4);
    push(q, 1);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
    PAGE_MUST_SAY(&now, ", 1 of 4\n");
    ASSERT_STATUS(RING(close)(q), CCP_OK);
    page_clear(&now);
    ASSERT_STATUS(ccp_dump(page_write, &now), CCP_OK);
    PAGE_MUST_SAY(&now, ", 1 of 4, closed\n");
    ends(q);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
}

#endif
