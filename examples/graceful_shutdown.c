/* SPDX-License-Identifier: MIT-0
 *
 * graceful_shutdown.c - stop in good order when asked to, and lose nothing.
 *
 * Problem: a program works through jobs, the lines of a file, with several threads.  At SIGTERM or
 * Ctrl-C it shall take no more, finish what it has begun if that does not take too long, and keep
 * the rest for the next time.  Who asks twice wants it to end at once.
 *
 *   INPUT --main thread--> [ pool ] --handle()--> DONE
 *                             |
 *                             +----what did not begin, or was told to stop--> LEFT
 *
 * To adapt: change handle().  Register with ccp_shutdown_add() what else has to be closed.
 * Compile:  cc graceful_shutdown.c -o graceful_shutdown $(pkg-config --cflags --libs ccp)
 * Usage:    graceful_shutdown INPUT DONE LEFT [MS_PER_JOB [MS_TO_DRAIN]]
 *           The lines of DONE and LEFT together are those of INPUT.
 */
#define _POSIX_C_SOURCE 200809L
#include <ccp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *input, *done, *left;
static int64_t job_ns = CCP_MS(1);

/* stdio locks each of its calls, so a line is written as a whole. */
static void keep(FILE *f, char *line)
{
    fputs(line, f);
    free(line);
}

static ccp_status handle(ccp_ctx *ctx, void *line)
{
    /* As if a device were slow.  All that waits in a task waits with its context. */
    ccp_status st = ccp_sleep(ccp_under(ctx, ccp_within(job_ns)));
    keep(st == CCP_OK ? done : left, line);
    return st;
}

static void hand_back(ccp_task fn, void *line, void *arg)
{
    (void)fn;
    (void)arg;
    keep(left, line);
}

/* The next line of the input, or NULL. */
static char *next_line(void)
{
    char *line = NULL;
    size_t size = 0;
    if (getline(&line, &size, input) > 0)
        return line;
    free(line);
    return NULL;
}

/* Until there is no more, or somebody asks to stop. */
static void work(ccp_pool *pool, ccp_ctx *stop)
{
    ccp_status st = CCP_OK;
    for (char *line; st == CCP_OK && (line = next_line()) != NULL;) {
        st = ccp_pool_submit(pool, handle, line, ccp_with(stop));
        if (st != CCP_OK)
            keep(left, line);
    }
}

static ccp_status keep_the_rest(void *arg, ccp_wait w)
{
    (void)arg;
    (void)w;
    for (char *line; (line = next_line()) != NULL;)
        keep(left, line);
    return CCP_OK;
}

static void report(ccp_shutdown *end)
{
    static const char *const phases[] = { "intake", "drain", "cancel", "join" };
    ccp_shutdown_result r[8];
    size_t n = ccp_shutdown_report(end, r, 8);
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "%-6s %-7s %s\n", phases[r[i].phase], r[i].name,
                ccp_status_name(r[i].status));
}

/* Has everything been written? */
static int run(int64_t drain_ns)
{
    int ok = 0;
    const ccp_shutdown_limits limits = { .drain = drain_ns };
    ccp_ctx *stop = ccp_ctx_new(NULL, CCP_FOREVER);
    ccp_shutdown *end = ccp_shutdown_new();
    ccp_pool *pool = ccp_pool_new(&(ccp_pool_opts){ .workers = 4, .queue = 64 });
    ccp_signals *asked = ccp_signals_new((const int[]){ SIGINT, SIGTERM }, 2,
                                         &(ccp_signals_opts){ .ctx = stop, .second_ends = true });
    if (stop && end && pool && asked &&
        ccp_shutdown_add(end, CCP_PHASE_INTAKE, "reader", keep_the_rest, NULL) == CCP_OK &&
        ccp_shutdown_add_pool(end, "workers", pool, hand_back, NULL) == CCP_OK) {
        work(pool, stop);
        ccp_status st = ccp_shutdown_run(end, &limits, CCP_FOREVER);
        ok = st == CCP_OK || st == CCP_TIMEOUT; /* some are left */
        if (ccp_ctx_status(stop) != CCP_OK)
            report(end);
    }
    (void)ccp_signals_free(asked);
    (void)ccp_pool_free(pool);
    (void)ccp_shutdown_free(end);
    (void)ccp_ctx_free(stop);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s INPUT DONE LEFT [MS_PER_JOB [MS_TO_DRAIN]]\n", argv[0]);
        return 2;
    }
    input = fopen(argv[1], "r");
    done = input ? fopen(argv[2], "w") : NULL;
    left = done ? fopen(argv[3], "w") : NULL;
    if (!left) {
        perror(!input ? argv[1] : !done ? argv[2] : argv[3]);
        return 1;
    }
    if (argc > 4)
        job_ns = CCP_MS(atoi(argv[4]));
    int ok = run(argc > 5 ? CCP_MS(atoi(argv[5])) : CCP_SEC(5));
    ok &= !ferror(input) & !ferror(done) & !ferror(left);
    fclose(input);
    ok &= fclose(done) == 0;
    ok &= fclose(left) == 0;
    return ok ? 0 : 1;
}
