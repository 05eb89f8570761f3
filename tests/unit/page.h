/* SPDX-License-Identifier: MIT
 *
 * What a sink was given; tests whose objects are tracked.
 */
#ifndef CCP_TESTS_PAGE_H
#define CCP_TESTS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct page {
    char text[1 << 16];
    size_t n;
    int calls;
} page;

void page_clear(page *p);

/* A sink; arg is the page. */
void page_write(const char *text, size_t n, void *arg);

/* The page has what ccp_dump() says now, and nothing else. */
void page_dump(page *p);

/* How often it says so. */
int page_says(const page *p, const char *what);

#define PAGE_MUST_SAY(p, what) page_must_say((p), (what), __FILE__, __LINE__)
void page_must_say(const page *p, const char *what, const char *file, int line);

/* A test that runs while objects are tracked. */
#define TRACKED(name) cmocka_unit_test_setup_teardown(name, tracking_on, tracking_off)
int tracking_on(void **state);
int tracking_off(void **state);

/* Objects are tracked, and dead in a child, or neither. */
void guard_forks(bool on);

#endif
