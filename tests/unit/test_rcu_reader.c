/* SPDX-License-Identifier: MIT
 *
 * Readers: what a thread has of a domain, kept by the program.  The library that this is linked
 * with looks whose they are (RU11).
 */
#include "support.h"

/* Each test with membarrier(), if there is, and without. */
static ccp_rcu *new_domain(int way)
{
    ccp_rcu *d = ccp_rcu_new(&(ccp_rcu_opts){ .no_membarrier = way == 1 });
    assert_non_null(d);
    return d;
}
#define EACH_WAY for (int way = 0; way < 2; way++)

static ccp_rcu_reader *reader_of(ccp_rcu *d)
{
    ccp_rcu_reader *r = NULL;
    MUST(ccp_rcu_reader_get(d, &r) == CCP_OK && r);
    return r;
}

static unsigned reading(const ccp_rcu *d)
{
    ccp_rcu_info info;
    MUST(ccp_rcu_get_info(d, &info) == CCP_OK);
    return info.reading;
}

static unsigned threads(const ccp_rcu *d)
{
    ccp_rcu_info info;
    MUST(ccp_rcu_get_info(d, &info) == CCP_OK);
    return info.threads;
}

typedef struct lent {
    ccp_rcu *d;
    ccp_rcu_reader *r;
} lent; /* what one thread has, for another */

static int told;
static void count_misuse(const char *call, const char *rule)
{
    MUST(strncmp(call, "ccp_rcu_", 8) == 0 && strlen(rule) > 5);
    told++;
}

TEST(null_arguments_are_refused)
{
    ccp_rcu_reader *r = NULL;
    ccp_rcu *d = new_domain(0);
    ASSERT_STATUS(ccp_rcu_reader_get(NULL, &r), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_reader_get(d, NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_reader_lock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_reader_unlock(NULL), CCP_INVAL);
    ASSERT_STATUS(ccp_rcu_reader_quiescent(NULL), CCP_INVAL);
    assert_int_equal(threads(d), 0);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

TEST(without_membarrier_there_is_none)
{
    ccp_rcu *d = new_domain(1);
    ccp_rcu_info info;
    ASSERT_STATUS(ccp_rcu_get_info(d, &info), CCP_OK);
    assert_false(info.membarrier);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

TEST(to_get_a_reader_is_all_that_can_fail) /* RU5 */
{
    memory_watch();
    ccp_rcu *d = new_domain(0);
    ccp_rcu_reader *r = NULL;
    memory_fail_at(1);
    ASSERT_STATUS(ccp_rcu_reader_get(d, &r), CCP_NOMEM);
    assert_null(r);
    r = reader_of(d);
    memory_fail_from(1);
    ASSERT_STATUS(ccp_rcu_reader_lock(r), CCP_OK);
    ASSERT_STATUS(ccp_rcu_reader_lock(r), CCP_OK);
    ASSERT_STATUS(ccp_rcu_reader_unlock(r), CCP_OK);
    ASSERT_STATUS(ccp_rcu_reader_unlock(r), CCP_OK);
    memory_fail_at(0);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    memory_unwatch();
}

static void get_another(actor *a)
{
    lent *l = a->arg;
    l->r = reader_of(l->d);
    MUST(reader_of(l->d) == l->r);
}

TEST(a_thread_has_one_reader_of_a_domain) /* RU11 */
{
    ccp_rcu *d = new_domain(0), *other = new_domain(0);
    ccp_rcu_reader *r = reader_of(d), *of_other = reader_of(other);
    ASSERT_STATUS(ccp_rcu_register(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_read_lock(d), CCP_OK);
    assert_ptr_equal(reader_of(d), r);
    ASSERT_STATUS(ccp_rcu_read_unlock(d), CCP_OK);
    assert_ptr_not_equal(r, of_other);
    lent l = { d, NULL };
    actor a = { .arg = &l };
    actor_start(&a, get_another);
    actor_join(&a);
    assert_ptr_not_equal(l.r, r);
    assert_int_equal(threads(d), 1);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    ASSERT_STATUS(ccp_rcu_reader_lock(of_other), CCP_OK); /* until its own domain is freed */
    ASSERT_STATUS(ccp_rcu_reader_unlock(of_other), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(other), CCP_OK);
}

/* By the reader where a bit of how is set, else by the domain. */
static ccp_status begin(ccp_rcu *d, ccp_rcu_reader *r, int how)
{
    return how & 1 ? ccp_rcu_reader_lock(r) : ccp_rcu_read_lock(d);
}

static ccp_status end(ccp_rcu *d, ccp_rcu_reader *r, int how)
{
    return how & 1 ? ccp_rcu_reader_unlock(r) : ccp_rcu_read_unlock(d);
}

TEST(sections_of_both_kinds_nest) /* RU3 RU12 */
{
    EACH_WAY
        for (int how = 0; how < 64; how++) {
            ccp_rcu *d = new_domain(way), *other = new_domain(way);
            ccp_rcu_reader *r = reader_of(d), *of_other = reader_of(other);
            for (int i = 0; i < 3; i++) {
                ASSERT_STATUS(begin(d, r, how >> i), CCP_OK);
                ASSERT_STATUS(begin(other, of_other, how >> i), CCP_OK);
            }
            for (int i = 0; i < 3; i++) {
                assert_int_equal(reading(d), 1);
                ASSERT_STATUS(ccp_rcu_free(d), CCP_BUSY);
                ASSERT_STATUS(ccp_rcu_reader_quiescent(r), i < 2 ? CCP_MISUSE : CCP_OK);
                ASSERT_STATUS(end(d, r, how >> (3 + i)), CCP_OK);
                ASSERT_STATUS(end(other, of_other, how >> (3 + i)), CCP_OK);
            }
            assert_int_equal(reading(d), 0);
            ASSERT_STATUS(end(d, r, how), CCP_MISUSE);
            ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
            ASSERT_STATUS(ccp_rcu_free(other), CCP_OK);
        }
}

static gate the_gate = GATE_INIT;

static void read_at_gate(actor *a)
{
    ccp_rcu_reader *r = reader_of(a->arg);
    MUST(ccp_rcu_reader_lock(r) == CCP_OK);
    gate_pass(&the_gate);
    if (a->index)
        MUST(ccp_rcu_reader_quiescent(r) == CCP_OK);
    else
        MUST(ccp_rcu_reader_unlock(r) == CCP_OK);
    WAIT_UNTIL(atomic_load(&a->calling));
    if (a->index)
        MUST(ccp_rcu_reader_unlock(r) == CCP_OK);
}

static void synchronize(actor *a)
{
    actor_calls(a);
    a->rc = ccp_rcu_synchronize(a->arg, CCP_FOREVER);
}

TEST(a_grace_period_waits_for_the_section_of_a_reader) /* RU1 RU12 */
{
    EACH_WAY
        for (int stays = 0; stays < 2; stays++) {
            ccp_rcu *d = new_domain(way);
            actor reader = { .arg = d, .index = stays }, waiter = { .arg = d };
            gate_shut(&the_gate);
            actor_start(&reader, read_at_gate);
            WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
            ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_NOWAIT), CCP_AGAIN);
            actor_start(&waiter, synchronize);
            actor_sleep_here(&waiter);
            gate_open(&the_gate);
            actor_join(&waiter);
            ASSERT_STATUS(waiter.rc, CCP_OK);
            atomic_store(&reader.calling, true);
            actor_join(&reader);
            ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        }
}

static int calls;
static void count_call(void *arg)
{
    (void)arg;
    calls++;
}

TEST(a_wait_that_fails_makes_no_call_and_room_is_had_at_once_after_it) /* RU4 RU6 W2 */
{
    EACH_WAY {
        ccp_rcu *d =
            ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = 1, .no_membarrier = way == 1 });
        ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
        ccp_rcu_head h[2];
        actor reader = { .arg = d };
        calls = 0;
        gate_shut(&the_gate);
        actor_start(&reader, read_at_gate);
        WAIT_UNTIL(atomic_load(&the_gate.arrived) == 1);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[0], count_call, NULL, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_NOWAIT), CCP_AGAIN);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], count_call, NULL, CCP_NOWAIT), CCP_AGAIN);
        assert_int_equal(calls, 0);
        gate_open(&the_gate);
        atomic_store(&reader.calling, true);
        actor_join(&reader);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[1], count_call, NULL, CCP_NOWAIT), CCP_OK);
        ASSERT_STATUS(ccp_rcu_barrier(d, CCP_FOREVER), CCP_OK);
        assert_int_equal(calls, 2);
        ccp_ctx_cancel(ctx);
        ASSERT_STATUS(ccp_rcu_defer(d, &h[0], count_call, NULL, ccp_with(ctx)), CCP_CANCELED);
        ASSERT_STATUS(ccp_rcu_synchronize(d, ccp_with(ctx)), CCP_CANCELED);
        ASSERT_STATUS(ccp_rcu_barrier(d, ccp_with(ctx)), CCP_CANCELED);
        assert_int_equal(calls, 2);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
        ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
    }
}

TEST(to_wait_for_ones_own_reader_is_a_deadlock) /* RU8 RU12 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way);
        ccp_rcu_reader *r = reader_of(d);
        ASSERT_STATUS(ccp_rcu_reader_lock(r), CCP_OK);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_DEADLOCK);
        ASSERT_STATUS(ccp_rcu_unregister(d), CCP_MISUSE);
        ASSERT_STATUS(ccp_rcu_reader_unlock(r), CCP_OK);
        ASSERT_STATUS(ccp_rcu_synchronize(d, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

static void end_in_section(actor *a)
{
    ccp_rcu_reader *r = reader_of(a->arg);
    MUST(ccp_rcu_reader_lock(r) == CCP_OK);
    MUST(ccp_rcu_reader_lock(r) == CCP_OK);
}

TEST(a_thread_that_ends_leaves_the_section_of_its_reader) /* RU7 RU12 */
{
    EACH_WAY {
        ccp_rcu *d = new_domain(way);
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

/* ---- the end of a domain ---- */

/* What is freed is spoiled, and kept. */
typedef struct kept {
    _Alignas(16) struct kept *next;
    size_t size;
} kept;
static kept *all_kept;

static void *alloc_with_size(size_t size, void *arg)
{
    (void)arg;
    kept *k = malloc(sizeof *k + size);
    MUST(k);
    k->size = size;
    return k + 1;
}

static void spoil_and_keep(void *p, void *arg)
{
    (void)arg;
    if (!p)
        return;
    kept *k = (kept *)p - 1;
    memset(p, 0xee, k->size);
    k->next = all_kept;
    all_kept = k;
}

TEST(a_domain_that_is_freed_leaves_nothing_of_its_readers)
{
    const ccp_allocator a = { alloc_with_size, spoil_and_keep, NULL };
    ASSERT_STATUS(ccp_set_allocator(&a), CCP_OK);
    for (int i = 0; i < 2; i++) {
        ccp_rcu *d = new_domain(0);
        (void)reader_of(d);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
    ASSERT_STATUS(ccp_set_allocator(NULL), CCP_OK);
    while (all_kept) {
        kept *k = all_kept;
        const unsigned char *p = (const unsigned char *)(k + 1);
        for (size_t i = 0; i < k->size; i++)
            assert_int_equal(p[i], 0xee);
        all_kept = k->next;
        free(k);
    }
}

/* ---- misuse ---- */

static void refuse(ccp_rcu_reader *r)
{
    MUST(ccp_rcu_reader_lock(r) == CCP_MISUSE);
    MUST(ccp_rcu_reader_unlock(r) == CCP_MISUSE);
    MUST(ccp_rcu_reader_quiescent(r) == CCP_MISUSE);
}

/* Without a record in the domain, and with one, in and out of a section of its own. */
static void use_anothers(actor *a)
{
    const lent *l = a->arg;
    refuse(l->r);
    ccp_rcu_reader *own = reader_of(l->d);
    refuse(l->r);
    MUST(ccp_rcu_reader_lock(own) == CCP_OK);
    refuse(l->r);
    MUST(ccp_rcu_reader_unlock(own) == CCP_OK);
}

TEST(a_reader_of_another_thread_is_refused) /* RU11 G2 */
{
    for (int depth = 0; depth < 3; depth++) {
        ccp_rcu *d = new_domain(0);
        lent l = { d, reader_of(d) };
        actor a = { .arg = &l };
        for (int i = 0; i < depth; i++)
            ASSERT_STATUS(ccp_rcu_reader_lock(l.r), CCP_OK);
        told = 0;
        ccp_set_misuse_hook(count_misuse);
        actor_start(&a, use_anothers);
        actor_join(&a);
        ccp_set_misuse_hook(NULL);
        assert_int_equal(told, 9);
        for (int i = 0; i < depth; i++) {
            assert_int_equal(reading(d), 1);
            ASSERT_STATUS(ccp_rcu_reader_unlock(l.r), CCP_OK);
        }
        assert_int_equal(reading(d), 0);
        ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
    }
}

TEST(a_reader_that_was_given_back_is_refused) /* RU11 G2 */
{
    ccp_rcu *d = new_domain(0);
    ccp_rcu_reader *r = reader_of(d);
    ASSERT_STATUS(ccp_rcu_unregister(d), CCP_OK);
    told = 0;
    ccp_set_misuse_hook(count_misuse);
    refuse(r);
    assert_int_equal(told, 3);
    assert_ptr_equal(reader_of(d), r); /* there is no other one */
    ASSERT_STATUS(ccp_rcu_reader_unlock(r), CCP_MISUSE);
    ASSERT_STATUS(ccp_rcu_reader_quiescent(r), CCP_MISUSE);
    assert_int_equal(told, 5);
    ccp_set_misuse_hook(NULL);
    ASSERT_STATUS(ccp_rcu_reader_lock(r), CCP_OK);
    ASSERT_STATUS(ccp_rcu_reader_unlock(r), CCP_OK);
    ASSERT_STATUS(ccp_rcu_free(d), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(null_arguments_are_refused),
        ENTRY(without_membarrier_there_is_none),
        ENTRY(to_get_a_reader_is_all_that_can_fail),
        ENTRY(a_thread_has_one_reader_of_a_domain),
        ENTRY(sections_of_both_kinds_nest),
        ENTRY(a_grace_period_waits_for_the_section_of_a_reader),
        ENTRY(a_wait_that_fails_makes_no_call_and_room_is_had_at_once_after_it),
        ENTRY(to_wait_for_ones_own_reader_is_a_deadlock),
        ENTRY(a_thread_that_ends_leaves_the_section_of_its_reader),
        ENTRY(a_domain_that_is_freed_leaves_nothing_of_its_readers),
        ENTRY(a_reader_of_another_thread_is_refused),
        ENTRY(a_reader_that_was_given_back_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
