/* SPDX-License-Identifier: MIT
 *
 * Waits that end while the thread is still awake, at every pause and every yield: what it waits for
 * is brought about inside that pause, by the same thread.
 */
#include "support.h"

#include "base/machine.h"
#include "block/tuning.h"

enum { MOMENTS = 60 }; /* pauses and yields; each of the waits has 100 */

static void (*partner)(void);
static unsigned moment, partner_comes;

static void let_partner_come(void)
{
    void (*what)(void) = partner;
    if (!what || ++moment < partner_comes)
        return;
    partner = NULL;
    what();
}

void __wrap_ccpi_relax(void);
void __wrap_ccpi_relax(void)
{
    let_partner_come();
}

void __wrap_ccpi_yield(void);
void __wrap_ccpi_yield(void)
{
    let_partner_come();
}

/* No time passes: a yield lets nobody run. */
uint64_t __wrap_ccpi_ticks(void);
uint64_t __wrap_ccpi_ticks(void)
{
    return 1;
}

/* The call that waits, with a partner that comes at each moment in turn; gives what it must. */
static void wait_with(void (*prepare)(void), ccp_status (*call)(void), void (*comes)(void),
                      ccp_status expected)
{
    for (unsigned at = 1; at <= MOMENTS; at++) {
        prepare();
        moment = 0;
        partner_comes = at;
        partner = comes;
        ASSERT_STATUS(call(), expected);
        assert_null(partner); /* it came, so the call did not sleep */
    }
}

/* --- barriers --- */

static ccp_barrier barrier;

static void fresh_barrier(void)
{
    barrier = (ccp_barrier)CCP_BARRIER_INIT(2);
}

static ccp_status arrive(void)
{
    return ccp_barrier_wait(&barrier, NULL, CCP_FOREVER);
}

static void other_arrives(void)
{
    ASSERT_STATUS(arrive(), CCP_OK);
}

static void somebody_breaks(void)
{
    ASSERT_STATUS(ccp_barrier_break(&barrier), CCP_OK);
}

TEST(a_barrier_opens_or_breaks_at_any_moment)
{
    wait_with(fresh_barrier, arrive, other_arrives, CCP_OK);
    wait_with(fresh_barrier, arrive, somebody_breaks, CCP_CLOSED);
}

/* --- wait groups --- */

static ccp_wg group;

static void one_task(void)
{
    ASSERT_STATUS(ccp_wg_add(&group, 1), CCP_OK);
}

static ccp_status wait_for_task(void)
{
    return ccp_wg_wait(&group, CCP_FOREVER);
}

static void task_ends(void)
{
    ASSERT_STATUS(ccp_wg_done(&group), CCP_OK);
}

TEST(the_last_task_ends_at_any_moment)
{
    wait_with(one_task, wait_for_task, task_ends, CCP_OK);
}

/* --- semaphores and locks --- */

static ccp_sem sem;
static ccp_mutex mutex;
static ccp_rwlock rwlock;

static void empty_sem(void)
{
    sem = (ccp_sem)CCP_SEM_INIT(1);
    ASSERT_STATUS(ccp_sem_acquire(&sem, 1, CCP_NOWAIT), CCP_OK);
}

static ccp_status acquire(void)
{
    return ccp_sem_acquire(&sem, 1, CCP_FOREVER);
}

static void other_releases(void)
{
    ASSERT_STATUS(ccp_sem_release(&sem, 1), CCP_OK);
}

static void somebody_closes(void)
{
    ASSERT_STATUS(ccp_sem_close(&sem), CCP_OK);
}

static void held_mutex(void)
{
    mutex = (ccp_mutex)CCP_MUTEX_INIT;
    ASSERT_STATUS(ccp_mutex_lock(&mutex, CCP_NOWAIT), CCP_OK);
}

static ccp_status lock_mutex(void)
{
    return ccp_mutex_lock(&mutex, CCP_FOREVER);
}

static void other_unlocks(void)
{
    ASSERT_STATUS(ccp_mutex_unlock(&mutex), CCP_OK);
}

static void held_rwlock(void)
{
    rwlock = (ccp_rwlock)CCP_RWLOCK_INIT;
    ASSERT_STATUS(ccp_rwlock_wrlock(&rwlock, CCP_NOWAIT), CCP_OK);
}

static ccp_status read_lock(void)
{
    return ccp_rwlock_rdlock(&rwlock, CCP_FOREVER);
}

static void writer_leaves(void)
{
    ASSERT_STATUS(ccp_rwlock_wrunlock(&rwlock), CCP_OK);
}

TEST(a_semaphore_is_released_or_closed_at_any_moment)
{
    wait_with(empty_sem, acquire, other_releases, CCP_OK);
    wait_with(empty_sem, acquire, somebody_closes, CCP_CLOSED);
}

TEST(a_lock_comes_free_at_any_moment)
{
    wait_with(held_mutex, lock_mutex, other_unlocks, CCP_OK);
    wait_with(held_rwlock, read_lock, writer_leaves, CCP_OK);
}

/* --- futures and phasers --- */

static ccp_future *future;
static ccp_promise *promise;
static ccp_phaser *phaser;

static void fresh_promise(void)
{
    ccp_promise_free(promise);
    ccp_future_free(future);
    promise = ccp_promise_new(&(ccp_promise_opts){ .size = sizeof(int) }, &future);
    assert_non_null(promise);
}

static ccp_status get(void)
{
    int value = 0;
    ccp_status st = ccp_future_get(future, &value, CCP_FOREVER);
    assert_int_equal(value, st == CCP_OK ? 7 : 0);
    return st;
}

static void value_comes(void)
{
    ASSERT_STATUS(ccp_promise_set(promise, &(int){ 7 }), CCP_OK);
}

static void error_comes(void)
{
    ASSERT_STATUS(ccp_promise_fail(promise, CCP_BUSY), CCP_OK);
}

static void fresh_phaser(void)
{
    ASSERT_STATUS(ccp_phaser_free(phaser), CCP_OK);
    phaser = ccp_phaser_new(2);
    assert_non_null(phaser);
}

static ccp_status arrive_and_wait(void)
{
    return ccp_phaser_arrive_and_wait(phaser, NULL, CCP_FOREVER);
}

static void other_party_arrives(void)
{
    ASSERT_STATUS(ccp_phaser_arrive(phaser, NULL), CCP_OK);
}

TEST(a_future_is_settled_at_any_moment)
{
    wait_with(fresh_promise, get, value_comes, CCP_OK);
    wait_with(fresh_promise, get, error_comes, CCP_FAILED);
    ccp_promise_free(promise);
    ccp_future_free(future);
}

TEST(a_phase_ends_at_any_moment)
{
    wait_with(fresh_phaser, arrive_and_wait, other_party_arrives, CCP_OK);
    ASSERT_STATUS(ccp_phaser_free(phaser), CCP_OK);
}

/* ---- who was woken in vain ---- */

static void lock_and_unlock(actor *a)
{
    actor_calls(a);
    MUST(ccp_mutex_lock(a->arg, CCP_FOREVER) == CCP_OK);
    a->value = 1; /* it had the mutex; read by who holds it */
    MUST(ccp_mutex_unlock(a->arg) == CCP_OK);
}

/* It stands there again as one who starves; before it is handed the mutex patience grows. */
TEST(who_has_not_starved_ends_the_handing_over) /* M2 */
{
    int64_t starved = ccpi_tuning.starved;
    for (bool in_vain = false; !in_vain;) {
        ccp_mutex mu = CCP_MUTEX_INIT;
        actor a = { .arg = &mu };
        ccpi_tuning.starved = 0;
        ASSERT_STATUS(ccp_mutex_lock(&mu, CCP_NOWAIT), CCP_OK);
        actor_start(&a, lock_and_unlock);
        actor_sleep_here(&a);
        ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
        bool mine = ccp_mutex_lock(&mu, CCP_NOWAIT) == CCP_OK;
        in_vain = mine && !a.value; /* else it was quicker, and needs nothing any more */
        if (mine && !in_vain)
            ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
        if (in_vain) {
            actor_sleep_here(&a);
            ASSERT_STATUS(ccp_mutex_lock(&mu, ccp_within(1)), CCP_TIMEOUT); /* stood there too */
            ccpi_tuning.starved = INT64_MAX;
            ASSERT_STATUS(ccp_mutex_unlock(&mu), CCP_OK);
        }
        actor_join(&a);
        assert_int_equal(mu.line_.state_, 0); /* nor does anybody starve */
    }
    ccpi_tuning.starved = starved;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY(a_barrier_opens_or_breaks_at_any_moment),
        ENTRY(the_last_task_ends_at_any_moment),
        ENTRY(a_semaphore_is_released_or_closed_at_any_moment),
        ENTRY(a_lock_comes_free_at_any_moment),
        ENTRY(a_future_is_settled_at_any_moment),
        ENTRY(a_phase_ends_at_any_moment),
        ENTRY(who_has_not_starved_ends_the_handing_over),
    };
    ccpi_tuning.brief_pauses = 100;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
