/* SPDX-License-Identifier: MIT-0
 *
 * generator.c - walk two trees at once, and stop at the first difference.
 *
 * Problem: do two trees have the same words, in the same order, though they are built differently?
 * A recursive walk is easy to write and hard to pause; building lists first would walk all of both,
 * even if the first words differ already.
 *
 *   walk(left)  -- yield --> +
 *                            +--> compare --> stops both at the first difference
 *   walk(right) -- yield --> +
 *
 * Each walk is a generator: it runs only as far as its words are asked for.  ccp_gen_free() makes
 * its next yield fail; it then returns from all its calls, and whatever it has can be given back.
 *
 * To adapt: change `struct node` and walk(); give .capacity to let a walk run ahead.
 * Compile:  cc generator.c -o generator $(pkg-config --cflags --libs ccp)
 * Output:   a, b: the same
 *           a, c: 'fox' is not 'cow'
 *           a, d: 'over' is not there
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    const struct node *left, *right;
    const char *word;
};

/* Yields the words of a tree from left to right. */
static ccp_status walk_tree(ccp_gen *g, const struct node *n)
{
    if (!n)
        return CCP_OK;
    ccp_status rc = walk_tree(g, n->left);
    if (rc == CCP_OK)
        rc = ccp_gen_yield(g, &n->word, CCP_FOREVER);
    if (rc == CCP_OK)
        rc = walk_tree(g, n->right);
    return rc; /* not CCP_OK: nobody wants more */
}

static ccp_status walk(ccp_gen *g, void *tree)
{
    return walk_tree(g, tree);
}

/* The next word, or NULL after the last one. */
static const char *next(ccp_gen *g)
{
    const char *word;
    return ccp_gen_next(g, &word, CCP_FOREVER) == CCP_OK ? word : NULL;
}

static void compare(const char *what, struct node *a, struct node *b)
{
    const ccp_gen_opts words = { .elem_size = sizeof(char *) };
    ccp_gen *ga = ccp_gen_new(walk, a, &words), *gb = ccp_gen_new(walk, b, &words);
    const char *wa, *wb;
    if (!ga || !gb)
        exit(EXIT_FAILURE);
    do {
        wa = next(ga);
        wb = next(gb);
    } while (wa && wb && strcmp(wa, wb) == 0);
    if (!wa && !wb)
        printf("%s: the same\n", what);
    else if (wa && wb)
        printf("%s: '%s' is not '%s'\n", what, wa, wb);
    else
        printf("%s: '%s' is not there\n", what, wa ? wa : wb);
    ccp_gen_free(ga); /* wherever it is, it returns */
    ccp_gen_free(gb);
}

int main(void)
{
    struct node the = { NULL, NULL, "the" }, jumps = { NULL, NULL, "jumps" };
    struct node over = { NULL, NULL, "over" };
    struct node a1 = { &the, NULL, "fox" }, a = { &a1, &over, "jumps" };
    struct node b2 = { NULL, &over, "jumps" }, b1 = { NULL, &b2, "fox" };
    struct node b = { NULL, &b1, "the" };
    struct node c1 = { NULL, &jumps, "cow" }, c = { NULL, &c1, "the" };
    struct node d = { &the, &jumps, "fox" };
    compare("a, b", &a, &b);
    compare("a, c", &a, &c);
    compare("a, d", &a, &d);
    return EXIT_SUCCESS;
}
