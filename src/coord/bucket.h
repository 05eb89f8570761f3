/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of token buckets, without threads.
 *
 * A plan is a rate and a burst from one moment on, its base.  Tokens are counted in units: a token
 * is 2^k of them.  From the base on the plan produces a number of units that depends on the time
 * alone, and a bucket is one number beside it, how far it has been used:
 *
 *     tokens at t  =  min(burst, produced(t) - used)       negative: so many are owed
 *     to take n    :  used = max(used, produced(t) - burst) + n
 *     it may act   :  from the t on at which produced(t) >= used
 *
 * Invariants
 *   T1  produced() never falls when time goes on.  So whoever takes with an early t gets less.
 *   T2  used never falls by a take, and each leaves it at produced(t) - burst + n at least; it is
 *       produced(t) at most for those who may act at once.  So what was given at times in [a, b]
 *       is at most burst + produced(b) - produced(a), in whatever order it was written down.
 *   T3  A unit is what the rate gives in 1/2 to 1 ns, or less if it gives more than a token per ns.
 *       If the burst takes longer to fill than 2^50 of these, a unit takes a 2^50th of that time.
 *       produced() is rounded to the base, to units; its factor is rounded up, by a 2^61st
 *       of it, or by a 2^51st if a token takes years.
 *   T4  -2^52 <= used < CCPI_BUCKET_TOP, burst <= 2^51 units.
 */
#ifndef CCPI_COORD_BUCKET_H
#define CCPI_COORD_BUCKET_H

#include "base/wide.h"

#define CCPI_BUCKET_TOP ((int64_t)1 << 53)
#define CCPI_BUCKET_FAR ((int64_t)1 << 52) /* units from which on a plan begins anew */
#define CCPI_BUCKET_REACH 51                      /* a plan reaches for 2^51 ns at most */
#define CCPI_BUCKET_INFINITE ((uint64_t)1 << 16)

/* Constant once made.  Eight words, for rate.c. */
typedef struct ccpi_plan {
    int64_t base;      /* time */
    uint64_t factor;   /* units per ns, times 2^(shift + 52); 0: there are none */
    uint64_t far;      /* ns after the base to which it reaches */
    uint64_t burst;    /* tokens */
    uint64_t shape;    /* k, shift << 8, CCPI_BUCKET_INFINITE */
    double per_second; /* as it was asked for */
    double mark;       /* tokens that plans before this one had used when used was 0 here */
    uint64_t number;   /* of plans of this bucket, from 1 on */
} ccpi_plan;

/* Makes a plan, but for base, mark and number; false if such a rate or burst cannot be. */
bool ccpi_plan_make(ccpi_plan *p, double per_second, uint64_t burst);

CCPI_INLINE unsigned ccpi_plan_k(const ccpi_plan *p)
{
    return p->shape & 255;
}

CCPI_INLINE bool ccpi_plan_is_infinite(const ccpi_plan *p)
{
    return (p->shape & CCPI_BUCKET_INFINITE) != 0;
}

CCPI_INLINE int64_t ccpi_plan_units(const ccpi_plan *p, uint64_t tokens)
{
    return (int64_t)(tokens << ccpi_plan_k(p));
}

/* Is t neither before the base nor too far after it? */
CCPI_INLINE bool ccpi_plan_reaches(const ccpi_plan *p, int64_t t)
{
    return t >= p->base && (uint64_t)t - (uint64_t)p->base <= p->far;
}

/* Units in so many ns, to which the plan reaches. */
CCPI_INLINE int64_t ccpi_plan_units_in(uint64_t ns, uint64_t factor, uint64_t shape)
{
    return (int64_t)(ccpi_mul_high(ns << 12, factor) >> (shape >> 8 & 63));
}

/* Units until t, which the plan reaches. */
CCPI_INLINE int64_t ccpi_plan_produced(const ccpi_plan *p, int64_t t)
{
    return ccpi_plan_units_in((uint64_t)t - (uint64_t)p->base, p->factor, p->shape);
}

/* The same for any t; beyond the reach it may be 2^12 units less. */
int64_t ccpi_plan_produced_ever(const ccpi_plan *p, int64_t t);

/* The first t with so many units; INT64_MAX if there will not be. */
int64_t ccpi_plan_when(const ccpi_plan *p, int64_t units);

/* How far a bucket is used once n units are taken when so many have been produced. */
CCPI_INLINE int64_t ccpi_plan_use(int64_t used, int64_t produced, int64_t burst, int64_t n)
{
    int64_t full = produced - burst;
    return (used > full ? used : full) + n;
}

/* Tokens in it at t. */
double ccpi_plan_tokens(const ccpi_plan *p, int64_t used, int64_t t);

/* Begins the next plan with the tokens that the bucket has at t by the last one; gives used. */
int64_t ccpi_plan_follow(ccpi_plan *next, const ccpi_plan *last, int64_t used, int64_t t);

/* units of the last plan in those of the next, rounded up. */
int64_t ccpi_plan_convert_up(const ccpi_plan *next, const ccpi_plan *last, int64_t units);

/* Tokens that all plans together have used. */
double ccpi_plan_mark(const ccpi_plan *p, int64_t used);

#endif
