/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of token buckets; the invariants are in bucket.h.
 */
#include "coord/bucket.h"

#include "base/machine.h"

#define NS_PER_SECOND 1000000000u
#define LEAST 1e-10 /* per second; what is below is a rate of 0 */
#define MOST 1e12   /* per second; from here on it is infinite */
#define BURST_MOST ((uint64_t)1 << 51)

/* T3: units are made finer until one is a nanosecond at most, as far as the burst allows. */
static unsigned choose_k(double per_ns, uint64_t burst)
{
    unsigned k = 0;
    while (per_ns < 1 && burst << (k + 1) <= BURST_MOST && k < 51) {
        per_ns *= 2;
        k++;
    }
    return k;
}

/* per_second is an integer of 53 bits times 2^-e, without an error. */
static void set_factor(ccpi_plan *p, unsigned k)
{
    const double bits53 = 9007199254740992.0;
    double whole = p->per_second;
    unsigned e = 0;
    while (whole * 2 < bits53) {
        whole *= 2;
        e++;
    }
    p->factor = ccpi_shift_div_up((uint64_t)whole, 39, NS_PER_SECOND);
    unsigned shift = 39 + e - k - 52;
    for (; shift > 63; shift--)
        p->factor = (p->factor + 1) / 2;
    p->shape = k | shift << 8;
}

/* ns until so many units, after the base. */
static uint64_t ns_until(const ccpi_plan *p, uint64_t units)
{
    return ccpi_shift_div_up(units, 52 + (p->shape >> 8 & 63), p->factor);
}

bool ccpi_plan_make(ccpi_plan *p, double per_second, uint64_t burst)
{
    if (!(per_second >= 0) || burst > BURST_MOST)
        return false;
    *p = (ccpi_plan){ .far = (uint64_t)1 << CCPI_BUCKET_REACH,
                      .burst = burst,
                      .per_second = per_second };
    if (per_second >= MOST)
        p->shape = CCPI_BUCKET_INFINITE;
    else if (per_second >= LEAST) {
        set_factor(p, choose_k(per_second / NS_PER_SECOND, burst));
        uint64_t far = ns_until(p, (uint64_t)CCPI_BUCKET_FAR);
        p->far = far < p->far ? far : p->far;
    }
    return true;
}

/* Units in any number of ns below 2^63; not more than 2^60. */
static int64_t units_ever(const ccpi_plan *p, uint64_t ns)
{
    unsigned shift = p->shape >> 8 & 63;
    uint64_t units = ccpi_mul_high(ns, p->factor);
    if (ns >> 52 == 0)
        return ccpi_plan_units_in(ns, p->factor, p->shape);
    if (shift >= 12)
        units >>= shift - 12;
    else
        units = units >> (48 + shift) ? (uint64_t)1 << 60 : units << (12 - shift);
    return (int64_t)(units >> 60 ? (uint64_t)1 << 60 : units);
}

int64_t ccpi_plan_produced_ever(const ccpi_plan *p, int64_t t)
{
    if (ccpi_plan_reaches(p, t))
        return ccpi_plan_produced(p, t);
    bool before = t < p->base;
    uint64_t away = before ? (uint64_t)p->base - (uint64_t)t : (uint64_t)t - (uint64_t)p->base;
    int64_t units = units_ever(p, away < INT64_MAX ? away : INT64_MAX);
    return before ? -units : units;
}

int64_t ccpi_plan_when(const ccpi_plan *p, int64_t units)
{
    if (units <= 0)
        return p->base;
    if (p->factor == 0)
        return INT64_MAX;
    int64_t ns = (int64_t)ns_until(p, (uint64_t)units);
    return ccpi_time_after(p->base, ns);
}

static int64_t units_left(const ccpi_plan *p, int64_t used, int64_t t)
{
    int64_t burst = ccpi_plan_units(p, p->burst), left = ccpi_plan_produced_ever(p, t) - used;
    return left < burst ? left : burst;
}

static double as_tokens(const ccpi_plan *p, int64_t units)
{
    return (double)units / (double)((uint64_t)1 << ccpi_plan_k(p));
}

double ccpi_plan_tokens(const ccpi_plan *p, int64_t used, int64_t t)
{
    return as_tokens(p, units_left(p, used, t));
}

double ccpi_plan_mark(const ccpi_plan *p, int64_t used)
{
    return p->mark + as_tokens(p, used);
}

/* left units by the last plan, in those of the next: rounded down, never out of reach. */
static int64_t convert(const ccpi_plan *next, const ccpi_plan *last, int64_t left)
{
    int64_t burst = ccpi_plan_units(next, next->burst);
    double units = as_tokens(last, left) * (double)((uint64_t)1 << ccpi_plan_k(next));
    if (units >= (double)burst)
        return burst;
    if (units <= -(double)CCPI_BUCKET_FAR)
        return -CCPI_BUCKET_FAR;
    int64_t whole = (int64_t)units;
    return (double)whole > units ? whole - 1 : whole;
}

int64_t ccpi_plan_convert_up(const ccpi_plan *next, const ccpi_plan *last, int64_t units)
{
    return -convert(next, last, -units);
}

int64_t ccpi_plan_follow(ccpi_plan *next, const ccpi_plan *last, int64_t used, int64_t t)
{
    int64_t left = last->number == 0 || ccpi_plan_is_infinite(last)
                       ? ccpi_plan_units(next, next->burst)
                       : convert(next, last, units_left(last, used, t));
    next->base = t;
    next->number = last->number + 1;
    next->mark = ccpi_plan_mark(last, used) - as_tokens(next, -left);
    return -left;
}
