/* SPDX-License-Identifier: MIT */
#include "ops/report.h"

#include "base/fds.h"
#include "base/machine.h"
#include "base/mem.h"

#define SPARE 16 /* records more than there were when they were counted */

/* ---- copies ---- */

static bool copy_sleeps(ccpi_report *r)
{
    for (size_t n = ccpi_sleepers_copy(NULL, 0);;) {
        size_t room = n + SPARE;
        r->sleeps = ccpi_alloc(room * sizeof *r->sleeps);
        if (!r->sleeps)
            return false;
        n = ccpi_sleepers_copy(r->sleeps, room);
        r->sleep_count = n;
        if (n <= room)
            return true;
        ccpi_free(r->sleeps);
    }
}

static bool copy_holders(ccpi_report *r)
{
    for (size_t n = ccpi_holders_copy(NULL, 0);;) {
        size_t room = n + SPARE;
        r->holders = ccpi_alloc(room * sizeof *r->holders);
        if (!r->holders)
            return false;
        n = ccpi_holders_copy(r->holders, room);
        r->holder_count = n;
        if (n <= room)
            return true;
        ccpi_free(r->holders);
    }
}

bool ccpi_report_make(ccpi_report *r)
{
    *r = (ccpi_report){ NULL, 0, NULL, 0 };
    if (copy_sleeps(r) && copy_holders(r))
        return true;
    ccpi_free(r->sleeps);
    return false;
}

void ccpi_report_free(ccpi_report *r)
{
    ccpi_free(r->sleeps);
    ccpi_free(r->holders);
}

/* ---- words ---- */

/* What a call that waits works on, if the table does not know it. */
static const char *noun_of(const char *call)
{
    static const struct {
        const char *prefix, *noun;
    } nouns[] = {
        { "ccp_chan_", "channel" },     { "ccp_ctx_", "context" },
        { "ccp_mutex_", "mutex" },      { "ccp_sem_", "semaphore" },
        { "ccp_rwlock_", "reader-writer lock" }, { "ccp_once_", "once" },
        { "ccp_barrier_", "barrier" },  { "ccp_wg_", "wait group" },
        { "ccp_rate_", "rate limiter" }, { "ccp_limiter_", "limiter" },
        { "ccp_future_", "future" },    { "ccp_group_", "group" },
        { "ccp_pool_", "pool" },        { "ccp_phaser_", "phaser" },
        { "ccp_flight_", "single-flight" }, { "ccp_timer", "timers" },
        { "ccp_batcher_", "batcher" },
    };
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
        if (strncmp(call, nouns[i].prefix, strlen(nouns[i].prefix)) == 0)
            return nouns[i].noun;
    return "object";
}

static void add_name(ccpi_text *t, const char *noun, const char *name, const void *object)
{
    ccpi_text_add(t, noun);
    ccpi_text_add(t, " ");
    if (*name) {
        ccpi_text_add(t, "'");
        ccpi_text_add(t, name);
        ccpi_text_add(t, "'");
    } else
        ccpi_text_add_address(t, object);
}

void ccpi_report_record(ccpi_text *t, const ccpi_record *r)
{
    add_name(t, r->kind ? r->kind->noun : "object", r->name, r->object);
}

void ccpi_report_object(ccpi_text *t, const void *object, const char *call)
{
    ccpi_record r;
    if (!ccpi_track_find(object, &r)) {
        add_name(t, noun_of(call), "", object);
        return;
    }
    const char *noun = r.kind ? r.kind->noun : noun_of(call);
    const void *owner = r.owner;
    if (!owner) {
        add_name(t, noun, r.name, object);
        return;
    }
    while (ccpi_track_find(owner, &r) && r.owner)
        owner = r.owner;
    ccpi_text_add(t, "a ");
    ccpi_text_add(t, noun);
    ccpi_text_add(t, " of ");
    ccpi_report_record(t, &r);
}

void ccpi_report_place(ccpi_text *t, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    ccpi_text_add(t, slash ? slash + 1 : file);
    ccpi_text_add(t, ":");
    ccpi_text_add_number(t, (uint64_t)line);
}

static void add_case(ccpi_text *t, const ccpi_sleep_case *k)
{
    if (!k->object) {
        ccpi_text_add(t, "descriptor ");
        ccpi_text_add_number(t, (uint64_t)k->fd);
        ccpi_text_add(t, ccpi_events_in_words(k->events));
        return;
    }
    ccpi_report_object(t, k->object, k->call);
    if (strcmp(k->call, "ccp_chan_send") == 0)
        ccpi_text_add(t, " to send");
}

static void add_cases(ccpi_text *t, const ccpi_sleep *s)
{
    for (uint32_t i = 0; i < s->cases && i < CCPI_SLEEP_CASES; i++) {
        ccpi_text_add(t, i == 0 ? " for the first of " : ", ");
        add_case(t, &s->of[i]);
    }
    if (s->cases > CCPI_SLEEP_CASES) {
        ccpi_text_add(t, " and ");
        ccpi_text_add_number(t, s->cases - CCPI_SLEEP_CASES);
        ccpi_text_add(t, " more");
    }
}

void ccpi_report_sleep(ccpi_text *t, const ccpi_sleep *s, int64_t now)
{
    ccpi_text_add(t, " has waited ");
    ccpi_text_add_time(t, now - s->since);
    ccpi_text_add(t, " in ");
    ccpi_text_add(t, s->call);
    if (s->file) {
        ccpi_text_add(t, " at ");
        ccpi_report_place(t, s->file, s->line);
    }
    if (s->object) {
        ccpi_text_add(t, " for ");
        ccpi_report_object(t, s->object, s->call);
    }
    add_cases(t, s);
    if (s->deadline != CCPI_NEVER) {
        ccpi_text_add(t, ", and will for ");
        ccpi_text_add_time(t, s->deadline - now);
        ccpi_text_add(t, " at most");
    }
    if (s->awake)
        ccpi_text_add(t, "; it is about to go on");
}

void ccpi_report_holds(ccpi_text *t, const ccpi_report *r, uint64_t thread, int64_t now)
{
    for (size_t i = 0; i < r->holder_count; i++) {
        const ccpi_holder *h = &r->holders[i];
        if (h->thread != thread)
            continue;
        ccpi_text_add(t, "    holds ");
        ccpi_report_object(t, h->object, h->call);
        ccpi_text_add(t, " for ");
        ccpi_text_add_time(t, now - h->since);
        ccpi_text_add(t, "\n");
    }
}
