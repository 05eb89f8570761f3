/* SPDX-License-Identifier: MIT
 *
 * process exit|return|fork|fork_tracked|fork_guarded [N]: eight threads hammer on channels, locks
 * and a pool; then the process ends, by exit() or by the return of main(), or it forks N times, and
 * each child uses what it makes itself (FK1, FK2).  With fork_guarded it also makes each call on
 * objects of the parent, which are dead (FK4, FK5, FK6), but for a pool that works anew (FK7).
 */
#define _GNU_SOURCE
#include "dead.h"
#include "use.h"

#include "ccp.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HAMMERS = 8, FORKS = 50, EXITS = 20 };

static ccp_chan *ring, *meet;
static ccp_pool *pool;
static ccp_ctx *ctx;
static ccp_mutex mutex;
static bool tracked, guarded;
static atomic_bool stop;
static atomic_long done;

static ccp_status task(ccp_ctx *c, void *arg)
{
    (void)c;
    (void)arg;
    atomic_fetch_add(&done, 1);
    return CCP_OK;
}

static void to_nobody(const char *text, size_t n, void *arg)
{
    (void)text;
    (void)n;
    (void)arg;
}

/* What takes the locks of the whole process. */
static void hammer_on_tables(int k)
{
    if (ccp_mutex_lock(&mutex, ccp_within(CCP_MS(2))) == CCP_OK)
        (void)ccp_mutex_unlock(&mutex);
    if (k == 0)
        (void)ccp_dump(to_nobody, NULL);
}

static void hammer(void *arg)
{
    int k = *(const int *)arg;
    long v = k;
    while (!atomic_load(&stop)) {
        ccp_wait w = ccp_under(ctx, ccp_within(CCP_MS(2)));
        if (k % 2)
            (void)!ccp_chan_send(k % 4 == 1 ? ring : meet, &v, w);
        else
            (void)!ccp_chan_recv(k % 4 == 0 ? ring : meet, &v, w);
        (void)!ccp_pool_submit(pool, task, NULL, CCP_NOWAIT);
        ccp_ctx *c = ccp_ctx_new(ctx, CCP_FOREVER);
        (void)ccp_ctx_free(c);
        if (tracked)
            hammer_on_tables(k);
        if (guarded)
            dead_hammer((unsigned)k);
    }
}

static ccp_wg hammers = CCP_WG_INIT;

static void begin(void)
{
    static int number[HAMMERS];
    const char *wrong = guarded ? dead_make() : NULL;
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        exit(3);
    }
    ring = ccp_chan_new(sizeof(long), 4);
    meet = ccp_chan_new(sizeof(long), 0);
    pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 8, .respawn = guarded });
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    if (!ring || !meet || !pool || !ctx)
        exit(3);
    for (int i = 0; i < HAMMERS; i++) {
        number[i] = i;
        if (ccp_wg_go(&hammers, hammer, &number[i]) != CCP_OK)
            exit(3);
    }
    while (atomic_load(&done) < 10)
        (void)ccp_sleep(ccp_within(CCP_MS(1)));
}

static void end(void)
{
    atomic_store(&stop, true);
    ccp_ctx_cancel(ctx);
    if (ccp_wg_wait(&hammers, CCP_FOREVER) != CCP_OK || ccp_pool_free(pool) != CCP_OK ||
        ccp_chan_free(ring) != CCP_OK || ccp_chan_free(meet) != CCP_OK ||
        ccp_ctx_free(ctx) != CCP_OK)
        exit(4);
    const char *wrong = guarded ? dead_end() : NULL;
    if (wrong) {
        fprintf(stderr, "at the end: %s\n", wrong);
        exit(4);
    }
}

/* A child that hangs says where, if it can. */
static void say_where(int sig)
{
    int fd = 2;
    (void)sig;
    (void)ccp_dump(ccp_to_fd, &fd);
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* Did the child end well, and before a generous limit? */
static bool ends_well(pid_t child)
{
    int status;
    for (int i = 0; i < 60 * 5000; i++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            if (!well)
                fprintf(stderr, "the child has ended with status %#x\n", (unsigned)status);
            return well;
        }
        nap();
    }
    fputs("the child hangs\n", stderr);
    kill(child, SIGUSR1);
    for (int i = 0; i < 5000; i++)
        nap();
    kill(child, SIGKILL);
    (void)waitpid(child, &status, 0);
    return false;
}

/* Goes on when both workers are here. */
static ccp_status meet_the_other(ccp_ctx *c, void *here)
{
    (void)c;
    atomic_fetch_add((atomic_int *)here, 1);
    while (atomic_load((atomic_int *)here) < 2)
        sched_yield();
    return CCP_OK;
}

/* A thread that begins gives a block back. */
static bool all_workers_have_begun(void)
{
    atomic_int here = 0;
    return ccp_pool_submit(pool, meet_the_other, &here, CCP_FOREVER) == CCP_OK &&
           ccp_pool_submit(pool, meet_the_other, &here, CCP_FOREVER) == CCP_OK &&
           ccp_pool_drain(pool, CCP_FOREVER) == CCP_OK;
}

/* A task of the child's pool cannot free it, nor what is left of the parent's. */
static ccp_status free_own_pool(ccp_ctx *c, void *refused)
{
    size_t before = ccp_live_blocks();
    (void)c;
    atomic_store((atomic_bool *)refused,
                 ccp_pool_free(pool) == CCP_DEADLOCK && ccp_live_blocks() == before);
    return CCP_OK;
}

/* The pool that is hammered on, in the child; NULL, or what is wrong. */
static const char *use_the_pool(void)
{
    atomic_store(&done, 0);
    if (ccp_pool_submit(pool, task, NULL, CCP_FOREVER) != CCP_OK)
        return "the pool does not work anew";
    if (ccp_pool_drain(pool, CCP_FOREVER) != CCP_OK || atomic_load(&done) != 1)
        return "the pool has not run its one task";
    atomic_bool refused = false;
    if (!all_workers_have_begun() ||
        ccp_pool_submit(pool, free_own_pool, &refused, CCP_FOREVER) != CCP_OK ||
        ccp_pool_drain(pool, CCP_FOREVER) != CCP_OK || !atomic_load(&refused))
        return "the pool is freed by its task";
    return ccp_pool_free(pool) == CCP_OK ? NULL : "the pool is not freed";
}

static int forks(int n)
{
    signal(SIGUSR1, say_where);
    begin();
    for (int i = 0; i < n; i++) {
        pid_t child = fork();
        if (child == 0) {
            const char *wrong = guarded ? dead_use() : NULL;
            if (!wrong && guarded)
                wrong = use_the_pool();
            if (!wrong)
                wrong = use_everything();
            if (wrong)
                fprintf(stderr, "in child %d: %s\n", i, wrong);
            _exit(wrong ? 1 : 0);
        }
        if (child < 0 || !ends_well(child))
            return 1;
    }
    end(); /* the parent has seen nothing of it */
    return 0;
}

static int exits(const char *how, int n)
{
    for (int i = 0; i < n; i++) {
        pid_t child = fork();
        if (child == 0) {
            begin();
            if (strcmp(how, "exit") == 0)
                exit(0);
            return 0;    /* from main() */
        }
        if (child < 0 || !ends_well(child))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return 2;
    guarded = strcmp(argv[1], "fork_guarded") == 0;
    tracked = guarded || strcmp(argv[1], "fork_tracked") == 0;
    if ((tracked && ccp_track(true) != CCP_OK) || (guarded && ccp_fork_guard(true) != CCP_OK))
        return 3;
    return strncmp(argv[1], "fork", 4) == 0 ? forks(argc == 3 ? atoi(argv[2]) : FORKS)
                                            : exits(argv[1], argc == 3 ? atoi(argv[2]) : EXITS);
}
