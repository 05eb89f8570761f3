/* SPDX-License-Identifier: MIT
 *
 * Names of statuses, and the version.
 */
#include "ccp.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *ccp_status_name(ccp_status s)
{
    static const char *const names[] = {
#define NAME(name, text) "CCP_" #name,
        CCP_STATUS_LIST(NAME)
#undef NAME
    };
    return (size_t)s < sizeof names / sizeof *names ? names[s] : "CCP_?";
}

const char *ccp_strstatus(ccp_status s)
{
    static const char *const texts[] = {
#define DESCRIBE(name, text) text,
        CCP_STATUS_LIST(DESCRIBE)
#undef DESCRIBE
    };
    return (size_t)s < sizeof texts / sizeof *texts ? texts[s] : "unknown status";
}

const char *ccp_version(void)
{
    return TEXT(CCP_VERSION_MAJOR) "." TEXT(CCP_VERSION_MINOR) "." TEXT(CCP_VERSION_PATCH);
}
