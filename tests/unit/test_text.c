/* SPDX-License-Identifier: MIT
 *
 * Text in memory of a fixed size.
 */
#include "support.h"

#include "base/text.h"

TEST(text_that_does_not_fit_is_cut)
{
    ccpi_text t;
    ccpi_text_clear(&t);
    for (int i = 0; i < 1000; i++)
        ccpi_text_add(&t, "123");
    assert_int_equal(t.n, sizeof t.s - 1);
    assert_int_equal(strlen(t.s), t.n);
}

TEST(times_have_a_unit_that_fits)
{
    static const struct {
        int64_t ns;
        const char *text;
    } c[] = { { -5, "0 ns" },        { 0, "0 ns" },          { 999, "999 ns" },
              { 1000, "1.0 us" },    { 999999, "999.9 us" }, { 1000000, "1.0 ms" },
              { 1250000, "1.2 ms" }, { 61000000000, "61.0 s" } };
    for (size_t i = 0; i < LENGTH(c); i++) {
        ccpi_text t;
        ccpi_text_clear(&t);
        ccpi_text_add_time(&t, c[i].ns);
        assert_string_equal(t.s, c[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(text_that_does_not_fit_is_cut),
        ENTRY(times_have_a_unit_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
