/* SPDX-License-Identifier: MIT
 *
 * What the tests of golang.org/x/sync/semaphore check of semaphores (ports.md).
 */
#include "support.h"

typedef struct sem_call {
    ccp_sem *sem;
    unsigned n;
} sem_call;

static void acquire_there(actor *a)
{
    sem_call *c = a->arg;
    actor_calls(a);
    a->rc = ccp_sem_acquire(c->sem, c->n, a->w);
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

static void acquire_release(actor *a)
{
    ccp_sem *sem = a->arg;
    for (size_t i = 0; i < scaled(2500); i++) {
        MUST(ccp_sem_acquire(sem, (unsigned)a->index, CCP_FOREVER) == CCP_OK);
        MUST(ccp_sem_release(sem, (unsigned)a->index) == CCP_OK);
    }
}

TEST(go_weighted)
{
    ccp_sem sem = CCP_SEM_INIT(4);
    actor a[4];
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &sem, .index = i };
        actor_start(&a[i], acquire_release);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    assert_int_equal(ccp_sem_available(&sem), 4);
}

TEST(go_weighted_panic) /* N5 */
{
    ccp_sem sem = CCP_SEM_INIT(1);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_MISUSE);
}

static void four_tries(ccp_wait w, ccp_status no)
{
    ccp_sem sem = CCP_SEM_INIT(2);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, w), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, w), no);
    ASSERT_STATUS(ccp_sem_release(&sem, 2), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, w), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_FOREVER), CCP_OK);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, w), no);
}

TEST(go_weighted_try_acquire)
{
    four_tries(CCP_NOWAIT, CCP_AGAIN);
}

TEST(go_weighted_acquire)
{
    four_tries(ccp_within(CCP_MS(10)), CCP_TIMEOUT);
}

static void take_one_and_give_it_back(actor *a)
{
    a->rc = ccp_sem_acquire(a->arg, 1, CCP_FOREVER);
    if (a->rc == CCP_OK)
        a->rc = ccp_sem_release(a->arg, 1);
}

TEST(go_weighted_doesnt_block_if_too_big) /* N3 */
{
    ccp_sem sem = CCP_SEM_INIT(2);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sem_call three = { &sem, 3 };
    actor big, a[6];
    line_up(&big, &three, ccp_with(ctx));
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &sem };
        actor_start(&a[i], take_one_and_give_it_back);
    }
    for (size_t i = 0; i < LENGTH(a); i++)
        joins_with(&a[i], CCP_OK);
    ccp_ctx_cancel(ctx);
    joins_with(&big, CCP_CANCELED);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

typedef struct small {
    ccp_sem *sem;
    atomic_bool running;
    atomic_long turns;
} small;

static void keep_taking_one(actor *a)
{
    small *s = a->arg;
    while (atomic_load(&s->running)) {
        MUST(ccp_sem_acquire(s->sem, 1, CCP_FOREVER) == CCP_OK);
        atomic_fetch_add(&s->turns, 1);
        MUST(ccp_sem_release(s->sem, 1) == CCP_OK);
    }
}

TEST(go_large_acquire_doesnt_starve) /* N2: while 16 threads keep taking single ones */
{
    ccp_sem sem = CCP_SEM_INIT(8);
    small s = { .sem = &sem };
    actor a[16];
    atomic_store(&s.running, true);
    for (size_t i = 0; i < LENGTH(a); i++) {
        a[i] = (actor){ .arg = &s };
        actor_start(&a[i], keep_taking_one);
    }
    for (size_t round = 0; round < scaled(50); round++) {
        long before = atomic_load(&s.turns);
        WAIT_UNTIL(atomic_load(&s.turns) > before);
        ASSERT_STATUS(ccp_sem_acquire(&sem, 8, CCP_FOREVER), CCP_OK);
        ASSERT_STATUS(ccp_sem_release(&sem, 8), CCP_OK);
    }
    atomic_store(&s.running, false);
    for (size_t i = 0; i < LENGTH(a); i++)
        actor_join(&a[i]);
    print_message("%ld single ones meanwhile\n", atomic_load(&s.turns));
    assert_int_equal(ccp_sem_available(&sem), 8);
}

TEST(go_alloc_cancel_doesnt_starve) /* N4 */
{
    ccp_sem sem = CCP_SEM_INIT(10);
    sem_call all = { &sem, 10 }, one = { &sem, 1 };
    actor a, b;
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_FOREVER), CCP_OK);
    start_acquire(&a, &all, ccp_within(CCP_MS(30)));
    WAIT_UNTIL(actor_is_asleep(&a) || actor_is_done(&a)); /* done: the machine was too slow */
    start_acquire(&b, &one, CCP_FOREVER);
    joins_with(&a, CCP_TIMEOUT);
    joins_with(&b, CCP_OK);
}

TEST(go_weighted_acquire_canceled) /* W2 */
{
    ccp_sem sem = CCP_SEM_INIT(2);
    ccp_ctx *ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sem_call both = { &sem, 2 };
    actor a;
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_FOREVER), CCP_OK);
    line_up(&a, &both, ccp_with(ctx));
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_AGAIN);
    ccp_ctx_cancel(ctx);
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
    joins_with(&a, CCP_CANCELED); /* it ended before enough were free */
    ASSERT_STATUS(ccp_sem_acquire(&sem, 2, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_ctx_free(ctx), CCP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(go_weighted),
        ENTRY(go_weighted_panic),
        ENTRY(go_weighted_try_acquire),
        ENTRY(go_weighted_acquire),
        ENTRY(go_weighted_doesnt_block_if_too_big),
        ENTRY(go_large_acquire_doesnt_starve),
        ENTRY(go_alloc_cancel_doesnt_starve),
        ENTRY(go_weighted_acquire_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
