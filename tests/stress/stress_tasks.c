/* SPDX-License-Identifier: MIT
 *
 * stress_tasks N HOW: N tasks through a pool with a queue of 256, two threads submit.
 *
 *   plain    one by one, to four workers
 *   batch    up to 100 by a call
 *   options  with priorities and a wait group; some are withdrawn
 *   resized  one by one, while the workers become 32 and 1 again
 *
 * Every task must have run once or been handed back once; never more run at once than there may be
 * workers.  Prints the figures, among them the resident memory: after some tasks, and the most.
 */
#define _DEFAULT_SOURCE /* ru_maxrss */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ccp.h"
#include "watched.h"

enum { SUBMITTERS = 2, QUEUE = 256, WORKERS = 4, MOST_WORKERS = 32, BATCH = 100, EARLY = 20000 };

typedef enum way { PLAIN, AT_ONCE, OPTIONS, RESIZED, WAYS } way;

static const char *const names[WAYS] = { "plain", "batch", "options", "resized" };

static struct state {
    ccp_pool *pool;
    way how;
    uint64_t n; /* of each submitter */
    _Atomic uint64_t ran, back, sum;
    atomic_int running, most;
    _Atomic long early; /* resident memory after some tasks, in KiB */
    ccp_wg done;
} s;

static long resident(void)
{
    struct rusage use;
    return getrusage(RUSAGE_SELF, &use) == 0 ? use.ru_maxrss : -1;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

/* The argument is the task's number.  Some in a row sleep, so that all workers have one. */
static ccp_status run_task(ccp_ctx *ctx, void *arg)
{
    int now = atomic_fetch_add(&s.running, 1) + 1, most = atomic_load(&s.most);
    (void)ctx;
    while (now > most && !atomic_compare_exchange_weak(&s.most, &most, now))
        continue;
    if ((uintptr_t)arg % 8192 < WORKERS)
        (void)ccp_sleep(ccp_within(CCP_US(100)));
    atomic_fetch_add(&s.sum, (uintptr_t)arg);
    if (atomic_fetch_add(&s.ran, 1) + 1 == EARLY)
        atomic_store(&s.early, resident());
    atomic_fetch_sub(&s.running, 1);
    return CCP_OK;
}

static void take_back(ccp_task fn, void *arg, void *unrun_arg)
{
    must(fn == run_task && unrun_arg == &s, "a task came back that nobody had submitted");
    atomic_fetch_add(&s.sum, (uintptr_t)arg);
    atomic_fetch_add(&s.back, 1);
}

static void submit_batch(uint64_t first, uint64_t n)
{
    ccp_pool_task tasks[BATCH];
    for (uint64_t i = 0; i < n; i++)
        tasks[i] = (ccp_pool_task){ run_task, (void *)(uintptr_t)(first + i) };
    for (size_t i = 0, k; i < n; i += k)
        must(ccp_pool_submit_n(s.pool, tasks + i, n - i, NULL, &k, CCP_FOREVER) == CCP_OK,
             "a batch was refused");
}

static void submit_with(uint64_t i)
{
    const ccp_task_opts o = { .priority = (int)(i % 5),
                              .owner = i % 7 ? NULL : &s,
                              .done = &s.done };
    ccp_status st =
        ccp_pool_submit_with(s.pool, run_task, (void *)(uintptr_t)i, &o, CCP_FOREVER);
    must(st == CCP_OK, "a task with options was refused");
    if (i % 1000 == 0)
        must(ccp_pool_cancel(s.pool, &s, NULL) == CCP_OK, "withdrawing failed");
}

static void submit(void *arg)
{
    uint64_t first = s.n * (uintptr_t)arg, end = first + s.n;
    for (uint64_t i = first; i < end; i++) {
        if (s.how == AT_ONCE) {
            uint64_t n = end - i < BATCH ? end - i : BATCH;
            submit_batch(i, n);
            i += n - 1;
        } else if (s.how == OPTIONS) {
            submit_with(i);
        } else {
            must(ccp_pool_submit(s.pool, run_task, (void *)(uintptr_t)i, CCP_FOREVER) == CCP_OK,
                 "a task was refused");
        }
        if (s.how == RESIZED && arg == NULL && i % 10000 == 0)
            must(ccp_pool_resize(s.pool, i / 10000 % 2 ? MOST_WORKERS : 1) == CCP_OK,
                 "no other size");
    }
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    while (argc > 2 && s.how < WAYS && strcmp(argv[2], names[s.how]) != 0)
        s.how++;
    must(s.how < WAYS && n % SUBMITTERS == 0 && n >= EARLY * 2, "stress_tasks N HOW");
    s.n = n / SUBMITTERS;
    int64_t begin = ccp_now();
    ccp_watch *w = watched_if_asked();
    ccp_wg submitters = CCP_WG_INIT;
    s.pool = ccp_pool_new(&(ccp_pool_opts){
        .workers = WORKERS, .queue = QUEUE, .unrun = take_back, .unrun_arg = &s, .aging = 100 });
    must(s.pool != NULL, "no pool");
    for (uintptr_t i = 0; i < SUBMITTERS; i++)
        must(ccp_wg_go(&submitters, submit, (void *)i) == CCP_OK, "no thread");
    must(ccp_wg_wait(&submitters, CCP_FOREVER) == CCP_OK, "no end");
    must(ccp_pool_drain(s.pool, CCP_FOREVER) == CCP_OK, "no drain");
    must(ccp_wg_wait(&s.done, CCP_FOREVER) == CCP_OK, "not each end was counted");
    must(ccp_pool_free(s.pool) == CCP_OK, "not freed");
    watched_end(w);
    uint64_t ran = atomic_load(&s.ran), back = atomic_load(&s.back);
    int limit = s.how == RESIZED ? MOST_WORKERS : WORKERS, most = atomic_load(&s.most);
    printf("tasks %" PRIu64 " ran %" PRIu64 " back %" PRIu64
           " at_once %d early_kib %ld most_kib %ld seconds %.2f\n",
           n, ran, back, most, atomic_load(&s.early), resident(),
           (double)(ccp_now() - begin) / 1e9);
    must(ran + back == n && atomic_load(&s.sum) == n * (n - 1) / 2, "not each task ended once");
    must(most <= limit && most > 1, "too many at once, or no two");
    must(back == 0 || s.how == OPTIONS, "given back");
    return EXIT_SUCCESS;
}
