/* SPDX-License-Identifier: MIT
 *
 * Who sleeps, and for what; the invariants are in sleepers.h.
 */
/* uses: waiter */
#include "block/sleepers.h"

#include "base/fds.h"
#include "base/fork.h"
#include "base/lock.h"
#include "base/thread.h"

#define SHARDS 32

typedef struct shard {
    _Alignas(CCPI_LINE) ccpi_lock lock;
    ccpi_list list; /* under lock */
} shard;

static shard shards[SHARDS];
static ccpi_word64 last_serial; /* relaxed: S3 is all it is for */

#define SLEEPER(ptr) CCPI_CONTAINER(ptr, ccpi_sleeper, link)

static shard *shard_of(uint64_t thread)
{
    return &shards[thread % SHARDS];
}

void ccpi_sleepers_enter(ccpi_sleeper *s, ccpi_waiter *w, int64_t deadline)
{
    s->waiter = w;
    s->serial = atomic_fetch_add_explicit(&last_serial, 1, CCPI_RLX) + 1;
    s->thread = ccpi_thread_id();
    s->since = ccpi_clock_now();
    s->deadline = deadline;
    const ccpi_self *self = ccpi_self_get();
    s->pool = self->home ? self->home->pool : NULL;
    s->place = self->place;
    s->firm = self->firm;
    s->ended = false;
    shard *in = shard_of(s->thread);
    ccpi_lock_acquire(&in->lock);
    ccpi_list_append(&in->list, &s->link);
    ccpi_lock_release(&in->lock);
}

bool ccpi_sleepers_leave(ccpi_sleeper *s)
{
    shard *in = shard_of(s->thread);
    ccpi_lock_acquire(&in->lock);
    ccpi_list_remove(&in->list, &s->link);
    bool ended = s->ended;
    ccpi_lock_release(&in->lock);
    return ended;
}

/* S5 */
static void begin_anew(void)
{
    for (size_t i = 0; i < SHARDS; i++) {
        ccpi_lock_renew(&shards[i].lock);
        shards[i].list = (ccpi_list){ NULL, NULL };
    }
}

static const ccpi_fork_part fork_part = { NULL, NULL, begin_anew };

bool ccpi_sleepers_on(void)
{
    return ccpi_fork_join(CCPI_FORK_SLEEPERS, &fork_part);
}

/* ---- looking ---- */

/* By ccp_case.op_: what select.c makes of it. */
static const char *call_of(const ccp_case *k)
{
    static const char *const calls[] = { "ccp_chan_recv", "ccp_chan_send", "ccp_ctx_cancel" };
    return calls[k->op_];
}

static ccpi_sleep_case copy_of(const ccp_case *k)
{
    if (k->op_ == CCPI_CASE_FD)
        return (ccpi_sleep_case){ .fd = ccpi_fd_of_case(k), .events = ccpi_events_of_case(k) };
    return (ccpi_sleep_case){ .object = k->obj_, .call = call_of(k) };
}

static void copy_cases(ccpi_sleep *out, const ccpi_waiter *w)
{
    const ccp_case *cases = w->object;
    for (uint32_t i = 0; i < w->cases; i++) {
        if (!cases[i].obj_)
            continue;
        if (out->cases < CCPI_SLEEP_CASES)
            out->of[out->cases] = copy_of(&cases[i]);
        out->cases++;
    }
}

static bool is_awake(const ccpi_waiter *w)
{
    /* Relaxed: what a thread has done before it went to sleep is seen by who has found it there. */
    return atomic_load_explicit(&w->verdict, CCPI_RLX) != CCPI_WAITING;
}

static void copy_locked(ccpi_sleep *out, const ccpi_sleeper *s)
{
    const ccpi_waiter *w = s->waiter;
    bool from_here = s->place.call && strcmp(s->place.call, w->call) == 0;
    *out = (ccpi_sleep){
        .serial = s->serial,
        .thread = s->thread,
        .pool = s->pool,
        .since = s->since,
        .deadline = s->deadline,
        .call = w->call,
        .object = w->cases ? NULL : w->object,
        .ctx = w->ctx,
        .file = from_here ? s->place.file : NULL,
        .line = s->place.line,
        .awake = is_awake(w),
        .outside = w->fds != NULL,
        .firm = s->firm,
    };
    copy_cases(out, w);
}

/* Keeps out[0 .. n - 1] in order, of which the last is new. */
static void sort_in(ccpi_sleep *out, size_t n)
{
    ccpi_sleep last = out[n - 1];
    size_t i = n - 1;
    for (; i > 0 && out[i - 1].serial > last.serial; i--)
        out[i] = out[i - 1];
    out[i] = last;
}

size_t ccpi_sleepers_copy(ccpi_sleep *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        ccpi_lock_acquire(&shards[i].lock);
        for (ccpi_link *l = shards[i].list.first; l; l = l->next)
            if (n++ < max)
                copy_locked(&out[n - 1], SLEEPER(l));
        ccpi_lock_release(&shards[i].lock);
    }
    for (size_t k = 2; k <= n && k <= max; k++)
        sort_in(out, k);
    return n;
}

static ccpi_sleeper *find_locked(const shard *in, uint64_t serial)
{
    for (ccpi_link *l = in->list.first; l; l = l->next)
        if (SLEEPER(l)->serial == serial)
            return SLEEPER(l);
    return NULL;
}

bool ccpi_sleepers_still(const ccpi_sleep *s)
{
    shard *in = shard_of(s->thread);
    ccpi_lock_acquire(&in->lock);
    const ccpi_sleeper *found = find_locked(in, s->serial);
    bool still = found && !is_awake(found->waiter);
    ccpi_lock_release(&in->lock);
    return still;
}

bool ccpi_sleepers_end(const ccpi_sleep *s)
{
    shard *in = shard_of(s->thread);
    ccpi_lock_acquire(&in->lock);
    ccpi_sleeper *found = find_locked(in, s->serial);
    bool won = found && ccpi_waiter_claim(found->waiter, CCPI_GAVE_UP);
    if (won) {
        found->ended = true;
        ccpi_waiter_wake(found->waiter); /* S2: it cannot leave before the lock is released */
    }
    ccpi_lock_release(&in->lock);
    return won;
}
