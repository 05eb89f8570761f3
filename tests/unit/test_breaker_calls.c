/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers, in virtual time: what is told of them, calls from inside their functions, and
 * ccp_breaker_run().
 */
#include "breakers.h"
#include "still.h"

enum { BEGIN = 1000 };

static void start_clock(void)
{
    still_set(CCP_SEC(BEGIN));
}

static void half_open(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_HALF_OPEN, false), CCP_OK);
}

static void end(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
}

/* ---- Being told ---- */

typedef struct diary {
    ccp_breaker *b;
    size_t n;
    int inside, most_inside;
    char text[200];
    size_t to_change; /* by the function itself: so often there and back */
} diary;

static void write_down(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    diary *d = arg;
    if (++d->inside > d->most_inside)
        d->most_inside = d->inside;
    size_t used = strlen(d->text);
    (void)snprintf(d->text + used, sizeof d->text - used, "%s%s:%c%c", used ? " " : "",
                   name ? name : "", ccp_breaker_state_name(from)[0],
                   ccp_breaker_state_name(to)[0]);
    d->n++;
    while (d->to_change > 0) {
        d->to_change--;
        ASSERT_STATUS(ccp_breaker_set(d->b, CCP_BREAKER_CLOSED, false), CCP_OK);
        ASSERT_STATUS(ccp_breaker_set(d->b, CCP_BREAKER_OPEN, false), CCP_OK);
    }
    d->inside--;
}

TEST(each_change_is_told_once) /* Q7 */
{
    start_clock();
    diary d = { 0 };
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){
        .failures = 1, .open_ns = 10, .on_change = write_down, .arg = &d, .name = "x" });
    breaker_calls(b, 1, CCP_OK);
    assert_int_equal(d.n, 0);
    breaker_calls(b, 1, CCP_FAILED);
    still_advance(10);
    breaker_calls(b, 1, CCP_FAILED);
    still_advance(10);
    ASSERT_STATE(b, CCP_BREAKER_HALF_OPEN); /* noticed by the look at it */
    assert_string_equal(breaker_info(b).name, "x");
    breaker_calls(b, 1, CCP_OK);
    assert_string_equal(d.text, "x:co x:oh x:ho x:oh x:hc");
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, true), CCP_OK); /* no change of state */
    half_open(b);
    half_open(b);
    assert_string_equal(d.text, "x:co x:oh x:ho x:oh x:hc x:ch");
    end(b);
}

TEST(changes_made_while_one_is_told_are_told_afterwards_in_order) /* Q7 Q8 */
{
    start_clock();
    diary d = { .to_change = 2 };
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .on_change = write_down, .arg = &d });
    d.b = b;
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, false), CCP_OK);
    assert_string_equal(d.text, ":co :oc :co :oc :co");
    assert_int_equal(d.most_inside, 1);
    end(b);
}

TEST(of_too_many_that_wait_to_be_told_the_last_are_told_as_one) /* Q7 */
{
    start_clock();
    diary d = { .to_change = 20 }; /* 40 changes, the last of them to open */
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .on_change = write_down, .arg = &d });
    d.b = b;
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, false), CCP_OK);
    assert_int_equal(d.n, 1 + 16);
    assert_string_equal(d.text, ":co :oc :co :oc :co :oc :co :oc :co :oc :co :oc :co :oc :co "
                                ":oc :co");
    end(b);
}

/* ---- From inside each function, each call ---- */

typedef struct inside {
    ccp_breaker *b;
    int depth;
    size_t call; /* which one to make */
    size_t made;
} inside;

static ccp_status succeed(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_OK;
}

static ccp_status go_wrong(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return CCP_FAILED;
}

static void make_allow(ccp_breaker *b)
{
    ccp_breaker_ticket t;
    (void)!ccp_breaker_allow(b, &t);
}

static void make_success(ccp_breaker *b)
{
    (void)breaker_call(b, CCP_OK);
}

static void make_failure(ccp_breaker *b)
{
    (void)breaker_call(b, CCP_FAILED);
}

static void make_run(ccp_breaker *b)
{
    (void)ccp_breaker_run(b, succeed, NULL, NULL, CCP_FOREVER);
}

static void make_failing_run(ccp_breaker *b)
{
    (void)ccp_breaker_run(b, go_wrong, NULL, NULL, ccp_within(5));
}

static void make_open(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_OPEN, false), CCP_OK);
}

static void make_closed(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_set(b, CCP_BREAKER_CLOSED, true), CCP_OK);
}

static void make_half_open(ccp_breaker *b)
{
    half_open(b);
}

static void make_info(ccp_breaker *b)
{
    (void)breaker_info(b);
}

static void make_free(ccp_breaker *b)
{
    ASSERT_STATUS(ccp_breaker_free(b), CCP_BUSY);
}

static void make_retry(ccp_breaker *b)
{
    const ccp_retry_opts o = { .attempts = 2, .backoff = ccp_backoff_constant(1), .breaker = b };
    (void)!ccp_retry(&o, go_wrong, NULL, NULL, CCP_FOREVER);
}

static void make_other(ccp_breaker *b)
{
    (void)b;
    ccp_breaker *other = breaker_with(NULL);
    make_failure(other);
    end(other);
}

static void (*const makes[])(ccp_breaker *b) = {
    make_allow,  make_success,   make_failure, make_run,  make_failing_run, make_open,
    make_closed, make_half_open, make_info,    make_free, make_retry,       make_other,
};

static void make_call(inside *in)
{
    if (in->depth >= 3) /* a failure asks trip again, and so on */
        return;
    in->depth++;
    in->made++;
    makes[in->call](in->b);
    in->depth--;
}

static bool trip_inside(const ccp_breaker_counts *c, void *arg)
{
    make_call(arg);
    return c->failures >= 2;
}

static ccp_breaker_state judge_inside(const ccp_breaker_counts *c, void *arg)
{
    make_call(arg);
    return c->failures ? CCP_BREAKER_OPEN : CCP_BREAKER_CLOSED;
}

static ccp_breaker_verdict classify_inside(ccp_status outcome, void *arg)
{
    make_call(arg);
    return outcome == CCP_OK ? CCP_BREAKER_SUCCESS : CCP_BREAKER_FAILURE;
}

static void change_inside(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    (void)name;
    assert_true(from != to);
    make_call(arg);
}

static ccp_status run_inside(ccp_ctx *ctx, void *arg)
{
    (void)ctx;
    make_call(arg);
    return CCP_FAILED;
}

TEST(from_inside_each_function_each_call_can_be_made) /* Q8 G3 */
{
    const ccp_breaker_opts each[] = {
        { .trip = trip_inside },
        { .judge = judge_inside },
        { .classify = classify_inside },
        { .on_change = change_inside, .failures = 2 },
        { .trip = trip_inside,
          .judge = judge_inside,
          .classify = classify_inside,
          .on_change = change_inside },
        { .failures = 3 },
    };
    for (size_t i = 0; i < LENGTH(each); i++)
        for (size_t call = 0; call < LENGTH(makes); call++) {
            start_clock();
            inside in = { .call = call };
            ccp_breaker_opts o = each[i];
            o.arg = &in;
            o.open_ns = 10;
            o.slow_ns = 3;
            o.window_ns = 1000;
            o.buckets = 4;
            in.b = breaker_with(&o);
            for (int round = 0; round < 10; round++) {
                (void)breaker_call(in.b, round % 3 == 2 ? CCP_OK : CCP_FAILED);
                (void)ccp_breaker_run(in.b, run_inside, &in, NULL, CCP_FOREVER);
                if (round == 5)
                    make_half_open(in.b);
                still_advance(11);
            }
            assert_true(in.made > 0);
            end(in.b);
        }
}

/* ---- Running ---- */

typedef struct job {
    int runs;
    ccp_status rc;
    int64_t takes;
    ccp_ctx *parent;
    int64_t deadline;
} job;

static ccp_status run_job(ccp_ctx *ctx, void *arg)
{
    job *j = arg;
    j->runs++;
    j->deadline = ccp_ctx_deadline(ctx);
    j->parent = ctx;
    if (j->takes) {
        ccp_status st = ccp_sleep(ccp_under(ctx, ccp_within(j->takes)));
        return st == CCP_OK ? j->rc : st;
    }
    return j->rc;
}

TEST(a_run_that_succeeds_or_fails_is_told_of_and_counted)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 2 });
    job j = { .rc = CCP_OK };
    ccp_status outcome = CCP_BUSY;
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(outcome, CCP_OK);
    assert_null(j.parent); /* FOREVER */
    j.rc = CCP_TIMEOUT;    /* its own, not of w */
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, CCP_FOREVER), CCP_FAILED);
    ASSERT_STATUS(outcome, CCP_TIMEOUT);
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, NULL, ccp_within(CCP_SEC(1))), CCP_FAILED);
    assert_int_equal(j.deadline, CCP_SEC(BEGIN + 1));
    outcome = CCP_BUSY;
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, CCP_FOREVER), CCP_OPEN);
    ASSERT_STATUS(outcome, CCP_BUSY); /* G1 */
    assert_int_equal(j.runs, 3);
    end(b);
}

static void cancel_it(void *ctx)
{
    ccp_ctx_cancel(ctx);
}

TEST(a_run_that_takes_longer_than_its_wait_is_a_failure)
{
    start_clock();
    ccp_breaker *b = breaker_with(&(ccp_breaker_opts){ .failures = 2 });
    job j = { .takes = CCP_SEC(5) };
    ccp_status outcome;
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, ccp_within(CCP_SEC(2))), CCP_TIMEOUT);
    ASSERT_STATUS(outcome, CCP_TIMEOUT);
    assert_int_equal(ccp_now(), CCP_SEC(BEGIN + 2));
    ASSERT_COUNTS(b, { 0, 1, 0, 0, 0, 1 });
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    still_at(CCP_SEC(BEGIN + 3), cancel_it, ctx);
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, ccp_with(ctx)), CCP_CANCELED);
    ASSERT_STATUS(outcome, CCP_CANCELED);
    ASSERT_COUNTS(b, { 0, 1, 1, 0, 0, 1 }); /* that is nobody's fault */
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, ccp_with(ctx)), CCP_CANCELED); /* W2 */
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, ccp_within(0)), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, &outcome, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(j.runs, 2);
    ASSERT_COUNTS(b, { 0, 1, 1, 0, 0, 1 });
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    end(b);
}

TEST(a_run_without_memory_has_not_asked) /* G1 G4 */
{
    start_clock();
    memory_watch();
    ccp_breaker *b = breaker_with(NULL);
    job j = { 0 };
    half_open(b);
    memory_fail_from(1);
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, NULL, ccp_within(5)), CCP_NOMEM);
    memory_fail_from(0);
    assert_int_equal(j.runs, 0);
    assert_int_equal(breaker_info(b).probing, 0);
    ASSERT_STATUS(ccp_breaker_run(b, run_job, &j, NULL, ccp_within(5)), CCP_OK);
    ASSERT_STATE(b, CCP_BREAKER_CLOSED);
    end(b);
    memory_unwatch();
}

static void nothing(void *arg)
{
    (void)arg;
}

static ccp_status leave_hook(ccp_ctx *ctx, void *arg)
{
    ASSERT_STATUS(ccp_ctx_hook(ctx, arg, nothing, NULL), CCP_OK);
    return CCP_OK;
}

TEST(a_hook_that_a_run_leaves_behind_is_run)
{
    start_clock();
    ccp_breaker *b = breaker_with(NULL);
    ccp_hook h = { 0 };
    ASSERT_STATUS(ccp_breaker_run(b, leave_hook, &h, NULL, ccp_within(5)), CCP_OK);
    ASSERT_STATUS(ccp_ctx_unhook(&h, CCP_FOREVER), CCP_CLOSED);
    end(b);
}

TEST(states_have_names)
{
    assert_string_equal(ccp_breaker_state_name(CCP_BREAKER_CLOSED), "closed");
    assert_string_equal(ccp_breaker_state_name(CCP_BREAKER_OPEN), "open");
    assert_string_equal(ccp_breaker_state_name(CCP_BREAKER_HALF_OPEN), "half-open");
    assert_string_equal(ccp_breaker_state_name((ccp_breaker_state)100), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(each_change_is_told_once),
        ENTRY(changes_made_while_one_is_told_are_told_afterwards_in_order),
        ENTRY(of_too_many_that_wait_to_be_told_the_last_are_told_as_one),
        ENTRY(from_inside_each_function_each_call_can_be_made),
        ENTRY(a_run_that_succeeds_or_fails_is_told_of_and_counted),
        ENTRY(a_run_that_takes_longer_than_its_wait_is_a_failure),
        ENTRY(a_run_without_memory_has_not_asked),
        ENTRY(a_hook_that_a_run_leaves_behind_is_run),
        ENTRY(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
