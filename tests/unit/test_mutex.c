/* SPDX-License-Identifier: MIT
 *
 * Mutexes and reader-writer locks.  The last part holds what the tests of Go's sync.Mutex and
 * sync.RWMutex check (ports.md).
 */
#include "support.h"

#include "block/tuning.h"

typedef struct lock_call {
    ccp_mutex *mu;
    ccp_rwlock *rw; /* or this */
    bool writes;
    atomic_long *order;
    long *seen; /* plain: the race detector watches it */
} lock_call;

static ccp_status lock(lock_call *c, ccp_wait w)
{
    if (c->mu)
        return ccp_mutex_lock(c->mu, w);
    return c->writes ? ccp_rwlock_wrlock(c->rw, w) : ccp_rwlock_rdlock(c->rw, w);
}

static ccp_status unlock(lock_call *c)
{
    if (c->mu)
        return ccp_mutex_unlock(c->mu);
    return c->writes ? ccp_rwlock_wrunlock(c->rw) : ccp_rwlock_rdunlock(c->rw);
}

static void lock_there(actor *a)
{
    lock_call *c = a->arg;
    actor_calls(a);
    a->rc = lock(c, a->w);
    if (a->rc == CCP_OK && c->order)
        a->value = atomic_fetch_add(c->order, 1);
    if (a->rc == CCP_OK && c->seen)
        a->value = *c->seen;
}

static void start_lock(actor *a, lock_call *c, ccp_wait w)
{
    *a = (actor){ .arg = c, .w = w };
    actor_start(a, lock_there);
}

static void line_up(actor *a, lock_call *c, ccp_wait w)
{
    start_lock(a, c, w);
    actor_sleep_here(a);
}

static void joins_with(actor *a, ccp_status rc)
{
    actor_join(a);
    ASSERT_STATUS(a->rc, rc);
}

static void is_as_new(const ccp_mutex *mu)
{
    assert_int_equal(mu->line_.state_, 0);
    assert_null(mu->line_.first_);
    assert_null(mu->line_.last_);
}

TEST(null_arguments_are_refused) /* G2 */
{
    ASSERT_STATUS(ccp_mutex_lock(NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_mutex_unlock(NULL), CCP_INVAL);
    assert_false(ccp_mutex_is_locked(NULL));
    ASSERT_STATUS(ccp_rwlock_rdlock(NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rwlock_wrlock(NULL, CCP_NOWAIT), CCP_INVAL);
    ASSERT_STATUS(ccp_rwlock_rdunlock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rwlock_wrunlock(NULL), CCP_INVAL);
}

TEST(a_mutex_is_held_by_one) /* M1 M4 */
{
    ccp_mutex mu = CCP_MUTEX_INIT, zero;
    memset(&zero, 0, sizeof zero);
    ccp_mutex *both[] = { &mu, &zero };
    for (size_t i = 0; i < LENGTH(both); i++)
        for (int round = 0; round < 3; round++) {
            assert_false(ccp_mutex_is_locked(both[i]));
            ASSERT_STATUS(ccp_mutex_lock(both[i], CCP_FOREVER), CCP_OK);
            assert_true(ccp_mutex_is_locked(both[i]));
            ASSERT_STATUS(ccp_mutex_lock(both[i], CCP_NOWAIT), CCP_AGAIN);
            ASSERT_STATUS(ccp_mutex_lock(both[i], ccp_within(CCP_US(100))), CCP_TIMEOUT);
            ASSERT_STATUS(ccp_mutex_unlock(both[i]), CCP_OK);
            ASSERT_STATUS(ccp_mutex_unlock(both[i]), CCP_MISUSE);
        }
}

TEST(another_thread_may_unlock)
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    lock_call c = { .mu = &mu };
    actor a;
    start_lock(&a, &c, CCP_FOREVER);
    joins_with(&a, CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
}

TEST(the_next_sees_what_was_done_before)
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call calls[] = { { .mu = &mu }, { .rw = &rw }, { .rw = &rw, .writes = true } };
    for (size_t round = 0; round < scaled(300); round++) {
        long work = 0;
        lock_call *c = &calls[round % 3];
        actor a;
        c->seen = &work;
        ASSERT_STATUS(c->mu ? ccp_mutex_lock(&mu, CCP_NOWAIT) : ccp_rwlock_wrlock(&rw, CCP_NOWAIT),
                      CCP_OK);
        start_lock(&a, c, CCP_FOREVER);
        if (round % 2)
            actor_sleep_here(&a);
        work = 42;
        ASSERT_STATUS(c->mu ? ccp_mutex_unlock(&mu) : ccp_rwlock_wrunlock(&rw), CCP_OK);
        joins_with(&a, CCP_OK);
        assert_int_equal(a.value, 42);
        ASSERT_STATUS(unlock(c), CCP_OK);
    }
}

TEST(who_waits_for_a_mutex_gets_it_one_after_the_other) /* M1 */
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    atomic_long order = 0;
    lock_call c = { .mu = &mu, .order = &order };
    actor a[4];
    ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], &c, i % 2 ? CCP_FOREVER : ccp_within(CCP_SEC(1000)));
    for (size_t i = 0; i < LENGTH(a); i++) {
        ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
        joins_with(&a[i], CCP_OK);
        assert_int_equal(a[i].value, i);
        assert_true(ccp_mutex_is_locked(&mu));
    }
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_MISUSE);
}

TEST(who_gives_up_in_the_line_is_passed_over) /* W4 */
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    lock_call c = { .mu = &mu };
    actor a[3];
    ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], &c, i == 2 ? CCP_FOREVER : ccp_with(ctx));
    ccp_ctx_cancel(ctx);
    joins_with(&a[0], CCP_CANCELED);
    joins_with(&a[1], CCP_CANCELED);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
    joins_with(&a[2], CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
    assert_false(ccp_mutex_is_locked(&mu));
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(a_line_that_all_have_left_leaves_no_trace) /* W4 */
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    lock_call c = { .mu = &mu };
    actor a[2];
    ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        start_lock(&a[i], &c, ccp_within(CCP_MS(1)));
    for (size_t i = 0; i < LENGTH(a); i++)
        joins_with(&a[i], CCP_TIMEOUT);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
    is_as_new(&mu);
}

/* --- a thread that keeps the mutex but for moments --- */

typedef struct greedy {
    ccp_mutex mu;
    atomic_bool stop;
    atomic_long turns;
} greedy;

static void keep_locking(actor *a)
{
    greedy *g = a->arg;
    while (!atomic_load(&g->stop)) {
        MUST(ccp_mutex_lock(&g->mu, CCP_FOREVER) == CCP_OK);
        int64_t end = ccp_now() + CCP_US(100);
        while (ccp_now() < end)
            continue;
        atomic_fetch_add(&g->turns, 1);
        MUST(ccp_mutex_unlock(&g->mu) == CCP_OK);
    }
}

/* How many turns others had while the caller waited, at most, over some waits. */
static long most_overtaken(greedy *g, size_t waits)
{
    long most = 0;
    for (size_t i = 0; i < waits; i++) {
        long before = atomic_load(&g->turns);
        WAIT_UNTIL(atomic_load(&g->turns) > before);
        before = atomic_load(&g->turns);
        ASSERT_STATUS(ccp_mutex_lock(&g->mu, CCP_FOREVER), CCP_OK);
        long turns = atomic_load(&g->turns) - before;
        most = turns > most ? turns : most;
        ASSERT_STATUS(ccp_mutex_unlock(&g->mu), CCP_OK);
    }
    return most;
}

TEST(go_mutex_fairness) /* M2 */
{
    greedy g = { .mu = CCP_MUTEX_INIT };
    actor a[2];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &g };
        actor_start(&a[i], keep_locking);
    }
    long most = most_overtaken(&g, scaled(50));
    atomic_store(&g.stop, true);
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    print_message("overtaken %ld times at most\n", most);
}

TEST(a_starving_mutex_is_handed_over) /* M2 */
{
    int64_t starved = ccpi_tuning.starved;
    ccpi_tuning.starved = 0; /* whoever was woken in vain has starved */
    greedy g = { .mu = CCP_MUTEX_INIT };
    actor a[3];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &g };
        actor_start(&a[i], keep_locking);
    }
    (void)most_overtaken(&g, scaled(50));
    atomic_store(&g.stop, true);
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    ccpi_tuning.starved = starved;
    is_as_new(&g.mu);
}

/* --- the memory may go --- */

typedef struct object {
    ccp_mutex mu;
    int users;
} object;

static void let_go(actor *a)
{
    object *o = a->arg;
    MUST(ccp_mutex_lock(&o->mu, CCP_FOREVER) == CCP_OK);
    bool last = --o->users == 0;
    MUST(ccp_mutex_unlock(&o->mu) == CCP_OK);
    if (last) {
        memset(o, 0xee, sizeof *o);
        free(o); /* ASan and TSan watch */
    }
}

TEST(the_last_user_may_free_the_mutex) /* M5 */
{
    for (size_t round = 0; round < scaled(1000); round++) {
        object *o = calloc(1, sizeof *o);
        actor a[3];
        o->users = LENGTH(a);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = o };
            actor_start(&a[i], let_go);
        }
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
    }
}

typedef struct shelf {
    ccp_rwlock rw;
    atomic_int users;
} shelf;

static void read_and_let_go(actor *a)
{
    shelf *s = a->arg;
    MUST(ccp_rwlock_rdunlock(&s->rw) == CCP_OK);
}

TEST(who_has_locked_for_writing_may_free_the_lock) /* M5 */
{
    for (size_t round = 0; round < scaled(1000); round++) {
        shelf *s = calloc(1, sizeof *s);
        actor a[2];
        for (size_t i = 0; i < LENGTH(a); i++)
            ASSERT_STATUS(ccp_rwlock_rdlock(&s->rw, CCP_NOWAIT), CCP_OK);
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = s };
            actor_start(&a[i], read_and_let_go);
        }
        ASSERT_STATUS(ccp_rwlock_wrlock(&s->rw, CCP_FOREVER), CCP_OK);
        memset(s, 0xee, sizeof *s);
        free(s); /* ASan and TSan watch */
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
    }
}

/* --- reader-writer locks --- */

TEST(readers_share_and_writers_exclude) /* M1 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    for (int round = 0; round < 3; round++) {
        ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rwlock_rdlock(&rw, ccp_within(CCP_US(100))), CCP_TIMEOUT);
        ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
    }
}

TEST(a_writer_that_waits_keeps_new_readers_out) /* M3 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call writer = { .rw = &rw, .writes = true };
    actor a;
    ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_OK);
    line_up(&a, &writer, CCP_FOREVER);
    ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    joins_with(&a, CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
}

TEST(a_writer_that_gives_up_lets_the_readers_behind_it_in) /* M3 W4 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call writer = { .rw = &rw, .writes = true }, reader = { .rw = &rw };
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    actor a, b[2];
    ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_OK);
    line_up(&a, &writer, ccp_with(ctx));
    for (size_t i = 0; i < LENGTH(b); i++)
        line_up(&b[i], &reader, CCP_FOREVER);
    ccp_ctx_cancel(ctx);
    joins_with(&a, CCP_CANCELED);
    for (size_t i = 0; i < LENGTH(b); i++)
        joins_with(&b[i], CCP_OK);
    for (size_t i = 0; i < 3; i++)
        ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

TEST(both_sides_are_served_in_the_order_of_coming) /* M3 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call writer = { .rw = &rw, .writes = true }, reader = { .rw = &rw };
    actor a[5]; /* r r W r W */
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
    for (size_t i = 0; i < LENGTH(a); i++)
        line_up(&a[i], i == 2 || i == 4 ? &writer : &reader, CCP_FOREVER);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
    joins_with(&a[0], CCP_OK); /* together */
    joins_with(&a[1], CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    assert_false(actor_is_done(&a[2]));
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    joins_with(&a[2], CCP_OK);
    assert_false(actor_is_done(&a[3]));
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
    joins_with(&a[3], CCP_OK);
    assert_false(actor_is_done(&a[4]));
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    joins_with(&a[4], CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
}

/* --- neither side starves: with 4 threads of the other side, which never leave a gap --- */

typedef struct sides {
    ccp_rwlock rw;
    bool writes; /* the many */
    atomic_bool stop;
    atomic_long turns;
} sides;

static void never_leave_a_gap(actor *a)
{
    sides *s = a->arg;
    lock_call c = { .rw = &s->rw, .writes = s->writes };
    while (!atomic_load(&s->stop)) {
        MUST(lock(&c, CCP_FOREVER) == CCP_OK);
        atomic_fetch_add(&s->turns, 1);
        MUST(unlock(&c) == CCP_OK);
    }
}

TEST(neither_side_starves) /* M3 */
{
    for (int writes = 0; writes < 2; writes++) {
        sides s = { .writes = writes };
        lock_call other = { .rw = &s.rw, .writes = !writes };
        actor a[4];
        for (size_t i = 0; i < LENGTH(a); i++) {
            a[i] = (actor){ .arg = &s };
            actor_start(&a[i], never_leave_a_gap);
        }
        for (size_t round = 0; round < scaled(50); round++) {
            long before = atomic_load(&s.turns);
            WAIT_UNTIL(atomic_load(&s.turns) > before);
            ASSERT_STATUS(lock(&other, CCP_FOREVER), CCP_OK);
            ASSERT_STATUS(unlock(&other), CCP_OK);
        }
        atomic_store(&s.stop, true);
        for (size_t i = 0; i < LENGTH(a); i++)
            actor_join(&a[i]);
    }
}

/* --- what the tests of Go's sync.Mutex and sync.RWMutex check --- */

typedef struct hammer {
    lock_call c;
    size_t rounds;
    atomic_int activity; /* 1 per reader, 10000 per writer */
    long count;          /* plain; writers only */
} hammer;

static void strike(actor *a)
{
    hammer *h = a->arg;
    lock_call c = h->c;
    c.writes = a->index < 2;
    int mine = c.writes ? 10000 : 1;
    for (size_t i = 0; i < h->rounds; i++) {
        MUST(lock(&c, CCP_FOREVER) == CCP_OK);
        int n = atomic_fetch_add(&h->activity, mine) + mine;
        MUST(c.writes ? n == 10000 : n >= 1 && n < 10000);
        if (c.writes)
            h->count++;
        atomic_fetch_sub(&h->activity, mine);
        MUST(unlock(&c) == CCP_OK);
    }
}

static void hammer_with(hammer *h, size_t n)
{
    actor a[12];
    MUST(n <= LENGTH(a));
    for (size_t i = 0; i < n; i++) {
        a[i] = (actor){ .arg = h, .index = h->c.mu ? 0 : i };
        actor_start(&a[i], strike);
    }
    for (size_t i = 0; i < n; i++)
        actor_join(&a[i]);
}

TEST(go_mutex) /* M1 */
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    hammer h = { .c = { .mu = &mu }, .rounds = scaled(1000) };
    hammer_with(&h, 10);
    assert_int_equal(h.count, 10 * h.rounds);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_MISUSE);
}

TEST(go_rw_mutex) /* M1 */
{
    static const size_t readers[] = { 1, 3, 5, 10 };
    for (size_t i = 0; i < LENGTH(readers); i++) {
        ccp_rwlock rw = CCP_RWLOCK_INIT;
        hammer h = { .c = { .rw = &rw }, .rounds = scaled(1000) };
        hammer_with(&h, 2 + readers[i]);
        assert_int_equal(h.count, 2 * h.rounds);
        ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
    }
}

TEST(go_mutex_misuse) /* M4 */
{
    ccp_mutex mu = CCP_MUTEX_INIT;
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_MISUSE);
    ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
    ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_rdlock(&rw, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_rdunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rw), CCP_MISUSE);
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
}

TEST(go_parallel_readers) /* M1 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call c = { .rw = &rw };
    actor a[4];
    for (size_t i = 0; i < LENGTH(a); i++)
        start_lock(&a[i], &c, CCP_FOREVER);
    for (size_t i = 0; i < LENGTH(a); i++)
        joins_with(&a[i], CCP_OK); /* all have it at once */
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_AGAIN);
    for (size_t i = 0; i < LENGTH(a); i++)
        ASSERT_STATUS(unlock(&c), CCP_OK);
    ASSERT_STATUS(ccp_rwlock_wrlock(&rw, CCP_NOWAIT), CCP_OK);
}

TEST(go_r_locker) /* M1 */
{
    ccp_rwlock rw = CCP_RWLOCK_INIT;
    lock_call writer = { .rw = &rw, .writes = true }, reader = { .rw = &rw };
    for (int i = 0; i < 10; i++) {
        actor a, b;
        ASSERT_STATUS(lock(&reader, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(lock(&reader, CCP_NOWAIT), CCP_OK);
        line_up(&a, &writer, CCP_FOREVER);
        ASSERT_STATUS(unlock(&reader), CCP_OK);
        assert_false(actor_is_done(&a));
        ASSERT_STATUS(unlock(&reader), CCP_OK);
        joins_with(&a, CCP_OK);
        line_up(&b, &reader, CCP_FOREVER);
        assert_false(actor_is_done(&b));
        ASSERT_STATUS(unlock(&writer), CCP_OK);
        joins_with(&b, CCP_OK);
        ASSERT_STATUS(unlock(&reader), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(a_mutex_is_held_by_one),
        ENTRY(another_thread_may_unlock),
        ENTRY(the_next_sees_what_was_done_before),
        ENTRY(who_waits_for_a_mutex_gets_it_one_after_the_other),
        ENTRY(who_gives_up_in_the_line_is_passed_over),
        ENTRY(a_line_that_all_have_left_leaves_no_trace),
        ENTRY(go_mutex_fairness),
        ENTRY(a_starving_mutex_is_handed_over),
        ENTRY(the_last_user_may_free_the_mutex),
        ENTRY(who_has_locked_for_writing_may_free_the_lock),
        ENTRY(readers_share_and_writers_exclude),
        ENTRY(a_writer_that_waits_keeps_new_readers_out),
        ENTRY(a_writer_that_gives_up_lets_the_readers_behind_it_in),
        ENTRY(both_sides_are_served_in_the_order_of_coming),
        ENTRY(neither_side_starves),
        ENTRY(go_mutex),
        ENTRY(go_rw_mutex),
        ENTRY(go_mutex_misuse),
        ENTRY(go_parallel_readers),
        ENTRY(go_r_locker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
