/* SPDX-License-Identifier: MIT
 *
 * What there is, and who waits for what, as text; and the switch of all that.
 *
 *   P1  The sink is called under no lock: each piece of text is made under one, and handed over
 *       afterwards.  So a dump is no picture of one moment, but each line of it is.
 */
/* uses: report */
#include "base/file.h"
#include "base/machine.h"
#include "base/tasks.h"
#include "ops/report.h"

/* ---- the switch, and names ---- */

ccp_status ccp_track(bool on)
{
    if (!ccpi_sleepers_on())
        return CCP_NOMEM;
    ccpi_holders_on();
    ccpi_track_turn(on);
    if (!on)
        ccpi_holders_clear();
    return CCP_OK;
}

ccp_status ccp_name(const void *object, const char *name)
{
    if (!object)
        return CCP_INVAL;
    if (!ccpi_tracks())
        return CCP_OK;
    return ccpi_track_name(object, name) ? CCP_OK : CCP_NOMEM;
}

/* ---- objects ---- */

typedef struct dump {
    ccp_sink sink;
    void *arg;
    int64_t now;
    ccpi_text text;
} dump;

static void hand_over(dump *d)
{
    ccpi_text_add(&d->text, "\n");
    d->sink(d->text.s, d->text.n, d->arg);
    ccpi_text_clear(&d->text);
}

/* Under the lock of its shard. */
static void add_object(ccpi_text *t, const ccpi_record *r)
{
    ccpi_report_record(t, r);
    if (r->kind && r->kind->describe)
        r->kind->describe(r->object, t);
    if (r->file) {
        ccpi_text_add(t, ", made at ");
        ccpi_report_place(t, r->file, r->line);
    }
}

static bool look(const ccpi_record *r, void *arg)
{
    dump *d = arg;
    if (r->owner)
        return false;
    ccpi_text_clear(&d->text);
    add_object(&d->text, r);
    return true;
}

static void tell(void *arg)
{
    hand_over(arg);
}

/* ---- threads ---- */

static void dump_thread(dump *d, const ccpi_report *r, const ccpi_sleep *s)
{
    ccpi_text_clear(&d->text);
    ccpi_text_add_thread(&d->text, s->thread);
    ccpi_report_sleep(&d->text, s, d->now);
    ccpi_text_add(&d->text, "\n");
    ccpi_report_holds(&d->text, r, s->thread, d->now);
    d->sink(d->text.s, d->text.n, d->arg);
    ccpi_text_clear(&d->text);
}

static bool sleeps(const ccpi_report *r, uint64_t thread)
{
    for (size_t i = 0; i < r->sleep_count; i++)
        if (r->sleeps[i].thread == thread)
            return true;
    return false;
}

/* Those who hold something and do not wait here. */
static void dump_busy_holders(dump *d, const ccpi_report *r)
{
    for (size_t i = 0; i < r->holder_count; i++) {
        const ccpi_holder *h = &r->holders[i];
        if (sleeps(r, h->thread))
            continue;
        ccpi_text_add_thread(&d->text, h->thread);
        ccpi_text_add(&d->text, " holds ");
        ccpi_report_object(&d->text, h->object, h->call);
        ccpi_text_add(&d->text, " for ");
        ccpi_text_add_time(&d->text, d->now - h->since);
        hand_over(d);
    }
}

static void dump_rest(dump *d, const ccpi_report *r)
{
    size_t all = ccpi_task_count(), missed = ccpi_track_missed();
    if (all > r->sleep_count) {
        ccpi_text_add_count(&d->text, all - r->sleep_count, "thread does", "threads do");
        ccpi_text_add(&d->text, " not wait in libccp");
        hand_over(d);
    }
    if (missed) {
        ccpi_text_add_count(&d->text, missed, "object is", "objects are");
        ccpi_text_add(&d->text, " missing here: memory was short");
        hand_over(d);
    }
}

ccp_status ccp_dump(ccp_sink sink, void *arg)
{
    dump d = { .sink = sink, .arg = arg };
    ccpi_report r;
    if (!sink)
        return CCP_INVAL;
    if (!ccpi_tracks())
        return CCP_CLOSED;
    if (!ccpi_report_make(&r))
        return CCP_NOMEM;
    ccpi_text_clear(&d.text);
    ccpi_track_visit(&(ccpi_visit){ look, tell, &d });
    d.now = ccpi_clock_now();
    for (size_t i = 0; i < r.sleep_count; i++)
        dump_thread(&d, &r, &r.sleeps[i]);
    dump_busy_holders(&d, &r);
    dump_rest(&d, &r);
    ccpi_report_free(&r);
    return CCP_OK;
}

/* ---- what is left ---- */

typedef struct audit {
    ccp_sink sink; /* NULL: nobody */
    void *arg;
    size_t n;
    ccpi_text text;
} audit;

static bool count_one(const ccpi_record *r, void *arg)
{
    audit *a = arg;
    if (r->owner || !r->kind)
        return false;
    a->n++;
    ccpi_text_clear(&a->text);
    ccpi_text_add(&a->text, "not freed: ");
    add_object(&a->text, r);
    ccpi_text_add(&a->text, "\n");
    return a->sink != NULL;
}

static void tell_of_one(void *arg)
{
    audit *a = arg;
    a->sink(a->text.s, a->text.n, a->arg);
}

static void count_holder(audit *a, const ccpi_holder *h)
{
    a->n++;
    ccpi_text_clear(&a->text);
    ccpi_text_add(&a->text, "not given back: ");
    ccpi_report_object(&a->text, h->object, h->call);
    ccpi_text_add(&a->text, ", taken by ");
    ccpi_text_add_thread(&a->text, h->thread);
    ccpi_text_add(&a->text, "\n");
    if (a->sink)
        tell_of_one(a);
}

size_t ccp_audit(ccp_sink sink, void *arg)
{
    audit a = { .sink = sink, .arg = arg };
    ccpi_report r;
    ccpi_track_visit(&(ccpi_visit){ count_one, tell_of_one, &a });
    if (!ccpi_report_make(&r))
        return a.n;
    for (size_t i = 0; i < r.holder_count; i++)
        count_holder(&a, &r.holders[i]);
    ccpi_report_free(&r);
    return a.n;
}

void ccp_place(const char *call, const char *file, int line)
{
    ccpi_self_get()->place = (ccpi_place){ call, file, line };
}

void ccp_to_fd(const char *text, size_t n, void *arg)
{
    if (text && arg)
        ccpi_file_write(*(const int *)arg, text, n);
}
