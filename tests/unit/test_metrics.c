/* SPDX-License-Identifier: MIT
 *
 * Metrics: the figures are right, and the text is what Prometheus reads.
 */
#include "page.h"
#include "pools.h"

static page now;

static const char *scrape(ccp_metrics_format format)
{
    page_clear(&now);
    ASSERT_STATUS(ccp_metrics_write(format, page_write, &now), CCP_OK);
    return now.text;
}

/* The value of the only sample of `family` with that name and that label ("": none). */
static double value_of(const char *family, const char *name, const char *label)
{
    char start[128], end[64];
    snprintf(start, sizeof start, "\n%s{name=\"%s\",id=\"", family, name);
    snprintf(end, sizeof end, *label ? "\",%s} " : "\"%s} ", label);
    for (const char *at = strstr(now.text, start); at; at = strstr(at + 1, start)) {
        const char *digits = at + strlen(start), *after = digits;
        while (*after >= '0' && *after <= '9')
            after++;
        if (after > digits && strncmp(after, end, strlen(end)) == 0)
            return strtod(after + strlen(end), NULL);
    }
    fail_msg("%s of %s %s is not there", family, name, label);
    return -1;
}
#define ASSERT_VALUE(family, name, label, expected)                                            \
    assert_true(value_of((family), (name), (label)) == (expected))

static ccp_chan *named(const char *name, size_t capacity)
{
    ccp_chan *ch = ccp_chan_make(
        &(ccp_chan_opts){ .elem_size = sizeof(long), .capacity = capacity, .name = name });
    assert_non_null(ch);
    return ch;
}

TEST(what_makes_no_sense_is_refused) /* G2 */
{
    page_clear(&now);
    ASSERT_STATUS(ccp_metrics_write(CCP_METRICS_PROMETHEUS, NULL, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_metrics_write((ccp_metrics_format)2, page_write, &now), CCP_INVAL);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    ASSERT_STATUS(ccp_metrics_write(CCP_METRICS_PROMETHEUS, page_write, &now), CCP_CLOSED);
    assert_int_equal(now.calls, 0);
}

TEST(figures_of_channels_are_right) /* MT2 MT3 */
{
    ccp_chan *ch = named("orders", 4), *meet = named("hands", 0);
    long v = 1;
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_NOWAIT), CCP_OK);
    actor a = { .ch = meet, .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    WAIT_UNTIL(waiting_receivers(meet) == 1);
    scrape(CCP_METRICS_PROMETHEUS);
    ASSERT_VALUE("ccp_channel_elements", "orders", "", 2);
    ASSERT_VALUE("ccp_channel_capacity", "orders", "", 4);
    ASSERT_VALUE("ccp_channel_elements_max", "orders", "", 3);
    ASSERT_VALUE("ccp_channel_sent_total", "orders", "", 3);
    ASSERT_VALUE("ccp_channel_received_total", "orders", "", 1);
    ASSERT_VALUE("ccp_channel_closed", "orders", "", 0);
    ASSERT_VALUE("ccp_channel_waiting_threads", "hands", "side=\"send\"", 0);
    ASSERT_VALUE("ccp_channel_waiting_threads", "hands", "side=\"receive\"", 1);
    ASSERT_VALUE("ccp_channel_waits_total", "hands", "side=\"send\"", 0);
    ASSERT_VALUE("ccp_channel_waits_total", "hands", "side=\"receive\"", 1);
    ASSERT_VALUE("ccp_channel_wait_seconds_total", "orders", "side=\"receive\"", 0);
    ASSERT_VALUE("ccp_channel_held_up_seconds_total", "orders", "side=\"send\"", 0);
    ASSERT_STATUS(ccp_chan_close(meet), CCP_OK);
    actor_join(&a);
    scrape(CCP_METRICS_PROMETHEUS);
    ASSERT_VALUE("ccp_channel_waiting_threads", "hands", "side=\"receive\"", 0);
    ASSERT_VALUE("ccp_channel_closed", "hands", "", 1);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(meet), CCP_OK);
    scrape(CCP_METRICS_PROMETHEUS);
    assert_null(strstr(now.text, "ccp_channel_"));
}

TEST(threads_that_sleep_are_counted)
{
    ccp_chan *ch = named("bell", 1);
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .ch = ch, .w = CCP_FOREVER };
        actor_start(&a[i], actor_recv_long);
        actor_sleep_here(&a[i]);
    }
    scrape(CCP_METRICS_PROMETHEUS);
    PAGE_MUST_SAY(&now, "\nccp_waiting_threads 3\n");
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

static ccp_status fail_sometimes(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    return arg ? CCP_FAILED : CCP_OK;
}

TEST(a_million_operations_are_counted_to_the_last) /* MT3 */
{
    enum { TASKS = 20000, SENDS = 1000000 };
    ccp_pool *p = ccp_pool_new(
        &(ccp_pool_opts){ .workers = 3, .queue = 64, .name = "crew", .measure = true });
    ccp_chan *ch = named("orders", 16);
    long v = 0, tasks = (long)scaled(TASKS), sends = (long)scaled(SENDS);
    assert_non_null(p);
    for (long i = 0; i < tasks; i++)
        ASSERT_STATUS(ccp_pool_submit(p, fail_sometimes, i % 4 ? NULL : &v, CCP_FOREVER), CCP_OK);
    for (long i = 0; i < sends; i++) {
        ASSERT_STATUS(ccp_chan_send(ch, &v, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_chan_recv(ch, &v, CCP_NOWAIT), CCP_OK);
    }
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ccp_pool_info i;
    ASSERT_STATUS(ccp_pool_get_info(p, &i), CCP_OK);
    scrape(CCP_METRICS_PROMETHEUS);
    ASSERT_VALUE("ccp_channel_sent_total", "orders", "", (double)sends);
    ASSERT_VALUE("ccp_channel_received_total", "orders", "", (double)sends);
    ASSERT_VALUE("ccp_pool_tasks_total", "crew", "", (double)tasks);
    ASSERT_VALUE("ccp_pool_failed_tasks_total", "crew", "", (double)((tasks + 3) / 4));
    ASSERT_VALUE("ccp_pool_workers", "crew", "", 3);
    ASSERT_VALUE("ccp_pool_busy_workers", "crew", "", 0);
    ASSERT_VALUE("ccp_pool_queue_capacity", "crew", "", (double)i.queue_cap);
    ASSERT_VALUE("ccp_pool_measured_tasks_total", "crew", "", (double)tasks);
    double seconds = value_of("ccp_pool_queue_seconds_total", "crew", "");
    assert_true(seconds > (double)i.queue_ns / 1e9 - 1e-6 &&
                seconds < (double)i.queue_ns / 1e9 + 1e-6);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

/* The counts of a family's buckets, in their order; gives how many there are. */
static size_t buckets_of(const char *family, const char *name, double *counts)
{
    char start[128];
    size_t n = 0;
    snprintf(start, sizeof start, "\n%s_bucket{name=\"%s\",id=\"", family, name);
    for (const char *at = now.text; (at = strstr(at, start)) != NULL; at++) {
        const char *value = strstr(at, "\"} ");
        assert_true(value && n < 20);
        counts[n++] = strtod(value + 3, NULL);
    }
    return n;
}

TEST(histograms_are_those_of_the_pool) /* MT5 */
{
    double counts[20];
    ccp_pool_stats s;
    ccp_pool *p = ccp_pool_new(
        &(ccp_pool_opts){ .workers = 2, .queue = 64, .name = "crew", .measure = true });
    ccp_pool *plain = ccp_pool_new(&(ccp_pool_opts){ .workers = 1, .queue = 1, .name = "plain" });
    assert_true(p && plain);
    for (long i = 0; i < 500; i++)
        ASSERT_STATUS(ccp_pool_submit(p, fail_sometimes, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_submit(plain, fail_sometimes, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(plain, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_drain(p, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_pool_get_stats(p, &s), CCP_OK);
    scrape(CCP_METRICS_PROMETHEUS);
    assert_int_equal(buckets_of("ccp_pool_run_duration_seconds", "crew", counts), 15);
    uint64_t n = 0;
    for (unsigned i = 0; i + 1 < CCP_HISTOGRAM_BUCKETS; i++) {
        n += s.run.bucket[i];
        assert_true(i % 2 || counts[i / 2] == (double)n);
    }
    assert_true(counts[14] == 500);
    assert_int_equal(buckets_of("ccp_pool_queue_duration_seconds", "crew", counts), 15);
    assert_true(counts[14] == 500);
    ASSERT_VALUE("ccp_pool_queue_duration_seconds_count", "crew", "", 500);
    double sum = value_of("ccp_pool_run_duration_seconds_sum", "crew", "");
    assert_true(sum > (double)s.run.sum_ns / 1e9 - 1e-6 && sum < (double)s.run.sum_ns / 1e9 + 1e-6);
    PAGE_MUST_SAY(&now, ",le=\"1e-06\"} ");
    PAGE_MUST_SAY(&now, ",le=\"0.000004\"} ");
    PAGE_MUST_SAY(&now, ",le=\"67.108864\"} ");
    PAGE_MUST_SAY(&now, ",le=\"+Inf\"} 500\n");
    assert_int_equal(buckets_of("ccp_pool_run_duration_seconds", "plain", counts), 0);
    ASSERT_VALUE("ccp_pool_health", "plain", "state=\"good\"", 1);
    ASSERT_VALUE("ccp_pool_health", "plain", "state=\"stuck\"", 0);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(plain), CCP_OK);
}

/* Handles nothing. */
static void handle_all(ccp_batch_item *items, size_t n, void *arg)
{
    (void)items;
    (void)n;
    (void)arg;
}

static ccp_status fail_if_odd(ccp_ctx *ctx, const void *in, void *out, void *arg)
{
    (void)ctx;
    (void)out;
    (void)arg;
    return *(const long *)in % 2 ? CCP_INVAL : CCP_OK;
}

TEST(fans_have_their_figures)
{
    ccp_chan *in = ccp_chan_new(sizeof(long), 10);
    assert_non_null(in);
    ccp_fan *f = ccp_fan_out(in, fail_if_odd, &(ccp_fan_opts){ .workers = 2, .keep_going = true });
    assert_non_null(f);
    ASSERT_STATUS(ccp_name(f, "fan"), CCP_OK);
    for (long i = 0; i < 7; i++)
        ASSERT_STATUS(ccp_chan_send(in, &i, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_chan_close(in), CCP_OK);
    ASSERT_STATUS(ccp_fan_wait(f, CCP_FOREVER), CCP_FAILED);
    scrape(CCP_METRICS_PROMETHEUS);
    ASSERT_VALUE("ccp_fan_workers", "fan", "", 2);
    ASSERT_VALUE("ccp_fan_taken_total", "fan", "", 7);
    ASSERT_VALUE("ccp_fan_failed_total", "fan", "", 3);
    ASSERT_STATUS(ccp_fan_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

TEST(breakers_and_others_have_their_figures)
{
    ccp_breaker *b = ccp_breaker_new(&(ccp_breaker_opts){ .name = "mail" });
    ccp_flight *f = ccp_flight_new(sizeof(long));
    ccp_batcher *batcher = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle_all });
    ccp_chan *in = named("news", 1);
    ccp_broadcast *cast = ccp_broadcast_new(in, NULL);
    assert_true(b && f && batcher && cast);
    ASSERT_STATUS(ccp_name(f, "pages"), CCP_OK);
    ASSERT_STATUS(ccp_name(cast, "cast"), CCP_OK);
    ASSERT_STATUS(ccp_name(batcher, "rows"), CCP_OK);
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, true), CCP_OK);
    scrape(CCP_METRICS_PROMETHEUS);
    ASSERT_VALUE("ccp_breaker_state", "mail", "state=\"closed\"", 0);
    ASSERT_VALUE("ccp_breaker_state", "mail", "state=\"open\"", 1);
    ASSERT_VALUE("ccp_breaker_state", "mail", "state=\"half_open\"", 0);
    ASSERT_VALUE("ccp_breaker_begun_total", "mail", "", 1);
    ASSERT_VALUE("ccp_flight_calls", "pages", "", 0);
    ASSERT_VALUE("ccp_batcher_batches_total", "rows", "", 0);
    ASSERT_VALUE("ccp_broadcast_members", "cast", "", 0);
    ASSERT_STATUS(ccp_batcher_free(batcher), CCP_OK);
    ASSERT_STATUS(ccp_broadcast_free(cast), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(in), CCP_OK);
}

static const char *const families[] = {
    "ccp_waiting_threads",
    "ccp_channel_elements",
    "ccp_channel_capacity",
    "ccp_channel_elements_max",
    "ccp_channel_waiting_threads",
    "ccp_channel_sent_total",
    "ccp_channel_received_total",
    "ccp_channel_closed",
    "ccp_channel_waits_total",
    "ccp_channel_wait_seconds_total",
    "ccp_channel_held_up_seconds_total",
    "ccp_pool_workers",
    "ccp_pool_workers_limit",
    "ccp_pool_busy_workers",
    "ccp_pool_queued_tasks",
    "ccp_pool_queue_capacity",
    "ccp_pool_queued_tasks_max",
    "ccp_pool_delayed_tasks",
    "ccp_pool_tasks_total",
    "ccp_pool_failed_tasks_total",
    "ccp_pool_handed_back_tasks_total",
    "ccp_pool_dropped_tasks_total",
    "ccp_pool_expired_tasks_total",
    "ccp_pool_canceled_tasks_total",
    "ccp_pool_measured_tasks_total",
    "ccp_pool_queue_seconds_total",
    "ccp_pool_run_seconds_total",
    "ccp_pool_cpu_seconds_total",
    "ccp_pool_queue_max_seconds",
    "ccp_pool_waited_seconds",
    "ccp_pool_task_seconds",
    "ccp_pool_health",
    "ccp_pool_queue_duration_seconds",
    "ccp_pool_run_duration_seconds",
    "ccp_breaker_state",
    "ccp_breaker_begun_total",
    "ccp_flight_calls",
    "ccp_flight_waiting_threads",
};

/* To be added to at the end of a kind, never to be changed. */
TEST(the_names_are_these_in_this_order) /* MT1 */
{
    ccp_chan *ch = named("orders", 1), *other = named("others", 1);
    ccp_pool *p = pool_of(1, 1);
    ccp_breaker *b = ccp_breaker_new(NULL);
    ccp_flight *f = ccp_flight_new(sizeof(long));
    assert_true(b && f);
    const char *at = scrape(CCP_METRICS_PROMETHEUS);
    for (size_t i = 0; i < LENGTH(families); i++) {
        char type[128];
        snprintf(type, sizeof type, "# TYPE %s ", families[i]);
        at = strstr(at, "# TYPE ");
        assert_non_null(at);
        if (strncmp(at, type, strlen(type)) != 0)
            fail_msg("\"%s\", found \"%.40s\"", type, at);
        assert_null(strstr(at + 1, type)); /* each stands in one piece */
        at++;
    }
    assert_null(strstr(at, "# TYPE "));
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
}

TEST(odd_names_are_quoted)
{
    ccp_chan *ch = named("a \"b\" \\ c\nd", 1);
    scrape(CCP_METRICS_PROMETHEUS);
    PAGE_MUST_SAY(&now, "ccp_channel_capacity{name=\"a \\\"b\\\" \\\\ c\\nd\",id=\"");
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(a_counter_is_called_otherwise_in_openmetrics)
{
    ccp_chan *ch = named("orders", 1);
    ccp_pool *p = pool_of(1, 1);
    scrape(CCP_METRICS_PROMETHEUS);
    PAGE_MUST_SAY(&now, "# TYPE ccp_channel_sent_total counter\n");
    assert_null(strstr(now.text, "# UNIT"));
    scrape(CCP_METRICS_OPENMETRICS);
    PAGE_MUST_SAY(&now, "# HELP ccp_channel_sent Elements sent.\n"
                        "# TYPE ccp_channel_sent counter\n"
                        "ccp_channel_sent_total{name=\"orders\",id=\"");
    PAGE_MUST_SAY(&now, "# UNIT ccp_pool_run_seconds seconds\n");
    PAGE_MUST_SAY(&now, "# TYPE ccp_pool_run_duration_seconds histogram\n"
                        "# UNIT ccp_pool_run_duration_seconds seconds\n");
    assert_string_equal(now.text + now.n - strlen("# EOF\n"), "# EOF\n");
    ASSERT_STATUS(ccp_pool_free(p), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(ch), CCP_OK);
}

TEST(without_memory_nothing_is_told) /* G4 */
{
    ccp_status st = CCP_NOMEM;
    size_t failed = 0;
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_watch();
    ASSERT_STATUS(ccp_track(true), CCP_OK);
    ccp_chan *a = named("a", 1), *b = named("b", 1);
    for (; st == CCP_NOMEM; failed++) {
        page_clear(&now);
        memory_fail_at(failed + 1);
        st = ccp_metrics_write(CCP_METRICS_PROMETHEUS, page_write, &now);
        assert_true(st == CCP_OK ? now.calls > 0 : now.calls == 0);
    }
    memory_fail_at(0);
    ASSERT_STATUS(st, CCP_OK);
    assert_int_equal(failed, 3); /* one for each channel, and then it went */
    ASSERT_STATUS(ccp_chan_free(a), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(b), CCP_OK);
    ASSERT_STATUS(ccp_track(false), CCP_OK);
    memory_unwatch();
}

static atomic_bool over;

static void *make_and_free(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        ccp_chan *ch = ccp_chan_new(sizeof(long), 2);
        ccp_pool *p = pool_of(1, 1);
        MUST(ch && p && ccp_pool_submit(p, fail_sometimes, NULL, CCP_FOREVER) == CCP_OK);
        MUST(ccp_pool_free(p) == CCP_OK && ccp_chan_free(ch) == CCP_OK);
    }
    return NULL;
}

TEST(objects_come_and_go_meanwhile)
{
    pthread_t t;
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&t, NULL, make_and_free, NULL), 0);
    for (size_t i = 0; i < scaled(400); i++)
        scrape(CCP_METRICS_OPENMETRICS);
    atomic_store(&over, true);
    assert_int_equal(pthread_join(t, NULL), 0);
}

/* For other programs to check: what has all kinds of metrics. */
static int print(const char *format)
{
    static const int out = 1;
    bool open = strcmp(format, "openmetrics") == 0;
    MUST(ccp_track(true) == CCP_OK);
    ccp_chan *ch = named("a \"b\"", 2), *in = named("in", 1);
    ccp_pool *p = ccp_pool_new(&(ccp_pool_opts){ .workers = 2, .queue = 4, .measure = true });
    MUST(p && ccp_pool_submit(p, fail_sometimes, NULL, CCP_FOREVER) == CCP_OK);
    MUST(ccp_pool_drain(p, CCP_FOREVER) == CCP_OK);
    ccp_breaker *b = ccp_breaker_new(NULL);
    ccp_flight *f = ccp_flight_new(8);
    ccp_batcher *batcher = ccp_batcher_new(&(ccp_batcher_opts){ .fn = handle_all });
    ccp_broadcast *cast = ccp_broadcast_new(in, NULL);
    MUST(b && f && batcher && cast);
    ccp_metrics_format how = open ? CCP_METRICS_OPENMETRICS : CCP_METRICS_PROMETHEUS;
    MUST(ccp_metrics_write(how, ccp_to_fd, (void *)(uintptr_t)&out) == CCP_OK);
    MUST(ccp_batcher_free(batcher) == CCP_OK && ccp_broadcast_free(cast) == CCP_OK);
    MUST(ccp_flight_free(f) == CCP_OK && ccp_breaker_free(b) == CCP_OK);
    MUST(ccp_pool_free(p) == CCP_OK && ccp_chan_free(ch) == CCP_OK && ccp_chan_free(in) == CCP_OK);
    return ccp_track(false) != CCP_OK;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TRACKED(what_makes_no_sense_is_refused),
        TRACKED(figures_of_channels_are_right),
        TRACKED(threads_that_sleep_are_counted),
        TRACKED(a_million_operations_are_counted_to_the_last),
        TRACKED(histograms_are_those_of_the_pool),
        TRACKED(fans_have_their_figures),
        TRACKED(breakers_and_others_have_their_figures),
        TRACKED(the_names_are_these_in_this_order),
        TRACKED(odd_names_are_quoted),
        TRACKED(a_counter_is_called_otherwise_in_openmetrics),
        TRACKED(without_memory_nothing_is_told),
        TRACKED(objects_come_and_go_meanwhile),
    };
    if (argc == 2)
        return print(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
