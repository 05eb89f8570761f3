/* SPDX-License-Identifier: MIT
 *
 * The figures of all tracked objects as text for Prometheus.
 *
 *   M1  First all figures are taken, each object's under the lock of its shard, then all is
 *       written, under none: so a family stands in one piece, and the sink may make any call.
 *   M2  Rows of one family follow each other in the table of their source, and take() gives as many
 *       values, in that order.
 */
#include "base/mem.h"
#include "base/text.h"
#include "base/track.h"
#include "block/sleepers.h"
#include "coord/breaker.h"

#define MOST_ROWS 26
#define MOST_SPANS 2

typedef enum type { GAUGE, COUNTER, HISTOGRAM } type;
typedef enum unit { NUMBER, NANOSECONDS } unit;

typedef struct row {
    const char *family, *help;
    type type;
    unit unit;
    const char *label; /* "side=\"send\""; NULL: none */
} row;

/* What was taken of one object.  The value of a histogram says which of `spans` it is; NO_SPAN: the
 * object has none. */
typedef struct figures {
    uint64_t values[MOST_ROWS];
    ccp_histogram spans[MOST_SPANS];
} figures;
#define NO_SPAN UINT64_MAX

typedef struct source {
    const char *prefix; /* of its kind, see ccpi_kind */
    const row *rows;
    size_t count;
    void (*take)(const void *object, figures *f);
} source;

/* ---- what is asked of each kind ---- */

static const row channel_rows[] = {
    { "ccp_channel_elements", "Elements in the channel.", GAUGE, NUMBER, NULL },
    { "ccp_channel_capacity", "Elements that it has room for.", GAUGE, NUMBER, NULL },
    { "ccp_channel_elements_max", "Most elements ever seen in it.", GAUGE, NUMBER, NULL },
    { "ccp_channel_waiting_threads", "Threads that sleep there.", GAUGE, NUMBER, "side=\"send\"" },
    { "ccp_channel_waiting_threads", NULL, GAUGE, NUMBER, "side=\"receive\"" },
    { "ccp_channel_sent_total", "Elements sent.", COUNTER, NUMBER, NULL },
    { "ccp_channel_received_total", "Elements received.", COUNTER, NUMBER, NULL },
    { "ccp_channel_closed", "1 once it is closed.", GAUGE, NUMBER, NULL },
    { "ccp_channel_waits_total", "Times that a thread went to sleep there.", COUNTER, NUMBER,
      "side=\"send\"" },
    { "ccp_channel_waits_total", NULL, COUNTER, NUMBER, "side=\"receive\"" },
    { "ccp_channel_wait_seconds_total", "Time that threads slept there, all together.", COUNTER,
      NANOSECONDS, "side=\"send\"" },
    { "ccp_channel_wait_seconds_total", NULL, COUNTER, NANOSECONDS, "side=\"receive\"" },
    { "ccp_channel_held_up_seconds_total", "Time in which at least one thread slept there.",
      COUNTER, NANOSECONDS, "side=\"send\"" },
    { "ccp_channel_held_up_seconds_total", NULL, COUNTER, NANOSECONDS, "side=\"receive\"" },
};

static void take_channel(const void *object, figures *f)
{
    ccp_chan_stats s = { 0 };
    (void)ccp_chan_get_stats((ccp_chan *)(uintptr_t)object, &s);
    const ccp_chan_info i = s.info;
    const uint64_t values[] = { i.len,
                                i.capacity,
                                i.high_water,
                                i.waiting_senders,
                                i.waiting_receivers,
                                i.sent,
                                i.received,
                                i.closed,
                                s.send.waits,
                                s.receive.waits,
                                (uint64_t)s.send.blocked_ns,
                                (uint64_t)s.receive.blocked_ns,
                                (uint64_t)s.send.some_ns,
                                (uint64_t)s.receive.some_ns };
    memcpy(f->values, values, sizeof values);
}

static const row pool_rows[] = {
    { "ccp_pool_workers", "Workers that there are.", GAUGE, NUMBER, NULL },
    { "ccp_pool_workers_limit", "Workers that there may be.", GAUGE, NUMBER, NULL },
    { "ccp_pool_busy_workers", "Workers that have a task.", GAUGE, NUMBER, NULL },
    { "ccp_pool_queued_tasks", "Tasks accepted and not started.", GAUGE, NUMBER, NULL },
    { "ccp_pool_queue_capacity", "Tasks that the queue has room for.", GAUGE, NUMBER, NULL },
    { "ccp_pool_queued_tasks_max", "Most tasks ever seen in the queue.", GAUGE, NUMBER, NULL },
    { "ccp_pool_delayed_tasks", "Tasks whose time has not come.", GAUGE, NUMBER, NULL },
    { "ccp_pool_tasks_total", "Tasks that have returned.", COUNTER, NUMBER, NULL },
    { "ccp_pool_failed_tasks_total", "Of these, tasks that failed.", COUNTER, NUMBER, NULL },
    { "ccp_pool_handed_back_tasks_total", "Tasks that do not run.", COUNTER, NUMBER, NULL },
    { "ccp_pool_dropped_tasks_total", "Of these, for want of room.", COUNTER, NUMBER, NULL },
    { "ccp_pool_expired_tasks_total", "Of these, because it was too late.", COUNTER, NUMBER, NULL },
    { "ccp_pool_canceled_tasks_total", "Of these, canceled ones.", COUNTER, NUMBER, NULL },
    { "ccp_pool_measured_tasks_total", "Tasks that were measured.", COUNTER, NUMBER, NULL },
    { "ccp_pool_queue_seconds_total", "Time that these waited for a worker.", COUNTER, NANOSECONDS,
      NULL },
    { "ccp_pool_run_seconds_total", "Time that these took.", COUNTER, NANOSECONDS, NULL },
    { "ccp_pool_cpu_seconds_total", "Time of processors that these took.", COUNTER, NANOSECONDS,
      NULL },
    { "ccp_pool_queue_max_seconds", "Longest time that one waited.", GAUGE, NANOSECONDS, NULL },
    { "ccp_pool_waited_seconds", "Time that the task has waited which waits longest.", GAUGE,
      NANOSECONDS, NULL },
    { "ccp_pool_task_seconds", "Time that the task has run which has run longest.", GAUGE,
      NANOSECONDS, NULL },
    { "ccp_pool_health", "1 for the state that it is in.", GAUGE, NUMBER, "state=\"good\"" },
    { "ccp_pool_health", NULL, GAUGE, NUMBER, "state=\"degraded\"" },
    { "ccp_pool_health", NULL, GAUGE, NUMBER, "state=\"stuck\"" },
    { "ccp_pool_queue_duration_seconds", "How long measured tasks waited.", HISTOGRAM, NANOSECONDS,
      NULL },
    { "ccp_pool_run_duration_seconds", "How long measured tasks ran.", HISTOGRAM, NANOSECONDS,
      NULL },
};

static void take_pool(const void *object, figures *f)
{
    ccp_pool *p = (ccp_pool *)(uintptr_t)object;
    ccp_pool_stats s = { 0 };
    ccp_pool_health h = { 0 };
    (void)ccp_pool_get_stats(p, &s);
    (void)ccp_pool_get_health(p, NULL, &h);
    const ccp_pool_info i = s.info;
    bool measured = i.measured > 0;
    const uint64_t values[] = { i.workers,
                                i.limit,
                                i.busy,
                                i.queued,
                                i.queue_cap,
                                i.queue_high_water,
                                i.delayed,
                                i.finished,
                                i.failed,
                                i.handed_back,
                                i.dropped,
                                i.expired,
                                i.canceled,
                                i.measured,
                                (uint64_t)i.queue_ns,
                                (uint64_t)i.run_ns,
                                (uint64_t)i.cpu_ns,
                                (uint64_t)i.queue_ns_max,
                                (uint64_t)s.waited_ns,
                                (uint64_t)s.task_ns,
                                h.state == CCP_HEALTH_GOOD,
                                h.state == CCP_HEALTH_DEGRADED,
                                h.state == CCP_HEALTH_STUCK,
                                measured ? 0 : NO_SPAN,
                                measured ? 1 : NO_SPAN };
    memcpy(f->values, values, sizeof values);
    f->spans[0] = s.queue;
    f->spans[1] = s.run;
}

static const row breaker_rows[] = {
    { "ccp_breaker_state", "1 for the state that it is in.", GAUGE, NUMBER, "state=\"closed\"" },
    { "ccp_breaker_state", NULL, GAUGE, NUMBER, "state=\"open\"" },
    { "ccp_breaker_state", NULL, GAUGE, NUMBER, "state=\"half_open\"" },
    { "ccp_breaker_begun_total", "Times that it began anew.", COUNTER, NUMBER, NULL },
};

static void take_breaker(const void *object, figures *f)
{
    uint64_t *v = f->values;
    ccp_breaker_state state = ccpi_breaker_state(object);
    for (unsigned k = 0; k < 3; k++)
        v[k] = state == (ccp_breaker_state)k;
    v[3] = ccpi_breaker_generation(object) - 1;
}

static const row batcher_rows[] = {
    { "ccp_batcher_waiting_calls", "Calls that wait for a batch.", GAUGE, NUMBER, NULL },
    { "ccp_batcher_batches_total", "Batches handled.", COUNTER, NUMBER, NULL },
    { "ccp_batcher_calls_total", "Calls in these.", COUNTER, NUMBER, NULL },
};

static void take_batcher(const void *object, figures *f)
{
    uint64_t *v = f->values;
    ccp_batcher_info i = { 0 };
    (void)ccp_batcher_get_info((ccp_batcher *)(uintptr_t)object, &i);
    v[0] = i.waiting;
    v[1] = i.batches;
    v[2] = i.handled;
}

static const row broadcast_rows[] = {
    { "ccp_broadcast_members", "Channels that get the elements.", GAUGE, NUMBER, NULL },
    { "ccp_broadcast_taken_total", "Elements received.", COUNTER, NUMBER, NULL },
    { "ccp_broadcast_lost_total", "Elements that a member did not get.", COUNTER, NUMBER, NULL },
    { "ccp_broadcast_disconnected_total", "Members that were too slow.", COUNTER, NUMBER, NULL },
};

static void take_broadcast(const void *object, figures *f)
{
    uint64_t *v = f->values;
    ccp_broadcast_info i = { 0 };
    (void)ccp_broadcast_get_info((ccp_broadcast *)(uintptr_t)object, &i);
    v[0] = i.members;
    v[1] = i.taken;
    v[2] = i.lost;
    v[3] = i.disconnected;
}

static const row fan_rows[] = {
    { "ccp_fan_workers", "Workers of the fan.", GAUGE, NUMBER, NULL },
    { "ccp_fan_taken_total", "Elements that these have taken.", COUNTER, NUMBER, NULL },
    { "ccp_fan_failed_total", "Of these, elements whose step failed.", COUNTER, NUMBER, NULL },
};

static void take_fan(const void *object, figures *f)
{
    uint64_t *v = f->values;
    ccp_fan_info i = { 0 };
    (void)ccp_fan_get_info((ccp_fan *)(uintptr_t)object, &i);
    v[0] = i.workers;
    v[1] = i.taken;
    v[2] = i.failed;
}

static const row flight_rows[] = {
    { "ccp_flight_calls", "Calls under way.", GAUGE, NUMBER, NULL },
    { "ccp_flight_waiting_threads", "Threads that wait for one.", GAUGE, NUMBER, NULL },
};

static void take_flight(const void *object, figures *f)
{
    uint64_t *v = f->values;
    ccp_flight_info i = { 0 };
    (void)ccp_flight_get_info(object, &i);
    v[0] = i.calls;
    v[1] = i.waiting;
}

#define ROWS(rows) rows, sizeof(rows) / sizeof *(rows)
static const source sources[] = {
    { "ccp_chan_", ROWS(channel_rows), take_channel },
    { "ccp_pool_", ROWS(pool_rows), take_pool },
    { "ccp_breaker_", ROWS(breaker_rows), take_breaker },
    { "ccp_batcher_", ROWS(batcher_rows), take_batcher },
    { "ccp_broadcast_", ROWS(broadcast_rows), take_broadcast },
    { "ccp_fan_", ROWS(fan_rows), take_fan },
    { "ccp_flight_", ROWS(flight_rows), take_flight },
};
#define SOURCES (sizeof sources / sizeof *sources)

/* ---- taking ---- */

typedef struct sample {
    struct sample *next;
    const source *of;
    uint64_t serial;
    char name[CCPI_NAME_ROOM];
    figures figures;
} sample;

typedef struct scrape {
    bool open_metrics;
    ccp_sink sink;
    void *arg;
    ccpi_text text;
    sample *first, **last;
    sample now; /* of the object looked at */
    bool short_of_memory;
} scrape;

static const source *source_of(const ccpi_kind *kind)
{
    for (size_t i = 0; kind && i < SOURCES; i++)
        if (strcmp(sources[i].prefix, kind->prefix) == 0)
            return &sources[i];
    return NULL;
}

static bool look(const ccpi_record *r, void *arg)
{
    scrape *s = arg;
    const source *of = r->owner ? NULL : source_of(r->kind);
    if (!of)
        return false;
    s->now = (sample){ .of = of, .serial = r->serial };
    memcpy(s->now.name, r->name, sizeof r->name);
    of->take(r->object, &s->now.figures);
    return true;
}

static void keep(void *arg)
{
    scrape *s = arg;
    sample *copy = s->short_of_memory ? NULL : ccpi_alloc(sizeof *copy);
    if (!copy) {
        s->short_of_memory = true;
        return;
    }
    *copy = s->now;
    *s->last = copy;
    s->last = &copy->next;
}

static void forget(scrape *s)
{
    for (sample *p = s->first, *next; p; p = next) {
        next = p->next;
        ccpi_free(p);
    }
}

/* ---- writing ---- */

static void hand_over(scrape *s)
{
    ccpi_text_add(&s->text, "\n");
    s->sink(s->text.s, s->text.n, s->arg);
    ccpi_text_clear(&s->text);
}

/* What stands in quotes: a backslash, a quote and the end of a line have another before them. */
static void add_quoted(ccpi_text *t, const char *s)
{
    for (; *s; s++) {
        const char plain[] = { *s, '\0' };
        ccpi_text_add(t, *s == '\\' ? "\\\\" : *s == '"' ? "\\\"" : *s == '\n' ? "\\n" : plain);
    }
}

static void add_seconds(ccpi_text *t, uint64_t ns)
{
    ccpi_text_add_number(t, ns / 1000000000);
    ccpi_text_add(t, ".");
    for (uint64_t digit = 100000000; digit; digit /= 10)
        ccpi_text_add_number(t, ns / digit % 10);
}

/* In OpenMetrics a counter's family is called as its samples are, but for the "_total". */
static void add_family(scrape *s, const row *r)
{
    size_t n = strlen(r->family), tail = strlen("_total");
    ccpi_text_add(&s->text, r->family);
    if (s->open_metrics && r->type == COUNTER && n > tail) {
        s->text.n -= tail;
        s->text.s[s->text.n] = '\0';
    }
}

static void write_head(scrape *s, const row *r)
{
    static const char *const types[] = { " gauge", " counter", " histogram" };
    ccpi_text_add(&s->text, "# HELP ");
    add_family(s, r);
    ccpi_text_add(&s->text, " ");
    ccpi_text_add(&s->text, r->help);
    hand_over(s);
    ccpi_text_add(&s->text, "# TYPE ");
    add_family(s, r);
    ccpi_text_add(&s->text, types[r->type]);
    hand_over(s);
    if (s->open_metrics && r->unit == NANOSECONDS) {
        ccpi_text_add(&s->text, "# UNIT ");
        add_family(s, r);
        ccpi_text_add(&s->text, " seconds");
        hand_over(s);
    }
}

/* "family_tail{name="orders",id="7",more} " */
static void add_name(scrape *s, const row *r, const char *tail, const sample *p, const char *more)
{
    ccpi_text_add(&s->text, r->family);
    ccpi_text_add(&s->text, tail);
    ccpi_text_add(&s->text, "{name=\"");
    add_quoted(&s->text, p->name);
    ccpi_text_add(&s->text, "\",id=\"");
    ccpi_text_add_number(&s->text, p->serial);
    ccpi_text_add(&s->text, more ? "\"," : "\"");
    ccpi_text_add(&s->text, more ? more : "");
    ccpi_text_add(&s->text, "} ");
}

/* le="0.004096": the bound of a bucket; OpenMetrics has its own way to write the first one. */
static void add_bound(ccpi_text *t, unsigned bucket)
{
    ccpi_text_add(t, "le=\"");
    if (bucket == 0)
        ccpi_text_add(t, "1e-06");
    else {
        uint64_t us = (uint64_t)CCP_HISTOGRAM_BOUND(bucket) / 1000;
        ccpi_text_add_number(t, us / 1000000);
        ccpi_text_add(t, ".");
        for (uint64_t digit = 100000; digit; digit /= 10)
            ccpi_text_add_number(t, us / digit % 10);
    }
    ccpi_text_add(t, "\"");
}

/* Every second bucket: so each is four times as long as the one before. */
static void write_histogram(scrape *s, const row *r, const sample *p, const ccp_histogram *h)
{
    ccpi_text bound;
    uint64_t n = 0;
    for (unsigned i = 0; i + 1 < CCP_HISTOGRAM_BUCKETS; i++) {
        n += h->bucket[i];
        if (i % 2 != 0)
            continue;
        ccpi_text_clear(&bound);
        add_bound(&bound, i);
        add_name(s, r, "_bucket", p, bound.s);
        ccpi_text_add_number(&s->text, n);
        hand_over(s);
    }
    add_name(s, r, "_bucket", p, "le=\"+Inf\"");
    ccpi_text_add_number(&s->text, h->count);
    hand_over(s);
    add_name(s, r, "_sum", p, NULL);
    add_seconds(&s->text, (uint64_t)h->sum_ns);
    hand_over(s);
    add_name(s, r, "_count", p, NULL);
    ccpi_text_add_number(&s->text, h->count);
    hand_over(s);
}

static void write_sample(scrape *s, const row *r, const sample *p)
{
    uint64_t value = p->figures.values[r - p->of->rows];
    if (r->type == HISTOGRAM) {
        if (value != NO_SPAN)
            write_histogram(s, r, p, &p->figures.spans[value]);
        return;
    }
    add_name(s, r, "", p, r->label);
    if (r->unit == NANOSECONDS)
        add_seconds(&s->text, value);
    else
        ccpi_text_add_number(&s->text, value);
    hand_over(s);
}

/* The samples of the rows of one family, from r on; gives the row after them. */
static const row *write_family(scrape *s, const source *of, const row *r)
{
    const row *end = of->rows + of->count, *next = r + 1;
    while (next < end && !next->help)
        next++;
    write_head(s, r);
    for (const sample *p = s->first; p; p = p->next)
        for (const row *k = r; p->of == of && k < next; k++)
            write_sample(s, k, p);
    return next;
}

static bool any_of(const scrape *s, const source *of)
{
    for (const sample *p = s->first; p; p = p->next)
        if (p->of == of)
            return true;
    return false;
}

static void write_all(scrape *s)
{
    static const row waiting = { "ccp_waiting_threads", "Threads that sleep in a call of libccp.",
                                 GAUGE, NUMBER, NULL };
    write_head(s, &waiting);
    ccpi_text_add(&s->text, "ccp_waiting_threads ");
    ccpi_text_add_number(&s->text, ccpi_sleepers_copy(NULL, 0));
    hand_over(s);
    for (const source *of = sources; of < sources + SOURCES; of++)
        for (const row *r = of->rows; any_of(s, of) && r < of->rows + of->count;)
            r = write_family(s, of, r);
    if (s->open_metrics) {
        ccpi_text_add(&s->text, "# EOF");
        hand_over(s);
    }
}

ccp_status ccp_metrics_write(ccp_metrics_format format, ccp_sink sink, void *arg)
{
    if (!sink || (format != CCP_METRICS_PROMETHEUS && format != CCP_METRICS_OPENMETRICS))
        return CCP_INVAL;
    if (!ccpi_tracks())
        return CCP_CLOSED;
    scrape s = { .open_metrics = format == CCP_METRICS_OPENMETRICS, .sink = sink, .arg = arg };
    s.last = &s.first;
    ccpi_track_visit(&(ccpi_visit){ look, keep, &s });
    if (!s.short_of_memory)
        write_all(&s);
    forget(&s);
    return s.short_of_memory ? CCP_NOMEM : CCP_OK;
}
