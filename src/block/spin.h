/* SPDX-License-Identifier: MIT
 *
 * How a thread waits while it is awake.
 *
 * Pausing for some microseconds is cheaper than a sleep, if somebody on another processor is
 * about to act; it is a catastrophe if that somebody needs this processor.  So: pause for about
 * as long as waits took of late; then yield, and look at how long the yield took.  One that
 * returned at once means that nobody else wants this processor: pause on.  One that took long
 * let somebody run: yield a few times more, then sleep.
 *
 *     ccpi_spin s;
 *     ccpi_spin_begin(&s, pace, ...);
 *     while (ccpi_spin_once(&s))
 *         if (... try ...) { ccpi_spin_won(&s); return; }
 *     ... sleep
 *
 * Everything here is a hint.  Relaxed: a lost update costs a moment of time.
 */
#ifndef CCPI_BLOCK_SPIN_H
#define CCPI_BLOCK_SPIN_H

#include "base/atomic.h"

/* What the waits on one side of a channel have taught. */
typedef struct ccpi_pace {
    _Alignas(CCPI_LINE) ccpi_word32 average; /* 16 x moving average of the ticks that waits took */
    ccpi_word32 grain;  /* 16 x moving average of the pauses of waits that were short */
    ccpi_word32 defer;  /* 0..256: how often deferring a wake has paid */
    ccpi_word32 streak; /* waits in a row that were won on a shared processor */
    ccpi_word32 shared; /* waits that shall begin with a yield: the processor is needed */
    ccpi_word32 hog;    /* waits that shall sleep at once, because a busy program is about */
    ccpi_word64 fair;   /* ticks when the longest waiter was last preferred */
} ccpi_pace;

typedef struct ccpi_spin {
    ccpi_pace *pace;
    const ccpi_word64 *others; /* crowd of the other side: somebody awake there? */
    const ccpi_word64 *mine;   /* position of this side, */
    const ccpi_word64 *theirs; /* and of the other: did anything move while we yielded? */
    uint64_t began;
    uint64_t won_after; /* ticks to learn from if the next try succeeds */
    uint32_t quick, patient;
    uint32_t count;  /* pauses so far, in this phase */
    uint32_t shared; /* yields so far that let somebody else run */
    uint32_t phase;
} ccpi_spin;

void ccpi_pace_init(ccpi_pace *p);
/* burst: elements that can go without a wait once this one is over. */
void ccpi_spin_begin(ccpi_spin *s, ccpi_pace *pace, uint64_t burst, const ccpi_word64 *others,
                     const ccpi_word64 *mine, const ccpi_word64 *theirs);

/* One pause, while waits as short as of late are worth it; false: go on with ccpi_spin_linger(). */
bool ccpi_spin_quick(ccpi_spin *s);

/* One yield or pause after that; false: sleep now. */
bool ccpi_spin_linger(ccpi_spin *s);

/* Both, one after the other. */
CCPI_INLINE bool ccpi_spin_once(ccpi_spin *s)
{
    return ccpi_spin_quick(s) || ccpi_spin_linger(s);
}

/* The wait ended while awake. */
void ccpi_spin_won(const ccpi_spin *s);

/* The wait ended by a wake at `woken` ticks. */
void ccpi_spin_slept(const ccpi_spin *s, uint64_t woken);

#endif
