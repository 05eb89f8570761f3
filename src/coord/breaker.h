/* SPDX-License-Identifier: MIT
 *
 * Circuit breakers, seen from inside.
 *
 * Representation  `state` is all that a call needs to see to be let through or refused:
 *
 *      63                                   3   2   1    0
 *     +---------------------------------------+---+--------+
 *     |             generation                | R | state  |
 *     +---------------------------------------+---+--------+
 *   R  calls are refused until `until`: open, or half-open with all places taken.
 *
 *                 Successes are counted in cells, of which threads that meet in one choose others:
 *
 *      63   62          32 31              0
 *     +---+---------------+----------------+
 *     | G |  generation   |     count      |
 *     +---+---------------+----------------+
 *   G  it goes on counting.  Without it the word is 0.
 *   generation  its lowest 31 bits: a ticket would have to be kept for 2^31 generations to be
 *               mistaken for a new one.
 *
 * Invariants
 *   B1  All cells count, for the present generation, or none does (`stopped`); between sections
 *       under the lock they do if and only if it is closed and the last result that was not
 *       excluded is a success, or there is none.
 *   B2  So a count under the lock, and each rule, sees all results before it: whoever comes while
 *       cells are stopped needs the lock.
 *   B3  state and until change under the lock; until before R is set, and after the state before
 *       was replaced.
 *   B4  probing is the number of tickets of this generation that are out: 0 unless half-open.
 *   B5  counts is the sum of the buckets, if there are any, but for what is in cells.
 *   B6  At most one thread tells changes (`telling`), the first in the queue first.
 * Locks           `lock` protects what says so; no function of the program is called under it.
 */
#ifndef CCPI_COORD_BREAKER_H
#define CCPI_COORD_BREAKER_H

#include "base/atomic.h"
#include "base/lock.h"
#include "ccp.h"

#define CCPI_BREAKER_STATE(word) ((ccp_breaker_state)((word)&3))
#define CCPI_BREAKER_REFUSES ((uint64_t)4)
#define CCPI_BREAKER_GENERATION(word) ((word) >> 3)

#define CCPI_CELL_GOES_ON ((uint64_t)1 << 63)
#define CCPI_CELL_OF(g) (CCPI_CELL_GOES_ON | (uint64_t)(g) << 33 >> 1)
#define CCPI_CELL_COUNT ((uint64_t)UINT32_MAX)

#define CCPI_BREAKER_CHANGES 16 /* that wait to be told */

typedef struct ccpi_breaker_cell {
    _Alignas(CCPI_LINE) ccpi_word64 word; /* atomic, see above */
    ccpi_word32
        inside; /* atomic: functions of the program under way that have no lock to enter by */
} ccpi_breaker_cell;

typedef struct ccpi_breaker_tally {
    uint64_t successes, failures, excluded, slow;
} ccpi_breaker_tally;

typedef struct ccpi_breaker_change {
    ccp_breaker_state from, to;
} ccpi_breaker_change;

struct ccp_breaker {
    ccpi_word64 state;        /* atomic; changes under lock */
    ccpi_word64 until;        /* atomic; changes under lock: a time, see B3 */
    ccpi_word64 bucket_end;   /* atomic; changes under lock: a time; never without a window */
    ccpi_breaker_cell *cells; /* const after new */
    uint32_t cell_mask;       /* const */
    ccp_breaker_opts o;       /* const after new: no default is left */

    ccpi_lock lock;
    bool stopped, held, telling; /* under lock, as all that follows */
    unsigned probing;
    unsigned inside; /* calls of trip and judge under way */
    unsigned at;     /* the present bucket */
    ccp_breaker_counts counts;
    ccpi_breaker_tally *buckets; /* NULL: none but counts; the pointer is const after new */
    int64_t bucket_ns;
    unsigned changes, first_change;
    ccpi_breaker_change change[CCPI_BREAKER_CHANGES];
};

CCPI_INLINE ccp_breaker_state ccpi_breaker_state(const ccp_breaker *b)
{
    return CCPI_BREAKER_STATE(atomic_load_explicit(&b->state, CCPI_RLX));
}

CCPI_INLINE uint64_t ccpi_breaker_generation(const ccp_breaker *b)
{
    return CCPI_BREAKER_GENERATION(atomic_load_explicit(&b->state, CCPI_RLX));
}

CCPI_INLINE int64_t ccpi_breaker_until(const ccp_breaker *b)
{
    return (int64_t)atomic_load_explicit(&b->until, CCPI_RLX);
}

/* What follows is for who holds the lock. */

/* B1: from here on every success needs the lock.  Brings in what was counted. */
void ccpi_breaker_stop(ccp_breaker *b);

/* Forgets what is older than the window.  Cells are stopped. */
void ccpi_breaker_roll(ccp_breaker *b, int64_t now);

/* Q3: all begins anew, in that state. */
void ccpi_breaker_begin(ccp_breaker *b, ccp_breaker_state state, int64_t now);

/* Half-open: lets a call through, if there is a place. */
bool ccpi_breaker_let_probe(ccp_breaker *b, int64_t now);

/* Half-open: one that was let through is as if it had not asked. */
void ccpi_breaker_forget_probe(ccp_breaker *b);

/* Counts a result of this generation, and does what follows from it; without the lock for a moment,
 * if the program is asked.  False if no call is under way. */
bool ccpi_breaker_count(ccp_breaker *b, ccp_breaker_verdict v, bool slow);

/* Releases the lock; tells what has changed, unless another thread does so already (B6). */
void ccpi_breaker_leave(ccp_breaker *b);

#endif
