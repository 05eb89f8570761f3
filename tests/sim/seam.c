/* SPDX-License-Identifier: MIT
 *
 * What the library takes from the machine, but for sleeping on words (seam_word.c) and its lock
 * (seam_lock.c), which can be the library's own instead.
 */
#include "sim_int.h"

#include "base/cpus.h"
#include "base/fork.h"
#include "base/machine.h"
#include "base/mem.h"
#include "base/tasks.h"
#include "base/thread.h"
#include "ccp.h"
#include "fork.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Time ---- */

int64_t ccpi_clock_now(void)
{
    int64_t t = sim_now();
    TRACE("clock", 0, t, PC());
    return t;
}

int64_t ccpi_clock_coarse(void)
{
    int64_t t = sim_now();
    TRACE("clock", 0, t, PC());
    return t;
}

uint64_t ccpi_ticks(void)
{
    if (!sim.active)
        return 0;
    /* A thread's own count, so that it does not depend on the others; now and then it jumps. */
    if (sim.o.mode == SIM_RANDOM || sim.o.mode == SIM_PCT)
        sim.self->ticks += sim_decide(2, 8) ? 50000 : 0;
    return ++sim.self->ticks;
}

/* ---- Processors ---- */

void ccpi_relax(void)
{
    if (sim.active)
        sim_relax();
}

void ccpi_yield(void)
{
    if (sim.active)
        sim_relax();
}

uint32_t ccpi_yield_alone(void)
{
    return 1;
}

unsigned ccpi_cpu_count(void)
{
    return 2;
}

uint32_t ccpi_cpu_share(void)
{
    return 2000;
}

unsigned ccp_cpu_count(void)
{
    return 2;
}

ccpi_cpu_used ccpi_cpu_used_here(void)
{
    return (ccpi_cpu_used){ 0, 0 };
}

uint32_t ccpi_cpu_clock_here(void)
{
    return 0;
}

int64_t ccpi_cpu_clock_read(uint32_t clock)
{
    return clock;
}

bool ccpi_cpus_are_ours(void)
{
    return false;
}

/* ---- Per thread: just above the stack, so it is gone when the thread has ended ---- */

static ccpi_self outside = { .rand = 1 };
static uint32_t self_gen[SIM_THREADS];

ccpi_self *ccpi_self_get(void)
{
    if (!sim.active)
        return &outside;
    thread *me = sim.self;
    ccpi_self *s = (ccpi_self *)(me->stack_top + 64);
    if (self_gen[me->id] != sim.gen) {
        self_gen[me->id] = sim.gen;
        memset((void *)s, 0, sizeof *s);
        s->rand = 1 + (uint32_t)me->id;
    }
    return s;
}

uint32_t ccpi_rand(void)
{
    if (sim.active && sim.o.rand_choices > 0)
        return (uint32_t)sim_choose(sim.o.rand_choices);
    ccpi_self *s = ccpi_self_get();
    s->rand ^= s->rand << 13;
    s->rand ^= s->rand >> 17;
    s->rand ^= s->rand << 5;
    return s->rand;
}

/* ---- Memory ---- */

static size_t live_blocks;
static uint32_t live_gen;

static void count(int n)
{
    if (live_gen != sim.gen)
        live_blocks = 0;
    live_gen = sim.gen;
    live_blocks += (size_t)n;
}

static void *allocate(size_t n, size_t align, uint32_t pc)
{
    void *p = sim.active ? heap_alloc(n, align, true, pc) : calloc(1, n);
    if (p)
        count(1);
    return p;
}

static void give_back(void *p, uint32_t pc)
{
    if (!p)
        return;
    count(-1);
    if (sim.active)
        heap_free(p, pc);
    else
        free(p);
}

void *ccpi_alloc(size_t n)
{
    return allocate(n, 16, PC());
}

void *ccpi_alloc_lines(size_t n)
{
    return allocate(n, CCPI_LINE, PC());
}

void ccpi_free(void *p)
{
    give_back(p, PC());
}

void ccpi_free_lines(void *p)
{
    give_back(p, PC());
}

size_t ccp_live_blocks(void)
{
    return live_gen == sim.gen ? live_blocks : 0;
}

ccp_status ccp_set_allocator(const ccp_allocator *a)
{
    (void)a;
    return CCP_BUSY; /* the explorer's heap stays */
}

/* ---- Threads ---- */

bool ccpi_thread_start(ccpi_thread *t, const ccpi_thread_opts *o, void (*fn)(void *), void *arg)
{
    (void)o;
    if (sim.fail_thread < sim.o.fail_thread && sim_decide(2, 4)) {
        sim.fail_thread++;
        return false;
    }
    t->handle = (uint64_t)sim_start(fn, arg);
    return true;
}

ccpi_thread ccpi_thread_self(void)
{
    return (ccpi_thread){ (uint64_t)sim_self() };
}

uint64_t ccpi_thread_id(void)
{
    return (uint64_t)sim_self() + 1;
}

/* Who looks at what a schedule has left is one more. */
size_t ccpi_task_count(void)
{
    return (size_t)sim.alive + !sim.active;
}

bool ccpi_task_name(uint64_t id, char name[CCPI_TASK_NAME])
{
    snprintf(name, CCPI_TASK_NAME, "T%d", (int)id - 1);
    return true;
}

void ccpi_thread_join(ccpi_thread t)
{
    sim_await((int)t.handle);
}

/* ---- Forks ---- */

static const ccpi_fork_part *parts[CCPI_FORK_PLACES];
static uint32_t parts_gen;

bool ccpi_fork_join(ccpi_fork_place at, const ccpi_fork_part *part)
{
    if (parts_gen != sim.gen)
        memset(parts, 0, sizeof parts);
    parts_gen = sim.gen;
    parts[at] = part;
    return true;
}

void sim_fork_prepare(void)
{
    for (int i = 0; i < CCPI_FORK_PLACES && parts_gen == sim.gen; i++)
        if (parts[i] && parts[i]->prepare)
            parts[i]->prepare();
}

void sim_fork_child(void)
{
    sim_end_others();
    for (int i = CCPI_FORK_PLACES - 1; i >= 0 && parts_gen == sim.gen; i--)
        if (parts[i])
            parts[i]->child();
}

void ccpi_check_failed(const char *what, const char *file, int line);
void ccpi_check_failed(const char *what, const char *file, int line)
{
    sim_fail("invariant broken: %s (%s:%d)", what, file, line);
}
