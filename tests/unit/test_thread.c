/* SPDX-License-Identifier: MIT
 *
 * Threads of the library, seen from below: base/thread.h.
 */
#include "support.h"

#include "base/thread.h"

#include <sys/prctl.h>

static char seen[17];

static void look_at_name(void *arg)
{
    memset(seen, 0, sizeof seen);
    *(int *)arg = prctl(PR_GET_NAME, seen);
}

static const char *name_of_thread_called(const char *name)
{
    int rc = -1;
    ccpi_thread t;
    assert_true(ccpi_thread_start(&t, &(ccpi_thread_opts){ .name = name }, look_at_name, &rc));
    ccpi_thread_join(t);
    assert_int_equal(rc, 0);
    return seen;
}

TEST(a_name_is_cut_to_what_the_system_allows)
{
    assert_string_equal(name_of_thread_called("short"), "short");
    assert_string_equal(name_of_thread_called("fifteen letters"), "fifteen letters");
    assert_string_equal(name_of_thread_called("seventeen letters"), "seventeen lette");
}

TEST(without_a_name_a_thread_is_called_as_who_started_it)
{
    char mine[17] = "";
    assert_int_equal(prctl(PR_GET_NAME, mine), 0);
    assert_string_equal(name_of_thread_called(NULL), mine);
    assert_string_equal(name_of_thread_called(""), mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_name_is_cut_to_what_the_system_allows),
        ENTRY(without_a_name_a_thread_is_called_as_who_started_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
