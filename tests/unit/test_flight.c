/* SPDX-License-Identifier: MIT
 *
 * Single-flight: what is not Go's, which test_go_flight.c checks.
 */
#include "support.h"

typedef CCP_FLIGHT_RESULT(long) long_result;

static ccp_flight_info flight_info(const ccp_flight *f)
{
    ccp_flight_info info;
    MUST(ccp_flight_get_info(f, &info) == CCP_OK);
    return info;
}

/* A function that waits at a gate, counts, and gives the number of its call. */
typedef struct task {
    ccp_flight *f;
    gate gate;
    atomic_long runs;
    ccp_status rc;   /* what it returns */
    ccp_status seen; /* what it was given from inside */
    long work[8];    /* by number of the call; plain: the race detector watches (D3) */
} task;

static ccp_status run_task(void *result, void *arg)
{
    task *t = arg;
    long n = atomic_fetch_add(&t->runs, 1) + 1;
    gate_pass(&t->gate);
    t->work[n] = n;
    MUST(*(long *)result == 0);
    *(long *)result = n;
    return t->rc;
}

static ccp_flight_call call_of(task *t, const char *key)
{
    return (ccp_flight_call){ .key = key, .len = strlen(key), .fn = run_task, .arg = t };
}

static void do_it(actor *a)
{
    task *t = a->arg;
    const ccp_flight_call c = call_of(t, "key");
    bool shared = false;
    a->value = 777;
    actor_calls(a);
    a->rc = ccp_flight_do(t->f, &c, &a->value, &shared, a->w);
    a->index = shared;
    if (a->rc == CCP_OK)
        MUST(t->work[a->value] == a->value);
    else
        MUST(a->value == 777 && !shared); /* G1 */
}

/* a[0] runs the task, which waits at its gate; the others wait for it. */
static void start_all(task *t, actor *a, size_t n, ccp_wait w)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = t, .w = i ? w : CCP_FOREVER };
        actor_start(&a[i], do_it);
        if (i == 0)
            WAIT_UNTIL(atomic_load(&t->gate.arrived) > 0);
    }
    WAIT_UNTIL(flight_info(t->f).waiting == n - 1);
}

static void ends_with(actor *a, ccp_status rc, long value)
{
    actor_join(a);
    ASSERT_STATUS(a->rc, rc);
    assert_int_equal(a->value, value);
}

TEST(arguments_that_cannot_be_right_are_refused) /* G2 */
{
    ccp_flight *f = ccp_flight_new(sizeof(long));
    task t = { .f = f, .gate = GATE_INIT };
    const ccp_flight_call good = call_of(&t, "key");
    ccp_flight_call no_fn = good, no_key = good;
    no_fn.fn = NULL;
    no_key.key = NULL;
    ccp_chan *ch = NULL, *other = ccp_chan_new(0, 0);
    ccp_flight_info info;
    const ccp_flight_call *bad[] = { NULL, &no_fn, &no_key };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        ASSERT_STATUS(ccp_flight_do(f, bad[i], NULL, NULL, CCP_FOREVER), CCP_INVAL);
        ASSERT_STATUS(ccp_flight_do_chan(f, bad[i], &ch), CCP_INVAL);
    }
    ASSERT_STATUS(ccp_flight_do(NULL, &good, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_do_chan(NULL, &good, &ch), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_do_chan(f, &good, NULL), CCP_INVAL);
    assert_null(ch);
    ASSERT_STATUS(ccp_flight_leave(NULL, other), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_leave(f, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_forget(NULL, "key", 3), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_forget(f, NULL, 3), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_forget(f, NULL, 0), CCP_OK);
    ASSERT_STATUS(ccp_flight_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_get_info(f, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_flight_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
    ASSERT_STATUS(ccp_chan_free(other), CCP_OK);
    assert_null(ccp_flight_new(SIZE_MAX));
    assert_null(ccp_flight_new(PTRDIFF_MAX));
    assert_int_equal(t.runs, 0);
}

static ccp_status pass_without_result(void *result, void *arg)
{
    (void)result;
    gate_pass(arg);
    return CCP_OK;
}

static void free_string(void *result, void *arg);

TEST(without_key_and_result_there_is_still_one_call) /* D1 D8 */
{
    ccp_flight *f = ccp_flight_make(NULL);
    gate g = GATE_INIT;
    const ccp_flight_call c = { NULL, 0, pass_without_result, &g };
    ccp_chan *ch;
    ASSERT_STATUS(ccp_flight_do_chan(f, &c, &ch), CCP_OK);
    ASSERT_STATUS(ccp_flight_do(f, &c, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&g);
    ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_flight_leave(f, ch), CCP_OK);
    assert_int_equal(g.arrived, 1);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
}

TEST(a_drop_needs_a_copy)
{
    assert_null(ccp_flight_make(&(ccp_flight_opts){ .drop = free_string }));
}

TEST(one_call_for_all_who_come_meanwhile) /* D1 D2 D3 D4 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    actor a[6];
    start_all(&t, a, LENGTH(a), CCP_FOREVER);
    assert_int_equal(flight_info(t.f).calls, 1);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_BUSY);
    gate_open(&t.gate);
    for (size_t i = 0; i < LENGTH(a); i++) {
        ends_with(&a[i], CCP_OK, 1);
        assert_true(a[i].index);
    }
    start_all(&t, a, 1, CCP_FOREVER); /* nothing is remembered */
    ends_with(&a[0], CCP_OK, 2);
    assert_false(a[0].index);
    assert_int_equal(flight_info(t.f).calls, 0);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

TEST(a_failure_is_for_all) /* D2 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT, .rc = CCP_FAILED };
    actor a[3];
    start_all(&t, a, LENGTH(a), CCP_FOREVER);
    gate_open(&t.gate);
    for (size_t i = 0; i < LENGTH(a); i++)
        ends_with(&a[i], CCP_FAILED, 777);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

TEST(who_leaves_takes_nothing_from_the_others) /* D4 D5 W4 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a[2];
    start_all(&t, a, 2, ccp_with(ctx));
    ASSERT_STATUS(ccp_flight_do(t.f, &c, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_flight_do(t.f, &c, NULL, NULL, ccp_within(CCP_MS(1))), CCP_TIMEOUT);
    ccp_ctx_cancel(ctx);
    ends_with(&a[1], CCP_CANCELED, 777);
    assert_int_equal(flight_info(t.f).waiting, 0);
    gate_open(&t.gate);
    ends_with(&a[0], CCP_OK, 1);
    assert_false(a[0].index); /* it is the only one */
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

static ccp_status call_again(void *result, void *arg)
{
    task *t = arg;
    const ccp_flight_call same = { .key = "key", .len = 3, .fn = call_again, .arg = t };
    task inner = { .f = t->f, .gate = GATE_INIT };
    gate_open(&inner.gate);
    const ccp_flight_call other = call_of(&inner, "other key");
    t->seen = ccp_flight_do(t->f, &same, NULL, NULL, CCP_FOREVER);
    return ccp_flight_do(t->f, &other, result, NULL, CCP_FOREVER);
}

TEST(the_same_key_from_inside_is_a_deadlock_another_is_not) /* D7 G3 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = call_again, .arg = &t };
    long v = 0;
    ASSERT_STATUS(ccp_flight_do(t.f, &c, &v, NULL, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(t.seen, CCP_DEADLOCK);
    assert_int_equal(v, 1);
    ccp_chan *ch;
    long_result r;
    t.seen = CCP_OK;
    ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, &r, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(t.seen, CCP_DEADLOCK);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

static ccp_status give_arg(void *result, void *arg)
{
    *(long *)result = *(const long *)arg;
    return CCP_OK;
}

TEST(keys_are_bytes) /* D8 */
{
    ccp_flight *f = ccp_flight_new(sizeof(long));
    task t = { .f = f, .gate = GATE_INIT };
    char key[] = { 'k', 'e', 'y', 0 };
    actor a;
    start_all(&t, &a, 1, CCP_FOREVER); /* "key" is under way */
    static const struct {
        const char *key;
        size_t len;
    } others[] = { { "ke", 2 }, { "key\0", 4 }, { "kez", 3 }, { "", 0 }, { NULL, 0 },
                   { "a key that is longer than any buffer of the library would be", 60 } };
    for (size_t i = 0; i < LENGTH(others); i++) {
        long n = (long)i + 50, v = 0;
        const ccp_flight_call c = { others[i].key, others[i].len, give_arg, &n };
        ASSERT_STATUS(ccp_flight_do(f, &c, &v, NULL, CCP_NOWAIT), CCP_OK);
        assert_int_equal(v, n);
    }
    const ccp_flight_call same = { key, 3, give_arg, NULL };
    ASSERT_STATUS(ccp_flight_do(f, &same, NULL, NULL, CCP_NOWAIT), CCP_AGAIN);
    memset(key, 'x', sizeof key);
    ASSERT_STATUS(ccp_flight_do(f, &(ccp_flight_call){ "key", 3, give_arg, NULL }, NULL, NULL,
                                CCP_NOWAIT),
                  CCP_AGAIN);
    gate_open(&t.gate);
    ends_with(&a, CCP_OK, 1);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
}

TEST(a_forgotten_call_goes_on_beside_a_new_one) /* D1 D2 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    actor a[3], other;
    start_all(&t, a, LENGTH(a), CCP_FOREVER);
    ASSERT_STATUS(ccp_flight_forget(t.f, "key", 3), CCP_OK);
    ASSERT_STATUS(ccp_flight_forget(t.f, "key", 3), CCP_OK);
    other = (actor){ .arg = &t, .w = CCP_FOREVER };
    actor_start(&other, do_it);
    WAIT_UNTIL(atomic_load(&t.runs) == 2);
    assert_int_equal(flight_info(t.f).calls, 2);
    gate_open(&t.gate);
    for (size_t i = 0; i < LENGTH(a); i++)
        ends_with(&a[i], CCP_OK, 1);
    ends_with(&other, CCP_OK, 2);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

/* --- channels --- */

TEST(a_result_can_be_received) /* D2 D4 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_chan *ch[3];
    long_result r;
    actor a;
    for (size_t i = 0; i < LENGTH(ch); i++)
        ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch[i]), CCP_OK);
    a = (actor){ .arg = &t, .w = CCP_FOREVER };
    actor_start(&a, do_it);
    WAIT_UNTIL(flight_info(t.f).waiting == 1);
    assert_int_equal(flight_info(t.f).chans, 3);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch[0]), CCP_OK); /* it was the first */
    ASSERT_STATUS(ccp_chan_recv(ch[1], &r, CCP_NOWAIT), CCP_AGAIN);
    gate_open(&t.gate);
    for (size_t i = 1; i < LENGTH(ch); i++) {
        ASSERT_STATUS(ccp_chan_recv(ch[i], &r, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(r.status, CCP_OK);
        assert_true(r.shared);
        assert_int_equal(r.value, 1);
        ASSERT_STATUS(ccp_chan_recv(ch[i], &r, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_flight_leave(t.f, ch[i]), CCP_OK);
    }
    ends_with(&a, CCP_OK, 1);
    assert_int_equal(t.runs, 1);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

TEST(a_failure_can_be_received)
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT, .rc = CCP_FAILED };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_chan *ch;
    long_result r;
    gate_open(&t.gate);
    ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_recv(ch, &r, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(r.status, CCP_FAILED);
    assert_false(r.shared);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

TEST(a_channel_is_not_freed_while_somebody_receives)
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_chan *ch;
    ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch), CCP_OK);
    actor a = { .ch = ch, .w = CCP_FOREVER };
    actor_start(&a, actor_recv_long);
    actor_sleep_here(&a);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch), CCP_BUSY);
    ASSERT_STATUS(ccp_chan_close(ch), CCP_OK);
    actor_join(&a);
    ASSERT_STATUS(a.rc, CCP_CLOSED);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch), CCP_OK);
    gate_open(&t.gate);
    WAIT_UNTIL(flight_info(t.f).calls == 0);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

/* --- ownership --- */

static atomic_long strings, copies, drops;

static ccp_status make_string(void *result, void *arg)
{
    task *t = arg;
    gate_pass(&t->gate);
    char *s = malloc(8);
    MUST(s);
    memcpy(s, "a value", 8);
    atomic_fetch_add(&strings, 1);
    *(char **)result = s;
    return CCP_OK;
}

static void copy_string(void *to, const void *from, void *arg)
{
    const char *s = *(char *const *)from;
    MUST(arg == &copies);
    char *copy = malloc(strlen(s) + 1);
    MUST(copy);
    memcpy(copy, s, strlen(s) + 1);
    atomic_fetch_add(&copies, 1);
    *(char **)to = copy;
}

static void free_string(void *result, void *arg)
{
    MUST(arg == &copies);
    free(*(char **)result);
    atomic_fetch_add(&drops, 1);
}

static void take_string(actor *a)
{
    task *t = a->arg;
    const ccp_flight_call c = { .key = "key", .len = 3, .fn = make_string, .arg = t };
    char *s = NULL;
    actor_calls(a);
    a->rc = ccp_flight_do(t->f, &c, a->index ? &s : NULL, NULL, CCP_FOREVER);
    MUST(!s == !a->index);
    MUST(!s || strcmp(s, "a value") == 0);
    free(s); /* its own */
}

TEST(every_caller_owns_what_it_got) /* D6 */
{
    for (size_t n = 1; n <= 4; n++)
        for (size_t unwanted = 0; unwanted <= n; unwanted++) {
            atomic_store(&strings, 0);
            atomic_store(&copies, 0);
            atomic_store(&drops, 0);
            task t = { .gate = GATE_INIT };
            t.f = ccp_flight_make(&(ccp_flight_opts){ .result_size = sizeof(char *),
                                                      .copy = copy_string,
                                                      .drop = free_string,
                                                      .arg = &copies });
            actor a[4];
            for (size_t i = 0; i < n; i++) {
                a[i] = (actor){ .arg = &t, .index = i >= unwanted };
                actor_start(&a[i], take_string);
            }
            WAIT_UNTIL(flight_info(t.f).waiting == n - 1);
            gate_open(&t.gate);
            for (size_t i = 0; i < n; i++) {
                actor_join(&a[i]);
                ASSERT_STATUS(a[i].rc, CCP_OK);
            }
            assert_int_equal(strings, 1);
            assert_int_equal(strings + copies, (long)(n - unwanted) + drops);
            ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
        }
}

TEST(what_nobody_receives_is_dropped) /* D6 */
{
    for (int when = 0; when < 3; when++) {
        atomic_store(&strings, 0);
        atomic_store(&copies, 0);
        atomic_store(&drops, 0);
        task t = { .gate = GATE_INIT };
        t.f = ccp_flight_make(&(ccp_flight_opts){ .result_size = sizeof(char *),
                                                  .copy = copy_string,
                                                  .drop = free_string,
                                                  .arg = &copies });
        const ccp_flight_call c = { .key = "key", .len = 3, .fn = make_string, .arg = &t };
        ccp_chan *ch[2];
        ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch[0]), CCP_OK);
        ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch[1]), CCP_OK);
        if (when == 0) /* before the result is there; else at about the same time; or after */
            ASSERT_STATUS(ccp_flight_leave(t.f, ch[0]), CCP_OK);
        gate_open(&t.gate);
        if (when == 2)
            WAIT_UNTIL(ccp_chan_is_closed(ch[0]) && ccp_chan_is_closed(ch[1]));
        if (when > 0)
            ASSERT_STATUS(ccp_flight_leave(t.f, ch[0]), CCP_OK);
        ASSERT_STATUS(ccp_flight_leave(t.f, ch[1]), CCP_OK);
        WAIT_UNTIL(flight_info(t.f).calls == 0);
        ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
        assert_int_equal(strings, 1);
        assert_int_equal(strings + copies, drops);
    }
}

/* --- freeing --- */

static gate *opened_by_who_frees; /* NULL: none */
static atomic_int results_copied;

void __real_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries)
{
    if (opened_by_who_frees)
        gate_open(opened_by_who_frees);
    __real_ccpi_backoff(tries);
}

static void copy_second_slowly(void *to, const void *from, void *arg)
{
    if (atomic_fetch_add(&results_copied, 1) == 1)
        gate_pass(arg);
    *(long *)to = *(const long *)from;
}

TEST(freeing_waits_for_who_still_hands_out_the_result)
{
    gate g = GATE_INIT;
    ccp_flight *f = ccp_flight_make(&(ccp_flight_opts){
        .result_size = sizeof(long), .copy = copy_second_slowly, .arg = &g });
    task t = { .f = f, .gate = GATE_INIT };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_chan *ch[2];
    for (size_t i = 0; i < LENGTH(ch); i++)
        ASSERT_STATUS(ccp_flight_do_chan(f, &c, &ch[i]), CCP_OK);
    gate_open(&t.gate);
    WAIT_UNTIL(atomic_load(&g.arrived) == 1);
    for (size_t i = 0; i < LENGTH(ch); i++)
        ASSERT_STATUS(ccp_flight_leave(f, ch[i]), CCP_OK);
    opened_by_who_frees = &g;
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
    opened_by_who_frees = NULL;
    assert_int_equal(results_copied, 2);
}

/* --- when there is too little --- */

static ccp_status do_once(ccp_flight *f, task *t)
{
    const ccp_flight_call c = call_of(t, "key");
    long v = 0;
    return ccp_flight_do(f, &c, &v, NULL, CCP_FOREVER);
}

static ccp_status do_chan_once(ccp_flight *f, task *t)
{
    const ccp_flight_call c = call_of(t, "key");
    ccp_chan *ch = NULL;
    ccp_status rc = ccp_flight_do_chan(f, &c, &ch);
    if (rc == CCP_OK) {
        ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_flight_leave(f, ch), CCP_OK);
    } else
        assert_null(ch);
    return rc;
}

TEST(without_memory_nothing_runs_and_nothing_leaks) /* G4 */
{
    ccp_status (*const calls[])(ccp_flight *f, task *t) = { do_once, do_chan_once };
    for (size_t k = 0; k < LENGTH(calls); k++)
        for (size_t n = 1;; n++) {
            task t = { .gate = GATE_INIT };
            gate_open(&t.gate);
            memory_watch();
            ccp_flight *f = ccp_flight_new(sizeof(long));
            memory_fail_at(n);
            ccp_status rc = calls[k](f, &t);
            memory_fail_at(0);
            assert_int_equal(t.runs, rc == CCP_OK);
            ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
            assert_int_equal(memory_live, 0);
            memory_unwatch();
            if (rc == CCP_OK)
                break;
            ASSERT_STATUS(rc, CCP_NOMEM);
            assert_true(n < 10);
        }
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_flight_new(1));
    memory_unwatch();
}

TEST(more_keys_than_there_are_lists_are_kept_apart) /* D8 */
{
    enum { KEYS = 80 };
    ccp_flight *f = ccp_flight_new(sizeof(long));
    gate g = GATE_INIT;
    static char key[KEYS][8];
    static ccp_chan *ch[KEYS];
    for (int i = 0; i < KEYS; i++) {
        int len = snprintf(key[i], sizeof key[i], "%d", i);
        const ccp_flight_call c = { key[i], (size_t)len, pass_without_result, &g };
        ASSERT_STATUS(ccp_flight_do_chan(f, &c, &ch[i]), CCP_OK);
    }
    assert_int_equal(flight_info(f).calls, KEYS);
    gate_open(&g);
    for (int i = 0; i < KEYS; i++) {
        ASSERT_STATUS(ccp_chan_recv(ch[i], NULL, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_flight_leave(f, ch[i]), CCP_OK);
    }
    assert_int_equal(g.arrived, KEYS);
    ASSERT_STATUS(ccp_flight_free(f), CCP_OK);
}

TEST(a_channel_may_be_canceled_before_the_result_is_there) /* D5 */
{
    task t = { .f = ccp_flight_new(sizeof(long)), .gate = GATE_INIT };
    const ccp_flight_call c = call_of(&t, "key");
    ccp_chan *ch;
    ASSERT_STATUS(ccp_flight_do_chan(t.f, &c, &ch), CCP_OK);
    ASSERT_STATUS(ccp_chan_cancel(ch), CCP_OK);
    gate_open(&t.gate);
    WAIT_UNTIL(flight_info(t.f).calls == 0);
    ASSERT_STATUS(ccp_chan_recv(ch, NULL, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_flight_leave(t.f, ch), CCP_OK);
    ASSERT_STATUS(ccp_flight_free(t.f), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(arguments_that_cannot_be_right_are_refused),
        ENTRY(without_key_and_result_there_is_still_one_call),
        ENTRY(a_drop_needs_a_copy),
        ENTRY(one_call_for_all_who_come_meanwhile),
        ENTRY(a_failure_is_for_all),
        ENTRY(who_leaves_takes_nothing_from_the_others),
        ENTRY(the_same_key_from_inside_is_a_deadlock_another_is_not),
        ENTRY(keys_are_bytes),
        ENTRY(more_keys_than_there_are_lists_are_kept_apart),
        ENTRY(a_channel_may_be_canceled_before_the_result_is_there),
        ENTRY(a_forgotten_call_goes_on_beside_a_new_one),
        ENTRY(a_result_can_be_received),
        ENTRY(a_failure_can_be_received),
        ENTRY(a_channel_is_not_freed_while_somebody_receives),
        ENTRY(every_caller_owns_what_it_got),
        ENTRY(what_nobody_receives_is_dropped),
        ENTRY(freeing_waits_for_who_still_hands_out_the_result),
        ENTRY(without_memory_nothing_runs_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("flight", tests, NULL, NULL);
}
