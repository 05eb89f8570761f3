/* SPDX-License-Identifier: MIT
 *
 * What happens at a broken invariant: base/check.c, with a way to tell and a way to stop of the
 * test's own.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static char told[256];
static jmp_buf stopped;

static void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(told, sizeof told, format, args);
    va_end(args);
}

#define fprintf(stream, ...) tell(__VA_ARGS__)
#define abort() longjmp(stopped, 1)
#include "base/check.c"

static bool stops_unless(int holds)
{
    told[0] = 0;
    if (setjmp(stopped) != 0)
        return true;
    CCPI_CHECK(holds == 1);
    return false;
}

TEST(a_broken_invariant_is_told_with_its_place_and_stops_the_program)
{
    assert_true(stops_unless(0));
    assert_non_null(strstr(told, "test_check.c:"));
    assert_non_null(strstr(told, "invariant broken: holds == 1\n"));
}

TEST(an_invariant_that_holds_says_nothing)
{
    assert_false(stops_unless(1));
    assert_string_equal(told, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_broken_invariant_is_told_with_its_place_and_stops_the_program),
        ENTRY(an_invariant_that_holds_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
