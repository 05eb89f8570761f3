/* SPDX-License-Identifier: MIT
 *
 * The command line of a program of scenarios.
 */
#include "sim.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: %s [options] [scenario or pattern ...]\n"
    "  --list             the names of the scenarios\n"
    "  --summary          one line for all that are right\n"
    "  --mode M           dpor, dfs, rnd or pct\n"
    "  --weak, --sc       memory model\n"
    "  --preemptions N    dfs: at most N; 0: any number\n"
    "  --by-step          who starts or wakes up has not got the turn by that\n"
    "  --stale N          weak: at most N stale loads in a schedule\n"
    "  --depth D          pct: D - 1 changes of priority\n"
    "  --n N              at most N schedules\n"
    "  --seed S           rnd, pct: first seed\n"
    "  --time SECONDS     at most so long for each scenario\n"
    "  --slice I/N        every N-th of the scenarios, beginning with the I-th (1 .. N)\n"
    "  --first            stop after the first scenario that is wrong\n"
    "  --result FILE      write there what totals.sh adds up\n"
    "  --steps N          more steps are a livelock\n"
    "  --spurious N  --fail-alloc N  --fail-thread N  --fail-cas N  --wake-any  --reuse\n"
    "  --replay STRING    run this schedule, and show it\n"
    "  --trace            show the steps of every schedule\n";

typedef struct request {
    sim_options set;  /* values given */
    bool mode, weak, sc, preemptions, n, seed, seconds, stale, depth, steps, list, summary, first;
    long slice, slices;
    const char *result;
} request;

static const char *const mode_names[] = { "dpor", "dfs", "rnd", "pct" };

static bool parse_mode(const char *text, sim_mode *mode)
{
    for (int i = 0; text && i < 4; i++)
        if (strcmp(text, mode_names[i]) == 0) {
            *mode = (sim_mode)i;
            return true;
        }
    return false;
}

static bool flag(request *r, const char *a)
{
    if (strcmp(a, "--weak") == 0)
        r->weak = true;
    else if (strcmp(a, "--sc") == 0)
        r->sc = true;
    else if (strcmp(a, "--trace") == 0)
        r->set.trace = true;
    else if (strcmp(a, "--list") == 0)
        r->list = true;
    else if (strcmp(a, "--summary") == 0)
        r->summary = true;
    else if (strcmp(a, "--first") == 0)
        r->first = true;
    else if (strcmp(a, "--wake-any") == 0)
        r->set.wake_any = true;
    else if (strcmp(a, "--reuse") == 0)
        r->set.reuse = true;
    else if (strcmp(a, "--by-step") == 0)
        r->set.by_step = true;
    else
        return false;
    return true;
}

static bool number(request *r, const char *a, const char *v)
{
    if (!v)
        return false;
    if (strcmp(a, "--preemptions") == 0)
        r->preemptions = true, r->set.preemptions = atoi(v);
    else if (strcmp(a, "--stale") == 0)
        r->stale = true, r->set.stale = atoi(v);
    else if (strcmp(a, "--depth") == 0)
        r->depth = true, r->set.depth = atoi(v);
    else if (strcmp(a, "--n") == 0)
        r->n = true, r->set.n = atol(v);
    else if (strcmp(a, "--seed") == 0)
        r->seed = true, r->set.seed = strtoull(v, NULL, 10);
    else if (strcmp(a, "--time") == 0)
        r->seconds = true, r->set.seconds = atof(v);
    else if (strcmp(a, "--steps") == 0)
        r->steps = true, r->set.max_steps = atoi(v);
    else if (strcmp(a, "--spurious") == 0)
        r->set.spurious = atoi(v);
    else if (strcmp(a, "--fail-alloc") == 0)
        r->set.fail_alloc = atoi(v);
    else if (strcmp(a, "--fail-thread") == 0)
        r->set.fail_thread = atoi(v);
    else if (strcmp(a, "--fail-cas") == 0)
        r->set.fail_cas = atoi(v);
    else if (strcmp(a, "--replay") == 0)
        r->set.replay = v;
    else if (strcmp(a, "--result") == 0)
        r->result = v;
    else if (strcmp(a, "--slice") == 0)
        return sscanf(v, "%ld/%ld", &r->slice, &r->slices) == 2 && r->slice >= 1 &&
               r->slice <= r->slices;
    else
        return false;
    return true;
}

/* The scenario's options, with what the command line says instead. */
static sim_options merged(const sim_options *own, const request *r)
{
    sim_options o = *own;
    if (r->mode)
        o.mode = r->set.mode;
    if (r->weak || r->sc)
        o.weak = r->weak;
    if (o.weak && o.mode == SIM_DPOR) {
        o.mode = SIM_DFS;
        o.preemptions = 2;
    }
    if (r->preemptions)
        o.preemptions = r->set.preemptions;
    if (r->stale)
        o.stale = r->set.stale;
    if (r->depth)
        o.depth = r->set.depth;
    if (r->n)
        o.n = r->set.n;
    if (r->seed)
        o.seed = r->set.seed;
    if (r->seconds)
        o.seconds = r->set.seconds;
    if (r->steps)
        o.max_steps = r->set.max_steps;
    o.spurious += r->set.spurious;
    o.fail_alloc += r->set.fail_alloc;
    o.fail_thread += r->set.fail_thread;
    o.fail_cas += r->set.fail_cas;
    o.wake_any |= r->set.wake_any;
    o.reuse |= r->set.reuse;
    o.by_step |= r->set.by_step;
    o.trace = r->set.trace || r->set.replay;
    o.replay = r->set.replay;
    return o;
}

typedef struct totals {
    long scenarios, complete, bad, schedules, redundant, merged, most;
    /* Every schedule, up to equivalence; with so many preemptions; random ones; cut short. */
    long exhaustive, bounded, random, sampled;
    long random_schedules;
    double seconds;
} totals;

static void add_up(totals *sum, const sim_options *o, const sim_result *r)
{
    bool random = o->mode == SIM_RANDOM || o->mode == SIM_PCT;
    sum->scenarios++;
    sum->complete += r->complete || r->failed;
    sum->exhaustive += r->complete && !(o->mode == SIM_DFS && o->preemptions) && !o->weak;
    sum->bounded += r->complete && ((o->mode == SIM_DFS && o->preemptions) || o->weak);
    sum->random += random;
    sum->sampled += !random && !r->complete;
    sum->random_schedules += random ? r->schedules : 0;
    sum->schedules += r->schedules;
    sum->redundant += r->redundant;
    sum->merged += r->merged;
    sum->most = r->schedules > sum->most ? r->schedules : sum->most;
    sum->seconds += r->seconds;
}

static bool write_result(const char *file, const totals *sum)
{
    FILE *f = fopen(file, "w");
    if (!f)
        return false;
    fprintf(f,
            "scenarios=%ld wrong=%ld exhaustive=%ld bounded=%ld random=%ld sampled=%ld "
            "schedules=%ld random_schedules=%ld seconds=%.2f\n",
            sum->scenarios, sum->bad, sum->exhaustive, sum->bounded, sum->random, sum->sampled,
            sum->schedules, sum->random_schedules, sum->seconds);
    return fclose(f) == 0;
}

static void run(const sim_scenario *s, const request *req, totals *sum)
{
    sim_options o = merged(&s->options, req);
    sim_result r = sim_run(&o, s->fn, s->arg);
    bool good = s->expect ? r.failed && strstr(r.message, s->expect) : !r.failed;
    add_up(sum, &o, &r);
    sum->bad += !good;
    if (good && req->summary)
        return;
    printf("%-4s %-44s %s%s %10ld schedules %s %8.2f s\n", good ? "ok" : "FAIL", s->name,
           mode_names[o.mode], o.weak ? "-weak" : "     ", r.schedules,
           r.failed ? "failed  " : r.complete ? "complete" : "sampled ", r.seconds);
    if (r.failed && (!good || o.replay || o.trace)) {
        printf("  %s\n  replay: %s --mode %s%s --seed %llu --replay %s\n", r.message, s->name,
               mode_names[o.mode], o.weak ? " --weak" : "", (unsigned long long)r.seed, r.replay);
        if (!o.replay && !o.trace && sum->bad <= 3) /* one trace is read; hundreds are not */
            sim_explain(&o, &r, s->fn, s->arg);
    } else if (!good) {
        printf("  expected: %s\n", s->expect);
    }
    fflush(stdout);
}

static bool wanted(const char *name, char **patterns, int count)
{
    for (int i = 0; i < count; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return count == 0;
}

/* A pattern that fits none was written for names that are not there any more. */
static bool all_fit(char **patterns, int pattern_count, const sim_scenario *scenarios, size_t count)
{
    bool all = true;
    for (int i = 0; i < pattern_count; i++) {
        size_t k = 0;
        while (k < count && fnmatch(patterns[i], scenarios[k].name, 0) != 0)
            k++;
        if (k == count)
            fprintf(stderr, "no scenario is named %s; try --list\n", patterns[i]);
        all &= k < count;
    }
    return all;
}

int sim_main(int argc, char **argv, const sim_scenario *scenarios, size_t count)
{
    request r = { 0 };
    char **patterns = calloc((size_t)argc + 1, sizeof *patterns);
    int pattern_count = 0, ran = 0, matched = 0;
    totals sum = { 0 };
    for (int i = 1; patterns && i < argc; i++) {
        if (argv[i][0] != '-')
            patterns[pattern_count++] = argv[i];
        else if (strcmp(argv[i], "--mode") == 0 && parse_mode(argv[i + 1], &r.set.mode))
            r.mode = true, i++;
        else if (number(&r, argv[i], argv[i + 1]))
            i++;
        else if (!flag(&r, argv[i])) {
            fprintf(stderr, usage, argv[0]);
            return 2;
        }
    }
    if (!all_fit(patterns, pattern_count, scenarios, count)) {
        free(patterns);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        if (!wanted(scenarios[i].name, patterns, pattern_count))
            continue;
        if (r.slices && matched++ % r.slices != r.slice - 1)
            continue;
        ran++;
        if (r.list)
            puts(scenarios[i].name);
        else
            run(&scenarios[i], &r, &sum);
        if (r.first && sum.bad)
            break;
    }
    free(patterns);
    if (ran == 0)
        fprintf(stderr, "no such scenario; try --list\n");
    else if (!r.list)
        printf(
            "%ld scenarios, %ld wrong, %ld complete; %ld schedules (%ld of them merged, + %ld "
            "redundant), at most %ld in one; %.2f s\n",
            sum.scenarios, sum.bad, sum.complete, sum.schedules, sum.merged, sum.redundant,
            sum.most, sum.seconds);
    if (r.result && !write_result(r.result, &sum)) {
        perror(r.result);
        return 1;
    }
    return sum.bad || ran == 0 ? 1 : 0;
}
