/* SPDX-License-Identifier: MIT-0
 *
 * group.c - many tasks, a few at a time, stopped by the first failure.
 *
 * Problem: the words of many documents are to be counted, four documents at once.  If one is
 * broken the sum is of no use: the others should stop, and the caller wants to know which it was.
 *
 *            go       +--> count -- ok
 *   main -----------> +--> count -- fails: the context of the group ends
 *     |   (4 at once) +--> count -- sees it, and returns
 *     +<-- wait --------- when the last one has returned
 *
 * Nothing is counted, locked or joined by hand, and nothing outlives sum().
 *
 * To adapt: change `struct document` and count().  With .keep_going all tasks run to their end,
 * and ccp_group_errors() lists every failure.
 * Compile:  cc group.c -o group $(pkg-config --cflags --libs ccp)
 * Output:   6 documents: 23 words
 *           7 documents: number 6 is broken (user code reported failure)
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

struct document {
    const char *text;
    size_t words;
};

/* Counts the words of one document. */
static ccp_status count(ccp_ctx *ctx, void *arg)
{
    struct document *d = arg;
    bool inside = false;
    d->words = 0;
    for (const char *p = d->text; *p; p++) {
        if (ccp_ctx_status(ctx) != CCP_OK)
            return ccp_ctx_status(ctx); /* another one has failed, or the caller gave up */
        if (*p == '\a')
            return CCP_FAILED; /* no bells in documents */
        d->words += !inside && *p != ' ';
        inside = *p != ' ';
    }
    return CCP_OK;
}

/* Adds up the words of n documents; or says in *e which could not be counted. */
static ccp_status sum(ccp_ctx *ctx, struct document *docs, size_t n, size_t *words,
                      ccp_group_error *e)
{
    ccp_group *g = ccp_group_new(ctx, 4);
    if (!g)
        return CCP_NOMEM;
    ccp_status started = CCP_OK;
    for (size_t i = 0; i < n && started == CCP_OK; i++)
        started = ccp_group_go(g, count, &docs[i], ccp_with(ccp_group_ctx(g)));
    ccp_status rc = ccp_group_wait(g, CCP_FOREVER);
    if (rc == CCP_FAILED)
        ccp_group_errors(g, e, 1);
    else if (started != CCP_OK)
        rc = started; /* no memory, or ctx has ended */
    *words = 0;
    for (size_t i = 0; rc == CCP_OK && i < n; i++)
        *words += docs[i].words;
    ccp_group_free(g);
    return rc;
}

static void report(ccp_ctx *ctx, struct document *docs, size_t n)
{
    size_t words;
    ccp_group_error e;
    ccp_status rc = sum(ctx, docs, n, &words, &e);
    if (rc == CCP_OK)
        printf("%zu documents: %zu words\n", n, words);
    else if (rc == CCP_FAILED)
        printf("%zu documents: number %zu is broken (%s)\n", n, e.index, ccp_strstatus(e.status));
    else
        printf("%zu documents: %s\n", n, ccp_strstatus(rc));
}

int main(void)
{
    struct document docs[] = {
        { "the quick brown fox", 0 },    { "jumps over the lazy dog", 0 },
        { "pack my box with five", 0 },  { "dozen liquor jugs", 0 },
        { "how vexingly quick", 0 },     { "daft zebras jump", 0 },
        { "ring\a my bell", 0 },
    };
    report(NULL, docs, 6);
    report(NULL, docs, 7);
    return EXIT_SUCCESS;
}
