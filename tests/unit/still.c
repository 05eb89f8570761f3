/* SPDX-License-Identifier: MIT
 *
 *   S1  Time goes back in still_set() only.
 *   S2  items[] is in the order of time, and of coming for the same time.
 */
#include "still.h"

#include "base/machine.h"
#include "support.h"

enum { ITEMS = 64, TICKS_PER_LOOK = 1000 };

typedef struct item {
    int64_t at;
    void (*fn)(void *arg);
    void *arg;
} item;

static int64_t now = 1;
static item items[ITEMS];
static size_t count;
static size_t sleeps;
static uint64_t ticks;

void still_set(int64_t t)
{
    MUST(t > 0);
    now = t;
    count = 0;
    sleeps = 0;
}

void still_at(int64_t t, void (*fn)(void *arg), void *arg)
{
    MUST(count < ITEMS);
    size_t i = count++;
    for (; i > 0 && items[i - 1].at > t; i--)
        items[i] = items[i - 1];
    items[i] = (item){ t, fn, arg };
}

static void move_to(int64_t t)
{
    if (t > now)
        now = t;
}

/* Runs the next item if it is due by t. */
static bool run_next(int64_t t)
{
    if (count == 0 || items[0].at > t)
        return false;
    item first = items[0];
    count--;
    memmove(items, items + 1, count * sizeof *items);
    move_to(first.at);
    first.fn(first.arg);
    return true;
}

void still_advance(int64_t ns)
{
    MUST(ns >= 0 && ns <= INT64_MAX - now);
    int64_t end = now + ns;
    while (run_next(end))
        ;
    move_to(end);
}

size_t still_sleeps(void)
{
    return sleeps;
}

/* ---- The machine ---- */

int64_t ccpi_clock_now(void)
{
    return now;
}

int64_t ccpi_clock_coarse(void)
{
    return now;
}

bool ccpi_word_wait(ccpi_word32 *w, uint32_t expect, int64_t deadline)
{
    sleeps++;
    while (atomic_load(w) == expect) {
        if (run_next(deadline))
            continue;
        if (deadline == CCPI_NEVER)
            must_failed("something can end this sleep", __FILE__, __LINE__);
        move_to(deadline);
        return true;
    }
    return false;
}

void ccpi_word_wake(ccpi_word32 *w)
{
    (void)w; /* the sleeper looks after each item */
}

/* Each look at the clock of spinning moves it on, so spinning ends, after the same number of looks
 * each time. */
uint64_t __wrap_ccpi_ticks(void);
uint64_t __wrap_ccpi_ticks(void)
{
    return ticks += TICKS_PER_LOOK;
}
