/* SPDX-License-Identifier: MIT
 *
 * Backoffs: which waits follow each other.
 *
 * Representation  last_ is the last wait before jitter, of a decorrelated one as it was; step_
 *                 counts waits; rand_ is the state of the generator, 0 before it is seeded.
 */
/* uses: retry */
#include "base/machine.h"
#include "coord/retry.h"

#define DEFAULT_FIRST CCP_MS(100)

bool ccpi_backoff_is_right(const ccp_backoff *b)
{
    return (unsigned)b->kind <= CCP_BACKOFF_LIST && b->factor >= 0 && b->jitter >= 0 &&
           b->jitter <= 1 && b->first_ns >= 0 && b->max_ns >= 0 &&
           (b->kind != CCP_BACKOFF_LIST || (b->list && b->list_len > 0));
}

/* splitmix64: a number from 0 up to, and not including, 1. */
static double chance(ccp_backoff *b)
{
    if (b->rand_ == 0)
        b->rand_ = b->seed ? b->seed : (uint64_t)ccpi_rand() << 32 | ccpi_rand();
    uint64_t x = b->rand_ += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    return (double)(x >> 11) * 0x1p-53;
}

/* x as a whole number from 0 to max. */
static int64_t within(double x, int64_t max)
{
    if (!(x < (double)max)) /* INT64_MAX becomes 2^63 */
        return max;
    return x > 0 ? (int64_t)x : 0;
}

static int64_t first_of(const ccp_backoff *b)
{
    return b->first_ns || b->kind == CCP_BACKOFF_CONSTANT ? b->first_ns : DEFAULT_FIRST;
}

static int64_t max_of(const ccp_backoff *b)
{
    if (b->max_ns)
        return b->max_ns;
    if (b->kind >= CCP_BACKOFF_CONSTANT)
        return INT64_MAX;
    return within(100.0 * (double)first_of(b), INT64_MAX);
}

/* What it would be without jitter. */
static int64_t plain(const ccp_backoff *b)
{
    int64_t max = max_of(b), first = first_of(b);
    switch (b->kind) {
    case CCP_BACKOFF_LIST:
        return b->list[b->step_ < b->list_len ? b->step_ : b->list_len - 1];
    case CCP_BACKOFF_CONSTANT:
        return first;
    case CCP_BACKOFF_DECORRELATED:
        return within(3 * (double)(b->step_ ? b->last_ : first), max);
    default:
        if (b->step_ == 0)
            return within((double)first, max);
        return within((double)b->last_ * (b->factor > 0 ? b->factor : 2), max);
    }
}

int64_t ccp_backoff_next(ccp_backoff *b)
{
    if (!b || !ccpi_backoff_is_right(b))
        return 0;
    int64_t max = max_of(b), first = first_of(b), x = plain(b);
    b->last_ = x;
    b->step_ += b->step_ < SIZE_MAX;
    if (b->kind == CCP_BACKOFF_FULL_JITTER)
        return within(chance(b) * ((double)x + 1), x);
    if (b->kind == CCP_BACKOFF_DECORRELATED) {
        double span = (double)x - (double)first;
        b->last_ = within((double)first + chance(b) * (span > 0 ? span : 0), max);
        return b->last_;
    }
    if (b->jitter > 0)
        x = within((double)x * (1 + b->jitter * (2 * chance(b) - 1)), max);
    if (x < 0)
        return 0;
    return x < max ? x : max;
}
