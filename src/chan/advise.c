/* SPDX-License-Identifier: MIT
 *
 * What figures of a channel say: of what there should be more.  Arithmetic, without threads.
 */
#include "ccp.h"

#define OFTEN 0.1     /* of the time: a side that is held up so often is too often */
#define MOSTLY 0.5    /* receivers may well wait; it is worth a word if they do nothing else */
#define USED 4        /* a part of the capacity */
#define SMALL 16      /* elements, that are no waste */
#define TURNED_AWAY 0.01
#define MOST_PER_SECOND 1e12
#define MOST_WORKERS 65536
#define MOST_ELEMENTS 1e9

/* ---- what was seen ---- */

static double part(int64_t before, int64_t after, int64_t time)
{
    double x = (double)(after - before) / (double)time;
    return x > 0 ? x : 0;
}

static const char *judge(const ccp_chan_advice *a, ccp_advice *what)
{
    *what = CCP_ADVICE_TOO_SMALL;
    if (a->full >= OFTEN && a->empty >= OFTEN)
        return "both sides wait in turns: with more room they would not";
    *what = CCP_ADVICE_SLOW_CONSUMERS;
    if (a->full >= OFTEN)
        return "senders wait for room, and receivers do not wait: they are too slow, or too few";
    *what = CCP_ADVICE_SLOW_PRODUCERS;
    if (a->empty >= MOSTLY)
        return "receivers wait most of the time: senders are too slow, or there is little to do";
    *what = CCP_ADVICE_TOO_LARGE;
    if (a->capacity > SMALL && a->high_water <= a->capacity / USED && a->passed)
        return "most of its room was never used";
    *what = CCP_ADVICE_FINE;
    return a->passed ? "neither side waits often" : "nothing went through it";
}

ccp_status ccp_chan_advise(const ccp_chan_stats *before, const ccp_chan_stats *after,
                           ccp_chan_advice *out)
{
    if (!before || !after || !out || after->at_ns <= before->at_ns)
        return CCP_INVAL;
    int64_t time = after->at_ns - before->at_ns;
    *out = (ccp_chan_advice){
        .capacity = after->info.capacity,
        .high_water = after->info.high_water,
        .passed = after->info.received - before->info.received,
        .full = part(before->send.some_ns, after->send.some_ns, time),
        .empty = part(before->receive.some_ns, after->receive.some_ns, time),
        .senders = part(before->send.blocked_ns, after->send.blocked_ns, time),
        .receivers = part(before->receive.blocked_ns, after->receive.blocked_ns, time),
    };
    out->why = judge(out, &out->what);
    return CCP_OK;
}

/* ---- what is to be expected ---- */

/* Erlang's C: the part of arrivals that find all c workers busy, with a load of a < c of them. */
static double part_that_waits(double a, unsigned c)
{
    double lost = 1; /* Erlang's B: the same if there were no queue */
    for (unsigned k = 1; k <= c; k++)
        lost = a * lost / (k + a * lost);
    double rho = a / c;
    return lost / (1 - rho * (1 - lost));
}

/* The least n with first * ratio^n <= limit, ratio < 1; at most 2^30, which is more than
 * MOST_ELEMENTS. */
static double steps_down(double first, double ratio, double limit)
{
    double powers[30] = { ratio }, n = 1; /* ratio^(2^k) */
    if (first <= limit)
        return 0;
    for (int k = 1; k < 30; k++)
        powers[k] = powers[k - 1] * powers[k - 1];
    for (int k = 29; k >= 0; k--)
        if (first * powers[k] > limit) {
            first *= powers[k];
            n += (double)((uint32_t)1 << k);
        }
    return n;
}

static bool is_absurd(const ccp_load *l)
{
    return !(l->per_second > 0) || !(l->per_second <= MOST_PER_SECOND) || l->service_ns <= 0 ||
           l->workers == 0 || l->workers > MOST_WORKERS || l->latency_ns < 0 ||
           !(l->turned_away >= 0 && l->turned_away < 1);
}

ccp_status ccp_chan_recommend(const ccp_load *l, ccp_chan_plan *out)
{
    if (!l || !out || is_absurd(l))
        return CCP_INVAL;
    double service = (double)l->service_ns, load = l->per_second * service / 1e9;
    double limit = l->turned_away > 0 ? l->turned_away : TURNED_AWAY;
    *out = (ccp_chan_plan){ .utilization = load / l->workers };
    out->workers = load < MOST_WORKERS ? (unsigned)load + 1 : MOST_WORKERS;
    double may = l->latency_ns ? (double)l->latency_ns * l->workers / service : MOST_ELEMENTS;
    may = may < MOST_ELEMENTS ? may : MOST_ELEMENTS;
    double n = 2 * MOST_ELEMENTS; /* none is large enough */
    out->keeps_up = out->utilization < 1;
    if (out->keeps_up) {
        double waits = part_that_waits(load, l->workers);
        double wait = waits * service / (l->workers * (1 - out->utilization));
        out->wait_ns = wait < 9e18 ? (int64_t)wait : INT64_MAX;
        n = steps_down(waits, out->utilization, limit);
    }
    out->in_time = n <= may;
    out->capacity = (size_t)(out->in_time ? n : may);
    return CCP_OK;
}
