/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers and budgets, with real threads.
 */
#include "breakers.h"

enum { THREADS = 10, CALLS = 10000 };

typedef struct crowd {
    ccp_breaker *b;
    ccp_retry_budget *budget;
    size_t calls;
    atomic_size_t count[4]; /* of the program's own: successes, failures, excluded, refused */
    atomic_int probing, most_probing;
    atomic_bool over;
} crowd;

static void run_crowd(crowd *c, void (*fn)(actor *))
{
    actor a[THREADS];
    c->calls = scaled(CALLS);
    for (size_t i = 0; i < THREADS; i++) {
        a[i] = (actor){ .arg = c, .index = i };
        actor_start(&a[i], fn);
    }
    for (size_t i = 0; i < THREADS; i++)
        actor_join(&a[i]);
}

static void succeed_and_exclude(actor *a)
{
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls; i++)
        MUST(breaker_call(c->b, i % 2 ? CCP_CANCELED : CCP_OK) == CCP_OK);
}

TEST(what_threads_count_at_the_same_time_is_exact) /* Q4 */
{
    crowd c = { .b = breaker_with(&(ccp_breaker_opts){ .window_ns = CCP_SEC(1000) }) };
    run_crowd(&c, succeed_and_exclude);
    uint64_t half = c.calls * THREADS / 2;
    ASSERT_COUNTS(c.b, { half, 0, half, 0, half, 0 });
    ASSERT_STATUS(ccp_breaker_free(c.b), CCP_OK);
}

static void all_kinds(actor *a)
{
    static const ccp_status kinds[] = { CCP_OK, CCP_FAILED, CCP_CANCELED };
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls; i++) {
        size_t kind = i % 5 == 0 ? 1 : i % 7 == 0 ? 2 : 0;
        MUST(breaker_call(c->b, kinds[kind]) == CCP_OK);
        atomic_fetch_add(&c->count[kind], 1);
    }
}

TEST(failures_between_successes_are_counted_exactly_too) /* Q4 Q5 */
{
    const ccp_breaker_opts o = { .failures = UINT32_MAX,
                                 .window_ns = CCP_SEC(1000),
                                 .buckets = 10 };
    crowd c = { .b = breaker_with(&o) };
    run_crowd(&c, all_kinds);
    const ccp_breaker_counts n = breaker_info(c.b).counts;
    assert_int_equal(n.successes, c.count[0]);
    assert_int_equal(n.failures, c.count[1]);
    assert_int_equal(n.excluded, c.count[2]);
    ASSERT_STATUS(ccp_breaker_free(c.b), CCP_OK);
}

static void roll(actor *a)
{
    static const ccp_status kinds[] = { CCP_OK, CCP_FAILED, CCP_CANCELED };
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls; i++)
        MUST(breaker_call(c->b, kinds[i % 3]) == CCP_OK);
}

/* A success may come last, and stay when the others have rolled out. */
static bool nothing_counts(ccp_breaker *b)
{
    const ccp_breaker_counts n = breaker_info(b).counts;
    return n.successes == 0 && n.failures == 0 && n.excluded == 0;
}

TEST(a_window_that_rolls_all_the_time_never_shows_more_than_happened) /* Q5 */
{
    const ccp_breaker_opts o = { .failures = UINT32_MAX, .window_ns = CCP_US(50), .buckets = 5 };
    crowd c = { .b = breaker_with(&o) };
    run_crowd(&c, roll);
    const ccp_breaker_counts n = breaker_info(c.b).counts;
    assert_true(n.successes <= c.calls * THREADS && n.failures <= c.calls * THREADS);
    WAIT_UNTIL(nothing_counts(c.b));
    ASSERT_COUNTS(c.b, { 0 });
    ASSERT_STATUS(ccp_breaker_free(c.b), CCP_OK);
}

static void probe(actor *a)
{
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls / 10; i++) {
        ccp_breaker_ticket t;
        if (ccp_breaker_allow(c->b, &t) != CCP_OK) {
            atomic_fetch_add(&c->count[3], 1);
            continue;
        }
        int n = atomic_fetch_add(&c->probing, 1) + 1;
        if (n > atomic_load(&c->most_probing))
            atomic_store(&c->most_probing, n);
        MUST(n <= 3); /* Q2 */
        (void)ccp_now();
        atomic_fetch_sub(&c->probing, 1);
        MUST(ccp_breaker_done(c->b, t, CCP_CANCELED) == CCP_OK);
    }
}

TEST(half_open_never_more_are_let_through_at_once) /* Q2 */
{
    const ccp_breaker_opts o = { .probes = 3, .open_ns = CCP_SEC(1000) };
    crowd c = { .b = breaker_with(&o) };
    ASSERT_STATUS(ccp_breaker_set(c.b, CCP_BREAKER_HALF_OPEN, false), CCP_OK);
    run_crowd(&c, probe);
    assert_true(c.most_probing > 0);
    assert_int_equal(breaker_info(c.b).probing, 0);
    ASSERT_STATUS(ccp_breaker_free(c.b), CCP_OK);
}

/* The chain of changes.  Plain variables: the race detector sees that one is told at a time. */
typedef struct chain {
    ccp_breaker_state last;
    size_t told;
    bool broken;
} chain;

static void follow(const char *name, ccp_breaker_state from, ccp_breaker_state to, void *arg)
{
    chain *c = arg;
    (void)name;
    c->broken |= from != c->last || from == to;
    c->last = to;
    c->told++;
}

static void move_about(actor *a)
{
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls / 10; i++) {
        (void)breaker_call(c->b, i % 3 ? CCP_FAILED : CCP_OK);
        if (i % 50 == a->index)
            MUST(ccp_breaker_set(c->b, (ccp_breaker_state)(i % 3), false) == CCP_OK);
    }
}

TEST(changes_by_many_threads_are_told_as_one_chain) /* Q7 */
{
    chain told = { .last = CCP_BREAKER_CLOSED };
    const ccp_breaker_opts o = { .failures = 2, .open_ns = 500, .on_change = follow, .arg = &told };
    crowd c = { .b = breaker_with(&o) };
    run_crowd(&c, move_about);
    assert_true(told.told > 10 && !told.broken);
    ASSERT_STATUS(ccp_breaker_set(c.b, CCP_BREAKER_CLOSED, true), CCP_OK);
    assert_int_equal(told.last, CCP_BREAKER_CLOSED);
    ASSERT_STATUS(ccp_breaker_free(c.b), CCP_OK);
}

static void spend(actor *a)
{
    crowd *c = a->arg;
    for (size_t i = 0; i < c->calls; i++) {
        MUST(ccp_retry_budget_earn(c->budget) == CCP_OK);
        atomic_fetch_add(&c->count[0], ccp_retry_budget_spend(c->budget) == CCP_OK);
    }
}

TEST(threads_that_share_a_budget_do_not_pass_it) /* V6 */
{
    ccp_retry_budget budget = CCP_RETRY_BUDGET_INIT(10, 50);
    crowd c = { .budget = &budget };
    run_crowd(&c, spend);
    size_t calls = c.calls * THREADS;
    assert_true(c.count[0] <= 50 + calls / 10);
    assert_true(c.count[0] >= calls / 10); /* not a token is lost while it is spent all the time */
}

/* ---- What an attempt leaves behind ---- */

typedef struct leftover {
    ccp_ctx *ctx; /* of the wait */
    gate gate;    /* that the hook passes */
    ccp_hook hook;
    actor canceler;
    atomic_bool ran;
} leftover;

static gate *_Atomic opened_by_backoff;

/* Who waits for the end of the hook's function lets it end. */
void __real_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries);
void __wrap_ccpi_backoff(unsigned *tries)
{
    gate *g = atomic_exchange(&opened_by_backoff, NULL);
    if (g)
        gate_open(g);
    __real_ccpi_backoff(tries);
}

static void wait_in_hook(void *arg)
{
    leftover *l = arg;
    gate_pass(&l->gate);
    atomic_store(&l->ran, true);
}

static void cancel_it(actor *a)
{
    leftover *l = a->arg;
    ccp_ctx_cancel(l->ctx);
}

/* Returns while its hook runs in another thread. */
static ccp_status leave_hook_behind(ccp_ctx *ctx, void *arg)
{
    leftover *l = arg;
    MUST(ccp_ctx_hook(ctx, &l->hook, wait_in_hook, l) == CCP_OK);
    l->canceler = (actor){ .arg = l };
    actor_start(&l->canceler, cancel_it);
    WAIT_UNTIL(atomic_load(&l->gate.arrived) == 1);
    atomic_store(&opened_by_backoff, &l->gate);
    return CCP_OK;
}

TEST(a_call_does_not_return_before_what_it_left_under_its_context_has_ended)
{
    for (int retries = 0; retries < 2; retries++) {
        leftover l = { .ctx = ccp_ctx_new(NULL, CCP_FOREVER), .gate = GATE_INIT };
        ccp_wait w = ccp_under(l.ctx, ccp_within(CCP_SEC(1000)));
        ccp_breaker *b = breaker_with(NULL);
        if (retries)
            ASSERT_STATUS(ccp_retry(NULL, leave_hook_behind, &l, NULL, w), CCP_OK);
        else
            ASSERT_STATUS(ccp_breaker_run(b, leave_hook_behind, &l, NULL, w), CCP_OK);
        assert_true(l.ran);
        actor_join(&l.canceler);
        ASSERT_STATUS(ccp_ctx_unhook(&l.hook, CCP_FOREVER), CCP_CLOSED);
        ASSERT_STATUS(ccp_breaker_free(b), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(l.ctx), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(what_threads_count_at_the_same_time_is_exact),
        ENTRY(failures_between_successes_are_counted_exactly_too),
        ENTRY(a_window_that_rolls_all_the_time_never_shows_more_than_happened),
        ENTRY(half_open_never_more_are_let_through_at_once),
        ENTRY(changes_by_many_threads_are_told_as_one_chain),
        ENTRY(threads_that_share_a_budget_do_not_pass_it),
        ENTRY(a_call_does_not_return_before_what_it_left_under_its_context_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
