/* SPDX-License-Identifier: MIT
 *
 * What the public functions returned to a test.  The code that notes it is written at build time,
 * one function returns_NAME for each function NAME of ccp.h that returns a ccp_status; the unit
 * tests call those.  When the program ends, what was noted goes to the file that
 * $CCP_RETURNS_FILE names; the test unit.returns holds all such files against ccp.h.
 */
#ifndef CCP_TESTS_RETURNS_H
#define CCP_TESTS_RETURNS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ccp.h"

typedef struct returns {
    const char *name;
    _Atomic unsigned seen; /* a bit for each status; the last one for numbers that are no status */
    struct returns *_Atomic next;
    _Atomic bool listed;
} returns;

ccp_status returns_note(returns *r, ccp_status rc);

#endif
