/* SPDX-License-Identifier: MIT
 *
 * Self-test of partial-order reduction: small random programs, whose sets of outcomes by DPOR and
 * by plain depth-first search must be the same; and must be among those of the weak model.
 *
 *     fuzz [programs [first seed]]
 */
#include "sim.h"

#include "base/lock.h"
#include "base/machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define STEPS 5

typedef enum step_kind {
    LOAD, STORE, ADD, CAS, LOCKED_ADD, WAIT, TIMED_WAIT, WAKE, CLOCK, CHOOSE, FENCE, SPAN, KINDS
} step_kind;

typedef struct step {
    step_kind kind;
    int variable, value;
    bool strong;
} step;

static step program[THREADS][STEPS];
static int length[THREADS], threads;
static ccpi_word32 x[3];
static ccpi_lock lock;
static unsigned counter;
static uint64_t seen[THREADS];
static struct {
    uint64_t begin, end;
    int thread;
} span[THREADS * STEPS]; /* operations of a history, in the order of their ends */
static int spans;

static const char *const kind_names[] = { "load", "store", "add", "cas", "locked add", "wait",
                                          "timed wait", "wake", "clock", "choose", "fence",
                                          "span" };

static uint64_t rng;

static unsigned dice(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)((rng * 0x2545F4914F6CDD1Du >> 33) % n);
}

static void generate(uint64_t seed)
{
    rng = (seed + 1) * 0x9E3779B97F4A7C15u;
    threads = 2 + (dice(3) == 0);
    for (int t = 0; t <= threads; t++) {
        length[t] = t == 0 ? (int)dice(3) : 1 + (int)dice(threads == 2 ? STEPS - 1 : 3);
        for (int i = 0; i < length[t]; i++) {
            step *s = &program[t][i];
            s->kind = (step_kind)(dice(3) == 0 ? dice(KINDS) : dice(4));
            if (s->kind == WAIT && dice(4) != 0)
                s->kind = TIMED_WAIT;
            s->variable = (int)dice(2 + (unsigned)threads / 3);
            s->value = (int)dice(3);
            s->strong = dice(2);
        }
    }
}

static uint64_t do_step(const step *s)
{
    ccpi_word32 *v = &x[s->variable];
    uint32_t old = (uint32_t)s->value;
    switch (s->kind) {
    case LOAD:
        return s->strong ? atomic_load_explicit(v, memory_order_seq_cst)
                         : atomic_load_explicit(v, memory_order_relaxed);
    case STORE:
        if (s->strong)
            atomic_store_explicit(v, (uint32_t)s->value, memory_order_release);
        else
            atomic_store_explicit(v, (uint32_t)s->value, memory_order_relaxed);
        return 0;
    case ADD: return atomic_fetch_add_explicit(v, 1, memory_order_acq_rel);
    case CAS: return atomic_compare_exchange_strong(v, &old, old + 1) ? 9 : old;
    case LOCKED_ADD: {
        ccpi_lock_acquire(&lock);
        unsigned n = counter++;
        ccpi_lock_release(&lock);
        return n;
    }
    case WAIT: return ccpi_word_wait(v, (uint32_t)s->value, CCPI_NEVER);
    case TIMED_WAIT: return ccpi_word_wait(v, (uint32_t)s->value, sim_now() + 1 + s->value);
    case WAKE: ccpi_word_wake(v); return 0;
    case CLOCK: return (uint64_t)ccpi_clock_now() % 16;
    case CHOOSE: return (uint64_t)sim_choose(2);
    case SPAN: {
        uint64_t began = sim_begin(true);
        uint32_t n = atomic_fetch_add_explicit(v, 1, memory_order_relaxed);
        uint64_t end = sim_end(true);
        span[spans].begin = began;
        span[spans].end = end;
        span[spans++].thread = sim_self();
        return n;
    }
    case FENCE: atomic_thread_fence(memory_order_seq_cst); return 0;
    default: return 0;
    }
}

static void run_thread(void *arg)
{
    int t = (int)(intptr_t)arg;
    uint64_t h = 0;
    for (int i = 0; i < length[t]; i++)
        h = sim_hash(h, do_step(&program[t][i]) + 1);
    seen[t] = h;
}

/* Which operation came before which, whatever the order of the table. */
static uint64_t order_of_spans(void)
{
    uint64_t sum = 0, name[THREADS * STEPS];
    int count[THREADS] = { 0 };
    for (int i = 0; i < spans; i++)
        name[i] = sim_hash((uint64_t)span[i].thread + 1, (uint64_t)++count[span[i].thread]);
    for (int i = 0; i < spans; i++)
        for (int k = 0; k < spans; k++)
            if (span[k].end < span[i].begin)
                sum += sim_hash(name[i], name[k]);
    return sum;
}

static void run_program(void *arg)
{
    (void)arg;
    for (int t = 1; t <= threads; t++)
        sim_spawn(run_thread, (void *)(intptr_t)t);
    run_thread((void *)0);
    sim_join();
    uint64_t h = sim_hash(counter, order_of_spans());
    for (int t = 0; t <= threads; t++)
        h = sim_hash(h, seen[t]);
    sim_merge(&h, sizeof h);
    h = sim_hash(h, length[0] & 1 ? (uint64_t)sim_choose(2) : 0);
    for (int i = 0; i < 3; i++)
        h = sim_hash(h, atomic_load_explicit(&x[i], memory_order_relaxed) + 1);
    sim_outcome(h);
}

static void print_program(uint64_t seed)
{
    printf("  program %llu:\n", (unsigned long long)seed);
    for (int t = 0; t <= threads; t++) {
        printf("    T%d:", t);
        for (int i = 0; i < length[t]; i++)
            printf(" %s(x%d, %d)%s", kind_names[program[t][i].kind], program[t][i].variable,
                   program[t][i].value, program[t][i].strong ? "" : "?");
        printf("\n");
    }
}

typedef struct outcome {
    sim_result r;
    uint64_t *set;
    size_t n;
} outcome;

static outcome explore(sim_options o)
{
    outcome x = { .r = sim_run(&o, run_program, NULL) };
    const uint64_t *set;
    x.n = sim_outcomes(&set);
    x.set = malloc((x.n + 1) * sizeof *set);
    if (!x.set)
        abort();
    memcpy(x.set, set, x.n * sizeof *set);
    return x;
}

static bool contains(const outcome *all, const outcome *some)
{
    size_t i = 0;
    for (size_t k = 0; k < some->n; k++) {
        while (i < all->n && all->set[i] < some->set[k])
            i++;
        if (i == all->n || all->set[i] != some->set[k])
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    long programs = argc > 1 ? atol(argv[1]) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    long compared = 0, failed = 0, weak_compared = 0, bad = 0, dpor_total = 0, dfs_total = 0;
    for (uint64_t seed = first; seed < first + (uint64_t)programs; seed++) {
        generate(seed);
        outcome dpor = explore((sim_options){ .mode = SIM_DPOR });
        outcome dfs = explore((sim_options){ .mode = SIM_DFS, .n = 30000 });
        bool both = (dfs.r.complete || dfs.r.failed) && !(dfs.r.failed && !dpor.r.failed);
        bool wrong = dfs.r.failed != dpor.r.failed && (dfs.r.complete || dfs.r.failed);
        if (dfs.r.complete && dpor.r.complete) {
            wrong |= dfs.n != dpor.n || !contains(&dfs, &dpor);
            outcome weak = explore((sim_options){ .mode = SIM_DFS, .weak = true, .n = 30000 });
            if (weak.r.complete) {
                weak_compared++;
                wrong |= !contains(&weak, &dfs);
            }
            free(weak.set);
        }
        compared += both;
        failed += dpor.r.failed;
        dpor_total += dpor.r.schedules;
        dfs_total += dfs.r.schedules;
        if (wrong && bad++ < 5) {
            printf("FAIL dpor %zu outcomes in %ld schedules (%s), dfs %zu in %ld (%s)\n", dpor.n,
                   dpor.r.schedules, dpor.r.message, dfs.n, dfs.r.schedules, dfs.r.message);
            print_program(seed);
        }
        free(dpor.set);
        free(dfs.set);
    }
    printf("%ld programs, %ld compared (%ld of them deadlock), %ld with the weak model too, %ld "
           "wrong; schedules: dpor %ld, dfs %ld\n",
           programs, compared, failed, weak_compared, bad, dpor_total, dfs_total);
    return bad != 0 || compared < programs / 2;
}
