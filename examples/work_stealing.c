/* SPDX-License-Identifier: MIT-0
 *
 * work_stealing.c - small tasks that make more tasks, on workers that have nothing in common.
 *
 * Problem: a search, each step of which makes some further steps, of a fraction of a microsecond.
 * One queue for all workers would take longer than the work.
 *
 *   worker --push--> [ its own deque ] --pop--> worker        the newest task: what is in its cache
 *                            |
 *                            +--steal--> a worker without tasks   the oldest task: the most work
 *
 * The search ends when as many tasks have been run as were made.
 *
 * To adapt: change `struct board` and expand().  If tasks are large, keep pointers to them; if they
 * take more than some microseconds, use a pool, whose workers sleep while there is nothing to do.
 * Compile:  cc work_stealing.c -o work_stealing $(pkg-config --cflags --libs ccp)
 * Output:   9 queens: 352 solutions
 */
#include <ccp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 9, WORKERS = 3, ALL = (1 << N) - 1 };

static struct worker {
    ccp_deque *own;
} workers[WORKERS];

static ccp_counter solutions;
static atomic_long unfinished; /* tasks that were made, and have not been run */

/* A task: a queen is in each of the first rows; where one in the next row would be attacked. */
struct board {
    unsigned columns, left, right; /* N bits each: they fit into a pointer */
};

static void *packed(struct board b)
{
    return (void *)(uintptr_t)(b.columns | b.left << N | b.right << 2 * N);
}

static struct board unpacked(void *task)
{
    unsigned bits = (unsigned)(uintptr_t)task;
    return (struct board){ bits & ALL, bits >> N & ALL, bits >> 2 * N & ALL };
}

static void expand(struct worker *me, struct board b)
{
    if (b.columns == ALL)
        ccp_counter_add(&solutions, 1);
    unsigned good = ALL & ~(b.columns | b.left | b.right);
    while (good) {
        unsigned queen = good & (~good + 1);
        struct board next = { b.columns | queen, (b.left | queen) << 1 & ALL,
                              (b.right | queen) >> 1 };
        good &= ~queen;
        atomic_fetch_add(&unfinished, 1);
        if (ccp_deque_push(me->own, packed(next)) == CCP_OK)
            continue;
        expand(me, next); /* no room, or no memory for more: do it now */
        atomic_fetch_sub(&unfinished, 1);
    }
}

static bool find_task(struct worker *me, void **task)
{
    if (ccp_deque_pop(me->own, task) == CCP_OK)
        return true;
    for (int i = 0; i < WORKERS; i++)
        if (ccp_deque_steal(workers[i].own, task) == CCP_OK)
            return true;
    return false;
}

static void work(void *arg)
{
    struct worker *me = arg;
    ccp_spin spin = CCP_SPIN_INIT;
    void *task;
    while (atomic_load(&unfinished) > 0) {
        if (!find_task(me, &task)) {
            ccp_spin_once(&spin);
            continue;
        }
        spin = (ccp_spin)CCP_SPIN_INIT;
        expand(me, unpacked(task));
        atomic_fetch_sub(&unfinished, 1);
    }
}

int main(void)
{
    ccp_wg wg = CCP_WG_INIT;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].own = ccp_deque_new(64, 1024);
        if (!workers[i].own)
            return EXIT_FAILURE;
    }
    atomic_store(&unfinished, 1);
    if (ccp_deque_push(workers[0].own, packed((struct board){ 0, 0, 0 })) != CCP_OK)
        return EXIT_FAILURE;
    for (int i = 1; i < WORKERS; i++)
        if (ccp_wg_go(&wg, work, &workers[i]) != CCP_OK)
            break; /* out of threads: the others do it */
    work(&workers[0]);
    ccp_wg_wait(&wg, CCP_FOREVER);
    printf("%d queens: %lld solutions\n", N, (long long)ccp_counter_sum(&solutions));
    for (int i = 0; i < WORKERS; i++)
        if (ccp_deque_free(workers[i].own) != CCP_OK)
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
