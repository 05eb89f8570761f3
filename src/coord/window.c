/* SPDX-License-Identifier: MIT
 *
 * Limiters by a window that slides: a log of the last n times, and a line of those who wait.
 *
 * Invariants
 *   W1  times[] is a ring of the last n times, ascending from `oldest` on; NEVER where there have
 *       not been so many.  Each is `ns` or more after the one n before it: so n + 1 are never less
 *       than that apart, and k more may come as soon as the k-th oldest is `ns` old.
 *   W2  Of those who wait one has the turn, if `is_turn`, and the others stand in the line.  Nobody
 *       else takes while `wanted` is not 0: so the log stays as it is while who has the turn sleeps
 *       until its time.
 *   W3  What is in the log has happened: who waits is not in it yet.  So there is nothing to be
 *       taken back when a wait fails.
 *   W4  `waiting` are those who may touch the window yet, though they have taken.
 * Locks           That of the line protects all that changes; nothing is locked under it.
 */
/* uses: line */
#include "base/mem.h"
#include "base/track.h"
#include "block/wait.h"
#include "coord/line.h"

#define NEVER INT64_MIN

struct ccp_window {
    ccp_line_ line;  /* first: it is known by its address */
    size_t n;        /* const after new */
    int64_t ns;      /* const after new */
    size_t oldest;   /* under lock, W1 */
    size_t wanted;   /* under lock: what they want together who wait */
    size_t waiting;  /* under lock: threads, W4 */
    bool is_turn;    /* under lock, W2 */
    int64_t times[]; /* under lock, W1 */
};

static void lock(ccp_window *x)
{
    ccpi_lock_acquire(ccpi_line_lock(&x->line));
}

static void unlock(ccp_window *x)
{
    ccpi_lock_release(ccpi_line_lock(&x->line));
}

static const ccpi_kind kind = { "window", "ccp_window_", NULL, NULL };

ccp_window *ccp_window_new(size_t n, int64_t ns)
{
    size_t size;
    if (n == 0 || ns <= 0 || !ccpi_size_mul_add(n, sizeof(int64_t), sizeof(ccp_window), &size))
        return NULL;
    ccp_window *x = ccpi_alloc(size);
    if (!x)
        return NULL;
    x->n = n;
    x->ns = ns;
    for (size_t i = 0; i < n; i++)
        x->times[i] = NEVER;
    ccpi_track(x, &kind, NULL);
    return x;
}

static void release(ccp_window *x)
{
    ccpi_untrack(x);
    ccpi_free(x);
}

ccp_status ccp_window_free(ccp_window *x)
{
    if (!x)
        return CCP_OK;
    if (ccpi_is_dead(x)) {
        release(x);
        return CCP_OK;
    }
    lock(x);
    bool busy = x->waiting != 0;
    unlock(x);
    if (busy)
        return CCP_BUSY;
    release(x);
    return CCP_OK;
}

/* ---- The log, under the lock ---- */

/* The i-th oldest, from 0 on. */
static int64_t *time_at(ccp_window *x, size_t i)
{
    size_t to_end = x->n - x->oldest;
    return &x->times[i < to_end ? x->oldest + i : i - to_end];
}

/* Time stands still until it is where it was. */
static int64_t not_before(ccp_window *x, int64_t t)
{
    int64_t newest = *time_at(x, x->n - 1);
    return t > newest ? t : newest;
}

/* From when on k >= 1 more may be there, W1: now or later. */
static int64_t first_time(ccp_window *x, size_t k, int64_t now)
{
    int64_t t = *time_at(x, k - 1);
    int64_t at = t == NEVER ? now : ccpi_time_after(t, x->ns);
    return at > now ? at : now;
}

/* The same after those who wait; earlier than that if they want more than n, and not one by one. */
static int64_t first_time_behind(ccp_window *x, size_t k, int64_t now)
{
    size_t last = x->wanted + k - 1;
    size_t rounds = last / x->n;
    int64_t at = first_time(x, last % x->n + 1, now);
    if (rounds > (uint64_t)(INT64_MAX / x->ns))
        return INT64_MAX;
    return ccpi_time_after(at, (int64_t)rounds * x->ns);
}

static void write_down(ccp_window *x, size_t k, int64_t now)
{
    for (size_t i = 0; i < k; i++)
        *time_at(x, i) = now;
    x->oldest = k < x->n - x->oldest ? x->oldest + k : k - (x->n - x->oldest);
}

/* Takes k if nobody waits and they are there. */
static bool take_locked(ccp_window *x, size_t k, int64_t t)
{
    int64_t now = not_before(x, t);
    if (x->wanted || first_time(x, k, now) > now)
        return false;
    write_down(x, k, now);
    return true;
}

/* ---- Waiting ---- */

/* Takes k; gets the turn (CCP_AGAIN), or into the line (CCP_BUSY). */
static ccp_status enter(ccp_window *x, size_t k, ccpi_stander *s, int64_t deadline)
{
    ccp_status st;
    lock(x);
    int64_t now = ccpi_clock_now();
    if (take_locked(x, k, now))
        st = CCP_OK;
    else if (first_time_behind(x, k, not_before(x, now)) > deadline)
        st = CCP_TIMEOUT;
    else {
        x->wanted += k;
        x->waiting++;
        st = x->is_turn ? CCP_BUSY : CCP_AGAIN;
        if (x->is_turn)
            ccpi_queue_add(ccpi_line_queue(&x->line), &s->node);
        x->is_turn = true;
    }
    unlock(x);
    return st;
}

/* Waits for the turn. */
static ccp_status stand(ccp_window *x, size_t k, ccpi_stander *s, ccp_wait w)
{
    uint32_t verdict = ccpi_wait_sleep(w, &s->waiter, ccpi_wait_deadline(w));
    if (verdict == 1)
        return CCP_OK;
    lock(x);
    (void)ccpi_line_remove(&x->line, s);
    x->wanted -= k;
    unlock(x);
    return ccpi_line_failed(w, verdict);
}

/* It has the turn, W2. */
static ccp_status sleep_and_take(ccp_window *x, size_t k, ccp_wait w)
{
    lock(x);
    int64_t now = not_before(x, ccpi_clock_now()), at = first_time(x, k, now);
    unlock(x);
    ccp_status st = CCP_OK;
    ccpi_waiter waiter;
    ccpi_waiter_init(&waiter, "ccp_window_take", x);
    if (at > ccpi_wait_deadline(w))
        st = CCP_TIMEOUT;
    else if (at > now && ccpi_wait_sleep(w, &waiter, at) == CCPI_ENDED)
        st = ccp_ctx_status(w.ctx_);
    lock(x);
    if (st == CCP_OK)
        write_down(x, k, not_before(x, ccpi_clock_now()));
    x->wanted -= k;
    ccpi_node *next = ccpi_line_pop(&x->line);
    x->is_turn = next != NULL;
    unlock(x);
    if (next)
        ccpi_waiter_wake(next->waiter);
    return st;
}

static CCPI_COLD ccp_status take_slow(ccp_window *x, size_t k, ccp_wait w)
{
    w = ccp_start(w);
    ccpi_stander s;
    ccpi_stander_init(&s, "ccp_window_take", &x->line);
    ccp_status st = enter(x, k, &s, ccpi_wait_deadline(w));
    if (st != CCP_AGAIN && st != CCP_BUSY)
        return st;
    if (st == CCP_AGAIN || (st = stand(x, k, &s, w)) == CCP_OK)
        st = sleep_and_take(x, k, w);
    lock(x);
    x->waiting--;
    unlock(x);
    return st;
}

/* ---- The public calls ---- */

static bool take_now(ccp_window *x, size_t k, const int64_t *t)
{
    lock(x);
    /* Read under the lock: what is written down ascends. */
    bool taken = take_locked(x, k, t ? *t : ccpi_clock_now());
    unlock(x);
    return taken;
}

ccp_status ccp_window_take(ccp_window *x, size_t k, ccp_wait w)
{
    if (!x || k > x->n)
        return CCP_INVAL;
    if (ccpi_is_dead(x))
        return CCP_FORKED;
    ccp_status st = ccpi_wait_enter(w);
    if (st != CCP_OK || k == 0 || take_now(x, k, NULL))
        return st;
    return ccpi_wait_not_at_all(w) ? CCP_AGAIN : take_slow(x, k, w);
}

/* Any time but the one that means never. */
static int64_t given(int64_t t)
{
    return t == NEVER ? t + 1 : t;
}

ccp_status ccp_window_take_at(ccp_window *x, size_t k, int64_t t)
{
    if (!x || k > x->n)
        return CCP_INVAL;
    if (ccpi_is_dead(x))
        return CCP_FORKED;
    t = given(t);
    return k == 0 || take_now(x, k, &t) ? CCP_OK : CCP_AGAIN;
}

int64_t ccp_window_when_at(ccp_window *x, size_t k, int64_t t)
{
    if (!x || k > x->n)
        return INT64_MAX;
    if (ccpi_is_dead(x))
        return INT64_MAX;
    lock(x);
    int64_t now = not_before(x, given(t));
    int64_t at = x->wanted + k ? first_time_behind(x, k, now) : now;
    unlock(x);
    return at;
}

int64_t ccp_window_when(ccp_window *x, size_t k)
{
    return ccp_window_when_at(x, k, ccpi_clock_now());
}
