/* SPDX-License-Identifier: MIT
 *
 * Self-test of the explorer's memory models: litmus programs with the exact sets of outcomes that
 * they may have.  Each runs three times: exhaustively with DPOR and with plain depth-first search
 * under sequential consistency, whose sets must be the same, and exhaustively in the weak model.
 *
 * An outcome is written as the digits of r[0], r[1], ...; the weak sets are those of RC11, but for
 * the line that says what the explorer does not show.  NULL: whatever DPOR gave (one variable alone
 * is sequentially consistent in every model).
 */
#include "sim.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int x, y, z;
static int data;
static int r[4];

#define LOAD(v, order) atomic_load_explicit(&(v), memory_order_##order)
#define STORE(v, n, order) atomic_store_explicit(&(v), n, memory_order_##order)
#define ADD(v, n, order) atomic_fetch_add_explicit(&(v), n, memory_order_##order)
#define SWAP(v, n, order) atomic_exchange_explicit(&(v), n, memory_order_##order)
#define FENCE(order) atomic_thread_fence(memory_order_##order)

static int cas(atomic_int *v, int from, int to, memory_order order)
{
    return atomic_compare_exchange_strong_explicit(v, &from, to, order, memory_order_relaxed);
}

#define SB(name, so, lo, fence)     \
    static void name##_0(void)      \
    {                               \
        STORE(x, 1, so);            \
        fence;                      \
        r[0] = LOAD(y, lo);         \
    }                               \
    static void name##_1(void)      \
    {                               \
        STORE(y, 1, so);            \
        fence;                      \
        r[1] = LOAD(x, lo);         \
    }
SB(sb_relaxed, relaxed, relaxed, (void)0)
SB(sb_acq_rel, release, acquire, (void)0)
SB(sb_seq_cst, seq_cst, seq_cst, (void)0)
SB(sb_fences, relaxed, relaxed, FENCE(seq_cst))
SB(sb_weak_fences, relaxed, relaxed, FENCE(acq_rel))

static void sb_one_fence_1(void)
{
    STORE(y, 1, relaxed);
    r[1] = LOAD(x, relaxed);
}
static void sb_swap_0(void)
{
    SWAP(x, 1, seq_cst);
    r[0] = LOAD(y, seq_cst);
}
static void sb_swap_1(void)
{
    SWAP(y, 1, seq_cst);
    r[1] = LOAD(x, seq_cst);
}
static void sb_swap_relaxed_0(void)
{
    SWAP(x, 1, seq_cst);
    r[0] = LOAD(y, relaxed);
}
static void sb_add_zero_0(void)
{
    STORE(x, 1, relaxed);
    r[0] = ADD(y, 0, acq_rel);
}
static void sb_add_zero_1(void)
{
    STORE(y, 1, relaxed);
    r[1] = ADD(x, 0, acq_rel);
}

static void mp_relaxed_0(void)
{
    STORE(x, 1, relaxed);
    STORE(y, 1, relaxed);
}
static void mp_relaxed_1(void)
{
    r[0] = LOAD(y, relaxed);
    r[1] = LOAD(x, relaxed);
}
static void mp_release_0(void)
{
    STORE(x, 1, relaxed);
    STORE(y, 1, release);
}
static void mp_acquire_1(void)
{
    r[0] = LOAD(y, acquire);
    r[1] = LOAD(x, relaxed);
}
static void mp_fence_0(void)
{
    STORE(x, 1, relaxed);
    FENCE(release);
    STORE(y, 1, relaxed);
}
static void mp_fence_1(void)
{
    r[0] = LOAD(y, relaxed);
    FENCE(acquire);
    r[1] = LOAD(x, relaxed);
}
static void mp_swap_0(void)
{
    STORE(x, 1, relaxed);
    SWAP(y, 1, release);
}
static void mp_cas_1(void)
{
    r[0] = cas(&y, 1, 2, memory_order_acquire);
    r[1] = LOAD(x, relaxed);
}
static void mp_cas_relaxed_1(void)
{
    r[0] = cas(&y, 1, 2, memory_order_relaxed);
    r[1] = LOAD(x, relaxed);
}
static void relseq_add_1(void)
{
    ADD(y, 1, relaxed);
}
static void relseq_2(void)
{
    r[0] = LOAD(y, acquire);
    r[1] = LOAD(x, relaxed);
}
static void relseq_store_1(void)
{
    if (LOAD(y, relaxed) == 1)
        STORE(y, 2, relaxed);
}

static void lb_0(void)
{
    r[0] = LOAD(x, relaxed);
    STORE(y, 1, relaxed);
}
static void lb_1(void)
{
    r[1] = LOAD(y, relaxed);
    STORE(x, 1, relaxed);
}

#define IRIW(name, so, lo, fence)   \
    static void name##_0(void)      \
    {                               \
        STORE(x, 1, so);            \
    }                               \
    static void name##_1(void)      \
    {                               \
        STORE(y, 1, so);            \
    }                               \
    static void name##_2(void)      \
    {                               \
        r[0] = LOAD(x, lo);         \
        fence;                      \
        r[1] = LOAD(y, lo);         \
    }                               \
    static void name##_3(void)      \
    {                               \
        r[2] = LOAD(y, lo);         \
        fence;                      \
        r[3] = LOAD(x, lo);         \
    }
IRIW(iriw_acq, release, acquire, (void)0)
IRIW(iriw_sc, seq_cst, seq_cst, (void)0)
IRIW(iriw_fences, relaxed, relaxed, FENCE(seq_cst))

static void write_x1(void)
{
    STORE(x, 1, relaxed);
}
static void write_x2(void)
{
    STORE(x, 2, relaxed);
}
static void write_x12(void)
{
    STORE(x, 1, relaxed);
    STORE(x, 2, relaxed);
}
static void read_xx_01(void)
{
    r[0] = LOAD(x, relaxed);
    r[1] = LOAD(x, relaxed);
}
static void read_xx_23(void)
{
    r[2] = LOAD(x, relaxed);
    r[3] = LOAD(x, relaxed);
}
static void corw_1(void)
{
    r[0] = LOAD(x, relaxed);
    STORE(x, 2, relaxed);
}
static void cowr_0(void)
{
    STORE(x, 1, relaxed);
    r[0] = LOAD(x, relaxed);
}

static void wrc_1(void)
{
    r[0] = LOAD(x, relaxed);
    STORE(y, 1, release);
}
static void wrc_2(void)
{
    r[1] = LOAD(y, acquire);
    r[2] = LOAD(x, relaxed);
}
static void isa2_0(void)
{
    STORE(x, 1, relaxed);
    STORE(y, 1, release);
}
static void isa2_1(void)
{
    r[0] = LOAD(y, acquire);
    STORE(z, 1, release);
}
static void isa2_2(void)
{
    r[1] = LOAD(z, acquire);
    r[2] = LOAD(x, relaxed);
}

#define R_TEST(name, fence)      \
    static void name##_0(void)   \
    {                            \
        STORE(x, 1, relaxed);    \
        fence;                   \
        STORE(y, 1, relaxed);    \
    }                            \
    static void name##_1(void)   \
    {                            \
        STORE(y, 2, relaxed);    \
        fence;                   \
        r[0] = LOAD(x, relaxed); \
    }
R_TEST(r_relaxed, (void)0)
R_TEST(r_fences, FENCE(seq_cst))

static void s_0(void)
{
    STORE(x, 2, relaxed);
    STORE(y, 1, release);
}
static void s_1(void)
{
    r[0] = LOAD(y, acquire);
    STORE(x, 1, relaxed);
}
static void w22_0(void)
{
    STORE(x, 1, relaxed);
    STORE(y, 2, relaxed);
}
static void w22_1(void)
{
    STORE(y, 1, relaxed);
    STORE(x, 2, relaxed);
}
static void add_0(void)
{
    r[0] = ADD(x, 1, relaxed);
}
static void add_1(void)
{
    r[1] = ADD(x, 1, relaxed);
}
static void cas_0(void)
{
    r[0] = cas(&x, 0, 1, memory_order_relaxed);
}
static void cas_1(void)
{
    r[1] = cas(&x, 0, 2, memory_order_relaxed);
}

/* Mixed: a relaxed store before a seq_cst one is not made visible by the latter's order alone. */
static void sc_mixed_0(void)
{
    STORE(y, 1, relaxed);
    STORE(x, 1, seq_cst);
}
static void sc_mixed_1(void)
{
    FENCE(seq_cst);
    r[0] = LOAD(x, relaxed);
    r[1] = LOAD(y, relaxed);
}
/* Z6: seq_cst stores and loads around a relaxed one, where C11's order and RC11's agree. */
static void fence_then_sc_0(void)
{
    STORE(x, 1, relaxed);
    FENCE(seq_cst);
    r[0] = LOAD(y, seq_cst);
}
static void fence_then_sc_1(void)
{
    STORE(y, 1, seq_cst);
    r[1] = LOAD(x, seq_cst);
}
static void dekker_0(void) /* announce by a read-modify-write, then look: the parker's pattern */
{
    ADD(x, 1, seq_cst);
    r[0] = LOAD(y, seq_cst);
}
static void dekker_1(void)
{
    r[2] = cas(&y, 0, 1, memory_order_seq_cst);
    r[1] = LOAD(x, seq_cst);
}
static void data_0(void)
{
    data = 7;
    STORE(y, 1, release);
}
static void data_1(void)
{
    r[0] = LOAD(y, acquire);
    r[1] = r[0] ? data : 0;
}

typedef struct litmus {
    const char *name;
    void (*thread[4])(void);
    int digits;       /* of the outcome: r[0] ... */
    bool with_memory; /* then the last values of x and y are digits too */
    const char *sc, *weak;
} litmus;

static const litmus tests[] = {
    { "SB relaxed", { sb_relaxed_0, sb_relaxed_1 }, 2, false, "01 10 11", "00 01 10 11" },
    { "SB release/acquire", { sb_acq_rel_0, sb_acq_rel_1 }, 2, false, "01 10 11", "00 01 10 11" },
    { "SB seq_cst", { sb_seq_cst_0, sb_seq_cst_1 }, 2, false, "01 10 11", "01 10 11" },
    { "SB seq_cst fences", { sb_fences_0, sb_fences_1 }, 2, false, "01 10 11", "01 10 11" },
    { "SB acq_rel fences", { sb_weak_fences_0, sb_weak_fences_1 }, 2, false, "01 10 11",
      "00 01 10 11" },
    { "SB one fence", { sb_fences_0, sb_one_fence_1 }, 2, false, "01 10 11", "00 01 10 11" },
    { "SB seq_cst exchange", { sb_swap_0, sb_swap_1 }, 2, false, "01 10 11", "01 10 11" },
    { "SB exchange against fence", { sb_swap_relaxed_0, sb_fences_1 }, 2, false, "01 10 11",
      "00 01 10 11" },
    { "SB add zero", { sb_add_zero_0, sb_add_zero_1 }, 2, false, "01 10 11", "01 10 11" },
    { "SB fence against seq_cst", { fence_then_sc_0, fence_then_sc_1 }, 2, false, "01 10 11",
      "01 10 11" },
    { "Dekker by RMW", { dekker_0, dekker_1 }, 3, false, "011 101 111", "011 101 111" },
    { "MP relaxed", { mp_relaxed_0, mp_relaxed_1 }, 2, false, "00 01 11", "00 01 10 11" },
    { "MP release only", { mp_release_0, mp_relaxed_1 }, 2, false, "00 01 11", "00 01 10 11" },
    { "MP acquire only", { mp_relaxed_0, mp_acquire_1 }, 2, false, "00 01 11", "00 01 10 11" },
    { "MP release/acquire", { mp_release_0, mp_acquire_1 }, 2, false, "00 01 11", "00 01 11" },
    { "MP fences", { mp_fence_0, mp_fence_1 }, 2, false, "00 01 11", "00 01 11" },
    { "MP release fence, acquire", { mp_fence_0, mp_acquire_1 }, 2, false, "00 01 11", "00 01 11" },
    { "MP release, acquire fence", { mp_release_0, mp_fence_1 }, 2, false, "00 01 11", "00 01 11" },
    { "MP release fence only", { mp_fence_0, mp_relaxed_1 }, 2, false, "00 01 11", "00 01 10 11" },
    { "MP release RMW, acquire CAS", { mp_swap_0, mp_cas_1 }, 2, false, "00 01 11", "00 01 11" },
    { "MP release RMW, relaxed CAS", { mp_swap_0, mp_cas_relaxed_1 }, 2, false, "00 01 11",
      "00 01 10 11" },
    { "MP plain data", { data_0, data_1 }, 2, false, "00 17", "00 17" },
    { "Release sequence, RMW", { mp_release_0, relseq_add_1, relseq_2 }, 2, false,
      "00 01 10 11 21", "00 01 10 11 21" },
    { "Release sequence, store", { mp_release_0, relseq_store_1, relseq_2 }, 2, false,
      "00 01 11 21", "00 01 11 20 21" },
    /* RC11 forbids 11. */
    { "LB", { lb_0, lb_1 }, 2, false, "00 01 10", "00 01 10" },
    { "IRIW release/acquire", { iriw_acq_0, iriw_acq_1, iriw_acq_2, iriw_acq_3 }, 4, false,
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111",
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111" },
    { "IRIW seq_cst", { iriw_sc_0, iriw_sc_1, iriw_sc_2, iriw_sc_3 }, 4, false,
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111",
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111" },
    { "IRIW fences", { iriw_fences_0, iriw_fences_1, iriw_fences_2, iriw_fences_3 }, 4, false,
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111",
      "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111" },
    { "CoRR", { write_x12, read_xx_01 }, 2, false, "00 01 02 11 12 22", "00 01 02 11 12 22" },
    { "CoRR, two readers", { write_x1, write_x2, read_xx_01, read_xx_23 }, 4, false, NULL, NULL },
    { "CoRW", { write_x1, corw_1 }, 1, true, "010 020 120", "010 020 120" },
    { "CoWR", { cowr_0, write_x2 }, 1, true, "110 120 220", "110 120 220" },
    { "WRC", { write_x1, wrc_1, wrc_2 }, 3, false, "000 001 010 011 100 101 111",
      "000 001 010 011 100 101 111" },
    { "ISA2", { isa2_0, isa2_1, isa2_2 }, 3, false, "000 001 010 011 100 101 111",
      "000 001 010 011 100 101 111" },
    { "R relaxed", { r_relaxed_0, r_relaxed_1 }, 1, true, "011 111 112", "011 012 111 112" },
    { "R fences", { r_fences_0, r_fences_1 }, 1, true, "011 111 112", "011 111 112" },
    { "S", { s_0, s_1 }, 1, true, "011 021 111", "011 021 111" },
    /* RC11 allows x = 1, y = 1 (11); the modification order of the explorer does not. */
    { "2+2W", { w22_0, w22_1 }, 0, true, "12 21 22", "12 21 22" },
    { "RMW is atomic", { add_0, add_1 }, 2, true, "0120 1020", "0120 1020" },
    { "CAS is atomic", { cas_0, cas_1 }, 2, true, "0120 1010", "0120 1010" },
    { "seq_cst store, fence", { sc_mixed_0, sc_mixed_1 }, 2, false, "00 01 11", "00 01 10 11" },
};

static const litmus *running;

static void thread_body(void *arg)
{
    ((const litmus *)running)->thread[(int)(intptr_t)arg]();
}

static void body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4 && running->thread[i]; i++)
        sim_spawn(thread_body, (void *)(intptr_t)i);
    sim_join();
    uint64_t outcome = 1;
    for (int i = 0; i < running->digits; i++)
        outcome = outcome * 10 + (uint64_t)r[i];
    if (running->with_memory)
        outcome = (outcome * 10 + (uint64_t)LOAD(x, relaxed)) * 10 + (uint64_t)LOAD(y, relaxed);
    sim_outcome(outcome);
}

static void outcomes_as_text(char *text, size_t size)
{
    const uint64_t *set;
    size_t n = sim_outcomes(&set), at = 0;
    text[0] = 0;
    for (size_t i = 0; i < n && at + 24 < size; i++) {
        char digits[24];
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)set[i]);
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "", digits + 1);
    }
}

static int check(const litmus *t, const char *how, const sim_options *o, const char *expected,
                 char *got, size_t size)
{
    running = t;
    sim_result s = sim_run(o, body, NULL);
    outcomes_as_text(got, size);
    bool good = !s.failed && s.complete && (!expected || strcmp(got, expected) == 0);
    printf("%-4s %-28s %-10s %8ld schedules  %s\n", good ? "ok" : "FAIL", t->name, how,
           s.schedules, expected ? got : "");
    if (!good)
        printf("  expected %s%s%s\n", expected ? expected : "anything",
               s.failed ? "; failed: " : "", s.message);
    return !good;
}

int main(void)
{
    static char dpor[4096], dfs[4096], weak[4096];
    int bad = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        const litmus *t = &tests[i];
        bad += check(t, "dpor", &(sim_options){ .mode = SIM_DPOR }, t->sc, dpor, sizeof dpor);
        bad += check(t, "dfs", &(sim_options){ .mode = SIM_DFS }, t->sc, dfs, sizeof dfs);
        if (strcmp(dpor, dfs) != 0) {
            printf("FAIL %s: DPOR and depth-first search differ\n", t->name);
            bad++;
        }
        bad += check(t, "dfs-weak", &(sim_options){ .mode = SIM_DFS, .weak = true, .stale = 8 },
                     t->weak ? t->weak : dpor, weak, sizeof weak);
    }
    printf("%d litmus programs, %d wrong\n", (int)(sizeof tests / sizeof *tests), bad);
    return bad != 0;
}
