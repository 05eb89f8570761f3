/* SPDX-License-Identifier: MIT */
#include "support.h"

TEST(every_status_has_the_name_of_its_constant)
{
#define CHECK_NAME(name, text) assert_string_equal(ccp_status_name(CCP_##name), "CCP_" #name);
    CCP_STATUS_LIST(CHECK_NAME)
#undef CHECK_NAME
}

TEST(every_status_has_a_description)
{
#define CHECK_TEXT(name, text) assert_string_equal(ccp_strstatus(CCP_##name), text);
    CCP_STATUS_LIST(CHECK_TEXT)
#undef CHECK_TEXT
}

TEST(success_is_zero_and_the_others_follow_it)
{
    assert_int_equal(CCP_OK, 0);
    int n = 0;
#define CHECK_NUMBER(name, text) assert_int_equal(CCP_##name, n++);
    CCP_STATUS_LIST(CHECK_NUMBER)
#undef CHECK_NUMBER
    assert_int_equal(n, CCP_FORKED + 1);
}

TEST(a_number_that_is_no_status_has_a_name_too)
{
    static const int no_status[] = { -1, CCP_FORKED + 1, 1000, INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < LENGTH(no_status); i++) {
        assert_string_equal(ccp_status_name((ccp_status)no_status[i]), "CCP_?");
        assert_string_equal(ccp_strstatus((ccp_status)no_status[i]), "unknown status");
    }
}

TEST(the_version_is_that_of_the_header)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", CCP_VERSION_MAJOR, CCP_VERSION_MINOR,
             CCP_VERSION_PATCH);
    assert_string_equal(ccp_version(), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(every_status_has_the_name_of_its_constant),
        ENTRY(every_status_has_a_description),
        ENTRY(success_is_zero_and_the_others_follow_it),
        ENTRY(a_number_that_is_no_status_has_a_name_too),
        ENTRY(the_version_is_that_of_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
