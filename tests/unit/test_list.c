/* SPDX-License-Identifier: MIT
 *
 * base/list.h: whatever was done to a list, it reads the same from both ends.
 */
#include "base/list.h"

#include "support.h"

enum { LINKS = 4 };

static void assert_list(const ccpi_list *l, const ccpi_link *const *links, size_t n)
{
    const ccpi_link *at = l->first, *before = NULL;
    for (size_t i = 0; i < n; i++, before = at, at = at->next) {
        assert_ptr_equal(at, links[i]);
        assert_ptr_equal(at->prev, before);
    }
    assert_null(at);
    assert_ptr_equal(l->last, before);
}

TEST(what_is_appended_comes_last_what_is_prepended_first)
{
    for (unsigned how = 0; how < 1u << LINKS; how++) { /* bit i: link i goes to the front */
        ccpi_list l = { NULL, NULL };
        ccpi_link link[LINKS];
        const ccpi_link *expected[2 * LINKS], **first = &expected[LINKS];
        for (size_t i = 0; i < LINKS; i++) {
            if (how >> i & 1) {
                *--first = &link[i];
                ccpi_list_prepend(&l, &link[i]);
            } else {
                first[i] = &link[i];
                ccpi_list_append(&l, &link[i]);
            }
            assert_list(&l, first, i + 1);
        }
    }
}

TEST(any_link_can_be_taken_out)
{
    for (size_t n = 1; n <= LINKS; n++)
        for (size_t out = 0; out < n; out++) {
            ccpi_list l = { NULL, NULL };
            ccpi_link link[LINKS];
            const ccpi_link *left[LINKS];
            for (size_t i = 0; i < n; i++) {
                ccpi_list_append(&l, &link[i]);
                left[i - (i > out)] = &link[i];
            }
            ccpi_list_remove(&l, &link[out]);
            assert_list(&l, left, n - 1);
            assert_true(!link[out].next && !link[out].prev);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(what_is_appended_comes_last_what_is_prepended_first),
        ENTRY(any_link_can_be_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
