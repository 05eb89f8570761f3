/* SPDX-License-Identifier: MIT
 *
 * The policy of spinning; the reasons are in spin.h, the figures in docs/tuning.md.
 */
/* uses: tuning */
#include "block/spin.h"

#include "base/machine.h"
#include "block/tuning.h"

enum { QUICK, YIELD, PAUSE };

#define AVERAGE_SCALE 16
#define AVERAGE_FIRST 100
#define HOG_TICKS_PER_MOVE 400 /* some 10 us per element: nobody of ours was running */

static uint32_t get(const ccpi_word32 *w)
{
    return atomic_load_explicit(w, CCPI_RLX);
}

static void put(ccpi_word32 *w, uint32_t v)
{
    atomic_store_explicit(w, v, CCPI_RLX);
}

void ccpi_pace_init(ccpi_pace *p)
{
    atomic_init(&p->average, AVERAGE_FIRST * AVERAGE_SCALE);
}

/* Shall this wait begin with a yield?  It does for a while after a yield that let somebody run: the
 * processor is needed, perhaps by what we wait for.  Only if our partners have work to do between
 * two elements, and there is room for a burst that pays for a switch of threads. */
static bool yields_first(ccpi_pace *p, uint64_t burst)
{
    uint32_t shared = get(&p->shared);
    if (shared == 0 || burst < ccpi_tuning.shared_burst ||
        get(&p->grain) < ccpi_tuning.shared_grain * AVERAGE_SCALE)
        return false;
    put(&p->shared, shared - 1);
    return true;
}

void ccpi_spin_begin(ccpi_spin *s, ccpi_pace *pace, uint64_t burst, const ccpi_word64 *others,
                     const ccpi_word64 *mine, const ccpi_word64 *theirs)
{
    const ccpi_tuning_s *t = &ccpi_tuning;
    uint32_t average = get(&pace->average) / AVERAGE_SCALE;
    uint32_t budget = average > t->long_wait ? t->quick_min : 2 * average + t->quick_min;
    *s = (ccpi_spin){ .pace = pace, .others = others, .mine = mine, .theirs = theirs };
    s->quick = budget < t->quick_max ? budget : t->quick_max;
    if (average <= t->long_wait)
        s->patient = budget < t->patient_max ? budget : t->patient_max;
    s->began = ccpi_ticks();
    if (s->quick && yields_first(pace, burst))
        s->quick = 0;
}

static void average_in(ccpi_word32 *average, uint64_t value)
{
    uint64_t most = 2 * (uint64_t)ccpi_tuning.long_wait;
    int32_t sample = (int32_t)(value < most ? value : most) * AVERAGE_SCALE;
    uint32_t old = get(average);
    uint32_t now = old + (uint32_t)((sample - (int32_t)old) / 8);
    if (now != old)
        put(average, now);
}

void ccpi_spin_won(const ccpi_spin *s)
{
    average_in(&s->pace->average, s->phase == QUICK ? s->count : s->won_after);
    if (s->phase == QUICK) {
        average_in(&s->pace->grain, s->count);
        return;
    }
    uint32_t streak = get(&s->pace->streak);
    if (s->shared)
        put(&s->pace->streak, streak + 1);
    else if (streak)
        put(&s->pace->streak, 0);
}

void ccpi_spin_slept(const ccpi_spin *s, uint64_t woken)
{
    if (woken > s->began)
        average_in(&s->pace->average, s->shared ? UINT32_MAX : woken - s->began);
}

/* Shall this wait sleep without yielding first? */
static bool skip_yields(ccpi_pace *p)
{
    uint32_t hog = get(&p->hog);
    if (hog) {
        put(&p->hog, hog - 1);
        return true;
    }
    if (ccpi_tuning.streak && get(&p->streak) >= ccpi_tuning.streak) {
        put(&p->streak, 0);
        return true;
    }
    return false;
}

/* Was a yield eaten by a program that has nothing to do with us?  Then little moved meanwhile, and
 * it was not threads of ours, busy with other channels, that had the processors. */
static bool eaten(uint64_t took, uint64_t moved)
{
    return took > ccpi_tuning.hog_yield && moved < took / HOG_TICKS_PER_MOVE &&
           !ccpi_cpus_are_ours();
}

static uint64_t positions(const ccpi_spin *s)
{
    return atomic_load_explicit(s->mine, CCPI_RLX) + atomic_load_explicit(s->theirs, CCPI_RLX);
}

/* Yields once and judges by the time it took; false: sleep now. */
static bool yield_once(ccpi_spin *s)
{
    uint64_t position = positions(s), before = ccpi_ticks();
    ccpi_yield();
    uint64_t after = ccpi_ticks(), took = after - before;
    if (eaten(took, positions(s) - position))
        put(&s->pace->hog, ccpi_tuning.hog_skips);
    if (took > (uint64_t)ccpi_tuning.shared_yield * ccpi_yield_alone()) {
        put(&s->pace->shared, ccpi_tuning.shared_waits);
        s->won_after = UINT32_MAX;
        s->phase = YIELD;
        return s->shared++ < ccpi_tuning.shared_tries;
    }
    put(&s->pace->shared, 0);
    s->won_after = after - s->began;
    s->phase = PAUSE;
    s->count = 0;
    return true;
}

bool ccpi_spin_quick(ccpi_spin *s)
{
    if (s->phase != QUICK || s->count >= s->quick)
        return false;
    s->count++;
    ccpi_relax();
    return true;
}

bool ccpi_spin_linger(ccpi_spin *s)
{
    if (s->phase == QUICK)
        return !skip_yields(s->pace) && ccpi_tuning.pauses && yield_once(s);
    if (s->phase == YIELD)
        return yield_once(s);
    if (s->count++ < ccpi_tuning.pauses) {
        ccpi_relax();
        return true;
    }
    uint64_t waited = ccpi_ticks() - s->began;
    bool awake = (uint32_t)atomic_load_explicit(s->others, CCPI_RLX) != 0;
    if (waited < s->patient || (awake && waited < ccpi_tuning.in_flight))
        return yield_once(s);
    return false;
}
