/* SPDX-License-Identifier: MIT-0
 *
 * worker_pool.c - many jobs on a few threads, their results as a stream.
 *
 * Problem: there are more jobs than threads, and more results than fit into memory at once.
 *
 *   feeder --submit--> pool (4 workers) --> results --> main
 *
 * The pool's queue and the channel are short: the feeder waits while the workers are busy, and the
 * workers wait while main is.  A thread of its own feeds, so that main can take results meanwhile.
 *
 * To adapt: change `struct job`, `struct result` and work().
 * Compile:  cc worker_pool.c -o worker_pool $(pkg-config --cflags --libs ccp)
 * Output:   1000 jobs, 78498 primes below 1000000
 */
#include <ccp.h>
#include <stdio.h>
#include <stdlib.h>

enum { JOBS = 1000, NUMBERS = 1000 };

struct job {
    int first; /* counts the primes in first .. first + NUMBERS - 1 */
    ccp_chan *results;
};

struct result {
    int first, primes;
};

static bool is_prime(int n)
{
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n >= 2;
}

/* Runs in a worker.  Under ctx its wait ends when the pool is shut down. */
static ccp_status work(ccp_ctx *ctx, void *arg)
{
    const struct job *job = arg;
    struct result r = { .first = job->first, .primes = 0 };
    for (int i = 0; i < NUMBERS; i++)
        r.primes += is_prime(job->first + i);
    return ccp_chan_send(job->results, &r, ccp_with(ctx));
}

struct feed {
    ccp_pool *pool;
    ccp_chan *results;
    struct job jobs[JOBS];
};

static void feed(void *arg)
{
    struct feed *f = arg;
    for (int i = 0; i < JOBS; i++) {
        f->jobs[i] = (struct job){ .first = i * NUMBERS, .results = f->results };
        if (ccp_pool_submit(f->pool, work, &f->jobs[i], CCP_FOREVER) != CCP_OK)
            break; /* the pool was closed */
    }
    ccp_pool_drain(f->pool, CCP_FOREVER); /* every job has sent its result: */
    ccp_chan_close(f->results);           /* there are no more */
}

int main(void)
{
    static struct feed f;
    ccp_wg feeder = CCP_WG_INIT;
    f.pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .queue = 8, .name = "primes" });
    f.results = ccp_chan_new(sizeof(struct result), 8);
    if (!f.pool || !f.results || ccp_wg_go(&feeder, feed, &f) != CCP_OK) {
        fputs("worker_pool: out of memory or threads\n", stderr);
        return EXIT_FAILURE;
    }

    struct result r;
    int jobs = 0, primes = 0;
    CCP_CHAN_FOR(&r, f.results, CCP_FOREVER) {
        jobs++;
        primes += r.primes;
    }
    printf("%d jobs, %d primes below %d\n", jobs, primes, JOBS * NUMBERS);

    ccp_wg_wait(&feeder, CCP_FOREVER);
    ccp_pool_free(f.pool);
    ccp_chan_free(f.results);
    return EXIT_SUCCESS;
}
