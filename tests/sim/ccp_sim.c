/* SPDX-License-Identifier: MIT
 *
 * The public face of the explorer: include/ccp_sim.h.
 */
#define _GNU_SOURCE
#include "ccp_sim.h"

#include "base/mem.h"
#include "knobs.h"
#include "ops/verdict.h"
#include "sim_int.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEDULES 10000
#define STEPS 30000
#define PREEMPTIONS 2

typedef struct play {
    void (*fn)(void *arg);
    void *arg;
} play;

static char *what;
static size_t what_size;
static FILE *steps;   /* where the steps go; NULL: nowhere */

/* ---- a schedule ---- */

static void misused(const char *call, const char *rule)
{
    sim_fail("misuse of %s: %s", call, rule);
}

static void run(void *arg)
{
    const play *p = arg;
    ccp_set_misuse_hook(misused);
    (void)ccp_track(true);
    p->fn(p->arg);
    (void)ccp_track(false);
}

/* ---- what failed ---- */

/* Is it on record as waiting in a call of the library? */
static bool is_on_record(const ccpi_report *r, const thread *t)
{
    for (size_t i = 0; i < r->sleep_count; i++)
        if (r->sleeps[i].thread == (uint64_t)t->id + 1)
            return true;
    return false;
}

static void tell_of_other(FILE *out, const thread *t)
{
    char where[80];
    trace_describe(t->address, where, sizeof where);
    trace_expand(where, sizeof where);
    fprintf(out, "\nthread %d 'T%d' ", t->id + 1, t->id);
    if (t->state == LOCK)
        fprintf(out, "waits for mutex %s", where);
    else if (t->state == SLEEP)
        fprintf(out, "waits on condition variable %s", where);
    else
        fprintf(out, "waits for the end of %s", t->target < 0 ? "others" : "another");
}

/* What the library has to say of its own sleepers, and where the others are. */
static void tell_of_deadlock(FILE *out)
{
    ccpi_report r;
    ccpi_page page = { NULL, 0, 0 };
    if (!ccpi_report_make(&r))
        return;
    if (r.sleep_count > 0)
        ccpi_explain(&page, &r, sim.clock);
    if (page.n > 0)
        fprintf(out, "\n%.*s", (int)page.n - 1, page.s);
    ccpi_free(page.s);
    for (int i = 0; i < sim.threads; i++)
        if (sim.thread[i].state != DEAD && !is_on_record(&r, &sim.thread[i]))
            tell_of_other(out, &sim.thread[i]);
    ccpi_report_free(&r);
}

/* The schedule has failed; its memory is as it was left. */
static void on_failure(void)
{
    free(what);
    FILE *out = open_memstream(&what, &what_size);
    if (!out)
        abort();
    trace_expand(sim.message, sizeof sim.message);
    if (sim.deadlock)
        fprintf(out, "deadlock: no thread can go on");
    else
        fprintf(out, "%s", sim.message);
    if (sim.deadlock)
        tell_of_deadlock(out);
    fclose(out);
}

/* ---- searching ---- */

static sim_options options_of(const ccp_sim_opts *o)
{
    return (sim_options){ .mode = SIM_DFS,
                          .weak = o->weak,
                          .by_step = true,
                          .patient = !o->any_time,
                          .foreign = true,
                          .max_steps = STEPS,
                          .fail_alloc = (int)o->fail_allocs,
                          .fail_thread = (int)o->fail_threads,
                          .spurious = (int)o->spurious,
                          .replay = o->replay,
                          .on_failure = on_failure,
                          .trace = steps != NULL,
                          .out = steps };
}

static void add(ccp_sim_report *report, const sim_result *r)
{
    report->schedules += (uint64_t)r->schedules;
    report->failed = r->failed;
    if (r->failed) {
        report->what = what;
        report->replay = r->replay;
    }
}

static void search_every(ccp_sim_report *report, play *p)
{
    const ccp_sim_opts *o = &report->opts;
    sim_options s = options_of(o);
    knobs_set(STILL);
    s.preemptions = o->preemptions ? (int)o->preemptions : PREEMPTIONS;
    s.n = o->schedules < LONG_MAX ? (long)o->schedules : LONG_MAX;
    sim_result r = sim_run(&s, run, p);
    add(report, &r);
    report->complete = r.complete;
}

/* Seeds differ in how they choose, and in where they expect the changes. */
static void search_at_random(ccp_sim_report *report, play *p)
{
    const ccp_sim_opts *o = &report->opts;
    uint64_t count = o->replay ? 1 : o->schedules ? o->schedules : SCHEDULES;
    sim_options s = options_of(o);
    knobs_set(EVERYTHING);
    s.n = 1;
    for (uint64_t seed = o->seed; count-- > 0 && !report->failed; seed++) {
        s.mode = seed & 1 ? SIM_PCT : SIM_RANDOM;
        s.length = 50 << (seed / 2 % 6);
        s.seed = report->seed = seed;
        sim_result r = sim_run(&s, run, p);
        add(report, &r);
    }
}

ccp_sim_report ccp_sim_search(const ccp_sim_opts *o, void (*fn)(void *arg), void *arg)
{
    play p = { fn, arg };
    ccp_sim_report report = { .failed = false };
    if (o)
        report.opts = *o;
    if (report.opts.every)
        search_every(&report, &p);
    else
        search_at_random(&report, &p);
    return report;
}

ccp_sim_report ccp_sim_run(uint64_t seed, void (*fn)(void *arg), void *arg)
{
    return ccp_sim_search(&(ccp_sim_opts){ .seed = seed, .schedules = 1 }, fn, arg);
}

void ccp_sim_explain(const ccp_sim_report *r, void (*fn)(void *arg), void *arg, ccp_sink sink,
                     void *sink_arg)
{
    char *replay = r->failed ? strdup(r->replay) : NULL, *text = NULL;
    size_t size = 0;
    steps = replay ? open_memstream(&text, &size) : NULL;
    if (steps) {
        ccp_sim_opts o = r->opts;
        o.seed = r->seed;
        o.replay = replay;
        (void)ccp_sim_search(&o, fn, arg);
        fclose(steps);
        steps = NULL;
        sink(text, size, sink_arg);
    }
    free(text);
    free(replay);
}

/* ---- inside ---- */

void ccp_sim_fail(const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_fail("%s", text);
}

int ccp_sim_choose(int n)
{
    return sim_choose(n);
}

void ccp_sim_settle(void)
{
    sim_settle();
}
