/* SPDX-License-Identifier: MIT-0
 *
 * single_flight.c - many threads ask for the same thing; the work is done once.
 *
 * Problem: a page is expensive to make, and when it is wanted, many want it at once.  One of them
 * should make it, and the others should get what it made, but none should wait for too long.
 *
 *   reader --\
 *   reader ---> "front page" --> one make_page()    the others wait for its result
 *   reader --/
 *
 * The page is a string on the heap: so copy_page() gives each reader a string of its own, and
 * drop_page() frees one that nobody took.  Results that own nothing need neither.
 *
 * To adapt: change struct page, make_page(), copy_page() and drop_page().
 * Compile:  cc single_flight.c -o single_flight $(pkg-config --cflags --libs ccp)
 * Output:   8 readers got "page 1", made once
 */
#include <ccp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READERS = 8 };

struct page {
    char *text;
};

static ccp_flight *flight;
static atomic_int made, got;

static ccp_status make_page(void *result, void *arg)
{
    struct page *p = result;
    (void)arg;
    p->text = malloc(32);
    if (!p->text)
        return CCP_NOMEM; /* for all who wait */
    snprintf(p->text, 32, "page %d", atomic_fetch_add(&made, 1) + 1);
    /* Making it takes as long as the readers need to come: here, until all others wait. */
    ccp_flight_info info = { 0 };
    while (info.waiting < READERS - 1 && ccp_flight_get_info(flight, &info) == CCP_OK)
        ccp_sleep(ccp_within(CCP_MS(1)));
    return CCP_OK;
}

static void copy_page(void *to, const void *from, void *arg)
{
    const char *text = ((const struct page *)from)->text;
    char *copy = text ? malloc(strlen(text) + 1) : NULL;
    (void)arg;
    if (copy)
        memcpy(copy, text, strlen(text) + 1);
    ((struct page *)to)->text = copy;
}

static void drop_page(void *page, void *arg)
{
    (void)arg;
    free(((struct page *)page)->text);
}

static void read_page(void *arg)
{
    const char *key = arg;
    const ccp_flight_call call = { .key = key, .len = strlen(key), .fn = make_page };
    struct page page;
    if (ccp_flight_do(flight, &call, &page, NULL, ccp_within(CCP_SEC(10))) != CCP_OK)
        return;
    if (page.text && strcmp(page.text, "page 1") == 0)
        atomic_fetch_add(&got, 1);
    free(page.text);
}

int main(void)
{
    static char key[] = "front page";
    ccp_wg readers = CCP_WG_INIT;
    flight = ccp_flight_make(&(ccp_flight_opts){
        .result_size = sizeof(struct page), .copy = copy_page, .drop = drop_page });
    bool ok = flight != NULL;
    for (int i = 0; ok && i < READERS; i++)
        ok = ccp_wg_go(&readers, read_page, key) == CCP_OK;
    if (!ok) {
        fputs("single_flight: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }
    ccp_wg_wait(&readers, CCP_FOREVER);
    printf("%d readers got \"page 1\", made %s\n", got, made == 1 ? "once" : "more than once");
    ccp_flight_free(flight);
    return EXIT_SUCCESS;
}
