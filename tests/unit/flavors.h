/* SPDX-License-Identifier: MIT
 *
 * The same test over every flavor of channel: element sizes 0 to 300, capacity 0 to 64, dense or
 * spread, in the library's memory or in the caller's.
 */
#ifndef CCP_TESTS_FLAVORS_H
#define CCP_TESTS_FLAVORS_H

#include "support.h"

enum { MAX_ELEM = 300 };

typedef struct flavor {
    char name[80];
    ccp_chan_opts o; /* with memory set if it is the caller's */
} flavor;

typedef struct flavor_test {
    const char *name;
    void (*fn)(const flavor *f);
    size_t min_capacity, max_capacity; /* run for these */
    size_t min_size;
} flavor_test;

ccp_chan *flavor_chan(const flavor *f);

/* Runs each test over each flavor that it is for; gives the number that failed. */
int run_over_flavors(const char *group, const flavor_test *tests, size_t n);

#endif
