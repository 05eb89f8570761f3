/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: every pair and triple of readers and of those who change a pointer, with
 * membarrier() and without.
 *
 * Some sections, in whole or in part, are those of the thread's reader (RU12).
 *
 * What is read is plain memory, and who changes the pointer gives back what it pointed to: so the
 * explorer sees a use after free, or a race, where a grace period ends too early (RU1), and a leak
 * where a deferred call is not made (RU4).
 */
#include "scene.h"

#include "lockfree/rcu.h"

#include <stdatomic.h>
#include <stdio.h>

typedef enum operation {
    READ,
    READ_NESTED, /* the inner one by its reader */
    READ_ON,     /* says by its reader that it is quiescent, and reads again */
    READ_TWICE,  /* two sections, the second by its reader, with one within it */
    READ_LEAVE,  /* by its reader, and unregisters */
    READ_END,    /* ends in its section */
    SYNC,        /* changes, waits, and frees */
    SYNC_TIMED,  /* for a time only */
    SYNC_NOWAIT,
    DEFER,
    DEFER_ALL,   /* and waits for all */
    BARRIER,
    OPERATIONS
} operation;

static const char *const operation_names[OPERATIONS] = {
    "read", "read_nested", "read_on", "read_twice", "read_leave", "read_end",
    "sync", "sync_timed", "sync_nowait", "defer", "defer_all", "barrier",
};

typedef struct play {
    bool fenced;
    size_t max_pending;
    int ops;
    operation op[3];
} play;

typedef struct block {
    ccp_rcu_head head;
    long value; /* plain; 1 while it is there */
} block;

static ccp_rcu *rcu;
static ccp_rcu_ptr current;
static atomic_int ends; /* of threads in a section, as the hook was told */
static atomic_int deferred, called;

static void count_end(const char *call, const char *rule)
{
    (void)call, (void)rule;
    atomic_fetch_add_explicit(&ends, 1, memory_order_relaxed);
}

static block *new_block(void)
{
    block *b = sim_alloc(sizeof *b);
    sim_assert(b);
    b->value = 1;
    return b;
}

static void free_block(void *arg)
{
    block *b = arg;
    sim_assert(b->value == 1);
    b->value = 0;
    sim_free(b);
}

static void call_free(void *arg)
{
    free_block(arg);
    atomic_fetch_add_explicit(&called, 1, memory_order_relaxed); /* a step */
}

static void lock(void)
{
    sim_assert(ccp_rcu_read_lock(rcu) == CCP_OK);
}

static void unlock(void)
{
    sim_assert(ccp_rcu_read_unlock(rcu) == CCP_OK);
}

/* By the reader of the thread, which is registered then. */
static void lock_reader(ccp_rcu_reader **r)
{
    sim_assert(ccp_rcu_reader_get(rcu, r) == CCP_OK);
    sim_assert(ccp_rcu_reader_lock(*r) == CCP_OK);
}

static void look(void)
{
    const block *b = ccp_rcu_ptr_get(&current);
    sim_assert(b->value == 1);
}

static void read_in(operation op)
{
    ccp_rcu_reader *me;
    if (op == READ_LEAVE)
        lock_reader(&me);
    else
        lock();
    look();
    if (op == READ_NESTED) {
        lock_reader(&me);
        look();
        sim_assert(ccp_rcu_reader_unlock(me) == CCP_OK);
        look();
    }
    if (op == READ_ON) {
        sim_assert(ccp_rcu_reader_get(rcu, &me) == CCP_OK);
        sim_assert(ccp_rcu_reader_quiescent(me) == CCP_OK);
        look();
    }
    if (op == READ_END)
        return;
    if (op == READ_LEAVE)
        sim_assert(ccp_rcu_reader_unlock(me) == CCP_OK);
    else
        unlock();
    if (op == READ_TWICE) {
        lock_reader(&me);
        lock();
        look();
        unlock();
        sim_assert(ccp_rcu_reader_unlock(me) == CCP_OK);
    }
    if (op == READ_LEAVE)
        sim_assert(ccp_rcu_unregister(rcu) == CCP_OK);
}

static void replace(operation op)
{
    block *old = ccp_rcu_ptr_swap(&current, new_block());
    ccp_wait w = op == SYNC_TIMED ? ccp_within(100) : op == SYNC_NOWAIT ? CCP_NOWAIT : CCP_FOREVER;
    ccp_status st = op >= DEFER ? CCP_AGAIN : ccp_rcu_synchronize(rcu, w);
    if (st == CCP_OK) {
        free_block(old);
        return;
    }
    sim_assert(st == CCP_AGAIN || (op == SYNC_TIMED && st == CCP_TIMEOUT));
    sim_assert(ccp_rcu_defer(rcu, &old->head, call_free, old, CCP_FOREVER) == CCP_OK);
    atomic_fetch_add_explicit(&deferred, 1, memory_order_relaxed);
}

/* What was deferred before has been done. */
static void wait_for_all(void)
{
    int before = atomic_fetch_add_explicit(&deferred, 0, memory_order_relaxed); /* never stale */
    sim_assert(ccp_rcu_barrier(rcu, CCP_FOREVER) == CCP_OK);
    sim_assert(atomic_load_explicit(&called, memory_order_relaxed) >= before);
}

static void act_out(void *arg)
{
    operation op = *(const operation *)arg;
    if (op < SYNC)
        read_in(op);
    else if (op == BARRIER)
        wait_for_all();
    else
        replace(op);
    if (op == DEFER_ALL)
        wait_for_all();
}

static void begin(bool fenced, size_t max_pending)
{
    scene_tune(STILL);
    ccp_set_misuse_hook(count_end);
    sim_hint(&ends, sizeof ends);
    sim_hint(&deferred, sizeof deferred);
    ccpi_rcu_tuning = (ccpi_rcu_tuning_s){ .pauses = 1 };
    rcu = ccp_rcu_new(&(ccp_rcu_opts){ .max_pending = max_pending, .no_membarrier = !fenced });
    sim_assert(rcu && ccp_rcu_get_info(rcu, &(ccp_rcu_info){ 0 }) == CCP_OK);
    ccp_rcu_ptr_set(&current, new_block());
}

/* So many threads leave in a section. */
static void end(int leave)
{
    sim_join();
    sim_assert(atomic_load_explicit(&ends, memory_order_relaxed) == leave); /* RU7 */
    wait_for_all();
    sim_assert(ccp_rcu_free(rcu) == CCP_OK);
    free_block(ccp_rcu_ptr_get(&current));
    sim_assert(ccp_live_blocks() == 0);
}

static void run_play(void *arg)
{
    const play *p = arg;
    int leave = 0;
    begin(p->fenced, p->max_pending);
    for (int i = 0; i < p->ops; i++) {
        leave += p->op[i] == READ_END;
        sim_spawn(act_out, (void *)(uintptr_t)&p->op[i]);
    }
    end(leave);
}

/* ---- Two grace periods at once ---- */

/* Who looks at a reader may find it in a section that is too old, and then in one that has begun
 * after another thread has begun an epoch more: of that one a third thread's section is still in
 * the way, which was looked at before.  Each reader does what it is told to, so that one preemption
 * is enough: of who looks, between its two looks at the first reader. */

enum { FIRST, SECOND, LOOKS, PARTS };

static ccpi_word32 go[PARTS], done[PARTS];

static void hand_over(ccpi_word32 *to)
{
    atomic_store(to, 1);
    ccpi_word_wake(to);
}

static void take_over_from(ccpi_word32 *w)
{
    while (atomic_load(w) == 0)
        (void)ccpi_word_wait(w, 0, CCPI_NEVER);
    atomic_store(w, 0);
}

/* Tells a reader to go on to its next stop, and waits until it is there. */
static void let(int reader)
{
    hand_over(&go[reader]);
    take_over_from(&done[reader]);
}

static void read_when_told(void *arg)
{
    int me = *(const int *)arg;
    sim_assert(ccp_rcu_register(rcu) == CCP_OK);
    for (int section = me; section < 2; section++) { /* two of the first one's, one of the second */
        hand_over(&done[me]);
        take_over_from(&go[me]);
        lock();
        const block *b = ccp_rcu_ptr_get(&current);
        hand_over(&done[me]);
        take_over_from(&go[me]);
        sim_assert(b->value == 1); /* RU1, RU4 */
        unlock();
    }
    hand_over(&done[me]);
}

static void defer_and_tell(void *arg)
{
    (void)arg;
    replace(DEFER);
    hand_over(&done[LOOKS]);
}

static void run_two_at_once(void *arg)
{
    static const int first = FIRST, second = SECOND;
    begin(*(const bool *)arg, 3); /* so a call that is deferred looks at once */
    sim_spawn(read_when_told, (void *)(uintptr_t)&first);
    take_over_from(&done[FIRST]);
    sim_spawn(read_when_told, (void *)(uintptr_t)&second); /* looked at before the first one */
    take_over_from(&done[SECOND]);
    let(FIRST); /* enters */
    sim_spawn(defer_and_tell, NULL);
    let(FIRST); /* leaves */
    let(SECOND);
    replace(DEFER);
    let(FIRST); /* enters */
    take_over_from(&done[LOOKS]);
    let(SECOND);
    let(FIRST);
    end(0);
}

/* ---- The pointer alone: what was done before is seen by who follows it, or takes it over ---- */

static ccp_rcu_ptr pointer;
static long said; /* plain: the explorer watches */

static void say(void *arg)
{
    said = 1;
    if (*(const bool *)arg)
        sim_assert(ccp_rcu_ptr_cas(&pointer, NULL, &said));
    else
        ccp_rcu_ptr_set(&pointer, &said);
}

static void follow(void *arg)
{
    (void)arg;
    if ((ccp_rcu_ptr_get)(&pointer) == &said) /* the function; others use the macro */
        sim_assert(said == 1);
}

static void take_over(void *arg)
{
    (void)arg;
    if (ccp_rcu_ptr_cas(&pointer, &said, &pointer))
        sim_assert(said == 1);
}

static void run_pointer(void *arg)
{
    said = 0;
    ccp_rcu_ptr_set(&pointer, NULL);
    sim_spawn(say, arg);
    sim_spawn(follow, NULL);
    sim_spawn(take_over, NULL);
    sim_join();
}

static void add_play(const play *p, const sim_options *o, const char *how)
{
    char ops[80] = "";
    size_t n = 0;
    for (int i = 0; i < p->ops; i++)
        n += (size_t)snprintf(ops + n, sizeof ops - n, "%s%s", i ? "+" : "",
                              operation_names[p->op[i]]);
    scene_add(run_play, scene_keep(p, sizeof *p), o, "%s.%s.most%zu.%s", how,
              p->fenced ? "fenced" : "plain", p->max_pending, ops);
}

/* Of three, one at least changes the pointer. */
static void add_triples(const play *p, const sim_options *o)
{
    static const sim_options some = { .mode = SIM_PCT, .n = 500 };
    for (int c = p->op[1]; c < OPERATIONS; c++) {
        play q = *p;
        q.ops = 3;
        q.op[2] = (operation)c;
        if (q.op[0] >= SYNC)
            add_play(&q, &some, "some"); /* three that wait: too many schedules */
        else if (q.op[2] >= SYNC)
            add_play(&q, o, "one");
    }
}

int main(int argc, char **argv)
{
    const sim_options few = { .mode = SIM_DFS, .preemptions = 1 };
    for (int fenced = 0; fenced < 2; fenced++)
        for (size_t most = 1; most <= 4; most += 3)
            for (int a = 0; a < OPERATIONS; a++)
                for (int b = a; b < OPERATIONS; b++) {
                    play p = { fenced, most, 2, { (operation)a, (operation)b } };
                    add_play(&p, NULL, "pair");
                    add_triples(&p, &few);
                }
    static const bool ways[] = { false, true };
    for (size_t i = 0; i < 2; i++)
        scene_add(run_two_at_once, (void *)(uintptr_t)&ways[i], &few, "one.%s.two_at_once",
                  ways[i] ? "fenced" : "plain");
    scene_add(run_pointer, (void *)(uintptr_t)&ways[0], NULL, "pair.pointer.set");
    scene_add(run_pointer, (void *)(uintptr_t)&ways[1], NULL, "pair.pointer.cas");
    return scene_main(argc, argv);
}
