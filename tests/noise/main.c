/* SPDX-License-Identifier: MIT
 *
 * noise PROGRAM [option=value ...]
 *
 *   channels contexts waitgroups pools history queues
 *
 *   seconds=N   run for so long (5)
 *   threads=N   in the crew of a round, about (8)
 *   seed=N      1
 *   noise=N     of 1000 atomic operations are disturbed (another number in each round)
 *   first=N     begin with round N
 *   signals=1   SIGUSR1 all the time, without SA_RESTART
 *   wrap=1      the positions of rings begin just below their wrap
 *   knobs=1     the knobs of waiting go through their extremes
 */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct program {
    const char *name;
    void (*round)(const setup *s, uint64_t number, uint64_t seed);
} program;

static const program programs[] = {
    { "channels", round_of_channels },
    { "contexts", round_of_contexts },
    { "waitgroups", round_of_waitgroups },
    { "pools", round_of_pools },
    { "history", round_of_history },
    { "queues", round_of_queues },
};

static bool option(setup *s, uint64_t *first, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    char *end = NULL;
    double v = equals ? strtod(equals + 1, &end) : 0;
    if (!equals || end == equals + 1 || *end)
        return false;
    if (strncmp(text, "seconds", n) == 0)
        s->seconds = v;
    else if (strncmp(text, "threads", n) == 0)
        s->threads = v < 64 ? (unsigned)v : 64;
    else if (strncmp(text, "seed", n) == 0)
        s->seed = (uint64_t)v;
    else if (strncmp(text, "noise", n) == 0)
        s->noise = (unsigned)v;
    else if (strncmp(text, "first", n) == 0)
        *first = (uint64_t)v;
    else if (strncmp(text, "signals", n) == 0)
        s->signals = v != 0;
    else if (strncmp(text, "wrap", n) == 0)
        s->wrap = v != 0;
    else if (strncmp(text, "knobs", n) == 0)
        s->knobs = v != 0;
    else
        return false;
    return true;
}

static void run(const program *p, const setup *s, uint64_t first)
{
    int64_t began = ccp_now(), slowest = 0;
    uint64_t number = first, slow = first, seen, disturbed;
    do {
        dice d = dice_of(s->seed, number);
        int64_t start = ccp_now();
        p->round(s, number, roll(&d));
        if (ccp_now() - start > slowest) {
            slowest = ccp_now() - start;
            slow = number;
        }
        number++;
    } while ((double)(ccp_now() - began) / 1e9 < s->seconds);
    noise_counts(&seen, &disturbed);
    printf("%s: %" PRIu64 " rounds, %" PRIu64 " calls, %" PRIu64 " atomic operations, %" PRIu64
           " disturbed, %" PRIu64 " signals, %.1f s (round %" PRIu64 ": %.1f s): ok\n",
           p->name, number - first, total_steps(), seen, disturbed, total_signals(),
           (double)(ccp_now() - began) / 1e9, slow, (double)slowest / 1e9);
    history_totals(&seen, &disturbed);
    if (seen)
        printf("%" PRIu64 " recorded calls are linearizable; the check took %" PRIu64 " steps\n",
               seen, disturbed);
}

int main(int argc, char **argv)
{
    setup s = { .seconds = 5, .seed = 1, .threads = 8, .noise = UINT32_MAX };
    uint64_t first = 0;
    const program *p = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(argv[1], programs[i].name) == 0)
            p = &programs[i];
    bool good = p != NULL;
    for (int i = 2; i < argc && good; i++)
        good = option(&s, &first, argv[i]);
    if (!good) {
        fprintf(stderr, "usage: %s PROGRAM [option=value ...], see tests/noise/main.c\n", argv[0]);
        return 2;
    }
    noise_seed(s.seed);
    harness_start(&s);
    run(p, &s, first);
    return 0;
}
