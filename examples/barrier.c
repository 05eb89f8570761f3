/* SPDX-License-Identifier: MIT-0
 *
 * barrier.c - threads that compute in steps, each step from what all have done in the one before.
 *
 * Problem: several threads share a rod of cells, and smooth its heat step by step.  Nobody may
 * begin a step before all have finished the last one; if one gives up, none may wait for it.
 *
 *   smoother: own cells of `next` from `heat` --\            /--> the leader swaps the two,
 *   smoother: own cells of `next` from `heat` ---> barrier --+
 *   smoother: own cells of `next` from `heat` --/            \--> all wait until it has (barrier)
 *
 * The last thread to arrive leads: it does what must be done once.  The barriers are fragile: who
 * has waited for 10 seconds breaks one, and all stop with CCP_TIMEOUT or CCP_CLOSED.
 *
 * To adapt: change struct rod and smooth().
 * Compile:  cc barrier.c -o barrier $(pkg-config --cflags --libs ccp)
 * Output:   100 steps: 25 25 25 25 25 25 25 25 25 25 25 25
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMOOTHERS = 3, CELLS = 12, STEPS = 100 };

struct rod {
    double cells[2][CELLS]; /* the present state and the next one, in turn */
    double *heat, *next;
    ccp_barrier done, swapped;
    int steps;
};

struct smoother {
    struct rod *rod;
    int first, last; /* its own cells */
    ccp_status rc;
};

/* Each cell becomes the mean of its two neighbours in a ring, and itself. */
static void smooth(struct smoother *s)
{
    const double *h = s->rod->heat;
    for (int i = s->first; i < s->last; i++)
        s->rod->next[i] = (h[(i + CELLS - 1) % CELLS] + h[i] + h[(i + 1) % CELLS]) / 3;
}

static void run(void *arg)
{
    struct smoother *s = arg;
    struct rod *r = s->rod;
    ccp_barrier_pass pass;
    for (int step = 0; step < STEPS; step++) {
        smooth(s);
        s->rc = ccp_barrier_wait(&r->done, &pass, ccp_within(CCP_SEC(10)));
        if (s->rc != CCP_OK)
            return;
        if (pass.leader) { /* one of them, while the others wait below */
            double *old = r->heat;
            r->heat = r->next;
            r->next = old;
            r->steps++;
        }
        s->rc = ccp_barrier_wait(&r->swapped, NULL, ccp_within(CCP_SEC(10)));
        if (s->rc != CCP_OK)
            return;
    }
}

int main(void)
{
    static struct rod rod = { .cells = { { 300 } }, /* all the heat is in the first cell */
                              .done = CCP_BARRIER_INIT_FRAGILE(SMOOTHERS),
                              .swapped = CCP_BARRIER_INIT_FRAGILE(SMOOTHERS) };
    struct smoother smoothers[SMOOTHERS];
    ccp_wg threads = CCP_WG_INIT;
    bool ok = true;
    rod.heat = rod.cells[0];
    rod.next = rod.cells[1];
    for (int i = 0; ok && i < SMOOTHERS; i++) {
        smoothers[i] = (struct smoother){ .rod = &rod,
                                          .first = i * CELLS / SMOOTHERS,
                                          .last = (i + 1) * CELLS / SMOOTHERS };
        ok = ccp_wg_go(&threads, run, &smoothers[i]) == CCP_OK;
    }
    if (!ok)
        ccp_barrier_break(&rod.done); /* those that have started do not wait for the others */
    ccp_wg_wait(&threads, CCP_FOREVER);
    if (!ok || smoothers[0].rc != CCP_OK) {
        fputs("barrier: out of memory or threads, or too late\n", stderr);
        return EXIT_FAILURE;
    }
    printf("%d steps:", rod.steps);
    for (int i = 0; i < CELLS; i++)
        printf(" %.0f", rod.heat[i]);
    puts("");
    return EXIT_SUCCESS;
}
