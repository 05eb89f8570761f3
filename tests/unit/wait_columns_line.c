/* SPDX-License-Identifier: MIT
 *
 * The columns of the wait matrix about semaphores, mutexes, reader-writer locks, once and limiters.
 */
#include "wait_columns.h"

static void nothing_to_clear(stage *s)
{
    (void)s;
}

static void nobody_stands_in(const ccp_line_ *l)
{
    assert_null(l->first_);
}

/* --- semaphores: `capacity` permits are asked for, of three; one less is free --- */

static unsigned asked(const stage *s)
{
    return (unsigned)s->c->capacity;
}

static void set_sem(stage *s)
{
    s->sem = (ccp_sem)CCP_SEM_INIT(3);
    ASSERT_STATUS(ccp_sem_acquire(&s->sem, 4 - asked(s), CCP_NOWAIT), CCP_OK);
}

/* Of four there is none to be given back: then one is made. */
static bool free_one(stage *s)
{
    return (asked(s) == 4 ? ccp_sem_add(&s->sem, 1) : ccp_sem_release(&s->sem, 1)) == CCP_OK;
}

static void free_one_before(stage *s)
{
    assert_true(free_one(s));
}

static ccp_status call_acquire(stage *s, ccp_wait w)
{
    return ccp_sem_acquire(&s->sem, asked(s), w);
}

static ccp_status close_sem(stage *s)
{
    return ccp_sem_close(&s->sem);
}

static void sem_is_untouched(stage *s)
{
    assert_int_equal(ccp_sem_available(&s->sem), asked(s) - 1);
    nobody_stands_in(&s->sem.line_);
}

static void has_acquired(stage *s)
{
    assert_int_equal(ccp_sem_available(&s->sem), 0);
    nobody_stands_in(&s->sem.line_);
}

static void sem_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    assert_int_equal(ccp_sem_available(&s->sem), ok ? 0 : asked(s));
    nobody_stands_in(&s->sem.line_);
}

/* --- mutexes --- */

static void set_mutex(stage *s)
{
    ASSERT_STATUS(ccp_mutex_lock(&s->mutex, CCP_NOWAIT), CCP_OK);
}

static bool unlock_mutex(stage *s)
{
    return ccp_mutex_unlock(&s->mutex) == CCP_OK;
}

static void unlock_before(stage *s)
{
    assert_true(unlock_mutex(s));
}

static ccp_status call_lock(stage *s, ccp_wait w)
{
    return ccp_mutex_lock(&s->mutex, w);
}

static void mutex_is_locked(stage *s)
{
    assert_true(ccp_mutex_is_locked(&s->mutex));
    nobody_stands_in(&s->mutex.line_);
}

static void mutex_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    assert_true(ccp_mutex_is_locked(&s->mutex) == ok);
    nobody_stands_in(&s->mutex.line_);
}

/* --- reader-writer locks: `capacity` 0: a reader waits for a writer; 1: the other way; 2: a writer
 * for a writer --- */

static bool calls_reader(const stage *s)
{
    return s->c->capacity == 0;
}

static bool held_by_reader(const stage *s)
{
    return s->c->capacity == 1;
}

static void set_rwlock(stage *s)
{
    ASSERT_STATUS(held_by_reader(s) ? ccp_rwlock_rdlock(&s->rwlock, CCP_NOWAIT)
                                    : ccp_rwlock_wrlock(&s->rwlock, CCP_NOWAIT),
                  CCP_OK);
}

static bool let_in(stage *s)
{
    return (held_by_reader(s) ? ccp_rwlock_rdunlock(&s->rwlock)
                              : ccp_rwlock_wrunlock(&s->rwlock)) == CCP_OK;
}

static void let_in_before(stage *s)
{
    assert_true(let_in(s));
}

static ccp_status call_rwlock(stage *s, ccp_wait w)
{
    return calls_reader(s) ? ccp_rwlock_rdlock(&s->rwlock, w) : ccp_rwlock_wrlock(&s->rwlock, w);
}

static void rwlock_is_untouched(stage *s)
{
    nobody_stands_in(&s->rwlock.line_);
    ASSERT_STATUS(ccp_rwlock_wrlock(&s->rwlock, CCP_NOWAIT), CCP_AGAIN);
    ASSERT_STATUS(held_by_reader(s) ? ccp_rwlock_wrunlock(&s->rwlock)
                                    : ccp_rwlock_rdunlock(&s->rwlock),
                  CCP_MISUSE);
}

static void has_rwlocked(stage *s)
{
    nobody_stands_in(&s->rwlock.line_);
    if (calls_reader(s)) {
        ASSERT_STATUS(ccp_rwlock_rdunlock(&s->rwlock), CCP_OK);
        ASSERT_STATUS(ccp_rwlock_rdunlock(&s->rwlock), CCP_MISUSE);
    } else
        ASSERT_STATUS(ccp_rwlock_wrunlock(&s->rwlock), CCP_OK);
}

static void rwlock_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        has_rwlocked(s);
    ASSERT_STATUS(ccp_rwlock_wrlock(&s->rwlock, CCP_NOWAIT), CCP_OK);
}

/* --- once: another thread runs the function --- */

static ccp_status run_until_gate(void *arg)
{
    stage *s = arg;
    atomic_fetch_add(&s->entered, 1);
    MUST(ccp_chan_recv(s->gate, NULL, CCP_FOREVER) == CCP_CLOSED);
    atomic_fetch_add(&s->ran, 1);
    return s->c->capacity ? CCP_FAILED : CCP_OK;
}

static ccp_status run_at_once(void *arg)
{
    stage *s = arg;
    atomic_fetch_add(&s->unrun, 1);
    return CCP_OK;
}

static void do_there(actor *a)
{
    stage *s = a->arg;
    a->rc = ccp_once_do(&s->once, run_until_gate, s, CCP_FOREVER);
}

/* `capacity` 1: that function fails, and the call under test runs its own. */
static void set_once(stage *s)
{
    s->gate = ccp_chan_new(0, 0);
    s->once = s->c->capacity ? (ccp_once)CCP_ONCE_RETRY_INIT : (ccp_once)CCP_ONCE_INIT;
    s->helper = (actor){ .arg = s };
    s->helped = true;
    actor_start(&s->helper, do_there);
    WAIT_UNTIL(atomic_load(&s->entered) == 1);
}

static bool open_gate(stage *s)
{
    return ccp_chan_close(s->gate) == CCP_OK;
}

static void finish_once(stage *s)
{
    assert_true(open_gate(s));
    actor_join(&s->helper);
    s->helped = false;
}

static ccp_status call_once_do(stage *s, ccp_wait w)
{
    return ccp_once_do(&s->once, run_at_once, s, w);
}

static void once_still_runs(stage *s)
{
    assert_int_equal(s->ran, 0);
    assert_int_equal(s->unrun, 0);
    assert_false(ccp_once_is_done(&s->once));
    nobody_stands_in(&s->once.line_);
}

static void once_is_done(stage *s)
{
    assert_true(ccp_once_is_done(&s->once));
    assert_int_equal(s->ran, 1);
    assert_int_equal(s->unrun, s->c->capacity);
}

static void once_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    if (ok)
        once_is_done(s);
    else
        assert_int_equal(s->unrun, 0);
}

static void clear_once(stage *s)
{
    (void)open_gate(s);
    if (s->helped)
        actor_join(&s->helper);
    nobody_stands_in(&s->once.line_);
    ASSERT_STATUS(ccp_chan_free(s->gate), CCP_OK);
}

/* --- rate limiters: the token comes in 100 seconds --- */

static void fill_bucket(stage *s)
{
    ASSERT_STATUS(ccp_rate_init(&s->rate, 0.01, 1), CCP_OK);
}

static void set_rate(stage *s)
{
    fill_bucket(s);
    ASSERT_STATUS(ccp_rate_take(&s->rate, 1, CCP_NOWAIT), CCP_OK);
}

static ccp_status call_take(stage *s, ccp_wait w)
{
    return ccp_rate_take(&s->rate, 1, w);
}

static void bucket_is_empty(stage *s)
{
    double tokens = ccp_rate_tokens(&s->rate);
    assert_true(tokens >= 0 && tokens < 0.9);
}

static void nothing_was_taken(stage *s, bool ok, bool served)
{
    assert_false(ok || served);
    bucket_is_empty(s);
}

/* --- the same by key --- */

static void set_rates(stage *s)
{
    s->rates = ccp_rate_map_new(&(ccp_rate_map_opts){ .per_second = 0.01, .burst = 1 });
    assert_non_null(s->rates);
    ASSERT_STATUS(ccp_rate_map_take(s->rates, "key", 3, 1, CCP_NOWAIT), CCP_OK);
}

static void clear_rates(stage *s)
{
    ASSERT_STATUS(ccp_rate_map_free(s->rates), CCP_OK);
}

static void renew_rates(stage *s)
{
    clear_rates(s);
    set_rates(s);
    s->chosen = 1; /* another key is called for */
}

static ccp_status call_take_of_key(stage *s, ccp_wait w)
{
    return ccp_rate_map_take(s->rates, s->chosen == 1 ? "other" : "key", 3, 1, w);
}

static void key_is_empty(stage *s)
{
    ASSERT_STATUS(ccp_rate_map_take(s->rates, "key", 3, 0, CCP_NOWAIT), CCP_OK);
    ASSERT_STATUS(ccp_rate_map_take(s->rates, "key", 3, 1, CCP_NOWAIT), CCP_AGAIN);
}

static void other_is_empty(stage *s)
{
    assert_int_equal(ccp_rate_map_len(s->rates), 2);
    ASSERT_STATUS(call_take_of_key(s, CCP_NOWAIT), CCP_AGAIN);
}

static void no_key_was_taken(stage *s, bool ok, bool served)
{
    assert_false(ok || served);
    key_is_empty(s);
}

/* --- and by a window --- */

static void new_window(stage *s)
{
    s->window = ccp_window_new(1, CCP_SEC(100));
    assert_non_null(s->window);
}

static void set_window(stage *s)
{
    new_window(s);
    ASSERT_STATUS(ccp_window_take(s->window, 1, CCP_NOWAIT), CCP_OK);
}

static void clear_window(stage *s)
{
    ASSERT_STATUS(ccp_window_free(s->window), CCP_OK);
}

static void renew_window(stage *s)
{
    clear_window(s);
    new_window(s);
}

static ccp_status call_window(stage *s, ccp_wait w)
{
    return ccp_window_take(s->window, 1, w);
}

static void window_is_full(stage *s)
{
    int64_t now = ccp_now(), free = ccp_window_when(s->window, 1);
    ASSERT_STATUS(ccp_window_take(s->window, 1, CCP_NOWAIT), CCP_AGAIN);
    assert_true(free > now && free <= now + CCP_SEC(100)); /* nobody waits */
}

static void no_place_was_taken(stage *s, bool ok, bool served)
{
    assert_false(ok || served);
    window_is_full(s);
}

/* --- limiters of concurrency --- */

static void set_limiter(stage *s)
{
    const ccp_limiter_opts o = { .max = 1 };
    ASSERT_STATUS(ccp_limiter_init(&s->limiter, &o), CCP_OK);
    ASSERT_STATUS(ccp_limiter_acquire(&s->limiter, CCP_NOWAIT), CCP_OK);
}

static bool release_limiter(stage *s)
{
    return ccp_limiter_release(&s->limiter, CCP_OK, 0) == CCP_OK;
}

static void release_before(stage *s)
{
    assert_true(release_limiter(s));
}

static ccp_status call_limiter(stage *s, ccp_wait w)
{
    return ccp_limiter_acquire(&s->limiter, w);
}

static void limiter_is_used_up(stage *s)
{
    ASSERT_STATUS(ccp_limiter_acquire(&s->limiter, CCP_NOWAIT), CCP_AGAIN);
    assert_int_equal(ccp_limiter_limit(&s->limiter), 1);
}

static void limiter_agrees(stage *s, bool ok, bool served)
{
    assert_true(served);
    ASSERT_STATUS(ccp_limiter_release(&s->limiter, CCP_OK, 0), ok ? CCP_OK : CCP_MISUSE);
}

#define STATUSES .success = CCP_OK, .at_once = CCP_AGAIN, .too_late = CCP_TIMEOUT
#define SEM(n, name_)                                                                          \
    {                                                                                          \
        .name = name_, .set = set_sem, .ready = free_one_before, .call = call_acquire,         \
        .serve = free_one, .close = close_sem, .unchanged = sem_is_untouched,                  \
        .done = has_acquired, .raced = sem_agrees, .clear = nothing_to_clear, STATUSES,        \
        .capacity = n                                                                          \
    }
#define RWLOCK(which, name_)                                                                   \
    {                                                                                          \
        .name = name_, .set = set_rwlock, .ready = let_in_before, .call = call_rwlock,         \
        .serve = let_in, .unchanged = rwlock_is_untouched, .done = has_rwlocked,               \
        .raced = rwlock_agrees, .clear = nothing_to_clear, STATUSES, .capacity = which         \
    }
#define ONCE(retry, name_)                                                                     \
    {                                                                                          \
        .name = name_, .set = set_once, .ready = finish_once, .call = call_once_do,            \
        .serve = open_gate, .unchanged = once_still_runs, .done = once_is_done,                \
        .raced = once_agrees, .clear = clear_once, STATUSES, .capacity = retry                 \
    }

const column columns_line[] = {
    SEM(1, "sem_acquire, none free"),
    SEM(3, "sem_acquire, all"),
    SEM(4, "sem_acquire, more than there are"),
    { .name = "mutex_lock", .set = set_mutex, .ready = unlock_before, .call = call_lock,
      .serve = unlock_mutex, .unchanged = mutex_is_locked, .done = mutex_is_locked,
      .raced = mutex_agrees, .clear = nothing_to_clear, STATUSES },
    RWLOCK(0, "rwlock_rdlock, a writer has it"),
    RWLOCK(1, "rwlock_wrlock, a reader has it"),
    RWLOCK(2, "rwlock_wrlock, a writer has it"),
    ONCE(0, "once_do"),
    ONCE(1, "once_do, after a failure"),
    { .name = "rate_take", .set = set_rate, .ready = fill_bucket, .call = call_take,
      .unchanged = bucket_is_empty, .done = bucket_is_empty, .raced = nothing_was_taken,
      .clear = nothing_to_clear, STATUSES, .early = true },
    { .name = "rate_map_take", .set = set_rates, .ready = renew_rates, .call = call_take_of_key,
      .unchanged = key_is_empty, .done = other_is_empty, .raced = no_key_was_taken,
      .clear = clear_rates, STATUSES, .early = true },
    { .name = "window_take", .set = set_window, .ready = renew_window, .call = call_window,
      .unchanged = window_is_full, .done = window_is_full, .raced = no_place_was_taken,
      .clear = clear_window, STATUSES, .early = true },
    { .name = "limiter_acquire", .set = set_limiter, .ready = release_before,
      .call = call_limiter, .serve = release_limiter, .unchanged = limiter_is_used_up,
      .done = limiter_is_used_up, .raced = limiter_agrees, .clear = nothing_to_clear, STATUSES },
};
const size_t columns_line_n = LENGTH(columns_line);
