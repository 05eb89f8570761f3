/* SPDX-License-Identifier: MIT
 *
 * Pools, seen from inside.
 *
 * Representation  Tasks travel through one channel, by its public calls; in a measured pool each
 *                 with the time when it was submitted.  A worker is a slot in a list, and the
 *                 thread that has it.  `size`:
 *
 *      63             32 31              0
 *     +-----------------+-----------------+
 *     |      limit      |      live       |
 *     +-----------------+-----------------+
 *   limit  workers that there may be: `base`, and `lent` for tasks that block.
 *   live   slots that are STARTING or READY.
 *
 * Invariants
 *   P1  A worker's `turn` is even while it has no task, odd while it has one: turn / 2 tasks have
 *       finished, (turn + 1) / 2 were taken.  Only the worker changes it; who has the slot next
 *       goes on counting.  A task that a worker has taken is noted from then on.
 *   P2  Each element of the channel is noted once: in a worker's turn, in `returned`, or in
 *       `skipped`.  So is what is offered by rendezvous, nobody takes, and is no task; a task that
 *       nobody takes is not counted as offered any more.
 *   P3  Slots are added at the end of the list and stay until the pool is freed; a worker is in the
 *       list before it runs.
 *   P4  `size` and `state` change under the lock.
 * Locks           `lock` protects the sizes, the list of slots and the queue of drains.
 */
#ifndef CCPI_FLOW_POOL_H
#define CCPI_FLOW_POOL_H

#include "base/event.h"
#include "base/heap.h"
#include "base/lock.h"
#include "base/list.h"
#include "base/machine.h"
#include "base/thread.h"
#include "ccp.h"

typedef struct ccpi_worker ccpi_worker;

/* An element of the channel.  Without a function it is a ticket, and `arg` is the job that it came
 * with; or, if that is NULL too, it is for nobody to run: an idle worker shall look at the size. */
typedef struct ccpi_task {
    ccp_task fn;
    void *arg;
    int64_t since; /* in measured pools only, last: when it was submitted */
} ccpi_task;

/* What a worker of a measured pool knows of its tasks: it alone changes that, relaxed; who has seen
 * that a task has finished sees it in here, too. */
typedef struct ccpi_figures {
    ccpi_word64 tasks;
    ccpi_word64 queued;  /* ns that they waited before they began */
    ccpi_word64 longest; /* of one of them */
    ccpi_word64 ran;     /* ns that they took */
    ccpi_word64 spent;   /* ns of the processors */
    ccpi_word64 blocked; /* tasks that gave the processor up */
    ccpi_word64 slowest; /* ns that one of them took, at most */
} ccpi_figures;

/* How many of its tasks waited, and ran, for how long; as the above. */
typedef struct ccpi_spans {
    ccpi_word64 queued[CCP_HISTOGRAM_BUCKETS];
    ccpi_word64 ran[CCP_HISTOGRAM_BUCKETS];
} ccpi_spans;

/* States of a slot. */
enum {
    CCPI_W_VACANT,   /* has no thread */
    CCPI_W_STARTING, /* its thread is being started, or has not come to its first task */
    CCPI_W_READY,
    CCPI_W_LEAVING,  /* takes no more tasks */
    CCPI_W_ENDED     /* its thread has ended, or is about to: it can be joined once `joinable` */
};

struct ccpi_worker {
    _Alignas(CCPI_LINE) ccpi_word64 turn; /* atomic, see P1 */
    ccpi_word64 failed;                   /* atomic: a count */
    ccpi_word32 state;                    /* atomic, see P4 */
    int index;                            /* const after new */
    ccpi_home home;                       /* const after new */
    _Atomic(ccpi_worker *) next;          /* atomic: changes once, under lock */
    ccpi_task first;                      /* written before the thread is started */
    unsigned sections;                    /* the worker's own: blocking sections it is in */
    ccpi_thread thread;                   /* under lock */
    bool joinable;                        /* under lock: `thread` is known, and not joined */
    ccpi_word64 began;                    /* atomic, measured pools only: see K2 in pool_stats.c */
    ccpi_word64 number;                   /* atomic: that the system has for the thread; 0: none */
    uint64_t seen;                        /* under the lock of the looks, K2: a turn, */
    int64_t seen_at;                      /* and when a look first found it */
    _Alignas(CCPI_LINE) ccpi_figures figures; /* atomic, see there */
    ccpi_word32 clock;                    /* atomic, tuned pools only: of the worker's thread */
    int64_t spent;                        /* who tunes: what it showed last */
    ccpi_spans spans[];                   /* atomic: one, in measured pools only */
};

/* A look found that tasks wait: once so many tasks have gone, none of these does any more. */
typedef struct ccpi_sighting {
    uint64_t gone;
    int64_t at;
} ccpi_sighting;

#define CCPI_SIGHTINGS 16

/* What looks have found; the invariants are in pool_stats.c. */
typedef struct ccpi_looks {
    ccpi_lock lock;
    unsigned count;                         /* under lock */
    ccpi_sighting found[CCPI_SIGHTINGS];    /* under lock: in the order of time */
} ccpi_looks;

/* Tasks with options; the invariants are in pool_jobs.c. */
typedef struct ccpi_jobs {
    ccpi_lock lock;
    ccpi_leaf *best;   /* under lock: those that wait, by their rank */
    ccpi_list waiting; /* under lock: the same, in the order of their acceptance */
    ccpi_list running; /* under lock: those that a worker has */
    ccpi_word64 accepted; /* atomic: how many ever were; changes under lock */
    size_t spare;      /* under lock: tickets more than jobs that wait */
    size_t owed;       /* under lock: tickets being offered whose job was taken out: J7 */
    uint64_t withdrawn; /* under lock: jobs that left theirs behind, those of `owed` too */
    unsigned begun;    /* under lock: since the one that had waited longest was taken */
    uint64_t expired;  /* under lock: dropped since their time was over */
    uint64_t canceled; /* under lock: dropped since somebody wanted that */
    uint64_t unmade;   /* under lock: dropped since memory was short */
    uint64_t closed;   /* under lock: had no place when the pool was closed */
    ccpi_list late;    /* under lock: those that wait for their time, or then for a place */
    size_t late_now;   /* under lock: how many these are */
    ccpi_word64 lates; /* atomic: how many ever were; changes under lock */
    _Atomic(ccp_timers *) timers; /* atomic: changes once; NULL: none waited for its time so far */
} ccpi_jobs;

struct ccp_pool {
    ccp_chan *tasks;     /* const after new */
    bool plain;          /* const after new: a task needs only to be sent; see pool_fork.c */
    bool elastic;        /* const after new: who submits looks whether a worker is needed */
    bool met;            /* const after new: tasks are accepted by rendezvous */
    bool measured;       /* const after new: figures are taken of tasks; here for who submits */
    ccp_ctx *ctx;        /* const after new: ends when the pool is shut down */
    ccp_pool_opts opts;  /* const after new */
    ccpi_word64 size;    /* atomic, see above */
    _Atomic(ccpi_worker *) first; /* atomic, see P3 */
    ccpi_word32 drainers; /* atomic: threads in ccp_pool_drain() or ccp_pool_wait(), and the
                           * descriptor, if it is armed */
    ccpi_lock lock;
    ccpi_list drains;     /* under lock: those that sleep until a task has finished */
    ccpi_event idle;      /* const once made, see pool_idle.c */
    bool idle_made;       /* under lock */
    ccpi_word32 idle_armed; /* atomic; changes under lock */
    ccpi_worker *last;    /* under lock */
    int slots;            /* under lock: how many there are */
    ccpi_word32 most;     /* atomic: most that were ever live; changes under lock */
    bool stopping;        /* under lock: no more threads are started */
    ccpi_word32 base;     /* atomic: the limit that was set; changes under lock */
    ccpi_word32 bound;    /* atomic: what it may be, in a tuned pool; changes under lock */
    unsigned blocked;     /* under lock: tasks that block, or wait for room in their own queue */
    unsigned stalled;     /* under lock: workers lent because nothing went on */
    unsigned stuck;       /* under lock: of the latter, those that wait for ever */
    ccp_wg starting;      /* threads that start workers */
    ccp_chan *alarm;      /* const after new: wakes who watches; NULL: nobody does */
    ccpi_thread watcher;  /* const after new */
    ccpi_word32 resting;  /* atomic: who watches wants to be woken */
    ccpi_word32 shut;     /* atomic: ccp_pool_shutdown() was called */
    bool handing_back;    /* under lock: hand_back() has begun to take tasks from the channel */
    ccpi_word64 returned; /* atomic: tasks taken back from the channel by hand_back() */
    ccpi_word64 skipped;  /* atomic: elements received that were no tasks, or were dropped; P2 */
    ccpi_word64 dropped;  /* atomic: tasks that were dropped since there was no room */
    ccpi_word64 ran_here; /* atomic: tasks that ran in who submitted them */
    ccpi_word64 failed_here; /* atomic: of them, those that failed */
    ccpi_word32 blanks;   /* atomic: elements of the channel, not noted yet, that stand for no task;
                           * never too few */
    ccpi_looks looks;
    ccpi_word32 forked;   /* atomic: it was the parent's of this process, see pool_fork.c */
    _Atomic(ccp_pool *) in_child; /* atomic: changes once; does its work here, if it is `forked` */
    ccpi_jobs jobs;
    _Alignas(CCPI_LINE) ccpi_word64 offered; /* atomic, rendezvous only: elements accepted, or
                                              * being offered; P2 */
    ccpi_word32 entering; /* atomic, with `idle` and a queue only: threads in ccp_pool_submit() */
};

#define CCPI_POOL_LIVE(size) ((unsigned)(uint32_t)(size))
#define CCPI_POOL_LIMIT(size) ((unsigned)((size) >> 32))

CCPI_INLINE uint64_t ccpi_pool_size(const ccp_pool *p)
{
    /* [Z1] seq_cst, Dekker: after a turn was stored, a task sent, a state changed.  Pairs with the
     * stores in set_size_locked(). */
    return atomic_load_explicit(&p->size, CCPI_SC);
}

CCPI_INLINE ccpi_worker *ccpi_pool_next(const _Atomic(ccpi_worker *) *link)
{
    /* [Z2] acquire: the slot.  Pairs with the release in append_slot(). */
    return atomic_load_explicit(link, CCPI_ACQ);
}

CCPI_INLINE uint64_t ccpi_pool_turn(const ccpi_worker *w)
{
    /* [Q1] [Q2] seq_cst: after `drainers` was counted, a task sent, the limit lowered; acquire:
     * what the tasks did. */
    return atomic_load_explicit(&w->turn, CCPI_SC);
}

/* What a task carries that is submitted now. */
CCPI_INLINE int64_t ccpi_pool_stamp(const ccp_pool *p)
{
    return CCPI_UNLIKELY(p->measured) ? ccpi_clock_now() : 0;
}

/* The context that ends when the pool is shut down. */
ccp_ctx *ccpi_pool_ctx(const ccp_pool *p);

/* Is the calling thread one of the pool's workers? */
bool ccpi_pool_is_own_thread(const ccp_pool *p);

/* As ccp_pool_submit(), for a ticket too. */
ccp_status ccpi_pool_accept(ccp_pool *p, const ccpi_task *t, ccp_wait w);

/* The same, but for want of room it fails, whatever `full` says. */
ccp_status ccpi_pool_offer(ccp_pool *p, const ccpi_task *t, ccp_wait w);

/* What the thread of a worker runs. */
void ccpi_pool_work(void *worker);

/* ---- pool_size.c ---- */

typedef enum ccpi_grown {
    CCPI_GROWN,  /* a worker was started */
    CCPI_ENOUGH, /* no more are allowed */
    CCPI_SHORT   /* memory or threads are short */
} ccpi_grown;

/* While there are workers too many: lets an idle one look at the size. */
void ccpi_pool_kick(ccp_pool *p);

/* Sets the limit, as far as the bound allows, and starts those that are missing; false if memory or
 * threads are short: then there are as many as could be had. */
bool ccpi_pool_set_base(ccp_pool *p, unsigned base);

/* Starts a worker, with a first task if there is one, unless as many live as may. */
ccpi_grown ccpi_pool_grow(ccp_pool *p, const ccpi_task *first);

/* Are workers needed for the tasks that were accepted, and allowed? */
bool ccpi_pool_needs(const ccp_pool *p);

/* Lends a worker more, or takes one back, because of what who watches has seen: false if none is
 * left, or none is lent. */
bool ccpi_pool_lend(ccp_pool *p, bool more);

/* A task of the pool begins to block, and ends: meanwhile there may be a worker more. */
void ccpi_pool_block(ccp_pool *p);
void ccpi_pool_unblock(ccp_pool *p);

/* A task of the pool begins to wait for ever for room in the queue; false, and nothing is changed,
 * if then nobody would be left to make room. */
bool ccpi_pool_stick(ccp_pool *p);
void ccpi_pool_unstick(ccp_pool *p);

/* A worker without a task is one too many, or has been idle for long: true if it shall end. */
bool ccpi_pool_leave(ccpi_worker *w, bool idle);

/* The worker's thread has come to its first task; it has had its last one. */
void ccpi_pool_ready(ccpi_worker *w);
void ccpi_pool_ended(ccpi_worker *w);

/* No more threads are started from now on; joins them all, who are about to end. */
void ccpi_pool_join(ccp_pool *p);

/* ---- pool_watch.c ---- */

/* Starts who watches, if the pool's options want that. */
bool ccpi_pool_watch(ccp_pool *p);

/* A task may have to wait. */
void ccpi_pool_alarm(ccp_pool *p);

void ccpi_pool_unwatch(ccp_pool *p);

/* ---- pool_jobs.c ---- */

/* Which job a ticket is redeemed for. */
typedef enum ccpi_redeem {
    CCPI_BEST,   /* whose turn it is, of those that wait */
    CCPI_OLDEST, /* that waits longest */
    CCPI_OWN     /* that came with it: the ticket was not accepted */
} ccpi_redeem;

/* Makes of a ticket a task to be run under ctx; false if there is none, or it was dropped: then the
 * ticket is a blank one (pool_stats.c). */
bool ccpi_jobs_begin(ccp_pool *p, ccpi_task *t, ccpi_redeem which, ccp_ctx *ctx);

/* Makes of a ticket a task to be undone; false if there is none: a blank one, too. */
bool ccpi_jobs_withdraw(ccp_pool *p, ccpi_task *t, ccpi_redeem which);

/* Hands back what ccpi_jobs_withdraw() gave; false if the task is no job. */
bool ccpi_job_undo(ccp_task fn, void *arg, ccp_unrun unrun, void *unrun_arg);

/* How many were accepted so far; have all but those accepted later come to their end? */
uint64_t ccpi_jobs_accepted(ccp_pool *p);
bool ccpi_jobs_settled(ccp_pool *p, uint64_t accepted);

/* Adds what is known of jobs. */
void ccpi_jobs_info(ccp_pool *p, ccp_pool_info *out);

/* ---- pool_late.c ---- */

/* Is the caller called by the thread that brings jobs into the queue at their time? */
bool ccpi_late_is_own_thread(const ccp_pool *p);

/* The channel is closed: hands back those that have no place. */
void ccpi_late_close(ccp_pool *p, ccp_unrun unrun, void *unrun_arg);

/* Is there none?  *ever is how many there were until now. */
bool ccpi_late_none(ccp_pool *p, uint64_t *ever);

/* Was none of them handed back since the pool was closed? */
bool ccpi_late_all_had_a_place(ccp_pool *p);

/* Ends that thread; there is none any more. */
void ccpi_late_end(ccp_pool *p);

/* ---- pool_fork.c ---- */

/* In the child of a fork: see ccpi_kind. */
void ccpi_pool_forked(void *pool);

CCPI_INLINE bool ccpi_pool_is_dead(const ccp_pool *p)
{
    /* Relaxed: it became so while there was one thread. */
    return CCPI_UNLIKELY(atomic_load_explicit(&p->forked, CCPI_RLX) != 0);
}

/* As ccpi_pool_accept(), once that says CCP_FORKED: of the pool, or of the context of w. */
ccp_status ccpi_pool_accept_in_child(ccp_pool *p, const ccpi_task *t, ccp_wait w);

/* The pool that does the work of one that is dead; NULL: none does so far. */
ccp_pool *ccpi_pool_in_child(const ccp_pool *p);

/* The pool itself, or the one that does its work in this process; NULL: it is dead. */
ccp_pool *ccpi_pool_alive_slow(const ccp_pool *p);
CCPI_INLINE ccp_pool *ccpi_pool_alive(const ccp_pool *p)
{
    return ccpi_pool_is_dead(p) ? ccpi_pool_alive_slow(p) : (ccp_pool *)(uintptr_t)p;
}

/* ---- pool_measure.c ---- */

/* Runs a task and takes its figures. */
ccp_status ccpi_pool_run_measured(ccpi_worker *w, const ccpi_task *t);

/* Adds those of a worker; all of them together say more. */
void ccpi_pool_add_figures(const ccpi_worker *w, ccp_pool_info *out);
void ccpi_pool_sum_up(ccp_pool_info *out);
void ccpi_pool_add_spans(const ccpi_worker *w, ccp_pool_stats *out);

/* ---- pool_stats.c ---- */

/* An element stands for no task, or not any more: before others can see that; and once it has been
 * noted, or is not in the channel. */
CCPI_INLINE void ccpi_pool_blank(ccp_pool *p)
{
    atomic_fetch_add_explicit(&p->blanks, 1, CCPI_RLX); /* a count */
}
CCPI_INLINE void ccpi_pool_blank_noted(ccp_pool *p)
{
    /* [Q5] release: it was noted before.  Pairs with count_tasks(). */
    atomic_fetch_sub_explicit(&p->blanks, 1, CCPI_REL);
}

/* Workers whose task has run for least <= ns <= most by `now`. */
typedef struct ccpi_overdue {
    int64_t now, least, most;
} ccpi_overdue;

/* Tells of up to max such workers; gives how many there are. */
size_t ccpi_pool_workers(ccp_pool *p, const ccpi_overdue *which, ccp_worker_info *out, size_t max);

/* ---- pool_drain.c ---- */

/* Was there a moment just now at which it had nothing to do? */
bool ccpi_pool_is_idle(ccp_pool *p);

/* Lets those who drain look again. */
void ccpi_pool_wake_drains(ccp_pool *p);

/* A task has finished, or will not run: tells those who wait for that. */
CCPI_INLINE void ccpi_pool_tell(ccp_pool *p)
{
    /* [Q1] seq_cst, Dekker: after a turn was stored, or an element noted.  Pairs with
     * wait_for(). */
    if (CCPI_UNLIKELY(atomic_load_explicit(&p->drainers, CCPI_SC) != 0))
        ccpi_pool_wake_drains(p);
}

/* ---- pool_idle.c ---- */

/* It may have nothing to do any more. */
void ccpi_pool_tell_idle(ccp_pool *p);

/* A call without waiting has found that it has something to do. */
void ccpi_pool_is_not_idle(ccp_pool *p);

/* The pool goes. */
void ccpi_pool_close_idle(const ccp_pool *p);

/* What the pool has in hand. */
typedef struct ccpi_books {
    uint64_t finished; /* by workers */
    uint64_t noted;    /* of the elements accepted; read before `accepted`, so never more */
    uint64_t accepted; /* by rendezvous: or offered */
    uint64_t received; /* by rendezvous: accepted or offered */
    unsigned idle;     /* workers that have no task, and will take one */
} ccpi_books;

void ccpi_pool_books(const ccp_pool *p, ccpi_books *b);

#endif
