/* SPDX-License-Identifier: MIT
 *
 * How many workers a pool shall have; the invariants are in pool_tune.h.
 */
#include "flow/pool_tune.h"

#define LOOKS 8           /* a window has at least so many, */
#define TASKS_LEAST 64    /* and so many tasks: then chance makes a tenth of the rate, */
#define TASKS_TO_COMPARE 256
#define TASKS_MOST 1024
#define TASKS_PER 32      /* or as many as tell the rates of both sizes apart: this over the square
                           * of their difference */
#define LOOKS_EARLY 16    /* looks, even if few tasks have ended: then one more is tried */

#define STALL 4           /* looks: tasks that take a look each may by chance not end in one */
#define REST_MOST 64      /* windows: then tries that change nothing take one window in 64 */
#define USED_UP 0.9       /* of the processors: the rest is lost between tasks */
#define OTHER_LOAD 1.5    /* times the rate, or a part */
#define WORTH 0.5         /* N4 */
#define LOSS 0.25

void ccpi_tuner_init(ccpi_tuner *t, unsigned least, unsigned most, unsigned size)
{
    *t = (ccpi_tuner){ .least = least, .most = most, .next_rest = 1 };
    t->size = size < least ? least : size > most ? most : size;
}

void ccpi_tuner_pause(ccpi_tuner *t)
{
    t->seen = t->begun = false;
    t->still = t->computed = 0;
    t->from = 0; /* N2 */
}

/* Another size; `from` if that is a try. */
static void set_size(ccpi_tuner *t, unsigned size, unsigned from)
{
    t->size = size;
    t->from = from;
    t->begun = false;
    t->still = t->computed = 0;
}

/* N5 */
static void rest(ccpi_tuner *t)
{
    t->rest = t->next_rest;
    t->rate_resting = t->rate;
    if (t->next_rest < REST_MOST)
        t->next_rest *= 2;
}

static void no_rest(ccpi_tuner *t)
{
    t->rest = 0;
    t->next_rest = 1;
}

void ccpi_tuner_deny(ccpi_tuner *t, unsigned size)
{
    if (size >= t->size)
        return;
    set_size(t, size > t->least ? size : t->least, 0);
    rest(t);
}

void ccpi_tuner_bound(ccpi_tuner *t, unsigned most)
{
    t->most = most;
    if (t->least > most)
        t->least = most;
    set_size(t, t->size > most ? most : t->size, 0);
    no_rest(t);
}

/* ---- sizes ---- */

static unsigned whole(uint32_t cpus)
{
    return (cpus + 999) / 1000;
}

/* The next size up, not more than tasks wait for, nor than `room` workers more. */
static unsigned up(const ccpi_tuner *t, unsigned waiting, unsigned room)
{
    unsigned step = t->size / 2 ? t->size / 2 : 1;
    step = step < waiting ? step : waiting;
    step = step < room ? step : room;
    return step < t->most - t->size ? t->size + step : t->most;
}

/* The next size down: what `up` comes from. */
static unsigned down(const ccpi_tuner *t, unsigned floor)
{
    unsigned step = t->size / 3 ? t->size / 3 : 1;
    floor = floor > t->least ? floor : t->least;
    return t->size >= floor + step ? t->size - step : floor < t->size ? floor : t->size;
}

/* ---- what windows tell ---- */

/* N4 */
static bool is_worth_it(const ccpi_tuner *t, double rate)
{
    double sizes = (double)t->size / t->from - 1, rates = rate / t->rate - 1;
    return t->rate == 0 || rates >= sizes * (sizes > 0 ? WORTH : LOSS);
}

/* Ends a try that is not kept; the next one goes the other way. */
static void take_back(ccpi_tuner *t)
{
    t->down = t->size > t->from;
    set_size(t, t->from, 0);
    rest(t);
}

/* False if the try is over and its size not kept. */
static bool judge(ccpi_tuner *t, double rate)
{
    if (is_worth_it(t, rate)) {
        t->from = 0;
        no_rest(t);
        return true;
    }
    take_back(t);
    return false;
}

/* Begins a try, if there is one to make. */
static void try_another(ccpi_tuner *t, const ccpi_sight *s, double used)
{
    double cpus = s->cpus / 1000.0;
    bool used_up = used >= USED_UP * cpus; /* N3 */
    double room = used > 0 ? t->size * (cpus / used - 1) + 1 : UINT16_MAX;
    unsigned size;
    if (used_up)
        size = down(t, whole(s->cpus)); /* N7 */
    else if (t->down)
        size = down(t, 1);
    else
        size = up(t, s->waiting, room < UINT16_MAX ? (unsigned)room : UINT16_MAX);
    if (size != t->size)
        set_size(t, size, t->size);
    else if (!used_up)
        t->down = !t->down; /* at a bound */
}

static bool is_other_load(const ccpi_tuner *t, double rate)
{
    return rate > t->rate_resting * OTHER_LOAD || rate * OTHER_LOAD < t->rate_resting;
}

static void end_window(ccpi_tuner *t, const ccpi_sight *s)
{
    double took = (double)(s->now - t->first.now);
    double rate = (double)(s->finished - t->first.finished) / took;
    double used = (double)(s->spent - t->first.spent) / took;
    t->first = *s;
    t->looks = 0;
    if (t->from && !judge(t, rate))
        return;
    t->rate = rate;
    if (t->rest && is_other_load(t, rate)) { /* N5 */
        no_rest(t);
        t->down = false;
    }
    if (t->rest)
        t->rest--;
    else
        try_another(t, s, used);
}

/* ---- looks ---- */

static uint64_t tasks_to_judge(const ccpi_tuner *t)
{
    if (!t->from)
        return t->down ? TASKS_TO_COMPARE : TASKS_LEAST;
    double sizes = (double)t->size / t->from - 1, tasks = TASKS_PER / (sizes * sizes);
    return tasks < TASKS_LEAST ? TASKS_LEAST : tasks > TASKS_MOST ? TASKS_MOST : (uint64_t)tasks;
}

static void look_at_window(ccpi_tuner *t, const ccpi_sight *s)
{
    if (!t->begun) {
        t->begun = true;
        t->first = *s;
        t->looks = 0;
        return;
    }
    t->looks++;
    uint64_t tasks = s->finished - t->first.finished;
    bool early = t->looks >= LOOKS_EARLY && tasks && !t->from && !t->rest && !t->down;
    if ((t->looks >= LOOKS && tasks >= tasks_to_judge(t)) || early)
        end_window(t, s);
}

/* N6 */
static bool stalls(ccpi_tuner *t, const ccpi_sight *s)
{
    if (s->taken != t->last.taken || s->finished != t->last.finished) {
        t->still = t->computed = 0;
        return false;
    }
    if (s->computing > t->computed)
        t->computed = s->computing;
    if (++t->still < STALL)
        return false;
    bool all_blocked = t->computed < whole(s->cpus);
    t->still = t->computed = 0;
    if (!all_blocked || t->size == t->most)
        return false;
    if (t->size < t->from) { /* fewer are too few */
        take_back(t);
    } else {
        set_size(t, up(t, s->waiting, UINT32_MAX), 0);
        no_rest(t);
    }
    return true;
}

void ccpi_tuner_look(ccpi_tuner *t, const ccpi_sight *s)
{
    if (!s->waiting) {
        ccpi_tuner_pause(t);
        return;
    }
    if (t->seen && !stalls(t, s) && s->settled)
        look_at_window(t, s);
    t->last = *s;
    t->seen = true;
}
