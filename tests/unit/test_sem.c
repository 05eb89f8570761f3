/* SPDX-License-Identifier: MIT
 *
 * Semaphores; test_go_sem.c holds what the tests of others check.
 */
#include "support.h"

typedef struct sem_call {
    ccp_sem *sem;
    unsigned n;
    atomic_long *order; /* who came when; NULL: nobody asks */
    long *seen;         /* plain: the race detector watches it */
} sem_call;

static void acquire_there(actor *a)
{
    sem_call *c = a->arg;
    actor_calls(a);
    a->rc = ccp_sem_acquire(c->sem, c->n, a->w);
    if (a->rc == CCP_OK && c->order)
        a->value = atomic_fetch_add(c->order, 1);
    if (a->rc == CCP_OK && c->seen)
        a->value = *c->seen;
}

static void start_acquire(actor *a, sem_call *c, ccp_wait w)
{
    *a = (actor){ .arg = c, .w = w };
    actor_start(a, acquire_there);
}

static void line_up(actor *a, sem_call *c, ccp_wait w)
{
    start_acquire(a, c, w);
    actor_sleep_here(a);
}

static void joins_with(actor *a, ccp_status rc)
{
    actor_join(a);
    ASSERT_STATUS(a->rc, rc);
}

TEST(zero_is_a_semaphore_without_permits)
{
    ccp_sem zero;
    memset(&zero, 0, sizeof zero);
    assert_int_equal(ccp_sem_cap(&zero), 0);
    ASSERT_STATUS(ccp_sem_acquire(&zero, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_sem_acquire(&zero, 0, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&zero, 1), CCP_MISUSE);
    ASSERT_STATUS(ccp_sem_add(&zero, 1), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&zero, 1, CCP_NOWAIT), CCP_OK);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ASSERT_STATUS(ccp_sem_acquire(NULL, 1, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_release(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_forget(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_add(NULL, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_close(NULL), CCP_INVAL);
    assert_int_equal(ccp_sem_available(NULL), 0);
    assert_int_equal(ccp_sem_cap(NULL), 0);
    assert_true(ccp_sem_is_closed(NULL));
}

TEST(permits_are_taken_and_given_back) /* N1 N5 */
{
    ccp_sem sem = CCP_SEM_INIT(5);
    for (int round = 0; round < 3; round++) {
        ASSERT_STATUS(ccp_sem_acquire(&sem, 2, CCP_NOWAIT), CCP_OK);
        assert_int_equal(ccp_sem_available(&sem), 3);
        ASSERT_STATUS(ccp_sem_acquire(&sem, 4, CCP_NOWAIT), CCP_AGAIN);
        assert_int_equal(ccp_sem_available(&sem), 3);
        ASSERT_STATUS(ccp_sem_acquire(&sem, 3, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_sem_release(&sem, 6), CCP_MISUSE);
        ASSERT_STATUS(ccp_sem_release(&sem, UINT32_MAX), CCP_MISUSE);
        assert_int_equal(ccp_sem_available(&sem), 0);
        ASSERT_STATUS(ccp_sem_release(&sem, 5), CCP_OK);
        ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_MISUSE);
        assert_int_equal(ccp_sem_available(&sem), 5);
    }
}

TEST(the_number_of_permits_has_an_upper_limit) /* G2 */
{
    ccp_sem sem = CCP_SEM_INIT(CCP_SEM_MAX);
    assert_int_equal(ccp_sem_cap(&sem), CCP_SEM_MAX);
    ASSERT_STATUS(ccp_sem_acquire(&sem, CCP_SEM_MAX, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, UINT32_MAX, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_sem_add(&sem, 1), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_add(&sem, UINT32_MAX), CCP_INVAL);
    assert_false(ccp_sem_is_closed(&sem));
    assert_int_equal(ccp_sem_cap(&sem), CCP_SEM_MAX);
    ASSERT_STATUS(ccp_sem_forget(&sem, 2), CCP_OK);
    ASSERT_STATUS(ccp_sem_add(&sem, 3), CCP_INVAL);
    ASSERT_STATUS(ccp_sem_add(&sem, 2), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 2);
}

TEST(permits_can_be_forgotten_and_added) /* N1 N5 */
{
    ccp_sem sem = CCP_SEM_INIT(3);
    ASSERT_STATUS(ccp_sem_forget(&sem, 1), CCP_MISUSE);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_sem_forget(&sem, 3), CCP_MISUSE);
    ASSERT_STATUS(ccp_sem_forget(&sem, 1), CCP_OK);
    assert_int_equal(ccp_sem_cap(&sem), 2);
    assert_int_equal(ccp_sem_available(&sem), 1);
    ASSERT_STATUS(ccp_sem_release(&sem, 2), CCP_MISUSE);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 2);
    ASSERT_STATUS(ccp_sem_add(&sem, 4), CCP_OK);
    assert_int_equal(ccp_sem_cap(&sem), 6);
    assert_int_equal(ccp_sem_available(&sem), 6);
}

TEST(a_release_is_seen_by_who_gets_the_permit)
{
    for (size_t round = 0; round < scaled(300); round++) {
        long work = 0;
        ccp_sem sem = CCP_SEM_INIT(1);
        sem_call c = { &sem, 1, NULL, &work };
        actor a;
        ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
        start_acquire(&a, &c, CCP_FOREVER);
        if (round % 2)
            actor_sleep_here(&a);
        work = 42;
        ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
        joins_with(&a, CCP_OK);
        assert_int_equal(a.value, 42);
    }
}

TEST(who_waits_is_served_in_the_order_of_coming) /* N2 */
{
    ccp_sem sem = CCP_SEM_INIT(3);
    atomic_long order = 0;
    sem_call one = { &sem, 1, &order, NULL }, two = { &sem, 2, &order, NULL };
    actor a[4];
    ASSERT_STATUS(ccp_sem_acquire(&sem, 3, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], i % 2 ? &one : &two, CCP_FOREVER);
    for (size_t i = 0; i < LENGTH(a); i++) {
        ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
        if (i % 2 == 0) { /* two are needed */
            assert_false(actor_is_done(&a[i]));
            ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
        }
        joins_with(&a[i], CCP_OK);
        assert_int_equal(a[i].value, i);
        ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_AGAIN);
        assert_int_equal(ccp_sem_available(&sem), 0);
        /* What it took comes back to the caller, for the next. */
    }
    ASSERT_STATUS(ccp_sem_release(&sem, 3), CCP_OK);
}

TEST(a_small_request_does_not_overtake_a_large_one) /* N2 */
{
    ccp_sem sem = CCP_SEM_INIT(4);
    sem_call large = { &sem, 4, NULL, NULL };
    actor a;
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
    line_up(&a, &large, CCP_FOREVER);
    assert_int_equal(ccp_sem_available(&sem), 3);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, ccp_within(CCP_US(50))), CCP_TIMEOUT);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 0, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    joins_with(&a, CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&sem, 4), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 4, CCP_NOWAIT), CCP_OK); /* nothing is left of it all */
}

TEST(one_release_serves_all_whom_it_can) /* N2 */
{
    ccp_sem sem = CCP_SEM_INIT(5);
    sem_call one = { &sem, 1, NULL, NULL }, three = { &sem, 3, NULL, NULL };
    actor a[4];
    ASSERT_STATUS(ccp_sem_acquire(&sem, 5, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], i == 2 ? &three : &one, CCP_FOREVER); /* 1 1 3 1 */
    ASSERT_STATUS(ccp_sem_release(&sem, 4), CCP_OK);
    joins_with(&a[0], CCP_OK);
    joins_with(&a[1], CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 2);
    assert_false(actor_is_done(&a[2]));
    assert_false(actor_is_done(&a[3])); /* behind the three */
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    joins_with(&a[2], CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    joins_with(&a[3], CCP_OK);
}

TEST(a_request_for_more_than_there_are_holds_up_nobody) /* N3 */
{
    ccp_sem sem = CCP_SEM_INIT(2);
    sem_call three = { &sem, 3, NULL, NULL }, one = { &sem, 1, NULL, NULL };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a, b;
    line_up(&a, &three, ccp_with(ctx));
    for (int i = 0; i < 10; i++) {
        ASSERT_STATUS(ccp_sem_acquire(&sem, 2, CCP_NOWAIT), CCP_OK);
        line_up(&b, &one, CCP_FOREVER);
        ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
        joins_with(&b, CCP_OK);
        ASSERT_STATUS(ccp_sem_release(&sem, 2), CCP_OK);
    }
    assert_false(actor_is_done(&a));
    ccp_ctx_cancel(ctx);
    joins_with(&a, CCP_CANCELED);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(added_permits_serve_who_asked_for_more_than_there_were) /* N3 */
{
    ccp_sem sem = CCP_SEM_INIT(2);
    sem_call three = { &sem, 3, NULL, NULL };
    actor a;
    line_up(&a, &three, CCP_FOREVER);
    ASSERT_STATUS(ccp_sem_add(&sem, 1), CCP_OK);
    joins_with(&a, CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 0);
    ASSERT_STATUS(ccp_sem_release(&sem, 3), CCP_OK);
}

TEST(a_request_that_can_be_served_no_more_lets_others_pass) /* N3 */
{
    ccp_sem sem = CCP_SEM_INIT(3);
    sem_call three = { &sem, 3, NULL, NULL }, two = { &sem, 2, NULL, NULL };
    actor a, b;
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
    line_up(&a, &three, CCP_FOREVER);
    line_up(&b, &two, CCP_FOREVER);
    ASSERT_STATUS(ccp_sem_forget(&sem, 1), CCP_OK); /* two are left, both free */
    joins_with(&b, CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&sem, 2), CCP_OK);
    ASSERT_STATUS(ccp_sem_close(&sem), CCP_OK);
    joins_with(&a, CCP_CLOSED);
}

TEST(who_stood_behind_a_request_that_gave_up_is_served) /* N4 */
{
    for (int cancels = 0; cancels < 2; cancels++) {
        ccp_sem sem = CCP_SEM_INIT(4);
        sem_call large = { &sem, 4, NULL, NULL }, small = { &sem, 1, NULL, NULL };
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        actor a, b[3];
        ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
        start_acquire(&a, &large, cancels ? ccp_with(ctx) : ccp_within(CCP_MS(400)));
        WAIT_UNTIL(actor_is_asleep(&a) || actor_is_done(&a)); /* done: the machine was too slow */
        for (size_t i = 0; i < LENGTH(b); i++)
            start_acquire(&b[i], &small, CCP_FOREVER);
        ccp_ctx_cancel(ctx);
        joins_with(&a, cancels ? CCP_CANCELED : CCP_TIMEOUT);
        for (size_t i = 0; i < LENGTH(b); i++)
            joins_with(&b[i], CCP_OK);
        assert_int_equal(ccp_sem_available(&sem), 0);
        ASSERT_STATUS(ccp_sem_release(&sem, 4), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
}

TEST(closing_releases_everybody_and_takes_back_what_is_out) /* N6 */
{
    ccp_sem sem = CCP_SEM_INIT(3);
    sem_call one = { &sem, 1, NULL, NULL }, five = { &sem, 5, NULL, NULL };
    actor a[4];
    ASSERT_STATUS(ccp_sem_acquire(&sem, 3, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], i % 2 ? &five : &one, CCP_FOREVER);
    assert_false(ccp_sem_is_closed(&sem));
    ASSERT_STATUS(ccp_sem_close(&sem), CCP_OK);
    ASSERT_STATUS(ccp_sem_close(&sem), CCP_CLOSED);
    assert_true(ccp_sem_is_closed(&sem));
    for (size_t i = 0; i < LENGTH(a); i++)
        joins_with(&a[i], CCP_CLOSED);
    ASSERT_STATUS(ccp_sem_release(&sem, 2), CCP_OK);
    assert_int_equal(ccp_sem_available(&sem), 2);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_FOREVER), CCP_CLOSED);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_MISUSE);
}

/* --- the memory of a semaphore may go as soon as all is taken --- */

static void give_back_one(actor *a)
{
    a->rc = ccp_sem_release(a->arg, 1);
}

TEST(who_has_taken_all_may_free_the_memory) /* N7 */
{
    for (size_t round = 0; round < scaled(2000); round++) {
        ccp_sem *sem = calloc(1, sizeof *sem);
        actor a[2];
        ASSERT_STATUS(ccp_sem_add(sem, 2), CCP_OK);
        ASSERT_STATUS(ccp_sem_acquire(sem, 2, CCP_NOWAIT), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = sem };
            actor_start(&a[i], give_back_one);
        }
        ASSERT_STATUS(ccp_sem_acquire(sem, 2, CCP_FOREVER), CCP_OK);
        memset(sem, 0xee, sizeof *sem);
        free(sem); /* ASan and TSan watch */
        for (size_t i = 0; i < LENGTH(a); i++)
            joins_with(&a[i], CCP_OK);
    }
}

/* --- a scope --- */

static int leave_by(ccp_sem *sem, int way)
{
    ccp_status rc;
    int runs = 0;
    for (int i = 0; i < 2; i++) {
        CCP_WITH_SEM(rc, sem, 2, CCP_NOWAIT)
        {
            runs++;
            assert_int_equal(ccp_sem_available(sem), 1);
            if (way == 1)
                break;
            if (way == 2)
                continue;
            if (way == 3)
                return runs;
            if (way == 4)
                goto out;
        }
        ASSERT_STATUS(rc, CCP_OK);
        assert_int_equal(ccp_sem_available(sem), 3);
    }
out:
    return runs;
}

TEST(a_scope_gives_back_however_it_is_left)
{
    ccp_sem sem = CCP_SEM_INIT(3);
    for (int way = 0; way < 5; way++) {
        assert_int_equal(leave_by(&sem, way), way < 3 ? 2 : 1);
        assert_int_equal(ccp_sem_available(&sem), 3);
    }
}

TEST(a_scope_that_cannot_be_entered_is_not_run)
{
    ccp_sem sem = CCP_SEM_INIT(1);
    ccp_status rc, inner = CCP_OK;
    CCP_WITH_SEM(rc, &sem, 1, CCP_FOREVER)
    {
        CCP_WITH_SEM(inner, &sem, 1, CCP_NOWAIT)
            fail();
        assert_int_equal(ccp_sem_available(&sem), 0);
    }
    ASSERT_STATUS(rc, CCP_OK);
    ASSERT_STATUS(inner, CCP_AGAIN);
    assert_int_equal(ccp_sem_available(&sem), 1);
    CCP_WITH_SEM(rc, NULL, 1, CCP_NOWAIT)
        fail();
    ASSERT_STATUS(rc, CCP_INVAL);
}

/* --- a channel whose elements carry nothing is the same --- */

typedef struct either {
    ccp_sem sem;
    ccp_chan *ch; /* NULL: the semaphore */
} either;

static ccp_status take(either *e, ccp_wait w)
{
    return e->ch ? ccp_chan_send(e->ch, NULL, w) : ccp_sem_acquire(&e->sem, 1, w);
}

static ccp_status give(either *e)
{
    return e->ch ? ccp_chan_recv(e->ch, NULL, CCP_NOWAIT) : ccp_sem_release(&e->sem, 1);
}

static size_t out_of(const either *e)
{
    return e->ch ? ccp_chan_len(e->ch) : ccp_sem_cap(&e->sem) - ccp_sem_available(&e->sem);
}

static ccp_status shut(either *e)
{
    return e->ch ? ccp_chan_close(e->ch) : ccp_sem_close(&e->sem);
}

static void take_there(actor *a)
{
    actor_calls(a);
    a->rc = take(a->arg, a->w);
}

/* Too many given back: misuse here, nothing to receive there. */
static bool is_refused(const either *e, ccp_status rc)
{
    return rc == (e->ch ? CCP_AGAIN : CCP_MISUSE);
}

static void behave(either *e)
{
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a[3];
    assert_true(is_refused(e, give(e)));
    for (size_t n = 1; n <= 3; n++) {
        ASSERT_STATUS(take(e, n == 1 ? CCP_FOREVER : CCP_NOWAIT), CCP_OK);
        assert_int_equal(out_of(e), n);
    }
    ASSERT_STATUS(take(e, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(take(e, ccp_within(CCP_US(100))), CCP_TIMEOUT);
    assert_int_equal(out_of(e), 3);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = e, .w = i == 1 ? ccp_with(ctx) : CCP_FOREVER };
        actor_start(&a[i], take_there);
        actor_sleep_here(&a[i]);
    }
    ccp_ctx_cancel(ctx);
    joins_with(&a[1], CCP_CANCELED);
    ASSERT_STATUS(take(e, ccp_with(ctx)), CCP_CANCELED);
    for (size_t i = 0; i < LENGTH(a); i += 2) {
        ASSERT_STATUS(give(e), CCP_OK);
        WAIT_UNTIL(actor_is_done(&a[0]) + actor_is_done(&a[2]) == (i == 0 ? 1 : 2));
        assert_int_equal(out_of(e), 3);
    }
    joins_with(&a[0], CCP_OK);
    joins_with(&a[2], CCP_OK);
    a[0] = (actor){ .arg = e, .w = CCP_FOREVER };
    actor_start(&a[0], take_there);
    actor_sleep_here(&a[0]);
    ASSERT_STATUS(shut(e), CCP_OK);
    ASSERT_STATUS(shut(e), CCP_CLOSED);
    joins_with(&a[0], CCP_CLOSED);
    ASSERT_STATUS(take(e, CCP_FOREVER), CCP_CLOSED);
    for (size_t n = 3; n-- > 0;) {
        ASSERT_STATUS(give(e), CCP_OK);
        assert_int_equal(out_of(e), n);
    }
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_channel_of_nothing_behaves_the_same)
{
    either sem = { CCP_SEM_INIT(3), NULL }, chan = { CCP_SEM_INIT(0), ccp_chan_new(0, 3) };
    behave(&sem);
    behave(&chan);
    assert_true(is_refused(&sem, give(&sem)));
    ASSERT_STATUS(ccp_chan_free(chan.ch), CCP_OK);
}

/* --- never more are taken than there are --- */

typedef struct crowd {
    ccp_sem sem;
    unsigned permits;
    size_t rounds;
    atomic_uint out, most;
} crowd;

static void note_most(crowd *c, unsigned n)
{
    unsigned out = atomic_fetch_add(&c->out, n) + n, most = atomic_load(&c->most);
    MUST(out <= c->permits);
    while (out > most && !atomic_compare_exchange_weak(&c->most, &most, out))
        continue;
}

static void come_and_go(actor *a)
{
    crowd *c = a->arg;
    uint64_t seed = a->index + 1;
    for (size_t i = 0; i < c->rounds; i++) {
        unsigned n = 1 + random_next(&seed) % c->permits;
        ccp_wait w = random_next(&seed) % 4 ? CCP_FOREVER : ccp_within(CCP_US(n * 10));
        ccp_status rc = ccp_sem_acquire(&c->sem, n, w);
        if (rc == CCP_TIMEOUT)
            continue;
        MUST(rc == CCP_OK);
        note_most(c, n);
        atomic_fetch_sub(&c->out, n);
        MUST(ccp_sem_release(&c->sem, n) == CCP_OK);
    }
}

TEST(never_more_are_taken_than_there_are) /* N1 */
{
    for (unsigned permits = 1; permits <= 7; permits += 3) {
        crowd c = { .permits = permits, .rounds = scaled(2000) };
        actor a[6];
        ASSERT_STATUS(ccp_sem_add(&c.sem, permits), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &c, .index = i };
            actor_start(&a[i], come_and_go);
        }
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
        assert_int_equal(ccp_sem_available(&c.sem), permits);
        ASSERT_STATUS(ccp_sem_acquire(&c.sem, permits, CCP_NOWAIT), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(zero_is_a_semaphore_without_permits),
        ENTRY(null_arguments_are_refused),
        ENTRY(permits_are_taken_and_given_back),
        ENTRY(the_number_of_permits_has_an_upper_limit),
        ENTRY(permits_can_be_forgotten_and_added),
        ENTRY(a_release_is_seen_by_who_gets_the_permit),
        ENTRY(who_waits_is_served_in_the_order_of_coming),
        ENTRY(a_small_request_does_not_overtake_a_large_one),
        ENTRY(one_release_serves_all_whom_it_can),
        ENTRY(a_request_for_more_than_there_are_holds_up_nobody),
        ENTRY(added_permits_serve_who_asked_for_more_than_there_were),
        ENTRY(a_request_that_can_be_served_no_more_lets_others_pass),
        ENTRY(who_stood_behind_a_request_that_gave_up_is_served),
        ENTRY(closing_releases_everybody_and_takes_back_what_is_out),
        ENTRY(who_has_taken_all_may_free_the_memory),
        ENTRY(a_scope_gives_back_however_it_is_left),
        ENTRY(a_scope_that_cannot_be_entered_is_not_run),
        ENTRY(a_channel_of_nothing_behaves_the_same),
        ENTRY(never_more_are_taken_than_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
