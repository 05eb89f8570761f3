/* SPDX-License-Identifier: MIT
 *
 * What the files of the explorer share:
 *
 *   sched.c     threads, who is next, the run of one schedule, the driver
 *   sleep.c     how threads sleep, and are woken
 *   tree.c      depth-first search: all schedules, or one of each class of equivalent ones (DPOR)
 *   memory.c    who may touch what: regions, dead memory, data races
 *   atomics.c   atomic operations, sequentially consistent or weak
 *   heap.c      the simulated heap
 *   hooks.c     what the compiler calls
 *   seam*.c     what the library takes from the machine
 *   trace.c     steps in words, source locations, replay strings
 *   sim_main.c  the command line
 */
#ifndef SIM_INT_H
#define SIM_INT_H

#include "sim.h"

#include <string.h>

#define PC() ((uint32_t)(uintptr_t)__builtin_return_address(0)) /* linked with -no-pie */
#define BIT(i) ((uint16_t)(1u << (i)))

/* ---- Clocks ---- */

/* Counts events; a schedule has less than 32768 steps. */
typedef int16_t tick;
#define TICK_MAX 32000

typedef struct vclock {
    tick c[SIM_THREADS];
} vclock;

static inline void vclock_join(vclock *a, const vclock *b)
{
    for (int i = 0; i < SIM_THREADS; i++)
        a->c[i] = b->c[i] > a->c[i] ? b->c[i] : a->c[i];
}

/* What a thread knows, or a store publishes. */
typedef struct view {
    vclock hb;  /* what happens-before */
    vclock coh; /* weak: what coherence forbids to miss; at least hb, more after seq_cst fences */
    tick fence; /* weak: the step of the last seq_cst fence */
} view;

/* ---- Threads ---- */

#define STACK_SIZE ((size_t)64 << 10)
#define STACK_CELLS (STACK_SIZE / 8)

/* What the tree search knows about something that events of several threads meet at. */
typedef struct place {
    tick writer;   /* node of the last write; -1: none */
    bool released; /* a lock: release is set */
    uint16_t by[2]; /* threads that have read [MEET_READ], added [MEET_ADD] since */
    tick at[2][SIM_THREADS]; /* their last nodes */
    vclock release; /* a lock: what came before its last release */
} place;

/* Reads are independent of each other, and so are adds, whose order leaves no trace. */
typedef enum meet { MEET_READ, MEET_ADD, MEET_WRITE } meet;

typedef struct meeting {
    place *place;
    meet how;
} meeting;

typedef enum state {
    DEAD,
    LOCAL,  /* may run at once: it has not said what it does next */
    OP,     /* is about to do an operation on `access` */
    LOCK,   /* is about to take the lock at `address` */
    SLEEP,  /* on the word at `address` */
    JOIN,   /* waits for the end of thread `target`; -1: all it has spawned */
    SETTLE, /* waits until no other thread can go on */
    RELAX,  /* spins: is not run again before another thread has written */
    STATES
} state;

typedef struct thread {
    void *sp; /* while it does not run */
    state state;
    int id, parent, target;
    int accesses;
    meeting access[3];
    unsigned cas_size; /* the step is a compare-exchange at `address`: a write if it succeeds */
    uint64_t cas_expected;
    uintptr_t address;
    int64_t deadline;
    bool late; /* the last sleep timed out */
    uint64_t slept, relaxed; /* in the order of sim.order, sim.writes */
    uint64_t ticks; /* seam.c */
    uint32_t priority;
    int locks;
    view now;     /* its present */
    view acquire; /* what an acquire fence would add */
    view release; /* what a release fence made relaxed stores publish */
    vclock order; /* tree search: the nodes that its present depends on */
    void (*fn)(void *arg);
    void *arg;
    uintptr_t stack, stack_top;
    uint64_t cells[STACK_CELLS / 64]; /* a bit for each cell of its stack in use */
    unsigned lowest;                  /* no word before this one is set */
} thread;

/* ---- The explorer's state ---- */

typedef struct sim_state {
    sim_options o;
    bool active;   /* a schedule runs: the hooks are meant */
    bool tracing;
    uint32_t gen;  /* of the schedule: what is marked with an older one is void */
    int threads, alive;
    uint16_t in[STATES]; /* a bit for each thread that is in this state */
    bool alone; /* no other thread is alive, and all that were have been joined: no races */
    int steps;
    int stepped; /* who took the last one */
    uint64_t writes, order, history;
    int64_t clock;
    thread *self;
    thread thread[SIM_THREADS];
    place clock_place, history_place, spawn_place;
    vclock sc_fences; /* weak: coherence of all seq_cst fences so far */
    int stale, preemptions, spurious, fail_alloc, fail_thread, fail_cas; /* used in this schedule */
    uint64_t rng;
    bool failed, deadlock, cut, skipped, merged;
    bool forked; /* threads were cut off: what they had is nobody's */
    char message[512];
} sim_state;

extern sim_state sim;

static inline void set_state(thread *t, state s)
{
    sim.in[t->state] &= (uint16_t)~BIT(t->id);
    sim.in[s] |= BIT(t->id);
    t->state = s;
}

/* sched.c */
void sim_point(place *a, meet how);
void sim_point_of(thread *t, place *a, meet how_a, place *b, meet how_b);
void sim_reschedule(void);
/* Goes on where `to` was left, and leaves *save to come back to; NULL: the driver.  [switch.c] */
void sim_switch(void **save, void *to);
void sim_prepare(thread *t, void (*entry)(void));
void sim_outcomes_clear(void);
bool searching(void);
int on_turn(void);
_Noreturn void sim_leave(void); /* ends the schedule */
int sim_start(void (*fn)(void *), void *arg);
void sim_await(int target);
void sim_end_others(void);
void sim_sleep(place *queue, uintptr_t address, int64_t deadline);
void sim_wake(place *queue, uintptr_t address, int count);
void sim_lock(uint32_t *word, uint32_t pc);
void sim_unlock(uint32_t *word, uint32_t pc);
void sim_relax(void);
bool sim_spurious(void);
uint64_t sim_random(void);
int sim_decide(int n, int likely);

/* tree.c */
void tree_start(void);
void tree_begin(void);
bool tree_next(void);
int tree_pick(uint16_t enabled, bool self_ready);
int tree_choose(int n);
void tree_also(int thread);
bool tree_is_new(void); /* has the present schedule left all paths of former ones? */
static inline void place_reset(place *p)
{
    p->writer = -1;
    p->by[MEET_READ] = p->by[MEET_ADD] = 0;
    p->released = false;
}

/* memory.c */
typedef enum kind { ATOMIC_READ, PLAIN_READ, ATOMIC_WRITE, PLAIN_WRITE, FREED, POPPED } kind;
typedef struct loc loc;
void memory_start(void);
void memory_begin(void);
void memory_end(void);
void memory_access(uintptr_t a, unsigned size, kind k, uint32_t pc); /* a plain one */
loc *memory_atomic(loc *l, bool write, uint32_t pc); /* l: as it was before the step */
void memory_range(uintptr_t a, size_t size, kind k, uint32_t pc);
void memory_free(uintptr_t a, size_t size, uint32_t pc);
void memory_pop(thread *t, uintptr_t top);
void memory_forget(uintptr_t a, size_t size);
uint64_t memory_hash(void); /* of the static variables that have been written */
loc *memory_loc(uintptr_t a, unsigned size);

/* atomics.c */
#define HISTORY 16 /* weak: a load may see one of the last so many stores */
typedef struct message {
    uint64_t value;
    view release;
    tick step;
    bool sc;
} message;
typedef struct history {
    tick newest;
    message m[HISTORY];
    tick seen_count[SIM_THREADS];
    struct {
        tick epoch, index;
    } seen[SIM_THREADS][HISTORY];
} history;
struct loc {
    uintptr_t address;
    loc *next;
    uint8_t size;
    bool hint;  /* see sim_hint() */
    bool dirty; /* weak: plain code wrote it since */
    uint8_t dirty_by;
    uint16_t by[2]; /* threads that have read, written it: */
    tick at[2][SIM_THREADS];     /* when, in their own clocks */
    uint32_t pc[2][SIM_THREADS]; /* and where */
    place place, queue;
    view release; /* SC: what an acquire load of the present value learns */
    history *history; /* weak */
};
void atomics_begin(void);
void atomics_new(loc *l);
void view_join(view *a, const view *b);
void lock_acquired(loc *l);
void lock_released(loc *l);
uint64_t atomic_op(uintptr_t a, unsigned size, int op, uint64_t v, int order, uint32_t pc);
bool atomic_cas(uintptr_t a, unsigned size, uint64_t *expected, uint64_t v, int order,
                int fail_order, bool weak, uint32_t pc);
void atomic_fence(int order, uint32_t pc);
void atomic_fence_everywhere(uint32_t pc);
void sim_locals_end(void); /* the running thread ends */
enum { OP_LOAD, OP_STORE, OP_SWAP, OP_ADD, OP_SUB, OP_AND, OP_OR, OP_XOR, OP_NAND };
static inline uint64_t raw_load(uintptr_t a, unsigned size)
{
    uint64_t v = 0;
    switch (size) {
    case 1: return *(volatile uint8_t *)a;
    case 2: return *(volatile uint16_t *)a;
    case 4: return *(volatile uint32_t *)a;
    default: v = *(volatile uint64_t *)a; return v;
    }
}
static inline void raw_store(uintptr_t a, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *(volatile uint8_t *)a = (uint8_t)v; break;
    case 2: *(volatile uint16_t *)a = (uint16_t)v; break;
    case 4: *(volatile uint32_t *)a = (uint32_t)v; break;
    default: *(volatile uint64_t *)a = v; break;
    }
}

/* heap.c: the heap and the stacks lie in one piece of memory, the arena */
#define HEAP_SIZE ((size_t)1 << 20)
#define ARENA_SIZE (HEAP_SIZE + SIM_THREADS * STACK_SIZE)
extern uintptr_t arena;
void heap_start(void);
void heap_begin(void);
void heap_check_leaks(void);
bool heap_fails(void);
bool heap_check_access(uintptr_t a, uint32_t pc);
void *heap_alloc(size_t size, size_t align, bool clear, uint32_t pc);
void heap_free(void *p, uint32_t pc);
size_t heap_size(const void *p); /* of a block; 0: it is none */
uint64_t heap_hash(void);
bool heap_describe(uintptr_t a, char *out, size_t size);

/* trace.c */
void trace_begin(void);
void trace_step(const char *op, uintptr_t a, uint64_t value, uint32_t pc);
#define TRACE(op, a, value, pc) \
    do {                        \
        if (sim.tracing)        \
            trace_step((op), (uintptr_t)(a), (uint64_t)(value), (pc)); \
    } while (0)
void trace_print(void);
void trace_expand(char *text, size_t size);
void trace_describe(uintptr_t a, char *out, size_t size);
void record_begin(void);
void record_choice(bool thread, int value);
int record_replayed(bool thread); /* -1: the recording is at its end */
void record_load(const char *replay);
char *record_string(void);

#endif
