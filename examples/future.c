/* SPDX-License-Identifier: MIT-0
 *
 * future.c - start computing now, have the value when it is needed.
 *
 * Problem: a page is made of three parts, each of which takes a while.  All are to be made at the
 * same time, and put together in their order; and the page must be there in a second, or not at
 * all.
 *
 *   main --call--> pool: head ----> future \
 *        --call--> pool: body ----> future  --> page
 *        --call--> pool: foot ----> future /
 *
 * A part that comes too late, because the page was given up, is freed by `drop`; a part whose turn
 * has not come by then is not made at all.
 *
 * To adapt: change `struct part` and make_part().
 * Compile:  cc future.c -o future $(pkg-config --cflags --libs ccp)
 * Output:   <head> of squares: 1 4 9
 *           <body> of cubes: 1 8 27
 *           <foot> cannot be made: an argument that can never be right
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTS = 3, SIZE = 64 };

struct part {
    const char *name, *what;
    int power;
};

/* The value is a pointer to a text, which belongs to whoever gets it. */
static ccp_status make_part(ccp_ctx *ctx, void *arg, void *result)
{
    const struct part *p = arg;
    if (p->power < 1)
        return CCP_INVAL;
    char *text = malloc(SIZE);
    if (!text)
        return CCP_NOMEM;
    int n = snprintf(text, SIZE, "<%s> of %s:", p->name, p->what);
    for (int i = 1; i <= 3 && ccp_ctx_status(ctx) == CCP_OK; i++) {
        int v = i;
        for (int k = 1; k < p->power; k++)
            v *= i;
        n += snprintf(text + n, SIZE - (size_t)n, " %d", v);
    }
    *(char **)result = text;
    return CCP_OK;
}

static void drop_text(void *value, void *arg)
{
    (void)arg;
    free(*(char **)value);
}

int main(void)
{
    struct part parts[PARTS] = {
        { "head", "squares", 2 }, { "body", "cubes", 3 }, { "foot", "nothing", 0 }
    };
    const ccp_promise_opts text = { .size = sizeof(char *), .drop = drop_text, .cancelable = true };
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8 });
    ccp_future *f[PARTS] = { NULL };
    ccp_wait in_time = ccp_start(ccp_within(CCP_SEC(1)));
    ccp_status rc = pool ? CCP_OK : CCP_NOMEM;
    for (int i = 0; i < PARTS && rc == CCP_OK; i++)
        rc = ccp_pool_call(pool, &text, make_part, &parts[i], &f[i], in_time);

    for (int i = 0; i < PARTS && rc == CCP_OK; i++) {
        char *t;
        rc = ccp_future_get(f[i], &t, in_time);
        if (rc == CCP_OK) {
            puts(t);
            free(t);
        } else if (rc == CCP_FAILED) {
            printf("<%s> cannot be made: %s\n", parts[i].name,
                   ccp_strstatus(ccp_future_error(f[i])));
            rc = CCP_OK; /* the page is shown without it */
        }
    }
    if (rc != CCP_OK)
        fprintf(stderr, "future: %s\n", ccp_strstatus(rc));

    for (int i = 0; i < PARTS; i++)
        ccp_future_free(f[i]); /* whoever works on one that nobody got sees it */
    ccp_pool_free(pool);
    return rc == CCP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
