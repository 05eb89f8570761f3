/* SPDX-License-Identifier: MIT-0
 *
 * semaphore.c - many jobs at once, but no more than fit into memory.
 *
 * Problem: each job needs some memory, small ones little and large ones much.  Together they must
 * not need more than there is.
 *
 *   job of 3 MiB  --acquire 3--\
 *   job of 16 MiB --acquire 16--> [ 16 permits ] --> work --> release
 *   job of 1 MiB  --acquire 1--/
 *
 * A permit stands for a MiB.  Who comes first is served first: small jobs do not starve a large one
 * by always filling the gaps that it waits for.
 *
 * To adapt: change `struct job` and work(); with weights of 1 it limits how many run at once.
 * Compile:  cc semaphore.c -o semaphore $(pkg-config --cflags --libs ccp)
 * Output:   17 MiB: the wait, or its context's deadline, ran out
 *           40 jobs have run, in 16 MiB
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 40, MEMORY = 16 };

static ccp_sem memory = CCP_SEM_INIT(MEMORY);

struct job {
    unsigned mib;
    ccp_wait patience;
    ccp_status rc;
};

static ccp_status work(unsigned mib)
{
    size_t size = (size_t)mib << 20;
    char *p = malloc(size);
    if (!p)
        return CCP_NOMEM;
    memset(p, 1, size);
    free(p);
    return CCP_OK;
}

static void run(void *arg)
{
    struct job *job = arg;
    ccp_status worked = CCP_OK;
    CCP_WITH_SEM(job->rc, &memory, job->mib, job->patience)
        worked = work(job->mib); /* the permits come back however this is left */
    if (job->rc == CCP_OK)
        job->rc = worked;
}

int main(void)
{
    static struct job jobs[JOBS];
    struct job too_large = { .mib = MEMORY + 1, .patience = ccp_within(CCP_MS(10)) };
    ccp_wg wg = CCP_WG_INIT;
    int started = 0, done = 0;
    if (ccp_wg_go(&wg, run, &too_large) != CCP_OK) /* holds up nobody while it waits in vain */
        return EXIT_FAILURE;
    for (; started < JOBS; started++) {
        jobs[started].mib = started % 5 == 0 ? MEMORY : 1 + (unsigned)started % 4;
        jobs[started].patience = CCP_FOREVER;
        if (ccp_wg_go(&wg, run, &jobs[started]) != CCP_OK)
            break; /* out of threads: those that run go on */
    }
    ccp_wg_wait(&wg, CCP_FOREVER);
    for (int i = 0; i < started; i++)
        done += jobs[i].rc == CCP_OK;
    printf("%u MiB: %s\n", too_large.mib, ccp_strstatus(too_large.rc));
    printf("%d jobs have run, in %u MiB\n", done, ccp_sem_available(&memory));
    return done == JOBS ? EXIT_SUCCESS : EXIT_FAILURE;
}
