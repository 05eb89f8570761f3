/* SPDX-License-Identifier: MIT
 *
 * Mutexes and reader-writer locks: every pair of operations, with the lock free, held, held for the
 * other side, with and without a thread that waits, every schedule; triples; memory that goes with
 * the lock held.
 *
 * What a lock protects is plain memory, so the explorer sees a race where two are inside (M1).
 * When nobody can go on, nobody waits for a lock that is free; when it was unlocked, all have had
 * it.
 */
#include "scene.h"

#include "block/tuning.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    LOCK,
    LOCK_TIMED,
    LOCK_CTX,
    LOCK_NOWAIT,
    LOCK_TWICE, /* lock, unlock, lock, unlock */
    UNLOCK,     /* of who holds it from the beginning; or misuse */
    READ,
    READ_TIMED,
    READ_CTX,
    READ_NOWAIT,
    READ_UNLOCK,
    CTX_CANCEL,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "lock", "lock_timed", "lock_ctx", "lock_nowait", "lock_twice", "unlock", "read", "read_timed",
    "read_ctx", "read_nowait", "read_unlock", "ctx_cancel",
};

enum { FREE, HELD, READ_HELD };

typedef struct play {
    bool rw;
    bool starves; /* whoever was woken in vain has starved */
    tuning tuned;
    int held;
    int parked;   /* threads that wait from the beginning */
    operation waits; /* what they do */
    int ops;
    operation op[3];
} play;

static const play *now;
static ccp_mutex *mu;
static ccp_rwlock *rw;
static ccp_ctx *ctx;
static long writes;             /* plain: what the lock protects */
static int waiting[SIM_THREADS];
static _Atomic int held, turns; /* held: by nobody that is in a function here */

static ccp_status lock(ccp_wait w)
{
    return now->rw ? ccp_rwlock_wrlock(rw, w) : ccp_mutex_lock(mu, w);
}

static ccp_status unlock(void)
{
    return now->rw ? ccp_rwlock_wrunlock(rw) : ccp_mutex_unlock(mu);
}

static void write_inside(ccp_wait w, ccp_status other)
{
    waiting[sim_self()] = 1;
    ccp_status st = lock(w);
    waiting[sim_self()] = 0;
    sim_assert(st == CCP_OK || st == other);
    if (st != CCP_OK)
        return;
    writes++;
    atomic_fetch_add(&turns, 1);
    sim_assert(unlock() == CCP_OK);
}

static void read_inside(ccp_wait w, ccp_status other)
{
    waiting[sim_self()] = 1;
    ccp_status st = ccp_rwlock_rdlock(rw, w);
    waiting[sim_self()] = 0;
    sim_assert(st == CCP_OK || st == other);
    if (st != CCP_OK)
        return;
    sim_assert(writes >= 0);
    atomic_fetch_add(&turns, 1);
    sim_assert(ccp_rwlock_rdunlock(rw) == CCP_OK);
}

/* Only who takes `held` may unlock. */
static void let_go(int which)
{
    int is = which;
    if (!atomic_compare_exchange_strong(&held, &is, FREE))
        return;
    if (which == READ_HELD)
        sim_assert(ccp_rwlock_rdunlock(rw) == CCP_OK);
    else {
        writes++;
        sim_assert(unlock() == CCP_OK);
    }
}

static void act_out(void *arg)
{
    switch (*(const operation *)arg) {
    case LOCK: write_inside(CCP_FOREVER, CCP_OK); break;
    case LOCK_TIMED: write_inside(ccp_within(100), CCP_TIMEOUT); break;
    case LOCK_CTX: write_inside(ccp_with(ctx), CCP_CANCELED); break;
    case LOCK_NOWAIT: write_inside(CCP_NOWAIT, CCP_AGAIN); break;
    case LOCK_TWICE:
        write_inside(CCP_FOREVER, CCP_OK);
        write_inside(CCP_FOREVER, CCP_OK);
        break;
    case UNLOCK: let_go(HELD); break;
    case READ: read_inside(CCP_FOREVER, CCP_OK); break;
    case READ_TIMED: read_inside(ccp_within(100), CCP_TIMEOUT); break;
    case READ_CTX: read_inside(ccp_with(ctx), CCP_CANCELED); break;
    case READ_NOWAIT: read_inside(CCP_NOWAIT, CCP_AGAIN); break;
    case READ_UNLOCK: let_go(READ_HELD); break;
    default: ccp_ctx_cancel(ctx); break;
    }
}

static void set_up(const play *p)
{
    now = p;
    scene_tune(p->tuned);
    ccpi_tuning.starved = p->starves ? 0 : INT64_MAX;
    ctx = ccp_ctx_new(NULL, CCP_FOREVER);
    sim_assert(ctx);
    mu = sim_alloc(sizeof *mu);
    *mu = (ccp_mutex)CCP_MUTEX_INIT;
    rw = sim_alloc(sizeof *rw);
    *rw = (ccp_rwlock)CCP_RWLOCK_INIT;
    atomic_store(&held, p->held);
    if (p->held == HELD)
        sim_assert(lock(CCP_NOWAIT) == CCP_OK);
    if (p->held == READ_HELD)
        sim_assert(ccp_rwlock_rdlock(rw, CCP_NOWAIT) == CCP_OK);
    for (int i = 0; i < p->parked; i++) {
        sim_spawn(act_out, (void *)(uintptr_t)&p->waits);
        sim_settle();
    }
}

static void finish(const play *p)
{
    sim_settle();
    int holder = atomic_load(&held);
    sim_assert(holder != FREE || !scene_any(waiting));
    if (holder != FREE)
        let_go(holder);
    sim_settle();
    sim_assert(!scene_any(waiting));
    sim_join();
    const ccp_line_ *l = p->rw ? &rw->line_ : &mu->line_;
    sim_assert(!l->first_ && !l->last_ && (p->rw || l->state_ == 0));
    sim_assert(lock(CCP_NOWAIT) == CCP_OK && unlock() == CCP_OK);
    sim_assert(ccp_ctx_free(ctx) == CCP_OK);
    sim_free(mu);
    sim_free(rw);
    sim_assert(ccp_live_blocks() == 0);
    sim_outcome((uint64_t)atomic_load(&turns));
}

static void run_play(void *arg)
{
    const play *p = arg;
    set_up(p);
    for (int i = 0; i < p->ops; i++)
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    finish(p);
}

/* ---- Unlocking too often (M4): one of two is told ---- */

static int refused[SIM_THREADS];

static void unlock_too(void *arg)
{
    (void)arg;
    ccp_status st = ccp_mutex_unlock(mu);
    sim_assert(st == CCP_OK || st == CCP_MISUSE);
    refused[sim_self()] = st == CCP_MISUSE;
}

static void lock_and_keep(void *arg)
{
    (void)arg;
    sim_assert(ccp_mutex_lock(mu, ccp_within(100)) != CCP_AGAIN);
}

static void too_often(void *arg)
{
    static ccp_mutex m = CCP_MUTEX_INIT;
    scene_tune(STILL);
    ccp_set_misuse_hook(NULL);
    ccpi_tuning.starved = 0;
    mu = &m;
    sim_assert(ccp_mutex_lock(mu, CCP_NOWAIT) == CCP_OK);
    if (arg) {
        sim_spawn(lock_and_keep, NULL);
        sim_settle();
    }
    sim_spawn(unlock_too, NULL);
    sim_spawn(unlock_too, NULL);
    sim_join();
    int n = 0;
    for (int t = 0; t < SIM_THREADS; t++)
        n += refused[t];
    sim_assert(arg ? n <= 1 : n == 1);
    sim_assert(!mu->line_.first_);
}

/* ---- Memory that goes with the lock held (M5) ---- */

typedef struct object {
    ccp_mutex mu;
    ccp_rwlock rw;
    int users;
} object;

static _Atomic(object *) shared;

static void use_and_leave(void *arg)
{
    bool timed = arg != NULL;
    object *o = atomic_load(&shared);
    while (ccp_mutex_lock(&o->mu, timed ? ccp_within(100) : CCP_FOREVER) != CCP_OK)
        timed = false;
    bool last = --o->users == 0;
    sim_assert(ccp_mutex_unlock(&o->mu) == CCP_OK);
    if (last)
        sim_free(o);
}

static void mutex_goes(void *arg)
{
    static const int yes = 1;
    int n = *(const int *)arg;
    scene_tune(STILL);
    ccpi_tuning.starved = n == 2 ? 0 : INT64_MAX;
    object *o = sim_alloc(sizeof *o);
    *o = (object){ .users = n < 3 ? 2 : 3 };
    atomic_store(&shared, o);
    int users = o->users;
    for (int i = 0; i < users; i++)
        sim_spawn(use_and_leave, i == 1 ? (void *)(uintptr_t)&yes : NULL);
    sim_join();
}

static void stop_reading(void *arg)
{
    (void)arg;
    sim_assert(ccp_rwlock_rdunlock(&atomic_load(&shared)->rw) == CCP_OK);
}

static void rwlock_goes(void *arg)
{
    (void)arg;
    scene_tune(STILL);
    object *o = sim_alloc(sizeof *o);
    *o = (object){ .users = 0 };
    atomic_store(&shared, o);
    for (int i = 0; i < 2; i++)
        sim_assert(ccp_rwlock_rdlock(&o->rw, CCP_NOWAIT) == CCP_OK);
    for (int i = 0; i < 2; i++)
        sim_spawn(stop_reading, NULL);
    sim_assert(ccp_rwlock_wrlock(&o->rw, CCP_FOREVER) == CCP_OK);
    sim_free(o);
    sim_join();
}

/* ---- The table ---- */

static bool reads(operation op)
{
    return op >= READ && op <= READ_UNLOCK;
}

static bool waits(operation op)
{
    return op <= LOCK_CTX || op == LOCK_TWICE || (op >= READ && op <= READ_CTX);
}

static bool legal(const play *p)
{
    for (int i = 0; i < p->ops; i++)
        if ((reads(p->op[i]) && !p->rw) || (p->op[i] == UNLOCK && p->held != HELD) ||
            (p->op[i] == READ_UNLOCK && p->held != READ_HELD))
            return false;
    return p->held != READ_HELD || p->rw;
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    static const char *const names[] = { "free", "held", "read" };
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s%s%s.%s.waits%d.%s", how,
              p->rw ? "rwlock" : "mutex", p->starves ? ".starves" : "", p->tuned ? ".quick" : "",
              names[p->held], p->parked, ops);
}

static void add_pair(const play *p)
{
    if (!legal(p))
        return;
    bool large = (p->parked != 0) + waits(p->op[0]) + waits(p->op[1]) > 2;
    if (large)
        add_play(p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2 }, "two");
    else
        add_play(p, NULL, "pair");
}

static void pairs(void)
{
    for (int kind = 0; kind < 3; kind++) /* mutex, starving mutex, rwlock */
        for (int h = FREE; h <= READ_HELD; h++)
            for (int parked = 0; parked <= (h ? 2 : 0); parked++)
                for (int a = 0; a < OPERATIONS; a++)
                    for (int b = a; b < OPERATIONS; b++) {
                        play p = { kind == 2, kind == 1, STILL, h, parked, LOCK, 2,
                                   { (operation)a, (operation)b } };
                        add_pair(&p);
                    }
}

static void triples(void)
{
    for (int kind = 0; kind < 3; kind++)
        for (int a = 0; a < OPERATIONS; a++)
            for (int b = a; b < OPERATIONS; b++)
                for (int c = b; c < OPERATIONS; c++) {
                    play p = { kind == 2, kind == 1, STILL, HELD, 0, LOCK, 3,
                               { (operation)a, (operation)b, (operation)c } };
                    if (legal(&p))
                        add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2 }, "two");
                }
}

/* Two that look a few times before they stand in the line. */
static void quick_pairs(void)
{
    static const operation op[] = { LOCK, LOCK_TIMED, LOCK_TWICE };
    for (size_t a = 0; a < 3; a++)
        for (int h = FREE; h <= HELD; h++) {
            play p = { false, false, QUICK, h, 0, LOCK, 2, { op[a], LOCK_TWICE } };
            add_play(&p, &(sim_options){ .mode = SIM_DFS, .preemptions = 2 }, "two");
        }
}

int main(int argc, char **argv)
{
    static const int one = 1, two = 2, three = 3;
    const sim_options few = { .mode = SIM_DFS, .preemptions = 2 };
    pairs();
    triples();
    quick_pairs();
    scene_add(too_often, NULL, NULL, "too_often");
    scene_add(too_often, (void *)(uintptr_t)&one, NULL, "too_often.waiter");
    scene_add(mutex_goes, (void *)(uintptr_t)&one, NULL, "goes.mutex.2");
    scene_add(mutex_goes, (void *)(uintptr_t)&two, NULL, "goes.mutex.2.starves");
    scene_add(mutex_goes, (void *)(uintptr_t)&three, &few, "two_goes.mutex.3");
    scene_add(rwlock_goes, NULL, NULL, "goes.rwlock");
    return scene_main(argc, argv);
}
