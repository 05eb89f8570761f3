/* SPDX-License-Identifier: MIT
 *
 * The same, where each call says its place.
 */
#define CCP_TRACE_PLACES
#include "uses_header.c"
