/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update.  Linked with --wrap for what the system may refuse.
 */
#include "support.h"

#include "base/fence.h"
#include "lockfree/rcu.h"

/* Each test with membarrier(), if there is, and without. */
static ccp_rcu *new_domain(int way, size_t max_pending)
{
    ccp_rcu *d =
        ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = max_pending, .no_membarrier = way == 1 });
    assert_non_null(d);
    return d;
}
#define EACH_WAY for (int way = 0; way < 2; way++)

static ccp_rcu_info rcu_info(const ccp_rcu *d)
{
    ccp_rcu_info info;
    MUST(ccp_rcu_get_info(d, &info) == CCP_OK);
    return info;
}

static bool no_fence, no_keys;
bool __real_ccpi_fence_everywhere(void);
bool __wrap_ccpi_fence_everywhere(void);
bool __wrap_ccpi_fence_everywhere(void)
{
    return !no_fence && __real_ccpi_fence_everywhere();
}

int __real_pthread_key_create(pthread_key_t *key, void (*fn)(void *));
STANDS_IN int __wrap_pthread_key_create(pthread_key_t *key, void (*fn)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*fn)(void *))
{
    return no_keys ? 11 : __real_pthread_key_create(key, fn);
}

static bool no_room;
int __real_pthread_setspecific(pthread_key_t key, const void *value);
STANDS_IN int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return no_room ? 12 : __real_pthread_setspecific(key, value);
}

static int told;
static void count_misuse(const char *call, const char *rule)
{
    MUST(strncmp(call, "ccp_rcu_", 8) == 0 && strlen(rule) > 5);
    told++;
}

static void count_call(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* ---- arguments, memory ---- */

TEST(null_arguments_are_refused)
{
    ccp_rcu_head h;
    ccp_rcu_info info;
    ccp_rcu *d = new_domain(0, 0);
    ASSERT_STATUS(ccp_rcu_read_lock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_read_unlock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_quiescent(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_register(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_unregister(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_synchronize(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_barrier(NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_defer(NULL, &h, count_call, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_defer(d, NULL, count_call, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_defer(d, &h, NULL, NULL, CCP_FOREVER), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_get_info(NULL, &info), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_get_info(d, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_free(NULL), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

TEST(what_cannot_be_had_makes_it_fail_and_leaks_nothing) /* G4 RU5 */
{
    memory_watch();
    memory_fail_at(1);
    assert_null(ccp_rcu_new(NULL));
    no_keys = true;
    assert_null(ccp_rcu_new(NULL));
    no_keys = false;
    ccp_rcu *d = new_domain(0, 0);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_NOMEM);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_MISUSE);
    memory_fail_at(1);
    ASSERT_STATUS(ccp_rcu_register(d), CCP_NOMEM);
    no_room = true;
    ASSERT_STATUS(ccp_rcu_register(d), CCP_NOMEM);
    no_room = false;
    assert_int_equal(rcu_info(d).threads, 0);
    ASSERT_STATUS(ccp_rcu_register(d), CCP_OK);
    memory_fail_from(1);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_register(d), CCP_OK);
    memory_fail_at(0);
    assert_int_equal(rcu_info(d).threads, 1);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    memory_unwatch();
}

static void read_once(actor *a)
{
    MUST(ccp_rcu_read_lock(a->arg) == CCP_OK);
    MUST(ccp_rcu_read_unlock(a->arg) == CCP_OK);
}

TEST(records_of_threads_that_have_ended_are_used_again) /* RU5 */
{
    EACH_WAY {
        memory_watch();
        ccp_rcu *d = new_domain(way, 0);
        for (int i = 0; i < 20; i++) {
            actor a = { .arg = d };
            actor_start(&a, read_once);
            actor_join(&a);
            assert_int_equal(rcu_info(d).threads, 0);
        }
        assert_int_equal(memory_calls, 2); /* one for the domain */
        ASSERT_STATUS(ccp_rcu_unregister(d), CCP_OK); /* it was not */
        ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
        ASSERT_STATUS(ccp_rcu_unregister(d), CCP_MISUSE);
        ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
        ASSERT_STATUS(ccp_rcu_unregister(d), CCP_OK);
        assert_int_equal(rcu_info(d).threads, 0);
        assert_int_equal(memory_calls, 2);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        memory_unwatch();
    }
}

/* ---- sections ---- */

TEST(sections_nest) /* RU3 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way, 0), *other = new_domain(way, 0);
        for (int i = 0; i < 3; i++) {
            ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
            ASSERT_STATUS(ccp_rcu_read_lock(other), CCP_OK);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(rcu_info(d).reading, 1);
            ASSERT_STATUS(ccp_rcu_free(d), CCP_BUSY);
            ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
            ASSERT_STATUS(ccp_rcu_read_unlock(other), CCP_OK);
        }
        assert_int_equal(rcu_info(d).reading, 0);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        assert_int_equal(rcu_info(other).threads, 1);
        ASSERT_STATUS(ccp_rcu_free(other), CCP_OK);
    }
}

TEST(misuse_of_sections_is_told) /* G2 */
{
    ccp_rcu *d = new_domain(0, 0);
    told = 0;
    ccp_set_misuse_hook(count_misuse);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_quiescent(d), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_unregister(d), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_quiescent(d), CCP_MISUSE);
    assert_int_equal(told, 4);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_MISUSE);
    assert_int_equal(told, 5);
    ccp_set_misuse_hook(NULL);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

static void end_in_section(actor *a)
{
    MUST(ccp_rcu_read_lock(a->arg) == CCP_OK);
    MUST(ccp_rcu_read_lock(a->arg) == CCP_OK);
}

TEST(a_thread_that_ends_in_a_section_leaves_it) /* RU7 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way, 0);
        actor a = { .arg = d };
        told = 0;
        ccp_set_misuse_hook(count_misuse);
        actor_start(&a, end_in_section);
        actor_join(&a);
        ccp_set_misuse_hook(NULL);
        assert_int_equal(told, 1);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

static gate the_gate = GATE_INIT;

static void outlive(actor *a)
{
    MUST(ccp_rcu_read_lock(a->arg) == CCP_OK);
    MUST(ccp_rcu_read_unlock(a->arg) == CCP_OK);
    gate_pass(&the_gate);
}

TEST(a_thread_may_outlive_a_domain_and_use_the_next)
{
    ccp_rcu *d = new_domain(0, 0);
    actor a = { .arg = d };
    gate_shut(&the_gate);
    actor_start(&a, outlive);
    WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    ccp_rcu *next = new_domain(0, 0);
    gate_open(&the_gate);
    actor_join(&a);
    assert_int_equal(rcu_info(next).threads, 0);
    ASSERT_STATUS(ccp_rcu_read_unlock(next), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_free(next), CCP_OK);
}

/* ---- grace periods ---- */

static void read_at_gate(actor *a)
{
    MUST(ccp_rcu_read_lock(a->arg) == CCP_OK);
    gate_pass(&the_gate);
    if (a->value)
        MUST(ccp_rcu_quiescent(a->arg) == CCP_OK);
    else
        MUST(ccp_rcu_read_unlock(a->arg) == CCP_OK);
    a->value = -1;
    WAIT_UNTIL(atomic_load(&a->calling));
    if (a->index)
        MUST(ccp_rcu_read_unlock(a->arg) == CCP_OK);
}

static void start_reader(actor *a, ccp_rcu *d, bool stays)
{
    *a = (actor){ .arg = d, .value = stays, .index = stays };
    gate_shut(&the_gate);
    actor_start(a, read_at_gate);
    WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
}

static void end_reader(actor *a)
{
    atomic_store(&a->calling, true);
    actor_join(a);
}

static void synchronize(actor *a)
{
    actor_calls(a);
    a->rc = ccp_rcu_synchronize(a->arg, CCP_FOREVER);
}

TEST(a_grace_period_waits_for_sections_that_are_open) /* RU1 */
{
    EACH_WAY
        for (int stays = 0; stays < 2; stays++) {
            ccp_rcu *d = new_domain(way, 0);
            actor reader, waiter = { .arg = d };
            start_reader(&reader, d, stays);
            ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_NOWAIT), CCP_AGAIN);
            ASSERT_STATUS(ccp_rcu_synchronize(d, ccp_within(CCP_US(10))), CCP_TIMEOUT);
            actor_start(&waiter, synchronize);
            actor_sleep_here(&waiter);
            gate_open(&the_gate);
            actor_join(&waiter);
            ASSERT_STATUS(waiter.rc, CCP_OK);
            end_reader(&reader);
            assert_true(rcu_info(d).grace_periods >= 3);
            ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        }
}

TEST(a_section_that_begins_later_is_not_waited_for) /* RU1 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way, 0);
        uint64_t epoch;
        assert_true(ccpi_rcu_begin(d, &epoch));
        ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
        assert_int_equal(ccpi_rcu_look(d, epoch), epoch);
        assert_true(ccpi_rcu_begin(d, &epoch));
        assert_int_equal(ccpi_rcu_look(d, epoch), epoch - CCPI_RCU_STEP);
        ASSERT_STATUS(ccp_rcu_quiescent(d), CCP_OK);
        assert_int_equal(ccpi_rcu_look(d, epoch), epoch);
        ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

TEST(to_wait_for_oneself_is_a_deadlock) /* RU8 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way, 1), *other = new_domain(way, 1);
        ccp_rcu_head h[2];
        atomic_int calls = 0;
        ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_DEADLOCK);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_NOWAIT), CCP_DEADLOCK);
        ASSERT_STATUS(ccp_rcu_synchronize(other, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[0], count_call, &calls, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], count_call, &calls, CCP_FOREVER), CCP_DEADLOCK);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], count_call, &calls, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_DEADLOCK);
        ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
        assert_int_equal(calls, 0);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
        assert_int_equal(calls, 1);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(other), CCP_OK);
    }
}

TEST(a_system_that_refuses_its_fence_is_told_of)
{
    ccp_rcu *d = new_domain(0, 1);
    if (rcu_info(d).membarrier) {
        ccp_rcu_head h[2];
        atomic_int calls = 0;
        no_fence = true;
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_FAILED);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[0], count_call, &calls, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], count_call, &calls, CCP_FOREVER), CCP_FAILED);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_FAILED);
        assert_int_equal(calls, 0);
        no_fence = false;
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
        assert_int_equal(calls, 1);
    }
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

/* ---- deferred calls ---- */

TEST(a_deferred_call_is_made_once_and_allocates_nothing) /* RU4 */
{
    EACH_WAY {
        ccp_rcu_head h[100];
        atomic_int calls = 0;
        memory_watch();
        ccp_rcu *d = new_domain(way, 0);
        for (size_t i = 0; i < LENGTH(h); i++)
            ASSERT_STATUS(ccp_rcu_defer(d, &h[i], count_call, &calls, CCP_NOWAIT), CCP_OK);
        assert_int_equal(calls + (int)rcu_info(d).pending, LENGTH(h));
        ASSERT_STATUS(ccp_rcu_free(d), CCP_BUSY);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_OK);
        assert_int_equal(calls, LENGTH(h));
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_NOWAIT), CCP_OK);
        assert_int_equal(memory_calls, 1);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        memory_unwatch();
    }
}

TEST(calls_are_made_by_those_who_defer) /* RU4 */
{
    static ccp_rcu_head h[3000];
    atomic_int calls = 0;
    ccp_rcu *d = new_domain(0, 0);
    for (size_t i = 0; i < LENGTH(h); i++)
        ASSERT_STATUS(ccp_rcu_defer(d, &h[i], count_call, &calls, CCP_NOWAIT), CCP_OK);
    assert_true(calls >= 2500);
    ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
    assert_int_equal(calls, LENGTH(h));
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

typedef struct node {
    ccp_rcu_head head;
    char bytes[1000];
} node;

TEST(memory_is_bounded_while_a_reader_stalls) /* RU6 */
{
    enum { MOST = 64 };
    EACH_WAY {
        ccp_rcu *d = new_domain(way, MOST);
        actor reader;
        size_t deferred = 0, refused = 0;
        start_reader(&reader, d, false);
        for (size_t i = 0; i < 10 * MOST; i++) {
            node *n = malloc(sizeof *n);
            assert_non_null(n);
            ccp_status st = ccp_rcu_defer(d, &n->head, free, n, CCP_NOWAIT);
            deferred += st == CCP_OK;
            if (st != CCP_OK) {
                ASSERT_STATUS(st, CCP_AGAIN);
                free(n);
                refused++;
            }
            assert_true(rcu_info(d).pending <= MOST);
        }
        assert_int_equal(deferred, MOST);
        assert_int_equal(refused, 9 * MOST);
        gate_open(&the_gate);
        end_reader(&reader);
        node *n = malloc(sizeof *n);
        assert_non_null(n);
        ASSERT_STATUS(ccp_rcu_defer(d, &n->head, free, n, CCP_FOREVER), CCP_OK);
        assert_int_equal(rcu_info(d).pending, 1);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

typedef struct chained {
    ccp_rcu *d;
    ccp_rcu_head head;
    int left, calls;
    ccp_status wait, barrier;
} chained;

/* Defers itself again; a call cannot wait for the calls of its own thread. */
static void go_on(void *arg)
{
    chained *c = arg;
    ccp_rcu_head other;
    c->calls++;
    c->barrier = ccp_rcu_barrier(c->d, CCP_FOREVER);
    if (c->left-- > 0)
        c->wait = ccp_rcu_defer(c->d, &c->head, go_on, c, CCP_FOREVER);
    else
        c->wait = ccp_rcu_defer(c->d, &other, go_on, c, CCP_FOREVER);
}

TEST(a_deferred_call_may_defer_and_does_not_wait_for_itself) /* RU4 */
{
    chained c = { .d = new_domain(0, 1), .left = 0 };
    ASSERT_STATUS(ccp_rcu_defer(c.d, &c.head, go_on, &c, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_rcu_barrier(c.d, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(c.wait, CCP_DEADLOCK);
    ASSERT_STATUS(c.barrier, CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rcu_free(c.d), CCP_OK);
    c = (chained){ .d = new_domain(0, 8), .left = 5 };
    ASSERT_STATUS(ccp_rcu_defer(c.d, &c.head, go_on, &c, CCP_FOREVER), CCP_OK);
    for (int i = 1; i <= 5; i++) {
        ASSERT_STATUS(ccp_rcu_barrier(c.d, CCP_FOREVER), CCP_OK);
        assert_int_equal(c.calls, i);
        ASSERT_STATUS(c.wait, CCP_OK);
    }
    c.d->most = 1; /* the last has no room */
    ASSERT_STATUS(ccp_rcu_barrier(c.d, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(c.wait, CCP_DEADLOCK);
    ASSERT_STATUS(ccp_rcu_free(c.d), CCP_OK);
}

static void pass_the_gate(void *arg)
{
    (void)arg;
    gate_pass(&the_gate);
}

static void wait_for_all(actor *a)
{
    actor_calls(a);
    a->rc = ccp_rcu_barrier(a->arg, CCP_FOREVER);
}

TEST(a_barrier_waits_for_calls_that_others_are_making) /* RU4 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way, 8); /* so the first call is not made by who defers it */
        ccp_rcu_head h[2];
        d->most = 1;
        actor maker = { .arg = d }, waiter = { .arg = d };
        gate_shut(&the_gate);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[0], pass_the_gate, NULL, CCP_FOREVER), CCP_OK);
        actor_start(&maker, wait_for_all);
        WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], pass_the_gate, NULL, ccp_within(CCP_MS(1))),
                      CCP_TIMEOUT);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_BUSY);
        actor_start(&waiter, wait_for_all);
        actor_sleep_here(&waiter);
        gate_open(&the_gate);
        actor_join(&waiter);
        actor_join(&maker);
        ASSERT_STATUS(waiter.rc, CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

/* ---- pointers ---- */

TEST(pointers_are_changed_as_they_say)
{
    int a, b;
    ccp_rcu_ptr p = { NULL };
    assert_null(ccp_rcu_ptr_get(&p));
    ccp_rcu_ptr_set(&p, &a);
    assert_ptr_equal((ccp_rcu_ptr_get)(&p), &a);
    assert_ptr_equal(ccp_rcu_ptr_swap(&p, &b), &a);
    assert_false(ccp_rcu_ptr_cas(&p, &a, NULL));
    assert_ptr_equal(ccp_rcu_ptr_get(&p), &b);
    assert_true(ccp_rcu_ptr_cas(&p, &b, &a));
    assert_ptr_equal(ccp_rcu_ptr_get(&p), &a);
}

typedef struct config {
    ccp_rcu_head head;
    long a, b; /* equal while it is there */
} config;

typedef struct shared {
    ccp_rcu *d;
    ccp_rcu_ptr now;
    atomic_bool stop;
} shared;

static void spoil(void *arg)
{
    config *c = arg;
    c->a = -1;
    free(c);
}

static void read_on(actor *a)
{
    shared *s = a->arg;
    while (!atomic_load(&s->stop)) {
        MUST(ccp_rcu_read_lock(s->d) == CCP_OK);
        const config *c = ccp_rcu_ptr_get(&s->now);
        MUST(c->a == c->b);
        MUST(ccp_rcu_read_unlock(s->d) == CCP_OK);
    }
}

TEST(readers_see_one_or_the_other) /* RU1 RU2 */
{
    EACH_WAY {
        shared s = { .d = new_domain(way, 100) };
        actor readers[3];
        ccp_rcu_ptr_set(&s.now, calloc(1, sizeof(config)));
        for (size_t i = 0; i < LENGTH(readers); i++) {
            readers[i] = (actor){ .arg = &s };
            actor_start(&readers[i], read_on);
        }
        for (long i = 1; i < (long)scaled(10000); i++) {
            config *c = calloc(1, sizeof *c);
            MUST(c);
            c->a = c->b = i;
            c = ccp_rcu_ptr_swap(&s.now, c);
            if (i % 8)
                MUST(ccp_rcu_defer(s.d, &c->head, spoil, c, CCP_FOREVER) == CCP_OK);
            else {
                MUST(ccp_rcu_synchronize(s.d, CCP_FOREVER) == CCP_OK);
                spoil(c);
            }
        }
        atomic_store(&s.stop, true);
        for (size_t i = 0; i < LENGTH(readers); i++)
            actor_join(&readers[i]);
        ASSERT_STATUS(ccp_rcu_barrier(s.d, CCP_FOREVER), CCP_OK);
        free(ccp_rcu_ptr_get(&s.now));
        ASSERT_STATUS(ccp_rcu_free(s.d), CCP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(what_cannot_be_had_makes_it_fail_and_leaks_nothing),
        ENTRY(records_of_threads_that_have_ended_are_used_again),
        ENTRY(sections_nest),
        ENTRY(misuse_of_sections_is_told),
        ENTRY(a_thread_that_ends_in_a_section_leaves_it),
        ENTRY(a_thread_may_outlive_a_domain_and_use_the_next),
        ENTRY(a_grace_period_waits_for_sections_that_are_open),
        ENTRY(a_section_that_begins_later_is_not_waited_for),
        ENTRY(to_wait_for_oneself_is_a_deadlock),
        ENTRY(a_system_that_refuses_its_fence_is_told_of),
        ENTRY(a_deferred_call_is_made_once_and_allocates_nothing),
        ENTRY(calls_are_made_by_those_who_defer),
        ENTRY(memory_is_bounded_while_a_reader_stalls),
        ENTRY(a_deferred_call_may_defer_and_does_not_wait_for_itself),
        ENTRY(a_barrier_waits_for_calls_that_others_are_making),
        ENTRY(pointers_are_changed_as_they_say),
        ENTRY(readers_see_one_or_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
